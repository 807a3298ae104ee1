"""What is httpx's own: clients that are handed in, also of httpx2 or without a network, and what it would leak."""

import gc
import socket
import threading
from collections.abc import AsyncIterator, Callable
from typing import Any, TypeAlias

import aiohttp
import anyio
import httpx
import httpx2
import pytest

from tests.adapters.raw_server import PATIENCE_S, Peer, RawServer, answer, chunked, misbehave, serve
from tidewire.adapters.host import aclose_all
from tidewire.adapters.httpx_transport import HttpxTransport
from tidewire.adapters.spec import HttpRequest, Response
from tidewire.adapters.transport_settings import TransportSettings
from tidewire.events.errors import APIConnectionError, APITimeoutError, ConfigurationError, ResponseLimitError


def post(url: str) -> HttpRequest:
    return HttpRequest("POST", url, {"content-type": "application/json"}, b"{}")


async def read_all(response: Response) -> bytes:
    pieces: list[bytes] = []
    while piece := await response.read():
        pieces.append(piece)
    return b"".join(pieces)


# --- clients that are handed in

Client: TypeAlias = httpx.AsyncClient | httpx2.AsyncClient

FLAVOURS: dict[str, Callable[[], Client]] = {
    "httpx": lambda: httpx.AsyncClient(trust_env=False),
    "httpx2": lambda: httpx2.AsyncClient(trust_env=False),
}


@pytest.fixture(params=FLAVOURS.values(), ids=list(FLAVOURS))
async def client(request: pytest.FixtureRequest) -> AsyncIterator[Client]:
    async with request.param() as made:
        yield made
    await aclose_all()


async def test_a_client_that_was_handed_in_carries_and_stays_open(client: Client) -> None:
    transport = HttpxTransport(TransportSettings(http_client=client))
    with RawServer(serve(answer(b"hello" + b"forged", b"x-a: 1"), answer(b"", status=b"302 Found"))) as server:
        response = await transport.open(post(server.url))
        assert await read_all(response) == b"helloforged"
        assert response.headers["x-a"] == "1"
        response = await transport.open(post(server.url))
        assert response.status == 302
        await response.aclose()
        assert len(server.peers) == 1
        await transport.aclose()
        assert not client.is_closed


async def test_the_errors_of_a_client_that_was_handed_in_are_translated(client: Client) -> None:
    transport = HttpxTransport(TransportSettings(http_client=client))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(APITimeoutError):
            await transport.open(post(f"https://127.0.0.1:{port}"), connect_timeout_s=0.1)
    with pytest.raises(APIConnectionError, match="Connection refused"):
        await transport.open(post(f"http://127.0.0.1:{port}"))
    with RawServer(serve(answer(b"", b"x-long: " + b"a" * 200_000))) as server, pytest.raises(ResponseLimitError):
        await transport.open(post(server.url))
    with RawServer(misbehave(chunked(b"hello"), Peer.close)) as server, pytest.raises(APIConnectionError):
        await read_all(await transport.open(post(server.url)))
    with pytest.raises(ConfigurationError, match="no http"):
        await transport.open(post("ftp://127.0.0.1"))


async def test_bytes_behind_the_body_are_not_the_next_answer(client: Client) -> None:
    transport = HttpxTransport(TransportSettings(http_client=client))
    with RawServer(serve(answer(b"hello") + answer(b"forged"))) as server:
        for _ in range(3):
            assert await read_all(await transport.open(post(server.url))) == b"hello"


async def test_a_client_that_was_handed_in_is_aborted_at_once(client: Client) -> None:
    transport = HttpxTransport(TransportSettings(http_client=client))
    with RawServer(misbehave(chunked(b"hello"), Peer.closed_by_client)) as server:
        response = await transport.open(post(server.url))
        assert await response.read() == b"hello"
        response.abort()
        assert await anyio.to_thread.run_sync(server.peer().finished.wait, 1.0)
        await response.aclose()


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_client_that_is_none_of_httpx_is_named() -> None:
    async with aiohttp.ClientSession() as session:
        with pytest.raises(ConfigurationError, match=r"is a ClientSession, not an httpx\.AsyncClient"):
            HttpxTransport(TransportSettings(http_client=session))


# --- clients without a network


