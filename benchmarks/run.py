"""Run the benchmarks: ``python benchmarks/run.py [--quick] [--only NAME …] [--profile NAME]``.

Prints tables and keeps what was measured as JSON lines in ``benchmarks/results/``. ``--peers`` adds the other libraries
whose environments ``peer_environments.sh`` has made.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal, cast

# Python looks for the imports of a script in the script's folder; these are named from the repository's root.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks import in_memory
from benchmarks.at_once import AT_ONCE, AtOnceRow, measure_at_once
from benchmarks.environments import peer_pythons, python_of, sizes
from benchmarks.imports import measure_imports
from benchmarks.measure import Row, Sample, Spread, rows, take_turns
from benchmarks.report import (
    machine,
    print_at_once,
    print_calls,
    print_imports,
    print_rows,
    print_sizes,
    write_results,
)
from benchmarks.server import running_server
from benchmarks.worker import Job, Kind, Worker, running_worker

#: Processes start differently each time (where memory lies, how strings hash), so the samples come from several.
PROCESSES = 3


@dataclass(frozen=True)
class Replies:
    """A measure of replies that come from the server: a sample is ``repeat`` of them, and each contestant takes
    ``rounds``. The first contestant is the floor. One that is named ``tidewire/sync`` is read in another way than the
    measure's. Of ``peers``, which are slow, a sample is a tenth as much, and with them there are 9 rounds.
    """

    kind: Literal["stream", "call"]
    path: str
    tokens: int
    repeat: int
    contestants: tuple[str, ...] = ("aiohttp", "tidewire", "httpx", "socket")
    rounds: int = 21
    peers: tuple[str, ...] = ()

    @property
    def unit(self) -> str:
        """What the cost is told for."""
        return "token" if self.kind == "stream" else "call"

    def units(self, repeat: int) -> int:
        """How many of them are in so many replies."""
        return self.tokens * repeat if self.kind == "stream" else repeat

    def job(self, server: str, contestant: str) -> Job:
        """A sample, as a worker takes it."""
        kind = cast("Kind", contestant.partition("/")[2] or self.kind)
        is_peer = contestant in self.peers
        repeat = max(1, self.repeat // 10) if is_peer else self.repeat
        return Job(kind, server + self.path, self.tokens, repeat)


@dataclass(frozen=True)
class InMemory:
    """A measure without a server: each run gives the CPU seconds of so many units. The first one is the base."""

    unit: str
    runs: dict[str, tuple[Callable[[], float], int]]
    rounds: int = 11


_EVENTS = 64_000


def _of_sizes(measure: Callable[[in_memory.Make, int], float], make: in_memory.Make) -> InMemory:
    return InMemory("chunk", {f"{n:,}": (partial(measure, make, n), n) for n in (1_000, 8_000, 64_000)})


_CHAT_PEERS = ("openai", "langchain-openai", "litellm", "pydantic-ai")

REPLIES = {
    "burst": Replies("stream", "/burst/5000", 5000, 4, peers=_CHAT_PEERS),
    "replies": Replies("stream", "/burst/200", 200, 60, peers=_CHAT_PEERS),
    "paced": Replies("stream", "/paced/1000/1", 1000, 1, ("aiohttp", "tidewire"), rounds=9),
    "call": Replies("call", "/plain/50", 50, 200, peers=_CHAT_PEERS),
    "ways": Replies(
        "stream",
        "/burst/5000",
        5000,
        2,
        ("tidewire", "tidewire/records", "20 subscribers", "tidewire/sync", "aiohttp"),
        peers=("langchain-openai", "langchain-openai/records", "langchain-openai/sync"),
    ),
    "anthropic": Replies(
        "stream",
        "/burst/5000",
        5000,
        4,
        ("aiohttp anthropic", "tidewire anthropic"),
        peers=("anthropic", "langchain-anthropic"),
    ),
    "responses": Replies("stream", "/burst/5000", 5000, 4, ("aiohttp responses", "tidewire responses")),
    "gemini": Replies("stream", "/burst/5000", 5000, 4, ("aiohttp gemini", "tidewire gemini")),
}
IN_MEMORY = {
    "add-text": _of_sizes(in_memory.add, in_memory.text),
    "add-arguments": _of_sizes(in_memory.add, in_memory.arguments),
    "read-text": _of_sizes(in_memory.read, in_memory.text),
    "read-arguments": _of_sizes(in_memory.read, in_memory.arguments),
    "publish": InMemory(
        "event",
        {
            **{f"{n} subscribers": (partial(in_memory.publish, n, _EVENTS), _EVENTS) for n in (0, 1, 20)},
            "1 async subscriber": (partial(in_memory.publish_async, _EVENTS), _EVENTS),
        },
    ),
}
COUNTED = ("burst", "replies", "call")
COUNTED_TIMES = 10
FUNCTION_CALLS = "function-calls"
IMPORTS = "imports"
SIZE = "size"


def measure_replies(name: str, server: str, *, quick: bool, peers: bool) -> list[Row]:
    """A measure of replies: workers of all contestants take turns, in several sets of processes."""
    replies = REPLIES[name]
    processes, rounds = (1, 5) if quick else (PROCESSES, (9 if peers else replies.rounds) // PROCESSES)
    known = peer_pythons()
    others = [peer for peer in replies.peers if peers and peer.partition("/")[0] in known]
    contestants = [*replies.contestants, *others]
    samples: dict[str, list[Sample]] = {contestant: [] for contestant in contestants}
    for _ in range(processes):
        with _workers(contestants) as workers:
            turns: dict[str, Callable[[], Sample]] = {}
            for contestant, worker in workers.items():
                job = replies.job(server, contestant)
                turns[contestant] = partial(_reply_sample, worker, job, replies.units(job.repeat))
            for contestant, own in take_turns(turns, rounds).items():
                samples[contestant] += own
    return rows(name, replies.unit, samples)


def measure_in_memory(name: str, *, quick: bool) -> list[Row]:
    """A measure without a server, in this process."""
    measured = IN_MEMORY[name]
    turns = {label: partial(_in_memory_sample, run, units) for label, (run, units) in measured.runs.items()}
    return rows(name, measured.unit, take_turns(turns, 3 if quick else measured.rounds))


def count_function_calls(server: str) -> Iterator[tuple[str, str, str, float]]:
    """Function calls as cProfile counts them, those of C functions too: measure, contestant, unit, calls for each."""
    contestants = ("aiohttp", "tidewire")
    with _workers(contestants) as workers:
        for name in COUNTED:
            replies = REPLIES[name]
            job = Job(replies.kind, server + replies.path, replies.tokens, COUNTED_TIMES, profile="count")
            for contestant in contestants:
                calls = workers[contestant].run(job).function_calls
                yield name, contestant, replies.unit, calls / replies.units(job.repeat)


def show_profile(contestant: str, measures: Iterable[str], server: str) -> None:
    """Print where a contestant's time goes, as cProfile sees it (which makes short functions look costlier)."""
    with running_worker(contestant) as worker:
        for name in measures:
            replies = REPLIES[name]
            worker.run(Job(replies.kind, server + replies.path, replies.tokens, 10, profile="show"))


