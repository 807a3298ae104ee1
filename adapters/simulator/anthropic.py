"""Anthropic's Messages API from the server's side: reads requests, spells answers and errors.

Written from the types of Anthropic's Python client 2.14 (``anthropic.types``) and "Messages", "Streaming messages" and
"Errors" of its API reference, read 2026-11-25; it shares nothing with the client's codec, so that each can find the
other's faults.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from tidewire.adapters.plan import Plan, joined
from tidewire.adapters.schema_check import is_array, is_object
from tidewire.adapters.script import Fail
from tidewire.adapters.sim_request import SimCall, SimMessage, SimOutput, SimRequest, SimTool
from tidewire.adapters.simulator.api import (
    Frame,
    HttpReply,
    Received,
    WrongRequestError,
    bearer_of,
    error_message,
    event_stream,
    json_reply,
    named_event,
    read_request,
    retry_headers,
)
from tidewire.events.blocks import JSON, JSONObject
from tidewire.events.tool_args import parse_partial_arguments
from tidewire.events.types import DecodedEvent, FinishReason, Reasoning, Token, ToolCallDelta

# --- requests ---

_THINKING = frozenset({"thinking", "redacted_thinking"})


def _fields(body: JSONObject) -> JSONObject:
    for name in ("model", "max_tokens", "messages"):
        if body.get(name) is None:
            raise WrongRequestError(f"{name}: Field required")
    choice: JSONObject = body.get("tool_choice") or {}
    thinking: JSONObject = body.get("thinking") or {}
    config: JSONObject = body.get("output_config") or {}
    form: JSONObject | None = config.get("format") or body.get("output_format")
    system = body.get("system")
    messages = [message for turn in body["messages"] for message in _messages(turn)]
    if system:
        messages.insert(0, SimMessage("system", _texts(_blocks(system))))
    return {
        "model": body["model"],
        "messages": messages,
        "tools": [_tool(tool) for tool in body.get("tools") or ()],
        "tool_choice": ("tool", choice["name"]) if choice.get("type") == "tool" else choice.get("type", "auto"),
        "parallel_tool_calls": not choice["disable_parallel_tool_use"]
        if "disable_parallel_tool_use" in choice
        else None,
        "output": SimOutput(schema=form["schema"]) if form else None,
        "reasoning": thinking.get("type", "disabled") != "disabled",
        "max_tokens": body["max_tokens"],
        "stop": body.get("stop_sequences") or (),
        "stream": body.get("stream") or False,
    }


def _messages(turn: JSON) -> Iterator[SimMessage]:
    """The messages of a turn: results of tools are messages of their own."""
    if not is_object(turn) or turn.get("role") not in ("user", "assistant", "system"):
        raise WrongRequestError("messages: a turn is of the role 'user', 'assistant' or 'system'")
    if turn.get("content") is None:
        raise WrongRequestError("messages: content: Field required")
    rest: list[JSONObject] = []
    for block in _blocks(turn["content"]):
        if block["type"] == "tool_result":
            inner = _blocks(block.get("content") or "")
            failed = block.get("is_error") is True
            call = block["tool_use_id"]
            yield SimMessage("tool", _texts(inner), _media(inner), tool_call_id=call, failed=failed)
        else:
            rest.append(block)
    if rest:
        calls = [SimCall(call["name"], call["id"], call["input"]) for call in rest if call["type"] == "tool_use"]
        yield SimMessage(turn["role"], _texts(rest), _media(rest), tuple(calls))


def _blocks(content: JSON) -> list[JSONObject]:
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    if not is_array(content):
        raise WrongRequestError("content is a text or an array of blocks")
    return content


def _texts(blocks: Sequence[JSONObject]) -> str:
    return "".join(block["text"] for block in blocks if block["type"] == "text")


def _media(blocks: Sequence[JSONObject]) -> tuple[str, ...]:
    return tuple(block["type"] for block in blocks if block["type"] not in {"text", "tool_use", *_THINKING})


def _tool(tool: JSON) -> SimTool:
    if not is_object(tool) or tool.get("type", "custom") != "custom":
        raise WrongRequestError(f"tools: only the client's own tools are simulated, not {tool!r:.100}")
    return SimTool(tool["name"], tool.get("description") or "", tool["input_schema"])


# --- answers ---

_FINISH: Mapping[FinishReason, str] = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "content_filter": "refusal",
    "refusal": "refusal",
    "other": "pause_turn",
}


class _Spelling:
    """One answer, streamed or plain."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._open: int | str | None = None
        self._pinged = False

    def frames(self) -> Iterator[Frame]:
        plan = self._plan
        yield _event("message_start", message={**self._message([]), "usage": self._usage(1)})
        for step in plan.steps:
            delay_s, tokens = step.delay_s, step.tokens
            for event in step.events:
                for frame in self._spell(event):
                    yield Frame(frame.data, delay_s, frame.tokens and tokens)
                    delay_s = 0.0
        yield from self._close_block()
        delta = {"stop_reason": self._stop_reason(), "stop_sequence": plan.stop}
        yield _event("message_delta", delta=delta, usage=self._usage(plan.usage.output_tokens))
        yield _event("message_stop")

    def _spell(self, event: DecodedEvent) -> Iterator[Frame]:
        match event:
            case Token():
                yield from self._open_block(event.index, {"type": "text", "text": ""})
                yield self._delta({"type": "text_delta", "text": event.text})
            case Reasoning():
                yield from self._open_block(event.index, {"type": "thinking", "thinking": "", "signature": ""})
                if event.text:
                    yield self._delta({"type": "thinking_delta", "thinking": event.text})
                if event.signature is not None:
                    yield self._delta({"type": "signature_delta", "signature": event.signature})
            case ToolCallDelta():
                start: JSONObject = {"type": "tool_use", "id": event.id, "name": event.name, "input": {}}
                yield from self._open_block(event.index, start)
                yield self._delta({"type": "input_json_delta", "partial_json": event.args})
            case _:
                pass

    def _open_block(self, index: int | str | None, block: JSONObject) -> Iterator[Frame]:
        if self._open == index:
            return
        yield from self._close_block()
        self._open = index
        yield _event("content_block_start", index=index, content_block=block)
        if not self._pinged:
            self._pinged = True
            yield Frame(_PING)

    def _close_block(self) -> Iterator[Frame]:
        if self._open is not None:
            yield _event("content_block_stop", index=self._open)
            self._open = None

    def _delta(self, delta: JSONObject) -> Frame:
        frame = _event("content_block_delta", index=self._open, delta=delta)
        return Frame(frame.data, tokens=1)

    def body(self) -> JSONObject:
        content: list[JSONObject] = []
        for event in joined(self._plan):
            match event:
                case Token():
                    content.append({"type": "text", "text": event.text})
                case Reasoning():
                    content.append({"type": "thinking", "thinking": event.text, "signature": event.signature or ""})
                case ToolCallDelta():
                    args = parse_partial_arguments(event.args) or {}  # what was cut by a limit is filled up
                    content.append({"type": "tool_use", "id": event.id, "name": event.name, "input": args})
                case _:
                    pass
        message = self._message(content)
        message |= {"stop_reason": self._stop_reason(), "stop_sequence": self._plan.stop}
        return {**message, "usage": self._usage(self._plan.usage.output_tokens)}

    def _message(self, content: list[JSONObject]) -> JSONObject:
        return {
            "id": f"msg_{self._plan.id}",
            "type": "message",
            "role": "assistant",
            "model": self._plan.model,
            "content": content,
            "stop_reason": None,
            "stop_sequence": None,
        }

    def _stop_reason(self) -> str:
        return "stop_sequence" if self._plan.stop is not None else _FINISH[self._plan.finish]

    def _usage(self, made: int) -> JSONObject:
        usage = self._plan.usage
        cached, written = usage.cache_read or 0, usage.cache_creation or 0
        spelled: JSONObject = {
            "input_tokens": usage.input_tokens - cached - written,
            "cache_creation_input_tokens": written,
            "cache_read_input_tokens": cached,
            "output_tokens": made,
            "service_tier": "standard",
        }
        if usage.reasoning is not None and made >= usage.reasoning:
            spelled["output_tokens_details"] = {"thinking_tokens": usage.reasoning}
        return spelled


