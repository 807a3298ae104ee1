"""Values made for a schema fit it, in the eyes of the public ``jsonschema`` package."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, cast

import jsonschema
import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidewire.adapters.schema_check import is_array, problems
from tidewire.adapters.schema_instance import schema_instance
from tidewire.events.errors import ConfigurationError

Schema = dict[str, Any]


def judge(value: Any, schema: Schema) -> bool:  # noqa: ANN401  # any JSON value
    checker = jsonschema.Draft202012Validator.FORMAT_CHECKER
    judging = cast("Any", jsonschema.Draft202012Validator(schema, format_checker=checker))  # its stubs are half typed
    return bool(judging.is_valid(value))


_names = st.sampled_from(["alpha", "beta", "gamma", "delta"])
_lengths = st.tuples(st.integers(0, 12), st.integers(0, 30)).map(lambda pair: (pair[0], pair[0] + pair[1]))
_patterns = st.sampled_from(
    ["^[a-z]{2,4}-\\d+$", "^(red|green|blue)$", "[A-F0-9]{8}", "^\\S+@\\w+\\.(com|org)$", "^[^0-9]+$", "x*", "^.{3}$"]
)
_FORMATS = ["date", "date-time", "time", "email", "ipv4", "ipv6", "uri", "uuid", "hostname", "duration"]
_formats = st.sampled_from(_FORMATS)


@st.composite
def _numbers(draw: st.DrawFn) -> Schema:
    schema: Schema = {"type": draw(st.sampled_from(["integer", "number"]))}
    low = draw(st.integers(-50, 50))
    if draw(st.booleans()):
        schema[draw(st.sampled_from(["minimum", "exclusiveMinimum"]))] = low
    if draw(st.booleans()):
        schema[draw(st.sampled_from(["maximum", "exclusiveMaximum"]))] = low + draw(st.integers(10, 60))
    if draw(st.booleans()):
        schema["multipleOf"] = draw(st.sampled_from([1, 2, 5, 0.5, 0.25]))
    return schema


_leaves: st.SearchStrategy[Schema] = st.one_of(
    st.just({"type": "null"}),
    st.just({"type": "boolean"}),
    st.just({"type": ["string", "null"]}),
    st.just({}),
    _numbers(),
    _lengths.map(lambda pair: {"type": "string", "minLength": pair[0], "maxLength": pair[1]}),
    _patterns.map(lambda pattern: {"type": "string", "pattern": pattern}),
    _formats.map(lambda name: {"type": "string", "format": name}),
    st.lists(st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=4)), min_size=1, max_size=4).map(
        lambda values: {"enum": values}
    ),
    st.integers().map(lambda value: {"const": value}),
)


@st.composite
def _objects(draw: st.DrawFn, inner: st.SearchStrategy[Schema]) -> Schema:
    properties = draw(st.dictionaries(_names, inner, max_size=4))
    schema: Schema = {"type": "object", "properties": properties}
    schema["required"] = draw(st.lists(st.sampled_from(sorted(properties)), unique=True)) if properties else []
    if draw(st.booleans()):
        schema["additionalProperties"] = draw(st.one_of(st.booleans(), inner))
    elif draw(st.booleans()):
        schema["minProperties"] = len(properties) + draw(st.integers(0, 2))
    return schema


@st.composite
def _arrays(draw: st.DrawFn, inner: st.SearchStrategy[Schema]) -> Schema:
    least = draw(st.integers(0, 3))
    schema: Schema = {"type": "array", "items": draw(inner), "minItems": least}
    if draw(st.booleans()):
        schema["maxItems"] = least + draw(st.integers(0, 3))
    if draw(st.booleans()):
        schema["prefixItems"] = draw(st.lists(inner, max_size=2))
    return schema


_schemas = st.recursive(
    _leaves,
    lambda inner: st.one_of(
        _objects(inner),
        _arrays(inner),
        st.lists(inner, min_size=1, max_size=3).map(lambda branches: {"anyOf": branches}),
        inner.map(lambda part: {"allOf": [part, {"title": "the same"}]}),
        _numbers().map(lambda number: {"oneOf": [number, {"type": "string", "minLength": 3}]}),
    ),
    max_leaves=12,
)


@given(_schemas, st.integers(0, 1000))
def test_what_is_made_for_any_schema_fits_it(schema: Schema, seed: int) -> None:
    assert judge(schema_instance(schema, seed=seed), schema)


@given(_schemas, st.integers(0, 1000))
def test_the_same_seed_gives_the_same_value(schema: Schema, seed: int) -> None:
    assert repr(schema_instance(schema, seed=seed)) == repr(schema_instance(schema, seed=seed))


def _without_formats(schema: Any) -> Any:  # noqa: ANN401  # any JSON value
    if isinstance(schema, dict):
        parts = cast("Schema", schema)
        return {key: _without_formats(part) for key, part in parts.items() if key != "format"}
    return [_without_formats(part) for part in schema] if is_array(schema) else schema


_json = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-60, 60), st.sampled_from([0.5, 1.0, 2.5]), st.text(max_size=5)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(_names, inner, max_size=3)),
    max_leaves=6,
)


@given(_json, _schemas)
def test_the_checker_agrees_with_jsonschema_on_any_value(value: object, schema: Schema) -> None:
    assert (next(problems(value, schema), None) is None) == judge(value, _without_formats(schema))


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "integer"}, 1.0),
        ({"type": "integer"}, True),
        ({"type": ["string", "null"]}, 3),
        ({"enum": [1, True, [1], {"a": 1}]}, [1.0]),
        ({"enum": [1, [1], {"a": 1}]}, True),
        ({"enum": [{"a": 1}]}, {"a": True}),
        ({"const": [1, 2]}, [1]),
        ({"const": {"a": 1}}, {"b": 1}),
        ({"allOf": [{"type": "string"}, {"minLength": 3}]}, "ab"),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, 1),
        ({"oneOf": [{"type": "integer"}, {"minimum": 2}]}, 3),
        ({"not": {"type": "string"}}, "a"),
        ({"required": ["a"]}, {"b": 1}),
        ({"minProperties": 2}, {"b": 1}),
        ({"maxProperties": 0}, {"b": 1}),
        ({"properties": {"a": {"type": "null"}}}, {"a": 1}),
        ({"additionalProperties": False, "properties": {"a": True}}, {"b": 1}),
        (
            {"additionalProperties": {"type": "null"}, "patternProperties": {"^x": {"type": "integer"}}},
            {"x": 1, "y": 2},
        ),
        ({"minItems": 2}, [1]),
        ({"maxItems": 0}, [1]),
        ({"uniqueItems": True}, [1, [2], 1.0]),
        ({"uniqueItems": True}, [1, True]),
        ({"items": {"type": "null"}, "prefixItems": [{"type": "string"}]}, ["a", None, 3]),
        ({"items": False, "prefixItems": [True]}, [1, 2]),
        ({"minLength": 2}, "a"),
        ({"maxLength": 2}, "abc"),
        ({"pattern": "^a+$"}, "aab"),
        ({"minimum": 2}, 1),
        ({"maximum": 2}, 3),
        ({"exclusiveMinimum": 2}, 2),
        ({"exclusiveMaximum": 2}, 2),
        ({"multipleOf": 3}, 10),
        ({"$ref": "#/$defs/a", "$defs": {"a": {"type": "null"}}}, 1),
        ({"$ref": "#/anyOf/1", "anyOf": [True, {"type": "string"}]}, 1),
        (False, None),
    ],
    ids=repr,
)
def test_the_checker_agrees_with_jsonschema_on_each_keyword(schema: Schema, value: object) -> None:
    assert (next(problems(value, schema), None) is None) == judge(value, schema)


def test_the_checker_names_the_place_of_a_problem() -> None:
    schema: Schema = {"properties": {"a": {"items": {"type": "integer"}}}}
    assert [*problems({"a": [1, "x" * 200]}, schema)] == [f"$.a[1]: '{'x' * 78}… is not of type integer"]


def test_a_schema_or_value_without_an_end_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="nests deeper"):
        list(problems(1, {"$ref": "#"}))
    with pytest.raises(ConfigurationError, match="a schema is"):
        list(problems(1, {"not": 3}))


@pytest.mark.parametrize("name", _FORMATS)
def test_a_text_of_each_format_is_one(name: str) -> None:
    for seed in range(20):
        assert judge(schema_instance({"type": "string", "format": name}, seed=seed), {"type": "string", "format": name})


def test_another_seed_gives_another_value() -> None:
    schema: Schema = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
    assert len({repr(schema_instance(schema, seed=seed)) for seed in range(20)}) > 5


class _Address(pydantic.BaseModel):
    street: str
    zip_code: Annotated[str, pydantic.Field(pattern=r"^\d{5}$")]


class _Person(pydantic.BaseModel):
    name: Annotated[str, pydantic.Field(min_length=3, max_length=20)]
    age: Annotated[int, pydantic.Field(ge=0, le=120)]
    mood: Literal["calm", "wild"]
    home: _Address
    friends: Annotated[list[_Person], pydantic.Field(max_length=2)] = []
    boss: _Person | None = None
    score: Annotated[float, pydantic.Field(gt=0, lt=1)] | None = None


@given(st.integers(0, 10_000))
def test_a_recursive_pydantic_model_can_read_what_is_made_for_it(seed: int) -> None:
    _Person.model_validate(schema_instance(_Person.model_json_schema(), seed=seed))


def test_properties_stand_in_the_order_of_the_schema() -> None:
    schema: Schema = {"properties": {"b": {"type": "null"}, "a": {"type": "null"}}, "required": ["a", "b", "c"]}
    assert list(schema_instance(schema)) == ["b", "a", "c"]


_FITTING: list[Schema] = [
    {"oneOf": [{"type": "integer"}, {"type": "number", "minimum": 5}]},
    {"allOf": [{"type": "object", "required": ["a"]}, {"properties": {"a": {"const": 3}}}]},
    {"type": "array", "items": {"type": "integer", "minimum": 1, "maximum": 4}, "minItems": 4, "uniqueItems": True},
    {"anyOf": [{"type": "string"}, {"type": "integer"}], "minimum": 7, "minLength": 9},
    {"type": "object", "patternProperties": {"^x": {"type": "integer"}}, "required": ["x1", "y"]},
    {"type": "object", "additionalProperties": {"type": "boolean"}, "minProperties": 3},
    {"type": "object", "properties": {"a": False, "b": True}, "minProperties": 1, "maxProperties": 1},
    {"type": "integer", "multipleOf": 0.5, "minimum": 3, "maximum": 3},
    {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 0.001},
    {"type": ["integer", "number"], "maximum": -400},
    {"allOf": [{"type": ["number", "null"]}, {"type": "integer"}, {"multipleOf": 4}, {"multipleOf": 6}]},
    {"enum": [1, 2, 3], "not": {"enum": [1, 2]}},
    {"$ref": "#/$defs/n", "minimum": 90, "$defs": {"n": {"type": "integer", "maximum": 95}}},
    {"anyOf": [{"$ref": "#/definitions/a~1b"}], "oneOf": [True], "definitions": {"a/b": {"const": None}}},
    {
        "allOf": [
            {"anyOf": [{"type": "null"}, {"type": "integer"}]},
            {"anyOf": [{"type": "integer"}, {"type": "array"}]},
        ]
    },
    {"allOf": [{"$ref": "#/$defs/0"}, {"$ref": "#/$defs/1"}], "$defs": {"0": {"minimum": 3}, "1": {"maximum": 4}}},
    {"properties": {"a": {"$ref": "#"}}, "type": "object"},
    {"allOf": [{"items": {"type": "integer"}}, {"items": {"minimum": 4}, "minItems": 2}, {"maxItems": 2}]},
    {"allOf": [{"enum": [1, 2, 3]}, {"enum": [2, 3, 4]}, {"enum": [3, 2]}]},
    {"allOf": [{"minimum": 3, "maximum": 9}, {"minimum": 4, "maximum": 8}, True]},
    {"allOf": [{"required": ["a"]}, {"required": ["b"]}, {"properties": {"a": True}}, {"properties": {"a": {}}}]},
    {"allOf": [{"pattern": "^a"}, {"pattern": "^a+$"}]},
    {"allOf": [{"allOf": [{"type": "integer"}]}, {"allOf": [{"minimum": 70}]}]},
    {"anyOf": [False, {"const": "x"}]},
    {"type": "array", "items": {"anyOf": [{"$ref": "#"}, {"type": "null"}]}, "minItems": 1},
    {"type": "array", "items": False},
    {"type": "object", "properties": {"a": {"type": "array", "items": {"$ref": "#"}, "minItems": 1}}},
    {"additionalProperties": {"type": "boolean"}, "required": ["a"]},
    {
        "allOf": [{"$ref": "#/$defs/a"}, {"title": "x"}],
        "$defs": {"a": {"$ref": "#/$defs/b", "minimum": 5}, "b": {"type": "integer"}},
    },
]


@pytest.mark.parametrize("schema", _FITTING, ids=repr)
def test_each_of_these_schemas_gets_a_fitting_value(schema: Schema) -> None:
    for seed in range(25):
        assert judge(schema_instance(schema, seed=seed), schema)


def test_a_list_under_items_is_read_as_draft_7_does() -> None:
    schema: Schema = {"type": "array", "items": [{"const": 1}, {"const": 2}], "additionalItems": False, "minItems": 2}
    assert schema_instance(schema) == [1, 2]
    assert [*problems([1, 2, 3], schema)]


def test_nullable_allows_null_where_a_schema_is_written_for_openapi() -> None:
    assert not [*problems(None, {"type": "string", "nullable": True})]
    assert [*problems(None, {"type": "string", "nullable": False})]


_IMPOSSIBLE: list[tuple[Any, str]] = [
    (False, "allows nothing"),
    ({"type": "integer", "minimum": 3, "maximum": 2}, "no number lies between"),
    ({"allOf": [{"type": "string"}, {"type": "integer"}]}, "nothing to choose from"),
    ({"type": "object", "required": ["a"], "properties": {"a": {"$ref": "#"}}}, "nests without an end"),
    ({"$ref": "#"}, "circle|without an end"),
    ({"$ref": "#/$defs/none"}, "leads nowhere"),
    ({"$ref": "https://example.com/schema"}, "leads out of it"),
    ({"type": "text"}, "'text' does not exist"),
    ({"allOf": [{"$ref": "#/$defs/a"}, {}], "$defs": {"a": False}}, "allows nothing"),
    ({"allOf": [{"$ref": "#/allOf/0"}, {}]}, "in a circle"),
    ({"allOf": [{}, 3]}, "a schema is"),
    ({"enum": [1, 2], "not": {"type": "integer"}}, "rules out"),
    ({"type": "object", "minProperties": 1, "additionalProperties": False}, "allows nothing"),
    ({"type": "array", "contains": {}}, "'contains' is not supported"),
    ({"type": "array", "items": {"type": "null"}, "minItems": 2, "uniqueItems": True}, "too few different items"),
    ({"type": "string", "minLength": 5, "maxLength": 3}, "shorter than 5"),
    ({"type": "string", "pattern": "^(?=a)b$"}, "the group"),
    ("string", "a schema is|allows nothing"),
]


@pytest.mark.parametrize(("schema", "says"), _IMPOSSIBLE, ids=repr)
def test_a_schema_that_nothing_fits_is_an_error_that_says_why(schema: object, says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        schema_instance(schema)


def test_a_schema_that_is_all_wrong_turns_is_given_up_soon() -> None:
    both = {"anyOf": [{"$ref": "#/$defs/a"}, {"$ref": "#/$defs/a"}]}
    schema: Schema = {
        "$ref": "#/$defs/a",
        "$defs": {"a": {"type": "object", "required": ["x"], "properties": {"x": both}}},
    }
    with pytest.raises(ConfigurationError, match="too many wrong turns"):
        schema_instance(schema)


@pytest.mark.parametrize(
    "pattern",
    [
        r"\u0041\x42",
        r"^a{x}$",
        r"[\d\-\]]+",
        r"[^\w\s]",
        r"(?:ab|cd)*?e",
        r"a{2}b{1,}c{0,1}",
        r"\t\.",
        r"[a-]",
        r"\D\W\S",
    ],
)
def test_a_text_is_made_for_each_kind_of_pattern(pattern: str) -> None:
    for seed in range(20):
        assert re.search(pattern, schema_instance({"type": "string", "pattern": pattern}, seed=seed))


@pytest.mark.parametrize(
    "pattern",
    [r"(a", r"a)", r"*a", r"(?<n>a)", r"\1", r"\bword", r"[z-a]", r"a++", r"\u12", r"[a", "a\\", r"[\d-z]x\p"],
)
def test_a_pattern_that_is_not_read_is_refused_and_quoted(pattern: str) -> None:
    with pytest.raises(ConfigurationError, match=re.escape(repr(pattern))):
        schema_instance({"type": "string", "pattern": pattern})
