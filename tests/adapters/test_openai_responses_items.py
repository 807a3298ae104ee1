"""The items that only the provider knows: in the standard form and back."""

from __future__ import annotations

from typing import Any, cast

import pytest
from openai.types.responses.response_input_item_param import ResponseInputItemParam

from tests.adapters.conforms import problem_with
from tests.adapters.recording_kit import WRITTEN, message_of, read_recordings, replay
from tidewire.adapters.openai_responses_items import (
    add_output,
    read_annotation,
    read_item,
    write_annotation,
    write_item,
)

Json = dict[str, Any]
SEARCH: Json = {
    "type": "web_search_call",
    "id": "ws_1",
    "status": "completed",
    "action": {"type": "search", "query": "a", "sources": [{"type": "url", "url": "u"}]},
}
FILES: Json = {
    "type": "file_search_call",
    "id": "fs_1",
    "status": "completed",
    "queries": ["a"],
    "results": [{"text": "b"}],
}
CODE: Json = {
    "type": "code_interpreter_call",
    "id": "ci_1",
    "status": "completed",
    "code": "1 + 1",
    "container_id": "cntr_1",
    "outputs": [{"type": "logs", "logs": "2"}],
}
MCP: Json = {
    "type": "mcp_call",
    "id": "mcp_1",
    "status": "completed",
    "server_label": "wiki",
    "name": "ask",
    "arguments": '{"q":"a"}',
    "output": "b",
    "error": None,
}
FAILED: Json = {
    **MCP,
    "status": "failed",
    "output": None,
    "error": {"type": "mcp_protocol_error", "code": 1, "message": "down"},
}
IMAGE: Json = {
    "type": "image_generation_call",
    "id": "ig_1",
    "status": "completed",
    "output_format": "jpeg",
    "result": "/9j/AAAA",
    "revised_prompt": "A cat",
}


@pytest.mark.parametrize(
    ("item", "name", "args", "status", "output"),
    [
        (SEARCH, "web_search", {"type": "search", "query": "a"}, "success", [{"type": "url", "url": "u"}]),
        (FILES, "file_search", {"queries": ["a"]}, "success", [{"text": "b"}]),
        (CODE, "code_interpreter", {"code": "1 + 1"}, "success", [{"type": "logs", "logs": "2"}]),
        (MCP, "remote_mcp", {"q": "a"}, "success", "b"),
        (FAILED, "remote_mcp", {"q": "a"}, "error", {"type": "mcp_protocol_error", "code": 1, "message": "down"}),
    ],
)
def test_a_server_tool_is_a_call_and_its_result_and_goes_back_as_it_came(
    item: Json, name: str, args: Json, status: str, output: object
) -> None:
    call, result = read_item(item)
    assert (call["name"], call["args"], call["id"]) == (name, args, item["id"])
    assert result == {
        "type": "server_tool_result",
        "tool_call_id": item["id"],
        "status": status,
        "output": output,
    }
    written = cast("Json", write_item(call))
    add_output(written, result)
    assert written == item
    assert problem_with(written, ResponseInputItemParam) is None


def test_a_server_tool_that_says_little_is_a_call_all_the_same() -> None:
    assert read_item({"type": "web_search_call", "call_id": "c", "action": None, "status": "failed"}) == [
        {
            "type": "server_tool_call",
            "id": "c",
            "name": "web_search",
            "args": {},
            "extras": {"item": {"type": "web_search_call", "call_id": "c", "action": None, "status": "failed"}},
        },
        {"type": "server_tool_result", "tool_call_id": "c", "status": "error"},
    ]
    xai = {"type": "code_interpreter_call", "id": "fc_1", "call_id": "", "arguments": '{"code":"1"}', "name": "run"}
    assert read_item(xai)[0]["args"] == {"code": "1"}
    assert read_item({"type": "mcp_call", "arguments": "{cut"})[0]["args"] == {"input": "{cut"}
    assert read_item({"type": "x_search_call", "input": "a"})[0]["id"] == ""


def test_an_image_is_an_image_and_goes_back_as_it_came() -> None:
    (block,) = read_item(IMAGE)
    assert block == {
        "type": "image",
        "id": "ig_1",
        "base64": "/9j/AAAA",
        "mime_type": "image/jpeg",
        "extras": {
            "block_type": "image_generation_call",
            "status": "completed",
            "output_format": "jpeg",
            "revised_prompt": "A cat",
        },
    }
    assert write_item(block) == IMAGE
    assert problem_with(IMAGE, ResponseInputItemParam) is None


