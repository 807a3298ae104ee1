"""Events to message: appends the pieces as they come and joins them when somebody asks.

A block's identity is its kind and index, fixed by the codec. Text and reasoning of one index are one block; a tool
call's index names its latest call, and a new id under an old index is a new call. The order of blocks is that of
their first events.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from tidewire.events.blocks import ContentBlock, JSONObject, UsageMetadata
from tidewire.events.tool_args import parse_arguments, parse_partial_arguments
from tidewire.events.types import (
    Block,
    Event,
    Finish,
    Meta,
    Reasoning,
    Retry,
    Run,
    Token,
    ToolCallDelta,
    Usage,
)

_Index = int | str | None


class _Text:
    """A text block in the making."""

    __slots__ = ("annotations", "extras", "id", "index", "pieces")

    def __init__(self, index: _Index) -> None:
        self.index = index
        self.pieces: list[str] = []
        self.annotations: list[JSONObject] = []
        self.id: str | None = None
        self.extras: JSONObject = {}

    def merge(self, block: JSONObject) -> None:
        text = block.get("text")
        if text:
            self.pieces.append(text)
        self.annotations.extend(block.get("annotations") or ())
        self.id = self.id or block.get("id")
        self.extras.update(block.get("extras") or ())

    def copy(self) -> _Text:
        twin = _Text(self.index)
        twin.pieces = [_join(self.pieces)]
        twin.annotations = list(self.annotations)
        twin.id = self.id
        twin.extras = dict(self.extras)
        return twin

    def block(self, final: bool, cut: bool) -> JSONObject:
        block: JSONObject = {"type": "text", "text": _join(self.pieces)}
        if self.annotations:
            block["annotations"] = list(self.annotations)
        return _dress(block, self.id, self.extras)


class _Thought:
    """A reasoning block in the making."""

    __slots__ = ("extras", "id", "index", "pieces")

    def __init__(self, index: _Index) -> None:
        self.index = index
        self.pieces: list[str] = []
        self.id: str | None = None
        self.extras: JSONObject = {}

    def merge(self, block: JSONObject) -> None:
        text = block.get("reasoning")
        if text:
            self.pieces.append(text)
        self.id = self.id or block.get("id")
        self.extras.update(block.get("extras") or ())

    def copy(self) -> _Thought:
        twin = _Thought(self.index)
        twin.pieces = [_join(self.pieces)]
        twin.id = self.id
        twin.extras = dict(self.extras)
        return twin

    def block(self, final: bool, cut: bool) -> JSONObject:
        return _dress({"type": "reasoning", "reasoning": _join(self.pieces)}, self.id, self.extras)


class _Call:
    """A tool call in the making."""

    __slots__ = ("extras", "id", "index", "name", "pieces")

    def __init__(self, index: _Index) -> None:
        self.index = index
        self.pieces: list[str] = []
        self.id: str | None = None
        self.name: str | None = None
        self.extras: JSONObject = {}

    def merge(self, block: JSONObject) -> None:
        raise AssertionError("a tool call grows by ToolCallDelta only")  # Fold._block never routes one here

    def copy(self) -> _Call:
        twin = _Call(self.index)
        twin.pieces = [_join(self.pieces)]
        twin.id = self.id
        twin.name = self.name
        twin.extras = dict(self.extras)
        return twin

    def block(self, final: bool, cut: bool) -> JSONObject:
        """The call: a chunk while it grows; at the end a tool call, or an invalid one that says why.

        Args:
            final: The message is complete.
            cut: The message ended while this call was being written, so a call without arguments is not a whole one.
        """
        text = _join(self.pieces)
        if not final:
            chunk: JSONObject = {"type": "tool_call_chunk", "id": self.id, "name": self.name, "args": text}
            if self.index is not None:
                chunk["index"] = self.index
            return _dress(chunk, None, self.extras)
        args = "the call was cut off before its arguments" if cut and not text else parse_arguments(text)
        if isinstance(args, str) or not self.name:
            error = args if isinstance(args, str) else "the call names no tool"
            invalid = {"type": "invalid_tool_call", "id": self.id, "name": self.name, "args": text, "error": error}
            return _dress(invalid, None, self.extras)
        return _dress({"type": "tool_call", "id": self.id, "name": self.name, "args": args}, None, self.extras)

    def best_reading(self) -> JSONObject | None:
        """The tool call as far as its unfinished arguments can be read."""
        args = parse_partial_arguments(_join(self.pieces))
        if args is None:
            return None
        return _dress({"type": "tool_call", "id": self.id, "name": self.name or "", "args": args}, None, self.extras)


class _Whole:
    """A block that came whole."""

    __slots__ = ("index", "value")

    def __init__(self, index: _Index, value: JSONObject) -> None:
        self.index = index
        self.value = value

    def copy(self) -> _Whole:
        return self  # never changed once made

    def block(self, final: bool, cut: bool) -> JSONObject:
        return self.value


_Part = _Text | _Thought | _Call | _Whole


class Fold:
    """The message so far of a run, or of a sum of chunks."""

    __slots__ = (
        "_add_text",
        "_calls",
        "_data",
        "_last_call",
        "_logprobs",
        "_parts",
        "_run",
        "_text_index",
        "_texts",
        "_thoughts",
        "_usage",
        "_usage_key",
        "extra",
        "finish",
        "has_content",
        "id",
        "last",
        "meta",
        "name",
    )

    def __init__(self, run: Run | None = None) -> None:
        self._parts: list[_Part] = []
        self._texts: dict[_Index, _Text] = {}
        self._thoughts: dict[_Index, _Thought] = {}
        self._calls: dict[_Index, _Call] = {}
        self._last_call: _Call | None = None
        self._text_index: int | None = None
        self._add_text: Callable[[str], None] | None = None
        self._run = run
        self._usage: dict[object, Usage] = {}
        self._usage_key: object = run.id if run is not None else None
        self._data: JSONObject = {}
        self._logprobs: list[JSONObject] = []
        self.meta = Meta()
        self.finish: Finish | None = None
        self.id: str | None = run.message_id if run is not None else None
        self.name: str | None = None
        #: Data of the caller's own, from chunks made by hand.
        self.extra: JSONObject = {}
        #: True once a part of the answer was added.
        self.has_content = False
        #: True once the end of a stream was added.
        self.last = False

    def add(self, event: Event) -> None:
        """Add one event; those that are no part of a message are passed over."""
        if type(event) is Token and event.index == self._text_index and self._add_text is not None:
            self._add_text(event.text)
            return
        handler = _HANDLERS.get(type(event))
        if handler is not None:
            handler(self, event)

    def open(self, run: Run | None, *, id: str | None = None, name: str | None = None) -> None:
        """What is added from here on belongs to ``run`` (None: to a chunk made by hand, each one for itself)."""
        self._run = self._run or run
        self._usage_key = run.id if run is not None else object()
        self.id = self.id or id or (run.message_id if run is not None else None)
        self.name = self.name or name

    def copy(self) -> Fold:
        """An independent fold with the same content, its pieces joined: it costs as much as the blocks are many."""
        twin = Fold()
        moved: dict[int, _Part] = {}
        for part in self._parts:
            moved[id(part)] = copy = part.copy()
            twin._parts.append(copy)
        twin._texts = {index: cast("_Text", moved[id(part)]) for index, part in self._texts.items()}
        twin._thoughts = {index: cast("_Thought", moved[id(part)]) for index, part in self._thoughts.items()}
        twin._calls = {index: cast("_Call", moved[id(part)]) for index, part in self._calls.items()}
        if self._last_call is not None:
            twin._last_call = cast("_Call", moved[id(self._last_call)])
        twin._run = self._run
        twin._usage = dict(self._usage)
        twin._usage_key = self._usage_key
        twin._data = dict(self._data)
        twin._logprobs = list(self._logprobs)
        twin.meta = self.meta
        twin.finish = self.finish
        twin.id = self.id
        twin.name = self.name
        twin.has_content = self.has_content
        twin.last = self.last
        twin.extra = dict(self.extra)
        return twin

    def blocks(self, *, final: bool) -> list[ContentBlock]:
        """The content blocks, in the order of their first events.

        Args:
            final: Read tool calls strictly, as calls or invalid calls; otherwise they stand as chunks.
        """
        cut_call = self._last_call if final and self._was_cut() else None
        return [cast("ContentBlock", part.block(final, part is cut_call)) for part in self._parts]

    def best_tool_calls(self) -> list[JSONObject]:
        """The tool calls as far as unfinished arguments can be read; those that are no JSON object are left out."""
        readings = (part.best_reading() for part in self._parts if isinstance(part, _Call))
        return [reading for reading in readings if reading is not None]

    def text(self) -> str:
        """The text of all text blocks."""
        return "".join(_join(part.pieces) for part in self._parts if isinstance(part, _Text))

    def usage_event(self) -> Usage | None:
        """The running total of a single run, or None."""
        return next(iter(self._usage.values()), None) if len(self._usage) == 1 else None

    def usage(self) -> UsageMetadata | None:
        """Tokens: the latest total of each run, added up."""
        totals = [usage.metadata() for usage in self._usage.values()]
        return add_usage(totals) if totals else None

    def response_metadata(self) -> JSONObject:
        """``model_name``, ``model_provider``, ``id``, ``finish_reason``, … and what the provider adds."""
        run, meta = self._run, self.meta
        found: JSONObject = {}
        if run is not None:
            found["model_name"] = run.model
            found["model_provider"] = run.provider
        if meta.model is not None:
            found["model_name"] = meta.model
        if meta.id is not None:
            found["id"] = meta.id
        if meta.request_id is not None:
            found["request_id"] = meta.request_id
        if self.finish is not None:
            found["finish_reason"] = self.finish.provider_reason or self.finish.reason
        found.update(self._data)
        if self._logprobs:
            found["logprobs"] = {"content": list(self._logprobs)}
        return found

    def _was_cut(self) -> bool:
        return self.finish is None or self.finish.reason == "length"

    def _open_text(self, index: _Index) -> _Text:
        part = self._texts.get(index)
        if part is None:
            part = self._texts[index] = _Text(index)
            self._parts.append(part)
            self.has_content = True
        if isinstance(index, int):
            self._text_index = index
            self._add_text = part.pieces.append
        return part

    def _open_thought(self, index: _Index) -> _Thought:
        part = self._thoughts.get(index)
        if part is None:
            part = self._thoughts[index] = _Thought(index)
            self._parts.append(part)
            self.has_content = True
        return part

    def _token(self, event: Token) -> None:
        self._open_text(event.index).pieces.append(event.text)

    def _reasoning(self, event: Reasoning) -> None:
        part = self._open_thought(event.index)
        if event.text:
            part.pieces.append(event.text)
        if event.signature is not None:
            part.extras["signature"] = event.signature

    def _tool_call(self, event: ToolCallDelta) -> None:
        index = event.index
        part = self._last_call if index is None else self._calls.get(index)
        if index is None and part is not None and (event.id or event.name):
            part = None  # without an index, an id or a name begins the next call
        if part is None or (event.id and part.id and event.id != part.id):
            part = self._calls[index] = _Call(index)
            self._parts.append(part)
            self.has_content = True
        part.id = part.id or event.id
        part.name = part.name or event.name
        if event.args:
            part.pieces.append(event.args)
        if event.extras:
            part.extras.update(event.extras)
        self._last_call = part

    def _block(self, event: Block) -> None:
        block = event.block
        match block.get("type"):
            case "text":
                self._open_text(event.index).merge(block)
            case "reasoning":
                self._open_thought(event.index).merge(block)
            case "citation" | "non_standard_annotation":
                self._open_text(event.index).annotations.append(block)
            case _:
                self._parts.append(_Whole(event.index, block))
        self.has_content = True

    def _meta(self, event: Meta) -> None:
        old = self.meta
        self.meta = Meta(
            id=event.id or old.id,
            model=event.model or old.model,
            request_id=event.request_id or old.request_id,
        )
        if event.data:
            self._data.update(event.data)
        if event.logprobs:
            self._logprobs.extend(event.logprobs)

    def _use(self, event: Usage) -> None:
        self._usage[self._usage_key] = event

    def _finish(self, event: Finish) -> None:
        self.finish = event

    def _retry(self, event: Retry) -> None:
        """What a failed attempt said does not count."""
        Fold.__init__(self, self._run)


# One method for each event that is part of a message; the union's other members fold to nothing.
_HANDLERS: dict[type, Callable[[Fold, Any], None]] = {
    Token: Fold._token,
    Reasoning: Fold._reasoning,
    ToolCallDelta: Fold._tool_call,
    Block: Fold._block,
    Meta: Fold._meta,
    Usage: Fold._use,
    Finish: Fold._finish,
    Retry: Fold._retry,
}


def add_usage(totals: list[UsageMetadata]) -> UsageMetadata:
    """The sum of the usage of several calls, details included."""
    if len(totals) == 1:
        return totals[0]
    summed: dict[str, Any] = {}
    for usage in totals:
        _add_counts(summed, cast("dict[str, Any]", usage))
    return cast("UsageMetadata", summed)


def _add_counts(into: dict[str, Any], more: dict[str, Any]) -> None:
    for key, value in more.items():
        if isinstance(value, dict):
            _add_counts(into.setdefault(key, {}), cast("dict[str, Any]", value))
        else:
            into[key] = into.get(key, 0) + value


def _join(pieces: list[str]) -> str:
    """The pieces as one; they stay joined, so asking again costs nothing."""
    if len(pieces) == 1:
        return pieces[0]
    text = "".join(pieces)
    pieces[:] = (text,)
    return text


def _dress(block: JSONObject, id: str | None, extras: JSONObject) -> JSONObject:
    if id is not None:
        block["id"] = id
    if extras:
        block["extras"] = dict(extras)
    return block


__all__ = ["Fold", "add_usage"]
