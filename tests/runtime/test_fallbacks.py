"""Models that take over: whole calls, streams, batches and records, with what was bound, and the errors of all."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
from pydantic import BaseModel

from tests.events.grammar import check_grammar
from tests.runtime.test_call import GOOD, NO_WAIT, USAGE, Heard, frame, model_on, status
from tidewire import ChatModel, RetryPolicy, Timeout, chain, init_chat_model, open_run
from tidewire.adapters.replay_transport import Exchange, ReplayTransport
from tidewire.callbacks import get_usage_metadata_callback
from tidewire.errors import (
    APITimeoutError,
    AuthenticationError,
    BadRequestError,
    ConfigurationError,
    InternalServerError,
    NotFoundError,
    OutputParsingError,
    RateLimitError,
    StreamInterruptedError,
    TidewireError,
)
from tidewire.events.types import Event, Fallback, Retry, Run, Token
from tidewire.messages import AIMessage, AIMessageChunk
from tidewire.tools import tool

OTHER = (
    b'event: message_start\ndata: {"type":"message_start","message":{"id":"msg_1","model":"claude-9",'
    b'"usage":{"input_tokens":7,"output_tokens":1}}}\n\n'
    b'event: content_block_start\ndata: {"type":"content_block_start","index":0,'
    b'"content_block":{"type":"text","text":""}}\n\n'
    b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,'
    b'"delta":{"type":"text_delta","text":"other"}}\n\n'
    b'event: content_block_stop\ndata: {"type":"content_block_stop","index":0}\n\n'
    b'event: message_delta\ndata: {"type":"message_delta","delta":{"stop_reason":"end_turn"},'
    b'"usage":{"output_tokens":3}}\n\nevent: message_stop\ndata: {"type":"message_stop"}\n\n'
)


def other_on(
    exchanges: bytes | Exchange | list[bytes | Exchange], **settings: Any
) -> tuple[ChatModel, ReplayTransport]:
    transport = ReplayTransport(exchanges)
    settings = {"retry": NO_WAIT, "streaming": True, **settings}
    return init_chat_model("anthropic:claude-9", api_key="a", transport=transport, **settings), transport


async def test_another_model_takes_over_and_the_message_tells_which() -> None:
    heard = Heard()
    model, transport = model_on(status(400))
    other, _ = other_on(OTHER)
    message = await model.with_fallbacks([other]).ainvoke("hi", {"callbacks": heard})
    assert message.text == "other"
    metadata = message.response_metadata
    assert (metadata["model_provider"], metadata["model_name"]) == ("anthropic", "claude-9")
    assert message.usage_metadata is not None
    assert message.usage_metadata["input_tokens"] == 7
    (fallback,) = heard.of(Fallback)
    assert (fallback.from_model, fallback.to_model) == ("openai:m", "anthropic:claude-9")
    assert isinstance(fallback.error, BadRequestError)
    assert (fallback.error.attempts, fallback.error.provider) == (1, "openai")
    assert (heard.end.outcome, heard.end.error) == ("ok", None)
    assert (len(transport.requests), transport.open_responses) == (1, 0)


async def test_each_model_has_its_own_retries() -> None:
    heard = Heard()
    model, transport = model_on(status(500))
    other, second = other_on([status(529), OTHER])
    assert (await model.with_fallbacks([other]).ainvoke("hi", {"callbacks": heard})).text == "other"
    assert (len(transport.requests), len(second.requests)) == (3, 2)
    assert [type(event) for event in heard.events if isinstance(event, (Retry, Fallback))] == [
        Retry,
        Retry,
        Fallback,
        Retry,
    ]


async def test_a_stream_falls_back_until_its_first_content_and_adds_up_to_the_same_message() -> None:
    role = b'data: {"id":"first","model":"m-0","choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}\n\n'
    error = b'data: {"error":{"message":"no","type":"invalid_request_error","code":400}}\n\n'
    model, _ = model_on([role + USAGE + error])
    other, _ = other_on(OTHER)
    async with model.with_fallbacks([other]).astream("hi") as stream:
        chunks = [chunk async for chunk in stream]
        message = await stream.result()
    assert sum(chunks[1:], start=chunks[0]).to_message() == message
    assert message.text == "other"
    assert message.response_metadata["id"] == "msg_1"
    assert message.response_metadata["model_provider"] == "anthropic"


async def test_after_content_nobody_takes_over() -> None:
    model, _ = model_on(Exchange(body=frame("a"), ending="reset"))
    other, second = other_on(OTHER)
    with pytest.raises(StreamInterruptedError):
        await model.with_fallbacks([other]).ainvoke("hi")
    assert second.requests == []


async def test_under_restart_another_model_may_begin_the_answer_anew() -> None:
    heard = Heard()
    model, _ = model_on(Exchange(body=frame("a"), ending="reset"), max_retries=0, resume="restart")
    other, _ = other_on(OTHER)
    both = model.with_fallbacks([other])
    chunks = [chunk async for chunk in both.astream("hi", {"callbacks": heard})]
    assert [type(event) for event in heard.events if isinstance(event, (Token, Retry, Fallback))] == [
        Token,
        Retry,
        Fallback,
        Token,
    ]
    total = sum(chunks[1:], start=chunks[0])
    assert total.text == "other"
    assert total.response_metadata["model_provider"] == "anthropic"


async def test_when_all_fail_the_first_error_is_raised_and_carries_the_others() -> None:
    heard = Heard()
    model, _ = model_on(status(404))
    second, _ = other_on(status(401))
    third, _ = model_on([status(429), status(500)], max_retries=1)
    with pytest.raises(NotFoundError) as raised:
        await model.with_fallbacks([second, third]).ainvoke("hi", {"callbacks": heard})
    error = raised.value
    assert heard.end.error is error
    assert [type(other) for other in error.fallback_errors] == [AuthenticationError, InternalServerError]
    assert [other.attempts for other in (error, *error.fallback_errors)] == [1, 1, 2]
    assert [note.partition(":")[0] for note in error.__notes__] == ["then anthropic", "then openai"]
    assert error.fallback_errors[1].__notes__ == ["attempt 1 failed with RateLimitError: HTTP 429 (t): no"]
    copy = pickle.loads(pickle.dumps(error))
    assert [type(other) for other in copy.fallback_errors] == [AuthenticationError, InternalServerError]


async def test_only_the_errors_that_are_named_are_handled() -> None:
    model, _ = model_on(status(400))
    other, second = other_on(OTHER)
    with pytest.raises(BadRequestError):
        await model.with_fallbacks([other], exceptions_to_handle=(RateLimitError,)).ainvoke("hi")
    assert second.requests == []
    limited, _ = model_on(status(429), max_retries=0)
    careful = limited.with_fallbacks([other_on(status(401))[0], other], exceptions_to_handle=RateLimitError)
    with pytest.raises(AuthenticationError) as raised:
        await careful.ainvoke("hi")
    assert isinstance(raised.value.__context__, RateLimitError)


async def test_a_missing_key_is_a_reason_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    model = init_chat_model("openai:m", transport=ReplayTransport(GOOD))
    assert (await model.with_fallbacks([other_on(OTHER)[0]]).ainvoke("hi")).text == "other"


async def test_a_model_that_cannot_be_asked_is_passed_over() -> None:
    model, _ = model_on(status(400))
    blind = init_chat_model("openai:m", api_key="k", profile={"image_inputs": False}, check_profile=True)
    picture = [{"role": "user", "content": [{"type": "image", "url": "https://example.test/a.png"}]}]
    other, _ = other_on(OTHER)
    assert (await model.with_fallbacks([blind, other]).ainvoke(picture)).text == "other"
    with pytest.raises(BadRequestError) as raised:
        await model.with_fallbacks([blind]).ainvoke(picture)
    assert isinstance(raised.value.fallback_errors[0], ConfigurationError)
    with pytest.raises(ConfigurationError):
        await model.with_fallbacks([blind, other], exceptions_to_handle=BadRequestError).ainvoke(picture)


async def test_what_one_wire_format_cannot_spell_another_may() -> None:
    film = [{"role": "user", "content": [{"type": "video", "url": "https://example.test/a.mp4"}]}]
    model, transport = other_on(OTHER)
    with pytest.raises(ConfigurationError, match="video"):
        await model.ainvoke(film)
    assert (await model.with_fallbacks(["embedded:demo"]).ainvoke(film)).text
    assert transport.requests == []


async def test_time_limits_are_those_of_the_model_that_is_asked() -> None:
    model, _ = model_on(Exchange(ending="hang"), max_retries=0, timeout=Timeout(first_event=0.05, total=0.06))
    other, _ = other_on(Exchange(body=OTHER, open_delay_s=0.2), timeout=Timeout(total=60))
    assert (await model.with_fallbacks([other]).ainvoke("hi")).text == "other"
    late, _ = other_on(Exchange(ending="hang"), max_retries=0, timeout=Timeout(first_event=0.05))
    with pytest.raises(APITimeoutError) as raised:
        await model.with_fallbacks([late]).ainvoke("hi")
    assert isinstance(raised.value.fallback_errors[0], APITimeoutError)


async def test_batches_records_and_nested_calls_fall_back_too() -> None:
    parents: list[tuple[int, str]] = []

    def hear(run: Run, event: Event) -> None:
        if isinstance(event, Fallback):
            parents.append((len(run.parent_ids), event.to_model))

    both = model_on(status(400))[0].with_fallbacks([other_on(OTHER)[0]])
    messages = await both.abatch(["a", "b", "c"], {"callbacks": hear})
    assert [message.text for message in messages] == ["other"] * 3
    records = [record async for record in both.astream_events("hi")]
    assert [record["event"] for record in records] == [
        "on_chat_model_start",
        "on_chat_model_stream",
        "on_chat_model_stream",
        "on_chat_model_end",
    ]
    parents.clear()
    async with open_run("outer"):
        await both.ainvoke("hi", {"callbacks": hear})
    assert parents == [(1, "anthropic:claude-9")]


def test_sync_code_falls_back_and_the_usage_is_that_of_the_model_that_answered() -> None:
    both = model_on(status(400))[0].with_fallbacks([other_on(OTHER)[0]])
    with get_usage_metadata_callback() as usage:
        assert both.invoke("hi").text == "other"
        chunks = list(both.stream("hi"))
    assert sum(chunks[1:], start=chunks[0]).text == "other"
    assert list(usage.usage_metadata) == ["claude-9"]


@tool
def lookup(word: str) -> str:
    """Look a word up."""
    return word


class Answer(BaseModel):
    """An answer."""

    number: int


async def test_tools_and_parameters_count_for_all_whenever_they_are_bound() -> None:
    model, first = model_on(status(400))
    other, second = other_on(OTHER)
    for both in (
        model.bind_tools([lookup]).with_fallbacks([other]),
        model.with_fallbacks([other]).bind_tools([lookup]),
    ):
        await both.ainvoke("hi")
    assert all(b'"lookup"' in request.body for request in (*first.requests, *second.requests))
    second.requests.clear()
    both = model.with_fallbacks([other]).bind(temperature=0.5, model="m-2", frequency_penalty=0.1)
    await both.ainvoke("hi", max_tokens=77)
    assert b'"m-2"' in first.requests[-1].body
    (request,) = second.requests
    assert b'"temperature":0.5' in request.body
    assert b'"max_tokens":77' in request.body
    assert b'"claude-9"' in request.body
    unbound = model.bind_tools([lookup]).with_fallbacks([other]).bind_tools([])
    await unbound.ainvoke("hi")
    assert b'"lookup"' not in second.requests[-1].body


async def test_a_fallbacks_own_tools_stay_its_own() -> None:
    @tool
    def search(query: str) -> str:
        """Search."""
        return query

    model, _ = model_on(status(400))
    other, second = other_on(OTHER)
    await model.bind_tools([lookup]).with_fallbacks([other.bind_tools([search])]).ainvoke("hi")
    assert b'"search"' in second.requests[0].body
    assert b'"lookup"' not in second.requests[0].body


async def test_values_in_a_form_come_from_whichever_model_answers() -> None:
    model, _ = model_on(status(400))
    other = init_chat_model("embedded:demo", script=['{"number": 7}'] * 4)
    for both in (
        model.with_structured_output(Answer).with_fallbacks([other]),
        model.with_fallbacks([other]).with_structured_output(Answer),
        model.with_structured_output(Answer).with_fallbacks([other.with_structured_output(Answer)]),
    ):
        assert await both.ainvoke("hi") == Answer(number=7)
    values = [value async for value in both.astream("hi")]
    assert values[-1] == Answer(number=7)


async def test_an_answer_that_does_not_fit_the_form_is_handed_on() -> None:
    heard = Heard()
    model = init_chat_model("embedded:demo", script=["no number"] * 4)
    other = init_chat_model("embedded:demo", script=['{"number": 7}'] * 3)
    both = model.with_structured_output(Answer).with_fallbacks([other])
    assert await both.ainvoke("hi", {"callbacks": heard}) == Answer(number=7)
    (retry,) = heard.of(Retry)
    assert retry.discard_from is not None
    assert len(heard.of(Fallback)) == 1
    with pytest.raises(OutputParsingError):  # the caller of a stream has seen it
        async for _ in both.astream("hi"):
            pass
    wrong = init_chat_model("embedded:last", script=["none here"])
    with pytest.raises(OutputParsingError) as raised:  # whose answer it was
        await model.with_structured_output(Answer).with_fallbacks([wrong]).astream("hi").result()
    assert (raised.value.model, raised.value.attempts) == ("demo", 1)
    failing, _ = model_on(status(400))
    with pytest.raises(OutputParsingError) as raised:
        await failing.with_structured_output(Answer).with_fallbacks([wrong]).astream("hi").result()
    assert (raised.value.provider, raised.value.model, raised.value.attempts) == ("embedded", "last", 1)
    assert isinstance(raised.value.partial, AIMessage)
    with pytest.raises(OutputParsingError) as raised:  # which both have failed by
        await (
            init_chat_model("embedded:demo", script=["no number"])
            .with_structured_output(Answer)
            .with_fallbacks([failing])
            .ainvoke("hi")
        )
    assert isinstance(raised.value.raw, AIMessage)
    assert raised.value.raw.text == "no number"
    assert [type(error) for error in raised.value.fallback_errors] == [BadRequestError]
    only = model.with_structured_output(Answer).with_fallbacks([other], exceptions_to_handle=RateLimitError)
    with pytest.raises(OutputParsingError):
        await only.ainvoke("hi")


async def test_fallbacks_of_fallbacks_and_further_ones_follow_in_order() -> None:
    names: list[str] = []

    def hear(run: Run, event: Event) -> None:
        if isinstance(event, Fallback):
            names.append(event.to_model)

    def failing(name: str) -> ChatModel:
        return init_chat_model(f"openai:{name}", api_key="k", transport=ReplayTransport(status(400)))

    inner = failing("b").with_fallbacks([failing("c")])
    chain = failing("a").with_fallbacks([inner]).with_fallbacks([failing("d"), "embedded:demo"])
    assert (await chain.ainvoke("hi", {"callbacks": hear})).text
    assert names == ["openai:b", "openai:c", "openai:d", "embedded:demo"]


async def test_the_same_error_object_from_all_is_one_error() -> None:
    shared = Exchange(error=InternalServerError("oops"))
    model, _ = model_on(shared, max_retries=1)
    other, _ = other_on(shared, max_retries=1)
    with pytest.raises(InternalServerError) as raised:
        await model.with_fallbacks([other]).ainvoke("hi")
    assert raised.value.fallback_errors == ()
    assert not hasattr(raised.value, "__notes__")


async def test_with_retry_after_with_fallbacks_counts_for_all() -> None:
    model, first = model_on(status(500))
    other, second = other_on(status(500))
    with pytest.raises(TidewireError):
        await model.with_fallbacks([other]).with_retry(stop_after_attempt=1).ainvoke("hi")
    assert (len(first.requests), len(second.requests)) == (1, 1)


NOTHING: list[Any] = []


@pytest.mark.parametrize(
    ("models", "options", "words"),
    [
        (NOTHING, {}, "at least one model"),
        ([7], {}, "a fallback is a model or the name of one, not int"),
        (["nobody:x"], {}, "nobody"),
        (["embedded:demo"], {"exceptions_to_handle": (7,)}, "exceptions_to_handle takes classes of exceptions"),
        (["embedded:demo"], {"exception_key": "error"}, "exception_key"),
    ],
)
def test_what_is_no_fallback_is_refused(models: list[Any], options: dict[str, Any], words: str) -> None:
    model, _ = model_on(GOOD)
    with pytest.raises(ConfigurationError, match=words):
        model.with_fallbacks(models, **options)


def test_a_model_with_a_form_is_no_fallback_of_one_without() -> None:
    model, _ = model_on(GOOD)
    with pytest.raises(ConfigurationError, match="call with_structured_output"):
        model.with_fallbacks([model.with_structured_output(Answer)])


async def test_the_events_of_a_run_with_fallbacks_are_in_order() -> None:
    heard = Heard()
    model, _ = model_on([status(500), status(500)], retry=RetryPolicy(max_retries=1, random=lambda: 0.0))
    both = model.with_fallbacks([model_on([status(503), GOOD])[0]])
    assert (await both.ainvoke("hi", {"callbacks": heard})).text == "ab"
    check_grammar(heard.events)


async def test_records_of_a_chain_keep_nothing_of_a_model_that_failed() -> None:
    role = b'data: {"id":"first","system_fingerprint":"fp-1","choices":[{"index":0,"delta":{"role":"assistant"}}]}\n\n'
    error = b'data: {"error":{"message":"no","type":"invalid_request_error","code":400}}\n\n'
    both = model_on([role + USAGE + error])[0].with_fallbacks([other_on(OTHER)[0]])

    @chain
    async def ask(question: str) -> AIMessage:
        return await both.ainvoke(question)

    chunks: list[AIMessageChunk] = []
    async for record in ask.astream_events("hi"):
        if record["event"] == "on_chat_model_stream":
            chunks.append(record["data"]["chunk"])
    total = sum(chunks[1:], start=chunks[0])
    assert total.response_metadata["id"] == "msg_1"
    assert "system_fingerprint" not in total.response_metadata
    assert total.usage_metadata is not None
    assert total.usage_metadata["input_tokens"] == 7


def test_what_takes_over_is_a_list() -> None:
    model = init_chat_model("embedded:demo")
    with pytest.raises(ConfigurationError, match=r"write with_fallbacks\(\['embedded:other'\]\)"):
        model.with_fallbacks("embedded:other")
    with pytest.raises(ConfigurationError, match=r"write with_fallbacks\(\[model\]\)"):
        model.with_fallbacks(model)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # that is the test
