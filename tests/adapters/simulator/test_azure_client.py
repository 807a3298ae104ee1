"""OpenAI's own client for Azure reads what the simulator sends, and the simulator reads what it sends."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import httpx
import openai
import pytest
from openai.types.chat import ChatCompletion
from openai.types.responses import Response

from tidewire.adapters.simulator import Fail, Reply, Script, Simulator, simulate

USER: list[Any] = [{"role": "user", "content": "What is the tide doing?"}]
NOW: Any = {"type": "function", "function": {"name": "now"}}
LOOKUP: Any = {"type": "function", "function": {"name": "lookup"}}
VERSION = "2025-04-01-preview"
SAFE = {"filtered": False, "severity": "safe"}


def by_deployment(sim: Simulator, **fields: Any) -> openai.OpenAI:
    """The client for paths with a version, and a deployment in them."""
    given: dict[str, Any] = {
        "azure_endpoint": sim.azure_url,
        "api_key": "any",
        "api_version": VERSION,
        "max_retries": 0,
        **fields,
    }
    return openai.AzureOpenAI(**given)


def by_v1(sim: Simulator, **fields: Any) -> openai.OpenAI:
    """The client for the newer paths, which is OpenAI's usual one."""
    given: dict[str, Any] = {"base_url": f"{sim.azure_url}/openai/v1", "api_key": "any", "max_retries": 0, **fields}
    return openai.OpenAI(**given)


Client = Callable[..., openai.OpenAI]


@pytest.fixture(params=[by_deployment, by_v1], ids=["by deployment", "v1"])
def client(request: pytest.FixtureRequest) -> Client:
    made: Client = request.param
    return made


@pytest.fixture(params=[False, True], ids=["plain", "streamed"])
def stream(request: pytest.FixtureRequest) -> bool:
    value: bool = request.param
    return value


def chat(client: Client, stream: bool, script: Script = (), **request: Any) -> ChatCompletion:
    with simulate(script) as sim, client(sim) as azure:
        if not stream:
            return cast("ChatCompletion", azure.chat.completions.create(model="demo", messages=USER, **request))
        options: Any = {"include_usage": True}
        with azure.chat.completions.stream(model="demo", messages=USER, stream_options=options, **request) as reading:
            return reading.get_final_completion()


def respond(client: Client, stream: bool, script: Script = (), **request: Any) -> Response:
    with simulate(script) as sim, client(sim) as azure:
        if not stream:
            return cast("Response", azure.responses.create(model="demo", input=USER, **request))
        with azure.responses.stream(model="demo", input=USER, **request) as reading:
            return reading.get_final_response()


# --- chat ---


def test_chat_answers_with_its_usage(client: Client, stream: bool) -> None:
    completion = chat(client, stream, ["Hello, Tide – ü!"])
    assert completion.choices[0].message.content == "Hello, Tide – ü!"
    assert (completion.model, completion.choices[0].finish_reason) == ("demo", "stop")
    assert completion.usage is not None
    assert completion.usage.completion_tokens == 6


def test_chat_calls_tools(client: Client, stream: bool) -> None:
    calls = chat(client, stream, tools=[LOOKUP, NOW]).choices[0].message.tool_calls or []
    assert [call.function.name for call in calls if call.type == "function"] == ["lookup", "now"]


def test_the_deployment_is_in_the_path_with_a_version_in_the_query() -> None:
    with simulate() as sim, by_deployment(sim, azure_deployment="mine") as azure:
        assert azure.chat.completions.create(model="any", messages=USER).model == "mine"
        azure.responses.create(model="other", input=USER)
    first, second = sim.requests
    assert (first.path, first.query) == ("/openai/deployments/mine/chat/completions", {"api-version": VERSION})
    assert (second.path, second.query) == ("/openai/responses", {"api-version": VERSION})
    assert first.headers["api-key"] == "any"


def test_what_the_filters_found_stands_beside_each_choice(client: Client) -> None:
    completion = chat(client, False, ["Hello!"])
    assert completion.choices[0].model_extra is not None
    assert completion.choices[0].model_extra["content_filter_results"]["hate"] == SAFE
    assert completion.model_extra is not None
    [prompt] = completion.model_extra["prompt_filter_results"]
    assert prompt["content_filter_results"]["jailbreak"] == {"filtered": False, "detected": False}


