"""Carries requests with httpx, on asyncio and on trio. A ready-made client may also be one of its continuation, httpx2.

httpx closes a connection by awaiting, and so does all of its clean-up: code that a second ``task.cancel()`` would cut
short, and the socket with it. So nothing of httpx runs in the caller's task. Each exchange is one task of the host,
which sends the request, reads ahead as far as a small buffer allows, and closes. The caller's ``read`` takes what is in
the buffer, and ``abort`` is plain: it shuts the socket down and cancels that task, which then ends by itself.

What is set against httpx's defaults, and why: no limit of connections (to bound concurrency is the caller's), no
timeouts but the one for connecting (the pump owns the others), no cookies, no proxies from the environment (ours are
the same for all clients), and no decompression (ours has limits).
"""

from __future__ import annotations

import socket
import ssl
import struct
import sys
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable, Mapping
from contextlib import suppress
from functools import cache
from http.cookiejar import CookieJar, DefaultCookiePolicy
from types import ModuleType
from typing import Any, Protocol, cast

import httpx
from anyio import Event, current_time, move_on_after

from tidewire.adapters import transport_errors as errors
from tidewire.adapters.host import GRACE_S, Handle, HostClosedError, current_host
from tidewire.adapters.http_response import HttpResponse
from tidewire.adapters.secrets import Secret
from tidewire.adapters.spec import HttpRequest
from tidewire.adapters.transport_settings import (
    TransportSettings,
    origin_of,
    proxy_for,
    proxy_scheme,
    tls_context,
    wire_headers,
)
from tidewire.events.errors import ConfigurationError, TidewireError

# Reading from the socket pauses when this much is waiting for the reader.
_BUFFER_BYTES = 64 * 1024

# So many exchanges share a client; what httpx does for each of them grows with the square of it.
_POOL_SIZE = 32

# The head of an answer that httpcore reads at most, and what h11 calls a longer one: the status of that name.
_HEAD_BYTES = 100 * 1024
_HEAD_TOO_LARGE = 431


# On, for 0 seconds.
_RESET_ON_CLOSE = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)


# Loads what httpx loads only with its first client, before an event loop has to wait for it.
httpx.AsyncHTTPTransport(verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))


class HttpxTransport:
    """A transport on httpx, with one pool per event loop.

    Args:
        settings: Proxy, certificates, or a ready-made ``httpx.AsyncClient`` or ``httpx2.AsyncClient``.

    Raises:
        ConfigurationError: The ready-made client is none of these.
    """

    def __init__(self, settings: TransportSettings | None = None) -> None:
        self._settings = settings or TransportSettings()
        ready = self._settings.http_client
        self._flavour = httpx if ready is None else _flavour_of(ready)
        # The client of httpx2 has the same shape.
        self._ready = cast("httpx.AsyncClient | None", ready)

    async def open(self, request: HttpRequest, *, connect_timeout_s: float | None = None) -> HttpxResponse:
        """Send a request and wait for the head of the answer. See ``Transport.open``."""
        pool = _Pool(self._ready) if self._ready is not None else await self._pool_for(request.url)
        exchange = _Exchange(pool, self._flavour, request, connect_timeout_s)
        await exchange.begin()
        try:
            return HttpxResponse(exchange, self._settings.read_limit_bytes)
        except TidewireError:
            exchange.kill()
            raise

    async def aclose(self) -> None:
        """Close the pool of the running event loop."""
        await current_host().drop(self)

    async def _pool_for(self, url: str) -> _Pool:
        settings = self._settings
        proxy = proxy_for(settings, url)
        context = await tls_context(settings.verify)

        def make() -> httpx.AsyncClient:
            return httpx.AsyncClient(
                verify=context,
                proxy=None if proxy is None else _proxy(proxy, context),
                trust_env=False,
                http2=False,
                limits=httpx.Limits(
                    max_connections=None, max_keepalive_connections=None, keepalive_expiry=settings.keepalive_s
                ),
                cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
                follow_redirects=False,
            )

        try:
            pools = current_host().keep(self, proxy, lambda: _Pools(make), _Pools.aclose)
            return pools.take(settings.keepalive_s)
        except ImportError as error:
            raise ConfigurationError("a SOCKS proxy needs the package socksio: pip install 'httpx[socks]'") from error


