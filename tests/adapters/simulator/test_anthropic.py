"""Anthropic's own client reads what the simulator sends, and the simulator reads what it sends."""

from __future__ import annotations

import json
from typing import Any, cast

import anthropic
import httpx
import pydantic
import pytest
from anthropic.types import Message, TextBlock, ThinkingBlock, ToolUseBlock

from tidewire.adapters.schema_check import problems
from tidewire.adapters.simulator import Call, Fail, Reply, Script, SimRequest, Simulator, simulate
from tidewire.events.types import Usage

USER: list[Any] = [{"role": "user", "content": "What is the tide doing?"}]
CITY: dict[str, Any] = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
LOOKUP: dict[str, Any] = {"name": "lookup", "description": "Looks it up.", "input_schema": CITY}
NOW: dict[str, Any] = {"name": "now", "input_schema": {"type": "object"}}
THINKING: dict[str, Any] = {"type": "enabled", "budget_tokens": 1024}


def ask(sim: Simulator, stream: bool, **request: Any) -> Message:
    """The answer as Anthropic's client reads it: plain, or put together from a stream by the client itself."""
    request = {"model": "demo", "messages": USER, "max_tokens": 2000, **request}
    with anthropic.Anthropic(base_url=sim.url, api_key="any", max_retries=0) as client:
        if not stream:
            return cast("Message", client.messages.create(**request))
        with client.messages.stream(**request) as reading:
            return reading.get_final_message()


async def ask_async(sim: Simulator, stream: bool, **request: Any) -> Message:
    request = {"model": "demo", "messages": USER, "max_tokens": 2000, **request}
    async with anthropic.AsyncAnthropic(base_url=sim.url, api_key="any", max_retries=0) as client:
        if not stream:
            return cast("Message", await client.messages.create(**request))
        async with client.messages.stream(**request) as reading:
            return await reading.get_final_message()


def answer(stream: bool, script: Script = (), **request: Any) -> Message:
    with simulate(script) as sim:
        return ask(sim, stream, **request)


def text_of(message: Message) -> str:
    return "".join(block.text for block in message.content if isinstance(block, TextBlock))


def thoughts_of(message: Message) -> list[ThinkingBlock]:
    return [block for block in message.content if isinstance(block, ThinkingBlock)]


def calls_of(message: Message) -> list[ToolUseBlock]:
    return [block for block in message.content if isinstance(block, ToolUseBlock)]


def events_of(script: Script = (), **request: Any) -> list[dict[str, Any]]:
    """The data of each event of a stream, whose names are the types in the data."""
    body = {"model": "demo", "messages": USER, "max_tokens": 2000, "stream": True, **request}
    with simulate(script) as sim:
        reply = httpx.post(f"{sim.url}/v1/messages", json=body, headers={"anthropic-version": "2023-06-01"})
    assert reply.headers["content-type"] == "text/event-stream; charset=utf-8"
    events: list[dict[str, Any]] = []
    for event in reply.text.removesuffix("\n\n").split("\n\n"):
        name, data = event.split("\n")
        events.append(json.loads(data.removeprefix("data: ")))
        assert name == f"event: {events[-1]['type']}"
    return events


@pytest.fixture(params=[False, True], ids=["plain", "streamed"])
def stream(request: pytest.FixtureRequest) -> bool:
    value: bool = request.param
    return value


# --- answers ---


def test_text_arrives_with_its_usage(stream: bool) -> None:
    message = answer(stream, ["Hello, Tide – ü!"])
    assert text_of(message) == "Hello, Tide – ü!"
    assert (message.stop_reason, message.stop_sequence) == ("end_turn", None)
    assert message.id.startswith("msg_")
    assert message.model == "demo"
    assert message.usage.output_tokens == 6
    assert message.usage.input_tokens == 10


@pytest.mark.anyio
async def test_the_async_client_reads_the_same_as_the_sync_one(stream: bool) -> None:
    with simulate() as sim:
        one = await ask_async(sim, stream, tools=[LOOKUP, NOW], thinking=THINKING)
        other = ask(sim, stream, tools=[LOOKUP, NOW], thinking=THINKING)
    assert one == other


