"""Any type as a JSON Schema: what a model is told of a tool's arguments or of the form of its answer."""

from __future__ import annotations

import datetime
import decimal
import enum
import pathlib
import typing
import uuid
from collections import abc, deque
from typing import Any, Literal

import msgspec

from tidewire import pydantic_types
from tidewire.adapters.schema_check import is_object
from tidewire.class_fields import ClassField, ClassFields, fields_of
from tidewire.events.blocks import JSON, JSONObject
from tidewire.events.errors import ConfigurationError
from tidewire.schema_forms import inlined, map_parts
from tidewire.type_hints import (
    MISSING,
    Hint,
    TypeHint,
    alias_value,
    is_alias,
    is_union,
    origin_of,
    read_hint,
)

#: Types without parts, each with its schema. Those with a format are written as text.
SCALARS: dict[object, JSONObject] = {
    Any: {},
    object: {},
    None: {"type": "null"},
    type(None): {"type": "null"},
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"type": "number"},
    str: {"type": "string"},
    bytes: {"type": "string", "contentEncoding": "base64"},
    decimal.Decimal: {"type": "string", "format": "decimal"},
    datetime.datetime: {"type": "string", "format": "date-time"},
    datetime.date: {"type": "string", "format": "date"},
    datetime.time: {"type": "string", "format": "time"},
    datetime.timedelta: {"type": "string", "format": "duration"},
    uuid.UUID: {"type": "string", "format": "uuid"},
    pathlib.Path: {"type": "string", "format": "path"},
    pathlib.PurePath: {"type": "string", "format": "path"},
}
#: Types that are written as an array of items of one kind.
SEQUENCES: tuple[object, ...] = (
    list, tuple, set, frozenset, deque, abc.Sequence, abc.MutableSequence, abc.Iterable, abc.Collection, abc.Set,
    abc.MutableSet,
)  # fmt: skip
#: Types that are written as an object of any keys.
MAPPINGS: tuple[object, ...] = (dict, abc.Mapping, abc.MutableMapping)


def schema_of_type(hint: TypeHint) -> JSONObject:
    """The JSON Schema of a type, nested classes in their place; only a class that contains itself is a ``$ref``.

    Raises:
        ConfigurationError: The type has no JSON Schema; it is named.
    """
    return schema_of_hint(read_hint(hint))


def schema_of_hint(hint: Hint) -> JSONObject:
    """:func:`schema_of_type` for a hint that was taken apart already."""
    writer = _Writer()
    schema = writer.write_hint(hint)
    return inlined({**schema, "$defs": writer.definitions})


def schema_of_fields(fields: ClassFields) -> JSONObject:
    """:func:`schema_of_type` for a class of which only some fields are told."""
    writer = _Writer()
    schema = writer.write_fields(fields)
    return inlined({**schema, "$defs": writer.definitions})


def json_default(value: object) -> JSON:
    """A default as JSON, or MISSING if it cannot be told so."""
    try:
        return msgspec.to_builtins(value, str_keys=True, enc_hook=pydantic_types.plain)
    except (TypeError, ValueError):
        return MISSING


