"""Writes AWS event streams, for tests to read: the other direction of ``tidewire.adapters.eventstream``."""

from __future__ import annotations

import json
import struct
import uuid
import zlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

#: What a header may be given as; an ``int`` is written as the smallest type that holds it.
GivenValue = bool | int | bytes | str | datetime | uuid.UUID


def header(name: str, value: GivenValue) -> bytes:
    """One header."""
    head = bytes([len(name.encode())]) + name.encode()
    match value:
        case bool():
            return head + (b"\0" if value else b"\1")
        case int():
            for kind, form, bits in ((2, "!b", 8), (3, "!h", 16), (4, "!i", 32)):
                if -(1 << (bits - 1)) <= value < 1 << (bits - 1):
                    return head + bytes([kind]) + struct.pack(form, value)
            return head + b"\5" + struct.pack("!q", value)
        case bytes():
            return head + b"\6" + struct.pack("!H", len(value)) + value
        case str():
            return head + b"\7" + struct.pack("!H", len(value.encode())) + value.encode()
        case datetime():
            return head + b"\10" + struct.pack("!q", round(value.timestamp() * 1000))
        case uuid.UUID():
            return head + b"\11" + value.bytes


def frame(headers: Mapping[str, GivenValue], payload: bytes = b"") -> bytes:
    """One frame with right lengths and checksums."""
    return raw_frame(b"".join(header(name, value) for name, value in headers.items()), payload)


def raw_frame(headers: bytes, payload: bytes = b"", *, total: int | None = None) -> bytes:
    """One frame around headers that are bytes already, with a false length if one is given."""
    length = 16 + len(headers) + len(payload) if total is None else total
    head = struct.pack("!II", length, len(headers))
    told = head + struct.pack("!I", zlib.crc32(head)) + headers + payload
    return told + struct.pack("!I", zlib.crc32(told))


def event(kind: str, payload: object) -> bytes:
    """An event as Bedrock sends it."""
    headers = {":event-type": kind, ":content-type": "application/json", ":message-type": "event"}
    return frame(headers, json.dumps(payload).encode())


def exception(kind: str, payload: object) -> bytes:
    """An error of the service inside the stream."""
    headers = {":exception-type": kind, ":content-type": "application/json", ":message-type": "exception"}
    return frame(headers, json.dumps(payload).encode())


def stream_of(told: Iterable[Sequence[Any]]) -> bytes:
    """A stream of events, each told as its kind (or all its headers) and its payload."""
    return b"".join(
        event(kind, payload) if isinstance(kind, str) else frame(kind, json.dumps(payload).encode())
        for kind, payload in told
    )


__all__ = ["GivenValue", "event", "exception", "frame", "header", "raw_frame", "stream_of"]
