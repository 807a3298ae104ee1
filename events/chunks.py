"""Chunks of a streamed answer, which add up with ``+`` to the message that ``invoke`` returns.

A chunk is a handful of events of its run, read when asked. A sum is a node over its two sides, so that ``+`` costs
the same however long the answer is; asking a sum for its content folds what is below it once, then forgets its sides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar, Literal, cast

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
from tidewire.events.messages import AIMessage, content_of, whole_call
from tidewire.events.standard import Content, standard_blocks
from tidewire.events.types import (
    Block,
    Event,
    Meta,
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
        content_blocks: As for a message; text goes to the block of the same ``index`` (the first one if there is none).
        tool_call_chunks: Pieces of tool calls.
        tool_calls: Whole tool calls.
        invalid_tool_calls: Calls that could not be read.
        usage_metadata: Tokens; those of chunks made by hand add up.
        chunk_position: "last" for the final piece of an answer.
        id: The message's id; in a sum the first one counts.
        name: Who speaks; in a sum the first one counts.
        response_metadata: What the provider said; in a sum the last value of each key counts.
        additional_kwargs: Data of the caller's own; in a sum the last value of each key counts.
    """

    __slots__ = ("_events", "_left", "_named", "_right", "_run")
    _fields: ClassVar[tuple[str, ...]] = (*AIMessage._fields, "chunk_position")
    _dumped = (*AIMessage._dumped, "tool_call_chunks", "chunk_position")

    # A chunk is one of three things:
    #   a piece        has _run, _events and _named; its fold is made anew each time, for a stream holds thousands
    #   a sum          has _left and _right
    #   a sum read     has _fold, and no longer its sides, which would keep every reading before it alive
    # Other threads may read a chunk while it changes from the second to the third: see _folded().

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
        events: list[Event] = list(_events_of(standard_blocks(given)))
        events += [_piece_of({"type": "tool_call_chunk", **call}) for call in tool_call_chunks]
        events += [Block(whole_call("tool_call", call)) for call in tool_calls]
        events += [Block(whole_call("invalid_tool_call", call)) for call in invalid_tool_calls]
        if response_metadata:
            events.append(_meta_of(response_metadata))
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

    def __add__(self, other: AIMessageChunk | Sequence[AIMessageChunk]) -> AIMessageChunk:
        if isinstance(other, AIMessageChunk):
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
        if self._left is None and self._fold is None and type(self._events) is Token:
            return self._events.text
        return self._folded().text()

    @property
    def content(self) -> str | list[str | JSONObject]:
        """As of a message."""
        if self._left is None and self._fold is None and type(self._events) is Token:
            return self._events.text
        return content_of(self.content_blocks)

    @property
    def content_blocks(self) -> list[ContentBlock]:
        """The blocks of this piece or sum; calls that are still growing stand as ``tool_call_chunk``."""
        if self._left is None and self._fold is None and type(self._events) is Token:
            return [{"type": "text", "text": self._events.text}]
        fold = self._folded()
        if self._fold is None:
            return fold.blocks(final=fold.last)
        if self._blocks is None:
            self._blocks = fold.blocks(final=fold.last)
        return self._blocks

    @property
    def tool_calls(self) -> list[ToolCall]:
        """The calls: the best reading while they grow, the strict one in a whole message."""
        fold = self._folded()
        if fold.last:
            return [block for block in self.content_blocks if block["type"] == "tool_call"]
        return [cast("ToolCall", call) for call in fold.best_tool_calls()]

    @property
    def invalid_tool_calls(self) -> list[InvalidToolCall]:
        """The calls that can not be read; of those that grow, none is known before the answer is whole."""
        return [block for block in self.content_blocks if block["type"] == "invalid_tool_call"]

    @property
    def tool_call_chunks(self) -> list[ToolCallChunk]:
        """The pieces of tool calls, each with ``name``, ``args`` (text), ``id`` and ``index``."""
        return [block for block in self._folded().blocks(final=False) if block["type"] == "tool_call_chunk"]

    @property
    def chunk_position(self) -> Literal["last"] | None:
        """ "last" on the final chunk of an answer and on sums that contain it."""
        return "last" if self._folded().last else None

    @property
    def restarts(self) -> bool:
        """True when the answer began anew (under ``resume="restart"``): what came of it before no longer counts.

        In a sum it is left out already. Who shows an answer piece by piece clears what is shown.
        """
        return self._folded().restarts

    def to_message(self) -> AIMessage:
        """The sum as a message, its tool calls read strictly."""
        return AIMessage.from_fold(self._folded())

    def state(self) -> dict[str, Any]:
        fold = self._folded()
        blocks = fold.plain_blocks()
        content = content_of(cast("list[ContentBlock]", blocks))
        plain = isinstance(content, str) and blocks == cast("list[Any]", standard_blocks(content))
        state: dict[str, Any] = {"content": content} if plain else {"content_blocks": blocks}
        fields: dict[str, Any] = {
            "id": fold.id,
            "name": fold.name,
            "additional_kwargs": fold.extra,
            "response_metadata": fold.response_metadata(),
            "usage_metadata": fold.usage(),
            "chunk_position": self.chunk_position,
        }
        return state | {field: value for field, value in fields.items() if value is not None and value != {}}

    def __getattr__(self, field: str) -> JSON:
        # Reached only while a slot is unset: the fields of a piece are read from its events, and only when asked for.
        read = _FOLDED_FIELDS.get(field)
        if read is None:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {field!r}")
        value = read(self._folded())
        setattr(self, field, value)
        return value

    def __reduce__(self) -> tuple[object, ...]:
        # The fold, and not the plain data: a copy goes on growing as this one would.
        return (AIMessageChunk._restored, (self._folded(),))

    @classmethod
    def _restored(cls, fold: Fold) -> AIMessageChunk:
        chunk: AIMessageChunk = _new(AIMessageChunk)
        chunk._events = chunk._left = chunk._right = chunk._blocks = None
        chunk._fold = fold
        return chunk

    def _folded(self) -> Fold:
        if self._fold is not None:
            return self._fold
        fold = self._fold_anew()
        if self._left is not None:
            self._blocks = None
            self._events = None
            # In this order, for threads that go through _fold_anew() meanwhile.
            self._fold = fold
            self._left = None
            self._right = None
        return fold

    def _fold_anew(self) -> Fold:
        """The fold of all events below, in order; without recursion, as a sum is as deep as its stream is long."""
        fold = Fold()
        run: Run | None = None
        pending: list[AIMessageChunk] = [self]
        while pending:
            node = pending.pop()
            while (left := node._left) is not None and (right := node._right) is not None:
                pending.append(right)
                node = left
            if node._fold is not None:
                fold.extend(node._fold)
                run = None
            else:
                if node._run is None or node._run is not run:
                    fold.open(node._run, id=node._named[0], name=node._named[1])
                    run = node._run
                node._add_to(fold)
        return fold

    def _add_to(self, fold: Fold) -> None:
        """Add the events of this piece."""
        events = self._events
        if type(events) is tuple:
            for event in events:
                fold.add(event)
        else:
            fold.add(cast("Event", events))
        if self._named is not _UNNAMED:
            fold.extra.update(self._named[2])
            fold.last = fold.last or self._named[3]


