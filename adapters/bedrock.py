"""AWS Bedrock: the Converse API, version 2023-09-30, as the providers ``bedrock_converse`` and ``bedrock``.

Documentation: "Converse" and "ConverseStream" of the Amazon Bedrock API reference, "Carry out a conversation with the
Converse API operations" of its user guide, and botocore's model of the service ``bedrock-runtime``. Read 2026-11-25.

    bedrock_request        what a call is in JSON: parameters, tools, the form of the answer
    bedrock_conversation   … and its messages
    bedrock_families       … and what each family of models wants of its own
    bedrock_reply          what comes back, streamed or plain
    bedrock_message        … as events
    bedrock_blocks         the blocks that only Converse has, both ways
    bedrock_media          … and images, documents, videos and sounds
    bedrock_errors         what it refuses, and why

An AWS event stream is cut into frames by ``eventstream``; ``aws_credentials`` pays, with a bearer key or signed by
``sigv4``; ``aws_endpoint`` says where.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import partial

import msgspec

from tidewire.adapters.addresses import path_segment
from tidewire.adapters.aws_credentials import AwsCredentials, keys_given
from tidewire.adapters.aws_endpoint import REGION_ENV, endpoint, find_region
from tidewire.adapters.bedrock_errors import refused, request_id
from tidewire.adapters.bedrock_reply import PlainMessage, StreamedMessage
from tidewire.adapters.bedrock_request import PARAMETERS, body_of
from tidewire.adapters.secrets import Secret
from tidewire.adapters.spec import Adapter, Decoder, HttpRequest, ModelRequest
from tidewire.events.blocks import JSONObject
from tidewire.events.errors import ConfigurationError, TidewireError

SERVICE = "bedrock"
HOST = "bedrock-runtime"

#: The address as long as no region is known; a request to it is refused before it is sent.
_NOWHERE = f"https://{HOST}.{{region}}.amazonaws.com"

#: Parameters that ``model_kwargs`` may hold under their own names; everything else there goes to the model.
_COMMON = frozenset({"max_tokens", "temperature", "top_p", "top_k", "thinking"})


class BedrockCodec:
    """The wire formats ``bedrock.converse`` and ``bedrock.converse_stream``."""

    name = "bedrock.converse"
    parameters = PARAMETERS

    def encode(self, request: ModelRequest) -> HttpRequest:
        """The request, without credentials.

        Raises:
            ConfigurationError: The format cannot spell something in it, which is named, or no region is known.
        """
        if request.base_url == _NOWHERE:
            raise ConfigurationError(
                f"no AWS region to send the request to: pass region_name=…, or set the environment variable "
                f"{REGION_ENV[0]}"
            )
        body, warnings = body_of(request)
        headers: dict[str, str | Secret] = {
            "accept": "application/vnd.amazon.eventstream" if request.stream else "application/json",
            "content-type": "application/json",
        }
        call = "converse-stream" if request.stream else "converse"
        url = f"{request.base_url}/model/{path_segment(request.model)}/{call}"
        return HttpRequest("POST", url, headers, body, warnings)

    def decoder(self, *, streamed: bool) -> Decoder:
        """A decoder for one reply."""
        return StreamedMessage() if streamed else PlainMessage()

    def error(self, status: int, headers: Mapping[str, str], body: bytes) -> TidewireError:
        """The error that a refused request stands for."""
        return refused(status, headers, body)

    def request_id(self, headers: Mapping[str, str]) -> str | None:
        """AWS's id of the request."""
        return request_id(headers)


def _configure(adapter: Adapter, keywords: JSONObject) -> tuple[Adapter, JSONObject]:
    """Take AWS's keywords out of those a model is made with.

    ``region_name``, ``credentials_profile_name``, ``aws_access_key_id``, ``aws_secret_access_key``,
    ``aws_session_token`` and ``api_key`` say who pays and where; ``use_fips_endpoint`` and ``endpoint_url`` (another
    name of ``base_url``) where exactly. ``guardrails``, ``model_kwargs`` and ``beta_use_converse_api`` are what
    ``ChatBedrock`` is made with elsewhere.

    Raises:
        ConfigurationError: Two of them exclude each other, or the region is none.
    """
    given = dict(keywords)
    profile = given.pop("credentials_profile_name", None)
    region = find_region(given.pop("region_name", None), profile)
    fips = given.pop("use_fips_endpoint", os.environ.get("AWS_USE_FIPS_ENDPOINT", "").strip().lower() == "true")
    if region is not None:
        adapter = msgspec.structs.replace(adapter, base_url=endpoint(HOST, region, fips=fips))
    keys = keys_given(
        *(given.pop(f"aws_{name}", None) for name in ("access_key_id", "secret_access_key", "session_token"))
    )
    api_key = given.pop("api_key", None)
    if api_key is not None and keys is not None:
        raise ConfigurationError("api_key and aws_access_key_id exclude each other: a request is paid by one of them")
    given.setdefault(
        "credentials",
        AwsCredentials(SERVICE, HOST, region, api_key=api_key, bearer_env=adapter.key_env, keys=keys, profile=profile),
    )
    _rename(given, "endpoint_url", "base_url")
    _rename(given, "guardrails", "guardrail_config")
    if given.pop("beta_use_converse_api", True) is False:
        raise ConfigurationError("bedrock is spoken to by the Converse API; beta_use_converse_api=False does not exist")
    _unfold(given, given.pop("model_kwargs", {}))
    return adapter, given


def _rename(given: JSONObject, alias: str, name: str) -> None:
    if alias in given:
        if name in given:
            raise ConfigurationError(f"{alias!r} and {name!r} are two names of the same parameter; give one")
        given[name] = given.pop(alias)


def _unfold(given: JSONObject, model_kwargs: JSONObject) -> None:
    """Put the parameters of the model where they belong; what is given beside ``model_kwargs`` counts more."""
    fields = dict(model_kwargs)
    if "stop_sequences" in fields:
        given.setdefault("stop", fields.pop("stop_sequences"))
    for name in _COMMON & fields.keys():
        given.setdefault(name, fields.pop(name))
    if fields:
        given["additional_model_request_fields"] = {**fields, **given.get("additional_model_request_fields", {})}


def _adapter(provider: str, class_name: str) -> Adapter:
    plain = Adapter(
        provider=provider,
        codec=BedrockCodec(),
        base_url=_NOWHERE,
        base_url_env=("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", "AWS_ENDPOINT_URL"),
        key_env=("AWS_BEARER_TOKEN_BEDROCK",),
        class_name=class_name,
        effort_words={"minimal": "low", "xhigh": "high", "max": "high"},
    )
    return msgspec.structs.replace(plain, configure=partial(_configure, plain))


ADAPTER = _adapter("bedrock_converse", "ChatBedrockConverse")

#: The same under the name of the field's older class.
BEDROCK = _adapter("bedrock", "ChatBedrock")

__all__ = ["ADAPTER", "BEDROCK", "HOST", "SERVICE", "BedrockCodec"]
