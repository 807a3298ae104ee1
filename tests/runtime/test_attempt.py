from typing import Any

from tidewire import ChatModel, init_chat_model
from tidewire.messages import AIMessageChunk
from tidewire.testing import Exchange, ReplayTransport

PLAIN = b'{"id": "1", "choices": [{"index": 0, "message": {"content": "hi"}, "finish_reason": "stop"}]}'
STREAMED = b'data: {"choices":[{"index":0,"delta":{"content":"hi"},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'


def model_of(*exchanges: Exchange | bytes, **more: Any) -> tuple[ChatModel, ReplayTransport]:
    transport = ReplayTransport(exchanges)
    return init_chat_model("openai:any", api_key="k", transport=transport, **more), transport


async def test_fields_of_the_callers_own_stand_in_the_query() -> None:
    model, transport = model_of(PLAIN, PLAIN, default_query={"tier": "a b", "version": 2})
    await model.ainvoke("hi")
    await model.bind(default_query={"version": 3}).ainvoke("hi")
    addresses = [request.url.partition("?")[2] for request in transport.requests]
    assert addresses == ["tier=a+b&version=2", "tier=a+b&version=3"]


async def test_headers_of_the_callers_own_are_sent() -> None:
    model, transport = model_of(PLAIN, default_headers={"X-Team": "tides"})
    await model.ainvoke("hi")
    assert transport.requests[0].headers["x-team"] == "tides"


async def test_the_headers_of_the_answer_are_shown_on_request() -> None:
    headers = {"x-request-id": "req_1", "x-ratelimit-remaining-tokens": "7", "set-cookie": "session=secret"}
    plain = Exchange(body=PLAIN, headers={**headers, "content-type": "application/json"})
    streamed = Exchange(body=STREAMED, headers={**headers, "content-type": "text/event-stream"})
    model, _ = model_of(plain, streamed, plain, include_response_headers=True)
    whole = await model.ainvoke("hi")
    summed = sum([chunk async for chunk in model.astream("hi")], AIMessageChunk())
    for answer in (whole, summed):
        told = answer.response_metadata["headers"]
        assert told["x-ratelimit-remaining-tokens"] == "7"
        assert "set-cookie" not in told
        assert answer.response_metadata["request_id"] == "req_1"
    assert "headers" not in (await model.bind(include_response_headers=False).ainvoke("hi")).response_metadata


async def test_a_recorded_body_tells_its_content_type() -> None:
    model, _ = model_of(PLAIN, STREAMED)
    assert (await model.ainvoke("hi")).text == "hi"
    chunks = [chunk async for chunk in model.astream("hi")]
    assert chunks[0].text == "hi"
