"""What an installation gets: one package, whole, and nothing else.

Built in a copy of the files that git does not ignore, since a build leaves folders that a later one takes files from.
"""

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from tests.test_layers import ROOMS, ROOT

RUN_TIME_FILES = ("*.py", "py.typed", "data/*")


def run(*command: str | Path, cwd: Path, **environment: str) -> str:
    """What the command prints; all of it in the error if it fails."""
    done = subprocess.run(
        command, cwd=cwd, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{command} failed:\n{done.stdout}{done.stderr}"
    return done.stdout


def copy_tree(target: Path) -> Path:
    """A copy of the files that git knows or would take."""
    listed = run("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", cwd=ROOT)
    for name in listed.split("\0"):
        if name and (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, target / name)
    return target


def build(tree: Path) -> tuple[Path, Path]:
    """An sdist of the tree, and the wheel built from that sdist."""
    run(sys.executable, "-P", "-m", "build", "--no-isolation", tree, cwd=tree)
    (sdist,) = (tree / "dist").glob("*.tar.gz")
    (wheel,) = (tree / "dist").glob("*.whl")
    return sdist, wheel


def in_package(tree: Path) -> set[str]:
    """What the rooms of the tree should be in the package."""
    return {
        f"{package.replace('.', '/')}/{path.relative_to(tree / folder)}"
        for folder, package in ROOMS.items()
        for pattern in RUN_TIME_FILES
        for path in (tree / folder).rglob(pattern)
    }


def differences(expected: set[str], wheel: Path) -> list[str]:
    """What the wheel lacks and what it has too much, its own metadata aside."""
    found = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    return [*(f"lacks {name}" for name in expected - found), *(f"has {name}" for name in found - expected)]


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_tree(tmp_path_factory.mktemp("tree"))


@pytest.fixture(scope="module")
def built(tree: Path) -> tuple[Path, Path]:
    return build(tree)


def test_the_wheel_holds_the_rooms_as_one_package(tree: Path, built: tuple[Path, Path]) -> None:
    expected = in_package(tree)
    assert {"tidewire/__init__.py", "tidewire/py.typed", "tidewire/events/__init__.py"} <= expected
    assert differences(expected, built[1]) == []


def test_the_wheel_declares_one_package_and_its_licence(built: tuple[Path, Path]) -> None:
    with zipfile.ZipFile(built[1]) as wheel:
        info = {name.partition(".dist-info/")[2]: name for name in wheel.namelist()}
        assert wheel.read(info["top_level.txt"]).decode().split() == ["tidewire"]
        assert b"tidewire = tidewire.cli:main" in wheel.read(info["entry_points.txt"])
        assert b"tidewire contributors" in wheel.read(info["licenses/LICENSE"])
        assert b"\nRequires-Python: >=3.11\n" in wheel.read(info["METADATA"])


def test_the_sdist_holds_what_a_build_needs_and_no_tests(built: tuple[Path, Path]) -> None:
    with tarfile.open(built[0]) as sdist:
        folders = {name.split("/")[1] for name in sdist.getnames() if "/" in name}
    assert folders - {"PKG-INFO", "setup.cfg", "tidewire.egg-info"} == {
        *ROOMS, "LICENSE", "MANIFEST.in", "README.md", "pyproject.toml", "setup.py",
    }  # fmt: skip


def test_the_installed_package_is_imported_from_where_it_is(built: tuple[Path, Path], tmp_path: Path) -> None:
    target = tmp_path / "installed"
    pip = (sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", target, built[1])
    run(*pip, cwd=tmp_path)
    script = "import importlib, sys\nfor name in sys.argv[1:]: print(importlib.import_module(name).__file__)"
    printed = run(sys.executable, "-c", script, *ROOMS.values(), cwd=tmp_path, PYTHONPATH=str(target))
    # A room that the wheel lacked would be found as well, in the tree, by the editable install.
    assert printed.split() == [str(target.joinpath(*name.split("."), "__init__.py")) for name in ROOMS.values()]


# The checks can fail.


def test_a_forgotten_module_and_a_ghost_are_seen(tree: Path, built: tuple[Path, Path], tmp_path: Path) -> None:
    wheel = Path(shutil.copy(built[1], tmp_path))
    with zipfile.ZipFile(wheel, "a") as archive:
        archive.writestr("events/ghost.py", "")
    expected = {*in_package(tree), "tidewire/events/forgotten.py"}
    assert differences(expected, wheel) == ["lacks tidewire/events/forgotten.py", "has events/ghost.py"]


def test_a_command_that_fails_is_shown(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="what went wrong"):
        run(sys.executable, "-c", "raise SystemExit('what went wrong')", cwd=tmp_path)
