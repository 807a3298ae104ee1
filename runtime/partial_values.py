"""Growing values: what can be said of an answer in a form while its JSON is still arriving.

Instances have the fields that have arrived, and no others: asking one for another is an AttributeError. What does not
fit yet (half a date, half a word of a ``Literal``) has not arrived.
"""

from __future__ import annotations

import dataclasses
import functools
import re
import typing
from collections import abc
from typing import Any, NoReturn, cast

import msgspec

from tidewire import pydantic_types
from tidewire.adapters.schema_check import is_array, is_object
from tidewire.class_fields import ClassFields, fields_of
from tidewire.events.blocks import JSON, JSONObject
from tidewire.events.tool_args import parse_partial_arguments
from tidewire.type_hints import MISSING, TypeHint, Value, alias_value, is_alias, is_union, origin_of, read_hint
from tidewire.type_schema import MAPPINGS, SEQUENCES
from tidewire.typed_values import CONTAINERS, Reading

# A string, or the beginning of one where the text ends; and a number that may go on.
_STRING = re.compile(r'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
_NUMBER_AT_END = re.compile(r"(?<![-+.\w])-?(?:\d[-+.\deE]*)?(?<=[-+.\deE])\Z")


def partial_object(text: str) -> JSONObject | None:
    """The best reading of the JSON text of an object so far, or None. A number that may go on is not part of it."""
    number = _NUMBER_AT_END.search(text)
    if number is not None and _NUMBER_AT_END.search(_STRING.sub('""', text)) is not None:
        text = text[: number.start()]
    return parse_partial_arguments(text) if text.lstrip().startswith("{") else None


def partial_value(value: JSON, hint: TypeHint) -> Value:
    """What has arrived of a value of this type, or MISSING."""
    bare = read_hint(hint).bare
    origin = origin_of(bare) or bare
    arguments: tuple[TypeHint, ...] = typing.get_args(bare)
    if is_union(bare):
        made = (partial_value(value, branch) for branch in arguments)
        return next((one for one in made if one is not MISSING), MISSING)
    if is_alias(bare):
        return partial_value(value, alias_value(bare))
    fields = fields_of(bare)
    if fields is not None:
        return _partial_instance(value, fields) if is_object(value) else MISSING
    if is_object(value) and origin in MAPPINGS and arguments:
        inner = {key: partial_value(item, arguments[1]) for key, item in value.items()}
        return {key: item for key, item in inner.items() if item is not MISSING}
    if is_array(value) and origin in SEQUENCES and arguments and (origin is not tuple or arguments[-1] is ...):
        items = [made for item in value if (made := partial_value(item, arguments[0])) is not MISSING]
        # Instances that grow are not hashed: a set of them has to wait for its end.
        return _contained(items, CONTAINERS.get(origin, list))
    reading = Reading()
    made = reading.read(value, bare)
    return MISSING if reading.problems else made


def same_partial(one: Value, other: Value) -> bool:
    """Whether two growing values show the same; instances need not compare by themselves while fields are absent."""
    return bool(_view(one) == _view(other))


def _contained(items: list[Value], container: abc.Callable[[list[Value]], Value]) -> Value:
    try:
        return container(items)
    except TypeError:
        return MISSING


def _partial_instance(value: JSONObject, fields: ClassFields) -> Value:
    if fields.tag is not None and value.get(fields.tag[0]) != fields.tag[1]:
        return MISSING
    values: dict[str, Value] = {}
    for field in fields.fields:
        if field.key in value:
            made = partial_value(value[field.key], field.hint.bare)
            if made is not MISSING:
                values[field.name] = made
    match fields.kind:
        case "typed_dict":
            return values
        case "model":
            return pydantic_types.construct(fields.cls, values)
        case "struct":
            return _partial_struct(cast("type[msgspec.Struct]", fields.cls), values)
        case "dataclass":
            instance: object = object.__new__(_partial_class(fields.cls))
            vars(instance).update(values)
            return instance
        case "named_tuple":  # a tuple is whole or not there
            reading = Reading()
            made = reading.read(value, fields.cls)
            return MISSING if reading.problems else made


class _Absent:
    """Stands in a class for a field that has not arrived; an instance's own value comes before it."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __get__(self, instance: object, owner: type) -> NoReturn:
        raise AttributeError(f"{self._name!r} has not arrived yet")


def _shown(instance: object) -> str:
    fields = ", ".join(f"{name}={value!r}" for name, value in vars(instance).items())
    return f"{type(instance).__qualname__}({fields})"


def _equals(instance: object, other: object) -> bool:
    return type(instance) is type(other) and vars(instance) == vars(other)


@functools.lru_cache(maxsize=256)
def _partial_class(cls: type[Any]) -> type[Any]:
    """A subclass whose instances have only the fields they are given, and can be shown and compared all the same."""
    names = [field.name for field in dataclasses.fields(cls)]
    namespace: dict[str, Any] = {name: _Absent(name) for name in names}
    namespace |= {"__repr__": _shown, "__eq__": _equals, "__hash__": None, "__qualname__": cls.__qualname__}
    namespace["__module__"] = cls.__module__
    return type(cls.__name__, (cls,), namespace)


def _partial_struct(cls: type[msgspec.Struct], values: dict[str, Value]) -> msgspec.Struct:
    partial = _partial_struct_class(cls)
    instance = partial(**dict.fromkeys(cls.__struct_fields__) | values)
    for name in cls.__struct_fields__:
        if name not in values:
            getattr(cls, name).__delete__(instance)  # past `frozen`
    return instance


@functools.lru_cache(maxsize=256)
def _partial_struct_class(cls: type[msgspec.Struct]) -> type[msgspec.Struct]:
    namespace: dict[str, Any] = {
        "__repr__": _shown_struct,
        "__eq__": _equal_structs,
        "__hash__": None,
        "__post_init__": _skipped,  # it would see fields that are not there
        "__qualname__": cls.__qualname__,
        "__module__": cls.__module__,
    }
    make = cast("Any", type(cls))  # the metaclass, whose arguments are those of any class
    made: type[msgspec.Struct] = make(cls.__name__, (cls,), namespace)
    return made


def _struct_values(instance: object) -> dict[str, object]:
    names = cast("msgspec.Struct", instance).__struct_fields__
    return {name: getattr(instance, name) for name in names if hasattr(instance, name)}


def _shown_struct(instance: object) -> str:
    fields = ", ".join(f"{name}={value!r}" for name, value in _struct_values(instance).items())
    return f"{type(instance).__qualname__}({fields})"


def _equal_structs(instance: object, other: object) -> bool:
    return type(instance) is type(other) and _struct_values(instance) == _struct_values(other)


def _skipped(instance: object) -> None:
    """In place of what a whole instance does after it is made."""


def _view(value: object) -> object:
    if isinstance(value, msgspec.Struct):
        return type(value), {name: _view(inner) for name, inner in _struct_values(value).items()}
    if isinstance(value, dict):
        return {key: _view(inner) for key, inner in cast("dict[object, object]", value).items()}
    if isinstance(value, list | tuple):
        return [_view(inner) for inner in cast("list[object]", value)]
    if fields_of(type(value)) is not None:
        return type(value), {name: _view(inner) for name, inner in vars(value).items()}
    return value


__all__ = ["partial_object", "partial_value", "same_partial"]
