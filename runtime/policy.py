"""When a call is tried again, after which wait, and how long it may take: decisions from data, no task and no socket.

Three things decide about another attempt. The *policy* says whether the error is one that may pass, and how long to
wait. The *quota* says whether so much is failing that more requests would only add to it. The *gate* says when a
provider that asked for patience is asked again, and by how many at once. Clock and random source are handed in.
"""

from __future__ import annotations

import random
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Never

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


@dataclass(frozen=True, init=False)
class Timeout:
    """How long a call may wait, in seconds; None is no limit.

    Attributes:
        connect: Until a connection is made.
        first_event: From the request until the first event of the answer.
        between_events: Between two events; comments and pings are no events.
        total: For the whole call, waits and retries included. Time between pulls of the consumer does not count.

    Raises:
        ConfigurationError: A limit is no number above 0, or there is none of that name.
    """

    connect: float | None = 10.0
    first_event: float | None = 600.0
    between_events: float | None = 120.0
    total: float | None = None

    def __init__(
        self,
        connect: float | None = 10.0,
        first_event: float | None = 600.0,
        between_events: float | None = 120.0,
        total: float | None = None,
        **unknown: Never,
    ) -> None:
        limits = {"connect": connect, "first_event": first_event, "between_events": between_events, "total": total}
        for name in unknown:
            near = get_close_matches(name, limits, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"it has {', '.join(limits)}"
            raise ConfigurationError(f"Timeout has no limit {name!r}; {hint}")
        for name, limit in limits.items():
            if limit is not None and (not is_number(limit) or not limit > 0):
                raise ConfigurationError(f"timeout {name} must be above 0 seconds, got {limit!r}")
            object.__setattr__(self, name, limit)

    @classmethod
    def of(cls, timeout: float | Timeout | None) -> Timeout:
        """The timeouts for what ``timeout=`` was given: a plain number bounds the first event and the gaps."""
        if timeout is None:
            return cls()
        if isinstance(timeout, Timeout):
            return timeout
        if not is_number(timeout):
            raise ConfigurationError(f"timeout must be a number of seconds or a Timeout, got {timeout!r}")
        return cls(connect=min(timeout, 10.0), first_event=timeout, between_events=timeout)

    def for_phase(self, phase: TimeoutPhase) -> float | None:
        """The limit of a phase."""
        limit: float | None = getattr(self, phase)  # named like it
        return limit


class RetryPolicy(msgspec.Struct, frozen=True):
    """How often and how patiently a failed call is tried again, before its first content.

    Attributes:
        max_retries: Requests after the first one. 0 also does without the gate: such a call neither waits nor makes
            others wait.
        initial_s: Upper bound of the first wait, in seconds; each further one is ``growth`` times as long.
        max_s: Upper bound of any wait of our own choosing, in seconds.
        max_retry_after_s: The longest wait that a provider may ask for, in seconds; beyond it the error is raised.
        random: Gives numbers from 0 to 1, for jitter.
        growth: What the upper bound is multiplied with after each attempt.
        jitter_s: None waits for a random part of the bound; a number waits for the bound and up to so many seconds
            more.
        exceptions: The errors that are tried again; None stands for those that may pass later. Mistakes of the caller
            (``ConfigurationError``) never are.
        clock: Monotonic seconds.

    Raises:
        ConfigurationError: A number cannot be used.
    """

    max_retries: int = 2
    initial_s: float = 0.5
    max_s: float = 8.0
    max_retry_after_s: float = 60.0
    random: Callable[[], float] = random.random
    growth: float = 2.0
    jitter_s: float | None = None
    exceptions: tuple[type[Exception], ...] | None = None
    clock: Callable[[], float] = time.monotonic

    def __post_init__(self) -> None:
        check_count("max_retries", self.max_retries, least=0)
        for name in ("initial_s", "max_s", "max_retry_after_s", "growth"):
            value = getattr(self, name)
            if not is_number(value) or not value >= 0:
                raise ConfigurationError(f"{name} of a RetryPolicy must be a number from 0, got {value!r}")
        if self.jitter_s is not None and (not is_number(self.jitter_s) or not self.jitter_s >= 0):
            raise ConfigurationError(
                f"jitter_s of a RetryPolicy must be None or a number from 0, got {self.jitter_s!r}"
            )

    def covers(self, error: TidewireError, *, after_content: bool = False) -> bool:
        """Whether an error of this kind is tried again at all.

        Args:
            error: The error.
            after_content: A part of the answer had arrived, and may be discarded.
        """
        if self.exceptions is not None:
            return isinstance(error, self.exceptions) and not isinstance(error, ConfigurationError)
        return may_retry(error, after_content=after_content)

    def wait_before_retry(
        self, error: TidewireError, attempt: int, remaining_s: float | None, *, after_content: bool = False
    ) -> float | None:
        """Seconds to wait before the next attempt, or None to raise the error.

        Args:
            error: Why the attempt failed.
            attempt: Its number, from 1.
            remaining_s: What is left of the call's total time; None when it has no limit.
            after_content: A part of the answer had arrived, and may be discarded.
        """
        if attempt > self.max_retries or not self.covers(error, after_content=after_content):
            return None
        wait = self.wait_for(error, attempt)
        if wait is None or (remaining_s is not None and wait >= remaining_s):
            return None
        return wait

    def closing_s(self, error: TidewireError, attempt: int) -> float | None:
        """Seconds to close the gate for; None when the provider asks for more than anybody waits.

        Not longer than it asks for: behind the gate calls are let out bit by bit, so nobody has to keep aside. No time
        at all is no answer to when.
        """
        asked = error.retry_after_s if isinstance(error, APIStatusError) else None
        wait = self.wait_for(error, attempt)
        return asked if wait is not None and asked else wait

    def wait_for(self, error: TidewireError, attempt: int) -> float | None:
        """Seconds to let pass after an error, whoever asks next; None when the provider asks for too many."""
        # No wait is longer than max_s, and a power that is longer than any float is none.
        bound = min(self.max_s, self.initial_s * self.growth ** min(attempt - 1, 60))
        if self.jitter_s is None:
            wait = self.random() * bound
        else:
            wait = min(self.max_s, bound + self.random() * self.jitter_s)
        asked = error.retry_after_s if isinstance(error, APIStatusError) else None
        if asked is None:
            return wait
        return None if asked > self.max_retry_after_s else max(wait, asked)


def may_retry(error: TidewireError, *, after_content: bool = False) -> bool:
    """Whether the same request may succeed later. Time that ran out altogether is not tried again.

    Args:
        error: The error.
        after_content: A part of the answer had arrived: then an answer that stands still has broken off.
    """
    if isinstance(error, APITimeoutError):
        return error.phase in ("connect", "first_event") or (after_content and error.phase == "between_events")
    if isinstance(error, APIConnectionError):
        return error.is_retryable
    if isinstance(error, QuotaExceededError):
        return False
    if isinstance(error, APIStatusError):
        if error.should_retry is not None:
            return error.should_retry
        return error.status_code in RETRYABLE_STATUS and error.is_retryable
    return isinstance(error, StreamInterruptedError)


def closes_gate(error: TidewireError) -> bool:
    """Whether an error asks everybody for patience: a rate limit, or an overload that says until when."""
    if not isinstance(error, APIStatusError) or isinstance(error, QuotaExceededError):
        return False
    return error.status_code == 429 or (error.status_code in (503, 529) and error.retry_after_s is not None)


class Quota:
    """How many retries are left for one provider, address and key, in tokens.

    Where everything fails, retries only add to the load: so each one costs, and success gives back. There are the more
    tokens the more calls are under way.
    """

    #: What a retry costs, and what a call that succeeds after one gives back.
    RETRY = 14
    #: What any other call that succeeds gives back.
    SUCCESS = 1
    #: The fewest tokens there are when none is spent, and how many there are for each call under way.
    LEAST = 500
    PER_CALL = 3

    __slots__ = ("_spent", "calls")

    def __init__(self) -> None:
        self._spent = 0
        #: Calls under way.
        self.calls = 0

    @property
    def left(self) -> int:
        """Tokens that can be spent."""
        return max(self.LEAST, self.PER_CALL * self.calls) - self._spent

    def take(self) -> bool:
        """Take the tokens for one retry; False when there are too few."""
        if self.left < self.RETRY:
            return False
        self._spent += self.RETRY
        return True

    def succeeded(self, *, retried: bool) -> None:
        """A call succeeded. ``retried``: after a retry that was paid for."""
        self._spent = max(0, self._spent - (self.RETRY if retried else self.SUCCESS))


class GateState:
    """When calls may pass a gate that a provider's refusal closed.

    It opens when the provider said, a little later at random, and then not for everybody at once. At first one call
    may be on its way; each one that is answered makes room for one more, so that the number doubles with each round,
    up to half of what was too much before; beyond that it grows slowly. A refusal closes the gate and begins anew.
    So those that are refused together are never more than those that were just let through, and the oldest ones go
    first: nobody is refused time after time.

    Args:
        clock: Monotonic seconds.
        random: Gives numbers from 0 to 1.
    """

    #: The gate opens up to this part later than it was asked to, at random.
    JITTER = 0.1
    #: A call without an answer for so many seconds was not refused: refusals are quick.
    PATIENCE_S = 1.0
    #: So many calls on their way at once, or so many seconds without a refusal, and nobody needs to ask any more.
    WIDE = 64.0
    CALM_S = 60.0
    #: What each answer adds, divided by the number that may be on their way, once that grows slowly.
    GROWTH = 0.25

    #: What a call is in the queue: one like any other, or one on its last attempt.
    ORDINARY = 1.0
    LAST = 2.0

    __slots__ = (
        "_alone",
        "_clock",
        "_closed_until",
        "_half",
        "_out",
        "_passed_at",
        "_pause_s",
        "_random",
        "_window",
        "is_open",
    )

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, random: Callable[[], float] = random.random
    ) -> None:
        self._clock = clock
        self._random = random
        self._closed_until = 0.0
        self._window = self.WIDE
        self._half = self.WIDE
        self._pause_s = 0.0
        # When those passed that are on their way, and when the latest one of all did.
        self._out: deque[float] = deque()
        self._passed_at = 0.0
        self._alone = False
        #: True when calls pass without asking.
        self.is_open = True

    @property
    def closed_s(self) -> float:
        """Seconds until somebody may pass."""
        return 0.0 if self.is_open else max(0.0, self._closed_until - self._clock())

    def close(self, seconds: float) -> float:
        """A call was refused: close the gate for so long. Gives the seconds until it opens."""
        now = self._clock()
        if self.is_open or now >= self._closed_until:  # else it is one of those that were refused together
            self._half = max(1.0, self._window / 2)
            self._window = 1.0
            self._out.clear()
        self.is_open = False
        self._pause_s = seconds
        self._closed_until = max(self._closed_until, now + seconds * (1 + self.JITTER * self._random()))
        return self._closed_until - now

    def admit(self, units: float = ORDINARY) -> float:
        """Let the first call in the queue pass and give 0, or give the seconds until it may be worth asking again.

        Args:
            units: ``LAST`` for a call that cannot afford another refusal: it passes alone, and not before as much time
                has gone by since the one before it as the provider last asked for.
        """
        if self.is_open:
            return 0.0
        now = self._clock()
        if now < self._closed_until:
            return self._closed_until - now
        while self._out and now - self._out[0] >= self.PATIENCE_S:
            self.answered(refused=False)
        if now - self._closed_until >= self.CALM_S:
            self.is_open = True
            return 0.0
        if self._out and (self._alone or units == self.LAST or len(self._out) + 1 > self._window):
            return self._out[0] + self.PATIENCE_S - now
        if units == self.LAST and now - self._passed_at < self._pause_s:
            return self._passed_at + self._pause_s - now
        self._alone = units == self.LAST
        self._passed_at = now
        self._out.append(now)
        return 0.0

    def answered(self, *, refused: bool) -> None:
        """One of those that passed has an answer, or was given up."""
        if self._out:
            self._out.popleft()
        if not refused and not self.is_open:
            self._window += 1.0 if self._window < self._half else self.GROWTH / self._window
            self.is_open = self._window >= self.WIDE


def is_number(value: object) -> bool:
    """Whether a value is a number, and not a truth value or a text that looks like one."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def check_count(name: str, value: object, *, least: int) -> None:
    """Refuse what is no whole number from ``least``.

    Raises:
        ConfigurationError: It is none.
    """
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise ConfigurationError(f"{name} must be a whole number from {least}, got {value!r}")


__all__ = [
    "RETRYABLE_STATUS",
    "GateState",
    "Quota",
    "RetryPolicy",
    "Timeout",
    "check_count",
    "closes_gate",
    "is_number",
    "may_retry",
]
