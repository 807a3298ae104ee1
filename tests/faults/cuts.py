"""Cuts streams at every byte: what comes out is the whole answer, or an error with just what had arrived.

The whole answer only where all that says so has been read: the terminator, or a finish reason before a proper end. What
had arrived is told by a decoder that is fed the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tests.adapters.recording_kit import CAPTURED, WRITTEN, Recording, codec_for, message_of, read_recordings
from tests.faults.trial import AT_ONCE, call
from tests.faults.wires import WIRES
from tidewire import init_chat_model
from tidewire.adapters.replay_transport import Ending, Exchange, ReplayTransport
from tidewire.events.errors import StreamInterruptedError, TidewireError
from tidewire.events.messages import AIMessage
from tidewire.events.types import CONTENT, Event

#: A stream of each format with text and, where it is short enough, a tool call.
SIX = {
    "openai chat": "openai/tool-call-stream.json",
    "openai responses": "openai_responses/function-call-stream.json",
    "anthropic": "anthropic/tool_call.json",
    "google_genai": "google_genai/gemini_function_call.json",
    "bedrock_converse": "bedrock/converse_tool_call.json",
    "ollama": "ollama/tool_call.ndjson",
}
#: How the APIs of recordings are called here.
_WIRE_OF = {
    "openai.chat": "openai chat",
    "openai.responses": "openai responses",
    "anthropic.messages": "anthropic",
    "google.generate_content": "google_genai",
    "bedrock.converse_stream": "bedrock_converse",
    "ollama.chat": "ollama",
}


def written(name: str) -> Recording:
    """The recording of a format that is cut here."""
    path = WRITTEN / Path(SIX[name]).with_suffix(".json")
    return next(one for one in read_recordings(path.parent) if one.id == path.stem)


def captured(limit_bytes: int) -> Iterator[tuple[str, Recording]]:
    """The shortest captured stream of each format."""
    shortest: dict[str, Recording] = {}
    for recording in read_recordings(CAPTURED) if CAPTURED.is_dir() else ():
        name = _WIRE_OF.get(recording.api)
        if name is None or not recording.streaming or recording.expected.get("error"):
            continue
        if len(recording.body) > limit_bytes:
            continue
        known = shortest.get(name)
        if known is None or len(recording.body) < len(known.body):
            shortest[name] = recording
    yield from sorted(shortest.items())


def decoded(recording: Recording, length: int, ending: Ending) -> tuple[list[Event], bool]:
    """What a decoder makes of the first bytes, and whether the answer is whole by then."""
    codec = codec_for(recording.api)
    assert codec is not None
    decoder = codec.decoder(streamed=True)
    events: list[Event] = list(decoder.feed(recording.body[:length])) if length else []
    if decoder.done:
        return events, True
    if ending == "reset":
        return events, False
    try:
        events.extend(decoder.close())
    except TidewireError:
        return events, False
    return events, True


async def cut_at(name: str, recording: Recording, length: int, ending: Ending) -> None:
    """Cut a recording and see what a call makes of it."""
    wire = WIRES[name]
    exchange = Exchange(
        body=recording.body, headers=recording.headers, break_at=length, ending=ending, cuts=length % 11 + 1
    )
    transport = ReplayTransport(exchange)
    model = init_chat_model(
        wire.model,
        base_url="http://replay.invalid",
        transport=transport,
        streaming=True,
        retry=AT_ONCE,
        max_retries=0,
        **wire.parameters,
    )
    seen = await call(model, streamed=True)
    events, is_whole = decoded(recording, length, ending)
    begun = any(type(event) in CONTENT for event in events)
    arrived = message_of(events)
    if is_whole:
        assert seen.error is None, f"{seen.error!r} after {length} bytes"
        _same(seen.message, arrived, length)
        whole = message_of(decoded(recording, len(recording.body), "end")[0])
        assert (arrived.text, arrived.tool_calls) == (whole.text, whole.tool_calls), f"less, after {length} bytes"
    else:
        assert isinstance(seen.error, StreamInterruptedError), f"{seen.error or seen.message!r} after {length} bytes"
        assert (seen.error.partial is not None) == begun
        if begun:
            _same(seen.error.partial, arrived, length)
    assert transport.open_responses == 0


def _same(given: object, arrived: AIMessage, length: int) -> None:
    assert isinstance(given, AIMessage)
    assert (given.text, given.tool_calls, given.invalid_tool_calls, given.usage_metadata) == (
        arrived.text,
        arrived.tool_calls,
        arrived.invalid_tool_calls,
        arrived.usage_metadata,
    ), f"after {length} bytes"


__all__ = ["SIX", "captured", "cut_at", "decoded", "written"]
