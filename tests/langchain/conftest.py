"""What the standard test classes of langchain-tests ask of pytest, without the plugins that they bring along."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from tests.langchain.standard import OnSimulator
from tidewire.langchain import ChatTidewire


@pytest.fixture(scope="module", params=[False, True], ids=["asyncio", "asyncio+uvloop"])
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, bool]]:
    """LangChain runs on asyncio only."""
    return "asyncio", {"use_uvloop": request.param}


@pytest.fixture
def benchmark() -> Callable[[Callable[[], object]], object]:
    """Runs what pytest-benchmark would measure: time is measured elsewhere."""
    return lambda run: run()


@pytest.fixture
def vcr() -> SimpleNamespace:
    """A cassette that holds responses, so that what is timed runs: it is the simulator that answers."""
    return SimpleNamespace(responses=[b"the simulator's"])


def png() -> bytes:
    """An image of one red pixel."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(b"\x00\xff\x00\x00")) + chunk(b"IEND", b"")


def wav() -> bytes:
    """A hundredth of a second of silence."""
    samples = bytes(160)
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, 8000, 16000, 2, 16)
    body = b"WAVE" + form + b"data" + struct.pack("<I", len(samples)) + samples
    return b"RIFF" + struct.pack("<I", len(body)) + body


def pdf() -> bytes:
    """A document with one empty page."""
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 72 72] >>",
    ]
    body, places = b"%PDF-1.4\n", list[int]()
    for number, text in enumerate(objects, 1):
        places.append(len(body))
        body += b"%d 0 obj\n%s\nendobj\n" % (number, text)
    table = b"0000000000 65535 f \n" + b"".join(b"%010d 00000 n \n" % place for place in places)
    return body + b"xref\n0 4\n%strailer\n<< /Size 4 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (table, len(body))


SAMPLES = {".png": png, ".wav": wav, ".pdf": pdf}


@pytest.fixture(autouse=True)
def _samples_at_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """The files that the standard tests fetch from the internet are made here."""

    def get(url: str, **_: Any) -> httpx.Response:
        return httpx.Response(200, content=SAMPLES[Path(url).suffix]())

    monkeypatch.setattr(httpx, "get", get)
    monkeypatch.setenv("LANGCHAIN_TESTS_USER_AGENT", "nobody is asked")


@pytest.fixture(autouse=True)
def _known_to_load(monkeypatch: pytest.MonkeyPatch) -> None:
    """LangChain's ``load(…, allowed_objects="all")``, as the standard test calls it, takes the classes of this table.

    Its own packages' stand there. Whoever loads another names it, as ``test_chat_model.py`` does.
    """
    path = (*ChatTidewire.get_lc_namespace(), ChatTidewire.__name__)
    monkeypatch.setitem(import_module("langchain_core.load.load").ALL_SERIALIZABLE_MAPPINGS, path, path)


@pytest.fixture
def snapshot(request: pytest.FixtureRequest) -> Callable[..., object]:
    """The model as LangChain saved it when ``saved.json`` was written, in the place of syrupy's snapshots."""
    standard = request.instance
    assert isinstance(standard, OnSimulator)
    text = (Path(__file__).parent / "saved.json").read_text()
    saved: dict[str, object] = json.loads(text.replace("http://simulator", standard.simulator.url))

    def find(*, name: str) -> object:
        assert name == "serialized"
        return saved[type(standard).__name__]

    return find
