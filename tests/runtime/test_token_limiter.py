"""A limiter of requests and tokens: what it reserves, what it settles, what it learns, and how calls wait for it."""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections.abc import Mapping
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from tests.runtime.clock import Clock
from tidewire import RetryPolicy, init_chat_model
from tidewire.adapters.replay_transport import Exchange, ReplayTransport
from tidewire.adapters.spec import ModelRequest
from tidewire.chat_models import ChatModel
from tidewire.events.errors import APIConnectionError, ConfigurationError, RateLimitError, StreamInterruptedError
from tidewire.events.messages import HumanMessage
from tidewire.events.types import Event, Run, Usage, Wait
from tidewire.limiter import BaseRateLimiter, Reservation, ReservingRateLimiter
from tidewire.rate_limiters import TokenRateLimiter

# 24 letters in a message of a request: 13 tokens.
QUESTION = "x" * 24


def frame(text: str) -> bytes:
    return b'data: {"id":"r1","model":"m-1","choices":[{"index":0,"delta":{"content":"%b"}}]}\n\n' % text.encode()


FINISH = b'data: {"id":"r1","model":"m-1","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
USAGE = b'data: {"choices":[],"usage":{"prompt_tokens":20,"completion_tokens":10,"total_tokens":30}}\n\n'
DONE = b"data: [DONE]\n\n"
STREAM = {"content-type": "text/event-stream"}


def good(headers: Mapping[str, str] | None = None) -> Exchange:
    return Exchange(body=frame("a") + FINISH + USAGE + DONE, headers={**STREAM, **(headers or {})})


def refused(status: int, headers: Mapping[str, str] | None = None) -> Exchange:
    body = b'{"error":{"message":"no","type":"t"}}'
    return Exchange(status=status, body=body, headers={"content-type": "application/json", **(headers or {})})


def model_on(limiter: BaseRateLimiter, *exchanges: Exchange, **settings: Any) -> ChatModel:
    settings = {"retry": RetryPolicy(random=lambda: 0.0), "streaming": True, "max_tokens": 87, **settings}
    settings = {"api_key": "k", "transport": ReplayTransport(exchanges), **settings}
    return init_chat_model("openai:gpt-5-nano", use_responses_api=False, rate_limiter=limiter, **settings)


def limit_of(tokens: float = 6000, **more: Any) -> TokenRateLimiter:
    return TokenRateLimiter(tokens_per_minute=tokens, clock=Clock(), **more)


def asking(text: str = QUESTION, **parameters: Any) -> ModelRequest:
    return ModelRequest(model="m", messages=[HumanMessage(text)], base_url="", parameters=parameters)


def tokens_left(limiter: TokenRateLimiter) -> float:
    """What a limiter of 6,000 tokens a minute has left, by how long all of it would have to be waited for."""
    reservation = limiter.reserve(asking(max_tokens=6000 - 13))
    return 6000 - reservation.expected_wait_s() * 100


async def test_the_estimate_is_reserved_and_the_usage_settled() -> None:
    limiter = limit_of()
    reservation = limiter.reserve(asking(max_tokens=87))
    assert tokens_left(limiter) == 6000
    assert reservation.take_nowait()
    assert tokens_left(limiter) == pytest.approx(5900)
    reservation.settle(Usage(20, 10, 30))
    assert tokens_left(limiter) == pytest.approx(5970)

    await model_on(limiter, good()).ainvoke(QUESTION)
    assert tokens_left(limiter) == pytest.approx(5940)


def test_what_is_reserved_can_be_told_better() -> None:
    asked: list[str] = []

    def count(request: ModelRequest) -> int:
        asked.append(request.messages[0].text)
        return 1000

    limiter = limit_of(expected_output_tokens=500, count_tokens=count)
    assert limiter.reserve(asking()).take_nowait()
    assert asked == [QUESTION]
    assert limiter.reserve(asking(max_tokens=3500)).take_nowait()
    assert limiter.reserve(asking()).expected_wait_s() == pytest.approx(15)


