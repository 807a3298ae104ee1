"""The profile that a model holds: found when it is first asked for, and the model's own from then on."""

from __future__ import annotations

from collections.abc import Mapping
from threading import Lock
from typing import cast

from tidewire.adapters.profiles import find_profile
from tidewire.events.blocks import JSONObject
from tidewire.events.errors import ConfigurationError

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
            ConfigurationError: It is no dict.
        """
        if not isinstance(value, Mapping):
            raise ConfigurationError(f"profile must be a dict of facts, got a {type(value).__name__}")
        return cls("", "", dict(cast("Mapping[str, object]", value)))

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


__all__ = ["ModelProfile"]
