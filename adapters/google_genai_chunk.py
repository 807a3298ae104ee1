"""What is read of Google's replies: a stream sends such an object in each frame, a plain reply is one.

Arguments and numbers of calls stay the text that they are. Fields that Google leaves out are 0 or empty. Words of
enumerations come as numbers where a client of Google's asked for that (``$alt=json;enum-encoding=int``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import msgspec

from tidewire.adapters.google_genai_parts import (
    Blob,
    CodeExecutionResult,
    ExecutableCode,
    FileData,
    ServerToolCall,
    ServerToolResponse,
)
from tidewire.adapters.json_text import lenient_json
from tidewire.adapters.status_errors import decode_excerpt
from tidewire.events.blocks import JSON, JSONObject
from tidewire.events.errors import ResponseDecodeError
from tidewire.events.json_depth import Bounded
from tidewire.events.types import Usage

_T = TypeVar("_T")


class PartialArg(msgspec.Struct, rename="camel"):
    """One value of the arguments, or a piece of a text in them."""

    json_path: str = ""
    string_value: str | None = None
    number_value: msgspec.Raw = msgspec.Raw()
    bool_value: bool | None = None
    will_continue: bool | None = None


class FunctionCall(msgspec.Struct, rename="camel"):
    """A call. Its arguments stay the text that they are."""

    name: str | None = None
    id: str | None = None
    args: msgspec.Raw = msgspec.Raw()
    partial_args: list[PartialArg] | None = None
    will_continue: bool | None = None


class Transcription(msgspec.Struct):
    """What is said in a sound."""

    text: str | None = None


class Part(msgspec.Struct, rename="camel", gc=False):
    """A piece of the answer: a piece of text or thought, a call, or a whole block."""

    text: str | None = None
    thought: bool | None = None
    thought_signature: str | None = None
    function_call: FunctionCall | None = None
    inline_data: Blob | None = None
    file_data: FileData | None = None
    executable_code: ExecutableCode | None = None
    code_execution_result: CodeExecutionResult | None = None
    tool_call: ServerToolCall | None = None
    tool_response: ServerToolResponse | None = None
    audio_transcription: Transcription | None = None


class Content(msgspec.Struct, gc=False):
    """The parts that are new."""

    parts: list[Part] | None = None


class TokenLogprob(msgspec.Struct, rename="camel"):
    """A token and its probability."""

    token: str = ""
    log_probability: float = 0.0


class TopLogprobs(msgspec.Struct):
    """The likeliest tokens at one place."""

    candidates: list[TokenLogprob] | None = None


class Logprobs(msgspec.Struct, rename="camel"):
    """The tokens that were chosen, and those that were not."""

    chosen_candidates: list[TokenLogprob] | None = None
    top_candidates: list[TopLogprobs] | None = None


class Candidate(msgspec.Struct, rename="camel", gc=False):
    """One of the answers, as far as it is new."""

    content: Content | None = None
    index: int | None = None
    finish_reason: str | int | None = None
    finish_message: JSON = None
    avg_logprobs: JSON = None
    citation_metadata: JSONObject | None = None
    continuation_token: JSON = None
    grounding_metadata: JSONObject | None = None
    logprobs_result: Logprobs | None = None
    safety_ratings: JSON = None
    url_context_metadata: JSON = None


class ModalityTokens(msgspec.Struct, rename="camel", gc=False):
    """How many of the tokens are text, images, sound, …."""

    modality: str | int = ""
    token_count: int = 0


class UsageMetadata(msgspec.Struct, rename="camel", gc=False):
    """The tokens so far."""

    candidates_token_count: int | None = None
    total_token_count: int | None = None
    prompt_token_count: int | None = None
    cached_content_token_count: int | None = None
    thoughts_token_count: int | None = None
    tool_use_prompt_token_count: int | None = None
    prompt_tokens_details: list[ModalityTokens] | None = None
    candidates_tokens_details: list[ModalityTokens] | None = None
    service_tier: str | int | None = None
    traffic_type: str | int | None = None


class Chunk(msgspec.Struct, rename="camel", gc=False):
    """A reply, or what of it is new."""

    candidates: list[Candidate] | None = None
    usage_metadata: UsageMetadata | None = None
    model_version: str | None = None
    response_id: str | None = None
    prompt_feedback: JSONObject | None = None
    model_status: JSON = None
    error: JSON = None


#: The words of enumerations, by number. The two APIs number the later finish reasons differently.
FINISH_REASONS = ("FINISH_REASON_UNSPECIFIED", "STOP", "MAX_TOKENS", "SAFETY", "RECITATION", "OTHER")
BLOCK_REASONS = ("BLOCKED_REASON_UNSPECIFIED", "SAFETY", "OTHER", "BLOCKLIST", "PROHIBITED_CONTENT")
_AUDIO = ("AUDIO", 4)

#: What decoding raises where a reply is not what Google documents.
UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

read_chunk = Bounded(msgspec.json.Decoder(Chunk)).decode
read_chunks = Bounded(msgspec.json.Decoder(list[Chunk])).decode


def read_leniently(data: bytes, read: Callable[[bytes], _T]) -> _T:
    """What ``read`` reads, with what some servers write though JSON has no such thing: NaN, lone surrogates.

    Raises:
        ResponseDecodeError: It is none even so.
    """
    value = lenient_json(data)
    try:
        return read(msgspec.json.encode(value))
    except (*UNREADABLE, ValueError) as error:
        raise broken(f"not what Google documents: {error}", data) from error


def broken(why: str, data: bytes) -> ResponseDecodeError:
    """The error for a reply, or a part of one, that is not what Google documents."""
    return ResponseDecodeError(f"a part of the reply is {why}", excerpt=decode_excerpt(data))


def word_of(value: object, words: Sequence[str]) -> str:
    """The word of an enumeration; empty if there is none."""
    if isinstance(value, int):
        return words[value] if 0 <= value < len(words) else str(value)
    return value if isinstance(value, str) else ""


def json_text(raw: msgspec.Raw) -> str:
    """A value as the JSON text that it came as; empty if there is none.

    Raises:
        ResponseDecodeError: It is not UTF-8.
    """
    data = bytes(raw)
    try:
        return "" if data == b"null" else data.decode()
    except UnicodeDecodeError as error:
        raise broken(f"not UTF-8: {error}", data) from error


def tokens(usage: UsageMetadata) -> Usage | None:
    """The tokens so far; None where nothing is counted yet, as in all but the last chunk of Vertex AI."""
    prompt, made, total = usage.prompt_token_count, usage.candidates_token_count, usage.total_token_count
    if prompt is None and made is None and total is None:
        return None
    thoughts = usage.thoughts_token_count or 0
    # Google counts thoughts, and what its own tools gave to read, apart from the answer and the prompt.
    sent = (prompt or 0) + (usage.tool_use_prompt_token_count or 0)
    answered = (made or 0) + thoughts
    return Usage(
        sent,
        answered,
        sent + answered if total is None else total,
        usage.cached_content_token_count or 0,
        None,
        _audio(usage.prompt_tokens_details),
        _audio(usage.candidates_tokens_details),
        thoughts,
    )


def _audio(details: list[ModalityTokens] | None) -> int | None:
    for detail in details or ():
        if detail.modality in _AUDIO:
            return detail.token_count
    return None


def logprobs(result: Logprobs) -> Iterator[JSONObject]:
    """The entries for ``response_metadata``, in the form that all providers share."""
    tops = result.top_candidates or []
    for place, chosen in enumerate(result.chosen_candidates or ()):
        others = (tops[place].candidates or ()) if place < len(tops) else ()
        yield {**_logprob(chosen), "top_logprobs": [_logprob(other) for other in others]}


def _logprob(entry: TokenLogprob) -> JSONObject:
    return {"token": entry.token, "logprob": entry.log_probability, "bytes": list(entry.token.encode())}


__all__ = [
    "BLOCK_REASONS",
    "FINISH_REASONS",
    "UNREADABLE",
    "Candidate",
    "Chunk",
    "Content",
    "FunctionCall",
    "Logprobs",
    "ModalityTokens",
    "Part",
    "PartialArg",
    "TokenLogprob",
    "TopLogprobs",
    "Transcription",
    "UsageMetadata",
    "broken",
    "json_text",
    "logprobs",
    "read_chunk",
    "read_chunks",
    "read_leniently",
    "tokens",
    "word_of",
]
