"""Parameters that a codec takes apart before it spells them: a value of another type is the caller's, and named."""

from __future__ import annotations

from typing import cast

from tidewire.events.blocks import JSON, JSONObject
from tidewire.events.errors import ConfigurationError


def texts_given(provider: str, name: str, value: JSON) -> list[str]:
    """A parameter that is one text or several, such as ``stop``; None is no text.

    Raises:
        ConfigurationError: It is something else.
    """
    if value is None:
        return []
    if isinstance(value, str):
        return [value]
    if isinstance(value, (list, tuple, set, frozenset)):
        texts = list(cast("list[object]", value))
        if all(isinstance(text, str) for text in texts):
            return cast("list[str]", texts)
    raise ConfigurationError(f"{provider} takes {name} as a text or a list of texts, not {value!r:.100}")


def fields_given(provider: str, name: str, value: JSON) -> JSONObject:
    """A parameter that is an object, such as ``metadata``; None is an empty one.

    Raises:
        ConfigurationError: It is something else.
    """
    if value is None:
        return {}
    if isinstance(value, dict):
        return cast("JSONObject", value)
    raise ConfigurationError(f"{provider} takes {name} as a dict, not {value!r:.100}")


__all__ = ["fields_given", "texts_given"]
