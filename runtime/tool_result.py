"""What a tool gave back, as the content of a message."""

from __future__ import annotations

import json
from typing import Any, TypeAlias, cast

import msgspec

from tidewire.adapters.schema_check import is_array
from tidewire.events.blocks import BLOCK_TYPES, JSON, JSONObject
from tidewire.events.messages import ToolMessage
from tidewire.pydantic_types import plain

#: The content of a message.
Content: TypeAlias = str | list[str | JSONObject]

# Blocks in the spelling of one provider or another, which messages turn into standard ones.
_BLOCKS = BLOCK_TYPES | {"image_url", "json", "search_result", "document", "input_image", "input_file", "input_audio"}


def content_of_result(result: JSON) -> Content:
    """A result as content: texts and lists of blocks as they are, all else as JSON, or failing that as its ``str``."""
    if isinstance(result, str):
        return result
    if is_array(result) and result and all(map(_is_block, result)):
        return result
    try:
        return json.dumps(msgspec.to_builtins(result, str_keys=True, enc_hook=plain), ensure_ascii=False)
    except (TypeError, ValueError, RecursionError):
        return str(result)


def message_of_result(
    result: JSON, artifact: JSON, *, tool: str, tool_call_id: str, status: str = "success"
) -> ToolMessage:
    """The message that tells a model what its call gave; a message that the tool made itself is taken as it is."""
    if isinstance(result, ToolMessage):
        return result
    content = cast("Any", content_of_result(result))
    return ToolMessage(content, name=tool, tool_call_id=tool_call_id, artifact=artifact, status=status)


def _is_block(item: object) -> bool:
    return isinstance(item, str) or (isinstance(item, dict) and cast("JSONObject", item).get("type") in _BLOCKS)


__all__ = ["Content", "content_of_result", "message_of_result"]
