"""Calls on one side, whoever wants to know on the other: ``python docs/guides/pipeline.py``.

A dashboard, metrics and a log read the same events of the bus, each in its own way. ``MODEL`` names a real model; see
``docs/guides/pipeline.md``.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections import Counter, defaultdict
from pathlib import Path
from statistics import median
from typing import IO
from uuid import UUID

import anyio
import msgspec

import tidewire
from tidewire import ChatModel, init_chat_model, open_run, open_tap, subscribe
from tidewire.events import CONTENT, End, Event, Retry, Run, Start, Tap, Token
from tidewire.messages import BaseMessage, message_to_dict
from tidewire.testing import Fail, Pace, Reply, SimRequest


class Metrics:
    """A subscriber with a memory: calls, tokens, retries and times to the first token, by model.

    It is a function of ``(run, event)``, called in line for every event, so it counts and does nothing else.
    """

    def __init__(self) -> None:
        self.outcomes: Counter[tuple[str, str]] = Counter()
        self.tokens: Counter[str] = Counter()
        self.retries: Counter[str] = Counter()
        self.first_token_s: defaultdict[str, list[float]] = defaultdict(list)
        self._started: dict[UUID, float] = {}

    def __call__(self, run: Run, event: Event) -> None:
        if run.kind != "chat_model" or run.model is None:
            return
        if type(event) in CONTENT:
            started = self._started.pop(run.id, None)  # only the first piece of each call finds it
            if started is not None:
                self.first_token_s[run.model].append(event.time - started)
        elif isinstance(event, Start):
            self._started[run.id] = event.time
        elif isinstance(event, Retry):
            self.retries[run.model] += 1
        elif isinstance(event, End):
            self._started.pop(run.id, None)
            self.outcomes[run.model, event.outcome] += 1
            self.tokens[run.model] += event.usage.output_tokens if event.usage is not None else 0

    def table(self) -> str:
        """A line for each model."""
        lines: list[str] = []
        for model in sorted({model for model, _ in self.outcomes}):
            times = self.first_token_s[model]
            outcomes = ", ".join(
                f"{count} {how}" for (name, how), count in sorted(self.outcomes.items()) if name == model
            )
            first = f"{median(times) * 1000:.0f} ms to the first token" if times else "no token"
            lines.append(f"{model}: {outcomes}; {self.retries[model]} retries; {self.tokens[model]} tokens; {first}")
        return "\n".join(lines)


async def log(tap: Tap, file: IO[bytes]) -> None:
    """A sink with a task of its own: a line of JSON for each event. Pieces that wait for it are joined."""
    encoder = msgspec.json.Encoder(enc_hook=plain)
    async for run, event in tap:
        file.write(encoder.encode({"run": run.id, "name": run.name, "event": event}) + b"\n")


def plain(value: object) -> object:
    """What JSON has no word for: messages as their dicts, errors and the rest as they show themselves."""
    return message_to_dict(value) if isinstance(value, BaseMessage) else repr(value)


async def show(tap: Tap, screen: IO[str]) -> None:
    """A dashboard: what each call says right now. It may be slow: it loses old pieces, and holds nobody up."""
    texts: defaultdict[str, str] = defaultdict(str)
    async for run, event in tap:
        match event:
            case Token():
                texts[run.name] += event.text
                screen.write(f"\r\x1b[2K{len(texts)} speak | {run.name}: …{texts[run.name][-60:]!r}")
            case Retry():
                screen.write(f"\r\x1b[2K{run.name}: {event.reason}, again in {event.wait_s:.2f} s\n")
            case End():
                texts.pop(run.name, None)
            case _:
                pass
        screen.flush()


async def work(model: ChatModel, questions: int) -> None:
    """What the events come from. It knows nothing of who listens."""
    async with open_run("survey"):
        names = [f"question {number}" for number in range(questions)]
        async with model.abatch_as_completed(
            [f"Say something about {name}." for name in names],
            [{"run_name": name, "max_concurrency": 8} for name in names],
            return_exceptions=True,
        ) as results:
            async for _ in results:
                pass


async def run_pipeline(model: ChatModel, questions: int, log_file: Path, screen: IO[str] = sys.stdout) -> Metrics:
    """Do the work, and have it watched. Every sink has read all there was when this returns."""
    metrics = Metrics()
    with log_file.open("wb") as file, open_tap() as logged, open_tap(capacity=256, policy="drop_oldest") as shown:
        async with anyio.create_task_group() as sinks:
            sinks.start_soon(log, logged, file)
            sinks.start_soon(show, shown, screen)
            with subscribe(metrics):
                await work(model, questions)
            logged.close()
            shown.close()
    return metrics


def make_model() -> ChatModel:
    """The model named by ``MODEL``, or the stand-in: it fails now and then, and speaks as slowly as a real one."""
    name = os.environ.get("MODEL")
    if name is not None:
        return init_chat_model(name)
    seen: Counter[str] = Counter()

    def speak(request: SimRequest) -> Reply | Fail | None:
        question = request.messages[-1].text
        seen[question] += 1
        if question.endswith("3.") and seen[question] == 1:
            return Fail(status=503)  # tried again, and answered
        return Fail(status=400, message="this one never works") if question.endswith("7.") else None

    return init_chat_model("embedded:demo", script=speak, pace=Pace(first_token_s=0.05, tokens_per_second=100))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--questions", type=int, default=24)
    parser.add_argument("--log", type=Path, default=Path("events.ndjson"))
    given = parser.parse_args()

    async def pipeline() -> None:
        metrics = await run_pipeline(make_model(), given.questions, given.log)
        print(f"\r\x1b[2K{metrics.table()}\nevery event is in {given.log}")
        await tidewire.aclose()

    asyncio.run(pipeline())


if __name__ == "__main__":
    main()
