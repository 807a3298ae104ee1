"""What arguments a tool takes: told to the model as a JSON Schema, and read from its calls.

They come from the function's signature, from a class (pydantic's models, TypedDict, dataclass, ``msgspec.Struct``), or
from a JSON Schema. What the program fills is not told, and what is not told is not taken.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Container, Iterable, Mapping
from difflib import get_close_matches
from typing import Annotated, Any, TypeAlias

import msgspec

from tidewire import pydantic_types
from tidewire.adapters.schema_check import problems
from tidewire.callables import annotated_part
from tidewire.class_fields import ClassField, ClassFields, fields_of
from tidewire.docstrings import Docs
from tidewire.events.blocks import JSON, JSONObject
from tidewire.events.errors import ConfigurationError, ToolError
from tidewire.injected import InjectedKind, Injection, injected_kind, missing_injection
from tidewire.schema_forms import inlined, without_nulls
from tidewire.schema_keywords import check_keywords
from tidewire.type_hints import MISSING, TypeHint, Value, read_hint, resolve_hints
from tidewire.type_schema import json_default, schema_of_fields, schema_of_hint, schema_of_type
from tidewire.typed_values import Reading

#: What ``args_schema`` takes: a class, or a JSON Schema.
ArgsSchema: TypeAlias = type | Mapping[str, Any]
#: The values by parameter, and what is wrong with them.
_Read: TypeAlias = tuple[dict[str, Value], list[str]]
#: Reads the arguments that a model gave; the second argument is what the program filled already.
_Reader: TypeAlias = Callable[[JSONObject, dict[str, Value]], _Read]


class Arguments(msgspec.Struct, frozen=True):
    """The arguments of a tool.

    Attributes:
        schema: What the model is told, as a JSON Schema.
        injected: The parameters that the program fills, each with what, and whether it must be.
        defaults: What makes the defaults that Python does not fill in by itself.
        by_place: Parameters that can only be given by their place.
        read_given: Reads what the model gave.
    """

    schema: JSONObject
    read_given: _Reader
    injected: dict[str, tuple[InjectedKind, bool]] = {}
    defaults: dict[str, Callable[[], Value]] = {}
    by_place: tuple[str, ...] = ()

    def read(self, tool: str, given: Mapping[str, JSON], injection: Injection) -> tuple[list[Value], dict[str, Value]]:
        """The arguments to call the function with, by place and by name.

        Raises:
            ToolError: They do not fit; the text is for the model to read.
            ConfigurationError: The program has not filled what it must.
        """
        filled: dict[str, Value] = {}
        for name, (kind, required) in self.injected.items():
            value = injection.value_for(kind, name, given)
            if value is not MISSING:
                filled[name] = value
            elif required:
                raise missing_injection(tool, name, kind)
        told = {name: value for name, value in given.items() if name not in self.injected}
        values, wrong = self.read_given(told, filled)
        known: JSONObject = self.schema.get("properties", {})
        wrong = [*(_unknown(name, known) for name in told if not self._is_known(name, known)), *wrong]
        if wrong:
            raise ToolError(f"the arguments of tool {tool!r} do not fit: {'; '.join(wrong)}")
        values = {**{name: make() for name, make in self.defaults.items() if name not in values}, **values, **filled}
        return [values.pop(name) for name in self.by_place if name in values], values

    def _is_known(self, name: str, known: JSONObject) -> bool:
        return name in known or self.schema.get("additionalProperties", False) is not False


def _unknown(name: str, known: Iterable[str]) -> str:
    near = get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(map(repr, known)) or 'none'}"
    return f"there is no argument {name!r}; {hint}"


def arguments_of(tool: str, function: Callable[..., Any], docs: Docs) -> Arguments:
    """The arguments of a function, by its signature and what its docstring says of them.

    Raises:
        ConfigurationError: A parameter has no name that a model could give, or no JSON Schema.
    """
    fields: list[ClassField] = []
    injected: dict[str, tuple[InjectedKind, bool]] = {}
    defaults: dict[str, Callable[[], Value]] = {}
    by_place: list[str] = []
    properties: JSONObject = {}
    hints = resolve_hints(annotated_part(function))
    for name, parameter in _parameters(function).items():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            raise ConfigurationError(f"tool {tool!r} takes *{name}; a model needs parameters with names")
        if name == "run_manager" and parameter.default is None:
            continue  # what methods `_run` take for LangChain, which fills it and tells no model of it
        if parameter.kind is parameter.POSITIONAL_ONLY:
            by_place.append(name)
        annotation = hints.get(name, Any)
        default: Any = MISSING if parameter.default is parameter.empty else parameter.default
        if pydantic_types.is_field(default):
            annotation, make = Annotated[annotation, default], functools.partial(pydantic_types.default_of, default)
            default = make()
            if default is not MISSING:
                defaults[name] = make
        hint = read_hint(annotation)
        kind = injected_kind(hint)
        if kind is not None:
            injected[name] = (kind, default is MISSING)
            continue
        description = hint.description or docs.arguments.get(name, "")
        field = ClassField(name, name, hint, default is MISSING, default=default, description=description)
        properties[name] = _property(tool, field)
        fields.append(field)
    for field in fields:  # a gap among those by place cannot be left out
        if field.name in by_place and field.default is not MISSING:
            defaults.setdefault(field.name, functools.partial(_same, field.default))
    return Arguments(_object(properties, fields), _reader_of(fields), injected, defaults, tuple(by_place))


def one_argument_of(tool: str, function: Callable[..., Any]) -> Arguments:
    """The argument of a function of one text, whose annotations are not read.

    Raises:
        ConfigurationError: It takes more, or none.
    """
    names = list(_parameters(function))
    if len(names) != 1:
        raise ConfigurationError(
            f"tool {tool!r} takes {len(names)} arguments; with infer_schema=False, give args_schema or take one text"
        )
    field = ClassField(names[0], names[0], read_hint(str), required=True)
    return Arguments(_object({names[0]: {"type": "string"}}, [field]), _reader_of([field]))


def arguments_of_schema(
    tool: str, given: ArgsSchema, function: Callable[..., Any], *, validate: bool = True
) -> Arguments:
    """The arguments that ``args_schema`` describes, for a function that takes them.

    Args:
        tool: The tool's name.
        given: The class or JSON Schema.
        function: The tool's function.
        validate: False: the function checks itself what a JSON Schema says.

    Raises:
        ConfigurationError: It is neither a class with fields nor a JSON Schema of an object, or uses a keyword that
            arguments cannot be checked for.
    """
    injected = _injected_parameters(function)
    if isinstance(given, Mapping):
        schema = dict(given)
        if schema.get("type", "object") != "object":
            raise ConfigurationError(f"args_schema of tool {tool!r} is of type {schema['type']!r}, not an object's")
        schema.setdefault("properties", {})
        if validate:
            check_keywords(schema)
        reader = functools.partial(_check, schema) if validate else _unchecked
        return Arguments({"type": "object", **_untitled(schema)}, reader, injected)
    fields = fields_of(given)
    if fields is None:
        name = getattr(given, "__name__", given)
        raise ConfigurationError(f"args_schema of tool {tool!r} is a class with fields or a JSON Schema, not {name}")
    own: dict[str, tuple[InjectedKind, bool]] = {}
    for field in fields.fields:
        kind = injected_kind(field.hint)
        if kind is not None:
            own[field.name] = (kind, field.required)
    schema = parameters_of_fields(fields, hidden=own)
    return Arguments(schema, functools.partial(_read_class, fields, given, own), {**own, **injected})


def parameters_of_fields(fields: ClassFields, *, hidden: Container[str] = ()) -> JSONObject:
    """The JSON Schema of a class whose fields are the arguments of a tool; its description is the tool's."""
    keys = {field.key for field in fields.fields if field.name in hidden}
    if fields.kind == "model":
        whole = schema_of_type(fields.cls) if not keys else pydantic_types.schema_without(fields.cls, hidden)
        schema = inlined(whole)
    else:
        told = tuple(field for field in fields.fields if field.name not in hidden)
        schema = schema_of_fields(msgspec.structs.replace(fields, fields=told))
    schema["properties"] = {name: part for name, part in schema.get("properties", {}).items() if name not in keys}
    required = [name for name in schema.pop("required", ()) if name not in keys]
    if required:
        schema["required"] = required
    return {"type": "object", **_untitled(schema)}


