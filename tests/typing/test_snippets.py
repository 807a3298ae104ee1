"""What a user copies from the pages type-checks: each page's snippets, in order, as the body of an async function."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from textwrap import indent

from tests.test_docs import blocks
from tests.test_layers import ROOT

PAGES = ("configuration", "quickstart", "reliability", "structured-output", "testing", "tools", "writing-an-adapter")


def checked(page: str, folder: Path) -> str:
    """Write the snippets of a page into a module; what it is called."""
    code = [block.text for block in blocks(page) if block.language == "python" and not block.remark]
    text = "async def main() -> None:\n" + indent("\n".join(code), "    ") + "\n"
    path = folder / f"page_{len(list(folder.iterdir()))}.py"
    path.write_text(text)
    return path.name


def errors_of(pages: list[str], tmp_path: Path) -> list[str]:
    """What mypy finds wrong in the snippets of these pages, and nothing of what they import."""
    # An editable install is an import hook, which mypy does not run: the rooms laid out as the package.
    package = tmp_path / "links" / "tidewire"
    package.mkdir(parents=True)
    for path in [*(ROOT / "runtime").iterdir(), ROOT / "events", ROOT / "adapters"]:
        (package / path.name).symlink_to(path)
    folder = tmp_path / "pages"
    folder.mkdir()
    names = [checked(page, folder) for page in pages]
    settings = tmp_path / "mypy.ini"
    settings.write_text(
        f"[mypy]\nmypy_path = {package.parent}\ncheck_untyped_defs = True\n[mypy-tidewire.*]\nignore_errors = True\n"
    )
    command = [sys.executable, "-m", "mypy", "--config-file", str(settings), "--cache-dir", str(tmp_path / "cache")]
    done = subprocess.run([*command, *names], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return [line for line in done.stdout.splitlines() if ": error:" in line]


def test_the_snippets_of_the_pages_type_check(tmp_path: Path) -> None:
    wrong = "```python\nfrom tidewire import init_chat_model\n\ninit_chat_model(5)\n```\n"
    found = errors_of([*((ROOT / f"docs/{page}.md").read_text() for page in PAGES), wrong], tmp_path)
    assert [line for line in found if not line.startswith(f"page_{len(PAGES)}.py")] == []
    assert len(found) == 1  # the check can fail
