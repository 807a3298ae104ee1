"""What ``astream`` and ``aevents`` return: the events of a call, as chunks or as they are.

The object is read with ``async for``. It hands out an async generator rather than being its own iterator: only a
generator is closed by the event loop when a ``break`` leaves it behind. Leaving ``async with``, or ``aclose()``,
closes it at once.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable
from functools import partial
from types import AsyncGeneratorType, TracebackType
from typing import Generic, Protocol, Self, TypeVar, cast

from tidewire.call import Call
from tidewire.events.chunks import AIMessageChunk
from tidewire.events.convert import ModelInput
from tidewire.events.stream_events import RecordFilter, RecordMaker, StreamEvent
from tidewire.events.types import CONTENT, End, Event, Fallback, Finish, Meta, Retry, Run, Start, Usage

T = TypeVar("T", covariant=True)
Out = TypeVar("Out", covariant=True)


class Work(Protocol):
    """One run, read by read: a :class:`Call`, or the run of a chain."""

    @property
    def run(self) -> Run:
        """Whose events these are."""
        ...

    @property
    def over(self) -> bool:
        """True once ``end`` was published, or when the run never began."""
        ...

    @property
    def error(self) -> Exception | None:
        """What ended it early, once it is over: how it failed, or that it was cancelled, left or never begun."""
        ...

    async def read(self) -> list[Event] | None:
        """The next events, published and heard by everybody else; None after the last ones, or ``error`` is raised."""
        ...

    async def abandon(self) -> None:
        """The consumer leaves: end the run. Safe to call at any time, and twice."""
        ...

    def abandon_nowait(self) -> None:
        """As :meth:`abandon`, where nothing can be awaited any more."""
        ...


W = TypeVar("W", bound=Work)


class Stream(Generic[T, Out]):
    """A stream of one run, read once; ``Out`` is what the whole of it gives. ``run`` identifies it.

    Who reads it again when it is over is told the same: nothing, or the error that ended it early.
    """

    def __init__(self, work: W, generate: Callable[[W], AsyncGenerator[T]], output: Callable[[W], Out]) -> None:
        self.work: Work = work
        self._generate = partial(generate, work)
        self._output = partial(output, work)
        self._generator: AsyncGenerator[T] | None = None
        self.run = work.run

    def __aiter__(self) -> AsyncIterator[T]:
        return self._started()

    async def __anext__(self) -> T:
        return await self._started().__anext__()

    async def aclose(self) -> None:
        """Stop the run, if there is something to stop, and close its connection. Safe to call twice."""
        if self._generator is not None:
            await self._generator.aclose()
        await self.work.abandon()

    def output(self) -> Out:
        """What the whole of a run gives that was read to its end; what ended it early is raised."""
        return output_of(self.work, self._output)

    async def result(self) -> Out:
        """Read what is left and give what ``ainvoke`` would have given: the whole message.

        Raises:
            TidewireError: The call failed, now or before; ``partial`` is the message so far.
            StreamInterruptedError: It was cancelled, or the stream was left or closed.
        """
        if self._generator is not None:  # half read: nobody else may read the run
            async for _ in self._generator:
                continue
        while await self.work.read() is not None:
            continue
        return self._output()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    def _started(self) -> AsyncGenerator[T]:
        if self._generator is None:
            self._generator = self._generate()
        elif cast("AsyncGeneratorType[T, None]", self._generator).ag_frame is None:
            return _read_again(self.work, self._output)
        return self._generator


def output_of(work: Work, output: Callable[[], Out]) -> Out:
    """What a run gives that is over; what ended it early is raised."""
    if work.error is not None:
        raise work.error
    return output()


async def _read_again(work: Work, output: Callable[[], object], pieces: Iterable[T] = ()) -> AsyncGenerator[T]:
    """What a stream gives that was read to its end or left: nothing, if it is whole; else it says so once more."""
    if work.over:
        output_of(work, output)
    for piece in pieces:
        yield piece


class ChunkMaker:
    """Makes the chunks of a run from its events, read by read: one for each content event, and the last one for
    ``end``. A retry that discards what was said is one too: it makes a sum begin anew.

    Metadata goes with the content that follows it; the token counts and the finish reason go with the last chunk.
    """

    __slots__ = ("_finish", "_meta", "_run", "_usage")

    def __init__(self, run: Run) -> None:
        self._run = run
        self._meta: list[Event] = []
        self._usage: Usage | None = None
        self._finish: Finish | None = None

    def chunks(self, events: list[Event]) -> list[AIMessageChunk]:
        """The chunks for the events of one read."""
        run, make, content = self._run, AIMessageChunk.from_events, CONTENT
        chunks: list[AIMessageChunk] = []
        for event in events:
            if type(event) in content:
                if self._meta:
                    chunks.append(make(run, (*self._meta, event)))
                    self._meta.clear()
                else:
                    chunks.append(make(run, event))
            else:
                self._keep(event, chunks)
        return chunks

    def _keep(self, event: Event, chunks: list[AIMessageChunk]) -> None:
        match event:
            case Meta():
                self._meta.append(event)
            case Usage():
                self._usage = event
            case Finish():
                self._finish = event
            case Retry() | Fallback():  # what a failed attempt said does not count
                self._meta.clear()
                self._usage = self._finish = None
                if isinstance(event, Retry) and event.discard_from is not None:
                    chunks.append(AIMessageChunk.from_events(self._run, event))
            case End() if event.outcome == "ok":
                last = (event for event in (*self._meta, self._usage, self._finish) if event is not None)
                chunks.append(AIMessageChunk.from_events(self._run, tuple(last), last=True))
            case _:
                pass  # nothing of it is in a message


def pieces_of(make: Callable[[W], Callable[[list[Event]], list[T]]]) -> Callable[[W], AsyncGenerator[T]]:
    """What generates the pieces of a run, given what makes them. Closing the generator early stops the run."""

    async def generate(work: W) -> AsyncGenerator[T]:
        pieces = make(work)
        try:
            while (events := await work.read()) is not None:
                for piece in pieces(events):
                    yield piece
        finally:
            if not work.over:
                await work.abandon()

    return generate


async def generate_events(work: Work) -> AsyncGenerator[Event]:
    """The events of a run, ``start`` first and ``end`` last. Closing the generator early stops the run."""
    try:
        while (events := await work.read()) is not None:
            for event in events:
                yield event
    finally:
        if not work.over:
            await work.abandon()


def records_of(shown: RecordFilter, input: ModelInput) -> Callable[[Call], AsyncGenerator[StreamEvent]]:
    """What generates the records of a call, if its run is shown."""

    async def generate(call: Call) -> AsyncGenerator[StreamEvent]:
        chunks, records = ChunkMaker(call.run), RecordMaker(call.run)
        visible = shown.shows(call.run)
        try:
            while (events := await call.read()) is not None:
                if not visible:
                    continue
                begin = records.record(events[0], input)
                if begin is not None and isinstance(events[0], Start):
                    yield begin
                for chunk in chunks.chunks(events):
                    yield records.chunk(chunk)
                if isinstance(events[-1], End) and (end := records.record(events[-1])) is not None:
                    yield end
        finally:
            if not call.over:
                await call.abandon()

    return generate


__all__ = ["ChunkMaker", "Stream", "Work", "generate_events", "output_of", "pieces_of", "records_of"]
