"""Chains: functions of the user's own as runs, with the methods that models have."""

from __future__ import annotations

import copy
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from typing import Any, Concatenate, Self, TypeVar, cast, overload

from tidewire.blocking import run_blocking
from tidewire.callables import is_async, unwrapped
from tidewire.chain_run import ChainRun, call_of, kind_of
from tidewire.config import RunnableConfig, check_config, inherited_config, merge_configs
from tidewire.events.blocks import JSON
from tidewire.events.errors import ConfigurationError
from tidewire.events.stream_events import RecordFilter, StreamEvent
from tidewire.events.types import Event, Piece, Run
from tidewire.fan_in import FanIn, RecordsOfRuns, is_recorded
from tidewire.runnable import Runnable
from tidewire.runs import OpenRun
from tidewire.stream import Stream
from tidewire.sync_stream import SyncStream, pull_items
from tidewire.type_hints import Value

In = TypeVar("In")
Out = TypeVar("Out")
P = TypeVar("P")
T = TypeVar("T")


class Chain(Runnable[In, Out, P, ChainRun]):
    """A function that runs as a run of kind "chain"; calls that it makes become runs within it. Made by :func:`chain`.

    It has the methods of a model: what they take first is the function's first argument, and what they take by name are
    its further ones. A parameter ``config`` gets the run's config. A generator function gives its pieces; together they
    are a text if they are texts, a chunk if they are chunks, and otherwise a list. Every other function gives one
    piece, its result. A sync function runs in a worker thread, or, under :meth:`invoke`, in the caller's.

    Attributes:
        name: What its runs are called.
    """

    def __init__(self, function: Callable[..., Value], *, name: str) -> None:
        self.name = name
        self._function = function
        self._config: RunnableConfig = {}
        self._arguments: dict[str, Value] = {}
        self.__wrapped__ = function
        self.__name__ = name
        self.__doc__ = function.__doc__
        self.__module__ = getattr(function, "__module__", type(self).__module__)

    @property
    def __call__(self) -> Callable[..., Value]:
        """The function itself: no run."""
        return self._function

    def bind(self, **arguments: Value) -> Self:
        """A copy that gives the function these further arguments; later ones win."""
        bound = copy.copy(self)
        bound._arguments = {**self._arguments, **arguments}
        return bound

    def with_config(self, config: RunnableConfig | None = None, **more: JSON) -> Self:
        """A copy whose runs start from this config; that of a run adds to it."""
        bound = copy.copy(self)
        bound._config = merge_configs(self._config, merge_configs(check_config(config), check_config(more)))
        return bound

    def invoke(self, input: In, config: RunnableConfig | None = None, **parameters: Any) -> Out:
        """:meth:`ainvoke` for sync code. A sync function runs in the caller's own thread."""
        bound = self._bound(parameters)
        if is_async(self._function) or kind_of(self._function) == "generator":
            return super().invoke(input, config, **parameters)
        return bound._invoke_here(input, config)

    def aevents(self, input: In, config: RunnableConfig | None = None, **parameters: Any) -> Stream[Event, Out]:
        """The typed events of the chain's own run; :func:`tidewire.open_tap` hears those of the runs within it too."""
        return self._bound(parameters)._read_from_outside(input, config, lambda event: (event,))

    def stream(self, input: In, config: RunnableConfig | None = None, **parameters: Any) -> SyncStream[P, Out]:
        """:meth:`astream` for sync code. A ``break`` stops the run, ``with`` does so at once."""
        # From outside, because each pull is a task of its own, and a function may count on running in a single one.
        pieces: Stream[P, Out] = self._bound(parameters)._read_from_outside(input, config, _values)
        return SyncStream(pieces.work, pull_items(pieces), pieces.output)

    def __repr__(self) -> str:
        return f"Chain({self.name})"

    def _bound(self, parameters: dict[str, Any]) -> Self:
        return self.bind(**parameters) if parameters else self

    def _config_of_all(self) -> RunnableConfig:
        return self._config

    def _begin(self, input: In, config: RunnableConfig | None, *, stream: bool | None) -> ChainRun:
        return self._run(input, config, is_streamed=stream is True)

    def _run(
        self, input: In, config: RunnableConfig | None, *, is_streamed: bool, listener: FanIn | None = None
    ) -> ChainRun:
        return ChainRun(
            self._function,
            name=self.name,
            input=input,
            arguments=self._arguments,
            config=merge_configs(self._config, check_config(config)),
            is_streamed=is_streamed,
            last=() if listener is None else (listener.subscription,),
        )

    def _output_of(self, work: ChainRun, /) -> Out:
        return cast("Out", work.output)

    def _pieces_of(self, work: ChainRun, /) -> Callable[[list[Event]], list[P]]:
        return lambda events: [piece for event in events for piece in cast("Iterable[P]", _values(event))]

    def _records(self, input: In, config: RunnableConfig | None, shown: RecordFilter) -> Stream[StreamEvent, Out]:
        listener = FanIn(is_recorded(shown), wants_tokens=True)
        work = self._run(input, config, is_streamed=True, listener=listener)
        records = RecordsOfRuns(work.run, input)
        return Stream(work, lambda work: listener.read(work, records), self._output_of)

    def _read_from_outside(
        self, input: In, config: RunnableConfig | None, make: Callable[[Event], Iterable[T]]
    ) -> Stream[T, Out]:
        """What is made of the events of the chain's own run, which is a task of its own."""

        def is_own(run: Run, event: Event) -> bool:
            return run is work.run

        listener = FanIn(is_own, wants_tokens=False)
        work = self._run(input, config, is_streamed=True, listener=listener)
        return Stream(work, lambda work: listener.read(work, lambda run, event: make(event)), self._output_of)

    def _invoke_here(self, input: In, config: RunnableConfig | None) -> Out:
        merged = merge_configs(self._config, check_config(config))
        call = call_of(self._function, input, self._arguments, merge_configs(inherited_config(), merged))
        with OpenRun(self.name, kind="chain", input=input, config=merged) as run:
            result = call()
            if inspect.isawaitable(result):
                awaitable: Awaitable[Value] = result
                result = run_blocking(lambda: awaitable)
            run.output = result
        return cast("Out", run.output)


