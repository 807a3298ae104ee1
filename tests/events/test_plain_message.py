"""Messages as plain data in pydantic's words; fields that are read only."""

from __future__ import annotations

import json
import re
from datetime import date

import pytest

from tidewire import ConfigurationError, init_chat_model
from tidewire.events.blocks import JSONObject
from tidewire.messages import AIMessage, AIMessageChunk, BaseMessage, HumanMessage, ToolMessage, convert_to_messages

CALL = {"type": "tool_call", "id": "call_1", "name": "look", "args": {"at": [1]}}


def test_model_dump_has_all_fields_under_the_names_that_the_field_knows() -> None:
    base: JSONObject = {"content": "hi", "additional_kwargs": {}, "response_metadata": {}, "name": None, "id": None}
    assert HumanMessage("hi").model_dump() == {**base, "type": "human"}
    assert AIMessage("hi", tool_calls=[CALL]).model_dump() == {
        **base, "type": "ai", "tool_calls": [CALL], "invalid_tool_calls": [], "usage_metadata": None,
    }  # fmt: skip
    assert ToolMessage("hi", tool_call_id="call_1", artifact=[1]).model_dump() == {
        **base, "type": "tool", "tool_call_id": "call_1", "artifact": [1], "status": "success",
    }  # fmt: skip
    last = AIMessageChunk("hi", chunk_position="last").model_dump(include=("content", "chunk_position"))
    assert last == {"content": "hi", "chunk_position": "last"}


def test_dict_and_json_say_the_same() -> None:
    message = init_chat_model("embedded:demo").invoke("hi")
    assert message.dict() == message.model_dump()
    assert json.loads(message.model_dump_json()) == message.model_dump(mode="json") == message.model_dump()
    assert message.model_dump_json(indent=2).startswith('{\n  "content": ')


def test_fields_may_be_left_out() -> None:
    message = HumanMessage("hi", id="m1")
    assert message.model_dump(exclude_none=True, exclude={"additional_kwargs", "response_metadata"}) == {
        "content": "hi", "type": "human", "id": "m1",
    }  # fmt: skip
    assert message.model_dump_json(include=["id"]) == '{"id":"m1"}'


@pytest.mark.parametrize(
    "message",
    [HumanMessage("hi", name="me"), AIMessage("hi", tool_calls=[CALL]), ToolMessage("hi", tool_call_id="call_1")],
)
def test_a_plain_message_is_read_back_from_its_dump(message: BaseMessage) -> None:
    assert convert_to_messages([message.model_dump()]) == [message]


def test_changing_a_dump_leaves_the_message() -> None:
    message = AIMessage("hi", tool_calls=[CALL])
    message.model_dump()["tool_calls"][0]["args"]["at"].append(2)
    assert message.tool_calls[0]["args"] == {"at": [1]}


def test_half_a_character_has_a_json_form_and_other_objects_have_none() -> None:
    assert HumanMessage("\ud83d").model_dump_json(include=["content"]) == '{"content":"\\ud83d"}'
    message = HumanMessage("hi", additional_kwargs={"at": object(), "on": date(2024, 1, 1)})
    assert message.model_dump(include=["additional_kwargs"])["additional_kwargs"]["on"] == date(2024, 1, 1)
    with pytest.raises(ConfigurationError, match="these messages have no JSON form"):
        message.model_dump_json()


@pytest.mark.parametrize(
    ("message", "name", "given"),
    [
        (HumanMessage("hi"), "content", "content"),
        (AIMessage("hi"), "tool_calls", "tool_calls"),
        (AIMessageChunk("hi"), "content", "content"),
        (HumanMessage("hi"), "text", "content"),
    ],
)
def test_assigning_a_field_names_model_copy(message: BaseMessage, name: str, given: str) -> None:
    told = f"message.model_copy(update={{{given!r}: …}}) gives a changed copy"
    with pytest.raises(AttributeError, match=re.escape(told)):
        setattr(message, name, "y")
    assert message.model_copy(update={"content": "y"}).content == "y"
