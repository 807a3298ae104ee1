"""Replies of the Responses API, of OpenAI and of hosts that take liberties with it: the course of a stream."""

import json
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.adapters.recording_kit import WRITTEN, Recording, message_of, read_recordings, replay
from tidewire.adapters.openai_responses_reply import BODY_LIMIT, PlainResponse, StreamedResponse
from tidewire.events.errors import (
    APIStatusError,
    BadRequestError,
    ContentFilterError,
    InternalServerError,
    QuotaExceededError,
    RateLimitError,
    ResponseDecodeError,
    ResponseLimitError,
    StreamInterruptedError,
    TidewireError,
)
from tidewire.events.types import DecodedEvent, Event, Finish, FinishReason, Meta, Token, ToolCallDelta, Usage

Json = dict[str, Any]

CREATED: Json = {"type": "response.created", "response": {"id": "r1", "model": "m", "status": "in_progress"}}
DONE: Json = {"type": "response.completed", "response": {"id": "r1", "model": "m", "status": "completed", "output": []}}


def frame(value: object, name: bytes = b"") -> bytes:
    head = b"event: " + name + b"\n" if name else b""
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return head + b"data: " + data + b"\n\n"


def text(delta: object, **fields: object) -> Json:
    return {"type": "response.output_text.delta", "output_index": 0, "content_index": 0, "delta": delta, **fields}


def completed(**fields: object) -> Json:
    return {**DONE, "response": {**DONE["response"], **fields}}


def events_of(*frames: object) -> list[DecodedEvent]:
    """The events of a stream of these frames (bytes as they are, the rest as JSON)."""
    decoder = StreamedResponse()
    events = list(decoder.feed(b"".join(one if isinstance(one, bytes) else frame(one) for one in frames)))
    return events + list(decoder.close())


def plain_events(body: object) -> list[DecodedEvent]:
    decoder = PlainResponse()
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    assert list(decoder.feed(data)) == []
    assert not decoder.done
    events = list(decoder.close())
    assert decoder.done
    return events


def only(events: Iterable[Event], kind: type[Event]) -> list[Any]:
    return [event for event in events if type(event) is kind]


# ---------------------------------------------------------------- the course of a stream


def test_a_stream_is_meta_then_tokens_then_facts_usage_and_finish_last() -> None:
    usage = {"input_tokens": 3, "output_tokens": 2, "total_tokens": 5, "input_tokens_details": {"cached_tokens": 1}}
    assert events_of(
        CREATED,
        {"type": "response.in_progress", "response": CREATED["response"]},
        text("Hi"),
        text(" you", logprobs=[]),
        text(""),
        text(None),
        completed(usage=usage, created_at=7, service_tier="flex", store=False, metadata={}),
    ) == [
        Meta(id="r1", model="m"),
        Token("Hi"),
        Token(" you"),
        Meta(data={"created_at": 7, "service_tier": "flex", "status": "completed", "store": False}),
        Usage(3, 2, 5, cache_read=1),
        Finish("stop", "completed"),
    ]


def test_the_last_id_and_model_count() -> None:
    events = events_of(CREATED, completed(id="r2", model="m-2026"))
    assert only(events, Meta)[:2] == [Meta(id="r1", model="m"), Meta(id="r2", model="m-2026")]
    assert message_of(events).response_metadata["id"] == "r2"


def test_the_responses_end_ends_the_reply_and_what_follows_is_no_part_of_it() -> None:
    decoder = StreamedResponse()
    assert not decoder.done
    events = list(decoder.feed(frame(text("a")) + frame(DONE) + frame(text("b"))))
    assert decoder.done
    assert only([*events, *decoder.feed(b"data: {\n\n"), *decoder.close()], Token) == [Token("a")]


def test_frames_that_are_not_read_pass() -> None:
    assert only(
        events_of(
            b": ping\n\n",
            b"data: \n\n",
            {"type": "keepalive", "delta": {"odd": 1}},
            {"type": "response.output_text.done", "text": "again"},
            {"type": "response.newer.delta", "delta": {"odd": 1}, "output_index": "none"},
            {"type": 7},
            [],
            text("a"),
            b"data: [DONE]\n\n",
            DONE,
        ),
        Token,
    ) == [Token("a")]


