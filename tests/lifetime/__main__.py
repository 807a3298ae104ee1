"""The long runs over real sockets: ``python -m tests.lifetime``.

Streams that are left at random moments, calls at once with a tenth of them failing, and what calls leave in memory.
Needs some two file descriptors for each call at once.
"""

from __future__ import annotations

import argparse
import resource
import time

import anyio

from tests.lifetime.leaving import leave_streams
from tests.lifetime.load import load_server, memory_of


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--streams", type=int, default=1000)
    parser.add_argument("--calls", type=int, default=5000)
    parser.add_argument("--in-memory", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    for backend, client in (("asyncio", "default"), ("asyncio", "httpx"), ("trio", "default")):
        for work, count in ((leave_streams, given.streams), (load_server, given.calls)):
            began = time.monotonic()
            outcomes = anyio.run(work, count, client, given.seed, backend=backend)
            took = time.monotonic() - began
            print(f"{work.__name__} {count:,} on {backend}, {client}: {dict(outcomes)}, {took:.0f} s", flush=True)
    left = anyio.run(memory_of, given.in_memory)
    print(f"{given.in_memory:,} calls left {left / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
