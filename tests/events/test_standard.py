"""Content in the spellings of many providers, as standard blocks."""

from __future__ import annotations

import copy
from typing import cast

import pytest

from tidewire.events.blocks import BLOCK_TYPES, JSONObject
from tidewire.events.errors import ConfigurationError
from tidewire.events.standard import Content, checked_content, standard_blocks

SPELLINGS: dict[str, tuple[JSONObject, JSONObject]] = {
    # OpenAI, chat completions
    "openai image": (
        {"type": "image_url", "image_url": {"url": "https://a.example/i.png", "detail": "low"}},
        {"type": "image", "url": "https://a.example/i.png", "extras": {"detail": "low"}},
    ),
    "openai image as a data url": (
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
        {"type": "image", "base64": "AAAA", "mime_type": "image/png"},
    ),
    "openai image as a data url of text": (
        {"type": "image_url", "image_url": {"url": "data:image/svg+xml,%3Csvg/>"}},
        {"type": "image", "base64": "PHN2Zy8+", "mime_type": "image/svg+xml"},
    ),
    "a data url that is cut": (
        {"type": "image_url", "image_url": {"url": "data:image/png;base64"}},
        {"type": "image", "url": "data:image/png;base64"},
    ),
    "anthropic image as a data url": (
        {"type": "image", "source": {"type": "url", "url": "data:image/png;base64,AAAA"}},
        {"type": "image", "base64": "AAAA", "mime_type": "image/png"},
    ),
    "standard text as a data url": (
        {"type": "text-plain", "url": "data:,a%20b", "title": "T"},
        {"type": "text-plain", "base64": "YSBi", "mime_type": "text/plain", "title": "T"},
    ),
    "standard image as a data url that says its type itself": (
        {"type": "image", "url": "data:;base64,AAAA", "mime_type": "image/png"},
        {"type": "image", "base64": "AAAA", "mime_type": "image/png"},
    ),
    "openai image as a string": (
        {"type": "image_url", "image_url": "https://a.example/i.png"},
        {"type": "image", "url": "https://a.example/i.png"},
    ),
    "openai audio": (
        {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "mp3"}},
        {"type": "audio", "base64": "AAAA", "mime_type": "audio/mpeg"},
    ),
    "openai audio of a new format": (
        {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "aac"}},
        {"type": "audio", "base64": "AAAA", "mime_type": "audio/aac"},
    ),
    "openai file": (
        {"type": "file", "file": {"file_data": "data:application/pdf;base64,AAAA", "filename": "a.pdf"}},
        {"type": "file", "base64": "AAAA", "mime_type": "application/pdf", "extras": {"filename": "a.pdf"}},
    ),
    "openai file without the head": (
        {"type": "file", "file": {"file_data": "AAAA"}},
        {"type": "file", "base64": "AAAA", "mime_type": "application/pdf"},
    ),
    "openai uploaded file": (
        {"type": "file", "file": {"file_id": "file-1"}},
        {"type": "file", "file_id": "file-1"},
    ),
    # OpenAI, responses
    "responses text": ({"type": "input_text", "text": "a"}, {"type": "text", "text": "a"}),
    "responses answer": ({"type": "output_text", "text": "a", "annotations": []}, {"type": "text", "text": "a"}),
    "responses image": (
        {"type": "input_image", "image_url": "https://a.example/i.png", "detail": "high"},
        {"type": "image", "url": "https://a.example/i.png", "extras": {"detail": "high"}},
    ),
    "responses uploaded image": (
        {"type": "input_image", "file_id": "file-1", "detail": "low"},
        {"type": "image", "file_id": "file-1", "extras": {"detail": "low"}},
    ),
    "responses file by url": (
        {"type": "input_file", "file_url": "https://a.example/a.pdf"},
        {"type": "file", "url": "https://a.example/a.pdf"},
    ),
    "responses file": (
        {"type": "input_file", "file_data": "data:text/csv;base64,AAAA", "filename": "a.csv"},
        {"type": "file", "base64": "AAAA", "mime_type": "text/csv", "extras": {"filename": "a.csv"}},
    ),
    "responses text that ends what is cached": (
        {"type": "input_text", "text": "a", "prompt_cache_breakpoint": {"mode": "explicit"}},
        {"type": "text", "text": "a", "extras": {"prompt_cache_breakpoint": {"mode": "explicit"}}},
    ),
    "responses file and how closely it is looked at": (
        {"type": "input_file", "file_id": "file-1", "detail": "low"},
        {"type": "file", "file_id": "file-1", "extras": {"detail": "low"}},
    ),
    # hosts of OpenAI's format
    "a video by its address": (
        {"type": "video_url", "video_url": {"url": "https://a.example/v.mp4"}, "cache_control": {"type": "ephemeral"}},
        {"type": "video", "url": "https://a.example/v.mp4", "extras": {"cache_control": {"type": "ephemeral"}}},
    ),
    "a document by its address": (
        {"type": "document_url", "document_url": "https://a.example/a.pdf", "document_name": "a.pdf"},
        {"type": "file", "url": "https://a.example/a.pdf", "extras": {"filename": "a.pdf"}},
    ),
    # Anthropic
    "anthropic image": (
        {
            "type": "image",
            "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"},
            "cache_control": {"type": "ephemeral"},
        },
        {
            "type": "image",
            "base64": "AAAA",
            "mime_type": "image/png",
            "extras": {"cache_control": {"type": "ephemeral"}},
        },
    ),
    "anthropic image by url": (
        {"type": "image", "source": {"type": "url", "url": "https://a.example/i.png"}},
        {"type": "image", "url": "https://a.example/i.png"},
    ),
    "anthropic uploaded image": (
        {"type": "image", "source": {"type": "file", "file_id": "f1"}},
        {"type": "image", "file_id": "f1"},
    ),
    "anthropic document": (
        {
            "type": "document",
            "source": {"type": "base64", "media_type": "application/pdf", "data": "AAAA"},
            "title": "T",
            "citations": {"enabled": True},
        },
        {
            "type": "file",
            "base64": "AAAA",
            "mime_type": "application/pdf",
            "extras": {"citations": {"enabled": True}, "title": "T"},
        },
    ),
    "anthropic text document": (
        {
            "type": "document",
            "source": {"type": "text", "media_type": "text/plain", "data": "words"},
            "title": "T",
            "context": "C",
            "citations": {"enabled": True},
        },
        {
            "type": "text-plain",
            "text": "words",
            "mime_type": "text/plain",
            "title": "T",
            "context": "C",
            "extras": {"citations": {"enabled": True}},
        },
    ),
    "anthropic thinking": (
        {"type": "thinking", "thinking": "hm", "signature": "s"},
        {"type": "reasoning", "reasoning": "hm", "extras": {"signature": "s"}},
    ),
    "anthropic redacted thinking": (
        {"type": "redacted_thinking", "data": "xyz"},
        {"type": "reasoning", "extras": {"redacted_data": "xyz"}},
    ),
    "anthropic tool use": (
        {"type": "tool_use", "id": "t", "name": "f", "input": {"x": 1}},
        {"type": "tool_call", "id": "t", "name": "f", "args": {"x": 1}},
    ),
    "anthropic tool use by code": (
        {"type": "tool_use", "id": "t", "name": "f", "input": {}, "caller": {"type": "direct"}},
        {"type": "tool_call", "id": "t", "name": "f", "args": {}, "extras": {"caller": {"type": "direct"}}},
    ),
    # the older standard form
    "older base64": (
        {"type": "image", "source_type": "base64", "data": "AAAA", "mime_type": "image/png"},
        {"type": "image", "base64": "AAAA", "mime_type": "image/png"},
    ),
    "older url": ({"type": "audio", "source_type": "url", "url": "u"}, {"type": "audio", "url": "u"}),
    "older id": (
        {"type": "file", "source_type": "id", "id": "f1", "filename": "a.pdf"},
        {"type": "file", "file_id": "f1", "extras": {"filename": "a.pdf"}},
    ),
    "older text": (
        {"type": "file", "source_type": "text", "text": "a", "mime_type": "text/markdown"},
        {"type": "text-plain", "text": "a", "mime_type": "text/markdown"},
    ),
    # Gemini
    "gemini text": ({"text": "a"}, {"type": "text", "text": "a"}),
    "gemini blob": (
        {"inline_data": {"mime_type": "image/png", "data": "AAAA"}},
        {"type": "image", "base64": "AAAA", "mime_type": "image/png"},
    ),
    "gemini blob in camel case, of bytes": (
        {"inlineData": {"mimeType": "application/pdf", "data": b"\0\0\0"}},
        {"type": "file", "base64": "AAAA", "mime_type": "application/pdf"},
    ),
    "gemini file": (
        {"file_data": {"mime_type": "video/mp4", "file_uri": "gs://a"}},
        {"type": "video", "url": "gs://a", "mime_type": "video/mp4"},
    ),
    "gemini file in camel case, of no type": (
        {"fileData": {"fileUri": "gs://a"}},
        {"type": "file", "url": "gs://a"},
    ),
    "gemini video and what of it is looked at": (
        {
            "file_data": {"mime_type": "video/mp4", "file_uri": "gs://a", "display_name": "a.mp4"},
            "video_metadata": {"fps": 2},
            "mediaResolution": {"level": "MEDIA_RESOLUTION_LOW"},
        },
        {
            "type": "video",
            "url": "gs://a",
            "mime_type": "video/mp4",
            "extras": {
                "filename": "a.mp4",
                "media_resolution": {"level": "MEDIA_RESOLUTION_LOW"},
                "video_metadata": {"fps": 2},
            },
        },
    ),
    # Bedrock Converse
    "converse image": (
        {"image": {"format": "png", "source": {"bytes": b"\0\0\0"}}},
        {"type": "image", "base64": "AAAA", "mime_type": "image/png"},
    ),
    "converse document": (
        {"document": {"format": "pdf", "name": "a", "source": {"bytes": "AAAA"}}},
        {"type": "file", "base64": "AAAA", "mime_type": "application/pdf", "extras": {"filename": "a.pdf"}},
    ),
    "converse document to be cited": (
        {
            "document": {
                "format": "pdf",
                "name": "a",
                "source": {"s3Location": {"uri": "s3://a", "bucketOwner": "1"}},
                "context": "C",
                "citations": {"enabled": True},
            }
        },
        {
            "type": "file",
            "url": "s3://a",
            "mime_type": "application/pdf",
            "extras": {"filename": "a.pdf", "context": "C", "citations": {"enabled": True}, "bucketOwner": "1"},
        },
    ),
    "converse document of text": (
        {"document": {"format": "md", "name": "a", "source": {"text": "words"}}},
        {"type": "text-plain", "text": "words", "mime_type": "text/markdown", "extras": {"filename": "a.md"}},
    ),
    "converse video": (
        {"video": {"format": "mov", "source": {"s3Location": {"uri": "s3://a"}}}},
        {"type": "video", "url": "s3://a", "mime_type": "video/quicktime"},
    ),
    "converse audio": (
        {"audio": {"format": "mp3", "source": {"bytes": "AAAA"}}},
        {"type": "audio", "base64": "AAAA", "mime_type": "audio/mpeg"},
    ),
    "converse audio in a box": (
        {"audio": {"format": "mkv", "source": {"bytes": "AAAA"}}},
        {"type": "audio", "base64": "AAAA", "mime_type": "audio/mkv"},
    ),
}

