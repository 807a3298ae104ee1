"""What models can do is found by provider and name, and the file that tells it is whole, small and read late."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.test_layers import ROOT
from tidewire.adapters.models_dev import MODALITIES, read_models_dev
from tidewire.adapters.profile_rules import RULES_FILE_NAME, apply_rules, read_rules
from tidewire.adapters.profile_table import FILE_NAME, Profiles, table_text
from tidewire.adapters.profiles import FOLDER_ENV, SHIPPED_FOLDER, find_profile, list_profiles, models_dev_name
from tidewire.events.errors import ConfigurationError

#: The facts that the file was made of; they are read where they lie.
SOURCE = Path(os.environ.get("TIDEWIRE_MODELS_DEV", ROOT.parent / "shared/models.dev")) / "api.json"

MODELS = [(provider, model) for provider, models in list_profiles().items() for model in models]

# What the field's profiles say, under the field's names.
FIELD_NAMES = {
    "name", "status", "release_date", "last_updated", "open_weights", "max_input_tokens", "max_output_tokens",
    "text_inputs", "image_inputs", "audio_inputs", "video_inputs", "pdf_inputs", "image_url_inputs",
    "image_tool_message", "pdf_tool_message", "text_outputs", "image_outputs", "audio_outputs", "video_outputs",
    "reasoning_output", "reasoning_effort_levels", "reasoning_effort_default", "tool_calling", "tool_choice",
    "tool_call_streaming", "structured_output", "attachment", "temperature", "mid_conversation_system_messages",
    "mid_conversation_tools",
}  # fmt: skip

# What is said besides.
OWN_NAMES = {
    "family", "knowledge", "max_prompt_tokens", "pdf_outputs", "prices", "reasoning_toggle", "reasoning_budget",
    "reasoning_budget_min_tokens", "reasoning_budget_max_tokens", "responses_only", "sampling_without_reasoning",
    "unsupported_parameters",
}  # fmt: skip


def test_every_model_is_known_by_its_own_name() -> None:
    assert len(MODELS) == 896
    shipped = list_profiles()
    assert [
        (provider, model) for provider, model in MODELS if find_profile(provider, model) != shipped[provider][model]
    ] == []


def test_every_profile_says_what_the_field_asks_for() -> None:
    always = {
        "name",
        "max_input_tokens",
        "tool_calling",
        "reasoning_output",
        *(f"{kind}_inputs" for kind in MODALITIES),
    }
    said: set[str] = set()
    for provider, model in MODELS:
        profile = find_profile(provider, model)
        said |= profile.keys()
        lacking = always - profile.keys()
        # Models that make images, and those that write down speech, have no window of tokens.
        assert lacking <= {"max_input_tokens"}, (provider, model)
    assert said == FIELD_NAMES | OWN_NAMES


@pytest.mark.parametrize(
    ("provider", "model", "facts"),
    [
        (
            "openai",
            "gpt-5",
            {
                "max_input_tokens": 400_000,
                "max_prompt_tokens": 272_000,
                "max_output_tokens": 128_000,
                "image_inputs": True,
                "audio_inputs": False,
                "reasoning_output": True,
                "reasoning_effort_levels": ["minimal", "low", "medium", "high"],
                "tool_calling": True,
                "structured_output": True,
                "temperature": False,
                "prices": {"input": 1.25, "output": 10.0, "cache_read": 0.125},
            },
        ),
        ("openai", "gpt-5-pro", {"responses_only": True, "reasoning_effort_default": "high"}),
        ("openai", "gpt-4.1", {"temperature": True, "pdf_inputs": True, "image_url_inputs": True}),
        ("openai", "gpt-3.5-turbo", {"image_inputs": False, "tool_calling": False, "structured_output": False}),
        ("anthropic", "claude-haiku-4-5", {"max_output_tokens": 64_000, "mid_conversation_system_messages": False}),
        ("anthropic", "claude-opus-4-8", {"mid_conversation_system_messages": True, "reasoning_toggle": True}),
        ("anthropic", "claude-fable-5", {"reasoning_toggle": False, "unsupported_parameters": ["top_p", "top_k"]}),
        ("bedrock_converse", "us.anthropic.claude-sonnet-4-5-20250929-v1:0", {"image_url_inputs": False}),
        ("google_genai", "gemini-2.5-flash", {"video_inputs": True, "reasoning_budget_max_tokens": 24_576}),
    ],
)
def test_what_is_known_of_well_known_models(provider: str, model: str, facts: dict[str, Any]) -> None:
    profile = find_profile(provider, model)
    assert {key: profile.get(key) for key in facts} == facts


@pytest.mark.parametrize(
    ("provider", "model", "name"),
    [
        ("azure_openai", "gpt-4o-2024-08-06", "GPT-4o"),
        ("azure_openai", "prod-gpt4o-mini", "GPT-4o mini"),
        ("openai", "prod-gpt4o-mini", None),
        ("bedrock", "eu.anthropic.claude-haiku-4-5", "Claude Haiku 4.5"),
        ("bedrock-converse", "anthropic.claude-sonnet-5", "Claude Sonnet 5"),
        ("google_vertexai", "claude-sonnet-4-5", "Claude Sonnet 4.5"),
        ("mistralai", "mistral-medium", "Mistral Medium 3.5"),
        ("together", "openai/gpt-oss-20b", "GPT OSS 20B"),
        ("fireworks", "accounts/fireworks/models/kimi-k2p6", "Kimi K2.6"),
        ("ollama", "gpt-oss:20b", "gpt-oss:20b"),
        ("OpenAI", "GPT-5", "GPT-5"),
        ("openai", "gpt-17", None),
        ("nobody", "gpt-5", None),
        ("embedded", "demo", None),
    ],
)
def test_providers_and_models_are_found_by_their_other_names(provider: str, model: str, name: str | None) -> None:
    assert find_profile(provider, model).get("name") == name


def test_every_provider_name_of_tidewire_leads_to_its_own() -> None:
    ours = (
        "openai azure_openai anthropic google_genai google_vertexai bedrock bedrock_converse huggingface groq mistralai"
    )
    others = "deepseek xai openrouter ollama together fireworks cohere"
    assert {models_dev_name(name) for name in f"{ours} {others}".split()} == set(list_profiles())


def test_a_profile_is_a_dict_of_its_own() -> None:
    find_profile("openai", "gpt-5")["prices"]["input"] = 0
    assert find_profile("openai", "gpt-5")["prices"]["input"] == 1.25


def test_the_file_has_all_its_rules_merged_in() -> None:
    rules = read_rules((SHIPPED_FOLDER / RULES_FILE_NAME).read_text(), RULES_FILE_NAME)
    known = set(list_profiles())
    assert [provider for rule in rules for provider in rule.providers if provider not in known] == []
    for provider, profiles in list_profiles().items():
        assert apply_rules(provider, profiles, rules) == profiles


def test_the_file_is_what_its_source_makes_of_it() -> None:
    if not SOURCE.exists():
        pytest.skip("the facts of models.dev are not at hand (TIDEWIRE_MODELS_DEV names their folder)")
    content = SOURCE.read_bytes()
    rules = read_rules((SHIPPED_FOLDER / RULES_FILE_NAME).read_text(), RULES_FILE_NAME)
    made = {name: apply_rules(name, read_models_dev(content, name), rules) for name in json.loads(content)}
    assert table_text(made, "models.dev") == (SHIPPED_FOLDER / FILE_NAME).read_bytes()


def test_the_file_is_small_and_its_licence_lies_beside_it() -> None:
    assert (SHIPPED_FOLDER / FILE_NAME).stat().st_size < 300_000
    assert "models.dev" in (SHIPPED_FOLDER / "models.dev-LICENSE.txt").read_text()


def test_the_file_is_read_when_a_profile_is_asked_for() -> None:
    script = """
