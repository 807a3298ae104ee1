"""Chunks add up to the message that the events fold to: in any grouping, at any depth, at a constant cost."""

from __future__ import annotations

import copy
import functools
import gc
import operator
import pickle
import sys
import threading
from collections import Counter
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from types import FrameType, FunctionType
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.events.strategies import CHUNKS, EVENTS, OTHER_RUN, RUN
from tidewire.events.blocks import ContentBlock
from tidewire.events.chunks import AIMessageChunk
from tidewire.events.convert import message_from_dict, message_to_dict, messages_from_json, messages_to_json
from tidewire.events.errors import ConfigurationError
from tidewire.events.fold import Fold
from tidewire.events.messages import AIMessage
from tidewire.events.parts import joined
from tidewire.events.types import Block, End, Event, Finish, Meta, Reasoning, Token, ToolCallDelta, Usage

FIELDS = (
    "text",
    "content",
    "content_blocks",
    "tool_calls",
    "invalid_tool_calls",
    "id",
    "name",
    "additional_kwargs",
    "response_metadata",
    "usage_metadata",
)
MANY = 64_000


def shown(message: AIMessage) -> dict[str, Any]:
    """Every field of a message, as it is read."""
    fields = FIELDS if type(message) is AIMessage else (*FIELDS, "tool_call_chunks", "chunk_position")
    return {field: getattr(message, field) for field in fields}


def piece(*events: Event, last: bool = False) -> AIMessageChunk:
    return AIMessageChunk.from_events(RUN, events[0] if len(events) == 1 else events, last=last)


def added(chunks: Sequence[AIMessageChunk]) -> AIMessageChunk:
    return functools.reduce(operator.add, chunks)


def through_pickle(chunk: AIMessageChunk) -> AIMessageChunk:
    return cast("AIMessageChunk", pickle.loads(pickle.dumps(chunk)))


# What somebody may do with a sum before going on with it.
READINGS: dict[str, Callable[[AIMessageChunk], AIMessageChunk]] = {
    "nothing": lambda chunk: chunk,
    "text": lambda chunk: (chunk.text, chunk)[1],
    "everything": lambda chunk: (shown(chunk), chunk)[1],
    "pickle": through_pickle,
    "copy": copy.deepcopy,
}


def in_some_tree(data: st.DataObject, chunks: list[AIMessageChunk]) -> AIMessageChunk:
    """The sum in a random grouping, some of its parts read, pickled or copied before they are added to others."""
    if len(chunks) == 1:
        node = chunks[0]
    else:
        cut = data.draw(st.integers(1, len(chunks) - 1))
        left = in_some_tree(data, chunks[:cut])
        node = left + chunks[cut:] if data.draw(st.booleans()) else left + in_some_tree(data, chunks[cut:])
    return READINGS[data.draw(st.sampled_from(list(READINGS)))](node)


@given(st.lists(CHUNKS, min_size=1, max_size=9), st.data())
def test_any_grouping_gives_the_same_sum_whatever_is_read_in_between(
    chunks: list[AIMessageChunk], data: st.DataObject
) -> None:
    twins = [copy.deepcopy(chunk) for chunk in chunks]
    assert shown(in_some_tree(data, chunks)) == shown(added(twins))


@given(st.lists(CHUNKS, min_size=1, max_size=6))
def test_left_right_sum_and_a_list_at_once_are_one(chunks: list[AIMessageChunk]) -> None:
    whole = shown(added(chunks))
    right = chunks[-1]
    for chunk in reversed(chunks[:-1]):
        right = chunk + right
    assert shown(right) == whole
    assert shown(sum(chunks[1:], chunks[0])) == whole
    assert shown(cast("AIMessageChunk", sum(chunks))) == whole
    assert shown(chunks[0] + chunks[1:]) == whole
    assert shown(chunks[0] + tuple(chunks[1:])) == whole


@given(st.lists(EVENTS, max_size=12), st.sampled_from(["ok", "error"]), st.data())
def test_the_sum_of_a_stream_is_the_message_that_its_events_fold_to(
    events: list[Event], outcome: str, data: st.DataObject
) -> None:
    fold = Fold(RUN)
    for event in [*events, End("ok" if outcome == "ok" else "error")]:
        fold.add(event)
    message = AIMessage.from_fold(fold)
    chunks = [piece(event) for event in events] + [piece(*(), last=outcome == "ok")]
    total = in_some_tree(data, chunks)
    assert shown(total.to_message()) == shown(message)
    if outcome == "ok":
        assert {field: getattr(total, field) for field in FIELDS} == shown(message)
        assert total.chunk_position == "last"


