"""Conversations taken apart: messages picked out by kind, name and id, and neighbours of one kind made one.

Each function takes its messages in any form that a model does, and gives new lists; no message is changed. Called
without messages it gives a :class:`MessageStep`, which does the same to the messages that it gets later.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Iterable, Sequence
from itertools import groupby
from typing import Any, Concatenate, ParamSpec, Protocol, TypeAlias, cast, overload

from tidewire.events.blocks import JSONObject
from tidewire.events.convert import ROLES, ModelInput, convert_to_messages
from tidewire.events.errors import ConfigurationError
from tidewire.events.fold import add_usage
from tidewire.events.messages import AIMessage, BaseMessage, ToolMessage

P = ParamSpec("P")

#: A kind of message: by its word ("human", "ai", "system", "tool", or a role such as "user"), or by its class.
MessageKind: TypeAlias = str | type[BaseMessage]
#: One kind or several.
MessageKinds: TypeAlias = MessageKind | Sequence[MessageKind]


class MessageStep:
    """A function of messages whose other arguments are given already."""

    def __init__(self, change: Callable[[ModelInput], list[BaseMessage]]) -> None:
        self._change = change

    def __call__(self, messages: ModelInput) -> list[BaseMessage]:
        """What becomes of these messages."""
        return self._change(messages)

    def invoke(self, input: ModelInput, config: object = None) -> list[BaseMessage]:
        """What becomes of these messages; ``config`` has nothing to say here."""
        return self._change(input)

    async def ainvoke(self, input: ModelInput, config: object = None) -> list[BaseMessage]:
        """:meth:`invoke` for async code."""
        return self._change(input)


class MessageFunction(Protocol[P]):
    """A function of messages that waits for them if there are none."""

    @overload
    def __call__(self, messages: ModelInput, /, *args: P.args, **kwargs: P.kwargs) -> list[BaseMessage]: ...

    @overload
    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> MessageStep: ...


def waits_for_messages(function: Callable[Concatenate[list[BaseMessage], P], list[BaseMessage]]) -> MessageFunction[P]:
    """Let a function of messages take them in any form, or later."""

    change_by = cast("Callable[..., list[BaseMessage]]", function)

    def change(given: ModelInput, arguments: dict[str, Any]) -> list[BaseMessage]:
        return change_by(convert_to_messages(given), **arguments)

    @functools.wraps(function)
    def called(messages: ModelInput | None = None, **arguments: Any) -> list[BaseMessage] | MessageStep:
        if messages is None:
            return MessageStep(lambda given: change(given, arguments))
        return change(messages, arguments)

    return cast("MessageFunction[P]", called)


def kinds_test(kinds: MessageKinds) -> Callable[[BaseMessage], bool]:
    """Whether a message is of one of these kinds.

    Raises:
        ConfigurationError: There is no such kind.
    """
    listed: list[object] = [kinds] if isinstance(kinds, (str, type)) else list(kinds)
    classes: list[type[BaseMessage]] = []
    for kind in listed:
        found = ROLES.get(kind) if isinstance(kind, str) else kind
        if not (isinstance(found, type) and issubclass(found, BaseMessage)):
            words = ", ".join(sorted(ROLES))
            raise ConfigurationError(f"there are no messages of the type {kind!r}; types are {words}, or a class")
        classes.append(found)
    wanted = tuple(classes)
    return lambda message: isinstance(message, wanted)


@waits_for_messages
def filter_messages(
    messages: list[BaseMessage],
    *,
    include_names: Sequence[str] | None = None,
    exclude_names: Sequence[str] | None = None,
    include_types: MessageKinds | None = None,
    exclude_types: MessageKinds | None = None,
    include_ids: Sequence[str] | None = None,
    exclude_ids: Sequence[str] | None = None,
    exclude_tool_calls: Collection[str] | bool | None = None,
) -> list[BaseMessage]:
    """The messages that fit one ``include_…`` (all of them, if none is given) and no ``exclude_…``.

    Args:
        messages: The conversation, in any form that a model takes.
        include_names: Keep messages of these names.
        exclude_names: Leave out messages of these names.
        include_types: Keep messages of these kinds: "human", "ai", "system", "tool", or classes.
        exclude_types: Leave out messages of these kinds.
        include_ids: Keep messages of these ids.
        exclude_ids: Leave out messages of these ids.
        exclude_tool_calls: True leaves out messages that call tools, and what tools gave back. Ids leave out these
            calls and their results; of a message that also has others, the rest stays.

    Raises:
        ConfigurationError: There are no messages of such a kind.
    """
    if isinstance(exclude_tool_calls, str):
        raise ConfigurationError(f"exclude_tool_calls takes ids in a list: [{exclude_tool_calls!r}]")
    of_kind = None if include_types is None else kinds_test(include_types)
    not_of_kind = None if exclude_types is None else kinds_test(exclude_types)
    every = include_names is None and include_ids is None and of_kind is None
    kept: list[BaseMessage] = []
    for message in messages:
        if (
            (exclude_names and message.name in exclude_names)
            or (exclude_ids and message.id in exclude_ids)
            or (not_of_kind is not None and not_of_kind(message))
        ):
            continue
        left = _without_calls(message, exclude_tool_calls) if exclude_tool_calls else message
        if left is not None and (
            every
            or (include_names is not None and left.name in include_names)
            or (include_ids is not None and left.id in include_ids)
            or (of_kind is not None and of_kind(left))
        ):
            kept.append(left)
    return kept


def _without_calls(message: BaseMessage, excluded: Collection[str] | bool) -> BaseMessage | None:
    """What is left of a message without some calls, or all; None: nothing."""
    if isinstance(message, ToolMessage):
        return None if isinstance(excluded, bool) or message.tool_call_id in excluded else message
    if not isinstance(message, AIMessage) or not message.tool_calls:
        return message
    if isinstance(excluded, bool):
        return None
    calls = [call for call in message.tool_calls if call["id"] not in excluded]
    if len(calls) == len(message.tool_calls):
        return message
    if not calls:
        return None
    blocks = [block for block in message.content_blocks if block["type"] != "tool_call" or block["id"] not in excluded]
    if isinstance(message.content, str):
        return message.model_copy(update={"tool_calls": calls})
    return message.model_copy(update={"content_blocks": blocks, "tool_calls": [], "invalid_tool_calls": []})


@waits_for_messages
def merge_message_runs(messages: list[BaseMessage], *, chunk_separator: str = "\n") -> list[BaseMessage]:
    """The messages with neighbours of one kind made one; what tools gave back stays apart, each for its call.

    Texts are joined; contents that are lists follow one another. A merged message has the first one's id and name,
    all the tool calls, the tokens together, and the last value of each key of its metadata.

    Args:
        messages: The conversation, in any form that a model takes.
        chunk_separator: What stands between joined texts.
    """
    merged: list[BaseMessage] = []
    for kind, run in groupby(messages, key=lambda message: message.type):
        neighbours = list(run)
        if kind == "tool" or len(neighbours) == 1:
            merged += neighbours
        else:
            merged.append(_merged(neighbours, chunk_separator))
    return merged


def _merged(messages: list[BaseMessage], separator: str) -> BaseMessage:
    fields: dict[str, Any] = {
        "id": next((message.id for message in messages if message.id is not None), None),
        "name": next((message.name for message in messages if message.name is not None), None),
        "additional_kwargs": _last_of_each(message.additional_kwargs for message in messages),
        "response_metadata": _last_of_each(message.response_metadata for message in messages),
    }
    contents = [message.content for message in messages]
    texts = [content for content in contents if isinstance(content, str)]
    plain = len(texts) == len(contents)
    answers = [message for message in messages if isinstance(message, AIMessage)]
    if not answers:
        parts = [part for content in contents for part in ([content] if isinstance(content, str) else content) if part]
        fields["content"] = separator.join(filter(None, texts)) if plain else parts
        return type(messages[0])(**fields)
    usages = [answer.usage_metadata for answer in answers if answer.usage_metadata is not None]
    if usages:
        fields["usage_metadata"] = add_usage(usages)
    if not plain:
        return AIMessage(content_blocks=[block for answer in answers for block in answer.content_blocks], **fields)
    return AIMessage(
        separator.join(filter(None, texts)),
        tool_calls=[call for answer in answers for call in answer.tool_calls],
        invalid_tool_calls=[call for answer in answers for call in answer.invalid_tool_calls],
        **fields,
    )


def _last_of_each(data: Iterable[JSONObject]) -> JSONObject:
    merged: JSONObject = {}
    for fields in data:
        merged.update(fields)
    return merged


def get_buffer_string(
    messages: ModelInput,
    human_prefix: str = "Human",
    ai_prefix: str = "AI",
    *,
    system_prefix: str = "System",
    tool_prefix: str = "Tool",
    message_separator: str = "\n",
) -> str:
    """The conversation as a text, a line for each message: ``Human: …``; calls of tools follow what an answer says."""
    names = {"human": human_prefix, "ai": ai_prefix, "system": system_prefix, "tool": tool_prefix}
    lines: list[str] = []
    for message in convert_to_messages(messages):
        calls = message.tool_calls if isinstance(message, AIMessage) else []
        shown = "".join(f"{call['name']}({call['args']})" for call in calls)
        lines.append(f"{names[message.type]}: {message.text}{shown}")
    return message_separator.join(lines)


__all__ = [
    "MessageFunction",
    "MessageKind",
    "MessageKinds",
    "MessageStep",
    "filter_messages",
    "get_buffer_string",
    "kinds_test",
    "merge_message_runs",
    "waits_for_messages",
]
