"""The pump on recorded bytes: what is tried again, what is raised with what, and that every run ends once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from tests.events.grammar import check_grammar
from tidewire import RetryPolicy, StopRun, Timeout, init_chat_model, subscribe
from tidewire.adapters.replay_transport import Ending, Exchange, ReplayTransport
from tidewire.call import Call
from tidewire.chat_models import ChatModel
from tidewire.events.errors import (
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    BadRequestError,
    InternalServerError,
    QuotaExceededError,
    RateLimitError,
    RecursionLimitError,
    ResponseDecodeError,
    StreamInterruptedError,
)
from tidewire.events.messages import AIMessage
from tidewire.events.types import End, Event, Retry, Run, Token, Wait, WarningEvent
from tidewire.rate_limiters import InMemoryRateLimiter, TokenRateLimiter


def frame(text: str) -> bytes:
    return b'data: {"id":"r1","model":"m-1","choices":[{"index":0,"delta":{"content":"%b"}}]}\n\n' % text.encode()


FINISH = b'data: {"id":"r1","model":"m-1","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
USAGE = b'data: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}\n\n'
DONE = b"data: [DONE]\n\n"
GOOD = frame("a") + frame("b") + FINISH + USAGE + DONE
ERROR = b'data: {"error":{"message":"overloaded","type":"server_error","code":503}}\n\n'
NO_WAIT = RetryPolicy(random=lambda: 0.0)


def status(
    code: int, body: bytes = b'{"error":{"message":"no","type":"t"}}', headers: Mapping[str, str] | None = None
) -> Exchange:
    return Exchange(status=code, body=body, headers={"content-type": "application/json", **(headers or {})})


class Heard:
    """Hears runs, checks each one's grammar."""

    def __init__(self) -> None:
        self.by_run: dict[Run, list[Event]] = {}

    def __call__(self, run: Run, event: Event) -> None:
        self.by_run.setdefault(run, []).append(event)

    @property
    def events(self) -> list[Event]:
        (events,) = self.by_run.values()
        check_grammar(events)
        return events

    @property
    def end(self) -> End:
        end = self.events[-1]
        assert isinstance(end, End)
        return end

    def of(self, kind: type[Any]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]


def model_on(
    exchanges: bytes | Exchange | Sequence[bytes | Exchange], **settings: Any
) -> tuple[ChatModel, ReplayTransport]:
    transport = ReplayTransport(exchanges)
    settings = {"retry": NO_WAIT, "streaming": True, **settings}
    return init_chat_model("openai:m", api_key="k", transport=transport, **settings), transport


async def test_a_call_that_succeeds_ends_after_its_connection() -> None:
    heard = Heard()
    model, transport = model_on(GOOD)
    open_at_end: list[int] = []

    def look(run: Run, event: Event) -> None:
        if isinstance(event, End):
            open_at_end.append(transport.open_responses)

    message = await model.ainvoke("hi", {"callbacks": [heard, look]})
    assert message.text == "ab"
    assert (heard.end.outcome, heard.end.output.text, heard.end.usage_source) == ("ok", "ab", "reported")
    assert open_at_end == [0]
    assert (transport.opened, transport.aborted) == (1, 0)


async def test_who_is_awaited_has_heard_the_end_before_the_error_is_raised() -> None:
    heard: list[str] = []

    async def hear(run: Run, event: Event) -> None:
        if isinstance(event, End):
            await anyio.lowlevel.checkpoint()
            heard.append(event.outcome)

    model, _ = model_on([status(400), frame("a")])
    with pytest.raises(BadRequestError):
        await model.ainvoke("hi", {"callbacks": hear})
    assert heard == ["error"]
    with pytest.raises(StreamInterruptedError):
        await model.ainvoke("hi", {"callbacks": hear})
    assert heard == ["error", "error"]


async def test_usage_that_nobody_reported_is_unknown() -> None:
    heard = Heard()
    model, _ = model_on(frame("a") + FINISH + DONE)
    await model.ainvoke("hi", {"callbacks": heard})
    assert (heard.end.usage, heard.end.usage_source) == (None, "unknown")


