"""The gate that a rate limit closes: its rules on a clock that the test moves, and a busy provider simulated."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import pytest
import trio
import trio.testing

from tests.events.grammar import check_grammar
from tests.runtime.clock import Clock
from tests.runtime.test_call import GOOD, Heard, model_on, status
from tidewire import RetryPolicy, init_chat_model
from tidewire.adapters.replay_transport import Exchange, ReplayResponse, ReplayTransport
from tidewire.adapters.spec import HttpRequest
from tidewire.brakes import MOST_KEPT, brakes_for
from tidewire.bucket import Bucket
from tidewire.events.errors import APITimeoutError, InternalServerError, OverloadedError, RateLimitError, TidewireError
from tidewire.events.types import End, Event, Retry, Run, Wait
from tidewire.messages import AIMessage
from tidewire.policy import GateState, Timeout, closes_gate

T = TypeVar("T")


def closed_gate(seconds: float = 2.0) -> tuple[GateState, Clock]:
    clock = Clock()
    gate = GateState(clock, lambda: 0.0)
    gate.close(seconds)
    return gate, clock


def test_a_gate_that_nobody_closed_is_open() -> None:
    gate = GateState(Clock(), lambda: 0.5)
    assert gate.is_open
    assert gate.closed_s == 0
    assert [gate.admit() for _ in range(500)] == [0.0] * 500


def test_it_is_closed_for_as_long_as_was_asked_and_a_random_part_more() -> None:
    clock = Clock()
    gate = GateState(clock, lambda: 0.5)
    assert gate.close(2.0) == pytest.approx(2.1)
    assert not gate.is_open
    assert gate.admit() == pytest.approx(gate.closed_s) == pytest.approx(2.1)


def test_the_longest_of_several_refusals_counts() -> None:
    gate, clock = closed_gate(2.0)
    clock.now += 0.5
    assert gate.close(1.0) == pytest.approx(1.5)
    assert gate.close(4.0) == pytest.approx(4.0)


def test_after_it_opened_one_may_pass_and_each_answer_makes_room_for_one_more() -> None:
    gate, clock = closed_gate()
    clock.now += 2.0
    assert gate.admit() == 0
    assert gate.admit() > 0
    passing: list[int] = []
    for _ in range(5):
        gate.answered(refused=False)
        passing.append(sum(gate.admit() == 0 for _ in range(5)))
    assert passing == [2, 2, 2, 2, 2]


def test_a_refusal_begins_anew_and_above_half_of_what_was_too_much_it_grows_slowly() -> None:
    gate, clock = closed_gate()
    clock.now += 2.0
    for _ in range(7):
        assert gate.admit() == 0
        gate.answered(refused=False)
    gate.close(1.0)
    clock.now += 1.0
    allowed: list[int] = []
    for _ in range(12):
        allowed.append(_room(gate))
        gate.admit()
        gate.answered(refused=False)
    assert allowed == [1, 2, 3, *[4] * 9]


def test_a_call_on_its_last_attempt_passes_alone_and_as_late_after_the_one_before_it_as_was_asked() -> None:
    gate, clock = closed_gate(2.0)
    clock.now += 2.0
    assert gate.admit() == 0
    assert gate.admit(GateState.LAST) == pytest.approx(GateState.PATIENCE_S)  # somebody is on the way
    gate.answered(refused=False)
    assert gate.admit(GateState.LAST) == pytest.approx(2.0)
    clock.now += 1.5
    assert gate.admit(GateState.LAST) == pytest.approx(0.5)
    clock.now += 0.5
    assert gate.admit(GateState.LAST) == 0
    assert gate.admit() > 0
    gate.answered(refused=False)
    assert gate.admit() == 0


def _room(gate: GateState) -> int:
    count = 0
    while gate.admit() == 0:
        count += 1
    for _ in range(count):
        gate.answered(refused=True)
    return count


def test_a_call_that_waits_long_for_its_answer_was_not_refused() -> None:
    gate, clock = closed_gate()
    clock.now += 2.0
    assert gate.admit() == 0
    assert gate.admit() == pytest.approx(GateState.PATIENCE_S)
    clock.now += GateState.PATIENCE_S
    assert [gate.admit() == 0 for _ in range(3)] == [True, True, False]


def test_an_answer_that_nobody_waits_for_any_more_does_no_harm() -> None:
    gate, clock = closed_gate()
    clock.now += 2.0
    gate.answered(refused=True)
    assert gate.admit() == 0


def test_after_a_minute_without_a_refusal_nobody_asks_any_more() -> None:
    gate, clock = closed_gate()
    clock.now += 2.0 + GateState.CALM_S
    assert gate.admit() == 0
    assert gate.is_open


def test_nor_once_many_were_let_through() -> None:
    gate, clock = closed_gate()
    clock.now += 2.0
    answered = 0
    while not gate.is_open:
        assert gate.admit() == 0
        gate.answered(refused=False)
        answered += 1
        assert answered < 100_000
    assert answered > 100


@pytest.mark.parametrize(
    ("error", "closes"),
    [
        (RateLimitError("slow down"), True),
        (RateLimitError("slow down", retry_after_s=1.0), True),
        (OverloadedError("busy", status_code=503, retry_after_s=1.0), True),
        (OverloadedError("busy", retry_after_s=1.0), True),
        (OverloadedError("busy"), False),
        (InternalServerError("oops", retry_after_s=1.0), False),
        (APITimeoutError("late"), False),
    ],
)
def test_what_asks_everybody_for_patience(error: TidewireError, closes: bool) -> None:
    assert closes_gate(error) == closes


class Provider(ReplayTransport):
    """Takes so many requests a second and refuses the rest.

    Args:
        rate: Requests a second.
        burst: As many at once.
        latency_s: Of each answer.
        retry_after: What a refusal says of when to come again; None says nothing.
    """

    def __init__(self, rate: float, burst: float, latency_s: float, retry_after: str | None) -> None:
        super().__init__(GOOD)
        self._bucket = Bucket(rate=rate, size=burst, clock=trio.current_time)
        self._latency_s = latency_s
        self._random = random.Random(7)
        self._headers = {"content-type": "application/json"}
        if retry_after is not None:
            self._headers["retry-after"] = retry_after

    async def open(self, request: HttpRequest, *, connect_timeout_s: float | None = None) -> ReplayResponse:
        self.requests.append(request)
        taken = self._bucket.take(1) == 0
        await trio.sleep(self._latency_s * self._random.uniform(0.5, 1.5))
        self.opened += 1
        return ReplayResponse(self, Exchange(body=GOOD) if taken else Exchange(status=429, headers=self._headers))


async def load(transport: ReplayTransport, calls: int, at_once: int) -> tuple[list[AIMessage | Exception], list[float]]:
    """What becomes of so many calls, and the lengths of all waits."""
    waits: list[float] = []

    def hear(run: Run, event: Event) -> None:
        if isinstance(event, Wait):
            waits.append(event.seconds)

    policy = RetryPolicy(clock=trio.current_time, random=random.Random(8).random)
    model = init_chat_model("openai:m", api_key="k", transport=transport, retry=policy, streaming=True)
    results = await model.abatch(
        ["hi"] * calls, {"max_concurrency": at_once, "callbacks": hear}, return_exceptions=True
    )
    return results, waits


def simulated(work: Callable[[], Awaitable[T]]) -> T:
    """Run ``work`` on trio with a clock that jumps to whatever is next."""
    return trio.run(work, clock=trio.testing.MockClock(autojump_threshold=0))


@pytest.mark.parametrize(
    ("rate", "burst", "latency_s", "retry_after", "calls"),
    [
        (20, 20, 0.2, "1", 1000),
        (20, 20, 0.2, None, 1000),
        (20, 20, 2.0, "1", 400),
        (20, 20, 0.005, "1", 1000),
        (0.5, 3, 0.2, "6", 100),
    ],
)
def test_no_call_fails_at_a_provider_that_allows_far_less_than_is_asked(
    rate: float, burst: float, latency_s: float, retry_after: str | None, calls: int
) -> None:
    async def work() -> None:
        transport = Provider(rate, burst, latency_s, retry_after)
        began = trio.current_time()
        results, waits = await load(transport, calls, 64)
        took = trio.current_time() - began
        failed = [result for result in results if not isinstance(result, AIMessage)]
        assert failed == []
        assert len(transport.requests) <= 2.5 * calls
        assert took <= 3 * calls / rate
        assert waits

    simulated(work)


def test_a_wait_tells_how_long_the_gate_is_closed_and_costs_no_attempt() -> None:
    async def work() -> None:
        heard = Heard()
        policy = RetryPolicy(clock=trio.current_time, random=lambda: 0.0)
        model, transport = model_on([status(429, headers={"retry-after": "30"}), GOOD, GOOD], retry=policy)
        done: list[str] = []

        async def call(name: str, delay_s: float) -> None:
            await trio.sleep(delay_s)
            message = await model.ainvoke(name, {"callbacks": heard, "run_name": name})
            assert message.text == "ab"
            done.append(name)

        began = trio.current_time()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(call, "first", 0.0)
            nursery.start_soon(call, "second", 10.0)
        assert trio.current_time() - began == pytest.approx(30.0)
        assert done == ["first", "second"]
        first, second = heard.by_run.values()
        check_grammar(first)
        check_grammar(second)
        assert [(event.attempt, event.wait_s) for event in first if isinstance(event, Retry)] == [(1, 30.0)]
        assert [event for event in first if isinstance(event, Wait)] == []
        (wait,) = [event for event in second if isinstance(event, Wait)]
        assert wait.why == "gate"
        assert wait.seconds == pytest.approx(20.0)
        assert [event for event in second if isinstance(event, Retry)] == []
        assert len(transport.requests) == 3

    simulated(work)


def test_a_refused_call_is_told_again_when_others_make_it_wait_longer() -> None:
    async def work() -> None:
        policy = RetryPolicy(clock=trio.current_time, random=lambda: 0.0)
        model, _ = model_on([status(429, headers={"retry-after": "5"}), GOOD], retry=policy)
        told: list[float] = []
        async for event in model.aevents("hi"):
            if isinstance(event, Retry):
                told.append(event.wait_s)
                brakes_for(model.settings).close(20.0)
            elif isinstance(event, Wait):
                told.append(event.seconds)
        assert told == [5.0, pytest.approx(20.0)]

    simulated(work)


def test_no_call_waits_at_the_gate_beyond_its_total_time() -> None:
    async def work() -> None:
        policy = RetryPolicy(clock=trio.current_time, random=lambda: 0.0)
        model, transport = model_on([status(429, headers={"retry-after": "0.3"}), GOOD], retry=policy)
        patient = model.bind(timeout=Timeout(total=0.2))
        with pytest.raises(RateLimitError) as raised:  # its own retry would come too late
            await patient.ainvoke("hi")
        assert raised.value.retry_after_s == 0.3
        with pytest.raises(APITimeoutError) as late:
            await patient.ainvoke("hi")
        assert late.value.phase == "total"
        assert len(transport.requests) == 1

    simulated(work)


async def test_who_asks_for_no_retries_neither_waits_nor_makes_others_wait() -> None:
    heard = Heard()
    model, _ = model_on([status(429, headers={"retry-after": "50"}), GOOD], max_retries=0)
    with pytest.raises(RateLimitError):
        await model.ainvoke("hi")
    assert (await model.bind(max_retries=2).ainvoke("hi", {"callbacks": heard})).text == "ab"
    assert heard.of(Wait) == []


async def test_a_provider_that_asks_for_an_hour_does_not_hold_up_the_others() -> None:
    heard = Heard()
    model, _ = model_on([status(429, headers={"retry-after": "3600"}), GOOD])
    with pytest.raises(RateLimitError):
        await model.ainvoke("hi")
    assert (await model.ainvoke("hi", {"callbacks": heard})).text == "ab"
    assert heard.of(Wait) == []


def test_a_call_that_is_cancelled_at_the_gate_leaves_its_place_to_the_next() -> None:
    async def work() -> None:
        heard = Heard()
        policy = RetryPolicy(clock=trio.current_time, random=lambda: 0.0)
        model, _ = model_on([status(429, headers={"retry-after": "5"}), GOOD, GOOD], retry=policy)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(model.ainvoke, "refused")
            await trio.sleep(1)
            with trio.move_on_after(1):
                await model.ainvoke("given up", {"callbacks": heard})
            nursery.start_soon(model.ainvoke, "last")
        assert isinstance(heard.end, End)
        assert heard.end.outcome == "cancelled"

    simulated(work)


def test_the_same_place_and_key_share_a_gate_and_no_secret_is_kept() -> None:
    def brakes_of(key: str, **settings: Any) -> object:
        return brakes_for(init_chat_model("openai:m", api_key=key, **settings).settings)

    assert brakes_of("key-1") is brakes_of("key-1", temperature=0)
    assert brakes_of("key-1") is not brakes_of("key-2")
    assert brakes_of("key-1") is not brakes_of("key-1", base_url="http://localhost:1/v1")
    assert brakes_of("key-1") is not brakes_of("key-1", transport=ReplayTransport(GOOD))
    assert "key-1" not in repr(brakes_of("key-1"))
    model = init_chat_model("openai:m", api_key="sk-very-secret")
    assert "very-secret" not in repr(getattr(model.settings.credentials, "identity"))  # noqa: B009 - it has no public name, or no type


def test_no_more_places_are_remembered_than_a_fixed_number() -> None:
    transport = ReplayTransport(GOOD)

    def brakes_of(number: int) -> object:
        return brakes_for(init_chat_model("openai:m", api_key=f"key-{number}", transport=transport).settings)

    first = brakes_of(0)
    second = brakes_of(1)
    assert brakes_of(0) is first
    for number in range(2, MOST_KEPT + 1):
        brakes_of(number)
    assert brakes_of(0) is first
    assert brakes_of(1) is not second


class Slotted:
    """A transport that nothing can refer to weakly."""

    __slots__ = ()

    async def open(self, request: HttpRequest, *, connect_timeout_s: float | None = None) -> ReplayResponse:
        return await ReplayTransport(GOOD).open(request)

    async def aclose(self) -> None:
        pass


class Unsigned:
    """Credentials that say nothing of themselves."""

    async def apply(self, request: HttpRequest) -> HttpRequest:
        return request


async def test_transports_and_credentials_of_any_kind_have_brakes() -> None:
    model = init_chat_model("openai:m", transport=Slotted(), credentials=Unsigned())
    assert (await model.ainvoke("hi")).text == "ab"
    assert brakes_for(model.settings) is brakes_for(model.bind(temperature=0).settings)
