"""Conversations in Google's format; whatever comes out is also checked against the official client's types."""

from __future__ import annotations

import json
from typing import Any, cast

import pytest
from google.genai import types

from tests.adapters.recording_kit import WRITTEN, message_of, read_recordings, replay
from tidewire.adapters.google_genai_conversation import Conversation, is_before_3
from tidewire.events.blocks import JSONObject
from tidewire.events.errors import ConfigurationError
from tidewire.events.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage
from tidewire.events.standard import Content

SKIP = "skip_thought_signature_validator"
FILES = "https://google.example/v1beta/files"
PIXEL = {"type": "image", "base64": "AA==", "mime_type": "image/png"}
PIXEL_PART = {"inlineData": {"mimeType": "image/png", "data": "AA=="}}


def spell(*messages: BaseMessage, model: str = "gemini-3-pro", **fields: Any) -> Conversation:
    given: dict[str, Any] = {"files_url": FILES, **fields}
    conversation = Conversation("google_genai", model, **given)
    conversation.add(messages)
    for content in conversation.contents:
        types.Content.model_validate(content)
    return conversation


def contents(*messages: BaseMessage, **fields: Any) -> list[JSONObject]:
    return spell(*messages, **fields).contents


def user(*blocks: JSONObject, **fields: Any) -> list[JSONObject]:
    """The parts of a user message."""
    (content,) = contents(HumanMessage(list(blocks)), **fields)
    assert content["role"] == "user"
    return cast("list[JSONObject]", content["parts"])


def model(*blocks: Any, maker: str | None = "google_genai", **fields: Any) -> list[JSONObject]:
    """The parts of an answer in the history."""
    metadata = {} if maker is None else {"model_provider": maker}
    found = contents(HumanMessage("hi"), AIMessage(list(blocks), response_metadata=metadata), **fields)
    return cast("list[JSONObject]", found[1]["parts"]) if len(found) > 1 else []


def call(name: str, id: str | None, signature: str | None = None, **args: Any) -> JSONObject:
    block: JSONObject = {"type": "tool_call", "name": name, "id": id, "args": args}
    return {**block, "extras": {"signature": signature}} if signature else block


# ---------------------------------------------------------------- turns


def test_turns_alternate_and_the_system_prompt_stands_beside_them() -> None:
    conversation = spell(
        SystemMessage("Be brief."),
        HumanMessage("a"),
        HumanMessage("b"),
        AIMessage("c"),
        AIMessage("d"),
        HumanMessage("e"),
    )
    assert conversation.system == {"parts": [{"text": "Be brief."}]}
    assert conversation.contents == [
        {"role": "user", "parts": [{"text": "a"}, {"text": "b"}]},
        {"role": "model", "parts": [{"text": "c"}, {"text": "d"}]},
        {"role": "user", "parts": [{"text": "e"}]},
    ]
    assert conversation.warnings == []
    assert spell(HumanMessage("a")).system is None


def test_a_later_system_message_is_joined_to_the_first_and_that_is_told() -> None:
    conversation = spell(SystemMessage("A"), HumanMessage("a"), SystemMessage("B"))
    assert conversation.system == {"parts": [{"text": "A"}, {"text": "B"}]}
    assert [warning.code for warning in conversation.warnings] == ["system_message_moved"]


def test_an_empty_turn_is_left_out() -> None:
    assert contents(HumanMessage("a"), AIMessage(""), HumanMessage("b")) == [
        {"role": "user", "parts": [{"text": "a"}, {"text": "b"}]}
    ]
    assert contents(HumanMessage("")) == []
    assert model({"type": "text", "text": ""}, {"type": "text", "text": "x"}) == [{"text": "x"}]


# ---------------------------------------------------------------- signatures


def test_a_signature_goes_back_with_the_part_that_it_came_with() -> None:
    def block(kind: str, text: str, **extras: object) -> JSONObject:
        return {"type": kind, kind: text, "extras": extras}

    assert model(
        block("reasoning", "ab", signature="RRRR"),
        block("text", "abc", signature="SSSS", signature_span=[2, 3]),
        block("text", "abc", signature="TTTT", signature_span=[0, 1]),
        block("text", "abc", signature="UUUU", signature_span=[3, 3]),
        block("text", "", signature="VVVV"),
        block("reasoning", "", signature="WWWW"),
        {"type": "reasoning", "reasoning": "plain"},
    ) == [
        {"text": "ab", "thought": True, "thoughtSignature": "RRRR"},
        *({"text": "ab"}, {"text": "c", "thoughtSignature": "SSSS"}),
        *({"text": "a", "thoughtSignature": "TTTT"}, {"text": "bc"}),
        *({"text": "abc"}, {"text": "", "thoughtSignature": "UUUU"}),
        {"text": "", "thoughtSignature": "VVVV"},
        {"text": "", "thought": True, "thoughtSignature": "WWWW"},
        {"text": "plain", "thought": True},
    ]


