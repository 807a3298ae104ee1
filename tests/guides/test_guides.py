"""The programs of ``docs/guides/`` do what their pages say."""

from __future__ import annotations

import io
import json
import re
import socket
import threading
import time
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import anyio
import pytest
from aiohttp import web

import tidewire
from tests.guides.programs import FOLDER, PATIENCE_S, load, started
from tidewire import init_chat_model
from tidewire.events import End, Event, Run, Start
from tidewire.testing import Fail, Reply, SimRequest, Simulator

PROGRAMS = sorted(page.stem for page in FOLDER.glob("*.py"))

KEY = "a-key-that-nobody-shall-see"

on_asyncio = pytest.mark.parametrize("anyio_backend", ["asyncio"])


@asynccontextmanager
async def served(app: web.Application) -> AsyncGenerator[str]:
    """The address of an application that runs as its program runs it."""
    runner = web.AppRunner(app, handler_cancellation=True)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
        await tidewire.aclose()


def model_at(simulator: Simulator, **parameters: Any) -> tidewire.ChatModel:
    return init_chat_model("openai:demo", base_url=simulator.openai_url, api_key=KEY, **parameters)


# ---------------------------------------------------------------- the service


@on_asyncio
async def test_the_service_answers_many_at_once() -> None:
    service = load("service")
    async with served(service.build_app(init_chat_model("embedded:demo"))) as url, aiohttp.ClientSession() as session:
        answers: dict[int, Any] = {}

        async def ask(number: int) -> None:
            async with session.post(f"{url}/ask", json={"question": f"What is {number}?"}) as response:
                assert response.status == 200
                answers[number] = await response.json()

        async with anyio.create_task_group() as group:
            for number in range(50):
                group.start_soon(ask, number)
        assert sorted(answers) == list(range(50))
        assert all(answer["answer"] and answer["usage"]["output_tokens"] > 0 for answer in answers.values())


@on_asyncio
@pytest.mark.parametrize(
    ("fail", "status", "header"),
    [
        (Fail(status=429, retry_after_s=7), 503, "7"),
        (Fail(status=503), 503, "1"),
        (Fail(status=400), 502, None),
        (Fail(status=401), 502, None),
        (Fail(kind="cut", after_tokens=1), 502, None),
        (Fail(kind="stall_before_head"), 504, None),
    ],
    ids=["limited", "overloaded", "refused", "wrong-key", "cut", "silent"],
)
async def test_the_service_says_whose_fault_it_is(fail: Fail, status: int, header: str | None) -> None:
    service = load("service")
    with Simulator(script=[fail]) as simulator:
        timeout = tidewire.Timeout(first_event=0.2) if status == 504 else None
        model = model_at(simulator, max_retries=0, timeout=timeout)
        async with (
            served(service.build_app(model)) as url,
            aiohttp.ClientSession() as session,
            session.post(f"{url}/ask", json={"question": "Hello?"}) as response,
        ):
            assert (response.status, response.headers.get("retry-after")) == (status, header)
            assert KEY not in await response.text()


@on_asyncio
async def test_the_service_refuses_what_is_no_question_and_more_than_it_can_take() -> None:
    service = load("service")
    app = service.build_app(init_chat_model("embedded:demo"))
    async with served(app) as url, aiohttp.ClientSession() as session:
        async with session.post(f"{url}/ask", json={"query": "Hello?"}) as response:
            assert response.status == 400
            assert "question" in await response.text()
        app[service.LOAD].running = service.MOST_AT_ONCE
        async with session.post(f"{url}/ask", json={"question": "Hello?"}) as response:
            assert (response.status, response.headers["retry-after"]) == (503, "1")


@on_asyncio
async def test_the_service_stops_a_call_whose_client_has_left() -> None:
    service = load("service")
    with Simulator(script=[Fail(kind="stall_before_head")]) as simulator:
        async with served(service.build_app(model_at(simulator))) as url, aiohttp.ClientSession() as session:
            async with anyio.create_task_group() as group:
                group.start_soon(lambda: session.post(f"{url}/ask", json={"question": "Hello?"}))
                await simulator.await_until(lambda sim: len(sim.requests) == 1, PATIENCE_S)
                group.cancel_scope.cancel()
            await simulator.await_until(lambda sim: sim.requests[0].outcome == "disconnected", PATIENCE_S)


