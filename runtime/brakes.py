"""What keeps the calls to one provider, address and key from making a bad moment worse: a gate and a quota.

Both are shared by all calls of the process, on whichever loop or thread, that go to the same place with the same key.
What they decide stands in :mod:`tidewire.policy`; here is the queue before the gate, the lock, and who shares what.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable
from typing import cast
from weakref import WeakKeyDictionary

from tidewire.adapters.spec import Credentials, Transport
from tidewire.adapters.transports import HttpTransport
from tidewire.fair_queue import Gate
from tidewire.policy import GateState, Quota, RetryPolicy
from tidewire.settings import Settings

#: Places and keys that are remembered; the one that was called least recently is forgotten.
MOST_KEPT = 512


class Brakes:
    """The gate and the quota of one provider, address and key.

    Args:
        policy: Whose clock and random source count.
    """

    __slots__ = ("_gate", "_lock", "_queue", "_quota", "_tickets")

    def __init__(self, policy: RetryPolicy) -> None:
        self._gate = GateState(policy.clock, policy.random)
        self._quota = Quota()
        self._queue = Gate(self._gate.admit)
        self._lock = self._queue.lock
        self._tickets = 0

    def __repr__(self) -> str:
        return f"Brakes(calls={self._quota.calls}, tokens={self._quota.left}, closed_s={self.closed_s:.1f})"

    @property
    def is_open(self) -> bool:
        """Whether calls pass without asking."""
        return self._gate.is_open

    @property
    def closed_s(self) -> float:
        """Seconds until the gate lets somebody pass, as far as it is known."""
        with self._lock:
            return self._gate.closed_s

    def begin(self) -> int:
        """A call begins; gives its place in the queue: who came first goes first."""
        with self._lock:
            self._quota.calls += 1
            self._tickets += 1
            return self._tickets

    def end(self, *, succeeded: bool, retried: bool) -> None:
        """A call is over. ``retried``: a retry of it was paid for."""
        with self._lock:
            self._quota.calls -= 1
            if succeeded:
                self._quota.succeeded(retried=retried)

    async def enter(self, place: float, *, last: bool) -> None:
        """Wait until the call may pass the gate; it says afterwards how it went, by :meth:`answered`.

        Args:
            place: Those with a lower one go first.
            last: The call has no attempt left after this one.
        """
        await self._queue.enter(GateState.LAST if last else GateState.ORDINARY, place=place)

    def answered(self, *, refused: bool) -> None:
        """A call that passed has an answer, or was given up."""
        with self._lock:
            self._gate.answered(refused=refused)
        self._queue.look_again()

    def close(self, seconds: float) -> float:
        """Close the gate for so long; gives the seconds until it opens."""
        with self._lock:
            return self._gate.close(seconds)

    def take(self) -> bool:
        """Pay for a retry; False when too much is failing for another one."""
        with self._lock:
            return self._quota.take()


_lock = threading.Lock()
_shared: OrderedDict[Hashable, Brakes] = OrderedDict()
# A transport of the caller's own is a network of its own.
_by_transport: WeakKeyDictionary[Transport, OrderedDict[Hashable, Brakes]] = WeakKeyDictionary()


def brakes_for(settings: Settings) -> Brakes:
    """The brakes of the place and key that a model calls."""
    transport = settings.transport
    key = (settings.adapter.provider, settings.base_url, identity_of(settings.credentials))
    with _lock:
        kept = _shared if isinstance(transport, HttpTransport) else _kept_for(transport)
        brakes = kept.get(key)
        if brakes is None:
            brakes = kept[key] = Brakes(settings.retry)
            if len(kept) > MOST_KEPT:
                kept.popitem(last=False)
        else:
            kept.move_to_end(key)
    return brakes


def _kept_for(transport: Transport) -> OrderedDict[Hashable, Brakes]:
    try:
        return _by_transport.setdefault(transport, OrderedDict())
    except TypeError:  # nothing can refer to it weakly
        return _shared


def identity_of(credentials: Credentials) -> Hashable:
    """What is the same for the same key: what the credentials say of themselves, else that they are the same object."""
    # Those that say nothing are kept by the key of the table, so that their identity is not given to another object.
    identity: Hashable = getattr(credentials, "identity", None)
    return cast("Hashable", credentials) if identity is None else identity


__all__ = ["MOST_KEPT", "Brakes", "brakes_for", "identity_of"]