def test_tokens_from_a_cache_are_free_where_the_provider_gives_them_free() -> None:
    limiter = TokenRateLimiter(input_tokens_per_minute=6000, count_cached_input=False, clock=Clock())
    reservation = limiter.reserve(asking("x" * 4 * 5993))
    assert reservation.take_nowait()
    assert not limiter.reserve(asking()).take_nowait()
    reservation.settle(Usage(6000, 1, 6001, cache_read=5900))
    assert limiter.reserve(asking("x" * 4 * 5893)).take_nowait()


async def test_a_call_that_is_cut_settles_what_was_reported_and_else_the_estimate_stands() -> None:
    limiter = limit_of()
    cut = Exchange(body=frame("a") + USAGE, headers=STREAM, ending="reset")
    with pytest.raises(StreamInterruptedError):
        await model_on(limiter, cut).ainvoke(QUESTION)
    assert tokens_left(limiter) == pytest.approx(5970)
    unknown = Exchange(body=frame("a"), headers=STREAM, ending="reset")
    with pytest.raises(StreamInterruptedError):
        await model_on(limiter, unknown).ainvoke(QUESTION)
    assert tokens_left(limiter) == pytest.approx(5870)
    broken = Exchange(error=APIConnectionError("refused"))
    with pytest.raises(APIConnectionError):
        await model_on(limiter, broken, max_retries=0).ainvoke(QUESTION)
    assert tokens_left(limiter) == pytest.approx(5770)


async def test_a_call_that_is_left_or_cancelled_settles_too() -> None:
    limiter = limit_of()
    hanging = Exchange(body=frame("a") + USAGE, headers=STREAM, ending="hang")
    stream = model_on(limiter, hanging).astream(QUESTION)
    async with stream:
        await anext(stream)
    assert tokens_left(limiter) == pytest.approx(5970)
    waiting = anyio.Event()

    async def call() -> None:
        async for _ in model_on(limiter, hanging).astream(QUESTION):
            waiting.set()

    async with anyio.create_task_group() as group:
        group.start_soon(call)
        await waiting.wait()
        group.cancel_scope.cancel()
    assert tokens_left(limiter) == pytest.approx(5940)


async def test_each_attempt_reserves_and_a_refused_one_used_no_tokens() -> None:
    limiter = TokenRateLimiter(requests_per_minute=10, tokens_per_minute=6000, clock=Clock())
    await model_on(limiter, refused(500), good()).ainvoke(QUESTION)
    assert tokens_left(limiter) == pytest.approx(5970)
    assert [limiter.acquire(blocking=False) for _ in range(9)] == [True] * 8 + [False]


async def test_a_request_that_is_not_sent_gives_everything_back() -> None:
    def no_key() -> str:
        raise ConfigurationError("no key")

    limiter = TokenRateLimiter(requests_per_minute=1, tokens_per_minute=6000, clock=Clock())
    with pytest.raises(ConfigurationError, match="no key"):
        await model_on(limiter, good(), api_key=no_key).ainvoke(QUESTION)
    assert tokens_left(limiter) == 6000
    assert limiter.acquire(blocking=False)


async def test_calls_wait_until_there_are_tokens_and_say_how_long() -> None:
    waits: list[Wait] = []

    def hear(run: Run, event: Event) -> None:
        if isinstance(event, Wait):
            waits.append(event)

    clock = Clock()
    limiter = TokenRateLimiter(tokens_per_minute=120, clock=clock)
    model = model_on(limiter, good(), good(), max_tokens=107)
    heard = anyio.Event()
    holder = limiter.reserve(asking(max_tokens=107))
    assert holder.take_nowait()

    async def call(seconds: float) -> None:
        answer = await model.ainvoke(QUESTION, {"callbacks": hear})
        assert answer.text == "a"
        done.append(seconds)
        heard.set()

    done: list[float] = []
    async with anyio.create_task_group() as group:
        group.start_soon(call, 1)
        await anyio.wait_all_tasks_blocked()
        group.start_soon(call, 2)
        await anyio.wait_all_tasks_blocked()
        assert [(wait.why, wait.seconds) for wait in waits] == [("rate_limiter", 60), ("rate_limiter", 120)]
        assert done == []
        clock.now += 60
        holder.observe(200, {})  # what it learns makes the first waiter look again
        await heard.wait()
        clock.now += 60
        holder.settle(Usage(0, 0, 0))
    assert sorted(done) == [1, 2]


