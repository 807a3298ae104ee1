"""``spec_table.txt`` says which tests hold each promise of the interface; here it is held that these tests exist.

As a command it prints the table: ``python -m tests.test_spec_table``.
"""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from tests.reference_page.page import PAGE
from tests.test_layers import ROOT

TESTS = ROOT / "tests"
#: What each item of the reference is; read where it lies, beside the page.
REFERENCE = PAGE.with_name("interface.md")


class Item:
    """A promise: its number, what it is, the tests that hold it, or why there are none."""

    def __init__(self, line: str) -> None:
        self.id, _, self.what = line.partition(" ")
        self.tests: list[str] = []
        self.none = ""


def read_table(text: str) -> list[Item]:
    items: list[Item] = []
    for line in text.splitlines():
        if line.startswith("  none: "):
            items[-1].none = line.removeprefix("  none: ")
        elif line.startswith("  "):
            items[-1].tests.append(line.strip())
        elif line and not line.startswith("#"):
            items.append(Item(line))
    return items


ITEMS = read_table((TESTS / "spec_table.txt").read_text(encoding="utf-8"))


@cache
def names_in(file: Path) -> frozenset[str]:
    """The names of the tests in a file."""
    if not file.is_file():
        return frozenset()
    found = ast.walk(ast.parse(file.read_text(encoding="utf-8")))
    return frozenset(node.name for node in found if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)))


@pytest.mark.parametrize("item", ITEMS, ids=lambda item: item.id)
def test_an_item_is_held_by_tests_that_exist(item: Item) -> None:
    assert bool(item.tests) != bool(item.none)
    ids = [test.partition("::") for test in item.tests]
    assert [
        test for test, (file, _, name) in zip(item.tests, ids, strict=True) if name not in names_in(TESTS / file)
    ] == []


def test_each_item_stands_there_once() -> None:
    ids = [item.id for item in ITEMS]
    assert len(set(ids)) == len(ids)


@pytest.mark.skipif(not REFERENCE.is_file(), reason=f"the reference is not at {REFERENCE} (TIDEWIRE_REFERENCE)")
def test_every_item_of_the_reference_stands_there() -> None:
    found = re.findall(r"^\| ([FG]\d+) \|", REFERENCE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert found == [item.id for item in ITEMS]


def test_a_test_that_does_not_exist_is_seen() -> None:
    (item,) = read_table("F1 one\n  test_spec_table.py::test_no_such_test\n")
    with pytest.raises(AssertionError):
        test_an_item_is_held_by_tests_that_exist(item)
    (item,) = read_table("F1 one\n  test_no_such_file.py::test_each_item_stands_there_once\n")
    with pytest.raises(AssertionError):
        test_an_item_is_held_by_tests_that_exist(item)


if __name__ == "__main__":
    for item in ITEMS:
        print(f"| {item.id} | {item.what} | {'<br>'.join(f'`{test}`' for test in item.tests) or item.none} |")
