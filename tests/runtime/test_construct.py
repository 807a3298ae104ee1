"""Keywords to settings: what each means, and a clear word for what means nothing."""

from __future__ import annotations

import inspect
import re
from typing import Any

import pytest

from tidewire import (
    AzureChatOpenAI,
    ChatAnthropic,
    ChatBedrockConverse,
    ChatHuggingFace,
    ChatModel,
    ChatOpenAI,
    RetryPolicy,
    Timeout,
    init_chat_model,
)
from tidewire.adapters.registry import infer_provider, split_model
from tidewire.adapters.spec import HttpRequest
from tidewire.construct import _ARGUMENTS  # pyright: ignore[reportPrivateUsage]  # what it says is held to be true
from tidewire.events.errors import ConfigurationError

KEYS = ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "OPENAI_BASE_URL", "OPENAI_API_BASE", "ANTHROPIC_BASE_URL")


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in KEYS:
        monkeypatch.delenv(name, raising=False)


async def headers_of(model: ChatModel) -> dict[str, str]:
    request = await model.settings.credentials.apply(HttpRequest("POST", "http://x", {}))
    return {name: value if isinstance(value, str) else value.reveal() for name, value in request.headers.items()}


@pytest.mark.parametrize(
    ("name", "provider"),
    [
        ("gpt-5-nano", "openai"),
        ("GPT_4o", "openai"),
        ("o1", "openai"),
        ("o3-mini", "openai"),
        ("o4-mini", "openai"),
        ("chatgpt-4o-latest", "openai"),
        ("claude-haiku-4-5", "anthropic"),
        ("gemini-2.5-flash", "google_genai"),
        ("us.anthropic.claude-sonnet-4-5", "bedrock"),
        ("anthropic.claude-3", "bedrock"),
        ("amazon.nova-lite-v1:0", "bedrock"),
        ("mistral-large", "mistralai"),
        ("deepseek-chat", "deepseek"),
        ("grok-4", "xai"),
        ("command-a", "cohere"),
        ("sonar-pro", "perplexity"),
        ("llama3:8b", "ollama"),
        ("accounts/fireworks/models/x", "fireworks"),
        ("O4_Mini", "openai"),
        ("text-davinci-003", "openai"),
        ("US.Anthropic.claude-sonnet-4-5", "bedrock"),
        ("open-mistral-7b", "mistralai"),  # the profile data knows it
        ("Open_Mistral_7B", "mistralai"),
    ],
)
def test_well_known_names_tell_their_provider(name: str, provider: str) -> None:
    assert infer_provider(name) == provider


@pytest.mark.parametrize("name", ["my-model", "o100", "embedded"])
def test_an_unknown_name_is_an_error_that_says_how_to_name_the_provider(name: str) -> None:
    with pytest.raises(ConfigurationError, match=f"write 'provider:{name}'"):
        init_chat_model(name)


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("gtp-5", "did you mean 'gpt-5'"),
        ("Cluade_Sonnet_4_5", "did you mean 'claude-sonnet-4-5'"),
        ("gemnii-2.5-flash", "did you mean 'gemini-2.5-flash'"),
    ],
)
def test_a_misspelt_model_is_told_the_nearest_ones(name: str, near: str) -> None:
    with pytest.raises(ConfigurationError, match=f"provider of model '{name}': {near}.*Otherwise write"):
        init_chat_model(name)


@pytest.mark.parametrize("url", ["localhost:8000/v1", "//host/v1", "", "https://"])
def test_an_address_without_a_scheme_is_refused_with_the_way_out(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigurationError, match="base_url must be a whole URL such as 'https://"):
        ChatOpenAI("gpt-5", base_url=url)
    with pytest.raises(ConfigurationError, match="base_url must be a whole URL"):
        ChatOpenAI("gpt-5").bind(base_url="localhost")
    monkeypatch.setenv("OPENAI_BASE_URL", "gateway/v1")
    with pytest.raises(ConfigurationError, match=r"OPENAI_BASE_URL must be .* 'https://gateway/v1', got 'gateway/v1'"):
        ChatOpenAI("gpt-5")


def test_the_model_may_be_given_by_the_names_that_classes_of_the_field_have_for_it() -> None:
    assert ChatOpenAI(model_name="gpt-5").model == "gpt-5"
    assert ChatBedrockConverse(model_id="amazon.nova-lite-v1:0").model == "amazon.nova-lite-v1:0"
    assert AzureChatOpenAI(model_name="gpt-5", azure_endpoint="https://x.example").model == "gpt-5"
    assert ChatHuggingFace(model_id="org/name").model == "org/name"
    with pytest.raises(ConfigurationError, match="'model' and 'model_name' are two names"):
        ChatOpenAI("gpt-5", model_name="gpt-5")
    with pytest.raises(ConfigurationError, match="ChatOpenAI needs the name of a model"):
        ChatOpenAI()


def test_concurrency_is_pointed_to_the_config() -> None:
    with pytest.raises(ConfigurationError, match=r"pass config=\{'max_concurrency': …\}"):
        ChatOpenAI("gpt-5").batch(["hi"], max_concurrency=2)