async def test_cancelled_while_waiting_a_call_takes_nothing_and_the_next_moves_up() -> None:
    limiter = limit_of(tokens=100)
    assert limiter.reserve(asking(max_tokens=87)).take_nowait()
    transport = ReplayTransport([])
    model = model_on(limiter, transport=transport)
    async with anyio.create_task_group() as group:
        for _ in range(20):
            group.start_soon(model.ainvoke, QUESTION)
        await anyio.wait_all_tasks_blocked()
        assert limiter.expected_wait_s() == pytest.approx(60 * 20)
        group.cancel_scope.cancel()
    assert transport.requests == []
    assert limiter.expected_wait_s() == 0
    assert limiter.reserve(asking()).expected_wait_s() == pytest.approx(60 * 13 / 100)


async def test_the_limits_that_the_provider_reports_are_followed() -> None:
    limiter = TokenRateLimiter(clock=Clock())
    headers = {
        "x-ratelimit-limit-requests": "60",
        "x-ratelimit-remaining-requests": "59",
        "x-ratelimit-reset-requests": "1s",
        "x-ratelimit-limit-tokens": "6000",
        "x-ratelimit-remaining-tokens": "100",
        "x-ratelimit-reset-tokens": "59s",
    }
    await model_on(limiter, good(headers)).ainvoke(QUESTION)
    # The provider's count after the reply is what it said before, and what was reserved too much.
    assert limiter.reserve(asking(max_tokens=87 + 70)).take_nowait()
    assert limiter.reserve(asking(max_tokens=87)).expected_wait_s() == pytest.approx(1)


async def test_headers_are_not_followed_where_that_is_not_wanted() -> None:
    limiter = limit_of(follow_headers=False)
    headers = {"x-ratelimit-limit-tokens": "6000", "x-ratelimit-remaining-tokens": "0", "retry-after": "5"}
    with pytest.raises(RateLimitError):
        await model_on(limiter, refused(429, headers), max_retries=0).ainvoke(QUESTION)
    assert tokens_left(limiter) == 6000


@pytest.mark.parametrize(("asked", "pause"), [("5", 5), ("3600", 0), ("soon", 0)])
async def test_a_retry_after_pauses_everybody_if_it_is_short(asked: str, pause: float) -> None:
    limiter = limit_of()
    with pytest.raises(RateLimitError):
        await model_on(limiter, refused(429, {"retry-after": asked}), max_retries=0).ainvoke(QUESTION)
    assert limiter.expected_wait_s() == pause
    assert limiter.acquire(blocking=False) == (pause == 0)


async def test_several_models_share_one_limiter() -> None:
    limiter = limit_of(tokens=200)
    one, two = model_on(limiter, good()), model_on(limiter, good())
    reservation = limiter.reserve(asking(max_tokens=87))
    assert reservation.take_nowait()
    await one.ainvoke(QUESTION)
    await two.bind(max_tokens=50).ainvoke(QUESTION)
    reservation.settle(Usage(80, 20, 100))
    assert limiter.reserve(asking(max_tokens=27)).take_nowait()
    assert not limiter.reserve(asking("", max_tokens=1)).take_nowait()


async def test_thousands_of_waiters_go_in_order_and_keep_the_rate() -> None:
    limiter = TokenRateLimiter(tokens_per_minute=20 * 60 * 2000, burst_s=0.01)
    order: list[int] = []

    async def wait(number: int) -> None:
        reservation = limiter.reserve(asking(max_tokens=7))
        if not reservation.take_nowait():
            await reservation.take()
        order.append(number)

    begun = time.monotonic()
    async with anyio.create_task_group() as group:
        for number in range(3000):
            group.start_soon(wait, number)
            await anyio.lowlevel.checkpoint()
    assert order == list(range(3000))
    assert time.monotonic() - begun >= (3000 - 20 - 1) / 2000
    assert limiter.expected_wait_s() < 1


