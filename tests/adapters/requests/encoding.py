"""What each provider is sent for some messages, and whether its own client's types take that."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pydantic
from anthropic.types.beta.message_create_params import MessageCreateParamsNonStreaming
from google.genai import types
from ollama._types import ChatRequest
from openai.types.chat.completion_create_params import CompletionCreateParamsNonStreaming
from openai.types.responses.response_create_params import ResponseCreateParamsNonStreaming

from tests.adapters import bedrock_judge, conforms
from tidewire.adapters.registry import find_adapter
from tidewire.adapters.spec import ModelRequest
from tidewire.events.blocks import JSONObject
from tidewire.events.types import WarningEvent
from tidewire.messages import BaseMessage


@dataclass(frozen=True)
class Speaker:
    """A provider, reached in one way.

    Attributes:
        provider: Its name.
        problem: How a body is not what its own client's types say; None if it is.
        user_parts: The parts of the first user message of a body, as one list.
        model: The model's name.
        parameters: What chooses the way.
    """

    provider: str
    problem: Callable[[JSONObject], str | None]
    user_parts: Callable[[JSONObject], list[Any]]
    model: str = "m"
    parameters: JSONObject = field(default_factory=dict[str, Any])

    def encode(
        self, messages: Sequence[BaseMessage], parameters: JSONObject | None = None, **fields: Any
    ) -> tuple[JSONObject, tuple[WarningEvent, ...]]:
        """The body of a request, and what of the request was left out."""
        adapter = find_adapter(self.provider)
        given = {**self.parameters, **(parameters or {})}
        asked: dict[str, Any] = {"stream": False, **fields}
        request = ModelRequest(self.model, messages, "http://x", parameters=given, **asked)
        codec, request = adapter.choose(request)
        sent = codec.encode(request)
        body: JSONObject = json.loads(sent.body)
        return body, sent.warnings


def _chat_problem(body: JSONObject) -> str | None:
    return conforms.problem_with(body, CompletionCreateParamsNonStreaming)


def _responses_problem(body: JSONObject) -> str | None:
    return conforms.problem_with(body, ResponseCreateParamsNonStreaming)


def _anthropic_problem(body: JSONObject) -> str | None:
    return conforms.problem_with(body, MessageCreateParamsNonStreaming)


def _pydantic_problem(kind: Any, value: object) -> str | None:  # noqa: ANN401 - a model of pydantic's
    try:
        kind.model_validate(value)
    except pydantic.ValidationError as error:
        return str(error)
    return None


def _google_problem(body: JSONObject) -> str | None:
    contents = [*body["contents"], *([body["systemInstruction"]] if "systemInstruction" in body else ())]
    problems = (_pydantic_problem(types.Content, content) for content in contents)
    return next((problem for problem in problems if problem is not None), None)


def _bedrock_problem(body: JSONObject) -> str | None:
    return bedrock_judge.problem_with(body, stream=False)


def _ollama_problem(body: JSONObject) -> str | None:
    return _pydantic_problem(ChatRequest, body)


def _listed(content: str | list[Any]) -> list[Any]:
    return [content] if isinstance(content, str) else content


def _in_messages(body: JSONObject) -> list[Any]:
    return _listed(body["messages"][0]["content"])


def _in_input(body: JSONObject) -> list[Any]:
    return _listed(body["input"][0]["content"])


def _in_contents(body: JSONObject) -> list[Any]:
    parts: list[Any] = body["contents"][0]["parts"]
    return parts


def _beside_role(body: JSONObject) -> list[Any]:
    return [{key: value} for key, value in body["messages"][0].items() if key != "role"]


SPEAKERS: Mapping[str, Speaker] = {
    "openai chat": Speaker("openai", _chat_problem, _in_messages, parameters={"use_responses_api": False}),
    "openai responses": Speaker("openai", _responses_problem, _in_input, parameters={"use_responses_api": True}),
    "azure chat": Speaker("azure_openai", _chat_problem, _in_messages, parameters={"use_responses_api": False}),
    "anthropic": Speaker("anthropic", _anthropic_problem, _in_messages),
    "google": Speaker("google_genai", _google_problem, _in_contents, model="gemini-3-pro"),
    "bedrock": Speaker("bedrock_converse", _bedrock_problem, _in_messages, model="amazon.nova-pro-v1:0"),
    "ollama": Speaker("ollama", _ollama_problem, _beside_role),
    "huggingface": Speaker("huggingface", _chat_problem, _in_messages),
}

__all__ = ["SPEAKERS", "Speaker"]
