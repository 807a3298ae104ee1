"""Caches of answers: the contract, the one in memory, and the one that every model uses that has none of its own."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock

from anyio import to_thread

from tidewire.events.errors import ConfigurationError
from tidewire.events.foreign import left_behind


class BaseCache:
    """Keeps answers. A cache of one's own has the three sync methods, or their async twins.

    Keys are short texts, the same for calls that ask the same; values are bytes, JSON in fact, that mean nothing to the
    cache. A method that raises fails no call: the answer comes from the provider, with a ``warning`` event.
    """

    def lookup(self, key: str) -> bytes | None:
        """What was kept under this key, or None."""
        raise NotImplementedError

    def update(self, key: str, value: bytes) -> None:
        """Keep this under the key, in place of what was there."""
        raise NotImplementedError

    def clear(self) -> None:
        """Forget everything."""
        raise NotImplementedError

    async def alookup(self, key: str) -> bytes | None:
        """:meth:`lookup` for async code; by default in a worker thread."""
        return await to_thread.run_sync(self.lookup, key, abandon_on_cancel=True)

    async def aupdate(self, key: str, value: bytes) -> None:
        """:meth:`update` for async code; by default in a worker thread."""
        await to_thread.run_sync(self.update, key, value, abandon_on_cancel=True)

    async def aclear(self) -> None:
        """:meth:`clear` for async code; by default in a worker thread."""
        await to_thread.run_sync(self.clear)


class InMemoryCache(BaseCache):
    """Keeps answers for as long as the process runs. Threads and event loops may share it.

    Args:
        maxsize: The most answers that it keeps; those that were not asked for the longest go first. None keeps all.

    Raises:
        ConfigurationError: ``maxsize`` is below 1.
    """

    def __init__(self, *, maxsize: int | None = None) -> None:
        if maxsize is not None and maxsize < 1:
            raise ConfigurationError(f"maxsize must be a whole number above 0, or None, got {maxsize!r}")
        self._maxsize = maxsize
        self._values: OrderedDict[str, bytes] = OrderedDict()
        self._lock = Lock()

    def lookup(self, key: str) -> bytes | None:
        """What was kept under this key, or None."""
        with self._lock:
            value = self._values.get(key)
            if value is not None:
                self._values.move_to_end(key)
            return value

    def update(self, key: str, value: bytes) -> None:
        """Keep this under the key."""
        with self._lock:
            self._values[key] = value
            self._values.move_to_end(key)
            if self._maxsize is not None and len(self._values) > self._maxsize:
                self._values.popitem(last=False)

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._values.clear()

    async def alookup(self, key: str) -> bytes | None:
        """As :meth:`lookup`, which takes no time that an event loop would miss."""
        return self.lookup(key)

    async def aupdate(self, key: str, value: bytes) -> None:
        """As :meth:`update`."""
        self.update(key, value)

    async def aclear(self) -> None:
        """As :meth:`clear`."""
        self.clear()

    def __repr__(self) -> str:
        return f"InMemoryCache({len(self._values)} answers)"


_global: BaseCache | None = None


def set_llm_cache(cache: BaseCache | None) -> None:
    """Let every model that has no ``cache`` of its own use this one; None: none."""
    global _global
    _global = checked_cache(cache)


def get_llm_cache() -> BaseCache | None:
    """The cache of models that have none of their own, or None."""
    return _global


def checked_cache(value: object) -> BaseCache | None:
    """A cache that a user gives.

    Raises:
        ConfigurationError: It is none.
    """
    if value is None or isinstance(value, BaseCache):
        return value
    given = left_behind(value, "tidewire.caches") or f"{value!r:.100}"
    raise ConfigurationError(
        f"a cache is an InMemoryCache, an SQLiteCache or another BaseCache of tidewire.caches, not {given}"
    )


def chosen_cache(cache: BaseCache | bool | None) -> BaseCache | None:
    """The cache that a model's ``cache`` stands for: None is the global one, True too and there must be one.

    Raises:
        ConfigurationError: There is no global one.
    """
    if isinstance(cache, BaseCache):
        return cache
    if cache is True and _global is None:
        raise ConfigurationError(
            "cache=True uses the cache of all models, and none is set: call tidewire.caches.set_llm_cache(…), "
            "or pass a cache"
        )
    return None if cache is False else _global


__all__ = ["BaseCache", "InMemoryCache", "checked_cache", "chosen_cache", "get_llm_cache", "set_llm_cache"]
