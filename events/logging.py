"""Runs in the program's log, by structlog: what starts, waits, is tried again, warns and ends, as events with fields.

Prompts and answers are logged only on request. Text that came from outside stands there on one line, with control and
reordering characters escaped, and takes at most 2,000 bytes.
"""

from __future__ import annotations

from typing import Any, Final, Protocol, cast
from uuid import UUID

from tidewire.events.errors import APIStatusError, TidewireError
from tidewire.events.messages import BaseMessage
from tidewire.events.types import Custom, End, Event, Fallback, Retry, Run, Start, Wait, WarningEvent
from tidewire.events.visible_text import visible_text

#: Longest text of a field, in bytes.
FIELD_LIMIT: Final = 2000


class Logger(Protocol):
    """What is logged to: a structlog logger, or what has its methods."""

    def debug(self, event: str, **fields: Any) -> object:
        """Log for those who look for something."""
        ...

    def info(self, event: str, **fields: Any) -> object:
        """Log what is as it should be."""
        ...

    def warning(self, event: str, **fields: Any) -> object:
        """Log what may have to be looked after."""
        ...

    def error(self, event: str, **fields: Any) -> object:
        """Log what failed."""
        ...


def log_events(logger: Logger | None = None, *, content: bool = False) -> EventLog:
    """A subscriber that logs runs: ``with tidewire.subscribe(log_events()): …``.

    Args:
        logger: Where to log; by default structlog's logger "tidewire", with the configuration of the program.
        content: Log prompts and answers too, what custom events carry, and the texts of errors that are not tidewire's.
    """
    if logger is None:
        import structlog

        own: Logger = structlog.get_logger("tidewire")
        return EventLog(own, content=content)
    return EventLog(logger, content=content)


class EventLog:
    """The subscriber that :func:`log_events` makes."""

    #: A call is not streamed for the log's sake.
    wants_tokens = False

    def __init__(self, logger: Logger, *, content: bool) -> None:
        self._logger = logger
        self._content = content
        self._began: dict[UUID, float] = {}

    def __call__(self, run: Run, event: Event) -> None:
        """Log an event; called by the bus."""
        match event:
            case Start():
                self._began[run.id] = event.time
                self._logger.debug("run started", **_about(run), **self._said("input", event.input))
            case Retry():
                self._logger.warning(
                    "attempt failed",
                    **_about(run),
                    attempt=event.attempt,
                    wait_s=round(event.wait_s, 3),
                    reason=shown(event.reason),
                )
            case Wait():
                self._logger.info("run waits", **_about(run), why=shown(event.why), wait_s=round(event.seconds, 3))
            case Fallback():
                self._logger.warning(
                    "another model takes over",
                    **_about(run),
                    from_model=shown(event.from_model),
                    to_model=shown(event.to_model),
                    **self._failure(event.error),
                )
            case WarningEvent():
                self._logger.warning("run warns", **_about(run), code=shown(event.code), text=shown(event.text))
            case Custom():
                fields = {"custom": shown(event.name)} | self._said("data", event.data)
                self._logger.info("custom event", **_about(run), **fields)
            case End():
                self._end(run, event)
            case _:
                pass  # parts of an answer: its end has them all

    def _end(self, run: Run, event: End) -> None:
        began = self._began.pop(run.id, event.time)
        fields = _about(run) | {"outcome": event.outcome, "duration_s": round(event.time - began, 3)}
        if event.usage is not None:
            fields["input_tokens"] = event.usage.input_tokens
            fields["output_tokens"] = event.usage.output_tokens
        if event.cost is not None and event.cost.usd is not None:
            fields["cost_usd"] = str(event.cost.usd)
        if event.output is not None:
            fields |= self._said("output", event.output)
        match event.outcome:
            case "ok":
                self._logger.info("run ended", **fields)
            case "error":
                self._logger.error("run failed", **fields, **self._failure(event.error))
            case "cancelled" | "abandoned":
                self._logger.warning("run left", **fields)

    def _failure(self, error: object) -> dict[str, Any]:
        fields: dict[str, Any] = {"error": type(error).__name__}
        if isinstance(error, TidewireError):  # no prompt stands in its text
            fields |= {"message": shown(error.message), "attempts": error.attempts}
            if isinstance(error, APIStatusError):
                fields["status_code"] = error.status_code
                fields["request_id"] = None if error.request_id is None else shown(error.request_id)
            return fields
        return fields | self._said("message", error)

    def _said(self, name: str, value: object) -> dict[str, Any]:
        if not self._content:
            return {}
        if isinstance(value, BaseMessage):
            return {name: shown(value.text)}
        messages = _messages(value)
        if messages:
            return {name: [f"{message.type}: {shown(message.text)}" for message in messages]}
        return {name: shown(str(value))}


def _messages(value: object) -> list[BaseMessage]:
    """The messages that a call was given; nothing for an input of another kind."""
    items = cast("list[object]", value) if isinstance(value, list) else []
    messages = [item for item in items if isinstance(item, BaseMessage)]
    return messages if len(messages) == len(items) else []


def shown(text: str) -> str:
    """A text from outside as it may stand in a log: one line, harmless, at most 2,000 bytes."""
    visible = visible_text(text, FIELD_LIMIT)
    encoded = visible.encode()
    return visible if len(encoded) <= FIELD_LIMIT else encoded[: FIELD_LIMIT - 3].decode(errors="ignore") + "…"


def _about(run: Run) -> dict[str, Any]:
    fields: dict[str, Any] = {"run_id": str(run.id), "kind": run.kind, "name": shown(run.name)}
    if run.parent_id is not None:
        fields["parent_run_id"] = str(run.parent_id)
    if run.provider is not None:
        fields["provider"] = run.provider
    if run.model is not None:
        fields["model"] = shown(run.model)
    if run.tags:
        fields["tags"] = [shown(tag) for tag in run.tags]
    return fields


__all__ = ["FIELD_LIMIT", "EventLog", "Logger", "log_events", "shown"]