@given(st.lists(CHUNKS, min_size=1, max_size=6))
def test_a_chunk_is_equal_after_a_pickle_a_copy_and_as_plain_data(chunks: list[AIMessageChunk]) -> None:
    total = added(chunks)
    for twin in (through_pickle(total), copy.copy(total), copy.deepcopy(total)):
        assert twin == total
        assert shown(twin) == shown(total)
    for data in (
        total.model_copy(),
        message_from_dict(message_to_dict(total)),
        messages_from_json(messages_to_json([total]))[0],
    ):
        assert data == total
        if total.chunk_position is None:  # in the data of a whole answer stand calls, no longer their pieces
            assert shown(cast("AIMessageChunk", data)) == shown(total)


@given(st.lists(CHUNKS, min_size=1, max_size=4), st.lists(CHUNKS, min_size=1, max_size=4))
def test_adding_leaves_both_sides_as_they_were(left: list[AIMessageChunk], right: list[AIMessageChunk]) -> None:
    first, second = added(left), added(right)
    before = shown(first), shown(second)
    one, other = first + second, first + second
    assert shown(one) == shown(other)
    assert (shown(first), shown(second)) == before


def test_a_sum_may_be_added_to_itself() -> None:
    total = piece(Token("a")) + piece(Token("b"))
    assert (total + total).text == "abab"
    assert ((total + total) + total).text == "ababab"


# -- what a sum means


def test_text_and_reasoning_join_by_kind_and_index_in_the_order_of_their_beginnings() -> None:
    total = added(
        [
            piece(Reasoning("hm", index=0)),
            piece(Token("Hel", 1)),
            piece(Token("lo", 1)),
            piece(Reasoning("m", index=0)),
            piece(Reasoning(signature="sig", index=0)),
            piece(Token("!", 2)),
        ]
    )
    assert total.content_blocks == [
        {"type": "reasoning", "reasoning": "hmm", "extras": {"signature": "sig"}},
        {"type": "text", "text": "Hello"},
        {"type": "text", "text": "!"},
    ]
    assert total.text == "Hello!"


def test_every_kind_of_block_is_shown_by_its_chunk_and_by_the_sum() -> None:
    whole: list[ContentBlock] = [
        {"type": "text", "text": "a", "annotations": [{"type": "citation", "url": "u"}]},
        {"type": "reasoning", "reasoning": "b"},
        {"type": "server_tool_call", "id": "s", "name": "search", "args": {"q": 1}},
        {"type": "server_tool_result", "tool_call_id": "s", "status": "success", "output": 1},
        {"type": "image", "url": "u"},
        {"type": "audio", "base64": "AAAA", "mime_type": "audio/wav", "extras": {"transcript": "t"}},
        {"type": "video", "file_id": "f"},
        {"type": "file", "url": "u"},
        {"type": "text-plain", "text": "doc"},
        {"type": "non_standard", "value": {"x": 1}},
    ]
    chunks = [piece(Block(cast("dict[str, Any]", block))) for block in whole]
    assert [chunk.content_blocks for chunk in chunks] == [[block] for block in whole]
    assert added(chunks).content_blocks == whole
    assert AIMessageChunk(content_blocks=whole).content_blocks == whole


def test_a_citation_is_added_to_the_text_of_its_index() -> None:
    total = piece(Token("see", 3)) + piece(Block({"type": "citation", "url": "u"}, 3)) + piece(Token(" it", 3))
    assert total.content_blocks == [
        {"type": "text", "text": "see it", "annotations": [{"type": "citation", "url": "u"}]},
    ]


