"""A codec that passes the suite, to be broken in one place at a time, and the recordings that it passes it with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from tidewire.adapters.conformance import Recording
from tidewire.adapters.ndjson import NDJSONFramer
from tidewire.adapters.spec import Adapter, Codec, HttpRequest, ModelRequest, ToolSpec
from tidewire.adapters.status_errors import decode_excerpt, reported_error, status_error
from tidewire.events.blocks import JSONObject
from tidewire.events.errors import (
    ConfigurationError,
    OverloadedError,
    ResponseDecodeError,
    StreamInterruptedError,
    TidewireError,
)
from tidewire.events.messages import AIMessage, BaseMessage, ToolMessage
from tidewire.events.types import DecodedEvent, Finish, FinishReason, Meta, Reasoning, Token, ToolCallDelta, Usage

# Replies, streamed or plain: one of these a line. The first names the model, the last has `end`.
#
#   {"bird": "grey-1"}                          {"word": "Hel"}       {"thought": "Who?"}
#   {"trick": "fly", "number": 0, "id": "t1"}   {"number": 0, "how": "{\"far\":"}
#   {"heard": 5, "spoken": 1}                   {"fault": {"message": "…", "code": "tired"}}
#   {"end": "stop", "heard": 5, "spoken": 2}


class Line(msgspec.Struct):
    """A line of a reply."""

    bird: str | None = None
    word: str | None = None
    thought: str | None = None
    trick: str | None = None
    number: int | None = None
    id: str | None = None
    how: str | None = None
    heard: int | None = None
    spoken: int | None = None
    end: str | None = None
    fault: JSONObject | None = None


LINE = msgspec.json.Decoder(Line)
ROLES = {"system": "keeper", "human": "visitor", "ai": "parrot", "tool": "trick"}
FINISH: Mapping[str, FinishReason] = {"stop": "stop", "trick": "tool_calls", "breath": "length"}
BY_CODE = {"tired": OverloadedError}


class Decoder:
    """Reads a reply."""

    def __init__(self) -> None:
        self.framer = NDJSONFramer()
        self.done = False

    def feed(self, data: bytes) -> Iterator[DecodedEvent]:
        """Decode the bytes of one read."""
        if self.done:
            return
        for line in self.framer.feed(data):
            yield from self.read(self.decode(line))
            if self.done:
                return

    def close(self) -> Iterator[DecodedEvent]:
        """The body has ended."""
        if not self.done:
            raise StreamInterruptedError("the reply ended before its end was told")
        yield from ()

    def decode(self, line: bytes) -> Line:
        """A line's fields."""
        try:
            return LINE.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as wrong:
            raise ResponseDecodeError(f"not a line: {wrong}", excerpt=decode_excerpt(line)) from wrong

    def read(self, line: Line) -> Iterator[DecodedEvent]:
        """A line's events."""
        if line.fault is not None:
            raise reported_error(line.fault, by_code=BY_CODE)
        if line.bird is not None:
            yield Meta(model=line.bird)
        if line.thought:
            yield Reasoning(line.thought)
        if line.word:
            yield Token(line.word)
        if line.number is not None and (line.trick is not None or line.how):
            yield ToolCallDelta(line.how or "", line.number, line.id, line.trick)
        if line.heard is not None and line.spoken is not None:
            yield Usage(line.heard, line.spoken, line.heard + line.spoken)
        if line.end is not None:
            yield Finish(FINISH.get(line.end, "other"), line.end)
            self.done = True


class ParrotCodec:
    """The wire format ``parrot``."""

    name = "parrot"
    parameters = frozenset({"volume", "stop"})
    new_decoder = Decoder

    def encode(self, request: ModelRequest) -> HttpRequest:
        """The request."""
        body: JSONObject = {"model": request.model, "turns": [turn(message) for message in request.messages]}
        if request.output is not None:
            raise ConfigurationError("parrot has no output of a given form")
        if request.parallel_tool_calls is not None:
            raise ConfigurationError("parrot has no parallel_tool_calls")
        if request.tools:
            body["tricks"] = [trick(tool) for tool in request.tools]
        if request.tool_choice is not None:
            body["must"] = request.tool_choice
        body |= {**request.parameters, **request.extra_body}
        return HttpRequest(
            "POST", f"{request.base_url}/speak", {"content-type": "application/json"}, msgspec.json.encode(body)
        )

    def decoder(self, *, streamed: bool) -> Decoder:
        """A decoder for one reply."""
        return self.new_decoder()

    def error(self, status: int, headers: Mapping[str, str], body: bytes) -> TidewireError:
        """The error of a refusal."""
        return status_error(status, headers, body, by_code=BY_CODE, request_id=self.request_id(headers))

    def request_id(self, headers: Mapping[str, str]) -> str | None:
        """The id of the request."""
        return headers.get("x-parrot-id")


