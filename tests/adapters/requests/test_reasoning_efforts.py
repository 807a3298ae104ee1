"""The table of ``efforts.txt``: what each provider is sent for each way to say how hard to think.

``python -m tests.adapters.requests.test_reasoning_efforts`` writes it anew, to be read before it is believed.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.adapters.requests.efforts import ASKED, WAYS, table, told

TABLE = Path(__file__).with_name("efforts.txt")


def test_each_way_to_reason_is_told_as_the_table_says() -> None:
    assert table() == TABLE.read_text(encoding="utf-8").strip()


#: `reasoning` is for Claude there, `reasoning_effort` for the models of OpenAI.
_TWO_WAYS = "snowflake:m"


@pytest.mark.parametrize("asked", [asked for asked in ASKED if asked != _TWO_WAYS])
def test_a_word_says_the_same_by_either_parameter(asked: str) -> None:
    for way, word in WAYS.items():
        if isinstance(word, str):
            assert told(asked, "reasoning_effort", way) == told(asked, "reasoning", way)


def test_off_and_false_are_none_wherever_it_can_be_turned_off() -> None:
    for asked in ASKED:
        assert told(asked, "reasoning", "none") == told(asked, "reasoning", "off") == told(asked, "reasoning", "False")


if __name__ == "__main__":
    TABLE.write_text(table() + "\n", encoding="utf-8")
