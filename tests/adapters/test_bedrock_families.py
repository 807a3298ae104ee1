"""How each family of models is told to reason, and what their names say."""

from __future__ import annotations

from typing import Any

import pytest

from tidewire.adapters.bedrock_families import (
    knows_tool_status,
    reasoning_fields,
    top_k_fields,
    vendor_of,
)
from tidewire.adapters.reasoning import EFFORTS
from tidewire.events.errors import ConfigurationError

BUDGET_CLAUDES = [
    "us.anthropic.claude-3-7-sonnet-20250219-v1:0",
    "anthropic.claude-sonnet-4-20250514-v1:0",
    "eu.anthropic.claude-opus-4-1-20250805-v1:0",
    "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
    "global.anthropic.claude-haiku-4-5-20251001-v1:0",
]
ADAPTIVE_CLAUDES = [
    "us.anthropic.claude-sonnet-4-6",
    "anthropic.claude-opus-4-8",
    "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-sonnet-5",
    "eu.anthropic.claude-fable-5",
]


@pytest.mark.parametrize(
    ("model", "vendor"),
    [
        ("anthropic.claude-v2", "anthropic"),
        ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", "anthropic"),
        ("us-gov.amazon.nova-lite-v1:0", "amazon"),
        ("meta.llama3-1-8b-instruct-v1:0", "meta"),
        ("xai.grok-4.3", "xai"),
        ("openai.gpt-5.4", "openai"),
        ("deepseek.v3.2", "deepseek"),
        ("minimax.minimax-m2.1", "minimax"),
        ("arn:aws:bedrock:us-east-1::foundation-model/qwen.qwen3-32b-v1:0", "qwen"),
        ("arn:aws:bedrock:us-east-1:1:inference-profile/apac.amazon.nova-pro-v1:0", "amazon"),
        ("arn:aws:bedrock:us-east-1:1:application-inference-profile/abc123", None),
        ("my-model", None),
    ],
)
def test_a_model_s_name_says_who_made_it(model: str, vendor: str | None) -> None:
    assert vendor_of(model) == vendor


def test_only_some_models_are_told_that_a_tool_failed() -> None:
    known = ("us.anthropic.claude-sonnet-5", "amazon.nova-lite-v1:0", "arn:x:application-inference-profile/abc")
    assert [knows_tool_status(model) for model in known] == [True, True, True]
    assert not knows_tool_status("mistral.mistral-large-3-675b-instruct")


@pytest.mark.parametrize(
    ("models", "wanted", "fields"),
    [
        (BUDGET_CLAUDES, "low", {"thinking": {"type": "enabled", "budget_tokens": 2048}}),
        (BUDGET_CLAUDES, {"budget_tokens": 5000}, {"thinking": {"type": "enabled", "budget_tokens": 5000}}),
        (BUDGET_CLAUDES, "none", {"thinking": {"type": "disabled"}}),
        (ADAPTIVE_CLAUDES, "xhigh", {"thinking": {"type": "adaptive"}, "output_config": {"effort": "xhigh"}}),
        (ADAPTIVE_CLAUDES, {"effort": "low"}, {"thinking": {"type": "adaptive"}, "output_config": {"effort": "low"}}),
        (ADAPTIVE_CLAUDES, False, {"thinking": {"type": "disabled"}}),
        (["us.amazon.nova-2-lite-v1:0"], "max", {"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "high"}}),
        (["us.amazon.nova-2-lite-v1:0"], {"enabled": False}, {"reasoningConfig": {"type": "disabled"}}),
        (["openai.gpt-oss-120b-1:0", "moonshotai.kimi-k2.5"], True, {"reasoning_effort": "medium"}),
        (["openai.gpt-5.5"], "none", {"reasoning": {"effort": "none"}}),
        (["openai.gpt-5.5"], "minimal", {"reasoning": {"effort": "low"}}),
        (["qwen.qwen3-32b-v1:0", "deepseek.v3-v1:0"], "minimal", {"reasoning_config": "low"}),
        (["zai.glm-4.7"], "low", {"reasoning_config": "high"}),
    ],
)
def test_one_effort_in_the_words_of_each_family(models: list[str], wanted: object, fields: dict[str, Any]) -> None:
    for model in models:
        assert reasoning_fields(model, wanted, None) == fields, model


def test_every_effort_is_known_to_every_family_that_reasons() -> None:
    for model in (BUDGET_CLAUDES[0], ADAPTIVE_CLAUDES[0], "amazon.nova-2-lite-v1:0", "openai.gpt-5.5"):
        for effort in EFFORTS:
            assert reasoning_fields(model, effort, None)


@pytest.mark.parametrize(
    ("model", "wanted", "message"),
    [
        ("meta.llama3-1-8b-instruct-v1:0", "low", "not known how 'meta.llama3-1-8b-instruct-v1:0' is told to reason"),
        ("anthropic.claude-3-haiku-20240307-v1:0", "low", "base_model_id"),
        ("openai.gpt-oss-20b-1:0", "none", "does not take reasoning 'none'; it takes the efforts minimal, low"),
        ("amazon.nova-2-lite-v1:0", {"budget_tokens": 5}, "does not take reasoning {'budget_tokens': 5}"),
        ("us.anthropic.claude-sonnet-4-6", {"effort": "low", "summary": "auto"}, "or {'budget_tokens': …}"),
        ("us.anthropic.claude-sonnet-4-6", {}, "does not take reasoning {}"),
        ("us.anthropic.claude-sonnet-4-6", "hard", "efforts none, minimal, low, medium, high, xhigh, max"),
        ("us.anthropic.claude-sonnet-4-6", 5, "does not take reasoning 5"),
    ],
)
def test_what_a_family_does_not_take_is_refused_by_name(model: str, wanted: object, message: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        reasoning_fields(model, wanted, None)
    assert message in caught.value.message


def test_a_budget_leaves_room_for_the_answer() -> None:
    model = BUDGET_CLAUDES[0]

    def budget(effort: str, max_tokens: int | None) -> int:
        tokens: int = reasoning_fields(model, effort, max_tokens)["thinking"]["budget_tokens"]
        return tokens

    assert budget("high", 20_000) == 16384
    assert budget("high", 16384) == 8192
    assert budget("high", 1500) == 1024
    assert budget("high", None) == 16384
    assert reasoning_fields(model, "none", 10) == {"thinking": {"type": "disabled"}}
    with pytest.raises(ConfigurationError, match="needs max_tokens above 1024 to reason, got 1024"):
        budget("low", 1024)


def test_top_k_stands_where_the_family_takes_it() -> None:
    assert top_k_fields("us.amazon.nova-lite-v1:0", 5) == {"inferenceConfig": {"topK": 5}}
    assert top_k_fields("cohere.command-r-v1:0", 5) == {"k": 5}
    assert top_k_fields("us.anthropic.claude-sonnet-4-6", 5) == {"top_k": 5}
