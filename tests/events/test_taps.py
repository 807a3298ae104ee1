"""Taps: events read with ``async for``, and what each policy does while the reader is slow."""

from __future__ import annotations

import math
from typing import cast
from uuid import UUID, uuid4

import anyio
import anyio.to_thread
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.events.strategies import EVENTS, OTHER_RUN, RUN
from tidewire.events.bus import Bus, Subscription, scoped_subscriptions
from tidewire.events.errors import ConfigurationError
from tidewire.events.fold import Fold
from tidewire.events.messages import AIMessage
from tidewire.events.taps import Policy, Tap, open_tap
from tidewire.events.types import (
    Block,
    Custom,
    End,
    Event,
    Finish,
    Gap,
    Meta,
    Reasoning,
    Run,
    Start,
    Token,
    ToolCallDelta,
    Usage,
    WarningEvent,
)

NEVER_DROPPED = (Start, End, Usage, Finish, WarningEvent)


class Feed:
    """Numbers events as the bus does and hands them to a tap."""

    def __init__(self, tap: Tap) -> None:
        self.tap = tap
        self.seqs: dict[UUID, int] = {}

    def __call__(self, *events: Event, run: Run = RUN) -> None:
        for event in events:
            event.seq = self.seqs.get(run.id, 0)
            event.time = float(event.seq)
            self.seqs[run.id] = event.seq + 1
            self.tap(run, event)


async def read_all(tap: Tap) -> list[tuple[Run, Event]]:
    return [item async for item in tap]


async def drained(tap: Tap) -> list[Event]:
    """Close the tap and read what is in it."""
    tap.close()
    return [event for _, event in await read_all(tap)]


def messages_of(items: list[tuple[Run, Event]]) -> dict[UUID, object]:
    folds: dict[UUID, Fold] = {}
    for run, event in items:
        folds.setdefault(run.id, Fold(run)).add(event)
    found: dict[UUID, object] = {}
    for id, fold in folds.items():
        message = AIMessage.from_fold(fold)
        found[id] = (message.content_blocks, message.usage_metadata, message.response_metadata)
    return found


MIXED = st.lists(st.tuples(st.sampled_from([RUN, RUN, OTHER_RUN]), EVENTS), max_size=30)


# -- reading


@pytest.mark.parametrize("policy", ["coalesce", "drop_oldest", "block"])
async def test_a_reader_that_keeps_up_gets_every_event_as_it_is(policy: Policy) -> None:
    tap = Tap(capacity=2, policy=policy)
    bus = Bus(RUN, [Subscription(tap)])
    sent: list[Event] = [Start([]), *(Token(str(number)) for number in range(10)), End("ok", AIMessage(""))]
    got: list[Event] = []

    async def read() -> None:
        got.extend([event for _, event in await read_all(tap)])

    async with anyio.create_task_group() as group:
        group.start_soon(read)
        for event in sent:
            bus.publish(event)
            await bus.flush()
            await anyio.wait_all_tasks_blocked()
        tap.close()
    assert got == sent
    assert all(one is other for one, other in zip(got, sent, strict=True))
    assert tap.dropped == 0


async def test_a_tap_ends_when_it_is_closed_and_read_and_takes_nothing_afterwards() -> None:
    tap = Tap()
    feed = Feed(tap)
    feed(Token("a"))
    tap.close()
    feed(Token("b"))
    assert [event for _, event in await read_all(tap)] == [Token("a", seq=0, time=0.0)]
    assert await read_all(tap) == []


async def test_closing_wakes_the_readers_that_wait() -> None:
    tap = Tap()
    ended: list[str] = []

    async def read(name: str) -> None:
        await read_all(tap)
        ended.append(name)

    with anyio.fail_after(30):
        async with anyio.create_task_group() as group:
            group.start_soon(read, "a")
            group.start_soon(read, "b")
            await anyio.wait_all_tasks_blocked()
            tap.close()
    assert sorted(ended) == ["a", "b"]


async def test_a_reader_that_was_cancelled_leaves_the_events_to_the_next() -> None:
    tap = Tap()
    async with anyio.create_task_group() as group:
        group.start_soon(read_all, tap)
        await anyio.wait_all_tasks_blocked()
        group.cancel_scope.cancel()
    Feed(tap)(Token("a"))
    assert [type(event) for event in await drained(tap)] == [Token]


