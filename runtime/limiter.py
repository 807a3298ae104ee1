"""What a rate limiter is to the calls that it lets through, whoever wrote it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping

from tidewire.adapters.spec import ModelRequest
from tidewire.events.types import Usage


class BaseRateLimiter(ABC):
    """What ``rate_limiter=`` takes: asked before each request.

    A limiter that also counts tokens derives from :class:`ReservingRateLimiter`.
    """

    @abstractmethod
    def acquire(self, *, blocking: bool = True) -> bool:
        """Wait until a request may be sent, or with ``blocking=False`` tell whether it may now."""

    @abstractmethod
    async def aacquire(self, *, blocking: bool = True) -> bool:
        """:meth:`acquire` without blocking the event loop."""

    def expected_wait_s(self) -> float:
        """Seconds that the next request will wait, as far as it is known; 0 is not to wait."""
        return 0.0


class Reservation(ABC):
    """The place of one request in a limiter: it waits for its turn, and is told how the request goes.

    First comes ``take_nowait``, and ``take`` if that gives False. Then ``observe`` when there is a reply, whatever its
    status (twice for a request that is sent again without what the host did not understand), and in the end exactly one
    of ``settle`` and ``cancel``. All but ``take`` never wait.
    """

    @abstractmethod
    def take_nowait(self) -> bool:
        """Whether the request may be sent now; True takes what it needs."""

    @abstractmethod
    async def take(self) -> None:
        """Wait until the request may be sent. Being cancelled here takes nothing and leaves nothing behind."""

    @abstractmethod
    def expected_wait_s(self) -> float:
        """Seconds that :meth:`take` would wait, as far as it is known."""

    @abstractmethod
    def observe(self, status: int, headers: Mapping[str, str]) -> None:
        """The head of the reply is there.

        Args:
            status: The HTTP status.
            headers: Names in lower case.
        """

    @abstractmethod
    def settle(self, usage: Usage | None) -> None:
        """The request is over, well or not.

        Args:
            usage: The tokens that it used, as far as they were reported; None if they were not.
        """

    @abstractmethod
    def cancel(self) -> None:
        """The request is not sent: what was taken for it is free again."""


class ReservingRateLimiter(BaseRateLimiter):
    """A limiter that is told what a request is about to use, and afterwards what it used."""

    @abstractmethod
    def reserve(self, request: ModelRequest) -> Reservation:
        """A reservation for one attempt; nothing is taken yet."""


__all__ = ["BaseRateLimiter", "Reservation", "ReservingRateLimiter"]
