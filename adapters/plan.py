"""An answer of the stand-in, decided and not yet spelled: what to send, when, and what goes wrong on the way."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from itertools import groupby
from typing import TypeVar

import msgspec

from tidewire.adapters.script import Fail
from tidewire.events.blocks import JSONObject
from tidewire.events.types import DecodedEvent, Finish, FinishReason, Meta, Reasoning, Token, ToolCallDelta, Usage

_Piece = TypeVar("_Piece")


class Step(msgspec.Struct, frozen=True):
    """The events of one frame of the reply, and the seconds to wait before it. ``tokens`` is how many it holds."""

    delay_s: float
    events: tuple[DecodedEvent, ...]
    tokens: int = 1


class Plan(msgspec.Struct, frozen=True):
    """An answer, ready to be spelled.

    Attributes:
        id: The reply's id, without a prefix.
        model: The model that answers.
        steps: The content.
        finish: Why it ends.
        stop: The stop text that ended it, or None.
        usage: All tokens used.
        fail: What goes wrong, or None.
    """

    id: str
    model: str
    steps: tuple[Step, ...] = ()
    finish: FinishReason = "stop"
    stop: str | None = None
    usage: Usage = msgspec.field(default_factory=Usage)
    fail: Fail | None = None

    def ending(self) -> tuple[DecodedEvent, ...]:
        """The events after the content."""
        return (Finish(reason=self.finish, provider_reason=self.finish), self.usage)


def joined(plan: Plan) -> Iterator[DecodedEvent]:
    """The content with the pieces of each block as one event, as a reply that is not streamed has it.

    The probabilities of all tokens come last, in one ``meta``.
    """
    logprobs: list[JSONObject] = []
    said: list[DecodedEvent] = []
    for step in plan.steps:
        for event in step.events:
            if isinstance(event, Meta):
                logprobs.extend(event.logprobs or ())
            else:
                said.append(event)
    for _, pieces in groupby(said, _block_of):
        yield _one(list(pieces))
    if logprobs:
        yield Meta(logprobs=logprobs)


def with_whole_calls(plan: Plan) -> Iterator[Step]:
    """The steps of the content, with all pieces of a tool call in one: for formats that do not cut its arguments."""
    for _, group in groupby(plan.steps, _call_of):
        steps = list(group)
        events = steps[0].events
        if len(steps) > 1:
            events = (_one([event for step in steps for event in step.events]),)
        yield Step(sum(step.delay_s for step in steps), events, sum(step.tokens for step in steps))


def _call_of(step: Step) -> Hashable:
    event = step.events[0]
    return ("call", event.index) if isinstance(event, ToolCallDelta) else id(step)


def _block_of(event: DecodedEvent) -> Hashable:
    match event:
        case Token() | Reasoning() | ToolCallDelta():
            return type(event), event.index
        case _:
            return id(event)


def _one(pieces: list[DecodedEvent]) -> DecodedEvent:
    match pieces[0]:
        case Token() as first:
            return Token(text="".join(piece.text for piece in _only(Token, pieces)), index=first.index)
        case Reasoning() as first:
            thoughts = list(_only(Reasoning, pieces))
            text = "".join(piece.text for piece in thoughts)
            return Reasoning(text=text, signature=thoughts[-1].signature, index=first.index)
        case ToolCallDelta() as first:
            args = "".join(piece.args for piece in _only(ToolCallDelta, pieces))
            return ToolCallDelta(args=args, id=first.id, name=first.name, index=first.index)
        case other:
            return other


def _only(kind: type[_Piece], pieces: Iterable[DecodedEvent]) -> Iterator[_Piece]:
    return (piece for piece in pieces if isinstance(piece, kind))


__all__ = ["Plan", "Step", "joined", "with_whole_calls"]
