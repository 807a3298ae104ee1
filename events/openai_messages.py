"""Messages as OpenAI's chat completions API writes them, for programs that speak it themselves."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Literal, cast, overload

from tidewire.events.blocks import ContentBlock, JSONObject
from tidewire.events.convert import MessageLike, ModelInput, convert_to_messages
from tidewire.events.errors import ConfigurationError
from tidewire.events.messages import AIMessage, BaseMessage, ToolMessage

_ROLES = {"system": "system", "human": "user", "ai": "assistant", "tool": "tool"}
_AUDIO_FORMATS = {"mpeg": "mp3", "x-wav": "wav", "wave": "wav"}


@overload
def convert_to_openai_messages(  # type: ignore[overload-overlap]  # a text is an iterable of texts, too
    messages: BaseMessage | str | Mapping[str, Any],
    *,
    text_format: Literal["string", "block"] = "string",
    include_id: bool = False,
    pass_through_unknown_blocks: bool = True,
) -> JSONObject: ...


@overload
def convert_to_openai_messages(
    messages: Iterable[MessageLike],
    *,
    text_format: Literal["string", "block"] = "string",
    include_id: bool = False,
    pass_through_unknown_blocks: bool = True,
) -> list[JSONObject]: ...


def convert_to_openai_messages(
    messages: ModelInput,
    *,
    text_format: Literal["string", "block"] = "string",
    include_id: bool = False,
    pass_through_unknown_blocks: bool = True,
) -> JSONObject | list[JSONObject]:
    """The messages as dicts with ``role`` and ``content``; a single message gives a single dict.

    Tool calls stand in ``tool_calls``, with their arguments as JSON text. A result of a tool within another message,
    as Anthropic writes it, becomes a message of its own before it.

    Args:
        messages: The conversation, in any form that a model takes.
        text_format: "string": a content that is all text is one text, its parts joined by line breaks. "block": every
            content is a list of parts.
        include_id: Give the messages' ids too.
        pass_through_unknown_blocks: Leave a block that the API has no part for as it is, rather than refuse it.

    Raises:
        ConfigurationError: A block has no form there and is not to be passed on; names its type.
    """
    if text_format not in ("string", "block"):
        raise ConfigurationError(f"text_format is 'string' or 'block', not {text_format!r}")
    exported: list[JSONObject] = []
    for message in convert_to_messages(messages):
        exported += _export(message, text_format, include_id=include_id, lenient=pass_through_unknown_blocks)
    single = isinstance(messages, (str, BaseMessage, Mapping))
    return exported[0] if single and len(exported) == 1 else exported


def _export(
    message: BaseMessage, text_format: Literal["string", "block"], *, include_id: bool, lenient: bool
) -> list[JSONObject]:
    role = message.additional_kwargs.get("__openai_role__") if message.type == "system" else None
    exported: JSONObject = {"role": role or _ROLES[message.type]}
    if message.name:
        exported["name"] = message.name
    if include_id and message.id:
        exported["id"] = message.id
    if isinstance(message, ToolMessage):
        exported["tool_call_id"] = message.tool_call_id
    parts: list[JSONObject] = []
    calls: list[JSONObject] = []
    results: list[JSONObject] = []
    for block in message.content_blocks:
        match block["type"]:
            case "tool_call":
                calls.append(_call(block["id"], block["name"], json.dumps(block["args"], ensure_ascii=False)))
            case "invalid_tool_call" | "tool_call_chunk":
                calls.append(_call(block["id"], block["name"], block["args"]))
            case "non_standard" if block["value"].get("type") == "tool_result":
                results.append(_result(block["value"], text_format))
            case _:
                parts.append(_part(block, lenient=lenient))
    refusal = message.response_metadata.get("refusal") or message.additional_kwargs.get("refusal")
    if refusal and isinstance(message, AIMessage):
        exported["refusal"] = refusal
    if calls:
        exported["tool_calls"] = calls
    exported["content"] = _content(parts, text_format)
    return [*results, exported] if parts or not results else results


def _content(parts: list[JSONObject], text_format: Literal["string", "block"]) -> str | list[JSONObject]:
    texts = [str(part["text"]) for part in parts if part.get("type") == "text" and part.keys() == {"type", "text"}]
    return "\n".join(texts) if text_format == "string" and len(texts) == len(parts) else parts


def _call(id: str | None, name: str | None, args: str | None) -> JSONObject:
    return {"type": "function", "id": id, "function": {"name": name, "arguments": args or ""}}


def _result(value: JSONObject, text_format: Literal["string", "block"]) -> JSONObject:
    given = ToolMessage(value.get("content") or "", tool_call_id=str(value.get("tool_use_id")))
    return _export(given, text_format, include_id=False, lenient=True)[0]


def _part(block: ContentBlock, *, lenient: bool) -> JSONObject:
    """The part for a block."""
    extras = block.get("extras", {})
    part: JSONObject | None = None
    match block["type"]:
        case "text":
            return {"type": "text", "text": block["text"]}
        case "text-plain" if "text" in block:
            return {"type": "text", "text": block["text"]}
        case "image" if (url := _url(cast("JSONObject", block))) is not None:
            detail = {"detail": extras["detail"]} if "detail" in extras else {}
            part = {"type": "image_url", "image_url": {"url": url, **detail}}
        case "audio" if "base64" in block:
            subtype = block.get("mime_type", "audio/wav").partition("/")[2]
            form = _AUDIO_FORMATS.get(subtype, subtype)
            part = {"type": "input_audio", "input_audio": {"data": block["base64"], "format": form}}
        case "file" if "file_id" in block:
            part = {"type": "file", "file": {"file_id": block["file_id"]}}
        case "file" if "base64" in block:
            name = {"filename": extras["filename"]} if "filename" in extras else {}
            part = {"type": "file", "file": {"file_data": _url(cast("JSONObject", block)), **name}}
        case "non_standard":
            part = block["value"] if lenient else None
        case _:
            part = {**block} if lenient else None
    if part is None:
        raise ConfigurationError(
            f"OpenAI's chat API has no part for a block of type {block['type']!r}; "
            "pass_through_unknown_blocks=True leaves it as it is"
        )
    return part


def _url(block: JSONObject) -> str | None:
    """The address of a medium, which may hold its bytes."""
    if "url" in block:
        return str(block["url"])
    if "base64" in block:
        kinds = {"image": "image/png", "file": "application/pdf"}
        return f"data:{block.get('mime_type') or kinds[block['type']]};base64,{block['base64']}"
    return None


__all__ = ["convert_to_openai_messages"]