class Endless:
    """A body that never ends, and counts how far it was asked for."""

    def __init__(self) -> None:
        self.given = 0
        self.ended = anyio.Event()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            while True:
                self.given += 1
                yield b"x" * 10_000
                await anyio.lowlevel.checkpoint()
        finally:
            self.ended.set()


async def test_a_body_that_comes_from_no_network_is_read_ahead_a_little_and_ended_by_abort() -> None:
    body = Endless()

    def handler(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=body)

    async with httpx.AsyncClient(transport=httpx.MockTransport(handler)) as client:
        transport = HttpxTransport(TransportSettings(http_client=client))
        response = await transport.open(post("http://model.example"))
        for _ in range(50):
            await anyio.lowlevel.checkpoint()
        assert body.given == 7  # 64 KiB, and no more
        assert len(await response.read()) == 70_000
        response.abort()
        with anyio.fail_after(10):
            await body.ended.wait()
        await response.aclose()
        with pytest.raises(APIConnectionError):
            await response.read()
    await aclose_all()


async def test_a_client_that_fails_in_its_own_way_is_not_explained_away() -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        raise ZeroDivisionError

    async with httpx.AsyncClient(transport=httpx.MockTransport(handler)) as client:
        with pytest.raises(ZeroDivisionError):
            await HttpxTransport(TransportSettings(http_client=client)).open(post("http://model.example"))
    await aclose_all()


async def test_a_connection_of_http_2_is_not_shut_down_with_one_of_its_exchanges() -> None:
    class Stream:
        def get_extra_info(self, name: str) -> object:
            raise AssertionError("the socket was asked for")

    body = Endless()

    def handler(request: httpx.Request) -> httpx.Response:
        extensions: dict[str, Any] = {"http_version": b"HTTP/2", "network_stream": Stream()}
        return httpx.Response(200, content=body, extensions=extensions)

    async with httpx.AsyncClient(transport=httpx.MockTransport(handler)) as client:
        response = await HttpxTransport(TransportSettings(http_client=client)).open(post("http://model.example"))
        response.abort()
        await response.aclose()
        assert body.ended.is_set()
    await aclose_all()


# --- generators, which trio warns of when they are left to the garbage collector


@pytest.mark.parametrize("reads", [0, 1, 3])
async def test_no_generator_is_left_to_the_garbage_collector(reads: int) -> None:
    def handler(peer: Peer) -> None:
        peer.read_request()
        peer.send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
        peer.send_until_stopped(b"4000\r\n" + b"x" * 0x4000 + b"\r\n", 5)

    with RawServer(handler) as server:
        response = await HttpxTransport().open(post(server.url))
        for _ in range(reads):
            await response.read()
        await anyio.sleep(0.02)  # the exchange waits for room
        response.abort()
        await response.aclose()
        del response
        gc.collect()
        await anyio.lowlevel.checkpoint()
    await aclose_all()


async def test_a_request_that_is_cut_while_it_is_sent_leaves_no_generator() -> None:
    with RawServer(lambda peer: None) as server:
        with anyio.move_on_after(0.05):
            await HttpxTransport().open(HttpRequest("POST", server.url, {}, b"x" * 50_000_000))
        gc.collect()
        await anyio.lowlevel.checkpoint()
    await aclose_all()


# --- what httpx would do for many at once


async def test_many_exchanges_at_once_are_spread_over_clients_that_are_closed_when_they_are_not_needed() -> None:
    transport = HttpxTransport(TransportSettings(keepalive_s=0.2))
    go_on = threading.Event()

    def handler(peer: Peer) -> None:
        while peer.read_request():
            peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n")
            assert go_on.wait(PATIENCE_S)
            peer.send(b"hello")

    with RawServer(handler) as server:
        responses = [await transport.open(post(server.url)) for _ in range(70)]
        assert len(server.peers) == 70
        go_on.set()
        assert [await read_all(response) for response in responses] == [b"hello"] * 70
        with anyio.fail_after(PATIENCE_S):
            while not all(peer.finished.is_set() for peer in server.peers[:70]):
                await anyio.sleep(0.25)  # longer than a connection is kept
                assert await read_all(await transport.open(post(server.url))) == b"hello"
    await aclose_all()
