"""tidewire itself speaks to the simulator in each wire format: client and server were written apart, and must agree."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.adapters.simulator.wires import WIRES, Wire, model_on
from tidewire import ChatModel, RetryPolicy, TidewireError, Timeout, aclose
from tidewire.adapters.schema_check import problems
from tidewire.adapters.script import FAIL_KINDS, Call, Fail, FailKind, Reply, Script, Turn
from tidewire.adapters.simulator import Simulator, simulate
from tidewire.adapters.spec import OutputSchema
from tidewire.errors import (
    APIStatusError,
    APITimeoutError,
    AuthenticationError,
    BadRequestError,
    InternalServerError,
    NotFoundError,
    OverloadedError,
    PermissionDeniedError,
    RateLimitError,
)
from tidewire.events.types import Finish, Usage
from tidewire.messages import AIMessage, HumanMessage, ToolMessage

pytestmark = pytest.mark.anyio

CITY: dict[str, Any] = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
LOOKUP: dict[str, Any] = {"name": "lookup", "description": "Looks it up.", "parameters": CITY}
NOW: dict[str, Any] = {
    "name": "now",
    "description": "Tells the time.",
    "parameters": {"type": "object", "properties": {}},
}
ASKED = "What is the tide doing?"
AT_ONCE = RetryPolicy(initial_s=0.0)


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(params=WIRES)
def wire(request: pytest.FixtureRequest) -> Wire:
    return WIRES[request.param]


@pytest.fixture(params=[False, True], ids=["plain", "streamed"])
def stream(request: pytest.FixtureRequest) -> bool:
    value: bool = request.param
    return value


@asynccontextmanager
async def speaking(wire: Wire, script: Script = (), **parameters: Any) -> AsyncGenerator[tuple[ChatModel, Simulator]]:
    """A model and the simulator that answers it."""
    with simulate(script) as simulator:
        try:
            yield model_on(wire, simulator, **{"retry": AT_ONCE, **parameters}), simulator
        finally:
            await aclose()


async def ask(model: ChatModel, stream: bool, given: Any = ASKED) -> AIMessage:  # noqa: ANN401 - any of its forms
    """The answer, plain or put together from a stream."""
    return await model.astream(given).result() if stream else await model.ainvoke(given)


def only(kind: str, message: AIMessage) -> list[Any]:
    return [block for block in message.content_blocks if block["type"] == kind]


# --- answers ---


async def test_text_arrives_with_its_usage(wire: Wire, stream: bool) -> None:
    async with speaking(wire, ["Hello, Tide – ü!"]) as (model, simulator):
        message = await ask(model, stream)
        [request] = simulator.requests
    assert message.text == "Hello, Tide – ü!"
    assert message.usage_metadata is not None
    assert message.usage_metadata["input_tokens"] == 10
    assert message.usage_metadata["output_tokens"] == 6
    assert message.usage_metadata["total_tokens"] == 16
    assert message.response_metadata["model_name"] == "demo"
    assert message.response_metadata["model_provider"] == wire.model.partition(":")[0]
    assert message.response_metadata["finish_reason"]
    assert request.path == wire.path.replace("*", wire.streamed[0 if stream else 1])


async def test_pieces_arrive_as_they_were_sent_and_add_up_to_the_plain_answer(wire: Wire) -> None:
    async with speaking(wire, [Reply(["one", " two", " three"])] * 2) as (model, _):
        chunks = [chunk async for chunk in model.astream(ASKED)]
        plain = await model.ainvoke(ASKED)
    assert [chunk.text for chunk in chunks if chunk.text] == ["one", " two", " three"]
    assert "".join(chunk.text for chunk in chunks) == plain.text
    assert chunks[-1].usage_metadata == plain.usage_metadata


async def test_tools_are_called_and_their_results_sent_back(wire: Wire, stream: bool) -> None:
    async with speaking(wire) as (model, _):
        bound = model.bind_tools([LOOKUP, NOW])
        first = await ask(bound, stream)
        assert [call["name"] for call in first.tool_calls] == ["lookup", "now"]
        assert not [*problems(first.tool_calls[0]["args"], CITY)]
        assert not first.invalid_tool_calls
        assert len({call["id"] for call in first.tool_calls}) == 2
        results = [ToolMessage(f"from {call['name']}", tool_call_id=call["id"] or "") for call in first.tool_calls]
        told = (await ask(bound, stream, [HumanMessage(ASKED), first, *results])).text
    assert "lookup gave back: from lookup" in told
    assert "now gave back: from now" in told


async def test_a_single_tool_may_be_named(wire: Wire, stream: bool) -> None:
    choice = "auto" if wire.model.startswith("ollama") else "now"
    async with speaking(wire) as (model, _):
        tools = [NOW] if choice == "auto" else [LOOKUP, NOW]
        message = await ask(model.bind_tools(tools, tool_choice=choice), stream)
    assert [call["name"] for call in message.tool_calls] == ["now"]


async def test_text_before_a_call_keeps_its_place(wire: Wire, stream: bool) -> None:
    reply = Reply("Let me see.", tool_calls=[Call("lookup", {"city": "Kiel", "days": [1, 2]})])
    async with speaking(wire, [reply]) as (model, _):
        message = await ask(model.bind_tools([LOOKUP]), stream)
    assert [block["type"] for block in message.content_blocks] == ["text", "tool_call"]
    assert message.text == "Let me see."
    assert message.tool_calls[0]["args"] == {"city": "Kiel", "days": [1, 2]}


async def test_reasoning_is_shown_and_may_be_sent_back(wire: Wire, stream: bool) -> None:
    script: list[Turn] = [Reply("Low.", reasoning="Count the hours."), "And high."]
    async with speaking(wire, script, **wire.reasoning) as (model, simulator):
        message = await ask(model, stream)
        again = await ask(model, stream, [HumanMessage(ASKED), message, HumanMessage("And then?")])
        body = json.dumps(simulator.requests[-1].body)
    assert [block["type"] for block in message.content_blocks] == ["reasoning", "text"]
    [thought] = only("reasoning", message)
    assert thought["reasoning"] == "Count the hours."
    assert message.text == "Low."
    assert again.text == "And high."
    extras: list[dict[str, Any]] = [block.get("extras", {}) for block in message.content_blocks]
    signatures = [extra[wire.signature] for extra in extras if wire.signature in extra]
    assert len(signatures) == (0 if wire.signature is None else 1)
    assert all(signature in body for signature in signatures)


async def test_scripted_usage_is_read_in_all_its_parts(wire: Wire, stream: bool) -> None:
    usage = Usage(input_tokens=10, output_tokens=5, total_tokens=15, cache_read=6, reasoning=2)
    async with speaking(wire, [Reply("x", usage=usage)]) as (model, _):
        read = (await ask(model, stream)).usage_metadata
    assert read is not None
    assert (read["input_tokens"], read["output_tokens"], read["total_tokens"]) == (10, 5, 15)
    if "cache_read" not in wire.silent:
        assert read.get("input_token_details", {}).get("cache_read") == 6
    if "reasoning" not in wire.silent:
        assert read.get("output_token_details", {}).get("reasoning") == 2


async def test_structured_output_fits_its_schema(wire: Wire, stream: bool) -> None:
    schema = {**CITY, "additionalProperties": False}
    async with speaking(wire) as (model, _):
        message = await ask(model.bind(output=OutputSchema("place", schema, strict=True)), stream)
    assert not [*problems(json.loads(message.text), schema)]


async def test_the_reason_for_the_end_is_one_word_for_all(wire: Wire, stream: bool) -> None:
    async with speaking(wire, ["one two three", "one two three"]) as (model, _):
        bound = model.bind(streaming=stream)
        cut = [event async for event in bound.bind(max_tokens=2).aevents(ASKED) if isinstance(event, Finish)]
        whole = [event async for event in bound.aevents(ASKED) if isinstance(event, Finish)]
    assert [event.reason for event in cut] == ["length"]
    assert [event.reason for event in whole] == ["stop"]


# --- errors ---


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, BadRequestError),
        (401, AuthenticationError),
        (403, PermissionDeniedError),
        (404, NotFoundError),
        (429, RateLimitError),
        (500, InternalServerError),
        (503, OverloadedError),
    ],
)
async def test_a_refusal_is_the_error_of_its_status(wire: Wire, status: int, kind: type[APIStatusError]) -> None:
    fail = Fail(status=status, message="because of the tide")
    for stream in (False, True):
        async with speaking(wire, [fail], max_retries=0) as (model, _):
            with pytest.raises(kind, match="because of the tide") as caught:
                await ask(model, stream)
        assert caught.value.status_code == status
        assert caught.value.provider == wire.model.partition(":")[0]
        assert caught.value.partial is None


async def test_a_failed_request_is_made_again(wire: Wire, stream: bool) -> None:
    script: list[Turn] = [Fail(status=503), Fail(kind="reset_before_head"), "there"]
    async with speaking(wire, script) as (model, simulator):
        assert (await ask(model, stream)).text == "there"
        assert len(simulator.requests) == 3


async def test_an_error_inside_the_stream_carries_what_came_before(wire: Wire) -> None:
    fail = Fail(kind="error", status=429, message="too fast", after_tokens=2, reply=Reply("one two three"))
    async with speaking(wire, [fail]) as (model, simulator):
        with pytest.raises(APIStatusError, match="too fast") as caught:
            await ask(model, stream=True)
        assert len(simulator.requests) == 1
    assert isinstance(caught.value.partial, AIMessage)
    assert caught.value.partial.text == "one two"


async def test_an_error_in_place_of_a_plain_answer_is_no_answer(wire: Wire) -> None:
    fail = Fail(kind="error", status=429, message="too fast")
    async with speaking(wire, [fail], max_retries=0) as (model, _):
        with pytest.raises(TidewireError) as caught:
            await ask(model, stream=False)
    if "plain error" not in wire.silent:
        assert isinstance(caught.value, APIStatusError)
        assert "too fast" in caught.value.message


async def test_an_error_before_the_first_content_is_made_good(wire: Wire) -> None:
    fail = Fail(kind="error", status=503, reply=Reply("one two three"))
    if "status" in wire.silent:  # an error that may be anything is not tried again
        async with speaking(wire, [fail]) as (model, _):
            with pytest.raises(APIStatusError):
                await ask(model, stream=True)
        return
    async with speaking(wire, [fail, "there"]) as (model, simulator):
        assert (await ask(model, stream=True)).text == "there"
        assert len(simulator.requests) == 2


#: The kinds after which the answer is whole all the same.
HARMLESS = frozenset({"no_length", "trickle", "split_utf8", "gzip", "cookies", "content_type"})
#: The kinds that strike behind the provider's own end, or where some formats do not look.
PERHAPS_HARMLESS = frozenset({"length_too_long", "bad_utf8"})
#: The kinds that only a clock ends.
ENDLESS = frozenset({"stall_before_head", "stall", "pings"})


@pytest.mark.parametrize("kind", FAIL_KINDS)
async def test_a_broken_answer_never_passes_for_a_whole_one(wire: Wire, kind: FailKind) -> None:
    whole = "ün zwei drei vier"
    fail = Fail(kind=kind, after_tokens=2, reply=Reply(["ün", " zwei", " drei", " vier"]))
    timeout = Timeout(first_event=0.05, between_events=0.05) if kind in ENDLESS else Timeout(between_events=10.0)
    async with speaking(wire, [fail], max_retries=0, timeout=timeout) as (model, simulator):
        try:
            said, error = (await ask(model, stream=True)).text, None
        except TidewireError as caught:
            said, error = None, caught
        await simulator.await_idle()
    if error is None:
        assert said == whole
        assert kind in HARMLESS | PERHAPS_HARMLESS
    else:
        assert kind not in HARMLESS
        assert isinstance(error, APITimeoutError) == (kind in ENDLESS)
        assert error.partial is None or isinstance(error.partial, AIMessage)
        assert error.partial is None or whole.startswith(error.partial.text)
