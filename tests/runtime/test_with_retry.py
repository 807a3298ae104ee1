"""``with_retry``: the field's words for how often, how patiently and after which errors a call is tried again."""

from __future__ import annotations

import traceback
from typing import Any

import pytest
from pydantic import BaseModel

from tests.events.grammar import check_grammar
from tests.runtime.test_call import ERROR, GOOD, Heard, frame, model_on, status
from tidewire import ChatModel, RetryPolicy, init_chat_model
from tidewire.adapters.replay_transport import Exchange
from tidewire.errors import (
    AuthenticationError,
    BadRequestError,
    ConfigurationError,
    InternalServerError,
    OutputParsingError,
    RateLimitError,
    RefusalError,
    StreamInterruptedError,
    TidewireError,
)
from tidewire.events.types import Retry
from tidewire.retrying import retry_policy


class Answer(BaseModel):
    """An answer."""

    number: int


async def test_by_default_there_are_three_requests_for_what_may_pass() -> None:
    model, transport = model_on(status(500), max_retries=9)
    patient = model.with_retry()
    with pytest.raises(InternalServerError):
        await patient.ainvoke("hi")
    assert len(transport.requests) == 3
    model, transport = model_on(status(400))
    with pytest.raises(BadRequestError):
        await model.with_retry(stop_after_attempt=5).ainvoke("hi")
    assert len(transport.requests) == 1


async def test_errors_that_are_named_are_tried_again_whatever_they_are_and_others_are_not() -> None:
    heard = Heard()
    model, _ = model_on([status(401), GOOD])
    stubborn = model.with_retry(retry_if_exception_type=(AuthenticationError,))
    assert (await stubborn.ainvoke("hi", {"callbacks": heard})).text == "ab"
    assert [retry.reason for retry in heard.of(Retry)] == ["AuthenticationError (401)"]
    model, transport = model_on([status(500), GOOD])
    with pytest.raises(InternalServerError):
        await model.with_retry(retry_if_exception_type=RateLimitError).ainvoke("hi")
    assert len(transport.requests) == 1


async def test_a_mistake_of_the_callers_is_never_tried_again() -> None:
    heard = Heard()
    model, transport = model_on(GOOD)
    model = init_chat_model("openai:m", api_key=lambda: "", transport=transport)
    with pytest.raises(ConfigurationError):
        await model.with_retry(retry_if_exception_type=(Exception,)).ainvoke("hi", {"callbacks": heard})
    assert heard.of(Retry) == []


async def test_a_stream_is_tried_again_until_its_first_content() -> None:
    model, _ = model_on([ERROR, GOOD])
    assert [chunk.text async for chunk in model.with_retry().astream("hi")] == ["a", "b", ""]
    model, transport = model_on([Exchange(body=frame("a"), ending="reset"), GOOD])
    with pytest.raises(StreamInterruptedError):
        async for _ in model.with_retry(retry_if_exception_type=(Exception,)).astream("hi"):
            pass
    assert len(transport.requests) == 1


async def test_an_answer_that_does_not_fit_is_asked_for_again_if_that_is_wanted() -> None:
    heard = Heard()
    model = init_chat_model(
        "embedded:demo", script=["no", "neither", '{"number": 7}'], retry=RetryPolicy(initial_s=0.0)
    )
    form = model.with_structured_output(Answer).with_retry(retry_if_exception_type=(OutputParsingError,))
    assert await form.ainvoke("hi", {"callbacks": heard}) == Answer(number=7)
    retries = heard.of(Retry)
    assert [retry.reason for retry in retries] == ["OutputParsingError", "OutputParsingError"]
    assert all(retry.discard_from is not None for retry in retries)
    check_grammar(heard.events)


@pytest.mark.parametrize("types", [None, (InternalServerError,), (RefusalError,)])
async def test_else_it_is_raised_with_the_message(types: tuple[type[Exception], ...] | None) -> None:
    heard = Heard()
    model = init_chat_model("embedded:demo", script=["no", '{"number": 7}'])
    form = model.with_structured_output(Answer).with_retry(retry_if_exception_type=types)
    with pytest.raises(OutputParsingError) as raised:
        await form.ainvoke("hi", {"callbacks": heard})
    assert getattr(raised.value.raw, "text", None) == "no"
    assert heard.of(Retry) == []