@pytest.mark.parametrize(
    "id",
    [
        "gemini_text",
        "gemini_thoughts",
        "gemini_two_function_calls",
        "gemini_code_execution",
        "gemini_server_side_tools",
        "gemini_image_output",
    ],
)
def test_an_answer_goes_back_as_it_came(id: str) -> None:
    (recording,) = (one for one in read_recordings(WRITTEN / "google_genai") if one.id == id)
    answer = message_of(replay(recording, [recording.body]).events)
    sent = model(*answer.content_blocks)
    read: list[JSONObject] = []
    for chunk in _chunks(recording.body):
        for part in chunk["candidates"][0].get("content", {}).get("parts", ()):
            if read and part.keys() == read[-1].keys() == {"text"}:
                read[-1] = {"text": read[-1]["text"] + part["text"]}
            elif read and part.keys() == read[-1].keys() == {"text", "thought"}:
                read[-1] = {"text": read[-1]["text"] + part["text"], "thought": True}
            else:
                read.append(part)
    assert sent == read


def _chunks(body: bytes) -> list[JSONObject]:
    if body.startswith(b"{"):
        return [json.loads(body)]
    return [json.loads(line[6:]) for line in body.splitlines() if line.startswith(b"data: ")]


def test_signatures_and_thoughts_of_others_are_left_out() -> None:
    signed = {"type": "text", "text": "a", "extras": {"signature": "SSSS"}}
    conversation = spell(
        HumanMessage("hi"),
        AIMessage(
            [{"type": "reasoning", "reasoning": "hm"}, signed, {"type": "non_standard", "value": {"x": 1}}],
            response_metadata={"model_provider": "anthropic"},
        ),
    )
    assert conversation.contents[1] == {"role": "model", "parts": [{"text": "a"}]}
    assert [warning.text for warning in conversation.warnings] == [
        "a reasoning block of the history was left out: it belongs to anthropic",
        "a non_standard block of the history was left out: it belongs to anthropic",
    ]


# ---------------------------------------------------------------- calls and results


def test_calls_and_results_name_their_tool_and_the_first_call_is_signed() -> None:
    found = contents(
        HumanMessage("hi"),
        AIMessage([call("f", "1", "SSSS", x=1), call("g", "2")], response_metadata={"model_provider": "google_genai"}),
        HumanMessage("and?"),
        ToolMessage("fine", tool_call_id="2"),
        ToolMessage('{"n": 1}', tool_call_id="1"),
    )
    assert found[1:] == [
        {
            "role": "model",
            "parts": [
                {"functionCall": {"name": "f", "args": {"x": 1}, "id": "1"}, "thoughtSignature": "SSSS"},
                {"functionCall": {"name": "g", "args": {}, "id": "2"}},
            ],
        },
        {
            "role": "user",
            "parts": [
                {"functionResponse": {"id": "2", "name": "g", "response": {"output": "fine"}}},
                {"functionResponse": {"id": "1", "name": "f", "response": {"output": {"n": 1}}}},
                {"text": "and?"},
            ],
        },
    ]


def test_the_first_call_of_another_models_turn_says_that_it_has_no_signature() -> None:
    blocks = (call("f", "1", "SSSS"), call("g", "2"))
    for maker in ("openai", "google_vertexai"):
        first, second = model(*blocks, maker=maker)
        assert (first["thoughtSignature"], "thoughtSignature" in second) == (SKIP, False)
    assert model(*blocks, maker=None)[0]["thoughtSignature"] == "SSSS"
    assert model(call("f", None), maker=None) == [{"functionCall": {"name": "f", "args": {}}, "thoughtSignature": SKIP}]
    assert all("thoughtSignature" not in part for part in model(*blocks, maker="openai", model="gemini-2.5-pro"))


@pytest.mark.parametrize(
    ("name", "before"),
    [
        ("gemini-2.5-flash", True),
        ("models/gemini-1.5-pro-002", True),
        ("publishers/google/models/Gemini-2.0-flash", True),
        ("gemma-3-27b-it", True),
        ("gemini-3-flash-preview", False),
        ("gemini-3.1-pro", False),
        ("gemini-flash-latest", False),
        ("gemini-20", False),
    ],
)
def test_versions_before_3_are_known_by_their_names(name: str, before: bool) -> None:
    assert is_before_3(name) is before


