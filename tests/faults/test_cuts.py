"""A stream that is cut, at every byte of a sample: never a whole answer with less than all of it."""

from __future__ import annotations

import anyio
import pytest

from tests.faults.cuts import SIX, cut_at, decoded, written
from tidewire.adapters.replay_transport import Ending

# Every so many bytes, and all of the last ones, where terminators are; the sweep cuts at each.
_STEP = 29
_LAST = 60


@pytest.mark.parametrize("ending", ["end", "reset"])
@pytest.mark.parametrize("name", SIX)
def test_a_stream_that_is_cut_never_passes_for_a_whole_one(name: str, ending: Ending) -> None:
    recording = written(name)
    size = len(recording.body)
    assert decoded(recording, size, "end")[1], "the recording itself is whole"

    async def cut_everywhere() -> None:
        for length in sorted({*range(0, size, _STEP), *range(size - _LAST, size + 1)}):
            await cut_at(name, recording, length, ending)

    anyio.run(cut_everywhere)
