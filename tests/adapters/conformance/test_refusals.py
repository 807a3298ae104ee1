"""What the suite says of ``error`` and ``request_id``: each way to be wrong is caught by the test that is for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

import msgspec
import pytest

from tests.adapters.conformance.parrot import RECORDINGS, ParrotCodec, adapter_of
from tidewire import init_chat_model
from tidewire.adapters.conformance import ConformanceError, Tests, conformance_tests
from tidewire.events.errors import (
    APIStatusError,
    BadRequestError,
    ConfigurationError,
    InternalServerError,
    RateLimitError,
    TidewireError,
)

Refuse = Callable[[int, Mapping[str, str], bytes], TidewireError]


def suite(refuse: Refuse) -> Tests:
    """The tests of a codec that reads refusals so."""

    class Codec(ParrotCodec):
        def error(self, status: int, headers: Mapping[str, str], body: bytes) -> TidewireError:
            return refuse(status, headers, body)

    return conformance_tests(adapter_of(Codec()), init_chat_model, model="grey-1", recordings=RECORDINGS, effort=1)


def good(status: int, headers: Mapping[str, str], body: bytes) -> APIStatusError:
    """The error as it should be."""
    error = ParrotCodec().error(status, headers, body)
    assert isinstance(error, APIStatusError)
    return error


def but(**fields: object) -> Refuse:
    """The good error with other fields."""

    def refuse(status: int, headers: Mapping[str, str], body: bytes) -> TidewireError:
        error = good(status, headers, body)
        error.__dict__.update(fields)
        return error

    return refuse


def parsing(status: int, headers: Mapping[str, str], body: bytes) -> TidewireError:
    """Takes the body for JSON."""
    msgspec.json.decode(body)
    return good(status, headers, body)


def always_bad(status: int, headers: Mapping[str, str], body: bytes) -> TidewireError:
    """Knows one class."""
    return BadRequestError("no", status_code=status)


def never_retryable(status: int, headers: Mapping[str, str], body: bytes) -> TidewireError:
    """Gives rate limits up."""
    error = good(status, headers, body)
    error.is_retryable = False
    return error


def always_retryable(status: int, headers: Mapping[str, str], body: bytes) -> TidewireError:
    """Tries wrong keys again."""
    error = good(status, headers, body)
    error.is_retryable = True
    return error


def telling_all(status: int, headers: Mapping[str, str], body: bytes) -> TidewireError:
    """Puts the body into the message as it is."""
    error = good(status, headers, body)
    error.message = body[:1000].decode("utf-8", "replace")
    return error


def holding_a_lambda(status: int, headers: Mapping[str, str], body: bytes) -> TidewireError:
    """Cannot be pickled."""
    error = good(status, headers, body)
    error.__dict__["why"] = lambda: body
    return error


def waiting(value: float | None) -> Refuse:
    """Always asks for this wait."""
    return lambda status, headers, body: RateLimitError("no", status_code=status, retry_after_s=value)


def trusting(status: int, headers: Mapping[str, str], body: bytes) -> TidewireError:
    """Takes any number for a wait."""
    given = headers.get("retry-after", "")
    error = good(status, headers, body)
    if given in ("nan", "inf", "-1"):
        error.retry_after_s = float(given)
    return error


def giving(value: TidewireError | None) -> Refuse:
    """Gives this, whatever was refused."""
    return lambda status, headers, body: cast("Any", value)


WRONG: list[tuple[Refuse, str, str]] = [
    (parsing, "a_status_is_the_error_of_its_family", r"error\(400, …\) raised DecodeError"),
    (always_bad, "a_status_is_the_error_of_its_family", "status 401 .* is a BadRequestError, not a Authentication"),
    (but(status_code=None), "a_status_is_the_error_of_its_family", "the error's status_code is None"),
    (never_retryable, "a_status_is_the_error_of_its_family", "status 429 .*: is_retryable is False"),
    (always_retryable, "a_status_is_the_error_of_its_family", "status 400 .*: is_retryable is True"),
    (giving(ConfigurationError("x")), "a_status_is_the_error_of_its_family", "gave a ConfigurationError"),
    (giving(None), "a_status_is_the_error_of_its_family", "gave a NoneType"),
    (parsing, "a_hostile_body_is_an_error", r"error\(400, …\) raised"),
    (but(message="x" * 3000), "a_hostile_body_is_an_error", "the message has more than 2000 characters"),
    (telling_all, "a_hostile_body_is_an_error", "the message has control characters"),
    (but(body="x" * 70_000), "a_hostile_body_is_an_error", "keeps more than 65536 bytes"),
    (holding_a_lambda, "a_hostile_body_is_an_error", "cannot be pickled"),
    (waiting(None), "the_wait_asked_for_is_read", "retry_after_s is None, not 7.0"),
    (waiting(7.0), "the_wait_asked_for_is_read", "retry_after_s is 7.0, not 9.0"),
    (trusting, "the_wait_asked_for_is_read", "retry-after '-1' is read as -1.0"),
]


@pytest.mark.parametrize(("refuse", "rule", "told"), WRONG)
def test_an_error_that_is_wrong_is_caught(refuse: Refuse, rule: str, told: str) -> None:
    with pytest.raises(ConformanceError, match=told):
        suite(refuse)[f"test_{rule}"]()


def test_a_request_id_that_is_wrong_is_caught() -> None:
    class Careless(ParrotCodec):
        def request_id(self, headers: Mapping[str, str]) -> str | None:
            return headers["x-parrot-id"]

    class Counting(ParrotCodec):
        def request_id(self, headers: Mapping[str, str]) -> str | None:
            return cast("str", 7)

    for codec, told in ((Careless(), "request_id raised KeyError"), (Counting(), "request_id gave 7")):
        tests = conformance_tests(adapter_of(codec), init_chat_model, model="grey-1", recordings=RECORDINGS, effort=1)
        with pytest.raises(ConformanceError, match=told):
            tests["test_a_request_id_needs_no_headers"]()


def test_a_server_error_is_an_error_of_the_servers() -> None:
    with pytest.raises(ConformanceError, match=r"status 503 .* is a InternalServerError, not a OverloadedError"):
        suite(
            lambda status, headers, body: (
                InternalServerError("no", status_code=status) if status == 503 else good(status, headers, body)
            )
        )["test_a_status_is_the_error_of_its_family"]()