def test_a_stream_adds_up_to_the_plain_answer() -> None:
    requests: list[dict[str, Any]] = [{}, {"tools": [LOOKUP, NOW]}, {"thinking": THINKING}, {"max_tokens": 7}]
    for request in requests:
        plain, streamed = answer(False, **request), answer(True, **request)
        assert plain.model_dump() == streamed.model_dump()


def test_a_single_tool_is_called_with_arguments_that_fit(stream: bool) -> None:
    message = answer(stream, tools=[LOOKUP])
    [call] = calls_of(message)
    assert call.name == "lookup"
    assert not [*problems(call.input, CITY)]
    assert message.stop_reason == "tool_use"


def test_tools_are_called_in_parallel_unless_told_otherwise(stream: bool) -> None:
    calls = calls_of(answer(stream, tools=[LOOKUP, NOW]))
    assert [call.name for call in calls] == ["lookup", "now"]
    assert len({call.id for call in calls}) == 2
    alone = {"type": "auto", "disable_parallel_tool_use": True}
    assert len(calls_of(answer(stream, tools=[LOOKUP, NOW], tool_choice=alone))) == 1
    named = {"type": "tool", "name": "now"}
    assert [call.name for call in calls_of(answer(stream, tools=[LOOKUP, NOW], tool_choice=named))] == ["now"]
    assert not calls_of(answer(stream, tools=[LOOKUP], tool_choice={"type": "none"}))


def test_thinking_comes_first_signed_and_counted(stream: bool) -> None:
    message = answer(stream, thinking=THINKING)
    [thought] = thoughts_of(message)
    assert message.content[0] is thought
    assert thought.thinking
    assert thought.signature
    assert message.usage.output_tokens_details is not None
    assert message.usage.output_tokens > message.usage.output_tokens_details.thinking_tokens > 0
    assert not thoughts_of(answer(stream, thinking={"type": "disabled"}))


def test_thinking_may_be_sent_back() -> None:
    with simulate() as sim:
        first = ask(sim, stream=False, thinking=THINKING, tools=[LOOKUP])
        [call] = calls_of(first)
        result = {"type": "tool_result", "tool_use_id": call.id, "content": "falling"}
        turns = [*USER, first.to_param(), {"role": "user", "content": [result]}]
        assert "lookup gave back: falling" in text_of(ask(sim, stream=False, messages=turns, tools=[LOOKUP]))


class _Level(pydantic.BaseModel):
    metres: float
    rising: bool


def test_the_clients_own_parser_reads_structured_output() -> None:
    with simulate() as sim, anthropic.Anthropic(base_url=sim.url, api_key="any") as client:
        parsed = client.messages.parse(model="demo", max_tokens=500, messages=USER, output_format=_Level)
    assert isinstance(parsed.parsed_output, _Level)


def test_limits_and_stop_texts_end_the_answer(stream: bool) -> None:
    script = ["one two three four"]
    cut = answer(stream, script, max_tokens=2)
    assert (text_of(cut), cut.stop_reason) == ("one two", "max_tokens")
    stopped = answer(stream, script, stop_sequences=["three"])
    assert (text_of(stopped), stopped.stop_reason, stopped.stop_sequence) == ("one two ", "stop_sequence", "three")


def test_arguments_that_were_cut_are_still_an_object(stream: bool) -> None:
    message = answer(stream, [Reply(tool_calls=[Call("lookup", {"city": "Kiel", "days": 3})])], max_tokens=5)
    assert message.stop_reason == "max_tokens"
    assert isinstance(calls_of(message)[0].input, dict)


def test_a_refusal_and_an_empty_answer_are_told(stream: bool) -> None:
    assert answer(stream, [Reply("No.", finish="refusal")]).stop_reason == "refusal"
    assert answer(stream, [Reply()]).content == []


def test_cached_tokens_are_reported_apart() -> None:
    usage = Usage(input_tokens=10, output_tokens=4, total_tokens=14, cache_read=6, cache_creation=1)
    for stream in (False, True):
        reported = answer(stream, [Reply("x", usage=usage)]).usage
        assert reported.input_tokens == 3
        assert (reported.cache_read_input_tokens, reported.cache_creation_input_tokens) == (6, 1)


