"""Draw what a streamed token costs with each library: ``python benchmarks/chart.py RESULTS docs/performance.svg``.

The scale is logarithmic, since there is a factor of a hundred between the first bar and the last.
"""

from __future__ import annotations

import json
import sys
from html import escape
from math import log10
from pathlib import Path
from typing import Any

_WIDTH, _BAR, _GAP, _LEFT, _RIGHT, _TOP = 720, 22, 10, 190, 70, 48
_NAMES = {"aiohttp": "bare aiohttp + msgspec", "httpx": "bare httpx + json"}
_MEASURE, _OURS = "burst", "tidewire"


def draw(costs: dict[str, float]) -> str:
    """The chart, as SVG.

    Args:
        costs: Microseconds of CPU time for each token, by contestant.
    """
    ordered = sorted(costs.items(), key=lambda item: item[1])
    height = _TOP + len(ordered) * (_BAR + _GAP) + 12
    most = 10 ** (int(log10(max(costs.values()))) + 1)
    scale = (_WIDTH - _LEFT - _RIGHT) / log10(most)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" font-family="sans-serif">',
        f'<rect width="{_WIDTH}" height="{height}" fill="#ffffff"/>',
        '<text x="12" y="24" font-size="15" fill="#1b1f24">CPU time of a streamed token, in microseconds</text>',
        '<text x="12" y="41" font-size="11" fill="#57606a">a reply in one burst; logarithmic scale</text>',
    ]
    mark = 10
    while mark <= most:
        x = _LEFT + log10(mark) * scale
        lines.append(f'<line x1="{x:.1f}" y1="{_TOP}" x2="{x:.1f}" y2="{height - 8}" stroke="#d8dee4"/>')
        mark *= 10
    for row, (name, cost) in enumerate(ordered):
        y = _TOP + row * (_BAR + _GAP)
        text = y + _BAR - 6
        width = max(log10(max(cost, 1.0)) * scale, 2)
        colour = "#0969da" if name == _OURS else "#afb8c1"
        label = escape(_NAMES.get(name, name))
        lines += [
            f'<text x="{_LEFT - 8}" y="{text}" font-size="13" text-anchor="end" fill="#1b1f24">{label}</text>',
            f'<rect x="{_LEFT}" y="{y}" width="{width:.1f}" height="{_BAR}" fill="{colour}"/>',
            f'<text x="{_LEFT + width + 6:.1f}" y="{text}" font-size="13" fill="#1b1f24">{cost:.3g}</text>',
        ]
    return "\n".join([*lines, "</svg>"]) + "\n"


def _costs(results: Path) -> dict[str, float]:
    costs: dict[str, float] = {}
    for line in results.read_text().splitlines():
        row: dict[str, Any] = json.loads(line)
        if row.get("measure") == _MEASURE and "cpu_us" in row and row["contestant"] != "socket":
            costs[row["contestant"]] = float(row["cpu_us"]["median"])
    return costs


if __name__ == "__main__":
    Path(sys.argv[2]).write_text(draw(_costs(Path(sys.argv[1]))))

__all__ = ["draw"]
