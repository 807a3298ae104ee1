"""What ``usage.py`` shows to the type checkers also runs."""

from __future__ import annotations

from tests.typing.usage import main


async def test_ordinary_use_runs() -> None:
    await main()
