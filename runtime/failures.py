"""What went wrong in a call so far, and the one error that tells of all of it."""

from __future__ import annotations

from tidewire.adapters.status_errors import visible_text
from tidewire.events.errors import APIStatusError, TidewireError

#: Longest text of an earlier error in a note, in characters.
NOTE_LIMIT = 200


class Failures:
    """The failed attempts of a call, model by model.

    Args:
        provider: Of the first model.
        model: Its name.
    """

    __slots__ = ("_attempts", "_final", "_model", "_provider")

    def __init__(self, provider: str, model: str) -> None:
        self._provider = provider
        self._model = model
        # Of the present model; and of each model before it, the error that ended it.
        self._attempts: list[TidewireError] = []
        self._final: list[TidewireError] = []

    def attempt_failed(self, error: TidewireError) -> None:
        """An attempt failed, and another one follows."""
        self._attempts.append(error)

    def model_failed(self, error: TidewireError, attempts: int, provider: str, model: str) -> None:
        """The present model failed after so many requests, and another one takes over, which is named."""
        self._mark(error, attempts)
        self._final.append(error)
        self._provider, self._model = provider, model

    def outcome(self, error: TidewireError, attempts: int, *, handled: bool) -> TidewireError:
        """The error to raise for the one that ended the call after so many requests to the last model.

        Args:
            error: The one that ended it.
            attempts: Requests to the last model.
            handled: The error is of those after which another model would have been asked, but there is none left:
                then the first model's error speaks for all.
        """
        if not any(error is known for known in self._final):
            self._mark(error, attempts)
            if not self._final:
                return error
            if not handled:
                _follow(error, self._final[-1])
                return error
            self._final.append(error)
        # An error that is raised anew each time by the same stand-in is one error.
        first = self._final[0]
        others = [other for other in self._final if other is not first]
        first.fallback_errors = tuple(others)
        for other in others:
            _note(first, f"then {other.provider}:{other.model} failed: {_summary(other)}")
        return first

    def _mark(self, error: TidewireError, attempts: int) -> None:
        """Write on an error whose it is, and what went before it."""
        error.provider = error.provider or self._provider
        error.model = error.model or self._model
        error.attempts = attempts
        earlier, self._attempts = self._attempts, []
        for number, before in enumerate(earlier, 1):
            if before is not error and _kind(before) != _kind(error):
                _note(error, f"attempt {number} failed with {_summary(before)}")
        if earlier:
            _follow(error, earlier[-1])


def _kind(error: TidewireError) -> tuple[type[TidewireError], object]:
    return type(error), getattr(error, "status_code", None)


def _summary(error: TidewireError) -> str:
    return f"{type(error).__name__}: {visible_text(error.message, NOTE_LIMIT)}"


def _note(error: TidewireError, note: str) -> None:
    if note not in getattr(error, "__notes__", ()):
        error.add_note(note)


def _follow(error: TidewireError, before: TidewireError) -> None:
    """Show the error before in the traceback, unless something else is shown there."""
    if error.__context__ is None and error.__cause__ is None and not _leads_to(before, error):
        error.__context__ = before


def _leads_to(error: BaseException | None, target: BaseException) -> bool:
    while error is not None:
        if error is target:
            return True
        error = error.__context__
    return False


def reason_of(error: TidewireError) -> str:
    """An error in a few words, for the event that tells of another attempt."""
    name = type(error).__name__
    if isinstance(error, APIStatusError) and error.status_code is not None:
        return f"{name} ({error.status_code})"
    return name


__all__ = ["NOTE_LIMIT", "Failures", "reason_of"]
