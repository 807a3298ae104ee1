"""Carries requests with aiohttp: on asyncio only, and there the fastest.

What is set against aiohttp's defaults, and why: no limit of connections (to bound concurrency is the caller's), no
timeouts but the one for connecting (the pump owns the others), no cookies, no redirects (the caller's key must not
travel to another origin), no decompression (ours has limits), and no look into ``.netrc``.

Cancelling needs no care here: what aiohttp does when a request is cut is plain calls, and so is ``abort``.
"""

from __future__ import annotations

import asyncio
import io
from functools import partial
from typing import NamedTuple, cast
from weakref import WeakSet

import aiohttp
from aiohttp import http_exceptions
from aiohttp.client_proto import ResponseHandler
from yarl import URL

from tidewire.adapters import transport_errors as errors
from tidewire.adapters.host import current_host
from tidewire.adapters.http_response import HttpResponse
from tidewire.adapters.secrets import Secret
from tidewire.adapters.spec import HttpRequest
from tidewire.adapters.transport_settings import (
    HEADER_LIMIT_BYTES,
    MOST_KNOWN,
    TransportSettings,
    origin_of,
    proxy_for,
    proxy_scheme,
    tls_context,
    wire_headers,
)
from tidewire.events.errors import ConfigurationError, TidewireError

# aiohttp warns of plain bytes above 1 MiB; from a file object it writes pieces, and lets the loop run in between.
_PIECEWISE_BYTES = 256 * 1024

# Reading from the socket pauses when twice this much is waiting for the reader.
_BUFFER_BYTES = 64 * 1024

# The head of an answer, and the lines in it. The first is what httpx reads at most; many short lines fit into it.
_HEAD_BYTES = 100 * 1024
_HEAD_LINES = 4096


class AiohttpTransport:
    """A transport on aiohttp, with one pool per event loop.

    Args:
        settings: Proxy, certificates, or a ready-made ``aiohttp.ClientSession``.

    Raises:
        ConfigurationError: The ready-made client is none of aiohttp's.
    """

    def __init__(self, settings: TransportSettings | None = None) -> None:
        self._settings = settings or TransportSettings()
        ready = self._settings.http_client
        if ready is not None and not isinstance(ready, aiohttp.ClientSession):
            raise ConfigurationError(f"http_client is a {type(ready).__name__}, not an aiohttp.ClientSession")
        self._ready = ready
        self._ways: dict[str, _Way] = {}

    async def open(self, request: HttpRequest, *, connect_timeout_s: float | None = None) -> AiohttpResponse:
        """Send a request and wait for the head of the answer. See ``Transport.open``."""
        way = self._ways.get(request.url) or self._find_way(request.url)
        context = await tls_context(self._settings.verify) if way.needs_tls else True
        pool = current_host().keep(self, None, self._make_pool, _Pool.aclose)
        try:
            response = await pool.session.request(
                request.method,
                URL(request.url, encoded=request.url.isascii()),
                headers=wire_headers(request.headers),
                data=request.body if len(request.body) <= _PIECEWISE_BYTES else io.BytesIO(request.body),
                allow_redirects=False,
                raise_for_status=False,
                auto_decompress=False,
                timeout=aiohttp.ClientTimeout(total=None, connect=connect_timeout_s),
                read_bufsize=_BUFFER_BYTES,
                max_line_size=HEADER_LIMIT_BYTES,
                max_field_size=HEADER_LIMIT_BYTES,
                max_headers=_HEAD_LINES,
                ssl=context,
                proxy=None if way.proxy is None else way.proxy.reveal(),
            )
        # A RuntimeError is a session or socket that is closed, a ValueError what HTTP cannot spell.
        except (aiohttp.ClientError, OSError, RuntimeError, ValueError) as error:
            failure = _explain_opening(error, pool.session, request.url, connect_timeout_s)
        else:
            opened = AiohttpResponse(response, self._settings.read_limit_bytes)
            pool.opened.add(opened)
            return opened
        # Raised here, where no exception of aiohttp's is its context.
        raise failure

    async def aclose(self) -> None:
        """Close the pool of the running event loop."""
        await current_host().drop(self)

    def _find_way(self, url: str) -> _Way:
        proxy = None if self._ready is not None else _http_proxy(self._settings, url)
        needs_tls = self._ready is None and (
            url.lower().startswith("https:") or (proxy is not None and proxy_scheme(proxy) == "https")
        )
        if len(self._ways) >= MOST_KNOWN:
            self._ways.clear()
        way = self._ways[url] = _Way(proxy, needs_tls)
        return way

    def _make_pool(self) -> _Pool:
        if self._ready is not None:
            return _Pool(self._ready, is_ours=False)
        connector = _Connector(
            limit=0,
            keepalive_timeout=self._settings.keepalive_s,
            resolver=aiohttp.ThreadedResolver(),
        )
        connector.parse_heads_apart()
        session = aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar(), trust_env=False)
        return _Pool(session, is_ours=True)


