"""Parts that only Google has, in the standard form and back.

What the standard form has no place for stays in ``extras``, so that an answer can be sent back in a later turn as it
came. ``extras["signature"]`` is the ``thoughtSignature`` of a part, whatever its kind.

    inlineData, fileData              ─▶  image, audio, video or file, by its type
    executableCode, toolCall          ─▶  server_tool_call; extras["tool_type"] is Google's word for the tool
    codeExecutionResult, toolResponse ─▶  server_tool_result; extras["tool_type"] or extras["outcome"]
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from tidewire.adapters.content import field_of
from tidewire.adapters.json_text import object_of
from tidewire.events.blocks import JSON, JSONObject

#: Server tools by the names that a caller knows them by from other providers.
_TOOL_NAMES: Mapping[str, str] = {
    "FILE_SEARCH": "file_search",
    "GOOGLE_MAPS": "google_maps",
    "GOOGLE_SEARCH_IMAGE": "image_search",
    "GOOGLE_SEARCH_WEB": "web_search",
    "URL_CONTEXT": "web_fetch",
}

#: The outcome of code that ran, also by its number.
_SUCCESS = ("OUTCOME_OK", 1)

# ---------------------------------------------------------------- what we read


class Blob(msgspec.Struct, rename="camel"):
    """Bytes in base64."""

    data: str = ""
    mime_type: str = ""
    display_name: str | None = None


class FileData(msgspec.Struct, rename="camel"):
    """Bytes elsewhere."""

    file_uri: str = ""
    mime_type: str = ""
    display_name: str | None = None


class ExecutableCode(msgspec.Struct):
    """Code that Google runs."""

    code: str = ""
    language: str | int = ""
    id: str | None = None


class CodeExecutionResult(msgspec.Struct):
    """What the code printed."""

    outcome: str | int = ""
    output: str = ""
    id: str | None = None


class ServerToolCall(msgspec.Struct, rename="camel"):
    """A call of a tool that Google runs."""

    tool_type: str | int = ""
    args: JSONObject | None = None
    id: str | None = None


class ServerToolResponse(msgspec.Struct, rename="camel"):
    """What that tool gave."""

    tool_type: str | int = ""
    response: JSON = None
    id: str | None = None


# ---------------------------------------------------------------- to standard blocks


def media_kind(mime_type: str) -> str:
    """The type of the block for bytes of this type."""
    family = mime_type.partition("/")[0]
    return family if family in ("image", "audio", "video") else "file"


def media_block(part: Blob | FileData, extras: JSONObject) -> JSONObject:
    """The block for bytes, here or elsewhere."""
    block: JSONObject = {"type": media_kind(part.mime_type)}
    if isinstance(part, Blob):
        block["base64"] = part.data
    else:
        block["url"] = part.file_uri
    if part.mime_type:
        block["mime_type"] = part.mime_type
    if part.display_name:
        extras = {**extras, "filename": part.display_name}
    return _dressed(block, extras)


def call_block(part: ExecutableCode | ServerToolCall, id: str, extras: JSONObject) -> JSONObject:
    """The block for a call of a tool that Google runs."""
    if isinstance(part, ExecutableCode):
        args: JSONObject = {"code": part.code, "language": part.language}
        return _dressed({"type": "server_tool_call", "id": id, "name": "code_interpreter", "args": args}, extras)
    word = str(part.tool_type)
    name = _TOOL_NAMES.get(word, word.lower())
    block: JSONObject = {"type": "server_tool_call", "id": id, "name": name, "args": part.args or {}}
    return _dressed(block, {"tool_type": part.tool_type, **extras})


def result_block(part: CodeExecutionResult | ServerToolResponse, call_id: str, extras: JSONObject) -> JSONObject:
    """The block for what such a tool gave."""
    block: JSONObject = {"type": "server_tool_result", "tool_call_id": call_id, "status": "success"}
    if isinstance(part, CodeExecutionResult):
        if part.outcome not in _SUCCESS:
            block["status"] = "error"
        return _dressed({**block, "output": part.output}, {"outcome": part.outcome, **extras})
    return _dressed({**block, "output": part.response}, {"tool_type": part.tool_type, **extras})


def _dressed(block: JSONObject, extras: JSONObject) -> JSONObject:
    return {**block, "extras": extras} if extras else block


# ---------------------------------------------------------------- and back


def write_media(block: JSONObject, mime_type: str) -> JSONObject | None:
    """The part for a block with ``base64`` or an address; None if it has neither."""
    place: JSONObject = {"mimeType": mime_type} if mime_type else {}
    if block.get("base64") is not None:
        part: JSONObject = {"inlineData": {**place, "data": block["base64"]}}
    elif block.get("url") is not None:
        part = {"fileData": {**place, "fileUri": block["url"]}}
    else:
        return None
    for key, name in (("media_resolution", "mediaResolution"), ("video_metadata", "videoMetadata")):
        if (value := field_of(block, key)) is not None:
            part[name] = value
    return part


def write_server_tool(block: JSONObject) -> JSONObject | None:
    """A call that Google made of a tool of its own, or the result, as it came; None for what another provider made."""
    extras = object_of(block.get("extras"))
    tool_type = extras.get("tool_type")
    id: JSONObject = {}
    match block["type"]:
        case "server_tool_call" if tool_type is not None:
            name, value = "toolCall", {"toolType": tool_type, "args": block["args"]}
        case "server_tool_call" if block["name"] == "code_interpreter" and "code" in block["args"]:
            name, value = "executableCode", dict(block["args"])
        case "server_tool_result" if tool_type is not None:
            name, value = "toolResponse", {"toolType": tool_type, "response": block.get("output")}
        case "server_tool_result" if "outcome" in extras:
            name, value = "codeExecutionResult", {"outcome": extras["outcome"], "output": block.get("output")}
        case _:
            return None
    id = {} if extras.get("id_made_up") else {"id": block.get("id") or block.get("tool_call_id")}
    return {name: {**id, **value}}


__all__ = [
    "Blob",
    "CodeExecutionResult",
    "ExecutableCode",
    "FileData",
    "ServerToolCall",
    "ServerToolResponse",
    "call_block",
    "media_block",
    "media_kind",
    "result_block",
    "write_media",
    "write_server_tool",
]
