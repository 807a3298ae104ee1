"""What a transport can be told, and the two things that HTTP clients get from it: the proxy and the TLS context."""

from __future__ import annotations

import os
import ssl
from collections.abc import Mapping
from typing import Literal, TypeAlias
from urllib.parse import urlsplit

import msgspec
from anyio import to_thread

from tidewire.adapters.compression import ACCEPT_ENCODING, READ_LIMIT_BYTES
from tidewire.adapters.secrets import Secret, seal
from tidewire.events.errors import ConfigurationError

#: Which certificates are trusted: the system's, those of a file or folder, or whatever a ready-made context says.
Verify: TypeAlias = Literal[True] | str | os.PathLike[str] | ssl.SSLContext

#: Addresses that a transport remembers something of.
MOST_KNOWN = 256

#: The longest header line that is read, in bytes.
HEADER_LIMIT_BYTES = 64 * 1024


class TransportSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How requests travel. Equal settings share their connections.

    Attributes:
        proxy: URL of a proxy for all requests, such as ``http://user:password@proxy:3128``.
        trust_env: Whether ``HTTP_PROXY``, ``HTTPS_PROXY``, ``ALL_PROXY`` and ``NO_PROXY`` count where ``proxy`` is not
            given.
        verify: Which certificates are trusted: True for the system's, the path of a PEM file or of a folder of hashed
            certificates, or an ``ssl.SSLContext``.
        http_client: A ready-made ``aiohttp.ClientSession``, ``httpx.AsyncClient`` or ``httpx2.AsyncClient``. It stays
            its owner's: it is never closed here, and its own proxy and certificates count.
        keepalive_s: Seconds that an unused connection is kept.
        read_limit_bytes: Most bytes that one read of a compressed body may swell to.
    """

    proxy: str | Secret | None = None
    trust_env: bool = True
    verify: Verify = True
    http_client: object | None = None
    keepalive_s: float = 30.0
    read_limit_bytes: int = READ_LIMIT_BYTES

    def __repr__(self) -> str:
        # The proxy's URL may hold a password, and a client may show its headers.
        proxy = self.proxy.reveal() if isinstance(self.proxy, Secret) else self.proxy
        shown = [f"proxy={_without_password(proxy)!r}"] if proxy else []
        shown += [
            f"{name}={getattr(self, name)!r}" for name in ("trust_env", "verify", "keepalive_s", "read_limit_bytes")
        ]
        shown += [f"http_client={type(self.http_client).__name__}"] if self.http_client is not None else []
        return f"TransportSettings({', '.join(shown)})"


def _without_password(url: str) -> str:
    scheme, separator, rest = url.rpartition("://")
    return f"{scheme}{separator}{rest.rpartition('@')[2]}"


_NONE = Secret.sealed("", "proxy")


def proxy_for(settings: TransportSettings, url: str) -> Secret | None:
    """The URL of the proxy that a request to this address goes through, or None. It may hold a password.

    Raises:
        ConfigurationError: The proxy's URL has no scheme that is a proxy's.
    """
    proxy = seal(settings.proxy, "proxy")
    if proxy is None and settings.trust_env:
        target = urlsplit(url)
        proxy = seal(_variable(f"{target.scheme}_proxy") or _variable("all_proxy"), "proxy")
        if proxy != _NONE and _is_bypassed(target.hostname or "", target.port, _variable("no_proxy")):
            return None
    if proxy is None or proxy == _NONE:
        return None
    if not isinstance(proxy, Secret):
        raise ConfigurationError(f"a proxy is a URL such as 'http://proxy:3128', not {type(proxy).__name__}")
    proxy = proxy.checked()
    if "://" not in proxy.reveal():
        proxy = Secret.sealed(f"http://{proxy.reveal()}", "proxy")
    scheme = proxy_scheme(proxy)
    if scheme not in ("http", "https", "socks5", "socks5h"):
        raise ConfigurationError(f"a proxy's URL starts with http://, https:// or socks5://, not with {scheme}://")
    return proxy


class Proxies:
    """The proxies of one transport, each found once: the environment is read when an address is first gone to.

    Args:
        settings: The transport's.
    """

    __slots__ = ("_known", "_settings")

    def __init__(self, settings: TransportSettings) -> None:
        self._settings = settings
        self._known: dict[str, Secret | None] = {}

    def of(self, url: str) -> Secret | None:
        """As :func:`proxy_for`."""
        try:
            return self._known[url]
        except KeyError:
            if len(self._known) >= MOST_KNOWN:  # addresses with names of files or jobs in them
                self._known.clear()
            proxy = self._known[url] = proxy_for(self._settings, url)
            return proxy


def proxy_scheme(proxy: Secret) -> str:
    """What a proxy is spoken to: ``http``, ``https``, ``socks5``, ``socks5h``."""
    return proxy.reveal().partition("://")[0].lower()


def _variable(name: str) -> str:
    """An environment variable by its name in small letters or, where that is not set, in capitals.

    The standard library's ``getproxies_environment`` walks through the whole environment.
    """
    value = os.environ.get(name)
    # In a CGI script, HTTP_PROXY is the header "Proxy" of whoever called it.
    if value is None and not (name == "http_proxy" and "REQUEST_METHOD" in os.environ):
        value = os.environ.get(name.upper())
    return value or ""


def _is_bypassed(host: str, port: int | None, no_proxy: str) -> bool:
    """Whether ``NO_PROXY`` names the host: ``*``, or names that it is or ends with, each with or without a port."""
    for name in no_proxy.lower().split(","):
        name, _, wanted_port = name.strip().lstrip(".").partition(":")
        if name == "*" or (name and (host == name or host.endswith(f".{name}")) and wanted_port in ("", str(port))):
            return True
    return False


def wire_headers(headers: Mapping[str, str | Secret]) -> dict[str, str]:
    """The headers with secrets revealed and with what every request says of itself."""
    revealed = {name: value.reveal() if isinstance(value, Secret) else value for name, value in headers.items()}
    revealed.setdefault("accept-encoding", ACCEPT_ENCODING)
    revealed.setdefault("user-agent", "tidewire")
    return revealed


def origin_of(url: str) -> str:
    """Host and port, for errors: paths and queries may hold what is nobody's business."""
    parts = urlsplit(url)
    return parts.netloc.rpartition("@")[2] or "an empty address"


