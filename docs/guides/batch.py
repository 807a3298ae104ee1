"""Ten thousand questions, with limits, progress and a way back in: ``python docs/guides/batch.py``.

Every result is written as it comes; stop it at any time and start it again, and it goes on where it was. ``MODEL``
names a real model; see ``docs/guides/batch.md``.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import msgspec

import tidewire
from tidewire import ChatModel, RetryPolicy, TidewireError, Timeout, init_chat_model
from tidewire.rate_limiters import InMemoryRateLimiter
from tidewire.testing import Fail, SimRequest


class Result(msgspec.Struct, omit_defaults=True):
    """A line of the file of results: an answer, or the error in its place."""

    number: int
    model: str = ""
    answer: str | None = None
    error: str | None = None
    tokens: int = 0


def question_of(number: int) -> str:
    """The question with this number. Yours come from a file or a database, where each has a number too."""
    return f"What is special about the number {number}?"


def read_done(file: Path, model: str) -> set[int]:
    """The numbers that this model has answered. What failed is asked again, and a line that was cut off is ended."""
    done: set[int] = set()
    if file.exists():
        written = file.read_bytes()
        if not written.endswith(b"\n"):
            file.write_bytes(written + b"\n")
        for line in written.splitlines():
            try:
                result = msgspec.json.decode(line, type=Result)
            except msgspec.MsgspecError:
                continue
            if result.error is None and result.model == model:
                done.add(result.number)
    return done


async def run_batch(model: ChatModel, count: int, file: Path, at_once: int, screen: IO[str] = sys.stderr) -> int:
    """Ask what has no answer yet; gives how many questions failed.

    At most ``at_once`` calls run, and the questions are made as calls begin: neither the questions nor the answers are
    ever all in memory.
    """
    name = str(model.settings)  # provider:model; what another one answered is no answer of this one
    done = read_done(file, name)
    left = [number for number in range(count) if number not in done]
    failed = tokens = 0
    started = time.monotonic()

    def questions() -> Iterator[str]:
        for number in left:
            yield question_of(number)

    with file.open("ab") as results:
        # Leaving the block, by an error or by Ctrl-C, stops the calls that run.
        async with model.abatch_as_completed(
            questions(), {"max_concurrency": at_once}, return_exceptions=True
        ) as answers:
            finished = 0
            async for index, answer in answers:
                finished += 1
                if isinstance(answer, TidewireError):
                    failed += 1
                    result = Result(left[index], name, error=f"{type(answer).__name__}: {answer}")
                elif isinstance(answer, Exception):
                    raise answer  # a mistake in this program, not in a call
                else:
                    result = Result(left[index], name, answer.text)
                    if answer.usage_metadata is not None:
                        result.tokens = answer.usage_metadata["total_tokens"]
                tokens += result.tokens
                results.write(msgspec.json.encode(result) + b"\n")
                results.flush()
                if finished % 500 == 0 or finished == len(left):
                    speed = finished / (time.monotonic() - started)
                    screen.write(
                        f"\r{len(done) + finished:,} of {count:,} | {failed:,} failed | {tokens:,} tokens"
                        f" | {speed:,.0f} a second"
                    )
                    screen.flush()
    screen.write("\n")
    return failed


def make_model(per_second: float) -> ChatModel:
    """The model named by ``MODEL``, or the stand-in, whose every thousandth answer fails for good."""
    name = os.environ.get("MODEL")
    model = init_chat_model("embedded:demo", script=stumble) if name is None else init_chat_model(name)
    return model.bind(
        max_tokens=60,
        timeout=Timeout(first_event=30, total=120),
        rate_limiter=InMemoryRateLimiter(requests_per_second=per_second, max_bucket_size=max(per_second / 10, 1)),
        retry=RetryPolicy(max_retries=5),
    )


def stumble(request: SimRequest) -> Fail | None:
    """The stand-in refuses one question of a thousand."""
    return Fail(status=400, message="no") if request.messages[-1].text.endswith("666?") else None


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=10_000, help="questions")
    parser.add_argument("--at-once", type=int, default=64, help="calls that run at the same time")
    parser.add_argument("--per-second", type=float, default=3_000, help="requests that are sent in a second")
    parser.add_argument("--results", type=Path, default=Path("results.ndjson"))
    given = parser.parse_args()

    async def batch() -> int:
        try:
            return await run_batch(make_model(given.per_second), given.count, given.results, given.at_once)
        finally:
            await tidewire.aclose()

    try:
        failed = asyncio.run(batch())
    except KeyboardInterrupt:
        print(f"\nstopped; what is answered is in {given.results}, start again to go on", file=sys.stderr)
        return 130
    print(f"{failed} failed, each with its error in {given.results}" if failed else f"all in {given.results}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
