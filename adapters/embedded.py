"""Embedded: a provider without key and network, for examples, demos and tests. It is a stand-in and no language model.

Its wire format is its own. A request is :class:`~tidewire.adapters.sim_request.SimRequest` as JSON. A reply, streamed
or not, is newline-delimited JSON: each line an event of :mod:`tidewire.events.types` by the name of its type, and last
``{"type": "done"}``. An error inside it is ``{"type": "error", "error": {"message", "code", "status"}}``.

    embedded             the format as the client spells and reads it, and the adapter
    embedded_transport   the server's side, in process
    brain                what is answered; script, for answers that are told in advance
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import msgspec

from tidewire.adapters.embedded_transport import EmbeddedTransport
from tidewire.adapters.ndjson import NDJSONFramer
from tidewire.adapters.schema_check import is_object
from tidewire.adapters.script import FAIL_KINDS, Call, Fail, FailKind, Pace, Reply, Script, Turn
from tidewire.adapters.sim_request import SimCall, SimMessage, SimOutput, SimRequest, SimRole, SimTool
from tidewire.adapters.spec import Adapter, Decoder, HttpRequest, ModelRequest, NativeTool, Transport
from tidewire.adapters.status_errors import decode_excerpt, reported_error, status_error
from tidewire.events.blocks import JSON, JSONObject
from tidewire.events.errors import (
    APIStatusError,
    ConfigurationError,
    ContentFilterError,
    ContextWindowExceededError,
    QuotaExceededError,
    ResponseDecodeError,
    StreamInterruptedError,
    TidewireError,
)
from tidewire.events.messages import AIMessage, BaseMessage, ToolMessage
from tidewire.events.types import DecodedEvent, WarningEvent

# --- what we read ---


class _Done(msgspec.Struct, tag="done"):
    pass


class _Failed(msgspec.Struct, tag="error"):
    error: JSON


_decode_line: Callable[[bytes], DecodedEvent | _Done | _Failed] = msgspec.json.Decoder(
    DecodedEvent | _Done | _Failed
).decode

# --- encode ---

#: Taken as they are under the same name.
_SAME = ("first_token_s", "logprobs", "max_tokens", "seed", "tokens_per_second", "top_logprobs")
#: Taken so that code written for another provider runs here; a stand-in does not sample.
_WITHOUT_EFFECT = ("frequency_penalty", "metadata", "presence_penalty", "temperature", "top_k", "top_p", "user")

_ROLES: Mapping[str, SimRole] = {"system": "system", "human": "user", "ai": "assistant", "tool": "tool"}
_NO_MEDIA = frozenset({"text", "reasoning", "tool_call", "invalid_tool_call"})


class EmbeddedCodec:
    """The wire format ``embedded``."""

    name = "embedded"
    parameters = frozenset({*_SAME, *_WITHOUT_EFFECT, "n", "reasoning", "reasoning_effort", "stop", "thinking"})

    def encode(self, request: ModelRequest) -> HttpRequest:
        """The request. ``n`` above 1 is answered once, with a warning.

        Raises:
            ConfigurationError: A parameter has a value of the wrong type, or a tool is one that only a provider runs.
        """
        given = request.parameters
        fields: JSONObject = {name: given[name] for name in _SAME if name in given}
        stop = given.get("stop", ())
        fields |= {
            "model": request.model,
            "messages": [_message(message) for message in request.messages],
            "tools": [_tool(tool) for tool in request.tools],
            "tool_choice": request.tool_choice or "auto",
            "parallel_tool_calls": request.parallel_tool_calls,
            "output": request.output and SimOutput(schema=request.output.schema, name=request.output.name),
            "reasoning": _wants_reasoning(given),
            "stop": [stop] if isinstance(stop, str) else stop,
            "stream": request.stream,
            "stream_usage": request.stream_usage,
        }
        try:
            spelled = msgspec.convert(fields, SimRequest, from_attributes=True)
        except msgspec.ValidationError as error:
            raise ConfigurationError(f"the embedded provider cannot read the request: {error}") from error
        body = {**msgspec.to_builtins(spelled), **request.extra_body}
        warnings = (_ONE_ANSWER,) if given.get("n", 1) != 1 else ()
        headers = {"content-type": "application/json"}
        return HttpRequest("POST", f"{request.base_url}/chat", {**headers}, msgspec.json.encode(body), warnings)

    def decoder(self, *, streamed: bool) -> Decoder:
        """A decoder for one reply; streamed or not, it is read alike."""
        return _EmbeddedDecoder()

    def error(self, status: int, headers: Mapping[str, str], body: bytes) -> TidewireError:
        """The error that a refused request stands for."""
        return status_error(status, headers, body, by_code=_BY_CODE, request_id=self.request_id(headers))

    def request_id(self, headers: Mapping[str, str]) -> str | None:
        """The id of the request."""
        return headers.get("x-request-id")


_ONE_ANSWER = WarningEvent(code="n_ignored", text="the embedded provider gives one answer, whatever n says")


def _message(message: BaseMessage) -> SimMessage:
    media = tuple(block["type"] for block in message.content_blocks if block["type"] not in _NO_MEDIA)
    role = _ROLES[message.type]
    if isinstance(message, AIMessage):
        calls = tuple(SimCall(call["name"], call["id"], call["args"]) for call in message.tool_calls)
        return SimMessage(role, message.text, media, calls)
    if isinstance(message, ToolMessage):
        failed = message.status == "error"
        return SimMessage(role, message.text, media, tool_call_id=message.tool_call_id, failed=failed)
    return SimMessage(role, message.text, media)


def _tool(tool: object) -> SimTool:
    if isinstance(tool, NativeTool):
        raise ConfigurationError(f"the embedded provider runs no tools of its own: {tool.definition!r:.200}")
    return msgspec.convert(tool, SimTool, from_attributes=True)


def _wants_reasoning(parameters: JSONObject) -> bool:
    """Whether one of the field's words for it asks for reasoning."""
    thinking = parameters.get("thinking")
    if is_object(thinking):
        thinking = thinking.get("type") != "disabled"
    effort = parameters.get("reasoning_effort")
    reasoning = parameters.get("reasoning")
    if is_object(reasoning):
        reasoning = reasoning.get("effort") != "none" and reasoning.get("enabled") is not False
    return bool(thinking or (effort and effort != "none") or reasoning)


