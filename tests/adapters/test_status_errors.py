"""Errors from statuses, headers and bodies of whatever shape."""

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidewire.adapters.status_errors import (
    TEXT_LIMIT,
    decode_excerpt,
    read_error,
    reported_error,
    retry_after_s,
    status_error,
    visible_text,
)
from tidewire.events.errors import (
    BODY_LIMIT,
    MESSAGE_LIMIT,
    APIStatusError,
    AuthenticationError,
    BadRequestError,
    InternalServerError,
    NotFoundError,
    OverloadedError,
    QuotaExceededError,
    RateLimitError,
)


def error_of(body: object, status: int = 400, headers: dict[str, str] | None = None) -> APIStatusError:
    return status_error(status, headers or {}, json.dumps(body).encode(), by_code={})


@pytest.mark.parametrize(
    ("body", "message", "code"),
    [
        ({"error": {"message": "no", "type": "t", "code": "c"}}, "no", "c"),
        ({"error": {"message": "no", "type": "t", "code": None}}, "no", "t"),
        ({"type": "error", "error": {"type": "overloaded_error", "message": "no"}}, "no", "overloaded_error"),
        ({"error": "just text"}, "just text", None),
        ({"error": "model_missing", "message": "no such"}, "no such", "model_missing"),
        ([{"error": {"code": 400, "message": "no", "status": "INVALID_ARGUMENT"}}], "no", "INVALID_ARGUMENT"),
        ({"detail": [{"loc": ["body"], "msg": "field required", "type": "missing"}]}, "field required", "missing"),
        ({"detail": "Unauthorized"}, "Unauthorized", None),
        ({"object": "error", "message": {"detail": [{"msg": "deep"}]}}, "deep", None),
        ({"message": "flat", "code": "401"}, "flat", "401"),
        ({"message": "flat", "code": True}, "flat", None),
        ({"errors": [{"message": "cut off", "code": 10000}]}, "cut off", "10000"),
        ({"errors": [], "message": "said"}, "said", None),
        ({"error": {"error": {"error": {"error": {"error": "too deep"}}}}}, "no message", None),
        ([[[[[{"message": "too deep to look for"}]]]]], "no message", None),
        ("a text", "a text", None),
        ([], "no message", None),
        ({}, "no message", None),
        (None, "no message", None),
        (7, "no message", None),
    ],
)
def test_an_error_object_is_read_in_every_shape(body: object, message: str, code: str | None) -> None:
    error = error_of(body)
    assert error.message == (f"HTTP 400 ({code}): {message}" if code else f"HTTP 400: {message}")
    assert error.provider_code == code
    assert type(error) is BadRequestError


def test_the_status_decides_the_class_and_a_word_of_the_provider_refines_it() -> None:
    words: dict[str, type[APIStatusError]] = {"insufficient_quota": QuotaExceededError}
    body = json.dumps({"error": {"message": "spent", "type": "insufficient_quota", "code": "other"}}).encode()
    error = status_error(429, {}, body, by_code=words, request_id="req_1")
    assert (type(error), error.status_code, error.provider_code) == (QuotaExceededError, 429, "other")
    assert (error.request_id, error.is_retryable) == ("req_1", False)
    for status, kind in (
        (401, AuthenticationError),
        (404, NotFoundError),
        (429, RateLimitError),
        (502, InternalServerError),
    ):
        assert type(error_of({}, status)) is kind
    assert error_of({}, 409).is_retryable


def test_a_page_of_titles_without_an_end_costs_no_more_than_another() -> None:
    began = time.process_time()
    error = status_error(502, {}, b"<title>" * 10_000, by_code={})
    assert time.process_time() - began < 1  # each open title searched to the end of the page took several
    assert error.message.startswith("HTTP 502: <title><title>")


