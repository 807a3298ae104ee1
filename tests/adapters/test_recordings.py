"""Every recorded exchange of an API that a codec reads gives, in any cutting, what the recording says it holds."""

import os

import msgspec
import pytest

from tests.adapters.recording_kit import (
    CAPTURED,
    SHORT_BODY,
    WRITTEN,
    Recording,
    at_random,
    byte_by_byte,
    cuttings,
    differences,
    faults,
    per_event,
    read_recordings,
    replay,
    whole,
)

# All cuttings of all recordings are a matter of a minute: CI has it, for bodies byte by byte up to a length.
CUTS = 200 if os.environ.get("CI") == "true" else 10

written = list(read_recordings(WRITTEN))
captured = list(read_recordings(CAPTURED)) if CAPTURED.is_dir() else []


@pytest.mark.parametrize("recording", written, ids=lambda one: f"{one.api}/{one.id}")
def test_a_written_recording_is_read_as_it_says_in_every_cutting(recording: Recording) -> None:
    assert faults(recording, every_byte=True, random_cuts=CUTS) == []


@pytest.mark.skipif(not captured, reason=f"the captured recordings are not at {CAPTURED} (TIDEWIRE_RECORDINGS)")
@pytest.mark.parametrize("api", sorted({recording.api for recording in captured}) or ["none"])
def test_all_captured_recordings_of_an_api_are_read_as_they_say_in_every_cutting(api: str) -> None:
    wrong = {
        recording.id: found
        for recording in captured
        if recording.api == api
        and (found := faults(recording, every_byte=len(recording.body) < SHORT_BODY, random_cuts=CUTS))
    }
    assert wrong == {}


@pytest.mark.parametrize(
    "recording", [one for one in written if one.status == 200], ids=lambda one: f"{one.api}/{one.id}"
)
def test_the_kit_sees_what_is_wrong(recording: Recording) -> None:
    # A kit that finds every reading right would prove nothing.
    cut = replay(recording, [recording.body[: len(recording.body) // 2]])
    assert differences(recording, cut) != [] or cut.error is not None
    other = {**recording.expected, "text": "something else", "error": None}
    changed = msgspec.structs.replace(recording, expected=other)
    assert differences(changed, replay(recording, whole(recording.body))) != []


def test_cuttings_lose_no_byte() -> None:
    body = b"event: a\r\ndata: 1\r\n\r\ndata: 2\n\n\ndata: 3"
    for reads in (whole(body), per_event(body), byte_by_byte(body), at_random(body, 1)):
        assert b"".join(reads) == body
    assert len(per_event(body)) > 2
    assert at_random(body, 1) == at_random(body, 1) != at_random(body, 2)
    assert len(list(cuttings(written[0], every_byte=True, random_cuts=3))) == 5
