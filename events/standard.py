"""Content as users write it, in whatever provider's spelling they know, as standard blocks.

Known besides the standard form (and the older one with ``source_type``): OpenAI's content parts (chat and Responses),
Anthropic's blocks, Gemini's and Bedrock Converse's parts. What is none of these becomes a ``non_standard`` block and is
passed on as it is.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias, cast
from urllib.parse import unquote_to_bytes

from tidewire.events.blocks import BLOCK_TYPES, JSON, ContentBlock, JSONObject
from tidewire.events.errors import ConfigurationError
from tidewire.events.spellings import CACHE_MARKS, MEDIA, read_part

#: What the ``content`` of a message may be.
Content: TypeAlias = str | Iterable[str | Mapping[str, Any]]

# What everybody reads of a standard block, and what it may leave out.
_NEEDED: dict[str, dict[str, type]] = {
    "text": {"text": str},
    "tool_call": {"name": str, "args": dict},
    "server_tool_call": {"name": str, "args": dict},
    "server_tool_result": {"tool_call_id": str},
    "non_standard": {"value": dict},
}
_ABSENT: dict[str, JSONObject] = {
    "tool_call": {"id": None},
    "tool_call_chunk": {"id": None, "name": None, "args": None},
    "invalid_tool_call": {"id": None, "name": None, "args": None, "error": None},
}


def checked_content(content: object) -> str | list[str | JSONObject]:
    """The content as a message keeps it: a text, or a new list of texts and dicts.

    Raises:
        ConfigurationError: It is something else, or a part of it is; says which.
    """
    if isinstance(content, str):
        return content
    kind = type(content).__name__
    # A dict is a block that stands alone: iterated, it would give its keys, and bytes their numbers.
    if not isinstance(content, Iterable) or isinstance(content, (Mapping, bytes, bytearray)):
        raise ConfigurationError(f"content is a text or a list of texts and blocks, not {kind}")
    parts: list[str | JSONObject] = []
    for place, part in enumerate(cast("Iterable[object]", content)):
        if isinstance(part, str):
            parts.append(part)
        elif isinstance(part, Mapping):
            parts.append(dict(cast("Mapping[str, JSON]", part)))
        else:
            raise ConfigurationError(f"part {place} of the content is of type {type(part).__name__}, no text or dict")
    return parts


def standard_blocks(content: Content) -> list[ContentBlock]:
    """The standard blocks of a content; the given value is not changed.

    Raises:
        ConfigurationError: A part is neither a text nor a dict.
    """
    parts = checked_content(content)
    if isinstance(parts, str):
        return [{"type": "text", "text": parts}] if parts else []
    return [{"type": "text", "text": part} if isinstance(part, str) else _standard(part) for part in parts]


def _standard(part: JSONObject) -> ContentBlock:
    kind = part.get("type")
    if isinstance(kind, str) and kind in BLOCK_TYPES and not _is_foreign(kind, part):
        return _complete(kind, part)
    block = read_part(part)
    if block is None:
        return {"type": "non_standard", "value": part}
    block = _without_data_url(block)
    kept = {key: part[key] for key in CACHE_MARKS if key in part}
    if kept:
        block["extras"] = {**block.get("extras", {}), **kept}
    return cast("ContentBlock", block)


def _complete(kind: str, part: JSONObject) -> ContentBlock:
    """A block in the standard form; one that lacks what everybody reads of its kind is passed on as it is."""
    for field, expected in _NEEDED.get(kind, {}).items():
        if not isinstance(part.get(field), expected):
            return {"type": "non_standard", "value": part}
    return cast("ContentBlock", {**_ABSENT.get(kind, {}), **_without_data_url(part)})


def _without_data_url(block: JSONObject) -> JSONObject:
    """The block with the bytes that its address holds, if it is one that does: ``data:image/png;base64,…``."""
    url = block.get("url")
    if not isinstance(url, str) or not url.startswith("data:") or "," not in url:
        return block
    head, _, data = url.removeprefix("data:").partition(",")
    if not head.endswith(";base64"):
        data = b64encode(unquote_to_bytes(data)).decode()
    found: JSONObject = {**block, "base64": data}
    found.setdefault("mime_type", head.removesuffix(";base64") or "text/plain")
    del found["url"]
    return found


def _is_foreign(kind: str, part: JSONObject) -> bool:
    """Spellings whose ``type`` a standard block has too: Anthropic's image source, OpenAI's file object."""
    return kind in MEDIA and ("source" in part or "source_type" in part or kind in part)


__all__ = ["Content", "checked_content", "standard_blocks"]