def test_a_provider_stands_before_the_first_colon_or_apart() -> None:
    assert split_model("openai:gpt-5") == ("openai", "gpt-5")
    assert split_model("OpenAI:gpt-5") == ("openai", "gpt-5")
    assert split_model("openai:ft:gpt-5:x") == ("openai", "ft:gpt-5:x")
    assert split_model("gpt-5") == ("openai", "gpt-5")
    assert split_model("my-model", "OpenAI") == ("openai", "my-model")
    assert split_model("openai:gpt-5", "openai") == ("openai", "gpt-5")
    with pytest.raises(ConfigurationError, match="name is empty"):
        split_model("openai:")


def test_an_unknown_provider_is_an_error_with_the_near_ones() -> None:
    with pytest.raises(ConfigurationError, match="no provider 'opnai'; did you mean 'openai'"):
        init_chat_model("gpt-5", model_provider="opnai")
    with pytest.raises(ConfigurationError, match="providers are alibaba, anthropic"):
        init_chat_model("gpt-5", model_provider="zzz")


def test_a_misspelt_parameter_is_an_error_that_names_the_nearest() -> None:
    with pytest.raises(ConfigurationError, match="no parameter 'temprature'; did you mean 'temperature'"):
        init_chat_model("openai:gpt-5", temprature=1)
    with pytest.raises(ConfigurationError, match=r"; a field of the provider's body goes into extra_body=\{…\}\. It t"):
        init_chat_model("openai:gpt-5").bind(zzzzzz=1)


async def test_keys_come_from_the_argument_a_function_or_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert await headers_of(ChatOpenAI("gpt-5", api_key="sk-1")) == {"authorization": "Bearer sk-1"}
    assert await headers_of(ChatOpenAI("gpt-5", openai_api_key="sk-2\n")) == {"authorization": "Bearer sk-2"}
    assert await headers_of(ChatOpenAI("gpt-5", api_key=lambda: "sk-3")) == {"authorization": "Bearer sk-3"}

    async def fetch() -> str:
        return "sk-4"

    assert await headers_of(ChatOpenAI("gpt-5", api_key=fetch)) == {"authorization": "Bearer sk-4"}
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-5")
    assert await headers_of(ChatAnthropic("claude-haiku-4-5")) == {"x-api-key": "sk-5"}


async def test_a_missing_key_is_told_at_the_first_request_with_the_way_out() -> None:
    model = ChatOpenAI("gpt-5")
    with pytest.raises(ConfigurationError, match="pass api_key=…, or set the environment variable OPENAI_API_KEY"):
        await model.ainvoke("hello")


def test_a_base_url_comes_from_the_argument_or_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert ChatOpenAI("gpt-5").settings.base_url == "https://api.openai.com/v1"
    monkeypatch.setenv("OPENAI_API_BASE", "http://one/v1/")
    assert ChatOpenAI("gpt-5").settings.base_url == "http://one/v1"
    assert ChatOpenAI("gpt-5", base_url="http://two/v1/").settings.base_url == "http://two/v1"


def test_settings_are_set_by_their_usual_names() -> None:
    model = ChatOpenAI(
        model="gpt-5",
        temperature=0.5,
        max_completion_tokens=7,
        request_timeout=3,
        max_retries=4,
        default_headers={"X-Team": "tides"},
        extra_body={"a": 1},
        tags=["t"],
        metadata={"m": 1},
        stream_usage=False,
        streaming=True,
        top_p=None,
    )
    settings = model.settings
    assert settings.parameters == {"temperature": 0.5, "max_tokens": 7}
    assert settings.timeout == Timeout(connect=3, first_event=3, between_events=3)
    assert settings.retry.max_retries == 4
    assert settings.headers == {"x-team": "tides"}
    assert (settings.extra_body, settings.tags, settings.metadata) == ({"a": 1}, ("t",), {"m": 1})
    assert (settings.stream_usage, settings.streaming) == (False, True)


def test_two_names_of_one_parameter_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="two names of the same parameter"):
        ChatOpenAI("gpt-5", max_tokens=1, max_completion_tokens=2)


def test_max_retries_is_a_number_from_zero() -> None:
    with pytest.raises(ConfigurationError, match="max_retries"):
        ChatOpenAI("gpt-5", max_retries=-1)


def test_bindings_merge_and_leave_the_model_as_it_was() -> None:
    def tool(x: int) -> int:
        """A tool."""
        return x

    model = ChatOpenAI("gpt-5", temperature=0)
    bound = model.bind(top_p=0.5).bind_tools([tool]).bind(temperature=1).with_config(tags=["z"])
    assert isinstance(bound, ChatOpenAI)
    assert bound.settings.parameters == {"temperature": 1, "top_p": 0.5}
    assert len(bound.settings.tools) == 1
    assert bound.settings.config == {"tags": ["z"]}
    assert model.settings.parameters == {"temperature": 0}
    assert model.settings.tools == ()
    assert len(bound.bind_tools([{"name": "other", "parameters": {}}]).settings.tools) == 2
    assert bound.bind_tools([]).settings.tools == ()


