"""A request to Converse as JSON: its parameters, tools and the form of the answer."""

from __future__ import annotations

import json

import msgspec

from tidewire.adapters.bedrock_conversation import Conversation, cache_point
from tidewire.adapters.bedrock_families import knows_tool_status, reasoning_fields, top_k_fields
from tidewire.adapters.closed_schema import closed_schema
from tidewire.adapters.left_out import left_out
from tidewire.adapters.parameters import fields_given, texts_given
from tidewire.adapters.spec import ModelRequest, NativeTool, ToolSpec
from tidewire.events.blocks import JSON, JSONObject
from tidewire.events.errors import ConfigurationError
from tidewire.events.types import WarningEvent

_INFERENCE = {"max_tokens": "maxTokens", "temperature": "temperature", "top_p": "topP"}

# Parameters that are a field of the body.
_FIELDS = {
    "additional_model_response_field_paths": "additionalModelResponseFieldPaths",
    "guardrail_config": "guardrailConfig",
    "output_config": "outputConfig",
    "performance_config": "performanceConfig",
    "project_identifier": "projectIdentifier",
    "prompt_variables": "promptVariables",
    "request_metadata": "requestMetadata",
    "service_tier": "serviceTier",
}

#: Every parameter that the codec can spell. ``base_model_id`` is the model that an inference profile stands for;
#: ``cache_control`` becomes a cache point at the end of the conversation, by which all of it is cached.
PARAMETERS = frozenset(
    {
        *_INFERENCE,
        *_FIELDS,
        "additional_model_request_fields",
        "base_model_id",
        "cache_control",
        "reasoning",
        "reasoning_effort",
        "stop",
        "thinking",
        "top_k",
    }
)


def body_of(request: ModelRequest) -> tuple[bytes, tuple[WarningEvent, ...]]:
    """The body of a request, and what of the request was left out or told in other words.

    Raises:
        ConfigurationError: The format cannot spell something; it is named.
    """
    given = {name: value for name, value in request.parameters.items() if value is not None}
    model = str(given.get("base_model_id") or request.model)
    tools = _tool_config(request)
    with_tools = tools is not None or "toolConfig" in request.extra_body
    conversation = Conversation(model, system_in_place=request.mid_conversation_system_messages, with_tools=with_tools)
    conversation.add(request.messages)
    conversation.mark_end(given.get("cache_control"))
    body: JSONObject = {"messages": conversation.turns}
    if conversation.system:
        body["system"] = conversation.system
    inference = _inference(given)
    if inference:
        body["inferenceConfig"] = inference
    if tools is not None:
        body["toolConfig"] = tools
    body.update({field: _spell(name, given[name], request) for name, field in _FIELDS.items() if name in given})
    if request.output is not None:
        body["outputConfig"] = {**body.get("outputConfig", {}), "textFormat": _text_format(request)}
    additional = _additional(model, given)
    if additional:
        body["additionalModelRequestFields"] = additional
    body.update(request.extra_body)
    failures = not with_tools or knows_tool_status(model)
    without_place = left_out("bedrock", request.messages, cache_marks=True, failures=failures, citations_of=None)
    warnings = [*conversation.warnings, *without_place]
    return _json(body), tuple(warnings)


def _inference(given: JSONObject) -> JSONObject:
    inference: JSONObject = {field: given[name] for name, field in _INFERENCE.items() if name in given}
    stop = texts_given("bedrock", "stop", given.get("stop"))
    if stop:
        inference["stopSequences"] = stop
    return inference


def _spell(name: str, value: JSON, request: ModelRequest) -> JSON:
    if name == "service_tier" and isinstance(value, str):
        return {"type": value}
    if name == "guardrail_config" and not request.stream:
        # A plain reply knows no ways to process a stream, and one setting serves both kinds of calls.
        config = fields_given("bedrock", name, value)
        return {key: item for key, item in config.items() if key != "streamProcessingMode"}
    return value


def _additional(model: str, given: JSONObject) -> JSONObject:
    """The fields that Converse passes on to the model; what the caller writes there counts most."""
    fields: JSONObject = {}
    wanted = [given[name] for name in ("reasoning", "reasoning_effort") if name in given]
    if len(wanted) == 2:
        raise ConfigurationError("reasoning and reasoning_effort say the same thing; give one of them")
    if wanted:
        fields = reasoning_fields(model, wanted[0], given.get("max_tokens"))
    if "thinking" in given:
        fields = {**fields, "thinking": given["thinking"]}
    if "top_k" in given:
        fields = _merged(fields, top_k_fields(model, given["top_k"]))
    name = "additional_model_request_fields"
    return _merged(fields, fields_given("bedrock", name, given.get(name)))


def _merged(fields: JSONObject, more: JSON) -> JSONObject:
    merged = dict(fields)
    for key, value in more.items():
        both = isinstance(merged.get(key), dict) and isinstance(value, dict)
        merged[key] = _merged(merged[key], value) if both else value
    return merged


def _tool_config(request: ModelRequest) -> JSONObject | None:
    """The tools; none where the model is not to call any, since Converse has no word for that."""
    if not request.tools or request.tool_choice == "none":
        return None
    if request.parallel_tool_calls is False:
        raise ConfigurationError(
            "bedrock has no parallel_tool_calls; what a model has of its own goes into additional_model_request_fields"
        )
    tools: list[JSONObject] = []
    for tool in request.tools:
        tools += _tool(tool)
    config: JSONObject = {"tools": tools}
    choice = request.tool_choice
    if isinstance(choice, tuple):
        config["toolChoice"] = {"tool": {"name": choice[1]}}
    elif choice is not None:
        config["toolChoice"] = {choice: {}}
    return config


def _tool(tool: ToolSpec | NativeTool) -> list[JSONObject]:
    """A tool, and the cache point behind it if the caller marked it."""
    if isinstance(tool, NativeTool):
        return [tool.definition]
    spec: JSONObject = {"name": tool.name, "inputSchema": {"json": {"type": "object", **tool.parameters}}}
    if tool.description:
        spec["description"] = tool.description
    if tool.strict is not None:
        spec["strict"] = tool.strict
    point = cache_point(tool.extras.get("cachePoint"), tool.extras.get("cache_control"))
    return [{"toolSpec": spec}] if point is None else [{"toolSpec": spec}, point]


def _text_format(request: ModelRequest) -> JSONObject:
    output = request.output
    if output is None or output.schema is None:
        raise ConfigurationError("bedrock has no json_mode; use method='json_schema' or method='function_calling'")
    form: JSONObject = {"name": output.name, "schema": _json(closed_schema(output.schema)).decode()}
    if output.description:
        form["description"] = output.description
    return {"type": "json_schema", "structure": {"jsonSchema": form}}


def _json(value: JSONObject) -> bytes:
    try:
        try:
            return msgspec.json.encode(value)  # bytes become base64, as Converse has them
        except UnicodeEncodeError:
            # A lone surrogate, which models write in arguments now and then; its escape is JSON all the same.
            return json.dumps(value, separators=(",", ":")).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise ConfigurationError(f"the request cannot be written as JSON: {error}") from error


__all__ = ["PARAMETERS", "body_of"]
