"""Everything at once: retries, restarts, fallbacks, caches, limiters, forms and callers that leave, in random mixtures.

Whatever is mixed, each run keeps to the grammar, and nothing is left behind: no connection, no place in a limiter or a
quota, no shared request.
"""

from __future__ import annotations

import contextlib
import random
from typing import Any

import anyio
import pytest
from anyio.lowlevel import checkpoint
from pydantic import BaseModel

from tests.events.grammar import check_grammar
from tests.runtime.test_call import DONE, ERROR, FINISH, GOOD, USAGE, frame, status
from tidewire import ChatModel, RetryPolicy, StructuredModel, Timeout, chain, init_chat_model
from tidewire.adapters.replay_transport import Exchange, ReplayTransport
from tidewire.brakes import brakes_for
from tidewire.caches import InMemoryCache
from tidewire.callbacks import get_usage_metadata_callback
from tidewire.errors import APIConnectionError, OutputParsingError, TidewireError
from tidewire.events.bus import subscribe
from tidewire.events.types import End, Event, Run
from tidewire.model import Model
from tidewire.rate_limiters import TokenRateLimiter
from tidewire.shared_calls import flights_in_air


class Answer(BaseModel):
    """An answer."""

    number: int


VALUE = frame('{"number"') + frame(": 7}") + FINISH + USAGE + DONE
EXCHANGES: tuple[bytes | Exchange, ...] = (
    GOOD,
    VALUE,
    VALUE,
    Exchange(body=GOOD, cuts="event"),
    Exchange(body=VALUE, cuts="byte"),
    Exchange(body=frame("a") + frame("b"), cuts="event", ending="reset"),
    Exchange(body=USAGE + frame("a"), cuts="event", ending="reset"),
    Exchange(body=frame("a") + ERROR, cuts="event"),
    ERROR,
    b"",
    Exchange(error=APIConnectionError("no route")),
    Exchange(error=APIConnectionError("no route")),
    status(400),
    status(401),
    status(429, headers={"retry-after-ms": "1"}),
    status(500),
    status(503),
    Exchange(body=frame("a"), cuts="event", ending="hang"),
)


class Watched(TokenRateLimiter):
    """A limiter that shows what has not come back to it."""

    @property
    def unsettled(self) -> tuple[float, float]:
        return self._queue.waiting.requests, self._queue.unseen.requests


LIMIT = Watched(tokens_per_minute=1e9, requests_per_minute=1e9, expected_output_tokens=10)


class Mixture:
    """A model of many parts, and what was heard of its calls."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self.transports: list[ReplayTransport] = []
        self.singles: list[ChatModel] = []
        self.by_run: dict[Run, list[Event]] = {}

    def __call__(self, run: Run, event: Event) -> None:
        self.by_run.setdefault(run, []).append(event)

    def single(self, name: str) -> ChatModel:
        dice = self.dice
        transport = ReplayTransport([dice.choice(EXCHANGES) for _ in range(60)])
        settings: dict[str, Any] = {
            "cache": dice.choice([False, False, InMemoryCache()]),
            "rate_limiter": dice.choice([None, LIMIT]),
            "resume": dice.choice([None, "restart"]),
            "retry": RetryPolicy(max_retries=dice.choice([0, 2]), initial_s=0.0, max_s=0.0, random=lambda: 0.0),
            "streaming": dice.choice([None, None, True, False]),
            "timeout": Timeout(first_event=0.05, between_events=0.05, total=dice.choice([None, None, 0.1])),
        }
        model = init_chat_model(f"openai:{name}", api_key="k", transport=transport, **settings)
        self.transports.append(transport)
        self.singles.append(model)
        return model

    def model(self) -> Model[Any, Any]:
        dice = self.dice
        first = self.single("a")
        model = first
        if dice.random() < 0.6:
            others = [self.single("b"), *([self.single("c")] if dice.random() < 0.4 else [])]
            model = first.with_fallbacks(others)
        if dice.random() < 0.4:
            model = model.with_retry(
                retry_if_exception_type=dice.choice([None, TidewireError, OutputParsingError]),
                wait_exponential_jitter=False,
                stop_after_attempt=dice.choice([1, 2, 3]),
            )
        form: StructuredModel[Answer] | None = None
        if dice.random() < 0.4:
            form = model.with_structured_output(Answer)
        return model if form is None else form

    async def use(self, model: Model[Any, Any]) -> None:
        """Use it in one of the ways that there are; how that turns out does not matter here."""
        how = self.dice.choice(["ainvoke", "astream", "left", "cancelled", "abatch", "records", "chain", "completed"])
        try:
            match how:
                case "ainvoke":
                    await model.ainvoke("hi")
                case "astream":
                    await model.astream("hi").result()
                case "left":
                    async with model.astream("hi") as stream:
                        async for _ in stream:
                            break
                case "cancelled":
                    ticks = self.dice.randrange(12)
                    async with anyio.create_task_group() as group:
                        group.start_soon(self.quietly, model)
                        group.start_soon(self.quietly, model)
                        for _ in range(ticks):
                            await checkpoint()
                        group.cancel_scope.cancel()
                case "abatch":
                    await model.abatch(["hi", "hi", "ho", "hi"], return_exceptions=self.dice.random() < 0.7)
                case "completed":
                    async with model.abatch_as_completed(["hi", "hi", "ho"], return_exceptions=True) as done:
                        async for _ in done:
                            break
                case "records":
                    async for _ in model.astream_events("hi"):
                        continue
                case _:

                    def outer(text: str) -> object:  # in a worker thread
                        return model.invoke(text)

                    async for _ in chain(outer).astream_events("hi"):
                        continue
        except TidewireError:
            pass

    async def quietly(self, model: Model[Any, Any]) -> None:
        with contextlib.suppress(TidewireError):
            await model.ainvoke("hi")


@pytest.mark.parametrize("seed", range(15))
async def test_runs_keep_to_the_grammar_and_leave_nothing_behind(seed: int) -> None:
    mixture = Mixture(seed)
    model = mixture.model()
    with subscribe(mixture), get_usage_metadata_callback() as usage:
        for _ in range(3):
            await mixture.use(model)
    for run, events in mixture.by_run.items():
        check_grammar(events, run.kind)
    with anyio.fail_after(60):
        while flights_in_air() or any(transport.open_responses for transport in mixture.transports):
            await checkpoint()
    ends = [events[-1] for run, events in mixture.by_run.items() if run.kind == "chat_model"]
    counted = sum(end.usage.total_tokens for end in ends if isinstance(end, End) and end.usage is not None)
    assert sum(one["total_tokens"] for one in usage.usage_metadata.values()) == counted
    for single in mixture.singles:
        assert "calls=0" in repr(brakes_for(single.settings))
    assert LIMIT.unsettled == (0, 0)