def test_pieces_of_a_call_join_by_index_and_repeated_ids_and_names_are_passed_over() -> None:
    total = added(
        [
            piece(ToolCallDelta("", 0, "a", "look")),
            piece(ToolCallDelta("", 1, "b", "find")),
            piece(ToolCallDelta('{"x"', 0, "a", "look")),
            piece(ToolCallDelta('{"y"', 1)),
            piece(ToolCallDelta(": 1}", 0, "", "look")),
            piece(ToolCallDelta(": 2}", 1, "b")),
        ]
    )
    assert total.tool_calls == [
        {"type": "tool_call", "id": "a", "name": "look", "args": {"x": 1}},
        {"type": "tool_call", "id": "b", "name": "find", "args": {"y": 2}},
    ]


def test_a_new_id_under_an_old_index_is_a_new_call() -> None:
    total = added(
        [
            piece(ToolCallDelta('{"x": 1}', 0, "a", "look")),
            piece(ToolCallDelta('{"x"', 0, "b", "look")),
            piece(ToolCallDelta(": 2}", 0)),
        ]
    )
    assert [(call["id"], call["args"]) for call in total.tool_calls] == [("a", {"x": 1}), ("b", {"x": 2})]


def test_without_an_index_a_piece_goes_on_with_the_last_call_and_a_name_begins_the_next() -> None:
    total = added(
        [
            piece(ToolCallDelta('{"x"', None, "a", "look")),
            piece(ToolCallDelta(": 1}", None)),
            piece(ToolCallDelta("{}", None, None, "find")),
            piece(ToolCallDelta("{}", None, None, "find")),
        ]
    )
    assert [(call["id"], call["name"], call["args"]) for call in total.tool_calls] == [
        ("a", "look", {"x": 1}),
        (None, "find", {}),
        (None, "find", {}),
    ]


def test_the_last_call_of_a_sum_that_was_read_is_the_one_that_grew_last() -> None:
    read = added(
        [
            piece(ToolCallDelta("[", 0, "a", "f")),
            piece(ToolCallDelta("(", 1, "b", "f")),
            piece(ToolCallDelta("1", 0)),
        ]
    )
    assert read.text == ""
    total = read + piece(ToolCallDelta("]", None))
    assert [chunk["args"] for chunk in total.tool_call_chunks] == ["[1]", "("]


def test_an_id_that_comes_late_is_the_id_of_the_call() -> None:
    total = piece(ToolCallDelta('{"x"', 0, None, "look")) + piece(ToolCallDelta(": 1}", 0, "a", "other"))
    assert total.tool_calls == [{"type": "tool_call", "id": "a", "name": "look", "args": {"x": 1}}]
    assert len(total.tool_call_chunks) == 1


def test_a_growing_call_shows_its_text_and_its_best_reading() -> None:
    total = piece(ToolCallDelta("", 0, "a", "look"))
    seen: list[object] = []
    for args in ('{"loc', 'ation": "B', "oston", '"}'):
        total = total + piece(ToolCallDelta(args, 0))
        seen.append(total.tool_calls[0]["args"])
    assert seen == [{}, {"location": "B"}, {"location": "Boston"}, {"location": "Boston"}]
    assert total.content_blocks == total.tool_call_chunks
    assert total.tool_call_chunks == [
        {"type": "tool_call_chunk", "id": "a", "name": "look", "args": '{"location": "Boston"}', "index": 0}
    ]
    assert total.content == ""


@pytest.mark.parametrize("args", ['{"location": "Bos', "", "[1]"])
def test_a_call_that_was_cut_by_the_token_limit_is_invalid(args: str) -> None:
    total = piece(ToolCallDelta(args, 0, "a", "look")) + piece(Finish("length"), last=True)
    assert total.tool_calls == []
    (invalid,) = total.invalid_tool_calls
    assert (invalid["id"], invalid["name"], invalid["args"]) == ("a", "look", args)
    assert invalid["error"]


def test_whole_calls_before_a_cut_one_stay_calls() -> None:
    total = added(
        [
            piece(ToolCallDelta("", 0, "a", "ping")),
            piece(ToolCallDelta("", 1, "b", "ping")),
            piece(Finish("length"), last=True),
        ]
    )
    assert [call["id"] for call in total.tool_calls] == ["a"]
    assert [call["id"] for call in total.invalid_tool_calls] == ["b"]


def test_a_call_without_arguments_is_whole_once_the_answer_is() -> None:
    call = ToolCallDelta("", 0, "a", "ping")
    for end in (piece(Finish("tool_calls"), last=True), piece(*(), last=True)):
        total = piece(call) + end
        assert total.tool_calls == [{"type": "tool_call", "id": "a", "name": "ping", "args": {}}]
    assert piece(call).to_message().invalid_tool_calls[0]["error"] == "the call was cut off before its arguments"


