"""Ollama's own client reads what the simulator sends, and the simulator reads what it sends."""

from __future__ import annotations

import json
from contextlib import closing
from datetime import datetime
from typing import Any, cast

import httpx
import ollama
import pydantic
import pytest

from tidewire.adapters.schema_check import problems
from tidewire.adapters.simulator import Call, Fail, Reply, Script, SimRequest, Simulator, simulate

USER: list[Any] = [{"role": "user", "content": "What is the tide doing?"}]
CITY: dict[str, Any] = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
LOOKUP: dict[str, Any] = {
    "type": "function",
    "function": {"name": "lookup", "description": "Looks it up.", "parameters": CITY},
}
NOW: dict[str, Any] = {"type": "function", "function": {"name": "now", "parameters": {"type": "object"}}}


def client_of(sim: Simulator, **fields: Any) -> Any:  # noqa: ANN401 - its signatures name functions of no type
    return ollama.Client(sim.ollama_url, **fields)


def one_of(lines: list[ollama.ChatResponse]) -> ollama.ChatResponse:
    """The lines of a stream as the plain answer that they make."""
    whole = lines[-1].model_copy(deep=True)
    messages = [line.message for line in lines]
    whole.message.content = "".join(message.content or "" for message in messages)
    whole.message.thinking = "".join(message.thinking or "" for message in messages) or None
    whole.message.tool_calls = [call for message in messages for call in message.tool_calls or ()] or None
    whole.logprobs = [entry for line in lines for entry in line.logprobs or ()] or None
    return whole


def ask(sim: Simulator, stream: bool, **request: Any) -> ollama.ChatResponse:
    """The answer as Ollama's client reads it: plain, or the lines of a stream put together."""
    request = {"model": "demo", "messages": USER, "stream": stream, **request}
    with closing(client_of(sim)) as client:
        reading = client.chat(**request)
        return one_of(list(reading)) if stream else cast("ollama.ChatResponse", reading)


def answer(stream: bool, script: Script = (), **request: Any) -> ollama.ChatResponse:
    with simulate(script) as sim:
        return ask(sim, stream, **request)


def calls_of(response: ollama.ChatResponse) -> list[tuple[str, dict[str, Any]]]:
    return [(call.function.name, dict(call.function.arguments)) for call in response.message.tool_calls or ()]


def said(response: ollama.ChatResponse) -> dict[str, Any]:
    return response.model_dump(exclude={"created_at"})


def lines_of(script: Script = (), **body: Any) -> list[dict[str, Any]]:
    """The JSON of each line of a stream."""
    with simulate(script) as sim:
        reply = httpx.post(f"{sim.ollama_url}/api/chat", json={"model": "demo", "messages": USER, **body})
    assert reply.headers["content-type"] == "application/x-ndjson"
    assert reply.text.endswith("\n")
    return [json.loads(line) for line in reply.text.splitlines()]


@pytest.fixture(params=[False, True], ids=["plain", "streamed"])
def stream(request: pytest.FixtureRequest) -> bool:
    value: bool = request.param
    return value


# --- answers ---


def test_text_arrives_with_its_usage(stream: bool) -> None:
    response = answer(stream, ["Hello, Tide – ü!"])
    assert (response.message.role, response.message.content) == ("assistant", "Hello, Tide – ü!")
    assert (response.model, response.done, response.done_reason) == ("demo", True, "stop")
    assert (response.prompt_eval_count, response.eval_count) == (10, 6)
    assert datetime.fromisoformat(response.created_at or "").tzinfo is not None
    assert (response.total_duration or 0) > (response.eval_duration or 0) > 0


@pytest.mark.anyio
async def test_the_async_client_reads_the_same_as_the_sync_one(stream: bool) -> None:
    request: dict[str, Any] = {"model": "demo", "messages": USER, "tools": [LOOKUP, NOW], "think": True}
    with simulate() as sim:
        client: Any = ollama.AsyncClient(sim.ollama_url)
        async with client:
            reading = await client.chat(**request, stream=stream)
            one = one_of([line async for line in reading]) if stream else reading
        assert said(one) == said(ask(sim, stream, **request))


