"""JSON values as values of a type: checked, and turned into what the type says (an enum's member, a date, an instance).

Every problem is told, as a sentence for a model to read. A number or a boolean that is written as text is read as what
it says, and null where a value may only be left out is read as left out: models write both.
"""

from __future__ import annotations

import enum
import math
import pathlib
import typing
from collections import abc, deque
from collections.abc import Callable, Iterable
from typing import Any, Literal, cast

import msgspec

from tidewire import pydantic_types
from tidewire.adapters.schema_check import is_array, is_object, problems, same
from tidewire.class_fields import ClassField, ClassFields, fields_of
from tidewire.events.blocks import JSON, JSONObject
from tidewire.events.errors import ConfigurationError
from tidewire.schema_forms import without_nulls
from tidewire.type_hints import MISSING, Hint, TypeHint, Value, alias_value, is_alias, is_union, origin_of, read_hint
from tidewire.type_schema import MAPPINGS, SCALARS, SEQUENCES

#: What makes other containers than a list of their items.
CONTAINERS: dict[object, Callable[[list[object]], object]] = {
    tuple: tuple,
    set: set,
    abc.Set: frozenset,
    abc.MutableSet: set,
    frozenset: frozenset,
    deque: deque,
}
_KINDS: dict[object, str] = {int: "an integer", float: "a number", str: "a text", bool: "true or false"}
_JSON_KINDS = ((bool, "boolean"), (str, "string"), (list, "array"), (dict, "object"))
_PARSED = {"true": True, "false": False}


class Reading:
    """Reads values and keeps what is wrong with them in ``problems``, one sentence each, with the place before it.

    Args:
        exact: Take no text for a number or a boolean.
    """

    def __init__(self, *, exact: bool = False) -> None:
        self.problems: list[str] = []
        self._exact = exact

    def read(self, value: JSON, hint: TypeHint, path: str = "") -> Value:
        """The value of this type, or MISSING if it is none."""
        return self.read_hint(value, read_hint(hint), path)

    def read_hint(self, value: JSON, hint: Hint, path: str) -> Value:
        """:meth:`read` for a hint that was taken apart already."""
        before = len(self.problems)
        made = self._read_bare(value, hint.bare, path)
        if len(self.problems) == before and (hint.bounds or hint.lengths != (None, None)):
            checked = made if isinstance(made, int | float) else value
            kind = next((kind for type_, kind in _JSON_KINDS if isinstance(checked, type_)), "number")
            for problem in problems(checked, hint.limits(kind)):
                self._add(path, problem.removeprefix("$: "))
        return made if len(self.problems) == before else MISSING

    def read_fields(self, given: JSONObject, fields: Iterable[ClassField], path: str) -> dict[str, Value]:
        """The values of some fields, by their names in Python; what may be left out and is left out is absent."""
        values: dict[str, Any] = {}
        for field in fields:
            where = f"{path}.{field.key}" if path else field.key
            value = given.get(field.key, MISSING)
            if value is MISSING:
                if field.required:
                    self._add(where, "is missing")
            elif value is not None or field.required or takes_none(field.hint.bare):
                values[field.name] = self.read_hint(value, field.hint, where)
        return values

    def _add(self, path: str, problem: str) -> Value:
        self.problems.append(f"{path}: {problem}" if path else problem)
        return MISSING

    def _read_bare(self, value: JSON, bare: TypeHint, path: str) -> Value:
        origin = origin_of(bare) or bare
        arguments: tuple[TypeHint, ...] = typing.get_args(bare)
        if bare is Any or bare is object:
            return value
        if is_union(bare):
            return self._read_union(value, arguments, path)
        if origin is Literal:
            return self._read_choice(value, [(_plain(choice), choice) for choice in arguments], path)
        if is_alias(bare):
            return self.read(value, alias_value(bare), path)
        if pydantic_types.is_model(origin) or pydantic_types.is_other_type(origin):
            return self._read_pydantic(value, bare, path)
        fields = fields_of(bare)
        if fields is not None:
            return self._read_object(value, fields, path)
        if origin in MAPPINGS:
            return self._read_mapping(value, arguments, path)
        if origin in SEQUENCES:
            return self._read_sequence(value, origin, arguments, path)
        if isinstance(bare, type) and issubclass(bare, enum.Enum):
            return self._read_choice(value, [(member.value, member) for member in bare], path)
        return self._read_scalar(value, bare, path)

    def _read_scalar(self, value: JSON, bare: TypeHint, path: str) -> Value:
        if bare is None or bare is type(None):
            return None if value is None else self._add(path, f"{_short(value)} is not null")
        if bare in _KINDS:
            made = _as_kind(value, bare, exact=self._exact)
            return self._add(path, f"{_short(value)} is not {_KINDS[bare]}") if made is MISSING else made
        if bare in (pathlib.Path, pathlib.PurePath):
            return bare(value) if isinstance(value, str) else self._add(path, f"{_short(value)} is not a text")
        if isinstance(value, bare):  # the program's own value, not a model's
            return value
        try:
            return msgspec.convert(value, bare, strict=self._exact)
        except msgspec.ValidationError:
            said = SCALARS[bare].get("format", "text in base64") if bare in SCALARS else bare.__name__
            return self._add(path, f"{_short(value)} is not a {said}")

    def _read_choice(self, value: JSON, choices: list[tuple[JSON, object]], path: str) -> Value:
        for plain, choice in choices:
            if same(value, plain) or value is choice:
                return choice
        if not self._exact and isinstance(value, str):
            for plain, choice in choices:
                if isinstance(plain, int) and same(_as_kind(value, type(plain), exact=False), plain):
                    return choice
        return self._add(path, f"{_short(value)} is not one of {', '.join(_short(plain) for plain, _ in choices)}")

    def _read_union(self, value: JSON, branches: tuple[TypeHint, ...], path: str) -> Value:
        """What the first branch makes of it that takes it as it is, or else the first that takes it at all."""
        tried: list[list[str]] = []
        for exact in (True,) if self._exact else (True, False):
            tried.clear()
            for branch in branches:
                reading = Reading(exact=exact)
                made = reading.read(value, branch, path)
                if not reading.problems:
                    return made
                if branch is not type(None):
                    tried.append(reading.problems)
        if len(tried) == 1:
            self.problems += tried[0]
            return MISSING
        # The branch that came closest says most: one that knows the value's parts, not only that it is of another kind.
        deep = [found for found in tried if not any(problem.startswith(f"{path}: ") for problem in found)]
        if is_object(value) and deep and path:
            nearest = min(deep, key=len)
            self.problems += nearest
            return MISSING
        told = "; ".join(found[0] for found in tried)
        return self._add(path, f"{_short(value)} fits no type of the union: {told}")

    def _read_pydantic(self, value: JSON, bare: TypeHint, path: str) -> Value:
        if isinstance(bare, type) and isinstance(value, bare):
            return value
        made, wrong = pydantic_types.read(bare, value)
        if wrong and is_object(value):
            trimmed = _trimmed(value, bare)
            if trimmed != value:
                made, wrong = pydantic_types.read(bare, trimmed)
        for where, problem in wrong:
            self._add(".".join(part for part in (path, where) if part), problem)
        return MISSING if wrong else made

    def _read_object(self, value: JSON, fields: ClassFields, path: str) -> Value:
        if fields.kind != "typed_dict" and isinstance(value, fields.cls):
            return value
        if not is_object(value):
            return self._add(path, f"{_short(value)} is not an object")
        before = len(self.problems)
        if fields.tag is not None and value.get(fields.tag[0]) != fields.tag[1]:
            self._add(path, f"{fields.tag[0]!r} is not {fields.tag[1]!r}")
        values = self.read_fields(value, fields.fields, path)
        if fields.closed:
            known = [field.key for field in fields.fields] + ([fields.tag[0]] if fields.tag else [])
            for name in value:
                if name not in known:
                    self._add(f"{path}.{name}" if path else name, "is not known")
        if len(self.problems) > before:
            return MISSING
        if fields.kind == "typed_dict":
            return values
        try:
            return fields.cls(**values)
        except (TypeError, ValueError) as error:  # what the class itself finds wrong
            return self._add(path, str(error))

    def _read_mapping(self, value: JSON, arguments: tuple[TypeHint, ...], path: str) -> Value:
        if not is_object(value):
            return self._add(path, f"{_short(value)} is not an object")
        keys, values = arguments or (Any, Any)
        return {
            self.read(key, keys, path): self.read(inner, values, f"{path}.{key}" if path else key)
            for key, inner in value.items()
        }

    def _read_sequence(self, value: JSON, origin: object, arguments: tuple[TypeHint, ...], path: str) -> Value:
        if isinstance(value, tuple | set | frozenset):  # the program's own value
            value = [*cast("Iterable[object]", value)]
        if not is_array(value):
            return self._add(path, f"{_short(value)} is not a list")
        hints: Iterable[TypeHint]
        if origin is tuple and arguments and arguments[-1] is not ...:
            if len(value) != len(arguments):
                return self._add(path, f"has {len(value)} items, not {len(arguments)}")
            hints = arguments
        else:
            hints = [arguments[0] if arguments else Any] * len(value)
        before = len(self.problems)
        items = [
            self.read(item, hint, f"{path}[{at}]") for at, (item, hint) in enumerate(zip(value, hints, strict=True))
        ]
        if len(self.problems) > before:
            return MISSING
        try:
            return CONTAINERS.get(origin, list)(items)
        except TypeError:
            return self._add(path, "holds items that no set can hold")


