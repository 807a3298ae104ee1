"""A model whose answers are values in a form, as ``with_structured_output`` gives it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Generic, TypedDict, TypeVar, cast

from tidewire.call import Call
from tidewire.events.errors import OutputParsingError
from tidewire.events.messages import AIMessage
from tidewire.events.types import End, Event, Fallback, FinishReason, Retry, Token, ToolCallDelta
from tidewire.model import Model
from tidewire.partial_values import GrowingText
from tidewire.settings import Settings
from tidewire.structured import Form, is_tool_asked, unfenced
from tidewire.type_hints import MISSING, Value

if TYPE_CHECKING:
    from tidewire.open_settings import OpenSettings

T = TypeVar("T")

#: A growing answer is read again when it has grown by this part of itself: the cost of all readings stays in
#: proportion to the answer's length, and what is shown lags behind by less than anybody sees.
GROWTH = 1 / 256


class RawOutput(TypedDict, Generic[T]):
    """What a model gives under ``include_raw=True``: the message, and what it says, or the error of reading it."""

    raw: AIMessage
    parsed: T | None
    parsing_error: OutputParsingError | None


class StructuredModel(Model[T, T]):
    """A model whose answers are values in a form.

    It has the methods of a :class:`~tidewire.ChatModel`; what they give is read from the answer. ``astream`` and
    ``stream`` give the value as it grows: dicts, or instances with the fields that have arrived; the last one is
    whole and checked. ``bind``, ``bind_tools`` and ``with_config`` keep the form.

    Raises:
        OutputParsingError: From any call: the answer is no JSON, is cut, or does not fit; ``raw`` is the message.
        RefusalError: The model refused; the error's text is what it said.
    """

    __slots__ = ()

    def __init__(self, source: Settings | OpenSettings) -> None:
        self.source = source

    def _output_of(self, call: Call) -> T:
        return cast("T", _outcome(call, _form_of(call), call.message))

    def _pieces_of(self, call: Call) -> Callable[[list[Event]], list[T]]:
        return cast("Callable[[list[Event]], list[T]]", _Growing(call).pieces)


def _form_of(call: Call) -> Form:
    form = call.settings.form
    assert form is not None
    return form


def _outcome(call: Call, form: Form, message: AIMessage) -> Value:
    """What a call that is over gives: the value, or with its message."""
    finish = call.bus.fold.finish
    reason: FinishReason | None = None if finish is None else finish.reason
    try:
        parsed = form.parse(message, reason, call.request)
    except OutputParsingError as error:
        error.raw = message
        error.provider, error.model = call.settings.adapter.provider, call.settings.model
        error.attempts = call.attempts
        error.partial = message if call.bus.fold.has_content else None
        if not form.include_raw:
            raise
        return _raw(message, None, error)
    return _raw(message, parsed, None) if form.include_raw else parsed


def _raw(message: AIMessage, parsed: Value, error: OutputParsingError | None) -> RawOutput[Value]:
    return {"raw": message, "parsed": parsed, "parsing_error": error}


class _Growing:
    """Makes the values of a streamed answer: a new one after each read that changed it, the whole one at the end."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._form = _form_of(call)
        self._length = 0
        self._read_at = 0
        self._growing = GrowingText(self._form.hint)
        self._count = 0

    def pieces(self, events: list[Event]) -> list[Value]:
        """The values after the events of one read.

        Raises:
            OutputParsingError: The answer is over and cannot be read.
        """
        for event in events:
            match event:
                case Token():
                    self._length += len(event.text)
                case ToolCallDelta():
                    self._length += len(event.args)
                case Retry() | Fallback():
                    self._length = self._read_at = 0
                case End() if event.outcome == "ok":
                    return self._last(_outcome(self._call, self._form, self._call.message))
                case _:
                    pass  # nothing of it is part of the value
        if self._length <= self._read_at * (1 + GROWTH):
            return []
        self._read_at = self._length
        return self._so_far()

    def _so_far(self) -> list[Value]:
        value = self._growing.read(self._text())
        if value is MISSING:
            return []
        self._count += 1
        if not self._form.include_raw:
            return [value]
        return [_raw(AIMessage.from_fold(self._call.bus.fold.copy()), value, None)]

    def _last(self, outcome: Value) -> list[Value]:
        # A dict that was shown already is not shown again; an instance is, for only the last one is whole.
        is_shown = (
            self._count and not self._form.include_raw and isinstance(outcome, dict) and outcome == self._growing.shown
        )
        return [] if is_shown else [outcome]

    def _text(self) -> str:
        """The JSON text that has arrived."""
        fold = self._call.bus.fold
        if not is_tool_asked(self._call.request, self._form.name):
            return unfenced(fold.text())
        for block in fold.blocks(final=False):
            if block["type"] == "tool_call_chunk" and block["name"] == self._form.name:
                return block["args"] or ""
        return ""


__all__ = ["GROWTH", "RawOutput", "StructuredModel"]
