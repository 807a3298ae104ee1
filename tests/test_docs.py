"""The README, the pages of ``docs/`` and the examples in docstrings are true: code runs, links lead somewhere.

The ``python`` blocks of a page run in order in one namespace, each under asyncio if it awaits at its top. A comment
on the line before a block says what else holds of it::

    <!-- not run: why -->   the python block below is compiled only
    <!-- prints -->         the text block below is what the python block before it prints
"""

import ast
import asyncio
import doctest
import importlib
import inspect
import re
import sys
from collections.abc import Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from textwrap import dedent
from types import CodeType, ModuleType

import pytest

from tests.test_layers import ROOT, read_rooms

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
LINKED_PAGES = [*PAGES, ROOT / "CHANGELOG.md"]
WITH_EXAMPLES = [name for name, module in read_rooms(ROOT).items() if ">>>" in (ROOT / module.path).read_text()]


def page_name(page: Path) -> str:
    return str(page.relative_to(ROOT))


@dataclass
class Block:
    """A fenced block: its language, its text, the line the text starts on, the comment before it."""

    language: str
    text: str
    line: int
    remark: str


class PageError(Exception):
    """A page is not written as it has to be. Says the line."""


def blocks(page: str) -> Iterator[Block]:
    """The fenced blocks of a page, in order."""
    lines = page.splitlines()
    remark = ""
    number = 0
    while number < len(lines):
        line = lines[number].strip()
        number += 1
        if line.startswith("```"):
            fence = line[: len(line) - len(line.lstrip("`"))]
            start = number
            while number < len(lines) and lines[number].strip() != fence:
                number += 1
            if number == len(lines):
                raise PageError(f"line {start}: the block has no end")
            language = line.removeprefix(fence).partition(" ")[0]
            yield Block(language, dedent("\n".join(lines[start:number])), start + 1, remark)
            number += 1
            remark = ""
        elif line:
            remark = line.removeprefix("<!--").removesuffix("-->").strip() if line.startswith("<!--") else ""


def run_page(page: str, name: str) -> None:
    """Run the python blocks of a page and compare what they print where the page says so.

    Raises:
        PageError: A comment or a language is not one of those above.
        AssertionError: A block prints something else.
    """
    module = ModuleType("__main__")
    printed: str | None = None
    for block in blocks(page):
        where = f"{name}, line {block.line}"
        match block.language, block.remark:
            case "python", "":
                printed = run_block(block, name, module)
            case "python", remark if re.fullmatch(r"not run: .+", remark):
                compile_block(block, name)
                printed = None
            case "text", "prints" if printed is not None:
                assert printed.rstrip() == block.text.rstrip(), f"{where}: this is not what is printed"
            case "python" | "text", remark if remark:
                raise PageError(f"{where}: {remark!r} before a {block.language} block means nothing here")
            case language, _ if language.startswith("py") and language != "python":
                raise PageError(f"{where}: write python, not {language}, or the block is not run")
            case _:
                pass


def run_block(block: Block, name: str, module: ModuleType) -> str:
    """What the block prints."""
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(StringIO()) as printed:
        # Where pickle and type hints look for what the page defines.
        patch.setitem(sys.modules, "__main__", module)
        coroutine = eval(compile_block(block, name), module.__dict__)
        if inspect.iscoroutine(coroutine):
            asyncio.run(coroutine)
    return printed.getvalue()


