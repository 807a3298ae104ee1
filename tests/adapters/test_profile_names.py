"""Models are found by the closest name, and another model's entry is never taken for theirs."""

from __future__ import annotations

import pytest

from tidewire.adapters.profile_names import NameIndex, forms

KNOWN = {
    "claude-3-5-sonnet-20241022": "claude-3-5-sonnet-20240620 claude-3-5-sonnet-latest claude-3.5-sonnet",
    "claude-sonnet-4-5": "claude-sonnet-4-5-20250929 claude-sonnet-4-5@20250929 Claude_Sonnet_4.5 "
    "claude-sonnet-4-5@default",
    "gpt-4o": "gpt-4o-2024-08-06 GPT-4O models/gpt-4o",
    "gpt-4-turbo": "gpt-4-turbo-2024-04-09",
    "gpt-3.5-turbo": "gpt-3.5-turbo-0125",
    "command-a-03-2025": "command-a command-a-latest",
    "mistral-small-latest": "mistral-small mistral-small-2506",
    "gemini-2.5-pro": "models/gemini-2.5-pro publishers/google/models/gemini-2.5-pro gemini-2.5-pro-001 "
    "gemini-2.5-pro-preview-05-06 gemini-2.5-pro-preview-09-2025",
    "gemini-3-pro-preview": "gemini-3-pro",
    "anthropic.claude-haiku-4-5-20251001-v1:0": "us.anthropic.claude-haiku-4-5-20251001-v1:0 "
    "us-gov.anthropic.claude-haiku-4-5 anthropic.claude-haiku-4-5-20251001-v1:0:200k "
    "arn:aws:bedrock:us-east-1:123456789012:inference-profile/eu.anthropic.claude-haiku-4-5-20251001-v1:0",
    "global.anthropic.claude-fable-5": "anthropic.claude-fable-5 apac.anthropic.claude-fable-5",
    "openai.gpt-5.4": "us.openai.gpt-5.4",
    "Qwen/Qwen3-32B": "qwen/qwen3-32b Qwen/Qwen3-32B:cerebras Qwen/Qwen3-32B:fastest",
    "gpt-oss:20b": "gpt-oss:20b-cloud",
    "glm-4.6": "glm-4.6:cloud glm-4.6:latest",
    "accounts/fireworks/models/kimi-k2p6": "kimi-k2p6",
    "gpt-5": "gpt-5-2025-08-07",
    "gpt-4": "gpt-4-0613",
    "o1": "o1-2024-12-17",
    "deepseek-v3": "deepseek-v3-0324",
}  # fmt: skip


@pytest.mark.parametrize(
    ("asked", "known"), [(name, known) for known, names in KNOWN.items() for name in names.split()]
)
def test_a_name_finds_its_familys_entry(asked: str, known: str) -> None:
    assert NameIndex(KNOWN).find(asked) == known


OTHERS = """
    gpt-5.6 gpt-5-mini gpt-4o-mini o1-preview o1-preview-2024-09-12 gpt-4-0125-preview gpt-4o-audio-preview deepseek-v5
    deepseek gpt-oss:120b claude-sonnet-4 claude-sonnet-4-6 anthropic.claude-haiku-4-6-20261001-v1:0 gemini-2.5-flash
    openai.gpt-5 x
"""


@pytest.mark.parametrize("name", OTHERS.split())
def test_another_model_is_not_known(name: str) -> None:
    assert NameIndex(KNOWN).find(name) is None


def test_no_name_finds_nothing() -> None:
    index = NameIndex(KNOWN)
    assert [index.find(name) for name in ("", " ", "models/", "-latest", ":free")] == [None] * 5


def test_an_exact_name_beats_the_family() -> None:
    index = NameIndex(["gpt-4o", "gpt-4o-2024-05-13", "us.anthropic.claude-x", "anthropic.claude-x"])
    assert index.find("gpt-4o-2024-05-13") == "gpt-4o-2024-05-13"
    assert index.find("gpt-4o-2024-08-06") == "gpt-4o"
    assert index.find("gpt_4o-2024-05-13") == "gpt-4o-2024-05-13"


def test_of_entries_with_the_same_form_the_first_counts() -> None:
    assert NameIndex(["m-2412", "m-2411"]).find("m") == "m-2412"
    assert NameIndex(["m-2411", "m-2412"]).find("m-latest") == "m-2411"


@pytest.mark.parametrize(
    ("deployment", "known"),
    [
        ("prod-gpt-4o-eastus", "gpt-4o"),
        ("gpt4o", "gpt-4o"),
        ("team_GPT-4o_2", None),
        ("gpt-35-turbo", "gpt-3.5-turbo"),
        ("gpt-35-turbo-16k", None),
        ("my-gpt-4-turbo-deployment", "gpt-4-turbo"),
        ("gpt-5-6-mini", None),
        ("o1-for-tests", "o1"),
        ("gpt-4o-realtime", None),
        ("gpt-5-pro-eu", None),
        ("solo1-x", None),
        ("chat", None),
    ],
)
def test_a_deployment_is_known_by_the_model_in_its_name(deployment: str, known: str | None) -> None:
    assert NameIndex(KNOWN).find_within(deployment) == known


def test_forms_go_from_the_closest_to_the_loosest() -> None:
    assert forms("US.Anthropic.Claude_X-4.5-20251001-v1:0") == (
        "anthropic.claude-x-4-5-20251001-v1:0",
        "anthropic.claude-x-4-5",
    )
    assert forms("gemini-3-pro-preview") == ("gemini-3-pro-preview", "gemini-3-pro")
    assert forms("plain") == ("plain",)
