"""The codec and the adapters of Bedrock: where a request goes, and what a model is made with."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.adapters.bedrock_judge import path_of
from tests.adapters.recording_kit import WRITTEN
from tidewire.adapters.aws_credentials import AwsCredentials
from tidewire.adapters.bedrock import ADAPTER, BEDROCK, BedrockCodec
from tidewire.adapters.bedrock_reply import PlainMessage, StreamedMessage
from tidewire.adapters.secrets import Secret
from tidewire.adapters.spec import Adapter, Codec, HttpRequest, ModelRequest
from tidewire.events.errors import ConfigurationError, ContextWindowExceededError
from tidewire.events.messages import AIMessage, HumanMessage

CODEC: Codec = BedrockCodec()
PLACE = "https://bedrock-runtime.us-east-1.amazonaws.com"


@pytest.fixture(autouse=True)
def _no_machine_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in list(os.environ):
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))


def request(model: str = "amazon.nova-lite-v1:0", **fields: Any) -> ModelRequest:
    given: dict[str, Any] = {"messages": [HumanMessage("hi")], "base_url": PLACE, **fields}
    return ModelRequest(model=model, **given)


def configure(adapter: Adapter = ADAPTER, **keywords: Any) -> tuple[Adapter, dict[str, Any], AwsCredentials]:
    assert adapter.configure is not None
    made, given = adapter.configure(keywords)
    credentials = given.pop("credentials")
    assert isinstance(credentials, AwsCredentials)
    return made, given, credentials


async def authorization(credentials: AwsCredentials, url: str = f"{PLACE}/model/m/converse") -> str:
    applied = await credentials.apply(HttpRequest("POST", url, {}, b"{}"))
    value = applied.headers["authorization"]
    assert isinstance(value, Secret)
    return value.reveal()


# ---------------------------------------------------------------- the codec


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(
    "model",
    [
        "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
        "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc123",
        "a b/é~_.-",
    ],
)
def test_a_request_goes_where_botocore_sends_it(model: str, stream: bool) -> None:
    sent = CODEC.encode(request(model, stream=stream))
    assert (sent.method, sent.url) == ("POST", PLACE + path_of(model, stream=stream))


def test_a_request_says_what_it_holds_and_what_it_wants() -> None:
    sent = CODEC.encode(request())
    assert sent.headers == {"accept": "application/vnd.amazon.eventstream", "content-type": "application/json"}
    assert CODEC.encode(request(stream=False)).headers["accept"] == "application/json"
    assert msgspec.json.decode(sent.body) == {"messages": [{"role": "user", "content": [{"text": "hi"}]}]}
    assert sent.warnings == ()


def test_what_is_left_out_is_a_warning_of_the_request() -> None:
    answer = AIMessage([{"type": "reasoning", "reasoning": "unsigned"}, {"type": "text", "text": "a"}])
    sent = CODEC.encode(request(messages=[HumanMessage("hi"), answer]))
    assert [warning.code for warning in sent.warnings] == ["block_left_out"]


def test_the_request_that_a_recording_was_asked_with() -> None:
    recording = json.loads((WRITTEN / "bedrock" / "converse_plain_image_input.json").read_text(encoding="utf-8"))
    image = {"type": "image", "base64": "iVBORw0KGgo=", "mime_type": "image/png"}
    sent = CODEC.encode(
        request(
            "us.amazon.nova-lite-v1:0",
            messages=[HumanMessage([image, {"type": "text", "text": "What is this?"}])],
            parameters={"max_tokens": 100},
            stream=False,
        )
    )
    assert sent.url == PLACE + recording["request"]["path"]
    assert msgspec.json.decode(sent.body) == recording["request"]["body"]


def test_the_decoder_is_that_of_the_reply() -> None:
    assert isinstance(CODEC.decoder(streamed=True), StreamedMessage)
    assert isinstance(CODEC.decoder(streamed=False), PlainMessage)


def test_a_refused_request_is_read() -> None:
    headers = {"x-amzn-errortype": "ValidationException", "x-amzn-requestid": "r1"}
    error = CODEC.error(400, headers, b'{"message": "Input is too long for requested model."}')
    assert isinstance(error, ContextWindowExceededError)
    assert CODEC.request_id(headers) == "r1"


def test_a_request_without_a_region_is_refused_before_it_is_sent() -> None:
    adapter, _, _ = configure()
    with pytest.raises(ConfigurationError, match=r"pass region_name=…, or set the environment variable AWS_REGION"):
        CODEC.encode(request(base_url=adapter.base_url))


# ---------------------------------------------------------------- the adapters


def test_two_providers_speak_the_format() -> None:
    assert (ADAPTER.provider, ADAPTER.class_name) == ("bedrock_converse", "ChatBedrockConverse")
    assert (BEDROCK.provider, BEDROCK.class_name) == ("bedrock", "ChatBedrock")
    for adapter in (ADAPTER, BEDROCK):
        assert configure(adapter, region_name="us-east-1")[0].provider == adapter.provider
        assert adapter.base_url_env == ("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", "AWS_ENDPOINT_URL")


def test_the_address_is_that_of_the_region(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert configure(region_name="us-east-1")[0].base_url == PLACE
    tmp_path.joinpath("config").write_text("[profile dev]\nregion = eu-west-3\n", encoding="utf-8")
    dev = configure(credentials_profile_name="dev")[0]
    assert dev.base_url == "https://bedrock-runtime.eu-west-3.amazonaws.com"
    monkeypatch.setenv("AWS_REGION", "cn-north-1")
    assert configure()[0].base_url == "https://bedrock-runtime.cn-north-1.amazonaws.com.cn"
    fips = "https://bedrock-runtime-fips.us-east-1.amazonaws.com"
    assert configure(region_name="us-east-1", use_fips_endpoint=True)[0].base_url == fips
    monkeypatch.setenv("AWS_USE_FIPS_ENDPOINT", "TRUE")
    assert configure(region_name="us-east-1")[0].base_url == fips
    assert configure(region_name="us-east-1", use_fips_endpoint=False)[0].base_url == PLACE


def test_aws_s_keywords_are_taken_and_the_others_left() -> None:
    _, given, _ = configure(
        region_name="us-east-1",
        credentials_profile_name="dev",
        use_fips_endpoint=False,
        endpoint_url="http://127.0.0.1:1",
        temperature=0.5,
        beta_use_converse_api=True,
        guardrails={"guardrailIdentifier": "g"},
    )
    assert given == {
        "base_url": "http://127.0.0.1:1",
        "temperature": 0.5,
        "guardrail_config": {"guardrailIdentifier": "g"},
    }


async def test_each_way_to_pay_reaches_the_request(monkeypatch: pytest.MonkeyPatch) -> None:
    access: dict[str, Any] = {
        "aws_access_key_id": "AKID",
        "aws_secret_access_key": "secret",
        "aws_session_token": "token",
    }
    _, given, credentials = configure(region_name="eu-west-1", **access)
    assert given == {}
    assert "Credential=AKID/" in await authorization(credentials)
    assert "/us-east-1/bedrock/aws4_request" in await authorization(credentials)
    assert "/eu-west-1/bedrock/aws4_request" in await authorization(credentials, "http://127.0.0.1:1/m")
    assert await authorization(configure(region_name="us-east-1", api_key="key")[2]) == "Bearer key"
    monkeypatch.setenv("AWS_BEARER_TOKEN_BEDROCK", "bearer")
    assert await authorization(configure(region_name="us-east-1")[2]) == "Bearer bearer"
    assert "AKID" in await authorization(configure(region_name="us-east-1", **access)[2])


def test_credentials_of_the_caller_s_own_stay() -> None:
    own = AwsCredentials("bedrock", "bedrock-runtime", "us-east-1", api_key="k")
    assert configure(credentials=own)[2] is own


def test_model_kwargs_go_where_they_belong_and_count_less_than_what_stands_beside_them() -> None:
    kwargs = {"temperature": 0.1, "max_tokens": 5, "stop_sequences": ["x"], "anthropic_beta": ["b"], "a": 1}
    _, given, _ = configure(
        BEDROCK, model_kwargs=kwargs, temperature=0.5, additional_model_request_fields={"a": 2}, region_name="us-east-1"
    )
    assert given == {
        "temperature": 0.5,
        "max_tokens": 5,
        "stop": ["x"],
        "additional_model_request_fields": {"anthropic_beta": ["b"], "a": 2},
    }
    assert kwargs["a"] == 1


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"region_name": "nowhere.example/"}, "'nowhere.example/' is no AWS region"),
        ({"aws_access_key_id": "AKID"}, "aws_secret_access_key is missing"),
        (
            {"api_key": "k", "aws_access_key_id": "AKID", "aws_secret_access_key": "s"},
            "api_key and aws_access_key_id exclude each other",
        ),
        ({"endpoint_url": "http://a", "base_url": "http://b"}, "'endpoint_url' and 'base_url' are two names"),
        ({"guardrails": {}, "guardrail_config": {}}, "'guardrails' and 'guardrail_config' are two names"),
        ({"beta_use_converse_api": False}, "beta_use_converse_api=False does not exist"),
    ],
)
def test_what_cannot_be_is_told_when_a_model_is_made(keywords: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        configure(**keywords)
    assert message in caught.value.message
