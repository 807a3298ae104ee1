"""Ollama's own chat API from the server's side: reads requests, spells answers and errors.

Written from "Generate a chat completion", "List local models" and "Errors" of Ollama's API documentation and the types
of its Python client 0.6 (``ollama._types``), read 2026-11-25; it shares nothing with the client's codec, so that each
can find the other's faults. A call whose arguments are no JSON stays in the text, as with Ollama.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime

import msgspec

from tidewire.adapters.plan import Plan, joined, with_whole_calls
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
    json_reply,
    read_request,
    retry_headers,
)
from tidewire.events.blocks import JSON, JSONObject
from tidewire.events.tool_args import parse_arguments
from tidewire.events.types import DecodedEvent, Meta, Reasoning, Token, ToolCallDelta

# --- requests ---

_ROLES = ("system", "user", "assistant", "tool")


def _fields(body: JSONObject) -> JSONObject:
    if not body.get("model"):
        raise WrongRequestError("model is required")
    options: JSONObject = body.get("options") or {}
    stop = options.get("stop") or ()
    limit = options.get("num_predict")
    return {
        "model": body["model"],
        "messages": list(_messages(body.get("messages") or [])),
        "tools": [_tool(tool) for tool in body.get("tools") or ()],
        "output": _output(body.get("format")),
        "reasoning": bool(body.get("think")),
        # A negative limit is none.
        "max_tokens": None if isinstance(limit, int) and limit < 0 else limit,
        "stop": [stop] if isinstance(stop, str) else stop,
        "seed": options.get("seed") or 0,
        "logprobs": body.get("logprobs") or False,
        "top_logprobs": body.get("top_logprobs") or 0,
        "stream": body.get("stream") is not False,
    }


def _messages(turns: JSON) -> Iterator[SimMessage]:
    """The messages of a conversation.

    A call and its result may lack ids. Then the first result of a tool belongs to its first call, and so on.
    """
    if not is_array(turns):
        raise WrongRequestError("messages is an array")
    calls: Counter[str] = Counter()
    results: Counter[str] = Counter()
    for turn in turns:
        role = turn.get("role") if is_object(turn) else None
        if role not in _ROLES:
            raise WrongRequestError(f"invalid role: {role!r}")
        made: list[SimCall] = []
        for call in turn.get("tool_calls") or ():
            function = call["function"]
            if not is_object(function["arguments"]):
                raise WrongRequestError("the arguments of a tool call are an object")
            calls[function["name"]] += 1
            id = call.get("id") or f"{function['name']} {calls[function['name']]}"
            made.append(SimCall(function["name"], id, function["arguments"]))
        answered = None
        if role == "tool":
            name = turn.get("tool_name") or turn.get("name") or ""
            results[name] += 1
            answered = turn.get("tool_call_id") or f"{name} {results[name]}"
        media = ("images",) * len(turn.get("images") or ())
        yield SimMessage(role, turn.get("content") or "", media, tuple(made), answered)


def _tool(tool: JSON) -> SimTool:
    if not is_object(tool) or tool.get("type", "function") != "function":
        raise WrongRequestError(f"only tools of type 'function' are simulated, not {tool!r:.100}")
    function = tool["function"]
    return SimTool(function["name"], function.get("description") or "", function.get("parameters") or {})


def _output(form: JSON) -> SimOutput | None:
    if form is None or form == "":
        return None
    if form == "json":
        return SimOutput()
    if not is_object(form):
        raise WrongRequestError(f"invalid format: {form!r:.100}")
    return SimOutput(schema=form)


# --- answers ---


class _Spelling:
    """One answer, streamed or plain."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._calls = 0

    def frames(self) -> Iterator[Frame]:
        for step in with_whole_calls(self._plan):
            message: JSONObject = {"role": "assistant", "content": ""}
            for event in step.events:
                self._add(message, event)
            if len(message) > 2 or message["content"]:
                line = {**self._head(), "message": message, "done": False}
                logprobs = [entry for event in step.events if isinstance(event, Meta) for entry in event.logprobs or ()]
                yield Frame(_line(_probable(line, logprobs)), step.delay_s, step.tokens)
        yield Frame(_line(self._last({"role": "assistant", "content": ""})))

    def body(self) -> JSONObject:
        message: JSONObject = {"role": "assistant", "content": ""}
        logprobs: list[JSONObject] = []
        for event in joined(self._plan):
            self._add(message, event)
            logprobs.extend((event.logprobs or ()) if isinstance(event, Meta) else ())
        return _probable(self._last(message), logprobs)

    def _add(self, message: JSONObject, event: DecodedEvent) -> None:
        match event:
            case Token():
                message["content"] += event.text
            case Reasoning() if event.text:
                message["thinking"] = message.get("thinking", "") + event.text
            case ToolCallDelta():
                args = parse_arguments(event.args)
                if is_object(args):
                    function = {"index": self._calls, "name": event.name, "arguments": args}
                    message.setdefault("tool_calls", []).append({"id": event.id, "function": function})
                    self._calls += 1
                else:
                    message["content"] += event.args
            case _:
                pass

    def _head(self) -> JSONObject:
        return {"model": self._plan.model, "created_at": datetime.now(UTC).isoformat().replace("+00:00", "Z")}

    def _last(self, message: JSONObject) -> JSONObject:
        """The line that ends the answer, or is all of it. Times are in nanoseconds."""
        usage = self._plan.usage
        took = 1_000_000 + round(1e9 * sum(step.delay_s for step in self._plan.steps))
        return {
            **self._head(),
            "message": message,
            "done": True,
            "done_reason": "length" if self._plan.finish == "length" else "stop",
            "total_duration": took + 2_000_000,
            "load_duration": 1_000_000,
            "prompt_eval_count": usage.input_tokens,
            "prompt_eval_duration": 1_000_000,
            "eval_count": usage.output_tokens,
            "eval_duration": took,
        }


