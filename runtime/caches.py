"""Caches of answers, for ``cache=…`` of a model or :func:`set_llm_cache` for all. See ``docs/caching.md``."""

from __future__ import annotations

from tidewire.response_cache import (
    BaseCache,
    InMemoryCache,
    get_llm_cache,
    set_llm_cache,
)
from tidewire.sqlite_cache import SQLiteCache

__all__ = ["BaseCache", "InMemoryCache", "SQLiteCache", "get_llm_cache", "set_llm_cache"]
