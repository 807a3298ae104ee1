"""What models can do: limits, modalities, reasoning, tools, prices, dates, found by provider and name.

The facts are those of models.dev (see ``data/models.dev-LICENSE.txt``) with the rules of ``data/augmentations.toml``
merged in; ``tidewire profiles refresh`` makes the file anew. It is read when the first profile is asked for, and again
once it was replaced. A folder of one's own, named by ``TIDEWIRE_PROFILES_DIR``, counts for the providers in it.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

from tidewire.adapters.profile_names import NameIndex
from tidewire.adapters.profile_table import Profiles, Table, read_table, stamp_of
from tidewire.events.blocks import JSONObject
from tidewire.events.errors import ConfigurationError

#: The environment variable that names a folder whose profiles count before those that are shipped.
FOLDER_ENV = "TIDEWIRE_PROFILES_DIR"

#: The folder of what is shipped.
SHIPPED_FOLDER = Path(__file__).with_name("data")

#: The providers that models.dev knows by another name.
_OTHER_NAMES = {
    "azure-openai": "azure",
    "bedrock": "amazon-bedrock",
    "bedrock-converse": "amazon-bedrock",
    "fireworks": "fireworks-ai",
    "google-genai": "google",
    "google-vertexai": "google-vertex",
    "mistralai": "mistral",
    "ollama": "ollama-cloud",
    "together": "togetherai",
}

#: Where models are asked for by names that somebody gave a deployment.
_NAMED_BY_USERS = frozenset({"azure"})


class _Read(NamedTuple):
    stamp: tuple[int, int, int] | None
    table: Table | None
    indexes: dict[str, NameIndex]


_read: dict[Path, _Read] = {}


def find_profile(provider: str, model: str) -> JSONObject:
    """What is known of a model, as a fresh dict; empty for an unknown one.

    A name with a date, a region or a path that is not known itself stands for its family's entry.

    Args:
        provider: The provider, as tidewire or models.dev names it.
        model: The model's name.

    Raises:
        ConfigurationError: The file of profiles is broken, or the folder of one's own is none.

    >>> find_profile("openai", "gpt-4o-mini-2024-07-18")["max_input_tokens"]
    128000
    """
    known_as = models_dev_name(provider)
    found = _table_with(known_as)
    if found is None or found.table is None:
        return {}
    exact = found.table.profile(known_as, model)
    if exact:
        return exact
    index = found.indexes.get(known_as)
    if index is None:
        index = found.indexes[known_as] = NameIndex(_by_preference(found.table.profiles(known_as)))
    name = index.find(model)
    if name is None and known_as in _NAMED_BY_USERS:
        name = index.find_within(model)
    return {} if name is None else found.table.profile(known_as, name)


def list_profiles(provider: str | None = None) -> dict[str, Profiles]:
    """All profiles by provider (models.dev's names) and model, or those of one provider; fresh dicts.

    Raises:
        ConfigurationError: The file of profiles is broken, or the folder of one's own is none.
    """
    tables = [read.table for read in map(_look_at, _folders()) if read.table is not None]
    found: dict[str, Profiles] = {}
    for table in tables:
        for name in table.providers:
            if name not in found and provider in (None, name):
                found[name] = table.profiles(name)
    return dict(sorted(found.items()))


def models_dev_name(provider: str) -> str:
    """The name that models.dev gives a provider."""
    name = provider.strip().lower().replace("_", "-")
    return _OTHER_NAMES.get(name, name)


def _by_preference(profiles: Profiles) -> list[str]:
    """The names, first the newest models', and of as new ones the shortest first: the one without a region."""
    names = sorted(profiles, key=lambda name: (len(name), name))
    return sorted(names, key=lambda name: str(profiles[name].get("release_date", "")), reverse=True)


def _folders() -> list[Path]:
    own = os.environ.get(FOLDER_ENV, "").strip()
    if own and not Path(own).is_dir():
        raise ConfigurationError(f"{FOLDER_ENV} names {own!r}, which is no folder")
    return [*([Path(own)] if own else []), SHIPPED_FOLDER]


def _table_with(provider: str) -> _Read | None:
    for folder in _folders():
        read = _look_at(folder)
        if read.table is not None and provider in read.table.providers:
            return read
    return None


def _look_at(folder: Path) -> _Read:
    stamp = stamp_of(folder)
    read = _read.get(folder)
    if read is None or read.stamp != stamp:
        read = _read[folder] = _Read(stamp, read_table(folder), {})
    return read


__all__ = ["FOLDER_ENV", "SHIPPED_FOLDER", "find_profile", "list_profiles", "models_dev_name"]
