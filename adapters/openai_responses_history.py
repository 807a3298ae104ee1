"""An assistant's message as items of the Responses API's input.

An answer of the same provider goes back item by item, as it came: a message under its id with its citations, reasoning
as what the provider encrypted or stored, server tools with what came of them. Of another provider's answer the text and
the calls go back; the rest is left out, and said so.

- Blocks of one id are one item: the parts of a message, the parts of a summary.
- Citations go back with the id of their message only.
- Reasoning can go back if it is encrypted, readable, or stored by the provider. An item that followed reasoning is
  refused without it, but only under its id: where reasoning is left out, ids are too.
"""

from __future__ import annotations

import hashlib
from typing import cast

from tidewire.adapters.content import answer_blocks
from tidewire.adapters.json_text import to_json
from tidewire.adapters.left_out import citations_left_out
from tidewire.adapters.openai_responses_dialect import Dialect
from tidewire.adapters.openai_responses_items import add_output, write_annotation, write_item
from tidewire.events.blocks import JSONObject
from tidewire.events.errors import ConfigurationError
from tidewire.events.messages import AIMessage
from tidewire.events.tool_args import parse_partial_arguments
from tidewire.events.types import WarningEvent

#: Longest id of a call, in characters; other providers' may be longer.
_LONGEST_ID = 64


class History:
    """Assistant messages as items; one instance spells one request.

    Args:
        dialect: Whom it is sent to.
        stored: Whether the provider stores answers, by the parameter ``store``.
    """

    def __init__(self, dialect: Dialect, *, stored: bool) -> None:
        self._dialect = dialect
        self._stored = stored
        #: The calls of the caller's tools so far, by the id that results name.
        self.calls: dict[str, JSONObject] = {}
        #: What was left out.
        self.warnings: list[WarningEvent] = []

    def is_own(self, message: AIMessage) -> bool:
        """Whether an answer is of this provider; one that does not say counts as such."""
        return message.response_metadata.get("model_provider") in (None, self._dialect.provider)

    def spell(self, message: AIMessage) -> list[JSONObject]:
        """The items of an answer.

        Raises:
            ConfigurationError: The format cannot spell a block; it is named.
        """
        own = self.is_own(message)
        maker = message.response_metadata.get("model_provider")
        blocks = answer_blocks(message, own=own)
        known = self._known_reasoning(message, blocks)
        lost = {place for place, block in enumerate(blocks) if not (own and _can_go_back(block, known))}
        # Ids of an answer that does not say whose it is may be anybody's.
        ids = maker == self._dialect.provider and self._dialect.item_ids
        ids = ids and not any(blocks[place]["type"] == "reasoning" for place in lost)
        items = _Items(ids=ids, reasoning_ids=self._dialect.item_ids)
        for place, block in enumerate(blocks):
            kind = block["type"]
            match kind:
                case "text":
                    items.add_text(block, own=own)
                case "tool_call" | "invalid_tool_call" | "tool_call_chunk":
                    items.all.append(self._call(block, own=own, ids=ids))
                case "audio" | "file" | "image" | "text-plain" | "video" if place in lost:
                    raise ConfigurationError(f"{self._dialect.provider} has no {kind} block in an assistant message")
                case _ if place in lost:
                    why = "it cannot be sent back" if own else f"it belongs to {maker}"
                    text = f"a {kind} block of the history was left out: {why}"
                    self.warnings.append(WarningEvent(code="block_left_out", text=text))
                case "reasoning":
                    items.add_reasoning(block)
                case "server_tool_result":
                    items.add_result(block)
                case "non_standard":
                    items.add_own(block)
                case _:
                    items.all.append(cast("JSONObject", write_item(block)))
        if any(block.get("annotations") and not (ids and block.get("id")) for block in blocks):
            self.warnings.append(citations_left_out(f"{self._dialect.provider}'s Responses API"))
        return items.all

    def _known_reasoning(self, message: AIMessage, blocks: list[JSONObject]) -> set[object]:
        """The ids of the reasoning that the provider knows, or can read from what it encrypted."""
        reasoning = [block for block in blocks if block["type"] == "reasoning" and block.get("id") is not None]
        stored = self._stored and self._dialect.item_ids and message.response_metadata.get("store") is not False
        return {block["id"] for block in reasoning if stored or "encrypted_content" in block.get("extras", {})}

    def _call(self, block: JSONObject, *, own: bool, ids: bool) -> JSONObject:
        extras: JSONObject = block.get("extras") or {}
        # What is no object is sent as it was, so that its result finds it.
        given: JSONObject | str = block["args"] or ("" if block["type"] != "tool_call" else {})
        text = given if isinstance(given, str) else to_json(given).decode()
        call: JSONObject = {"call_id": _call_id(block["id"], own=own), "name": block["name"] or "unnamed"}
        custom = _custom_input(given) if extras.get("custom") else None
        if custom is None:
            call = {"type": "function_call", **call, "arguments": text}
        else:
            call = {"type": "custom_tool_call", **call, "input": custom}
        if own:
            call.update({key: extras[key] for key in ("caller", "namespace") if key in extras})
        if ids and "item_id" in extras:
            call["id"] = extras["item_id"]
        self.calls[block["id"] or ""] = call
        return call


