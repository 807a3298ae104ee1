"""Answers out of a cache, and requests that several calls share."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from decimal import Decimal
from typing import Any

import anyio
import pytest
from anyio.lowlevel import checkpoint

from tests.runtime.test_call import DONE, FINISH, GOOD, NO_WAIT, USAGE, Heard, frame, model_on, status
from tidewire import ChatModel, RetryPolicy, Timeout, aclose, init_chat_model, open_run
from tidewire.adapters.replay_transport import Exchange, ReplayResponse, ReplayTransport
from tidewire.adapters.spec import HttpRequest
from tidewire.caches import BaseCache, InMemoryCache, get_llm_cache, set_llm_cache
from tidewire.call import Call
from tidewire.callbacks import get_usage_metadata_callback
from tidewire.errors import (
    APITimeoutError,
    AuthenticationError,
    ConfigurationError,
    InternalServerError,
    StreamInterruptedError,
)
from tidewire.events.types import Cost, Event, Fallback, Meta, Retry, Start, Token, Usage, WarningEvent
from tidewire.messages import AIMessage, AIMessageChunk
from tidewire.rate_limiters import InMemoryRateLimiter
from tidewire.shared_calls import flights_in_air

CALL = (
    b'data: {"id":"r1","model":"m-1","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"c1",'
    b'"function":{"name":"f","arguments":"%b"}}]},"finish_reason":"tool_calls"}]}\n\n'
)
COST = {"input_tokens": 3, "output_tokens": 2, "total_tokens": 5}
FREE = {"input_tokens": 0, "output_tokens": 0, "total_tokens": 0}


class Gated(ReplayTransport):
    """A transport whose responses go on when they are told to."""

    def __init__(self, *exchanges: bytes | Exchange) -> None:
        super().__init__(exchanges)
        self.opening = anyio.Event()
        self.gate = anyio.Event()

    async def open(self, request: HttpRequest, *, connect_timeout_s: float | None = None) -> ReplayResponse:
        """Answer when the gate is open."""
        self.opening.set()
        await self.gate.wait()
        return await super().open(request, connect_timeout_s=connect_timeout_s)


def gated(*exchanges: bytes | Exchange, **settings: Any) -> tuple[ChatModel, Gated]:
    transport = Gated(*exchanges)
    settings = {"retry": NO_WAIT, "streaming": True, "cache": InMemoryCache(), **settings}
    return init_chat_model("openai:m", api_key="k", transport=transport, **settings), transport


async def until(condition: Callable[[], bool]) -> None:
    with anyio.fail_after(60):
        while not condition():
            await checkpoint()


def is_hit(message: AIMessage | AIMessageChunk) -> bool:
    return message.response_metadata.get("cache_hit") is True


async def chunks_of(model: ChatModel, **how: Any) -> list[AIMessageChunk]:
    return [chunk async for chunk in model.astream("hi", **how)]


def added(chunks: list[AIMessageChunk]) -> AIMessageChunk:
    total = chunks[0]
    for chunk in chunks[1:]:
        total = total + chunk
    return total


# ---------------------------------------------------------------- hits


async def test_the_second_call_that_asks_the_same_costs_nothing() -> None:
    heard = Heard()
    model, transport = model_on([GOOD], cache=InMemoryCache())
    first = await model.ainvoke("hi")
    second = await model.ainvoke("hi", {"callbacks": heard})
    assert (first.text, second.text, len(transport.requests)) == ("ab", "ab", 1)
    assert (is_hit(first), first.usage_metadata) == (False, COST)
    assert (is_hit(second), second.usage_metadata) == (True, FREE)
    assert second.response_metadata == {**first.response_metadata, "cache_hit": True, "cached_usage": COST}
    assert second.id != first.id  # each has a run of its own
    assert (heard.end.outcome, heard.end.usage, heard.end.cost) == ("ok", heard.of(Usage)[-1], Cost())
    assert [event.data for event in heard.of(Meta) if event.data] == [{"cache_hit": True, "cached_usage": COST}]


async def test_streams_fill_the_cache_and_are_served_from_it_as_chunks() -> None:
    model, transport = model_on([GOOD], cache=InMemoryCache())
    first = await chunks_of(model)
    second = await chunks_of(model)
    assert [chunk.text for chunk in first] == [chunk.text for chunk in second] == ["a", "b", ""]
    assert [chunk.chunk_position for chunk in second] == [None, None, "last"]
    whole = added(second)
    assert (is_hit(whole), whole.usage_metadata) == (True, FREE)
    invoked = await model.bind(streaming=False).ainvoke("hi")
    assert (invoked.text, is_hit(invoked), len(transport.requests)) == ("ab", True, 1)


async def test_tool_calls_and_reasoning_come_back_as_they_were() -> None:
    body = b'data: {"id":"r1","choices":[{"index":0,"delta":{"reasoning_content":"hm"}}]}\n\n'
    model, _ = model_on([body + CALL % rb"{\"x\":1}" + DONE], cache=InMemoryCache())
    first, second = await model.ainvoke("hi"), await model.ainvoke("hi")
    assert second.content_blocks == first.content_blocks
    assert second.tool_calls == [{"name": "f", "args": {"x": 1}, "id": "c1", "type": "tool_call"}]


async def test_hits_are_counted_apart() -> None:
    model, _ = model_on([GOOD], cache=InMemoryCache())
    priced = model.bind(profile={"prices": {"input": 1, "output": 2}})
    with get_usage_metadata_callback() as usage:
        for _ in range(3):
            await priced.ainvoke("hi")
    assert usage.usage_metadata == {"m-1": COST}
    assert (usage.cost.usd, list(usage.cost_by_model)) == (Decimal("0.000007"), ["m-1"])
    assert usage.cached_usage_metadata == {"m-1": {"input_tokens": 6, "output_tokens": 4, "total_tokens": 10}}


async def test_a_hit_takes_no_turn_of_the_limiter_and_keeps_its_run_around() -> None:
    heard = Heard()
    limiter = InMemoryRateLimiter(requests_per_second=0.001, max_bucket_size=1)
    model, _ = model_on([GOOD], cache=InMemoryCache(), rate_limiter=limiter, callbacks=[heard])
    async with open_run("outer") as outer:
        await model.ainvoke("hi")
        await model.ainvoke("hi")
    assert [run.parent_ids for run in heard.by_run] == [(outer.run.id,)] * 2


async def test_what_is_left_out_of_the_request_is_told_on_hits_too() -> None:
    model, _ = model_on([GOOD], cache=InMemoryCache())
    careful = model.bind(profile={"temperature": False}, temperature=1)
    heard = [Heard(), Heard()]
    for one in heard:
        await careful.ainvoke("hi", {"callbacks": one})
    first, second = ([event.text for event in one.of(WarningEvent)] for one in heard)
    assert len(first) == 1
    assert first == second


# ---------------------------------------------------------------- the key


async def test_whatever_shapes_the_answer_is_part_of_the_key() -> None:
    model, transport = model_on(GOOD, cache=InMemoryCache())
    others = [
        model,
        model.bind(temperature=0),
        model.bind(model="n"),
        model.bind(base_url="http://other.example/v1"),
        model.bind(extra_body={"a": 1}),
        model.bind(default_headers={"x-beta": "1"}),
        model.bind(default_query={"api-version": "2"}),
        model.bind_tools([{"name": "f", "parameters": {"type": "object", "properties": {}}}]),
    ]
    for other in others:
        assert not is_hit(await other.ainvoke("hi"))
    assert not is_hit(await model.ainvoke("ho"))
    assert len(transport.requests) == len(others) + 1
    for other in others:
        assert is_hit(await other.ainvoke("hi"))


async def test_who_calls_and_how_is_not() -> None:
    model, transport = model_on([GOOD], cache=InMemoryCache())
    await model.ainvoke("hi")
    same = [
        model.bind(api_key="another"),
        model.bind(default_headers={"Authorization": "Bearer x", "x-request-id": "7"}),
        model.bind(tags=["a"], metadata={"b": 1}, timeout=5, max_retries=0, stream_usage=False),
        model.with_config(run_name="r"),
    ]
    for other in same:
        assert is_hit(await other.ainvoke("hi"))
    assert is_hit(await model.ainvoke([{"role": "user", "content": "hi", "id": "1"}]))
    assert len(transport.requests) == 1


# ---------------------------------------------------------------- which cache


@pytest.fixture
async def _global_cache() -> AsyncIterator[None]:
    set_llm_cache(InMemoryCache(maxsize=10))
    yield
    set_llm_cache(None)


@pytest.mark.usefixtures("_global_cache")
async def test_a_model_uses_the_cache_of_all_unless_it_says_otherwise() -> None:
    for model, requests in (
        (model_on([GOOD] * 2)[0], 1),
        (model_on([GOOD] * 2, cache=True)[0], 1),
        (model_on([GOOD] * 2, cache=False)[0], 2),
        (model_on([GOOD] * 2, cache=InMemoryCache())[0], 1),
    ):
        cache = get_llm_cache()
        assert cache is not None
        cache.clear()
        hits = [is_hit(await model.ainvoke("hi")) for _ in range(2)]
        assert hits == [False, requests == 1]


async def test_a_cache_that_must_be_there_and_is_not_is_an_error() -> None:
    model, transport = model_on([GOOD], cache=True)
    heard = Heard()
    with pytest.raises(ConfigurationError, match="set_llm_cache"):
        await model.ainvoke("hi", {"callbacks": heard})
    assert (heard.end.outcome, len(transport.requests)) == ("error", 0)
    with pytest.raises(ConfigurationError, match="a cache is an InMemoryCache"):
        init_chat_model("openai:m", cache="memory")


# ---------------------------------------------------------------- what is not kept


CUT = frame("a") + b'data: {"id":"r1","choices":[{"index":0,"delta":{},"finish_reason":"length"}]}\n\n' + DONE
FILTERED = (
    frame("a") + b'data: {"id":"r1","choices":[{"index":0,"delta":{},"finish_reason":"content_filter"}]}\n\n' + DONE
)


@pytest.mark.parametrize("body", [CUT, FILTERED, CALL % rb"{\"x\":" + DONE, CALL % b"[1]" + DONE])
async def test_answers_that_are_not_whole_are_not_kept(body: bytes) -> None:
    model, transport = model_on([body, GOOD], cache=InMemoryCache())
    assert not is_hit(await model.ainvoke("hi"))
    assert (await model.ainvoke("hi")).text == "ab"
    assert len(transport.requests) == 2


async def test_errors_are_not_kept_and_carry_what_arrived() -> None:
    heard = Heard()
    broken = Exchange(body=frame("a") + frame("b"), ending="reset", cuts="event")
    model, _ = model_on([broken, status(401), GOOD], cache=InMemoryCache())
    with pytest.raises(StreamInterruptedError) as raised:
        await model.ainvoke("hi", {"callbacks": heard})
    assert isinstance(raised.value.partial, AIMessage)
    assert (raised.value.partial.text, raised.value.attempts) == ("ab", 1)
    assert raised.value.partial.id == heard.end.output.id
    with pytest.raises(AuthenticationError) as refused:
        await model.ainvoke("hi")
    assert (refused.value.attempts, refused.value.partial) == (1, None)
    assert (await model.ainvoke("hi")).text == "ab"


async def test_what_failed_attempts_said_is_not_kept() -> None:
    heard = Heard()
    early = b'data: {"id":"r0","model":"wrong","choices":[{"index":0,"delta":{"role":"assistant"}}]}\n\n'
    overloaded = b'data: {"error":{"message":"overloaded","type":"server_error","code":503}}\n\n'
    model, transport = model_on([early + overloaded, GOOD], cache=InMemoryCache())
    first = await model.ainvoke("hi", {"callbacks": heard})
    second = await model.ainvoke("hi")
    assert (len(heard.of(Retry)), len(transport.requests)) == (1, 2)
    assert second.response_metadata["id"] == first.response_metadata["id"] == "r1"


class Broken(BaseCache):
    """A cache that fails, or holds what is no answer."""

    def __init__(self, value: bytes | None = None) -> None:
        self.value = value

    def lookup(self, key: str) -> bytes | None:
        """Fails, or gives what it was made with."""
        if self.value is None:
            raise OSError("redis://user:password@host is down")
        return self.value

    def update(self, key: str, value: bytes) -> None:
        """Fails."""
        raise OSError("redis://user:password@host is down")


@pytest.mark.parametrize("cache", [Broken(), Broken(b"x"), Broken(b'[{"type":"end","outcome":"ok"}]')])
async def test_a_cache_that_fails_fails_no_call_and_is_told_of(cache: BaseCache) -> None:
    heard = Heard()
    model, _ = model_on([GOOD], cache=cache)
    assert (await model.ainvoke("hi", {"callbacks": heard})).text == "ab"
    warnings = heard.of(WarningEvent)
    assert [event.code for event in warnings] == ["cache_read_failed", "cache_write_failed"]
    assert not any("password" in event.text for event in warnings)
    assert warnings[1].text == "the cache could not write an answer: OSError"


# ---------------------------------------------------------------- calls at once


async def test_identical_calls_at_once_share_one_request_and_pay_for_it_once() -> None:
    model, transport = gated(GOOD)
    heard: list[Heard] = [Heard() for _ in range(5)]
    messages: list[AIMessage] = []

    async def ask(one: Heard) -> None:
        messages.append(await model.ainvoke("hi", {"callbacks": one}))

    with get_usage_metadata_callback() as usage:
        async with anyio.create_task_group() as group:
            for one in heard:
                group.start_soon(ask, one)
            await until(lambda: sum(map(len, (one.by_run for one in heard))) == 5)
            await transport.opening.wait()
            transport.gate.set()
    assert (len(transport.requests), transport.open_responses) == (1, 0)
    assert [message.text for message in messages] == ["ab"] * 5
    assert len({message.id for message in messages}) == 5
    assert sorted(map(is_hit, messages)) == [False, True, True, True, True]
    assert usage.usage_metadata == {"m-1": COST}
    assert usage.cached_usage_metadata["m-1"]["total_tokens"] == 20
    for one in heard:
        assert [event.text for event in one.of(Token)] == ["a", "b"]
        assert one.end.outcome == "ok"


async def test_only_calls_that_would_fail_alike_share_a_request() -> None:
    model, transport = gated(*[status(401)] * 7, max_retries=0)
    spare, other = model_on(GOOD)
    patient = model.with_retry(retry_if_exception_type=AuthenticationError, wait_exponential_jitter=False)
    outcomes: dict[str, str] = {}

    async def ask(name: str, asking: ChatModel) -> None:
        try:
            outcomes[name] = (await asking.ainvoke("hi")).text
        except AuthenticationError as error:
            outcomes[name] = type(error).__name__

    async with anyio.create_task_group() as group:
        group.start_soon(ask, "alone", model)
        group.start_soon(ask, "too", model)
        group.start_soon(ask, "of another key", model.bind(api_key="another"))
        group.start_soon(ask, "resumed", model.bind(resume="restart"))
        group.start_soon(ask, "backed", model.with_fallbacks([spare]))
        group.start_soon(ask, "patient", patient)
        await until(lambda: flights_in_air() == 5)
        transport.gate.set()
    assert outcomes.pop("backed") == "ab"
    assert set(outcomes.values()) == {"AuthenticationError"}
    assert len(transport.requests) == 4 + 3
    assert len(other.requests) == 1


async def test_an_error_reaches_each_of_the_callers_as_its_own() -> None:
    broken = Exchange(body=frame("a"), ending="reset", cuts="event")
    model, transport = gated(broken)
    errors: list[StreamInterruptedError] = []

    async def ask() -> None:
        with pytest.raises(StreamInterruptedError) as raised:
            await model.ainvoke("hi")
        errors.append(raised.value)

    async with anyio.create_task_group() as group:
        group.start_soon(ask)
        group.start_soon(ask)
        await transport.opening.wait()
        transport.gate.set()
    assert len(transport.requests) == 1
    first, second = errors
    assert first is not second
    assert isinstance(first.partial, AIMessage)
    assert isinstance(second.partial, AIMessage)
    assert first.partial.id != second.partial.id
    assert (first.attempts, second.attempts) == (1, 1)
    assert first.__cause__ is second.__cause__ is not None


async def test_an_error_that_is_not_tidewires_reaches_the_caller_too() -> None:
    def key() -> str:
        raise LookupError("no vault")

    model, _ = model_on([GOOD], cache=InMemoryCache())
    with pytest.raises(LookupError, match="no vault"):
        await model.bind(api_key=key).ainvoke("hi")


async def test_the_request_goes_on_while_anybody_waits_and_stops_with_the_last_one() -> None:
    slow = Exchange(body=frame("a") + frame("b"), cuts="event", ending="hang")
    model, transport = gated(slow)
    transport.gate.set()
    first, second = model.astream("hi"), model.astream("hi")
    assert [(await anext(stream)).text for stream in (first, second)] == ["a", "a"]
    await first.aclose()
    assert (await anext(second)).text == "b"
    assert transport.open_responses == 1
    await second.aclose()
    assert (transport.open_responses, len(transport.requests)) == (0, 1)


async def test_the_connection_is_closed_before_the_last_ones_end_is_heard() -> None:
    open_at_end: list[int] = []
    model, transport = gated(Exchange(body=frame("a"), cuts="event", ending="hang"))
    transport.gate.set()

    def hear(run: object, event: Event) -> None:
        if type(event).__name__ == "End":
            open_at_end.append(transport.open_responses)

    stream = model.astream("hi", {"callbacks": hear})
    await anext(stream)
    await stream.aclose()
    assert open_at_end == [0]


async def test_a_call_that_comes_after_the_last_one_left_asks_anew() -> None:
    model, transport = gated(Exchange(body=frame("a"), cuts="event", ending="hang"), GOOD)
    transport.gate.set()
    async with model.astream("hi") as stream:
        await anext(stream)
    assert (await model.ainvoke("hi")).text == "ab"
    assert len(transport.requests) == 2


async def test_calls_that_leave_before_anything_was_asked_ask_nothing() -> None:
    model, transport = model_on([GOOD], cache=InMemoryCache())
    with anyio.CancelScope() as scope:
        scope.cancel()
        await model.ainvoke("hi")
    await checkpoint()
    await checkpoint()
    assert transport.requests == []


async def test_who_leaves_while_the_cache_looks_asks_nothing() -> None:
    looking = anyio.Event()

    class Slow(InMemoryCache):
        async def alookup(self, key: str) -> bytes | None:
            looking.set()
            await anyio.sleep_forever()
            return None

    model, transport = model_on([GOOD], cache=Slow())
    async with anyio.create_task_group() as group:
        group.start_soon(model.ainvoke, "hi")
        await looking.wait()
        group.cancel_scope.cancel()
    for _ in range(3):
        await checkpoint()
    assert transport.requests == []


async def test_when_the_one_who_pays_leaves_another_does() -> None:
    reported = frame("a") + USAGE + frame("b") + FINISH + DONE
    body = Exchange(body=reported, cuts="event")
    model, transport = gated(body)
    message: list[AIMessage] = []
    with get_usage_metadata_callback() as usage:
        payer = model.astream("hi")

        async def join() -> None:
            message.append(await model.ainvoke("hi"))

        async def leave() -> None:
            with anyio.CancelScope() as scope:
                scopes.append(scope)
                await anext(payer)

        scopes: list[anyio.CancelScope] = []
        async with anyio.create_task_group() as group:
            group.start_soon(leave)
            await transport.opening.wait()
            group.start_soon(join)
            await until(lambda: len(scopes) == 1)
            for _ in range(5):
                await checkpoint()
            scopes[0].cancel()
            for _ in range(5):
                await checkpoint()
            transport.gate.set()
    assert (is_hit(message[0]), message[0].usage_metadata) == (False, COST)
    assert usage.usage_metadata == {"m-1": COST}


async def test_one_who_comes_to_pay_late_reports_what_was_used_before() -> None:
    start = b'data: {"id":"r1","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}\n\n'
    gate = anyio.Event()
    model, transport = gated(Exchange(body=start + frame("a") + frame("b") + FINISH + DONE, cuts="event"))
    transport.gate.set()
    payer, other = model.astream("hi"), model.astream("hi")
    assert (await anext(payer)).text == "a"
    assert (await anext(other)).text == "a"
    await payer.aclose()
    gate.set()
    whole = await other.result()
    assert (is_hit(whole), whole.usage_metadata) == (False, COST)


async def test_a_stream_does_not_wait_for_a_whole_body_but_the_other_way_round() -> None:
    body = {
        "id": "r1",
        "model": "m-1",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "ab"}, "finish_reason": "stop"}],
    }
    whole = Exchange(body=json.dumps(body).encode(), headers={"content-type": "application/json"})
    model, transport = gated(whole, GOOD, streaming=None)
    seen: dict[str, Any] = {}

    async def invoke(name: str) -> None:
        seen[name] = (await model.ainvoke("hi")).text

    async def stream() -> None:
        seen["stream"] = [chunk.text for chunk in await chunks_of(model)]

    async with anyio.create_task_group() as group:
        group.start_soon(invoke, "first")
        await transport.opening.wait()
        transport.opening = anyio.Event()
        group.start_soon(stream)
        await transport.opening.wait()
        group.start_soon(invoke, "second")
        for _ in range(5):
            await checkpoint()
        transport.gate.set()
    assert len(transport.requests) == 2
    assert (seen["first"], seen["second"]) == ("ab", "ab")


async def test_the_total_limit_is_each_callers_own() -> None:
    slow = Exchange(body=frame("a"), cuts="event", ending="hang")
    model, transport = gated(slow)
    transport.gate.set()
    patient = model.astream("hi")
    await anext(patient)
    with pytest.raises(APITimeoutError) as raised:
        await model.ainvoke("hi", timeout=Timeout(total=0.01))
    assert raised.value.phase == "total"
    assert isinstance(raised.value.partial, AIMessage)
    assert transport.open_responses == 1
    await patient.aclose()
    assert transport.open_responses == 0


async def test_a_call_that_is_abandoned_while_it_waits_ends_once() -> None:
    heard = Heard()
    model, transport = gated(GOOD)
    call = Call(model.settings, "hi", {"callbacks": heard}, stream=True)

    async def read() -> None:
        with pytest.raises(StreamInterruptedError, match="was left"):
            while await call.read() is not None:
                pass

    async with anyio.create_task_group() as group:
        group.start_soon(read)
        await transport.opening.wait()
        await call.abandon()
    assert (heard.end.outcome, transport.opened) == ("abandoned", 0)


async def test_the_last_one_who_leaves_pays_for_what_was_used_by_then() -> None:
    reported = b'data: {"id":"r1","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":0,"total_tokens":3}}\n\n'
    heard = [Heard(), Heard()]
    model, transport = gated(
        Exchange(body=reported + frame("a"), cuts="event", ending="hang"), profile={"prices": {"input": 1, "output": 2}}
    )
    transport.gate.set()
    with get_usage_metadata_callback() as usage:
        first, second = (model.astream("hi", {"callbacks": one}) for one in heard)
        for stream in (first, second):
            assert (await anext(stream)).text == "a"
        await first.aclose()
        assert (heard[0].end.usage, heard[0].end.cost) == (None, None)
        await second.aclose()
    assert heard[1].end.cost is not None
    assert heard[1].end.cost.usd == Decimal("0.000003")
    assert usage.usage_metadata["m-1"]["input_tokens"] == 3


async def test_closing_the_loops_host_ends_the_calls_that_wait() -> None:
    model, transport = gated(Exchange(body=frame("a"), cuts="event", ending="hang"))
    transport.gate.set()
    stream = model.astream("hi")
    await anext(stream)
    await aclose()
    with pytest.raises(RuntimeError, match="were closed"):
        await anext(stream)
    assert transport.open_responses == 0


async def test_nothing_is_left_of_a_flight() -> None:
    model, _ = model_on([GOOD, status(500), status(500), status(500)], cache=InMemoryCache())
    await model.ainvoke("hi")
    with pytest.raises(InternalServerError):
        await model.ainvoke("ho")
    assert flights_in_air() == 0


# ---------------------------------------------------------------- sync


def test_sync_code_is_served_too() -> None:
    model, transport = model_on([GOOD], cache=InMemoryCache())
    assert not is_hit(model.invoke("hi"))
    assert is_hit(model.invoke("hi"))
    assert [chunk.text for chunk in model.stream("hi")] == ["a", "b", ""]
    assert all(is_hit(message) for message in model.batch(["hi", "hi"]))
    assert len(transport.requests) == 1


async def test_a_batch_asks_once_for_what_it_has_twice() -> None:
    model, transport = model_on([GOOD], cache=InMemoryCache())
    messages = await model.abatch(["hi"] * 20)
    assert (len(transport.requests), sum(map(is_hit, messages))) == (1, 19)


async def test_a_run_that_is_served_has_its_start_first() -> None:
    model, _ = model_on([GOOD], cache=InMemoryCache())
    await model.ainvoke("hi")
    events = [event async for event in model.aevents("hi")]
    assert isinstance(events[0], Start)
    assert [event.seq for event in events] == list(range(len(events)))


# ---------------------------------------------------------------- fallbacks and restarts


async def test_the_answer_of_a_fallback_is_shared_and_not_kept() -> None:
    heard = Heard()
    spare, other = model_on([GOOD, GOOD])
    model, transport = model_on([status(400), status(400)], cache=InMemoryCache(), retry=RetryPolicy(max_retries=0))
    backed = model.with_fallbacks([spare.bind(model="spare")])
    call = Call(backed.settings, "hi", {"callbacks": heard}, stream=True)
    while await call.read() is not None:
        pass
    assert (len(heard.of(Fallback)), call.message.text, call.settings.model) == (1, "ab", "spare")
    assert not is_hit(await backed.ainvoke("hi"))
    assert (len(transport.requests), len(other.requests)) == (2, 2)


@pytest.mark.parametrize("cached", [False, True])
async def test_a_fallback_streams_for_those_who_hear_tokens_with_a_cache_too(cached: bool) -> None:
    heard = Heard()
    spare, other = model_on(GOOD, streaming=None)
    model, _ = model_on(status(400), streaming=None, cache=InMemoryCache() if cached else False)
    backed = model.with_fallbacks([spare])
    await backed.ainvoke("hi", {"callbacks": heard})
    assert [event.text for event in heard.of(Token)] == ["a", "b"]
    assert b'"stream":true' in other.requests[0].body


async def test_a_restart_discards_what_each_caller_has_heard() -> None:
    heard = Heard()
    broken = Exchange(body=frame("x") + frame("y"), ending="reset", cuts="event")
    model, transport = model_on([broken, GOOD], cache=InMemoryCache(), resume="restart")
    whole = added(await chunks_of(model, config={"callbacks": [heard]}))
    first = next(event for event in heard.events if isinstance(event, Token))
    assert [event.discard_from for event in heard.of(Retry)] == [first.seq]
    assert (whole.text, len(transport.requests)) == ("ab", 2)
    again = added(await chunks_of(model))
    assert (again.text, is_hit(again)) == ("ab", True)