def test_the_service_answers_what_runs_before_it_stops() -> None:
    told = threading.Event()

    def speak(_request: SimRequest) -> Reply:
        assert told.wait(PATIENCE_S)
        return Reply("At last.")

    with (
        Simulator(script=speak) as simulator,
        started(
            "service", "--port", "0", MODEL="openai:demo", OPENAI_BASE_URL=simulator.openai_url, OPENAI_API_KEY="any"
        ) as program,
    ):
        url = program.read_line().removeprefix("listening on ")
        got: list[Any] = []

        async def ask() -> None:
            async with (
                aiohttp.ClientSession() as session,
                session.post(f"{url}/ask", json={"question": "Are you there?"}) as response,
            ):
                got.append((response.status, await response.json()))

        asking = threading.Thread(target=anyio.run, args=(ask,))
        asking.start()
        simulator.wait_until(lambda sim: len(sim.requests) == 1, PATIENCE_S)
        program.terminate()
        assert program.read_line() == "stopping; 1 still to answer"
        with pytest.raises(ConnectionRefusedError):  # by then it listens no more
            socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2])), PATIENCE_S)
        time.sleep(0.2)  # a service that did not wait would have cut it off by now
        told.set()
        asking.join(PATIENCE_S)
        assert [(status, answer["answer"]) for status, answer in got] == [(200, "At last.")]
        assert len(simulator.requests) == 1  # nor was it cut off and tried again
        assert program.wait() == 0


# ---------------------------------------------------------------- the page fed by server-sent events


def events_of(body: str) -> list[tuple[str, Any]]:
    """The server-sent events of a body."""
    found = re.findall(r"event: (\w+)\ndata: (.+)\n\n", body)
    return [(event, json.loads(data)) for event, data in found]


@on_asyncio
async def test_the_page_gets_an_answer_piece_by_piece() -> None:
    sse_page = load("sse_page")
    model = init_chat_model("embedded:demo", script=[Reply(["High ", "and\n", "low."])])
    async with served(sse_page.build_app(model)) as url, aiohttp.ClientSession() as session:
        async with session.get(url) as page:
            assert page.content_type == "text/html"
            assert "/answer?question=" in await page.text()
        async with session.get(f"{url}/answer", params={"question": "What is a tide?"}) as response:
            assert response.content_type == "text/event-stream"
            *pieces, (last, usage) = events_of(await response.text())
    assert pieces == [("text", "High "), ("text", "and\n"), ("text", "low.")]
    assert last == "done"
    assert usage["output_tokens"] == 3


@on_asyncio
async def test_the_page_is_told_when_an_answer_breaks_off() -> None:
    sse_page = load("sse_page")
    with Simulator(script=[Fail(kind="reset", after_tokens=2)]) as simulator:
        async with (
            served(sse_page.build_app(model_at(simulator))) as url,
            aiohttp.ClientSession() as session,
            session.get(f"{url}/answer") as response,
        ):
            events = events_of(await response.text())
    assert [event for event, _ in events] == ["text", "text", "failed"]


@on_asyncio
async def test_leaving_the_page_stops_the_call_upstream() -> None:
    sse_page = load("sse_page")
    # The provider sends three pieces and then nothing for ever: only leaving ends this call.
    with Simulator(script=[Fail(kind="stall", after_tokens=3)]) as simulator:
        async with served(sse_page.build_app(model_at(simulator))) as url, aiohttp.ClientSession() as session:
            async with session.get(f"{url}/answer") as response:
                for _ in range(3):
                    assert await response.content.readline() == b"event: text\n"
                    assert (await response.content.readline()).startswith(b'data: "')
                    assert await response.content.readline() == b"\n"
                assert simulator.requests[0].outcome == "open"
                response.close()
            await simulator.await_until(lambda sim: sim.requests[0].outcome == "disconnected", PATIENCE_S)


# ---------------------------------------------------------------- the pipeline


