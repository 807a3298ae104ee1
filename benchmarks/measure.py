"""Rounds in which everybody takes a turn, and what they come to: medians, noise, ratios to the floor.

A machine's speed changes from second to second. So a round measures each contestant once, in an order that rotates,
and a ratio is taken within each round: its median and spread say more than those of the times themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median, quantiles


@dataclass(frozen=True)
class Sample:
    """What one unit (a token, a call, …) cost, in microseconds."""

    cpu_us: float
    wall_us: float = 0.0


@dataclass(frozen=True)
class Spread:
    """The median, and the range that holds the middle half of the samples."""

    median: float
    low: float
    high: float


@dataclass(frozen=True)
class Row:
    """One contestant in one measure: its cost in microseconds for each unit, and beside the first contestant's."""

    measure: str
    contestant: str
    unit: str
    cpu_us: Spread
    wall_us: Spread
    ratio: Spread
    samples: list[Sample]


def take_turns(contestants: Mapping[str, Callable[[], Sample]], rounds: int) -> dict[str, list[Sample]]:
    """Measure each contestant once a round."""
    samples: dict[str, list[Sample]] = {name: [] for name in contestants}
    names = list(contestants)
    for round in range(rounds):
        shift = round % len(names)
        for name in names[shift:] + names[:shift]:
            samples[name].append(contestants[name]())
    return samples


def rows(measure: str, unit: str, samples: Mapping[str, list[Sample]]) -> list[Row]:
    """Sum up what was measured; the first contestant is the one that the others are compared with."""
    base = next(iter(samples.values()))
    return [
        Row(
            measure,
            contestant,
            unit,
            cpu_us=spread([sample.cpu_us for sample in own]),
            wall_us=spread([sample.wall_us for sample in own]),
            ratio=spread([sample.cpu_us / other.cpu_us for sample, other in zip(own, base, strict=True)]),
            samples=own,
        )
        for contestant, own in samples.items()
    ]


def spread(values: list[float]) -> Spread:
    """Sum up some samples."""
    if len(values) < 2:
        return Spread(values[0], values[0], values[0])
    low, _, high = quantiles(values, n=4, method="inclusive")
    return Spread(median(values), low, high)


__all__ = ["Row", "Sample", "Spread", "rows", "spread", "take_turns"]
