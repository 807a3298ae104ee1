"""Configurable models: which model a call's config picks, with what parameters, and what was declared on it."""

from __future__ import annotations

import threading
from typing import Any, cast

import pytest
from pydantic import BaseModel

from tidewire import ChatAnthropic, ChatModel, StructuredModel, chain, init_chat_model
from tidewire.adapters.embedded import ADAPTER as EMBEDDED
from tidewire.adapters.registry import find_adapter, provider_names
from tidewire.adapters.script import Fail
from tidewire.caches import InMemoryCache
from tidewire.config import RunnableConfig
from tidewire.errors import ConfigurationError
from tidewire.events.types import Event, Fallback, Run, Start
from tidewire.messages import AIMessage
from tidewire.open_settings import KEPT
from tidewire.settings import Settings
from tidewire.tools import tool

KEYS = ("OPENAI_BASE_URL", "OPENAI_API_BASE", "ANTHROPIC_BASE_URL", "ANTHROPIC_API_BASE", "ANTHROPIC_API_URL")


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in KEYS:
        monkeypatch.delenv(name, raising=False)


def chosen(model: ChatModel, /, **configurable: object) -> Settings:
    return model.source.settings_for({"configurable": configurable})


def named(model: ChatModel, /, **configurable: object) -> str:
    return str(chosen(model, **configurable))


def picks(name: str, **more: Any) -> RunnableConfig:
    return {"configurable": {"model": name, **more}}


class Place(BaseModel):
    """A place."""

    name: str


@tool
def look_up(place: str) -> str:
    """Look a place up."""
    return place


# ---------------------------------------------------------------- which model


def test_without_a_model_each_call_names_its_own() -> None:
    model = init_chat_model(temperature=0)
    assert isinstance(model, ChatModel)
    assert named(model, model="gpt-5-nano") == "openai:gpt-5-nano"
    assert named(model, model="claude-sonnet-4-5-20250929") == "anthropic:claude-sonnet-4-5-20250929"
    assert named(model, model="my-model", model_provider="ollama") == "ollama:my-model"
    assert named(model, model="groq:llama3") == "groq:llama3"
    assert chosen(model, model="gpt-5-nano").parameters == {"temperature": 0}


@pytest.mark.parametrize(
    ("prefix", "key"),
    [(None, "model"), ("first", "first_model"), ("first_", "first_model")],
)
def test_a_missing_model_is_an_error_that_names_the_key(prefix: str | None, key: str) -> None:
    model = init_chat_model(config_prefix=prefix, temperature=0)
    with pytest.raises(ConfigurationError, match=f"'configurable': {{'{key}': 'provider:model'}}"):
        model.invoke("hi")
    with pytest.raises(ConfigurationError, match=f"'{key}'"):
        model.invoke("hi", config={"configurable": {key: None, "thread_id": "1"}})
    with pytest.raises(ConfigurationError, match=f"'{key}'"):
        _ = model.profile
    with pytest.raises(ConfigurationError, match=f"'{key}' must be a text such as .*, not int"):
        model.invoke("hi", config={"configurable": {key: 5}})
    with pytest.raises(ConfigurationError, match="configurable must be a dict"):
        model.invoke("hi", config=cast("Any", {"configurable": "gpt-5"}))


def test_the_fields_listed_are_set_by_their_prefixed_keys() -> None:
    model = init_chat_model(
        model="gpt-4.1-mini",
        temperature=0,
        configurable_fields=("model", "model_provider", "temperature", "max_tokens"),
        config_prefix="first",
    )
    assert named(model) == "openai:gpt-4.1-mini"
    settings = chosen(model, first_model="claude-sonnet-4-5", first_temperature=0.5, first_max_tokens=100)
    assert str(settings) == "anthropic:claude-sonnet-4-5"
    assert settings.parameters == {"max_tokens": 100, "temperature": 0.5}
    assert model.model == "gpt-4.1-mini"
    assert model.profile == init_chat_model("gpt-4.1-mini").profile


def test_the_provider_is_told_anew_when_only_the_model_changes() -> None:
    model = init_chat_model("gpt-4o", model_provider="openai", configurable_fields=("model", "model_provider"))
    assert named(model, model="claude-sonnet-4-5") == "anthropic:claude-sonnet-4-5"
    assert named(model, model="anthropic:claude-sonnet-4-5") == "anthropic:claude-sonnet-4-5"
    assert named(model, model="gpt-5") == "openai:gpt-5"
    assert named(model, model_provider="azure_openai") == "azure_openai:gpt-4o"
    # A name of nobody's is one of the place that the default names.
    assert named(model, model="my-deployment") == "openai:my-deployment"
    with pytest.raises(ConfigurationError, match="cannot tell the provider of model 'gtp-5': did you mean 'gpt-5'"):
        named(init_chat_model("gpt-4o", configurable_fields=("model",)), model="gtp-5")


