"""One type for keys, from the constructor to the header; nothing that prints, pickles or logs it shows the value."""

from __future__ import annotations

import re
from typing import Never

from tidewire.events.errors import ConfigurationError

_FORBIDDEN = re.compile(r"[\x00-\x1f\x7f]")


class Secret:
    """A key or token. Only :meth:`reveal` gives the value; it is called where a request's bytes are made.

    Args:
        value: The key. White space around it is stripped (keys read from files end with a line feed).
        name: What to call it in errors, such as ``OPENAI_API_KEY``.

    Raises:
        ConfigurationError: The value is empty or has control characters or non-ASCII; the value is not quoted.
    """

    __slots__ = ("_name", "_value")

    def __init__(self, value: str, name: str = "api_key") -> None:
        value = value.strip()
        if not value:
            raise ConfigurationError(f"{name} is empty")
        if _FORBIDDEN.search(value) or not value.isascii():
            raise ConfigurationError(
                f"{name} has characters that no key has (control characters or non-ASCII); copy it again"
            )
        self._value = value
        self._name = name

    def reveal(self) -> str:
        """The value itself."""
        return self._value

    def __repr__(self) -> str:
        return f"Secret({self._name}=**********)"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(("tidewire.Secret", self._value))

    def __reduce__(self) -> Never:
        raise TypeError(f"{self._name} is a secret and is never pickled; set it again where it is needed")


def redact(text: str, secrets: tuple[Secret, ...]) -> str:
    """``text`` with each secret's value replaced, for what a provider sends back."""
    for secret in secrets:
        text = text.replace(secret.reveal(), "**********")
    return text


__all__ = ["Secret", "redact"]