@pytest.mark.parametrize(
    "first",
    [
        status(500),
        status(502, b"<html>"),
        status(503),
        status(429),
        status(408),
        Exchange(error=APIConnectionError("refused")),
        Exchange(body=b"", ending="reset"),
        Exchange(body=b""),
        Exchange(body=b": ping\n\n"),
        Exchange(body=ERROR),
    ],
)
async def test_a_failure_before_content_is_tried_again(first: Exchange) -> None:
    heard = Heard()
    model, transport = model_on([first, GOOD])
    message = await model.ainvoke("hi", {"callbacks": heard})
    assert message.text == "ab"
    assert len(heard.of(Retry)) == 1
    assert transport.open_responses == 0
    assert len(transport.requests) == 2


async def test_what_a_failed_attempt_said_is_not_in_the_message() -> None:
    role = (
        b'data: {"id":"first","model":"m-0","choices":[{"index":0,"delta":{"role":"assistant","content":""}}],'
        b'"usage":{"prompt_tokens":9,"completion_tokens":0,"total_tokens":9}}\n\n'
    )
    model, _ = model_on([role + ERROR, frame("a") + FINISH + DONE])
    chunks = [chunk async for chunk in model.astream("hi")]
    message = sum(chunks[1:], start=chunks[0])
    assert message.response_metadata["id"] == "r1"
    assert message.usage_metadata is None
    model, _ = model_on([role + ERROR, frame("a") + FINISH + DONE])
    assert (await model.ainvoke("hi")).usage_metadata is None


async def test_nothing_is_tried_again_after_content() -> None:
    heard = Heard()
    model, transport = model_on([Exchange(body=frame("a"), ending="reset"), GOOD])
    with pytest.raises(StreamInterruptedError) as raised:
        await model.ainvoke("hi", {"callbacks": heard})
    assert getattr(raised.value.partial, "text", None) == "a"
    assert isinstance(heard.end.error, StreamInterruptedError)
    assert heard.end.output.text == "a"
    assert (len(transport.requests), transport.open_responses) == (1, 0)


async def test_an_error_in_the_same_read_as_content_comes_after_it_and_is_not_tried_again() -> None:
    model, transport = model_on([frame("a") + frame("b") + ERROR, GOOD])
    texts: list[str] = []
    with pytest.raises(APIStatusError) as raised:
        async for chunk in model.astream("hi"):
            texts.append(chunk.text)
    assert texts == ["a", "b"]
    assert getattr(raised.value.partial, "text", None) == "ab"
    assert len(transport.requests) == 1


@pytest.mark.parametrize("body", [frame("a"), frame("a") + FINISH[:-9], frame("a")[:-3], frame("a") + b"data: {"])
async def test_a_partial_answer_never_passes_for_a_whole_one(body: bytes) -> None:
    model, _ = model_on(body, max_retries=0)
    with pytest.raises((StreamInterruptedError, ResponseDecodeError)):
        await model.ainvoke("hi")


async def test_retries_end_and_the_last_error_is_raised_with_the_attempts() -> None:
    heard = Heard()
    model, transport = model_on(status(500, headers={"x-request-id": "req-7"}), max_retries=2)
    model = model.bind(retry=RetryPolicy(max_retries=2, random=lambda: 0.0))
    with pytest.raises(InternalServerError) as raised:
        await model.ainvoke("hi", {"callbacks": heard})
    error = raised.value
    assert (error.attempts, error.provider, error.model, error.request_id) == (3, "openai", "m", "req-7")
    assert error.partial is None
    assert len(transport.requests) == 3
    assert [retry.attempt for retry in heard.of(Retry)] == [1, 2]
    assert heard.of(Retry)[0].reason == "InternalServerError (500)"


async def test_a_refusal_is_not_tried_again() -> None:
    model, transport = model_on([status(400), GOOD])
    with pytest.raises(BadRequestError):
        await model.ainvoke("hi")
    assert (len(transport.requests), transport.open_responses) == (1, 0)


