"""The journal: runs as lines of JSON, and read again."""

from __future__ import annotations

import json
import os
import stat
import threading
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from uuid import UUID, uuid4

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.events.strategies import EVENTS, OTHER_RUN, RUN, USAGES
from tests.events.test_plain_values import VALUES
from tidewire import RateLimitError, StreamInterruptedError, chain, dispatch_custom_event, init_chat_model, subscribe
from tidewire.adapters.script import Fail, Reply
from tidewire.events.bus import Bus, Subscription
from tidewire.events.errors import TidewireError
from tidewire.events.fold import Fold
from tidewire.events.journal import Journal, JournalError, Recording, read_journal
from tidewire.events.messages import AIMessage, HumanMessage
from tidewire.events.plain_values import RecordedError
from tidewire.events.types import (
    Cost,
    Custom,
    End,
    Event,
    Fallback,
    Gap,
    Piece,
    Retry,
    Run,
    Start,
    Token,
    Usage,
    Wait,
    WarningEvent,
)

COUNTS = st.integers(0, 9)
SECONDS = st.floats(0, 9)
ERRORS = st.none() | st.builds(RateLimitError, st.text(max_size=3), retry_after_s=SECONDS)
ALL_EVENTS: st.SearchStrategy[Event] = st.one_of(
    EVENTS,
    st.builds(Usage, COUNTS, COUNTS, COUNTS, cost_usd=st.decimals(0, 9, places=6)),
    st.builds(Start, VALUES, st.dictionaries(st.text(max_size=2), VALUES, max_size=2)),
    st.builds(Retry, COUNTS, SECONDS, st.text(max_size=3), st.none() | COUNTS),
    st.builds(Wait, st.text(max_size=3), SECONDS),
    st.builds(Fallback, st.text(max_size=3), st.text(max_size=3), ERRORS),
    st.builds(WarningEvent, st.text(max_size=3), st.text(max_size=3)),
    st.builds(Custom, st.text(max_size=3), VALUES),
    st.builds(Piece, VALUES),
    st.builds(Gap, COUNTS, COUNTS, COUNTS),
    st.builds(
        End,
        st.sampled_from(["ok", "error", "cancelled", "abandoned"]),
        VALUES,
        usage=st.none() | USAGES | st.builds(Usage, COUNTS, cost_usd=st.decimals(0, 9, places=6)),
        usage_source=st.sampled_from(["reported", "estimated", "unknown"]),
        error=ERRORS,
        cost=st.none() | st.builds(Cost, st.decimals(0, 9, places=6), st.lists(st.text(max_size=2)).map(tuple)),
    ),
)


def written(events: Sequence[tuple[Run, Event]]) -> bytes:
    file = BytesIO()
    journal = Journal(file)
    for run, event in events:
        journal(run, event)
    journal.close()
    return file.getvalue()


def read(data: bytes) -> Recording:
    return read_journal(BytesIO(data))


def fields(event: Event) -> object:
    """What an event holds, errors by what they carry: two exceptions are never equal."""
    return [
        (type(value), vars(value)) if isinstance(value, TidewireError) else value
        for value in (getattr(event, name) for name in event.__struct_fields__)
    ]


@given(ALL_EVENTS, st.integers(0, 9), SECONDS)
def test_every_event_comes_back_as_it_was(event: Event, seq: int, at: float) -> None:
    event.seq, event.time = seq, at
    ((run, back),) = read(written([(RUN, event)])).events
    assert type(back) is type(event)
    assert fields(back) == fields(event)
    assert msgspec.structs.asdict(run) == msgspec.structs.asdict(RUN)


@given(st.lists(EVENTS, max_size=20))
def test_the_events_of_a_call_fold_to_the_same_message(events: list[Event]) -> None:
    bus_file = BytesIO()
    journal = Journal(bus_file)
    bus = Bus(RUN, [Subscription(journal)])
    for event in [Start([HumanMessage("hi")]), *events]:
        bus.publish(event)
    message = AIMessage.from_fold(bus.fold)
    bus.publish(End("ok", message))
    (recorded,) = read(bus_file.getvalue()).runs
    expected = Fold(RUN)
    for event in [*events, End("ok")]:
        expected.add(event)
    whole = AIMessage.from_fold(expected)
    assert recorded.message.content_blocks == whole.content_blocks
    assert recorded.message.response_metadata == whole.response_metadata
    assert recorded.message.usage_metadata == whole.usage_metadata
    assert recorded.result() == recorded.message


async def test_a_call_is_written_and_read_again(tmp_path: Path) -> None:
    path = tmp_path / "calls.ndjson"
    model = init_chat_model("embedded:demo", script=[Reply(["Hi", " there"], reasoning="Hm.")])
    with Journal(path) as journal, subscribe(journal):
        message = await model.ainvoke("hello", {"tags": ["t"], "metadata": {"m": b"x"}})
    (recorded,) = read_journal(path).runs
    assert recorded.message == message == recorded.result()
    assert (recorded.run.kind, recorded.run.tags, recorded.run.metadata["m"]) == ("chat_model", ("t",), b"x")
    assert recorded.events[0].seq == 0
    assert recorded.end is not None
    assert recorded.end.output == message
    assert recorded.began_at > 1e9


