"""The half of a response that HTTP clients share: what a read gives, and what follows an error or an abort."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping

from anyio import move_on_after

from tidewire.adapters import transport_errors as errors
from tidewire.adapters.compression import Decompressor, decompressor
from tidewire.events.errors import ResponseDecodeError, TidewireError

#: How long a response that is left early waits for its last bytes, so that the connection serves the next call.
DRAIN_S = 0.05

#: The most that it reads meanwhile.
DRAIN_BYTES = 64 * 1024


class HttpResponse(ABC):
    """An answer whose body is being read.

    Args:
        headers: Names and values as they came.
        read_limit_bytes: Most bytes that one read of a compressed body may swell to.

    Raises:
        ResponseDecodeError: The body of a success has an encoding that was not asked for.
    """

    def __init__(self, status: int, headers: Iterable[tuple[str, str]], read_limit_bytes: int) -> None:
        self._status = status
        self._headers: dict[str, str] = {}
        for name, value in headers:
            name = name.lower()
            self._headers[name] = f"{self._headers[name]}, {value}" if name in self._headers else value
        self._decompressor: Decompressor | None = None
        self._unreadable: ResponseDecodeError | None = None
        try:
            self._decompressor = decompressor(self._headers.get("content-encoding", ""), limit_bytes=read_limit_bytes)
        except ResponseDecodeError as error:
            if status < 300:
                raise
            self._unreadable = error  # told by the first read: of a refusal the status says enough
        self._reading = False
        self._over = False
        self._error: TidewireError | None = None

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self._status

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers, names in lower case; repeated ones joined with a comma."""
        return self._headers

    async def read(self) -> bytes:
        """The bytes of one network read; ``b""`` at the end, and then always. See ``Response.read``."""
        while not self._over:
            self._reading = True
            try:
                data = await self._receive()
                decoded = self._decode(data)
            except TidewireError as error:
                self._fail(error)
                break
            finally:
                self._reading = False
            if not data:
                self._over = True
            elif decoded:
                return decoded
        if self._error is not None:
            raise self._error
        return b""

    def abort(self) -> None:
        """Close the socket at once; a pending read ends with an error. Never waits, never raises."""
        if not self._over:
            self._fail(errors.aborted())

    async def aclose(self) -> None:
        """Give the connection back to its pool if the body was read to its end, else close it. Safe to call twice."""
        try:
            if not self._over and not self._reading:
                if self._is_at_end():
                    self._over = True
                else:
                    await self._drain()
        finally:
            self.abort()

    async def _drain(self) -> None:
        """Wait a moment for the last bytes: a provider's own end mark stands before the end of the body."""
        left = DRAIN_BYTES
        with move_on_after(DRAIN_S):
            while left > 0:
                try:
                    data = await self._receive()
                except TidewireError:
                    return  # nobody asked for these bytes, and the connection is closed either way
                if not data:
                    self._over = True
                    return
                left -= len(data)

    def _decode(self, data: bytes) -> bytes:
        if self._unreadable is not None:
            raise self._unreadable
        if self._decompressor is None:
            return data
        if data:
            return self._decompressor.feed(data)
        self._decompressor.close()
        return b""

    def _fail(self, error: TidewireError) -> None:
        # What was raised first, or the abort, is why the body ends.
        if self._error is None:
            self._error = error
        self._over = True
        self._kill()

    def _is_at_end(self) -> bool:
        """True where it is known, without a further read, that the body has properly ended and all of it was read."""
        return False

    @abstractmethod
    async def _receive(self) -> bytes:
        """The bytes of one network read as they came, ``b""`` at the proper end of the body.

        Raises:
            APIConnectionError: The connection broke off, or was closed by ``_kill``.
        """

    @abstractmethod
    def _kill(self) -> None:
        """Close the socket now. Not called when the body has ended. May be called twice."""


__all__ = ["HttpResponse"]
