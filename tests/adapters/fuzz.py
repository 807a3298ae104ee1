"""A long fuzz run over every codec: ``python -m tests.adapters.fuzz --executions 1000000``.

Takes the bodies of recorded and written exchanges, changes them at random (bytes, words of the format, cuts,
repeats), and feeds each to its codec twice, whole and cut at random. A codec may give events or one of tidewire's
errors, never another exception, and both times the same. Prints what it did for each API; ends with status 1 and the
bytes at the first difference.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import time
from collections import Counter
from pathlib import Path

import msgspec

from tests.adapters.recording_kit import WRITTEN, Recording, at_random, read_recordings, replay, whole

#: Longer bodies say no more, and take longer.
LONGEST = 4096

_WORDS = (
    b"null",
    b"{}",
    b"[]",
    b'""',
    b"-1",
    b"1e999",
    b"true",
    b'"\\ud800"',
    b"\xff",
    b"\x00",
    b"\r",
    b"\n\n",
    b"data: ",
)


def mutated(body: bytes, source: random.Random) -> bytes:
    """The body with one to four changes."""
    data = bytearray(body)
    for _ in range(source.randint(1, 4)):
        if not data:
            break
        start = source.randrange(len(data))
        end = min(len(data), start + source.choice((1, 1, 1, 2, 8, 64)))
        match source.randrange(6):
            case 0:
                data[start] = source.randrange(256)
            case 1:
                del data[start:end]
            case 2:
                data[start:start] = data[start:end]
            case 3:
                data[start:end] = source.choice(_WORDS)
            case 4:
                del data[start:]
            case _:
                other = source.randrange(len(data))
                data[start:end], data[other : other + 1] = data[other : other + 1], data[start:end]
    return bytes(data)


def run(recordings: list[Recording], executions: int, seed: int) -> Counter[str]:
    """Execute so many decodings (two for each changed body); gives how many fell to each API.

    Raises:
        AssertionError: The two decodings of one body differ.
        Exception: What a codec raised that is not tidewire's.
    """
    source = random.Random(seed)
    done: Counter[str] = Counter()
    while done.total() < executions:
        original = source.choice(recordings)
        changed = msgspec.structs.replace(original, body=mutated(original.body, source))
        try:
            once = replay(changed, whole(changed.body)).key()
            again = replay(changed, at_random(changed.body, source.random())).key()
        except Exception:
            print(f"{changed.api} {changed.id}: {changed.body!r}", file=sys.stderr)
            raise
        assert once == again, f"{changed.api} {changed.id}: cut differently, {changed.body!r} reads differently"
        done[changed.api] += 2
    return done


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--executions", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    captured = Path(os.environ.get("TIDEWIRE_RECORDINGS", "../shared/recordings"))
    found = [*read_recordings(WRITTEN), *(read_recordings(captured) if captured.is_dir() else ())]
    recordings = [one for one in found if one.status < 400 and 0 < len(one.body) <= LONGEST]
    begun = time.monotonic()
    done = run(recordings, given.executions, given.seed)
    for api, count in sorted(done.items()):
        print(f"{api:32} {count:9,}")
    print(
        f"{done.total():,} executions from {len(recordings)} bodies in {time.monotonic() - begun:.0f} s, "
        f"seed {given.seed}"
    )


if __name__ == "__main__":
    main()
