"""Text of outsiders, made fit to be shown: in a message of ours, in a log."""

from __future__ import annotations

import re

#: Longest text of an outsider in one of our messages, in characters.
TEXT_LIMIT = 1000

# Control characters, and those that reorder or hide what a person reads: bidirectional controls, zero-width and other
# invisible ones, line and paragraph separators, lone surrogates.
_UNSAFE = re.compile(
    "[\\x00-\\x1f\\x7f-\\x9f\\xad\\u061c\\u180e\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\ufeff\\ufff9-\\ufffb"
    "\\ud800-\\udfff\\U000e0000-\\U000e007f]"
)
# Of these, what a text of several lines may have.
_ON_LINES = re.compile(f"(?![\\t\\n]){_UNSAFE.pattern}")
_SPACES = re.compile(r"[ \t\r\n]+")


def visible_text(text: str, limit: int = TEXT_LIMIT) -> str:
    """Text of outsiders, fit for a message: on one line, cut, invisible and reordering characters escaped."""
    # Cut before and after: escapes make a text up to ten times longer.
    text = _SPACES.sub(" ", text[: 4 * limit]).strip()
    text = _UNSAFE.sub(_escape, text)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def visible_lines(text: str, limit_bytes: int) -> str:
    """A text of ours that may quote outsiders: as :func:`visible_text`, but its lines stay, and it is cut by bytes."""
    if text.isascii() and text.isprintable() and len(text) <= limit_bytes:  # nearly all are
        return text
    text = _ON_LINES.sub(_escape, text[: limit_bytes + 1])
    encoded = text.encode()
    if len(encoded) <= limit_bytes:
        return text
    return encoded[: limit_bytes - 3].decode(errors="ignore") + "…"


def _escape(match: re.Match[str]) -> str:
    number = ord(match.group())
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


__all__ = ["TEXT_LIMIT", "visible_lines", "visible_text"]
