"""What the suite says of decoders: a good one passes, and each way to be wrong is caught by the test that is for it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, cast

import msgspec
import pytest

from tests.adapters.conformance.parrot import RECORDINGS, Decoder, Line, ParrotCodec, adapter_of, lines
from tidewire import init_chat_model
from tidewire.adapters.conformance import ConformanceError, Recording, Tests, conformance_tests
from tidewire.events.blocks import JSONObject
from tidewire.events.errors import ConfigurationError, ResponseDecodeError, StreamInterruptedError
from tidewire.events.types import Block, DecodedEvent, Finish, Meta, Reasoning, Start, Token, ToolCallDelta, Usage


def suite(decoder: type[Decoder] = Decoder, recordings: tuple[Recording, ...] = RECORDINGS) -> Tests:
    """The tests of a codec with this decoder."""
    codec = ParrotCodec()
    codec.new_decoder = decoder
    return conformance_tests(adapter_of(codec), init_chat_model, model="grey-1", recordings=recordings, effort=60)


@pytest.mark.parametrize("name", suite())
def test_a_good_codec_passes(name: str) -> None:
    suite()[name]()


# --- wrong at cuts, at the end, at broken bytes


class CutsBlindly(Decoder):
    """Takes each read for whole lines."""

    def feed(self, data: bytes) -> Iterator[DecodedEvent]:
        for line in data.splitlines():
            if line.endswith(b"}"):
                yield from self.read(self.decode(line))


class EndsEarly(Decoder):
    """Is done before its last events."""

    def read(self, line: Line) -> Iterator[DecodedEvent]:
        self.done = self.done or line.end is not None
        if line.end is None:
            yield from super().read(line)

    def close(self) -> Iterator[DecodedEvent]:
        yield Finish("tool_calls", "trick")
        yield Usage(5, 9, 14)


class IsDoneAtTheWord(Decoder):
    """Is done in the middle, where everything came in one read it goes on."""

    def feed(self, data: bytes) -> Iterator[DecodedEvent]:
        for line in self.framer.feed(data):
            yield from self.read(self.decode(line))

    def read(self, line: Line) -> Iterator[DecodedEvent]:
        yield from super().read(line)
        self.done = self.done or line.word is not None


class LosesTheLastLine(Decoder):
    """Keeps the last line of each read to itself."""

    def read(self, line: Line) -> Iterator[DecodedEvent]:
        if line.end is None:
            yield from super().read(line)
        self.done = self.done or line.end is not None


class SumsUsage(Decoder):
    """Adds up what are totals already."""

    heard = spoken = 0

    def read(self, line: Line) -> Iterator[DecodedEvent]:
        for event in super().read(line):
            if isinstance(event, Usage):
                self.heard += event.input_tokens
                self.spoken += event.output_tokens
                yield Usage(self.heard, self.spoken, self.heard + self.spoken)
            else:
                yield event


class AcceptsTruncation(Decoder):
    """Takes any end for the end."""

    def close(self) -> Iterator[DecodedEvent]:
        yield from ()


class FinishesBlindly(Decoder):
    """Takes any end for the end, and says so."""

    def close(self) -> Iterator[DecodedEvent]:
        yield Finish("stop")


class BlamesTheFormat(Decoder):
    """Tells a reply that was cut off as one that cannot be read."""

    def close(self) -> Iterator[DecodedEvent]:
        if not self.done:
            raise ResponseDecodeError("there is no end")
        yield from ()


class ReadsOn(Decoder):
    """Reads what is behind the end."""

    def feed(self, data: bytes) -> Iterator[DecodedEvent]:
        for line in self.framer.feed(data):
            yield from self.read(self.decode(line))


def parsed(line: bytes) -> JSONObject:
    """A line as JSON."""
    try:
        return dict(json.loads(line))
    except (TypeError, ValueError, RecursionError) as wrong:
        raise ResponseDecodeError("no JSON") from wrong


class ReadsUntyped(Decoder):
    """Looks fields up in whatever was sent."""

    def decode(self, line: bytes) -> Line:
        told = parsed(line)
        return Line(**{key: told[key] for key in Line.__struct_fields__ if key in told})


class TrustsWords(Decoder):
    """Passes on whatever stands where a word should be."""

    def decode(self, line: bytes) -> Line:
        told = parsed(line)
        return Line(word=told["word"]) if told.keys() == {"word"} else super().decode(line)


class RaisesKeyErrors(Decoder):
    """Takes fields for granted."""

    def decode(self, line: bytes) -> Line:
        read = super().decode(line)
        if read.how is not None or read.trick is not None:
            read.number = parsed(line)["number"]
        return read


class SaysWhatItRead(Decoder):
    """An error of its own at every cut."""

    read_count = 0

    def feed(self, data: bytes) -> Iterator[DecodedEvent]:
        self.read_count += 1
        yield from super().feed(data)

    def decode(self, line: bytes) -> Line:
        try:
            return super().decode(line)
        except ResponseDecodeError as wrong:
            raise ResponseDecodeError(f"in read {self.read_count}: {wrong}") from wrong


@pytest.mark.parametrize(
    ("decoder", "rule", "told"),
    [
        (CutsBlindly, "any_cut_gives_the_same_events[streamed]", "it is not what it is in one read"),
        (IsDoneAtTheWord, "any_cut_gives_the_same_events[streamed]", "set done with the last event"),
        (EndsEarly, "a_reply_is_read_as_declared[streamed]", "finish: declared 'tool_calls', found None"),
        (LosesTheLastLine, "a_reply_is_read_as_declared[streamed]", "usage: declared .*'total_tokens': 14"),
        (SumsUsage, "a_reply_is_read_as_declared[streamed]", "usage: declared .*14}, found .*'total_tokens': 20"),
        (AcceptsTruncation, "every_truncation_is_told[streamed]", r"it passed for whole\n.*Raise a StreamInterr"),
        (AcceptsTruncation, "every_truncation_is_told[plain]", "it passed for whole"),
        (AcceptsTruncation, "every_truncation_is_told[tired]", "it passed for whole"),
        (FinishesBlindly, "every_truncation_is_told[streamed]", "it passed for whole"),
        (BlamesTheFormat, "every_truncation_is_told[streamed]", "raised ResponseDecodeError: there is no end"),
        (ReadsOn, "nothing_is_read_behind_the_end[streamed]", "with more bytes behind its end"),
        (ReadsUntyped, "broken_bytes_give_events_or_errors[streamed]", "raised TypeError"),
        (TrustsWords, "broken_bytes_give_events_or_errors[streamed]", "Token.* has a field of the wrong type"),
        (RaisesKeyErrors, "broken_bytes_give_events_or_errors[streamed]", "raised KeyError: 'number'"),
        (SaysWhatItRead, "broken_bytes_give_events_or_errors[streamed]", "with broken bytes, .*, and cut, it is not"),
    ],
)
def test_a_decoder_that_is_wrong_is_caught(decoder: type[Decoder], rule: str, told: str) -> None:
    with pytest.raises(ConformanceError, match=f"(?s){told}"):
        suite(decoder)[f"test_{rule}"]()


# --- events that break the grammar

STREAMED = RECORDINGS[0]


def decoder_that_adds(*events: Any, at_end: bool = False) -> type[Decoder]:
    """A decoder that says more than it read."""

    class Adds(Decoder):
        def read(self, line: Line) -> Iterator[DecodedEvent]:
            if line.end is not None and not at_end:
                yield from events
            yield from super().read(line)
            if line.end is not None and at_end:
                yield from events

    return Adds


@pytest.mark.parametrize(
    ("events", "told"),
    [
        ([Token("")], "a token without text"),
        ([Reasoning()], "reasoning without text and signature"),
        ([Token("x", seq=3)], "only the bus numbers events"),
        ([Start([])], "is a Start; a decoder yields Block"),
        (["text"], "is a str; a decoder yields"),
        ([Token(cast("Any", 7))], "has a field of the wrong type"),
        ([Token("x", index=cast("Any", "0"))], "has a field of the wrong type"),
        ([Usage(5, True, 5)], "has a field of the wrong type"),
        ([Meta(data={"a": object()})], "has a field of the wrong type"),
        ([Block({"image": "x"})], "a block needs a type"),
        ([Finish("stop")], "there are 2 finish events"),
        ([Usage(5, 0, 5)], "usage went down, output_tokens from 1 to 0"),
        ([Usage(5, 2, 7, cache_read=1), Usage(5, 2, 7)], "usage went down, cache_read from 1 to None"),
        ([Usage(5, 2, 7, cache_read=4, cache_creation=3)], "7 cached tokens in 5 input_tokens"),
        ([Usage(5, 2, 7, reasoning=3)], "3 reasoning tokens in 2 output_tokens"),
        ([ToolCallDelta("", 1, "t2")], "repeats the id of its call"),
        ([ToolCallDelta("", 1, None, "sit")], "repeats the name of its call"),
        ([ToolCallDelta("{}", 7)], "opens a call without id and name"),
    ],
)
def test_events_that_break_the_grammar_are_caught(events: list[Any], told: str) -> None:
    with pytest.raises(ConformanceError, match=told):
        suite(decoder_that_adds(*events))["test_events_keep_to_the_grammar[streamed]"]()


def test_content_behind_the_finish_is_caught_unless_the_format_has_no_end() -> None:
    late = decoder_that_adds(Token("late"), at_end=True)
    rule = "test_events_keep_to_the_grammar[streamed]"
    with pytest.raises(ConformanceError, match="is content behind finish"):
        suite(late)[rule]()
    suite(late, (msgspec.structs.replace(STREAMED, unterminated=True),))[rule]()


def test_a_new_id_under_an_old_index_is_another_call() -> None:
    another = decoder_that_adds(ToolCallDelta("{}", 1, "t3", "sit"))
    suite(another)["test_events_keep_to_the_grammar[streamed]"]()


def test_a_name_without_an_index_is_another_call() -> None:
    calls = [ToolCallDelta("", None, "t9", "sit"), ToolCallDelta("{}", None), ToolCallDelta("", None, None, "sit")]
    suite(decoder_that_adds(*calls))["test_events_keep_to_the_grammar[streamed]"]()


# --- what is declared


MISDECLARED: list[tuple[str, object, str]] = [
    ("text", "I am a cat.", "text: declared 'I am a cat.', found 'I am a parrot"),
    ("reasoning", "", "reasoning: declared '', found 'Who asks"),
    ("tool_calls", [], "tool_calls: declared \\[\\], found"),
    ("tool_calls", [{"name": "fly", "args": {}}, {"name": "sit", "args": {}}], "tool_calls: declared"),
    ("other_blocks", ["image"], "other_blocks: declared \\['image'\\], found \\[\\]"),
    ("finish", "stop", "finish: declared 'stop', found 'tool_calls'"),
    ("usage", None, "usage: declared {}, found"),
    ("usage", Usage(5, 9, 15), "usage: declared .* 15}, found .* 14}"),
    ("usage", Usage(5, 9, 14, cache_read=0), "'cache_read': 0}, found .*'cache_read': None}"),
    ("model", None, "model: declared None, found 'grey-1'"),
    ("error", StreamInterruptedError, "error: declared StreamInterruptedError, found NoneType"),
]


@pytest.mark.parametrize(("field", "value", "told"), MISDECLARED)
def test_a_reply_that_is_not_what_is_declared_is_told(field: str, value: object, told: str) -> None:
    wrong = msgspec.structs.replace(STREAMED, **{field: value})
    with pytest.raises(ConformanceError, match=told):
        suite(recordings=(wrong, *RECORDINGS[1:]))["test_a_reply_is_read_as_declared[streamed]"]()


def test_what_is_not_to_be_compared_is_not() -> None:
    open_ended = msgspec.structs.replace(STREAMED, other_blocks=None, finish=None)
    suite(recordings=(open_ended,))["test_a_reply_is_read_as_declared[streamed]"]()


def test_an_answer_that_fails_is_told() -> None:
    broken = msgspec.structs.replace(STREAMED, body=STREAMED.body[:-5])
    with pytest.raises(ConformanceError, match="error: none is declared, found StreamInterruptedError"):
        suite(recordings=(broken,))["test_a_reply_is_read_as_declared[streamed]"]()


def test_a_plain_reply_that_is_another_answer_than_the_stream_is_told() -> None:
    other = msgspec.structs.replace(RECORDINGS[1], body=lines({"word": "No."}, {"end": "stop"}))
    with pytest.raises(ConformanceError, match=r"plain: not the same answer as 'streamed'\n  content_blocks: .*"):
        suite(recordings=(STREAMED, other))["test_plain_and_streamed_are_the_same_answer[plain]"]()


def test_a_format_without_a_terminator_may_end_behind_a_finish_reason() -> None:
    class Unterminated(Decoder):
        finish: Finish | None = None

        def read(self, line: Line) -> Iterator[DecodedEvent]:
            for event in super().read(line):
                self.finish = event if isinstance(event, Finish) else self.finish
                yield event
            self.done = False

        def close(self) -> Iterator[DecodedEvent]:
            if self.finish is None:
                raise StreamInterruptedError("no finish reason was told")
            yield from ()

    body = lines({"word": "a", "end": "stop"}, {"word": "b"})
    recording = Recording(name="parts", body=body, text="ab")
    rule = "test_every_truncation_is_told[parts]"
    with pytest.raises(ConformanceError, match="declare unterminated=True"):
        suite(Unterminated, (recording,))[rule]()
    suite(Unterminated, (msgspec.structs.replace(recording, unterminated=True),))[rule]()


# --- the arguments


def test_recordings_that_prove_nothing_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="needs a recording of an answer"):
        suite(recordings=RECORDINGS[2:])
    with pytest.raises(ConfigurationError, match="two recordings have the same name"):
        suite(recordings=(STREAMED, STREAMED))
    with pytest.raises(ConfigurationError, match="'streamed' is the name of no recording"):
        suite(recordings=RECORDINGS[1:])
