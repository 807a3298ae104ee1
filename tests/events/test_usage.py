"""Token counts of many calls."""

from __future__ import annotations

import threading
from decimal import Decimal

import anyio
import pytest

from tidewire import RetryPolicy, init_chat_model, open_run
from tidewire.adapters.replay_transport import Exchange, ReplayTransport
from tidewire.adapters.script import Fail, Reply
from tidewire.adapters.sim_request import SimRequest
from tidewire.callbacks import UsageMetadataCallbackHandler, get_usage_metadata_callback
from tidewire.events.errors import BadRequestError, StreamInterruptedError
from tidewire.events.types import Cost, End, Event, Run, Usage

USAGE = Usage(10, 5, 15, cache_read=4, reasoning=2)
TWICE = {
    "input_tokens": 20,
    "output_tokens": 10,
    "total_tokens": 30,
    "input_token_details": {"cache_read": 8},
    "output_token_details": {"reasoning": 4},
}


def reply(model: str | None = None) -> Reply:
    return Reply("ok", usage=USAGE, model=model)


def always(request: SimRequest) -> Reply:
    return reply()


async def test_tokens_add_up_by_the_model_that_answered() -> None:
    model = init_chat_model("embedded:demo", script=[reply("one"), reply("two"), reply("one")])
    with get_usage_metadata_callback() as usage:
        for _ in range(3):
            await model.ainvoke("hi")
    assert usage.usage_metadata == {"one": TWICE, "two": USAGE.metadata()}


async def test_streams_and_batches_count_too_and_calls_outside_do_not() -> None:
    model = init_chat_model("embedded:demo", script=always)
    handler = UsageMetadataCallbackHandler()
    await model.ainvoke("not counted")
    async for _ in model.astream("hi", {"callbacks": handler}):
        pass
    await model.abatch(["hi"], {"callbacks": [handler]})
    await model.ainvoke("not counted")
    assert handler.usage_metadata == {"demo": TWICE}


async def test_blocks_nest_and_each_counts_a_call_once() -> None:
    model = init_chat_model("embedded:demo", script=always)
    with get_usage_metadata_callback() as outer:
        async with open_run("chain"):
            with get_usage_metadata_callback("inner") as inner:
                await model.ainvoke("hi")
            await model.ainvoke("hi")
    assert inner.usage_metadata == {"demo": USAGE.metadata()}
    assert outer.usage_metadata == {"demo": TWICE}


async def test_a_cut_call_counts_with_what_was_reported() -> None:
    model = init_chat_model("embedded:demo", script=[Fail(kind="reset", after_tokens=2)], max_retries=0)
    with get_usage_metadata_callback() as usage, pytest.raises(StreamInterruptedError):
        async for _ in model.astream("hi"):
            pass
    assert usage.usage_metadata == {}


async def test_counts_are_exact_under_concurrency() -> None:
    model = init_chat_model("embedded:demo", script=always)

    async def own(count: int) -> None:
        with get_usage_metadata_callback() as usage:
            await model.abatch(["hi"] * count, {"max_concurrency": 20})
        assert usage.usage_metadata["demo"]["total_tokens"] == 15 * count

    with get_usage_metadata_callback() as everything:
        async with anyio.create_task_group() as group:
            for count in range(1, 11):
                group.start_soon(own, count)
    assert everything.usage_metadata["demo"]["total_tokens"] == 15 * 55


