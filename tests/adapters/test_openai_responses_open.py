"""The items of a response as events: in pieces, whole, without an index, under ids that change."""

from __future__ import annotations

from typing import Any

import pytest

from tests.adapters.recording_kit import message_of
from tests.adapters.test_openai_responses_reply import DONE, completed, events_of, only, plain_events, text
from tidewire.events.types import Block, DecodedEvent, Finish, Meta, Reasoning, Token, ToolCallDelta

Json = dict[str, Any]
REASONING = "response.reasoning_text.delta"
SUMMARY = "response.reasoning_summary_text.delta"
ARGUMENTS = "response.function_call_arguments.delta"
INPUT = "response.custom_tool_call_input.delta"


def added(item: Json, index: int | None = 0) -> Json:
    return {"type": "response.output_item.added", "output_index": index, "item": item}


def done(item: Json, index: int | None = 0) -> Json:
    return {"type": "response.output_item.done", "output_index": index, "item": item}


def piece(kind: str, delta: object, **fields: object) -> Json:
    return {"type": kind, "output_index": 0, "delta": delta, **fields}


def said(*texts: str, id: str | None = "msg_1", **fields: object) -> Json:
    parts: list[Json] = [{"type": "output_text", "text": text, "annotations": []} for text in texts]
    return {"type": "message", "id": id, "role": "assistant", "content": parts, **fields}


def blocks_of(*frames: object) -> list[Any]:
    return list(message_of(events_of(*frames, DONE)).content_blocks)


def plain_blocks(*items: Json) -> list[Any]:
    return list(message_of(plain_events({"output": list(items)})).content_blocks)


def content_of(events: list[DecodedEvent]) -> list[DecodedEvent]:
    return [event for event in events if not isinstance(event, (Meta, Finish))]


# ---------------------------------------------------------------- messages


def test_each_part_of_a_message_is_a_block_with_the_messages_id() -> None:
    events = events_of(
        added({"type": "message", "id": "msg_1", "content": []}),
        text("a"),
        text("b", content_index=1),
        text("A"),
        text("B", content_index=1),
        done(said("aA", "bB", phase="commentary")),
        completed(output=[said("aA", "bB")]),
    )
    about = {"type": "text", "text": "", "id": "msg_1", "extras": {"phase": "commentary"}}
    assert content_of(events) == [
        Token("a", 0),
        Token("b", 1),
        Token("A", 0),
        Token("B", 1),
        Block(about, 0),
        Block(about, 1),
    ]


def test_text_that_did_not_come_in_pieces_is_read_from_the_items_end() -> None:
    assert blocks_of(text("a"), done(said("a", "b"))) == plain_blocks(said("a", "b"))
    assert blocks_of(done(said("a"))) == [{"type": "text", "text": "a", "id": "msg_1"}]
    assert plain_blocks(said("", id=None)) == []
    assert plain_blocks(said("", phase="final_answer")) == [
        {"type": "text", "text": "", "id": "msg_1", "extras": {"phase": "final_answer"}}
    ]


def test_an_item_without_a_type_or_content_is_no_message() -> None:
    assert plain_blocks({"type": "message", "id": "m", "content": None}) == []
    assert plain_blocks({"id": "m"}) == [{"type": "non_standard", "value": {"id": "m"}}]


def test_annotations_are_told_once() -> None:
    notes = [{"type": "url_citation", "url": f"u{number}", "title": "t"} for number in range(3)]
    message = said("a")
    message["content"][0]["annotations"] = notes
    told = [
        {"type": "response.output_text.annotation.added", "output_index": 0, "content_index": 0, "annotation": note}
        for note in notes[:2]
    ]
    (block,) = blocks_of(text("a"), *told, done(message))
    assert [note["url"] for note in block["annotations"]] == ["u0", "u1", "u2"]
    assert plain_blocks(message) == [block]
    assert plain_blocks({**message, "content": [{**message["content"][0], "annotations": None}]}) == [
        {"type": "text", "text": "a", "id": "msg_1"}
    ]


