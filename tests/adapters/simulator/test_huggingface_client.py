"""HuggingFace's own client reads what the simulator sends, and the simulator reads what it sends.

It speaks OpenAI's chat format on paths of its own: to servers named by their address, and to the router by way of a
provider. What it would send to the router goes to the simulator here, and a request to anybody else is a failure.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any, cast

import httpx2
import pydantic
import pytest
from huggingface_hub import AsyncInferenceClient, InferenceClient, close_session, set_client_factory
from huggingface_hub.errors import HfHubHTTPError, TextGenerationError
from huggingface_hub.hf_api import InferenceProviderMapping
from huggingface_hub.inference._providers._common import HARDCODED_MODEL_INFERENCE_MAPPING
from huggingface_hub.utils._http import default_client_factory

from tidewire.adapters.schema_check import problems
from tidewire.adapters.simulator import Call, Fail, Reply, Script, Simulator, simulate

USER: list[Any] = [{"role": "user", "content": "What is the tide doing?"}]
CITY: dict[str, Any] = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
LOOKUP: Any = {"type": "function", "function": {"name": "lookup", "parameters": CITY}}
NOW: Any = {"type": "function", "function": {"name": "now", "parameters": {"type": "object"}}}


class Rerouted(httpx2.HTTPTransport):
    """Takes what is meant for the router to the simulator."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._url = httpx2.URL(url)

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        assert request.url.host in ("router.huggingface.co", "127.0.0.1"), request.url
        request.url = request.url.copy_with(scheme="http", host=self._url.host, port=self._url.port)
        return super().handle_request(request)


Ways = Callable[[Simulator], InferenceClient]

#: The ways to name who answers, and the path that the client then takes.
WAYS: dict[str, Ways] = {
    "/v1/chat/completions": lambda sim: InferenceClient(base_url=sim.openai_url, api_key="any"),
    "/models/mine/v1/chat/completions": lambda sim: InferenceClient(model=f"{sim.url}/models/mine"),
    "/v1/chat/completions of the router": lambda sim: InferenceClient("demo", provider="auto", api_key="hf_any"),
    "/together/v1/chat/completions": lambda sim: InferenceClient("demo", provider="together", api_key="hf_any"),
}


@pytest.fixture(autouse=True)
def known_model(monkeypatch: pytest.MonkeyPatch) -> None:
    """The client would ask the Hub which name a model has with a provider."""
    fields: dict[str, Any] = {"providerId": "demo", "hf_model_id": "demo", "task": "conversational", "status": "live"}
    mapping = cast("Any", InferenceProviderMapping)(provider="together", **fields)
    monkeypatch.setitem(HARDCODED_MODEL_INFERENCE_MAPPING, "together", {"demo": mapping})


@contextmanager
def client_of(sim: Simulator, way: Ways = WAYS["/v1/chat/completions"]) -> Generator[Any]:
    set_client_factory(lambda: httpx2.Client(transport=Rerouted(sim.url)))
    try:
        with way(sim) as client:
            yield client
    finally:
        close_session()
        set_client_factory(default_client_factory)


def one_of(chunks: list[Any]) -> Any:  # noqa: ANN401 - as the client's chunks
    """The chunks of a stream as the plain answer that they make."""
    *told, usage = chunks
    choice = told[-1].choices[0]
    deltas = [chunk.choices[0].delta for chunk in told]
    choice.message = deltas[0]
    choice.message.content = "".join(delta.content or "" for delta in deltas)
    calls: dict[int, Any] = {}
    for piece in (piece for delta in deltas for piece in delta.tool_calls or ()):
        if piece.index in calls:
            calls[piece.index].function.arguments += piece.function.arguments
        else:
            calls[piece.index] = piece
    choice.message.tool_calls = list(calls.values())
    usage.choices = [choice]
    return usage


def ask(client: Any, stream: bool, **request: Any) -> Any:  # noqa: ANN401 - its signatures name dicts of no type
    """The answer as the client reads it: plain, or the chunks of a stream put together."""
    if stream:
        options: Any = {"include_usage": True}
        return one_of(list(client.chat_completion(USER, stream=True, stream_options=options, **request)))
    return client.chat_completion(USER, **request)


def answer(stream: bool, script: Script = (), **request: Any) -> Any:  # noqa: ANN401 - any of its forms
    with simulate(script) as sim, client_of(sim) as client:
        return ask(client, stream, **request)


@pytest.fixture(params=[False, True], ids=["plain", "streamed"])
def stream(request: pytest.FixtureRequest) -> bool:
    value: bool = request.param
    return value


# --- answers ---


