"""Messages as values: made in every way, read, compared, copied, pickled, printed."""

from __future__ import annotations

import copy
import gc
import pickle
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.events.strategies import EVENTS, RUN
from tidewire.events.blocks import JSON, ContentBlock
from tidewire.events.convert import message_from_dict, message_to_dict, messages_from_json, messages_to_json
from tidewire.events.errors import ConfigurationError
from tidewire.events.fold import Fold
from tidewire.events.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage
from tidewire.events.standard import Content
from tidewire.events.types import Block, End, Event, Reasoning, Token, ToolCallDelta

IMAGE: ContentBlock = {"type": "image", "url": "u"}
PARTS: st.SearchStrategy[Any] = st.one_of(
    st.text(max_size=3),
    st.sampled_from(
        [
            {"type": "text", "text": "a"},
            {"type": "image_url", "image_url": {"url": "u"}},
            {"type": "tool_use", "id": "t", "name": "f", "input": {}},
            {"type": "tool_call", "id": "c", "name": "g", "args": {"x": 1}, "index": 2},
            {"type": "invalid_tool_call", "id": "i", "name": "g", "args": "{", "error": "e", "extras": {"k": 1}},
            {"type": "reasoning", "reasoning": "r"},
            {"type": "hologram"},
        ]
    ),
)
CONTENTS: st.SearchStrategy[Any] = st.text(max_size=3) | st.lists(PARTS, max_size=4)
CALLS: st.SearchStrategy[Any] = st.lists(
    st.fixed_dictionaries(
        {"name": st.just("f"), "args": st.just({"x": 1}), "id": st.none() | st.sampled_from("cdt")},
        optional={"extras": st.just({"k": 1})},
    ),
    max_size=2,
)
INVALID: st.SearchStrategy[Any] = st.lists(
    st.fixed_dictionaries(
        {"name": st.just("f"), "args": st.just("{"), "id": st.none() | st.sampled_from("cdi"), "error": st.just("e")},
        optional={"extras": st.just({"k": 1})},
    ),
    max_size=2,
)
COMMON: dict[str, st.SearchStrategy[Any]] = {
    "id": st.none() | st.just("m1"),
    "name": st.none() | st.just("bot"),
    "additional_kwargs": st.none() | st.just({"k": 1}),
    "response_metadata": st.none() | st.just({"model_name": "gpt"}),
}


def of_fold(events: list[Event], outcome: str) -> AIMessage:
    fold = Fold(RUN)
    for event in [*events, End("ok" if outcome == "ok" else "error")]:
        fold.add(event)
    return AIMessage.from_fold(fold)


MESSAGES: st.SearchStrategy[BaseMessage] = st.one_of(
    st.builds(HumanMessage, CONTENTS, **COMMON),
    st.builds(SystemMessage, CONTENTS, **COMMON),
    st.builds(
        ToolMessage,
        CONTENTS,
        tool_call_id=st.just("c"),
        status=st.sampled_from(["success", "error"]),
        artifact=st.sampled_from([None, 0, "", [], {}, {"rows": [1]}]),
        **COMMON,
    ),
    st.builds(
        AIMessage,
        CONTENTS,
        tool_calls=CALLS,
        invalid_tool_calls=INVALID,
        usage_metadata=st.none() | st.just({"input_tokens": 1, "output_tokens": 1, "total_tokens": 2}),
        **COMMON,
    ),
    st.builds(AIMessage, content_blocks=st.lists(PARTS, max_size=4), tool_calls=CALLS),
    st.builds(of_fold, st.lists(EVENTS, max_size=8), st.sampled_from(["ok", "error"])),
)


def shown(message: BaseMessage) -> dict[str, Any]:
    fields = ["type", "content", "content_blocks", "text", "id", "name", "additional_kwargs", "response_metadata"]
    if isinstance(message, AIMessage):
        fields += ["tool_calls", "invalid_tool_calls", "usage_metadata"]
    if isinstance(message, ToolMessage):
        fields += ["tool_call_id", "status", "artifact"]
    return {field: getattr(message, field) for field in fields}


