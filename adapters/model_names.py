"""Which provider a model's name stands for: by how well-known names begin, else by the models of the profile data."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches

from tidewire.adapters.profile_names import plain, undated
from tidewire.adapters.profiles import list_profiles

# How ids on Bedrock begin: perhaps with where they are served from, and with who made the model.
_GEOGRAPHY = "us|us-gov|eu|ap|apac|au|jp|ca|sa|me|af|il|mx|global"
_VENDOR = (
    "ai21|amazon|anthropic|cohere|deepseek|google|meta|minimax|mistral|moonshot(ai)?|nvidia|openai|qwen|writer|zai"
)

#: How the names of well-known models begin, without case, and with ``_`` read as ``-``; the first match counts.
MODEL_NAMES: tuple[tuple[str, str], ...] = (
    (r"gpt-oss", "ollama"),
    (r"gpt|o1\b|o3\b|o4\b|chatgpt|codex|(text-)?davinci", "openai"),
    (r"claude", "anthropic"),
    (r"gemini", "google_genai"),
    (rf"(({_GEOGRAPHY})\.)?({_VENDOR})\.", "bedrock"),
    (r"accounts/fireworks", "fireworks"),
    (r"mistral|mixtral|codestral|ministral|magistral|pixtral|devstral", "mistralai"),
    (r"deepseek", "deepseek"),
    (r"grok", "xai"),
    (r"sonar", "perplexity"),
    (r"command", "cohere"),
    (r"kimi|moonshot", "moonshot"),
    (r"glm-", "zai"),
    (r"llama", "ollama"),
)

#: Whose names in the profile data are known to stand for them, as models.dev and as tidewire calls them; those that
#: make their models come first. Gateways, which serve the models of others under the same names, are no part of it.
PROFILED: Mapping[str, str] = {
    "openai": "openai",
    "anthropic": "anthropic",
    "google": "google_genai",
    "mistral": "mistralai",
    "deepseek": "deepseek",
    "xai": "xai",
    "cohere": "cohere",
    "amazon-bedrock": "bedrock",
    "groq": "groq",
    "fireworks-ai": "fireworks",
}


def provider_of(model: str) -> str | None:
    """The provider of a model's name, or None; case and ``-`` or ``_`` do not matter."""
    name = model.strip().lower().replace("_", "-")
    for pattern, provider in MODEL_NAMES:
        if re.match(pattern, name):
            return provider
    return next((provider for provider, names in _profiled() if name in names), None)


def near_names(model: str) -> list[str]:
    """The known names that a model's is close to, the closest first; at most three."""
    names: dict[str, str] = {}
    for name in sorted((name for _, known in _profiled() for name in known), key=len):
        names.setdefault(undated(plain(name)), name)  # of those that differ by a date, the one without it
    return [names[near] for near in get_close_matches(plain(model), names, n=3, cutoff=0.6)]


def _profiled() -> Iterable[tuple[str, set[str]]]:
    known = list_profiles()
    for name, provider in PROFILED.items():
        yield provider, {model.lower().replace("_", "-") for model in known.get(name, ())}


__all__ = ["MODEL_NAMES", "PROFILED", "near_names", "provider_of"]
