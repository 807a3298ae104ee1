"""What callers hand in as a conversation, as messages; and messages as plain data and back.

The plain form of a message is ``{"type": "human", "data": {…}}``. Reading it makes messages of the types below and
nothing else: it never imports or builds anything by a name found in the data.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias, cast

import msgspec

from tidewire.events.blocks import JSONObject
from tidewire.events.chunks import AIMessageChunk
from tidewire.events.errors import ConfigurationError
from tidewire.events.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage
from tidewire.events.tool_args import parse_arguments

#: One message in any form: an object, a text, a dict with ``role`` and ``content``, or a (role, content) pair.
MessageLike: TypeAlias = BaseMessage | str | Mapping[str, Any] | tuple[str, Any] | list[Any]
#: What a model is called with.
ModelInput: TypeAlias = BaseMessage | str | Mapping[str, Any] | Iterable[MessageLike]

_ROLES: dict[str, type[BaseMessage]] = {
    "human": HumanMessage,
    "user": HumanMessage,
    "ai": AIMessage,
    "assistant": AIMessage,
    "system": SystemMessage,
    "developer": SystemMessage,
    "tool": ToolMessage,
}
_TYPES: dict[str, type[BaseMessage]] = {
    "human": HumanMessage,
    "ai": AIMessage,
    "system": SystemMessage,
    "tool": ToolMessage,
    "AIMessageChunk": AIMessageChunk,
}
_FIELDS = {
    HumanMessage: frozenset({"id", "name", "additional_kwargs", "response_metadata"}),
    SystemMessage: frozenset({"id", "name", "additional_kwargs", "response_metadata"}),
    AIMessage: frozenset(
        {"id", "name", "additional_kwargs", "response_metadata", "invalid_tool_calls", "usage_metadata"}
    ),
    ToolMessage: frozenset(
        {"id", "name", "additional_kwargs", "response_metadata", "tool_call_id", "status", "artifact"}
    ),
}


def convert_to_messages(input: ModelInput) -> list[BaseMessage]:
    """The messages of a conversation.

    Args:
        input: A text (one human message), a message object, a dict with ``role`` and ``content``, or an iterable of
            these and of ``(role, content)`` pairs. Contents may hold OpenAI's content parts, assistant dicts its
            ``tool_calls``.

    Raises:
        ConfigurationError: Something in it is no message; says what and where.
    """
    if isinstance(input, (str, BaseMessage, Mapping)):
        return [_message(input, "the input")]
    if not isinstance(input, Iterable):
        raise ConfigurationError(
            f"a model is called with a text, a message or a list of messages, not {type(input).__name__}"
        )
    return [_message(item, f"message {place}") for place, item in enumerate(input)]


def _message(item: object, where: str) -> BaseMessage:
    if isinstance(item, BaseMessage):
        return item
    if isinstance(item, str):
        return HumanMessage(item)
    if isinstance(item, Mapping):
        return _from_role(cast("Mapping[str, Any]", item), where)
    if isinstance(item, (tuple, list)):
        pair = cast("list[Any]", list(item))
        if len(pair) == 2 and isinstance(pair[0], str):
            return _from_role({"role": pair[0], "content": pair[1]}, where)
        raise ConfigurationError(f"{where} is a {type(item).__name__} of {len(pair)}; a pair is (role, content)")
    raise ConfigurationError(f"{where} is a {type(item).__name__}; messages are objects, texts, dicts or pairs")


def _from_role(given: Mapping[str, Any], where: str) -> BaseMessage:
    if isinstance(given.get("data"), Mapping) and "type" in given:
        return message_from_dict(given)
    role = given.get("role", given.get("type"))
    kind = _ROLES.get(role) if isinstance(role, str) else None
    if kind is None:
        raise ConfigurationError(f"{where} has the role {role!r}; roles are {', '.join(sorted(_ROLES))}")
    if "content" not in given and "content_blocks" not in given and not given.get("tool_calls"):
        raise ConfigurationError(f"{where} needs the keys 'role' and 'content', it has {sorted(given)}")
    fields: dict[str, Any] = {}
    if "content_blocks" in given:
        fields["content_blocks"] = given["content_blocks"]
    else:
        content = given.get("content")
        fields["content"] = "" if content is None else content
    extra: JSONObject = {}
    for key, value in given.items():
        if key in ("role", "type", "content", "content_blocks", "tool_calls") or value is None:
            continue
        if key in _FIELDS[kind]:
            fields[key] = value
        else:
            extra[key] = value
    if extra:
        fields["additional_kwargs"] = {**extra, **fields.get("additional_kwargs", {})}
    if kind is ToolMessage and "tool_call_id" not in fields:
        raise ConfigurationError(f"{where} is a tool's result and needs 'tool_call_id'")
    if kind is AIMessage and given.get("tool_calls"):
        calls, invalid = _tool_calls(given["tool_calls"], where)
        fields["tool_calls"] = calls
        fields["invalid_tool_calls"] = [*fields.get("invalid_tool_calls", ()), *invalid]
    return kind(**fields)


def _tool_calls(given: Iterable[Any], where: str) -> tuple[list[JSONObject], list[JSONObject]]:
    """Tool calls in the field's form (``name``, ``args``, ``id``) or in OpenAI's (``function`` with JSON text)."""
    calls: list[JSONObject] = []
    invalid: list[JSONObject] = []
    for call in given:
        if not isinstance(call, Mapping):
            raise ConfigurationError(f"{where} has a tool call that is a {type(call).__name__}, not a dict")
        function = call.get("function")
        if not isinstance(function, Mapping):
            calls.append(dict(call))
            continue
        text = function.get("arguments") or ""
        args = parse_arguments(text) if isinstance(text, str) else dict(text)
        if isinstance(args, str):
            invalid.append({"id": call.get("id"), "name": function.get("name"), "args": text, "error": args})
        else:
            calls.append({"id": call.get("id"), "name": function.get("name"), "args": args})
    return calls, invalid


def message_to_dict(message: BaseMessage) -> JSONObject:
    """A message as plain data: ``{"type": …, "data": {…}}``."""
    kind = "AIMessageChunk" if isinstance(message, AIMessageChunk) else message.type
    return {"type": kind, "data": message.state()}


def message_from_dict(data: Mapping[str, Any]) -> BaseMessage:
    """The message that :meth:`message_to_dict` made plain.

    Raises:
        ConfigurationError: The data is no message's plain form; nothing but the message types is ever built.
    """
    kind, fields = data.get("type"), data.get("data")
    if kind not in _TYPES or not isinstance(fields, Mapping):
        raise ConfigurationError(f"{kind!r} is no message type; they are {', '.join(sorted(_TYPES))}")
    try:
        return _TYPES[kind](**cast("Mapping[str, Any]", fields))
    except TypeError as wrong:
        raise ConfigurationError(f"a {kind} message does not have these fields: {wrong}") from wrong


def messages_to_dict(messages: Iterable[BaseMessage]) -> list[JSONObject]:
    """Several messages as plain data."""
    return [message_to_dict(message) for message in messages]


def messages_from_dict(data: Iterable[Mapping[str, Any]]) -> list[BaseMessage]:
    """The messages of plain data."""
    return [message_from_dict(item) for item in data]


def messages_to_json(messages: Iterable[BaseMessage]) -> bytes:
    """Several messages as JSON text in UTF-8."""
    return msgspec.json.encode(messages_to_dict(messages))


def messages_from_json(text: bytes | str) -> list[BaseMessage]:
    """The messages of a JSON text.

    Raises:
        ConfigurationError: The text is not JSON, or holds something that is no message.
    """
    try:
        data = msgspec.json.decode(text, type=list[dict[str, Any]])
    except msgspec.MsgspecError as wrong:
        raise ConfigurationError(f"this is not a JSON list of messages: {wrong}") from wrong
    return messages_from_dict(data)


__all__ = [
    "MessageLike",
    "ModelInput",
    "convert_to_messages",
    "message_from_dict",
    "message_to_dict",
    "messages_from_dict",
    "messages_from_json",
    "messages_to_dict",
    "messages_to_json",
]
