"""The codec and the adapter of Google's Gemini API."""

from __future__ import annotations

import msgspec
import pytest

from tidewire.adapters.google_genai import ADAPTER, GoogleCodec
from tidewire.adapters.google_genai_reply import PlainReply, StreamedReply
from tidewire.adapters.google_genai_request import PARAMETERS
from tidewire.adapters.spec import Codec, ModelRequest
from tidewire.events.errors import NotFoundError
from tidewire.events.messages import HumanMessage

CODEC: Codec = GoogleCodec()
HOST = "https://generativelanguage.googleapis.com"


def request(model: str = "gemini-3-pro", base_url: str = HOST, *, stream: bool = True) -> ModelRequest:
    return ModelRequest(model=model, messages=[HumanMessage("hi")], base_url=base_url, stream=stream)


def test_a_request_goes_to_the_model_and_asks_for_events_where_it_is_streamed() -> None:
    streamed = CODEC.encode(request())
    assert streamed.method == "POST"
    assert streamed.url == f"{HOST}/v1beta/models/gemini-3-pro:streamGenerateContent?alt=sse"
    assert streamed.headers == {"accept": "text/event-stream", "content-type": "application/json"}
    assert msgspec.json.decode(streamed.body) == {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}
    plain = CODEC.encode(request(stream=False))
    assert plain.url == f"{HOST}/v1beta/models/gemini-3-pro:generateContent"
    assert plain.headers["accept"] == "application/json"
    assert plain.warnings == ()


@pytest.mark.parametrize(
    ("model", "base_url", "url"),
    [
        ("tunedModels/mine", HOST, f"{HOST}/v1beta/tunedModels/mine:"),
        ("models/gemini-3-pro", HOST, f"{HOST}/v1beta/models/gemini-3-pro:"),
        ("a b?", HOST, f"{HOST}/v1beta/models/a%20b%3F:"),
        ("g", f"{HOST}/v1", f"{HOST}/v1/models/g:"),
        ("g", f"{HOST}/v1alpha", f"{HOST}/v1alpha/models/g:"),
        ("g", "http://127.0.0.1:8000", "http://127.0.0.1:8000/v1beta/models/g:"),
    ],
)
def test_models_and_versions_may_be_named_in_full(model: str, base_url: str, url: str) -> None:
    assert CODEC.encode(request(model, base_url, stream=False)).url == f"{url}generateContent"


def test_a_file_lies_beside_the_models() -> None:
    message = HumanMessage([{"type": "file", "file_id": "abc"}])
    sent = CODEC.encode(ModelRequest(model="g", messages=[message], base_url=HOST))
    (part,) = msgspec.json.decode(sent.body)["contents"][0]["parts"]
    assert part == {"fileData": {"fileUri": f"{HOST}/v1beta/files/abc"}}


def test_streams_and_plain_replies_have_their_decoders() -> None:
    assert isinstance(CODEC.decoder(streamed=True), StreamedReply)
    assert isinstance(CODEC.decoder(streamed=False), PlainReply)
    assert CODEC.parameters == PARAMETERS


def test_errors_and_ids_are_googles() -> None:
    body = b'{"error": {"code": 404, "status": "NOT_FOUND", "message": "no such model"}}'
    error = CODEC.error(404, {"x-request-id": "r"}, body)
    assert isinstance(error, NotFoundError)
    assert error.request_id == CODEC.request_id({"x-request-id": "r"}) == "r"


def test_the_adapter_says_where_google_lives_and_how_it_is_paid() -> None:
    assert ADAPTER.provider == "google_genai"
    assert ADAPTER.codec.name == "google.generate_content"
    assert ADAPTER.base_url == HOST
    assert ADAPTER.key_env == ("GOOGLE_API_KEY", "GEMINI_API_KEY")
    assert (ADAPTER.key_header, ADAPTER.key_prefix) == ("x-goog-api-key", "")
    assert ADAPTER.class_name == "ChatGoogleGenerativeAI"


def test_the_key_has_the_names_that_the_field_knows() -> None:
    assert ADAPTER.configure is not None
    for name in ("google_api_key", "gemini_api_key", "api_key"):
        assert ADAPTER.configure({name: "k", "temperature": 1}) == (ADAPTER, {"api_key": "k", "temperature": 1})
