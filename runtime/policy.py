"""When a call is tried again, after which wait, and how long it may take: decisions from data, no clock or task."""

from __future__ import annotations

import random
from collections.abc import Callable

import msgspec

from tidewire.events.errors import (
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    ConfigurationError,
    QuotaExceededError,
    StreamInterruptedError,
    TidewireError,
    TimeoutPhase,
)

#: Statuses after which the same request may succeed.
RETRYABLE_STATUS = frozenset({408, 409, 429, 500, 502, 503, 504, 529})


class Timeout(msgspec.Struct, frozen=True):
    """How long a call may wait, in seconds; None is no limit.

    Attributes:
        connect: Until a connection is made.
        first_event: From the request until the first event of the answer.
        between_events: Between two events; comments and pings are no events.
        total: For the whole call, retries included. Time between pulls of the consumer does not count.
    """

    connect: float | None = 10.0
    first_event: float | None = 600.0
    between_events: float | None = 120.0
    total: float | None = None

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise ConfigurationError(f"timeout {name} must be above 0 seconds, got {value!r}")

    @classmethod
    def of(cls, timeout: float | Timeout | None) -> Timeout:
        """The timeouts for what ``timeout=`` was given: a plain number bounds the first event and the gaps."""
        if timeout is None:
            return cls()
        if isinstance(timeout, Timeout):
            return timeout
        return cls(connect=min(timeout, 10.0), first_event=timeout, between_events=timeout)

    def for_phase(self, phase: TimeoutPhase) -> float | None:
        """The limit of a phase."""
        return {
            "connect": self.connect,
            "first_event": self.first_event,
            "between_events": self.between_events,
            "total": self.total,
        }[phase]


class RetryPolicy(msgspec.Struct, frozen=True):
    """How often and how patiently a failed call is tried again, before its first content.

    Attributes:
        max_retries: Requests after the first one.
        initial_s: Upper bound of the first wait, in seconds; it doubles with each attempt.
        max_s: Upper bound of any wait of our own choosing, in seconds.
        max_retry_after_s: The longest wait that a provider may ask for, in seconds; beyond it the error is raised.
        random: Gives numbers from 0 to 1, for jitter.
    """

    max_retries: int = 2
    initial_s: float = 0.5
    max_s: float = 8.0
    max_retry_after_s: float = 60.0
    random: Callable[[], float] = random.random

    def wait_before_retry(self, error: TidewireError, attempt: int, remaining_s: float | None) -> float | None:
        """Seconds to wait before the next attempt, or None to raise the error.

        Args:
            error: Why the attempt failed, before any content.
            attempt: Its number, from 1.
            remaining_s: What is left of the call's total time; None when it has no limit.
        """
        if attempt > self.max_retries or not may_retry(error):
            return None
        wait = self.random() * min(self.max_s, self.initial_s * 2.0 ** (attempt - 1))
        asked = error.retry_after_s if isinstance(error, APIStatusError) else None
        if asked is not None:
            if asked > self.max_retry_after_s:
                return None
            wait = max(wait, asked)
        if remaining_s is not None and wait >= remaining_s:
            return None
        return wait


def may_retry(error: TidewireError) -> bool:
    """Whether the same request may succeed later. Time that ran out altogether is not tried again."""
    if isinstance(error, APITimeoutError):
        return error.phase in ("connect", "first_event")
    if isinstance(error, APIConnectionError):
        return error.is_retryable
    if isinstance(error, QuotaExceededError):
        return False
    if isinstance(error, APIStatusError):
        return error.status_code in RETRYABLE_STATUS and error.is_retryable
    return isinstance(error, StreamInterruptedError)


__all__ = ["RETRYABLE_STATUS", "RetryPolicy", "Timeout", "may_retry"]
