"""A conversation as the input of the Responses API: a list of items.

The format's rules that shape this file:

- A message of a user or of the system is one item; so is each result of a tool. What an assistant's message becomes is
  told in ``openai_responses_history``.
- Images and documents stand in user messages and in results of tools, as data URLs, addresses or ids of uploaded files.
  There is no place for sound and film.
- What answers a call in OpenAI's own form (``computer_call_output``, ``mcp_approval_response``, …) is an item of its
  own: whoever writes one puts it into a message as a part.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from tidewire.adapters.content import data_url, field_of, file_name, plain_text, web_address
from tidewire.adapters.left_out import left_out
from tidewire.adapters.openai_responses_dialect import Dialect
from tidewire.adapters.openai_responses_history import History
from tidewire.events.blocks import JSONObject
from tidewire.events.errors import ConfigurationError
from tidewire.events.messages import AIMessage, BaseMessage, ToolMessage
from tidewire.events.types import WarningEvent


class Conversation:
    """Messages as the body's ``input``; one instance spells one request.

    Args:
        dialect: Whom it is sent to.
        stored: Whether the provider stores answers.
    """

    def __init__(self, dialect: Dialect, *, stored: bool = True) -> None:
        self._dialect = dialect
        self._history = History(dialect, stored=stored)
        #: The id of the answer that the input continues, when only what follows it is sent.
        self.previous_response_id: str | None = None
        #: What was left out.
        self.warnings: list[WarningEvent] = []

    def spell(self, messages: Sequence[BaseMessage], *, after_last_answer: bool = False) -> list[JSONObject]:
        """The items.

        Args:
            messages: The conversation.
            after_last_answer: Only those that follow the last answer that the provider knows by its id.

        Raises:
            ConfigurationError: The format cannot spell a block; it is named.
        """
        start = self._start(messages) if after_last_answer else 0
        for message in messages[:start]:
            if isinstance(message, AIMessage):
                self._history.spell(message)  # for its calls, whose results may follow
        self._history.warnings.clear()
        items = [item for message in messages[start:] for item in self._items(message)]
        self.warnings += self._history.warnings
        self.warnings += left_out(f"{self._dialect.provider}'s Responses API", messages[start:], citations_of=None)
        return items

    def _start(self, messages: Sequence[BaseMessage]) -> int:
        for place in range(len(messages), 0, -1):
            message = messages[place - 1]
            if isinstance(message, AIMessage) and self._history.is_own(message):
                id = message.response_metadata.get("id")
                if isinstance(id, str):
                    self.previous_response_id = id
                    return place
        return 0

    def _items(self, message: BaseMessage) -> list[JSONObject]:
        match message:
            case AIMessage():
                return self._history.spell(message)
            case ToolMessage():
                return self._result(message)
            case _ if message.type == "system":
                return self._said(message, self._dialect.system_role, "a system message")
            case _:
                return self._said(message, "user", "a user message")

    def _said(self, message: BaseMessage, role: str, place: str) -> list[JSONObject]:
        parts, items = self._parts(message, place)
        if parts or not items:
            items.append({"role": role, "content": _shortest(parts)})
        return items

    def _result(self, message: ToolMessage) -> list[JSONObject]:
        parts, items = self._parts(message, "a tool message")
        if parts or not items:
            call = self._history.calls.get(message.tool_call_id, {})
            custom = call.get("type") == "custom_tool_call"
            result: JSONObject = {
                "type": "custom_tool_call_output" if custom else "function_call_output",
                "call_id": call.get("call_id", message.tool_call_id),
                "output": _shortest(parts),
            }
            if "caller" in call:
                result["caller"] = call["caller"]
            items.append(result)
        return items

    # ------------------------------------------------------------ parts

    def _parts(self, message: BaseMessage, place: str) -> tuple[list[JSONObject], list[JSONObject]]:
        """The parts of a message, and the items that stand among them."""
        parts: list[JSONObject] = []
        items: list[JSONObject] = []
        for block in cast("list[JSONObject]", message.content_blocks):
            if block["type"] == "non_standard":
                value: JSONObject = block["value"]
                (parts if str(value.get("type")).startswith("input_") else items).append(value)
                continue
            part = self._part(block, place)
            mark = field_of(block, "prompt_cache_breakpoint")
            parts.append(part if mark is None else {**part, "prompt_cache_breakpoint": mark})
        return parts, items

    def _part(self, block: JSONObject, place: str) -> JSONObject:
        kind = block["type"]
        match kind:
            case "text":
                return {"type": "input_text", "text": block["text"]}
            case "text-plain" if "text" in block or "base64" in block:
                return {"type": "input_text", "text": plain_text(block, self._dialect.provider)}
            case "image" if place != "a system message":
                return self._image(block)
            case "file" | "text-plain" if place != "a system message":
                return self._file(block)
            case _:
                raise ConfigurationError(f"{self._dialect.provider}'s Responses API has no {kind} block in {place}")

    def _image(self, block: JSONObject) -> JSONObject:
        image: JSONObject = {"type": "input_image", "detail": field_of(block, "detail") or "auto"}
        if "file_id" in block:
            return {**image, "file_id": block["file_id"]}
        return {**image, "image_url": self._address(block)}

    def _file(self, block: JSONObject) -> JSONObject:
        detail = field_of(block, "detail")
        file: JSONObject = {"type": "input_file", **({} if detail is None else {"detail": detail})}
        if "file_id" in block:
            return {**file, "file_id": block["file_id"]}
        if "base64" not in block:
            return {**file, "file_url": self._address(block)}
        return {**file, "filename": file_name(block), "file_data": data_url(block)}

    def _address(self, block: JSONObject) -> str:
        if "url" in block:
            return web_address(block, f"{self._dialect.provider}'s Responses API")
        if "base64" in block:
            return data_url(block)
        raise ConfigurationError(f"a {block['type']} block needs one of url, base64 or file_id")


def _shortest(parts: list[JSONObject]) -> str | list[JSONObject]:
    """The parts, as a text where they are only that."""
    if not parts:
        return ""
    if len(parts) == 1 and parts[0].keys() == {"type", "text"}:
        return cast("str", parts[0]["text"])
    return parts


__all__ = ["Conversation"]