import sys
opened = []
sys.addaudithook(lambda event, args: opened.append(str(args[0])) if event == "open" else None)
import tidewire
model = tidewire.init_chat_model("openai:gpt-5", api_key="k")
assert not any(name.endswith("profiles.json") for name in opened), opened
from tidewire.adapters.profiles import find_profile
assert find_profile("openai", "gpt-5") and find_profile("openai", "gpt-4")
assert sum(name.endswith("profiles.json") for name in opened) == 1, opened
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


# ---------------------------------------------------------------- a folder of one's own


def own(folder: Path, profiles: Profiles) -> None:
    beside = folder / "new"
    beside.write_bytes(table_text({"openai": profiles}, "mine"))
    beside.replace(folder / FILE_NAME)


def test_a_folder_of_ones_own_counts_for_the_providers_in_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own(tmp_path, {"mine": {"name": "Mine"}})
    monkeypatch.setenv(FOLDER_ENV, str(tmp_path))
    assert find_profile("openai", "mine") == {"name": "Mine"}
    assert find_profile("openai", "gpt-5") == {}
    assert find_profile("anthropic", "claude-haiku-4-5")["name"] == "Claude Haiku 4.5 (latest)"
    assert list_profiles("openai") == {"openai": {"mine": {"name": "Mine"}}}
    assert len(list_profiles()) == 16


def test_a_file_that_was_replaced_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FOLDER_ENV, str(tmp_path))
    assert find_profile("openai", "gpt-5")["name"] == "GPT-5"
    for name in ("One", "Two", "One"):
        own(tmp_path, {"m-2411": {"name": name}})
        assert find_profile("openai", "m-2411")["name"] == find_profile("openai", "m")["name"] == name
    (tmp_path / FILE_NAME).unlink()
    assert find_profile("openai", "gpt-5")["name"] == "GPT-5"


def test_a_folder_of_ones_own_that_is_none_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FOLDER_ENV, str(tmp_path / "nowhere"))
    with pytest.raises(ConfigurationError, match=r"TIDEWIRE_PROFILES_DIR names '.*nowhere', which is no folder"):
        find_profile("openai", "gpt-5")
