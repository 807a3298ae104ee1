"""Tools as users bind them."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Any, Literal, TypedDict

import msgspec
import pydantic
import pytest

from tidewire import init_chat_model
from tidewire.adapters.spec import NativeTool, ToolSpec
from tidewire.events.errors import ConfigurationError
from tidewire.tool_binding import add_tools, schema_name
from tidewire.tools import tool, tool_choice_of, tools_of

SCHEMA: dict[str, Any] = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}


def weather(city: Annotated[str, "a city's name"], unit: Literal["c", "f"] = "c", days: int = 1) -> str:
    """The weather in a city."""
    return f"{city} {unit} {days}"


def test_a_function_is_described_by_its_signature() -> None:
    (tool,) = tools_of([weather])
    assert tool == ToolSpec(
        name="weather",
        description="The weather in a city.",
        parameters={
            "type": "object",
            "properties": {
                "city": {"type": "string", "description": "a city's name"},
                "unit": {"enum": ["c", "f"], "type": "string", "default": "c"},
                "days": {"type": "integer", "default": 1},
            },
            "required": ["city"],
        },
    )


@pytest.mark.parametrize(
    "given",
    [
        {"name": "weather", "description": "d", "parameters": SCHEMA},
        {"name": "weather", "description": "d", "input_schema": SCHEMA},
        {"type": "function", "name": "weather", "description": "d", "parameters": SCHEMA},
        {"type": "function", "function": {"name": "weather", "description": "d", "parameters": SCHEMA}},
    ],
)
def test_dicts_of_the_usual_forms_mean_the_same(given: dict[str, Any]) -> None:
    assert tools_of([given]) == (ToolSpec("weather", "d", SCHEMA),)


class WeatherModel(pydantic.BaseModel):
    """The weather in a city."""

    city: str = pydantic.Field(description="a city's name")
    days: int = 1


class WeatherDict(TypedDict):
    """The weather in a city."""

    city: Annotated[str, "a city's name"]
    days: Annotated[int, 1, "how many"]


class WeatherStruct(msgspec.Struct):
    """The weather in a city."""

    city: Annotated[str, "a city's name"]
    days: int = 1


@dataclasses.dataclass
class WeatherData:
    """The weather in a city.

    Attributes:
        city: a city's name
    """

    city: str
    days: int = 1


@pytest.mark.parametrize("given", [WeatherModel, WeatherStruct, WeatherData, WeatherDict])
def test_a_class_is_a_tool_whose_arguments_are_its_fields(given: type) -> None:
    (spec,) = tools_of([given])
    assert isinstance(spec, ToolSpec)
    assert (spec.name, spec.description) == (given.__name__, "The weather in a city.")
    days = {"type": "integer", "default": 1} | ({"description": "how many"} if given is WeatherDict else {})
    assert spec.parameters == {
        "type": "object",
        "properties": {"city": {"type": "string", "description": "a city's name"}, "days": days},
        "required": ["city"],
    }


def test_a_tool_tells_its_name_schema_and_extras() -> None:
    @tool("look", extras={"cache_control": {"type": "ephemeral"}})
    def look_up(city: str) -> str:
        """Look.

        Args:
            city: Where.
        """
        return city

    assert tools_of([look_up]) == (
        ToolSpec(
            "look",
            "Look.",
            {
                "type": "object",
                "properties": {"city": {"type": "string", "description": "Where."}},
                "required": ["city"],
            },
            extras={"cache_control": {"type": "ephemeral"}},
        ),
    )


def test_a_plain_function_s_docstring_is_read_as_a_tool_s_is() -> None:
    def look(city: str) -> str:
        """Look.

        Args:
            city: Where.
        """
        return city

    assert tools_of([look]) == tools_of([tool(look)])


def test_a_json_schema_is_called_by_its_title() -> None:
    (spec,) = tools_of([{"title": "Get weather", "description": "d", **SCHEMA}])
    assert spec == ToolSpec("Get_weather", "d", SCHEMA)
    with pytest.raises(ConfigurationError, match="needs a title"):
        tools_of([SCHEMA])


def test_strict_closes_the_schema() -> None:
    (spec,) = tools_of([WeatherStruct], strict=True)
    assert isinstance(spec, ToolSpec)
    assert spec.strict is True
    assert (spec.parameters["required"], spec.parameters["additionalProperties"]) == (["city", "days"], False)
    (open_one,) = tools_of([{"name": "f", "parameters": {"type": "object", "properties": {"a": {}}}}], strict=True)
    assert isinstance(open_one, ToolSpec)
    assert open_one.parameters == {"type": "object", "properties": {"a": {}}, "additionalProperties": False}


def test_two_tools_of_one_name_are_a_mistake_and_a_later_one_replaces_an_earlier() -> None:
    with pytest.raises(ConfigurationError, match="two tools are called 'weather'"):
        tools_of([weather, {"name": "weather", "parameters": SCHEMA}])
    search = NativeTool({"type": "web_search"})
    one, other, new = ToolSpec("one"), ToolSpec("other"), ToolSpec("one", "new")
    assert add_tools((one, search, other), (new, search)) == (other, new, search)
    servers = (NativeTool({"type": "mcp", "server_label": "a"}), NativeTool({"type": "mcp", "server_label": "b"}))
    assert add_tools(servers[:1], servers[1:]) == servers


def test_binding_again_adds_and_keeps_what_is_not_said_anew() -> None:
    model = init_chat_model("embedded:demo")
    bound = model.bind_tools([weather], tool_choice="any", parallel_tool_calls=False)
    more = bound.bind_tools([WeatherStruct])
    assert [getattr(spec, "name", None) for spec in more.settings.tools] == ["weather", "WeatherStruct"]
    assert (more.settings.tool_choice, more.settings.parallel_tool_calls) == ("any", False)
    assert more.bind_tools([weather], tool_choice=False).settings.tool_choice is None
    assert more.bind_tools([weather], tool_choice="WeatherStruct").settings.tool_choice == ("tool", "WeatherStruct")
    none = more.bind_tools([])
    assert (none.settings.tools, none.settings.tool_choice) == ((), None)
    assert model.settings.tools == ()


@pytest.mark.parametrize(
    ("name", "made"),
    [("Film", "Film"), ("Box[int]", "Box_int"), ("a b/c", "a_b_c"), ("", "value"), ("x" * 70, "x" * 64)],
)
def test_names_are_made_of_what_providers_take(name: str, made: str) -> None:
    assert schema_name(name) == made


def test_what_a_dict_says_besides_is_kept() -> None:
    (tool,) = tools_of([{"name": "weather", "input_schema": SCHEMA, "cache_control": {"type": "ephemeral"}}])
    assert isinstance(tool, ToolSpec)
    assert tool.extras == {"cache_control": {"type": "ephemeral"}}


def test_a_providers_own_tool_is_passed_on_as_it_is() -> None:
    search = {"type": "web_search_20250305", "name": "web_search", "max_uses": 5}
    words = {"type": "custom", "name": "write_sql", "format": {"type": "text"}}
    assert tools_of([search, words, {"type": "web_search"}, {"google_search": {}}]) == (
        NativeTool(search),
        NativeTool(words),
        NativeTool({"type": "web_search"}),
        NativeTool({"google_search": {}}),
    )


def test_strict_is_asked_of_every_tool_that_does_not_say() -> None:
    tools = tools_of([weather, {"name": "f", "parameters": SCHEMA, "strict": False}], strict=True)
    assert [tool.strict for tool in tools if isinstance(tool, ToolSpec)] == [True, False]


def many(*cities: str) -> str:
    return " ".join(cities)


class Plain:
    pass


def untyped(thing: Exception) -> str:
    return str(thing)


def test_what_is_no_tool_is_refused_by_name() -> None:
    with pytest.raises(ConfigurationError, match="a tool is a function, a class with fields or a dict, got Plain"):
        tools_of([Plain])
    with pytest.raises(ConfigurationError, match="got int"):
        tools_of([3])  # type: ignore[list-item]  # pyright: ignore[reportArgumentType]  # that is the test
    with pytest.raises(ConfigurationError, match="takes \\*cities"):
        tools_of([many])
    with pytest.raises(ConfigurationError, match="'thing' of tool 'untyped' has no JSON Schema"):
        tools_of([untyped])
    with pytest.raises(ConfigurationError, match="needs a name and parameters"):
        tools_of([{"description": "x", "title": "y"}])


def test_tool_choices_have_one_vocabulary() -> None:
    tools = tools_of([weather, {"type": "web_search"}])
    assert tool_choice_of(None, tools) is None
    assert tool_choice_of(False, tools) is None
    assert [tool_choice_of(choice, tools) for choice in ("any", "required", True)] == ["any"] * 3
    assert tool_choice_of("auto", tools) == "auto"
    assert tool_choice_of("none", tools) == "none"
    named: list[Any] = [
        "weather",
        ("tool", "weather"),
        {"type": "function", "function": {"name": "weather"}},
        {"type": "tool", "name": "weather"},
    ]
    assert [tool_choice_of(choice, tools) for choice in named] == [("tool", "weather")] * 4
    assert tool_choice_of({"type": "web_search"}, tools) == ("tool", "web_search")
    assert [tool_choice_of({"type": word}, tools) for word in ("auto", "any", "none")] == ["auto", "any", "none"]
    words = tools_of([{"type": "custom", "name": "write_sql"}])
    assert tool_choice_of("write_sql", words) == ("tool", "write_sql")


def test_a_choice_that_is_not_bound_is_an_error() -> None:
    with pytest.raises(ConfigurationError, match="'lookup' is not bound; bound tools: 'weather'"):
        tool_choice_of("lookup", tools_of([weather]))
    with pytest.raises(ConfigurationError, match="tool_choice is"):
        tool_choice_of({"x": 1}, tools_of([weather]))
