"""What the error of a call tells of the attempts and the models before."""

from __future__ import annotations

from tidewire.events.errors import APIConnectionError, InternalServerError, RateLimitError
from tidewire.failures import NOTE_LIMIT, Failures, reason_of


def test_attempts_that_failed_in_the_same_way_are_not_told_of() -> None:
    failures = Failures("openai", "m")
    failures.attempt_failed(InternalServerError("one"))
    failures.attempt_failed(InternalServerError("two", status_code=502))
    last = InternalServerError("three")
    assert failures.outcome(last, 3, handled=False) is last
    assert (last.provider, last.model, last.attempts) == ("openai", "m", 3)
    assert last.__notes__ == ["attempt 2 failed with InternalServerError: two"]


def test_an_error_that_ends_several_calls_is_not_told_the_same_twice() -> None:
    shared = APIConnectionError("refused")
    for _ in range(2):
        failures = Failures("openai", "m")
        failures.attempt_failed(RateLimitError("slow down"))
        failures.attempt_failed(shared)
        assert failures.outcome(shared, 3, handled=True) is shared
    assert shared.__notes__ == ["attempt 1 failed with RateLimitError: slow down"]
    assert shared.__context__ is None


def test_what_is_shown_of_an_earlier_error_is_short_and_visible() -> None:
    failures = Failures("openai", "m")
    failures.attempt_failed(RateLimitError("\x1b[31m" + "x" * 5000))
    last = InternalServerError("oops")
    failures.outcome(last, 2, handled=False)
    (note,) = last.__notes__
    assert "\x1b" not in note
    assert len(note) < NOTE_LIMIT + 100


def test_a_traceback_shows_what_was_shown_before() -> None:
    failures = Failures("openai", "m")
    failures.attempt_failed(RateLimitError("slow down"))
    last = InternalServerError("oops")
    last.__cause__ = OSError("below")
    failures.outcome(last, 2, handled=False)
    assert last.__context__ is None


def test_errors_in_a_few_words() -> None:
    assert reason_of(APIConnectionError("refused")) == "APIConnectionError"
    assert reason_of(InternalServerError("oops", status_code=502)) == "InternalServerError (502)"
