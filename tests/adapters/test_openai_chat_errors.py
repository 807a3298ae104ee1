"""Requests that OpenAI, or a host that speaks its format, refuses."""

import json

import pytest

from tidewire.adapters.openai_chat import OpenAIChatCodec
from tidewire.adapters.openai_chat_errors import failed_finish, is_error, reported
from tidewire.events.errors import (
    APIStatusError,
    AuthenticationError,
    BadRequestError,
    ContentFilterError,
    ContextWindowExceededError,
    InternalServerError,
    NotFoundError,
    OverloadedError,
    PermissionDeniedError,
    QuotaExceededError,
    RateLimitError,
    RequestTooLargeError,
    UnprocessableEntityError,
)


def refused(status: int, body: object = None, headers: dict[str, str] | None = None) -> APIStatusError:
    error = OpenAIChatCodec().error(status, headers or {}, json.dumps(body).encode())
    assert isinstance(error, APIStatusError)
    return error


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, BadRequestError),
        (401, AuthenticationError),
        (402, QuotaExceededError),
        (403, PermissionDeniedError),
        (404, NotFoundError),
        (413, RequestTooLargeError),
        (422, UnprocessableEntityError),
        (429, RateLimitError),
        (500, InternalServerError),
        (502, InternalServerError),
        (503, OverloadedError),
    ],
)
def test_the_status_decides_the_class(status: int, kind: type[APIStatusError]) -> None:
    error = refused(status, {"error": {"message": "no", "type": "invalid_request_error", "code": None}})
    assert (type(error), error.status_code) == (kind, status)


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (429, "insufficient_quota", QuotaExceededError),
        (429, "rate_limit_exceeded", RateLimitError),
        (400, "context_length_exceeded", ContextWindowExceededError),
        (400, "content_filter", ContentFilterError),
        (413, "rate_limit_exceeded", RequestTooLargeError),  # Groq, of a request that no waiting makes smaller
    ],
)
def test_a_code_tells_more_than_the_status_but_does_not_contradict_it(
    status: int, code: str, kind: type[APIStatusError]
) -> None:
    error = refused(status, {"error": {"message": "no", "type": "x", "code": code}})
    assert (type(error), error.status_code, error.provider_code) == (kind, status, code)


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"type": "service_unavailable_error", "code": "server_is_overloaded"}, OverloadedError),
        ({"type": "service_unavailable_error", "code": None}, OverloadedError),
        ({"code": "slow_down"}, OverloadedError),
        ({"type": "server_error", "code": None}, InternalServerError),
        ({"type": "requests", "code": "rate_limit_exceeded"}, RateLimitError),
    ],
)
def test_inside_a_reply_the_words_stand_in_for_the_status(fields: dict[str, str], kind: type[APIStatusError]) -> None:
    error = reported({"message": "no", **fields})
    assert (type(error), error.is_retryable) == (kind, True)


def test_the_headers_tell_the_id_and_how_long_to_wait() -> None:
    error = refused(429, {}, {"x-request-id": "req_1", "retry-after": "3"})
    assert (error.request_id, error.retry_after_s) == ("req_1", 3.0)
    assert OpenAIChatCodec().request_id({"apim-request-id": "a"}) == "a"
    assert OpenAIChatCodec().request_id({"x-request-id": ""}) is None


def test_reasons_to_finish_that_are_failures_are_errors() -> None:
    failure = failed_finish("error")
    assert isinstance(failure, InternalServerError)
    assert failure.is_retryable
    assert failed_finish("stop") is None


NO_ERRORS: list[object] = [{}, [], None, 7, "error", {"message": "hello"}, {"code": 1}, {"error": None}]


@pytest.mark.parametrize("value", [*NO_ERRORS, {"choices": [{"index": 0}], "error": "read beside the choice"}])
def test_not_everything_is_an_error(value: object) -> None:
    assert not is_error(value)
