"""OpenAI's own client reads what the simulator sends in the Responses format, and the simulator reads what it sends."""

from __future__ import annotations

import json
from typing import Any, cast

import httpx
import openai
import pydantic
import pytest
from openai.types.responses import (
    Response,
    ResponseFunctionToolCall,
    ResponseOutputMessage,
    ResponseOutputRefusal,
    ResponseOutputText,
    ResponseReasoningItem,
)

from tidewire.adapters.schema_check import problems
from tidewire.adapters.simulator import Call, Fail, Reply, Script, SimRequest, Simulator, simulate
from tidewire.events.types import Usage

USER = "What is the tide doing?"
CITY = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
LOOKUP: dict[str, Any] = {"type": "function", "name": "lookup", "parameters": CITY, "strict": True}
NOW: dict[str, Any] = {"type": "function", "name": "now", "parameters": None, "strict": None}
REASONING = {"effort": "low", "summary": "auto"}


def ask(sim: Simulator, stream: bool, **request: Any) -> Response:
    """The answer as OpenAI's client reads it: plain, or the response of the event that ends a stream."""
    request = {"model": "demo", "input": USER, **request}
    with openai.OpenAI(base_url=sim.openai_url, api_key="any", max_retries=0) as client:
        if not stream:
            return cast("Response", client.responses.create(**request))
        with client.responses.stream(**request) as reading:
            last: Any = list(reading)[-1]
    assert last.type in ("response.completed", "response.incomplete")
    response: Response = last.response
    return response


async def ask_async(sim: Simulator, stream: bool, **request: Any) -> Response:
    request = {"model": "demo", "input": USER, **request}
    async with openai.AsyncOpenAI(base_url=sim.openai_url, api_key="any", max_retries=0) as client:
        if not stream:
            return cast("Response", await client.responses.create(**request))
        async with client.responses.stream(**request) as reading:
            return await reading.get_final_response()


def answer(stream: bool, script: Script = (), **request: Any) -> Response:
    with simulate(script) as sim:
        return ask(sim, stream, **request)


def calls_of(response: Response) -> list[ResponseFunctionToolCall]:
    return [item for item in response.output if isinstance(item, ResponseFunctionToolCall)]


def parts_of(response: Response) -> list[ResponseOutputText | ResponseOutputRefusal]:
    return [part for item in response.output if isinstance(item, ResponseOutputMessage) for part in item.content]


def thoughts_of(response: Response) -> list[ResponseReasoningItem]:
    return [item for item in response.output if isinstance(item, ResponseReasoningItem)]


def said(response: Response) -> dict[str, Any]:
    """The response without the time at which it was made, and without what the client adds of its own."""
    dumped = response.model_dump(exclude={"created_at"}, exclude_none=True)
    for item in dumped["output"]:
        item.pop("parsed_arguments", None)
        for part in item.get("content") or ():
            part.pop("parsed", None)
    return dumped


def events_of(script: Script = (), **request: Any) -> list[dict[str, Any]]:
    """The data of each event of a stream, whose names are the types in the data."""
    with simulate(script) as sim:
        reply = httpx.post(
            f"{sim.openai_url}/responses", json={"model": "demo", "input": USER, "stream": True, **request}
        )
    assert reply.headers["content-type"] == "text/event-stream; charset=utf-8"
    events: list[dict[str, Any]] = []
    for number, event in enumerate(reply.text.removesuffix("\n\n").split("\n\n")):
        name, data = event.split("\n")
        events.append(json.loads(data.removeprefix("data: ")))
        assert name == f"event: {events[-1]['type']}"
        assert events[-1]["sequence_number"] == number
    return events


@pytest.fixture(params=[False, True], ids=["plain", "streamed"])
def stream(request: pytest.FixtureRequest) -> bool:
    value: bool = request.param
    return value


# --- answers ---


def test_text_arrives_with_its_usage(stream: bool) -> None:
    response = answer(stream, ["Hello, Tide – ü!"])
    assert response.output_text == "Hello, Tide – ü!"
    assert (response.status, response.error, response.incomplete_details) == ("completed", None, None)
    assert response.id.startswith("resp_")
    assert response.model == "demo"
    assert response.usage is not None
    assert (response.usage.input_tokens, response.usage.output_tokens, response.usage.total_tokens) == (10, 6, 16)


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])  # OpenAI's client leaves generators behind, of which trio warns
async def test_the_async_client_reads_the_same_as_the_sync_one(stream: bool) -> None:
    request: dict[str, Any] = {"tools": [LOOKUP, NOW], "reasoning": REASONING}
    with simulate() as sim:
        assert said(await ask_async(sim, stream, **request)) == said(ask(sim, stream, **request))


