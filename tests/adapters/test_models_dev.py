"""Facts of models.dev become profiles: all of them under their names, and nothing that is not told."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tidewire.adapters.models_dev import read_models_dev
from tidewire.events.blocks import JSONObject
from tidewire.events.errors import ConfigurationError


def profile(**facts: Any) -> JSONObject:
    return read_models_dev(json.dumps({"p": {"id": "p", "models": {"m": facts}}}).encode(), "p")["m"]


def test_all_facts_get_the_names_of_a_profile() -> None:
    assert profile(
        id="m",
        name="M",
        family="ms",
        attachment=True,
        reasoning=True,
        tool_call=True,
        structured_output=False,
        temperature=False,
        open_weights=False,
        knowledge="2025-01",
        release_date="2025-02-03",
        last_updated="2025-03",
        status="beta",
        modalities={"input": ["text", "image", "pdf"], "output": ["text", "audio"]},
        limit={"context": 400_000, "input": 272_000, "output": 128_000},
        reasoning_options=[
            {"type": "toggle"},
            {"type": "effort", "values": ["low", "high"]},
            {"type": "budget_tokens", "min": 1024, "max": 4096},
        ],
        cost={"input": 1, "output": 2.5, "cache_read": 0.1, "cache_write": 1.25, "reasoning": 3, "input_audio": 4},
    ) == {
        "name": "M",
        "family": "ms",
        "status": "beta",
        "release_date": "2025-02-03",
        "last_updated": "2025-03",
        "knowledge": "2025-01",
        "open_weights": False,
        "max_input_tokens": 400_000,
        "max_output_tokens": 128_000,
        "max_prompt_tokens": 272_000,
        "text_inputs": True,
        "image_inputs": True,
        "audio_inputs": False,
        "video_inputs": False,
        "pdf_inputs": True,
        "text_outputs": True,
        "image_outputs": False,
        "audio_outputs": True,
        "video_outputs": False,
        "pdf_outputs": False,
        "attachment": True,
        "temperature": False,
        "tool_calling": True,
        "structured_output": False,
        "reasoning_output": True,
        "reasoning_toggle": True,
        "reasoning_effort_levels": ["low", "high"],
        "reasoning_budget": True,
        "reasoning_budget_min_tokens": 1024,
        "reasoning_budget_max_tokens": 4096,
        "prices": {
            "input": 1.0,
            "output": 2.5,
            "reasoning": 3.0,
            "cache_read": 0.1,
            "cache_write": 1.25,
            "input_audio": 4.0,
        },
    }


def test_what_is_not_told_is_not_in_the_profile() -> None:
    assert profile(name="M", reasoning_options=[], limit={"context": 0, "output": 0}) == {"name": "M"}


def test_options_of_reasoning_rule_out_those_that_are_missing() -> None:
    told = profile(name="M", reasoning_options=[{"type": "effort", "values": ["low", None]}, {"type": "new"}])
    assert told == {
        "name": "M",
        "reasoning_toggle": False,
        "reasoning_budget": False,
        "reasoning_effort_levels": ["low"],
    }
    budget = profile(name="M", reasoning_options=[{"type": "budget_tokens"}])
    assert budget == {"name": "M", "reasoning_toggle": False, "reasoning_budget": True}


def test_prices_change_with_the_length_of_the_prompt() -> None:
    cost = {
        "input": 1,
        "cached_input": 0.2,
        "tiers": [
            {"input": 2, "output": 9, "tier": {"type": "context", "size": 200_000}},
            {"input": 3, "tier": {"type": "hour", "size": 12}},
            {"input": 4},
        ],
        "context_over_200k": {"input": 2},
    }
    assert profile(name="M", cost=cost)["prices"] == {
        "input": 1.0,
        "cache_read": 0.2,
        "tiers": [{"above_input_tokens": 200_000, "input": 2.0, "output": 9.0}],
    }


def test_keys_that_are_not_known_pass() -> None:
    assert profile(name="M", benchmarks={"a": 1}, limit={"context": 1, "minute": 2}) == {
        "name": "M",
        "max_input_tokens": 1,
    }


def test_a_provider_that_is_not_there_is_told() -> None:
    with pytest.raises(ConfigurationError, match=r"models.dev knows no provider 'q'; it knows a, b"):
        read_models_dev(b'{"b": {}, "a": {}}', "q")


@pytest.mark.parametrize("content", [b"", b"<html>", b"[]", b'{"p": {"models": {"m": {"limit": 5}}}}', b'{"p":"\xff"}'])
def test_another_file_is_told(content: bytes) -> None:
    with pytest.raises(ConfigurationError, match=r"no file of models.dev"):
        read_models_dev(content, "p")
