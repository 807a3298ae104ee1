"""Anthropic's errors, whether they come with a status, as a body or as a frame of the stream.

``{"type": "error", "error": {"type", "message", "details"}, "request_id"}``: ``type`` is the kind of error,
``details.error_code`` names some causes more exactly.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

from tidewire.adapters.json_text import object_of
from tidewire.adapters.status_errors import reported_error, status_error
from tidewire.events.blocks import JSON
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
from tidewire.events.json_depth import Bounded

#: Words that tell more than a status does.
_BY_CODE: Mapping[str, type[APIStatusError]] = {
    "authentication_error": AuthenticationError,
    "billing_error": QuotaExceededError,
    "not_found_error": NotFoundError,
    "overloaded_error": OverloadedError,
    "permission_error": PermissionDeniedError,
    "rate_limit_error": RateLimitError,
    "request_too_large": RequestTooLargeError,
}

#: Words that stand beside several statuses, and count where there is no status.
_BY_CODE_ALONE: Mapping[str, type[APIStatusError]] = {
    **_BY_CODE,
    "api_error": InternalServerError,
    "invalid_request_error": BadRequestError,
    "timeout_error": InternalServerError,
}

#: Causes that waiting does not mend, though they come as 429.
_QUOTA = frozenset(
    {"contract_spend_limit_reached", "enforced_spend_limit_reached", "linked_organization_spend_limit_reached"}
)

# A prompt that is too long has no code of its own, only the type of every bad request. These are the two sentences that
# the API begins its message with: "prompt is too long: 208310 tokens > 200000 maximum" and "input length and
# `max_tokens` exceed context limit: 178959 + 64000 > 200000, decrease …".
_TOO_LONG = re.compile(r"prompt is too long(:|$)|input length and `max_tokens` exceed context limit:", re.IGNORECASE)

_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class _Details(msgspec.Struct):
    error_code: str | None = None


class _Told(msgspec.Struct):
    type: str = ""
    message: str = ""
    details: _Details | None = None


class _Reply(msgspec.Struct):
    error: _Told | None = None
    request_id: str | None = None


def refused(status: int, headers: Mapping[str, str], body: bytes) -> APIStatusError:
    """The error of a refused request."""
    reply = _read(body)
    id = request_id(headers) or reply.request_id
    error = status_error(status, headers, body, by_code=_words(_BY_CODE, reply.error), request_id=id)
    if headers.get("x-should-retry") in ("true", "false"):  # the provider knows better than the status
        error.is_retryable = headers["x-should-retry"] == "true"
    return error


_any: Bounded[JSON] = Bounded(msgspec.json.Decoder())


def error_in_reply(data: bytes) -> APIStatusError:
    """The error of a frame, or of a body that came with status 200."""
    reply = _read(data)
    text = data.decode("utf-8", "replace")
    try:
        held: JSON = _any.decode(data)
    except _UNREADABLE:
        held = text
    value = object_of(held).get("error", held)
    words = _words(_BY_CODE_ALONE, reply.error)
    error = reported_error(value, by_code=words, request_id=reply.request_id, body=text)
    if error.provider_code == "timeout_error":
        error.status_code = 504  # the status that Anthropic documents for it
    return error


def request_id(headers: Mapping[str, str]) -> str | None:
    """The id of a request; servers that speak the format often name it ``x-request-id``."""
    return headers.get("request-id") or headers.get("x-request-id")


def _read(data: bytes) -> _Reply:
    try:
        return msgspec.json.decode(data, type=_Reply)
    except _UNREADABLE:
        return _Reply()  # a proxy's page, or an error of another shape: its words are looked for elsewhere


def _words(known: Mapping[str, type[APIStatusError]], error: _Told | None) -> Mapping[str, type[APIStatusError]]:
    if error is None:
        return known
    if error.details is not None and error.details.error_code in _QUOTA:
        return {error.type: QuotaExceededError}
    if error.type == "invalid_request_error" and _TOO_LONG.match(error.message):
        return {error.type: ContextWindowExceededError}
    return known


__all__ = ["error_in_reply", "refused", "request_id"]
