"""Streams of one call: chunks that add up to the invoked message, events in order, and every way to leave."""

from __future__ import annotations

import gc

import anyio
import pytest

from tidewire import init_chat_model
from tidewire.adapters.script import Call, Fail, Reply
from tidewire.chat_models import ChatModel
from tidewire.events.chunks import AIMessageChunk
from tidewire.events.errors import ConfigurationError, StreamInterruptedError
from tidewire.events.types import End, Event, Finish, Meta, Run, Start, Token, Usage

RICH = Reply(
    reasoning=["First ", "this."],
    text=["Let me ", "look."],
    tool_calls=[Call("weather", {"city": "Lisbon"}), Call("weather", {"city": "Porto"})],
)


def rich(turns: int = 1) -> ChatModel:
    def weather(city: str) -> str:
        """The weather."""
        return city

    return init_chat_model("embedded:demo", script=[RICH] * turns).bind_tools([weather])


class Outcomes:
    """Hears how runs end."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def __call__(self, run: Run, event: Event) -> None:
        if isinstance(event, End):
            self.seen.append(event.outcome)


async def test_the_sum_of_a_stream_is_the_invoked_message_field_by_field() -> None:
    model = rich(2)
    invoked = await model.ainvoke("hello", {"run_id": "00000000-0000-0000-0000-000000000001"})
    chunks = [chunk async for chunk in model.astream("hello", {"run_id": "00000000-0000-0000-0000-000000000001"})]
    total = sum(chunks[1:], start=chunks[0])
    assert total.content_blocks == invoked.content_blocks
    assert total.tool_calls == invoked.tool_calls
    assert [call["args"] for call in total.tool_calls] == [{"city": "Lisbon"}, {"city": "Porto"}]
    assert total.usage_metadata == invoked.usage_metadata
    assert total.id == invoked.id
    different = {"id", "request_id"}  # the provider names each reply anew
    assert {key: value for key, value in total.response_metadata.items() if key not in different} == {
        key: value for key, value in invoked.response_metadata.items() if key not in different
    }


async def test_only_the_last_chunk_is_marked_and_only_it_carries_usage() -> None:
    chunks = [chunk async for chunk in rich().astream("hello")]
    assert [chunk.chunk_position for chunk in chunks] == [None] * (len(chunks) - 1) + ["last"]
    assert [chunk.usage_metadata is not None for chunk in chunks] == [False] * (len(chunks) - 1) + [True]
    assert all(chunk.content_blocks for chunk in chunks[:-1])
    assert len({chunk.id for chunk in chunks}) == 1


async def test_events_come_in_order_without_a_gap() -> None:
    events = [event async for event in rich().aevents("hello")]
    assert [event.seq for event in events] == list(range(len(events)))
    assert isinstance(events[0], Start)
    assert isinstance(events[-1], End)
    assert [type(event) for event in events if isinstance(event, Start | End)] == [Start, End]
    assert [event.time for event in events] == sorted(event.time for event in events)
    assert {Meta, Usage, Finish} <= {type(event) for event in events}


async def test_result_reads_the_rest_and_gives_the_whole_message() -> None:
    stream = rich().astream("hello")
    first = await anext(stream)
    message = await stream.result()
    assert first.content_blocks[0]["type"] == "reasoning"
    assert message.text == "Let me look."
    assert len(message.tool_calls) == 2


async def test_a_stream_is_closed_by_async_with() -> None:
    outcomes = Outcomes()
    async with rich().astream("hello", {"callbacks": outcomes}) as stream:
        async for _ in stream:
            break
        assert outcomes.seen == []
    assert outcomes.seen == ["abandoned"]
    await stream.aclose()
    assert outcomes.seen == ["abandoned"]


async def test_a_stream_that_was_never_read_has_no_run() -> None:
    outcomes = Outcomes()
    stream = rich().astream("hello", {"callbacks": outcomes})
    await stream.aclose()
    assert outcomes.seen == []


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_break_closes_the_stream_once_nothing_refers_to_it() -> None:
    outcomes = Outcomes()
    async for _ in rich().astream("hello", {"callbacks": outcomes}):
        break
    gc.collect()
    await anyio.wait_all_tasks_blocked()
    assert outcomes.seen == ["abandoned"]


@pytest.mark.parametrize("anyio_backend", ["trio"])
async def test_a_break_closes_the_stream_on_trio_too() -> None:
    outcomes = Outcomes()

    async def leave() -> None:
        async for _ in rich().astream("hello", {"callbacks": outcomes}):
            break

    with pytest.warns(ResourceWarning, match="was garbage collected"):
        await leave()
        gc.collect()
    await anyio.wait_all_tasks_blocked()
    assert outcomes.seen == ["abandoned"]


async def test_a_finished_stream_gives_nothing_more() -> None:
    stream = rich().astream("hello")
    assert [chunk async for chunk in stream]
    assert [chunk async for chunk in stream] == []


async def test_what_arrived_is_delivered_before_the_error_is_raised() -> None:
    model = init_chat_model(
        "embedded:demo", script=[Fail(kind="reset", after_tokens=3, reply=Reply(["a", "b", "c", "d"]))]
    )
    texts: list[str] = []
    with pytest.raises(StreamInterruptedError) as raised:
        async for chunk in model.astream("hello"):
            texts.append(chunk.text)
    assert texts == ["a", "b", "c"]
    error = raised.value
    assert (error.provider, error.model, error.attempts) == ("embedded", "demo", 1)
    assert getattr(error.partial, "text", None) == "abc"


async def test_events_of_a_failed_call_include_its_end() -> None:
    model = init_chat_model("embedded:demo", script=[Fail(status=400)], max_retries=0)
    events: list[Event] = []
    with pytest.raises(Exception, match="400"):
        async for event in model.aevents("hello"):
            events.append(event)
    end = events[-1]
    assert isinstance(end, End)
    assert (end.outcome, end.output, end.usage_source) == ("error", None, "unknown")


async def test_wrong_input_is_told_at_once() -> None:
    with pytest.raises(ConfigurationError):
        rich().astream(3)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # that is the test
    with pytest.raises(ConfigurationError, match="no key 'tag'"):
        rich().astream("hello", {"tag": ["x"]})  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # the same


async def test_sums_taken_while_reading_do_not_disturb_the_rest() -> None:
    total: AIMessageChunk | None = None
    texts: list[str] = []
    async with rich().astream("hello") as chunks:
        async for chunk in chunks:
            total = chunk if total is None else total + chunk
            texts.append(total.text)
    assert total is not None
    assert total.text == "Let me look."
    assert texts == sorted(texts, key=len)


async def test_invoke_streams_when_somebody_hears_tokens() -> None:
    heard: list[str] = []

    def hear(run: Run, event: Event) -> None:
        if isinstance(event, Token):
            heard.append(event.text)

    model = init_chat_model("embedded:demo", script=[Reply(["a", "b"])] * 2)
    await model.ainvoke("hello", {"callbacks": hear})
    assert heard == ["a", "b"]
