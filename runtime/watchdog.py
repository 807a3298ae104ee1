"""Time limits of a stream that is read: one timer for the whole call, and nothing to pay for each read.

On asyncio a timer of the loop looks at how long the call has been waiting. When that is too long it aborts the response
or, as long as there is none, cancels the task that opens it. On trio, where a deadline costs little, each wait runs
under one.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

import anyio

from tidewire.adapters.host import runs_on_asyncio
from tidewire.events.errors import TimeoutPhase
from tidewire.policy import Timeout

T = TypeVar("T")


class LimitPassed(Exception):
    """A wait took too long; the watchdog's ``expired`` says which."""


class Watchdog:
    """Watches one call.

    Args:
        timeout: The limits.
    """

    __slots__ = ("_abort", "_due", "_first", "_loop", "_spent", "_timer", "_waiting_since", "expired", "timeout")

    def __init__(self, timeout: Timeout) -> None:
        #: The limits.
        self.timeout = timeout
        self._abort: Callable[[], object] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._due = 0.0
        self._loop: asyncio.AbstractEventLoop | None = asyncio.get_running_loop() if runs_on_asyncio() else None
        self._waiting_since: float | None = None
        self._spent = 0.0
        self._first = True
        #: The phase whose limit was passed, or None.
        self.expired: TimeoutPhase | None = None

    def begin_wait(self) -> None:
        """The caller has begun to wait for the next events."""
        self._waiting_since = time.monotonic()

    def end_wait(self) -> None:
        """The caller has what it waited for; its own time between pulls does not count."""
        if self._waiting_since is not None:
            self._spent += time.monotonic() - self._waiting_since
            self._waiting_since = None
            self._first = False

    def begin_attempt(self) -> None:
        """A new request: its first event has its own limit."""
        now = time.monotonic()
        if self._waiting_since is not None:
            self._spent += now - self._waiting_since
        self._waiting_since = now
        self._first = True

    def restart(self, timeout: Timeout) -> None:
        """Another model takes over, with limits of its own, while the caller waits."""
        self.stop()
        self.timeout = timeout
        self._spent = 0.0
        self._waiting_since = time.monotonic()
        self._first = True

    @property
    def remaining_s(self) -> float | None:
        """Seconds left of the total, or None without one."""
        if self.timeout.total is None:
            return None
        waiting = 0.0 if self._waiting_since is None else time.monotonic() - self._waiting_since
        return self.timeout.total - self._spent - waiting

    async def guard(self, work: Awaitable[T], abort: Callable[[], None] | None) -> T:
        """Await ``work`` (opening a response when ``abort`` is None, else reading it) within the limits.

        Raises:
            LimitPassed: A limit was passed while opening; ``expired`` says which. A read that is aborted raises what
                the transport raises.
        """
        if self._loop is not None:
            if abort is None:
                return await self._cancelled_in_time(work, self._loop)
            self._abort = abort
            self._arm()
            return await work
        limit, phase = self._limit()
        if limit is None:
            return await work
        with anyio.move_on_after(limit - self._waited()):
            return await work
        self.expired = phase
        raise LimitPassed

    async def _cancelled_in_time(self, work: Awaitable[T], loop: asyncio.AbstractEventLoop) -> T:
        """What ``asyncio.timeout`` does, with the timer that the reads use."""
        task = asyncio.current_task(loop)
        assert task is not None, "requests are opened within a task"
        cancelled_before = task.cancelling()
        self._abort = task.cancel
        self._arm()
        try:
            return await work
        except asyncio.CancelledError as cancelled:
            if self.expired is None or task.cancelling() - 1 > cancelled_before:
                raise  # somebody else wants this task to end
            raise LimitPassed from cancelled
        finally:
            self._abort = None
            if self.expired is not None:
                task.uncancel()

    async def within_total(self, work: Awaitable[T]) -> T:
        """Await ``work`` that is no part of an attempt, such as a turn, within the total time alone.

        Raises:
            LimitPassed: The total time is over; ``expired`` says so.
        """
        remaining = self.remaining_s
        if remaining is None:
            return await work
        with anyio.move_on_after(remaining):
            return await work
        self.expired = "total"
        raise LimitPassed

    def stop(self) -> None:
        """The call is over."""
        self._abort = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _waited(self) -> float:
        return 0.0 if self._waiting_since is None else time.monotonic() - self._waiting_since

    def _limit(self) -> tuple[float | None, TimeoutPhase]:
        """How long the present wait may take, and the name of that limit."""
        phase: TimeoutPhase = "first_event" if self._first else "between_events"
        limit = self.timeout.for_phase(phase)
        if self.timeout.total is not None:
            left = self.timeout.total - self._spent
            if limit is None or left < limit:
                return left, "total"
        return limit, phase

    def _arm(self) -> None:
        """See that the timer fires by the end of the present wait; one that fires before looks again."""
        limit, _ = self._limit()
        if limit is None or self._loop is None or self._waiting_since is None:
            return
        due = self._waiting_since + limit
        if self._timer is not None:
            if self._due <= due:
                return
            self._timer.cancel()
        self._due = due
        self._timer = self._loop.call_later(max(0.0, due - time.monotonic()), self._check)

    def _check(self) -> None:
        self._timer = None
        limit, phase = self._limit()
        if limit is None or self._waiting_since is None or self._abort is None:
            return  # the next wait arms it again
        if self._waited() >= limit - 1e-4:
            self.expired = phase
            self._abort()
        else:
            self._arm()


__all__ = ["LimitPassed", "Watchdog"]