def compile_block(block: Block, name: str) -> CodeType:
    """The block as code whose tracebacks name the page and its lines; a coroutine's if it awaits."""
    text = "\n" * (block.line - 1) + block.text
    code: CodeType = compile(text, name, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    return code


def without_code(page: str) -> str:
    """The prose of a page: no fenced blocks, no code in backticks."""
    prose = re.sub(r"^\s*(`{3,}).*?^\s*\1\s*$", "", page, flags=re.MULTILINE | re.DOTALL)
    return re.sub(r"(`+)(?!`).+?(?<!`)\1(?!`)", "", prose)


def anchors(page: str) -> set[str]:
    """The anchors that a page's headings get, as the usual hosts make them."""
    prose = re.sub(r"^\s*(`{3,}).*?^\s*\1\s*$", "", page, flags=re.MULTILINE | re.DOTALL)
    found: set[str] = set()
    for heading in re.findall(r"^#{1,6}\s+(.+?)\s*$", prose, flags=re.MULTILINE):
        words = re.sub(r"\[(.*?)\]\(.*?\)", r"\1", heading).lower()
        slug = re.sub(r"[^\w\- ]", "", words).replace(" ", "-")
        number = 0
        while (anchor := f"{slug}-{number}" if number else slug) in found:
            number += 1
        found.add(anchor)
    return found


def broken_links(page: Path, root: Path) -> Iterator[str]:
    """The links of a page that lead nowhere. Those to other sites are not looked at."""
    prose = without_code(page.read_text())
    targets: list[str] = [
        *re.findall(r"\]\(<?([^)\s>]+)", prose),
        *re.findall(r"^\[[^\]]+\]:\s+(\S+)", prose, flags=re.MULTILINE),
        *re.findall(r"(?:href|src)=\"([^\"]+)\"", prose),
    ]
    for target in targets:
        if re.match(r"[a-z][a-z0-9+.-]*:", target):
            continue
        path, _, anchor = target.partition("#")
        aim = (page.parent / path).resolve() if path else page.resolve()
        if path.startswith("/") or not aim.is_relative_to(root.resolve()):
            yield f"{target} leads out of the repository"
        elif not aim.exists():
            yield f"{target} does not exist"
        elif anchor and anchor not in anchors(aim.read_text()):
            yield f"{target}: there is no such heading"


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_the_code_of_a_page_runs(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run_page(page.read_text(), page_name(page))


@pytest.mark.parametrize("page", LINKED_PAGES, ids=page_name)
def test_the_links_of_a_page_lead_somewhere(page: Path) -> None:
    assert list(broken_links(page, ROOT)) == []


def test_every_page_is_reached_from_the_index() -> None:
    reached: set[Path] = set()
    open_pages = [ROOT / "docs/README.md"]
    while open_pages:
        page = open_pages.pop()
        if page in reached:
            continue
        reached.add(page)
        links = (target.partition("#")[0] for target in re.findall(r"\]\(<?([^)\s>]+)", without_code(page.read_text())))
        aims = [(page.parent / link).resolve() for link in links if link.endswith(".md")]
        open_pages += [aim for aim in aims if aim in PAGES]
    assert [page_name(page) for page in PAGES if page not in reached and page.name != "README.md"] == []


def test_the_figures_of_the_readme_are_those_of_the_performance_page() -> None:
    measured = (ROOT / "docs/performance.md").read_text()
    figures = re.findall(r"(\d[\d.,]*) (?:µs|ms|times)\b", (ROOT / "README.md").read_text())
    assert figures
    assert [figure for figure in figures if not re.search(rf"(?<![\d.]){re.escape(figure)}(?![\d.])", measured)] == []


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_the_examples_in_docstrings_run(name: str) -> None:
    module = importlib.import_module(name)
    tests = [test for test in doctest.DocTestFinder(exclude_empty=True).find(module) if test.examples]
    assert tests
    assert failures(tests) == []


def failures(tests: list[doctest.DocTest]) -> list[str]:
    """What the examples that fail are called; what they print instead goes to stdout."""
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    return [test.name for test in tests if runner.run(test).failed]


# The checks can fail.


def fenced(language: str, text: str) -> str:
    return f"```{language}\n{text}\n```\n"


@pytest.mark.parametrize(
    ("page", "error"),
    [
        (fenced("python", "1 / 0"), ZeroDivisionError),
        (fenced("python", "await nothing()"), NameError),
        (fenced("python", "a = 1") + fenced("python", "assert a == 2"), AssertionError),
        ("<!-- not run: needs a key -->\n" + fenced("python", "1 +"), SyntaxError),
        ("<!-- not run -->\n" + fenced("python", "1 / 0"), PageError),
        ("<!-- not runn: typo -->\n" + fenced("python", "1 / 0"), PageError),
        (fenced("py", "1 / 0"), PageError),
        ("```python\n1 / 0\n", PageError),
        (fenced("python", "print(1)") + "<!-- prints -->\n" + fenced("text", "2"), AssertionError),
        (fenced("python", "print(1)") + "<!-- print -->\n" + fenced("text", "2"), PageError),
        ("<!-- prints -->\n" + fenced("text", "2"), PageError),
    ],
)
def test_a_false_page_is_seen(page: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        run_page(page, "page.md")


def test_a_true_page_passes(capsys: pytest.CaptureFixture[str]) -> None:
    page = (
        "# A page\n\n1. A list\n\n"
        "   ```python\n   import asyncio, pickle\n   async def one(): return 1\n   ```\n\n"
        + fenced("python", "assert await one() == 1\nprint(await one())\nprint('two  ')")
        + "\n<!-- prints -->\n\n"
        + fenced("text", "1\ntwo  \n")
        + "Not run, since there is no such thing:\n\n<!-- not run: an example of a mistake -->\n"
        + fenced("python", "1 / 0")
        + fenced("text", "anything")
        + fenced("console", "$ make")
        + fenced("python", "class A: pass\nassert type(pickle.loads(pickle.dumps(A()))) is A\nasyncio.run(one())")
    )
    run_page(page, "page.md")
    assert capsys.readouterr().out == ""


def test_an_error_names_its_line() -> None:
    with pytest.raises(ZeroDivisionError) as caught:
        run_page("\n\n" + fenced("python", "a = 1\n1 / 0"), "page.md")
    assert caught.traceback[-1].lineno == 4  # counted from 0


@pytest.mark.parametrize(
    "link",
    [
        "[a](missing.md)",
        "[a](other.md#missing)",
        "[a](#missing)",
        "[a](<missing.md>)",
        "[![a](missing.png)](other.md)",
        "[a][b]\n\n[b]: missing.md",
        '<img src="missing.png">',
        "[a](../outside.md)",
        "[a](/other.md)",
        "`code` [a](missing.md) `code`",
        "```text\n```\n[a](missing.md)\n```text\n```\n",
    ],
)
def test_a_broken_link_is_seen(link: str, tmp_path: Path) -> None:
    assert len(list(broken_links(site(tmp_path, link), tmp_path / "site"))) == 1


@pytest.mark.parametrize(
    "link",
    [
        "[a](other.md)",
        "[a](other.md#the-first-make-it-run-part-1)",
        "[a](other.md#again-1)",
        "[a](#here)\n\n## Here",
        "[a](folder/)",
        "[a](https://example.com/missing)",
        "`[a](missing.md)` and ``[`a`](missing.md)``",
        "```text\n[a](missing.md)\n```",
    ],
)
def test_a_link_that_leads_somewhere_passes(link: str, tmp_path: Path) -> None:
    assert list(broken_links(site(tmp_path, link), tmp_path / "site")) == []


def site(tmp_path: Path, text: str) -> Path:
    """A page with this text, beside others and below a folder that is not theirs."""
    (tmp_path / "site/folder").mkdir(parents=True)
    (tmp_path / "outside.md").touch()
    (tmp_path / "site/other.md").write_text("# The *first*: `make` it run (part 1)\n## Again\n## Again\n")
    page = tmp_path / "site/page.md"
    page.write_text(text)
    return page


def test_a_false_example_is_seen() -> None:
    parser = doctest.DocTestParser()
    tests = [parser.get_doctest(f">>> 1 + 1\n{answer}\n", {}, name, None, 0) for name, answer in [("a", 2), ("b", 3)]]
    assert failures(tests) == ["b"]
