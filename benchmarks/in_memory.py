"""What needs no server: adding chunks, and publishing to subscribers. Each function gives seconds of CPU time."""

from __future__ import annotations

import gc
import time
from collections.abc import Sequence
from uuid import UUID

from tidewire.events.bus import Bus, Subscription
from tidewire.events.chunks import AIMessageChunk
from tidewire.events.types import DecodedEvent, Event, Run, Token, ToolCallDelta

_RUN = Run(id=UUID(int=1), kind="chat_model", name="bench", provider="openai", model="bench")
_READ = 64


def add_text(chunks: int) -> float:
    """Add chunks of text with ``+``, each to the sum of those before it, and read the sum."""
    return _add([Token(" tide") for _ in range(chunks)])


def add_arguments(chunks: int) -> float:
    """Add chunks of one tool call's arguments in the same way, and read the call."""
    pieces = [ToolCallDelta('{"text":"', 0, "call_1", "write")]
    pieces += [ToolCallDelta(" tide") for _ in range(chunks - 2)]
    return _add([*pieces, ToolCallDelta('"}')])


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


def _add(events: Sequence[DecodedEvent]) -> float:
    chunks = [AIMessageChunk.from_events(_RUN, event) for event in events]
    gc.collect()
    begun = time.process_time()
    total = chunks[0]
    for chunk in chunks[1:]:
        total = total + chunk
    blocks = total.content_blocks
    took = time.process_time() - begun
    assert len(blocks) == 1
    return took


__all__ = ["add_arguments", "add_text", "publish"]
