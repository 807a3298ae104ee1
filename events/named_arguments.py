"""Structs that users make: an argument that does not exist is told as such, with the nearest name."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

import msgspec

from tidewire.events.errors import ConfigurationError

if TYPE_CHECKING:
    # Type checkers read what the metaclass does to a call as the end of all knowledge of the arguments.
    NamedArguments = msgspec.StructMeta
else:

    class NamedArguments(type(msgspec.Struct)):
        """The metaclass of a Struct whose misspelt arguments are a ``ConfigurationError``."""

        def __call__(cls, *args, **kwargs):  # noqa: ANN002, ANN003, ANN204 - no checker reads it
            for name in kwargs:
                if name not in cls.__struct_fields__:
                    raise ConfigurationError(
                        unknown_name(f"{cls.__name__} has no argument", name, cls.__struct_fields__)
                    )
            return super().__call__(*args, **kwargs)


def unknown_name(what: str, name: object, known: tuple[str, ...]) -> str:
    """What to say of a name that nothing has: the nearest one, or all that there are.

    >>> unknown_name("there is no colour", "gren", ("green", "red"))
    "there is no colour 'gren'; did you mean 'green'?"
    """
    near = get_close_matches(str(name), known, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(map(repr, known))}"
    return f"{what} {name!r}; {hint}"


__all__ = ["NamedArguments", "unknown_name"]
