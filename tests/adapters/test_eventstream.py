"""Frames are the same however their bytes are cut, and the same that botocore reads."""

from __future__ import annotations

import struct
import time
import uuid
import zlib
from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any, cast

import pytest
from botocore.eventstream import EventStreamBuffer
from hypothesis import given
from hypothesis import strategies as st

from tests.adapters.eventstream_bytes import event, frame, header, raw_frame
from tidewire.adapters.eventstream import HEADERS_LIMIT, EventStreamFramer, Frame
from tidewire.events.errors import ResponseDecodeError, ResponseLimitError, TidewireError

_values = st.one_of(
    st.booleans(),
    st.integers(-(1 << 63), (1 << 63) - 1),
    st.sampled_from([-129, -128, 127, 128, -32769, -32768, 32767, 32768, -(1 << 31), (1 << 31) - 1, 1 << 31]),
    st.binary(max_size=20),
    st.text(max_size=20),
    st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC)),
    st.uuids(),
)
_frames = st.builds(frame, st.dictionaries(st.text(max_size=8), _values, max_size=4), st.binary(max_size=60))
_streams = st.lists(_frames, max_size=5).map(b"".join)


def frames_of(cuts: list[bytes], limit_bytes: int = 10_000) -> tuple[list[Frame], str, bytes]:
    framer = EventStreamFramer(limit_bytes)
    frames: list[Frame] = []
    try:
        for cut in cuts:
            frames.extend(framer.feed(cut))
    except TidewireError as error:
        return frames, repr(error), b""
    return frames, "", framer.rest


def cut_at(body: bytes, places: list[int]) -> list[bytes]:
    marks = [0, *sorted(place % (len(body) + 1) for place in places), len(body)]
    return [body[start:end] for start, end in pairwise(marks)]


def by_botocore(body: bytes) -> list[tuple[Mapping[str, Any], bytes]]:
    buffer = EventStreamBuffer()
    buffer.add_data(body)
    # The stubs call the headers numbers; they are a dict.
    return [(cast("Mapping[str, Any]", message.headers), message.payload) for message in buffer]


def the_one(data: bytes) -> Frame:
    (only,) = EventStreamFramer().feed(data)
    return only


@given(_streams)
def test_the_same_frames_as_botocore_for_the_same_bytes(body: bytes) -> None:
    assert frames_of([body]) == (by_botocore(body), "", b"")


@given(_streams, st.lists(st.integers(0, 500)))
def test_any_cut_gives_the_same_frames(body: bytes, places: list[int]) -> None:
    whole = frames_of([body])
    assert frames_of(cut_at(body, places)) == whole
    assert frames_of([bytes([byte]) for byte in body]) == whole


@given(_streams, st.lists(st.integers(0, 500)), st.integers(16, 200))
def test_any_cut_gives_the_same_error_at_the_limit(body: bytes, places: list[int], limit: int) -> None:
    assert frames_of(cut_at(body, places), limit) == frames_of([body], limit)


@given(_streams.filter(bool), st.integers(0, 500), st.integers(1, 255), st.lists(st.integers(0, 500)))
def test_a_changed_byte_is_an_error_at_any_cut(body: bytes, place: int, change: int, places: list[int]) -> None:
    place %= len(body)
    changed = bytearray(body)
    changed[place] ^= change
    frames, error, rest = frames_of([bytes(changed)])
    # A longer length with its checksum would be another frame, which is not whole yet; a changed byte never has it.
    assert error
    assert rest == b""
    assert frames == frames_of([body])[0][: len(frames)]
    assert frames_of(cut_at(bytes(changed), places)) == (frames, error, rest)


@given(st.binary(max_size=80), st.lists(st.integers(0, 500)))
def test_any_bytes_with_right_checksums_give_frames_or_an_error_of_ours(headers: bytes, places: list[int]) -> None:
    body = raw_frame(headers, b"{}") + event("messageStop", {})
    assert frames_of(cut_at(body, places)) == frames_of([body])


@given(_streams.filter(bool), st.integers(0, 500))
def test_what_was_cut_is_the_rest(body: bytes, place: int) -> None:
    cut = body[: place % len(body)]
    frames, error, rest = frames_of([cut])
    assert error == ""
    assert body.startswith(cut[: len(cut) - len(rest)])
    assert len(by_botocore(cut)) == len(frames)


