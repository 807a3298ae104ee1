"""Every way a call can go, over real sockets: it ends once, and leaves nothing behind.

Each scenario runs against the loopback simulator, on each event loop, with each transport that the loop has, and on
each wire. Afterwards: one start and one end for each run, ``end`` after the close, no socket but idle pooled
ones, no task but the host's; and neither of these after ``aclose()``.
"""

from __future__ import annotations

import asyncio
import gc
import sys
import warnings
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

import anyio
import pytest

from tests.adapters.simulator.wires import WIRES, model_on
from tests.events.grammar import check_grammar
from tidewire import ChatModel, ChatOpenAI, RetryPolicy, aclose, open_run, subscribe
from tidewire.adapters.script import Fail, Pace, Reply, Script
from tidewire.adapters.simulator import Simulator
from tidewire.adapters.spec import Transport
from tidewire.adapters.transports import TransportSettings
from tidewire.events.errors import APIConnectionError, APIStatusError, StreamInterruptedError
from tidewire.events.messages import AIMessage
from tidewire.events.types import End, Event, Retry, Run, Token

WORDS = [f"word{number} " for number in range(20)]
SLOW = Reply(WORDS, pace=Pace(tokens_per_second=200))
STALLED = Fail(kind="stall", after_tokens=3, reply=Reply(WORDS))


class Scene:
    """A model, the server it calls, and what was heard of its runs."""

    def __init__(self, simulator: Simulator, model: ChatModel) -> None:
        self.simulator = simulator
        self.model = model
        self.runs: dict[Run, list[Event]] = {}
        #: Requests that the server was answering when a run's ``end`` was heard.
        self.open_at_end: list[int] = []

    def __call__(self, run: Run, event: Event) -> None:
        self.runs.setdefault(run, []).append(event)

    @property
    def end(self) -> End:
        (events,) = self.runs.values()
        end = events[-1]
        assert isinstance(end, End)
        return end

    @property
    def retries(self) -> int:
        return sum(isinstance(event, Retry) for events in self.runs.values() for event in events)


Scenario = Callable[[Scene], Awaitable[None]]


async def success(scene: Scene) -> None:
    message = await scene.model.ainvoke("hi")
    assert message.text == "".join(WORDS)
    assert scene.end.outcome == "ok"


async def success_streamed(scene: Scene) -> None:
    texts = [chunk.text async for chunk in scene.model.astream("hi")]
    assert "".join(texts) == "".join(WORDS)
    assert scene.end.outcome == "ok"


async def refused(scene: Scene) -> None:
    with pytest.raises(APIStatusError) as raised:
        await scene.model.ainvoke("hi")
    assert raised.value.status_code == 400
    assert (scene.end.outcome, scene.retries) == ("error", 0)


async def not_listening(scene: Scene) -> None:
    with scene.simulator.refusing(), pytest.raises(APIConnectionError) as raised:
        await scene.model.ainvoke("hi")
    assert (raised.value.attempts, scene.retries) == (3, 2)


async def retried_before_content(scene: Scene) -> None:
    message = await scene.model.ainvoke("hi")
    assert message.text == "".join(WORDS)
    assert (scene.end.outcome, scene.retries) == ("ok", 1)


async def not_retried_after_content(scene: Scene) -> None:
    with pytest.raises(StreamInterruptedError) as raised:
        await scene.model.ainvoke("hi")
    assert isinstance(raised.value.partial, AIMessage)
    assert raised.value.partial.text == "".join(WORDS[:3])
    assert (scene.end.outcome, scene.retries) == ("error", 0)


async def cancelled_while_reading(scene: Scene) -> None:
    with anyio.CancelScope() as scope:
        async for chunk in scene.model.astream("hi"):
            if chunk.text == WORDS[2]:
                scope.deadline = anyio.current_time() + 0.02
    assert scope.cancelled_caught
    assert (scene.end.outcome, scene.end.output.text) == ("cancelled", "".join(WORDS[:3]))


async def cancelled_while_waiting_for_the_head(scene: Scene) -> None:
    with anyio.move_on_after(0.1) as scope:
        await scene.model.ainvoke("hi")
    assert scope.cancelled_caught
    assert scene.end.outcome == "cancelled"


async def cancelled_in_a_subscriber(scene: Scene) -> None:
    async def slow(run: Run, event: Event) -> None:
        if isinstance(event, Token):
            scope.cancel()
            await anyio.sleep(60)

    with anyio.CancelScope() as scope:
        await scene.model.ainvoke("hi", {"callbacks": slow})
    assert scope.cancelled_caught
    assert scene.end.outcome in ("cancelled", "ok")


async def left_by_break(scene: Scene) -> None:
    async def read_some() -> None:
        async for chunk in scene.model.astream("hi"):
            if chunk.text == WORDS[2]:
                break

    await _collecting(read_some)
    assert scene.end.outcome == "abandoned"


async def left_by_leaving_the_block(scene: Scene) -> None:
    async with scene.model.astream("hi") as stream:
        async for chunk in stream:
            if chunk.text == WORDS[2]:
                break
    assert scene.end.outcome == "abandoned"


async def collected_without_close(scene: Scene) -> None:
    async def begin() -> None:
        stream = scene.model.astream("hi")
        assert (await anext(stream)).text == WORDS[0]
        del stream

    await _collecting(begin)
    assert scene.end.outcome == "abandoned"


async def consumer_raises(scene: Scene) -> None:
    async def read_and_fail() -> None:
        with pytest.raises(ValueError, match="mine"):
            async with scene.model.astream("hi") as stream:
                async for _ in stream:
                    raise ValueError("mine")

    await read_and_fail()
    assert scene.end.outcome == "abandoned"


