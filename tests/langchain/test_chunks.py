"""The chunks of a streamed answer, as LangChain adds them up."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.messages.ai import add_ai_message_chunks

from tests.adapters.simulator.wires import WIRES, Wire, model_on
from tidewire import init_chat_model
from tidewire.call import Call
from tidewire.events.types import Block, End, Event, Finish, Meta, Reasoning, Token, ToolCallDelta, Usage
from tidewire.langchain import as_chat_model
from tidewire.langchain.chunks import Pieces
from tidewire.langchain.messages import from_langchain
from tidewire.testing import Call as ToolCall
from tidewire.testing import Reply, Simulator

CITED: dict[str, Any] = {"type": "citation", "url": "https://example.org", "title": "Tides"}
IMAGE: dict[str, Any] = {"type": "image", "base64": "aGk=", "mime_type": "image/png"}


def pieces(*events: Event, version: str | None = None) -> tuple[list[AIMessageChunk], AIMessage]:
    """The chunks of these events, and the whole message that comes with the last one."""
    model = init_chat_model("embedded:demo")
    call = Call(model.settings, "hi", None, stream=True)
    published: list[Event] = []
    call.bus.publish_all(events, published)
    call.bus.publish_all((End("ok", call.message),), published)
    made = Pieces(call, version).pieces(published)
    assert [piece.message for piece in made[:-1]] == [None] * (len(made) - 1)
    whole = made[-1].message
    assert whole is not None
    return [piece.chunk.message for piece in made if isinstance(piece.chunk.message, AIMessageChunk)], whole


def total(chunks: list[AIMessageChunk]) -> AIMessageChunk:
    """The sum of the chunks, as LangChain makes it."""
    first, *rest = chunks
    return add_ai_message_chunks(first, *rest)


def said(message: AIMessage) -> list[dict[str, Any]]:
    """The blocks, without what only a stream knows of them."""
    return [{key: value for key, value in block.items() if key != "index"} for block in message.content_blocks]


def test_text_is_streamed_as_text_and_metadata_comes_last() -> None:
    chunks, whole = pieces(
        Meta(id="r1"), Token("one "), Token("two"), Usage(1, 2, 3), Finish("stop", "end_turn"), version=None
    )
    assert [chunk.content for chunk in chunks] == ["one ", "two", ""]
    assert [chunk.chunk_position for chunk in chunks] == [None, None, "last"]
    assert [chunk.response_metadata for chunk in chunks[:-1]] == [{}, {}]
    summed = total(chunks)
    assert summed.content == whole.content == "one two"
    assert summed.response_metadata == whole.response_metadata
    assert summed.usage_metadata == whole.usage_metadata
    assert summed.id == whole.id


def test_blocks_are_streamed_as_blocks() -> None:
    chunks, whole = pieces(
        Reasoning("I "), Reasoning("see."), Reasoning(signature="s"), Token("one ", 1), Token("two", 1),
        Block(IMAGE, 2), ToolCallDelta("", 0, "c1", "add"), ToolCallDelta('{"a": 1}', 0),
    )  # fmt: skip
    summed = total(chunks)
    assert said(summed) == said(whole) == [
        {"type": "reasoning", "reasoning": "I see.", "extras": {"signature": "s"}},
        {"type": "text", "text": "one two"},
        IMAGE,
        {"type": "tool_call", "id": "c1", "name": "add", "args": {"a": 1}},
    ]  # fmt: skip
    assert summed.response_metadata == whole.response_metadata
    assert summed.tool_calls == whole.tool_calls


def test_citations_stay_with_their_text_among_blocks() -> None:
    chunks, whole = pieces(Token("Twice a day."), Block(CITED), Token(" Or so."), version="v1")
    text: dict[str, Any] = {"type": "text", "text": "Twice a day. Or so.", "annotations": [CITED]}
    assert said(total(chunks)) == said(whole) == [text]


def test_what_comes_after_text_is_not_lost() -> None:
    chunks, whole = pieces(Token("Twice a day."), Block(CITED), Block(IMAGE, 1), Token("Or so.", 2))
    summed = total(chunks)
    assert summed.text == whole.text == "Twice a day.Or so."
    assert IMAGE in said(summed)
    assert any(block.get("annotations") == [CITED] for block in summed.content_blocks)


@pytest.mark.parametrize("version", [None, "v1"])
def test_the_id_of_a_text_makes_no_blocks_of_it(version: str | None) -> None:
    chunks, whole = pieces(Token("one"), Block({"type": "text", "text": "", "id": "msg_1"}), version=version)
    assert total(chunks).text == whole.text == "one"
    assert len(total(chunks).content_blocks) == 1


@pytest.mark.parametrize("version", [None, "v1"])
def test_calls_are_told_apart(version: str | None) -> None:
    """By index, by a new id under an old index, and by an id or a name where there is no index."""
    chunks, whole = pieces(
        Token("Wait."),
        ToolCallDelta('{"a"', 0, "c1", "one"), ToolCallDelta('{"b"', 1, "c2", "two"), ToolCallDelta(": 1}", 0),
        ToolCallDelta(": 2}", 1), ToolCallDelta("{}", 0, "c3", "three"), ToolCallDelta("", None, "c4", "four"),
        ToolCallDelta("{}", None), ToolCallDelta("{}", None, None, "five"),
        version=version,
    )  # fmt: skip
    assert total(chunks).tool_calls == whole.tool_calls
    assert [(call["name"], call["args"]) for call in whole.tool_calls] == [
        ("one", {"a": 1}), ("two", {"b": 2}), ("three", {}), ("four", {}), ("five", {}),
    ]  # fmt: skip


@pytest.mark.parametrize("version", [None, "v1"])
def test_a_whole_call_is_one_piece(version: str | None) -> None:
    call: dict[str, Any] = {"type": "tool_call", "id": "c1", "name": "add", "args": {"word": "é"}}
    bad: dict[str, Any] = {"type": "invalid_tool_call", "id": "c2", "name": "add", "args": "no", "error": "bad"}
    chunks, whole = pieces(Block(call), Block(bad), version=version)
    summed = total(chunks)
    assert summed.tool_calls == whole.tool_calls == [call]
    assert [found["id"] for found in summed.invalid_tool_calls] == ["c2"]


@pytest.mark.parametrize("version", [None, "v1"])
def test_what_the_provider_knows_of_a_call_goes_back(version: str | None) -> None:
    chunks, _ = pieces(
        Token("Wait."), ToolCallDelta("{}", 0, "c1", "add", {"signature": "s"}), Finish("tool_calls"), version=version
    )
    (back,) = from_langchain([total(chunks)])
    assert back.content_blocks[1].get("extras") == {"signature": "s"}


# Text, thoughts and calls as they may come, interleaved; each call's arguments are one whole JSON object.
EVENTS = st.lists(
    st.one_of(
        st.builds(Token, st.text(min_size=1), st.integers(0, 2)),
        st.builds(Reasoning, st.text(min_size=1), st.none(), st.integers(0, 2)),
        st.integers(0, 99).map(lambda number: ToolCallDelta("{}", number, f"c{number}", "add")),
        st.just(Block(IMAGE, 9)),
    ),
    min_size=1,
    unique_by=lambda event: event.index if isinstance(event, ToolCallDelta) else id(event),
)


@given(EVENTS)
def test_the_sum_of_blocks_is_the_message_whatever_comes(events: list[Event]) -> None:
    chunks, whole = pieces(*events, version="v1")
    assert said(total(chunks)) == said(whole)


@given(EVENTS)
def test_no_text_and_no_call_is_lost_whatever_comes(events: list[Event]) -> None:
    chunks, whole = pieces(*events)
    summed = total(chunks)
    assert sorted(summed.text) == sorted(whole.text)
    assert summed.tool_calls == whole.tool_calls
    assert summed.response_metadata.get("finish") == whole.response_metadata.get("finish")


@pytest.mark.parametrize("wire", [pytest.param(wire, id=name) for name, wire in WIRES.items()])
@pytest.mark.parametrize("version", [None, "v1"])
def test_a_stream_adds_up_to_the_invoked_message_on_every_wire(wire: Wire, version: str | None) -> None:
    reply = Reply(text="One two.", reasoning="Hm. So.", tool_calls=[ToolCall("add", {"a": 1}, id="call_1")])
    with Simulator(script=[reply, reply]) as simulator:
        model = as_chat_model(model_on(wire, simulator, **wire.reasoning), output_version=version)
        invoked = model.invoke("hi")
        summed = total(list(model.stream("hi")))
    assert said(summed) == said(invoked)
    assert [block["type"] for block in invoked.content_blocks] == ["reasoning", "text", "tool_call"]
    assert summed.usage_metadata == invoked.usage_metadata
    # The rest tells of the two answers apart: their ids and times.
    same = ("model_name", "model_provider", "finish_reason", "finish")
    assert summed.response_metadata.keys() == invoked.response_metadata.keys()
    assert [summed.response_metadata[key] for key in same] == [invoked.response_metadata[key] for key in same]