def turn(message: BaseMessage) -> JSONObject:
    """A message."""
    spelled: JSONObject = {"who": ROLES[message.type], "says": message.text}
    for block in message.content_blocks:
        if block["type"] not in ("text", "tool_call", "invalid_tool_call"):
            raise ConfigurationError(f"parrot has no {block['type']} blocks")
    if isinstance(message, AIMessage) and message.content_blocks:
        calls = [*message.tool_calls, *message.invalid_tool_calls]
        spelled["tricks"] = [{"id": call["id"], "trick": call["name"], "how": call["args"]} for call in calls]
    if isinstance(message, ToolMessage):
        spelled["id"] = message.tool_call_id
    return spelled


def trick(tool: object) -> JSONObject:
    """A tool."""
    if not isinstance(tool, ToolSpec):
        raise ConfigurationError("parrot has no tools of its own")
    return {"trick": tool.name, "about": tool.description, "how": tool.parameters}


def adapter_of(codec: Codec, **fields: Any) -> Adapter:
    """The adapter with this codec."""
    return msgspec.structs.replace(
        Adapter(
            provider="parrot",
            codec=codec,
            base_url="https://api.parrot.example",
            key_env=("PARROT_API_KEY",),
            key_header="x-parrot-key",
            key_prefix="",
        ),
        **fields,
    )


def lines(*said: JSONObject) -> bytes:
    """The bytes of a reply."""
    return b"".join(msgspec.json.encode(line) + b"\n" for line in said)


SAID: list[JSONObject] = [
    {"bird": "grey-1"},
    {"thought": "Who "},
    {"thought": "asks?"},
    {"word": "I am "},
    {"heard": 5, "spoken": 1},
    {"word": "a parrot. ü"},
    {"trick": "fly", "number": 0, "id": "t1"},
    {"number": 0, "how": '{"far":'},
    {"number": 0, "how": "true}"},
    {"trick": "sit", "number": 1, "id": "t2", "how": "{}"},
    {"end": "trick", "heard": 5, "spoken": 9},
]
PLAIN: list[JSONObject] = [
    {"bird": "grey-1"},
    {"thought": "Who asks?"},
    {"word": "I am a parrot. ü"},
    {"trick": "fly", "number": 0, "id": "t1", "how": '{"far":true}'},
    {"trick": "sit", "number": 1, "id": "t2", "how": "{}"},
    {"end": "trick", "heard": 5, "spoken": 9},
]
HOLDS: JSONObject = {
    "text": "I am a parrot. ü",
    "reasoning": "Who asks?",
    "tool_calls": [{"name": "fly", "args": {"far": True}, "id": "t1"}, {"name": "sit", "args": {}}],
    "finish": "tool_calls",
    "usage": Usage(5, 9, 14),
    "model": "grey-1",
}
FAULT: JSONObject = {"fault": {"message": "I am tired", "code": "tired"}}
REFUSED = msgspec.json.encode({"error": FAULT["fault"]})

RECORDINGS = (
    Recording(name="streamed", body=lines(*SAID), **HOLDS),
    Recording(name="plain", body=lines(*PLAIN), streamed=False, same_answer_as="streamed", **HOLDS),
    Recording(name="tired", body=lines(*SAID[:4], FAULT), text="I am ", reasoning="Who asks?", error=OverloadedError),
    Recording(name="refused", body=REFUSED, status=503, error=OverloadedError),
)

__all__ = [
    "FAULT",
    "HOLDS",
    "LINE",
    "PLAIN",
    "RECORDINGS",
    "SAID",
    "Decoder",
    "Line",
    "ParrotCodec",
    "adapter_of",
    "lines",
    "trick",
    "turn",
]