@given(MESSAGES)
def test_a_message_is_equal_after_a_pickle_a_copy_and_as_plain_data(message: BaseMessage) -> None:
    for twin in (
        cast("BaseMessage", pickle.loads(pickle.dumps(message))),
        copy.copy(message),
        copy.deepcopy(message),
        message.model_copy(),
        message_from_dict(message_to_dict(message)),
        messages_from_json(messages_to_json([message]))[0],
    ):
        assert type(twin) is type(message)
        assert shown(twin) == shown(message)
        assert twin == message


@given(MESSAGES)
def test_every_message_can_be_shown(message: BaseMessage) -> None:
    assert repr(message).startswith(f"{type(message).__name__}(content")
    assert message.pretty_repr().splitlines()[0].strip("=").strip().endswith(" Message")


@pytest.mark.parametrize("kind", [HumanMessage, SystemMessage, AIMessage])
def test_a_message_is_made_from_a_text_by_place(kind: type[HumanMessage]) -> None:
    message = kind("hi")
    assert (message.content, message.text) == ("hi", "hi")
    assert message.content_blocks == [{"type": "text", "text": "hi"}]
    assert (message.id, message.name, message.additional_kwargs, message.response_metadata) == (None, None, {}, {})


def test_each_kind_has_its_type() -> None:
    messages = [SystemMessage("s"), HumanMessage("h"), AIMessage("a"), ToolMessage("t", tool_call_id="1")]
    assert [message.type for message in messages] == ["system", "human", "ai", "tool"]


def test_content_stays_as_it_was_given_and_blocks_are_standard() -> None:
    parts: list[str | dict[str, Any]] = ["see ", {"type": "image_url", "image_url": {"url": "u"}}, {"text": "this"}]
    message = HumanMessage(parts)
    assert message.content == parts
    assert message.content_blocks == [
        {"type": "text", "text": "see "},
        IMAGE,
        {"type": "text", "text": "this"},
    ]
    assert message.text == "see this"
    assert message.content_blocks is message.content_blocks


def test_a_message_does_not_change_with_what_it_was_made_from() -> None:
    part = {"type": "text", "text": "a"}
    parts = [part]
    metadata = {"k": 1}
    message = HumanMessage(parts, response_metadata=metadata)
    part["text"] = "b"
    parts.append(part)
    metadata["k"] = 2
    assert message.text == "a"
    assert message.response_metadata == {"k": 1}


def test_content_blocks_are_given_in_place_of_content() -> None:
    assert HumanMessage(content_blocks=[IMAGE]).content == [IMAGE]
    assert HumanMessage(content_blocks=[IMAGE]) == HumanMessage([cast("dict[str, Any]", IMAGE)])
    with pytest.raises(ConfigurationError, match="either content or content_blocks"):
        HumanMessage("a", content_blocks=[IMAGE])


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "HumanMessage needs content"),
        (5, "not int"),
        ({"type": "text", "text": "a"}, "not dict"),
        (["a", None], "part 1 of the content"),
    ],
    ids=["none", "number", "a block alone", "a hole"],
)
def test_what_is_no_content_is_refused(content: object, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        HumanMessage(cast("Content", content))


def test_a_message_takes_no_attributes_that_it_does_not_have() -> None:
    message = HumanMessage("a")
    with pytest.raises(AttributeError):
        message.contnet = "b"  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]  # on purpose


def test_a_message_is_compared_by_kind_and_fields_and_has_no_hash() -> None:
    assert HumanMessage("a") == HumanMessage("a")
    assert HumanMessage("a") != SystemMessage("a")
    assert HumanMessage("a") != HumanMessage("a", id="1")
    assert HumanMessage("a") != "a"
    assert ToolMessage("a", tool_call_id="1") != ToolMessage("a", tool_call_id="2")
    with pytest.raises(TypeError, match="unhashable"):
        hash(AIMessage("a"))


