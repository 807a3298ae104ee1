"""The arguments of a tool call: the strict reading of a whole text, and the best reading of an unfinished one."""

from __future__ import annotations

import json

import jiter

from tidewire.events.blocks import JSONObject


def parse_arguments(text: str) -> JSONObject | str:
    """The arguments as a dict, or a sentence that says why they are none. An empty text stands for no arguments."""
    if not text or text.isspace():
        return {}
    try:
        value = jiter.from_json(text.encode("utf-8", "surrogatepass"), allow_inf_nan=False)
    except ValueError as strict:
        # json reads lone surrogates, which models do write; everything else that it refuses stays refused.
        try:
            value = json.loads(text, parse_constant=_no_constant)
        except (ValueError, RecursionError):
            return f"the arguments are not valid JSON: {strict}"
    if not isinstance(value, dict):
        return f"the arguments must be a JSON object, not {_kind(value)}"
    return value


def parse_partial_arguments(text: str) -> JSONObject | None:
    """The best reading of arguments that are still arriving; None when they are no JSON object so far."""
    if not text or text.isspace():
        return {}
    try:
        value = jiter.from_json(
            text.encode("utf-8", "surrogatepass"), allow_inf_nan=False, partial_mode="trailing-strings"
        )
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _no_constant(word: str) -> object:
    raise ValueError(f"{word} is not JSON")


def _kind(value: object) -> str:
    names = {
        type(None): "null",
        bool: "a boolean",
        int: "a number",
        float: "a number",
        str: "a string",
        list: "an array",
    }
    return names.get(type(value), "something else")


__all__ = ["parse_arguments", "parse_partial_arguments"]
