"""Where two JSON values differ, and whether each difference has its reason."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from itertools import zip_longest

from tidewire.adapters.json_text import list_of, object_of
from tidewire.events.blocks import JSON

#: Stands for what is not there.
ABSENT = "(absent)"


def differences(ours: JSON, theirs: JSON, path: str = "") -> Iterator[tuple[str, JSON, JSON]]:
    """The paths, as ``body.messages.2.content``, at which the values differ, and what stands there in each."""
    left, right = object_of(ours), object_of(theirs)
    if left and right:
        pairs = [(key, left.get(key, ABSENT), right.get(key, ABSENT)) for key in {**left, **right}]
    elif list_of(ours) and list_of(theirs):
        items = zip_longest(list_of(ours), list_of(theirs), fillvalue=ABSENT)
        pairs = [(str(place), *item) for place, item in enumerate(items)]
    else:
        if ours != theirs or isinstance(ours, bool) != isinstance(theirs, bool):
            yield path, ours, theirs
        return
    for key, one, other in pairs:
        yield from differences(one, other, f"{path}.{key}" if path else key)


def unexplained(found: Iterable[tuple[str, JSON, JSON]], reasons: Mapping[str, str]) -> list[str]:
    """The differences without a reason, and the reasons without a difference.

    Args:
        found: Differences.
        reasons: Why the values differ, by the path; ``*`` in it stands for anything.
    """
    lines: list[str] = []
    used: set[str] = set()
    for path, ours, theirs in found:
        fitting = [pattern for pattern in reasons if fnmatchcase(path, pattern)]
        used.update(fitting)
        if not fitting:
            lines.append(f"{path}: ours {ours!r}, theirs {theirs!r}")
    return [*lines, *(f"{pattern}: no difference any more" for pattern in reasons if pattern not in used)]


__all__ = ["ABSENT", "differences", "unexplained"]
