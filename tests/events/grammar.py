"""The grammar of a run, as a check: what :mod:`tidewire.events.types` writes at its top."""

from __future__ import annotations

from collections.abc import Sequence

from tidewire.events.types import CONTENT, End, Event, Gap, Retry, Start


def check_grammar(events: Sequence[Event], *, ended: bool = True) -> None:
    """Fail unless these are the events of one run, in order and whole.

    Args:
        events: All events of the run.
        ended: The run is over; otherwise the last event may be missing.
    """
    assert events, "a run has a start"
    assert isinstance(events[0], Start), f"a run begins with start, not {events[0]}"
    assert [event.seq for event in events] == list(range(len(events))), "seq has a gap"
    assert [event.time for event in events] == sorted(event.time for event in events), "time runs backwards"
    assert sum(isinstance(event, Start) for event in events) == 1, "more than one start"
    assert sum(isinstance(event, End) for event in events) == int(ended), "not exactly one end"
    if ended:
        assert isinstance(events[-1], End), f"a run ends with end, not {events[-1]}"
    content = False
    for event in events:
        assert not isinstance(event, Gap), "a gap belongs to a tap"
        if isinstance(event, Retry):
            assert not content or event.discard_from is not None, "a retry after content"
            content = False
        content = content or type(event) in CONTENT


__all__ = ["check_grammar"]
