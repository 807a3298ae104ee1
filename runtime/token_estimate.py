"""What a request is going to use of a rate limit, as far as it can be told before it is sent."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from tidewire.adapters.rate_limit_headers import LimitKind
from tidewire.adapters.spec import ModelRequest, NativeTool
from tidewire.events.blocks import JSON, JSONObject
from tidewire.events.token_counts import TokenWeights
from tidewire.events.types import Usage

#: Bytes of UTF-8 that make a token, about: four letters of English, more than one character of Chinese. Less near than
#: the weights of characters, and a hundred times faster: this stands before each request, however long it is.
BYTES_PER_TOKEN = 4

_WEIGHTS = TokenWeights()

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
    """About how many input tokens a request has: a token for four bytes of its texts, and flat numbers for the rest."""
    tools: list[JSONObject] = [
        tool.definition if isinstance(tool, NativeTool) else msgspec.to_builtins(tool, enc_hook=repr)
        for tool in request.tools
    ]
    if request.output is not None and request.output.schema is not None:
        tools.append(request.output.schema)
    return _WEIGHTS.of_request(request.messages, tools, of_text=_tokens_of_text)


def _tokens_of_text(text: str) -> float:
    size = len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
    return size / BYTES_PER_TOKEN


def answer_limit(parameters: Mapping[str, JSON]) -> int | None:
    """The most tokens that the answer may have, where the request says so."""
    for name in _ANSWER_LIMITS:
        value = parameters.get(name)
        if isinstance(value, int) and not isinstance(value, bool) and value > 0:
            return value
    return None


__all__ = [
    "BYTES_PER_TOKEN",
    "Demand",
    "answer_limit",
    "estimate_tokens",
    "used",
]
