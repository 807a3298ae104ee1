"""Token counts of many calls."""

from __future__ import annotations

import threading

import anyio
import pytest

from tidewire import init_chat_model, open_run
from tidewire.adapters.script import Fail, Reply
from tidewire.adapters.sim_request import SimRequest
from tidewire.callbacks import UsageMetadataCallbackHandler, get_usage_metadata_callback
from tidewire.events.errors import StreamInterruptedError
from tidewire.events.types import Usage

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
            with get_usage_metadata_callback() as inner:
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
