"""The blocks that only Converse has, in the standard form and back.

What the standard form has no place for stays in ``extras`` under Converse's own names, so that an answer can be sent
back in a later turn as it came.

    citation, citationsContent        ─▶  citation, on the text block; where in the source, in extras["location"]
    reasoningContent.redactedContent  ─▶  reasoning with extras["redacted_data"]
    toolUse of type server_tool_use   ─▶  server_tool_call; extras["tool_name"] where the standard name differs
    toolResult                        ─▶  server_tool_result; extras["block_type"]
    anything else                     ─▶  non_standard with the block as its value
"""

from __future__ import annotations

from typing import cast

from tidewire.adapters.json_fields import list_of, object_of, text_of
from tidewire.events.blocks import JSONObject

#: Server tools by the name that they have for every provider.
_STANDARD_NAMES = {"nova_code_interpreter": "code_interpreter", "nova_grounding": "web_search"}

_SERVER_TOOL_USE = "server_tool_use"


def is_server_tool(use: JSONObject) -> bool:
    """Whether a ``toolUse`` is of a tool that runs at the provider."""
    return text_of(use, "type") not in ("", "tool_use")


def read_server_call(use: JSONObject) -> JSONObject:
    """The standard block for a call of a tool that runs at the provider."""
    name, kind = text_of(use, "name"), text_of(use, "type")
    standard = _STANDARD_NAMES.get(name, name)
    block: JSONObject = {"type": "server_tool_call", "id": text_of(use, "toolUseId"), "name": standard}
    args = use.get("input")
    if isinstance(args, str):  # the arguments were cut off: what is there is no JSON
        block["type"] = "server_tool_call_chunk"
        block["args"] = args
    else:
        block["args"] = object_of(use, "input")
    extras: JSONObject = {}
    if standard != name:
        extras["tool_name"] = name
    if kind != _SERVER_TOOL_USE:
        extras["block_type"] = kind
    return {**block, "extras": extras} if extras else block


def read_server_result(result: JSONObject) -> JSONObject:
    """The standard block for what such a tool gave back."""
    return {
        "type": "server_tool_result",
        "tool_call_id": text_of(result, "toolUseId"),
        "status": "error" if result.get("status") == "error" else "success",
        "output": result.get("content"),
        "extras": {"block_type": text_of(result, "type")},
    }


def read_redacted(data: str) -> JSONObject:
    """The standard block for reasoning that only the model's maker can read."""
    return {"type": "reasoning", "extras": {"redacted_data": data}}


def write_block(block: JSONObject) -> JSONObject | None:
    """A block of an answer as Converse sent it; None when it does not hold what Converse wants back."""
    extras: JSONObject = block.get("extras") or {}
    match block["type"]:
        case "reasoning" if "redacted_data" in extras:
            return {"reasoningContent": {"redactedContent": extras["redacted_data"]}}
        case "reasoning" if "signature" in extras:
            thought = {"text": block.get("reasoning", ""), "signature": extras["signature"]}
            return {"reasoningContent": {"reasoningText": thought}}
        case "server_tool_call":
            use = {
                "toolUseId": block["id"],
                "name": extras.get("tool_name", block["name"]),
                "input": block["args"],
                "type": extras.get("block_type", _SERVER_TOOL_USE),
            }
            return {"toolUse": use}
        case "server_tool_result" if "block_type" in extras:
            result: JSONObject = {"toolUseId": block["tool_call_id"], "content": block.get("output") or []}
            if extras["block_type"]:
                result["type"] = extras["block_type"]
            return {"toolResult": {**result, "status": block["status"]}}
        case "non_standard":
            return cast("JSONObject", block["value"])
        case _:
            return None


def read_citation(value: JSONObject) -> JSONObject:
    """The annotation for a citation; places in the source stay in ``extras``, as standard ones are of the answer."""
    citation: JSONObject = {"type": "citation"}
    url = text_of(object_of(object_of(value, "location"), "web"), "url")
    if url:
        citation["url"] = url
    if text_of(value, "title"):
        citation["title"] = value["title"]
    sources = list_of(value, "sourceContent")
    cited = [text for source in sources if (text := text_of(source, "text"))]
    if cited:
        citation["cited_text"] = "".join(cited)
    kept = {key: value[key] for key in ("location", "source") if value.get(key) is not None}
    if sources and sources != [{"text": "".join(cited)}]:
        kept["sourceContent"] = sources
    citation["extras"] = kept
    return citation


def write_citation(annotation: JSONObject) -> JSONObject | None:
    """A citation as Converse takes it back; None for one that another provider made."""
    extras: JSONObject = annotation.get("extras") or {}
    if annotation.get("type") != "citation" or not {"location", "source", "sourceContent"} & extras.keys():
        return None
    citation: JSONObject = {}
    if "title" in annotation:
        citation["title"] = annotation["title"]
    if "cited_text" in annotation:
        citation["sourceContent"] = [{"text": annotation["cited_text"]}]
    return {**citation, **extras}


__all__ = [
    "is_server_tool",
    "read_citation",
    "read_redacted",
    "read_server_call",
    "read_server_result",
    "write_block",
    "write_citation",
]
