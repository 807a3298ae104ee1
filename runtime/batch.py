"""Many calls at once: a few workers take inputs from one iterator, so that only as many calls (and tasks) exist as
may run.

Inputs are read lazily, from any iterable or async iterable. The first error stops the rest and is raised as itself,
unless errors are wanted as results.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable, Sequence
from types import TracebackType
from typing import Any, Generic, Self, TypeAlias, TypeVar, cast

import anyio

from tidewire.adapters.host import start_hosted
from tidewire.config import DEFAULT_CONCURRENCY, NOTHING, RunnableConfig, check_config, inherited_config, merge_configs
from tidewire.events.errors import ConfigurationError

In = TypeVar("In")
Out = TypeVar("Out")

#: What a batch takes: inputs, known or still to come.
Inputs: TypeAlias = "Iterable[In] | AsyncIterable[In]"
#: One config for all calls, or one for each.
Configs: TypeAlias = "RunnableConfig | Sequence[RunnableConfig] | None"

_Result = tuple[int, Out]


class _Source(Generic[In]):
    """Hands out numbered inputs to several workers, one at a time."""

    def __init__(self, inputs: Inputs[In]) -> None:
        if isinstance(inputs, (str, bytes)):
            raise ConfigurationError("a batch takes a list of inputs, not a single text; write batch([text])")
        if isinstance(inputs, AsyncIterable):
            self._async: AsyncIterator[In] | None = aiter(inputs)
            self._sync = iter(cast("Iterable[In]", ()))
        elif hasattr(inputs, "__iter__"):
            self._async = None
            self._sync = iter(inputs)
        else:
            raise ConfigurationError(f"a batch takes an iterable of inputs, not {type(inputs).__name__}")
        # Made on first use: a lock belongs to the kind of loop it is made under, and sync callers may be in another.
        self._lock: anyio.Lock | None = None
        self._count = 0

    async def take(self) -> tuple[int, In] | None:
        """The next input with its place, or None after the last one."""
        if self._lock is None:
            self._lock = anyio.Lock()
        async with self._lock:
            try:
                item = next(self._sync) if self._async is None else await anext(self._async)
            except (StopIteration, StopAsyncIteration):
                return None
            place = self._count
            self._count += 1
            return place, item


class _Batch(Generic[In, Out]):
    """The work of a batch: what to call, for which inputs, and how many at once."""

    def __init__(
        self,
        call: Callable[[In, RunnableConfig], Awaitable[Out]],
        inputs: Inputs[In],
        config: Configs,
        *,
        own: RunnableConfig,
        return_exceptions: bool,
    ) -> None:
        self._call = call
        self._configs = _configs(config, inputs)
        self._source = _Source(inputs)
        self._return_exceptions = return_exceptions
        # For a report: how many there are is known of a list, not of what is still to come.
        self._of = f" of {len(inputs)}" if isinstance(inputs, Sequence) else ""
        first = self._configs[0] if isinstance(self._configs, list) and self._configs else self._configs
        around = merge_configs(inherited_config(), own)
        limit = merge_configs(around, cast("RunnableConfig", first or {})).get("max_concurrency")
        self.concurrency = DEFAULT_CONCURRENCY if limit is None else limit

    async def run(self, deliver: Callable[[_Result[Out]], Awaitable[None]]) -> None:
        """Make all calls; ``deliver`` gets each result as it is there. Returns when all are done."""
        async with anyio.create_task_group() as group:
            running = 0

            async def work(first: tuple[int, In]) -> None:
                nonlocal running
                item: tuple[int, In] | None = first
                while item is not None:
                    await deliver(await self._one(*item))
                    item = await self._source.take()
                running -= 1

            while running < self.concurrency:
                item = await self._source.take()
                if item is None:
                    break
                running += 1
                group.start_soon(work, item)

    async def _one(self, place: int, item: In) -> _Result[Out]:
        config = self._configs[place] if isinstance(self._configs, list) else self._configs
        try:
            return place, await self._call(item, config)
        except Exception as error:
            if not self._return_exceptions:
                error.add_note(f"input {place + 1}{self._of}")
                raise
            return place, cast("Out", error)  # the caller asked for errors as results, so Out includes them


async def run_batch(
    call: Callable[[In, RunnableConfig], Awaitable[Out]],
    inputs: Inputs[In],
    config: Configs,
    *,
    own: RunnableConfig = NOTHING,
    return_exceptions: bool = False,
) -> list[Out]:
    """All results, in the order of the inputs. ``own`` is the config that each call starts from by itself."""
    results: dict[int, Out] = {}

    async def keep(result: _Result[Out]) -> None:
        results[result[0]] = result[1]

    try:
        await _Batch(call, inputs, config, own=own, return_exceptions=return_exceptions).run(keep)
    except BaseExceptionGroup as group:
        raise _first_error(group) from None
    return [results[place] for place in range(len(results))]


class CompletedBatch(Generic[Out]):
    """The results of a batch as ``(index, result)``, each as soon as it is there.

    Read it with ``async for``; ``async with`` around it, or ``aclose()``, stops the rest at once. A ``break`` does so
    as soon as nothing refers to the iterator any more. Calls wait while as many results as may run at once are
    unread.
    """

    def __init__(self, batch: _Batch[Any, Out]) -> None:
        self._batch = batch
        self._generator: AsyncGenerator[_Result[Out]] | None = None

    def __aiter__(self) -> AsyncIterator[_Result[Out]]:
        return self._started()

    async def __anext__(self) -> _Result[Out]:
        return await self._started().__anext__()

    async def aclose(self) -> None:
        """Stop the calls that run; those that have not started never start."""
        if self._generator is not None:
            await self._generator.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    def _started(self) -> AsyncGenerator[_Result[Out]]:
        if self._generator is None:
            self._generator = _results(self._batch)
        return self._generator


async def _results(batch: _Batch[Any, Out]) -> AsyncGenerator[_Result[Out]]:
    """The results. No method of what hands it out: a task that kept that alive would not be stopped by a break."""
    # The calls run in the host's task group, because a generator must not yield inside a task group of its own.
    sender, receiver = anyio.create_memory_object_stream[_Result[Out]](batch.concurrency)

    async def work() -> None:
        async with sender:
            await batch.run(sender.send)

    hosted = await start_hosted(work)
    try:
        async for result in receiver:
            yield result
        try:
            await hosted.wait()
        except BaseExceptionGroup as group:
            raise _first_error(group) from None
    finally:
        receiver.close()
        await hosted.aclose()


def as_completed(
    call: Callable[[In, RunnableConfig], Awaitable[Out]],
    inputs: Inputs[In],
    config: Configs,
    *,
    own: RunnableConfig = NOTHING,
    return_exceptions: bool = False,
) -> CompletedBatch[Out]:
    """The results as they come; nothing starts before the first one is asked for. ``own`` as for :func:`run_batch`."""
    return CompletedBatch(_Batch(call, inputs, config, own=own, return_exceptions=return_exceptions))


def _configs(config: Configs, inputs: object) -> RunnableConfig | list[RunnableConfig]:
    if config is None or isinstance(config, dict):
        return check_config(config)
    configs = [check_config(one) for one in config]
    if not isinstance(inputs, Sequence) or len(configs) != len(cast("Sequence[object]", inputs)):
        raise ConfigurationError(
            f"config is a list of {len(configs)}; give one config for all inputs, or a list of inputs of that length"
        )
    return configs


def _first_error(error: BaseException) -> BaseException:
    """The error itself, out of the groups that task groups wrap around it."""
    match error:
        case BaseExceptionGroup(exceptions=(BaseException() as first, *_)):
            return _first_error(first)
        case _:
            return error


__all__ = ["CompletedBatch", "Configs", "Inputs", "as_completed", "run_batch"]
