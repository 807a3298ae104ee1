"""Google's generateContent and streamGenerateContent from the server's side: the Gemini API and Vertex AI.

Written from the types of Google's Python client 3.6 (``google.genai.types``) and "Generating content", "Function
calling", "Thinking", "Thought signatures" and "Troubleshooting" on ai.google.dev, read 2026-11-25; it shares nothing
with the client's codec, so that each can find the other's faults. Calls have no ids, as is usual there, and come whole.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from tidewire.adapters.plan import Plan, joined, with_whole_calls
from tidewire.adapters.schema_check import is_array, is_object
from tidewire.adapters.script import Fail
from tidewire.adapters.sim_request import SimCall, SimMessage, SimOutput, SimRequest, SimRole, SimTool
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
from tidewire.adapters.simulator.google_schema import json_schema, named
from tidewire.events.blocks import JSON, JSONObject
from tidewire.events.tool_args import parse_arguments
from tidewire.events.types import DecodedEvent, FinishReason, Meta, Reasoning, Token, ToolCallDelta

# --- requests ---

_PATH = re.compile(
    r"/v\d+(?:alpha|beta)?\d*/(?:projects/[^/]+/locations/[^/]+/)?(?:publishers/[^/]+/)?"
    r"(?:models|tunedModels|endpoints)/(?P<model>[^/]+):(?P<method>generateContent|streamGenerateContent)"
)
_ROLES = ("user", "model", "function")
_CHOICES: Mapping[str, str] = {"AUTO": "auto", "VALIDATED": "auto", "ANY": "any", "NONE": "none"}


def _fields(body: JSONObject, model: str, method: str) -> JSONObject:
    config: JSONObject = named(body, "generationConfig") or {}
    thinking: JSONObject = named(config, "thinkingConfig") or {}
    messages = list(_messages(named(body, "contents")))
    system = named(body, "systemInstruction")
    if system:
        messages.insert(0, SimMessage("system", _texts(_parts(system))))
    tools = [tool for given in named(body, "tools") or () for tool in _tools(given)]
    choice, allowed = _tool_choice(named(body, "toolConfig") or {})
    return {
        "model": model,
        "messages": messages,
        "tools": [tool for tool in tools if allowed is None or tool.name in allowed],
        "tool_choice": choice,
        "output": _output(config),
        "reasoning": named(thinking, "includeThoughts") is True and named(thinking, "thinkingBudget") != 0,
        "max_tokens": named(config, "maxOutputTokens"),
        "stop": named(config, "stopSequences") or (),
        "seed": named(config, "seed") or 0,
        "choices": named(config, "candidateCount") or 1,
        "logprobs": named(config, "responseLogprobs") or False,
        "top_logprobs": named(config, "logprobs") or 0,
        "stream": method == "streamGenerateContent",
    }


def _messages(contents: JSON) -> Iterator[SimMessage]:
    """The messages of a conversation: results of tools are messages of their own.

    A call and its result may lack ids. Then the first result of a tool belongs to its first call, and so on.
    """
    if not is_array(contents):
        raise WrongRequestError("GenerateContentRequest.contents: contents is not specified")
    calls: Counter[str] = Counter()
    results: Counter[str] = Counter()
    for content in contents:
        if not is_object(content) or content.get("role", "user") not in _ROLES:
            raise WrongRequestError("Please use a valid role: user, model.")
        rest: list[JSONObject] = []
        for part in _parts(content):
            result = named(part, "functionResponse")
            if result is None:
                rest.append(part)
                continue
            results[result["name"]] += 1
            id = result.get("id") or f"{result['name']} {results[result['name']]}"
            failed = "error" in result["response"]
            yield SimMessage("tool", _told(result["response"]), tool_call_id=id, failed=failed)
        made: list[SimCall] = []
        for call in filter(None, (named(part, "functionCall") for part in rest)):
            calls[call["name"]] += 1
            id = call.get("id") or f"{call['name']} {calls[call['name']]}"
            made.append(SimCall(call["name"], id, call.get("args") or {}))
        if rest:
            role: SimRole = "assistant" if content.get("role") == "model" else "user"
            yield SimMessage(role, _texts(rest), tuple(_media(rest)), tuple(made))


def _parts(content: JSONObject) -> list[JSONObject]:
    parts: JSON = content.get("parts") or []
    if not is_array(parts):
        raise WrongRequestError("Invalid value at 'parts'")
    return parts


def _texts(parts: Sequence[JSONObject]) -> str:
    return "".join(part["text"] for part in parts if "text" in part and not part.get("thought"))


def _media(parts: Sequence[JSONObject]) -> Iterator[str]:
    for part in parts:
        kind = next((name for name in ("inlineData", "fileData", "executableCode") if named(part, name)), None)
        if kind is not None:
            yield kind


def _told(response: JSONObject) -> str:
    """What a tool gave back: a text where there is one, else all of it as JSON."""
    for name in ("output", "result", "error"):
        if isinstance(response.get(name), str):
            text: str = response[name]
            return text
    return msgspec.json.encode(response).decode()


def _tools(tool: JSON) -> Iterator[SimTool]:
    declarations = named(tool, "functionDeclarations") if is_object(tool) else None
    if declarations is None:
        raise WrongRequestError(f"only functions are simulated as tools, not {tool!r:.100}")
    for function in declarations:
        schema = named(function, "parametersJsonSchema") or json_schema(function.get("parameters") or {})
        yield SimTool(function["name"], function.get("description") or "", schema)


def _tool_choice(config: JSONObject) -> tuple[JSON, Sequence[str] | None]:
    """Which tool must be called, and the names of those that may be if not all."""
    calling: JSONObject = named(config, "functionCallingConfig") or {}
    mode = calling.get("mode") or "AUTO"
    if mode not in _CHOICES:
        raise WrongRequestError(f"Invalid value at 'mode': {mode!r}")
    allowed: Sequence[str] = named(calling, "allowedFunctionNames") or ()
    if mode == "ANY" and len(allowed) == 1:
        return ("tool", allowed[0]), None
    return _CHOICES[mode], allowed or None


def _output(config: JSONObject) -> SimOutput | None:
    if named(config, "responseMimeType") != "application/json":
        return None
    schema = named(config, "responseJsonSchema") or named(config, "_responseJsonSchema")
    if schema is None and (given := named(config, "responseSchema")) is not None:
        schema = json_schema(given)
    return SimOutput(schema=schema)


# --- answers ---

_FINISH: Mapping[FinishReason, str] = {
    "stop": "STOP",
    "length": "MAX_TOKENS",
    "tool_calls": "STOP",
    "content_filter": "SAFETY",
    "refusal": "PROHIBITED_CONTENT",
    "other": "OTHER",
}


class _Spelling:
    """One answer, streamed or plain."""

    def __init__(self, request: SimRequest, plan: Plan) -> None:
        self._request = request
        self._plan = plan
        self._signature: str | None = None
        self._broken: str | None = None

    def frames(self) -> Iterator[Frame]:
        thought = said = 0
        for step in with_whole_calls(self._plan):
            if any(isinstance(event, Reasoning) for event in step.events):
                thought += step.tokens
            else:
                said += step.tokens
            parts = [part for event in step.events for part in self._parts(event)]
            logprobs = [entry for event in step.events if isinstance(event, Meta) for entry in event.logprobs or ()]
            if parts:
                candidate: JSONObject = {"content": {"parts": parts, "role": "model"}}
                usage = self._usage(said, thought)
                yield _data(self._response(candidate, logprobs, usage), step.delay_s, step.tokens)
        yield _data(self._last([{"text": "", **self._signed()}]))

    def body(self) -> JSONObject:
        parts: list[JSONObject] = []
        logprobs: list[JSONObject] = []
        for event in joined(self._plan):
            parts.extend(self._parts(event))
            logprobs.extend((event.logprobs or ()) if isinstance(event, Meta) else ())
        if not parts:
            parts = [{"text": ""}]
        parts[-1] |= self._signed()
        return self._last(parts, logprobs)

    def _parts(self, event: DecodedEvent) -> Iterator[JSONObject]:
        match event:
            case Token():
                yield {"text": event.text}
            case Reasoning():
                self._signature = event.signature or self._signature
                if event.text:
                    yield {"text": event.text, "thought": True}
            case ToolCallDelta():
                args = parse_arguments(event.args)
                if isinstance(args, str):
                    self._broken = args
                else:
                    yield {"functionCall": {"name": event.name, "args": args}, **self._signed()}
            case _:
                pass

    def _signed(self) -> JSONObject:
        """The signature of the thoughts, once: on the first call, or where the answer ends."""
        signature, self._signature = self._signature, None
        return {} if signature is None else {"thoughtSignature": signature}

    def _last(self, parts: list[JSONObject], logprobs: Sequence[JSONObject] = ()) -> JSONObject:
        """The response that ends the answer, or is all of it."""
        usage = self._plan.usage
        reasoned = usage.reasoning or 0
        counts = self._usage(usage.output_tokens - reasoned, reasoned)
        if self._is_blocked():
            return {**self._same(), "promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": counts}
        candidate: JSONObject = {
            "content": {"parts": parts, "role": "model"},
            "finishReason": _FINISH[self._plan.finish],
        }
        if self._broken is not None and self._plan.finish != "length":
            candidate |= {"finishReason": "MALFORMED_FUNCTION_CALL", "finishMessage": self._broken}
        return self._response(candidate, logprobs, counts)

    def _is_blocked(self) -> bool:
        """Whether the prompt itself was not let through."""
        return self._plan.finish == "content_filter" and not self._plan.steps

    def _response(self, candidate: JSONObject, logprobs: Sequence[JSONObject], usage: JSONObject) -> JSONObject:
        if logprobs:
            candidate["avgLogprobs"] = sum(entry["logprob"] for entry in logprobs) / len(logprobs)
            candidate["logprobsResult"] = {
                "topCandidates": [{"candidates": [_probable(top) for top in one["top_logprobs"]]} for one in logprobs],
                "chosenCandidates": [_probable(one) for one in logprobs],
            }
        candidates = [{**candidate, "index": index} for index in range(self._request.choices)]
        return {"candidates": candidates, "usageMetadata": usage, **self._same()}

    def _same(self) -> JSONObject:
        return {"modelVersion": self._plan.model, "responseId": self._plan.id}

    def _usage(self, said: int, thought: int) -> JSONObject:
        usage = self._plan.usage
        said *= self._request.choices
        heard = usage.input_audio or 0
        read = [{"modality": "TEXT", "tokenCount": usage.input_tokens - heard}]
        counts: JSONObject = {
            "promptTokenCount": usage.input_tokens,
            "candidatesTokenCount": said,
            "totalTokenCount": usage.input_tokens + said + thought,
            "promptTokensDetails": [*read, {"modality": "AUDIO", "tokenCount": heard}] if heard else read,
        }
        if thought:
            counts["thoughtsTokenCount"] = thought
        if usage.cache_read:
            counts["cachedContentTokenCount"] = usage.cache_read
        return counts


def _probable(entry: JSONObject) -> JSONObject:
    return {"token": entry["token"], "tokenId": sum(entry["bytes"]), "logProbability": entry["logprob"]}


def _data(response: JSONObject, delay_s: float = 0.0, tokens: int = 0) -> Frame:
    return Frame(b"data: " + msgspec.json.encode(response) + b"\r\n\r\n", delay_s, tokens)


# --- errors ---

#: What Google calls its errors, by status.
_ERRORS: Mapping[int, str] = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ABORTED",
    429: "RESOURCE_EXHAUSTED",
    499: "CANCELLED",
    501: "UNIMPLEMENTED",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}


def _error(fail: Fail) -> JSONObject:
    status = fail.code or _ERRORS.get(fail.status, "INTERNAL" if fail.status >= 500 else "FAILED_PRECONDITION")
    error: JSONObject = {"code": fail.status, "message": error_message(fail), "status": status}
    if fail.retry_after_s is not None:
        retry = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": f"{fail.retry_after_s:g}s"}
        error["details"] = [retry]
    return {"error": error}


# --- the format ---

_JSON = {"content-type": "application/json; charset=UTF-8"}


class GoogleApi:
    """The format ``google.generate_content``."""

    name = "google.generate_content"
    ping = b": still here\r\n\r\n"
    model_paths = frozenset({"/v1beta/models", "/v1/models"})

    def answers(self, path: str) -> bool:
        """Whether content is generated there, by the Gemini API or by Vertex AI."""
        return _PATH.fullmatch(path) is not None

    def recognises(self, path: str, headers: Mapping[str, str]) -> bool:
        """Google's clients send the key in a header of its own; the path of the Gemini API is its own too."""
        return "x-goog-api-key" in headers or path.startswith("/v1beta")

    def key_of(self, headers: Mapping[str, str]) -> str | None:
        """The key, or the token of an account."""
        return headers.get("x-goog-api-key") or bearer_of(headers)

    def read(self, received: Received) -> SimRequest | Fail:
        """The request, or a 400 that says what is wrong."""
        found = _PATH.fullmatch(received.path)
        assert found is not None
        if found["method"] == "streamGenerateContent" and received.query.get("alt") != "sse":
            return Fail(status=400, message="streams are simulated with alt=sse only")
        return read_request(lambda body: _fields(body, found["model"], found["method"]), received.body)

    def spell(self, received: Received, request: SimRequest, plan: Plan) -> HttpReply:
        """An answer: server-sent events with a response each, or one response."""
        spelling = _Spelling(request, plan)
        if request.stream:
            return HttpReply(200, {"content-type": "text/event-stream"}, tuple(spelling.frames()), streamed=True)
        return json_reply(200, _JSON, spelling.body(), plan)

    def refuse(self, fail: Fail, request_id: str) -> HttpReply:
        """``{"error": {"code", "message", "status", "details"}}``."""
        return json_reply(fail.status, _JSON | retry_headers(fail), _error(fail))

    def error_frame(self, fail: Fail, *, streamed: bool, place: int) -> bytes:
        """The error object as an event of the stream, or in place of the body."""
        return _data(_error(fail)).data if streamed else msgspec.json.encode(_error(fail))

    def models(self, names: Sequence[str], request_id: str) -> HttpReply:
        """The list of models."""
        methods = ["generateContent", "streamGenerateContent"]
        same: JSONObject = {
            "inputTokenLimit": 1_000_000,
            "outputTokenLimit": 64_000,
            "supportedGenerationMethods": methods,
        }
        models = [{"name": f"models/{name}", "version": "1", "displayName": name, **same} for name in names]
        return json_reply(200, _JSON, {"models": models})


__all__ = ["GoogleApi"]
