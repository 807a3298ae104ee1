"""Rate limiters, as users import them."""

from __future__ import annotations

from tidewire.limiter import BaseRateLimiter, Reservation, ReservingRateLimiter
from tidewire.request_limiter import InMemoryRateLimiter
from tidewire.token_estimate import Demand, estimate_tokens
from tidewire.token_limiter import TokenRateLimiter

__all__ = [
    "BaseRateLimiter",
    "Demand",
    "InMemoryRateLimiter",
    "Reservation",
    "ReservingRateLimiter",
    "TokenRateLimiter",
    "estimate_tokens",
]
