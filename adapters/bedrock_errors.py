"""Bedrock's errors, whether they come with a status, as a body or as a frame of the stream.

A refused request names its error in the header ``x-amzn-errortype`` (``ValidationException:http://…``), some in the
body (``{"__type": "com.amazon.coral.service#…"}``); its message stands in the body. Inside a stream the name is a
header of the frame: ``:exception-type``, where ``:message-type`` is ``exception``, or ``:error-code`` where it is
``error``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

from tidewire.adapters.eventstream import HeaderValue
from tidewire.adapters.status_errors import reported_error, status_error
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

# By name: the class, and the status that AWS documents, which an error inside a stream does not carry.
_ERRORS: Mapping[str, tuple[type[APIStatusError], int]] = {
    "AccessDeniedException": (PermissionDeniedError, 403),
    "ConflictException": (BadRequestError, 400),
    "ExpiredToken": (AuthenticationError, 403),
    "ExpiredTokenException": (AuthenticationError, 403),
    "IncompleteSignature": (AuthenticationError, 403),
    "IncompleteSignatureException": (AuthenticationError, 403),
    "InternalFailure": (InternalServerError, 500),
    "InternalServerException": (InternalServerError, 500),
    "InvalidSignatureException": (AuthenticationError, 403),
    "MissingAuthenticationToken": (AuthenticationError, 403),
    "MissingAuthenticationTokenException": (AuthenticationError, 403),
    # The model failed or took too long: Bedrock's own word is to try again.
    "ModelErrorException": (InternalServerError, 424),
    "ModelNotReadyException": (OverloadedError, 429),
    "ModelStreamErrorException": (InternalServerError, 424),
    "ModelTimeoutException": (InternalServerError, 408),
    "RequestExpired": (AuthenticationError, 403),
    "ResourceNotFoundException": (NotFoundError, 404),
    "ServiceQuotaExceededException": (QuotaExceededError, 400),
    "ServiceUnavailable": (OverloadedError, 503),
    "ServiceUnavailableException": (OverloadedError, 503),
    "ThrottlingException": (RateLimitError, 429),
    "TooManyRequestsException": (RateLimitError, 429),
    # An access key that AWS does not know. It comes as 403, and stays what a 403 is everywhere.
    "UnrecognizedClientException": (PermissionDeniedError, 403),
    "ValidationException": (BadRequestError, 400),
}

# A prompt that is too long has no name of its own, only that of every bad request. These are the sentences of the
# service and of the models behind it: "Input is too long for requested model.", "The model returned the following
# errors: prompt is too long: 208310 tokens > 200000 maximum", "… input length and `max_tokens` exceed context limit:
# 178959 + 64000 > 200000", "… This model's maximum context length is 131072 tokens."
_TOO_LONG = re.compile(
    r"(?:The model returned the following errors: )?(?:Input is too long for requested model|prompt is too long\b"
    r"|input length and `max_tokens` exceed context limit:|This model's maximum context length is \d)",
    re.IGNORECASE,
)


class _Told(msgspec.Struct):
    """An error's body. AWS spells the message in both ways."""

    message: str | None = None
    other_message: str | None = msgspec.field(default=None, name="Message")
    kind: str | None = msgspec.field(default=None, name="__type")
    code: str | None = None


def refused(status: int, headers: Mapping[str, str], body: bytes) -> APIStatusError:
    """The error of a refused request."""
    told = _read(body)
    name = _name(headers.get("x-amzn-errortype") or told.kind or told.code or "")
    if not name and status == 400 and _is_too_long(told):
        name = "ValidationException"  # proxies drop the header
    if not name:
        return status_error(status, headers, body, by_code={}, request_id=request_id(headers))
    # The name joins the body for the reading that all providers share.
    joined = msgspec.json.encode({"code": name, "message": told.message or told.other_message or ""})
    error = status_error(status, headers, joined, by_code=_by_name(name, told), request_id=request_id(headers))
    error.body = _text(body)
    return error


def error_in_stream(headers: Mapping[str, HeaderValue], payload: bytes) -> APIStatusError:
    """The error of a frame that is no event."""
    told = _read(payload)
    said = headers.get(":error-message")
    message = told.message or told.other_message or (said if isinstance(said, str) else "")
    return _reported(str(headers.get(":exception-type") or headers.get(":error-code") or ""), message, payload)


def error_in_reply(body: bytes) -> APIStatusError | None:
    """The error of a body that came with status 200; None if it is none."""
    told = _read(body)
    return _reported(told.kind, told.message or told.other_message or "", body) if told.kind else None


def request_id(headers: Mapping[str, str]) -> str | None:
    """AWS's id of the request."""
    return headers.get("x-amzn-requestid")


def _reported(kind: str, message: str, body: bytes) -> APIStatusError:
    name = _name(kind)
    known = _ERRORS.get(name)
    value = {"code": name, "message": message, "status": known[1] if known else None}
    return reported_error(value, by_code=_by_name(name, _Told(message)), body=_text(body))


def _by_name(name: str, told: _Told) -> Mapping[str, type[APIStatusError]]:
    kind = _ERRORS[name][0] if name in _ERRORS else None
    if kind is BadRequestError and _is_too_long(told):
        kind = ContextWindowExceededError
    return {} if kind is None else {name: kind}


def _is_too_long(told: _Told) -> bool:
    return _TOO_LONG.match(told.message or told.other_message or "") is not None


def _name(word: str) -> str:
    """The bare name: without namespace and address, and as the others are written (``throttlingException``)."""
    bare = word.partition(":")[0].rpartition("#")[2].strip()
    return bare[:1].upper() + bare[1:]


def _read(body: bytes) -> _Told:
    try:
        return msgspec.json.decode(body, type=_Told)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _Told()  # a proxy's page, or an error of another shape: its words are looked for elsewhere


def _text(body: bytes) -> str:
    return body.decode("utf-8", "replace")


__all__ = ["error_in_reply", "error_in_stream", "refused", "request_id"]