def _probable(line: JSONObject, logprobs: Sequence[JSONObject]) -> JSONObject:
    return {**line, "logprobs": logprobs} if logprobs else line


def _line(value: JSON) -> bytes:
    return msgspec.json.encode(value) + b"\n"


# --- the format ---


class OllamaApi:
    """The format ``ollama.chat``."""

    name = "ollama.chat"
    #: There are no signs of life in these streams; this is a piece with nothing in it.
    ping = _line({"message": {"role": "assistant", "content": ""}, "done": False})
    model_paths = frozenset({"/api/tags"})

    def answers(self, path: str) -> bool:
        """Whether a chat is continued there."""
        return path == "/api/chat"

    def recognises(self, path: str, headers: Mapping[str, str]) -> bool:
        """All paths of Ollama's own API begin alike."""
        return path.startswith("/api/")

    def key_of(self, headers: Mapping[str, str]) -> str | None:
        """The bearer token, which Ollama's cloud wants."""
        return bearer_of(headers)

    def read(self, received: Received) -> SimRequest | Fail:
        """The request, or a 400 that says what is wrong."""
        return read_request(_fields, received.body)

    def spell(self, received: Received, request: SimRequest, plan: Plan) -> HttpReply:
        """An answer: a line of JSON for each piece, the last one with ``"done": true``; or that one alone."""
        spelling = _Spelling(plan)
        if request.stream:
            return HttpReply(200, {"content-type": "application/x-ndjson"}, tuple(spelling.frames()), streamed=True)
        return json_reply(200, {"content-type": "application/json; charset=utf-8"}, spelling.body(), plan)

    def refuse(self, fail: Fail, request_id: str) -> HttpReply:
        """``{"error"}``."""
        return json_reply(fail.status, retry_headers(fail), {"error": error_message(fail)})

    def error_frame(self, fail: Fail, *, streamed: bool, place: int) -> bytes:
        """A line with the error, or the error in place of the body."""
        return _line({"error": error_message(fail)})

    def models(self, names: Sequence[str], request_id: str) -> HttpReply:
        """The list of models."""
        details = {"format": "gguf", "family": "tidewire", "parameter_size": "0B", "quantization_level": "Q4_0"}
        same: JSONObject = {"modified_at": "2026-11-25T00:00:00Z", "size": 1, "digest": "0" * 64, "details": details}
        return json_reply(200, {}, {"models": [{"name": name, "model": name, **same} for name in names]})


__all__ = ["OllamaApi"]
