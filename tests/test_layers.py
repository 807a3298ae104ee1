"""Imports go one way: runtime to adapters to events, without cycles, at the top of the file.

The modules are read, not run, so what stands under ``TYPE_CHECKING`` or in a function counts like the rest.
"""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# From the lowest room to the highest: a room imports itself and those before it.
ROOMS = {"events": "tidewire.events", "adapters": "tidewire.adapters", "runtime": "tidewire"}

# These load what a call turns out to need; everybody else imports tidewire's modules at the top.
LOADERS = {
    "tidewire", "tidewire.adapters.registry", "tidewire.adapters.transports", "tidewire.call", "tidewire.chat_models",
    "tidewire.cli", "tidewire.construct", "tidewire.model",
}  # fmt: skip

# What may be imported late, because a user may not have it or `import tidewire` shall not load it.
LATE = {
    "aiohttp", "botocore", "certifi", "email", "google", "httpx", "httpx2", "importlib", "mcp",
    "opentelemetry", "pydantic", "structlog", "trio",
}  # fmt: skip

# What a dependency brings as a part of its own interface: aiohttp takes URLs as yarl has them, httpx trusts certifi.
BROUGHT = {"yarl", "certifi"}

# Third-party names that live in one file (or one package) each: the start of the import, then where it may stand.
AT_HOME = [
    ("aiohttp", "tidewire.adapters.aiohttp_transport"),
    ("aiohttp.web", "tidewire.adapters.simulator"),
    ("botocore", "tidewire.adapters.aws_credentials"),
    ("google", "tidewire.adapters.google_vertexai"),
    ("httpx", "tidewire.adapters.httpx_transport"),
    ("httpx2", "tidewire.adapters.httpx_transport"),
    ("langchain_core", "tidewire.langchain"),
    ("mcp", "tidewire.mcp_tools"),
    ("opentelemetry", "tidewire.events.otel"),
    ("pydantic", "tidewire.pydantic_types"),
    ("pydantic", "tidewire.langchain"),  # LangChain's models are pydantic's
    ("structlog", "tidewire.events.logging"),
]

# A package that nothing else imports and that is nothing without an extra, and what the extra brings.
OF_EXTRAS = {"tidewire.langchain": {"langchain_core", "pydantic"}}


# Stands for the module where a call imports one whose name is made at run time.
COMPUTED = "?"


@dataclass
class Import:
    """One imported name.

    ``guarded`` is what does not stand plainly at the top: under ``TYPE_CHECKING``, in a ``try``, in a function.
    ``late`` is what stands in a function (or a class).
    """

    line: int
    module: str
    name: str | None
    guarded: bool
    late: bool

    @property
    def package(self) -> str:
        """The first part, which is what is installed."""
        return self.module.partition(".")[0]

    @property
    def dotted(self) -> str:
        """Module and name, as one would write them in full."""
        return f"{self.module}.{self.name}" if self.name else self.module


@dataclass
class Module:
    """A file of a room, with what it imports."""

    name: str
    path: str
    room: int
    imports: list[Import] = field(default_factory=list[Import])


def read_rooms(root: Path) -> dict[str, Module]:
    """Every module of the rooms below this folder, by its import name."""
    modules: dict[str, Module] = {}
    for room, (folder, package) in enumerate(ROOMS.items()):
        for path in sorted((root / folder).rglob("*.py")):
            parts = [package, *path.relative_to(root / folder).with_suffix("").parts]
            name = ".".join(parts).removesuffix(".__init__")
            modules[name] = Module(name, str(path.relative_to(root)), room, list(imports(ast.parse(path.read_bytes()))))
    return modules


def imports(node: ast.AST, late: bool = False) -> Iterator[Import]:
    """What is imported in this part of a file, by a statement or by a call with the name in a string."""
    guarded = not isinstance(node, ast.Module)
    for child in ast.iter_child_nodes(node):
        match child:
            case ast.Import():
                for alias in child.names:
                    yield Import(child.lineno, alias.name, None, guarded, late)
            case ast.ImportFrom(module=module):
                for alias in child.names:
                    # ruff refuses relative imports; one that slipped through is shown here, as an unknown package.
                    yield Import(child.lineno, "." * child.level + (module or ""), alias.name, guarded, late)
            case ast.Call(
                func=ast.Name("import_module" | "__import__") | ast.Attribute(attr="import_module"),
                args=[argument, *_],
            ):
                name = argument.value if isinstance(argument, ast.Constant) else COMPUTED
                yield Import(child.lineno, str(name), None, True, True)
            case _:
                pass
        inside = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef)
        yield from imports(child, late or inside)


