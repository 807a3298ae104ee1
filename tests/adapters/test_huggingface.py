"""HuggingFace: its router, endpoints and errors, judged by huggingface_hub."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx2
import huggingface_hub
import pytest

from tests.adapters.recording_kit import CAPTURED, faults, read_recordings
from tidewire import ChatHuggingFace, ChatModel, init_chat_model
from tidewire.adapters.huggingface import ADAPTER, HuggingFaceCodec
from tidewire.adapters.secrets import Secret
from tidewire.adapters.spec import HttpRequest, ModelRequest, OutputSchema, ToolSpec
from tidewire.events.errors import (
    APIStatusError,
    AuthenticationError,
    ConfigurationError,
    NotFoundError,
    OverloadedError,
    QuotaExceededError,
    RateLimitError,
    UnprocessableEntityError,
)
from tidewire.events.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage

Json = dict[str, Any]
SCHEMA: Json = {"type": "object", "properties": {"x": {"type": "integer"}}, "required": ["x"]}
captured = [one for one in read_recordings(CAPTURED) if one.api == "hf.chat"] if CAPTURED.is_dir() else []


def encode(model: ChatModel, **fields: Any) -> HttpRequest:
    settings = model.settings
    given: Json = {"messages": [HumanMessage("Hi")], "stream": False, "parameters": settings.parameters, **fields}
    return settings.adapter.codec.encode(ModelRequest(model=settings.model, base_url=settings.base_url, **given))


# ---------------------------------------------------------------- where


async def test_the_router_is_asked_with_a_token(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ADAPTER.key_env:
        monkeypatch.delenv(name, raising=False)
    model = init_chat_model("microsoft/Phi-3-mini-4k-instruct", model_provider="huggingface", max_tokens=1024)
    sent = encode(model)
    assert sent.url == "https://router.huggingface.co/v1/chat/completions"
    assert json.loads(sent.body)["model"] == "microsoft/Phi-3-mini-4k-instruct"
    assert json.loads(sent.body)["max_tokens"] == 1024
    with pytest.raises(ConfigurationError, match=r"no API key for huggingface: .* variable HF_TOKEN"):
        await model.settings.credentials.apply(sent)
    for name in reversed(ADAPTER.key_env):
        monkeypatch.setenv(name, f"hf_{name}")
        header = (await model.settings.credentials.apply(sent)).headers["authorization"]
        assert isinstance(header, Secret)
        assert header.reveal() == f"Bearer hf_{name}"  # the first of them counts


@pytest.mark.parametrize(
    ("name", "provider", "asked"),
    [
        ("org/m", "together", "org/m:together"),
        ("org/m:groq", "together", "org/m:groq"),
        ("org/m", "auto", "org/m"),
        ("org/m:fastest", None, "org/m:fastest"),
    ],
)
def test_who_is_to_answer_stands_behind_the_models_name(name: str, provider: str | None, asked: str) -> None:
    assert json.loads(encode(ChatHuggingFace(name, provider=provider)).body)["model"] == asked


@pytest.mark.parametrize(
    "address",
    ["http://host:8080", "http://host:8080/", "http://host:8080/v1", "http://host:8080/v1/chat/completions"],
)
def test_an_endpoint_is_asked_at_its_address(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUGGINGFACE_API_BASE", "http://elsewhere/v1")
    model = ChatHuggingFace("tgi", endpoint_url=address)
    assert encode(model).url == "http://host:8080/v1/chat/completions"
    assert not model.settings.adapter.key_required
    assert encode(ChatHuggingFace("org/m")).url == "http://elsewhere/v1/chat/completions"


def test_keywords_of_the_field_are_understood() -> None:
    assert ChatHuggingFace("m", max_new_tokens=9, stop_sequences=["a"]).settings.parameters == {
        "max_tokens": 9,
        "stop": ["a"],
    }
    assert repr(ChatHuggingFace("m", huggingfacehub_api_token="hf_x", task="conversational").settings.credentials)
    with pytest.raises(ConfigurationError, match="'max_length' and 'max_tokens' are two names of the same parameter"):
        ChatHuggingFace("m", max_length=1, max_tokens=2)
    with pytest.raises(ConfigurationError, match="a chat model is for conversation, not for the task 'translation'"):
        ChatHuggingFace("m", task="translation")


# ---------------------------------------------------------------- the official client


@pytest.fixture
def requests() -> Iterator[list[httpx2.Request]]:
    """The chat requests that huggingface_hub sends."""
    seen: list[httpx2.Request] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        if request.method == "POST":
            seen.append(request)
        return httpx2.Response(200, json={"choices": []})

    huggingface_hub.set_client_factory(lambda: httpx2.Client(transport=httpx2.MockTransport(answer)))
    yield seen
    huggingface_hub.close_session()
    huggingface_hub.set_client_factory(httpx2.Client)


def test_the_official_client_sends_the_same(requests: list[httpx2.Request]) -> None:
    tool: Json = {"type": "function", "function": {"name": "add", "description": "Adds.", "parameters": SCHEMA}}
    call: Json = {"id": "c1", "type": "function", "function": {"name": "add", "arguments": '{"x":1}'}}
    image: Json = {"type": "image_url", "image_url": {"url": "https://e.org/i.png"}}
    messages: list[Json] = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "Look."}, image]},
        {"role": "assistant", "content": "Adding.", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": "2"},
    ]
    form: Json = {"type": "json_schema", "json_schema": {"name": "Answer", "schema": SCHEMA, "strict": True}}
    client: Any = huggingface_hub.InferenceClient(api_key="hf_x")
    client.chat.completions.create(
        model="org/m",
        messages=messages,
        tools=[tool],
        tool_choice="auto",
        response_format=form,
        temperature=0.5,
        max_tokens=9,
        stop=["a"],
        seed=1,
    )
    model = ChatHuggingFace("org/m", temperature=0.5, max_tokens=9, stop=["a"], seed=1)
    ours = encode(
        model,
        messages=[
            SystemMessage("Be brief."),
            HumanMessage([{"type": "text", "text": "Look."}, image]),
            AIMessage("Adding.", tool_calls=[{"name": "add", "args": {"x": 1}, "id": "c1"}]),
            ToolMessage("2", tool_call_id="c1"),
        ],
        tools=(ToolSpec("add", "Adds.", SCHEMA),),
        tool_choice="auto",
        output=OutputSchema("Answer", SCHEMA, strict=True),
    )
    (theirs,) = requests
    assert ours.url == str(theirs.url)
    # It says in so many words that the reply is to be plain.
    assert {"stream": False, **json.loads(ours.body)} == json.loads(theirs.content)


# ---------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ("status", "body", "kind", "message"),
    [
        (401, b'{"error":"Invalid username or password."}', AuthenticationError, "Invalid username or password."),
        (402, b'{"error":"You have exceeded your monthly included credits"}', QuotaExceededError, "You have exceeded"),
        (
            404,
            b'{"error":{"message":"The requested model does not exist","type":"x","code":"model_not_found"}}',
            NotFoundError,
            "The requested model does not exist",
        ),
        (422, b'{"error":"Input validation error","error_type":"validation"}', UnprocessableEntityError, "validation"),
        (429, b'{"error":"Model is overloaded","error_type":"overloaded"}', RateLimitError, "Model is overloaded"),
        (400, b'{"error":["the first","the second"]}', APIStatusError, "the first"),
    ],
)
def test_errors_are_read_in_huggingfaces_shapes(
    status: int, body: bytes, kind: type[APIStatusError], message: str
) -> None:
    error = HuggingFaceCodec().error(status, {}, body)
    assert isinstance(error, kind)
    assert message in error.message
    assert error.retry_after_s is None


@pytest.mark.parametrize(
    ("said", "seconds"),
    [(b"20.5", 20.5), (b"0", 0.0), (b"-1", None), (b'"soon"', None), (b"true", None), (b"1e9", None)],
)
def test_a_model_that_is_not_loaded_yet_tells_when_it_will_be(said: bytes, seconds: float | None) -> None:
    body = b'{"error":"Model org/m is currently loading","estimated_time":' + said + b"}"
    error = HuggingFaceCodec().error(503, {}, body)
    assert isinstance(error, OverloadedError)
    assert error.retry_after_s == seconds
    told = HuggingFaceCodec().error(503, {"retry-after": "3"}, body)
    assert isinstance(told, APIStatusError)
    assert told.retry_after_s == 3


@pytest.mark.parametrize("body", [b"<html>", b"\xff", b"[" * 100_000])
def test_a_body_that_is_no_json_tells_no_time(body: bytes) -> None:
    error = HuggingFaceCodec().error(503, {}, body)
    assert isinstance(error, OverloadedError)
    assert error.retry_after_s is None


def test_an_error_inside_a_stream_is_known_by_its_type() -> None:
    decoder = HuggingFaceCodec().decoder(streamed=True)
    with pytest.raises(OverloadedError, match="Model is overloaded"):
        list(decoder.feed(b'data: {"error":"Model is overloaded","error_type":"overloaded"}\n\n'))


@pytest.mark.skipif(not captured, reason=f"the captured recordings are not at {CAPTURED} (TIDEWIRE_RECORDINGS)")
def test_what_was_recorded_is_read() -> None:
    assert {one.id: faults(one, every_byte=False, random_cuts=3) for one in captured} == {
        one.id: [] for one in captured
    }