def test_a_provider_without_a_model_stands_for_all_models_but_those_that_name_another() -> None:
    model = init_chat_model(model_provider="openrouter")
    assert named(model, model="gpt-5") == "openrouter:gpt-5"
    assert named(model, model="anthropic:claude-sonnet-4-5") == "anthropic:claude-sonnet-4-5"
    assert named(init_chat_model(model_provider=EMBEDDED), model="m") == "embedded:m"


def test_the_address_and_the_key_of_the_default_go_to_no_other_provider() -> None:
    model = init_chat_model(
        "openai:gpt-4o", base_url="https://one.example/v1", api_key="sk-one", configurable_fields=("model",)
    )
    assert chosen(model, model="gpt-5").base_url == "https://one.example/v1"
    other = chosen(model, model="claude-sonnet-4-5")
    assert other.base_url == ChatAnthropic("claude-sonnet-4-5").settings.base_url
    assert vars(other.credentials)["_source"] is None
    # Where no provider is named beforehand, they are meant for whichever it will be.
    free = init_chat_model(base_url="https://gateway.example", api_key="sk-all")
    assert chosen(free, model="claude-sonnet-4-5").base_url == "https://gateway.example"


# ---------------------------------------------------------------- which fields


def test_the_keys_of_others_pass_by() -> None:
    others = {"thread_id": "1", "user_id": 7, "checkpoint_ns": "", "session_token": "x"}
    assert named(init_chat_model(), model="gpt-5", **others) == "openai:gpt-5"
    prefixed = init_chat_model("gpt-5", configurable_fields=("temperature",), config_prefix="a")
    assert chosen(prefixed, temperature=1, model="x", base_url="y", **others).parameters == {}
    any_field = init_chat_model("gpt-5", configurable_fields="any")
    assert chosen(any_field, temperature=1, **others).parameters == {"temperature": 1}


def test_any_opens_every_field_but_the_address_and_the_key() -> None:
    model = init_chat_model("gpt-5", configurable_fields="any", config_prefix="m")
    settings = chosen(model, m_temperature=1, m_max_retries=5, m_tags=["a"])
    assert (settings.parameters, settings.retry.max_retries, settings.tags) == ({"temperature": 1}, 5, ("a",))
    for name in ("base_url", "api_key", "openai_api_base", "openai_api_key", "proxy", "transport", "azure_endpoint"):
        with pytest.raises(ConfigurationError, match=f"'m_{name}' says where requests go or with whose key"):
            chosen(model, **{f"m_{name}": "x"})
    for name in ("base_url", "api_key", "verify"):
        with pytest.raises(ConfigurationError, match=f"list '{name}' in configurable_fields"):
            chosen(init_chat_model("gpt-5", configurable_fields="any"), **{name: "x"})


def test_the_address_is_open_where_it_is_listed() -> None:
    model = init_chat_model("gpt-5", configurable_fields=("base_url", "api_key"))
    settings = chosen(model, base_url="https://x.example/v1", api_key="sk-other")
    assert settings.base_url == "https://x.example/v1"
    assert chosen(model).base_url == "https://api.openai.com/v1"


def test_unknown_fields_get_a_clear_error() -> None:
    model = init_chat_model("gpt-5", configurable_fields=("model", "temperature"), config_prefix="first")
    with pytest.raises(
        ConfigurationError, match=r"'first_temprature' is no field .*; did you mean 'first_temperature'"
    ):
        chosen(model, first_temprature=1)
    with pytest.raises(ConfigurationError, match=r"'first_top_p' is no field .* are first_model, first_temperature"):
        chosen(model, first_top_p=1)
    plain = init_chat_model("gpt-5", configurable_fields=("model", "max_tokens"))
    with pytest.raises(ConfigurationError, match="did you mean 'max_tokens'"):
        chosen(plain, max_token=1)
    with pytest.raises(ConfigurationError, match=r"'temperature' is no field of this model; its fields are max_tokens"):
        chosen(plain, temperature=1)
    with pytest.raises(ConfigurationError, match="did you mean 'temperature'"):
        chosen(init_chat_model("gpt-5", configurable_fields="any"), temprature=1)
    with pytest.raises(ConfigurationError, match=r"no parameter 'zzz'; .* \(configurable: first_zzz\)"):
        chosen(init_chat_model("gpt-5", configurable_fields="any", config_prefix="first"), first_zzz=1)


