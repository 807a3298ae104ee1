"""JSON Schemas without references, for strict decoding, and what comes back from it."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest

from tidewire.adapters.schema_instance import schema_instance
from tidewire.events.blocks import JSON, JSONObject
from tidewire.schema_forms import inlined, strict_schema, takes_null, without_nulls

TEXT: JSONObject = {"type": "string"}
NULL: JSONObject = {"type": "null"}


def test_references_are_replaced_and_titles_dropped() -> None:
    schema: JSONObject = {
        "title": "Film",
        "type": "object",
        "properties": {
            "title": {"title": "Title", "type": "string"},
            "lead": {"$ref": "#/$defs/Actor", "description": "Who plays it."},
            "cast": {"type": "array", "items": {"$ref": "#/$defs/Actor"}},
        },
        "$defs": {
            "Actor": {"title": "Actor", "description": "An actor.", "properties": {"name": {"$ref": "#/$defs/Name"}}},
            "Name": TEXT,
        },
    }
    assert inlined(schema) == {
        "type": "object",
        "properties": {
            "title": TEXT,
            "lead": {"description": "Who plays it.", "properties": {"name": TEXT}},
            "cast": {"type": "array", "items": {"description": "An actor.", "properties": {"name": TEXT}}},
        },
    }


def test_what_contains_itself_stays_a_reference() -> None:
    node: JSONObject = {"type": "object", "properties": {"next": {"$ref": "#/$defs/Node", "description": "x"}}}
    schema: JSONObject = {"$ref": "#/$defs/Node", "$defs": {"Node": node, "Unused": TEXT}}
    reference: JSONObject = {"$ref": "#/$defs/Node"}
    whole: JSONObject = {"type": "object", "properties": {"next": reference}}
    assert inlined(schema) == {**whole, "$defs": {"Node": whole}}


def test_two_that_contain_each_other_are_both_kept() -> None:
    schema: JSONObject = {
        "properties": {"a": {"$ref": "#/$defs/A"}},
        "$defs": {"A": {"items": {"$ref": "#/$defs/B"}}, "B": {"items": {"$ref": "#/$defs/A"}}},
    }
    assert inlined(schema) == schema


def test_a_reference_to_the_root_is_kept() -> None:
    schema: JSONObject = {"type": "object", "properties": {"kid": {"$ref": "#"}}}
    made = inlined(schema)
    assert made["properties"]["kid"] == {"$ref": "#/$defs/root"}
    assert made["$defs"]["root"]["properties"]["kid"] == {"$ref": "#/$defs/root"}


@pytest.mark.parametrize(
    ("schema", "strict"),
    [
        (
            {
                "type": "object",
                "properties": {"a": TEXT, "b": {**TEXT, "default": "x", "description": "B."}},
                "required": ["a"],
            },
            {
                "type": "object",
                "properties": {"a": TEXT, "b": {"anyOf": [TEXT, NULL], "description": "B."}},
                "required": ["a", "b"],
                "additionalProperties": False,
            },
        ),
        (
            {"type": "object", "properties": {"a": {"anyOf": [TEXT, {"type": "integer"}]}}},
            {
                "type": "object",
                "properties": {"a": {"anyOf": [TEXT, {"type": "integer"}, NULL]}},
                "required": ["a"],
                "additionalProperties": False,
            },
        ),
        (
            {
                "type": "object",
                "properties": {"a": {"oneOf": [TEXT, NULL]}, "b": {"type": "string", "format": "uri"}},
                "required": ["b"],
            },
            {
                "type": "object",
                "properties": {"a": {"anyOf": [TEXT, NULL]}, "b": TEXT},
                "required": ["a", "b"],
                "additionalProperties": False,
            },
        ),
        (
            {"type": "array", "items": {"type": "string", "format": "date"}, "uniqueItems": True},
            {"type": "array", "items": {"type": "string", "format": "date"}},
        ),
    ],
)
def test_strict_schemas_are_closed_and_require_everything(schema: JSONObject, strict: JSONObject) -> None:
    assert strict_schema(schema) == strict
    assert strict_schema(strict) == strict


@pytest.mark.parametrize(
    "schema",
    [
        {},
        {"type": "object"},
        {"type": "object", "additionalProperties": TEXT},
        {"type": "object", "properties": {}, "additionalProperties": True},
        {"type": "object", "properties": {"a": {}}},
        {"type": "object", "properties": {"a": {"type": "array"}}},
        {"type": "object", "properties": {"a": {"type": "array", "prefixItems": [TEXT], "items": TEXT}}},
        {"type": "object", "properties": {"a": {"allOf": [TEXT]}}},
        {"type": "object", "properties": {"a": {"not": TEXT}}},
        {"type": "object", "patternProperties": {"^a": TEXT}},
    ],
)
def test_what_leaves_something_open_is_not_strict(schema: JSONObject) -> None:
    assert strict_schema(schema) is None


@pytest.mark.parametrize(
    ("schema", "takes"),
    [
        (True, True),
        (False, False),
        ({}, True),
        (NULL, True),
        (TEXT, False),
        ({"type": ["string", "null"]}, True),
        ({"enum": ["a", None]}, True),
        ({"enum": ["a"]}, False),
        ({"anyOf": [TEXT, NULL]}, True),
        ({"oneOf": [TEXT]}, False),
        ({"$ref": "#"}, False),
    ],
)
def test_what_takes_null_is_known(schema: JSON, takes: bool) -> None:
    assert takes_null(schema) is takes


OPTIONAL: JSONObject = {
    "type": "object",
    "properties": {
        "name": TEXT,
        "nick": TEXT,
        "note": {"anyOf": [TEXT, NULL]},
        "kids": {"type": "array", "items": {"$ref": "#"}},
        "other": {"anyOf": [{"$ref": "#"}, NULL]},
        "pet": {
            "oneOf": [{"type": "object", "properties": {"lives": TEXT}}, {"type": "array", "items": {"$ref": "#"}}]
        },
    },
    "required": ["name"],
    "$defs": {"open": True},
}


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ({"name": None, "nick": None}, {"name": None}),
        ({"name": "a", "note": None}, {"name": "a", "note": None}),
        ({"name": "a", "unknown": None}, {"name": "a", "unknown": None}),
        ({"kids": [{"name": "b", "nick": None}]}, {"kids": [{"name": "b"}]}),
        ({"other": {"name": "b", "nick": None}}, {"other": {"name": "b"}}),
        ({"pet": {"lives": None}}, {"pet": {}}),
        ({"pet": [{"name": "b", "nick": None}]}, {"pet": [{"name": "b"}]}),
        ("text", "text"),
        (None, None),
    ],
)
def test_nulls_that_stand_for_nothing_are_taken_out(value: JSON, kept: JSON) -> None:
    assert without_nulls(value, OPTIONAL) == kept


@pytest.mark.parametrize("seed", range(30))
def test_what_strict_decoding_gives_fits_the_schema_once_its_nulls_are_out(seed: int) -> None:
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {
            "a": TEXT,
            "b": {
                "type": "object",
                "properties": {"c": {"type": "integer"}, "d": {"enum": ["x", "y"]}},
                "required": ["d"],
            },
            "e": {"type": "array", "items": {"anyOf": [TEXT, {"type": "object", "properties": {"f": TEXT}}]}},
            "g": {"anyOf": [NULL, {"type": "number"}]},
        },
        "required": ["e"],
    }
    strict = strict_schema(schema)
    assert strict is not None
    value = schema_instance(strict, seed=seed)
    jsonschema.validate(value, strict)
    jsonschema.validate(without_nulls(value, schema), schema)
