"""Augmentations: what the project knows of models besides models.dev, written in TOML and merged last.

A file is a list of rules, each of which says something of some models::

    [[rule]]
    providers = ["anthropic"]                 # by the names that models.dev gives them
    models = ["claude-opus-4-8*"]             # patterns as for files; without it: all
    where = { image_inputs = true }           # only models of whose profile this is true
    set = { image_url_inputs = true }

Later rules win. A name without ``*``, ``?`` and ``[`` that models.dev does not know adds the model.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from fnmatch import fnmatchcase

import msgspec

from tidewire.adapters.profile_table import Profiles
from tidewire.events.blocks import JSONObject
from tidewire.events.errors import ConfigurationError

#: The name of the file in its folder.
RULES_FILE_NAME = "augmentations.toml"


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One rule.

    Attributes:
        providers: The providers whose models it is about, by the names that models.dev gives them.
        set: What is so of these models.
        models: Patterns of the models' names.
        where: What a profile must say for the rule to count.
    """

    providers: list[str]
    set: JSONObject
    models: list[str] = msgspec.field(default_factory=lambda: ["*"])
    where: JSONObject = {}


class _Rules(msgspec.Struct, forbid_unknown_fields=True):
    rule: list[Rule] = []


def read_rules(text: str, place: str) -> list[Rule]:
    """The rules of a file.

    Args:
        text: What the file holds.
        place: Where it is, for errors.

    Raises:
        ConfigurationError: It is no TOML, or no list of rules.
    """
    try:
        return msgspec.convert(tomllib.loads(text), _Rules).rule
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as wrong:
        raise ConfigurationError(f"{place} holds no rules for profiles: {wrong}") from wrong


def apply_rules(provider: str, profiles: Profiles, rules: Iterable[Rule]) -> Profiles:
    """The profiles of a provider with what the rules add; the given ones stay as they are."""
    merged = {name: dict(profile) for name, profile in profiles.items()}
    for rule in rules:
        if provider not in rule.providers:
            continue
        for pattern in rule.models:
            if not re.search(r"[*?\[]", pattern) and not rule.where:
                merged.setdefault(pattern, {})
        for name, profile in merged.items():
            if any(fnmatchcase(name, pattern) for pattern in rule.models) and _says(profile, rule.where):
                profile.update(rule.set)
    return merged


def _says(profile: JSONObject, where: JSONObject) -> bool:
    return all(key in profile and profile[key] == value for key, value in where.items())


__all__ = ["RULES_FILE_NAME", "Rule", "apply_rules", "read_rules"]
