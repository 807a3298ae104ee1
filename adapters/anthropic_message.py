"""A message of Anthropic's being read: its head, its blocks and its end, as events.

Text, thinking and the calls of the caller's tools are passed on as they come, every other block when it is whole. It
makes no difference whether the message comes at once or piece by piece: a block may begin with all that it holds.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from tidewire.adapters.anthropic_blocks import list_of, object_of, read_block, read_citation, text_of
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


class Message(msgspec.Struct):
    """A message: whole in a plain reply, most often without its content and end in ``message_start``."""

    type: str | None = None
    id: str | None = None
    model: str | None = None
    content: list[JSONObject] | None = None
    stop_reason: str | None = None
    stop_sequence: str | None = None
    stop_details: JSON = None
    container: JSON = None
    context_management: JSON = None
    diagnostics: JSON = None
    input_transformations: JSON = None
    usage: JSONObject | None = None
    error: JSON = None


class _Written(msgspec.Struct):
    ephemeral_5m_input_tokens: int | None = None
    ephemeral_1h_input_tokens: int | None = None


class _Counts(msgspec.Struct):
    """The numbers of a usage object; None where the provider does not say.

    How many tokens of the output were thought is not among them, as elsewhere in the field: ``output_tokens_details``
    stands with the rest of the object in ``response_metadata["usage"]``.
    """

    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    cache_creation_input_tokens: int | None = None
    cache_creation: _Written | None = None


_FINISH: dict[str, FinishReason] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "pause_turn": "stop",
    "compaction": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "refusal",
}

#: Facts of a message that go into ``response_metadata`` under Anthropic's own names.
_FACTS = (
    "stop_reason",
    "stop_sequence",
    "stop_details",
    "container",
    "context_management",
    "diagnostics",
    "input_transformations",
)

_write_json = msgspec.json.Encoder().encode

# ---------------------------------------------------------------- decode


class OpenBlock:
    """A block that has begun.

    Attributes:
        kind: Its type.
        value: What it began with, and what was merged into it.
        pieces: Its input so far, of a block that is passed on whole.
        fed: Whether its input came in pieces.
        stopped: Whether it is whole.
    """

    __slots__ = ("fed", "kind", "pieces", "stopped", "value")

    def __init__(self, kind: str, value: JSONObject) -> None:
        self.kind = kind
        self.value = value
        self.pieces: list[str] = []
        self.fed = False
        self.stopped = False


class MessageReader:
    """One message being read.

    Attributes:
        blocks: The blocks that have begun, by their place in the message.
        begun: Whether anything of it was read.
        finished: Whether it said why it stopped.
    """

    def __init__(self) -> None:
        self.blocks: dict[int, OpenBlock] = {}
        self.begun = False
        self.finished = False
        self._usage: JSONObject = {}

    def begin(self, message: Message) -> Iterator[DecodedEvent]:
        """The message's head, and what it holds already.

        A plain reply holds all. So does ``message_start`` where no model was asked anew, because a server tool that
        called one of the caller's tools goes on: ``"content":[{"type":"tool_use",…}],"stop_reason":"tool_use"``.
        """
        self.begun = True
        yield Meta(id=message.id, model=message.model)
        yield from self._count(message.usage)
        for index, value in enumerate(message.content or ()):
            yield from self.start(index, value)
            yield from self.stop(index)
        yield from self.end(message, None)

    def end(self, message: Message, usage: JSONObject | None) -> Iterator[DecodedEvent]:
        """Why and how the message ended; ``usage`` replaces what it names of the usage before."""
        yield from self._count(usage)
        facts = {name: value for name in _FACTS if (value := getattr(message, name)) is not None}
        if self._usage:
            facts["usage"] = self._usage
        if self._usage.get("service_tier") is not None:
            facts["service_tier"] = self._usage["service_tier"]
        if facts:
            yield Meta(data=facts)
        if message.stop_reason:
            self.finished = True
            yield Finish(_FINISH.get(message.stop_reason, "other"), message.stop_reason)

    def start(self, index: int, value: JSONObject) -> Iterator[DecodedEvent]:
        """A block begins."""
        if index in self.blocks:
            raise ResponseDecodeError(f"block {index} of the reply begins twice")
        kind = text_of(value, "type")
        self.begun = True
        self.blocks[index] = OpenBlock(kind, value)
        match kind:
            case "text":
                text = text_of(value, "text")
                if text:
                    yield Token(text, index)
                for citation in list_of(value, "citations"):
                    yield Block(read_citation(citation), index)
            case "thinking":
                text, signature = text_of(value, "thinking"), text_of(value, "signature")
                if text or signature:
                    yield Reasoning(text, signature or None, index)
            case "tool_use":
                extras = {key: item for key, item in value.items() if key not in ("type", "id", "name", "input")}
                id, name = text_of(value, "id"), text_of(value, "name")
                yield ToolCallDelta(index=index, id=id or None, name=name or None, extras=extras or None)
            case _:
                pass  # passed on when it stops

    def feed_input(self, index: int, piece: str) -> Iterator[DecodedEvent]:
        """A piece of a call's arguments."""
        block = self.blocks[index]
        if block.kind == "tool_use":
            block.fed = True
            yield ToolCallDelta(piece, index)
        elif block.stopped or block.kind in ("text", "thinking"):
            raise ResponseDecodeError(f"block {index} of the reply, a {block.kind} block, takes no input")
        else:
            block.pieces.append(piece)

    def stop(self, index: int) -> Iterator[DecodedEvent]:
        """A block is whole."""
        block = self.blocks.get(index)
        if block is None:
            raise ResponseDecodeError(f"block {index} of the reply ends and never began")
        if block.stopped:
            return
        block.stopped = True
        match block.kind:
            case "text" | "thinking":
                pass
            case "tool_use":
                args = object_of(block.value, "input")
                if args and not block.fed:
                    yield ToolCallDelta(_write_json(args).decode(), index)
            case _:
                yield from self._whole(block, index)

    def stop_all(self) -> Iterator[DecodedEvent]:
        """The message is whole, and so are its blocks."""
        for index in self.blocks:
            yield from self.stop(index)

    def _whole(self, block: OpenBlock, index: int) -> Iterator[DecodedEvent]:
        if block.pieces:
            text = "".join(block.pieces)
            args = parse_arguments(text)
            block.value = {**block.value, "input": text if isinstance(args, str) else args}
        yield Block(read_block(block.value), index)
        if block.kind == "fallback":  # another model answers from here on
            yield Meta(model=text_of(object_of(block.value, "to"), "model") or None)

    def _count(self, usage: JSONObject | None) -> Iterator[DecodedEvent]:
        given = {name: value for name, value in (usage or {}).items() if value is not None}
        if not given:
            return
        self._usage = {**self._usage, **given}
        try:
            counts = msgspec.convert(self._usage, _Counts)
        except msgspec.ValidationError as error:
            raise ResponseDecodeError(f"the usage of the reply is not as documented: {error}") from error
        # Anthropic counts what went through the cache apart: where it names no such tokens, there were none.
        read, created = counts.cache_read_input_tokens or 0, counts.cache_creation_input_tokens or 0
        sent = (counts.input_tokens or 0) + read + created
        made = counts.output_tokens or 0
        written = counts.cache_creation or _Written()
        yield Usage(
            input_tokens=sent,
            output_tokens=made,
            total_tokens=sent + made,
            cache_read=read,
            cache_creation=created,
            cache_creation_5m=written.ephemeral_5m_input_tokens,
            cache_creation_1h=written.ephemeral_1h_input_tokens,
        )


__all__ = ["Message", "MessageReader", "OpenBlock"]
