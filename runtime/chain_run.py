"""One run of a chain, read by read: the function runs in the task that reads, with the run around it.

The run is around each step of the function, and never around what its reader does between them: a context variable that
were set over a ``yield`` would be seen by the consumer.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from typing import Any, cast

import anyio

from tidewire.callables import is_async, run_in_thread, unwrapped
from tidewire.config import RunnableConfig, check_config, inherited_config, merge_configs
from tidewire.events.bus import Subscription
from tidewire.events.chunks import AIMessageChunk
from tidewire.events.messages import AIMessage
from tidewire.events.types import End, Event, Outcome, Piece, Start
from tidewire.runs import left_early, open_bus, outcome_of, within
from tidewire.type_hints import Value

# What the end of a generator gives in place of a piece.
_OVER = object()


class ChainRun:
    """A run of a function.

    Args:
        function: An async or sync function, or a generator function of either kind.
        name: What the run is called, unless the config has a ``run_name``.
        input: The function's first argument.
        arguments: Its further arguments, by name.
        config: The run's config.
        is_streamed: Somebody reads it piece by piece.
        last: Who hears it after everybody else.

    Raises:
        ConfigurationError: The config is wrong.
        RecursionLimitError: Runs are nested too deeply.
    """

    def __init__(
        self,
        function: Callable[..., Value],
        *,
        name: str,
        input: Value,
        arguments: Mapping[str, Value],
        config: RunnableConfig | None,
        is_streamed: bool,
        last: Sequence[Subscription] = (),
    ) -> None:
        self._config = merge_configs(inherited_config(), check_config(config))
        self.bus = open_bus(name, kind="chain", config=self._config, is_streamed=is_streamed, last=last)
        self.run = self.bus.run
        self._input = input
        self._call = call_of(function, input, arguments, self._config)
        self._is_streamed = is_streamed
        self._kind = kind_of(function)
        self._steps: AsyncIterator[Value] | Iterator[Value] | None = None
        self._pieces: list[Value] = []
        #: What ended it early, once it is over; each further read raises it.
        self.error: Exception | None = None
        self._started = False
        self._over = False
        #: What the function gave, once the run is over.
        self.output: Value = None

    @property
    def over(self) -> bool:
        """True once ``end`` was published, or when the run never began."""
        return self._over or not self._started

    async def read(self) -> list[Event] | None:
        """The events of the next step, published and heard by everybody else; None after the last ones.

        Raises:
            Exception: What the function raised; the events before were returned by earlier reads.
        """
        if self._over:
            if self.error is not None:
                raise self.error
            return None
        published: list[Event] = []
        try:
            if self._started:
                await self._step(published)
            else:
                self._started = True
                self.bus.publish_all((Start(self._input),), published)
            await self.bus.flush()
            if self.bus.failure is not None:
                if not self._over:
                    raise self.bus.failure
                self.error = self.bus.failure  # of a subscriber of the end
        except BaseException as error:  # noqa: BLE001 - every way out of a run publishes its end
            await self._fail(error, published)
        return published

    async def abandon(self) -> None:
        """The consumer leaves: close the function's generator and end the run. Safe to call twice."""
        if not self._started:
            self._never_begin()
        if self._over:
            return
        try:
            await self._close()
        finally:
            self._end("abandoned", None, [])
            await self.bus.flush()

    def abandon_nowait(self) -> None:
        """As :meth:`abandon`, where nothing can be awaited any more: the generator is left to its collection."""
        if not self._started:
            self._never_begin()
        if not self._over:
            self._end("abandoned", None, [])
            self.bus.close()

    def _never_begin(self) -> None:
        """Closed before the first read: the function is not called any more."""
        self._started = self._over = True
        self.error = left_early(self.run, None)

    async def _step(self, published: list[Event]) -> None:
        """Run the function, or its generator up to the next piece."""
        with within(self.bus, self._config):
            if self._kind == "function":
                result = await self._call() if is_async(self._call) else await run_in_thread(self._call)
                if inspect.isawaitable(result):
                    result = await result
                self.output = result
                piece = result if self._is_streamed else _OVER
            else:
                piece = await self._next()
        if piece is not _OVER:
            self.bus.publish_all((Piece(piece),), published)
        if self._kind == "function":
            self._end("ok", None, published)
        elif piece is _OVER:
            self.output = whole_of(self._pieces)
            self._end("ok", None, published)
        else:
            self._pieces.append(piece)

    async def _next(self) -> Value:
        if self._steps is None:
            self._steps = cast("AsyncIterator[Value] | Iterator[Value]", self._call())
        if isinstance(self._steps, AsyncIterator):
            return await anext(self._steps, _OVER)
        return await run_in_thread(functools.partial(next, self._steps, _OVER))

    async def _close(self) -> None:
        """Close the function's generator, so that what it opened is closed within its run."""
        steps = self._steps
        if steps is None:
            return
        with within(self.bus, self._config):
            if inspect.isasyncgen(steps):
                await steps.aclose()
            elif inspect.isgenerator(steps):
                with anyio.CancelScope(shield=True):  # else nothing is begun where the run was cancelled
                    await run_in_thread(steps.close)

    async def _fail(self, error: BaseException, published: list[Event]) -> None:
        """End the run because of ``error``; raise it now, or by the next read if events are to be returned first."""
        outcome = outcome_of(error)
        if outcome == "abandoned":
            self.abandon_nowait()
            raise error
        try:
            await self._close()
        finally:
            self._end(outcome, error, published)
            await self.bus.flush()
        if not isinstance(error, Exception):
            raise error  # an Exception is raised by the next read

    def _end(self, outcome: Outcome, error: BaseException | None, published: list[Event]) -> None:
        self._over = True
        shown = error if isinstance(error, Exception) else None
        if outcome != "ok":
            self.error = shown or left_early(self.run, outcome, self._message())
        output = self.output if outcome == "ok" else None
        self.bus.publish_all((End(outcome, output, error=shown),), published)

    def _message(self) -> AIMessage | None:
        """What arrived, where that is a message or its text."""
        whole = whole_of(self._pieces)
        if isinstance(whole, AIMessageChunk):
            return whole.to_message()
        return AIMessage(whole) if isinstance(whole, str) else None


