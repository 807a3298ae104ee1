"""The fields of a class that stands for a JSON object, whatever kind of class it is.

TypedDict, dataclass, ``msgspec.Struct``, NamedTuple and pydantic's models, the generic ones with their arguments.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterator, Mapping
from typing import Any, Literal, TypeAlias, TypeVar, cast

import msgspec

from tidewire.docstrings import Docs, read_docs
from tidewire.events.blocks import JSON
from tidewire.pydantic_types import is_model, model_fields
from tidewire.type_hints import (
    MISSING,
    Hint,
    TypeHint,
    origin_of,
    read_hint,
    resolve_hints,
    substituted,
    variables_of,
)

#: What kind of class it is.
ClassKind: TypeAlias = Literal["dataclass", "model", "named_tuple", "struct", "typed_dict"]


class ClassField(msgspec.Struct, frozen=True):
    """A field: its name in Python and in JSON, its type, whether it must be there, and else its default.

    ``default`` is MISSING where there is none that can be told in advance.
    """

    name: str
    key: str
    hint: Hint
    required: bool
    default: Any = MISSING
    description: str = ""


class ClassFields(msgspec.Struct, frozen=True):
    """A class that stands for a JSON object.

    Attributes:
        cls: The class.
        kind: What kind of class.
        fields: Its fields.
        description: What it stands for.
        tag: The field and value by which a Struct is told from others, or None.
        closed: Whether it refuses other properties.
    """

    cls: type
    kind: ClassKind
    fields: tuple[ClassField, ...]
    description: str = ""
    tag: tuple[str, JSON] | None = None
    closed: bool = False


def fields_of(hint: TypeHint) -> ClassFields | None:
    """The fields of a class, or None if the type is no such class.

    Raises:
        ConfigurationError: An annotation names something that is not known.
    """
    cls: object = origin_of(hint) or hint
    kind = _kind_of(cls) if isinstance(cls, type) else None
    if kind is None:
        return None
    try:
        return _fields_of(hint, cast("type", cls), kind)
    except TypeError:  # an argument that cannot be hashed
        return _fields_of.__wrapped__(hint, cast("type", cls), kind)


@functools.lru_cache(maxsize=1024)
def _fields_of(hint: TypeHint, cls: type, kind: ClassKind) -> ClassFields:
    found = _open_fields_of(cls, kind)
    if kind == "model":  # pydantic makes a class of its own for each set of arguments
        return found
    parameters: tuple[TypeVar, ...] = getattr(cls, "__parameters__", ())
    variables = {**_inherited(cls), **variables_of(hint, parameters)}
    filled = (
        msgspec.structs.replace(
            field, hint=msgspec.structs.replace(field.hint, bare=_filled(field.hint.bare, variables))
        )
        for field in found.fields
    )
    return msgspec.structs.replace(found, fields=tuple(filled))


def _inherited(cls: type) -> dict[TypeVar, TypeHint]:
    """What stands for the type variables of the classes that a class is derived from."""
    variables: dict[TypeVar, TypeHint] = {}
    for base in getattr(cls, "__orig_bases__", ()):
        origin = origin_of(base)
        if origin is not None:
            parameters: tuple[TypeVar, ...] = getattr(origin, "__parameters__", ())
            variables |= _inherited(origin)
            variables |= variables_of(base, parameters)
    return variables


def _filled(hint: TypeHint, variables: Mapping[TypeVar, TypeHint]) -> TypeHint:
    # What stands for a variable may be a variable of the class that is derived.
    filled = substituted(hint, variables)
    while filled != hint:
        hint, filled = filled, substituted(filled, variables)
    return read_hint(hint).bare


def _is_a(cls: type[Any], base: type[Any]) -> bool:
    return issubclass(cls, base)


def _kind_of(cls: type[Any]) -> ClassKind | None:
    if issubclass(cls, msgspec.Struct):
        # One that is written as an array stands for no object; msgspec knows how to read it.
        return None if cls.__struct_config__.array_like else "struct"
    if _is_a(cls, dict) and hasattr(cls, "__required_keys__"):
        return "typed_dict"
    if _is_a(cls, tuple) and hasattr(cls, "_field_defaults"):
        return "named_tuple"
    if is_model(cls):
        return "model"
    if dataclasses.is_dataclass(cls) and not hasattr(cls, "__is_pydantic_dataclass__"):
        return "dataclass"
    return None


def _open_fields_of(cls: type, kind: ClassKind) -> ClassFields:
    """The fields of a class, type variables as they are."""
    docs = read_docs(_own_doc(cls))
    match kind:
        case "struct":
            struct = cast("type[msgspec.Struct]", cls)
            config = struct.__struct_config__
            tag = None if config.tag is None else (config.tag_field or "type", config.tag)
            fields = _described(_struct_fields(struct), docs)
            return ClassFields(cls, kind, fields, docs.text, tag=tag, closed=config.forbid_unknown_fields)
        case "typed_dict":
            return ClassFields(cls, kind, _described(_typed_dict_fields(cls), docs), docs.text)
        case "named_tuple":
            return ClassFields(cls, kind, _described(_named_tuple_fields(cls), docs), docs.text)
        case "model":
            return ClassFields(cls, kind, tuple(_model_fields(cls)), docs.text)
        case "dataclass":
            return ClassFields(cls, kind, _described(_dataclass_fields(cls), docs), docs.text)


def _own_doc(cls: type) -> str | None:
    """The docstring that somebody wrote, not the one that dataclasses and named tuples are given."""
    doc: str | None = cls.__dict__.get("__doc__")
    return None if doc is None or doc.startswith(f"{cls.__name__}(") else doc


def _described(fields: Iterator[ClassField], docs: Docs) -> tuple[ClassField, ...]:
    """The fields with what their own notes say of them, or else the class's docstring."""
    return tuple(
        field if field.description else msgspec.structs.replace(field, description=docs.arguments.get(field.name, ""))
        for field in fields
    )


