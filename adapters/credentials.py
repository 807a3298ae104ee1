"""Keys: from an argument, a function or the environment, into the header that the provider wants."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Hashable, Sequence
from hashlib import blake2b

from tidewire.adapters.secrets import Secret, seal
from tidewire.adapters.spec import Adapter, HttpRequest, KeySource
from tidewire.events.errors import ConfigurationError

_SALT = os.urandom(16)


class ApiKey:
    """Puts a key into a header. The environment is read at each request, so a missing key is told at the first one.

    Args:
        adapter: Whose key it is: names the header, its prefix, and the environment variables.
        source: The key, or a function (sync or async) that gives it anew for each request; None reads the environment.

    Raises:
        ConfigurationError: The key has characters that no key has, or is none of these.
    """

    def __init__(self, adapter: Adapter, source: KeySource | None = None) -> None:
        self._adapter = adapter
        self._source = key_source(source)
        self._header = self._spelled(self._source) if isinstance(self._source, Secret) else None
        self._identity: Hashable = None

    async def apply(self, request: HttpRequest) -> HttpRequest:
        """The request with its key."""
        value = self._header
        if value is None and (key := await self._key()) is not None:
            value = self._spelled(key)
        if value is not None:
            request.headers[self._adapter.key_header] = value
        return request

    @property
    def identity(self) -> Hashable:
        """The same for the same key, which it does not tell: what calls with one key share is kept under it."""
        if self._identity is None:
            source = self._source
            if isinstance(source, Secret):
                self._identity = blake2b(source.reveal().encode(), digest_size=16, key=_SALT).digest()
            else:
                self._identity = source or self._adapter.key_env
        return self._identity

    def __repr__(self) -> str:
        return f"ApiKey({self._adapter.provider})"

    def _spelled(self, key: Secret) -> Secret:
        prefix = self._adapter.key_prefix
        return Secret(prefix + key.reveal(), "api_key") if prefix else key

    async def _key(self) -> Secret | None:
        if self._source is not None:
            return await key_of(self._source)
        for name in self._adapter.key_env:
            if os.environ.get(name, "").strip():
                return Secret.sealed(os.environ[name], name).checked()
        if not self._adapter.key_required:
            return None
        raise ConfigurationError(_missing(self._adapter.provider, self._adapter.key_env))


def key_source(given: KeySource | None, name: str = "api_key") -> Secret | Callable[[], object] | None:
    """What a caller hands in as a key, once it is known to be one.

    Raises:
        ConfigurationError: It has characters that no key has, or is neither a text nor a function; it is not quoted.
    """
    given = seal(given, name)
    if isinstance(given, Secret):
        return given.checked()
    if given is not None and not callable(given):
        raise ConfigurationError(f"{name} is a text, or a function that gives one, not a {type(given).__name__}")
    return given


async def key_of(source: Secret | Callable[[], object], name: str = "api_key") -> Secret:
    """The key itself: as it was given, or what the caller's function gives now.

    Raises:
        ConfigurationError: The function gave no key.
    """
    if isinstance(source, Secret):
        return source
    # Sealed before anything can go wrong: the frames of an error show what a function holds.
    given = seal(source(), name)
    if inspect.isawaitable(given):
        given = seal(await given, name)
    if not isinstance(given, Secret):
        raise ConfigurationError(f"the function that gives {name} gave no text but {type(given).__name__}")
    return given.checked()


def _missing(provider: str, names: Sequence[str]) -> str:
    variable = f", or set the environment variable {names[0]}" if names else ""
    return f"no API key for {provider}: pass api_key=…{variable}"


__all__ = ["ApiKey", "key_of", "key_source"]
