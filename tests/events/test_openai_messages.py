from typing import Any

import pytest

from tidewire.events.convert import MessageLike, convert_to_messages
from tidewire.events.errors import ConfigurationError
from tidewire.events.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage
from tidewire.events.openai_messages import convert_to_openai_messages

CALL = {"type": "tool_call", "name": "f", "args": {"x": "é"}, "id": "c1"}
SPELLED_CALL = {"type": "function", "id": "c1", "function": {"name": "f", "arguments": '{"x": "é"}'}}


@pytest.mark.parametrize(
    ("message", "spelled"),
    [
        (HumanMessage("hi"), {"role": "user", "content": "hi"}),
        (HumanMessage(""), {"role": "user", "content": ""}),
        (
            HumanMessage(["a", {"type": "text", "text": "b"}], name="ann"),
            {"role": "user", "name": "ann", "content": "a\nb"},
        ),
        (SystemMessage("be kind"), {"role": "system", "content": "be kind"}),
        (AIMessage("", tool_calls=[CALL]), {"role": "assistant", "content": "", "tool_calls": [SPELLED_CALL]}),
        (
            AIMessage("x", invalid_tool_calls=[{"name": "f", "args": "{", "id": "c1", "error": "cut"}]),
            {
                "role": "assistant",
                "content": "x",
                "tool_calls": [{"type": "function", "id": "c1", "function": {"name": "f", "arguments": "{"}}],
            },
        ),
        (
            AIMessage("", response_metadata={"refusal": "no"}),
            {"role": "assistant", "content": "", "refusal": "no"},
        ),
        (ToolMessage("42", tool_call_id="c1"), {"role": "tool", "content": "42", "tool_call_id": "c1"}),
        (
            HumanMessage([{"type": "image", "base64": "aGk=", "mime_type": "image/jpeg"}]),
            {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:image/jpeg;base64,aGk="}}]},
        ),
        (
            HumanMessage([{"type": "image_url", "image_url": {"url": "https://a/b.png", "detail": "low"}}]),
            {
                "role": "user",
                "content": [{"type": "image_url", "image_url": {"url": "https://a/b.png", "detail": "low"}}],
            },
        ),
        (
            HumanMessage([{"type": "audio", "base64": "aGk=", "mime_type": "audio/mpeg"}]),
            {
                "role": "user",
                "content": [{"type": "input_audio", "input_audio": {"data": "aGk=", "format": "mp3"}}],
            },
        ),
        (
            HumanMessage(
                [
                    {"type": "file", "base64": "aGk=", "mime_type": "application/pdf", "extras": {"filename": "a.pdf"}},
                    {"type": "file", "file_id": "file_1"},
                    {"type": "text-plain", "text": "notes"},
                ]
            ),
            {
                "role": "user",
                "content": [
                    {
                        "type": "file",
                        "file": {"file_data": "data:application/pdf;base64,aGk=", "filename": "a.pdf"},
                    },
                    {"type": "file", "file": {"file_id": "file_1"}},
                    {"type": "text", "text": "notes"},
                ],
            },
        ),
    ],
)  # fmt: skip
def test_each_message_in_openais_form(message: BaseMessage, spelled: dict[str, Any]) -> None:
    assert convert_to_openai_messages(message) == spelled
    assert convert_to_openai_messages([message]) == [spelled]


def test_a_text_or_a_dict_alone_is_one_message() -> None:
    assert convert_to_openai_messages("hi") == {"role": "user", "content": "hi"}
    assert convert_to_openai_messages({"role": "developer", "content": "hi"}) == {"role": "developer", "content": "hi"}


def test_every_content_may_be_a_list_of_parts() -> None:
    given: list[MessageLike] = [("human", "hi"), AIMessage("")]
    assert convert_to_openai_messages(given, text_format="block") == [
        {"role": "user", "content": [{"type": "text", "text": "hi"}]},
        {"role": "assistant", "content": []},
    ]


def test_ids_are_given_on_request() -> None:
    assert "id" not in convert_to_openai_messages(HumanMessage("hi", id="7"))
    assert convert_to_openai_messages(HumanMessage("hi", id="7"), include_id=True)["id"] == "7"


def test_anthropics_blocks_become_calls_and_results() -> None:
    given: list[MessageLike] = [
        {"role": "assistant", "content": [{"type": "tool_use", "id": "c1", "name": "f", "input": {"x": "é"}}]},
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "c1", "content": [{"type": "text", "text": "42"}]},
                {"type": "text", "text": "and?"},
            ],
        },
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c2"}]},
    ]
    assert convert_to_openai_messages(given) == [
        {"role": "assistant", "content": "", "tool_calls": [SPELLED_CALL]},
        {"role": "tool", "tool_call_id": "c1", "content": "42"},
        {"role": "user", "content": "and?"},
        {"role": "tool", "tool_call_id": "c2", "content": ""},
    ]


@pytest.mark.parametrize(
    "block",
    [
        {"type": "video", "url": "https://a/b.mp4"},
        {"type": "audio", "url": "https://a/b.mp3"},
        {"type": "reasoning", "reasoning": "hm"},
        {"type": "guard", "text": "x"},
    ],
)
def test_a_block_without_a_part_is_passed_on_or_refused(block: dict[str, Any]) -> None:
    message = HumanMessage([block])
    assert convert_to_openai_messages(message)["content"] == [block]
    with pytest.raises(ConfigurationError, match="no part for a block of type"):
        convert_to_openai_messages(message, pass_through_unknown_blocks=False)


def test_a_text_format_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="'string' or 'block'"):
        convert_to_openai_messages("hi", text_format="blocks")  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType, reportCallIssue]  # on purpose


def test_what_is_exported_is_read_again() -> None:
    talk = [
        SystemMessage("s"),
        HumanMessage("h"),
        AIMessage("a", tool_calls=[CALL]),
        ToolMessage("t", tool_call_id="c1"),
    ]
    assert convert_to_messages(convert_to_openai_messages(talk)) == talk
