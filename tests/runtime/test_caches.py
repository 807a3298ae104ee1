"""The caches themselves: in memory and in a file, and how an answer is kept as bytes."""

from __future__ import annotations

import multiprocessing
import sqlite3
import stat
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import anyio
import pytest

from tests.runtime.test_call import GOOD, model_on
from tidewire import init_chat_model
from tidewire.adapters.replay_transport import ReplayTransport
from tidewire.cached_reply import decode_reply, encode_reply, worth_keeping
from tidewire.caches import BaseCache, InMemoryCache, SQLiteCache, get_llm_cache, set_llm_cache
from tidewire.errors import ConfigurationError, ResponseDecodeError
from tidewire.events.fold import Fold
from tidewire.events.types import (
    Block,
    DecodedEvent,
    End,
    Fallback,
    Finish,
    Meta,
    Reasoning,
    Start,
    Token,
    ToolCallDelta,
    Usage,
    WarningEvent,
)


@pytest.fixture(params=["memory", "file"])
def cache(request: pytest.FixtureRequest, tmp_path: Path) -> BaseCache:
    return InMemoryCache() if request.param == "memory" else SQLiteCache(tmp_path / "answers.db")


async def test_what_was_kept_is_found_until_it_is_cleared(cache: BaseCache) -> None:
    assert await cache.alookup("a") is None
    await cache.aupdate("a", b"1")
    await cache.aupdate("b", b"2")
    await cache.aupdate("a", b"3")
    assert (cache.lookup("a"), await cache.alookup("b")) == (b"3", b"2")
    await cache.aclear()
    assert cache.lookup("a") is None
    cache.update("a", b"4")
    cache.clear()
    assert await cache.alookup("a") is None


def test_threads_may_share_a_cache(cache: BaseCache) -> None:
    def work(number: int) -> bytes | None:
        cache.update(str(number), b"%d" % number)
        return cache.lookup(str(number))

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(work, range(40))) == [b"%d" % number for number in range(40)]


def test_event_loops_may_share_a_cache(cache: BaseCache) -> None:
    async def work(number: int) -> bytes | None:
        await cache.aupdate(str(number), b"%d" % number)
        return await cache.alookup(str(number))

    def on_a_loop(number: int) -> bytes | None:
        return anyio.run(work, number, backend="trio" if number % 2 else "asyncio")

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(on_a_loop, range(8))) == [b"%d" % number for number in range(8)]


async def test_the_answer_that_was_not_asked_for_the_longest_goes_first() -> None:
    cache = InMemoryCache(maxsize=2)
    cache.update("a", b"1")
    cache.update("b", b"2")
    assert cache.lookup("a") == b"1"
    cache.update("c", b"3")
    assert [cache.lookup(key) for key in "abc"] == [b"1", None, b"3"]
    assert repr(cache) == "InMemoryCache(2 answers)"
    with pytest.raises(ConfigurationError, match="maxsize must be a whole number above 0"):
        InMemoryCache(maxsize=0)


async def test_a_cache_of_ones_own_needs_three_methods() -> None:
    bare = BaseCache()
    calls: list[Callable[[], object]] = [lambda: bare.lookup("a"), lambda: bare.update("a", b""), bare.clear]
    for call in calls:
        with pytest.raises(NotImplementedError):
            call()


def test_the_cache_of_all_models_is_set_and_taken_back() -> None:
    cache = InMemoryCache()
    set_llm_cache(cache)
    try:
        assert get_llm_cache() is cache
    finally:
        set_llm_cache(None)
    assert get_llm_cache() is None


# ---------------------------------------------------------------- the file


def write(path: Path, start: int) -> None:
    cache = SQLiteCache(path)
    for number in range(start, start + 20):
        cache.update(str(number), b"%d" % number)


def test_processes_may_share_a_file(tmp_path: Path) -> None:
    path = tmp_path / "answers.db"
    spawn = multiprocessing.get_context("spawn")
    processes = [spawn.Process(target=write, args=(path, start)) for start in (0, 20)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0]
    cache = SQLiteCache(path)
    assert all(cache.lookup(str(number)) == b"%d" % number for number in range(40))


def test_the_file_is_its_owners_and_holds_no_key(tmp_path: Path) -> None:
    path = tmp_path / "answers.db"
    replay = ReplayTransport(GOOD)
    model = init_chat_model("openai:m", api_key="sk-very-secret", transport=replay, cache=SQLiteCache(path))
    assert model.invoke("what is secret?").text == "ab"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert b"sk-very-secret" not in path.read_bytes()
    assert b"what is secret?" not in path.read_bytes()
    with sqlite3.connect(path) as database:
        ((value,),) = database.execute("SELECT value FROM answers").fetchall()
    database.close()
    assert [event.text for event in decode_reply(value) if isinstance(event, Token)] == ["a", "b"]


def test_another_program_finds_the_answers_in_the_file(tmp_path: Path) -> None:
    first, _ = model_on([GOOD], cache=SQLiteCache(tmp_path / "answers.db"))
    second, transport = model_on([GOOD], cache=SQLiteCache(tmp_path / "answers.db"))
    assert first.invoke("hi").text == second.invoke("hi").text == "ab"
    assert transport.requests == []


def test_a_path_that_can_be_no_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="for a cache in memory there is InMemoryCache"):
        SQLiteCache(":memory:")
    for path in (tmp_path, tmp_path / "missing" / "answers.db"):
        with pytest.raises(ConfigurationError, match="it needs a file in a folder"):
            SQLiteCache(path)
    assert repr(SQLiteCache(tmp_path / "a.db")) == f"SQLiteCache('{tmp_path / 'a.db'}')"


# ---------------------------------------------------------------- the bytes


def test_the_events_of_an_answer_come_back_from_their_bytes() -> None:
    said: list[DecodedEvent] = [
        Reasoning("hm", signature="s", index=0),
        Token("a", index=1),
        ToolCallDelta('{"x":', index=2, id="c", name="f", extras={"k": [1, None]}),
        Block({"type": "image", "base64": "eA=="}, index=3),
        Meta(id="r", model="m", request_id="q", data={"a": 1}, logprobs=[{"token": "a", "logprob": -0.5}]),
        Usage(3, 2, 5, cache_read=1),
        Finish("stop", "end_turn"),
    ]
    for number, event in enumerate(said):
        event.seq, event.time = number, 1.5
    kept = encode_reply([Start([]), WarningEvent("a", "b"), *said, End("ok")])
    found = decode_reply(kept)
    assert [(type(event), event.seq) for event in found] == [(type(event), -1) for event in said]
    for number, (event, before) in enumerate(zip(found, said, strict=True)):
        event.seq, event.time = number, 1.5
        assert event == before
    assert b"time" not in kept


def test_the_answer_of_a_fallback_is_not_kept_for_the_model_that_failed() -> None:
    fold = Fold()
    for event in (token := Token("a"), Finish("stop")):
        fold.add(event)
    assert worth_keeping([token], fold) == [token]
    assert worth_keeping([Fallback("m", "n", None), token], fold) is None


@pytest.mark.parametrize("value", [b"", b"{}", b"[1]", b'[{"type":"start","input":1}]', b'[{"type":"token"}]'])
def test_bytes_that_are_no_answer_are_an_error(value: bytes) -> None:
    with pytest.raises(ResponseDecodeError, match=r"no answer of tidewire's"):
        decode_reply(value)
