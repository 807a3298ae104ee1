"""What is read of a chat completion and of a streamed one's chunks: the fields in use, with the types that hosts send.

Where hosts differ in a field's type it is ``JSON``, and the code that uses it looks.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from tidewire.adapters.status_errors import decode_excerpt
from tidewire.events.blocks import JSON, JSONObject
from tidewire.events.errors import ResponseDecodeError
from tidewire.events.types import DecodedEvent, Reasoning, Token


class Function(msgspec.Struct, gc=False):
    """A function call, or a piece of one. ``arguments`` is JSON text; some hosts send the object itself."""

    name: str | None = None
    arguments: JSON = None


class Custom(msgspec.Struct, gc=False):
    """A call of a custom tool, whose input is free text."""

    name: str | None = None
    input: str | None = None


class CallPiece(msgspec.Struct, gc=False):
    """An element of ``tool_calls``: a call, or a piece of one. ``extra_content`` holds Gemini's thought signature."""

    index: int | None = None
    id: str | None = None
    function: Function | None = None
    custom: Custom | None = None
    extra_content: JSONObject | None = None


class Delta(msgspec.Struct, gc=False):
    """What a message grows by, or the whole of it. ``JSON``: hosts differ in the type."""

    content: str | list[JSON] | None = None
    tool_calls: list[CallPiece] | None = None
    reasoning_content: JSON = None
    reasoning: JSON = None
    reasoning_details: list[JSONObject] | None = None
    refusal: str | None = None
    function_call: JSONObject | None = None
    annotations: list[JSONObject] | None = None
    audio: JSONObject | None = None
    images: list[JSONObject] | None = None
    executed_tools: list[JSONObject] | None = None


class Choice(msgspec.Struct, gc=False):
    delta: Delta | None = None
    message: Delta | None = None
    finish_reason: str | None = None
    index: int | None = None
    logprobs: JSON = None
    error: JSON = None
    content_filter_results: JSON = None


class Chunk(msgspec.Struct, gc=False):
    choices: list[Choice] | None = None
    id: str | None = None
    model: str | None = None
    system_fingerprint: str | None = None
    service_tier: str | None = None
    created: JSON = None
    usage: JSONObject | None = None
    error: JSON = None
    x_groq: JSON = None
    citations: JSON = None
    search_results: JSON = None
    prompt_filter_results: JSON = None


CHUNK = msgspec.json.Decoder(Chunk)
UNREADABLE = (ValueError, RecursionError)  # msgspec's errors and those of UTF-8 are ValueErrors


def maker_of(chunk: Chunk) -> Callable[[str], DecodedEvent] | None:
    """What makes the event of a chunk that says nothing but a text; None if it says more.

    Of a chunk that differs from it in the text alone, it makes the event, too.
    """
    match chunk:
        case Chunk(choices=[Choice(delta=Delta(content=str(text)), index=None | 0 as index)]) if text:
            make: Callable[[str], DecodedEvent] = Token
            delta = Delta(content=text)
        case Chunk(choices=[Choice(delta=Delta(reasoning_content=str(text)), index=None | 0 as index)]) if text:
            make, delta = Reasoning, Delta(reasoning_content=text)
        case Chunk(choices=[Choice(delta=Delta(reasoning=str(text)), index=None | 0 as index)]) if text:
            make, delta = Reasoning, Delta(reasoning=text)
        case _:
            return None
    bare = Chunk(
        choices=[Choice(delta=delta, index=index)],
        id=chunk.id,
        model=chunk.model,
        system_fingerprint=chunk.system_fingerprint,
        service_tier=chunk.service_tier,
        created=chunk.created,
    )
    return make if chunk == bare else None


def to_chunk(value: JSON, data: bytes) -> Chunk:
    """The chunk of a JSON value, its numbers also taken from text.

    Raises:
        ResponseDecodeError: A field is not as documented; the path to it is named.
    """
    try:
        return msgspec.convert(value, Chunk, strict=False)
    except msgspec.ValidationError as wrong:
        raise ResponseDecodeError(f"the reply is not as documented: {wrong}", excerpt=decode_excerpt(data)) from wrong


__all__ = [
    "CHUNK",
    "UNREADABLE",
    "CallPiece",
    "Choice",
    "Chunk",
    "Custom",
    "Delta",
    "Function",
    "maker_of",
    "to_chunk",
]
