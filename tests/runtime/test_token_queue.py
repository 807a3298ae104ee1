"""Who waits for an allowance, and what is under way."""

from __future__ import annotations

import anyio
import pytest

from tests.runtime.clock import Clock
from tidewire.allowance import Allowance
from tidewire.token_estimate import Demand
from tidewire.token_queue import TokenQueue


def queue_of(tokens: float, clock: Clock) -> TokenQueue:
    return TokenQueue(Allowance({"tokens": tokens}, burst_s=60, clock=clock))


async def test_those_who_wait_are_counted_until_they_are_in_or_gone() -> None:
    clock = Clock()
    queue = queue_of(60, clock)
    assert queue.try_enter(Demand(1, 60))
    assert not queue.try_enter(Demand(1, 1))
    async with anyio.create_task_group() as group:
        group.start_soon(queue.enter, Demand(1, 20))
        await anyio.wait_all_tasks_blocked()
        group.start_soon(queue.enter, Demand(1, 10, 10))
        await anyio.wait_all_tasks_blocked()
        assert queue.waiting == Demand(2, 30, 10)
        assert queue.expected_wait_s(Demand(1, 5)) == pytest.approx(45)
        clock.now += 20
        queue.give_back(Demand(0))
        await anyio.wait_all_tasks_blocked()
        assert queue.waiting == Demand(1, 10, 10)
        group.cancel_scope.cancel()
    assert queue.waiting == Demand(0)
    assert queue.unseen == Demand(2, 80)
    assert queue.expected_wait_s(Demand(1, 5)) == pytest.approx(5)


async def test_what_has_arrived_or_never_will_is_not_under_way_any_more() -> None:
    queue = queue_of(6000, Clock())
    assert queue.try_enter(Demand(1, 100, 50))
    assert queue.try_enter(Demand(1, 10))
    queue.see(Demand(1, 100, 50))
    assert queue.unseen == Demand(1, 10)
    # What the provider says after the first reply is without the second request, so far as anybody knows.
    queue.learn(200, {"x-ratelimit-limit-tokens": "6000", "x-ratelimit-remaining-tokens": "5000"})
    assert queue.try_enter(Demand(1, 4990))
    assert not queue.try_enter(Demand(1, 1))


def test_a_thread_waits_and_is_counted_out() -> None:
    queue = queue_of(60 * 1000, Clock())
    queue.enter_blocking(Demand(1, 10))
    assert queue.waiting == Demand(0)
    assert queue.unseen == Demand(1, 10)
