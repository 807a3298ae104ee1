"""The command line tells what it can do."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from tidewire import __version__
from tidewire.adapters.simulator.answering import APIS
from tidewire.cli import main


def test_the_version_is_the_one_of_the_distribution(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["--version"])
    assert left.value.code == 0
    assert capsys.readouterr().out == f"tidewire {__version__}\n"
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())
    assert project["project"]["version"] == __version__


def test_the_help_of_simulate_lists_every_wire_format(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["simulate", "--help"])
    assert left.value.code == 0
    listed = re.findall(r"^  ([a-z]+\.[a-z_]+) ", capsys.readouterr().out, re.MULTILINE)
    assert sorted(listed) == sorted(api.name for api in APIS)


def test_a_port_that_there_is_not_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["simulate", "--port", "99999"]) == 1
    assert "a port is a number from 0 to 65535, not 99999" in capsys.readouterr().err


def test_the_demo_takes_its_model_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MODEL", "opnai:x")
    assert main(["demo"]) == 1
    assert "there is no provider 'opnai'" in capsys.readouterr().err
