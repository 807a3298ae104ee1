"""Values of users and of calls as plain JSON and back, with marks for what JSON has no form for.

    a message            {"$message": {"type": …, "data": …}}
    an exception         {"$error": {"class": …, "message": …, …}}
    bytes                {"$bytes": "base64"}
    nan, inf, -inf       {"$float": "nan"}
    other keys in dicts  {"$dict": [[key, value], …]}
    anything else        {"$type": "module.Class"}, its content left out

Structs, dataclasses, pydantic models, sets and tuples become dicts and lists, dates and UUIDs texts, and stay so when
they are read. Reading builds these kinds and nothing else: it never imports or calls anything by a name found in the
data.
"""

from __future__ import annotations

import base64
import dataclasses
import math
from collections.abc import Iterable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any, Final, cast
from uuid import UUID

import msgspec

from tidewire.events import errors
from tidewire.events.blocks import JSON, JSONObject
from tidewire.events.convert import message_from_dict, message_to_dict
from tidewire.events.errors import ConfigurationError, TidewireError
from tidewire.events.messages import BaseMessage

_ERRORS: Final = {
    name: kind
    for name in errors.__all__
    if isinstance(kind := getattr(errors, name), type) and issubclass(kind, TidewireError)
}
# What an error carries, whichever of these it has.
_CARRIED: Final = (
    "provider", "model", "attempts", "is_retryable", "phase", "status_code", "provider_code", "request_id",
    "retry_after_s", "body", "excerpt", "partial", "raw",
)  # fmt: skip


class RecordedError(TidewireError):
    """Stands for an exception that is none of tidewire's own; ``class_name`` is what it was."""

    def __init__(self, message: str, *, class_name: str) -> None:
        super().__init__(message)
        self.class_name = class_name


class Unwritten(msgspec.Struct, frozen=True):
    """Stands for a value that has no plain form; ``type_name`` is what it was."""

    type_name: str


def to_plain(value: object) -> JSON:
    """The plain form of a value."""
    match value:
        case None | bool() | int() | str() if not isinstance(value, Enum):
            return value
        case float():
            return value if math.isfinite(value) else {"$float": str(value)}
        case bytes() | bytearray():
            return {"$bytes": base64.b64encode(value).decode()}
        case BaseMessage():
            return {"$message": to_plain(message_to_dict(value))}
        case BaseException():
            return {"$error": _plain_error(value)}
        case Mapping():
            return _plain_dict(cast("Mapping[object, object]", value))
        case list() | tuple() | set() | frozenset():
            return [to_plain(item) for item in cast("Iterable[object]", value)]
        case UUID() | date() | datetime() | time() | timedelta() | Decimal() | Enum():
            return to_plain(msgspec.to_builtins(value))
        case Unwritten():
            return {"$type": value.type_name}
        case msgspec.Struct():
            return to_plain({name: getattr(value, name) for name in value.__struct_fields__})
        case _ if dataclasses.is_dataclass(value) and not isinstance(value, type):
            return to_plain({field.name: getattr(value, field.name) for field in dataclasses.fields(value)})
        case _ if not isinstance(value, type) and callable(dump := getattr(value, "model_dump", None)):
            return to_plain(dump(mode="json"))
        case _:
            kind: type = value if isinstance(value, type) else type(value)
            return {"$type": f"{kind.__module__}.{kind.__qualname__}"}


def from_plain(plain: JSON) -> Any:  # noqa: ANN401 - whatever users hand to their runs
    """The value of a plain form.

    Raises:
        ConfigurationError: It has a mark that is not one of those above, or one that marks something else.
    """
    if isinstance(plain, list):
        return [from_plain(item) for item in cast("list[object]", plain)]
    if not isinstance(plain, dict):
        return plain
    data = cast("JSONObject", plain)
    mark = next(iter(data), "")
    if not mark.startswith("$"):
        return {key: from_plain(item) for key, item in data.items()}
    marked: JSON = data[mark]
    try:
        match mark:
            case "$message":
                return message_from_dict(from_plain(marked))
            case "$error":
                return _error(from_plain(marked))
            case "$bytes":
                return base64.b64decode(marked, validate=True)
            case "$float":
                return float(marked)
            case "$dict":
                return {_key(key): from_plain(item) for key, item in marked}
            case "$type":
                return Unwritten(str(marked))
            case _:
                raise ConfigurationError(f"there is no mark {mark!r}")
    except (TypeError, ValueError, KeyError) as wrong:
        raise ConfigurationError(f"what {mark!r} marks is not what it says") from wrong


def _key(plain: JSON) -> object:
    key: object = from_plain(plain)
    return tuple(cast("list[object]", key)) if isinstance(key, list) else key  # a list was a tuple


def _plain_dict(value: Mapping[object, object]) -> JSON:
    if all(isinstance(key, str) and not key.startswith("$") for key in value):
        return {key: to_plain(item) for key, item in value.items()}
    return {"$dict": [[to_plain(key), to_plain(item)] for key, item in value.items()]}


def _plain_error(error: BaseException) -> JSONObject:
    if isinstance(error, RecordedError):
        return {"class": error.class_name, "message": error.message}
    if not isinstance(error, TidewireError):
        return {"class": type(error).__name__, "message": str(error)[: errors.MESSAGE_LIMIT]}
    # A class of the user's own is told by the nearest one of ours.
    name = next(kind.__name__ for kind in type(error).__mro__ if kind.__name__ in _ERRORS)
    plain: JSONObject = {"class": name, "message": error.message}
    for key in _CARRIED:
        carried = getattr(error, key, None)
        if carried is not None:
            plain[key] = to_plain(carried)
    return plain


def _error(data: JSONObject) -> TidewireError:
    name, message = data["class"], str(data["message"])
    kind = _ERRORS.get(name)
    if kind is None:
        return RecordedError(message, class_name=str(name))
    error = kind(message)
    for key in _CARRIED:
        if key in data and getattr(error, key, None) != data[key]:
            setattr(error, key, data[key])
    return error


__all__ = ["RecordedError", "Unwritten", "from_plain", "to_plain"]