def _trimmed(value: JSONObject, model: TypeHint) -> JSON:
    """The value without nulls that stand for nothing, as far as the model has a schema that says so."""
    try:
        return without_nulls(value, pydantic_types.schema_of(model))
    except ConfigurationError:
        return value


def takes_none(bare: TypeHint) -> bool:
    """Whether None is a value of a type."""
    if bare is None or bare is type(None) or bare is Any or bare is object:
        return True
    if is_alias(bare):
        return takes_none(read_hint(alias_value(bare)).bare)
    if is_union(bare):
        return any(takes_none(read_hint(branch).bare) for branch in typing.get_args(bare))
    return origin_of(bare) is Literal and None in typing.get_args(bare)


def _as_kind(value: JSON, kind: TypeHint, *, exact: bool) -> Value:
    """The value as an int, float, bool or str, or MISSING."""
    if kind is bool or kind is str:
        if isinstance(value, kind):
            return value
        return _PARSED.get(value.lower(), MISSING) if kind is bool and isinstance(value, str) and not exact else MISSING
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return MISSING
    if isinstance(value, str):
        if exact:
            return MISSING
        try:
            value = float(value) if kind is float else int(value)
        except ValueError:
            return MISSING
        if not math.isfinite(value):
            return MISSING
    if kind is float:
        return float(value)
    return int(value) if value == value // 1 else MISSING


def _plain(choice: object) -> JSON:
    return choice.value if isinstance(choice, enum.Enum) else choice


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:79]}…"


__all__ = ["CONTAINERS", "Reading", "takes_none"]
