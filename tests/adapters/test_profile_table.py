"""The file of profiles gives back what it was made of, and is the same whenever its content is."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidewire.adapters.profile_table import FILE_NAME, Profiles, Table, read_table, stamp_of, table_text
from tidewire.events.errors import ConfigurationError

KEYS = st.text(min_size=1).filter(lambda key: key != "is")
VALUES = st.booleans() | st.integers(-(2**53), 2**53) | st.text() | st.lists(st.text(), max_size=3)
TABLES = st.dictionaries(
    st.text(min_size=1), st.dictionaries(st.text(), st.dictionaries(KEYS, VALUES, max_size=6), max_size=4), max_size=3
)


@given(TABLES)
def test_a_file_gives_back_its_profiles(providers: dict[str, Profiles]) -> None:
    table = Table(table_text(providers, "somewhere"), "here")
    assert {name: table.profiles(name) for name in table.providers} == providers
    assert table.source == "somewhere"


def test_a_key_may_be_a_flag_for_one_model_and_a_text_for_another() -> None:
    providers: dict[str, Profiles] = {"p": {"a": {"x": True}, "b": {"x": "some"}, "c": {}}}
    table = Table(table_text(providers, ""), "here")
    assert table.profiles("p") == providers["p"]


def test_the_order_of_what_comes_in_changes_nothing_and_each_model_has_a_line() -> None:
    one: dict[str, Profiles] = {"q": {}, "p": {"b": {"x": True, "y": 1}, "a": {"y": 2}}}
    other: dict[str, Profiles] = {"p": {"a": {"y": 2}, "b": {"y": 1, "x": True}}, "q": {}}
    assert table_text(one, "s") == table_text(other, "s")
    assert b'\n"a":{"is":"","y":2},\n"b":{"is":"+","y":1}\n' in table_text(one, "s")


def test_what_is_not_known_is_empty_and_what_is_given_is_fresh() -> None:
    table = Table(table_text({"p": {"m": {"list": [1]}}}, ""), "here")
    assert (table.names("q"), table.profile("q", "m"), table.profile("p", "n")) == ([], {}, {})
    table.profile("p", "m")["list"].append(2)
    assert table.profile("p", "m") == {"list": [1]}


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b'{"providers":{"p":5}}', b"\xff"])
def test_a_broken_file_is_told_with_its_place(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE_NAME).write_bytes(content)
    with pytest.raises(ConfigurationError, match=r"profiles\.json is no file of profiles .*tidewire profiles refresh"):
        read_table(tmp_path)


def test_a_folder_without_a_file_has_no_table(tmp_path: Path) -> None:
    assert read_table(tmp_path) is None
    assert stamp_of(tmp_path) is None


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).mkdir()
    with pytest.raises(ConfigurationError, match="cannot read the profiles in"):
        read_table(tmp_path)
