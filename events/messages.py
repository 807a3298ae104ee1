"""Messages: what a conversation consists of, the same for every provider.

A message is a value: it is made once and not changed afterwards (``model_copy(update=…)`` gives a changed copy). What
costs work (parsing tool calls, joining a streamed text) is done when it is asked for, once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal, Self, cast

from tidewire.events.blocks import (
    JSON,
    ContentBlock,
    InvalidToolCall,
    JSONObject,
    ToolCall,
    UsageMetadata,
)
from tidewire.events.errors import ConfigurationError
from tidewire.events.fold import Fold
from tidewire.events.plain_message import PlainForms
from tidewire.events.standard import Content, checked_content, standard_blocks

_WIDTH = 80


class BaseMessage(PlainForms):
    """What all messages have.

    Args:
        content: A text, or a list of texts and content blocks (standard, or in a provider's own spelling).
        content_blocks: Standard blocks, in place of ``content``.
        id: The message's id.
        name: Who speaks, where several share a role.
        additional_kwargs: Data of the caller's own.
        response_metadata: What the provider said about its answer.
    """

    type: ClassVar[str] = ""
    __slots__ = ("_blocks", "_content", "additional_kwargs", "id", "name", "response_metadata")

    #: The fields that make two messages equal, in the order of the repr.
    _fields: ClassVar[tuple[str, ...]] = ("content", "id", "name", "additional_kwargs", "response_metadata")

    def __init__(
        self,
        content: Content | None = None,
        *,
        content_blocks: Sequence[ContentBlock] | None = None,
        id: str | None = None,
        name: str | None = None,
        additional_kwargs: JSONObject | None = None,
        response_metadata: JSONObject | None = None,
    ) -> None:
        if content is not None and content_blocks is not None:
            raise ConfigurationError("give a message either content or content_blocks, not both")
        given = content_blocks if content_blocks is not None else content
        if given is None:
            raise ConfigurationError(f"{type(self).__name__} needs content: a text or a list of content blocks")
        #: None where the content is read from the blocks.
        self._content: str | list[str | JSONObject] | None = checked_content(cast("Content", given))
        self._blocks: list[ContentBlock] | None = None
        self.id = id
        self.name = name
        self.additional_kwargs: JSONObject = dict(additional_kwargs or {})
        self.response_metadata: JSONObject = dict(response_metadata or {})

    @property
    def content(self) -> str | list[str | JSONObject]:
        """The content as it was given: a text, or a list of texts and blocks."""
        return self._content if self._content is not None else content_of(self.content_blocks)

    @property
    def content_blocks(self) -> list[ContentBlock]:
        """The content as standard blocks, in order."""
        if self._blocks is None:
            self._blocks = standard_blocks(self.content)
        return self._blocks

    @property
    def text(self) -> str:
        """The text of all text blocks."""
        return "".join(block["text"] for block in self.content_blocks if block["type"] == "text")

    def model_copy(self, *, update: Mapping[str, Any] | None = None) -> Self:
        """A copy with some fields replaced, by the constructor's names."""
        fields = self.state()
        changed = dict(update or {})
        if "content" in changed or "content_blocks" in changed:
            fields.pop("content", None)
            fields.pop("content_blocks", None)
        return type(self)(**{**fields, **changed})

    def pretty_repr(self) -> str:
        """The message under a headline of its role, for people."""
        title = f" {self._title()} "
        lines = [title.center(_WIDTH, "="), ""]
        if self.name:
            lines += [f"Name: {self.name}", ""]
        return "\n".join(lines + self._body_lines()).rstrip()

    def pretty_print(self) -> None:
        """Print :meth:`pretty_repr`."""
        print(self.pretty_repr())

    def _title(self) -> str:
        return f"{self.type.capitalize()} Message"

    def _body_lines(self) -> list[str]:
        lines: list[str] = []
        for block in self.content_blocks:
            match block["type"]:
                case "text":
                    lines.append(block["text"])
                case "reasoning":
                    lines.append(f"[reasoning] {block.get('reasoning', '')}")
                case "tool_call" | "tool_call_chunk" | "invalid_tool_call":
                    pass  # shown below the content, with their arguments
                case kind:
                    lines.append(f"[{kind}]")
        return lines

    def state(self) -> dict[str, Any]:
        """The constructor's arguments that make an equal message."""
        fields = {field: getattr(self, field) for field in self._fields}
        return {field: value for field, value in fields.items() if not _is_default(field, value)}

    def __repr__(self) -> str:
        shown = ", ".join(f"{field}={_short(value)}" for field, value in self.state().items())
        return f"{type(self).__name__}({shown})"

    def __eq__(self, other: object) -> bool:
        if type(self) is not type(other):
            return NotImplemented
        return all(getattr(self, field) == getattr(other, field) for field in self._fields)

    # No hash: equality is by content, which holds dicts.

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild, (type(self), self.state()))


