"""What callers hand in as a conversation, and messages as plain data."""

from __future__ import annotations

import json
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidewire.events.blocks import JSON, JSONObject
from tidewire.events.chunks import AIMessageChunk
from tidewire.events.convert import (
    ModelInput,
    convert_to_messages,
    message_from_dict,
    message_to_dict,
    messages_from_dict,
    messages_from_json,
    messages_to_dict,
    messages_to_json,
)
from tidewire.events.errors import ConfigurationError
from tidewire.events.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage

HI = HumanMessage("hi")

INPUTS: dict[str, tuple[ModelInput, list[BaseMessage]]] = {
    "a text": ("hi", [HI]),
    "an empty text": ("", [HumanMessage("")]),
    "a message": (HI, [HI]),
    "a dict": ({"role": "user", "content": "hi"}, [HI]),
    "nothing": ([], []),
    "texts": (["hi", "there"], [HI, HumanMessage("there")]),
    "messages": ([SystemMessage("s"), HI], [SystemMessage("s"), HI]),
    "pairs": ([("system", "s"), ["human", "hi"]], [SystemMessage("s"), HI]),
    "a generator": ((text for text in ("hi",)), [HI]),
    "all at once": (
        [("system", "s"), HI, "there", {"role": "assistant", "content": "yes"}],
        [SystemMessage("s"), HI, HumanMessage("there"), AIMessage("yes")],
    ),
    "every role": (
        [
            {"role": "human", "content": "1"},
            {"role": "user", "content": "2"},
            {"role": "ai", "content": "3"},
            {"role": "assistant", "content": "4"},
            {"role": "system", "content": "5"},
            {"role": "developer", "content": "6"},
            {"role": "tool", "content": "7", "tool_call_id": "t"},
        ],
        [
            HumanMessage("1"),
            HumanMessage("2"),
            AIMessage("3"),
            AIMessage("4"),
            SystemMessage("5"),
            SystemMessage("6", additional_kwargs={"__openai_role__": "developer"}),
            ToolMessage("7", tool_call_id="t"),
        ],
    ),
    "a type in place of a role": ([{"type": "human", "content": "hi"}], [HI]),
    "parts": (
        [
            {
                "role": "user",
                "content": [{"type": "text", "text": "a"}, {"type": "image_url", "image_url": {"url": "u"}}],
            }
        ],
        [HumanMessage([{"type": "text", "text": "a"}, {"type": "image_url", "image_url": {"url": "u"}}])],
    ),
    "standard blocks": (
        [{"role": "user", "content_blocks": [{"type": "image", "url": "u"}]}],
        [HumanMessage(content_blocks=[{"type": "image", "url": "u"}])],
    ),
    "fields and what else there is": (
        [{"role": "user", "content": "hi", "id": "1", "name": "me", "mood": "good", "empty": None}],
        [HumanMessage("hi", id="1", name="me", additional_kwargs={"mood": "good"})],
    ),
    "images beside a text": (
        [{"role": "user", "content": "hi", "images": ["iVBORw0KGgoAAA", "AAAA"]}],
        [
            HumanMessage(
                [
                    "hi",
                    {"type": "image", "base64": "iVBORw0KGgoAAA", "mime_type": "image/png"},
                    {"type": "image", "base64": "AAAA"},
                ]
            )
        ],
    ),
    "images beside parts": (
        [{"role": "user", "content": [{"type": "text", "text": "hi"}], "images": ["AAAA"]}],
        [HumanMessage([{"type": "text", "text": "hi"}, {"type": "image", "base64": "AAAA"}])],
    ),
    "images that are none": (
        [{"role": "user", "content": "hi", "images": [5]}, {"role": "user", "content": "hi", "images": "all"}],
        [HumanMessage("hi", additional_kwargs={"images": images}) for images in ([5], "all")],
    ),
    "what else there is beside additional_kwargs": (
        [{"role": "user", "content": "hi", "mood": "good", "additional_kwargs": {"mood": "better", "k": 1}}],
        [HumanMessage("hi", additional_kwargs={"mood": "better", "k": 1})],
    ),
    "no content of an assistant": ([{"role": "assistant", "content": None}], [AIMessage("")]),
    "a refusal": (
        [{"role": "assistant", "content": None, "refusal": "no"}],
        [AIMessage("", additional_kwargs={"refusal": "no"})],
    ),
    "openai's tool calls": (
        [
            {
                "role": "assistant",
                "tool_calls": [
                    {"id": "1", "type": "function", "function": {"name": "f", "arguments": '{"x": 1}'}},
                    {"id": "2", "type": "function", "function": {"name": "f", "arguments": ""}},
                    {"id": "3", "type": "function", "function": {"name": "f", "arguments": {"y": 2}}},
                ],
            },
        ],
        [
            AIMessage(
                tool_calls=[
                    {"id": "1", "name": "f", "args": {"x": 1}},
                    {"id": "2", "name": "f", "args": {}},
                    {"id": "3", "name": "f", "args": {"y": 2}},
                ]
            )
        ],
    ),
    "the field's tool calls": (
        [
            {
                "role": "ai",
                "content": "a",
                "tool_calls": [{"name": "f", "args": {"x": 1}, "id": "1", "type": "tool_call"}],
            }
        ],
        [AIMessage("a", tool_calls=[{"name": "f", "args": {"x": 1}, "id": "1"}])],
    ),
    "usage of an assistant": (
        [
            {
                "role": "ai",
                "content": "a",
                "usage_metadata": {"input_tokens": 1, "output_tokens": 1, "total_tokens": 2},
            }
        ],
        [AIMessage("a", usage_metadata={"input_tokens": 1, "output_tokens": 1, "total_tokens": 2})],
    ),
    "a tool's result": (
        [{"role": "tool", "content": "no", "tool_call_id": "1", "status": "error", "artifact": object, "name": "f"}],
        [ToolMessage("no", tool_call_id="1", status="error", artifact=object, name="f")],
    ),
    "plain data": ([message_to_dict(HI), message_to_dict(AIMessage("a", id="1"))], [HI, AIMessage("a", id="1")]),
}

