"""``astream_events`` of a chain: its records and those of everything that runs within it."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Callable
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from anyio import get_cancelled_exc_class

from tests.events.grammar import check_grammar
from tidewire import (
    RunnableConfig,
    adispatch_custom_event,
    chain,
    dispatch_custom_event,
    init_chat_model,
    open_run,
    subscribe,
)
from tidewire.adapters.script import Call, Fail, Reply
from tidewire.chat_models import ChatModel
from tidewire.events.errors import BadRequestError
from tidewire.events.stream_events import StreamEvent
from tidewire.events.types import End, Event, Piece, Run, Token
from tidewire.fan_in import CAPACITY
from tidewire.tools import run_tools, tool


def demo(*replies: list[str]) -> ChatModel:
    return init_chat_model("embedded:demo", script=[Reply(reply) for reply in replies])


async def until(condition: Callable[[], object], *, collecting: bool = False) -> None:
    with anyio.fail_after(30):
        while not condition():
            if collecting:  # which takes long where much is in memory
                gc.collect()
            await anyio.sleep(0.001)


def names(records: list[StreamEvent]) -> list[tuple[str, str]]:
    return [(record["event"], record["name"]) for record in records]


async def test_the_records_are_those_of_the_chain_and_of_all_within_it() -> None:
    model = demo(["HI", " THERE"])

    @chain
    async def polite(text: str) -> str:
        await adispatch_custom_event("asking", {"text": text})
        return (await model.ainvoke(text.upper(), {"run_name": "model", "tags": ["m"]})).text.lower()

    config: RunnableConfig = {"tags": ["t"], "metadata": {"a": 1}}
    records = [record async for record in polite.astream_events("hello", config)]
    assert names(records) == [
        ("on_chain_start", "polite"),
        ("on_custom_event", "asking"),
        ("on_chat_model_start", "model"),
        ("on_chat_model_stream", "model"),
        ("on_chat_model_stream", "model"),
        ("on_chat_model_stream", "model"),
        ("on_chat_model_end", "model"),
        ("on_chain_stream", "polite"),
        ("on_chain_end", "polite"),
    ]
    outer, custom, inner = records[0], records[1], records[2]
    assert outer["data"] == {"input": "hello"}
    assert (outer["parent_ids"], outer["tags"], outer["metadata"]) == ([], ["t"], {"a": 1})
    assert custom["data"] == {"text": "hello"}
    assert custom["run_id"] == outer["run_id"]
    assert (inner["parent_ids"], inner["tags"], inner["metadata"]["a"]) == ([outer["run_id"]], ["t", "m"], 1)
    ((message,),) = inner["data"]["input"]["messages"]
    assert message.text == "HELLO"
    assert [record["data"]["chunk"].text for record in records[3:6]] == ["HI", " THERE", ""]
    assert records[6]["data"]["output"].text == "HI THERE"
    assert records[6]["data"]["input"] == inner["data"]["input"]
    assert records[7]["data"] == {"chunk": "hi there"}
    assert records[8]["data"] == {"output": "hi there"}


async def test_each_record_keeps_its_own_runs_input_when_the_chain_is_filtered_out() -> None:
    model = demo(["x"])

    @chain
    async def upper(text: str) -> str:
        return (await model.ainvoke(text.upper())).text

    records = [record async for record in upper.astream_events("q", include_types=["chat_model"])]
    assert {record["event"] for record in records} == {
        "on_chat_model_start",
        "on_chat_model_stream",
        "on_chat_model_end",
    }
    assert records[0]["data"]["input"]["messages"][0][0].text == "Q"


@pytest.mark.parametrize(
    ("filters", "shown"),
    [
        ({"include_names": ["outer"]}, {"outer"}),
        ({"exclude_names": ["outer"]}, {"inner", "model"}),
        ({"include_types": ["chain"]}, {"outer", "inner"}),
        ({"exclude_types": ["chain"]}, {"model"}),
        ({"include_tags": ["i"]}, {"inner", "model"}),
        ({"include_tags": ["i"], "exclude_names": ["model"]}, {"inner"}),
        ({"include_names": ["nobody"]}, set[str]()),
    ],
)
async def test_runs_are_filtered_by_name_type_and_tag(filters: dict[str, list[str]], shown: set[str]) -> None:
    model = demo(["x"])

    @chain
    async def inner(text: str) -> str:
        return (await model.ainvoke(text, {"run_name": "model"})).text

    @chain
    async def outer(text: str) -> str:
        return await inner.ainvoke(text, {"tags": ["i"]})

    assert {record["name"] async for record in outer.astream_events("q", None, version="v2", **_any(filters))} == shown


def _any(filters: dict[str, list[str]]) -> dict[str, Any]:
    return dict(filters)


async def test_a_nested_generator_shows_its_pieces_too() -> None:
    @chain
    async def inner(text: str) -> AsyncIterator[str]:
        for letter in text:
            yield letter

    @chain
    async def outer(text: str) -> AsyncIterator[str]:
        async for letter in inner.astream(text):
            yield letter.upper()

    records = [record async for record in outer.astream_events("ab")]
    chunks = [(record["name"], record["data"]["chunk"]) for record in records if record["event"] == "on_chain_stream"]
    assert chunks == [("inner", "a"), ("outer", "A"), ("inner", "b"), ("outer", "B")]


async def test_tools_of_a_chain_have_records_and_so_have_models_that_tools_ask_in_a_thread() -> None:
    asked = init_chat_model("embedded:demo", script=[Reply(tool_calls=[Call("look", {"query": "q"})])])
    helper = demo(["a", "b"])

    @tool
    def look(query: str) -> str:
        """Looks."""
        dispatch_custom_event("looking", query)
        return helper.invoke(query, {"run_name": "helper"}).text

    @chain
    async def agent(text: str) -> str:
        message = await asked.bind_tools([look]).ainvoke(text, {"run_name": "asked"})
        (answer,) = await run_tools(message, [look])
        return answer.text

    records = [record async for record in agent.astream_events("hello")]
    kinds = names(records)
    assert ("on_tool_start", "look") in kinds
    assert ("on_custom_event", "looking") in kinds
    assert [
        record["data"]["chunk"].text for record in records if record["name"] == "helper" and "chunk" in record["data"]
    ] == ["a", "b", ""]
    started = next(
        record for record in records if record["event"] == "on_chat_model_start" and record["name"] == "helper"
    )
    tool_start = next(record for record in records if record["event"] == "on_tool_start")
    assert tool_start["data"] == {"input": {"query": "q"}}
    assert started["parent_ids"] == [records[0]["run_id"], tool_start["run_id"]]
    end = next(record for record in records if record["event"] == "on_tool_end")
    assert end["data"]["output"].text == "ab"
    assert records[-1]["data"] == {"output": "ab"}


async def test_a_sync_invoke_that_blocks_the_loop_shows_its_tokens_afterwards() -> None:
    long = [f"{number} " for number in range(CAPACITY * 3)]
    model = demo(long)

    @chain
    async def ask(text: str) -> str:
        return model.invoke(text).text

    records = [record async for record in ask.astream_events("hello")]
    tokens = "".join(record["data"]["chunk"].text for record in records if record["event"] == "on_chat_model_stream")
    assert tokens == "".join(long)
    assert records[-1]["data"] == {"output": "".join(long)}


async def test_an_error_is_a_record_of_each_run_and_then_raised() -> None:
    model = init_chat_model("embedded:demo", script=[Fail(status=400)], max_retries=0)

    @chain
    async def ask(text: str) -> str:
        return (await model.ainvoke(text, {"run_name": "model"})).text

    seen: list[StreamEvent] = []
    with pytest.raises(BadRequestError):
        async for record in ask.astream_events("hello"):
            seen.append(record)
    assert names(seen) == [
        ("on_chain_start", "ask"),
        ("on_chat_model_start", "model"),
        ("on_chat_model_error", "model"),
        ("on_chain_error", "ask"),
    ]
    assert isinstance(seen[3]["data"]["error"], BadRequestError)


class Counts:
    """Counts the pieces that a chain publishes, and keeps how its run ended."""

    wants_tokens = False

    def __init__(self) -> None:
        self.pieces = 0
        self.outcomes: list[str] = []

    def __call__(self, run: Run, event: Event) -> None:
        self.pieces += isinstance(event, Piece)
        if isinstance(event, End):
            self.outcomes.append(event.outcome)


@chain
async def endless(text: str) -> AsyncIterator[str]:
    while True:
        await anyio.lowlevel.checkpoint()
        yield text


async def test_a_slow_reader_holds_the_chain_back() -> None:
    counts = Counts()
    async with endless.astream_events("a", {"callbacks": counts}) as stream:
        await anext(aiter(stream))
        await until(lambda: counts.pieces >= CAPACITY)
        for _ in range(200):
            await anyio.lowlevel.checkpoint()
        assert counts.pieces <= CAPACITY + 2
    assert counts.outcomes == ["cancelled"]


async def test_leaving_the_block_stops_the_chain_at_once() -> None:
    counts = Counts()
    async with endless.astream_events("a", {"callbacks": counts}) as stream:
        async for _ in stream:
            break
    assert counts.outcomes == ["cancelled"]


async def test_a_break_stops_the_chain() -> None:
    counts = Counts()

    async def leave() -> None:
        async for record in endless.astream_events("a", {"callbacks": counts}):
            if record["event"] == "on_chain_stream":
                break

    if get_cancelled_exc_class() is asyncio.CancelledError:
        await leave()
        await until(lambda: counts.outcomes, collecting=True)
    else:
        with pytest.warns(ResourceWarning, match="was garbage collected"):  # trio warns of each one that is collected
            await leave()
            await until(lambda: counts.outcomes, collecting=True)
    assert counts.outcomes == ["cancelled"]


async def test_cancelling_the_reader_stops_the_chain() -> None:
    counts = Counts()
    with anyio.CancelScope() as scope:
        async for record in endless.astream_events("a", {"callbacks": counts}):
            if record["event"] == "on_chain_stream":
                scope.cancel()
    await until(lambda: counts.outcomes)
    assert counts.outcomes == ["cancelled"]


async def test_a_call_within_is_stopped_with_its_chain() -> None:
    model = demo([f"{number} " for number in range(10_000)])
    outcomes: dict[str, str] = {}

    def hear(run: Run, event: Event) -> None:
        if isinstance(event, End):
            outcomes[run.kind] = event.outcome

    @chain
    async def ask(text: str) -> str:
        return (await model.ainvoke(text)).text

    async with ask.astream_events("a", {"callbacks": hear}) as stream:
        async for record in stream:
            if record["event"] == "on_chat_model_stream":
                break
    assert outcomes == {"chat_model": "cancelled", "chain": "cancelled"}


async def test_what_is_never_read_never_runs() -> None:
    counts = Counts()
    stream = endless.astream_events("a", {"callbacks": counts})
    await stream.aclose()
    assert counts.outcomes == []


async def test_the_result_can_be_had_after_some_records() -> None:
    model = demo(["a", "b"])

    @chain
    async def ask(text: str) -> str:
        return (await model.ainvoke(text)).text

    async with ask.astream_events("hello") as stream:
        await anext(aiter(stream))
        assert await stream.result() == "ab"


async def test_a_chain_within_a_run_is_heard_there_too() -> None:
    @chain
    async def quick(text: str) -> str:
        return text

    heard: list[Run] = []
    with subscribe(lambda run, event: heard.append(run)):
        async with open_run("outer") as run:
            records = [record async for record in quick.astream_events("a")]
    assert records[0]["parent_ids"] == [str(run.run.id)]
    assert {one.name for one in heard} == {"outer", "quick"}


async def test_the_events_of_a_chain_come_while_its_function_runs() -> None:
    asked, answered = anyio.Event(), anyio.Event()

    @chain
    async def ask(text: str) -> str:
        await adispatch_custom_event("asked")
        await answered.wait()
        return text

    events: list[Event] = []
    with anyio.fail_after(30):
        async for event in ask.aevents("a"):
            events.append(event)
            if len(events) == 2:
                asked.set()
                answered.set()
    check_grammar(events, "chain")
    assert asked.is_set()
    assert not any(isinstance(event, Token) for event in events)