class SystemMessage(BaseMessage):
    """Instructions to the model."""

    type = "system"
    __slots__ = ()


class HumanMessage(BaseMessage):
    """What the user says."""

    type = "human"
    __slots__ = ()


class AIMessage(BaseMessage):
    """What the model answers.

    Args:
        content: As for every message.
        content_blocks: As for every message.
        tool_calls: Calls that are not among the blocks of the content.
        invalid_tool_calls: Calls that could not be read and are not among the blocks of the content.
        usage_metadata: The tokens of the call.
        id: The message's id.
        name: Who speaks.
        additional_kwargs: Data of the caller's own.
        response_metadata: What the provider said about its answer.
    """

    type = "ai"
    __slots__ = ("_fold", "usage_metadata")
    _fields: ClassVar[tuple[str, ...]] = (
        "content",
        "id",
        "name",
        "additional_kwargs",
        "response_metadata",
        "usage_metadata",
        "content_blocks",
    )
    _dumped = (*BaseMessage._dumped, "tool_calls", "invalid_tool_calls", "usage_metadata")

    usage_metadata: UsageMetadata | None

    def __init__(
        self,
        content: Content | None = None,
        *,
        content_blocks: Sequence[ContentBlock] | None = None,
        tool_calls: Sequence[ToolCall | JSONObject] = (),
        invalid_tool_calls: Sequence[InvalidToolCall | JSONObject] = (),
        usage_metadata: UsageMetadata | None = None,
        id: str | None = None,
        name: str | None = None,
        additional_kwargs: JSONObject | None = None,
        response_metadata: JSONObject | None = None,
    ) -> None:
        super().__init__(
            content if content is not None or content_blocks is not None else "",
            content_blocks=content_blocks,
            id=id,
            name=name,
            additional_kwargs=additional_kwargs,
            response_metadata=response_metadata,
        )
        self._fold: Fold | None = None
        self.usage_metadata = usage_metadata
        if content_blocks is None and not tool_calls and not invalid_tool_calls:
            return
        blocks = standard_blocks(cast("Content", self._content))
        known = [
            block["id"] for block in blocks if block["type"] == "tool_call" or block["type"] == "invalid_tool_call"
        ]
        calls = [whole_call("tool_call", call) for call in tool_calls]
        calls += [whole_call("invalid_tool_call", call) for call in invalid_tool_calls]
        for block in calls:
            if block["id"] is None or block["id"] not in known:
                blocks.append(cast("ContentBlock", block))
        self._blocks = blocks
        if content_blocks is not None:
            self._content = None

    @classmethod
    def from_fold(cls, fold: Fold) -> AIMessage:
        """The message of a run that is over. The fold must not grow any more."""
        message = AIMessage.__new__(AIMessage)
        message._fold = fold
        message._content = None
        message._blocks = None
        message.id = fold.id
        message.name = fold.name
        message.additional_kwargs = dict(fold.extra)
        message.response_metadata = fold.response_metadata()
        message.usage_metadata = fold.usage()
        return message

    @property
    def content(self) -> str | list[str | JSONObject]:
        """The content as it was given; of an answer, its text, or the list of its blocks where it has more than text.

        Tool calls do not count as such.
        """
        return super().content

    @property
    def content_blocks(self) -> list[ContentBlock]:
        """The answer's blocks in the provider's order, tool calls and invalid ones included."""
        if self._blocks is None:
            fold = self._fold
            self._blocks = standard_blocks(self.content) if fold is None else fold.blocks(final=True)
            self._fold = None
        return self._blocks

    @property
    def tool_calls(self) -> list[ToolCall]:
        """The calls of tools that the caller runs, each with ``name``, ``args`` (parsed), ``id`` and ``type``."""
        return [block for block in self.content_blocks if block["type"] == "tool_call"]

    @property
    def invalid_tool_calls(self) -> list[InvalidToolCall]:
        """Calls whose arguments are not whole, valid JSON, each with the raw text and the error."""
        return [block for block in self.content_blocks if block["type"] == "invalid_tool_call"]

    def _body_lines(self) -> list[str]:
        lines = super()._body_lines()
        if self.tool_calls:
            lines.append("Tool Calls:")
            for call in self.tool_calls:
                lines += [f"  {call['name']} ({call['id']})", "  Args:"]
                lines += [f"    {key}: {value}" for key, value in call["args"].items()]
        if self.invalid_tool_calls:
            lines.append("Invalid Tool Calls:")
            for bad in self.invalid_tool_calls:
                lines += [f"  {bad['name']} ({bad['id']})", f"  Error: {bad['error']}", f"  Args: {bad['args']}"]
        return lines

    def model_copy(self, *, update: Mapping[str, Any] | None = None) -> Self:
        """A copy with some fields replaced; new content leaves the tool calls, and new tool calls leave the content."""
        changed = dict(update or {})
        if not changed.keys() & {"content", "content_blocks", "tool_calls", "invalid_tool_calls"}:
            return super().model_copy(update=changed)
        if not changed.keys() & {"content", "content_blocks"}:
            calls = ("tool_call", "invalid_tool_call")
            changed["content_blocks"] = [block for block in self.content_blocks if block["type"] not in calls]
        return super().model_copy(
            update={"tool_calls": self.tool_calls, "invalid_tool_calls": self.invalid_tool_calls, **changed}
        )

    def state(self) -> dict[str, Any]:
        state = super().state()
        blocks = state.pop("content_blocks", [])
        said = standard_blocks(state["content"])
        calls = [block for block in blocks[len(said) :] if block["type"] == "tool_call"]
        invalid = [block for block in blocks[len(said) :] if block["type"] == "invalid_tool_call"]
        if [*said, *calls, *invalid] != blocks or (self._content is None and not isinstance(state["content"], str)):
            del state["content"]
            return {"content_blocks": blocks, **state}
        if calls:
            state["tool_calls"] = calls
        if invalid:
            state["invalid_tool_calls"] = invalid
        return state