class _Way(NamedTuple):
    """How requests travel to an address: found once, since it takes a look at the environment."""

    proxy: Secret | None
    needs_tls: bool


class _Pool:
    """The connections of one event loop."""

    def __init__(self, session: aiohttp.ClientSession, *, is_ours: bool) -> None:
        self.session = session
        self.opened: WeakSet[AiohttpResponse] = WeakSet()
        self._is_ours = is_ours

    async def aclose(self) -> None:
        for response in list(self.opened):
            response.abort()
        if self._is_ours:
            await self.session.close()


class _Connector(aiohttp.TCPConnector):
    """Says nothing when it is collected unclosed, which it is only together with an event loop that nobody closed.

    Python tells of that loop; aiohttp would log an error for the session and for the connector besides.
    """

    def parse_heads_apart(self) -> None:
        """Have its connections read by :class:`_Protocol`."""
        self._factory = cast("partial[ResponseHandler]", partial(_Protocol, loop=self._loop))

    @property
    def closed(self) -> bool:
        # The session asks this, too, before it complains.
        return super().closed or not self._loop.is_running()

    def __del__(self, _warnings: object = None) -> None:
        pass


class _Protocol(ResponseHandler):
    """Has the head of an answer parsed apart from what follows it in the same network read, and bounds its length.

    aiohttp (3.14) drops all that a read holds when its end is framed wrongly: the answer would never have begun. Of a
    head it bounds each line and the number of lines, and tells of too many as of something that is no HTTP.
    """

    _head_bytes = 0

    def data_received(self, data: bytes) -> None:
        payload = self._payload
        while payload is None or payload.is_eof():
            end = data.find(b"\r\n\r\n") + 4
            self._head_bytes += end if end >= 4 else len(data)
            if self._head_bytes > _HEAD_BYTES:
                self._refuse_head()
                return
            if end < 4:
                break
            self._head_bytes = 0
            if end == len(data):
                break
            super().data_received(data[:end])
            data, payload = data[end:], self._payload
            if payload is None or self.exception() is not None:
                break  # the head of something that is no answer, or of one before the answer
        super().data_received(data)

    def _refuse_head(self) -> None:
        if self.transport is not None:
            self.transport.close()
        too_long = http_exceptions.LineTooLong(b"", HEADER_LIMIT_BYTES)
        self.set_exception(http_exceptions.HttpProcessingError(code=400), too_long)


