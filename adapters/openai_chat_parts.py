"""The parts of a chat completion that need more than passing on: calls, usage, what comes in pieces or by the side."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Iterator
from typing import cast

import msgspec

from tidewire.adapters.json_text import list_of, object_of
from tidewire.adapters.openai_chat_chunk import CallPiece
from tidewire.adapters.reported_cost import read_cost_usd
from tidewire.events.blocks import JSON, JSONObject
from tidewire.events.standard import standard_blocks
from tidewire.events.tool_args import parse_arguments
from tidewire.events.types import Block, ToolCallDelta, Usage

# ---------------------------------------------------------------- tool calls


class _Call:
    __slots__ = ("custom", "named", "number", "wire_id")

    def __init__(self, number: int, wire_id: str | None) -> None:
        self.number = number
        self.wire_id = wire_id
        self.named = False
        self.custom = False


class ToolCalls:
    """Numbers the calls of a reply in the order in which they begin, and tells whose piece a piece is.

    A piece continues the call of its index, unless it has another id. Without an index its id tells; without either, a
    name begins a call and anything else continues the last one.
    """

    def __init__(self) -> None:
        self._calls: list[_Call] = []
        self._by_index: dict[int, _Call] = {}
        self._by_id: dict[str, _Call] = {}

    def __bool__(self) -> bool:
        return bool(self._calls)

    def read(self, piece: CallPiece, reply_id: str) -> ToolCallDelta:
        """The event for a piece; a call without an id gets one that follows from ``reply_id`` and its number."""
        custom = piece.custom if piece.function is None else None
        name = (custom.name if custom else piece.function.name if piece.function else None) or None
        call = self._find(piece, name)
        id: str | None = None
        if call is None:
            call = self._open(piece)
            id = call.wire_id or _made_up_id(reply_id, call.number)
        args = ""
        if piece.function is not None:
            args = arguments_text(piece.function.arguments)
        elif custom is not None:
            # Free text becomes the one argument of a call: {"input": "…"}, closed in `close`.
            args = ("" if call.custom else '{"input":"') + msgspec.json.encode(custom.input or "")[1:-1].decode()
            call.custom = True
        extras: JSONObject | None = {"extra_content": piece.extra_content} if piece.extra_content else None
        if custom is not None and id is not None:
            extras = {**(extras or {}), "custom": True}
        if call.named:
            name = None
        call.named = call.named or name is not None
        return ToolCallDelta(args=args, index=call.number, id=id, name=name, extras=extras)

    def close(self) -> Iterator[ToolCallDelta]:
        """What ends the arguments of custom calls."""
        for call in self._calls:
            if call.custom:
                yield ToolCallDelta(args='"}', index=call.number)

    def _find(self, piece: CallPiece, name: str | None) -> _Call | None:
        if piece.index is not None:
            call = self._by_index.get(piece.index)
            if call is None or not piece.id or not call.wire_id or piece.id == call.wire_id:
                return call
            return self._by_id.get(piece.id)  # Gemini's host sends index 0 for all calls
        if piece.id:
            return self._by_id.get(piece.id)
        return None if name or not self._calls else self._calls[-1]

    def _open(self, piece: CallPiece) -> _Call:
        call = _Call(len(self._calls), piece.id or None)
        self._calls.append(call)
        if piece.index is not None:
            self._by_index[piece.index] = call
        if piece.id:
            self._by_id[piece.id] = call
        return call


def _made_up_id(reply_id: str, number: int) -> str:
    # No random number: the same bytes give the same events.
    return "call_" + hashlib.blake2b(f"{reply_id}\n{number}".encode(), digest_size=12).hexdigest()


def arguments_text(arguments: JSON) -> str:
    """Arguments as JSON text; some hosts send the object itself."""
    if isinstance(arguments, str):
        return arguments
    return "" if arguments is None else msgspec.json.encode(arguments).decode()


# ---------------------------------------------------------------- usage


def read_usage(usage: JSONObject) -> Usage | None:
    """Tokens so far; None if the object counts none. What is not reported in detail stays None."""
    sent = token_count(usage.get("prompt_tokens"))
    made = token_count(usage.get("completion_tokens"))
    if sent is None and made is None:
        return None
    sent, made = sent or 0, made or 0
    sent_details = object_of(usage.get("prompt_tokens_details"))
    made_details = object_of(usage.get("completion_tokens_details"))
    total = token_count(usage.get("total_tokens"))
    reasoning = token_count(made_details.get("reasoning_tokens"))
    if reasoning and total == sent + made + reasoning:
        made += reasoning  # xAI counts reasoning apart, and only the total has it
    return Usage(
        input_tokens=sent,
        output_tokens=made,
        total_tokens=sent + made if total is None else total,
        cache_read=token_count(sent_details.get("cached_tokens")),
        cache_creation=token_count(sent_details.get("cache_write_tokens")),
        input_audio=token_count(sent_details.get("audio_tokens")),
        output_audio=token_count(made_details.get("audio_tokens")),
        reasoning=reasoning,
        cost_usd=read_cost_usd(usage),
    )


def token_count(value: JSON) -> int | None:
    """A number of tokens; None for what is none."""
    if type(value) is int or type(value) is float:  # not `isinstance`: True would be a number
        return int(value) if 0 <= value < 2**53 else None  # NaN and what no token count can be are none
    return None


# ---------------------------------------------------------------- reasoning


def reasoning_text(*fields: JSON) -> str:
    """The text of the first field that has any: a text, a list of texts, or an object that holds one."""
    return next((text for field in fields if (text := _text_in(field))), "")


def _text_in(value: JSON) -> str:
    if isinstance(value, str):
        return value
    parts = list_of(value)
    if parts:
        return "".join(_text_in(part) for part in parts)
    fields = object_of(value)
    return reasoning_text(*(fields[key] for key in ("text", "content", "summary", "thinking") if key in fields))


class ReasoningDetails:
    """OpenRouter's ``reasoning_details``, put together from their pieces to be sent back unchanged in a later turn."""

    def __init__(self) -> None:
        self._entries: dict[tuple[int, str], tuple[JSONObject, dict[str, list[str]]]] = {}

    def __bool__(self) -> bool:
        return bool(self._entries)

    def add(self, details: list[JSONObject]) -> None:
        """Add the pieces of one chunk; pieces of the same index and type are one entry."""
        for place, piece in enumerate(details):
            index = piece.get("index")
            key = (index if isinstance(index, int) else place, str(piece.get("type")))
            fields, texts = self._entries.setdefault(key, ({}, {}))
            for name, value in piece.items():
                if name in ("text", "summary", "data") and isinstance(value, str):
                    texts.setdefault(name, []).append(value)
                elif fields.get(name) is None:
                    fields[name] = value

    def whole(self) -> list[JSONObject]:
        """The entries, their texts joined."""
        return [
            {**fields, **{name: "".join(pieces) for name, pieces in texts.items()}}
            for fields, texts in self._entries.values()
        ]