async def subscriber_raises(scene: Scene) -> None:
    def broken(run: Run, event: Event) -> None:
        raise ValueError("mine")

    message = await scene.model.ainvoke("hi", {"callbacks": broken})
    assert message.text == "".join(WORDS)
    assert scene.end.outcome == "ok"


async def nested_run(scene: Scene) -> None:
    async with open_run("outer") as outer:
        await scene.model.ainvoke("hi")
        await scene.model.ainvoke("hi again")
    assert [run.parent_id for run in scene.runs] == [None, outer.run.id, outer.run.id]


async def two_hundred_calls_under_one_parent(scene: Scene) -> None:
    async with open_run("outer") as outer:
        messages = await scene.model.abatch([f"call {number}" for number in range(200)], {"max_concurrency": 50})
    assert len({message.id for message in messages}) == 200
    assert len(scene.runs) == 201
    assert all(run.parent_ids == (outer.run.id,) for run in list(scene.runs)[1:])


SCENARIOS: dict[Scenario, Script] = {
    success: [Reply(WORDS)],
    success_streamed: [Reply(WORDS)],
    refused: [Fail(status=400)],
    not_listening: [],
    retried_before_content: [Fail(status=503), Reply(WORDS)],
    not_retried_after_content: [Fail(kind="reset", after_tokens=3, reply=SLOW), Reply(WORDS)],
    cancelled_while_reading: [STALLED],
    cancelled_while_waiting_for_the_head: [Fail(kind="stall_before_head")],
    cancelled_in_a_subscriber: [SLOW],
    left_by_break: [SLOW],
    left_by_leaving_the_block: [SLOW],
    collected_without_close: [SLOW],
    consumer_raises: [SLOW],
    subscriber_raises: [Reply(WORDS)],
    nested_run: [Reply(WORDS), Reply(WORDS)],
    two_hundred_calls_under_one_parent: lambda _: Reply(WORDS),
}


#: Every scenario on every wire; with each client, and with many calls at once, on two of them.
CASES = [
    pytest.param(scenario, wire, client, id=f"{scenario.__name__}-{wire}-{client}")
    for scenario in SCENARIOS
    for wire in WIRES
    for client in ("default", "httpx")
    if wire in ("openai chat", "anthropic")
    or (client == "default" and scenario is not two_hundred_calls_under_one_parent)
]


@pytest.mark.parametrize(("scenario", "wire", "client"), CASES)
async def test_it_ends_once_and_leaves_nothing_behind(scenario: Scenario, wire: str, client: str) -> None:
    if client == "httpx" and _on_trio():
        return  # it is the default there, so this is the other case once more
    tasks = _living_tasks()
    with Simulator(script=SCENARIOS[scenario]) as simulator:
        policy = RetryPolicy(initial_s=0.01)
        model = model_on(WIRES[wire], simulator, transport=_transport(client), retry=policy)
        scene = Scene(simulator, model)
        with subscribe(scene):
            await scenario(scene)
        await _settled(lambda: _living_tasks() <= tasks + 1, "a task besides the host's is left")
        await simulator.await_idle(10)
        for run, events in scene.runs.items():
            check_grammar(events, run.kind)
        await aclose()
        await simulator.await_until(lambda seen: seen.open_connections == 0, 10)
        await _settled(lambda: _living_tasks() <= tasks, "a task is left after aclose()")


@pytest.mark.parametrize("client", ["default", "httpx"])
async def test_end_is_published_after_the_connection_is_closed(client: str) -> None:
    outcomes: list[tuple[str, int]] = []
    with Simulator(script=[STALLED, Fail(kind="reset", after_tokens=2)]) as simulator:
        model = ChatOpenAI("demo", base_url=simulator.openai_url, api_key="any", transport=_transport(client))

        async def look(run: Run, event: Event) -> None:
            if isinstance(event, End):
                with anyio.move_on_after(0.9):
                    await simulator.await_idle(0.8)
                outcomes.append((event.outcome, simulator.open_streams))

        async with model.astream("hi", {"callbacks": look}) as stream:
            await anext(stream)
        with pytest.raises(StreamInterruptedError):
            await model.ainvoke("hi", {"callbacks": look})
        await aclose()
    assert outcomes == [("abandoned", 0), ("error", 0)]


def _transport(client: str) -> Transport | None:
    if client == "default":
        return None
    from tidewire.adapters.httpx_transport import HttpxTransport

    return HttpxTransport(TransportSettings())


def _on_trio() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return True
    return False


def _living_tasks() -> int:
    if not _on_trio():
        return len(asyncio.all_tasks())
    statistics: int = sys.modules["trio"].lowlevel.current_statistics().tasks_living
    return statistics


async def _settled(condition: Callable[[], bool], otherwise: str) -> None:
    """Wait until the loop has done what was already due, ten seconds at most."""
    with anyio.move_on_after(10):
        while not condition():  # noqa: ASYNC110 - tasks that end tell nobody
            await anyio.sleep(0.005)
    assert condition(), otherwise


@asynccontextmanager
async def _quiet_on_trio() -> AsyncGenerator[None]:
    """trio warns of a generator that is collected unclosed, which is what these scenarios are about."""
    with warnings.catch_warnings():
        if _on_trio():
            warnings.filterwarnings("ignore", category=ResourceWarning)
        yield


async def _collecting(work: Callable[[], Awaitable[None]]) -> None:
    async with _quiet_on_trio():
        await work()
        gc.collect()
        await anyio.wait_all_tasks_blocked()
