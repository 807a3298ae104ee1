"""Faults of where a request goes: nobody listens, no such host, another's certificate, proxies, redirects, cookies."""

from __future__ import annotations

import socket
import ssl
from typing import Any, NoReturn

import anyio
import pytest
import trustme

from tests.adapters.raw_server import Peer, RawServer
from tests.faults.fault import ALL_TRIES, Case, Expected, Fault, fails, head
from tests.faults.trial import CARRIERS, Seen, Server, call, check, model_for
from tests.faults.wires import KEY, WIRES
from tidewire.adapters.host import aclose_all
from tidewire.adapters.transport_settings import TransportSettings
from tidewire.events.errors import APIConnectionError, APIStatusError

_CASES = [Case(wire, streamed) for wire in WIRES.values() for streamed in (True, False)]
_TURNS = [(case, list(CARRIERS)[number % len(CARRIERS)]) for number, case in enumerate(_CASES)]
_EACH = pytest.mark.parametrize(("case", "carrier"), _TURNS, ids=[f"{case}, {carrier}" for case, carrier in _TURNS])
# What is the same for all formats, and is tried with each client.
_ONE = pytest.mark.parametrize(
    ("case", "carrier"),
    [(Case(WIRES["anthropic"], True), carrier) for carrier in CARRIERS],
    ids=list(CARRIERS),
)


def _make_calls(case: Case, carrier: str, url: str, settings: TransportSettings | None = None, calls: int = 1) -> Seen:
    """What the last of some calls to an address gives."""
    fault = Fault("", lambda case: [], lambda case: Expected())

    async def make() -> Seen:
        transport = CARRIERS[carrier][1](settings or TransportSettings(trust_env=False))
        model = model_for(case, url, transport, fault)
        for _ in range(calls - 1):
            await call(model, case.streamed)
        seen = await call(model, case.streamed)
        await aclose_all()
        return seen

    return anyio.run(make, backend=CARRIERS[carrier][0])


@_EACH
def test_a_refused_connection_is_tried_again_and_told(case: Case, carrier: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    seen = _make_calls(case, carrier, f"http://127.0.0.1:{port}")
    check(seen, fails(APIConnectionError, requests=ALL_TRIES, is_retryable=True), case)


@_EACH
def test_an_unknown_host_is_tried_again_and_told(case: Case, carrier: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []

    def unknown(host: object, *more: Any, **options: Any) -> NoReturn:
        asked.append(host)
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    seen = _make_calls(case, carrier, "http://tide.invalid")
    check(seen, fails(APIConnectionError, requests=ALL_TRIES, is_retryable=True), case)
    assert asked


@pytest.fixture(scope="module")
def stranger() -> ssl.SSLContext:
    """A server's certificate that nobody vouches for."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    with trustme.CA().issue_cert("127.0.0.1").private_key_and_cert_chain_pem.tempfile() as path:
        context.load_cert_chain(path)
    return context


@_EACH
def test_an_unknown_certificate_is_refused_and_nothing_is_sent(
    case: Case, carrier: str, stranger: ssl.SSLContext
) -> None:
    server = Server([[case.good()]])
    with RawServer(server, stranger) as raw:
        seen = _make_calls(case, carrier, raw.url)
    check(seen, fails(APIConnectionError, requests=1, is_retryable=False), case)
    assert server.requests == []


@_EACH
@pytest.mark.parametrize("status", [302, 307, 308])
def test_a_redirect_takes_neither_key_nor_prompt_to_another_host(case: Case, carrier: str, status: int) -> None:
    other = Server([[case.good()]])
    with RawServer(other) as elsewhere:
        moved = head(status, {"location": f"{elsewhere.url}/v1/moved"}, "content-length: 0")
        server = Server([[moved]])
        with RawServer(server) as raw:
            seen = _make_calls(case, carrier, raw.url)
    check(seen, fails(APIStatusError, requests=1, status_code=status, is_retryable=False), case)
    assert (len(server.requests), other.requests) == (1, [])


@_EACH
def test_cookies_are_not_kept(case: Case, carrier: str) -> None:
    server = Server([[case.good(set_cookie="session=1; Path=/")]])
    with RawServer(server) as raw:
        seen = _make_calls(case, carrier, raw.url, calls=2)
    check(seen, Expected(), case)
    assert len(server.requests) == 2
    assert not any(b"cookie" in request.lower().partition(b"\r\n\r\n")[0] for request in server.requests)


@_ONE
def test_a_proxy_that_refuses_a_tunnel_is_told_without_its_password(case: Case, carrier: str) -> None:
    refusal = head(407, {"proxy-authenticate": "Basic"}, "content-length: 0")
    server = Server([[refusal, Peer.close]])
    with RawServer(server) as raw:
        settings = TransportSettings(proxy=f"http://user:{KEY}@127.0.0.1:{raw.port}")
        seen = _make_calls(case, carrier, "https://provider.invalid", settings)
    check(seen, fails(APIConnectionError, requests=1, is_retryable=False), case)
    assert len(server.requests) == 1


@_ONE
def test_a_proxy_that_nobody_answers_at_is_told_without_its_password(case: Case, carrier: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    settings = TransportSettings(proxy=f"http://user:{KEY}@127.0.0.1:{port}")
    seen = _make_calls(case, carrier, "http://provider.invalid", settings)
    check(seen, fails(APIConnectionError, requests=ALL_TRIES, is_retryable=True), case)
