"""A model's profile: found late and once, replaced, changed in place, and never another model's."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tidewire import init_chat_model
from tidewire.adapters.profile_table import FILE_NAME, table_text
from tidewire.adapters.profiles import FOLDER_ENV, list_profiles
from tidewire.chat_models import ChatModel
from tidewire.events.blocks import JSONObject
from tidewire.events.errors import ConfigurationError
from tidewire.model_profile import FACTS, PRICES, ModelProfile


def gpt_5() -> ChatModel:
    return init_chat_model("openai:gpt-5", api_key="k")


def test_a_profile_is_a_plain_dict_under_the_fields_names() -> None:
    profile = gpt_5().profile
    assert type(profile) is dict
    assert {key: profile[key] for key in ("max_input_tokens", "image_inputs", "reasoning_output", "tool_calling")} == {
        "max_input_tokens": 400_000,
        "image_inputs": True,
        "reasoning_output": True,
        "tool_calling": True,
    }


def test_an_unknown_model_has_an_empty_profile() -> None:
    assert init_chat_model("embedded:demo").profile == {}
    assert init_chat_model("openai:gpt-17", api_key="k").profile == {}


def test_a_profile_of_ones_own_replaces_what_is_known() -> None:
    given = {"max_input_tokens": 100_000, "tool_calling": True, "key": "value"}
    model = init_chat_model("openai:gpt-5", api_key="k", profile=given)
    assert model.profile == given
    assert init_chat_model("openai:gpt-5", api_key="k", profile={}).profile == {}
    assert init_chat_model("openai:gpt-5", api_key="k", profile=None).profile == gpt_5().profile


def test_a_profile_changes_in_place_for_the_model_and_its_copies_alone() -> None:
    given = {"tool_calling": True}
    model = init_chat_model("openai:gpt-5", api_key="k", profile=given)
    bound = model.bind(temperature=1)
    model.profile["tool_calling"] = False
    assert (model.profile, bound.profile) == ({"tool_calling": False}, {"tool_calling": False})
    assert given == {"tool_calling": True}
    one, other = gpt_5(), gpt_5()
    one.profile["image_inputs"] = False
    assert other.profile["image_inputs"] is True


def test_a_copy_has_another_profile_and_leaves_the_model_as_it_is() -> None:
    model = gpt_5()
    changed = model.profile | {"key": "value"}
    copy = model.model_copy(update={"profile": changed})
    assert copy.profile == changed
    assert "key" not in model.profile
    assert copy.settings.transport is model.settings.transport


@pytest.mark.parametrize("asked_before", [True, False])
def test_a_plain_copy_has_the_same_profile_and_changes_its_own(asked_before: bool) -> None:
    model = gpt_5()
    if asked_before:
        model.profile["key"] = "value"
    copy = model.model_copy()
    assert copy.profile == model.profile
    copy.profile["other"] = 1
    assert "other" not in model.profile


def test_a_copy_may_have_other_parameters_and_refuses_unknown_ones() -> None:
    copy = gpt_5().model_copy(update={"max_tokens": 7})
    assert copy.settings.parameters == {"max_tokens": 7}
    with pytest.raises(ConfigurationError, match="did you mean 'profile'"):
        gpt_5().model_copy(update={"profil": {}})


def test_another_model_has_another_profile() -> None:
    model = gpt_5()
    assert model.bind(model="gpt-4o").profile["name"] == "GPT-4o"
    assert (
        model.bind(model="gpt-4o", profile={"a": 1}).profile
        == model.bind(profile={"a": 1}, model="x").profile
        == {"a": 1}
    )
    assert model.profile["name"] == "GPT-5"


def test_an_inference_profile_of_bedrock_is_known_by_its_base_model() -> None:
    arn = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc"
    base = "anthropic.claude-haiku-4-5-20251001-v1:0"
    assert init_chat_model(f"bedrock_converse:{arn}", region_name="us-east-1").profile == {}
    model = init_chat_model(f"bedrock_converse:{arn}", region_name="us-east-1", base_model_id=base)
    assert model.profile["name"] == "Claude Haiku 4.5"


@pytest.mark.parametrize("value", ["gpt", 5, ["a"]])
def test_a_profile_that_is_no_dict_is_refused(value: object) -> None:
    with pytest.raises(ConfigurationError, match="profile must be a dict of facts, got a"):
        init_chat_model("openai:gpt-5", api_key="k", profile=value)


def test_the_facts_are_looked_up_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FOLDER_ENV, str(tmp_path))
    (tmp_path / FILE_NAME).write_bytes(table_text({"openai": {"gpt-5": {"name": "Mine"}}}, ""))
    model = gpt_5()
    first = model.profile
    (tmp_path / FILE_NAME).unlink()
    assert model.profile is first
    assert model.bind(temperature=1).profile is first
    assert first == {"name": "Mine"}
    assert gpt_5().profile["name"] == "GPT-5"


def facts_of(known: ModelProfile) -> JSONObject:
    return known.facts


def test_all_threads_get_the_same_dict() -> None:
    for _ in range(20):
        known = ModelProfile("openai", "gpt-5")
        with ThreadPoolExecutor(8) as threads:
            found = list(threads.map(facts_of, [known] * 8))
        assert all(facts is found[0] for facts in found)


def test_a_misspelt_fact_or_price_is_told_and_a_fact_of_ones_own_is_kept() -> None:
    with pytest.raises(ConfigurationError, match="no fact 'max_input_token'; did you mean 'max_input_tokens'"):
        init_chat_model("embedded:demo", profile={"max_input_token": 1})
    with pytest.raises(ConfigurationError, match="no price 'in'; there are cache_read, cache_write, input,"):
        init_chat_model("embedded:demo", profile={"prices": {"in": 1}})
    assert init_chat_model("embedded:demo", profile={"our_own": 1}).profile == {"our_own": 1}


def test_every_fact_that_is_shipped_is_known() -> None:
    for models in list_profiles().values():
        for profile in models.values():
            assert profile.keys() <= FACTS
            assert profile.get("prices", {}).keys() <= PRICES