def test_results_are_objects_that_say_whether_the_tool_failed() -> None:
    def result(content: Content, **fields: Any) -> object:
        _, _, turn = contents(
            HumanMessage("hi"), AIMessage([call("f", "1")]), ToolMessage(content, tool_call_id="1", **fields)
        )
        return turn["parts"][0]["functionResponse"]["response"]

    assert result("") == {"output": ""}
    assert result("[1]") == {"output": "[1]"}
    assert result(' {"a": 1}') == {"output": {"a": 1}}
    assert result('{"a": ') == {"output": '{"a": '}
    assert result("oh", status="error") == {"error": "oh"}
    assert result([{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]) == {"output": "ab"}


def test_media_of_a_result_stand_in_it_or_beside_it() -> None:
    sound = {"type": "audio", "base64": "AA==", "mime_type": "audio/wav"}
    sound_part = {"inlineData": {"mimeType": "audio/wav", "data": "AA=="}}
    history = (
        HumanMessage("hi"),
        AIMessage([call("f", "1")]),
        ToolMessage(["see", PIXEL, sound], tool_call_id="1"),
    )
    inside = contents(*history)[2]["parts"]
    assert inside[0]["functionResponse"]["parts"] == [PIXEL_PART]
    assert inside[1:] == [sound_part]
    beside = contents(*history, model="gemini-2.5-flash")[2]["parts"]
    assert "parts" not in beside[0]["functionResponse"]
    assert beside[1:] == [PIXEL_PART, sound_part]


def test_a_result_without_its_call_needs_the_tools_name() -> None:
    with pytest.raises(ConfigurationError, match="'9' answers no call"):
        spell(HumanMessage("hi"), ToolMessage("x", tool_call_id="9"))
    (turn,) = contents(HumanMessage("hi"), ToolMessage("x", tool_call_id="9", name="f"))
    assert turn["parts"][0]["functionResponse"]["name"] == "f"


def test_a_call_that_could_not_be_read_stands_only_where_a_result_refers_to_it() -> None:
    bad = AIMessage("x", invalid_tool_calls=[{"id": "1", "name": "f", "args": '{"a": 1, "b', "error": "cut"}])
    assert contents(HumanMessage("hi"), bad)[1]["parts"] == [{"text": "x"}]
    answered = contents(HumanMessage("hi"), bad, ToolMessage("?", tool_call_id="1"), model="gemini-2.5-pro")
    assert answered[1]["parts"][1] == {"functionCall": {"name": "f", "args": {"a": 1}, "id": "1"}}
    unread = AIMessage("x", invalid_tool_calls=[{"id": "1", "name": None, "args": None, "error": "cut"}])
    answered = contents(HumanMessage("hi"), unread, ToolMessage("?", tool_call_id="1", name="f"))
    assert answered[1]["parts"][1]["functionCall"] == {"name": "", "args": {}, "id": "1"}
    assert answered[2]["parts"][0]["functionResponse"]["name"] == "f"


# ---------------------------------------------------------------- what Google's own tools did


CODE_CALL: JSONObject = {
    "type": "server_tool_call",
    "id": "c",
    "name": "code_interpreter",
    "args": {"code": "1", "language": "PYTHON"},
    "extras": {"signature": "SSSS"},
}
CODE_RESULT = {
    "type": "server_tool_result",
    "tool_call_id": "c",
    "status": "success",
    "output": "1",
    "extras": {"outcome": "OUTCOME_OK", "id_made_up": True},
}
SEARCH: JSONObject = {
    "type": "server_tool_call",
    "id": "s",
    "name": "web_search",
    "args": {},
    "extras": {"tool_type": "GOOGLE_SEARCH_WEB"},
}


def test_what_googles_tools_did_goes_back() -> None:
    assert model(CODE_CALL, CODE_RESULT, SEARCH, {"type": "non_standard", "value": {"text": "x"}}) == [
        {"executableCode": {"id": "c", "code": "1", "language": "PYTHON"}, "thoughtSignature": "SSSS"},
        {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "1"}},
        {"toolCall": {"id": "s", "toolType": "GOOGLE_SEARCH_WEB", "args": {}}},
        {"text": "x"},
    ]


