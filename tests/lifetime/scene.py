"""What tests of lifetimes share: what a process holds open, and how they wait for it to go."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable

import anyio

from tidewire.adapters.script import Pace, Reply
from tidewire.adapters.spec import Transport
from tidewire.adapters.transports import TransportSettings

#: How long what is to come may take on a machine that has much else to do.
PATIENCE_S = 120.0
WORDS = [f"word{number} " for number in range(12)]
#: An answer that takes about so long as the random moments at which it is cancelled.
SLOW = Reply(WORDS, pace=Pace(first_token_s=0.01, tokens_per_second=400))


def descriptors() -> int:
    """The file descriptors that this process has."""
    folder = "/proc/self/fd" if sys.platform == "linux" else "/dev/fd"
    return len(os.listdir(folder))


def living_tasks() -> int:
    """The tasks of the running loop."""
    if runs_on_asyncio():
        return len(asyncio.all_tasks())
    count: int = sys.modules["trio"].lowlevel.current_statistics().tasks_living
    return count


def runs_on_asyncio() -> bool:
    """Whether the running loop is one of asyncio's."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


async def until(condition: Callable[[], bool], otherwise: str) -> None:
    """Wait for something that tells nobody when it happens."""
    with anyio.move_on_after(PATIENCE_S):
        while not condition():  # noqa: ASYNC110 - as said
            await anyio.sleep(0.01)
    assert condition(), otherwise


def transport(client: str) -> Transport | None:
    """The default transport of the loop, or httpx in any case."""
    if client == "default":
        return None
    from tidewire.adapters.httpx_transport import HttpxTransport

    return HttpxTransport(TransportSettings())


__all__ = [
    "PATIENCE_S", "SLOW", "WORDS", "descriptors", "living_tasks", "runs_on_asyncio", "transport", "until",
]  # fmt: skip
