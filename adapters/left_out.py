"""What a conversation has besides its content and a format has no place for: nothing of it is dropped silently."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import cast

from tidewire.adapters.content import field_of
from tidewire.adapters.spec import NativeTool, ToolSpec
from tidewire.events.blocks import JSONObject
from tidewire.events.messages import AIMessage, BaseMessage, ToolMessage
from tidewire.events.types import WarningEvent


def left_out(
    whose: str,
    messages: Sequence[BaseMessage],
    tools: Collection[ToolSpec | NativeTool] = (),
    *,
    names: bool = False,
    cache_marks: bool = False,
    failures: bool = False,
    citations_of: Collection[str] | None = (),
) -> list[WarningEvent]:
    """A warning for each thing that stands in a request and is left out of it.

    Args:
        whose: The format's name, for the texts.
        messages: The conversation.
        tools: The tools, where the format has no marks on them.
        names: Whether the format has names of speakers. A tool's name is another matter.
        cache_marks: Whether it has ``cache_control`` on parts of messages.
        failures: Whether a tool's result can say that the tool failed.
        citations_of: The providers whose citations it takes back; None where ``citations_left_out`` is told already.
    """
    warnings: list[WarningEvent] = []
    results = [message for message in messages if isinstance(message, ToolMessage)]
    answers = [message for message in messages if isinstance(message, AIMessage)]
    if not names and any(message.name and not isinstance(message, ToolMessage) for message in messages):
        text = f"the names of speakers were left out: {whose} has none"
        warnings.append(WarningEvent(code="name_left_out", text=text))
    if not cache_marks and any(map(_is_marked, messages)):
        text = f"cache_control was left out of the messages: {whose} has no such marks"
        warnings.append(WarningEvent(code="cache_mark_left_out", text=text))
    if tools and any(isinstance(tool, ToolSpec) and "cache_control" in tool.extras for tool in tools):
        text = f"cache_control was left out of the tools: {whose} has no such marks"
        warnings.append(WarningEvent(code="cache_mark_left_out", text=text))
    if results and not failures and any(message.status == "error" for message in results):
        text = f"that a tool failed was left out: {whose} has no place for it but the text of the result"
        warnings.append(WarningEvent(code="failure_left_out", text=text))
    if answers and citations_of is not None and any(_cites_in_vain(message, citations_of) for message in answers):
        warnings.append(citations_left_out(whose))
    return warnings


def citations_left_out(whose: str) -> WarningEvent:
    """The warning for citations of an answer that do not go back."""
    text = f"citations in the history were left out: {whose} does not take them back"
    return WarningEvent(code="citations_left_out", text=text)


def _cites_in_vain(message: AIMessage, citations_of: Collection[str]) -> bool:
    maker = message.response_metadata.get("model_provider")
    if citations_of and (maker is None or maker in citations_of):
        return False
    return any(block.get("annotations") for block in cast("list[JSONObject]", message.content_blocks))


def _is_marked(message: BaseMessage) -> bool:
    for block in cast("list[JSONObject]", message.content_blocks):
        if field_of(block, "cache_control") is not None:
            return True
    return False


__all__ = ["citations_left_out", "left_out"]
