"""Type hints: their names looked up, and what is written around a type (``Annotated``, ``Required``, …) taken off it.

A description is a text in ``Annotated[…]``, or what ``Field(description=…)``, ``msgspec.Meta`` and ``Doc`` say. Bounds
are read from any note with the usual attributes (``ge``, ``max_length``, …), so that those of pydantic, msgspec and
``annotated_types`` are read alike.
"""

from __future__ import annotations

import dataclasses
import inspect
import sys
import types
import typing
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Final, TypeAlias, cast

import msgspec

from tidewire.events.blocks import JSONObject
from tidewire.events.errors import ConfigurationError

#: A type as annotations spell it. ``Any``, for Python has no type of its types yet.
TypeHint: TypeAlias = Any
#: A value of a type that is known when the program runs, and not before.
Value: TypeAlias = Any
#: What stands beside a type in ``Annotated[…]``.
Note: TypeAlias = Any


class _Missing:
    def __repr__(self) -> str:
        return "MISSING"


#: Stands for a default that there is none of.
MISSING: Final = _Missing()

_BOUNDS = {
    "ge": "minimum",
    "gt": "exclusiveMinimum",
    "le": "maximum",
    "lt": "exclusiveMaximum",
    "multiple_of": "multipleOf",
    "pattern": "pattern",
}
_LENGTHS = {
    "string": ("minLength", "maxLength"),
    "array": ("minItems", "maxItems"),
    "object": ("minProperties", "maxProperties"),
}


class Hint(msgspec.Struct, frozen=True):
    """A type hint, taken apart.

    Attributes:
        bare: The type itself.
        description: What is said of it.
        bounds: What values it takes, as keywords of JSON Schema.
        lengths: The least and the greatest length, None where there is none.
        default: The default that a note tells, or MISSING.
        required: What ``Required`` or ``NotRequired`` says.
        notes: What else stands in ``Annotated[…]``, all of it.
    """

    bare: TypeHint
    description: str = ""
    bounds: JSONObject = {}
    lengths: tuple[int | None, int | None] = (None, None)
    default: Any = MISSING
    required: bool | None = None
    notes: tuple[Note, ...] = ()

    def limits(self, kind: str) -> JSONObject:
        """The bounds and lengths for values of one of JSON's types."""
        lengths = zip(_LENGTHS.get(kind, ()), self.lengths, strict=False)
        return self.bounds | {keyword: length for keyword, length in lengths if length is not None}


def origin_of(hint: object) -> TypeHint:
    """``list`` of ``list[int]``, None of what has no arguments."""
    return typing.get_origin(hint)


def read_hint(hint: TypeHint, *, with_default: bool = False, keep_variables: bool = False) -> Hint:
    """A type hint, taken apart.

    Args:
        hint: A type, or what stands for one.
        with_default: A note before the description may be the default: ``Annotated[int, 3, "How many."]``.
        keep_variables: Leave a type variable as it is, to be filled in later.
    """
    notes: list[Note] = []
    required: bool | None = None
    while True:
        origin = origin_of(hint)
        if origin is Annotated:
            hint, *inner = typing.get_args(hint)
            notes = [*inner, *notes]
        elif (word := getattr(origin, "_name", None)) in ("Required", "NotRequired", "ReadOnly"):
            required = required if word == "ReadOnly" else word == "Required"
            (hint,) = typing.get_args(hint)
        elif origin is Final:
            (hint,) = typing.get_args(hint)
        elif isinstance(hint, typing.NewType):
            hint = hint.__supertype__
        elif isinstance(hint, typing.TypeVar) and not keep_variables:
            hint = _of_variable(hint)
        elif isinstance(hint, dataclasses.InitVar):
            hint = cast("TypeHint", hint).type
        else:
            break
    default: Any = MISSING
    plain = [note for note in notes if not isinstance(note, type) and (note is ... or _is_json(note))]
    if with_default and len(plain) > 1 and isinstance(plain[1], str) and plain[0] is not ...:
        default = plain.pop(0)
    texts = [note for note in plain if isinstance(note, str)]
    said = [text for note in notes if (text := described_by(note))]
    return Hint(
        hint, (texts or said or [""])[0], *_bounds_of(notes), default=default, required=required, notes=tuple(notes)
    )


def described_by(note: Note) -> str:
    """What a note that is no text says of a type: its ``description``, or the text of a ``Doc``."""
    text = None if isinstance(note, type) else getattr(note, "description", getattr(note, "documentation", None))
    return text if isinstance(text, str) else ""


