"""Code as it is typed into a notebook, run, and the same with the async twin of each method that has one."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Coroutine
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from io import StringIO
from typing import Any, TypeAlias

#: Runs an async function to its end.
RunAsync: TypeAlias = Callable[[Callable[[], Coroutine[Any, Any, None]]], None]

#: Methods whose twin is awaited, and those whose twin is read with ``async for``.
AWAITED = {"invoke": "ainvoke", "batch": "abatch"}
READ = {"stream": "astream", "batch_as_completed": "abatch_as_completed"}


class _Twin(ast.NodeTransformer):
    """Puts ``await`` before calls and ``async`` before loops, at the top of the code only."""

    changed = False

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        return node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        match node.func:
            case ast.Attribute(attr=name) if name in AWAITED:
                node.func.attr = AWAITED[name]
                self.changed = True
                return ast.Await(node)
            case _:
                return node

    def visit_For(self, node: ast.For) -> ast.AST:
        self.generic_visit(node)
        match node.iter:
            case ast.Call(func=ast.Attribute(attr=name) as called) if name in READ:
                called.attr = READ[name]
                self.changed = True
                return ast.AsyncFor(**{name: getattr(node, name) for name in node._fields})
            case _:
                return node


def twin_of(code: str) -> ast.Module | None:
    """The async twin of some code; None where there is nothing to await."""
    tree = ast.parse(code)
    twin = _Twin()
    tree = twin.visit(tree)
    return ast.fix_missing_locations(tree) if twin.changed else None


@dataclass
class Ran:
    """What running code gave.

    Attributes:
        names: What it defined, and what was there before.
        printed: The first value of each ``print``.
        text: What stood on the screen.
        value: The value of its last line, if that is an expression, as a notebook shows it.
    """

    names: dict[str, Any]
    printed: list[Any] = field(default_factory=list[Any])
    text: str = ""
    value: Any = None


_VALUE = "__value_of_the_last_line__"


def run(
    code: str | ast.Module,
    names: dict[str, Any],
    *,
    name: str,
    run_async: RunAsync | None = None,
) -> Ran:
    """Run code whose top may await.

    Args:
        code: The code, or its tree.
        names: The names that it starts with; it adds its own.
        name: What tracebacks call it.
        run_async: Runs an async function to its end; needed if the code awaits.
    """
    tree = ast.parse(code) if isinstance(code, str) else code
    if tree.body and isinstance(last := tree.body[-1], ast.Expr):
        tree.body[-1] = ast.Assign([ast.Name(_VALUE, ast.Store())], last.value)
    compiled = compile(
        ast.fix_missing_locations(tree), name, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True
    )
    ran = Ran(names)

    def show(*values: Any, **options: Any) -> None:
        ran.printed.append(values[0])
        print(*values, **options)

    names |= {"print": show, "__name__": "__main__"}
    with redirect_stdout(StringIO()) as screen:
        coroutine = eval(compiled, names)
        if inspect.iscoroutine(coroutine):
            assert run_async is not None, f"{name} awaits, so it needs an event loop"
            run_async(lambda: coroutine)
    ran.text = screen.getvalue()
    ran.value = names.pop(_VALUE, None)
    return ran
