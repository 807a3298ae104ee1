"""Requests to Anthropic as JSON; whatever comes out is also checked against the official client's types."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from anthropic.types.beta.message_create_params import MessageCreateParamsNonStreaming, MessageCreateParamsStreaming

from tests.adapters.conforms import problem_with
from tidewire.adapters.anthropic_request import body_of
from tidewire.adapters.spec import ModelRequest, NativeTool, OutputSchema, ToolSpec
from tidewire.events.blocks import JSONObject
from tidewire.events.errors import ConfigurationError
from tidewire.events.messages import AIMessage, HumanMessage, SystemMessage

WEATHER = ToolSpec("weather", "Tells the weather", {"type": "object", "properties": {"city": {"type": "string"}}})
WEATHER_SPELLED = {
    "name": "weather",
    "description": "Tells the weather",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}},
}
ANSWER = OutputSchema("answer", {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]})


def request(**fields: Any) -> ModelRequest:
    given: dict[str, Any] = {
        "model": "claude",
        "messages": [HumanMessage("hi")],
        "base_url": "http://x",
        "stream": False,
    }
    return ModelRequest(**{**given, **fields})


def body(**fields: Any) -> JSONObject:
    spelled: JSONObject = msgspec.json.decode(body_of(request(**fields), "anthropic")[0])
    kind = MessageCreateParamsStreaming if spelled.get("stream") else MessageCreateParamsNonStreaming
    # The client's types no longer name these, as its newest models do not take them; the API and older models do.
    named = {name: value for name, value in spelled.items() if name not in ("temperature", "top_k", "top_p")}
    assert problem_with(named, kind) is None
    return spelled


def test_the_least_request() -> None:
    assert body() == {"model": "claude", "max_tokens": 4096, "messages": [{"role": "user", "content": "hi"}]}


def test_a_streamed_request_says_so() -> None:
    assert body(stream=True)["stream"] is True


def test_the_check_against_the_clients_types_finds_what_is_wrong() -> None:
    for value in (
        {"model": "claude", "max_tokens": 1, "messages": [{"role": "user", "content": [{"type": "text"}]}]},
        {"model": "claude", "max_tokens": 1, "messages": [{"role": "user", "content": "hi"}], "max_token": 1},
        {"model": "claude", "max_tokens": "1", "messages": [{"role": "user", "content": "hi"}]},
    ):
        assert problem_with(value, MessageCreateParamsNonStreaming) is not None


@pytest.mark.parametrize(
    ("parameters", "spelled"),
    [
        ({"max_tokens": 5}, {"max_tokens": 5}),
        ({"temperature": 0.0, "top_p": 0.5, "top_k": 3}, {"temperature": 0.0, "top_p": 0.5, "top_k": 3}),
        ({"temperature": None}, {}),
        ({"stop": "END"}, {"stop_sequences": ["END"]}),
        ({"stop": ["A", "B"]}, {"stop_sequences": ["A", "B"]}),
        ({"stop": []}, {}),
        ({"user": "u1"}, {"metadata": {"user_id": "u1"}}),
        ({"metadata": {"user_id": "u2"}}, {"metadata": {"user_id": "u2"}}),
        ({"thinking": {"type": "adaptive"}}, {"thinking": {"type": "adaptive"}}),
        (
            {"thinking": {"type": "enabled", "budget_tokens": 10_000}},
            {"thinking": {"type": "enabled", "budget_tokens": 10_000}, "max_tokens": 14_096},
        ),
        (
            {"thinking": {"type": "enabled", "budget_tokens": 10_000}, "max_tokens": 12_000},
            {"thinking": {"type": "enabled", "budget_tokens": 10_000}, "max_tokens": 12_000},
        ),
        ({"reasoning_effort": "low"}, {"thinking": {"type": "adaptive"}, "output_config": {"effort": "low"}}),
        ({"reasoning_effort": "off"}, {"thinking": {"type": "disabled"}}),
        ({"reasoning": True}, {"thinking": {"type": "adaptive"}}),
        (
            {"reasoning": {"budget_tokens": 2048}},
            {"thinking": {"type": "enabled", "budget_tokens": 2048}, "max_tokens": 6144},
        ),
        (
            {"reasoning_effort": "max", "output_config": {"task_budget": {"type": "tokens", "total": 20_000}}},
            {
                "thinking": {"type": "adaptive"},
                "output_config": {"task_budget": {"type": "tokens", "total": 20_000}, "effort": "max"},
            },
        ),
        (
            {"reasoning_effort": "low", "thinking": {"type": "adaptive", "display": "omitted"}},
            {"thinking": {"type": "adaptive", "display": "omitted"}, "output_config": {"effort": "low"}},
        ),
        ({"output_config": {"effort": "high"}}, {"output_config": {"effort": "high"}}),
        ({"service_tier": "standard_only"}, {"service_tier": "standard_only"}),
        ({"container": "container_1", "inference_geo": "us"}, {"container": "container_1", "inference_geo": "us"}),
        ({"cache_control": {"type": "ephemeral"}}, {"cache_control": {"type": "ephemeral"}}),
        (
            {"mcp_servers": [{"type": "url", "name": "echo", "url": "https://x"}]},
            {"mcp_servers": [{"type": "url", "name": "echo", "url": "https://x"}]},
        ),
        (
            {"context_management": {"edits": [{"type": "clear_tool_uses_20250919"}]}},
            {"context_management": {"edits": [{"type": "clear_tool_uses_20250919"}]}},
        ),
        ({"speed": "fast", "fallbacks": "default"}, {"speed": "fast", "fallbacks": "default"}),
        ({"betas": ["a"]}, {}),
    ],
)
def test_parameters_have_anthropics_names(parameters: JSONObject, spelled: JSONObject) -> None:
    assert body(parameters=parameters) == {**body(), **spelled}


def test_tools_are_spelled_with_what_only_anthropic_knows_of_them() -> None:
    marked = ToolSpec(
        "now", strict=True, extras={"cache_control": {"type": "ephemeral"}, "defer_loading": True, "x": 1}
    )
    assert body(tools=(WEATHER, marked, NativeTool({"type": "web_search_20250305", "name": "web_search"})))[
        "tools"
    ] == [
        WEATHER_SPELLED,
        {
            "name": "now",
            "input_schema": {"type": "object"},
            "strict": True,
            "cache_control": {"type": "ephemeral"},
            "defer_loading": True,
        },
        {"type": "web_search_20250305", "name": "web_search"},
    ]


@pytest.mark.parametrize(
    ("choice", "parallel", "spelled"),
    [
        (None, None, None),
        (None, True, None),
        (None, False, {"type": "auto", "disable_parallel_tool_use": True}),
        ("auto", None, {"type": "auto"}),
        ("any", None, {"type": "any"}),
        ("any", False, {"type": "any", "disable_parallel_tool_use": True}),
        ("none", False, {"type": "none"}),
        (("tool", "weather"), True, {"type": "tool", "name": "weather"}),
        (("tool", "weather"), False, {"type": "tool", "name": "weather", "disable_parallel_tool_use": True}),
    ],
)
def test_the_choice_of_a_tool(choice: Any, parallel: bool | None, spelled: JSONObject | None) -> None:  # noqa: ANN401 - any of its forms
    assert body(tools=(WEATHER,), tool_choice=choice, parallel_tool_calls=parallel).get("tool_choice") == spelled


@pytest.mark.parametrize("choice", [None, "auto", "none"])
def test_without_tools_nothing_is_said_of_them(choice: Any) -> None:  # noqa: ANN401 - any of its forms
    assert "tool_choice" not in body(tool_choice=choice, parallel_tool_calls=False)


def test_a_choice_without_tools_that_asks_for_one_is_left_to_the_provider_to_refuse() -> None:
    assert body(tool_choice="any")["tool_choice"] == {"type": "any"}


def test_the_form_of_the_answer_is_a_closed_schema() -> None:
    schema: JSONObject = {
        "type": "object",
        "properties": {
            "properties": {"type": "array", "items": {"type": "object", "properties": {}}},
            "either": {"anyOf": [{"$ref": "#/$defs/a"}, {"type": "null"}, True]},
            "open": {"type": "object", "additionalProperties": {"type": "string"}},
            "no": {"not": {"type": "object"}},
        },
        "required": ["properties"],
        "$defs": {"a": {"type": "object", "properties": {"b": {"type": "string", "enum": ["c"]}}}},
    }
    given = msgspec.json.encode(schema)
    closed = body(output=OutputSchema("answer", schema))["output_config"]["format"]
    assert closed == {
        "type": "json_schema",
        "schema": {
            "type": "object",
            "properties": {
                "properties": {
                    "type": "array",
                    "items": {"type": "object", "properties": {}, "additionalProperties": False},
                },
                "either": {"anyOf": [{"$ref": "#/$defs/a"}, {"type": "null"}, True]},
                "open": {"type": "object", "additionalProperties": {"type": "string"}},
                "no": {"not": {"type": "object", "additionalProperties": False}},
            },
            "required": ["properties"],
            "$defs": {
                "a": {
                    "type": "object",
                    "properties": {"b": {"type": "string", "enum": ["c"]}},
                    "additionalProperties": False,
                }
            },
            "additionalProperties": False,
        },
    }
    assert msgspec.json.encode(schema) == given


def test_the_form_of_the_answer_and_the_effort_go_together() -> None:
    config = body(output=ANSWER, parameters={"reasoning_effort": "low"})["output_config"]
    assert config["effort"] == "low"
    assert config["format"]["schema"]["required"] == ["n"]


def test_any_json_object_is_no_form_that_anthropic_knows() -> None:
    with pytest.raises(ConfigurationError, match="json_mode"):
        body(output=OutputSchema("answer", None))


def test_extra_fields_come_last() -> None:
    assert body(extra_body={"max_tokens": 7, "diagnostics": {"previous_message_id": "m"}})["max_tokens"] == 7


def test_the_system_prompt_and_the_warnings_come_from_the_conversation() -> None:
    messages = [SystemMessage("be brief"), HumanMessage("hi"), SystemMessage("be kind")]
    assert len(body(messages=messages)["system"]) == 2
    assert [warning.code for warning in body_of(request(messages=messages), "anthropic")[1]] == ["system_message_moved"]
    placed = body(messages=messages, mid_conversation_system_messages=True)
    assert placed["system"] == "be brief"
    assert placed["messages"][-1] == {"role": "system", "content": "be kind"}


def test_half_a_character_in_a_call_is_sent_as_its_escape() -> None:
    call = AIMessage("", tool_calls=[{"name": "a", "args": {"x": "\ud83d"}, "id": "1"}])
    data = body_of(request(messages=[HumanMessage("hi"), call]), "anthropic")[0]
    assert rb"\ud83d" in data


def test_what_is_no_json_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="cannot be written as JSON"):
        body(extra_body={"x": object()})


@pytest.mark.parametrize(
    ("parameters", "budget"),
    [
        ({"reasoning_effort": "medium", "max_tokens": 6000}, 3000),
        ({"reasoning": {"budget_tokens": 8192}, "max_tokens": 6000}, 8192),
        ({"reasoning_effort": "medium", "thinking": {"type": "enabled", "budget_tokens": 5}}, 5),
    ],
)
def test_an_effort_leaves_room_for_the_answer_and_a_number_of_tokens_is_the_callers(
    parameters: JSONObject, budget: int
) -> None:
    spelled = body(model="claude-sonnet-4-5", parameters=parameters)
    assert spelled["thinking"] == {"type": "enabled", "budget_tokens": budget}
