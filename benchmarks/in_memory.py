"""What needs no server: adding chunks, and publishing to subscribers. Each function gives seconds of CPU time."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Callable
from typing import TypeAlias
from uuid import UUID

from tidewire.events.bus import Bus, Subscription
from tidewire.events.chunks import AIMessageChunk
from tidewire.events.types import Event, Run, Token, ToolCallDelta

_RUN = Run(id=UUID(int=1), kind="chat_model", name="bench", provider="openai", model="bench")
_READ = 64

#: Gives that many chunks.
Make: TypeAlias = Callable[[int], list[AIMessageChunk]]


def text(chunks: int) -> list[AIMessageChunk]:
    """The chunks of an answer in text."""
    return [AIMessageChunk.from_events(_RUN, Token(" tide")) for _ in range(chunks)]


def arguments(chunks: int) -> list[AIMessageChunk]:
    """The chunks of a tool call's arguments."""
    events = [ToolCallDelta('{"text":"', 0, "call_1", "write")]
    events += [ToolCallDelta(" tide") for _ in range(chunks - 2)]
    return [AIMessageChunk.from_events(_RUN, event) for event in (*events, ToolCallDelta('"}'))]


def add(make: Make, chunks: int) -> float:
    """Add chunks with ``+``, each to the sum of those before it."""
    return _timed_sum(make(chunks))[1]


def read(make: Make, chunks: int) -> float:
    """Read the content of a sum for the first time."""
    total, _ = _timed_sum(make(chunks))
    begun = time.process_time()
    blocks = total.content_blocks
    took = time.process_time() - begun
    assert len(blocks) == 1
    return took


def publish(subscribers: int, events: int) -> float:
    """Publish tokens, as many at once as a network read holds, to sync subscribers that do nothing."""

    def make() -> Subscription:
        def hear(run: Run, event: Event) -> None:
            pass

        return Subscription(hear)

    bus = Bus(_RUN, [make() for _ in range(subscribers)])
    reads = [[Token(" tide") for _ in range(_READ)] for _ in range(events // _READ)]
    gc.collect()
    begun = time.process_time()
    for read in reads:
        bus.publish_all(read, [])
    return time.process_time() - begun


def publish_async(events: int) -> float:
    """The same to one async subscriber that does nothing, which is awaited after each read."""

    async def hear(run: Run, event: Event) -> None:
        pass

    async def flow() -> float:
        bus = Bus(_RUN, [Subscription(hear)])
        reads = [[Token(" tide") for _ in range(_READ)] for _ in range(events // _READ)]
        gc.collect()
        begun = time.process_time()
        for read in reads:
            bus.publish_all(read, [])
            await bus.flush()
        return time.process_time() - begun

    return asyncio.run(flow())


def _timed_sum(chunks: list[AIMessageChunk]) -> tuple[AIMessageChunk, float]:
    gc.collect()
    begun = time.process_time()
    total = chunks[0]
    for chunk in chunks[1:]:
        total = total + chunk
    return total, time.process_time() - begun


__all__ = ["Make", "add", "arguments", "publish", "publish_async", "read", "text"]
