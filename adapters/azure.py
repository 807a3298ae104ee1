"""Azure OpenAI: OpenAI's APIs, chat completions and Responses, at an address and with credentials of Azure's own.

Documentation: "Azure OpenAI in Microsoft Foundry Models REST API reference", "Azure OpenAI v1 API", "API version
lifecycle", "Content filtering" on learn.microsoft.com; the Azure client of OpenAI's Python package 3.57. Read
2026-11-25.

A resource has two ways in, and ``api_version`` tells which is meant::

    {endpoint}/openai/deployments/{deployment}/chat/completions?api-version=2024-10-21
    {endpoint}/openai/v1/chat/completions            without a version, or with "v1", "latest" or "preview"

A ``base_url`` is taken as it is, with the version behind it. A deployment is called as the model unless
``azure_deployment`` says otherwise.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

import msgspec

from tidewire.adapters.addresses import checked_address, path_segment
from tidewire.adapters.openai import RESPONSES_ONLY, choice_between
from tidewire.adapters.openai_chat import OpenAIChatCodec
from tidewire.adapters.openai_chat_dialect import PARAMETERS, THINKING, Dialect
from tidewire.adapters.openai_responses import OpenAIResponsesCodec
from tidewire.adapters.openai_responses_dialect import Dialect as ResponsesDialect
from tidewire.adapters.secrets import without_user
from tidewire.adapters.spec import Adapter, Codec, Decoder, HttpRequest, ModelRequest
from tidewire.events.blocks import JSONObject
from tidewire.events.errors import ConfigurationError, TidewireError

_PROVIDER = "azure_openai"

#: Where a resource lives, and what it is asked for.
ENDPOINT_ENV = "AZURE_OPENAI_ENDPOINT"
VERSION_ENV = "OPENAI_API_VERSION"
KEY_ENV = "AZURE_OPENAI_API_KEY"
TOKEN_ENV = "AZURE_OPENAI_AD_TOKEN"

# The address as long as none is known; a request to it is refused before it is sent.
_NOWHERE = "https://{endpoint}/openai"

# Versions that name the v1 API, and not one of the dated ones.
_V1 = frozenset({"v1", "latest", "preview"})

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


class Place(msgspec.Struct, frozen=True):
    """Where a resource is asked, apart from its address.

    Attributes:
        version: The version of the API; None: none is sent.
        deployment: The name of the deployment; None: the model's.
    """

    version: str | None = None
    deployment: str | None = None

    @property
    def is_dated(self) -> bool:
        """Whether the version is one of those that came before the v1 API."""
        return self.version is not None and self.version not in _V1


class AzureCodec:
    """One of OpenAI's wire formats at Azure's addresses.

    Args:
        inner: The wire format.
        place: Where the resource is asked.
        by_deployment: Whether the deployment stands in the path of dated versions, as for chat completions.
    """

    def __init__(self, inner: Codec, place: Place, *, by_deployment: bool) -> None:
        self._inner = inner
        self._place = place
        self._by_deployment = by_deployment

    @property
    def name(self) -> str:
        """The wire format's name."""
        return self._inner.name

    @property
    def parameters(self) -> frozenset[str]:
        """The parameters that ``encode`` can spell."""
        return self._inner.parameters

    def encode(self, request: ModelRequest) -> HttpRequest:
        """The request, without credentials.

        Raises:
            ConfigurationError: The format cannot spell something in it, which is named, or no endpoint is known.
        """
        if request.base_url == _NOWHERE:
            raise ConfigurationError(
                "no Azure resource to send the request to: pass azure_endpoint=…, or set the environment variable "
                f"{ENDPOINT_ENV}"
            )
        place = self._place
        deployment = place.deployment or request.model
        base_url = request.base_url
        if base_url.endswith("/openai"):
            if not place.is_dated:
                base_url += "/v1"
            elif self._by_deployment:
                base_url += f"/deployments/{path_segment(deployment, 'azure_deployment')}"
        sent = self._inner.encode(msgspec.structs.replace(request, model=deployment, base_url=base_url))
        if place.version is not None and place.version != "v1" and not (place.is_dated and base_url.endswith("/v1")):
            sent.url += f"?api-version={path_segment(place.version, 'api_version')}"
        return sent

    def decoder(self, *, streamed: bool) -> Decoder:
        """A decoder for one reply."""
        return self._inner.decoder(streamed=streamed)

    def error(self, status: int, headers: Mapping[str, str], body: bytes) -> TidewireError:
        """The error that a refused request stands for."""
        return self._inner.error(status, headers, body)

    def request_id(self, headers: Mapping[str, str]) -> str | None:
        """Azure's id of the request."""
        return headers.get("apim-request-id") or self._inner.request_id(headers)


