"""JSON as Google's servers read it: names in either spelling, and schemas in Google's own dialect."""

from __future__ import annotations

import re

from tidewire.adapters.schema_check import is_array, is_object
from tidewire.events.blocks import JSON, JSONObject

_HUMP = re.compile(r"(?<!^)(?=[A-Z])")

#: Keywords that both dialects have with the same meaning, and those whose number Google also takes as a text.
_SAME = frozenset({"description", "enum", "format", "maximum", "minimum", "pattern", "title"})
_COUNTS = frozenset({"maxItems", "maxLength", "maxProperties", "minItems", "minLength", "minProperties"})


def named(value: JSONObject, name: str) -> JSON:
    """A field by its name in camel case, or by the same name with underscores; None if there is neither."""
    found = value.get(name)
    return value.get(_HUMP.sub("_", name).lower()) if found is None else found


def json_schema(schema: JSONObject) -> JSONObject:
    """The JSON Schema that says the same as a ``Schema`` of Google's, whose types are in capitals."""
    made: JSONObject = {name: schema[name] for name in _SAME if schema.get(name) is not None}
    for name in _COUNTS:
        count = named(schema, name)
        if count is not None:
            made[name] = int(count)
    kind = schema.get("type")
    if isinstance(kind, str) and kind != "TYPE_UNSPECIFIED":
        made["type"] = kind.lower()
    if is_object(schema.get("properties")):
        made["properties"] = {name: json_schema(inner) for name, inner in schema["properties"].items()}
    if is_array(schema.get("required")):
        made["required"] = schema["required"]
    if is_object(schema.get("items")):
        made["items"] = json_schema(schema["items"])
    branches = named(schema, "anyOf")
    if branches:
        made["anyOf"] = [json_schema(inner) for inner in branches]
    if schema.get("nullable") is True:
        return {"anyOf": [made, {"type": "null"}]}
    return made


__all__ = ["json_schema", "named"]
