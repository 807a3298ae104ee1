"""An answer as a cache keeps it: under which key, as what bytes, and which answers are worth keeping."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from typing import TypeGuard

import msgspec

from tidewire.adapters.secrets import Secret
from tidewire.adapters.spec import ModelRequest
from tidewire.attempt import with_query
from tidewire.events.errors import ResponseDecodeError
from tidewire.events.fold import Fold
from tidewire.events.types import (
    Block,
    DecodedEvent,
    Event,
    Fallback,
    Finish,
    Meta,
    Reasoning,
    Retry,
    Token,
    ToolCallDelta,
    Usage,
    WarningEvent,
)
from tidewire.settings import Settings

#: Raised when what is kept changes its form: older entries are not found any more then.
FORM = "1"

#: Headers of the caller's own that say who calls, or which call it is, and nothing about the answer.
_WHO_CALLS = re.compile(r".*(auth|key|token|secret|cookie|session|request-id|trace|correlation|idempotency).*")

#: Reasons to stop of whole answers. One that was cut, filtered or refused may turn out better the next time.
_WHOLE = frozenset({"stop", "tool_calls"})

_KEPT = (Token, Reasoning, ToolCallDelta, Block, Meta, Usage, Finish)
_decode = msgspec.json.Decoder(list[Token | Reasoning | ToolCallDelta | Block | Meta | Usage | Finish]).decode


def key_of(settings: Settings, request: ModelRequest) -> tuple[str, tuple[WarningEvent, ...]]:
    """The key of a call, the same for all that ask the same, streamed or not; and what the request leaves out.

    It is made from the request as the provider would get it, without credentials.

    Raises:
        ConfigurationError: The wire format cannot spell something in the request.
    """
    adapter = settings.adapter
    codec, asked = adapter.choose(msgspec.structs.replace(request, stream=False))
    http = codec.encode(asked)
    headers = {name: value for name, value in {**http.headers, **settings.headers}.items() if _shapes(name, value)}
    url = with_query(http.url, settings.query) if settings.query else http.url
    digest = hashlib.sha256()
    for part in (
        FORM,
        adapter.provider,
        codec.name,
        request.model,
        http.method,
        url,
        repr(sorted(headers.items())),
    ):
        digest.update(part.encode())
        digest.update(b"\n")
    digest.update(http.body)
    return digest.hexdigest(), (*asked.warnings, *http.warnings)


def encode_reply(events: Iterable[Event]) -> bytes:
    """The events of an answer as JSON.

    Raises:
        TypeError: Something in them is no JSON.
    """
    kept: list[dict[str, object]] = []
    for event in events:
        if isinstance(event, _KEPT):
            fields: dict[str, object] = msgspec.to_builtins(event)
            # What the run wrote on it is the run's, and what is None says nothing.
            kept.append({k: v for k, v in fields.items() if v is not None and k not in ("seq", "time")})
    return msgspec.json.encode(kept)


def decode_reply(value: bytes) -> list[DecodedEvent]:
    """The events of an answer that was kept.

    Raises:
        ResponseDecodeError: It is none.
    """
    try:
        return list(_decode(value))
    except msgspec.MsgspecError as error:
        raise ResponseDecodeError(f"the cache holds no answer of tidewire's: {error}") from error


def worth_keeping(events: Iterable[Event], fold: Fold) -> list[Event] | None:
    """The events of a whole answer, without those of attempts that failed; None for one that is not to be kept."""
    kept: list[Event] = []
    for event in events:
        if isinstance(event, Fallback):
            return None  # another model's answer, where the first one may answer the next time
        if isinstance(event, Retry):
            kept.clear()
        else:
            kept.append(event)
    if fold.finish is None or fold.finish.reason not in _WHOLE:
        return None
    calls_fit = all(block["type"] != "invalid_tool_call" for block in fold.blocks(final=True))
    return kept if calls_fit else None


def _shapes(name: str, value: str | Secret) -> TypeGuard[str]:
    return isinstance(value, str) and not _WHO_CALLS.fullmatch(name)


__all__ = ["FORM", "decode_reply", "encode_reply", "key_of", "worth_keeping"]
