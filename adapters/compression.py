"""Undoes a body's content-encoding, with a limit on what one read may swell to.

Sans-IO: bytes in, bytes out, any split of the body gives the same bytes. Transports ask servers for what is decoded
here and for nothing else, so an encoding that is not decoded here is a fault of the server and is named in the error.
"""

from __future__ import annotations

import zlib
from typing import Protocol

from tidewire.events.errors import APIConnectionError, ResponseDecodeError, ResponseLimitError

#: What transports send as ``accept-encoding``.
ACCEPT_ENCODING = "gzip, deflate"

#: Most bytes that one ``feed`` gives by default: a hundred times what a read holds, and 25 ms of an event loop. The
#: total of a body is for its reader to limit.
READ_LIMIT_BYTES = 8 * 1024 * 1024

# zlib gives output in pieces of this size, so a small body that swells without end is noticed early.
_PIECE_BYTES = 256 * 1024

_GZIP = 16 + zlib.MAX_WBITS
_ZLIB = zlib.MAX_WBITS
_RAW = -zlib.MAX_WBITS


class Decompressor:
    """Decodes one body.

    Args:
        content_encoding: The header's value: one encoding, or several in the order in which they were applied.
        limit_bytes: Most bytes that one ``feed`` may give.

    Raises:
        ResponseDecodeError: The body has an encoding that was not asked for.
    """

    def __init__(self, content_encoding: str, *, limit_bytes: int = READ_LIMIT_BYTES) -> None:
        names = [name.strip().lower() for name in content_encoding.split(",")]
        # The last encoding applied is the first to be undone.
        self._stages = [_Stage(name, limit_bytes) for name in reversed(names) if name not in ("", "identity")]

    def feed(self, data: bytes) -> bytes:
        """The decoded bytes so far; may be empty before the end.

        Raises:
            ResponseDecodeError: The bytes are not in the announced encoding.
            ResponseLimitError: They swell to more than the limit.
        """
        for stage in self._stages:
            data = stage.feed(data)
        return data

    def close(self) -> None:
        """The body has ended.

        Raises:
            APIConnectionError: It is shorter than the encoding says.
        """
        for stage in self._stages:
            stage.close()


def decompressor(content_encoding: str, *, limit_bytes: int = READ_LIMIT_BYTES) -> Decompressor | None:
    """A decompressor for this ``content-encoding``, or None where there is nothing to undo.

    Raises:
        ResponseDecodeError: The body has an encoding that was not asked for.
    """
    if content_encoding.strip().lower() in ("", "identity"):
        return None
    return Decompressor(content_encoding, limit_bytes=limit_bytes)


class _Inflate(Protocol):
    """What is used of zlib's decompressor, whose type has no public name."""

    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    @property
    def unconsumed_tail(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


class _Stage:
    """One encoding."""

    def __init__(self, name: str, limit_bytes: int) -> None:
        if name not in ("gzip", "x-gzip", "deflate"):
            raise ResponseDecodeError(f"content-encoding {name[:40]!r} was not asked for; asked: {ACCEPT_ENCODING}")
        self._name = name
        self._limit = limit_bytes
        self._inflate: _Inflate | None = None if name == "deflate" else zlib.decompressobj(_GZIP)
        # The first byte of a deflate body, until the second one shows which of its two forms it has.
        self._held = b""
        self._started = False

    def feed(self, data: bytes) -> bytes:
        pieces: list[bytes] = []
        room = self._limit
        if data:
            self._started = True
        try:
            while data:
                if self._inflate is None:
                    data = self._held + data
                    if len(data) < 2:
                        self._held = data
                        break
                    self._inflate = zlib.decompressobj(_ZLIB if _has_zlib_header(data) else _RAW)
                if self._inflate.eof:
                    # gzip allows members one after the other, and zeros as padding.
                    data = data.lstrip(b"\0")
                    if not data:
                        break
                    self._inflate = zlib.decompressobj(_ZLIB if self._name == "deflate" else _GZIP)
                data, room = self._inflate_into(self._inflate, data, room, pieces)
        except zlib.error as error:
            raise ResponseDecodeError(f"the body is not {self._name}, as its content-encoding says") from error
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _inflate_into(self, inflate: _Inflate, data: bytes, room: int, pieces: list[bytes]) -> tuple[bytes, int]:
        """Inflate up to the end of the input or of the member; gives what is left of the input and of the room."""
        while True:
            piece = inflate.decompress(data, _PIECE_BYTES)
            if piece:
                pieces.append(piece)
                room -= len(piece)
                if room < 0:
                    raise ResponseLimitError(f"one read of the {self._name} body swells past {self._limit} bytes")
            if inflate.eof:
                return inflate.unused_data, room
            data = inflate.unconsumed_tail
            # A full piece may leave output inside zlib although all input is consumed.
            if not data and len(piece) < _PIECE_BYTES:
                return b"", room

    def close(self) -> None:
        # No body at all, as in answers to HEAD or with status 204, may still name an encoding.
        if self._started and not (self._inflate is not None and self._inflate.eof):
            raise APIConnectionError(f"the {self._name} body ends before its end mark: it is not whole")


def _has_zlib_header(data: bytes) -> bool:
    """Whether these bytes begin the zlib form that the standard means by ``deflate``; some servers send it raw."""
    return data[0] & 0x0F == 8 and int.from_bytes(data[:2], "big") % 31 == 0


__all__ = ["ACCEPT_ENCODING", "READ_LIMIT_BYTES", "Decompressor", "decompressor"]