def test_the_type_may_stand_outside_only() -> None:
    bare = {key: value for key, value in text("a").items() if key != "type"}
    assert only(events_of(frame(bare, b"response.output_text.delta"), DONE), Token) == [Token("a")]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b": ping\n\n",
        frame(CREATED),
        frame(CREATED) + frame(text("a")),
        frame(text("a")) + b"data: [DONE]\n\n",
        frame(text("a")) + frame(DONE)[:-10],
        frame(text("a")) + b'data: {"type": "response.compl',
        b"<html>Bad gateway</html>",
        b'{"id": "r1", "output": [',
        frame(text("a")) + b'{"id": "r1", "output": []}',
    ],
)
def test_a_stream_that_breaks_off_is_an_error(body: bytes) -> None:
    with pytest.raises(StreamInterruptedError):
        events_of(body)


def test_a_last_frame_may_lack_its_blank_line() -> None:
    assert events_of(text("a"), frame(DONE).strip())[-1] == Finish("stop", "completed")


def test_a_plain_reply_under_the_wrong_content_type_is_read() -> None:
    decoder = StreamedResponse()
    assert list(decoder.feed(json.dumps(DONE["response"], indent=1).encode())) == []
    assert list(decoder.close())[-1] == Finish("stop", "completed")
    assert decoder.done
    with pytest.raises(RateLimitError):
        events_of(b'{"error": {"code": "rate_limit_exceeded", "message": "slow"}}')


@pytest.mark.parametrize(
    ("kind", "response", "reason", "word"),
    [
        ("completed", {"status": "completed"}, "stop", "completed"),
        ("completed", {"status": None}, "stop", "completed"),
        ("incomplete", {"incomplete_details": {"reason": "max_output_tokens"}}, "length", "max_output_tokens"),
        ("incomplete", {"incomplete_details": {"reason": "content_filter"}}, "content_filter", "content_filter"),
        ("incomplete", {"incomplete_details": {"reason": "steered"}}, "other", "steered"),
        ("incomplete", {"incomplete_details": {"reason": None}}, "other", "incomplete"),
        ("incomplete", {"incomplete_details": None}, "other", "incomplete"),
        ("completed", {"status": "cancelled"}, "other", "cancelled"),
    ],
)
def test_why_a_response_ends_is_normalised_and_kept(kind: str, response: Json, reason: FinishReason, word: str) -> None:
    last: Json = {"type": f"response.{kind}", "response": {"id": "r1", "output": [], "status": kind, **response}}
    assert events_of(text("a"), last)[-1] == Finish(reason, word)


def test_a_response_that_is_only_queued_is_told_as_such() -> None:
    assert plain_events({"id": "r1", "status": "queued", "output": []})[-1] == Finish("other", "queued")


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        (None, []),
        ({}, []),
        ({"input_tokens": None, "output_tokens": "7"}, []),
        ({"input_tokens": 3}, [Usage(3, 0, 3)]),
        ({"output_tokens": 2, "output_tokens_details": {"reasoning_tokens": 1}}, [Usage(0, 2, 2, reasoning=1)]),
        (
            {
                "input_tokens": 5,
                "output_tokens": 1,
                "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 4},
            },
            [Usage(5, 1, 6, cache_read=0, cache_creation=4)],
        ),
    ],
)
def test_usage_has_what_was_counted(usage: object, expected: list[Usage]) -> None:
    assert only(events_of(completed(usage=usage)), Usage) == expected


def test_spoken_output_is_one_block_at_the_end() -> None:
    events = events_of(
        {"type": "response.audio.delta", "delta": "UklGRg"},
        {"type": "response.audio.transcript.delta", "delta": "Hel"},
        {"type": "response.audio.delta", "delta": "AAAA"},
        {"type": "response.audio.transcript.delta", "delta": "lo"},
        DONE,
    )
    assert message_of(events).content_blocks == [
        {"type": "audio", "base64": "UklGRgAAAA", "mime_type": "audio/wav", "extras": {"transcript": "Hello"}}
    ]


