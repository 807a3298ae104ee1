"""Which client carries what, when it is loaded, and that nothing is left of it, however a loop is run or left."""

import subprocess
import sys
import textwrap
from pathlib import Path

import aiohttp
import httpx
import httpx2
import pytest

from tests.adapters.raw_server import RawServer, answer, serve
from tidewire.adapters.host import aclose_all, runs_on_asyncio
from tidewire.adapters.spec import HttpRequest
from tidewire.adapters.transport_settings import TransportSettings
from tidewire.adapters.transports import HttpTransport, shared_transport
from tidewire.events.errors import ConfigurationError

ROOT = Path(__file__).parents[2]


def agent_of(request: bytes) -> str:
    """Which client wrote the request: each has a header that the other one never sends."""
    return "httpx" if b"\r\nconnection: keep-alive" in request.lower() else "aiohttp"


async def fetch(transport: HttpTransport, url: str) -> bytes:
    response = await transport.open(HttpRequest("POST", url, {"content-type": "application/json"}, b"{}"))
    body = b""
    while piece := await response.read():
        body += piece
    await response.aclose()
    return body


# --- the choice


async def test_aiohttp_carries_on_asyncio_and_httpx_on_trio() -> None:
    transport = HttpTransport()
    with RawServer(serve(answer())) as server:
        assert await fetch(transport, server.url) == b"hello"
        assert agent_of(server.peer().requests[0]) == ("aiohttp" if runs_on_asyncio() else "httpx")
        await transport.aclose()
        assert server.peer().closed_by_client(1)


async def test_a_ready_made_client_carries_and_stays_open() -> None:
    with RawServer(serve(answer())) as server:
        for client in (httpx.AsyncClient(trust_env=False), httpx2.AsyncClient(trust_env=False)):
            transport = HttpTransport(TransportSettings(http_client=client))
            assert await fetch(transport, server.url) == b"hello"
            await transport.aclose()
            await aclose_all()
            assert not client.is_closed
            assert await fetch(transport, server.url) == b"hello"
            await client.aclose()
            with pytest.raises(ConfigurationError, match="http_client is closed"):
                await fetch(transport, server.url)
        assert {agent_of(request) for peer in server.peers for request in peer.requests} == {"httpx"}
        if runs_on_asyncio():
            async with aiohttp.ClientSession() as session:
                transport = HttpTransport(TransportSettings(http_client=session))
                assert await fetch(transport, server.url) == b"hello"
                await transport.aclose()
                assert not session.closed
            with pytest.raises(ConfigurationError, match="http_client is closed"):
                await fetch(transport, server.url)
            assert agent_of(server.peers[-1].requests[0]) == "aiohttp"


def test_a_client_of_no_known_kind_is_named() -> None:
    with httpx.Client() as client, pytest.raises(ConfigurationError, match=r"is a Client; it may be .*AsyncClient"):
        HttpTransport(TransportSettings(http_client=client))
    with pytest.raises(ConfigurationError, match="is a object"):
        shared_transport(TransportSettings(http_client=object()))


def test_a_subclass_of_a_client_is_one() -> None:
    class OwnClient(httpx.AsyncClient):
        pass

    HttpTransport(TransportSettings(http_client=OwnClient()))


def test_equal_settings_share_a_transport() -> None:
    assert shared_transport() is shared_transport(TransportSettings())
    proxied = shared_transport(TransportSettings(proxy="http://proxy:3128"))
    assert proxied is shared_transport(TransportSettings(proxy="http://proxy:3128"))
    assert proxied is not shared_transport()


async def test_a_proxy_that_no_client_speaks_to_is_a_configuration_error() -> None:
    with pytest.raises(ConfigurationError, match="not with ftp://"):
        await fetch(HttpTransport(TransportSettings(proxy="ftp://p:1")), "http://a.example")


async def test_a_socks_proxy_is_left_to_httpx_which_says_what_it_lacks() -> None:
    transport = HttpTransport(TransportSettings(proxy="socks5://127.0.0.1:1"))
    with pytest.raises(ConfigurationError, match="socksio"):
        await fetch(transport, "http://a.example")
    await aclose_all()


