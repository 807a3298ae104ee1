"""What every HTTP transport keeps to, whatever the server does: aiohttp and httpx, on each event loop they serve.

The server is a thread with plain sockets, so it can break off at any byte. Closed means that it saw the connection
closed, and that this process holds no descriptor to it any more.
"""

import asyncio
import contextlib
import gzip
import os
import socket
import ssl
import stat
import threading
import traceback
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import anyio
import pytest
import trustme
from anyio import to_thread

from tests.adapters.raw_server import PATIENCE_S, Peer, RawServer, answer, chunked, misbehave, serve
from tidewire.adapters.aiohttp_transport import AiohttpTransport
from tidewire.adapters.host import aclose_all
from tidewire.adapters.httpx_transport import HttpxTransport
from tidewire.adapters.secrets import Secret
from tidewire.adapters.spec import HttpRequest, Response
from tidewire.adapters.transport_settings import TransportSettings, Verify
from tidewire.events.errors import (
    APIConnectionError,
    APITimeoutError,
    ConfigurationError,
    ResponseDecodeError,
    ResponseLimitError,
)

HttpTransport: TypeAlias = AiohttpTransport | HttpxTransport
Backend: TypeAlias = tuple[str, dict[str, bool]]

ASYNCIO: Backend = ("asyncio", {"use_uvloop": False})
UVLOOP: Backend = ("asyncio", {"use_uvloop": True})
TRIO: Backend = ("trio", {})


class Carrier(NamedTuple):
    """A transport on an event loop that it serves."""

    kind: type[AiohttpTransport] | type[HttpxTransport]
    backend: Backend


CARRIERS = {
    "aiohttp on asyncio": Carrier(AiohttpTransport, ASYNCIO),
    "aiohttp on uvloop": Carrier(AiohttpTransport, UVLOOP),
    "httpx on asyncio": Carrier(HttpxTransport, ASYNCIO),
    "httpx on uvloop": Carrier(HttpxTransport, UVLOOP),
    "httpx on trio": Carrier(HttpxTransport, TRIO),
}

SECRET = "sk-0123456789"


@pytest.fixture(scope="module", params=CARRIERS.values(), ids=list(CARRIERS))
def carrier(request: pytest.FixtureRequest) -> Carrier:
    chosen: Carrier = request.param
    return chosen


@pytest.fixture(scope="module")
def anyio_backend(carrier: Carrier) -> Backend:
    return carrier.backend


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


@pytest.fixture
async def transport(carrier: Carrier) -> AsyncIterator[HttpTransport]:
    yield carrier.kind()
    await aclose_all()


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def tls(authority: trustme.CA) -> ssl.SSLContext:
    return server_context(authority, "127.0.0.1")


def server_context(authority: trustme.CA, host: str) -> ssl.SSLContext:
    """What a server of this name needs to speak TLS."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    with authority.issue_cert(host).private_key_and_cert_chain_pem.tempfile() as path:
        context.load_cert_chain(path)
    return context


@pytest.fixture
def ca_file(authority: trustme.CA, tmp_path: Path) -> str:
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return str(path)


def post(url: str, headers: Mapping[str, str | Secret] | None = None, body: bytes = b"{}") -> HttpRequest:
    return HttpRequest("POST", url, {"content-type": "application/json", **(headers or {})}, body)


async def read_all(response: Response) -> bytes:
    pieces: list[bytes] = []
    while piece := await response.read():
        pieces.append(piece)
    return b"".join(pieces)


async def fetch(transport: HttpTransport, url: str) -> bytes:
    response = await transport.open(post(url))
    body = await read_all(response)
    await response.aclose()
    return body


def sockets_to(port: int) -> int:
    """How many sockets of this process are connected to the port."""
    count = 0
    for name in os.listdir("/dev/fd"):
        # Others come and go meanwhile, and not each is connected.
        with contextlib.suppress(OSError):
            if stat.S_ISSOCK(os.fstat(int(name)).st_mode):
                with socket.socket(fileno=os.dup(int(name))) as twin:
                    count += twin.family == socket.AF_INET and twin.getpeername()[1] == port
    return count


async def eventually(condition: Callable[[], bool]) -> bool:
    """Whether it becomes true within the tests' patience."""
    with anyio.move_on_after(PATIENCE_S):
        # What is waited for happens outside of the loop or by a descriptor's disappearance: nothing tells of it.
        while not condition():  # noqa: ASYNC110 - nothing tells of it
            await anyio.sleep(0.005)
    return condition()


async def sees_close(peer: Peer, seconds: float = 10.0) -> bool:
    """Whether the server sees the client close."""
    return await to_thread.run_sync(peer.closed_by_client, seconds)


