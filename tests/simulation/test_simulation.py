"""Simulated runs, a few hundred of those that ``python -m tests.simulation`` makes by the hundred thousand.

After each of them hold: one start and one end for every run, its grammar and numbers without a gap; the end after the
connection was closed; ``ok`` only for a whole answer; a partial answer and the message as they were heard; usage as it
was reported, and totals that add up; no answer that reaches another call; no more requests than attempts; and nothing
open, no task left, nobody who waits for ever.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest

import tidewire.call
from tests.simulation.__main__ import run
from tests.simulation.play import Stage, play
from tidewire.adapters.openai_chat_reply import StreamedReply
from tidewire.attempt import Attempt
from tidewire.events.types import End, Event, Fallback, Retry, Wait


@pytest.mark.parametrize(("stage", "runs"), [("trio", 300), ("asyncio", 120), ("real", 30)])
def test_what_is_promised_holds_in_every_simulated_run(stage: Stage, runs: int) -> None:
    assert run(0, runs, stage) == {}


def test_a_seed_replays_its_run() -> None:
    for seed in range(10):
        first, again = play(seed), play(seed)
        assert first.trace == again.trace


def test_the_runs_go_in_every_way_that_runs_can() -> None:
    seen: Counter[object] = Counter()
    for seed in range(80):
        for run_, events in play(seed).runs.items():
            end = events[-1]
            assert isinstance(end, End)
            seen[run_.kind, end.outcome] += 1
            seen.update(type(event) for event in events)
    outcomes = ("ok", "error", "cancelled", "abandoned")
    wanted = [
        *(("chat_model", outcome) for outcome in outcomes),
        ("chain", "ok"),
        ("tool", "ok"),
        Retry,
        Fallback,
        Wait,
    ]
    assert [one for one in wanted if not seen[one]] == []


def _nothing(*_: object) -> None:
    pass


def _no_events(_: object) -> Iterator[Event]:
    return iter(())


def failing(runs: int) -> bool:
    return any(_fails(seed) for seed in range(runs))


def _fails(seed: int) -> bool:
    try:
        play(seed)
    except Exception:  # noqa: BLE001  trio puts what a caller saw into a group
        return True
    return False


def test_a_connection_that_is_not_closed_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Attempt, "drop", _nothing)
    assert failing(40)


def test_a_part_that_passes_for_the_whole_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(StreamedReply, "close", _no_events)
    assert failing(100)


def test_an_end_that_never_comes_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tidewire.call.Call, "_end", _nothing)
    assert failing(3)