def test_fields_that_could_never_work_are_refused_at_once() -> None:
    with pytest.raises(ConfigurationError, match="configurable_fields is 'any' or a tuple of names, not 'temperature'"):
        init_chat_model("gpt-5", configurable_fields="temperature")
    with pytest.raises(ConfigurationError, match="no config can name the model"):
        init_chat_model(configurable_fields=("temperature",))
    with pytest.raises(ConfigurationError, match="no parameter 'temprature'"):
        init_chat_model("gpt-5", configurable_fields=("model",), temprature=1)
    with pytest.raises(ConfigurationError, match="a model is a text"):
        init_chat_model(cast("Any", 5))


def test_a_prefix_without_fields_is_warned_of() -> None:
    with pytest.warns(UserWarning, match="config_prefix"):
        model = init_chat_model("gpt-5", config_prefix="first")
    assert isinstance(model.source, Settings)


# ---------------------------------------------------------------- what is kept


def test_settings_are_kept_for_each_configuration_and_bounded() -> None:
    model = init_chat_model("gpt-5", configurable_fields=("temperature", "stop", "extra_body"))
    first = chosen(model, temperature=0)
    assert chosen(model, temperature=0, thread_id="2") is first
    assert chosen(model, temperature=0.0) is not first  # equal, and spelled otherwise
    assert chosen(model, temperature=0.5) is not first
    assert chosen(model, stop=["a"]) is chosen(model, stop=["a"])
    assert chosen(model, extra_body={"a": {"b": [1]}}) is chosen(model, extra_body={"a": {"b": [1]}})
    uncommon = {"a": bytearray(b"x")}  # cannot be told from others, and is made anew
    assert chosen(model, extra_body=uncommon) is not chosen(model, extra_body=uncommon)
    assert chosen(model, stop=[bytearray()]) is not chosen(model, stop=[bytearray()])
    for number in range(2 * KEPT):
        chosen(model, temperature=number / 1000 + 1)
    assert chosen(model, temperature=0) is not first


def test_threads_that_come_at_once_get_the_same_settings() -> None:
    model = init_chat_model()
    found: list[Settings] = []
    together = threading.Barrier(8)

    def ask() -> None:
        together.wait()
        found.append(chosen(model, model="gpt-5"))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(map(id, found))) == 1


def test_connections_are_shared_between_the_models_that_are_picked() -> None:
    model = init_chat_model(temperature=0)
    transports = {id(chosen(model, model=name).transport) for name in ("gpt-5", "gpt-5-nano", "claude-sonnet-4-5")}
    bound = chosen(model.bind_tools([look_up]), model="gpt-5")
    assert transports == {id(bound.transport)}


# ---------------------------------------------------------------- what is declared


def test_declarations_count_for_whichever_model_is_picked_in_any_order() -> None:
    model = init_chat_model(temperature=0)
    one = model.bind_tools([look_up], tool_choice="any").bind(top_p=0.5).with_config(tags=["t"], run_name="r")
    two = model.with_config(tags=["t"], run_name="r").bind(top_p=0.5).bind_tools([look_up], tool_choice="any")
    for name in ("gpt-4.1-mini", "claude-sonnet-4-5"):
        first, second = chosen(one, model=name), chosen(two, model=name)
        assert [getattr(spec, "name", None) for spec in first.tools] == ["look_up"]
        assert (first.tools, first.tool_choice) == (second.tools, "any")
        assert first.parameters == second.parameters
        assert first.parameters["top_p"] == 0.5
        assert first.config == second.config == {"tags": ["t"], "run_name": "r"}
    assert chosen(model, model="gpt-4.1-mini").tools == ()


def test_what_is_wrong_with_a_declaration_is_told_when_it_is_made_if_there_is_a_default() -> None:
    model = init_chat_model("gpt-5", configurable_fields=("model",))
    with pytest.raises(ConfigurationError, match="temprature"):
        model.bind(temprature=1)
    with pytest.raises(ConfigurationError, match="tool"):
        model.bind_tools([look_up], tool_choice="nothing")
    with pytest.raises(ConfigurationError):
        init_chat_model().bind_tools(cast("Any", [5]))
    with pytest.raises(ConfigurationError, match="temprature"):
        chosen(init_chat_model().bind(temprature=1), model="gpt-5")


