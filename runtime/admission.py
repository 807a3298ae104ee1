"""What a call waits for before it may send a request: its rate limiter's word, and a gate that the provider closed."""

from __future__ import annotations

from tidewire.adapters.spec import ModelRequest
from tidewire.brakes import Brakes
from tidewire.events.bus import Bus
from tidewire.events.types import Event, Wait
from tidewire.limiter import BaseRateLimiter, Reservation, ReservingRateLimiter
from tidewire.watchdog import Watchdog

#: A wait that was told already is told again when it has grown by more than so many seconds.
TOLD_S = 0.05


async def wait_for_limiter(
    limiter: BaseRateLimiter, request: ModelRequest, watchdog: Watchdog, bus: Bus, published: list[Event]
) -> Reservation | None:
    """Wait for a rate limiter to let the next request of a call through; a wait is published with its length.

    Args:
        limiter: That of the model that is about to be asked.
        request: What it is about to be asked.
        watchdog: The call's.
        bus: The run's.
        published: Gets what is published.

    Returns:
        What the limiter wants to hear of the request, if anything.

    Raises:
        LimitPassed: The call's total time is over.
    """
    if isinstance(limiter, ReservingRateLimiter):
        reservation = limiter.reserve(request)
        if not reservation.take_nowait():
            await _tell(Wait("rate_limiter", reservation.expected_wait_s()), bus, published)
            await watchdog.within_total(reservation.take())
        return reservation
    if not await limiter.aacquire(blocking=False):
        await _tell(Wait("rate_limiter", limiter.expected_wait_s()), bus, published)
        await watchdog.within_total(limiter.aacquire())
    return None


async def wait_at_gate(
    brakes: Brakes,
    place: float,
    watchdog: Watchdog,
    bus: Bus,
    published: list[Event],
    *,
    last: bool,
    told_s: float,
) -> None:
    """Wait at a gate that is not open, in order; the wait is published with its length as far as that is known.

    Args:
        brakes: Whose gate.
        place: The call's place in the queue.
        watchdog: The call's.
        bus: The run's.
        published: Gets what is published.
        last: The call has no attempt left after this one.
        told_s: Seconds that a ``retry`` has told already.

    Raises:
        LimitPassed: The call's total time is over.
    """
    expected = brakes.closed_s
    if not told_s or expected > told_s + TOLD_S:
        await _tell(Wait("gate", expected), bus, published)
    await watchdog.within_total(brakes.enter(place, last=last))


async def _tell(wait: Wait, bus: Bus, published: list[Event]) -> None:
    bus.publish_all((wait,), published)
    await bus.flush()


__all__ = ["wait_at_gate", "wait_for_limiter"]
