"""Server-sent events: bytes in, frames out, whatever the cuts between reads.

Source: WHATWG HTML Living Standard, section 9.2.5 "Parsing an event stream" and 9.2.6 "Interpreting an event stream",
read 2026-11-25. Of an event's fields only ``event`` and ``data`` are kept; ``id``, ``retry``, comments and unknown
fields mean nothing to a model call.

How it stays linear: line ends become LF as bytes come in, unfinished events wait in one buffer that grows at its end
and shrinks at its front, and what was searched once for an end is not searched again.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

from tidewire.events.errors import ResponseLimitError

#: The event's name (``b""`` where the stream gives none) and its data, lines joined with LF. UTF-8 is not checked.
Frame: TypeAlias = tuple[bytes, bytes]

#: Longest event, in bytes. The largest that providers are known to send are images of a few MB in base64.
EVENT_LIMIT = 16 * 1024 * 1024

_BOM = b"\xef\xbb\xbf"


class SSEFramer:
    """Cuts the bytes of one event stream into frames.

    Args:
        limit_bytes: Longest event, all its lines counted, finished or not.
    """

    __slots__ = ("_after_cr", "_begun", "_limit", "_pending")

    def __init__(self, limit_bytes: int = EVENT_LIMIT) -> None:
        self._limit = limit_bytes
        self._pending = bytearray()
        self._after_cr = False
        self._begun = False

    @property
    def rest(self) -> bytes:
        """What waits for the end of its event. At the end of the stream the standard drops it."""
        return bytes(self._pending)

    def take_back(self, data: bytes, limit_bytes: int) -> bytes | None:
        """A read with the unfinished event before it, which is not kept here any more: to be fed again in the end.

        None, and all is as it was: the unfinished event is longer than the limit, no event ends within the read, an
        event may be too long, or a line ends otherwise than with LF.
        """
        if len(data) + limit_bytes > self._limit:
            return None
        if len(self._pending) > limit_bytes or self._after_cr or b"\n\n" not in data or b"\r" in data:
            return None
        if self._pending:
            data = bytes(self._pending) + data
            self._pending.clear()
        return data

    def feed(self, data: bytes) -> Iterator[Frame]:
        """The frames that these bytes complete: an iterator, to be exhausted before the next call.

        Raises:
            ResponseLimitError: An event is longer than the limit; the frames before it have been yielded.
        """
        if self._after_cr or b"\r" in data:
            data = self._line_feeds(data)
        pending = self._pending
        # The end of an event may lie across the seam of two reads, one byte on each side.
        searched = max(len(pending) - 1, 0)
        pending += data
        if not self._begun:
            if len(pending) < len(_BOM) and _BOM.startswith(pending):
                return
            self._begun = True
            if pending.startswith(_BOM):
                del pending[: len(_BOM)]
        end = pending.rfind(b"\n\n", searched)
        if end >= 0:
            events = bytes(pending[:end])
            del pending[: end + 2]
            # Asked once for all events, since it counts per token: are they all one line of data under one name?
            name, head = _head_of(events)
            lines = events.removeprefix(head).split(b"\n\n" + head)
            if events.count(b"\n") == len(lines) * (head.count(b"\n") + 2) - 2 and len(events) <= self._limit and head:
                for line in lines:
                    yield name, line
            else:
                for event in events.split(b"\n\n"):
                    frame = self._frame(event)
                    if frame is not None:
                        yield frame
        if len(pending) > self._limit:
            self._check(pending)

    def _line_feeds(self, data: bytes) -> bytes:
        """``data`` with each CR LF and CR as LF; a CR at the end of a read counts at once, an LF after it no more."""
        if self._after_cr and data.startswith(b"\n"):
            data = data[1:]
            self._after_cr = False
        if data:
            self._after_cr = data.endswith(b"\r")
        return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")

    def _frame(self, event: bytes) -> Frame | None:
        """The frame of an event in its general form; None if it has no data."""
        self._check(event)
        head, _, rest = event.partition(b"\n")
        if head.startswith(b"event: ") and rest.startswith(b"data: ") and b"\n" not in rest:
            return head[7:], rest[6:]
        name = b""
        lines: list[bytes] = []
        for line in event.split(b"\n"):
            field, _, value = line.partition(b":")
            if field == b"data":
                lines.append(value.removeprefix(b" "))
            elif field == b"event":
                name = value.removeprefix(b" ")
        return (name, b"\n".join(lines)) if lines else None

    def _check(self, event: bytes | bytearray) -> None:
        # Line feeds around an event are no part of it: how many are seen here depends on the cuts.
        if len(event) > self._limit and len(event.strip(b"\n")) > self._limit:
            raise ResponseLimitError(f"one event of the stream is longer than {self._limit} bytes")


def _head_of(events: bytes) -> tuple[bytes, bytes]:
    """The name of the first event, and what stands before its data; empty if it begins in no common way."""
    if events.startswith(b"data: "):
        return b"", b"data: "
    name, data, _ = events.partition(b"\ndata: ")
    if not data or not name.startswith(b"event: ") or b"\n" in name:
        return b"", b""
    return name[7:], name + data


__all__ = ["EVENT_LIMIT", "Frame", "SSEFramer"]
