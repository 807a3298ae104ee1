"""Streams over real sockets that are left at random moments, in every way that a stream can be left."""

from __future__ import annotations

import asyncio
import gc
import random
import warnings
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Literal, TypeAlias

import anyio

from tests.events.grammar import check_grammar
from tests.lifetime.scene import PATIENCE_S, SLOW, WORDS, descriptors, living_tasks, runs_on_asyncio, transport, until
from tidewire import ChatModel, ChatOpenAI, aclose, subscribe
from tidewire.adapters.simulator import Simulator
from tidewire.events.types import End, Event, Run

#: How a stream is left: by cancelling its reader once or twice, by its scope or (asyncio only) as a task, by a timeout
#: around it, by ``break`` with and without a reference cycle, and by closing it.
Way: TypeAlias = Literal["scope", "scope twice", "task", "task twice", "timeout", "break", "collected", "closed"]
WAYS: tuple[Way, ...] = ("scope", "scope twice", "task", "task twice", "timeout", "break", "collected", "closed")

#: So many streams are read at once.
AT_ONCE = 50


class Ends:
    """Hears how runs end, and checks that each does so once."""

    def __init__(self) -> None:
        self._runs: dict[Run, list[Event]] = {}
        self.outcomes: Counter[str] = Counter()

    def __call__(self, run: Run, event: Event) -> None:
        self._runs.setdefault(run, []).append(event)
        if isinstance(event, End):
            self.outcomes[event.outcome] += 1

    def check(self) -> None:
        """Fail unless each run that began has ended, as it should."""
        for run, events in self._runs.items():
            check_grammar(events, run.kind)


async def leave_streams(count: int, client: str, seed: int) -> Counter[str]:
    """Read so many streams and leave each at a random moment; gives how their runs ended.

    Raises:
        AssertionError: A run did not end, or a connection, a task or a file descriptor is left.
    """
    chance = random.Random(seed)
    ways: list[Way] = [way for way in WAYS if runs_on_asyncio() or not way.startswith("task")]
    ends = Ends()
    tasks = living_tasks()
    with Simulator(script=lambda _: SLOW) as simulator, warnings.catch_warnings():
        # trio tells of streams that were left to the collector, which is what some of these are.
        warnings.filterwarnings("ignore", category=ResourceWarning, message="Async generator")
        model = ChatOpenAI("demo", base_url=simulator.openai_url, api_key="any", transport=transport(client))
        await model.ainvoke("what is made once")
        await aclose()
        await simulator.await_until(lambda seen: seen.open_connections == 0, PATIENCE_S)
        open_before = descriptors()
        with subscribe(ends):
            limit = anyio.Semaphore(AT_ONCE)

            async def leave_one(way: Way, after_s: float) -> None:
                async with limit:
                    await _leave(model, way, after_s)

            async with anyio.create_task_group() as group:
                for _ in range(count):
                    way = chance.choice(ways)
                    group.start_soon(leave_one, way, chance.uniform(0.0, 0.06))
        gc.collect()
        await until(lambda: living_tasks() <= tasks + 1, "a task besides the host's is left")
        await simulator.await_idle(PATIENCE_S)
        ends.check()
        await aclose()
        await simulator.await_until(lambda seen: seen.open_connections == 0, PATIENCE_S)
        await until(lambda: living_tasks() <= tasks, "a task is left")
        await until(lambda: descriptors() <= open_before, "a file descriptor is left")
    return ends.outcomes


async def _leave(model: ChatModel, way: Way, after_s: float) -> None:
    match way:
        case "task" | "task twice":
            await _cancel_task(lambda: _read(model), after_s, twice=way == "task twice")
        case "scope twice":
            # The inner one, and the outer one while what the inner one cancelled is being closed.
            with anyio.move_on_after(after_s + 0.001), anyio.move_on_after(after_s):
                await _read(model)
        case "scope" | "timeout":
            with anyio.move_on_after(after_s):
                await _read(model)
        case "break" | "collected" | "closed":
            await _read_some(model, round(after_s * 200), way)


async def _cancel_task(work: Callable[[], Awaitable[None]], after_s: float, *, twice: bool) -> None:
    async def read() -> None:
        await work()

    task = asyncio.get_running_loop().create_task(read())
    await asyncio.wait([task], timeout=after_s)
    task.cancel()
    if twice:
        await asyncio.sleep(0)
        task.cancel()
    await asyncio.wait([task])
    if not task.cancelled():
        task.result()


async def _read(model: ChatModel) -> None:
    texts = [chunk.text async for chunk in model.astream("hi")]
    assert "".join(texts) == "".join(WORDS), "a part passed for the whole"


async def _read_some(model: ChatModel, count: int, way: Way) -> None:
    stream = model.astream("hi")
    if way == "collected":
        cycle: list[object] = [stream]
        cycle.append(cycle)
    async for _ in stream:
        count -= 1
        if count < 0:
            break
    if way == "closed":
        await stream.aclose()


__all__ = ["WAYS", "leave_streams"]
