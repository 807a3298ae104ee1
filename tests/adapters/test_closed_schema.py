"""Objects of a schema are closed wherever they stand."""

import copy
from typing import Any

from tidewire.adapters.closed_schema import closed_schema


def test_every_object_is_closed_that_leaves_it_open() -> None:
    leaf: dict[str, Any] = {"type": "object", "properties": {}}
    schema: dict[str, Any] = {
        "properties": {"a": leaf, "b": {"type": "array", "items": leaf}, "c": {"anyOf": [leaf, {"type": "null"}]}},
        "$defs": {"d": leaf, "always": True},
        "prefixItems": [leaf],
        "not": leaf,
        "required": ["a"],
    }
    given = copy.deepcopy(schema)
    closed = {**leaf, "additionalProperties": False}
    assert closed_schema(schema) == {
        "properties": {
            "a": closed,
            "b": {"type": "array", "items": closed},
            "c": {"anyOf": [closed, {"type": "null"}]},
        },
        "$defs": {"d": closed, "always": True},
        "prefixItems": [closed],
        "not": closed,
        "required": ["a"],
        "additionalProperties": False,
    }
    assert schema == given


def test_what_the_caller_says_of_other_properties_stays() -> None:
    schema = {"type": "object", "additionalProperties": {"type": "string"}}
    assert closed_schema(schema) == schema
    assert closed_schema({"type": "string"}) == {"type": "string"}
