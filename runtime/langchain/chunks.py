"""The events of a call as LangChain's chunks, which LangChain's own ``+`` adds up to the invoked message.

That sum joins texts; it merges the blocks of a list whose ``index`` is the same, whatever their type; and it joins
metadata that two chunks have, letter by letter. So each block gets an index of its own, and metadata goes with the last
chunk only.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple, assert_never

from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.outputs import ChatGenerationChunk

from tidewire.call import Call
from tidewire.events.blocks import JSON, JSONObject
from tidewire.events.messages import AIMessage as Answer
from tidewire.events.types import Block, End, Event, Reasoning, Token, ToolCallDelta
from tidewire.langchain.messages import CALL_EXTRAS, metadata_of, to_langchain, usage_of

_ANNOTATIONS = ("citation", "non_standard_annotation")


class Piece(NamedTuple):
    """A chunk; with the last one comes the whole message."""

    chunk: ChatGenerationChunk
    message: AIMessage | None = None


class _OpenCall:
    """A tool call that grows: its place in LangChain's lists, and its id once it is known."""

    def __init__(self, place: int) -> None:
        self.place = place
        self.id: str | None = None


class Pieces:
    """Makes the pieces of a call from its events.

    An answer that begins with text is streamed as text, one that begins with anything else as standard blocks.

    Args:
        call: The call.
        version: LangChain's ``output_version``: "v1" makes standard blocks of everything.
    """

    def __init__(self, call: Call, version: str | None) -> None:
        self._call = call
        self._version = version
        self._id = message_id(call)
        #: Whether content is standard blocks; None until there is some.
        self._standard: bool | None = True if version == "v1" else None
        self._count = 0
        self._places: dict[tuple[str, int | str], int] = {}
        self._calls: dict[int | str, _OpenCall] = {}
        self._last_call: _OpenCall | None = None

    def pieces(self, events: list[Event]) -> list[Piece]:
        """The pieces for the events of one read."""
        made: list[Piece] = []
        for event in events:
            match event:
                case Token():
                    made.append(self._text(event))
                case Block() if event.block.get("type") in ("tool_call", "invalid_tool_call"):
                    made.append(self._tool_call(_streamed(event.block)))
                case Block() if not self._standard and _is_id_of_text(event.block):
                    pass  # a plain answer does without
                case Reasoning() | Block():
                    made.append(self._block(event))
                case ToolCallDelta():
                    made.append(self._tool_call(event))
                case End() if event.outcome == "ok":
                    made.append(self._last(event.output))
                case _:
                    pass  # nothing of it is in a chunk, or it is in the last one
        return made

    def _text(self, event: Token) -> Piece:
        if not self._is_standard(otherwise=False):
            return self._piece(event.text)
        place = self._place("text", event.index)
        return self._piece([{"type": "text", "text": event.text, "index": place}])

    def _block(self, event: Reasoning | Block) -> Piece:
        self._is_standard(otherwise=True)
        match event:
            case Reasoning():
                block: JSONObject = {"type": "reasoning", "reasoning": event.text}
                if event.signature is not None:
                    block["extras"] = {"signature": event.signature}
                place = self._place("reasoning", event.index)
            case Block() if event.block.get("type") in _ANNOTATIONS:
                block = {"type": "text", "text": "", "annotations": [event.block]}
                place = self._place("text", event.index)
            case Block() if event.block.get("type") in ("text", "reasoning"):
                block = event.block
                place = self._place(event.block["type"], event.index)
            case Block():
                block = event.block
                place = self._new_place()
            case _:
                assert_never(event)
        return self._piece([{**block, "index": place}])

    def _tool_call(self, event: ToolCallDelta) -> Piece:
        standard = self._is_standard(otherwise=event.extras is not None)
        open_call = self._call_of(event)
        call = {
            "type": "tool_call_chunk",
            "id": event.id,
            "name": event.name,
            "args": event.args,
            "index": open_call.place,
        }
        if standard:
            block: JSONObject = call if event.extras is None else {**call, "extras": event.extras}
            return self._piece([block], tool_call_chunks=[call])
        if event.extras is None or open_call.id is None:
            return self._piece("", tool_call_chunks=[call])
        extras = {CALL_EXTRAS: {open_call.id: event.extras}}
        return self._piece("", tool_call_chunks=[call], additional_kwargs=extras)

    def _last(self, answer: Answer) -> Piece:
        finish = self._call.bus.fold.finish
        reason = None if finish is None else finish.reason
        standard = self._is_standard(otherwise=False)
        piece = self._piece(
            [] if standard else "",
            usage_metadata=usage_of(answer),
            response_metadata=metadata_of(answer, finish=reason, standard=standard),
            chunk_position="last",
        )
        return piece._replace(message=to_langchain(answer, id=self._id, finish=reason, version=self._version))

    def _is_standard(self, *, otherwise: bool) -> bool:
        if self._standard is None:
            self._standard = otherwise
        return self._standard

    def _place(self, kind: str, index: int | str) -> int:
        place = self._places.get((kind, index))
        if place is None:
            place = self._places[kind, index] = self._new_place()
        return place

    def _new_place(self) -> int:
        self._count += 1
        return self._count - 1

    def _call_of(self, event: ToolCallDelta) -> _OpenCall:
        """The call that a piece belongs to: without an index, an id or a name begins one; with one, a new id does."""
        if event.index is not None:
            found = self._calls.get(event.index)
        else:
            found = None if event.id or event.name else self._last_call
        if found is None or (event.id and found.id not in (None, event.id)):
            found = _OpenCall(self._new_place())
            if event.index is not None:
                self._calls[event.index] = found
        found.id = found.id or event.id
        self._last_call = found
        return found

    def _piece(self, content: str | list[JSONObject], **fields: Any) -> Piece:
        if self._standard:
            fields = {"response_metadata": {"output_version": "v1"}, **fields}
        return Piece(
            ChatGenerationChunk(
                message=AIMessageChunk(
                    content=[*content] if isinstance(content, list) else content, id=self._id, **fields
                )
            )
        )


def _streamed(call: JSONObject) -> ToolCallDelta:
    """A whole call as one piece."""
    args: JSON = call.get("args")
    text = args if isinstance(args, str) else json.dumps(args or {}, ensure_ascii=False)
    return ToolCallDelta(text, None, call.get("id"), call.get("name"), call.get("extras"))


def _is_id_of_text(block: JSONObject) -> bool:
    return block.get("type") == "text" and not block.get("text") and block.keys() <= {"type", "text", "id"}


def message_id(call: Call) -> str:
    """The id of a call's message, as LangChain makes it from that of the run."""
    return f"lc_run--{call.run.id}"


__all__ = ["Piece", "Pieces", "message_id"]