class AiohttpResponse(HttpResponse):
    """An answer whose body is being read."""

    def __init__(self, response: aiohttp.ClientResponse, read_limit_bytes: int) -> None:
        self._response = response
        self._content = response.content
        self._loop = asyncio.get_running_loop()
        try:
            super().__init__(response.status, response.headers.items(), read_limit_bytes)
        except TidewireError:
            self._kill()
            raise
        connection = response.connection
        protocol = None if connection is None else connection.protocol
        # Without a length and without chunks, the body ends with the connection, which is then never used again.
        self._ends_with: ResponseHandler | None = None
        if not {"content-length", "transfer-encoding"} & self.headers.keys():
            self._ends_with = protocol
        self._closed = None if protocol is None else _closing_of(protocol)

    async def _receive(self) -> bytes:
        closed = self._closed
        if closed is not None:
            closed.add_done_callback(self._break_off)
        try:
            data = await self._content.readany()
        # A RuntimeError says that the connection is closed.
        except (aiohttp.ClientError, OSError, RuntimeError) as error:
            # aiohttp raises at once, although bytes that came before may still lie in its buffer.
            data = self._content._read_nowait(-1)  # pyright: ignore[reportPrivateUsage]  # nothing public gives it
            if data and not self._over:
                return data
            broken: BaseException = error
        else:
            end = self._ends_with.exception() if self._ends_with is not None and not data else None
            if not isinstance(end, OSError):
                return data
            # aiohttp takes a reset for the proper end of such a body.
            broken = end
        finally:
            if closed is not None:
                closed.remove_done_callback(self._break_off)
        # Raised here, where no exception of aiohttp's is its context.
        raise errors.broken_body(errors.system_error(broken))

    def _is_at_end(self) -> bool:
        return self._ends_with is None and self._content.at_eof() and self._content.exception() is None

    def _break_off(self, closed: asyncio.Future[None]) -> None:
        """The connection is closed: a body that has neither ended nor failed by now never will.

        aiohttp (3.14) leaves it so when a chunk with a broken size comes in a network read of its own.
        """
        if not self._content.is_eof() and self._content.exception() is None:
            self._content.set_exception(aiohttp.ClientPayloadError())

    def _kill(self) -> None:
        connection = self._response.connection
        # Nothing to close when the connection went back to its pool with the last byte, or when the loop is closed.
        if connection is None or self._loop.is_closed():
            return
        if connection.transport is not None:
            connection.transport.abort()
        self._response.close()


def _closing_of(protocol: ResponseHandler) -> asyncio.Future[None] | None:
    """What is done when the connection is closed; None if it is already."""
    closed = protocol.closed
    if closed is not None:
        closed.remove_done_callback(_look_at)  # a connection serves many responses
        closed.add_done_callback(_look_at)
    return closed


def _look_at(closed: asyncio.Future[None]) -> None:
    """asyncio logs an exception that nobody looked at."""
    if not closed.cancelled():
        closed.exception()


def _http_proxy(settings: TransportSettings, url: str) -> Secret | None:
    proxy = proxy_for(settings, url)
    if proxy is not None and proxy_scheme(proxy).startswith("socks"):
        raise ConfigurationError("aiohttp knows no SOCKS proxies; give an http:// proxy, or an httpx.AsyncClient")
    return proxy


def _explain_opening(
    error: Exception, session: aiohttp.ClientSession, url: str, connect_timeout_s: float | None
) -> TidewireError:
    origin = origin_of(url)
    cause = errors.system_error(error)
    match error:
        case aiohttp.ClientHttpProxyError():
            return errors.proxy_refused(origin, error.status)
        case aiohttp.ClientProxyConnectionError():
            return errors.cannot_connect(origin, cause, proxy=True)
        case aiohttp.ClientConnectorError() | aiohttp.ClientSSLError():
            return errors.cannot_connect(origin, cause)
        case TimeoutError():
            return errors.connect_timeout(origin, connect_timeout_s)
        case aiohttp.InvalidURL() | aiohttp.NonHttpUrlClientError():
            return errors.cannot_send(origin, "its address is no http:// or https:// URL")
        case aiohttp.ClientResponseError():
            if any(isinstance(one, http_exceptions.LineTooLong) for one in errors.causes(error)):
                return errors.head_too_large(origin, HEADER_LIMIT_BYTES)
            return errors.not_http(origin)
        case aiohttp.ClientError() | OSError():
            return errors.no_answer(origin, cause)
        case ValueError():
            return errors.cannot_send(origin, "its address or a header has characters that HTTP does not allow")
        case _:
            return (
                errors.cannot_send(origin, "the http_client is closed") if session.closed else errors.no_answer(origin)
            )


__all__ = ["AiohttpResponse", "AiohttpTransport"]
