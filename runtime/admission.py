"""What a call waits for before it may send a request."""

from __future__ import annotations

from tidewire.adapters.spec import ModelRequest
from tidewire.events.bus import Bus
from tidewire.events.types import Event, Wait
from tidewire.limiter import Reservation, ReservingRateLimiter
from tidewire.settings import Settings


async def wait_for_turn(
    settings: Settings, request: ModelRequest, bus: Bus, published: list[Event]
) -> Reservation | None:
    """Wait until the next request of a call may be sent; each wait is published with its length.

    Args:
        settings: Those of the model that is about to be asked.
        request: What it is about to be asked.
        bus: The run's.
        published: Gets what is published.

    Returns:
        What its limiter wants to hear of the request, if anything.
    """
    limiter = settings.rate_limiter
    if isinstance(limiter, ReservingRateLimiter):
        reservation = limiter.reserve(request)
        if not reservation.take_nowait():
            await _tell(Wait("rate_limiter", reservation.expected_wait_s()), bus, published)
            await reservation.take()
        return reservation
    if limiter is not None and not await limiter.aacquire(blocking=False):
        await _tell(Wait("rate_limiter", limiter.expected_wait_s()), bus, published)
        await limiter.aacquire()
    return None


async def _tell(wait: Wait, bus: Bus, published: list[Event]) -> None:
    bus.publish_all((wait,), published)
    await bus.flush()


__all__ = ["wait_for_turn"]
