"""Messages as data under the field's names: ``dumpd`` and ``load``, ``dumps`` and ``loads``, for one message or a list.

The form is that of :func:`message_to_dict`. Reading makes messages and nothing else, whatever the data says.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, cast, overload

from tidewire.events.blocks import JSONObject
from tidewire.events.convert import (
    message_from_dict,
    message_to_dict,
    messages_from_dict,
    messages_from_json,
    messages_to_dict,
    messages_to_json,
)
from tidewire.events.errors import ConfigurationError
from tidewire.events.messages import BaseMessage


@overload
def dumpd(messages: BaseMessage) -> JSONObject: ...
@overload
def dumpd(messages: Iterable[BaseMessage]) -> list[JSONObject]: ...
def dumpd(messages: BaseMessage | Iterable[BaseMessage]) -> JSONObject | list[JSONObject]:
    """A message, or several, as plain data."""
    return message_to_dict(messages) if isinstance(messages, BaseMessage) else messages_to_dict(messages)


def dumps(messages: BaseMessage | Iterable[BaseMessage], *, pretty: bool = False) -> str:
    """A message, or several, as JSON text; ``pretty`` on several lines.

    Raises:
        ConfigurationError: A message holds something of the caller's own that JSON has no form for.
    """
    single = isinstance(messages, BaseMessage)
    text = messages_to_json([messages] if isinstance(messages, BaseMessage) else messages).decode()
    if not single and not pretty:
        return text
    data = json.loads(text)
    return json.dumps(data[0] if single else data, ensure_ascii=False, indent=2 if pretty else None)


@overload
def load(data: Mapping[str, Any]) -> BaseMessage: ...
@overload
def load(data: Iterable[Mapping[str, Any]]) -> list[BaseMessage]: ...
def load(data: Mapping[str, Any] | Iterable[Mapping[str, Any]]) -> BaseMessage | list[BaseMessage]:
    """The message, or the messages, of plain data.

    Raises:
        ConfigurationError: The data is no message's plain form.
    """
    if isinstance(data, Mapping):
        return message_from_dict(cast("Mapping[str, Any]", data))
    return messages_from_dict(data)


def loads(text: str | bytes) -> BaseMessage | list[BaseMessage]:
    """The message, or the messages, of a JSON text.

    Raises:
        ConfigurationError: The text is not JSON, or holds something that is no message.
    """
    start = text.lstrip()[:1]
    if start not in ("{", b"{"):
        return messages_from_json(text)
    many = f"[{text}]" if isinstance(text, str) else b"[" + text + b"]"
    try:
        (message,) = messages_from_json(many)
    except ValueError as wrong:
        raise ConfigurationError("this is more than one JSON value; several messages stand in an array") from wrong
    return message


__all__ = ["dumpd", "dumps", "load", "loads"]