class _Writer:
    """Writes schemas; classes go into ``definitions``, which their references name."""

    def __init__(self) -> None:
        self.definitions: JSONObject = {}
        self._names: dict[object, str] = {}

    def write(self, hint: TypeHint) -> JSONObject:
        return self.write_hint(read_hint(hint))

    def write_hint(self, hint: Hint) -> JSONObject:
        schema = dict(self._write_bare(hint.bare))
        branches = schema.get("anyOf")
        if branches is not None:
            schema["anyOf"] = [{**branch, **hint.limits(branch.get("type", ""))} for branch in branches]
        elif hint.bounds or hint.lengths != (None, None):
            schema |= hint.limits(schema.get("type", ""))
        if hint.description:
            schema["description"] = hint.description
        return schema

    def _write_bare(self, bare: TypeHint) -> JSONObject:
        origin = origin_of(bare) or bare
        arguments: tuple[TypeHint, ...] = typing.get_args(bare)
        if is_union(bare):
            return {"anyOf": [self.write(branch) for branch in arguments]}
        if origin is Literal:
            return schema_of_values([value.value if isinstance(value, enum.Enum) else value for value in arguments])
        if is_alias(bare):
            return self._refer(bare, lambda: self.write(alias_value(bare)))
        if pydantic_types.is_model(origin) or pydantic_types.is_other_type(origin):
            return self._adopt(bare, pydantic_types.schema_of)
        fields = fields_of(bare)
        if fields is not None:
            return self._refer(bare, lambda: self.write_fields(fields))
        try:
            if origin in SCALARS:
                return SCALARS[origin]
        except TypeError:  # something that cannot be hashed, and so is no type
            raise _no_schema(bare) from None
        if origin in MAPPINGS:
            return {"type": "object", **self._open_properties(arguments)}
        if origin is tuple and arguments and arguments[-1] is not ...:
            items = [self.write(argument) for argument in arguments]
            return {"type": "array", "prefixItems": items, "minItems": len(items), "maxItems": len(items)}
        if origin in SEQUENCES:
            unique = {"uniqueItems": True} if origin in (set, frozenset, abc.Set, abc.MutableSet) else {}
            return {"type": "array", **({"items": self.write(arguments[0])} if arguments else {}), **unique}
        if isinstance(bare, type) and issubclass(bare, enum.Enum):
            return schema_of_values([member.value for member in bare])
        if isinstance(bare, type) and issubclass(bare, msgspec.Struct):  # one that is written as an array
            return self._adopt(bare, msgspec.json.schema)
        raise _no_schema(bare)

    def _open_properties(self, arguments: tuple[TypeHint, ...]) -> JSONObject:
        """What an object of any keys says of its values."""
        values = self.write(arguments[1]) if arguments else {}
        return {"additionalProperties": values} if values else {}

    def write_fields(self, fields: ClassFields) -> JSONObject:
        properties: JSONObject = {}
        if fields.tag is not None:
            properties[fields.tag[0]] = schema_of_values([fields.tag[1]])
        required = list(properties)
        for field in fields.fields:
            properties[field.key] = self.write_field(field)
            if field.required:
                required.append(field.key)
        schema: JSONObject = {"type": "object", "properties": properties}
        if required:
            schema["required"] = required
        if fields.closed:
            schema["additionalProperties"] = False
        if fields.description:
            schema["description"] = fields.description
        return schema

    def write_field(self, field: ClassField) -> JSONObject:
        schema = self.write_hint(field.hint)
        if field.description:
            schema["description"] = field.description
        default = json_default(field.default) if field.default is not MISSING else MISSING
        if default is not MISSING:
            schema["default"] = default
        return schema

    def _refer(self, hint: TypeHint, write: abc.Callable[[], JSONObject]) -> JSONObject:
        name = self._names.get(hint)
        if name is None:
            name = self._names[hint] = self._free_name(getattr(origin_of(hint) or hint, "__name__", "value"))
            self.definitions[name] = {}  # taken, for what is written meanwhile
            self.definitions[name] = write()
        return {"$ref": f"#/$defs/{name}"}

    def _adopt(self, hint: TypeHint, write: abc.Callable[[TypeHint], JSONObject]) -> JSONObject:
        """A schema that somebody else writes, its definitions among ours."""
        name = self._names.get(hint)
        if name is None:
            name = self._names[hint] = self._free_name(getattr(hint, "__name__", "value"))
            self.definitions[name] = {}
            schema = inlined(write(hint))
            own = {inner: self._free_name(inner) for inner in schema.get("$defs", {})}
            for inner, part in schema.pop("$defs", {}).items():
                self.definitions[own[inner]] = _renamed(part, own)
            self.definitions[name] = _renamed(schema, own)
        return {"$ref": f"#/$defs/{name}"}

    def _free_name(self, name: str) -> str:
        free, number = name, 1
        while free in self.definitions:
            number += 1
            free = f"{name}{number}"
        return free


def schema_of_values(values: list[JSON]) -> JSONObject:
    """The schema of one of some values."""
    kinds: set[object] = {type(value) for value in values}
    schema: JSONObject = {"enum": values}
    if len(kinds) == 1 and (kind := SCALARS.get(kinds.pop())):
        schema |= kind
    return schema


def _renamed(part: JSON, names: dict[str, str]) -> JSON:
    """A schema whose references go by other names."""
    if not is_object(part):
        return part
    changed = map_parts(part, lambda inner: _renamed(inner, names))
    if isinstance(part.get("$ref"), str):
        changed["$ref"] = f"#/$defs/{names[part['$ref'].rpartition('/')[2]]}"
    return changed


def _no_schema(hint: TypeHint) -> ConfigurationError:
    name = hint.__qualname__ if isinstance(hint, type) else repr(hint)
    return ConfigurationError(
        f"{name} has no JSON Schema; use plain types, a dataclass, a TypedDict, a msgspec.Struct or a pydantic model"
    )


__all__ = [
    "MAPPINGS",
    "SCALARS",
    "SEQUENCES",
    "json_default",
    "schema_of_fields",
    "schema_of_hint",
    "schema_of_type",
    "schema_of_values",
]
