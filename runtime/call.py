"""The pump: carries one model call from the request to the end, and publishes what happens on the run's bus.

It runs in the task that wants the answer. Each :meth:`Call.read` waits for the events of one network read, publishes
them, lets the awaited subscribers finish, and returns them; the first one sends the request, and the last one ends
with ``end``. Whatever goes wrong is decided here: tried again before the first content, otherwise raised with what
arrived. The connection is closed before ``end`` is published.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import anyio

from tidewire.adapters.spec import ModelRequest
from tidewire.attempt import timed_out
from tidewire.config import parse_run_id
from tidewire.events.bus import Bus, current_bus, scoped_subscriptions
from tidewire.events.callbacks import subscriptions
from tidewire.events.convert import ModelInput, convert_to_messages
from tidewire.events.costs import add_costs, cost_of, unknown_cost
from tidewire.events.errors import OutputParsingError, TidewireError
from tidewire.events.messages import AIMessage
from tidewire.events.types import CONTENT, Cost, End, Event, Outcome, Retry, Run, Start
from tidewire.response_cache import chosen_cache
from tidewire.runs import left_early, make_run
from tidewire.settings import Settings
from tidewire.tries import Tries
from tidewire.watchdog import LimitPassed, Watchdog

if TYPE_CHECKING:
    from tidewire.shared_calls import Share


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
        "_content_from",
        "_message",
        "_over",
        "_share",
        "_spent",
        "_started",
        "_streamed",
        "_tries",
        "_watchdog",
        "bus",
        "cost",
        "error",
        "run",
    )

    def __init__(
        self, settings: Settings, input: ModelInput, config: Mapping[str, Any] | None, *, stream: bool | None
    ) -> None:
        merged = settings.config_for(config)
        settings = settings.decided(config)
        parent = current_bus()
        self.run = _run_of(settings, merged, parent)
        self.bus = Bus(
            self.run,
            [*subscriptions(merged.get("callbacks")), *subscriptions(settings.callbacks), *scoped_subscriptions()],
            parent=parent,
            recursion_limit=merged.get("recursion_limit", 25),
        )
        wanted = self.bus.wants_tokens if stream is None else stream
        self._tries = Tries(settings, convert_to_messages(input), stream=wanted)
        self._streamed = stream is not None
        self._watchdog: Watchdog | None = None
        self._share: Share | None = None
        #: What it cost, once it is over; None where nobody answered.
        self.cost: Cost | None = None
        #: What ended it early, once it is over; each further read raises it.
        self.error: Exception | None = None
        self._message: AIMessage | None = None
        # The number of the first event of the answer that was published, if there is one.
        self._content_from: int | None = None
        # What attempts cost whose answers do not count.
        self._spent: Cost | None = None
        self._started = False
        self._over = False

    @property
    def settings(self) -> Settings:
        """The settings of the model that is asked: of the one that answered, once the call is over."""
        return self._tries.settings

    @property
    def request(self) -> ModelRequest:
        """What the codec is asked to spell."""
        return self._tries.request

    @property
    def attempts(self) -> int:
        """The HTTP requests made."""
        return self._tries.attempts

    @property
    def over(self) -> bool:
        """True once ``end`` was published, or when the call never began."""
        return self._over or not self._started

    @property
    def message(self) -> AIMessage:
        """The message of a call that is over."""
        return AIMessage.from_fold(self.bus.fold) if self._message is None else self._message

    async def read(self) -> list[Event] | None:
        """The next events, published and heard by everybody else; None after the last ones.

        Raises:
            TidewireError: The call failed; everything that arrived before was returned by earlier reads.
        """
        if self._over:
            if self.error is not None:
                raise self.error
            return None
        published: list[Event] = []
        try:
            await self._advance(published)
            await self.bus.flush()
            if self.bus.failure is not None:
                if not self._over:
                    raise self.bus.failure
                self.error = self.bus.failure  # of a subscriber of the end: the answer is whole, and then this
        except BaseException as error:  # noqa: BLE001 - every way out of a call publishes its end
            await self._fail(error, published)
        return published

    async def abandon(self) -> None:
        """The consumer leaves: close the connection and end the run. Safe to call at any time, and twice."""
        if not self._started:
            self._never_begin()
        elif not self._over:
            self._end("abandoned", None, [])
            await self.bus.flush()

    def abandon_nowait(self) -> None:
        """As :meth:`abandon`, where nothing can be awaited any more; awaited subscribers do not hear of it."""
        if not self._started:
            self._never_begin()
        elif not self._over:
            self._end("abandoned", None, [])
            self.bus.close()

    def _never_begin(self) -> None:
        """Closed before the first read: nothing is asked any more."""
        self._started = self._over = True
        self.error = left_early(self.run, None)

    async def _advance(self, published: list[Event]) -> None:
        if not self._started:
            self._started = True
            tries = self._tries
            self._watchdog = Watchdog(tries.settings.timeout)
            request, form = tries.request, tries.settings.form
            options = {} if form is None else form.options_of(request)
            self.bus.publish_all((Start(request.messages, request.parameters, options),), published)
            await self.bus.flush()
            cache = chosen_cache(tries.settings.cache)
            if cache is not None:
                from tidewire.shared_calls import join

                self._share = await join(cache, tries.settings, tries.request, self._again, stream=tries.stream)
        watchdog = self._watchdog
        assert watchdog is not None
        watchdog.begin_wait()
        try:
            while not await (self._step if self._share is None else self._take)(watchdog, published):
                pass
        finally:
            watchdog.end_wait()

    def _again(self, settings: Settings) -> Call:
        """A call of its own that asks the same."""
        return Call(settings, self.request.messages, None, stream=True if self._streamed else None)

    async def _take(self, watchdog: Watchdog, published: list[Event]) -> bool:
        """The next part of an answer that is cached or shared with other calls. True when there is something to return.

        Of the limits only the total is this call's own; the others are those of the call that asks.
        """
        share, tries = self._share, self._tries
        assert share is not None, "only a share is taken from"
        before = len(published)
        with anyio.move_on_after(watchdog.remaining_s) as scope:
            await share.more()
        asked = share.asked
        if asked is not None:  # who answers, and to what request, may be another model of the fallbacks
            tries.settings, tries.request, tries.attempts = asked.settings, asked.request, asked.attempts
        if scope.cancelled_caught:
            raise timed_out(watchdog.timeout, "total")
        try:
            self.bus.publish_all(share.events(), published)
        finally:
            for event in published[before:]:
                if type(event) is Retry:
                    self._content_from = None
                elif self._content_from is None and type(event) in CONTENT:
                    self._content_from = event.seq
        if share.done:
            self._end("ok", None, published)
        return share.done or len(published) > before

    async def _step(self, watchdog: Watchdog, published: list[Event]) -> bool:
        """One network read, or a failure that is not the last word. True when there is something to return."""
        before = len(published)
        tries = self._tries
        data = b""
        try:
            attempt = tries.attempt
            if attempt is None:
                attempt = await tries.begin(watchdog, self.bus, published)
                if self._over:  # left by another task meanwhile
                    attempt.drop()
                    return True
                before = len(published)
            response, decoder = attempt.response, attempt.decoder
            data = await watchdog.guard(response.read(), response.abort)
            self.bus.publish_all(decoder.feed(data) if data else decoder.close(), published)
        except (TidewireError, LimitPassed) as raised:
            error = tries.explain(raised, watchdog)
            data = b""  # whoever records the local variables of a traceback need not have it
        else:
            if self._content_from is None:
                self._content_from = _first_content(published, before)
            if data and not decoder.done:
                return len(published) > before
            await response.aclose()
            misread = self._misread()
            if misread is None or not self._try_again(misread, watchdog, published):
                self._end("ok", None, published)
            return True
        if self._content_from is None:
            self._content_from = _first_content(published, before)
        if not self._try_again(error, watchdog, published):
            # Out here, where what is handled does not take the place of what an error shows of those before it.
            raise tries.outcome(error)
        return True

    def _try_again(self, error: TidewireError, watchdog: Watchdog, published: list[Event]) -> bool:
        """Prepare another attempt; False when the error is the last word."""
        if self._over:  # left by another task, which has closed the connection
            return False
        # Before the fold forgets it. An answer that never began is not charged for.
        spent = self._spent if self._content_from is None else self._cost(is_answered=True)
        events = self._tries.again(error, watchdog, self.bus.fold, self._content_from)
        if events is None:
            return False
        self._spent = spent
        self._content_from = None
        # Read at once, before the wait that they tell of.
        self.bus.publish_all(events, published)
        return True

    def _misread(self) -> OutputParsingError | None:
        """Why the whole answer is not in the form that was asked for, where that leads to another attempt.

        The caller of a stream has seen the value grow; it is asked for anew only under ``resume``.
        """
        tries = self._tries
        form = tries.settings.form
        if form is None or (self._streamed and tries.settings.resume is None) or not tries.minds(OutputParsingError):
            return None
        fold = self.bus.fold.copy()
        fold.last = True
        message = AIMessage.from_fold(fold)
        try:
            form.parse(message, None if fold.finish is None else fold.finish.reason, tries.request)
        except OutputParsingError as error:
            error.raw = message
            return error
        return None

    async def _fail(self, error: BaseException, published: list[Event]) -> None:
        """End the run because of ``error``; raise it now, or by the next read if events are to be returned first."""
        if isinstance(error, TidewireError):
            error.provider = error.provider or self.run.provider
            error.model = error.model or self.run.model
            error.attempts = error.attempts or self._tries.attempts
            if self._content_from is not None and error.partial is None:
                error.partial = AIMessage.from_fold(self.bus.fold)
        if isinstance(error, GeneratorExit):
            self._end("abandoned", None, published)
            self.bus.close()
            raise error
        failed = isinstance(error, Exception)
        self._end("error" if failed else "cancelled", error, published)
        if isinstance(error, Exception) and self.error is None:
            self.error = error  # of a limiter that was told of the end: the answer is whole, and then this
        await self.bus.flush()
        if failed and published:
            return  # the next read raises it
        raise error

    def _end(self, outcome: Outcome, error: BaseException | None, published: list[Event]) -> None:
        if self._over:  # left, while a task that is being cancelled was still reading
            return
        assert self._watchdog is not None, "only a run that has begun ends"
        self._watchdog.stop()
        tries = self._tries
        attempt, tries.attempt = tries.attempt, None
        if attempt is not None and outcome != "ok":
            attempt.drop()
        tries.end(succeeded=outcome == "ok")
        share = self._share
        if share is not None:
            self.bus.publish_all(share.leave(), published)
        self._over = True
        fold = self.bus.fold
        usage = fold.usage_event()
        self._message = message = AIMessage.from_fold(fold) if fold.has_content or outcome == "ok" else None
        if isinstance(error, Exception):
            self.error = error
        elif outcome != "ok":
            self.error = left_early(self.run, outcome, message, tries.attempts)
        answered = attempt is not None and attempt.is_answered
        self.cost = self._cost(is_answered=answered) if share is None else share.cost
        self.bus.publish_all(
            (
                End(
                    outcome,
                    message,
                    usage=usage,
                    usage_source="unknown" if usage is None else "reported",
                    error=error if isinstance(error, Exception) else None,
                    cost=self.cost,
                ),
            ),
            published,
        )
        if attempt is not None:  # last: a limiter that fails here cannot keep the run from ending
            attempt.settle(usage)

    def _cost(self, *, is_answered: bool) -> Cost | None:
        """What the present attempt costs, and those before it whose answers do not count; None where there is none."""
        fold, settings = self.bus.fold, self._tries.settings
        usage, model = fold.usage_event(), fold.meta.model or settings.model
        if usage is not None:
            cost = cost_of(usage, settings.prices, model)
        elif is_answered:
            cost = unknown_cost(model)
        else:
            return self._spent
        return cost if self._spent is None else add_costs(self._spent, cost)


def _first_content(events: list[Event], start: int) -> int | None:
    """The number of the first event that is part of an answer, from a place in the list on."""
    for event in events[start:]:
        if type(event) in CONTENT:
            return event.seq
    return None


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
