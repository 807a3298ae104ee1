"""Docstrings: the text before the documentation of the arguments, and what is said of each argument.

Three styles are read, whichever one a docstring is written in::

    Args:                       Parameters              :param city: The city's name,
        city (str): The         ----------                  in English.
            city's name.        city : str
                                    The city's name.
"""

from __future__ import annotations

import inspect
import re

import msgspec

_GOOGLE = re.compile(r"(?:Args|Arguments|Params|Parameters|Keyword Args|Keyword Arguments|Attributes):")
_GOOGLE_ITEM = re.compile(r"\*{0,2}(\w+) *(?:\(.*?\))? *:(?!:) *(.*)")
_NUMPY = ("Parameters", "Other Parameters", "Attributes")
_NUMPY_ITEM = re.compile(r"(\*{0,2}\w+(?: *, *\*{0,2}\w+)*) *(?::.*)?")
_SPHINX = re.compile(r":(?:param|parameter|arg|argument|key|keyword|var|ivar)\s+(?:[^:]*\s)?\*{0,2}(\w+)\s*:\s*(.*)")
_FIELD = re.compile(r":\w+[^:]*:")


class Docs(msgspec.Struct, frozen=True):
    """What a docstring says: its text, and a description for each argument that it knows."""

    text: str
    arguments: dict[str, str]


def read_docs(docstring: str | None) -> Docs:
    """What a docstring says.

    >>> read_docs("Find a city.\\n\\n:param name: Its name.")
    Docs(text='Find a city.', arguments={'name': 'Its name.'})
    """
    lines = inspect.cleandoc(docstring or "").splitlines()
    arguments: dict[str, str] = {}
    begin = len(lines)
    at = 0
    while at < len(lines):
        found, after = _section(lines, at)
        if found:
            arguments.update(found)
            begin = min(begin, at)
        at = after
    return Docs("\n".join(lines[:begin]).strip(), arguments)


def _section(lines: list[str], at: int) -> tuple[dict[str, str], int]:
    """The arguments of the section that begins at a line, if one does, and the line after it."""
    line = lines[at].rstrip()
    if _GOOGLE.fullmatch(line):
        end = _end_of_indented(lines, at + 1)
        return _google(lines[at + 1 : end]), end
    if line in _NUMPY and at + 1 < len(lines) and re.fullmatch(r"-{3,}\s*", lines[at + 1]):
        end = _end_of_numpy(lines, at + 2)
        return _numpy(lines[at + 2 : end]), end
    sphinx = _SPHINX.match(line)
    if sphinx is not None:
        end = at + 1
        while end < len(lines) and lines[end].strip() and not _FIELD.match(lines[end]):
            end += 1
        return {sphinx[1]: _joined([sphinx[2], *lines[at + 1 : end]])}, end
    return {}, at + 1


def _end_of_indented(lines: list[str], at: int) -> int:
    while at < len(lines) and (not lines[at].strip() or lines[at][0].isspace()):
        at += 1
    return at


def _end_of_numpy(lines: list[str], at: int) -> int:
    """The line before the next underlined title, or the end."""
    while at < len(lines) and not (at + 1 < len(lines) and re.fullmatch(r"[-=]{3,}\s*", lines[at + 1])):
        at += 1
    return at


def _google(lines: list[str]) -> dict[str, str]:
    found: dict[str, list[str]] = {}
    items = inspect.cleandoc("\n".join(["", *lines])).splitlines()
    pieces: list[str] = []
    for line in items:
        item = None if line[:1].isspace() else _GOOGLE_ITEM.match(line)
        if item is not None:
            pieces = found[item[1]] = [item[2]]
        else:
            pieces.append(line)
    return {name: _joined(pieces) for name, pieces in found.items()}


def _numpy(lines: list[str]) -> dict[str, str]:
    found: dict[str, list[str]] = {}
    pieces: list[str] = []
    for line in lines:
        item = None if not line.strip() or line[0].isspace() else _NUMPY_ITEM.fullmatch(line.rstrip())
        if item is not None:
            pieces = []
            for name in item[1].split(","):
                found[name.strip().lstrip("*")] = pieces
        else:
            pieces.append(line)
    return {name: _joined(pieces) for name, pieces in found.items()}


def _joined(lines: list[str]) -> str:
    """The lines as running text."""
    return " ".join(stripped for line in lines if (stripped := line.strip()))


__all__ = ["Docs", "read_docs"]
