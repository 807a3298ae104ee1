"""OpenAI's chat completions from the server's side: reads requests, spells answers and errors.

Written from the types of OpenAI's Python client 3.57 (``openai.types.chat``) and "Chat completions" of its API
reference, read 2026-11-25; it shares nothing with the client's codec, so that each can find the other's
faults. Reasoning goes into ``reasoning_content``, which is not OpenAI's own but what most compatible servers send.
Several answers (``n``) are the same one several times.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from tidewire.adapters.plan import Plan, joined
from tidewire.adapters.schema_check import is_array, is_object
from tidewire.adapters.script import Fail
from tidewire.adapters.sim_request import SimCall, SimMessage, SimOutput, SimRequest, SimRole, SimTool
from tidewire.adapters.simulator.api import (
    Frame,
    HttpReply,
    Received,
    WrongRequestError,
    event_stream,
    json_reply,
    read_request,
)
from tidewire.adapters.simulator.openai_http import OpenAIHttp, error_of, headers_of
from tidewire.events.blocks import JSON, JSONObject
from tidewire.events.types import DecodedEvent, FinishReason, Meta, Reasoning, Token, ToolCallDelta

# --- requests ---

_ROLES: Mapping[str, SimRole] = {
    "assistant": "assistant",
    "developer": "system",
    "function": "tool",
    "system": "system",
    "tool": "tool",
    "user": "user",
}
_TEXTS = {"text": "text", "input_text": "text", "refusal": "refusal"}


def _fields(body: JSONObject) -> JSONObject:
    model = body.get("model")
    messages = body.get("messages")
    if not isinstance(model, str):
        raise WrongRequestError("you must provide a model parameter")
    if not is_array(messages):
        raise WrongRequestError("'messages' must be an array")
    effort = body.get("reasoning_effort")
    reasoning = body.get("reasoning")
    stop = body.get("stop") or ()
    options: JSONObject = body.get("stream_options") or {}
    limit = body.get("max_completion_tokens")
    return {
        "model": model,
        "messages": [_message(message) for message in messages],
        "tools": [_tool(tool) for tool in body.get("tools") or ()],
        "tool_choice": _tool_choice(body.get("tool_choice")),
        "parallel_tool_calls": body.get("parallel_tool_calls"),
        "output": _output(body.get("response_format")),
        "reasoning": bool(effort and effort != "none")
        or (is_object(reasoning) and reasoning.get("enabled") is not False),
        "max_tokens": body.get("max_tokens") if limit is None else limit,
        "stop": [stop] if isinstance(stop, str) else stop,
        "seed": body.get("seed") or 0,
        "choices": body.get("n") or 1,
        "logprobs": body.get("logprobs") or False,
        "top_logprobs": body.get("top_logprobs") or 0,
        "stream": body.get("stream") or False,
        "stream_usage": options.get("include_usage") is True,
    }


def _message(message: JSON) -> SimMessage:
    if not is_object(message) or message.get("role") not in _ROLES:
        raise WrongRequestError(f"a message has one of the roles {', '.join(_ROLES)}")
    role = _ROLES[message["role"]]
    content = message.get("content")
    parts = [{"type": "text", "text": content}] if isinstance(content, str) else content or ()
    texts = [part[_TEXTS[part["type"]]] for part in parts if part["type"] in _TEXTS]
    media = [part["type"] for part in parts if part["type"] not in _TEXTS]
    if not parts and role != "assistant":
        raise WrongRequestError("'content' must not be null")
    calls = [
        SimCall(call["function"]["name"], call.get("id"), call["function"]["arguments"])
        for call in message.get("tool_calls") or ()
    ]
    return SimMessage(role, "".join(texts), tuple(media), tuple(calls), message.get("tool_call_id"))


def _tool(tool: JSON) -> SimTool:
    if not is_object(tool) or tool.get("type") != "function":
        raise WrongRequestError(f"only tools of type 'function' are simulated, not {tool!r:.100}")
    function = tool["function"]
    return SimTool(function["name"], function.get("description") or "", function.get("parameters") or {})


def _tool_choice(choice: JSON) -> JSON:
    if is_object(choice):
        if choice.get("type") != "function":
            raise WrongRequestError(f"the tool choice {choice!r:.100} is not simulated")
        return ("tool", choice["function"]["name"])
    return "any" if choice == "required" else choice or "auto"


def _output(form: JSON) -> SimOutput | None:
    kind = form.get("type") if is_object(form) else None
    match kind:
        case "json_schema" if "json_schema" in form:
            return SimOutput(schema=form["json_schema"].get("schema"), name=form["json_schema"]["name"])
        case "json_schema" | "json_object":
            # Hosts of open models take a schema here: "value" is HuggingFace's word for it, "schema" that of others.
            return SimOutput(schema=form.get("schema") or form.get("value"))
        case "text" | None:
            return None
        case _:
            raise WrongRequestError(f"the response format {kind!r} does not exist")


# --- answers ---

_FINISH: Mapping[FinishReason, str] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "content_filter": "content_filter",
    "refusal": "stop",
    "other": "stop",
}


class _Spelling:
    """One answer, streamed or plain."""

    def __init__(self, request: SimRequest, plan: Plan) -> None:
        self._request = request
        self._plan = plan
        self._text = "refusal" if plan.finish == "refusal" else "content"
        self._calls: dict[int | str | None, int] = {}
        self._same: JSONObject = {
            "id": f"chatcmpl-{plan.id}",
            "object": "chat.completion.chunk" if request.stream else "chat.completion",
            "created": int(time.time()),
            "model": plan.model,
            "service_tier": "default",
            "system_fingerprint": "fp_tidewire",
        }

    def frames(self) -> Iterator[Frame]:
        plan, request = self._plan, self._request
        first = None if plan.finish == "tool_calls" else ""
        yield from self._for_each_choice({"role": "assistant", "content": first, "refusal": None})
        for step in plan.steps:
            delta: JSONObject = {}
            for event in step.events:
                delta |= self._delta(event)
            logprobs = [entry for event in step.events if isinstance(event, Meta) for entry in event.logprobs or ()]
            if delta:
                yield from self._for_each_choice(delta, logprobs, delay_s=step.delay_s, tokens=step.tokens)
        yield from self._for_each_choice({}, finish=_FINISH[plan.finish])
        if request.stream_usage:
            yield _data({**self._same, "choices": [], "usage": self._usage()})
        yield Frame(b"data: [DONE]\n\n")

    def _for_each_choice(
        self,
        delta: JSONObject,
        logprobs: Sequence[JSONObject] = (),
        *,
        finish: str | None = None,
        delay_s: float = 0.0,
        tokens: int = 0,
    ) -> Iterator[Frame]:
        for index in range(self._request.choices):
            choice: JSONObject = {"index": index, "delta": delta, "logprobs": self._logprobs(logprobs)}
            chunk = {**self._same, "choices": [{**choice, "finish_reason": finish}]}
            if self._request.stream_usage:
                chunk["usage"] = None
            yield _data(chunk, 0.0 if index else delay_s, 0 if index else tokens)

    def _delta(self, event: DecodedEvent) -> JSONObject:
        match event:
            case Token():
                return {self._text: event.text}
            case Reasoning() if event.text:
                return {"reasoning_content": event.text}
            case ToolCallDelta():
                number = self._calls.setdefault(event.index, len(self._calls))
                if event.id is None:
                    return {"tool_calls": [{"index": number, "function": {"arguments": event.args}}]}
                function = {"name": event.name, "arguments": event.args}
                return {"tool_calls": [{"index": number, "id": event.id, "type": "function", "function": function}]}
            case _:
                return {}

    def body(self) -> JSONObject:
        message: JSONObject = {"role": "assistant", "content": None, "refusal": None, "annotations": []}
        logprobs: list[JSONObject] = []
        calls: list[JSONObject] = []
        for event in joined(self._plan):
            match event:
                case Token():
                    message[self._text] = (message[self._text] or "") + event.text
                case Reasoning():
                    message["reasoning_content"] = event.text
                case ToolCallDelta():
                    function = {"name": event.name, "arguments": event.args}
                    calls.append({"id": event.id, "type": "function", "function": function})
                case Meta():
                    logprobs.extend(event.logprobs or ())
                case _:
                    pass
        if calls:
            message["tool_calls"] = calls
        elif message["content"] is None and message["refusal"] is None:
            message["content"] = ""
        choice = {"message": message, "logprobs": self._logprobs(logprobs), "finish_reason": _FINISH[self._plan.finish]}
        choices = [{"index": index, **choice} for index in range(self._request.choices)]
        return {**self._same, "choices": choices, "usage": self._usage()}

    def _logprobs(self, entries: Sequence[JSONObject]) -> JSONObject | None:
        if not entries:
            return None
        return {"content": None, "refusal": None, self._text: entries}

    def _usage(self) -> JSONObject:
        usage = self._plan.usage
        made = usage.output_tokens * self._request.choices
        return {
            "prompt_tokens": usage.input_tokens,
            "completion_tokens": made,
            "total_tokens": usage.input_tokens + made,
            "prompt_tokens_details": {"cached_tokens": usage.cache_read or 0, "audio_tokens": usage.input_audio or 0},
            "completion_tokens_details": {
                "reasoning_tokens": usage.reasoning or 0,
                "audio_tokens": usage.output_audio or 0,
                "accepted_prediction_tokens": 0,
                "rejected_prediction_tokens": 0,
            },
        }


def _data(chunk: JSON, delay_s: float = 0.0, tokens: int = 0) -> Frame:
    return Frame(b"data: " + msgspec.json.encode(chunk) + b"\n\n", delay_s, tokens)


# --- the format ---


class OpenAIChatApi(OpenAIHttp):
    """The format ``openai.chat``."""

    name = "openai.chat"
    ping = b": still here\n\n"

    def answers(self, path: str) -> bool:
        """Whether a completion is made there: hosts of this format have paths of their own before the last two words,
        as HuggingFace's router has a provider's or a model's name.
        """
        return path.endswith("/chat/completions")

    def read(self, received: Received) -> SimRequest | Fail:
        """The request, or a 400 that says what is wrong."""
        return read_request(_fields, received.body)

    def spell(self, received: Received, request: SimRequest, plan: Plan) -> HttpReply:
        """An answer: server-sent events with ``[DONE]`` last, or one JSON object."""
        spelling = _Spelling(request, plan)
        headers = headers_of(received.request_id)
        if request.stream:
            return event_stream(headers, spelling.frames())
        return json_reply(200, headers, spelling.body(), plan)

    def error_frame(self, fail: Fail, *, streamed: bool, place: int) -> bytes:
        """The error object as a chunk of the stream, or in place of the body."""
        body: JSONObject = {"error": error_of(fail)}
        return _data(body).data if streamed else msgspec.json.encode(body)


__all__ = ["OpenAIChatApi"]
