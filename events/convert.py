"""What callers hand in as a conversation, as messages; and messages as plain data and back.

The plain form of a message is ``{"type": "human", "data": {…}}``. Reading it makes messages of the types below and
nothing else: it never imports or builds anything by a name found in the data.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Literal, TypeAlias, cast

import msgspec

from tidewire.events.blocks import JSON, JSONObject, UsageMetadata
from tidewire.events.chunks import AIMessageChunk
from tidewire.events.errors import ConfigurationError
from tidewire.events.foreign import left_behind
from tidewire.events.json_depth import DEPTH_LIMIT, is_too_deep
from tidewire.events.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage
from tidewire.events.plain_message import json_of
from tidewire.events.spellings import bare_image
from tidewire.events.tool_args import parse_arguments

#: One message in any form: an object, a text, a dict with ``role`` and ``content``, or a (role, content) pair.
MessageLike: TypeAlias = BaseMessage | str | Mapping[str, Any] | tuple[str, Any] | list[Any]
#: What a model is called with.
ModelInput: TypeAlias = BaseMessage | str | Mapping[str, Any] | Iterable[MessageLike]

#: The words for who speaks, and the messages that they stand for.
ROLES: dict[str, type[BaseMessage]] = {
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


class _Data(msgspec.Struct, forbid_unknown_fields=True):
    """The fields of every message in plain form, and what each of them may hold (of contents, messages see to that)."""

    content: JSON = None
    content_blocks: JSON = None
    id: str | None = None
    name: str | None = None
    additional_kwargs: JSONObject = {}
    response_metadata: JSONObject = {}


class _AIData(_Data, forbid_unknown_fields=True):
    tool_calls: list[JSONObject] = []
    invalid_tool_calls: list[JSONObject] = []
    usage_metadata: UsageMetadata | None = None


class _ChunkData(_AIData, forbid_unknown_fields=True):
    tool_call_chunks: list[JSONObject] = []
    chunk_position: Literal["last"] | None = None


class _ToolData(_Data, forbid_unknown_fields=True, kw_only=True):
    tool_call_id: str
    status: Literal["success", "error"] = "success"
    artifact: JSON = None


_PLAIN: dict[type[BaseMessage], type[_Data]] = {
    HumanMessage: _Data,
    SystemMessage: _Data,
    AIMessage: _AIData,
    AIMessageChunk: _ChunkData,
    ToolMessage: _ToolData,
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
    given = cast("object", input)
    if isinstance(given, (str, BaseMessage, Mapping)):
        return [_message(cast("object", given), "the input")]
    _refuse_foreign(given, "the input")  # their messages and prompts can be iterated, too: field by field
    if not isinstance(given, Iterable) or isinstance(given, (bytes, bytearray)):
        raise ConfigurationError(
            f"a model is called with a text, a message or a list of messages, not {type(given).__name__}"
        )
    return [_message(item, f"message {place}") for place, item in enumerate(cast("Iterable[object]", given))]


def _message(item: object, where: str) -> BaseMessage:
    if isinstance(item, BaseMessage):
        return item
    if isinstance(item, str):
        return HumanMessage(item)
    if isinstance(item, Mapping):
        return _from_role(cast("Mapping[str, Any]", item), where)
    if isinstance(item, (tuple, list)):
        pair = list(cast("Iterable[object]", item))
        if len(pair) == 2 and isinstance(pair[0], str):
            return _from_role({"role": pair[0], "content": pair[1]}, where)
        raise ConfigurationError(f"{where} is no (role, content) pair but holds {len(pair)} things")
    _refuse_foreign(item, where)
    raise ConfigurationError(
        f"{where} is of type {type(item).__name__}; messages are message objects, texts, dicts or pairs"
    )


def _refuse_foreign(item: object, where: str) -> None:
    """Say of a message or prompt of LangChain's what to do about it.

    Raises:
        ConfigurationError: It is one.
    """
    is_message = not hasattr(item, "to_messages")
    hint = left_behind(item, "tidewire.messages" if is_message else None)
    if hint is not None:
        raise ConfigurationError(f"{where} is {hint}")


def _from_role(given: Mapping[str, Any], where: str) -> BaseMessage:
    if isinstance(given.get("data"), Mapping) and "type" in given:
        return _from_plain(given, where)
    role = given.get("role", given.get("type"))
    kind = ROLES.get(role) if isinstance(role, str) else None
    if kind is None:
        raise ConfigurationError(f"{where} has the role {role!r}; roles are {', '.join(sorted(ROLES))}")
    if "content" not in given and "content_blocks" not in given and not given.get("tool_calls"):
        raise ConfigurationError(f"{where} needs the keys 'role' and 'content', it has {sorted(given)}")
    fields: dict[str, Any] = {}
    if "content_blocks" in given:
        fields["content_blocks"] = given["content_blocks"]
    else:
        content = given.get("content")
        fields["content"] = "" if content is None else content
        given = _with_images_inside(given, fields)
    extra: JSONObject = {}
    for key, value in given.items():
        if key in ("role", "type", "content", "content_blocks", "tool_calls") or value is None:
            continue
        if key in _PLAIN[kind].__struct_fields__:
            fields[key] = value
        else:
            extra[key] = value
    if role == "developer":  # the field's mark: OpenAI knows both roles, everybody else one
        extra["__openai_role__"] = role
    if extra:
        fields["additional_kwargs"] = {**extra, **fields.get("additional_kwargs", {})}
    if kind is ToolMessage and "tool_call_id" not in fields:
        raise ConfigurationError(f"{where} is a tool's result and needs 'tool_call_id'")
    if kind is AIMessage and given.get("tool_calls"):
        calls, invalid = _tool_calls(given["tool_calls"], where)
        fields["tool_calls"] = calls
        fields["invalid_tool_calls"] = [*fields.get("invalid_tool_calls", ()), *invalid]
    return _make(kind, fields, where)


def _with_images_inside(given: Mapping[str, Any], fields: dict[str, Any]) -> Mapping[str, Any]:
    """Put images that stand beside the content, as in Ollama's form, into it; what is left of the given message."""
    content, images = fields["content"], given.get("images")
    if not isinstance(content, (str, list)) or not isinstance(images, list):
        return given
    listed = cast("list[object]", images)
    if not all(isinstance(image, str) for image in listed):
        return given
    parts = cast("list[object]", [content] if isinstance(content, str) else content)
    fields["content"] = [*parts, *map(bare_image, cast("list[str]", listed))]
    return {key: value for key, value in given.items() if key != "images"}