# -- assistants


def test_tool_calls_stand_beside_the_text() -> None:
    message = AIMessage(
        "let me look",
        tool_calls=[{"name": "f", "args": {"x": 1}, "id": "1"}],
        invalid_tool_calls=[{"name": "g", "args": "{", "id": "2", "error": "cut"}],
    )
    assert message.content == "let me look"
    assert message.content_blocks == [
        {"type": "text", "text": "let me look"},
        {"type": "tool_call", "id": "1", "name": "f", "args": {"x": 1}},
        {"type": "invalid_tool_call", "id": "2", "name": "g", "args": "{", "error": "cut"},
    ]
    assert message.tool_calls == [message.content_blocks[1]]
    assert message.invalid_tool_calls == [message.content_blocks[2]]


def test_a_call_that_stands_in_the_content_is_not_doubled() -> None:
    message = AIMessage(
        [{"type": "tool_use", "id": "1", "name": "f", "input": {}}],
        tool_calls=[{"name": "f", "args": {}, "id": "1"}, {"name": "f", "args": {}, "id": None}],
    )
    assert [call["id"] for call in message.tool_calls] == ["1", None]


def test_an_answer_of_blocks_has_its_text_as_content_where_it_is_all_it_says() -> None:
    call: ContentBlock = {"type": "tool_call", "id": "1", "name": "f", "args": {}}
    assert AIMessage(content_blocks=[call, {"type": "text", "text": "hi"}]).content == "hi"
    assert AIMessage(content_blocks=[call]).content == ""
    assert AIMessage(content_blocks=[{"type": "text", "text": "hi"}, IMAGE]).content == [
        {"type": "text", "text": "hi"},
        IMAGE,
    ]
    assert AIMessage().content == ""


@pytest.mark.parametrize(
    "call",
    [{"args": {}, "id": "1"}, {"name": "f", "args": "{}"}, {"name": 5, "args": {}}, "f"],
    ids=["no name", "args of text", "a name of a number", "no dict"],
)
def test_what_is_no_tool_call_is_refused(call: JSON) -> None:
    with pytest.raises(ConfigurationError, match="a tool call"):
        AIMessage("a", tool_calls=[call])


def test_a_message_of_a_run_is_read_when_asked_and_once() -> None:
    message = of_fold([Reasoning("hm"), Token("hi", 1), ToolCallDelta("{}", 2, "1", "f")], "ok")
    assert message.content_blocks is message.content_blocks
    assert [block["type"] for block in message.content_blocks] == ["reasoning", "text", "tool_call"]
    assert message.content == message.content_blocks
    assert (message.text, message.id) == ("hi", RUN.message_id)


def test_a_message_that_was_read_keeps_no_pieces() -> None:
    before = sum(type(thing) is Fold for thing in gc.get_objects())
    messages = [of_fold([Token("a"), Token("b")], "ok") for _ in range(100)]
    assert {message.text for message in messages} == {"ab"}
    assert sum(type(thing) is Fold for thing in gc.get_objects()) == before


# -- tools


def test_a_tool_message_names_its_call_and_says_how_it_went() -> None:
    message = ToolMessage("42", tool_call_id="1", name="f", artifact=[1, 2])
    assert (message.tool_call_id, message.status, message.artifact, message.name) == ("1", "success", [1, 2], "f")
    assert ToolMessage("no", tool_call_id="1", status="error").status == "error"
    with pytest.raises(ConfigurationError, match="'success' or 'error', not 'fine'"):
        ToolMessage("42", tool_call_id="1", status="fine")