def test_a_stream_adds_up_to_the_plain_answer() -> None:
    requests: list[dict[str, Any]] = [
        {},
        {"tools": [LOOKUP, NOW]},
        {"reasoning": REASONING, "include": ["reasoning.encrypted_content"]},
        {"include": ["message.output_text.logprobs"], "top_logprobs": 2},
        {"max_output_tokens": 7},
    ]
    for request in requests:
        assert said(answer(False, **request)) == said(answer(True, **request))


def test_a_single_tool_is_called_with_arguments_that_fit(stream: bool) -> None:
    [call] = calls_of(answer(stream, tools=[LOOKUP]))
    assert (call.name, call.status) == ("lookup", "completed")
    assert not [*problems(json.loads(call.arguments), CITY)]
    assert call.call_id.startswith("call_")
    assert (call.id or "").startswith("fc_")


def test_tools_are_called_in_parallel_unless_told_otherwise(stream: bool) -> None:
    calls = calls_of(answer(stream, tools=[LOOKUP, NOW]))
    assert [call.name for call in calls] == ["lookup", "now"]
    assert len({call.call_id for call in calls}) == len({call.id for call in calls}) == 2
    assert len(calls_of(answer(stream, tools=[LOOKUP, NOW], parallel_tool_calls=False))) == 1
    named = {"type": "function", "name": "now"}
    assert [call.name for call in calls_of(answer(stream, tools=[LOOKUP, NOW], tool_choice=named))] == ["now"]
    assert not calls_of(answer(stream, tools=[LOOKUP], tool_choice="none"))


def test_text_may_come_before_a_tool_call(stream: bool) -> None:
    response = answer(stream, [Reply("Let me see.", tool_calls=[Call("now", {}, id="call_9")])])
    assert [item.type for item in response.output] == ["message", "function_call"]
    assert response.output_text == "Let me see."
    assert [call.call_id for call in calls_of(response)] == ["call_9"]


def test_reasoning_comes_first_summed_up_when_asked_for_and_counted(stream: bool) -> None:
    response = answer(stream, reasoning=REASONING)
    [thought] = thoughts_of(response)
    assert response.output[0] is thought
    assert [part.type for part in thought.summary] == ["summary_text"]
    assert thought.summary[0].text
    assert thought.encrypted_content is None
    assert response.usage is not None
    assert response.usage.output_tokens > response.usage.output_tokens_details.reasoning_tokens > 0
    [hidden] = thoughts_of(answer(stream, reasoning={"effort": "low"}))
    assert hidden.summary == []
    assert not thoughts_of(answer(stream, reasoning={"effort": "none"}))


def test_encrypted_reasoning_may_be_asked_for_and_sent_back(stream: bool) -> None:
    with simulate() as sim:
        more: dict[str, Any] = {"tools": [LOOKUP], "include": ["reasoning.encrypted_content"], "store": False}
        first = ask(sim, stream, reasoning=REASONING, **more)
        [thought] = thoughts_of(first)
        assert thought.encrypted_content
        [call] = calls_of(first)
        result = {"type": "function_call_output", "call_id": call.call_id, "output": "falling"}
        turns = [{"role": "user", "content": USER}, *(item.model_dump() for item in first.output), result]
        assert "lookup gave back: falling" in ask(sim, stream, input=turns, tools=[LOOKUP]).output_text


def test_a_turn_may_name_the_one_before(stream: bool) -> None:
    result = {"type": "function_call_output", "call_id": "call_1", "output": "falling"}
    response = answer(stream, input=[result], previous_response_id="resp_1")
    assert response.previous_response_id == "resp_1"
    assert "falling" in response.output_text


def test_probabilities_arrive_with_each_token(stream: bool) -> None:
    response = answer(stream, ["one two"], include=["message.output_text.logprobs"], top_logprobs=2)
    [part] = parts_of(response)
    assert isinstance(part, ResponseOutputText)
    assert [entry.token for entry in part.logprobs or ()] == ["one", " two"]
    assert all(len(entry.top_logprobs) == 2 and entry.logprob <= 0 for entry in part.logprobs or ())


class _Level(pydantic.BaseModel):
    metres: float
    rising: bool


def test_the_clients_own_parser_reads_structured_output() -> None:
    with simulate() as sim, openai.OpenAI(base_url=sim.openai_url, api_key="any") as client:
        parsed = client.responses.parse(model="demo", input=USER, text_format=_Level)
        assert isinstance(parsed.output_parsed, _Level)
        with client.responses.stream(model="demo", input=USER, text_format=_Level) as reading:
            assert reading.get_final_response().output_parsed == parsed.output_parsed
    assert isinstance(json.loads(answer(False, text={"format": {"type": "json_object"}}).output_text), dict)
    assert "stand-in" in answer(False, text={"format": {"type": "text"}}).output_text


