"""AWS event streams: bytes in, frames out, whatever the cuts between reads.

Source: "Event stream encoding" of the Amazon Transcribe developer guide and of the Smithy specification
(``application/vnd.amazon.eventstream``), read 2026-11-25. Numbers are big-endian; both checksums are CRC-32::

    total length (4), headers length (4), checksum of these 8 bytes (4), headers, payload, checksum of all before (4)
    a header: length of its name (1), name, type (1), value

What is a mistake depends on the bytes alone and not on their cuts: a frame's head is checked as soon as its 12 bytes
are there, the rest when it is whole.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator, Mapping
from typing import TypeAlias

from tidewire.adapters.status_errors import decode_excerpt
from tidewire.events.errors import ResponseDecodeError, ResponseLimitError

#: A header's value: true or false, a number (a timestamp is milliseconds since 1970), bytes (also a UUID), or a text.
HeaderValue: TypeAlias = bool | int | bytes | str

#: A frame's headers and its payload. The headers may be shared with other frames: they are read, not changed.
Frame: TypeAlias = tuple[Mapping[str, HeaderValue], bytes]

#: Longest frame, in bytes. The format itself allows 24 MB.
EVENT_LIMIT = 16 * 1024 * 1024

#: Longest headers of a frame, in bytes, as the format has it.
HEADERS_LIMIT = 128 * 1024

_HEAD = struct.Struct("!III")
_HEAD_BYTES = 12
_CHECKSUM_BYTES = 4


class EventStreamFramer:
    """Cuts the bytes of one event stream into frames.

    Args:
        limit_bytes: Longest frame, its head and checksums counted.
    """

    __slots__ = ("_headers", "_limit", "_pending", "_raw_headers", "_total")

    def __init__(self, limit_bytes: int = EVENT_LIMIT) -> None:
        self._limit = limit_bytes
        self._pending = bytearray()
        # Length of the frame that has begun, 0 before its head was read.
        self._total = 0
        # A stream's frames have mostly the same headers; they are read once.
        self._raw_headers = b""
        self._headers: Mapping[str, HeaderValue] = {}

    @property
    def rest(self) -> bytes:
        """What waits for the end of its frame. At the end of the body it is a frame that was cut."""
        return bytes(self._pending)

    def feed(self, data: bytes) -> Iterator[Frame]:
        """The frames that these bytes complete: an iterator, to be exhausted before the next call.

        Raises:
            ResponseLimitError: A frame is longer than the limit; the frames before it have been yielded.
            ResponseDecodeError: A checksum or a length is wrong, or a header cannot be read.
        """
        pending = self._pending
        pending += data
        start = 0
        while len(pending) - start >= _HEAD_BYTES:
            total = self._total or self._read_head(bytes(pending[start : start + _HEAD_BYTES]))
            if len(pending) - start < total:
                self._total = total
                break
            frame = bytes(pending[start : start + total])
            start += total
            self._total = 0
            yield self._read_frame(frame)
        del pending[:start]

    def _read_head(self, head: bytes) -> int:
        total, headers, checksum = _HEAD.unpack(head)
        # First, since a length with a wrong checksum says nothing.
        if zlib.crc32(head[:8]) != checksum:
            raise _broken("the checksum of a frame's head is wrong", head)
        if total > self._limit:
            raise ResponseLimitError(f"one frame of the stream is longer than {self._limit} bytes")
        if headers > HEADERS_LIMIT:
            raise ResponseLimitError(f"the headers of one frame are longer than {HEADERS_LIMIT} bytes")
        if total < _HEAD_BYTES + headers + _CHECKSUM_BYTES:
            raise _broken("a frame is shorter than its headers", head)
        return int(total)

    def _read_frame(self, frame: bytes) -> Frame:
        end = len(frame) - _CHECKSUM_BYTES
        if zlib.crc32(memoryview(frame)[:end]) != int.from_bytes(frame[end:], "big"):
            raise _broken("the checksum of a frame is wrong", frame)
        payload_at = _HEAD_BYTES + int.from_bytes(frame[4:8], "big")
        raw = frame[_HEAD_BYTES:payload_at]
        if raw != self._raw_headers:
            self._headers = _Headers(raw).read()
            self._raw_headers = raw
        return self._headers, frame[payload_at:end]


class _Headers:
    """The headers of one frame, read from front to back."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._place = 0

    def read(self) -> Mapping[str, HeaderValue]:
        headers: dict[str, HeaderValue] = {}
        while self._place < len(self._data):
            name = self.text(self.number(_UINT8))
            read = _TYPES.get(kind := self.number(_UINT8))
            if read is None:
                raise _broken(f"header {name!r} of a frame has the unknown type {kind}", self._data)
            if name in headers:
                raise _broken(f"header {name!r} of a frame stands there twice", self._data)
            headers[name] = read(self)
        return headers

    def number(self, kind: struct.Struct) -> int:
        return int(kind.unpack(self.take(kind.size))[0])

    def take(self, length: int) -> bytes:
        end = self._place + length
        if end > len(self._data):
            raise _broken("the headers of a frame are cut off", self._data)
        taken = self._data[self._place : end]
        self._place = end
        return taken

    def text(self, length: int) -> str:
        try:
            return self.take(length).decode()
        except UnicodeDecodeError as error:
            raise _broken("a header of a frame is not UTF-8", self._data) from error

    def sized_bytes(self) -> bytes:
        return self.take(self.number(_UINT16))

    def sized_text(self) -> str:
        return self.text(self.number(_UINT16))


_UINT8, _UINT16 = struct.Struct("!B"), struct.Struct("!H")
_INT8, _INT16, _INT32, _INT64 = (struct.Struct(kind) for kind in ("!b", "!h", "!i", "!q"))

_TYPES: Mapping[int, Callable[[_Headers], HeaderValue]] = {
    0: lambda headers: True,
    1: lambda headers: False,
    2: lambda headers: headers.number(_INT8),
    3: lambda headers: headers.number(_INT16),
    4: lambda headers: headers.number(_INT32),
    5: lambda headers: headers.number(_INT64),
    6: _Headers.sized_bytes,
    7: _Headers.sized_text,
    8: lambda headers: headers.number(_INT64),
    9: lambda headers: headers.take(16),
}


def _broken(why: str, data: bytes) -> ResponseDecodeError:
    return ResponseDecodeError(why, excerpt=decode_excerpt(data))


__all__ = ["EVENT_LIMIT", "HEADERS_LIMIT", "EventStreamFramer", "Frame", "HeaderValue"]
