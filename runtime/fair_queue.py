"""A queue of waiters who are let in one after the other, in order, whichever loop or thread they wait on.

Only the first one looks at the clock; the others sleep until it is their turn to be first. So a thousand waiters cost a
thousand wake-ups and no polling, nobody overtakes, and one who gives up leaves no gap.
"""

from __future__ import annotations

import math
import threading
from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Callable
from itertools import takewhile
from typing import Generic, TypeVar

import anyio
import anyio.lowlevel

Want = TypeVar("Want")


class Gate(Generic[Want]):
    """Lets waiters in, in order.

    Args:
        admit: Asked with what the first waiter wants: takes it and gives 0, or gives the seconds until it is worth
            asking again. Called under ``lock``.
    """

    def __init__(self, admit: Callable[[Want], float]) -> None:
        self._admit = admit
        # By themselves, in order: thousands may leave from the middle at once, when they are cancelled.
        self._waiters: OrderedDict[_Waiter, Want] = OrderedDict()
        #: Held while the state that ``admit`` reads is changed.
        self.lock = threading.Lock()

    @property
    def waiting(self) -> int:
        """How many wait."""
        return len(self._waiters)

    def try_enter(self, want: Want) -> bool:
        """Enter if nobody waits and there is room."""
        with self.lock:
            return not self._waiters and self._admit(want) <= 0

    async def enter(self, want: Want, *, place: float = math.inf) -> None:
        """Wait for one's turn. Cancelled waiters leave the queue, and take nothing.

        Args:
            want: What is wanted.
            place: Those with a higher one stand behind; without one, a waiter stands behind all others.
        """
        waiter = _AsyncWaiter(place)
        if self._join(waiter, want):
            return
        try:
            while (wait := self._ask(waiter)) > 0:
                await waiter.sleep(wait)
        except BaseException:
            self._leave(waiter)
            raise

    def enter_blocking(self, want: Want) -> None:
        """:meth:`enter` for a thread without an event loop."""
        waiter = _ThreadWaiter()
        if self._join(waiter, want):
            return
        try:
            while (wait := self._ask(waiter)) > 0:
                waiter.sleep(wait)
        except BaseException:
            self._leave(waiter)
            raise

    def look_again(self) -> None:
        """What ``admit`` reads has changed: the first waiter asks anew."""
        self._wake_first()

    def _wake_first(self) -> None:
        """Wake the first waiter; one whose event loop has ended is gone, and makes room for the next."""
        while True:
            with self.lock:
                first = next(iter(self._waiters), None)
            if first is None or first.wake():
                return
            with self.lock:
                self._waiters.pop(first, None)

    def _join(self, waiter: _Waiter, want: Want) -> bool:
        """True when the waiter could enter at once."""
        with self.lock:
            if not self._waiters and self._admit(want) <= 0:
                return True
            behind = [*takewhile(lambda other: other.place > waiter.place, reversed(self._waiters))]
            self._waiters[waiter] = want
            for other in reversed(behind):
                self._waiters.move_to_end(other)
            return False

    def _ask(self, waiter: _Waiter) -> float:
        """Seconds until the waiter should ask again; 0 when it is in."""
        with self.lock:
            first, want = next(iter(self._waiters.items()))
            if first is not waiter:
                return float("inf")
            wait = self._admit(want)
            if wait > 0:
                return wait
            del self._waiters[waiter]
        self._wake_first()
        return 0.0

    def _leave(self, waiter: _Waiter) -> None:
        with self.lock:
            if waiter not in self._waiters:
                return
            was_first = next(iter(self._waiters)) is waiter
            del self._waiters[waiter]
        if was_first:
            self._wake_first()


class _Waiter(ABC):
    """Somebody in the queue."""

    def __init__(self, place: float = math.inf) -> None:
        self.place = place

    @abstractmethod
    def wake(self) -> bool:
        """End its sleep, from any thread; False when it cannot be woken any more."""


class _AsyncWaiter(_Waiter):
    def __init__(self, place: float) -> None:
        super().__init__(place)
        self._token = anyio.lowlevel.current_token()
        self._event = anyio.Event()

    async def sleep(self, seconds: float) -> None:
        with anyio.move_on_after(seconds):
            await self._event.wait()
        self._event = anyio.Event()

    def wake(self) -> bool:
        native = self._token.native_token
        schedule = getattr(native, "call_soon_threadsafe", None) or getattr(native, "run_sync_soon", None)
        assert schedule is not None, "an event loop that is neither asyncio's nor trio's"
        try:
            schedule(self._set)
        except RuntimeError:
            return False  # its loop has ended, and the waiter with it
        return True

    def _set(self) -> None:
        self._event.set()


class _ThreadWaiter(_Waiter):
    def __init__(self) -> None:
        super().__init__()
        self._event = threading.Event()

    def sleep(self, seconds: float) -> None:
        self._event.wait(None if seconds == float("inf") else seconds)
        self._event.clear()

    def wake(self) -> bool:
        self._event.set()
        return True


__all__ = ["Gate"]
