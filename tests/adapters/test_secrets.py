"""Keys are shown nowhere, and wrong ones are refused without being quoted."""

from __future__ import annotations

import pickle

import pytest

from tidewire.adapters.secrets import Secret, redact
from tidewire.events.errors import ConfigurationError


def test_only_reveal_gives_the_value() -> None:
    secret = Secret("sk-very-secret\n", "OPENAI_API_KEY")
    assert secret.reveal() == "sk-very-secret"
    assert repr(secret) == str(secret) == f"{secret}" == "Secret(OPENAI_API_KEY=**********)"


@pytest.mark.parametrize("value", ["", "  \n", "sk-a\nb", "sk-\x00", "sk-ü", "sk-a\x7fb"])
def test_what_can_be_no_key_is_refused_without_being_quoted(value: str) -> None:
    with pytest.raises(ConfigurationError, match="OPENAI_API_KEY") as raised:
        Secret(value, "OPENAI_API_KEY")
    assert "sk-" not in str(raised.value)


def test_equal_keys_are_equal_and_hash_alike() -> None:
    assert Secret("a") == Secret("a", "other")
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert len({Secret("a"), Secret("a")}) == 1


def test_a_secret_is_never_pickled() -> None:
    with pytest.raises(TypeError, match="never pickled"):
        pickle.dumps(Secret("a"))


def test_what_a_provider_echoes_is_redacted() -> None:
    assert redact("wrong: sk-1, not sk-2", (Secret("sk-1"), Secret("sk-2"))) == "wrong: **********, not **********"
