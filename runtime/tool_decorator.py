"""``@tool``: makes a tool of a function."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, overload

from tidewire.events.blocks import JSON
from tidewire.events.errors import ConfigurationError
from tidewire.tool_definition import ErrorHandling, ResponseFormat, Tool
from tidewire.tool_schema import ArgsSchema

F = TypeVar("F", bound=Callable[..., Any])


@overload
def tool(name_or_callable: F, /) -> Tool[F]: ...


@overload
def tool(
    name_or_callable: str,
    function: F,
    /,
    *,
    description: str | None = None,
    return_direct: bool = False,
    args_schema: ArgsSchema | None = None,
    infer_schema: bool = True,
    response_format: ResponseFormat = "content",
    parse_docstring: bool = False,
    error_on_invalid_docstring: bool = True,
    extras: Mapping[str, JSON] | None = None,
    handle_tool_error: ErrorHandling = False,
    handle_validation_error: ErrorHandling = False,
    validate: bool = True,
    quick: bool = False,
) -> Tool[F]: ...


@overload
def tool(
    name_or_callable: str | None = None,
    /,
    *,
    description: str | None = None,
    return_direct: bool = False,
    args_schema: ArgsSchema | None = None,
    infer_schema: bool = True,
    response_format: ResponseFormat = "content",
    parse_docstring: bool = False,
    error_on_invalid_docstring: bool = True,
    extras: Mapping[str, JSON] | None = None,
    handle_tool_error: ErrorHandling = False,
    handle_validation_error: ErrorHandling = False,
    validate: bool = True,
    quick: bool = False,
) -> Callable[[F], Tool[F]]: ...


def tool(name_or_callable: object = None, function: Callable[..., Any] | None = None, /, **settings: Any) -> object:
    """Make a tool of a function: ``@tool``, ``@tool("name")``, ``@tool(quick=True)``, ``tool("name", function)``.

    The model is told the function's name, its docstring up to the documentation of the arguments (Google's, NumPy's or
    Sphinx's style), and the arguments by their annotations. The keywords are those of :class:`Tool`.

    >>> @tool
    ... def get_weather(city: str, days: int = 1) -> str:
    ...     '''Get the weather.
    ...
    ...     Args:
    ...         city: The city's name.
    ...     '''
    ...     return f"{days} sunny days in {city}"
    >>> get_weather.args
    {'city': {'type': 'string', 'description': "The city's name."}, 'days': {'type': 'integer', 'default': 1}}
    >>> get_weather.invoke({"city": "Lisbon", "days": "2"})
    '2 sunny days in Lisbon'
    """
    if name_or_callable is None or isinstance(name_or_callable, str):
        name = name_or_callable
        return functools.partial(_named, name, settings) if function is None else _named(name, settings, function)
    if not callable(name_or_callable):
        raise ConfigurationError(f"tool() takes a function or a name, not {type(name_or_callable).__name__}")
    return _named(None, settings, name_or_callable)


def _named(name: str | None, settings: dict[str, Any], function: Callable[..., Any]) -> Tool[object]:
    made: Tool[object] = Tool(function, name=name, **settings)
    return made


__all__ = ["tool"]
