"""A cache of answers in a file, which threads, event loops and processes may share."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path

from tidewire.events.errors import ConfigurationError
from tidewire.response_cache import BaseCache

#: Seconds to wait while another process writes.
BUSY_S = 30.0


class SQLiteCache(BaseCache):
    """Keeps answers in an SQLite file. Async code reads and writes it in worker threads.

    Each access opens the file and closes it again: nothing is held between calls, and nothing is inherited by a fork.
    The file is made on first use, readable for its owner only.

    Args:
        path: The file; its folder must exist.

    Raises:
        ConfigurationError: There is no such folder, or the path names no file.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        if not os.fspath(path) or os.fspath(path).startswith(":memory:"):
            raise ConfigurationError(
                "SQLiteCache keeps answers in a file; for a cache in memory there is InMemoryCache"
            )
        self._path = Path(path).expanduser().absolute()
        if self._path.is_dir() or not self._path.parent.is_dir():
            raise ConfigurationError(f"SQLiteCache cannot keep answers in {str(path)!r}: it needs a file in a folder")

    def lookup(self, key: str) -> bytes | None:
        """What was kept under this key, or None."""
        with self._open() as database:
            row = database.execute("SELECT value FROM answers WHERE key = ?", (key,)).fetchone()
        return None if row is None else bytes(row[0])

    def update(self, key: str, value: bytes) -> None:
        """Keep this under the key."""
        with self._open() as database:
            database.execute("INSERT OR REPLACE INTO answers (key, value) VALUES (?, ?)", (key, value))

    def clear(self) -> None:
        """Forget everything."""
        with self._open() as database:
            database.execute("DELETE FROM answers")

    def __repr__(self) -> str:
        return f"SQLiteCache({str(self._path)!r})"

    @contextmanager
    def _open(self) -> Generator[sqlite3.Connection]:
        os.close(os.open(self._path, os.O_CREAT | os.O_RDWR, 0o600))
        # Each statement is a transaction of its own: what one process writes is there for the next one, or not at all.
        with closing(sqlite3.connect(self._path, timeout=BUSY_S, isolation_level=None)) as database:
            database.execute("CREATE TABLE IF NOT EXISTS answers (key TEXT PRIMARY KEY, value BLOB NOT NULL)")
            yield database


__all__ = ["BUSY_S", "SQLiteCache"]
