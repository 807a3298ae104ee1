"""The environments that ``peer_environments.sh`` makes for the libraries beside tidewire, and their sizes."""

from __future__ import annotations

import sys
from pathlib import Path

_ENVIRONMENTS = Path(__file__).resolve().parent / ".envs"
_PEERS = ("openai", "anthropic", "langchain-openai", "langchain-anthropic", "litellm", "pydantic-ai")
# What an environment has before anything is installed.
_OWN = ("pip", "setuptools", "wheel", "_distutils_hack", "distutils-precedence")


def peer_pythons() -> dict[str, str]:
    """The interpreters of those libraries that were installed, by name."""
    return {
        name: str(_ENVIRONMENTS / name / "bin" / "python")
        for name in _PEERS
        if (_ENVIRONMENTS / name / ".made").exists()
    }


def python_of(contestant: str) -> str:
    """The interpreter that a contestant runs under."""
    return peer_pythons().get(contestant, sys.executable)


def sizes() -> list[tuple[str, float, int]]:
    """What is installed with each library: its name, megabytes, distributions."""
    found: list[tuple[str, float, int]] = []
    for marker in sorted(_ENVIRONMENTS.glob("*/.made")):
        for packages in marker.parent.glob("lib/python*/site-packages"):
            own = [path for path in packages.iterdir() if not path.name.startswith(_OWN)]
            files = [file for path in own for file in ([path] if path.is_file() else path.rglob("*"))]
            # Compiled Python is left out: pip compiles, other installers do not.
            size = sum(file.stat().st_size for file in files if file.is_file() and file.suffix != ".pyc")
            found.append((marker.parent.name, size / 1e6, sum(path.suffix == ".dist-info" for path in own)))
    return found


__all__ = ["peer_pythons", "python_of", "sizes"]
