"""A request to a chat completions API as JSON: its parameters, tools and the form of the answer."""

from __future__ import annotations

import msgspec

from tidewire.adapters.openai_chat_conversation import Conversation, Dialect
from tidewire.adapters.spec import ModelRequest, NativeTool, OutputSchema, ToolChoice, ToolSpec
from tidewire.events.blocks import JSONObject
from tidewire.events.errors import ConfigurationError
from tidewire.events.types import WarningEvent


def body_of(request: ModelRequest, dialect: Dialect) -> tuple[bytes, tuple[WarningEvent, ...]]:
    """The body of a request, and what of the request was left out.

    Raises:
        ConfigurationError: The format cannot spell something; it is named.
    """
    conversation = Conversation(dialect)
    body: JSONObject = {"model": request.model, "messages": conversation.spell(request.messages)}
    for name, value in request.parameters.items():
        if name not in dialect.parameters:
            raise ConfigurationError(
                f"{dialect.provider} does not take the parameter {name!r}; extra_body passes it on"
            )
        if value is not None:
            body[dialect.parameters[name]] = value
    if request.tools:
        body["tools"] = [_tool(tool, dialect) for tool in request.tools]
        if request.parallel_tool_calls is not None:
            body["parallel_tool_calls"] = request.parallel_tool_calls
    # Without tools, "auto" and "none" say nothing, and OpenAI refuses them.
    if request.tool_choice is not None and (request.tools or request.tool_choice not in ("auto", "none")):
        body["tool_choice"] = _tool_choice(request.tool_choice, dialect)
    if request.output is not None:
        body["response_format"] = _response_format(request.output)
    if request.stream:
        body["stream"] = True
        if request.stream_usage and dialect.stream_options:
            body["stream_options"] = {"include_usage": True}
    body.update(request.extra_body)
    return _json(body), tuple(conversation.warnings)


def _tool(tool: ToolSpec | NativeTool, dialect: Dialect) -> JSONObject:
    if isinstance(tool, NativeTool):
        return tool.definition
    function: JSONObject = {"name": tool.name}
    if tool.description:
        function["description"] = tool.description
    function["parameters"] = tool.parameters or {"type": "object", "properties": {}}
    if tool.strict is not None and dialect.strict_tools:
        function["strict"] = tool.strict
    return {"type": "function", "function": function}


def _tool_choice(choice: ToolChoice, dialect: Dialect) -> str | JSONObject:
    if choice == "any":
        return dialect.any_tool
    if isinstance(choice, tuple):
        return {"type": "function", "function": {"name": choice[1]}}
    return choice


def _response_format(output: OutputSchema) -> JSONObject:
    if output.schema is None:
        return {"type": "json_object"}
    form: JSONObject = {"name": output.name, "schema": output.schema}
    if output.description:
        form["description"] = output.description
    if output.strict is not None:
        form["strict"] = output.strict
    return {"type": "json_schema", "json_schema": form}


def _json(body: JSONObject) -> bytes:
    try:
        return msgspec.json.encode(body)
    except (TypeError, ValueError, RecursionError) as wrong:  # UnicodeEncodeError, of a lone surrogate, is a ValueError
        raise ConfigurationError(f"the request holds something that JSON cannot: {wrong}") from wrong


__all__ = ["body_of"]
