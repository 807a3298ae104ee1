"""What a format has in common with all others when it is told to reason."""

from __future__ import annotations

import pytest

from tidewire.adapters.reasoning import Thinking, effort_words, thinking


@pytest.mark.parametrize(
    ("how", "words"),
    [
        (thinking("effort", "minimal low medium high xhigh max"), {}),
        (thinking("a.b", "low low medium high - -", off={"a": {"b": "none"}}), {"minimal": "low"}),
        (thinking("think", "- - - high high -", off={"think": False}, with_effort={"on": "yes"}), {"xhigh": "high"}),
        (thinking("a.b", "low low low - - -", off={"a": "never"}), {"minimal": "low", "medium": "low"}),
        (Thinking(efforts={"none": {"off": True}}), {}),
    ],
)  # fmt: skip
def test_efforts_are_told_by_other_words_where_a_format_has_fewer(how: Thinking, words: dict[str, str]) -> None:
    assert effort_words(how) == words