# ---------------------------------------------------------------- plain replies


@pytest.mark.parametrize("name", ["text", "reasoning", "function-call", "server-tools"])
def test_a_stream_adds_up_to_the_plain_reply(name: str) -> None:
    found = {one.id: one for one in read_recordings(WRITTEN / "openai_responses")}
    streamed, plain = (message_of(replay(found[f"{name}-{how}"], [found[f"{name}-{how}"].body]).events) for how in HOW)
    assert streamed.content_blocks == plain.content_blocks


HOW = ("stream", "plain")


@pytest.mark.parametrize("length", range(len(json.dumps({"output": [{"é": "东"}], "note": [1.5, True]}))))
def test_a_plain_reply_that_breaks_off_is_an_error(length: int) -> None:
    with pytest.raises(StreamInterruptedError):
        plain_events(json.dumps({"output": [{"é": "东"}], "note": [1.5, True]}).encode()[:length])


@pytest.mark.parametrize(
    "body",
    [
        b"<html>hello</html>",
        b'{"output": []}x',
        b"{}",
        b"[]",
        b"null",
        b'"text"',
        b'{"output": 7}',
        b'{"output": [7]}',
        b'{"output": null, "id": "x"}',
        b'{"output": [], "id": 7}',
        b'{"output": [{"type": "message", "content": "text"}]}',
        b'{"output": [{"type": "message", "content": [{"type": "output_text", "text": 7}]}]}',
        b'{"output": [{"type": "message", "content": [{"type": "output_text", "text": "\xff"}]}]}',
    ],
)
def test_a_plain_reply_that_is_something_else_is_a_decode_error(body: bytes) -> None:
    with pytest.raises(ResponseDecodeError) as caught:
        plain_events(body)
    assert len(caught.value.excerpt) <= 500


def test_a_plain_reply_over_the_limit_is_refused_while_it_comes() -> None:
    decoder = PlainResponse()
    list(decoder.feed(b" " * BODY_LIMIT))
    with pytest.raises(ResponseLimitError, match="longer than"):
        decoder.feed(b" ")


def test_what_json_does_not_know_does_not_break_the_reading() -> None:
    odd = b'{"output": [{"type": "message", "content": [{"type": "output_text", "text": "a\\ud83d", "x": NaN}]}]}'
    assert only(plain_events(odd), Token) == [Token("a\ufffd")]
    piece = b'{"type":"response.output_text.delta","output_index":0,"content_index":0,"delta":"a\\ud83d"}'
    item = b'{"type":"response.output_item.done","output_index":1,"item":{"type":"reasoning","id":"r","x":"\\ud83d"}}'
    made = message_of(events_of(frame(piece), frame(item), DONE))
    assert (made.text, made.content_blocks[1].get("id")) == ("a\ufffd", "r")


# ---------------------------------------------------------------- what goes wrong inside


ERRORS: list[tuple[Json, type[APIStatusError]]] = [
    ({"type": "error", "code": "rate_limit_exceeded", "message": "slow", "param": None}, RateLimitError),
    ({"type": "error", "code": None, "message": "down"}, APIStatusError),
    ({"type": "error", "error": {"type": "insufficient_quota", "code": None, "message": "no"}}, QuotaExceededError),
    ({"error": {"message": "down", "type": "server_error", "code": None}}, InternalServerError),
    ({"error": {"code": 429, "message": "slow"}}, RateLimitError),
    ({"detail": "nope"}, APIStatusError),
]