def test_with_config_sets_fields_beforehand() -> None:
    model = init_chat_model(config_prefix="first").with_config(configurable={"first_model": "gpt-5", "thread_id": "1"})
    assert named(model) == "openai:gpt-5"
    assert named(model.bind(temperature=1), first_model="claude-sonnet-4-5") == "anthropic:claude-sonnet-4-5"
    again = model.with_config({"configurable": {"first_model": "grok-4"}})
    assert named(again) == "xai:grok-4"
    assert again.settings.config.get("configurable") == {"first_model": "grok-4", "thread_id": "1"}
    with pytest.raises(ConfigurationError, match="did you mean 'first_model'"):
        model.with_config(configurable={"first_modle": "gpt-5"})


def test_a_copy_of_a_configurable_model_has_its_own_profile() -> None:
    model = init_chat_model("gpt-5", configurable_fields=("model",))
    copy = model.model_copy(update={"profile": {"max_input_tokens": 5}})
    assert copy.profile == {"max_input_tokens": 5}
    assert model.profile["max_input_tokens"] != 5


def test_a_repr_says_what_is_open_and_shows_no_key() -> None:
    assert repr(init_chat_model(api_key="sk-1")) == "ChatModel(configurable: model, model_provider)"
    model = init_chat_model("gpt-5", configurable_fields=("model",), config_prefix="a", api_key="sk-1")
    assert repr(model) == "ChatModel(openai:gpt-5, configurable: a_model)"
    assert repr(init_chat_model("gpt-5", configurable_fields="any")) == "ChatModel(openai:gpt-5, configurable: any)"


# ---------------------------------------------------------------- every way to call


SCRIPT = ["Hello, tide!"]


async def test_every_method_calls_the_model_that_the_config_picks() -> None:
    model = init_chat_model(script=SCRIPT * 8)
    config = picks("embedded:one")
    heard: list[str | None] = []

    def hear(run: Run, event: object) -> None:
        heard.append(run.model)

    bound = model.with_config(callbacks=[hear])
    assert (await bound.ainvoke("hi", config)).text == SCRIPT[0]
    assert "".join([chunk.text async for chunk in bound.astream("hi", config)]) == SCRIPT[0]
    assert [message.text for message in await bound.abatch(["a", "b"], config)] == SCRIPT * 2
    assert [result.text async for _, result in bound.abatch_as_completed(["a"], config)] == SCRIPT
    records = [record["event"] async for record in bound.astream_events("hi", config)]
    assert (records[0], records[-1]) == ("on_chat_model_start", "on_chat_model_end")
    assert [event async for event in bound.aevents("hi", config)]
    assert set(heard) == {"one"}


def test_every_method_of_sync_code_does_too() -> None:
    model = init_chat_model(script=SCRIPT * 8)
    config = picks("embedded:one")
    assert model.invoke("hi", config).text == SCRIPT[0]
    assert "".join(chunk.text for chunk in model.stream("hi", config)) == SCRIPT[0]
    assert [message.text for message in model.batch(["a", "b"], config)] == SCRIPT * 2
    assert [message.text for _, message in model.batch_as_completed(["a"], config)] == SCRIPT


async def test_each_call_of_a_batch_has_the_model_of_its_own_config() -> None:
    model = init_chat_model(script=SCRIPT * 4)
    answers = await model.abatch(["a", "b"], [picks("embedded:one"), picks("embedded:two")])
    assert [message.response_metadata["model_name"] for message in answers] == ["one", "two"]


async def test_answers_have_the_declared_form_whichever_model_is_picked() -> None:
    reader = init_chat_model(script=['{"name": "Wadden Sea"}'] * 4).with_structured_output(Place)
    assert isinstance(reader, StructuredModel)
    assert await reader.ainvoke("where?", picks("embedded:one")) == Place(name="Wadden Sea")
    assert reader.bind_tools([look_up]).invoke("where?", picks("embedded:two")) == Place(name="Wadden Sea")


async def test_parameters_of_a_call_count_more_than_those_of_its_config() -> None:
    model = init_chat_model("embedded:m", configurable_fields=("temperature",), script=SCRIPT * 2)
    started: list[dict[str, Any]] = []

    def hear(run: Run, event: Event) -> None:
        if isinstance(event, Start):
            started.append(event.parameters)

    config: RunnableConfig = {"configurable": {"temperature": 0.5}, "callbacks": hear}
    await model.ainvoke("hi", config)
    await model.ainvoke("hi", config, temperature=0.7)
    assert started == [{"temperature": 0.5}, {"temperature": 0.7}]


