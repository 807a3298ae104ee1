"""What both HTTP clients get from the settings: the proxy, the certificates, and the headers as they are written."""

import os
import ssl
from pathlib import Path

import anyio
import pytest

from tidewire.adapters.secrets import Secret
from tidewire.adapters.transport_settings import (
    MOST_KNOWN,
    Proxies,
    TransportSettings,
    origin_of,
    proxy_for,
    tls_context,
    wire_headers,
)
from tidewire.events.errors import ConfigurationError


@pytest.fixture
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


@pytest.mark.usefixtures("no_proxies")
@pytest.mark.parametrize(
    ("environment", "url", "proxy"),
    [
        ({}, "http://a.example", None),
        ({"HTTP_PROXY": "http://p:1"}, "http://a.example", "http://p:1"),
        ({"http_proxy": "p:1"}, "http://a.example", "http://p:1"),
        ({"HTTP_PROXY": "http://p:1"}, "https://a.example", None),
        ({"HTTPS_PROXY": "https://p:1"}, "https://a.example:8443/x", "https://p:1"),
        ({"ALL_PROXY": "socks5://p:1"}, "https://a.example", "socks5://p:1"),
        ({"HTTPS_PROXY": ""}, "https://a.example", None),
        ({"ALL_PROXY": "p:1", "NO_PROXY": "*"}, "https://a.example", None),
        ({"ALL_PROXY": "p:1", "NO_PROXY": "b.example,.A.example"}, "https://x.a.example", None),
        ({"ALL_PROXY": "p:1", "NO_PROXY": "a.example"}, "https://a.example", None),
        ({"ALL_PROXY": "p:1", "NO_PROXY": "a.example:81"}, "https://a.example:80", "http://p:1"),
        ({"ALL_PROXY": "p:1", "NO_PROXY": "a.example:81"}, "https://a.example:81", None),
        ({"ALL_PROXY": "p:1", "NO_PROXY": "example"}, "https://an-example", "http://p:1"),
        ({"ALL_PROXY": "p:1", "NO_PROXY": ", ,"}, "https://a.example", "http://p:1"),
        ({"ALL_PROXY": "p:1", "NO_PROXY": "127.0.0.1,::1"}, "http://127.0.0.1:80", None),
    ],
)
def test_the_environments_proxy_is_found(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], url: str, proxy: str | None
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    found = proxy_for(TransportSettings(), url)
    assert (None if found is None else found.reveal()) == proxy
    assert proxy_for(TransportSettings(trust_env=False), url) is None
    assert proxy_for(TransportSettings(proxy="http://own:1"), url) == Secret("http://own:1")


def test_the_environment_is_read_when_an_address_is_first_gone_to(monkeypatch: pytest.MonkeyPatch) -> None:
    proxies = Proxies(TransportSettings())
    monkeypatch.setenv("https_proxy", "p:1")
    monkeypatch.setenv("no_proxy", "")
    assert proxies.of("https://a.example") == Secret("http://p:1")
    monkeypatch.setenv("https_proxy", "p:2")
    assert proxies.of("https://a.example") == Secret("http://p:1")
    assert proxies.of("https://b.example") == Secret("http://p:2")
    for number in range(MOST_KNOWN):
        proxies.of(f"https://{number}.example")
    assert proxies.of("https://a.example") == Secret("http://p:2"), "what is long unused is forgotten"


def test_settings_show_no_password() -> None:
    shown = repr(TransportSettings(proxy="http://user:secret@proxy:3128", http_client=object()))
    assert "secret" not in shown
    assert "http://proxy:3128" in shown
    assert "http_client=object" in shown
    assert "proxy" not in repr(TransportSettings())


# --- certificates


async def test_the_context_is_made_once_for_all_loops_and_verifies() -> None:
    context = await tls_context(True)
    assert await tls_context(True) is context
    assert context.verify_mode == ssl.CERT_REQUIRED
    assert context.check_hostname


async def test_a_context_that_is_handed_in_is_taken_as_it_is() -> None:
    context = ssl.create_default_context()
    assert await tls_context(context) is context


async def test_two_tasks_that_ask_at_once_get_the_same_context(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tidewire.adapters.transport_settings._contexts", {})
    contexts: list[ssl.SSLContext] = []

    async def ask() -> None:
        contexts.append(await tls_context(True))

    async with anyio.create_task_group() as group:
        for _ in range(3):
            group.start_soon(ask)
    assert len(set(map(id, contexts))) == 1


async def test_a_system_without_certificates_is_helped_by_certifi(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "missing.pem"))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "missing"))
    monkeypatch.setattr("tidewire.adapters.transport_settings._contexts", {})
    assert ssl.create_default_context().cert_store_stats()["x509_ca"] == 0
    context = await tls_context(True)
    assert context.cert_store_stats()["x509_ca"] > 50


async def test_a_folder_of_certificates_is_trusted(tmp_path: Path) -> None:
    assert (await tls_context(tmp_path)).verify_mode == ssl.CERT_REQUIRED


async def test_a_file_that_holds_none_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"missing\.pem"):
        await tls_context(tmp_path / "missing.pem")


# --- headers


def test_secrets_are_revealed_only_as_headers_are_written() -> None:
    written = wire_headers({"authorization": Secret("sk-1"), "user-agent": "mine"})
    assert written == {"authorization": "sk-1", "user-agent": "mine", "accept-encoding": "gzip, deflate"}


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://a.example/v1?key=1", "a.example"),
        ("https://user:password@a.example:8443/v1", "a.example:8443"),
        ("http://[::1]:80/", "[::1]:80"),
        ("nonsense", "an empty address"),
    ],
)
def test_an_origin_is_host_and_port_alone(url: str, origin: str) -> None:
    assert origin_of(url) == origin
