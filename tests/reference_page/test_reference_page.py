"""Every snippet of the reference page runs here as a user would type it, with only its import lines changed.

The lines are changed as the table in ``docs/migrating.md`` says. Requests go to the simulator of the provider that
the snippet names; where it names none, to each of the page's providers in turn. What it gives is held against what the
page promises, see ``cases``. Whatever awaits or can be awaited runs on every event loop too.
"""

from __future__ import annotations

import ast
import importlib
import importlib.util
import re
from collections.abc import Iterator
from dataclasses import dataclass

import anyio
import pytest

from tests.conftest import BACKENDS
from tests.reference_page.cases import CASES, Case
from tests.reference_page.imports import TABLE, rewrite_imports
from tests.reference_page.page import PAGE, SNIPPETS, read_snippets
from tests.reference_page.reader import FAULTY, FILLED_IN, OUTPUT, PATHS, Reader, reading
from tests.reference_page.twin import RunAsync, run, twin_of

MISSING = f"the reference page is not at {PAGE} (TIDEWIRE_REFERENCE)"


@dataclass(frozen=True)
class Trial:
    """A snippet to run: for the model of this provider, and as the async twin on this event loop, or as it stands."""

    name: str
    provider: str | None
    backend: str | None

    def __str__(self) -> str:
        return "-".join(part for part in (self.name, self.provider, self.backend) if part)


def trials() -> Iterator[Trial]:
    for name, case in CASES.items():
        if name not in SNIPPETS:
            continue
        providers = (None,) if case.given is not None else case.providers
        awaits = "async for" in SNIPPETS[name].text
        for number, provider in enumerate(providers):
            if not awaits:
                yield Trial(name, provider, None)
            # Every loop with the first provider is enough: what is theirs and what is the loop's do not touch.
            if number == 0 and (awaits or twin_of(typed(name)) is not None):
                for backend in BACKENDS:
                    yield Trial(name, provider, backend)


def typed(name: str) -> str:
    """The snippet without its faults, to be looked at."""
    code = SNIPPETS[name].text
    for old, new in FAULTY.get(name, ("", {}))[1].items():
        code = code.replace(old, new)
    return code


@pytest.mark.skipif(not SNIPPETS, reason=MISSING)
@pytest.mark.parametrize("trial", list(trials()) or [None], ids=str)
def test_a_snippet_gives_what_the_page_promises(trial: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    case = CASES[trial.name]
    with reading(monkeypatch, case.script, recording=case.recording) as reader:
        prepare(reader, case, trial)
        code: str | ast.Module | None = reader.code_of(trial.name)
        if trial.backend is not None and "async for" not in SNIPPETS[trial.name].text:
            code = twin_of(reader.code_of(trial.name))
        assert code is not None
        ran = run(code, reader.names, name=trial.name, run_async=runner(trial.backend))
        case.check(reader, ran)
        if trial.provider is not None:
            asked = [request.path for request in reader.requests]
            assert [path for path in asked if not re.fullmatch(PATHS[trial.provider], path)] == []


def prepare(reader: Reader, case: Case, trial: Trial) -> None:
    """Give the reader what the page takes for granted at this snippet."""
    reader.know_all()
    if trial.provider is not None:
        reader.make_model(trial.provider)
    elif case.given is not None:
        exec(case.given, reader.names)
    reader.type_in(*case.after)
    reader.begin()


def runner(backend: str | None) -> RunAsync | None:
    """What runs an async function on one of the event loops; nothing if there is to be none."""
    if backend is None:
        return None
    name, options = BACKENDS[backend]
    return lambda function: anyio.run(function, backend=name, backend_options=options)


@pytest.mark.skipif(not SNIPPETS, reason=MISSING)
def test_no_snippet_of_the_page_is_left_out() -> None:
    assert list(SNIPPETS) == [name for name in SNIPPETS if (name in CASES) != (name in OUTPUT)]
    assert [name for name in (*CASES, *OUTPUT, *FILLED_IN, *FAULTY) if name not in SNIPPETS] == []


@pytest.mark.skipif(not SNIPPETS, reason=MISSING)
@pytest.mark.parametrize("name", FAULTY)
def test_a_snippet_that_is_called_faulty_is(name: str) -> None:
    with pytest.raises(SyntaxError):
        ast.parse(SNIPPETS[name].text)
    ast.parse(typed(name))


@pytest.mark.skipif(not SNIPPETS, reason=MISSING)
@pytest.mark.parametrize("name", OUTPUT)
def test_a_block_that_is_called_output_does_nothing(name: str) -> None:
    (line,) = ast.parse(SNIPPETS[name].text).body
    assert isinstance(line, ast.Expr)
    ast.literal_eval(line.value)


@pytest.mark.skipif(not SNIPPETS, reason=MISSING)
@pytest.mark.parametrize("name", [name for name in SNIPPETS if name not in OUTPUT] or [""])
def test_only_import_lines_change(name: str) -> None:
    code = typed(name)
    before = [line for line in code.splitlines() if not line.startswith(("from ", "import "))]
    after = [line for line in rewrite_imports(code).splitlines() if not line.startswith(("from ", "import "))]
    assert before == after
    assert not any("langchain" in line for line in rewrite_imports(code).splitlines() if line.startswith("from "))


def test_every_name_of_the_table_can_be_imported_from_here() -> None:
    targets = {target for names in TABLE.values() for target in names.values()}
    assert [one for one in targets if not hasattr(importlib.import_module(one.module), one.name)] == []


def test_the_names_of_the_table_are_those_that_users_import() -> None:
    looked_at = {module for module in TABLE if importlib.util.find_spec(module.partition(".")[0]) is not None}
    assert {"langchain.chat_models", "langchain.messages", "langchain_core.callbacks"} <= looked_at
    missing = [
        f"{module}.{name}"
        for module in sorted(looked_at)
        for name in TABLE[module]
        if not hasattr(importlib.import_module(module), name)
    ]
    assert missing == []


# The harness can fail.


def test_snippets_are_found_in_quotes_and_counted_under_their_heading() -> None:
    page = "# A\n> ```python\n> a = 1\n> ```\n**Tab: B**\n```python\nb\n```\n```text\n# C\n```\n```python\nc\n```\n"
    assert {name: one.text for name, one in read_snippets(page).items()} == {
        "A": "a = 1\n",
        "A / B": "b\n",
        "A / B (2)": "c\n",
    }


def test_imports_are_rewritten_name_by_name() -> None:
    code = "import os\nfrom langchain_core.tools import (\n    tool,\n    BaseTool as Base,\n)\nx = 1\n"
    assert rewrite_imports(code) == "import os\nfrom tidewire.tools import tool, BaseTool as Base\nx = 1\n"
    with pytest.raises(KeyError):
        rewrite_imports("from langchain_openai import OpenAIEmbeddings")


def test_a_twin_awaits_what_can_be_awaited() -> None:
    twin = twin_of("for a in m.stream(1):\n    b = t.invoke(a).text\ndef f(): return m.invoke(2)\n")
    assert twin is not None
    assert ast.unparse(twin) == (
        "async for a in m.astream(1):\n    b = (await t.ainvoke(a)).text\n\ndef f():\n    return m.invoke(2)"
    )
    assert twin_of("m.bind_tools([])") is None
