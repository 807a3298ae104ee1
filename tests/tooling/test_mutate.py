"""The changes that are made to a module to see whether its tests notice."""

from __future__ import annotations

import ast

from tests.tooling.mutate import mutants

SOURCE = """
__all__ = ["f"]
def f(a):
    b = a + 1
    if a < b and a:
        raise ValueError
    return b
"""


def test_each_change_is_one_place_and_gives_code_that_runs() -> None:
    found = list(mutants(SOURCE))
    assert sorted(one.change for one in found) == [
        "1  →  2",
        "a + 1  →  a - 1",
        "a < b  →  a <= b",
        "a < b and a  →  a < b or a",
        "b = a + 1  →  left out",
        "if a < b and a: raise ValueError  →  if not (a < b and a): raise ValueError",
        "raise ValueError  →  left out",
        "return b  →  return None",
    ]
    whole = ast.unparse(ast.parse(SOURCE))
    for one in found:
        compile(one.tree, "mutant", "exec")
        assert ast.unparse(one.tree) != whole
