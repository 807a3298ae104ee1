"""The commands of ``tidewire profiles``, as they are typed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tidewire.adapters.profile_rules import RULES_FILE_NAME
from tidewire.adapters.profile_table import FILE_NAME
from tidewire.adapters.profiles import FOLDER_ENV, find_profile
from tidewire.cli import main


def test_show_gives_a_profile_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["profiles", "show", "openai:gpt-5-2025-08-07"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown == find_profile("openai", "gpt-5")
    assert list(shown) == sorted(shown)


@pytest.mark.parametrize(
    "name", ["claude-haiku-4-5", "anthropic:claude-haiku-4-5", "amazon-bedrock:amazon.nova-lite-v1:0"]
)
def test_show_takes_names_as_models_are_named_and_as_they_are_listed(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["profiles", "show", name]) == 0
    assert json.loads(capsys.readouterr().out)["max_output_tokens"] in (64_000, 8192)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("openai:gpt-5.9-nano", "nothing is known of openai:gpt-5.9-nano; did you mean gpt-5.4-nano or"),
        ("openai:zzz", "nothing is known of openai:zzz\n"),
        ("embedded:demo", "nothing is known of embedded:demo\n"),
        ("nobody:x", "cannot tell the provider of model 'nobody:x'"),
    ],
)
def test_show_tells_what_is_not_known(name: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["profiles", "show", name]) == 1
    assert said in capsys.readouterr().err


def test_list_has_a_line_for_each_model(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["profiles", "list"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 896
    assert main(["profiles", "list", "--provider", "google_genai"]) == 0
    lines = {line.split()[0]: line.split()[1:] for line in capsys.readouterr().out.splitlines()}
    assert len(lines) == 22
    assert lines["google:gemini-2.5-pro"] == [
        "1048576/65536", "audio", "image", "pdf", "text", "video", "+tools", "+reasoning", "+structured",
    ]  # fmt: skip


def test_list_tells_which_providers_are_known(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["profiles", "list", "--provider", "nobody"]) == 1
    assert "nothing is known of nobody's models; known: amazon-bedrock, anthropic, azure," in capsys.readouterr().err


def test_list_ends_quietly_when_nobody_reads_on() -> None:
    command = f"{sys.executable} -m tidewire profiles list | head -1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
    assert (len(done.stdout.splitlines()), done.stderr) == (1, "")


@pytest.fixture
def source(tmp_path: Path) -> str:
    path = tmp_path / "api.json"
    path.write_text(json.dumps({"openai": {"models": {"gpt-new": {"name": "New", "limit": {"context": 9}}}}}))
    return str(path)


def test_refresh_shows_what_changes_and_writes_it_to_the_folder(
    source: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "data"
    command = ["profiles", "refresh", "--provider", "openai", "--source", source, "--data-dir", str(folder)]
    assert main([*command, "--dry-run"]) == 0
    assert capsys.readouterr().out == "+ openai:gpt-new\nchanges: 1, not written\n"
    assert not folder.exists()
    assert main(command) == 0
    assert capsys.readouterr().out == f"+ openai:gpt-new\nchanges: 1, written to {folder / FILE_NAME}\n"
    assert main(command) == 0
    assert capsys.readouterr().out.startswith("changes: 0, written to")


def test_refresh_goes_to_the_folder_that_profiles_are_read_from(
    source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(FOLDER_ENV, str(tmp_path))
    (tmp_path / RULES_FILE_NAME).write_text("[[rule]]\nproviders = ['openai']\nset = { temperature = false }")
    assert main(["profiles", "refresh", "--provider", "openai", "--source", source]) == 0
    assert find_profile("openai", "gpt-new") == {"name": "New", "max_input_tokens": 9, "temperature": False}
    assert "written to" in capsys.readouterr().out


def test_refresh_tells_what_is_wrong(source: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["profiles", "refresh", "--source", source, "--data-dir", str(tmp_path)]
    assert main([*command, "--provider", "nobody"]) == 1
    assert "models.dev knows no provider 'nobody'; it knows openai" in capsys.readouterr().err


def test_a_command_is_needed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["profiles"])
    assert "usage: tidewire profiles" in capsys.readouterr().err