def test_a_streamed_completion_begins_with_what_was_found_in_the_prompt(client: Client) -> None:
    with simulate([Reply("one two", finish="content_filter")]) as sim, client(sim) as azure:
        first, role, *content, finish = azure.chat.completions.create(model="demo", messages=USER, stream=True)
    assert (first.choices, first.id, first.model) == ([], "", "")
    assert first.model_extra is not None
    assert first.model_extra["prompt_filter_results"][0]["content_filter_results"]["violence"] == SAFE
    found = [chunk.choices[0].model_extra for chunk in (role, *content, finish)]
    results = [extra["content_filter_results"] for extra in found if extra is not None]
    assert [sorted(result) for result in results[1:3]] == [["hate", "self_harm", "sexual", "violence"]] * 2
    assert results[0] == {}
    assert finish.choices[0].finish_reason == "content_filter"
    assert results[3]["violence"] == {"filtered": True, "severity": "high"}


# --- responses ---


def test_responses_answers_with_its_usage_and_what_the_filters_found(client: Client, stream: bool) -> None:
    response = respond(client, stream, ["Hello, Tide – ü!"])
    assert (response.output_text, response.status) == ("Hello, Tide – ü!", "completed")
    assert response.usage is not None
    assert response.usage.output_tokens == 6
    assert response.model_extra is not None
    assert [found["source_type"] for found in response.model_extra["content_filters"]] == ["prompt", "completion"]


def test_responses_calls_tools_and_reasons(client: Client, stream: bool) -> None:
    tools = [{"type": "function", "name": name, "parameters": {"type": "object"}} for name in ("lookup", "now")]
    response = respond(client, stream, tools=tools, reasoning={"effort": "low", "summary": "auto"})
    assert [item.type for item in response.output] == ["reasoning", "function_call", "function_call"]


def test_a_filtered_response_says_so(client: Client) -> None:
    response = respond(client, False, [Reply("one", finish="content_filter")])
    assert response.model_extra is not None
    assert [found["blocked"] for found in response.model_extra["content_filters"]] == [False, True]


# --- errors ---


@pytest.mark.parametrize("answer", [chat, respond])
@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [
        (400, openai.BadRequestError, None),
        (401, openai.AuthenticationError, "401"),
        (404, openai.NotFoundError, "DeploymentNotFound"),
        (429, openai.RateLimitError, "429"),
        (500, openai.InternalServerError, "500"),
    ],
)
def test_a_failure_is_the_clients_error_of_its_status(
    client: Client, answer: Callable[..., Any], status: int, kind: type[openai.APIStatusError], code: str | None
) -> None:
    with pytest.raises(kind, match="told to fail") as caught:
        answer(client, True, [Fail(status=status, retry_after_s=1.5)])
    assert caught.value.code == code
    assert caught.value.response.headers["apim-request-id"]
    assert caught.value.response.headers["retry-after-ms"] == "1500"
    if code is not None:
        assert caught.value.body == {"code": code, "message": f"The simulator was told to fail with status {status}."}


def test_a_blocked_prompt_says_what_was_found(client: Client) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        chat(client, False, [Fail(status=400, code="content_filter", message="blocked")])
    body: Any = caught.value.body
    assert (body["code"], body["param"], body["status"]) == ("content_filter", "prompt", 400)
    assert body["innererror"]["code"] == "ResponsibleAIPolicyViolation"
    assert body["innererror"]["content_filter_result"]["violence"]["filtered"] is True


def test_an_error_inside_a_stream_is_read_after_what_came_before(client: Client) -> None:
    fail = Fail(kind="error", status=500, message="out of order", after_tokens=2, reply=Reply("one two three"))
    texts: list[str] = []
    with simulate([fail]) as sim, client(sim) as azure, pytest.raises(openai.APIError, match="out of order"):
        for chunk in azure.chat.completions.create(model="demo", messages=USER, stream=True):
            texts.extend(choice.delta.content or "" for choice in chunk.choices)
    assert "".join(texts) == "one two"


@pytest.mark.parametrize("path", ["/openai/deployments/demo/chat/completions", "/openai/responses", "/openai/nowhere"])
def test_a_path_without_a_version_does_not_exist(path: str) -> None:
    with simulate() as sim:
        reply = httpx.post(f"{sim.azure_url}{path}", json={"model": "demo", "messages": USER, "input": USER})
    assert reply.status_code == 404
    assert reply.json()["error"].keys() == {"code", "message"}


def test_the_key_is_that_of_the_resource_or_the_token_of_an_identity() -> None:
    with simulate(api_key="right") as sim:
        with by_deployment(sim) as azure, pytest.raises(openai.AuthenticationError):
            azure.responses.create(model="demo", input=USER)
        identity: dict[str, Any] = {"api_key": None, "azure_ad_token_provider": lambda: "right"}
        for azure in (by_deployment(sim, api_key="right"), by_deployment(sim, **identity), by_v1(sim, api_key="right")):
            with azure:
                assert azure.chat.completions.create(model="demo", messages=USER).choices


def test_the_models_are_listed(client: Client) -> None:
    with Simulator(models=["one", "two"]) as sim, client(sim) as azure:
        assert [model.id for model in azure.models.list()] == ["one", "two"]
