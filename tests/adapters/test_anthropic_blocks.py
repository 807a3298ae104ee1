"""Anthropic's own blocks in the standard form, and back as they came."""

from __future__ import annotations

import json
from typing import Any, cast

import pytest
from anthropic.types.beta.beta_message_param import BetaMessageParam

from tests.adapters.conforms import problem_with
from tests.adapters.recording_kit import CAPTURED, WRITTEN, Recording, message_of, read_recordings, replay
from tidewire.adapters.anthropic_blocks import read_block, read_citation, write_block, write_citation
from tidewire.adapters.anthropic_conversation import Conversation
from tidewire.events.errors import ResponseDecodeError
from tidewire.events.messages import HumanMessage

SEARCH_RESULT = {
    "type": "web_search_result",
    "url": "https://x",
    "title": "X",
    "encrypted_content": "e",
    "page_age": None,
}


@pytest.mark.parametrize(
    ("block", "standard"),
    [
        (
            {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"query": "x"}},
            {"type": "server_tool_call", "id": "s", "name": "web_search", "args": {"query": "x"}},
        ),
        (
            {
                "type": "server_tool_use",
                "id": "s",
                "name": "code_execution",
                "input": {},
                "caller": {"type": "direct"},
            },
            {
                "type": "server_tool_call",
                "id": "s",
                "name": "code_interpreter",
                "args": {},
                "extras": {"caller": {"type": "direct"}, "tool_name": "code_execution"},
            },
        ),
        (
            {"type": "mcp_tool_use", "id": "m", "name": "echo", "server_name": "e", "input": {"a": 1}},
            {
                "type": "server_tool_call",
                "id": "m",
                "name": "remote_mcp",
                "args": {"a": 1},
                "extras": {"server_name": "e", "block_type": "mcp_tool_use", "tool_name": "echo"},
            },
        ),
        (
            {
                "type": "web_search_tool_result",
                "tool_use_id": "s",
                "content": [SEARCH_RESULT],
                "caller": {"type": "direct"},
            },
            {
                "type": "server_tool_result",
                "tool_call_id": "s",
                "status": "success",
                "output": [SEARCH_RESULT],
                "extras": {"block_type": "web_search_tool_result", "caller": {"type": "direct"}},
            },
        ),
        (
            {
                "type": "web_fetch_tool_result",
                "tool_use_id": "s",
                "content": {"type": "web_fetch_tool_result_error", "error_code": "unavailable"},
            },
            {
                "type": "server_tool_result",
                "tool_call_id": "s",
                "status": "error",
                "output": {"type": "web_fetch_tool_result_error", "error_code": "unavailable"},
                "extras": {"block_type": "web_fetch_tool_result"},
            },
        ),
        (
            {"type": "mcp_tool_result", "tool_use_id": "m", "is_error": True, "content": "no"},
            {
                "type": "server_tool_result",
                "tool_call_id": "m",
                "status": "error",
                "output": "no",
                "extras": {"block_type": "mcp_tool_result", "is_error": True},
            },
        ),
        (
            {"type": "redacted_thinking", "data": "xyz"},
            {"type": "reasoning", "extras": {"redacted_data": "xyz"}},
        ),
        (
            {"type": "container_upload", "file_id": "f"},
            {"type": "non_standard", "value": {"type": "container_upload", "file_id": "f"}},
        ),
        (
            {"type": "compaction", "content": None, "signature": "s"},
            {"type": "non_standard", "value": {"type": "compaction", "content": None, "signature": "s"}},
        ),
    ],
)
def test_a_block_has_a_standard_form_and_comes_back_as_it_was(block: dict[str, Any], standard: dict[str, Any]) -> None:
    given = {**block}
    assert read_block(block) == standard
    assert write_block(standard) == block == given


def test_a_server_tools_call_whose_input_was_cut_is_a_piece_and_does_not_go_back() -> None:
    standard = read_block({"type": "mcp_tool_use", "id": "m", "name": "echo", "server_name": "e", "input": '{"a'})
    assert standard == {
        "type": "server_tool_call_chunk",
        "id": "m",
        "name": "remote_mcp",
        "args": '{"a',
        "extras": {"server_name": "e", "block_type": "mcp_tool_use", "tool_name": "echo"},
    }
    assert write_block(standard) is None


def test_a_result_that_does_not_say_whose_it_is_does_not_go_back() -> None:
    assert write_block({"type": "server_tool_result", "tool_call_id": "s", "status": "success", "output": 1}) is None


