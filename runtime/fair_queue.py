"""A queue of waiters who are let in one after the other, in order, whichever loop or thread they wait on.

Only the first one looks at the clock; the others sleep until it is their turn to be first. So a thousand waiters cost a
thousand wake-ups and no polling, nobody overtakes, and one who gives up leaves no gap.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable

import anyio
import anyio.lowlevel


class Gate:
    """Lets waiters in, in order.

    Args:
        admit: Asked with the number of units that the first waiter wants: takes them and gives 0, or gives the seconds
            until it is worth asking again. Called under ``lock``.
    """

    def __init__(self, admit: Callable[[float], float]) -> None:
        self._admit = admit
        self._waiters: deque[_Waiter] = deque()
        #: Held while the state that ``admit`` reads is changed.
        self.lock = threading.Lock()

    @property
    def waiting(self) -> float:
        """The units that those who wait want, all together."""
        with self.lock:
            return sum(waiter.units for waiter in self._waiters)

    def try_enter(self, units: float = 1.0) -> bool:
        """Enter if nobody waits and there is room."""
        with self.lock:
            return not self._waiters and self._admit(units) <= 0

    async def enter(self, units: float = 1.0) -> None:
        """Wait for one's turn. Cancelled waiters leave the queue, and take nothing."""
        waiter = _AsyncWaiter(units)
        if self._join(waiter):
            return
        try:
            while (wait := self._ask(waiter)) > 0:
                await waiter.sleep(wait)
        except BaseException:
            self._leave(waiter)
            raise

    def enter_blocking(self, units: float = 1.0) -> None:
        """:meth:`enter` for a thread without an event loop."""
        waiter = _ThreadWaiter(units)
        if self._join(waiter):
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
                first = self._waiters[0] if self._waiters else None
            if first is None or first.wake():
                return
            with self.lock:
                if first in self._waiters:
                    self._waiters.remove(first)

    def _join(self, waiter: _Waiter) -> bool:
        """True when the waiter could enter at once."""
        with self.lock:
            if not self._waiters and self._admit(waiter.units) <= 0:
                return True
            self._waiters.append(waiter)
            return False

    def _ask(self, waiter: _Waiter) -> float:
        """Seconds until the waiter should ask again; 0 when it is in."""
        with self.lock:
            if self._waiters[0] is not waiter:
                return float("inf")
            wait = self._admit(waiter.units)
            if wait > 0:
                return wait
            self._waiters.popleft()
        self._wake_first()
        return 0.0

    def _leave(self, waiter: _Waiter) -> None:
        with self.lock:
            if waiter not in self._waiters:
                return
            self._waiters.remove(waiter)
        self._wake_first()


class _Waiter(ABC):
    """Somebody in the queue."""

    def __init__(self, units: float) -> None:
        self.units = units

    @abstractmethod
    def wake(self) -> bool:
        """End its sleep, from any thread; False when it cannot be woken any more."""


class _AsyncWaiter(_Waiter):
    def __init__(self, units: float) -> None:
        super().__init__(units)
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
    def __init__(self, units: float) -> None:
        super().__init__(units)
        self._event = threading.Event()

    def sleep(self, seconds: float) -> None:
        self._event.wait(None if seconds == float("inf") else seconds)
        self._event.clear()

    def wake(self) -> bool:
        self._event.set()
        return True


__all__ = ["Gate"]
