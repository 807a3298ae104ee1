"""Replies in OpenAI's chat completions format as events, streamed or plain, of OpenAI and of others who speak it.

A stream is a series of chunks, each with ``choices[].delta``, ended by ``data: [DONE]``. A plain reply is one chunk
whose choice has a ``message`` in place of the ``delta``, with the same fields, and the same code reads both.

Hosts differ, so every field may be missing, null or empty:

- The choice with index 0 is the answer; the others stand in ``response_metadata["candidates"]``.
- Tool calls are numbered here, in the order in which they begin: some hosts send no index, some the same for all.
- What comes in pieces but is no text (audio, a refusal, details of reasoning) is passed on once, when it is whole.
- ``finish`` is the last event: hosts repeat the reason, and send usage and audio after it.
- An error may stand anywhere: beside the choices, in a choice, in place of the chunk, under ``event: error``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import cast

import msgspec

from tidewire.adapters.json_text import is_cut, lenient_json, list_of, object_of
from tidewire.adapters.openai_chat_chunk import CHUNK, UNREADABLE, Choice, Chunk, Delta, maker_of, to_chunk
from tidewire.adapters.openai_chat_errors import failed_finish, is_error, reported
from tidewire.adapters.openai_chat_parts import (
    Audio,
    ExecutedTools,
    ReasoningDetails,
    ToolCalls,
    annotation,
    arguments_text,
    image,
    read_usage,
    reasoning_text,
    source_citations,
)
from tidewire.adapters.other_answers import OtherAnswers
from tidewire.adapters.sse import SSEFramer
from tidewire.adapters.sse_alike import AlikeEvents
from tidewire.adapters.status_errors import decode_excerpt
from tidewire.events.blocks import JSON, JSONObject, UsageMetadata
from tidewire.events.errors import APIStatusError, ResponseDecodeError, ResponseLimitError, StreamInterruptedError
from tidewire.events.standard import standard_blocks
from tidewire.events.types import Block, DecodedEvent, Finish, FinishReason, Meta, Reasoning, Token, Usage

#: Longest plain reply, in bytes.
BODY_LIMIT = 32 * 1024 * 1024

_FINISH_REASONS: Mapping[str, FinishReason] = {
    "content_filter": "content_filter",
    "end_turn": "stop",
    "eos": "stop",
    "function_call": "tool_calls",
    "length": "length",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "model_length": "length",
    "refusal": "refusal",
    "sensitive": "content_filter",
    "stop": "stop",
    "stop_sequence": "stop",
    "tool_calls": "tool_calls",
    "tool_use": "tool_calls",
}

# What is between the tokens of a stream that differ in their text alone: OpenAI and Mistral pad them.
_TEXT = re.compile(rb'"(?:content|reasoning|reasoning_content)": ?"((?:[^"\\]|\\.)*)"')
_PADDING = re.compile(rb'"(?:obfuscation|p)": ?"([A-Za-z0-9]*)"\}$')

# ---------------------------------------------------------------- decode


class StreamedReply:
    """Reads one stream."""

    def __init__(self) -> None:
        self._framer = SSEFramer()
        self._alike = AlikeEvents(_TEXT, padding=_PADDING)
        self._answer = _Answer(streamed=True)
        self._begun = False
        self.done = False

    def feed(self, data: bytes) -> Iterator[DecodedEvent]:
        """Decode the bytes of one read."""
        return self._alike.read(self._framer, data, self._read)

    def _read(self, data: bytes) -> Iterator[DecodedEvent]:
        if self.done:
            return
        yield from self._answer.read(self._chunks(data))
        if self.done:
            yield from self._answer.end()

    def close(self) -> Iterator[DecodedEvent]:
        """The body ended: decode an event that lacks its blank line, and see whether the answer is whole."""
        rest = self._framer.rest
        if not self._begun and rest.lstrip()[:1] in (b"{", b"["):
            plain = PlainReply()  # the whole answer at once, or a refusal, under the wrong content type
            yield from plain.feed(rest)
            yield from plain.close()
            self.done = True
            return
        if rest and not self.done:
            try:
                yield from self.feed(b"\n\n")
            except ResponseDecodeError as cut:
                raise StreamInterruptedError("the stream ended within an event") from cut
        if self.done:
            return
        if not self._answer.finish_reason:
            raise StreamInterruptedError("the stream ended without finish_reason and [DONE]")
        self.done = True
        yield from self._answer.end()

    def _chunks(self, data: bytes) -> Iterator[Chunk]:
        for name, frame in self._framer.feed(data):
            self._begun = True
            chunk: Chunk | None
            try:
                chunk = CHUNK.decode(frame)
            except UNREADABLE:
                chunk = self._unusual(name, frame)
            if chunk is not None and not chunk.choices and (chunk.choices is None or name == b"error"):
                chunk = self._unusual(name, frame)
            if chunk is not None:
                yield chunk
            make = maker_of(chunk) if chunk is not None else None
            if make is not None:
                self._alike.learn(name, frame, make)
            else:
                self._alike.forget()
            if self.done:
                return

    def _unusual(self, name: bytes, frame: bytes) -> Chunk | None:
        """The chunk of a frame not read at first sight; None for the terminator and for frames of other kinds."""
        text = frame.strip()
        if text == b"[DONE]":
            self.done = True
            return None
        if not text:
            return None
        try:
            value = lenient_json(frame)
        except ResponseDecodeError:
            if name == b"error":
                raise reported(text.decode("utf-8", "replace"), frame) from None
            raise
        if is_error(value) or name == b"error":
            raise reported(value, frame)
        fields = object_of(value)
        if fields.get("choices"):
            return to_chunk(value, frame)
        usage = object_of(fields.get("usage"))
        return Chunk(choices=[], usage=usage) if usage else None


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
        try:
            chunk = CHUNK.decode(body)
        except UNREADABLE:
            if is_cut(body):
                raise StreamInterruptedError("the reply ended before its JSON was whole") from None
            chunk = to_chunk(_error_free(body), body)
        if chunk.choices is None:
            chunk = to_chunk(_error_free(body), body)
        if chunk.choices is None:
            raise ResponseDecodeError("the reply has no 'choices'", excerpt=decode_excerpt(body))
        answer = _Answer(streamed=False)
        yield from answer.read((chunk,))
        yield from answer.end()
        self.done = True


class _Answer:
    """What was read of one reply, and the events that it gives."""

    def __init__(self, *, streamed: bool) -> None:
        #: The last one that was sent, in the provider's word; empty until then.
        self.finish_reason = ""
        self._streamed = streamed
        self._grown = False
        self._known: tuple[str | None, str | None, str | None] | None = None
        self._id: str = ""
        self._model: str = ""
        self._marks: JSONObject = {}
        self._usage: tuple[UsageMetadata, Decimal | None] | None = None
        self._calls = ToolCalls()
        self._details = ReasoningDetails()
        self._refusal: list[str] = []
        self._audio = Audio()
        self._function_name = ""
        self._function_arguments: list[str] = []
        self._executed = ExecutedTools()
        self._images = 0
        self._sources = 0
        self._filters: JSON = None
        self._others = OtherAnswers(lambda: _Answer(streamed=streamed))

    def read(self, chunks: Iterable[Chunk]) -> Iterator[DecodedEvent]:
        """The events of some chunks.

        Raises:
            APIStatusError: There is an error in it; what stands before the error has been yielded.
        """
        for chunk in chunks:
            known = (chunk.model, chunk.system_fingerprint, chunk.service_tier)
            if known != self._known or not self._id:
                self._known = known
                yield from self._about(chunk)
            failure: APIStatusError | None = None
            for choice in chunk.choices or ():
                if choice.index:
                    self._read_other(choice.index, choice)
                    continue
                delta = choice.delta if self._streamed else choice.message or choice.delta
                if delta is None and not self._grown:
                    delta = choice.message  # a whole answer in one chunk; beside deltas it repeats them (Perplexity)
                if delta is not None:
                    self._grown = True
                    if delta.reasoning_content or delta.reasoning or delta.reasoning_details:
                        thought = self._think(delta)
                        if thought is not None:
                            yield thought
                    content = delta.content
                    if content:
                        if isinstance(content, str):
                            yield Token(content)
                        else:
                            yield from self._read_parts(content)
                    if delta.tool_calls:
                        for piece in delta.tool_calls:
                            yield self._calls.read(piece, self._id)
                    if delta.refusal or delta.annotations or delta.audio or delta.images:
                        yield from self._read_rare(delta)
                    if delta.function_call or delta.executed_tools:
                        yield from self._read_foreign(delta)
                if choice.logprobs is not None:
                    yield from _logprobs(choice.logprobs)
                if choice.finish_reason:
                    self.finish_reason = choice.finish_reason
                    failure = failed_finish(choice.finish_reason)
                if choice.error:
                    raise reported(choice.error)
                if choice.content_filter_results:
                    self._filters = choice.content_filter_results
            if chunk.usage is not None:
                yield from self._use(chunk.usage)
            if chunk.error:
                raise reported(chunk.error)
            if failure is not None:
                raise failure
            if chunk.x_groq is not None or chunk.citations is not None or chunk.prompt_filter_results is not None:
                yield from self._beside(chunk)

    def end(self) -> Iterator[DecodedEvent]:
        """The answer is whole: what had to wait for that, and ``finish`` last."""
        yield from self._calls.close()
        if self._details:
            yield Block({"type": "reasoning", "extras": {"reasoning_details": self._details.whole()}})
        if self._function_name:
            yield Block(_non_standard("function_call", self._function()))
        audio = self._audio.block()
        if audio is not None:
            yield Block(audio)
        refusal = "".join(self._refusal)
        if refusal:
            yield Block(_non_standard("refusal", {"refusal": refusal}))
            yield Meta(data={"refusal": refusal})
        if self._filters is not None:
            yield Meta(data={"content_filter_results": self._filters})
        yield from self._others.end()
        reason = _FINISH_REASONS.get(self.finish_reason, "other")
        if reason == "stop" and self._calls:
            reason = "tool_calls"
        yield Finish("refusal" if refusal else reason, self.finish_reason or None)

    def _read_other(self, index: int, choice: Choice) -> None:
        """A piece of one of the other answers of a request with ``n`` above 1."""
        alone = Chunk(choices=[msgspec.structs.replace(choice, index=0)])
        self._others.add(index, lambda answer: answer.read((alone,)))

    def _about(self, chunk: Chunk) -> Iterator[Meta]:
        """What is new about the answer: its id (the first counts), the model, the provider's marks."""
        marks: JSONObject = {"system_fingerprint": chunk.system_fingerprint, "service_tier": chunk.service_tier}
        if "created" not in self._marks:
            marks["created"] = chunk.created
        news = {name: value for name, value in marks.items() if value and self._marks.get(name) != value}
        id = None if self._id else chunk.id or None
        model = chunk.model if chunk.model and chunk.model != self._model else None
        if id or model or news:
            self._id = self._id or id or ""
            self._model = model or self._model
            self._marks.update(news)
            yield Meta(id=id, model=model, data=news or None)

    def _think(self, delta: Delta) -> Reasoning | None:
        details = delta.reasoning_details
        text = delta.reasoning_content or delta.reasoning
        if not details and isinstance(text, str):
            return Reasoning(text)
        text = reasoning_text(delta.reasoning_content, delta.reasoning, details)
        signature = ""
        if details:
            self._details.add(details)
            signature = next((sign for detail in details if isinstance(sign := detail.get("signature"), str)), "")
        return Reasoning(text, signature or None) if text or signature else None

    def _read_parts(self, parts: list[JSON]) -> Iterator[DecodedEvent]:
        """Content as a list of parts: ``text``, Mistral's ``thinking``, images, and what else there may be."""
        for part in parts:
            fields = object_of(part)
            kind = fields.get("type", "text")
            text = reasoning_text(part)
            if kind == "text" and text:
                yield Token(text)
            elif kind == "thinking" and text:
                signature = fields.get("signature")
                yield Reasoning(text, signature if isinstance(signature, str) else None)
            elif kind == "refusal":
                self._refusal.append(reasoning_text(fields.get("refusal")))
            elif kind not in ("text", "thinking"):
                yield Block(cast("JSONObject", standard_blocks([fields])[0]))

    def _read_rare(self, delta: Delta) -> Iterator[DecodedEvent]:
        if delta.refusal:
            self._refusal.append(delta.refusal)
        for note in delta.annotations or ():
            yield Block(annotation(note))
        for picture in delta.images or ():
            yield Block(image(picture), self._images)
            self._images += 1
        if delta.audio:
            self._audio.add(delta.audio)

    def _read_foreign(self, delta: Delta) -> Iterator[Block]:
        """Calls that are none of a tool of ours: Groq's own, and those of before there were tools."""
        for place, tool in enumerate(delta.executed_tools or ()):
            yield from self._executed.read(tool, place)
        if delta.function_call:
            self._function_name = self._function_name or str(delta.function_call.get("name") or "")
            self._function_arguments.append(arguments_text(delta.function_call.get("arguments")))

    def _function(self) -> JSONObject:
        return {"name": self._function_name, "arguments": "".join(self._function_arguments)}

    def _use(self, usage: JSONObject) -> Iterator[Usage]:
        """Tokens so far, where they have changed: some hosts send them with every chunk."""
        total = read_usage(usage)
        if total is None:
            return
        told = (total.metadata(), total.cost_usd)
        if told != self._usage:
            self._usage = told
            yield total

    def _beside(self, chunk: Chunk) -> Iterator[DecodedEvent]:
        groq = object_of(chunk.x_groq)
        yield from self._use(object_of(groq.get("usage")))
        if groq.get("error"):
            raise reported(groq["error"])
        if chunk.citations:
            # The same list stands in every chunk, and may grow.
            sources = source_citations(chunk.citations, chunk.search_results)
            for citation in sources[self._sources :]:
                yield Block(citation)
            self._sources = max(self._sources, len(sources))
        if chunk.prompt_filter_results:
            yield Meta(data={"prompt_filter_results": chunk.prompt_filter_results})


def _non_standard(kind: str, fields: JSONObject) -> JSONObject:
    return {"type": "non_standard", "value": {"type": kind, **fields}}


def _logprobs(value: JSON) -> Iterator[Meta]:
    fields = object_of(value)
    entries = [
        entry for name in ("content", "refusal") for part in list_of(fields.get(name)) if (entry := object_of(part))
    ]
    if entries:
        yield Meta(logprobs=entries)


def _error_free(body: bytes) -> JSON:
    value = lenient_json(body)
    if is_error(value):
        raise reported(value, body)
    return value


__all__ = ["BODY_LIMIT", "PlainReply", "StreamedReply"]
