"""The file of profiles: small, a line for each model, and what it holds as plain dicts.

Most of a profile is said by yes or no, so a line has a sign for each such key that the head of the file lists: ``+`` is
yes, ``-`` is no, and what is not known has a dot or, at the end, nothing::

    "flags":["attachment","temperature","tool_calling"],…
    "gpt-5":{"is":"+-+","max_input_tokens":400000,"name":"GPT-5",…}
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import msgspec

from tidewire.events.blocks import JSONObject
from tidewire.events.errors import ConfigurationError

#: Profiles of one provider's models by name.
Profiles: TypeAlias = dict[str, JSONObject]

#: The name of the file in its folder.
FILE_NAME = "profiles.json"


class _File(msgspec.Struct):
    source: str = ""
    flags: list[str] = []
    providers: dict[str, dict[str, msgspec.Raw]] = {}


_decoder = msgspec.json.Decoder(_File)


class Table:
    """A file of profiles that was read. Each profile is decoded when it is asked for.

    Args:
        content: What the file holds.
        place: Where it is, for errors.

    Raises:
        ConfigurationError: The content is no file of profiles.
    """

    __slots__ = ("_flags", "_providers", "source")

    def __init__(self, content: bytes, place: str) -> None:
        try:
            read = _decoder.decode(content)
        except (msgspec.DecodeError, UnicodeDecodeError) as wrong:
            raise ConfigurationError(
                f"{place} is no file of profiles ({wrong}); remove it, or make it anew: tidewire profiles refresh"
            ) from wrong
        #: Where the facts come from.
        self.source = read.source
        self._flags = read.flags
        self._providers = read.providers

    @property
    def providers(self) -> list[str]:
        """The providers, by the names that models.dev gives them."""
        return list(self._providers)

    def names(self, provider: str) -> list[str]:
        """The names of a provider's models; none for an unknown provider."""
        return list(self._providers.get(provider, ()))

    def profile(self, provider: str, model: str) -> JSONObject:
        """A fresh dict of what is known of a model; empty for an unknown one."""
        raw = self._providers.get(provider, {}).get(model)
        return {} if raw is None else unpack(msgspec.json.decode(raw, type=dict[str, Any]), self._flags)

    def profiles(self, provider: str) -> Profiles:
        """All profiles of a provider."""
        return {model: self.profile(provider, model) for model in self.names(provider)}


def read_table(folder: Path) -> Table | None:
    """The table in a folder; None where it has none.

    Raises:
        ConfigurationError: The file cannot be read.
    """
    path = folder / FILE_NAME
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as wrong:
        raise ConfigurationError(f"cannot read the profiles in {path}: {wrong.strerror}") from wrong
    return Table(content, str(path))


def stamp_of(folder: Path) -> tuple[int, int, int] | None:
    """What changes when the file in a folder is replaced; None where there is none."""
    try:
        found = os.stat(folder / FILE_NAME)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def table_text(providers: Mapping[str, Profiles], source: str) -> bytes:
    """The content of a file with these profiles: always the same for the same ones, in whatever order they come."""
    profiles = [profile for models in providers.values() for profile in models.values()]
    flags = sorted({key for profile in profiles for key, value in profile.items() if isinstance(value, bool)})
    blocks: list[str] = []
    for provider in sorted(providers):
        models = providers[provider]
        lines = ",\n".join(f"{_json(name)}:{_json(pack(models[name], flags))}" for name in sorted(models))
        blocks.append(f"{_json(provider)}:{{\n{lines}\n}}")
    head = f'{{"source":{_json(source)},"flags":{_json(flags)},"providers":{{'
    return "\n".join([head, ",\n".join(blocks), "}}", ""]).encode()


def pack(profile: JSONObject, flags: Sequence[str]) -> JSONObject:
    """A profile as its line has it; :func:`unpack` gives it back."""
    signs = "".join(_SIGNS[profile[flag]] if isinstance(profile.get(flag), bool) else "." for flag in flags)
    rest = {key: value for key, value in sorted(profile.items()) if not isinstance(value, bool)}
    return {"is": signs.rstrip("."), **rest}


def unpack(row: JSONObject, flags: Sequence[str]) -> JSONObject:
    """The profile of a line."""
    signs = row.pop("is", "")
    return row | {flag: sign == "+" for flag, sign in zip(flags, signs, strict=False) if sign != "."}


_SIGNS = {True: "+", False: "-"}


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


__all__ = [
    "FILE_NAME",
    "Profiles",
    "Table",
    "pack",
    "read_table",
    "stamp_of",
    "table_text",
    "unpack",
]
