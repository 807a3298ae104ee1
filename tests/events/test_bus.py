"""The bus: order, numbers, one end, and what becomes of subscribers that fail, wait, publish or come late."""

from __future__ import annotations

import asyncio
import gc
import logging
import operator
import threading
from collections import deque
from collections.abc import Awaitable, Callable, Generator, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, Literal, cast
from uuid import UUID, uuid4

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.events.grammar import check_grammar
from tests.events.strategies import EVENTS
from tidewire.events import bus as bus_module
from tidewire.events.blocks import JSONObject
from tidewire.events.bus import (
    MAX_FAILURES,
    MAX_REACTIONS,
    Bus,
    StopRun,
    Subscription,
    current_bus,
    enclosing,
    scoped_subscriptions,
    subscribe,
)
from tidewire.events.errors import RecursionLimitError, ResponseDecodeError
from tidewire.events.messages import AIMessage
from tidewire.events.types import Block, Custom, End, Event, Run, RunKind, Start, Token, Usage, WarningEvent


def a_run(name: str = "model", kind: RunKind = "chat_model", parent: Run | None = None) -> Run:
    parents: tuple[UUID, ...] = () if parent is None else (*parent.parent_ids, parent.id)
    return Run(id=uuid4(), kind=kind, name=name, parent_ids=parents)


class Ear:
    """A subscriber that keeps what it hears."""

    def __init__(self) -> None:
        self.heard: list[tuple[Run, Event]] = []

    def __call__(self, run: Run, event: Event) -> None:
        self.heard.append((run, event))

    @property
    def events(self) -> list[Event]:
        return [event for _, event in self.heard]

    @property
    def numbers(self) -> list[int]:
        return [event.seq for event in self.events]


class Failing(Ear):
    """A subscriber that raises until it is told not to."""

    def __init__(self, error: Exception | None = None) -> None:
        super().__init__()
        self.error: Exception | None = error or ValueError("no good")

    def __call__(self, run: Run, event: Event) -> None:
        super().__call__(run, event)
        if self.error is not None:
            raise self.error


def tokens(count: int) -> list[Event]:
    return [Token(f"{number} ") for number in range(count)]


def whole_end() -> End:
    return End("ok", AIMessage(""), usage=Usage(), usage_source="reported")


def bus_of(*subscribers: Callable[[Run, Event], Any], parent: Bus | None = None, name: str = "model") -> Bus:
    run = a_run(name, parent=parent.run if parent else None)
    return Bus(run, [Subscription(call) for call in subscribers], parent=parent)


# -- random events, random failures

Act = Literal["ok", "raise", "stop"]


@dataclass
class Plan:
    """A subscriber that does what is written for each of its calls; and the model's knowledge of it."""

    name: str
    acts: list[Act]
    is_async: bool
    critical: bool
    trace: list[tuple[str, str, int]] = field(default_factory=list[tuple[str, str, int]])
    calls: int = 0
    failures: int = 0
    reported: bool = False

    def next_act(self) -> Act:
        self.calls += 1
        return self.acts[self.calls - 1] if self.calls <= len(self.acts) else "ok"

    def __call__(self, run: Run, event: Event) -> Awaitable[None] | None:
        self.trace.append((self.name, "called", event.seq))
        act = self.next_act()
        if self.is_async:
            return self.later(act, event.seq)
        self.do(act)
        return None

    async def later(self, act: Act, seq: int) -> None:
        self.trace.append((self.name, "awaited", seq))
        await anyio.lowlevel.checkpoint()
        self.do(act)

    def do(self, act: Act) -> None:
        if act == "raise":
            raise ValueError(self.name)
        if act == "stop":
            raise StopRun(self.name)

    __hash__ = object.__hash__


