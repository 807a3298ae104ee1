"""Answers requests from recorded bytes instead of the network, cut and broken as a test wants it.

    transport = ReplayTransport(b'data: {"choices": …}\\n\\n', cuts="byte", break_at=20)

Nothing is sent. What was asked stands in ``requests``; ``opened``, ``closed`` and ``aborted`` count the responses.
Works on asyncio and on trio.
"""

from __future__ import annotations

import random
import re
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, cycle, repeat
from typing import Literal, TypeAlias

import msgspec
from anyio import Event, move_on_after, sleep
from anyio.lowlevel import checkpoint

from tidewire.adapters import transport_errors as errors
from tidewire.adapters.spec import HttpRequest
from tidewire.events.errors import ConfigurationError, TidewireError

#: Into which reads a body falls: all at once, event by event, byte by byte, these sizes over and over, or sizes drawn
#: with this seed.
Cuts: TypeAlias = Literal["whole", "event", "byte"] | int | Sequence[int]

#: How a body ends: properly (``end``, also when it was cut short by ``break_at``), with a connection error, or never.
Ending: TypeAlias = Literal["end", "reset", "hang"]


class Exchange(msgspec.Struct, frozen=True, kw_only=True):
    """An answer.

    Attributes:
        body: Its bytes, content-encoding already removed.
        status: The HTTP status.
        headers: Names in lower case. By default the content type follows from the body: JSON if it begins as an object
            does, else a stream of events; a reply that is not streamed is read as what it says that it is.
        cuts: Into which reads the body falls.
        delay_s: Seconds before each read, or before the read with that number where it is a sequence.
        open_delay_s: Seconds before the head.
        break_at: The body ends after so many bytes.
        ending: How it ends; by default with a connection error where ``break_at`` is given, else properly.
        error: Raised instead of an answer.
    """

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] | None = None
    cuts: Cuts = "whole"
    delay_s: float | Sequence[float] = 0.0
    open_delay_s: float = 0.0
    break_at: int | None = None
    ending: Ending | None = None
    error: Exception | None = None


class ReplayTransport:
    """A transport that plays recorded answers.

    Args:
        exchanges: One answer, which every request gets, or several, which are given in order. Bytes are the body of an
            answer with status 200.
        cuts, delay_s, break_at, ending, error: As in :class:`Exchange`, for answers that are given as bytes.
    """

    def __init__(
        self,
        exchanges: bytes | Exchange | Iterable[bytes | Exchange],
        *,
        cuts: Cuts = "whole",
        delay_s: float | Sequence[float] = 0.0,
        break_at: int | None = None,
        ending: Ending | None = None,
        error: Exception | None = None,
    ) -> None:
        def exchange(given: bytes | Exchange) -> Exchange:
            if isinstance(given, Exchange):
                return given
            return Exchange(body=given, cuts=cuts, delay_s=delay_s, break_at=break_at, ending=ending, error=error)

        if isinstance(exchanges, bytes | Exchange):
            self._always: Exchange | None = exchange(exchanges)
            self._left: deque[Exchange] = deque()
        else:
            self._always = None
            self._left = deque(exchange(given) for given in exchanges)
        #: The requests, in order.
        self.requests: list[HttpRequest] = []
        #: Responses whose head was given.
        self.opened = 0
        #: Responses that were closed, by ``aclose`` or ``abort``.
        self.closed = 0
        #: Those of them that were aborted before their body had ended.
        self.aborted = 0

    @property
    def open_responses(self) -> int:
        """Responses that are neither closed nor aborted."""
        return self.opened - self.closed

    async def open(self, request: HttpRequest, *, connect_timeout_s: float | None = None) -> ReplayResponse:
        """The next answer.

        Raises:
            ConfigurationError: All answers have been given.
        """
        self.requests.append(request)
        exchange = self._always or (self._left.popleft() if self._left else None)
        if exchange is None:
            raise ConfigurationError(f"the replay has no answer to request {len(self.requests)}")
        await sleep(exchange.open_delay_s)
        if exchange.error is not None:
            raise exchange.error
        self.opened += 1
        return ReplayResponse(self, exchange)

    async def aclose(self) -> None:
        """Nothing to close."""


