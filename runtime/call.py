"""The pump: carries one model call from the request to the end, and publishes what happens on the run's bus.

It runs in the task that wants the answer. Each :meth:`Call.read` waits for the events of one network read, publishes
them, lets the awaited subscribers finish, and returns them; the first one sends the request, and the last one ends
with ``end``. Whatever goes wrong is decided here: tried again before the first content, otherwise raised with what
arrived. The connection is closed before ``end`` is published.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import anyio

from tidewire.adapters.spec import ModelRequest
from tidewire.admission import wait_for_turn
from tidewire.attempt import Attempt
from tidewire.config import parse_run_id
from tidewire.events.bus import Bus, current_bus, scoped_subscriptions
from tidewire.events.callbacks import subscriptions
from tidewire.events.convert import ModelInput, convert_to_messages
from tidewire.events.errors import APIStatusError, TidewireError
from tidewire.events.messages import AIMessage
from tidewire.events.types import CONTENT, End, Event, Outcome, Retry, Run, Start
from tidewire.runs import make_run
from tidewire.settings import Settings
from tidewire.watchdog import LimitPassed, Watchdog


class Call:
    """One model call.

    Args:
        settings: The model's settings.
        input: The conversation.
        config: The call's config.
        stream: Ask for a stream: True, or None to ask only when somebody listens to tokens.

    Raises:
        ConfigurationError: The input or the config is wrong.
        RecursionLimitError: Runs are nested too deeply.
    """

    __slots__ = (
        "_attempt",
        "_attempts",
        "_content",
        "_error",
        "_over",
        "_request",
        "_settings",
        "_started",
        "_watchdog",
        "bus",
        "run",
    )

    def __init__(
        self, settings: Settings, input: ModelInput, config: Mapping[str, Any] | None, *, stream: bool | None
    ) -> None:
        merged = settings.config_for(config)
        parent = current_bus()
        self.run = _run_of(settings, merged, parent)
        self.bus = Bus(
            self.run,
            [*subscriptions(merged.get("callbacks")), *subscriptions(settings.callbacks), *scoped_subscriptions()],
            parent=parent,
            recursion_limit=merged.get("recursion_limit", 25),
        )
        wanted = stream if settings.streaming is None else settings.streaming
        self._settings = settings
        self._request: ModelRequest = settings.request(
            convert_to_messages(input), stream=self.bus.wants_tokens if wanted is None else wanted
        )
        self._watchdog: Watchdog | None = None
        self._attempt: Attempt | None = None
        self._attempts = 0
        self._error: BaseException | None = None
        self._content = False
        self._started = False
        self._over = False

    @property
    def settings(self) -> Settings:
        """The settings that it is made with."""
        return self._settings

    @property
    def request(self) -> ModelRequest:
        """What the codec is asked to spell."""
        return self._request

    @property
    def over(self) -> bool:
        """True once ``end`` was published, or when the call never began."""
        return self._over or not self._started

    @property
    def message(self) -> AIMessage:
        """The message of a call that is over."""
        return AIMessage.from_fold(self.bus.fold)

    async def read(self) -> list[Event] | None:
        """The next events, published and heard by everybody else; None after the last ones.

        Raises:
            TidewireError: The call failed; everything that arrived before was returned by earlier reads.
        """
        if self._over:
            if self._error is not None:
                error, self._error = self._error, None
                raise error
            return None
        published: list[Event] = []
        try:
            await self._advance(published)
            await self.bus.flush()
            if self.bus.failure is not None:
                if not self._over:
                    raise self.bus.failure
                self._error = self.bus.failure  # of a subscriber of the end: the answer is whole, and then this
        except BaseException as error:  # noqa: BLE001 - every way out of a call publishes its end
            await self._fail(error, published)
        return published

    async def abandon(self) -> None:
        """The consumer leaves: close the connection and end the run. Safe to call at any time, and twice."""
        if not self.over:
            self._end("abandoned", None, [])
            await self.bus.flush()

    def abandon_nowait(self) -> None:
        """As :meth:`abandon`, where nothing can be awaited any more; awaited subscribers do not hear of it."""
        if not self.over:
            self._end("abandoned", None, [])
            self.bus.close()

    async def _advance(self, published: list[Event]) -> None:
        if not self._started:
            self._started = True
            self._watchdog = Watchdog(self._settings.timeout)
            self.bus.publish_all((Start(self._request.messages, self._request.parameters),), published)
            await self.bus.flush()
        watchdog = self._watchdog
        assert watchdog is not None
        watchdog.begin_wait()
        try:
            while not await self._step(watchdog, published):
                pass
        finally:
            watchdog.end_wait()

    async def _step(self, watchdog: Watchdog, published: list[Event]) -> bool:
        """One network read, or the wait before another attempt. True when there is something to return."""
        before = len(published)
        try:
            attempt = self._attempt
            if attempt is None:
                attempt = await self._begin_attempt(watchdog, published)
                before = len(published)
            response, decoder = attempt.response, attempt.decoder
            data = await watchdog.guard(response.read(), response.abort)
            self.bus.publish_all(decoder.feed(data) if data else decoder.close(), published)
        except (TidewireError, LimitPassed) as raised:
            error = raised if self._attempt is None else self._attempt.explain(raised, watchdog)
            assert isinstance(error, TidewireError), "nothing takes long before there is an attempt"
            if len(published) > before and not self._content:
                self._content = any(type(event) in CONTENT for event in published)
            await self._retry_or_raise(error, watchdog, published)
            return False
        if not self._content and len(published) > before:
            self._content = any(type(event) in CONTENT for event in published)
        if not data or decoder.done:
            await response.aclose()
            self._end("ok", None, published)
            return True
        return len(published) > before

    async def _begin_attempt(self, watchdog: Watchdog, published: list[Event]) -> Attempt:
        attempt = self._attempt = Attempt(self._settings, self._request)
        if not self._attempts and attempt.warnings:
            self.bus.publish_all(attempt.warnings, published)
        attempt.reservation = await wait_for_turn(self._settings, self._request, self.bus, published)
        self._attempts += 1
        meta = await attempt.open(watchdog)
        if meta is not None:
            self.bus.publish_all((meta,), published)
        return attempt

    async def _retry_or_raise(self, error: TidewireError, watchdog: Watchdog, published: list[Event]) -> None:
        if self._content:
            raise error
        wait = self._settings.retry.wait_before_retry(error, self._attempts, watchdog.remaining_s)
        if wait is None:
            raise error
        attempt, self._attempt = self._attempt, None
        if attempt is not None:
            attempt.drop()
            attempt.settle(self.bus.fold.usage_event())
        watchdog.expired = None
        reason = type(error).__name__
        if isinstance(error, APIStatusError) and error.status_code is not None:
            reason = f"{reason} ({error.status_code})"
        self.bus.publish_all((Retry(self._attempts, wait, reason),), published)
        await self.bus.flush()
        await anyio.sleep(wait)

    async def _fail(self, error: BaseException, published: list[Event]) -> None:
        """End the run because of ``error``; raise it now, or by the next read if events are to be returned first."""
        if isinstance(error, TidewireError):
            error.provider = error.provider or self.run.provider
            error.model = error.model or self.run.model
            error.attempts = self._attempts
            if self._content and error.partial is None:
                error.partial = AIMessage.from_fold(self.bus.fold)
        if isinstance(error, GeneratorExit):
            self._end("abandoned", None, published)
            self.bus.close()
            raise error
        failed = isinstance(error, Exception)
        self._end("error" if failed else "cancelled", error, published)
        await self.bus.flush()
        if failed and published:
            self._error = error
            return
        raise error

    def _end(self, outcome: Outcome, error: BaseException | None, published: list[Event]) -> None:
        assert self._watchdog is not None, "only a run that has begun ends"
        self._watchdog.stop()
        attempt, self._attempt = self._attempt, None
        if attempt is not None and outcome != "ok":
            attempt.drop()
        self._over = True
        fold = self.bus.fold
        usage = fold.usage_event()
        self.bus.publish_all(
            (
                End(
                    outcome,
                    AIMessage.from_fold(fold) if fold.has_content or outcome == "ok" else None,
                    usage=usage,
                    usage_source="unknown" if usage is None else "reported",
                    error=error if isinstance(error, Exception) else None,
                ),
            ),
            published,
        )
        if attempt is not None:  # last: a limiter that fails here cannot keep the run from ending
            attempt.settle(usage)


def _run_of(settings: Settings, config: Mapping[str, Any], parent: Bus | None) -> Run:
    given = config.get("run_id")
    return make_run(
        kind="chat_model",
        name=config.get("run_name") or settings.adapter.class_name,
        parent=parent,
        tags=(*config.get("tags", ()), *settings.tags),
        metadata={**settings.metadata, **config.get("metadata", {})},
        id=None if given is None else parse_run_id(given),
        provider=settings.adapter.provider,
        model=settings.model,
    )


__all__ = ["Call"]
