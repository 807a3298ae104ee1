"""Arguments that come value by value are the JSON text of the whole."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidewire.adapters.google_genai_args import ArgumentsWriter
from tidewire.adapters.google_genai_chunk import PartialArg
from tidewire.adapters.json_text import list_of, object_of
from tidewire.events.errors import ResponseDecodeError

Json = dict[str, Any]


def piece(path: str, **fields: Any) -> PartialArg:
    return msgspec.json.decode(json.dumps({"jsonPath": path, **fields}), type=PartialArg)


def pieces_of(value: object, path: str, sizes: list[int]) -> list[PartialArg]:
    """The pieces in which Google sends a value; ``sizes`` say where texts are cut."""
    fields, items = object_of(value), list_of(value)
    held: list[tuple[str | int, object]] = [*fields.items(), *enumerate(items)]
    if held or value == {}:
        return [one for step, item in held for one in pieces_of(item, f"{path}[{json.dumps(step)}]", sizes)]
    if isinstance(value, str):
        texts: list[str] = []
        rest = value
        for size in sizes:
            texts.append(rest[:size])
            rest = rest[size:]
        return [
            *(piece(path, stringValue=text, willContinue=True) for text in texts),
            piece(path, stringValue=rest),
        ]
    if value is None:
        return [piece(path, nullValue=None)]
    if isinstance(value, bool):
        return [piece(path, boolValue=value)]
    return [piece(path, numberValue=value)]


leaves = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
values = st.recursive(
    leaves,
    lambda inner: st.lists(inner, min_size=1, max_size=3) | st.dictionaries(st.text(), inner, min_size=1, max_size=3),
    max_leaves=8,
)


@given(value=st.dictionaries(st.text(), values, max_size=4), sizes=st.lists(st.integers(0, 3), max_size=3))
def test_the_pieces_of_any_value_make_its_json(value: Json, sizes: list[int]) -> None:
    writer = ArgumentsWriter()
    text = "".join(writer.add(one) for one in pieces_of(value, "$", sizes)) + writer.finish()
    assert json.loads(text) == value


def text_of(*pieces: PartialArg) -> str:
    writer = ArgumentsWriter()
    assert writer.is_empty
    text = "".join(writer.add(one) for one in pieces)
    assert writer.is_empty is (text == "")
    return text + writer.finish()


def test_numbers_stay_as_they_are_written() -> None:
    raw = msgspec.json.decode(b'{"jsonPath": "$.n", "numberValue": 1.50}', type=PartialArg)
    assert text_of(raw) == '{"n":1.50}'


def test_paths_are_read_in_all_their_spellings() -> None:
    assert text_of(piece("$.a.b", numberValue=1), piece("$['a']['b c']", numberValue=2)) == '{"a":{"b":1,"b c":2}}'
    assert text_of(piece('$["it\'s"]', numberValue=1), piece("$['it\\'s \"so\"']", numberValue=2)) == (
        '{"it\'s":1,"it\'s \\"so\\"":2}'
    )
    assert text_of(piece(".a", numberValue=1)) == '{"a":1}'


def test_a_text_ends_when_the_next_value_begins() -> None:
    assert (
        text_of(piece("$.a", stringValue="x", willContinue=True), piece("$.b", stringValue="y", willContinue=True))
        == '{"a":"x","b":"y"}'
    )


def test_a_value_without_a_type_is_null_unless_it_goes_on() -> None:
    assert text_of(piece("$.a")) == '{"a":null}'
    assert text_of(piece("$.a", nullValue="NULL_VALUE")) == '{"a":null}'
    assert text_of(piece("$.a", willContinue=True)) == "{}"
    assert text_of(piece("$.a", willContinue=True), piece("$.a.b", boolValue=False)) == '{"a":{"b":false}}'


def test_a_key_that_the_model_writes_twice_stands_twice() -> None:
    assert json.loads(text_of(piece("$.a", numberValue=1), piece("$.a.b", numberValue=2))) == {"a": {"b": 2}}
    assert json.loads(text_of(piece("$.a", numberValue=1), piece("$.a", numberValue=2))) == {"a": 2}


@pytest.mark.parametrize(
    "paths",
    [
        ["$"],
        [""],
        ["$[0]"],
        ["$.a["],
        ["$.a[*]"],
        ["$..a"],
        ["$['\\x']"],
        ["$.a[1]"],
        ["$.a[0]", "$.a[2]"],
        ["$.a[0]", "$.a[0]"],
        ["$.a[0].b", "$.a[1].b", "$.a[0].c"],
        ["$.a[0]", "$.a.b"],
        ["$.a.b", "$.a[0]"],
    ],
)
def test_a_place_that_is_none_or_comes_out_of_order_is_an_error(paths: list[str]) -> None:
    writer = ArgumentsWriter()
    *before, last = paths
    for path in before:
        writer.add(piece(path, numberValue=1))
    with pytest.raises(ResponseDecodeError):
        writer.add(piece(last, numberValue=1))


def test_a_number_that_is_not_utf_8_is_an_error() -> None:
    broken = PartialArg(json_path="$.a", number_value=msgspec.Raw(b'"\xff"'))
    with pytest.raises(ResponseDecodeError):
        ArgumentsWriter().add(broken)
