"""The six wire formats as a server writes them, in the parts that faults break: begin, pieces, finish, end.

They are written here by hand, apart from the simulator and the codecs, so that a mistake of theirs does not pass
through both sides.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

from tests.adapters.eventstream_bytes import frame
from tidewire.events.errors import (
    APIStatusError,
    AuthenticationError,
    BadRequestError,
    ContextWindowExceededError,
    InternalServerError,
    NotFoundError,
    OverloadedError,
    PermissionDeniedError,
    QuotaExceededError,
    RateLimitError,
    RequestTooLargeError,
    UnprocessableEntityError,
)

Json = dict[str, Any]

#: What is answered, in its pieces.
PIECES = ("High ", "and ", "low.")
TEXT = "".join(PIECES)
#: Stands in every request, and in nothing that comes out.
KEY = "sk-faults-0123456789abcdef"

#: What each status means, whoever sends it.
CLASS_OF: Mapping[int, type[APIStatusError]] = {
    400: BadRequestError,
    401: AuthenticationError,
    402: QuotaExceededError,
    403: PermissionDeniedError,
    404: NotFoundError,
    408: APIStatusError,
    409: APIStatusError,
    413: RequestTooLargeError,
    422: UnprocessableEntityError,
    429: RateLimitError,
    500: InternalServerError,
    502: InternalServerError,
    503: OverloadedError,
    504: InternalServerError,
    529: OverloadedError,
}
RETRIED = frozenset({408, 409, 429, 500, 502, 503, 504, 529})


class Stream(NamedTuple):
    """An answer as a stream.

    ``begin`` holds no content; ``finish`` is a reason to finish that stands apart from the terminator ``end``. Either
    may be empty: not all formats have both.
    """

    begin: bytes
    pieces: tuple[bytes, ...]
    finish: bytes
    end: bytes

    @property
    def whole(self) -> bytes:
        """All of it."""
        return self.upto(len(self.pieces)) + self.finish + self.end

    def upto(self, count: int) -> bytes:
        """Its beginning, with so many pieces."""
        return self.begin + b"".join(self.pieces[:count])

    @property
    def unterminated(self) -> bytes:
        """All but the terminator, or but what has to stand for one."""
        return self.upto(len(self.pieces)) + (self.finish if self.end else b"")


class Refusal(NamedTuple):
    """An error with a status, in the provider's form; ``code`` is what it is called."""

    headers: dict[str, str]
    body: bytes
    code: str | None


class Wire(ABC):
    """A wire format."""

    name: ClassVar[str]
    model: ClassVar[str]
    #: Behind the server's address.
    base: ClassVar[str] = ""
    parameters: ClassVar[Json] = {"api_key": KEY}
    stream_type: ClassVar[str] = "text/event-stream"
    #: A sign of life in a stream.
    ping: ClassVar[bytes] = b": ping\n\n"
    #: The provider's words for statuses.
    words: ClassVar[Mapping[int, str]] = {}
    #: Those of its errors that hold more than the status says.
    special: ClassVar[Mapping[str, tuple[int, bytes, type[APIStatusError]]]] = {}

    def __repr__(self) -> str:
        return self.name

    @property
    def is_sse(self) -> bool:
        """Whether a stream is one of server-sent events."""
        return self.stream_type == "text/event-stream"

    def content_type(self, streamed: bool) -> str:
        """What an answer's content type is."""
        return self.stream_type if streamed else "application/json"

    @abstractmethod
    def stream(self, pieces: Sequence[str] = PIECES) -> Stream:
        """An answer as a stream."""

    @abstractmethod
    def plain(self, text: str = TEXT) -> Json:
        """An answer as one object."""

    def body(self, streamed: bool) -> bytes:
        """The good answer."""
        return self.stream().whole if streamed else dump(self.plain())

    @abstractmethod
    def event(self, data: Json | bytes, kind: str = "") -> bytes:
        """A frame with this data, under this name where frames have names."""

    @abstractmethod
    def refusal(self, status: int, message: str = "no luck") -> Refusal:
        """An error with a status."""

    @abstractmethod
    def error_event(self, status: int, message: str = "no luck") -> bytes:
        """An error inside a stream."""

    @abstractmethod
    def piece_with(self, text: bytes) -> bytes:
        """A piece whose text is what these bytes say in JSON, well or not, without the quotes."""

    def tool_call(self, arguments: Sequence[str], *, index: int = 0, id: str = "call_1") -> bytes:
        """The frames of a call whose arguments come in these pieces. Formats that send calls whole have none."""
        raise NotImplementedError(self.name)

    def finish(self, reason: str) -> bytes:
        """The end of an answer, for one of ``stop``, ``length``, ``tool``."""
        raise NotImplementedError(self.name)


