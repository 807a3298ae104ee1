"""Takes our own secrets out of what comes back: a provider may quote the key that it refuses, a gateway our headers.

A secret is found in whatever spelling texts are passed on in: as it is, percent-encoded, escaped for JSON (once or
several times) or for HTML. A provider's own short form of a key (``sk-…abcd``) is its own to show.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from tidewire.adapters.secrets import MASK, Secret
from tidewire.adapters.transport_errors import causes
from tidewire.events.errors import APIStatusError, ResponseDecodeError, TidewireError

# Characters that HTML has names for.
_NAMED = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"}

# Shorter secrets are only found as words of their own, and those of letters alone ("EMPTY", "ollama") are stand-ins
# for a key where none is needed, and words that a message may well say.
_LONG = 8
_SHORT = 4


class Redactor:
    """Finds secrets in texts.

    Args:
        secrets: What is to be found.
    """

    __slots__ = ("_pattern", "_texts")

    def __init__(self, secrets: Iterable[Secret]) -> None:
        texts = {text for secret in secrets for text in secret.texts}
        # The longest first: a header with its scheme, then the key.
        self._texts = sorted((text for text in texts if _is_shown_nowhere(text)), key=lambda text: (-len(text), text))
        self._pattern = re.compile("|".join(_spellings(text) for text in self._texts)) if self._texts else None

    def __repr__(self) -> str:
        return f"Redactor({len(self._texts)})"

    def text(self, text: str) -> str:
        """The text with each secret replaced, also one that is cut off at its end."""
        if self._pattern is None or not text:
            return text
        found = self._pattern.sub(MASK, text)
        return self._without_rest(found)

    def data(self, data: bytes) -> bytes:
        """Bytes with each secret replaced."""
        # Secrets are ASCII, and Latin-1 gives every byte back as it was.
        return self.text(data.decode("latin-1")).encode("latin-1")

    def values(self, values: Mapping[str, str]) -> dict[str, str]:
        """Headers with each secret replaced."""
        return {name: self.text(value) for name, value in values.items()}

    def clean(self, error: TidewireError, *, forget_frames: bool = False) -> None:
        """Replace the secrets in an error, in its notes and in the errors that led to it.

        Where there were some, the frames that the error came through are forgotten, with the bytes that they hold.

        Args:
            error: The error.
            forget_frames: Forget them in any case.
        """
        found = forget_frames
        for one in causes(error) if self._pattern is not None else ():
            if isinstance(one, TidewireError):
                found = self._clean(one) or found
            for follower in (one.__cause__, one.__context__):
                if follower is not None and not isinstance(follower, TidewireError) and self._quotes(follower):
                    one.__cause__ = one.__context__ = None
                    found = True
        if found:
            for one in causes(error):
                one.__traceback__ = None

    def _clean(self, error: TidewireError) -> bool:
        before = (error.message, getattr(error, "__notes__", None))
        error.message = self.text(error.message)
        error.args = (error.message,)
        notes: list[str] | None = getattr(error, "__notes__", None)
        if notes:
            error.__notes__ = [self.text(note) for note in notes]
        found = before != (error.message, getattr(error, "__notes__", None))
        if isinstance(error, APIStatusError):
            told = (error.body, error.provider_code, error.request_id)
            error.body = self.text(error.body)
            error.provider_code = None if error.provider_code is None else self.text(error.provider_code)
            error.request_id = None if error.request_id is None else self.text(error.request_id)
            found = found or told != (error.body, error.provider_code, error.request_id)
        if isinstance(error, ResponseDecodeError):
            excerpt, error.excerpt = error.excerpt, self.text(error.excerpt)
            found = found or excerpt != error.excerpt
        return found

    def _quotes(self, error: BaseException) -> bool:
        """Whether a foreign error shows a secret: in its text, or in what decoders hang on theirs."""
        shown = f"{error} {error.args!r} {getattr(error, 'doc', '')}"
        return self.text(shown) != shown

    def _without_rest(self, text: str) -> str:
        """The text without the beginning of a secret that was cut off there."""
        end = text.rstrip("…")
        for secret in self._texts:
            for size in range(min(len(secret) - 1, len(end)), _LONG - 1, -1):
                if end.endswith(secret[:size]):
                    return end[:-size] + MASK + text[len(end) :]
        return text


def redact(text: str, secrets: Iterable[Secret]) -> str:
    """``text`` with each secret replaced, for what a provider sends back."""
    return Redactor(secrets).text(text)


def _is_shown_nowhere(text: str) -> bool:
    return len(text) >= _LONG or (len(text) >= _SHORT and not text.isalpha())


def _spellings(text: str) -> str:
    pattern = "".join(map(_spelling, text))
    return pattern if len(text) >= _LONG else rf"(?<![A-Za-z0-9]){pattern}(?![A-Za-z0-9])"


def _spelling(character: str) -> str:
    if character.isalnum():
        return character
    code = ord(character)
    plain = re.escape(character)
    named = f"|{_NAMED[character]}" if character in _NAMED else ""
    return rf"(?:\\{{0,4}}{plain}|(?i:%{code:02x}|\\{{1,4}}u{code:04x}|&#0?{code};|&#x{code:02x};{named}))"


__all__ = ["Redactor", "redact"]
