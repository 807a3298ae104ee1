"""The simulator's life: what it records, how it notices that clients leave, and that it bears many at once."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
from typing import Any

import anyio
import httpx
import pytest
from anyio.abc import SocketStream

from tidewire.adapters.script import Fail, Pace, Reply
from tidewire.adapters.sim_request import SimRequest
from tidewire.adapters.simulator import Simulator, simulate
from tidewire.adapters.simulator.connections import REQUEST_LIMIT
from tidewire.events.errors import ConfigurationError

BODY: dict[str, Any] = {"model": "demo", "messages": [{"role": "user", "content": "Hello!"}]}
STREAMED = {**BODY, "stream": True}
SLOW = Reply("one two three four", pace=Pace(tokens_per_second=0.001))


def url_of(sim: Simulator) -> str:
    return f"{sim.openai_url}/chat/completions"


async def ask(sim: Simulator, body: dict[str, Any]) -> SocketStream:
    """A connection on which a request was sent."""
    connection = await anyio.connect_tcp("127.0.0.1", int(sim.url.rpartition(":")[2]))
    data = json.dumps(body).encode()
    head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-length: {len(data)}\r\n\r\n"
    await connection.send(head.encode() + data)
    return connection


async def read_until(connection: SocketStream, mark: bytes) -> bytes:
    received = b""
    while mark not in received:
        received += await connection.receive()
    return received


# --- what it records ---


def test_requests_are_recorded_with_their_outcome() -> None:
    with simulate() as sim:
        httpx.post(url_of(sim), json=BODY, headers={"X-Mine": "yes"})
        httpx.post(f"{sim.url}/chat/completions", content=b"no json")
        httpx.get(f"{sim.url}/elsewhere")
        sim.wait_idle()
        first, second, third = sim.requests
    assert (first.method, first.path, first.body, first.outcome) == ("POST", "/v1/chat/completions", BODY, "sent")
    assert first.headers["x-mine"] == "yes"
    assert (second.path, second.body) == ("/chat/completions", None)
    assert (third.method, third.path) == ("GET", "/elsewhere")


def test_only_the_last_requests_are_kept() -> None:
    with Simulator(keep=2) as sim:
        for number in range(4):
            httpx.post(url_of(sim), json={**BODY, "seed": number})
        assert [request.body["seed"] for request in sim.requests] == [2, 3]


def test_what_is_no_request_is_refused_in_the_form_of_its_provider() -> None:
    with simulate() as sim:
        unread = httpx.post(url_of(sim), content=b"[1]")
        assert (unread.status_code, unread.json()["error"]["type"]) == (400, "invalid_request_error")
        unknown = httpx.get(f"{sim.url}/v1/messages", headers={"anthropic-version": "2023-06-01"})
        assert (unknown.status_code, unknown.json()["error"]["type"]) == (404, "not_found_error")


def test_a_large_request_is_taken_and_a_too_large_one_is_not() -> None:
    with simulate() as sim:
        large = {**BODY, "messages": [{"role": "user", "content": "x" * 5_000_000}]}
        assert httpx.post(url_of(sim), json=large).status_code == 200
        too_large = httpx.post(url_of(sim), content=b" " * (REQUEST_LIMIT + 1))
        assert too_large.status_code == 413
        assert too_large.json()["error"]["type"] == "invalid_request_error"


def test_a_block_that_the_format_lacks_is_told() -> None:
    image = {"type": "image", "url": "https://example.com/a.png"}
    with simulate([Reply(blocks=[image])]) as sim:
        reply = httpx.post(url_of(sim), json=BODY)
    assert reply.status_code == 501
    assert "image" in reply.json()["error"]["message"]


def test_an_error_of_the_script_is_told_to_the_client_and_raised_at_the_end() -> None:
    def script(request: SimRequest) -> Reply:
        raise KeyError("mine")

    sim = simulate(script).start()
    reply = httpx.post(url_of(sim), json=BODY)
    assert reply.status_code == 500
    assert "mine" in reply.json()["error"]["message"]
    with pytest.raises(KeyError, match="mine"):
        sim.stop()
    sim.stop()


def test_the_blocks_own_error_comes_before_that_of_the_script() -> None:
    with pytest.raises(ValueError, match="first"), simulate([3]) as sim:  # type: ignore[list-item]  # pyright: ignore[reportArgumentType]  # on purpose
        httpx.post(url_of(sim), json=BODY)
        raise ValueError("first")


# --- how clients come and leave ---


def test_a_connection_is_used_again() -> None:
    with simulate() as sim, httpx.Client() as client:
        for body in (BODY, STREAMED, BODY):
            client.post(url_of(sim), json=body)
        assert sim.open_connections == 1
        client.close()
        sim.wait_until(lambda sim: sim.open_connections == 0)


@pytest.mark.anyio
async def test_the_server_sees_a_client_leave_in_the_middle_of_a_stream() -> None:
    with simulate([SLOW]) as sim:
        async with await ask(sim, STREAMED) as connection:
            await read_until(connection, b'"one"')
            assert sim.open_streams == 1
        await sim.await_idle()
        assert [request.outcome for request in sim.requests] == ["disconnected"]
        await sim.await_until(lambda sim: sim.open_connections == 0)


@pytest.mark.anyio
async def test_the_server_sees_a_client_leave_that_waits_for_the_head() -> None:
    with simulate([Fail(kind="stall_before_head")]) as sim:
        async with await ask(sim, BODY):
            await sim.await_until(lambda sim: sim.open_streams == 1)
        await sim.await_idle()
        assert sim.requests[0].outcome == "disconnected"


def test_waiting_for_what_does_not_come_ends_with_the_counts() -> None:
    with (
        simulate([SLOW]) as sim,
        httpx.stream("POST", url_of(sim), json=STREAMED),
        pytest.raises(TimeoutError, match="1 streams, 1 connections"),
    ):
        sim.wait_idle(timeout_s=0.01)


def test_new_connections_are_refused_for_a_while() -> None:
    with simulate() as sim:
        with httpx.Client() as client:
            assert client.post(url_of(sim), json=BODY).status_code == 200
            with sim.refusing():
                with pytest.raises(httpx.ConnectError):
                    httpx.post(url_of(sim), json=BODY)
                assert client.post(url_of(sim), json=BODY).status_code == 200
        assert httpx.post(url_of(sim), json=BODY).status_code == 200


def test_connections_are_dropped_at_will() -> None:
    with simulate([SLOW, "back"]) as sim, httpx.Client() as client:
        with client.stream("POST", url_of(sim), json=STREAMED) as reply:
            sim.drop_connections()
            with pytest.raises(httpx.ReadError):
                reply.read()
        sim.wait_until(lambda sim: sim.open_connections == 0)
        assert client.post(url_of(sim), json=BODY).status_code == 200


# --- its own life ---


def test_a_simulator_ends_while_replies_are_open() -> None:
    sim = simulate([Fail(kind="stall")]).start()
    threads = threading.active_count()
    with httpx.stream("POST", url_of(sim), json=STREAMED) as reply:
        sim.stop()
        with pytest.raises(httpx.TransportError):
            reply.read()
    assert threading.active_count() == threads - 1
    with pytest.raises(httpx.ConnectError):
        httpx.get(sim.url)


def test_a_port_that_is_taken_is_an_error_that_names_it() -> None:
    with simulate() as sim, pytest.raises(ConfigurationError, match=sim.url.removeprefix("http://")):
        simulate(port=int(sim.url.rpartition(":")[2])).start()


def test_it_can_be_started_again_on_the_same_port() -> None:
    with simulate() as sim:
        port = int(sim.url.rpartition(":")[2])
        httpx.post(url_of(sim), json=BODY)
    with simulate(port=port) as again:
        assert httpx.post(url_of(again), json=BODY).status_code == 200


def test_run_serves_until_it_is_interrupted() -> None:
    program = (
        "from tidewire.adapters.simulator import run; run(port=0, on_ready=lambda sim: print(sim.url, flush=True))"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        assert httpx.post(f"{url}/v1/chat/completions", json=BODY).status_code == 200
        os.kill(process.pid, signal.SIGINT)
        assert process.wait(timeout=10) == 0


# --- many at once ---


@pytest.mark.anyio
async def test_hundreds_of_streams_are_open_at_once_and_their_ends_are_seen() -> None:
    count = 300
    with simulate(lambda request: Fail(kind="stall", after_tokens=1, reply=Reply("one two"))) as sim:
        connections = [await ask(sim, STREAMED) for _ in range(count)]
        for connection in connections:
            await read_until(connection, b'"one"')
        assert sim.open_streams == count
        for connection in connections:
            await connection.aclose()
        await sim.await_idle()
        assert [request.outcome for request in sim.requests] == ["disconnected"] * count


@pytest.mark.anyio
async def test_hundreds_of_streams_run_side_by_side_and_each_is_whole() -> None:
    count = 300
    pace = Pace(first_token_s=0.01, tokens_per_second=200)
    said: list[str] = []
    with simulate(lambda request: Reply(f"I am {request.seed}", pace=pace)) as sim:

        async def call(number: int) -> None:
            async with await ask(sim, {**STREAMED, "seed": number}) as connection:
                body = await read_until(connection, b"[DONE]")
            said.append("".join(re.findall(r'"content":"(.*?)"', body.decode())))

        async with anyio.create_task_group() as group:
            for number in range(count):
                group.start_soon(call, number)
        await sim.await_idle()
        assert len(sim.requests) == count
    assert sorted(said) == sorted(f"I am {number}" for number in range(count))
