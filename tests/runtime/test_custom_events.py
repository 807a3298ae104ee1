"""Events of the user's own, and the context that carries the run around into threads."""

from __future__ import annotations

import threading
from typing import Any

import anyio
import anyio.lowlevel
import anyio.to_thread
import pytest

from tests.events.grammar import check_grammar
from tidewire import (
    ConfigurationError,
    adispatch_custom_event,
    chain,
    copy_context,
    dispatch_custom_event,
    init_chat_model,
    open_run,
    subscribe,
)
from tidewire.callbacks import AsyncCallbackHandler, BaseCallbackHandler
from tidewire.events.blocks import JSON
from tidewire.events.bus import current_bus
from tidewire.events.types import Custom, Event, Run
from tidewire.tools import tool


class Keeps(BaseCallbackHandler):
    """Keeps the custom events."""

    def __init__(self) -> None:
        self.seen: list[tuple[JSON, ...]] = []

    def on_custom_event(self, name: str, data: JSON, **kwargs: Any) -> None:
        self.seen.append((name, data, *kwargs["tags"]))


class KeepsLater(AsyncCallbackHandler):
    """Keeps the custom events, once it was awaited."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    async def on_custom_event(self, name: str, data: JSON, **kwargs: Any) -> None:
        await anyio.lowlevel.checkpoint()
        self.seen.append(name)


async def test_an_event_is_published_on_the_run_around_and_handlers_hear_it() -> None:
    keeps, later = Keeps(), KeepsLater()
    order: list[list[str]] = []

    @chain
    async def work(_: str) -> None:
        await adispatch_custom_event("step", {"n": 1})
        order.append(list(later.seen))
        dispatch_custom_event("other")

    await work.ainvoke("", {"callbacks": [keeps, later], "tags": ["t"]})
    assert keeps.seen == [("step", {"n": 1}, "t"), ("other", None, "t")]
    assert order == [["step"]]
    assert later.seen == ["step", "other"]


def test_an_event_of_sync_code_waits_for_those_who_are_awaited() -> None:
    later = KeepsLater()
    with open_run("work", config={"callbacks": later}):
        dispatch_custom_event("step")
        assert later.seen == ["step"]


async def test_a_tool_in_a_worker_thread_publishes_on_its_own_run() -> None:
    heard: list[tuple[str, str]] = []

    def hear(run: Run, event: Event) -> None:
        if isinstance(event, Custom):
            heard.append((run.kind, event.name))

    @tool
    def look(query: str) -> str:
        """Looks."""
        dispatch_custom_event("looking", query)
        return query

    await look.ainvoke({"query": "q"}, {"callbacks": hear})
    assert heard == [("tool", "looking")]


async def test_an_event_without_a_run_around_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="'step' needs a run around it"):
        await adispatch_custom_event("step")
    with pytest.raises(ConfigurationError, match="copy_context"):
        dispatch_custom_event("step")


async def test_an_event_for_a_run_that_is_over_is_refused() -> None:
    async with open_run("work"):
        context = copy_context()
    with pytest.raises(ConfigurationError, match="run 'work' around it is over"):
        context.run(dispatch_custom_event, "step")


@pytest.mark.parametrize("carried", [True, False])
async def test_a_context_carries_the_run_into_a_thread_of_the_programs_own(carried: bool) -> None:
    model = init_chat_model("embedded:demo")
    runs: dict[Run, list[Event]] = {}
    subscriber_runs: list[Run] = []

    def hear(run: Run, event: Event) -> None:
        runs.setdefault(run, []).append(event)

    def work() -> None:
        model.invoke("hi")
        if carried:
            dispatch_custom_event("done")

    with subscribe(lambda run, event: subscriber_runs.append(run)):
        async with open_run("outer", config={"callbacks": hear, "tags": ["t"]}) as outer:
            context = copy_context()
            thread = threading.Thread(target=context.run if carried else work, args=(work,) if carried else ())
            thread.start()
            await anyio.to_thread.run_sync(thread.join)
    for run, events in runs.items():
        check_grammar(events, run.kind)
    inner = [run for run in runs if run.kind == "chat_model"]
    if not carried:
        assert not inner
        return
    assert [(run.parent_id, run.tags) for run in inner] == [(outer.run.id, ("t",))]
    assert set(subscriber_runs) == set(runs)
    assert current_bus() is None


async def test_a_context_may_be_copied_before_there_is_anything_in_it() -> None:
    assert copy_context().run(current_bus) is None
