"""Events to message: appends the pieces as they come and joins them when somebody asks.

A block's identity is its kind and index, fixed by the codec. Text and reasoning of one index are one block; a tool
call's index names its latest call, and a new id under an old index is a new call. The order of blocks is that of
their first events.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, cast

from tidewire.events.blocks import ContentBlock, JSONObject, UsageMetadata
from tidewire.events.parts import CallPart, Index, Part, ReasoningPart, TextPart, WholePart, joined
from tidewire.events.types import (
    Block,
    End,
    Event,
    Fallback,
    Finish,
    Meta,
    Reasoning,
    Retry,
    Run,
    Token,
    ToolCallDelta,
    Usage,
)


class Fold:
    """The message so far of a run, or of a sum of chunks."""

    __slots__ = (
        "_add_text",
        "_calls",
        "_data",
        "_earlier",
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
        "restarts",
    )

    def __init__(self, run: Run | None = None) -> None:
        self._parts: list[Part] = []
        self._texts: dict[Index, TextPart] = {}
        self._thoughts: dict[Index, ReasoningPart] = {}
        self._calls: dict[Index, CallPart] = {}
        self._last_call: CallPart | None = None
        self._text_index: int | None = None
        self._add_text: Callable[[str], None] | None = None
        self._run = run
        # What was said before the run of which pieces are added now, in a sum over several runs.
        self._earlier: Fold | None = None
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
        #: True once the end of a whole answer was added.
        self.last = False
        #: True when the answer began anew: what is said of the same run in a fold that this one is added to goes.
        self.restarts = False

    def add(self, event: Event) -> None:
        """Add one event; those that are no part of a message are passed over."""
        if type(event) is Token and event.index == self._text_index and self._add_text is not None:
            self._add_text(event.text)
            return
        handler = self._handlers.get(type(event))
        if handler is not None:
            handler(self, event)

    def open(self, run: Run | None, *, id: str | None = None, name: str | None = None) -> None:
        """What is added from here on belongs to ``run`` (None: to a chunk made by hand, each one for itself)."""
        if run is not None and self._is_of_others(run):
            self._earlier = self.copy()
        self._run = run or self._run
        self._usage_key = run.id if run is not None else object()
        self.id = self.id or id or (run.message_id if run is not None else None)
        self.name = self.name or name

    def extend(self, more: Fold) -> None:
        """Add all that another fold holds, as if its events were added one by one; it is left as it is.

        It costs as much as the other fold has blocks, however many pieces these came in.
        """
        if self._is_blank():
            self.restarts, self._earlier = more.restarts, more._earlier
        elif more._run is not None:
            self._meet(more, more._run)
        for part in more._parts:
            match part:
                case TextPart():
                    self._open_text(part.index).extend(part)
                case ReasoningPart():
                    self._open_thought(part.index).extend(part)
                case CallPart():
                    self._open_call(part.index, part.id, part.name).extend(joined(part.pieces), part.name, part.extras)
                case WholePart():
                    self._parts.append(part)  # never changed once made
        if more._last_call is not None and more._last_call.index is not None:
            self._last_call = self._calls[more._last_call.index]
        self._run = more._run or self._run
        self._usage.update(more._usage)
        self._usage_key = more._usage_key
        self._add_meta(more.meta)
        self._data.update(more._data)
        self._logprobs.extend(more._logprobs)
        self.finish = more.finish or self.finish
        self.id = self.id or more.id
        self.name = self.name or more.name
        self.extra.update(more.extra)
        self.has_content = self.has_content or more.has_content
        self.last = self.last or more.last

    def copy(self) -> Fold:
        """An independent fold with the same content."""
        twin = Fold()
        twin.extend(self)
        return twin

    def _is_blank(self) -> bool:
        return not (self._parts or self._usage or self._data or self._run)

    def _is_of_others(self, run: Run) -> bool:
        """Whether there is something, and it is not of this run."""
        return (self._run is None or self._run.id != run.id) and not self._is_blank()

    def _meet(self, more: Fold, run: Run) -> None:
        """Before a fold of a run is added: forget what no longer counts, and keep apart what others have said."""
        if more._earlier is not None:
            earlier = self.copy()
            earlier.extend(more._earlier)
            self._earlier = earlier
        elif self._is_of_others(run):
            self._earlier = self.copy()
        elif more.restarts:
            self._restart()

    def _restart(self) -> None:
        """What the present run has said no longer counts."""
        earlier, run = self._earlier, self._run
        Fold.__init__(self, run)
        if earlier is None:
            self.restarts = True
        else:
            Fold.__init__(self)
            self.extend(earlier)
            self.open(run)

    def blocks(self, *, final: bool) -> list[ContentBlock]:
        """The content blocks, in the order of their first events.

        Args:
            final: Read tool calls strictly, as calls or invalid calls; otherwise they stand as chunks.
        """
        cut_call = self._last_call if final and self._was_cut() else None
        blocks: list[JSONObject] = []
        for part in self._parts:
            if not isinstance(part, CallPart):
                blocks.append(part.block())
            elif not part.is_tail:
                cut = cut_call is not None and cut_call in (part, part.tail)
                blocks.append(part.call(cut=cut) if final else part.chunk())
        return cast("list[ContentBlock]", blocks)

    def plain_blocks(self) -> list[JSONObject]:
        """The blocks of :meth:`blocks` with the index of each that grows, so that more can be added to them later."""
        growing = [part for part in self._parts if not (isinstance(part, CallPart) and part.is_tail)]
        blocks = cast("list[JSONObject]", self.blocks(final=self.last))
        for part, block in zip(growing, blocks, strict=True):
            if isinstance(part, (TextPart, ReasoningPart)) and part.index != 0:
                block["index"] = part.index
        return blocks

    def best_tool_calls(self) -> list[JSONObject]:
        """The tool calls as far as unfinished arguments can be read; those that are no JSON object are left out."""
        calls: list[JSONObject] = []
        for part in self._parts:
            if isinstance(part, CallPart) and not part.is_tail:
                reading = part.best_reading()
                if reading is not None:
                    calls.append(reading)
            elif isinstance(part, WholePart) and part.value.get("type") == "tool_call":
                calls.append(part.block())
        return calls

    def text(self) -> str:
        """The text of all text blocks."""
        return "".join(joined(part.pieces) for part in self._parts if isinstance(part, TextPart))

    def usage_event(self) -> Usage | None:
        """The running total of a single run, or None."""
        if len(self._usage) == 1:
            for usage in self._usage.values():
                return usage
        return None

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

    def __getstate__(self) -> dict[str, object]:
        for part in self._parts:
            if not isinstance(part, WholePart):
                joined(part.pieces)
        return {slot: getattr(self, slot) for slot in self.__slots__ if slot not in _SHORTCUT}

    def __setstate__(self, state: dict[str, object]) -> None:
        self._text_index = self._add_text = None
        for slot, value in state.items():
            setattr(self, slot, value)

    def _was_cut(self) -> bool:
        return self.finish.reason == "length" if self.finish is not None else not self.last

    def _open_text(self, index: Index) -> TextPart:
        part = self._texts.get(index)
        if part is None:
            part = self._texts[index] = TextPart(index)
            self._parts.append(part)
            self.has_content = True
        if isinstance(index, int):
            self._text_index = index
            self._add_text = part.pieces.append
        return part

    def _open_thought(self, index: Index) -> ReasoningPart:
        part = self._thoughts.get(index)
        if part is None:
            part = self._thoughts[index] = ReasoningPart(index)
            self._parts.append(part)
            self.has_content = True
        return part

    def _open_call(self, index: Index, id: str | None, name: str | None) -> CallPart:
        """The call that a piece belongs to: the open one, or a new one."""
        if index is None:
            # Without an index, an id or a name begins the next call.
            open_call = None if id or name else self._last_call
        else:
            open_call = self._calls.get(index)
        if open_call is not None and (not id or open_call.id == id):
            self._last_call = open_call
            return open_call
        call = self._last_call = CallPart(index)
        call.id = id
        if open_call is not None and open_call.id is None:
            open_call.tail = call
            call.is_tail = True
        if index is not None:
            self._calls[index] = call
        self._parts.append(call)
        self.has_content = True
        return call

    def _token(self, event: Token) -> None:
        self._open_text(event.index).pieces.append(event.text)

    def _reasoning(self, event: Reasoning) -> None:
        part = self._open_thought(event.index)
        if event.text:
            part.pieces.append(event.text)
        if event.signature is not None:
            part.extras["signature"] = event.signature

    def _tool_call(self, event: ToolCallDelta) -> None:
        self._open_call(event.index, event.id, event.name).extend(event.args, event.name, event.extras)

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
                self._parts.append(WholePart(block))
        self.has_content = True

    def _add_meta(self, event: Meta) -> None:
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
        if event.discard_from is None:
            Fold.__init__(self, self._run)
        else:
            self._restart()

    def _fall_back(self, event: Fallback) -> None:
        """Nor does what a model said of itself before another one took over."""
        Fold.__init__(self, self._run)

    def _end(self, event: End) -> None:
        self.last = event.outcome == "ok"

    # One method for each event that is part of a message; the union's other members fold to nothing.
    _handlers: ClassVar[dict[type, Callable[[Fold, Any], None]]] = {
        Token: _token,
        Reasoning: _reasoning,
        ToolCallDelta: _tool_call,
        Block: _block,
        Meta: _add_meta,
        Usage: _use,
        Finish: _finish,
        Retry: _retry,
        Fallback: _fall_back,
        End: _end,
    }


# A bound method of the text that grows: no part of what the fold holds.
_SHORTCUT = ("_text_index", "_add_text")


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


__all__ = ["Fold", "add_usage"]
