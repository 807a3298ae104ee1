"""Replies in the chat completions format, of OpenAI and of hosts that take liberties with it."""

import base64
import json
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.adapters.recording_kit import WRITTEN, Recording, message_of, read_recordings, replay
from tidewire.adapters.openai_chat_reply import BODY_LIMIT, PlainReply, StreamedReply
from tidewire.events.errors import (
    APIStatusError,
    BadRequestError,
    InternalServerError,
    OverloadedError,
    RateLimitError,
    ResponseDecodeError,
    ResponseLimitError,
    StreamInterruptedError,
    TidewireError,
)
from tidewire.events.messages import AIMessage
from tidewire.events.types import (
    Block,
    DecodedEvent,
    Finish,
    FinishReason,
    Meta,
    Reasoning,
    Token,
    ToolCallDelta,
    Usage,
)

Json = dict[str, Any]

DONE = b"data: [DONE]\n\n"
STOP: Json = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}


def frame(value: object) -> bytes:
    return b"data: " + json.dumps(value).encode() + b"\n\n"


def chunk(delta: Json, **choice: object) -> Json:
    return {"id": "c1", "model": "m", "choices": [{"index": 0, "delta": delta, **choice}]}


def events_of(*frames: object, done: bool = True) -> list[DecodedEvent]:
    """The events of a stream of these frames (bytes as they are, the rest as JSON)."""
    decoder = StreamedReply()
    body = b"".join(one if isinstance(one, bytes) else frame(one) for one in frames)
    events = list(decoder.feed(body + DONE if done else body))
    return events + list(decoder.close())


def plain_events(body: object) -> list[DecodedEvent]:
    decoder = PlainReply()
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    assert list(decoder.feed(data)) == []
    return list(decoder.close())


def plain(message: Json, **choice: object) -> Json:
    return {"id": "c1", "model": "m", "choices": [{"index": 0, "message": message, "finish_reason": "stop", **choice}]}


def only(events: Iterable[DecodedEvent], kind: type[DecodedEvent]) -> list[Any]:
    return [event for event in events if type(event) is kind]


def message(*frames: object) -> AIMessage:
    return message_of(events_of(*frames, STOP))


# ---------------------------------------------------------------- the course of a stream


def test_a_stream_is_meta_then_tokens_then_usage_and_finish_last() -> None:
    events = events_of(
        {**chunk({"role": "assistant", "content": ""}), "created": 7, "system_fingerprint": "fp", "service_tier": None},
        {**chunk({"content": "Hi"}), "created": 7, "system_fingerprint": "fp"},
        {**chunk({}, finish_reason="stop"), "system_fingerprint": "fp", "service_tier": "flex"},
        {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4}},
    )
    assert events == [
        Meta(id="c1", model="m", data={"system_fingerprint": "fp", "created": 7}),
        Token("Hi"),
        Meta(data={"service_tier": "flex"}),
        Usage(3, 1, 4),
        Finish("stop", "stop"),
    ]


def test_the_terminator_ends_the_reply_and_what_follows_is_no_part_of_it() -> None:
    decoder = StreamedReply()
    assert not decoder.done
    events = list(decoder.feed(frame(chunk({"content": "a"})) + DONE + frame(chunk({"content": "b"}))))
    assert decoder.done
    assert [*events, *decoder.feed(b"data: {\n\n"), *decoder.close()][-2:] == [Token("a"), Finish("other", None)]


def test_a_finish_reason_and_a_proper_end_are_enough() -> None:
    assert events_of(chunk({"content": "a"}), STOP, done=False)[-1] == Finish("stop", "stop")
    unclosed = events_of(chunk({"content": "a"}), frame(STOP).strip(), done=False)
    assert unclosed[-1] == Finish("stop", "stop")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b": ping\n\n",
        frame(chunk({"content": "a"})),
        frame(chunk({"content": "a"}, finish_reason="")),
        frame(chunk({"content": "a"})) + frame(STOP)[:-10],
        frame(STOP) + b'data: {"choices": [], "usage": {"prompt_tok',
        b"<html>Bad gateway</html>",
        b'{"choices": [{"message": {"content": "a',
    ],
)
def test_a_stream_that_breaks_off_is_an_error(body: bytes) -> None:
    with pytest.raises(StreamInterruptedError):
        events_of(body, done=False)


def test_only_the_first_choice_is_read() -> None:
    other = {"choices": [{"index": 1, "delta": {"content": "no"}, "finish_reason": "length"}]}
    mixed = {"choices": [{"index": 1, "delta": {"content": "no"}}, {"delta": {"content": "yes"}}]}
    events = events_of(other, mixed, other, STOP)
    assert only(events, Token) == [Token("yes")]
    assert events[-1] == Finish("stop", "stop")