FAULTS: dict[str, tuple[object, str]] = {
    "a number": (5, "not int"),
    "nothing": (None, "not NoneType"),
    "bytes": (b"hi", "not bytes"),
    "a number in the list": ([HI, 5], "message 1 is of type int"),
    "a hole in the list": ([None], "message 0 is of type NoneType"),
    "a triple": ([("a", "b", "c")], "message 0 is no (role, content) pair but holds 3 things"),
    "a single": ([HI, ("user",)], "message 1 is no (role, content) pair but holds 1 things"),
    "a pair without a role": ([(5, "a")], "message 0 is no (role, content) pair"),
    "a role that does not exist": ([HI, ("wizard", "a")], "message 1 has the role 'wizard'; roles are ai, assistant"),
    "a role that is no text": ({"role": ["user"], "content": "a"}, "the input has the role ['user']"),
    "no role": ([{"content": "a"}], "message 0 has the role None"),
    "no content": ([{"role": "user"}], "message 0 needs the keys 'role' and 'content'"),
    "content of a number": ([HI, {"role": "user", "content": 5}], "message 1 is no HumanMessage: content is a text"),
    "content with a number": ([{"role": "user", "content": ["a", 5]}], "message 0 is no HumanMessage: part 1 of the"),
    "an id of a number": ([{"role": "user", "content": "a", "id": 5}], "Expected `str | null`, got `int` - at `$.id`"),
    "a name of a list": ([{"role": "user", "content": "a", "name": []}], "at `$.name`"),
    "a result of no call": ([HI, {"role": "tool", "content": "a"}], "message 1 is a tool's result and needs"),
    "a result of an unknown status": (
        [{"role": "tool", "content": "a", "tool_call_id": "1", "status": "fine"}],
        "Invalid enum value 'fine' - at `$.status`",
    ),
    "calls of a text": ([{"role": "ai", "tool_calls": "f"}], "message 0 has tool_calls of type str"),
    "a call of a text": ([{"role": "ai", "tool_calls": ["f"]}], "message 0 has a tool call of type str"),
    "a call without a name": ([{"role": "ai", "tool_calls": [{"args": {}}]}], "message 0 is no AIMessage: a tool call"),
    "a call of a number": (
        [{"role": "ai", "tool_calls": [{"function": {"name": "f", "arguments": 5}}]}],
        "message 0 is no AIMessage: a tool call needs a name and args",
    ),
    "plain data of no type": ([{"type": "wizard", "data": {}}], "message 0 has the type 'wizard'"),
}


@pytest.mark.parametrize("name", INPUTS)
def test_what_is_handed_in_becomes_messages(name: str) -> None:
    given_input, expected = INPUTS[name]
    found = convert_to_messages(given_input)
    assert found == expected
    assert [type(message) for message in found] == [type(message) for message in expected]