async def test_after_the_last_attempt_the_form_decides_what_becomes_of_the_error() -> None:
    model = init_chat_model("embedded:demo", script=["no"] * 4, retry=RetryPolicy(initial_s=0.0))
    raw = model.with_structured_output(Answer, include_raw=True)
    given = await raw.with_retry(retry_if_exception_type=OutputParsingError, stop_after_attempt=2).ainvoke("hi")
    assert isinstance(given["parsing_error"], OutputParsingError)
    plain = model.with_structured_output(Answer)
    with pytest.raises(OutputParsingError):
        await plain.with_retry(retry_if_exception_type=OutputParsingError, stop_after_attempt=2).ainvoke("hi")


async def test_a_stream_of_values_is_asked_for_again_only_under_restart() -> None:
    def model() -> ChatModel:
        return init_chat_model(
            "embedded:demo", script=['{"number": "x"}', '{"number": 7}'], retry=RetryPolicy(initial_s=0.0)
        )

    wanted: dict[str, Any] = {"retry_if_exception_type": (OutputParsingError,)}
    with pytest.raises(OutputParsingError):
        async for _ in model().with_structured_output(Answer).with_retry(**wanted).astream("hi"):
            pass
    again = model().bind(resume="restart").with_structured_output(Answer).with_retry(**wanted)
    values = [value async for value in again.astream("hi")]
    assert values[-1] == Answer(number=7)


def test_each_parameter_sets_its_part_of_the_policy() -> None:
    def policy(**given: Any) -> RetryPolicy:
        options: dict[str, Any] = {"exceptions": None, "waits": True, "parameters": None, "attempts": 3, **given}
        return retry_policy(RetryPolicy(max_s=5.0, random=lambda: 1.0), **options)

    error = InternalServerError("oops")
    assert policy().max_retries == 2
    assert policy(attempts=1).max_retries == 0
    grown = policy(parameters={"initial": 1, "max": 10, "exp_base": 3, "jitter": 0.5}, attempts=9)
    assert [grown.wait_for(error, attempt) for attempt in (1, 2, 3)] == [1.5, 3.5, 9.5]
    assert grown.wait_for(error, 4) == 10
    still = policy(waits=False)
    assert still.wait_for(error, 2) == 0
    assert still.wait_for(RateLimitError("slow down", retry_after_s=3.0), 1) == 3.0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"stop_after_attempt": 0}, "stop_after_attempt must be a whole number from 1, got 0"),
        ({"stop_after_attempt": "3"}, "got '3'"),
        ({"retry_if_exception_type": ("RateLimitError",)}, "retry_if_exception_type takes classes of exceptions"),
        ({"retry_if_exception_type": (int,)}, "takes classes of exceptions"),
        ({"exponential_jitter_params": {"intial": 1}}, "did you mean 'initial'"),
        ({"exponential_jitter_params": {"xyz": 1}}, "it has initial, max, exp_base, jitter"),
        ({"exponential_jitter_params": {"max": "8"}}, "max of exponential_jitter_params must be a number"),
        ({"exponential_jitter_params": {"max": -8}}, "max_s of a RetryPolicy must be a number from 0"),
    ],
)
def test_what_cannot_be_used_is_refused(arguments: dict[str, Any], words: str) -> None:
    model, _ = model_on(GOOD)
    with pytest.raises(ConfigurationError, match=words):
        model.with_retry(**arguments)


def test_it_works_for_sync_code_and_batches() -> None:
    model, transport = model_on([status(500), GOOD, GOOD, GOOD])
    patient = model.with_retry(stop_after_attempt=2)
    assert patient.invoke("hi").text == "ab"
    assert [message.text for message in patient.batch(["a", "b"])] == ["ab", "ab"]
    assert len(transport.requests) == 4


async def test_errors_keep_what_went_before_them() -> None:
    model, _ = model_on([status(429), status(500), status(400)])
    with pytest.raises(TidewireError) as raised:
        await model.ainvoke("hi")
    assert raised.value.__notes__ == [
        "attempt 1 failed with RateLimitError: HTTP 429 (t): no",
        "attempt 2 failed with InternalServerError: HTTP 500 (t): no",
    ]
    assert isinstance(raised.value.__context__, InternalServerError)
    shown = "".join(traceback.format_exception(raised.value))
    assert "During handling of the above exception" in shown
    assert "attempt 1 failed with RateLimitError" in shown
