"""How hard a model is to think: one parameter for all providers, spelled as data says for each.

``reasoning_effort`` is one of ``EFFORTS``, or the provider's own word. ``reasoning`` is the same, or True, False, or a
dict with one of ``effort``, ``budget_tokens`` and ``enabled``. What a format cannot spell is refused by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import msgspec

from tidewire.events.blocks import JSON, JSONObject
from tidewire.events.errors import ConfigurationError

#: How hard to think, from least to most; ``none`` (also ``off``) turns it off.
EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")


class Thinking(msgspec.Struct, frozen=True):
    """How a format is told to think.

    Attributes:
        efforts: The fields of the body for each of ``EFFORTS`` that it takes.
        on: The fields for True; None: those for ``medium``. Empty where models think of their own accord.
        word: The path of the field that takes words of the provider's own, such as ``reasoning.effort``.
        budget: The path of the field that takes a number of tokens.
        with_budget: Fields that go with that number; None: those for True.
        dict_field: The field that takes a dict of any other keys as it is.
        names: The parameters that are spelled here.
    """

    efforts: Mapping[str, JSONObject] = {}
    on: JSONObject | None = None
    word: str | None = None
    budget: str | None = None
    with_budget: JSONObject | None = None
    dict_field: str | None = None
    names: tuple[str, ...] = ("reasoning", "reasoning_effort")


def thinking(
    word: str,
    words: str,
    *,
    off: JSONObject | None = None,
    on: JSONObject | None = None,
    with_effort: JSONObject | None = None,
    budget: str | None = None,
    dict_field: str | None = None,
    names: tuple[str, ...] = ("reasoning", "reasoning_effort"),
) -> Thinking:
    """The row of a format that takes an effort as a word.

    Args:
        word: The path of the field.
        words: The format's own words for the efforts from ``minimal`` to ``max``; ``-`` for one that it cannot spell.
        off: The fields that turn thinking off, if it can be.
        on: The fields for True; None: those for ``medium``.
        with_effort: Fields that go with each effort.
        budget: The path of the field that takes a number of tokens.
        dict_field: The field that takes a dict as it is.
        names: The parameters that are spelled so.
    """
    efforts = {
        effort: merged(with_effort or {}, at(word, own))
        for effort, own in zip(EFFORTS[1:], words.split(), strict=True)
        if own != "-"
    }
    if off is not None:
        efforts = {"none": off, **efforts}
    return Thinking(efforts, on, word, budget, dict_field=dict_field, names=names)


def at(path: str, value: JSON) -> JSONObject:
    """An object with a value at a path: ``at("a.b", 1)`` is ``{"a": {"b": 1}}``."""
    head, _, rest = path.partition(".")
    return {head: at(rest, value) if rest else value}


def merged(fields: JSONObject, more: JSONObject) -> JSONObject:
    """Both objects in one, ``more`` counting more; objects in them are merged in their turn."""
    both = dict(fields)
    for key, value in more.items():
        known = both.get(key)
        are_objects = isinstance(known, dict) and isinstance(value, dict)
        both[key] = merged(cast("JSONObject", known), cast("JSONObject", value)) if are_objects else value
    return both


def effort_words(how: Thinking) -> dict[str, str]:
    """The format's own words for efforts, for those that it spells by another one."""
    words: dict[str, str] = {}
    for effort, fields in how.efforts.items():
        value: JSON = fields
        for key in () if how.word is None else how.word.split("."):
            value = cast("JSONObject", value).get(key) if isinstance(value, dict) else None
        if isinstance(value, str) and value != effort:
            words[effort] = value
    return words


def thinking_fields(how: Thinking, provider: str, parameters: Mapping[str, JSON]) -> JSONObject:
    """The fields of the body for what ``parameters`` say of reasoning; empty if they say nothing.

    Raises:
        ConfigurationError: The format cannot spell it, or two parameters say it.
    """
    given = [parameters[name] for name in how.names if parameters.get(name) is not None]
    if not given:
        return {}
    if len(given) > 1:
        raise ConfigurationError("reasoning and reasoning_effort say the same thing; give one of them")
    fields = _fields(how, given[0])
    if fields is None:
        raise ConfigurationError(f"{provider} cannot be told to reason {given[0]!r}; {_takes(how)}")
    return fields


def _fields(how: Thinking, wanted: JSON) -> JSONObject | None:
    if isinstance(wanted, dict):
        asked = cast("JSONObject", wanted)
        if asked.keys() == {"budget_tokens"}:
            return _budget(how, asked["budget_tokens"])
        if asked.keys() in ({"effort"}, {"enabled"}):
            return _fields(how, asked.get("effort", asked.get("enabled")))
        return None if how.dict_field is None else {how.dict_field: asked}
    if wanted is True:
        return how.on if how.on is not None else how.efforts.get("medium")
    if wanted is False:
        return how.efforts.get("none")
    if isinstance(wanted, str):
        word = "none" if wanted == "off" else wanted
        if word in how.efforts or word in EFFORTS:
            return how.efforts.get(word)
        return None if how.word is None else at(how.word, word)
    return _budget(how, wanted)


def _budget(how: Thinking, tokens: JSON) -> JSONObject | None:
    if how.budget is None or not isinstance(tokens, int):
        return None
    beside = how.on if how.with_budget is None else how.with_budget
    return merged(beside or {}, at(how.budget, tokens))


def _takes(how: Thinking) -> str:
    takes = [repr(effort) for effort in how.efforts]
    if how.on is not None:
        takes.append("True")
    if how.budget is not None:
        takes.append("{'budget_tokens': …}")
    return f"it takes {', '.join(takes)}"


__all__ = ["EFFORTS", "Thinking", "at", "effort_words", "merged", "thinking", "thinking_fields"]
