"""The wire format ``openai.responses``: where requests go, and what its errors and ids are."""

from __future__ import annotations

from tidewire.adapters.openai_responses import PARAMETERS, Dialect, OpenAIResponsesCodec
from tidewire.adapters.spec import ModelRequest
from tidewire.events.errors import ContextWindowExceededError
from tidewire.events.messages import AIMessage, HumanMessage
from tidewire.events.types import Finish

REQUEST = ModelRequest(model="m", messages=[HumanMessage("Hi")], base_url="http://host/v1")


def test_a_request_goes_to_the_hosts_address_without_credentials() -> None:
    sent = OpenAIResponsesCodec().encode(REQUEST)
    assert (sent.method, sent.url, sent.warnings) == ("POST", "http://host/v1/responses", ())
    assert sent.headers == {"accept": "text/event-stream", "content-type": "application/json"}
    assert b'"stream":true' in sent.body
    elsewhere = OpenAIResponsesCodec(Dialect(path="/openai/v1/responses"))
    plain = elsewhere.encode(ModelRequest(model="m", messages=[], base_url="http://host", stream=False))
    assert (plain.url, plain.headers["accept"]) == ("http://host/openai/v1/responses", "application/json")


def test_what_was_left_out_stands_on_the_request() -> None:
    foreign = AIMessage(
        content_blocks=[{"type": "reasoning", "reasoning": "hm"}], response_metadata={"model_provider": "other"}
    )
    sent = OpenAIResponsesCodec().encode(ModelRequest(model="m", messages=[foreign], base_url="http://host"))
    assert [warning.code for warning in sent.warnings] == ["block_left_out"]


def test_the_parameters_are_the_dialects() -> None:
    assert OpenAIResponsesCodec().parameters == PARAMETERS.keys()
    assert OpenAIResponsesCodec(Dialect(parameters={"user": "user"})).parameters == {"user"}


def test_replies_are_read_streamed_or_plain() -> None:
    codec = OpenAIResponsesCodec()
    plain = codec.decoder(streamed=False)
    list(plain.feed(b'{"status": "completed", "output": []}'))
    assert list(plain.close())[-1] == Finish("stop", "completed")
    streamed = codec.decoder(streamed=True)
    frame = b'data: {"type": "response.completed", "response": {"status": "completed"}}\n\n'
    assert list(streamed.feed(frame))[-1] == Finish("stop", "completed")


def test_a_refusal_has_its_class_and_the_requests_id() -> None:
    codec = OpenAIResponsesCodec()
    body = b'{"error": {"message": "Too long.", "code": "context_length_exceeded"}}'
    error = codec.error(400, {"x-request-id": "req_1"}, body)
    assert isinstance(error, ContextWindowExceededError)
    assert (error.request_id, codec.request_id({"x-request-id": "req_1"})) == ("req_1", "req_1")
