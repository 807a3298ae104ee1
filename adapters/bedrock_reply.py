"""Bedrock's replies, streamed or plain. A stream tells a message in frames, each with an ``:event-type``::

    messageStart, (contentBlockStart?, contentBlockDelta*, contentBlockStop)*, messageStop, metadata

The payloads are JSON, padded by a field ``p`` that means nothing. An exception may stand anywhere and ends the stream.
A plain reply has the message in ``output``, and beside it what ``messageStop`` and ``metadata`` say.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

import msgspec

from tidewire.adapters.bedrock_blocks import read_citation
from tidewire.adapters.bedrock_errors import error_in_reply, error_in_stream
from tidewire.adapters.bedrock_message import MessageReader
from tidewire.adapters.eventstream import EventStreamFramer
from tidewire.adapters.json_fields import list_of, object_of, text_of
from tidewire.adapters.json_text import is_cut, lenient_json
from tidewire.adapters.status_errors import decode_excerpt
from tidewire.events.blocks import JSONObject
from tidewire.events.errors import ResponseDecodeError, ResponseLimitError, StreamInterruptedError
from tidewire.events.json_depth import Bounded
from tidewire.events.types import Block, DecodedEvent, Reasoning, Token

#: Longest plain reply, in bytes.
BODY_LIMIT = 32 * 1024 * 1024

# ---------------------------------------------------------------- what we read


class _ReasoningDelta(msgspec.Struct, gc=False, rename="camel"):
    text: str | None = None
    signature: str | None = None
    redacted_content: str | None = None


class _ToolUseDelta(msgspec.Struct, gc=False):
    input: str | None = None


class _Delta(msgspec.Struct, gc=False, rename="camel"):
    """What a block grows by: one of these."""

    text: str | None = None
    tool_use: _ToolUseDelta | None = None
    reasoning_content: _ReasoningDelta | None = None
    tool_result: list[JSONObject] | None = None
    citation: JSONObject | None = None
    image: JSONObject | None = None


class _BlockDelta(msgspec.Struct, gc=False, rename="camel"):
    content_block_index: int = 0
    delta: _Delta | None = None


class _BlockStart(msgspec.Struct, rename="camel"):
    """Also how a block ends, without ``start``."""

    content_block_index: int = 0
    start: JSONObject | None = None


_DELTA = msgspec.json.Decoder(_BlockDelta)
_START = msgspec.json.Decoder(_BlockStart)
_OBJECT = Bounded(msgspec.json.Decoder(JSONObject))

_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

_T = TypeVar("_T")


def _read(decoder: msgspec.json.Decoder[_T] | Bounded[_T], data: bytes) -> _T:
    try:
        return decoder.decode(data)
    except _UNREADABLE:
        value = lenient_json(data)
    try:
        return msgspec.convert(value, decoder.type)
    except msgspec.ValidationError as error:
        message = f"a frame of the reply is not as documented: {error}"
        raise ResponseDecodeError(message, excerpt=decode_excerpt(data)) from error


# ---------------------------------------------------------------- decode


class StreamedMessage:
    """Reads a message told in an AWS event stream."""

    __slots__ = ("_done", "_framer", "_message")

    def __init__(self) -> None:
        self._framer = EventStreamFramer()
        self._message = MessageReader()
        self._done = False

    @property
    def done(self) -> bool:
        """True once ``messageStop`` and ``metadata`` were read."""
        return self._done

    def feed(self, data: bytes) -> Iterator[DecodedEvent]:
        """Decode the bytes of one read.

        Raises:
            APIStatusError: The service reported an error inside the stream; earlier events have been yielded.
            ResponseDecodeError: A frame is not what AWS documents.
        """
        if self._done:
            return
        for headers, payload in self._framer.feed(data):
            if headers.get(":message-type", "event") != "event":
                raise error_in_stream(headers, payload)
            kind = headers.get(":event-type")
            if kind == "contentBlockDelta":
                frame = _read(_DELTA, payload)
                index, delta = frame.content_block_index, frame.delta
                if delta is None:
                    continue
                if delta.text is not None:
                    if delta.text:
                        yield Token(delta.text, index)
                else:
                    yield from self._grow(index, delta)
            else:
                yield from self._rare(str(kind), payload)
                if self._done:
                    return

    def _grow(self, index: int, delta: _Delta) -> Iterator[DecodedEvent]:
        """A delta that is no text."""
        message = self._message
        if delta.tool_use is not None:
            yield from message.feed_input(index, delta.tool_use.input or "")
        elif delta.reasoning_content is not None:
            thought = delta.reasoning_content
            if thought.text:
                yield Reasoning(thought.text, None, index)
            if thought.signature:
                yield from message.feed_signature(index, thought.signature)
            if thought.redacted_content:
                message.feed_redacted(index, thought.redacted_content)
        elif delta.citation is not None:
            yield Block(read_citation(delta.citation), index)
        elif delta.tool_result is not None:
            message.feed_result(index, delta.tool_result)
        elif delta.image is not None:
            message.feed_image(index, delta.image)

    def _rare(self, kind: str, payload: bytes) -> Iterator[DecodedEvent]:
        message = self._message
        match kind:
            case "contentBlockStart":
                frame = _read(_START, payload)
                yield from message.start(frame.content_block_index, frame.start or {})
            case "contentBlockStop":
                yield from message.stop(_read(_START, payload).content_block_index)
            case "messageStop":
                stop = _read(_OBJECT, payload)
                yield from message.end(text_of(stop, "stopReason"), stop)
            case "metadata":
                yield from message.about(_read(_OBJECT, payload))
                self._done = message.finished
            case kind if kind.endswith("Exception"):  # servers that stand in for Bedrock send it as an event
                raise error_in_stream({":exception-type": kind}, payload)
            case _:
                pass  # `messageStart`, and types newer than this file

    def close(self) -> Iterator[DecodedEvent]:
        """The body ended properly.

        Raises:
            StreamInterruptedError: ``messageStop`` was not read, or the body ends within a frame.
        """
        if not self._done:
            if not self._message.finished:
                raise StreamInterruptedError("the stream ended before messageStop")
            if self._framer.rest:
                raise StreamInterruptedError("the stream ended within a frame")
            self._done = True
        yield from ()


class PlainMessage:
    """Reads the body of a reply that was not streamed."""

    __slots__ = ("_body", "_done")

    def __init__(self) -> None:
        self._body = bytearray()
        self._done = False

    @property
    def done(self) -> bool:
        """True once the body was read whole."""
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
            reply = _read(_OBJECT, body)
        except ResponseDecodeError as error:
            if is_cut(body):
                raise StreamInterruptedError("the reply ended before its JSON was whole") from error
            raise
        told = object_of(object_of(reply, "output"), "message")
        if told.get("content") is None:
            raise error_in_reply(body) or ResponseDecodeError("the reply has no message", excerpt=decode_excerpt(body))
        message = MessageReader()
        for index, block in enumerate(list_of(told, "content")):
            yield from message.whole(index, block)
        yield from message.end(text_of(reply, "stopReason"), reply)
        self._done = True


__all__ = ["BODY_LIMIT", "PlainMessage", "StreamedMessage"]
