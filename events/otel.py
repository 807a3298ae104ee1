"""Runs as OpenTelemetry spans and metrics, with the names of its conventions for generative AI (extra ``otel``).

Read: OpenTelemetry semantic conventions 1.37, "Semantic conventions for generative client AI spans" and "… AI metrics",
2026-11. Spans are ``chat {model}``, ``execute_tool {tool}``, and a chain's name. Prompts and answers are recorded only
on request.

A span's parent is that of the run around, unless the program has opened a span of its own within that run: then it is
the program's.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

import msgspec

from tidewire.events.blocks import ContentBlock, JSONObject
from tidewire.events.errors import APIStatusError, ConfigurationError
from tidewire.events.logging import shown
from tidewire.events.messages import AIMessage, BaseMessage, SystemMessage, ToolMessage
from tidewire.events.plain_values import to_plain
from tidewire.events.types import Custom, End, Event, Fallback, Finish, Meta, Retry, Run, Start, WarningEvent

if TYPE_CHECKING:
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import Span, TracerProvider
    from opentelemetry.util.types import AttributeValue

# The conventions' own words for providers, where they have one.
_PROVIDERS: Final = {
    "azure_openai": "azure.ai.openai",
    "bedrock": "aws.bedrock",
    "bedrock_converse": "aws.bedrock",
    "google_genai": "gcp.gemini",
    "google_vertexai": "gcp.vertex_ai",
    "mistralai": "mistral_ai",
    "xai": "x_ai",
}
_REQUEST: Final = {
    "temperature": "gen_ai.request.temperature",
    "top_p": "gen_ai.request.top_p",
    "top_k": "gen_ai.request.top_k",
    "max_tokens": "gen_ai.request.max_tokens",
    "stop": "gen_ai.request.stop_sequences",
    "seed": "gen_ai.request.seed",
    "frequency_penalty": "gen_ai.request.frequency_penalty",
    "presence_penalty": "gen_ai.request.presence_penalty",
    "n": "gen_ai.request.choice.count",
}
# The conventions ask for these buckets.
_TOKEN_BUCKETS: Final = [4**power for power in range(14)]
_SECOND_BUCKETS: Final = [0.01 * 2**power for power in range(14)]


def trace_events(
    *,
    tracer_provider: TracerProvider | None = None,
    meter_provider: MeterProvider | None = None,
    content: bool = False,
) -> EventTracer:
    """A subscriber that makes spans and metrics: ``with tidewire.subscribe(trace_events()): …``. One serves all runs.

    Args:
        tracer_provider: Where spans go; the program's global one by default.
        meter_provider: Where metrics go; the program's global one by default.
        content: Record prompts, answers, and the arguments and results of tools.

    Raises:
        ConfigurationError: OpenTelemetry is not installed.
    """
    return EventTracer(tracer_provider, meter_provider, content=content)


class _Open:
    """The span of a run that has not ended."""

    def __init__(self, span: Span, outside: Span, began: float) -> None:
        self.span = span
        #: The span that was current when the run began.
        self.outside = outside
        self.began = began
        self.meta = Meta()
        self.finish: Finish | None = None

    def forget(self) -> None:
        """What a failed attempt said of its answer does not count."""
        self.meta = Meta()
        self.finish = None


class EventTracer:
    """The subscriber that :func:`trace_events` makes."""

    #: A call is not streamed for the trace's sake.
    wants_tokens = False

    def __init__(
        self, tracer_provider: TracerProvider | None, meter_provider: MeterProvider | None, *, content: bool
    ) -> None:
        try:
            from opentelemetry import metrics, trace
        except ImportError as error:
            raise ConfigurationError("tracing needs OpenTelemetry: pip install 'tidewire[otel]'") from error
        self._trace = trace
        self._tracer = trace.get_tracer("tidewire", tracer_provider=tracer_provider)
        meter = metrics.get_meter("tidewire", meter_provider=meter_provider)
        self._tokens = meter.create_histogram(
            "gen_ai.client.token.usage",
            unit="{token}",
            description="Tokens sent and received",
            explicit_bucket_boundaries_advisory=_TOKEN_BUCKETS,
        )
        self._seconds = meter.create_histogram(
            "gen_ai.client.operation.duration",
            unit="s",
            description="Duration of calls and tools",
            explicit_bucket_boundaries_advisory=_SECOND_BUCKETS,
        )
        self._content = content
        self._lock = threading.Lock()
        self._open: dict[UUID, _Open] = {}

    def __call__(self, run: Run, event: Event) -> None:
        """Record an event; called by the bus, in the context of whoever runs the run."""
        if isinstance(event, Start):
            self._start(run, event)
            return
        known = self._open.get(run.id)
        if known is None:  # it began before anybody listened
            return
        match event:
            case Meta():
                old = known.meta
                known.meta = Meta(id=event.id or old.id, model=event.model or old.model)
            case Finish():
                known.finish = event
            case Retry():
                known.forget()
                known.span.add_event(
                    "tidewire.retry", {"attempt": event.attempt, "wait_s": event.wait_s, "reason": shown(event.reason)}
                )
            case Fallback():
                known.forget()
                models = {"from": shown(event.from_model), "to": shown(event.to_model)}
                known.span.add_event("tidewire.fallback", models)
            case WarningEvent():
                known.span.add_event("tidewire.warning", {"code": event.code, "text": shown(event.text)})
            case Custom():
                data: dict[str, AttributeValue] = {"data": _json(event.data)} if self._content else {}
                known.span.add_event("tidewire.custom", {"name": shown(event.name), **data})
            case End():
                with self._lock:
                    del self._open[run.id]
                self._end(run, event, known)
            case _:
                pass  # parts of an answer: its end has them all

    def _start(self, run: Run, event: Start) -> None:
        trace = self._trace
        attributes: dict[str, AttributeValue] = {"tidewire.run.id": str(run.id)}
        match run.kind:
            case "chat_model":
                name, kind = shown(f"chat {run.model}"), trace.SpanKind.CLIENT
                attributes |= _operation(run) | _request(event.parameters)
                if self._content:
                    attributes |= _prompt(event.input)
            case "tool":
                name, kind = shown(f"execute_tool {run.name}"), trace.SpanKind.INTERNAL
                attributes |= _operation(run) | {"gen_ai.tool.type": "function"}
                call_id = event.parameters.get("tool_call_id")
                if call_id:
                    attributes["gen_ai.tool.call.id"] = call_id
                if self._content:
                    attributes["gen_ai.tool.call.arguments"] = _json(event.input)
            case "chain":
                name, kind = shown(run.name), trace.SpanKind.INTERNAL
        outside = trace.get_current_span()
        around = None if run.parent_id is None else self._open.get(run.parent_id)
        # Otherwise the program has a span of its own open within the run around.
        is_within = around is not None and around.outside is outside
        context = trace.set_span_in_context(around.span) if around is not None and is_within else None
        span = self._tracer.start_span(name, context=context, kind=kind, attributes=attributes)
        with self._lock:
            self._open[run.id] = _Open(span, outside, event.time)

    def _end(self, run: Run, event: End, known: _Open) -> None:
        span = known.span
        measured: dict[str, AttributeValue] = {} if run.kind == "chain" else dict(_operation(run))
        if run.kind == "chat_model":
            self._answer(event, known, measured)
        elif run.kind == "tool" and self._content and event.outcome == "ok":
            span.set_attribute("gen_ai.tool.call.result", _json(event.output))
        if event.outcome != "ok":
            failed = event.outcome == "error"
            measured["error.type"] = type(event.error).__name__ if failed else event.outcome
            span.set_attribute("error.type", measured["error.type"])
            if isinstance(event.error, APIStatusError) and event.error.status_code is not None:
                span.set_attribute("http.response.status_code", event.error.status_code)
            if failed:
                # Without its text: that of an exception of the program's own may quote what was said.
                span.set_status(self._trace.StatusCode.ERROR, type(event.error).__name__)
        if run.kind != "chain":
            self._seconds.record(max(0.0, event.time - known.began), measured)
        span.end()

    def _answer(self, event: End, known: _Open, measured: dict[str, AttributeValue]) -> None:
        """What the conventions record of an answer, and its tokens."""
        span, meta, finish = known.span, known.meta, known.finish
        if meta.id is not None:
            span.set_attribute("gen_ai.response.id", shown(meta.id))
        if meta.model is not None:
            measured["gen_ai.response.model"] = shown(meta.model)
            span.set_attribute("gen_ai.response.model", shown(meta.model))
        reason = None if finish is None else shown(finish.provider_reason or finish.reason)
        if reason is not None:
            span.set_attribute("gen_ai.response.finish_reasons", [reason])
        if self._content and isinstance(event.output, AIMessage):
            spoken = _spoken(event.output) | {"finish_reason": reason or ""}
            span.set_attribute("gen_ai.output.messages", _json([spoken]))
        usage = event.usage
        if usage is None:
            return
        span.set_attribute("gen_ai.usage.input_tokens", usage.input_tokens)
        span.set_attribute("gen_ai.usage.output_tokens", usage.output_tokens)
        if usage.cache_read is not None:
            span.set_attribute("gen_ai.usage.cache_read.input_tokens", usage.cache_read)
        if usage.cache_creation is not None:
            span.set_attribute("gen_ai.usage.cache_creation.input_tokens", usage.cache_creation)
        self._tokens.record(usage.input_tokens, measured | {"gen_ai.token.type": "input"})
        self._tokens.record(usage.output_tokens, measured | {"gen_ai.token.type": "output"})


def _operation(run: Run) -> dict[str, AttributeValue]:
    """What both spans and metrics say of a run."""
    if run.kind == "tool":
        return {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": shown(run.name)}
    provider = run.provider or ""
    return {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": _PROVIDERS.get(provider, provider),
        "gen_ai.request.model": shown(run.model or ""),
    }


def _request(parameters: JSONObject) -> dict[str, AttributeValue]:
    found: dict[str, AttributeValue] = {}
    for name, attribute in _REQUEST.items():
        value = parameters.get(name)
        if name == "stop" and isinstance(value, str):
            value = [value]
        if value is not None:
            found[attribute] = value
    return found


def _prompt(messages: Sequence[BaseMessage]) -> dict[str, AttributeValue]:
    system = [part for one in messages if isinstance(one, SystemMessage) for part in _parts(one)]
    spoken = [_spoken(one) for one in messages if not isinstance(one, SystemMessage)]
    prompt: dict[str, AttributeValue] = {"gen_ai.input.messages": _json(spoken)}
    if system:
        prompt["gen_ai.system_instructions"] = _json(system)
    return prompt


def _spoken(message: BaseMessage) -> JSONObject:
    role = {"human": "user", "ai": "assistant"}.get(message.type, message.type)
    if isinstance(message, ToolMessage):
        response = {"type": "tool_call_response", "id": message.tool_call_id, "response": message.text}
        return {"role": role, "parts": [response]}
    return {"role": role, "parts": _parts(message)}


def _parts(message: BaseMessage) -> list[JSONObject]:
    return [_part(block) for block in message.content_blocks]


def _part(block: ContentBlock) -> JSONObject:
    match block["type"]:
        case "text":
            return {"type": "text", "content": block["text"]}
        case "reasoning":
            return {"type": "reasoning", "content": block.get("reasoning", "")}
        case "tool_call":
            return {"type": "tool_call", "id": block["id"], "name": block["name"], "arguments": block["args"]}
        case kind:  # pictures and the like are named, not copied
            return {"type": kind}


def _json(value: Any) -> str:  # noqa: ANN401 - what users hand to their runs
    plain = to_plain(value)
    try:
        return msgspec.json.encode(plain).decode()
    except UnicodeEncodeError:  # half of a character
        return json.dumps(plain)


__all__ = ["EventTracer", "trace_events"]