def test_totals_of_one_run_replace_each_other_and_those_of_different_runs_add_up() -> None:
    one = piece(Usage(5, 1, 6, cache_read=2)) + piece(Usage(5, 9, 14, cache_read=2))
    other = AIMessageChunk.from_events(OTHER_RUN, Usage(1, 1, 2, reasoning=1))
    assert one.usage_metadata == {
        "input_tokens": 5,
        "output_tokens": 9,
        "total_tokens": 14,
        "input_token_details": {"cache_read": 2},
    }
    assert (one + other + one).usage_metadata == {
        "input_tokens": 6,
        "output_tokens": 10,
        "total_tokens": 16,
        "input_token_details": {"cache_read": 2},
        "output_token_details": {"reasoning": 1},
    }


def test_totals_go_to_the_run_of_their_piece_whatever_was_read_before() -> None:
    read = AIMessageChunk.from_events(OTHER_RUN, Usage(1)) + AIMessageChunk.from_events(OTHER_RUN, Usage(2))
    assert read.usage_metadata is not None
    total = piece(Usage(5)) + read + piece(Usage(7))
    assert total.usage_metadata == {"input_tokens": 9, "output_tokens": 0, "total_tokens": 0}


def test_usage_of_chunks_made_by_hand_adds_up() -> None:
    chunk = AIMessageChunk("a", usage_metadata={"input_tokens": 1, "output_tokens": 2, "total_tokens": 3})
    assert (chunk + through_pickle(chunk)).usage_metadata == {
        "input_tokens": 2,
        "output_tokens": 4,
        "total_tokens": 6,
    }


def test_the_first_id_and_name_and_the_last_metadata_count() -> None:
    first = AIMessageChunk("a", id="1", name="x", response_metadata={"k": 1, "l": 1}, additional_kwargs={"m": 1})
    second = AIMessageChunk("b", id="2", name="y", response_metadata={"k": 2}, additional_kwargs={"m": 2})
    total = first + second + piece(Meta(id="resp", model="gpt-1", request_id="req"))
    assert (total.id, total.name) == ("1", "x")
    assert total.additional_kwargs == {"m": 2}
    assert total.response_metadata == {
        "k": 2,
        "l": 1,
        "id": "resp",
        "model_name": "gpt-1",
        "model_provider": "openai",
        "request_id": "req",
    }
    assert piece(Token("a")).id == RUN.message_id


def test_the_providers_word_is_the_finish_reason_and_logprobs_accumulate() -> None:
    total = added(
        [
            piece(Meta(logprobs=[{"token": "a"}])),
            piece(Meta(logprobs=[{"token": "b"}])),
            piece(Finish("length", "max_tokens")),
        ]
    )
    assert total.response_metadata["finish_reason"] == "max_tokens"
    assert total.response_metadata["logprobs"] == {"content": [{"token": "a"}, {"token": "b"}]}
    assert piece(Finish("stop")).response_metadata["finish_reason"] == "stop"


def test_a_chunk_is_no_message_of_another_kind() -> None:
    chunk = piece(Token("a"))
    with pytest.raises(TypeError):
        chunk + AIMessage("b")  # type: ignore[operator]  # pyright: ignore[reportOperatorIssue, reportUnusedExpression]  # on purpose
    with pytest.raises(TypeError):
        1 + chunk  # pyright: ignore[reportUnusedExpression]  # on purpose
    with pytest.raises(TypeError):
        chunk + cast("list[AIMessageChunk]", ["b"])  # pyright: ignore[reportUnusedExpression]  # on purpose
    assert chunk != AIMessage("a")
    assert isinstance(chunk, AIMessage)


def test_there_are_no_other_attributes() -> None:
    with pytest.raises(AttributeError, match="'AIMessageChunk' object has no attribute 'nothing'"):
        piece(Token("a")).nothing  # noqa: B018 - reading it is the test


# -- made by hand


