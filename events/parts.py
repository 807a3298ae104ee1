"""The blocks of an answer while they grow: pieces are appended as they come and joined when somebody asks.

Each part can be replayed onto another fold and does there what its events would have done. That makes sums of chunks
the same in any grouping, whichever of them were read in between.
"""

from __future__ import annotations

from typing import TypeAlias

from tidewire.events.blocks import JSONObject
from tidewire.events.tool_args import parse_arguments, parse_partial_arguments

Index: TypeAlias = int | str | None


class TextPart:
    """Text, with the sources it names."""

    __slots__ = ("annotations", "extras", "id", "index", "pieces")

    def __init__(self, index: Index) -> None:
        self.index = index
        self.pieces: list[str] = []
        self.annotations: list[JSONObject] = []
        self.id: str | None = None
        self.extras: JSONObject = {}

    def merge(self, block: JSONObject) -> None:
        """Add what a whole text block says."""
        text = block.get("text")
        if text:
            self.pieces.append(text)
        self.annotations.extend(block.get("annotations") or ())
        self.id = self.id or block.get("id")
        self.extras.update(block.get("extras") or ())

    def extend(self, more: TextPart) -> None:
        """Add what another part says."""
        self.pieces.append(joined(more.pieces))
        self.annotations.extend(more.annotations)
        self.id = self.id or more.id
        self.extras.update(more.extras)

    def block(self) -> JSONObject:
        """The text so far."""
        block: JSONObject = {"type": "text", "text": joined(self.pieces)}
        if self.annotations:
            block["annotations"] = list(self.annotations)
        return _dressed(block, self.id, self.extras)


class ReasoningPart:
    """What the model thought."""

    __slots__ = ("extras", "id", "index", "pieces")

    def __init__(self, index: Index) -> None:
        self.index = index
        self.pieces: list[str] = []
        self.id: str | None = None
        self.extras: JSONObject = {}

    def merge(self, block: JSONObject) -> None:
        """Add what a whole reasoning block says."""
        text = block.get("reasoning")
        if text:
            self.pieces.append(text)
        self.id = self.id or block.get("id")
        self.extras.update(block.get("extras") or ())

    def extend(self, more: ReasoningPart) -> None:
        """Add what another part says."""
        self.pieces.append(joined(more.pieces))
        self.id = self.id or more.id
        self.extras.update(more.extras)

    def block(self) -> JSONObject:
        """The reasoning so far."""
        return _dressed({"type": "reasoning", "reasoning": joined(self.pieces)}, self.id, self.extras)


class CallPart:
    """A tool call, or the part of one that came after its id.

    An id may come late. What came before it stays a part of its own with the rest as its ``tail``: added to a call of
    another id, the two would go to different calls.
    """

    __slots__ = ("extras", "id", "index", "is_tail", "name", "pieces", "tail")

    def __init__(self, index: Index) -> None:
        self.index = index
        self.pieces: list[str] = []
        self.id: str | None = None
        self.name: str | None = None
        self.extras: JSONObject = {}
        self.tail: CallPart | None = None
        self.is_tail = False

    def extend(self, args: str, name: str | None, extras: JSONObject | None) -> None:
        """Add a piece of this call; the first name counts."""
        if args:
            self.pieces.append(args)
        self.name = self.name or name
        if extras:
            self.extras.update(extras)

    def chunk(self) -> JSONObject:
        """The call as far as it was written, its arguments as text."""
        id, name, args, extras = self._whole()
        chunk: JSONObject = {"type": "tool_call_chunk", "id": id, "name": name, "args": args}
        if self.index is not None:
            chunk["index"] = self.index
        return _dressed(chunk, None, extras)

    def call(self, *, cut: bool) -> JSONObject:
        """The tool call, or an invalid one that says why.

        Args:
            cut: The answer ended while this call was being written, so without arguments it is not a whole one.
        """
        id, name, text, extras = self._whole()
        args = "the call was cut off before its arguments" if cut and not text else parse_arguments(text)
        if isinstance(args, str) or not name:
            error = args if isinstance(args, str) else "the call names no tool"
            invalid = {"type": "invalid_tool_call", "id": id, "name": name, "args": text, "error": error}
            return _dressed(invalid, None, extras)
        return _dressed({"type": "tool_call", "id": id, "name": name, "args": args}, None, extras)

    def best_reading(self) -> JSONObject | None:
        """The tool call as far as its unfinished arguments can be read; None when they are no JSON object."""
        id, name, text, extras = self._whole()
        args = parse_partial_arguments(text)
        if args is None:
            return None
        return _dressed({"type": "tool_call", "id": id, "name": name or "", "args": args}, None, extras)

    def _whole(self) -> tuple[str | None, str | None, str, JSONObject]:
        tail = self.tail
        if tail is None:
            return self.id, self.name, joined(self.pieces), self.extras
        text = joined(self.pieces) + joined(tail.pieces)
        return tail.id, self.name or tail.name, text, {**self.extras, **tail.extras}


class WholePart:
    """A block that came whole."""

    __slots__ = ("value",)

    def __init__(self, value: JSONObject) -> None:
        self.value = value

    def block(self) -> JSONObject:
        """The block."""
        return dict(self.value)


Part: TypeAlias = TextPart | ReasoningPart | CallPart | WholePart


def joined(pieces: list[str]) -> str:
    """The pieces as one; they stay joined, so asking again costs nothing."""
    if len(pieces) == 1:
        return pieces[0]
    text = "".join(pieces)
    pieces[:] = (text,)
    return text


def _dressed(block: JSONObject, id: str | None, extras: JSONObject) -> JSONObject:
    if id is not None:
        block["id"] = id
    if extras:
        block["extras"] = dict(extras)
    return block


__all__ = ["CallPart", "Index", "Part", "ReasoningPart", "TextPart", "WholePart", "joined"]
