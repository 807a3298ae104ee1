"""Events that are alike: what is read of them is what the decoder would have read of each."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidewire.adapters import sse_alike
from tidewire.adapters.anthropic_reply import StreamedMessage
from tidewire.adapters.openai_chat_reply import StreamedReply
from tidewire.adapters.openai_responses_reply import StreamedResponse
from tidewire.adapters.sse import SSEFramer
from tidewire.adapters.sse_alike import AlikeEvents
from tidewire.events.blocks import JSONObject
from tidewire.events.errors import TidewireError
from tidewire.events.types import DecodedEvent, Token

TEXT = re.compile(rb'"t": ?"((?:[^"\\]|\\.)*)"')
PADDING = re.compile(rb'"p": ?"([A-Za-z0-9]*)"\}$')
COUNTER = re.compile(rb'"n": ?([0-9]+)')


class Decoder:
    """Reads ``{"t": text}``, and counts what it read itself."""

    def __init__(self) -> None:
        self.framer = SSEFramer()
        self.alike = AlikeEvents(TEXT, padding=PADDING, counter=COUNTER)
        self.decoded = 0

    def feed(self, data: bytes) -> Iterator[DecodedEvent]:
        return self.alike.read(self.framer, data, self.read)

    def read(self, data: bytes) -> Iterator[DecodedEvent]:
        for name, payload in self.framer.feed(data):
            self.decoded += 1
            value = json.loads(payload)
            yield Token(value["t"])
            if value.get("learn", True):
                self.alike.learn(name, payload)
            else:
                self.alike.forget()


def event(text: str, *, name: str = "", number: int | None = None, padding: str | None = None, **more: object) -> bytes:
    value = {**({} if number is None else {"n": number}), "t": text, **more}
    if padding is not None:
        value["p"] = padding
    return (f"event: {name}\n" if name else "").encode() + b"data: " + json.dumps(value).encode() + b"\n\n"


def texts(events: Iterator[DecodedEvent]) -> list[str]:
    return [found.text for found in events if isinstance(found, Token)]


def test_after_one_event_was_decoded_those_like_it_are_not() -> None:
    decoder = Decoder()
    words = [f"word {n}" for n in range(100)]
    assert texts(decoder.feed(b"".join(event(word) for word in words))) == words
    assert decoder.decoded == 1


@pytest.mark.parametrize("name", ["", "delta"])
def test_the_name_the_number_and_the_padding_do_not_make_a_difference(name: str) -> None:
    decoder = Decoder()
    data = b"".join(event(f"w{n}", name=name, number=n + 1, padding="x" * (n % 7), more=None) for n in range(100))
    assert texts(decoder.feed(data)) == [f"w{n}" for n in range(100)]
    assert decoder.decoded == 1


def test_an_event_that_is_not_alike_is_decoded_and_those_after_it_are_alike_again() -> None:
    decoder = Decoder()
    data = event("a") + event("b") + event("c", more=1) + event("d", more=1) + event("e") + event("f")
    assert texts(decoder.feed(data)) == list("abcdef")
    assert decoder.decoded == 3


@pytest.mark.parametrize("others", [0, 1, 3, 20])
def test_the_events_of_other_kinds_at_the_end_of_a_read_are_all_that_is_decoded(others: int) -> None:
    decoder = Decoder()
    words = [f"word {n}" for n in range(100)]
    data = b"".join(event(word) for word in words) + b"".join(event("x", more=n, id=n) for n in range(others))
    assert texts(decoder.feed(data)) == words + ["x"] * others
    assert decoder.decoded == 1 + others


def test_what_is_forgotten_is_not_met_again() -> None:
    decoder = Decoder()
    data = event("a") + event("b") + event("c", learn=False) + event("d") + event("e")
    assert texts(decoder.feed(data)) == list("abcde")
    assert decoder.decoded == 3


def test_escapes_and_letters_of_all_alphabets_are_read() -> None:
    decoder = Decoder()
    words = ["a", '"', "\\", "\n\n", "\x00", "ä", "潮", "🌊", '"}\n\n', "plain"]
    data = b"".join(b'data: {"t": %b}\n\n' % json.dumps(word, ensure_ascii=False).encode() for word in words)
    assert texts(decoder.feed(data)) == words
    assert decoder.decoded == 1


def test_a_host_whose_events_are_never_alike_is_decoded_as_ever() -> None:
    decoder = Decoder()
    data = b"".join(event(f"w{n}", id=n) for n in range(100))
    assert texts(decoder.feed(data)) == [f"w{n}" for n in range(100)]
    assert decoder.decoded == 100


def test_events_that_break_off_or_are_broken_are_left_to_the_decoder() -> None:
    for broken in (
        b'data: {"t": "b""}\n\n',
        b'data: {"t": "b\\"}\n\n',
        b'data: {"t": "\xff"}\n\n',
        b'data: {"t": "}\n\n',
    ):
        decoder = Decoder()
        found = decoder.feed(event("a") + event("b") + broken + event("c"))
        assert texts(_until_error(found))[:2] == ["a", "b"]
        decoder = Decoder()
        assert texts(decoder.feed(event("a") + event("b"))) == ["a", "b"]
        with pytest.raises(ValueError, match=r"delimiter|codec|escape|Unterminated|control"):
            list(decoder.feed(broken))


def test_a_number_that_is_none_and_a_body_without_it_are_left_to_the_decoder() -> None:
    decoder = Decoder()
    odd = event("c", number=3).replace(b"3", b"-3")
    data = event("a", number=1) + event("b", number=2) + odd + event("d", padding="") + event("e", number=5)
    assert texts(decoder.feed(data)) == list("abcde")
    assert decoder.decoded > 2


def test_what_is_missed_again_and_again_is_given_up() -> None:
    decoder = Decoder()
    data = b"".join(event("a", number=-n) for n in range(1, 100))
    assert texts(decoder.feed(data)) == ["a"] * 99
    assert decoder.decoded == 99


def test_events_without_the_padding_or_with_two_texts_are_left_to_the_decoder() -> None:
    decoder = Decoder()
    assert texts(decoder.feed(event("a", padding="x") + event("b") + event("c"))) == ["a", "b", "c"]
    decoder = Decoder()
    assert texts(decoder.feed(event("a", padding="x") + event("b", padding="-") + event("c"))) == ["a", "b", "c"]
    decoder = Decoder()
    assert texts(decoder.feed(event("a", more={"t": "b"}) * 3)) == ["a"] * 3
    assert decoder.decoded == 3


def test_reads_without_the_end_of_an_event_and_long_unfinished_events_take_the_usual_way() -> None:
    decoder = Decoder()
    long = event("x" * 10_000)
    reads = [event("a"), event("b")[:9], event("b")[9:12], event("b")[12:], long[:9_000], long[9_000:], event("c")]
    assert [text for read in reads for text in texts(decoder.feed(read))] == ["a", "b", "x" * 10_000, "c"]
    assert decoder.decoded == 2


def test_an_event_that_may_be_too_long_is_left_to_the_framer() -> None:
    framer = SSEFramer(100)
    list(framer.feed(b"data: a"))
    assert framer.take_back(b"b\n\n", 50) == b"data: ab\n\n"
    list(framer.feed(b"data: a"))
    assert framer.take_back(b"b" * 60 + b"\n\n", 50) is None
    assert framer.rest == b"data: a"


def _until_error(events: Iterator[DecodedEvent]) -> Iterator[DecodedEvent]:
    try:
        yield from events
    except ValueError:
        return


# The real decoders: the same events, however their bytes are cut, and the same as of frames that are read one by one.

HEAD = {"id": "c", "object": "chat.completion.chunk", "created": 7, "model": "m"}


def chat(delta: dict[str, object], **more: object) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": None}
    return b"data: " + json.dumps({**HEAD, "choices": [choice], **more}, separators=(",", ":")).encode() + b"\n\n"


TEXTS = st.one_of(st.text(max_size=6), st.sampled_from(['"', "\\", '"}}]}\n\ndata: {', "\n", "ä", "", "a"]))


def said(text: str, pad: str | None = None, **more: object) -> bytes:
    return chat({"content": text}, **more, **({} if pad is None else {"obfuscation": pad}))


def thought(text: str) -> bytes:
    return chat({"reasoning_content": text})


def refused(text: str) -> bytes:
    return chat({"content": text, "refusal": text})


CHAT_EVENTS = st.one_of(
    st.builds(said, TEXTS),
    st.builds(said, TEXTS, st.text("aB3", max_size=4)),
    st.builds(said, TEXTS, model=st.just("other")),
    st.builds(said, TEXTS, usage=st.just({"prompt_tokens": 1, "completion_tokens": 2})),
    st.builds(thought, TEXTS),
    st.builds(refused, TEXTS),
    st.sampled_from(
        [
            b": ping\n\n",
            b"\n",
            b"data: {\n\n",
            b"data: [DONE]\n\n",
            b'data: {"error": {"message": "no"}}\n\n',
            said("cr").replace(b"\n", b"\r\n"),
            said("x")[:-1],
        ]
    ),
)


def message_delta(text: str, kind: str = "text", index: int = 0, blanks: str = "") -> bytes:
    delta = json.dumps({"type": f"{kind}_delta", kind: text}, separators=(",", ":"))
    data = f'{{"type":"content_block_delta","index":{index},"delta":{delta}{blanks}}}'
    return f"event: content_block_delta\ndata: {data}\n\n".encode()


def message_frame(kind: str, **fields: object) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n".encode()


def block_start(index: int) -> bytes:
    return message_frame("content_block_start", index=index, content_block={"type": "text", "text": ""})


def block_stop(index: int) -> bytes:
    return message_frame("content_block_stop", index=index)


# What providers pad a frame with, and what would break it.
BLANKS = st.sampled_from(["", " ", "   ", "  a "])
MESSAGE_EVENTS = st.one_of(
    st.builds(message_delta, TEXTS, st.just("text"), st.integers(0, 1), BLANKS),
    st.builds(message_delta, TEXTS, st.just("thinking"), st.integers(0, 1), BLANKS),
    st.builds(block_stop, st.integers(0, 1)),
    st.builds(block_start, st.integers(0, 1)),
    st.sampled_from([message_frame("ping"), message_frame("message_stop"), b"event: error\ndata: {}\n\n"]),
)
MESSAGE_BEGIN = message_frame("message_start", message={"id": "m", "content": []}) + block_start(0)


def response_delta(text: str, number: int, pad: str | None, content_index: int = 0) -> bytes:
    data: JSONObject = {
        "type": "response.output_text.delta",
        "sequence_number": number,
        "item_id": "i",
        "output_index": 0,
        "content_index": content_index,
        "delta": text,
        "logprobs": [],
        **({} if pad is None else {"obfuscation": pad}),
    }
    return f"event: response.output_text.delta\ndata: {json.dumps(data)}\n\n".encode()


def response_frame(kind: str, **fields: object) -> bytes:
    return f"event: response.{kind}\ndata: {json.dumps({'type': f'response.{kind}', **fields})}\n\n".encode()


def response_text(text: str) -> bytes:
    return response_frame("output_text.done", output_index=0, content_index=0, text=text)


ITEM: JSONObject = {"id": "i", "type": "message", "role": "assistant", "status": "in_progress", "content": []}
RESPONSE_BEGIN = (
    response_frame("created", response={"id": "r", "model": "m", "output": []})
    + response_frame("output_item.added", output_index=0, item=ITEM)
    + response_frame("content_part.added", output_index=0, content_index=0, part={"type": "output_text", "text": ""})
)
RESPONSE_EVENTS = st.one_of(
    st.builds(response_delta, TEXTS, st.integers(0, 12), st.sampled_from([None, "", "aB3"]), st.integers(0, 1)),
    st.builds(response_text, TEXTS),
    st.sampled_from([response_frame("in_progress", response={"id": "r"}), b": ping\n\n"]),
)

Wire: TypeAlias = StreamedReply | StreamedMessage | StreamedResponse

WIRES: Mapping[str, tuple[Callable[[], Wire], bytes, st.SearchStrategy[bytes]]] = {
    "openai chat": (StreamedReply, b"", CHAT_EVENTS),
    "anthropic": (StreamedMessage, MESSAGE_BEGIN, MESSAGE_EVENTS),
    "openai responses": (StreamedResponse, RESPONSE_BEGIN, RESPONSE_EVENTS),
}


def outcome(decoder: Wire, reads: list[bytes]) -> list[object]:
    found: list[object] = []
    try:
        for data in reads:
            found += decoder.feed(data)
        found += decoder.close()
    except TidewireError as error:
        found.append((type(error), error.message))
    return found


@pytest.mark.parametrize("wire", WIRES)
@given(data=st.data())
def test_the_events_are_those_of_frames_read_one_by_one(wire: str, data: st.DataObject) -> None:
    decoder, begin, events = WIRES[wire]
    runs = data.draw(st.lists(st.tuples(events, st.integers(1, 4)), max_size=12))
    body = begin + b"".join(found * times for found, times in runs)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(body)), max_size=6)))
    reads = [body[begin:end] for begin, end in zip([0, *cuts], [*cuts, len(body)], strict=True)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sse_alike, "_LESSONS", 0)  # nothing is learnt
        expected = outcome(decoder(), [body])
    assert outcome(decoder(), [body]) == expected
    assert outcome(decoder(), reads) == expected
