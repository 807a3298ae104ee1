"""A request as the stand-in reads it: what the providers' formats have in common, and nothing else.

It is also the body of the embedded provider's requests, as JSON.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

from tidewire.events.blocks import JSON, JSONObject

SimRole: TypeAlias = Literal["system", "user", "assistant", "tool"]


class SimCall(msgspec.Struct, frozen=True, omit_defaults=True):
    """A tool call of an earlier turn."""

    name: str
    id: str | None = None
    args: JSON = None


class SimMessage(msgspec.Struct, frozen=True, omit_defaults=True):
    """A message of the conversation.

    Attributes:
        role: Who speaks; what several tools gave back is several messages.
        text: All its text.
        media: The types of its other parts, such as ``image``, in order.
        tool_calls: The tools that were called in it.
        tool_call_id: The call that a tool's message answers.
        failed: Whether the tool failed.
    """

    role: SimRole
    text: str = ""
    media: tuple[str, ...] = ()
    tool_calls: tuple[SimCall, ...] = ()
    tool_call_id: str | None = None
    failed: bool = False


class SimTool(msgspec.Struct, frozen=True, omit_defaults=True):
    """A tool that may be called; ``parameters`` is the JSON Schema of its arguments."""

    name: str
    description: str = ""
    parameters: JSONObject = {}


class SimOutput(msgspec.Struct, frozen=True, omit_defaults=True):
    """The form the answer must have; without a schema, any JSON object."""

    schema: JSON = None
    name: str = ""


class SimRequest(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the stand-in is asked.

    Attributes:
        model: The model's name.
        messages: The conversation.
        tools: The tools it may call.
        tool_choice: ``auto``, ``any``, ``none``, or the name of the tool it must call.
        parallel_tool_calls: Whether it may call several at once; None leaves it free.
        output: The form the answer must have, or None.
        reasoning: Whether it shall show its reasoning.
        max_tokens: Most tokens of the answer, reasoning included.
        stop: Texts that end the answer where they would come.
        seed: Picks among possible answers.
        choices: How many answers are wanted (``n``).
        logprobs: Whether to report the probability of each token.
        top_logprobs: How many other tokens to report with it.
        stream: Whether the answer is sent in pieces.
        stream_usage: Whether a streamed answer reports its tokens.
        tokens_per_second: The pace, in place of the provider's own.
        first_token_s: The wait before the first piece, in place of the provider's own.
    """

    model: str
    messages: tuple[SimMessage, ...]
    tools: tuple[SimTool, ...] = ()
    tool_choice: Literal["auto", "any", "none"] | tuple[Literal["tool"], str] = "auto"
    parallel_tool_calls: bool | None = None
    output: SimOutput | None = None
    reasoning: bool = False
    max_tokens: int | None = None
    stop: tuple[str, ...] = ()
    seed: int = 0
    choices: int = 1
    logprobs: bool = False
    top_logprobs: int = 0
    stream: bool = True
    stream_usage: bool = True
    tokens_per_second: float | None = None
    first_token_s: float | None = None


__all__ = ["SimCall", "SimMessage", "SimOutput", "SimRequest", "SimRole", "SimTool"]
