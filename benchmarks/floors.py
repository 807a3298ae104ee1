"""What the contestants are measured against: readers that do nothing but read.

Each one returns how many tokens it saw, so that a reader that reads too little does not win.
"""

from __future__ import annotations

import asyncio
import json
import socket
import time
from urllib.parse import urlsplit

import aiohttp
import httpx
import msgspec

_PATH = "/chat/completions"
_HEADERS = {"authorization": "Bearer x", "content-type": "application/json"}


class _Delta(msgspec.Struct):
    content: str | None = None


class _Choice(msgspec.Struct):
    delta: _Delta


class _Event(msgspec.Struct):
    choices: list[_Choice]


class _Message(msgspec.Struct):
    content: str


class _WholeChoice(msgspec.Struct):
    message: _Message


class _Usage(msgspec.Struct):
    completion_tokens: int


class _Reply(msgspec.Struct):
    choices: list[_WholeChoice]
    usage: _Usage


_event = msgspec.json.Decoder(_Event)
_reply = msgspec.json.Decoder(_Reply)


def _body(*, stream: bool) -> bytes:
    messages = [{"role": "user", "content": "hi"}]
    body: dict[str, object] = {"model": "bench", "messages": messages, "stream": stream}
    if stream:
        body["stream_options"] = {"include_usage": True}
    return msgspec.json.encode(body)


class AiohttpReader:
    """The floor: aiohttp's reads, cut at blank lines, each event decoded with msgspec, its text kept."""

    def __init__(self) -> None:
        # An answer may take longer than the five minutes that aiohttp gives it, and to watch them costs 5 %.
        self.session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0), timeout=aiohttp.ClientTimeout(total=None)
        )

    async def stream(self, url: str) -> int:
        """Read a streamed reply; gives the number of its tokens."""
        texts: list[str] = []
        rest = b""
        async with self.session.post(url + _PATH, data=_body(stream=True), headers=_HEADERS) as response:
            async for data in response.content.iter_any():
                *events, rest = (rest + data).split(b"\n\n")
                for event in events:
                    if event == b"data: [DONE]":
                        break
                    choices = _event.decode(event[6:]).choices
                    if choices and choices[0].delta.content:
                        texts.append(choices[0].delta.content)
        return len(texts) if "".join(texts) else 0

    async def call(self, url: str) -> int:
        """Read a plain reply; gives the number of its tokens, as the reply counts them."""
        async with self.session.post(url + _PATH, data=_body(stream=False), headers=_HEADERS) as response:
            reply = _reply.decode(await response.read())
        return reply.usage.completion_tokens if reply.choices[0].message.content else 0

    async def batch(self, url: str, calls: int, at_once: int) -> int:
        """Read so many plain replies; gives the number of their tokens."""
        limit = asyncio.Semaphore(at_once)

        async def one() -> int:
            async with limit:
                return await self.call(url)

        return sum(await asyncio.gather(*(one() for _ in range(calls))))

    async def stamped(self, url: str) -> list[float]:
        """Read a stream whose tokens are the times when they were sent; gives the seconds that each was under way."""
        delays: list[float] = []
        rest = b""
        async with self.session.post(url + _PATH, data=_body(stream=True), headers=_HEADERS) as response:
            async for data in response.content.iter_any():
                *events, rest = (rest + data).split(b"\n\n")
                for event in events:
                    if event == b"data: [DONE]":
                        break
                    choices = _event.decode(event[6:]).choices
                    if choices and choices[0].delta.content:
                        delays.append(time.monotonic() - float(choices[0].delta.content))
        return delays

    async def aclose(self) -> None:
        """Close the connections."""
        await self.session.close()


class HttpxReader:
    """What one writes with httpx: its lines, and the standard library's ``json``."""

    def __init__(self) -> None:
        self._client = httpx.AsyncClient()

    async def stream(self, url: str) -> int:
        """Read a streamed reply; gives the number of its tokens."""
        texts: list[str] = []
        request = self._client.stream("POST", url + _PATH, content=_body(stream=True), headers=_HEADERS)
        async with request as response:
            async for line in response.aiter_lines():
                if not line.startswith("data: ") or line == "data: [DONE]":
                    continue
                for choice in json.loads(line[6:])["choices"]:
                    text = choice["delta"].get("content")
                    if text:
                        texts.append(text)
        return len(texts) if "".join(texts) else 0

    async def call(self, url: str) -> int:
        """Read a plain reply; gives the number of its tokens, as the reply counts them."""
        response = await self._client.post(url + _PATH, content=_body(stream=False), headers=_HEADERS)
        reply = response.json()
        return int(reply["usage"]["completion_tokens"]) if reply["choices"][0]["message"]["content"] else 0

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()


class SocketReader:
    """Takes the bytes from a blocking socket and looks at nothing: what the server and the kernel can do."""

    def __init__(self) -> None:
        self._socket: socket.socket | None = None
        self._reply = bytearray(8 * 1024 * 1024)

    async def stream(self, url: str) -> int:
        """Read a streamed reply; gives the number of its tokens."""
        size = self._exchange(url, _body(stream=True), b"\r\n0\r\n\r\n")
        # All events but the role, the finish reason, the usage and the end are tokens.
        return self._reply.count(b"\ndata: ", 0, size) - 4

    async def call(self, url: str) -> int:
        """Read a plain reply; gives the number of its tokens, as the reply counts them."""
        size = self._exchange(url, _body(stream=False), b"}}}")
        return int(self._reply[:size].partition(b'"completion_tokens":')[2].partition(b",")[0])

    async def aclose(self) -> None:
        """Close the connection."""
        if self._socket is not None:
            self._socket.close()

    def _exchange(self, url: str, body: bytes, end: bytes) -> int:
        """Send a request and read its reply up to these bytes; gives the reply's size."""
        parts = urlsplit(url)
        if self._socket is None:
            assert parts.hostname is not None
            self._socket = socket.create_connection((parts.hostname, parts.port))
        self._socket.sendall(
            b"POST %b%b HTTP/1.1\r\nhost: %b\r\ncontent-length: %d\r\n\r\n%b"
            % (parts.path.encode(), _PATH.encode(), parts.netloc.encode(), len(body), body)
        )
        reply, size = self._reply, 0
        while not reply.endswith(end, 0, size):
            read = self._socket.recv_into(memoryview(reply)[size:])
            if not read:
                raise ConnectionError("the server closed the connection")
            size += read
        return size


__all__ = ["AiohttpReader", "HttpxReader", "SocketReader"]