async def test_a_long_retry_after_is_raised_at_once() -> None:
    model, transport = model_on([status(429, headers={"retry-after": "3600"}), GOOD])
    with pytest.raises(RateLimitError) as raised:
        await model.ainvoke("hi")
    assert raised.value.retry_after_s == 3600
    assert len(transport.requests) == 1


@pytest.mark.parametrize("ending", ["reset", "hang"])
async def test_a_refusal_whose_body_never_ends_is_still_that_refusal(ending: Ending) -> None:
    exchange = Exchange(status=401, body=b'{"error":', headers={"content-type": "application/json"}, ending=ending)
    model, transport = model_on(exchange, timeout=Timeout(first_event=0.05))
    with pytest.raises(APIStatusError) as raised:
        await model.ainvoke("hi")
    assert raised.value.status_code == 401
    assert transport.open_responses == 0


async def test_an_endless_error_body_is_read_up_to_its_limit() -> None:
    exchange = Exchange(status=400, body=b"x" * 300_000, cuts=10_000, headers={}, ending="hang")
    model, _ = model_on(exchange)
    with pytest.raises(BadRequestError) as raised:
        await model.ainvoke("hi")
    assert len(raised.value.body) <= 64 * 1024


@pytest.mark.parametrize(
    ("exchange", "limits", "phase"),
    [
        (Exchange(body=GOOD, open_delay_s=5), Timeout(first_event=0.05), "first_event"),
        (Exchange(body=b": ping\n\n" * 200, cuts="event", delay_s=0.01), Timeout(first_event=0.05), "first_event"),
        (Exchange(body=frame("a"), ending="hang"), Timeout(between_events=0.05), "between_events"),
        (
            Exchange(body=frame("a") + b": ping\n\n" * 200, cuts="event", delay_s=0.01),
            Timeout(between_events=0.06),
            "between_events",
        ),
        (Exchange(body=frame("a") * 200, cuts="event", delay_s=0.01), Timeout(total=0.1), "total"),
        (Exchange(body=GOOD, open_delay_s=5), Timeout(first_event=None, total=0.05), "total"),
    ],
)
async def test_time_runs_out_in_each_phase(exchange: Exchange, limits: Timeout, phase: str) -> None:
    heard = Heard()
    model, transport = model_on(exchange, timeout=limits, max_retries=0)
    with anyio.fail_after(30), pytest.raises(APITimeoutError) as raised:
        await model.ainvoke("hi", {"callbacks": heard})
    assert raised.value.phase == phase
    assert heard.end.outcome == "error"
    assert transport.open_responses == 0


async def test_a_first_event_that_is_late_is_asked_for_again() -> None:
    heard = Heard()
    model, transport = model_on([Exchange(ending="hang"), GOOD], timeout=Timeout(first_event=1.0))
    assert (await model.ainvoke("hi", {"callbacks": heard})).text == "ab"
    assert [retry.reason for retry in heard.of(Retry)] == ["APITimeoutError"]
    assert transport.open_responses == 0


async def test_the_message_of_the_end_is_the_one_that_is_returned() -> None:
    heard = Heard()
    model, _ = model_on(GOOD)
    assert await model.ainvoke("hi", {"callbacks": heard}) is heard.end.output


async def test_no_limits_means_no_limits() -> None:
    model, _ = model_on(GOOD, timeout=Timeout(connect=None, first_event=None, between_events=None))
    assert (await model.ainvoke("hi")).text == "ab"


async def test_the_consumers_own_time_does_not_count() -> None:
    timeout = Timeout(first_event=0.5, between_events=0.5, total=0.5)
    model, _ = model_on(Exchange(body=GOOD, cuts="event"), timeout=timeout)
    texts: list[str] = []
    async for chunk in model.astream("hi"):
        await anyio.sleep(0.6)
        texts.append(chunk.text)
    assert "".join(texts) == "ab"


