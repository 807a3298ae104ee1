"""A conversation in Converse's form.

The format's rules that shape this file:

- ``system`` stands beside the messages. Where the model takes a system message further on, that must follow a user
  turn, so it waits for the end of the user turn that it stands before or in.
- Turns alternate: what comes from one side in a row is one turn. Results of tools are user content, before all other.
- Calls and results of tools are taken only together with a list of tools. Without one they are told as text.
- Blank text is refused, an empty turn too, and white space at the end of a final assistant turn.
- A cache point is a block of its own behind what it marks.
- A signed or encrypted block is taken back only by the model's maker, and unchanged. Images and documents are taken
  from users only.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import cast

from tidewire.adapters.bedrock_blocks import write_block, write_citation
from tidewire.adapters.bedrock_families import knows_tool_status, vendor_of
from tidewire.adapters.bedrock_media import DocumentNames, write_media
from tidewire.adapters.content import answer_blocks, field_of, plain_id
from tidewire.adapters.left_out import citations_left_out
from tidewire.events.blocks import JSONObject
from tidewire.events.errors import ConfigurationError
from tidewire.events.messages import AIMessage, BaseMessage, ToolMessage
from tidewire.events.tool_args import parse_partial_arguments
from tidewire.events.types import WarningEvent

#: The providers that speak this format; what one of them made, the other takes back.
PROVIDERS = frozenset({"bedrock", "bedrock_converse"})

_Blocks = list[JSONObject]


class _Turn:
    """What one side says. A turn's results of tools come first, or the API finds the calls before them unanswered."""

    def __init__(self, role: str) -> None:
        self.role = role
        self.results: _Blocks = []
        self.blocks: _Blocks = []


class Conversation:
    """Messages as ``system`` and turns; one instance spells one request.

    Args:
        model: Who is to read it.
        system_in_place: Whether the model takes a system message after the first turn where it stands.
        with_tools: Whether the request has a list of tools.
    """

    def __init__(self, model: str, *, system_in_place: bool, with_tools: bool) -> None:
        self._model = model
        self._system_in_place = system_in_place
        self._with_tools = with_tools
        self._names = DocumentNames()
        self._turns: list[_Turn] = []
        self._waiting: _Blocks = []
        #: The system prompt.
        self.system: _Blocks = []
        #: What was left out, moved or told in other words.
        self.warnings: list[WarningEvent] = []

    def add(self, messages: Sequence[BaseMessage]) -> None:
        """Spell all messages of the request.

        Raises:
            ConfigurationError: The format cannot spell a block; it is named.
        """
        answered = {message.tool_call_id for message in messages if isinstance(message, ToolMessage)}
        for message in messages:
            if isinstance(message, AIMessage):
                self._add_answer(message, answered)
            elif isinstance(message, ToolMessage):
                self._add_result(message)
            elif message.type == "system":
                self._add_system(_system(message))
            else:
                self._turn("user").blocks += self._user(message.content_blocks, "a user message")
        self._place_waiting()
        self._strip_final_answer()

    def mark_end(self, mark: object) -> None:
        """A cache point behind all that was said, from ``cache_control`` for the whole request, if none is there."""
        point = cache_point(None, mark)
        if point is None or not self._turns:
            return
        turn = self._turns[-1]
        said = turn.blocks or turn.results
        if "cachePoint" not in said[-1]:
            said.append(point)

    @property
    def turns(self) -> _Blocks:
        """The turns, as the body's ``messages``."""
        return [{"role": turn.role, "content": turn.results + turn.blocks} for turn in self._turns]

    def _turn(self, role: str) -> _Turn:
        if not self._turns or self._turns[-1].role != role:
            self._turns.append(_Turn(role))
        return self._turns[-1]

    def _add_system(self, blocks: _Blocks) -> None:
        if not self._turns:
            self.system += blocks
        elif self._system_in_place:
            self._waiting += blocks
        else:
            self.system += blocks
            self._warn(
                "system_message_moved",
                "a system message in the middle of the conversation was joined to the system prompt",
            )

    def _place_waiting(self) -> None:
        if self._waiting:
            self._turn("system").blocks += self._waiting
            self._waiting = []

    def _add_answer(self, message: AIMessage, answered: set[str]) -> None:
        maker = message.response_metadata.get("model_provider")
        model = message.response_metadata.get("model_name")
        own = maker is None or (maker in PROVIDERS and self._same_vendor(model))
        blocks: _Blocks = []
        for block in answer_blocks(message, own=own):
            spelled = self._answer_block(block, answered, own)
            if spelled is None and block["type"] not in ("text", "invalid_tool_call", "tool_call_chunk"):
                why = "it is not whole, or Bedrock takes no such block back" if own else f"{model or maker} made it"
                self._warn("block_left_out", f"a {block['type']} block of the history was left out: {why}")
            elif spelled is not None:
                blocks += (spelled, *_cache_point(block))
        if not own and any(block.get("annotations") for block in cast("_Blocks", message.content_blocks)):
            self.warnings.append(citations_left_out("bedrock"))
        if blocks:  # an answer of nothing that may be sent back is no turn
            self._place_waiting()
            self._turn("assistant").blocks += blocks

    def _same_vendor(self, model: object) -> bool:
        """Whether who made the answer reads it now, as far as the names tell: nobody else takes signatures."""
        theirs, ours = vendor_of(str(model)), vendor_of(self._model)
        return theirs is None or ours is None or theirs == ours

    def _answer_block(self, block: JSONObject, answered: set[str], own: bool) -> JSONObject | None:
        match block["type"]:
            case "text":
                return _answer_text(block, own)
            case "tool_call":
                return self._tool_use(block, block["args"])
            case "invalid_tool_call" | "tool_call_chunk":
                # It stands for its call only where a result refers to it, with what of its arguments can be read.
                if block.get("id") not in answered:
                    return None
                return self._tool_use(block, parse_partial_arguments(block.get("args") or "") or {})
            case "server_tool_call" | "server_tool_result" if not self._with_tools:
                return None
            case _:
                return write_block(block) if own else None

    def _tool_use(self, block: JSONObject, args: JSONObject) -> JSONObject:
        name = block["name"] or ""
        if not self._with_tools:
            self._warn_of_text()
            return {"text": f"[called the tool {name} with {json.dumps(args)}]"}
        return {"toolUse": {"toolUseId": plain_id(block["id"]), "name": name, "input": args}}

    def _add_result(self, message: ToolMessage) -> None:
        content: _Blocks = []
        marks: _Blocks = []  # a cache point has its place behind the result, not in it
        for block in self._user(message.content_blocks, "a tool message"):
            (marks if "cachePoint" in block else content).append(block)
        turn = self._turn("user")
        if not self._with_tools:
            self._warn_of_text()
            told = [{"text": json.dumps(block["json"])} if "json" in block else block for block in content]
            came = "[the tool failed]" if message.status == "error" else "[the tool gave back]"
            turn.blocks += ({"text": came}, *told, *marks)
            return
        result: JSONObject = {"toolUseId": plain_id(message.tool_call_id), "content": content}
        if message.status == "error" and knows_tool_status(self._model):
            result["status"] = "error"
        turn.results += ({"toolResult": result}, *marks)

    def _user(self, blocks: Iterable[object], place: str) -> _Blocks:
        spelled: _Blocks = []
        for block in cast("Iterable[JSONObject]", blocks):
            match block["type"]:
                case "text":
                    if not block["text"]:
                        continue
                    spelled.append({"text": block["text"]})
                case "audio" if place == "a tool message":
                    raise _unspellable("audio", place)
                case "image" | "audio" | "video" | "file" | "text-plain":
                    spelled.append(write_media(block, self._names))
                case "non_standard":
                    spelled.append(block["value"])
                case kind:
                    raise _unspellable(kind, place)
            spelled += _cache_point(block)
        return spelled

    def _strip_final_answer(self) -> None:
        if self._turns and self._turns[-1].role == "assistant":
            blocks = self._turns[-1].blocks
            if "text" in blocks[-1]:
                blocks[-1] = {"text": blocks[-1]["text"].rstrip()}

    def _warn_of_text(self) -> None:
        text = "calls and results of tools were told as text, since Bedrock takes them only with a list of tools"
        if all(warning.text != text for warning in self.warnings):
            self._warn("tool_calls_as_text", text)

    def _warn(self, code: str, text: str) -> None:
        self.warnings.append(WarningEvent(code=code, text=text))


