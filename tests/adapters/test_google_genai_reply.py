"""Google's replies as events: in any cutting, cut off anywhere, and broken in every way that was thought of."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable
from typing import Any, cast

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.adapters.recording_kit import (
    WRITTEN,
    Outcome,
    byte_by_byte,
    message_of,
    read_recordings,
    replay,
)
from tidewire.adapters import google_genai_reply
from tidewire.adapters.google_genai import GoogleCodec
from tidewire.events.errors import (
    APIStatusError,
    OverloadedError,
    RateLimitError,
    ResponseDecodeError,
    ResponseLimitError,
    StreamInterruptedError,
    TidewireError,
)
from tidewire.events.types import Block, Event, Finish, Meta, Reasoning, Token, ToolCallDelta, Usage

RECORDINGS = {recording.id: recording for recording in read_recordings(WRITTEN / "google_genai")}
REPLIES = sorted(id for id, recording in RECORDINGS.items() if recording.status == 200)

Json = dict[str, Any]


def chunk(*parts: Json, finish: str | None = None, **candidate: Any) -> Json:
    """A chunk of a stream, or a plain reply."""
    fields: Json = {"content": {"parts": list(parts)}, **candidate}
    if finish is not None:
        fields["finishReason"] = finish
    return {"candidates": [fields]}


END = chunk(finish="STOP")


def frames(*chunks: Json) -> bytes:
    """Chunks as they stand on the wire."""
    return "".join(f"data: {json.dumps(chunk)}\r\n\r\n" for chunk in chunks).encode()


def read(*parts: bytes, streamed: bool = True) -> Outcome:
    """What a decoder makes of these reads."""
    decoder = GoogleCodec().decoder(streamed=streamed)
    events: list[Event] = []
    try:
        for part in parts:
            events.extend(decoder.feed(part))
            assert not decoder.done
        events.extend(decoder.close())
    except TidewireError as error:
        return Outcome(events, error)
    assert decoder.done
    return Outcome(events, None)


def told(*chunks: Json) -> list[Event]:
    """The events of a stream that ends as it should, without that of its end."""
    outcome = read(frames(*chunks, END))
    assert outcome.error is None, outcome.error
    assert isinstance(outcome.events[-1], Finish)
    return outcome.events[:-1]


def blocks(*chunks: Json) -> list[Json]:
    """The content blocks of a stream that ends as it should."""
    outcome = read(frames(*chunks, END))
    assert outcome.error is None, outcome.error
    return cast("list[Json]", message_of(outcome.events).content_blocks)


def error_of(*chunks: Json) -> TidewireError:
    """The error of a stream that breaks the format."""
    outcome = read(frames(*chunks, END))
    assert type(outcome.error) is ResponseDecodeError, outcome
    return outcome.error


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


# Older models tell the finish reason in every chunk, so there a cut between two chunks cannot be seen.
@pytest.mark.parametrize("id", [id for id in REPLIES if id != "gemini_finish_in_every_chunk"])
def test_every_truncation_is_reported(id: str) -> None:
    recording = RECORDINGS[id]
    whole = replay(recording, [recording.body])
    for place in range(len(recording.body)):
        outcome = replay(recording, [recording.body[:place]])
        if outcome.error is None:
            # Only where the end of the answer was read: its finish reason, and then the proper end of the body.
            assert outcome.events == whole.events
        else:
            assert isinstance(outcome.error, (StreamInterruptedError, APIStatusError)), place
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
                    [b"\n\n", b"\r", b'"', b"}", b"{", b"null", b"\xff", b"data: ", b"[[[", b"\\ud800"]
                )
            case _:
                other = source.randrange(len(body))
                body[place:place] = body[other : other + 50]
    mutated = msgspec.structs.replace(recording, body=bytes(body))
    places = data.draw(st.lists(st.integers(min_value=0), max_size=10))
    assert replay(mutated, cut(mutated.body, places)).key() == replay(mutated, [mutated.body]).key()


# ---------------------------------------------------------------- text and thoughts


def test_a_text_is_told_piece_by_piece() -> None:
    recording = RECORDINGS["gemini_text"]
    assert replay(recording, [recording.body]).events == [
        Meta(id="resp-written-1", model="gemini-3-flash-preview"),
        Token("Hello"),
        Usage(4, 1, 5, cache_read=0, reasoning=0),
        Token(" there, "),
        Usage(4, 4, 8, cache_read=0, reasoning=0),
        Token("wörld"),
        Usage(4, 6, 10, cache_read=0, reasoning=0),
        Block({"type": "text", "text": "", "extras": {"signature": SIGNATURE, "signature_span": [18, 18]}}),
        Finish("stop", "STOP"),
    ]


SIGNATURE = "CpcBAb4+9vsMxdY1sRyxmIJiiPQw1veeVs540w=="


def test_parts_of_one_kind_are_one_block_and_another_kind_begins_the_next() -> None:
    assert told(
        chunk({"text": "a", "thought": True}, {"text": "b", "thought": True}),
        chunk({"text": "c", "thought": True}),
        chunk({"text": "d"}),
        chunk({"text": ""}),
        chunk({"text": "e"}),
        chunk({"text": "f", "thought": True}),
        chunk({"text": "g"}, {"inlineData": {"mimeType": "image/png", "data": "AA=="}}, {"text": "h"}),
    ) == [
        *(Reasoning("a"), Reasoning("b"), Reasoning("c")),
        *(Token("d", 1), Token("e", 1)),
        Reasoning("f", None, 2),
        Token("g", 3),
        Block({"type": "image", "base64": "AA==", "mime_type": "image/png"}, 4),
        Token("h", 5),
    ]


@pytest.mark.parametrize("thought", [False, True])
def test_a_signature_stays_with_the_characters_of_its_part(thought: bool) -> None:
    def part(text: str, signature: str | None = None) -> Json:
        return {"text": text, "thought": thought, **({"thoughtSignature": signature} if signature else {})}

    def block(text: str, **extras: object) -> Json:
        return {"type": "reasoning" if thought else "text", key: text, **({"extras": extras} if extras else {})}

    key = "reasoning" if thought else "text"
    assert blocks(chunk(part("abc", "S"))) == [block("abc", signature="S")]
    assert blocks(chunk(part("ab"), part("c", "S"))) == [block("abc", signature="S", signature_span=[2, 3])]
    assert blocks(chunk(part("ab")), chunk(part("", "S")), chunk(part("c"))) == [
        block("abc", signature="S", signature_span=[2, 2])
    ]
    assert blocks(chunk(part("a", "S")), chunk(part("b")), chunk(part("c"))) == [
        block("abc", signature="S", signature_span=[0, 1])
    ]
    assert blocks(chunk(part("a", "S"), part("b", "T"))) == [block("a", signature="S"), block("b", signature="T")]
    assert blocks(chunk(part("", "S"))) == [block("", signature="S")]


def test_the_first_candidate_is_the_answer_and_the_others_are_told_at_its_end() -> None:
    other = {"index": 1, "content": {"parts": [{"text": "other"}]}, "finishReason": "MAX_TOKENS"}
    assert told(
        chunk({"text": "a"}),
        {"candidates": [{"index": 1, "content": {"parts": [{"text": "other"}]}}]},
        {"candidates": [{"index": 0, "content": {"parts": [{"text": "b"}]}}, other]},
    ) == [
        Token("a"),
        Token("b"),
        Meta(data={"candidates": [{"content": "otherother", "response_metadata": {"finish_reason": "MAX_TOKENS"}}]}),
    ]


def test_null_and_unknown_fields_and_parts_pass() -> None:
    nothing: Json = {
        "candidates": [{"content": {"parts": [{"text": None, "hologram": {}}, {}]}, "finishReason": None}],
        "usageMetadata": None,
        "promptFeedback": None,
        "news": [1],
    }
    assert told(nothing, {"candidates": None}, {"candidates": [{"content": None}]}, {"candidates": []}, {}) == []
    assert told(chunk({"text": "a"}), nothing, {"candidates": [{"content": {"parts": None}}]}) == [Token("a")]


# ---------------------------------------------------------------- calls


def test_a_call_without_an_id_gets_one_that_no_other_answer_has() -> None:
    call = {"functionCall": {"name": "now"}}
    first, second = told({**chunk(call, call), "responseId": "r1"})[1:]
    assert (first, second) == (
        ToolCallDelta("{}", 0, "call_r1_1", "now"),
        ToolCallDelta("{}", 1, "call_r1_2", "now"),
    )
    (unnamed,) = told(chunk(call))
    (other,) = told(chunk(call), {"usageMetadata": {}})
    assert isinstance(unnamed, ToolCallDelta)
    assert unnamed == other
    assert unnamed.id != ToolCallDelta("{}", 0, "call_r1_1", "now").id
    assert [event.id for event in told(chunk({"text": "x"}, call)) if isinstance(event, ToolCallDelta)] != [unnamed.id]


def test_a_whole_calls_arguments_are_the_text_on_the_wire() -> None:
    body = (
        b'data: {"candidates": [{"content": {"parts": [{"functionCall": {"name": "a", "id": "i", "args": {"n":  1.50}}'
    )
    body += b', "thoughtSignature": "S"}]}, "finishReason": "STOP"}]}\n\n'
    assert read(body).events == [
        ToolCallDelta('{"n":  1.50}', 0, "i", "a", {"signature": "S"}),
        Finish("tool_calls", "STOP"),
    ]


def call(**fields: Any) -> Json:
    return {"functionCall": fields}


def piece(path: str, *, more: bool = False, will_continue: bool = True, **value: Any) -> Json:
    partial = {"jsonPath": path, **value, **({"willContinue": True} if more else {})}
    return call(partialArgs=[partial], **({"willContinue": True} if will_continue else {}))


def test_arguments_grow_value_by_value() -> None:
    assert told(
        chunk({**call(name="f", id="i", willContinue=True), "thoughtSignature": "S"}),
        chunk(piece("$.city", stringValue="Pa", more=True)),
        chunk(piece("$.city", stringValue="ris")),
        chunk(call(willContinue=True)),
        chunk({**piece("$.days", numberValue=2), "thoughtSignature": "T"}),
        chunk(call()),
        chunk(call()),
    ) == [
        ToolCallDelta("", 0, "i", "f", {"signature": "S"}),
        ToolCallDelta('{"city":"Pa', 0),
        ToolCallDelta('ris"', 0),
        ToolCallDelta("", 0, extras={"signature": "T"}),
        ToolCallDelta(',"days":2', 0),
        ToolCallDelta("}", 0),
    ]


def calls_of(*chunks: Json, finish: str = "STOP") -> list[tuple[str | None, object]]:
    message = message_of(read(frames(*chunks, chunk(finish=finish))).events)
    invalid = [(one["name"], one["args"]) for one in message.invalid_tool_calls]
    return [*((one["name"], one["args"]) for one in message.tool_calls), *invalid]


def test_a_growing_call_ends_with_its_last_piece_with_the_next_part_or_with_the_answer() -> None:
    opened = chunk(call(name="f", willContinue=True))
    grown = chunk(piece("$.a", numberValue=1))
    f = ("f", {"a": 1})
    assert calls_of(opened, chunk(piece("$.a", numberValue=1, will_continue=False))) == [f]
    assert calls_of(opened, grown, chunk(call(name="g", args={}))) == [f, ("g", {})]
    assert calls_of(opened, grown, chunk({"text": "so"})) == [f]
    assert calls_of(opened, grown, chunk({"text": "so", "thoughtSignature": "S"})) == [f]
    assert calls_of(opened, grown, chunk({"fileData": {"fileUri": "x"}})) == [f]
    assert calls_of(opened, grown, chunk({"text": ""})) == [f]
    assert calls_of(opened, grown) == [f]
    assert calls_of(opened) == [("f", {})]
    assert calls_of(opened, grown, finish="MAX_TOKENS") == [("f", '{"a":1')]
    assert calls_of(opened, finish="MAX_TOKENS") == [("f", "")]


def test_a_call_may_repeat_its_id_and_name_and_send_all_arguments_at_once() -> None:
    opened = chunk(call(name="f", id="i", willContinue=True))
    repeated = chunk(call(name="f", id="i", partialArgs=[{"jsonPath": "$.a", "boolValue": True}]))
    assert calls_of(opened, repeated) == [("f", {"a": True})]
    assert calls_of(opened, chunk(call(args={"b": 2}))) == [("f", {"b": 2})]
    assert calls_of(opened, chunk(call(name="f", id="j", args={"b": 2}))) == [("f", {}), ("f", {"b": 2})]
    assert calls_of(opened, repeated, chunk(call(args=None))) == [("f", {"a": True})]
    at_once = chunk(call(name="f", partialArgs=[{"jsonPath": "$.a", "stringValue": "x"}]))
    assert calls_of(at_once) == [("f", {"a": "x"})]


def test_a_call_without_a_name_is_invalid() -> None:
    message = message_of(read(frames(chunk(call(args={"a": 1})), END)).events)
    assert [one["error"] for one in message.invalid_tool_calls] == ["the call names no tool"]


# ---------------------------------------------------------------- other blocks


def test_media_come_as_blocks_of_their_kind() -> None:
    assert blocks(
        chunk(
            {"inlineData": {"mimeType": "image/png", "data": "AA=="}, "thought": True, "thoughtSignature": "S"},
            {"inlineData": {"mimeType": "audio/wav", "data": "AA=="}, "audioTranscription": {"text": "hm"}},
            {"inlineData": {"data": "AA=="}, "audioTranscription": {}},
            {"fileData": {"mimeType": "video/mp4", "fileUri": "gs://b/v", "displayName": "v.mp4"}},
        )
    ) == [
        {
            "type": "image",
            "base64": "AA==",
            "mime_type": "image/png",
            "extras": {"signature": "S", "thought": True},
        },
        {"type": "audio", "base64": "AA==", "mime_type": "audio/wav", "extras": {"transcript": "hm"}},
        {"type": "file", "base64": "AA=="},
        {"type": "video", "url": "gs://b/v", "mime_type": "video/mp4", "extras": {"filename": "v.mp4"}},
    ]


def test_code_that_google_runs_is_a_call_of_a_server_tool_with_its_result() -> None:
    run = {"executableCode": {"language": "PYTHON", "code": "1"}, "thoughtSignature": "S"}
    failed = {"codeExecutionResult": {"outcome": "OUTCOME_FAILED", "output": "oh", "id": "x"}}
    assert blocks(
        {**chunk(run, {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "1"}}, failed), "responseId": "r"}
    ) == [
        {
            "type": "server_tool_call",
            "id": "call_r_1",
            "name": "code_interpreter",
            "args": {"code": "1", "language": "PYTHON"},
            "extras": {"signature": "S", "id_made_up": True},
        },
        {
            "type": "server_tool_result",
            "tool_call_id": "call_r_1",
            "status": "success",
            "output": "1",
            "extras": {"outcome": "OUTCOME_OK", "id_made_up": True},
        },
        {
            "type": "server_tool_result",
            "tool_call_id": "x",
            "status": "error",
            "output": "oh",
            "extras": {"outcome": "OUTCOME_FAILED"},
        },
    ]


def test_a_tool_of_googles_is_named_as_those_of_others() -> None:
    found = blocks(
        chunk(
            {"toolCall": {"id": "1", "toolType": "GOOGLE_SEARCH_WEB", "args": {"queries": ["q"]}}},
            {"toolResponse": {"id": "1", "toolType": "GOOGLE_SEARCH_WEB", "response": {"r": 1}}},
            {"toolCall": {"id": "2", "toolType": "MEDIA_PROCESSING"}},
        )
    )
    assert [(block["type"], block.get("name"), block["extras"]) for block in found] == [
        ("server_tool_call", "web_search", {"tool_type": "GOOGLE_SEARCH_WEB"}),
        ("server_tool_result", None, {"tool_type": "GOOGLE_SEARCH_WEB"}),
        ("server_tool_call", "media_processing", {"tool_type": "MEDIA_PROCESSING"}),
    ]
    assert (found[0]["args"], found[1]["output"], found[2]["args"]) == ({"queries": ["q"]}, {"r": 1}, {})


# ---------------------------------------------------------------- what is said about the answer


def usage_of(**counts: Any) -> list[Event]:
    return told({"usageMetadata": counts})


def test_usage_counts_thoughts_and_what_tools_gave_to_read() -> None:
    assert usage_of(
        promptTokenCount=10,
        toolUsePromptTokenCount=5,
        candidatesTokenCount=7,
        thoughtsTokenCount=3,
        cachedContentTokenCount=4,
        totalTokenCount=25,
    ) == [Usage(15, 10, 25, cache_read=4, reasoning=3)]
    assert usage_of(promptTokenCount=10) == [Usage(10, 0, 10, cache_read=0, reasoning=0)]
    assert usage_of(
        totalTokenCount=9,
        promptTokensDetails=[{"modality": "TEXT", "tokenCount": 1}, {"modality": "AUDIO", "tokenCount": 6}],
        candidatesTokensDetails=[{"modality": "AUDIO"}, {"modality": "TEXT", "tokenCount": 2}],
    ) == [Usage(0, 0, 9, cache_read=0, reasoning=0, input_audio=6, output_audio=0)]
    assert usage_of() == []


def test_usage_is_told_again_only_where_it_changed() -> None:
    same = {"usageMetadata": {"promptTokenCount": 1, "trafficType": "ON_DEMAND"}}
    only_traffic = {"usageMetadata": {"trafficType": "ON_DEMAND"}}
    assert told(only_traffic, same, {**chunk({"text": "a"}), **same}, {**chunk({"text": "b"}), **same}) == [
        Meta(data={"traffic_type": "ON_DEMAND"}),
        Usage(1, 0, 1, cache_read=0, reasoning=0),
        Token("a"),
        Token("b"),
    ]
    tier = {"usageMetadata": {"promptTokenCount": 1, "serviceTier": "flex"}}
    assert told(chunk({"text": "a"}), {**chunk({"text": "b"}), **tier}) == [
        Token("a"),
        Token("b"),
        Meta(data={"service_tier": "flex"}),
        Usage(1, 0, 1, cache_read=0, reasoning=0),
    ]


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("STOP", "stop"),
        ("MAX_TOKENS", "length"),
        ("SAFETY", "content_filter"),
        ("MODEL_ARMOR", "content_filter"),
        ("MALFORMED_FUNCTION_CALL", "other"),
        ("NEWS", "other"),
    ],
)
def test_the_finish_reason_is_told_in_our_word_and_in_googles(word: str, reason: str) -> None:
    outcome = read(frames(chunk({"text": "a"}, finish=word)))
    assert [(event.reason, event.provider_reason) for event in outcome.events if isinstance(event, Finish)] == [
        (reason, word)
    ]


def test_words_may_come_as_numbers() -> None:
    run = {"executableCode": {"language": 1, "code": "1"}}
    done = {"codeExecutionResult": {"outcome": 1, "output": "1"}}
    details = [{"modality": 1, "tokenCount": 2}, {"modality": 4, "tokenCount": 3}]
    usage = {"promptTokenCount": 5, "promptTokensDetails": details, "trafficType": 1}
    outcome = read(frames(chunk(run, done), {**chunk(finish=None, finishReason=2), "usageMetadata": usage}))
    result = outcome.events[1]
    assert isinstance(result, Block)
    assert result.block["status"] == "success"
    assert outcome.events[2:] == [
        Meta(data={"traffic_type": 1}),
        Usage(5, 0, 5, cache_read=0, reasoning=0, input_audio=3),
        Finish("length", "MAX_TOKENS"),
    ]
    assert read(frames(chunk(finishReason=9))).events == [Finish("other", "9")]
    assert isinstance(read(frames(chunk(finishReason=0))).error, StreamInterruptedError)


def test_a_finish_reason_that_stands_in_every_chunk_is_told_once_and_last() -> None:
    outcome = read(frames(chunk({"text": "a"}, finish="STOP"), chunk({"text": "b"}, finish="STOP")))
    assert outcome.events == [Token("a"), Token("b"), Finish("stop", "STOP")]
    outcome = read(frames(chunk({"text": "a"}, finish="STOP"), chunk(call(name="f", id="i"), finish="STOP")))
    assert outcome.events[-1] == Finish("tool_calls", "STOP")
    unspecified = chunk({"text": "a"}, finish="FINISH_REASON_UNSPECIFIED")
    assert isinstance(read(frames(unspecified)).error, StreamInterruptedError)


def test_a_blocked_prompt_finishes_as_filtered_and_says_why() -> None:
    feedback: Json = {"blockReason": "SAFETY", "safetyRatings": []}
    outcome = read(frames({"promptFeedback": feedback}))
    assert outcome.events == [Meta(data={"prompt_feedback": feedback}), Finish("content_filter")]
    for nothing in ("BLOCKED_REASON_UNSPECIFIED", "BLOCK_REASON_UNSPECIFIED", 0, "", None):
        rated = {"promptFeedback": {"blockReason": nothing}}
        assert isinstance(read(frames(rated)).error, StreamInterruptedError)
    assert read(frames({"promptFeedback": {"blockReason": 4}})).events[-1] == Finish("content_filter")
    assert read(frames({**END, "promptFeedback": {"safetyRatings": []}})).events == [
        Meta(data={"prompt_feedback": {"safetyRatings": []}}),
        Finish("stop", "STOP"),
    ]
    plain = read(json.dumps({"promptFeedback": feedback}).encode(), streamed=False)
    assert plain.events == outcome.events


def test_what_google_says_beside_the_answer_is_told_once() -> None:
    ratings = [{"category": "C", "probability": "LOW"}]
    assert told(
        chunk({"text": "a"}),
        chunk({"text": "b"}, safetyRatings=ratings),
        chunk({"text": "c"}, safetyRatings=ratings, urlContextMetadata={"urlMetadata": []}),
        {**chunk({"text": "d"}), "modelStatus": {"modelStage": "PREVIEW"}},
        {**chunk({"text": "e"}), "responseId": "r", "modelVersion": "m"},
        {**chunk({"text": "f"}), "responseId": "r", "modelVersion": "m"},
        {**chunk({"text": "g"}), "responseId": None, "modelVersion": "n"},
        {**chunk({"text": "h"}), "responseId": "r", "modelVersion": "n"},
        {**chunk({"text": "i"}), "responseId": "r", "modelVersion": "o"},
    ) == [
        Token("a"),
        Token("b"),
        Meta(data={"safety_ratings": ratings}),
        Token("c"),
        Meta(data={"url_context_metadata": {"urlMetadata": []}}),
        Token("d"),
        Meta(data={"model_status": {"modelStage": "PREVIEW"}}),
        Meta(id="r", model="m"),
        Token("e"),
        Token("f"),
        Meta(model="n"),
        Token("g"),
        Token("h"),
        Meta(model="o"),
        Token("i"),
    ]


@pytest.mark.parametrize(
    "more",
    [
        {"avgLogprobs": -0.5},
        {"citationMetadata": {"citations": []}},
        {"continuationToken": "t"},
        {"finishMessage": "m"},
        {"groundingMetadata": {"webSearchQueries": ["q"]}},
    ],
)
def test_what_stands_beside_a_piece_of_text_is_not_passed_over(more: Json) -> None:
    events = told(chunk({"text": "a"}), chunk({"text": "b"}, **more))
    assert events[:2] == [Token("a"), Token("b")]
    (about,) = events[2:]
    assert isinstance(about, Meta)
    assert list((about.data or {}).values()) == list(more.values())


def test_logprobs_have_the_form_that_all_providers_share() -> None:
    result = {
        "chosenCandidates": [{"token": "é", "logProbability": -0.5}, {"token": "x"}],
        "topCandidates": [{"candidates": [{"token": "é", "logProbability": -0.5}, {"token": "e"}]}, {}],
    }
    e, plain_e, x = (
        {"token": "é", "logprob": -0.5, "bytes": [195, 169]},
        {"token": "e", "logprob": 0.0, "bytes": [101]},
        {"token": "x", "logprob": 0.0, "bytes": [120]},
    )
    assert told(chunk({"text": "a"}), chunk({"text": "b"}, logprobsResult=result), chunk(logprobsResult={})) == [
        Token("a"),
        Token("b"),
        Meta(logprobs=[{**e, "top_logprobs": [e, plain_e]}, {**x, "top_logprobs": []}]),
    ]
    only_chosen = {"chosenCandidates": [{"token": "x"}]}
    assert told(chunk(logprobsResult=only_chosen)) == [Meta(logprobs=[{**x, "top_logprobs": []}])]


# ---------------------------------------------------------------- sources


def test_sources_are_placed_in_the_text_when_it_is_whole() -> None:
    grounding: Json = {
        "groundingChunks": [{"web": {"uri": "https://a", "title": "A"}}],
        "groundingSupports": [
            {"segment": {"startIndex": 5, "endIndex": 8, "text": "two"}, "groundingChunkIndices": [0]}
        ],
    }
    later = {
        "groundingSupports": [*grounding["groundingSupports"], {"segment": {"endIndex": 4, "text": "öne"}}],
        "webSearchQueries": ["q"],
    }
    outcome = read(
        frames(
            chunk({"text": "öne"}, groundingMetadata=grounding),
            chunk({"text": " two"}, finish="STOP"),
            chunk(groundingMetadata=later),
        )
    )
    source = {"type": "citation", "url": "https://a", "title": "A", "cited_text": "two"}
    assert outcome.events == [
        Token("öne"),
        Meta(data={"grounding_metadata": grounding}),
        Token(" two"),
        Block({**source, "start_index": 4, "end_index": 7}),
        Meta(data={"grounding_metadata": {**grounding, **later}}),
        Block({"type": "citation", "cited_text": "öne", "start_index": 0, "end_index": 3}),
        Finish("stop", "STOP"),
    ]


def test_sources_of_a_plain_reply_without_a_finish_reason_are_placed_too() -> None:
    body = chunk({"text": "one"}, citationMetadata={"citations": [{"endIndex": 3, "uri": "https://a"}]})
    outcome = read(json.dumps(body).encode(), streamed=False)
    assert outcome.error is None
    assert outcome.events[-1] == Block({"type": "citation", "url": "https://a", "start_index": 0, "end_index": 3})


# ---------------------------------------------------------------- errors


def test_an_error_in_the_stream_comes_after_what_was_read() -> None:
    error = {"error": {"code": 503, "message": "overloaded", "status": "UNAVAILABLE"}}
    outcome = read(frames(chunk({"text": "a"}), error, chunk({"text": "b"})))
    assert outcome.events == [Token("a")]
    assert isinstance(outcome.error, OverloadedError)
    outcome = read(b'event: error\ndata: {"message": "oh"}\n\n')
    assert isinstance(outcome.error, APIStatusError)
    assert "oh" in str(outcome.error)


@pytest.mark.parametrize("wrap", ["%s", "[%s]", "[%s\n]\n"])
def test_an_error_outside_of_the_frames_is_read(wrap: str) -> None:
    error = wrap % json.dumps({"error": {"code": 429, "message": "slow", "status": "RESOURCE_EXHAUSTED"}}, indent=1)
    for before in (b"", frames(chunk({"text": "a"})), frames(chunk({"text": "a"}, finish="STOP"))):
        assert isinstance(read(before, error.encode()).error, RateLimitError)
    assert isinstance(read(error.encode(), streamed=False).error, RateLimitError)


def test_a_whole_reply_in_place_of_a_stream_is_read() -> None:
    body = json.dumps(chunk({"text": "a"}, finish="STOP"), indent=1).encode()
    assert read(body).events == [Token("a"), Finish("stop", "STOP")]
    assert isinstance(read(body[:-1]).error, StreamInterruptedError)
    assert isinstance(read(frames(chunk({"text": "a"}, finish="STOP")), body).error, StreamInterruptedError)


def test_a_stream_as_an_array_is_read() -> None:
    body = json.dumps([chunk({"text": "a"}), chunk({"text": "b"}, finish="STOP")], indent=1).encode()
    assert read(body, streamed=False).events == [Token("a"), Token("b"), Finish("stop", "STOP")]
    same = {"usageMetadata": {"promptTokenCount": 1}}
    counted = json.dumps([{**chunk({"text": "a"}), **same}, {**END, **same}]).encode()
    assert read(counted, streamed=False).events == [
        Token("a"),
        Usage(1, 0, 1, cache_read=0, reasoning=0),
        Finish("stop", "STOP"),
    ]
    unfinished = json.dumps([chunk({"text": "a"})]).encode()
    assert isinstance(read(unfinished, streamed=False).error, StreamInterruptedError)
    assert isinstance(read(b"[]", streamed=False).error, StreamInterruptedError)


def test_a_last_event_without_its_blank_line_is_read_if_it_is_whole() -> None:
    whole = frames(chunk({"text": "a"}, finish="STOP"))
    for end in (whole.rstrip(), whole[:-2], whole + b": bye", whole + b"data: [DONE]", whole + b"data: [DONE]\n\n"):
        assert read(end).events == [Token("a"), Finish("stop", "STOP")], end
    for rest in (b"data:", b"da", b"data: ", b'data: {"candidates"', b"event: message"):
        assert isinstance(read(whole + rest).error, StreamInterruptedError), rest
    assert isinstance(read(whole + b"data: \n\n").events[-1], Finish)


def test_a_frame_that_breaks_the_format_is_an_error() -> None:
    for frame in (b"data: {]\n\n", b"data: []\n\n", b"data: hello\n\n", b'data: {"candidates": 5}\n\n'):
        error = read(frame).error
        assert type(error) is ResponseDecodeError, frame
        assert error.excerpt
    broken_args = (
        b'data: {"candidates":[{"content":{"parts":[{"functionCall":{"name":"f","args":{"a":"\xff"}}}]}}]}\n\n'
    )
    assert type(read(broken_args).error) is ResponseDecodeError
    assert isinstance(read(b"data: " + b"[" * 100_000 + b"\n\n").error, ResponseDecodeError)
    assert "order" in str(error_of(chunk(call(name="f", willContinue=True)), chunk(piece("$.a[1]", numberValue=1))))
    assert "sources" in str(error_of(chunk({"text": "a"}, groundingMetadata={"groundingChunks": 5})))


def test_json_with_what_json_does_not_have_is_read() -> None:
    alone = (
        b'{"candidates": [{"content": {"parts": [{"text": "a\\ud800"}]}, "finishReason": "STOP", "avgLogprobs": NaN}]}'
    )
    for outcome in (
        read(b"data: " + alone + b"\n\n"),
        read(alone, streamed=False),
        read(b"[" + alone + b"]", streamed=False),
    ):
        assert outcome.events == [Token("a\ufffd"), Finish("stop", "STOP")]


def test_a_plain_reply_that_is_none_is_an_error() -> None:
    for body in (b"{}", b'{"candidates": 5}', b"<html>", b"[5]"):
        assert type(read(body, streamed=False).error) is ResponseDecodeError, body
    for body in (b"", b"{", b'{"candidates": [{"content": {"par', b"[", b'[{"candidates": []}'):
        assert isinstance(read(body, streamed=False).error, StreamInterruptedError), body


def test_a_plain_reply_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(google_genai_reply, "BODY_LIMIT", 10)
    assert isinstance(read(b"x" * 11, streamed=False).error, ResponseLimitError)
