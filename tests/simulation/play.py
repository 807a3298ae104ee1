"""Simulated runs: callers, models and a network, all by one seed, and what must hold when they are done.

On trio the clock jumps to whatever is next and tasks are scheduled by the seed, so that a seed replays a run exactly.
On asyncio the clock jumps too, and tasks are scheduled as asyncio does; ``real`` lets both be as they are.
"""

from __future__ import annotations

import asyncio
import logging
import random
import selectors
import sys
import time
import warnings
from collections.abc import Callable, Coroutine, Generator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any, Literal, TypeAlias

import anyio
import pytest
import trio
import trio.testing
from anyio.lowlevel import checkpoint

from tests.simulation.callers import MOST_REQUESTS, Caller, Cast
from tests.simulation.ledger import Ledger
from tests.simulation.network import Network
from tidewire import aclose, subscribe

#: Where a run takes place: on trio or asyncio with clocks that jump, or on asyncio with the real one.
Stage: TypeAlias = Literal["trio", "asyncio", "real"]

#: After so many seconds of the loop's clock somebody waits for what never comes.
STUCK_S = 100_000.0
REAL_PACE_S = 0.005
REAL_STUCK_S = 300.0


class Play:
    """One run.

    Args:
        seed: Of everything.
        clock: Monotonic seconds of the event loop.
        pace_s: What a second of the script takes.
    """

    def __init__(self, seed: int, clock: Callable[[], float], pace_s: float) -> None:
        self._chance = random.Random(f"play {seed}")
        self.network = Network(seed, faults=self._chance.choice((0.0, 0.2, 0.5, 0.8)), pace_s=pace_s)
        self.ledger = Ledger(self.network, MOST_REQUESTS)
        cast = Cast(self.network, clock, self._chance)
        self._callers = [
            Caller(cast, self.ledger, f"caller {number}", random.Random(f"{seed}/caller {number}"))
            for number in range(self._chance.choice((*[1, 2, 3, 4, 5] * 6, 30)))
        ]

    async def run(self, begin: Callable[[Play], Coroutine[Any, Any, None]]) -> None:
        """Let everybody call, and check what came of it."""
        tasks = _living_tasks()
        with subscribe(self.ledger):
            await begin(self)
        # What was left by a break ends as soon as the loop comes to it, and its slow subscribers soon after.
        await self._settle(lambda: _living_tasks() <= tasks + 1)
        await aclose()
        await self._settle(lambda: _living_tasks() <= tasks)
        assert _living_tasks() <= tasks, "a task is left"
        self.ledger.check()

    async def _settle(self, condition: Callable[[], bool]) -> None:
        for _ in range(1000):
            await checkpoint()
            if condition():
                return
            await anyio.sleep(0.01)

    @property
    def callers(self) -> list[tuple[Caller, list[float]]]:
        """Who calls, and after which seconds each is cancelled: never, once or twice."""
        pace = self.network.pace_s
        planned: list[tuple[Caller, list[float]]] = []
        for caller in self._callers:
            times = self._chance.choice((0, 0, 1, 2))
            first = pace * self._chance.choice((0.0, self._chance.uniform(0, 0.2), self._chance.uniform(0, 3)))
            second = pace * self._chance.choice((0.0, 0.0, self._chance.uniform(0, 0.1)))
            planned.append((caller, [first, first + second][:times]))
        return planned


async def _on_trio(play: Play) -> None:
    async def go(caller: Caller, cancels: list[float]) -> None:
        began = trio.current_time()
        with trio.CancelScope() as outer, trio.CancelScope() as inner:
            for scope, after in zip((inner, outer), cancels, strict=False):
                scope.deadline = began + after
            await caller.run()

    with trio.fail_after(STUCK_S):
        async with trio.open_nursery() as nursery:
            for caller, cancels in play.callers:
                nursery.start_soon(go, caller, cancels)


