"""A secret that a provider sends back is found in every spelling that texts are passed on in."""

from __future__ import annotations

import html
import json
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidewire.adapters.redaction import Redactor, redact
from tidewire.adapters.secrets import Secret
from tidewire.events.errors import BadRequestError, ResponseDecodeError

KEY = "sk+proj/Ab-12_34=56&78"
finder = Redactor([Secret(f"Bearer {KEY}")])


def test_what_a_provider_echoes_is_redacted() -> None:
    assert redact("wrong: sk-1, not sk-2", (Secret("sk-1"), Secret("sk-2"))) == "wrong: **********, not **********"


@pytest.mark.parametrize(
    "spelled",
    [
        KEY,
        f"Bearer {KEY}",
        quote(KEY),
        quote_plus(KEY),
        quote(KEY, safe="").replace("%2F", "%2f").replace("%3D", "%3d"),
        json.dumps(KEY),
        json.dumps(KEY).replace("/", "\\/").replace("+", "\\u002B").replace("&", "\\u0026"),
        json.dumps(json.dumps({"key": KEY}).replace("/", "\\/")),
        html.escape(KEY).replace("/", "&#x2F;").replace("+", "&#43;").replace("=", "&#x3d;"),
    ],
)
def test_every_spelling_is_found(spelled: str) -> None:
    found = finder.text(f"the key {spelled} is wrong")
    assert "**********" in found
    assert not any(part in found for part in ("proj", "Ab-12", "78"))


def test_the_beginning_of_a_secret_at_the_end_of_a_text_that_was_cut_is_found() -> None:
    assert finder.text(f"the key is {KEY[:9]}…") == "the key is **********…"
    assert finder.text(f"the key is {KEY[:-1]}") == "the key is **********"


@pytest.mark.parametrize("text", ["the key sk+p…78 is wrong", "", "nothing", "sk+proj"])
def test_a_short_form_of_the_providers_own_passes(text: str) -> None:
    assert finder.text(text) == text


@pytest.mark.parametrize(
    ("key", "text"),
    [("EMPTY", "the list is EMPTY"), ("ollama", "ollama is not there"), ("a1", "a1 a1"), ("abc1", "xabc1y")],
)
def test_a_stand_in_for_a_key_is_an_ordinary_word(key: str, text: str) -> None:
    assert redact(text, [Secret(key)]) == text


def test_a_short_key_is_found_as_a_word_of_its_own() -> None:
    assert redact("key 'abc1' is wrong", [Secret("abc1")]) == "key '**********' is wrong"


def test_bytes_that_are_no_text_stay_as_they_are_around_a_secret() -> None:
    assert finder.data(b"\xff\x00" + KEY.encode() + b"\xc3") == b"\xff\x00**********\xc3"
    assert finder.values({"x-key": KEY, "x": "1"}) == {"x-key": "**********", "x": "1"}


@given(st.text(), st.text())
def test_no_text_around_it_hides_a_secret(before: str, after: str) -> None:
    assert KEY not in finder.text(before + KEY + after)


@given(st.binary())
def test_bytes_without_a_secret_are_not_touched(data: bytes) -> None:
    assert finder.data(data) == data


def test_an_error_is_cleaned_with_its_notes_and_with_what_led_to_it() -> None:
    def fail() -> None:
        try:
            try:
                json.loads(f"[{KEY}")
            except ValueError as wrong:
                raise ResponseDecodeError(f"no JSON: {KEY}", excerpt=f"[{KEY}") from wrong
        except ResponseDecodeError as unread:
            told = BadRequestError(f"refused {KEY}", body=f'{{"key": "{KEY}"}}', request_id=KEY, provider_code=KEY)
            told.add_note(f"with {KEY}")
            raise told from unread

    with pytest.raises(BadRequestError) as raised:
        fail()
    error = raised.value
    finder.clean(error)
    decode = error.__cause__
    assert isinstance(decode, ResponseDecodeError)
    shown = f"{error} {error.args} {vars(error)} {error.__notes__} {decode} {vars(decode)}"
    assert KEY not in shown
    assert shown.count("**********") >= 8
    assert decode.__cause__ is None  # json's own error holds the whole text
    assert error.__traceback__ is decode.__traceback__ is None


def test_an_error_without_a_secret_keeps_its_frames_and_causes() -> None:
    def fail() -> None:
        try:
            json.loads("[")
        except ValueError as wrong:
            raise ResponseDecodeError("no JSON") from wrong

    for one, forgets in ((finder, False), (Redactor([]), False), (finder, True)):
        with pytest.raises(ResponseDecodeError) as raised:
            fail()
        one.clean(raised.value, forget_frames=forgets)
        assert (raised.value.__traceback__ is None) == forgets
        assert isinstance(raised.value.__cause__, ValueError)


def test_a_redactor_does_not_show_what_it_looks_for() -> None:
    assert repr(finder) == "Redactor(2)"
