"""Faults of connections and of HTTP: what is sent, and when, and how it is framed."""

from __future__ import annotations

import gzip
import zlib

from tests.adapters.raw_server import Peer
from tests.faults.fault import (
    ALL_TRIES,
    LAST_CHUNK,
    Act,
    Case,
    Expected,
    Fault,
    always,
    broken,
    chunk,
    fails,
    head,
)
from tests.faults.wires import CLASS_OF, PIECES, dump
from tidewire.events.errors import (
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    InternalServerError,
    RateLimitError,
    RequestTooLargeError,
    ResponseDecodeError,
    ResponseLimitError,
    StreamInterruptedError,
)
from tidewire.policy import Timeout

_HANG: Act = Peer.closed_by_client
_ENDS: dict[str, Act] = {"a reset": Peer.reset, "a FIN": Peer.close}
_HINTS = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n"
_PATIENT = 30.0
_SOON = 0.15


def _ping(peer: Peer, data: bytes) -> None:
    """Signs of life, until the client leaves."""
    while not peer.closed_by_client(0.02):
        peer.send(data)


def _byte_by_byte(data: bytes) -> Act:
    def send(peer: Peer) -> None:
        for place in range(len(data)):
            peer.send(data[place : place + 1])

    return send


def _ok(case: Case) -> Expected:
    return Expected()


def _ok_if_ended(case: Case) -> Expected:
    """An answer that has its own end is whole, whatever comes after it; another one is not."""
    return Expected() if case.has_end else broken(case, len(PIECES))


def _unreached(case: Case) -> Expected:
    return fails(APIConnectionError, requests=ALL_TRIES, is_retryable=True)


def _late(phase: str, count: int = 0) -> Expected:
    text = "".join(PIECES[:count])
    return fails(APITimeoutError, text, 1 if text else ALL_TRIES, phase=phase)


# ---------------------------------------------------------------- before the body


def _ended_before(word: str, end: Act) -> list[Fault]:
    """The connection ends before the body."""
    return [
        Fault(f"{word} before the head", always(lambda case: [end]), _unreached),
        Fault(f"{word} within the head", always(lambda case: [case.head()[:25], end]), _unreached),
        Fault(f"{word} after the head", always(lambda case: [case.head(), end]), lambda case: broken(case, 0)),
        Fault(
            f"{word} once, and then a good answer",
            lambda case: [[end], [case.good()]],
            lambda case: Expected(requests=2),
        ),
    ]