# ---------------------------------------------------------------- audio, images, sources, tools of the provider

# How the base64 of each container begins; what begins otherwise is samples without a container (pcm16).
_AUDIO_TYPES = {
    "UklGR": "audio/wav",
    "SUQz": "audio/mpeg",
    "//": "audio/mpeg",
    "ZkxhQ": "audio/flac",
    "T2dnU": "audio/ogg",
}


class Audio:
    """Spoken output: pieces of base64 and of a transcript."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._transcript: list[str] = []
        self._extras: JSONObject = {}

    def add(self, piece: JSONObject) -> None:
        """Add one piece; the last one has the time of expiry only."""
        if isinstance(piece.get("data"), str):
            self._pieces.append(piece["data"])
        if isinstance(piece.get("transcript"), str):
            self._transcript.append(piece["transcript"])
        self._extras.update({key: piece[key] for key in ("id", "expires_at") if piece.get(key)})

    def block(self) -> JSONObject | None:
        """The audio block; None if there was no sound."""
        if not self._pieces:
            return None
        data = _join_base64([piece for piece in self._pieces if piece])
        if not data:
            return None
        kind = next((kind for head, kind in _AUDIO_TYPES.items() if data.startswith(head)), "audio/pcm")
        transcript = "".join(self._transcript)
        extras = {**self._extras, **({"transcript": transcript} if transcript else {})}
        return {"type": "audio", "base64": data, "mime_type": kind, **({"extras": extras} if extras else {})}


def _join_base64(pieces: list[str]) -> str:
    """Pieces of one text, or texts of their own that each end with padding."""
    if any(piece.endswith("=") for piece in pieces[:-1]):
        try:
            return base64.b64encode(b"".join(base64.b64decode(piece, validate=True) for piece in pieces)).decode()
        except binascii.Error:
            pass  # not what each was taken for: passed on as it came
    return "".join(pieces)


def image(part: JSONObject) -> JSONObject:
    """The block of a generated image: ``{"type": "image_url", "image_url": {"url": "data:…"}}``."""
    return cast("JSONObject", standard_blocks([{"type": "image_url", **part}])[0])


def annotation(value: JSONObject) -> JSONObject:
    """A ``url_citation`` as a citation of ours, any other annotation as it is."""
    found = object_of(value.get("url_citation"))
    if not found:
        return {"type": "non_standard_annotation", "value": value}
    citation: JSONObject = {"type": "citation"}
    for name, ours in (
        ("url", "url"),
        ("title", "title"),
        ("start_index", "start_index"),
        ("end_index", "end_index"),
        ("content", "cited_text"),  # OpenRouter
    ):
        if found.get(name) is not None:
            citation[ours] = found[name]
    return citation


def source_citations(urls: JSON, results: JSON) -> list[JSONObject]:
    """Citations of Perplexity's and xAI's bare list of addresses, with the titles that ``search_results`` give them."""
    titles = {found.get("url"): found.get("title") for found in map(object_of, list_of(results))}
    citations: list[JSONObject] = []
    for url in list_of(urls):
        if isinstance(url, str):
            title = titles.get(url)
            citations.append({"type": "citation", "url": url, **({"title": title} if isinstance(title, str) else {})})
    return citations


class ExecutedTools:
    """Groq's ``executed_tools``: calls that it ran itself. A stream shows each as called, and again with its output."""

    def __init__(self) -> None:
        self._called: set[str] = set()

    def read(self, tool: JSONObject, place: int) -> Iterator[Block]:
        """The call if it is new, and its result if there is one."""
        index = tool.get("index")
        id = f"executed_{index if isinstance(index, int) else place}"
        if id not in self._called:
            self._called.add(id)
            args = parse_arguments(arguments_text(tool.get("arguments")))
            call = {"type": "server_tool_call", "id": id, "name": str(tool.get("type") or "tool")}
            yield Block({**call, "args": args if isinstance(args, dict) else {"input": tool.get("arguments")}}, id)
        if tool.get("output") is not None:
            result: JSONObject = {"type": "server_tool_result", "tool_call_id": id, "status": "success"}
            extras = {key: value for key, value in tool.items() if key not in ("index", "type", "arguments", "output")}
            yield Block({**result, "output": tool["output"], **({"extras": extras} if extras else {})}, f"{id}_result")


__all__ = [
    "Audio",
    "ExecutedTools",
    "ReasoningDetails",
    "ToolCalls",
    "annotation",
    "arguments_text",
    "image",
    "read_usage",
    "reasoning_text",
    "source_citations",
    "token_count",
]
