"""The config of a call."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest

from tidewire import init_chat_model
from tidewire.config import RunnableConfig, check_config, merge_configs, parse_run_id
from tidewire.events.errors import ConfigurationError


def test_a_misspelt_key_is_an_error_that_names_the_nearest() -> None:
    with pytest.raises(ConfigurationError, match="no key 'tag'; did you mean 'tags'"):
        check_config({"tag": ["x"]})
    with pytest.raises(ConfigurationError, match="known keys are run_name"):
        check_config({"zzz": 1})


@pytest.mark.parametrize(
    ("config", "words"),
    [
        *(({"max_concurrency": limit}, "max_concurrency must be a whole number") for limit in (0, -1, 1.5, "4", True)),
        *(({"recursion_limit": limit}, "recursion_limit must be a whole number") for limit in (-1, "4", True)),
        ({"tags": "abc"}, "tags must be a list of texts, got 'abc'"),
        ({"tags": [1]}, "tags must be a list of texts"),
        ({"metadata": "x"}, "metadata must be a dict"),
        ({"run_name": 3}, "run_name must be a text"),
        ({"configurable": ["model"]}, "configurable must be a dict"),
    ],
)
def test_a_value_that_cannot_be_used_is_an_error_that_says_what_it_must_be(config: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        check_config(config)


def test_what_is_none_says_nothing() -> None:
    model = init_chat_model("embedded:demo", script=["hi"]).with_config(tags=["a"], callbacks=[print])
    config: dict[str, Any] = {
        "tags": None,
        "metadata": None,
        "callbacks": None,
        "run_name": None,
        "recursion_limit": None,
    }
    assert check_config(config) == {}
    assert model.with_config(**config).settings.config == {"tags": ["a"], "callbacks": [print]}
    assert model.with_config({}, **config).invoke("hello").text == "hi"


def test_the_tags_of_a_model_are_a_list_of_texts_too() -> None:
    assert init_chat_model("embedded:demo", tags=["a", "b"]).settings.tags == ("a", "b")
    with pytest.raises(ConfigurationError, match="tags must be a list of texts"):
        init_chat_model("embedded:demo", tags="abc")


def test_no_config_is_an_empty_one() -> None:
    assert check_config(None) == {}
    assert check_config({"max_concurrency": None}) == {"max_concurrency": None}


def test_configs_add_up_and_the_later_one_counts() -> None:
    first, second, third = object(), object(), object()
    base: RunnableConfig = {
        "tags": ["a", "b"],
        "metadata": {"x": 1, "y": 1},
        "configurable": {"model": "m"},
        "callbacks": [first],
        "run_name": "outer",
    }
    more: RunnableConfig = {
        "tags": ["b", "c"],
        "metadata": {"y": 2},
        "configurable": {"top_p": 1},
        "callbacks": (second, third),
        "run_name": "inner",
    }
    assert merge_configs(base, more) == {
        "tags": ["a", "b", "c"],
        "metadata": {"x": 1, "y": 2},
        "configurable": {"model": "m", "top_p": 1},
        "callbacks": [first, second, third],
        "run_name": "inner",
    }
    assert merge_configs({"callbacks": first}, {"callbacks": None}).get("callbacks") is None
    assert merge_configs({"callbacks": first}, {"callbacks": second}).get("callbacks") == [first, second]
    assert merge_configs({}, more) is more
    assert merge_configs(base, {}) is base


def test_a_run_id_is_a_uuid_or_its_text() -> None:
    id = uuid4()
    assert parse_run_id(id) is id
    assert parse_run_id(str(id)) == UUID(str(id))
    with pytest.raises(ConfigurationError, match="run_id must be a UUID"):
        parse_run_id("abc")


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"tags": "abc"}, "tags must be a list of texts, got 'abc'"),
        ({"tags": 5}, "tags must be a list of texts, got 5"),
        ({"metadata": [1]}, "metadata must be a dict, got"),
    ],
)
def test_tags_are_a_list_and_metadata_a_dict(config: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        check_config(config)
