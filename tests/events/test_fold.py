"""The fold: what a run's events come to, at any moment."""

from __future__ import annotations

import copy
import pickle
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.events.strategies import EVENTS, OTHER_RUN, RUN
from tidewire.events.fold import Fold, add_usage
from tidewire.events.messages import AIMessage
from tidewire.events.types import (
    Block,
    Custom,
    End,
    Event,
    Finish,
    Meta,
    Reasoning,
    Retry,
    Start,
    Token,
    ToolCallDelta,
    Usage,
    Wait,
    WarningEvent,
)


def folded(*events: Event) -> Fold:
    fold = Fold(RUN)
    for event in events:
        fold.add(event)
    return fold


def everything(fold: Fold) -> dict[str, object]:
    return {
        "blocks": fold.blocks(final=False),
        "final blocks": fold.blocks(final=True),
        "calls": fold.best_tool_calls(),
        "text": fold.text(),
        "usage": fold.usage(),
        "metadata": fold.response_metadata(),
        "fields": (fold.id, fold.name, fold.extra, fold.has_content, fold.last),
    }


def test_nothing_folds_to_an_empty_message_of_the_run() -> None:
    fold = folded(Start([]), Wait("gate", 1), WarningEvent("c", "t"), Custom("x"))
    assert not fold.has_content
    assert everything(fold)["blocks"] == []
    assert fold.usage() is None
    assert fold.usage_event() is None
    assert fold.id == RUN.message_id
    assert fold.response_metadata() == {"model_name": "gpt", "model_provider": "openai"}


@pytest.mark.parametrize(
    "event",
    [Token("a"), Reasoning("a"), ToolCallDelta("{"), Block({"type": "image", "url": "u"}), Block({"type": "citation"})],
    ids=["token", "reasoning", "call", "block", "citation"],
)
def test_a_part_of_the_answer_is_content(event: Event) -> None:
    assert folded(event).has_content


@pytest.mark.parametrize("event", [Meta(id="a"), Usage(1), Finish("stop")], ids=["meta", "usage", "finish"])
def test_what_is_said_about_the_answer_is_no_content(event: Event) -> None:
    assert not folded(event).has_content


def test_a_fold_is_read_while_it_grows() -> None:
    fold = folded(Token("Hel"))
    seen = [fold.text()]
    for event in (Token("lo"), Reasoning("hm"), Token(" you"), Token("!", 1), Token("?")):
        fold.add(event)
        seen.append(fold.text())
    assert seen == ["Hel", "Hello", "Hello", "Hello you", "Hello you!", "Hello you?!"]


def test_whole_blocks_add_to_the_open_ones_of_their_index() -> None:
    fold = folded(
        Token("a", 1),
        Block({"type": "text", "text": "b", "id": "t", "extras": {"k": 1}, "annotations": [{"type": "citation"}]}, 1),
        Block({"type": "text", "id": "other", "extras": {"l": 2}}, 1),
        Reasoning("x", index=1),
        Block({"type": "reasoning", "id": "r", "reasoning": "y", "extras": {"m": 3}}, 1),
        Reasoning(signature="sig", index=1),
        Block({"type": "text", "text": "z"}, "named"),
        Block({"type": "text", "text": "!"}, "named"),
    )
    assert fold.blocks(final=True) == [
        {
            "type": "text",
            "text": "ab",
            "id": "t",
            "extras": {"k": 1, "l": 2},
            "annotations": [{"type": "citation"}],
        },
        {"type": "reasoning", "reasoning": "xy", "id": "r", "extras": {"m": 3, "signature": "sig"}},
        {"type": "text", "text": "z!"},
    ]


def test_extras_of_a_call_stay_with_it() -> None:
    fold = folded(
        ToolCallDelta("{", 0, "a", "f", {"k": 1}), ToolCallDelta("}", 0, extras={"l": 2}), ToolCallDelta("{", 1, "b")
    )
    call, invalid = fold.blocks(final=True)
    assert call == {"type": "tool_call", "id": "a", "name": "f", "args": {}, "extras": {"k": 1, "l": 2}}
    assert invalid["type"] == "invalid_tool_call"


@pytest.mark.parametrize(
    ("piece", "finish", "error"),
    [
        (ToolCallDelta('{"a": 1', 0, "x", "f"), Finish("stop"), "not valid JSON"),
        (ToolCallDelta("[]", 0, "x", "f"), Finish("stop"), "not an array"),
        (ToolCallDelta("{}", 0, "x"), Finish("stop"), "names no tool"),
        (ToolCallDelta("", 0, "x", "f"), Finish("length"), "cut off"),
        (ToolCallDelta('{"a"', 0, "x", "f"), Finish("length"), "not valid JSON"),
    ],
    ids=["broken", "no object", "no name", "cut before", "cut within"],
)
def test_a_call_that_cannot_be_made_is_invalid_and_says_why(piece: ToolCallDelta, finish: Finish, error: str) -> None:
    (block,) = folded(piece, finish, End("ok")).blocks(final=True)
    assert block["type"] == "invalid_tool_call"
    assert (block["id"], block["name"], block["args"]) == (piece.id, piece.name, piece.args)
    assert error in str(block["error"])


