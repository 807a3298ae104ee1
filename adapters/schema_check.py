"""Does a value fit a JSON Schema? A small checker for the keywords that providers accept (drafts 7 to 2020-12).

``format`` is an annotation, as the specification has it. Words that are no keyword of JSON Schema pass; a keyword that
is one and is not read here is refused by name, since a value that it rules out would pass unseen.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import TypeGuard

from tidewire.events.blocks import JSON, JSONObject
from tidewire.events.errors import ConfigurationError

#: Keywords that constrain a value and are not read here.
UNREAD: frozenset[str] = frozenset(
    {
        "$dynamicRef",
        "$recursiveRef",
        "contains",
        "dependencies",
        "dependentRequired",
        "dependentSchemas",
        "else",
        "if",
        "maxContains",
        "minContains",
        "propertyNames",
        "then",
        "unevaluatedItems",
        "unevaluatedProperties",
    }
)
_DEEPEST = 100


def problems(value: JSON, schema: JSON, *, root: JSON = None) -> Iterator[str]:
    """What keeps ``value`` from fitting ``schema``, one sentence each, lazily; nothing when it fits.

    Args:
        value: A JSON value.
        schema: The schema, or a part of ``root``.
        root: The schema that ``$ref`` points into; ``schema`` itself by default.

    Raises:
        ConfigurationError: The schema uses a keyword that is not read here, or a ``$ref`` that leads nowhere.
    """
    try:
        yield from _Checker(schema if root is None else root).check(value, schema, "$", 0)
    except _TooDeepError:
        # A schema that holds itself is nested as deep as the value that it is held against, or else without end.
        if _is_shallow(value):
            raise ConfigurationError(f"the schema nests deeper than {_DEEPEST} levels, or without end") from None
        yield f"$: the value nests deeper than {_DEEPEST} levels of the schema"


def _is_shallow(value: JSON, levels: int = 10) -> bool:
    parts: list[JSON] = [value]
    for _ in range(levels):
        parts = [inner for part in parts for inner in _within(part)]
    return not parts


def _within(value: JSON) -> list[JSON]:
    return list(value.values()) if is_object(value) else value if is_array(value) else []


def resolve(reference: str, root: JSON) -> JSON:
    """The part of ``root`` that a ``$ref`` names, such as ``#/$defs/Item``.

    Raises:
        ConfigurationError: The reference leads out of the schema, or nowhere.
    """
    if reference != "#" and not reference.startswith("#/"):
        raise ConfigurationError(f"the schema's $ref {reference!r} leads out of it; put what it names under '$defs'")
    found = root
    for step in reference[2:].split("/") if reference != "#" else ():
        key = step.replace("~1", "/").replace("~0", "~")
        if is_object(found) and key in found:
            found = found[key]
        elif is_array(found) and key.isdigit() and int(key) < len(found):
            found = found[int(key)]
        else:
            raise ConfigurationError(f"the schema's $ref {reference!r} leads nowhere")
    return found


def refuse_unread(schema: Mapping[str, JSON]) -> None:
    """Refuse a schema with a keyword that is not read here.

    Raises:
        ConfigurationError: Names the keyword.
    """
    for word in schema:
        if word in UNREAD:
            raise ConfigurationError(f"the schema keyword {word!r} is not supported; say it with another one")


def is_object(value: JSON) -> TypeGuard[JSONObject]:
    """Whether a JSON value is an object."""
    return isinstance(value, dict)


def is_array(value: JSON) -> TypeGuard[list[JSON]]:
    """Whether a JSON value is an array."""
    return isinstance(value, list)


def same(one: JSON, other: JSON) -> bool:
    """Equality of JSON values: 1 equals 1.0, and True equals neither."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if is_array(one) and is_array(other):
        return len(one) == len(other) and all(map(same, one, other))
    if is_object(one) and is_object(other):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    return bool(one == other)


def is_a(value: JSON, kind: str) -> bool:
    """Whether a JSON value has one of JSON Schema's types; 1.0 is an integer, True is none.

    Raises:
        ConfigurationError: There is no such type.
    """
    test = _TYPES.get(kind)
    if test is None:
        raise ConfigurationError(f"the schema's type {kind!r} does not exist; there are {', '.join(sorted(_TYPES))}")
    return test(value)


def _is_number(value: JSON) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


_TYPES: dict[str, Callable[[JSON], bool]] = {
    "array": is_array,
    "boolean": lambda value: isinstance(value, bool),
    "integer": lambda value: _is_number(value) and (isinstance(value, int) or value.is_integer()),
    "null": lambda value: value is None,
    "number": _is_number,
    "object": is_object,
    "string": lambda value: isinstance(value, str),
}


def is_multiple(value: float, step: float) -> bool:
    """Whether ``value`` is a multiple of ``step``, counted in decimals: 0.3 is one of 0.1."""
    return math.isfinite(value) and Decimal(str(value)) % Decimal(str(step)) == 0


class _TooDeepError(Exception):
    pass