class _Pool:
    """A client, and how many exchanges it carries."""

    __slots__ = ("client", "exchanges", "used_at")

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client
        self.exchanges = 0
        #: When it last took an exchange, by the clock of the event loop.
        self.used_at = 0.0


class _Pools:
    """The clients of an event loop for one proxy.

    httpx compares all connections of a client with each other whenever a request begins or ends: with a thousand of
    them at once that takes a minute. So each client carries a few, and the first one with room takes the next.
    """

    def __init__(self, make: Callable[[], httpx.AsyncClient]) -> None:
        self._make = make
        self._pools = [_Pool(make())]

    def take(self, keepalive_s: float) -> _Pool:
        """The pool for the next exchange. Those that were not needed for ``keepalive_s`` are closed."""
        now = current_time()
        first, *more = self._pools
        if more:
            self._pools = [first]
            for pool in more:
                if pool.exchanges or now - pool.used_at < keepalive_s:
                    self._pools.append(pool)
                else:
                    current_host().start(pool.client.aclose)
        for pool in self._pools:
            if pool.exchanges < _POOL_SIZE:
                break
        else:
            pool = _Pool(self._make())
            self._pools.append(pool)
        pool.used_at = now
        return pool

    async def aclose(self) -> None:
        """Close all of them."""
        for pool in self._pools:
            await pool.client.aclose()


class _Closable(Protocol):
    async def aclose(self) -> None: ...


