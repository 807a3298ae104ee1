"""Requests to the Responses API as JSON; whatever comes out is also checked against the official client's types."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from openai.types.responses.response_create_params import (
    ResponseCreateParamsNonStreaming,
    ResponseCreateParamsStreaming,
)

from tests.adapters.conforms import problem_with
from tests.adapters.test_openai_responses_history import CALL, answer
from tests.adapters.test_openai_responses_open import said
from tidewire.adapters.openai_responses_dialect import PARAMETERS, STEERING, Dialect
from tidewire.adapters.openai_responses_request import body_of
from tidewire.adapters.reasoning import thinking
from tidewire.adapters.spec import ModelRequest, NativeTool, OutputSchema, ToolChoice, ToolSpec
from tidewire.events.errors import ConfigurationError
from tidewire.events.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage

Json = dict[str, Any]
SCHEMA: Json = {"type": "object", "properties": {"x": {"type": "integer"}}, "required": ["x"]}
ADD = ToolSpec("add", "Adds.", SCHEMA)


def body(dialect: Dialect | None = None, **fields: Any) -> Json:
    """The body of a request for "Hi", without its model and input."""
    given: Json = {"model": "m", "messages": [HumanMessage("Hi")], "base_url": "http://x", "stream": False, **fields}
    spelled: Json = msgspec.json.decode(body_of(ModelRequest(**given), dialect or Dialect())[0])
    kind = ResponseCreateParamsStreaming if spelled.get("stream") else ResponseCreateParamsNonStreaming
    if "extra_body" not in fields:
        assert problem_with(spelled, kind) is None
    assert spelled.pop("model") == "m"
    if "messages" not in fields:
        assert spelled.pop("input") == [{"role": "user", "content": "Hi"}]
    return spelled


def parameters(dialect: Dialect | None = None, **given: Any) -> Json:
    return body(dialect, parameters=given)


def test_the_least_request_and_a_streamed_one() -> None:
    assert body() == {}
    assert body(stream=True) == {"stream": True}
    assert body(extra_body={"stream": 7, "x": 1}) == {"stream": 7, "x": 1}


def test_a_request_with_everything_is_what_the_official_client_sends() -> None:
    spelled = body(
        messages=[
            SystemMessage("Be brief."),
            HumanMessage([{"type": "text", "text": "Look"}, {"type": "image", "url": "https://e.org/i.png"}]),
            answer(
                {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "hm"}]},
                said("A cat.", phase="commentary"),
                CALL,
            ),
            ToolMessage("4", tool_call_id="call_1"),
            AIMessage("Four."),
            HumanMessage("Go on."),
        ],
        tools=(ADD, NativeTool({"type": "web_search"})),
        tool_choice="auto",
        parallel_tool_calls=False,
        output=OutputSchema("answer", SCHEMA, strict=True),
        parameters={"temperature": 0.5, "max_tokens": 100, "reasoning": {"effort": "low", "summary": "auto"}},
        stream=True,
    )
    assert [item.get("type", item.get("role")) for item in spelled.pop("input")] == [
        "system",
        "user",
        "reasoning",
        "message",
        "function_call",
        "function_call_output",
        "assistant",
        "user",
    ]
    assert spelled == {
        "temperature": 0.5,
        "max_output_tokens": 100,
        "reasoning": {"effort": "low", "summary": "auto"},
        "tools": [
            {"type": "function", "name": "add", "description": "Adds.", "parameters": SCHEMA, "strict": False},
            {"type": "web_search"},
        ],
        "tool_choice": "auto",
        "parallel_tool_calls": False,
        "text": {"format": {"type": "json_schema", "name": "answer", "schema": SCHEMA, "strict": True}},
        "stream": True,
    }


# ---------------------------------------------------------------- parameters


def test_parameters_have_the_apis_names_and_places() -> None:
    assert parameters(max_tokens=9, seed=None, verbosity="low", top_logprobs=2, text={"format": {"type": "text"}}) == {
        "max_output_tokens": 9,
        "text": {"verbosity": "low", "format": {"type": "text"}},
        "top_logprobs": 2,
        "include": ["message.output_text.logprobs"],
    }
    same: Json = {
        "context_management": [{"type": "compaction"}],
        "conversation": "conv_1",
        "instructions": "Be brief.",
        "max_tool_calls": 3,
        "metadata": {"a": "b"},
        "moderation": {"model": "omni-moderation-latest"},
        "previous_response_id": "resp_1",
        "prompt": {"id": "p"},
        "prompt_cache_key": "k",
        "prompt_cache_options": {"mode": "explicit"},
        "prompt_cache_retention": "24h",
        "safety_identifier": "s",
        "service_tier": "flex",
        "store": False,
        "top_p": 0.5,
        "truncation": "auto",
        "user": "u",
    }
    assert parameters(**same) == same
    assert parameters(background=False) == {"background": False}


def test_every_parameter_can_be_spelled() -> None:
    special = {"background", "include", "reasoning", "reasoning_effort", *STEERING}
    plain = {name: {name: 1} for name in PARAMETERS.keys() - special}
    spelled = msgspec.json.decode(
        body_of(ModelRequest(model="m", messages=(), base_url="", parameters=plain, stream=False), Dialect())[0]
    )
    assert spelled.pop("text") == {"text": 1, "format": {"response_format": 1}, "verbosity": {"verbosity": 1}}
    assert spelled.keys() - {"model", "input"} == {
        "include",  # for top_logprobs
        *(PARAMETERS[name] for name in plain if not PARAMETERS[name].startswith("text")),
    }


@pytest.mark.parametrize(
    ("given", "fields"),
    [
        ({"reasoning_effort": "high"}, {"reasoning": {"effort": "high"}}),
        ({"reasoning_effort": "none"}, {"reasoning": {"effort": "none"}}),
        ({"reasoning": False}, {"reasoning": {"effort": "none"}}),
        ({"reasoning": True}, {}),
        ({"reasoning": "minimal"}, {"reasoning": {"effort": "minimal"}}),
        ({"reasoning": {"effort": "low"}}, {"reasoning": {"effort": "low"}}),
        ({"reasoning": {"summary": "auto"}}, {"reasoning": {"summary": "auto"}}),
    ],
)
def test_reasoning_is_asked_for_in_any_of_its_forms(given: Json, fields: Json) -> None:
    assert parameters(**given) == fields


def test_a_budget_for_reasoning_is_refused_and_a_host_may_have_its_own_words() -> None:
    with pytest.raises(ConfigurationError, match="cannot be told to reason"):
        parameters(reasoning={"budget_tokens": 100})
    words = Dialect(thinking=thinking("reasoning.effort", "- low low high - -"))
    assert parameters(words, reasoning_effort="medium") == {"reasoning": {"effort": "low"}}


def test_what_other_parameters_need_is_included() -> None:
    encrypted, logprobs = "reasoning.encrypted_content", "message.output_text.logprobs"
    assert parameters(logprobs=True) == {"include": [logprobs]}
    assert parameters(logprobs=False, include=[]) == {"include": []}
    assert parameters(logprobs=True, include=[logprobs]) == {"include": [logprobs]}
    assert parameters(store=False)["store"] is False
    assert "include" not in parameters(store=False)
    assert "include" not in parameters(store=False, reasoning_effort="none")
    assert parameters(store=False, reasoning_effort="low")["include"] == [encrypted]
    assert parameters(store=False, reasoning={"summary": "auto"}, include=[encrypted])["include"] == [encrypted]
    bare = Dialect(parameters={"logprobs": "logprobs"})
    assert parameters(bare, logprobs=True) == {}


def test_what_the_api_does_not_take_is_refused_with_the_way_out() -> None:
    with pytest.raises(ConfigurationError, match=r"does not take the parameter 'stop'.*use_responses_api=False"):
        parameters(stop=["a"])
    with pytest.raises(ConfigurationError, match="background"):
        parameters(background=True)
    with pytest.raises(ConfigurationError, match="xai's Responses API does not take the parameter 'user'"):
        parameters(Dialect(provider="xai", parameters={}), user="u")


def test_the_form_of_the_answer_is_read_in_either_apis_spelling() -> None:
    flat = {"type": "json_schema", "name": "n", "schema": SCHEMA}
    nested = {"type": "json_schema", "json_schema": {"name": "n", "schema": SCHEMA}}
    assert parameters(response_format=nested) == parameters(response_format=flat) == {"text": {"format": flat}}
    assert parameters(response_format={"type": "json_object"}) == {"text": {"format": {"type": "json_object"}}}


def test_the_form_of_the_answer_stands_beside_what_else_is_said_of_its_text() -> None:
    assert body(output=OutputSchema("n", None), parameters={"verbosity": "low"}) == {
        "text": {"verbosity": "low", "format": {"type": "json_object"}}
    }
    assert body(output=OutputSchema("n", SCHEMA, "Numbers."))["text"]["format"] == {
        "type": "json_schema",
        "name": "n",
        "schema": SCHEMA,
        "description": "Numbers.",
    }


def test_a_stored_answer_is_continued_on_request() -> None:
    messages = [HumanMessage("a"), answer(said("b"), id="resp_1"), HumanMessage("c")]
    continued = {"previous_response_id": "resp_1", "input": [{"role": "user", "content": "c"}]}
    assert body(messages=messages, parameters={"use_previous_response_id": True}) == continued
    assert len(body(messages=messages, parameters={"use_previous_response_id": False})["input"]) == 3
    given = {"use_previous_response_id": True, "previous_response_id": "resp_0"}
    assert len(body(messages=messages, parameters=given)["input"]) == 3


# ---------------------------------------------------------------- tools


def test_a_function_says_what_the_api_would_otherwise_assume() -> None:
    bare: Json = {"type": "function", "name": "f", "parameters": {"type": "object", "properties": {}}, "strict": False}
    assert body(tools=(ToolSpec("f"),)) == {"tools": [bare]}
    assert body(tools=(ToolSpec("f", strict=True),))["tools"][0]["strict"] is True
    lazy = ToolSpec("f", extras={"defer_loading": True, "cache_control": {}})
    assert body(tools=(lazy,)) == {"tools": [{**bare, "defer_loading": True}]}
    del bare["strict"]
    loose = body_of(
        ModelRequest(model="m", messages=(), base_url="", tools=(ToolSpec("f"),)), Dialect(strict_tools=False)
    )
    assert msgspec.json.decode(loose[0])["tools"] == [bare]


@pytest.mark.parametrize(
    ("choice", "spelled"),
    [
        ("auto", "auto"),
        ("none", "none"),
        ("any", "required"),
        (("tool", "add"), {"type": "function", "name": "add"}),
        (("tool", "image_generation"), {"type": "image_generation"}),
        (("tool", "mcp"), {"type": "mcp", "server_label": "wiki"}),
        (("tool", "sql"), {"type": "custom", "name": "sql"}),
    ],
)
def test_the_choice_of_a_tool(choice: ToolChoice, spelled: object) -> None:
    tools = (
        NativeTool({"type": "image_generation"}),
        NativeTool({"type": "mcp", "server_label": "wiki", "server_url": "https://e.org"}),
        NativeTool({"type": "custom", "name": "sql"}),
        ADD,
    )
    assert body(tools=tools, tool_choice=choice)["tool_choice"] == spelled


def test_without_tools_there_is_little_to_choose() -> None:
    assert body(tool_choice="auto", parallel_tool_calls=True) == body(tool_choice="none") == {}
    assert body(tool_choice="any") == {"tool_choice": "required"}
    assert body(tools=(ADD,), tool_choice="any", parallel_tool_calls=True)["parallel_tool_calls"] is True


def test_what_is_no_json_is_the_callers_mistake() -> None:
    with pytest.raises(ConfigurationError, match="JSON cannot"):
        body(extra_body={"x": object()})
