"""Another package adds a provider of which nothing here knows: the example of the docs, built, installed and used."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.test_docs import blocks
from tests.test_layers import ROOT

PAGE = (ROOT / "docs" / "writing-an-adapter.md").read_text()

BUILD = """
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"

[tool.setuptools]
py-modules = ["tidewire_parrot"]
"""

#: What each program below begins with.
SETTING = """
from tidewire import init_chat_model
from tidewire.adapters.registry import find_adapter, provider_names
from tidewire.adapters.replay_transport import ReplayTransport
from tidewire.errors import ConfigurationError

REPLY = b'{"word": "Because "}\\n{"word": "they can."}\\n{"end": "stop", "heard": 5, "spoken": 2}\\n'
"""

#: The package's own test file.
PROOF = f"""
{SETTING}
from tidewire.adapters.conformance import Recording, conformance_tests
from tidewire.events import Usage
from tidewire_parrot import ADAPTER

recordings = [Recording(name="two words", body=REPLY, text=TEXT, usage=Usage(5, 2, 7))]
tests = conformance_tests(ADAPTER, init_chat_model, model="grey-1", recordings=recordings, effort=10)
globals().update(tests)
"""


def module_of_the_page() -> str:
    """The snippets of the page down to the one that makes the adapter."""
    code: list[str] = []
    for block in blocks(PAGE):
        if block.language == "python":
            code.append(block.text)
            if "ADAPTER = Adapter(" in block.text:
                return "\n\n".join(code)
    raise AssertionError("no snippet makes the adapter")


def project_of_the_page() -> str:
    """The part of a ``pyproject.toml`` that the page shows."""
    (text,) = (block.text for block in blocks(PAGE) if block.language == "toml")
    return text


def run(*command: str | Path, path: Path, cwd: Path) -> tuple[int, str]:
    """The exit status of a command and what it prints, with the packages in this folder installed besides."""
    environment = {**os.environ, "PYTHONPATH": str(path), "PYTHONDONTWRITEBYTECODE": "1"}
    environment.pop("PARROT_API_KEY", None)
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the package is installed, built from its source without a network."""
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("packages")
    (source / "pyproject.toml").write_text(project_of_the_page() + BUILD)
    (source / "tidewire_parrot.py").write_text(module_of_the_page())
    pip = (sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--no-build-isolation")
    status, printed = run(*pip, "--target", target, source, path=source, cwd=source)
    assert status == 0, printed
    return target


def printed_by(program: str, packages: Path, cwd: Path) -> str:
    """What a program prints where the package is installed."""
    status, printed = run(sys.executable, "-c", SETTING + program, path=packages, cwd=cwd)
    assert status == 0, printed
    return printed.strip()


def test_an_installed_provider_is_found_by_its_name(packages: Path, tmp_path: Path) -> None:
    program = """
model = init_chat_model("parrot:grey-1", api_key="any", transport=ReplayTransport(REPLY, cuts="byte"), volume=11)
answer = model.invoke("Why do parrots talk?")
print(answer.text, answer.response_metadata["model_provider"], model)
print("".join(chunk.text for chunk in init_chat_model(
    "grey-1", model_provider="Parrot", api_key="any", transport=ReplayTransport(REPLY)).stream("Why?")))
print("parrot" in provider_names())
"""
    assert printed_by(program, packages, tmp_path).splitlines() == [
        "Because they can. parrot ChatModel(parrot:grey-1)",
        "Because they can.",
        "True",
    ]


def test_it_is_not_loaded_before_it_is_used(packages: Path, tmp_path: Path) -> None:
    program = """
import sys
init_chat_model("openai:gpt-5-nano")
provider_names()
print("tidewire_parrot" in sys.modules)
find_adapter("parrot")
print("tidewire_parrot" in sys.modules)
"""
    assert printed_by(program, packages, tmp_path).split() == ["False", "True"]


def test_a_missing_key_and_a_misspelt_name_or_parameter_are_told_as_for_any_provider(
    packages: Path, tmp_path: Path
) -> None:
    program = """
def told(make):
    try:
        make()
    except ConfigurationError as error:
        print(error)

told(lambda: init_chat_model("parott:grey-1"))
told(lambda: init_chat_model("grey-1", model_provider="parott"))
told(lambda: init_chat_model("parrot:grey-1", volum=3))
told(lambda: init_chat_model("parrot:grey-1", transport=ReplayTransport(REPLY)).invoke("hi"))
"""
    near, apart, parameter, key = printed_by(program, packages, tmp_path).splitlines()
    assert near == apart == "there is no provider 'parott'; did you mean 'parrot'?"
    assert parameter.startswith("parrot has no parameter 'volum'; did you mean 'volume'?")
    assert key == "no API key for parrot: pass api_key=…, or set the environment variable PARROT_API_KEY"


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("tidewire_gone:ADAPTER", "which raised ModuleNotFoundError: No module named 'tidewire_gone'"),
        ("tidewire_parrot:ADAPTOR", "which raised AttributeError: module 'tidewire_parrot' has no attribute 'ADAPTOR'"),
        ("tidewire_broken:ADAPTER", "which raised ZeroDivisionError: division by zero"),
        ("not a reference", "which raised "),
        ("tidewire_parrot:ROLES", "which is a dict, not an Adapter"),
    ],
)
def test_a_provider_that_cannot_be_loaded_names_its_package_and_harms_no_other(
    value: str, told: str, packages: Path, tmp_path: Path
) -> None:
    (tmp_path / "tidewire_broken.py").write_text("1 / 0")
    information = tmp_path / "tidewire_broken-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: tidewire-broken\nVersion: 1.0\n")
    (information / "entry_points.txt").write_text(f"[tidewire.adapters]\nbroken = {value}\n")
    program = """
print("broken" in provider_names())
try:
    init_chat_model("broken:x")
except ConfigurationError as error:
    print(error)
for name in ("parrot", "openai", "groq"):
    print(find_adapter(name).provider)
"""
    # The broken package lies where the program runs, which is on its path too.
    listed, error, *others = printed_by(program, packages, tmp_path).splitlines()
    assert (listed, others) == ("True", ["parrot", "openai", "groq"])
    assert error.startswith("provider 'broken' cannot be ")
    assert f"the package 'tidewire-broken' registers it as {value!r}, {told}" in error


def test_pytest_collects_the_conformance_tests_of_the_package(packages: Path, tmp_path: Path) -> None:
    test = tmp_path / "test_parrot.py"
    test.write_text(PROOF.replace("TEXT", "'Because they can.'"))
    pytest_alone = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", tmp_path)
    status, printed = run(*pytest_alone, test, path=packages, cwd=tmp_path)
    assert status == 0, printed
    test.write_text(PROOF.replace("TEXT", "'Because they may.'"))
    status, printed = run(*pytest_alone, test, path=packages, cwd=tmp_path)
    assert status == 1, printed
    assert "FAILED test_parrot.py::test_a_reply_is_read_as_declared[two words]" in printed
    assert "text: declared 'Because they may.', found 'Because they can.'" in printed


def test_the_suite_needs_no_pytest(packages: Path, tmp_path: Path) -> None:
    program = "import sys; sys.modules['pytest'] = sys.modules['hypothesis'] = None\n"
    proof = PROOF.replace("TEXT", "'Because they can.'") + "for test in tests.values(): test()\nprint(len(tests) > 100)"
    assert printed_by(program + proof, packages, tmp_path) == "True"
