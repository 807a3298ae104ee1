"""The blocks that only Anthropic has, in the standard form and back.

What the standard form has no place for stays in ``extras`` under Anthropic's own names, so that an answer can be sent
back in a later turn as it came: signatures and encrypted fields are checked there.

    citations_delta, citations        ─▶  citation, on the text block; extras["type"] is the kind of location
    redacted_thinking                 ─▶  reasoning with extras["redacted_data"]
    server_tool_use, mcp_tool_use     ─▶  server_tool_call; extras["tool_name"] where the standard name differs
    …_tool_result                     ─▶  server_tool_result; extras["block_type"]
    anything else                     ─▶  non_standard with the block as its value
"""

from __future__ import annotations

from typing import cast

from tidewire.events.blocks import JSONObject
from tidewire.events.errors import ResponseDecodeError

#: Server tools whose standard name is another one, so that a caller tells them apart without knowing the provider.
_STANDARD_NAMES = {"code_execution": "code_interpreter"}

#: Where a citation's title stands: those of documents call it ``document_title``.
_TITLES = {
    "char_location": "document_title",
    "page_location": "document_title",
    "content_block_location": "document_title",
    "search_result_location": "title",
    "web_search_result_location": "title",
}


def read_block(value: JSONObject) -> JSONObject:
    """The standard block for a whole block of Anthropic's that is no text, thinking or tool call.

    Raises:
        ResponseDecodeError: A field that Anthropic documents has another type.
    """
    kind = text_of(value, "type")
    if kind == "redacted_thinking":
        return {"type": "reasoning", "extras": {"redacted_data": text_of(value, "data")}}
    if kind in ("server_tool_use", "mcp_tool_use"):
        return _read_server_call(kind, value)
    if kind.endswith("_tool_result"):
        return _read_server_result(kind, value)
    return {"type": "non_standard", "value": value}


def _read_server_call(kind: str, value: JSONObject) -> JSONObject:
    name = text_of(value, "name")
    extras = _rest(value, "type", "id", "name", "input")
    standard = "remote_mcp" if kind == "mcp_tool_use" else _STANDARD_NAMES.get(name, name)
    if kind != "server_tool_use":
        extras["block_type"] = kind
    if standard != name:
        extras["tool_name"] = name
    block: JSONObject = {"type": "server_tool_call", "id": text_of(value, "id"), "name": standard}
    args = value.get("input")
    if isinstance(args, str):  # the arguments were cut off: what is there is no JSON
        block = {**block, "type": "server_tool_call_chunk", "args": args}
    else:
        block["args"] = object_of(value, "input")
    return {**block, "extras": extras} if extras else block


def _read_server_result(kind: str, value: JSONObject) -> JSONObject:
    output = value.get("content")
    failed = value.get("is_error") is True or (isinstance(output, dict) and "error_code" in output)
    return {
        "type": "server_tool_result",
        "tool_call_id": text_of(value, "tool_use_id"),
        "status": "error" if failed else "success",
        "output": output,
        "extras": {"block_type": kind, **_rest(value, "type", "tool_use_id", "content")},
    }


def write_block(block: JSONObject) -> JSONObject | None:
    """A block of an answer as Anthropic sent it; None when it does not hold what Anthropic wants back."""
    extras: JSONObject = dict(block.get("extras") or {})
    match block["type"]:
        case "reasoning" if "redacted_data" in extras:
            return {"type": "redacted_thinking", "data": extras["redacted_data"]}
        case "reasoning" if "signature" in extras:
            return {"type": "thinking", "thinking": block.get("reasoning", ""), "signature": extras["signature"]}
        case "server_tool_call":
            kind = extras.pop("block_type", "server_tool_use")
            name = extras.pop("tool_name", block["name"])
            return {"type": kind, "id": block["id"], "name": name, "input": block["args"], **extras}
        case "server_tool_result" if "block_type" in extras:
            kind = extras.pop("block_type")
            return {"type": kind, "tool_use_id": block["tool_call_id"], "content": block.get("output"), **extras}
        case "non_standard":
            return cast("JSONObject", block["value"])
        case _:
            return None


def read_citation(value: JSONObject) -> JSONObject:
    """The annotation for a citation; offsets into the source stay in ``extras``, as standard ones are of the answer."""
    kind = text_of(value, "type")
    title_key = _TITLES.get(kind)
    if title_key is None:
        return {"type": "non_standard_annotation", "value": value}
    citation: JSONObject = {"type": "citation"}
    for key, name in (("url", "url"), ("title", title_key), ("cited_text", "cited_text")):
        if value.get(name) is not None:
            citation[key] = text_of(value, name)
    citation["extras"] = {"type": kind, **_rest(value, "type", "url", title_key, "cited_text")}
    return citation


def write_citation(annotation: JSONObject) -> JSONObject | None:
    """A citation as Anthropic takes it back; None for one that another provider made."""
    if annotation.get("type") == "non_standard_annotation":
        return cast("JSONObject", annotation["value"])
    extras: JSONObject = dict(annotation.get("extras") or {})
    title_key = _TITLES.get(str(extras.get("type")))
    if title_key is None:
        return None
    # Answers name the cited file, requests refuse the field.
    extras.pop("file_id", None)
    citation: JSONObject = {
        **extras,
        "cited_text": annotation.get("cited_text", ""),
        title_key: annotation.get("title"),
    }
    if "url" in annotation:
        citation["url"] = annotation["url"]
    return citation


def text_of(value: JSONObject, key: str) -> str:
    """A text field; absent and null are empty.

    Raises:
        ResponseDecodeError: It is something else.
    """
    found = value.get(key)
    if found is None:
        return ""
    if not isinstance(found, str):
        raise _mistyped(value, key, "a string")
    return found


def object_of(value: JSONObject, key: str) -> JSONObject:
    """An object field; absent and null are empty.

    Raises:
        ResponseDecodeError: It is something else.
    """
    found = value.get(key)
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise _mistyped(value, key, "an object")
    return cast("JSONObject", found)


def list_of(value: JSONObject, key: str) -> list[JSONObject]:
    """A field that holds a list of objects; absent and null are empty.

    Raises:
        ResponseDecodeError: It is something else.
    """
    found = value.get(key)
    if found is None:
        return []
    if not isinstance(found, list) or not all(isinstance(item, dict) for item in cast("list[object]", found)):
        raise _mistyped(value, key, "a list of objects")
    return cast("list[JSONObject]", found)


def _mistyped(value: JSONObject, key: str, wanted: str) -> ResponseDecodeError:
    # Not the value itself, which may be nested deeper than a repr can follow.
    kind, found = value.get("type"), type(value[key]).__name__
    block = f"a {kind[:50]} block" if isinstance(kind, str) else "a block"
    return ResponseDecodeError(f"{key!r} of {block} must be {wanted}, not {found}")


def _rest(value: JSONObject, *known: str) -> JSONObject:
    return {key: item for key, item in value.items() if key not in known}


__all__ = ["list_of", "object_of", "read_block", "read_citation", "text_of", "write_block", "write_citation"]
