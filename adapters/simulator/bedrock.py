"""AWS Bedrock's Converse API from the server's side: reads requests, spells answers and errors.

Written from botocore's model of the service ``bedrock-runtime``, "Converse", "ConverseStream" and "Common errors" of
the Amazon Bedrock API reference, read 2026-11-25; it shares nothing with the client's codec, so that each can find the
other's faults. A signature is not verified: its access key id counts as the key of the request, as a bearer key does.
"""

from __future__ import annotations

import re
import string
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
    json_reply,
    read_request,
    retry_headers,
)
from tidewire.adapters.simulator.eventstream_bytes import change_payload, event_frame, exception_frame
from tidewire.events.blocks import JSON, JSONObject
from tidewire.events.tool_args import parse_partial_arguments
from tidewire.events.types import DecodedEvent, FinishReason, Reasoning, Token, ToolCallDelta

# --- requests ---

_PATH = re.compile(r"/model/(?P<model>.+)/converse(?P<stream>-stream)?")
#: Blocks without a word for the stand-in.
_UNHEARD = frozenset({"cachePoint", "reasoningContent"})
#: Under these names of ``additionalModelRequestFields`` the families of models are told to think.
_THINKING = ("thinking", "reasoning", "reasoning_config", "reasoning_effort", "reasoningConfig")
_OFF = ("disabled", "none")


def _fields(body: JSONObject, model: str, stream: bool) -> JSONObject:
    config: JSONObject = body.get("inferenceConfig") or {}
    tools: JSONObject = body.get("toolConfig") or {}
    more: JSONObject = body.get("additionalModelRequestFields") or {}
    messages = [message for turn in body.get("messages") or () for message in _messages(turn)]
    if not tools and any(message.tool_calls or message.role == "tool" for message in messages):
        raise WrongRequestError(
            "The toolConfig field must be defined when using toolUse and toolResult content blocks."
        )
    if body.get("system"):
        messages.insert(0, SimMessage("system", _texts(body["system"])))
    return {
        "model": model,
        "messages": messages,
        "tools": [_tool(tool) for tool in tools.get("tools") or () if "cachePoint" not in tool],
        "tool_choice": _tool_choice(tools.get("toolChoice")),
        "output": _output(body.get("outputConfig") or {}),
        "reasoning": any(_is_on(more[name]) for name in _THINKING if name in more),
        "max_tokens": config.get("maxTokens"),
        "stop": config.get("stopSequences") or (),
        "stream": stream,
    }


def _is_on(thinking: JSON) -> bool:
    """Whether a word, or an object with a type or an effort, tells a model to think."""
    return (thinking.get("type") or thinking.get("effort") if is_object(thinking) else thinking) not in _OFF


def _messages(turn: JSON) -> Iterator[SimMessage]:
    """The messages of a turn: results of tools are messages of their own."""
    if not is_object(turn) or turn.get("role") not in ("user", "assistant", "system"):
        raise WrongRequestError("a turn is of the role 'user', 'assistant' or 'system'")
    content = turn.get("content")
    if not is_array(content) or not content:
        raise WrongRequestError("The content field in the Message object is empty.")
    rest: list[JSONObject] = []
    for block in content:
        if len(block) != 1:
            raise WrongRequestError(f"a content block has one member, not {sorted(block)}")
        if "text" in block and not block["text"].strip():
            raise WrongRequestError("The text field in the ContentBlock object is blank.")
        if "toolResult" in block:
            result = block["toolResult"]
            inner: list[JSONObject] = result["content"]
            failed = result.get("status") == "error"
            yield SimMessage("tool", _texts(inner), _media(inner), tool_call_id=result["toolUseId"], failed=failed)
        else:
            rest.append(block)
    if rest:
        used = [block["toolUse"] for block in rest if "toolUse" in block]
        calls = tuple(SimCall(use["name"], use["toolUseId"], use["input"]) for use in used)
        yield SimMessage(turn["role"], _texts(rest), _media(rest), calls)


def _texts(blocks: Sequence[JSONObject]) -> str:
    told: list[str] = []
    for block in blocks:
        match block:
            case {"text": text}:
                told.append(text)
            case {"json": value}:
                told.append(msgspec.json.encode(value).decode())
            case _:
                pass
    return "".join(told)


def _media(blocks: Sequence[JSONObject]) -> tuple[str, ...]:
    return tuple(kind for block in blocks for kind in block if kind not in {"text", "json", "toolUse", *_UNHEARD})


