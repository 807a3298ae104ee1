"""What tidewire shows: each public module lists its names, each name says what it is, and importing costs little."""

import ast
import importlib
import inspect
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import FunctionType, ModuleType

import pytest

from tests.test_layers import ROOT, read_rooms

PACKAGES = ["tidewire", "tidewire.adapters", "tidewire.events"]

# What users import besides `tidewire` itself.
FACES = [
    "tidewire.callbacks",
    "tidewire.errors",
    "tidewire.langchain",
    "tidewire.messages",
    "tidewire.rate_limiters",
    "tidewire.tools",
]

# Loaded by those who use them, never by `import tidewire`.
HEAVY = ["aiohttp", "httpx", "httpx2", "langchain_core", "mcp", "opentelemetry", "pydantic", "structlog", "trio"]


MODULES = read_rooms(ROOT)


def assigned(path: Path) -> dict[str, bool]:
    """The names that a file assigns at its top, and whether they are described: ``#:`` above, or a string below."""
    text = path.read_text()
    lines = ["", *text.splitlines()]
    body = ast.parse(text).body
    names: dict[str, bool] = {}
    for statement, below in zip(body, [*body[1:], ast.Pass()], strict=True):
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
                has_string = isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant)
                names[name] = has_string or lines[statement.lineno - 1].startswith("#:")
            case _:
                pass
    return names


PUBLIC = [*PACKAGES, *(face for face in FACES if face in MODULES)]
LISTED = [name for name, module in MODULES.items() if name in PUBLIC or "__all__" in assigned(ROOT / module.path)]


def order(name: str) -> tuple[int, list[str | int]]:
    """The order that ruff keeps an ``__all__`` in: constants, classes, the rest; numbers by value."""
    kind = 0 if name.isupper() and len(name) > 1 else 1 if name[0].isupper() else 2
    return kind, [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)]


def misprints(module: ModuleType) -> Iterator[str]:
    """What is wrong with the list of names. A module of which nothing but the docstring exists needs none."""
    if not hasattr(module, "__all__"):
        body = ast.parse(Path(str(module.__file__)).read_bytes()).body
        if body[1:]:
            yield f"{module.__name__} has no __all__"
        return
    names: list[str] = list(module.__all__)
    if names != sorted(set(names), key=order):
        yield f"{module.__name__}.__all__ should be {sorted(set(names), key=order)}"
    for name in names:
        if name.startswith("_") and name != "__version__":
            yield f"{module.__name__}.__all__ lists {name}, which is private"
        if not hasattr(module, name):
            yield f"{module.__name__}.__all__ lists {name}, which does not exist"
        if name not in dir(module):
            yield f"dir({module.__name__}) lacks {name}"


def undescribed(module: ModuleType, described: dict[str, bool]) -> Iterator[str]:
    """The public names, and the public methods of public classes, that do not say what they are.

    ``described`` tells this of constants and aliases, whose values carry no docstring of their own.
    """
    if not module.__doc__:
        yield module.__name__
    for name in getattr(module, "__all__", ()):
        thing: object = getattr(module, name)
        where = f"{module.__name__}.{name}"
        match thing:
            case type() if thing.__module__.partition(".")[0] == module.__name__.partition(".")[0]:
                own = thing.__dict__.get("__doc__")
                # Dataclasses and named tuples that have none are given their signature.
                if not own or own.startswith(f"{thing.__name__}("):
                    yield where
                for member, value in vars(thing).items():
                    is_code = isinstance(value, FunctionType | classmethod | staticmethod | property)
                    # A method may leave it to the protocol or the class that it implements.
                    if is_code and not member.startswith("_") and not inspect.getdoc(getattr(thing, member)):
                        yield f"{where}.{member}"
            case ModuleType() | FunctionType():
                if not thing.__doc__:
                    yield where
            case _:
                if not described.get(name):
                    yield where


@pytest.fixture(scope="module")
def described() -> dict[str, bool]:
    """Of every name that a room assigns, whether some file that assigns it describes it."""
    found: dict[str, bool] = {}
    for module in MODULES.values():
        for name, is_described in assigned(ROOT / module.path).items():
            found[name] = found.get(name, False) or is_described
    return found


@pytest.mark.parametrize("name", LISTED)
def test_public_names_are_listed_in_order_and_exist(name: str) -> None:
    assert list(misprints(importlib.import_module(name))) == []


@pytest.mark.parametrize("name", PUBLIC)
def test_public_names_say_what_they_are(name: str, described: dict[str, bool]) -> None:
    assert list(undescribed(importlib.import_module(name), described)) == []


# Prints what importing does besides importing: what it loads of these packages, what it opens, what it starts.
WATCH = """
import sys, threading

def watch(event, args):
    if event.startswith("socket.") or event.startswith("subprocess."):
        print(event, args)
    elif event == "open" and not str(args[0]).endswith((".py", ".pyc", ".so")):
        print(event, args)

sys.addaudithook(watch)
{statement}
print(*(name for name in {heavy} if name in sys.modules), *threading.enumerate()[1:])
"""


