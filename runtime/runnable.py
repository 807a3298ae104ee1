"""What everything that can be run has: the methods that run it once or many times, whole or piece by piece, async and
sync.

A subclass says how a run begins, and what is made of it; the methods are the same for models and chains.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Generic, Literal, Self, TypeVar, overload

from tidewire.batch import CompletedBatch, Configs, Inputs, as_completed, run_batch
from tidewire.blocking import run_blocking
from tidewire.config import RunnableConfig
from tidewire.events.errors import ConfigurationError
from tidewire.events.stream_events import RecordFilter, StreamEvent
from tidewire.events.types import Event
from tidewire.stream import Stream, Work, generate_events, pieces_of
from tidewire.sync_stream import SyncIterator, SyncStream, pull, pull_items

In = TypeVar("In")
Out = TypeVar("Out")
Piece = TypeVar("Piece")
W = TypeVar("W", bound=Work)


class Runnable(Generic[In, Out, Piece, W]):
    """What can be run: given ``In`` it gives ``Out``, and streamed ``Piece`` by piece; ``W`` is one run of it."""

    __slots__ = ()

    def _bound(self, parameters: dict[str, Any]) -> Self:
        """The same with these parameters; itself if there are none."""
        raise NotImplementedError

    def _config_of_all(self) -> RunnableConfig:
        """The config that every run starts from."""
        raise NotImplementedError

    def _begin(self, input: In, config: RunnableConfig | None, *, stream: bool | None) -> W:
        """A run that has not started yet.

        Args:
            input: What it is given.
            config: The run's config.
            stream: Somebody reads it piece by piece; None: only if somebody listens to pieces.
        """
        raise NotImplementedError

    def _output_of(self, work: W, /) -> Out:
        """What a run that is over gives."""
        raise NotImplementedError

    def _pieces_of(self, work: W, /) -> Callable[[list[Event]], list[Piece]]:
        """What makes the pieces of a run, from the events of each read."""
        raise NotImplementedError

    def _records(self, input: In, config: RunnableConfig | None, shown: RecordFilter) -> Stream[StreamEvent, Out]:
        """The records of a run and of what runs within it."""
        raise NotImplementedError

    # --- one call ---

    async def ainvoke(self, input: In, config: RunnableConfig | None = None, **parameters: Any) -> Out:
        """The whole answer.

        Args:
            input: What it is given; a model takes a text, a message, or a list of messages, dicts and pairs.
            config: Who listens, what the run is called.
            parameters: Parameters for this run only: a model's settings, a chain's further arguments.

        Raises:
            TidewireError: The call failed; see :mod:`tidewire.errors`. A chain raises what its function does.
        """
        return await self._bound(parameters)._whole(input, config)

    def astream(self, input: In, config: RunnableConfig | None = None, **parameters: Any) -> Stream[Piece, Out]:
        """The answer as it arrives: of a model, chunks that add up with ``+`` to the message of :meth:`ainvoke`.

        The last chunk has ``chunk_position="last"`` and carries the usage. A ``break`` stops the run, ``async with``
        does so at once. ``await stream.result()`` reads what is left and gives what :meth:`ainvoke` would.

        Raises:
            TidewireError: From the iteration, when the call fails; what arrived is in ``partial``.
        """
        bound = self._bound(parameters)
        return Stream(bound._begin(input, config, stream=True), pieces_of(bound._pieces_of), bound._output_of)

    def aevents(self, input: In, config: RunnableConfig | None = None, **parameters: Any) -> Stream[Event, Out]:
        """The run's typed events (:mod:`tidewire.events`), from ``start`` to ``end``; otherwise as :meth:`astream`."""
        bound = self._bound(parameters)
        return Stream(bound._begin(input, config, stream=True), generate_events, bound._output_of)

    def astream_events(
        self,
        input: In,
        config: RunnableConfig | None = None,
        *,
        version: str = "v2",
        include_names: Sequence[str] | None = None,
        include_types: Sequence[str] | None = None,
        include_tags: Sequence[str] | None = None,
        exclude_names: Sequence[str] | None = None,
        exclude_types: Sequence[str] | None = None,
        exclude_tags: Sequence[str] | None = None,
        **parameters: Any,
    ) -> Stream[StreamEvent, Out]:
        """The run as the field's event records: ``on_chat_model_start``, ``…_stream`` for each chunk, ``…_end``.

        Of a chain, also those of everything that runs within it. The typed events are those of :meth:`aevents`. Leaving
        early stops the run, as with :meth:`astream`.

        Args:
            input: As for :meth:`astream`.
            config: As for :meth:`astream`.
            version: "v2"; there is no other.
            include_names: Show only runs of these names, or those that fit another ``include_…``.
            include_types: … of these types: ``chat_model``, ``tool``, ``chain``.
            include_tags: … with one of these tags.
            exclude_names: Show no runs of these names.
            exclude_types: … of these types.
            exclude_tags: … with one of these tags.
            parameters: Parameters for this run only.
        """
        if version != "v2":
            raise ConfigurationError(f"astream_events has no version {version!r}, only 'v2'; typed events: aevents()")
        shown = RecordFilter(
            include_names=include_names,
            include_types=include_types,
            include_tags=include_tags,
            exclude_names=exclude_names,
            exclude_types=exclude_types,
            exclude_tags=exclude_tags,
        )
        return self._bound(parameters)._records(input, config, shown)

    def invoke(self, input: In, config: RunnableConfig | None = None, **parameters: Any) -> Out:
        """:meth:`ainvoke` for sync code. It also works where an event loop is running, which it blocks."""
        return run_blocking(lambda: self.ainvoke(input, config, **parameters))

    def stream(self, input: In, config: RunnableConfig | None = None, **parameters: Any) -> SyncStream[Piece, Out]:
        """:meth:`astream` for sync code. A ``break`` stops the run, ``with`` does so at once.

        ``stream.result()`` reads what is left and gives what :meth:`invoke` would.
        """
        bound = self._bound(parameters)
        work = bound._begin(input, config, stream=True)
        return SyncStream(work, pull(work, bound._pieces_of(work)), lambda: bound._output_of(work))

    # --- many calls ---

    @overload
    async def abatch(
        self,
        inputs: Inputs[In],
        config: Configs = None,
        *,
        return_exceptions: Literal[False] = False,
        **parameters: Any,
    ) -> list[Out]: ...

    @overload
    async def abatch(
        self,
        inputs: Inputs[In],
        config: Configs = None,
        *,
        return_exceptions: bool,
        **parameters: Any,
    ) -> list[Out | Exception]: ...

    async def abatch(
        self,
        inputs: Inputs[In],
        config: Configs = None,
        *,
        return_exceptions: bool = False,
        **parameters: Any,
    ) -> Any:
        """The answers to many inputs, in their order; at most ``max_concurrency`` of them (64 by default) run at once.

        Args:
            inputs: Any iterable or async iterable; it is read as runs begin.
            config: One config for all, or a list with one for each.
            return_exceptions: Errors take the place of results; otherwise the first one stops the rest and is raised.
            parameters: Parameters for these runs only.
        """
        bound = self._bound(parameters)
        return await run_batch(
            bound._whole, inputs, config, own=bound._config_of_all(), return_exceptions=return_exceptions
        )

    @overload
    def abatch_as_completed(
        self,
        inputs: Inputs[In],
        config: Configs = None,
        *,
        return_exceptions: Literal[False] = False,
        **parameters: Any,
    ) -> CompletedBatch[Out]: ...

    @overload
    def abatch_as_completed(
        self,
        inputs: Inputs[In],
        config: Configs = None,
        *,
        return_exceptions: bool,
        **parameters: Any,
    ) -> CompletedBatch[Out | Exception]: ...

    def abatch_as_completed(
        self,
        inputs: Inputs[In],
        config: Configs = None,
        *,
        return_exceptions: bool = False,
        **parameters: Any,
    ) -> Any:
        """The answers to many inputs as ``(index, answer)``, each as soon as it is there. Leaving stops the rest."""
        bound = self._bound(parameters)
        return as_completed(
            bound._whole, inputs, config, own=bound._config_of_all(), return_exceptions=return_exceptions
        )

    @overload
    def batch(
        self,
        inputs: Inputs[In],
        config: Configs = None,
        *,
        return_exceptions: Literal[False] = False,
        **parameters: Any,
    ) -> list[Out]: ...

    @overload
    def batch(
        self,
        inputs: Inputs[In],
        config: Configs = None,
        *,
        return_exceptions: bool,
        **parameters: Any,
    ) -> list[Out | Exception]: ...

    def batch(
        self,
        inputs: Inputs[In],
        config: Configs = None,
        *,
        return_exceptions: bool = False,
        **parameters: Any,
    ) -> Any:
        """:meth:`abatch` for sync code."""
        return run_blocking(lambda: self.abatch(inputs, config, return_exceptions=return_exceptions, **parameters))

    @overload
    def batch_as_completed(
        self,
        inputs: Inputs[In],
        config: Configs = None,
        *,
        return_exceptions: Literal[False] = False,
        **parameters: Any,
    ) -> SyncIterator[tuple[int, Out]]: ...

    @overload
    def batch_as_completed(
        self,
        inputs: Inputs[In],
        config: Configs = None,
        *,
        return_exceptions: bool,
        **parameters: Any,
    ) -> SyncIterator[tuple[int, Out | Exception]]: ...

    def batch_as_completed(
        self,
        inputs: Inputs[In],
        config: Configs = None,
        *,
        return_exceptions: bool = False,
        **parameters: Any,
    ) -> SyncIterator[Any]:
        """:meth:`abatch_as_completed` for sync code. Leaving stops the rest."""
        batch = self.abatch_as_completed(inputs, config, return_exceptions=return_exceptions, **parameters)
        return SyncIterator(pull_items(batch))

    async def _whole(self, input: In, config: RunnableConfig | None) -> Out:
        work = self._begin(input, config, stream=None)
        while await work.read() is not None:
            continue
        return self._output_of(work)


__all__ = ["Runnable"]
