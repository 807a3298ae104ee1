"""The codec and the adapter of Anthropic."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from tests.adapters.recording_kit import WRITTEN
from tidewire.adapters.anthropic import ADAPTER, AnthropicCodec
from tidewire.adapters.anthropic_reply import PlainMessage, StreamedMessage
from tidewire.adapters.spec import Codec, ModelRequest
from tidewire.events.errors import ContextWindowExceededError
from tidewire.events.messages import AIMessage, HumanMessage

CODEC: Codec = AnthropicCodec()


def request(*messages: Any, **fields: Any) -> ModelRequest:
    return ModelRequest(model="claude", messages=messages, base_url="https://api.anthropic.com", **fields)


def test_a_request_goes_to_the_messages_api_in_the_version_that_is_read_here() -> None:
    sent = CODEC.encode(request(HumanMessage("hi")))
    assert (sent.method, sent.url) == ("POST", "https://api.anthropic.com/v1/messages")
    assert sent.headers == {
        "accept": "text/event-stream",
        "anthropic-version": "2023-06-01",
        "content-type": "application/json",
    }
    assert msgspec.json.decode(sent.body)["stream"] is True
    assert sent.warnings == ()
    assert CODEC.encode(request(HumanMessage("hi"), stream=False)).headers["accept"] == "application/json"


def test_betas_are_a_header() -> None:
    for betas in (["a", "b"], ("a", "b"), "a,b"):
        sent = CODEC.encode(request(HumanMessage("hi"), parameters={"betas": betas}))
        assert sent.headers["anthropic-beta"] == "a,b"
        assert b"betas" not in sent.body


def test_the_request_that_a_recording_was_asked_with() -> None:
    recording = json.loads((WRITTEN / "anthropic" / "image_input.json").read_text(encoding="utf-8"))
    image = {"type": "image", "base64": "iVBORw0KGgo=", "mime_type": "image/png"}
    asked = ModelRequest(
        model="claude-sonnet-4-5-20250929",
        messages=[HumanMessage([image, {"type": "text", "text": "What is this?"}])],
        base_url="http://x",
        stream=False,
    )
    assert msgspec.json.decode(CODEC.encode(asked).body) == recording["request"]["body"]


def test_reasoning_goes_back_to_the_provider_that_the_codec_speaks_for() -> None:
    signed = {"type": "reasoning", "reasoning": "hm", "extras": {"signature": "sig"}}
    answer = AIMessage([signed, {"type": "text", "text": "hi"}], response_metadata={"model_provider": "elsewhere"})
    asked = request(HumanMessage("a"), answer, HumanMessage("b"))
    assert b"thinking" in AnthropicCodec("elsewhere").encode(asked).body
    sent = CODEC.encode(asked)
    assert b"thinking" not in sent.body
    assert [warning.code for warning in sent.warnings] == ["block_left_out"]


def test_streams_and_plain_replies_have_their_decoders() -> None:
    assert isinstance(CODEC.decoder(streamed=True), StreamedMessage)
    assert isinstance(CODEC.decoder(streamed=False), PlainMessage)


def test_errors_and_ids_are_anthropics() -> None:
    body = b'{"error":{"type":"invalid_request_error","message":"prompt is too long: 2 tokens > 1 maximum"}}'
    assert isinstance(CODEC.error(400, {}, body), ContextWindowExceededError)
    assert CODEC.request_id({"request-id": "req_1"}) == "req_1"


def test_the_adapter_says_where_anthropic_lives_and_how_it_is_paid() -> None:
    assert ADAPTER.provider == "anthropic"
    assert ADAPTER.codec.name == "anthropic.messages"
    assert ADAPTER.base_url == "https://api.anthropic.com"
    assert ADAPTER.base_url_env == ("ANTHROPIC_BASE_URL",)
    assert (ADAPTER.key_env, ADAPTER.key_header, ADAPTER.key_prefix) == (("ANTHROPIC_API_KEY",), "x-api-key", "")
    assert {"max_tokens", "stop", "thinking", "reasoning_effort", "betas"} <= ADAPTER.codec.parameters
