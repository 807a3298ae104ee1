"""Rate limiters: exact, in order, without a herd, from every loop and thread."""

from __future__ import annotations

import asyncio
import math
import threading
import time
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from tests.runtime.clock import Clock
from tidewire.events.errors import ConfigurationError
from tidewire.request_limiter import InMemoryRateLimiter


def test_the_bucket_starts_full_and_then_gives_at_its_rate() -> None:
    clock = Clock()
    limiter = InMemoryRateLimiter(requests_per_second=10, max_bucket_size=3, clock=clock)
    assert [limiter.acquire(blocking=False) for _ in range(4)] == [True, True, True, False]
    assert limiter.expected_wait_s() == pytest.approx(0.1)
    clock.now += 0.1
    assert [limiter.acquire(blocking=False) for _ in range(2)] == [True, False]
    clock.now += 100
    assert [limiter.acquire(blocking=False) for _ in range(4)] == [True, True, True, False]


async def test_waiters_are_let_out_in_the_order_in_which_they_came() -> None:
    limiter = InMemoryRateLimiter(requests_per_second=2000, max_bucket_size=1)
    order: list[int] = []

    async def wait(number: int) -> None:
        await limiter.aacquire()
        order.append(number)

    async with anyio.create_task_group() as group:
        for number in range(300):
            group.start_soon(wait, number)
            await anyio.lowlevel.checkpoint()
    assert order == list(range(300))


async def test_thousands_of_waiters_keep_the_rate() -> None:
    limiter = InMemoryRateLimiter(requests_per_second=4000, max_bucket_size=1)
    begun = time.monotonic()
    async with anyio.create_task_group() as group:
        for _ in range(2000):
            group.start_soon(limiter.aacquire)
    assert time.monotonic() - begun >= 1999 / 4000 - 0.001


async def test_a_cancelled_waiter_gives_its_place_to_the_next() -> None:
    limiter = InMemoryRateLimiter(requests_per_second=2, max_bucket_size=1)
    assert await limiter.aacquire()
    begun = anyio.current_time()
    scopes: list[anyio.CancelScope] = []

    async def give_up() -> None:
        with anyio.CancelScope() as scope:
            scopes.append(scope)
            await limiter.aacquire()

    async with anyio.create_task_group() as group:
        for _ in range(50):
            group.start_soon(give_up)
        await anyio.wait_all_tasks_blocked()
        group.start_soon(limiter.aacquire)
        await anyio.wait_all_tasks_blocked()
        for scope in scopes:
            scope.cancel()
    assert anyio.current_time() - begun < 10  # and not the 25 s of all who gave up


async def test_not_blocking_never_overtakes_those_who_wait() -> None:
    limiter = InMemoryRateLimiter(requests_per_second=0.01, max_bucket_size=1)
    assert await limiter.aacquire(blocking=False)
    async with anyio.create_task_group() as group:
        group.start_soon(limiter.aacquire)
        await anyio.wait_all_tasks_blocked()
        assert not await limiter.aacquire(blocking=False)
        assert limiter.expected_wait_s() > 100
        group.cancel_scope.cancel()


def test_threads_and_loops_share_one_limiter() -> None:
    limiter = InMemoryRateLimiter(requests_per_second=500, max_bucket_size=1)
    done: list[int] = []

    def in_a_thread() -> None:
        for _ in range(10):
            limiter.acquire()
            done.append(1)

    async def in_a_loop() -> None:
        for _ in range(10):
            await limiter.aacquire()
            done.append(2)

    threads = [threading.Thread(target=in_a_thread) for _ in range(3)]
    threads += [threading.Thread(target=lambda: asyncio.run(in_a_loop())) for _ in range(3)]
    begun = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert len(done) == 60
    assert time.monotonic() - begun >= 59 / 500 - 0.001


@pytest.mark.parametrize(
    "wrong",
    [
        {"requests_per_second": 0},
        {"requests_per_second": -1},
        {"requests_per_second": math.inf},
        {"max_bucket_size": 0.5},
        {"check_every_n_seconds": 0},
        {"requests_per_second": math.nan},
    ],
)
def test_numbers_that_make_no_limiter_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=next(iter(wrong))):
        InMemoryRateLimiter(**wrong)


def test_a_repr_names_the_rate() -> None:
    assert repr(InMemoryRateLimiter()) == "InMemoryRateLimiter(requests_per_second=1, max_bucket_size=1)"
