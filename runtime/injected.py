"""Parameters of a tool that the program fills: the model never sees them.

``Annotated[str, InjectedToolArg]``      what the caller passes in ``inject=`` (or among the arguments)
``Annotated[str, InjectedToolCallId]``   the id of the tool call
``config: RunnableConfig``               the config, for calls within the tool
``runtime: ToolRuntime``                 all of that, and the run
"""

from __future__ import annotations

import typing
from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

import msgspec

from tidewire.config import RunnableConfig
from tidewire.events.blocks import JSON
from tidewire.events.errors import ConfigurationError
from tidewire.runs import OpenRun
from tidewire.type_hints import MISSING, Hint, Value, is_union, origin_of


class InjectedToolArg:
    """Marks a parameter that the program fills: ``user_id: Annotated[str, InjectedToolArg]``. Also as an instance."""


class InjectedToolCallId(InjectedToolArg):
    """Marks the parameter that gets the id of the tool call: ``call_id: Annotated[str, InjectedToolCallId]``."""


class ToolRuntime(msgspec.Struct, frozen=True):
    """What a tool may want to know of its own invocation; a parameter of this type gets it.

    Attributes:
        run: The tool's run; ``run.dispatch(name, data)`` publishes an event of its own.
        config: The config to hand to calls within the tool.
        tool_call_id: The id of the tool call, or None where the tool was invoked without one.
    """

    run: OpenRun
    config: RunnableConfig
    tool_call_id: str | None = None


#: What a parameter is filled with.
InjectedKind: TypeAlias = Literal["value", "tool_call_id", "config", "runtime"]


def injected_kind(hint: Hint) -> InjectedKind | None:
    """What the program fills a parameter of this type with, or None if it is the model's."""
    for note in hint.notes:
        kind = note if isinstance(note, type) else type(note)
        if issubclass(kind, InjectedToolCallId):
            return "tool_call_id"
        if issubclass(kind, InjectedToolArg):
            return "value"
    branches = typing.get_args(hint.bare) if is_union(hint.bare) else (hint.bare,)
    if RunnableConfig in branches:
        return "config"
    return "runtime" if any((origin_of(branch) or branch) is ToolRuntime for branch in branches) else None


class Injection(msgspec.Struct, frozen=True):
    """What there is to fill parameters with in one invocation."""

    runtime: ToolRuntime
    values: Mapping[str, Any] = {}

    def value_for(self, kind: InjectedKind, name: str, given: Mapping[str, JSON]) -> Value:
        """The value of a parameter, or MISSING if it is to keep its default.

        Args:
            kind: What it is filled with.
            name: The parameter.
            given: The arguments of the invocation, which may hold a value.
        """
        match kind:
            case "value":
                return self.values[name] if name in self.values else given.get(name, MISSING)
            case "tool_call_id":
                return given.get(name, MISSING) if self.runtime.tool_call_id is None else self.runtime.tool_call_id
            case "config":
                return self.runtime.config
            case "runtime":
                return self.runtime


def missing_injection(tool: str, name: str, kind: InjectedKind) -> ConfigurationError:
    """The error for a parameter that has neither a value nor a default."""
    if kind == "tool_call_id":
        return ConfigurationError(f"tool {tool!r} takes the id of its call as {name!r}; invoke it with a tool call")
    return ConfigurationError(f"tool {tool!r} takes {name!r} from the program; pass inject={{{name!r}: …}}")


__all__ = [
    "InjectedKind",
    "InjectedToolArg",
    "InjectedToolCallId",
    "Injection",
    "ToolRuntime",
    "injected_kind",
    "missing_injection",
]