class _Items:
    """The items of one answer."""

    def __init__(self, *, ids: bool, reasoning_ids: bool) -> None:
        self.all: list[JSONObject] = []
        self._ids = ids
        self._reasoning_ids = reasoning_ids
        self._reasoning: object = None

    def add_text(self, block: JSONObject, *, own: bool) -> None:
        """A text: a part of the message of its id, or a message that has none."""
        extras: JSONObject = block.get("extras") or {}
        id = block.get("id") if self._ids else None
        if id is not None:
            notes = [write_annotation(note) for note in block.get("annotations") or ()]
            self._add_part(id, extras, {"type": "output_text", "text": block["text"], "annotations": notes})
        elif block["text"]:
            phase = {"phase": extras["phase"]} if own and "phase" in extras else {}
            self._add_plain(block["text"], phase)

    def add_own(self, block: JSONObject) -> None:
        """An item in the provider's own form, or a part of a message."""
        value: JSONObject = block["value"]
        if value.get("type") == "refusal" or "id" in block:
            if self._ids and "id" in block:
                self._add_part(block["id"], block.get("extras") or {}, value)
            elif isinstance(value.get("refusal"), str):
                self._add_plain(value["refusal"], {})
        else:
            self.all.append(value)

    def add_reasoning(self, block: JSONObject) -> None:
        """A part of a reasoning item, or all of it."""
        extras: JSONObject = block.get("extras") or {}
        id = block.get("id")
        if id is None or id != self._reasoning or self.all[-1].get("type") != "reasoning":
            self.all.append({"type": "reasoning", **({"id": id} if id and self._reasoning_ids else {}), "summary": []})
        self._reasoning = id
        item = self.all[-1]
        text = block.get("reasoning")
        if text and extras.get("kind") == "reasoning_text":
            item.setdefault("content", []).append({"type": "reasoning_text", "text": text})
        elif text:
            item["summary"].append({"type": "summary_text", "text": text})
        if "encrypted_content" in extras:
            item["encrypted_content"] = extras["encrypted_content"]

    def add_result(self, block: JSONObject) -> None:
        """What came of a server tool, which is a part of its item."""
        for item in reversed(self.all):
            if item.get("id", item.get("call_id")) == block["tool_call_id"]:
                add_output(item, block)
                return

    def _add_part(self, id: str, extras: JSONObject, part: JSONObject) -> None:
        last = self.all[-1] if self.all else {}
        if last.get("type") == "message" and last["id"] == id:
            last["content"].append(part)
            return
        item: JSONObject = {"type": "message", "role": "assistant", "id": id, "status": "completed", "content": [part]}
        if "phase" in extras:
            item["phase"] = extras["phase"]
        self.all.append(item)

    def _add_plain(self, text: str, phase: JSONObject) -> None:
        last = self.all[-1] if self.all else {}
        if last.keys() == {"role", "content", *phase} and last.get("phase") == phase.get("phase"):
            last["content"] += text
        else:
            self.all.append({"role": "assistant", "content": text, **phase})


def _can_go_back(block: JSONObject, known: set[object]) -> bool:
    """Whether the provider of an answer takes this block of it back, if it knows this reasoning."""
    extras: JSONObject = block.get("extras") or {}
    match block["type"]:
        case "reasoning":
            return block.get("id") in known or "encrypted_content" in extras or extras.get("kind") == "reasoning_text"
        case "server_tool_call" | "image":
            return write_item(block) is not None
        case "non_standard":  # a call of chat completions' older kind has no id, without which it is no item
            return block["value"].get("type") != "function_call" or "call_id" in block["value"]
        case "server_tool_call_chunk" | "audio" | "file" | "text-plain" | "video":
            return False
        case _:
            return True


def _custom_input(args: JSONObject | str) -> str | None:
    """The free text of a custom tool's call, also of one that was cut."""
    given = parse_partial_arguments(args) if isinstance(args, str) else args
    text = (given or {}).get("input")
    return text if isinstance(text, str) else None


def _call_id(id: str | None, *, own: bool) -> str:
    """The id of a call; that of another provider, should it be too long, by its digest."""
    given = id or ""
    if own or len(given) <= _LONGEST_ID:
        return given
    return "call_" + hashlib.blake2b(given.encode("utf-8", "replace"), digest_size=12).hexdigest()


__all__ = ["History"]
