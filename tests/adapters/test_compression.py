"""Any split of a compressed body gives the same bytes, and none of it gives more than the limit."""

import gzip
import subprocess
import sys
import zlib
from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidewire.adapters.compression import Decompressor, decompressor
from tidewire.events.errors import APIConnectionError, ResponseDecodeError, ResponseLimitError


def deflate_raw(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()


ENCODINGS: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "gzip": ("gzip", gzip.compress),
    "x-gzip": ("X-Gzip", gzip.compress),
    "deflate": ("deflate", zlib.compress),
    "raw deflate": ("deflate", deflate_raw),
    "twice": ("deflate, gzip", lambda data: gzip.compress(zlib.compress(data))),
    "with identity": ("gzip, identity", gzip.compress),
}


def unpack(encoding: str, pieces: list[bytes]) -> bytes:
    decoder = Decompressor(encoding)
    data = b"".join(decoder.feed(piece) for piece in pieces)
    decoder.close()
    return data


@pytest.mark.parametrize(("encoding", "pack"), ENCODINGS.values(), ids=list(ENCODINGS))
@given(data=st.binary(max_size=300), cuts=st.lists(st.integers(0, 400), max_size=6))
def test_any_split_gives_the_same_bytes(
    encoding: str, pack: Callable[[bytes], bytes], data: bytes, cuts: list[int]
) -> None:
    packed = pack(data)
    ends = [0, *sorted(min(cut, len(packed)) for cut in cuts), len(packed)]
    assert unpack(encoding, [packed[start:end] for start, end in pairwise(ends)]) == data


@pytest.mark.parametrize(("encoding", "pack"), ENCODINGS.values(), ids=list(ENCODINGS))
def test_byte_by_byte_gives_the_same_bytes(encoding: str, pack: Callable[[bytes], bytes]) -> None:
    data = b"a word, a word, and another word" * 10
    assert unpack(encoding, [bytes([byte]) for byte in pack(data)]) == data


@pytest.mark.parametrize(("encoding", "pack"), ENCODINGS.values(), ids=list(ENCODINGS))
def test_every_truncation_is_reported(encoding: str, pack: Callable[[bytes], bytes]) -> None:
    packed = pack(b"a word, a word, and another word")
    for end in range(1, len(packed)):
        with pytest.raises(APIConnectionError, match="not whole"):
            unpack(encoding, [packed[:end]])


@pytest.mark.parametrize("encoding", ["", "identity", " Identity "])
def test_a_plain_body_needs_no_decompressor(encoding: str) -> None:
    assert decompressor(encoding) is None


def test_no_body_at_all_is_whole() -> None:
    assert unpack("gzip", []) == b""
    assert unpack("deflate", [b""]) == b""


def test_members_follow_each_other_and_zeros_are_padding() -> None:
    packed = gzip.compress(b"one ") + gzip.compress(b"") + b"\0" * 5 + gzip.compress(b"two") + b"\0" * 9
    assert unpack("gzip", [packed]) == b"one two"
    assert unpack("gzip", [bytes([byte]) for byte in packed]) == b"one two"
    with pytest.raises(APIConnectionError, match="not whole"):
        unpack("gzip", [packed[:-12]])


@pytest.mark.parametrize(
    ("encoding", "packed"),
    [
        ("gzip", b"this is plain text"),
        ("deflate", b"this is plain text"),
        ("gzip", gzip.compress(b"one") + b"and more"),
        ("deflate", zlib.compress(b"one") + b"and more"),
        ("gzip", gzip.compress(b"one")[:-8] + b"\1\2\3\4\5\6\7\0"),
    ],
    ids=["text", "text as deflate", "text behind", "text behind deflate", "wrong checksum"],
)
def test_what_is_not_in_the_encoding_is_refused(encoding: str, packed: bytes) -> None:
    for pieces in ([packed], [bytes([byte]) for byte in packed]):
        with pytest.raises(ResponseDecodeError, match="as its content-encoding says"):
            unpack(encoding, pieces)


def test_an_encoding_that_was_not_asked_for_is_named() -> None:
    with pytest.raises(ResponseDecodeError, match="'br' was not asked for; asked: gzip, deflate"):
        decompressor("gzip, br")


def test_the_limit_holds_for_one_feed_and_to_the_byte() -> None:
    packed = gzip.compress(b"\0" * 1_000_000)
    assert len(Decompressor("gzip", limit_bytes=1_000_000).feed(packed)) == 1_000_000
    with pytest.raises(ResponseLimitError, match="past 999999 bytes"):
        Decompressor("gzip", limit_bytes=999_999).feed(packed)
    decoder = Decompressor("gzip", limit_bytes=600_000)
    assert sum(len(decoder.feed(packed[start : start + 100])) for start in range(0, len(packed), 100)) == 1_000_000


def test_output_that_waits_inside_zlib_is_not_left_there() -> None:
    # The last byte of input may come out as more than one piece of output.
    data = b"\0" * 3_000_000
    packed = gzip.compress(data)
    decoder = Decompressor("gzip")
    out = b"".join([decoder.feed(packed[:-9]), decoder.feed(packed[-9:])])
    decoder.close()
    assert out == data


BOMB = """
import resource, sys, time, zlib
from tidewire.adapters.compression import Decompressor
from tidewire.events.errors import ResponseLimitError

packer = zlib.compressobj(9, wbits=31)
packed = b"".join(packer.compress(bytes(1_000_000)) for _ in range(200)) + packer.flush()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
start = time.process_time()
for encoding in ("gzip", "gzip, gzip"):
    bomb = packed if encoding == "gzip" else __import__("gzip").compress(packed)
    try:
        Decompressor(encoding).feed(bomb)
    except ResponseLimitError:
        print("refused")
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024, time.process_time() - start)
"""


def test_two_hundred_megabytes_in_two_hundred_kilobytes_are_refused_soon_and_in_little_memory() -> None:
    done = subprocess.run([sys.executable, "-c", BOMB], capture_output=True, text=True, check=True)
    *refused, figures = done.stdout.splitlines()
    megabytes, seconds = figures.split()
    assert refused == ["refused", "refused"]
    assert int(megabytes) < 64
    assert float(seconds) < 2
