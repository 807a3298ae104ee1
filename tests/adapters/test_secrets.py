"""Keys are shown nowhere, and wrong ones are refused without being quoted."""

from __future__ import annotations

import copy
import pickle
import traceback

import pytest

from tidewire.adapters.secrets import Secret, seal, seal_keywords, without_user
from tidewire.events.errors import ConfigurationError


class Theirs:
    """A secret of another library, as pydantic's is."""

    def __init__(self, value: str) -> None:
        self.value = value

    def get_secret_value(self) -> str:
        return self.value

    def __repr__(self) -> str:
        return "Theirs(**********)"


def test_only_reveal_gives_the_value() -> None:
    secret = Secret("sk-very-secret\n", "OPENAI_API_KEY")
    assert secret.reveal() == "sk-very-secret"
    assert repr(secret) == str(secret) == f"{secret}" == "Secret(OPENAI_API_KEY=**********)"


@pytest.mark.parametrize("value", ["", "  \n", "sk-a\nb", "sk-\x00", "sk-ü", "sk-a\x7fb"])
def test_what_can_be_no_key_is_refused_without_being_quoted(value: str) -> None:
    with pytest.raises(ConfigurationError, match="OPENAI_API_KEY") as raised:
        Secret(value, "OPENAI_API_KEY")
    assert "sk-" not in str(raised.value)


@pytest.mark.parametrize("value", ["", "sk-a\nb", "sk-ü", "sk-a b"])
def test_a_sealed_key_is_looked_at_later_and_not_shown_by_the_frames_that_refuse_it(value: str) -> None:
    sealed = Secret.sealed(value, "key")
    with pytest.raises(ConfigurationError, match="key") as raised:
        sealed.checked()
    del value
    frames = traceback.TracebackException.from_exception(raised.value, capture_locals=True)
    assert "sk-" not in "".join(frames.format())


def test_equal_keys_are_equal_and_hash_alike() -> None:
    assert Secret("a") == Secret("a", "other")
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert len({Secret("a"), Secret("a")}) == 1


def test_a_secret_is_never_pickled_and_its_copy_is_itself() -> None:
    secret = Secret("a")
    with pytest.raises(TypeError, match="never pickled"):
        pickle.dumps(secret)
    assert copy.copy(secret) is copy.deepcopy(secret) is secret


def test_texts_and_the_secrets_of_others_are_sealed_and_nothing_else() -> None:
    secret = Secret("a")
    assert seal("a") == seal(Theirs("a")) == seal(secret) == secret
    assert seal(None) is None
    assert seal(Theirs) is Theirs


def test_of_keywords_the_secret_ones_are_sealed() -> None:
    keywords: dict[str, object] = {
        "openai_api_key": "sk-1",
        "azure_ad_token": "sk-2",
        "proxy": "http://me:sk-3@proxy",
        "default_headers": {"X-Api-Key": "sk-4", "x-tenant": "north"},
        "default_query": {"sig": "plain", "key": "sk-5"},
        "base_url": "https://me:sk-6@host/v1",
        "max_tokens": 5,
        "model": "m@1",
    }
    seal_keywords(keywords)
    assert "sk-" not in repr(keywords)
    assert keywords["base_url"] == "https://host/v1"
    headers = keywords["default_headers"]
    assert isinstance(headers, dict)
    assert headers["x-tenant"] == "north"
    assert headers["authorization"] == Secret("Basic bWU6c2stNg==")
    assert (keywords["max_tokens"], keywords["model"]) == (5, "m@1")


def test_an_at_sign_in_a_path_is_no_user() -> None:
    keywords = {"base_url": "https://host/p@q"}
    seal_keywords(keywords)
    assert keywords == {"base_url": "https://host/p@q"}


def test_a_header_of_the_callers_own_counts_more_than_the_user_in_an_address() -> None:
    keywords = {"base_url": "https://me:x@host", "default_headers": {"Authorization": "Token t"}}
    seal_keywords(keywords)
    assert keywords == {"base_url": "https://host", "default_headers": {"Authorization": Secret("Token t")}}


@pytest.mark.parametrize(
    ("url", "bare"),
    [
        ("https://a:b@host:1/p@q", "https://host:1/p@q"),
        ("a:b@host:1", "host:1"),
        ("https://a@host", "https://host"),
        ("https://a%40:b@c@host/x", "https://host/x"),
    ],
)
def test_user_and_password_are_taken_out_of_an_address(url: str, bare: str) -> None:
    assert without_user(url)[0] == bare
    assert without_user(bare) == (bare, None)


def test_a_secret_knows_the_parts_that_must_not_be_shown() -> None:
    assert Secret("Bearer sk-1").texts == ("Bearer sk-1", "sk-1")
    assert Secret("Basic bWU6aHVudGVyMg==").texts == (
        "Basic bWU6aHVudGVyMg==",
        "bWU6aHVudGVyMg==",
        "me:hunter2",
        "hunter2",
    )
    assert Secret("Basic ???").texts == ("Basic ???", "???")
    assert Secret("http://me:pw@proxy").texts == ("http://me:pw@proxy", "pw")
    assert Secret("http://proxy").texts == ("http://proxy",)
