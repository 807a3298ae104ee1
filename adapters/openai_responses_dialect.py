"""What the Responses API is sent, and how hosts that speak it differ from OpenAI in that."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from tidewire.adapters.reasoning import Thinking, thinking

#: Parameters that choose what is sent, and are not sent themselves.
STEERING = frozenset({"logprobs", "use_previous_response_id", "use_responses_api"})

#: Public names of parameters, and where OpenAI takes them; a dot leads into an object.
PARAMETERS: Mapping[str, str] = {
    **{
        name: name
        for name in (
            *STEERING,
            "background",
            "context_management",
            "conversation",
            "include",
            "instructions",
            "max_tool_calls",
            "metadata",
            "moderation",
            "previous_response_id",
            "prompt",
            "prompt_cache_key",
            "prompt_cache_options",
            "prompt_cache_retention",
            "reasoning",
            "safety_identifier",
            "service_tier",
            "store",
            "temperature",
            "text",
            "top_logprobs",
            "top_p",
            "truncation",
            "user",
        )
    },
    "max_tokens": "max_output_tokens",
    "reasoning_effort": "reasoning",
    "response_format": "text.format",
    "verbosity": "text.verbosity",
}

#: How OpenAI's models are told to reason; a dict also says what is told of it (``summary``).
THINKING = thinking(
    "reasoning.effort",
    "minimal low medium high xhigh max",
    off={"reasoning": {"effort": "none"}},
    on={},
    dict_field="reasoning",
)


class Dialect(msgspec.Struct, frozen=True):
    """How a host differs from OpenAI in what it is sent.

    Attributes:
        provider: Its name, as ``response_metadata["model_provider"]`` and errors have it.
        parameters: Public names of the parameters that it takes, and where it takes them.
        path: What follows the base URL.
        thinking: How it is told to reason.
        system_role: The role of a system message.
        any_tool: The word that says that some tool must be called.
        strict_tools: Whether a function says ``strict``. OpenAI takes one that does not as strict, and changes its
            schema to fit, so it is told in either case.
        item_ids: Whether the items of its answers go back under their ids.
    """

    provider: str = "openai"
    parameters: Mapping[str, str] = msgspec.field(default_factory=lambda: PARAMETERS)
    path: str = "/responses"
    thinking: Thinking = THINKING
    system_role: str = "system"
    any_tool: str = "required"
    strict_tools: bool = True
    item_ids: bool = True


__all__ = ["PARAMETERS", "STEERING", "THINKING", "Dialect"]