UNKNOWN: dict[str, JSONObject] = {
    "a new type": {"type": "hologram", "data": 1},
    "no type": {"data": 1},
    "a type that is no text": {"type": 5},
    "two things in one part": {"text": "a", "thought": True},
    "an image without an address": {"type": "image_url", "image_url": {}},
    "an image without anything": {"type": "input_image"},
    "audio without data": {"type": "input_audio", "input_audio": {"format": "mp3"}},
    "a file without anything": {"type": "file", "file": {}},
    "a source of a new kind": {"type": "image", "source": {"type": "ftp"}},
    "a source that is none": {"type": "image", "source": "here"},
    "an older form of a new kind": {"type": "image", "source_type": "ftp"},
    "a text that is none": {"type": "input_text", "text": 5},
    "a tool use without input": {"type": "tool_use", "name": "f"},
    "a blob without data": {"inline_data": {"mime_type": "image/png"}},
    "a file without an address": {"file_data": {}},
    "a video with more to say": {"type": "video_url", "video_url": {"url": "u"}, "fps": 2},
    "a video with more to say inside": {"type": "video_url", "video_url": {"url": "u", "fps": 2}},
    "a document without an address": {"type": "document_url", "document_url": 5},
    "a converse image without a source": {"image": {"format": "png"}},
    "a converse image from nowhere": {"image": {"format": "png", "source": {}}},
    "a converse document of parts": {"document": {"format": "txt", "name": "a", "source": {"content": []}}},
    "a converse point to cache": {"cachePoint": {"type": "default"}},
    "a standard text without text": {"type": "text"},
    "a standard call without arguments": {"type": "tool_call", "name": "f", "args": "{}"},
    "a standard server call without a name": {"type": "server_tool_call", "args": {}},
    "a standard result of no call": {"type": "server_tool_result"},
    "a standard block of no standard without its value": {"type": "non_standard"},
}