@pytest.mark.parametrize(
    ("outcome", "finish", "kind"),
    [
        ("ok", Finish("tool_calls"), "tool_call"),
        ("ok", None, "tool_call"),
        ("error", None, "invalid_tool_call"),
        ("error", Finish("tool_calls"), "tool_call"),
        ("ok", Finish("length"), "invalid_tool_call"),
    ],
)
def test_a_last_call_without_arguments_counts_only_in_a_whole_answer(
    outcome: str, finish: Finish | None, kind: str
) -> None:
    events: list[Event] = [ToolCallDelta("", 0, "a", "ping")]
    events += [finish] if finish is not None else []
    fold = folded(*events, End("ok" if outcome == "ok" else "error"))
    assert [block["type"] for block in fold.blocks(final=True)] == [kind]


def test_a_retry_forgets_what_the_failed_attempt_said() -> None:
    fold = folded(Meta(id="a", data={"k": 1}), Usage(1), Token("x"), Retry(1, 0, "cut", discard_from=1), Token("y"))
    assert fold.text() == "y"
    assert fold.usage() is None
    assert fold.response_metadata() == {"model_name": "gpt", "model_provider": "openai"}
    assert fold.id == RUN.message_id


def test_metadata_is_merged_key_by_key() -> None:
    fold = folded(
        Meta(id="a", data={"k": 1, "l": 1}),
        Meta(model="gpt-1", request_id="q", data={"k": 2}),
        Meta(id="b"),
        Finish("stop", "end_turn"),
    )
    assert fold.response_metadata() == {
        "model_name": "gpt-1",
        "model_provider": "openai",
        "id": "b",
        "request_id": "q",
        "finish_reason": "end_turn",
        "k": 2,
        "l": 1,
    }


def test_the_last_run_names_the_model() -> None:
    fold = Fold(RUN)
    fold.open(OTHER_RUN)
    assert fold.response_metadata() == {"model_name": "claude", "model_provider": "anthropic"}
    assert fold.id == RUN.message_id


def test_usage_is_the_latest_total() -> None:
    fold = folded(Usage(1, 1, 2), Usage(1, 5, 6))
    assert fold.usage_event() == Usage(1, 5, 6)
    fold.open(OTHER_RUN)
    fold.add(Usage(1))
    assert fold.usage_event() is None


def test_usage_of_several_calls_adds_up_with_its_details() -> None:
    assert add_usage(
        [Usage(1, 2, 3, cache_read=1).metadata(), Usage(1, 2, 3, cache_read=1, reasoning=1).metadata()]
    ) == {
        "input_tokens": 2,
        "output_tokens": 4,
        "total_tokens": 6,
        "input_token_details": {"cache_read": 2},
        "output_token_details": {"reasoning": 1},
    }


@given(st.lists(EVENTS, max_size=10), st.lists(EVENTS, max_size=10))
def test_a_fold_added_to_another_does_what_its_events_would(first: list[Event], then: list[Event]) -> None:
    fold = folded(*first)
    more = folded(*then)
    before = everything(more)
    fold.extend(more)
    assert everything(fold) == everything(folded(*first, *then))
    assert everything(more) == before


@given(st.lists(EVENTS, max_size=10), st.lists(EVENTS, max_size=5))
def test_a_copy_and_a_pickle_grow_on_their_own(events: list[Event], later: list[Event]) -> None:
    fold = folded(*events)
    before = everything(fold)
    for twin in (fold.copy(), copy.deepcopy(fold), cast("Fold", pickle.loads(pickle.dumps(fold)))):
        assert everything(twin) == before
        for event in later:
            twin.add(event)
        assert everything(twin) == everything(folded(*events, *later))
    assert everything(fold) == before


@given(st.lists(EVENTS, max_size=10), st.data())
def test_reading_a_fold_changes_nothing(events: list[Event], data: st.DataObject) -> None:
    fold = Fold(RUN)
    for event in events:
        fold.add(event)
        if data.draw(st.booleans()):
            everything(fold)
    assert everything(fold) == everything(folded(*events))


@given(st.lists(EVENTS, max_size=10))
def test_no_text_and_no_argument_is_lost(events: list[Event]) -> None:
    fold = folded(*events)
    said = [event.text for event in events if isinstance(event, Token)]
    said += [str(event.block.get("text", "")) for event in events if isinstance(event, Block)]
    assert sorted(fold.text()) == sorted("".join(said))
    args = [event.args for event in events if isinstance(event, ToolCallDelta)]
    chunks = [cast("dict[str, Any]", block) for block in fold.blocks(final=False)]
    assert sorted("".join(args)) == sorted(
        "".join(chunk["args"] for chunk in chunks if chunk["type"] == "tool_call_chunk")
    )
    calls = {"tool_call", "invalid_tool_call"}
    assert sum(block["type"] in calls for block in fold.blocks(final=True)) == sum(
        chunk["type"] in calls | {"tool_call_chunk"} for chunk in chunks
    )


def test_the_message_of_a_fold() -> None:
    fold = folded(Token("Hi"), ToolCallDelta("{}", 1, "a", "f"), Finish("tool_calls"), Usage(1, 1, 2), End("ok"))
    message = AIMessage.from_fold(fold)
    assert message.content == "Hi"
    assert [call["name"] for call in message.tool_calls] == ["f"]
    assert message.usage_metadata == {"input_tokens": 1, "output_tokens": 1, "total_tokens": 2}
    assert message.id == RUN.message_id