def effects(statement: str) -> str:
    """What running this in a new interpreter loads, opens and starts; empty if nothing that it should not."""
    script = WATCH.format(statement=statement, heavy=HEAVY)
    done = subprocess.run([sys.executable, "-B", "-c", script], capture_output=True, text=True, check=False)
    return (done.stdout + done.stderr).strip()


def test_importing_tidewire_loads_no_client_and_opens_nothing() -> None:
    assert effects("import tidewire") == ""
    assert effects("from tidewire import *") == ""


COUNT = """
import sys

before = len(sys.modules)
import tidewire
imported = len(sys.modules) - before
tidewire.init_chat_model("openai:gpt-5-nano", api_key="any")
print(imported, len(sys.modules) - before)
"""


def test_importing_tidewire_loads_few_modules() -> None:
    done = subprocess.run([sys.executable, "-c", COUNT], capture_output=True, text=True, check=True)
    imported, made = map(int, done.stdout.split())
    assert imported < 20
    assert made <= 230


def test_no_name_of_tidewire_is_that_of_a_module_of_it() -> None:
    # Whoever imports the module would find it in place of what the name stands for.
    assert {f"tidewire.{name}" for name in importlib.import_module("tidewire").__all__} & MODULES.keys() == set()


# The checks can fail.


def fake(text: str, tmp_path: Path) -> ModuleType:
    """A module with this text."""
    path = tmp_path / "fake.py"
    path.write_text(text)
    module = ModuleType("fake", "A module.")
    module.__file__ = str(path)
    exec(compile(text, path, "exec"), module.__dict__)
    return module


@pytest.mark.parametrize(
    "text",
    [
        "'''A module.'''\nimport json",
        "__all__ = ['b', 'a']\na = b = 1",
        "__all__ = ['a', 'a']\na = 1",
        "__all__ = ['a2', 'a10', 'A', 'AB']\na2 = a10 = A = AB = 1",
        "__all__ = ['_a']\n_a = 1",
        "__all__ = ['a']\ndef __getattr__(name): return 1",
    ],
)
def test_a_wrong_list_is_seen(text: str, tmp_path: Path) -> None:
    assert len(list(misprints(fake(text, tmp_path)))) == 1


def test_a_name_that_does_not_exist_is_seen(tmp_path: Path) -> None:
    told = list(misprints(fake("__all__ = ['a']", tmp_path)))
    assert told == ["fake.__all__ lists a, which does not exist", "dir(fake) lacks a"]


@pytest.mark.parametrize(
    "text",
    [
        "__all__ = ['AB', 'A', 'B', 'a2', 'a10']\nAB = A = B = a2 = a10 = 1",
        "__all__ = ['a']\ndef __getattr__(name): return 1\ndef __dir__(): return ['a']",
        "'''Nothing yet.'''",
    ],
)
def test_a_right_list_passes(text: str, tmp_path: Path) -> None:
    assert list(misprints(fake(text, tmp_path))) == []


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("def a(): pass", "fake.a"),
        ("class a: pass", "fake.a"),
        ("class a(ValueError): pass", "fake.a"),
        ("from dataclasses import dataclass\n@dataclass\nclass a:\n    b: int", "fake.a"),
        ("class a:\n    '''A class.'''\n    def b(self): pass", "fake.a.b"),
        ("class a:\n    '''A class.'''\n    @property\n    def b(self): pass", "fake.a.b"),
        ("a = 1", "fake.a"),
        ("a = 1\n# A number.", "fake.a"),
    ],
)
def test_a_name_without_a_word_is_seen(text: str, told: str, tmp_path: Path) -> None:
    module = fake(f"__all__ = ['a']\n{text}", tmp_path)
    assert list(undescribed(module, assigned(tmp_path / "fake.py"))) == [told]


@pytest.mark.parametrize(
    "text",
    [
        "def a():\n    '''A function.'''",
        "class b:\n    def c(self):\n        '''Does it.'''\nclass a(b):\n    '''A class.'''\n    def c(self): pass",
        "class a:\n    '''A class.'''\n    def _b(self): pass",
        "a = 1\n'''A number.'''",
        "a: int = 1\n'''A number.'''",
        "#: A number.\na = 1",
    ],
)
def test_a_name_with_a_word_passes(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = fake(f"__all__ = ['a']\n{text}", tmp_path)
    monkeypatch.setitem(sys.modules, "fake", module)  # where `inspect` finds the class that a method belongs to
    assert list(undescribed(module, assigned(tmp_path / "fake.py"))) == []


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("import httpx", "httpx"),
        ("import socket; socket.socket().close()", "socket.__new__"),
        ("open('/dev/null').close()", "open"),
        ("import threading; threading.Thread(target=input, daemon=True).start()", "Thread-1"),
        ("import nowhere", "ModuleNotFoundError"),
    ],
)
def test_an_effect_of_importing_is_seen(statement: str, told: str) -> None:
    assert told in effects(statement)
