"""Data is data: nothing that is read imports, builds or runs things by a name that it holds; no URL is fetched."""

from __future__ import annotations

import ast
import contextlib
import json
import re
import sys
import threading
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, HTTPServer
from io import BytesIO
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.security.test_keys import EXTRA, PROVIDERS
from tests.test_exports import MODULES
from tests.test_layers import ROOT
from tidewire import init_chat_model
from tidewire.adapters.replay_transport import ReplayTransport
from tidewire.cached_reply import decode_reply
from tidewire.caches import SQLiteCache
from tidewire.events.blocks import JSON
from tidewire.events.errors import TidewireError
from tidewire.events.journal import read_journal
from tidewire.events.messages import BaseMessage, HumanMessage
from tidewire.events.plain_values import from_plain
from tidewire.events.serial import load, loads

#: Modules that make things from bytes, or run them.
_MAKERS = {"pickle", "cPickle", "dill", "cloudpickle", "marshal", "shelve", "yaml", "code", "codeop", "xml", "runpy"}
_RUNNERS = {"eval", "exec", "compile", "__import__"}
_SHELLS = {"system", "popen"}

_WORDS = re.compile(rf"\b({'|'.join(sorted(_MAKERS | _RUNNERS | _SHELLS))}|shell)\b")

#: Where a checked use of one stands, and why.
_ALLOWED = {
    ("adapters/conformance/refusals.py", "pickle"): "checks for authors of adapters that errors can be pickled",
}

NAMES = st.sampled_from(
    ["lc", "id", "kwargs", "type", "data", "$type", "$error", "class", "__reduce__", "py/object", "constructor", "args"]
)
HARM = st.sampled_from(
    ["os.system", "subprocess.Popen", "builtins.eval", "antigravity", "human", "ai", "this", "not_implemented"]
)
DATA: st.SearchStrategy[JSON] = st.recursive(
    HARM | st.text(max_size=5) | st.integers() | st.none(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES | st.text(max_size=3), inner, max_size=5),
    max_leaves=12,
)


def uses(path: Path) -> Iterator[str]:
    """What a file uses that makes things from bytes, or runs them."""
    text = path.read_text()
    if not _WORDS.search(text):
        return
    for node in ast.walk(ast.parse(text)):
        match node:
            case ast.Import(names=names):
                yield from (name.name for name in names if name.name.partition(".")[0] in _MAKERS)
            case ast.ImportFrom(module=str(module)) if module.partition(".")[0] in _MAKERS:
                yield module
            case ast.Call(func=ast.Name(id=name)) if name in _RUNNERS:
                yield name
            case ast.Attribute(value=ast.Name(id="os"), attr=name) if name in _SHELLS:
                yield f"os.{name}"
            case ast.keyword(arg="shell"):
                yield "shell="
            case _:
                pass


def test_no_room_makes_things_from_bytes_or_runs_them() -> None:
    found = {(str(module.path), use) for module in MODULES.values() for use in uses(ROOT / module.path)}
    assert found == set(_ALLOWED)


@pytest.mark.parametrize(
    "code", ["import pickle", "from yaml import load", "eval('1')", "import os\nos.system('x')", "run(x, shell=True)"]
)
def test_such_a_use_is_seen(code: str, tmp_path: Path) -> None:
    (tmp_path / "code.py").write_text(code)
    assert list(uses(tmp_path / "code.py"))


@given(value=DATA)
def test_reading_gives_messages_and_plain_values_or_refuses_and_imports_nothing(value: JSON) -> None:
    before = set(sys.modules)
    text = json.dumps(value)
    # Whatever the data is: it comes from outside, and no type keeps its promise there.
    given = cast("dict[str, Any]", value if isinstance(value, dict) else {"type": value})
    for read in (partial(loads, text), partial(load, given), partial(load, [given])):
        try:
            found: object = read()
        except TidewireError:
            continue
        messages = cast("list[object]", found) if isinstance(found, list) else [found]
        assert all(isinstance(message, BaseMessage) for message in messages)
    with contextlib.suppress(TidewireError):
        decode_reply(text.encode())
    with contextlib.suppress(TidewireError):
        assert not callable(from_plain(value))
    with contextlib.suppress(TidewireError):
        read_journal(BytesIO(f'{{"journal": 1}}\n{text}\n'.encode()))
    assert not {"antigravity", "this", "subprocess.Popen"} & (set(sys.modules) - before)


def test_the_well_known_form_that_names_classes_makes_no_class() -> None:
    named = {"lc": 1, "type": "constructor", "id": ["subprocess", "Popen"], "kwargs": {"args": ["touch", "x"]}}
    with pytest.raises(TidewireError):
        load(named)
    with pytest.raises(TidewireError):
        loads(json.dumps(named))


class Watched(BaseHTTPRequestHandler):
    asked: list[str]

    def do_GET(self) -> None:
        type(self).asked.append(self.path)
        self.send_response(200)
        self.end_headers()

    do_HEAD = do_GET


@pytest.fixture(scope="module")
def watched() -> Iterator[tuple[str, list[str]]]:
    """The address of a server that must not be asked for anything, and what it was asked for."""
    asked: list[str] = []
    handler = type("Handler", (Watched,), {"asked": asked})
    server = HTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}", asked
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.parametrize("provider", PROVIDERS)
async def test_the_address_of_a_picture_is_passed_on_and_never_asked(
    provider: str, watched: tuple[str, list[str]]
) -> None:
    address, asked = watched
    for kind, ending in (("image", "png"), ("file", "pdf"), ("audio", "mp3"), ("video", "mp4")):
        url = f"{address}/a.{ending}"
        block = {"type": kind, "url": url, "mime_type": f"{kind}/{ending}".replace("file", "application")}
        message = HumanMessage([{"type": "text", "text": "What is this?"}, block])
        transport = ReplayTransport(b"", error=TidewireError("sent"))
        given = {"api_key": "k", **EXTRA.get(provider, {})}
        model = init_chat_model(f"{provider}:m", transport=transport, max_retries=0, **given)
        with pytest.raises(TidewireError):
            await model.ainvoke([message])
        # Whoever cannot pass a URL on refuses it, and names it.
        assert all(url.encode() in request.body for request in transport.requests)
        model.get_num_tokens_from_messages([message])
    assert asked == []


def test_a_cache_of_another_shape_is_no_answer(tmp_path: Path) -> None:
    for harm in (b"\x80\x04cos\nsystem\n(S'touch x'\ntR.", b'[{"type": "os.system"}]', b"{}"):
        with pytest.raises(TidewireError):
            decode_reply(harm)
    assert SQLiteCache(tmp_path / "x.sqlite") is not None