def test_a_whole_message_in_a_stream_counts_only_in_place_of_deltas() -> None:
    whole = {"choices": [{"message": {"content": "all of it"}, "finish_reason": "stop"}]}
    assert only(events_of(whole), Token) == [Token("all of it")]
    assert only(events_of(chunk({"content": "all of it"}), whole), Token) == [Token("all of it")]


def test_a_plain_reply_under_the_wrong_content_type_is_read() -> None:
    body = json.dumps(plain({"content": "a"})).encode()
    assert events_of(body, done=False) == plain_events(body)
    with pytest.raises(BadRequestError, match="no such model"):
        events_of(b'{"error": {"message": "no such model", "code": 400}}', done=False)


def test_meta_is_told_once_and_again_where_it_changes() -> None:
    events = events_of(
        {"id": "", "model": "", "choices": []},
        {"id": "c1", "model": "asked", "choices": []},
        {"id": "c1", "model": "asked", "choices": []},
        {"id": "c2", "model": "answered", "choices": []},
    )
    assert only(events, Meta) == [Meta(id="c1", model="asked"), Meta(model="answered")]


def test_an_id_that_comes_late_is_told() -> None:
    events = events_of({"model": "m", "choices": []}, {"id": "c1", "model": "m", "choices": []})
    assert only(events, Meta) == [Meta(model="m"), Meta(id="c1")]


def test_what_follows_a_stream_without_being_an_event_is_no_reply() -> None:
    stray = json.dumps(plain({"content": "stray"})).encode()
    assert only(events_of(chunk({"content": "a"}), STOP, stray, done=False), Token) == [Token("a")]


def test_frames_of_other_kinds_pass() -> None:
    others = [b"data: \n\n", b"data: {}\n\n", b'data: {"type":"ping","id":3}\n\n', b"data: null\n\n", b"data: 7\n\n"]
    assert message(*others, chunk({"content": "a"}), b"event: done\ndata: {}\n\n").text == "a"


def test_null_and_missing_fields_pass_everywhere() -> None:
    empty: Json = {
        "id": None,
        "model": None,
        "created": None,
        "usage": None,
        "choices": [
            {
                "index": None,
                "logprobs": None,
                "finish_reason": None,
                "delta": {
                    "role": None,
                    "content": None,
                    "refusal": "",
                    "tool_calls": None,
                    "function_call": {"name": "", "arguments": ""},
                    "audio": {"id": "", "data": "", "transcript": "", "expires_at": 0},
                    "reasoning": None,
                    "reasoning_content": "",
                    "reasoning_details": [],
                    "annotations": [],
                    "images": [],
                },
            }
        ],
    }
    bare: Json = {"choices": [{}]}
    assert events_of(empty, bare, {"choices": [{"delta": None}]}) == [Finish("other", None)]


# ---------------------------------------------------------------- text, reasoning, refusals


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
def test_reasoning_is_read_under_every_name(field: str) -> None:
    assert only(events_of(chunk({field: "Hm."}), STOP), Reasoning) == [Reasoning("Hm.")]
    assert only(events_of(chunk({field: {"content": "Hm."}}), STOP), Reasoning) == [Reasoning("Hm.")]
    assert only(plain_events(plain({field: "Hm.", "content": "a"})), Reasoning) == [Reasoning("Hm.")]


def test_reasoning_under_two_names_is_read_once() -> None:
    both = {"reasoning_content": "Hm.", "reasoning": "Hm."}
    assert only(events_of(chunk(both), STOP), Reasoning) == [Reasoning("Hm.")]


def test_reasoning_stands_before_the_text_of_the_same_chunk() -> None:
    kinds = [type(event) for event in events_of(chunk({"content": "a", "reasoning": "Hm."}), STOP)]
    assert kinds == [Meta, Reasoning, Token, Finish]