STANDARD: list[JSONObject] = [
    {"type": "text", "text": "a", "annotations": [{"type": "citation", "url": "u"}], "cache_control": {}},
    {"type": "reasoning", "reasoning": "a", "extras": {"signature": "s"}},
    {"type": "tool_call", "id": "1", "name": "f", "args": {}},
    {"type": "tool_call_chunk", "id": "1", "name": "f", "args": "{", "index": 0},
    {"type": "invalid_tool_call", "id": "1", "name": "f", "args": "{", "error": "e"},
    {"type": "server_tool_call", "id": "1", "name": "f", "args": {}},
    {"type": "server_tool_call_chunk", "args": "{"},
    {"type": "server_tool_result", "tool_call_id": "1", "status": "success"},
    {"type": "image", "url": "u"},
    {"type": "audio", "base64": "AAAA", "mime_type": "audio/wav"},
    {"type": "video", "file_id": "f"},
    {"type": "file", "url": "u", "mime_type": "application/pdf"},
    {"type": "text-plain", "text": "a"},
    {"type": "non_standard", "value": {"a": 1}},
]


@pytest.mark.parametrize("name", SPELLINGS)
def test_a_known_spelling_becomes_a_standard_block(name: str) -> None:
    given, expected = SPELLINGS[name]
    before = copy.deepcopy(given)
    assert standard_blocks([given]) == [expected]
    assert given == before
    assert standard_blocks(cast("Content", standard_blocks([given]))) == [expected]