@pytest.mark.parametrize("path", WAYS)
def test_text_arrives_with_its_usage_whoever_is_named(stream: bool, path: str) -> None:
    with simulate(["Hello, Tide – ü!"]) as sim, client_of(sim, WAYS[path]) as client:
        completion = ask(client, stream)
        assert [request.path for request in sim.requests] == [path.partition(" ")[0]]
    assert completion.choices[0].message.content == "Hello, Tide – ü!"
    assert completion.choices[0].finish_reason == "stop"
    assert (completion.usage.prompt_tokens, completion.usage.completion_tokens, completion.usage.total_tokens) == (
        10, 6, 16,
    )  # fmt: skip


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_the_async_client_reads_the_same_as_the_sync_one(stream: bool) -> None:
    with simulate() as sim:
        client: Any = AsyncInferenceClient(base_url=sim.openai_url, api_key="any")
        async with client:
            if stream:
                options: Any = {"include_usage": True}
                reading = await client.chat_completion(USER, stream=True, stream_options=options, tools=[LOOKUP, NOW])
                one = one_of([chunk async for chunk in reading])
            else:
                one = await client.chat_completion(USER, tools=[LOOKUP, NOW])
        with client_of(sim) as blocking:
            other = ask(blocking, stream, tools=[LOOKUP, NOW])
    assert (one.choices, one.usage) == (other.choices, other.usage)


def test_tools_are_called_with_arguments_that_fit(stream: bool) -> None:
    [call] = answer(stream, tools=[LOOKUP]).choices[0].message.tool_calls
    assert call.function.name == "lookup"
    assert not [*problems(json.loads(call.function.arguments), CITY)]
    choice = answer(stream, tools=[LOOKUP, NOW]).choices[0]
    assert [call.function.name for call in choice.message.tool_calls] == ["lookup", "now"]
    assert choice.finish_reason == "tool_calls"
    named: Any = {"type": "function", "function": {"name": "now"}}
    [call] = answer(stream, tools=[LOOKUP, NOW], tool_choice=named).choices[0].message.tool_calls
    assert call.function.name == "now"


def test_a_result_may_be_sent_back(stream: bool) -> None:
    with simulate([Reply(tool_calls=[Call("now", {})])]) as sim, client_of(sim) as client:
        message = ask(client, stream, tools=[NOW]).choices[0].message
        call = {"id": message.tool_calls[0].id, "type": "function", "function": {"name": "now", "arguments": "{}"}}
        turns: list[Any] = [
            *USER,
            {"role": "assistant", "tool_calls": [call]},
            {"role": "tool", "tool_call_id": call["id"], "content": "falling"},
        ]
        told = client.chat_completion(turns, tools=[NOW]).choices[0].message.content
    assert "now gave back: falling" in (told or "")


def test_reasoning_arrives_where_compatible_servers_put_it() -> None:
    message = answer(False, extra_body={"reasoning_effort": "low"}).choices[0].message
    assert message.reasoning_content


def test_probabilities_arrive_with_each_token() -> None:
    logprobs = answer(False, ["one two"], logprobs=True, top_logprobs=2).choices[0].logprobs
    assert [entry.token for entry in logprobs.content] == ["one", " two"]


class _Level(pydantic.BaseModel):
    metres: float
    rising: bool


@pytest.mark.parametrize("path", WAYS)
def test_structured_output_fits_its_schema_however_it_is_spelled(stream: bool, path: str) -> None:
    schema: dict[str, Any] = {"name": "level", "schema": _Level.model_json_schema()}
    form: Any = {"type": "json_schema", "json_schema": schema}
    with simulate() as sim, client_of(sim, WAYS[path]) as client:
        text = ask(client, stream, response_format=form).choices[0].message.content
    assert isinstance(_Level.model_validate_json(text), _Level)


def test_limits_and_stop_texts_end_the_answer(stream: bool) -> None:
    cut = answer(stream, ["one two three four"], max_tokens=2).choices[0]
    assert (cut.message.content, cut.finish_reason) == ("one two", "length")
    stopped = answer(stream, ["one two three four"], stop=["three"]).choices[0]
    assert (stopped.message.content, stopped.finish_reason) == ("one two ", "stop")


# --- errors ---


@pytest.mark.parametrize("status", [400, 401, 404, 422, 429, 500, 503])
def test_a_failure_is_the_clients_error_of_its_status(stream: bool, status: int) -> None:
    with pytest.raises(HfHubHTTPError, match="told to fail") as caught:
        answer(stream, [Fail(status=status)])
    assert caught.value.response.status_code == status
    assert caught.value.request_id


@pytest.mark.parametrize("after", [0, 2])
def test_an_error_inside_the_stream_is_read_after_what_came_before(after: int) -> None:
    fail = Fail(kind="error", status=500, message="out of order", after_tokens=after, reply=Reply("one two three"))
    texts: list[str] = []
    with simulate([fail]) as sim, client_of(sim) as client:
        with pytest.raises(TextGenerationError, match="out of order"):
            for chunk in client.chat_completion(USER, stream=True):
                texts.append(chunk.choices[0].delta.content or "")
        assert "".join(texts) == ("one two" if after else "")


def test_the_key_is_looked_at_only_when_there_is_one() -> None:
    with simulate(api_key="hf_any") as sim:
        with client_of(sim) as client, pytest.raises(HfHubHTTPError, match="401"):
            ask(client, stream=True)
        with client_of(sim, WAYS["/together/v1/chat/completions"]) as client:
            assert ask(client, stream=False).choices
