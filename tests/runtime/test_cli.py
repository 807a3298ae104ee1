"""The command line tells what it can do."""

from __future__ import annotations

import re

import pytest

from tidewire.adapters.simulator.answering import APIS
from tidewire.cli import main


def test_the_help_of_simulate_lists_every_wire_format(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["simulate", "--help"])
    assert left.value.code == 0
    listed = re.findall(r"^  ([a-z]+\.[a-z_]+) ", capsys.readouterr().out, re.MULTILINE)
    assert sorted(listed) == sorted(api.name for api in APIS)
