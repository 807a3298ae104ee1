"""A slow reader holds a fast server back, whatever lies between them: the pump keeps no more than one read."""

from __future__ import annotations

import threading

import pytest
from anyio import to_thread

from tests.adapters.raw_server import PATIENCE_S, Peer, RawServer
from tests.lifetime.scene import runs_on_asyncio, transport
from tests.runtime.test_call import DONE, FINISH, frame
from tidewire import ChatOpenAI

PIECE = "x" * 16_000
#: Some 40 MB, of which no more than 20 may have left the server before they are read.
PIECES = 2500
MOST_AHEAD = 20_000_000
#: A server that cannot send for so long is held back.
STOPPED_S = 1.0


@pytest.mark.parametrize("client", ["default", "httpx"])
async def test_a_slow_reader_of_a_fast_stream_holds_the_server_back(client: str) -> None:
    if client == "httpx" and not runs_on_asyncio():
        return  # it is the default there, so this is the other case once more
    sent: list[int] = []
    held_back = threading.Event()

    def handler(peer: Peer) -> None:
        peer.read_request()
        peer.send(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n")
        body = frame(PIECE) * PIECES
        sent.append(peer.send_while_taken(body, STOPPED_S))
        held_back.set()
        peer.send(body[sent[0] :] + FINISH + DONE)
        peer.close()

    with RawServer(handler) as server:
        model = ChatOpenAI("demo", base_url=server.url, api_key="any", transport=transport(client))
        length = 0
        async with model.astream("hi") as stream:
            async for chunk in stream:
                if not length:
                    assert await to_thread.run_sync(held_back.wait, PATIENCE_S)
                    assert sent[0] < MOST_AHEAD
                length += len(chunk.text)
    assert length == PIECES * len(PIECE)