def dump(value: object) -> bytes:
    """Compact JSON."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def sse(data: Json | bytes, kind: str = "") -> bytes:
    """A server-sent event."""
    text = data if isinstance(data, bytes) else dump(data)
    return (b"event: %b\n" % kind.encode() if kind else b"") + b"data: " + text + b"\n\n"


class OpenAIChat(Wire):
    name = "openai chat"
    model = "openai:m"
    base = "/v1"
    parameters: ClassVar[Json] = {"api_key": KEY, "use_responses_api": False}
    words: ClassVar[Mapping[int, str]] = {
        400: "invalid_request",
        401: "invalid_api_key",
        404: "model_not_found",
        429: "rate_limit_exceeded",
        500: "server_error",
    }
    special: ClassVar[Mapping[str, tuple[int, bytes, type[APIStatusError]]]] = {
        "context_length_exceeded": (
            400,
            (
                b'{"error":{"message":"This model\'s maximum context length is 8 tokens.",'
                b'"type":"invalid_request_error","param":"messages","code":"context_length_exceeded"}}'
            ),
            ContextWindowExceededError,
        ),
        "insufficient_quota": (
            429,
            (
                b'{"error":{"message":"You exceeded your current quota.","type":"insufficient_quota","param":null,'
                b'"code":"insufficient_quota"}}'
            ),
            QuotaExceededError,
        ),
    }

    def _chunk(self, delta: Json, reason: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": reason}
        return sse({"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]})

    def stream(self, pieces: Sequence[str] = PIECES) -> Stream:
        return Stream(
            self._chunk({"role": "assistant", "content": ""}),
            tuple(self._chunk({"content": piece}) for piece in pieces),
            self._chunk({}, "stop"),
            sse({"id": "c1", "model": "m", "choices": [], "usage": self._usage}) + sse(b"[DONE]"),
        )

    _usage: ClassVar[Json] = {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}

    def plain(self, text: str = TEXT) -> Json:
        message = {"role": "assistant", "content": text}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        return {"id": "c1", "created": 1, "model": "m", "choices": [choice], "usage": self._usage}

    def event(self, data: Json | bytes, kind: str = "") -> bytes:
        return sse(data, kind)

    def _error(self, status: int, message: str) -> Json:
        kind = "server_error" if status >= 500 else "invalid_request_error"
        return {"error": {"message": message, "type": kind, "param": None, "code": self.words.get(status)}}

    def refusal(self, status: int, message: str = "no luck") -> Refusal:
        error = self._error(status, message)
        return Refusal({}, dump(error), error["error"]["code"] or error["error"]["type"])

    def error_event(self, status: int, message: str = "no luck") -> bytes:
        code = {429: "rate_limit_exceeded", 500: "server_error", 503: "server_overloaded", 400: "invalid_request_error"}
        return sse({"error": {"message": message, "type": "error", "code": code[status]}})

    def piece_with(self, text: bytes) -> bytes:
        return sse(b'{"id":"c1","model":"m","choices":[{"index":0,"delta":{"content":"%b"}}]}' % text)

    def tool_call(self, arguments: Sequence[str], *, index: int = 0, id: str = "call_1") -> bytes:
        head = {"index": index, "id": id, "type": "function", "function": {"name": "tide", "arguments": ""}}
        rest = [{"index": index, "function": {"arguments": piece}} for piece in arguments]
        return b"".join(self._chunk({"tool_calls": [piece]}) for piece in [head, *rest])

    def finish(self, reason: str) -> bytes:
        words = {"stop": "stop", "length": "length", "tool": "tool_calls"}
        return self._chunk({}, words[reason]) + sse(b"[DONE]")


class OpenAIResponses(Wire):
    name = "openai responses"
    model = "openai:m"
    base = "/v1"
    parameters: ClassVar[Json] = {"api_key": KEY, "use_responses_api": True}
    words = OpenAIChat.words
    special = OpenAIChat.special

    def stream(self, pieces: Sequence[str] = PIECES) -> Stream:
        return Stream(
            self._begin("in_progress") + self._open({"id": "msg_1", "type": "message", "content": []}),
            tuple(self._delta(dump(piece)) for piece in pieces),
            b"",
            self._close("".join(pieces)) + self._event("completed", response=self.plain("".join(pieces))),
        )

    def _event(self, kind: str, **fields: Any) -> bytes:
        return sse({"type": f"response.{kind}", **fields}, f"response.{kind}")

    def _begin(self, status: str) -> bytes:
        return self._event("created", response={"id": "r1", "model": "m", "status": status, "output": []})

    def _open(self, item: Json) -> bytes:
        part: Json = {"type": "output_text", "text": "", "annotations": []}
        return self._event("output_item.added", output_index=0, item=item) + self._event(
            "content_part.added", item_id="msg_1", output_index=0, content_index=0, part=part
        )

    def _delta(self, text: bytes) -> bytes:
        head = b'{"type":"response.output_text.delta","item_id":"msg_1","output_index":0,"content_index":0,"delta":'
        return sse(head + text + b"}", "response.output_text.delta")

    def _close(self, text: str) -> bytes:
        return self._event("output_text.done", item_id="msg_1", output_index=0, content_index=0, text=text)

    def plain(self, text: str = TEXT) -> Json:
        content: list[Json] = [{"type": "output_text", "text": text, "annotations": []}]
        item: Json = {"id": "msg_1", "type": "message", "role": "assistant", "status": "completed", "content": content}
        return self._response("completed", [item])

    def _response(self, status: str, output: list[Json], reason: str | None = None) -> Json:
        usage = {"input_tokens": 3, "output_tokens": 4, "total_tokens": 7}
        told: Json = {"id": "r1", "object": "response", "model": "m", "status": status, "output": output}
        return {**told, "error": None, "incomplete_details": reason and {"reason": reason}, "usage": usage}

    def event(self, data: Json | bytes, kind: str = "") -> bytes:
        return sse(data, kind)

    def refusal(self, status: int, message: str = "no luck") -> Refusal:
        return OpenAIChat().refusal(status, message)

    def error_event(self, status: int, message: str = "no luck") -> bytes:
        code = {429: "rate_limit_exceeded", 500: "server_error", 503: "server_is_overloaded", 400: "invalid_prompt"}
        return sse({"type": "error", "code": code[status], "message": message, "param": None}, "error")

    def piece_with(self, text: bytes) -> bytes:
        return self._delta(b'"%b"' % text)

    def tool_call(self, arguments: Sequence[str], *, index: int = 0, id: str = "call_1") -> bytes:
        item: Json = {"id": f"fc_{id}", "type": "function_call", "call_id": id, "name": "tide", "arguments": ""}
        begun = self._begin("in_progress") if not index else b""
        frames = begun + self._event("output_item.added", output_index=index, item=item)
        for piece in arguments:
            frames += self._event("function_call_arguments.delta", item_id=item["id"], output_index=index, delta=piece)
        done = {**item, "arguments": "".join(arguments), "status": "completed"}
        return frames + self._event("output_item.done", output_index=index, item=done)

    def finish(self, reason: str) -> bytes:
        if reason == "length":
            return self._event("incomplete", response=self._response("incomplete", [], "max_output_tokens"))
        return self._event("completed", response=self._response("completed", []))


class Anthropic(Wire):
    name = "anthropic"
    model = "anthropic:m"
    ping = b'event: ping\ndata: {"type":"ping"}\n\n'
    words: ClassVar[Mapping[int, str]] = {
        400: "invalid_request_error",
        401: "authentication_error",
        402: "billing_error",
        403: "permission_error",
        404: "not_found_error",
        413: "request_too_large",
        429: "rate_limit_error",
        500: "api_error",
        504: "timeout_error",
        529: "overloaded_error",
    }
    special: ClassVar[Mapping[str, tuple[int, bytes, type[APIStatusError]]]] = {
        "invalid_request_error": (
            400,
            b'{"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long: 9 tokens > 8"}}',
            ContextWindowExceededError,
        ),
    }

    def stream(self, pieces: Sequence[str] = PIECES) -> Stream:
        return Stream(
            self._start() + self._event("content_block_start", index=0, content_block={"type": "text", "text": ""}),
            tuple(self._delta(0, {"type": "text_delta", "text": piece}) for piece in pieces),
            self._event("content_block_stop", index=0) + self._stop("end_turn"),
            self._event("message_stop"),
        )

    def _start(self) -> bytes:
        usage = {"input_tokens": 3, "output_tokens": 1}
        message: Json = {
            "id": "m1",
            "type": "message",
            "role": "assistant",
            "model": "m",
            "content": [],
            "usage": usage,
        }
        return self._event("message_start", message=message)

    def _stop(self, reason: str) -> bytes:
        return self._event("message_delta", delta={"stop_reason": reason}, usage={"output_tokens": 4})

    def _event(self, kind: str, **fields: Any) -> bytes:
        return sse({"type": kind, **fields}, kind)

    def _delta(self, index: int, delta: Json) -> bytes:
        return self._event("content_block_delta", index=index, delta=delta)

    def plain(self, text: str = TEXT) -> Json:
        told: Json = {"id": "m1", "type": "message", "role": "assistant", "model": "m", "stop_reason": "end_turn"}
        usage = {"input_tokens": 3, "output_tokens": 4}
        return {**told, "content": [{"type": "text", "text": text}], "usage": usage}

    def event(self, data: Json | bytes, kind: str = "") -> bytes:
        return sse(data, kind)

    def refusal(self, status: int, message: str = "no luck") -> Refusal:
        word = self.words.get(status, "api_error" if status >= 500 else "invalid_request_error")
        return Refusal({"request-id": "req_1"}, dump(self._error(word, message)), word)

    def _error(self, word: str, message: str) -> Json:
        return {"type": "error", "error": {"type": word, "message": message}}

    def error_event(self, status: int, message: str = "no luck") -> bytes:
        word = {503: "overloaded_error"}.get(status) or self.words[status]
        return sse(self._error(word, message), "error")

    def piece_with(self, text: bytes) -> bytes:
        data = b'{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"%b"}}' % text
        return sse(data, "content_block_delta")

    def tool_call(self, arguments: Sequence[str], *, index: int = 0, id: str = "call_1") -> bytes:
        block: Json = {"type": "tool_use", "id": id, "name": "tide", "input": {}}
        frames = (self._start() if not index else b"") + self._event(
            "content_block_start", index=index, content_block=block
        )
        for piece in arguments:
            frames += self._delta(index, {"type": "input_json_delta", "partial_json": piece})
        return frames + self._event("content_block_stop", index=index)

    def finish(self, reason: str) -> bytes:
        words = {"stop": "end_turn", "length": "max_tokens", "tool": "tool_use"}
        return self._stop(words[reason]) + self._event("message_stop")


class Google(Wire):
    name = "google_genai"
    model = "google_genai:m"
    words: ClassVar[Mapping[int, str]] = {
        400: "INVALID_ARGUMENT",
        401: "UNAUTHENTICATED",
        403: "PERMISSION_DENIED",
        404: "NOT_FOUND",
        429: "RESOURCE_EXHAUSTED",
        500: "INTERNAL",
        503: "UNAVAILABLE",
        504: "DEADLINE_EXCEEDED",
    }
    special: ClassVar[Mapping[str, tuple[int, bytes, type[APIStatusError]]]] = {
        "INVALID_ARGUMENT": (
            400,
            (
                b'{"error":{"code":400,"message":"The input token count (9) exceeds the maximum number of tokens '
                b'allowed (8).","status":"INVALID_ARGUMENT"}}'
            ),
            ContextWindowExceededError,
        ),
    }

    def _chunk(self, parts: list[Json], reason: str | None = None) -> Json:
        candidate: Json = {"content": {"parts": parts, "role": "model"}, "index": 0}
        if reason:
            candidate["finishReason"] = reason
        usage = {"promptTokenCount": 3, "candidatesTokenCount": 4, "totalTokenCount": 7}
        return {"candidates": [candidate], "usageMetadata": usage, "modelVersion": "m", "responseId": "g1"}

    def stream(self, pieces: Sequence[str] = PIECES) -> Stream:
        return Stream(
            sse(self._chunk([])),
            tuple(sse(self._chunk([{"text": piece}])) for piece in pieces),
            sse(self._chunk([], "STOP")),
            b"",
        )

    def plain(self, text: str = TEXT) -> Json:
        return self._chunk([{"text": text}], "STOP")

    def event(self, data: Json | bytes, kind: str = "") -> bytes:
        return sse(data, kind)

    def _error(self, status: int, message: str) -> Json:
        return {"error": {"code": status, "message": message, "status": self.words.get(status, "UNKNOWN")}}

    def refusal(self, status: int, message: str = "no luck") -> Refusal:
        return Refusal({}, dump(self._error(status, message)), self.words.get(status, "UNKNOWN"))

    def error_event(self, status: int, message: str = "no luck") -> bytes:
        return sse(self._error(status, message))

    def piece_with(self, text: bytes) -> bytes:
        return sse(b'{"candidates":[{"content":{"parts":[{"text":"%b"}],"role":"model"},"index":0}]}' % text)


class Bedrock(Wire):
    name = "bedrock_converse"
    model = "bedrock_converse:m"
    parameters: ClassVar[Json] = {"api_key": KEY, "region_name": "us-east-1"}
    stream_type = "application/vnd.amazon.eventstream"
    ping = frame({":event-type": "ping", ":content-type": "application/json", ":message-type": "event"}, b"{}")
    words: ClassVar[Mapping[int, str]] = {
        400: "ValidationException",
        403: "AccessDeniedException",
        404: "ResourceNotFoundException",
        429: "ThrottlingException",
        500: "InternalServerException",
        503: "ServiceUnavailableException",
    }
    special: ClassVar[Mapping[str, tuple[int, bytes, type[APIStatusError]]]] = {
        "ValidationException": (
            400,
            b'{"message":"Input is too long for requested model."}',
            ContextWindowExceededError,
        ),
    }

    def event(self, data: Json | bytes, kind: str = "messageStart") -> bytes:
        headers = {":event-type": kind, ":content-type": "application/json", ":message-type": "event"}
        return frame(headers, data if isinstance(data, bytes) else dump(data))

    def _delta(self, index: int, delta: Json) -> bytes:
        return self.event({"contentBlockIndex": index, "delta": delta}, "contentBlockDelta")

    def stream(self, pieces: Sequence[str] = PIECES) -> Stream:
        return Stream(
            self.event({"role": "assistant"}),
            tuple(self._delta(0, {"text": piece}) for piece in pieces),
            self.event({"contentBlockIndex": 0}, "contentBlockStop") + self._stop("end_turn"),
            self._metadata(),
        )

    def _stop(self, reason: str) -> bytes:
        return self.event({"stopReason": reason}, "messageStop")

    def _metadata(self) -> bytes:
        usage = {"inputTokens": 3, "outputTokens": 4, "totalTokens": 7}
        return self.event({"usage": usage, "metrics": {"latencyMs": 5}}, "metadata")

    def plain(self, text: str = TEXT) -> Json:
        message = {"role": "assistant", "content": [{"text": text}]}
        usage = {"inputTokens": 3, "outputTokens": 4, "totalTokens": 7}
        return {"output": {"message": message}, "stopReason": "end_turn", "usage": usage}

    def refusal(self, status: int, message: str = "no luck") -> Refusal:
        word = self.words.get(status)
        headers = {"x-amzn-errortype": f"{word}:http://internal.amazon.com/"} if word else {}
        return Refusal(headers, dump({"message": message}), word)

    def error_event(self, status: int, message: str = "no luck") -> bytes:
        word = self.words[status]
        name = word[0].lower() + word[1:]
        headers = {":exception-type": name, ":content-type": "application/json", ":message-type": "exception"}
        return frame(headers, dump({"message": message}))

    def piece_with(self, text: bytes) -> bytes:
        return self.event(b'{"contentBlockIndex":0,"delta":{"text":"%b"}}' % text, "contentBlockDelta")

    def tool_call(self, arguments: Sequence[str], *, index: int = 0, id: str = "call_1") -> bytes:
        start = {"contentBlockIndex": index, "start": {"toolUse": {"toolUseId": id, "name": "tide"}}}
        frames = (self.event({"role": "assistant"}) if not index else b"") + self.event(start, "contentBlockStart")
        for piece in arguments:
            frames += self._delta(index, {"toolUse": {"input": piece}})
        return frames + self.event({"contentBlockIndex": index}, "contentBlockStop")

    def finish(self, reason: str) -> bytes:
        words = {"stop": "end_turn", "length": "max_tokens", "tool": "tool_use"}
        return self._stop(words[reason]) + self._metadata()


class Ollama(Wire):
    name = "ollama"
    model = "ollama:m"
    stream_type = "application/x-ndjson"
    ping = b"\n"

    def event(self, data: Json | bytes, kind: str = "") -> bytes:
        return (data if isinstance(data, bytes) else dump(data)) + b"\n"

    def _line(self, text: str, done: bool) -> Json:
        line: Json = {"model": "m", "created_at": "2026-01-01T00:00:00Z", "done": done}
        line["message"] = {"role": "assistant", "content": text}
        return {**line, "done_reason": "stop", "prompt_eval_count": 3, "eval_count": 4} if done else line

    def stream(self, pieces: Sequence[str] = PIECES) -> Stream:
        lines = tuple(self.event(self._line(piece, False)) for piece in pieces)
        return Stream(self.event(self._line("", False)), lines, b"", self.event(self._line("", True)))

    def plain(self, text: str = TEXT) -> Json:
        return self._line(text, True)

    def refusal(self, status: int, message: str = "no luck") -> Refusal:
        return Refusal({}, dump({"error": message}), None)

    def error_event(self, status: int, message: str = "no luck") -> bytes:
        return self.event({"error": message})

    def piece_with(self, text: bytes) -> bytes:
        return self.event(b'{"model":"m","message":{"role":"assistant","content":"%b"},"done":false}' % text)


WIRES: dict[str, Wire] = {
    wire.name: wire for wire in (OpenAIChat(), OpenAIResponses(), Anthropic(), Google(), Bedrock(), Ollama())
}
#: Those that send a call's arguments in pieces.
PIECEWISE = tuple(name for name in WIRES if name not in ("google_genai", "ollama"))

__all__ = [
    "CLASS_OF",
    "KEY",
    "PIECES",
    "PIECEWISE",
    "RETRIED",
    "TEXT",
    "WIRES",
    "Json",
    "Refusal",
    "Stream",
    "Wire",
    "dump",
    "sse",
]
