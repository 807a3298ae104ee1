"""Growing values: what can be said of an answer in a form while its JSON is still arriving.

Instances have the fields that have arrived, and no others: asking one for another is an AttributeError. What does not
fit yet (half a date, half a word of a ``Literal``) has not arrived.
"""

from __future__ import annotations

import dataclasses
import functools
import operator
import re
import typing
from collections.abc import Callable, Mapping
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

# A number of more digits than this is shown before it is known to be whole.
_LONGEST_NUMBER = 64
# A string, or the beginning of one where the text ends; and a number that may go on.
_STRING = re.compile(r'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
_NUMBER_AT_END = re.compile(r"(?<![-+.\w])-?(?:\d[-+.\deE]*)?(?<=[-+.\deE])\Z")


def partial_object(text: str) -> JSONObject | None:
    """The best reading of the JSON text of an object so far, or None. A number that may go on is not part of it."""
    number = _NUMBER_AT_END.search(text[-_LONGEST_NUMBER:])
    if number is not None and _NUMBER_AT_END.search(_STRING.sub('""', text)) is not None:
        text = text[: -len(number[0])]
    return parse_partial_arguments(text) if text[:80].lstrip().startswith("{") else None


class GrowingText:
    """The value of a JSON text that grows.

    Args:
        hint: Its type; None for plain JSON.
    """

    def __init__(self, hint: TypeHint | None) -> None:
        self._growing = None if hint is None else Growing(hint)
        #: The value that was given last; at first the empty one, which is not worth showing.
        self.shown: Value = {} if self._growing is None else self._growing.read({})

    def read(self, text: str) -> Value:
        """The value of the text so far; MISSING where it shows nothing new."""
        value: Value = partial_object(text)
        if value is None:
            return MISSING
        if self._growing is not None:
            value = self._growing.read(value)
            if value is MISSING or value is self.shown:
                return MISSING
        elif value == self.shown:
            return MISSING
        self.shown = value
        return value


class Growing:
    """A value of a type while its JSON arrives. What has not changed since the last reading is not made again."""

    def __init__(self, hint: TypeHint) -> None:
        self._hint = hint
        self._last: _Grown | None = None

    def read(self, value: JSON) -> Value:
        """What has arrived, or MISSING. The same object as before if nothing is to be seen that was not then."""
        self._last = _grow(value, self._hint, self._last)
        return self._last.made


class _Grown(msgspec.Struct):
    """A part of a growing value: its JSON, what was made of it, and of what parts."""

    json: JSON
    made: Value
    fields: dict[str, _Grown] = {}
    items: list[_Grown] = []


def _grow(value: JSON, hint: TypeHint, last: _Grown | None) -> _Grown:
    if last is not None and last.json == value:
        return last
    bare = read_hint(hint).bare
    origin = origin_of(bare) or bare
    arguments: tuple[TypeHint, ...] = typing.get_args(bare)
    if is_union(bare):
        return _grow_union(value, arguments, last)
    if is_alias(bare):
        return _grow(value, alias_value(bare), last)
    fields = fields_of(bare)
    if is_object(value) and fields is not None and fields.kind != "named_tuple":
        return _grow_fields(value, fields, last)
    if is_object(value) and origin in MAPPINGS and arguments:
        hints = dict.fromkeys(value, arguments[1])
        return _grow_object(value, hints, last, lambda values: values)
    if is_array(value) and origin in SEQUENCES and arguments and (origin is not tuple or arguments[-1] is ...):
        return _grow_array(value, arguments[0], last, CONTAINERS.get(origin, list))
    reading = Reading()
    made = reading.read(value, bare)
    return _Grown(value, MISSING if reading.problems else _same_as(last, made))


def _same_as(last: _Grown | None, made: Value) -> Value:
    """What was made, as the object that stands for it already if there is one."""
    return last.made if last is not None and type(last.made) is type(made) and last.made == made else made


def _grow_union(value: JSON, branches: tuple[TypeHint, ...], last: _Grown | None) -> _Grown:
    grown = (_grow(value, branch, last) for branch in branches)
    return next((one for one in grown if one.made is not MISSING), _Grown(value, MISSING))


def _grow_fields(value: JSONObject, fields: ClassFields, last: _Grown | None) -> _Grown:
    if fields.tag is not None and value.get(fields.tag[0]) != fields.tag[1]:
        return _Grown(value, MISSING)
    names = {field.key: field.name for field in fields.fields}
    hints = {field.name: field.hint.bare for field in fields.fields}
    known = {names[key]: inner for key, inner in value.items() if key in names}
    return _grow_object(known, hints, last, functools.partial(_instance, fields))


def _grow_object(
    value: JSONObject,
    hints: Mapping[str, TypeHint],
    last: _Grown | None,
    make: Callable[[dict[str, Value]], Value],
) -> _Grown:
    before = {} if last is None else last.fields
    parts = {name: _grow(inner, hints[name], before.get(name)) for name, inner in value.items()}
    values = {name: part.made for name, part in parts.items() if part.made is not MISSING}
    if last is not None and last.made is not MISSING:
        shown = {name: part.made for name, part in before.items() if part.made is not MISSING}
        if shown.keys() == values.keys() and all(values[name] is shown[name] for name in shown):
            return _Grown(value, last.made, fields=parts)
    return _Grown(value, make(values), fields=parts)


def _grow_array(value: list[JSON], hint: TypeHint, last: _Grown | None, make: Callable[[list[Value]], Value]) -> _Grown:
    before = [] if last is None else last.items
    whole = 0  # how many items at the beginning are what they were
    if last is not None and is_array(last.json) and last.json[:-1] == value[: len(last.json) - 1]:
        whole = max(len(last.json) - 1, 0)
    parts = before[:whole]
    for at in range(len(parts), len(value)):
        parts.append(_grow(value[at], hint, before[at] if at < len(before) else None))
    items = [part.made for part in parts if part.made is not MISSING]
    shown = [part.made for part in before if part.made is not MISSING]
    if last is not None and len(items) == len(shown) and all(map(operator.is_, items, shown)):
        return _Grown(value, last.made, items=parts)
    try:
        return _Grown(value, make(items), items=parts)
    except TypeError:  # instances that grow are not hashed: a set of them has to wait for its end
        return _Grown(value, MISSING, items=parts)


def _instance(fields: ClassFields, values: dict[str, Value]) -> Value:
    """An instance with these fields and no others."""
    match fields.kind:
        case "model":
            return pydantic_types.construct(fields.cls, values)
        case "struct":
            return _partial_struct(cast("type[msgspec.Struct]", fields.cls), values)
        case "dataclass":
            instance: object = object.__new__(_partial_class(fields.cls))
            vars(instance).update(values)
            return instance
        case _:
            return values


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


__all__ = ["Growing", "GrowingText", "partial_object"]
