"""An answer of Google's as events, whichever way it comes.

The format's rules that shape this file:

- Parts have no numbers. Parts of the same kind that follow each other are one block; another kind begins the next.
- A signature belongs to its part, which a block may begin or end with: ``extras["signature_span"]`` says which of the
  block's characters are that part, where it is not all of them.
- Calls may come without an id. One is made up, which is the same however the bytes are cut.
- Only the candidate with index 0 is read.
- Older models tell the finish reason in every frame, newer ones may send sources and usage after it: it is passed on
  when the body has ended.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping

import msgspec

from tidewire.adapters.google_genai_args import ArgumentsWriter
from tidewire.adapters.google_genai_chunk import (
    BLOCK_REASONS,
    FINISH_REASONS,
    Candidate,
    Chunk,
    FunctionCall,
    Part,
    UsageMetadata,
    json_text,
    logprobs,
    tokens,
    word_of,
)
from tidewire.adapters.google_genai_citations import Citations
from tidewire.adapters.google_genai_parts import call_block, media_block, result_block
from tidewire.adapters.other_answers import OtherAnswers
from tidewire.events.blocks import JSONObject
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

_FINISH: Mapping[str, FinishReason] = {
    "STOP": "stop",
    "MAX_TOKENS": "length",
    "CONTINUATION": "length",
    "BLOCKLIST": "content_filter",
    "ESCALATION": "content_filter",
    "IMAGE_PROHIBITED_CONTENT": "content_filter",
    "IMAGE_RECITATION": "content_filter",
    "IMAGE_SAFETY": "content_filter",
    "LANGUAGE": "content_filter",
    "MODEL_ARMOR": "content_filter",
    "PROHIBITED_CONTENT": "content_filter",
    "RECITATION": "content_filter",
    "SAFETY": "content_filter",
    "SPII": "content_filter",
}

#: The enumeration's zero, which says nothing; the two APIs call it differently.
_NOT_BLOCKED = (BLOCK_REASONS[0], "BLOCK_REASON_UNSPECIFIED")

#: Facts of a candidate for ``response_metadata``, under Google's own names.
_FACTS = (
    "avg_logprobs",
    "citation_metadata",
    "continuation_token",
    "finish_message",
    "grounding_metadata",
    "safety_ratings",
    "url_context_metadata",
)


class _Run:
    """A block of text or thoughts that the last parts belong to.

    ``signed``: which of its characters are the part with the signature; ``span_told``: nothing more is to say of that.
    """

    __slots__ = ("index", "is_thought", "pieces", "signed", "span_told")

    def __init__(self, index: int, *, is_thought: bool) -> None:
        self.index = index
        self.is_thought = is_thought
        self.pieces: list[str] = []
        self.signed: list[int] | None = None
        self.span_told = True

    def add_to(self, extras: JSONObject) -> Block:
        """The event that adds to the block's extras."""
        if self.is_thought:
            return Block({"type": "reasoning", "extras": extras}, self.index)
        return Block({"type": "text", "text": "", "extras": extras}, self.index)


class _Call:
    """A call whose arguments come value by value."""

    __slots__ = ("id", "index", "writer")

    def __init__(self, index: int, id: str) -> None:
        self.index = index
        self.id = id
        self.writer = ArgumentsWriter()