def test_a_chunk_is_made_from_what_a_message_is_made_from() -> None:
    chunk = AIMessageChunk(
        ["a", {"type": "image_url", "image_url": {"url": "https://a.example"}}],
        tool_calls=[{"name": "f", "args": {}, "id": "1"}],
        invalid_tool_calls=[{"name": "g", "args": "{", "id": "2", "error": "cut"}],
        chunk_position="last",
    )
    assert chunk.content_blocks == [
        {"type": "text", "text": "a"},
        {"type": "image", "url": "https://a.example"},
        {"type": "tool_call", "id": "1", "name": "f", "args": {}},
        {"type": "invalid_tool_call", "id": "2", "name": "g", "args": "{", "error": "cut"},
    ]
    assert chunk.tool_calls == [{"type": "tool_call", "id": "1", "name": "f", "args": {}}]
    assert [call["id"] for call in chunk.invalid_tool_calls] == ["2"]
    assert chunk.chunk_position == "last"


def test_whole_calls_made_by_hand_are_calls_before_the_end_too() -> None:
    chunk = AIMessageChunk(
        tool_calls=[{"name": "f", "args": {"x": 1}, "id": "1"}],
        invalid_tool_calls=[{"name": "g", "args": "{", "id": "2", "error": "cut"}],
    )
    assert [call["args"] for call in chunk.tool_calls] == [{"x": 1}]
    assert [call["id"] for call in chunk.invalid_tool_calls] == ["2"]


def test_texts_of_one_list_stay_apart_and_strings_go_on_with_the_first() -> None:
    chunk = AIMessageChunk(["a", {"type": "image", "url": "u"}, "b"])
    assert [block["type"] for block in chunk.content_blocks] == ["text", "image", "text"]
    assert (AIMessageChunk("a") + AIMessageChunk("b")).content == "ab"
    assert (AIMessageChunk("") + piece(Token("a"))).content == "a"


def test_a_chunk_refuses_what_is_no_content() -> None:
    with pytest.raises(ConfigurationError, match="either content or content_blocks"):
        AIMessageChunk("a", content_blocks=[{"type": "text", "text": "b"}])
    with pytest.raises(ConfigurationError, match="not int"):
        AIMessageChunk(cast("str", 5))
    with pytest.raises(ConfigurationError, match="JSON text, not dict"):
        AIMessageChunk(tool_call_chunks=[{"name": "f", "args": {"x": 1}}])


def test_the_repr_shows_what_is_there() -> None:
    assert repr(AIMessageChunk("Hello")) == "AIMessageChunk(content='Hello')"
    shown_sum = repr(piece(Token("Hel")) + piece(Token("lo"), ToolCallDelta("{", 0, "a", "f")))
    assert shown_sum.startswith("AIMessageChunk(content_blocks=[{'type': 'text', 'text': 'Hello'}, ")
    assert f"id={RUN.message_id!r}" in shown_sum


def test_a_changed_copy_of_a_sum() -> None:
    total = piece(Token("a")) + piece(ToolCallDelta("{}", 0, "x", "f"))
    changed = total.model_copy(update={"id": "new", "chunk_position": "last"})
    assert (changed.id, changed.text, changed.chunk_position) == ("new", "a", "last")
    assert [call["id"] for call in changed.tool_calls] == ["x"]
    assert total.chunk_position is None


def test_reading_changes_nothing_and_readers_may_change_what_they_got() -> None:
    total = piece(Block({"type": "image", "url": "u"})) + piece(Token("a"), Meta(data={"k": 1}))
    cast("Any", total.content_blocks[0])["url"] = "changed"
    total.response_metadata["k"] = 2
    total.additional_kwargs["k"] = 2
    more = total + piece(Token("b"))
    assert more.content_blocks[0] == {"type": "image", "url": "u"}
    assert more.response_metadata["k"] == 1
    assert more.additional_kwargs == {}


# -- cost and depth


@contextmanager
def counted_calls(*functions: FunctionType) -> Generator[Counter[str]]:
    """Counts the calls of these functions."""
    names = {function.__code__: function.__qualname__ for function in functions}
    counts: Counter[str] = Counter()

    def count(frame: FrameType, event: str, arg: object) -> None:
        if event == "call" and frame.f_code in names:
            counts[names[frame.f_code]] += 1

    sys.setprofile(count)
    try:
        yield counts
    finally:
        sys.setprofile(None)


WORK = cast("tuple[FunctionType, ...]", (Fold.add, Fold.extend, Fold.open, Fold.blocks, joined))