def is_ours(imported: Import) -> bool:
    """Whether it is known to be a module of tidewire."""
    return imported.package == "tidewire"


def target(imported: Import, modules: dict[str, Module]) -> str:
    """The module that is meant: the one of that full name, else the one (or the ``__init__``) that holds the name."""
    return imported.dotted if imported.dotted in modules else imported.module


def room_of(name: str) -> int:
    """The number of the room that a module of tidewire belongs to, whether or not the module exists."""
    for room, package in enumerate(ROOMS.values()):
        if name == package or name.startswith(package + "."):
            return room
    raise ValueError(name)


def climbing(modules: dict[str, Module]) -> list[str]:
    """Imports of a higher room."""
    return [
        f"{module.path}:{imported.line} imports {imported.dotted} of a higher room"
        for module in modules.values()
        for imported in module.imports
        if is_ours(imported) and room_of(target(imported, modules)) > module.room
    ]


def cycles(modules: dict[str, Module]) -> list[str]:
    """The first cycle, if there is one. A package has an edge to each of its modules, written or not."""
    graph: dict[str, set[str]] = {name: set() for name in modules}
    for name, module in modules.items():
        package = name.rpartition(".")[0]
        if package in modules:
            graph[package].add(name)
        for imported in module.imports:
            if is_ours(imported) and target(imported, modules) in modules:
                graph[name].add(target(imported, modules))
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        # It names each module before the one that imports it.
        return [" imports ".join(reversed(error.args[1]))]
    return []


def late(modules: dict[str, Module]) -> list[str]:
    """Imports in functions, but for those with a reason."""
    return [
        f"{module.path}:{imported.line} imports {imported.dotted} inside a function"
        for module in modules.values()
        for imported in module.imports
        if imported.late
        and imported.package not in LATE
        and not (imported.package in ("tidewire", COMPUTED) and module.name in LOADERS)
    ]


def undeclared(modules: dict[str, Module], dependencies: set[str]) -> list[str]:
    """Imports of packages that an installation of tidewire does not bring, where they cannot be done without."""
    known = dependencies | BROUGHT | sys.stdlib_module_names | {"tidewire", COMPUTED}
    return [
        f"{module.path}:{imported.line} imports {imported.dotted}, which is not a dependency"
        for module in modules.values()
        for imported in module.imports
        if imported.package not in known
        and not (imported.guarded and imported.package in LATE)
        and imported.package not in brought_to(module.name)
    ]


def brought_to(name: str) -> set[str]:
    """What the extra brings that this module belongs to, if it belongs to one."""
    return {package for home, brought in OF_EXTRAS.items() if f"{name}.".startswith(f"{home}.") for package in brought}


def leaning(modules: dict[str, Module]) -> list[str]:
    """Imports of a package that is an extra's, from outside of it."""
    return [
        f"{module.path}:{imported.line} imports {imported.dotted}, which is there with an extra only"
        for module in modules.values()
        for imported in module.imports
        if brought_to(imported.dotted) and not brought_to(module.name)
    ]


def strangers(modules: dict[str, Module]) -> list[str]:
    """Third-party names outside the file that translates them."""

    def at_home(module: Module, imported: Import) -> bool:
        return any(
            imported.dotted.startswith(start) and f"{module.name}.".startswith(f"{home}.") for start, home in AT_HOME
        )

    kept = {start.partition(".")[0] for start, _ in AT_HOME}
    return [
        f"{module.path}:{imported.line} imports {imported.dotted}, which has a file of its own"
        for module in modules.values()
        for imported in module.imports
        if imported.package in kept and not at_home(module, imported)
    ]


@pytest.fixture(scope="module")
def modules() -> dict[str, Module]:
    return read_rooms(ROOT)


