"""The items of a response that only its provider knows, in the standard form and back.

    web_search_call, file_search_call,        ─▶  server_tool_call and server_tool_result
    code_interpreter_call, mcp_call
    custom_tool_call of xAI's search on X     ─▶  server_tool_call and server_tool_result
    image_generation_call with its image      ─▶  image; extras["block_type"]
    annotations                               ─▶  citation, on the text block; extras["type"] unless it is of a URL
    anything else                             ─▶  non_standard with the item as its value

A server tool's item stands in ``extras["item"]`` of its call, without the output, which is in the result; so it can be
sent back in a later turn as it came. Calls that the caller has to answer in OpenAI's own form (``computer_call``,
``shell_call``, ``apply_patch_call``, …) are no server tools.
"""

from __future__ import annotations

from typing import cast

from tidewire.adapters.json_text import object_of
from tidewire.events.blocks import JSONObject
from tidewire.events.tool_args import parse_arguments

#: Items of tools that the provider runs, and the standard name of the tool.
_SERVER_TOOLS = {
    "code_interpreter_call": "code_interpreter",
    "custom_tool_call": "x_search",
    "file_search_call": "file_search",
    "mcp_call": "remote_mcp",
    "web_search_call": "web_search",
    "x_search_call": "x_search",
}
#: The field that holds what came of a tool; with the others it is part of what the tool was called with, if anywhere.
_OUTPUTS = {"code_interpreter_call": "outputs", "file_search_call": "results", "mcp_call": "output"}

#: How the ids of xAI's own calls begin: its search on X comes as calls of a custom tool, which it has run already.
_RUN_BY_XAI = "xs_"

_IMAGE_TYPES = {"jpg": "image/jpeg", "svg": "image/svg+xml"}
#: How the base64 of an image begins, for hosts that do not say what it is (xAI).
_IMAGE_HEADS = {"/9j/": "image/jpeg", "UklGR": "image/webp", "R0lG": "image/gif"}

#: Fields of an annotation that a citation has too.
_CITATION_FIELDS = (("url", str), ("title", str), ("start_index", int), ("end_index", int))
_CITATIONS = frozenset({"url_citation", "file_citation", "container_file_citation", "file_path"})


def is_run_by_provider(call_id: str | None) -> bool:
    """Whether a custom tool's call is one that the provider has run itself."""
    return call_id is not None and call_id.startswith(_RUN_BY_XAI)


def read_item(item: JSONObject) -> list[JSONObject]:
    """The standard blocks for a whole item that is no message, no reasoning and no call of the caller's tools."""
    kind = item.get("type")
    if kind == "image_generation_call" and isinstance(item.get("result"), str) and item["result"]:
        return [_read_image(item)]
    if isinstance(kind, str) and kind in _SERVER_TOOLS:
        return _read_server_tool(item, kind)
    return [{"type": "non_standard", "value": item}]


def _read_server_tool(item: JSONObject, kind: str) -> list[JSONObject]:
    id = next((found for key in ("id", "call_id") if isinstance(found := item.get(key), str)), "")
    field = _OUTPUTS.get(kind)
    kept = {key: value for key, value in item.items() if key != field}
    call: JSONObject = {"type": "server_tool_call", "id": id, "name": _SERVER_TOOLS[kind], "args": _args_of(item)}
    failed = bool(item.get("error")) or item.get("status") in ("failed", "incomplete")
    result: JSONObject = {
        "type": "server_tool_result",
        "tool_call_id": id,
        "status": "error" if failed else "success",
    }
    found = (item.get(field or "output"), item.get("error"), object_of(item.get("action")).get("sources"))
    output = next((value for value in found if value is not None), None)
    if output is not None:
        result["output"] = output
    return [{**call, "extras": {"item": kept}}, result]


def _args_of(item: JSONObject) -> JSONObject:
    """What the tool was called with: an object, its JSON text, or fields of the item itself."""
    action = object_of(item.get("action"))
    if action:
        return {key: value for key, value in action.items() if key != "sources"}
    text = next((found for key in ("arguments", "input") if isinstance(found := item.get(key), str)), "")
    if text:
        args = parse_arguments(text)
        return args if isinstance(args, dict) else {"input": text}
    return {key: item[key] for key in ("queries", "code") if item.get(key) is not None}


def _read_image(item: JSONObject) -> JSONObject:
    data = cast("str", item["result"])
    form = item.get("output_format")
    if isinstance(form, str):
        mime_type = _IMAGE_TYPES.get(form, f"image/{form}")
    else:
        mime_type = next((kind for head, kind in _IMAGE_HEADS.items() if data.startswith(head)), "image/png")
    image: JSONObject = {"type": "image", "base64": data, "mime_type": mime_type}
    if isinstance(item.get("id"), str):
        image["id"] = item["id"]
    extras = {key: value for key, value in item.items() if key not in ("type", "id", "result")}
    return {**image, "extras": {"block_type": item["type"], **extras}}


def write_item(block: JSONObject) -> JSONObject | None:
    """The item of a server tool's call or of an image, as far as the block has it; None for one not of our making."""
    extras = object_of(block.get("extras"))
    if block["type"] == "server_tool_call":
        item = object_of(extras.get("item"))
        return dict(item) or None
    kept = {key: value for key, value in extras.items() if key != "block_type"}
    if extras.get("block_type") != "image_generation_call" or not {"id", "base64"} <= block.keys():
        return None
    return {
        "status": "completed",
        **kept,
        "type": "image_generation_call",
        "id": block["id"],
        "result": block["base64"],
    }


def add_output(item: JSONObject, result: JSONObject) -> None:
    """Put what came of a server tool back into its item."""
    field = _OUTPUTS.get(item["type"])
    if field is not None:
        item[field] = None if item.get("error") else result.get("output")


def read_annotation(value: JSONObject) -> JSONObject:
    """A citation for an annotation; what it has no place for stays in ``extras``."""
    kind = value.get("type")
    if not isinstance(kind, str) or kind not in _CITATIONS:
        return {"type": "non_standard_annotation", "value": value}
    citation: JSONObject = {"type": "citation"}
    extras = dict(value)
    for name, expected in _CITATION_FIELDS:
        theirs = _theirs(name, kind)
        if isinstance(extras.get(theirs), expected):
            citation[name] = extras.pop(theirs)
    if kind == "url_citation":
        del extras["type"]
    return {**citation, "extras": extras} if extras else citation


def write_annotation(note: JSONObject) -> JSONObject:
    """An annotation as the provider sent it."""
    if note["type"] == "non_standard_annotation":
        return cast("JSONObject", note["value"])
    written: JSONObject = {"type": "url_citation", **object_of(note.get("extras"))}
    for name, _ in _CITATION_FIELDS:
        if name in note:
            written[_theirs(name, written["type"])] = note[name]
    return written


def _theirs(name: str, kind: str) -> str:
    return "filename" if name == "title" and kind != "url_citation" else name


__all__ = ["add_output", "is_run_by_provider", "read_annotation", "read_item", "write_annotation", "write_item"]