def test_a_stream_adds_up_to_the_plain_answer() -> None:
    requests: list[dict[str, Any]] = [{}, {"tools": [LOOKUP, NOW]}, {"think": True}, {"options": {"num_predict": 7}}]
    requests.append({"logprobs": True, "top_logprobs": 2})
    for request in requests:
        assert said(answer(False, **request)) == said(answer(True, **request))


def test_a_single_tool_is_called_with_arguments_that_fit(stream: bool) -> None:
    [(name, args)] = calls_of(answer(stream, tools=[LOOKUP]))
    assert name == "lookup"
    assert not [*problems(args, CITY)]


def test_several_tools_are_called_at_once(stream: bool) -> None:
    assert [name for name, _ in calls_of(answer(stream, tools=[LOOKUP, NOW]))] == ["lookup", "now"]


def test_the_client_describes_functions_and_their_results_may_be_sent_back(stream: bool) -> None:
    def tide(city: str) -> str:
        """Tells the tide.

        Args:
            city: Where.
        """
        return f"falling at {city}"

    with simulate() as sim:
        first = ask(sim, stream, tools=[tide])
        [(name, args)] = calls_of(first)
        result = {"role": "tool", "tool_name": name, "content": tide(**args)}
        told = ask(sim, stream, messages=[*USER, first.message, result], tools=[tide]).message.content
    assert "tide gave back: falling at" in (told or "")


def test_thinking_comes_first_and_only_when_asked_for(stream: bool) -> None:
    response = answer(stream, think="low")
    assert response.message.thinking
    assert response.message.content
    assert answer(stream, think=False).message.thinking is None


def test_probabilities_arrive_with_each_token(stream: bool) -> None:
    response = answer(stream, ["one two"], logprobs=True, top_logprobs=2)
    assert [entry.token for entry in response.logprobs or ()] == ["one", " two"]
    assert all(len(entry.top_logprobs or ()) == 2 and entry.logprob <= 0 for entry in response.logprobs or ())


class _Level(pydantic.BaseModel):
    metres: float
    rising: bool


def test_structured_output_fits_its_schema(stream: bool) -> None:
    text = answer(stream, format=_Level.model_json_schema()).message.content
    assert isinstance(_Level.model_validate_json(text or ""), _Level)
    assert isinstance(json.loads(answer(stream, format="json").message.content or ""), dict)
    assert "stand-in" in (answer(stream, format="").message.content or "")


def test_limits_and_stop_texts_end_the_answer(stream: bool) -> None:
    cut = answer(stream, ["one two three four"], options={"num_predict": 2})
    assert (cut.message.content, cut.done_reason) == ("one two", "length")
    assert answer(stream, ["one two"], options={"num_predict": -1}).message.content == "one two"
    stopped = answer(stream, ["one two three four"], options={"stop": ["three"]})
    assert (stopped.message.content, stopped.done_reason) == ("one two ", "stop")
    with simulate(["one two"]) as sim:
        body = {"model": "demo", "messages": USER, "stream": False, "options": {"stop": "two"}}
        assert httpx.post(f"{sim.ollama_url}/api/chat", json=body).json()["message"]["content"] == "one "


def test_a_call_that_cannot_be_read_stays_in_the_text(stream: bool) -> None:
    response = answer(stream, [Reply(tool_calls=[Call("now", '{"a": ')])])
    assert (response.message.content, calls_of(response)) == ('{"a": ', [])


def test_an_empty_answer_is_empty(stream: bool) -> None:
    assert answer(stream, [Reply()]).message.content == ""


# --- the stream's grammar ---


def test_each_line_is_a_piece_and_the_last_one_says_that_it_is() -> None:
    one, two, last = lines_of(["one two"])
    assert [line["message"]["content"] for line in (one, two, last)] == ["one", " two", ""]
    assert [line["done"] for line in (one, two, last)] == [False, False, True]
    assert not {"done_reason", "eval_count"} & one.keys()


def test_calls_come_whole_with_ids_and_places() -> None:
    lines = lines_of([Reply(reasoning="Hm.", tool_calls=[Call("now", {"zone": "CET"}), Call("now", {}, id="c_2")])])
    thought, first, second = lines[0], lines[-3], lines[-2]
    assert thought["message"] == {"role": "assistant", "content": "", "thinking": "Hm"}
    assert first["message"]["tool_calls"][0]["function"] == {"index": 0, "name": "now", "arguments": {"zone": "CET"}}
    assert second["message"]["tool_calls"] == [{"id": "c_2", "function": {"index": 1, "name": "now", "arguments": {}}}]


