"""Who waits for an allowance, in order, and what is under way: the part of a limiter that several threads touch."""

from __future__ import annotations

from collections.abc import Mapping

from tidewire.adapters.rate_limit_headers import read_limits
from tidewire.adapters.status_errors import retry_after_s
from tidewire.allowance import Allowance
from tidewire.fair_queue import Gate
from tidewire.token_estimate import Demand

#: A ``Retry-After`` above this, in seconds, pauses nobody: the call whose it is raises it, and so does the next.
MAX_PAUSE_S = 60.0


class TokenQueue:
    """Lets requests through as an allowance has room for them.

    Args:
        allowance: Where they are taken from; nobody else touches it.
    """

    def __init__(self, allowance: Allowance) -> None:
        self._allowance = allowance
        self._gate: Gate[Demand] = Gate(self._admit)
        # Both guarded by the gate's lock.
        self._waiting = Demand(0)
        self._unseen = Demand(0)

    @property
    def waiting(self) -> Demand:
        """What those who wait want, all together."""
        return self._waiting

    @property
    def unseen(self) -> Demand:
        """What was taken for requests to which there is no reply yet."""
        return self._unseen

    def try_enter(self, demand: Demand) -> bool:
        """Take what is needed, if nobody waits and there is room."""
        return self._gate.try_enter(demand)

    async def enter(self, demand: Demand) -> None:
        """Wait for one's turn, and take what is needed. Being cancelled here takes nothing."""
        self._join(demand)
        try:
            await self._gate.enter(demand)
        finally:
            self._leave(demand)

    def enter_blocking(self, demand: Demand) -> None:
        """:meth:`enter` for a thread without an event loop."""
        self._join(demand)
        try:
            self._gate.enter_blocking(demand)
        finally:
            self._leave(demand)

    def expected_wait_s(self, demand: Demand) -> float:
        """Seconds that one who comes now will wait, if nobody gives up and all estimates are right."""
        with self._gate.lock:
            return self._allowance.wait_for(self._waiting + demand)

    def see(self, demand: Demand) -> None:
        """What was taken has reached the provider, or never will."""
        with self._gate.lock:
            self._unseen -= demand

    def learn(self, status: int, headers: Mapping[str, str]) -> None:
        """Follow what the head of a reply says about limits."""
        reports = read_limits(headers)
        pause_s = retry_after_s(headers) if status == 429 else None
        with self._gate.lock:
            self._allowance.report(reports, self._unseen)
            if pause_s is not None and pause_s <= MAX_PAUSE_S:
                self._allowance.pause(pause_s)
        self._gate.look_again()

    def give_back(self, demand: Demand) -> None:
        """What was taken and not used; where it is below 0, it was used and not taken."""
        with self._gate.lock:
            self._allowance.give_back(demand)
        self._gate.look_again()

    def _admit(self, demand: Demand) -> float:
        wait = self._allowance.take(demand)
        if wait <= 0:
            self._unseen += demand
        return wait

    def _join(self, demand: Demand) -> None:
        with self._gate.lock:
            self._waiting += demand

    def _leave(self, demand: Demand) -> None:
        with self._gate.lock:
            self._waiting -= demand


__all__ = ["MAX_PAUSE_S", "TokenQueue"]
