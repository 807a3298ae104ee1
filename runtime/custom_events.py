"""Events of the user's own, published on the run around the caller; and the context that says which run that is."""

from __future__ import annotations

import contextvars
import sys

from tidewire.blocking import run_blocking
from tidewire.events.blocks import JSON
from tidewire.events.bus import Bus, current_bus
from tidewire.events.errors import ConfigurationError
from tidewire.events.types import Custom


async def adispatch_custom_event(name: str, data: JSON = None) -> None:
    """Publish an event of the user's own on the run around, and wait for those who are awaited.

    Subscribers get it as :class:`tidewire.events.Custom`, handlers by ``on_custom_event``, and ``astream_events`` has a
    record of it.

    Args:
        name: What it is called.
        data: What it carries.

    Raises:
        ConfigurationError: There is no run around, or it is over.
    """
    bus = _bus_around(name)
    bus.publish(Custom(name, data))
    await bus.flush()


def dispatch_custom_event(name: str, data: JSON = None) -> None:
    """:func:`adispatch_custom_event` for sync code."""
    bus = _bus_around(name)
    bus.publish(Custom(name, data))
    if bus.has_pending:  # else there is no need to ask an event loop
        run_blocking(bus.flush)


def copy_context() -> contextvars.Context:
    """A copy of the caller's context, for a thread that the program starts itself.

    ``Thread(target=copy_context().run, args=(work,))`` makes calls in ``work`` runs within the run around, and heard by
    those who hear that. Threads that tidewire starts need no such help. One copy serves one thread at a time.
    """
    context = contextvars.copy_context()
    sniffio = sys.modules.get("sniffio")
    if sniffio is not None:  # which event loop runs here says nothing of another thread
        context.run(sniffio.current_async_library_cvar.set, None)
    return context


def _bus_around(name: str) -> Bus:
    bus = current_bus()
    if bus is None:
        raise ConfigurationError(
            f"event {name!r} needs a run around it: dispatch it in a chain or a tool, or within open_run(…); "
            "in a thread of your own, start that with tidewire.copy_context().run"
        )
    if bus.ended:
        raise ConfigurationError(f"event {name!r} comes too late: run {bus.run.name!r} around it is over")
    return bus


__all__ = ["adispatch_custom_event", "copy_context", "dispatch_custom_event"]
