"""Streams that are cancelled once and twice, left and forgotten at random moments leave nothing behind."""

from __future__ import annotations

import pytest

from tests.lifetime.leaving import leave_streams
from tests.lifetime.scene import runs_on_asyncio


@pytest.mark.parametrize("client", ["default", "httpx"])
async def test_streams_that_are_left_at_random_moments_leave_nothing_behind(client: str) -> None:
    if client == "httpx" and not runs_on_asyncio():
        return  # it is the default there, so this is the other case once more
    outcomes = await leave_streams(150, client, seed=1)
    assert outcomes["cancelled"] > 0
    assert outcomes["abandoned"] > 0