def test_logprobs_are_told_beside_their_token_or_at_the_end_but_once() -> None:
    logprobs: list[Json] = [{"token": "a", "logprob": -0.5, "top_logprobs": []}]
    message = said("a")
    message["content"][0]["logprobs"] = logprobs
    events = events_of(text("a", logprobs=logprobs), done(message), DONE)
    assert events[:2] == [Token("a"), Meta(logprobs=logprobs)]
    for made in (message_of(events), message_of(plain_events({"output": [message]}))):
        assert made.response_metadata["logprobs"] == {"content": logprobs}
    assert only(events_of(text("a", logprobs={"odd": 1}), DONE), Token) == [Token("a")]


def test_a_refusal_is_no_text() -> None:
    refused = {"type": "message", "id": "m", "content": [{"type": "refusal", "refusal": "No."}]}
    streamed = events_of({"type": "response.refusal.delta", "delta": "No."}, done(refused), DONE)
    for events in (streamed, plain_events({"output": [refused]})):
        assert events[-1] == Finish("refusal", "completed")
        made = message_of(events)
        assert (made.text, made.response_metadata["refusal"]) == ("", "No.")
        assert made.content_blocks == [
            {"type": "non_standard", "id": "m", "value": {"type": "refusal", "refusal": "No."}}
        ]


def test_parts_of_other_kinds_are_kept() -> None:
    parts = [{"type": "refusal", "refusal": None}, {"type": "newer", "a": 1}]
    events = plain_events({"output": [{"type": "message", "content": parts}]})
    assert message_of(events).content_blocks == [{"type": "non_standard", "value": part} for part in parts]
    assert events[-1] == Finish("stop", "completed")


# ---------------------------------------------------------------- reasoning


def test_each_part_of_a_summary_is_a_block() -> None:
    item = {
        "type": "reasoning",
        "id": "rs_1",
        "summary": [{"type": "summary_text", "text": "ab"}, {"type": "summary_text", "text": "c"}],
        "encrypted_content": "secret",
    }
    events = events_of(
        added({"type": "reasoning", "id": "rs_1", "summary": []}),
        piece(SUMMARY, "a", summary_index=0),
        piece(SUMMARY, "b", summary_index=0),
        piece(SUMMARY, "", summary_index=0),
        piece(SUMMARY, "c", summary_index=1),
        done(item),
        DONE,
    )
    assert only(events, Reasoning) == [Reasoning("a", None, 0), Reasoning("b", None, 0), Reasoning("c", None, 1)]
    blocks = message_of(events).content_blocks
    assert blocks == [
        {"type": "reasoning", "reasoning": "ab", "id": "rs_1"},
        {"type": "reasoning", "reasoning": "c", "id": "rs_1", "extras": {"encrypted_content": "secret"}},
    ]
    assert plain_blocks(item) == blocks


def test_reasoning_itself_is_told_apart_from_its_summary() -> None:
    item = {
        "type": "reasoning",
        "id": "rs_1",
        "summary": [{"type": "summary_text", "text": "short"}],
        "content": [{"type": "reasoning_text", "text": "long"}],
    }
    blocks = blocks_of(piece(SUMMARY, "short"), piece(REASONING, "lo"), piece(REASONING, "ng"), done(item))
    assert blocks == [
        {"type": "reasoning", "reasoning": "short", "id": "rs_1"},
        {"type": "reasoning", "reasoning": "long", "id": "rs_1", "extras": {"kind": "reasoning_text"}},
    ]
    assert plain_blocks(item) == blocks


def test_reasoning_that_is_not_shown_is_a_block_if_it_can_go_back() -> None:
    assert plain_blocks({"type": "reasoning", "id": "rs_1", "summary": []}) == [
        {"type": "reasoning", "reasoning": "", "id": "rs_1"}
    ]
    assert plain_blocks({"type": "reasoning", "summary": None, "encrypted_content": "x"}) == [
        {"type": "reasoning", "reasoning": "", "extras": {"encrypted_content": "x"}}
    ]
    assert plain_blocks({"type": "reasoning", "summary": []}) == []


