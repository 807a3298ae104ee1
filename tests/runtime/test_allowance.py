"""Several limits at once: one's own, and those that a provider reports."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.runtime.clock import Clock
from tidewire.adapters.rate_limit_headers import LimitKind, LimitReport
from tidewire.allowance import Allowance
from tidewire.token_estimate import Demand

NONE = Demand(0)


def allowance(clock: Clock, burst_s: float = 60.0, **per_minute: float) -> Allowance:
    limits: dict[LimitKind, float] = {}
    for kind in ("requests", "tokens", "input_tokens", "output_tokens"):
        if kind in per_minute:
            limits[kind] = per_minute[kind]
    return Allowance(limits, burst_s=burst_s, clock=clock)


def test_a_request_needs_room_under_every_limit_and_takes_from_all_or_none() -> None:
    clock = Clock()
    both = allowance(clock, requests=60, input_tokens=600, output_tokens=60)
    assert both.take(Demand(1, 500, 10)) == 0
    assert both.take(Demand(1, 200, 10)) == pytest.approx(10)  # 100 of 600 a minute are missing
    assert both.take(Demand(1, 100, 50)) == 0  # nothing was taken by the one before
    assert both.take(Demand(1, 0, 30)) == pytest.approx(30)
    clock.now += 30
    assert both.take(Demand(1, 0, 30)) == 0


def test_tokens_of_input_and_output_count_together_where_they_are_limited_together() -> None:
    together = allowance(Clock(), tokens=100)
    assert together.take(Demand(1, 60, 40)) == 0
    assert together.take(Demand(1, 1, 0)) == pytest.approx(0.6)


def test_one_that_is_larger_than_the_limit_goes_when_all_is_free_and_is_made_up_for() -> None:
    clock = Clock()
    small = allowance(clock, tokens=60)
    assert small.take(Demand(1, 10)) == 0
    assert small.take(Demand(1, 300)) == pytest.approx(10)
    clock.now += 10
    assert small.take(Demand(1, 300)) == 0
    assert small.take(Demand(1, 0)) == pytest.approx(240)
    assert small.wait_for(Demand(2, 60)) == pytest.approx(300)


def test_what_was_not_used_comes_back_and_what_was_used_too_much_is_owed() -> None:
    both = allowance(Clock(), requests=60, tokens=100)
    assert both.take(Demand(1, 50, 50)) == 0
    both.give_back(Demand(0, 20, 10))
    assert both.take(Demand(1, 30)) == 0
    both.give_back(Demand(0, -60))
    assert both.take(Demand(1, 0)) == pytest.approx(36)


def test_a_burst_is_as_large_as_it_may_be() -> None:
    steady = allowance(Clock(), burst_s=1, requests=600)
    assert [steady.take(Demand()) for _ in range(10)] == [0] * 10
    assert steady.take(Demand()) == pytest.approx(0.1)


def test_a_pause_lets_nothing_through() -> None:
    clock = Clock()
    both = allowance(clock, requests=60)
    both.pause(5)
    both.pause(2)
    assert both.take(Demand()) == 5
    clock.now += 5
    assert both.take(Demand()) == 0


def test_a_reported_limit_fills_up_within_the_time_that_is_named() -> None:
    clock = Clock()
    learned = allowance(clock)
    learned.report([LimitReport("a", "tokens", 0, 6000, 60)], NONE)
    assert learned.take(Demand(1, 300)) == pytest.approx(3)
    clock.now += 3
    assert learned.take(Demand(1, 300)) == 0
    clock.now += 100
    assert learned.take(Demand(1, 6000)) == 0
    assert learned.take(Demand(1, 1)) > 0


def test_without_a_time_the_limit_is_taken_for_that_of_a_minute_and_without_a_limit_for_all_that_is_known() -> None:
    clock = Clock()
    learned = allowance(clock)
    learned.report([LimitReport("a", "requests", 0, 60)], NONE)
    assert learned.take(Demand()) == pytest.approx(1)
    learned = allowance(clock)
    learned.report([LimitReport("a", "requests", 0, None, 7)], NONE)
    assert learned.take(Demand()) == pytest.approx(7)
    learned = allowance(clock)
    learned.report([LimitReport("a", "requests", 0)], NONE)
    assert learned.take(Demand()) == 0
    learned = allowance(clock, tokens=120)
    learned.report([LimitReport("a", "tokens", 10)], NONE)
    assert learned.take(Demand(1, 20)) == pytest.approx(5)


def test_one_s_own_limit_counts_besides_the_reported_one() -> None:
    own = allowance(Clock(), tokens=100)
    own.report([LimitReport("a", "tokens", 9000, 9000, 0)], NONE)
    assert own.take(Demand(1, 90)) == 0
    assert own.take(Demand(1, 20)) > 0


def test_a_report_does_not_count_the_requests_that_have_not_arrived() -> None:
    learned = allowance(Clock())
    learned.report([LimitReport("a", "requests", 10, 60, 50)], Demand(4))
    assert [learned.take(Demand()) for _ in range(6)] == [0] * 6
    assert learned.take(Demand()) > 0
    # Nothing is under way any more, and the provider says that five are left: so it is.
    learned.report([LimitReport("a", "requests", 5, 60, 55)], NONE)
    assert [learned.take(Demand()) for _ in range(5)] == [0] * 5
    assert learned.take(Demand()) > 0
    # It says that fewer are left than we think: somebody else used them.
    learned.report([LimitReport("a", "requests", 40, 60, 20)], NONE)
    learned.report([LimitReport("a", "requests", 2, 60, 58)], Demand(1))
    assert [learned.take(Demand()) for _ in range(2)] == [0] * 2
    assert learned.take(Demand()) > 0


@given(
    st.lists(
        st.tuples(st.floats(0, 20), st.integers(0, 50), st.integers(0, 50), st.integers(0, 80), st.booleans()),
        max_size=40,
    )
)
def test_never_more_is_used_than_the_rate_and_one_burst_allow(
    steps: list[tuple[float, int, int, int, bool]],
) -> None:
    clock = Clock()
    limited = allowance(clock, requests=60, tokens=300)
    begun, requests, tokens = clock.now, 0, 0
    for passed, sent, expected, made, settled in steps:
        clock.now += passed
        demand = Demand(1, sent, expected)
        if limited.take(demand) > 0:
            continue
        requests += 1
        tokens += sent + expected
        if settled and made <= expected:
            limited.give_back(Demand(0, 0, expected - made))
            tokens -= expected - made
        elapsed = clock.now - begun
        assert requests <= 60 + elapsed + 1e-6
        assert tokens <= 300 + 5 * elapsed + 1e-6
