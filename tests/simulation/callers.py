"""Those who call models in a simulated run: each does one thing that users do, and checks what it got for it."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Literal

import anyio
from anyio.lowlevel import checkpoint

from tests.simulation.ledger import SHARED, Ledger
from tests.simulation.network import Network
from tidewire import Chain, ChatModel, RetryPolicy, StopRun, Timeout, chain, init_chat_model, open_tap, subscribe
from tidewire.caches import InMemoryCache
from tidewire.events.errors import TidewireError
from tidewire.events.messages import AIMessage
from tidewire.events.taps import Policy
from tidewire.events.types import End, Event, Run, Token
from tidewire.rate_limiters import BaseRateLimiter, InMemoryRateLimiter, TokenRateLimiter
from tidewire.tools import tool

MOST_RETRIES = 3
#: The most requests of one call: two models, each with all its retries.
MOST_REQUESTS = 2 * (1 + MOST_RETRIES)


class Tripped(Exception):
    """What the subscribers of simulated runs raise."""


#: What may come out of a call; everything else is a fault of the library's.
EXPECTED = (TidewireError, StopRun, Tripped)


class Cast:
    """The models of one simulated run, and what they share.

    Args:
        network: What answers.
        clock: Monotonic seconds of the event loop.
        chance: Says what the models are like.
    """

    def __init__(self, network: Network, clock: Callable[[], float], chance: random.Random) -> None:
        pace = network.pace_s
        retry = RetryPolicy(
            max_retries=chance.randint(0, MOST_RETRIES),
            initial_s=0.5 * pace,
            max_s=8 * pace,
            max_retry_after_s=60 * pace,
            random=random.Random(chance.random()).random,
            clock=clock,
        )
        limiters: list[Callable[[], BaseRateLimiter | None]] = [
            lambda: None,
            lambda: None,
            lambda: InMemoryRateLimiter(requests_per_second=5 / pace, max_bucket_size=2, clock=clock),
            lambda: TokenRateLimiter(
                requests_per_minute=600 / pace, tokens_per_minute=60_000 / pace, burst_s=0.5 * pace, clock=clock
            ),
        ]
        limiter = chance.choice(limiters)()
        total = chance.choice((None, None, 6.0 * pace))
        settings: dict[str, Any] = {
            "api_key": "k",
            "transport": network,
            "retry": retry,
            "rate_limiter": limiter,
            "timeout": Timeout(connect=pace, first_event=2 * pace, between_events=pace, total=total),
            "streaming": chance.choice((None, None, True, False)),
            "resume": chance.choice((None, None, "restart")),
        }
        first = init_chat_model("openai:m", **settings)
        other = init_chat_model("anthropic:c", max_tokens=100, **settings)
        models = [first, other, first.bind_tools([note]), first.with_fallbacks([other]), other.with_fallbacks([first])]
        self.chance = chance
        self.network = network
        self.model: ChatModel = chance.choice(models)
        self.cached: ChatModel = self.model.bind(cache=InMemoryCache())


@tool
async def note(of: str) -> str:
    """Take a note."""
    await checkpoint()
    return f"noted {of}"


class Caller:
    """One who calls.

    Args:
        cast: Whom.
        ledger: Who hears all of it.
        name: Who this is: the name of the runs, and the beginning of the prompts.
        chance: Says what is done, and how.
    """

    def __init__(self, cast: Cast, ledger: Ledger, name: str, chance: random.Random) -> None:
        self._cast = cast
        self._ledger = ledger
        self._chance = chance
        self.name = name
        self._acts: list[Callable[[], Awaitable[object]]] = [
            self._invoke, self._invoke, self._stream, self._stream, self._leave, self._leave, self._batch,
            self._as_completed, self._events, self._records, self._tap, self._share, self._share, self._chain,
            self._chain,
        ]  # fmt: skip
        self._act = chance.choice(self._acts)

    async def run(self) -> None:
        """Do it. What a call may raise is taken; what it may not is raised on."""
        await self._pause()
        try:
            if self._chance.random() < 0.15:
                with subscribe(_Listener(self._cast, self._chance), critical=True):
                    await self._act()
            else:
                await self._act()
        except EXPECTED:
            pass

    async def _pause(self) -> None:
        if seconds := self._cast.network.delay_s(self._chance):
            await anyio.sleep(seconds)

    def _config(self, name: str | None = None) -> dict[str, Any]:
        config: dict[str, Any] = {"run_name": name or self.name}
        if self._chance.random() < 0.6:
            config["callbacks"] = [_Listener(self._cast, self._chance) for _ in range(self._chance.randint(1, 2))]
        return config

    async def _invoke(self) -> None:
        await self._asked(self._cast.model, f"{self.name}.1", self.name)

    async def _asked(self, model: ChatModel, prompt: str, name: str) -> AIMessage:
        """One call, and that what came out of it is what its run says."""
        before = len(self._ledger.named(name))
        config: Any = self._config(name)
        raised: Exception | None = None
        message: AIMessage | None = None
        try:
            message = await model.ainvoke(prompt, config)
        except EXPECTED as error:
            raised = error
        end = self._ledger.named(name)[before][-1]
        assert isinstance(end, End), f"{name}: over before the end"
        if raised is not None:
            is_told = end.error is raised or not isinstance(raised, TidewireError)
            assert is_told, f"{name}: {raised!r}, but the end says {end.error!r}"
            raise raised
        assert message is not None
        assert message.text.startswith(f"[{prompt}#"), f"{prompt} was answered {message.text!r}"
        assert end.outcome == "ok", f"{name}: an answer, although it ended with {end.outcome}"
        return message

    async def _stream(self, name: str | None = None, prompt: str | None = None) -> str:
        name, prompt = name or self.name, prompt or f"{self.name}.1"
        before = len(self._ledger.named(name))
        config: Any = self._config(name)
        total = None
        async for chunk in self._cast.model.astream(prompt, config):
            total = chunk if total is None else total + chunk
            await self._pause()
        end = self._ledger.named(name)[before][-1]
        assert isinstance(end, End), f"{name}: the stream is over before the end"
        assert total is not None
        assert isinstance(end.output, AIMessage)
        assert total.text == end.output.text, f"{name}: the sum is not the message"
        assert total.tool_calls == end.output.tool_calls
        assert total.usage_metadata == end.output.usage_metadata
        return total.text

    async def _leave(self) -> None:
        how: Literal["block", "close", "break"] = self._chance.choice(("block", "close", "break"))
        after = self._chance.randint(0, 4)
        config: Any = self._config()
        stream = self._cast.model.astream(f"{self.name}.1", config)
        if how == "block":
            async with stream:
                await self._read(stream, after)
        elif how == "close":
            try:
                await self._read(stream, after)
            finally:
                await stream.aclose()
        else:
            await self._read(stream, after)

    async def _read(self, stream: Any, count: int) -> None:  # noqa: ANN401  any iterator
        async for _ in stream:
            count -= 1
            if count < 0:
                break
            await self._pause()

    async def _batch(self) -> None:
        prompts = [f"{self.name}.{number}" for number in range(self._chance.randint(1, 6))]
        config: Any = {**self._config(), "max_concurrency": self._chance.choice((1, 2, 5))}
        wants_errors = self._chance.random() < 0.7
        results = await self._cast.model.abatch(prompts, config, return_exceptions=wants_errors)
        assert len(results) == len(prompts)
        for prompt, result in zip(prompts, results, strict=True):
            _check_result(prompt, result)

    async def _as_completed(self) -> None:
        prompts = [f"{self.name}.{number}" for number in range(self._chance.randint(1, 6))]
        config: Any = {**self._config(), "max_concurrency": self._chance.choice((1, 2, 5))}
        left_after = self._chance.randint(1, 8)
        seen: set[int] = set()
        async with self._cast.model.abatch_as_completed(prompts, config, return_exceptions=True) as results:
            async for index, result in results:
                assert index not in seen, "a result came twice"
                seen.add(index)
                _check_result(prompts[index], result)
                if len(seen) == left_after:
                    return
        assert len(seen) == len(prompts), "a result is missing"

    async def _events(self) -> None:
        config: Any = self._config()
        events = [event async for event in self._cast.model.aevents(f"{self.name}.1", config)]
        assert [event.seq for event in events] == list(range(len(events))), "an event is missing"
        assert isinstance(events[-1], End)

    async def _records(self) -> None:
        config: Any = self._config()
        names = [
            record["event"] async for record in self._cast.model.astream_events(f"{self.name}.1", config, version="v2")
        ]
        assert names[0] == "on_chat_model_start"
        assert names[-1] == "on_chat_model_end"

    async def _tap(self) -> None:
        policies: tuple[Policy, ...] = ("coalesce", "drop_oldest", "block")
        policy = self._chance.choice(policies)
        read: list[Event] = []

        async def pull() -> None:
            async for _, event in tap:
                read.append(event)
                await self._pause()

        with open_tap(capacity=self._chance.choice((1, 3, 50)), policy=policy) as tap:
            message = None
            async with anyio.create_task_group() as group:
                group.start_soon(pull)
                try:
                    message = await self._asked(self._cast.model, f"{self.name}.1", self.name)
                except EXPECTED:
                    pass
                finally:
                    tap.close()
        assert sum(isinstance(event, End) for event in read) == 1, "the end was dropped"
        if message is not None and policy != "drop_oldest" and self._cast.model.settings.resume is None:
            text = "".join(event.text for event in read if isinstance(event, Token))
            assert text == message.text, "a tap lost text"

    async def _share(self) -> None:
        prompt = f"{SHARED}-{self._chance.randint(1, 2)}"
        await self._asked(self._cast.cached, prompt, self.name)

    async def _chain(self) -> None:
        how = self._chance.choice(("ainvoke", "astream", "astream_events", "left"))
        made: Chain[str, Any, Any] = chain(self._work, name=f"{self.name} chain")
        if self._chance.random() < 0.5:
            made = chain(self._work_in_pieces, name=f"{self.name} chain")
        if how == "ainvoke":
            await made.ainvoke("in")
        elif how == "astream":
            async for _ in made.astream("in"):
                await self._pause()
        elif how == "left":
            async with made.astream_events("in", version="v2") as stream:
                await self._read(stream, self._chance.randint(0, 12))
        else:
            async for _ in made.astream_events("in", version="v2"):
                await self._pause()

    async def _work(self, text: str) -> str:
        message = await self._asked(self._cast.model, f"{self.name}.{text}.1", f"{self.name} first")
        noted: str = await note.ainvoke({"of": message.text})
        return noted + await self._stream(f"{self.name} second", f"{self.name}.{text}.2")

    async def _work_in_pieces(self, text: str) -> AsyncIterator[str]:
        yield (await self._asked(self._cast.model, f"{self.name}.{text}.1", f"{self.name} first")).text
        await self._pause()
        for message in await self._cast.model.abatch([f"{self.name}.{text}.{number}" for number in (2, 3)]):
            yield message.text


def _check_result(prompt: str, result: AIMessage | Exception) -> None:
    if isinstance(result, AIMessage):
        assert result.text.startswith(f"[{prompt}#"), f"{prompt} was answered {result.text!r}"
    else:
        assert isinstance(result, EXPECTED), f"{prompt} failed with {result!r}"


class _Listener:
    """A subscriber that does what subscribers should not."""

    def __init__(self, cast: Cast, chance: random.Random) -> None:
        self._cast = cast
        self._chance = random.Random(chance.random())
        self._what = chance.choice(("nothing", "raise", "stop", "slow", "slow", "raise late"))
        self._often = chance.choice((0.05, 0.3, 1.0))

    def __call__(self, run: Run, event: Event) -> Awaitable[None] | None:
        if self._chance.random() >= self._often:
            return None
        match self._what:
            case "raise":
                raise Tripped("a subscriber's own fault")
            case "stop":
                raise StopRun("enough")
            case "slow":
                return self._slow()
            case "raise late":
                return self._raise_late()
            case _:
                return None

    async def _slow(self) -> None:
        await anyio.sleep(self._cast.network.delay_s(self._chance))

    async def _raise_late(self) -> None:
        await checkpoint()
        raise Tripped("a subscriber's own fault")


__all__ = ["EXPECTED", "MOST_REQUESTS", "Caller", "Cast", "Tripped"]
