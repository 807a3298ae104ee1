"""Rate limiters: calls wait in order until they may be sent. One limiter may be shared by models, loops and threads."""

from __future__ import annotations

import math
import time
from abc import ABC, abstractmethod
from collections.abc import Callable

from tidewire.events.errors import ConfigurationError
from tidewire.fair_queue import Gate


class BaseRateLimiter(ABC):
    """What ``rate_limiter=`` takes: asked before each request."""

    @abstractmethod
    def acquire(self, *, blocking: bool = True) -> bool:
        """Wait until a request may be sent, or with ``blocking=False`` tell whether it may now."""

    @abstractmethod
    async def aacquire(self, *, blocking: bool = True) -> bool:
        """:meth:`acquire` without blocking the event loop."""

    def expected_wait_s(self) -> float:
        """Seconds that the next request will wait, as far as it is known; 0 is not to wait."""
        return 0.0


class InMemoryRateLimiter(BaseRateLimiter):
    """So many requests a second, on average, with bursts of up to ``max_bucket_size``.

    The bucket starts full. Requests that have to wait are let out one by one, in the order in which they came, each as
    soon as its token is there; a cancelled one gives its place to the next.

    Args:
        requests_per_second: Tokens that the bucket gains in a second.
        check_every_n_seconds: Taken for compatibility; nobody polls here, so it has no effect.
        max_bucket_size: The most tokens that it holds, 1 or more.
        clock: Monotonic seconds.

    Raises:
        ConfigurationError: A number cannot be used.
    """

    def __init__(
        self,
        *,
        requests_per_second: float = 1.0,
        check_every_n_seconds: float = 0.1,
        max_bucket_size: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        _check("requests_per_second", requests_per_second, above=0.0)
        _check("check_every_n_seconds", check_every_n_seconds, above=0.0)
        if not max_bucket_size >= 1:
            raise ConfigurationError(
                f"max_bucket_size must be 1 or more, got {max_bucket_size!r}: no request would fit"
            )
        self.requests_per_second = requests_per_second
        self.max_bucket_size = max_bucket_size
        self._bucket = Bucket(rate=requests_per_second, size=max_bucket_size, clock=clock)
        self._gate = Gate(self._bucket.take)

    def acquire(self, *, blocking: bool = True) -> bool:
        """Take a token; see :class:`BaseRateLimiter`."""
        if not blocking:
            return self._gate.try_enter()
        self._gate.enter_blocking()
        return True

    async def aacquire(self, *, blocking: bool = True) -> bool:
        """Take a token; see :class:`BaseRateLimiter`."""
        if not blocking:
            return self._gate.try_enter()
        await self._gate.enter()
        return True

    def expected_wait_s(self) -> float:
        """Seconds that a request which comes now will wait if nobody gives up."""
        ahead = self._gate.waiting
        with self._gate.lock:
            return self._bucket.wait_for(ahead + 1)

    def __repr__(self) -> str:
        rate, size = self.requests_per_second, self.max_bucket_size
        return f"InMemoryRateLimiter(requests_per_second={rate:g}, max_bucket_size={size:g})"


class Bucket:
    """Tokens that come back at a rate, up to a size. Not locked: its gate's lock guards it.

    Args:
        rate: Tokens a second.
        size: The most it holds; it starts full.
        clock: Monotonic seconds.
    """

    def __init__(self, *, rate: float, size: float, clock: Callable[[], float]) -> None:
        self.rate = rate
        self.size = size
        self._clock = clock
        self._level = size
        self._at = clock()

    def take(self, units: float) -> float:
        """Take tokens and give 0, or give the seconds until there are enough. More than fit need a full bucket."""
        wait = self.wait_for(min(units, self.size))
        if wait <= 0:
            self._level -= units
            return 0.0
        return wait

    def wait_for(self, units: float) -> float:
        """Seconds until there are so many tokens."""
        self._refill()
        missing = units - self._level
        # A billionth of a token may be missing by rounding; nobody should sleep for it.
        return missing / self.rate if missing > 1e-9 else 0.0

    def put_back(self, units: float) -> None:
        """Tokens that were taken and not used; negative ones were used and not taken."""
        self._refill()
        self._level = min(self.size, self._level + units)

    def limit_to(self, level: float) -> None:
        """There are at most so many tokens, whatever was counted."""
        self._refill()
        self._level = min(self._level, level)

    def _refill(self) -> None:
        now = self._clock()
        self._level = min(self.size, self._level + (now - self._at) * self.rate)
        self._at = now


def _check(name: str, value: float, *, above: float) -> None:
    if not value > above or math.isinf(value):
        raise ConfigurationError(f"{name} must be a number above {above:g}, got {value!r}")


__all__ = ["BaseRateLimiter", "Bucket", "InMemoryRateLimiter"]
