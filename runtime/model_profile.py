"""The profile that a model holds: found when it is first asked for, and the model's own from then on."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from threading import Lock
from typing import cast

from tidewire.adapters.profiles import find_profile
from tidewire.events.blocks import JSONObject
from tidewire.events.errors import ConfigurationError

#: What profiles say.
FACTS = frozenset(
    [
        "attachment",
        "audio_inputs",
        "audio_outputs",
        "family",
        "image_inputs",
        "image_outputs",
        "image_tool_message",
        "image_url_inputs",
        "knowledge",
        "last_updated",
        "max_input_tokens",
        "max_output_tokens",
        "max_prompt_tokens",
        "mid_conversation_system_messages",
        "mid_conversation_tools",
        "name",
        "open_weights",
        "pdf_inputs",
        "pdf_outputs",
        "pdf_tool_message",
        "prices",
        "reasoning_budget",
        "reasoning_budget_max_tokens",
        "reasoning_budget_min_tokens",
        "reasoning_effort_default",
        "reasoning_effort_levels",
        "reasoning_output",
        "reasoning_toggle",
        "release_date",
        "responses_only",
        "sampling_without_reasoning",
        "status",
        "structured_output",
        "temperature",
        "text_inputs",
        "text_outputs",
        "tool_call_streaming",
        "tool_calling",
        "tool_choice",
        "unsupported_parameters",
        "video_inputs",
        "video_outputs",
    ]
)
#: What they give prices of.
PRICES = frozenset(
    {"cache_read", "cache_write", "input", "input_audio", "output", "output_audio", "reasoning", "tiers"}
)

_lock = Lock()


class ModelProfile:
    """What a model can do. Models that come from one another by ``bind`` and the like share it.

    Args:
        provider: The provider.
        model: The model's name.
        facts: The facts, where they are not those that are shipped.
    """

    __slots__ = ("_facts", "_model", "_provider")

    def __init__(self, provider: str, model: str, facts: JSONObject | None = None) -> None:
        self._provider = provider
        self._model = model
        self._facts = facts

    @classmethod
    def of(cls, value: object) -> ModelProfile:
        """The profile that a user gives.

        Raises:
            ConfigurationError: It is no dict, or a fact is misspelt; others of one's own are kept.
        """
        if not isinstance(value, Mapping):
            raise ConfigurationError(f"profile must be a dict of facts, got a {type(value).__name__}")
        facts = dict(cast("Mapping[str, object]", value))
        for name in facts.keys() - FACTS:
            if near := get_close_matches(str(name), FACTS, n=1, cutoff=0.85):
                raise ConfigurationError(f"profile has no fact {name!r}; did you mean {near[0]!r}?")
        prices = facts.get("prices")
        if isinstance(prices, Mapping) and (unknown := cast("Mapping[str, object]", prices).keys() - PRICES):
            raise ConfigurationError(f"profile has no price {min(unknown)!r}; there are {', '.join(sorted(PRICES))}")
        return cls("", "", facts)

    @property
    def facts(self) -> JSONObject:
        """The facts: always the same dict, which may be changed in place; empty where nothing is known."""
        facts = self._facts
        if facts is None:
            with _lock:  # so that all threads get the one that is kept
                if self._facts is None:
                    self._facts = find_profile(self._provider, self._model)
                facts = self._facts
        return facts

    def copy(self) -> ModelProfile:
        """A profile of its own with the same facts."""
        return ModelProfile(self._provider, self._model, None if self._facts is None else dict(self._facts))


__all__ = ["FACTS", "PRICES", "ModelProfile"]