# --- the stream's grammar ---


def test_events_come_in_the_order_that_the_api_documents() -> None:
    kinds = [event["type"] for event in events_of(["one two"])]
    assert kinds == [
        "message_start",
        "content_block_start",
        "ping",
        "content_block_delta",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]


def test_each_block_is_opened_and_closed_in_its_place() -> None:
    events = events_of(tools=[LOOKUP, NOW], thinking=THINKING)
    places = [(event["type"].removeprefix("content_block_"), event["index"]) for event in events if "index" in event]
    assert [place for place in places if place[0] != "delta"] == [
        ("start", 0), ("stop", 0), ("start", 1), ("stop", 1), ("start", 2), ("stop", 2),
    ]  # fmt: skip
    assert [event["content_block"]["type"] for event in events if event["type"] == "content_block_start"] == [
        "thinking", "tool_use", "tool_use",
    ]  # fmt: skip
    kinds = [event["delta"]["type"] for event in events if event["type"] == "content_block_delta"]
    assert kinds.count("signature_delta") == 1
    assert kinds[-1] == "input_json_delta"


def test_usage_is_reported_at_the_start_and_in_full_at_the_end() -> None:
    start, *_, delta, stop = events_of(["one two three"])
    assert start["message"]["usage"]["output_tokens"] == 1
    assert start["message"]["content"] == []
    assert delta["usage"]["output_tokens"] == 3
    assert delta["delta"] == {"stop_reason": "end_turn", "stop_sequence": None}
    assert stop == {"type": "message_stop"}


# --- errors ---


@pytest.mark.parametrize(
    ("status", "kind", "word"),
    [
        (400, anthropic.BadRequestError, "invalid_request_error"),
        (401, anthropic.AuthenticationError, "authentication_error"),
        (403, anthropic.PermissionDeniedError, "permission_error"),
        (404, anthropic.NotFoundError, "not_found_error"),
        (413, anthropic.APIStatusError, "request_too_large"),
        (429, anthropic.RateLimitError, "rate_limit_error"),
        (500, anthropic.InternalServerError, "api_error"),
        (529, anthropic.APIStatusError, "overloaded_error"),
    ],
)
def test_a_failure_is_the_clients_error_of_its_status(
    stream: bool, status: int, kind: type[anthropic.APIStatusError], word: str
) -> None:
    with pytest.raises(kind, match="told to fail") as caught:
        answer(stream, [Fail(status=status, retry_after_s=3)])
    assert caught.value.status_code == status
    assert caught.value.type == word
    assert caught.value.request_id
    assert caught.value.body == {
        "type": "error",
        "error": {"type": word, "message": f"The simulator was told to fail with status {status}."},
        "request_id": caught.value.request_id,
    }
    assert caught.value.response.headers["retry-after"] == "3"


@pytest.mark.anyio
async def test_the_async_client_gets_the_same_errors(stream: bool) -> None:
    with simulate([Fail(status=529)]) as sim, pytest.raises(anthropic.APIStatusError, match="told to fail") as caught:
        await ask_async(sim, stream)
    assert caught.value.type == "overloaded_error"


@pytest.mark.parametrize("after", [0, 2])
def test_an_error_inside_the_stream_is_read_after_what_came_before(after: int) -> None:
    fail = Fail(kind="error", status=529, message="too busy", after_tokens=after, reply=Reply("one two three"))
    said: list[str] = []
    with (
        simulate([fail]) as sim,
        anthropic.Anthropic(base_url=sim.url, api_key="any") as client,
        client.messages.stream(model="demo", max_tokens=100, messages=USER) as reading,
        pytest.raises(anthropic.APIStatusError, match="too busy"),
    ):
        said.extend(reading.text_stream)
    assert "".join(said) == ("one two" if after else "")


