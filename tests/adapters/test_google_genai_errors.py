"""Google's refusals as our errors."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tidewire.adapters.google_genai_errors import error_in_reply, is_error, refused, request_id
from tidewire.events.errors import (
    APIStatusError,
    AuthenticationError,
    BadRequestError,
    ContextWindowExceededError,
    InternalServerError,
    NotFoundError,
    OverloadedError,
    PermissionDeniedError,
    QuotaExceededError,
    RateLimitError,
    RequestTooLargeError,
)

Json = dict[str, Any]


def error(code: int, status: str, message: str = "no", *details: Json, **more: Any) -> Json:
    return {"error": {"code": code, "status": status, "message": message, "details": list(details), **more}}


def told(code: int, status: str, message: str = "no", *details: Json) -> APIStatusError:
    """The error of a refusal, which is the same when it comes inside a reply, and in a list."""
    value = error(code, status, message, *details)
    found = refused(code, {}, json.dumps(value).encode())
    for body in (value, [value]):
        inside = error_in_reply(json.dumps(body).encode())
        assert type(inside) is type(found)
        assert (inside.status_code, inside.provider_code, inside.retry_after_s) == (code, status, found.retry_after_s)
    return found


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        (400, "INVALID_ARGUMENT", BadRequestError),
        (400, "FAILED_PRECONDITION", BadRequestError),
        (401, "UNAUTHENTICATED", AuthenticationError),
        (403, "PERMISSION_DENIED", PermissionDeniedError),
        (404, "NOT_FOUND", NotFoundError),
        (413, "NEWS", RequestTooLargeError),
        (429, "RESOURCE_EXHAUSTED", RateLimitError),
        (500, "INTERNAL", InternalServerError),
        (503, "UNAVAILABLE", OverloadedError),
        (504, "DEADLINE_EXCEEDED", InternalServerError),
    ],
)
def test_the_status_chooses_the_class(code: int, status: str, kind: type[APIStatusError]) -> None:
    assert type(told(code, status)) is kind


def test_a_wrong_key_is_an_authentication_error_though_it_comes_as_a_bad_request() -> None:
    info = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}
    found = told(400, "INVALID_ARGUMENT", "API key not valid.", {"reason": "OTHER"}, info)
    assert type(found) is AuthenticationError
    assert found.status_code == 400


def quota(id: str, key: str = "quotaId") -> Json:
    return {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [{"other": 1}, {key: id}]}


def test_a_limit_by_the_day_is_a_quota_and_one_by_the_minute_is_not() -> None:
    minute = told(429, "RESOURCE_EXHAUSTED", "slow", quota("GenerateRequestsPerMinutePerProjectPerModel-FreeTier"))
    day = told(429, "RESOURCE_EXHAUSTED", "slow", quota("GenerateRequestsPerDayPerProjectPerModel-FreeTier"))
    assert (type(minute), minute.is_retryable) == (RateLimitError, True)
    assert (type(day), day.is_retryable) == (QuotaExceededError, False)
    assert type(told(429, "RESOURCE_EXHAUSTED", "slow", quota("requests_per_day", "subject"))) is QuotaExceededError


def test_the_wait_is_read_from_the_details() -> None:
    def wait(delay: object) -> float | None:
        return told(429, "RESOURCE_EXHAUSTED", "slow", {"retryDelay": delay}, {"retryDelay": "99s"}).retry_after_s

    assert wait("34.4s") == 34.4
    assert wait("26s") == 26
    for unusable in ("soon", "-1s", "1e9s", 5, None):
        assert wait(unusable) == 99
    body = json.dumps(error(429, "RESOURCE_EXHAUSTED", "slow", {"retryDelay": "34s"})).encode()
    assert refused(429, {"retry-after": "7"}, body).retry_after_s == 7


def test_a_prompt_that_is_too_long_is_its_own_error() -> None:
    for message in (
        "The input token count (1192334) exceeds the maximum number of tokens allowed (1048576).",
        "Unable to submit request because the input token count is 1192334 but model only supports up to 1048576.",
    ):
        assert type(told(400, "INVALID_ARGUMENT", message)) is ContextWindowExceededError
    assert type(told(400, "INVALID_ARGUMENT", "You said: the input token count (5)")) is BadRequestError


def test_the_older_form_beside_the_error_does_not_hide_it() -> None:
    value = error(429, "RESOURCE_EXHAUSTED", "slow", errors=[{"message": "old", "reason": "rateLimitExceeded"}])
    for found in (refused(429, {}, json.dumps(value).encode()), error_in_reply(json.dumps(value).encode())):
        assert type(found) is RateLimitError
        assert found.provider_code == "RESOURCE_EXHAUSTED"
        assert "slow" in str(found)


def test_the_body_is_kept_as_it_came() -> None:
    body = json.dumps(error(400, "INVALID_ARGUMENT", "no", {"reason": "X"}), indent=2)
    assert refused(400, {}, body.encode()).body == body
    assert error_in_reply(body.encode()).body == body


def test_errors_of_another_shape_are_read() -> None:
    page = refused(502, {"x-request-id": "r"}, b"<html><title>Bad Gateway</title></html>")
    assert (type(page), page.request_id, "Bad Gateway" in str(page)) == (InternalServerError, "r", True)
    assert type(refused(404, {}, b"")) is NotFoundError
    assert type(refused(400, {}, b'{"error": {"code": 400, "status": 7, "details": 5}}')) is BadRequestError
    assert "oh" in str(error_in_reply(b'{"error": "oh"}'))
    assert type(error_in_reply(b"\xff")) is APIStatusError


def test_what_is_an_error() -> None:
    assert is_error(b'{"error": {"code": 400}}')
    assert is_error(b'[{"error": {"code": 400}}]')
    for body in (b"{}", b"[]", b'{"error": "oh"}', b"{", b"5", b"[5]"):
        assert not is_error(body), body


def test_the_request_id_stands_in_a_header() -> None:
    assert request_id({"x-goog-request-id": "g", "x-request-id": "x"}) == "g"
    assert request_id({"x-request-id": "x"}) == "x"
    assert request_id({}) is None