def kind_of(function: Callable[..., Value]) -> str:
    """``generator`` for a generator function, async or not, and ``function`` for every other."""
    inner = unwrapped(function)
    called: object = getattr(inner, "__call__", None)  # noqa: B004 - the method itself, of a callable object
    is_generator = any(inspect.isasyncgenfunction(one) or inspect.isgeneratorfunction(one) for one in (inner, called))
    return "generator" if is_generator else "function"


def call_of(
    function: Callable[..., Value], input: Value, arguments: Mapping[str, Value], config: RunnableConfig
) -> functools.partial[Value]:
    """The call of a function; a parameter ``config`` gets the run's config, to hand on to runs within it."""
    if "config" not in arguments and _takes_config(function):
        handed_on: dict[str, Any] = {key: value for key, value in config.items() if key not in ("run_id", "run_name")}
        arguments = {**arguments, "config": handed_on}
    return functools.partial(function, input, **arguments)


def _takes_config(function: Callable[..., Value]) -> bool:
    try:
        return "config" in inspect.signature(function).parameters
    except (TypeError, ValueError):  # a builtin without a signature
        return False


def whole_of(pieces: Sequence[Value]) -> Value:
    """What the pieces of a generator are together: texts joined, chunks of messages added, all others as a list."""
    if pieces and all(isinstance(piece, str) for piece in pieces):
        return "".join(pieces)
    if pieces and all(isinstance(piece, AIMessageChunk) for piece in pieces):
        first, *rest = cast("Sequence[AIMessageChunk]", pieces)
        return sum(rest, first)
    return list(pieces)


__all__ = ["ChainRun", "call_of", "kind_of", "whole_of"]
