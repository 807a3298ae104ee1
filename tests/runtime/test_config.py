"""The config of a call."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest

from tidewire.config import RunnableConfig, check_config, merge_configs, parse_run_id
from tidewire.events.errors import ConfigurationError


def test_a_misspelt_key_is_an_error_that_names_the_nearest() -> None:
    with pytest.raises(ConfigurationError, match="no key 'tag'; did you mean 'tags'"):
        check_config({"tag": ["x"]})
    with pytest.raises(ConfigurationError, match="known keys are run_name"):
        check_config({"zzz": 1})


@pytest.mark.parametrize("limit", [0, -1, 1.5, "4"])
def test_max_concurrency_is_a_whole_number_above_zero(limit: object) -> None:
    with pytest.raises(ConfigurationError, match="max_concurrency"):
        check_config({"max_concurrency": limit})


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
