"""The demo and the command line, as one starts them."""

from __future__ import annotations

import io
import os
import subprocess
import sys

import pytest

from tidewire.cli import main
from tidewire.demo_screen import Screen


def test_the_demo_shows_a_streamed_conversation_a_batch_and_a_table() -> None:
    shown = subprocess.run(
        [sys.executable, "-W", "error", "-m", "tidewire", "demo"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert shown.stderr == ""
    lines = shown.stdout.splitlines()
    assert any(line.strip().startswith("thinking ") for line in lines)
    assert any('get_weather({"city": "Lisbon"' in line and line.endswith(")") for line in lines)
    assert any(line.strip().startswith("get_weather Lisbon: light rain") for line in lines)
    assert any("Yes. It says:" in line for line in lines)
    assert any("16/16" in line for line in lines)
    table = lines[lines.index("What it took (heard on the bus)") :]
    assert [line.split()[0] for line in table[2:]] == ["call", "question", "answer", "batch", "all"]


def test_a_model_without_a_key_is_told_in_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    assert main(["demo", "--model", "openai:gpt-5-nano"]) == 1
    assert "OPENAI_API_KEY" in capsys.readouterr().err.splitlines()[-1]


def test_an_unknown_command_says_what_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["fly"])
    assert left.value.code == 2
    assert "simulate" in capsys.readouterr().err


def test_a_terminal_gets_colours_and_a_bar_that_moves_and_a_file_does_not() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    def draw(out: io.StringIO) -> str:
        screen = Screen(out)
        screen.headline("title")
        screen.piece("thinking", "a")
        screen.piece("model", "b")
        screen.said("you", "c")
        screen.progress(1, 2, "one" + os.linesep + "two")
        screen.progress(2, 2, "")
        screen.end_progress()
        screen.table(("name", "what", "n"), [("x", "y", "10")])
        return out.getvalue()

    plain, coloured = draw(io.StringIO()), draw(Terminal())
    assert "\x1b" not in plain
    assert plain.count("\n") > coloured.count("\n")
    assert "\r\x1b[2K" in coloured
    assert "name  what   n" in plain