def test_threads_and_loops_share_one_limiter() -> None:
    limiter = TokenRateLimiter(requests_per_minute=60 * 500, burst_s=0.002)
    done: list[int] = []

    def in_a_thread() -> None:
        for _ in range(20):
            assert limiter.acquire()
            done.append(1)

    async def in_a_loop() -> None:
        for _ in range(20):
            assert await limiter.aacquire()
            done.append(2)

    threads = [threading.Thread(target=in_a_thread) for _ in range(3)]
    threads += [threading.Thread(target=lambda: asyncio.run(in_a_loop())) for _ in range(3)]
    begun = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(done) == 120
    assert time.monotonic() - begun >= 118 / 500


async def test_asked_as_any_other_limiter_it_takes_requests() -> None:
    limiter = TokenRateLimiter(requests_per_minute=2, clock=Clock())
    assert limiter.acquire()
    assert await limiter.aacquire()
    assert not limiter.acquire(blocking=False)
    assert not await limiter.aacquire(blocking=False)
    assert limiter.expected_wait_s() == pytest.approx(30)


class Whole(Reservation):
    """Somebody else's reservation, which writes down what it hears."""

    def __init__(self, heard: list[object]) -> None:
        self.heard = heard

    def take_nowait(self) -> bool:
        self.heard.append("asked")
        return False

    async def take(self) -> None:
        self.heard.append("waited")

    def expected_wait_s(self) -> float:
        return 7.0

    def observe(self, status: int, headers: Mapping[str, str]) -> None:
        self.heard.append(status)

    def settle(self, usage: Usage | None) -> None:
        assert usage is not None
        self.heard.append(usage.total_tokens)

    def cancel(self) -> None:
        self.heard.append("cancelled")


class Own(ReservingRateLimiter):
    """Somebody else's limiter."""

    def __init__(self) -> None:
        self.heard: list[object] = []

    def acquire(self, *, blocking: bool = True) -> bool:
        return True

    async def aacquire(self, *, blocking: bool = True) -> bool:
        return True

    def reserve(self, request: ModelRequest) -> Reservation:
        self.heard.append(request.messages[0].text)
        return Whole(self.heard)


async def test_a_limiter_of_one_s_own_hears_all_of_a_call() -> None:
    limiter = Own()
    await model_on(limiter, good()).ainvoke("hi")
    assert limiter.heard == ["hi", "asked", "waited", 200, 30]


async def test_a_limiter_that_fails_at_the_end_fails_the_call_but_the_run_ends() -> None:
    class Broken(Whole):
        def settle(self, usage: Usage | None) -> None:
            raise RuntimeError("broken")

    class WithBroken(Own):
        def reserve(self, request: ModelRequest) -> Reservation:
            return Broken(self.heard)

    kinds: list[str] = []

    def hear(run: Run, event: Event) -> None:
        kinds.append(type(event).__name__)

    with pytest.raises(RuntimeError, match="broken"):
        await model_on(WithBroken(), good()).ainvoke("hi", {"callbacks": hear})
    assert kinds.count("End") == 1
    assert kinds[-1] == "End"


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"requests_per_minute": 0}, "requests_per_minute"),
        ({"tokens_per_minute": -1}, "tokens_per_minute"),
        ({"input_tokens_per_minute": math.inf}, "input_tokens_per_minute"),
        ({"output_tokens_per_minute": math.nan}, "output_tokens_per_minute"),
        ({"burst_s": 0}, "burst_s"),
        ({"expected_output_tokens": -1}, "expected_output_tokens"),
        ({"follow_headers": False}, "limits nothing"),
    ],
)
def test_numbers_that_make_no_limiter_are_refused(wrong: dict[str, Any], named: str) -> None:
    with pytest.raises(ConfigurationError, match=named):
        TokenRateLimiter(**wrong)


def test_a_repr_names_the_limits() -> None:
    limiter = TokenRateLimiter(requests_per_minute=500, tokens_per_minute=200_000)
    assert repr(limiter) == "TokenRateLimiter(requests_per_minute=500, tokens_per_minute=200000)"
    assert repr(TokenRateLimiter()) == "TokenRateLimiter()"
