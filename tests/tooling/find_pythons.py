"""Prints the further Pythons that tidewire supports and this machine has, one ``version=path`` a line.

The minor version of the interpreter that runs this file is left out: the tests have run on it.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from shutil import which

SUPPORTED = ("3.11", "3.12", "3.13")


def candidates(version: str) -> Iterator[Path]:
    """Where a Python of this version may lie: on the path, else among pyenv's versions, activated or not."""
    for folder in os.get_exec_path():
        if found := which(f"python{version}", path=folder):
            yield Path(found)
    if which("pyenv"):
        root = subprocess.run(["pyenv", "root"], capture_output=True, text=True, check=True).stdout.strip()
        yield from sorted(Path(root, "versions").glob(f"{version}.*/bin/python{version}"), reverse=True)


def runs(python: Path, version: str) -> bool:
    """Whether it starts and is of that version. pyenv's shims do not start unless their version is activated."""
    script = "import sys; print('%d.%d' % sys.version_info[:2])"
    answer = subprocess.run([python, "-c", script], capture_output=True, text=True, check=False)
    return answer.stdout.strip() == version


if __name__ == "__main__":
    here = f"{sys.version_info.major}.{sys.version_info.minor}"
    for version in SUPPORTED:
        python = next((python for python in candidates(version) if runs(python, version)), None)
        if version != here and python is not None:
            print(f"{version}={python}")