@on_asyncio
async def test_the_pipeline_feeds_every_sink(tmp_path: Path) -> None:
    pipeline = load("pipeline")
    screen = io.StringIO()
    log = tmp_path / "events.ndjson"
    metrics = await pipeline.run_pipeline(pipeline.make_model(), 12, log, screen)
    assert metrics.outcomes == {("demo", "ok"): 11, ("demo", "error"): 1}
    assert metrics.retries == {"demo": 1}
    assert len(metrics.first_token_s["demo"]) == 11
    assert "11 ok" in metrics.table()

    lines = [json.loads(line) for line in log.read_text().splitlines()]
    kinds = Counter(line["event"]["type"] for line in lines)
    assert kinds["start"] == kinds["end"] == 13  # twelve calls, and the run around them
    ends = {line["name"]: line["event"] for line in lines if line["event"]["type"] == "end"}
    for name, end in ends.items():
        texts = [line["event"]["text"] for line in lines if line["name"] == name and line["event"]["type"] == "token"]
        if end["outcome"] == "ok" and name != "survey":
            assert end["output"]["data"]["content"] == "".join(texts)
    assert sum(end["usage"]["output_tokens"] for end in ends.values() if end["usage"]) == metrics.tokens["demo"]
    assert "question 3: " in screen.getvalue()


# ---------------------------------------------------------------- the batch


def test_the_batch_goes_on_where_it_was_stopped(tmp_path: Path) -> None:
    results = tmp_path / "results.ndjson"
    arguments = ("--count", "2000", "--results", str(results))
    with started("batch", *arguments, "--per-second", "10") as program:  # all of it would take minutes
        while not program.is_over() and (not results.exists() or results.stat().st_size == 0):
            time.sleep(0.01)
        program.interrupt()
        assert program.wait() == 130
    batch = load("batch")
    first = batch.read_done(results, "embedded:demo")
    assert 0 < len(first) < 2000

    with started("batch", *arguments) as program:
        assert program.read_line() == f"2 failed, each with its error in {results}"
        assert program.wait() == 1
    lines = [json.loads(line) for line in results.read_text().splitlines()]
    answered = Counter(line["number"] for line in lines if "answer" in line)
    assert answered == Counter(number for number in range(2000) if number not in (666, 1666))  # each once
    assert {line["number"] for line in lines if "error" in line} == {666, 1666}


@on_asyncio
async def test_the_batch_asks_again_what_failed_or_was_cut_off(tmp_path: Path) -> None:
    batch = load("batch")
    results = tmp_path / "results.ndjson"
    results.write_text(
        '{"number":0,"model":"embedded:demo","answer":"a"}\n{"number":1,"model":"embedded:demo","error":"b"}\n'
        '{"number":3,"model":"openai:demo","answer":"of another model"}\n{"number":2,"ans'
    )
    asked: list[str] = []

    def speak(request: SimRequest) -> str:
        asked.append(request.messages[-1].text)
        return "yes"

    model = init_chat_model("embedded:demo", script=speak)
    assert await batch.run_batch(model, 4, results, 1, io.StringIO()) == 0
    assert asked == [batch.question_of(number) for number in (1, 2, 3)]
    assert batch.read_done(results, "embedded:demo") == {0, 1, 2, 3}
    assert batch.read_done(results, "openai:demo") == {3}


@on_asyncio
async def test_the_batch_never_runs_more_than_allowed(tmp_path: Path) -> None:
    batch = load("batch")
    running = most = 0

    def count(_run: Run, event: Event) -> None:
        nonlocal running, most
        running += isinstance(event, Start) - isinstance(event, End)
        most = max(most, running)

    with Simulator() as simulator, tidewire.subscribe(count):
        screen = io.StringIO()
        assert await batch.run_batch(model_at(simulator), 60, tmp_path / "results.ndjson", 5, screen) == 0
        assert len(simulator.requests) == 60
        assert most == 5
    assert "60 of 60 | 0 failed" in screen.getvalue()


# ---------------------------------------------------------------- their pages


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_has_a_page_that_names_its_command(name: str) -> None:
    page = (FOLDER / f"{name}.md").read_text()
    assert f"python docs/guides/{name}.py" in page
    assert f"docs/guides/{name}.md" in (FOLDER / f"{name}.py").read_text()
    assert f"({name}.py)" in page
    assert "MODEL=" in page


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_explains_itself(name: str) -> None:
    with started(name, "--help") as program:
        assert program.read_line().startswith("usage: ")
        while program.read_line() or program.read_line():
            continue
        assert program.wait() == 0
