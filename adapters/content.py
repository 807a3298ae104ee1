"""Spellings of content that several providers share."""

from __future__ import annotations

import base64
import binascii
import re
import zlib
from typing import cast

from tidewire.adapters.json_text import object_of
from tidewire.events.blocks import JSON, JSONObject
from tidewire.events.errors import ConfigurationError
from tidewire.events.messages import AIMessage

#: What a block's bytes are when it does not say.
_USUAL_TYPES = {
    "image": "image/png",
    "audio": "audio/wav",
    "video": "video/mp4",
    "file": "application/pdf",
    "text-plain": "text/plain",
}

#: How names of files end.
_ENDINGS = {
    "application/json": ".json",
    "application/pdf": ".pdf",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": ".pptx",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": ".xlsx",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": ".docx",
    "text/csv": ".csv",
    "text/html": ".html",
    "text/markdown": ".md",
    "text/plain": ".txt",
}

_BAD_ID = re.compile(r"[^a-zA-Z0-9_-]")
_ID_LENGTH = 64

#: Where the clouds keep files: only some servers open what lies there.
_STORES = ("gs://", "s3://")


def data_url(block: JSONObject) -> str:
    """The bytes of a block that has ``base64`` as an address of their own: ``data:image/png;base64,…``."""
    return f"data:{block.get('mime_type') or _USUAL_TYPES[block['type']]};base64,{block['base64']}"


def plain_text(block: JSONObject, provider: str) -> str:
    """The title, the context and the text of a ``text-plain`` block, for formats that take it as text.

    Raises:
        ConfigurationError: The block has neither ``text`` nor ``base64`` in UTF-8.
    """
    told = (field_of(block, "title"), field_of(block, "context"), _text_of(block, provider))
    return "\n".join(text for text in told if isinstance(text, str) and text)


def _text_of(block: JSONObject, provider: str) -> str:
    text = block.get("text")
    if isinstance(text, str):
        return text
    if "base64" not in block:
        raise ConfigurationError(f"{provider} takes a text-plain block as text or base64, not by its URL")
    try:
        return base64.b64decode(block["base64"], validate=True).decode()
    except (binascii.Error, UnicodeDecodeError) as wrong:
        raise ConfigurationError("a text-plain block's base64 is not the base64 of a UTF-8 text") from wrong


def web_address(block: JSONObject, provider: str, *, opens: tuple[str, ...] = ()) -> str:
    """The address of a block that has ``url``, for servers that fetch it themselves.

    Args:
        block: The block.
        provider: Whose servers, for the message.
        opens: The clouds' stores that they open, such as ``gs://``.

    Raises:
        ConfigurationError: It is in a cloud's store that they do not open.
    """
    url = str(block["url"])
    for store in _STORES:
        if url.startswith(store) and store not in opens:
            raise ConfigurationError(
                f"{provider} takes no {block['type']} block from {store}…; give an address on the web, or base64"
            )
    return url


def file_name(block: JSONObject) -> str:
    """The name of a document, as its block says, or one that fits its type."""
    found = field_of(block, "filename") or field_of(block, "title")
    if isinstance(found, str):
        return found
    return "document" + _ENDINGS.get(block.get("mime_type") or _USUAL_TYPES[block["type"]], "")


def answer_blocks(message: AIMessage, *, own: bool) -> list[JSONObject]:
    """The blocks of an answer; what the model of another provider refused with is a text like any other."""
    blocks = cast("list[JSONObject]", message.content_blocks)
    return blocks if own else [_as_text(block) for block in blocks]


def _as_text(block: JSONObject) -> JSONObject:
    value = object_of(block.get("value"))
    if block["type"] == "non_standard" and value.get("type") == "refusal" and isinstance(value.get("refusal"), str):
        return {"type": "text", "text": value["refusal"]}
    return block


def plain_id(id: str | None) -> str:
    """The id of a call in up to 64 letters, digits, ``_`` and ``-``, the same for a call and its result."""
    given = id or ""
    if given and len(given) <= _ID_LENGTH and not _BAD_ID.search(given):
        return given
    start = _BAD_ID.sub("_", given)[: _ID_LENGTH - 9] or "call"
    return f"{start}_{zlib.crc32(given.encode('utf-8', 'replace')):08x}"


def field_of(block: JSONObject, key: str) -> JSON:
    """A field that only some providers know: users write it on the block itself, or in its ``extras``."""
    found = block.get(key)
    return found if found is not None else object_of(block.get("extras")).get(key)


__all__ = ["answer_blocks", "data_url", "field_of", "file_name", "plain_id", "plain_text", "web_address"]
