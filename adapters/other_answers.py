"""The other answers to a request for several (``n``): read beside the first one, and told when it ends.

A message is one answer. The others stand in its ``response_metadata["candidates"]``, in order, each in the plain form
of a message's data: ``message_from_dict({"type": "ai", "data": candidate})`` makes the message.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Generic, Protocol, TypeVar

from tidewire.events.errors import APIStatusError
from tidewire.events.fold import Fold
from tidewire.events.messages import AIMessage
from tidewire.events.types import DecodedEvent, Meta


class _Ends(Protocol):
    def end(self) -> Iterable[DecodedEvent]: ...


A = TypeVar("A", bound=_Ends)


class OtherAnswers(Generic[A]):
    """Collects them.

    Args:
        make: Makes what reads one answer.
    """

    def __init__(self, make: Callable[[], A]) -> None:
        self._make = make
        self._answers: dict[int, tuple[A, Fold]] = {}

    def add(self, index: int, read: Callable[[A], Iterable[DecodedEvent]]) -> None:
        """Read a piece of the answer of this index, by what reads it."""
        if index not in self._answers:
            self._answers[index] = (self._make(), Fold())
        answer, fold = self._answers[index]
        _add(fold, lambda: read(answer))

    def end(self) -> Iterator[Meta]:
        """The answers that there are."""
        candidates: list[object] = []
        for _, (answer, fold) in sorted(self._answers.items(), key=lambda item: item[0]):
            _add(fold, answer.end)
            candidates.append(AIMessage.from_fold(fold).state())
        if candidates:
            yield Meta(data={"candidates": candidates})


def _add(fold: Fold, events: Callable[[], Iterable[DecodedEvent]]) -> None:
    try:
        for event in events():
            fold.add(event)
    except APIStatusError as error:  # of this answer alone: the first one may be whole
        fold.add(Meta(data={"error": error.message}))


__all__ = ["OtherAnswers"]
