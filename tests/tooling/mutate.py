"""Changes a module in one small way after the other, and says which changes its tests do not notice.

    python -m tests.tooling.mutate runtime/policy.py -- tests/runtime/test_policy.py tests/runtime/test_gate.py

A change turns a comparison, a truth value, a constant or an operator into another one, or leaves out a statement. Each
is made in memory, in a process forked from one that has imported everything, so that a change costs little more than
the tests it is shown to. Prints the score and each change that survived; ``--every 3`` makes each third change only.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import copy
import importlib
import io
import os
import signal
import sys
import time
from collections.abc import Iterator
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import spec_from_file_location
from pathlib import Path
from types import CodeType

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROOMS = {"runtime": "tidewire", "events": "tidewire.events", "adapters": "tidewire.adapters"}
#: A change that makes the tests take this many seconds more than they took without one is noticed by that.
PATIENCE_S = 60

_COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip
_OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult,
}  # fmt: skip


class Mutant:
    """A changed module: its code, and what was changed where."""

    def __init__(self, tree: ast.Module, line: int, change: str) -> None:
        self.tree = tree
        self.line = line
        self.change = change


def mutants(source: str) -> Iterator[Mutant]:
    """Every changed form of a module."""
    tree = ast.parse(source)
    for number, node in enumerate(ast.walk(tree)):
        if not _can_change(node):
            continue
        changed = copy.deepcopy(tree)
        target = next(other for place, other in enumerate(ast.walk(changed)) if place == number)
        told = "left out"
        if isinstance(target, ast.Assign | ast.AugAssign | ast.Raise):
            _LeaveOut(target).visit(changed)
        else:
            _change(target)
            told = _told(target)
        ast.fix_missing_locations(changed)
        yield Mutant(changed, getattr(node, "lineno", 0), f"{_told(node)}  →  {told}")


def _told(node: ast.AST) -> str:
    return " ".join(ast.unparse(node).split())[:90]


def _can_change(node: ast.AST) -> bool:
    match node:
        case ast.Assign(targets=[ast.Name(id="__all__" | "__slots__")]):
            return False  # for tools and for speed
        case ast.Compare(ops=[op]):
            return type(op) in _COMPARISONS
        case ast.BinOp(op=op):
            return type(op) in _OPERATORS
        case ast.Constant(value=value):
            return isinstance(value, (bool, int, float)) or (isinstance(value, bytes) and bool(value))
        case (
            ast.Expr(value=ast.Call() | ast.Await())
            | ast.Return(value=ast.Call() | ast.Name() | ast.BinOp() | ast.Compare() | ast.Attribute())
        ):
            return True
        case _:
            return isinstance(node, (ast.BoolOp, ast.If, ast.While, ast.IfExp, ast.Assign, ast.AugAssign, ast.Raise))


def _change(node: ast.AST) -> None:
    match node:
        case ast.Compare():
            node.ops = [_COMPARISONS[type(node.ops[0])]()]
        case ast.BoolOp():
            node.op = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        case ast.If() | ast.While() | ast.IfExp():
            node.test = ast.UnaryOp(ast.Not(), node.test)
        case ast.BinOp():
            node.op = _OPERATORS[type(node.op)]()
        case ast.Constant(value=bool()):
            node.value = not node.value
        case ast.Constant(value=int() | float() as number):
            node.value = number + 1
        case ast.Constant():
            node.value = b"~"
        case ast.Expr() | ast.Return():
            node.value = ast.Constant(None)
        case _:
            pass


class _LeaveOut(ast.NodeTransformer):
    """Puts a statement that does nothing in the place of one."""

    def __init__(self, statement: ast.AST) -> None:
        self._statement = statement

    def visit(self, node: ast.AST) -> ast.AST:
        return ast.copy_location(ast.Pass(), node) if node is self._statement else self.generic_visit(node)


def module_name(path: Path) -> str:
    """The import name of a file of one of the rooms."""
    room, *rest = path.resolve().relative_to(ROOT).with_suffix("").parts
    return ".".join([ROOMS[room], *rest])


def _run(tests: list[str]) -> int:
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        quiet = ("-q", "-x", "-p", "no:cacheprovider", "-W", "ignore::pytest.PytestAssertRewriteWarning")
        return pytest.main([*quiet, "--hypothesis-profile=small", *tests])


def survives(mutant: Mutant, name: str, path: Path, tests: list[str], seconds: float) -> bool:
    """Whether the tests pass on a changed module; run in a process of its own."""
    child = os.fork()
    if not child:
        os.setpgid(0, 0)
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 1)
        os.dup2(null, 2)
        signal.alarm(int(seconds))
        try:
            _replace(mutant, name, path)
            os._exit(int(_run(tests) != 0))
        except BaseException:  # noqa: BLE001  a module that cannot be imported is noticed
            os._exit(1)
    _, status = os.waitpid(child, 0)
    return status == 0


def _replace(mutant: Mutant, name: str, path: Path) -> None:
    """Have the next import of a module, and of all that import it, find the changed code."""
    for loaded in [one for one in sys.modules if one.partition(".")[0] == "tidewire"]:
        del sys.modules[loaded]
    file = str(path)
    code: CodeType = compile(mutant.tree, file, "exec")

    class Loader(SourceFileLoader):
        def get_code(self, fullname: str) -> CodeType:
            return code

    class Finder(MetaPathFinder):
        def find_spec(self, fullname: str, path: object, target: object = None, /) -> ModuleSpec | None:
            return spec_from_file_location(name, file, loader=Loader(name, file)) if fullname == name else None

    sys.meta_path.insert(0, Finder())


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("tests", nargs="+")
    parser.add_argument("--every", type=int, default=1)
    given = parser.parse_args()
    began = time.monotonic()
    name = module_name(given.file)
    # What is slow to import and never changes.
    for other in ("anyio", "trio", "hypothesis", "httpx", "aiohttp", "anyio.pytest_plugin"):
        importlib.import_module(other)
    source = given.file.read_text(encoding="utf-8")
    unchanged = Mutant(ast.parse(source), 0, "")
    if not survives(unchanged, name, given.file.resolve(), given.tests, 600):
        sys.exit("the tests fail on the module as it is")
    patience = time.monotonic() - began + PATIENCE_S
    found = list(mutants(source))[:: given.every]
    survivors = 0
    for one in found:
        if survives(one, name, given.file.resolve(), given.tests, patience):
            survivors += 1
            print(f"  {given.file}:{one.line}: {one.change}", flush=True)
    noticed, took = len(found) - survivors, time.monotonic() - began
    print(f"{given.file}: {noticed} of {len(found)} noticed ({noticed / len(found):.0%}), {took:.0f} s")


if __name__ == "__main__":
    main()
