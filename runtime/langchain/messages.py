"""Messages of LangChain as tidewire's, and answers as LangChain's. The standard content blocks are the same in both.

What LangChain finds in ``AIMessage.content`` depends on ``response_metadata``. Under ``output_version="v1"`` it is the
list of standard blocks. Otherwise it is in the spelling of ``model_provider``, whose own reader LangChain calls, and
these drop what they do not expect (Anthropic's, the tool calls beside a text). So a plain answer names ``tidewire:``
and its provider there, which nobody reads but LangChain's reader for content in general, and this file.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, cast

from langchain_core import messages as theirs
from langchain_core.messages.ai import UsageMetadata

from tidewire.events import messages as ours
from tidewire.events.blocks import JSON, JSONObject
from tidewire.events.convert import convert_to_messages
from tidewire.events.errors import ConfigurationError
from tidewire.events.standard import standard_blocks
from tidewire.events.types import FinishReason

#: Before the provider's name in the metadata of an answer whose content is plain.
PLAIN = "tidewire:"
#: Where a plain answer keeps what only its provider knows of its tool calls, such as signatures, by their ids.
CALL_EXTRAS = "tool_call_extras"

_CALLS = ("tool_call", "invalid_tool_call")
_PIECES = ("tool_call_chunk", "server_tool_call_chunk")


def from_langchain(messages: Iterable[theirs.BaseMessage]) -> list[ours.BaseMessage]:
    """The same conversation in tidewire's messages.

    Raises:
        ConfigurationError: A message is of a type that no model is sent.
    """
    return [_message(message) for message in messages]


def _message(message: theirs.BaseMessage) -> ours.BaseMessage:
    content = cast("str | list[str | JSONObject]", message.content)
    match message:
        case theirs.AIMessage():
            return _answer(message)
        case theirs.HumanMessage():
            return ours.HumanMessage(content, id=message.id, name=message.name)
        case theirs.SystemMessage():
            return ours.SystemMessage(content, id=message.id, name=message.name)
        case theirs.ToolMessage():
            return ours.ToolMessage(
                content, tool_call_id=message.tool_call_id, status=message.status, id=message.id, name=message.name
            )
        case theirs.ChatMessage():
            return convert_to_messages([{"role": message.role, "content": content}])[0]
        case _:
            raise ConfigurationError(
                f"a {type(message).__name__} cannot be sent to a model: use system, human, AI and tool messages"
            )


def _answer(message: theirs.AIMessage) -> ours.AIMessage:
    metadata = dict(message.response_metadata)
    provider: JSON = metadata.get("model_provider")
    if isinstance(provider, str) and provider.startswith(PLAIN):
        metadata["model_provider"] = provider.removeprefix(PLAIN)
        provider = None
    # Content that another package made is best read by that package's reader.
    is_theirs = provider is not None or metadata.get("output_version") == "v1"
    content = cast("str | list[str | JSONObject]", message.content_blocks if is_theirs else message.content)
    said = content if isinstance(content, str) else [*_whole_parts(content)]
    known = [block["id"] for block in standard_blocks(said) if block["type"] in _CALLS and "id" in block]
    extras: JSONObject = message.additional_kwargs.get(CALL_EXTRAS) or {}
    return ours.AIMessage(
        said,
        tool_calls=[
            {**call, "extras": extras[call["id"]]} if call["id"] in extras else {**call}
            for call in message.tool_calls
            if call["id"] not in known
        ],
        invalid_tool_calls=[{**call} for call in message.invalid_tool_calls if call["id"] not in known],
        usage_metadata=cast("Any", message.usage_metadata),  # the same dict by another name
        id=message.id,
        name=message.name,
        response_metadata=metadata,
    )


def _whole_parts(content: Sequence[str | JSONObject]) -> Iterable[str | JSONObject]:
    """The parts of a content without what only says how they came: their places, and the pieces of calls."""
    for part in content:
        if isinstance(part, str):
            yield part
        elif part.get("type") == "refusal" and isinstance(part.get("refusal"), str):
            yield {"type": "text", "text": part["refusal"]}
        elif part.get("type") not in _PIECES:
            yield {key: value for key, value in part.items() if key != "index"}


def to_langchain(
    message: ours.AIMessage, *, id: str, finish: FinishReason | None, version: str | None
) -> theirs.AIMessage:
    """An answer as LangChain's message.

    Args:
        message: The answer.
        id: The id that LangChain knows its run by.
        finish: Why the model stopped.
        version: LangChain's ``output_version``: "v1" gives the content as standard blocks also where it is plain.
    """
    blocks = cast("list[JSONObject]", message.content_blocks)
    standard = version == "v1" or not is_plain(blocks)
    return theirs.AIMessage(
        content=[{**block} for block in blocks] if standard else message.text,
        tool_calls=[{**call} for call in message.tool_calls],
        invalid_tool_calls=[{**call} for call in message.invalid_tool_calls],
        usage_metadata=usage_of(message),
        id=id,
        name=message.name,
        response_metadata=metadata_of(message, finish=finish, standard=standard),
    )


def is_plain(blocks: Iterable[JSONObject]) -> bool:
    """Whether a text and a list of calls can say the same: one text at most, and first, and nothing beside it.

    The id of a text is no more than that: it can be sent back without.
    """
    for place, block in enumerate(blocks):
        if block["type"] == "text":
            if place or not block.keys() <= {"type", "text", "id"}:
                return False
        elif block["type"] not in _CALLS or "extras" in block:
            return False
    return True


def metadata_of(message: ours.AIMessage, *, finish: FinishReason | None, standard: bool) -> JSONObject:
    """The metadata of an answer, with ``finish``, why the model stopped, in one word for all providers."""
    metadata = dict(message.response_metadata)
    if standard:
        metadata["output_version"] = "v1"
    elif "model_provider" in metadata:
        metadata["model_provider"] = f"{PLAIN}{metadata['model_provider']}"
    if finish is not None:
        metadata["finish"] = finish
    return metadata


def usage_of(message: ours.AIMessage) -> UsageMetadata | None:
    """The tokens of an answer."""
    usage: UsageMetadata | None = cast("Any", message.usage_metadata)  # the same dict by another name
    return usage


__all__ = ["CALL_EXTRAS", "PLAIN", "from_langchain", "is_plain", "metadata_of", "to_langchain", "usage_of"]
