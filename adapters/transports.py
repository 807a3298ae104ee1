"""Chooses the HTTP client: aiohttp on asyncio, where it costs a tenth of httpx's time per read, and httpx on trio.

The clients are imported when the first request is sent, in a thread, since to import either takes long enough for an
event loop to be missed.
"""

from __future__ import annotations

from collections.abc import Callable
from weakref import WeakValueDictionary

from anyio import to_thread

from tidewire.adapters.host import runs_on_asyncio
from tidewire.adapters.spec import HttpRequest, Response, Transport
from tidewire.adapters.transport_settings import Proxies, TransportSettings, Verify, proxy_scheme
from tidewire.events.errors import ConfigurationError


class HttpTransport:
    """Carries requests with the client that suits the running event loop; one instance serves several loops at once.

    Args:
        settings: Proxy, certificates, or a ready-made client, which is then used on every loop.

    Raises:
        ConfigurationError: The ready-made client is of no known kind.
    """

    def __init__(self, settings: TransportSettings | None = None) -> None:
        self._settings = settings or TransportSettings()
        self._client = _client_package(self._settings.http_client)
        self._proxies = Proxies(self._settings)
        self._made: dict[str, Transport] = {}

    async def open(self, request: HttpRequest, *, connect_timeout_s: float | None = None) -> Response:
        """Send a request and wait for the head of the answer. See ``Transport.open``."""
        transport = await self._transport_for(request.url)
        return await transport.open(request, connect_timeout_s=connect_timeout_s)

    async def aclose(self) -> None:
        """Close the pools of the running event loop."""
        for transport in self._made.values():
            await transport.aclose()

    async def _transport_for(self, url: str) -> Transport:
        package = self._client or ("aiohttp" if runs_on_asyncio() else "httpx")
        if package == "aiohttp" and self._client is None:
            # aiohttp knows no SOCKS proxies; httpx does with its extra `socks`.
            proxy = self._proxies.of(url)
            if proxy is not None and proxy_scheme(proxy).startswith("socks"):
                package = "httpx"
        made = self._made.get(package)
        if made is None:
            kind = await to_thread.run_sync(_LOADERS[package], abandon_on_cancel=True)
            made = self._made.setdefault(package, kind(self._settings))
        return made


def _load_aiohttp() -> Callable[[TransportSettings], Transport]:
    from tidewire.adapters.aiohttp_transport import AiohttpTransport

    return AiohttpTransport


def _load_httpx() -> Callable[[TransportSettings], Transport]:
    from tidewire.adapters.httpx_transport import HttpxTransport

    return HttpxTransport


_LOADERS = {"aiohttp": _load_aiohttp, "httpx": _load_httpx}


def _client_package(client: object | None) -> str | None:
    """The key in ``_LOADERS`` for a ready-made client; None without one."""
    if client is None:
        return None
    for kind in type(client).__mro__:
        package = kind.__module__.partition(".")[0]
        if package == "aiohttp" and kind.__name__ == "ClientSession":
            return "aiohttp"
        if package in ("httpx", "httpx2") and kind.__name__ == "AsyncClient":
            return "httpx"
    raise ConfigurationError(
        f"http_client is a {type(client).__name__}; it may be an aiohttp.ClientSession, an httpx.AsyncClient or an "
        "httpx2.AsyncClient"
    )


_shared: WeakValueDictionary[TransportSettings, HttpTransport] = WeakValueDictionary()


def shared_transport(settings: TransportSettings | None = None) -> HttpTransport:
    """The transport for these settings: equal settings give the same one, and with it the same connections.

    Raises:
        ConfigurationError: The ready-made client is of no known kind.
    """
    settings = settings or TransportSettings()
    known = _shared.get(settings)
    if known is None:
        known = _shared[settings] = HttpTransport(settings)
    return known


__all__ = ["HttpTransport", "TransportSettings", "Verify", "shared_transport"]