def _event(kind: str, **fields: JSON) -> Frame:
    return named_event(kind, {"type": kind, **fields})


_PING = b'event: ping\ndata: {"type": "ping"}\n\n'

# --- errors ---

#: What Anthropic calls its errors, by status.
_ERRORS: Mapping[int, str] = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}


def _error(fail: Fail) -> JSONObject:
    kind = fail.code or _ERRORS.get(fail.status, "api_error" if fail.status >= 500 else "invalid_request_error")
    return {"type": "error", "error": {"type": kind, "message": error_message(fail)}}


# --- the format ---


class AnthropicApi:
    """The format ``anthropic.messages``."""

    name = "anthropic.messages"
    ping = _PING
    model_paths = frozenset({"/v1/models"})

    def answers(self, path: str) -> bool:
        """Whether a message is made there."""
        return path == "/v1/messages"

    def recognises(self, path: str, headers: Mapping[str, str]) -> bool:
        """Anthropic's clients name the version of the API."""
        return "anthropic-version" in headers

    def key_of(self, headers: Mapping[str, str]) -> str | None:
        """The key, in either of the headers that Anthropic reads."""
        return headers.get("x-api-key") or bearer_of(headers)

    def read(self, received: Received) -> SimRequest | Fail:
        """The request, or a 400 that says what is wrong."""
        if "anthropic-version" not in received.headers:
            return Fail(status=400, message="anthropic-version: header is required")
        return read_request(_fields, received.body)

    def spell(self, received: Received, request: SimRequest, plan: Plan) -> HttpReply:
        """An answer: server-sent events from ``message_start`` to ``message_stop``, or one JSON object."""
        spelling = _Spelling(plan)
        headers = _headers(received.request_id)
        if request.stream:
            return event_stream(headers, spelling.frames())
        return json_reply(200, headers, spelling.body(), plan)

    def refuse(self, fail: Fail, request_id: str) -> HttpReply:
        """``{"type": "error", "error": {"type", "message"}, "request_id"}``."""
        headers = {**_headers(request_id), **retry_headers(fail)}
        return json_reply(fail.status, headers, {**_error(fail), "request_id": request_id})

    def error_frame(self, fail: Fail, *, streamed: bool, place: int) -> bytes:
        """The error object as an event of the stream, or in place of the body."""
        return named_event("error", _error(fail)).data if streamed else msgspec.json.encode(_error(fail))

    def models(self, names: Sequence[str], request_id: str) -> HttpReply:
        """The list of models."""
        same = {"type": "model", "created_at": "2023-11-14T22:13:20Z", "lifecycle": "active"}
        data = [{**same, "id": name, "display_name": name} for name in names]
        ends = {"first_id": names[0] if names else None, "last_id": names[-1] if names else None}
        return json_reply(200, _headers(request_id), {"data": data, "has_more": False, **ends})


def _headers(request_id: str) -> dict[str, str]:
    limits = {"input-tokens": 2_000_000, "output-tokens": 400_000, "requests": 4000, "tokens": 2_400_000}
    headers = {"request-id": request_id}
    for what, limit in limits.items():
        headers[f"anthropic-ratelimit-{what}-limit"] = str(limit)
        headers[f"anthropic-ratelimit-{what}-remaining"] = str(limit - 1)
        headers[f"anthropic-ratelimit-{what}-reset"] = "2030-01-01T00:00:00Z"
    return headers


__all__ = ["AnthropicApi"]
