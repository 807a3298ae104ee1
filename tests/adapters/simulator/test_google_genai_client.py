"""Google's own client reads what the simulator sends, and the simulator reads what it sends."""

from __future__ import annotations

import json
from typing import Any, cast

import httpx
import pydantic
import pytest
from google import genai
from google.genai import errors, types
from google.oauth2.credentials import Credentials

from tidewire.adapters.schema_check import problems
from tidewire.adapters.simulator import Call, Fail, Reply, Script, SimRequest, Simulator, simulate
from tidewire.events.types import Usage

USER = "What is the tide doing?"
CITY: dict[str, Any] = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
LOOKUP = {"name": "lookup", "description": "Looks it up.", "parameters_json_schema": CITY}
NOW = {"name": "now"}
THINKING: dict[str, Any] = {"thinking_config": {"include_thoughts": True}}


def tools(*declarations: dict[str, Any], **more: Any) -> dict[str, Any]:
    """The part of a config that declares these functions."""
    return {"tools": [{"function_declarations": list(declarations)}], **more}


def options_for(sim: Simulator) -> types.HttpOptions:
    # Certificates are not needed here, and loading them takes longer than a test.
    return types.HttpOptions(base_url=sim.google_url, client_args={"verify": False})


def client_of(sim: Simulator, key: str = "any") -> genai.Client:
    return genai.Client(api_key=key, http_options=options_for(sim))


def vertex_client_of(sim: Simulator, token: str = "any") -> genai.Client:
    return genai.Client(
        enterprise=True,
        project="mine",
        location="global",
        credentials=cast("Any", Credentials)(token=token),  # google-auth has no types
        http_options=options_for(sim),
    )


def one_of(chunks: list[types.GenerateContentResponse]) -> types.GenerateContentResponse:
    """Chunks put together: pieces of text that follow each other are one, as in a plain answer."""
    parts: list[types.Part] = []
    for chunk in chunks:
        for part in parts_of(chunk):
            last = parts[-1] if parts else None
            if last is not None and part.text is not None and last.text is not None and last.thought == part.thought:
                last.text += part.text
                last.thought_signature = part.thought_signature or last.thought_signature
            elif part.text != "" or part.thought_signature or not parts:
                parts.append(part)
    whole = chunks[-1]
    if whole.candidates and whole.candidates[0].content is not None:
        whole.candidates[0].content.parts = parts
    return whole


def ask(client: genai.Client, stream: bool, contents: object = USER, **config: Any) -> types.GenerateContentResponse:
    """The answer as Google's client reads it: plain, or the chunks of a stream put together."""
    models: Any = client.models  # its signatures name types of PIL, which is not here
    fields: dict[str, Any] = {"model": "demo", "contents": contents, "config": config}
    with client:
        if not stream:
            return cast("types.GenerateContentResponse", models.generate_content(**fields))
        return one_of(list(models.generate_content_stream(**fields)))


def answer(stream: bool, script: Script = (), contents: object = USER, **config: Any) -> types.GenerateContentResponse:
    with simulate(script) as sim:
        return ask(client_of(sim), stream, contents, **config)


def candidate_of(response: types.GenerateContentResponse) -> types.Candidate:
    assert response.candidates
    return response.candidates[0]


def parts_of(response: types.GenerateContentResponse) -> list[types.Part]:
    content = response.candidates[0].content if response.candidates else None
    return list((content and content.parts) or ())


def text_of(response: types.GenerateContentResponse) -> str:
    return "".join(part.text or "" for part in parts_of(response) if not part.thought)


def calls_of(response: types.GenerateContentResponse) -> list[types.FunctionCall]:
    return [part.function_call for part in parts_of(response) if part.function_call is not None]


def usage_of(response: types.GenerateContentResponse) -> types.GenerateContentResponseUsageMetadata:
    assert response.usage_metadata is not None
    return response.usage_metadata


def said(response: types.GenerateContentResponse) -> dict[str, Any]:
    return response.model_dump(exclude={"sdk_http_response", "automatic_function_calling_history"}, exclude_none=True)