@pytest.mark.parametrize(("error", "kind"), ERRORS)
def test_an_error_in_the_reply_is_raised_in_every_shape(error: Json, kind: type[APIStatusError]) -> None:
    decoder = StreamedResponse()
    seen: list[DecodedEvent] = []
    with pytest.raises(APIStatusError) as caught:
        seen.extend(decoder.feed(frame(text("first"))))
        seen.extend(decoder.feed(frame(error) + frame(DONE)))
    assert type(caught.value) is kind
    assert seen == [Token("first")]
    assert caught.value.provider_code != "error"


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("server_error", InternalServerError),
        ("vector_store_timeout", InternalServerError),
        ("rate_limit_exceeded", RateLimitError),
        ("invalid_prompt", BadRequestError),
        ("image_too_large", BadRequestError),
        ("image_content_policy_violation", ContentFilterError),
        ("newer", APIStatusError),
    ],
)
def test_a_response_that_failed_is_an_error_by_its_code(code: str, kind: type[APIStatusError]) -> None:
    failed: Json = {"id": "r1", "status": "failed", "error": {"code": code, "message": "Sorry"}, "output": []}
    with pytest.raises(APIStatusError, match="Sorry") as caught:
        events_of(text("a"), {"type": "response.failed", "response": failed})
    assert (type(caught.value), caught.value.provider_code) == (kind, code)
    with pytest.raises(kind):
        plain_events(failed)
    with pytest.raises(kind):
        plain_events({**failed, "output": None})


def test_what_a_failed_response_cost_is_told_before_the_error() -> None:
    failed = {"status": "failed", "error": None, "usage": {"input_tokens": 3, "output_tokens": 0}}
    events = StreamedResponse().feed(frame({"type": "response.failed", "response": failed}))
    assert next(iter(events)) == Usage(3, 0, 3)
    with pytest.raises(APIStatusError, match="no message"):
        next(iter(events))


@pytest.mark.parametrize(
    "data", [b'{"message": "slow"}', b'"slow"', b"slow", b"{slow", b'{"type": "x", "a": 1}', b"[]"]
)
def test_an_event_named_error_is_one_whatever_it_holds(data: bytes) -> None:
    with pytest.raises(APIStatusError):
        events_of(frame(data, b"error"))


@pytest.mark.parametrize(
    "data",
    [
        b"{",
        b"hello",
        json.dumps(text(7)).encode(),
        json.dumps(text("a", output_index="x")).encode(),
        json.dumps({**text("a"), "type": "response.reasoning_text.delta", "delta": []}).encode(),
        b'{"type": "response.output_text.delta", "delta": "\xff"}',
        b'{"type": "response.completed"}',
        b'{"type": "response.completed", "response": null}',
        b'{"type": "response.output_item.added", "item": 7}',
        b'{"type": "response.output_item.done", "item": {"type": "reasoning", "summary": 7}}',
        b'{"type": "response.output_text.annotation.added", "annotation": null}',
        b'{"type": "response.output_text.delta", "delta": ' + b"9" * 5000 + b"}",
    ],
)
def test_a_frame_that_breaks_the_format_is_a_decode_error_with_an_excerpt(data: bytes) -> None:
    with pytest.raises(ResponseDecodeError) as caught:
        events_of(text("a"), frame(data))
    assert len(caught.value.excerpt) <= 500


def test_a_piece_of_text_is_read_as_such_by_its_events_name_too() -> None:
    name = b"response.output_text.delta"
    first, half = frame(text("a"), name), frame(b'{"output_index": 0, "content_index": 0, "delta": "\\ud83d"}', name)
    logged = frame(text("b", logprobs=[{"token": "b"}]), name)
    events = events_of(first, half, first, logged, DONE)
    assert only(events, Token) == [Token(text) for text in ("a", "\ufffd", "a", "b")]
    assert Meta(logprobs=[{"token": "b"}]) in events
    with pytest.raises(ResponseDecodeError, match="'delta'"):
        events_of(first, frame(text(7), name))
    with pytest.raises(APIStatusError, match="slow"):
        events_of(first, frame({"type": "error", "message": "slow"}, name))


