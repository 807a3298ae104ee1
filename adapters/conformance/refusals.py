"""Checks of ``error`` and ``request_id``: any status with any body is an error that one can act on."""

from __future__ import annotations

import math
import pickle
import re
from collections.abc import Mapping
from typing import cast

from tidewire.adapters.conformance.recording import ConformanceError, shown
from tidewire.adapters.spec import Codec
from tidewire.events.errors import (
    BODY_LIMIT,
    MESSAGE_LIMIT,
    APIStatusError,
    AuthenticationError,
    BadRequestError,
    InternalServerError,
    NotFoundError,
    OverloadedError,
    PermissionDeniedError,
    RateLimitError,
    RequestTooLargeError,
    UnprocessableEntityError,
)

#: What a status means wherever it comes from; a provider's own word in the body may say it more exactly.
FAMILIES: Mapping[int, type[APIStatusError]] = {
    400: BadRequestError,
    401: AuthenticationError,
    403: PermissionDeniedError,
    404: NotFoundError,
    413: RequestTooLargeError,
    422: UnprocessableEntityError,
    429: RateLimitError,
    500: InternalServerError,
    503: OverloadedError,
}

_RETRYABLE = (429, 500, 502, 503, 504, 529)
_FINAL = (400, 401, 403, 404, 413, 422)

_BENIGN = (
    b"",
    b"<!DOCTYPE html><html><head><title>502 Bad Gateway</title></head><body><h1>tw</h1></body></html>",
    b'{"error":{"message":"tw says no","type":"tw_unknown","code":null,"param":null}}',
)

_HOSTILE = (
    b"\xff\xfe\x00\x80",
    b"null",
    b"[]",
    b"[[[]]]",
    b"17",
    b'"tw"',
    b"{}",
    b'{"error":null}',
    b'{"error":[]}',
    b'{"error":"tw"}',
    b'{"error":{"message":{"tw":[1]},"code":{},"type":[],"status":{}}}',
    b'{"error":{"message":null,"code":99999999999999999999999999}}',
    b'{"error":{"code":1e999,"message":"\\ud800 \\u0000 \\u202e"}}',
    b'{"error":{"message":"' + b"a" * 100_000 + b'","type":"' + b"b" * 100_000 + b'"}}',
    b'{"error":' * 50_000,
    b"[" * 50_000,
    b'{"message":"line one\\nline two\\r\\u001b[31m"}',
    "ü字😀".encode() * 30_000,
    b"<title>" * 5_000,
    b" " * 200_000,
    b"\x00" * 200_000,
)

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e]")


class Refusals:
    """The checks of what a codec makes of refused requests."""

    def __init__(self, codec: Codec) -> None:
        self._codec = codec

    def statuses_have_their_family(self) -> None:
        """Each status from 400 to 599 is an ``APIStatusError`` of the class that it stands for."""
        for status in range(400, 600):
            for body in _BENIGN:
                error = self._error(status, {}, body)
                family = FAMILIES.get(status, APIStatusError)
                if not isinstance(error, family):
                    raise ConformanceError(
                        f"status {status} with the body {shown(body, 100)} is a {type(error).__name__}, not a "
                        f"{family.__name__}\n  Begin with status_error(…, by_code=…); the codes are the provider's."
                    )
                if error.status_code != status:
                    raise ConformanceError(f"status {status}: the error's status_code is {error.status_code}")
                if (status in _RETRYABLE and not error.is_retryable) or (status in _FINAL and error.is_retryable):
                    raise ConformanceError(
                        f"status {status} with the body {shown(body, 100)}: is_retryable is {error.is_retryable}"
                    )

    def hostile_bodies_are_errors(self) -> None:
        """Whatever the body is, the error is short, printable and can be pickled."""
        for status in (400, 401, 429, 500, 529):
            for body in _HOSTILE:
                error = self._error(status, {"content-type": "application/json"}, body)
                where = f"status {status} with the body {shown(body, 100)}"
                if len(error.message) > MESSAGE_LIMIT or len(str(error)) > MESSAGE_LIMIT:
                    raise ConformanceError(f"{where}: the message has more than {MESSAGE_LIMIT} characters")
                if _CONTROL.search(error.message):
                    raise ConformanceError(
                        f"{where}: the message has control characters, {shown(error.message)}\n"
                        "  Put what outsiders send through status_errors.visible_text."
                    )
                if len(error.body) > BODY_LIMIT:
                    raise ConformanceError(f"{where}: the error keeps more than {BODY_LIMIT} bytes of the body")
                try:
                    pickle.loads(pickle.dumps(error))
                except Exception as raised:
                    raise ConformanceError(f"{where}: the error cannot be pickled: {raised}") from raised

    def the_wait_asked_for_is_read(self) -> None:
        """``retry-after`` is told as ``retry_after_s``, and one that cannot be used is not."""
        date = {"date": "Wed, 21 Oct 2026 07:28:00 GMT", "retry-after": "Wed, 21 Oct 2026 07:28:09 GMT"}
        for headers, wanted in (({"retry-after": "7"}, 7.0), (date, 9.0), ({}, None)):
            found = self._error(429, headers, b"").retry_after_s
            if found != wanted:
                raise ConformanceError(
                    f"status 429 with the headers {headers}: retry_after_s is {found}, not {wanted}\n"
                    "  Use status_errors.status_error or status_errors.retry_after_s."
                )
        for value in ("soon", "-1", "nan", "inf", "1e999", "", "Wed, 99 Foo 2026 99:99:99 GMT"):
            found = self._error(429, {"retry-after": value}, b"").retry_after_s
            if found is not None and not (math.isfinite(found) and found >= 0):
                raise ConformanceError(f"retry-after {value!r} is read as {found}; nobody can wait so long")

    def needs_no_headers(self) -> None:
        """``request_id`` is a text or None, whatever headers there are."""
        for headers in ({}, {"content-type": "text/html"}, {"x-request-id": ""}):
            try:
                found = cast("object", self._codec.request_id(headers))
            except Exception as error:
                raise ConformanceError(
                    f"request_id raised {type(error).__name__}: {error} on the headers {headers}; use headers.get(…)"
                ) from error
            if found is not None and not isinstance(found, str):
                raise ConformanceError(f"request_id gave {found!r} for the headers {headers}; it is a text or None")

    def _error(self, status: int, headers: Mapping[str, str], body: bytes) -> APIStatusError:
        try:
            error = cast("object", self._codec.error(status, headers, body))
        except Exception as raised:
            raise ConformanceError(
                f"error({status}, …) raised {type(raised).__name__}: {raised} on the body {shown(body, 100)}\n"
                "  It returns an error for any bytes; status_errors.status_error does."
            ) from raised
        if not isinstance(error, APIStatusError):
            raise ConformanceError(
                f"error({status}, …) gave a {type(error).__name__} for the body {shown(body, 100)}; it gives an "
                "APIStatusError or a class below it"
            )
        return error


__all__ = ["FAMILIES", "Refusals"]