def _make(kind: type[BaseMessage], fields: Mapping[str, Any], where: str) -> BaseMessage:
    """The message of these fields, each of which holds what it may hold."""
    try:
        msgspec.convert(fields, _PLAIN[kind])
        return kind(**fields)
    except msgspec.ValidationError as wrong:
        raise ConfigurationError(f"{where} is no {kind.__name__}: {wrong}") from wrong
    except ConfigurationError as wrong:
        raise ConfigurationError(f"{where} is no {kind.__name__}: {wrong.message}") from wrong


def _tool_calls(given: object, where: str) -> tuple[list[JSONObject], list[JSONObject]]:
    """Tool calls in the field's form (``name``, ``args``, ``id``) or in OpenAI's (``function`` with JSON text)."""
    if not isinstance(given, (list, tuple)):
        raise ConfigurationError(f"{where} has tool_calls of type {type(given).__name__}, not a list")
    calls: list[JSONObject] = []
    invalid: list[JSONObject] = []
    for item in cast("Iterable[object]", given):
        if not isinstance(item, Mapping):
            raise ConfigurationError(f"{where} has a tool call of type {type(item).__name__}, not a dict")
        call = cast("Mapping[str, JSON]", item)
        if not isinstance(call.get("function"), Mapping):
            calls.append(dict(call))
            continue
        function = cast("Mapping[str, JSON]", call["function"])
        text = function.get("arguments") or ""
        args: JSON = parse_arguments(text) if isinstance(text, str) else text
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
    return _from_plain(data, "this")


def _from_plain(given: object, where: str) -> BaseMessage:
    if not isinstance(given, Mapping):
        raise ConfigurationError(f"{where} is of type {type(given).__name__}, not a dict")
    data = cast("Mapping[str, JSON]", given)
    kind, fields = data.get("type"), data.get("data")
    found = _TYPES.get(kind) if isinstance(kind, str) else None
    if found is None:
        raise ConfigurationError(f"{where} has the type {kind!r}; types are {', '.join(sorted(_TYPES))}")
    if not isinstance(fields, Mapping):
        raise ConfigurationError(f"{where} needs its fields in a dict under 'data', not {type(fields).__name__}")
    return _make(found, cast("Mapping[str, JSON]", fields), where)


def messages_to_dict(messages: Iterable[BaseMessage]) -> list[JSONObject]:
    """Several messages as plain data."""
    return [message_to_dict(message) for message in messages]


def messages_from_dict(data: Iterable[Mapping[str, Any]]) -> list[BaseMessage]:
    """The messages of plain data."""
    return [_from_plain(item, f"message {place}") for place, item in enumerate(data)]


def messages_to_json(messages: Iterable[BaseMessage]) -> bytes:
    """Several messages as JSON text in UTF-8.

    Raises:
        ConfigurationError: A message holds something of the caller's own that JSON has no form for.
    """
    return json_of(messages_to_dict(messages))


def messages_from_json(text: bytes | str) -> list[BaseMessage]:
    """The messages of a JSON text.

    Raises:
        ConfigurationError: The text is not JSON, or holds something that is no message.
    """
    if is_too_deep(text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text):
        raise ConfigurationError(f"this is no JSON: nested deeper than {DEPTH_LIMIT}")
    try:
        try:
            data: object = msgspec.json.decode(text)
        except msgspec.DecodeError:  # only json reads half a character
            data = json.loads(text)
    except ValueError as wrong:
        raise ConfigurationError(f"this is no JSON: {wrong}") from wrong
    if not isinstance(data, list):
        raise ConfigurationError(f"messages stand in a JSON array, not in {type(data).__name__}")
    return messages_from_dict(cast("list[JSONObject]", data))


__all__ = [
    "ROLES",
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
