"""Tries every fault with every client, cuts streams at every byte, and measures how long the event loop was held up.

What CI runs is a sample of this::

    python -m tests.faults.sweep [network | bytes | cuts | loop …]

``network`` tries each fault with each client, ``bytes`` those of the bytes alone on a server too, ``cuts`` cuts six
written streams and the shortest captured ones at each byte, ``loop`` prints what holds the event loop up the longest.
It prints what failed, and ends with status 1 if anything did.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Awaitable, Callable
from functools import partial

import anyio

from tests.faults.content_faults import CONTENT_FAULTS
from tests.faults.cuts import SIX, captured, cut_at, written
from tests.faults.fault import Case, Fault
from tests.faults.network_faults import NETWORK_FAULTS
from tests.faults.status_faults import STATUS_FAULTS
from tests.faults.trial import CARRIERS, try_on_network
from tidewire.adapters.replay_transport import Ending

#: Longer captured streams take hours.
_CAPTURED_BYTES = 12_000
#: What holds the loop up for longer is named, in seconds.
_HELD_UP_S = 0.05
_PARTS = ["network", "bytes", "cuts", "loop"]


class Sweep:
    """Counts what was tried, and keeps what failed."""

    def __init__(self) -> None:
        self.tried = 0
        self.failed: list[str] = []

    def run(self, name: str, backend: str, work: Callable[[], Awaitable[None]]) -> None:
        """Try one thing on one event loop."""
        self.tried += 1
        try:
            anyio.run(work, backend=backend)
        except Exception as error:  # noqa: BLE001 - whatever it is, the others are still tried
            self.failed.append(f"{name}: {error!r:.300}")

    def network(self, faults: list[Fault]) -> None:
        """Each fault on each wire with each client."""
        for fault in faults:
            for case in fault.cases():
                for carrier, (backend, _) in CARRIERS.items():
                    self.run(f"{fault.name}: {case}, {carrier}", backend, partial(try_on_network, fault, case, carrier))

    def cuts(self) -> None:
        """Each byte of some streams, with both ends."""
        streams = [(name, written(name)) for name in SIX] + list(captured(_CAPTURED_BYTES))
        endings: tuple[Ending, ...] = ("end", "reset")
        for name, recording in streams:
            for ending in endings:
                for length in range(len(recording.body) + 1):
                    what = f"{name} {recording.id} after {length} bytes, {ending}"
                    self.run(what, "asyncio", partial(cut_at, name, recording, length, ending))
            print(f"{name}: {recording.id}, {len(recording.body)} bytes, cut at each", flush=True)

    def loop(self) -> None:
        """The faults that hold the event loop up the longest, whoever is the cause: by CPU time of its thread."""
        held: list[tuple[float, str]] = []
        for fault in NETWORK_FAULTS:
            for case in fault.cases():
                for carrier, (backend, _) in CARRIERS.items():
                    longest = _Longest()
                    name = f"{fault.name}: {case}, {carrier}"
                    self.run(name, backend, partial(longest.during, fault, case, carrier))
                    held.append((longest.seconds, name))
        held.sort(reverse=True)
        for seconds, name in held[:15]:
            print(f"{seconds * 1000:6.1f} ms  {name}")
        print(f"above {_HELD_UP_S * 1000:.0f} ms: {sum(seconds > _HELD_UP_S for seconds, _ in held)} of {len(held)}")


class _Longest:
    """The longest CPU time of the loop's thread between two turns of a task that does nothing."""

    def __init__(self) -> None:
        self.seconds = 0.0

    async def during(self, fault: Fault, case: Case, carrier: str) -> None:
        """Try a fault meanwhile."""
        async with anyio.create_task_group() as group:
            group.start_soon(self._watch)
            await try_on_network(fault, case, carrier)
            group.cancel_scope.cancel()

    async def _watch(self) -> None:
        last = time.thread_time()
        while True:
            await anyio.sleep(0.001)
            now = time.thread_time()
            self.seconds = max(self.seconds, now - last)
            last = now


def main() -> int:
    """Run the parts that are named, or all."""
    parts = sys.argv[1:] or _PARTS
    if unknown := set(parts) - set(_PARTS):
        print(f"there is no part {', '.join(sorted(unknown))}; there are {', '.join(_PARTS)}")
        return 2
    sweep = Sweep()
    if "network" in parts:
        sweep.network(list(NETWORK_FAULTS))
    if "bytes" in parts:
        sweep.network([*STATUS_FAULTS, *CONTENT_FAULTS])
    if "cuts" in parts:
        sweep.cuts()
    if "loop" in parts:
        sweep.loop()
    print(f"{sweep.tried} tried, {len(sweep.failed)} failed")
    for line in sweep.failed:
        print(line)
    return 1 if sweep.failed else 0


if __name__ == "__main__":
    sys.exit(main())
