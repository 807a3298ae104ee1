"""OpenAI's own client reads what the simulator sends, and the simulator reads what it sends."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, cast

import httpx
import openai
import pydantic
import pytest
from openai.types.chat import ChatCompletion, ChatCompletionMessageFunctionToolCall
from openai.types.chat.chat_completion import Choice

from tidewire.adapters.schema_check import problems
from tidewire.adapters.simulator import Call, Fail, Reply, Script, SimRequest, Simulator, simulate
from tidewire.events.types import Usage

USER: list[Any] = [{"role": "user", "content": "What is the tide doing?"}]
CITY = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
LOOKUP: Any = {"type": "function", "function": {"name": "lookup", "parameters": CITY}}
NOW: Any = {"type": "function", "function": {"name": "now"}}


def ask(sim: Simulator, stream: bool, **request: Any) -> ChatCompletion:
    """The answer as OpenAI's client reads it: plain, or put together from a stream by the client itself."""
    request = {"model": "demo", "messages": USER, **request}
    with openai.OpenAI(base_url=sim.openai_url, api_key="any", max_retries=0) as client:
        if not stream:
            return cast("ChatCompletion", client.chat.completions.create(**request))
        with client.chat.completions.stream(**request, stream_options={"include_usage": True}) as reading:
            try:
                return reading.get_final_completion()
            except (
                openai.LengthFinishReasonError
            ) as error:  # the stream's helper takes an answer that was cut for a failure
                return error.completion


async def ask_async(sim: Simulator, stream: bool, **request: Any) -> ChatCompletion:
    request = {"model": "demo", "messages": USER, **request}
    async with openai.AsyncOpenAI(base_url=sim.openai_url, api_key="any", max_retries=0) as client:
        if not stream:
            return cast("ChatCompletion", await client.chat.completions.create(**request))
        async with client.chat.completions.stream(**request, stream_options={"include_usage": True}) as reading:
            return await reading.get_final_completion()


def answer(stream: bool, script: Script = (), **request: Any) -> ChatCompletion:
    with simulate(script) as sim:
        return ask(sim, stream, **request)


def calls_of(choice: Choice) -> list[ChatCompletionMessageFunctionToolCall]:
    calls = choice.message.tool_calls or []
    return [call for call in calls if isinstance(call, ChatCompletionMessageFunctionToolCall)]


def chunks_of(script: Script = (), **request: Any) -> list[Any]:
    """The data of each event of a stream."""
    body = {"model": "demo", "messages": USER, "stream": True, **request}
    with simulate(script) as sim:
        reply = httpx.post(f"{sim.openai_url}/chat/completions", json=body)
    assert reply.headers["content-type"] == "text/event-stream; charset=utf-8"
    events = reply.text.removesuffix("\n\n").split("\n\n")
    assert all(event.startswith("data: ") for event in events)
    assert events.pop() == "data: [DONE]"
    return [json.loads(event.removeprefix("data: ")) for event in events]


@pytest.fixture(params=[False, True], ids=["plain", "streamed"])
def stream(request: pytest.FixtureRequest) -> bool:
    value: bool = request.param
    return value


# --- answers ---


def test_text_arrives_with_its_usage(stream: bool) -> None:
    completion = answer(stream, ["Hello, Tide – ü!"])
    [choice] = completion.choices
    assert choice.message.content == "Hello, Tide – ü!"
    assert choice.message.role == "assistant"
    assert choice.finish_reason == "stop"
    assert completion.id.startswith("chatcmpl-")
    assert completion.model == "demo"
    assert completion.usage is not None
    assert completion.usage.completion_tokens == 6
    assert completion.usage.total_tokens == completion.usage.prompt_tokens + 6


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])  # OpenAI's client leaves generators behind, of which trio warns
async def test_the_async_client_reads_the_same_as_the_sync_one(stream: bool) -> None:
    with simulate() as sim:
        one = await ask_async(sim, stream, tools=[LOOKUP, NOW], seed=3)
        other = ask(sim, stream, tools=[LOOKUP, NOW], seed=3)
    assert one.choices == other.choices
    assert one.usage == other.usage


