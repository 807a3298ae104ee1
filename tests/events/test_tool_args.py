"""Reading the arguments of tool calls: strictly when whole, as far as they go while they arrive."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidewire.events.blocks import JSON, JSONObject
from tidewire.events.tool_args import parse_arguments, parse_partial_arguments

# jiter reads numbers as Rust does and json as Python does; both agree on these.
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**12), 10**12) | st.floats(-1e9, 1e9) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)
OBJECTS = st.dictionaries(st.text(max_size=4), VALUES, max_size=4)


@given(OBJECTS)
def test_whole_arguments_are_read_as_they_are(args: JSONObject) -> None:
    for text in (json.dumps(args), json.dumps(args, ensure_ascii=False, indent=1)):
        assert parse_arguments(text) == args
        assert parse_partial_arguments(text) == args


@pytest.mark.parametrize("text", ["", " ", "\n\t "])
def test_no_text_stands_for_no_arguments(text: str) -> None:
    assert parse_arguments(text) == {}
    assert parse_partial_arguments(text) == {}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"a": ', "not valid JSON"),
        ('{"a": "b"', "not valid JSON"),
        ('{"a": 1}x', "not valid JSON"),
        ('{"a": 1,}', "not valid JSON"),
        ('{"a": 01}', "not valid JSON"),
        ('{"a": NaN}', "not valid JSON"),
        ('{"a": -Infinity, "b": "\\ud83d"}', "not valid JSON"),
        ('{"a": "\t"}', "not valid JSON"),
        ("{'a': 1}", "not valid JSON"),
        ("hello", "not valid JSON"),
        ('{"a":' + "[" * 250 + "]" * 250 + "}", "not valid JSON"),
        ('{"a":"\\ud83d",' + "[" * 100_000, "not valid JSON"),
        ('{"a": ' + "9" * 5000 + "}", "not valid JSON"),
        ("[1, 2]", "not an array"),
        ("null", "not null"),
        ("true", "not a boolean"),
        ("7", "not a number"),
        ("7.5", "not a number"),
        ('"{}"', "not a string"),
    ],
)
def test_what_is_no_object_is_refused_with_the_reason(text: str, said: str) -> None:
    reason = parse_arguments(text)
    assert isinstance(reason, str)
    assert said in reason
    assert len(reason) < 300


def test_half_characters_are_read_as_they_are() -> None:
    assert parse_arguments('{"a": "x\\ud83d"}') == {"a": "x\ud83d"}
    assert parse_arguments('{"a": "\ud83d"}') == {"a": "\ud83d"}
    assert parse_arguments('{"a": "\\ud83d\\ude00"}') == {"a": "\N{GRINNING FACE}"}


@pytest.mark.parametrize(
    ("text", "reading"),
    [
        ("{", {}),
        ('{"loc', {}),
        ('{"location"', {}),
        ('{"location": ', {}),
        ('{"location": "B', {"location": "B"}),
        ('{"location": "Boston"', {"location": "Boston"}),
        ('{"location": "Boston", "un', {"location": "Boston"}),
        ('{"list": [1, 2', {"list": [1, 2]}),
        ('{"list": [1, 2,', {"list": [1, 2]}),
        ('{"a": {"b": "c', {"a": {"b": "c"}}),
        ('{"a": tru', {}),
        ('{"a": "x\\', {"a": "x"}),
        ('{"a": "x\\u00', {"a": "x"}),
        ('{"a": "x\\ud83d\\ude', {"a": "x"}),
        ("[1", None),
        ('"text', None),
        ("nul", None),
        ("hello", None),
    ],
)
def test_unfinished_arguments_are_read_as_far_as_they_go(text: str, reading: JSON) -> None:
    assert parse_partial_arguments(text) == reading


def test_a_half_character_does_not_hide_what_stands_around_it() -> None:
    assert parse_partial_arguments('{"a": "x\\ud83d", "b": "\\ud83d\\ude00", "c": "\\\\ud83d') == {
        "a": "x\ufffd",
        "b": "\N{GRINNING FACE}",
        "c": "\\ud83d",
    }
    assert parse_partial_arguments('{"a": "\\ud83d", "b": nonsense') is None


@given(OBJECTS, st.booleans())
def test_every_beginning_has_a_reading_with_keys_of_the_whole(args: JSONObject, ascii_only: bool) -> None:
    text = json.dumps(args, ensure_ascii=ascii_only)
    for end in range(1, len(text)):
        reading = parse_partial_arguments(text[:end])
        assert reading is not None, text[:end]
        assert reading.keys() <= args.keys()