def dependencies() -> set[str]:
    """The import names of the core dependencies, which are all called as they are installed."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return {requirement.partition(">")[0] for requirement in project["dependencies"]}


def test_the_rooms_are_found(modules: dict[str, Module]) -> None:
    assert {"tidewire", "tidewire.adapters", "tidewire.events"} <= modules.keys()


def test_imports_go_down(modules: dict[str, Module]) -> None:
    assert climbing(modules) == []


def test_imports_make_no_cycle(modules: dict[str, Module]) -> None:
    assert cycles(modules) == []


def test_imports_stand_at_the_top(modules: dict[str, Module]) -> None:
    assert late(modules) == []


def test_imports_are_declared(modules: dict[str, Module]) -> None:
    assert undeclared(modules, dependencies()) == []


def test_packages_of_an_extra_are_imported_by_users_only(modules: dict[str, Module]) -> None:
    assert leaning(modules) == []


def test_clients_and_observers_stay_in_their_files(modules: dict[str, Module]) -> None:
    assert strangers(modules) == []


# The checks can fail. Each gets a small tree: the text of a file by its path.


def rooms(root: Path, files: dict[str, str]) -> dict[str, Module]:
    for folder in ROOMS:
        files.setdefault(f"{folder}/__init__.py", "")
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return read_rooms(root)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("events/bus.py", "import tidewire.adapters.sse"),
        ("events/bus.py", "from tidewire import adapters"),
        ("events/bus.py", "from tidewire import init_chat_model"),
        ("adapters/sse.py", "from tidewire.call import Call"),
        ("adapters/deep/down.py", "import tidewire"),
        ("events/bus.py", "if TYPE_CHECKING:\n    from tidewire.adapters import spec"),
        ("events/bus.py", "def late():\n    import tidewire.call"),
        ("events/bus.py", "import_module('tidewire.adapters.sse')"),
    ],
)
def test_an_import_of_a_higher_room_is_seen(tmp_path: Path, path: str, text: str) -> None:
    assert len(climbing(rooms(tmp_path, {path: text}))) == 1


def test_imports_of_lower_rooms_are_allowed(tmp_path: Path) -> None:
    files = {
        "events/bus.py": "import anyio\nfrom tidewire.events import types",
        "events/types.py": "",
        "adapters/sse.py": "from tidewire.events.bus import Bus",
        "runtime/call.py": "import tidewire.adapters.sse\nfrom tidewire.events import bus",
        "runtime/__init__.py": "from tidewire.call import Call",
    }
    modules = rooms(tmp_path, files)
    assert climbing(modules) == cycles(modules) == late(modules) == undeclared(modules, {"anyio"}) == []


@pytest.mark.parametrize(
    "files",
    [
        {"events/a.py": "import tidewire.events.b", "events/b.py": "import tidewire.events.a"},
        {"events/a.py": "from tidewire.events import b", "events/b.py": "from tidewire.events.a import A"},
        {
            "events/a.py": "import tidewire.events.b",
            "events/b.py": "import tidewire.events.c",
            "events/c.py": "if TYPE_CHECKING:\n    from tidewire.events.a import A",
        },
        # A module that imports from its own package, whether or not the package imports the module.
        {"events/a.py": "from tidewire.events import A", "events/__init__.py": "from tidewire.events.a import A"},
        {"adapters/a.py": "from tidewire.adapters import A"},
        {"runtime/a.py": "from tidewire import A"},
        {"runtime/a.py": "def late():\n    import tidewire"},
    ],
)
def test_a_cycle_is_seen(tmp_path: Path, files: dict[str, str]) -> None:
    assert len(cycles(rooms(tmp_path, files))) == 1


def test_a_cycle_is_told_in_the_order_of_its_imports(tmp_path: Path) -> None:
    files = {
        "events/a.py": "import tidewire.events.b",
        "events/b.py": "import tidewire.events.c",
        "events/c.py": "import tidewire.events.a",
    }
    (told,) = cycles(rooms(tmp_path, files))
    assert "tidewire.events.a imports tidewire.events.b" in told
    assert "tidewire.events.a imports tidewire.events.c" not in told


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("events/bus.py", "def f():\n    import json"),
        (
            "events/bus.py",
            "class A:\n    async def f(self):\n        if True:\n            from tidewire.events import types",
        ),
        ("events/bus.py", "class A:\n    import json"),
        ("adapters/spec.py", "def f():\n    importlib.import_module('tidewire.adapters.sse')"),
        ("runtime/stream.py", "importlib.import_module(name)"),
        ("runtime/cli.py", "def f():\n    import json"),
    ],
)
def test_a_late_import_is_seen(tmp_path: Path, path: str, text: str) -> None:
    assert len(late(rooms(tmp_path, {path: text}))) == 1


def test_late_imports_with_a_reason_are_allowed(tmp_path: Path) -> None:
    files = {
        "runtime/__init__.py": "def __getattr__(name):\n    return import_module(names[name])",
        "runtime/cli.py": "def main():\n    from tidewire.demo import run",
        "adapters/registry.py": "def load(name):\n    return import_module(f'tidewire.adapters.{name}')",
        "events/otel.py": "def subscriber():\n    from opentelemetry import trace",
        "events/bus.py": "if TYPE_CHECKING:\n    import json\ntry:\n    import anyio\nexcept ImportError:\n    pass",
    }
    modules = rooms(tmp_path, files)
    assert late(modules) == climbing(modules) == cycles(modules) == undeclared(modules, {"anyio"}) == []


@pytest.mark.parametrize(
    "text",
    [
        "import requests",
        "from requests import get",
        "import trio",
        "if TYPE_CHECKING:\n    import requests",
        "def f():\n    import requests",
        "from . import bus",
    ],
)
def test_an_undeclared_package_is_seen(tmp_path: Path, text: str) -> None:
    assert len(undeclared(rooms(tmp_path, {"runtime/call.py": text}), {"anyio"})) == 1


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("adapters/registry.py", "import httpx"),
        ("adapters/registry.py", "import httpx2"),
        ("adapters/httpx_transport_2.py", "import httpx"),
        ("adapters/httpx_transport.py", "import aiohttp"),
        ("runtime/call.py", "if TYPE_CHECKING:\n    from aiohttp import ClientSession"),
        ("adapters/simulator/server.py", "from aiohttp import ClientSession"),
        ("events/bus.py", "def f():\n    import structlog"),
        ("events/logging.py", "def f():\n    from opentelemetry import trace"),
    ],
)
def test_a_stranger_is_seen(tmp_path: Path, path: str, text: str) -> None:
    assert len(strangers(rooms(tmp_path, {path: text}))) == 1


def test_optional_packages_are_allowed_where_they_can_be_missing(tmp_path: Path) -> None:
    files = {
        "adapters/httpx_transport.py": "try:\n    import httpx2\nexcept ImportError:\n    pass",
        "events/otel.py": "if TYPE_CHECKING:\n    from opentelemetry import trace",
        "runtime/call.py": "def f():\n    import trio",
    }
    assert undeclared(rooms(tmp_path, files), set()) == []


def test_an_extra_brings_packages_to_its_own_files(tmp_path: Path) -> None:
    files = {
        "runtime/langchain/__init__.py": "from tidewire.langchain.deep import A",
        "runtime/langchain/deep.py": "import langchain_core\nimport pydantic",
    }
    modules = rooms(tmp_path, files)
    assert undeclared(modules, set()) == leaning(modules) == strangers(modules) == []


def test_a_package_of_an_extra_is_missed_elsewhere(tmp_path: Path) -> None:
    files = {"runtime/call.py": "import langchain_core\nfrom tidewire.langchain import as_chat_model"}
    modules = rooms(tmp_path, files)
    assert len(undeclared(modules, set())) == len(leaning(modules)) == len(strangers(modules)) == 1


def test_strangers_are_at_home_in_their_files(tmp_path: Path) -> None:
    files = {
        "adapters/aiohttp_transport.py": "import aiohttp",
        "adapters/httpx_transport.py": "import httpx\nimport httpx2",
        "adapters/simulator/server.py": "from aiohttp import web",
        "events/logging.py": "def f():\n    import structlog",
        "events/otel.py": "def f():\n    from opentelemetry import trace",
    }
    assert strangers(rooms(tmp_path, files)) == []


def test_the_page_on_architecture_names_files_that_are_there() -> None:
    named = re.findall(r"`((?:events|adapters|runtime)/[\w/.]*)`", (ROOT / "docs/architecture.md").read_text())
    assert len(named) > 50
    assert [path for path in named if not (ROOT / path).exists()] == []
