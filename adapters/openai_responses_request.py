"""A request to the Responses API as JSON: its parameters, tools and the form of the answer."""

from __future__ import annotations

from tidewire.adapters.json_text import object_of, to_json
from tidewire.adapters.left_out import left_out
from tidewire.adapters.openai_responses_conversation import Conversation
from tidewire.adapters.openai_responses_dialect import STEERING, Dialect
from tidewire.adapters.parameters import texts_given
from tidewire.adapters.reasoning import at, merged, thinking_fields
from tidewire.adapters.spec import ModelRequest, NativeTool, OutputSchema, ToolSpec
from tidewire.events.blocks import JSON, JSONObject
from tidewire.events.errors import ConfigurationError
from tidewire.events.types import WarningEvent

#: What ``include`` names when logprobs are asked for, and reasoning that nobody stores.
_LOGPROBS = "message.output_text.logprobs"
_ENCRYPTED_REASONING = "reasoning.encrypted_content"

#: Fields of a function that only the Responses API knows, given in the tool's ``extras``.
_TOOL_FIELDS = ("allowed_callers", "async", "defer_loading", "output_schema")


def body_of(request: ModelRequest, dialect: Dialect) -> tuple[bytes, tuple[WarningEvent, ...]]:
    """The body of a request, and what of the request was left out.

    Raises:
        ConfigurationError: The format cannot spell something; it is named.
    """
    given = {name: value for name, value in request.parameters.items() if value is not None}
    conversation = Conversation(dialect, stored=given.get("store") is not False)
    after = given.get("use_previous_response_id") is True and "previous_response_id" not in given
    items = conversation.spell(request.messages, after_last_answer=after)
    body: JSONObject = {"model": request.model, "input": items}
    if conversation.previous_response_id is not None:
        body["previous_response_id"] = conversation.previous_response_id
    body = merged(body, _parameters(given, dialect))
    include = _include(given, object_of(body.get("reasoning")), dialect.provider)
    if include and "include" in dialect.parameters:
        body["include"] = include
    if request.tools:
        body["tools"] = [_tool(tool, dialect) for tool in request.tools]
        if request.parallel_tool_calls is not None:
            body["parallel_tool_calls"] = request.parallel_tool_calls
    # Without tools, "auto" and "none" say nothing.
    if request.tool_choice is not None and (request.tools or request.tool_choice not in ("auto", "none")):
        body["tool_choice"] = _tool_choice(request, dialect)
    if request.output is not None:
        body = merged(body, {"text": {"format": _form(request.output)}})
    if request.stream:
        body["stream"] = True
    body.update(request.extra_body)
    warnings = [*conversation.warnings, *left_out(f"{dialect.provider}'s Responses API", (), request.tools)]
    return to_json(body), tuple(warnings)


def _parameters(given: JSONObject, dialect: Dialect) -> JSONObject:
    how = dialect.thinking
    fields = thinking_fields(how, dialect.provider, given)
    for name, value in given.items():
        if name not in dialect.parameters:
            raise ConfigurationError(
                f"{dialect.provider}'s Responses API does not take the parameter {name!r}: extra_body passes it on, "
                "use_responses_api=False asks another API"
            )
        if name == "background" and value:
            raise ConfigurationError("background responses are not followed; leave background out and stream instead")
        if name not in STEERING and name not in how.names:
            spelled = _flat_form(value) if name == "response_format" else value
            fields = merged(fields, at(dialect.parameters[name], spelled))
    return fields


def _include(given: JSONObject, reasoning: JSONObject, provider: str) -> list[str]:
    """What the answer shall hold besides: what the caller says, and what other parameters need."""
    include = texts_given(provider, "include", given.get("include"))
    if (given.get("logprobs") or given.get("top_logprobs")) and _LOGPROBS not in include:
        include.append(_LOGPROBS)
    reasons = bool(reasoning) and reasoning.get("effort") != "none"
    if given.get("store") is False and reasons and _ENCRYPTED_REASONING not in include:
        include.append(_ENCRYPTED_REASONING)  # nobody else keeps it for the next turn
    return include


def _tool(tool: ToolSpec | NativeTool, dialect: Dialect) -> JSONObject:
    if isinstance(tool, NativeTool):
        return tool.definition
    function: JSONObject = {"type": "function", "name": tool.name}
    if tool.description:
        function["description"] = tool.description
    function["parameters"] = tool.parameters or {"type": "object", "properties": {}}
    if dialect.strict_tools:
        function["strict"] = tool.strict or False
    return {**function, **{field: tool.extras[field] for field in _TOOL_FIELDS if field in tool.extras}}


def _tool_choice(request: ModelRequest, dialect: Dialect) -> str | JSONObject:
    choice = request.tool_choice
    if not isinstance(choice, tuple):
        return dialect.any_tool if choice == "any" else str(choice)
    for tool in request.tools:
        if isinstance(tool, NativeTool):
            definition = tool.definition
            if choice[1] == definition.get("name"):
                return {"type": definition["type"], "name": choice[1]}
            if choice[1] == definition.get("type"):
                label = {"server_label": definition["server_label"]} if "server_label" in definition else {}
                return {"type": choice[1], **label}
    return {"type": "function", "name": choice[1]}


def _form(output: OutputSchema) -> JSONObject:
    if output.schema is None:
        return {"type": "json_object"}
    form: JSONObject = {"type": "json_schema", "name": output.name, "schema": output.schema}
    if output.description:
        form["description"] = output.description
    if output.strict is not None:
        form["strict"] = output.strict
    return form


def _flat_form(value: JSON) -> JSON:
    """The form of an answer as the chat API takes it, in the Responses API's spelling."""
    inner = object_of(object_of(value).get("json_schema"))
    return {"type": "json_schema", **inner} if inner else value


__all__ = ["body_of"]
