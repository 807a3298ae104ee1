"""A conversation in Anthropic's Messages format.

The format's rules that shape this file:

- ``system`` stands beside the messages. Where the model takes a system message further on, that must follow a user turn
  and be followed by an assistant turn or nothing, so it waits for the end of the user turn that it stands before or in.
- Turns alternate: what comes from one side in a row is one turn. Results of tools are user content, before all other.
- Blank text is refused, an empty turn too, and white space at the end of a final assistant turn.
- A signed or encrypted block is taken back only by the provider that made it, and unchanged.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Sequence
from typing import cast

from tidewire.adapters.anthropic_blocks import write_block, write_citation
from tidewire.adapters.content import answer_blocks, field_of, plain_id, web_address
from tidewire.events.blocks import JSONObject
from tidewire.events.errors import ConfigurationError
from tidewire.events.messages import AIMessage, BaseMessage, ToolMessage
from tidewire.events.tool_args import parse_partial_arguments
from tidewire.events.types import WarningEvent

#: What a document is when it does not say.
_DOCUMENT_TYPES = {"file": "application/pdf", "text-plain": "text/plain"}

_Blocks = list[JSONObject]


class Conversation:
    """Messages as ``system`` and turns; one instance spells one request.

    Args:
        provider: Whose answers may be sent back with all that they hold; a message names its own in
            ``response_metadata["model_provider"]``, and one that names none counts as this provider's.
        system_in_place: Whether the model takes a system message after the first turn where it stands.
    """

    def __init__(self, provider: str, *, system_in_place: bool) -> None:
        self._provider = provider
        self._system_in_place = system_in_place
        self._system: _Blocks = []
        self._turns: list[tuple[str, _Blocks]] = []
        self._waiting: _Blocks = []
        #: What was left out or moved.
        self.warnings: list[WarningEvent] = []

    def add(self, messages: Sequence[BaseMessage]) -> None:
        """Spell all messages of the request.

        Raises:
            ConfigurationError: The format cannot spell a block; it is named.
        """
        answered = {message.tool_call_id for message in messages if isinstance(message, ToolMessage)}
        for message in messages:
            if isinstance(message, AIMessage):
                self._add_answer(_Answer(message, self._provider, answered))
            elif isinstance(message, ToolMessage):
                self._add_turn("user", [_tool_result(message)])
            elif message.type == "system":
                self._add_system(_system(message))
            else:
                self._add_turn("user", _user(message.content_blocks, "a user message"))
        self._place_waiting()
        self._strip_final_answer()

    @property
    def system(self) -> str | _Blocks:
        """The system prompt; empty if there is none."""
        return _shortest(self._system)

    @property
    def turns(self) -> list[JSONObject]:
        """The turns, as the body's ``messages``."""
        return [{"role": role, "content": _content(blocks)} for role, blocks in self._turns]

    def _add_system(self, blocks: _Blocks) -> None:
        if not self._turns:
            self._system += blocks
        elif self._system_in_place:
            self._waiting += blocks
        else:
            self._system += blocks
            text = "a system message in the middle of the conversation was joined to the system prompt"
            self.warnings.append(WarningEvent(code="system_message_moved", text=text))

    def _add_answer(self, answer: _Answer) -> None:
        self.warnings += answer.warnings
        if answer.blocks:  # an answer of nothing that may be sent back is no turn
            self._place_waiting()
            self._add_turn("assistant", answer.blocks)

    def _add_turn(self, role: str, blocks: _Blocks) -> None:
        if self._turns and self._turns[-1][0] == role:
            self._turns[-1][1].extend(blocks)
        else:
            self._turns.append((role, blocks))

    def _place_waiting(self) -> None:
        if self._waiting:
            self._turns.append(("system", self._waiting))
            self._waiting = []

    def _strip_final_answer(self) -> None:
        if self._turns and self._turns[-1][0] == "assistant":
            blocks = self._turns[-1][1]
            if blocks[-1].get("type") == "text":
                blocks[-1] = {**blocks[-1], "text": blocks[-1]["text"].rstrip()}


class _Answer:
    """An assistant message's blocks, as far as the provider takes them back."""

    def __init__(self, message: AIMessage, provider: str, answered: set[str]) -> None:
        self.warnings: list[WarningEvent] = []
        self._maker = message.response_metadata.get("model_provider")
        self._own = self._maker is None or self._maker == provider
        self.blocks = [
            spelled
            for block in answer_blocks(message, own=self._own)
            if (spelled := self._spell(block, answered)) is not None
        ]

    def _spell(self, block: JSONObject, answered: set[str]) -> JSONObject | None:
        match block["type"]:
            case "text":
                return self._text(block)
            case "tool_call":
                return self._tool_use(block, block["args"])
            case "invalid_tool_call" | "tool_call_chunk":
                # It stands for its call only where a result refers to it, with what of its arguments can be read.
                if block.get("id") not in answered:
                    return None
                return self._tool_use(block, parse_partial_arguments(block.get("args") or "") or {})
            case "reasoning" | "server_tool_call" | "server_tool_call_chunk" | "server_tool_result" | "non_standard":
                return self._made_by_provider(block)
            case kind:
                raise _unspellable(kind, "an assistant message")

    def _text(self, block: JSONObject) -> JSONObject | None:
        if not block["text"].strip():
            return None
        spelled = _text(block)
        if self._own:
            written = [write_citation(note) for note in block.get("annotations") or ()]
            # Who wrote the block in Anthropic's form has them under that name.
            citations = [*(block.get("citations") or ()), *(citation for citation in written if citation is not None)]
            if citations:
                spelled["citations"] = citations
        return spelled

    def _tool_use(self, block: JSONObject, args: JSONObject) -> JSONObject:
        spelled: JSONObject = {
            "type": "tool_use",
            "id": plain_id(block["id"]),
            "name": block["name"] or "unnamed",
            "input": args,
        }
        if self._own:
            extras: JSONObject = block.get("extras") or {}
            spelled.update({key: extras[key] for key in ("caller", "toolset_name") if extras.get(key) is not None})
        return _marked(spelled, block)

    def _made_by_provider(self, block: JSONObject) -> JSONObject | None:
        written = write_block(block) if self._own else None
        if written is None:
            why = "it is not whole" if self._own else f"it belongs to {self._maker}"
            text = f"a {block['type']} block of the history was left out: {why}"
            self.warnings.append(WarningEvent(code="block_left_out", text=text))
        return written