def _chat_dialect(place: Place) -> Dialect:
    """What chat completions takes in a version: the newer name of ``max_tokens`` came with 2024-09-01-preview."""
    is_old = place.version is not None and _DATE.match(place.version) and place.version < "2024-09-01"
    parameters = {**PARAMETERS, "max_tokens": "max_tokens"} if is_old else PARAMETERS
    return Dialect(provider=_PROVIDER, parameters=parameters, thinking=THINKING)


def adapter_for(place: Place) -> Adapter:
    """The adapter for a version and a deployment."""
    chat = AzureCodec(OpenAIChatCodec(_chat_dialect(place)), place, by_deployment=True)
    responses = AzureCodec(OpenAIResponsesCodec(ResponsesDialect(provider=_PROVIDER)), place, by_deployment=False)
    return Adapter(
        provider=_PROVIDER,
        codec=chat,
        codecs=(chat, responses),
        choose_codec=choice_between(chat, responses, provider=_PROVIDER, responses_only=RESPONSES_ONLY),
        base_url=_NOWHERE,
        key_env=(KEY_ENV, "OPENAI_API_KEY"),
        key_header="api-key",
        key_prefix="",
        class_name="AzureChatOpenAI",
        idempotency_header="idempotency-key",
        configure=_configure,
    )


def _configure(keywords: JSONObject) -> tuple[Adapter, JSONObject]:
    """Take Azure's keywords out of those a model is made with.

    ``azure_endpoint``, ``azure_deployment`` (also ``deployment_name``) and ``api_version`` (also
    ``openai_api_version``) say where; ``azure_ad_token`` and ``azure_ad_token_provider`` (a function, sync or async)
    pay in place of ``api_key``, by a token of Microsoft Entra.

    Raises:
        ConfigurationError: Two of them exclude each other.
    """
    given = dict(keywords)
    _rename(given, "deployment_name", "azure_deployment")
    _rename(given, "openai_api_version", "api_version")
    _rename(given, "openai_api_key", "api_key")
    _rename(given, "openai_api_base", "base_url")
    version = given.pop("api_version", None) or _from_environment(VERSION_ENV)
    adapter = adapter_for(Place(version, given.pop("azure_deployment", None)))
    endpoint = given.pop("azure_endpoint", None)
    if endpoint is not None and "base_url" in given:
        raise ConfigurationError("azure_endpoint and base_url exclude each other: the latter is the whole address")
    endpoint = endpoint or _from_environment(ENDPOINT_ENV)
    if endpoint is not None:
        adapter = msgspec.structs.replace(adapter, base_url=_base_url(endpoint))
    tokens = [given.pop(name) for name in ("azure_ad_token_provider", "azure_ad_token") if name in given]
    if not tokens and "api_key" not in given and _from_environment(KEY_ENV) is None:
        tokens = [token] if (token := _from_environment(TOKEN_ENV)) else []
    if tokens:
        if "api_key" in given or len(tokens) > 1:
            raise ConfigurationError(
                "api_key, azure_ad_token and azure_ad_token_provider exclude each other: a request is paid by one"
            )
        given["api_key"] = tokens[0]
        adapter = msgspec.structs.replace(
            adapter, key_env=(TOKEN_ENV,), key_header="authorization", key_prefix="Bearer "
        )
    return adapter, given


def _base_url(endpoint: str) -> str:
    """The address of a resource's APIs. One that already leads into them is taken as it is."""
    url, _ = without_user(endpoint)  # those of an argument are a header by now
    endpoint = checked_address(url, "azure_endpoint")
    return endpoint if re.search(r"/openai(/|$)", endpoint) else f"{endpoint}/openai"


def _from_environment(name: str) -> str | None:
    return os.environ.get(name, "").strip() or None


def _rename(given: JSONObject, alias: str, name: str) -> None:
    if alias in given:
        if name in given:
            raise ConfigurationError(f"{alias!r} and {name!r} are two names of the same parameter; give one")
        given[name] = given.pop(alias)


ADAPTER = adapter_for(Place())

__all__ = ["ADAPTER", "ENDPOINT_ENV", "KEY_ENV", "TOKEN_ENV", "VERSION_ENV", "AzureCodec", "Place", "adapter_for"]
