"""A tap: a subscriber that is read with ``async for``, through a bounded buffer of its own.

The buffer has a policy for when its reader is slow:

- ``coalesce`` (default): neighbouring pieces of one text, reasoning or tool call of a run are joined; nothing is lost,
  and the buffer grows only by what cannot be joined.
- ``drop_oldest``: the oldest content is dropped, and a ``gap`` says how much; terminal and usage events never are.
- ``block``: the run waits for the reader, once per network read. A run on another thread's loop never waits (the
  reader may be what waits for it); its pieces are joined as under ``coalesce``.

A tap belongs to the event loop that reads it; the runs that it hears may be on any thread.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from typing import Literal, Self, TypeAlias
from uuid import UUID

import anyio
import anyio.lowlevel

from tidewire.events.bus import subscribe
from tidewire.events.errors import ConfigurationError
from tidewire.events.types import (
    Block,
    Custom,
    End,
    Event,
    Gap,
    Meta,
    Piece,
    Reasoning,
    Run,
    Token,
    ToolCallDelta,
)

#: What a tap does when its buffer is full.
Policy: TypeAlias = Literal["coalesce", "drop_oldest", "block"]

_POLICIES = ("coalesce", "drop_oldest", "block")
_DROPPABLE = (Token, Reasoning, ToolCallDelta, Block, Meta, Piece, Custom)


class _Entry:
    """An event in the buffer, and the pieces that were joined to it."""

    __slots__ = ("event", "last", "pieces", "run")

    def __init__(self, run: Run, event: Event) -> None:
        self.run = run
        self.event = event
        #: The latest event that was joined, and the text of all of them.
        self.last = event
        self.pieces: list[str] = []

    def join(self, event: Event) -> bool:
        """Take in the next event of the run if it goes on with the same text, reasoning or call."""
        match self.last, event:
            case Token(), Token() if self.last.index == event.index:
                text, more = self.last.text, event.text
            case Reasoning(), Reasoning() if self.last.index == event.index and self.last.signature is None:
                text, more = self.last.text, event.text
            case ToolCallDelta(), ToolCallDelta() if self._goes_on(event):
                text, more = self.last.args, event.args
            case _:
                return False
        if not self.pieces:
            self.pieces.append(text)
        self.pieces.append(more)
        self.last = event
        return True

    def read(self) -> tuple[Run, Event]:
        """What the reader gets; what was joined has the number and the time of its last piece."""
        if not self.pieces:
            return self.run, self.event
        text, first, last = "".join(self.pieces), self.event, self.last
        joined: Event
        if isinstance(first, Token):
            joined = Token(text, first.index)
        elif isinstance(first, Reasoning) and isinstance(last, Reasoning):
            joined = Reasoning(text, last.signature, first.index)
        else:
            assert isinstance(first, ToolCallDelta)
            joined = ToolCallDelta(text, first.index, first.id, first.name, first.extras)
        joined.seq, joined.time = last.seq, last.time
        return self.run, joined

    def _goes_on(self, event: ToolCallDelta) -> bool:
        first = self.event
        assert isinstance(first, ToolCallDelta)
        if event.extras is not None or event.index != first.index:
            return False
        if event.index is None:  # an id or a name begins the next call, even the same one
            return event.id is None and event.name is None
        return event.id in (None, first.id) and event.name in (None, first.name)


class _Sleep:
    """The sleep of a reader, which any thread may end."""

    def __init__(self) -> None:
        self._event = anyio.Event()
        self._thread = threading.get_ident()
        native = anyio.lowlevel.current_token().native_token
        schedule = getattr(native, "call_soon_threadsafe", None) or getattr(native, "run_sync_soon", None)
        assert schedule is not None, "an event loop that is neither asyncio's nor trio's"
        self._schedule: Callable[[Callable[[], None]], object] = schedule

    async def until_woken(self) -> None:
        await self._event.wait()

    def wake(self) -> None:
        if threading.get_ident() == self._thread:
            self._event.set()
            return
        try:
            self._schedule(self._set)
        except RuntimeError:
            return  # its loop has ended, and the reader with it

    def _set(self) -> None:
        self._event.set()


class Tap:
    """Events of all runs that it hears, those of each run in order, as ``(run, event)``; ends when it is closed.

    Args:
        capacity: Events that the buffer holds before the policy acts.
        policy: What then happens.

    Raises:
        ConfigurationError: The capacity is below 1, or there is no such policy.
    """

    def __init__(self, *, capacity: int = 1024, policy: Policy = "coalesce") -> None:
        if capacity < 1:
            raise ConfigurationError(f"a tap's capacity is at least 1, not {capacity}")
        if policy not in _POLICIES:
            raise ConfigurationError(f"a tap has no policy {policy!r}; policies are {', '.join(_POLICIES)}")
        self._buffer: deque[_Entry] = deque()
        self._capacity = capacity
        self._policy = policy
        self._closed = False
        self._lock = threading.Lock()
        # The thread that reads; until it does, the one that made the tap.
        self._home = threading.get_ident()
        self._readers: list[_Sleep] = []
        self._drained: anyio.Event | None = None
        # coalesce, block: the last entry of each run, if it is still in the buffer.
        self._latest: dict[UUID, _Entry] = {}
        # drop_oldest: the buffer begins with this many entries that stay, of each run the last one of these.
        self._staying = 0
        self._latest_staying: dict[UUID, _Entry] = {}
        #: How many events were dropped.
        self.dropped = 0

    def __call__(self, run: Run, event: Event) -> Awaitable[None] | None:
        """Take an event; called by the bus."""
        if self._closed:
            return None
        with self._lock:
            waits = self._add(run, event)
            readers = self._sleepers()
        for reader in readers:
            reader.wake()
        return self._until_drained() if waits else None

    def close(self) -> None:
        """End the iteration once the buffer is read."""
        with self._lock:
            self._closed = True
            readers = self._sleepers()
        for reader in readers:
            reader.wake()
        if self._drained is not None:
            self._drained.set()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> tuple[Run, Event]:
        # No generator: a tap that is left by `break` has nothing to clean up, and can be read on.
        while True:
            with self._lock:
                self._home = threading.get_ident()
                if self._buffer:
                    return self._take()
                if self._closed:
                    raise StopAsyncIteration
                sleep = _Sleep()
                self._readers.append(sleep)
            try:
                # On asyncio a cancel scope passes over a task that is about to wake, and this one may always be.
                await anyio.lowlevel.checkpoint_if_cancelled()
                await sleep.until_woken()
            except BaseException:
                with self._lock:
                    if sleep in self._readers:
                        self._readers.remove(sleep)
                raise

    def _sleepers(self) -> list[_Sleep]:
        """Those who are to be woken, who then are no sleepers any more."""
        readers, self._readers = self._readers, []
        return readers

    def _add(self, run: Run, event: Event) -> bool:
        """Take an event into the buffer; True when its run is to wait for the reader."""
        full = len(self._buffer) >= self._capacity
        if self._policy == "drop_oldest":
            if full:
                self._drop()
            self._append(run, event)
            return False
        waits = full and self._policy == "block" and threading.get_ident() == self._home
        last = self._latest.get(run.id) if full and not waits else None
        if last is None or not last.join(event):
            self._latest[run.id] = self._append(run, event)
        # Nothing comes after ``end`` that the run could hold back.
        return waits and type(event) is not End

    def _append(self, run: Run, event: Event) -> _Entry:
        entry = _Entry(run, event)
        self._buffer.append(entry)
        return entry

    def _take(self) -> tuple[Run, Event]:
        entry = self._buffer.popleft()
        id = entry.run.id
        if self._latest.get(id) is entry:
            del self._latest[id]
        if self._staying:
            self._staying -= 1
            if self._latest_staying.get(id) is entry:
                del self._latest_staying[id]
        if self._drained is not None and len(self._buffer) < self._capacity:
            self._drained.set()
        return entry.read()

    def _drop(self) -> None:
        """Drop the oldest entry that may be dropped, and add it to the gap before it."""
        while self._staying < len(self._buffer):
            entry = self._buffer[self._staying]
            id, seq = entry.run.id, entry.event.seq
            if not isinstance(entry.event, _DROPPABLE):
                self._latest_staying[id] = entry
                self._staying += 1
                continue
            self.dropped += 1
            before = self._latest_staying.get(id)
            if before is not None and isinstance(before.event, Gap):
                before.event = Gap(before.event.count + 1, before.event.first, seq)
                del self._buffer[self._staying]
            else:
                self._buffer[self._staying] = self._latest_staying[id] = _Entry(entry.run, Gap(1, seq, seq))
                self._staying += 1
            return

    async def _until_drained(self) -> None:
        # Elsewhere than at home: a thread that runs a call for the reader, who is blocked until that is done.
        while not self._closed and len(self._buffer) >= self._capacity and threading.get_ident() == self._home:
            if self._drained is None or self._drained.is_set():
                self._drained = anyio.Event()
            await self._drained.wait()


@contextmanager
def open_tap(*, capacity: int = 1024, policy: Policy = "coalesce") -> Generator[Tap]:
    """A tap on every run that starts within the block; its iteration ends with the block."""
    tap = Tap(capacity=capacity, policy=policy)
    with subscribe(tap):
        try:
            yield tap
        finally:
            tap.close()


__all__ = ["Policy", "Tap", "open_tap"]
