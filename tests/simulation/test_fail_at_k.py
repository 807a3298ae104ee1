"""Recorded streams that are cut at many bytes and cancelled at every await; the command cuts them at all of them."""

from __future__ import annotations

import asyncio

import pytest

from tests.simulation.fail_at_k import STREAMS, Cancelling, cancel_everywhere, cut_everywhere, recording

#: Of the places at which a stream can be cut, each how manieth is.
EACH = 31


@pytest.mark.parametrize("name", STREAMS)
async def test_a_stream_that_is_cut_gives_what_arrived_and_never_passes_for_the_whole(name: str) -> None:
    length = len(recording(name).body)
    reset = await cut_everywhere(name, "reset", range(0, length + 1, EACH), cuts=(200,))
    ended = await cut_everywhere(name, "end", range(EACH // 2, length, EACH))
    assert min(reset["interrupted"], ended["interrupted"]) > 5
    assert (await cut_everywhere(name, "end", [length]))["whole"] == 1


@pytest.mark.parametrize("cancelling", ["scope", "scope twice", "task", "task twice"])
@pytest.mark.parametrize("name", STREAMS)
async def test_a_reader_that_is_cancelled_at_any_await_leaves_nothing_open(name: str, cancelling: Cancelling) -> None:
    if cancelling.startswith("task") and not _runs_on_asyncio():
        return  # trio has scopes alone
    assert await cancel_everywhere(name, "invoke", cancelling) > 5
    assert await cancel_everywhere(name, "stream", cancelling) > 5


def _runs_on_asyncio() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
