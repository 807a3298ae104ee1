"""Converse's replies as events: in any cutting, cut off anywhere, broken, and beside what botocore reads."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.adapters.bedrock_judge import events_of
from tests.adapters.eventstream_bytes import event, exception, frame, stream_of
from tests.adapters.recording_kit import WRITTEN, Outcome, at_random, byte_by_byte, message_of, read_recordings, replay
from tidewire.adapters import bedrock_reply
from tidewire.adapters.bedrock import BedrockCodec
from tidewire.adapters.eventstream import EventStreamFramer
from tidewire.events.errors import (
    APIStatusError,
    ContextWindowExceededError,
    InternalServerError,
    RateLimitError,
    ResponseDecodeError,
    ResponseLimitError,
    StreamInterruptedError,
    TidewireError,
)
from tidewire.events.types import Block, Event, Finish, FinishReason, Meta, Reasoning, Token, ToolCallDelta, Usage

FOLDER = WRITTEN / "bedrock"
RECORDINGS = {recording.id: recording for recording in read_recordings(FOLDER)}
REPLIES = sorted(id for id, recording in RECORDINGS.items() if recording.status == 200)
STREAMS = sorted(id for id in REPLIES if RECORDINGS[id].streaming)

Told = Sequence[Any]
STOP: Told = ("messageStop", {"stopReason": "end_turn"})
METADATA: Told = (
    "metadata",
    {"usage": {"inputTokens": 1, "outputTokens": 2, "totalTokens": 3}, "metrics": {"latencyMs": 5}},
)
END: tuple[Told, Told] = (STOP, METADATA)


def delta(index: int, **grown: Any) -> Told:
    return "contentBlockDelta", {"contentBlockIndex": index, "delta": grown}


def start(index: int, **begun: Any) -> Told:
    return "contentBlockStart", {"contentBlockIndex": index, "start": begun}


def stop(index: int) -> Told:
    return "contentBlockStop", {"contentBlockIndex": index}


def read(*parts: bytes, streamed: bool = True) -> Outcome:
    """What a decoder makes of these reads."""
    decoder = BedrockCodec().decoder(streamed=streamed)
    events: list[Event] = []
    try:
        for part in parts:
            events.extend(decoder.feed(part))
        events.extend(decoder.close())
    except TidewireError as error:
        return Outcome(events, error)
    assert decoder.done
    return Outcome(events, None)


def told(*frames: Told) -> list[Event]:
    """The events of a stream that ends as it should, without those of its end."""
    outcome = read(stream_of(frames + END))
    assert outcome.error is None, outcome.error
    end = read(stream_of(END)).events
    assert outcome.events[-len(end) :] == end
    return outcome.events[: -len(end)]


def blocks(*frames: Told) -> list[Any]:
    return list(message_of(told(*frames)).content_blocks)


def broken(*frames: Told) -> ResponseDecodeError:
    """The error of a stream that breaks the format."""
    error = read(stream_of(frames + END)).error
    assert isinstance(error, ResponseDecodeError), error
    return error


def plain(*content: dict[str, Any], **fields: Any) -> list[Event]:
    body = {"output": {"message": {"role": "assistant", "content": content}}, "stopReason": "end_turn", **fields}
    outcome = read(json.dumps(body).encode(), streamed=False)
    assert outcome.error is None, outcome.error
    return outcome.events


# ---------------------------------------------------------------- what is read


def test_text_comes_as_it_is_cut() -> None:
    assert told(("messageStart", {"role": "assistant"}), delta(0, text="a"), delta(0, text=""), delta(1, text="b")) == [
        Token("a", 0),
        Token("b", 1),
    ]


def test_a_call_comes_with_its_arguments_piece_by_piece() -> None:
    use = {"toolUseId": "t1", "name": "f"}
    assert told(
        start(2, toolUse=use), delta(2, toolUse={"input": ""}), delta(2, toolUse={"input": '{"a":'}), stop(2), stop(2)
    ) == [ToolCallDelta("", 2, "t1", "f"), ToolCallDelta('{"a":', 2)]


def test_a_call_that_begins_in_the_place_of_another_is_another_call() -> None:
    first, second = ({"toolUseId": id, "name": "f"} for id in ("t1", "t2"))
    found = message_of(
        told(start(0, toolUse=first), start(0, toolUse=second), delta(0, toolUse={"input": '{"a":1}'}))
    ).tool_calls
    assert [(call["id"], call["args"]) for call in found] == [("t1", {}), ("t2", {"a": 1})]


def test_a_block_that_begins_in_the_place_of_another_ends_that() -> None:
    first, second = ({"toolUseId": id, "type": "x_result"} for id in ("t1", "t2"))
    found = blocks(start(0, toolResult=first), delta(0, toolResult=[{"text": "a"}]), start(0, toolResult=second))
    assert [(block["tool_call_id"], block["output"]) for block in found] == [("t1", [{"text": "a"}]), ("t2", [])]


def test_reasoning_and_its_signature_in_pieces() -> None:
    assert told(
        delta(0, reasoningContent={"text": "hm"}),
        delta(0, reasoningContent={"signature": "ab"}),
        delta(0, reasoningContent={"signature": "cd"}),
        delta(0, reasoningContent={}),
        stop(0),
    ) == [Reasoning("hm", None, 0), Reasoning("", "ab", 0), Reasoning("", "abcd", 0)]


def test_encrypted_reasoning_is_one_block_whatever_its_pieces() -> None:
    pieces = [base64.b64encode(part).decode() for part in (b"se", b"cret")]
    deltas = [delta(0, reasoningContent={"redactedContent": piece}) for piece in pieces]
    assert blocks(*deltas, stop(0)) == [
        {"type": "reasoning", "reasoning": "", "extras": {"redacted_data": base64.b64encode(b"secret").decode()}}
    ]


def test_a_block_that_never_ends_is_whole_at_the_end_of_the_message() -> None:
    assert blocks(delta(0, reasoningContent={"redactedContent": "c2VjcmV0"})) == [
        {"type": "reasoning", "reasoning": "", "extras": {"redacted_data": "c2VjcmV0"}}
    ]


def test_a_tool_of_the_provider_and_its_result() -> None:
    use = {"toolUseId": "t1", "name": "nova_grounding", "type": "server_tool_use"}
    result = {"toolUseId": "t1", "type": "nova_grounding_result", "status": "error"}
    assert blocks(
        start(0, toolUse=use),
        delta(0, toolUse={"input": '{"query":'}),
        delta(0, toolUse={"input": '"x"}'}),
        stop(0),
        start(1, toolResult=result),
        delta(1, toolResult=[{"text": "a"}]),
        delta(1, toolResult=[{"json": {"b": 1}}]),
        stop(1),
    ) == [
        {
            "type": "server_tool_call",
            "id": "t1",
            "name": "web_search",
            "args": {"query": "x"},
            "extras": {"tool_name": "nova_grounding"},
        },
        {
            "type": "server_tool_result",
            "tool_call_id": "t1",
            "status": "error",
            "output": [{"text": "a"}, {"json": {"b": 1}}],
            "extras": {"block_type": "nova_grounding_result"},
        },
    ]


def test_a_call_of_a_tool_of_the_provider_that_was_cut_keeps_what_was_written() -> None:
    use = {"toolUseId": "t1", "name": "search", "type": "mcp_tool_use"}
    assert blocks(start(0, toolUse=use), delta(0, toolUse={"input": '{"query'})) == [
        {
            "type": "server_tool_call_chunk",
            "id": "t1",
            "name": "search",
            "args": '{"query',
            "extras": {"block_type": "mcp_tool_use"},
        }
    ]


def test_citations_belong_to_the_text_of_their_place() -> None:
    location = {"documentPage": {"documentIndex": 0, "start": 1, "end": 2}}
    cited = {"title": "t", "location": location, "sourceContent": [{"text": "a"}]}
    several = {"source": "s", "sourceContent": [{"text": "a"}, {"text": "b"}, {}]}
    web = {"location": {"web": {"url": "https://x/", "domain": "x"}}}
    (block,) = blocks(delta(0, citation=cited), delta(0, text="hi"), delta(0, citation=several), delta(0, citation=web))
    assert block["text"] == "hi"
    assert block["annotations"] == [
        {"type": "citation", "title": "t", "cited_text": "a", "extras": {"location": location}},
        {"type": "citation", "cited_text": "ab", "extras": {"source": "s", "sourceContent": several["sourceContent"]}},
        {"type": "citation", "url": "https://x/", "extras": web},
    ]


def test_an_image_in_pieces_by_its_place_or_with_the_reason_why_there_is_none() -> None:
    pieces = [base64.b64encode(part).decode() for part in (b"im", b"age")]
    assert blocks(
        start(0, image={"format": "png"}),
        *(delta(0, image={"source": {"bytes": piece}}) for piece in pieces),
        stop(0),
        start(1, image={"format": "webp"}),
        delta(1, image={"source": {"s3Location": {"uri": "s3://b/i"}}}),
        stop(1),
        start(2, image={"format": "png"}),
        delta(2, image={"error": {"message": "no"}}),
        stop(2),
    ) == [
        {"type": "image", "base64": base64.b64encode(b"image").decode(), "mime_type": "image/png"},
        {"type": "image", "url": "s3://b/i", "mime_type": "image/webp"},
        {"type": "non_standard", "value": {"image": {"format": "png", "error": {"message": "no"}}}},
    ]


def test_the_end_tells_why_how_long_and_how_many_tokens() -> None:
    facts = {
        "usage": {"inputTokens": 3, "outputTokens": 4, "totalTokens": 18, "cacheReadInputTokens": 5,
                  "cacheWriteInputTokenCount": 6},
        "metrics": {"latencyMs": 9},
        "serviceTier": {"type": "flex"},
        "trace": {"promptRouter": {"invokedModelId": "arn:model"}},
        "performanceConfig": {"latency": "optimized"},
    }  # fmt: skip
    stopped = {"stopReason": "stop_sequence", "additionalModelResponseFields": {"stop_sequence": "x"}}
    events = read(stream_of([("messageStop", stopped), ("metadata", facts)])).events
    usage = Usage(9 + 5, 4, 18, cache_read=5, cache_creation=6)
    assert events == [
        Meta(data={"stopReason": "stop_sequence"}),
        Finish("stop", "stop_sequence"),
        Meta(data={"additionalModelResponseFields": {"stop_sequence": "x"}}),
        usage,
        Meta(model="arn:model", data={**facts, "service_tier": "flex"}),
    ]
    body = {**facts, **stopped}
    assert message_of(plain(**body)).response_metadata == {
        "model_name": "arn:model",
        "finish_reason": "stop_sequence",
        "service_tier": "flex",
        **body,
    }


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("end_turn", "stop"),
        ("tool_use", "tool_calls"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("guardrail_intervened", "content_filter"),
        ("content_filtered", "content_filter"),
        ("malformed_tool_use", "other"),
        ("something new", "other"),
    ],
)
def test_why_the_model_stopped_in_one_word_for_all_providers(word: str, reason: FinishReason) -> None:
    events = read(stream_of([("messageStop", {"stopReason": word})])).events
    assert Finish(reason, word) in events


def test_the_total_is_never_less_than_its_parts() -> None:
    usage = {"inputTokens": 1, "outputTokens": 2, "totalTokens": 1, "cacheReadInputTokens": 10}
    assert Usage(11, 2, 13, cache_read=10, cache_creation=0) in plain(usage=usage)


def test_blocks_of_a_plain_reply() -> None:
    cited = {"content": [{"text": "a"}, {"text": "b"}], "citations": [{"title": "t"}]}
    found = message_of(
        plain(
            {"text": ""},
            {"text": "hi"},
            {"reasoningContent": {"reasoningText": {"text": "hm", "signature": "sig"}}},
            {"reasoningContent": {"reasoningText": {"text": "", "signature": "omitted"}}},
            {"reasoningContent": {"reasoningText": {"text": "unsigned"}}},
            {"reasoningContent": {"redactedContent": "c2VjcmV0"}},
            {"toolUse": {"toolUseId": "t1", "name": "f", "input": {"a": 12345678901234567890123}, "type": "tool_use"}},
            {"toolUse": {"toolUseId": "t2", "name": "f", "input": None}},
            {"toolUse": {"toolUseId": "t3", "name": "f", "input": '{"b": 1'}},
            {"citationsContent": cited},
            {"toolUse": {"toolUseId": "t4", "name": "s", "input": {}, "type": "server_tool_use"}},
            {"toolResult": {"toolUseId": "t4", "content": [{"text": "r"}]}},
            {"image": {"format": "jpeg", "source": {"bytes": "aW1hZ2U="}}},
            {"document": {"format": "pdf", "name": "d", "source": {"s3Location": {"uri": "s3://b/d"}}}},
            {"video": {"format": "new", "source": {"bytes": "dg=="}}},
            {"somethingNew": {"a": 1}},
            {},
        )
    )
    assert list(found.content_blocks) == [
        {"type": "text", "text": "hi"},
        {"type": "reasoning", "reasoning": "hm", "extras": {"signature": "sig"}},
        {"type": "reasoning", "reasoning": "", "extras": {"signature": "omitted"}},
        {"type": "reasoning", "reasoning": "unsigned"},
        {"type": "reasoning", "reasoning": "", "extras": {"redacted_data": "c2VjcmV0"}},
        {"type": "tool_call", "id": "t1", "name": "f", "args": {"a": 12345678901234567890123}},
        {"type": "tool_call", "id": "t2", "name": "f", "args": {}},
        {
            "type": "invalid_tool_call",
            "id": "t3",
            "name": "f",
            "args": '{"b": 1',
            "error": found.invalid_tool_calls[0]["error"],
        },
        {"type": "text", "text": "ab", "annotations": [{"type": "citation", "title": "t", "extras": {}}]},
        {"type": "server_tool_call", "id": "t4", "name": "s", "args": {}},
        {
            "type": "server_tool_result",
            "tool_call_id": "t4",
            "status": "success",
            "output": [{"text": "r"}],
            "extras": {"block_type": ""},
        },
        {"type": "image", "base64": "aW1hZ2U=", "mime_type": "image/jpeg"},
        {"type": "file", "url": "s3://b/d", "mime_type": "application/pdf", "extras": {"name": "d"}},
        {"type": "video", "base64": "dg==", "mime_type": "video/new"},
        {"type": "non_standard", "value": {"somethingNew": {"a": 1}}},
        {"type": "non_standard", "value": {}},
    ]


def test_what_is_newer_than_this_file_passes() -> None:
    assert told(
        ("somethingNew", {"a": 1}),
        delta(0, somethingNew={"a": 1}),
        ("contentBlockDelta", {"contentBlockIndex": 0}),
        start(1, somethingNew={}),
        ("contentBlockStart", {"contentBlockIndex": 1}),
        stop(1),
    ) == []  # fmt: skip
    assert read(frame({}, b"not JSON") + stream_of(END)).error is None


def test_an_unreadable_character_of_a_model_is_one_that_says_so() -> None:
    payload = rb'{"contentBlockIndex":0,"delta":{"text":"a\ud83d"}}'
    headers = {":message-type": "event", ":event-type": "contentBlockDelta"}
    assert read(frame(headers, payload) + stream_of(END)).events[0] == Token("a\ufffd", 0)


# ---------------------------------------------------------------- what is not whole, broken or an error


_BROKEN: list[tuple[list[Told], str]] = [
    ([delta(0, toolUse={"input": "{}"})], "block 0 of the reply gets arguments and is no call"),
    ([start(0, image={}), delta(0, toolUse={"input": "{}"})], "block 0 of the reply gets arguments"),
    ([delta(0, text=1)], "a frame of the reply is not as documented"),
    ([("contentBlockDelta", [])], "a frame of the reply is not as documented"),
    ([("messageStop", [])], "a frame of the reply is not as documented"),
    ([("messageStop", {"stopReason": 1})], "'stopReason' of the reply must be a string"),
    ([("metadata", {"usage": {"inputTokens": "many"}})], "the usage is not what Bedrock documents"),
    ([("metadata", {"trace": []})], "'trace' of the reply must be an object"),
    ([start(0, toolUse=[])], "'toolUse' of the reply must be an object"),
    ([delta(0, citation={"sourceContent": "x"})], "'sourceContent' of the reply must be a list of objects"),
    ([delta(0, citation={"sourceContent": ["x"]})], "'sourceContent' of the reply must be a list of objects"),
    (
        [*(delta(0, image={"source": {"bytes": piece}}) for piece in ("!", "YQ==")), stop(0)],
        "a block's bytes are not base64",
    ),
]


@pytest.mark.parametrize(("frames", "message"), _BROKEN)
def test_a_frame_that_breaks_the_format_is_a_decode_error(frames: list[Told], message: str) -> None:
    assert message in str(broken(*frames))


def test_a_payload_that_is_no_json_is_a_decode_error() -> None:
    headers = {":message-type": "event", ":event-type": "messageStop"}
    assert isinstance(read(frame(headers, b"{")).error, ResponseDecodeError)
    assert isinstance(read(frame(headers, b"[" * 100_000)).error, ResponseDecodeError)


def test_an_exception_in_the_stream_comes_after_the_events_before_it() -> None:
    outcome = read(event(*delta(0, text="a")) + exception("throttlingException", {"message": "slow down"}))
    assert outcome.events == [Token("a", 0)]
    assert isinstance(outcome.error, RateLimitError)
    assert (outcome.error.provider_code, outcome.error.status_code) == ("ThrottlingException", 429)
    assert "slow down" in outcome.error.message


def test_an_unmodelled_error_in_the_stream_is_one_too() -> None:
    headers = {":message-type": "error", ":error-code": "InternalFailure", ":error-message": "oh"}
    error = read(frame(headers)).error
    assert isinstance(error, InternalServerError)
    assert (error.status_code, error.provider_code) == (500, "InternalFailure")
    assert "oh" in error.message


def test_an_exception_that_is_told_as_an_event_is_one_too() -> None:
    outcome = read(stream_of([delta(0, text="a"), ("modelStreamErrorException", {"message": "oh"})]))
    assert outcome.events == [Token("a", 0)]
    assert isinstance(outcome.error, InternalServerError)
    assert outcome.error.status_code == 424


def test_after_the_end_nothing_is_read_any_more() -> None:
    assert read(stream_of([*END, delta(0, text="a")]) + b"rubbish", b"more").events == read(stream_of(END)).events


def test_metadata_before_the_end_of_the_message_does_not_end_it() -> None:
    assert read(stream_of([METADATA])).error is not None
    outcome = read(stream_of([METADATA, delta(0, text="a"), STOP]))
    assert outcome.error is None
    assert Token("a", 0) in outcome.events


@pytest.mark.parametrize("id", STREAMS)
def test_every_truncation_of_a_stream_is_reported(id: str) -> None:
    body = RECORDINGS[id].body
    whole = read(body)
    ends: list[int] = []
    place = 0
    framer = EventStreamFramer()
    for end in range(1, len(body) + 1):
        for headers, _ in framer.feed(body[end - 1 : end]):
            place = end
            if headers.get(":event-type") == "messageStop":
                ends.append(end)
    assert place == len(body)
    for cut in range(len(body)):
        outcome = read(body[:cut])
        if cut in ends:  # a reason to stop, and a proper end of the body
            assert outcome.error is None
        else:
            assert isinstance(outcome.error, StreamInterruptedError), cut
        assert outcome.events == whole.events[: len(outcome.events)]


@pytest.mark.parametrize("id", sorted(set(REPLIES) - set(STREAMS)))
def test_every_truncation_of_a_plain_reply_is_reported(id: str) -> None:
    body = RECORDINGS[id].body
    for cut in range(len(body)):
        outcome = read(body[:cut], streamed=False)
        assert isinstance(outcome.error, StreamInterruptedError), body[:cut]
        assert outcome.events == []


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"{}", ResponseDecodeError),
        (b"[]", ResponseDecodeError),
        (b"<html>", ResponseDecodeError),
        (b'{"output": {"message": {"content": {}}}}', ResponseDecodeError),
        (b'{"output": {"message": {"content": [1]}}}', ResponseDecodeError),
        (b'{"output": []}', ResponseDecodeError),
        (b'{"message": "no"}', ResponseDecodeError),
        (b'{"Output": {}, "__type": "com.amazon#ThrottlingException", "message": "no"}', RateLimitError),
        (
            b'{"__type": "ValidationException", "Message": "Input is too long for requested model."}',
            ContextWindowExceededError,
        ),
        (b'{"__type": "Unheard"}', APIStatusError),
    ],
)
def test_a_body_that_is_no_message_is_an_error(body: bytes, kind: type[TidewireError]) -> None:
    outcome = read(body, streamed=False)
    assert type(outcome.error) is kind
    assert outcome.events == []


def test_a_body_that_is_too_long_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bedrock_reply, "BODY_LIMIT", 10)
    assert isinstance(read(b"x" * 6, b"x" * 5, streamed=False).error, ResponseLimitError)


# ---------------------------------------------------------------- any bytes


@given(st.sampled_from(REPLIES), st.integers(0, 1 << 32))
def test_any_cut_gives_the_same_events_and_the_same_error(id: str, seed: int) -> None:
    recording = RECORDINGS[id]
    whole = replay(recording, [recording.body]).key()
    assert replay(recording, at_random(recording.body, seed)).key() == whole
    assert replay(recording, byte_by_byte(recording.body)).key() == whole


@given(
    st.sampled_from(REPLIES),
    st.lists(st.tuples(st.integers(0), st.integers(0, 255)), min_size=1, max_size=4),
    st.integers(),
)
def test_changed_bytes_give_events_or_an_error_of_ours_at_any_cut(
    id: str, changes: list[tuple[int, int]], seed: int
) -> None:
    recording = RECORDINGS[id]
    body = bytearray(recording.body)
    for place, value in changes:
        body[place % len(body)] = value
    whole = read(bytes(body), streamed=recording.streaming)
    assert read(*at_random(bytes(body), seed), streamed=recording.streaming).key() == whole.key()


_KEYS = """
contentBlockIndex delta start text toolUse toolResult reasoningContent redactedContent signature citation image source
bytes s3Location uri input name toolUseId type status stopReason usage inputTokens trace promptRouter location web url
sourceContent content output message citationsContent reasoningText format document
"""
_json = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_KEYS.split()), inner, max_size=3),
    max_leaves=8,
)
_kinds = st.sampled_from(
    ["messageStart", "contentBlockStart", "contentBlockDelta", "contentBlockStop", "messageStop", "metadata", "other"]
)


@given(st.lists(st.tuples(_kinds, _json), max_size=6), st.integers())
def test_frames_of_any_json_give_events_or_an_error_of_ours_at_any_cut(frames: list[Told], seed: int) -> None:
    body = stream_of(frames)
    assert read(*at_random(body, seed)).key() == read(body).key()


@given(_json)
def test_a_body_of_any_json_gives_events_or_an_error_of_ours(value: object) -> None:
    read(json.dumps(value).encode(), streamed=False)
    read(json.dumps({"output": {"message": {"content": [value]}}}).encode(), streamed=False)


# ---------------------------------------------------------------- beside botocore

_words = st.text(min_size=1, max_size=6)
_blocks = st.one_of(
    st.lists(_words, min_size=1, max_size=3).map(lambda texts: ("text", texts)),
    st.lists(_words, min_size=1, max_size=3).map(lambda texts: ("thought", texts)),
    st.lists(st.sampled_from(['{"a": ', "1", "}", ""]), max_size=3).map(lambda texts: ("call", texts)),
)


def _frames_of(index: int, kind: str, texts: list[str]) -> Iterable[Told]:
    if kind == "call":
        yield start(index, toolUse={"toolUseId": f"t{index}", "name": "f"})
    for text in texts:
        match kind:
            case "text":
                yield delta(index, text=text)
            case "thought":
                yield delta(index, reasoningContent={"text": text})
            case _:
                yield delta(index, toolUse={"input": text})
    yield stop(index)


@given(st.lists(_blocks, max_size=4))
def test_the_same_content_as_botocore_for_the_same_bytes(content: list[tuple[str, list[str]]]) -> None:
    body = stream_of([frame for index, (kind, texts) in enumerate(content) for frame in _frames_of(index, kind, texts)])
    body += stream_of(END)
    found: list[tuple[str, int, str]] = []
    for parsed in events_of(body):
        if "contentBlockDelta" in parsed:
            index, grown = parsed["contentBlockDelta"]["contentBlockIndex"], parsed["contentBlockDelta"]["delta"]
            text: str = grown.get("text") or grown.get("reasoningContent", {}).get("text") or ""
            text = text or grown.get("toolUse", {}).get("input", "")
            found += [(next(iter(grown)), index, text)] if text else []
    ours: list[tuple[str, int | str | None, str]] = []
    for one in read(body).events:
        match one:
            case Token(text=text, index=index):
                ours.append(("text", index, text))
            case Reasoning(text=text, index=index):
                ours.append(("reasoningContent", index, text))
            case ToolCallDelta(args=text, index=index) if text:
                ours.append(("toolUse", index, text))
            case _:
                pass
    assert ours == found


def test_the_bytes_of_the_written_recordings_are_their_frames() -> None:
    streams = 0
    for path in FOLDER.glob("*.json"):
        response = json.loads(path.read_text(encoding="utf-8"))["response"]
        if "frames" in response:
            streams += 1
            assert base64.b64decode(response["body_base64"]) == stream_of(response["frames"]), path
    assert streams == 12


def test_blocks_are_content() -> None:
    assert [type(one) for one in told(delta(0, citation={"title": "t"}))] == [Block]