class _Exchange:
    """One request and its answer, carried by a task of the host from the connect to the close."""

    def __init__(self, pool: _Pool, flavour: ModuleType, request: HttpRequest, connect_timeout_s: float | None) -> None:
        self._pool = pool
        self._is_carried = False
        self._client = pool.client
        self._flavour = flavour
        self._request = request
        self._connect_timeout_s = connect_timeout_s
        self._handle: Handle[None] | None = None
        self._error: TidewireError | None = None
        self._raw_socket: socket.socket | None = None
        self._connection: _Closable | None = None
        self._half_open: _Closable | None = None
        self._buffer: list[bytes] = []
        self._buffered = 0
        self._complete = False
        # Set when the caller may look again, and when this task may.
        self._news = Event()
        self._room = Event()
        self.status = 0
        self.headers: list[tuple[str, str]] = []

    async def begin(self) -> None:
        """Start, and wait for the head of the answer."""
        handle = self._handle = current_host().start(self._run)
        self._pool.exchanges += 1
        self._is_carried = True
        handle.on_end = self._end
        try:
            while not self.status and not handle.done:
                await self._wait_for_news()
        except BaseException:
            await handle.aclose()
            raise
        if not self.status:
            raise self._failure(handle)

    async def receive(self) -> bytes:
        """What has come since the last call, waiting for it if there is nothing; ``b""`` at the end."""
        handle = self._handle
        assert handle is not None
        while not self._buffer:
            # The end counts only when the connection is back in its pool, where the next request finds it.
            if handle.done:
                if self._complete:
                    return b""
                raise self._failure(handle)
            await self._wait_for_news()
        data = b"".join(self._buffer)
        self._buffer.clear()
        self._buffered = 0
        self._room.set()
        return data

    def kill(self) -> None:
        """Shut the connection down now, and have the task end by itself."""
        self._shut_down()
        if self._handle is not None:
            self._handle.cancel()

    async def settle(self) -> None:
        """Wait until the connection is closed or given back, also while being cancelled."""
        assert self._handle is not None
        await self._handle.settle()

    def _failure(self, handle: Handle[None]) -> TidewireError:
        if self._error is None:
            # What was not expected is raised as itself.
            with suppress(HostClosedError):
                handle.result()
        return self._error or errors.aborted()

    def _end(self) -> None:
        if self._is_carried:  # this may be called twice
            self._is_carried = False
            self._pool.exchanges -= 1
        self._news.set()

    async def _wait_for_news(self) -> None:
        self._news = Event()
        await self._news.wait()

    async def _run(self) -> None:
        response = await self._send()
        if response is None:
            return
        body = cast("AsyncIterable[bytes]", response.stream)
        iterator = aiter(body)
        try:
            async for data in iterator:
                self._buffer.append(data)
                self._buffered += len(data)
                self._news.set()
                if self._buffered >= _BUFFER_BYTES:
                    self._room = Event()
                    await self._room.wait()
            self._complete = True
        except self._expected as error:
            self._error = errors.broken_body(errors.system_error(error))
        finally:
            with move_on_after(GRACE_S, shield=True):
                await self._finish(response, iterator)

    async def _send(self) -> httpx.Response | None:
        try:
            request = self._client.build_request(
                self._request.method,
                self._request.url,
                headers=wire_headers(self._request.headers),
                content=self._request.body,
                timeout=(self._connect_timeout_s, None, None, None),
                extensions={"trace": self._trace},
            )
            # Instead of httpx's own, which is a generator that is left to the garbage collector when a send is cut.
            request.stream = _body_class(self._flavour)(self._request.body)
            response = await self._client.send(request, stream=True, follow_redirects=False)
        except self._expected as error:
            self._error = self._explain_opening(error)
            return None
        finally:
            if self._half_open is not None:
                with move_on_after(GRACE_S, shield=True):
                    await self._half_open.aclose()
        # A connection of HTTP/2 carries other exchanges too and must not be shut down with this one.
        if response.http_version.startswith("HTTP/1"):
            stream: Any = response.extensions.get("network_stream")
            self._raw_socket = stream.get_extra_info("socket") if stream is not None else None
        self.headers = response.headers.multi_items()
        self.status = response.status_code
        self._news.set()
        return response

    async def _trace(self, event: str, info: Mapping[str, Any]) -> None:
        """Hears from httpcore how far it is."""
        # It closes a connection whose TLS handshake fails, but forgets one whose handshake is cancelled.
        if event.endswith("connect_tcp.complete"):
            self._connection = info["return_value"]
        elif event.endswith("start_tls.failed"):
            self._half_open = self._connection

    async def _finish(self, response: httpx.Response, iterator: AsyncIterator[bytes]) -> None:
        if not self._complete:
            self._shut_down()
            with suppress(*self._expected):
                if self._raw_socket is not None:
                    # httpx's iterator is made of several, one inside the other. The error that a dead socket gives ends
                    # them all; to close the outermost would leave the others to the garbage collector.
                    async for _ in iterator:
                        pass
                elif isinstance(iterator, AsyncGenerator):
                    await iterator.aclose()
        elif _has_leftover(response):
            # Once it is shut down, the pool takes the connection for one that the server closed.
            self._shut_down()
        # From here on the connection may be another exchange's.
        self._raw_socket = None
        await response.aclose()

    def _shut_down(self) -> None:
        raw_socket = self._raw_socket
        if raw_socket is not None:
            # Through a second descriptor, since uvloop's sockets know no `shutdown`. The socket may be closed already.
            with suppress(OSError), socket.fromfd(raw_socket.fileno(), raw_socket.family, raw_socket.type) as twin:
                # A server whose answer nobody takes in any more hears of a reset, but perhaps not of a proper end.
                twin.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
                twin.shutdown(socket.SHUT_RDWR)

    @property
    def _expected(self) -> tuple[type[Exception], ...]:
        """What this flavour of httpx raises. A RuntimeError is a client that was closed."""
        return (self._flavour.HTTPError, self._flavour.InvalidURL, OSError, RuntimeError, ValueError)

    def _explain_opening(self, error: Exception) -> TidewireError:
        origin = origin_of(self._request.url)
        cause = errors.system_error(error)
        flavour = self._flavour
        if isinstance(error, flavour.TimeoutException):
            return errors.connect_timeout(origin, self._connect_timeout_s)
        if isinstance(error, flavour.ConnectError):
            return errors.cannot_connect(origin, cause)
        if isinstance(error, flavour.ProxyError):
            status = str(error)[:3]
            return errors.proxy_refused(origin, int(status) if status.isdigit() else None)
        if isinstance(error, flavour.InvalidURL | flavour.UnsupportedProtocol):
            return errors.cannot_send(origin, "its address is no http:// or https:// URL")
        if isinstance(error, flavour.LocalProtocolError | ValueError):
            return errors.cannot_send(origin, "its address or a header has characters that HTTP does not allow")
        if isinstance(error, flavour.RemoteProtocolError):
            hints = [getattr(cause, "error_status_hint", None) for cause in errors.causes(error)]
            if _HEAD_TOO_LARGE in hints:
                return errors.head_too_large(origin, _HEAD_BYTES)
            # h11's own error, which has a hint, tells of bytes; without one there were none.
            return errors.not_http(origin) if any(hints) else errors.no_answer(origin)
        if isinstance(error, RuntimeError) and self._client.is_closed:
            return errors.cannot_send(origin, "the http_client is closed")
        return errors.no_answer(origin, cause)