def test_reasoning_details_are_put_together_to_be_sent_back() -> None:
    made = message(
        chunk({"reasoning": "We ", "reasoning_details": [{"type": "reasoning.text", "text": "We ", "index": 0}]}),
        chunk({"reasoning": "go", "reasoning_details": [{"type": "reasoning.text", "text": "go", "format": "f"}]}),
        chunk({"reasoning_details": [{"type": "reasoning.text", "signature": "sig", "index": 0, "format": None}]}),
        chunk({"reasoning_details": [{"type": "reasoning.encrypted", "data": "AA", "id": "r1", "index": 1}]}),
        chunk({"content": "a"}),
    )
    (thought, _text) = made.content_blocks
    assert thought == {
        "type": "reasoning",
        "reasoning": "We go",
        "extras": {
            "signature": "sig",
            "reasoning_details": [
                {"type": "reasoning.text", "index": 0, "format": "f", "signature": "sig", "text": "We go"},
                {"type": "reasoning.encrypted", "id": "r1", "index": 1, "data": "AA"},
            ],
        },
    }


def test_reasoning_that_stands_in_details_only_is_text_too() -> None:
    details = [{"type": "reasoning.summary", "summary": "Short."}]
    assert only(events_of(chunk({"reasoning_details": details}), STOP), Reasoning) == [Reasoning("Short.")]


def test_content_may_be_a_list_of_parts() -> None:
    parts = [
        {"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]},
        {"type": "thinking", "thinking": "Well."},
        {"type": "text", "text": "a"},
        {"type": "text", "text": ""},
        "b",
        {"type": "image_url", "image_url": "https://example.com/i.png"},
        {"type": "reference", "reference_ids": [1]},
        {"type": "refusal", "refusal": "No."},
    ]
    events = events_of(chunk({"content": parts}), STOP)
    assert events[1:] == [
        Reasoning("Hm."),
        Reasoning("Well."),
        Token("a"),
        Token("b"),
        Block({"type": "image", "url": "https://example.com/i.png"}),
        Block({"type": "non_standard", "value": {"type": "reference", "reference_ids": [1]}}),
        Block({"type": "non_standard", "value": {"type": "refusal", "refusal": "No."}}),
        Meta(data={"refusal": "No."}),
        Finish("refusal", "stop"),
    ]


def test_a_refusal_is_no_text() -> None:
    made = message(chunk({"refusal": "I "}), chunk({"refusal": "can't."}))
    assert made.text == ""
    assert made.content_blocks == [{"type": "non_standard", "value": {"type": "refusal", "refusal": "I can't."}}]
    assert made.response_metadata["refusal"] == "I can't."


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("stop", "stop"),
        ("length", "length"),
        ("tool_calls", "tool_calls"),
        ("function_call", "tool_calls"),
        ("content_filter", "content_filter"),
        ("something new", "other"),
    ],
)
def test_the_reason_to_finish_is_normalised_and_kept(word: str, reason: FinishReason) -> None:
    assert events_of(chunk({}, finish_reason=word))[-1] == Finish(reason, word)


def test_stopping_after_a_tool_call_is_finishing_for_it() -> None:
    call = {"id": "a", "function": {"name": "f", "arguments": "{}"}}
    assert events_of(chunk({"tool_calls": [call]}), STOP)[-1] == Finish("tool_calls", "stop")


# ---------------------------------------------------------------- tool calls


def calls(*pieces: Json) -> list[tuple[object, object, object]]:
    made = message(*(chunk({"tool_calls": [piece]}) for piece in pieces))
    assert made.invalid_tool_calls == []
    return [(call["id"], call["name"], call["args"]) for call in made.tool_calls]


def piece(
    arguments: object = None,
    *,
    index: int | None = None,
    id: str | None = None,
    name: str | None = None,
    **more: object,
) -> Json:
    fields = {"index": index, "id": id, "function": {"name": name, "arguments": arguments}, **more}
    return {key: value for key, value in fields.items() if value is not None}


def test_pieces_of_two_calls_may_take_turns() -> None:
    events = events_of(
        chunk({"tool_calls": [piece("", index=0, id="a", name="f"), piece("", index=1, id="b", name="g")]}),
        chunk({"tool_calls": [piece('{"x":', index=1), piece('{"y":', index=0)]}),
        chunk({"tool_calls": [piece("1}", index=0), piece("2}", index=1)]}),
        STOP,
    )
    assert only(events, ToolCallDelta) == [
        ToolCallDelta("", 0, "a", "f"),
        ToolCallDelta("", 1, "b", "g"),
        ToolCallDelta('{"x":', 1),
        ToolCallDelta('{"y":', 0),
        ToolCallDelta("1}", 0),
        ToolCallDelta("2}", 1),
    ]


def test_calls_without_an_index_are_told_apart_by_id_and_by_name() -> None:
    assert calls(piece("{}", id="a", name="f"), piece('{"x":', id="b", name="g"), piece("1}")) == [
        ("a", "f", {}),
        ("b", "g", {"x": 1}),
    ]
    assert calls(piece('{"x":', id="a", name="f"), piece("1", id="a", name="f"), piece("}", id="a")) == [
        ("a", "f", {"x": 1})
    ]


