"""Keys: from an argument, a function or the environment, into the header that the provider wants."""

from __future__ import annotations

import inspect
import os
from collections.abc import Hashable, Sequence
from hashlib import blake2b

from tidewire.adapters.secrets import Secret
from tidewire.adapters.spec import Adapter, HttpRequest, KeySource
from tidewire.events.errors import ConfigurationError

_SALT = os.urandom(16)


class ApiKey:
    """Puts a key into a header. The environment is read at each request, so a missing key is told at the first one.

    Args:
        adapter: Whose key it is: names the header, its prefix, and the environment variables.
        source: The key, or a function (sync or async) that gives it anew for each request; None reads the environment.
    """

    def __init__(self, adapter: Adapter, source: KeySource | None = None) -> None:
        if source is not None and not isinstance(source, (str, Secret)) and not callable(source):
            raise ConfigurationError(f"api_key is a text, or a function that gives one, not a {type(source).__name__}")
        self._adapter = adapter
        self._source = Secret(source) if isinstance(source, str) else source
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
        source = self._source
        if isinstance(source, Secret):
            return source
        if source is not None:
            given = source()
            value = await given if inspect.isawaitable(given) else given
            return Secret(value)
        for name in self._adapter.key_env:
            value = os.environ.get(name, "").strip()
            if value:
                return Secret(value, name)
        if not self._adapter.key_required:
            return None
        raise ConfigurationError(_missing(self._adapter.provider, self._adapter.key_env))


def _missing(provider: str, names: Sequence[str]) -> str:
    variable = f", or set the environment variable {names[0]}" if names else ""
    return f"no API key for {provider}: pass api_key=…{variable}"


__all__ = ["ApiKey"]
