"""A request to a chat completions API as JSON: its parameters, tools and the form of the answer."""

from __future__ import annotations

from tidewire.adapters.json_text import to_json
from tidewire.adapters.left_out import left_out
from tidewire.adapters.openai_chat_conversation import Conversation
from tidewire.adapters.openai_chat_dialect import Dialect
from tidewire.adapters.reasoning import merged, thinking_fields
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
    body = merged(body, _parameters(request.parameters, dialect))
    warnings = [
        *conversation.warnings,
        *left_out(
            dialect.provider, request.messages, request.tools, names=dialect.names, cache_marks=dialect.cache_control
        ),
    ]
    tools, choice = _chosen(request, dialect)
    if tools:
        body["tools"] = [_tool(tool, dialect, warnings) for tool in tools]
        body |= _parallel(request.parallel_tool_calls, dialect)
    # Without tools, "auto" and "none" say nothing, and OpenAI refuses them.
    if choice is not None and (tools or choice not in ("auto", "none")):
        body["tool_choice"] = _tool_choice(choice, dialect)
    if request.output is not None:
        body["response_format"] = _response_format(request.output, dialect)
    if request.stream:
        body["stream"] = True
        if request.stream_usage and dialect.stream_options:
            body["stream_options"] = {"include_usage": True}
    body.update(request.extra_body)
    return to_json(body), tuple(warnings)


def _parameters(given: JSONObject, dialect: Dialect) -> JSONObject:
    how = dialect.thinking
    fields = {} if how is None else thinking_fields(how, dialect.provider, given)
    for name, value in given.items():
        if name not in dialect.parameters:
            raise ConfigurationError(
                f"{dialect.provider} does not take the parameter {name!r}; extra_body passes it on"
            )
        if value is not None and (how is None or name not in how.names):
            fields = merged(fields, {dialect.parameters[name]: value})
    return fields


def _chosen(request: ModelRequest, dialect: Dialect) -> tuple[tuple[ToolSpec | NativeTool, ...], ToolChoice | None]:
    """The tools to send and the choice of them: what a host has no word for may be said by the tools alone."""
    tools, choice = request.tools, request.tool_choice
    word = choice[0] if isinstance(choice, tuple) else choice
    knows = dialect.tool_choices
    if word is None or word in knows:
        return tools, choice
    match choice:
        case "auto":
            return tools, None
        case "none":
            return (), None
        case "any" if len(tools) == 1 and isinstance(tools[0], ToolSpec) and "tool" in knows:
            return tools, ("tool", tools[0].name)
        case (_, name) if "any" in knows:
            return tuple(tool for tool in tools if isinstance(tool, ToolSpec) and tool.name == name), "any"
        case _:
            raise ConfigurationError(
                f"{dialect.provider} cannot be told that a tool must be called: tool_choice={_public(choice)!r}"
            )


def _public(choice: ToolChoice | None) -> str | None:
    return choice[1] if isinstance(choice, tuple) else choice


def _parallel(parallel: bool | None, dialect: Dialect) -> JSONObject:
    if parallel is None:
        return {}
    if "parallel_tool_calls" in dialect.parameters:
        return {"parallel_tool_calls": parallel}
    if parallel:
        return {}  # a host that cannot be told to leave it does it
    raise ConfigurationError(f"{dialect.provider} cannot be told to call one tool at a time: parallel_tool_calls=False")


def _tool(tool: ToolSpec | NativeTool, dialect: Dialect, warnings: list[WarningEvent]) -> JSONObject:
    if isinstance(tool, NativeTool):
        return tool.definition
    function: JSONObject = {"name": tool.name}
    if tool.description:
        function["description"] = tool.description
    function["parameters"] = tool.parameters or {"type": "object", "properties": {}}
    if tool.strict is not None and dialect.strict_tools:
        function["strict"] = tool.strict
    elif tool.strict:
        text = f"strict was left out of tool {tool.name!r}: {dialect.provider} does not know it"
        warnings.append(WarningEvent(code="strict_left_out", text=text))
    return {"type": "function", "function": function}


def _tool_choice(choice: ToolChoice, dialect: Dialect) -> str | JSONObject:
    if choice == "any":
        return dialect.any_tool
    if isinstance(choice, tuple):
        return {"type": "function", "function": {"name": choice[1]}}
    return choice


def _response_format(output: OutputSchema, dialect: Dialect) -> JSONObject:
    if not (dialect.json_objects if output.schema is None else dialect.json_schemas):
        method, other = ("json_mode", "json_schema") if output.schema is None else ("json_schema", "json_mode")
        raise ConfigurationError(
            f"{dialect.provider} has no {method}; use method={other!r} or method='function_calling'"
        )
    if output.schema is None:
        return {"type": "json_object"}
    form: JSONObject = {"name": output.name, "schema": output.schema}
    if output.description:
        form["description"] = output.description
    if output.strict is not None:
        form["strict"] = output.strict
    return {"type": "json_schema", "json_schema": form}


__all__ = ["body_of"]