def chunks_of(script: Script = (), **body: Any) -> list[dict[str, Any]]:
    """The data of each event of a stream."""
    with simulate(script) as sim:
        reply = httpx.post(
            f"{sim.google_url}/v1beta/models/demo:streamGenerateContent?alt=sse",
            json={"contents": [{"parts": [{"text": USER}]}], **body},
        )
    assert reply.headers["content-type"] == "text/event-stream"
    events = reply.text.removesuffix("\r\n\r\n").split("\r\n\r\n")
    assert all(event.startswith("data: ") for event in events)
    return [json.loads(event.removeprefix("data: ")) for event in events]


@pytest.fixture(params=[False, True], ids=["plain", "streamed"])
def stream(request: pytest.FixtureRequest) -> bool:
    value: bool = request.param
    return value


# --- answers ---


def test_text_arrives_with_its_usage(stream: bool) -> None:
    response = answer(stream, ["Hello, Tide – ü!"])
    assert text_of(response) == "Hello, Tide – ü!"
    assert candidate_of(response).finish_reason == types.FinishReason.STOP
    assert response.model_version == "demo"
    assert response.response_id
    usage = usage_of(response)
    assert (usage.prompt_token_count, usage.candidates_token_count, usage.total_token_count) == (10, 6, 16)
    assert usage.thoughts_token_count is None


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.filterwarnings("ignore:Inheritance class:DeprecationWarning")  # Google's client and aiohttp disagree
async def test_the_async_client_reads_the_same_as_the_sync_one(stream: bool) -> None:
    config = types.GenerateContentConfig(**tools(LOOKUP, NOW), **THINKING)
    with simulate() as sim:
        client = client_of(sim)
        models: Any = client.aio.models
        async with client.aio:
            if stream:
                reading = await models.generate_content_stream(model="demo", contents=USER, config=config)
                one = one_of([chunk async for chunk in reading])
            else:
                one = await models.generate_content(model="demo", contents=USER, config=config)
        assert said(one) == said(ask(client_of(sim), stream, **tools(LOOKUP, NOW), **THINKING))


def test_a_stream_adds_up_to_the_plain_answer() -> None:
    configs = [{}, tools(LOOKUP, NOW), THINKING, {**tools(NOW), **THINKING}, {"max_output_tokens": 7}]
    for config in configs:
        with simulate() as sim:
            assert said(ask(client_of(sim), False, **config)) == said(ask(client_of(sim), True, **config))


def test_vertex_ai_answers_on_its_own_path(stream: bool) -> None:
    with simulate(["Hello!"]) as sim:
        assert text_of(ask(vertex_client_of(sim), stream)) == "Hello!"
        [request] = sim.requests
    method = "streamGenerateContent" if stream else "generateContent"
    assert request.path.endswith(f"/projects/mine/locations/global/publishers/google/models/demo:{method}")
    assert request.headers["authorization"] == "Bearer any"


def test_a_single_tool_is_called_without_an_id_and_with_arguments_that_fit(stream: bool) -> None:
    response = answer(stream, **tools(LOOKUP))
    [call] = calls_of(response)
    assert (call.name, call.id) == ("lookup", None)
    assert not [*problems(call.args, CITY)]
    assert candidate_of(response).finish_reason == types.FinishReason.STOP


def test_a_schema_in_googles_dialect_is_read() -> None:
    fields = types.Schema(
        type=types.Type.OBJECT,
        required=["days", "place"],
        properties={
            "days": types.Schema(type=types.Type.ARRAY, min_items=2, items=types.Schema(type=types.Type.INTEGER)),
            "place": types.Schema(any_of=[types.Schema(type=types.Type.STRING, enum=["quay"])]),
            "note": types.Schema(type=types.Type.STRING, nullable=True, max_length=5),
        },
    )
    [call] = calls_of(answer(False, **tools({"name": "plan", "parameters": fields})))
    assert call.args is not None
    assert len(call.args["days"]) >= 2
    assert call.args["place"] == "quay"


def test_several_tools_are_called_at_once(stream: bool) -> None:
    assert [call.name for call in calls_of(answer(stream, **tools(LOOKUP, NOW)))] == ["lookup", "now"]

    def choose(mode: str, *names: str) -> list[str | None]:
        calling = {"mode": mode, "allowed_function_names": list(names) or None}
        config = tools(LOOKUP, NOW, tool_config={"function_calling_config": calling})
        return [call.name for call in calls_of(answer(stream, **config))]

    assert choose("ANY", "now") == ["now"]
    assert choose("ANY", "now", "lookup") == ["lookup", "now"]
    assert choose("NONE") == []
    assert choose("VALIDATED") == ["lookup", "now"]


