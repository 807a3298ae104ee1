"""Models with given answers under the names that the field's tests use: the embedded provider, told what to say."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import cycle
from typing import Any, TypeAlias

from tidewire.adapters.embedded import embedded_adapter
from tidewire.adapters.script import Call, Fail, Pace, Reply, Turn
from tidewire.adapters.sim_request import SimRequest
from tidewire.chat_models import ChatModel
from tidewire.events.blocks import JSONObject
from tidewire.events.errors import ConfigurationError, InternalServerError
from tidewire.events.messages import AIMessage, BaseMessage
from tidewire.events.types import Usage

#: What a fake is told to answer.
Answer: TypeAlias = BaseMessage | str

#: What a fake raises that is told to fail within a stream.
FakeListChatModelError = InternalServerError

_WORDS = re.compile(r"\S+|\s+")


class _FakeChatModel(ChatModel):
    """A model that answers by a function of the request. Nothing that it does is tried again."""

    __slots__ = ()

    def __init__(self, answer: Callable[[SimRequest], Turn], **parameters: Any) -> None:
        super().__init__("fake", model_provider=embedded_adapter(answer), **{"max_retries": 0, **parameters})


class GenericFakeChatModel(_FakeChatModel):
    """A model that gives these answers, one for each call, word by word in a stream.

    Args:
        messages: The answers: messages or texts. A call after the last one raises a ``ConfigurationError``.
        parameters: As for :func:`tidewire.init_chat_model`.
    """

    __slots__ = ()

    def __init__(self, messages: Iterable[Answer], **parameters: Any) -> None:
        following = _Following(iter(messages))
        super().__init__(lambda request: _reply(following.next(), _WORDS.findall), **parameters)


class FakeMessagesListChatModel(_FakeChatModel):
    """A model that gives these answers over and over, word by word in a stream.

    Args:
        responses: The answers.
        sleep: Seconds before each piece of a stream, or before a whole answer.
        parameters: As for :func:`tidewire.init_chat_model`.
    """

    __slots__ = ()

    def __init__(self, responses: Sequence[Answer], sleep: float | None = None, **parameters: Any) -> None:
        following = _Following(cycle(responses))
        super().__init__(lambda request: _reply(following.next(), _WORDS.findall, sleep, request), **parameters)


class FakeListChatModel(_FakeChatModel):
    """A model that gives these texts over and over, character by character in a stream.

    Args:
        responses: The texts.
        sleep: Seconds before each character of a stream, or before a whole answer.
        error_on_chunk_number: A stream fails with :data:`FakeListChatModelError` after so many characters.
        parameters: As for :func:`tidewire.init_chat_model`.
    """

    __slots__ = ()

    def __init__(
        self,
        responses: Sequence[str],
        sleep: float | None = None,
        error_on_chunk_number: int | None = None,
        **parameters: Any,
    ) -> None:
        following = _Following(cycle(responses))

        def answer(request: SimRequest) -> Turn:
            reply = _reply(following.next(), list, sleep, request)
            if error_on_chunk_number is None or not request.stream:
                return reply
            return Fail(kind="error", after_tokens=error_on_chunk_number, reply=reply)

        super().__init__(answer, **parameters)


class FakeChatModel(_FakeChatModel):
    """A model that says "fake response" whatever it is asked."""

    __slots__ = ()

    def __init__(self, **parameters: Any) -> None:
        super().__init__(lambda request: "fake response", **parameters)


class ParrotFakeChatModel(_FakeChatModel):
    """A model that says what it was told last."""

    __slots__ = ()

    def __init__(self, **parameters: Any) -> None:
        super().__init__(lambda request: Reply(_WORDS.findall(request.messages[-1].text)), **parameters)


class _Following:
    """Gives one thing after another, to any thread."""

    def __init__(self, answers: Iterator[Answer]) -> None:
        self._answers = answers
        self._lock = threading.Lock()

    def next(self) -> Answer:
        with self._lock:
            for answer in self._answers:
                return answer
        raise ConfigurationError("the fake model has no more answers: it was called once more than it was given")


def _reply(
    answer: Answer, cut: Callable[[str], list[str]], sleep: float | None = None, request: SimRequest | None = None
) -> Reply:
    """What the stand-in says for an answer."""
    pace = None
    if sleep and request is not None:
        pace = Pace(first_token_s=sleep, tokens_per_second=1 / sleep if request.stream else 0.0)
    if isinstance(answer, str):
        return Reply(cut(answer), pace=pace)
    text: list[str] = []
    thoughts: list[str] = []
    calls: list[Call] = []
    others: list[JSONObject] = []
    for block in answer.content_blocks:
        match block["type"]:
            case "text" if block.keys() == {"type", "text"}:
                text += cut(block["text"])
            case "reasoning":
                thoughts += cut(block.get("reasoning", ""))
            case "tool_call" | "invalid_tool_call":
                calls.append(Call(block["name"] or "", block["args"], block["id"]))
            case _:
                others.append({**block})
    usage = answer.usage_metadata if isinstance(answer, AIMessage) else None
    return Reply(
        text,
        reasoning=thoughts,
        tool_calls=calls,
        blocks=others,
        usage=None if usage is None else Usage.from_metadata(usage),
        pace=pace,
    )


__all__ = [
    "Answer",
    "FakeChatModel",
    "FakeListChatModel",
    "FakeListChatModelError",
    "FakeMessagesListChatModel",
    "GenericFakeChatModel",
    "ParrotFakeChatModel",
]
