"""The attempts of a call: which model is asked, with how much patience, and whether a failure is the last word.

A failure has four ways to go. It is raised; the same model is asked again after a wait; the next model takes over;
or, where the caller agreed to it, one of these two although a part of an answer has been heard, which is discarded.
"""

from __future__ import annotations

import os

import anyio

from tidewire.adapters.spec import ModelRequest
from tidewire.admission import wait_at_gate, wait_for_limiter
from tidewire.attempt import Attempt
from tidewire.brakes import Brakes, brakes_for
from tidewire.events.bus import Bus
from tidewire.events.errors import ConfigurationError, OutputParsingError, TidewireError
from tidewire.events.fold import Fold
from tidewire.events.messages import BaseMessage
from tidewire.events.types import Event, Fallback, Meta, Retry
from tidewire.failures import Failures, reason_of
from tidewire.policy import closes_gate
from tidewire.settings import Settings
from tidewire.watchdog import LimitPassed, Watchdog

#: Who was refused more often stands before all those who were refused less often; among these, who came first.
FIRST = 1e12


class Tries:
    """The attempts of one call.

    Args:
        settings: The model that is asked first.
        messages: The conversation.
        stream: Ask for a stream, where the settings leave it open.

    Raises:
        ConfigurationError: The first model's profile rules something out.
    """

    __slots__ = (
        "_brakes",
        "_failures",
        "_fallbacks",
        "_key",
        "_messages",
        "_next",
        "_paid",
        "_place",
        "_told_s",
        "_wait_s",
        "attempt",
        "attempts",
        "request",
        "settings",
        "stream",
    )

    def __init__(self, settings: Settings, messages: list[BaseMessage], *, stream: bool) -> None:
        #: The model that is asked, and what it is asked.
        self.settings = settings
        self.request: ModelRequest = _request(settings, messages, stream)
        #: The attempt under way.
        self.attempt: Attempt | None = None
        #: Requests to this model so far.
        self.attempts = 0
        self._messages = messages
        #: Whether a stream is wanted, where a model's settings leave it open.
        self.stream = stream
        self._fallbacks = settings.fallbacks
        self._next = 0
        self._failures: Failures | None = None
        self._brakes: Brakes | None = None
        self._place = 0
        self._paid = False
        self._key: str | None = None
        # Before the next attempt: the seconds to sleep, or those that were told of a wait at the gate.
        self._wait_s = 0.0
        self._told_s = 0.0

    async def begin(self, watchdog: Watchdog, bus: Bus, published: list[Event]) -> Attempt:
        """Send the next request, as soon as it may be sent, and wait for the head of its answer.

        Raises:
            TidewireError: The attempt failed.
            LimitPassed: It took too long.
        """
        settings = self.settings
        if not self.attempts:
            self._meet(settings)
        elif self._wait_s:
            await anyio.sleep(self._wait_s)
        attempt = self.attempt = Attempt(settings, self.request, self._key)
        if not self.attempts and attempt.warnings:
            bus.publish_all(attempt.warnings, published)
        if settings.rate_limiter is not None:
            limiter = settings.rate_limiter
            attempt.reservation = await wait_for_limiter(limiter, self.request, watchdog, bus, published)
        brakes = self._brakes
        if brakes is None or brakes.is_open:
            self.attempts += 1
            meta = await attempt.open(watchdog)
        else:
            place = self._place - self.attempts * FIRST
            last = self.attempts == settings.retry.max_retries
            await wait_at_gate(brakes, place, watchdog, bus, published, last=last, told_s=self._told_s)
            self.attempts += 1
            refused = True
            try:
                meta = await attempt.open(watchdog)
                refused = False
            finally:
                brakes.answered(refused=refused)
        if meta is not None:
            bus.publish_all((meta,), published)
        return attempt

    def explain(self, error: TidewireError | LimitPassed, watchdog: Watchdog) -> TidewireError:
        """The error that the caller should see, for what came out of the attempt."""
        if self.attempt is not None:
            return self.attempt.explain(error, watchdog)
        assert isinstance(error, TidewireError), "nothing takes long before there is an attempt"
        return error

    def again(
        self, error: TidewireError, watchdog: Watchdog, fold: Fold, content_from: int | None
    ) -> list[Event] | None:
        """Prepare another attempt after an error: what to publish of it, or None when the error is the last word.

        Args:
            error: Why the attempt failed.
            watchdog: The call's.
            fold: What was heard of the attempt.
            content_from: The ``seq`` of the first content of the attempt; None when nothing was heard of it.
        """
        settings = self.settings
        said = content_from is not None
        gate_s = self._close_gate(error)
        # An answer that cannot be read is only looked at where it may be discarded.
        if said and settings.resume is None and not isinstance(error, OutputParsingError):
            return None
        events: list[Event]
        wait = settings.retry.wait_before_retry(error, self.attempts, watchdog.remaining_s, after_content=said)
        if wait is not None and self._affords(error, wait, gate_s, watchdog.remaining_s):
            self._known_failures().attempt_failed(error)
            events = [Retry(self.attempts, self._wait_s or self._told_s, reason_of(error), content_from)]
        else:
            before, attempts = settings, self.attempts
            if not self._take_over(error):
                return None
            after = self.settings
            watchdog.restart(after.timeout)
            events = [
                Fallback(_name(before), _name(after), error),
                Meta(model=after.model, data={"model_provider": after.adapter.provider}),
            ]
            if said:
                events.insert(0, Retry(attempts, 0.0, reason_of(error), content_from))
        attempt, self.attempt = self.attempt, None
        if attempt is not None:
            attempt.drop()
            attempt.settle(fold.usage_event())
        watchdog.expired = None
        return events

    def minds(self, kind: type[TidewireError]) -> bool:
        """Whether an error of a kind that no provider knows of may lead to another attempt."""
        wanted = self.settings.retry.exceptions or ()
        if self._fallbacks is not None and self._next < len(self._fallbacks.models):
            wanted = (*wanted, *self._fallbacks.exceptions)
        return any(issubclass(kind, one) or issubclass(one, kind) for one in wanted)

    def outcome(self, error: TidewireError) -> TidewireError:
        """The error to raise for one that is the last word."""
        fallbacks = self._fallbacks
        handled = fallbacks is not None and isinstance(error, fallbacks.exceptions)
        return self._known_failures().outcome(error, self.attempts, handled=handled)

    def end(self, *, succeeded: bool) -> None:
        """The model is asked no more. Safe to call twice."""
        brakes, self._brakes = self._brakes, None
        if brakes is not None:
            brakes.end(succeeded=succeeded, retried=self._paid)

    def _meet(self, settings: Settings) -> None:
        """The first attempt with a model."""
        if settings.adapter.idempotency_header is not None:
            # Not the run's id: a caller may give the same one to two runs, which are two requests all the same.
            self._key = f"tidewire-{os.urandom(16).hex()}"
        if settings.retry.max_retries:
            self._brakes = brakes_for(settings)
            self._place = self._brakes.begin()

    def _close_gate(self, error: TidewireError) -> float | None:
        """Close the gate if the error asks for it; gives the seconds until it opens."""
        if self._brakes is None or not closes_gate(error):
            return None
        seconds = self.settings.retry.closing_s(error, self.attempts)
        # A provider that asks for more than anybody here waits is asked by the next call for itself.
        return None if seconds is None else self._brakes.close(seconds)

    def _affords(self, error: TidewireError, wait_s: float, gate_s: float | None, remaining_s: float | None) -> bool:
        """Whether another attempt is within the quota, or at the gate within the time."""
        if gate_s is not None:
            self._wait_s, self._told_s = 0.0, gate_s
            return remaining_s is None or gate_s < remaining_s
        self._wait_s, self._told_s = wait_s, 0.0
        brakes = self._brakes
        if brakes is None or isinstance(error, OutputParsingError):
            return brakes is not None
        if not brakes.take():
            return False
        self._paid = True
        return True

    def _take_over(self, given: TidewireError) -> bool:
        """Let the next model take over, if there is one for this error."""
        fallbacks = self._fallbacks
        if fallbacks is None or not isinstance(given, fallbacks.exceptions):
            return False
        error, settings = given, self.settings
        failures = self._known_failures()
        while self._next < len(fallbacks.models):
            settings = fallbacks.models[self._next].settings_for(None)  # decided: it is whole
            self._next += 1
            self.end(succeeded=False)
            failures.model_failed(error, self.attempts, settings.adapter.provider, settings.model)
            self.settings, self.attempts, self._paid, self._key = settings, 0, False, None
            self._wait_s = self._told_s = 0.0
            try:
                self.request = _request(settings, self._messages, self.stream)
            except ConfigurationError as refused:
                if not isinstance(refused, fallbacks.exceptions):
                    raise
                error = refused
            else:
                return True
        if error is not given:
            failures.model_failed(error, 0, settings.adapter.provider, settings.model)
        return False

    def _known_failures(self) -> Failures:
        if self._failures is None:
            self._failures = Failures(self.settings.adapter.provider, self.settings.model)
        return self._failures


def _request(settings: Settings, messages: list[BaseMessage], stream: bool) -> ModelRequest:
    return settings.request(messages, stream=stream if settings.streaming is None else settings.streaming)


def _name(settings: Settings) -> str:
    return f"{settings.adapter.provider}:{settings.model}"


__all__ = ["Tries"]
