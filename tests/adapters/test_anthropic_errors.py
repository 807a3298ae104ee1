"""Anthropic's errors by status, by code, and in the reply."""

from __future__ import annotations

import json

import pytest

from tidewire.adapters.anthropic_errors import error_in_reply, refused, request_id
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
    UnprocessableEntityError,
)


def body(kind: str, message: str = "no", **details: str) -> bytes:
    error = {"type": kind, "message": message, **({"details": details} if details else {})}
    return json.dumps({"type": "error", "error": error, "request_id": "req_body"}).encode()


@pytest.mark.parametrize(
    ("status", "kind", "error"),
    [
        (400, "invalid_request_error", BadRequestError),
        (401, "authentication_error", AuthenticationError),
        (402, "billing_error", QuotaExceededError),
        (403, "permission_error", PermissionDeniedError),
        (404, "not_found_error", NotFoundError),
        (413, "request_too_large", RequestTooLargeError),
        (422, "invalid_request_error", UnprocessableEntityError),
        (429, "rate_limit_error", RateLimitError),
        (500, "api_error", InternalServerError),
        (504, "timeout_error", InternalServerError),
        (529, "overloaded_error", OverloadedError),
        (500, "overloaded_error", OverloadedError),
    ],
)
def test_a_refusal_has_the_class_of_its_code_and_status(status: int, kind: str, error: type[APIStatusError]) -> None:
    told = refused(status, {"request-id": "req_head"}, body(kind))
    assert type(told) is error
    assert (told.status_code, told.provider_code, told.request_id) == (status, kind, "req_head")
    assert told.message == f"HTTP {status} ({kind}): no"


@pytest.mark.parametrize(
    ("kind", "status", "error"),
    [
        ("invalid_request_error", 400, BadRequestError),
        ("authentication_error", 401, AuthenticationError),
        ("billing_error", 429, QuotaExceededError),
        ("permission_error", 403, PermissionDeniedError),
        ("not_found_error", 404, NotFoundError),
        ("request_too_large", 413, RequestTooLargeError),
        ("rate_limit_error", 429, RateLimitError),
        ("api_error", 500, InternalServerError),
        ("timeout_error", 504, InternalServerError),
        ("overloaded_error", 529, OverloadedError),
        ("strange_error", None, APIStatusError),
    ],
)
def test_an_error_in_a_reply_has_the_class_of_its_code(
    kind: str, status: int | None, error: type[APIStatusError]
) -> None:
    told = error_in_reply(body(kind))
    assert type(told) is error
    assert (told.status_code, told.provider_code, told.request_id) == (status, kind, "req_body")


@pytest.mark.parametrize(
    "message",
    [
        "prompt is too long: 208310 tokens > 200000 maximum",
        "Prompt is too long",
        "input length and `max_tokens` exceed context limit: 178959 + 64000 > 200000, decrease input length",
    ],
)
def test_a_prompt_that_is_too_long_is_known_by_how_its_message_begins(message: str) -> None:
    assert type(refused(400, {}, body("invalid_request_error", message))) is ContextWindowExceededError
    assert type(error_in_reply(body("invalid_request_error", message))) is ContextWindowExceededError
    quoted = body("invalid_request_error", f"messages.0: {message}")
    assert type(refused(400, {}, quoted)) is BadRequestError
    assert type(refused(500, {}, body("api_error", message))) is InternalServerError


@pytest.mark.parametrize(
    "code", ["enforced_spend_limit_reached", "contract_spend_limit_reached", "linked_organization_spend_limit_reached"]
)
def test_a_spend_limit_is_a_quota_that_waiting_does_not_mend(code: str) -> None:
    told = refused(429, {}, body("rate_limit_error", error_code=code))
    assert type(told) is QuotaExceededError
    assert not told.is_retryable
    assert type(refused(429, {}, body("rate_limit_error", error_code="ramp_limit_exceeded"))) is RateLimitError


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<html><title>502 Bad Gateway</title></html>",
        b'{"error":"x"}',
        b'{"error":{"type":7}}',
        b"[" * 100_000,
        b"\xff",
        b'{"error":null}',
    ],
)
def test_an_error_of_another_shape_goes_by_its_status(data: bytes) -> None:
    assert type(refused(502, {}, data)) is InternalServerError
    assert isinstance(error_in_reply(data), APIStatusError)


def test_a_retry_after_and_the_id_of_the_body_are_kept() -> None:
    told = refused(429, {"retry-after": "13"}, body("rate_limit_error"))
    assert (told.retry_after_s, told.request_id) == (13.0, "req_body")


def test_the_provider_may_say_itself_whether_trying_again_helps() -> None:
    assert not refused(429, {"x-should-retry": "false"}, body("rate_limit_error")).is_retryable
    assert refused(400, {"x-should-retry": "true"}, body("invalid_request_error")).is_retryable
    assert refused(529, {"x-should-retry": "perhaps"}, body("overloaded_error")).is_retryable


def test_compatible_servers_may_name_the_request_otherwise() -> None:
    assert request_id({"x-request-id": "a"}) == "a"
    assert request_id({"x-request-id": "a", "request-id": "b"}) == "b"
    assert request_id({}) is None
