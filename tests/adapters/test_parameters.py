"""A parameter that has to be taken apart is what it should be, or refused by its name."""

from __future__ import annotations

import pytest

from tidewire.adapters.anthropic import AnthropicCodec
from tidewire.adapters.bedrock import BedrockCodec
from tidewire.adapters.google_genai import GoogleCodec
from tidewire.adapters.openai_responses import OpenAIResponsesCodec
from tidewire.adapters.parameters import fields_given, texts_given
from tidewire.adapters.spec import Codec, ModelRequest
from tidewire.events.errors import ConfigurationError
from tidewire.events.messages import HumanMessage


@pytest.mark.parametrize(
    ("value", "texts"), [(None, []), ("a", ["a"]), (["a", "b"], ["a", "b"]), (("a",), ["a"]), ({"a"}, ["a"]), ([], [])]
)
def test_one_text_and_several_are_a_list(value: object, texts: list[str]) -> None:
    assert texts_given("p", "stop", value) == texts


@pytest.mark.parametrize("value", [7, True, 1.5, {"a": 1}, ["a", 7], [None]])
def test_what_is_no_text_is_refused_by_name(value: object) -> None:
    with pytest.raises(ConfigurationError, match="p takes stop as a text or a list of texts, not"):
        texts_given("p", "stop", value)


def test_an_object_is_taken_as_it_is() -> None:
    given = {"a": 1}
    assert fields_given("p", "metadata", given) is given
    assert fields_given("p", "metadata", None) == {}


@pytest.mark.parametrize("value", ["a", 7, ["a"]])
def test_what_is_no_object_is_refused_by_name(value: object) -> None:
    with pytest.raises(ConfigurationError, match="p takes metadata as a dict, not"):
        fields_given("p", "metadata", value)


@pytest.mark.parametrize(
    ("codec", "model", "name"),
    [
        (AnthropicCodec(), "claude-haiku-4-5", "stop"),
        (AnthropicCodec(), "claude-haiku-4-5", "betas"),
        (GoogleCodec(), "gemini-2.5-flash", "stop"),
        (GoogleCodec(), "gemini-2.5-flash", "response_modalities"),
        (GoogleCodec(), "gemini-2.5-flash", "thinking_config"),
        (OpenAIResponsesCodec(), "gpt-5-nano", "include"),
        (BedrockCodec(), "amazon.nova-lite-v1:0", "stop"),
        (BedrockCodec(), "amazon.nova-lite-v1:0", "guardrail_config"),
        (BedrockCodec(), "amazon.nova-lite-v1:0", "additional_model_request_fields"),
    ],
)
def test_a_codec_refuses_a_parameter_of_the_wrong_type(codec: Codec, model: str, name: str) -> None:
    request = ModelRequest(
        model=model, messages=[HumanMessage("hi")], base_url="https://x.example", stream=False, parameters={name: 7}
    )
    with pytest.raises(ConfigurationError, match=name):
        codec.encode(request)