def test_a_stream_adds_up_to_the_plain_answer() -> None:
    requests: list[dict[str, Any]] = [
        {},
        {"tools": [LOOKUP, NOW]},
        {"logprobs": True, "top_logprobs": 2},
        {"max_tokens": 7},
    ]
    for request in requests:
        plain, streamed = answer(False, **request), answer(True, **request)
        assert plain.usage == streamed.usage
        assert plain.id == streamed.id
        one, other = plain.choices[0], streamed.choices[0]
        assert (one.finish_reason, one.message.content) == (other.finish_reason, other.message.content)
        assert [(call.id, call.function.arguments) for call in calls_of(one)] == [
            (call.id, call.function.arguments) for call in calls_of(other)
        ]
        assert (one.logprobs and one.logprobs.content) == (other.logprobs and other.logprobs.content)


def test_a_single_tool_is_called_with_arguments_that_fit(stream: bool) -> None:
    choice = answer(stream, tools=[LOOKUP]).choices[0]
    [call] = calls_of(choice)
    assert call.function.name == "lookup"
    assert not [*problems(json.loads(call.function.arguments), CITY)]
    assert choice.finish_reason == "tool_calls"
    assert choice.message.content is None


def test_tools_are_called_in_parallel(stream: bool) -> None:
    calls = calls_of(answer(stream, tools=[LOOKUP, NOW]).choices[0])
    assert [call.function.name for call in calls] == ["lookup", "now"]
    assert len({call.id for call in calls}) == 2
    assert len(calls_of(answer(stream, tools=[LOOKUP, NOW], parallel_tool_calls=False).choices[0])) == 1


def test_text_may_come_before_a_tool_call(stream: bool) -> None:
    choice = answer(stream, [Reply("Let me see.", tool_calls=[Call("now", {}, id="call_9")])]).choices[0]
    assert choice.message.content == "Let me see."
    assert [call.id for call in calls_of(choice)] == ["call_9"]


def test_reasoning_arrives_where_compatible_servers_put_it_and_is_counted() -> None:
    completion = answer(False, reasoning_effort="low")
    assert completion.choices[0].message.model_extra is not None
    thought = completion.choices[0].message.model_extra["reasoning_content"]
    assert completion.usage is not None
    assert completion.usage.completion_tokens_details is not None
    assert completion.usage.completion_tokens_details.reasoning_tokens
    pieces = [chunk["choices"][0]["delta"].get("reasoning_content", "") for chunk in chunks_of(reasoning_effort="low")]
    assert "".join(pieces) == thought
    assert answer(False, model="demo-reasoning").choices[0].message.model_extra


def test_probabilities_arrive_with_each_token(stream: bool) -> None:
    choice = answer(stream, ["one two"], logprobs=True, top_logprobs=2).choices[0]
    assert choice.logprobs is not None
    entries = choice.logprobs.content or []
    assert [entry.token for entry in entries] == ["one", " two"]
    assert all(len(entry.top_logprobs) == 2 and entry.logprob <= 0 for entry in entries)


class _Level(pydantic.BaseModel):
    metres: float
    rising: bool


def test_the_clients_own_parser_reads_structured_output() -> None:
    with simulate() as sim, openai.OpenAI(base_url=sim.openai_url, api_key="any") as client:
        parsed = client.chat.completions.parse(model="demo", messages=USER, response_format=_Level)
        assert isinstance(parsed.choices[0].message.parsed, _Level)
    content = answer(False, response_format={"type": "json_object"}).choices[0].message.content
    assert isinstance(json.loads(content or ""), dict)
    assert "stand-in" in (answer(False, response_format={"type": "text"}).choices[0].message.content or "")


def test_limits_and_stop_texts_end_the_answer(stream: bool) -> None:
    script = ["one two three four"]
    cut = answer(stream, script, max_completion_tokens=2).choices[0]
    assert (cut.message.content, cut.finish_reason) == ("one two", "length")
    assert answer(stream, script, max_tokens=1).choices[0].message.content == "one"
    stopped = answer(stream, script, stop=["three"]).choices[0]
    assert (stopped.message.content, stopped.finish_reason) == ("one two ", "stop")
    assert answer(stream, script, stop="two").choices[0].message.content == "one "


def test_a_refusal_has_a_place_of_its_own(stream: bool) -> None:
    message = answer(stream, [Reply("I will not.", finish="refusal")]).choices[0].message
    assert message.refusal == "I will not."
    assert not message.content


