from typing import Any

import pytest

from tidewire.events import block_makers as make
from tidewire.events.errors import ConfigurationError
from tidewire.events.messages import HumanMessage
from tidewire.events.standard import standard_blocks

MADE: list[tuple[Any, dict[str, Any]]] = [
    (make.create_text_block("hi"), {"type": "text", "text": "hi"}),
    (
        make.create_text_block("hi", id="1", index=0, annotations=[make.create_citation(url="https://a")], cache=True),
        {
            "type": "text",
            "text": "hi",
            "id": "1",
            "annotations": [{"type": "citation", "url": "https://a"}],
            "index": 0,
            "extras": {"cache": True},
        },
    ),
    (
        make.create_reasoning_block("hm", signature="s"),
        {"type": "reasoning", "reasoning": "hm", "extras": {"signature": "s"}},
    ),
    (make.create_reasoning_block(), {"type": "reasoning", "reasoning": ""}),
    (make.create_image_block(url="https://a"), {"type": "image", "url": "https://a"}),
    (make.create_image_block(base64="aGk="), {"type": "image", "base64": "aGk="}),
    (
        make.create_audio_block(base64="aGk=", mime_type="audio/wav"),
        {"type": "audio", "base64": "aGk=", "mime_type": "audio/wav"},
    ),
    (make.create_video_block(file_id="f"), {"type": "video", "file_id": "f"}),
    (
        make.create_file_block(url="https://a", filename="a.pdf"),
        {"type": "file", "url": "https://a", "extras": {"filename": "a.pdf"}},
    ),
    (
        make.create_plaintext_block("notes", title="t"),
        {"type": "text-plain", "mime_type": "text/plain", "text": "notes", "title": "t"},
    ),
    (
        make.create_plaintext_block(url="https://a"),
        {"type": "text-plain", "mime_type": "text/plain", "url": "https://a"},
    ),
    (
        make.create_tool_call("f", {"x": 1}, id="1"),
        {"type": "tool_call", "name": "f", "args": {"x": 1}, "id": "1"},
    ),
    (make.create_citation(start_index=0, end_index=2), {"type": "citation", "start_index": 0, "end_index": 2}),
    (make.create_non_standard_block({"a": 1}), {"type": "non_standard", "value": {"a": 1}}),
]  # fmt: skip


@pytest.mark.parametrize(("made", "written"), MADE)
def test_a_block_that_is_made_is_the_block_that_one_would_write(made: dict[str, Any], written: dict[str, Any]) -> None:
    assert made == written
    if made["type"] != "citation":
        assert standard_blocks(HumanMessage(content_blocks=[made]).content) == [made]  # type: ignore[list-item]  # pyright: ignore[reportArgumentType]  # on purpose


@pytest.mark.parametrize(
    ("maker", "arguments", "match"),
    [
        (make.create_image_block, {}, "one of url, base64, file_id; got none"),
        (make.create_image_block, {"url": "https://a", "file_id": "f"}, "'url', 'file_id'"),
        (make.create_audio_block, {"base64": "aGk="}, "needs its mime_type"),
        (make.create_plaintext_block, {}, "got none"),
        (make.create_plaintext_block, {"text": "a", "url": "https://a"}, "one of url"),
    ],
)
def test_a_block_that_nobody_could_read_is_refused(maker: Any, arguments: dict[str, Any], match: str) -> None:  # noqa: ANN401 - any of them
    with pytest.raises(ConfigurationError, match=match):
        maker(**arguments)