def test_equal_transport_settings_share_their_connections() -> None:
    one, two, three = ChatOpenAI("gpt-5"), ChatAnthropic("claude-haiku-4-5"), ChatOpenAI("gpt-5", proxy="http://p:1")
    assert one.settings.transport is two.settings.transport
    assert one.settings.transport is not three.settings.transport


def test_a_repr_names_the_model_and_no_key() -> None:
    assert repr(ChatOpenAI("gpt-5", api_key="sk-secret")) == "ChatOpenAI(openai:gpt-5)"
    assert "sk-secret" not in repr(ChatOpenAI("gpt-5", api_key="sk-secret").settings)


def test_model_kwargs_hold_parameters_by_the_names_that_are_known() -> None:
    model = ChatOpenAI("gpt-5", temperature=0, model_kwargs={"seed": 7, "max_completion_tokens": 5})
    assert model.settings.parameters == {"temperature": 0, "seed": 7, "max_tokens": 5}
    assert model.settings.extra_body == {}
    assert ChatOpenAI("gpt-5").bind(model_kwargs={"parallel_tool_calls": False}).settings.parallel_tool_calls is False
    both = ChatOpenAI("gpt-5").with_fallbacks(["groq:x"]).bind(model_kwargs={"seed": 7})
    assert both.settings.fallbacks is not None
    assert both.settings.fallbacks.models[0].settings_for(None).parameters["seed"] == 7


@pytest.mark.parametrize(
    ("keywords", "told"),
    [
        ({"model_kwargs": {"sed": 7}}, "no parameter 'sed'; did you mean 'seed'? A field of the provider's body goes"),
        ({"model_kwargs": {"zzzzzz": 7}}, "no parameter 'zzzzzz'; a field of the provider's body goes into extra_body"),
        ({"model_kwargs": {"seed": 7}, "seed": 8}, "'seed' is given twice: in model_kwargs and beside them"),
        ({"model_kwargs": {"base_url": "http://x"}}, "'base_url' in model_kwargs is no parameter of the model"),
        ({"model_kwargs": ["seed"]}, "model_kwargs is a dict of parameters, not list"),
    ],
)
def test_model_kwargs_never_send_what_nobody_knows(keywords: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigurationError, match=re.escape(told)):
        ChatOpenAI("gpt-5", **keywords)


@pytest.mark.parametrize("name", ["default_headers", "default_query", "extra_body", "metadata"])
def test_what_must_be_a_dict_is_refused_without_its_text(name: str) -> None:
    with pytest.raises(ConfigurationError, match=f"{name} must be a dict, got a str") as raised:
        init_chat_model("embedded:demo", **{name: "Bearer very-secret"})
    assert "very-secret" not in str(raised.value)


def test_max_retries_counts_within_a_policy_wherever_it_stands() -> None:
    policy = RetryPolicy(max_retries=7, initial_s=0.25)
    each: tuple[dict[str, Any], ...] = ({"max_retries": 1, "retry": policy}, {"retry": policy, "max_retries": 1})
    for keywords in each:
        retry = ChatOpenAI("gpt-5", **keywords).settings.retry
        assert (retry.max_retries, retry.initial_s) == (1, 0.25)


@pytest.mark.parametrize(
    ("keyword", "value", "said"),
    [
        ("api_key", 5, "api_key is a text, or a function that gives one, not a int"),
        ("default_headers", {"x": 5}, "the header 'x' must be a text, got a int"),
        ("default_headers", ["a"], "default_headers must be a dict, got a list"),
        ("default_query", "x", "default_query must be a dict, got a str"),
        ("extra_body", "x", "extra_body must be a dict, got a str"),
        ("metadata", "x", "metadata must be a dict, got a str"),
        ("metadata", {1: 2}, "metadata must be a dict, got"),
        ("tags", "abc", "tags must be a list of texts, got 'abc'"),
        ("tags", [1], "tags must be a list of texts"),
        ("streaming", "yes", "streaming is True or False, got 'yes'"),
        ("stream_usage", 1, "stream_usage is True or False, got 1"),
    ],
)
def test_a_value_of_the_wrong_kind_is_told_when_the_model_is_made(keyword: str, value: object, said: str) -> None:
    given: dict[str, Any] = {keyword: value}
    with pytest.raises(ConfigurationError, match=said):
        init_chat_model("openai:gpt-5-nano", **given)


def test_a_misspelt_argument_of_a_method_names_the_argument() -> None:
    model = init_chat_model("embedded:demo")
    schema = {"title": "Point", "type": "object", "properties": {"x": {"type": "integer"}}}
    with pytest.raises(ConfigurationError, match="did you mean 'include_raw', of with_structured_output"):
        model.with_structured_output(schema, include_row=True)
    with pytest.raises(ConfigurationError, match="did you mean 'include_types', of astream_events"):
        model.astream_events("x", include_type=["chat_model"])
    with pytest.raises(ConfigurationError, match="did you mean 'temperature'"):
        model.bind(temprature=1)


def test_the_arguments_that_are_named_are_arguments_of_those_methods() -> None:
    for argument, methods in _ARGUMENTS.items():
        for method in methods.split(" and "):
            assert argument in inspect.signature(getattr(ChatModel, method)).parameters
