"""Spellings of content that several providers share."""

from __future__ import annotations

import base64
import binascii

from tidewire.events.blocks import JSONObject
from tidewire.events.errors import ConfigurationError

#: What a block's bytes are when it does not say.
_USUAL_TYPES = {
    "image": "image/png",
    "audio": "audio/wav",
    "video": "video/mp4",
    "file": "application/pdf",
    "text-plain": "text/plain",
}


def data_url(block: JSONObject) -> str:
    """The bytes of a block that has ``base64`` as an address of their own: ``data:image/png;base64,…``."""
    return f"data:{block.get('mime_type') or _USUAL_TYPES[block['type']]};base64,{block['base64']}"


def plain_text(block: JSONObject, provider: str) -> str:
    """The text of a ``text-plain`` block, for formats that know no such thing and take it as text.

    Raises:
        ConfigurationError: The block has neither ``text`` nor ``base64`` in UTF-8.
    """
    text = block.get("text")
    if isinstance(text, str):
        return text
    if "base64" not in block:
        raise ConfigurationError(f"{provider} takes a text-plain block as text or base64, not by its URL")
    try:
        return base64.b64decode(block["base64"], validate=True).decode()
    except (binascii.Error, UnicodeDecodeError) as wrong:
        raise ConfigurationError("a text-plain block's base64 is not the base64 of a UTF-8 text") from wrong


__all__ = ["data_url", "plain_text"]
