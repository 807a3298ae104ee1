"""A message of Converse's being read: its blocks, its end and what is said about it, as events.

Text, reasoning and the calls of the caller's tools are passed on as they come; a call of a tool that runs at the
provider, what it gave back, an image and encrypted reasoning when they are whole. Text and reasoning need not begin: in
a stream, only the other blocks have a ``contentBlockStart``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import msgspec

from tidewire.adapters.bedrock_blocks import (
    is_server_tool,
    read_citation,
    read_redacted,
    read_server_call,
    read_server_result,
)
from tidewire.adapters.bedrock_media import MEDIA, joined_base64, read_media
from tidewire.adapters.json_fields import list_of, object_of, text_of
from tidewire.events.blocks import JSON, JSONObject
from tidewire.events.errors import ResponseDecodeError
from tidewire.events.tool_args import parse_arguments
from tidewire.events.types import (
    Block,
    DecodedEvent,
    Finish,
    FinishReason,
    Meta,
    Reasoning,
    Token,
    ToolCallDelta,
    Usage,
)

# ---------------------------------------------------------------- what we read


class _Written(msgspec.Struct, rename="camel"):
    ttl: str | None = None
    input_tokens: int | None = None


class _Counts(msgspec.Struct, rename="camel"):
    """The numbers of a usage object. The cached ones have had two names."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    total_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    cache_read_input_token_count: int | None = None
    cache_write_input_tokens: int | None = None
    cache_write_input_token_count: int | None = None
    cache_details: list[_Written] | None = None


_FINISH: Mapping[str, FinishReason] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "tool_use": "tool_calls",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "guardrail_intervened": "content_filter",
    "content_filtered": "content_filter",
}

#: Facts about a reply that go into ``response_metadata`` under Bedrock's own names.
_FACTS = ("usage", "metrics", "trace", "performanceConfig", "serviceTier", "additionalModelResponseFields")

_write_json = msgspec.json.Encoder().encode

# ---------------------------------------------------------------- decode


class _Open:
    """A block that is not whole yet. ``pieces`` are those of a text or of bytes in base64, ``items`` of a list."""

    __slots__ = ("items", "kind", "pieces", "value")

    def __init__(self, kind: str, value: JSONObject) -> None:
        self.kind = kind
        self.value = value
        self.pieces: list[str] = []
        self.items: list[JSONObject] = []


