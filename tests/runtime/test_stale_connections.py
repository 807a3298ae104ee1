"""A pooled connection that the server gives up: no client tries again by itself, and the pump's retry is counted."""

from __future__ import annotations

import pytest

from tests.adapters.raw_server import Peer, RawServer
from tests.runtime.test_call import Heard
from tidewire import RetryPolicy, aclose, init_chat_model
from tidewire.adapters.httpx_transport import HttpxTransport
from tidewire.adapters.transport_settings import TransportSettings
from tidewire.errors import APIConnectionError
from tidewire.events.types import Retry

BODY = b'{"choices":[{"index":0,"message":{"role":"assistant","content":"ab"},"finish_reason":"stop"}]}'
ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (len(BODY), BODY)


def answer_once(peer: Peer) -> None:
    """Answer the first request of a connection, and break it when the next one comes."""
    if peer.read_request():
        peer.send(ANSWER)
        if peer.read_request():
            peer.reset()


@pytest.mark.parametrize("client", ["default", "httpx"])
async def test_a_connection_that_breaks_when_it_is_used_again_costs_one_retry(client: str) -> None:
    heard = Heard()
    with RawServer(answer_once) as server:
        model = init_chat_model(
            "openai:m",
            api_key="k",
            base_url=server.url,
            streaming=False,
            retry=RetryPolicy(initial_s=0.01),
            transport=None if client == "default" else HttpxTransport(TransportSettings()),
        )
        assert (await model.ainvoke("hi")).text == "ab"
        assert (await model.ainvoke("hi", {"callbacks": heard})).text == "ab"
        with pytest.raises(APIConnectionError) as raised:
            await model.ainvoke("hi", max_retries=0)
        await aclose()
        requests = [request for peer in server.peers for request in peer.requests]
    assert raised.value.attempts == 1
    assert [retry.attempt for retry in heard.of(Retry)] == [1]
    assert len(requests) == 4
    keys = [line for request in requests for line in request.split(b"\r\n") if line.startswith(b"idempotency-key")]
    assert keys[1] == keys[2]
    assert len(set(keys)) == 3
