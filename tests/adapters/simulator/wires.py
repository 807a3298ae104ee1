"""The ways that tidewire speaks to providers, a row each: tests that shall hold on every wire run over this table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tidewire import ChatModel, init_chat_model
from tidewire.adapters.simulator import Simulator


@dataclass(frozen=True)
class Wire:
    """A wire format, or a way to reach one.

    Attributes:
        model: The model as users name it.
        parameters: What it is made with, to speak to a simulator.
        path: Where its requests go; ``*`` stands for what tells a stream from a plain answer.
        streamed: What ``*`` is for a stream, and for a plain answer.
        reasoning: What makes it show its reasoning.
        signature: Under which name of a block's ``extras`` the signature of the reasoning is kept; None has none.
        silent: What the format has no word for, or none that is read: ``cache_read`` and ``reasoning`` of the usage,
            ``status`` of an error inside the answer, and a ``plain error`` in place of an answer that is not streamed.
    """

    model: str
    parameters: Callable[[Simulator], dict[str, Any]]
    path: str
    streamed: tuple[str, str] = ("", "")
    reasoning: dict[str, Any] = field(default_factory=lambda: {"reasoning_effort": "low"})
    signature: str | None = "signature"
    silent: frozenset[str] = frozenset()


_BY_DEPLOYMENT = {"api_version": "2025-04-01-preview", "api_key": "any"}
_RESPONSES = {"use_responses_api": True}
_SUMMARY: dict[str, Any] = {
    "reasoning": {"effort": "low", "summary": "auto"},
    "include": ["reasoning.encrypted_content"],
}
_THINKING: dict[str, Any] = {"thinking": {"type": "enabled", "budget_tokens": 1024}}
_GENERATE = (":streamGenerateContent", ":generateContent")
_CONVERSE = ("-stream", "")
_AWS = {"region_name": "us-east-1", "aws_access_key_id": "AKIDEXAMPLE", "aws_secret_access_key": "secret"}

WIRES: dict[str, Wire] = {
    "openai chat": Wire(
        "openai:demo",
        lambda sim: {"base_url": sim.openai_url, "api_key": "any"},
        "/v1/chat/completions",
        signature=None,
    ),
    "openai responses": Wire(
        "openai:demo",
        lambda sim: {"base_url": sim.openai_url, "api_key": "any", **_RESPONSES},
        "/v1/responses",
        reasoning=_SUMMARY,
        signature="encrypted_content",
    ),
    "azure chat": Wire(
        "azure_openai:demo",
        lambda sim: {"azure_endpoint": sim.azure_url, **_BY_DEPLOYMENT},
        "/openai/deployments/demo/chat/completions",
        signature=None,
    ),
    "azure responses": Wire(
        "azure_openai:demo",
        lambda sim: {"azure_endpoint": sim.azure_url, **_BY_DEPLOYMENT, **_RESPONSES},
        "/openai/responses",
        reasoning=_SUMMARY,
        signature="encrypted_content",
    ),
    "azure v1": Wire(
        "azure_openai:demo",
        lambda sim: {"azure_endpoint": sim.azure_url, "api_key": "any", **_RESPONSES},
        "/openai/v1/responses",
        reasoning=_SUMMARY,
        signature="encrypted_content",
    ),
    "anthropic": Wire(
        "anthropic:demo",
        lambda sim: {"base_url": sim.anthropic_url, "api_key": "any"},
        "/v1/messages",
        reasoning=_THINKING,
        silent=frozenset({"reasoning"}),
    ),
    "google": Wire(
        "google_genai:demo",
        lambda sim: {"base_url": sim.google_url, "api_key": "any"},
        "/v1beta/models/demo*",
        _GENERATE,
        reasoning={"reasoning": True},
    ),
    "vertex": Wire(
        "google_vertexai:demo",
        lambda sim: {"base_url": sim.google_url, "access_token": "any", "project": "mine", "location": "global"},
        "/v1beta1/projects/mine/locations/global/publishers/google/models/demo*",
        _GENERATE,
        reasoning={"reasoning": True},
    ),
    "bedrock": Wire(
        "bedrock_converse:demo",
        lambda sim: {"base_url": sim.bedrock_url, "region_name": "us-east-1", "api_key": "any"},
        "/model/demo/converse*",
        _CONVERSE,
        reasoning=_THINKING,
        silent=frozenset({"reasoning", "plain error"}),
    ),
    "bedrock signed": Wire(
        "bedrock:demo",
        lambda sim: {"endpoint_url": sim.bedrock_url, **_AWS},
        "/model/demo/converse*",
        _CONVERSE,
        reasoning=_THINKING,
        silent=frozenset({"reasoning", "plain error"}),
    ),
    "ollama": Wire(
        "ollama:demo",
        lambda sim: {"base_url": sim.ollama_url},
        "/api/chat",
        reasoning={"reasoning": True},
        signature=None,
        silent=frozenset({"cache_read", "reasoning", "status"}),
    ),
    "huggingface": Wire(
        "huggingface:demo",
        lambda sim: {"base_url": sim.openai_url, "api_key": "any"},
        "/v1/chat/completions",
        signature=None,
    ),
}


def model_on(wire: Wire, simulator: Simulator, **parameters: Any) -> ChatModel:
    """The model of a wire, which a simulator answers."""
    return init_chat_model(wire.model, **{**wire.parameters(simulator), **parameters})


__all__ = ["WIRES", "Wire", "model_on"]
