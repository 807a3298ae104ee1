"""Makes the file of profiles anew: models.dev's facts, the rules merged in, written in one step, with what changed."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from pathlib import Path

import anyio
import msgspec

from tidewire.adapters.models_dev import read_models_dev
from tidewire.adapters.profile_rules import RULES_FILE_NAME, Rule, apply_rules, read_rules
from tidewire.adapters.profile_table import FILE_NAME, Profiles, read_table, table_text
from tidewire.adapters.profiles import SHIPPED_FOLDER, models_dev_name
from tidewire.adapters.spec import HttpRequest, Response
from tidewire.adapters.transports import shared_transport
from tidewire.events.errors import ConfigurationError

#: Where models.dev publishes its facts.
MODELS_DEV_URL = "https://models.dev/api.json"

#: How long the facts may take to arrive, and the most bytes that they may have.
FETCH_TIMEOUT_S = 60.0
FETCH_LIMIT_BYTES = 64 * 1024 * 1024


class Refresh(msgspec.Struct, frozen=True):
    """A refresh, ready to be written.

    Attributes:
        folder: Where the file belongs.
        before: The profiles that the file holds, by provider.
        after: Those that it will hold.
        source: Where the facts come from.
    """

    folder: Path
    before: dict[str, Profiles]
    after: dict[str, Profiles]
    source: str

    def changes(self) -> Iterator[str]:
        """What changes, a line for each model that comes or goes and for each fact that differs."""
        for provider in sorted({*self.before, *self.after}):
            before, after = self.before.get(provider, {}), self.after.get(provider, {})
            for model in sorted({*before, *after}):
                if model not in before:
                    yield f"+ {provider}:{model}"
                elif model not in after:
                    yield f"- {provider}:{model}"
                else:
                    old, new = before[model], after[model]
                    for key in sorted({*old, *new}):
                        if old.get(key) != new.get(key):
                            yield f"~ {provider}:{model} {key}: {_shown(old.get(key))} -> {_shown(new.get(key))}"

    def write(self) -> Path:
        """Put the new file in the place of the old one, in one step; gives its path.

        Raises:
            ConfigurationError: The folder cannot be written to, or it or the file is a symbolic link.
        """
        path = self.folder / FILE_NAME
        _refuse_links(self.folder)
        beside = path.with_name(f".{FILE_NAME}.{secrets.token_hex(8)}")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            # O_EXCL: nobody else's file, and no link.
            descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
            try:
                with os.fdopen(descriptor, "wb") as file:
                    file.write(table_text(self.after, self.source))
                    file.flush()
                    os.fsync(file.fileno())
                os.replace(beside, path)
            except BaseException:
                beside.unlink(missing_ok=True)
                raise
        except OSError as wrong:
            raise ConfigurationError(f"cannot write {path}: {wrong.strerror}") from wrong
        return path


async def prepare_refresh(providers: Sequence[str], source: str, folder: Path) -> Refresh:
    """The refresh of some providers' profiles.

    Args:
        providers: The providers, as tidewire or models.dev names them; none: those that the file has already.
        source: The URL or the path of an ``api.json`` as models.dev publishes it.
        folder: Where the file of profiles is, and perhaps rules of its own besides those that are shipped.

    Raises:
        ConfigurationError: The source cannot be read or does not know a provider, or the folder is a symbolic link.
        APIConnectionError: The URL cannot be reached.
    """
    _refuse_links(folder)
    known = read_table(folder)
    before = {} if known is None else {name: known.profiles(name) for name in known.providers}
    wanted = [models_dev_name(provider) for provider in providers] or list(before)
    if not wanted:
        raise ConfigurationError(f"{folder} has no profiles yet: name the providers to fetch with --provider")
    content = await _content_of(source)
    # Merging the same rules twice gives the same, should the folder be the shipped one.
    rules = [*_rules_in(SHIPPED_FOLDER), *_rules_in(folder)]
    fresh = {name: apply_rules(name, read_models_dev(content, name), rules) for name in wanted}
    return Refresh(folder, before, {**before, **fresh}, "models.dev")


async def _content_of(source: str) -> bytes:
    if source.startswith(("http://", "https://")):
        return await _fetch(source)
    try:
        return await anyio.Path(source).read_bytes()
    except OSError as wrong:
        raise ConfigurationError(f"cannot read {source}: {wrong.strerror}") from wrong


async def _fetch(url: str) -> bytes:
    request = HttpRequest("GET", url, {"accept": "application/json"})
    try:
        with anyio.fail_after(FETCH_TIMEOUT_S):
            response = await shared_transport().open(request)
            try:
                if response.status != 200:
                    raise ConfigurationError(f"{url} answered with status {response.status}")
                return await _body(response, url)
            finally:
                response.abort()
    except TimeoutError:
        raise ConfigurationError(f"{url} took longer than {FETCH_TIMEOUT_S:g} s") from None


async def _body(response: Response, url: str) -> bytes:
    body = bytearray()
    while data := await response.read():
        body += data
        if len(body) > FETCH_LIMIT_BYTES:
            raise ConfigurationError(f"{url} has more than {FETCH_LIMIT_BYTES} bytes")
    return bytes(body)


def _rules_in(folder: Path) -> list[Rule]:
    path = folder / RULES_FILE_NAME
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError) as wrong:
        raise ConfigurationError(f"cannot read the rules in {path}: {wrong}") from wrong
    rules = read_rules(text, str(path))
    shipped = read_table(SHIPPED_FOLDER)
    known = () if shipped is None else tuple(shipped.providers)
    for provider in {name for rule in rules for name in rule.providers if name not in known}:
        if near := get_close_matches(provider, known, n=1):  # else it may be one that models.dev knows since
            raise ConfigurationError(f"{path}: there is no provider {provider!r}; did you mean {near[0]!r}?")
    return rules


def _refuse_links(folder: Path) -> None:
    for path in (folder, folder / FILE_NAME):
        if path.is_symlink():
            raise ConfigurationError(f"{path} is a symbolic link; name the folder that it leads to")


def _shown(value: object) -> str:
    return "unknown" if value is None else msgspec.json.encode(value).decode()


__all__ = ["MODELS_DEV_URL", "Refresh", "prepare_refresh"]