class _Checker:
    def __init__(self, root: JSON) -> None:
        self._root = root

    def check(self, value: JSON, schema: JSON, path: str, depth: int) -> Iterator[str]:
        if schema is True:
            return
        if schema is False:
            yield f"{path}: nothing is allowed here"
            return
        if not is_object(schema):
            raise ConfigurationError(f"a schema is an object, true or false, not {schema!r:.100}")
        if depth > _DEEPEST:
            raise _TooDeepError
        refuse_unread(schema)
        if "$ref" in schema:
            yield from self.check(value, resolve(schema["$ref"], self._root), path, depth + 1)
        yield from self._check_general(value, schema, path)
        yield from self._check_branches(value, schema, path, depth)
        if is_object(value):
            yield from self._check_object(value, schema, path, depth)
        elif is_array(value):
            yield from self._check_array(value, schema, path, depth)
        elif isinstance(value, str):
            yield from _check_text(value, schema, path)
        elif _is_number(value):
            yield from _check_number(value, schema, path)

    def _fits(self, value: JSON, schema: JSON, depth: int) -> bool:
        return next(self.check(value, schema, "$", depth + 1), None) is None

    def _check_general(self, value: JSON, schema: JSONObject, path: str) -> Iterator[str]:
        kinds = schema.get("type")
        if kinds is not None:
            listed: Sequence[str] = [kinds] if isinstance(kinds, str) else kinds
            matches = [is_a(value, kind) for kind in listed]  # asks for each one, so that a wrong word is found
            if not any(matches) and not (value is None and schema.get("nullable") is True):
                yield f"{path}: {_short(value)} is not of type {' or '.join(listed)}"
        if "enum" in schema and not any(same(value, allowed) for allowed in schema["enum"]):
            yield f"{path}: {_short(value)} is not one of {_short(schema['enum'])}"
        if "const" in schema and not same(value, schema["const"]):
            yield f"{path}: {_short(value)} is not {_short(schema['const'])}"

    def _check_branches(self, value: JSON, schema: JSONObject, path: str, depth: int) -> Iterator[str]:
        for part in schema.get("allOf", ()):
            yield from self.check(value, part, path, depth + 1)
        if "anyOf" in schema and not any(self._fits(value, part, depth) for part in schema["anyOf"]):
            yield f"{path}: {_short(value)} fits none of the branches of anyOf"
        if "oneOf" in schema:
            fitting = sum(self._fits(value, part, depth) for part in schema["oneOf"])
            if fitting != 1:
                yield f"{path}: {_short(value)} fits {fitting} branches of oneOf, not one"
        if "not" in schema and self._fits(value, schema["not"], depth):
            yield f"{path}: {_short(value)} fits what 'not' rules out"

    def _check_object(self, value: JSONObject, schema: JSONObject, path: str, depth: int) -> Iterator[str]:
        for name in schema.get("required", ()):
            if name not in value:
                yield f"{path}: the property {name!r} is missing"
        if len(value) < schema.get("minProperties", 0):
            yield f"{path}: has fewer than {schema['minProperties']} properties"
        if len(value) > schema.get("maxProperties", len(value)):
            yield f"{path}: has more than {schema['maxProperties']} properties"
        for name, inner in value.items():
            for part in schemas_of_property(name, schema):
                if part is False:
                    yield f"{path}: the property {name!r} is not allowed"
                else:
                    yield from self.check(inner, part, f"{path}.{name}", depth + 1)

    def _check_array(self, value: list[JSON], schema: JSONObject, path: str, depth: int) -> Iterator[str]:
        if len(value) < schema.get("minItems", 0):
            yield f"{path}: has fewer than {schema['minItems']} items"
        if len(value) > schema.get("maxItems", len(value)):
            yield f"{path}: has more than {schema['maxItems']} items"
        if schema.get("uniqueItems") and any(same(a, b) for at, a in enumerate(value) for b in value[:at]):
            yield f"{path}: an item stands in it twice"
        for at, inner in enumerate(value):
            yield from self.check(inner, schema_of_item(at, schema), f"{path}[{at}]", depth + 1)


def schemas_of_property(name: str, schema: JSONObject) -> Iterator[JSON]:
    """The schemas that the value of a property must fit, all of them."""
    known = False
    if name in schema.get("properties", {}):
        known = True
        yield schema["properties"][name]
    for pattern, part in schema.get("patternProperties", {}).items():
        if re.search(pattern, name):
            known = True
            yield part
    if not known and "additionalProperties" in schema:
        yield schema["additionalProperties"]


def schema_of_item(at: int, schema: JSONObject) -> JSON:
    """The schema of the item at a place of an array; a list under ``items`` is how draft 7 spells ``prefixItems``."""
    rest = schema.get("items", True)
    first = schema.get("prefixItems", ())
    if is_array(rest):
        first, rest = rest, schema.get("additionalItems", True)
    return first[at] if at < len(first) else rest


def _check_text(value: str, schema: JSONObject, path: str) -> Iterator[str]:
    if len(value) < schema.get("minLength", 0):
        yield f"{path}: is shorter than {schema['minLength']} characters"
    if len(value) > schema.get("maxLength", len(value)):
        yield f"{path}: is longer than {schema['maxLength']} characters"
    if "pattern" in schema and not re.search(schema["pattern"], value):
        yield f"{path}: {_short(value)} does not match {schema['pattern']!r}"


def _check_number(value: float, schema: JSONObject, path: str) -> Iterator[str]:
    if "minimum" in schema and value < schema["minimum"]:
        yield f"{path}: {value} is less than {schema['minimum']}"
    if "maximum" in schema and value > schema["maximum"]:
        yield f"{path}: {value} is more than {schema['maximum']}"
    if "exclusiveMinimum" in schema and value <= schema["exclusiveMinimum"]:
        yield f"{path}: {value} is not more than {schema['exclusiveMinimum']}"
    if "exclusiveMaximum" in schema and value >= schema["exclusiveMaximum"]:
        yield f"{path}: {value} is not less than {schema['exclusiveMaximum']}"
    if "multipleOf" in schema and not is_multiple(value, schema["multipleOf"]):
        yield f"{path}: {value} is not a multiple of {schema['multipleOf']}"


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:79]}…"


__all__ = [
    "UNREAD",
    "is_a",
    "is_array",
    "is_multiple",
    "is_object",
    "problems",
    "refuse_unread",
    "resolve",
    "same",
    "schema_of_item",
    "schemas_of_property",
]