async def test_runs_within_runs_stand_in_one_journal(tmp_path: Path) -> None:
    path = tmp_path / "calls.ndjson"
    model = init_chat_model("embedded:demo", script=["Hi", "Ho"])

    @chain
    async def ask(text: str) -> str:
        dispatch_custom_event("asking", {"n": 1})
        return (await model.ainvoke(text)).text

    with Journal(str(path)) as journal:
        await ask.abatch(["a", "b"], {"callbacks": journal})
    recording = read_journal(path)
    outer = [one for one in recording.runs if one.run.kind == "chain"]
    assert sorted(one.result() for one in outer) == ["Hi", "Ho"]
    for one in outer:
        (inner,) = recording.within(one.run)
        assert inner.result().text == one.result()
    again: list[tuple[Run, Event]] = []
    recording.replay(lambda run, event: again.append((run, event)))
    assert again == recording.events


async def test_a_failed_call_raises_again_when_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "calls.ndjson"
    model = init_chat_model("embedded:demo", script=[Fail(status=429, retry_after_s=3)], max_retries=0)
    with Journal(path) as journal, pytest.raises(RateLimitError):
        await model.ainvoke("hello", {"callbacks": journal})
    (recorded,) = read_journal(path).runs
    with pytest.raises(RateLimitError) as raised:
        recorded.result()
    assert (raised.value.status_code, raised.value.attempts) == (429, 1)


def test_an_error_of_another_kind_is_told_by_its_name() -> None:
    run = Run(id=uuid4(), kind="tool", name="t")
    (recorded,) = read(written([(run, Start({})), (run, End("error", error=ValueError("mine")))])).runs
    with pytest.raises(RecordedError, match="mine"):
        recorded.result()


def test_a_run_without_an_end_never_passes_for_whole() -> None:
    (recorded,) = read(written([(RUN, Start([])), (RUN, Token("so far"))])).runs
    assert recorded.end is None
    with pytest.raises(StreamInterruptedError, match="journal ends before") as raised:
        recorded.result()
    assert isinstance(raised.value.partial, AIMessage)
    assert raised.value.partial.text == "so far"
    (left,) = read(written([(RUN, Start([])), (RUN, End("abandoned"))])).runs
    with pytest.raises(StreamInterruptedError, match="was abandoned"):
        left.result()


@given(st.integers(1, 400))
def test_a_cut_last_line_is_told_and_all_before_it_is_read(cut: int) -> None:
    events: list[tuple[Run, Event]] = [(RUN, Start([HumanMessage("hi")])), (OTHER_RUN, Start([])), (RUN, Token("a"))]
    data = written(events)
    cut = min(cut, len(data) - data.index(b"\n") - 2)
    rest = data[:-cut]
    recording = read(rest)
    whole = rest.count(b"\n")
    assert recording.cuts == ([] if rest.endswith(b"\n") else [whole + 1])
    assert len(recording.events) + len(recording.runs) == whole - 1


def test_a_cut_is_told_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    read(written([(RUN, Start([]))])[:-3])
    assert "cut off as they were written: 3" in caplog.text


def test_a_journal_that_was_cut_can_be_added_to(tmp_path: Path) -> None:
    path = tmp_path / "calls.ndjson"
    path.write_bytes(written([(RUN, Start([])), (RUN, Token("a"))])[:-5])
    with Journal(path) as journal:
        journal(RUN, Start([]))
        journal(RUN, End("ok"))
    recording = read_journal(path)
    assert recording.cuts == [4]
    first, second = recording.runs
    assert (len(first.events), len(second.events)) == (1, 2)


def test_a_journal_is_for_its_owners_eyes(tmp_path: Path) -> None:
    path = tmp_path / "calls.ndjson"
    Journal(path).close()
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600


def test_a_file_that_was_given_stays_open() -> None:
    file = BytesIO()
    with Journal(file):
        pass
    assert not file.closed


def test_half_a_character_is_kept() -> None:
    ((_, event),) = read(written([(RUN, Token("\ud83d"))])).events
    assert isinstance(event, Token)
    assert event.text == "\ud83d"


def test_threads_write_whole_lines() -> None:
    file = BytesIO()
    journal = Journal(file)

    def write(number: int) -> None:
        run = Run(id=UUID(int=number + 10), kind="tool", name="t")
        for index in range(100):
            journal(run, Token("x" * 50, index))

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [len(one.events) for one in read(file.getvalue()).runs] == [100] * 4


HEADER = b'{"journal":1}\n'


@pytest.mark.parametrize(
    ("data", "line"),
    [
        (b"", 1),
        (b"\n", 1),
        (b"hello\n", 1),
        (b"[]\n", 1),
        (b'{"journal":2}\n', 1),
        (HEADER + b"oops\n" + b'{"id":"x","event":{}}\n', 2),
        (HEADER + b"oops\noops\n" + HEADER, 2),
        (HEADER + b"3\n", 2),
        (HEADER + b'{"id":"x","event":{"type":"token","text":"a"}}\n', 2),
        (HEADER + b'{"run":{"id":"x"},"at":1}\n', 2),
        (HEADER + b'{"run":3,"at":1}\n', 2),
    ],
)
def test_what_is_no_journal_is_refused_with_the_line(data: bytes, line: int) -> None:
    with pytest.raises(JournalError) as raised:
        read(data)
    assert raised.value.line == line


@pytest.mark.parametrize(
    "event",
    [
        {"type": "token"},
        {"type": "token", "text": 3},
        {"type": "nothing"},
        {"type": "end", "outcome": "fine"},
        {"type": "end", "outcome": "ok", "usage": {"input_tokens": "x"}},
        {"type": "custom", "name": "x", "data": {"$message": 3}},
    ],
)
def test_an_event_that_is_none_is_refused(event: dict[str, object]) -> None:
    line = json.dumps({"id": str(RUN.id), "event": event}).encode() + b"\n"
    with pytest.raises(JournalError):
        read(written([(RUN, Start([]))]) + line)
