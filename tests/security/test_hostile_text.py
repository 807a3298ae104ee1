"""Text from outside on its way into logs and errors: visible, of bounded length, and none of it a line of its own."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import tidewire
from tests.security.looked_at import Lines, LogOfProgram
from tidewire import init_chat_model
from tidewire.adapters.replay_transport import Exchange, ReplayTransport
from tidewire.events.errors import MESSAGE_LIMIT, APIStatusError, ConfigurationError, TidewireError
from tidewire.events.logging import log_events
from tidewire.events.otel import trace_events
from tidewire.events.types import Event, Run
from tidewire.events.visible_text import visible_lines

pytestmark = pytest.mark.parametrize("anyio_backend", ["asyncio"])

HOSTILE = "\x1b[2Jgone\r\n2026-01-01 ERROR all is lost \u202egnp.exe\u2066\x00\u200b\x9b31m" + "ü" * 3000
UNSEEN = "\x1b\r\x00\x9b\u202e\u2066\u200b"
PROMPT = "the tide of Zanzibar"


class Logger(LogOfProgram):
    def __init__(self) -> None:
        self.texts: list[str] = []
        super().__init__([])

    def debug(self, event: str, **fields: Any) -> None:
        self.texts += [event, *(str(value) for value in fields.values())]

    info = warning = error = debug


async def told(
    model: tidewire.ChatModel, *, content: bool = False
) -> tuple[list[str], list[str], TidewireError | None]:
    """What a call has logged, what its spans say, and its error."""
    exporter, tracers = InMemorySpanExporter(), TracerProvider()
    tracers.add_span_processor(SimpleSpanProcessor(exporter))
    logger, lines, root = Logger(), Lines(), logging.getLogger()
    level = root.level
    root.addHandler(lines)
    root.setLevel(logging.DEBUG)
    failed: TidewireError | None = None

    def broken(run: Run, event: Event) -> None:
        raise ValueError("of the program's own")

    broken.__qualname__ = HOSTILE
    try:
        with (
            tidewire.subscribe(log_events(logger, content=content)),
            tidewire.subscribe(trace_events(tracer_provider=tracers, meter_provider=MeterProvider(), content=content)),
            tidewire.subscribe(broken),
        ):
            try:
                await model.ainvoke(PROMPT)
            except TidewireError as error:
                failed = error
    finally:
        root.removeHandler(lines)
        root.setLevel(level)
    spans = [
        str(value)
        for span in exporter.get_finished_spans()
        for value in (
            span.name,
            *(span.attributes or {}).values(),
            *(value for event in span.events for value in (event.name, *(event.attributes or {}).values())),
        )
    ]
    return logger.texts + lines.lines[::2], spans, failed


@pytest.mark.parametrize("status", [400, 500])
async def test_what_a_provider_and_a_caller_say_is_harmless_in_logs_spans_and_errors(status: int) -> None:
    body = msg({"error": {"message": HOSTILE, "code": HOSTILE, "type": HOSTILE}})
    transport = ReplayTransport(Exchange(body=body, status=status, headers={"x-request-id": HOSTILE}))
    model = init_chat_model("openai:" + HOSTILE, api_key="k", max_retries=0, transport=transport)
    model = model.with_config(run_name=HOSTILE, tags=[HOSTILE])
    texts, spans, error = await told(model)
    assert isinstance(error, APIStatusError)
    for text in (*texts, *spans, str(error), error.message, str(error.provider_code)):
        assert not set(UNSEEN) & set(text), text[:200]
        assert "\n2026" not in text
    assert len(str(error).encode()) <= MESSAGE_LIMIT
    assert max(len(text.encode()) for text in texts if not text.startswith("[")) <= 2200
    assert texts
    assert spans


async def test_what_a_reply_says_of_itself_is_harmless_in_logs_and_spans() -> None:
    choice = {"message": {"content": "Hi"}, "finish_reason": HOSTILE}
    transport = ReplayTransport(msg({"id": HOSTILE, "model": HOSTILE, "choices": [choice]}))
    texts, spans, _ = await told(init_chat_model("groq:m", api_key="k", max_retries=0, transport=transport))
    for text in (*texts, *spans):
        assert not set(UNSEEN) & set(text), text[:200]
        assert len(text.encode()) <= 2200


async def test_prompts_and_answers_are_logged_only_on_request() -> None:
    for content in (False, True):
        model = init_chat_model("embedded:demo", script=["High at six."])
        texts, spans, _ = await told(model, content=content)
        shown = "\n".join([*texts, *spans])
        assert (PROMPT in shown) == content
        assert ("High at six." in shown) == content


@given(text=st.text())
async def test_an_error_shows_any_text_within_its_limit(text: str) -> None:
    for kind in (TidewireError, ConfigurationError, APIStatusError):
        message = str(kind(text * 50))
        assert len(message.encode()) <= MESSAGE_LIMIT
        assert not set(UNSEEN) & set(message)
    assert visible_lines("two\nlines\tand a tab", 100) == "two\nlines\tand a tab"


def msg(value: object) -> bytes:
    return json.dumps(value).encode()