def _property(tool: str, field: ClassField) -> JSONObject:
    try:
        schema = schema_of_hint(field.hint)
    except ConfigurationError as wrong:
        message = f"parameter {field.name!r} of tool {tool!r} has no JSON Schema: {wrong.message}"
        raise ConfigurationError(message) from wrong
    if field.description:
        schema["description"] = field.description
    default = MISSING if field.default is MISSING else json_default(field.default)
    return schema if default is MISSING else {**schema, "default": default}


def _object(properties: JSONObject, fields: Iterable[ClassField]) -> JSONObject:
    """The schema of an object with these properties; what they define is defined for all of them."""
    definitions: JSONObject = {}
    for part in properties.values():
        definitions |= part.pop("$defs", {})
    schema: JSONObject = {"type": "object", "properties": properties}
    required = [field.key for field in fields if field.required]
    if required:
        schema["required"] = required
    if definitions:
        schema["$defs"] = definitions
    return schema


def _reader_of(fields: list[ClassField]) -> _Reader:
    def read(given: JSONObject, filled: dict[str, Value]) -> _Read:
        reading = Reading()
        return reading.read_fields(given, fields, ""), reading.problems

    return read


def _check(schema: JSONObject, given: JSONObject, filled: dict[str, Value]) -> _Read:
    trimmed: JSONObject = without_nulls(given, schema)
    return trimmed, [problem.removeprefix("$.").removeprefix("$: ") for problem in problems(trimmed, schema)]


