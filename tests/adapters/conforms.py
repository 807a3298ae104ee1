"""Whether a JSON value is one of an official client's parameter types: TypedDicts, unions, literals and containers."""

from __future__ import annotations

import typing
from collections.abc import Iterable
from types import UnionType
from typing import Any, cast

import typing_extensions


def problem_with(value: object, kind: Any) -> str | None:  # noqa: ANN401 - a type expression has no type of its own
    """Where and how ``value`` is not a ``kind``; None if it is one."""
    return _check(value, kind, "$")


def _check(value: object, kind: Any, where: str) -> str | None:  # noqa: ANN401 - any of its forms
    if kind is Any or kind is object:
        return None
    origin: Any = typing.get_origin(kind)
    arguments = typing.get_args(kind)
    if origin in (typing.Annotated, typing_extensions.Required, typing_extensions.NotRequired):
        return _check(value, arguments[0], where)
    if origin in (typing.Union, UnionType):
        problems = [_check(value, member, where) for member in arguments]
        return None if None in problems else max((problem for problem in problems if problem), key=_depth)
    if origin in (typing.Literal, typing_extensions.Literal):
        return None if value in arguments else f"{where}: {value!r} is none of {arguments}"
    if typing_extensions.is_typeddict(kind):
        return _check_object(value, kind, where)
    if origin is dict or kind is dict:
        held = arguments[1] if arguments else Any
        items = cast("dict[str, object]", value) if isinstance(value, dict) else None
        if items is None:
            return f"{where}: {value!r} is no object"
        return _first(_check(item, held, f"{where}.{key}") for key, item in items.items())
    if isinstance(origin, type) and issubclass(origin, Iterable):
        if not isinstance(value, list):
            return f"{where}: {value!r} is no array"
        listed = cast("list[object]", value)
        return _first(_check(item, arguments[0], f"{where}[{place}]") for place, item in enumerate(listed))
    plain = cast("Any", type(None) if kind is None else (int, float) if kind is float else origin or kind)
    return None if isinstance(value, plain) else f"{where}: {value!r} is no {kind}"


def _check_object(value: object, kind: Any, where: str) -> str | None:  # noqa: ANN401 - any of its forms
    if not isinstance(value, dict):
        return f"{where}: {value!r} is no object"
    given = cast("dict[str, object]", value)
    # `__required_keys__` does not see through annotations that are strings.
    fields = typing_extensions.get_type_hints(kind, include_extras=True)
    unknown = given.keys() - fields.keys()
    if unknown:
        return f"{where}: {kind.__name__} has no {sorted(unknown)}"
    required = {key for key, field in fields.items() if _origin(field) is typing_extensions.Required}
    missing = required - given.keys()
    if missing:
        return f"{where}: {kind.__name__} needs {sorted(missing)}"
    return _first(_check(item, fields[key], f"{where}.{key}") for key, item in given.items())


def _origin(kind: Any) -> Any:  # noqa: ANN401 - any of its forms
    return typing.get_origin(kind)


def _first(problems: Iterable[str | None]) -> str | None:
    return next((problem for problem in problems if problem), None)


def _depth(problem: str) -> int:
    """How far into the value a problem lies: of a union's members, the one that got furthest was meant."""
    return len(problem.partition(":")[0])
