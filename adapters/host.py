"""The owner of what belongs to an event loop and to nobody in particular: connection pools, and tasks without a parent.

Each event loop has one host, made on first use. It runs tasks for those who cannot enter a task group (an iterator
that a plain ``async for`` reads, a connection that has to be closed although its caller was cancelled), it keeps the
pools, and it ends with its loop: tasks first, then the pools.

How it learns of the end:

- asyncio: a task of the host's waits for ever; ``asyncio.run`` and its like cancel it. Where a loop is driven by hand
  nobody does, so the host also puts itself before the loop's ``close``.
- trio: the same task as a system task, which trio cancels when the main task has returned.

This file is the only one that starts tasks outside of a task group.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
import os
import sys
import weakref
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Collection, Coroutine
from typing import Any, Generic, TypeVar, TypeVarTuple, cast

from anyio import CancelScope, Event, get_cancelled_exc_class, move_on_after
from anyio.lowlevel import RunVar

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

#: Seconds that the end of a loop waits for tasks that were cancelled, and then for each pool.
GRACE_S = 1.0

_logger = logging.getLogger("tidewire")


class HostClosedError(RuntimeError):
    """The host ended, with its loop or by ``aclose``, before the task did."""


class Handle(Generic[T]):
    """A task of the host. What goes wrong in it stays here until asked for."""

    def __init__(self, host: Host, enclosing: Handle[Any] | None) -> None:
        self._host = host
        self._scope = CancelScope()
        self._ended = Event()
        self._value: T
        self._succeeded = False
        self._error: BaseException | None = None
        #: Called when the task has ended.
        self.on_end: Callable[[], None] | None = None
        #: The task of the host that started this one, while this one runs.
        self.enclosing = enclosing

    @property
    def done(self) -> bool:
        """Whether the task has ended, in whichever way."""
        return self._ended.is_set()

    @property
    def succeeded(self) -> bool:
        """Whether the task has returned."""
        return self._succeeded

    def cancel(self) -> None:
        """Cancel the task as a cancel scope does: again at each await, except behind a shield. Never waits."""
        self._scope.cancel()

    async def wait(self) -> T:
        """Wait for the end, and give what the task returned. Cancelling the caller leaves the task running.

        Raises:
            HostClosedError: The task was cancelled, by ``cancel`` or with the host.
            BaseException: What the task raised.
        """
        await self.ended()
        return self.result()

    async def ended(self) -> None:
        """Wait for the end, whichever it is."""
        await self._ended.wait()

    async def settle(self) -> None:
        """Wait for the end even while being cancelled, however often; the cancellation is raised afterwards."""
        await _wait_through(self._ended)

    async def aclose(self) -> None:
        """Cancel the task and see it ended, even while being cancelled."""
        self.cancel()
        await self.settle()

    def result(self) -> T:
        """What the task returned.

        Raises:
            HostClosedError: It was cancelled, by ``cancel`` or with the host, or has not ended yet.
            BaseException: What the task raised.
        """
        if self._succeeded:
            return self._value
        raise self._error or HostClosedError("cancelled: the tasks and connections of the event loop were closed")

    async def run(self, function: Callable[[*Ts], Awaitable[T]], *args: *Ts) -> None:
        """The task itself."""
        _enclosing.set(self)
        try:
            with self._scope:
                self._value = await function(*args)
                self._succeeded = True
        except get_cancelled_exc_class():
            raise
        # A task that raised into its host would end all the others.
        except BaseException as error:  # noqa: BLE001 - kept for whoever waits for the task, who gets it raised
            self._error = error
        finally:
            self.end()

    def end(self) -> None:
        """The task has ended. May be called twice."""
        self.enclosing = None
        self._host.forget(self)
        self._ended.set()
        if self.on_end is not None:
            self.on_end()


class Host(ABC):
    """The tasks and pools of one event loop."""

    def __init__(self) -> None:
        self.process_id = os.getpid()
        self.closing = False
        self._handles: set[Handle[Any]] = set()
        self._kept: dict[tuple[object, object], tuple[object, Callable[[], Awaitable[None]]]] = {}
        self._ended = Event()

    def start(self, function: Callable[[*Ts], Awaitable[T]], *args: *Ts) -> Handle[T]:
        """Start a task in the caller's context.

        Raises:
            RuntimeError: The loop has ended.
        """
        handle: Handle[T] = Handle(self, _enclosing.get())
        self._spawn(handle.end, handle.run, function, *args)
        self._handles.add(handle)
        return handle

    def keep(self, owner: object, detail: object, make: Callable[[], T], close: Callable[[T], Awaitable[None]]) -> T:
        """What the loop keeps for an owner: made now if it is not there, and closed when the loop ends.

        Args:
            detail: Tells apart what the same owner keeps.
        """
        key = (owner, detail)
        if key not in self._kept:
            made = make()
            self._kept[key] = (made, lambda: close(made))
        # What was put in under a key is what comes out.
        return cast("T", self._kept[key][0])

    async def drop(self, owner: object) -> None:
        """Close what is kept for an owner, to the end even if the caller is cancelled."""
        closers = [self._kept.pop(key)[1] for key in list(self._kept) if key[0] is owner]
        if closers:
            await self.start(_close_all, closers).settle()

    async def aclose(self) -> None:
        """Cancel the tasks, close what is kept, and end. Tasks that the caller itself runs in go on."""
        if not self.closing:
            self.closing = True
            mine: list[Handle[Any]] = []
            handle = _enclosing.get()
            while handle is not None:
                mine.append(handle)
                handle = handle.enclosing
            # In a task of its own, where a cancellation of the caller does not cut it short.
            self._spawn(self._ended.set, self._end, mine)
        await _wait_through(self._ended)

    def forget(self, handle: Handle[Any]) -> None:
        """A task has ended."""
        self._handles.discard(handle)

    async def _end(self, spared: Collection[Handle[Any]] = ()) -> None:
        self.closing = True
        tasks = [handle for handle in self._handles if handle not in spared]
        for handle in tasks:
            handle.cancel()
        with move_on_after(GRACE_S, shield=True):
            for handle in tasks:
                await handle.ended()
        kept, self._kept = self._kept, {}
        await _close_all([close for _, close in reversed(kept.values())])
        self._ended.set()

    async def _watch(self) -> None:
        """The host's own task: waits for the end of the loop."""
        # Looked up now: when the task is collected with its loop, there is no loop to ask.
        cancelled = get_cancelled_exc_class()
        try:
            await self._ended.wait()
        except cancelled:
            with CancelScope(shield=True):
                await (self._ended.wait() if self.closing else self._end())
            raise

    @abstractmethod
    def _spawn(
        self,
        ended: Callable[[], None],
        function: Callable[[*Ts], Coroutine[Any, Any, None]],
        *args: *Ts,
    ) -> None:
        """Start a task in the caller's context; ``ended`` is called at its end even if it never began."""