async def test_cancelled_while_reading_the_run_ends_once_and_the_connection_is_closed() -> None:
    heard = Heard()
    model, transport = model_on(Exchange(body=frame("a"), ending="hang"))
    with anyio.move_on_after(0.5) as scope:
        await model.ainvoke("hi", {"callbacks": heard})
    assert scope.cancelled_caught
    assert (heard.end.outcome, heard.end.output.text, heard.end.error) == ("cancelled", "a", None)
    assert transport.aborted == 1


async def test_cancelled_while_waiting_to_try_again() -> None:
    heard = Heard()
    model, transport = model_on(status(500), retry=RetryPolicy(initial_s=60, max_s=60, random=lambda: 1.0))
    with anyio.move_on_after(0.5):
        await model.ainvoke("hi", {"callbacks": heard})
    assert heard.end.outcome == "cancelled"
    assert len(heard.of(Retry)) == 1
    assert transport.open_responses == 0


async def test_cancelled_in_a_subscriber() -> None:
    heard = Heard()

    async def slow(run: Run, event: Event) -> None:
        if isinstance(event, Token):
            await anyio.sleep(60)

    model, transport = model_on(GOOD)
    with anyio.move_on_after(0.5):
        await model.ainvoke("hi", {"callbacks": [heard, slow]})
    assert heard.end.outcome in ("cancelled", "ok")  # what one read held may have been all of it
    assert transport.open_responses == 0


async def test_left_by_its_consumer() -> None:
    heard = Heard()
    model, transport = model_on(Exchange(body=GOOD, cuts="event"))
    async with model.astream("hi", {"callbacks": heard}) as stream:
        async for _ in stream:
            break
    assert (heard.end.outcome, heard.end.output.text) == ("abandoned", "a")
    assert transport.open_responses == 0


async def test_awaited_subscribers_hear_everything_in_order_before_the_consumer() -> None:
    order: list[str] = []

    async def first(run: Run, event: Event) -> None:
        await anyio.lowlevel.checkpoint()
        if isinstance(event, Token):
            order.append(f"first {event.text}")

    def second(run: Run, event: Event) -> None:
        if isinstance(event, Token):
            order.append(f"second {event.text}")

    model, _ = model_on(Exchange(body=GOOD, cuts="event"))
    async for chunk in model.astream("hi", {"callbacks": [first, second]}):
        if chunk.text:
            order.append(f"consumer {chunk.text}")
    assert order == ["second a", "first a", "consumer a", "second b", "first b", "consumer b"]


async def test_a_subscriber_that_raises_does_not_disturb_the_call() -> None:
    def broken(run: Run, event: Event) -> None:
        raise ValueError("mine")

    model, _ = model_on(GOOD)
    assert (await model.ainvoke("hi", {"callbacks": broken})).text == "ab"


async def test_a_critical_subscriber_and_stop_run_end_the_call() -> None:
    def stop(run: Run, event: Event) -> None:
        if isinstance(event, Token):
            raise StopRun("enough")

    def broken(run: Run, event: Event) -> None:
        if isinstance(event, Token):
            raise ValueError("mine")

    heard = Heard()
    body = Exchange(body=GOOD, cuts="event")
    model, transport = model_on(body)
    with pytest.raises(StopRun, match="enough"):
        await model.ainvoke("hi", {"callbacks": [heard, stop]})
    assert heard.end.outcome == "error"
    assert transport.open_responses == 0
    model, _ = model_on(body)
    with subscribe(broken, critical=True), pytest.raises(ValueError, match="mine"):
        await model.ainvoke("hi")


async def test_runs_nested_too_deeply_are_refused() -> None:
    model, _ = model_on(GOOD)
    with pytest.raises(RecursionLimitError, match="recursion_limit is 0"):
        await model.ainvoke("hi", {"recursion_limit": 0})


async def test_the_request_id_is_in_the_message() -> None:
    exchange = Exchange(body=GOOD, headers={"content-type": "text/event-stream", "x-request-id": "req-1"})
    model, _ = model_on(exchange)
    assert (await model.ainvoke("hi")).response_metadata["request_id"] == "req-1"


