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

#: The key in ``response_metadata`` of an answer that came without a request of the call's own: from a cache, or from a
#: request that another call made.
CACHE_HIT = "cache_hit"
#: The key there of the tokens that such an answer would have cost, as ``usage_metadata`` has them.
CACHED_USAGE = "cached_usage"


class UsageMetadataCallbackHandler:
    """Adds up the tokens of the calls that it hears, and what they cost, by the model that answered.

    Give it as a callback, or use :func:`get_usage_metadata_callback`. Calls that failed, were cancelled or were left
    count with what their provider had reported by then; answers out of a cache count apart. One handler may hear calls
    of several threads and loops.
    """

    #: It needs no tokens, only the ends of runs: a call that it hears need not be streamed.
    wants_tokens: Final = False

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._totals: dict[str, UsageMetadata] = {}
        self._costs = Costs()
        self._saved: dict[str, UsageMetadata] = {}

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

    @property
    def cached_usage_metadata(self) -> dict[str, UsageMetadata]:
        """The tokens that answers out of a cache would have cost, by model name; no part of ``usage_metadata``."""
        with self._lock:
            return dict(self._saved)

    def __call__(self, run: Run, event: Event) -> None:
        """Hear an event; called by the bus."""
        if not isinstance(event, End) or run.kind != "chat_model" or (event.usage is None and event.cost is None):
            return
        about = event.output.response_metadata if isinstance(event.output, AIMessage) else {}
        name = about.get("model_name") or run.model or "unknown"
        usage = None if event.usage is None else event.usage.metadata()
        if about.get(CACHE_HIT) is True:
            with self._lock:
                _count(self._saved, name, about.get(CACHED_USAGE))
            return
        with self._lock:
            _count(self._totals, name, usage)
            if event.cost is not None:
                self._costs.add(name, event.cost)

    def __repr__(self) -> str:
        return f"UsageMetadataCallbackHandler({self.usage_metadata})"


def _count(totals: dict[str, UsageMetadata], name: str, usage: UsageMetadata | None) -> None:
    if usage is not None:
        known = totals.get(name)
        totals[name] = usage if known is None else add_usage([known, usage])


@contextmanager
def get_usage_metadata_callback(name: str = "usage_metadata_callback") -> Generator[UsageMetadataCallbackHandler]:
    """Count the tokens and costs of every call that starts within the block; nothing stays when it is left.

    Args:
        name: Taken for compatibility: the counter needs none, for nothing of it outlives its block.
    """
    handler = UsageMetadataCallbackHandler()
    with subscribe(handler):
        yield handler


__all__ = ["CACHED_USAGE", "CACHE_HIT", "UsageMetadataCallbackHandler", "get_usage_metadata_callback"]
