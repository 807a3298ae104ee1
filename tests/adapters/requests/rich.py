"""One request with everything in it, as a user of tidewire writes it.

System prompt, an image, reasoning and calls of an earlier turn with their results, one of them an error, tools, the
choice among them, the form of the answer, how to reason and how to sample. What a wire cannot be told is left out of
its row; what it can be told besides stands there.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.adapters.simulator.wires import WIRES
from tidewire import ChatModel, init_chat_model
from tidewire.adapters.simulator import Simulator
from tidewire.adapters.spec import OutputSchema
from tidewire.events.blocks import JSONObject
from tidewire.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage

SYSTEM = "You keep the tide tables."
QUESTION = "What stands in this chart?"
THOUGHT = "Ports first."
SAID = "I look them up."
FOUND = "High water at 6:12."
FAILED = "no such port"
LAST = "Now as JSON."
PIXELS = b"\x89PNG\r\n\x1a\n\x00\x00\x00\r"
PIXELS_BASE64 = base64.b64encode(PIXELS).decode()
#: Good in both alphabets of base64.
SIGNATURE = base64.b64encode(b"signed by its maker").decode()

CITY: JSONObject = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
NOTHING: JSONObject = {"type": "object", "properties": {}}
TIDE: JSONObject = {
    "type": "object",
    "properties": {"port": {"type": "string"}, "metres": {"type": "number"}},
    "required": ["port", "metres"],
    "additionalProperties": False,
}
LOOKUP: JSONObject = {"name": "lookup", "description": "Looks a port up.", "parameters": CITY}
NOW: JSONObject = {"name": "now", "description": "Tells the time.", "parameters": NOTHING}


@dataclass(frozen=True)
class Rich:
    """The request on one wire.

    Attributes:
        wire: The wire's name.
        model: The model's name.
        thought: The block of reasoning in the history, or None.
        call: What else a call of the history has in its ``extras``.
        parameters: How to reason and to sample, and what only this provider takes.
        choice: The choice of tools.
        alone: Whether only one tool may be called at a time, if that can be said.
    """

    wire: str
    model: str
    thought: JSONObject | None = None
    call: JSONObject = field(default_factory=dict[str, Any])
    parameters: JSONObject = field(default_factory=dict[str, Any])
    choice: str = "lookup"
    alone: bool | None = False

    @property
    def provider(self) -> str:
        """The provider's name."""
        return WIRES[self.wire].model.partition(":")[0]

    def messages(self) -> Sequence[BaseMessage]:
        """The conversation."""
        first: JSONObject = {"type": "tool_call", "id": "call_1", "name": "lookup", "args": {"city": "Brest"}}
        if self.call:
            first["extras"] = self.call
        second: JSONObject = {"type": "tool_call", "id": "call_2", "name": "lookup", "args": {"city": "Cork"}}
        thought = [] if self.thought is None else [self.thought]
        return [
            SystemMessage(SYSTEM),
            HumanMessage([QUESTION, {"type": "image", "base64": PIXELS_BASE64, "mime_type": "image/png"}]),
            AIMessage([*thought, SAID, first, second], response_metadata={"model_provider": self.provider}),
            ToolMessage(FOUND, tool_call_id="call_1"),
            ToolMessage(FAILED, tool_call_id="call_2", status="error"),
            HumanMessage(LAST),
        ]

    def asked_of(self, simulator: Simulator) -> ChatModel:
        """The model, which a simulator answers, with all of the request but the conversation."""
        reached_by = WIRES[self.wire].parameters(simulator)
        model = init_chat_model(f"{self.provider}:{self.model}", **{**reached_by, **self.parameters}, max_retries=0)
        model = model.bind_tools([LOOKUP, NOW], tool_choice=self.choice, parallel_tool_calls=self.alone)
        return model.bind(output=OutputSchema("tide", TIDE, "The next high water.", strict=True))


