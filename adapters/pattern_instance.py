"""A text that matches a regular expression, for the simple expressions that JSON Schemas use.

Read are: literals, escapes, ``.``, classes with ranges and negation, groups, alternatives, ``* + ?`` and ``{m,n}``,
lazy or not, and the anchors ``^`` and ``$``. Look-around, back references and the rest are refused by name.
"""

from __future__ import annotations

import string
from random import Random
from typing import NoReturn, TypeAlias

import msgspec

from tidewire.events.errors import ConfigurationError

_PRINTABLE = "".join(sorted(set(string.ascii_letters + string.digits + string.punctuation + " ")))
_WORD = string.ascii_letters + string.digits + "_"
_CLASSES = {
    "d": string.digits,
    "w": _WORD,
    "s": " ",
    "D": "".join(c for c in _PRINTABLE if c not in string.digits),
    "W": "".join(c for c in _PRINTABLE if c not in _WORD),
    "S": "".join(c for c in _PRINTABLE if c != " "),
}
_CONTROLS = {"t": "\t", "n": "\n", "r": "\r", "f": "\f", "v": "\v", "0": "\0"}
_HEX_DIGITS = {"x": 2, "u": 4}


class _OneOf(msgspec.Struct):
    """One character out of several."""

    characters: str


class _Repeat(msgspec.Struct):
    """A part, ``least`` to ``most`` times; ``most`` None is without end."""

    part: _Part
    least: int
    most: int | None


class _Sequence(msgspec.Struct):
    parts: list[_Part]


class _Either(msgspec.Struct):
    branches: list[_Part]


_Part: TypeAlias = "_OneOf | _Repeat | _Sequence | _Either"


class _Parser:
    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._at = 0

    def parse(self) -> _Part:
        part = self._alternatives()
        if self._at < len(self._pattern):
            self._refuse("an unmatched ')'")
        return part

    def _alternatives(self) -> _Part:
        branches = [self._sequence()]
        while self._take("|"):
            branches.append(self._sequence())
        return branches[0] if len(branches) == 1 else _Either(branches)

    def _sequence(self) -> _Part:
        parts: list[_Part] = []
        while self._peek() not in ("", "|", ")"):
            if self._take("^") or self._take("$"):
                continue  # what is made is the whole text, so anchors hold by themselves
            parts.append(self._repeats(self._one()))
        return _Sequence(parts)

    def _one(self) -> _Part:
        character = self._next()
        match character:
            case "(":
                if self._take("?") and not self._take(":"):
                    self._refuse(f"the group '(?{self._peek()}…'")
                part = self._alternatives()
                if not self._take(")"):
                    self._refuse("an unclosed '('")
                return part
            case "[":
                return _OneOf(self._class())
            case ".":
                return _OneOf(_WORD)
            case "\\":
                return _OneOf(self._escape())
            case "*" | "+" | "?":
                return self._refuse(f"a {character!r} with nothing before it")
            case _:
                return _OneOf(character)

    def _repeats(self, part: _Part) -> _Part:
        if self._take("*"):
            repeated = _Repeat(part, 0, None)
        elif self._take("+"):
            repeated = _Repeat(part, 1, None)
        elif self._take("?"):
            repeated = _Repeat(part, 0, 1)
        elif (counted := self._braces()) is not None:
            repeated = _Repeat(part, *counted)
        else:
            return part
        if self._take("+"):
            self._refuse("a possessive repeat")
        self._take("?")  # lazy or not makes no difference to what can match
        return repeated

    def _braces(self) -> tuple[int, int | None] | None:
        end = self._pattern.find("}", self._at)
        if self._peek() != "{" or end < 0:
            return None
        least, comma, most = self._pattern[self._at + 1 : end].partition(",")
        if not least.isdigit() or (most and not most.isdigit()):
            return None  # a brace that counts nothing stands for itself
        self._at = end + 1
        return int(least), (int(most) if most else None) if comma else int(least)

    def _class(self) -> str:
        negated = self._take("^")
        found: list[str] = []
        while not self._take("]"):
            first = self._class_member()
            if self._peek() == "-" and self._pattern[self._at + 1 : self._at + 2] not in ("]", "") and len(first) == 1:
                self._at += 1
                last = self._class_member()
                if len(last) != 1 or last < first:
                    self._refuse("a range that runs backwards")
                found.append("".join(map(chr, range(ord(first), min(ord(last), ord(first) + 255) + 1))))
            else:
                found.append(first)
        inside = "".join(found)
        if not negated:
            return inside
        outside = "".join(c for c in _PRINTABLE if c not in inside)
        return outside or self._refuse("a class that leaves nothing over")

    def _class_member(self) -> str:
        character = self._next()
        if character == "\\":
            return "\b" if self._take("b") else self._escape()
        return character

    def _escape(self) -> str:
        character = self._next()
        if character in _CLASSES:
            return _CLASSES[character]
        if character in _CONTROLS:
            return _CONTROLS[character]
        if character in _HEX_DIGITS:
            digits = self._pattern[self._at : self._at + _HEX_DIGITS[character]]
            if len(digits) < _HEX_DIGITS[character] or any(c not in string.hexdigits for c in digits):
                self._refuse(f"a broken \\{character}")
            self._at += len(digits)
            return chr(int(digits, 16))
        if character.isalnum():
            self._refuse(f"'\\{character}'")
        return character

    def _peek(self) -> str:
        return self._pattern[self._at : self._at + 1]

    def _next(self) -> str:
        character = self._peek() or self._refuse("an end in the middle")
        self._at += 1
        return character

    def _take(self, character: str) -> bool:
        if self._peek() != character:
            return False
        self._at += 1
        return True

    def _refuse(self, what: str) -> NoReturn:
        raise ConfigurationError(f"the pattern {self._pattern!r} has {what}, which is not read here")


def _write(part: _Part, random: Random, stretch: int) -> str:
    match part:
        case _OneOf():
            return random.choice(part.characters) if part.characters else ""
        case _Sequence():
            return "".join(_write(inner, random, stretch) for inner in part.parts)
        case _Either():
            return _write(random.choice(part.branches), random, stretch)
        case _Repeat():
            most = part.least + stretch if part.most is None else min(part.most, part.least + stretch)
            times = random.randint(part.least, max(part.least, most))
            return "".join(_write(part.part, random, stretch) for _ in range(times))


def matching_text(pattern: str, random: Random, *, stretch: int = 3) -> str:
    """A text that matches ``pattern`` as a whole.

    Args:
        pattern: The expression, in the common part of ECMA 262 and Python.
        random: Where choices come from; the same state gives the same text.
        stretch: How many times more than it must a part may repeat.

    Raises:
        ConfigurationError: The pattern uses what is not read here; it is named.
    """
    return _write(_Parser(pattern).parse(), random, stretch)


__all__ = ["matching_text"]
