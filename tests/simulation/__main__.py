"""Many simulated runs: ``python -m tests.simulation --runs 100000``.

A seed that fails is printed with what went wrong; ``--first SEED --runs 1`` replays it. Ends with status 1 if any did.
"""

from __future__ import annotations

import argparse
import sys
import time
import traceback

from tests.simulation.play import Stage, play


def run(first: int, runs: int, stage: Stage) -> dict[int, str]:
    """Run so many seeds, from the first on; gives what went wrong, by seed."""
    failures: dict[int, str] = {}
    began = time.monotonic()
    for seed in range(first, first + runs):
        try:
            play(seed, stage)
        except Exception:  # noqa: BLE001  whatever it was, the seed is worth telling
            failures[seed] = traceback.format_exc()
            print(f"seed {seed} on {stage}:\n{failures[seed]}", file=sys.stderr, flush=True)
        done = seed + 1 - first
        if done % 10_000 == 0:
            print(f"{done:,} runs, {len(failures)} failed, {time.monotonic() - began:.0f} s", flush=True)
    return failures


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=100_000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--stage", choices=("trio", "asyncio", "real"), default="trio")
    given = parser.parse_args()
    began = time.monotonic()
    failures = run(given.first, given.runs, given.stage)
    seeds = f"seeds {given.first} to {given.first + given.runs - 1}"
    print(f"{given.runs:,} runs on {given.stage}, {seeds}: {len(failures)} failed, in {time.monotonic() - began:.0f} s")
    if failures:
        print(f"failed: {sorted(failures)}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