async def cancel(work: Callable[[], Coroutine[Any, Any, object]], reached: Callable[[], bool], times: int) -> None:
    """Cancel the work once it has come so far: so many times on asyncio, through a scope on trio."""
    if asyncio_runs():
        task = asyncio.create_task(work())
        assert await eventually(reached)
        for _ in range(times):
            task.cancel()
            await asyncio.sleep(0)
        with pytest.raises(asyncio.CancelledError):
            await task
        return
    async with anyio.create_task_group() as group:
        group.start_soon(work)
        assert await eventually(reached)
        group.cancel_scope.cancel()


def asyncio_runs() -> bool:
    return anyio.get_cancelled_exc_class() is asyncio.CancelledError


def told(error: BaseException) -> str:
    """All that a traceback, a log or a debugger's list of exceptions shows of an error and of those behind it."""
    texts = ["".join(traceback.format_exception(error))]
    behind: list[BaseException | None] = [error]
    while behind:
        one = behind.pop()
        if one is not None:
            texts.append(f"{one!r} {vars(one)!r}")
            behind += [one.__cause__, one.__context__]
    return "\n".join(texts)


# --- what arrives


async def test_a_request_arrives_as_it_was_spelled(transport: HttpTransport) -> None:
    with RawServer(serve(answer())) as server:
        request = post(f"{server.url}/v1/a%3Ab/c?version=1%2F2", {"authorization": Secret(SECRET)}, b'{"a": 1}')
        response = await transport.open(request)
        await response.aclose()
        sent = server.peer().requests[0]
    head, _, body = sent.partition(b"\r\n\r\n")
    lines = head.lower().split(b"\r\n")
    assert lines[0] == b"post /v1/a%3ab/c?version=1%2f2 http/1.1"
    assert head.startswith(b"POST /v1/a%3Ab/c?version=1%2F2 ")
    assert {
        b"accept-encoding: gzip, deflate",
        b"authorization: " + SECRET.encode(),
        b"content-length: 8",
        b"content-type: application/json",
        b"user-agent: tidewire",
        b"host: 127.0.0.1:%d" % server.port,
    } <= set(lines)
    assert body == b'{"a": 1}'


async def test_status_headers_and_body_are_given(transport: HttpTransport) -> None:
    with RawServer(serve(answer(b"hello", b"X-Request-Id: 7", b"X-A: 1", b"x-a: 2", status=b"429 No"))) as server:
        response = await transport.open(post(server.url))
        assert response.status == 429
        assert response.headers["x-request-id"] == "7"
        assert response.headers["x-a"] == "1, 2"
        assert await read_all(response) == b"hello"
        assert [await response.read() for _ in range(3)] == [b""] * 3
        await response.aclose()
        await response.aclose()
        assert await response.read() == b""


async def test_bytes_are_given_as_soon_as_they_arrive(transport: HttpTransport) -> None:
    first_was_read = threading.Event()

    def handler(peer: Peer) -> None:
        peer.read_request()
        peer.send(chunked(b"first"))
        assert first_was_read.wait(PATIENCE_S)
        peer.send(b"6\r\nsecond\r\n0\r\n\r\n")

    with RawServer(handler) as server:
        response = await transport.open(post(server.url))
        assert await response.read() == b"first"
        first_was_read.set()
        assert await read_all(response) == b"second"


async def test_an_answer_without_a_body_ends_at_once(transport: HttpTransport) -> None:
    with RawServer(serve(b"HTTP/1.1 204 No Content\r\n\r\n", answer())) as server:
        assert await fetch(transport, server.url) == b""
        assert await fetch(transport, server.url) == b"hello"
        assert len(server.peers) == 1