class Answer:
    """One answer being read, whichever way it comes."""

    def __init__(self) -> None:
        #: Why the answer ended, or the prompt was blocked, in Google's word; empty until that is told.
        self.finish_reason = ""
        self._is_blocked = False
        self._index = -1
        self._run: _Run | None = None
        self._texts: dict[int, list[str]] = {}
        self._call: _Call | None = None
        self._has_calls = False
        self._server_call_id = ""
        self._citations = Citations()
        self._facts: JSONObject = {}
        self._id: str | None = None
        self._model: str | None = None
        self._usage: UsageMetadata | None = None
        self._tier: str | int | None = None
        self._traffic: str | int | None = None
        self._made_ids = 0
        self._ids_of = ""
        self._others = OtherAnswers(Answer)

    def piece(self, chunk: Chunk) -> Token | Reasoning | None:
        """The event of a chunk that only goes on with the open block, as nearly all do; None for any other chunk."""
        run, candidates, usage = self._run, chunk.candidates, chunk.usage_metadata
        if run is None or not run.span_told or candidates is None or len(candidates) != 1:
            return None
        candidate = candidates[0]
        if candidate.content is None or candidate.content.parts is None or len(candidate.content.parts) != 1:
            return None
        part = candidate.content.parts[0]
        text = part.text
        if (
            not text
            or bool(part.thought) is not run.is_thought
            or part.thought_signature is not None
            or chunk.response_id != self._id
            or chunk.model_version != self._model
            or candidate.finish_reason is not None
            or candidate.index
            or candidate.safety_ratings is not None
            or candidate.grounding_metadata is not None
            or candidate.logprobs_result is not None
            or candidate.citation_metadata is not None
            or candidate.url_context_metadata is not None
            or candidate.avg_logprobs is not None
            or candidate.finish_message is not None
            or candidate.continuation_token is not None
            or chunk.prompt_feedback is not None
            or chunk.model_status is not None
            or (usage is not None and (usage.service_tier != self._tier or usage.traffic_type != self._traffic))
        ):
            return None
        run.pieces.append(text)
        return Reasoning(text, None, run.index) if run.is_thought else Token(text, run.index)

    def read(self, chunk: Chunk, data: bytes) -> Iterator[DecodedEvent]:
        """The events of a chunk, its usage apart; ``data`` are its bytes."""
        if chunk.response_id != self._id or chunk.model_version != self._model:
            yield from self._about(chunk)
        for candidate in chunk.candidates or ():
            if candidate.index:
                self._read_other(candidate.index, candidate, data)
                continue
            for part in (candidate.content.parts or ()) if candidate.content is not None else ():
                yield from self._part(part, data)
            yield from self._tell(candidate)
        if chunk.prompt_feedback is not None:
            yield from self._refused(chunk.prompt_feedback)
        if chunk.model_status is not None:
            yield from self._learn({"model_status": chunk.model_status})
        if chunk.usage_metadata is not None:
            yield from self._learn(self._billing(chunk.usage_metadata))

    def count(self, usage: UsageMetadata) -> Usage | None:
        """The event of a chunk's usage: tokens so far, where they have changed."""
        if usage == self._usage:
            return None
        self._usage = usage
        return tokens(usage)

    def end(self) -> Iterator[DecodedEvent]:
        """The body ended: with it a call that is still open, unless the answer was cut, and the answer itself."""
        if self.finish_reason == "STOP":
            yield from self._end_call()
        yield from self._cite()
        yield from self._others.end()
        if self._is_blocked:
            yield Finish("content_filter")
        elif self.finish_reason:
            reason = _FINISH.get(self.finish_reason, "other")
            yield Finish("tool_calls" if reason == "stop" and self._has_calls else reason, self.finish_reason)

    def _read_other(self, index: int, candidate: Candidate, data: bytes) -> None:
        """A piece of one of the other answers of a request for several."""
        alone = Chunk(candidates=[msgspec.structs.replace(candidate, index=0)])
        self._others.add(index, lambda answer: answer.read(alone, data))

    # ------------------------------------------------------------ parts

    def _part(self, part: Part, data: bytes) -> Iterator[DecodedEvent]:
        """A part that is more, or less, than a piece of text."""
        signature = part.thought_signature
        extras: JSONObject = {} if signature is None else {"signature": signature}
        if part.function_call is not None:
            yield from self._function(part.function_call, extras, data)
            return
        if not part.text and signature is None and not _is_block(part):
            return  # an empty text, or a kind of part newer than this file
        yield from self._end_call()
        if not _is_block(part):
            yield from self._say(part.text or "", signature, is_thought=bool(part.thought))
            return
        if part.thought:
            extras["thought"] = True
        if part.audio_transcription is not None and part.audio_transcription.text:
            extras["transcript"] = part.audio_transcription.text
        media = part.inline_data or part.file_data
        called = part.executable_code or part.tool_call
        result = part.code_execution_result or part.tool_response
        if media is not None:
            yield self._block(media_block(media, extras))
        if called is not None:
            if called.id is None:
                extras["id_made_up"] = True
            self._server_call_id = called.id or self._make_id(data)
            yield self._block(call_block(called, self._server_call_id, extras))
        if result is not None:
            if result.id is None:
                extras["id_made_up"] = True
            yield self._block(result_block(result, result.id or self._server_call_id, extras))

    def _say(self, text: str, signature: str | None, *, is_thought: bool) -> Iterator[DecodedEvent]:
        """A piece of text or thought, which may have a signature, and be nothing but that."""
        run = self._run
        if run is None or run.is_thought is not is_thought or (signature is not None and run.signed is not None):
            run = self._begin(is_thought=is_thought)
        elif not run.span_told:
            run.span_told = True
            yield run.add_to({"signature_span": run.signed})
        if text:
            run.pieces.append(text)
        if is_thought:
            yield Reasoning(text, signature, run.index)
        elif text:
            yield Token(text, run.index)
        if signature is None:
            return
        end = sum(map(len, run.pieces))
        start = end - len(text)
        run.signed = [start, end]
        run.span_told = start > 0
        if run.span_told:
            yield run.add_to({"signature": signature, "signature_span": run.signed})
        elif not is_thought:
            yield run.add_to({"signature": signature})

    def _begin(self, *, is_thought: bool) -> _Run:
        self._run = run = _Run(self._next(), is_thought=is_thought)
        if not is_thought:
            self._texts[run.index] = run.pieces
        return run

    def _block(self, block: JSONObject) -> Block:
        return Block(block, self._next())

    def _next(self) -> int:
        """The index of the next block; no text is added to the one before any more."""
        self._index += 1
        self._run = None
        return self._index

    def _make_id(self, data: bytes) -> str:
        """An id for what came without one: unique across answers, and the same however the bytes are cut."""
        if not self._ids_of:
            self._ids_of = self._id or hashlib.blake2s(data, digest_size=8).hexdigest()
        self._made_ids += 1
        return f"call_{self._ids_of}_{self._made_ids}"

    # ------------------------------------------------------------ calls

    def _function(self, call: FunctionCall, extras: JSONObject, data: bytes) -> Iterator[DecodedEvent]:
        args = json_text(call.args)
        growing = self._call
        if growing is not None and call.name and call.id != growing.id:
            yield from self._end_call()
            growing = None
        if growing is None:
            if not call.name and not args and not call.partial_args:
                return  # `{"functionCall": {}}` says once more that the call before has ended
            index, id = self._next(), call.id or self._make_id(data)
            self._has_calls = True
            if not call.partial_args and not call.will_continue:
                yield ToolCallDelta(args or "{}", index, id, call.name, extras or None)
                return
            self._call = growing = _Call(index, id)
            yield ToolCallDelta("", index, id, call.name, extras or None)
        elif extras:
            yield ToolCallDelta("", growing.index, extras=extras)
        text = "".join([growing.writer.add(piece) for piece in call.partial_args or ()])
        if text:
            yield ToolCallDelta(text, growing.index)
        if args and growing.writer.is_empty:
            self._call = None
            yield ToolCallDelta(args, growing.index)
        elif not call.will_continue:
            yield from self._end_call()

    def _end_call(self) -> Iterator[DecodedEvent]:
        call, self._call = self._call, None
        if call is not None:
            yield ToolCallDelta(call.writer.finish(), call.index)

    # ------------------------------------------------------------ what is said about the answer

    def _about(self, chunk: Chunk) -> Iterator[DecodedEvent]:
        id = chunk.response_id if chunk.response_id != self._id else None
        model = chunk.model_version if chunk.model_version != self._model else None
        if id or model:
            self._id = id or self._id
            self._model = model or self._model
            yield Meta(id=id, model=model)

    def _tell(self, candidate: Candidate) -> Iterator[DecodedEvent]:
        """What stands beside the parts of a candidate, mostly of the last one."""
        if candidate.logprobs_result is not None:
            entries = list(logprobs(candidate.logprobs_result))
            if entries:
                yield Meta(logprobs=entries)
        facts = {name: value for name in _FACTS if (value := getattr(candidate, name))}
        if facts:
            if candidate.grounding_metadata:
                self._citations.add_grounding(candidate.grounding_metadata)
                facts["grounding_metadata"] = {
                    **self._facts.get("grounding_metadata", {}),
                    **candidate.grounding_metadata,
                }
            if candidate.citation_metadata:
                self._citations.add_quotations(candidate.citation_metadata)
            yield from self._learn(facts)
        word = word_of(candidate.finish_reason, FINISH_REASONS)
        if word and word != FINISH_REASONS[0]:
            self.finish_reason = word
        if self.finish_reason:
            yield from self._cite()

    def _refused(self, feedback: JSONObject) -> Iterator[DecodedEvent]:
        """The prompt was rated, or blocked: then there is no candidate, and so no finish reason of Google's."""
        yield from self._learn({"prompt_feedback": feedback})
        word = word_of(feedback.get("blockReason"), BLOCK_REASONS)
        if word and word not in _NOT_BLOCKED and not self.finish_reason:
            self.finish_reason = word
            self._is_blocked = True

    def _cite(self) -> Iterator[DecodedEvent]:
        if self._citations:
            for index, citation in self._citations.place({index: "".join(text) for index, text in self._texts.items()}):
                yield Block(citation, index)

    def _billing(self, usage: UsageMetadata) -> JSONObject:
        """How the request is paid, as far as that is news."""
        self._tier, self._traffic = usage.service_tier, usage.traffic_type
        facts: JSONObject = {"service_tier": self._tier, "traffic_type": self._traffic}
        return {name: word for name, word in facts.items() if word is not None}

    def _learn(self, facts: JSONObject) -> Iterator[DecodedEvent]:
        news = {name: value for name, value in facts.items() if self._facts.get(name) != value}
        if news:
            self._facts.update(news)
            yield Meta(data=news)


def _is_block(part: Part) -> bool:
    """Whether a part is a block of its own, which is no piece of a text and no call."""
    return (
        part.inline_data is not None
        or part.file_data is not None
        or part.executable_code is not None
        or part.code_execution_result is not None
        or part.tool_call is not None
        or part.tool_response is not None
    )


__all__ = ["Answer"]