@pytest.mark.parametrize(
    ("citation", "standard"),
    [
        (
            {
                "type": "web_search_result_location",
                "url": "https://x",
                "title": "X",
                "cited_text": "c",
                "encrypted_index": "e",
            },
            {
                "type": "citation",
                "url": "https://x",
                "title": "X",
                "cited_text": "c",
                "extras": {"type": "web_search_result_location", "encrypted_index": "e"},
            },
        ),
        (
            {
                "type": "char_location",
                "document_index": 0,
                "document_title": None,
                "cited_text": "c",
                "start_char_index": 3,
                "end_char_index": 4,
            },
            {
                "type": "citation",
                "cited_text": "c",
                "extras": {"type": "char_location", "document_index": 0, "start_char_index": 3, "end_char_index": 4},
            },
        ),
        (
            {
                "type": "search_result_location",
                "source": "s",
                "title": "T",
                "cited_text": "c",
                "search_result_index": 0,
                "start_block_index": 0,
                "end_block_index": 1,
            },
            {
                "type": "citation",
                "title": "T",
                "cited_text": "c",
                "extras": {
                    "type": "search_result_location",
                    "source": "s",
                    "search_result_index": 0,
                    "start_block_index": 0,
                    "end_block_index": 1,
                },
            },
        ),
        (
            {"type": "moon_location", "crater": 7},
            {"type": "non_standard_annotation", "value": {"type": "moon_location", "crater": 7}},
        ),
    ],
)
def test_a_citation_has_a_standard_form_and_comes_back_as_it_was(
    citation: dict[str, Any], standard: dict[str, Any]
) -> None:
    assert read_citation(citation) == standard
    assert write_citation(standard) == citation


def test_the_file_that_an_answer_cites_is_not_sent_back() -> None:
    cited = {"type": "page_location", "document_title": "D", "cited_text": "c", "file_id": "f"}
    assert read_citation(cited)["extras"]["file_id"] == "f"
    assert write_citation(read_citation(cited)) == {"type": "page_location", "document_title": "D", "cited_text": "c"}


@pytest.mark.parametrize(
    "block",
    [
        {"type": 7},
        {"type": "server_tool_use", "id": 7},
        {"type": "server_tool_use", "id": "s", "name": "x", "input": [1]},
        {"type": "web_search_tool_result", "tool_use_id": {}},
        {"type": "redacted_thinking", "data": 7},
    ],
)
def test_fields_of_another_type_are_a_decode_error(block: dict[str, Any]) -> None:
    with pytest.raises(ResponseDecodeError, match="must be"):
        read_block(block)


def test_what_a_block_leaves_out_is_empty() -> None:
    assert read_block({"type": "server_tool_use"}) == {"type": "server_tool_call", "id": "", "name": "", "args": {}}


def recorded_replies() -> list[Recording]:
    """The written replies, and the captured ones where they lie."""
    folders = [WRITTEN, CAPTURED] if CAPTURED.is_dir() else [WRITTEN]
    recordings = [recording for folder in folders for recording in read_recordings(folder)]
    return [one for one in recordings if one.api == "anthropic.messages" and not one.expected["error"]]


def without_nothing(value: Any) -> Any:  # noqa: ANN401 - JSON
    """A JSON value without nulls, empty lists of citations, and the cited files, which requests refuse."""
    if isinstance(value, list):
        return [without_nothing(item) for item in cast("list[object]", value)]
    if not isinstance(value, dict):
        return value
    held = cast("dict[str, Any]", value)
    kept = {key: without_nothing(item) for key, item in held.items() if key != "file_id" or "cited_text" not in held}
    return {key: item for key, item in kept.items() if item is not None and (key, item) != ("citations", [])}


def test_an_answer_goes_back_into_the_history_as_it_came() -> None:
    replies = recorded_replies()
    assert replies
    for recording in replies:
        message = message_of(replay(recording, [recording.body]).events)
        message.response_metadata["model_provider"] = "anthropic"
        conversation = Conversation("anthropic", system_in_place=False)
        conversation.add([HumanMessage("a"), message, HumanMessage("b")])
        assert conversation.warnings == []
        sent: str | list[Any] = conversation.turns[1]["content"] if len(conversation.turns) == 3 else []
        blocks = [{"type": "text", "text": sent}] if isinstance(sent, str) else sent
        assert problem_with({"role": "assistant", "content": blocks}, BetaMessageParam) is None, recording.id
        if not recording.streaming:
            came = [block for block in json.loads(recording.body)["content"] if block.get("text", "x").strip()]
            assert without_nothing(blocks) == without_nothing(came), recording.id
