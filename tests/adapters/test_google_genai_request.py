"""Requests to Google as JSON; whatever comes out is also checked against the official client's types."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from google.genai import types

from tidewire.adapters.google_genai_request import PARAMETERS, Flavour, body_of
from tidewire.adapters.spec import ModelRequest, NativeTool, OutputSchema, ToolChoice, ToolSpec
from tidewire.events.blocks import JSONObject
from tidewire.events.errors import ConfigurationError
from tidewire.events.messages import AIMessage, HumanMessage, SystemMessage

CITY = {"type": "object", "properties": {"city": {"type": "string"}}}
WEATHER = ToolSpec("weather", "Tells the weather", CITY)
SEARCH = NativeTool({"googleSearch": {}})
LEAST = {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}

#: Fields of the body that the client's config has under other names, or in other places.
_BESIDE_CONFIG = ("contents", "generationConfig", "store")
#: Fields that its types do not name: they are passed through ``response_schema`` and the like.
_UNTYPED = ("modelConfig", "responseSchema")


def request(**fields: Any) -> ModelRequest:
    given: dict[str, Any] = {"model": "gemini-3-pro", "messages": [HumanMessage("hi")], "base_url": "http://x"}
    return ModelRequest(**{**given, **fields})


def body(flavour: Flavour | None = None, **fields: Any) -> JSONObject:
    spelled: JSONObject = msgspec.json.decode(body_of(request(**fields), flavour or Flavour(), "http://x/files")[0])
    config = {
        name: value
        for name, value in {**spelled, **spelled.get("generationConfig", {})}.items()
        if name not in _BESIDE_CONFIG + _UNTYPED
    }
    types.GenerateContentConfig.model_validate(config)
    return spelled


def generation(model: str = "gemini-3-pro", **parameters: Any) -> JSONObject:
    spelled = body(model=model, parameters=parameters)
    assert spelled.keys() <= {"contents", "generationConfig"}
    found: JSONObject = spelled.get("generationConfig", {})
    return found


def test_the_least_request() -> None:
    assert body() == LEAST
    assert body(stream=False) == LEAST
    assert body(messages=[SystemMessage("s"), HumanMessage("hi")]) == {
        **LEAST,
        "systemInstruction": {"parts": [{"text": "s"}]},
    }


@pytest.mark.parametrize(
    ("parameters", "spelled"),
    [
        ({"temperature": 0.0, "top_p": 0.5, "top_k": 3}, {"temperature": 0.0, "topP": 0.5, "topK": 3}),
        ({"temperature": None}, {}),
        ({"max_tokens": 5}, {"maxOutputTokens": 5}),
        ({"max_output_tokens": 5}, {"maxOutputTokens": 5}),
        ({"stop": "END"}, {"stopSequences": ["END"]}),
        ({"stop": ("A", "B")}, {"stopSequences": ["A", "B"]}),
        ({"seed": 1, "n": 2}, {"seed": 1, "candidateCount": 2}),
        ({"presence_penalty": 0.1, "frequency_penalty": 0.2}, {"presencePenalty": 0.1, "frequencyPenalty": 0.2}),
        ({"logprobs": True}, {"responseLogprobs": True}),
        ({"top_logprobs": 3}, {"responseLogprobs": True, "logprobs": 3}),
        ({"response_modalities": ["text", "IMAGE"]}, {"responseModalities": ["TEXT", "IMAGE"]}),
        ({"image_config": {"aspectRatio": "1:1"}}, {"imageConfig": {"aspectRatio": "1:1"}}),
        ({"media_resolution": "MEDIA_RESOLUTION_LOW"}, {"mediaResolution": "MEDIA_RESOLUTION_LOW"}),
        (
            {"speech_config": "Kore"},
            {"speechConfig": {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": "Kore"}}}},
        ),
        ({"speech_config": {"languageCode": "de"}}, {"speechConfig": {"languageCode": "de"}}),
        (
            {"response_mime_type": "text/x.enum", "response_schema": {"type": "STRING", "enum": ["a"]}},
            {"responseMimeType": "text/x.enum", "responseSchema": {"type": "STRING", "enum": ["a"]}},
        ),
    ],
)
def test_sampling_parameters_have_googles_names(parameters: JSONObject, spelled: JSONObject) -> None:
    assert generation(**parameters) == spelled


@pytest.mark.parametrize(
    ("parameters", "spelled"),
    [
        ({"cached_content": "cachedContents/x"}, {"cachedContent": "cachedContents/x"}),
        ({"labels": {"team": "a"}}, {"labels": {"team": "a"}}),
        ({"service_tier": "flex", "store": False}, {"serviceTier": "flex", "store": False}),
        ({"model_armor_config": {"promptTemplateName": "p"}}, {"modelArmorConfig": {"promptTemplateName": "p"}}),
        (
            {"safety_settings": {"HARM_CATEGORY_HARASSMENT": "BLOCK_NONE"}},
            {"safetySettings": [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}]},
        ),
        (
            {"safety_settings": [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "OFF"}]},
            {"safetySettings": [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "OFF"}]},
        ),
        (
            {"tool_config": {"retrievalConfig": {"languageCode": "de"}}},
            {"toolConfig": {"retrievalConfig": {"languageCode": "de"}}},
        ),
    ],
)
def test_other_parameters_stand_beside_the_generation_config(parameters: JSONObject, spelled: JSONObject) -> None:
    assert body(parameters=parameters) == {**LEAST, **spelled}


OLD, NEW = "gemini-2.5-flash", "gemini-3-pro"


@pytest.mark.parametrize(
    ("model", "parameters", "thinking"),
    [
        (OLD, {"reasoning_effort": "low"}, {"thinkingBudget": 1024}),
        (OLD, {"reasoning_effort": "high"}, {"thinkingBudget": 24576}),
        (OLD, {"reasoning_effort": "none"}, {"thinkingBudget": 0}),
        (OLD, {"reasoning_effort": "off"}, {"thinkingBudget": 0}),
        (OLD, {"reasoning": False}, {"thinkingBudget": 0}),
        (NEW, {"reasoning_effort": "minimal"}, {"thinkingLevel": "MINIMAL"}),
        (NEW, {"reasoning_effort": "Medium"}, {"thinkingLevel": "MEDIUM"}),
        (NEW, {"reasoning_effort": "max"}, {"thinkingLevel": "XHIGH"}),
        (NEW, {"reasoning": "high"}, {"thinkingLevel": "HIGH"}),
        (NEW, {"reasoning": True}, {"includeThoughts": True}),
        (NEW, {"reasoning": {"effort": "low", "summary": "auto"}}, {"thinkingLevel": "LOW", "includeThoughts": True}),
        (NEW, {"reasoning": {"budget_tokens": 5}}, {"thinkingBudget": 5}),
        (NEW, {"reasoning": 5}, {"thinkingBudget": 5}),
        (NEW, {"reasoning": {"enabled": True}}, {"includeThoughts": True}),
        (OLD, {"reasoning": {"enabled": False}}, {"thinkingBudget": 0}),
        (NEW, {"reasoning": True, "reasoning_effort": "low"}, {"includeThoughts": True, "thinkingLevel": "LOW"}),
        (NEW, {"thinking_budget": 0, "include_thoughts": False}, {"thinkingBudget": 0, "includeThoughts": False}),
        (NEW, {"thinking_level": "low"}, {"thinkingLevel": "low"}),
        (
            NEW,
            {"thinking_config": {"includeThoughts": True}, "reasoning_effort": "low"},
            {"includeThoughts": True, "thinkingLevel": "LOW"},
        ),
    ],
)
def test_thinking_is_told_in_levels_or_in_tokens(model: str, parameters: JSONObject, thinking: JSONObject) -> None:
    assert generation(model, **parameters) == {"thinkingConfig": thinking}


def test_a_model_that_cannot_stop_thinking_thinks_little_and_that_is_told() -> None:
    asked = request(parameters={"reasoning_effort": "off"})
    spelled, warnings = body_of(asked, Flavour(), "")
    assert msgspec.json.decode(spelled)["generationConfig"] == {"thinkingConfig": {"thinkingLevel": "MINIMAL"}}
    assert [warning.code for warning in warnings] == ["reasoning_not_off"]


def test_an_unknown_effort_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="no reasoning effort 'lots'; it knows off, minimal"):
        body(parameters={"reasoning_effort": "lots"})


@pytest.mark.parametrize(
    ("parameters", "told"),
    [
        ({"reasoning": "high", "reasoning_effort": "low"}, "reasoning and reasoning_effort say the same thing"),
        ({"reasoning": False, "reasoning_effort": "low"}, "reasoning and reasoning_effort say the same thing"),
        ({"reasoning": 5, "reasoning_effort": "low"}, "reasoning and reasoning_effort say the same thing"),
        ({"max_tokens": 5, "max_output_tokens": 6}, "two names of the same parameter"),
    ],
)
def test_two_parameters_that_say_the_same_are_refused(parameters: JSONObject, told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        body(parameters=parameters)


def test_a_way_to_reason_that_does_not_exist_is_refused_by_name() -> None:
    with pytest.raises(ConfigurationError, match=r"to reason {'hard': 1}; reasoning has the keys effort"):
        body(parameters={"reasoning": {"hard": 1}})


def test_tools_are_declared_together_and_native_ones_stand_as_they_are() -> None:
    spelled = body(tools=(WEATHER, SEARCH, ToolSpec("now")))
    assert spelled["tools"] == [
        {
            "functionDeclarations": [
                {"name": "weather", "description": "Tells the weather", "parametersJsonSchema": CITY},
                {"name": "now"},
            ]
        },
        {"googleSearch": {}},
    ]
    assert spelled["toolConfig"] == {"includeServerSideToolInvocations": True}
    assert body(tools=(SEARCH,)) == {**LEAST, "tools": [{"googleSearch": {}}]}
    assert "toolConfig" not in body(tools=(WEATHER, SEARCH), model=OLD)
    assert "toolConfig" not in body(Flavour(server_parts=False), tools=(WEATHER, SEARCH))
    shown = body(tools=(SEARCH,), parameters={"include_server_side_tool_invocations": True})
    assert shown["toolConfig"] == {"includeServerSideToolInvocations": True}


@pytest.mark.parametrize(
    ("choice", "strict", "calling"),
    [
        ("auto", None, {"mode": "AUTO"}),
        ("auto", True, {"mode": "VALIDATED"}),
        ("any", True, {"mode": "ANY"}),
        ("none", None, {"mode": "NONE"}),
        (("tool", "weather"), None, {"mode": "ANY", "allowedFunctionNames": ["weather"]}),
        (None, True, {"mode": "VALIDATED"}),
    ],
)
def test_the_choice_of_a_tool_is_a_mode(choice: ToolChoice | None, strict: bool | None, calling: JSONObject) -> None:
    tool = msgspec.structs.replace(WEATHER, strict=strict)
    config = {"retrievalConfig": {"languageCode": "de"}}
    spelled = body(tools=(tool,), tool_choice=choice, parameters={"tool_config": config})
    assert spelled["toolConfig"] == {**config, "functionCallingConfig": calling}


def test_without_a_choice_nothing_is_said_of_it() -> None:
    assert "toolConfig" not in body(tools=(WEATHER,), parallel_tool_calls=True)
    streamed = body(tools=(WEATHER,), parameters={"stream_function_call_arguments": True})
    assert streamed["toolConfig"] == {"functionCallingConfig": {"streamFunctionCallArguments": True}}


def test_calls_one_at_a_time_cannot_be_asked_for() -> None:
    with pytest.raises(ConfigurationError, match="one tool at a time"):
        body(tools=(WEATHER,), parallel_tool_calls=False)


def test_the_form_of_the_answer_is_a_json_schema() -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}}
    assert body(output=OutputSchema("answer", schema))["generationConfig"] == {
        "responseMimeType": "application/json",
        "responseJsonSchema": schema,
    }
    assert body(output=OutputSchema("answer", None))["generationConfig"] == {"responseMimeType": "application/json"}


def test_the_callers_own_fields_come_last() -> None:
    assert body(extra_body={"labels": {"a": "b"}}) == {**LEAST, "labels": {"a": "b"}}


def test_lone_surrogates_are_written_as_escapes_and_what_is_no_json_is_refused() -> None:
    answer = AIMessage([{"type": "tool_call", "name": "f", "id": "1", "args": {"a": "\ud800"}}])
    sent, _ = body_of(request(messages=[HumanMessage("hi"), answer]), Flavour(), "")
    assert b'"\\ud800"' in sent
    for value in (object(), {1, 2, object()}):
        with pytest.raises(ConfigurationError, match="cannot be written as JSON"):
            body_of(request(extra_body={"x": value}), Flavour(), "")


def test_what_was_left_out_of_the_history_is_told() -> None:
    thought = AIMessage([{"type": "reasoning", "reasoning": "x"}], response_metadata={"model_provider": "openai"})
    _, warnings = body_of(request(messages=[HumanMessage("hi"), thought]), Flavour(), "")
    assert [warning.code for warning in warnings] == ["block_left_out"]


def test_every_parameter_is_spelled() -> None:
    sample: JSONObject = {
        "labels": {"a": "b"},
        "reasoning": True,
        "reasoning_effort": "low",
        "response_modalities": ["TEXT"],
        "safety_settings": [{}],
        "stop": ["x"],
        "thinking_config": {"includeThoughts": True},
        "tool_config": {"retrievalConfig": {}},
    }
    least, _ = body_of(request(), Flavour(), "")
    for name in PARAMETERS:
        sent, warnings = body_of(request(parameters={name: sample.get(name, 1)}), Flavour(), "")
        assert sent != least, name
        assert warnings == ()
