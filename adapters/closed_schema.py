"""JSON Schemas whose objects take no properties but those named, as providers want it that enforce a schema."""

from __future__ import annotations

from typing import cast

from tidewire.events.blocks import JSONObject


def closed_schema(schema: JSONObject) -> JSONObject:
    """The schema with ``additionalProperties: false`` where an object leaves it open; the given one is not changed."""
    closed: JSONObject = {}
    for key, value in schema.items():
        match key:
            case "properties" | "$defs" | "definitions":
                closed[key] = {name: _part(part) for name, part in value.items()}
            case "anyOf" | "allOf" | "oneOf" | "prefixItems":
                closed[key] = [_part(part) for part in value]
            case "items" | "not":
                closed[key] = _part(value)
            case _:
                closed[key] = value
    if closed.get("type") == "object" or "properties" in closed:
        closed.setdefault("additionalProperties", False)
    return closed


def _part(part: object) -> object:
    return closed_schema(cast("JSONObject", part)) if isinstance(part, dict) else part


__all__ = ["closed_schema"]