_Named = tuple[str | None, str | None, JSONObject, bool]
_UNNAMED: _Named = (None, None, {}, False)
_LAST: _Named = (None, None, {}, True)
_FOLDED_FIELDS: dict[str, Callable[[Fold], JSON]] = {
    "id": lambda fold: fold.id,
    "name": lambda fold: fold.name,
    "additional_kwargs": lambda fold: dict(fold.extra),
    "response_metadata": Fold.response_metadata,
    "usage_metadata": Fold.usage,
}


def _events_of(blocks: list[ContentBlock]) -> Iterator[Event]:
    """The events for blocks made by hand; of texts without an index, each one in the list is a block of its own."""
    places = {"text": 0, "reasoning": 0}
    for block in cast("list[JSONObject]", blocks):
        kind = block["type"]
        if kind == "tool_call_chunk":
            yield _piece_of(block)
            continue
        index = block.get("index", places.get(kind, 0))
        if kind in places and "index" not in block:
            places[kind] += 1
        if kind == "text" and isinstance(index, int) and block.keys() <= {"type", "index", "text"}:
            yield Token(block["text"], index)
        else:
            yield Block({key: value for key, value in block.items() if key != "index"}, index)


def _piece_of(call: JSONObject) -> ToolCallDelta:
    args = call.get("args") or ""
    if not isinstance(args, str):
        raise ConfigurationError(f"the args of a tool_call_chunk are a piece of JSON text, not {type(args).__name__}")
    return ToolCallDelta(args, call.get("index"), call.get("id"), call.get("name"), call.get("extras"))


def _meta_of(response_metadata: JSONObject) -> Meta:
    """The event for metadata made by hand; logprobs are entries that accumulate, all else is replaced."""
    data = dict(response_metadata)
    logprobs: JSON = data.get("logprobs")
    if isinstance(logprobs, dict) and list(cast("JSONObject", logprobs)) == ["content"]:
        del data["logprobs"]
        return Meta(data=data, logprobs=cast("JSONObject", logprobs)["content"])
    return Meta(data=data)


__all__ = ["AIMessageChunk"]