def test_several_calls_under_one_index_are_told_apart_by_id() -> None:
    assert calls(
        piece('{"x":', index=0, id="a", name="f"),
        piece("1}", index=0),
        piece('{"y":', index=0, id="b", name="f"),
        piece("2}", index=0, id="b"),
    ) == [("a", "f", {"x": 1}), ("b", "f", {"y": 2})]


def test_a_repeated_name_and_an_empty_one_in_a_continuation_are_ignored() -> None:
    pieces = [piece('{"x":', index=0, id="a", name="f"), piece("1", index=0, id="a", name="f")]
    assert calls(*pieces, piece("}", index=0, id="", name="")) == [("a", "f", {"x": 1})]


def test_a_call_without_an_id_gets_one_that_no_other_call_has() -> None:
    pieces = [piece("{}", name="f"), piece("{}", name="f")]
    ids = {id for id, _, _ in calls(*pieces)}
    assert len(ids) == 2
    assert all(isinstance(id, str) and id.startswith("call_") for id in ids)
    assert {id for id, _, _ in calls(*pieces)} == ids
    other = message_of(events_of({"id": "c2", "choices": [{"delta": {"tool_calls": pieces}}]}, STOP))
    assert not ids & {call["id"] for call in other.tool_calls}


def test_an_id_that_comes_after_the_name_does_not_split_the_call() -> None:
    ((id, name, args),) = calls(piece('{"x":', index=0, name="f"), piece("1}", index=0, id="late"))
    assert (id != "late", name, args) == (True, "f", {"x": 1})


def test_a_piece_may_hold_nothing_but_an_id() -> None:
    assert calls({"index": 0, "id": "a"}, piece("{}", index=0, name="f")) == [("a", "f", {})]


def test_arguments_may_be_an_object_and_missing() -> None:
    assert calls(piece({"x": [1, None]}, id="a", name="f"), piece(None, id="b", name="g")) == [
        ("a", "f", {"x": [1, None]}),
        ("b", "g", {}),
    ]


def test_what_the_provider_wants_back_with_a_call_is_kept() -> None:
    signature = {"google": {"thought_signature": "s"}}
    made = message(chunk({"tool_calls": [piece("{}", index=0, id="a", name="f", extra_content=signature)]}))
    assert made.tool_calls[0].get("extras") == {"extra_content": signature}


def test_a_custom_call_has_its_text_as_the_only_argument() -> None:
    first = {"index": 0, "id": "a", "custom": {"name": "sql", "input": 'select "'}}
    made = message(chunk({"tool_calls": [first]}), chunk({"tool_calls": [{"index": 0, "custom": {"input": '\n1"'}}]}))
    (call,) = made.tool_calls
    assert (call["name"], call["args"], call.get("extras")) == ("sql", {"input": 'select "\n1"'}, {"custom": True})
    whole = plain({"tool_calls": [{"id": "a", "type": "custom", "custom": {"name": "sql", "input": "x"}}]})
    assert message_of(plain_events(whole)).tool_calls[0]["args"] == {"input": "x"}


def test_a_call_of_before_there_were_tools_is_a_block_of_its_own() -> None:
    made = message(
        chunk({"function_call": {"name": "f", "arguments": '{"x"'}}), chunk({"function_call": {"arguments": ":1}"}})
    )
    assert made.tool_calls == []
    call = {"type": "function_call", "name": "f", "arguments": '{"x":1}'}
    assert made.content_blocks == [{"type": "non_standard", "value": call}]


# ---------------------------------------------------------------- usage, logprobs, citations, images, audio


def usage_of(usage: Json) -> list[Usage]:
    return only(events_of({"choices": [], "usage": usage}, STOP), Usage)


def test_usage_has_the_details_that_were_reported_and_no_others() -> None:
    details = {"prompt_tokens_details": {"cached_tokens": 4, "audio_tokens": 1, "cache_write_tokens": 2}}
    made = {"completion_tokens_details": {"reasoning_tokens": 5, "audio_tokens": 0}}
    counts = {"prompt_tokens": 10, "completion_tokens": 7, "total_tokens": 17}
    assert usage_of({**counts, **details, **made}) == [
        Usage(10, 7, 17, cache_read=4, cache_creation=2, input_audio=1, output_audio=0, reasoning=5)
    ]
    assert usage_of({**counts, "prompt_tokens_details": None, "completion_tokens_details": []}) == [Usage(10, 7, 17)]


