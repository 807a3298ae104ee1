"""Tools in every form that users bind, as the provider-neutral :class:`~tidewire.adapters.spec.ToolSpec`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias, TypeGuard, cast

from tidewire.adapters.closed_schema import closed_schema
from tidewire.adapters.spec import NativeTool, ToolChoice, ToolSpec
from tidewire.callables import docs_of, name_of
from tidewire.class_fields import fields_of
from tidewire.events.blocks import JSONObject
from tidewire.events.errors import ConfigurationError
from tidewire.events.foreign import left_behind
from tidewire.schema_forms import strict_schema
from tidewire.tool_definition import BaseTool
from tidewire.tool_schema import arguments_of, parameters_of_fields

#: A tool as users bind it: one of :func:`~tidewire.tools.tool`, a function, a class whose fields are the arguments, or
#: a dict in one of the forms that :func:`tools_of` knows.
ToolLike: TypeAlias = BaseTool | Callable[..., Any] | type | Mapping[str, Any] | ToolSpec | NativeTool

# What is not part of a tool's name at any provider.
_NOT_IN_NAMES = re.compile(r"[^a-zA-Z0-9_-]+")


def tools_of(tools: Iterable[ToolLike], *, strict: bool | None = None) -> tuple[ToolSpec | NativeTool, ...]:
    """The specs of some tools.

    Args:
        tools: Tools; functions; classes (pydantic, TypedDict, dataclass, ``msgspec.Struct``); dicts with ``name``,
            ``description`` and ``parameters`` (or ``input_schema``); JSON Schemas with a ``title``; OpenAI's
            ``{"type": "function", "function": {…}}``; any other dict with a ``type`` is the provider's own and passed
            on.
        strict: Ask the provider to hold the arguments to the schema.

    Raises:
        ConfigurationError: Something is no tool, a parameter has no JSON Schema, or two tools have one name.
    """
    specs = tuple(_tool_of(tool, strict) for tool in tools)
    names = [spec.name for spec in specs if isinstance(spec, ToolSpec)]
    for name in names:
        if names.count(name) > 1:
            raise ConfigurationError(f"two tools are called {name!r}; give one of them another name")
    return specs


def add_tools(
    bound: tuple[ToolSpec | NativeTool, ...], more: tuple[ToolSpec | NativeTool, ...]
) -> tuple[ToolSpec | NativeTool, ...]:
    """The tools that are bound after more of them are: one of the same name takes the place of the earlier one."""
    keys = [_key_of(tool) for tool in more]
    return (*(tool for tool in bound if _key_of(tool) not in keys), *more)


def tool_choice_of(
    choice: str | bool | Mapping[str, Any] | ToolChoice | None, tools: tuple[ToolSpec | NativeTool, ...]
) -> ToolChoice | None:
    """The tool choice in one vocabulary.

    Raises:
        ConfigurationError: It names a tool that is not bound.
    """
    if choice is None or choice is False:
        return None
    if isinstance(choice, Mapping) and choice in ({"type": "auto"}, {"type": "any"}, {"type": "none"}):  # Anthropic's
        choice = cast("str", choice["type"])
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


def schema_name(name: str) -> str:
    """A name that providers take for a tool or a schema."""
    return _NOT_IN_NAMES.sub("_", name).strip("_")[:64] or "value"


def _key_of(tool: ToolSpec | NativeTool) -> object:
    if isinstance(tool, ToolSpec):
        return tool.name
    # Several servers of one kind may be bound, such as MCP's; the same one twice is one.
    return repr(sorted(tool.definition.items(), key=repr))


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
    if isinstance(tool, BaseTool):
        return _spec(tool.name, tool.description, tool.tool_call_schema, strict, tool.extras)
    if _is_object(tool):
        return _from_dict(tool, strict)
    # A class is a form for arguments, wherever it was written.
    hint = None if isinstance(tool, type) else left_behind(tool, "tidewire.tools", called="tool (or Tool)")
    if hint is not None:
        raise ConfigurationError(f"the tool is {hint}")
    fields = fields_of(tool)
    if fields is not None:
        return _spec(schema_name(fields.cls.__name__), fields.description, parameters_of_fields(fields), strict)
    if isinstance(tool, type) or not callable(tool):
        named = tool.__name__ if isinstance(tool, type) else type(tool).__name__
        raise ConfigurationError(f"a tool is a function, a class with fields or a dict, got {named}")
    name, docs = name_of(tool), docs_of(tool)
    return _spec(name, docs.text, arguments_of(name, tool, docs).schema, strict)


def _spec(
    name: str, description: str, parameters: JSONObject, strict: bool | None, extras: JSONObject | None = None
) -> ToolSpec:
    if strict:
        parameters = strict_schema(parameters) or closed_schema(parameters)
    return ToolSpec(name, description, parameters, strict, extras or {})


def _from_dict(given: Mapping[str, Any], strict: bool | None) -> ToolSpec | NativeTool:
    inner = given.get("function")
    if given.get("type") == "function" and _is_object(inner):
        return _from_dict(inner, strict)
    schema = given.get("parameters", given.get("input_schema"))
    if "name" not in given and ("properties" in given or given.get("type") == "object"):
        return _from_schema(given, strict)
    if "name" not in given or (given.get("type") not in (None, "function") and schema is None):
        if "type" not in given and len(given) != 1:
            raise ConfigurationError(f"a tool's dict needs a name and parameters, got the keys {sorted(given)}")
        return NativeTool(dict(given))
    known = {"name", "description", "parameters", "input_schema", "strict", "type"}
    return _spec(
        str(given["name"]),
        str(given.get("description") or ""),
        dict(schema) if _is_object(schema) else {"type": "object", "properties": {}},
        given.get("strict", strict),
        {key: value for key, value in given.items() if key not in known},
    )


def _from_schema(given: Mapping[str, Any], strict: bool | None) -> ToolSpec:
    name = given.get("title")
    if not isinstance(name, str):
        raise ConfigurationError("a tool's JSON Schema needs a title: the name that the model calls it by")
    parameters = {key: value for key, value in given.items() if key not in ("title", "description")}
    return _spec(schema_name(name), str(given.get("description") or ""), {"type": "object", **parameters}, strict)


__all__ = ["ToolLike", "add_tools", "schema_name", "tool_choice_of", "tools_of"]