def _system(message: BaseMessage) -> _Blocks:
    blocks: _Blocks = []
    for block in cast("_Blocks", message.content_blocks):
        match block["type"]:
            case "text":
                if block["text"]:
                    blocks.append(_text(block))
            case "non_standard":
                blocks.append(block["value"])
            case kind:
                raise _unspellable(kind, "a system message")
    return blocks


def _user(blocks: Iterable[object], place: str) -> _Blocks:
    spelled: _Blocks = []
    for block in cast("Iterable[JSONObject]", blocks):
        match block["type"]:
            case "text":
                if block["text"]:
                    spelled.append(_text(block))
            case "image":
                spelled.append(_image(block))
            case "file" | "text-plain":
                spelled.append(_document(block))
            case "non_standard":
                spelled.append(block["value"])
            case kind:
                raise _unspellable(kind, place)
    return spelled


def _tool_result(message: ToolMessage) -> JSONObject:
    result: JSONObject = {"type": "tool_result", "tool_use_id": plain_id(message.tool_call_id)}
    content = _user(message.content_blocks, "a tool message")
    if content:
        result["content"] = _shortest(content)
    if message.status == "error":
        result["is_error"] = True
    return result


def _content(blocks: _Blocks) -> str | _Blocks:
    # The results of a turn's tools come first, or the API finds the calls before them unanswered.
    return _shortest(sorted(blocks, key=lambda block: block.get("type") != "tool_result"))


def _shortest(blocks: _Blocks) -> str | _Blocks:
    """The blocks, as a text where they are only that."""
    if not blocks:
        return ""
    if len(blocks) == 1 and blocks[0].keys() == {"type", "text"}:
        return cast("str", blocks[0]["text"])
    return blocks


def _text(block: JSONObject) -> JSONObject:
    return _marked({"type": "text", "text": block["text"]}, block)


def _image(block: JSONObject) -> JSONObject:
    source = _source(block)
    if source["type"] == "base64" and not source["media_type"]:
        raise ConfigurationError("an image given as base64 needs its mime_type, such as 'image/png'")
    return _marked({"type": "image", "source": source}, block)


def _document(block: JSONObject) -> JSONObject:
    source: JSONObject
    if block.get("text") is not None:
        source = {"type": "text", "media_type": "text/plain", "data": block["text"]}
    else:
        source = _source(block)
        if source["type"] == "base64":
            source = _document_data(source["data"], source["media_type"] or _DOCUMENT_TYPES[block["type"]])
    document: JSONObject = {"type": "document", "source": source}
    named = {key: field_of(block, key) for key in ("title", "context", "citations")}
    named["title"] = named["title"] or field_of(block, "filename")
    document.update({key: value for key, value in named.items() if value is not None})
    return _marked(document, block)


def _document_data(data: str, mime_type: str) -> JSONObject:
    if mime_type == "application/pdf":
        return {"type": "base64", "media_type": mime_type, "data": data}
    if not mime_type.startswith("text/"):
        raise ConfigurationError(f"anthropic reads files of type application/pdf and text/plain, not {mime_type}")
    try:
        text = base64.b64decode(data).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise ConfigurationError(f"a {mime_type} file must be base64 of UTF-8 text: {error}") from error
    return {"type": "text", "media_type": "text/plain", "data": text}


def _source(block: JSONObject) -> JSONObject:
    if block.get("base64") is not None:
        return {"type": "base64", "media_type": block.get("mime_type") or "", "data": block["base64"]}
    if block.get("file_id") is not None:
        return {"type": "file", "file_id": block["file_id"]}
    if block.get("url") is None:
        raise ConfigurationError(f"a {block['type']} block needs one of url, base64 or file_id")
    return {"type": "url", "url": web_address(block, "anthropic")}


def _marked(spelled: JSONObject, block: JSONObject) -> JSONObject:
    """With the cache mark that the user set on the block."""
    mark = field_of(block, "cache_control")
    return spelled if mark is None else {**spelled, "cache_control": mark}


def _unspellable(kind: str, place: str) -> ConfigurationError:
    return ConfigurationError(f"anthropic cannot take a block of type {kind!r} in {place}")


__all__ = ["Conversation"]