def test_what_cannot_go_back_is_left_out_and_told() -> None:
    foreign: list[JSONObject] = [
        {"type": "server_tool_call", "id": "1", "name": "web_search", "args": {}},
        {"type": "server_tool_result", "tool_call_id": "1", "status": "success", "output": "x"},
    ]
    conversation = spell(HumanMessage("hi"), AIMessage([*foreign, SEARCH, CODE_CALL]), server_parts=False)
    assert [list(part) for part in conversation.contents[1]["parts"]] == [["executableCode", "thoughtSignature"]]
    assert [warning.text for warning in conversation.warnings] == [
        "a server_tool_call block of the history was left out: Google takes none back",
        "a server_tool_result block of the history was left out: Google takes none back",
        "a server_tool_call block of the history was left out: Google takes none back",
    ]


# ---------------------------------------------------------------- media


@pytest.mark.parametrize(
    ("block", "part"),
    [
        (PIXEL, PIXEL_PART),
        ({"type": "image", "url": "data:image/png;base64,AA=="}, PIXEL_PART),
        (
            {"type": "image", "url": "https://x/a.JPG?b"},
            {"fileData": {"mimeType": "image/jpeg", "fileUri": "https://x/a.JPG?b"}},
        ),
        ({"type": "file", "base64": "AA=="}, {"inlineData": {"mimeType": "application/pdf", "data": "AA=="}}),
        ({"type": "text-plain", "base64": "AA=="}, {"inlineData": {"mimeType": "text/plain", "data": "AA=="}}),
        (
            {"type": "text-plain", "url": "gs://b/a.md"},
            {"fileData": {"mimeType": "text/markdown", "fileUri": "gs://b/a.md"}},
        ),
        ({"type": "text-plain", "text": "t", "title": "T", "context": "c"}, {"text": "T\nc\nt"}),
        ({"type": "text-plain", "text": "t"}, {"text": "t"}),
        ({"type": "video", "url": "https://youtu.be/x"}, {"fileData": {"fileUri": "https://youtu.be/x"}}),
        ({"type": "video", "url": "https://x/y.zzz"}, {"fileData": {"fileUri": "https://x/y.zzz"}}),
        (
            {"type": "audio", "file_id": "files/abc", "mime_type": "audio/mp3"},
            {"fileData": {"mimeType": "audio/mp3", "fileUri": f"{FILES}/abc"}},
        ),
        ({"type": "file", "file_id": "abc"}, {"fileData": {"fileUri": f"{FILES}/abc"}}),
        ({"type": "file", "file_id": "https://x/files/abc"}, {"fileData": {"fileUri": "https://x/files/abc"}}),
        (
            {
                "type": "video",
                "url": "gs://b/v.mp4",
                "extras": {"video_metadata": {"fps": 2}, "media_resolution": {"level": "MEDIA_RESOLUTION_LOW"}},
            },
            {
                "fileData": {"mimeType": "video/mp4", "fileUri": "gs://b/v.mp4"},
                "mediaResolution": {"level": "MEDIA_RESOLUTION_LOW"},
                "videoMetadata": {"fps": 2},
            },
        ),
        (
            {"type": "non_standard", "value": {"text": "own", "partMetadata": {"a": 1}}},
            {"text": "own", "partMetadata": {"a": 1}},
        ),
        ({"inline_data": {"mime_type": "image/png", "data": "AA=="}}, PIXEL_PART),
        ({"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}, PIXEL_PART),
    ],
)
def test_media_are_inline_or_an_address(block: JSONObject, part: JSONObject) -> None:
    assert user(block) == [part]


def test_media_of_an_answer_go_back_too() -> None:
    thought = {**PIXEL, "extras": {"signature": "SSSS", "thought": True}}
    assert model(PIXEL, thought) == [PIXEL_PART, {**PIXEL_PART, "thought": True, "thoughtSignature": "SSSS"}]


@pytest.mark.parametrize(
    ("block", "words"),
    [
        ({"type": "image", "base64": "AA=="}, "needs its mime_type"),
        ({"type": "image"}, "needs one of url, base64 or file_id"),
        ({"type": "reasoning", "reasoning": "x"}, "no reasoning block in a user message"),
        ({"type": "text-plain"}, "needs one of url"),
    ],
)
def test_what_cannot_be_spelled_is_named(block: JSONObject, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        user(block)


def test_a_system_message_is_text() -> None:
    with pytest.raises(ConfigurationError, match="no image block in a system message"):
        spell(SystemMessage([PIXEL]))
    assert spell(SystemMessage([{"type": "non_standard", "value": {"text": "x"}}])).system == {"parts": [{"text": "x"}]}


def test_without_a_place_for_files_an_id_of_one_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="knows no file ids"):
        user({"type": "file", "file_id": "abc"}, files_url=None)
