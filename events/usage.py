"""Tokens and costs of many calls, added up by model: a subscriber of the bus."""

from __future__ import annotations

import threading
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

from tidewire.events.blocks import UsageMetadata
from tidewire.events.bus import subscribe
from tidewire.events.costs import Costs
from tidewire.events.fold import add_usage
from tidewire.events.messages import AIMessage
from tidewire.events.types import Cost, End, Event, Run


class UsageMetadataCallbackHandler:
    """Adds up the tokens of the calls that it hears, and what they cost, by the model that answered.

    Give it as a callback, or use :func:`get_usage_metadata_callback`. Calls that failed, were cancelled or were left
    count with what their provider had reported by then. One handler may hear calls of several threads and loops.
    """

    #: It needs no tokens, only the ends of runs: a call that it hears need not be streamed.
    wants_tokens: Final = False

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._totals: dict[str, UsageMetadata] = {}
        self._costs = Costs()

    @property
    def usage_metadata(self) -> dict[str, UsageMetadata]:
        """The tokens so far, by model name."""
        with self._lock:
            return dict(self._totals)

    @property
    def cost(self) -> Cost:
        """What the calls so far cost in US dollars. ``usd`` is None while a price is unknown; ``unpriced`` names it."""
        with self._lock:
            return self._costs.total()

    @property
    def cost_by_model(self) -> dict[str, Cost]:
        """The same by model name."""
        with self._lock:
            return dict(self._costs.by_model)

    def __call__(self, run: Run, event: Event) -> None:
        """Hear an event; called by the bus."""
        if not isinstance(event, End) or run.kind != "chat_model" or (event.usage is None and event.cost is None):
            return
        answered = event.output.response_metadata.get("model_name") if isinstance(event.output, AIMessage) else None
        name = answered or run.model or "unknown"
        usage = None if event.usage is None else event.usage.metadata()
        with self._lock:
            if usage is not None:
                known = self._totals.get(name)
                self._totals[name] = usage if known is None else add_usage([known, usage])
            if event.cost is not None:
                self._costs.add(name, event.cost)

    def __repr__(self) -> str:
        return f"UsageMetadataCallbackHandler({self.usage_metadata})"


@contextmanager
def get_usage_metadata_callback() -> Generator[UsageMetadataCallbackHandler]:
    """Count the tokens and costs of every call that starts within the block; nothing stays when it is left."""
    handler = UsageMetadataCallbackHandler()
    with subscribe(handler):
        yield handler


__all__ = ["UsageMetadataCallbackHandler", "get_usage_metadata_callback"]
