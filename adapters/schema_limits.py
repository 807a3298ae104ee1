"""JSON Schemas without what a provider refuses in them: the model is told in words, and the answer is checked."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import cast

from tidewire.events.blocks import JSON, JSONObject
from tidewire.events.types import WarningEvent

#: What Anthropic refuses in a schema that it holds answers to ("Structured outputs", JSON Schema limitations).
ANTHROPIC = frozenset(
    {
        "exclusiveMaximum",
        "exclusiveMinimum",
        "maxItems",
        "maxLength",
        "maxProperties",
        "maximum",
        "minLength",
        "minProperties",
        "minimum",
        "multipleOf",
        "uniqueItems",
    }
)


def limited_schema(schema: JSONObject, refused: Collection[str]) -> tuple[JSONObject, frozenset[str]]:
    """The schema with the keywords that a provider refuses told in descriptions, and which they are.

    ``minItems`` above 1 counts as refused where ``maxItems`` does. The given schema is not changed.

    >>> limited_schema({"type": "integer", "minimum": 1, "description": "A year"}, ANTHROPIC)
    ({'type': 'integer', 'description': 'A year (minimum: 1)'}, frozenset({'minimum'}))
    """
    found: set[str] = set()
    return _limited(schema, frozenset(refused), found), frozenset(found)


def _limited(schema: JSONObject, refused: frozenset[str], found: set[str]) -> JSONObject:
    kept: JSONObject = {}
    told: list[str] = []
    for key, value in schema.items():
        if key in refused or (key == "minItems" and "maxItems" in refused and not _is_few(value)):
            told.append(f"{key}: {json.dumps(value)}")
            found.add(key)
            continue
        match key:
            case "properties" | "$defs" | "definitions" | "patternProperties":
                kept[key] = {name: _part(part, refused, found) for name, part in value.items()}
            case "anyOf" | "allOf" | "oneOf" | "prefixItems":
                kept[key] = [_part(part, refused, found) for part in value]
            case "items" | "not" | "additionalProperties":
                kept[key] = _part(value, refused, found)
            case _:
                kept[key] = value
    if told:
        description: JSON = kept.get("description")
        words = f"({', '.join(told)})"
        kept["description"] = f"{description} {words}" if isinstance(description, str) and description else words
    return kept


def _is_few(value: object) -> bool:
    return value in (0, 1)


def _part(part: JSON, refused: frozenset[str], found: set[str]) -> JSON:
    return _limited(cast("JSONObject", part), refused, found) if isinstance(part, dict) else part


def keywords_left_out(provider: str, keywords: Collection[str]) -> tuple[WarningEvent, ...]:
    """What to say of the keywords that were told in words; nothing if there are none."""
    if not keywords:
        return ()
    names = ", ".join(sorted(keywords))
    text = f"{provider} does not hold answers to {names}: the descriptions tell of it, and what comes back is checked"
    return (WarningEvent(code="schema_keyword_left_out", text=text),)


__all__ = ["ANTHROPIC", "keywords_left_out", "limited_schema"]
