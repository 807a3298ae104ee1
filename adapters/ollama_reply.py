"""Ollama's replies as events.

A stream is a line of JSON for each piece, and the last one says ``"done": true``. A plain reply is that last line with
the whole message in it, and the same code reads both. A call of a tool is never cut. An error stands in a line of its
own; what follows the last line is no part of the answer.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping

import msgspec

from tidewire.adapters.json_text import is_cut, lenient_json, object_of
from tidewire.adapters.ndjson import NDJSONFramer
from tidewire.adapters.status_errors import decode_excerpt, reported_error
from tidewire.events.blocks import JSON, JSONObject
from tidewire.events.errors import ResponseDecodeError, ResponseLimitError, StreamInterruptedError
from tidewire.events.json_depth import Bounded
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

#: Longest plain reply, in bytes.
BODY_LIMIT = 32 * 1024 * 1024

_FINISH_REASONS: Mapping[str, FinishReason] = {"length": "length", "stop": "stop"}

# ---------------------------------------------------------------- what we read


class _Function(msgspec.Struct, gc=False):
    name: str | None = None
    arguments: JSON = None


class _Call(msgspec.Struct, gc=False):
    id: str | None = None
    function: _Function | None = None


class _Message(msgspec.Struct, gc=False):
    content: str | None = None
    thinking: str | None = None
    tool_calls: list[_Call] | None = None
    images: list[str] | None = None


class _Line(msgspec.Struct, gc=False):
    message: _Message | None = None
    model: str | None = None
    created_at: str | None = None
    done: bool | None = None
    done_reason: str | None = None
    error: JSON = None
    logprobs: list[JSONObject] | None = None
    prompt_eval_count: JSON = None
    eval_count: JSON = None
    total_duration: JSON = None
    load_duration: JSON = None
    prompt_eval_duration: JSON = None
    eval_duration: JSON = None


_LINE = Bounded(msgspec.json.Decoder(_Line))

#: What of the last line goes into the metadata: times, in nanoseconds.
_DURATIONS = ("total_duration", "load_duration", "prompt_eval_duration", "eval_duration")


def _read_line(data: bytes) -> _Line:
    try:
        line = _LINE.decode(data)
    except (ValueError, RecursionError):  # msgspec's errors and those of UTF-8 are ValueErrors
        value = lenient_json(data)
        if object_of(value).get("error"):
            raise reported_error(value, by_code={}, body=data.decode("utf-8", "replace")) from None
        try:
            line = msgspec.convert(value, _Line, strict=False)
        except msgspec.ValidationError as wrong:
            message = f"the reply is not as documented: {wrong}"
            raise ResponseDecodeError(message, excerpt=decode_excerpt(data)) from wrong
    if line.error:
        raise reported_error(object_of(lenient_json(data)), by_code={}, body=data.decode("utf-8", "replace"))
    return line


# ---------------------------------------------------------------- decode


class StreamedReply:
    """Reads one stream."""

    def __init__(self) -> None:
        self._framer = NDJSONFramer()
        self._answer = _Answer()

    @property
    def done(self) -> bool:
        """True once the last line was read."""
        return self._answer.done

    def feed(self, data: bytes) -> Iterator[DecodedEvent]:
        """Decode the bytes of one read."""
        if self.done:
            return
        for line in self._framer.feed(data):
            yield from self._answer.read(_read_line(line))
            if self.done:
                return

    def close(self) -> Iterator[DecodedEvent]:
        """The body ended: decode a line that lacks its end, and see whether the answer is whole."""
        rest = self._framer.rest.strip()
        if rest and not self.done:
            if is_cut(rest):
                raise StreamInterruptedError("the stream ended within a line")
            yield from self._answer.read(_read_line(rest))
        if not self.done:
            raise StreamInterruptedError('the stream ended without a line that says "done": true')


class PlainReply:
    """Reads one plain reply: collects it, and reads it when it is whole."""

    def __init__(self) -> None:
        self._body = bytearray()
        self.done = False

    def feed(self, data: bytes) -> Iterable[DecodedEvent]:
        """Collect the bytes of one read."""
        self._body += data
        if len(self._body) > BODY_LIMIT:
            raise ResponseLimitError(f"the reply is longer than {BODY_LIMIT} bytes")
        return ()

    def close(self) -> Iterator[DecodedEvent]:
        """Decode the reply."""
        body = bytes(self._body)
        if is_cut(body):
            raise StreamInterruptedError("the reply ended before its JSON was whole")
        answer = _Answer()
        try:
            line = _read_line(body)
        except ResponseDecodeError:
            if b"\n" not in body.strip():
                raise
            stream = StreamedReply()  # in a reply that is called JSON
            yield from stream.feed(body)
            yield from stream.close()
            self.done = True
            return
        if line.message is None:
            raise ResponseDecodeError("the reply has no 'message'", excerpt=decode_excerpt(body))
        yield from answer.read(line)
        if not answer.done:
            raise StreamInterruptedError('the reply does not say "done": true')
        self.done = True


class _Answer:
    """What was read of one reply, and the events that it gives."""

    def __init__(self) -> None:
        self.done = False
        self._model: str | None = None
        self._created: str | None = None
        self._calls = 0
        self._images = 0

    def read(self, line: _Line) -> Iterator[DecodedEvent]:
        """The events of one line."""
        if (line.model and line.model != self._model) or (line.created_at and self._created is None):
            yield self._about(line)
        message = line.message
        if message is not None:
            if message.thinking:
                yield Reasoning(message.thinking)
            if message.content:
                yield Token(message.content)
            for call in message.tool_calls or ():
                yield self._call(call)
            for image in message.images or ():
                yield Block({"type": "image", "base64": image}, self._images)
                self._images += 1
        if line.logprobs:
            yield Meta(logprobs=line.logprobs)
        if line.done:
            yield from self._end(line)

    def _about(self, line: _Line) -> Meta:
        """The model, and when the answer began."""
        began = None if self._created is not None else line.created_at
        self._created = self._created or line.created_at
        model = line.model if line.model and line.model != self._model else None
        self._model = line.model or self._model
        return Meta(model=model, data={"created_at": began} if began else None)

    def _call(self, call: _Call) -> ToolCallDelta:
        function = call.function or _Function()
        arguments = function.arguments
        number = self._calls
        self._calls += 1
        return ToolCallDelta(
            args=arguments if isinstance(arguments, str) else msgspec.json.encode(arguments or {}).decode(),
            index=number,
            id=call.id or _made_up_id(f"{self._model}\n{self._created}", number),
            name=function.name,
        )

    def _end(self, line: _Line) -> Iterator[DecodedEvent]:
        self.done = True
        sent, made = _count(line.prompt_eval_count), _count(line.eval_count)
        if sent is not None or made is not None:
            # Older servers do not count a prompt that they still had from the last time.
            yield Usage(sent or 0, made or 0, (sent or 0) + (made or 0))
        times: JSONObject = {name: value for name in _DURATIONS if (value := getattr(line, name)) is not None}
        if times:
            yield Meta(data=times)
        reason = _FINISH_REASONS.get(line.done_reason or "stop", "other")
        yield Finish("tool_calls" if reason == "stop" and self._calls else reason, line.done_reason)


def _count(value: JSON) -> int | None:
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return value if is_number and 0 <= value < 2**53 else None


def _made_up_id(reply: str, number: int) -> str:
    # No random number: the same bytes give the same events.
    return "call_" + hashlib.blake2b(f"{reply}\n{number}".encode(), digest_size=12).hexdigest()


__all__ = ["BODY_LIMIT", "PlainReply", "StreamedReply"]