async def test_open_tap_hears_the_runs_of_its_block_and_ends_with_it() -> None:
    with open_tap() as tap:
        bus = Bus(RUN, scoped_subscriptions())
        bus.publish(Token("a"))
    bus.publish(Token("b"))
    Bus(RUN, scoped_subscriptions()).publish(Token("c"))
    assert [(run, cast("Token", event).text) for run, event in await read_all(tap)] == [(RUN, "a")]


async def test_a_tap_left_by_a_break_can_be_read_on() -> None:
    tap = Tap()
    Feed(tap)(Token("a"), Token("b"))
    async for _, event in tap:
        assert event == Token("a", seq=0, time=0.0)
        break
    assert [cast("Token", event).text for event in await drained(tap)] == ["b"]


@pytest.mark.parametrize("capacity", [0, -1])
def test_a_tap_holds_something(capacity: int) -> None:
    with pytest.raises(ConfigurationError, match=f"at least 1, not {capacity}"):
        Tap(capacity=capacity)


def test_a_policy_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="no policy 'spill'; policies are coalesce, drop_oldest, block"):
        Tap(policy=cast("Policy", "spill"))


# -- coalesce


async def test_neighbouring_pieces_are_joined_once_the_buffer_is_full() -> None:
    tap = Tap(capacity=2)
    feed = Feed(tap)
    feed(Start([]), Token("a"), Token("b"), Token("c"), Token("d", 1), Token("e", 1))
    assert await drained(tap) == [
        Start([], seq=0, time=0.0),
        Token("abc", seq=3, time=3.0),
        Token("de", 1, seq=5, time=5.0),
    ]


async def test_nothing_is_joined_to_an_event_that_was_read() -> None:
    tap = Tap(capacity=1)
    feed = Feed(tap)
    feed(Token("a"))
    assert (await anext(tap))[1] == Token("a", seq=0, time=0.0)
    feed(Token("x"), run=OTHER_RUN)
    feed(Token("b"))
    assert [cast("Token", event).text for event in await drained(tap)] == ["x", "b"]


async def test_reasoning_is_joined_up_to_its_signature() -> None:
    tap = Tap(capacity=1)
    Feed(tap)(Reasoning("a"), Reasoning("b"), Reasoning(signature="s"), Reasoning("c"), Reasoning("d", index=1))
    assert await drained(tap) == [
        Reasoning("ab", "s", seq=2, time=2.0),
        Reasoning("c", seq=3, time=3.0),
        Reasoning("d", index=1, seq=4, time=4.0),
    ]


async def test_pieces_of_a_call_are_joined_unless_they_say_more_than_arguments() -> None:
    tap = Tap(capacity=1)
    Feed(tap)(
        ToolCallDelta("", 0, "a", "f"),
        ToolCallDelta("{", 0),
        ToolCallDelta("}", 0, "a", "f"),
        ToolCallDelta("", 0, extras={"k": 1}),
        ToolCallDelta("x", 0, "b"),
        ToolCallDelta("y", 0, None, "late"),
        ToolCallDelta("", None, None, "g"),
        ToolCallDelta("z", None),
        ToolCallDelta("", None, None, "g"),
    )
    calls = cast("list[ToolCallDelta]", await drained(tap))
    assert [(call.args, call.id, call.name, call.seq) for call in calls] == [
        ("{}", "a", "f", 2),
        ("", None, None, 3),
        ("x", "b", None, 4),
        ("y", None, "late", 5),
        ("z", None, "g", 7),
        ("", None, "g", 8),
    ]


@given(MIXED, st.integers(1, 4), st.lists(st.integers(0, 29), max_size=8))
async def test_joining_loses_nothing(sent: list[tuple[Run, Event]], capacity: int, pulls: list[int]) -> None:
    tap = Tap(capacity=capacity)
    feed = Feed(tap)
    got: list[tuple[Run, Event]] = []
    for place, (run, event) in enumerate(sent):
        feed(event, run=run)
        if place in pulls:
            got.append(await anext(tap))
    tap.close()
    got += await read_all(tap)
    assert messages_of(got) == messages_of(sent)
    for run in (RUN, OTHER_RUN):
        seqs = [event.seq for its, event in got if its is run]
        assert seqs == sorted(seqs)
    assert tap.dropped == 0


