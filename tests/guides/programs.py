"""The programs of ``docs/guides/``, loaded as modules, or started as a user starts them."""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from tests.test_layers import ROOT

FOLDER = ROOT / "docs/guides"
#: Seconds that a program gets for what takes it a moment.
PATIENCE_S = 60.0


def load(name: str) -> Any:  # noqa: ANN401  a module that no checker knows
    """A program as a module; its ``main`` is not called."""
    spec = importlib.util.spec_from_file_location(f"guide_{name}", FOLDER / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module: ModuleType = importlib.util.module_from_spec(spec)
    sys.modules[module.__name__] = module  # where msgspec looks for what annotations name
    spec.loader.exec_module(module)
    return module


class Program:
    """A program that runs; its output is read line by line."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def read_line(self) -> str:
        """The next line of its standard output; empty when it is over."""
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def terminate(self) -> None:
        """Tell it to stop, as a process manager does."""
        self._process.send_signal(signal.SIGTERM)

    def interrupt(self) -> None:
        """Tell it to stop, as Ctrl-C does."""
        self._process.send_signal(signal.SIGINT)

    def is_over(self) -> bool:
        """Whether it has ended."""
        return self._process.poll() is not None

    def wait(self) -> int:
        """Its exit status."""
        return self._process.wait(PATIENCE_S)


@contextmanager
def started(name: str, *arguments: str, folder: Path | None = None, **environment: str) -> Generator[Program]:
    """A program, started by the command of its page; it is killed if it still runs at the end."""
    process = subprocess.Popen(
        [sys.executable, "-W", "error", str(FOLDER / f"{name}.py"), *arguments],
        stdout=subprocess.PIPE,
        text=True,
        cwd=folder,
        env={**os.environ, **environment},
    )
    with process:
        try:
            yield Program(process)
        finally:
            process.kill()
