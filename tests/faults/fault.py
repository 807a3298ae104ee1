"""What a fault is: what the server sends instead of a good answer, and what must come out of the call."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

from tests.adapters.raw_server import Peer
from tests.faults.wires import PIECES, TEXT, WIRES, Wire
from tidewire.events.errors import StreamInterruptedError, TidewireError
from tidewire.events.messages import AIMessage

#: What a server does: sends bytes, or something else with the connection.
Act: TypeAlias = bytes | Callable[[Peer], object]

#: Requests that a call makes when all of them fail in a way that may pass.
ALL_TRIES = 3


class Case(NamedTuple):
    """A wire format, and whether a stream is asked for."""

    wire: Wire
    streamed: bool

    def __str__(self) -> str:
        return f"{self.wire.name}, {'streamed' if self.streamed else 'plain'}"

    @property
    def body(self) -> bytes:
        """The good answer."""
        return self.wire.body(self.streamed)

    def part(self, count: int) -> bytes:
        """The good answer up to so many pieces; half of it where it is plain."""
        return self.wire.stream().upto(count) if self.streamed else self.body[: len(self.body) // 2]

    @property
    def has_end(self) -> bool:
        """Whether the answer has a terminator of its own: what follows it does not count."""
        return self.streamed and bool(self.wire.stream().end)

    def head(self, framing: str = "transfer-encoding: chunked", **headers: str) -> bytes:
        """The head of a good answer."""
        lines = {"content-type": self.wire.content_type(self.streamed)}
        lines |= {name.replace("_", "-"): value for name, value in headers.items()}
        return head(200, lines, framing)

    def good(self, **headers: str) -> bytes:
        """The good answer, whole."""
        return self.head(**headers) + chunk(self.body) + LAST_CHUNK


LAST_CHUNK = b"0\r\n\r\n"


def chunk(data: bytes) -> bytes:
    """A chunk of a body."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def head(status: int, headers: Mapping[str, str], framing: str) -> bytes:
    """The head of an answer."""
    lines = [f"HTTP/1.1 {status} Told", *(f"{name}: {value}" for name, value in headers.items()), framing]
    return "\r\n".join(line for line in lines if line).encode("latin-1") + b"\r\n\r\n"


@dataclass(frozen=True)
class Expected:
    """What must come out.

    Attributes:
        error: The class of the error, exactly; None for an answer. Of several, one.
        text: The text of the answer, or of the error's ``partial``; empty when that must be None.
        requests: The requests that are made.
        says: Attributes of the error and their values.
        look: A further look at the answer.
    """

    error: type[TidewireError] | tuple[type[TidewireError], ...] | None = None
    text: str = TEXT
    requests: int = 1
    says: Mapping[str, Any] = field(default_factory=dict[str, Any])
    look: Callable[[AIMessage], None] | None = None


def fails(
    error: type[TidewireError] | tuple[type[TidewireError], ...], text: str = "", requests: int = 1, **says: Any
) -> Expected:
    """An error."""
    return Expected(error, text, requests, says)


def broken(case: Case, count: int) -> Expected:
    """The answer broke off after so many pieces: tried again if that is before the first."""
    text = "".join(PIECES[:count]) if case.streamed else ""
    return fails(StreamInterruptedError, text, 1 if text else ALL_TRIES, is_retryable=True)


@dataclass(frozen=True)
class Reply:
    """A fault of the bytes alone: a whole body in whatever framing."""

    body: bytes
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    #: None is the one that suits.
    content_type: str | None = None

    def all_headers(self, case: Case) -> dict[str, str]:
        """The headers but for those that frame the body."""
        kind = self.content_type
        if kind is None:
            kind = case.wire.content_type(case.streamed and self.status < 300)
        return {"content-type": kind, **self.headers}

    def acts(self, case: Case) -> Sequence[Act]:
        """The same as bytes on the wire."""
        length = f"content-length: {len(self.body)}"
        return [head(self.status, self.all_headers(case), length) + self.body]


@dataclass(frozen=True)
class Fault:
    """A fault.

    Attributes:
        name: What happens.
        answers: What each request gets, in order; the last one's is given to all further ones. A ``Reply`` can be
            given by the replay transport as well.
        expected: What must come out.
        wires: The formats it concerns.
        modes: Streamed, plain, or both.
        settings: Further settings of the model.
        calls: How many calls are made, one after the other; the last one counts.
        uncounted: How many requests reach the server is a matter of luck.
    """

    name: str
    answers: Callable[[Case], Sequence[Reply | Sequence[Act]]]
    expected: Callable[[Case], Expected]
    wires: tuple[str, ...] = tuple(WIRES)
    modes: tuple[bool, ...] = (True, False)
    settings: Mapping[str, Any] = field(default_factory=dict[str, Any])
    calls: int = 1
    uncounted: bool = False

    def cases(self) -> list[Case]:
        """What it is tried with."""
        return [Case(WIRES[name], streamed) for name in self.wires for streamed in self.modes]


def always(build: Callable[[Case], Reply | Sequence[Act]]) -> Callable[[Case], Sequence[Reply | Sequence[Act]]]:
    """The same for each request."""
    return lambda case: [build(case)]


__all__ = [
    "ALL_TRIES",
    "LAST_CHUNK",
    "Act",
    "Case",
    "Expected",
    "Fault",
    "Reply",
    "always",
    "broken",
    "chunk",
    "fails",
    "head",
]
