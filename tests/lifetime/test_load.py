"""A thousand calls at once with faults, and what thousands of calls leave in memory."""

from __future__ import annotations

import pytest

from tests.conftest import BACKENDS
from tests.lifetime.load import load_server, memory_of


# httpx, which serves trio, takes several times as long for a call.
@pytest.mark.parametrize(
    ("anyio_backend", "calls"),
    [(BACKENDS["asyncio"], 1000), (BACKENDS["trio"], 400)],
    ids=["asyncio", "trio"],
    indirect=["anyio_backend"],
)
async def test_each_of_many_calls_at_once_ends_in_its_own_answer_or_one_error(calls: int) -> None:
    outcomes = await load_server(calls, "default", seed=1)
    assert outcomes["answered"] + outcomes["failed"] == calls
    assert outcomes["failed"] > calls / 100
    assert outcomes["answered"] > calls * 0.7


@pytest.mark.parametrize("anyio_backend", [BACKENDS["asyncio"]], ids=["asyncio"])
async def test_calls_leave_nothing_in_memory() -> None:
    # Ten thousand may leave 5 MB; one that leaves something would show among a thousand.
    assert await memory_of(1000) < 250_000
