"""Chunks of a streamed answer, which add up with ``+`` to the message that ``invoke`` returns.

A chunk is a handful of events of its run, read when asked. A sum is a node over its two sides, so that ``+`` costs
the same however long the answer is; asking a sum for its content folds all events below it once, then forgets the
nodes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar, Literal, cast

import msgspec

from tidewire.events.blocks import (
    JSON,
    ContentBlock,
    InvalidToolCall,
    JSONObject,
    ToolCall,
    ToolCallChunk,
    UsageMetadata,
)
from tidewire.events.errors import ConfigurationError
from tidewire.events.fold import Fold
from tidewire.events.messages import AIMessage, content_of
from tidewire.events.standard import Content, standard_blocks
from tidewire.events.types import (
    Block,
    Event,
    Meta,
    Reasoning,
    Run,
    Token,
    ToolCallDelta,
    Usage,
)

_new = object.__new__


class AIMessageChunk(AIMessage):
    """A piece of an answer, or a sum of pieces.

    ``chunk + chunk`` (or ``chunk + [chunk, …]``, or ``sum(chunks, start)``) gives the same message in any grouping.
    While the answer is incomplete, ``tool_calls`` is the best reading of the arguments so far and ``content_blocks``
    shows the calls as ``tool_call_chunk``; a sum whose ``chunk_position`` is "last" reads them strictly, as the
    invoked message does.

    Args:
        content: As for a message.
        content_blocks: As for a message.
        tool_call_chunks: Pieces of tool calls.
        tool_calls: Whole tool calls.
        usage_metadata: Tokens; those of chunks made by hand add up.
        chunk_position: "last" for the final piece of an answer.
        id: The message's id; in a sum the first one counts.
        name: Who speaks; in a sum the first one counts.
        response_metadata: What the provider said; in a sum the last value of each key counts.
        additional_kwargs: Data of the caller's own; in a sum the last value of each key counts.
    """

    __slots__ = ("_events", "_left", "_named", "_right", "_run")
    _fields: ClassVar[tuple[str, ...]] = (*AIMessage._fields, "chunk_position")

    def __init__(
        self,
        content: Content | None = None,
        *,
        content_blocks: Sequence[ContentBlock] | None = None,
        tool_call_chunks: Sequence[ToolCallChunk | JSONObject] = (),
        tool_calls: Sequence[ToolCall | JSONObject] = (),
        invalid_tool_calls: Sequence[InvalidToolCall | JSONObject] = (),
        usage_metadata: UsageMetadata | None = None,
        chunk_position: Literal["last"] | None = None,
        id: str | None = None,
        name: str | None = None,
        additional_kwargs: JSONObject | None = None,
        response_metadata: JSONObject | None = None,
    ) -> None:
        if content is not None and content_blocks is not None:
            raise ConfigurationError("give a chunk either content or content_blocks, not both")
        given = content if content is not None else cast("Content", content_blocks or "")
        events: list[Event] = [_event_of(block) for block in standard_blocks(given)]
        events += [_event_of({"type": "tool_call_chunk", **call}) for call in tool_call_chunks]
        events += [_event_of({"type": "tool_call", **call}) for call in tool_calls]
        events += [_event_of({"type": "invalid_tool_call", **call}) for call in invalid_tool_calls]
        if response_metadata:
            events.append(Meta(data=dict(response_metadata)))
        if usage_metadata is not None:
            events.append(Usage.from_metadata(usage_metadata))
        self._events: Event | tuple[Event, ...] | None = tuple(events)
        self._run: Run | None = None
        self._left: AIMessageChunk | None = None
        self._right: AIMessageChunk | None = None
        self._named = (id, name, dict(additional_kwargs or {}), chunk_position == "last")
        self._fold = None

    @classmethod
    def from_events(cls, run: Run, events: Event | tuple[Event, ...], *, last: bool = False) -> AIMessageChunk:
        """The chunk that shows some events of a run."""
        chunk: AIMessageChunk = _new(AIMessageChunk)
        chunk._events = events
        chunk._run = run
        chunk._left = None
        chunk._fold = None
        chunk._named = _LAST if last else _UNNAMED
        return chunk

    def __add__(self, other: AIMessageChunk | Iterable[AIMessageChunk]) -> AIMessageChunk:
        if type(other) is AIMessageChunk:
            node: AIMessageChunk = _new(AIMessageChunk)
            node._left = self
            node._right = other
            node._fold = None
            return node
        if isinstance(other, (list, tuple)):
            node = self
            for chunk in other:
                node = node + chunk
            return node
        return NotImplemented

    def __radd__(self, other: object) -> AIMessageChunk:
        if other == 0:  # the start that sum() takes when none is given
            return self
        return NotImplemented

    @property
    def text(self) -> str:
        """The text of this piece."""
        if self._left is None and type(self._events) is Token:
            return self._events.text
        return self._folded().text()

    @property
    def content(self) -> str | list[str | JSONObject]:
        """As of a message."""
        if self._left is None and type(self._events) is Token:
            return self._events.text
        return content_of(self._folded().blocks(final=self._folded().last))

    @property
    def content_blocks(self) -> list[ContentBlock]:
        """The blocks of this piece or sum; calls that are still growing stand as ``tool_call_chunk``."""
        fold = self._folded()
        return fold.blocks(final=fold.last)

    @property
    def tool_calls(self) -> list[ToolCall]:
        """The calls: the best reading while they grow, the strict one in a whole message."""
        fold = self._folded()
        if fold.last:
            return [block for block in fold.blocks(final=True) if block["type"] == "tool_call"]
        return [cast("ToolCall", call) for call in fold.best_tool_calls()]

    @property
    def invalid_tool_calls(self) -> list[InvalidToolCall]:
        """The calls that can not be read; none are known before the answer is whole."""
        fold = self._folded()
        if not fold.last:
            return []
        return [block for block in fold.blocks(final=True) if block["type"] == "invalid_tool_call"]

    @property
    def tool_call_chunks(self) -> list[ToolCallChunk]:
        """The pieces of tool calls, each with ``name``, ``args`` (text), ``id`` and ``index``."""
        return [block for block in self._folded().blocks(final=False) if block["type"] == "tool_call_chunk"]

    def __getattr__(self, field: str) -> JSON:
        # Reached only while a slot is unset: the fields of a piece are read from its events, and only when asked for.
        if field not in _FOLDED_FIELDS:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {field!r}")
        fold = self._folded()
        self.id = fold.id
        self.name = fold.name
        self.additional_kwargs = fold.extra
        self.response_metadata = fold.response_metadata()
        self.usage_metadata = fold.usage()
        return getattr(self, field)

    @property
    def chunk_position(self) -> Literal["last"] | None:
        """ "last" on the final chunk of an answer and on sums that contain it."""
        return "last" if self._folded().last else None

    def to_message(self) -> AIMessage:
        """The sum as a message, its tool calls read strictly."""
        return AIMessage.from_fold(self._folded().copy())

    def _folded(self) -> Fold:
        if self._fold is None:
            self._fold = _fold_of(self)
        return self._fold

    def state(self) -> dict[str, Any]:
        fold = self._folded()
        state: dict[str, Any] = {
            "content_blocks": fold.blocks(final=fold.last),
            "id": fold.id,
            "name": fold.name,
            "additional_kwargs": fold.extra,
            "response_metadata": fold.response_metadata(),
            "usage_metadata": fold.usage(),
            "chunk_position": self.chunk_position,
        }
        return {field: value for field, value in state.items() if value or field == "content_blocks"}


_Named = tuple[str | None, str | None, JSONObject, bool]
_UNNAMED: _Named = (None, None, {}, False)
_LAST: _Named = (None, None, {}, True)
_FOLDED_FIELDS = frozenset({"id", "name", "additional_kwargs", "response_metadata", "usage_metadata"})


def _fold_of(chunk: AIMessageChunk) -> Fold:
    """The fold of all events below a chunk, in order; without recursion, since a sum is as deep as its stream is long.

    Going down the left side ends at the first sum that was read before: what is new is added to a copy of its fold.
    """
    pending: list[AIMessageChunk] = []
    node = chunk
    while node._left is not None and (node is chunk or node._fold is None):
        pending.append(cast("AIMessageChunk", node._right))
        node = node._left
    if node is not chunk and node._fold is not None:
        fold = node._fold.copy()
    else:
        fold = Fold()
        pending.append(node)
    run: Run | None = None
    while pending:
        node = pending.pop()
        while node._left is not None:
            pending.append(cast("AIMessageChunk", node._right))
            node = node._left
        if node._run is None or node._run is not run:
            fold.open(node._run, id=node._named[0], name=node._named[1])
            run = node._run
        _add_leaf(fold, node)
    return fold


def _add_leaf(fold: Fold, leaf: AIMessageChunk) -> None:
    events = leaf._events
    if type(events) is tuple:
        for event in events:
            fold.add(event)
    else:
        fold.add(cast("Event", events))
    if leaf._named is not _UNNAMED:
        fold.extra.update(leaf._named[2])
        fold.last = fold.last or leaf._named[3]


def _event_of(block: ContentBlock | JSONObject) -> Event:
    given = cast("JSONObject", block)
    index: int | str = given.get("index", 0)
    plain = isinstance(index, int) and given.keys() <= {"type", "index", "text", "reasoning"}
    match given["type"]:
        case "text" if plain:
            return Token(given["text"], cast("int", index))
        case "reasoning" if plain:
            return Reasoning(given.get("reasoning", ""), index=cast("int", index))
        case "tool_call_chunk" | "tool_call" | "invalid_tool_call":
            args = given.get("args") or ""
            text = args if isinstance(args, str) else msgspec.json.encode(args).decode()
            return ToolCallDelta(text, given.get("index"), given.get("id"), given.get("name"), given.get("extras"))
        case _:
            return Block({key: value for key, value in given.items() if key != "index"}, index)


__all__ = ["AIMessageChunk"]
