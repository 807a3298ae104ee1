"""Replies of the Responses API as events, streamed or plain.

A stream tells a response in frames, each with a ``type``::

    response.created, response.in_progress,
    (response.output_item.added, …, response.output_item.done)*,
    response.completed | response.incomplete | response.failed

``error`` may stand anywhere and ends the stream. A plain reply is the response itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import partial

import msgspec

from tidewire.adapters.json_text import is_cut, lenient_json, object_of
from tidewire.adapters.openai_chat_chunk import UNREADABLE
from tidewire.adapters.openai_chat_errors import is_error, reported
from tidewire.adapters.openai_responses_answer import Answer
from tidewire.adapters.openai_responses_frame import FRAME, PIECE, RESPONSE, Frame, Piece, Response, read
from tidewire.adapters.sse import SSEFramer
from tidewire.adapters.sse_alike import AlikeEvents
from tidewire.adapters.status_errors import decode_excerpt
from tidewire.events.blocks import JSON
from tidewire.events.errors import ResponseDecodeError, ResponseLimitError, StreamInterruptedError
from tidewire.events.types import DecodedEvent, Token

#: Longest plain reply, in bytes.
BODY_LIMIT = 32 * 1024 * 1024

_TEXT = b"response.output_text.delta"
_NOTHING = Piece()

# What differs from delta to delta.
_DELTA = re.compile(rb'"delta": ?"((?:[^"\\]|\\.)*)"')
_NUMBER = re.compile(rb'"sequence_number": ?([0-9]+)')
_PADDING = re.compile(rb'"obfuscation": ?"([A-Za-z0-9]*)"\}$')


class StreamedResponse:
    """Reads one stream."""

    __slots__ = ("_alike", "_answer", "_framer")

    def __init__(self) -> None:
        self._framer = SSEFramer()
        self._alike = AlikeEvents(_DELTA, padding=_PADDING, counter=_NUMBER)
        self._answer = Answer()

    @property
    def done(self) -> bool:
        """True once the response's end was read."""
        return self._answer.finished

    def feed(self, data: bytes) -> Iterator[DecodedEvent]:
        """Decode the bytes of one read.

        Raises:
            APIStatusError: The provider reported an error inside the stream; earlier events have been yielded.
            ResponseDecodeError: A frame is not what OpenAI documents.
        """
        return self._alike.read(self._framer, data, self._read)

    def _read(self, data: bytes) -> Iterator[DecodedEvent]:
        answer = self._answer
        if answer.finished:
            return
        items, readers = answer.items.all, answer.readers
        for name, payload in self._framer.feed(data):
            if name == _TEXT:
                try:
                    piece = PIECE.decode(payload)
                except UNREADABLE:
                    piece = _NOTHING
                item = items.get(piece.output_index)
                part = item.parts.get(piece.content_index) if item is not None else None
                # What all but the first of a part's frames are; others are read like those of the other types.
                if part is not None and part.fed and piece.delta and not piece.logprobs:
                    yield Token(piece.delta, part.index)
                    self._alike.learn(name, payload, partial(Token, index=part.index))
                    continue
            self._alike.forget()
            try:
                frame = FRAME.decode(payload)
            except UNREADABLE:
                frame = self._unusual(name, payload)
            if frame.type in ("", "error") or name == b"error":
                frame = self._unusual(name, payload)
            answer.begun = True
            reader = readers.get(frame.type)
            if reader is not None:
                yield from reader(frame, payload)
                if answer.finished:
                    return

    def close(self) -> Iterator[DecodedEvent]:
        """The body ended properly: read what lacks its last blank line, and see whether the response is whole.

        Raises:
            StreamInterruptedError: The response's end was not read.
        """
        if self.done:
            return
        rest = self._framer.rest.strip()
        if rest[:1] in (b"{", b"[") and not self._answer.begun:
            # No event stream at all, but a response or an error under the wrong content type.
            plain = PlainResponse(self._answer)
            yield from plain.feed(rest)
            yield from plain.close()
            return
        if rest:
            try:
                yield from self.feed(b"\n\n")
            except ResponseDecodeError as cut:
                raise StreamInterruptedError("the stream ended within a frame") from cut
        if not self.done:
            raise StreamInterruptedError("the stream ended before response.completed")

    def _unusual(self, name: bytes, payload: bytes) -> Frame:
        """The frame of a payload not understood at first sight: an error, its type outside, or nothing of ours.

        Raises:
            APIStatusError: It is an error.
            ResponseDecodeError: It is no JSON, or a frame that is read and not as documented.
        """
        text = payload.strip()
        if not text or text == b"[DONE]":
            return Frame()
        try:
            value = lenient_json(payload)
        except ResponseDecodeError:
            if name == b"error":
                raise reported(text.decode("utf-8", "replace"), payload) from None
            raise
        readers = self._answer.readers
        fields = object_of(value)
        said = fields.get("type")
        kind = said if isinstance(said, str) and said else name.decode("utf-8", "replace")
        if kind == "error" or name == b"error" or (kind not in readers and is_error(value)):
            # This type names the frame, not the error.
            raise reported({**fields, "type": None} if said == "error" else value, payload)
        return read(FRAME, msgspec.json.encode({**fields, "type": kind})) if kind in readers else Frame()


class PlainResponse:
    """Reads one plain reply: collects it, and reads it when it is whole."""

    __slots__ = ("_answer", "_body")

    def __init__(self, answer: Answer | None = None) -> None:
        self._body = bytearray()
        self._answer = answer or Answer()

    @property
    def done(self) -> bool:
        """True once the body was read."""
        return self._answer.finished

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
            APIStatusError: The body is an error, or the response failed.
            ResponseDecodeError: The body is no response.
        """
        body = bytes(self._body)
        try:
            response = RESPONSE.decode(body)
        except UNREADABLE:
            if is_cut(body):
                raise StreamInterruptedError("the reply ended before its JSON was whole") from None
            response = _error_free(body)
        if response.output is None and response.status != "failed":
            _error_free(body)
            raise ResponseDecodeError("the reply has no 'output'", excerpt=decode_excerpt(body))
        yield from self._answer.end(response, "completed", body)


def _error_free(body: bytes) -> Response:
    value: JSON = lenient_json(body)
    if is_error(value):
        raise reported(value, body)
    return read(RESPONSE, body)


__all__ = ["BODY_LIMIT", "PlainResponse", "StreamedResponse"]
