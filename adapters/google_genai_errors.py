"""Google's errors, whether they come with a status, as a body, as a list of one, or as a frame of the stream.

``{"error": {"code": 429, "status": "RESOURCE_EXHAUSTED", "message", "details": [{"@type", …}]}}``: ``status`` is one of
the words of google.rpc.Code, ``details`` tell the cause (``ErrorInfo``), the limit that was passed (``QuotaFailure``)
and how long to wait (``RetryInfo``).
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

from tidewire.adapters.json_text import list_of, object_of
from tidewire.adapters.status_errors import reported_error, status_error
from tidewire.events.blocks import JSON, JSONObject
from tidewire.events.errors import (
    BODY_LIMIT,
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
from tidewire.events.json_depth import Bounded

#: google.rpc.Code, as far as it tells more than the HTTP status beside it.
_BY_STATUS: Mapping[str, type[APIStatusError]] = {
    "DEADLINE_EXCEEDED": InternalServerError,
    "FAILED_PRECONDITION": BadRequestError,
    "INTERNAL": InternalServerError,
    "INVALID_ARGUMENT": BadRequestError,
    "NOT_FOUND": NotFoundError,
    "OUT_OF_RANGE": BadRequestError,
    "PERMISSION_DENIED": PermissionDeniedError,
    "RESOURCE_EXHAUSTED": RateLimitError,
    "UNAUTHENTICATED": AuthenticationError,
    "UNAVAILABLE": OverloadedError,
}

#: Causes (``ErrorInfo.reason``) that the status hides: a wrong key is told as 400 INVALID_ARGUMENT.
_BY_REASON: Mapping[str, type[APIStatusError]] = {
    "API_KEY_EXPIRED": AuthenticationError,
    "API_KEY_INVALID": AuthenticationError,
}

# A prompt that is too long has no reason of its own. These are the sentences that the API begins its message with: "The
# input token count (1192334) exceeds the maximum number of tokens allowed (1048576)." and, on Vertex AI, "Unable to
# submit request because the input token count is 1192334 but model only supports up to 1048576."
_TOO_LONG = re.compile(r"(Unable to submit request because )?the input token count (\(|is )\d+", re.IGNORECASE)

#: A limit that is counted by the day: waiting as long as a call may last does not help.
_PER_DAY = re.compile(r"per_?day", re.IGNORECASE)

_SECONDS = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)s")


def refused(status: int, headers: Mapping[str, str], body: bytes) -> APIStatusError:
    """The error of a refused request."""
    told = _told(_read(body))
    if told is None:  # a proxy's page, or an error of another shape
        return status_error(status, headers, body, by_code=_BY_STATUS, request_id=request_id(headers))
    error = status_error(
        status, headers, msgspec.json.encode(_plain(told)), by_code=_words(told), request_id=request_id(headers)
    )
    error.body = body[:BODY_LIMIT].decode("utf-8", "replace")
    return _with_details(error, told)


def error_in_reply(data: bytes) -> APIStatusError:
    """The error of a frame, or of a body that came with status 200."""
    value = _read(data)
    told = _told(value) or {}
    text = data.decode("utf-8", "replace")
    return _with_details(reported_error(_plain(told) if told else value, by_code=_words(told), body=text), told)


def is_error(data: bytes) -> bool:
    """Whether the bytes are an error object, or a list that begins with one."""
    return _told(_read(data)) is not None


def request_id(headers: Mapping[str, str]) -> str | None:
    """The id of a request, where a server gives one in its headers; Google's ids stand in the replies."""
    return headers.get("x-goog-request-id") or headers.get("x-request-id")


_any: Bounded[JSON] = Bounded(msgspec.json.Decoder())


def _read(data: bytes) -> JSON:
    try:
        return _any.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _told(value: JSON) -> JSONObject | None:
    """The object under ``error``, of the first entry where it is a list."""
    first = (list_of(value) or [value])[0]
    return object_of(object_of(first).get("error")) or None


def _plain(told: JSONObject) -> JSONObject:
    """The error without its lists, one of which (``errors``) repeats it in an older form."""
    return {"error": {key: value for key, value in told.items() if not isinstance(value, (dict, list))}}


def _words(told: JSONObject) -> Mapping[str, type[APIStatusError]]:
    """What the error's words stand for, its details considered."""
    status, message = told.get("status"), told.get("message")
    if not isinstance(status, str):
        return _BY_STATUS
    details = [object_of(detail) for detail in list_of(told.get("details"))]
    for detail in details:
        reason = detail.get("reason")
        if isinstance(reason, str) and reason in _BY_REASON:
            return {status: _BY_REASON[reason]}
    if status == "RESOURCE_EXHAUSTED":
        limits = [object_of(limit) for detail in details for limit in list_of(detail.get("violations"))]
        if any(_PER_DAY.search(str(limit.get("quotaId") or limit.get("subject") or "")) for limit in limits):
            return {status: QuotaExceededError}
    if status == "INVALID_ARGUMENT" and isinstance(message, str) and _TOO_LONG.match(message):
        return {status: ContextWindowExceededError}
    return _BY_STATUS


def _with_details(error: APIStatusError, told: JSONObject) -> APIStatusError:
    for detail in list_of(told.get("details")):
        delay = object_of(detail).get("retryDelay")
        match = _SECONDS.fullmatch(delay) if isinstance(delay, str) else None
        if match is not None and error.retry_after_s is None:
            error.retry_after_s = float(match.group(1))
    return error


__all__ = ["error_in_reply", "is_error", "refused", "request_id"]
