"""A key is seen nowhere but on the wire: whoever it is for, however it was given, and however the call ends."""

from __future__ import annotations

import base64
import copy
import json
import pickle
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from pydantic import SecretStr

from tests.adapters.raw_server import Peer, RawServer
from tests.adapters.recording_kit import WRITTEN
from tests.security.looked_at import frames, look_at
from tidewire import ChatModel, ChatOpenAI, init_chat_model
from tidewire.adapters.aiohttp_transport import AiohttpTransport
from tidewire.adapters.httpx_transport import HttpxTransport
from tidewire.adapters.registry import find_adapter, provider_names
from tidewire.adapters.replay_transport import Exchange, ReplayResponse, ReplayTransport
from tidewire.adapters.secrets import Secret
from tidewire.adapters.spec import HttpRequest
from tidewire.adapters.transport_errors import system_error
from tidewire.adapters.transport_settings import TransportSettings, wire_headers
from tidewire.caches import SQLiteCache
from tidewire.events.errors import (
    APIConnectionError,
    APITimeoutError,
    BadRequestError,
    ConfigurationError,
    TidewireError,
)
from tidewire.events.messages import AIMessage

#: Stands in every key; whatever shows it shows a key.
MARK = "Zq7mArK9f3xW"
KEY = f"sk-proj/{MARK}+tail="
PLAIN = f"sk-{MARK}-tail"

EXTRA: Mapping[str, dict[str, str]] = {
    "azure_openai": {"azure_endpoint": "https://north.openai.azure.com"},
    "bedrock": {"region_name": "us-east-1"},
    "bedrock_converse": {"region_name": "us-east-1"},
    "google_vertexai": {"location": "us-central1"},
    "snowflake": {"account": "north"},
    "litellm": {"base_url": "http://127.0.0.1:4000"},
}
PROVIDERS = [name for name in provider_names() if name != "embedded"]
HEADERS = {"x-request-id", "request-id", "x-amzn-requestid", "apim-request-id"}

#: An answer of each wire format: the folder, and the names of one that is streamed and one that is not.
ANSWERS = {
    "anthropic": ("anthropic", "text", None),
    "bedrock_converse": ("bedrock", "converse_text", "converse_plain_text"),
    "google_genai": ("google_genai", "gemini_text", "gemini_text_plain"),
    "ollama": ("ollama", "text", None),
    "openai": ("openai", "text-stream", "text-plain"),
}


class Echo:
    """A transport behind which somebody says back all that was sent, in every spelling."""

    def __init__(self, status: int = 401, body: str = '{{"error": {{"message": "{}", "code": "no_key"}}}}') -> None:
        self.status = status
        self.body = body
        self.requests: list[HttpRequest] = []

    async def open(self, request: HttpRequest, *, connect_timeout_s: float | None = None) -> ReplayResponse:
        self.requests.append(request)
        sent = [value for value in wire_headers(request.headers).values() if MARK in value]
        sent += [part for value in sent for part in value.split(" ")[1:]]
        said = [spelled for value in sent for spelled in (value, quote(value), quote(value, safe=""))]
        text = json.dumps(" ".join(said)).strip('"')
        body = self.body.format(f"wrong: {text}, {'x' * 700} {sent[-1] if sent else ''}")
        headers = dict.fromkeys((*HEADERS, "x-echo"), sent[-1] if sent else "") | {"content-type": "application/json"}
        if self.body.startswith("data:"):
            headers["content-type"] = "text/event-stream"
        return await ReplayTransport(Exchange(body=body.encode(), status=self.status, headers=headers)).open(request)

    async def aclose(self) -> None:
        """Nothing to close."""