async def test_headers_and_body_fields_of_the_callers_own_are_sent() -> None:
    model, transport = model_on(GOOD, default_headers={"X-Team": "tides"}, extra_body={"tide": 1})
    await model.ainvoke("hi")
    (request,) = transport.requests
    assert request.headers["x-team"] == "tides"
    assert b'"tide":1' in request.body


async def test_a_plain_reply_goes_through_the_same_path() -> None:
    body = (
        b'{"id":"r","model":"m-1","choices":'
        b'[{"index":0,"message":{"role":"assistant","content":"ab"},"finish_reason":"stop"}]}'
    )
    exchange = Exchange(body=body, headers={"content-type": "application/json"}, cuts=7)
    heard = Heard()
    model, transport = model_on(exchange, streaming=False)
    message = await model.ainvoke("hi", {"callbacks": heard})
    assert message.text == "ab"
    assert len(heard.of(Token)) == 1
    assert b'"stream":true' not in transport.requests[0].body


async def test_reading_after_the_end_gives_nothing() -> None:
    model, _ = model_on(GOOD)
    call = Call(model.settings, "hi", None, stream=True)
    while await call.read() is not None:
        pass
    assert await call.read() is None
    await call.abandon()


async def test_what_a_codec_leaves_out_is_told_once_for_all_attempts() -> None:
    heard = Heard()
    thought = AIMessage(
        content_blocks=[{"type": "reasoning", "reasoning": "hm"}, {"type": "text", "text": "a"}],
        response_metadata={"model_provider": "anthropic"},
    )
    model, _ = model_on([status(500), GOOD])
    await model.ainvoke([thought, ("user", "and?")], {"callbacks": heard})
    assert len(heard.of(WarningEvent)) == 1


async def test_a_critical_subscriber_that_fails_at_the_end_fails_the_call() -> None:
    def broken(run: Run, event: Event) -> None:
        if isinstance(event, End):
            raise ValueError("mine")

    model, _ = model_on(GOOD)
    texts: list[str] = []
    with subscribe(broken, critical=True), pytest.raises(ValueError, match="mine"):
        async for chunk in model.astream("hi"):
            texts.append(chunk.text)
    assert "".join(texts) == "ab"
    with subscribe(broken, critical=True), pytest.raises(ValueError, match="mine"):
        await model.ainvoke("hi")


async def test_a_call_that_is_dropped_where_nothing_can_wait_still_ends() -> None:
    heard = Heard()

    async def slow(run: Run, event: Event) -> None:
        await anyio.lowlevel.checkpoint()

    model, transport = model_on(Exchange(body=frame("a"), ending="hang"))
    call = Call(model.settings, "hi", {"callbacks": [heard, slow]}, stream=True)
    reading = call.read()
    reading.send(None)  # it waits for a subscriber, or for the network
    reading.close()
    assert heard.end.outcome == "abandoned"
    assert transport.open_responses == 0
    other = Call(model.settings, "hi", {"callbacks": slow}, stream=True)
    await other.read()
    other.abandon_nowait()
    assert other.over
    other.abandon_nowait()


async def test_a_rate_limiter_is_asked_before_each_request_and_waiting_is_told() -> None:
    heard = Heard()
    limiter = InMemoryRateLimiter(requests_per_second=2, max_bucket_size=1)
    model, transport = model_on([status(500), GOOD], rate_limiter=limiter)
    assert (await model.ainvoke("hi", {"callbacks": heard})).text == "ab"
    (wait,) = heard.of(Wait)
    assert wait.why == "rate_limiter"
    assert 0 < wait.seconds <= 0.5
    assert len(transport.requests) == 2


