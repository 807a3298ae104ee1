"""What each provider is sent for each way to say how hard to think."""

from __future__ import annotations

import json
from collections.abc import Mapping

from tidewire.adapters.compatible import HOSTS
from tidewire.adapters.reasoning import EFFORTS
from tidewire.adapters.registry import find_adapter
from tidewire.adapters.spec import ModelRequest
from tidewire.errors import ConfigurationError
from tidewire.events.blocks import JSON, JSONObject
from tidewire.messages import HumanMessage

#: Who is asked: a provider and a model of each kind that is told in its own way.
ASKED = (
    "openai:gpt-5",
    "openai responses:gpt-5",
    "azure_openai:gpt-5",
    "anthropic:claude-haiku-4-5",
    "anthropic:claude-opus-4-6",
    "anthropic:claude-opus-4-7",
    "google_genai:gemini-2.5-flash",
    "google_genai:gemini-3-pro-preview",
    "bedrock_converse:us.anthropic.claude-sonnet-4-5-20250929-v1:0",
    "bedrock_converse:anthropic.claude-opus-4-7",
    "bedrock_converse:us.amazon.nova-2-lite-v1:0",
    "bedrock_converse:openai.gpt-oss-20b-1:0",
    "bedrock_converse:qwen.qwen3-32b-v1:0",
    "bedrock_converse:meta.llama4-scout-17b-instruct-v1:0",
    "ollama:qwen3",
    "huggingface:openai/gpt-oss-20b",
    *(f"{host}:m" for host in HOSTS),
)

#: What is asked for, by ``reasoning``; words are taken by ``reasoning_effort`` too, with the same outcome.
WAYS: Mapping[str, JSON] = {
    **{word: word for word in EFFORTS},
    "off": "off",
    "True": True,
    "False": False,
    "budget": {"budget_tokens": 2048},
}


def _body(asked: str, parameters: JSONObject) -> JSONObject:
    provider, _, model = asked.partition(":")
    name, _, by_responses = provider.partition(" ")
    adapter = find_adapter(name)
    if adapter.choose_codec is not None:
        parameters = {**parameters, "use_responses_api": bool(by_responses)}
    chosen = ModelRequest(model, [HumanMessage("Hi")], "http://x", stream=False, parameters=parameters)
    codec, request = adapter.choose(chosen)
    body: JSONObject = json.loads(codec.encode(request).body)
    return body


def told(asked: str, parameter: str, way: str) -> str:
    """The fields of the body, as JSON, that say it; or that it is refused."""
    try:
        body = _body(asked, {parameter: WAYS[way]})
    except ConfigurationError:
        return "refused"
    plain = _body(asked, {})
    fields = {key: value for key, value in body.items() if plain.get(key) != value}
    fields.pop("max_tokens", None)  # room for a budget
    return json.dumps(fields, separators=(",", ":"))


def table(parameter: str = "reasoning") -> str:
    """Who is told what: ways of the same outcome stand together."""
    lines: list[str] = []
    for asked in ASKED:
        outcomes: dict[str, list[str]] = {}
        for way in WAYS:
            if parameter == "reasoning" or isinstance(WAYS[way], str):
                outcomes.setdefault(told(asked, parameter, way), []).append(way)
        lines += [asked, *(f"  {' '.join(ways)}: {outcome}" for outcome, ways in outcomes.items())]
    return "\n".join(lines)


__all__ = ["ASKED", "WAYS", "table", "told"]