# --- processes of their own


# asyncio, when it looks closely, tells of every step that took long, which on a machine with other work any may.
UNHURRIED = """
import logging
logging.getLogger("asyncio").addFilter(lambda record: not record.getMessage().startswith("Executing"))
"""


def python(script: str, *arguments: str, options: tuple[str, ...] = ("-X", "dev")) -> str:
    """What a script prints to either stream, under Python with all warnings: what it should, and no more."""
    done = subprocess.run(
        [sys.executable, *options, "-c", UNHURRIED + textwrap.dedent(script), *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


PRELUDE = """
import asyncio, gc, logging, os, socket, stat, sys
import anyio
from tests.adapters.raw_server import RawServer, answer, chunked, misbehave, serve
from tidewire.adapters.spec import HttpRequest

# On a busy machine a step of the loop may take long, which asyncio would tell of; what it tells of errors counts.
logging.getLogger("asyncio").setLevel(logging.ERROR)

kind = sys.argv[1]
if kind == "aiohttp":
    from tidewire.adapters.aiohttp_transport import AiohttpTransport as Transport
elif kind == "httpx":
    from tidewire.adapters.httpx_transport import HttpxTransport as Transport
else:
    from tidewire.adapters.transports import HttpTransport as Transport

transport = Transport()

async def fetch(url):
    response = await transport.open(HttpRequest("POST", url, {}, b"{}"))
    body = b""
    while piece := await response.read():
        body += piece
    await response.aclose()
    assert body == b"hello", body

left = []

async def leave(url):
    left.append(await transport.open(HttpRequest("POST", url, {}, b"{}")))
    await left[-1].read()

def sockets():
    count = 0
    for name in os.listdir("/dev/fd"):
        try:
            if stat.S_ISSOCK(os.fstat(int(name)).st_mode):
                with socket.socket(fileno=os.dup(int(name))) as twin:
                    count += twin.family == socket.AF_INET and twin.getpeername()[1] == server.port
        except OSError:
            pass
    return count
"""

KINDS = ["aiohttp", "httpx", "either"]


@pytest.mark.parametrize("kind", KINDS)
def test_loops_that_are_run_one_after_the_other_leave_nothing(kind: str) -> None:
    script = """
    import uvloop
    with RawServer(serve(answer())) as server:
        for _ in range(2):
            asyncio.run(fetch(server.url))
            uvloop.run(fetch(server.url))
            anyio.run(fetch, server.url)
            if kind != "aiohttp":
                anyio.run(fetch, server.url, backend="trio")
            gc.collect()
            assert sockets() == 0
    """
    assert python(PRELUDE + textwrap.dedent(script), kind) == ""


@pytest.mark.parametrize("kind", KINDS)
def test_a_response_that_is_left_open_ends_with_its_loop(kind: str) -> None:
    script = """
    with RawServer(misbehave(chunked(b"hello"), lambda peer: peer.closed_by_client(10))) as server:
        asyncio.run(leave(server.url))
        if kind != "aiohttp":
            anyio.run(leave, server.url, backend="trio")
        loop = asyncio.new_event_loop()
        loop.run_until_complete(leave(server.url))
        loop.close()
        assert sockets() == 0
        left.clear()
        gc.collect()
    """
    assert python(PRELUDE + textwrap.dedent(script), kind) == ""


@pytest.mark.parametrize("kind", KINDS)
def test_a_loop_driven_by_hand_closes_its_connections_and_is_collected(kind: str) -> None:
    script = """
    import uvloop, weakref
    with RawServer(serve(answer())) as server:
        for new_loop in (asyncio.new_event_loop, uvloop.new_event_loop):
            loop = new_loop()
            for _ in range(3):
                loop.run_until_complete(fetch(server.url))
            assert sockets() == 1
            loop.close()
            assert sockets() == 0
            reference = weakref.ref(loop)
            del loop
            gc.collect()
            assert reference() is None, gc.get_referrers(reference())
    """
    assert python(PRELUDE + textwrap.dedent(script), kind) == ""


@pytest.mark.parametrize("kind", KINDS)
def test_of_a_loop_that_is_dropped_unclosed_python_alone_tells(kind: str) -> None:
    script = """
    import weakref
    with RawServer(serve(answer())) as server:
        loop = asyncio.new_event_loop()
        loop.run_until_complete(fetch(server.url))
        reference = weakref.ref(loop)
        del loop
        # What is collected first closes the loop, and that makes new garbage.
        for _ in range(3):
            gc.collect()
        assert reference() is None
        assert sockets() == 0
    """
    printed = python(PRELUDE + textwrap.dedent(script), kind)
    assert "unclosed event loop" in printed
    for word in ("Unclosed c", "Task was destroyed", "Traceback", "never awaited"):
        assert word not in printed, printed


@pytest.mark.parametrize("kind", KINDS)
def test_a_process_may_end_with_a_loop_that_nobody_closed(kind: str) -> None:
    script = """
    server = RawServer(serve(answer())).__enter__()
    loop = asyncio.new_event_loop()
    loop.run_until_complete(fetch(server.url))
    """
    printed = python(PRELUDE + textwrap.dedent(script), kind)
    for word in ("Unclosed c", "Task was destroyed", "Traceback", "never awaited"):
        assert word not in printed, printed


@pytest.mark.parametrize("kind", KINDS)
def test_a_forked_child_neither_uses_nor_closes_its_parents_connections(kind: str) -> None:
    script = """
    with RawServer(serve(answer())) as server:
        loop = asyncio.new_event_loop()
        loop.run_until_complete(fetch(server.url))
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                asyncio.run(fetch(server.url))
                gc.collect()
                status = 0
            finally:
                os._exit(status)
        assert os.waitpid(pid, 0)[1] == 0
        loop.run_until_complete(fetch(server.url))
        # The parent's own connection, used again, and the child's.
        assert [len(peer.requests) for peer in server.peers] == [2, 1]
        loop.close()
    """
    # From 3.12 on Python warns of forking beside threads, of which the server has some.
    options = ("-X", "dev", "-W", "ignore::DeprecationWarning")
    assert python(PRELUDE + textwrap.dedent(script), kind, options=options) == ""


def test_clients_are_loaded_with_the_first_request_and_only_the_one_that_is_used() -> None:
    script = """
    clients = ("aiohttp", "httpx", "httpx2", "trio")
    assert not [name for name in clients if name in sys.modules]
    with RawServer(serve(answer())) as server:
        asyncio.run(fetch(server.url))
    assert [name for name in clients if name in sys.modules] == ["aiohttp"]
    """
    assert python(PRELUDE + textwrap.dedent(script), "either") == ""


def test_the_loop_runs_on_while_a_client_is_loaded_and_tls_is_prepared() -> None:
    script = """
    import time
    async def measure(url):
        worst = 0.0
        async def tick():
            nonlocal worst
            before = time.perf_counter()
            while True:
                await anyio.sleep(0.001)
                now = time.perf_counter()
                worst, before = max(worst, now - before), now
        async with anyio.create_task_group() as group:
            group.start_soon(tick)
            await anyio.sleep(0.02)
            try:
                await transport.open(HttpRequest("POST", url, {}, b"{}"))
            except Exception as error:
                assert "certificate" in str(error) or "TLS" in str(error) or "connect" in str(error), error
            await anyio.sleep(0.02)
            group.cancel_scope.cancel()
        print(worst)
    anyio.run(measure, "https://127.0.0.1:9/", backend=sys.argv[2])
    """
    for backend in ("asyncio", "trio"):
        # The cores may be taken by others, so one of several must do.
        figures = (float(python(PRELUDE + textwrap.dedent(script), "either", backend, options=())) for _ in range(5))
        assert any(worst < 0.05 for worst in figures), backend
