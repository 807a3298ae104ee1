"""``resume="restart"``: a broken answer begins anew, and everybody who heard a part of it can tell."""

from __future__ import annotations

from itertools import accumulate

import pytest

from tests.events.grammar import check_grammar
from tests.runtime.test_call import DONE, ERROR, FINISH, GOOD, NO_WAIT, USAGE, Heard, frame, model_on, status
from tidewire import RetryPolicy, Timeout, init_chat_model
from tidewire.adapters.replay_transport import Exchange
from tidewire.errors import APIStatusError, ConfigurationError, StreamInterruptedError
from tidewire.events.types import CONTENT, Retry, Token
from tidewire.messages import AIMessage, AIMessageChunk

CUT = Exchange(body=frame("x") + frame("y"), ending="reset", cuts="event")


async def test_a_break_after_content_begins_anew_and_says_from_where_to_discard() -> None:
    heard = Heard()
    model, transport = model_on([CUT, GOOD], resume="restart")
    message = await model.ainvoke("hi", {"callbacks": heard})
    assert message.text == "ab"
    assert message.usage_metadata is not None
    (retry,) = heard.of(Retry)
    first = next(event for event in heard.events if type(event) in CONTENT)
    assert (retry.attempt, retry.discard_from) == (1, first.seq)
    assert [event.text for event in heard.of(Token)] == ["x", "y", "a", "b"]
    assert (len(transport.requests), transport.open_responses) == (2, 0)


async def test_without_it_a_break_after_content_is_raised() -> None:
    model, transport = model_on([CUT, GOOD])
    with pytest.raises(StreamInterruptedError):
        await model.ainvoke("hi")
    assert len(transport.requests) == 1


async def test_it_may_be_asked_for_in_one_call() -> None:
    model, _ = model_on([CUT, GOOD])
    assert (await model.ainvoke("hi", resume="restart")).text == "ab"


async def test_what_a_stream_yields_adds_up_to_the_message_all_the_same() -> None:
    model, _ = model_on([CUT, Exchange(body=frame("z"), ending="reset"), GOOD], resume="restart")
    async with model.astream("hi") as stream:
        chunks = [chunk async for chunk in stream]
        message = await stream.result()
    assert [chunk.restarts for chunk in chunks] == [False, False, True, False, True, False, False, False]
    assert [chunk.text for chunk in chunks] == ["x", "y", "", "z", "", "a", "b", ""]
    total = sum(chunks[1:], start=chunks[0])
    assert total.to_message() == message
    assert total.restarts
    running = list(accumulate(chunks))
    assert [chunk.text for chunk in running] == ["x", "xy", "", "z", "", "a", "ab", "ab"]  # read as it grows
    assert running[-1].to_message() == message


async def test_the_sum_is_the_same_in_any_grouping() -> None:
    model, _ = model_on([CUT, GOOD], resume="restart")
    chunks = [chunk async for chunk in model.astream("hi")]
    whole = sum(chunks[1:], start=chunks[0]).to_message()
    for cut in range(1, len(chunks)):
        left = sum(chunks[1:cut], start=chunks[0])
        right = sum(chunks[cut + 1 :], start=chunks[cut])
        assert right.content is not None  # folds it before it is added
        assert (left + right).to_message() == whole


async def test_a_restart_leaves_alone_what_others_said_in_the_same_sum() -> None:
    model, _ = model_on([GOOD, CUT, GOOD, GOOD], resume="restart")
    before = [chunk async for chunk in model.astream("hi")]
    chunks = [chunk async for chunk in model.astream("hi")]
    after = [chunk async for chunk in model.astream("hi")]
    by_hand = AIMessageChunk("by hand ")
    everything = [by_hand, *before, *chunks, *after]
    assert sum(everything[1:], start=everything[0]).text == "by hand ababab"
    assert list(accumulate(everything))[-1].text == "by hand ababab"
    read = AIMessageChunk("")
    for chunk in everything:
        read = read + chunk
        assert read.text is not None
    assert read.text == "by hand ababab"
    others = sum(before[1:], start=by_hand + before[0])
    answer = sum(chunks[1:], start=chunks[0])
    assert answer.text == "ab"
    assert (others + answer).text == "by hand abab"
    begun = others + chunks[0]
    assert begun.text == "by hand abx"
    rest = sum(chunks[2:], start=chunks[1])
    assert rest.text == "ab"
    assert (begun + rest).text == "by hand abab"
    mixed = AIMessageChunk("> ") + (others + chunks[0])
    assert mixed.text == "> by hand abx"
    assert (mixed + rest).text == "> by hand abab"