@pytest.mark.parametrize(
    ("form", "data", "mime_type"),
    [
        ("svg", "PHN2Zw==", "image/svg+xml"),
        ("webp", "AAAA", "image/webp"),
        (None, "/9j/AAAA", "image/jpeg"),
        (None, "UklGRiQA", "image/webp"),
        (None, "R0lGODlh", "image/gif"),
        (None, "iVBORw0K", "image/png"),
    ],
)
def test_the_kind_of_an_image_is_said_or_seen(form: str | None, data: str, mime_type: str) -> None:
    (block,) = read_item({"type": "image_generation_call", "output_format": form, "result": data})
    assert block["mime_type"] == mime_type


@pytest.mark.parametrize(
    "item",
    [
        {"type": "image_generation_call", "id": "ig_1", "result": None, "status": "failed"},
        {"type": "image_generation_call", "id": "ig_1", "result": ""},
        {"type": "computer_call", "call_id": "c", "action": {"type": "screenshot"}},
        {"type": "local_shell_call", "call_id": "c"},
        {"type": "apply_patch_call", "call_id": "c"},
        {"type": "mcp_list_tools", "id": "m", "tools": []},
        {"type": "mcp_approval_request", "id": "m"},
        {"type": ["odd"]},
        {},
    ],
)
def test_everything_else_is_kept_as_it_is(item: Json) -> None:
    assert read_item(item) == [{"type": "non_standard", "value": item}]


def test_blocks_that_are_not_of_our_making_have_no_item() -> None:
    assert write_item({"type": "server_tool_call", "id": "a", "name": "web_search", "args": {}}) is None
    assert write_item({"type": "image", "id": "a", "base64": "AAAA"}) is None
    assert write_item({"type": "image", "base64": "AAAA", "extras": {"block_type": "image_generation_call"}}) is None
    bare = {"type": "image", "id": "a", "base64": "AAAA", "extras": {"block_type": "image_generation_call"}}
    assert write_item(bare) == {"type": "image_generation_call", "id": "a", "status": "completed", "result": "AAAA"}
    whole = dict(SEARCH)
    add_output(whole, {"output": "changed"})
    assert whole == SEARCH


@pytest.mark.parametrize(
    ("annotation", "citation"),
    [
        (
            {"type": "url_citation", "url": "u", "title": "t", "start_index": 1, "end_index": 2},
            {"type": "citation", "url": "u", "title": "t", "start_index": 1, "end_index": 2},
        ),
        (
            {"type": "file_citation", "file_id": "f", "filename": "a.pdf", "index": 3},
            {
                "type": "citation",
                "title": "a.pdf",
                "extras": {"type": "file_citation", "file_id": "f", "index": 3},
            },
        ),
        (
            {
                "type": "container_file_citation",
                "container_id": "c",
                "file_id": "f",
                "filename": "a.png",
                "start_index": 0,
                "end_index": 5,
            },
            {
                "type": "citation",
                "title": "a.png",
                "start_index": 0,
                "end_index": 5,
                "extras": {"type": "container_file_citation", "container_id": "c", "file_id": "f"},
            },
        ),
        (
            {"type": "file_path", "file_id": "f", "index": 3},
            {"type": "citation", "extras": {"type": "file_path", "file_id": "f", "index": 3}},
        ),
        (
            {"type": "url_citation", "url": 7, "title": "t", "score": 0.5},
            {"type": "citation", "title": "t", "extras": {"url": 7, "score": 0.5}},
        ),
        ({"type": "newer", "a": 1}, {"type": "non_standard_annotation", "value": {"type": "newer", "a": 1}}),
        ({"type": ["odd"]}, {"type": "non_standard_annotation", "value": {"type": ["odd"]}}),
    ],
)
def test_an_annotation_is_a_citation_and_goes_back_as_it_came(annotation: Json, citation: Json) -> None:
    assert read_annotation(annotation) == citation
    assert write_annotation(citation) == annotation


def test_every_item_of_the_written_recordings_keeps_its_kind() -> None:
    found = {one.id: one for one in read_recordings(WRITTEN / "openai_responses")}
    blocks = message_of(replay(found["server-tools-plain"], [found["server-tools-plain"].body]).events).content_blocks
    assert [block.get("name", block["type"]) for block in blocks if block["type"] != "server_tool_result"] == [
        "file_search",
        "code_interpreter",
        "non_standard",
        "remote_mcp",
        "remote_mcp",
        "non_standard",
        "text",
    ]
