"""The keywords of JSON Schema that values are checked for here, and those that only say something to readers."""

from __future__ import annotations

from difflib import get_close_matches
from typing import cast

from tidewire.adapters.schema_check import UNREAD, is_object
from tidewire.events.blocks import JSON, JSONObject
from tidewire.events.errors import ConfigurationError
from tidewire.schema_forms import map_parts

# What schemas may say besides what is checked: notes for readers and tools.
_NOTES = frozenset(
    [
        "$anchor",
        "$comment",
        "$id",
        "$schema",
        "contentEncoding",
        "contentMediaType",
        "default",
        "deprecated",
        "description",
        "discriminator",
        "example",
        "examples",
        "format",
        "nullable",
        "propertyOrdering",
        "readOnly",
        "title",
        "writeOnly",
    ]
)
_CHECKED = frozenset(
    [
        "$defs",
        "$ref",
        "additionalItems",
        "additionalProperties",
        "allOf",
        "anyOf",
        "const",
        "definitions",
        "enum",
        "exclusiveMaximum",
        "exclusiveMinimum",
        "items",
        "maxItems",
        "maxLength",
        "maxProperties",
        "maximum",
        "minItems",
        "minLength",
        "minProperties",
        "minimum",
        "multipleOf",
        "not",
        "oneOf",
        "pattern",
        "patternProperties",
        "prefixItems",
        "properties",
        "required",
        "type",
        "uniqueItems",
    ]
)


_TYPES = ("array", "boolean", "integer", "null", "number", "object", "string")


def _check_type(said: JSON) -> None:
    for name in cast("list[object]", said) if isinstance(said, list) else [said]:
        if name not in _TYPES:
            near = get_close_matches(str(name), _TYPES, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(_TYPES)}"
            raise ConfigurationError(f"the schema's type {name!r} is not known; {hint}")


def check_keywords(schema: JSONObject) -> None:
    """Refuse a schema with a keyword that values cannot be checked for, or with a type that there is not.

    Raises:
        ConfigurationError: Names it, and the nearest that is known.
    """
    if "type" in schema:
        _check_type(schema["type"])
    for word in schema:
        if word in UNREAD or not (word in _CHECKED or word in _NOTES or word.startswith("x-")):
            near = get_close_matches(word, _CHECKED | _NOTES, n=1) if word not in UNREAD else []
            hint = f"did you mean {near[0]!r}?" if near else "say it with another one, or pass validate=False"
            raise ConfigurationError(f"the schema keyword {word!r} is not known; {hint}")

    def look(part: JSON) -> JSON:
        if is_object(part):
            check_keywords(part)
        return part

    map_parts(schema, look)


__all__ = ["check_keywords"]