def is_union(hint: TypeHint) -> bool:
    """Whether a type is a union, spelled one way or the other."""
    return origin_of(hint) in (typing.Union, types.UnionType)


def is_alias(hint: TypeHint) -> bool:
    """Whether it is a name for a type: ``type Name = …`` or ``TypeAliasType``, with arguments or without."""
    return type(origin_of(hint) or hint).__name__ == "TypeAliasType"


def alias_value(hint: TypeHint) -> TypeHint:
    """The type that an alias stands for."""
    alias = origin_of(hint) or hint
    # Texts in it, which are how a name can stand for itself, are looked up where the alias is defined.
    holder = types.SimpleNamespace(__annotations__={"value": alias.__value__})
    names = vars(sys.modules[alias.__module__])
    value = typing.get_type_hints(holder, names, include_extras=True)["value"]
    return substituted(value, variables_of(hint, alias.__type_params__))


def variables_of(hint: TypeHint, parameters: tuple[Any, ...]) -> dict[Any, TypeHint]:
    """The type variables of a generic class or alias, with what stands for each in ``hint``."""
    return dict(zip(parameters, typing.get_args(hint), strict=False))


def substituted(hint: TypeHint, variables: Mapping[Any, TypeHint]) -> TypeHint:
    """A type with its type variables replaced."""
    if not variables:
        return hint
    if isinstance(hint, typing.TypeVar):
        return variables.get(hint, hint)
    own: tuple[Any, ...] = getattr(hint, "__parameters__", ())
    if not own or origin_of(hint) is None:
        return hint
    return hint[tuple(variables.get(parameter, parameter) for parameter in own)]


def resolve_hints(thing: object) -> dict[str, TypeHint]:
    """The type hints of a function or class, with names in place of texts.

    A name that its module does not know is looked up where the caller stands: classes within functions are ordinary.

    Raises:
        ConfigurationError: A name is unknown there too.
    """
    found: dict[str, Any] = {}
    while True:
        try:
            return typing.get_type_hints(thing, localns=found or None, include_extras=True)
        except NameError as unknown:
            name = str(unknown.name)
            value: object = MISSING
            if name not in found:  # a class knows itself, wherever it stands
                value = thing if name == getattr(thing, "__name__", "") else _seen_by_caller(name)
            if value is MISSING:
                raise ConfigurationError(
                    f"an annotation of {getattr(thing, '__name__', thing)!r} names {name!r}, which is not "
                    "known there; define it at the top of the module"
                ) from unknown
            found[name] = value


def _seen_by_caller(name: str) -> object:
    """What a name stands for in the nearest function that called tidewire, or in one that called that."""
    frame: types.FrameType | None = inspect.currentframe()
    while frame is not None:
        is_own = str(frame.f_globals.get("__name__")).partition(".")[0] == "tidewire"
        if name in frame.f_locals and not is_own:
            return frame.f_locals[name]
        frame = frame.f_back
    return MISSING


def _of_variable(variable: typing.TypeVar) -> TypeHint:
    if variable.__constraints__:
        return typing.Union[variable.__constraints__]  # noqa: UP007 - made at run time
    return Any if variable.__bound__ is None else variable.__bound__


def _is_json(note: Note) -> bool:
    return note is None or isinstance(note, bool | int | float | str | list | dict)


def _bounds_of(notes: list[Note]) -> tuple[JSONObject, tuple[int | None, int | None]]:
    bounds: JSONObject = {}
    least = most = None
    for note in notes:
        if isinstance(note, type) or _is_json(note):
            continue
        for part in (note, *_inner_notes(note)):
            for name, keyword in _BOUNDS.items():
                bound = getattr(part, name, None)
                if isinstance(bound, int | float | str):
                    bounds[keyword] = bound
            least = _length(part, "min_length", least)
            most = _length(part, "max_length", most)
    return bounds, (least, most)


def _inner_notes(note: Note) -> list[Note]:
    """The bounds that pydantic's ``Field(…)`` keeps as notes of its own."""
    inner = getattr(note, "metadata", None)
    return [*cast("Iterable[Note]", inner)] if isinstance(inner, list) else []


def _length(note: Note, name: str, known: int | None) -> int | None:
    length = getattr(note, name, None)
    return length if isinstance(length, int) else known


__all__ = [
    "MISSING",
    "Hint",
    "Note",
    "TypeHint",
    "Value",
    "alias_value",
    "described_by",
    "is_alias",
    "is_union",
    "origin_of",
    "read_hint",
    "resolve_hints",
    "substituted",
    "variables_of",
]
