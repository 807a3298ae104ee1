"""What a request is going to use of a rate limit, as far as it can be told before it is sent."""

from __future__ import annotations

import math
from collections.abc import Mapping

import msgspec

from tidewire.adapters.rate_limit_headers import LimitKind
from tidewire.adapters.spec import ModelRequest, NativeTool
from tidewire.events.blocks import JSON
from tidewire.events.types import Usage

#: Bytes of UTF-8 that make a token, about: four letters of English, more than one character of Chinese.
BYTES_PER_TOKEN = 4
#: What a message costs besides its content: its role, and what parts it from the next.
TOKENS_PER_MESSAGE = 4
#: What an image, a sound or a document is taken for. Most images cost between 250 and 1,600.
TOKENS_PER_MEDIUM = 1000

# The parameters that bound the answer, by the names that providers give them.
_ANSWER_LIMITS = ("max_tokens", "max_completion_tokens", "max_output_tokens", "num_predict", "max_new_tokens")


class Demand(msgspec.Struct, frozen=True):
    """What one request, or several, take of a rate limit. Below 0 it is what they give back."""

    requests: float = 1
    input_tokens: float = 0
    output_tokens: float = 0

    def of(self, kind: LimitKind) -> float:
        """The part of it that a limit counts."""
        match kind:
            case "requests":
                return self.requests
            case "tokens":
                return self.input_tokens + self.output_tokens
            case "input_tokens":
                return self.input_tokens
            case "output_tokens":
                return self.output_tokens

    def __add__(self, other: Demand) -> Demand:
        return Demand(
            self.requests + other.requests,
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
        )

    def __sub__(self, other: Demand) -> Demand:
        return Demand(
            self.requests - other.requests,
            self.input_tokens - other.input_tokens,
            self.output_tokens - other.output_tokens,
        )


def used(usage: Usage, *, count_cached_input: bool) -> Demand:
    """What a request took, by the tokens that its provider reported."""
    read = 0 if count_cached_input else usage.cache_read or 0
    return Demand(1, max(usage.input_tokens - read, 0), usage.output_tokens)


def estimate_tokens(request: ModelRequest) -> int:
    """About how many input tokens a request has: a token for four bytes of its texts, and a flat number for media."""
    size, media = 0, 0
    for message in request.messages:
        for block in message.content_blocks:
            block_size = _text_size(block)
            if block_size is None:
                media += 1
            else:
                size += block_size
    for tool in request.tools:
        given = tool.definition if isinstance(tool, NativeTool) else [tool.name, tool.description, tool.parameters]
        size += len(msgspec.json.encode(given))
    if request.output is not None and request.output.schema is not None:
        size += len(msgspec.json.encode(request.output.schema))
    return math.ceil(size / BYTES_PER_TOKEN) + TOKENS_PER_MESSAGE * len(request.messages) + TOKENS_PER_MEDIUM * media


def answer_limit(parameters: Mapping[str, JSON]) -> int | None:
    """The most tokens that the answer may have, where the request says so."""
    for name in _ANSWER_LIMITS:
        value = parameters.get(name)
        if isinstance(value, int) and not isinstance(value, bool) and value > 0:
            return value
    return None


def _text_size(block: Mapping[str, JSON]) -> int | None:
    """The bytes of a block's text, or of what stands for it; None for a medium, whose data are no text."""
    match block.get("type"):
        case "text" | "text-plain":
            text = block.get("text")
        case "reasoning":
            text = block.get("reasoning")
        case "tool_call" | "invalid_tool_call" | "server_tool_call" | "server_tool_result" | "non_standard":
            return len(msgspec.json.encode(block, enc_hook=repr))
        case _:
            return None
    return len(text.encode("utf-8", "surrogatepass")) if isinstance(text, str) else None


__all__ = [
    "BYTES_PER_TOKEN",
    "TOKENS_PER_MEDIUM",
    "TOKENS_PER_MESSAGE",
    "Demand",
    "answer_limit",
    "estimate_tokens",
    "used",
]
