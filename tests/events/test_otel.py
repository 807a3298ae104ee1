"""Runs as OpenTelemetry spans and metrics."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import HistogramDataPoint, InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from tests.events.strategies import RUN
from tidewire import ConfigurationError, chain, dispatch_custom_event, init_chat_model, subscribe
from tidewire.adapters.script import Call, Fail, Reply
from tidewire.chat_models import ChatModel
from tidewire.events.blocks import JSON
from tidewire.events.errors import BadRequestError
from tidewire.events.messages import HumanMessage, SystemMessage, ToolMessage
from tidewire.events.otel import EventTracer, trace_events
from tidewire.events.types import End, Fallback, Finish, Meta, Retry, Run, Start, Token, Usage, WarningEvent
from tidewire.tools import run_tools, tool


class Kit:
    """A tracer, and what it has exported."""

    def __init__(self, *, content: bool = False) -> None:
        self.exported = InMemorySpanExporter()
        self.provider = TracerProvider()
        self.provider.add_span_processor(SimpleSpanProcessor(self.exported))
        self._reader = InMemoryMetricReader()
        meters = MeterProvider(metric_readers=[self._reader])
        self.tracer: EventTracer = trace_events(tracer_provider=self.provider, meter_provider=meters, content=content)

    def spans(self) -> dict[str, ReadableSpan]:
        return {span.name: span for span in self.exported.get_finished_spans()}

    def points(self) -> Iterator[Point]:
        data = self._reader.get_metrics_data()
        assert data is not None
        for resource in data.resource_metrics:
            for scope in resource.scope_metrics:
                for metric in scope.metrics:
                    for point in metric.data.data_points:
                        assert isinstance(point, HistogramDataPoint)
                        yield Point(metric.name, metric.unit, dict(point.attributes or {}), point)


class Point(NamedTuple):
    """A point of a histogram."""

    name: str
    unit: str | None
    attributes: dict[str, Any]
    data: HistogramDataPoint


def attributes(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


def demo(*replies: JSON) -> ChatModel:
    return init_chat_model("embedded:demo", script=list(replies))


async def test_a_call_is_a_client_span_with_the_names_of_the_conventions() -> None:
    kit = Kit()
    model = demo(Reply("my answer")).bind(temperature=0.5, max_tokens=100, stop=["x"])
    with subscribe(kit.tracer):
        message = await model.ainvoke("my prompt")
    span = kit.spans()["chat demo"]
    assert span.kind == SpanKind.CLIENT
    found = attributes(span)
    assert message.usage_metadata is not None
    expected = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "embedded",
        "gen_ai.request.model": "demo",
        "gen_ai.request.temperature": 0.5,
        "gen_ai.request.max_tokens": 100,
        "gen_ai.request.stop_sequences": ("x",),
        "gen_ai.response.finish_reasons": ("stop",),
        "gen_ai.usage.input_tokens": message.usage_metadata["input_tokens"],
        "gen_ai.usage.output_tokens": message.usage_metadata["output_tokens"],
    }
    assert {key: found[key] for key in expected} == expected
    assert span.status.status_code == StatusCode.UNSET
    assert "my answer" not in str(found)
    assert "my prompt" not in str(found)


async def test_tokens_and_durations_are_metrics() -> None:
    kit = Kit()
    with subscribe(kit.tracer):
        message = await demo(Reply("hi")).ainvoke("hello")
    points = list(kit.points())
    tokens = {point.attributes["gen_ai.token.type"]: point for point in points if point.name.endswith("token.usage")}
    assert message.usage_metadata is not None
    assert tokens["input"].data.sum == message.usage_metadata["input_tokens"]
    assert tokens["output"].data.sum == message.usage_metadata["output_tokens"]
    assert tokens["input"].unit == "{token}"
    assert tokens["input"].data.explicit_bounds[:3] == (1, 4, 16)
    (seconds,) = [point for point in points if point.name == "gen_ai.client.operation.duration"]
    assert (seconds.unit, seconds.data.count) == ("s", 1)
    assert seconds.attributes["gen_ai.request.model"] == "demo"
    assert "error.type" not in seconds.attributes


async def test_spans_nest_as_runs_do_and_within_the_programs_own() -> None:
    kit = Kit()
    asking = demo(Reply(tool_calls=[Call("look", {"query": "q"}, id="c1")]))
    helping = demo(Reply("found"))
    own = kit.provider.get_tracer("mine")

    @tool
    def look(query: str) -> str:
        """Looks."""
        return helping.invoke(query).text

    @chain
    async def agent(text: str) -> str:
        message = await asking.bind_tools([look]).ainvoke(text)
        with own.start_as_current_span("mine within"):
            (answer,) = await run_tools(message, [look])
        dispatch_custom_event("done")
        return answer.text

    with subscribe(kit.tracer), own.start_as_current_span("mine around"):
        await agent.ainvoke("hello")
    spans = kit.spans()
    parents = {
        name: next((one.name for one in spans.values() if one.context == span.parent), None)
        for name, span in spans.items()
        if name != "chat demo"
    }
    assert parents == {
        "mine around": None,
        "agent": "mine around",
        "mine within": "mine around",
        "execute_tool look": "mine within",
    }
    assert attributes(spans["execute_tool look"])["gen_ai.tool.call.id"] == "c1"
    assert [event.name for event in spans["agent"].events] == ["tidewire.custom"]
    calls = [span for span in kit.exported.get_finished_spans() if span.name == "chat demo"]
    assert [span.parent for span in calls] == [spans["agent"].context, spans["execute_tool look"].context]


async def test_what_was_said_is_recorded_on_request() -> None:
    kit = Kit(content=True)
    model = demo(Reply("Let me look.", reasoning="Hm.", tool_calls=[Call("look", {"query": "q"}, id="c1")]))

    @tool
    def look(query: str) -> str:
        """Looks."""
        dispatch_custom_event("looking", {"at": query})
        return "found"

    picture = {"type": "image", "url": "https://a.example/x.png"}
    prompt = [
        SystemMessage("Be brief."),
        HumanMessage(content_blocks=[{"type": "text", "text": "hello"}, picture]),  # type: ignore[list-item]  # pyright: ignore[reportArgumentType]  # a block of the field
        ToolMessage("before", tool_call_id="c0"),
    ]
    with subscribe(kit.tracer):
        message = await model.bind_tools([look]).ainvoke(prompt)
        await run_tools(message, [look])
    found = attributes(kit.spans()["chat demo"])
    assert json.loads(found["gen_ai.system_instructions"]) == [{"type": "text", "content": "Be brief."}]
    assert json.loads(found["gen_ai.input.messages"]) == [
        {"role": "user", "parts": [{"type": "text", "content": "hello"}, {"type": "image"}]},
        {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c0", "response": "before"}]},
    ]
    (answer,) = json.loads(found["gen_ai.output.messages"])
    assert answer["role"] == "assistant"
    assert answer["finish_reason"] == "tool_calls"
    assert [part["type"] for part in answer["parts"]] == ["reasoning", "text", "tool_call"]
    assert answer["parts"][2]["arguments"] == {"query": "q"}
    used = kit.spans()["execute_tool look"]
    assert json.loads(attributes(used)["gen_ai.tool.call.arguments"]) == {"query": "q"}
    assert "found" in attributes(used)["gen_ai.tool.call.result"]
    assert json.loads(str((used.events[0].attributes or {})["data"])) == {"at": "q"}


async def test_attempts_and_errors_are_on_the_span() -> None:
    kit = Kit()
    with subscribe(kit.tracer), pytest.raises(BadRequestError):
        await demo(Fail(status=503), Fail(status=400)).ainvoke("hello")
    span = kit.spans()["chat demo"]
    assert [event.name for event in span.events] == ["tidewire.retry"]
    assert span.status.status_code == StatusCode.ERROR
    assert attributes(span)["error.type"] == "BadRequestError"
    assert attributes(span)["http.response.status_code"] == 400
    (seconds,) = [point for point in kit.points() if point.name.endswith("duration")]
    assert seconds.attributes["error.type"] == "BadRequestError"


def test_what_a_failed_attempt_said_of_its_answer_is_not_the_spans() -> None:
    kit = Kit()
    events = (
        Start([]),
        Meta(id="first"),
        Finish("stop"),
        Retry(1, 0.0, "OutputParsingError", 1),
        Meta(id="second", model="m-2"),
        Fallback("a:m", "b:n", BadRequestError("no")),
        Meta(model="n"),
        End("error", error=BadRequestError("no")),
    )
    for event in events:
        kit.tracer(RUN, event)
    (span,) = kit.exported.get_finished_spans()
    found = attributes(span)
    assert found["gen_ai.response.model"] == "n"
    assert not found.keys() & {"gen_ai.response.id", "gen_ai.response.finish_reasons"}


def test_a_run_that_is_left_is_no_error_but_marked() -> None:
    kit = Kit()
    kit.tracer(RUN, Start([], {"stop": "x"}))
    kit.tracer(RUN, WarningEvent("dropped", "seed"))
    kit.tracer(RUN, Fallback("a", "b", None))
    kit.tracer(RUN, Meta(id="r1", model="gpt-1"))
    kit.tracer(RUN, Meta(request_id="q"))
    kit.tracer(RUN, Token("a"))
    usage = Usage(3, 4, 7, cache_read=1, cache_creation=2)
    kit.tracer(RUN, End("cancelled", usage=usage, usage_source="reported"))
    (span,) = kit.spans().values()
    found = attributes(span)
    assert found["error.type"] == "cancelled"
    assert span.status.status_code == StatusCode.UNSET
    assert (found["gen_ai.response.id"], found["gen_ai.response.model"]) == ("r1", "gpt-1")
    assert found["gen_ai.usage.cache_read.input_tokens"] == 1
    assert found["gen_ai.usage.cache_creation.input_tokens"] == 2
    assert found["gen_ai.request.stop_sequences"] == ("x",)
    assert [event.name for event in span.events] == ["tidewire.warning", "tidewire.fallback"]


def test_a_run_that_began_before_anybody_listened_is_passed_over() -> None:
    kit = Kit()
    kit.tracer(RUN, Token("a"))
    kit.tracer(RUN, End("ok"))
    assert not kit.spans()


def test_half_a_character_can_be_recorded() -> None:
    kit = Kit(content=True)
    run = Run(id=RUN.id, kind="tool", name="t")
    kit.tracer(run, Start({"a": "\ud83d"}))
    kit.tracer(run, End("ok", "x"))
    assert attributes(kit.spans()["execute_tool t"])["gen_ai.tool.call.arguments"] == '{"a": "\\ud83d"}'


def test_without_opentelemetry_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    with pytest.raises(ConfigurationError, match="tidewire\\[otel\\]"):
        trace_events()