# Contexts by what they trust. To make one costs 30 to 100 ms and several MB, and they may be shared by threads.
_contexts: dict[str, ssl.SSLContext] = {}


async def tls_context(verify: Verify) -> ssl.SSLContext:
    """The TLS context for these certificates: made once per process, in a thread, so that the event loop runs on.

    Raises:
        ConfigurationError: The path holds no certificates.
    """
    if isinstance(verify, ssl.SSLContext):
        return verify
    path = "" if verify is True else os.fspath(verify)
    known = _contexts.get(path)
    if known is None:
        made = await to_thread.run_sync(_make_context, path, abandon_on_cancel=True)
        # Two tasks may come here at once; then the first one's context is taken by both.
        known = _contexts.setdefault(path, made)
    return known


def _make_context(path: str) -> ssl.SSLContext:
    try:
        if os.path.isdir(path):
            context = ssl.create_default_context(capath=path)
        else:
            context = ssl.create_default_context(cafile=path or None)
    except (OSError, ssl.SSLError) as error:
        raise ConfigurationError(f"verify={path!r} holds no certificates that can be read") from error
    if not path and not _trusts_anybody(context):
        _trust_certifi(context)
    context.set_alpn_protocols(["http/1.1"])
    return context


def _trust_certifi(context: ssl.SSLContext) -> None:
    # A Python from python.org on a Mac finds no certificates of the system's; certifi comes with httpx.
    try:
        import certifi
    except ImportError:
        return
    context.load_verify_locations(certifi.where())


def _trusts_anybody(context: ssl.SSLContext) -> bool:
    folder = ssl.get_default_verify_paths().capath
    return context.cert_store_stats()["x509_ca"] > 0 or bool(folder and os.listdir(folder))


__all__ = [
    "HEADER_LIMIT_BYTES",
    "MOST_KNOWN",
    "Proxies",
    "TransportSettings",
    "Verify",
    "origin_of",
    "proxy_for",
    "proxy_scheme",
    "tls_context",
    "wire_headers",
]
