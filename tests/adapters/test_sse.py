"""The framer of event streams, beside a literal reading of the standard."""

import time
from collections.abc import Iterable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tidewire.adapters.sse import EVENT_LIMIT, Frame, SSEFramer
from tidewire.events.errors import ResponseLimitError


def frames(reads: Iterable[bytes], limit_bytes: int = 1 << 20) -> list[Frame]:
    """What these reads give."""
    framer = SSEFramer(limit_bytes)
    return [frame for read in reads for frame in framer.feed(read)]


def one_byte_reads(data: bytes) -> list[bytes]:
    return [data[place : place + 1] for place in range(len(data))]


def by_the_standard(data: bytes) -> list[Frame]:
    """The standard's own steps, on the whole stream at once."""
    text = data.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    *lines, _unfinished = text.split(b"\n")
    found: list[Frame] = []
    name, buffer = b"", b""
    for line in lines:
        if not line:
            if buffer:
                found.append((name, buffer[:-1]))
            name, buffer = b"", b""
        elif not line.startswith(b":"):
            field, colon, value = line.partition(b":")
            value = value[1:] if colon and value.startswith(b" ") else value
            if field == b"event":
                name = value
            elif field == b"data":
                buffer += value + b"\n"
    return found


LINE_ENDS = [b"\n", b"\r", b"\r\n", b"\n\n"]
FIELDS = [b"data: ", b"data:", b"data", b"event: ", b"event:", b"id: 1", b"data: a\n\n", b"event: e\ndata: b\n\n"]
OTHER = [b":", b" ", b"x", b"{}", b"\xef\xbb\xbf", "\u2028".encode(), b"\x00", b"\xff"]
pieces = st.sampled_from([*LINE_ENDS, *FIELDS, *OTHER])
streams = st.lists(pieces, max_size=40).map(b"".join)


@given(data=streams, cuts=st.lists(st.integers(0, 200), max_size=8))
@example(data=b"data: a\r\n\r\ndata: b\r\r", cuts=[8, 9, 10, 20])
@example(data=b"\n\n\ndata: a\n\n\n\n", cuts=[1, 2, 3])
@example(data=b"data: a\n\ndata: b\r\r", cuts=[8])
def test_any_cutting_gives_what_the_standard_says(data: bytes, cuts: list[int]) -> None:
    places = sorted({cut for cut in cuts if cut < len(data)})
    reads = [data[start:end] for start, end in zip([0, *places], [*places, len(data)], strict=True)]
    expected = by_the_standard(data)
    assert frames([data]) == expected
    assert frames(reads) == expected
    assert frames(one_byte_reads(data)) == expected


@given(data=streams, cuts=st.lists(st.integers(0, 200), max_size=8), limit=st.integers(1, 30))
def test_any_cutting_passes_a_limit_at_the_same_frame(data: bytes, cuts: list[int], limit: int) -> None:
    places = sorted({cut for cut in cuts if cut < len(data)})
    reads = [data[start:end] for start, end in zip([0, *places], [*places, len(data)], strict=True)]
    results: list[tuple[list[Frame], bool]] = []
    for cutting in ([data], reads, one_byte_reads(data)):
        framer = SSEFramer(limit)
        seen: list[Frame] = []
        try:
            for read in cutting:
                seen.extend(framer.feed(read))
        except ResponseLimitError:
            results.append((seen, True))
        else:
            results.append((seen, False))
    assert results[0] == results[1] == results[2]


def test_lines_of_data_are_joined_and_the_name_is_kept() -> None:
    stream = b"event: tool\ndata: one\ndata:two\ndata:  three\nid: 7\nretry: 9\n: remark\nother: x\n\n"
    assert frames([stream]) == [(b"tool", b"one\ntwo\n three")]


def test_the_first_colon_parts_a_line_and_one_space_after_it_goes() -> None:
    assert frames([b"data: a: b\n\ndata\n\nevent\ndata: c\n\n"]) == [(b"", b"a: b"), (b"", b""), (b"", b"c")]


def test_a_line_separator_of_unicode_ends_no_line() -> None:
    data = "a\u2028b\u2029c\x0bd\x0ce\x85f".encode()
    assert frames([b"data: " + data + b"\n\n"]) == [(b"", data)]