def _typed_dict_fields(cls: type) -> Iterator[ClassField]:
    required: frozenset[str] = getattr(cls, "__required_keys__", frozenset())
    for name, annotation in resolve_hints(cls).items():
        hint = read_hint(annotation, with_default=True, keep_variables=True)
        # The class itself does not see Required and NotRequired where annotations are kept as texts.
        needed = name in required if hint.required is None else hint.required
        yield ClassField(
            name, name, hint, needed and hint.default is MISSING, default=hint.default, description=hint.description
        )


def _dataclass_fields(cls: type) -> Iterator[ClassField]:
    hints = resolve_hints(cls)
    for field in dataclasses.fields(cls):
        if not field.init:
            continue
        hint = read_hint(hints[field.name], keep_variables=True)
        required = field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        default = MISSING if field.default is dataclasses.MISSING else field.default
        description = hint.description or str(field.metadata.get("description", ""))
        yield ClassField(field.name, field.name, hint, required, default=default, description=description)


def _struct_fields(cls: type[msgspec.Struct]) -> Iterator[ClassField]:
    hints = resolve_hints(cls)
    # Not by msgspec.structs.fields(), which looks annotations up for itself and knows no class within a function.
    defaults = cls.__struct_defaults__
    required = len(cls.__struct_fields__) - len(defaults)
    for at, (name, key) in enumerate(zip(cls.__struct_fields__, cls.__struct_encode_fields__, strict=True)):
        hint = read_hint(hints[name], keep_variables=True)
        default: Any = msgspec.NODEFAULT if at < required else defaults[at - required]
        # Between fields by place and those by name there are some without a default too; a factory is no default yet.
        told = default is not msgspec.NODEFAULT and type(default).__name__ != "Factory"
        yield ClassField(
            name,
            key,
            hint,
            default is msgspec.NODEFAULT,
            default=default if told else MISSING,
            description=hint.description,
        )


def _named_tuple_fields(cls: type) -> Iterator[ClassField]:
    named = cast("Any", cls)  # for _fields, which every NamedTuple has
    hints = resolve_hints(cls)
    names: tuple[str, ...] = named._fields
    defaults: dict[str, object] = named._field_defaults
    for name in names:
        hint = read_hint(hints.get(name, Any), keep_variables=True)
        default = defaults.get(name, MISSING)
        yield ClassField(name, name, hint, name not in defaults, default=default, description=hint.description)


def _model_fields(cls: type) -> Iterator[ClassField]:
    for field in model_fields(cls):
        hint = read_hint(field.annotation)
        yield ClassField(field.name, field.key, hint, field.required, description=field.description or hint.description)


__all__ = ["ClassField", "ClassFields", "ClassKind", "fields_of"]