class _AsyncioHost(Host):
    def __init__(self) -> None:
        super().__init__()
        self._loop = asyncio.get_running_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        # The loop's own `close` holds the host. Nothing else does: a task that merely waits may be collected.
        self._close_loop = self._loop.close
        vars(self._loop)["close"] = self._end_before_loop
        # Not in the caller's context, which would live as long as the loop.
        contextvars.Context().run(self._spawn, self._uninstall, self._watch)

    def _spawn(
        self,
        ended: Callable[[], None],
        function: Callable[[*Ts], Coroutine[Any, Any, None]],
        *args: *Ts,
    ) -> None:
        if self._loop.is_closed():
            raise RuntimeError("the event loop is closed")
        task = self._loop.create_task(function(*args))
        # Python tells of a loop that is dropped unclosed; it need not tell of each of our tasks as well.
        setattr(task, "_log_destroy_pending", False)  # noqa: B010 - asyncio's own switch has no public name
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        # A task that is cancelled before its first step ends without having begun.
        task.add_done_callback(lambda _: ended())

    def _uninstall(self) -> None:
        if vars(self._loop).get("close") == self._end_before_loop:
            del vars(self._loop)["close"]

    def _end_before_loop(self) -> None:
        """``close`` of a loop driven by hand: runs it until tasks and pools are closed, then closes it."""
        try:
            if self._can_run_loop() and not self._ended.is_set():
                self._loop.run_until_complete(self.aclose())
        finally:
            self._close_loop()

    def _can_run_loop(self) -> bool:
        if self._loop.is_closed() or self._loop.is_running():
            return False
        # Nor can it where the sockets are the parent's, or when the interpreter goes down with a loop nobody closed.
        if self.process_id != os.getpid() or sys.is_finalizing():
            return False
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return True
        return False


