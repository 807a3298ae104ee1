"""How each generation of Claude is told to think, under the names that it has at different providers."""

from __future__ import annotations

import pytest

from tidewire.adapters.claude_thinking import budget, claude_thinking, leave_room
from tidewire.adapters.reasoning import EFFORTS, thinking_fields
from tidewire.events.blocks import JSON, JSONObject
from tidewire.events.errors import ConfigurationError

BY_BUDGET = [
    "claude-3-7-sonnet-20250219",
    "anthropic/claude-3.7-sonnet",
    "claude-sonnet-4-20250514",
    "claude-sonnet-4",
    "claude-opus-4@20250514",
    "claude-opus-4-0",
    "claude-opus-4-1",
    "claude-opus-4-5-20251101",
    "claude-haiku-4.5",
    "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
]
BY_EFFORT = ["claude-opus-4-7", "claude-opus-4-8", "claude-sonnet-5", "claude-fable-5-1", "anthropic/claude-opus-4.8"]
BY_BOTH = ["claude-opus-4-6", "claude-sonnet-4-6", "my-deployment"]

ADAPTIVE: JSONObject = {"thinking": {"type": "adaptive"}}


@pytest.mark.parametrize(
    ("models", "wanted", "fields"),
    [
        (BY_BUDGET, "low", budget(2048)),
        (BY_BUDGET, True, budget(8192)),
        (BY_BUDGET, {"budget_tokens": 5000}, budget(5000)),
        ([*BY_EFFORT, *BY_BOTH], "minimal", {**ADAPTIVE, "output_config": {"effort": "low"}}),
        ([*BY_EFFORT, *BY_BOTH], {"effort": "max"}, {**ADAPTIVE, "output_config": {"effort": "max"}}),
        ([*BY_EFFORT, *BY_BOTH], True, ADAPTIVE),
        (BY_BOTH, {"budget_tokens": 5000}, budget(5000)),
        ([*BY_BUDGET, *BY_EFFORT, *BY_BOTH], "off", {"thinking": {"type": "disabled"}}),
        ([*BY_BUDGET, *BY_EFFORT, *BY_BOTH], False, {"thinking": {"type": "disabled"}}),
    ],
)
def test_one_effort_in_the_words_of_each_generation(models: list[str], wanted: JSON, fields: JSONObject) -> None:
    for model in models:
        assert thinking_fields(claude_thinking(model), "anthropic", {"reasoning": wanted}) == fields, model


def test_every_effort_is_known_to_every_generation() -> None:
    for model in (BY_BUDGET[0], BY_EFFORT[0], BY_BOTH[0]):
        for effort in EFFORTS:
            assert thinking_fields(claude_thinking(model), "anthropic", {"reasoning_effort": effort})


@pytest.mark.parametrize(
    ("models", "wanted", "takes"),
    [
        (BY_EFFORT, {"budget_tokens": 5000}, "'none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max', True"),
        (BY_BUDGET, "hard", "'max', {'budget_tokens': …}"),
        (BY_BOTH, "hard", "'max', True, {'budget_tokens': …}"),
    ],
)
def test_what_a_generation_does_not_take_is_refused_by_name(models: list[str], wanted: JSON, takes: str) -> None:
    for model in models:
        with pytest.raises(ConfigurationError) as caught:
            thinking_fields(claude_thinking(model), "anthropic", {"reasoning": wanted})
        assert caught.value.message.startswith(f"anthropic cannot be told to reason {wanted!r}")
        assert caught.value.message.endswith(takes)


@pytest.mark.parametrize(
    ("tokens", "max_tokens", "left"),
    [(16384, 20_000, 16384), (16384, 16384, 8192), (16384, 1500, 1024), (16384, None, 16384)],
)
def test_a_budget_leaves_room_for_the_answer(tokens: int, max_tokens: int | None, left: int) -> None:
    assert leave_room(budget(tokens), "claude", max_tokens) == budget(left)


def test_without_a_budget_there_is_nothing_to_leave_room_for() -> None:
    assert leave_room(ADAPTIVE, "claude", 10) == ADAPTIVE


def test_a_limit_below_the_least_budget_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="'claude' needs max_tokens above 1024 to reason, got 1024"):
        leave_room(budget(2048), "claude", 1024)
