"""How near the weights come to what providers counted: of recorded answers that are text alone."""

from collections import defaultdict
from functools import cache
from statistics import mean, median

import pytest

from tests.adapters.recording_kit import CAPTURED, read_recordings
from tidewire.adapters.token_families import token_weights

FAMILIES = {
    "openai": ("gpt-4o", ("gpt-", "o1", "o3", "o4")),
    "claude": ("claude-haiku-4-5", ("claude",)),
    "gemini": ("gemini-2.5-flash", ("gemini",)),
    "mistral": ("mistral-small", ("mistral", "codestral")),
    "llama": ("llama-3.3", ("llama", "meta-llama")),
    "deepseek": ("deepseek-chat", ("deepseek",)),
}


@cache
def answers() -> dict[str, list[tuple[int, str]]]:
    """The texts of more than 20 tokens, by family, with their tokens."""
    found: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for recording in read_recordings(CAPTURED) if CAPTURED.exists() else ():
        said = recording.expected
        usage: dict[str, int] = said.get("usage") or {}
        model = said.get("model") or ""
        if not (said.get("text") and usage.get("output_tokens", 0) > 20):
            continue
        if usage.get("reasoning") or any(
            said.get(what) for what in ("reasoning_text", "tool_calls", "server_tool_calls", "citations", "images")
        ):
            continue
        for family, (_, beginnings) in FAMILIES.items():
            if model.startswith(beginnings) and "oss" not in model:
                found[family].append((usage["output_tokens"], said["text"]))
    return found


@pytest.mark.parametrize("family", FAMILIES)
def test_a_text_is_told_within_a_tenth_where_dividing_its_characters_is_not(family: str) -> None:
    weights = token_weights(FAMILIES[family][0])
    texts = answers()[family]
    if len(texts) < 8:
        return  # the recordings lie elsewhere
    off = [(weights.of_text(text) - tokens) / tokens for tokens, text in texts]
    divided = [(len(text) / 4 - tokens) / tokens for tokens, text in texts]
    assert median(map(abs, off)) < 0.1
    assert median(map(abs, off)) < median(map(abs, divided))
    assert abs(mean(off)) < 0.1


def test_a_family_is_known_by_any_name_of_its_models() -> None:
    for name in ("anthropic.claude-3-haiku-20240307-v1:0", "us.anthropic.claude-opus-4", "Claude-Sonnet"):
        assert token_weights(name) is token_weights("claude-haiku-4-5")
    assert token_weights("somebody/unheard-of") is token_weights("gpt-5")
    assert token_weights("meta-llama/Llama-3.3-70B") is not token_weights("gpt-5")
