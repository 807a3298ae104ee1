"""The arguments of a tool: told as a JSON Schema, read from a call, filled by the program."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal, TypedDict

import msgspec
import pydantic
import pytest

from tidewire.callables import docs_of
from tidewire.config import RunnableConfig
from tidewire.events.errors import ConfigurationError, ToolError
from tidewire.injected import InjectedToolArg, InjectedToolCallId, Injection, ToolRuntime
from tidewire.runs import OpenRun
from tidewire.tool_schema import Arguments, arguments_of, arguments_of_schema, one_argument_of


def injection(call_id: str | None = "call_1", **values: object) -> Injection:
    run = OpenRun("t", kind="tool", input=None, config=None)
    return Injection(ToolRuntime(run, {"tags": ["t"]}, call_id), values)


def of(function: Callable[..., Any]) -> Arguments:
    return arguments_of("t", function, docs_of(function))


def read(arguments: Arguments, given: Mapping[str, Any], filled: Injection | None = None) -> dict[str, Any]:
    by_place, by_name = arguments.read("t", given, filled or injection())
    assert by_place == []
    return by_name


def anything(**given: object) -> object:
    return given


def one(text: str) -> str:
    return text


class Where(TypedDict):
    city: Annotated[str, "The city's name."]


def look(
    where: Where,
    /,
    days: int = 1,
    *,
    unit: Literal["c", "f"] = "c",
    limit: int | None = None,
    anything: Any = None,  # noqa: ANN401 - a parameter of any type
) -> str:
    """Look at the weather.

    Args:
        where: Where to look.
        days: How many days.
        unit: Of what.
    """
    return f"{where} {days} {unit} {limit} {anything}"


def test_a_signature_is_told_as_a_schema() -> None:
    assert of(look).schema == {
        "type": "object",
        "properties": {
            "where": {
                "type": "object",
                "properties": {"city": {"type": "string", "description": "The city's name."}},
                "required": ["city"],
                "description": "Where to look.",
            },
            "days": {"type": "integer", "description": "How many days.", "default": 1},
            "unit": {"enum": ["c", "f"], "type": "string", "description": "Of what.", "default": "c"},
            "limit": {"anyOf": [{"type": "integer"}, {"type": "null"}], "default": None},
            "anything": {"default": None},
        },
        "required": ["where"],
    }


def test_arguments_are_read_by_place_and_by_name() -> None:
    given = {"where": {"city": "Lisbon"}, "days": "3", "unit": None}
    assert of(look).read("t", given, injection()) == ([{"city": "Lisbon"}], {"days": 3})


def test_what_may_only_be_given_by_place_has_its_defaults_filled_in() -> None:
    def add(a: int = 1, b: int = 2, /) -> int:
        return a + b

    assert of(add).read("t", {"b": 5}, injection()) == ([1, 5], {})


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({}, "where: is missing"),
        ({"where": {"city": 1}}, "where.city: 1 is not a text"),
        ({"where": {"city": "a"}, "dayz": 1}, "there is no argument 'dayz'; did you mean 'days'?"),
        (
            {"where": {"city": "a"}, "xxxx": 1},
            "there is no argument 'xxxx'; there are 'where', 'days', 'unit', 'limit', 'anything'",
        ),
        ({"where": 1, "unit": "k"}, "where: 1 is not an object; unit: 'k' is not one of 'c', 'f'"),
    ],
)
def test_arguments_that_do_not_fit_are_told_all_at_once(given: dict[str, Any], told: str) -> None:
    with pytest.raises(ToolError) as caught:
        of(look).read("t", given, injection())
    assert str(caught.value) == f"the arguments of tool 't' do not fit: {told}"


def test_fields_of_pydantic_describe_parameters_and_give_their_defaults() -> None:
    def search(
        query: str = pydantic.Field(description="What for."),
        limit: int = pydantic.Field(3, ge=1),
        tags: list[str] = pydantic.Field(default_factory=list[str]),  # noqa: B008 - as users of pydantic write it
    ) -> None: ...

    arguments = of(search)
    assert arguments.schema["properties"] == {
        "query": {"type": "string", "description": "What for."},
        "limit": {"type": "integer", "minimum": 1, "default": 3},
        "tags": {"type": "array", "items": {"type": "string"}, "default": []},
    }
    assert arguments.schema["required"] == ["query"]
    made = read(arguments, {"query": "x"})
    assert made == {"query": "x", "limit": 3, "tags": []}
    assert read(arguments, {"query": "x"})["tags"] is not made["tags"]


def test_partials_methods_and_instances_are_tools_too() -> None:
    class Searcher:
        """Searches."""

        def __call__(self, query: str) -> str:
            return query

        def search(self, query: str) -> str:
            return query

    for function in (Searcher(), Searcher().search):
        assert of(function).schema["properties"] == {"query": {"type": "string"}}
    assert list(of(functools.partial(look, unit="f")).schema["properties"]) == [
        "where", "days", "unit", "limit", "anything",
    ]  # fmt: skip


def test_a_recursive_argument_is_defined_once_for_all() -> None:
    class Node(msgspec.Struct):
        kids: list[Node] = []

    def walk(one: Node, other: list[Node]) -> None: ...

    schema = of(walk).schema
    assert list(schema["$defs"]) == ["Node"]
    assert "$defs" not in schema["properties"]["one"]


def test_parameters_that_no_model_could_give_are_refused() -> None:
    def many(*cities: str) -> None: ...

    def any_of_them(**cities: str) -> None: ...

    def odd(thing: Exception) -> None: ...

    with pytest.raises(ConfigurationError, match="takes \\*cities; a model needs parameters with names"):
        of(many)
    with pytest.raises(ConfigurationError, match="takes \\*cities"):
        of(any_of_them)
    with pytest.raises(ConfigurationError, match="parameter 'thing' of tool 't' has no JSON Schema: Exception"):
        of(odd)


# --- what the program fills ---


def deliver(
    text: str,
    user: Annotated[str, InjectedToolArg],
    call_id: Annotated[str, InjectedToolCallId()],
    config: RunnableConfig,
    runtime: ToolRuntime | None = None,
    mood: Annotated[str, InjectedToolArg()] = "calm",
) -> None: ...


def test_what_the_program_fills_is_not_told_and_filled() -> None:
    arguments = of(deliver)
    assert arguments.schema == {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}
    filled = injection(user="ann")
    assert read(arguments, {"text": "hi"}, filled) == {
        "text": "hi",
        "user": "ann",
        "call_id": "call_1",
        "config": {"tags": ["t"]},
        "runtime": filled.runtime,
    }
    assert read(arguments, {"text": "hi", "user": "bob", "mood": "mad"}, filled)["user"] == "ann"
    assert read(arguments, {"text": "hi", "user": "bob", "mood": "mad"}) | {"config": 0, "runtime": 0} == {
        "text": "hi", "user": "bob", "call_id": "call_1", "config": 0, "runtime": 0, "mood": "mad",
    }  # fmt: skip


def test_what_the_program_has_not_filled_is_its_mistake() -> None:
    with pytest.raises(ConfigurationError, match=r"takes 'user' from the program; pass inject=\{'user': …\}"):
        read(of(deliver), {"text": "hi"})
    with pytest.raises(ConfigurationError, match="takes the id of its call as 'call_id'; invoke it with a tool call"):
        read(of(deliver), {"text": "hi"}, injection(None, user="ann"))


# --- args_schema ---


class Search(pydantic.BaseModel):
    """Search the web."""

    query: str = pydantic.Field(description="What for.", min_length=2)
    limit: int = 3
    user: Annotated[str, InjectedToolArg] = "nobody"


class SearchStruct(msgspec.Struct):
    """Search the web."""

    query: Annotated[str, "What for.", msgspec.Meta(min_length=2)]
    user: Annotated[str, InjectedToolArg]
    limit: int = 3


@dataclasses.dataclass
class SearchData:
    """Search the web."""

    query: Annotated[str, "What for.", pydantic.Field(min_length=2)]
    user: Annotated[str, InjectedToolArg]
    limit: int = 3


def search(query: str, limit: int, user: str) -> None: ...


@pytest.mark.parametrize("schema", [Search, SearchStruct, SearchData])
def test_a_class_describes_the_arguments(schema: type) -> None:
    arguments = arguments_of_schema("t", schema, search)
    assert arguments.schema == {
        "type": "object",
        "properties": {
            "query": {"type": "string", "description": "What for.", "minLength": 2},
            "limit": {"type": "integer", "default": 3},
        },
        "required": ["query"],
    }
    assert read(arguments, {"query": "ab"}, injection(user="ann")) == {"query": "ab", "limit": 3, "user": "ann"}
    assert read(arguments, {"query": "ab", "limit": "4"}, injection(user="ann"))["limit"] == 4
    with pytest.raises(ToolError, match="query: "):
        read(arguments, {"query": "a"}, injection(user="ann"))
    with pytest.raises(ToolError, match="there is no argument 'q'"):
        read(arguments, {"query": "ab", "q": 1}, injection(user="ann"))


class Connection:
    """What no JSON Schema describes."""


class Query(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(arbitrary_types_allowed=True)
    text: str = pydantic.Field(alias="Text")
    connection: Annotated[Connection, InjectedToolArg]


@dataclasses.dataclass
class QueryData:
    text: str
    connection: Annotated[Connection, InjectedToolArg]


@pytest.mark.parametrize("schema", [Query, QueryData])
def test_what_the_program_fills_may_be_of_any_type(schema: type) -> None:
    connection = Connection()
    arguments = arguments_of_schema("t", schema, anything)
    (key,) = arguments.schema["properties"]
    made = read(arguments, {key: "hi"}, injection(connection=connection))
    assert (made["text"], made["connection"]) == ("hi", connection)
    with pytest.raises(ToolError, match="is missing"):
        read(arguments, {}, injection(connection=connection))


def test_a_model_with_a_field_of_any_type_has_no_schema() -> None:
    class Open(pydantic.BaseModel):
        model_config = pydantic.ConfigDict(arbitrary_types_allowed=True)
        connection: Connection

    with pytest.raises(ConfigurationError, match="Open has no JSON Schema: Cannot generate"):
        arguments_of_schema("t", Open, anything)


class Nested(TypedDict, total=False):
    where: Where
    limit: int


def test_a_typed_dict_gives_only_what_was_given() -> None:
    arguments = arguments_of_schema("t", Nested, anything)
    assert read(arguments, {"where": {"city": "a"}}) == {"where": {"city": "a"}}
    with pytest.raises(ToolError, match=r"where.city: is missing"):
        read(arguments, {"where": {}})


def test_what_a_class_finds_wrong_is_told_to_the_model() -> None:
    @dataclasses.dataclass
    class Range:
        low: int
        high: int

        def __post_init__(self) -> None:
            if self.low > self.high:
                raise ValueError("low is above high")

    class Checked(pydantic.BaseModel):
        low: int
        high: int
        extra: str = "e"

        @pydantic.model_validator(mode="after")
        def check(self) -> Checked:
            if self.low > self.high:
                raise ValueError("low is above high")
            return self

    for schema in (Range, Checked):
        with pytest.raises(ToolError, match=r"low is above high"):
            read(arguments_of_schema("t", schema, search), {"low": 2, "high": 1})


def test_a_model_that_takes_more_gets_more() -> None:
    class Open(pydantic.BaseModel):
        model_config = pydantic.ConfigDict(extra="allow")
        a: int

    assert read(arguments_of_schema("t", Open, anything), {"a": 1, "b": 2}) == {"a": 1, "b": 2}


SCHEMA = {
    "title": "Search",
    "description": "Search the web.",
    "type": "object",
    "properties": {"query": {"type": "string"}, "limit": {"type": "integer"}},
    "required": ["query"],
}


def test_a_json_schema_describes_the_arguments_and_injected_ones_come_from_the_signature() -> None:
    def run(query: str, limit: int = 3, *, call_id: Annotated[str, InjectedToolCallId]) -> None: ...

    arguments = arguments_of_schema("t", SCHEMA, run)
    assert arguments.schema == {key: SCHEMA[key] for key in ("type", "properties", "required")}
    assert read(arguments, {"query": "a", "limit": None}) == {"query": "a", "call_id": "call_1"}
    with pytest.raises(ToolError, match="do not fit: the property 'query' is missing"):
        read(arguments, {"limit": 1})
    with pytest.raises(ToolError, match="limit: 'x' is not of type integer"):
        read(arguments, {"query": "a", "limit": "x"})
    assert read(arguments_of_schema("t", SCHEMA, run, validate=False), {"limit": "x"})["limit"] == "x"


@pytest.mark.parametrize(
    ("schema", "told"),
    [
        ({"type": "array", "items": {}}, "of type 'array', not an object's"),
        ({"type": "object", "propertys": {}}, "'propertys' is not known; did you mean 'properties'"),
        ({"type": "object", "properties": {"a": {"if": {}}}}, "'if' is not known"),
        (int, "a class with fields or a JSON Schema, not int"),
    ],
)
def test_what_describes_no_arguments_is_refused(schema: Any, told: str) -> None:  # noqa: ANN401 - that is the test
    with pytest.raises(ConfigurationError, match=told):
        arguments_of_schema("t", schema, search)


def test_a_function_of_one_text_needs_no_annotations() -> None:
    arguments = one_argument_of("t", one)
    assert arguments.schema["properties"] == {"text": {"type": "string"}}
    assert read(arguments, {"text": "a"}) == {"text": "a"}
    with pytest.raises(ConfigurationError, match="takes 3 arguments"):
        one_argument_of("t", search)
