"""Errors of providers: from a status, headers and a body, or from an error object inside a reply, to our classes.

Providers agree on little: most send ``{"error": {"message", "type", "code"}}``, some a bare text, a list, ``detail``,
or an HTML page of a proxy. Read here are all of these; which word means what is each codec's to say (``by_code``).
Classes are chosen by code and status, never by words in a message.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable, Mapping
from typing import TypeGuard, cast

import msgspec

from tidewire.events.errors import BODY_LIMIT, APIStatusError, error_class_for_status
from tidewire.events.json_depth import Bounded
from tidewire.events.visible_text import TEXT_LIMIT, visible_text

# Of bounded length: a page of open titles would cost the square of its length.
_TITLE = re.compile(r"<title[^>]{0,200}>(.{0,1000}?)</title>", re.IGNORECASE | re.DOTALL)


class ErrorFacts(msgspec.Struct, frozen=True):
    """What an error object says: its message, and the words that name the error, the most specific one first."""

    message: str = ""
    codes: tuple[str, ...] = ()
    #: The status inside the body, where there is one.
    status: int | None = None


def retry_after_s(headers: Mapping[str, str], clock: Callable[[], float] = time.time) -> float | None:
    """Seconds the provider asks to wait; None where it says nothing, or nothing usable.

    Read are ``retry-after-ms``, and ``retry-after`` in seconds or as an HTTP date, which is compared with the reply's
    own ``date`` header (the clocks of two machines differ) and without one with ``clock``.
    """
    milliseconds = header_number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000
    value = headers.get("retry-after")
    seconds = header_number(value)
    if seconds is not None or value is None:
        return seconds
    then = http_date(value)
    if then is None:
        return None
    now = http_date(headers.get("date", ""))
    return max(then - (clock() if now is None else now), 0.0)


def header_number(text: str | None) -> float | None:
    """The number that a header holds; None where it holds none from 0 on."""
    try:
        number = float(text or "")
    except ValueError:
        return None
    return number if math.isfinite(number) and number >= 0 else None


def http_date(text: str) -> float | None:
    """The seconds since 1970 of a date as HTTP writes it; None for something else."""
    from email.utils import parsedate_to_datetime  # with ten modules, for what hardly anybody sends

    try:
        return parsedate_to_datetime(text).timestamp()
    except (ValueError, OverflowError):  # no date, or one beyond what the platform counts
        return None


def read_error(value: object) -> ErrorFacts:
    """The facts of an error object, or of a body with one under ``error``, ``errors``, ``detail``, ``message``."""
    for _ in range(4):  # as deep as anybody wraps it: a list, `error`, `message`, `detail`
        if isinstance(value, list):
            value = cast("list[object]", value)[0] if value else None
        if not isinstance(value, dict):
            break
        held = cast("dict[str, object]", value)
        inner = next((held[key] for key in ("error", "errors", "detail", "message") if _is_nested(held.get(key))), None)
        if inner is None:
            return _facts(held)
        value = inner
    return ErrorFacts(message=value if isinstance(value, str) else "")


def _is_nested(value: object) -> bool:
    return value not in ({}, []) and isinstance(value, (dict, list))


def _facts(held: dict[str, object]) -> ErrorFacts:
    text = _text(held, "message", "msg")
    words: list[object] = [held.get(key) for key in ("code", "type", "error_type", "status")]
    if text:
        words.append(held.get("error"))  # {"error": "model_not_found", "message": "…"}
    else:
        text = _text(held, "error", "detail")
    # Words tell more than numbers, which are mostly the status once more; some write it as text.
    numbers = [int(word) for word in [*words, held.get("status_code")] if _is_number(word)]
    codes = [word for word in words if isinstance(word, str) and word and not _is_number(word)]
    codes += [str(number) for number in numbers]
    status = next((number for number in numbers if 400 <= number < 600), None)
    return ErrorFacts(message=text, codes=tuple(codes), status=status)


def _is_number(word: object) -> TypeGuard[int | str]:
    if isinstance(word, str):
        return word.isascii() and word.isdigit() and len(word) < 10
    return isinstance(word, int) and not isinstance(word, bool)


def _text(held: dict[str, object], *keys: str) -> str:
    return next((text for key in keys if isinstance(text := held.get(key), str)), "")


def status_error(
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    *,
    by_code: Mapping[str, type[APIStatusError]],
    request_id: str | None = None,
) -> APIStatusError:
    """The error for a refused request.

    Args:
        status: The HTTP status, 400 or above.
        headers: The reply's headers, names in lower case.
        body: The reply's body; at most 64 kB of it are looked at.
        by_code: The provider's words for errors (its ``code`` or ``type``) that tell more than the status does.
        request_id: The provider's id of the request.
    """
    body = body[:BODY_LIMIT]
    text = body.decode("utf-8", "replace")
    try:
        facts = read_error(_any.decode(body))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):  # a page or a text of whatever stands in between
        title = _TITLE.search(text)
        facts = ErrorFacts(message=title.group(1) if title else text)
    error = _error(status, facts, by_code, f"HTTP {status}", request_id, retry_after_s(headers), text)
    # No standard; OpenAI and Anthropic send it, and their own clients obey.
    wanted = _WANTED.get(headers.get("x-should-retry", ""))
    if wanted is not None:
        error.should_retry = error.is_retryable = wanted
    return error


_any: Bounded[object] = Bounded(msgspec.json.Decoder())

_WANTED = {"true": True, "false": False}


def reported_error(
    value: object,
    *,
    by_code: Mapping[str, type[APIStatusError]],
    request_id: str | None = None,
    body: str = "",
) -> APIStatusError:
    """The error for an error object inside a reply that began with status 200.

    Its class follows from the provider's word (``by_code``), else from a status inside the object; without either it is
    a plain ``APIStatusError`` without a status.
    """
    facts = read_error(value)
    return _error(facts.status, facts, by_code, "the provider reported an error in its reply", request_id, None, body)


def _error(
    status: int | None,
    facts: ErrorFacts,
    by_code: Mapping[str, type[APIStatusError]],
    head: str,
    request_id: str | None,
    retry_after: float | None,
    body: str,
) -> APIStatusError:
    kind: type[APIStatusError] | None = next((by_code[code] for code in facts.codes if code in by_code), None)
    if kind is None:
        kind = APIStatusError if status is None else error_class_for_status(status)
    code = visible_text(facts.codes[0], 100) if facts.codes else None
    said = visible_text(facts.message) or "no message"
    return kind(
        f"{head} ({code}): {said}" if code and code != str(status) else f"{head}: {said}",
        status_code=status,
        provider_code=code,
        request_id=request_id,
        retry_after_s=retry_after,
        body=body,
    )


def decode_excerpt(data: bytes) -> str:
    """What a ``ResponseDecodeError`` shows of bytes that could not be read: at most 500 characters."""
    return data[:500].decode("utf-8", "replace")


__all__ = [
    "TEXT_LIMIT",
    "ErrorFacts",
    "decode_excerpt",
    "header_number",
    "http_date",
    "read_error",
    "reported_error",
    "retry_after_s",
    "status_error",
    "visible_text",
]