# ---------------------------------------------------------------- calls


def test_a_calls_head_comes_first_then_its_arguments() -> None:
    item = {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "f", "arguments": '{"a":1}'}
    events = events_of(
        added({**item, "arguments": ""}),
        piece(ARGUMENTS, '{"a"'),
        piece(ARGUMENTS, ""),
        piece(ARGUMENTS, ":1}"),
        done(item),
        DONE,
    )
    assert content_of(events) == [
        ToolCallDelta(index=0, id="call_1", name="f", extras={"item_id": "fc_1"}),
        ToolCallDelta('{"a"', 0),
        ToolCallDelta(":1}", 0),
    ]
    assert events[-1] == Finish("tool_calls", "completed")
    assert plain_blocks(item) == message_of(events).content_blocks


def test_arguments_that_did_not_come_in_pieces_are_read_from_the_items_end() -> None:
    item = {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "f", "arguments": '{"a":1}'}
    (call,) = blocks_of(added({**item, "arguments": ""}), done(item))
    assert (call["args"], call["id"]) == ({"a": 1}, "call_1")
    (bare,) = plain_blocks({"type": "function_call", "id": "fc_1", "name": "f", "arguments": None})
    assert (bare["args"], bare["id"]) == ({}, "fc_1")


def test_what_the_provider_wants_back_with_a_call_is_kept_also_if_it_comes_late() -> None:
    item = {"type": "function_call", "id": "fc_2", "call_id": "c", "name": "f", "arguments": "{}", "namespace": "n"}
    caller = {"type": "program", "caller_id": "p"}
    (call,) = blocks_of(added({**item, "id": "fc_1"}), done({**item, "caller": caller}))
    assert call["extras"] == {"item_id": "fc_2", "namespace": "n", "caller": caller}


def test_pieces_of_a_call_that_never_began_are_its_own() -> None:
    item = {"type": "function_call", "id": "fc_1", "call_id": "c", "name": "f", "arguments": '{"a":1}'}
    (call,) = blocks_of(piece(ARGUMENTS, '{"a"'), piece(ARGUMENTS, ":1}"), done(item))
    assert (call["name"], call["args"], call["id"]) == ("f", {"a": 1}, "c")


def test_a_custom_call_has_its_text_as_the_only_argument() -> None:
    item = {"type": "custom_tool_call", "id": "ctc_1", "call_id": "c", "name": "sql", "input": 'say "hi"\n'}
    events = events_of(added({**item, "input": ""}), piece(INPUT, 'say "'), piece(INPUT, 'hi"\n'), done(item), DONE)
    (call,) = message_of(events).tool_calls
    assert call["args"] == {"input": 'say "hi"\n'}
    assert call.get("extras") == {"item_id": "ctc_1", "custom": True}
    assert events[-1] == Finish("tool_calls", "completed")
    assert plain_blocks(item) == [call]
    assert blocks_of(piece(INPUT, 'say "hi"\n'), done(item)) == [call]
    (empty,) = plain_blocks({**item, "input": None})
    assert empty["args"] == {"input": ""}


def test_a_custom_call_that_was_cut_is_invalid_and_one_that_only_lacks_its_end_is_whole() -> None:
    item = {"type": "custom_tool_call", "id": "ctc_1", "call_id": "c", "name": "sql", "input": "sel"}
    began = (added({**item, "input": ""}), piece(INPUT, "sel"))
    cut: Json = {"type": "response.incomplete", "response": {"status": "incomplete", "output": []}}
    for frames in ((*began, cut), (*began, done({**item, "status": "incomplete"}), cut)):
        (invalid,) = message_of(events_of(*frames)).invalid_tool_calls
        assert invalid["args"] == '{"input":"sel'
    (call,) = blocks_of(*began)
    assert call["args"] == {"input": "sel"}