async def test_cancelled_while_waiting_for_its_turn_nothing_is_sent() -> None:
    heard = Heard()
    limiter = InMemoryRateLimiter(requests_per_second=0.01)
    assert limiter.acquire()
    model, transport = model_on(GOOD, rate_limiter=limiter)
    with anyio.move_on_after(0.02):
        await model.ainvoke("hi", {"callbacks": heard})
    assert heard.end.outcome == "cancelled"
    assert transport.requests == []
    assert limiter.expected_wait_s() <= 100


async def test_two_hundred_calls_at_once_each_get_their_own_answer() -> None:
    heard = Heard()
    model, transport = model_on(Exchange(body=GOOD, cuts=5))
    with subscribe(heard):
        answers = await model.abatch(["x"] * 200, {"max_concurrency": 200})
    assert [answer.text for answer in answers] == ["ab"] * 200
    assert len({answer.id for answer in answers}) == 200
    assert len(heard.by_run) == 200
    for events in heard.by_run.values():
        check_grammar(events)
    assert transport.open_responses == 0


async def test_all_attempts_of_a_call_carry_the_same_idempotency_key_and_each_call_its_own() -> None:
    model, transport = model_on([status(500), GOOD, GOOD])
    await model.ainvoke("hi")
    await model.ainvoke("hi", {"run_id": "12345678-1234-5678-1234-567812345678"})
    keys = [request.headers["idempotency-key"] for request in transport.requests]
    assert keys[0] == keys[1] != keys[2]
    assert isinstance(keys[0], str)
    model, transport = model_on(GOOD, default_headers={"Idempotency-Key": "mine"})
    await model.ainvoke("hi")
    assert transport.requests[0].headers["idempotency-key"] == "mine"


async def test_a_provider_that_documents_no_idempotency_key_is_sent_none() -> None:
    transport = ReplayTransport(status(400))
    model = init_chat_model("anthropic:m", api_key="k", transport=transport)
    with pytest.raises(BadRequestError):
        await model.ainvoke("hi")
    assert "idempotency-key" not in transport.requests[0].headers


@pytest.mark.parametrize(("code", "says", "requests"), [(500, "false", 1), (429, "false", 1), (400, "true", 2)])
async def test_a_provider_may_say_whether_to_try_again(code: int, says: str, requests: int) -> None:
    model, transport = model_on([status(code, headers={"x-should-retry": says}), status(404)])
    with pytest.raises(APIStatusError):
        await model.ainvoke("hi")
    assert len(transport.requests) == requests


async def test_an_exhausted_quota_stays_exhausted_whatever_a_header_says() -> None:
    body = b'{"error":{"message":"no credit","type":"insufficient_quota","code":"insufficient_quota"}}'
    model, transport = model_on(status(429, body, headers={"x-should-retry": "true"}))
    with pytest.raises(QuotaExceededError):
        await model.ainvoke("hi")
    assert len(transport.requests) == 1


async def test_the_wait_for_a_turn_ends_with_the_total_time() -> None:
    limiter = InMemoryRateLimiter(requests_per_second=0.001)
    assert limiter.acquire()
    model, transport = model_on(GOOD, rate_limiter=limiter, timeout=Timeout(total=0.05))
    with pytest.raises(APITimeoutError) as raised:
        await model.ainvoke("hi")
    assert raised.value.phase == "total"
    tokens = TokenRateLimiter(requests_per_minute=1, clock=lambda: 0.0)
    model, transport = model_on(GOOD, rate_limiter=tokens, timeout=Timeout(total=0.05))
    await model.ainvoke("hi")
    with pytest.raises(APITimeoutError):
        await model.ainvoke("hi")
    assert len(transport.requests) == 1


async def test_a_batch_says_which_input_failed() -> None:
    model, _ = model_on([GOOD, GOOD, status(400)])
    with pytest.raises(BadRequestError) as raised:
        await model.abatch(["a", "b", "c", "d"], {"max_concurrency": 1})
    assert raised.value.__notes__ == ["input 3 of 4"]
    model, _ = model_on(status(400))
    with pytest.raises(BadRequestError) as raised:
        await model.abatch(iter(["a"]))
    assert raised.value.__notes__ == ["input 1"]
