"""How Claude is told to think, by Anthropic's own API and by those who pass its fields on.

Source: "Extended thinking", "Adaptive thinking" and "Effort" on platform.claude.com, read 2026-11-25. Up to version 4.5
thinking has a budget of tokens, which counts into the limit of the answer; since 4.6 it adapts to an effort; since 4.7
budgets are refused.
"""

from __future__ import annotations

import re

from tidewire.adapters.json_text import object_of
from tidewire.adapters.reasoning import EFFORTS, Thinking, merged
from tidewire.events.blocks import JSON, JSONObject
from tidewire.events.errors import ConfigurationError

#: The smallest number of tokens that Claude takes to think.
LEAST_BUDGET = 1024

_OFF: JSONObject = {"thinking": {"type": "disabled"}}
_ADAPTIVE: JSONObject = {"thinking": {"type": "adaptive"}}
_BUDGETS = (1024, 2048, 8192, 16384, 32768, 32768)
_WORDS = ("low", "low", "medium", "high", "xhigh", "max")


def budget(tokens: JSON) -> JSONObject:
    """The fields for a number of tokens to think with."""
    return {"thinking": {"type": "enabled", "budget_tokens": tokens}}


_BY_BUDGET = Thinking(
    efforts={"none": _OFF, **dict(zip(EFFORTS[1:], map(budget, _BUDGETS), strict=True))},
    budget="thinking.budget_tokens",
    with_budget={"thinking": {"type": "enabled"}},
)
_BY_EFFORT = Thinking(
    efforts={
        "none": _OFF,
        **{
            effort: merged(_ADAPTIVE, {"output_config": {"effort": word}})
            for effort, word in zip(EFFORTS[1:], _WORDS, strict=True)
        },
    },
    on=_ADAPTIVE,
)
_BY_BOTH = Thinking(
    efforts=_BY_EFFORT.efforts, on=_ADAPTIVE, budget=_BY_BUDGET.budget, with_budget=_BY_BUDGET.with_budget
)

#: How names of models look, and how these are told to think; the first that fits counts.
GENERATIONS: tuple[tuple[str, Thinking], ...] = (
    (r"claude-(3[-.]7|(opus|sonnet)-4([@-](20|0)|$)|opus-4[-.]1\b|(opus|sonnet|haiku)-4[-.]5\b)", _BY_BUDGET),
    (r"claude-[a-z]+-(4[-.][7-9]|[5-9])", _BY_EFFORT),
    (r"claude-[a-z]+-4[-.]6", _BY_BOTH),
)


def claude_thinking(model: str) -> Thinking:
    """How a model is told to think; one whose name tells nothing is taken to know both ways."""
    return next((how for pattern, how in GENERATIONS if re.search(pattern, model)), _BY_BOTH)


def leave_room(fields: JSONObject, model: str, max_tokens: JSON) -> JSONObject:
    """The fields for an effort, with a budget that leaves room for the answer.

    Raises:
        ConfigurationError: The limit of the answer is below what Claude needs to think.
    """
    tokens = object_of(fields.get("thinking")).get("budget_tokens")
    if tokens is None or not isinstance(max_tokens, int) or tokens < max_tokens:
        return fields
    if max_tokens <= LEAST_BUDGET:
        raise ConfigurationError(f"{model!r} needs max_tokens above {LEAST_BUDGET} to reason, got {max_tokens}")
    return merged(fields, budget(max(max_tokens // 2, LEAST_BUDGET)))


__all__ = ["GENERATIONS", "LEAST_BUDGET", "budget", "claude_thinking", "leave_room"]