async def test_many_runs_at_once_do_not_make_the_buffer_grow() -> None:
    tap = Tap(capacity=10)
    feed = Feed(tap)
    runs = [Run(id=uuid4(), kind="chat_model", name=str(number)) for number in range(20)]
    for number in range(100):
        for run in runs:
            feed(Token(f"{number} "), run=run)
    tap.close()
    got = await read_all(tap)
    assert len(got) <= 10 + len(runs)
    whole = "".join(f"{number} " for number in range(100))
    for run in runs:
        assert "".join(cast("Token", event).text for its, event in got if its is run) == whole


async def test_joining_copies_no_text_before_it_is_read() -> None:
    class Piece(str):
        """A text that refuses to be copied into a longer one, piece by piece."""

        def __add__(self, other: str) -> str:
            raise AssertionError("copied")

        __radd__ = __add__

    tap = Tap(capacity=1)
    Feed(tap)(*(Token(Piece("word ")) for _ in range(5_000)))
    (event,) = await drained(tap)
    assert event == Token("word " * 5_000, seq=4_999, time=4_999.0)


async def test_an_event_that_was_published_is_not_changed_by_joining() -> None:
    tap = Tap(capacity=1)
    first, second = Token("a"), Token("b")
    Feed(tap)(first, second)
    await drained(tap)
    assert (first.text, second.text) == ("a", "b")


# -- drop_oldest


async def test_the_oldest_content_is_dropped_and_a_gap_says_how_much() -> None:
    tap = Tap(capacity=3, policy="drop_oldest")
    Feed(tap)(Start([]), *(Token(str(number)) for number in range(1, 8)), Finish("stop"), Usage(1), End("ok"))
    got = await drained(tap)
    assert [type(event) for event in got] == [Start, Gap, Finish, Usage, End]
    assert got[1] == Gap(7, 1, 7)
    assert tap.dropped == 7


async def test_gaps_tell_exactly_what_is_missing_around_what_stays() -> None:
    tap = Tap(capacity=1, policy="drop_oldest")
    Feed(tap)(Token("a"), Token("b"), Usage(1), Token("c"), Block({"type": "image"}), Usage(2), Custom("x"), Meta())
    assert await drained(tap) == [
        Gap(2, 0, 1),
        Usage(1, seq=2, time=2.0),
        Gap(2, 3, 4),
        Usage(2, seq=5, time=5.0),
        Gap(1, 6, 6),
        Meta(seq=7, time=7.0),
    ]


async def test_a_gap_that_was_read_is_followed_by_another() -> None:
    tap = Tap(capacity=1, policy="drop_oldest")
    feed = Feed(tap)
    feed(Token("a"), Token("b"))
    assert (await anext(tap))[1] == Gap(1, 0, 0)
    feed(Token("c"), Token("d"))
    tap.close()
    assert [event async for _, event in tap] == [Gap(2, 1, 2), Token("d", seq=3, time=3.0)]


@given(MIXED, st.integers(1, 6), st.lists(st.integers(0, 29), max_size=4))
async def test_every_number_is_there_or_in_a_gap_and_what_ends_is_never_dropped(
    sent: list[tuple[Run, Event]], capacity: int, pulls: list[int]
) -> None:
    tap = Tap(capacity=capacity, policy="drop_oldest")
    feed = Feed(tap)
    got: list[tuple[Run, Event]] = []
    for place, (run, event) in enumerate(sent):
        feed(event, run=run)
        if place in pulls:
            got.append(await anext(tap))
    tap.close()
    got += [item async for item in tap]
    for run in (RUN, OTHER_RUN):
        numbers: list[int] = []
        for event in (event for its, event in got if its is run):
            if isinstance(event, Gap):
                assert event.count == event.last - event.first + 1
                numbers += range(event.first, event.last + 1)
            else:
                numbers.append(event.seq)
        assert numbers == list(range(feed.seqs.get(run.id, 0)))
    kept = [id(event) for _, event in sent if isinstance(event, NEVER_DROPPED)]
    assert [id(event) for _, event in got if isinstance(event, NEVER_DROPPED)] == kept
    assert tap.dropped == sum(event.count for _, event in got if isinstance(event, Gap))


async def test_dropping_keeps_the_buffer_bounded_with_many_runs_at_once() -> None:
    tap = Tap(capacity=10, policy="drop_oldest")
    feed = Feed(tap)
    runs = [Run(id=uuid4(), kind="chat_model", name=str(number)) for number in range(20)]
    for number in range(100):
        for run in runs:
            feed(Token(str(number)), run=run)
    got = await drained(tap)
    assert len(got) <= 10 + len(runs)
    assert [event.text for event in got if isinstance(event, Token)] == ["99"] * 10