_SAMPLING: JSONObject = {"temperature": 1.0, "top_p": 0.95, "max_tokens": 4000, "stop": ["END"]}
_SAMPLING_OF_OPENAI: JSONObject = {
    **_SAMPLING,
    "seed": 7,
    "frequency_penalty": 0.5,
    "presence_penalty": 0.25,
    "logprobs": True,
    "top_logprobs": 2,
}
_SIGNED: JSONObject = {"type": "reasoning", "reasoning": THOUGHT, "extras": {"signature": SIGNATURE}}

OPENAI_CHAT = Rich(
    "openai chat",
    "demo",
    parameters={
        **_SAMPLING_OF_OPENAI,
        "reasoning_effort": "low",
        "verbosity": "low",
        "prompt_cache_key": "tides",
        "user": "me",
        "service_tier": "default",
    },
)
OPENAI_RESPONSES = Rich(
    "openai responses",
    "demo",
    thought={"type": "reasoning", "id": "rs_1", "reasoning": THOUGHT, "extras": {"encrypted_content": SIGNATURE}},
    call={"item_id": "fc_1"},
    parameters={
        "temperature": 1.0,
        "top_p": 0.95,
        "max_tokens": 4000,
        "top_logprobs": 2,
        "reasoning": {"effort": "low", "summary": "auto"},
        "verbosity": "low",
        "store": False,
        "prompt_cache_key": "tides",
        "truncation": "auto",
    },
)
AZURE_CHAT = Rich("azure chat", "demo", parameters={**_SAMPLING_OF_OPENAI, "reasoning_effort": "low", "user": "me"})
ANTHROPIC = Rich(
    "anthropic",
    "claude-opus-4-6",
    thought=_SIGNED,
    parameters={**_SAMPLING, "top_k": 40, "reasoning_effort": "low", "user": "me", "service_tier": "standard_only"},
    choice="auto",  # whoever thinks cannot be told which tool to call
)
GOOGLE = Rich(
    "google",
    "gemini-3-pro",
    thought={"type": "reasoning", "reasoning": THOUGHT},
    call={"signature": SIGNATURE},
    parameters={
        **_SAMPLING_OF_OPENAI,
        "top_k": 40,
        "n": 1,
        "reasoning_effort": "low",
        "include_thoughts": True,
        "safety_settings": {"HARM_CATEGORY_HARASSMENT": "BLOCK_NONE"},
        "cached_content": "cachedContents/tides",
        "response_modalities": ["TEXT"],
    },
    alone=None,
)
BEDROCK = Rich(
    "bedrock signed",
    "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
    thought=_SIGNED,
    parameters={**_SAMPLING, "top_k": 40, "reasoning_effort": "low", "request_metadata": {"team": "tides"}},
    choice="auto",
    alone=None,
)
OLLAMA = Rich(
    "ollama",
    "demo",
    thought={"type": "reasoning", "reasoning": THOUGHT},
    parameters={**_SAMPLING_OF_OPENAI, "top_k": 40, "reasoning_effort": "low", "keep_alive": "5m"},
    choice="auto",
    alone=None,
)
HUGGINGFACE_KEY = "hf_any"
HUGGINGFACE = Rich(
    "huggingface",
    "demo",
    parameters={**_SAMPLING_OF_OPENAI, "reasoning_effort": "low", "api_key": HUGGINGFACE_KEY},
    alone=None,
)

__all__ = [
    "ANTHROPIC",
    "AZURE_CHAT",
    "BEDROCK",
    "CITY",
    "FAILED",
    "FOUND",
    "GOOGLE",
    "HUGGINGFACE",
    "HUGGINGFACE_KEY",
    "LAST",
    "LOOKUP",
    "NOTHING",
    "NOW",
    "OLLAMA",
    "OPENAI_CHAT",
    "OPENAI_RESPONSES",
    "PIXELS",
    "PIXELS_BASE64",
    "QUESTION",
    "SAID",
    "SIGNATURE",
    "SYSTEM",
    "THOUGHT",
    "TIDE",
    "Rich",
]
