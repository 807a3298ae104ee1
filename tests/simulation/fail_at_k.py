"""Six recorded streams through the whole pump, failing at every place where they can.

Each is cut at every byte, by a reset and by an early end of the body; and the task that reads it is cancelled at every
one of its awaits, once and twice. As a command it does all of it: ``python -m tests.simulation.fail_at_k``.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Generator, Iterable
from pathlib import Path
from typing import Any, Literal, TypeAlias

import anyio
from anyio.lowlevel import checkpoint

from tests.adapters.recording_kit import WRITTEN, Recording, read_recordings
from tests.events.grammar import check_grammar
from tidewire import ChatModel, RetryPolicy, init_chat_model, subscribe
from tidewire.adapters.replay_transport import Cuts, Ending, Exchange, ReplayTransport
from tidewire.events.errors import PartialAnswer, StreamInterruptedError
from tidewire.events.messages import AIMessage
from tidewire.events.types import CONTENT, End, Event, Run

#: The streams: the file of the recording, the model that it is an answer of, and how that is made.
STREAMS: dict[str, tuple[str, dict[str, Any]]] = {
    "openai/tool-call-stream": ("openai:m", {"api_key": "k"}),
    "openai_responses/function-call-stream": ("openai:m", {"api_key": "k", "use_responses_api": True}),
    "anthropic/thinking": ("anthropic:m", {"api_key": "k"}),
    "google_genai/gemini_thoughts": ("google_genai:m", {"api_key": "k"}),
    "bedrock/converse_two_tool_calls": ("bedrock_converse:m", {"api_key": "k", "region_name": "us-east-1"}),
    "ollama/tool_call": ("ollama:m", {}),
}

#: How a reader is cancelled: by a scope, once or twice, or as asyncio itself does it.
Cancelling: TypeAlias = Literal["scope", "scope twice", "task", "task twice"]
#: How an answer is read.
Reading: TypeAlias = Literal["invoke", "stream"]


def recording(name: str) -> Recording:
    """One of the streams."""
    path = Path(WRITTEN, f"{name}.json")
    found = [one for one in read_recordings(path.parent) if one.id.endswith(path.stem)]
    return min(found, key=lambda one: len(one.id))


def model_of(name: str, transport: ReplayTransport, **settings: Any) -> ChatModel:
    """A model whose answers come by a transport, as those of a stream did."""
    model, made_with = STREAMS[name]
    return init_chat_model(model, transport=transport, streaming=True, **{**made_with, **settings})


class Heard:
    """Writes down runs, and how many answers were open at their ends."""

    def __init__(self, transport: ReplayTransport) -> None:
        self._transport = transport
        self.runs: dict[Run, list[Event]] = {}
        self.open_at_end = 0

    def __call__(self, run: Run, event: Event) -> None:
        self.runs.setdefault(run, []).append(event)
        if isinstance(event, End):
            self.open_at_end += self._transport.open_responses

    def take(self) -> list[Event]:
        """The events of the only run, which is forgotten."""
        (events,) = self.runs.values()
        self.runs.clear()
        check_grammar(events)
        assert self.open_at_end == 0, "the end came before the connection was closed"
        assert self._transport.open_responses == 0, "an answer was left open"
        return events


async def cut_everywhere(name: str, ending: Ending, places: Iterable[int], cuts: Cuts = "whole") -> Counter[str]:
    """Cut a stream after so many bytes, for each place; gives how often it ended in which way.

    Raises:
        AssertionError: A part passed for the whole, or something that arrived is missing.
    """
    stream = recording(name)
    places = list(places)
    exchanges = [
        Exchange(body=stream.body, headers=stream.headers),
        *(
            Exchange(body=stream.body, headers=stream.headers, break_at=place, ending=ending, cuts=cuts)
            for place in places
        ),
    ]
    transport = ReplayTransport(exchanges)
    model, heard = model_of(name, transport, max_retries=0), Heard(transport)
    outcomes: Counter[str] = Counter()
    with subscribe(heard):
        whole = await model.ainvoke("hi")
        heard.take()
        for place in places:
            try:
                message = await model.ainvoke("hi")
            except StreamInterruptedError as error:
                _check_partial(heard.take(), error.partial, whole, f"{name}, {ending} after {place} bytes")
                outcomes["interrupted"] += 1
            else:
                heard.take()
                assert _said(message) == _said(whole), f"{name}: {place} bytes passed for the whole"
                outcomes["whole"] += 1
    return outcomes


def _said(message: AIMessage) -> object:
    return message.content_blocks, message.response_metadata.get("finish_reason")


def _check_partial(events: list[Event], partial: PartialAnswer | None, whole: AIMessage, where: str) -> None:
    end = events[-1]
    assert isinstance(end, End)
    assert end.outcome == "error"
    arrived = any(type(event) in CONTENT for event in events)
    assert (partial is not None) == arrived, f"{where}: what arrived is not in the error"
    if partial is not None:
        assert isinstance(end.output, AIMessage)
        assert isinstance(partial, AIMessage)
        assert end.output.content_blocks == partial.content_blocks
        assert whole.text.startswith(partial.text), f"{where}: {partial.text!r} is no part of the answer"


class Counted:
    """Awaits some work, counting its awaits, and does something at some of them, just before they begin to wait.

    Args:
        work: The work.
        at: At which awaits, counted from 1.
        act: What is done there.
    """

    def __init__(self, work: Coroutine[Any, Any, None], at: tuple[int, ...], act: Callable[[], object]) -> None:
        self._work = work
        self._at = at
        self._act = act
        self.awaits = 0

    def __await__(self) -> Generator[Any, Any, None]:
        value: Any = None
        thrown: BaseException | None = None
        while True:
            try:
                waits_for = self._work.send(value) if thrown is None else self._work.throw(thrown)
            except StopIteration:
                return
            self.awaits += 1
            if self.awaits in self._at:
                self._act()
            value = thrown = None
            try:
                value = yield waits_for
            except BaseException as error:  # noqa: BLE001  handed on to the work
                thrown = error


async def cancel_everywhere(name: str, reading: Reading, cancelling: Cancelling) -> int:
    """Cancel who reads a stream at each of its awaits, the first request of it being refused; gives their number.

    Raises:
        AssertionError: A run did not end, or something is left open.
    """
    await _cancelled_at(name, reading, cancelling, 0)  # what is made once
    count = await _cancelled_at(name, reading, cancelling, 0)
    for place in range(1, count + 1):
        await _cancelled_at(name, reading, cancelling, place)
    return count


async def _cancelled_at(name: str, reading: Reading, cancelling: Cancelling, place: int) -> int:
    stream = recording_of[name] if name in recording_of else recording_of.setdefault(name, recording(name))
    transport = ReplayTransport(
        [
            Exchange(status=503, body=b"{}", headers={"content-type": "application/json"}),
            Exchange(body=stream.body, headers=stream.headers, cuts="event"),
        ]
    )
    model = model_of(name, transport, retry=RetryPolicy(initial_s=0.0))
    heard = Heard(transport)
    finished = False

    async def hear_slowly(run: Run, event: Event) -> None:
        await checkpoint()

    async def work() -> None:
        nonlocal finished
        with subscribe(heard), subscribe(hear_slowly):
            if reading == "invoke":
                await model.ainvoke("hi")
            else:
                async with model.astream("hi") as chunks:
                    async for _ in chunks:
                        pass
        finished = True

    at = () if not place else (place, place + 1) if cancelling.endswith("twice") else (place,)
    counted = await (_by_task if cancelling.startswith("task") else _by_scope)(work, at)
    end = heard.take()[-1] if heard.runs else None  # cancelled before it began, there is no run
    assert transport.opened == transport.closed
    if not place:
        assert finished
    elif isinstance(end, End):
        assert finished or end.outcome in ("cancelled", "ok"), f"{name}: {end.outcome}, cancelled at await {place}"
    return counted


recording_of: dict[str, Recording] = {}


async def _by_scope(work: Callable[[], Coroutine[Any, Any, None]], at: tuple[int, ...]) -> int:
    scopes = [anyio.CancelScope(), anyio.CancelScope()]
    counted = Counted(work(), at, lambda: (scopes.pop() if len(scopes) > 1 else scopes[0]).cancel())
    with scopes[0], scopes[1]:
        await counted
    return counted.awaits


async def _by_task(work: Callable[[], Coroutine[Any, Any, None]], at: tuple[int, ...]) -> int:
    counted = Counted(work(), at, lambda: task.cancel())

    async def main() -> None:
        await counted

    task = asyncio.get_running_loop().create_task(main())
    await asyncio.wait([task])
    if not task.cancelled():
        task.result()
    return counted.awaits


async def _everything(backend: str) -> None:
    by_scope: tuple[Cancelling, ...] = ("scope", "scope twice")
    by_task: tuple[Cancelling, ...] = ("task", "task twice")
    ways = (*by_scope, *by_task) if backend == "asyncio" else by_scope
    for name in STREAMS:
        length = len(recording(name).body)
        outcomes: Counter[str] = Counter()
        for ending in ("reset", "end"):
            for cuts in ("whole", (40,)):
                outcomes += await cut_everywhere(name, ending, range(length + 1), cuts)
        awaits = [await cancel_everywhere(name, reading, way) for reading in ("invoke", "stream") for way in ways]
        told = ", ".join(f"{count:,} {outcome}" for outcome, count in sorted(outcomes.items()))
        print(f"{backend:8} {name:40} {length:6,} bytes: {told}; cancelled at {sum(awaits):,} awaits", flush=True)


def main() -> None:
    """Run from the command line."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    for backend in ("asyncio", "trio"):
        began = time.monotonic()
        anyio.run(_everything, backend, backend=backend)
        print(f"{backend}: {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