@pytest.mark.parametrize("event", [Token("word "), ToolCallDelta("piece", 0)], ids=["text", "arguments"])
def test_adding_folds_nothing_and_reading_the_sum_folds_every_event_once(event: Event) -> None:
    chunks = [piece(event)] * MANY
    with counted_calls(*WORK) as adding:
        total = added(chunks)
    assert not adding
    with counted_calls(*WORK) as reading:
        assert total.content_blocks
        assert total.content_blocks
        assert total.text is not None
        assert total.usage_metadata is None
    assert reading["Fold.add"] == MANY
    assert reading["Fold.extend"] == 0
    assert reading["joined"] <= 3


def test_reading_after_every_addition_folds_every_event_once() -> None:
    count = 2_000
    total = piece(ToolCallDelta("", 0, "a", "f"))
    with counted_calls(*WORK) as work:
        for _ in range(count):
            total = total + piece(ToolCallDelta("x", 0))
            assert total.tool_call_chunks[0]["args"]
    assert work["Fold.add"] == count + 1
    assert work["Fold.extend"] == count - 1


def alive(kind: type) -> int:
    return sum(type(thing) is kind for thing in gc.get_objects())


def test_a_sum_that_was_read_keeps_no_reading_before_it_alive() -> None:
    total = piece(Token("a"))
    before = alive(Fold)
    for _ in range(300):
        total = total + piece(Token("a"))
        assert total.text
    assert alive(Fold) - before <= 2
    assert alive(AIMessageChunk) < 50


def test_pieces_that_were_read_keep_no_fold() -> None:
    before = alive(Fold)
    chunks = [piece(Token("a")) for _ in range(300)]
    assert [chunk.content_blocks for chunk in chunks] == [[{"type": "text", "text": "a"}]] * 300
    assert alive(Fold) == before


def left_deep() -> AIMessageChunk:
    return added([piece(Token("ab"))] * MANY)


def right_deep() -> AIMessageChunk:
    total = piece(Token("ab"))
    for _ in range(MANY - 1):
        total = piece(Token("ab")) + total
    return total


def zigzag() -> AIMessageChunk:
    total = piece(Token("ab"))
    for turn in range(MANY - 1):
        total = total + piece(Token("ab")) if turn % 2 else piece(Token("ab")) + total
    return total


def on_a_small_stack(work: Callable[[], None]) -> None:
    """Do the work where recursion over a deep sum would break the interpreter."""
    failures: list[BaseException] = []

    def guarded() -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - raised again below, in the thread of the test
            failures.append(error)

    # Python 3.13 itself drops deep structures by recursion up to a limit, for which 1 MB is enough.
    size = threading.stack_size(2 * 1024 * 1024)
    try:
        thread = threading.Thread(target=guarded)
        thread.start()
    finally:
        threading.stack_size(size)
    thread.join()
    for error in failures:
        raise error


@pytest.mark.parametrize("build", [left_deep, right_deep, zigzag])
def test_a_deep_sum_is_read_pickled_copied_compared_and_dropped(build: Callable[[], AIMessageChunk]) -> None:
    def work() -> None:
        assert build().text == "ab" * MANY
        assert through_pickle(build()) == build()
        assert copy.deepcopy(build()).text == "ab" * MANY
        assert len(pickle.dumps(build())) < 3 * MANY
        assert repr(build()).startswith("AIMessageChunk(content='abab")
        unread = build()
        del unread
        gc.collect()

    on_a_small_stack(work)


def test_threads_may_read_one_sum_at_the_same_time() -> None:
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for _ in range(20):
            parts = [piece(Token(f"{number} ")) for number in range(200)]
            half = added(parts[:100])
            total = half + added(parts[100:])
            texts: list[str] = []
            gate = threading.Barrier(4)

            def read(chunk: AIMessageChunk, gate: threading.Barrier = gate, texts: list[str] = texts) -> None:
                gate.wait()
                texts.append(chunk.text)

            threads = [
                threading.Thread(target=read, args=(chunk,)) for chunk in (total, total, half, half + parts[100:])
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            whole = "".join(f"{number} " for number in range(200))
            assert sorted(texts, key=len) == [half.text, whole, whole, whole]
    finally:
        sys.setswitchinterval(interval)