def test_thoughts_come_first_and_are_counted_apart(stream: bool) -> None:
    response = answer(stream, **THINKING)
    thought, text = parts_of(response)
    assert thought.thought
    assert thought.text
    assert not text.thought
    assert text.thought_signature
    usage = usage_of(response)
    assert usage.thoughts_token_count
    assert usage.total_token_count == sum(
        count or 0 for count in (usage.prompt_token_count, usage.candidates_token_count, usage.thoughts_token_count)
    )
    assert len(parts_of(answer(stream, thinking_config={"include_thoughts": True, "thinking_budget": 0}))) == 1


def test_the_first_call_carries_the_signature_and_both_may_be_sent_back(stream: bool) -> None:
    with simulate() as sim:
        first = ask(client_of(sim), stream, **tools(LOOKUP, NOW), **THINKING)
        signed = [bool(part.thought_signature) for part in parts_of(first)]
        assert signed == [False, True, False]
        results = [
            types.Part.from_function_response(name=call.name or "", response={"result": f"from {call.name}"})
            for call in calls_of(first)
        ]
        turns = [types.Content(role="user", parts=[types.Part(text=USER)]), candidate_of(first).content,
                 types.Content(role="user", parts=results)]  # fmt: skip
        told = text_of(ask(client_of(sim), stream, turns, **tools(LOOKUP, NOW)))
    assert "lookup gave back: from lookup" in told
    assert "now gave back: from now" in told


def test_the_client_calls_the_functions_by_itself() -> None:
    def tide(city: str) -> str:
        """Tells the tide."""
        return f"falling at {city or 'sea'}"

    assert "tide gave back: falling at" in text_of(answer(False, tools=[tide]))


class _Level(pydantic.BaseModel):
    metres: float
    rising: bool


def test_the_clients_own_parser_reads_structured_output() -> None:
    asked: dict[str, Any] = {"response_mime_type": "application/json"}
    assert isinstance(answer(False, response_schema=_Level, **asked).parsed, _Level)
    streamed = text_of(answer(True, response_json_schema=_Level.model_json_schema(), **asked))
    assert isinstance(_Level.model_validate_json(streamed), _Level)
    assert isinstance(json.loads(text_of(answer(False, **asked))), dict)


def test_limits_and_stop_texts_end_the_answer(stream: bool) -> None:
    cut = answer(stream, ["one two three four"], max_output_tokens=2)
    assert (text_of(cut), candidate_of(cut).finish_reason) == ("one two", types.FinishReason.MAX_TOKENS)
    stopped = answer(stream, ["one two three four"], stop_sequences=["three"])
    assert (text_of(stopped), candidate_of(stopped).finish_reason) == ("one two ", types.FinishReason.STOP)


def test_a_call_that_cannot_be_read_is_malformed_and_one_that_was_cut_is_left_out(stream: bool) -> None:
    broken = answer(stream, [Reply(tool_calls=[Call("now", '{"a": ')])])
    assert candidate_of(broken).finish_reason == types.FinishReason.MALFORMED_FUNCTION_CALL
    cut = answer(stream, [Reply(tool_calls=[Call("now", {"a": 1})])], max_output_tokens=2)
    assert (calls_of(cut), candidate_of(cut).finish_reason) == ([], types.FinishReason.MAX_TOKENS)


def test_a_malformed_call_says_why() -> None:
    *_, last = chunks_of([Reply(tool_calls=[Call("now", '{"a": ')])])
    assert "not valid JSON" in last["candidates"][0]["finishMessage"]


def test_what_is_not_let_through_says_why(stream: bool) -> None:
    blocked = answer(stream, [Reply(finish="content_filter")])
    assert blocked.candidates is None
    assert blocked.prompt_feedback is not None
    assert blocked.prompt_feedback.block_reason == types.BlockedReason.SAFETY
    assert (
        candidate_of(answer(stream, [Reply("x", finish="content_filter")])).finish_reason == types.FinishReason.SAFETY
    )


