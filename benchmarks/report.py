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
from typing import Any

from benchmarks.at_once import AtOnceRow
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
    print(f"  {'':20} {'CPU µs per ' + first.unit:>26} {'× ' + first.contestant:>26} {'wall µs':>10}")
    for row in rows:
        wall = f"{row.wall_us.median:10.2f}" if row.wall_us.median else ""
        print(f"  {row.contestant:20} {_show(row.cpu_us):>26} {_show(row.ratio):>26} {wall}")
    return rows


def print_at_once(rows: Sequence[AtOnceRow]) -> Sequence[AtOnceRow]:
    """Print one measure of many replies at a time; gives the rows back."""
    print(f"\n{rows[0].measure}, {rows[0].rounds} rounds, ideally {rows[0].ideal_s:.2f} s")
    print(f"  {'':20} {'wall ÷ ideal':>24} {'CPU s':>22} {'late by ms':>22} {'kB each':>22}")
    for row in rows:
        figures = f"{_show(row.wall_to_ideal):>24} {_show(row.cpu_s):>22}"
        if row.delay_ms.median:
            figures += f" {_show(row.delay_ms):>22} {_show(row.kilobytes):>22}"
        print(f"  {row.contestant:20} {figures}")
    return rows


def print_imports(rows: Sequence[tuple[str, int, Spread]]) -> None:
    """Print what is loaded by an import."""
    print("\nimports")
    for name, modules, took in rows:
        print(f"  {name:34} {modules:6} modules {_show(took):>24} ms of CPU time")


def print_sizes(rows: Sequence[tuple[str, float, int]]) -> None:
    """Print what is installed."""
    print("\ninstalled")
    for name, megabytes, distributions in rows:
        print(f"  {name:20} {megabytes:8.1f} MB in {distributions} distributions")


def print_calls(counted: Sequence[Counted]) -> None:
    """Print how many functions were called."""
    if counted:
        print("\nfunction calls")
    for measure, contestant, unit, calls in counted:
        print(f"  {measure:10} {contestant:20} {calls:10.1f} per {unit}")


def write_results(
    about: dict[str, str],
    rows: Sequence[Row | AtOnceRow],
    counted: Sequence[Counted],
    more: Sequence[dict[str, Any]],
) -> Path:
    """Write everything to a new file, one JSON object on each line; gives its path."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{datetime.now(UTC):%Y-%m-%dT%H%M%S}.jsonl"
    lines: list[dict[str, Any]] = [{"about": about}, *(asdict(row) for row in rows)]
    for measure, contestant, unit, calls in counted:
        lines.append({"measure": measure, "contestant": contestant, "unit": unit, "function_calls": calls})
    lines += more
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def _show(spread: Spread) -> str:
    return f"{spread.median:.2f} ({spread.low:.2f} – {spread.high:.2f})"


def _cpu() -> str:
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.exists() else []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())


__all__ = [
    "RESULTS",
    "Counted",
    "machine",
    "print_at_once",
    "print_calls",
    "print_imports",
    "print_rows",
    "print_sizes",
    "write_results",
]