class Model:
    """What the bus should do, written down plainly."""

    def __init__(self, plans: list[Plan]) -> None:
        self.plans = plans
        self.attached = list(plans)
        self.trace: list[tuple[str, str, int]] = []
        self.published: list[str] = []
        self.pending: deque[tuple[Plan, Act, int]] = deque()
        self.reports: deque[str] = deque()
        self.failed_by: str | None = None
        self.ended = False

    def publish(self, kind: str) -> None:
        waiting = deque([kind])
        while waiting and not self.ended:
            kind = waiting.popleft()
            seq = len(self.published)
            self.published.append(kind)
            self.ended = kind == "End"
            for plan in list(self.attached):
                self.trace.append((plan.name, "called", seq))
                act = plan.next_act()
                if plan.is_async:
                    self.pending.append((plan, act, seq))
                else:
                    self.settle(plan, act)
            waiting += self.reports
            self.reports.clear()

    def flush(self) -> None:
        while self.pending:
            plan, act, seq = self.pending.popleft()
            if plan not in self.attached:
                continue
            self.trace.append((plan.name, "awaited", seq))
            self.settle(plan, act)
            reports, self.reports = self.reports, deque()
            for report in reports:
                self.publish(report)

    def settle(self, plan: Plan, act: Act) -> None:
        if act == "ok":
            plan.failures = 0
        elif act == "stop" or plan.critical:
            self.failed_by = self.failed_by or plan.name
        else:
            plan.failures += 1
            if not plan.reported:
                plan.reported = True
                self.reports.append("WarningEvent")
            if plan.failures == MAX_FAILURES and plan in self.attached:
                self.attached.remove(plan)


ANY_ACT: st.SearchStrategy[Act] = st.sampled_from(("ok", "ok", "raise", "stop"))
FAILURES: st.SearchStrategy[list[Act]] = st.lists(st.just("raise"), min_size=8, max_size=13)
ACTS = st.lists(ANY_ACT, max_size=6) | st.builds(operator.add, st.lists(ANY_ACT, max_size=3), FAILURES)
PLANS = st.lists(st.tuples(ACTS, st.booleans(), st.sampled_from([False, False, True])), max_size=3)
# What the run does: publish a read and flush, publish a read, publish one event from elsewhere, flush.
STEPS = st.lists(
    st.tuples(st.just("read and flush"), st.lists(EVENTS, max_size=8))
    | st.tuples(st.just("read"), st.lists(EVENTS, max_size=4))
    | st.tuples(st.just("publish"), st.just([]))
    | st.tuples(st.just("flush"), st.just([])),
    max_size=6,
)


@given(own=PLANS, outer=PLANS, steps=STEPS, flushed=st.booleans())
async def test_everybody_hears_everything_in_order_whoever_fails(
    own: list[tuple[list[Act], bool, bool]],
    outer: list[tuple[list[Act], bool, bool]],
    steps: list[tuple[str, list[Event]]],
    flushed: bool,
) -> None:
    def planned(prefix: str, kinds: list[tuple[list[Act], bool, bool]]) -> list[Plan]:
        return [Plan(f"{prefix}{place}", *kind) for place, kind in enumerate(kinds)]

    trace: list[tuple[str, str, int]] = []
    inner_plans, outer_plans = planned("inner", own), planned("outer", outer)
    for plan in (*inner_plans, *outer_plans):
        plan.trace = trace
    parent = Bus(a_run("chain", "chain"), [Subscription(plan, critical=plan.critical) for plan in outer_plans])
    bus = Bus(
        a_run("model", parent=parent.run),
        [Subscription(plan, critical=plan.critical) for plan in inner_plans],
        parent=parent,
    )
    model = Model([*planned("inner", own), *planned("outer", outer)])
    published: list[Event] = []
    first: tuple[str, list[Event]] = ("read", [Start([])])
    last: tuple[str, list[Event]] = ("read", [whole_end(), Token("late")])
    for kind, events in (first, *steps, last):
        if kind.startswith("read"):
            read: list[Event] = []
            bus.publish_all(events, read)
            published += read
            for event in events:
                model.publish(type(event).__name__)
        if kind == "publish":
            bus.publish(Custom("x"))
            model.publish("Custom")
        if kind.endswith("flush"):
            await bus.flush()
            model.flush()
    if flushed:
        await bus.flush()
        model.flush()
    else:
        bus.close()
    assert trace == model.trace
    assert [type(event).__name__ for event in published] == model.published
    check_grammar_but_attempts(published)
    assert (str(bus.failure) if bus.failure else None) == model.failed_by
    assert bus.next_seq == len(published)