def test_probabilities_arrive_with_each_token() -> None:
    for chunks in (False, True):
        response = answer(chunks, ["one"], response_logprobs=True, logprobs=2)
        if chunks:
            with simulate(["one"]) as sim, client_of(sim) as client:
                models: Any = client.models
                config = {"response_logprobs": True, "logprobs": 2}
                response = next(models.generate_content_stream(model="demo", contents=USER, config=config))
        result = candidate_of(response).logprobs_result
        assert result is not None
        assert [one.token for one in result.chosen_candidates or ()] == ["one"]
        assert [len(top.candidates or ()) for top in result.top_candidates or ()] == [2]
        assert (candidate_of(response).avg_logprobs or 1) <= 0


def test_several_candidates_are_the_same_answer_several_times() -> None:
    response = answer(False, ["Hello!"], candidate_count=2)
    assert [(one.index, one.content and one.content.parts) for one in response.candidates or ()] == [
        (index, [types.Part(text="Hello!")]) for index in range(2)
    ]
    assert usage_of(response).candidates_token_count == 4


def test_an_empty_answer_is_empty(stream: bool) -> None:
    assert text_of(answer(stream, [Reply()])) == ""


def test_scripted_usage_is_reported_as_it_is(stream: bool) -> None:
    usage = Usage(input_tokens=10, output_tokens=4, total_tokens=14, cache_read=6, reasoning=3, input_audio=2)
    reported = usage_of(answer(stream, [Reply("x", usage=usage)]))
    assert (reported.prompt_token_count, reported.cached_content_token_count) == (10, 6)
    assert (reported.candidates_token_count, reported.thoughts_token_count) == (1, 3)
    assert [one.token_count for one in reported.prompt_tokens_details or ()] == [8, 2]


# --- the stream's grammar ---


def test_each_chunk_is_a_response_with_the_usage_so_far() -> None:
    one, two, last = chunks_of(["one two"])
    assert [chunk["usageMetadata"]["candidatesTokenCount"] for chunk in (one, two, last)] == [1, 2, 2]
    assert one["candidates"] == [{"content": {"parts": [{"text": "one"}], "role": "model"}, "index": 0}]
    assert last["candidates"][0]["finishReason"] == "STOP"
    assert len({chunk["responseId"] for chunk in (one, two, last)}) == 1


def test_a_call_comes_whole_and_the_signature_of_a_text_at_its_end() -> None:
    chunks = chunks_of([Reply(reasoning="Hm.", tool_calls=[Call("now", {"zone": "CET"})])])
    assert chunks[-2]["candidates"][0]["content"]["parts"][0]["functionCall"] == {
        "name": "now",
        "args": {"zone": "CET"},
    }
    *_, last = chunks_of([Reply("Hi.", reasoning="Hm.")])
    [part] = last["candidates"][0]["content"]["parts"]
    assert (part["text"], bool(part["thoughtSignature"])) == ("", True)


# --- errors ---


@pytest.mark.parametrize(
    ("status", "kind", "word"),
    [
        (400, errors.ClientError, "INVALID_ARGUMENT"),
        (401, errors.ClientError, "UNAUTHENTICATED"),
        (403, errors.ClientError, "PERMISSION_DENIED"),
        (404, errors.ClientError, "NOT_FOUND"),
        (429, errors.ClientError, "RESOURCE_EXHAUSTED"),
        (500, errors.ServerError, "INTERNAL"),
        (503, errors.ServerError, "UNAVAILABLE"),
        (504, errors.ServerError, "DEADLINE_EXCEEDED"),
    ],
)
def test_a_failure_is_the_clients_error_of_its_status(
    stream: bool, status: int, kind: type[errors.APIError], word: str
) -> None:
    with pytest.raises(kind) as caught:
        answer(stream, [Fail(status=status, retry_after_s=1.5)])
    assert (caught.value.code, caught.value.status) == (status, word)
    assert caught.value.message == f"The simulator was told to fail with status {status}."
    details: Any = getattr(caught.value, "details")  # noqa: B009 - its type is not known
    [retry] = details["error"]["details"]
    assert retry == {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "1.5s"}


