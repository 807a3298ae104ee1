"""Runs around a block: what is inherited, who hears whom, how they end."""

from __future__ import annotations

import anyio
import anyio.lowlevel
import pytest

from tests.events.grammar import check_grammar
from tidewire import StopRun, init_chat_model, open_run, subscribe
from tidewire.events.bus import current_bus
from tidewire.events.errors import RecursionLimitError
from tidewire.events.types import Custom, End, Event, Run, Start
from tidewire.runs import OpenRun


class Heard:
    """Hears runs, in the order in which they begin."""

    def __init__(self) -> None:
        self.events: dict[Run, list[Event]] = {}

    def __call__(self, run: Run, event: Event) -> None:
        self.events.setdefault(run, []).append(event)

    def end_of(self, run: Run) -> End:
        check_grammar(self.events[run], run.kind)
        end = self.events[run][-1]
        assert isinstance(end, End)
        return end


async def test_calls_in_the_block_are_runs_within_it() -> None:
    heard = Heard()
    model = init_chat_model("embedded:demo")
    config = {"callbacks": heard, "tags": ["outer"], "metadata": {"a": 1}, "run_name": "named"}
    async with open_run("chain", input="question", config=config) as run:
        await model.ainvoke("hi", {"tags": ["inner"], "metadata": {"b": 2}})
        run.dispatch("note", {"x": 1})
        run.output = "answer"
    outer, inner = heard.events
    assert (outer.kind, outer.name, outer.parent_id, outer.tags) == ("chain", "named", None, ("outer",))
    assert (inner.kind, inner.name, inner.parent_ids) == ("chat_model", model.settings.adapter.class_name, (outer.id,))
    assert inner.tags == ("outer", "inner")
    assert inner.metadata == {"a": 1, "b": 2}
    assert (heard.end_of(outer).outcome, heard.end_of(outer).output) == ("ok", "answer")
    assert heard.end_of(inner).outcome == "ok"
    start, custom, _ = heard.events[outer]
    assert isinstance(start, Start)
    assert start.input == "question"
    assert isinstance(custom, Custom)
    assert (custom.name, custom.data) == ("note", {"x": 1})


async def test_blocks_nest_and_everybody_around_hears() -> None:
    heard = Heard()
    with subscribe(heard):
        async with open_run("one"), open_run("two") as two, open_run("three") as three:
            assert three.run.parent_ids[-1] == two.run.id
    assert [run.name for run in heard.events] == ["one", "two", "three"]
    assert all(len(events) == 2 for events in heard.events.values())
    assert current_bus() is None


async def test_an_error_ends_the_run_with_it_and_goes_on() -> None:
    heard = Heard()
    with pytest.raises(ValueError, match="mine"):
        async with open_run("chain", config={"callbacks": heard}):
            raise ValueError("mine")
    (run,) = heard.events
    end = heard.end_of(run)
    assert (end.outcome, str(end.error)) == ("error", "mine")
    assert current_bus() is None


async def test_a_cancelled_block_ends_its_run() -> None:
    heard = Heard()
    with anyio.move_on_after(0.01):
        async with open_run("chain", config={"callbacks": heard}):
            await anyio.sleep(60)
    (run,) = heard.events
    assert heard.end_of(run).outcome == "cancelled"


async def test_an_awaited_subscriber_hears_start_before_the_block_and_end_after_it() -> None:
    order: list[str] = []

    async def hear(run: Run, event: Event) -> None:
        await anyio.lowlevel.checkpoint()
        order.append(type(event).__name__)

    async with open_run("chain", config={"callbacks": hear}):
        order.append("block")
    assert order == ["Start", "block", "End"]


async def test_a_critical_subscriber_fails_the_block() -> None:
    def fail(run: Run, event: Event) -> None:
        raise ValueError("mine")

    with subscribe(fail, critical=True), pytest.raises(ValueError, match="mine"):
        async with open_run("chain"):
            pass


async def test_a_subscriber_cancelled_at_the_start_leaves_an_ended_run() -> None:
    heard = Heard()

    async def slow(run: Run, event: Event) -> None:
        if isinstance(event, Start):
            await anyio.sleep(60)

    with anyio.move_on_after(0.01):
        async with open_run("chain", config={"callbacks": [heard, slow]}):
            pytest.fail("the block must not begin")
    (run,) = heard.events
    assert heard.end_of(run).outcome == "cancelled"
    assert current_bus() is None


async def test_depth_is_limited() -> None:
    async with open_run("one"), open_run("two"):
        with pytest.raises(RecursionLimitError, match="'three' is nested 3 deep; recursion_limit is 2"):
            open_run("three", config={"recursion_limit": 2})


def test_a_run_of_sync_code_waits_for_its_subscribers_and_holds_what_happens_within() -> None:
    order: list[tuple[str, str]] = []

    async def hear(run: Run, event: Event) -> None:
        await anyio.lowlevel.checkpoint()
        order.append((run.name, type(event).__name__))

    with OpenRun("outer", kind="tool", input="question", config={"callbacks": hear}, parameters={"a": 1}) as outer:
        with open_run("inner") as inner:
            inner.output = 1
        outer.output = "answer"
    assert inner.run.parent_id == outer.run.id
    assert order == [("outer", "Start"), ("inner", "Start"), ("inner", "End"), ("outer", "End")]
    assert current_bus() is None


def test_a_run_of_sync_code_ends_with_the_error_of_its_block() -> None:
    heard = Heard()
    with pytest.raises(ZeroDivisionError), open_run("outer", config={"callbacks": heard}) as run:
        _ = 1 / 0
    assert isinstance(heard.end_of(run.run).error, ZeroDivisionError)
    assert heard.end_of(run.run).outcome == "error"


def test_a_subscriber_stops_a_run_of_sync_code() -> None:
    def stop(run: Run, event: Event) -> None:
        raise StopRun("no more")

    with pytest.raises(StopRun), open_run("outer", config={"callbacks": stop}):
        pass
    assert current_bus() is None


def test_a_run_of_sync_code_ends_when_its_beginning_fails() -> None:
    heard = Heard()

    async def cancel(run: Run, event: Event) -> None:
        if isinstance(event, Start):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), open_run("outer", config={"callbacks": [heard, cancel]}):
        raise AssertionError("not reached")
    ((_, events),) = heard.events.items()
    assert isinstance(events[-1], End)
    assert events[-1].outcome == "cancelled"
    assert current_bus() is None


async def test_what_a_model_is_told_counts_for_its_own_runs_alone() -> None:
    told, around = Heard(), Heard()
    model = init_chat_model("embedded:demo", tags=["model"], metadata={"who": "model", "m": 1}, callbacks=[told])
    other = init_chat_model("embedded:demo")
    async with open_run("chain", config={"callbacks": around, "metadata": {"c": 1}}):
        await model.ainvoke("hi", {"tags": ["call"], "metadata": {"who": "call"}})
        await other.ainvoke("hi")
    (run,) = told.events
    assert run.tags == ("call", "model")
    assert run.metadata == {"c": 1, "m": 1, "who": "call"}
    outer, first, second = around.events
    assert (outer.tags, first, second.tags) == ((), run, ())
    assert second.metadata == outer.metadata == {"c": 1}
