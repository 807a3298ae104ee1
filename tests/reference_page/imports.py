"""The table of imports in ``docs/migrating.md``, and what it makes of code: other import lines, and nothing else."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from dataclasses import dataclass

from tests.test_layers import ROOT

MIGRATING = ROOT / "docs/migrating.md"


@dataclass(frozen=True)
class Target:
    """Where a name is here, and what it is called."""

    module: str
    name: str


def read_table(page: str) -> dict[str, dict[str, Target]]:
    """The rows under ``| import from | the names | from here |``: what each name of a module is here.

    A name with an arrow, ``A → B``, is called B here.
    """
    table: dict[str, dict[str, Target]] = defaultdict(dict)
    rows = re.search(r"^\| import from \| the names \| from here \|\n\|[-|]+\n((?:\|.*\n)+)", page, flags=re.MULTILINE)
    assert rows is not None, "docs/migrating.md has no table of imports"
    for row in rows[1].splitlines():
        modules, names, here = (re.findall(r"`([^`]+)`", cell) for cell in row.strip("|").split("|"))
        for module in modules:
            for name in names:
                there, _, called = name.partition(" → ")
                assert there not in table[module], f"{module}.{there} stands in the table twice"
                table[module][there] = Target(here[0], called or there)
    return dict(table)


TABLE = read_table(MIGRATING.read_text(encoding="utf-8"))


def rewrite_imports(code: str) -> str:
    """The code with the imports of the table changed. All other lines stay as they are.

    Raises:
        KeyError: It imports a name that the table does not have from a module that it has.
    """
    lines = code.splitlines(keepends=True)
    found = [node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.ImportFrom) and node.module in TABLE]
    for node in sorted(found, key=lambda node: node.lineno, reverse=True):
        indent = " " * node.col_offset
        lines[node.lineno - 1 : node.end_lineno] = [f"{indent}{line}\n" for line in _lines(node)]
    return "".join(lines)


def _lines(node: ast.ImportFrom) -> list[str]:
    assert node.module is not None
    by_module: dict[str, list[str]] = defaultdict(list)
    for alias in node.names:
        target = TABLE[node.module][alias.name]
        called = alias.asname or alias.name
        by_module[target.module].append(target.name if target.name == called else f"{target.name} as {called}")
    return [f"from {module} import {', '.join(names)}" for module, names in by_module.items()]
