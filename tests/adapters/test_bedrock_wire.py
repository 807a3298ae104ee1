"""Bedrock over a real socket, by each HTTP client: what arrives is signed for what was sent, byte by byte."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.adapters.eventstream_bytes import exception, stream_of
from tests.adapters.raw_server import Peer, RawServer, answer, chunked, misbehave, serve
from tidewire import ChatModel, init_chat_model
from tidewire.adapters.bedrock import ADAPTER
from tidewire.errors import ConfigurationError, PermissionDeniedError, RateLimitError, StreamInterruptedError

MODEL = "arn:aws:bedrock:eu-west-1:123456789012:inference-profile/eu.anthropic.claude-sonnet-4-5-20250929-v1:0"
STREAM = stream_of(
    [
        ("messageStart", {"role": "assistant"}),
        ("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": "Hel"}}),
        ("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": "lo"}}),
        ("messageStop", {"stopReason": "end_turn"}),
        ("metadata", {"usage": {"inputTokens": 1, "outputTokens": 2, "totalTokens": 3}, "metrics": {"latencyMs": 4}}),
    ]
)
NO_ACCESS: dict[str, Any] = {"aws_access_key_id": None, "aws_secret_access_key": None, "aws_session_token": None}
REQUEST_ID = b"x-amzn-requestid: r1"


@pytest.fixture(autouse=True)
def _no_machine_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in list(os.environ):
        if name.startswith("AWS_") or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))


def made(server: RawServer, **keywords: Any) -> ChatModel:
    given: dict[str, Any] = {
        "region_name": "eu-west-1",
        "aws_access_key_id": "AKID",
        "aws_secret_access_key": "secret",
        "aws_session_token": "token",
        "max_retries": 0,
        **keywords,
    }
    return init_chat_model(MODEL, model_provider=ADAPTER, endpoint_url=server.url, **given)


def streamed(body: bytes, *, ends: bool = True) -> bytes:
    """An event stream in chunks that cut its frames."""
    chunks = [body[start : start + 50] for start in range(0, len(body), 50)]
    told = chunked(*chunks).replace(b"text/event-stream", b"application/vnd.amazon.eventstream")
    return told.replace(b"\r\n\r\n", b"\r\n" + REQUEST_ID + b"\r\n\r\n", 1) + (b"0\r\n\r\n" if ends else b"")


def signature_of(received: bytes, region: str) -> tuple[str, str]:
    """The signature that a request carries, and the one that AWS would compute from what it received."""
    head, _, body = received.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    method, path, _ = first.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    found = re.search(r"SignedHeaders=([^,]+), Signature=([0-9a-f]+)", headers["authorization"])
    assert found is not None
    signed = {name: headers[name] for name in found.group(1).split(";")}
    judge: Any = AWSRequest(method=method, url=f"http://{headers['host']}{path}", headers=signed, data=body)
    judge.context["timestamp"] = headers["x-amz-date"]
    auth = SigV4Auth(Credentials("AKID", "secret", "token"), "bedrock", region)
    return found.group(2), auth.signature(auth.string_to_sign(judge, auth.canonical_request(judge)), judge)


async def test_what_arrives_is_signed_as_aws_reads_it() -> None:
    with RawServer(serve(streamed(STREAM))) as server:
        message = await made(server, default_headers={"X-Team": "a   b"}).ainvoke("hi")
        received = server.peer().requests[0]
    assert message.text == "Hello"
    assert received.startswith(b"POST /model/arn%3Aaws%3Abedrock%3Aeu-west-1%3A123456789012%3Ainference-profile%2Feu.")
    sent, computed = signature_of(received, "eu-west-1")
    assert sent == computed
    for name in (b"host", b"content-type", b"x-amz-date", b"x-amz-security-token", b"x-team"):
        assert re.search(rb"SignedHeaders=[^,]*\b" + name + rb"\b", received)


async def test_a_stream_is_told_as_it_comes_and_ends_with_what_is_known() -> None:
    with RawServer(serve(streamed(STREAM))) as server:
        chunks = [chunk async for chunk in made(server, api_key="key", **NO_ACCESS).astream("hi")]
        received = server.peer().requests[0].lower()
    assert [chunk.text for chunk in chunks if chunk.text] == ["Hel", "lo"]
    message = sum(chunks[1:], chunks[0])
    assert message.response_metadata == {
        "model_name": MODEL,
        "model_provider": "bedrock_converse",
        "finish_reason": "end_turn",
        "request_id": "r1",
        "stopReason": "end_turn",
        "usage": {"inputTokens": 1, "outputTokens": 2, "totalTokens": 3},
        "metrics": {"latencyMs": 4},
    }
    assert message.usage_metadata is not None
    assert message.usage_metadata["total_tokens"] == 3
    assert b"authorization: bearer key" in received
    assert b"/converse-stream http/1.1" in received


async def test_an_unstreamed_reply_is_the_same_message() -> None:
    body = (
        b'{"output": {"message": {"role": "assistant", "content": [{"text": "Hello"}]}}, "stopReason": "end_turn", '
        b'"usage": {"inputTokens": 1, "outputTokens": 2, "totalTokens": 3}, "metrics": {"latencyMs": 4}}'
    )
    reply = answer(body, b"content-type: application/json", REQUEST_ID)
    with RawServer(serve(streamed(STREAM))) as server, RawServer(serve(reply)) as plain:
        told = await made(server).ainvoke("hi")
        at_once = await made(plain, streaming=False).ainvoke("hi")
        assert b"/converse HTTP/1.1" in plain.peer().requests[0]
    assert at_once.model_copy(update={"id": told.id}) == told


async def test_a_stream_that_breaks_off_is_told_with_what_arrived() -> None:
    with (
        RawServer(misbehave(streamed(STREAM[:330], ends=False), Peer.close)) as server,
        pytest.raises(StreamInterruptedError) as caught,
    ):
        await made(server).ainvoke("hi")
    assert getattr(caught.value.partial, "text", None) == "Hel"
    assert (caught.value.provider, caught.value.model) == ("bedrock_converse", MODEL)


async def test_a_frame_that_is_cut_is_no_answer_though_the_body_ends_properly() -> None:
    with (
        RawServer(serve(streamed(STREAM[:-1]))) as server,
        pytest.raises(StreamInterruptedError, match="within a frame") as caught,
    ):
        await made(server).ainvoke("hi")
    assert getattr(caught.value.partial, "text", None) == "Hello"


async def test_an_exception_in_the_stream_is_raised_as_the_refusal_would_be() -> None:
    with (
        RawServer(serve(streamed(exception("throttlingException", {"message": "slow down"})))) as server,
        pytest.raises(RateLimitError, match="slow down"),
    ):
        await made(server).ainvoke("hi")


async def test_a_refused_key_is_told_without_showing_it() -> None:
    body = b'{"message": "The security token included in the request is invalid."}'
    refusal = answer(body, b"x-amzn-errortype: UnrecognizedClientException:http://x/", status=b"403 Forbidden")
    with RawServer(serve(refusal)) as server, pytest.raises(PermissionDeniedError) as caught:
        await made(server).ainvoke("hi")
    assert "secret" not in str(caught.value)
    assert caught.value.provider_code == "UnrecognizedClientException"


async def test_without_a_region_nothing_is_sent() -> None:
    model = init_chat_model(MODEL, model_provider=ADAPTER, api_key="k")
    with pytest.raises(ConfigurationError, match="no AWS region"):
        await model.ainvoke("hi")
