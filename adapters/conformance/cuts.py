"""What can happen to bytes on their way: cut anywhere, cut off, changed. The same for the same seed."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator

#: Bodies up to this many bytes are cut byte by byte, and cut off behind each of their bytes.
SHORT_BODY = 4096

#: JSON nested deeper than parsers go.
_DEEP = b'{"a":[' * 3000

# A JSON text, number or word, and what takes its place: values of every other type.
_LITERAL = re.compile(rb'"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|\btrue\b|\bfalse\b|\bnull\b')
_VALUES = (
    b"null", b"true", b"[]", b"{}", b'""', b'"a"', b"0", b"-1", b"1.5", b"1e999", b"123456789012345678901234567890",
    b'[null]', b'{"type":null}', b'[[{}]]', b'"\\ud800"',
)  # fmt: skip


def cuttings(body: bytes, seed: str, effort: int) -> Iterator[tuple[str, list[bytes]]]:
    """Ways to cut a body into reads, each with its name; not the one that leaves it whole."""
    yield "at line ends", lines(body)
    for number in range(effort):
        yield f"at random (number {number})", at_random(body, f"{seed}, cut {number}")
    step = 1 + len(body) // (4 * SHORT_BODY)
    yield f"every {step} bytes", [body[place : place + step] for place in range(0, len(body), step)]


def lines(body: bytes) -> list[bytes]:
    """A read for each line, with the blank ones behind it."""
    return re.findall(rb".*?(?:\r?\n)+|.+\Z", body, re.DOTALL)


def at_random(body: bytes, seed: str) -> list[bytes]:
    """Reads of random lengths."""
    if len(body) < 2:
        return [body]
    source = random.Random(seed)
    places = sorted(source.sample(range(1, len(body)), min(source.randint(1, 30), len(body) - 1)))
    return [body[start:end] for start, end in zip([0, *places], [*places, len(body)], strict=True)]


def prefix_lengths(body: bytes, seed: str, effort: int) -> list[int]:
    """Where to cut a body off: everywhere if it is short, else around the line ends and at random places."""
    if len(body) <= min(SHORT_BODY, 20 * effort):
        return list(range(len(body)))
    source = random.Random(seed)
    ends = [match.end() for match in re.finditer(rb"\n+", body)]
    near = {end + step for end in source.sample(ends, min(len(ends), effort)) for step in (-1, 0, 1)}
    near |= {len(body) - step for step in range(1, 50)}
    near |= set(source.sample(range(len(body)), min(2 * effort, len(body))))
    return sorted(length for length in near if 0 <= length < len(body))


def mutants(body: bytes, seed: str, effort: int) -> Iterator[tuple[str, bytes]]:
    """Changed bodies, each with what was done to it."""
    for number in range(effort):
        source = random.Random(f"{seed}, mutant {number}")
        changed, done = body, list[str]()
        for _ in range(source.choice((1, 1, 1, 2, 4))):
            change = source.choice(_CHANGES)
            changed = change(changed, source)
            done.append(change.__name__.strip("_").replace("_", " "))
        yield f"number {number} ({', '.join(done)})", changed


def _another_value(body: bytes, source: random.Random) -> bytes:
    found = list(_LITERAL.finditer(body))
    if not found:
        return _another_byte(body, source)
    match = source.choice(found)
    return body[: match.start()] + source.choice(_VALUES) + body[match.end() :]


def _another_byte(body: bytes, source: random.Random) -> bytes:
    place = source.randrange(len(body) + 1)
    return body[:place] + bytes([source.randrange(256)]) + body[place + 1 :]


def _bytes_lost(body: bytes, source: random.Random) -> bytes:
    start, end = _stretch(body, source)
    return body[:start] + body[end:]


def _bytes_twice(body: bytes, source: random.Random) -> bytes:
    start, end = _stretch(body, source)
    return body[:end] + body[start:]


def _bytes_more(body: bytes, source: random.Random) -> bytes:
    place = source.randrange(len(body) + 1)
    more = source.choice((b"\n", b"\r\n\r\n", b'"', b"}", b"]", b"\xff", b"\x00", b"\xef\xbb\xbf", source.randbytes(9)))
    return body[:place] + more + body[place:]


def _depth(body: bytes, source: random.Random) -> bytes:
    found = list(_LITERAL.finditer(body))
    place = source.choice(found).start() if found else source.randrange(len(body) + 1)
    return body[:place] + _DEEP + body[place:]


def _line_lost(body: bytes, source: random.Random) -> bytes:
    kept = lines(body)
    if kept:
        del kept[source.randrange(len(kept))]
    return b"".join(kept)


def _lines_shuffled(body: bytes, source: random.Random) -> bytes:
    mixed = lines(body)
    source.shuffle(mixed)
    return b"".join(mixed)


def _line_twice(body: bytes, source: random.Random) -> bytes:
    kept = lines(body)
    kept.insert(source.randrange(len(kept) + 1), source.choice(kept) if kept else b"\n")
    return b"".join(kept)


_CHANGES: tuple[Callable[[bytes, random.Random], bytes], ...] = (
    # More often than the others: most bytes of a reply are JSON, and only this leaves it so.
    _another_value,
    _another_value,
    _another_value,
    _another_value,
    _another_byte,
    _bytes_lost,
    _bytes_twice,
    _bytes_more,
    _depth,
    _line_lost,
    _lines_shuffled,
    _line_twice,
)


def _stretch(body: bytes, source: random.Random) -> tuple[int, int]:
    start = source.randrange(len(body) + 1)
    return start, min(start + source.choice((1, 2, 5, 20, 100)), len(body))


__all__ = ["SHORT_BODY", "at_random", "cuttings", "lines", "mutants", "prefix_lengths"]
