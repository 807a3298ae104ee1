"""JSON as servers send it, and ours."""

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidewire.adapters.json_text import is_cut, lenient_json, list_of, object_of, to_json
from tidewire.events.errors import ConfigurationError, ResponseDecodeError, ResponseLimitError

values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=15,
)


@given(value=values, ascii_only=st.booleans())
def test_json_is_read_as_what_it_is(value: object, ascii_only: bool) -> None:
    assert lenient_json(json.dumps(value, ensure_ascii=ascii_only).encode()) == value


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b'{"a": -Infinity}', {"a": -math.inf}),
        (b'"one\ntwo\x01"', "one\ntwo\x01"),
        (rb'"\ud83d"', "\ufffd"),
        (rb'"\ude00\ud83d\ude00\ud83d"', "\ufffd😀\ufffd"),
        (rb'"\\ud83d"', r"\ud83d"),
        (rb'"\\\ud83d"', "\\\ufffd"),
        (rb'"\uD83D\uDE00"', "😀"),
    ],
)
def test_what_json_does_not_have_is_read_all_the_same(data: bytes, value: object) -> None:
    assert lenient_json(data) == value


@pytest.mark.parametrize("data", [b"", b"{", b"nope", b"{} x", b'"\xff"', b"9" * 5000])
def test_what_is_no_json_is_told_with_an_excerpt(data: bytes) -> None:
    with pytest.raises(ResponseDecodeError) as caught:
        lenient_json(data)
    assert len(caught.value.excerpt) <= 500


def test_json_of_any_depth_does_no_harm() -> None:
    with pytest.raises(ResponseLimitError, match="nested too deep"):
        lenient_json(b"[" * 1_000_000)
    assert not is_cut(b"[" * 1_000_000)


@given(value=st.dictionaries(st.text(max_size=4), values, min_size=1, max_size=4), data=st.data())
def test_every_beginning_of_an_object_is_cut_and_the_whole_is_not(value: object, data: st.DataObject) -> None:
    body = json.dumps(value, ensure_ascii=False).encode()
    assert is_cut(body[: data.draw(st.integers(0, len(body) - 1))])
    assert not is_cut(body)
    assert not is_cut(body + b"x")


@pytest.mark.parametrize("body", [b"<html>", b"{x", b"plain", b'{"a": 1}}', b'{"a": "\x00'])
def test_what_is_no_beginning_of_json_is_not_cut(body: bytes) -> None:
    assert not is_cut(body)


def test_a_shape_that_is_not_there_is_empty() -> None:
    assert (object_of({"a": 1}), object_of([1]), object_of(None)) == ({"a": 1}, {}, {})
    assert (list_of([1]), list_of({"a": 1}), list_of(None)) == ([1], [], [])


@given(value=values)
def test_our_json_is_read_back_as_it_was(value: object) -> None:
    assert json.loads(to_json(value)) == value


def test_half_a_character_is_written_as_its_escape() -> None:
    assert to_json({"a": "\ud83d"}) == b'{"a":"\\ud83d"}'


@pytest.mark.parametrize("value", [{"a": object()}, {1j: 1}, {"\ud83d": object()}])
def test_what_is_no_json_is_the_callers_mistake(value: object) -> None:
    with pytest.raises(ConfigurationError, match="JSON cannot"):
        to_json(value)
