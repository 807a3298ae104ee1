"""Text of outsiders, made fit to be shown (the escapes are tested with the errors that quote it)."""

from __future__ import annotations

from tidewire.events.visible_text import TEXT_LIMIT, visible_text


def test_a_long_text_is_cut() -> None:
    assert len(visible_text("a" * 5000)) == TEXT_LIMIT
    assert visible_text("a" * 5000).endswith("…")
