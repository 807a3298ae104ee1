"""The file of profiles is made anew from models.dev and the rules, in one step, from a file or over HTTP."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Generator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tidewire.adapters.profile_rules import RULES_FILE_NAME
from tidewire.adapters.profile_table import FILE_NAME, Profiles, read_table, table_text
from tidewire.adapters.profiles import SHIPPED_FOLDER
from tidewire.events.errors import APIConnectionError, ConfigurationError
from tidewire.profile_store import Refresh, prepare_refresh

FACTS = {
    "openai": {
        "id": "openai",
        "models": {
            "gpt-new": {"name": "New", "tool_call": True, "limit": {"context": 10, "output": 5}},
            "gpt-5": {"name": "GPT-5", "tool_call": True, "limit": {"context": 20, "output": 5}},
        },
    },
    "other": {"models": {"m": {"name": "M"}}},
}


@pytest.fixture
def source(tmp_path: Path) -> str:
    path = tmp_path / "api.json"
    path.write_text(json.dumps(FACTS))
    return str(path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


def held(folder: Path) -> dict[str, Profiles]:
    table = read_table(folder)
    return {} if table is None else {name: table.profiles(name) for name in table.providers}


async def test_a_refresh_merges_the_facts_the_shipped_rules_and_ones_own(source: str, folder: Path) -> None:
    rules = "[[rule]]\nproviders = ['openai']\nmodels = ['gpt-5', 'gpt-mine']\nset = { tool_choice = false, x = [1] }"
    (folder / RULES_FILE_NAME).write_text(rules)
    refresh = await prepare_refresh(["openai"], source, folder)
    assert held(folder) == {}
    assert refresh.write() == folder / FILE_NAME
    assert held(folder) == {
        "openai": {
            # The shipped rules say that models of OpenAI's with tools can be told which one to call.
            "gpt-new": {
                "name": "New",
                "tool_calling": True,
                "max_input_tokens": 10,
                "max_output_tokens": 5,
                "tool_choice": True,
                "tool_call_streaming": True,
            },
            "gpt-5": {
                "name": "GPT-5",
                "tool_calling": True,
                "max_input_tokens": 20,
                "max_output_tokens": 5,
                "tool_choice": False,
                "tool_call_streaming": True,
                "x": [1],
            },
            "gpt-mine": {"tool_choice": False, "x": [1]},
        }
    }


async def test_a_refresh_tells_what_changes_and_keeps_other_providers(source: str, folder: Path) -> None:
    before: dict[str, Profiles] = {
        "openai": {"gpt-5": {"name": "GPT-5", "tool_calling": False, "max_input_tokens": 20}, "gpt-old": {}},
        "kept": {"m": {"name": "M"}},
    }
    (folder / FILE_NAME).write_bytes(table_text(before, ""))
    refresh = await prepare_refresh(["openai", "other"], source, folder)
    assert list(refresh.changes()) == [
        "~ openai:gpt-5 max_output_tokens: unknown -> 5",
        "~ openai:gpt-5 tool_call_streaming: unknown -> true",
        "~ openai:gpt-5 tool_calling: false -> true",
        "~ openai:gpt-5 tool_choice: unknown -> true",
        "+ openai:gpt-new",
        "- openai:gpt-old",
        "+ other:m",
    ]
    refresh.write()
    assert held(folder)["kept"] == before["kept"]


async def test_without_a_provider_those_of_the_file_are_refreshed(source: str, folder: Path) -> None:
    with pytest.raises(ConfigurationError, match="has no profiles yet: name the providers to fetch with --provider"):
        await prepare_refresh([], source, folder)
    (await prepare_refresh(["openai"], source, folder / "below")).write()
    folder = folder / "below"  # which is made
    again = await prepare_refresh([], source, folder)
    assert list(again.after) == ["openai"]
    assert list(again.changes()) == []


async def test_providers_go_by_tidewires_names_too(tmp_path: Path, folder: Path) -> None:
    path = tmp_path / "facts.json"
    path.write_text(json.dumps({"amazon-bedrock": {"models": {"m": {"name": "M"}}}}))
    assert list((await prepare_refresh(["bedrock_converse"], str(path), folder)).after) == ["amazon-bedrock"]


async def test_the_file_is_replaced_in_one_step_and_nothing_else_is_left(source: str, folder: Path) -> None:
    refresh = await prepare_refresh(["openai"], source, folder)
    refresh.write()
    first = (folder / FILE_NAME).stat().st_ino
    with (folder / FILE_NAME).open() as old:
        refresh.write()
        assert old.read().startswith('{"source":"models.dev"')
    assert (folder / FILE_NAME).stat().st_ino != first
    assert os.listdir(folder) == [FILE_NAME]


async def test_a_link_is_not_followed(source: str, folder: Path, tmp_path: Path) -> None:
    target = tmp_path / "target.json"
    target.write_text("mine")
    prepared = await prepare_refresh(["openai"], source, folder)
    (folder / FILE_NAME).symlink_to(target)
    (tmp_path / "link").symlink_to(folder)
    for place in (folder, tmp_path / "link"):
        with pytest.raises(ConfigurationError, match="is a symbolic link"):
            await prepare_refresh(["openai"], source, place)
    with pytest.raises(ConfigurationError, match="is a symbolic link"):
        prepared.write()
    assert target.read_text() == "mine"


async def test_what_cannot_be_read_or_written_is_told(source: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match=r"cannot read .*nowhere\.json"):
        await prepare_refresh(["openai"], str(tmp_path / "nowhere.json"), tmp_path)
    with pytest.raises(ConfigurationError, match=r"cannot write .*profiles\.json"):
        Refresh(tmp_path / "file" / "below", {}, {}, "").write()
    with pytest.raises(ConfigurationError, match="knows no provider 'nobody'"):
        await prepare_refresh(["nobody"], source, tmp_path)
    (tmp_path / RULES_FILE_NAME).write_bytes(b"\xff")
    with pytest.raises(ConfigurationError, match="cannot read the rules in"):
        await prepare_refresh(["openai"], source, tmp_path)


async def test_the_shipped_file_is_up_to_date_with_its_own_rules(source: str) -> None:
    refresh = await prepare_refresh(["other"], source, SHIPPED_FOLDER)
    assert list(refresh.changes()) == ["+ other:m"]


# ---------------------------------------------------------------- over HTTP


class _Handler(BaseHTTPRequestHandler):
    def __init__(self, answer: tuple[int, bytes], *args: Any) -> None:
        self._answer = answer
        super().__init__(*args)

    def do_GET(self) -> None:
        status, body = self._answer
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextmanager
def serving(status: int, body: bytes) -> Generator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, (status, body)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/api.json"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


async def test_the_facts_are_fetched_where_the_source_is_a_url(folder: Path) -> None:
    with serving(200, json.dumps(FACTS).encode()) as url:
        refresh = await prepare_refresh(["other"], url, folder)
    assert refresh.after == {"other": {"m": {"name": "M"}}}


async def test_an_address_that_does_not_answer_as_it_should_is_told(folder: Path) -> None:
    with serving(404, b"") as url, pytest.raises(ConfigurationError, match="answered with status 404"):
        await prepare_refresh(["other"], url, folder)
    with serving(200, b"<html>") as url, pytest.raises(ConfigurationError, match="no file of models"):
        await prepare_refresh(["other"], url, folder)
    with pytest.raises(APIConnectionError):
        await prepare_refresh(["other"], url, folder)


async def test_an_answer_that_does_not_end_is_not_read_for_ever(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tidewire.profile_store.FETCH_LIMIT_BYTES", 10)
    with serving(200, json.dumps(FACTS).encode()) as url, pytest.raises(ConfigurationError, match="more than 10 bytes"):
        await prepare_refresh(["other"], url, folder)


async def test_a_rule_for_a_misspelt_provider_is_told(source: str, folder: Path) -> None:
    (folder / RULES_FILE_NAME).write_text('[[rule]]\nproviders = ["opnai"]\nset = { temperature = false }\n')
    with pytest.raises(ConfigurationError, match="there is no provider 'opnai'; did you mean 'openai'"):
        await prepare_refresh(["openai"], source, folder)