# --- decode ---


class _EmbeddedDecoder:
    def __init__(self) -> None:
        self._framer = NDJSONFramer()
        self.done = False

    def feed(self, data: bytes) -> Iterator[DecodedEvent]:
        if self.done:
            return
        for line in self._framer.feed(data):
            yield from self._read(line)
            if self.done:
                return

    def close(self) -> Iterable[DecodedEvent]:
        if not self.done:
            raise StreamInterruptedError("the answer of the embedded provider broke off: its last line is missing")
        return ()

    def _read(self, line: bytes) -> Iterator[DecodedEvent]:
        try:
            event = _decode_line(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise ResponseDecodeError(
                f"a line of the embedded provider cannot be read: {error}", excerpt=decode_excerpt(line)
            ) from error
        match event:
            case _Done():
                self.done = True
            case _Failed():
                raise reported_error(event.error, by_code=_BY_CODE, body=line.decode("utf-8", "replace"))
            case _:
                yield event


# --- errors ---

_BY_CODE: Mapping[str, type[APIStatusError]] = {
    "content_filter": ContentFilterError,
    "context_length_exceeded": ContextWindowExceededError,
    "insufficient_quota": QuotaExceededError,
}


# --- the adapter ---


def embedded_adapter(script: Script = (), *, pace: Pace | None = None) -> Adapter:
    """An embedded provider of one's own.

    Args:
        script: What it says: replies that are used up in order, or a function of the request. All models that are made
            with this adapter share it.
        pace: How fast it speaks; as fast as it is read by default.
    """

    def transport() -> Transport:
        return carrier

    def configure(keywords: dict[str, Any]) -> tuple[Adapter, dict[str, Any]]:
        """Take ``script`` and ``pace`` out of the keywords that a model is made with."""
        rest = dict(keywords)
        own_script, own_pace = rest.pop("script", None), rest.pop("pace", None)
        if own_pace is not None and not isinstance(own_pace, Pace):
            raise ConfigurationError(
                f"pace must be a Pace(first_token_s=…, tokens_per_second=…), not {own_pace!r:.100}"
            )
        if own_script is None and own_pace is None:
            return adapter, rest
        return embedded_adapter(() if own_script is None else own_script, pace=own_pace), rest

    carrier = EmbeddedTransport(script, pace)
    adapter = Adapter(
        provider="embedded",
        codec=EmbeddedCodec(),
        base_url="embedded://here",
        key_required=False,
        class_name="ChatEmbedded",
        transport=transport,
        configure=configure,
    )
    return adapter


ADAPTER = embedded_adapter()

__all__ = [
    "ADAPTER",
    "FAIL_KINDS",
    "Call",
    "EmbeddedCodec",
    "Fail",
    "FailKind",
    "Pace",
    "Reply",
    "Script",
    "SimCall",
    "SimMessage",
    "SimOutput",
    "SimRequest",
    "SimTool",
    "Turn",
    "embedded_adapter",
]