def check_grammar_but_attempts(events: list[Event]) -> None:
    assert [event.seq for event in events] == list(range(len(events)))
    times = [event.time for event in events]
    assert times == sorted(times)
    assert isinstance(events[0], Start)
    assert [type(event) for event in events].count(End) == 1
    assert isinstance(events[-1], End)


# -- order and numbers


def test_the_fold_is_first_then_subscribers_in_order_then_the_run_around_then_the_list() -> None:
    order: list[str] = []
    published: list[Event] = []

    def mark(name: str) -> Callable[[Run, Event], None]:
        def heard(run: Run, event: Event) -> None:
            assert bus.fold.text() == "hi"
            assert event not in published
            order.append(name)

        return heard

    outermost = Bus(a_run("all"), [Subscription(mark("outermost"))])
    parent = Bus(a_run("chain"), [Subscription(mark("outer"))], parent=outermost)
    bus = Bus(a_run(), [Subscription(mark("first")), Subscription(mark("second"))], parent=parent)
    bus.publish_all([Token("hi")], published)
    assert order == ["first", "second", "outer", "outermost"]
    assert [event.seq for event in published] == [0]


def test_a_run_keeps_to_the_grammar_and_nothing_comes_after_its_end() -> None:
    ear = Ear()
    bus = bus_of(ear)
    published: list[Event] = []
    bus.publish_all([Start([]), *tokens(3)], published)
    assert not bus.ended
    bus.publish_all([whole_end(), Token("late")], published)
    assert bus.ended
    bus.publish(Token("later"))
    bus.dispatch("even later")
    bus.publish_all([End("error")], published)
    check_grammar(published)
    assert ear.events == published
    assert bus.fold.text() == "0 1 2 "


def test_what_is_read_before_an_error_is_published_before_it_is_raised() -> None:
    def read() -> Iterator[Event]:
        yield Token("a")
        raise ResponseDecodeError("broken")

    ear = Ear()
    bus = bus_of(ear)
    published: list[Event] = []
    with pytest.raises(ResponseDecodeError):
        bus.publish_all(read(), published)
    bus.publish_all([End("error")], published)
    assert ear.events == published
    assert [(type(event), event.seq) for event in published] == [(Token, 0), (End, 1)]


def test_an_event_that_cannot_be_folded_takes_no_number() -> None:
    ear = Ear()
    bus = bus_of(ear)
    published: list[Event] = []
    with pytest.raises(AttributeError):
        bus.publish_all([Token("a"), Block(cast("JSONObject", "no block")), Token("b")], published)
    bus.publish_all([End("error")], published)
    assert ear.events == published
    assert [(type(event), event.seq) for event in published] == [(Token, 0), (End, 1)]


def test_an_interrupt_passes_through_and_leaves_the_bus_usable() -> None:
    def interrupted(run: Run, event: Event) -> None:
        if isinstance(event, Token):
            raise KeyboardInterrupt

    bus = bus_of(interrupted)
    with pytest.raises(KeyboardInterrupt):
        bus.publish_all([Token("a")], [])
    with pytest.raises(KeyboardInterrupt):
        bus.publish(Token("b"))
    bus.publish(End("cancelled"))
    assert bus.ended


# -- publishing from within


def test_what_a_subscriber_publishes_follows_when_everybody_has_heard_the_event() -> None:
    before, after = Ear(), Ear()

    def answering(run: Run, event: Event) -> None:
        if isinstance(event, Token):
            bus.dispatch("first", event.text)
            bus.publish_all([Custom("second"), Custom("third")], [])

    bus = bus_of(before, answering, after)
    published: list[Event] = []
    bus.publish_all([Start([]), Token("a"), Token("b"), whole_end()], published)
    names = [event.name if isinstance(event, Custom) else type(event).__name__ for event in published]
    assert names == ["Start", "Token", "first", "second", "third", "Token", "first", "second", "third", "End"]
    assert before.events == after.events == published
    check_grammar(published)