def test_all_types_of_headers_are_read() -> None:
    identity = uuid.UUID(int=5)
    headers: dict[str, Any] = {
        "yes": True,
        "no": False,
        "byte": -3,
        "short": 300,
        "integer": 70_000,
        "long": 1 << 40,
        "bytes": b"\xff",
        "text": "é",
        "time": datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC),
        "uuid": identity,
    }
    assert the_one(frame(headers, b"x")) == ({**headers, "time": 1000, "uuid": identity.bytes}, b"x")


def test_a_frame_without_headers_and_payload_is_read() -> None:
    assert frames_of([frame({})]) == ([({}, b"")], "", b"")


def test_each_frame_has_its_own_headers() -> None:
    body = frame({"a": "1"}) + frame({"a": "1"}) + frame({"a": "2"}) + frame({}) + frame({"a": "1"})
    assert [headers.get("a") for headers, _ in frames_of([body])[0]] == ["1", "1", "2", None, "1"]


def test_frames_before_a_broken_one_are_given_first() -> None:
    broken = bytearray(event("b", 2))
    broken[-1] ^= 1
    frames, error, _ = frames_of([event("a", 1) + bytes(broken)])
    assert [payload for _, payload in frames] == [b"1"]
    assert "the checksum of a frame is wrong" in error


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (raw_frame(b"\x01a\x0a"), "header 'a' of a frame has the unknown type 10"),
        (raw_frame(header("a", 1) * 2), "header 'a' of a frame stands there twice"),
        (raw_frame(b"\x01a\x07\x00\x02x"), "the headers of a frame are cut off"),
        (raw_frame(b"\x01a"), "the headers of a frame are cut off"),
        (raw_frame(b"\x05a"), "the headers of a frame are cut off"),
        (raw_frame(b"\x01a\x09123456789012345"), "the headers of a frame are cut off"),
        (raw_frame(b"\x01\xff\x00"), "a header of a frame is not UTF-8"),
        (raw_frame(b"\x01a\x07\x00\x01\xff"), "a header of a frame is not UTF-8"),
        (raw_frame(b"\x01a\x00", total=18), "a frame is shorter than its headers"),
        (raw_frame(b"", total=15), "a frame is shorter than its headers"),
    ],
)
def test_a_frame_that_breaks_the_format_is_a_decode_error(body: bytes, message: str) -> None:
    with pytest.raises(ResponseDecodeError, match=message) as caught:
        list(EventStreamFramer().feed(body))
    assert not isinstance(caught.value, ResponseLimitError)


def test_a_length_with_a_wrong_checksum_is_no_matter_of_limits() -> None:
    with pytest.raises(ResponseDecodeError, match="the checksum of a frame's head is wrong"):
        list(EventStreamFramer(100).feed(b"\xff" * 12))


def test_a_frame_at_the_limit_is_read_and_one_byte_more_is_refused_before_it_arrives() -> None:
    assert len(list(EventStreamFramer(116).feed(frame({}, b"x" * 100)))) == 1
    with pytest.raises(ResponseLimitError, match="longer than 116 bytes"):
        list(EventStreamFramer(116).feed(frame({}, b"x" * 101)[:12]))


def test_headers_longer_than_the_format_allows_are_refused_before_they_arrive() -> None:
    head = struct.pack("!II", HEADERS_LIMIT + 100, HEADERS_LIMIT + 1)
    with pytest.raises(ResponseLimitError, match="headers of one frame are longer than 131072 bytes"):
        list(EventStreamFramer().feed(head + struct.pack("!I", zlib.crc32(head))))


def test_time_grows_with_the_bytes_and_not_with_their_square() -> None:
    def seconds(body: bytes, read: int) -> float:
        framer = EventStreamFramer()
        began = time.process_time()
        for start in range(0, len(body), read):
            for _ in framer.feed(body[start : start + read]):
                pass
        return time.process_time() - began

    many = event("contentBlockDelta", {"delta": {"text": "word"}}) * 40_000
    long = frame({}, b"x" * 8_000_000)
    # In one read, and one long frame in small reads; quadratic work on this much would take minutes.
    assert seconds(many, len(many)) < 10
    assert seconds(long, 1000) < 10
