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
from hypothesis import given
from hypothesis import strategies as st

from tidewire.events.errors import ConfigurationError
from tidewire.fair_queue import Gate
from tidewire.rate_limiters import Bucket, InMemoryRateLimiter


class Clock:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_the_bucket_starts_full_and_then_gives_at_its_rate() -> None:
    clock = Clock()
    limiter = InMemoryRateLimiter(requests_per_second=10, max_bucket_size=3, clock=clock)
    assert [limiter.acquire(blocking=False) for _ in range(4)] == [True, True, True, False]
    assert limiter.expected_wait_s() == pytest.approx(0.1)
    clock.now += 0.1
    assert [limiter.acquire(blocking=False) for _ in range(2)] == [True, False]
    clock.now += 100
    assert [limiter.acquire(blocking=False) for _ in range(4)] == [True, True, True, False]


@given(st.lists(st.tuples(st.floats(0, 5), st.integers(1, 5)), max_size=30), st.floats(0.1, 50), st.integers(1, 10))
def test_a_bucket_never_gives_more_than_its_rate_and_size_allow(
    steps: list[tuple[float, int]], rate: float, size: int
) -> None:
    clock = Clock()
    bucket = Bucket(rate=rate, size=size, clock=clock)
    begun, taken = clock.now, 0
    for passed, wanted in steps:
        clock.now += passed
        for _ in range(wanted):
            wait = bucket.take(1)
            taken += wait <= 0
            assert 0 <= wait <= 1 / rate + 1e-6
        assert taken <= size + (clock.now - begun) * rate + 1e-6


def test_what_was_not_used_is_put_back_and_a_level_can_be_limited() -> None:
    bucket = Bucket(rate=1, size=10, clock=Clock())
    assert bucket.take(8) == 0
    bucket.put_back(3)
    assert bucket.take(5) == 0
    assert bucket.take(1) == 1
    bucket.put_back(100)
    assert bucket.take(10) == 0
    bucket.put_back(10)
    bucket.limit_to(2)
    assert bucket.take(3) == 1


def test_more_than_fits_is_let_out_of_a_full_bucket_and_paid_for_afterwards() -> None:
    bucket = Bucket(rate=1, size=10, clock=Clock())
    assert bucket.take(15) == 0
    assert bucket.take(1) == 6


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


def test_a_waiter_whose_loop_has_ended_blocks_nobody() -> None:
    allowed = False
    gate = Gate(lambda _: 0.0 if allowed else math.inf)

    async def wait_for_ever() -> None:
        await gate.enter()

    loop = asyncio.new_event_loop()
    task = loop.create_task(wait_for_ever())
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()
    allowed = True
    gate.look_again()
    gate.enter_blocking()
    assert gate.waiting == 0
    # Told of its end only now, so that nothing warns of it.
    setattr(task, "_log_destroy_pending", False)  # noqa: B010 - asyncio's own way to say so, without a public name


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