async def test_a_restarted_sum_survives_being_copied() -> None:
    import pickle

    model, _ = model_on([CUT, GOOD], resume="restart")
    chunks = [chunk async for chunk in model.astream("hi")]
    right = sum(chunks[2:], start=chunks[1])
    copy = pickle.loads(pickle.dumps(right))
    assert copy.restarts
    assert (chunks[0] + copy).text == "ab"


async def test_an_answer_that_stands_still_counts_as_broken() -> None:
    stalled = Exchange(body=frame("x"), ending="hang")
    model, _ = model_on([stalled, GOOD], resume="restart", timeout=Timeout(between_events=0.05))
    assert (await model.ainvoke("hi")).text == "ab"


async def test_an_error_within_the_answer_that_may_pass_is_tried_again() -> None:
    model, _ = model_on([frame("x") + ERROR, GOOD], resume="restart")
    assert (await model.ainvoke("hi")).text == "ab"


async def test_what_can_not_pass_is_raised_with_what_arrived() -> None:
    refusal = b'data: {"error":{"message":"no","type":"invalid_request_error","code":400}}\n\n'
    model, transport = model_on([frame("x") + refusal, GOOD], resume="restart")
    with pytest.raises(APIStatusError) as raised:
        await model.ainvoke("hi")
    assert isinstance(raised.value.partial, AIMessage)
    assert raised.value.partial.text == "x"
    assert len(transport.requests) == 1


async def test_restarts_count_as_retries_and_the_last_break_is_raised() -> None:
    heard = Heard()
    model, transport = model_on([CUT, status(500), CUT], resume="restart")
    with pytest.raises(StreamInterruptedError) as raised:
        await model.ainvoke("hi", {"callbacks": heard})
    assert (raised.value.attempts, len(transport.requests)) == (3, 3)
    assert isinstance(raised.value.partial, AIMessage)
    assert raised.value.partial.text == "xy"
    assert raised.value.__notes__ == ["attempt 2 failed with InternalServerError: HTTP 500 (t): no"]
    assert [retry.discard_from is None for retry in heard.of(Retry)] == [False, True]


async def test_the_retry_is_heard_before_its_wait() -> None:
    model, _ = model_on(
        [CUT, GOOD], resume="restart", retry=RetryPolicy(initial_s=3600, max_s=3600, random=lambda: 1.0)
    )
    waits: list[float] = []
    async with model.aevents("hi") as stream:
        async for event in stream:
            if isinstance(event, Retry):
                waits.append(event.wait_s)
                break
    assert waits == [3600]


async def test_event_records_show_the_restart() -> None:
    model, _ = model_on([CUT, GOOD], resume="restart")
    records = [record async for record in model.astream_events("hi")]
    chunks = [record["data"]["chunk"] for record in records if record["event"] == "on_chat_model_stream"]
    assert [chunk.restarts for chunk in chunks] == [False, False, True, False, False, False]
    assert records[-1]["data"]["output"].text == "ab"


def test_it_works_for_sync_code() -> None:
    model, _ = model_on([CUT, GOOD], resume="restart")
    chunks = list(model.stream("hi"))
    assert sum(chunks[1:], start=chunks[0]).text == "ab"


def test_anything_else_is_refused() -> None:
    with pytest.raises(ConfigurationError, match='resume is "restart" or None'):
        init_chat_model("openai:m", resume="always")


async def test_events_of_a_restarted_run_are_in_order() -> None:
    heard = Heard()
    model, _ = model_on([frame("x"), frame("a") + FINISH + USAGE + DONE], resume="restart", retry=NO_WAIT)
    assert (await model.ainvoke("hi", {"callbacks": heard})).text == "a"
    check_grammar(heard.events)
