"""Retry and timeout decisions, from data alone."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidewire import init_chat_model
from tidewire.events.errors import (
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    AuthenticationError,
    BadRequestError,
    ConfigurationError,
    InternalServerError,
    OverloadedError,
    QuotaExceededError,
    RateLimitError,
    ResponseDecodeError,
    StreamInterruptedError,
    TidewireError,
)
from tidewire.policy import RetryPolicy, Timeout, may_retry

NEVER_RANDOM = RetryPolicy(random=lambda: 1.0)


@pytest.mark.parametrize(
    "error",
    [
        APIConnectionError("refused"),
        APITimeoutError("late", phase="connect"),
        APITimeoutError("late", phase="first_event"),
        RateLimitError("slow down"),
        InternalServerError("oops"),
        InternalServerError("bad gateway", status_code=502),
        InternalServerError("gateway timeout", status_code=504),
        OverloadedError("busy", status_code=503),
        OverloadedError("busy"),
        APIStatusError("request timeout", status_code=408),
        APIStatusError("conflict", status_code=409),
        StreamInterruptedError("cut before content"),
    ],
)
def test_what_may_pass_later_is_tried_again(error: TidewireError) -> None:
    assert may_retry(error)
    assert NEVER_RANDOM.wait_before_retry(error, 1, None) is not None


@pytest.mark.parametrize(
    "error",
    [
        APITimeoutError("late", phase="total"),
        APITimeoutError("late", phase="between_events"),
        QuotaExceededError("no credit"),
        AuthenticationError("who are you"),
        BadRequestError("no"),
        InternalServerError("not implemented", status_code=501),
        ResponseDecodeError("not JSON"),
        ConfigurationError("no key"),
    ],
)
def test_what_fails_the_same_way_again_is_raised_at_once(error: TidewireError) -> None:
    assert not may_retry(error)
    assert NEVER_RANDOM.wait_before_retry(error, 1, None) is None


def test_a_connection_error_that_is_not_retryable_is_raised() -> None:
    error = APIConnectionError("unknown certificate")
    error.is_retryable = False
    assert not may_retry(error)


def test_max_retries_counts_requests_after_the_first() -> None:
    policy = RetryPolicy(max_retries=2)
    error = InternalServerError("oops")
    assert [policy.wait_before_retry(error, attempt, None) is not None for attempt in (1, 2, 3)] == [True, True, False]


def test_waits_double_up_to_the_limit() -> None:
    policy = RetryPolicy(max_retries=10, random=lambda: 1.0)
    waits = [policy.wait_before_retry(InternalServerError("oops"), attempt, None) for attempt in range(1, 8)]
    assert waits == [0.5, 1.0, 2.0, 4.0, 8.0, 8.0, 8.0]


def test_retry_after_is_a_minimum_and_beyond_the_limit_the_error_is_raised() -> None:
    assert NEVER_RANDOM.wait_before_retry(RateLimitError("wait", retry_after_s=7.0), 1, None) == 7.0
    assert NEVER_RANDOM.wait_before_retry(RateLimitError("wait", retry_after_s=0.1), 1, None) == 0.5
    assert NEVER_RANDOM.wait_before_retry(RateLimitError("wait", retry_after_s=61.0), 1, None) is None


def test_no_wait_goes_beyond_the_total_time() -> None:
    error = RateLimitError("wait", retry_after_s=7.0)
    assert NEVER_RANDOM.wait_before_retry(error, 1, 7.0) is None
    assert NEVER_RANDOM.wait_before_retry(error, 1, 7.1) == 7.0


@given(st.floats(0, 1), st.integers(1, 20))
def test_a_wait_is_never_negative_and_never_above_the_limit(random: float, attempt: int) -> None:
    policy = RetryPolicy(max_retries=20, random=lambda: random)
    wait = policy.wait_before_retry(InternalServerError("oops"), attempt, None)
    assert wait is not None
    assert 0 <= wait <= policy.max_s


def test_a_plain_number_bounds_the_first_event_and_the_gaps() -> None:
    timeout = Timeout.of(30)
    assert (timeout.first_event, timeout.between_events, timeout.total) == (30, 30, None)
    assert Timeout.of(0.5).connect == 0.5
    assert Timeout.of(None) == Timeout()
    assert Timeout.of(timeout) is timeout


def test_each_phase_has_its_limit() -> None:
    timeout = Timeout(connect=1, first_event=2, between_events=3, total=4)
    limits = [timeout.for_phase(phase) for phase in ("connect", "first_event", "between_events", "total")]
    assert limits == [1, 2, 3, 4]


@pytest.mark.parametrize("value", [0, -1, float("nan")])
def test_a_limit_that_is_no_time_is_refused(value: float) -> None:
    with pytest.raises(ConfigurationError, match="first_event must be above 0"):
        Timeout(first_event=value)


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        ({"first_token": 3}, "Timeout has no limit 'first_token'; did you mean 'first_event'"),
        ({"xyz": 3}, "it has connect, first_event, between_events, total"),
        ({"total": "30"}, "timeout total must be above 0 seconds, got '30'"),
        ({"connect": True}, "timeout connect must be above 0 seconds"),
    ],
)
def test_limits_that_do_not_exist_or_are_no_numbers_are_refused(limits: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        Timeout(**limits)


def test_a_timeout_is_a_value() -> None:
    assert Timeout(total=3) == Timeout(10.0, 600.0, 120.0, 3)
    assert hash(Timeout(total=3)) == hash(Timeout(total=3))
    assert pickle.loads(pickle.dumps(Timeout(total=3))) == Timeout(total=3)
    assert repr(Timeout(total=3)) == "Timeout(connect=10.0, first_event=600.0, between_events=120.0, total=3)"


@pytest.mark.parametrize(
    ("keywords", "words"),
    [
        ({"timeout": "30"}, "timeout must be a number of seconds or a Timeout, got '30'"),
        ({"max_retries": "2"}, "max_retries must be a whole number from 0, got '2'"),
        ({"max_retries": True}, "max_retries must be a whole number"),
        ({"max_retries": -1}, "got -1"),
        ({"retry": 3}, "retry must be a RetryPolicy, got 3"),
        ({"temperature": "hot"}, "temperature must be a number, got 'hot'"),
        ({"temperature": False}, "temperature must be a number"),
        ({"max_tokens": "100"}, "max_tokens must be a whole number, got '100'"),
        ({"seed": 1.5}, "seed must be a whole number"),
    ],
)
def test_values_of_the_wrong_type_are_refused_when_the_model_is_made(keywords: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        init_chat_model("openai:m", **keywords)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"max_retries": 1.5}, "max_retries must be a whole number"),
        ({"initial_s": "1"}, "initial_s of a RetryPolicy"),
        ({"max_s": -1}, "max_s of a RetryPolicy"),
        ({"growth": float("nan")}, "growth of a RetryPolicy"),
        ({"jitter_s": "1"}, "jitter_s of a RetryPolicy"),
        ({"jitter_s": -1}, "jitter_s of a RetryPolicy"),
    ],
)
def test_a_policy_is_checked_too(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        RetryPolicy(**fields)


def test_an_answer_that_stands_still_may_pass_only_where_it_may_be_discarded() -> None:
    late = APITimeoutError("late", phase="between_events")
    assert not may_retry(late)
    assert may_retry(late, after_content=True)
    assert NEVER_RANDOM.wait_before_retry(late, 1, None, after_content=True) == 0.5


def test_the_gate_is_closed_for_as_long_as_is_asked_or_as_a_retry_would_wait() -> None:
    assert NEVER_RANDOM.closing_s(RateLimitError("wait", retry_after_s=0.1), 1) == 0.1
    assert NEVER_RANDOM.closing_s(RateLimitError("wait"), 2) == 1.0
    assert NEVER_RANDOM.closing_s(RateLimitError("wait", retry_after_s=0.0), 2) == 1.0
    assert NEVER_RANDOM.closing_s(RateLimitError("wait", retry_after_s=61.0), 1) is None