# --- errors ---


@pytest.mark.parametrize("status", [400, 401, 404, 429, 500, 503])
def test_a_failure_is_the_clients_error_of_its_status(stream: bool, status: int) -> None:
    with pytest.raises(ollama.ResponseError) as caught:
        answer(stream, [Fail(status=status)])
    assert caught.value.status_code == status
    assert caught.value.error == f"The simulator was told to fail with status {status}."


@pytest.mark.parametrize("after", [0, 2])
def test_an_error_inside_the_stream_is_read_after_what_came_before(after: int) -> None:
    fail = Fail(kind="error", message="out of memory", after_tokens=after, reply=Reply("one two three"))
    texts: list[str] = []
    with simulate([fail]) as sim, closing(client_of(sim)) as client:
        with pytest.raises(ollama.ResponseError, match="out of memory"):
            for line in client.chat(model="demo", messages=USER, stream=True):
                texts.append(line.message.content or "")
        assert "".join(texts) == ("one two" if after else "")


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"model": ""}, "model is required"),
    ({"messages": []}, "conversation is empty"),
    ({"messages": "hello"}, "messages is an array"),
    ({"messages": [{"role": "pilot", "content": "x"}]}, "invalid role: 'pilot'"),
    ({"messages": [{"role": "assistant", "tool_calls": [{"function": {"name": "x", "arguments": "{}"}}]}]}, "object"),
    ({"messages": [{"role": "assistant", "tool_calls": [{}]}]}, "wrong shape"),
    ({"tools": [{"type": "custom"}]}, "type 'function'"),
    ({"options": {"num_predict": 0}}, "at least 1"),
    ({"options": {"num_predict": "many"}}, "max_tokens"),
    ({"format": "xml"}, "invalid format"),
]


@pytest.mark.parametrize(("fields", "says"), WRONG)
def test_a_wrong_request_is_refused_with_the_reason(fields: dict[str, Any], says: str) -> None:
    with simulate() as sim:
        reply = httpx.post(f"{sim.ollama_url}/api/chat", json={"model": "demo", "messages": USER, **fields})
    assert reply.status_code == 400
    assert says in reply.json()["error"]


# --- requests ---


def test_a_whole_conversation_is_read() -> None:
    seen: list[SimRequest] = []
    call = {"function": {"name": "lookup", "arguments": {"city": "Kiel"}}}
    turns: list[Any] = [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": "Look: ", "images": [b"x"]},
        {"role": "assistant", "content": "", "thinking": "Hm.", "tool_calls": [call, call]},
        {"role": "tool", "tool_name": "lookup", "content": "falling"},
        {"role": "tool", "tool_name": "lookup", "content": "rising"},
    ]
    answer(False, lambda request: seen.append(request), messages=turns, tools=[LOOKUP], options={"seed": 5})
    [request] = seen
    assert [message.role for message in request.messages] == ["system", "user", "assistant", "tool", "tool"]
    assert (request.messages[1].text, request.messages[1].media) == ("Look: ", ("images",))
    calls = request.messages[2].tool_calls
    assert [call.args for call in calls] == [{"city": "Kiel"}] * 2
    assert [message.tool_call_id for message in request.messages[3:]] == [call.id for call in calls]
    assert len({call.id for call in calls}) == 2
    assert (request.seed, request.stream) == (5, False)


def test_the_models_are_listed_and_others_do_not_exist() -> None:
    with Simulator(models=["one", "two"]) as sim:
        with closing(client_of(sim)) as client:
            assert [model.model for model in client.list().models] == ["one", "two"]
        with pytest.raises(ollama.ResponseError, match="'demo' does not exist"):
            ask(sim, stream=False)


def test_the_key_is_looked_at_only_when_there_is_one() -> None:
    with simulate(api_key="right") as sim:
        with pytest.raises(ollama.ResponseError, match="401"):
            ask(sim, stream=True)
        with closing(client_of(sim, headers={"Authorization": "Bearer right"})) as client:
            assert client.chat(model="demo", messages=USER).message.content