def test_reasoning_that_is_counted_apart_is_counted_in() -> None:
    apart = {"completion_tokens_details": {"reasoning_tokens": 320}}
    assert usage_of({"prompt_tokens": 12, "completion_tokens": 2, "total_tokens": 334, **apart}) == [
        Usage(12, 322, 334, reasoning=320)
    ]


def test_usage_in_every_chunk_is_a_running_total() -> None:
    total = {"prompt_tokens": 3, "completion_tokens": 1}
    frames = [{**chunk({"content": "a"}), "usage": {**total, "completion_tokens": count}} for count in (1, 1, 2)]
    events = events_of(*frames, STOP)
    assert only(events, Usage) == [Usage(3, 1, 4), Usage(3, 2, 5)]
    usage = message_of(events).usage_metadata
    assert usage == {"input_tokens": 3, "output_tokens": 2, "total_tokens": 5}


def test_usage_stands_in_other_places_too() -> None:
    groq: Json = {
        "choices": [{"delta": {}}],
        "x_groq": {"id": "r", "usage": {"prompt_tokens": 1, "completion_tokens": 2}},
    }
    assert only(events_of(groq, STOP), Usage) == [Usage(1, 2, 3)]
    without_choices = {"object": "chat.completion.chunk", "usage": {"prompt_tokens": 1, "completion_tokens": 2}}
    assert only(events_of(without_choices, STOP), Usage) == [Usage(1, 2, 3)]


def test_numbers_that_are_none_count_nothing() -> None:
    assert usage_of({"prompt_tokens": None, "completion_tokens": None}) == []
    assert usage_of({"prompt_tokens": True, "completion_tokens": "7"}) == []
    assert usage_of({"prompt_tokens": -1, "completion_tokens": 2.0}) == [Usage(0, 2, 2)]
    huge = b'data: {"choices": [], "usage": {"prompt_tokens": 1e999, "completion_tokens": %s}}\n\n' % (b"9" * 400)
    assert only(events_of(huge, STOP), Usage) == []
    nan = b'data: {"choices": [], "usage": {"prompt_tokens": NaN, "completion_tokens": 2}}\n\n'
    assert only(events_of(nan, STOP), Usage) == [Usage(0, 2, 2)]


def test_logprobs_are_told_beside_their_token() -> None:
    entry = {"token": "a", "logprob": -0.5, "bytes": [97], "top_logprobs": []}
    events = events_of(chunk({"content": "a"}, logprobs={"content": [entry], "refusal": None}), STOP)
    assert events[1:3] == [Token("a"), Meta(logprobs=[entry])]
    refused = events_of(chunk({"refusal": "no"}, logprobs={"content": None, "refusal": [entry]}), STOP)
    assert only(refused, Meta)[1] == Meta(logprobs=[entry])
    assert only(events_of(chunk({"content": "a"}, logprobs=[0.1]), STOP), Meta) == [Meta(id="c1", model="m")]


def test_logprobs_that_are_no_numbers_of_json_pass() -> None:
    nan = (
        b'data: {"choices":[{"delta":{"content":"a"},"logprobs":{"content":[{"token":"a","logprob":-Infinity}]}}]}\n\n'
    )
    assert message(nan).response_metadata["logprobs"]["content"][0]["logprob"] == float("-inf")


def test_annotations_are_citations_of_the_text() -> None:
    note = {"url": "https://e.org", "title": "E", "start_index": 0, "end_index": 1, "content": "source"}
    other = {"type": "file", "file": {"name": "x"}}
    made = message(chunk({"content": "a", "annotations": [{"type": "url_citation", "url_citation": note}, other]}))
    assert made.content_blocks == [
        {
            "type": "text",
            "text": "a",
            "annotations": [
                {
                    "type": "citation",
                    "url": "https://e.org",
                    "title": "E",
                    "start_index": 0,
                    "end_index": 1,
                    "cited_text": "source",
                },
                {"type": "non_standard_annotation", "value": other},
            ],
        }
    ]


def test_a_list_of_addresses_beside_the_choices_is_cited_once() -> None:
    first = {
        **chunk({"content": "a"}),
        "citations": ["https://a", 7],
        "search_results": [{"url": "https://a", "title": "A"}],
    }
    second = {**chunk({"content": "b"}), "citations": ["https://a", "https://b"], "search_results": None}
    blocks = only(events_of(first, second, second, STOP), Block)
    assert [block.block for block in blocks] == [
        {"type": "citation", "url": "https://a", "title": "A"},
        {"type": "citation", "url": "https://b"},
    ]


