"""Anthropic's replies, streamed or plain. A stream tells a message in frames, each with a ``type``::

    message_start, (content_block_start, content_block_delta*, content_block_stop)*, message_delta*, message_stop

``ping`` may stand anywhere; ``error`` ends the stream. A plain reply is the message itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import partial
from typing import TypeVar

import jiter
import msgspec

from tidewire.adapters.anthropic_blocks import read_citation
from tidewire.adapters.anthropic_errors import error_in_reply
from tidewire.adapters.anthropic_message import Message, MessageReader
from tidewire.adapters.json_text import lenient_json
from tidewire.adapters.sse import SSEFramer
from tidewire.adapters.sse_alike import AlikeEvents
from tidewire.adapters.status_errors import decode_excerpt
from tidewire.events.blocks import JSON, JSONObject
from tidewire.events.errors import ResponseDecodeError, ResponseLimitError, StreamInterruptedError
from tidewire.events.json_depth import Bounded
from tidewire.events.types import Block, DecodedEvent, Reasoning, Token

#: Longest plain reply, in bytes.
BODY_LIMIT = 32 * 1024 * 1024

# ---------------------------------------------------------------- what we read


class _Delta(msgspec.Struct, gc=False):
    """What a block grows by."""

    type: str | None = None
    text: str | None = None
    thinking: str | None = None
    signature: str | None = None
    partial_json: str | None = None
    citation: JSONObject | None = None


class _Frame(msgspec.Struct, gc=False):
    """A frame as far as the frequent ones need it; the rare ones are read again by a type of their own."""

    type: str | None = None
    index: int = 0
    delta: _Delta | None = None


class _BlockStart(msgspec.Struct):
    content_block: JSONObject


class _CompactionDelta(msgspec.Struct):
    delta: JSONObject


class _MessageStart(msgspec.Struct):
    message: Message


class _MessageEnd(msgspec.Struct):
    delta: Message | None = None
    context_management: JSON = None
    input_transformations: JSON = None
    usage: JSONObject | None = None


_FRAME = msgspec.json.Decoder(_Frame)
_BLOCK_START = Bounded(msgspec.json.Decoder(_BlockStart))
_COMPACTION = Bounded(msgspec.json.Decoder(_CompactionDelta))
_MESSAGE = Bounded(msgspec.json.Decoder(Message))
_MESSAGE_START = Bounded(msgspec.json.Decoder(_MessageStart))
_MESSAGE_END = Bounded(msgspec.json.Decoder(_MessageEnd))

_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

# What differs from delta to delta: its text, and the blanks that Anthropic pads a frame with.
_TEXT = re.compile(rb'"(?:text|thinking)": ?"((?:[^"\\]|\\.)*)"')
_PADDING = re.compile(rb"\}( *)\}$")

_T = TypeVar("_T")


def _read(decoder: msgspec.json.Decoder[_T] | Bounded[_T], data: bytes) -> _T:
    try:
        return decoder.decode(data)
    except _UNREADABLE:
        value = lenient_json(data)
    try:
        return msgspec.convert(value, decoder.type)
    except msgspec.ValidationError as error:
        raise _broken(f"is not as documented: {error}", data) from error


def _broken(how: str, data: bytes) -> ResponseDecodeError:
    return ResponseDecodeError(f"a frame of the reply {how}", excerpt=decode_excerpt(data))


# ---------------------------------------------------------------- decode


class StreamedMessage:
    """Reads a message told in server-sent events."""

    __slots__ = ("_alike", "_done", "_framer", "_message")

    def __init__(self) -> None:
        self._framer = SSEFramer()
        self._alike = AlikeEvents(_TEXT, padding=_PADDING)
        self._message = MessageReader()
        self._done = False

    @property
    def done(self) -> bool:
        """True once ``message_stop`` was read."""
        return self._done

    def feed(self, data: bytes) -> Iterator[DecodedEvent]:
        """Decode the bytes of one read.

        Raises:
            APIStatusError: The provider reported an error inside the stream; earlier events have been yielded.
            ResponseDecodeError: A frame is not what Anthropic documents.
        """
        return self._alike.read(self._framer, data, self._read)

    def _read(self, data: bytes) -> Iterator[DecodedEvent]:
        if self._done:
            return
        blocks, alike = self._message.blocks, self._alike
        for name, payload in self._framer.feed(data):
            try:
                frame = _FRAME.decode(payload)
            except _UNREADABLE:
                if not payload:
                    continue
                if name == b"error":
                    raise error_in_reply(payload) from None
                frame = _read(_FRAME, payload)
            if frame.type != "content_block_delta":
                alike.forget()
                yield from self._rare(frame, name, payload)
                if self._done:
                    return
                continue
            delta, index = frame.delta, frame.index
            if delta is None or index not in blocks:
                raise _broken("lacks its delta, or its block never began", payload)
            match delta.type:
                case "text_delta":
                    if delta.text:
                        yield Token(delta.text, index)
                        alike.learn(name, payload, partial(Token, index=index))
                case "thinking_delta":
                    if delta.thinking:
                        yield Reasoning(delta.thinking, None, index)
                        alike.learn(name, payload, partial(Reasoning, index=index))
                case "input_json_delta":
                    if delta.partial_json:
                        yield from self._message.feed_input(index, delta.partial_json)
                case "signature_delta":
                    if delta.signature:
                        yield Reasoning("", delta.signature, index)
                case "citations_delta":
                    if delta.citation:
                        yield Block(read_citation(delta.citation), index)
                case "compaction_delta":
                    block = blocks[index]
                    block.value = {**block.value, **_read(_COMPACTION, payload).delta, "type": block.kind}
                case _:
                    pass  # newer than this file

    def _rare(self, frame: _Frame, name: bytes, payload: bytes) -> Iterator[DecodedEvent]:
        message = self._message
        match frame.type:
            case "content_block_start":
                yield from message.start(frame.index, _read(_BLOCK_START, payload).content_block)
            case "content_block_stop":
                yield from message.stop(frame.index)
            case "message_start":
                yield from message.begin(_read(_MESSAGE_START, payload).message)
            case "message_delta":
                end = _read(_MESSAGE_END, payload)
                delta = end.delta or Message()
                delta.context_management = end.context_management
                delta.input_transformations = end.input_transformations
                yield from message.end(delta, end.usage)
            case "message_stop":
                yield from message.stop_all()
                self._done = True
            case kind:  # `ping`, and types newer than this file
                if kind == "error" or name == b"error":
                    raise error_in_reply(payload)

    def close(self) -> Iterator[DecodedEvent]:
        """The body ended properly: read what lacks its last blank line, and see whether the message is whole.

        Raises:
            StreamInterruptedError: Neither ``message_stop`` nor a stop reason was read.
        """
        if self._done:
            return
        rest = self._framer.rest.strip()
        if rest.startswith(b"{") and not self._message.begun:
            # No event stream at all, but a message or an error under the wrong content type.
            plain = PlainMessage()
            yield from plain.feed(rest)
            yield from plain.close()
            self._done = True
            return
        if rest.endswith(b"}"):
            try:
                yield from self.feed(b"\n\n")
            except ResponseDecodeError as error:
                raise StreamInterruptedError("the stream ended within a frame") from error
        if not (self.done or self._message.finished):
            raise StreamInterruptedError("the stream ended before message_stop")
        yield from self._message.stop_all()
        self._done = True


class PlainMessage:
    """Reads a message that comes at once: collects the body, and reads it when it is whole."""

    __slots__ = ("_body", "_done")

    def __init__(self) -> None:
        self._body = bytearray()
        self._done = False

    @property
    def done(self) -> bool:
        """True once the body was read."""
        return self._done

    def feed(self, data: bytes) -> Iterable[DecodedEvent]:
        """Collect the bytes of one read.

        Raises:
            ResponseLimitError: The body is longer than 32 MB.
        """
        self._body += data
        if len(self._body) > BODY_LIMIT:
            raise ResponseLimitError(f"the reply is longer than {BODY_LIMIT} bytes")
        return ()

    def close(self) -> Iterator[DecodedEvent]:
        """Decode the body.

        Raises:
            StreamInterruptedError: The body is empty or ends within its JSON.
            APIStatusError: The body is an error.
            ResponseDecodeError: The body is no message.
        """
        body = bytes(self._body)
        try:
            message = _read(_MESSAGE, body)
        except ResponseDecodeError as error:
            if _is_cut(body):
                raise StreamInterruptedError("the reply ended before its JSON was whole") from error
            raise
        if message.error is not None or message.type == "error":
            raise error_in_reply(body)
        if message.content is None:
            raise ResponseDecodeError("the reply has no 'content'", excerpt=decode_excerpt(body))
        yield from MessageReader().begin(message)
        self._done = True


def _is_cut(body: bytes) -> bool:
    """Whether the body is only the beginning of a JSON text."""
    try:
        jiter.from_json(body)
    except ValueError as error:
        return str(error).startswith("EOF")
    return False


__all__ = ["BODY_LIMIT", "PlainMessage", "StreamedMessage"]