@pytest.mark.parametrize("depth", [50_000, 200_000])
def test_json_that_is_nested_too_deep_is_a_limit_error(depth: int) -> None:
    bomb = b'{"output": [], "type": "response.completed", "error": ' + b"[" * depth + b"]" * depth + b"}"
    with pytest.raises(ResponseLimitError, match="nested too deep"):
        plain_events(bomb)
    with pytest.raises(ResponseLimitError, match="nested too deep"):
        events_of(frame(b'{"type": "response.completed", "response": ' + bomb + b"}"))


# ---------------------------------------------------------------- any cutting, any truncation, any damage

streams = [one for one in read_recordings(WRITTEN / "openai_responses") if one.status == 200]
recordings = st.sampled_from(streams)


@given(recording=recordings, cuts=st.lists(st.integers(1, 5000), max_size=12))
def test_any_cutting_gives_the_same_events_and_the_same_error(recording: Recording, cuts: list[int]) -> None:
    body = recording.body
    places = sorted({cut % len(body) for cut in cuts})
    reads = [body[start:end] for start, end in zip([0, *places], [*places, len(body)], strict=True)]
    assert replay(recording, reads).key() == replay(recording, [body]).key()


@pytest.mark.parametrize("recording", [one for one in streams if not one.expected["error"]], ids=lambda one: one.id)
def test_every_truncation_is_reported(recording: Recording) -> None:
    whole = replay(recording, [recording.body])
    # Without its last line feeds the body is still whole.
    for length in range(len(recording.body.rstrip())):
        cut = replay(recording, [recording.body[:length]])
        assert isinstance(cut.error, StreamInterruptedError), length
        assert only(cut.events, Finish) == []
        assert whole.events[: len(cut.events)] == cut.events


@given(
    recording=recordings,
    damage=st.lists(st.tuples(st.integers(0, 1 << 16), st.integers(0, 255)), min_size=1, max_size=6),
    noise=st.binary(max_size=6),
)
def test_damaged_bytes_give_events_or_our_errors(
    recording: Recording, damage: list[tuple[int, int]], noise: bytes
) -> None:
    body = bytearray(recording.body)
    for place, byte in damage:
        body[place % len(body)] = byte
    middle = damage[0][0] % len(body)
    body[middle:middle] = noise
    outcome = replay(recording, [bytes(body)])
    assert outcome.error is None or isinstance(outcome.error, TidewireError)
    message_of(outcome.events)


# Values that a field is not documented to have.
odd = st.sampled_from([None, 7, -1, 1.5, True, "x", "", [], [7], {}, {"type": "x"}, {"type": 7, "id": 7}])


@given(recording=recordings, data=st.data())
def test_fields_of_another_type_give_events_or_our_errors(recording: Recording, data: st.DataObject) -> None:
    lines = recording.body.split(b"\n")
    streamed = recording.body.startswith(b"event:")
    place = data.draw(st.integers(0, len(lines) - 1).map(lambda number: number // 3 * 3 + 1)) if streamed else 0
    if place >= len(lines):
        return
    value = json.loads(lines[place].removeprefix(b"data: ") if streamed else recording.body)
    _change(value, data)
    changed = json.dumps(value).encode()
    lines[place] = b"data: " + changed
    outcome = replay(recording, [b"\n".join(lines) if streamed else changed])
    assert outcome.error is None or isinstance(outcome.error, TidewireError)
    message_of(outcome.events)


def _change(value: Json, data: st.DataObject) -> None:
    """Change one field somewhere inside."""
    while True:
        keys: list[Any] = list(value if hasattr(value, "keys") else range(len(value)))
        key = data.draw(st.sampled_from(keys))
        if not isinstance(value[key], (dict, list)) or not value[key] or data.draw(st.booleans()):
            value[key] = data.draw(odd)
            return
        value = value[key]


def test_the_change_reaches_calls() -> None:
    # What the strategy above is for: arguments that are an object, as some hosts send them.
    item = {"type": "function_call", "call_id": "c", "name": "f", "arguments": {"a": 1}}
    assert only(plain_events({"output": [item]}), ToolCallDelta)[-1].args == '{"a":1}'
