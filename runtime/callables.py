"""What a callable is called, what it says of itself, and whether it is async: functions, partials and instances."""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable
from typing import Any, TypeVar

import anyio
import anyio.to_thread

from tidewire.docstrings import Docs, read_docs
from tidewire.events.errors import ConfigurationError

T = TypeVar("T")


def name_of(function: Callable[..., Any]) -> str:
    """What a function is called; a partial is called as its function, an instance as its class.

    Raises:
        ConfigurationError: It is a lambda.
    """
    inner = unwrapped(function)
    name: str = getattr(inner, "__name__", type(inner).__name__)
    if not name.isidentifier():
        raise ConfigurationError(f"{name} is no name that a model could call a tool by; give it one: tool('name', …)")
    return name


def docs_of(function: Callable[..., Any]) -> Docs:
    """What a function's docstring says; an instance speaks by the one of its ``__call__``, or else of its class."""
    inner = unwrapped(function)
    if inspect.isroutine(inner):
        return read_docs(inner.__doc__)
    kind: Any = type(inner)
    return read_docs(kind.__call__.__doc__ or kind.__doc__)


def annotated_part(function: Callable[..., Any]) -> object:
    """The part of a callable that has its annotations."""
    inner: Any = unwrapped(function)
    return inner if inspect.isroutine(inner) else type(inner).__call__


def is_async(function: Callable[..., Any]) -> bool:
    """Whether calling it gives a coroutine."""
    return inspect.iscoroutinefunction(unwrapped(function)) or inspect.iscoroutinefunction(annotated_part(function))


def unwrapped(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function that a partial calls."""
    while isinstance(function, functools.partial):
        function = function.func
    return function


async def run_in_thread(work: Callable[[], T]) -> T:
    """What a function gives that runs in a worker thread, in a copy of the caller's context.

    The thread is waited for even when the caller is cancelled.
    """
    # No limit here: whoever starts such work limits it, and one for all would let nested ones wait for ever.
    limiter = anyio.CapacityLimiter(math.inf)
    (result,) = await anyio.to_thread.run_sync(_held, work, limiter=limiter)
    return result


def _held(work: Callable[[], T]) -> tuple[T]:
    """What a function gives, held so that trio does not take a coroutine for a mistake."""
    return (work(),)


__all__ = ["annotated_part", "docs_of", "is_async", "name_of", "run_in_thread", "unwrapped"]
