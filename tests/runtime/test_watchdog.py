"""The time that a response takes to open, on asyncio: a limit cancels the task, and only the limit."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from tidewire.policy import Timeout
from tidewire.watchdog import LimitPassed, Watchdog


async def never() -> None:
    await asyncio.Event().wait()


async def open_within(watchdog: Watchdog, work: Callable[[], Awaitable[object]]) -> None:
    watchdog.begin_attempt()
    try:
        await watchdog.guard(work(), None)
    finally:
        watchdog.stop()


def test_a_limit_that_passes_is_no_cancellation_of_the_task() -> None:
    async def main() -> None:
        watchdog = Watchdog(Timeout(first_event=0.01))
        with pytest.raises(LimitPassed):
            await open_within(watchdog, never)
        task = asyncio.current_task()
        assert task is not None
        assert (watchdog.expired, task.cancelling()) == ("first_event", 0)
        await asyncio.sleep(0)  # nothing is left to be raised

    asyncio.run(main())


def test_a_task_that_is_cancelled_by_others_is_cancelled() -> None:
    async def main() -> None:
        watchdog = Watchdog(Timeout(first_event=60))
        begun = asyncio.Event()

        async def work() -> None:
            begun.set()
            await never()

        task = asyncio.create_task(open_within(watchdog, work))
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (watchdog.expired, task.cancelling()) == (None, 1)

    asyncio.run(main())


def test_a_task_that_is_cancelled_by_others_while_a_limit_passes_is_cancelled() -> None:
    async def main() -> None:
        watchdog = Watchdog(Timeout(first_event=0.01))

        async def work() -> None:
            try:
                await never()
            except asyncio.CancelledError:
                task.cancel()
                raise

        task = asyncio.create_task(open_within(watchdog, work))
        with pytest.raises(asyncio.CancelledError):
            await task
        assert task.cancelling() == 1

    asyncio.run(main())


def test_what_fails_while_a_limit_passes_fails_as_it_does() -> None:
    async def main() -> None:
        async def work() -> None:
            try:
                await never()
            except asyncio.CancelledError:
                raise ConnectionError("cut") from None

        with pytest.raises(ConnectionError):
            await open_within(Watchdog(Timeout(first_event=0.01)), work)
        task = asyncio.current_task()
        assert task is not None
        assert task.cancelling() == 0

    asyncio.run(main())
