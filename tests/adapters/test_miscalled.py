"""A reply that is called JSON or a page where a stream was asked for is read as what it begins as."""

from __future__ import annotations

import pytest

from tidewire.adapters.miscalled import Miscalled, decoder_for
from tidewire.adapters.openai_chat import OpenAIChatCodec
from tidewire.events.errors import ResponseDecodeError, StreamInterruptedError
from tidewire.events.types import DecodedEvent, Token

STREAM = b'data: {"id":"c","choices":[{"index":0,"delta":{"content":"hi"}}]}\n\ndata: [DONE]\n\n'
PLAIN = b'{"id":"c","choices":[{"index":0,"message":{"content":"hi"},"finish_reason":"stop"}]}'


def decode(body: bytes, content_type: str, *, asked: bool = True) -> list[DecodedEvent]:
    decoder = decoder_for(OpenAIChatCodec(), content_type, asked=asked)
    events: list[DecodedEvent] = []
    for place in range(len(body)):
        events.extend(decoder.feed(body[place : place + 1]))
    events.extend(decoder.close())
    return events


@pytest.mark.parametrize("before", [b"", b" \r\n", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("content_type", ["application/json", "Text/HTML; charset=utf-8"])
@pytest.mark.parametrize("body", [STREAM, PLAIN])
def test_the_first_byte_says_what_a_reply_is(before: bytes, content_type: str, body: bytes) -> None:
    assert Token("hi") in decode(before + body, content_type)


def test_it_is_done_when_the_stream_says_so() -> None:
    decoder = Miscalled(OpenAIChatCodec())
    assert not decoder.done
    list(decoder.feed(STREAM))
    assert decoder.done


def test_a_page_is_no_reply() -> None:
    with pytest.raises(ResponseDecodeError):
        decode(b"<html></html>", "text/html")


def test_no_bytes_are_an_answer_that_broke_off() -> None:
    with pytest.raises(StreamInterruptedError):
        decode(b"", "application/json")


def test_what_is_called_rightly_is_read_as_that() -> None:
    codec = OpenAIChatCodec()
    assert not isinstance(decoder_for(codec, "text/event-stream", asked=True), Miscalled)
    assert not isinstance(decoder_for(codec, "application/json", asked=False), Miscalled)
    assert Token("hi") in decode(STREAM, "text/event-stream", asked=False)