def test_an_answer_that_reached_the_limit_is_incomplete(stream: bool) -> None:
    response = answer(stream, ["one two three four"], max_output_tokens=2)
    assert response.output_text == "one two"
    assert response.status == "incomplete"
    assert response.incomplete_details is not None
    assert response.incomplete_details.reason == "max_output_tokens"
    assert [item.status for item in response.output if isinstance(item, ResponseOutputMessage)] == ["incomplete"]
    filtered = answer(stream, [Reply("one", finish="content_filter")])
    assert filtered.incomplete_details is not None
    assert filtered.incomplete_details.reason == "content_filter"


def test_a_refusal_has_a_place_of_its_own(stream: bool) -> None:
    response = answer(stream, [Reply("I will not.", finish="refusal")])
    [part] = parts_of(response)
    assert isinstance(part, ResponseOutputRefusal)
    assert part.refusal == "I will not."
    assert (response.status, response.output_text) == ("completed", "")


def test_an_empty_answer_is_empty(stream: bool) -> None:
    assert answer(stream, [Reply()]).output == []


def test_scripted_usage_is_reported_as_it_is(stream: bool) -> None:
    usage = Usage(input_tokens=10, output_tokens=4, total_tokens=14, cache_read=6, cache_creation=1, reasoning=2)
    reported = answer(stream, [Reply("x", usage=usage)]).usage
    assert reported is not None
    details = reported.input_tokens_details
    assert (reported.input_tokens, details.cached_tokens, details.cache_write_tokens) == (10, 6, 1)
    assert reported.output_tokens_details.reasoning_tokens == 2


def test_a_response_repeats_what_was_asked(stream: bool) -> None:
    asked: dict[str, Any] = {"instructions": "Be kind.", "metadata": {"a": "b"}, "temperature": 0.5, "store": False}
    response = answer(stream, tools=[LOOKUP], tool_choice="required", **asked)
    assert (response.instructions, response.metadata, response.temperature) == ("Be kind.", {"a": "b"}, 0.5)
    assert (response.tool_choice, response.tools[0].type) == ("required", "function")


# --- the stream's grammar ---


def test_events_come_in_the_order_that_the_api_documents() -> None:
    assert [event["type"].removeprefix("response.") for event in events_of(["one two"])] == [
        "created", "in_progress", "output_item.added", "content_part.added", "output_text.delta", "output_text.delta",
        "output_text.done", "content_part.done", "output_item.done", "completed",
    ]  # fmt: skip
    kinds = [event["type"].removeprefix("response.") for event in events_of(tools=[NOW], reasoning=REASONING)]
    assert kinds[2:5] == ["output_item.added", "reasoning_summary_part.added", "reasoning_summary_text.delta"]
    thought = kinds.index("output_item.done")
    assert kinds[thought - 2 : thought + 3] == [
        "reasoning_summary_text.done", "reasoning_summary_part.done", "output_item.done",
        "output_item.added", "function_call_arguments.delta",
    ]  # fmt: skip
    assert kinds[-3:] == ["function_call_arguments.done", "output_item.done", "completed"]


def test_items_are_complete_where_they_end_and_again_in_the_last_event() -> None:
    events = events_of(tools=[LOOKUP, NOW], reasoning=REASONING)
    ended = [event["item"] for event in events if event["type"] == "response.output_item.done"]
    assert events[-1]["response"]["output"] == ended
    assert [event["output_index"] for event in events if event["type"] == "response.output_item.added"] == [0, 1, 2]
    for item, index in zip(ended, range(3), strict=True):
        pieces = [event["delta"] for event in events if "delta" in event and event["output_index"] == index]
        assert "".join(pieces) == (item["summary"][0]["text"] if item["type"] == "reasoning" else item["arguments"])
    assert all(event["response"]["usage"] is None for event in events[:2])


# --- errors ---


@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [
        (400, openai.BadRequestError, None),
        (401, openai.AuthenticationError, "invalid_api_key"),
        (404, openai.NotFoundError, "model_not_found"),
        (429, openai.RateLimitError, "rate_limit_exceeded"),
        (500, openai.InternalServerError, None),
        (503, openai.InternalServerError, "server_is_overloaded"),
    ],
)
def test_a_failure_is_the_clients_error_of_its_status(
    stream: bool, status: int, kind: type[openai.APIStatusError], code: str | None
) -> None:
    with pytest.raises(kind, match="told to fail") as caught:
        answer(stream, [Fail(status=status, retry_after_s=1.5)])
    assert caught.value.code == code
    assert caught.value.request_id
    assert caught.value.response.headers["retry-after-ms"] == "1500"


