"""The quota of retries: what they cost, what success gives back, and what a full outage comes to."""

from __future__ import annotations

import random
import threading

import pytest
import trio

from tests.runtime.test_call import GOOD, Heard, model_on, status
from tests.runtime.test_gate import load, simulated
from tidewire import RetryPolicy
from tidewire.adapters.replay_transport import Exchange, ReplayTransport
from tidewire.brakes import Brakes, brakes_for
from tidewire.events.errors import APIConnectionError, InternalServerError
from tidewire.events.types import Retry
from tidewire.policy import Quota

REFUSED = Exchange(error=APIConnectionError("refused"))


def test_a_retry_costs_14_of_500_and_without_enough_there_is_none() -> None:
    quota = Quota()
    taken = 0
    while quota.take():
        taken += 1
    assert taken == 35
    assert quota.left == 500 - 35 * 14


def test_calls_under_way_make_it_larger() -> None:
    quota = Quota()
    quota.calls = 1000
    assert quota.left == 3000
    quota.calls = 100
    assert quota.left == 500


def test_a_retried_success_gives_back_what_it_cost_and_another_one_token() -> None:
    quota = Quota()
    for _ in range(3):
        assert quota.take()
    quota.succeeded(retried=True)
    assert quota.left == 500 - 28
    quota.succeeded(retried=False)
    assert quota.left == 500 - 27
    for _ in range(100):
        quota.succeeded(retried=True)
    assert quota.left == 500


def test_a_full_outage_of_a_thousand_calls_costs_few_requests_more() -> None:
    async def work(at_once: int) -> float:
        transport = ReplayTransport(REFUSED)
        results, _ = await load(transport, 1000, at_once)
        assert all(isinstance(result, APIConnectionError) for result in results)
        return len(transport.requests) / 1000

    assert simulated(lambda: work(64)) <= 1.05
    assert simulated(lambda: work(1000)) <= 1.25


async def test_without_tokens_the_error_itself_is_raised() -> None:
    heard = Heard()
    model, transport = model_on(status(500))
    brakes = brakes_for(model.settings)
    while brakes.take():
        pass
    with pytest.raises(InternalServerError) as raised:
        await model.ainvoke("hi", {"callbacks": heard})
    assert (raised.value.attempts, len(transport.requests)) == (1, 1)
    assert heard.of(Retry) == []


async def test_calls_pay_and_are_paid_back() -> None:
    model, _ = model_on([status(500), GOOD, GOOD, status(429), GOOD, status(400)])
    brakes = brakes_for(model.settings)
    assert brakes.take()
    left: list[str] = []
    for _ in range(3):
        await model.ainvoke("hi")
        left.append(repr(brakes))
    with pytest.raises(Exception, match="HTTP 400"):
        await model.ainvoke("hi")
    left.append(repr(brakes))
    assert [text.partition("tokens=")[2].partition(",")[0] for text in left] == ["486", "487", "488", "488"]
    assert "calls=0" in left[-1]


async def test_a_call_that_is_left_or_cancelled_is_no_longer_under_way() -> None:
    model, _ = model_on(Exchange(body=GOOD, cuts="event"))
    async with model.astream("hi") as stream:
        async for _ in stream:
            break
    assert "calls=0" in repr(brakes_for(model.settings))


def test_many_threads_may_use_the_brakes_at_once() -> None:
    brakes = Brakes(RetryPolicy(random=random.Random(1).random))

    def work() -> None:
        for _ in range(2000):
            brakes.begin()
            if brakes.take():
                brakes.end(succeeded=True, retried=True)
            else:
                brakes.end(succeeded=False, retried=False)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert repr(brakes) == "Brakes(calls=0, tokens=500, closed_s=0.0)"


def test_a_rate_limit_costs_nothing() -> None:
    async def work() -> None:
        policy = RetryPolicy(clock=trio.current_time, random=lambda: 0.0)
        model, _ = model_on([status(429, headers={"retry-after": "1"}), GOOD], retry=policy)
        await model.ainvoke("hi")
        assert "tokens=500" in repr(brakes_for(model.settings))

    simulated(work)
