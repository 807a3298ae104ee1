"""What was measured, as a table to read and as JSON lines to keep."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from benchmarks.measure import Row, Spread

RESULTS = Path(__file__).resolve().parent / "results"
_PACKAGES = ("tidewire", "aiohttp", "httpx", "msgspec", "anyio")

#: Measure, contestant, unit, calls for each unit.
Counted = tuple[str, str, str, float]


def machine() -> dict[str, str]:
    """The machine, the versions, and how busy it is at the moment."""
    return {
        "cpu": f"{_cpu()} × {os.cpu_count()}",
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        **{package: version(package) for package in _PACKAGES},
        "load": f"{os.getloadavg()[0]:.1f}",
    }


def print_rows(rows: Sequence[Row]) -> Sequence[Row]:
    """Print one measure; gives the rows back."""
    first = rows[0]
    print(f"\n{first.measure}, {len(first.samples)} rounds")
    print(f"  {'':16} {'CPU µs per ' + first.unit:>26} {'× ' + first.contestant:>26} {'wall µs':>10}")
    for row in rows:
        wall = f"{row.wall_us.median:10.2f}" if row.wall_us.median else ""
        print(f"  {row.contestant:16} {_show(row.cpu_us):>26} {_show(row.ratio):>26} {wall}")
    return rows


def print_calls(counted: Sequence[Counted]) -> None:
    """Print how many functions were called."""
    if counted:
        print("\nfunction calls")
    for measure, contestant, unit, calls in counted:
        print(f"  {measure:10} {contestant:16} {calls:10.1f} per {unit}")


def write_results(about: dict[str, str], rows: Sequence[Row], counted: Sequence[Counted]) -> Path:
    """Write everything to a new file, one JSON object on each line; gives its path."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{datetime.now(UTC):%Y-%m-%dT%H%M%S}.jsonl"
    lines = [{"about": about}, *(asdict(row) for row in rows)]
    lines += [
        {"measure": measure, "contestant": contestant, "unit": unit, "function_calls": calls}
        for measure, contestant, unit, calls in counted
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def _show(spread: Spread) -> str:
    return f"{spread.median:.2f} ({spread.low:.2f} – {spread.high:.2f})"


def _cpu() -> str:
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.exists() else []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())


__all__ = ["RESULTS", "Counted", "machine", "print_calls", "print_rows", "write_results"]