@pytest.mark.parametrize("after", [0, 2])
def test_an_error_inside_the_stream_is_read_after_what_came_before(after: int) -> None:
    fail = Fail(kind="error", status=503, message="too busy", after_tokens=after, reply=Reply("one two three"))
    texts: list[str] = []
    with simulate([fail]) as sim, client_of(sim) as client, pytest.raises(errors.ServerError, match="too busy"):
        models: Any = client.models
        for chunk in models.generate_content_stream(model="demo", contents=USER):
            texts.append(chunk.text)
    assert "".join(texts) == ("one two" if after else "")


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"contents": None}, "contents is not specified"),
    ({"contents": []}, "conversation is empty"),
    ({"contents": [{"role": "pilot", "parts": [{"text": "x"}]}]}, "valid role"),
    ({"contents": [{"parts": 3}]}, "'parts'"),
    ({"contents": [{"parts": [{"functionResponse": {}}]}]}, "wrong shape"),
    ({"tools": [{"googleSearch": {}}]}, "only functions"),
    ({"toolConfig": {"functionCallingConfig": {"mode": "SOME"}}}, "'SOME'"),
    ({"toolConfig": {"functionCallingConfig": {"mode": "ANY"}}}, "there is none"),
    ({"generationConfig": {"maxOutputTokens": 0}}, "at least 1"),
    ({"generationConfig": {"max_output_tokens": "many"}}, "max_tokens"),
]


@pytest.mark.parametrize(("fields", "says"), WRONG)
def test_a_wrong_request_is_refused_with_the_reason(fields: dict[str, Any], says: str) -> None:
    body = {"contents": [{"parts": [{"text": USER}]}], **fields}
    with simulate() as sim:
        reply = httpx.post(f"{sim.google_url}/v1beta/models/demo:generateContent", json=body)
    assert reply.status_code == 400
    assert says in reply.json()["error"]["message"]


def test_only_streams_of_events_are_simulated() -> None:
    with simulate() as sim:
        reply = httpx.post(f"{sim.google_url}/v1beta/models/demo:streamGenerateContent", json={"contents": []})
    assert "alt=sse" in reply.json()["error"]["message"]


# --- requests ---


def test_a_whole_conversation_is_read() -> None:
    seen: list[SimRequest] = []
    image = types.Part.from_bytes(data=b"x", mime_type="image/png")
    call = types.Part(function_call=types.FunctionCall(name="lookup", args={"city": "Kiel"}))
    failed = types.Part.from_function_response(name="lookup", response={"error": "no"})
    found = types.Part.from_function_response(name="lookup", response={"cm": 3})
    turns = [
        types.Content(role="user", parts=[types.Part(text="Look: "), image]),
        types.Content(role="model", parts=[types.Part(text="Hm.", thought=True), call, call]),
        types.Content(role="user", parts=[failed, found, types.Part(text="And?")]),
    ]
    answer(False, lambda request: seen.append(request), turns, system_instruction="Be kind.", seed=5, **tools(LOOKUP))
    [request] = seen
    assert [message.role for message in request.messages] == ["system", "user", "assistant", "tool", "tool", "user"]
    assert request.messages[0].text == "Be kind."
    assert (request.messages[1].text, request.messages[1].media) == ("Look: ", ("inlineData",))
    calls = request.messages[2].tool_calls
    assert (request.messages[2].text, [call.args for call in calls]) == ("", [{"city": "Kiel"}] * 2)
    assert [message.tool_call_id for message in request.messages[3:5]] == [call.id for call in calls]
    assert len({call.id for call in calls}) == 2
    assert (request.messages[3].text, request.messages[3].failed) == ("no", True)
    assert (request.messages[4].text, request.messages[4].failed) == ('{"cm":3}', False)
    assert request.messages[5].text == "And?"
    assert request.seed == 5


def test_the_models_are_listed_and_others_do_not_exist() -> None:
    with Simulator(models=["one", "two"]) as sim:
        with client_of(sim) as client:
            assert [model.name for model in client.models.list()] == ["models/one", "models/two"]
        with pytest.raises(errors.ClientError, match="'demo' does not exist"):
            ask(client_of(sim), stream=False)


def test_the_key_is_looked_at_only_when_there_is_one() -> None:
    with simulate(api_key="right") as sim:
        with pytest.raises(errors.ClientError, match="UNAUTHENTICATED"):
            ask(client_of(sim), stream=True)
        for client in (client_of(sim, "right"), vertex_client_of(sim, "right")):
            assert text_of(ask(client, stream=False))
