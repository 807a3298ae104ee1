"""What is aiohttp's own: sessions that are handed in, and what it would do if it were not told otherwise."""

import asyncio
import contextlib
import gzip
import os
import socket
import stat
import threading

import aiohttp
import anyio
import httpx
import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from tests.adapters.raw_server import PATIENCE_S, Peer, RawServer, answer, chunked, misbehave, serve
from tidewire.adapters.aiohttp_transport import AiohttpTransport
from tidewire.adapters.host import aclose_all
from tidewire.adapters.spec import HttpRequest, Response
from tidewire.adapters.transport_settings import TransportSettings
from tidewire.events.errors import APIConnectionError, ConfigurationError

pytestmark = [
    pytest.mark.parametrize(
        "anyio_backend",
        [("asyncio", {"use_uvloop": False}), ("asyncio", {"use_uvloop": True})],
        ids=["asyncio", "uvloop"],
    )
]


async def read_all(response: Response) -> bytes:
    pieces: list[bytes] = []
    while piece := await response.read():
        pieces.append(piece)
    return b"".join(pieces)


async def test_a_session_that_was_handed_in_is_used_as_a_transport_needs_it() -> None:
    packed = gzip.compress(b"refused")
    refusal = answer(packed, b"content-encoding: gzip", b"location: /elsewhere", status=b"303 See Other")

    def handler(peer: Peer) -> None:
        peer.read_request()
        threading.Event().wait(0.1)
        peer.send(refusal)

    with RawServer(handler) as server:
        timeout = aiohttp.ClientTimeout(total=0.05, sock_read=0.01)
        async with aiohttp.ClientSession(
            raise_for_status=True, timeout=timeout, headers={"x-of-the-session": "1"}
        ) as session:
            transport = AiohttpTransport(TransportSettings(http_client=session))
            response = await transport.open(HttpRequest("POST", server.url, {}, b"{}"))
            assert response.status == 303
            assert await read_all(response) == b"refused"
            await response.aclose()
            await transport.aclose()
            assert not session.closed
        assert b"x-of-the-session: 1" in server.peer().requests[0].lower()
    await aclose_all()


async def test_a_session_that_was_handed_in_stays_open_when_what_it_carries_is_closed() -> None:
    with RawServer(misbehave(chunked(b"hello"), Peer.closed_by_client)) as server:
        async with aiohttp.ClientSession() as session:
            transport = AiohttpTransport(TransportSettings(http_client=session))
            response = await transport.open(HttpRequest("POST", server.url, {}, b"{}"))
            assert await response.read() == b"hello"
            await aclose_all()
            with pytest.raises(APIConnectionError, match="by this side"):
                await response.read()
            assert not session.closed


async def test_a_client_that_is_no_session_is_named() -> None:
    async with httpx.AsyncClient() as client:
        with pytest.raises(ConfigurationError, match=r"is a AsyncClient, not an aiohttp\.ClientSession"):
            AiohttpTransport(TransportSettings(http_client=client))


async def test_a_socks_proxy_is_refused() -> None:
    transport = AiohttpTransport(TransportSettings(proxy="socks5://127.0.0.1:1"))
    with pytest.raises(ConfigurationError, match="no SOCKS proxies"):
        await transport.open(HttpRequest("POST", "http://a.example", {}, b"{}"))


async def test_a_host_that_has_no_address_is_named() -> None:
    with pytest.raises(APIConnectionError, match=r"cannot connect to nowhere\.invalid") as caught:
        await AiohttpTransport().open(HttpRequest("POST", "http://nowhere.invalid/", {}, b"{}"))
    assert caught.value.is_retryable
    await aclose_all()


class TwoAddresses(AbstractResolver):
    """Resolves every name to two addresses, which aiohttp then tries one shortly after the other."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return [
            {"hostname": host, "host": address, "port": port, "family": socket.AF_INET, "proto": 0, "flags": 0}
            for address in ("127.0.0.1", "127.0.0.2")
        ]

    async def close(self) -> None:
        pass


def sockets() -> int:
    """How many sockets this process has, connected or not."""
    return sum(1 for name in os.listdir("/proc/self/fd") if is_socket(name))


def is_socket(name: str) -> bool:
    try:
        return stat.S_ISSOCK(os.stat(f"/proc/self/fd/{name}").st_mode)
    except FileNotFoundError:
        return False


@pytest.mark.parametrize("times", [1, 2, 3])
async def test_cancelled_while_two_addresses_are_tried(times: int) -> None:
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("0.0.0.0", 0), backlog=0))
        port: int = listener.getsockname()[1]
        for _ in range(3):  # a queue that is full answers nobody any more
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", port))
        before, others = sockets(), asyncio.all_tasks()
        connector = aiohttp.TCPConnector(resolver=TwoAddresses(), happy_eyeballs_delay=0.01)
        async with aiohttp.ClientSession(connector=connector) as session:
            transport = AiohttpTransport(TransportSettings(http_client=session))
            task = asyncio.create_task(transport.open(HttpRequest("POST", f"http://two.example:{port}", {}, b"{}")))
            with anyio.fail_after(PATIENCE_S):
                while sockets() < before + 2:  # noqa: ASYNC110  # no event tells of a descriptor
                    await asyncio.sleep(0.005)
            for _ in range(times):
                task.cancel()
                await asyncio.sleep(0)
            with pytest.raises(asyncio.CancelledError):
                await task
            assert sockets() == before
            assert {other for other in asyncio.all_tasks() - others if "Host" not in repr(other)} == set()
    await aclose_all()


async def test_abort_outlives_the_loop() -> None:
    """A response that is collected late may be aborted when its loop is closed already."""
    responses: list[Response] = []

    async def leave(url: str) -> None:
        responses.append(await AiohttpTransport().open(HttpRequest("POST", url, {}, b"{}")))

    def run(url: str) -> None:
        asyncio.run(leave(url))
        responses[0].abort()

    with RawServer(serve(chunked(b"hello"))) as server:
        thread = threading.Thread(target=run, args=(server.url,))
        thread.start()
        await asyncio.to_thread(thread.join, PATIENCE_S)
        assert len(responses) == 1
        responses[0].abort()
