"""A network that a seed scripts: a transport whose answers come in pieces, late, broken or not at all.

Each request is answered by a source of chance of its own, so that the same seed gives the same answers, whoever else
asks meanwhile. Every answer names the prompt that it answers, and the network keeps account of what it sent, closed
and was asked: what a caller makes of it is held against that.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping
from typing import Any, Literal, TypeAlias

import anyio
import msgspec
from anyio.lowlevel import checkpoint

from tidewire.adapters import transport_errors as errors
from tidewire.adapters.spec import HttpRequest
from tidewire.events.errors import TidewireError

#: What can go wrong with one request.
Fault: TypeAlias = Literal["refused", "no connection", "silent", "status", "reset", "end", "stall", "error", "garbage"]

FAULTS: tuple[Fault, ...] = (
    "refused", "no connection", "silent", "status", "status", "status", "reset", "reset", "end", "end", "end", "stall",
    "error", "error", "garbage",
)  # fmt: skip
STATUSES = (400, 401, 408, 413, 429, 429, 429, 500, 502, 503, 529)
RETRY_AFTER = (None, None, "0", "0.5", "2", "120", "soon", "-1")
JSON_HEADERS = {"content-type": "application/json"}
EVENTS_HEADERS = {"content-type": "text/event-stream"}


class Sent(msgspec.Struct):
    """One request, and what the network has done about it.

    Attributes:
        prompt: What was asked.
        text: What the whole answer says.
        call: The arguments of the tool that the whole answer calls, if it calls one.
        tokens: The usage that the whole answer reports, in and out.
        is_whole: All of it was given, with its terminator.
        is_finished: It was given up to the reason why it ends, and then the body ended properly.
        is_open: The caller has the head of it, and has not closed it.
    """

    prompt: str
    text: str
    call: dict[str, str] | None
    tokens: tuple[int, int]
    is_whole: bool = False
    is_finished: bool = False
    is_open: bool = False


class Network:
    """A transport on which everything can happen.

    Args:
        seed: Of all chance.
        faults: The part of the requests that fail in some way.
        pace_s: What a second of the network takes, in seconds of the event loop's clock.
    """

    def __init__(self, seed: int, *, faults: float, pace_s: float = 1.0) -> None:
        self._seed = seed
        self._faults = faults
        self.pace_s = pace_s
        #: Every request, in order.
        self.sent: list[Sent] = []

    def asked(self, prompt: str) -> list[Sent]:
        """The requests with this prompt, in order."""
        return [one for one in self.sent if one.prompt == prompt]

    async def open(self, request: HttpRequest, *, connect_timeout_s: float | None = None) -> Line:
        """See ``Transport.open``."""
        chance = random.Random(f"{self._seed}/{len(self.sent)}")
        body = json.loads(request.body)
        prompt = _prompt(body)
        text = f"[{prompt}#{len(self.sent)}]" + "".join(f" w{number}" for number in range(chance.choice((1, 3, 12))))
        call = {"of": prompt} if body.get("tools") and chance.random() < 0.5 else None
        sent = Sent(prompt, text, call, (chance.randint(1, 50), chance.randint(1, 50)))
        self.sent.append(sent)
        fault = chance.choice(FAULTS) if chance.random() < self._faults else None
        await self._travel(chance)
        match fault:
            case "refused":
                raise errors.cannot_connect("http://nowhere", ConnectionRefusedError())
            case "no connection":
                raise errors.connect_timeout("http://nowhere", connect_timeout_s)
            case "silent":
                await anyio.sleep_forever()
            case _:
                pass
        spell = _spell_anthropic if "/messages" in request.url else _spell_openai
        if fault == "status":
            line = Line(self, sent, chance, self._refusal(chance), [b'{"error":{"message":"no"}}'], "end")
        elif not body.get("stream"):
            whole = _plain_anthropic if "/messages" in request.url else _plain_openai
            line = Line(self, sent, chance, (200, JSON_HEADERS), [whole(sent)], fault)
        else:
            line = Line(self, sent, chance, (200, EVENTS_HEADERS), [*spell(sent, chance)], fault)
        sent.is_open = True
        return line

    async def aclose(self) -> None:
        """Nothing is kept between requests."""

    def _refusal(self, chance: random.Random) -> tuple[int, Mapping[str, str]]:
        after = chance.choice(RETRY_AFTER)
        headers = JSON_HEADERS if after is None else {**JSON_HEADERS, "retry-after": self._scaled(after)}
        return chance.choice(STATUSES), headers

    def _scaled(self, seconds: str) -> str:
        try:
            return f"{float(seconds) * self.pace_s:g}"
        except ValueError:
            return seconds

    async def _travel(self, chance: random.Random) -> None:
        if (seconds := self.delay_s(chance)) > 0:
            await anyio.sleep(seconds)
        await checkpoint()

    def delay_s(self, chance: random.Random) -> float:
        """How long the next bytes take: mostly nothing, sometimes longer than anybody waits."""
        kind = chance.random()
        if kind < 0.7:
            return 0.0
        return self.pace_s * (chance.uniform(0.001, 0.3) if kind < 0.99 else chance.uniform(0.3, 4.0))


class Line:
    """An answer whose body is being read."""

    def __init__(
        self,
        network: Network,
        sent: Sent,
        chance: random.Random,
        head: tuple[int, Mapping[str, str]],
        frames: list[bytes],
        fault: Fault | None,
    ) -> None:
        self.status, self.headers = head
        self._network = network
        self._sent = sent
        self._chance = chance
        self._fault = fault
        self._aborted = anyio.Event()
        self._over = False
        self._error: TidewireError | None = None
        body = b"".join(frames)
        #: So many bytes hold the terminator, and so many the reason why the answer ends.
        self._whole = len(body) - 2
        self._finished = _finish_of(frames)
        self._given = 0
        if fault in ("reset", "end", "stall") and self.status == 200:
            body = body[: chance.randrange(len(body) - 4)]
        elif fault in ("error", "garbage"):
            place = chance.randrange(len(frames))
            broken = b'{"error":{"type":"overloaded_error","message":"busy","code":503}}'
            frame = b"data: " + (broken if fault == "error" else b'{"choices":[{') + b"\n\n"
            body = b"".join([*frames[:place], b"event: error\n" if fault == "error" else b"", frame])
        self._pieces = _cut(body, chance)

    async def read(self) -> bytes:
        """See ``Response.read``."""
        if not self._over:
            if seconds := self._network.delay_s(self._chance):
                with anyio.move_on_after(seconds):
                    await self._aborted.wait()
            for _ in range(self._chance.choice((1, 1, 2, 3))):
                await checkpoint()
        if not self._over:
            data = next(self._pieces, b"")
            if data:
                self._given += len(data)
                self._sent.is_whole = self._fault is None and self._given >= self._whole
                return data
            if self._fault == "stall":
                await self._aborted.wait()
            elif self._fault == "reset":
                self._stop(errors.broken_body())
            else:
                self._over = True
                self._sent.is_finished = self._fault in (None, "end") and self._given >= self._finished
        if self._error is not None:
            raise self._error
        return b""

    def abort(self) -> None:
        """See ``Response.abort``."""
        self._sent.is_open = False
        if not self._over:
            self._stop(errors.aborted())
        self._aborted.set()

    async def aclose(self) -> None:
        """See ``Response.aclose``."""
        self.abort()
        await checkpoint()

    def _stop(self, error: TidewireError) -> None:
        self._over = True
        self._error = error


def _prompt(body: dict[str, Any]) -> str:
    content = body["messages"][-1]["content"]
    return content if isinstance(content, str) else str(content[0]["text"])


def _finish_of(frames: list[bytes]) -> int:
    length = 0
    for frame in frames:
        length += len(frame)
        if b'_reason": "' in frame:
            break
    return length - 2  # a frame counts without the blank line behind it, when the body ends there


def _cut(body: bytes, chance: random.Random) -> Iterator[bytes]:
    largest = chance.choice((7, 60, 400, 5000))
    start = 0
    while start < len(body):
        end = start + chance.randint(1, largest)
        yield body[start:end]
        start = end


def _pieces(text: str) -> list[str]:
    return [piece if number == 0 else f" {piece}" for number, piece in enumerate(text.split(" "))]


def _data(kind: str | None, value: object) -> bytes:
    name = b"" if kind is None else f"event: {kind}\n".encode()
    return name + b"data: " + json.dumps(value).encode() + b"\n\n"


def _spell_openai(sent: Sent, chance: random.Random) -> Iterator[bytes]:
    def chunk(delta: dict[str, Any], finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        return _data(None, {"id": "r", "model": "m-1", "choices": [choice]})

    yield chunk({"role": "assistant", "content": ""})
    for text in _pieces(sent.text):
        if chance.random() < 0.1:
            yield b": ping\n\n"
        yield chunk({"content": text})
    if sent.call is not None:
        arguments = json.dumps(sent.call)
        yield chunk({"tool_calls": [{"index": 0, "id": "c", "function": {"name": "note", "arguments": arguments[:4]}}]})
        yield chunk({"tool_calls": [{"index": 0, "function": {"arguments": arguments[4:]}}]})
    yield chunk({}, "stop" if sent.call is None else "tool_calls")
    yield _data(None, {"id": "r", "choices": [], "usage": _openai_usage(sent)})
    yield b"data: [DONE]\n\n"


def _openai_usage(sent: Sent) -> dict[str, int]:
    given, made = sent.tokens
    return {"prompt_tokens": given, "completion_tokens": made, "total_tokens": given + made}


def _plain_openai(sent: Sent) -> bytes:
    message: dict[str, Any] = {"role": "assistant", "content": sent.text}
    if sent.call is not None:
        call = {"name": "note", "arguments": json.dumps(sent.call)}
        message["tool_calls"] = [{"id": "c", "type": "function", "function": call}]
    choice = {"index": 0, "message": message, "finish_reason": "stop" if sent.call is None else "tool_calls"}
    return json.dumps({"id": "r", "model": "m-1", "choices": [choice], "usage": _openai_usage(sent)}).encode()


def _spell_anthropic(sent: Sent, chance: random.Random) -> Iterator[bytes]:
    given, made = sent.tokens
    head: dict[str, Any] = {"id": "r", "type": "message", "role": "assistant", "model": "c-1", "content": []}
    yield _data(
        "message_start",
        {"type": "message_start", "message": {**head, "usage": {"input_tokens": given, "output_tokens": 1}}},
    )
    yield from _anthropic_block(0, {"type": "text", "text": ""}, "text_delta", "text", _pieces(sent.text))
    if chance.random() < 0.3:
        yield _data("ping", {"type": "ping"})
    if sent.call is not None:
        arguments = json.dumps(sent.call)
        use: dict[str, Any] = {"type": "tool_use", "id": "c", "name": "note", "input": {}}
        yield from _anthropic_block(1, use, "input_json_delta", "partial_json", [arguments[:3], arguments[3:]])
    reason = "end_turn" if sent.call is None else "tool_use"
    yield _data(
        "message_delta",
        {"type": "message_delta", "delta": {"stop_reason": reason}, "usage": {"output_tokens": made}},
    )
    yield _data("message_stop", {"type": "message_stop"})


def _anthropic_block(index: int, block: dict[str, Any], kind: str, field: str, pieces: list[str]) -> Iterator[bytes]:
    yield _data("content_block_start", {"type": "content_block_start", "index": index, "content_block": block})
    for piece in pieces:
        delta = {"type": kind, field: piece}
        yield _data("content_block_delta", {"type": "content_block_delta", "index": index, "delta": delta})
    yield _data("content_block_stop", {"type": "content_block_stop", "index": index})


def _plain_anthropic(sent: Sent) -> bytes:
    content: list[dict[str, Any]] = [{"type": "text", "text": sent.text}]
    if sent.call is not None:
        content.append({"type": "tool_use", "id": "c", "name": "note", "input": sent.call})
    given, made = sent.tokens
    answer = {"id": "r", "type": "message", "role": "assistant", "model": "c-1", "content": content}
    reason = "end_turn" if sent.call is None else "tool_use"
    usage = {"input_tokens": given, "output_tokens": made}
    return json.dumps({**answer, "stop_reason": reason, "usage": usage}).encode()


__all__ = ["Fault", "Line", "Network", "Sent"]
