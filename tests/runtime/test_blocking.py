"""The sync face: from plain threads, inside running loops, from callbacks and tools, after a fork."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from contextvars import ContextVar

import anyio.lowlevel
import anyio.to_thread
import pytest

from tidewire import init_chat_model
from tidewire.adapters.script import Fail
from tidewire.blocking import run_blocking
from tidewire.events.bus import subscribe
from tidewire.events.errors import InternalServerError
from tidewire.events.types import End, Event, Run, Start

MODEL = init_chat_model("embedded:demo")


def test_invoke_stream_and_batches_do_what_their_async_twins_do() -> None:
    answer = MODEL.invoke("hello", seed=7)
    chunks = list(MODEL.stream("hello", seed=7))
    total = sum(chunks[1:], start=chunks[0])
    assert total.text == answer.text
    assert chunks[-1].chunk_position == "last"
    assert total.usage_metadata == answer.usage_metadata
    assert [one.text for one in MODEL.batch(["hello"] * 3, seed=7)] == [answer.text] * 3
    completed = dict(MODEL.batch_as_completed(["hello"] * 3, seed=7))
    assert {place: one.text for place, one in completed.items()} == dict.fromkeys(range(3), answer.text)


def test_an_error_is_raised_as_itself() -> None:
    model = init_chat_model("embedded:demo", script=[Fail(status=500)] * 2, max_retries=0)
    with pytest.raises(InternalServerError):
        model.invoke("hello")
    with pytest.raises(InternalServerError):
        list(model.stream("hello"))


def test_closing_a_stream_early_ends_its_run() -> None:
    outcomes: list[str] = []

    def hear(run: Run, event: Event) -> None:
        if isinstance(event, End):
            outcomes.append(event.outcome)

    stream = MODEL.stream("hello", {"callbacks": hear}, first_token_s=0.0, tokens_per_second=1000)
    next(stream)
    assert outcomes == []
    del stream
    assert outcomes == ["abandoned"]


async def test_it_works_inside_a_running_loop() -> None:
    assert MODEL.invoke("hello").text


def test_a_sync_callback_that_calls_a_model_does_not_wait_for_itself() -> None:
    depth: list[str] = []

    def call_again(run: Run, event: Event) -> None:
        if isinstance(event, Start) and len(depth) < 3:
            depth.append(threading.current_thread().name)
            MODEL.invoke("again", {"callbacks": call_again})

    MODEL.invoke("hello", {"callbacks": call_again})
    assert depth == ["tidewire-0", "tidewire-1", "tidewire-2"]


async def test_a_worker_thread_goes_back_to_its_own_loop() -> None:
    threads: set[int] = set()

    async def where() -> int:
        await anyio.lowlevel.checkpoint()
        return threading.get_ident()

    def in_worker() -> None:
        threads.add(run_blocking(where))

    await anyio.to_thread.run_sync(in_worker)
    assert threads == {threading.get_ident()}


def test_the_callers_context_is_seen_by_the_work() -> None:
    word: ContextVar[str] = ContextVar("word", default="none")
    word.set("mine")

    async def read() -> str:
        return word.get()

    assert run_blocking(read) == "mine"


def test_subscriptions_around_a_sync_call_hear_it() -> None:
    heard: list[str] = []
    with subscribe(lambda run, event: heard.append(type(event).__name__)):
        MODEL.invoke("hello")
    assert heard[0] == "Start"
    assert heard[-1] == "End"


def test_many_threads_call_at_once() -> None:
    texts: list[str] = []

    def work() -> None:
        texts.extend(MODEL.invoke("hello", seed=3).text for _ in range(10))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(texts) == 80
    assert len(set(texts)) == 1


def test_several_loops_in_a_row_use_one_model() -> None:
    async def ask() -> str:
        return (await MODEL.ainvoke("hello", seed=1)).text

    assert len({asyncio.run(ask()) for _ in range(3)}) == 1


SCRIPTS = {
    "fork": """
import os, sys
from tidewire import init_chat_model
model = init_chat_model("embedded:demo")
before = model.invoke("hello", seed=1).text
child = os.fork()
if child == 0:
    os._exit(0 if model.invoke("hello", seed=1).text == before else 1)
_, status = os.waitpid(child, 0)
assert status == 0, status
assert model.invoke("hello", seed=1).text == before
print("done")
""",
    "interrupt": """
import os, signal, threading, time
from tidewire import init_chat_model
from tidewire.events import End
outcomes = []
model = init_chat_model("embedded:demo", tokens_per_second=5)
threading.Timer(0.5, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
def hear(run, event):
    if isinstance(event, End):
        outcomes.append(event.outcome)
try:
    model.invoke("hello", {"callbacks": hear})
except KeyboardInterrupt:
    assert outcomes == ["cancelled"], outcomes
    print("done")
""",
    "open at exit": """
from tidewire import init_chat_model
stream = init_chat_model("embedded:demo", tokens_per_second=5).stream("hello")
next(stream)
print("done")
""",
}


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_program_ends_cleanly(name: str) -> None:
    script = [sys.executable, "-W", "error", "-c", SCRIPTS[name]]
    ended = subprocess.run(script, capture_output=True, text=True, timeout=20, check=False)
    assert (ended.stdout, ended.stderr, ended.returncode) == ("done\n", "", 0)
