"""The process that one contestant runs in, so that it pays for nobody else's imports, objects and connections.

    python -m benchmarks.worker aiohttp

reads jobs from its standard input, a JSON object on each line, and answers each with a line that says what it cost.
While it waits it costs nothing, so that several of them can take turns. It imports nothing but the standard library
and the contestant: another library's worker may run in an environment of its own.
"""

from __future__ import annotations

import asyncio
import cProfile
import gc
import importlib
import json
import pstats
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, Protocol

_ROOT = Path(__file__).resolve().parent.parent

#: Where the contestants are, by name.
CONTESTANTS = {
    "socket": "benchmarks.floors:SocketReader",
    "aiohttp": "benchmarks.floors:AiohttpReader",
    "httpx": "benchmarks.floors:HttpxReader",
    "tidewire": "benchmarks.contestants:Tidewire",
}


class Reader(Protocol):
    """A contestant. Each method returns how many tokens it saw."""

    async def stream(self, url: str) -> int: ...

    async def call(self, url: str) -> int: ...

    async def aclose(self) -> None: ...


@dataclass(frozen=True)
class Job:
    """``repeat`` replies of ``tokens`` tokens from ``url``, one after the other.

    ``profile`` runs them under cProfile: "count" tells the function calls, "show" prints the costliest ones besides.
    """

    kind: Literal["stream", "call"]
    url: str
    tokens: int
    repeat: int = 1
    profile: Literal["no", "count", "show"] = "no"


@dataclass(frozen=True)
class Cost:
    """What a job took: CPU time of the worker's process (user and system, all threads), wall time, function calls."""

    cpu_s: float
    wall_s: float
    function_calls: int = 0


class Worker:
    """The other end of a worker's pipes."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def run(self, job: Job) -> Cost:
        """Have a job done.

        Raises:
            RuntimeError: The worker failed; its standard error tells why.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps(asdict(job)), file=self._process.stdin, flush=True)
        answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError(f"the worker {self._process.args!r} failed")
        return Cost(**json.loads(answer))


@contextmanager
def running_worker(contestant: str, python: str = sys.executable) -> Generator[Worker]:
    """Run a contestant in a process of its own.

    Args:
        contestant: Its name in :data:`CONTESTANTS`.
        python: The interpreter, of the environment that has what the contestant imports.
    """
    command: Sequence[str] = (python, "-m", "benchmarks.worker", contestant)
    process = subprocess.Popen(command, cwd=_ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        yield Worker(process)
    finally:
        process.communicate()  # closes its input, which ends it


async def _work(reader: Reader) -> None:
    for line in sys.stdin:
        job = Job(**json.loads(line))
        once: Callable[[str], Awaitable[int]] = reader.stream if job.kind == "stream" else reader.call
        seen = await once(job.url)
        if seen != job.tokens:
            raise RuntimeError(f"{type(reader).__name__} saw {seen} of {job.tokens} tokens")
        gc.collect()
        print(json.dumps(asdict(await _cost(once, job))), flush=True)
    await reader.aclose()


async def _cost(once: Callable[[str], Awaitable[int]], job: Job) -> Cost:
    profile = cProfile.Profile()
    if job.profile != "no":
        profile.enable()
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in range(job.repeat):
        await once(job.url)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    if job.profile == "no":
        return Cost(cpu, wall)
    profile.disable()
    if job.profile == "show":
        pstats.Stats(profile, stream=sys.stderr).sort_stats("tottime").print_stats(40)
    return Cost(cpu, wall, sum(entry.callcount for entry in profile.getstats()))


if __name__ == "__main__":
    module, _, name = CONTESTANTS[sys.argv[1]].partition(":")
    make: Callable[[], Reader] = getattr(importlib.import_module(module), name)

    async def _main() -> None:
        await _work(make())

    asyncio.run(_main())

__all__ = ["CONTESTANTS", "Cost", "Job", "Reader", "Worker", "running_worker"]
