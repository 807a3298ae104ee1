"""The queue of waiters: in order, without a herd, and nobody who has gone is waited for."""

from __future__ import annotations

import asyncio
import math

import anyio
import anyio.lowlevel
import pytest

from tidewire.fair_queue import Gate


def test_a_waiter_whose_loop_has_ended_blocks_nobody() -> None:
    allowed = False
    gate = Gate[float](lambda _: 0.0 if allowed else math.inf)

    async def wait_for_ever() -> None:
        await gate.enter(1.0)

    loop = asyncio.new_event_loop()
    task = loop.create_task(wait_for_ever())
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()
    allowed = True
    gate.look_again()
    gate.enter_blocking(1.0)
    assert gate.waiting == 0
    # Told of its end only now, so that nothing warns of it.
    setattr(task, "_log_destroy_pending", False)  # noqa: B010 - asyncio's own way to say so, without a public name


async def test_only_the_first_waiter_asks_and_those_who_leave_cost_nothing() -> None:
    asked: list[int] = []
    allowed = False

    def admit(number: int) -> float:
        asked.append(number)
        return 0.0 if allowed else math.inf

    gate = Gate(admit)
    let_in: list[int] = []

    async def wait(number: int) -> None:
        await gate.enter(number)
        let_in.append(number)

    async def give_up(scope: anyio.CancelScope) -> None:
        with scope:
            await gate.enter(-1)

    scopes = [anyio.CancelScope() for _ in range(5000)]
    async with anyio.create_task_group() as group:
        group.start_soon(wait, 1)
        await anyio.wait_all_tasks_blocked()
        for scope in scopes:
            group.start_soon(give_up, scope)
        await anyio.wait_all_tasks_blocked()
        for number in range(2, 100):
            group.start_soon(wait, number)
            await anyio.lowlevel.checkpoint()
        await anyio.wait_all_tasks_blocked()
        assert gate.waiting == 5099
        for scope in scopes:
            scope.cancel()
        await anyio.wait_all_tasks_blocked()
        assert gate.waiting == 99
        assert set(asked) == {1}
        assert not gate.try_enter(0)
        allowed = True
        gate.look_again()
    assert let_in == list(range(1, 100))


async def test_those_with_a_lower_place_stand_before_those_with_a_higher_one() -> None:
    allowed = False
    gate = Gate[str](lambda _: 0.0 if allowed else math.inf)
    let_in: list[str] = []

    async def wait(name: str, place: float) -> None:
        await gate.enter(name, place=place)
        let_in.append(name)

    async with anyio.create_task_group() as group:
        for name, place in (("c", 3), ("last", math.inf), ("a", 1), ("d", 3), ("b", 2)):
            group.start_soon(wait, name, place)
            await anyio.wait_all_tasks_blocked()
        allowed = True
        gate.look_again()
    assert let_in == ["a", "b", "c", "d", "last"]


async def test_who_cannot_be_let_in_leaves_the_queue() -> None:
    answers = [math.inf, 0.0]

    def admit(want: str) -> float:
        if want == "wrong" and gate.waiting:
            raise ValueError(want)
        return answers[0]

    gate = Gate(admit)
    with pytest.raises(ValueError, match="wrong"):
        gate.enter_blocking("wrong")
    with pytest.raises(ValueError, match="wrong"):
        await gate.enter("wrong")
    assert gate.waiting == 0
    del answers[0]
    await gate.enter("right")