async def test_informational_answers_are_passed_over(transport: HttpTransport) -> None:
    with RawServer(serve(b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n" + answer())) as server:
        assert await fetch(transport, server.url) == b"hello"


async def test_a_large_request_is_sent_whole(transport: HttpTransport) -> None:
    with RawServer(serve(answer())) as server:
        response = await transport.open(post(server.url, body=b"x" * 3_000_000))
        await response.aclose()
        assert server.peer().requests[0].endswith(b"\r\n\r\n" + b"x" * 3_000_000)


async def test_a_refusal_that_comes_before_the_request_was_read_is_given(transport: HttpTransport) -> None:
    def handler(peer: Peer) -> None:
        peer.send(answer(b"too large", b"connection: close", status=b"413 Too Large"))
        assert peer.closed_by_client()

    with RawServer(handler) as server:
        response = await transport.open(post(server.url, body=b"x" * 20_000_000))
        assert response.status == 413
        assert await read_all(response) == b"too large"
        await response.aclose()
        # What was still to be sent goes on while the loop runs; a loop that ends meanwhile would tell of the socket.
        with anyio.fail_after(PATIENCE_S):
            while not all(peer.finished.is_set() for peer in server.peers):  # noqa: ASYNC110 - set by a thread
                await anyio.sleep(0.005)


async def test_a_body_without_a_length_ends_with_the_connection(transport: HttpTransport) -> None:
    with RawServer(misbehave(b"HTTP/1.1 200 OK\r\n\r\nhello", Peer.close)) as server:
        assert await fetch(transport, server.url) == b"hello"


# --- what breaks


@pytest.mark.parametrize("where", ["nothing", "half a head"])
@pytest.mark.parametrize("how", [Peer.close, Peer.reset])
async def test_a_connection_that_breaks_before_the_answer_is_a_connection_error(
    transport: HttpTransport, where: str, how: Callable[[Peer], None]
) -> None:
    first = b"" if where == "nothing" else b"HTTP/1.1 200 OK\r\ncontent-le"
    with RawServer(misbehave(first, how)) as server:
        with pytest.raises(APIConnectionError, match=f"127.0.0.1:{server.port} closed the connection") as caught:
            await transport.open(post(server.url))
        assert caught.value.is_retryable
        assert await eventually(lambda: sockets_to(server.port) == 0)


async def test_a_refused_connection_is_a_connection_error(transport: HttpTransport) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(APIConnectionError, match=f"cannot connect to 127.0.0.1:{port}: Connection refused") as caught:
        await transport.open(post(f"http://127.0.0.1:{port}/path?key={SECRET}", {"x-api-key": Secret(SECRET)}))
    assert caught.value.is_retryable
    assert isinstance(caught.value.__cause__, ConnectionRefusedError)
    assert SECRET not in told(caught.value)


@pytest.mark.parametrize(
    "body",
    [
        b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhello",
        chunked(b"hello"),
        chunked(b"hello") + b"9\r\nwor",
        chunked(b"hello") + b"0\r\n",
    ],
    ids=["length", "between chunks", "in a chunk", "before the last line"],
)
async def test_a_body_that_is_too_short_gives_what_came_and_then_an_error(
    transport: HttpTransport, body: bytes
) -> None:
    with RawServer(misbehave(body, Peer.close)) as server:
        response = await transport.open(post(f"{server.url}/?key={SECRET}"))
        # By the time it is read, all has arrived and the connection is gone.
        assert await eventually(server.peer().finished.is_set)
        await anyio.sleep(0.05)
        arrived = b""
        with pytest.raises(APIConnectionError) as caught:
            while True:
                piece = await response.read()
                assert piece, "an answer that is cut passes for a whole one"
                arrived += piece
        assert arrived.startswith(b"hello")
        with pytest.raises(APIConnectionError):
            await response.read()
        assert caught.value.is_retryable
        assert SECRET not in told(caught.value)
        await response.aclose()
        assert await eventually(lambda: sockets_to(server.port) == 0)


@pytest.mark.parametrize(
    "head",
    [b"content-length: 100\r\n", b"transfer-encoding: chunked\r\n", b""],
    ids=["length", "chunks", "neither"],
)
async def test_a_reset_within_the_body_is_an_error(transport: HttpTransport, head: bytes) -> None:
    was_read = threading.Event()

    def handler(peer: Peer) -> None:
        peer.read_request()
        peer.send(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n5\r\nhello\r\n")
        assert was_read.wait(PATIENCE_S)
        peer.reset()

    with RawServer(handler) as server:
        response = await transport.open(post(server.url))
        assert await response.read()
        was_read.set()
        with pytest.raises(APIConnectionError):
            await read_all(response)
        assert await eventually(lambda: sockets_to(server.port) == 0)


async def test_a_bad_chunk_size_is_an_error(transport: HttpTransport) -> None:
    with RawServer(serve(chunked(b"hello") + b"zz\r\nworld\r\n")) as server:
        # aiohttp reads on behind the head, and then tells of it already when the response is opened.
        with pytest.raises(APIConnectionError):
            await read_all(await transport.open(post(server.url)))
        assert await eventually(server.peer().finished.is_set)


async def test_a_bad_chunk_size_that_comes_later_is_an_error_too(transport: HttpTransport) -> None:
    go_on = threading.Event()

    def handler(peer: Peer) -> None:
        peer.read_request()
        peer.send(chunked(b"hello"))
        assert go_on.wait(PATIENCE_S)
        peer.send(b"zz\r\nworld\r\n")

    with RawServer(handler) as server:
        response = await transport.open(post(server.url))
        assert await response.read() == b"hello"
        go_on.set()
        with anyio.fail_after(PATIENCE_S), pytest.raises(APIConnectionError):
            await read_all(response)


async def test_bytes_behind_the_body_belong_to_no_answer(transport: HttpTransport) -> None:
    forged = answer(b"forged")

    def handler(peer: Peer) -> None:
        while peer.read_request():
            peer.send(answer(b"hello") + forged)

    with RawServer(handler) as server:
        response = await transport.open(post(server.url))
        assert await read_all(response) == b"hello"
        await response.aclose()
        response = await transport.open(post(server.url))
        assert await read_all(response) == b"hello"
        await response.aclose()


async def test_something_that_is_no_http_is_told_so(transport: HttpTransport) -> None:
    with RawServer(misbehave(b"220 mail.example ESMTP ready\r\n\r\n", Peer.closed_by_client)) as server:
        with pytest.raises(APIConnectionError, match="not HTTP") as caught:
            await transport.open(post(server.url, {"authorization": Secret(SECRET)}))
        assert not caught.value.is_retryable
        assert SECRET not in told(caught.value)
        assert await eventually(lambda: sockets_to(server.port) == 0)


async def test_a_header_may_be_long_but_not_endless(transport: HttpTransport) -> None:
    with RawServer(serve(answer(b"hello", b"x-long: " + b"a" * 20_000))) as server:
        assert await fetch(transport, server.url) == b"hello"
    with RawServer(serve(answer(b"hello", b"x-long: " + b"a" * 200_000))) as server:
        with pytest.raises(ResponseLimitError, match="head") as caught:
            await transport.open(post(server.url, {"authorization": Secret(SECRET)}))
        assert SECRET not in told(caught.value)
        assert await eventually(lambda: sockets_to(server.port) == 0)


@pytest.mark.parametrize("url", ["nonsense", "ftp://127.0.0.1/", "http://", "http://127.0.0.1:port/"])
async def test_an_address_that_is_none_is_a_configuration_error(transport: HttpTransport, url: str) -> None:
    with pytest.raises(ConfigurationError):
        await transport.open(post(url))


async def test_a_header_that_http_cannot_spell_is_a_configuration_error(transport: HttpTransport) -> None:
    with RawServer(serve(answer())) as server:
        with pytest.raises(ConfigurationError) as caught:
            await transport.open(post(server.url, {"x-api-key": f"{SECRET}\r\nx-more: 1"}))
        assert SECRET not in told(caught.value)


async def test_no_connection_in_time_is_a_timeout_of_the_connect_phase(carrier: Carrier) -> None:
    # A server that takes the connection and never answers the TLS handshake.
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(APITimeoutError, match=r"within 0.2 s") as caught:
            await carrier.kind().open(post(f"https://127.0.0.1:{port}/?key={SECRET}"), connect_timeout_s=0.2)
        assert caught.value.phase == "connect"
        assert SECRET not in told(caught.value)
        assert await eventually(lambda: sockets_to(port) == 0)


async def test_the_connect_timeout_ends_with_the_connection(transport: HttpTransport) -> None:
    def handler(peer: Peer) -> None:
        peer.read_request()
        threading.Event().wait(0.3)
        peer.send(answer())

    with RawServer(handler) as server:
        response = await transport.open(post(server.url), connect_timeout_s=0.1)
        assert await read_all(response) == b"hello"


# --- abort, cancel, close


def hang(peer: Peer) -> None:
    """Keeps the connection until the client closes it."""
    assert peer.closed_by_client(), "the client keeps the connection"


async def test_abort_ends_a_pending_read_and_closes_the_socket(transport: HttpTransport) -> None:
    with RawServer(misbehave(chunked(b"hello"), hang)) as server:
        response = await transport.open(post(server.url))
        assert await response.read() == b"hello"
        ended = anyio.Event()

        async def read() -> None:
            with pytest.raises(APIConnectionError, match="by this side"):
                await response.read()
            ended.set()

        async with anyio.create_task_group() as group:
            group.start_soon(read)
            await anyio.wait_all_tasks_blocked()
            response.abort()
            with anyio.fail_after(10):
                await ended.wait()
        assert await to_thread.run_sync(server.peer().finished.wait, 1.0)
        assert await eventually(lambda: sockets_to(server.port) == 0)
        response.abort()
        with pytest.raises(APIConnectionError):
            await response.read()
        await response.aclose()


async def test_abort_alone_leaves_nothing_open(transport: HttpTransport) -> None:
    # Without a later `aclose`, and while the server goes on sending.
    def handler(peer: Peer) -> None:
        peer.read_request()
        peer.send(b"HTTP/1.1 200 OK\r\n\r\n")
        peer.send_until_stopped(b"x" * 65536, PATIENCE_S)

    with RawServer(handler) as server:
        response = await transport.open(post(server.url))
        await response.read()
        await anyio.sleep(0.05)  # the buffers of both sides are full
        response.abort()
        assert await to_thread.run_sync(server.peer().finished.wait, 1.0)
        assert await eventually(lambda: sockets_to(server.port) == 0)


async def test_abort_after_the_end_leaves_the_connection_to_the_next_call(transport: HttpTransport) -> None:
    with RawServer(serve(answer())) as server:
        for _ in range(3):
            response = await transport.open(post(server.url))
            assert await read_all(response) == b"hello"
            response.abort()
            assert await response.read() == b""
        assert len(server.peers) == 1


async def test_abort_of_what_has_arrived_leaves_the_connection_to_whoever_has_it_now(transport: HttpTransport) -> None:
    go_on = threading.Event()

    def handler(peer: Peer) -> None:
        peer.read_request()
        peer.send(answer(b"first"))
        peer.read_request()
        peer.send(chunked(b"sec"))
        assert go_on.wait(PATIENCE_S)
        peer.send(b"3\r\nond\r\n0\r\n\r\n")
        hang(peer)

    with RawServer(handler) as server:
        first = await transport.open(post(server.url))
        await anyio.sleep(0.02)  # all of it is in the buffer, and the connection in the pool
        second = await transport.open(post(server.url))
        assert len(server.peers) == 1
        first.abort()
        assert await second.read() == b"sec"
        go_on.set()
        assert await read_all(second) == b"ond"
        with pytest.raises(APIConnectionError):
            await first.read()
        await aclose_all()


@pytest.mark.parametrize("times", [1, 2, 3])
async def test_cancelled_while_waiting_for_the_head(transport: HttpTransport, times: int) -> None:
    with RawServer(misbehave(b"", hang)) as server:
        await cancel(
            lambda: transport.open(post(server.url)), lambda: bool(server.peers and server.peers[0].requests), times
        )
        assert await to_thread.run_sync(server.peer().finished.wait, 1.0)
        assert await eventually(lambda: sockets_to(server.port) == 0)


@pytest.mark.parametrize("times", [1, 2, 3])
async def test_cancelled_during_the_handshake(transport: HttpTransport, times: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        await cancel(lambda: transport.open(post(f"https://127.0.0.1:{port}/")), lambda: sockets_to(port) == 1, times)
        assert await eventually(lambda: sockets_to(port) == 0)


@pytest.mark.parametrize("times", [1, 2, 3])
async def test_cancelled_while_reading(transport: HttpTransport, times: int) -> None:
    with RawServer(misbehave(chunked(b"hello"), hang)) as server:
        waiting = False

        async def work() -> None:
            nonlocal waiting
            response = await transport.open(post(server.url))
            assert await response.read() == b"hello"
            waiting = True
            try:
                await response.read()
            finally:
                response.abort()

        await cancel(work, lambda: waiting, times)
        assert await to_thread.run_sync(server.peer().finished.wait, 1.0)
        assert await eventually(lambda: sockets_to(server.port) == 0)


@pytest.mark.parametrize("times", [1, 2, 3])
async def test_cancelled_while_closing(transport: HttpTransport, times: int) -> None:
    with RawServer(misbehave(chunked(b"hello"), hang)) as server:
        closing = False

        async def work() -> None:
            nonlocal closing
            response = await transport.open(post(server.url))
            assert await response.read() == b"hello"
            closing = True
            await response.aclose()
            await anyio.sleep_forever()

        await cancel(work, lambda: closing, times)
        assert await to_thread.run_sync(server.peer().finished.wait, 1.0)
        assert await eventually(lambda: sockets_to(server.port) == 0)


async def test_an_answer_that_comes_with_the_cancellation_is_closed(transport: HttpTransport) -> None:
    # The cancellation is asked for in the same turn of the loop in which the answer is read.
    for delay in range(12):
        with RawServer(misbehave(chunked(b"hello"), hang)) as server:

            async def work(server: RawServer = server) -> None:
                response = await transport.open(post(server.url))
                response.abort()

            async with anyio.create_task_group() as group:
                group.start_soon(work)
                await to_thread.run_sync(server.peer)
                for _ in range(delay):
                    await anyio.lowlevel.checkpoint()
                group.cancel_scope.cancel()
            assert await to_thread.run_sync(server.peer().finished.wait, 1.0)


async def test_a_connection_is_used_again_after_the_whole_body(transport: HttpTransport) -> None:
    with RawServer(serve(answer(), chunked(b"a", b"b") + b"0\r\n\r\n")) as server:
        assert [await fetch(transport, server.url) for _ in range(4)] == [b"hello", b"ab", b"ab", b"ab"]
        assert len(server.peers) == 1


async def test_a_connection_is_not_used_again_after_half_of_the_body(transport: HttpTransport) -> None:
    with RawServer(serve(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhello")) as server:
        response = await transport.open(post(server.url))
        assert await response.read() == b"hello"
        await response.aclose()
        assert await sees_close(server.peer())
        with pytest.raises(APIConnectionError):
            await response.read()
        response = await transport.open(post(server.url))
        await response.aclose()
        assert len(server.peers) == 2


async def test_closing_waits_a_moment_for_the_last_bytes(
    transport: HttpTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tidewire.adapters.http_response.DRAIN_S", PATIENCE_S)

    def handler(peer: Peer) -> None:
        while peer.read_request():
            peer.send(chunked(b"[DONE]"))
            threading.Event().wait(0.01)
            peer.send(b"0\r\n\r\n")

    with RawServer(handler) as server:
        for _ in range(3):
            response = await transport.open(post(server.url))
            assert await response.read() == b"[DONE]"
            await response.aclose()
        assert len(server.peers) == 1


async def test_closing_does_not_wait_long(transport: HttpTransport) -> None:
    with RawServer(misbehave(chunked(b"hello"), hang)) as server:
        response = await transport.open(post(server.url))
        with anyio.fail_after(10):
            await response.aclose()
        assert await eventually(lambda: sockets_to(server.port) == 0)


async def test_a_connection_that_the_server_closed_meanwhile_is_not_used(transport: HttpTransport) -> None:
    def handler(peer: Peer) -> None:
        peer.read_request()
        peer.send(answer())
        peer.close()

    with RawServer(handler) as server:
        for number in range(3):
            assert await fetch(transport, server.url) == b"hello"
            assert await to_thread.run_sync(server.peer(number).finished.wait, 1.0)
            await anyio.sleep(0.02)


async def test_closing_the_pool_closes_idle_connections(transport: HttpTransport) -> None:
    with RawServer(serve(answer())) as server:
        await fetch(transport, server.url)
        assert sockets_to(server.port) == 1
        await transport.aclose()
        assert await sees_close(server.peer())
        assert await eventually(lambda: sockets_to(server.port) == 0)
        assert await fetch(transport, server.url) == b"hello"


async def test_closing_everything_ends_what_is_being_read(transport: HttpTransport) -> None:
    with RawServer(misbehave(chunked(b"hello"), hang)) as server:
        response = await transport.open(post(server.url))
        assert await response.read() == b"hello"
        await aclose_all()
        with pytest.raises(APIConnectionError):
            await read_all(response)
        assert await to_thread.run_sync(server.peer().finished.wait, 1.0)
        await response.aclose()
        assert sockets_to(server.port) == 0
        if asyncio_runs():
            assert {task.get_name() for task in asyncio.all_tasks()} == {
                task.get_name() for task in asyncio.all_tasks() if "Host" not in repr(task.get_coro())
            }


async def test_a_slow_reader_holds_the_server_back(transport: HttpTransport) -> None:
    sent: list[int] = []

    def handler(peer: Peer) -> None:
        peer.read_request()
        peer.send(b"HTTP/1.1 200 OK\r\n\r\n")
        sent.append(peer.send_until_stopped(b"x" * 65536, 0.5))
        peer.close()

    with RawServer(handler) as server:
        response = await transport.open(post(server.url))
        assert await to_thread.run_sync(server.peer().finished.wait, PATIENCE_S)
        # What the two sockets hold, which the system decides, and little more.
        assert sent[0] < 16_000_000
        arrived = len(await response.read())
        assert arrived <= 512 * 1024
        while piece := await response.read():
            assert len(piece) <= 512 * 1024
            arrived += len(piece)
        assert arrived == sent[0]


# --- what is not followed, kept or decoded


async def test_redirects_are_given_not_followed(transport: HttpTransport) -> None:
    with RawServer(serve(answer(b"", b"location: /elsewhere", status=b"307 Temporary Redirect"))) as server:
        response = await transport.open(post(server.url))
        assert response.status == 307
        assert response.headers["location"] == "/elsewhere"
        await response.aclose()
        assert len(server.peer().requests) == 1


async def test_cookies_are_not_kept(transport: HttpTransport) -> None:
    with RawServer(serve(answer(b"hello", b"set-cookie: session=1; path=/"))) as server:
        # By its name: clients keep no cookies of a bare address in any case.
        for _ in range(2):
            await fetch(transport, f"http://localhost:{server.port}")
        assert all(b"cookie" not in request.lower() for peer in server.peers for request in peer.requests)


async def test_a_compressed_body_is_given_decoded(transport: HttpTransport) -> None:
    packed = gzip.compress(b"hello" * 1000)
    halves = chunked(packed[:7], packed[7:20], packed[20:]) + b"0\r\n\r\n"
    halves = halves.replace(b"\r\n\r\n", b"\r\ncontent-encoding: gzip\r\n\r\n", 1)
    with RawServer(serve(answer(packed, b"content-encoding: gzip"), halves)) as server:
        assert await fetch(transport, server.url) == b"hello" * 1000
        assert await fetch(transport, server.url) == b"hello" * 1000


async def test_a_compressed_body_that_is_not_whole_is_an_error(transport: HttpTransport) -> None:
    with RawServer(serve(answer(gzip.compress(b"hello")[:-9], b"content-encoding: gzip"))) as server:
        response = await transport.open(post(server.url))
        with pytest.raises(APIConnectionError, match="not whole"):
            await read_all(response)


async def test_a_body_that_swells_past_the_limit_is_refused(carrier: Carrier) -> None:
    transport = carrier.kind(TransportSettings(read_limit_bytes=1_000_000))
    packed = gzip.compress(b"\0" * 5_000_000)
    head = b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: %d\r\n\r\n" % (len(packed) + 1)
    with RawServer(misbehave(head + packed, hang)) as server:
        response = await transport.open(post(server.url))
        with pytest.raises(ResponseLimitError):
            await read_all(response)
        assert await to_thread.run_sync(server.peer().finished.wait, 1.0)
    await aclose_all()


async def test_an_encoding_that_was_not_asked_for_is_named(transport: HttpTransport) -> None:
    head = b"HTTP/1.1 200 OK\r\ncontent-encoding: br\r\ncontent-length: 100\r\n\r\n"
    with RawServer(misbehave(head, hang)) as server:
        with pytest.raises(ResponseDecodeError, match="'br'"):
            await transport.open(post(server.url))
        assert await to_thread.run_sync(server.peer().finished.wait, 1.0)


async def test_netrc_is_not_looked_into(
    transport: HttpTransport, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login user password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with RawServer(serve(answer())) as server:
        await fetch(transport, server.url)
        response = await transport.open(post(server.url, {"authorization": Secret(SECRET)}))
        await response.aclose()
        first, second = server.peer().requests
        assert b"authorization" not in first.lower()
        assert b"authorization: " + SECRET.encode() in second.lower()


# --- proxies


async def test_requests_go_through_a_proxy(carrier: Carrier) -> None:
    with RawServer(serve(answer())) as server:
        transport = carrier.kind(TransportSettings(proxy=f"http://user:pass%3Aword@127.0.0.1:{server.port}"))
        assert await fetch(transport, "http://model.example/v1/chat?a=1") == b"hello"
        request = server.peer().requests[0]
    assert request.startswith(b"POST http://model.example/v1/chat?a=1 HTTP/1.1\r\n")
    assert b"proxy-authorization: basic dxnlcjpwyxnzondvcmq=" in request.lower()
    await aclose_all()


async def test_the_environments_proxies_count(transport: HttpTransport, monkeypatch: pytest.MonkeyPatch) -> None:
    with RawServer(serve(answer(b"direct"))) as server, RawServer(serve(answer(b"by proxy"))) as proxy:
        monkeypatch.setenv("HTTP_PROXY", f"127.0.0.1:{proxy.port}")
        assert await fetch(transport, server.url) == b"by proxy"
        monkeypatch.setenv("NO_PROXY", "example.com, 127.0.0.1")
        # The environment is read when an address is first gone to.
        assert await fetch(transport, f"{server.url}/other") == b"direct"


class Tunnel:
    """A proxy that answers CONNECT and, if it agrees, speaks TLS as if it were the server behind it."""

    def __init__(self, tls: ssl.SSLContext, status: bytes) -> None:
        self.tls = tls
        self.status = status

    def __call__(self, peer: Peer) -> None:
        peer.read_request()
        peer.send(b"HTTP/1.1 " + self.status + b"\r\n\r\n")
        if self.status.startswith(b"200"):
            peer.start_tls(self.tls)
            while peer.read_request():
                peer.send(answer())


async def test_https_goes_through_a_tunnel(carrier: Carrier, authority: trustme.CA, ca_file: str) -> None:
    with RawServer(Tunnel(server_context(authority, "model.example"), b"200 Connection established")) as proxy:
        settings = TransportSettings(proxy=f"http://user:password@127.0.0.1:{proxy.port}", verify=ca_file)
        transport = carrier.kind(settings)
        assert await fetch(transport, "https://model.example/v1") == b"hello"
        assert await fetch(transport, "https://model.example/v1") == b"hello"
        peer = proxy.peer()
        assert peer.requests[0].startswith(b"CONNECT model.example:443 HTTP/1.1\r\n")
        assert b"proxy-authorization: basic" in peer.requests[0].lower()
        assert peer.requests[1].startswith(b"POST /v1 HTTP/1.1\r\n")
        assert b"proxy-authorization" not in peer.requests[1].lower()
        assert len(peer.requests) == 3
        await aclose_all()


async def test_a_proxy_that_refuses_is_named_without_its_password(carrier: Carrier, tls: ssl.SSLContext) -> None:
    with RawServer(Tunnel(tls, b"407 Proxy Authentication Required")) as proxy:
        transport = carrier.kind(TransportSettings(proxy=f"http://user:{SECRET}@127.0.0.1:{proxy.port}"))
        with pytest.raises(APIConnectionError, match=r"407 on the way to model\.example") as caught:
            await transport.open(post("https://model.example/v1", {"authorization": Secret(SECRET)}))
        assert not caught.value.is_retryable
        assert SECRET not in told(caught.value)
        assert await eventually(lambda: sockets_to(proxy.port) == 0)
    with pytest.raises(APIConnectionError, match="cannot connect to") as caught:
        await transport.open(post("http://model.example/v1", {"authorization": Secret(SECRET)}))
    assert SECRET not in told(caught.value)
    await aclose_all()


# --- TLS


def as_path(ca_file: str) -> Verify:
    return ca_file


def as_context(ca_file: str) -> Verify:
    return ssl.create_default_context(cafile=ca_file)


@pytest.mark.parametrize("verify", [as_path, as_context])
async def test_a_certificate_of_an_own_authority_is_trusted_when_told_so(
    carrier: Carrier,
    tls: ssl.SSLContext,
    ca_file: str,
    verify: Callable[[str], Verify],
) -> None:
    with RawServer(serve(answer()), tls) as server:
        transport = carrier.kind(TransportSettings(verify=verify(ca_file)))
        assert await fetch(transport, server.url) == b"hello"
        assert await fetch(transport, server.url) == b"hello"
        assert len(server.peers) == 1
        await aclose_all()


async def test_an_unknown_certificate_is_refused(transport: HttpTransport, tls: ssl.SSLContext) -> None:
    with RawServer(serve(answer()), tls) as server:
        with pytest.raises(APIConnectionError, match=r"certificate .* refused: .*verify=") as caught:
            await transport.open(post(server.url, {"authorization": Secret(SECRET)}))
        assert not caught.value.is_retryable
        assert isinstance(caught.value.__cause__, ssl.SSLCertVerificationError)
        assert SECRET not in told(caught.value)
        assert server.peers == []
        assert await eventually(lambda: sockets_to(server.port) == 0)


async def test_a_server_without_tls_is_told_so(transport: HttpTransport) -> None:
    def handler(peer: Peer) -> None:
        peer.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        hang(peer)

    with RawServer(handler) as server:
        with pytest.raises(APIConnectionError, match="no TLS with") as caught:
            await transport.open(post(server.url.replace("http:", "https:")))
        assert not caught.value.is_retryable


async def test_abort_closes_a_tls_connection_at_once(carrier: Carrier, tls: ssl.SSLContext, ca_file: str) -> None:
    with RawServer(misbehave(chunked(b"hello"), hang), tls) as server:
        transport = carrier.kind(TransportSettings(verify=ca_file))
        response = await transport.open(post(server.url))
        assert await response.read() == b"hello"
        response.abort()
        assert await to_thread.run_sync(server.peer().finished.wait, 1.0)
        assert await eventually(lambda: sockets_to(server.port) == 0)
        await aclose_all()


async def test_a_file_without_certificates_is_a_configuration_error(carrier: Carrier, tmp_path: Path) -> None:
    (tmp_path / "empty.pem").write_text("nothing")
    for name in ("empty.pem", "missing.pem"):
        transport = carrier.kind(TransportSettings(verify=str(tmp_path / name)))
        with pytest.raises(ConfigurationError, match=name):
            await transport.open(post("https://127.0.0.1:1/"))
    await aclose_all()


# --- several loops


def test_one_transport_serves_eight_threads_at_once(carrier: Carrier) -> None:
    transport = carrier.kind()
    problems: list[Exception] = []

    async def calls(url: str) -> None:
        async def some() -> None:
            for _ in range(5):
                assert await fetch(transport, url) == b"hello"

        async with anyio.create_task_group() as group:
            for _ in range(4):
                group.start_soon(some)

    def run(url: str) -> None:
        name, options = carrier.backend
        try:
            anyio.run(calls, url, backend=name, backend_options=options)
        except Exception as error:  # noqa: BLE001  # shown by the assertion below
            problems.append(error)

    with RawServer(serve(answer())) as server:
        threads = [threading.Thread(target=run, args=(server.url,)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert problems == []
        assert sum(len(peer.requests) for peer in server.peers) == 160
        assert sockets_to(server.port) == 0


def test_each_run_of_a_loop_has_its_own_connections(carrier: Carrier) -> None:
    transport = carrier.kind()
    name, options = carrier.backend
    with RawServer(serve(answer())) as server:
        for _ in range(3):
            assert anyio.run(fetch, transport, server.url, backend=name, backend_options=options) == b"hello"
            assert sockets_to(server.port) == 0
        assert len(server.peers) == 3


async def test_many_calls_at_once_are_not_bounded(transport: HttpTransport) -> None:
    everybody = threading.Barrier(150)

    def handler(peer: Peer) -> None:
        peer.read_request()
        everybody.wait(PATIENCE_S)
        peer.send(answer())
        hang(peer)

    with RawServer(handler) as server:
        bodies: list[bytes] = []

        async def call() -> None:
            bodies.append(await fetch(transport, server.url))

        async with anyio.create_task_group() as group:
            for _ in range(150):
                group.start_soon(call)
        assert bodies == [b"hello"] * 150
        await aclose_all()