def _tool(tool: JSONObject) -> SimTool:
    if "toolSpec" not in tool:
        raise WrongRequestError(f"only the client's own tools are simulated, not {tool!r:.100}")
    spec = tool["toolSpec"]
    return SimTool(spec["name"], spec.get("description") or "", spec["inputSchema"]["json"])


def _tool_choice(choice: JSON) -> JSON:
    match choice:
        case None | {"auto": _}:
            return "auto"
        case {"any": _}:
            return "any"
        case {"tool": {"name": name}}:
            return ("tool", name)
        case _:
            raise WrongRequestError(f"the tool choice {choice!r:.100} does not exist")


def _output(config: JSONObject) -> SimOutput | None:
    form = config.get("textFormat")
    if form is None:
        return None
    definition = form["structure"]["jsonSchema"]
    try:
        schema = msgspec.json.decode(definition["schema"])
    except msgspec.DecodeError as error:
        raise WrongRequestError(f"the schema of the output is no JSON: {error}") from error
    return SimOutput(schema=schema, name=definition.get("name") or "")


# --- answers ---

_FINISH: Mapping[FinishReason, str] = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "content_filter": "content_filtered",
    "refusal": "content_filtered",
    "other": "guardrail_intervened",
}
_LETTERS = string.ascii_letters + string.digits


class _Spelling:
    """One answer, streamed or plain."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._open: int | str | None = None
        self._blocks = 0

    def frames(self) -> Iterator[Frame]:
        yield _event("messageStart", role="assistant")
        for step in self._plan.steps:
            delay_s, tokens = step.delay_s, step.tokens
            for event in step.events:
                for frame in self._spell(event):
                    yield Frame(frame.data, delay_s, frame.tokens and tokens)
                    delay_s = 0.0
        yield from self._close_block()
        yield _event("messageStop", stopReason=self._stop_reason())
        yield _event("metadata", usage=self._usage(), metrics={"latencyMs": self._latency_ms()})

    def _spell(self, event: DecodedEvent) -> Iterator[Frame]:
        match event:
            case Token():
                yield from self._open_block(event.index)
                yield self._delta({"text": event.text})
            case Reasoning():
                yield from self._open_block(event.index)
                if event.text:
                    yield self._delta({"reasoningContent": {"text": event.text}})
                if event.signature is not None:
                    yield self._delta({"reasoningContent": {"signature": event.signature}})
            case ToolCallDelta():
                yield from self._open_block(event.index, {"toolUseId": event.id, "name": event.name})
                if event.args:
                    yield self._delta({"toolUse": {"input": event.args}})
            case _:
                pass

    def _open_block(self, index: int | str | None, use: JSONObject | None = None) -> Iterator[Frame]:
        """Make this block the open one. Only the start of a tool's use is told; other blocks begin with a delta."""
        if self._open == index:
            return
        yield from self._close_block()
        self._open = index
        if use is not None:
            yield _event("contentBlockStart", start={"toolUse": use}, contentBlockIndex=self._blocks)

    def _close_block(self) -> Iterator[Frame]:
        if self._open is not None:
            yield _event("contentBlockStop", contentBlockIndex=self._blocks)
            self._open = None
            self._blocks += 1

    def _delta(self, delta: JSONObject) -> Frame:
        frame = _event("contentBlockDelta", delta=delta, contentBlockIndex=self._blocks)
        return Frame(frame.data, tokens=1)

    def body(self) -> JSONObject:
        content: list[JSONObject] = []
        for event in joined(self._plan):
            match event:
                case Token():
                    content.append({"text": event.text})
                case Reasoning():
                    thought: JSONObject = {"text": event.text}
                    if event.signature is not None:
                        thought["signature"] = event.signature
                    content.append({"reasoningContent": {"reasoningText": thought}})
                case ToolCallDelta():
                    args = parse_partial_arguments(event.args) or {}  # what was cut by a limit is filled up
                    content.append({"toolUse": {"toolUseId": event.id, "name": event.name, "input": args}})
                case _:
                    pass
        return {
            "metrics": {"latencyMs": self._latency_ms()},
            "output": {"message": {"role": "assistant", "content": content}},
            "stopReason": self._stop_reason(),
            "usage": self._usage(),
        }

    def _stop_reason(self) -> str:
        return "stop_sequence" if self._plan.stop is not None else _FINISH[self._plan.finish]

    def _latency_ms(self) -> int:
        return 1 + round(1000 * sum(step.delay_s for step in self._plan.steps))

    def _usage(self) -> JSONObject:
        usage = self._plan.usage
        cached, written = usage.cache_read or 0, usage.cache_creation or 0
        return {
            "inputTokens": usage.input_tokens - cached - written,
            "outputTokens": usage.output_tokens,
            "totalTokens": usage.input_tokens + usage.output_tokens,
            "cacheReadInputTokens": cached,
            "cacheWriteInputTokens": written,
        }


