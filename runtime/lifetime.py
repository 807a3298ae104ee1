"""Ends what belongs to an event loop."""

from __future__ import annotations

from tidewire.adapters.host import aclose_all


async def aclose() -> None:
    """Close the pooled connections of the running event loop, and stop batches that nobody reads any more.

    Not needed under ``asyncio.run``, ``anyio.run`` or ``trio.run``, which do it at their end.
    """
    await aclose_all()


__all__ = ["aclose"]
