"""Streams of one call: chunks that add up to the invoked message, events in order, and every way to leave."""

from __future__ import annotations

import gc
from collections.abc import AsyncIterator

import anyio
import pytest
from anyio.lowlevel import checkpoint

from tests.runtime.test_call import GOOD, frame, model_on
from tidewire import chain, init_chat_model
from tidewire.adapters.replay_transport import Exchange
from tidewire.adapters.script import Call, Fail, Reply
from tidewire.chat_models import ChatModel
from tidewire.events.chunks import AIMessageChunk
from tidewire.events.errors import ConfigurationError, OutputParsingError, StreamInterruptedError, TidewireError
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


CUT = Fail(kind="reset", after_tokens=3, reply=Reply(["a", "b", "c", "d"]))


async def test_a_stream_that_failed_says_so_again() -> None:
    model = init_chat_model("embedded:demo", script=[CUT] * 3)
    for stream in (model.astream("hello"), model.aevents("hello"), model.astream_events("hello")):
        with pytest.raises(StreamInterruptedError) as first:
            async for _ in stream:
                pass
        for _ in range(2):
            with pytest.raises(StreamInterruptedError) as raised:
                await stream.result()
            assert raised.value is first.value
            with pytest.raises(StreamInterruptedError) as raised:
                await anext(stream)
            assert raised.value is first.value
            with pytest.raises(StreamInterruptedError) as raised:
                async for _ in stream:
                    pass
            assert raised.value is first.value


async def test_a_failed_stream_has_no_result_before_its_error_was_read_either() -> None:
    stream = init_chat_model("embedded:demo", script=[CUT]).astream("hello")
    assert [(await anext(stream)).text for _ in range(3)] == ["a", "b", "c"]
    with pytest.raises(StreamInterruptedError) as raised:
        await stream.result()
    assert raised.value.partial is not None
    assert raised.value.partial.text == "abc"


async def test_a_stream_that_was_left_says_so_and_has_no_result() -> None:
    async with init_chat_model("embedded:demo", script=[Reply(["a", "b"])]).astream("hello") as stream:
        assert (await anext(stream)).text == "a"
    with pytest.raises(StreamInterruptedError, match="was left") as raised:
        await stream.result()
    error = raised.value
    assert error.partial is not None
    assert (error.partial.text, error.provider, error.model, error.attempts) == ("a", "embedded", "demo", 1)
    with pytest.raises(StreamInterruptedError, match="was left"):
        async for _ in stream:
            pass


async def test_a_stream_that_was_cancelled_says_so_and_has_no_result() -> None:
    stalled = Fail(kind="stall", after_tokens=1, reply=Reply(["a", "b"]))
    stream = init_chat_model("embedded:demo", script=[stalled]).astream("hello")
    with anyio.CancelScope() as scope:
        async for chunk in stream:
            assert chunk.text == "a"
            scope.cancel()
    assert scope.cancelled_caught
    with pytest.raises(StreamInterruptedError, match="was cancelled") as raised:
        await stream.result()
    assert raised.value.partial is not None
    assert raised.value.partial.text == "a"


async def test_a_stream_that_is_closed_before_it_began_never_asks() -> None:
    for begin in (False, True):
        outcomes = Outcomes()
        stream = rich().astream("hello", {"callbacks": outcomes})
        if begin:
            aiter(stream)
        await stream.aclose()
        with pytest.raises(StreamInterruptedError, match="closed before it began: nothing was asked"):
            async for _ in stream:
                pass
        with pytest.raises(StreamInterruptedError, match="closed before it began"):
            await stream.result()
        assert outcomes.seen == []


async def test_a_value_that_does_not_fit_has_no_result_later_either() -> None:
    model = init_chat_model("embedded:demo", script=["no JSON"]).with_structured_output(
        {"title": "Point", "type": "object", "properties": {"x": {"type": "integer"}}}, method="json_mode"
    )
    stream = model.astream("hello")
    for _ in range(2):
        with pytest.raises(OutputParsingError):
            async for _ in stream:
                pass
        with pytest.raises(OutputParsingError):
            await stream.result()


async def test_streams_of_chains_say_again_how_they_ended() -> None:
    calls: list[str] = []

    @chain
    async def count(text: str) -> AsyncIterator[str]:
        calls.append(text)
        yield "one "
        if text == "b":
            await anyio.sleep_forever()
        raise ValueError("no two")

    for make in (count.astream, count.aevents, count.astream_events):
        stream = make("a")
        for _ in range(2):
            with pytest.raises(ValueError, match="no two"):
                async for _ in stream:
                    pass
            with pytest.raises(ValueError, match="no two"):
                await stream.result()
        async with make("b") as left:
            await anext(left)
        with pytest.raises(StreamInterruptedError, match=r"count was (left|cancelled)"):
            await left.result()
        closed = make("c")
        await closed.aclose()
        with pytest.raises(StreamInterruptedError, match="count was closed before it began"):
            await closed.result()
        with pytest.raises(StreamInterruptedError, match="count was closed before it began"):
            await anext(closed)
    assert set(calls) == {"a", "b"}


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


@pytest.mark.parametrize("exchange", [Exchange(body=frame("a"), ending="hang"), Exchange(body=GOOD, open_delay_s=0.05)])
async def test_a_call_that_another_task_leaves_stops_and_asks_no_more(exchange: Exchange) -> None:
    model, transport = model_on([exchange, GOOD])
    stream = model.astream("hi")
    raised: list[TidewireError] = []

    async def read() -> None:
        try:
            await stream.result()
        except TidewireError as error:
            raised.append(error)

    async with anyio.create_task_group() as group:
        group.start_soon(read)
        with anyio.fail_after(60):
            while not transport.requests:
                await checkpoint()
            await checkpoint()
        await stream.aclose()
    assert len(raised) == 1
    assert (len(transport.requests), transport.open_responses) == (1, 0)