_BEFORE: list[Fault] = [
    *(fault for word, end in _ENDS.items() for fault in _ended_before(word, end)),
    Fault(
        "something that is no HTTP",
        always(lambda case: [b"220 mail.example ESMTP\r\n\r\n", Peer.close]),
        lambda case: fails(APIConnectionError, is_retryable=False),
    ),
    Fault(
        "a stall before the head",
        always(lambda case: [_HANG]),
        lambda case: _late("first_event"),
        settings={"timeout": Timeout(first_event=_SOON)},
        uncounted=True,
    ),
    Fault(
        "a stall within the head",
        always(lambda case: [case.head()[:25], _HANG]),
        lambda case: _late("first_event"),
        settings={"timeout": Timeout(first_event=_SOON)},
        uncounted=True,
    ),
    Fault(
        "a stall after the head",
        always(lambda case: [case.head(), _HANG]),
        lambda case: _late("first_event"),
        settings={"timeout": Timeout(first_event=_SOON)},
        uncounted=True,
    ),
    Fault(
        "a head of 20 MB in one line",
        always(lambda case: [head(200, {}, "x-long: ")[:-4] + b"x" * 20_000_000 + b"\r\n\r\n", Peer.close]),
        lambda case: fails(ResponseLimitError),
        wires=("openai chat", "bedrock_converse"),
        modes=(True,),
    ),
    Fault(
        "a head of 20 MB in many lines",
        always(lambda case: [head(200, {}, "\r\n".join(f"x-{n}: {'x' * 1000}" for n in range(20_000))), Peer.close]),
        lambda case: fails(ResponseLimitError),
        wires=("openai chat", "bedrock_converse"),
        modes=(True,),
    ),
    Fault(
        "early hints before the head",
        always(
            lambda case: [b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n", case.good()]
        ),
        _ok,
    ),
    Fault(
        "an answer in HTTP/1.0, ended by the connection",
        always(lambda case: [case.head("").replace(b"HTTP/1.1", b"HTTP/1.0") + case.body, Peer.close]),
        _ok,
    ),
    Fault(
        "an answer in HTTP/1.0 that ends too early",
        always(lambda case: [case.head("").replace(b"HTTP/1.1", b"HTTP/1.0") + case.part(2), Peer.close]),
        lambda case: broken(case, 2),
    ),
    Fault(
        "an answer without a length that is reset",
        always(lambda case: [case.head("connection: close") + case.part(2), Peer.reset]),
        lambda case: broken(case, 2),
    ),
    Fault("status 204", always(lambda case: [head(204, {}, "")]), lambda case: broken(case, 0)),
    Fault("an empty body", always(lambda case: [case.head("content-length: 0")]), lambda case: broken(case, 0)),
    Fault(
        "an empty body in chunks",
        always(lambda case: [case.head() + LAST_CHUNK]),
        lambda case: broken(case, 0),
    ),
]

# ---------------------------------------------------------------- within the body


def _ended_within(word: str, end: Act) -> list[Fault]:
    """The connection ends within the body."""
    return [
        Fault(
            f"{word} before the first piece",
            always(lambda case: [case.head() + chunk(case.wire.stream().begin), end]),
            lambda case: broken(case, 0),
            modes=(True,),
        ),
        Fault(
            f"{word} after one piece",
            always(lambda case: [case.head() + chunk(case.part(1)), end]),
            lambda case: broken(case, 1),
        ),
        Fault(
            f"{word} after two pieces",
            always(lambda case: [case.head() + chunk(case.part(2)), end]),
            lambda case: broken(case, 2),
        ),
        Fault(
            f"{word} within a piece",
            always(lambda case: [case.head() + chunk(case.part(3)[:-9]), end]),
            lambda case: broken(case, 2),
        ),
        Fault(
            f"{word} after the finish reason",
            always(lambda case: [case.head() + chunk(case.wire.stream().unterminated), end]),
            lambda case: broken(case, len(PIECES)),
            modes=(True,),
        ),
        Fault(
            f"{word} after the terminator",
            always(lambda case: [case.head() + chunk(case.body), end]),
            _ok_if_ended,
        ),
    ]


_WITHIN: list[Fault] = [
    *(fault for word, end in _ENDS.items() for fault in _ended_within(word, end)),
    Fault(
        "a stall before the first piece",
        always(lambda case: [case.head() + chunk(case.wire.ping), _HANG]),
        lambda case: _late("first_event"),
        modes=(True,),
        settings={"timeout": Timeout(first_event=_SOON)},
        uncounted=True,
    ),
    Fault(
        "a stall between two pieces",
        always(lambda case: [case.head() + chunk(case.part(2)), _HANG]),
        lambda case: _late("between_events", 2),
        modes=(True,),
        settings={"timeout": Timeout(first_event=_PATIENT, between_events=_SOON)},
    ),
    Fault(
        "an answer that takes too long as a whole",
        always(lambda case: [case.head() + chunk(case.part(2)), _HANG]),
        lambda case: _late("total", 2),
        modes=(True,),
        wires=("anthropic",),
        settings={"timeout": Timeout(first_event=_PATIENT, between_events=_PATIENT, total=5.0)},
    ),
    Fault(
        "pings for ever, and no piece",
        always(lambda case: [case.head(), lambda peer: _ping(peer, chunk(case.wire.ping))]),
        lambda case: _late("first_event"),
        modes=(True,),
        settings={"timeout": Timeout(first_event=_SOON)},
        uncounted=True,
    ),
    Fault(
        "pings for ever between two pieces",
        always(lambda case: [case.head() + chunk(case.part(2)), lambda peer: _ping(peer, chunk(case.wire.ping))]),
        lambda case: _late("between_events", 2),
        modes=(True,),
        settings={"timeout": Timeout(first_event=_PATIENT, between_events=_SOON)},
    ),
    Fault(
        "a stall in the middle of a plain answer",
        always(lambda case: [case.head() + chunk(case.part(1)), _HANG]),
        lambda case: _late("first_event"),
        modes=(False,),
        settings={"timeout": Timeout(first_event=_SOON)},
        uncounted=True,
    ),
    Fault(
        "a content-length that is too short",
        always(lambda case: [case.head(f"content-length: {len(case.part(2))}") + case.body, Peer.close]),
        lambda case: broken(case, 2),
    ),
    Fault(
        "a content-length that is too long",
        always(lambda case: [case.head(f"content-length: {len(case.body) + 100}") + case.body, Peer.close]),
        _ok_if_ended,
    ),
    Fault(
        "a chunk size that is none",
        always(lambda case: [case.head() + chunk(case.part(2)) + b"zz\r\nwhat\r\n", Peer.close]),
        lambda case: broken(case, 2),
    ),
    Fault(
        "a chunk size that is negative",
        always(lambda case: [case.head() + chunk(case.part(2)) + b"-5\r\nwhat\r\n", Peer.close]),
        lambda case: broken(case, 2),
    ),
    Fault(
        "a chunk size beyond all bounds",
        always(lambda case: [case.head() + chunk(case.part(2)) + b"f" * 15 + b"\r\n", Peer.close]),
        lambda case: broken(case, 2),
    ),
    Fault(
        "a chunk that is longer than it says",
        always(lambda case: [case.head() + b"%x\r\n%b\r\n" % (len(case.part(2)), case.body), Peer.close]),
        lambda case: broken(case, 2),
    ),
    Fault("one byte at a time", always(lambda case: [_byte_by_byte(case.good())]), _ok, wires=("openai chat",)),
    Fault(
        "garbage behind the answer",
        always(lambda case: [case.good() + b"\r\nHTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nwrong"]),
        _ok,
        calls=2,
    ),
]

# ---------------------------------------------------------------- connections that are used again

_AGAIN = [
    Fault(
        "a pooled connection that is closed meanwhile",
        lambda case: [[case.good(), Peer.close]],
        _ok,
        calls=2,
        uncounted=True,
    ),
    Fault(
        "a pooled connection that is reset when it is used again",
        lambda case: [[case.good()], [Peer.reset], [case.good()]],
        lambda case: Expected(requests=2),
        calls=2,
    ),
    Fault(
        "a refusal whose body nobody reads, and then a good answer",
        lambda case: [
            [head(500, {"content-type": "text/plain"}, "content-length: 300000") + b"x" * 300_000],
            [case.good()],
        ],
        lambda case: Expected(requests=2),
    ),
    Fault(
        "a refusal whose body is reset",
        always(lambda case: [head(500, {"content-type": "text/html"}, "content-length: 900") + b"<html>", Peer.reset]),
        lambda case: fails(InternalServerError, requests=ALL_TRIES, status_code=500),
    ),
    Fault(
        "a refusal whose body never ends",
        always(
            lambda case: [
                head(400, {"content-type": "text/plain"}, "transfer-encoding: chunked"),
                lambda peer: peer.send_until_stopped(chunk(b"x" * 60_000), 30.0),
            ]
        ),
        lambda case: fails(CLASS_OF[400], status_code=400),
    ),
    Fault(
        "a refusal whose body stalls",
        always(lambda case: [head(404, {"content-type": "text/plain"}, "content-length: 900") + b"no", _HANG]),
        lambda case: fails(CLASS_OF[404], status_code=404),
        wires=("google_genai",),
        modes=(True,),
        settings={"timeout": Timeout(first_event=5.0)},
    ),
    Fault(
        "a refusal before the request was read",
        always(lambda case: [head(413, {"content-type": "text/plain"}, "content-length: 2") + b"no"]),
        lambda case: fails(RequestTooLargeError, status_code=413),
    ),
]

# ---------------------------------------------------------------- encodings


def _gzip(data: bytes) -> bytes:
    return gzip.compress(data, 6, mtime=0)


def _gzip_in_pieces(case: Case) -> bytes:
    """Each piece flushed, as a server does that compresses a stream."""
    squeeze = zlib.compressobj(wbits=31)
    stream = case.wire.stream()
    parts = [stream.begin, *stream.pieces, stream.finish, stream.end] if case.streamed else [case.body]
    chunks = [squeeze.compress(part) + squeeze.flush(zlib.Z_SYNC_FLUSH) for part in parts]
    return b"".join(chunk(data) for data in [*chunks, squeeze.flush()] if data)


def _bomb(size: int) -> bytes:
    squeeze = zlib.compressobj(9, wbits=31)
    block = b"\0" * 1_000_000
    return b"".join([squeeze.compress(block) for _ in range(size // len(block))]) + squeeze.flush()


BOMB = _bomb(200_000_000)

_ENCODED = [
    Fault(
        "gzip in pieces",
        always(lambda case: [case.head(content_encoding="gzip") + _gzip_in_pieces(case) + LAST_CHUNK]),
        _ok,
    ),
    Fault(
        "deflate",
        always(lambda case: [case.head(content_encoding="deflate") + chunk(zlib.compress(case.body)) + LAST_CHUNK]),
        _ok,
    ),
    Fault(
        "deflate without its header",
        always(
            lambda case: [case.head(content_encoding="deflate") + chunk(zlib.compress(case.body)[2:-4]) + LAST_CHUNK]
        ),
        _ok,
    ),
    Fault(
        "gzip that is cut",
        always(
            lambda case: [
                case.head(content_encoding="gzip") + chunk(_gzip(case.part(2))[:-12]) + LAST_CHUNK,
            ]
        ),
        lambda case: fails(
            StreamInterruptedError,
            # How much of it is readable is zlib's to say: nothing, for a body as short as this one.
            requests=ALL_TRIES,
        ),
        modes=(False,),
    ),
    Fault(
        "gzip that is none",
        always(lambda case: [case.head(content_encoding="gzip") + chunk(case.body) + LAST_CHUNK]),
        lambda case: fails(ResponseDecodeError),
    ),
    Fault(
        "an encoding that was not asked for",
        always(lambda case: [case.head(content_encoding="br") + chunk(b"\x0b\x02\x80") + LAST_CHUNK]),
        lambda case: fails(ResponseDecodeError),
    ),
    Fault(
        "a gzip bomb of 200 MB",
        always(lambda case: [case.head(content_encoding="gzip") + chunk(BOMB) + LAST_CHUNK]),
        lambda case: fails(ResponseLimitError),
    ),
    Fault(
        "a gzip bomb of 200 MB as the body of a refusal",
        always(lambda case: [head(400, {"content-encoding": "gzip"}, f"content-length: {len(BOMB)}") + BOMB]),
        lambda case: fails(CLASS_OF[400], status_code=400),
    ),
    Fault(
        "a refusal whose body is not in its encoding",
        always(lambda case: [head(429, {"content-encoding": "gzip"}, "content-length: 2") + b"no"]),
        lambda case: fails(RateLimitError, requests=ALL_TRIES, status_code=429),
    ),
    Fault(
        "a refusal in an encoding that was not asked for",
        always(lambda case: [head(503, {"content-encoding": "br"}, "content-length: 2") + b"no"]),
        lambda case: fails(CLASS_OF[503], requests=ALL_TRIES, status_code=503),
    ),
    Fault(
        "a line of 50 MB",
        always(lambda case: [case.head() + chunk(case.part(1)) + chunk(_long(case, 50_000_000)) + LAST_CHUNK]),
        lambda case: fails(ResponseLimitError, PIECES[0]),
        modes=(True,),
        wires=("openai chat", "ollama"),
    ),
    Fault(
        "a frame of 50 MB",
        always(lambda case: [case.head() + chunk(case.part(1)) + chunk(_long(case, 50_000_000)) + LAST_CHUNK]),
        lambda case: fails(ResponseDecodeError, PIECES[0]),
        modes=(True,),
        wires=("bedrock_converse",),
    ),
    Fault(
        "a plain answer of 50 MB",
        always(lambda case: [case.head() + chunk(dump(case.wire.plain("x" * 50_000_000))) + LAST_CHUNK]),
        lambda case: fails(ResponseLimitError),
        modes=(False,),
        wires=("anthropic", "google_genai"),
    ),
]


def _long(case: Case, size: int) -> bytes:
    if case.wire.name == "bedrock_converse":
        return (size).to_bytes(4) + (100).to_bytes(4) + b"\0" * (size - 8)
    return case.wire.piece_with(b"x" * size)


# ---------------------------------------------------------------- redirects and cookies


def _moved(status: int) -> Fault:
    return Fault(
        f"status {status} to the same host",
        always(lambda case: [head(status, {"location": "/elsewhere"}, "content-length: 0")]),
        lambda case: fails(APIStatusError, status_code=status, is_retryable=False),
    )


_ELSEWHERE = [_moved(status) for status in (301, 302, 303, 307, 308)]

NETWORK_FAULTS: list[Fault] = [*_BEFORE, *_WITHIN, *_AGAIN, *_ENCODED, *_ELSEWHERE]

__all__ = ["BOMB", "NETWORK_FAULTS"]
