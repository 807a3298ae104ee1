"""Checks of a decoder on one recording: any cut, any truncation, any broken byte, and what the whole says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tidewire.adapters.conformance import cuts, grammar
from tidewire.adapters.conformance.recording import (
    ConformanceError,
    Outcome,
    Recording,
    content_of,
    differences,
    read,
    shown,
)
from tidewire.adapters.spec import Codec
from tidewire.events.errors import StreamInterruptedError


class Replies:
    """The checks of one recording.

    Args:
        codec: What reads it.
        recording: The recording.
        effort: How many random cuts, truncations and changes to try.
    """

    def __init__(self, codec: Codec, recording: Recording, effort: int) -> None:
        self._codec = codec
        self._recording = recording
        self._effort = effort

    def is_as_declared(self) -> None:
        """The whole reply says what the recording declares."""
        wrong = differences(self._recording, self._whole())
        self._check(wrong, "Mend the codec, or what the recording declares.")

    def keeps_to_the_grammar(self) -> None:
        """The events of the whole reply are well formed and in order."""
        events = self._whole().events
        wrong = [*grammar.ill_formed(events)] or [*grammar.faults(events, unterminated=self._recording.unterminated)]
        self._check(wrong, "See tidewire.events.types.")

    def is_the_same_at_any_cut(self) -> None:
        """However the bytes are cut into reads, the events and the error are the same."""
        whole = self._whole()
        body, name = self._recording.body, self._recording.name
        for how, reads in cuts.cuttings(body, name, self._effort):
            self._compare(whole, self._read(reads), f"cut {how}")

    def is_over_at_its_end(self) -> None:
        """Bytes behind the provider's own terminator change nothing."""
        recording = self._recording
        if recording.status >= 400 or self._whole().error is not None:
            return
        decoder = self._codec.decoder(streamed=recording.streamed)
        for _ in decoder.feed(recording.body):
            pass
        if decoder.done:  # else the format has no terminator
            longer = self._read([recording.body + b"\n\n{\x00}\n\n"])
            self._compare(self._whole(), longer, "with more bytes behind its end")

    def tells_every_truncation(self) -> None:
        """A reply that is cut off anywhere is an error, unless only what follows its finish is missing."""
        recording = self._recording
        if recording.status >= 400:
            return
        whole = self._whole()
        said = content_of(whole.message())
        for length in cuts.prefix_lengths(recording.body, recording.name, self._effort):
            cut = self._read([recording.body[:length]])
            before = shown(recording.body[max(length - 60, 0) : length])
            where = f"{recording.name}: cut off behind byte {length}, {before},"
            if isinstance(cut.error, StreamInterruptedError) or (whole.error is not None and cut.error is not None):
                continue
            if cut.error is not None:
                raise ConformanceError(
                    f"{where} it raised {type(cut.error).__name__}: {cut.error.message}\n"
                    "  A body that ends too early is a StreamInterruptedError: it may have been cut on the way."
                )
            finished = cut.finish is not None and whole.error is None
            if finished and (recording.unterminated or content_of(cut.message()) == said):
                continue
            raise ConformanceError(
                f"{where} it passed for whole\n"
                f"  whole: {whole}\n"
                f"  cut off: {cut}\n"
                "  Raise a StreamInterruptedError in close() unless the terminator, or a finish reason and all that "
                "comes before it, was read. If the format has no terminator, declare unterminated=True."
            )

    def survives_broken_bytes(self) -> None:
        """Changed bytes give events or errors of tidewire's, the same at any cut, and the events make a message."""
        recording = self._recording
        for how, body in cuts.mutants(recording.body, recording.name, self._effort):
            whole = self._read([body])
            wrong = [*grammar.ill_formed(whole.events)]
            if wrong:
                raise ConformanceError(
                    f"{recording.name}: with broken bytes, {how}, {wrong[0]}\n"
                    f"  bytes: {shown(body)}\n"
                    "  Read the bytes with structs, whose types are checked."
                )
            _ = whole.message().content_blocks
            self._compare(whole, self._read(cuts.at_random(body, how)), f"with broken bytes, {how}, and cut")

    def says_the_same_as(self, other: Recording) -> None:
        """Two recordings of the same answer, streamed and plain, make the same message."""
        found = {one.name: _answer(read(self._codec, one, [one.body])) for one in (self._recording, other)}
        (name, mine), (other_name, others) = found.items()
        wrong = [
            f"{field}: {shown(mine[field])}, but {shown(others[field])} in {other_name!r}"
            for field in mine
            if mine[field] != others[field]
        ]
        if wrong:
            raise ConformanceError(f"{name}: not the same answer as {other_name!r}\n  " + "\n  ".join(wrong))

    def _read(self, reads: Iterable[bytes]) -> Outcome:
        return read(self._codec, self._recording, reads)

    def _whole(self) -> Outcome:
        return self._read([self._recording.body])

    def _compare(self, whole: Outcome, other: Outcome, how: str) -> None:
        if whole.same_as(other):
            return
        raise ConformanceError(
            f"{self._recording.name}: {how}, it is not what it is in one read\n"
            f"  in one read: {whole}\n"
            f"  {how}: {other}\n"
            "  Decode whole frames only and keep the rest for the next read (SSEFramer, NDJSONFramer and "
            "EventStreamFramer do); set done with the last event, not before."
        )

    def _check(self, wrong: list[str], mend: str) -> None:
        if wrong:
            raise ConformanceError(f"{self._recording.name}: " + "\n  ".join([*wrong, mend]))


def _answer(outcome: Outcome) -> Mapping[str, object]:
    message = outcome.message()
    return {
        "content_blocks": content_of(message),
        "usage": message.usage_metadata,
        "finish": outcome.finish,
        "model": message.response_metadata.get("model_name"),
        "error": outcome.error_facts(),
    }


__all__ = ["Replies"]
