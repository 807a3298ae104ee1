"""Bedrock's errors, wherever their names and messages stand."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.adapters.bedrock_judge import operation, service
from tidewire.adapters.bedrock_errors import error_in_reply, error_in_stream, refused, request_id
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
)


def body(message: str, **fields: str) -> bytes:
    return json.dumps({"message": message, **fields}).encode()


@pytest.mark.parametrize(
    ("status", "name", "kind"),
    [
        (400, "ValidationException:http://internal.amazon.com/coral/com.amazon.bedrock/", BadRequestError),
        (400, "ServiceQuotaExceededException", QuotaExceededError),
        (403, "AccessDeniedException", PermissionDeniedError),
        (403, "ExpiredTokenException", AuthenticationError),
        (403, "InvalidSignatureException", AuthenticationError),
        (403, "MissingAuthenticationTokenException", AuthenticationError),
        (403, "UnrecognizedClientException:http://internal.amazon.com/x", PermissionDeniedError),
        (404, "ResourceNotFoundException", NotFoundError),
        (408, "ModelTimeoutException", InternalServerError),
        (424, "ModelErrorException", InternalServerError),
        (429, "ModelNotReadyException", OverloadedError),
        (429, "ThrottlingException", RateLimitError),
        (500, "InternalServerException", InternalServerError),
        (503, "ServiceUnavailableException", OverloadedError),
        (418, "UnheardOfException", APIStatusError),
        (429, "UnheardOfException", RateLimitError),
    ],
)
def test_a_refused_request_is_the_error_of_its_name_else_of_its_status(
    status: int, name: str, kind: type[APIStatusError]
) -> None:
    error = refused(status, {"x-amzn-errortype": name, "x-amzn-requestid": "r1", "retry-after": "3"}, body("what"))
    assert type(error) is kind
    bare = name.partition(":")[0]
    assert (error.status_code, error.provider_code, error.request_id) == (status, bare, "r1")
    assert error.retry_after_s == 3
    assert error.message == f"HTTP {status} ({bare}): what"
    assert error.body == '{"message": "what"}'


def test_each_error_that_the_service_model_has_is_known_with_its_status() -> None:
    shapes = [*operation(stream=False).error_shapes]
    shapes += [service().shape_for(name) for name in ("ModelStreamErrorException", "ServiceQuotaExceededException")]
    assert len(shapes) == 11
    for shape in shapes:
        error = error_in_stream({":exception-type": shape.name}, b"{}")
        assert type(error) is not APIStatusError
        assert error.status_code == shape.metadata["error"]["httpStatusCode"], shape.name


@pytest.mark.parametrize(
    "told",
    [
        body("slow down", __type="com.amazon.coral.service#ThrottlingException"),
        body("slow down", code="ThrottlingException"),
        b'{"Message": "slow down", "__type": "ThrottlingException"}',
    ],
)
def test_the_name_may_stand_in_the_body(told: bytes) -> None:
    error = refused(400, {}, told)
    assert isinstance(error, RateLimitError)
    assert "slow down" in error.message


@pytest.mark.parametrize(
    "message",
    [
        "Input is too long for requested model.",
        "The model returned the following errors: prompt is too long: 208310 tokens > 200000 maximum",
        "The model returned the following errors: input length and `max_tokens` exceed context limit: 1 + 2 > 3",
        "The model returned the following errors: This model's maximum context length is 131072 tokens. Please",
    ],
)
def test_a_prompt_that_is_too_long_is_told_by_how_its_message_begins(message: str) -> None:
    named = {"x-amzn-errortype": "ValidationException"}
    assert type(refused(400, named, body(message))) is ContextWindowExceededError
    assert type(refused(400, {}, body(message))) is ContextWindowExceededError
    assert type(refused(500, {}, body(message))) is InternalServerError
    told = error_in_stream({":exception-type": "validationException"}, body(message))
    assert type(told) is ContextWindowExceededError
    assert type(refused(400, named, body(f"the text {message!r} is fine"))) is BadRequestError


def test_a_page_of_a_proxy_is_the_error_of_its_status() -> None:
    error = refused(503, {}, b"<html><title>Service down</title></html>")
    assert type(error) is OverloadedError
    assert error.message == "HTTP 503: Service down"
    assert error.request_id is None


def test_a_message_may_stand_in_the_headers_of_a_frame() -> None:
    error = error_in_stream({":error-code": "InternalServerException", ":error-message": "oh"}, b"")
    assert type(error) is InternalServerError
    assert error.message == "the provider reported an error in its reply (InternalServerException): oh"


def test_a_frame_that_says_nothing_is_an_error_all_the_same() -> None:
    error = error_in_stream({":error-message": 5}, b"\xff")
    assert type(error) is APIStatusError
    assert (error.status_code, error.provider_code) == (None, None)
    assert error.body == "�"


def test_a_body_without_a_type_is_no_error() -> None:
    assert error_in_reply(body("hi")) is None


def test_the_id_of_the_request_is_aws_s() -> None:
    assert request_id({"x-amzn-requestid": "r"}) == "r"
    assert request_id({}) is None


@given(st.integers(400, 599), st.text(max_size=40), st.binary(max_size=60))
def test_anything_that_is_sent_with_an_error_status_is_an_error(status: int, name: str, told: bytes) -> None:
    assert refused(status, {"x-amzn-errortype": name}, told).status_code == status
    assert isinstance(error_in_stream({":exception-type": name}, told), APIStatusError)
