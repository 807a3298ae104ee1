"""Fields of JSON objects from outside, by type: a value of another type is the provider's mistake and named as such."""

from __future__ import annotations

from typing import cast

from tidewire.events.blocks import JSONObject
from tidewire.events.errors import ResponseDecodeError


def text_of(value: JSONObject, key: str) -> str:
    """A text; absent and null are empty.

    Raises:
        ResponseDecodeError: It is something else.
    """
    found = value.get(key)
    if found is None:
        return ""
    if not isinstance(found, str):
        raise _mistyped(key, "a string", found)
    return found


def object_of(value: JSONObject, key: str) -> JSONObject:
    """An object; absent and null are empty.

    Raises:
        ResponseDecodeError: It is something else.
    """
    found = value.get(key)
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise _mistyped(key, "an object", found)
    return cast("JSONObject", found)


def list_of(value: JSONObject, key: str) -> list[JSONObject]:
    """A list of objects; absent and null are empty.

    Raises:
        ResponseDecodeError: It is something else.
    """
    found = value.get(key)
    if found is None:
        return []
    if isinstance(found, list):
        items = cast("list[object]", found)
        if all(isinstance(item, dict) for item in items):
            return cast("list[JSONObject]", items)
    raise _mistyped(key, "a list of objects", value[key])


def _mistyped(key: str, wanted: str, found: object) -> ResponseDecodeError:
    return ResponseDecodeError(f"{key!r} of the reply must be {wanted}", excerpt=repr(found)[:500])


__all__ = ["list_of", "object_of", "text_of"]