def _values(event: Event) -> Iterable[Value]:
    """The piece of the output that an event is."""
    return (event.value,) if isinstance(event, Piece) else ()


@overload
def chain(
    function: Callable[Concatenate[In, ...], AsyncIterator[P]], *, name: str | None = None
) -> Chain[In, Any, P]: ...


@overload
def chain(
    function: Callable[Concatenate[In, ...], Awaitable[Out]], *, name: str | None = None
) -> Chain[In, Out, Out]: ...


@overload
def chain(function: Callable[Concatenate[In, ...], Iterator[P]], *, name: str | None = None) -> Chain[In, Any, P]: ...


@overload
def chain(function: Callable[Concatenate[In, ...], Out], *, name: str | None = None) -> Chain[In, Out, Out]: ...


def chain(function: object, *, name: str | None = None) -> Chain[Value, Value, Value]:
    """Make a function a chain: ``@chain`` above ``async def answer(question): …`` gives it ``ainvoke``, ``astream``, ….

    Args:
        function: An async or sync function, or generator function, of one argument; further ones are given by name.
        name: What its runs are called; the function's own name by default.

    Raises:
        ConfigurationError: It is no function, or takes no argument.
    """
    if not callable(function) or isinstance(function, type):
        raise ConfigurationError(f"a chain is made of a function, not of {function!r}")
    if not _takes_one(function):
        raise ConfigurationError(f"{function!r} takes no argument; a chain's function takes its input first")
    inner = unwrapped(function)
    own_name: str = getattr(inner, "__name__", type(inner).__name__)
    return Chain(function, name=name or own_name)


def _takes_one(function: Callable[..., Value]) -> bool:
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # a builtin without a signature
        return True
    return any(one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD, one.VAR_POSITIONAL) for one in parameters)


__all__ = ["Chain", "chain"]