def _event(kind: str, **fields: JSON) -> Frame:
    """An event, padded as Bedrock pads them so that their length does not tell what is in them."""
    bare = msgspec.json.encode(fields)
    return Frame(event_frame(kind, msgspec.json.encode({**fields, "p": _LETTERS[: 3 + len(bare) % 50]})))


# --- errors ---

#: What Bedrock calls its errors, by status.
_ERRORS: Mapping[int, str] = {
    400: "ValidationException",
    401: "MissingAuthenticationTokenException",
    403: "AccessDeniedException",
    404: "ResourceNotFoundException",
    408: "ModelTimeoutException",
    424: "ModelErrorException",
    429: "ThrottlingException",
    503: "ServiceUnavailableException",
}
#: The errors that a stream may hold; any other is the model's.
_IN_STREAM = frozenset(
    {"InternalServerException", "ServiceUnavailableException", "ThrottlingException", "ValidationException"}
)


def _kind(fail: Fail) -> str:
    return fail.code or _ERRORS.get(fail.status, "InternalServerException" if fail.status >= 500 else _ERRORS[400])


# --- the format ---


class BedrockApi:
    """The formats ``bedrock.converse`` and ``bedrock.converse_stream``."""

    name = "bedrock.converse"
    #: There are no signs of life in these streams; this is an event of a type that no client knows.
    ping = event_frame("ping", b"{}")
    model_paths: frozenset[str] = frozenset()

    def answers(self, path: str) -> bool:
        """Whether a model converses there."""
        return _PATH.fullmatch(path) is not None

    def recognises(self, path: str, headers: Mapping[str, str]) -> bool:
        """Clients of AWS sign with a date; those with a bearer key are known by the path."""
        return "x-amz-date" in headers or path.startswith("/model/")

    def key_of(self, headers: Mapping[str, str]) -> str | None:
        """The bearer key, or the id of the access key that signed."""
        signed = re.match(r"AWS4-HMAC-SHA256 Credential=([^/,\s]+)/", headers.get("authorization", ""))
        return signed[1] if signed else bearer_of(headers)

    def read(self, received: Received) -> SimRequest | Fail:
        """The request, or a 400 that says what is wrong."""
        found = _PATH.fullmatch(received.path)
        assert found is not None
        return read_request(lambda body: _fields(body, found["model"], found["stream"] is not None), received.body)

    def spell(self, received: Received, request: SimRequest, plan: Plan) -> HttpReply:
        """An answer: an AWS event stream from ``messageStart`` to ``metadata``, or one JSON object."""
        spelling = _Spelling(plan)
        headers = {"x-amzn-requestid": received.request_id}
        if not request.stream:
            return json_reply(200, headers, spelling.body(), plan)
        headers = {"content-type": "application/vnd.amazon.eventstream", **headers}
        return HttpReply(200, headers, tuple(spelling.frames()), streamed=True, change=change_payload)

    def refuse(self, fail: Fail, request_id: str) -> HttpReply:
        """``{"message"}``, with the kind of error in a header."""
        kind = f"{_kind(fail)}:http://internal.amazon.com/coral/com.amazon.bedrock/"
        headers = {"x-amzn-requestid": request_id, "x-amzn-errortype": kind, **retry_headers(fail)}
        return json_reply(fail.status, headers, {"message": error_message(fail)})

    def error_frame(self, fail: Fail, *, streamed: bool, place: int) -> bytes:
        """An exception in the stream, or the error in place of the body."""
        body = msgspec.json.encode({"message": error_message(fail)})
        if not streamed:
            return body
        kind = _kind(fail)
        if fail.code is None and kind not in _IN_STREAM:
            kind = "ModelStreamErrorException"
        return exception_frame(kind[0].lower() + kind[1:], body)

    def models(self, names: Sequence[str], request_id: str) -> HttpReply:
        """Bedrock's runtime lists none."""
        return self.refuse(Fail(status=404), request_id)


__all__ = ["BedrockApi"]