def test_generated_images_are_blocks() -> None:
    events = events_of(
        chunk({"images": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}]}),
        chunk({"images": [{"image_url": {"url": "https://e.org/i.png"}}]}),
        STOP,
    )
    assert only(events, Block) == [
        Block({"type": "image", "base64": "AAAA", "mime_type": "image/png"}, 0),
        Block({"type": "image", "url": "https://e.org/i.png"}, 1),
    ]


def audio_of(*pieces: Json) -> Json | None:
    blocks = only(events_of(*(chunk({"audio": one}) for one in pieces), STOP), Block)
    return blocks[0].block if blocks else None


def test_audio_is_one_block_at_the_end() -> None:
    assert audio_of({"id": "a1", "transcript": "Yes"}, {"transcript": "."}, {"data": "AAAA"}, {"expires_at": 9}) == {
        "type": "audio",
        "base64": "AAAA",
        "mime_type": "audio/pcm",
        "extras": {"id": "a1", "expires_at": 9, "transcript": "Yes."},
    }
    assert audio_of({"transcript": "silence"}) is None


def test_pieces_of_audio_are_joined_whether_each_is_padded_or_not() -> None:
    sound = bytes(range(40))
    padded = [{"data": base64.b64encode(sound[start : start + 10]).decode()} for start in range(0, 40, 10)]
    text = base64.b64encode(sound).decode()
    running = [{"data": text[start : start + 7]} for start in range(0, len(text), 7)]
    for pieces in (padded, running):
        block = audio_of(*pieces)
        assert block is not None
        assert base64.b64decode(block["base64"]) == sound
    assert audio_of({"data": "=="}, {"data": "AAAA"}) == {"type": "audio", "base64": "==AAAA", "mime_type": "audio/pcm"}


@pytest.mark.parametrize(
    ("head", "mime"),
    [
        (b"RIFF....", "audio/wav"),
        (b"ID3.....", "audio/mpeg"),
        (b"\xff\xfb......", "audio/mpeg"),
        (b"fLaC....", "audio/flac"),
        (b"OggS....", "audio/ogg"),
    ],
)
def test_the_kind_of_a_sound_is_seen_from_its_head(head: bytes, mime: str) -> None:
    block = audio_of({"data": base64.b64encode(head).decode()})
    assert block is not None
    assert block["mime_type"] == mime


def test_tools_that_the_provider_ran_are_told_with_their_results() -> None:
    call = {"index": 0, "type": "search", "arguments": '{"query": "x"}'}
    done: Json = {**call, "output": "found", "search_results": {"results": []}}
    made = message(chunk({"executed_tools": [call]}), chunk({"executed_tools": [done]}), chunk({"content": "a"}))
    assert made.content_blocks[:2] == [
        {"type": "server_tool_call", "id": "executed_0", "name": "search", "args": {"query": "x"}},
        {
            "type": "server_tool_result",
            "tool_call_id": "executed_0",
            "status": "success",
            "output": "found",
            "extras": {"search_results": {"results": []}},
        },
    ]
    whole = message_of(plain_events(plain({"executed_tools": [{"type": "python", "arguments": "1+1", "output": "2"}]})))
    assert whole.content_blocks[0] == {
        "type": "server_tool_call",
        "id": "executed_0",
        "name": "python",
        "args": {"input": "1+1"},
    }


def test_what_a_filter_found_is_kept() -> None:
    found = {"hate": {"filtered": False, "severity": "safe"}}
    prompt = [{"prompt_index": 0, "content_filter_results": found}]
    made = message(
        {"id": "", "choices": [], "prompt_filter_results": prompt},
        chunk({"content": "a"}, content_filter_results=found),
        chunk({"content": "b"}, content_filter_results={}),
    )
    assert made.response_metadata["prompt_filter_results"] == prompt
    assert made.response_metadata["content_filter_results"] == found


# ---------------------------------------------------------------- plain replies


def test_a_plain_reply_gives_the_events_of_a_stream() -> None:
    body = {
        **plain({"content": "a", "reasoning": "Hm.", "tool_calls": [piece("{}", id="x", name="f")]}),
        "usage": {"prompt_tokens": 1, "completion_tokens": 1},
    }
    decoder = PlainReply()
    data = json.dumps(body).encode()
    for place in range(len(data)):
        assert list(decoder.feed(data[place : place + 1])) == []
    assert not decoder.done
    assert list(decoder.close()) == [
        Meta(id="c1", model="m"),
        Reasoning("Hm."),
        Token("a"),
        ToolCallDelta("{}", 0, "x", "f"),
        Usage(1, 1, 2),
        Finish("tool_calls", "stop"),
    ]
    assert decoder.done


