"""Lines are the same however their bytes are cut."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidewire.adapters.ndjson import NDJSONFramer
from tidewire.events.errors import ResponseLimitError

_bodies = st.lists(st.sampled_from([b"{}", b'{"a": "\xc3\xa9"}', b"", b" ", b"\r", b"12"])).map(b"\n".join)


def lines_of(cuts: list[bytes], limit_bytes: int = 1000) -> tuple[list[bytes], str, bytes]:
    framer = NDJSONFramer(limit_bytes)
    lines: list[bytes] = []
    try:
        for cut in cuts:
            lines.extend(framer.feed(cut))
    except ResponseLimitError as error:
        return lines, str(error), b""
    return lines, "", framer.rest


def cut_at(body: bytes, places: list[int]) -> list[bytes]:
    marks = [0, *sorted(place % (len(body) + 1) for place in places), len(body)]
    return [body[start:end] for start, end in pairwise(marks)]


@given(_bodies, st.lists(st.integers(0, 500)), st.integers(0, 12))
def test_any_cut_gives_the_same_lines_and_the_same_error(body: bytes, places: list[int], limit: int) -> None:
    whole, error, rest = lines_of([body], limit)
    cut, cut_error, cut_rest = lines_of(cut_at(body, places), limit)
    assert (cut_error, cut_rest) == (error, rest)
    assert cut == whole


def test_blank_lines_and_the_space_around_a_line_are_left_out() -> None:
    assert lines_of([b"\n\r\n 1 \r\n\t\n2"]) == ([b"1"], "", b"2")


def test_a_line_that_never_ends_is_refused_at_the_limit() -> None:
    framer = NDJSONFramer(10)
    assert list(framer.feed(b"0123456789")) == []
    with pytest.raises(ResponseLimitError, match="longer than 10 bytes"):
        list(framer.feed(b"!"))


def test_lines_before_one_that_is_too_long_are_given_first() -> None:
    lines, error, _ = lines_of([b"1\n2\n" + b"x" * 11 + b"\n3\n"], 10)
    assert lines == [b"1", b"2"]
    assert "10 bytes" in error
