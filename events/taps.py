"""A tap: a subscriber that is read with ``async for``, through a bounded buffer of its own.

The buffer has a policy for when its reader is slow:

- ``coalesce`` (default): neighbouring pieces of one text, reasoning or tool call are joined; nothing is lost.
- ``drop_oldest``: the oldest content is dropped, and a ``gap`` says how much; terminal and usage events never are.
- ``block``: the run waits for the reader, once per network read.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Awaitable, Iterator
from contextlib import contextmanager
from typing import Literal, TypeAlias

import anyio
import msgspec

from tidewire.events.bus import subscribe
from tidewire.events.types import (
    Block,
    Custom,
    End,
    Event,
    Finish,
    Gap,
    Meta,
    Reasoning,
    Run,
    Token,
    ToolCallDelta,
)

#: What a tap does when its buffer is full.
Policy: TypeAlias = Literal["coalesce", "drop_oldest", "block"]

_DROPPABLE = (Token, Reasoning, ToolCallDelta, Block, Meta, Custom)


class Tap:
    """Events of all runs that it hears, in order, as ``(run, event)``; ends when it is closed.

    Args:
        capacity: Events that the buffer holds before the policy acts.
        policy: What then happens.
    """

    def __init__(self, *, capacity: int = 1024, policy: Policy = "coalesce") -> None:
        self._buffer: deque[tuple[Run, Event]] = deque()
        self._capacity = capacity
        self._policy = policy
        self._closed = False
        self._filled: anyio.Event | None = None
        self._drained: anyio.Event | None = None
        #: How many events were dropped.
        self.dropped = 0

    def __call__(self, run: Run, event: Event) -> Awaitable[None] | None:
        """Take an event; called by the bus."""
        if self._closed:
            return None
        full = len(self._buffer) >= self._capacity
        if not (full and self._policy == "coalesce" and self._joined(run, event)):
            if full and self._policy == "drop_oldest":
                self._drop()
            self._buffer.append((run, event))
        if self._filled is not None:
            self._filled.set()
        return self._until_drained() if full and self._policy == "block" else None

    def close(self) -> None:
        """End the iteration once the buffer is read."""
        self._closed = True
        if self._filled is not None:
            self._filled.set()
        if self._drained is not None:
            self._drained.set()

    def __aiter__(self) -> AsyncIterator[tuple[Run, Event]]:
        return self._read()

    async def _read(self) -> AsyncIterator[tuple[Run, Event]]:
        while True:
            while self._buffer:
                item = self._buffer.popleft()
                if self._drained is not None and len(self._buffer) < self._capacity:
                    self._drained.set()
                yield item
            if self._closed:
                return
            self._filled = anyio.Event()
            await self._filled.wait()
            self._filled = None

    def _joined(self, run: Run, event: Event) -> bool:
        """Join the event to the last one in the buffer if they are pieces of the same thing."""
        if not self._buffer:
            return False
        last_run, last = self._buffer[-1]
        if last_run is not run:
            return False
        joined: Event
        match last, event:
            case Token(), Token() if last.index == event.index:
                joined = Token(last.text + event.text, last.index)
            case Reasoning(), Reasoning() if last.index == event.index and last.signature is None:
                joined = Reasoning(last.text + event.text, event.signature, last.index)
            case ToolCallDelta(), ToolCallDelta() if last.index == event.index and event.id in (None, last.id):
                joined = msgspec.structs.replace(last, args=last.args + event.args)
            case _:
                return False
        joined.seq, joined.time = event.seq, event.time
        self._buffer[-1] = (run, joined)
        return True

    def _drop(self) -> None:
        for place, (run, event) in enumerate(self._buffer):
            if isinstance(event, _DROPPABLE) and not isinstance(event, (End, Finish)):
                del self._buffer[place]
                self.dropped += 1
                self._note_gap(place, run, event.seq)
                return

    def _note_gap(self, place: int, run: Run, seq: int) -> None:
        if place > 0:
            before_run, before = self._buffer[place - 1]
            if before_run is run and isinstance(before, Gap):
                self._buffer[place - 1] = (run, Gap(before.count + 1, before.first, seq))
                return
        self._buffer.insert(place, (run, Gap(1, seq, seq)))

    async def _until_drained(self) -> None:
        while not self._closed and len(self._buffer) >= self._capacity:
            self._drained = anyio.Event()
            await self._drained.wait()


@contextmanager
def open_tap(*, capacity: int = 1024, policy: Policy = "coalesce") -> Iterator[Tap]:
    """A tap on every run that starts within the block; its iteration ends with the block."""
    tap = Tap(capacity=capacity, policy=policy)
    with subscribe(tap):
        try:
            yield tap
        finally:
            tap.close()


__all__ = ["Policy", "Tap", "open_tap"]
