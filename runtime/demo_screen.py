"""What the demo draws: pieces as they arrive, a progress bar, a table; plain text where no terminal is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TextIO

_COLOURS = {"you": "36", "thinking": "2", "model": "1", "tool call": "33", "get_weather": "32"}
_BAR = 30
_LABEL = 12


class Screen:
    """Writes to a terminal, or to a file without colours and cursor movement.

    Args:
        out: Where to.
    """

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._terminal = out.isatty()
        self._speaker: str | None = None

    def headline(self, text: str) -> None:
        """A title with room above it."""
        self._write(f"\n{self._coloured('1;4', text)}\n\n")

    def note(self, text: str) -> None:
        """A line about the demo itself."""
        self._write(f"{self._coloured('2', text)}\n")

    def said(self, speaker: str, text: str) -> None:
        """A whole line of somebody's."""
        self.end_piece()
        self._write(f"{self._label(speaker)}{self._coloured(_COLOURS[speaker], text)}\n")

    def piece(self, speaker: str, text: str) -> None:
        """The next piece of what somebody says; another speaker begins a new line."""
        if speaker != self._speaker:
            self.end_piece()
            self._speaker = speaker
            self._write(self._label(speaker))
        self._write(self._coloured(_COLOURS[speaker], text))

    def end_piece(self) -> None:
        """Nobody speaks any more."""
        if self._speaker is not None:
            self._write("\n")
            self._speaker = None

    def progress(self, done: int, total: int, latest: str) -> None:
        """A bar of what is done, with the latest result."""
        filled = _BAR * done // total
        bar = "█" * filled + "░" * (_BAR - filled)
        line = f"{bar} {done}/{total}  {latest.splitlines()[0] if latest else ''}"[:100]
        self._write(f"\r\x1b[2K{line}" if self._terminal else f"{line}\n")

    def end_progress(self) -> None:
        """The bar stays as it is."""
        if self._terminal:
            self._write("\n")

    def table(self, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Columns as wide as their widest cell, numbers to the right."""
        widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
        for row in (head, *rows):
            cells = [
                cell.ljust(width) if column < 2 else cell.rjust(width)
                for column, (cell, width) in enumerate(zip(row, widths, strict=True))
            ]
            line = "  ".join(cells)
            self._write(f"{self._coloured('2', line) if row is head else line}\n")

    def _label(self, speaker: str) -> str:
        return self._coloured("2", f"{speaker:>{_LABEL}} ")

    def _coloured(self, code: str, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self._terminal and text else text

    def _write(self, text: str) -> None:
        self._out.write(text)
        self._out.flush()


__all__ = ["Screen"]
