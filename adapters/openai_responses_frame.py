"""What is read of a response and of a streamed one's frames: the fields in use.

Fields whose type is not the format's to say, or only another item's, are ``JSON``, and the code that uses them looks.
"""

from __future__ import annotations

from typing import TypeVar

import msgspec

from tidewire.adapters.json_text import lenient_json
from tidewire.adapters.openai_chat_chunk import UNREADABLE
from tidewire.adapters.status_errors import decode_excerpt
from tidewire.events.blocks import JSON, JSONObject
from tidewire.events.errors import ResponseDecodeError
from tidewire.events.json_depth import Bounded

_ABSENT = msgspec.Raw()


class Frame(msgspec.Struct, gc=False):
    """A frame of a stream; the objects in it are read when it is known whether they are wanted."""

    type: str = ""
    output_index: int | None = None
    content_index: int = 0
    summary_index: int = 0
    delta: JSON = None
    logprobs: JSON = None
    item: msgspec.Raw = _ABSENT
    annotation: msgspec.Raw = _ABSENT
    response: msgspec.Raw = _ABSENT


class Piece(msgspec.Struct, gc=False):
    """A piece of text, of which a stream has thousands."""

    output_index: int | None = None
    content_index: int = 0
    delta: str | None = None
    logprobs: JSON = None


class ItemId(msgspec.Struct):
    """Whose frame it is, where it has no ``output_index`` (llama.cpp)."""

    item_id: str = ""


class Part(msgspec.Struct, gc=False):
    """A part of a message or of reasoning."""

    type: str = ""
    text: str | None = None
    annotations: list[JSONObject] | None = None
    logprobs: list[JSONObject] | None = None


_IN_PIECES = frozenset({"message", "reasoning", "function_call", "custom_tool_call"})


class Item(msgspec.Struct, gc=False):
    """An output item that is read in pieces: message, reasoning, function call, custom call."""

    type: str = ""
    id: str | None = None
    content: list[JSONObject] | None = None
    summary: list[JSONObject] | None = None
    encrypted_content: str | None = None
    phase: JSON = None
    status: JSON = None
    call_id: str | None = None
    name: str | None = None
    arguments: JSON = None
    input: JSON = None
    caller: JSON = None
    namespace: JSON = None


class Response(msgspec.Struct, gc=False):
    """A response: whole in a plain reply and in a stream's last frame, without its output in the first ones."""

    id: str | None = None
    model: str | None = None
    status: str | None = None
    output: list[msgspec.Raw] | None = None
    usage: JSONObject | None = None
    error: JSON = None
    incomplete_details: JSONObject | None = None
    content_filters: JSON = None
    conversation: JSON = None
    created_at: JSON = None
    metadata: JSON = None
    previous_response_id: JSON = None
    service_tier: JSON = None
    store: JSON = None


FRAME = msgspec.json.Decoder(Frame)
_ITEM = msgspec.json.Decoder(Item)
ITEM_ID = msgspec.json.Decoder(ItemId)
OBJECT = Bounded(msgspec.json.Decoder(JSONObject))
PIECE = msgspec.json.Decoder(Piece)
RESPONSE = msgspec.json.Decoder(Response)

_T = TypeVar("_T")


def read(decoder: msgspec.json.Decoder[_T] | Bounded[_T], data: bytes | msgspec.Raw) -> _T:
    """The value of a JSON text, which may hold what JSON does not know, such as half a character.

    Raises:
        ResponseDecodeError: It is no JSON even so, or not as documented; the path to what is wrong is named.
    """
    try:
        return decoder.decode(data)
    except UNREADABLE:
        value = lenient_json(bytes(data))
    try:
        return decoder.decode(msgspec.json.encode(value))
    except (*UNREADABLE, OverflowError) as wrong:
        message = f"the reply is not as documented: {str(wrong)[:200]}"
        raise ResponseDecodeError(message, excerpt=decode_excerpt(bytes(data))) from wrong


def to_item(raw: msgspec.Raw) -> Item:
    """The item in a JSON text; of one that is not read in pieces only its type and id.

    Raises:
        ResponseDecodeError: It is no object, or a field is not as documented.
    """
    try:
        return _ITEM.decode(raw)
    except UNREADABLE:
        value = read(OBJECT, raw)
    kind, id = value.get("type"), value.get("id")
    if isinstance(kind, str) and kind in _IN_PIECES:
        return read(_ITEM, raw)
    return Item(type=kind if isinstance(kind, str) else "", id=id if isinstance(id, str) else None)


def to_part(value: JSONObject) -> Part:
    """The part in a JSON object.

    Raises:
        ResponseDecodeError: A field is not as documented.
    """
    try:
        return msgspec.convert(value, Part)
    except msgspec.ValidationError as wrong:
        raise ResponseDecodeError(f"a part of the reply is not as documented: {wrong}") from wrong


__all__ = [
    "FRAME",
    "ITEM_ID",
    "OBJECT",
    "PIECE",
    "RESPONSE",
    "Frame",
    "Item",
    "ItemId",
    "Part",
    "Piece",
    "Response",
    "read",
    "to_item",
    "to_part",
]
