"""Ten thousand calls at once, in runs within runs, heard by twenty: every total is exact, and nothing is kept."""

from __future__ import annotations

import gc
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from decimal import Decimal

import anyio
import anyio.lowlevel

from tidewire import init_chat_model, open_run, subscribe
from tidewire.adapters.spec import HttpRequest
from tidewire.callbacks import UsageMetadataCallbackHandler, get_usage_metadata_callback
from tidewire.chat_models import ChatModel
from tidewire.events.types import Event, Run

CHAINS = 100
CALLS = 100  # of each chain
SUBSCRIBERS = 20
#: The calls of one chain: 10 tokens of input, 4 of them from the cache, and 5 of output.
OF_A_CHAIN = {
    "input_tokens": 10 * CALLS,
    "output_tokens": 5 * CALLS,
    "total_tokens": 15 * CALLS,
    "input_token_details": {"cache_read": 4 * CALLS},
}
PRICES = {"input": 2, "output": 10, "cache_read": 0.5}
PAID = Decimal("0.000064")
BODY = (
    b'data: {"id":"r","model":"answered","choices":[{"index":0,"delta":{"content":"hi"},"finish_reason":"stop"}]}\n\n'
    b'data: {"choices":[],"usage":{"prompt_tokens":10,"completion_tokens":5,"total_tokens":15,'
    b'"prompt_tokens_details":{"cached_tokens":4}}}\n\n'
    b"data: [DONE]\n\n"
)


class Together:
    """A transport that lets no reply begin before all requests are there."""

    def __init__(self, count: int) -> None:
        self._missing = count
        self._all = anyio.Event()

    async def open(self, request: HttpRequest, *, connect_timeout_s: float | None = None) -> Reply:
        self._missing -= 1
        if self._missing == 0:
            self._all.set()
        await self._all.wait()
        return Reply()

    async def aclose(self) -> None:
        pass


class Reply:
    status = 200
    headers: Mapping[str, str] = {"content-type": "text/event-stream"}

    def __init__(self) -> None:
        self._left = [BODY]

    async def read(self) -> bytes:
        await anyio.lowlevel.checkpoint()
        return self._left.pop() if self._left else b""

    def abort(self) -> None:
        self._left.clear()

    async def aclose(self) -> None:
        self._left.clear()


class Count:
    """Counts what it hears."""

    wants_tokens = False

    def __init__(self) -> None:
        self.events = 0
        self.by_kind: dict[str, int] = {}

    def __call__(self, run: Run, event: Event) -> None:
        self.events += 1
        kind = type(event).__name__
        self.by_kind[kind] = self.by_kind.get(kind, 0) + 1


async def chain(model: ChatModel, calls: int) -> UsageMetadataCallbackHandler:
    """The calls of one chain, half of them in a run of their own within it."""

    async def within() -> None:
        async with open_run("step"):
            await model.ainvoke("hi")

    with get_usage_metadata_callback() as usage:
        async with open_run("chain"), anyio.create_task_group() as group:
            for number in range(calls):
                if number % 2:
                    group.start_soon(within)
                else:
                    group.start_soon(model.ainvoke, "hi")
    return usage


async def all_at_once(chains: int, calls: int) -> None:
    model = init_chat_model(
        "openai:asked",
        api_key="k",
        transport=Together(chains * calls),
        use_responses_api=False,
        streaming=True,
        profile={"prices": PRICES},
    )
    everything = UsageMetadataCallbackHandler()
    counts = [Count() for _ in range(SUBSCRIBERS)]
    each: list[UsageMetadataCallbackHandler] = []

    async def one() -> None:
        each.append(await chain(model, calls))

    with ExitStack() as stack:
        stack.enter_context(subscribe(everything))
        for count in counts:
            stack.enter_context(subscribe(count))
        async with anyio.create_task_group() as group:
            for _ in range(chains):
                group.start_soon(one)
    assert len(each) == chains
    for usage in each:
        assert usage.usage_metadata["answered"]["total_tokens"] == 15 * calls
        assert usage.cost.usd == PAID * calls
        if calls == CALLS:
            assert usage.usage_metadata == {"answered": OF_A_CHAIN}
    assert everything.usage_metadata["answered"]["total_tokens"] == 15 * chains * calls
    assert everything.usage_metadata["answered"].get("input_token_details") == {"cache_read": 4 * chains * calls}
    assert everything.cost.usd == PAID * chains * calls
    runs = chains * calls + chains * (calls // 2) + chains
    for count in counts:
        assert count.by_kind["Start"] == count.by_kind["End"] == runs
        assert count.by_kind["Token"] == count.by_kind["Usage"] == chains * calls
        assert count.by_kind == counts[0].by_kind


def blocks_in_use() -> int:
    """How many pieces of memory Python has handed out and not got back."""
    gc.collect()
    return sys.getallocatedblocks()


async def test_ten_thousand_calls_at_once_are_counted_exactly_and_leave_nothing() -> None:
    await all_at_once(2, 10)  # what is made once and kept: code, caches, tables
    before = blocks_in_use()
    await all_at_once(CHAINS, CALLS)
    await anyio.lowlevel.checkpoint()
    # A call in flight is more than a hundred blocks. A tenth of one for each call would be a leak.
    assert blocks_in_use() - before < CHAINS * CALLS / 10
