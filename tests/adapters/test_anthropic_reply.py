"""Anthropic's replies as events: in any cutting, cut off anywhere, and broken in every way that was thought of."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.adapters.recording_kit import WRITTEN, Outcome, byte_by_byte, message_of, read_recordings, replay
from tidewire.adapters import anthropic_reply
from tidewire.adapters.anthropic import AnthropicCodec
from tidewire.events.errors import (
    APIStatusError,
    OverloadedError,
    ResponseDecodeError,
    ResponseLimitError,
    StreamInterruptedError,
    TidewireError,
)
from tidewire.events.types import Block, Event, Finish, Meta, Reasoning, Token, ToolCallDelta, Usage

RECORDINGS = {recording.id: recording for recording in read_recordings(WRITTEN / "anthropic")}
REPLIES = sorted(id for id, recording in RECORDINGS.items() if recording.status == 200)
STREAMS = sorted(id for id in REPLIES if RECORDINGS[id].streaming)


def frames(*frames: dict[str, Any]) -> bytes:
    """Frames as they stand on the wire."""
    return "".join(f"event: {frame['type']}\ndata: {json.dumps(frame)}\n\n" for frame in frames).encode()


def start(index: int, **block: Any) -> dict[str, Any]:
    return {"type": "content_block_start", "index": index, "content_block": block}


def delta(index: int, **grown: Any) -> dict[str, Any]:
    return {"type": "content_block_delta", "index": index, "delta": grown}


def stop(index: int) -> dict[str, Any]:
    return {"type": "content_block_stop", "index": index}


STOP = {"type": "message_stop"}
HEAD = frames({"type": "message_start", "message": {"id": "m", "model": "claude", "content": []}})
TEXT = start(0, type="text", text="")


def read(*parts: bytes, streamed: bool = True) -> Outcome:
    """What a decoder makes of these reads."""
    decoder = AnthropicCodec().decoder(streamed=streamed)
    events: list[Event] = []
    try:
        for part in parts:
            events.extend(decoder.feed(part))
        events.extend(decoder.close())
    except TidewireError as error:
        return Outcome(events, error)
    assert decoder.done
    return Outcome(events, None)


def told(*frames_: dict[str, Any]) -> list[Event]:
    """The events of a stream that begins and ends as it should, without those of its head."""
    outcome = read(HEAD, frames(*frames_, STOP))
    assert outcome.error is None, outcome.error
    return outcome.events[1:]


def broken(*frames_: dict[str, Any]) -> TidewireError:
    """The error of a stream that breaks the format."""
    outcome = read(HEAD, frames(*frames_))
    assert isinstance(outcome.error, ResponseDecodeError), outcome.error
    return outcome.error


def plain(**fields: Any) -> bytes:
    return json.dumps({"id": "m", "model": "claude", "content": [], **fields}).encode()


def cut(body: bytes, places: Iterable[int]) -> list[bytes]:
    """The body in reads that end at these places."""
    ends = [*sorted(place % (len(body) + 1) for place in places), len(body)]
    return [body[begin:end] for begin, end in zip([0, *ends], ends, strict=False)]


# ---------------------------------------------------------------- any cutting, any cut


@given(id=st.sampled_from(REPLIES), places=st.lists(st.integers(min_value=0), max_size=20))
def test_any_chunking_of_the_bytes_gives_the_same_events_and_the_same_error(id: str, places: list[int]) -> None:
    recording = RECORDINGS[id]
    whole = replay(recording, [recording.body])
    assert replay(recording, cut(recording.body, places)).key() == whole.key()


@pytest.mark.parametrize("id", REPLIES)
def test_one_byte_at_a_time_gives_the_same_events_and_the_same_error(id: str) -> None:
    recording = RECORDINGS[id]
    assert replay(recording, byte_by_byte(recording.body)).key() == replay(recording, [recording.body]).key()


@pytest.mark.parametrize("id", REPLIES)
def test_every_truncation_is_reported(id: str) -> None:
    recording = RECORDINGS[id]
    whole = replay(recording, [recording.body])
    for place in range(len(recording.body)):
        outcome = replay(recording, [recording.body[:place]])
        if outcome.error is None:
            # Only where the end of the message was read: its stop reason, and then the proper end of the body.
            assert [event for event in outcome.events if isinstance(event, Finish)]
            assert outcome.events == whole.events
        else:
            assert isinstance(outcome.error, (StreamInterruptedError, APIStatusError))
            assert outcome.events == whole.events[: len(outcome.events)]


@given(id=st.sampled_from(REPLIES), seed=st.integers(), data=st.data())
def test_mutated_bytes_give_events_or_one_of_our_errors_in_any_chunking(
    id: str, seed: int, data: st.DataObject
) -> None:
    recording = RECORDINGS[id]
    body = bytearray(recording.body)
    source = random.Random(seed)
    for _ in range(source.randint(1, 4)):
        place = source.randrange(len(body))
        match source.randrange(4):
            case 0:
                body[place] = source.randrange(256)
            case 1:
                del body[place : place + source.randint(1, 30)]
            case 2:
                body[place:place] = source.choice(
                    [b"\n\n", b"\r", b'"', b"}", b"{", b"null", b"\xff", b"data: ", b"[[["]
                )
            case _:
                other = source.randrange(len(body))
                body[place:place] = body[other : other + 50]
    mutated = msgspec.structs.replace(recording, body=bytes(body))
    places = data.draw(st.lists(st.integers(min_value=0), max_size=10))
    assert replay(mutated, cut(mutated.body, places)).key() == replay(mutated, [mutated.body]).key()


# ---------------------------------------------------------------- what a stream tells


def test_a_text_is_told_piece_by_piece() -> None:
    recording = RECORDINGS["text"]
    assert replay(recording, [recording.body]).events == [
        Meta(id="msg_01Written", model="claude-sonnet-4-5-20250929"),
        Usage(25, 1, 26, 0, 0),
        Meta(data={"usage": USAGE, "service_tier": "standard"}),
        Token("Hello"),
        Token(", wörld"),
        Token(" 👋"),
        Usage(25, 15, 40, 0, 0),
        Meta(data={"stop_reason": "end_turn", "usage": {**USAGE, "output_tokens": 15}, "service_tier": "standard"}),
        Finish("stop", "end_turn"),
    ]


USAGE = {
    "input_tokens": 25,
    "cache_creation_input_tokens": 0,
    "cache_read_input_tokens": 0,
    "output_tokens": 1,
    "service_tier": "standard",
}


def test_thinking_comes_before_its_signature() -> None:
    assert told(
        start(0, type="thinking", thinking="", signature=""),
        delta(0, type="thinking_delta", thinking="a"),
        delta(0, type="thinking_delta", thinking=""),
        delta(0, type="signature_delta", signature="sig"),
        delta(0, type="signature_delta", signature=None),
        stop(0),
    ) == [Reasoning("a"), Reasoning("", "sig")]
    assert told(start(0, type="thinking", thinking="b", signature="sig"), stop(0)) == [Reasoning("b", "sig")]


def test_redacted_thinking_is_a_reasoning_block_that_can_be_sent_back() -> None:
    block = {"type": "reasoning", "extras": {"redacted_data": "xyz"}}
    assert told(start(0, type="redacted_thinking", data="xyz"), stop(0)) == [Block(block)]


def test_a_call_names_itself_once_and_then_its_arguments_come() -> None:
    assert told(
        start(2, type="tool_use", id="t", name="a", input={}, caller={"type": "direct"}),
        delta(2, type="input_json_delta", partial_json=""),
        delta(2, type="input_json_delta", partial_json='{"x":'),
        delta(2, type="input_json_delta", partial_json="1}"),
        stop(2),
        stop(2),
    ) == [
        ToolCallDelta(index=2, id="t", name="a", extras={"caller": {"type": "direct"}}),
        ToolCallDelta('{"x":', 2),
        ToolCallDelta("1}", 2),
    ]


def test_arguments_that_stand_whole_in_the_start_are_used_when_no_pieces_follow() -> None:
    assert told(start(0, type="tool_use", id="t", name="a", input={"x": "ü"}), stop(0)) == [
        ToolCallDelta(id="t", name="a"),
        ToolCallDelta('{"x":"ü"}'),
    ]
    assert told(start(0, type="tool_use", id="t", name="a"), stop(0)) == [ToolCallDelta(id="t", name="a")]


def test_arguments_that_come_in_pieces_replace_those_of_the_start() -> None:
    piece = delta(0, type="input_json_delta", partial_json='{"x":2}')
    assert told(start(0, type="tool_use", id="t", name="a", input={"x": 1}), piece, stop(0)) == [
        ToolCallDelta(id="t", name="a"),
        ToolCallDelta('{"x":2}'),
    ]
    assert told(start(0, type="server_tool_use", id="s", name="a", input={"x": 1}), piece, stop(0)) == [
        Block({"type": "server_tool_call", "id": "s", "name": "a", "args": {"x": 2}})
    ]


def test_a_server_tools_call_comes_whole() -> None:
    assert told(
        start(0, type="server_tool_use", id="s", name="web_search", input={}),
        delta(0, type="input_json_delta", partial_json='{"query":'),
        delta(0, type="input_json_delta", partial_json='"x"}'),
        stop(0),
    ) == [Block({"type": "server_tool_call", "id": "s", "name": "web_search", "args": {"query": "x"}})]


def test_a_server_tools_call_that_was_cut_off_is_a_piece_of_one() -> None:
    assert told(
        start(0, type="server_tool_use", id="s", name="web_search", input={}),
        delta(0, type="input_json_delta", partial_json='{"query":'),
    ) == [Block({"type": "server_tool_call_chunk", "id": "s", "name": "web_search", "args": '{"query":'})]


def test_citations_belong_to_the_text_of_their_index() -> None:
    web = {
        "type": "web_search_result_location",
        "url": "https://x",
        "title": None,
        "cited_text": "c",
        "encrypted_index": "e",
    }
    note = {
        "type": "citation",
        "url": "https://x",
        "cited_text": "c",
        "extras": {"type": "web_search_result_location", "encrypted_index": "e"},
    }
    assert told(
        TEXT, delta(0, type="citations_delta", citation=web), delta(0, type="citations_delta", citation=None)
    ) == [Block(note)]
    assert told(start(1, type="text", text="a", citations=[web])) == [Token("a", 1), Block(note, 1)]


def test_a_compaction_grows_by_what_its_delta_names() -> None:
    value = {"type": "compaction", "content": "so far", "encrypted_content": "e", "signature": "s"}
    assert told(
        start(0, type="compaction", content=None, signature="s"),
        delta(0, type="compaction_delta", content="so far", encrypted_content="e"),
        stop(0),
    ) == [Block({"type": "non_standard", "value": value})]


def test_after_a_fallback_another_model_answers() -> None:
    value = {"type": "fallback", "from": {"model": "a"}, "to": {"model": "b"}}
    assert told(start(0, **value), stop(0)) == [Block({"type": "non_standard", "value": value}), Meta(model="b")]


def test_blocks_frames_and_deltas_newer_than_this_library_pass() -> None:
    assert told(
        {"type": "ping"},
        {"type": "news", "index": 7},
        TEXT,
        delta(0, type="sound_delta", sound="la"),
        delta(0, type=None),
        delta(0, type="text_delta", text="a", voice="b"),
        stop(0),
        start(1, type="hologram", depth=3),
        stop(1),
    ) == [Token("a"), Block({"type": "non_standard", "value": {"type": "hologram", "depth": 3}}, 1)]


def test_null_fields_are_as_good_as_absent_ones() -> None:
    head = {
        "type": "message_start",
        "message": {"id": None, "model": None, "content": None, "usage": None, "container": None},
    }
    end = {"type": "message_delta", "delta": None, "usage": None, "context_management": None}
    no_reason = {"type": "message_delta", "delta": {"stop_reason": None}, "usage": {"output_tokens": None}}
    outcome = read(frames(head, TEXT, delta(0, type="text_delta", text=None), end, no_reason, STOP))
    assert (outcome.events, outcome.error) == ([Meta()], None)
    block = {"type": "text", "text": None, "citations": None}
    assert read(plain(content=[block, {"type": "thinking", "thinking": None}]), streamed=False).events == [
        Meta(id="m", model="claude")
    ]


def test_thinking_is_counted_within_the_answer_and_by_itself_in_the_raw_usage() -> None:
    counts = {"output_tokens": 9, "output_tokens_details": {"thinking_tokens": 7}}
    outcome = read(frames({"type": "message_start", "message": {"usage": counts}}, STOP))
    message = message_of(outcome.events)
    usage = message.usage_metadata
    assert usage is not None
    assert (usage["output_tokens"], usage.get("output_token_details")) == (9, None)
    assert message.response_metadata["usage"]["output_tokens_details"] == {"thinking_tokens": 7}


def test_usage_is_a_running_total_and_counts_what_the_cache_held() -> None:
    def usage(**counts: Any) -> dict[str, Any]:
        return {"type": "message_delta", "delta": {}, "usage": counts}

    head = {
        "type": "message_start",
        "message": {"usage": {"input_tokens": 5, "cache_read_input_tokens": 100, "output_tokens": 1}},
    }
    grown = usage(
        output_tokens=7,
        cache_creation_input_tokens=20,
        cache_creation={"ephemeral_5m_input_tokens": 15, "ephemeral_1h_input_tokens": 5},
    )
    outcome = read(frames(head, grown, usage(input_tokens=6, output_tokens=9, cache_read_input_tokens=None), STOP))
    assert [event for event in outcome.events if isinstance(event, Usage)] == [
        Usage(105, 1, 106, cache_read=100, cache_creation=0),
        Usage(125, 7, 132, cache_read=100, cache_creation=20, cache_creation_5m=15, cache_creation_1h=5),
        Usage(126, 9, 135, cache_read=100, cache_creation=20, cache_creation_5m=15, cache_creation_1h=5),
    ]


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("pause_turn", "stop"),
        ("compaction", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("tool_use", "tool_calls"),
        ("refusal", "refusal"),
        ("sleepy", "other"),
    ],
)
def test_the_reason_to_stop_in_one_word_for_all_providers(word: str, reason: Any) -> None:  # noqa: ANN401 - any of its forms
    end = {"type": "message_delta", "delta": {"stop_reason": word}, "usage": {}}
    assert told(end) == [Meta(data={"stop_reason": word}), Finish(reason, word)]


def test_what_the_end_says_beside_the_reason_goes_into_the_metadata() -> None:
    end: dict[str, Any] = {
        "type": "message_delta",
        "delta": {
            "stop_reason": "stop_sequence",
            "stop_sequence": "END",
            "container": {"id": "c"},
            "stop_details": {"a": 1},
        },
        "context_management": {"applied_edits": []},
        "input_transformations": [],
    }
    assert told(end)[0] == Meta(
        data={
            "stop_reason": "stop_sequence",
            "stop_sequence": "END",
            "stop_details": {"a": 1},
            "container": {"id": "c"},
            "context_management": {"applied_edits": []},
            "input_transformations": [],
        }
    )


def test_nothing_counts_after_the_end_of_the_message() -> None:
    decoder = AnthropicCodec().decoder(streamed=True)
    events = list(decoder.feed(HEAD + frames(STOP) + frames(TEXT, delta(0, type="text_delta", text="a"))))
    assert decoder.done
    assert events == [Meta(id="m", model="claude")]
    assert list(decoder.feed(b"event: error\ndata: x\n\n")) == []
    assert list(decoder.close()) == []


def test_half_a_character_is_read_as_one_that_is_missing() -> None:
    half = frames(TEXT, delta(0, type="text_delta", text="\ud83d"), STOP)
    assert rb"\ud83d" in half
    outcome = read(HEAD, half)
    assert outcome.error is None
    assert outcome.events[1:] == [Token("\ufffd")]


# ---------------------------------------------------------------- ends


def test_a_stream_without_a_stop_is_interrupted() -> None:
    outcome = read(HEAD, frames(TEXT, delta(0, type="text_delta", text="a"), stop(0)))
    assert isinstance(outcome.error, StreamInterruptedError)
    assert outcome.events[1:] == [Token("a")]
    assert isinstance(read(b"").error, StreamInterruptedError)


def test_a_stop_reason_and_the_proper_end_of_the_body_are_enough() -> None:
    search = start(0, type="server_tool_use", id="s", name="web_search", input={"query": "x"})
    outcome = read(HEAD, frames(search, {"type": "message_delta", "delta": {"stop_reason": "pause_turn"}}))
    assert outcome.error is None
    assert outcome.events[-1] == Block(
        {"type": "server_tool_call", "id": "s", "name": "web_search", "args": {"query": "x"}}
    )


def test_a_last_frame_without_its_blank_line_counts() -> None:
    assert read(HEAD, frames(STOP).rstrip()).error is None
    assert isinstance(read(HEAD, b'event: message_stop\ndata: {"type":"message_stop"').error, StreamInterruptedError)
    outcome = read(HEAD, b'event: message_start\ndata: {"type":"message_start","message":{}')
    assert isinstance(outcome.error, StreamInterruptedError)


def test_a_plain_reply_under_the_content_type_of_a_stream_is_read_as_what_it_is() -> None:
    assert read(b"\n" + plain(content=[{"type": "text", "text": "a"}])).events[-1] == Token("a")
    assert isinstance(read(b'{"type":"error","error":{"type":"overloaded_error"}}').error, OverloadedError)
    assert isinstance(read(HEAD, b'{"a":1}').error, StreamInterruptedError)


# ---------------------------------------------------------------- errors


def test_events_before_an_error_in_the_stream_are_yielded() -> None:
    recording = RECORDINGS["error_after_content"]
    outcome = replay(recording, [recording.body])
    assert outcome.events[-2:] == [Token("Half an "), Token("answer")]
    assert isinstance(outcome.error, APIStatusError)
    assert outcome.error.status_code == 500


@pytest.mark.parametrize(
    ("data", "code", "text"),
    [
        (b'{"type":"error","error":{"type":"overloaded_error","message":"busy"}}', "overloaded_error", "busy"),
        (b'{"error":{"type":"overloaded_error","message":"busy"}}', "overloaded_error", "busy"),
        (b'{"type":"error","error":"busy"}', None, "busy"),
        (b"busy", None, "busy"),
    ],
)
def test_an_error_frame_is_read_in_every_shape(data: bytes, code: str | None, text: str) -> None:
    error = read(HEAD, b"event: error\ndata: " + data + b"\n\n").error
    assert isinstance(error, APIStatusError)
    assert error.provider_code == code
    assert text in error.message


def test_an_error_frame_needs_no_name() -> None:
    error = read(HEAD, b'data: {"type":"error","error":{"type":"overloaded_error"}}\n\n').error
    assert isinstance(error, OverloadedError)


def test_a_named_frame_without_data_is_nothing() -> None:
    assert read(HEAD, b"event: error\ndata:\n\n", frames(STOP)).error is None


@pytest.mark.parametrize(
    "data",
    [
        b"nonsense",
        b"[]",
        b'"text"',
        b'{"type":"message_start"}',
        b'{"type":"message_start","message":{"usage":{"input_tokens":"many"}}}',
        b'{"type":"message_start","message":{"content":[3]}}',
        b'{"type":"content_block_start","index":0}',
        b'{"type":"content_block_start","index":"0","content_block":{}}',
        b'{"type":"content_block_start","index":0,"content_block":{"type":"text","text":5}}',
        b'{"type":"content_block_start","index":0,"content_block":{"type":"text","citations":"x"}}',
        b'{"type":"content_block_start","index":0,"content_block":{"type":"text","citations":["x"]}}',
        b'{"type":"content_block_start","index":0,"content_block":{"type":["x"]}}',
        b'{"type":"content_block_stop","index":9}',
        b'{"type":"content_block_delta","index":9,"delta":{"type":"text_delta","text":"a"}}',
        b'{"type":"content_block_delta","index":5}',
        b'{"type":"content_block_delta","index":5,"delta":{"type":"text_delta","text":7}}',
        b'{"type":"content_block_delta","index":5,"delta":{"type":"citations_delta","citation":{"type":7}}}',
        b'{"type":"content_block_delta","index":5,"delta":{"type":"input_json_delta","partial_json":"{}"}}',
        b'{"type":"content_block_start","index":5,"content_block":{"type":"text"}}',
        b'{"type":"message_delta","delta":{"stop_reason":3}}',
        b'{"type":"\xff"}',
        b'{"type":"ping","x":' + b"[" * 100_000,
    ],
)
def test_a_frame_that_breaks_the_format_is_a_decode_error(data: bytes) -> None:
    outcome = read(HEAD, frames(start(5, type="text")), b"data: " + data + b"\n\n")
    assert isinstance(outcome.error, ResponseDecodeError)
    assert len(outcome.error.excerpt) <= 500


@pytest.mark.parametrize(
    "spot",
    [
        b'{"type":"content_block_start","index":0,"content_block":{"type":%b}}',
        b'{"type":"content_block_start","index":0,"content_block":{"type":"text","text":%b}}',
        b'{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"t","name":"a","input":%b}}',
        b'{"type":"content_block_start","index":0,"content_block":{"type":"news","text":"\\ud83d","more":%b}}',
        b'{"type":"message_start","message":{"usage":{"input_tokens":%b}}}',
        b'{"type":"message_delta","delta":{"stop_reason":"end_turn","stop_details":%b}}',
        b'{"type":"error","error":{"type":"api_error","message":%b}}',
    ],
)
def test_json_of_any_depth_gives_events_or_one_of_our_errors(spot: bytes) -> None:
    for depth in (1, 100, *range(900, 1010), 100_000):
        for value in (b"[" * depth + b"]" * depth, b'{"a":' * depth + b"1" + b"}" * depth):
            # `read` lets any other exception pass.
            read(HEAD, b"data: " + spot % value + b"\n\n", frames(stop(0), STOP))


def test_input_for_a_block_that_is_over_is_a_decode_error() -> None:
    search = start(0, type="server_tool_use", id="s", name="web_search", input={})
    broken(search, stop(0), delta(0, type="input_json_delta", partial_json="{}"))


def test_a_tool_input_that_is_no_object_is_a_decode_error() -> None:
    broken(start(0, type="tool_use", id="t", name="a", input="x"), stop(0))


# ---------------------------------------------------------------- plain replies


def test_a_plain_reply_gives_the_events_of_a_stream() -> None:
    body = plain(
        content=[
            {"type": "thinking", "thinking": "hm", "signature": "sig"},
            {"type": "text", "text": "a"},
            {"type": "tool_use", "id": "t", "name": "b", "input": {"x": 1}},
        ],
        stop_reason="tool_use",
        usage={"input_tokens": 3, "output_tokens": 4},
    )
    assert read(*byte_by_byte(body), streamed=False).events == [
        Meta(id="m", model="claude"),
        Usage(3, 4, 7, 0, 0),
        Reasoning("hm", "sig", 0),
        Token("a", 1),
        ToolCallDelta(index=2, id="t", name="b"),
        ToolCallDelta('{"x":1}', 2),
        Meta(data={"stop_reason": "tool_use", "usage": {"input_tokens": 3, "output_tokens": 4}}),
        Finish("tool_calls", "tool_use"),
    ]


def test_a_plain_reply_that_ends_within_its_json_is_interrupted() -> None:
    body = plain(content=[{"type": "text", "text": "é\n\\"}], usage={"input_tokens": 10, "x": [True, None, -1.5e3]})
    for place in range(len(body)):
        assert isinstance(read(body[:place], streamed=False).error, StreamInterruptedError)
    assert read(body, streamed=False).error is None


@pytest.mark.parametrize(
    "body", [b"<html>", b"[]", b"{}", b'{"content":[[]]}', b'{"content":[],"id":5}', b"[" * 100_000]
)
def test_a_body_that_is_no_message_is_a_decode_error(body: bytes) -> None:
    assert isinstance(read(body, streamed=False).error, ResponseDecodeError)


@pytest.mark.parametrize(
    "body", [b'{"type":"error"}', b'{"error":{"message":"x"}}', b'{"type":"error","error":{"type":"x"}}']
)
def test_a_body_that_is_an_error_is_raised_as_one(body: bytes) -> None:
    assert isinstance(read(body, streamed=False).error, APIStatusError)


def test_a_body_longer_than_the_limit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(anthropic_reply, "BODY_LIMIT", 10)
    assert read(b"x" * 10, streamed=False).error is not None
    assert not isinstance(read(b"x" * 10, streamed=False).error, ResponseLimitError)
    assert isinstance(read(b"x" * 6, b"x" * 5, streamed=False).error, ResponseLimitError)