@pytest.mark.parametrize("name", FAULTS)
def test_what_is_no_message_is_refused_with_what_and_where(name: str) -> None:
    wrong, said = FAULTS[name]
    with pytest.raises(ConfigurationError) as caught:
        convert_to_messages(cast("ModelInput", wrong))
    assert said in caught.value.message


def test_message_objects_are_passed_on_and_dicts_left_alone() -> None:
    given_dict = {"role": "user", "content": [{"type": "text", "text": "a"}], "mood": "good"}
    before = json.dumps(given_dict)
    assert convert_to_messages([HI])[0] is HI
    convert_to_messages([given_dict])
    assert json.dumps(given_dict) == before


def test_arguments_that_are_no_json_make_an_invalid_call() -> None:
    (message,) = convert_to_messages(
        [
            {
                "role": "assistant",
                "content": "a",
                "tool_calls": [{"id": "1", "function": {"name": "f", "arguments": '{"x"'}}],
                "invalid_tool_calls": [{"id": "0", "name": "g", "args": "[", "error": "e"}],
            }
        ]
    )
    assert isinstance(message, AIMessage)
    assert [(call["id"], call["args"]) for call in message.invalid_tool_calls] == [("0", "["), ("1", '{"x"')]
    assert "not valid JSON" in str(message.invalid_tool_calls[1]["error"])


# -- plain data


def test_plain_data_is_plain() -> None:
    message = AIMessage("hi", tool_calls=[{"name": "f", "args": {"x": 1}, "id": "1"}], id="m", name="bot")
    assert message_to_dict(message) == {
        "type": "ai",
        "data": {
            "content": "hi",
            "id": "m",
            "name": "bot",
            "tool_calls": [{"type": "tool_call", "id": "1", "name": "f", "args": {"x": 1}}],
        },
    }
    assert message_to_dict(AIMessageChunk("a")) == {"type": "AIMessageChunk", "data": {"content": "a"}}
    assert message_to_dict(ToolMessage("r", tool_call_id="1"))["data"] == {
        "content": "r",
        "tool_call_id": "1",
        "status": "success",
    }


def test_a_conversation_goes_to_json_and_back() -> None:
    conversation = [
        SystemMessage("s"),
        HumanMessage(["a", {"type": "image", "url": "u"}], id="1"),
        AIMessage("b", tool_calls=[{"name": "f", "args": {"x": [1, None]}, "id": "1"}]),
        ToolMessage("c", tool_call_id="1", artifact={"rows": 2}),
        AIMessageChunk("d", chunk_position="last"),
    ]
    assert messages_from_dict(messages_to_dict(conversation)) == conversation
    assert messages_from_json(messages_to_json(conversation)) == conversation
    assert messages_from_json(messages_to_json(conversation).decode()) == conversation


def test_half_characters_go_to_json_and_back() -> None:
    message = AIMessage("x\ud83d", tool_calls=[{"name": "f", "args": {"x": "\ude00"}, "id": "1"}])
    text = messages_to_json([message])
    assert text.isascii()
    assert messages_from_json(text) == [message]


