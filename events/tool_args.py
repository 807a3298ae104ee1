"""The arguments of a tool call: the strict reading of a whole text, and the best reading of an unfinished one."""

from __future__ import annotations

import json
import re
from typing import cast

import jiter

from tidewire.events.blocks import JSONObject
from tidewire.events.json_depth import DEPTH_LIMIT, is_too_deep


def parse_arguments(text: str) -> JSONObject | str:
    """The arguments as a dict, or a sentence that says why they are none. An empty text stands for no arguments."""
    if not text or text.isspace():
        return {}
    if is_too_deep(text.encode("utf-8", "surrogatepass")):
        return f"the arguments are not valid JSON: nested deeper than {DEPTH_LIMIT}"
    try:
        value: object = jiter.from_json(text.encode("utf-8", "surrogatepass"), allow_inf_nan=False)
    except ValueError as strict:
        # json reads lone surrogates, which models do write; everything else that jiter refuses stays refused.
        if not _SURROGATE.search(text):
            return f"the arguments are not valid JSON: {strict}"
        try:
            value = json.loads(text, parse_constant=_no_constant)
        except ValueError:
            return f"the arguments are not valid JSON: {strict}"
    if not isinstance(value, dict):
        return f"the arguments must be a JSON object, not {_kind(value)}"
    return cast("JSONObject", value)


def parse_partial_arguments(text: str) -> JSONObject | None:
    """The best reading of arguments that are still arriving; None when they are no JSON object so far."""
    if not text or text.isspace():
        return {}
    try:
        value = _partial(text)
    except ValueError:
        if not _SURROGATE.search(text):
            return None
        try:  # with a replacement character for each lone surrogate, as long as the text is unfinished
            value = _partial(_ESCAPE.sub(_without_lone_surrogate, text))
        except ValueError:
            return None
    return cast("JSONObject", value) if isinstance(value, dict) else None


def _partial(text: str) -> object:
    return jiter.from_json(text.encode("utf-8", "replace"), allow_inf_nan=False, partial_mode="trailing-strings")


# Half of a character outside the basic plane, written as an escape or raw.
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]|[\ud800-\udfff]")
# One escape of a JSON string: a surrogate pair, a lone surrogate (the group), or any other.
_ESCAPE = re.compile(
    r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)", re.DOTALL
)


def _without_lone_surrogate(escape: re.Match[str]) -> str:
    return "\\ufffd" if escape[1] else escape[0]


def _no_constant(word: str) -> object:
    raise ValueError(f"{word} is not JSON")


def _kind(value: object) -> str:
    names: dict[type, str] = {
        type(None): "null",
        bool: "a boolean",
        int: "a number",
        float: "a number",
        str: "a string",
        list: "an array",
    }
    return names.get(type(value), "something else")


__all__ = ["parse_arguments", "parse_partial_arguments"]
