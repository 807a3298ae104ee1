"""Many replies at a time: how long they take all together, beside the time that the server lets them take."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.measure import Spread, spread
from benchmarks.worker import Cost, Job, running_worker

#: What follows the last token of a paced stream in an interval of its own: the end of the body.
_INTERVALS_AFTER = 1


@dataclass(frozen=True)
class AtOnce:
    """``count`` replies, ``at_once`` at a time. The first contestant is the floor.

    A batch is of plain replies that come after ``interval_ms``; a stream has one token each ``interval_ms``.
    """

    kind: str
    count: int
    at_once: int
    interval_ms: int
    tokens: int
    rounds: int = 3
    contestants: tuple[str, ...] = ("aiohttp", "tidewire")
    peers: tuple[str, ...] = ()

    @property
    def ideal_s(self) -> float:
        """The seconds that it takes if nothing but the server takes any."""
        if self.kind == "batch":
            return self.count / self.at_once * self.interval_ms / 1000
        return (self.tokens + _INTERVALS_AFTER) * self.interval_ms / 1000

    def job(self, server: str) -> Job:
        """All of it, as a worker takes it."""
        if self.kind == "batch":
            path, warm = f"/late/{self.tokens}/{self.interval_ms}", "/late/1/1"
            return Job("batch", server + path, self.tokens, self.count, self.at_once, warm_url=server + warm)
        path = f"/stamped/{self.tokens}/{self.interval_ms}"
        return Job("stamped", server + path, self.tokens, self.count, self.at_once, warm_url=f"{server}/stamped/2/1")


@dataclass(frozen=True)
class AtOnceRow:
    """One contestant in one measure.

    Attributes:
        wall_to_ideal: Time beside the ideal.
        cpu_s: CPU time of all, in seconds.
        delay_ms: The median time that a token was under way, in milliseconds; 0 where it is not known.
        kilobytes: Memory for each stream.
    """

    measure: str
    contestant: str
    rounds: int
    ideal_s: float
    wall_to_ideal: Spread
    cpu_s: Spread
    delay_ms: Spread
    kilobytes: Spread


AT_ONCE = {
    "batch-50": AtOnce("batch", 2000, 50, 50, 50, peers=("langchain-openai",)),
    "batch-500": AtOnce("batch", 2000, 500, 50, 50, peers=("langchain-openai",)),
    "streams-100": AtOnce("streams", 100, 100, 20, 200),
    "streams-1000": AtOnce("streams", 1000, 1000, 200, 29),
    "streams-5000": AtOnce("streams", 5000, 5000, 1000, 9),
}


def measure_at_once(
    name: str, server: str, *, quick: bool, peers: bool, python_of: Callable[[str], str]
) -> list[AtOnceRow]:
    """Contestants take turns, each time in a process of its own, since memory that was used once counts no more."""
    measured = AT_ONCE[name]
    contestants = measured.contestants + (measured.peers if peers else ())
    rounds = 1 if quick else measured.rounds
    costs: dict[str, list[Cost]] = {contestant: [] for contestant in contestants}
    for _ in range(rounds):
        for contestant in contestants:
            with running_worker(contestant, python_of(contestant)) as worker:
                costs[contestant].append(worker.run(measured.job(server)))
    return [
        AtOnceRow(
            name,
            contestant,
            rounds,
            measured.ideal_s,
            wall_to_ideal=spread([cost.wall_s / measured.ideal_s for cost in own]),
            cpu_s=spread([cost.cpu_s for cost in own]),
            delay_ms=spread([cost.delay_s * 1000 for cost in own]),
            kilobytes=spread([cost.grown_bytes / 1000 / measured.count for cost in own]),
        )
        for contestant, own in costs.items()
    ]


__all__ = ["AT_ONCE", "AtOnce", "AtOnceRow", "measure_at_once"]