def test_an_artifact_may_be_anything_and_is_never_compared_to_be_shown() -> None:
    class Table:
        def __eq__(self, other: object) -> bool:
            raise AssertionError("compared")

        __hash__ = None  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]  # on purpose

    table = Table()
    message = ToolMessage("42", tool_call_id="1", artifact=table)
    assert "Table" in repr(message)
    assert message.model_copy().artifact is table


# -- copies


def test_a_changed_copy_leaves_the_rest() -> None:
    message = HumanMessage("a", id="1", name="me")
    changed = message.model_copy(update={"content": "b", "id": None})
    assert (changed.content, changed.id, changed.name) == ("b", None, "me")
    assert message.content == "a"
    with pytest.raises(TypeError, match="contnet"):
        message.model_copy(update={"contnet": "b"})


@pytest.mark.parametrize(
    "message",
    [
        AIMessage("a", tool_calls=[{"name": "f", "args": {}, "id": "1"}], id="m"),
        AIMessage(
            content_blocks=[
                {"type": "tool_call", "id": "1", "name": "f", "args": {}},
                {"type": "text", "text": "a"},
            ],
            id="m",
        ),
        of_fold([ToolCallDelta("{}", 0, "1", "f"), Token("a")], "ok").model_copy(update={"id": "m"}),
    ],
    ids=["beside the text", "among the blocks", "of a run"],
)
def test_new_content_leaves_the_calls_and_new_calls_leave_the_content(message: AIMessage) -> None:
    said = message.model_copy(update={"content": "b"})
    assert (said.content, [call["id"] for call in said.tool_calls], said.id) == ("b", ["1"], "m")
    blocks = message.model_copy(update={"content_blocks": [IMAGE]})
    assert (blocks.content_blocks[0], [call["id"] for call in blocks.tool_calls]) == (IMAGE, ["1"])
    called = message.model_copy(update={"tool_calls": [{"name": "g", "args": {}, "id": "2"}]})
    assert (called.content, [call["id"] for call in called.tool_calls]) == ("a", ["2"])
    silent = message.model_copy(update={"tool_calls": []})
    assert (silent.content, silent.tool_calls, silent.id) == ("a", [], "m")
    named = message.model_copy(update={"name": "bot"})
    assert (named.name, named.content_blocks) == ("bot", message.content_blocks)


# -- for people


def test_the_repr_can_be_read() -> None:
    message = AIMessage("hi", tool_calls=[{"name": "f", "args": {}, "id": "1"}], id="m")
    assert repr(message) == (
        "AIMessage(content='hi', id='m', tool_calls=[{'type': 'tool_call', 'id': '1', 'name': 'f', 'args': {}}])"
    )
    assert repr(HumanMessage("a")) == "HumanMessage(content='a')"
    assert len(repr(HumanMessage("long " * 1000))) < 500


def test_pretty_print_puts_a_headline_over_the_text(capsys: pytest.CaptureFixture[str]) -> None:
    HumanMessage("hi", name="me").pretty_print()
    assert capsys.readouterr().out.splitlines() == [
        "================================ Human Message =================================",
        "",
        "Name: me",
        "",
        "hi",
    ]


def test_pretty_print_shows_calls_with_their_arguments_and_names_other_blocks() -> None:
    message = of_fold(
        [
            Reasoning("hm"),
            Token("look"),
            Block({"type": "image", "url": "u"}),
            ToolCallDelta('{"x": 1}', 0, "1", "f"),
            ToolCallDelta("{", 1, "2", "g"),
        ],
        "ok",
    )
    lines = message.pretty_repr().splitlines()
    assert lines[0] == "================================== Ai Message =================================="
    assert lines[2:12] == [
        "[reasoning] hm",
        "look",
        "[image]",
        "Tool Calls:",
        "  f (1)",
        "  Args:",
        "    x: 1",
        "Invalid Tool Calls:",
        "  g (2)",
        lines[11],
    ]
    assert lines[11].startswith("  Error: the arguments are not valid JSON")
    assert lines[12] == "  Args: {"
