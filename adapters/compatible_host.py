"""One row of the table of hosts that speak OpenAI's chat completions format: its adapter, from what is its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Literal

import msgspec

from tidewire.adapters.openai import choice_between
from tidewire.adapters.openai_chat import OpenAIChatCodec
from tidewire.adapters.openai_chat_dialect import Dialect
from tidewire.adapters.openai_responses import OpenAIResponsesCodec
from tidewire.adapters.openai_responses_dialect import Dialect as ResponsesDialect
from tidewire.adapters.reasoning import effort_words
from tidewire.adapters.spec import Adapter, ChooseCodec, Codec, ModelRequest
from tidewire.events.blocks import JSONObject


def takes(names: str, **others: str) -> Mapping[str, str]:
    """Parameters by their public names: some that the host calls the same, others by its own name."""
    return {**{name: name for name in names.split()}, **others}


def host(
    provider: str,
    class_name: str,
    base_url: str,
    key_env: str,
    takes: Mapping[str, str],
    dialect: Dialect,
    *,
    base_url_env: str = "",
    key_required: bool = True,
    configure: Callable[[Adapter, JSONObject], tuple[Adapter, JSONObject]] | None = None,
    responses: Literal["asked", "needed"] | None = None,
) -> Adapter:
    """The adapter of a host: one row. A package of its own may register what this gives.

    Args:
        provider: The name before the colon.
        class_name: The name of its class.
        base_url: Where it lives.
        key_env: The environment variables of its key.
        takes: The parameters that it takes, but for those of the dialect's ``thinking``.
        dialect: What else is its own; its name and parameters are filled in.
        base_url_env: The environment variables of its address, besides ``…_API_BASE``.
        key_required: False for servers that also answer without a key.
        configure: As in ``Adapter``, and is given the adapter.
        responses: Whether it has OpenAI's Responses API too, for calls that ask for it (``use_responses_api``), or also
            for those that need it. None: it has not.
    """
    thinks = () if dialect.thinking is None else dialect.thinking.names
    parameters = {**takes, **{name: name for name in thinks}}
    chat = OpenAIChatCodec(msgspec.structs.replace(dialect, provider=provider, parameters=parameters))
    adapter = Adapter(
        provider=provider,
        codec=chat,
        base_url=base_url,
        base_url_env=(*base_url_env.split(), f"{provider.upper()}_API_BASE"),
        key_env=tuple(key_env.split()),
        key_required=key_required,
        class_name=class_name,
        effort_words={} if dialect.thinking is None else effort_words(dialect.thinking),
    )
    if responses is not None:
        other = OpenAIResponsesCodec(ResponsesDialect(provider=provider))
        needed = responses == "needed"
        choose = choice_between(chat, other, provider=provider) if needed else _when_asked(chat, other)
        adapter = msgspec.structs.replace(adapter, codecs=(chat, other), choose_codec=choose)
    if configure is not None:
        adapter = msgspec.structs.replace(adapter, configure=partial(configure, adapter))
    return adapter


def _when_asked(chat: Codec, responses: Codec) -> ChooseCodec:
    """Chat completions, unless ``use_responses_api`` says otherwise: it has the host's own tools."""

    def choose(request: ModelRequest) -> tuple[Codec, ModelRequest]:
        given = {name: value for name, value in request.parameters.items() if name != "use_responses_api"}
        asked = request.parameters.get("use_responses_api")
        return responses if asked else chat, msgspec.structs.replace(request, parameters=given)

    return choose


__all__ = ["host", "takes"]
