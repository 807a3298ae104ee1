"""A loopback server that is not the bottleneck: it runs in a process of its own and sends bytes that it made before.

The path says what is sent, so that a client's ``base_url`` chooses it:

    /burst/5000/chat/completions        a stream of 5,000 tokens, all at once
    /paced/1000/1/chat/completions      1,000 tokens, one each millisecond
    /stamped/200/20/chat/completions    200 tokens, one each 20 ms; the text of each is the time when it was sent
    /plain/50/chat/completions          a reply of 50 tokens that is not streamed
    /late/50/50/chat/completions        the same after 50 ms

A burst comes in the wire format that the rest of the path is of. Streams have one HTTP chunk for each event, as
providers' do.
"""

from __future__ import annotations

import asyncio
import re
import resource
import subprocess
import sys
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

from benchmarks.other_wires import anthropic_events, gemini_events, responses_events
from benchmarks.wires import openai_chat_events, openai_chat_reply, openai_chat_token, words

_ROOT = Path(__file__).resolve().parent.parent
_CONTENT_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_STREAM_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
_LAST_CHUNK = b"0\r\n\r\n"


# How the time stands in an event, and the event that is sent with another one.
_NO_TIME = "0000000.000000"
_STAMPED = openai_chat_token(_NO_TIME).replace(_NO_TIME.encode(), b"%014.6f")


def _events(tokens: int, path: str) -> list[bytes]:
    if path.endswith("/messages"):
        return anthropic_events(words(tokens))
    if path.endswith("/responses"):
        return responses_events(words(tokens))
    if "GenerateContent" in path:
        return gemini_events(words(tokens))
    return openai_chat_events(tokens)


def _chunk(event: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(event), event)


@lru_cache
def _chunks(tokens: int, path: str = "") -> list[bytes]:
    return [_chunk(event) for event in _events(tokens, path)]


def _stamped(tokens: int) -> Iterator[bytes]:
    """The chunks of a stream, each made when it is asked for; what follows the last token comes with it."""
    first, *_, finish, usage, done = _chunks(1)
    yield first
    for _ in range(tokens - 1):
        yield _chunk(_STAMPED % time.monotonic())
    yield _chunk(_STAMPED % time.monotonic()) + finish + usage + done


@lru_cache
def _burst(tokens: int, path: str) -> bytes:
    return b"".join((_STREAM_HEAD, *_chunks(tokens, path), _LAST_CHUNK))


@lru_cache
def _plain(tokens: int) -> bytes:
    body = openai_chat_reply(tokens)
    return b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body)


class _Connection(asyncio.Protocol):
    """Answers the requests of one connection, one after the other."""

    def __init__(self) -> None:
        self._received = bytearray()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None

    def data_received(self, data: bytes) -> None:
        received = self._received
        received += data
        head_end = received.find(b"\r\n\r\n")
        if head_end < 0:
            return
        announced = _CONTENT_LENGTH.search(received, 0, head_end + 2)
        if len(received) < head_end + 4 + (int(announced[1]) if announced else 0):
            return
        path = received.split(b" ", 2)[1].decode().partition("?")[0]
        received.clear()
        mode, *numbers = path.strip("/").split("/")
        self._answer(mode, numbers, path)

    def _answer(self, mode: str, numbers: list[str], path: str) -> None:
        transport = self._transport
        if transport is None:
            return
        tokens = int(numbers[0])
        match mode:
            case "burst":
                transport.write(_burst(tokens, path.partition(numbers[0])[2]))
            case "plain":
                transport.write(_plain(tokens))
            case "late":
                asyncio.get_running_loop().call_later(float(numbers[1]) / 1000, transport.write, _plain(tokens))
            case "paced" | "stamped":
                chunks = iter(_chunks(tokens)) if mode == "paced" else _stamped(tokens)
                transport.write(_STREAM_HEAD + next(chunks))
                self._send_next(asyncio.get_running_loop().time(), float(numbers[1]) / 1000, chunks)
            case _:
                raise ValueError(f"no such mode: {mode!r}")

    def _send_next(self, due: float, interval_s: float, chunks: Iterator[bytes]) -> None:
        """Send the next event and set the clock for the one after it; a late one does not delay the others."""
        if self._transport is None:
            return
        chunk = next(chunks, None)
        if chunk is None:
            self._transport.write(_LAST_CHUNK)
            return
        self._transport.write(chunk)
        due += interval_s
        asyncio.get_running_loop().call_at(due, self._send_next, due, interval_s, chunks)


async def _serve() -> None:
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    loop = asyncio.get_running_loop()
    server = await loop.create_server(_Connection, "127.0.0.1", 0, backlog=8192)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


@contextmanager
def running_server() -> Generator[str]:
    """Run the server in a process of its own; gives its URL, such as ``http://127.0.0.1:40001``."""
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.server"], cwd=_ROOT, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL
    )
    try:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
    finally:
        process.terminate()
        process.communicate()


if __name__ == "__main__":
    asyncio.run(_serve())

__all__ = ["running_server"]
