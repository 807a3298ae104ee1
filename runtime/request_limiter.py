"""A limiter of requests: calls wait in order until they may be sent. Models, loops and threads may share one."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from tidewire.bucket import Bucket
from tidewire.events.errors import ConfigurationError
from tidewire.fair_queue import Gate
from tidewire.limiter import BaseRateLimiter


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
        check_rate("requests_per_second", requests_per_second, above=0.0)
        check_rate("check_every_n_seconds", check_every_n_seconds, above=0.0)
        if not max_bucket_size >= 1:
            raise ConfigurationError(
                f"max_bucket_size must be 1 or more, got {max_bucket_size!r}: no request would fit"
            )
        self.requests_per_second = requests_per_second
        self.max_bucket_size = max_bucket_size
        self._bucket = Bucket(rate=requests_per_second, size=max_bucket_size, clock=clock)
        self._gate: Gate[float] = Gate(self._bucket.take)

    def acquire(self, *, blocking: bool = True) -> bool:
        """Take a token; see :class:`BaseRateLimiter`."""
        if not blocking:
            return self._gate.try_enter(1.0)
        self._gate.enter_blocking(1.0)
        return True

    async def aacquire(self, *, blocking: bool = True) -> bool:
        """Take a token; see :class:`BaseRateLimiter`."""
        if not blocking:
            return self._gate.try_enter(1.0)
        await self._gate.enter(1.0)
        return True

    def expected_wait_s(self) -> float:
        """Seconds that a request which comes now will wait if nobody gives up."""
        ahead = self._gate.waiting
        with self._gate.lock:
            return self._bucket.wait_for(ahead + 1)

    def __repr__(self) -> str:
        rate, size = self.requests_per_second, self.max_bucket_size
        return f"InMemoryRateLimiter(requests_per_second={rate:g}, max_bucket_size={size:g})"


def check_rate(name: str, value: float, *, above: float) -> None:
    """Refuse what is no number above another one, with a ConfigurationError that names it."""
    if not value > above or math.isinf(value):
        raise ConfigurationError(f"{name} must be a number above {above:g}, got {value!r}")


__all__ = ["InMemoryRateLimiter", "check_rate"]
