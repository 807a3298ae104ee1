"""JSON as servers send it: when something is not quite right with it, and when its shape is not known; and ours."""

from __future__ import annotations

import json
import re
from typing import cast

import jiter
import msgspec

from tidewire.adapters.status_errors import decode_excerpt
from tidewire.events.blocks import JSON, JSONObject
from tidewire.events.errors import ConfigurationError, ResponseDecodeError, ResponseLimitError
from tidewire.events.json_depth import DEPTH_LIMIT, is_too_deep

# An escaped backslash; a pair of surrogates; one alone. Models that cut text between bytes make the last one.
_SURROGATES = re.compile(r"\\\\|\\u[dD][89abAB]..\\u[dD][c-fC-F]..|\\u[dD][89a-fA-F]..")


def lenient_json(data: bytes) -> JSON:
    """JSON with what some servers write though JSON has no such thing: NaN, control characters, half characters, a BOM.

    Raises:
        ResponseDecodeError: It is no JSON even so.
        ResponseLimitError: It is nested too deep.
    """
    if is_too_deep(data):
        raise ResponseLimitError(
            f"the JSON of the reply is nested too deep: more than {DEPTH_LIMIT} levels", excerpt=decode_excerpt(data)
        )
    try:
        return json.loads(_SURROGATES.sub(_whole_character, data.decode("utf-8-sig")), strict=False)
    except ValueError as wrong:
        message = f"the reply is not JSON: {str(wrong)[:200]}"
        raise ResponseDecodeError(message, excerpt=decode_excerpt(data)) from wrong


def _whole_character(match: re.Match[str]) -> str:
    return "\\ufffd" if len(match.group()) == 6 else match.group()


# A string, or the beginning of one where the text ends.
_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)


def is_cut(body: bytes) -> bool:
    """Whether the body is the beginning of a JSON object or array: readable as far as it goes, and not closed."""
    if not body.strip():
        return True
    try:
        jiter.from_json(body, partial_mode=True)
    except ValueError:
        return False
    outside = _STRING.sub(b"", body)
    return outside.count(b"{") + outside.count(b"[") > outside.count(b"}") + outside.count(b"]")


def to_json(value: JSON) -> bytes:
    """The JSON text of a value of ours; half a character, which models write now and then, as its escape.

    Infinity and NaN, which JSON has no words for, are written as ``null``, as JavaScript does.

    Raises:
        ConfigurationError: It holds something that JSON has no word for.
    """
    try:
        try:
            return msgspec.json.encode(value)
        except UnicodeEncodeError:
            return json.dumps(value, separators=(",", ":")).encode()
    except (TypeError, ValueError, OverflowError, RecursionError) as wrong:
        raise ConfigurationError(f"the request holds something that JSON cannot: {wrong}") from wrong


def object_of(value: object) -> JSONObject:
    """The value if it is an object, else an empty one."""
    return cast("JSONObject", value) if isinstance(value, dict) else {}


def list_of(value: object) -> list[object]:
    """The value if it is a list, else an empty one."""
    return cast("list[object]", value) if isinstance(value, list) else []


__all__ = ["is_cut", "lenient_json", "list_of", "object_of", "to_json"]
