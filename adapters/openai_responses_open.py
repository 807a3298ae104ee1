"""Items of a response being read, as events, whether they come in pieces or whole.

Text, reasoning and the calls of the caller's tools are passed on as they come, every other item when it is whole. An
item's end repeats all of it, and the response's end all items; of both only what was not told in pieces is read.

- A frame names its item by ``output_index``: ids may change from frame to frame (GitHub Copilot). Where there is no
  index (llama.cpp) the id tells.
- Blocks are numbered here in the order in which they begin: each part of a message's content, each part of a
  reasoning item's summary or content, each call.
- Items' ids and what else the provider wants back in a later turn are told at the item's end, as additions to its
  blocks: before the first piece of an answer they would count as content.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

import msgspec

from tidewire.adapters.json_text import list_of, object_of
from tidewire.adapters.openai_chat_parts import arguments_text
from tidewire.adapters.openai_responses_frame import ITEM_ID, OBJECT, Frame, Item, Part, read, to_item, to_part
from tidewire.adapters.openai_responses_items import is_run_by_provider, read_annotation, read_item
from tidewire.adapters.status_errors import decode_excerpt
from tidewire.events.blocks import JSONObject
from tidewire.events.errors import ResponseDecodeError
from tidewire.events.types import Block, DecodedEvent, Meta, Reasoning, Token, ToolCallDelta

#: An item's place: its index, or its id where it has none.
Key: TypeAlias = int | str | None


class OpenPart:
    """A part of a message or of reasoning that has begun.

    Attributes:
        index: The number of its block.
        fed: Whether it came in pieces.
        notes: How many annotations were told.
        logged: Whether logprobs were told.
    """

    __slots__ = ("fed", "index", "logged", "notes")

    def __init__(self, index: int) -> None:
        self.index = index
        self.fed = False
        self.notes = 0
        self.logged = False


class OpenItem:
    """An item that has begun.

    Attributes:
        kind: Its type; empty until it is known.
        parts: Its parts that have begun; those of a summary are numbered down from -1.
        index: The number of its block, if it is a call.
        extras: What was told of a call beside its name, once it has begun.
        fed: Whether the call's arguments came in pieces.
        silent: Whether the call is the provider's own, and told when it is whole.
        done: Whether it is whole.
    """

    __slots__ = ("done", "extras", "fed", "id", "index", "kind", "parts", "silent")

    def __init__(self) -> None:
        self.kind = ""
        self.id: str | None = None
        self.parts: dict[int, OpenPart] = {}
        self.index: int | None = None
        self.extras: JSONObject | None = None
        self.fed = False
        self.silent = False
        self.done = False


class OpenItems:
    """The items of one response.

    Attributes:
        all: Those that have begun, by their place.
        calls: How many calls of the caller's tools there are.
        refusal: What the model said when it refused, in pieces.
    """

    def __init__(self) -> None:
        self.all: dict[Key, OpenItem] = {}
        self.calls = 0
        self.refusal: list[str] = []
        self._blocks = 0
        self._done = 0
        self._ids: set[str | None] = set()

    def next_index(self) -> int:
        """The number of the next block."""
        self._blocks += 1
        return self._blocks - 1

    # ------------------------------------------------------------ pieces

    def feed_text(self, frame: Frame, payload: bytes) -> Iterator[DecodedEvent]:
        """A piece of a message's text."""
        part = self._part(self._item(frame, payload), frame.content_index)
        part.fed = True
        text = _text(frame, payload)
        if text:
            yield Token(text, part.index)
        logprobs = [entry for given in list_of(frame.logprobs) if (entry := object_of(given))]
        if logprobs:
            part.logged = True
            yield Meta(logprobs=logprobs)

    def feed_summary(self, frame: Frame, payload: bytes) -> Iterator[DecodedEvent]:
        """A piece of what is told of the reasoning."""
        return self._think(frame, payload, -1 - frame.summary_index)

    def feed_reasoning(self, frame: Frame, payload: bytes) -> Iterator[DecodedEvent]:
        """A piece of the reasoning itself."""
        return self._think(frame, payload, frame.content_index)

    def _think(self, frame: Frame, payload: bytes, number: int) -> Iterator[DecodedEvent]:
        part = self._part(self._item(frame, payload), number)
        part.fed = True
        text = _text(frame, payload)
        if text:
            yield Reasoning(text, None, part.index)

    def feed_arguments(self, frame: Frame, payload: bytes) -> Iterator[DecodedEvent]:
        """A piece of a function call's arguments."""
        item = self._item(frame, payload)
        item.fed = True
        text = _text(frame, payload)
        if text:
            yield ToolCallDelta(text, self._call_index(item))

    def feed_input(self, frame: Frame, payload: bytes) -> Iterator[DecodedEvent]:
        """A piece of a custom call's text."""
        item = self._item(frame, payload)
        if not item.silent:
            yield self._custom_piece(item, _text(frame, payload))

    def annotate(self, frame: Frame, payload: bytes) -> Iterator[DecodedEvent]:
        """An annotation of a message's text."""
        part = self._part(self._item(frame, payload), frame.content_index)
        part.notes += 1
        yield Block(read_annotation(read(OBJECT, frame.annotation)), part.index)

    # ------------------------------------------------------------ items

    def begin(self, frame: Frame, payload: bytes) -> Iterator[DecodedEvent]:
        """An item begins."""
        value = to_item(frame.item)
        item = self._item_of(frame.output_index, value)
        item.kind = value.type
        item.id = value.id
        item.silent = value.type == "custom_tool_call" and is_run_by_provider(value.call_id)
        if value.type in ("function_call", "custom_tool_call") and not item.silent:
            yield self._begin_call(item, value)

    def end(self, frame: Frame, payload: bytes) -> Iterator[DecodedEvent]:
        """An item is whole."""
        value = to_item(frame.item)
        yield from self._end_item(self._item_of(frame.output_index, value), value, frame.item)

    def end_all(self, output: list[msgspec.Raw], *, whole: bool) -> Iterator[DecodedEvent]:
        """The response is over, and so are its items: those that were not told, or not to their end."""
        if len(output) > self._done:
            told = frozenset(self._ids)
            for place, raw in enumerate(output):
                value = to_item(raw)
                if value.id is None or value.id not in told:
                    item = self.all.get(place) or self._item_of(None if value.id in self.all else place, value)
                    yield from self._end_item(item, value, raw)
        for item in self.all.values():
            if item.kind == "custom_tool_call" and item.fed and not item.done and whole:
                yield ToolCallDelta('"}', self._call_index(item))

    def _item(self, frame: Frame, payload: bytes) -> OpenItem:
        """The item that a frame belongs to; one that never began begins with it."""
        key: Key = frame.output_index
        if key is None:
            key = read(ITEM_ID, payload).item_id
        item = self.all.get(key)
        if item is None:
            item = self.all[key] = OpenItem()
        return item

    def _item_of(self, index: int | None, value: Item) -> OpenItem:
        """The open item that a whole one is; under the place of one that is done, another begins."""
        key: Key = value.id if index is None else index
        item = self.all.get(key)
        if item is None or (item.done and item.id != value.id):
            item = self.all[key] = OpenItem()
        return item

    def _end_item(self, item: OpenItem, value: Item, raw: msgspec.Raw) -> Iterator[DecodedEvent]:
        """An item is whole."""
        if item.done:
            return
        item.done = True
        item.id = value.id
        self._done += 1
        self._ids.add(value.id)
        match value.type:
            case "message":
                yield from self._end_message(item, value)
            case "reasoning":
                yield from self._end_reasoning(item, value)
            case "function_call":
                yield from self._end_call(item, value)
                arguments = arguments_text(value.arguments)
                if arguments and not item.fed:
                    yield ToolCallDelta(arguments, self._call_index(item))
            case "custom_tool_call" if not is_run_by_provider(value.call_id):
                yield from self._end_call(item, value)
                if not item.fed:
                    yield self._custom_piece(item, value.input if isinstance(value.input, str) else "")
                if value.status != "incomplete":
                    yield ToolCallDelta('"}', self._call_index(item))
            case _:
                for block in read_item(read(OBJECT, raw)):
                    yield Block(block, self.next_index())

    # ------------------------------------------------------------ messages and reasoning

    def _part(self, item: OpenItem, number: int) -> OpenPart:
        part = item.parts.get(number)
        if part is None:
            part = item.parts[number] = OpenPart(self.next_index())
        return part

    def _end_message(self, item: OpenItem, value: Item) -> Iterator[DecodedEvent]:
        about: JSONObject = {} if value.id is None else {"id": value.id}
        if value.phase is not None:
            about["extras"] = {"phase": value.phase}
        for number, given in enumerate(value.content or ()):
            part, opened = to_part(given), self._part(item, number)
            if part.type == "output_text":
                yield from _end_text(part, opened, about)
                continue
            yield Block({"type": "non_standard", **about, "value": given}, opened.index)
            refusal = given.get("refusal")
            if part.type == "refusal" and isinstance(refusal, str):
                self.refusal.append(refusal)

    def _end_reasoning(self, item: OpenItem, value: Item) -> Iterator[DecodedEvent]:
        parts = [(-1 - number, given) for number, given in enumerate(value.summary or ())]
        parts += enumerate(value.content or ())
        # An item of which nothing is shown is one block all the same: its provider wants it back.
        for number, given in parts or [(-1, {})]:
            part, opened = to_part(given), self._part(item, number)
            if part.text and not opened.fed:
                yield Reasoning(part.text, None, opened.index)
            block: JSONObject = {} if value.id is None else {"id": value.id}
            extras: JSONObject = {"kind": "reasoning_text"} if number >= 0 else {}
            if number == (parts[-1][0] if parts else -1) and value.encrypted_content:
                extras["encrypted_content"] = value.encrypted_content
            if extras:
                block["extras"] = extras
            if block:
                yield Block({"type": "reasoning", "reasoning": "", **block}, opened.index)

    # ------------------------------------------------------------ calls

    def _call_index(self, item: OpenItem) -> int:
        if item.index is None:
            item.index = self.next_index()
        return item.index

    def _begin_call(self, item: OpenItem, value: Item) -> ToolCallDelta:
        item.extras = _call_extras(value)
        self.calls += 1
        return ToolCallDelta(
            index=self._call_index(item),
            id=value.call_id or value.id,
            name=value.name or None,
            extras=item.extras or None,
        )

    def _end_call(self, item: OpenItem, value: Item) -> Iterator[DecodedEvent]:
        """The call's head, or what is new in it."""
        if item.extras is None:
            yield self._begin_call(item, value)
        elif item.extras != _call_extras(value):
            yield ToolCallDelta(index=self._call_index(item), extras=_call_extras(value))

    def _custom_piece(self, item: OpenItem, text: str) -> ToolCallDelta:
        """A piece of a custom call's free text, which is the one argument of a call: ``{"input": "…"}``."""
        head = "" if item.fed else '{"input":"'
        item.fed = True
        return ToolCallDelta(head + msgspec.json.encode(text)[1:-1].decode(), self._call_index(item))


def _text(frame: Frame, payload: bytes) -> str:
    """The piece of text in a frame.

    Raises:
        ResponseDecodeError: It is something else.
    """
    if frame.delta is None:
        return ""
    if not isinstance(frame.delta, str):
        raise ResponseDecodeError("'delta' of the reply must be a string", excerpt=decode_excerpt(payload))
    return frame.delta


def _end_text(part: Part, opened: OpenPart, about: JSONObject) -> Iterator[DecodedEvent]:
    """A part of a message's text is whole."""
    if part.text and not opened.fed:
        yield Token(part.text, opened.index)
    if part.logprobs and not opened.logged:
        yield Meta(logprobs=part.logprobs)
    for note in (part.annotations or [])[opened.notes :]:
        yield Block(read_annotation(note), opened.index)
    if about:
        yield Block({"type": "text", "text": "", **about}, opened.index)


def _call_extras(value: Item) -> JSONObject:
    """What of a call goes back with it in a later turn."""
    extras = {"item_id": value.id, "caller": value.caller, "namespace": value.namespace}
    if value.type == "custom_tool_call":
        extras["custom"] = True
    return {name: found for name, found in extras.items() if found is not None}


__all__ = ["OpenItem", "OpenItems", "OpenPart"]
