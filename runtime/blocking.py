"""The sync face: runs a coroutine to its end on an event loop in a thread of its own, and gives the result.

One daemon thread, started on first use, stopped at exit, new after a fork. Code that such a loop calls (a sync
callback or tool that calls a model) goes to a second thread, and so on, so that a loop never waits for itself. In a
worker thread of a running anyio loop the coroutine goes back to that loop, so that its events reach the run around
it.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import os
import sys
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from contextvars import ContextVar, copy_context
from typing import TypeVar

import anyio.from_thread

from tidewire.adapters.host import aclose_all

T = TypeVar("T")

_STOP_S = 2.0


class _LoopThread:
    """An event loop in a daemon thread."""

    def __init__(self, name: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._serve, name=name, daemon=True)
        self._thread.start()

    def run(self, work: Callable[[], Awaitable[T]], depth: int) -> T:
        """Run ``work`` on the loop in a copy of the caller's context, and wait for it."""
        context = copy_context()
        context.run(_depth.set, depth + 1)
        sniffio = sys.modules.get("sniffio")
        if sniffio is not None:  # a caller on trio has left its own answer to "which loop?" in the context
            context.run(sniffio.current_async_library_cvar.set, "asyncio")
        future: Future[T] = Future()
        tasks: list[asyncio.Task[None]] = []

        async def carry() -> None:
            try:
                future.set_result(await work())
            except BaseException as error:
                future.set_exception(error)
                if isinstance(error, asyncio.CancelledError):
                    raise

        def start() -> None:
            tasks.append(self._loop.create_task(carry(), context=context))

        self._loop.call_soon_threadsafe(start)
        try:
            return future.result()
        except BaseException:
            if not future.done():  # Ctrl-C: stop the work, and see it stopped, before the exception goes on
                self._loop.call_soon_threadsafe(lambda: [task.cancel() for task in tasks])
                with contextlib.suppress(BaseException):
                    future.result(_STOP_S)
            raise

    def stop(self) -> None:
        """Close what the loop holds and end the thread."""
        if not self._thread.is_alive():
            return
        self._loop.call_soon_threadsafe(self._loop.create_task, self._finish())
        self._thread.join(_STOP_S)

    async def _finish(self) -> None:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        try:
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)
            await aclose_all()
        finally:
            self._loop.stop()

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_forever()
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        finally:
            self._loop.close()


_depth: ContextVar[int] = ContextVar("tidewire_loop_thread_depth", default=0)
_threads: list[_LoopThread] = []
_lock = threading.Lock()
_stopped = False


def run_blocking(work: Callable[[], Awaitable[T]]) -> T:
    """The result of ``work()``, which runs on another thread's event loop while this thread waits."""
    if _in_worker_thread():
        return anyio.from_thread.run(_awaited, work)
    depth = _depth.get()
    with _lock:
        if _stopped:
            raise RuntimeError("the interpreter is exiting; no call can be made any more")
        while len(_threads) <= depth:
            _threads.append(_LoopThread(f"tidewire-{len(_threads)}"))
        thread = _threads[depth]
    return thread.run(work, depth)


async def _awaited(work: Callable[[], Awaitable[T]]) -> T:
    return await work()


def _in_worker_thread() -> bool:
    try:
        anyio.from_thread.check_cancelled()
    except RuntimeError:
        return False  # anyio's word for "no worker thread of mine"
    return True


def is_stopped() -> bool:
    """True once the interpreter exits: the loops are closed, and nothing can be run on them."""
    return _stopped


def _stop() -> None:
    global _stopped
    with _lock:
        _stopped = True
        threads, _threads[:] = list(_threads), []
    for thread in threads:
        thread.stop()


def _forget() -> None:
    """In a forked child the threads do not exist any more."""
    global _lock
    _lock = threading.Lock()
    _threads.clear()


atexit.register(_stop)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)

__all__ = ["is_stopped", "run_blocking"]
