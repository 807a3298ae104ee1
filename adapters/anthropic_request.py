"""A request to Anthropic's Messages API as JSON: its parameters, tools and the form of the answer."""

from __future__ import annotations

import json

import msgspec

from tidewire.adapters.anthropic_conversation import Conversation
from tidewire.adapters.claude_thinking import claude_thinking, leave_room
from tidewire.adapters.closed_schema import closed_schema
from tidewire.adapters.json_text import object_of
from tidewire.adapters.left_out import left_out
from tidewire.adapters.parameters import fields_given, texts_given
from tidewire.adapters.reasoning import merged, thinking_fields
from tidewire.adapters.schema_limits import ANTHROPIC, keywords_left_out, limited_schema
from tidewire.adapters.spec import ModelRequest, NativeTool, ToolSpec
from tidewire.events.blocks import JSONObject
from tidewire.events.errors import ConfigurationError
from tidewire.events.types import WarningEvent

#: Tokens of the answer when the caller sets no limit and that of the model is not known; the API has no default.
DEFAULT_MAX_TOKENS = 4096

#: Parameters that go into the body under their own name.
_AS_THEY_ARE = (
    "cache_control",
    "container",
    "context_management",
    "fallbacks",
    "inference_geo",
    "max_tokens",
    "mcp_servers",
    "metadata",
    "service_tier",
    "speed",
    "temperature",
    "top_k",
    "top_p",
)

#: Every parameter that the codec can spell; ``betas`` become a header.
PARAMETERS = frozenset(
    {*_AS_THEY_ARE, "betas", "output_config", "reasoning", "reasoning_effort", "stop", "thinking", "user"}
)

#: Fields of a tool that only Anthropic knows, given in the tool's ``extras``.
_TOOL_FIELDS = ("allowed_callers", "cache_control", "defer_loading", "eager_input_streaming", "input_examples")


def body_of(request: ModelRequest, provider: str) -> tuple[bytes, tuple[WarningEvent, ...]]:
    """The body of a request, and what of the request was left out.

    Args:
        request: The call.
        provider: Whose reasoning and server tools may be sent back.

    Raises:
        ConfigurationError: The format cannot spell something; it is named.
    """
    conversation = Conversation(provider, system_in_place=request.mid_conversation_system_messages)
    conversation.add(request.messages)
    thinking = _thinking(request)
    body: JSONObject = {
        "model": request.model,
        "max_tokens": _default_limit(request, thinking),
        "messages": conversation.turns,
    }
    if conversation.system:
        body["system"] = conversation.system
    if request.stream:
        body["stream"] = True
    body.update(thinking)
    _add_parameters(body, request.parameters)
    refused: set[str] = set()
    _add_output(body, request, refused)
    if request.tools:
        body["tools"] = [_tool(tool, refused) for tool in request.tools]
    choice = _tool_choice(request)
    if choice is not None:
        body["tool_choice"] = choice
    body.update(request.extra_body)
    without_place = left_out(provider, request.messages, cache_marks=True, failures=True, citations_of=(provider,))
    return _json(body), (*conversation.warnings, *without_place, *keywords_left_out(provider, refused))


def _thinking(request: ModelRequest) -> JSONObject:
    """The fields that say how the model is to think; what the caller says in Anthropic's own words counts more."""
    given = request.parameters
    fields = thinking_fields(claude_thinking(request.model), "anthropic", given)
    if "budget_tokens" not in object_of(given.get("reasoning")):  # who counts tokens has counted them
        fields = leave_room(fields, request.model, given.get("max_tokens"))
    if given.get("thinking") is not None:
        fields = {**fields, "thinking": given["thinking"]}
    config = fields_given("anthropic", "output_config", given.get("output_config"))
    return merged(fields, {"output_config": config}) if config else fields


def _default_limit(request: ModelRequest, thinking: JSONObject) -> int:
    """The limit when none is set: the model's own. Where that is not known, a budget for thinking, which counts into
    it, comes on top."""
    if request.max_output_tokens is not None:
        return request.max_output_tokens
    budget = object_of(thinking.get("thinking")).get("budget_tokens")
    return DEFAULT_MAX_TOKENS + (budget if isinstance(budget, int) else 0)


def _add_parameters(body: JSONObject, given: JSONObject) -> None:
    body.update({name: given[name] for name in _AS_THEY_ARE if given.get(name) is not None})
    stop = texts_given("anthropic", "stop", given.get("stop"))
    if stop:
        body["stop_sequences"] = stop
    if given.get("user") is not None:
        body["metadata"] = {**body.get("metadata", {}), "user_id": given["user"]}


def _held(schema: JSONObject, refused: set[str]) -> JSONObject:
    """A schema that answers are held to, without the keywords that are refused."""
    limited, keywords = limited_schema(schema, ANTHROPIC)
    refused |= keywords
    return limited


def _add_output(body: JSONObject, request: ModelRequest, refused: set[str]) -> None:
    if request.output is None:
        return
    if request.output.schema is None:
        raise ConfigurationError("anthropic has no json_mode; use method='json_schema' or method='function_calling'")
    form: JSONObject = {"type": "json_schema", "schema": closed_schema(_held(request.output.schema, refused))}
    body["output_config"] = {**body.get("output_config", {}), "format": form}


def _tool(tool: ToolSpec | NativeTool, refused: set[str]) -> JSONObject:
    if isinstance(tool, NativeTool):
        return tool.definition
    spelled: JSONObject = {"name": tool.name, "input_schema": {"type": "object", **tool.parameters}}
    if tool.description:
        spelled["description"] = tool.description
    if tool.strict is not None:
        spelled["strict"] = tool.strict
    if tool.strict:
        spelled["input_schema"] = _held(spelled["input_schema"], refused)
    spelled.update({field: tool.extras[field] for field in _TOOL_FIELDS if field in tool.extras})
    return spelled


def _tool_choice(request: ModelRequest) -> JSONObject | None:
    alone = request.parallel_tool_calls is False
    choice: JSONObject
    match request.tool_choice:
        case None if not alone:
            return None
        case None | "auto" | "none" if not request.tools:
            return None  # says nothing, and is refused without tools
        case "none":
            return {"type": "none"}
        case None:
            choice = {"type": "auto"}
        case (_, name):
            choice = {"type": "tool", "name": name}
        case word:
            choice = {"type": word}
    if alone:
        choice["disable_parallel_tool_use"] = True
    return choice


def _json(body: JSONObject) -> bytes:
    try:
        try:
            return msgspec.json.encode(body)
        except UnicodeEncodeError:
            # A lone surrogate, which models write in arguments now and then; its escape is JSON all the same.
            return json.dumps(body, separators=(",", ":")).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise ConfigurationError(f"the request cannot be written as JSON: {error}") from error


__all__ = ["DEFAULT_MAX_TOKENS", "PARAMETERS", "body_of"]
