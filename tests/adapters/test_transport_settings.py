"""Which proxy a request goes through."""

import os
from urllib.request import getproxies_environment

import pytest

from tidewire.adapters.transport_settings import TransportSettings, proxy_for


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


@pytest.mark.parametrize(
    ("environment", "proxy"),
    [
        ({}, None),
        ({"HTTPS_PROXY": "http://capitals:1"}, "http://capitals:1"),
        ({"https_proxy": "http://small:1"}, "http://small:1"),
        ({"https_proxy": "http://small:1", "HTTPS_PROXY": "http://capitals:1"}, "http://small:1"),
        ({"https_proxy": "", "HTTPS_PROXY": "http://capitals:1"}, None),
        ({"ALL_PROXY": "socks5://all:1"}, "socks5://all:1"),
        ({"ALL_PROXY": "socks5://all:1", "https_proxy": "http://small:1"}, "http://small:1"),
        ({"http_proxy": "http://other:1"}, None),
    ],
)
def test_the_environment_names_the_proxy_as_the_standard_library_reads_it(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], proxy: str | None
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    known = getproxies_environment()
    assert (known.get("https") or known.get("all")) == proxy
    assert proxy_for(TransportSettings(), "https://api.example.com/v1") == proxy


@pytest.mark.parametrize(("name", "proxy"), [("HTTP_PROXY", None), ("http_proxy", "http://p:1")])
def test_a_header_of_a_cgi_scripts_caller_is_no_proxy(
    monkeypatch: pytest.MonkeyPatch, name: str, proxy: str | None
) -> None:
    monkeypatch.setenv("REQUEST_METHOD", "GET")
    monkeypatch.setenv(name, "http://p:1")
    assert proxy_for(TransportSettings(), "http://api.example.com/v1") == proxy


def test_an_environment_that_is_not_trusted_names_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://p:1")
    assert proxy_for(TransportSettings(trust_env=False), "https://api.example.com/v1") is None
