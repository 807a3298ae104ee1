"""Tools as users bind them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pytest

from tidewire.adapters.spec import NativeTool, ToolSpec
from tidewire.events.errors import ConfigurationError
from tidewire.tools import tool_choice_of, tools_of

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


def untyped(thing: Exception) -> str:
    return str(thing)


def test_what_is_no_tool_is_refused_by_name() -> None:
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
    words = tools_of([{"type": "custom", "name": "write_sql"}])
    assert tool_choice_of("write_sql", words) == ("tool", "write_sql")


def test_a_choice_that_is_not_bound_is_an_error() -> None:
    with pytest.raises(ConfigurationError, match="'lookup' is not bound; bound tools: 'weather'"):
        tool_choice_of("lookup", tools_of([weather]))
    with pytest.raises(ConfigurationError, match="tool_choice is"):
        tool_choice_of({"x": 1}, tools_of([weather]))