class ReplayResponse:
    """A recorded answer whose body is being read."""

    def __init__(self, transport: ReplayTransport, exchange: Exchange) -> None:
        self._transport = transport
        self._exchange = exchange
        self._reads = _reads(exchange)
        self._delays = _delays(exchange.delay_s)
        self._aborted = Event()
        self._over = False
        self._closed = False
        self._error: TidewireError | None = None

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self._exchange.status

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers, names in lower case."""
        exchange = self._exchange
        if exchange.headers is not None:
            return exchange.headers
        is_object = exchange.body.lstrip().startswith(b"{")
        return {"content-type": "application/json" if is_object else "text/event-stream"}

    async def read(self) -> bytes:
        """The next piece, ``b""`` at the end. See ``Response.read``."""
        if not self._over:
            await self._wait(next(self._delays))
        if not self._over:
            data = next(self._reads, b"")
            if data:
                return data
            match self._exchange.ending or ("end" if self._exchange.break_at is None else "reset"):
                case "end":
                    self._over = True
                case "reset":
                    self._fail(errors.broken_body())
                case "hang":
                    await self._aborted.wait()
        if self._error is not None:
            raise self._error
        return b""

    def abort(self) -> None:
        """A pending read ends with an error. See ``Response.abort``."""
        if not self._closed and not self._over:
            self._transport.aborted += 1
        self._close()

    async def aclose(self) -> None:
        """See ``Response.aclose``."""
        self._close()
        await checkpoint()

    def _close(self) -> None:
        if not self._closed:
            self._closed = True
            self._transport.closed += 1
        if not self._over:
            self._fail(errors.aborted())
        self._aborted.set()

    def _fail(self, error: TidewireError) -> None:
        self._over = True
        self._error = error

    async def _wait(self, seconds: float) -> None:
        if seconds <= 0:
            await checkpoint()
            return
        with move_on_after(seconds):
            await self._aborted.wait()


def _delays(delay_s: float | Sequence[float]) -> Iterator[float]:
    if isinstance(delay_s, Sequence):
        return chain(delay_s, repeat(0.0))
    return repeat(delay_s)


def _reads(exchange: Exchange) -> Iterator[bytes]:
    body = exchange.body if exchange.break_at is None else exchange.body[: exchange.break_at]
    match exchange.cuts:
        case "whole":
            return iter((body,) if body else ())
        case "event":
            return iter(_events(body))
        case "byte":
            return _pieces(body, repeat(1))
        case int(seed):
            drawn = random.Random(seed)
            return _pieces(body, iter(lambda: drawn.choice(_DRAWN), None))
        case sizes:
            if not sizes or min(sizes) < 1:
                raise ConfigurationError(f"cuts are sizes of at least 1 byte, got {list(sizes)!r}")
            return _pieces(body, cycle(sizes))


# Small sizes find the cuts inside a word, large ones several events in one read.
_DRAWN = (1, 1, 2, 3, 5, 8, 21, 64, 300, 2000)


def _pieces(body: bytes, sizes: Iterator[int]) -> Iterator[bytes]:
    start = 0
    while start < len(body):
        end = start + next(sizes)
        yield body[start:end]
        start = end


def _events(body: bytes) -> list[bytes]:
    """The body cut behind each blank line, or behind each line where there is none."""
    pieces = re.split(rb"(?<=\n\n)|(?<=\r\n\r\n)", body)
    return [piece for piece in (pieces if len(pieces) > 2 else body.splitlines(keepends=True)) if piece]


__all__ = ["Cuts", "Ending", "Exchange", "ReplayResponse", "ReplayTransport"]