def test_one_handler_hears_several_threads() -> None:
    model = init_chat_model("embedded:demo", script=always)
    handler = UsageMetadataCallbackHandler()
    threads = [threading.Thread(target=lambda: model.batch(["hi"] * 20, {"callbacks": handler})) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert handler.usage_metadata["demo"]["total_tokens"] == 15 * 80
    assert "15" not in repr(UsageMetadataCallbackHandler())


async def test_counting_does_not_make_calls_stream() -> None:
    seen: list[bool] = []

    def note(request: SimRequest) -> Reply:
        seen.append(request.stream)
        return reply()

    model = init_chat_model("embedded:demo", script=note)
    with get_usage_metadata_callback():
        await model.ainvoke("hi")
    assert seen == [False]


PRICES = {"input": 2, "output": 10, "cache_read": 0.5}
#: 6 tokens of input, 4 of cache, 5 of output.
PAID = Decimal("0.000064")


async def test_costs_add_up_by_model_and_altogether() -> None:
    model = init_chat_model(
        "embedded:demo", script=[reply("one"), reply("two"), reply("one")], profile={"prices": PRICES}
    )
    with get_usage_metadata_callback() as usage:
        for _ in range(3):
            await model.ainvoke("hi")
    assert usage.cost_by_model == {"one": Cost(2 * PAID), "two": Cost(PAID)}
    assert usage.cost.usd == 3 * PAID


async def test_the_end_of_a_call_says_what_it_costs_and_prices_may_be_changed() -> None:
    costs: list[Cost | None] = []

    def hear(run: Run, event: Event) -> None:
        if isinstance(event, End):
            costs.append(event.cost)

    model = init_chat_model("embedded:demo", script=always)
    await model.ainvoke("hi", {"callbacks": hear})
    model.profile["prices"] = PRICES
    await model.ainvoke("hi", {"callbacks": hear})
    async with open_run("chain", config={"callbacks": hear}):
        pass
    assert costs == [Cost(unpriced=("demo: input", "demo: cache_read", "demo: output")), Cost(PAID), None]


async def test_one_unknown_price_makes_the_sum_unknown_and_is_named() -> None:
    priced = init_chat_model("embedded:demo", script=[reply("one")], profile={"prices": PRICES})
    unpriced = init_chat_model("embedded:demo", script=[reply("two")], profile={"prices": {"input": 2, "output": 10}})
    with get_usage_metadata_callback() as usage:
        await priced.ainvoke("hi")
        await unpriced.ainvoke("hi")
    assert usage.cost.usd is None
    assert usage.cost.unpriced == ("two: cache_read",)
    assert usage.cost.known_usd == PAID + Decimal("0.000062")
    assert usage.cost_by_model["one"].usd == PAID


async def test_what_the_provider_says_that_it_costs_counts() -> None:
    body = (
        b'data: {"choices":[{"index":0,"delta":{"content":"hi"}}]}\n\n'
        b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}],'
        b'"usage":{"prompt_tokens":10,"completion_tokens":5,"total_tokens":15,"cost":0.00014}}\n\n'
        b"data: [DONE]\n\n"
    )
    model = init_chat_model(
        "openrouter:openai/gpt-4o-mini", api_key="k", transport=ReplayTransport(body), streaming=True
    )
    with get_usage_metadata_callback() as usage:
        answer = await model.ainvoke("hi")
    assert usage.cost.usd == Decimal("0.00014")
    assert answer.usage_metadata == {"input_tokens": 10, "output_tokens": 5, "total_tokens": 15}


async def test_a_call_that_was_answered_but_not_counted_costs_one_does_not_know_what() -> None:
    cut = Fail(kind="reset", after_tokens=2)
    refused = Fail(kind="status", status=400)
    model = init_chat_model("embedded:demo", script=[cut, refused], max_retries=0, profile={"prices": PRICES})
    with get_usage_metadata_callback() as usage, pytest.raises(StreamInterruptedError):
        await model.ainvoke("hi")
    assert usage.usage_metadata == {}
    assert usage.cost == Cost(unpriced=("demo: usage was not reported",))
    with get_usage_metadata_callback() as usage, pytest.raises(BadRequestError):
        await model.ainvoke("hi")
    assert usage.cost == Cost()


async def test_a_call_that_is_left_costs_what_was_counted_by_then() -> None:
    body = (
        b'data: {"choices":[{"index":0,"delta":{"content":"hi"}}],'
        b'"usage":{"prompt_tokens":10,"completion_tokens":1}}\n\n'
    )
    model = init_chat_model(
        "openai:gpt-4o-mini",
        api_key="k",
        transport=ReplayTransport(Exchange(body=body, ending="hang")),
        use_responses_api=False,
    )
    with get_usage_metadata_callback() as usage:
        async with model.astream("hi") as stream:
            await anext(stream)
    assert usage.usage_metadata["gpt-4o-mini"]["total_tokens"] == 11
    assert usage.cost.usd == Decimal("0.0000021")


async def test_an_answer_that_is_discarded_was_paid_for_and_one_that_never_began_was_not() -> None:
    start = b'data: {"choices":[{"index":0,"delta":{"content":"hi"},"finish_reason":null}]}\n\n'
    usage = b'data: {"choices":[],"usage":{"prompt_tokens":10,"completion_tokens":5,"total_tokens":15}}\n\n'
    finish = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
    error = b'data: {"error":{"message":"overloaded","type":"server_error","code":503}}\n\n'
    done = b"data: [DONE]\n\n"

    async def spent(*bodies: bytes) -> Cost:
        model = init_chat_model(
            "openai:gpt-4o-mini",
            api_key="k",
            transport=ReplayTransport(bodies),
            use_responses_api=False,
            streaming=True,
            resume="restart",
            retry=RetryPolicy(random=lambda: 0.0),
            profile={"prices": PRICES},
        )
        with get_usage_metadata_callback() as counted:
            assert (await model.ainvoke("hi")).text == "hi"
        return counted.cost

    one = Decimal("0.00007")
    assert await spent(start + usage + error, start + finish + usage + done) == Cost(2 * one)
    assert await spent(usage + error, start + finish + usage + done) == Cost(one)
    assert await spent(start + error, start + finish + usage + done) == Cost(
        one, ("gpt-4o-mini: usage was not reported",)
    )
    assert await spent(start + usage + error, start + finish + done) == Cost(
        one, ("gpt-4o-mini: usage was not reported",)
    )
