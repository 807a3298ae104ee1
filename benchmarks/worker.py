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
import resource
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Literal, Protocol, TypeAlias

_ROOT = Path(__file__).resolve().parent.parent

#: Where the contestants are, by name.
CONTESTANTS = {
    "socket": "benchmarks.floors:SocketReader",
    "aiohttp": "benchmarks.floors:AiohttpReader",
    "httpx": "benchmarks.floors:HttpxReader",
    "tidewire": "benchmarks.contestants:Tidewire",
    "20 subscribers": "benchmarks.contestants:WithSubscribers",
    "aiohttp anthropic": "benchmarks.other_floors:AnthropicReader",
    "tidewire anthropic": "benchmarks.contestants:TidewireAnthropic",
    "aiohttp responses": "benchmarks.other_floors:ResponsesReader",
    "tidewire responses": "benchmarks.contestants:TidewireResponses",
    "aiohttp gemini": "benchmarks.other_floors:GeminiReader",
    "tidewire gemini": "benchmarks.contestants:TidewireGemini",
    "openai": "benchmarks.peers:OpenAI",
    "anthropic": "benchmarks.peers:Anthropic",
    "langchain-openai": "benchmarks.peers:LangchainOpenAI",
    "langchain-anthropic": "benchmarks.peers:LangchainAnthropic",
    "litellm": "benchmarks.peers:LiteLLM",
    "pydantic-ai": "benchmarks.peers:PydanticAI",
}

Kind: TypeAlias = Literal["stream", "sync", "records", "call", "batch", "stamped"]


class Reader(Protocol):
    """A contestant. It has those of these methods that it is measured by; each returns how many tokens it saw."""

    async def stream(self, url: str) -> int: ...

    async def sync(self, url: str) -> int: ...

    async def records(self, url: str) -> int: ...

    async def call(self, url: str) -> int: ...

    async def batch(self, url: str, calls: int, at_once: int) -> int: ...

    async def stamped(self, url: str) -> list[float]: ...

    async def aclose(self) -> None: ...


@dataclass(frozen=True)
class Job:
    """``repeat`` replies of ``tokens`` tokens from ``url``, one after the other, or ``at_once``.

    ``warm_url`` is where a reply of one token comes from, for jobs whose own replies take long.
    ``profile`` runs them under cProfile: "count" tells the function calls, "show" prints the costliest ones besides.
    """

    kind: Kind
    url: str
    tokens: int
    repeat: int = 1
    at_once: int = 1
    warm_url: str = ""
    profile: Literal["no", "count", "show"] = "no"


@dataclass(frozen=True)
class Cost:
    """What a job took.

    Attributes:
        cpu_s: CPU time of the worker's process: user and system, all threads.
        wall_s: Time.
        function_calls: As cProfile counts them.
        delay_s: The median of how long a token was under way.
        grown_bytes: By how much the job raised the most memory that the process ever had.
    """

    cpu_s: float
    wall_s: float
    function_calls: int = 0
    delay_s: float = 0.0
    grown_bytes: int = 0


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
        if job.kind in ("batch", "stamped"):
            cost = await _cost_at_once(reader, job)
        else:
            once: Callable[[str], Awaitable[int]] = getattr(reader, job.kind)
            _check(reader, await once(job.url), job.tokens)
            gc.collect()
            cost = await _cost(once, job)
        print(json.dumps(asdict(cost)), flush=True)
    await reader.aclose()


def _check(reader: Reader, seen: int, wanted: int) -> None:
    if seen != wanted:
        raise RuntimeError(f"{type(reader).__name__} saw {seen} of {wanted} tokens")


async def _cost_at_once(reader: Reader, job: Job) -> Cost:
    """Many replies at a time, the first ones with new connections."""
    if job.kind == "batch":
        await reader.batch(job.warm_url, 1, 1)
    else:
        await reader.stamped(job.warm_url)
    gc.collect()
    delays: list[float] = []
    memory = _peak_bytes()
    wall, cpu = time.perf_counter(), time.process_time()
    if job.kind == "batch":
        seen = await reader.batch(job.url, job.repeat, job.at_once)
    else:
        for own in await asyncio.gather(*(reader.stamped(job.url) for _ in range(job.repeat))):
            delays += own
        seen = len(delays)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    _check(reader, seen, job.tokens * job.repeat)
    return Cost(cpu, wall, delay_s=median(delays) if delays else 0.0, grown_bytes=_peak_bytes() - memory)


def _peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


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
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    module, _, name = CONTESTANTS[sys.argv[1]].partition(":")
    make: Callable[[], Reader] = getattr(importlib.import_module(module), name)

    async def _main() -> None:
        await _work(make())

    asyncio.run(_main())

__all__ = ["CONTESTANTS", "Cost", "Job", "Reader", "Worker", "running_worker"]
