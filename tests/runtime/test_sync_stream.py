import gc
from collections.abc import Iterator

import pytest

from tidewire import StreamInterruptedError, chain, init_chat_model
from tidewire.events import End, Event, Run
from tidewire.testing import Fail, Reply


class Ends:
    """Hears how runs end."""

    def __init__(self) -> None:
        self.outcomes: list[str] = []

    def __call__(self, run: Run, event: Event) -> None:
        if isinstance(event, End):
            self.outcomes.append(event.outcome)


def test_leaving_a_with_block_stops_the_call() -> None:
    ends = Ends()
    model = init_chat_model("embedded:demo", script=[Reply(["one ", "two"])], callbacks=[ends])
    with model.stream("hi") as stream:
        assert next(stream).text == "one "
        assert ends.outcomes == []
    assert ends.outcomes == ["abandoned"]
    with pytest.raises(StreamInterruptedError, match="was left"):
        list(stream)


def test_it_may_be_closed_at_any_time_and_twice() -> None:
    ends = Ends()
    stream = init_chat_model("embedded:demo", callbacks=[ends]).stream("hi")
    stream.close()
    stream.close()
    with pytest.raises(StreamInterruptedError, match="closed before it began: nothing was asked"):
        next(stream)
    with pytest.raises(StreamInterruptedError, match="closed before it began"):
        stream.result()
    assert ends.outcomes == []


def test_a_break_stops_the_call() -> None:
    ends = Ends()
    model = init_chat_model("embedded:demo", callbacks=[ends])
    for _ in model.stream("hi"):
        break
    gc.collect()
    assert ends.outcomes == ["abandoned"]


def test_the_rest_is_read_for_the_whole_message() -> None:
    model = init_chat_model("embedded:demo", script=["one two", "three"])
    stream = model.stream("hi")
    next(stream)
    assert stream.result().text == "one two"
    assert model.stream("hi").result().text == "three"


def test_a_call_that_fails_has_no_whole_message() -> None:
    script = [Fail(kind="reset", after_tokens=1, reply=Reply(["one ", "two"]))]
    with pytest.raises(StreamInterruptedError) as raised:
        init_chat_model("embedded:demo", script=script).stream("hi").result()
    assert raised.value.partial is not None
    assert raised.value.partial.text == "one "


def test_a_stream_that_failed_says_so_again() -> None:
    script = [Fail(kind="reset", after_tokens=1, reply=Reply(["one ", "two"]))]
    stream = init_chat_model("embedded:demo", script=script).stream("hi")
    with pytest.raises(StreamInterruptedError) as first:
        list(stream)
    for again in (stream.result, lambda: list(stream), lambda: next(stream)):
        with pytest.raises(StreamInterruptedError) as raised:
            again()
        assert raised.value is first.value


def test_a_stream_that_was_left_has_no_whole_message() -> None:
    with init_chat_model("embedded:demo", script=[Reply(["one ", "two"])]).stream("hi") as stream:
        next(stream)
    with pytest.raises(StreamInterruptedError, match="was left") as raised:
        stream.result()
    assert raised.value.partial is not None
    assert raised.value.partial.text == "one "


def test_a_stream_that_is_whole_gives_nothing_more_but_its_message() -> None:
    stream = init_chat_model("embedded:demo", script=[Reply(["one ", "two"])]).stream("hi")
    assert [piece.text for piece in stream] == ["one ", "two", ""]
    stream.close()
    assert list(stream) == []
    assert stream.result().text == "one two"


def test_streams_of_chains_say_again_how_they_ended() -> None:
    calls: list[str] = []

    @chain
    def count(text: str) -> Iterator[str]:
        calls.append(text)
        yield "one "
        while text == "b":
            yield "more "
        raise ValueError("no two")

    failed = count.stream("a")
    for _ in range(2):
        with pytest.raises(ValueError, match="no two"):
            list(failed)
    with pytest.raises(ValueError, match="no two"):
        failed.result()
    with count.stream("b") as left:
        next(left)
    with pytest.raises(StreamInterruptedError) as raised:
        left.result()
    assert raised.value.partial is not None
    assert raised.value.partial.text.startswith("one ")
    closed = count.stream("c")
    closed.close()
    with pytest.raises(StreamInterruptedError, match="count was closed before it began"):
        closed.result()
    assert calls == ["a", "b"]


def test_leaving_a_batch_stops_the_rest() -> None:
    ends = Ends()
    stalled = Fail(kind="stall_before_head")
    model = init_chat_model("embedded:demo", script=["one", stalled, stalled], callbacks=[ends])
    with model.batch_as_completed(["one", "two", "three"], {"max_concurrency": 1}) as done:
        assert next(done)[0] == 0
    assert ends.outcomes in (["ok"], ["ok", "cancelled"])
    assert list(done) == []