def test_several_choices_are_the_same_answer_several_times(stream: bool) -> None:
    completion = answer(stream, ["Hello!"], n=3)
    assert [(choice.index, choice.message.content) for choice in completion.choices] == [
        (index, "Hello!") for index in range(3)
    ]
    assert completion.usage is not None
    assert completion.usage.completion_tokens == 6


def test_an_empty_answer_is_empty(stream: bool) -> None:
    assert answer(stream, [Reply()]).choices[0].message.content == ""


def test_scripted_usage_is_reported_as_it_is() -> None:
    usage = Usage(input_tokens=10, output_tokens=4, total_tokens=14, cache_read=6, reasoning=2, input_audio=1)
    reported = answer(False, [Reply("x", usage=usage)]).usage
    assert reported is not None
    assert reported.prompt_tokens_details is not None
    assert reported.completion_tokens_details is not None
    assert (reported.prompt_tokens, reported.prompt_tokens_details.cached_tokens) == (10, 6)
    assert reported.prompt_tokens_details.audio_tokens == 1
    assert reported.completion_tokens_details.reasoning_tokens == 2


# --- the stream's grammar ---


def test_chunks_come_in_the_order_that_the_api_documents() -> None:
    chunks = chunks_of(["one two"], stream_options={"include_usage": True})
    first, *_, finish, usage = chunks
    assert first["choices"][0]["delta"] == {"role": "assistant", "content": "", "refusal": None}
    assert [chunk["choices"][0]["finish_reason"] for chunk in chunks[:-1]] == [None, None, None, "stop"]
    assert finish["choices"][0]["delta"] == {}
    assert usage["choices"] == []
    assert usage["usage"]["completion_tokens"] == 2
    assert [chunk["usage"] for chunk in chunks[:-1]] == [None] * 4
    assert len({chunk["id"] for chunk in chunks}) == 1
    assert all(chunk["object"] == "chat.completion.chunk" for chunk in chunks)


def test_usage_comes_only_when_asked_for() -> None:
    assert not any("usage" in chunk for chunk in chunks_of(["one two"]))


def test_a_tool_call_names_itself_once_and_then_sends_arguments() -> None:
    chunks = chunks_of(tools=[LOOKUP, NOW])
    pieces = [call for chunk in chunks for call in chunk["choices"][0]["delta"].get("tool_calls", ())]
    named = [piece for piece in pieces if "id" in piece]
    assert [(piece["index"], piece["function"]["name"]) for piece in named] == [(0, "lookup"), (1, "now")]
    assert all(piece["function"].keys() == {"arguments"} for piece in pieces if "id" not in piece)
    assert chunks[0]["choices"][0]["delta"]["content"] is None


# --- errors ---


@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [
        (400, openai.BadRequestError, None),
        (401, openai.AuthenticationError, "invalid_api_key"),
        (403, openai.PermissionDeniedError, "unsupported_country_region_territory"),
        (404, openai.NotFoundError, "model_not_found"),
        (422, openai.UnprocessableEntityError, None),
        (429, openai.RateLimitError, "rate_limit_exceeded"),
        (500, openai.InternalServerError, None),
        (503, openai.InternalServerError, "server_is_overloaded"),
        (529, openai.InternalServerError, None),
    ],
)
def test_a_failure_is_the_clients_error_of_its_status(
    stream: bool, status: int, kind: type[openai.APIStatusError], code: str | None
) -> None:
    with pytest.raises(kind, match="told to fail") as caught:
        answer(stream, [Fail(status=status, retry_after_s=1.5)])
    assert type(caught.value) is kind
    assert caught.value.code == code
    assert caught.value.request_id
    assert caught.value.response.headers["retry-after"] == "2"
    assert caught.value.response.headers["retry-after-ms"] == "1500"


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])  # OpenAI's client leaves generators behind, of which trio warns
async def test_the_async_client_gets_the_same_errors(stream: bool) -> None:
    with (
        simulate([Fail(status=429, code="insufficient_quota", message="no credit")]) as sim,
        pytest.raises(openai.RateLimitError, match="no credit") as caught,
    ):
        await ask_async(sim, stream)
    assert (caught.value.code, caught.value.type) == ("insufficient_quota", "insufficient_quota")


