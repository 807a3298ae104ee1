"""Under which names a model may be asked for: with dates and without, with the path or the region of a cloud before it.

A name is brought into forms that leave out more and more, and so are the names that are known; a model is found by the
closest form that both have. What leaves out more never counts where something closer fits.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

#: The region of a name on Bedrock, such as ``us.anthropic.claude-opus-4-6-v1``, and its version. A dot behind a digit
#: belongs to the model's own version, as in ``gpt-5.4``.
_REGION = re.compile(r"^(us|us-gov|eu|ap|apac|au|jp|ca|sa|me|af|il|mx|global)\.(?=[a-z0-9-]+\.)")
_BEDROCK_VERSION = re.compile(r"^([a-z][a-z0-9-]*\.(?!\d).+?)(-v\d+(:\d+)?|-\d+:\d+)(:\d+k)?$")

#: What stands before a name in paths: of a project, of a publisher, of AWS.
_PATH = re.compile(r"^(arn:[^/]*/|(.*/)?models/)")

#: What names of one model end in: dates as providers write them, versions of three digits, words for the newest one.
_ENDINGS = re.compile(
    r"([-@](19|20)\d\d-?[01]\d-?[0-3]\d"  # -2024-08-06, -20241022, @20250929
    r"|-[01]\d-(19|20)\d\d"  # -03-2025
    r"|-\d{4}"  # -2411, -0613
    r"|-00\d"  # -001
    r"|[-:@]latest|@default"
    r"|[-:]cloud"  # Ollama's own servers
    r"|:[a-z][a-z-]*)$"  # who serves it, on Hugging Face's router; how, on OpenRouter
)

#: Previews of Gemini become the model of that name. Those of other makers are other models.
_PREVIEW = re.compile(r"^((?:.*/)?gemini-.*)-preview(-\d\d-\d\d(\d\d)?)?$")

#: Words in the name of a deployment that make another model out of the one whose name stands there too.
_OTHER_MODEL = re.compile(
    r"(^|-)(audio|codex|embed|embedding|image|instruct|preview|pro|realtime|research|search|transcribe|tts|ultra|vision)"
    r"(-|$)"
)


def plain(name: str) -> str:
    """A name without case, without a path or a region before it, and with ``-`` for ``_`` and for dots in versions."""
    name = name.strip().lower().replace("_", "-")
    name = _REGION.sub("", _PATH.sub("", name))
    return re.sub(r"(?<=\d)\.(?=\d)", "-", name)


def undated(name: str) -> str:
    """A plain name without date, version of a snapshot, and what else does not name the model."""
    found = _BEDROCK_VERSION.match(name)
    if found is not None:
        name = found.group(1)
    return _ENDINGS.sub("", name) or name


def forms(name: str) -> tuple[str, ...]:
    """The forms of a name, the closest one first."""
    exact = plain(name)
    short = undated(exact)
    preview = _PREVIEW.match(exact)
    return tuple(dict.fromkeys((exact, short, *([preview.group(1)] if preview else []))))


class NameIndex:
    """The known names of one provider's models by their forms.

    Args:
        names: The names; of two with the same form, the one that comes first is found.
    """

    __slots__ = ("_by_form",)

    def __init__(self, names: Iterable[str]) -> None:
        # One table for each form: the first holds the closest ones.
        tables: list[dict[str, str]] = [{}, {}, {}]
        for name in names:
            for table, form in zip(tables, forms(name), strict=False):
                table.setdefault(form, name)
        self._by_form: tuple[Mapping[str, str], ...] = tuple(tables)

    def find(self, name: str) -> str | None:
        """The known name of the model that this name stands for, or None."""
        for form in forms(name):
            for table in self._by_form:
                if form in table:
                    return table[form]
        return None

    def find_within(self, name: str) -> str | None:
        """The known name that stands in this one as whole words, as in the name that somebody gave a deployment."""
        words = re.sub(r"\bgpt-?(\d)", r"gpt-\1", plain(name)).replace("gpt-35", "gpt-3-5")
        return next(self._within(words), None)

    def _within(self, words: str) -> Iterator[str]:
        known = {form: name for table in reversed(self._by_form) for form, name in table.items()}
        for form in sorted(known, key=len, reverse=True):
            # A number behind it would make it another model: `gpt-5-6` is no `gpt-5`.
            found = re.search(rf"(?:^|-){re.escape(form)}(?=-(?!\d)|$)", words)
            if found is not None and not _OTHER_MODEL.search(words[: found.start()] + words[found.end() :]):
                yield known[form]


__all__ = ["NameIndex", "forms", "plain", "undated"]
