"""The tree of errors: what each carries, and that it survives a pickle."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable, Iterator
from typing import cast

import pytest

from tidewire.events import errors
from tidewire.events.errors import (
    BODY_LIMIT,
    MESSAGE_LIMIT,
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    BadRequestError,
    InternalServerError,
    OutputParsingError,
    OverloadedError,
    QuotaExceededError,
    RateLimitError,
    ResponseDecodeError,
    TidewireError,
    error_class_for_status,
)
from tidewire.events.messages import AIMessage


def all_below(kind: type[TidewireError]) -> Iterator[type[TidewireError]]:
    yield kind
    for below in kind.__subclasses__():
        yield from all_below(below)


def through_pickle(error: TidewireError) -> TidewireError:
    return cast("TidewireError", pickle.loads(pickle.dumps(error)))


ALL = sorted(
    {kind for kind in all_below(TidewireError) if kind.__module__ == errors.__name__}, key=lambda kind: kind.__name__
)


def test_the_tree_at_the_top_of_the_file_is_the_tree() -> None:
    drawn = {word for word in str(errors.__doc__).split() if word.endswith(("Error", "Exception"))}
    assert drawn == {kind.__name__ for kind in ALL}


@pytest.mark.parametrize("kind", ALL)
def test_every_error_has_the_same_fields(kind: type[TidewireError]) -> None:
    error = kind("wrong")
    assert (error.provider, error.model, error.attempts, error.partial) == (None, None, 0, None)
    error.provider, error.model, error.attempts, error.partial = "openai", "gpt", 2, AIMessage("so far")
    assert (error.message, error.provider, error.model, error.attempts) == ("wrong", "openai", "gpt", 2)
    assert error.partial == AIMessage("so far")
    assert str(error) == "wrong"
    assert isinstance(error.is_retryable, bool)


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize("again", [through_pickle, copy.copy, copy.deepcopy])
def test_an_error_is_whole_after_a_pickle_and_a_copy(
    kind: type[TidewireError], again: Callable[[TidewireError], TidewireError]
) -> None:
    error = kind("wrong")
    error.provider, error.attempts, error.partial = "openai", 3, AIMessage("so far")
    error.add_note("while testing")
    error.is_retryable = not error.is_retryable
    twin = again(error)
    assert type(twin) is kind
    assert (twin.args, twin.__dict__) == (error.args, error.__dict__)


def test_the_call_can_be_named_when_an_error_is_made() -> None:
    error = APIConnectionError("gone", provider="openai", model="gpt", attempts=2, partial=AIMessage("so far"))
    assert (error.provider, error.model, error.attempts, error.partial) == ("openai", "gpt", 2, AIMessage("so far"))


def test_status_errors_keep_what_the_provider_said() -> None:
    error = RateLimitError("slow down", provider_code="rate", request_id="r1", retry_after_s=2.5, body="{}")
    twin = pickle.loads(pickle.dumps(error))
    for kept in (error, twin):
        assert (kept.status_code, kept.provider_code, kept.request_id) == (429, "rate", "r1")
        assert (kept.retry_after_s, kept.body, kept.is_retryable) == (2.5, "{}", True)


def test_texts_are_cut_to_their_limits() -> None:
    assert len(TidewireError("x" * 5000).message.encode()) == MESSAGE_LIMIT
    assert MESSAGE_LIMIT - 3 < len(TidewireError("€" * 5000).message.encode()) <= MESSAGE_LIMIT
    assert TidewireError("x" * MESSAGE_LIMIT).message == "x" * MESSAGE_LIMIT
    assert len(ResponseDecodeError("bad", excerpt="y" * 5000).excerpt) == 500
    assert APIStatusError("no", body="z" * (BODY_LIMIT + 1)).body == "z" * BODY_LIMIT


def test_a_body_is_cut_by_its_bytes_between_characters() -> None:
    body = APIStatusError("no", body="€" * BODY_LIMIT).body
    assert len(body.encode()) == BODY_LIMIT - BODY_LIMIT % 3
    assert set(body) == {"€"}


def test_what_may_pass_later_is_retryable() -> None:
    retryable = {kind.__name__ for kind in ALL if kind("x").is_retryable}
    assert retryable == {
        "APIConnectionError",
        "APITimeoutError",
        "InternalServerError",
        "OverloadedError",
        "RateLimitError",
        "StreamInterruptedError",
    }
    assert APIStatusError("x", status_code=408).is_retryable
    assert APIStatusError("x", status_code=409).is_retryable
    assert not APIStatusError("x", status_code=418).is_retryable
    assert not QuotaExceededError("x").is_retryable


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "BadRequestError"),
        (401, "AuthenticationError"),
        (402, "QuotaExceededError"),
        (403, "PermissionDeniedError"),
        (404, "NotFoundError"),
        (405, "BadRequestError"),
        (408, "APIStatusError"),
        (409, "APIStatusError"),
        (413, "RequestTooLargeError"),
        (415, "BadRequestError"),
        (422, "UnprocessableEntityError"),
        (429, "RateLimitError"),
        (500, "InternalServerError"),
        (502, "InternalServerError"),
        (503, "OverloadedError"),
        (504, "InternalServerError"),
        (529, "OverloadedError"),
        (302, "APIStatusError"),
    ],
)
def test_a_status_has_its_class(status: int, kind: str) -> None:
    assert error_class_for_status(status).__name__ == kind


def test_a_class_stands_for_its_status() -> None:
    assert BadRequestError("x").status_code == 400
    assert OverloadedError("x").status_code == 529
    assert OverloadedError("x", status_code=503).status_code == 503
    assert InternalServerError("x").status_code == 500
    assert APIStatusError("x").status_code is None


def test_a_timeout_says_its_phase_and_is_a_connection_error() -> None:
    error = APITimeoutError("late", phase="first_event")
    assert error.phase == "first_event"
    assert isinstance(error, APIConnectionError)


def test_a_parsing_error_carries_the_raw_message() -> None:
    raw = AIMessage("no json")
    assert OutputParsingError("no", raw=raw).raw is raw


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (None, None),
        (AIMessage("no JSON"), "no JSON"),
        (AIMessage(invalid_tool_calls=[{"id": "1", "name": "P", "args": '{"a":', "error": "cut"}]), '{"a":'),
        (AIMessage(tool_calls=[{"id": "1", "name": "P", "args": {"b": "ü"}}]), '{"b": "ü"}'),
        (AIMessage(""), ""),
    ],
)
def test_the_text_that_was_not_parsed_is_told_by_the_fields_name(raw: AIMessage | None, text: str | None) -> None:
    assert OutputParsingError("no", raw=raw).llm_output == text