class ToolMessage(BaseMessage):
    """What a tool gave back.

    Args:
        content: The result, for the model to read.
        content_blocks: The result as standard blocks, in place of ``content``.
        tool_call_id: The id of the call that it answers. Calls of an answer have one; one that a caller made by hand
            may lack it, and cannot be answered.
        status: "success" or "error".
        artifact: The result for the program, which the model never sees.
        id: The message's id.
        name: The tool's name.
        additional_kwargs: Data of the caller's own.
        response_metadata: Unused for tools; there so that all messages take the same fields.
    """

    type = "tool"
    __slots__ = ("artifact", "status", "tool_call_id")
    _dumped = (*BaseMessage._dumped, "tool_call_id", "artifact", "status")
    _fields = ("content", "tool_call_id", "status", "artifact", "id", "name", "additional_kwargs", "response_metadata")

    def __init__(
        self,
        content: Content | None = None,
        *,
        tool_call_id: str | None,
        content_blocks: Sequence[ContentBlock] | None = None,
        status: str = "success",
        artifact: JSON = None,
        id: str | None = None,
        name: str | None = None,
        additional_kwargs: JSONObject | None = None,
        response_metadata: JSONObject | None = None,
    ) -> None:
        super().__init__(
            content,
            content_blocks=content_blocks,
            id=id,
            name=name,
            additional_kwargs=additional_kwargs,
            response_metadata=response_metadata,
        )
        if status not in ("success", "error"):
            raise ConfigurationError(f"a tool message's status is 'success' or 'error', not {status!r}")
        if tool_call_id is None:
            raise ConfigurationError("a tool message names the call that it answers: tool_call_id is None")
        self.tool_call_id: str = tool_call_id
        self.status = status
        self.artifact = artifact


def _is_default(field: str, value: object) -> bool:
    """Whether the constructor would give the field this value by itself; never by comparing what users put there."""
    if field in ("content", "artifact"):
        return value is None
    return value is None or (isinstance(value, (dict, list)) and not value)


def _rebuild(kind: type[BaseMessage], state: dict[str, Any]) -> BaseMessage:
    return kind(**state)


def whole_call(kind: Literal["tool_call", "invalid_tool_call"], call: object) -> JSONObject:
    """The block for a call that is given as one: a ``tool_call`` or an ``invalid_tool_call``.

    Raises:
        ConfigurationError: It is no dict, or lacks its name or arguments.
    """
    if not isinstance(call, Mapping):
        raise ConfigurationError(f"a tool call is a dict with name, args and id, not {type(call).__name__}")
    given = cast("Mapping[str, JSON]", call)
    id, name, args = given.get("id"), given.get("name"), cast("object", given.get("args"))
    block: JSONObject
    if kind == "invalid_tool_call":
        block = {"type": kind, "id": id, "name": name, "args": args, "error": given.get("error")}
    elif isinstance(name, str) and (args is None or isinstance(args, Mapping)):
        block = {"type": kind, "id": id, "name": name, "args": dict(cast("JSONObject", args or {}))}
    else:
        raise ConfigurationError(f"a tool call needs a name and args (a dict), got the keys {list(given)}")
    return block | {field: given[field] for field in ("index", "extras") if field in given}


def content_of(blocks: Sequence[ContentBlock]) -> str | list[str | JSONObject]:
    """``content`` for these blocks: the text if there is nothing else but tool calls, else the blocks."""
    said = [block for block in blocks if block["type"] not in ("tool_call", "invalid_tool_call", "tool_call_chunk")]
    if not said:
        return ""
    if len(said) == 1 and said[0]["type"] == "text" and said[0].keys() == {"type", "text"}:
        return said[0]["text"]
    return [cast("JSONObject", block) for block in blocks]


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 400 else f"{text[:397]}…{text[-1]}"


__all__ = ["AIMessage", "BaseMessage", "HumanMessage", "SystemMessage", "ToolMessage", "content_of", "whole_call"]
