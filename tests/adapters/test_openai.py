"""OpenAI as a provider: which of its two APIs a call goes to."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.adapters.test_openai_responses_history import CALL, answer
from tests.adapters.test_openai_responses_open import said
from tidewire import init_chat_model
from tidewire.adapters.openai import ADAPTER, choice_between
from tidewire.adapters.openai_chat import OpenAIChatCodec
from tidewire.adapters.openai_responses import OpenAIResponsesCodec
from tidewire.adapters.spec import ModelRequest, NativeTool
from tidewire.events.blocks import JSONObject
from tidewire.events.errors import ConfigurationError
from tidewire.events.messages import AIMessage, HumanMessage

CHAT, RESPONSES = "openai.chat", "openai.responses"


def sent(**fields: Any) -> tuple[str, JSONObject]:
    """The API that a request goes to, and the body that it gets."""
    given: JSONObject = {"model": "gpt-5", "messages": [HumanMessage("Hi")], "base_url": "http://x", **fields}
    codec, request = ADAPTER.choose(ModelRequest(**given))
    assert "use_responses_api" not in request.parameters
    return codec.name, json.loads(codec.encode(request).body)


def api(**fields: Any) -> str:
    """The API that a request goes to, which can spell it."""
    return sent(**fields)[0]


def test_openai_is_found_where_its_client_looks_for_it() -> None:
    assert (ADAPTER.provider, ADAPTER.class_name) == ("openai", "ChatOpenAI")
    assert ADAPTER.base_url == "https://api.openai.com/v1"
    assert ADAPTER.base_url_env == ("OPENAI_BASE_URL", "OPENAI_API_BASE")
    assert (ADAPTER.key_env, ADAPTER.key_header, ADAPTER.key_prefix) == (
        ("OPENAI_API_KEY",),
        "authorization",
        "Bearer ",
    )


def test_a_call_goes_to_chat_completions_unless_told_otherwise() -> None:
    assert api() == api(parameters={"use_responses_api": False}) == CHAT
    assert api(parameters={"use_responses_api": True}) == RESPONSES
    assert api(parameters={"use_responses_api": None, "temperature": 1}) == CHAT


@pytest.mark.parametrize(
    "given",
    [
        {"reasoning": {"effort": "low", "summary": "auto"}},
        {"previous_response_id": "resp_1"},
        {"include": ["reasoning.encrypted_content"]},
        {"truncation": "auto"},
        {"context_management": [{"type": "compaction"}]},
        {"conversation": "conv_1"},
        {"use_previous_response_id": True},
    ],
)
def test_a_parameter_of_the_responses_api_alone_leads_there(given: JSONObject) -> None:
    assert api(parameters=given) == RESPONSES


def test_what_both_take_or_what_says_nothing_does_not() -> None:
    assert api(parameters={"reasoning_effort": "low", "verbosity": "low", "store": True}) == CHAT
    assert api(parameters={"background": False, "use_previous_response_id": False, "include": None}) == CHAT


@pytest.mark.parametrize(
    ("reasoning", "told"),
    [
        ("low", {"reasoning_effort": "low"}),
        ({"effort": "low"}, {"reasoning_effort": "low"}),
        (True, {}),
        (False, {"reasoning_effort": "none"}),
    ],
)
def test_an_effort_stays_with_chat_completions_behind_a_foreign_address(reasoning: object, told: JSONObject) -> None:
    abroad = sent(parameters={"reasoning": reasoning})
    assert (abroad[0], {name: value for name, value in abroad[1].items() if "reason" in name}) == (CHAT, told)
    for home in ("https://api.openai.com/v1", "https://eu.api.openai.com/v1"):
        there = CHAT if reasoning is False else RESPONSES
        assert sent(base_url=home, parameters={"reasoning": reasoning})[0] == there
        assert sent(base_url=home, parameters={"reasoning": reasoning, "use_responses_api": False}) == abroad
    assert api(parameters={"reasoning": reasoning, "use_responses_api": True}) == RESPONSES


def test_an_effort_that_is_given_twice_is_refused_at_both() -> None:
    for responses in (None, True, False):
        with pytest.raises(ConfigurationError, match="reasoning and reasoning_effort say the same thing"):
            sent(parameters={"reasoning": "low", "reasoning_effort": "high", "use_responses_api": responses})


@pytest.mark.parametrize("given", [{"reasoning": False}, {"reasoning_effort": False}, {"reasoning_effort": "off"}])
@pytest.mark.parametrize(
    ("responses", "told"), [(False, {"reasoning_effort": "none"}), (True, {"reasoning": {"effort": "none"}})]
)
def test_reasoning_is_turned_off_at_both(given: JSONObject, responses: bool, told: JSONObject) -> None:
    assert told.items() <= sent(parameters={**given, "use_responses_api": responses})[1].items()


@pytest.mark.parametrize(
    ("tool", "where"),
    [
        ({"type": "web_search"}, RESPONSES),
        ({"type": "mcp", "server_label": "a", "server_url": "b"}, RESPONSES),
        ({"type": "custom", "name": "sql"}, RESPONSES),
        ({"type": "custom", "custom": {"name": "sql"}}, CHAT),
        ({"odd": {}}, RESPONSES),
    ],
)
def test_a_tool_of_the_providers_own_leads_to_where_it_is_known(tool: JSONObject, where: str) -> None:
    assert api(tools=(NativeTool(tool),)) == where


@pytest.mark.parametrize(
    ("model", "where"),
    [
        ("gpt-5-pro", RESPONSES),
        ("gpt-5.2-pro-2026-01-01", RESPONSES),
        ("o1-pro", RESPONSES),
        ("O3-Pro", RESPONSES),
        ("gpt-5-codex", RESPONSES),
        ("gpt-5.1-codex-max", RESPONSES),
        ("codex-mini-latest", RESPONSES),
        ("o4-mini-deep-research", RESPONSES),
        ("computer-use-preview", RESPONSES),
        ("gpt-5", CHAT),
        ("gpt-5.1-mini", CHAT),
        ("gemini-2.5-pro", CHAT),
        ("my-codex", CHAT),
        ("gpt-4o-prophet", CHAT),
    ],
)
def test_a_model_that_only_the_responses_api_has_leads_there(model: str, where: str) -> None:
    assert api(model=model) == where


@pytest.mark.parametrize(
    ("message", "where"),
    [
        (answer(said("Hi")), RESPONSES),
        (answer({"type": "reasoning", "id": "rs_1", "summary": []}), RESPONSES),
        (answer(CALL), RESPONSES),
        (answer(said("Hi"), provider="other"), CHAT),
        (AIMessage("Hi", response_metadata={"model_provider": "openai", "id": "chatcmpl-1"}), CHAT),
        (AIMessage("by hand"), CHAT),
    ],
)
def test_a_conversation_that_began_in_the_responses_api_stays_there(message: AIMessage, where: str) -> None:
    assert api(messages=[HumanMessage("a"), message, HumanMessage("b")]) == where


def test_a_conversation_moves_to_chat_completions_for_what_only_that_takes() -> None:
    assert api(messages=[answer(said("Hi"))], parameters={"stop": ["a"]}) == CHAT
    with pytest.raises(ConfigurationError, match="'stop'"):
        api(tools=(NativeTool({"type": "web_search"}),), parameters={"stop": ["a"]})


def test_another_provider_may_have_both_apis_too() -> None:
    chat, responses = OpenAIChatCodec(), OpenAIResponsesCodec()
    choose = choice_between(chat, responses, provider="xai")
    assert choose(ModelRequest(model="gpt-5-pro", messages=[], base_url=""))[0] is chat
    own = ModelRequest(model="m", messages=[answer(said("Hi"), provider="xai")], base_url="")
    assert choose(own)[0] is responses


def test_the_parameters_of_both_apis_can_be_set() -> None:
    assert {"stop", "seed", "truncation", "use_responses_api", "max_tokens"} <= ADAPTER.parameters
    model = init_chat_model("openai:gpt-5", stop=["a"], include=["x"], use_responses_api=True)
    assert model.settings.parameters == {"stop": ["a"], "include": ["x"], "use_responses_api": True}
    assert init_chat_model("openai:gpt-5").bind(use_responses_api=True).settings.parameters["use_responses_api"]
    with pytest.raises(ConfigurationError, match="did you mean 'use_responses_api'"):
        init_chat_model("openai:gpt-5", use_response_api=True)
