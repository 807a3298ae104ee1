"""Reads the server-sent events that are, byte for byte, like an earlier one but for their text.

Most events of a stream repeat all but a few letters: ids, model, indexes and nulls are the same from token to token. A
decoder that has read such an event in full, and knows that another one like it could mean nothing but its text, has its
likeness learnt here; the next ones are then told apart with a few calls for a whole network read, at a fifth of what it
costs to decode each. An event that is not quite alike is left to the decoder, so the events that come out are the same.

Besides the text, an event may hold two things that change and mean nothing: a number before the text that counts
events, and padding after it, by which providers hide the length of the text from those who watch the wire.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from itertools import takewhile

import msgspec

from tidewire.adapters.sse import SSEFramer
from tidewire.events.types import DecodedEvent, Token

# How many likenesses are learnt in a row without one that is met again.
_LESSONS = 4

# How many events of other kinds are looked for at the end of a read.
_LAST = 5

# A piece of an unfinished event that is longer is not worth to be put before the next read: that could happen for each.
_SEAM_BYTES = 8192

# What a JSON text cannot hold as it stands; line feeds are counted instead, as they stand between the texts.
_SPECIAL = re.compile(rb'[\x00-\x09\x0b-\x1f"\\]')
# Padding is the text of a field, or blanks between two signs of the JSON, where a letter would break it.
_LETTERS = re.compile(rb"[A-Za-z0-9]*")
_BLANKS = re.compile(rb" *")
_NUMBERS = re.compile(rb"(?:[1-9][0-9]*,)*")

_text = msgspec.json.Decoder(str)


class AlikeEvents:
    """The likeness of a stream's events.

    Args:
        text: Finds the text of an event, escaped as in JSON, as its first group.
        padding: Finds the padding in what stands behind the text.
        counter: Finds the number in what stands before the text.
    """

    __slots__ = (
        "_after_counter", "_before_padding", "_between", "_counter", "_first", "_lessons", "_make",
        "_padding", "_tail", "_text",
    )  # fmt: skip

    def __init__(
        self,
        text: re.Pattern[bytes],
        *,
        padding: re.Pattern[bytes] | None = None,
        counter: re.Pattern[bytes] | None = None,
    ) -> None:
        self._text = text
        self._padding = padding
        self._counter = counter
        self._lessons = 0
        # An event is: first, [number, after_counter,] text, [before_padding, padding,] tail. Empty: nothing is learnt.
        self._first = self._tail = self._between = b""
        self._after_counter = self._before_padding = b""
        self._make: Callable[[str], DecodedEvent] = Token

    def learn(self, name: bytes, data: bytes, make: Callable[[str], DecodedEvent] = Token) -> None:
        """Take this frame as the likeness.

        Args:
            name: The frame's name.
            data: Its data. Another frame that differs in its text alone must mean nothing else.
            make: Makes the event of a text.
        """
        self.forget()
        if self._lessons >= _LESSONS:
            return
        self._lessons += 1
        event = b"event: %b\ndata: %b" % (name, data) if name else b"data: " + data
        found = self._text.search(event)
        if found is None or b"\n" in data or self._text.search(event, found.end()) is not None:
            return
        before, after = event[: found.start(1)], event[found.end(1) :]
        if self._counter is not None and (number := self._counter.search(before)) is not None:
            before, self._after_counter = before[: number.start(1)], before[number.end(1) :]
        if self._padding is not None and (padding := self._padding.search(after)) is not None:
            self._before_padding, after = after[: padding.start(1)], after[padding.end(1) :]
        self._first, self._tail = before, after
        self._between = after + b"\n\n" + before
        self._make = make

    def forget(self) -> None:
        """The likeness counts no more: something has happened that gives its events another meaning."""
        self._first = self._after_counter = self._before_padding = b""

    def read(
        self, framer: SSEFramer, data: bytes, decode: Callable[[bytes], Iterable[DecodedEvent]]
    ) -> Iterator[DecodedEvent]:
        """The events of a read: those that are alike from here, the others from the decoder.

        Args:
            framer: The decoder's framer. What it has of an unfinished event is put before the read where that may help.
            data: The bytes of the read.
            decode: Feeds the framer and decodes what comes out. It learns, and forgets, as it goes.
        """
        while data:
            if self._first:
                texts, data = self._take(framer, data)
                make = self._make
                for text in texts:
                    if text:
                        yield make(text)
            elif self._lessons >= _LESSONS:
                yield from decode(data)
                return
            # One event in full, and then those after it may be like it.
            end = data.find(b"\n\n") + 2
            if end < 2:
                end = len(data)
            yield from decode(data[:end])
            data = data[end:]

    def _take(self, framer: SSEFramer, data: bytes) -> tuple[list[str], bytes]:
        """The texts at the beginning of a read, and the rest of it."""
        whole = framer.take_back(data, _SEAM_BYTES)
        if whole is None:
            return [], data
        end = whole.rfind(b"\n\n")
        events = self._alike(whole[:end])
        texts = self._texts(events) if events else None
        if texts is None:
            return [], whole
        self._lessons = 0
        return texts, whole[sum(map(len, events)) + 2 * len(events) :]

    def _alike(self, data: bytes) -> list[bytes]:
        """The first events of these that begin and end as they should."""
        first, tail = self._first, self._tail
        events = data.split(b"\n\n")
        shortest = len(first) + len(tail)
        # The last ones of an answer are of other kinds.
        alike, end = len(events), len(data)
        while alike and len(events) - alike < _LAST:
            if events[alike - 1].startswith(first) and events[alike - 1].endswith(tail):
                break
            alike -= 1
            end -= len(events[alike]) + 2
        # Asked once for all that are left: each end of an event is followed by a beginning.
        if (
            alike
            and data.startswith(first)
            and data.count(self._between, 0, end) == alike - 1
            and data.endswith(tail, 0, end)
            and min(map(len, events[:alike])) >= shortest
        ):
            return events[:alike]
        return list(
            takewhile(
                lambda event: len(event) >= shortest and event[: len(first)] == first and event.endswith(tail), events
            )
        )

    def _texts(self, events: list[bytes]) -> list[str] | None:
        """What varies in each event, as texts; None if one of them is not quite alike."""
        begin, end = len(self._first), -len(self._tail)
        pieces = [event[begin:end] for event in events]
        if self._after_counter:
            split = [piece.partition(self._after_counter) for piece in pieces]
            if not _NUMBERS.fullmatch(b"".join([number + b"," for number, _, _ in split])):
                return None
            pieces = [piece for _, found, piece in split if found]
        if self._before_padding:
            split = [piece.rpartition(self._before_padding) for piece in pieces]
            allowed = _LETTERS if self._before_padding.endswith(b'"') else _BLANKS
            if not allowed.fullmatch(b"".join([padding for _, _, padding in split])):
                return None
            pieces = [piece for piece, found, _ in split if found]
        if len(pieces) != len(events):
            return None
        lines = b"\n".join(pieces)
        try:
            if _SPECIAL.search(lines) is None:
                texts = lines.decode().split("\n")
            else:
                texts = [_text.decode(b'"%b"' % piece) for piece in pieces]
        except (msgspec.DecodeError, UnicodeDecodeError):
            return None
        return texts if len(texts) == len(pieces) else None


__all__ = ["AlikeEvents"]