def test_a_client_that_tries_again_gets_the_next_entry_of_the_script() -> None:
    with simulate([Fail(status=529, retry_after_s=0.001), "there"]) as sim:
        with anthropic.Anthropic(base_url=sim.url, api_key="any", max_retries=1) as client:
            assert text_of(client.messages.create(model="demo", max_tokens=100, messages=USER)) == "there"
        assert len(sim.requests) == 2


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"messages": []}, "conversation is empty"),
        ({"messages": None}, "messages: Field required"),
        ({"model": None}, "model: Field required"),
        ({"max_tokens": None}, "max_tokens: Field required"),
        ({"max_tokens": 0}, "at least 1"),
        ({"max_tokens": "many"}, "max_tokens"),
        ({"messages": [{"role": "pilot", "content": "x"}]}, "a turn is of the role"),
        ({"messages": [{"role": "user", "content": None}]}, "content: Field required"),
        ({"messages": [{"role": "user", "content": 3}]}, "a text or an array"),
        ({"messages": [{"role": "user", "content": [{"text": "no type"}]}]}, "wrong shape"),
        ({"tools": [{"type": "web_search_20250305", "name": "web_search"}]}, "own tools"),
        ({"tools": [{"name": "x"}]}, "wrong shape"),
        ({"tool_choice": {"type": "any"}}, "there is none"),
        ({"tools": [NOW], "tool_choice": {"type": "tool", "name": "other"}}, "'other'"),
    ],
)
def test_a_wrong_request_is_refused_with_the_reason(fields: dict[str, Any], says: str) -> None:
    body = {"model": "demo", "messages": USER, "max_tokens": 10, **fields}
    with simulate() as sim:
        reply = httpx.post(f"{sim.url}/v1/messages", json=body, headers={"anthropic-version": "2023-06-01"})
    assert reply.status_code == 400
    assert says in reply.json()["error"]["message"]


def test_the_version_of_the_api_must_be_named() -> None:
    with simulate() as sim:
        reply = httpx.post(f"{sim.url}/v1/messages", json={"model": "demo", "messages": USER, "max_tokens": 10})
    assert reply.json()["error"] == {
        "type": "invalid_request_error",
        "message": "anthropic-version: header is required",
    }


# --- requests ---


def test_a_whole_conversation_is_read() -> None:
    seen: list[SimRequest] = []
    image = {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}}
    result = {
        "type": "tool_result",
        "tool_use_id": "t_1",
        "is_error": True,
        "content": [{"type": "text", "text": "no"}],
    }
    turns = [
        {"role": "user", "content": [{"type": "text", "text": "Look: "}, image]},
        {
            "role": "assistant",
            "content": [{"type": "tool_use", "id": "t_1", "name": "lookup", "input": {"city": "Kiel"}}],
        },
        {"role": "user", "content": [result, {"type": "text", "text": "And?"}]},
    ]
    answer(False, lambda request: seen.append(request), system="Be kind.", messages=turns, tools=[LOOKUP])
    [request] = seen
    assert [message.role for message in request.messages] == ["system", "user", "assistant", "tool", "user"]
    assert request.messages[0].text == "Be kind."
    assert request.messages[1].media == ("image",)
    assert request.messages[2].tool_calls[0].args == {"city": "Kiel"}
    assert (request.messages[3].text, request.messages[3].failed) == ("no", True)
    assert request.messages[4].text == "And?"


def test_the_models_are_listed_and_others_do_not_exist() -> None:
    with Simulator(models=["one", "two"]) as sim:
        with anthropic.Anthropic(base_url=sim.url, api_key="any") as client:
            assert [model.id for model in client.models.list()] == ["one", "two"]
        with pytest.raises(anthropic.NotFoundError, match="'demo' does not exist"):
            ask(sim, stream=False)


def test_the_key_is_looked_at_only_when_there_is_one() -> None:
    with simulate(api_key="right") as sim:
        with pytest.raises(anthropic.AuthenticationError):
            ask(sim, stream=False)
        clients = (
            anthropic.Anthropic(base_url=sim.url, api_key="right"),
            anthropic.Anthropic(base_url=sim.url, auth_token="right"),
        )
        for client in clients:
            with client:
                assert client.messages.create(model="demo", max_tokens=9, messages=USER).content
