"""Usage is asked for on streams, unless the host refuses the option; and what is not streamed, whoever reads it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.runtime.test_call import DONE, FINISH, GOOD, Heard, frame, model_on, status
from tidewire import ChatModel, RetryPolicy, init_chat_model
from tidewire.adapters.replay_transport import Exchange, ReplayTransport
from tidewire.errors import APIConnectionError, BadRequestError, ConfigurationError, RateLimitError
from tidewire.events.types import Retry
from tidewire.stream_usage import MOST_HOSTS, forget_refusals, refuses_usage, remember_refusal

REFUSED = status(400, b'{"error":{"message":"Unrecognized request argument supplied: stream_options"}}')
FORBIDDEN = status(422, b'{"detail":[{"loc":["body","stream_options","include_usage"],"type":"extra_forbidden"}]}')
WITHOUT_USAGE = frame("ab") + FINISH + DONE
WHOLE = Exchange(
    body=b'{"id":"r1","model":"m-1","choices":[{"index":0,"message":{"role":"assistant","content":"ab"},'
    b'"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}',
    headers={"content-type": "application/json"},
)


@pytest.fixture(autouse=True)
def no_refusals() -> Iterator[None]:
    forget_refusals()
    yield
    forget_refusals()


def bodies(transport: ReplayTransport) -> list[dict[str, Any]]:
    return [json.loads(request.body) for request in transport.requests]


async def test_usage_is_asked_for_behind_an_address_of_ones_own_too() -> None:
    model, transport = model_on(GOOD, base_url="http://host.example/v1")
    chunks = [chunk async for chunk in model.astream("hi")]
    assert bodies(transport)[0]["stream_options"] == {"include_usage": True}
    assert chunks[-1].usage_metadata == {"input_tokens": 3, "output_tokens": 2, "total_tokens": 5}


@pytest.mark.parametrize("refusal", [REFUSED, FORBIDDEN])
async def test_a_host_that_refuses_is_asked_again_in_the_same_call_and_remembered(refusal: Exchange) -> None:
    heard = Heard()
    base_url = "http://old.example/v1"
    model, transport = model_on(
        [refusal, WITHOUT_USAGE, WITHOUT_USAGE, GOOD], base_url=base_url, retry=RetryPolicy(max_retries=0)
    )
    message = await model.ainvoke("hi", {"callbacks": heard})
    assert (message.text, heard.of(Retry), heard.end.usage_source) == ("ab", [], "unknown")
    assert transport.open_responses == 0
    assert ["stream_options" in body for body in bodies(transport)] == [True, False]
    await model.bind(temperature=0).ainvoke("hi")
    assert ["stream_options" in body for body in bodies(transport)] == [True, False, False]
    await model.bind(base_url="http://new.example/v1").ainvoke("hi")  # another host
    assert "stream_options" in bodies(transport)[-1]


async def test_the_second_request_may_fail_as_any_other() -> None:
    model, transport = model_on([REFUSED, status(429)], retry=RetryPolicy(max_retries=0))
    with pytest.raises(RateLimitError) as raised:
        await model.ainvoke("hi")
    assert (raised.value.attempts, len(transport.requests)) == (1, 2)
    forget_refusals()
    broken = Exchange(error=APIConnectionError("refused"))
    model, _ = model_on([REFUSED, broken], retry=RetryPolicy(max_retries=0))
    with pytest.raises(APIConnectionError):
        await model.ainvoke("hi")


async def test_other_refusals_are_errors() -> None:
    model, transport = model_on([status(400)])
    with pytest.raises(BadRequestError):
        await model.ainvoke("hi")
    quiet, more = model_on([REFUSED], stream_usage=False)  # nothing was asked that could be left out
    with pytest.raises(BadRequestError):
        await quiet.ainvoke("hi")
    assert (len(transport.requests), len(more.requests)) == (1, 1)


def test_what_is_remembered_is_bounded() -> None:
    for number in range(MOST_HOSTS + 1):
        remember_refusal("openai", f"http://host-{number}")
    assert not refuses_usage("openai", "http://host-0")
    assert refuses_usage("openai", f"http://host-{MOST_HOSTS}")


# ---------------------------------------------------------------- disable_streaming


async def test_a_model_that_must_not_stream_gives_its_answer_as_one_chunk() -> None:
    model, transport = model_on(WHOLE, disable_streaming=True)
    chunks = [chunk async for chunk in model.astream("hi")]
    assert [chunk.text for chunk in chunks] == ["ab", ""]
    assert chunks[-1].chunk_position == "last"
    assert [body.get("stream", False) for body in bodies(transport)] == [False]
    assert (await model.ainvoke("hi")).text == "ab"  # although `streaming` is set


async def test_a_model_may_stream_but_where_tools_are_bound() -> None:
    model, transport = model_on(
        [GOOD, WHOLE, WHOLE, GOOD], disable_streaming="tool_calling", base_url="http://host.example/v1"
    )
    tool: dict[str, Any] = {"name": "look_up", "description": "", "parameters": {"type": "object", "properties": {}}}

    async def stream(some: ChatModel) -> None:
        async for _ in some.astream("hi"):
            pass

    await stream(model)
    await stream(model.bind_tools([tool]))
    await stream(model.bind(tools=[tool]))
    await stream(model.bind_tools([tool]).bind(disable_streaming=False))
    assert [body.get("stream", False) for body in bodies(transport)] == [True, False, False, True]


def test_other_words_for_it_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="disable_streaming is True, False or 'tool_calling', not 'tools'"):
        init_chat_model("gpt-5", disable_streaming="tools")
