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
from pathlib import Path

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
        for choice in range(_choices(node)):
            changed = copy.deepcopy(tree)
            target = next(other for place, other in enumerate(ast.walk(changed)) if place == number)
            before = _told(node)
            _change(target, choice)
            ast.fix_missing_locations(changed)
            yield Mutant(changed, getattr(node, "lineno", 0), f"{before}  →  {_told(target)}")


def _told(node: ast.AST) -> str:
    return " ".join(ast.unparse(node).split())[:90]


def _choices(node: ast.AST) -> int:
    """In how many ways a node can be changed."""
    match node:
        case ast.Compare(ops=[op]) if type(op) in _COMPARISONS:
            return 1
        case ast.BoolOp() | ast.If() | ast.While() | ast.IfExp():
            return 1
        case ast.BinOp(op=op) if type(op) in _OPERATORS:
            return 1
        case ast.Constant(value=bool() | int() | float()):
            return 1
        case ast.Constant(value=bytes() as text) if text:
            return 1
        case ast.Expr(value=ast.Call() | ast.Await()) | ast.Assign() | ast.AugAssign() | ast.Raise():
            return 1
        case ast.Return(value=ast.expr()):
            return 1
        case _:
            return 0


def _change(node: ast.AST, choice: int) -> None:
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
        case ast.Assign() | ast.AugAssign() | ast.Raise():
            _leave_out(node)
        case _:
            raise AssertionError(node)


def _leave_out(node: ast.Assign | ast.AugAssign | ast.Raise) -> None:
    """Make a statement one that does nothing, in its place."""
    node.__class__ = ast.Pass  # type: ignore[assignment]  # its parent refers to it


def module_name(path: Path) -> str:
    """The import name of a file of one of the rooms."""
    room, *rest = path.resolve().relative_to(ROOT).with_suffix("").parts
    return ".".join([ROOMS[room], *rest])


def _run(tests: list[str]) -> int:
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        return pytest.main(["-q", "-x", "--no-header", "-p", "no:cacheprovider", "--hypothesis-profile=small", *tests])


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
    code = compile(mutant.tree, str(path), "exec")

    class Loader(importlib.machinery.SourceFileLoader):
        def get_code(self, fullname: str) -> object:
            return code

    class Finder:
        @staticmethod
        def find_spec(fullname: str, *_: object) -> object:
            if fullname != name:
                return None
            return importlib.util.spec_from_file_location(name, path, loader=Loader(name, str(path)))

    sys.meta_path.insert(0, Finder)  # type: ignore[arg-type]


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("tests", nargs="+")
    parser.add_argument("--every", type=int, default=1)
    given = parser.parse_args()
    began = time.monotonic()
    ended = os.system(f"{sys.executable} -m pytest -q -x -p no:cacheprovider {' '.join(given.tests)} >/dev/null 2>&1")
    if ended:
        sys.exit("the tests fail on the module as it is")
    patience = time.monotonic() - began + PATIENCE_S
    name = module_name(given.file)
    # What is slow to import and never changes.
    for other in ("anyio", "trio", "hypothesis", "httpx", "aiohttp", "anyio.pytest_plugin"):
        importlib.import_module(other)
    found = list(mutants(given.file.read_text(encoding="utf-8")))[:: given.every]
    survivors = [one for one in found if survives(one, name, given.file.resolve(), given.tests, patience)]
    noticed = len(found) - len(survivors)
    print(f"{given.file}: {noticed} of {len(found)} noticed ({noticed / len(found):.0%}), {time.monotonic() - began:.0f} s")
    for one in survivors:
        print(f"  {given.file}:{one.line}: {one.change}", flush=True)


if __name__ == "__main__":
    main()
