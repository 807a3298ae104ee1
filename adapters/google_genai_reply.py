"""Google's replies, streamed or plain.

A stream is a series of chunks, each with the parts that are new; a plain reply is one chunk with all parts, and without
``alt=sse`` a stream is a JSON array of chunks. There is no terminator: an answer is whole when a finish reason was told
and the body ends properly.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from tidewire.adapters.google_genai_answer import Answer
from tidewire.adapters.google_genai_chunk import UNREADABLE, Chunk, broken, read_chunk, read_chunks, read_leniently
from tidewire.adapters.google_genai_errors import error_in_reply, is_error
from tidewire.adapters.json_text import is_cut
from tidewire.adapters.sse import SSEFramer
from tidewire.events.errors import ResponseDecodeError, ResponseLimitError, StreamInterruptedError
from tidewire.events.types import DecodedEvent

#: Longest plain reply, in bytes.
BODY_LIMIT = 32 * 1024 * 1024


class StreamedReply:
    """Decodes a stream of server-sent events."""

    __slots__ = ("_answer", "_begun", "_framer", "done")

    def __init__(self) -> None:
        self._framer = SSEFramer()
        self._answer = Answer()
        self._begun = False
        #: The format has no terminator: True once the body has ended and the answer is whole.
        self.done = False

    def feed(self, data: bytes) -> Iterator[DecodedEvent]:
        """Decode the bytes of one read.

        Raises:
            APIStatusError: Google reported an error inside the stream; earlier events have been yielded.
            ResponseDecodeError: A frame is not what Google documents.
        """
        answer = self._answer
        for name, frame in self._framer.feed(data):
            self._begun = True
            try:
                chunk = read_chunk(frame)
            except UNREADABLE:
                text = frame.strip()
                if not text or text == b"[DONE]":  # of a proxy that ends all of its streams like this
                    continue
                chunk = read_leniently(frame, read_chunk)
            if chunk.error is not None or name == b"error":
                raise error_in_reply(frame)
            piece = answer.piece(chunk)
            if piece is not None:
                yield piece
            else:
                yield from answer.read(chunk, frame)
            if chunk.usage_metadata is not None:
                usage = answer.count(chunk.usage_metadata)
                if usage is not None:
                    yield usage

    def close(self) -> Iterator[DecodedEvent]:
        """The body ended properly: decode an event that lacks its blank line, and see whether the answer is whole.

        Raises:
            APIStatusError: Google reported an error after the stream had begun, outside of its frames.
            StreamInterruptedError: No finish reason was read, or the body ends within an event.
        """
        rest = self._framer.rest.strip()
        if rest[:1] in (b"{", b"["):
            if self._begun and not is_error(rest):
                raise StreamInterruptedError("the stream ended within an event")
            plain = PlainReply()  # the whole answer at once, or an error, without the form of a stream
            yield from plain.feed(rest)
            yield from plain.close()
            self.done = True
            return
        if rest:
            yield from self._rest(rest)
        if not self._answer.finish_reason:
            raise StreamInterruptedError("the stream ended without a finish reason")
        yield from self._answer.end()
        self.done = True

    def _rest(self, rest: bytes) -> Iterator[DecodedEvent]:
        """An event that lacks its blank line: Google's own client reads it too, if it is whole."""
        if rest.startswith(b":"):
            return
        if b"data:" not in rest or rest.endswith(b"data:"):
            raise StreamInterruptedError("the stream ended within an event")
        try:
            yield from self.feed(b"\n\n")
        except ResponseDecodeError as error:
            raise StreamInterruptedError("the stream ended within an event") from error


class PlainReply:
    """Decodes the body of a reply that was not streamed, or one that is the frames of a stream as a JSON array."""

    __slots__ = ("_body", "done")

    def __init__(self) -> None:
        self._body = bytearray()
        #: True once the body was read whole.
        self.done = False

    def feed(self, data: bytes) -> Iterable[DecodedEvent]:
        """Keep the bytes of one read; they are decoded in ``close``.

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
            StreamInterruptedError: The body is empty or ends within its JSON, or an array has no finish reason.
            APIStatusError: The body is an error.
            ResponseDecodeError: The body is no answer.
        """
        body = bytes(self._body)
        is_array = body.lstrip()[:1] == b"["
        answer = Answer()
        for chunk in self._chunks(body, is_array):
            if chunk.error is not None:
                raise error_in_reply(msgspec.json.encode({"error": chunk.error}))
            if chunk.candidates is None and chunk.prompt_feedback is None and chunk.usage_metadata is None:
                raise broken("no answer: it has no candidates", body)
            yield from answer.read(chunk, body)
            if chunk.usage_metadata is not None:
                usage = answer.count(chunk.usage_metadata)
                if usage is not None:
                    yield usage
        if is_array and not answer.finish_reason:
            raise StreamInterruptedError("the reply ended without a finish reason")
        yield from answer.end()
        self.done = True

    def _chunks(self, body: bytes, is_array: bool) -> list[Chunk]:
        try:
            return read_chunks(body) if is_array else [read_chunk(body)]
        except UNREADABLE as error:
            if is_cut(body):
                raise StreamInterruptedError("the reply ended before its JSON was whole") from error
        return read_leniently(body, read_chunks) if is_array else [read_leniently(body, read_chunk)]


__all__ = ["BODY_LIMIT", "PlainReply", "StreamedReply"]