class Recorded(Echo):
    """Says back in its headers what was sent, and then answers."""

    def __init__(self, body: bytes, headers: Mapping[str, str], *, broken: bool = False) -> None:
        super().__init__()
        self.exchange = Exchange(body=body, headers=headers, break_at=len(body) // 2 if broken else None)

    async def open(self, request: HttpRequest, *, connect_timeout_s: float | None = None) -> ReplayResponse:
        self.requests.append(request)
        echo = next(value for value in wire_headers(request.headers).values() if MARK in value)
        headers = {**(self.exchange.headers or {}), **dict.fromkeys((*HEADERS, "x-echo"), echo)}
        answer = Exchange(body=self.exchange.body, headers=headers, break_at=self.exchange.break_at)
        return await ReplayTransport(answer).open(request)


class Failing(Echo):
    """Raises what a transport may raise."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error

    async def open(self, request: HttpRequest, *, connect_timeout_s: float | None = None) -> ReplayResponse:
        self.requests.append(request)
        raise self.error


def model_of(provider: str, transport: Echo, **keywords: Any) -> ChatModel:
    given = {**EXTRA.get(provider, {}), **keywords}
    return init_chat_model(f"{provider}:some-model", transport=transport, max_retries=0, **given)


def was_sent(transport: Echo) -> bool:
    """Whether the key is where it belongs; signatures are made from theirs."""
    (request, *_) = transport.requests
    told = f"{wire_headers(request.headers)} {request.url}"
    for value in wire_headers(request.headers).values():
        if value.startswith("Basic "):
            told += base64.b64decode(value[6:]).decode()
    return MARK in told


def assert_unseen(seen: str) -> None:
    """The key stands nowhere; else tells where, in a few words."""
    places = [seen[max(place.start() - 150, 0) : place.end() + 40] for place in re.finditer(MARK, seen)]
    assert places[:3] == []


class GoogleLike:
    """Credentials as google-auth has them."""

    token = KEY
    valid = True

    def refresh(self, request: object) -> None:
        """They never end."""


async def given_later() -> str:
    return KEY


#: Every place where a key can be given, and whether it goes on the wire as it is.
WAYS: dict[str, tuple[str, Callable[[], dict[str, Any]], bool]] = {
    "text": ("openai", lambda: {"api_key": KEY}, True),
    "line feed": ("openai", lambda: {"api_key": f"{KEY}\r\n"}, True),
    "Secret": ("openai", lambda: {"api_key": Secret(KEY)}, True),
    "SecretStr": ("openai", lambda: {"api_key": SecretStr(KEY)}, True),
    "function": ("openai", lambda: {"api_key": lambda: KEY}, True),
    "function of SecretStr": ("openai", lambda: {"api_key": lambda: SecretStr(KEY)}, True),
    "async function": ("openai", lambda: {"api_key": given_later}, True),
    "the provider's name": ("anthropic", lambda: {"anthropic_api_key": KEY}, True),
    "google": ("google_genai", lambda: {"gemini_api_key": KEY}, True),
    "huggingface": ("huggingface", lambda: {"huggingfacehub_api_token": SecretStr(KEY)}, True),
    "azure token": ("azure_openai", lambda: {"azure_ad_token": SecretStr(KEY)}, True),
    "azure token provider": ("azure_openai", lambda: {"azure_ad_token_provider": given_later}, True),
    "vertex token": ("google_vertexai", lambda: {"project": "p", "access_token": SecretStr(KEY)}, True),
    "vertex credentials": (
        "google_vertexai",
        lambda: {"project": "p", "credentials": GoogleLike()},
        True,
    ),
    "aws bearer": ("bedrock_converse", lambda: {"api_key": given_later}, True),
    "aws keys": (
        "bedrock_converse",
        lambda: {
            "aws_access_key_id": f"AK{MARK}",
            "aws_secret_access_key": SecretStr(KEY),
            "aws_session_token": f"token/{KEY}",
        },
        True,
    ),
    "aws secret": (
        "bedrock_converse",
        lambda: {"aws_access_key_id": "AKID", "aws_secret_access_key": KEY},
        False,
    ),
    "header": ("vllm", lambda: {"default_headers": {"Authorization": f"Bearer {KEY}"}}, True),
    "header of another name": ("openai", lambda: {"api_key": "x", "default_headers": {"x-gateway-token": KEY}}, True),
    "query": ("openai", lambda: {"api_key": "x", "default_query": {"subscription-key": PLAIN}}, True),
    "user in the address": ("ollama", lambda: {"base_url": f"http://me:{PLAIN}@127.0.0.1:11434"}, True),
    "model in the config": ("openai", lambda: {"api_key": KEY, "configurable_fields": ("temperature",)}, True),
}

ENVIRONMENT = {
    "openai": "OPENAI_API_KEY",
    "anthropic": "ANTHROPIC_API_KEY",
    "bedrock": "AWS_BEARER_TOKEN_BEDROCK",
    "google_genai": "GEMINI_API_KEY",
    "azure_openai": "AZURE_OPENAI_AD_TOKEN",
    "huggingface": "HF_TOKEN",
    "ollama": "OLLAMA_HOST",
}

pytestmark = pytest.mark.parametrize("anyio_backend", ["asyncio"])


@pytest.fixture(autouse=True)
def _no_keys_of_the_machine(monkeypatch: pytest.MonkeyPatch, anyio_backend: str) -> None:
    for provider in PROVIDERS:
        adapter = find_adapter(provider)
        for name in (*adapter.key_env, *adapter.base_url_env):
            monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
@pytest.mark.parametrize("provider", PROVIDERS)
async def test_no_provider_shows_the_key_that_it_refuses(provider: str, stream: bool) -> None:
    transport = Echo()
    seen, error = await look_at(model_of(provider, transport, api_key=KEY), stream=stream)
    assert was_sent(transport)
    assert isinstance(error, TidewireError)
    assert "**********" in str(error)
    assert_unseen(seen)


@pytest.mark.parametrize("way", WAYS)
async def test_a_key_is_not_shown_however_it_was_given(way: str) -> None:
    provider, keywords, on_the_wire = WAYS[way]
    transport = Echo()
    seen, error = await look_at(model_of(provider, transport, **keywords()), stream=True)
    assert isinstance(error, TidewireError)
    assert was_sent(transport) == on_the_wire
    assert_unseen(seen)


@pytest.mark.parametrize("provider", ENVIRONMENT)
async def test_a_key_of_the_environment_is_not_shown(provider: str, monkeypatch: pytest.MonkeyPatch) -> None:
    value = f"http://me:{PLAIN}@127.0.0.1" if provider == "ollama" else KEY
    monkeypatch.setenv(ENVIRONMENT[provider], value)
    transport = Echo()
    seen, error = await look_at(model_of(provider, transport), stream=False)
    assert isinstance(error, TidewireError)
    assert was_sent(transport)
    assert_unseen(seen)


BODIES = {
    "not JSON": "<html><title>{0}</title>{0}</html>",
    "text": "{}",
    "an object without an error": '{{"detail": "{}"}}',
    "long, and cut within the key": "x" * 300 + "{}",
    "an error of a 200": '{{"error": {{"message": "{}", "type": "authentication_error"}}}}',
    "an error of a stream": 'data: {{"error": {{"message": "{}", "code": "invalid_api_key"}}}}\n\n',
    "a frame that is none": "data: {{{}\n\n",
}


@pytest.mark.parametrize("provider", ["anthropic", "bedrock_converse", "google_genai", "ollama", "openai"])
@pytest.mark.parametrize("body", BODIES)
async def test_no_body_shows_the_key(provider: str, body: str) -> None:
    for status in (200, 500):
        for stream in (False, True):
            transport = Echo(status, BODIES[body])
            seen, _ = await look_at(model_of(provider, transport, api_key=KEY), stream=stream)
            assert_unseen(seen)


async def test_a_text_that_is_cut_within_an_escaped_key_does_not_show_its_beginning() -> None:
    for padding in range(900, 1000, 5):
        transport = Echo(400, "x" * padding + "{}")
        with pytest.raises(BadRequestError) as raised:
            await model_of("anthropic", transport, api_key=KEY).ainvoke("Hi")
        assert MARK[:6] not in f"{raised.value} {raised.value.body}"


@pytest.mark.parametrize("status", [302, 400, 402, 403, 404, 408, 409, 413, 422, 429, 500, 502, 503, 504, 529])
async def test_no_status_shows_the_key(status: int) -> None:
    transport = Echo(status)
    seen, error = await look_at(model_of("openai", transport, api_key=KEY), stream=False)
    assert isinstance(error, TidewireError)
    assert_unseen(seen)


@pytest.mark.parametrize(
    "error",
    [APIConnectionError("refused"), APITimeoutError("late", phase="connect"), OSError("broken"), RuntimeError("odd")],
    ids=lambda error: type(error).__name__,
)
@pytest.mark.parametrize("provider", ["anthropic", "bedrock_converse", "google_genai", "ollama", "openai"])
async def test_no_failure_of_the_network_shows_the_key(provider: str, error: Exception) -> None:
    transport = Failing(copy.copy(error))
    seen, raised = await look_at(model_of(provider, transport, api_key=KEY), stream=True)
    assert isinstance(raised, type(error))
    assert was_sent(transport)
    assert_unseen(seen)


def recorded(provider: str, *, stream: bool, broken: bool = False) -> Recorded:
    folder, streamed, plain = ANSWERS[provider]
    name = streamed if stream or plain is None else plain
    response = json.loads((WRITTEN / folder / f"{name}.json").read_text())["response"]
    if "body_file" in response:
        body = (WRITTEN / folder / response["body_file"]).read_bytes()
    else:
        body = base64.b64decode(response.get("body_base64", "")) or response["body"].encode()
    return Recorded(body, response["headers"], broken=broken)


@pytest.mark.parametrize("records", [False, True], ids=["stream", "records"])
@pytest.mark.parametrize("provider", ANSWERS)
async def test_an_answer_shows_no_key_though_its_headers_do(provider: str, records: bool) -> None:
    transport = recorded(provider, stream=True)
    model = model_of(provider, transport, api_key=KEY, include_response_headers=True)
    seen, answer = await look_at(model, stream=True, records=records)
    assert records or isinstance(answer, AIMessage)
    assert "x-echo" in seen
    assert_unseen(seen)


@pytest.mark.parametrize("provider", ANSWERS)
async def test_an_answer_that_breaks_off_shows_no_key(provider: str) -> None:
    seen, error = await look_at(
        model_of(provider, recorded(provider, stream=True, broken=True), api_key=KEY), stream=True
    )
    assert isinstance(error, TidewireError)
    assert_unseen(seen)


async def test_a_cache_holds_no_key(tmp_path: Path) -> None:
    with_key = {"api_key": KEY, "default_headers": {"x-tenant-token": KEY}, "default_query": {"sig-key": PLAIN}}
    cache = SQLiteCache(tmp_path / "answers.sqlite")
    model = model_of("openai", recorded("openai", stream=True), cache=cache, **with_key)
    seen, _ = await look_at(model, stream=True)
    held = b"".join(path.read_bytes() for path in tmp_path.iterdir())  # noqa: ASYNC240 - nobody waits for this loop
    assert len(held) > 100
    assert MARK.encode() not in held
    assert_unseen(seen)


@pytest.mark.parametrize(
    "value", [f"{KEY}\x00", f"{KEY}\nx: y", f"{KEY}é", f"{KEY} {KEY}", f"\x7f{KEY}", f"{KEY}\u202e"]
)
@pytest.mark.parametrize("source", ["text", "secret", "function", "async", "environment", "aws", "azure", "header"])
async def test_what_can_be_no_key_is_refused_and_not_quoted(
    source: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def later() -> str:
        return value

    ways: dict[str, dict[str, Any]] = {
        "text": {"api_key": value},
        "secret": {"api_key": SecretStr(value)},
        "function": {"api_key": lambda: value},
        "async": {"api_key": later},
        "environment": {},
        "aws": {"aws_access_key_id": "AKID", "aws_secret_access_key": value},
        "azure": {"azure_ad_token": value},
        "header": {"api_key": "x", "default_headers": {"x-token": value.replace(" ", "\r")}},
    }
    keywords = ways[source]
    if source == "environment":
        if "\x00" in value:
            value = value.replace("\x00", "\x01")
        monkeypatch.setenv("OPENAI_API_KEY", value)
    provider = {"aws": "bedrock_converse", "azure": "azure_openai"}.get(source, "openai")
    transport = Echo()

    async def call() -> None:
        await model_of(provider, transport, **keywords).ainvoke("Hi")

    seen = await refusal_of(call)
    assert transport.requests == []
    assert_unseen(seen)


async def refusal_of(call: Callable[[], Any]) -> str:
    with pytest.raises(ConfigurationError) as raised:
        await call()
    return "\n".join(frames(raised.value))


@pytest.mark.parametrize("keywords", [{"temprature": 1}, {"temperature": "hot"}, {"base_url": "nowhere"}])
async def test_a_misspelt_argument_beside_a_key_does_not_show_the_key(keywords: dict[str, Any]) -> None:
    secret = {
        "api_key": KEY,
        "default_headers": {"authorization": KEY},
        "openai_proxy": f"http://me:{PLAIN}@proxy",
    }

    async def call() -> None:
        await model_of("openai", Echo(), **secret, **keywords).ainvoke("Hi")

    assert MARK not in await refusal_of(call)


@pytest.mark.parametrize("key", [3, lambda: 3, [KEY]], ids=["number", "function", "list"])
async def test_what_is_neither_a_text_nor_gives_one_is_refused(key: object) -> None:
    transport = Echo()
    with pytest.raises(ConfigurationError, match="api_key") as raised:
        await model_of("openai", transport, api_key=key).ainvoke("Hi")
    assert MARK not in str(raised.value)
    assert transport.requests == []


@pytest.mark.parametrize("kind", ["function", "class", "bind"])
async def test_a_model_says_why_it_is_not_pickled_and_its_copy_is_itself(kind: str) -> None:
    model = model_of("openai", Echo(), api_key=KEY)
    model = {"function": model, "class": ChatOpenAI("m", api_key=KEY), "bind": model.bind(api_key=KEY, seed=1)}[kind]
    with pytest.raises(TypeError, match="make it anew with init_chat_model"):
        pickle.dumps(model)
    assert copy.copy(model) is copy.deepcopy(model) is model


async def test_what_the_system_says_comes_without_the_frames_of_a_client() -> None:
    def request(headers: dict[str, str]) -> None:
        try:
            raise OSError(104, "reset")
        except OSError as reset:
            raise RuntimeError(f"a client's own, with {len(headers)} headers") from reset

    with pytest.raises(RuntimeError) as raised:
        request({"authorization": KEY})
    cause = system_error(raised.value)
    assert cause is not None
    assert cause.errno == 104
    assert (cause.__traceback__, cause.__context__, cause.__cause__) == (None, None, None)


@pytest.mark.parametrize("client", ["aiohttp", "httpx"])
@pytest.mark.parametrize("fault", ["refused", "reset", "no HTTP", "proxy refused", "proxy"])
async def test_the_frames_of_a_client_that_fails_show_no_key(client: str, fault: str) -> None:
    def handle(peer: Peer) -> None:
        peer.read_request()
        if fault == "no HTTP":
            peer.send(b"hello\r\n\r\n")
        if fault.startswith("proxy"):
            peer.send(b"HTTP/1.1 407 No\r\ncontent-length: 0\r\n\r\n")
        peer.reset() if fault == "reset" else peer.close()

    with RawServer(handle) as server:
        address = server.url
        settings = TransportSettings()
        if fault.startswith("proxy"):
            address = "https://model.example" if fault == "proxy refused" else "http://model.example"
            settings = TransportSettings(proxy=Secret(server.url.replace("//", f"//me:{PLAIN}@"), "proxy"))
        if fault == "refused":
            address = "http://127.0.0.1:1"
        kind = AiohttpTransport(settings) if client == "aiohttp" else HttpxTransport(settings)
        model = init_chat_model("vllm:m", base_url=address, api_key=KEY, transport=kind, max_retries=0)
        seen, error = await look_at(model, stream=False)
        await kind.aclose()
    assert isinstance(error, TidewireError)
    assert_unseen(seen)