@pytest.mark.parametrize("after", [0, 2])
def test_an_error_inside_the_stream_is_read_after_what_came_before(after: int) -> None:
    fail = Fail(kind="error", status=429, message="too fast", after_tokens=after, reply=Reply("one two three"))
    texts: list[str] = []
    with simulate([fail]) as sim, openai.OpenAI(base_url=sim.openai_url, api_key="any") as client:
        with pytest.raises(openai.APIError, match="too fast") as caught:
            for event in client.responses.create(model="demo", input=USER, stream=True):
                if event.type == "response.output_text.delta":
                    texts.append(event.delta)
        assert "".join(texts) == ("one two" if after else "")
        assert caught.value.code == "rate_limit_exceeded"
    assert events_of([fail])[-1]["type"] == "error"


def test_a_client_that_tries_again_gets_the_next_entry_of_the_script() -> None:
    with simulate([Fail(status=429, retry_after_s=0.001), "there"]) as sim:
        with openai.OpenAI(base_url=sim.openai_url, api_key="any", max_retries=1) as client:
            assert client.responses.create(model="demo", input=USER).output_text == "there"
        assert len(sim.requests) == 2


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"model": None}, "'model'"),
        ({"input": None}, "'input'"),
        ({"input": 3}, "a text or an array"),
        ({"input": [3]}, "an item is an object"),
        ({"input": []}, "conversation is empty"),
        ({"input": [{"role": "pilot", "content": "x"}]}, "one of the roles"),
        ({"input": [{"role": "user", "content": [{"text": "no type"}]}]}, "wrong shape"),
        ({"input": [{"type": "computer_call"}]}, "'computer_call'"),
        ({"max_output_tokens": 0}, "at least 1"),
        ({"max_output_tokens": "many"}, "max_tokens"),
        ({"tools": [{"type": "web_search"}]}, "type 'function'"),
        ({"tool_choice": "required"}, "there is none"),
        ({"tool_choice": {"type": "allowed_tools"}}, "not simulated"),
        ({"text": {"format": {"type": "xml"}}}, "'xml' does not exist"),
    ],
)
def test_a_wrong_request_is_refused_with_the_reason(fields: dict[str, Any], says: str) -> None:
    with pytest.raises(openai.BadRequestError, match=says):
        answer(False, **fields)


# --- requests ---


def test_a_whole_conversation_is_read() -> None:
    seen: list[SimRequest] = []
    image = {"type": "input_image", "image_url": "https://example.com/a.png", "detail": "auto"}
    items: list[Any] = [
        {"role": "developer", "content": "Be brief."},
        {"role": "user", "content": [{"type": "input_text", "text": "Look: "}, image]},
        {"type": "reasoning", "id": "rs_1", "summary": []},
        {"type": "message", "role": "assistant", "id": "msg_1", "status": "completed",
         "content": [{"type": "output_text", "text": "Let me see.", "annotations": []}]},
        {"type": "function_call", "call_id": "call_1", "name": "lookup", "arguments": '{"city": "Kiel"}'},
        {"type": "function_call_output", "call_id": "call_1", "output": [{"type": "input_text", "text": "falling"}]},
    ]  # fmt: skip
    named = {"type": "function", "name": "lookup"}
    answer(False, lambda request: seen.append(request), instructions="Be kind.", input=items, tools=[LOOKUP],
           tool_choice=named)  # fmt: skip
    [request] = seen
    assert [message.role for message in request.messages] == [
        "system", "system", "user", "assistant", "assistant", "tool",
    ]  # fmt: skip
    assert (request.messages[2].text, request.messages[2].media) == ("Look: ", ("input_image",))
    assert request.messages[3].text == "Let me see."
    assert request.messages[4].tool_calls[0].name == "lookup"
    assert (request.messages[5].tool_call_id, request.messages[5].text) == ("call_1", "falling")
    assert request.tool_choice == ("tool", "lookup")


def test_other_models_do_not_exist_and_the_key_is_looked_at() -> None:
    with Simulator(models=["one"], api_key="any") as sim:
        assert ask(sim, stream=False, model="one").output_text
        with pytest.raises(openai.NotFoundError, match="'demo' does not exist"):
            ask(sim, stream=False)
    with simulate(api_key="right") as sim, pytest.raises(openai.AuthenticationError):
        ask(sim, stream=True)