async def test_the_model_is_picked_by_the_config_of_the_run_around_too() -> None:
    inner = init_chat_model(script=SCRIPT * 4)

    @chain
    async def outer(question: str) -> str:
        message = await inner.ainvoke(question)
        return str(message.response_metadata["model_name"])

    assert await outer.ainvoke("hi", picks("embedded:one")) == "one"
    beforehand = inner.with_config(configurable={"model": "embedded:two"})
    assert beforehand.invoke("hi").response_metadata["model_name"] == "two"


async def test_a_configurable_fallback_is_the_model_that_the_calls_config_picks() -> None:
    def failing() -> ChatModel:
        return init_chat_model("embedded:first", script=[Fail(status=401)] * 9)

    spare = init_chat_model("embedded:b", config_prefix="spare", configurable_fields=("model",), script=SCRIPT * 4)
    backed = failing().with_fallbacks([spare])

    def names(message: AIMessage) -> str:
        return str(message.response_metadata["model_name"])

    assert names(await backed.ainvoke("hi")) == "b"
    assert names(await backed.ainvoke("hi", {"configurable": {"spare_model": "embedded:c"}})) == "c"
    beforehand = (
        backed.with_config(configurable={"spare_model": "embedded:d"}).bind_tools([look_up]).bind(temperature=0)
    )
    assert names(await beforehand.ainvoke("hi")) == "d"
    first, second = beforehand.settings.decided({"configurable": {"spare_model": "embedded:e"}}).flat()
    assert (str(first), str(second)) == ("embedded:first", "embedded:e")
    assert first.settings_for(None).tools == second.settings_for(None).tools != ()
    assert second.settings_for(None).parameters["temperature"] == 0

    @chain
    async def outer(question: str) -> str:
        return names(await backed.ainvoke(question))

    assert await outer.ainvoke("hi", {"configurable": {"spare_model": "embedded:f"}}) == "f"
    cached = failing().model_copy(update={"cache": InMemoryCache()}).with_fallbacks([spare])
    assert names(await cached.ainvoke("hi", {"configurable": {"spare_model": "embedded:g"}})) == "g"


async def test_a_configurable_fallback_brings_fallbacks_of_its_own() -> None:
    open_one = init_chat_model(script=[Fail(status=401)] * 9)
    inner = open_one.with_fallbacks([init_chat_model("embedded:last", script=SCRIPT)])
    backed = init_chat_model("embedded:first", script=[Fail(status=401)] * 9).with_fallbacks([inner])
    heard = list[str]()

    def hear(_: Run, event: Event) -> None:
        if isinstance(event, Fallback):
            heard.append(event.to_model)

    assert (await backed.bind_tools([look_up]).ainvoke("hi", {**picks("embedded:next"), "callbacks": [hear]})).text
    assert heard == ["embedded:next", "embedded:last"]
    assert backed.model == "first"
    with pytest.raises(ConfigurationError, match="no model is named"):
        await backed.ainvoke("hi")


async def test_retries_and_fallbacks_count_for_whichever_model_is_picked() -> None:
    model = init_chat_model(script=[Fail(status=500), *SCRIPT]).with_retry(stop_after_attempt=1)
    spare = init_chat_model("embedded:spare", script=["From the spare."])
    backed = model.bind(temperature=0).with_fallbacks([spare]).bind_tools([look_up])
    settings = chosen(backed, model="embedded:one")
    assert settings.retry.max_retries == 0
    assert [len(one.settings_for(None).tools) for one in settings.flat()] == [1, 1]
    message = await backed.ainvoke("hi", picks("embedded:one"))
    assert (message.text, message.response_metadata["model_name"]) == ("From the spare.", "spare")


def test_a_misspelt_field_is_told_at_once_and_every_parameter_is_a_field() -> None:
    with pytest.raises(ConfigurationError, match="configurable_fields names 'modl'; did you mean 'model'"):
        init_chat_model("embedded:demo", configurable_fields=("modl",))
    for provider in provider_names():
        init_chat_model("embedded:demo", configurable_fields=(*find_adapter(provider).parameters,))


def test_a_misspelt_provider_in_a_config_is_told_and_another_colon_is_part_of_the_name() -> None:
    model = init_chat_model("embedded:demo", configurable_fields=("model",), config_prefix="p")
    with pytest.raises(ConfigurationError, match="no provider 'opnai'; did you mean 'openai'"):
        model.invoke("x", {"configurable": {"p_model": "opnai:x"}})
    assert chosen(model, p_model="my-own:8b").adapter is EMBEDDED