async def _on_asyncio(play: Play) -> None:
    loop = asyncio.get_running_loop()
    tasks: list[asyncio.Task[None]] = []
    for caller, cancels in play.callers:
        task = loop.create_task(caller.run())
        for after in cancels:
            loop.call_later(after, task.cancel)
        tasks.append(task)
    done, waiting = await asyncio.wait(tasks, timeout=STUCK_S if isinstance(loop, VirtualLoop) else REAL_STUCK_S)
    assert not waiting, "somebody waits for ever"
    for task in done:
        if not task.cancelled():
            task.result()


class VirtualLoop(asyncio.SelectorEventLoop):
    """An asyncio loop whose clock jumps to the next timer when there is nothing else to do."""

    def __init__(self) -> None:
        self.now = 0.0
        super().__init__(_JumpingSelector(self))
        self.set_exception_handler(_tell)

    def time(self) -> float:
        """Seconds of the loop's own."""
        return self.now


class _JumpingSelector(selectors.SelectSelector):
    def __init__(self, loop: VirtualLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready and timeout is not None and timeout > 0:
            self._loop.now += timeout
        return ready


_told: list[str] = []


def _tell(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    _told.append(f"{context.get('message')} {context.get('exception')!r}")


def play(seed: int, stage: Stage = "trio") -> Ledger:
    """Run one; gives what was heard of it.

    Raises:
        AssertionError: Something that is promised did not hold.
        Exception: What a call raised that it may not raise.
    """
    _told.clear()
    with _quiet():
        match stage:
            case "trio":
                ledger = _play_on_trio(seed)
            case "asyncio":
                ledger = _play_on_virtual_asyncio(seed)
            case "real":
                ledger = asyncio.run(_play_on_real_asyncio(seed))
    assert not _told, f"said by the loop: {_told}"
    return ledger


def _play_on_trio(seed: int) -> Ledger:
    async def main() -> Ledger:
        made = Play(seed, trio.current_time, 1.0)
        await made.run(_on_trio)
        return made.ledger

    with pytest.MonkeyPatch.context() as patch:
        # What trio has for hypothesis: tasks are put in order, and then shuffled by this source of chance.
        patch.setattr("trio._core._run._ALLOW_DETERMINISTIC_SCHEDULING", True)
        patch.setattr("trio._core._run._r", random.Random(seed))
        _set_clock(patch, trio.current_time)
        return trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


def _play_on_virtual_asyncio(seed: int) -> Ledger:
    async def main() -> Ledger:
        clock = asyncio.get_running_loop().time
        with pytest.MonkeyPatch.context() as patch:
            _set_clock(patch, clock)
            made = Play(seed, clock, 1.0)
            await made.run(_on_asyncio)
        return made.ledger

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main())


async def _play_on_real_asyncio(seed: int) -> Ledger:
    asyncio.get_running_loop().set_exception_handler(_tell)
    made = Play(seed, time.monotonic, REAL_PACE_S)
    await made.run(_on_asyncio)
    return made.ledger


def _set_clock(patch: pytest.MonkeyPatch, clock: Callable[[], float]) -> None:
    for module in ("tidewire.watchdog", "tidewire.events.bus"):
        patch.setattr(f"{module}.time", SimpleNamespace(monotonic=clock))


@contextmanager
def _quiet() -> Generator[None]:
    """Subscribers that fail are told of in the log, and trio tells of generators left by a break: both are meant."""
    logger = logging.getLogger("tidewire")
    hook, disabled = sys.unraisablehook, logger.disabled

    def tell(problem: Any) -> None:  # noqa: ANN401  what Python hands to its hook has no public type
        _told.append(f"{problem.err_msg} {problem.exc_value!r}")

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=ResourceWarning, message="Async generator")
        logger.disabled = True
        sys.unraisablehook = tell
        try:
            yield
        finally:
            sys.unraisablehook = hook
            logger.disabled = disabled


def _living_tasks() -> int:
    try:
        return len(asyncio.all_tasks())
    except RuntimeError:
        return trio.lowlevel.current_statistics().tasks_living


__all__ = ["Play", "Stage", "play"]