def test_what_json_has_no_form_for_is_refused() -> None:
    for content in ("a", "half \ud83d"):
        with pytest.raises(ConfigurationError, match="no JSON form"):
            messages_to_json([ToolMessage(content, tool_call_id="1", artifact=object())])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no JSON"),
        ("[{", "no JSON"),
        (b"\xff", "no JSON"),
        ("[" * 100_000, "no JSON"),
        ("{}", "array, not in dict"),
        ("5", "array, not in int"),
        ("[5]", "message 0 is of type int"),
        ('[{"type": "human", "data": {"content": "a"}}, {}]', "message 1 has the type None"),
    ],
    ids=["nothing", "half", "no text", "deep", "an object", "a number", "a number in it", "an empty object"],
)
def test_json_that_holds_no_messages_is_refused(text: str | bytes, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        messages_from_json(text)


HOSTILE: list[tuple[JSONObject, str]] = [
    ({}, "has the type None"),
    ({"type": "os.system", "data": {"command": "true"}}, "has the type 'os.system'"),
    ({"type": ["human"], "data": {}}, "has the type ['human']"),
    ({"type": "BaseMessage", "data": {"content": "a"}}, "has the type 'BaseMessage'"),
    ({"type": "human"}, "needs its fields in a dict under 'data', not NoneType"),
    ({"type": "human", "data": {}}, "HumanMessage needs content"),
    ({"type": "human", "data": {"content": "a", "__class__": "x"}}, "unknown field `__class__`"),
    ({"type": "human", "data": {"content": "a", "_blocks": []}}, "unknown field `_blocks`"),
    ({"type": "human", "data": {"content": "a", "tool_calls": []}}, "unknown field `tool_calls`"),
    ({"type": "human", "data": {"content": {"type": "text"}}}, "content is a text"),
    ({"type": "human", "data": {"content": "a", "content_blocks": []}}, "either content or content_blocks"),
    ({"type": "human", "data": {"content": "a", "additional_kwargs": "abc"}}, "at `$.additional_kwargs`"),
    ({"type": "human", "data": {"content": "a", "response_metadata": [["a", 1]]}}, "at `$.response_metadata`"),
    ({"type": "ai", "data": {"content": "a", "usage_metadata": 5}}, "at `$.usage_metadata`"),
    ({"type": "ai", "data": {"content": "a", "usage_metadata": {"input_tokens": "1"}}}, "usage_metadata"),
    ({"type": "ai", "data": {"content": "a", "tool_calls": 5}}, "at `$.tool_calls`"),
    ({"type": "ai", "data": {"content": "a", "tool_calls": ["x"]}}, "at `$.tool_calls[0]`"),
    ({"type": "ai", "data": {"content": "a", "tool_calls": [{"name": 5}]}}, "a tool call needs a name"),
    ({"type": "ai", "data": {"content": "a", "chunk_position": "last"}}, "unknown field `chunk_position`"),
    ({"type": "AIMessageChunk", "data": {"content": "a", "chunk_position": "first"}}, "at `$.chunk_position`"),
    ({"type": "AIMessageChunk", "data": {"tool_call_chunks": [{"args": {}, "index": 0}, 5]}}, "[1]`"),
    ({"type": "tool", "data": {"content": "a"}}, "missing required field `tool_call_id`"),
    ({"type": "tool", "data": {"content": "a", "tool_call_id": 1}}, "at `$.tool_call_id`"),
]


@pytest.mark.parametrize(("data", "said"), HOSTILE)
def test_hostile_data_is_refused_with_what_is_wrong(data: JSONObject, said: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        message_from_dict(data)
    assert said in caught.value.message


FIELDS = st.sampled_from(
    [
        "content",
        "content_blocks",
        "tool_calls",
        "invalid_tool_calls",
        "tool_call_chunks",
        "usage_metadata",
        "chunk_position",
        "id",
        "name",
        "additional_kwargs",
        "response_metadata",
        "tool_call_id",
        "status",
        "artifact",
        "__class__",
        "_fold",
        "type",
    ]
)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(0, 3)
    | st.sampled_from(["", "a", "text", "tool_call", "image", "last", "success"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            FIELDS | st.sampled_from(["type", "text", "args", "name", "id", "index", "url"]), inner, max_size=4
        )
    ),
    max_leaves=10,
)
TYPES = st.sampled_from(["human", "ai", "system", "tool", "AIMessageChunk", "Run", "object"])
BUILT = {HumanMessage, AIMessage, SystemMessage, ToolMessage, AIMessageChunk}


WHOLE: dict[str, JSONObject] = {
    "human": {"content": "a"},
    "ai": {"content": ["a"], "tool_calls": [{"name": "f", "args": {}, "id": "1"}]},
    "tool": {"content": "a", "tool_call_id": "1"},
    "AIMessageChunk": {"content_blocks": [{"type": "text", "text": "a", "index": 1}]},
}


def nearly_whole(kind: str, field: str, value: JSON) -> JSONObject:
    return {"type": kind, "data": {**WHOLE[kind], field: value}}


@given(
    st.builds(nearly_whole, st.sampled_from(sorted(WHOLE)), FIELDS, VALUES)
    | st.fixed_dictionaries({"type": TYPES | VALUES, "data": st.dictionaries(FIELDS, VALUES, max_size=6) | VALUES})
)
def test_no_data_builds_anything_but_a_message_that_can_be_read(data: dict[str, Any]) -> None:
    try:
        message = message_from_dict(data)
    except ConfigurationError:
        return
    assert type(message) in BUILT
    assert isinstance(message.text, str)
    assert isinstance(message.content_blocks, list)
    assert repr(message)
    assert message.pretty_repr()
    assert message_from_dict(message_to_dict(message)) == message


@given(VALUES)
def test_no_input_breaks_the_conversion(value: JSON) -> None:
    try:
        messages = convert_to_messages(value)
    except ConfigurationError:
        return
    for message in messages:
        assert type(message) in BUILT
        assert message.pretty_repr()
