"""Azure OpenAI: where it is asked and how it is paid, judged by the Azure client of OpenAI's package."""

from __future__ import annotations

import json
from typing import Any

import httpx
import openai
import pytest

from tidewire import AzureChatOpenAI, ChatModel, init_chat_model
from tidewire.adapters.azure import ADAPTER, ENDPOINT_ENV, KEY_ENV, TOKEN_ENV, VERSION_ENV, AzureCodec
from tidewire.adapters.secrets import Secret
from tidewire.adapters.spec import HttpRequest, ModelRequest, NativeTool
from tidewire.events.errors import ConfigurationError, ContentFilterError, NotFoundError
from tidewire.events.messages import AIMessage, HumanMessage
from tidewire.events.types import Meta

ENDPOINT = "https://mine.openai.azure.com"
DATED = "2024-10-21"
REASONED: dict[str, Any] = {"type": "reasoning", "reasoning": "hm"}


@pytest.fixture(autouse=True)
def _nothing_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (ENDPOINT_ENV, KEY_ENV, TOKEN_ENV, VERSION_ENV, "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)


def encode(model: ChatModel, **fields: Any) -> HttpRequest:
    settings = model.settings
    given: dict[str, Any] = {"parameters": settings.parameters, "stream": False, **fields}
    request = ModelRequest(settings.model, [HumanMessage("Hi")], settings.base_url, **given)
    codec, request = settings.adapter.choose(request)
    return codec.encode(request)


async def sent(model: ChatModel, **fields: Any) -> HttpRequest:
    return await model.settings.credentials.apply(encode(model, **fields))


def shown(request: HttpRequest) -> dict[str, str]:
    return {name: text.reveal() if isinstance(text, Secret) else text for name, text in request.headers.items()}


def official(*, responses: bool = False, base: type[Any] = openai.AzureOpenAI, **options: Any) -> httpx.Request:
    """The request of OpenAI's own client."""
    requests: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return httpx.Response(404, json={"error": {"message": "no"}})

    with httpx.Client(transport=httpx.MockTransport(answer)) as http_client:
        client = base(http_client=http_client, max_retries=0, **options)
        with pytest.raises(openai.NotFoundError):
            if responses:
                client.responses.create(model="gpt-5", input=[{"role": "user", "content": "Hi"}])
            else:
                client.chat.completions.create(
                    model="gpt-5", messages=[{"role": "user", "content": "Hi"}], max_completion_tokens=9
                )
    return requests[0]


# ---------------------------------------------------------------- where


async def test_a_dated_version_is_asked_at_the_deployment() -> None:
    model = AzureChatOpenAI("gpt-5", azure_endpoint=f"{ENDPOINT}/", api_version=DATED, api_key="k", max_tokens=9)
    ours = await sent(model)
    theirs = official(azure_endpoint=ENDPOINT, api_version=DATED, api_key="k")
    assert ours.url == str(theirs.url)
    assert ours.url == f"{ENDPOINT}/openai/deployments/gpt-5/chat/completions?api-version={DATED}"
    assert json.loads(ours.body) == json.loads(theirs.content)
    assert shown(ours)["api-key"] == theirs.headers["api-key"] == "k"
    assert "authorization" not in ours.headers


def test_a_deployment_may_be_called_otherwise_than_the_model() -> None:
    model = AzureChatOpenAI("gpt-5", azure_endpoint=ENDPOINT, api_version=DATED, azure_deployment="my gpt/5")
    ours = encode(model)
    assert ours.url == f"{ENDPOINT}/openai/deployments/my%20gpt%2F5/chat/completions?api-version={DATED}"
    assert json.loads(ours.body)["model"] == "my gpt/5"


def test_without_a_version_the_v1_api_is_asked() -> None:
    ours = encode(AzureChatOpenAI("gpt-5", azure_endpoint=ENDPOINT, azure_deployment="mine", max_tokens=9))
    theirs = official(base=openai.OpenAI, base_url=f"{ENDPOINT}/openai/v1", api_key="k")
    assert ours.url == str(theirs.url) == f"{ENDPOINT}/openai/v1/chat/completions"
    assert json.loads(ours.body) == {**json.loads(theirs.content), "model": "mine"}


@pytest.mark.parametrize(("version", "query"), [("v1", ""), ("preview", "?api-version=preview")])
def test_a_version_may_name_the_v1_api(version: str, query: str) -> None:
    ours = encode(AzureChatOpenAI("m", azure_endpoint=ENDPOINT, api_version=version))
    assert ours.url == f"{ENDPOINT}/openai/v1/chat/completions{query}"


@pytest.mark.parametrize(
    ("base_url", "version", "url"),
    [
        (f"{ENDPOINT}/openai/v1/", None, f"{ENDPOINT}/openai/v1/chat/completions"),
        (f"{ENDPOINT}/openai/v1", DATED, f"{ENDPOINT}/openai/v1/chat/completions"),
        (f"{ENDPOINT}/openai/v1", "latest", f"{ENDPOINT}/openai/v1/chat/completions?api-version=latest"),
        (
            f"{ENDPOINT}/openai/deployments/d",
            DATED,
            f"{ENDPOINT}/openai/deployments/d/chat/completions?api-version={DATED}",
        ),
        (
            "https://mine.services.ai.azure.com/models",
            "2024-05-01-preview",
            "https://mine.services.ai.azure.com/models/chat/completions?api-version=2024-05-01-preview",
        ),
        ("http://gate/azure", None, "http://gate/azure/chat/completions"),
    ],
)
def test_a_base_url_is_taken_as_it_is(base_url: str, version: str | None, url: str) -> None:
    assert encode(AzureChatOpenAI("m", base_url=base_url, api_version=version)).url == url
    assert encode(AzureChatOpenAI("m", openai_api_base=base_url, openai_api_version=version)).url == url


@pytest.mark.parametrize("endpoint", [f"{ENDPOINT}/openai", f"{ENDPOINT}/openai/v1/"])
def test_an_endpoint_that_leads_into_an_api_is_not_led_there_twice(endpoint: str) -> None:
    url = encode(AzureChatOpenAI("m", azure_endpoint=endpoint)).url
    assert url == f"{ENDPOINT}/openai/v1/chat/completions"


async def test_the_environment_says_where_and_with_what(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ENDPOINT_ENV, ENDPOINT)
    monkeypatch.setenv(VERSION_ENV, DATED)
    monkeypatch.setenv(KEY_ENV, "k1")
    found = init_chat_model("azure_openai:gpt-4.1", azure_deployment="mine")
    request = encode(found)
    assert request.url == f"{ENDPOINT}/openai/deployments/mine/chat/completions?api-version={DATED}"
    assert shown(await found.settings.credentials.apply(request))["api-key"] == "k1"


def test_no_endpoint_is_told_at_the_first_request() -> None:
    model = AzureChatOpenAI("m")
    with pytest.raises(
        ConfigurationError, match=rf"pass azure_endpoint=…, or set the environment variable {ENDPOINT_ENV}"
    ):
        encode(model)


def test_two_addresses_are_one_too_many() -> None:
    with pytest.raises(ConfigurationError, match="azure_endpoint and base_url exclude each other"):
        AzureChatOpenAI("m", azure_endpoint=ENDPOINT, base_url="http://gate")
    with pytest.raises(ConfigurationError, match="'deployment_name' and 'azure_deployment' are two names"):
        AzureChatOpenAI("m", azure_deployment="a", deployment_name="b")


def test_the_limit_of_the_answer_has_its_older_name_in_older_versions() -> None:
    def field(version: str | None) -> str:
        model = AzureChatOpenAI("m", azure_endpoint=ENDPOINT, api_version=version, max_tokens=9)
        body: dict[str, Any] = json.loads(encode(model).body)
        return next(name for name, value in body.items() if value == 9)

    assert [field(version) for version in ("2024-02-01", "2024-08-01-preview")] == ["max_tokens"] * 2
    assert [field(version) for version in ("2024-09-01-preview", DATED, "v1", None)] == ["max_completion_tokens"] * 4


# ---------------------------------------------------------------- how it is paid


async def test_a_token_of_microsoft_entra_pays_as_a_bearer() -> None:
    theirs = official(azure_endpoint=ENDPOINT, api_version=DATED, azure_ad_token="t")
    ours = await sent(AzureChatOpenAI("gpt-5", azure_endpoint=ENDPOINT, api_version=DATED, azure_ad_token="t"))
    assert shown(ours)["authorization"] == theirs.headers["authorization"] == "Bearer t"
    assert "api-key" not in ours.headers


async def test_tokens_are_asked_for_anew_sync_or_async() -> None:
    numbers = iter("123456789")

    async def fetch() -> str:
        return f"a{next(numbers)}"

    for provider, expected in ((lambda: f"s{next(numbers)}", ["s1", "s2"]), (fetch, ["a3", "a4"])):
        model = AzureChatOpenAI("m", azure_endpoint=ENDPOINT, azure_ad_token_provider=provider)
        found = [shown(await sent(model))["authorization"] for _ in range(2)]
        assert found == [f"Bearer {token}" for token in expected]


async def test_the_environment_may_hold_a_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(TOKEN_ENV, "t")
    assert shown(await sent(AzureChatOpenAI("m", azure_endpoint=ENDPOINT)))["authorization"] == "Bearer t"
    with_key = await sent(AzureChatOpenAI("m", azure_endpoint=ENDPOINT, openai_api_key="k"))
    assert shown(with_key)["api-key"] == "k"
    monkeypatch.setenv(KEY_ENV, "k2")  # a key counts more
    assert shown(await sent(AzureChatOpenAI("m", azure_endpoint=ENDPOINT)))["api-key"] == "k2"


def test_one_of_them_pays() -> None:
    for payers in ({"api_key": "k", "azure_ad_token": "t"}, {"azure_ad_token": "t", "azure_ad_token_provider": str}):
        with pytest.raises(ConfigurationError, match="exclude each other: a request is paid by one"):
            AzureChatOpenAI("m", **payers)


async def test_a_missing_key_is_told_at_the_first_request() -> None:
    with pytest.raises(ConfigurationError, match=rf"no API key for azure_openai: .* variable {KEY_ENV}"):
        await sent(AzureChatOpenAI("m", azure_endpoint=ENDPOINT))


# ---------------------------------------------------------------- both APIs


def test_the_responses_api_is_asked_where_the_official_client_asks() -> None:
    model = AzureChatOpenAI("gpt-5", azure_endpoint=ENDPOINT, api_version=DATED, use_responses_api=True)
    theirs = official(responses=True, azure_endpoint=ENDPOINT, api_version=DATED, api_key="k")
    assert encode(model).url == str(theirs.url) == f"{ENDPOINT}/openai/responses?api-version={DATED}"
    newer = AzureChatOpenAI("gpt-5", azure_endpoint=ENDPOINT, azure_deployment="mine")
    found = encode(newer, tools=(NativeTool({"type": "web_search"}),))
    assert found.url == f"{ENDPOINT}/openai/v1/responses"
    assert json.loads(found.body)["model"] == "mine"
    assert encode(AzureChatOpenAI("gpt-5-codex", azure_endpoint=ENDPOINT)).url == f"{ENDPOINT}/openai/v1/responses"


def test_a_codec_is_the_one_within_at_another_address() -> None:
    chat, responses = ADAPTER.codecs
    assert isinstance(chat, AzureCodec)
    assert (chat.name, responses.name) == ("openai.chat", "openai.responses")
    assert {"max_tokens", "reasoning_effort"} <= chat.parameters
    assert chat.request_id({"apim-request-id": "a", "x-request-id": "x"}) == "a"
    assert chat.request_id({"x-request-id": "x"}) == "x"
    decoder = chat.decoder(streamed=True)
    assert list(decoder.feed(b'data: {"choices":[{"delta":{"content":"Hi"},"finish_reason":"stop"}]}\n\n'))


def test_reasoning_has_no_place_in_chat_completions_whoever_made_it() -> None:
    def warnings(maker: str) -> list[str]:
        history = AIMessage([REASONED, {"type": "text", "text": "x"}], response_metadata={"model_provider": maker})
        request = ModelRequest("m", [history], f"{ENDPOINT}/openai")
        return [warning.text.rpartition(": ")[2] for warning in ADAPTER.codec.encode(request).warnings]

    assert warnings("azure_openai") == ["azure_openai takes none back"]
    assert warnings("anthropic") == ["it belongs to anthropic"]


# ---------------------------------------------------------------- refusals


def test_what_the_content_filter_stops_is_an_error_of_its_own() -> None:
    body = {
        "error": {
            "message": "The prompt triggered Azure OpenAI's content management policy.",
            "type": None,
            "param": "prompt",
            "code": "content_filter",
            "status": 400,
            "innererror": {
                "code": "ResponsibleAIPolicyViolation",
                "content_filter_result": {"violence": {"filtered": True, "severity": "medium"}},
            },
        }
    }
    error = ADAPTER.codec.error(400, {"apim-request-id": "r1"}, json.dumps(body).encode())
    assert isinstance(error, ContentFilterError)
    assert (error.provider_code, error.status_code) == ("content_filter", 400)
    assert '"violence"' in error.body


def test_a_deployment_that_is_not_there_is_not_found() -> None:
    body = b'{"error":{"code":"DeploymentNotFound","message":"The API deployment for this resource does not exist."}}'
    error = ADAPTER.codec.error(404, {}, body)
    assert isinstance(error, NotFoundError)
    assert error.provider_code == "DeploymentNotFound"


def test_what_the_content_filter_saw_is_kept() -> None:
    seen = {"hate": {"filtered": False, "severity": "safe"}}
    frames: list[dict[str, Any]] = [
        {"choices": [], "prompt_filter_results": [{"prompt_index": 0, "content_filter_results": seen}]},
        {"choices": [{"delta": {"content": "Hi"}, "content_filter_results": seen, "index": 0}]},
        {"choices": [{"delta": {}, "finish_reason": "stop", "content_filter_results": {}, "index": 0}]},
    ]
    decoder = ADAPTER.codec.decoder(streamed=True)
    data = b"".join(b"data: " + json.dumps(frame).encode() + b"\n\n" for frame in frames) + b"data: [DONE]\n\n"
    told = [event.data for event in decoder.feed(data) if isinstance(event, Meta)]
    assert {"prompt_filter_results": frames[0]["prompt_filter_results"]} in told
    assert {"content_filter_results": seen} in told