@contextmanager
def _workers(contestants: Iterable[str]) -> Generator[dict[str, Worker]]:
    with ExitStack() as stack:
        running: dict[str, Worker] = {}
        for contestant in contestants:
            name = contestant.partition("/")[0]
            running[contestant] = stack.enter_context(running_worker(name, python_of(name)))
        yield running


def _reply_sample(worker: Worker, job: Job, units: int) -> Sample:
    cost = worker.run(job)
    return Sample(cost.cpu_s / units * 1e6, cost.wall_s / units * 1e6)


def _in_memory_sample(run: Callable[[], float], units: int) -> Sample:
    return Sample(run() / units * 1e6)


def _main() -> None:
    measures = (*REPLIES, *AT_ONCE, *IN_MEMORY, FUNCTION_CALLS, IMPORTS, SIZE)
    parser = argparse.ArgumentParser(description="Measure tidewire beside bare readers of the same bytes.")
    parser.add_argument("--quick", action="store_true", help="fewer rounds, one set of processes")
    parser.add_argument("--peers", action="store_true", help="other libraries, too: see peer_environments.sh")
    parser.add_argument("--only", action="append", choices=measures, metavar="NAME", help=f"of {', '.join(measures)}")
    parser.add_argument("--profile", metavar="CONTESTANT", help="show where its time goes instead of measuring")
    arguments = parser.parse_args()
    chosen: list[str] = arguments.only or list(measures)
    with running_server() as server:
        if arguments.profile is not None:
            show_profile(arguments.profile, [name for name in chosen if name in COUNTED], server)
            return
        about = machine()
        print(" · ".join(f"{key} {value}" for key, value in about.items()))
        quick, peers = bool(arguments.quick), bool(arguments.peers)
        measured: list[Row | AtOnceRow] = []
        for name in chosen:
            if name in REPLIES:
                measured += print_rows(measure_replies(name, server, quick=quick, peers=peers))
            elif name in AT_ONCE:
                many = measure_at_once(name, server, quick=quick, peers=peers, python_of=python_of)
                measured += print_at_once(many)
            elif name in IN_MEMORY:
                measured += print_rows(measure_in_memory(name, quick=quick))
        counted = list(count_function_calls(server)) if FUNCTION_CALLS in chosen else []
        print_calls(counted)
        loaded: list[tuple[str, int, Spread]] = []
        if IMPORTS in chosen:
            loaded = measure_imports(server, quick=quick, peers=peer_pythons() if peers else {})
            print_imports(loaded)
    installed = sizes() if SIZE in chosen else []
    print_sizes(installed)
    more: list[dict[str, Any]] = [
        {"import": name, "modules": modules, "cpu_ms": asdict(took)} for name, modules, took in loaded
    ]
    more += [{"installed": name, "megabytes": size, "distributions": count} for name, size, count in installed]
    print(f"\nsamples: {write_results(about, measured, counted, more)}")


if __name__ == "__main__":
    _main()
