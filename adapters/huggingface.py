"""HuggingFace: the Inference Providers router, Inference Endpoints, and servers of one's own that run TGI.

Documentation: "Chat Completion", "Inference Providers" and "Pricing" on huggingface.co/docs/inference-providers,
"Messages API" of Text Generation Inference, and the types of huggingface_hub 2.4. Read 2026-11-25.

All of them speak OpenAI's chat completions format. The router takes the provider that is to answer behind the model's
name, ``org/name:provider``. Errors are a text, and TGI's have an ``error_type`` beside it; a model that is not loaded
yet tells when it will be.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from tidewire.adapters.json_text import object_of
from tidewire.adapters.openai_chat import OpenAIChatCodec
from tidewire.adapters.openai_chat_dialect import Dialect
from tidewire.adapters.reasoning import thinking
from tidewire.adapters.spec import Adapter, HttpRequest, ModelRequest
from tidewire.events.blocks import JSONObject
from tidewire.events.errors import APIStatusError, ConfigurationError, TidewireError

_THINKING = thinking("reasoning_effort", "minimal low medium high xhigh max", off={"reasoning_effort": "none"})

DIALECT = Dialect(
    provider="huggingface",
    parameters={
        name: name
        for name in (
            *_THINKING.names,
            "chat_template_kwargs",
            "frequency_penalty",
            "logit_bias",
            "logprobs",
            "max_tokens",
            "n",
            "parallel_tool_calls",
            "presence_penalty",
            "repetition_penalty",
            "response_format",
            "seed",
            "stop",
            "temperature",
            "tool_prompt",
            "top_k",
            "top_logprobs",
            "top_p",
        )
    },
    thinking=_THINKING,
    audio_formats=(),
    files=None,
)

#: Other names under which the field knows a keyword.
_ALIASES = {
    "huggingfacehub_api_token": "api_key",
    "max_length": "max_tokens",
    "max_new_tokens": "max_tokens",
}

#: What a model may be for; another one cannot converse.
_TASKS = frozenset({"conversational", "image-text-to-text", "text-generation", "text2text-generation"})


class HuggingFaceCodec(OpenAIChatCodec):
    """The wire format ``openai.chat``, as HuggingFace speaks it.

    Args:
        inference_provider: Who is to answer where the model's name does not say, such as ``together``.
    """

    def __init__(self, inference_provider: str | None = None) -> None:
        super().__init__(DIALECT)
        self._inference_provider = inference_provider

    def encode(self, request: ModelRequest) -> HttpRequest:
        """The request, without credentials.

        Raises:
            ConfigurationError: The format cannot spell something in it; it is named.
        """
        provider = self._inference_provider
        if provider is not None and ":" not in request.model:
            request = msgspec.structs.replace(request, model=f"{request.model}:{provider}")
        return super().encode(request)

    def error(self, status: int, headers: Mapping[str, str], body: bytes) -> TidewireError:
        """The error that a refused request stands for."""
        error = super().error(status, headers, body)
        if isinstance(error, APIStatusError) and error.retry_after_s is None:
            error.retry_after_s = _until_loaded_s(body)
        return error


def _until_loaded_s(body: bytes) -> float | None:
    """The seconds until a model is loaded: ``{"error": "Model … is currently loading", "estimated_time": 20.0}``."""
    try:
        said: object = object_of(msgspec.json.decode(body)).get("estimated_time")
    except (ValueError, RecursionError):
        return None
    if not isinstance(said, (int, float)) or isinstance(said, bool):
        return None
    return float(said) if 0 <= said < 1e6 else None


def _configure(keywords: JSONObject) -> tuple[Adapter, JSONObject]:
    """Take HuggingFace's keywords out of those a model is made with.

    ``provider`` says who is to answer (a provider of the router's, ``fastest`` or ``cheapest``), ``endpoint_url`` which
    server is asked in place of the router; ``task`` is checked, and the rest are other names of what all have.

    Raises:
        ConfigurationError: The task is none of conversation, or two keywords say the same.
    """
    given = dict(keywords)
    for alias, name in _ALIASES.items():
        if alias not in given:
            continue
        if name in given:
            raise ConfigurationError(f"{alias!r} and {name!r} are two names of the same parameter; give one")
        given[name] = given.pop(alias)
    task = given.pop("task", "text-generation")
    if task not in _TASKS:
        raise ConfigurationError(f"a chat model is for conversation, not for the task {task!r}")
    adapter = ADAPTER
    provider = given.pop("provider", "auto")
    if provider != "auto":
        adapter = msgspec.structs.replace(adapter, codec=HuggingFaceCodec(provider))
    address = given.pop("endpoint_url", None)
    if address is not None:
        # Servers that are not HuggingFace's own want no key of it.
        adapter = msgspec.structs.replace(adapter, base_url=_api_of(address), base_url_env=(), key_required=False)
    return adapter, given


def _api_of(address: str) -> str:
    """The base URL of a server's API, from its address with or without the path that leads there."""
    address = address.rstrip("/").removesuffix("/chat/completions")
    return address if address.endswith("/v1") else f"{address}/v1"


ADAPTER = Adapter(
    provider="huggingface",
    codec=HuggingFaceCodec(),
    base_url="https://router.huggingface.co/v1",
    base_url_env=("HUGGINGFACE_API_BASE",),
    key_env=("HF_TOKEN", "HUGGINGFACEHUB_API_TOKEN", "HUGGING_FACE_HUB_TOKEN"),
    class_name="ChatHuggingFace",
    configure=_configure,
)

__all__ = ["ADAPTER", "DIALECT", "HuggingFaceCodec"]