class _TrioHost(Host):
    def __init__(self) -> None:
        super().__init__()
        contextvars.Context().run(self._spawn, _nothing, self._watch)

    def _spawn(
        self,
        ended: Callable[[], None],
        function: Callable[[*Ts], Coroutine[Any, Any, None]],
        *args: *Ts,
    ) -> None:
        import trio

        async def task() -> None:
            try:
                await function(*args)
            finally:
                ended()

        trio.lowlevel.spawn_system_task(task, context=contextvars.copy_context())


def _nothing() -> None:
    pass


async def _wait_through(event: Event) -> None:
    """Wait even while being cancelled, however often; the cancellation is raised afterwards.

    A shield alone does not do this: on asyncio ``task.cancel()`` reaches through it.
    """
    cancelled: BaseException | None = None
    while not event.is_set():
        try:
            with CancelScope(shield=True):
                await event.wait()
        except get_cancelled_exc_class() as error:
            cancelled = error
    if cancelled is not None:
        raise cancelled


async def _close_all(closers: list[Callable[[], Awaitable[None]]]) -> None:
    for close in closers:
        with move_on_after(GRACE_S, shield=True):
            try:
                await close()
            # One pool that cannot be closed must not keep the others open, and nobody waits for the reason.
            except Exception:
                _logger.exception("connections could not be closed")


# The host's task that the current code runs in: it must not be waited for when the code in it closes the host.
_enclosing: contextvars.ContextVar[Handle[Any] | None] = contextvars.ContextVar("tidewire.host.enclosing", default=None)

# Weak, because what is stored for a loop and refers to it would keep it for ever. anyio's way to keep something for a
# loop costs twenty calls; each request asks, so asyncio has a table of its own.
_of_trio: RunVar[weakref.ref[Host]] = RunVar("tidewire.host")
_of_asyncio: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, weakref.ref[Host]] = weakref.WeakKeyDictionary()

_hosts: weakref.WeakSet[Host] = weakref.WeakSet()

# After a fork: the parent's hosts with all they hold. They are neither used nor closed nor collected here, since each
# of these would be felt by the parent at the other end of the same sockets.
_inherited: list[Host] = []


def _leave_to_parent() -> None:
    _inherited.extend(_hosts)
    _hosts.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_leave_to_parent)


def runs_on_asyncio() -> bool:
    """Whether the caller runs in a task of asyncio (or uvloop), not of trio."""
    # Not whether a loop of asyncio's runs: so it does, too, where trio is its guest.
    try:
        return asyncio.current_task() is not None
    except RuntimeError:
        return False


def current_host() -> Host:
    """The host of the running event loop."""
    host = _known_host()
    if host is None or host.closing or host.process_id != os.getpid():
        if runs_on_asyncio():
            host = _AsyncioHost()
            _of_asyncio[asyncio.get_running_loop()] = weakref.ref(host)
        else:
            host = _TrioHost()
            _of_trio.set(weakref.ref(host))
        _hosts.add(host)
    return host


def _known_host() -> Host | None:
    reference = _of_asyncio.get(asyncio.get_running_loop()) if runs_on_asyncio() else _of_trio.get(None)
    return None if reference is None else reference()


async def start_hosted(function: Callable[[*Ts], Awaitable[T]], *args: *Ts) -> Handle[T]:
    """Start a task that belongs to the running event loop, in the caller's context. See :class:`Handle`."""
    return current_host().start(function, *args)


async def aclose_all() -> None:
    """Close the connections of the running event loop, cancel the tasks of its host and end it.

    Not needed where the loop is run by ``asyncio.run``, ``anyio.run`` or ``trio.run``, which do it at their end.
    """
    host = _known_host()
    if host is not None and host.process_id == os.getpid():
        await host.aclose()


__all__ = [
    "GRACE_S",
    "Handle",
    "Host",
    "HostClosedError",
    "aclose_all",
    "current_host",
    "runs_on_asyncio",
    "start_hosted",
]