def test_a_custom_call_that_xai_has_run_is_a_server_tools() -> None:
    item = {
        "type": "custom_tool_call",
        "id": "ctc_1_xs_call_1",
        "call_id": "xs_call_1",
        "name": "x_keyword_search",
        "input": '{"query":"a"}',
    }
    streamed = events_of(added({**item, "input": ""}), piece(INPUT, item["input"]), done(item), DONE)
    assert streamed[-1] == Finish("stop", "completed")
    blocks = message_of(streamed).content_blocks
    assert [(block["type"], block.get("name")) for block in blocks] == [
        ("server_tool_call", "x_search"),
        ("server_tool_result", None),
    ]
    assert plain_blocks(item) == blocks


# ---------------------------------------------------------------- whose frame it is


def test_ids_may_change_from_frame_to_frame() -> None:
    item = {"type": "reasoning", "id": "i4", "summary": [{"type": "summary_text", "text": "a"}]}
    events = events_of(
        added({"type": "reasoning", "id": "i1", "summary": []}),
        piece(SUMMARY, "a", item_id="i2"),
        done(item),
        done(said("b", id="i5"), 1),
        completed(output=[{**item, "id": "i6"}, said("b", id="i7")]),
    )
    assert message_of(events).content_blocks == [
        {"type": "reasoning", "reasoning": "a", "id": "i4"},
        {"type": "text", "text": "b", "id": "i5"},
    ]


@pytest.mark.parametrize("index", [None, 0])
def test_items_without_an_index_or_all_with_the_same_are_told_apart_by_id(index: int | None) -> None:
    call = {"type": "function_call", "id": "fc_1", "call_id": "c", "name": "f", "arguments": "{}"}
    events = events_of(
        added({"type": "message", "id": "msg_1", "content": []}, index),
        {**text("a"), "output_index": index, "item_id": "msg_1"},
        {**text("b"), "output_index": index, "item_id": "msg_1"},
        done(said("ab"), index),
        done(said("ab"), index),
        added({**call, "arguments": ""}, index),
        {**piece(ARGUMENTS, "{}"), "output_index": index, "item_id": "fc_1"},
        done(call, index),
        completed(output=[said("ab"), call, said("c", id="msg_2")]),
    )
    assert [(block["type"], block.get("text")) for block in message_of(events).content_blocks] == [
        ("text", "ab"),
        ("tool_call", None),
        ("text", "c"),
    ]


def test_what_was_not_told_is_read_from_the_responses_end() -> None:
    item = {"type": "function_call", "id": "fc_1", "call_id": "c", "name": "f", "arguments": '{"a":1}'}
    unindexed = {**text("d"), "output_index": None, "item_id": "msg_2"}
    events = events_of(
        text("a"),
        unindexed,
        completed(output=[said("a"), item, said("d", id="msg_2"), said("e", id=None)]),
    )
    assert [(block["type"], block.get("text")) for block in message_of(events).content_blocks] == [
        ("text", "a"),
        ("text", "d"),
        ("tool_call", None),
        ("text", "e"),
    ]


def test_an_item_of_an_unknown_type_may_have_any_fields() -> None:
    item = {"type": "newer", "id": 7, "content": "text", "call_id": {}, "arguments": {"a": 1}}
    assert blocks_of(added(item), done(item)) == [{"type": "non_standard", "value": item}]
    assert plain_blocks({**item, "type": []}) == [{"type": "non_standard", "value": {**item, "type": []}}]


def test_items_may_share_an_id() -> None:
    blocks = [{"type": "text", "text": text, "id": "msg_1"} for text in ("a", "b")]
    assert plain_blocks(said("a"), said("b")) == blocks
    assert blocks_of(done(said("a")), done(said("b"), 1)) == blocks
