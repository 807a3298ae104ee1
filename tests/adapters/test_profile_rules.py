"""Rules are merged in order over profiles, count where they should, and are refused when they are not written right."""

from __future__ import annotations

import pytest

from tidewire.adapters.profile_rules import apply_rules, read_rules
from tidewire.adapters.profile_table import Profiles
from tidewire.events.errors import ConfigurationError

KNOWN: Profiles = {"a-1": {"image_inputs": True, "n": 1}, "a-2": {"image_inputs": False}, "b": {}}


def merged(text: str, provider: str = "p") -> Profiles:
    return apply_rules(provider, KNOWN, read_rules(text, "rules"))


def test_a_rule_counts_for_its_models_and_later_ones_win() -> None:
    rules = """
        [[rule]]
        providers = ["p", "q"]
        set = { x = 1, n = 2 }
        [[rule]]
        providers = ["p"]
        models = ["a-*"]
        set = { x = 2 }
    """
    assert merged(rules) == {
        "a-1": {"image_inputs": True, "n": 2, "x": 2},
        "a-2": {"image_inputs": False, "n": 2, "x": 2},
        "b": {"n": 2, "x": 1},
    }
    assert merged(rules, "r") == KNOWN
    assert KNOWN["b"] == {}


def test_a_rule_counts_where_the_profile_says_so_and_not_where_it_is_silent() -> None:
    rules = "[[rule]]\nproviders = ['p']\nwhere = { image_inputs = false }\nset = { x = 1 }"
    assert [name for name, profile in merged(rules).items() if "x" in profile] == ["a-2"]


def test_a_name_that_nobody_knows_adds_a_model_but_not_a_pattern() -> None:
    rules = "[[rule]]\nproviders = ['p']\nmodels = ['new', 'c*', '[d]', '?']\nset = { x = 1 }"
    assert {name: profile for name, profile in merged(rules).items() if "x" in profile} == {
        "new": {"x": 1},
        "b": {"x": 1},
    }


def test_a_condition_adds_no_model() -> None:
    rules = "[[rule]]\nproviders = ['p']\nmodels = ['new']\nwhere = { y = true }\nset = { x = 1 }"
    assert merged(rules) == KNOWN


@pytest.mark.parametrize(
    "text",
    [
        "[[rule]",
        "[[rules]]\nproviders = []",
        "[[rule]]\nset = {}",
        "[[rule]]\nproviders = ['p']",
        "[[rule]]\nproviders = ['p']\nmodel = ['m']\nset = {}",
        "[[rule]]\nproviders = 'p'\nset = {}",
    ],
)
def test_rules_that_are_not_written_right_are_told_with_their_place(text: str) -> None:
    with pytest.raises(ConfigurationError, match=r"my\.toml holds no rules"):
        read_rules(text, "my.toml")
