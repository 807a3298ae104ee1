"""What is run besides tidewire's own code, and when: tools are pinned, and importing a module only defines things."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.test_exports import MODULES
from tests.test_layers import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())

# Calls that stand at the top of a module, and why.
_CALLS = {
    ("adapters/host.py", "os.register_at_fork"): "what a parent process has open is left to it",
    ("adapters/httpx_transport.py", "httpx.AsyncHTTPTransport"): "loads what httpx loads with its first client",
    ("runtime/__init__.py", "_PLACE_OF.update"): "where names are that are loaded on first use",
    ("runtime/blocking.py", "os.register_at_fork"): "the loop of the sync face is made anew",
    ("runtime/blocking.py", "atexit.register"): "the loop of the sync face is stopped",
    ("runtime/__main__.py", "sys.exit"): "runs the command line, under `python -m tidewire`",
}

# Imports all of these modules, and tells what our own code opens, connects or starts meanwhile.
WATCH = """
import importlib, os, sys, threading

library = os.path.dirname(os.__file__) + os.sep

def of_ours():
    # Whoever it is that has the standard library do something.
    frame = sys._getframe(2)
    while frame is not None:
        name = frame.f_code.co_filename
        is_library = name.startswith(library) and "site-packages" not in name
        if not name.startswith("<frozen") and not is_library:
            return name.startswith({rooms!r})
        frame = frame.f_back

def watch(event, args):
    told = event.startswith(("socket.", "subprocess.", "os.system", "os.exec", "os.remove", "os.mkdir", "os.putenv"))
    if (told or event == "open" and not str(args[0]).endswith((".py", ".pyc", ".so"))) and of_ours():
        print(event, args)

sys.addaudithook(watch)
threads = set(threading.enumerate())
for name in {modules!r}:
    importlib.import_module(name)
print(*(thread.name for thread in set(threading.enumerate()) - threads))
"""


def effects(modules: list[str], rooms: tuple[str, ...]) -> str:
    script = WATCH.format(modules=modules, rooms=rooms)
    done = subprocess.run(
        [sys.executable, "-B", "-c", script], capture_output=True, text=True, check=False, cwd=rooms[0]
    )
    return (done.stdout + done.stderr).strip()


def calls(path: Path) -> Iterator[str]:
    """The calls that stand at the top of a module as statements of their own, and loops."""
    statements = list(ast.parse(path.read_bytes()).body)
    for statement in statements:
        match statement:
            case ast.If(body=body, orelse=other):
                statements += [*body, *other]
            case ast.Expr(value=ast.Call(func=function)):
                yield ast.unparse(function)
            case ast.For() | ast.While() | ast.With() | ast.AugAssign() | ast.Delete() | ast.Raise():
                yield type(statement).__name__
            case _:
                pass


def test_importing_any_module_opens_connects_and_starts_nothing() -> None:
    modules = [name for name in MODULES if not name.endswith("__main__")]
    rooms = tuple(f"{ROOT / room}/" for room in ("runtime", "adapters", "events"))
    assert len(modules) > 200
    assert effects(modules, rooms) == ""


SOCKET = "import socket; socket.socket()"
THREAD = "import threading; threading.Thread(target=input, daemon=True).start()"


@pytest.mark.parametrize("code", ["open('/dev/null')", SOCKET, THREAD])
def test_what_a_module_does_when_it_is_imported_is_seen(code: str, tmp_path: Path) -> None:
    (tmp_path / "harm.py").write_text(f"{code}\n")
    assert effects(["harm"], (f"{tmp_path}/",)) != ""


def test_modules_only_define_things() -> None:
    found = {(str(module.path), call) for module in MODULES.values() for call in calls(ROOT / module.path)}
    assert found == set(_CALLS)


def test_every_tool_is_pinned() -> None:
    groups: dict[str, list[object]] = PROJECT["dependency-groups"]
    assert {"audit", "dev"} <= groups.keys()
    loose = [line for lines in groups.values() for line in lines if not re.search(r"==\d[\w.]*$", str(line))]
    assert loose == []


def test_what_is_installed_with_tidewire_is_a_short_list() -> None:
    names = {re.split(r"[>=\[]", line)[0] for line in PROJECT["project"]["dependencies"]}
    assert names == {"aiohttp", "anyio", "httpx", "jiter", "msgspec", "structlog"}


def test_the_policy_is_there_and_names_what_is_supported() -> None:
    policy = (ROOT / "SECURITY.md").read_text()
    minor = ".".join(PROJECT["project"]["version"].split(".")[:2])
    assert f"{minor}.x" in policy
    for heading in ("## Report", "## Supported versions", "## Threat model"):
        assert heading in policy
