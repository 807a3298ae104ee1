"""A call's arguments that Gemini sends value by value, as the JSON text that everybody else streams.

Each piece names its place by a JSON Path (RFC 9535) and comes in the order in which the model writes it::

    {"jsonPath": "$.items[0].name", "stringValue": "ap", "willContinue": true}    ─▶  {"items":[{"name":"ap
    {"jsonPath": "$.items[0].name", "stringValue": "ple"}                         ─▶  ple"
    {"jsonPath": "$.items[0].price", "numberValue": 0.5}                          ─▶  ,"price":0.5
    the call ends                                                                 ─▶  }]}
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from tidewire.adapters.google_genai_chunk import PartialArg, json_text
from tidewire.events.errors import ResponseDecodeError

_Step = str | int

_STEP = re.compile(
    r"""\.([^.\[\]]+)                         # .name
      | \[(\d{1,9})\]                         # [0]
      | \[(?:'((?:[^'\\]|\\.)*)'              # ['any name']
           | "((?:[^"\\]|\\.)*)")\]           # ["any name"]
    """,
    re.VERBOSE | re.DOTALL,
)

_write_json = msgspec.json.Encoder().encode
_read_name = msgspec.json.Decoder(str).decode


class ArgumentsWriter:
    """Writes the JSON text of one call's arguments, each piece as soon as it is known.

    Only the way from the root to the value being written is kept, so a piece costs the same however many went before.
    """

    __slots__ = ("_in_string", "_last", "_path", "_stack", "_written")

    def __init__(self) -> None:
        #: The step that each open container wrote last, from the root; "" or -1 before the first.
        self._stack: list[_Step] = []
        self._path: str | None = None
        self._written: Sequence[_Step] = ()
        self._last: Sequence[_Step] = ()
        self._in_string = False

    @property
    def is_empty(self) -> bool:
        """True until the first piece."""
        return not self._stack

    def add(self, piece: PartialArg) -> str:
        """The JSON text for a piece.

        Raises:
            ResponseDecodeError: Its place is none, or leads back into an array that went on.
        """
        path, will_continue = piece.json_path, bool(piece.will_continue)
        number = json_text(piece.number_value)
        if piece.string_value is not None:
            goes_on = self._in_string and self._steps(path) == self._written
            head = "" if goes_on else self._go_to(path) + '"'
            self._in_string = will_continue
            return head + _write_json(piece.string_value)[1:-1].decode() + ("" if will_continue else '"')
        if number:
            return self._go_to(path) + number
        if piece.bool_value is not None:
            return self._go_to(path) + ("true" if piece.bool_value else "false")
        # The value null is told by `"nullValue": null`, or by nothing at all; one that goes on, by what follows.
        return "" if will_continue else self._go_to(path) + "null"

    def finish(self) -> str:
        """What closes the text."""
        if not self._stack:
            return "{}"
        return self._end_string() + self._close(0)

    def _go_to(self, path: str) -> str:
        """Close what is finished, open what the path leads through, and name the value."""
        steps = self._steps(path)
        pieces = [self._end_string()]
        stack = self._stack
        if not stack:
            stack.append("")
            pieces.append("{")
        depth = 0
        while depth < len(stack) - 1 and depth < len(steps) - 1 and stack[depth] == steps[depth]:
            depth += 1
        pieces.append(self._close(depth + 1))
        pieces.append(self._enter(steps[depth], path))
        for step in steps[depth + 1 :]:
            stack.append("" if isinstance(step, str) else -1)
            pieces.append("{" if isinstance(step, str) else "[")
            pieces.append(self._enter(step, path, first=True))
        self._written = steps
        return "".join(pieces)

    def _enter(self, step: _Step, path: str, *, first: bool = False) -> str:
        """The separator and name of the next value of the innermost container."""
        before = self._stack[-1]
        comma = "" if first or self._written == () else ","
        if isinstance(step, str) and isinstance(before, str):
            self._stack[-1] = step
            return f"{comma}{_write_json(step).decode()}:"
        if isinstance(step, int) and isinstance(before, int) and step == before + 1:
            self._stack[-1] = step
            return comma
        raise ResponseDecodeError("the arguments of a call do not come in order", excerpt=path)

    def _end_string(self) -> str:
        was_open, self._in_string = self._in_string, False
        return '"' if was_open else ""

    def _close(self, depth: int) -> str:
        """Close the containers below ``depth``, the innermost first."""
        closing = "".join("}" if isinstance(step, str) else "]" for step in reversed(self._stack[depth:]))
        del self._stack[depth:]
        return closing

    def _steps(self, path: str) -> Sequence[_Step]:
        if path != self._path:  # the pieces of one string repeat their path
            self._last = _parse(path)
            self._path = path
        return self._last


def _parse(path: str) -> Sequence[_Step]:
    """The steps of a JSON Path that names one value inside an object."""
    steps: list[_Step] = []
    place = 1 if path.startswith("$") else 0
    while place < len(path):
        match = _STEP.match(path, place)
        if match is None:
            raise ResponseDecodeError("an argument's place is no JSON Path to one value", excerpt=path)
        name, number, single, double = match.groups()
        if number is not None:
            steps.append(int(number))
        elif name is not None:
            steps.append(name)
        else:
            steps.append(
                _unescape(single.replace("\\'", "'").replace('"', '\\"') if single is not None else double, path)
            )
        place = match.end()
    if not steps or isinstance(steps[0], int):
        raise ResponseDecodeError("an argument's place is no JSON Path to one value", excerpt=path)
    return steps


def _unescape(name: str, path: str) -> str:
    try:
        return _read_name(b'"' + name.encode() + b'"')
    except (msgspec.DecodeError, UnicodeEncodeError) as error:
        raise ResponseDecodeError(f"an argument's name cannot be read: {error}", excerpt=path) from error


__all__ = ["ArgumentsWriter"]