def test_a_plain_reply_may_begin_with_white_space_and_have_no_choice() -> None:
    assert plain_events(b"\n   \n\n" + json.dumps(plain({"content": "a"})).encode())[1] == Token("a")
    assert plain_events({"id": "c1", "choices": []}) == [Meta(id="c1"), Finish("other", None)]


@pytest.mark.parametrize("length", range(len(json.dumps(plain({"content": "é东"}, note=[1.5, True])))))
def test_a_plain_reply_that_breaks_off_is_an_error(length: int) -> None:
    with pytest.raises(StreamInterruptedError):
        plain_events(json.dumps(plain({"content": "é东"}, note=[1.5, True])).encode()[:length])


def test_a_plain_reply_cut_within_a_character_is_cut() -> None:
    with pytest.raises(StreamInterruptedError):
        plain_events('{"choices": [{"message": {"content": "東'.encode()[:-1])


@pytest.mark.parametrize(
    "body",
    [
        b"<html>hello</html>",
        b'{"choices": []}x',
        b"{}",
        b"[]",
        b"null",
        b'"text"',
        b'{"choices": 7}',
        b'{"choices": null, "id": "x"}',
        b'{"choices": [{"message": {"content": 7}}]}',
        b'{"choices": [{"message": {"content": "\xff"}}]}',
    ],
)
def test_a_plain_reply_that_is_something_else_is_a_decode_error(body: bytes) -> None:
    with pytest.raises(ResponseDecodeError) as caught:
        plain_events(body)
    assert len(caught.value.excerpt) <= 500


def test_a_plain_reply_over_the_limit_is_refused_while_it_comes() -> None:
    decoder = PlainReply()
    list(decoder.feed(b" " * BODY_LIMIT))
    with pytest.raises(ResponseLimitError, match="longer than"):
        decoder.feed(b" ")


# ---------------------------------------------------------------- what goes wrong inside


ERRORS: list[tuple[object, type[APIStatusError]]] = [
    ({"error": {"message": "slow", "type": "requests", "code": "rate_limit_exceeded"}}, RateLimitError),
    ({"error": {"message": "slow", "code": 429}}, RateLimitError),
    ({"error": {"message": "down", "type": "server_error", "code": None}}, InternalServerError),
    ({"error": {"message": "busy", "type": "overloaded_error"}}, OverloadedError),
    ({"error": "just text"}, APIStatusError),
    ({"error": "just text", "choices": []}, APIStatusError),
    ({"object": "error", "message": "bad", "type": "BadRequestError", "code": 400}, BadRequestError),
    ({"code": 500, "msg": "down", "success": False}, InternalServerError),
    ({"detail": "nope"}, APIStatusError),
    ([{"error": {"code": 400, "message": "bad", "status": "INVALID_ARGUMENT"}}], BadRequestError),
    (chunk({"content": ""}, error={"code": 502, "message": "bad gateway"}), InternalServerError),
    ({**chunk({}, finish_reason="error"), "error": {"code": 429, "message": "slow"}}, RateLimitError),
    (chunk({}, finish_reason="error"), InternalServerError),
    (chunk({}, finish_reason="insufficient_system_resource"), OverloadedError),
    ({"choices": [{"delta": {}}], "x_groq": {"error": "server_error"}}, APIStatusError),
]


@pytest.mark.parametrize(("error", "kind"), ERRORS)
def test_an_error_in_the_reply_is_raised_in_every_shape(error: object, kind: type[APIStatusError]) -> None:
    decoder = StreamedReply()
    seen: list[DecodedEvent] = []
    with pytest.raises(APIStatusError) as caught:
        seen.extend(decoder.feed(frame(chunk({"content": "first"}))))
        seen.extend(decoder.feed(frame(error) + DONE))
    assert type(caught.value) is kind
    assert Token("first") in seen
    with pytest.raises(APIStatusError) as caught:
        plain_events(error)
    assert type(caught.value) is kind


@pytest.mark.parametrize(
    "data", [b'{"message": "slow"}', b'"slow"', b"slow", b"{slow", b'{"choices": [], "x": 1}', b"[]"]
)
def test_an_event_named_error_is_one_whatever_it_holds(data: bytes) -> None:
    with pytest.raises(APIStatusError):
        events_of(b"event: error\ndata: " + data + b"\n\n")


