"""What ``stream`` and ``batch_as_completed`` return: iterators that stop their work when they are left."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from types import GeneratorType, TracebackType
from typing import Generic, Protocol, Self, TypeVar, cast

from tidewire.blocking import is_stopped, run_blocking
from tidewire.events.types import Event
from tidewire.stream import Work, output_of

T = TypeVar("T", covariant=True)
Out = TypeVar("Out", covariant=True)
Piece = TypeVar("Piece")


class SyncIterator(Iterator[T], Generic[T]):
    """Gives one thing after another; leaving a ``with`` block, or ``close()``, stops what makes them."""

    def __init__(self, generator: Generator[T]) -> None:
        self._generator = generator

    def __next__(self) -> T:
        return next(self._generator)

    def close(self) -> None:
        """Stop the work and close its connections. Safe to call twice."""
        self._generator.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


class SyncStream(SyncIterator[T], Generic[T, Out]):
    """A stream of one call, read once, for sync code; ``Out`` is what the whole of it gives."""

    def __init__(self, work: Work, generator: Generator[T], output: Callable[[], Out]) -> None:
        super().__init__(generator)
        self._work = work
        self._output = output

    def __next__(self) -> T:
        if cast("GeneratorType[T, None, None]", self._generator).gi_frame is None:  # read to its end, or left
            output_of(self._work, self._output)
        return next(self._generator)

    def close(self) -> None:
        """Stop the run, if there is something to stop, and close its connection. Safe to call twice."""
        self._generator.close()
        self._work.abandon_nowait()  # where nothing had begun, the generator knows of nothing to stop

    def result(self) -> Out:
        """Read what is left and give what ``invoke`` would have given: the whole message.

        Raises:
            TidewireError: The call failed, now or before; ``partial`` is the message so far.
            StreamInterruptedError: It was interrupted, or the stream was left or closed.
        """
        for _ in self._generator:
            pass
        return output_of(self._work, self._output)


def pull(work: Work, pieces: Callable[[list[Event]], list[Piece]]) -> Generator[Piece]:
    """The pieces of a run, read on another thread's event loop. Closing the generator early stops the run."""
    try:
        while (events := run_blocking(work.read)) is not None:
            yield from pieces(events)
    finally:
        if not work.over:
            if is_stopped():  # collected while the interpreter exits
                work.abandon_nowait()
            else:
                run_blocking(work.abandon)


class Pulled(Protocol[T]):
    """What gives one thing after another and can be closed: the results of a batch, a stream."""

    async def __anext__(self) -> T:
        """The next one."""
        ...

    async def aclose(self) -> None:
        """Stop what makes them."""
        ...


def pull_items(items: Pulled[T]) -> Generator[T]:
    """The results of a batch, or a stream, read on another thread's event loop. Closing the generator stops it."""

    async def pull_one() -> tuple[T] | None:
        try:
            return (await items.__anext__(),)
        except StopAsyncIteration:
            return None

    try:
        while (pulled := run_blocking(pull_one)) is not None:
            yield pulled[0]
    finally:
        if not is_stopped():  # at exit the loops, and the work on them, have ended already
            run_blocking(items.aclose)


__all__ = ["Pulled", "SyncIterator", "SyncStream", "pull", "pull_items"]
