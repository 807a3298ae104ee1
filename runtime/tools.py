"""Tools as users hand them in, as the provider-neutral :class:`~tidewire.adapters.spec.ToolSpec`."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias, TypeGuard

import msgspec

from tidewire.adapters.spec import NativeTool, ToolChoice, ToolSpec
from tidewire.events.blocks import JSONObject
from tidewire.events.errors import ConfigurationError

#: A tool: a function with annotations and a docstring, or a dict in one of the forms that :func:`tools_of` knows.
ToolLike: TypeAlias = Callable[..., Any] | Mapping[str, Any] | ToolSpec | NativeTool


def tools_of(tools: Iterable[ToolLike], *, strict: bool | None = None) -> tuple[ToolSpec | NativeTool, ...]:
    """The specs of some tools.

    Args:
        tools: Functions; dicts with ``name``, ``description`` and ``parameters`` (or ``input_schema``); OpenAI's
            ``{"type": "function", "function": {…}}``; any other dict with a ``type`` is the provider's own and passed
            on.
        strict: Ask the provider to hold the arguments to the schema.

    Raises:
        ConfigurationError: Something is no tool, or a parameter has no JSON Schema.
    """
    return tuple(_tool_of(tool, strict) for tool in tools)


def tool_choice_of(
    choice: str | bool | Mapping[str, Any] | ToolChoice | None, tools: tuple[ToolSpec | NativeTool, ...]
) -> ToolChoice | None:
    """The tool choice in one vocabulary.

    Raises:
        ConfigurationError: It names a tool that is not bound.
    """
    if choice is None or choice is False:
        return None
    if choice is True or choice in ("any", "required"):
        return "any"
    if choice == "auto":
        return "auto"
    if choice == "none":
        return "none"
    name = _chosen_name(choice)
    names = [tool.name for tool in tools if isinstance(tool, ToolSpec)]
    natives = [tool.definition for tool in tools if isinstance(tool, NativeTool)]
    if name not in names and not any(name in (tool.get("name"), tool.get("type")) for tool in natives):
        bound = ", ".join(map(repr, names)) or "none"
        raise ConfigurationError(f"tool {name!r} is not bound; bound tools: {bound}")
    return ("tool", name)


def _chosen_name(choice: object) -> str:
    match choice:
        case str(name) | ("tool", str(name)):
            return name
        case _:
            pass  # a provider's own form, below
    if _is_object(choice):
        function = choice.get("function")
        named = function.get("name") if _is_object(function) else choice.get("name", choice.get("type"))
        if isinstance(named, str):
            return named
    raise ConfigurationError(f"tool_choice is 'auto', 'any', 'none' or a tool's name, got {choice!r}")


def _is_object(value: object) -> TypeGuard[Mapping[str, Any]]:
    return isinstance(value, Mapping)


def _tool_of(tool: object, strict: bool | None) -> ToolSpec | NativeTool:
    if isinstance(tool, (ToolSpec, NativeTool)):
        return tool
    if _is_object(tool):
        return _from_dict(tool, strict)
    if not callable(tool):
        raise ConfigurationError(f"a tool is a function or a dict, got {type(tool).__name__}")
    return _from_function(tool, strict)


def _from_dict(given: Mapping[str, Any], strict: bool | None) -> ToolSpec | NativeTool:
    inner = given.get("function")
    if given.get("type") == "function" and _is_object(inner):
        return _from_dict(inner, strict)
    schema = given.get("parameters", given.get("input_schema"))
    if "name" not in given or (given.get("type") not in (None, "function") and schema is None):
        if "type" not in given and len(given) != 1:
            raise ConfigurationError(f"a tool's dict needs a name and parameters, got the keys {sorted(given)}")
        return NativeTool(dict(given))
    known = {"name", "description", "parameters", "input_schema", "strict", "type"}
    return ToolSpec(
        name=str(given["name"]),
        description=str(given.get("description") or ""),
        parameters=dict(schema) if _is_object(schema) else {"type": "object", "properties": {}},
        strict=given.get("strict", strict),
        extras={key: value for key, value in given.items() if key not in known},
    )


def _from_function(function: Callable[..., Any], strict: bool | None) -> ToolSpec:
    properties: JSONObject = {}
    required: list[str] = []
    hints = typing.get_type_hints(function, include_extras=True)
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            raise ConfigurationError(f"tool {function.__name__!r} takes *{name}; a model needs parameters with names")
        properties[name] = _schema(hints.get(name, Any), function.__name__, name)
        if parameter.default is parameter.empty:
            required.append(name)
        else:
            properties[name]["default"] = msgspec.to_builtins(parameter.default)
    parameters: JSONObject = {"type": "object", "properties": properties}
    if required:
        parameters["required"] = required
    return ToolSpec(function.__name__, inspect.getdoc(function) or "", parameters, strict)


def _schema(hint: object, tool: str, parameter: str) -> JSONObject:
    described = ""
    if typing.get_origin(hint) is typing.Annotated:
        hint, *notes = typing.get_args(hint)
        described = next((note for note in notes if isinstance(note, str)), "")
    try:
        schema: JSONObject = msgspec.json.schema(hint)
    except TypeError as wrong:
        raise ConfigurationError(f"parameter {parameter!r} of tool {tool!r} has no JSON Schema: {wrong}") from wrong
    if described:
        schema["description"] = described
    return schema


__all__ = ["ToolLike", "tool_choice_of", "tools_of"]
