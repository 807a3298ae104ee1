import gc

import pytest

from tidewire import StreamInterruptedError, init_chat_model
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
    assert list(stream) == []


def test_it_may_be_closed_at_any_time_and_twice() -> None:
    ends = Ends()
    stream = init_chat_model("embedded:demo", callbacks=[ends]).stream("hi")
    stream.close()
    stream.close()
    assert ends.outcomes == []
    with pytest.raises(StopIteration):
        next(stream)


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


def test_leaving_a_batch_stops_the_rest() -> None:
    ends = Ends()
    stalled = Fail(kind="stall_before_head")
    model = init_chat_model("embedded:demo", script=["one", stalled, stalled], callbacks=[ends])
    with model.batch_as_completed(["one", "two", "three"], {"max_concurrency": 1}) as done:
        assert next(done)[0] == 0
    assert ends.outcomes in (["ok"], ["ok", "cancelled"])
    assert list(done) == []