def test_a_page_of_a_proxy_is_told_by_its_title() -> None:
    page = b"<html><head><title lang='en'>502 Bad\r\n Gateway</title></head>" + b"<p>x</p>" * 9000
    error = status_error(502, {}, page, by_code={})
    assert error.message == "HTTP 502: 502 Bad Gateway"
    assert len(error.body) == BODY_LIMIT
    assert status_error(503, {}, b"upstream connect error", by_code={}).message == "HTTP 503: upstream connect error"
    assert status_error(500, {}, b"\xff\xfe", by_code={}).message == "HTTP 500: ��"
    assert status_error(500, {}, b"", by_code={}).message == "HTTP 500: no message"
    assert status_error(500, {}, b"[" * 200_000, by_code={}).message.startswith("HTTP 500: [[")


def test_an_error_inside_a_reply_has_the_class_of_its_word_or_of_a_status_in_it() -> None:
    words: dict[str, type[APIStatusError]] = {"overloaded_error": OverloadedError}
    error = reported_error({"error": {"type": "overloaded_error", "message": "busy"}}, by_code=words, body="{}")
    assert (type(error), error.status_code, error.body) == (OverloadedError, 529, "{}")
    assert type(reported_error({"error": {"code": 429, "message": "slow"}}, by_code={})) is RateLimitError
    assert type(reported_error({"error": {"code": "429", "message": "slow"}}, by_code={})) is RateLimitError
    assert reported_error({"code": "tool_use_failed", "status_code": 400}, by_code={}).status_code == 400
    plain = reported_error("odd", by_code={})
    assert (type(plain), plain.status_code) == (APIStatusError, None)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "20"}, 20.0),
        ({"retry-after": "1.5"}, 1.5),
        ({"retry-after": "0"}, 0.0),
        ({"retry-after": "20", "retry-after-ms": "1500"}, 1.5),
        ({"retry-after": "20", "retry-after-ms": "soon"}, 20.0),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": ""}, None),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:10 GMT", "date": "Wed, 21 Oct 2015 07:28:00 GMT"}, 10.0),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:10 GMT", "date": "nonsense"}, 11.0),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:10 GMT"}, 11.0),
        ({"retry-after": "Wed, 21 Oct 2015 07:27:00 GMT"}, 0.0),
        ({"retry-after": "Wed, 21 Oct 99999 07:28:10 GMT"}, None),
    ],
)
def test_retry_after_is_read_in_every_form(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after_s(headers, clock=lambda: 1445412479.0) == seconds
    if "date" in headers or "GMT" not in headers.get("retry-after", ""):
        assert status_error(429, headers, b"", by_code={}).retry_after_s == retry_after_s(headers)


@given(value=st.text())
def test_no_retry_after_breaks_the_reading(value: str) -> None:
    seconds = retry_after_s({"retry-after": value, "retry-after-ms": value, "date": value})
    assert seconds is None or seconds >= 0


def test_characters_that_deceive_the_reader_are_escaped() -> None:
    assert visible_text("a\x1b[31m\u202eb\u200bc\x00\ud800\U000e0041") == (
        "a\\x1b[31m\\u202eb\\u200bc\\x00\\ud800\\U000e0041"
    )
    assert visible_text("  one\r\n\ttwo  ") == "one two"
    assert visible_text("é 東京 👍") == "é 東京 👍"


@given(text=st.text(st.characters()))
def test_visible_text_is_one_short_line_that_can_be_encoded(text: str) -> None:
    shown = visible_text(text, 50)
    assert len(shown) <= 50
    assert not {"\n", "\r", "\x1b", "\u202e"} & set(shown)
    shown.encode()


def test_messages_stay_short_whatever_is_sent() -> None:
    error = error_of({"error": {"message": "m" * 100_000, "code": "c" * 100_000}})
    assert len(error.message) <= TEXT_LIMIT + 200 < MESSAGE_LIMIT
    assert len(decode_excerpt(b"\xff" * 900)) == 500


json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["error", "errors", "detail", "message", "msg", "code", "type", "status", "x"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(value=json_values)
def test_no_error_object_breaks_the_reading(value: object) -> None:
    facts = read_error(value)
    assert isinstance(facts.message, str)
    assert all(facts.codes)
    assert isinstance(reported_error(value, by_code={}), APIStatusError)