def test_answers_to_answers_follow_them() -> None:
    def answering(run: Run, event: Event) -> None:
        if isinstance(event, Custom) and event.data < 3:
            bus.dispatch("left", event.data + 1)
            bus.dispatch("right", event.data + 1)

    ear = Ear()
    bus = bus_of(answering, ear)
    bus.dispatch("root", 0)
    assert [event.data for event in ear.events if isinstance(event, Custom)] == [0, 1, 1, 2, 2, 2, 2, *[3] * 8]
    assert ear.numbers == list(range(15))


def test_an_endless_conversation_of_subscribers_ends_with_a_line_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    def answering(run: Run, event: Event) -> None:
        bus.dispatch("again")

    ear = Ear()
    bus = bus_of(answering, ear)
    bus.publish_all([Token("a")], [])
    assert len(ear.heard) == MAX_REACTIONS + 2
    assert "publish in answer to each other" in caplog.text
    bus.publish(End("cancelled"))
    assert isinstance(ear.events[-1], End)


def test_what_is_published_in_answer_to_the_end_is_not() -> None:
    def answering(run: Run, event: Event) -> None:
        bus.dispatch("too late")

    ear = Ear()
    bus = bus_of(answering, ear)
    bus.publish(End("cancelled"))
    bus.publish(Token("x"))
    assert [type(event) for event in ear.events] == [End]


def test_a_subscriber_may_end_the_run() -> None:
    def ending(run: Run, event: Event) -> None:
        if isinstance(event, Token):
            bus.publish(End("abandoned"))

    ear = Ear()
    bus = bus_of(ending, ear)
    published: list[Event] = []
    bus.publish_all([Start([]), Token("a"), Token("b")], published)
    assert [type(event) for event in published] == [Start, Token, End]
    assert ear.events == published


def test_a_run_within_may_publish_on_the_run_around_while_it_is_heard() -> None:
    ear = Ear()

    def answering(run: Run, event: Event) -> None:
        if isinstance(event, Token):
            parent.dispatch("progress")

    parent = bus_of(answering, ear, name="chain")
    bus = bus_of(parent=parent)
    bus.publish_all([Token("a"), Token("b")], [])
    assert [event.seq for run, event in ear.heard if run is parent.run] == [0, 1]
    assert [event.seq for run, event in ear.heard if run is bus.run] == [0, 1]


def test_events_published_otherwise_stand_in_the_next_list() -> None:
    bus = bus_of()
    first: list[Event] = []
    bus.publish_all([Start([])], first)
    bus.dispatch("between")
    second: list[Event] = []
    bus.publish_all([whole_end()], second)
    assert [type(event) for event in first] == [Start]
    assert [type(event) for event in second] == [Custom, End]
    check_grammar(first + second)


def test_a_bus_that_nobody_reads_keeps_no_events() -> None:
    bus = bus_of(name="chain")
    for _ in range(10):
        bus.dispatch("progress")
    published: list[Event] = []
    bus.publish_all([Token("a")], published)
    assert [event.seq for event in published] == [10]


