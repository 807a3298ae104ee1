"""OpenAI's Responses API from the server's side: reads requests, spells answers and errors.

Written from the types of OpenAI's Python client 3.57 (``openai.types.responses``) and "Responses", "Streaming events"
and "Reasoning models" of its API reference, read 2026-11-25; it shares nothing with the client's codec, so that each
can find the other's faults. Nothing is stored: ``previous_response_id`` is taken and given back, and that is all.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from tidewire.adapters.plan import Plan, Step
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
    named_event,
    read_request,
)
from tidewire.adapters.simulator.openai_http import OpenAIHttp, error_of, headers_of
from tidewire.events.blocks import JSON, JSONObject
from tidewire.events.types import FinishReason, Meta, Reasoning, Token, ToolCallDelta

# --- requests ---

_ROLES: Mapping[str, SimRole] = {
    "assistant": "assistant",
    "developer": "system",
    "system": "system",
    "user": "user",
}
_TEXTS = {"input_text": "text", "output_text": "text", "refusal": "refusal"}
_SUMMARIES = ("summary", "generate_summary")
#: Items of an earlier answer that say nothing to the stand-in.
_UNHEARD = frozenset({"reasoning", "item_reference", "compaction"})


def _fields(body: JSONObject) -> JSONObject:
    if not isinstance(body.get("model"), str):
        raise WrongRequestError("Missing required parameter: 'model'.")
    given = body.get("input")
    if given is None:
        raise WrongRequestError("Missing required parameter: 'input'.")
    messages = [SimMessage("user", given)] if isinstance(given, str) else list(_messages(given))
    if body.get("instructions"):
        messages.insert(0, SimMessage("system", body["instructions"]))
    reasoning: JSONObject = body.get("reasoning") or {}
    effort = reasoning.get("effort")
    text: JSONObject = body.get("text") or {}
    return {
        "model": body["model"],
        "messages": messages,
        "tools": [_tool(tool) for tool in body.get("tools") or ()],
        "tool_choice": _tool_choice(body.get("tool_choice")),
        "parallel_tool_calls": body.get("parallel_tool_calls"),
        "output": _output(text.get("format")),
        "reasoning": bool(effort and effort != "none") or _is_summarised(body),
        "max_tokens": body.get("max_output_tokens"),
        "logprobs": "message.output_text.logprobs" in _included(body),
        "top_logprobs": body.get("top_logprobs") or 0,
        "stream": body.get("stream") or False,
    }


def _included(body: JSONObject) -> Sequence[str]:
    return body.get("include") or ()


def _messages(items: JSON) -> Iterator[SimMessage]:
    """The messages of a conversation: calls and their results are messages of their own."""
    if not is_array(items):
        raise WrongRequestError("Invalid type for 'input': expected a text or an array of items.")
    for item in items:
        if not is_object(item):
            raise WrongRequestError("Invalid type for 'input': an item is an object.")
        match item.get("type", "message"):
            case "message":
                yield _message(item)
            case "function_call":
                yield SimMessage("assistant", tool_calls=(SimCall(item["name"], item["call_id"], item["arguments"]),))
            case "function_call_output":
                text, media = _parts(item["output"])
                yield SimMessage("tool", text, media, tool_call_id=item["call_id"])
            case kind if kind in _UNHEARD:
                pass
            case kind:
                raise WrongRequestError(f"Invalid value: {kind!r}: items of this type are not simulated.")


def _message(item: JSONObject) -> SimMessage:
    if item.get("role") not in _ROLES:
        raise WrongRequestError(f"Invalid value: a message has one of the roles {', '.join(_ROLES)}.")
    text, media = _parts(item["content"])
    return SimMessage(_ROLES[item["role"]], text, media)


def _parts(content: JSON) -> tuple[str, tuple[str, ...]]:
    """The text of a content, and the types of what else it holds."""
    if isinstance(content, str):
        return content, ()
    texts = [part[_TEXTS[part["type"]]] for part in content if part["type"] in _TEXTS]
    return "".join(texts), tuple(part["type"] for part in content if part["type"] not in _TEXTS)


def _tool(tool: JSON) -> SimTool:
    if not is_object(tool) or tool.get("type") != "function":
        raise WrongRequestError(f"only tools of type 'function' are simulated, not {tool!r:.100}")
    return SimTool(tool["name"], tool.get("description") or "", tool.get("parameters") or {})


def _tool_choice(choice: JSON) -> JSON:
    if is_object(choice):
        if choice.get("type") != "function":
            raise WrongRequestError(f"the tool choice {choice!r:.100} is not simulated")
        return ("tool", choice["name"])
    return "any" if choice == "required" else choice or "auto"


def _output(form: JSON) -> SimOutput | None:
    kind = form.get("type") if is_object(form) else None
    match kind:
        case "json_schema":
            return SimOutput(schema=form["schema"], name=form["name"])
        case "json_object":
            return SimOutput()
        case "text" | None:
            return None
        case _:
            raise WrongRequestError(f"the text format {kind!r} does not exist")


# --- answers ---

#: Why an answer is not complete.
_INCOMPLETE: Mapping[FinishReason, str] = {"length": "max_output_tokens", "content_filter": "content_filter"}

#: Fields of the request that an answer repeats, with what they are when they are not given.
_REPEATED: JSONObject = {
    "background": False,
    "instructions": None,
    "max_output_tokens": None,
    "max_tool_calls": None,
    "metadata": {},
    "parallel_tool_calls": True,
    "previous_response_id": None,
    "prompt_cache_key": None,
    "safety_identifier": None,
    "store": True,
    "temperature": 1.0,
    "tool_choice": "auto",
    "tools": [],
    "top_logprobs": 0,
    "top_p": 1.0,
    "truncation": "disabled",
    "user": None,
}


class _Kind(msgspec.Struct, frozen=True):
    """How one kind of output item is spelled.

    Attributes:
        prefix: How its id begins.
        item: The item as it begins.
        words: Its text comes in events ``response.<words>.delta``; without words none of it is told.
        field: Where the text stands, in the end.
        part: The part that holds the text; None if the item itself does.
        parts: The item's field for parts.
        part_events: Parts begin and end with events ``response.<part_events>.added`` and ``.done``.
    """

    prefix: str
    item: JSONObject
    words: str = ""
    field: str = "text"
    part: JSONObject | None = None
    parts: str = "content"
    part_events: str = "content_part"


_MESSAGE: JSONObject = {"type": "message", "status": "in_progress", "content": [], "role": "assistant"}
_TEXT_PART: JSONObject = {"type": "output_text", "annotations": [], "logprobs": [], "text": ""}
_TEXT = _Kind("msg", _MESSAGE, "output_text", part=_TEXT_PART)
_REFUSAL = _Kind("msg", _MESSAGE, "refusal", "refusal", {"type": "refusal", "refusal": ""})
_REASONING: JSONObject = {"type": "reasoning", "summary": []}
_SUMMARY_PART: JSONObject = {"type": "summary_text", "text": ""}
_SUMMARISED = _Kind(
    "rs", _REASONING, "reasoning_summary_text", "text", _SUMMARY_PART, "summary", "reasoning_summary_part"
)
_HIDDEN = _Kind("rs", _REASONING)
_CALL = _Kind(
    "fc", {"type": "function_call", "status": "in_progress", "arguments": ""}, "function_call_arguments", "arguments"
)


class _Spelling:
    """One answer as a stream of events; the plain answer is the response in the last of them."""

    def __init__(self, body: JSONObject, plan: Plan) -> None:
        self._body = body
        self._plan = plan
        self._created = int(time.time())
        self._events = 0
        self._output: list[JSONObject] = []
        self._open: tuple[int | str | None, _Kind, JSONObject] | None = None
        self._pieces: list[str] = []
        self._logprobs: list[JSONObject] = []
        #: The whole response, once all frames are made.
        self.response: JSONObject = {}

    def frames(self) -> Iterator[Frame]:
        begun = self._response("in_progress")
        yield self._event("response.created", response=begun)
        yield self._event("response.in_progress", response=begun)
        owed_s = 0.0  # thoughts that are not told take their time too
        for step in self._plan.steps:
            owed_s += step.delay_s
            for frame in self._step(step):
                yield Frame(frame.data, owed_s, frame.tokens and step.tokens)
                owed_s = 0.0
        reason = _INCOMPLETE.get(self._plan.finish)
        status = "completed" if reason is None else "incomplete"
        yield from self._close(status)
        self.response = self._response(status, reason)
        yield self._event(f"response.{status}", response=self.response)

    def _step(self, step: Step) -> Iterator[Frame]:
        logprobs = [entry for event in step.events if isinstance(event, Meta) for entry in event.logprobs or ()]
        for event in step.events:
            match event:
                case Token():
                    yield from self._in(event.index, _REFUSAL if self._plan.finish == "refusal" else _TEXT)
                    yield self._delta(event.text, logprobs)
                case Reasoning():
                    yield from self._in(event.index, _SUMMARISED if _is_summarised(self._body) else _HIDDEN)
                    if event.text and _is_summarised(self._body):
                        yield self._delta(event.text)
                    if event.signature is not None and "reasoning.encrypted_content" in _included(self._body):
                        self._item["encrypted_content"] = event.signature
                case ToolCallDelta():
                    yield from self._in(event.index, _CALL, {"call_id": event.id, "name": event.name})
                    if event.args:
                        yield self._delta(event.args)
                case _:
                    pass

    @property
    def _item(self) -> JSONObject:
        assert self._open is not None
        return self._open[2]

    def _in(self, index: int | str | None, kind: _Kind, fields: JSONObject | None = None) -> Iterator[Frame]:
        """Make this item the open one."""
        if self._open is not None and self._open[0] == index:
            return
        yield from self._close("completed")
        item = {"id": f"{kind.prefix}_{self._plan.id}{len(self._output)}", **kind.item, **(fields or {})}
        self._open = index, kind, item
        yield self._event("response.output_item.added", output_index=len(self._output), item=item)
        if kind.part is not None:
            yield self._in_item(f"{kind.part_events}.added", part=kind.part)

    def _close(self, status: str) -> Iterator[Frame]:
        """End the open item, if there is one."""
        if self._open is None:
            return
        _, kind, item = self._open
        text, logprobs = "".join(self._pieces), {"logprobs": self._logprobs} if kind is _TEXT else {}
        if kind.words:
            yield self._in_item(f"{kind.words}.done", **{kind.field: text}, **logprobs)
        if kind.part is not None:
            part = {**kind.part, kind.field: text, **logprobs}
            yield self._in_item(f"{kind.part_events}.done", part=part)
            item[kind.parts] = [part]
        elif kind.words:
            item[kind.field] = text
        if "status" in item:
            item["status"] = status
        yield self._event("response.output_item.done", output_index=len(self._output), item=item)
        self._output.append(item)
        self._open, self._pieces, self._logprobs = None, [], []

    def _delta(self, text: str, logprobs: Sequence[JSONObject] = ()) -> Frame:
        assert self._open is not None
        kind = self._open[1]
        self._pieces.append(text)
        self._logprobs.extend(logprobs)
        fields: JSONObject = {"logprobs": logprobs} if kind is _TEXT else {}
        return msgspec.structs.replace(self._in_item(f"{kind.words}.delta", delta=text, **fields), tokens=1)

    def _in_item(self, what: str, **fields: JSON) -> Frame:
        """An event within the open item."""
        assert self._open is not None
        _, kind, item = self._open
        where = {"item_id": item["id"], "output_index": len(self._output)}
        if kind.part is not None:
            where[f"{kind.parts}_index"] = 0
        return self._event(f"response.{what}", **where, **fields)

    def _event(self, kind: str, **fields: JSON) -> Frame:
        frame = named_event(kind, {"type": kind, "sequence_number": self._events, **fields})
        self._events += 1
        return frame

    def _response(self, status: str, reason: str | None = None) -> JSONObject:
        body, plan = self._body, self._plan
        reasoning: JSONObject = body.get("reasoning") or {}
        return {
            "id": f"resp_{plan.id}",
            "object": "response",
            "created_at": self._created,
            "status": status,
            "error": None,
            "incomplete_details": None if reason is None else {"reason": reason},
            "model": plan.model,
            "output": list(self._output),
            "reasoning": {"effort": reasoning.get("effort"), "summary": reasoning.get("summary")},
            "service_tier": "default",
            "text": {"format": {"type": "text"}, "verbosity": "medium", **(body.get("text") or {})},
            "usage": None if status == "in_progress" else self._usage(),
            **{name: value if body.get(name) is None else body[name] for name, value in _REPEATED.items()},
        }

    def _usage(self) -> JSONObject:
        usage = self._plan.usage
        return {
            "input_tokens": usage.input_tokens,
            "input_tokens_details": {
                "cached_tokens": usage.cache_read or 0,
                "cache_write_tokens": usage.cache_creation or 0,
            },
            "output_tokens": usage.output_tokens,
            "output_tokens_details": {"reasoning_tokens": usage.reasoning or 0},
            "total_tokens": usage.input_tokens + usage.output_tokens,
        }


def _is_summarised(body: JSONObject) -> bool:
    reasoning: JSONObject = body.get("reasoning") or {}
    return any(reasoning.get(name) for name in _SUMMARIES)


# --- the format ---


class OpenAIResponsesApi(OpenAIHttp):
    """The format ``openai.responses``."""

    name = "openai.responses"
    ping = b": still here\n\n"

    def answers(self, path: str) -> bool:
        """Whether a response is made there."""
        return path in ("/v1/responses", "/responses")

    def read(self, received: Received) -> SimRequest | Fail:
        """The request, or a 400 that says what is wrong."""
        return read_request(_fields, received.body)

    def spell(self, received: Received, request: SimRequest, plan: Plan) -> HttpReply:
        """An answer: server-sent events from ``response.created`` on, or the response in the last of them."""
        spelling = _Spelling(received.body, plan)
        headers = headers_of(received.request_id)
        frames = tuple(spelling.frames())
        return event_stream(headers, frames) if request.stream else json_reply(200, headers, spelling.response, plan)

    def error_frame(self, fail: Fail, *, streamed: bool, place: int) -> bytes:
        """An ``error`` event, with its object inside as the API sends it; or the object in place of the body."""
        if not streamed:
            return msgspec.json.encode({"error": error_of(fail)})
        return named_event("error", {"type": "error", "sequence_number": place, "error": error_of(fail)}).data


__all__ = ["OpenAIResponsesApi"]
