"""Runs in the program's log."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from tests.events.strategies import RUN
from tidewire import chain, dispatch_custom_event, init_chat_model, subscribe
from tidewire.adapters.script import Fail, Reply
from tidewire.events.errors import BadRequestError, ConfigurationError
from tidewire.events.logging import FIELD_LIMIT, Logger, log_events, shown
from tidewire.events.messages import AIMessage, HumanMessage
from tidewire.events.types import Cost, End, Event, Fallback, Retry, Run, Start, Token, Wait, WarningEvent


class Lines:
    """A logger that keeps its lines."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str, dict[str, Any]]] = []

    def debug(self, event: str, **fields: Any) -> None:
        self.lines.append(("debug", event, fields))

    def info(self, event: str, **fields: Any) -> None:
        self.lines.append(("info", event, fields))

    def warning(self, event: str, **fields: Any) -> None:
        self.lines.append(("warning", event, fields))

    def error(self, event: str, **fields: Any) -> None:
        self.lines.append(("error", event, fields))


async def test_a_call_is_logged_at_its_start_and_its_end_without_what_was_said() -> None:
    lines = Lines()
    model = init_chat_model("embedded:demo", script=["my answer"])
    with subscribe(log_events(lines)):
        await model.ainvoke("my prompt", {"tags": ["t"]})
    (first, start, about), (second, end, fields) = lines.lines
    assert (first, start, second, end) == ("debug", "run started", "info", "run ended")
    assert (about["kind"], about["provider"], about["model"], about["tags"]) == (
        "chat_model",
        "embedded",
        "demo",
        ["t"],
    )
    assert fields["outcome"] == "ok"
    assert fields["input_tokens"] > 0
    assert fields["output_tokens"] > 0
    assert fields["duration_s"] >= 0
    assert "my answer" not in str(lines.lines)
    assert "my prompt" not in str(lines.lines)


async def test_what_was_said_is_logged_on_request() -> None:
    lines = Lines()
    model = init_chat_model("embedded:demo", script=["my answer"])

    @chain
    async def ask(text: str) -> str:
        dispatch_custom_event("asking", {"text": text})
        return (await model.ainvoke(text)).text

    with subscribe(log_events(lines, content=True)):
        await ask.ainvoke("my prompt")
    said = [(event, {key: fields.get(key) for key in ("input", "output", "data")}) for _, event, fields in lines.lines]
    assert said == [
        ("run started", {"input": "my prompt", "output": None, "data": None}),
        ("custom event", {"input": None, "output": None, "data": "{'text': 'my prompt'}"}),
        ("run started", {"input": ["human: my prompt"], "output": None, "data": None}),
        ("run ended", {"input": None, "output": "my answer", "data": None}),
        ("run ended", {"input": None, "output": "my answer", "data": None}),
    ]
    inner = lines.lines[2][2]
    assert inner["parent_run_id"] == lines.lines[0][2]["run_id"]


async def test_attempts_that_fail_and_errors_are_told() -> None:
    lines = Lines()
    model = init_chat_model("embedded:demo", script=[Fail(status=503), Fail(status=400)])
    with subscribe(log_events(lines)), pytest.raises(BadRequestError):
        await model.ainvoke("hi")
    _, retry, end = lines.lines
    assert retry[:2] == ("warning", "attempt failed")
    assert (retry[2]["attempt"], retry[2]["reason"]) == (1, "OverloadedError (503)")
    assert end[:2] == ("error", "run failed")
    assert (end[2]["error"], end[2]["status_code"], end[2]["attempts"]) == ("BadRequestError", 400, 2)


def told(*events: Event, run: Run = RUN, content: bool = False) -> list[tuple[str, str, dict[str, Any]]]:
    lines = Lines()
    log = log_events(lines, content=content)
    for event in events:
        log(run, event)
    return lines.lines


def test_the_cost_of_a_call_is_told_where_it_is_known() -> None:
    known, unknown = told(End("ok", cost=Cost(Decimal("0.0012"))), End("ok", cost=Cost(unpriced=("m: input",))))
    assert known[2]["cost_usd"] == "0.0012"
    assert "cost_usd" not in unknown[2]


def test_the_text_of_a_foreign_error_is_content() -> None:
    end = End("error", error=ValueError("my prompt"))
    ((_, _, fields),) = told(end)
    assert fields["error"] == "ValueError"
    assert "message" not in fields
    ((_, _, fields),) = told(end, content=True)
    assert fields["message"] == "my prompt"


def test_waits_fallbacks_warnings_and_leaving_are_told() -> None:
    lines = told(
        Start([]),
        Token("unsaid"),
        Wait("rate_limiter", 1.23456),
        Fallback("a", "b", ConfigurationError("no")),
        WarningEvent("dropped", "temperature"),
        End("abandoned", AIMessage("half")),
        End("cancelled"),
    )
    assert [(level, event) for level, event, _ in lines] == [
        ("debug", "run started"),
        ("info", "run waits"),
        ("warning", "another model takes over"),
        ("warning", "run warns"),
        ("warning", "run left"),
        ("warning", "run left"),
    ]
    assert lines[1][2]["wait_s"] == 1.235
    assert (lines[2][2]["to_model"], lines[2][2]["message"]) == ("b", "no")
    assert (lines[3][2]["code"], lines[3][2]["text"]) == ("dropped", "temperature")
    assert "unsaid" not in str(lines)


def test_texts_from_outside_cannot_forge_lines_or_hide() -> None:
    run = Run(id=UUID(int=3), kind="tool", name="evil\n2026 error\u202e", tags=("\x1b[31m",), model="m\x00")
    ((_, _, fields),) = told(Retry(1, 0.5, "line\nnext"), run=run)
    assert fields["name"] == "evil 2026 error\\u202e"
    assert fields["tags"] == ["\\x1b[31m"]
    assert fields["model"] == "m\\x00"
    assert fields["reason"] == "line next"


@given(st.text(st.characters(), max_size=20).map(lambda text: text * 300))
def test_a_field_takes_at_most_two_kilobytes(text: str) -> None:
    assert len(shown(text).encode()) <= FIELD_LIMIT


def test_lists_that_are_not_of_messages_are_texts() -> None:
    ((_, _, fields),) = told(Start([1, HumanMessage("a")]), content=True)
    assert fields["input"].startswith("[1, HumanMessage")


async def test_structlog_is_the_log_by_default() -> None:
    model = init_chat_model("embedded:demo", script=[Reply("hi")])
    with capture_logs() as lines, subscribe(log_events()):
        await model.ainvoke("hello")
    assert [(line["event"], line["log_level"]) for line in lines] == [("run started", "debug"), ("run ended", "info")]


def test_a_logger_of_structlog_is_taken() -> None:
    logger: Logger = structlog.get_logger("mine")
    with capture_logs() as lines:
        log_events(logger)(RUN, End("ok"))
    assert lines[0]["outcome"] == "ok"