@pytest.mark.parametrize("after", [0, 2])
def test_an_error_inside_the_stream_is_read_after_what_came_before(after: int) -> None:
    fail = Fail(kind="error", status=500, message="out of order", after_tokens=after, reply=Reply("one two three"))
    said: list[str] = []
    with simulate([fail]) as sim, openai.OpenAI(base_url=sim.openai_url, api_key="any") as client:
        with pytest.raises(openai.APIError, match="out of order"):
            said.extend(_texts(client, USER))
        assert "".join(said) == ("one two" if after else "")


def _texts(client: openai.OpenAI, messages: list[Any]) -> Iterator[str]:
    for chunk in client.chat.completions.create(model="demo", messages=messages, stream=True):
        yield chunk.choices[0].delta.content or ""


def test_a_client_that_tries_again_gets_the_next_entry_of_the_script(stream: bool) -> None:
    with simulate([Fail(status=429, retry_after_s=0.001), "there"]) as sim:
        with openai.OpenAI(base_url=sim.openai_url, api_key="any", max_retries=1) as client:
            completion = client.chat.completions.create(model="demo", messages=USER)
        assert completion.choices[0].message.content == "there"
        assert len(sim.requests) == 2


@pytest.mark.parametrize(
    ("request_fields", "says"),
    [
        ({"messages": "hello"}, "must be an array"),
        ({"messages": []}, "conversation is empty"),
        ({"messages": [{"role": "pilot", "content": "x"}]}, "one of the roles"),
        ({"messages": [{"role": "user", "content": None}]}, "must not be null"),
        ({"messages": [{"role": "user", "content": [{"text": "no type"}]}]}, "wrong shape"),
        ({"model": None}, "you must provide a model"),
        ({"max_tokens": 0}, "at least 1"),
        ({"max_tokens": "many"}, "max_tokens"),
        ({"tools": [{"type": "custom", "custom": {"name": "x"}}]}, "type 'function'"),
        ({"tools": [{"type": "function"}]}, "wrong shape"),
        ({"tool_choice": "required"}, "there is none"),
        ({"tools": [NOW], "tool_choice": {"type": "function", "function": {"name": "other"}}}, "'other'"),
        ({"tool_choice": {"type": "allowed_tools"}}, "not simulated"),
        ({"response_format": {"type": "xml"}}, "'xml' does not exist"),
    ],
)
def test_a_wrong_request_is_refused_with_the_reason(request_fields: dict[str, Any], says: str) -> None:
    with pytest.raises(openai.BadRequestError, match=says):
        answer(False, **request_fields)


# --- requests ---


def test_a_whole_conversation_is_read() -> None:
    seen: list[SimRequest] = []
    image = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}
    call = {"id": "call_1", "type": "function", "function": {"name": "lookup", "arguments": '{"city": "Kiel"}'}}
    messages = [
        {"role": "developer", "content": "Be kind."},
        {"role": "user", "content": [{"type": "text", "text": "Look: "}, image]},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_1", "content": "falling"},
    ]
    choice = {"type": "function", "function": {"name": "lookup"}}
    answer(False, lambda request: seen.append(request), messages=messages, tools=[LOOKUP], tool_choice=choice, seed=5)
    [request] = seen
    assert [message.role for message in request.messages] == ["system", "user", "assistant", "tool"]
    assert (request.messages[1].text, request.messages[1].media) == ("Look: ", ("image_url",))
    assert request.messages[2].tool_calls[0].name == "lookup"
    assert request.messages[3].tool_call_id == "call_1"
    assert request.tool_choice == ("tool", "lookup")
    assert (request.seed, request.stream) == (5, False)


def test_the_models_are_listed_and_others_do_not_exist() -> None:
    with Simulator(models=["one", "two"]) as sim:
        with openai.OpenAI(base_url=sim.openai_url, api_key="any") as client:
            assert [model.id for model in client.models.list()] == ["one", "two"]
        with pytest.raises(openai.NotFoundError, match="'demo' does not exist"):
            ask(sim, stream=False)
        assert ask(sim, stream=False, model="two").choices


def test_the_key_is_looked_at_only_when_there_is_one() -> None:
    with simulate(api_key="right") as sim:
        with pytest.raises(openai.AuthenticationError):
            ask(sim, stream=False)
        with openai.OpenAI(base_url=sim.openai_url, api_key="right") as client:
            assert client.chat.completions.create(model="demo", messages=USER).choices