@pytest.mark.parametrize("name", UNKNOWN)
def test_what_is_not_known_is_passed_on_as_it_is(name: str) -> None:
    assert standard_blocks([UNKNOWN[name]]) == [{"type": "non_standard", "value": UNKNOWN[name]}]


@pytest.mark.parametrize("block", STANDARD, ids=[str(block["type"]) for block in STANDARD])
def test_a_standard_block_stays_as_it_is(block: JSONObject) -> None:
    (found,) = standard_blocks([block])
    assert found == block
    assert found is not block


def test_the_table_of_standard_blocks_is_whole() -> None:
    assert {block["type"] for block in STANDARD} == BLOCK_TYPES


def test_what_a_call_may_leave_out_is_filled_in() -> None:
    assert standard_blocks([{"type": "tool_call", "name": "f", "args": {}}, {"type": "tool_call_chunk"}]) == [
        {"type": "tool_call", "id": None, "name": "f", "args": {}},
        {"type": "tool_call_chunk", "id": None, "name": None, "args": None},
    ]


def test_a_text_is_one_block_and_no_text_none() -> None:
    assert standard_blocks("a") == [{"type": "text", "text": "a"}]
    assert standard_blocks("") == []
    assert standard_blocks(["a", ""]) == [{"type": "text", "text": "a"}, {"type": "text", "text": ""}]
    assert standard_blocks(part for part in ("a",)) == [{"type": "text", "text": "a"}]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (5, "not int"),
        (None, "not NoneType"),
        (b"bytes", "not bytes"),
        ({"type": "text", "text": "alone"}, "not dict"),
        (["a", 5], "part 1 of the content is of type int"),
        ([["a"]], "part 0 of the content is of type list"),
    ],
    ids=["number", "none", "bytes", "a block alone", "a number in it", "a list in it"],
)
def test_what_is_no_content_is_refused_with_its_place(content: object, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        checked_content(content)
