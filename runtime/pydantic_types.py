"""What is to be known of pydantic, whose classes users may bring along; it is no dependency.

A model is recognised by its methods. Pydantic itself is imported only for its other types (``EmailStr``, its
dataclasses, …), which exist only where it is loaded already.
"""

from __future__ import annotations

import json
from collections.abc import Container, Iterator
from typing import Annotated, Any, Protocol, TypeGuard, cast

import msgspec

from tidewire.events.blocks import JSON, JSONObject
from tidewire.events.errors import ConfigurationError
from tidewire.type_hints import MISSING, Note, TypeHint, Value


class ModelField(msgspec.Struct, frozen=True):
    """A field of a model; ``key`` is its name in JSON."""

    name: str
    key: str
    annotation: TypeHint
    required: bool
    description: str


class _Field(Protocol):
    annotation: TypeHint
    alias: str | None
    validation_alias: object
    description: str | None
    metadata: list[Note]

    def is_required(self) -> bool: ...

    def get_default(self, *, call_default_factory: bool) -> object: ...


class Model(Protocol):
    """The part of ``pydantic.BaseModel`` that is used."""

    model_fields: dict[str, _Field]
    model_config: Any

    @classmethod
    def model_json_schema(cls) -> JSONObject:
        """Its schema."""
        ...

    @classmethod
    def model_validate(cls, obj: object) -> Model:
        """An instance of Python values."""
        ...

    @classmethod
    def model_validate_json(cls, json_data: bytes) -> Model:
        """An instance of JSON."""
        ...

    @classmethod
    def model_construct(cls, _fields_set: set[str] | None = None, **values: Any) -> Model:
        """An instance that is not validated."""
        ...

    def model_dump(self, *, mode: str) -> JSON:
        """Its values."""
        ...


def is_model(hint: object) -> TypeGuard[type[Model]]:
    """Whether it is a model's class."""
    return isinstance(hint, type) and hasattr(hint, "model_json_schema") and hasattr(hint, "model_validate_json")


def is_other_type(hint: object) -> bool:
    """Whether it is a type that pydantic knows and nobody else does."""
    return not is_model(hint) and (
        hasattr(hint, "__get_pydantic_core_schema__") or hasattr(hint, "__is_pydantic_dataclass__")
    )


def is_field(default: object) -> TypeGuard[_Field]:
    """Whether a default is what ``Field(…)`` gave."""
    return type(default).__name__ == "FieldInfo" and hasattr(default, "get_default")


def default_of(field: _Field) -> Value:
    """The default that ``Field(…)`` was given, made anew where it is made; MISSING if there is none."""
    return MISSING if field.is_required() else field.get_default(call_default_factory=True)


def model_fields(cls: type) -> Iterator[ModelField]:
    """The fields of a model."""
    for name, field in cast("type[Model]", cls).model_fields.items():
        alias = field.validation_alias if isinstance(field.validation_alias, str) else field.alias
        annotation = Annotated[field.annotation, *field.metadata] if field.metadata else field.annotation
        yield ModelField(name, alias or name, annotation, field.is_required(), field.description or "")


def schema_of(hint: TypeHint) -> JSONObject:
    """The schema of a model or another type of pydantic's, with its ``$defs``.

    Raises:
        ConfigurationError: A part of it has none.
    """
    try:
        return hint.model_json_schema() if is_model(hint) else _adapter(hint).json_schema()
    except RuntimeError as error:  # pydantic's PydanticUserError
        raise ConfigurationError(f"{hint.__name__} has no JSON Schema: {str(error).splitlines()[0]}") from error


def schema_without(cls: type, hidden: Container[str]) -> JSONObject:
    """The schema of a model without some fields, whose types may have none."""
    from pydantic import create_model

    model = cast("type[Model]", cls)
    fields: dict[str, Any] = {
        name: (field.annotation, field) for name, field in model.model_fields.items() if name not in hidden
    }
    create: Any = create_model  # what it makes is a model; its own types say so in their way
    return schema_of(create(cls.__name__, __config__=model.model_config, **fields))


def read(hint: TypeHint, value: object) -> tuple[object, list[tuple[str, str]]]:
    """The instance for a value, and what is wrong with it: where, and a sentence."""
    adapter = _Adapter(hint) if is_model(hint) else _adapter(hint)
    try:
        try:
            text = json.dumps(value).encode()
        except (TypeError, ValueError):  # a value of the program's own
            return adapter.validate_python(value), []
        return adapter.validate_json(text), []
    except ValueError as error:  # pydantic's own kind of it, also for what validators raise
        errors: list[JSONObject] = cast("Any", error).errors()
        return None, [(_path(wrong["loc"]), _sentence(wrong)) for wrong in errors]


def construct(cls: type, values: dict[str, object]) -> object:
    """An instance with these fields and no others, as long as the rest has not arrived."""
    made = cast("type[Model]", cls).model_construct(set(values), **values)
    fields = vars(made)
    for name in fields.keys() - values.keys():
        del fields[name]
    fields.update(values)  # model_construct reads aliases only, where there are any
    return made


def plain(value: object) -> JSON:
    """A model as plain JSON data.

    Raises:
        TypeError: It is none.
    """
    if not is_model(type(value)):
        raise TypeError(f"{type(value).__name__} is no JSON")
    return cast("Model", value).model_dump(mode="json")


class _TypeAdapter(Protocol):
    def json_schema(self) -> JSONObject: ...

    def validate_python(self, value: object, /) -> object: ...

    def validate_json(self, text: bytes, /) -> object: ...


class _Adapter:
    """A model as pydantic's own ``TypeAdapter`` would show it."""

    def __init__(self, model: type[Model]) -> None:
        self.json_schema = model.model_json_schema
        self.validate_python = model.model_validate
        self.validate_json = model.model_validate_json


def _adapter(hint: TypeHint) -> _TypeAdapter:
    from pydantic import TypeAdapter

    adapter: _TypeAdapter = TypeAdapter(hint)
    return adapter


def _path(places: tuple[str | int, ...]) -> str:
    """Where in the value, such as ``cast[0].name``."""
    path = ""
    for place in places:
        path += f"[{place}]" if isinstance(place, int) else f".{place}" if path else place
    return path


def _sentence(wrong: JSONObject) -> str:
    text = str(wrong["msg"])
    return "is missing" if wrong["type"] == "missing" else f"{text[:1].lower()}{text[1:]}"


__all__ = [
    "ModelField",
    "construct",
    "default_of",
    "is_field",
    "is_model",
    "is_other_type",
    "model_fields",
    "plain",
    "read",
    "schema_of",
]