def test_what_stands_before_an_error_in_the_same_read_is_yielded_first() -> None:
    decoder = StreamedReply()
    odd = b'event: x\ndata: {"choices": [{"delta":\ndata: {"content": "b\\ud83d"}}]}\n\n'
    events = decoder.feed(frame(chunk({"content": "a"})) + odd + frame({"error": {"message": "down"}}))
    assert [next(events), next(events), next(events)] == [Meta(id="c1", model="m"), Token("a"), Token("b\ufffd")]
    with pytest.raises(APIStatusError, match="down"):
        next(events)


@pytest.mark.parametrize(
    "data",
    [
        b"{",
        b"hello",
        b'{"choices": [{"delta": {"content": 7}}]}',
        b'{"choices": 7}',
        b'{"choices": [{"delta": {"content": "\xff"}}]}',
        b'{"choices": [' + b"9" * 5000,
    ],
)
def test_a_frame_that_breaks_the_format_is_a_decode_error_with_an_excerpt(data: bytes) -> None:
    with pytest.raises(ResponseDecodeError) as caught:
        events_of(chunk({"content": "a"}), b"data: " + data + b"\n\n")
    assert 0 < len(caught.value.excerpt) <= 500


@pytest.mark.parametrize("depth", [50_000, 200_000])
def test_json_that_is_nested_too_deep_is_a_limit_error(depth: int) -> None:
    bomb = b'{"choices": [], "error": ' + b"[" * depth + b"]" * depth + b"}"
    with pytest.raises(ResponseLimitError, match="nested too deep"):
        events_of(b"data: " + bomb + b"\n\n")
    with pytest.raises(ResponseLimitError, match="nested too deep"):
        plain_events(bomb)


def test_halves_of_characters_do_not_break_the_reading() -> None:
    half = b'data: {"choices":[{"delta":{"content":"a\\ud83d"}}]}\n\n'
    pair = b'data: {"choices":[{"delta":{"content":"\\ud83d\\ude00\\\\ud83d \\ude00","tool_calls":null}}]}\n\n'
    made = message(half, pair)
    assert made.text == "a\ufffd😀\\ud83d \ufffd"
    made.text.encode()


# ---------------------------------------------------------------- any cutting, any truncation, any damage

streams = [one for one in read_recordings(WRITTEN / "openai") if one.status == 200]
recordings = st.sampled_from(streams)


@given(recording=recordings, cuts=st.lists(st.integers(1, 5000), max_size=12))
def test_any_cutting_gives_the_same_events_and_the_same_error(recording: Recording, cuts: list[int]) -> None:
    body = recording.body
    places = sorted({cut % len(body) for cut in cuts})
    reads = [body[start:end] for start, end in zip([0, *places], [*places, len(body)], strict=True)]
    assert replay(recording, reads).key() == replay(recording, [body]).key()


@pytest.mark.parametrize("recording", [one for one in streams if not one.expected["error"]], ids=lambda one: one.id)
def test_every_truncation_before_the_finish_reason_is_reported(recording: Recording) -> None:
    whole = replay(recording, [recording.body])
    for length in range(len(recording.body)):
        cut = replay(recording, [recording.body[:length]])
        if cut.error is not None:
            assert isinstance(cut.error, StreamInterruptedError)
            assert [event for event in cut.events if not isinstance(event, Finish)] == cut.events
            continue
        # A finish reason was read: nothing of the answer is missing, only what hosts send after it.
        assert message_of(cut.events).text == message_of(whole.events).text
        assert message_of(cut.events).tool_calls == message_of(whole.events).tool_calls
        assert only_finish(cut.events) == only_finish(whole.events)


def only_finish(events: Iterable[Any]) -> list[Finish]:
    return [event for event in events if isinstance(event, Finish)]


@given(
    recording=recordings,
    damage=st.lists(st.tuples(st.integers(0, 1 << 16), st.integers(0, 255)), min_size=1, max_size=6),
    noise=st.binary(max_size=6),
)
def test_damaged_bytes_give_events_or_our_errors(
    recording: Recording, damage: list[tuple[int, int]], noise: bytes
) -> None:
    body = bytearray(recording.body)
    for place, value in damage:
        body[place % len(body)] = value
    place = damage[0][0] % len(body)
    body[place:place] = noise
    outcome = replay(recording, [bytes(body)])  # anything but a TidewireError fails the test
    assert outcome.error is None or isinstance(outcome.error, TidewireError)
    assert replay(recording, [bytes(body[:place]), bytes(body[place:])]).key() == outcome.key()