class HttpxResponse(HttpResponse):
    """An answer whose body is being read."""

    def __init__(self, exchange: _Exchange, read_limit_bytes: int) -> None:
        super().__init__(exchange.status, exchange.headers, read_limit_bytes)
        self._exchange = exchange

    async def aclose(self) -> None:
        """Give the connection back to its pool if the body was read to its end, else close it. Safe to call twice."""
        try:
            await super().aclose()
        finally:
            await self._exchange.settle()

    async def _receive(self) -> bytes:
        return await self._exchange.receive()

    def _kill(self) -> None:
        self._exchange.kill()


class _Once:
    """Gives one piece, and then ends."""

    def __init__(self, piece: bytes) -> None:
        self._left = [piece] if piece else []

    def __aiter__(self) -> _Once:
        return self

    async def __anext__(self) -> bytes:
        if not self._left:
            raise StopAsyncIteration
        return self._left.pop()


class _Body:
    """A request's body, which may be sent again."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def __aiter__(self) -> _Once:
        return _Once(self._body)


@cache
def _body_class(flavour: ModuleType) -> Callable[[bytes], httpx.AsyncByteStream]:
    """The body as this flavour of httpx wants it: one of its own streams."""
    return type("Body", (_Body, flavour.AsyncByteStream), {})


def _has_leftover(response: httpx.Response) -> bool:
    """Whether bytes lie behind the body: httpcore would take them for the head of the answer to the next request."""
    part: Any = response.stream
    for name in ("_stream", "_httpcore_stream", "_stream", "_connection", "_h11_state"):
        part = getattr(part, name, None)
    return part is not None and part.trailing_data[0] != b""


def _flavour_of(client: object) -> ModuleType:
    """The module that a ready-made client is from, for its exceptions."""
    for kind in type(client).__mro__:
        package = kind.__module__.partition(".")[0]
        if kind.__name__ == "AsyncClient" and package in ("httpx", "httpx2"):
            return sys.modules[package]
    raise ConfigurationError(f"http_client is a {type(client).__name__}, not an httpx.AsyncClient")


def _proxy(proxy: Secret, context: ssl.SSLContext) -> httpx.Proxy:
    return httpx.Proxy(proxy.reveal(), ssl_context=context if proxy_scheme(proxy) == "https" else None)


__all__ = ["HttpxResponse", "HttpxTransport"]
