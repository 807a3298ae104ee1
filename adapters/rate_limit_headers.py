"""What providers say about their rate limits in the headers of a reply.

Read 2026-11-25: "Rate limits" of OpenAI, Azure OpenAI, Anthropic, Groq, Cerebras, Mistral, Fireworks, Together and
OpenRouter. Three spellings::

    x-ratelimit-remaining-tokens: 149984             (x-)ratelimit-<what>-<scope>, without a scope of requests
    anthropic-ratelimit-input-tokens-reset: <date>   anthropic-ratelimit-<scope>-<what>
    x-tokenlimit-remaining: 9000                     Together's, of tokens; Mistral's is (x-)ratelimitbysize-…

A time until the limit is full again is written ``6m0s``, ``120ms``, as seconds, as a date, or as the seconds or
milliseconds since 1970.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Literal

import msgspec

from tidewire.adapters.status_errors import header_number, http_date

#: What a limit counts. ``tokens`` are those of input and output together.
LimitKind = Literal["requests", "tokens", "input_tokens", "output_tokens"]


class LimitReport(msgspec.Struct, frozen=True):
    """One limit as a provider reports it, at the moment of its reply.

    Attributes:
        name: What tells it from the provider's other limits, such as ``requests-day``.
        kind: What it counts.
        remaining: How much may still be used.
        limit: How much may be used at most; None where it is not said.
        reset_s: Seconds until ``remaining`` is ``limit`` again; None where it is not said.
    """

    name: str
    kind: LimitKind
    remaining: float
    limit: float | None = None
    reset_s: float | None = None


_NAME = re.compile(
    r"(?:x-)?(?P<family>ratelimit|ratelimitbysize|tokenlimit)-(?P<what>limit|remaining|reset)(?:-(?P<scope>.+))?"
    r"|anthropic-ratelimit-(?P<scope2>.+)-(?P<what2>limit|remaining|reset)"
)
#: The scopes that are read: others (of a month, of a project's images, of a class of priority) say nothing of a minute.
_SCOPES: Mapping[str, LimitKind] = {
    "requests": "requests",
    "requests-minute": "requests",
    "requests-day": "requests",
    "req-minute": "requests",
    "tokens": "tokens",
    "tokens-minute": "tokens",
    "tokens-day": "tokens",
    "project-tokens": "tokens",
    "input-tokens": "input_tokens",
    "tokens-prompt": "input_tokens",
    "output-tokens": "output_tokens",
    "tokens-generated": "output_tokens",
}
_WINDOWS = frozenset({"", "second", "minute", "hour", "day"})
_UNSCOPED: Mapping[str, LimitKind] = {"ratelimit": "requests", "ratelimitbysize": "tokens", "tokenlimit": "tokens"}

_DURATION = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|us|µs|ns|d|h|m|s))+")
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|us|µs|ns|d|h|m|s)")
_UNIT_S = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
# Numbers from here on are no durations: 1e9 s are 31 years, and the second 1e9 since 1970 was in 2001.
_EPOCH_S = 1e9
_EPOCH_MS = 1e11


def read_limits(headers: Mapping[str, str], clock: Callable[[], float] = time.time) -> list[LimitReport]:
    """The limits that a reply reports; what is not understood is passed over.

    Args:
        headers: Of the reply, names in lower case.
        clock: Seconds since 1970. Dates are compared with the reply's own ``date`` where it has one, for the clocks of
            two machines differ.

    >>> read_limits({"x-ratelimit-remaining-requests": "59", "x-ratelimit-reset-requests": "1s"})
    [LimitReport(name='ratelimit-requests', kind='requests', remaining=59.0, limit=None, reset_s=1.0)]
    """
    found: dict[tuple[str, str], dict[str, str]] = {}
    for name, value in headers.items():
        match = _NAME.fullmatch(name)
        if match is not None:
            family, what, scope, scope2, what2 = match.group("family", "what", "scope", "scope2", "what2")
            found.setdefault((family or "ratelimit", scope or scope2 or ""), {})[what or what2] = value
    reports: list[LimitReport] = []
    for (family, scope), said in found.items():
        kind = _UNSCOPED[family] if scope in _WINDOWS else _SCOPES.get(scope)
        remaining = header_number(said.get("remaining"))
        if kind is None or remaining is None:
            continue
        reset_s = None if "reset" not in said else read_reset_s(said["reset"], headers, clock)
        limit = header_number(said.get("limit")) or None
        reports.append(LimitReport(f"{family}-{scope}".rstrip("-"), kind, remaining, limit, reset_s))
    return reports


def read_reset_s(value: str, headers: Mapping[str, str], clock: Callable[[], float] = time.time) -> float | None:
    """Seconds until the time that a header names, 0 for one that has passed; None if it cannot be read.

    >>> read_reset_s("1m26.4s", {})
    86.4
    """
    text = value.strip()
    if _DURATION.fullmatch(text):
        return sum(float(number) * _UNIT_S[unit] for number, unit in _PART.findall(text))
    number = header_number(text)
    if number is not None and number < _EPOCH_S:
        return number
    if number is not None:
        then: float | None = number if number < _EPOCH_MS else number / 1000
    else:
        then = _iso_date(text) or http_date(text)
    if then is None:
        return None
    sent = http_date(headers.get("date", ""))
    return max(then - (clock() if sent is None else sent), 0.0)


def _iso_date(text: str) -> float | None:
    try:
        date = datetime.fromisoformat(text)
    except ValueError:
        return None
    # One without a zone is the provider's, who count in UTC.
    return (date if date.tzinfo is not None else date.replace(tzinfo=UTC)).timestamp()


__all__ = ["LimitKind", "LimitReport", "read_limits", "read_reset_s"]