# -- block


async def test_the_run_waits_for_the_reader_once_per_read() -> None:
    tap = Tap(capacity=2, policy="block")
    bus = Bus(RUN, [Subscription(tap)])
    bus.publish_all([Token("a"), Token("b"), Token("c"), Token("d")], [])
    reads: list[str] = []

    async def pump() -> None:
        await bus.flush()
        reads.append("went on")

    async with anyio.create_task_group() as group:
        group.start_soon(pump)
        await anyio.wait_all_tasks_blocked()
        for _ in range(2):
            await anext(tap)
            await anyio.wait_all_tasks_blocked()
            assert reads == []
        await anext(tap)
        await anyio.wait_all_tasks_blocked()
        assert reads == ["went on"]


async def test_several_runs_that_wait_for_one_reader_all_go_on() -> None:
    tap = Tap(capacity=1, policy="block")
    buses = [Bus(RUN, [Subscription(tap)]), Bus(OTHER_RUN, [Subscription(tap)])]
    with anyio.fail_after(30):
        async with anyio.create_task_group() as group:
            for bus in buses:
                bus.publish_all([Token("a"), Token("b")], [])
                group.start_soon(bus.flush)
            await anyio.wait_all_tasks_blocked()
            for _ in range(4):
                await anext(tap)


async def test_closing_lets_the_runs_go_on() -> None:
    tap = Tap(capacity=1, policy="block")
    bus = Bus(RUN, [Subscription(tap)])
    bus.publish_all([Token("a"), Token("b")], [])
    with anyio.fail_after(30):
        async with anyio.create_task_group() as group:
            group.start_soon(bus.flush)
            await anyio.wait_all_tasks_blocked()
            tap.close()


async def test_the_end_does_not_wait_for_the_reader(caplog: pytest.LogCaptureFixture) -> None:
    tap = Tap(capacity=1, policy="block")
    bus = Bus(RUN, [Subscription(tap)])
    bus.publish(Token("a"))
    bus.publish(End("ok", AIMessage("")))
    started = anyio.current_time()
    await bus.flush()
    assert math.isclose(anyio.current_time(), started, abs_tol=0.9)
    assert caplog.records == []
    assert [type(event) for event in await drained(tap)] == [Token, End]


# -- threads


@pytest.mark.parametrize("policy", ["coalesce", "drop_oldest", "block"])
async def test_events_from_another_thread_wake_the_reader(policy: Policy) -> None:
    tap = Tap(policy=policy)
    feed = Feed(tap)
    got: list[Event] = []

    async def read() -> None:
        got.extend([event for _, event in await read_all(tap)])

    with anyio.fail_after(30):
        async with anyio.create_task_group() as group:
            group.start_soon(read)
            for number in range(20):
                await anyio.to_thread.run_sync(feed, Token(str(number)))
            await anyio.to_thread.run_sync(tap.close)
    assert "".join(event.text for event in got if isinstance(event, Token)) == "".join(map(str, range(20)))


async def test_a_run_on_another_thread_never_waits_for_the_reader_and_loses_nothing() -> None:
    tap = Tap(capacity=2, policy="block")
    feed = Feed(tap)

    def publish() -> list[object]:
        feed(Start([]))
        return [tap(RUN, Token(str(number))) for number in range(100)]

    waits = await anyio.to_thread.run_sync(publish)
    assert set(waits) == {None}
    tap.close()
    got = [event for _, event in await read_all(tap)]
    assert len(got) <= 4
    assert "".join(event.text for event in got if isinstance(event, Token)) == "".join(map(str, range(100)))


async def test_a_run_that_is_flushed_on_another_thread_does_not_wait_there() -> None:
    tap = Tap(capacity=1, policy="block")
    bus = Bus(RUN, [Subscription(tap)])
    bus.publish(Start([]))
    bus.publish(Token("a"))
    assert bus.has_pending
    with anyio.fail_after(30):
        await anyio.to_thread.run_sync(anyio.run, bus.flush)
    assert len(await drained(tap)) == 2


async def test_a_reader_that_was_cancelled_is_not_woken() -> None:
    tap = Tap()
    with anyio.move_on_after(0.01):
        await anext(tap)
    Feed(tap)(Token("a"))
    assert [event.text for event in await drained(tap) if isinstance(event, Token)] == ["a"]
