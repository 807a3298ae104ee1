"""The reference page, read where it lies: its snippets of Python, each with a name made of the headings above it.

The page is no part of the repository. It lies at ``TIDEWIRE_REFERENCE``, or in ``shared/reference`` beside the
repository.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

from tests.test_layers import ROOT

PAGE = Path(os.environ.get("TIDEWIRE_REFERENCE", ROOT.parent / "shared" / "reference")) / "page.md"


@dataclass(frozen=True)
class Snippet:
    """A block of Python.

    Attributes:
        name: The heading above it and, where it has one, its tab; counted where several share them.
        line: The line of the page that it starts on.
        text: The code.
    """

    name: str
    line: int
    text: str


def read_snippets(page: str) -> dict[str, Snippet]:
    """The snippets of a page by name, in its order."""
    seen: Counter[str] = Counter()
    found: dict[str, Snippet] = {}
    for heading, line, text in _blocks(page):
        seen[heading] += 1
        name = heading if seen[heading] == 1 else f"{heading} ({seen[heading]})"
        found[name] = Snippet(name, line, text)
    return found


def _blocks(page: str) -> Iterator[tuple[str, int, str]]:
    """Heading, first line and text of each block of Python; those in quotes too."""
    lines = [re.sub(r"^(> ?)+", "", line) for line in page.splitlines()]
    heading = tab = ""
    at = 0
    while at < len(lines):
        line = lines[at]
        if match := re.match(r"#{1,6} (.+)", line) or re.search(r"<summary>(.+)</summary>", line):
            heading, tab = match[1].strip(), ""
        elif match := re.match(r"\*\*(.+)\*\*\s*$", line):
            tab = " / " + match[1].removeprefix("Tab: ").strip()
        elif line.strip().startswith("```"):
            end = next(end for end in range(at + 1, len(lines)) if lines[end].strip() == "```")
            if line.strip() == "```python":
                yield heading + tab, at + 2, dedent("\n".join(lines[at + 1 : end])) + "\n"
            at = end
        at += 1


#: The snippets by name; none where the page is not at hand.
SNIPPETS: dict[str, Snippet] = read_snippets(PAGE.read_text(encoding="utf-8")) if PAGE.is_file() else {}
