"""Settings are read back as attributes of a model, by the names that they are given by."""

from __future__ import annotations

import copy
import re

import pytest

from tidewire import ChatAnthropic, ChatOpenAI, Timeout, init_chat_model

MODEL = ChatOpenAI(
    "gpt-5-nano",
    temperature=0.5,
    max_completion_tokens=9,
    timeout=3,
    max_retries=4,
    default_headers={"X-Team": "a"},
    tags=["t"],
    logprobs=True,
    api_key="sk-secret",
    base_url="http://localhost:1/v1/",
)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("model_name", "gpt-5-nano"),
        ("model", "gpt-5-nano"),
        ("temperature", 0.5),
        ("max_tokens", 9),
        ("max_completion_tokens", 9),
        ("seed", None),
        ("top_p", None),
        ("n", None),
        ("logprobs", True),
        ("timeout", Timeout.of(3)),
        ("request_timeout", Timeout.of(3)),
        ("max_retries", 4),
        ("default_headers", {"x-team": "a"}),
        ("tags", ("t",)),
        ("base_url", "http://localhost:1/v1"),
        ("openai_api_base", "http://localhost:1/v1"),
        ("streaming", None),
        ("extra_body", {}),
    ],
)
def test_a_setting_is_read_by_any_of_its_names(name: str, value: object) -> None:
    assert getattr(MODEL, name) == value


def test_copies_have_their_own() -> None:
    assert MODEL.bind(temperature=1.0, seed=2).temperature == 1.0
    assert MODEL.bind(temperature=1.0, seed=2).seed == 2
    assert copy.copy(MODEL).temperature == 0.5


def test_a_parameter_that_the_provider_has_not_is_none_where_it_is_common() -> None:
    assert ChatAnthropic("claude-haiku-4-5").seed is None
    with pytest.raises(AttributeError, match="a model of anthropic has no attribute or setting 'logit_bias'"):
        getattr(ChatAnthropic("claude-haiku-4-5"), "logit_bias")  # noqa: B009 -- checkers refuse it


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("temprature", "has no attribute or setting 'temprature'; did you mean 'temperature'"),
        ("zzzzzz", "has no attribute or setting 'zzzzzz'; settings are read by the names they are given by"),
        ("api_key", "api_key is a secret, which a model does not give back"),
        ("openai_api_key", "api_key is a secret, which a model does not give back"),
        ("proxy", "'proxy' is not kept under its name"),
        ("_private", "'ChatOpenAI' object has no attribute '_private'"),
    ],
)
def test_what_cannot_be_read_is_an_attribute_error(name: str, told: str) -> None:
    with pytest.raises(AttributeError, match=re.escape(told)) as caught:
        getattr(MODEL, name)
    assert "sk-secret" not in str(caught.value)
    assert not hasattr(MODEL, name)


def test_assigning_one_names_bind() -> None:
    with pytest.raises(AttributeError, match=re.escape("model.bind(temperature=…) gives a changed copy")):
        setattr(MODEL, "temperature", 1.0)  # noqa: B010 -- checkers refuse it


def test_a_configurable_model_has_those_of_its_default() -> None:
    assert init_chat_model("embedded:demo", temperature=1, configurable_fields=("temperature",)).temperature == 1
    with pytest.raises(AttributeError, match="no model is named"):
        _ = init_chat_model().temperature
    assert not hasattr(init_chat_model(), "max_tokens")
