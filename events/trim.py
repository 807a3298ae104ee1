"""``trim_messages``: as much of a conversation as a number of tokens allows, from its end or its beginning."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Literal, Protocol, TypeAlias, cast

from tidewire.events.blocks import JSONObject
from tidewire.events.errors import ConfigurationError
from tidewire.events.history import MessageKinds, kinds_test, waits_for_messages
from tidewire.events.messages import AIMessage, BaseMessage, SystemMessage, ToolMessage
from tidewire.events.token_counts import count_tokens_approximately

_CALLS = ("tool_call", "invalid_tool_call", "tool_call_chunk")


class CountsTokens(Protocol):
    """What can tell how many tokens messages have, as a model can."""

    def get_num_tokens_from_messages(self, messages: list[BaseMessage], /) -> int:
        """The tokens of these messages together."""
        ...


class SplitsText(Protocol):
    """What can cut a text into pieces that make the text again when they are joined."""

    def split_text(self, text: str, /) -> list[str]:
        """The pieces."""
        ...


#: What tells the tokens of messages: a model, a function of a list of messages or (its parameter annotated as
#: ``BaseMessage``) of one, or "approximate".
TokenCounter: TypeAlias = (
    CountsTokens | Callable[[list[BaseMessage]], int] | Callable[[BaseMessage], int] | Literal["approximate"]
)
#: What cuts a text into pieces that make the text again when they are joined.
TextSplitter: TypeAlias = Callable[[str], list[str]] | SplitsText


@waits_for_messages
def trim_messages(
    messages: list[BaseMessage],
    *,
    max_tokens: int,
    token_counter: TokenCounter,
    strategy: Literal["first", "last"] = "last",
    allow_partial: bool = False,
    end_on: MessageKinds | None = None,
    start_on: MessageKinds | None = None,
    include_system: bool = False,
    text_splitter: TextSplitter | None = None,
) -> list[BaseMessage]:
    """The last messages, or the first ones, that together have at most so many tokens.

    What a tool gave back goes with its call: where the cut takes the call away, no result of it stays at the beginning.
    If not even the system message that is to be kept fits, nothing does.

    Args:
        messages: The conversation, in any form that a model takes.
        max_tokens: The most tokens that the result may have.
        token_counter: A model, a function that counts a list of messages, or one message if its parameter is annotated
            as ``BaseMessage``; "approximate" is :func:`count_tokens_approximately`, ``len`` counts messages. More
            messages must not have fewer tokens.
        strategy: Which end is kept: "last" or "first".
        allow_partial: Keep a part of the message at the cut, if a part fits: some of its blocks, or some of its text.
        end_on: The kinds that the result may end on; what follows the last of them is left out, with "last" before
            tokens are counted.
        start_on: With "last": the kinds that the result may start on, a kept system message apart.
        include_system: With "last": keep the system message at the beginning.
        text_splitter: Where a text may be cut: a function, or one with ``split_text``; by default after each line.

    Raises:
        ConfigurationError: The arguments do not go together, or there are no messages of such a kind.
    """
    if strategy not in ("first", "last"):
        raise ConfigurationError(f"strategy is 'first' or 'last', not {strategy!r}")
    if strategy == "first" and (start_on is not None or include_system):
        raise ConfigurationError("start_on and include_system go with strategy='last'; with 'first' the start stays")
    count = _counter(token_counter)
    split = text_splitter if callable(text_splitter) else None if text_splitter is None else text_splitter.split_text
    cut = _Cut(max_tokens, count, split or _lines) if allow_partial else None
    may_end = None if end_on is None else kinds_test(end_on)
    if strategy == "first":
        kept = _most(len(messages), lambda size: count(messages[:size]) <= max_tokens)
        result = messages[:kept]
        if cut is not None and kept < len(messages):
            result += cut.part(messages[kept], lambda part: [*messages[:kept], part], from_end=False)
        return _ending_on(result, may_end)
    head = messages[:1] if include_system and messages and isinstance(messages[0], SystemMessage) else []
    rest = _ending_on(messages[len(head) :], may_end)
    if count(head) > max_tokens:
        return []
    size = len(rest)
    kept = _most(size, lambda number: count([*head, *rest[size - number :]]) <= max_tokens)
    result = rest[size - kept :]
    if cut is not None and kept < size:
        tail = result
        result = cut.part(rest[size - kept - 1], lambda part: [*head, part, *tail], from_end=True) + tail
    if start_on is not None:
        may_start = kinds_test(start_on)
        start = next((place for place, message in enumerate(result) if may_start(message)), len(result))
        result = result[start:]
    return head + _without_orphans(result, rest[: size - len(result)])


def _counter(given: TokenCounter) -> Callable[[list[BaseMessage]], int]:
    if given == "approximate":
        return count_tokens_approximately
    of_model = getattr(given, "get_num_tokens_from_messages", None)
    if of_model is not None:
        return cast("Callable[[list[BaseMessage]], int]", of_model)
    if not callable(given):
        raise ConfigurationError(f"token_counter is a model, a function or 'approximate', not {given!r:.100}")
    if not _counts_one(given):
        return cast("Callable[[list[BaseMessage]], int]", given)
    one = cast("Callable[[BaseMessage], int]", given)
    return lambda messages: sum(map(one, messages))


def _counts_one(function: Callable[..., int]) -> bool:
    """Whether a function counts one message, by what its first parameter is annotated as."""
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except ValueError:  # a builtin that does not tell
        return False
    annotation: object = parameters[0].annotation if parameters else None
    if isinstance(annotation, str):
        return annotation.rpartition(".")[2] == "BaseMessage"
    return isinstance(annotation, type) and issubclass(annotation, BaseMessage)


def _most(limit: int, fits: Callable[[int], bool]) -> int:
    """The largest number up to ``limit`` that fits; 0 if 1 does not.

    Sizes are doubled until one does not fit, so what is asked for grows with the answer and not with ``limit``.
    """
    low, high = 0, 1
    while high <= limit and fits(high):
        low, high = high, high * 2
    high = min(high, limit + 1)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low


def _ending_on(messages: list[BaseMessage], may_end: Callable[[BaseMessage], bool] | None) -> list[BaseMessage]:
    size = len(messages)
    while may_end is not None and size and not may_end(messages[size - 1]):
        size -= 1
    return messages[:size]


def _without_orphans(messages: list[BaseMessage], left_out: Sequence[BaseMessage]) -> list[BaseMessage]:
    """The messages without results at their beginning whose calls are among those that were left out."""
    start = 0
    gone = {call["id"] for message in left_out if isinstance(message, AIMessage) for call in message.tool_calls}
    for message in messages:
        if not isinstance(message, ToolMessage) or message.tool_call_id not in gone:
            break
        start += 1
    return messages[start:]


class _Cut:
    """Takes as much of a message as still fits."""

    def __init__(
        self, max_tokens: int, count: Callable[[list[BaseMessage]], int], split: Callable[[str], list[str]]
    ) -> None:
        self._max_tokens = max_tokens
        self._count = count
        self._split = split

    def part(
        self, message: BaseMessage, placed: Callable[[BaseMessage], list[BaseMessage]], *, from_end: bool
    ) -> list[BaseMessage]:
        """A part of a message, if one fits.

        Args:
            message: The message, which does not fit as a whole.
            placed: The messages that would be there with the part.
            from_end: Whether its end is kept, or its beginning.
        """
        content = message.content
        parts = [content] if isinstance(content, str) else [part for part in content if not _is_call(part)]

        def taken(pieces: Sequence[object], number: int) -> Sequence[object]:
            return pieces[len(pieces) - number :] if from_end else pieces[:number]

        def with_parts(number: int) -> BaseMessage:
            return message.model_copy(update={"content": list(taken(parts, number))})

        def fits(part: BaseMessage) -> bool:
            return self._count(placed(part)) <= self._max_tokens

        whole = _most(len(parts) - 1, lambda number: fits(with_parts(number)))
        if whole:
            return [with_parts(whole)]
        texts = [text for part in parts if (text := _text_of(part)) is not None]
        if not texts:
            return []
        pieces = self._split(texts[-1] if from_end else texts[0])

        def with_pieces(number: int) -> BaseMessage:
            return message.model_copy(update={"content": "".join(map(str, taken(pieces, number)))})

        size = _most(len(pieces) if len(parts) > 1 else len(pieces) - 1, lambda number: fits(with_pieces(number)))
        return [with_pieces(size)] if size else []


def _is_call(part: str | JSONObject) -> bool:
    return not isinstance(part, str) and part.get("type") in _CALLS


def _text_of(part: str | JSONObject) -> str | None:
    if isinstance(part, str):
        return part
    return part["text"] if part.get("type") == "text" and isinstance(part.get("text"), str) else None


def _lines(text: str) -> list[str]:
    return text.splitlines(keepends=True)


__all__ = ["CountsTokens", "SplitsText", "TextSplitter", "TokenCounter", "trim_messages"]
