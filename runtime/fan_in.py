"""Reading a run and everything within it from outside: the run is a task of the host, and what it publishes comes by a
tap.

The tap's buffer is bounded, and the run waits for its reader once per network read. Leaving the reader cancels the
task.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterable
from typing import Any, Final, TypeVar
from uuid import UUID

from tidewire.adapters.host import start_hosted
from tidewire.events.bus import Subscription
from tidewire.events.stream_events import RecordFilter, RecordMaker, StreamEvent
from tidewire.events.taps import Tap
from tidewire.events.types import CONTENT, Custom, End, Event, Fallback, Finish, Meta, Piece, Retry, Run, Start, Usage
from tidewire.stream import ChunkMaker, Work

T = TypeVar("T")

#: Events that may be unread before the run waits.
CAPACITY = 256

_RECORDED = (*CONTENT, Start, End, Custom, Piece, Meta, Usage, Finish, Retry, Fallback)


class FanIn:
    """What a run and the runs within it publish, for one reader.

    Args:
        shows: Whether the reader wants this event; the others take no place in the buffer.
        wants_tokens: Whether calls within the run are streamed for the reader's sake.
    """

    def __init__(self, shows: Callable[[Run, Event], bool], *, wants_tokens: bool) -> None:
        self.wants_tokens: Final = wants_tokens
        self._shows = shows
        self._tap = Tap(capacity=CAPACITY, policy="block")
        #: What the run's bus is to tell.
        self.subscription = Subscription(self)

    def __call__(self, run: Run, event: Event) -> object:
        return self._tap(run, event) if self._shows(run, event) else None

    async def read(self, work: Work, make: Callable[[Run, Event], Iterable[T]]) -> AsyncGenerator[T]:
        """What ``make`` makes of the events; closing it early stops the run."""
        tap = self._tap

        async def run_all() -> None:
            try:
                while await work.read() is not None:
                    continue
            finally:
                tap.close()

        # No task group of its own: a generator must not yield within one.
        hosted = await start_hosted(run_all)
        try:
            async for run, event in tap:
                for made in make(run, event):
                    yield made
            await hosted.wait()
        finally:
            tap.close()
            await hosted.aclose()


def is_recorded(shown: RecordFilter) -> Callable[[Run, Event], bool]:
    """Whether an event becomes part of a record: of a run that is shown, and not one that only the run's bus needs."""
    return lambda run, event: isinstance(event, _RECORDED) and shown.shows(run)


class RecordsOfRuns:
    """Makes the records of a run and of the runs within it, each with the input of its own run.

    Args:
        root: The outermost of these runs.
        input: What it was given, as its caller wrote it.
    """

    def __init__(self, root: Run, input: Any) -> None:  # noqa: ANN401 - what users give their own functions
        self._root = root
        self._input = input
        self._makers: dict[UUID, tuple[RecordMaker, ChunkMaker, Any]] = {}

    def __call__(self, run: Run, event: Event) -> Iterable[StreamEvent]:
        """The records for an event: mostly one, none for what only adds to a later one."""
        if isinstance(event, Start):
            made = self._makers[run.id] = RecordMaker(run), ChunkMaker(run), self._input_of(run, event)
            start = made[0].record(event, made[2])
            return () if start is None else (start,)
        records, chunks, input = self._makers[run.id]
        match event:
            case Piece():
                return (records.chunk(event.value),)
            case Custom():
                custom = records.record(event)
                return () if custom is None else (custom,)
            case End():
                del self._makers[run.id]
                pieces = [records.chunk(chunk) for chunk in chunks.chunks([event])] if run.kind == "chat_model" else []
                end = records.record(event)
                if end is not None:
                    if run is not self._root:
                        end["data"]["input"] = input
                    pieces.append(end)
                return pieces
            case _:
                return [records.chunk(chunk) for chunk in chunks.chunks([event])]

    def _input_of(self, run: Run, event: Start) -> Any:  # noqa: ANN401 - what users give their own functions
        if run is self._root:
            return self._input
        return {"messages": [list(event.input)]} if run.kind == "chat_model" else event.input


__all__ = ["CAPACITY", "FanIn", "RecordsOfRuns", "is_recorded"]
