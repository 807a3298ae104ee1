"""From a reply to the bytes on the wire, whole or broken: each way to fail is a row of a table.

A transmission is a series of acts: bytes to send, and at its end perhaps one that breaks the connection or lets it
hang. Nothing here touches a socket, so what a fault sends can be read off and tested.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from email.utils import formatdate
from http import HTTPStatus
from typing import TypeAlias

import msgspec

from tidewire.adapters.script import FAIL_KINDS, Fail, FailKind
from tidewire.adapters.simulator.api import Api, Change, Frame, HttpReply
from tidewire.events.errors import ConfigurationError
from tidewire.events.named_arguments import unknown_name

#: The header with which a request asks for a fault: ``x-tidewire-fault: reset; after_tokens=3``.
FAULT_HEADER = "x-tidewire-fault"
#: Seconds between the signs of life that come for ever.
PING_INTERVAL_S = 0.02


class Send(msgspec.Struct, frozen=True):
    """Bytes, and the seconds to wait before them."""

    data: bytes
    delay_s: float = 0.0


class Reset(msgspec.Struct, frozen=True):
    """Break the connection: the client gets a reset."""


class Close(msgspec.Struct, frozen=True):
    """Close the connection properly: the client gets an end of file."""


class Hang(msgspec.Struct, frozen=True):
    """Send nothing more, until the client gives up."""


Act: TypeAlias = Send | Reset | Close | Hang
_Fault: TypeAlias = Callable[["_Transmission"], Iterable[Act]]


def transmit(reply: HttpReply, fail: Fail | None, api: Api) -> Iterator[Act]:
    """The acts that send a reply, as it should be or as ``fail`` has it; what closes the connection is one of them."""
    whole = _Transmission(reply, fail or Fail(), api)
    yield from whole.all() if fail is None or fail.kind == "status" else _FAULTS[fail.kind](whole)


def fault_of_header(value: str) -> Fail:
    """The fault that a header's value asks for: its kind, then fields of :class:`Fail`, split by ``;``.

    Raises:
        ConfigurationError: There is no such kind or field.
    """
    kind, *fields = (part.strip() for part in value.split(";"))
    given = {name.strip(): text.strip() for name, _, text in (field.partition("=") for field in fields if field)}
    if unknown := given.keys() - set(Fail.__struct_fields__):
        raise ConfigurationError(f"{FAULT_HEADER}: there is no field {', '.join(sorted(unknown))}")
    if kind not in FAIL_KINDS:
        raise ConfigurationError(f"{FAULT_HEADER}: {unknown_name('nothing fails by', kind, FAIL_KINDS)}")
    try:
        return msgspec.convert({**given, "kind": kind}, Fail, strict=False)
    except msgspec.ValidationError as error:
        raise ConfigurationError(f"{FAULT_HEADER}: {error}") from error


class _Transmission:
    """A reply and the ways to send parts of it."""

    def __init__(self, reply: HttpReply, fail: Fail, api: Api) -> None:
        self.reply = reply
        self.fail = fail
        self.api = api

    def all(self) -> Iterator[Act]:
        """The reply as it should be."""
        yield Send(self.head())
        yield from self.sent(self.reply.frames)
        yield from self.end()

    def head(self, *, framing: Mapping[str, str] | None = None) -> bytes:
        """The head, with the headers that frame the body."""
        reply = self.reply
        if framing is None:
            length = sum(len(frame.data) for frame in reply.frames)
            framing = {"transfer-encoding": "chunked"} if reply.streamed else {"content-length": str(length)}
        headers = {"date": formatdate(usegmt=True), "server": "tidewire-simulator"} | reply.headers | dict(framing)
        lines = [f"HTTP/1.1 {reply.status} {_phrase(reply.status)}"]
        for name, value in headers.items():
            lines.extend(f"{name}: {line}" for line in value.split("\n"))
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")

    def sent(self, frames: Iterable[Frame]) -> Iterator[Act]:
        """Frames of the body, in chunks where it is streamed."""
        for frame in frames:
            if frame.data:
                yield Send(_chunk(frame.data) if self.reply.streamed else frame.data, frame.delay_s)

    def end(self) -> Iterator[Act]:
        """The proper end of the body."""
        if self.reply.streamed:
            yield Send(b"0\r\n\r\n")

    def before(self) -> list[Frame]:
        """The frames before the place of the fault; of a plain body its first half, or nothing."""
        after = self.fail.after_tokens
        if after <= 0:
            return []
        frames = self.reply.frames
        if not self.reply.streamed:
            return [Frame(frame.data[: len(frame.data) // 2], frame.delay_s) for frame in frames]
        before: list[Frame] = []
        for frame in frames:
            before.append(frame)
            after -= frame.tokens
            if after <= 0:
                break
        return before

    def broken_off(self, *last: Act) -> Iterator[Act]:
        """The head, what comes before the place of the fault, and these acts."""
        yield Send(self.head())
        yield from self.sent(self.before())
        yield from last

    def changed(self, change: Change) -> Iterator[Act]:
        """The whole reply, with the frame at the place of the fault changed."""
        frames = list(self.reply.frames)
        place = min(len(self.before()), len(frames) - 1) if self.reply.streamed else 0
        frames[place] = Frame(self.reply.change(frames[place].data, change), frames[place].delay_s)
        changed = msgspec.structs.replace(self.reply, frames=tuple(frames))
        return _Transmission(changed, self.fail, self.api).all()


# --- the ways to fail ---


def _refused(whole: _Transmission) -> Iterator[Act]:
    page = (
        f"<html><head><title>{whole.fail.status} {_phrase(whole.fail.status)}</title></head><body>proxy</body></html>"
    )
    headers = {"content-type": "text/html"}
    reply = HttpReply(whole.fail.status, headers, (Frame(page.encode()),))
    return _Transmission(reply, whole.fail, whole.api).all()


def _redirected(whole: _Transmission) -> Iterator[Act]:
    reply = HttpReply(307, {"location": whole.fail.location}, ())
    return _Transmission(reply, whole.fail, whole.api).all()


def _error_inside(whole: _Transmission) -> Iterator[Act]:
    before = whole.before() if whole.reply.streamed else []
    data = whole.api.error_frame(whole.fail, streamed=whole.reply.streamed, place=len(before))
    frames = (*before, Frame(data))
    return _Transmission(msgspec.structs.replace(whole.reply, frames=frames), whole.fail, whole.api).all()


def _without_end(whole: _Transmission) -> Iterator[Act]:
    reply = msgspec.structs.replace(whole.reply, frames=tuple(whole.before()))
    return _Transmission(reply, whole.fail, whole.api).all()


def _pinging(whole: _Transmission) -> Iterator[Act]:
    yield from whole.broken_off()
    while True:
        yield from whole.sent([Frame(whole.api.ping, PING_INTERVAL_S)])


def _bad_chunk(whole: _Transmission) -> Iterator[Act]:
    yield Send(whole.head(framing={"transfer-encoding": "chunked"}))
    yield from (Send(_chunk(frame.data), frame.delay_s) for frame in whole.before())
    yield Send(b"zz\r\nno length at all\r\n")
    yield Close()


def _wrong_length(whole: _Transmission, length: Callable[[int], int]) -> Iterator[Act]:
    body = b"".join(frame.data for frame in whole.reply.frames)
    yield Send(whole.head(framing={"content-length": str(length(len(body)))}))
    yield Send(body)
    yield Close()


def _without_length(whole: _Transmission) -> Iterator[Act]:
    yield Send(whole.head(framing={"connection": "close"}))
    yield from (Send(frame.data, frame.delay_s) for frame in whole.reply.frames)
    yield Close()


def _trickling(whole: _Transmission) -> Iterator[Act]:
    for act in whole.all():
        if isinstance(act, Send):
            yield from (Send(bytes([byte]), 0.0 if at else act.delay_s) for at, byte in enumerate(act.data))


def _split_within_characters(whole: _Transmission) -> Iterator[Act]:
    frames = [Frame(part, frame.delay_s if not at else 0.0, frame.tokens if not at else 0)
              for frame in whole.reply.frames
              for at, part in enumerate(_cut_within_characters(frame.data))]  # fmt: skip
    return _Transmission(msgspec.structs.replace(whole.reply, frames=tuple(frames)), whole.fail, whole.api).all()


def _compressed(whole: _Transmission) -> Iterator[Act]:
    squeeze = zlib.compressobj(wbits=31)  # 16 more than the window's size: gzip
    frames = [
        Frame(squeeze.compress(frame.data) + squeeze.flush(zlib.Z_SYNC_FLUSH), frame.delay_s)
        for frame in whole.reply.frames
    ]
    frames.append(Frame(squeeze.flush()))
    headers = {**whole.reply.headers, "content-encoding": "gzip"}
    reply = msgspec.structs.replace(whole.reply, frames=tuple(frames), headers=headers)
    return _Transmission(reply, whole.fail, whole.api).all()


def _with_header(whole: _Transmission, name: str, value: str) -> Iterator[Act]:
    reply = msgspec.structs.replace(whole.reply, headers={**whole.reply.headers, name: value})
    return _Transmission(reply, whole.fail, whole.api).all()


_FAULTS: Mapping[FailKind, _Fault] = {
    "html": _refused,
    "redirect": _redirected,
    "reset_before_head": lambda whole: [Reset()],
    "reset_in_head": lambda whole: [Send(whole.head()[:25]), Reset()],
    "reset": lambda whole: whole.broken_off(Reset()),
    "cut": lambda whole: whole.broken_off(Close()),
    "end": _without_end,
    "error": _error_inside,
    "stall_before_head": lambda whole: [Hang()],
    "stall": lambda whole: whole.broken_off(Hang()),
    "pings": _pinging,
    "bad_chunk": _bad_chunk,
    "length_too_short": lambda whole: _wrong_length(whole, lambda length: length // 2),
    "length_too_long": lambda whole: _wrong_length(whole, lambda length: length + 100),
    "no_length": _without_length,
    "trickle": _trickling,
    "split_utf8": _split_within_characters,
    "bad_json": lambda whole: whole.changed(_without_last_brace),
    "bad_utf8": lambda whole: whole.changed(_with_broken_text),
    "gzip": _compressed,
    "cookies": lambda whole: _with_header(whole, "set-cookie", "a=1; Path=/\nb=2; HttpOnly"),
    "content_type": lambda whole: _with_header(whole, "content-type", "text/plain; charset=latin-1"),
}


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:  # 529 and other numbers of a provider's own
        return "Overloaded"


def _without_last_brace(data: bytes) -> bytes:
    head, _, tail = data.rpartition(b"}")
    return head + tail


def _with_broken_text(data: bytes) -> bytes:
    head, quote, tail = data.rpartition(b'"')
    return head + b"\xff\xfe" + quote + tail


def _cut_within_characters(data: bytes) -> Iterator[bytes]:
    """The bytes, cut after the first byte of each character that has several."""
    start = 0
    for at, byte in enumerate(data):
        if byte >= 0xC0:
            yield data[start : at + 1]
            start = at + 1
    yield data[start:]


__all__ = ["FAULT_HEADER", "PING_INTERVAL_S", "Act", "Close", "Hang", "Reset", "Send", "fault_of_header", "transmit"]
