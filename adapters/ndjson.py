"""Newline-delimited JSON: bytes in, lines out, whatever the cuts between reads.

Source: the NDJSON specification 1.0 (github.com/ndjson/ndjson-spec), read 2026-11-25: one JSON text a line, ended by LF
or CR LF, in UTF-8; empty lines may be passed over.
"""

from __future__ import annotations

from collections.abc import Iterator

from tidewire.events.errors import ResponseLimitError

#: Longest line, in bytes.
LINE_LIMIT = 16 * 1024 * 1024


class NDJSONFramer:
    """Cuts the bytes of one stream into lines.

    Args:
        limit_bytes: Longest line, finished or not.
    """

    __slots__ = ("_limit", "_pending")

    def __init__(self, limit_bytes: int = LINE_LIMIT) -> None:
        self._limit = limit_bytes
        self._pending = bytearray()

    @property
    def rest(self) -> bytes:
        """What waits for the end of its line; at the end of the stream it is a line of its own."""
        return bytes(self._pending)

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The lines that these bytes complete, blank ones left out: an iterator, to be exhausted before the next call.

        Raises:
            ResponseLimitError: A line is longer than the limit; the lines before it have been yielded.
        """
        pending = self._pending
        searched = len(pending)  # no line feed before here, or it would have been taken out
        pending += data
        end = pending.rfind(b"\n", searched)
        if end >= 0:
            lines = bytes(pending[:end])
            del pending[: end + 1]
            for line in lines.split(b"\n"):
                self._check(len(line))
                if stripped := line.strip(b" \t\r"):
                    yield stripped
        self._check(len(pending))

    def _check(self, length: int) -> None:
        if length > self._limit:
            raise ResponseLimitError(f"one line of the stream is longer than {self._limit} bytes")


__all__ = ["LINE_LIMIT", "NDJSONFramer"]