class MessageReader:
    """One message being read.

    Attributes:
        finished: Whether it said why it stopped.
    """

    def __init__(self) -> None:
        self.finished = False
        self._open: dict[int, _Open] = {}

    def whole(self, index: int, block: JSONObject) -> Iterator[DecodedEvent]:
        """A block of a plain reply."""
        if "text" in block:
            yield from _token(text_of(block, "text"), index)
        elif "reasoningContent" in block:
            yield from self._thought(index, object_of(block, "reasoningContent"))
        elif "toolUse" in block:
            use = object_of(block, "toolUse")
            if is_server_tool(use):
                yield Block(read_server_call(use), index)
            else:
                yield ToolCallDelta(_arguments(use), index, text_of(use, "toolUseId"), text_of(use, "name"))
        elif "toolResult" in block:
            yield Block(read_server_result(object_of(block, "toolResult")), index)
        elif "citationsContent" in block:
            content = object_of(block, "citationsContent")
            yield from _token("".join(text_of(part, "text") for part in list_of(content, "content")), index)
            for citation in list_of(content, "citations"):
                yield Block(read_citation(citation), index)
        else:
            yield Block(_other(block), index)

    def _thought(self, index: int, content: JSONObject) -> Iterator[DecodedEvent]:
        redacted = text_of(content, "redactedContent")
        if redacted:
            yield Block(read_redacted(redacted), index)
        thought = object_of(content, "reasoningText")
        text, signature = text_of(thought, "text"), text_of(thought, "signature")
        if text or signature:
            yield Reasoning(text, signature or None, index)

    def start(self, index: int, start: JSONObject) -> Iterator[DecodedEvent]:
        """A block begins. Not all servers end the one before it."""
        yield from self.stop(index)
        if "toolUse" in start:
            use = object_of(start, "toolUse")
            own = not is_server_tool(use)
            self._open[index] = _Open("call" if own else "toolUse", use)
            if own:
                yield ToolCallDelta("", index, text_of(use, "toolUseId") or None, text_of(use, "name") or None)
        elif "toolResult" in start:
            self._open[index] = _Open("toolResult", object_of(start, "toolResult"))
        elif "image" in start:
            self._open[index] = _Open("image", object_of(start, "image"))

    def feed_input(self, index: int, piece: str) -> Iterator[DecodedEvent]:
        """A piece of the arguments of a call."""
        block = self._open.get(index)
        if block is None or block.kind not in ("call", "toolUse"):
            raise ResponseDecodeError(f"block {index} of the reply gets arguments and is no call", excerpt=piece)
        if block.kind == "toolUse":
            block.pieces.append(piece)
        elif piece:
            yield ToolCallDelta(piece, index)

    def feed_result(self, index: int, items: Iterable[JSONObject]) -> None:
        """Parts of what a tool gave back."""
        self._opened(index, "toolResult").items.extend(items)

    def feed_image(self, index: int, delta: JSONObject) -> None:
        """A piece of an image, the place of one, or why there is none."""
        block = self._opened(index, "image")
        source = object_of(delta, "source")
        data = text_of(source, "bytes")
        if data:
            block.pieces.append(data)
        else:
            block.value = {**block.value, **delta}

    def feed_redacted(self, index: int, data: str) -> None:
        """A piece of encrypted reasoning."""
        self._opened(index, "redacted").pieces.append(data)

    def feed_signature(self, index: int, piece: str) -> Iterator[DecodedEvent]:
        """A piece of the signature of a block of reasoning; each event has it as far as it is known."""
        pieces = self._opened(index, "signature").pieces
        pieces.append(piece)
        yield Reasoning("", "".join(pieces), index)

    def _opened(self, index: int, kind: str) -> _Open:
        block = self._open.get(index)
        if block is None or block.kind != kind:
            block = self._open[index] = _Open(kind, {})
        return block

    def stop(self, index: int) -> Iterator[DecodedEvent]:
        """A block is whole."""
        block = self._open.pop(index, None)
        if block is None:
            return
        match block.kind:
            case "toolUse":
                text = "".join(block.pieces)
                args = parse_arguments(text)
                yield Block(read_server_call({**block.value, "input": text if isinstance(args, str) else args}), index)
            case "toolResult":
                yield Block(read_server_result({**block.value, "content": block.items}), index)
            case "image":
                source = {"source": {"bytes": _bytes(block.pieces)}} if block.pieces else {}
                yield Block(_other({"image": {**block.value, **source}}), index)
            case "redacted":
                yield Block(read_redacted(_bytes(block.pieces)), index)
            case _:
                pass  # a call and a signature have been passed on

    def end(self, stop_reason: str | None, facts: JSONObject) -> Iterator[DecodedEvent]:
        """Why the message stopped."""
        for index in list(self._open):
            yield from self.stop(index)
        if stop_reason:
            self.finished = True
            yield Meta(data={"stopReason": stop_reason})
            yield Finish(_FINISH.get(stop_reason, "other"), stop_reason)
        yield from self.about(facts)

    def about(self, facts: JSONObject) -> Iterator[DecodedEvent]:
        """What is said about the message: its tokens, the time it took, traces of guardrails and routers."""
        usage = object_of(facts, "usage")
        if usage:
            yield _usage(usage)
        told = {name: facts[name] for name in _FACTS if facts.get(name) is not None}
        tier = text_of(object_of(facts, "serviceTier"), "type")
        if tier:
            told["service_tier"] = tier
        router = object_of(object_of(facts, "trace"), "promptRouter")
        model = text_of(router, "invokedModelId")
        if told:
            # Only a router says which model answered.
            yield Meta(model=model or None, data=told)


def _token(text: str, index: int) -> Iterator[DecodedEvent]:
    if text:
        yield Token(text, index)


def _arguments(use: JSONObject) -> str:
    args: JSON = use.get("input")
    if isinstance(args, str):  # some models' arguments are not read by the service, and passed on as they wrote them
        return args
    return _write_json(args).decode() if args else ""


def _other(block: JSONObject) -> JSONObject:
    kind = next(iter(block), "")
    medium = read_media(kind, object_of(block, kind)) if kind in MEDIA else None
    return medium or {"type": "non_standard", "value": block}


def _bytes(pieces: list[str]) -> str:
    try:
        return joined_base64(pieces)
    except ValueError as error:
        raise ResponseDecodeError("a block's bytes are not base64", excerpt=pieces[0]) from error


def _usage(usage: JSONObject) -> Usage:
    try:
        counts = msgspec.convert(usage, _Counts)
    except msgspec.ValidationError as error:
        raise ResponseDecodeError(f"the usage is not what Bedrock documents: {error}") from error
    # Bedrock's inputTokens are those beside the cached ones; ours count everything sent. Where it names no cached ones
    # there were none, since its total is always the sum of all four.
    read = counts.cache_read_input_tokens or counts.cache_read_input_token_count or 0
    written = counts.cache_write_input_tokens or counts.cache_write_input_token_count or 0
    kept = {entry.ttl: entry.input_tokens for entry in counts.cache_details or ()}
    sent = (counts.input_tokens or 0) + read + written
    made = counts.output_tokens or 0
    return Usage(
        input_tokens=sent,
        output_tokens=made,
        total_tokens=max(counts.total_tokens or 0, sent + made),
        cache_read=read,
        cache_creation=written,
        cache_creation_5m=kept.get("5m"),
        cache_creation_1h=kept.get("1h"),
    )


__all__ = ["MessageReader"]
