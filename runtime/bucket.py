"""A bucket of tokens that come back at a rate: the arithmetic of rate limits."""

from __future__ import annotations

from collections.abc import Callable


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

    @property
    def level(self) -> float:
        """The tokens in it; below 0 is what was taken too much."""
        self._refill()
        return self._level

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


__all__ = ["Bucket"]
