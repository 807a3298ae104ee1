"""How deep JSON from outside may be nested: the same on every Python, wherever its shape is not known beforehand.

The decoders have limits of their own, which depend on the interpreter and on how deep the program's own calls are; and
whatever walks through a value that they let pass has less room than they had.
"""

from __future__ import annotations

import re
from typing import Generic, TypeVar

import msgspec

T = TypeVar("T")

#: The most that objects and arrays may stand in each other. It is also that of jiter, which reads arguments of tools.
DEPTH_LIMIT = 200

# A string, or the beginning of one where the text ends; or whatever stands between brackets.
_BETWEEN = re.compile(rb'"(?:[^"\\]++|\\.)*+"?|[^"\[\]{}]++', re.DOTALL)


def is_too_deep(data: bytes, limit: int = DEPTH_LIMIT) -> bool:
    """Whether JSON is nested deeper than the limit. Of no depth are the brackets within strings."""
    if data.count(b"[") + data.count(b"{") <= limit:
        return False
    depth = 0
    for bracket in _BETWEEN.sub(b"", data):
        if bracket in b"[{":
            depth += 1
            if depth > limit:
                return True
        else:
            depth -= 1
    return False


class Bounded(Generic[T]):
    """A decoder that has this limit, too.

    Args:
        decoder: The decoder; what it raises of its own where something is nested too deep for it is a RecursionError.
    """

    __slots__ = ("_decoder", "type")

    def __init__(self, decoder: msgspec.json.Decoder[T]) -> None:
        self._decoder = decoder
        #: What it decodes to.
        self.type = decoder.type

    def decode(self, data: bytes | msgspec.Raw) -> T:
        """The value of a JSON text.

        Raises:
            RecursionError: It is nested deeper than the limit.
        """
        data = bytes(data)
        if len(data) > DEPTH_LIMIT and is_too_deep(data):
            raise RecursionError(f"nested deeper than {DEPTH_LIMIT}")
        return self._decoder.decode(data)


__all__ = ["DEPTH_LIMIT", "Bounded", "is_too_deep"]
