"""Writes AWS event streams: binary frames of headers and a payload, with two checksums each.

Written from "Event stream encoding" of the Amazon Transcribe developer guide and of the Smithy specification
(``application/vnd.amazon.eventstream``), read 2026-11-25. All headers are texts, as those of Bedrock's streams are::

    length of all (4) · length of the headers (4) · CRC32 of these 8 · headers · payload · CRC32 of all before it
    header: length of its name (1) · name · 7 for a text · length of the text (2) · text
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping

from tidewire.adapters.simulator.api import Change

_LENGTHS = struct.Struct("!II")
_CHECKSUM = struct.Struct("!I")
#: Bytes before the headers, and those of a frame that are neither headers nor payload.
_PRELUDE = 12
_AROUND = 16


def frame_of(headers: Mapping[str, str], payload: bytes) -> bytes:
    """One frame."""
    return _frame(b"".join(_header(name, value) for name, value in headers.items()), payload)


def event_frame(kind: str, payload: bytes) -> bytes:
    """A frame with an event in JSON."""
    return frame_of({":event-type": kind, ":content-type": "application/json", ":message-type": "event"}, payload)


def exception_frame(kind: str, payload: bytes) -> bytes:
    """A frame with an error in JSON."""
    return frame_of(
        {":exception-type": kind, ":content-type": "application/json", ":message-type": "exception"}, payload
    )


def change_payload(frame: bytes, change: Change) -> bytes:
    """A frame whose payload is changed, with lengths and checksums that fit the new one."""
    _, length = _LENGTHS.unpack_from(frame)
    start = _PRELUDE + length
    return _frame(frame[_PRELUDE:start], change(frame[start : -_CHECKSUM.size]))


def _header(name: str, value: str) -> bytes:
    told, text = name.encode(), value.encode()
    return bytes([len(told)]) + told + b"\7" + struct.pack("!H", len(text)) + text


def _frame(headers: bytes, payload: bytes) -> bytes:
    lengths = _LENGTHS.pack(_AROUND + len(headers) + len(payload), len(headers))
    told = lengths + _CHECKSUM.pack(zlib.crc32(lengths)) + headers + payload
    return told + _CHECKSUM.pack(zlib.crc32(told))


__all__ = ["change_payload", "event_frame", "exception_frame", "frame_of"]