def _unchecked(given: JSONObject, filled: dict[str, Value]) -> _Read:
    return given, []


def _read_class(
    fields: ClassFields, hint: TypeHint, hidden: Container[str], given: JSONObject, filled: dict[str, Value]
) -> _Read:
    """The fields of an instance that is made of the arguments and of what the program filled."""
    reading = Reading()
    if fields.kind == "model":
        keys = {field.name: field.key for field in fields.fields}
        own = {keys[name]: value for name, value in filled.items() if name in keys}
        made = reading.read({**given, **own}, hint)
        more: dict[str, Value] = getattr(made, "model_extra", None) or {}
    else:
        told = [field for field in fields.fields if field.name not in hidden]
        values = reading.read_fields(given, told, "")
        if reading.problems or fields.kind == "typed_dict":
            return values, reading.problems
        own = {field.name: filled[field.name] for field in fields.fields if field.name in filled}
        try:
            made, more = fields.cls(**values, **own), {}
        except (TypeError, ValueError) as error:  # what the class itself finds wrong
            return {}, [str(error)]
    if reading.problems:
        return {}, reading.problems
    return {**{field.name: getattr(made, field.name) for field in fields.fields}, **more}, []


def _same(value: Value) -> Value:
    return value


def _injected_parameters(function: Callable[..., Any]) -> dict[str, tuple[InjectedKind, bool]]:
    hints = resolve_hints(annotated_part(function))
    found: dict[str, tuple[InjectedKind, bool]] = {}
    for name, parameter in _parameters(function).items():
        kind = injected_kind(read_hint(hints.get(name, Any)))
        if kind is not None:
            found[name] = (kind, parameter.default is parameter.empty)
    return found


def _parameters(function: Callable[..., Any]) -> Mapping[str, inspect.Parameter]:
    return inspect.signature(function).parameters


def _untitled(schema: JSONObject) -> JSONObject:
    """A schema without the name and description that are the tool's."""
    return {key: value for key, value in schema.items() if key not in ("title", "description")}


__all__ = [
    "ArgsSchema",
    "Arguments",
    "arguments_of",
    "arguments_of_schema",
    "one_argument_of",
    "parameters_of_fields",
]