def test_threads_that_publish_on_one_bus_lose_nothing_and_all_hear_one_order() -> None:
    first, last = Ear(), Ear()
    bus = bus_of(first, last)

    def publish(name: str) -> None:
        for number in range(300):
            bus.dispatch(name, number)

    threads = [threading.Thread(target=publish, args=(name,)) for name in ("a", "b", "c", "d")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert first.events == last.events
    assert first.numbers == list(range(1200))
    for name in ("a", "b", "c", "d"):
        said = [event.data for event in first.events if isinstance(event, Custom) and event.name == name]
        assert said == list(range(300))


# -- failing


def test_a_failing_subscriber_is_reported_once_in_an_event_and_a_line(caplog: pytest.LogCaptureFixture) -> None:
    ear, failing = Ear(), Failing()
    bus = bus_of(failing, ear)
    published: list[Event] = []
    bus.publish_all([Start([]), Token("secret"), Token("b"), whole_end()], published)
    check_grammar(published)
    assert [type(event) for event in published] == [Start, WarningEvent, Token, Token, End]
    assert ear.events == failing.events == published
    warning = published[1]
    assert isinstance(warning, WarningEvent)
    assert warning.code == "subscriber_failed"
    assert warning.text == "subscriber Failing raised ValueError; it is detached after 10 failures in a row"
    (record,) = caplog.records
    assert (record.name, record.levelno) == ("tidewire", logging.WARNING)
    assert record.exc_info is not None
    assert "secret" not in warning.text
    assert bus.failure is None


def test_a_subscriber_that_fails_at_the_end_is_reported_in_the_log_alone(caplog: pytest.LogCaptureFixture) -> None:
    bus = bus_of(Failing())
    published: list[Event] = []
    bus.publish_all([End("cancelled")], published)
    assert [type(event) for event in published] == [End]
    assert "Failing raised ValueError" in caplog.text


def test_a_subscriber_is_detached_after_ten_failures_in_a_row_within_one_read_too() -> None:
    failing = Failing()
    bus = bus_of(failing)
    bus.publish_all(tokens(50), [])
    assert len(failing.heard) == MAX_FAILURES


def test_a_success_forgives_the_failures_before_it() -> None:
    around, failing = Failing(), Failing()
    bus = bus_of(failing, parent=bus_of(around))
    for _ in range(3):
        failing.error = around.error = ValueError()
        bus.publish_all(tokens(MAX_FAILURES - 3), [])  # the first time, the reports of both are two more
        failing.error = around.error = None
        bus.publish_all([Token("good")], [])
    assert failing.numbers == around.numbers == list(range(3 * (MAX_FAILURES - 2) + 2))


async def test_a_success_forgives_when_it_is_awaited_too() -> None:
    acts = [*["raise"] * (MAX_FAILURES - 2), "ok"] * 3
    calls: list[str] = []

    async def failing(run: Run, event: Event) -> None:
        calls.append(acts[len(calls)] if len(calls) < len(acts) else "ok")
        if calls[-1] == "raise":
            raise ValueError("no")

    bus = bus_of(failing)
    for token in tokens(40):
        bus.publish(token)
        await bus.flush()
    assert len(calls) == bus.next_seq == 41


def test_a_detached_subscriber_of_the_run_around_is_gone_there_and_for_later_runs() -> None:
    failing = Failing()
    subscription = Subscription(failing)
    parent = Bus(a_run("chain"), [subscription])
    bus_of(parent=parent).publish_all(tokens(50), [])
    parent.publish(Token("x"))
    Bus(a_run(), [subscription]).publish(Token("y"))
    assert len(failing.heard) == MAX_FAILURES


@pytest.mark.parametrize("error", [StopRun("enough"), ValueError("critical")], ids=["stop", "critical"])
def test_who_stops_a_run_is_its_failure_and_no_warning(error: Exception) -> None:
    second = Failing(ValueError("second"))
    bus = Bus(
        a_run(),
        [
            Subscription(Failing(error), critical=not isinstance(error, StopRun)),
            Subscription(second, critical=True),
        ],
    )
    published: list[Event] = []
    bus.publish_all([Start([]), *tokens(20)], published)
    assert bus.failure is error
    assert [type(event) for event in published] == [Start] + [Token] * 20
    assert len(second.heard) == 21


def test_a_critical_subscriber_of_the_run_around_fails_the_run_it_hears() -> None:
    error = ValueError("no")
    parent = Bus(a_run("chain"), [Subscription(Failing(error), critical=True)])
    bus = bus_of(parent=parent)
    bus.publish(Token("a"))
    assert bus.failure is error
    assert parent.failure is None


def test_a_result_that_is_no_awaitable_is_passed_over() -> None:
    class Odd:
        def __getattr__(self, name: str) -> object:
            raise AttributeError(name)

    results: Iterator[object] = iter([0, "text", Odd(), (), None])
    bus = bus_of(lambda run, event: next(results))
    bus.publish_all(tokens(5), [])
    assert bus.failure is None
    assert bus.next_seq == 5


# -- nesting


def test_the_run_around_hears_the_runs_within_as_themselves() -> None:
    ear = Ear()
    outermost = bus_of(ear, name="all")
    parent = bus_of(parent=outermost, name="chain")
    bus = bus_of(parent=parent)
    outermost.publish(Start("x"))
    parent.publish(Start("x"))
    bus.publish_all([Start([]), Token("a"), whole_end()], [])
    parent.publish(End("ok", "y"))
    outermost.publish(End("ok", "y"))
    assert [(run.name, event.seq) for run, event in ear.heard] == [
        ("all", 0),
        ("chain", 0),
        ("model", 0),
        ("model", 1),
        ("model", 2),
        ("chain", 1),
        ("all", 1),
    ]
    for name in ("all", "chain", "model"):
        kind: RunKind = "chat_model" if name == "model" else "chain"
        check_grammar([event for run, event in ear.heard if run.name == name], kind)


def test_a_subscriber_hears_a_run_once_however_often_it_is_given() -> None:
    @dataclass
    class Unhashable:
        heard: list[int]

        def __call__(self, run: Run, event: Event) -> None:
            self.heard.append(event.seq)

    class Method:
        def __init__(self) -> None:
            self.heard: list[int] = []

        def hear(self, run: Run, event: Event) -> None:
            self.heard.append(event.seq)

    ear, unhashable, equal, method = Ear(), Unhashable([]), Unhashable([]), Method()
    parent = bus_of(ear, unhashable, method.hear, name="chain")
    bus = bus_of(ear, ear, unhashable, unhashable, equal, method.hear, parent=parent)
    bus.publish(Token("a"))
    assert ear.numbers == unhashable.heard == equal.heard == method.heard == [0]


def test_runs_are_nested_as_deep_as_the_limit_says() -> None:
    bus = Bus(a_run("0"), recursion_limit=3)
    for name in ("1", "2"):
        bus = Bus(a_run(name), parent=bus, recursion_limit=3)
    assert bus.depth == 3
    with pytest.raises(RecursionLimitError, match="run '3' is nested 4 deep; recursion_limit is 3"):
        Bus(a_run("3"), parent=bus, recursion_limit=3)


def test_a_bus_knows_whether_anybody_wants_tokens() -> None:
    class Deaf:
        wants_tokens = False

        def __call__(self, run: Run, event: Event) -> None:
            return None

    assert not bus_of().wants_tokens
    assert not bus_of(Deaf()).wants_tokens
    assert bus_of(Deaf(), Ear()).wants_tokens
    assert bus_of(Deaf(), parent=bus_of(Ear())).wants_tokens
    assert not bus_of(parent=bus_of(Deaf())).wants_tokens


# -- scopes


def test_a_scoped_subscriber_hears_the_runs_that_start_in_its_block_once() -> None:
    ear = Ear()
    with subscribe(ear), subscribe(ear):
        parent = Bus(a_run("chain"), scoped_subscriptions())
        with enclosing(parent):
            bus = Bus(a_run(), scoped_subscriptions(), parent=current_bus())
    later = Bus(a_run("later"), scoped_subscriptions())
    for one in (parent, bus, later):
        one.publish(Token("a"))
    assert [run.name for run, _ in ear.heard] == ["chain", "model"]
    assert current_bus() is None
    assert scoped_subscriptions() == ()


def test_scopes_are_told_from_the_outside_in_and_a_critical_one_fails_its_run() -> None:
    order: list[str] = []

    def failing(run: Run, event: Event) -> None:
        order.append("inner")
        raise ValueError("no")

    with subscribe(lambda run, event: order.append("outer")), subscribe(failing, critical=True):
        bus = Bus(a_run(), scoped_subscriptions())
    bus.publish(Token("a"))
    assert order == ["outer", "inner"]
    assert isinstance(bus.failure, ValueError)


def test_who_subscribes_or_leaves_while_a_run_is_heard_changes_later_runs() -> None:
    late, early = Ear(), Ear()
    with ExitStack() as scopes:
        scopes.enter_context(subscribe(early))
        entered = scopes.pop_all()

        def changing(run: Run, event: Event) -> None:
            if isinstance(event, Start):
                entered.close()
                scopes.enter_context(subscribe(late))

        first = Bus(a_run("first"), [Subscription(changing), *scoped_subscriptions()])
        first.publish_all([Start([]), Token("a")], [])
        second = Bus(a_run("second"), scoped_subscriptions())
        second.publish(Token("b"))
    assert [(run.name, event.seq) for run, event in early.heard] == [("first", 0), ("first", 1)]
    assert [(run.name, event.seq) for run, event in late.heard] == [("second", 0)]


async def test_tasks_started_in_a_block_are_heard_and_their_scopes_stay_their_own() -> None:
    ear, own = Ear(), Ear()

    async def call(name: str) -> None:
        with subscribe(own) if name == "a" else subscribe(ear):
            await anyio.lowlevel.checkpoint()
            Bus(a_run(name), scoped_subscriptions()).publish(Token("x"))

    with subscribe(ear):
        async with anyio.create_task_group() as group:
            group.start_soon(call, "a")
            group.start_soon(call, "b")
    assert sorted(run.name for run, _ in ear.heard) == ["a", "b"]
    assert [run.name for run, _ in own.heard] == ["a"]


# -- waiting


class Slow(Ear):
    """An async subscriber that is done when it is let."""

    def __init__(self) -> None:
        super().__init__()
        self.done: list[int] = []
        self.gate = anyio.Event()

    async def wait(self, event: Event) -> None:
        await self.gate.wait()
        self.done.append(event.seq)

    def __call__(self, run: Run, event: Event) -> Awaitable[None]:  # type: ignore[override]  # pyright: ignore[reportIncompatibleMethodOverride]  # on purpose
        super().__call__(run, event)
        return self.wait(event)


async def test_async_subscribers_are_awaited_in_order_when_flushed() -> None:
    order: list[tuple[str, int]] = []

    async def first(run: Run, event: Event) -> None:
        await anyio.lowlevel.checkpoint()
        order.append(("first", event.seq))

    async def second(run: Run, event: Event) -> None:
        order.append(("second", event.seq))

    parent = bus_of(second, name="chain")
    bus = bus_of(first, parent=parent)
    bus.publish_all(tokens(2), [])
    assert order == []
    await parent.flush()
    assert order == []
    await bus.flush()
    assert order == [("first", 0), ("second", 0), ("first", 1), ("second", 1)]
    await bus.flush()
    assert len(order) == 4


async def test_anything_that_can_be_awaited_is() -> None:
    class Waiting:
        done = False

        def __await__(self) -> Generator[Any, Any, None]:
            yield from anyio.lowlevel.checkpoint().__await__()
            self.done = True

    waiting = Waiting()
    bus = bus_of(lambda run, event: waiting)
    bus.publish(Token("a"))
    await bus.flush()
    assert waiting.done


async def test_a_subscriber_that_fails_while_awaited_is_reported_before_the_next_read(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def failing(run: Run, event: Event) -> None:
        raise ValueError("no")

    ear = Ear()
    bus = bus_of(failing, ear)
    first: list[Event] = []
    bus.publish_all([Start([]), Token("a")], first)
    await bus.flush()
    second: list[Event] = []
    bus.publish_all([whole_end()], second)
    await bus.flush()
    assert [type(event) for event in second] == [WarningEvent, End]
    assert ear.events == first + second
    check_grammar(first + second)
    assert len(caplog.records) == 1


async def test_what_a_detached_subscriber_left_to_await_is_closed() -> None:
    calls: list[int] = []

    async def failing(run: Run, event: Event) -> None:
        calls.append(event.seq)
        raise ValueError("no")

    bus = bus_of(failing)
    bus.publish_all(tokens(100), [])
    await bus.flush()
    bus.publish_all(tokens(5), [])
    await bus.flush()
    gc.collect()
    assert calls == list(range(MAX_FAILURES))


async def test_a_critical_subscriber_fails_the_run_when_it_is_awaited() -> None:
    async def failing(run: Run, event: Event) -> None:
        raise ValueError("no")

    bus = Bus(a_run(), [Subscription(failing, critical=True)])
    bus.publish(Token("a"))
    assert bus.failure is None
    await bus.flush()
    assert isinstance(bus.failure, ValueError)


async def test_the_last_flush_is_shielded_from_cancellation() -> None:
    done: list[str] = []

    async def slow(run: Run, event: Event) -> None:
        for _ in range(3):
            await anyio.lowlevel.checkpoint()
        done.append(type(event).__name__)

    bus = bus_of(slow)
    with anyio.CancelScope() as scope:
        bus.publish_all([Start([]), Token("a")], [])
        scope.cancel()
        try:
            await anyio.lowlevel.checkpoint()
        finally:
            bus.publish(End("cancelled"))
            await bus.flush()
    assert done == ["Start", "Token", "End"]
    assert scope.cancelled_caught


async def test_a_flush_before_the_end_can_be_cancelled_and_what_is_left_is_awaited_after_it() -> None:
    slow = Slow()
    bus = bus_of(slow)
    bus.publish_all([Start([]), *tokens(2)], [])
    with anyio.CancelScope() as scope:
        async with anyio.create_task_group() as group:
            group.start_soon(bus.flush)
            await anyio.wait_all_tasks_blocked()
            scope.cancel()
    assert slow.done == []
    slow.gate.set()
    bus.publish(End("cancelled"))
    await bus.flush()
    assert slow.done == [1, 2, 3]


async def test_who_is_late_after_the_end_is_closed_and_named(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(bus_module, "END_FLUSH_S", 0.05)
    cleaned: list[bool] = []

    async def stuck(run: Run, event: Event) -> None:
        try:
            await anyio.sleep_forever()
        finally:
            cleaned.append(True)

    async def behind(run: Run, event: Event) -> None:
        raise AssertionError("never reached")

    bus = bus_of(stuck, behind)
    bus.publish(End("ok", AIMessage("")))
    with anyio.fail_after(30):
        await bus.flush()
    gc.collect()
    (record,) = caplog.records
    assert record.getMessage() == "subscribers were not done 0.1 s after the end of a run: behind, stuck"
    assert cleaned == [True]
    await bus.flush()


@pytest.mark.parametrize(
    "anyio_backend", [("asyncio", {"use_uvloop": False}), ("asyncio", {"use_uvloop": True})], ids=["asyncio", "uvloop"]
)
async def test_a_second_cancellation_of_the_task_leaves_nothing_unawaited(caplog: pytest.LogCaptureFixture) -> None:
    started = asyncio.Event()

    async def stuck(run: Run, event: Event) -> None:
        started.set()
        await asyncio.sleep(3600)

    async def behind(run: Run, event: Event) -> None:
        raise AssertionError("never reached")

    bus = bus_of(stuck, behind)
    bus.publish(End("cancelled"))
    task = asyncio.create_task(bus.flush())
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    gc.collect()
    assert "behind, stuck" in caplog.text


def test_an_owner_that_cannot_wait_closes_what_is_pending() -> None:
    async def never(run: Run, event: Event) -> None:
        raise AssertionError("never reached")

    bus = bus_of(never)
    bus.publish_all([*tokens(3), End("abandoned")], [])
    bus.close()
    bus.close()
    gc.collect()
