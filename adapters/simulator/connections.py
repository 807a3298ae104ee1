"""aiohttp as the simulator uses it: it reads requests and tells who comes and goes; replies are written past it."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Iterator
from functools import partial
from typing import Protocol

from aiohttp import web

from tidewire.adapters.simulator.faults import Act, Close, Hang, Reset, Send

#: Largest request, in bytes: the limit of Anthropic's API.
REQUEST_LIMIT = 32 * 1024 * 1024


class Watcher(Protocol):
    """Who answers the requests and hears of connections, all in the server's thread."""

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request; cancelled when its client leaves."""
        ...

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client has connected."""
        ...

    def connection_lost(self, transport: asyncio.BaseTransport) -> None:
        """A connection is closed."""
        ...


class CountingServer(web.Server):
    """aiohttp's server, which tells of connections that come and go."""

    def __init__(self, watcher: Watcher) -> None:
        loop = asyncio.get_running_loop()
        super().__init__(
            watcher.answer,
            request_factory=partial(web.BaseRequest, loop=loop, client_max_size=REQUEST_LIMIT),
            # A handler is cancelled when its client leaves, whatever it waits for: so leaving is noticed at once.
            handler_cancellation=True,
            access_log=None,
        )
        self._watcher = watcher
        self._transports: dict[web.RequestHandler, asyncio.BaseTransport] = {}

    def connection_made(self, handler: web.RequestHandler, transport: asyncio.Transport) -> None:
        super().connection_made(handler, transport)
        self._transports[handler] = transport
        self._watcher.connection_made(transport)

    def connection_lost(self, handler: web.RequestHandler, exc: BaseException | None = None) -> None:
        super().connection_lost(handler, exc)
        self._watcher.connection_lost(self._transports.pop(handler))


class Written(web.StreamResponse):
    """A response whose bytes are already on the wire."""

    def __init__(self, *, keep: bool) -> None:
        super().__init__()
        self._keep = keep

    @property
    def keep_alive(self) -> bool:
        return self._keep

    async def prepare(self, request: web.BaseRequest) -> None:
        return None

    async def write_eof(self, data: bytes = b"") -> None:
        return None


async def body_of(request: web.BaseRequest) -> bytes | None:
    """The request's body; None if it is larger than the limit."""
    try:
        return await request.read()
    except web.HTTPRequestEntityTooLarge:
        return None


async def send(request: web.BaseRequest, acts: Iterator[Act]) -> bool:
    """Send a reply; whether the connection lives on. Cancelled when the client leaves."""
    loop = asyncio.get_running_loop()
    transport = request.transport
    assert transport is not None
    due = loop.time()
    for act in acts:
        match act:
            case Send():
                due += act.delay_s
                # Also without a wait the loop turns, so that one long reply holds up no other.
                await asyncio.sleep(max(0.0, due - loop.time()) if act.delay_s else 0.0)
                if transport.is_closing():
                    raise ConnectionResetError
                transport.write(act.data)
                await request.writer.drain()
            case Hang():
                await asyncio.Event().wait()
            case Close():
                transport.close()
                return False
            case Reset():
                transport.set_write_buffer_limits(high=0)
                await request.writer.drain()  # what was sent before shall arrive
                reset(transport)
                return False
    return True


def reset(transport: asyncio.BaseTransport) -> None:
    """Close a connection so that the other side gets a reset."""
    assert isinstance(transport, asyncio.Transport)
    connection = transport.get_extra_info("socket")
    if not transport.is_closing():
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


__all__ = ["REQUEST_LIMIT", "CountingServer", "Watcher", "Written", "body_of", "reset", "send"]
