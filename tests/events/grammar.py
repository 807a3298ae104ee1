"""The grammar of a run, as ``tidewire.events.types`` draws it, to be checked on what a bus published."""

from __future__ import annotations

from collections.abc import Sequence

from tidewire.events.types import (
    CONTENT,
    Custom,
    End,
    Event,
    Fallback,
    Gap,
    Piece,
    Retry,
    RunKind,
    Start,
    Wait,
    WarningEvent,
)

_SAID_BY_ALL = (Start, Wait, WarningEvent, Custom, End)


def check_grammar(events: Sequence[Event], kind: RunKind = "chat_model") -> None:
    """Fail unless these are all the events of one run, each in a place where it may stand.

    Args:
        events: What was published, in order, from ``start`` to ``end``.
        kind: What the run was of.
    """
    assert events, "a run has events"
    assert [event.seq for event in events] == list(range(len(events))), "seq counts from 0 without a gap"
    times = [event.time for event in events]
    assert times == sorted(times), "time does not run backwards"
    assert len({id(event) for event in events}) == len(events), "no event is published twice"
    assert [type(event) for event in events].count(Start) == 1, "there is one start"
    assert [type(event) for event in events].count(End) == 1, "there is one end"
    assert isinstance(events[0], Start), "start is first"
    end = events[-1]
    assert isinstance(end, End), "end is last"
    content = _check_order(events, kind)
    _check_end(end, kind, content)


def _check_order(events: Sequence[Event], kind: RunKind) -> bool:
    """Check what may follow what; returns whether there is content that counts."""
    content = False
    attempts = 0
    for event in events:
        name = type(event).__name__
        assert not isinstance(event, Gap), "a gap belongs to a tap, not to a run"
        is_piece = kind == "chain" and isinstance(event, Piece)
        assert kind == "chat_model" or is_piece or isinstance(event, _SAID_BY_ALL), f"a {kind} has no {name}"
        assert kind == "chain" or not isinstance(event, Piece), f"a {kind} has no {name}"
        if isinstance(event, Fallback):
            assert not content, "no fallback after content"
            attempts = 0
        elif isinstance(event, Retry):
            attempts += 1
            assert event.attempt == attempts, f"attempt {attempts} failed, not {event.attempt}"
            assert event.wait_s >= 0, "a wait is not negative"
            if event.discard_from is None:
                assert not content, "no retry after content, unless it discards"
            else:
                assert 0 < event.discard_from <= event.seq, "what is discarded was published before"
            content = False
        elif type(event) in CONTENT:
            content = True
    return content


def _check_end(end: End, kind: RunKind, content: bool) -> None:
    if end.outcome == "ok":
        assert end.error is None, "a run that went well has no error"
        assert kind != "chat_model" or end.output is not None, "a call that went well has a message"
    if end.outcome == "error":
        assert end.error is not None, "a run that failed has an error"
    if kind == "chat_model":
        assert not content or end.output is not None, "content that arrived is in the output"
        assert (end.usage is None) == (end.usage_source == "unknown"), "usage is marked as what it is"


__all__ = ["check_grammar"]