def _system(message: BaseMessage) -> _Blocks:
    blocks: _Blocks = []
    for block in cast("_Blocks", message.content_blocks):
        match block["type"]:
            case "text":
                if block["text"]:
                    blocks += ({"text": block["text"]}, *_cache_point(block))
            case "non_standard":
                blocks.append(block["value"])
            case kind:
                raise _unspellable(kind, "a system message")
    return blocks


def _unspellable(kind: str, place: str) -> ConfigurationError:
    return ConfigurationError(f"bedrock cannot take a block of type {kind!r} in {place}")


def _answer_text(block: JSONObject, own: bool) -> JSONObject | None:
    text = block["text"]
    if not text.strip():
        return None
    written = [write_citation(note) for note in block.get("annotations") or ()] if own else []
    citations = [citation for citation in written if citation is not None]
    return {"citationsContent": {"content": [{"text": text}], "citations": citations}} if citations else {"text": text}


def _cache_point(block: JSONObject) -> _Blocks:
    """The cache point behind a block that the user marked, by Bedrock's word for it or by Anthropic's."""
    point = cache_point(field_of(block, "cachePoint"), field_of(block, "cache_control"))
    return [] if point is None else [point]


def cache_point(own: object, anthropic: object) -> JSONObject | None:
    """A cache point from ``cachePoint`` (a dict, or True) or ``cache_control``, whose lifetime it keeps."""
    if isinstance(own, dict):
        return {"cachePoint": own}
    if not own and not anthropic:
        return None
    point: JSONObject = {"type": "default"}
    if isinstance(anthropic, dict) and "ttl" in anthropic:
        point["ttl"] = anthropic["ttl"]
    return {"cachePoint": point}


__all__ = ["PROVIDERS", "Conversation", "cache_point"]