def test_a_byte_order_mark_counts_once_at_the_start_only() -> None:
    mark = b"\xef\xbb\xbf"
    assert frames([mark + b"data: a\n\n"]) == [(b"", b"a")]
    assert frames([b"\xef", b"\xbb", b"\xbfdata: a\n\n"]) == [(b"", b"a")]
    assert frames([mark + mark + b"data: a\n\n"]) == []
    assert frames([b"data: a\n\n" + mark + b"data: b\n\n"]) == [(b"", b"a")]
    assert frames([b"data: a\n\n", mark + b"data: b\n\n"]) == [(b"", b"a")]
    assert frames([b"\xef", b"data: a\n\n"]) == []


def test_a_line_that_ends_in_two_reads_ends_once() -> None:
    assert frames([b"data: a\r", b"\ndata: b\r", b"\n\r\n"]) == [(b"", b"a\nb")]
    assert frames([b"data: a\r", b"", b"\ndata: b\r\n\r\n"]) == [(b"", b"a\nb")]


def test_a_read_that_ends_an_event_can_be_taken_back_with_what_came_before_it() -> None:
    framer = SSEFramer(100)
    assert list(framer.feed(b"data: a\n\ndata: ")) == [(b"", b"a")]
    taken = framer.take_back(b"b\n\ndata: c", 20)
    assert (taken, framer.rest) == (b"data: b\n\ndata: c", b"")
    assert taken is not None
    assert list(framer.feed(taken)) == [(b"", b"b")]
    assert framer.rest == b"data: c"


@pytest.mark.parametrize(
    ("before", "read", "limit_bytes"),
    [
        (b"data: a", b"b\n\n" + b"x" * 60, 40),  # an event may be too long
        (b"data: " + b"x" * 20, b"b\n\n", 20),  # the unfinished one is
        (b"data: a", b"b", 40),  # no event ends
        (b"data: a", b"b\r\n\r\n", 40),  # lines end otherwise
        (b"data: a\r", b"\n\n\n", 40),
    ],
)
def test_what_cannot_be_taken_back_stays_as_it_was(before: bytes, read: bytes, limit_bytes: int) -> None:
    framer, other = SSEFramer(100), SSEFramer(100)
    assert [*framer.feed(before), *other.feed(before)] == []
    assert framer.take_back(read, limit_bytes) is None
    assert framer.rest == other.rest
    assert list(framer.feed(read)) == list(other.feed(read))


def test_an_event_without_data_gives_nothing_and_its_name_does_not_outlive_it() -> None:
    assert frames([b"event: lost\n\n: ping\n\ndata: a\n\n"]) == [(b"", b"a")]


def test_an_unclosed_last_event_is_dropped_and_can_be_looked_at() -> None:
    framer = SSEFramer()
    assert list(framer.feed(b"data: a\n\ndata: b\n")) == [(b"", b"a")]
    assert framer.rest == b"data: b\n"


def test_an_event_of_exactly_the_limit_passes_and_one_byte_more_does_not() -> None:
    event = b"data: " + b"x" * 94
    assert frames([event + b"\n\n"], 100) == frames(one_byte_reads(event + b"\r\n\r\n"), 100) == [(b"", event[6:])]
    for reads in ([event + b"x\n\n"], one_byte_reads(event + b"x")):
        with pytest.raises(ResponseLimitError, match="longer than 100 bytes"):
            frames(reads, 100)
    assert EVENT_LIMIT == 16_777_216


def test_frames_before_an_event_over_the_limit_are_given_first() -> None:
    framer = SSEFramer(100)
    found = framer.feed(b"data: a\n\nevent: b\ndata: b\n\ndata: " + b"x" * 200 + b"\n\n")
    assert [next(found), next(found)] == [(b"", b"a"), (b"b", b"b")]
    with pytest.raises(ResponseLimitError):
        next(found)


def test_a_huge_event_in_single_bytes_takes_time_in_proportion_to_its_length() -> None:
    def seconds(length: int) -> float:
        reads = one_byte_reads(b"data: " + b"x" * length + b"\n\n")
        began = time.process_time()
        assert len(frames(reads, 1 << 24)) == 1
        return time.process_time() - began

    seconds(1_000)
    # 16 times the length takes 16 times as long; were the buffer searched anew for each byte, it would take 256 times.
    assert min(seconds(320_000) for _ in range(2)) < 60 * min(seconds(20_000) for _ in range(5))
