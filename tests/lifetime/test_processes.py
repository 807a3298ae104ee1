"""Whole programs: signals end them without noise and with their connections closed, and a fork starts anew."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading

import anyio
import pytest

from tests.lifetime.scene import PATIENCE_S, SLOW
from tidewire import ChatModel, ChatOpenAI
from tidewire.adapters.script import Fail
from tidewire.adapters.simulator import Simulator

#: What every program begins with: a model, and who counts the ends of its runs.
HEAD = """
import asyncio, os, signal, sys
import anyio
from tidewire import ChatOpenAI, subscribe
from tidewire.events import End
model = ChatOpenAI("demo", base_url=sys.argv[1], api_key="any")
ends = []
def hear(run, event):
    if isinstance(event, End):
        ends.append(event.outcome)
async def batch():
    with subscribe(hear):
        await model.abatch(["hi"] * 20)
"""

INTERRUPTED = {
    "asyncio": """
try:
    asyncio.run(batch())
except KeyboardInterrupt:
    print(len(ends), *sorted(set(ends)))
""",
    "trio": """
import trio
try:
    trio.run(batch)
except* KeyboardInterrupt:
    print(len(ends), *sorted(set(ends)))
""",
    "sync": """
try:
    with subscribe(hear):
        model.batch(["hi"] * 20)
except KeyboardInterrupt:
    print(len(ends), *sorted(set(ends)))
""",
}

TERMINATED = {
    "asyncio": """
async def main():
    task = asyncio.create_task(batch())
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    try:
        await task
    except asyncio.CancelledError:
        print(len(ends), *sorted(set(ends)))
asyncio.run(main())
""",
    "trio": """
async def main():
    with anyio.open_signal_receiver(signal.SIGTERM) as signals:
        async with anyio.create_task_group() as group:
            group.start_soon(batch)
            async for _ in signals:
                group.cancel_scope.cancel()
                break
    print(len(ends), *sorted(set(ends)))
anyio.run(main, backend="trio")
""",
}


def ended_by(program: str, number: signal.Signals) -> str:
    """Start a program whose 20 calls are never answered, and stop it by a signal; gives what it said last."""
    with Simulator(script=lambda _: Fail(kind="stall", after_tokens=3, reply=SLOW)) as simulator:
        command = [sys.executable, "-W", "error", "-c", HEAD + program, simulator.openai_url]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            try:
                simulator.wait_until(lambda seen: len(seen.requests) == 20, PATIENCE_S)
                process.send_signal(number)
                said, noise = process.communicate(timeout=PATIENCE_S)
            finally:
                process.kill()
        simulator.wait_until(lambda seen: seen.open_connections == 0, PATIENCE_S)
    assert (noise, process.returncode) == ("", 0)
    return said.strip()


@pytest.mark.parametrize("name", INTERRUPTED)
def test_ctrl_c_ends_a_program_without_noise(name: str) -> None:
    assert ended_by(INTERRUPTED[name], signal.SIGINT) == "20 cancelled"


@pytest.mark.parametrize("name", TERMINATED)
def test_a_program_whose_handler_cancels_the_batch_ends_without_noise(name: str) -> None:
    assert ended_by(TERMINATED[name], signal.SIGTERM) == "20 cancelled"


FORKED = """
async def ask():
    return (await model.ainvoke("hi")).text
before = model.invoke("hi").text
asyncio.run(ask())
child = os.fork()
if child == 0:
    said = {model.invoke("hi").text, asyncio.run(ask()), anyio.run(ask, backend="trio")}
    os._exit(0 if said == {before} else 1)
_, status = os.waitpid(child, 0)
assert status == 0, status
assert model.invoke("hi").text == before == asyncio.run(ask())
print("done")
"""


def test_parent_and_child_of_a_fork_each_have_connections_of_their_own() -> None:
    with Simulator(script=lambda _: "hello") as simulator:
        # From Python 3.12 on every fork beside a thread is warned of, and the sync face has one.
        flags = ["-W", "error", "-W", "ignore::DeprecationWarning"]
        command = [sys.executable, *flags, "-c", HEAD + FORKED, simulator.openai_url]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
        assert (ended.stdout, ended.stderr, ended.returncode) == ("done\n", "", 0)
        assert len(simulator.requests) == 7
        simulator.wait_until(lambda seen: seen.open_connections == 0, PATIENCE_S)


def test_one_model_serves_eight_threads_with_loops_of_their_own_several_in_a_row() -> None:
    with Simulator(script=lambda request: request.messages[-1].text) as simulator:
        model = ChatOpenAI("demo", base_url=simulator.openai_url, api_key="any")
        said: list[list[str]] = [[] for _ in range(8)]
        threads = [threading.Thread(target=_ask_often, args=(model, place, said[place])) for place in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE_S)
        assert said == [[f"{place}.{number}" for number in range(12)] for place in range(8)]
        simulator.wait_until(lambda seen: seen.open_connections == 0, PATIENCE_S)


def _ask_often(model: ChatModel, place: int, said: list[str]) -> None:
    """Three loops in a row, each with four calls at once; trio in every other thread."""

    async def ask(start: int) -> None:
        messages = await model.abatch([f"{place}.{number}" for number in range(start, start + 4)])
        said.extend(message.text for message in messages)

    for start in (0, 4, 8):
        anyio.run(ask, start, backend="trio" if place % 2 else "asyncio")
