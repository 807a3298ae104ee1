"""Everything of a call that somebody may look at, as one text: what is shown, written, logged and sent to others."""

from __future__ import annotations

import json
import logging
import pickle
import traceback
import warnings
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import tidewire
from tidewire import ChatModel
from tidewire.callbacks import BaseCallbackHandler
from tidewire.events.errors import TidewireError
from tidewire.events.journal import Journal
from tidewire.events.logging import log_events
from tidewire.events.messages import AIMessage
from tidewire.events.otel import trace_events
from tidewire.events.plain_values import to_plain
from tidewire.events.serial import dumpd, dumps
from tidewire.events.types import Event, Run

_TESTS = str(Path(__file__).parents[1])


class Lines(logging.Handler):
    """Keeps the records of all loggers, with all that hangs on them."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines += [record.getMessage(), repr(vars(record))]


class LogOfProgram:
    """A structlog logger that keeps what it is told."""

    def __init__(self, seen: list[str]) -> None:
        self._seen = seen

    def debug(self, event: str, **fields: Any) -> None:
        self._seen.append(f"{event} {fields!r}")

    info = warning = error = debug


class Handler(BaseCallbackHandler):
    """Keeps what callbacks are told."""

    def __init__(self, seen: list[str]) -> None:
        self._seen = seen

    def _keep(self, *args: Any, **kwargs: Any) -> None:
        self._seen.append(f"{args!r} {kwargs!r}")

    on_chat_model_start = on_llm_new_token = on_llm_end = on_llm_error = _keep


def frames(error: BaseException) -> Iterator[str]:
    """The traceback of an error and of all that led to it, with local variables, but for the frames of the tests."""
    told = traceback.TracebackException.from_exception(error, capture_locals=True)
    left: list[traceback.TracebackException] = [told]
    seen: set[int] = set()
    while left:
        one = left.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield from one.format_exception_only()
        for frame in one.stack:
            if not frame.filename.startswith(_TESTS):
                yield f"{frame.filename} {frame.name} {frame.locals}"
        left += [other for other in (one.__cause__, one.__context__) if other is not None]
        left += one.exceptions or []


def shown_of(thing: object) -> Iterator[str]:
    """What a public object shows: itself, and its parts one level down."""
    yield f"{thing!r} {thing!s}"
    for name in dir(thing):
        if not name.startswith("_"):
            try:
                yield f"{name} {getattr(thing, name)!r}"
            except Exception as error:  # noqa: BLE001 - a property that fails shows its reason
                yield repr(error)
    yield repr(getattr(thing, "__dict__", None))


def pickled(thing: object) -> bytes:
    """Its pickle; the reason where it has none."""
    try:
        return pickle.dumps(thing)
    except Exception as error:  # noqa: BLE001 - whatever refuses says why
        return repr(error).encode()


async def look_at(model: ChatModel, *, stream: bool, records: bool = False) -> tuple[str, object]:
    """Make a call; gives all that can be seen of it, and its answer or its error."""
    seen: list[str] = []
    lines, root = Lines(), logging.getLogger()
    level = root.level
    exporter, tracers = InMemorySpanExporter(), TracerProvider()
    tracers.add_span_processor(SimpleSpanProcessor(exporter))
    written = BytesIO()

    def subscriber(run: Run, event: Event) -> None:
        seen.append(f"{run!r} {event!r} {to_plain(event)!r}")

    root.addHandler(lines)
    root.setLevel(logging.DEBUG)
    answer: object
    try:
        with (
            warnings.catch_warnings(record=True) as warned,
            tidewire.subscribe(subscriber),
            tidewire.subscribe(log_events(LogOfProgram(seen), content=True)),
            tidewire.subscribe(trace_events(tracer_provider=tracers, meter_provider=MeterProvider(), content=True)),
            Journal(written) as journal,
            tidewire.subscribe(journal),
        ):
            try:
                answer = await _call(model.with_config(callbacks=[Handler(seen)]), seen, stream=stream, records=records)
            except Exception as error:  # noqa: BLE001 - any error is looked at
                answer = error
    finally:
        root.removeHandler(lines)
        root.setLevel(level)
    seen += lines.lines
    seen += [str(one.message) for one in warned]
    seen += [span.to_json() for span in exporter.get_finished_spans()]
    seen += [written.getvalue().decode(), repr(pickled(answer)), repr(pickled(model))]
    if isinstance(answer, BaseException):
        seen += frames(answer)
        if isinstance(answer, TidewireError):
            seen += [repr(to_plain(answer)), repr(vars(answer)), *getattr(answer, "__notes__", ())]
    elif isinstance(answer, AIMessage):
        seen += [json.dumps(dumpd(answer)), dumps(answer), repr(vars(answer)) if hasattr(answer, "__dict__") else ""]
    for thing in (model, model.settings, model.settings.credentials, model.settings.transport):
        seen += shown_of(thing)
    return "\n".join(seen), answer


async def _call(model: ChatModel, seen: list[str], *, stream: bool, records: bool) -> object:
    if records:
        async for record in model.astream_events("Hi"):
            seen.append(repr(record))
        return None
    if not stream:
        return await model.ainvoke("Hi")
    total: Any = None
    async for chunk in model.astream("Hi"):
        seen.append(repr(chunk))
        total = chunk if total is None else total + chunk
    return total
