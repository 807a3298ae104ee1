"""What a decoder may yield: events whose fields have their types, in an order that the fold and the chunks rely on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from tidewire.events.types import CONTENT, Block, DecodedEvent, Finish, Reasoning, Token, ToolCallDelta, Usage

_COUNTS = tuple(name for name in Usage.__struct_fields__ if name not in ("seq", "time"))


def ill_formed(events: Sequence[object]) -> Iterator[str]:
    """Events that are none, or whose fields have wrong types. This holds for any bytes, broken ones too."""
    for place, event in enumerate(events):
        kind = type(event)
        if kind not in _KINDS:
            yield f"event {place} is a {kind.__name__}; a decoder yields {', '.join(sorted(_NAMES))}"
            continue
        try:
            msgspec.convert(msgspec.to_builtins(event), kind)
        except (TypeError, msgspec.ValidationError) as wrong:
            yield f"event {place}, {event!r:.200}, has a field of the wrong type: {wrong}"
            continue
        if isinstance(event, Block) and not isinstance(event.block.get("type"), str):
            yield f"event {place}: a block needs a type; its keys are {list(event.block)}"


def faults(events: Sequence[DecodedEvent], *, unterminated: bool) -> Iterator[str]:
    """What breaks the grammar in the events of a reply that is as it should be.

    Args:
        events: The events.
        unterminated: The reply may go on behind a finish reason.
    """
    yield from _finish(events, unterminated)
    yield from _usage(events)
    yield from _calls(events)
    for place, event in enumerate(events):
        match event:
            case Token(text=""):
                yield f"event {place} is a token without text: yield none for an empty piece"
            case Reasoning(text="", signature=None):
                yield f"event {place} is reasoning without text and signature: yield none for an empty piece"
            case Token(seq=seq) if seq != -1:
                yield f"event {place} has a seq: only the bus numbers events"
            case _:
                pass


_KINDS = frozenset(DecodedEvent.__args__)
_NAMES = frozenset(kind.__name__ for kind in DecodedEvent.__args__)


def _finish(events: Sequence[DecodedEvent], unterminated: bool) -> Iterator[str]:
    finishes = [place for place, event in enumerate(events) if isinstance(event, Finish)]
    if len(finishes) > 1:
        yield f"there are {len(finishes)} finish events (at {finishes}): yield one, when the reason is final"
    if finishes and not unterminated:
        for place, event in enumerate(events[finishes[0] :], finishes[0]):
            if type(event) in CONTENT:
                yield f"event {place}, {event!r:.200}, is content behind finish: yield finish when nothing more is said"


def _usage(events: Sequence[DecodedEvent]) -> Iterator[str]:
    last = Usage()
    for place, event in enumerate(events):
        if not isinstance(event, Usage):
            continue
        for name in _COUNTS:
            old, new = getattr(last, name), getattr(event, name)
            if old is not None and (new is None or new < old):
                yield (
                    f"event {place}: usage went down, {name} from {old} to {new}: yield totals of the call so far, "
                    "and repeat what was reported before"
                )
        cached = (event.cache_read or 0) + (event.cache_creation or 0)
        if cached > event.input_tokens:
            yield (
                f"event {place}: {cached} cached tokens in {event.input_tokens} input_tokens: count everything sent, "
                "cached or not"
            )
        if (event.reasoning or 0) > event.output_tokens:
            yield (
                f"event {place}: {event.reasoning} reasoning tokens in {event.output_tokens} output_tokens: count "
                "thinking as output"
            )
        last = event


def _calls(events: Sequence[DecodedEvent]) -> Iterator[str]:
    """Calls by index: an id is said once, a name too, and another id opens another call."""
    open_calls: dict[object, tuple[str | None, str | None]] = {}
    last: object = None
    for place, event in enumerate(events):
        if not isinstance(event, ToolCallDelta):
            continue
        where = f"event {place}, {event!r:.200}"
        opens = event.index is None and (event.id or event.name)
        key = place if opens else last if event.index is None else event.index
        last = key
        id, name = open_calls.get(key, (None, None))
        if event.id is not None and event.id == id:
            yield f"{where}, repeats the id of its call: say it once"
        if event.id is not None and id is not None and event.id != id:
            name = None
        if event.name is not None and name is not None:
            yield f"{where}, repeats the name of its call: say it once"
        if key not in open_calls and event.id is None and event.name is None:
            yield f"{where}, opens a call without id and name"
        open_calls[key] = (event.id or id, event.name or name)


__all__ = ["faults", "ill_formed"]
