"""What the suite works with: recorded replies with what they hold, and what a codec makes of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import cast

import msgspec

from tidewire.adapters.spec import Codec
from tidewire.events.blocks import JSONObject
from tidewire.events.errors import TidewireError
from tidewire.events.fold import Fold
from tidewire.events.messages import AIMessage
from tidewire.events.types import DecodedEvent, Finish, FinishReason, Usage


class ConformanceError(AssertionError):
    """An adapter breaks a rule. Says which, on what input, and how to mend it."""


class Recording(msgspec.Struct, frozen=True, kw_only=True):
    """A recorded reply and what it holds. What is not declared must not be in it.

    Attributes:
        name: What to call it in the names of the tests.
        body: The bytes of the reply.
        streamed: Whether it is a stream; False for a plain reply.
        text: The text of the answer.
        reasoning: What the model thought, as one text.
        tool_calls: The calls, each with ``name`` and ``args``, and with ``id`` where that is to be compared.
        other_blocks: The types of the other content blocks, in their order; None if they are not to be compared.
        finish: Why the model stopped, in the word for all providers; None if it is not to be compared.
        usage: The tokens that the reply reports; details that are None are not compared.
        model: The model that the reply names.
        error: The class of the error that the reply is or ends with. The fields above then say what came before it.
        status: The HTTP status.
        headers: The reply's headers, names in lower case.
        unterminated: The format does not say where this answer ends: a reply that is cut behind a finish reason
            cannot be told from a whole one.
        same_answer_as: The name of another recording that holds the same answer, such as the plain one of a stream.
    """

    name: str
    body: bytes
    streamed: bool = True
    text: str = ""
    reasoning: str = ""
    tool_calls: Sequence[JSONObject] = ()
    other_blocks: Sequence[str] | None = ()
    finish: FinishReason | None = "stop"
    usage: Usage | None = None
    model: str | None = None
    error: type[TidewireError] | None = None
    status: int = 200
    headers: Mapping[str, str] = {}
    unterminated: bool = False
    same_answer_as: str | None = None


class Outcome(msgspec.Struct):
    """What a codec made of a reply: its events, and the error that ended it."""

    events: list[DecodedEvent]
    error: TidewireError | None = None

    @property
    def finish(self) -> Finish | None:
        """The finish event, if there is one."""
        return next((event for event in self.events if isinstance(event, Finish)), None)

    def message(self) -> AIMessage:
        """The message that the events make."""
        fold = Fold()
        for event in self.events:
            fold.add(event)
        return AIMessage.from_fold(fold)

    def same_as(self, other: Outcome) -> bool:
        """Whether both have the same events and the same error."""
        # Not a number is not equal to itself, but it is printed alike.
        return self.error_facts() == other.error_facts() and (
            self.events == other.events or repr(self.events) == repr(other.events)
        )

    def error_facts(self) -> tuple[object, ...]:
        """What is equal for the same error."""
        error = self.error
        if error is None:
            return ()
        return type(error), error.message, getattr(error, "status_code", None), getattr(error, "provider_code", None)

    def __str__(self) -> str:
        end = "no error" if self.error is None else f"{type(self.error).__name__}: {self.error.message}"
        return f"{shown(self.events)}, {end}"


def read(codec: Codec, recording: Recording, reads: Iterable[bytes]) -> Outcome:
    """What the codec makes of a recording's body in these reads, as the pump would have it.

    Raises:
        ConformanceError: The codec raised an exception of another kind than its contract allows.
    """
    events: list[DecodedEvent] = []
    body = b""
    try:
        if recording.status >= 400:
            return Outcome([], codec.error(recording.status, recording.headers, b"".join(reads)))
        decoder = codec.decoder(streamed=recording.streamed)
        for data in reads:
            body += data
            events.extend(decoder.feed(data))
            if decoder.done:
                return Outcome(events)
        events.extend(decoder.close())
    except TidewireError as error:
        return Outcome(events, error)
    except Exception as error:
        raise ConformanceError(
            f"{recording.name}: {codec.name} raised {type(error).__name__}: {error}\n"
            f"  after reading {shown(body[-300:])}\n"
            "  Raise a ResponseDecodeError for bytes that are not the provider's format; read them with structs "
            "(msgspec), and catch msgspec.DecodeError, UnicodeDecodeError and RecursionError around that."
        ) from error
    return Outcome(events)


def content_of(message: AIMessage) -> list[JSONObject]:
    """The blocks of a message, as plain dicts."""
    return cast("list[JSONObject]", message.content_blocks)


def differences(recording: Recording, outcome: Outcome) -> list[str]:
    """Where the outcome is not what the recording declares."""
    if recording.error is None and outcome.error is not None:
        return [f"error: none is declared, found {type(outcome.error).__name__}: {outcome.error.message}"]
    message = outcome.message()
    blocks = content_of(message)
    thoughts = [str(block.get("reasoning", "")) for block in blocks if block["type"] == "reasoning"]
    wrong: list[str] = []

    def compare(field: str, declared: object, found: object) -> None:
        if declared != found:
            wrong.append(f"{field}: declared {shown(declared)}, found {shown(found)}")

    if recording.error is not None:
        found = type(outcome.error)
        if not issubclass(found, recording.error):
            wrong.append(f"error: declared {recording.error.__name__}, found {found.__name__}")
    compare("text", recording.text, message.text)
    compare("reasoning", recording.reasoning, "".join(thoughts))
    if recording.error is None:  # of calls that broke off there is no telling what they would have been
        compare("tool_calls", list(recording.tool_calls), _comparable_calls(recording, message))
        if recording.finish is not None:
            compare("finish", recording.finish, outcome.finish and outcome.finish.reason)
        compare("usage", *_comparable_usage(recording.usage, message))
        compare("model", recording.model, message.response_metadata.get("model_name"))
        if recording.other_blocks is not None:
            others = [block["type"] for block in blocks if block["type"] not in _DECLARED_APART]
            compare("other_blocks", list(recording.other_blocks), others)
    return wrong


_DECLARED_APART = ("text", "reasoning", "tool_call")


def _comparable_calls(recording: Recording, message: AIMessage) -> list[JSONObject]:
    """The calls with the fields that are declared for each of them."""
    found: list[JSONObject] = []
    for place, call in enumerate(message.tool_calls):
        fields = recording.tool_calls[place].keys() if place < len(recording.tool_calls) else {"name", "args"}
        found.append({key: value for key, value in call.items() if key in fields})
    return found


def _comparable_usage(declared: Usage | None, message: AIMessage) -> tuple[JSONObject, JSONObject]:
    """The counts that are declared, and those that were found for them."""
    if message.usage_metadata is None or declared is None:
        return _counts(declared), cast("JSONObject", message.usage_metadata or {})
    wanted, found = _counts(declared), _counts(Usage.from_metadata(message.usage_metadata))
    return wanted, {name: found.get(name) for name in wanted}


def _counts(usage: Usage | None) -> JSONObject:
    if usage is None:
        return {}
    counts = ((name, getattr(usage, name)) for name in usage.__struct_fields__ if name not in ("seq", "time"))
    return {name: count for name, count in counts if count is not None}


def shown(value: object, limit: int = 400) -> str:
    """A value for a message, cut."""
    text = repr(value)
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


__all__ = ["ConformanceError", "Outcome", "Recording", "content_of", "differences", "read", "shown"]
