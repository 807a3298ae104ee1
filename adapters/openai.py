"""OpenAI as a provider, and which of its two APIs a call goes to.

The Responses API has what chat completions lacks: tools that OpenAI runs, reasoning that goes back in a later turn,
answers that continue a stored one. A call goes there where it needs that, otherwise to chat completions, which every
host speaks; ``use_responses_api`` decides in the caller's place. ``reasoning`` goes there too, for it is the Responses
API's own word; but behind another address than OpenAI's, where few have that API, an effort is one of chat completions.
"""

from __future__ import annotations

import re
from typing import cast

import msgspec

from tidewire.adapters.openai_chat import OpenAIChatCodec
from tidewire.adapters.openai_chat_dialect import THINKING, Dialect
from tidewire.adapters.openai_responses import OpenAIResponsesCodec
from tidewire.adapters.spec import Adapter, ChooseCodec, Codec, ModelRequest, NativeTool
from tidewire.events.blocks import JSON, JSONObject
from tidewire.events.errors import ConfigurationError
from tidewire.events.messages import AIMessage

#: Names of models that chat completions does not have.
RESPONSES_ONLY = re.compile(
    r"(gpt-[\d.]+|o\d+)(-[a-z]+)*-(pro|codex|deep-research)\b|codex-mini|computer-use", re.IGNORECASE
)


def choice_between(
    chat: Codec,
    responses: Codec,
    *,
    provider: str,
    responses_only: re.Pattern[str] | None = None,
    home: re.Pattern[str] | None = None,
) -> ChooseCodec:
    """What picks one of a provider's two APIs for a request.

    Args:
        chat: The chat completions API.
        responses: The Responses API.
        provider: Their provider, as ``response_metadata["model_provider"]`` names it.
        responses_only: How the names of models begin that only the Responses API has.
        home: How addresses begin behind which both are; None: all of them.
    """

    # Of the codecs, once: each builds its set anew.
    of_chat, of_responses = chat.parameters, responses.parameters
    beyond_chat = of_responses - of_chat

    def choose(request: ModelRequest) -> tuple[Codec, ModelRequest]:
        given = dict(request.parameters)
        wanted = given.pop("use_responses_api", None)
        if given.get("reasoning") is False:  # chat completions has another word for it
            del given["reasoning"]
            given.setdefault("reasoning_effort", "none")
        abroad = home is not None and home.match(request.base_url) is None
        if "reasoning" in given and (wanted is False or (wanted is None and abroad)) and "reasoning" not in of_chat:
            given = _by_effort(given)
        # What is switched off needs no API that knows it.
        needed = {name for name, value in given.items() if value is not None and value is not False}
        if wanted is None:
            wanted = (
                not needed.isdisjoint(beyond_chat)
                or any(isinstance(tool, NativeTool) and not _is_of_chat(tool) for tool in request.tools)
                or (responses_only is not None and responses_only.match(request.model) is not None)
                or (needed <= of_responses and _holds_items(request, provider))
            )
        codec, known = (responses, of_responses) if wanted else (chat, of_chat)
        told = {name: value for name, value in given.items() if name in needed or name in known}
        return codec, request if told == request.parameters else msgspec.structs.replace(request, parameters=told)

    return choose


def _by_effort(given: JSONObject) -> JSONObject:
    """With ``reasoning`` as chat completions has it, where it says no more than an effort; True says nothing there."""
    wanted: JSON = given.get("reasoning")
    if isinstance(wanted, dict) and wanted.keys() == {"effort"}:
        wanted = cast("JSONObject", wanted)["effort"]
    if not isinstance(wanted, str) and wanted is not True:
        return given
    rest = {name: value for name, value in given.items() if name != "reasoning"}
    if wanted is True:
        return rest
    if rest.get("reasoning_effort") is not None:
        raise ConfigurationError("reasoning and reasoning_effort say the same thing; give one of them")
    return {**rest, "reasoning_effort": wanted}


def _is_of_chat(tool: NativeTool) -> bool:
    """Whether a tool is in the form of chat completions, where its fields stand under the name of its type."""
    kind = tool.definition.get("type")
    return isinstance(kind, str) and isinstance(tool.definition.get(kind), dict)


def _holds_items(request: ModelRequest, provider: str) -> bool:
    """Whether the conversation has an answer of the provider's Responses API: its parts have ids, others' have none."""
    return any(
        isinstance(message, AIMessage)
        and message.response_metadata.get("model_provider") == provider
        and any(_is_item(block) for block in cast("list[JSONObject]", message.content_blocks))
        for message in request.messages
    )


def _is_item(block: JSONObject) -> bool:
    if block["type"] in ("text", "reasoning"):
        return block.get("id") is not None
    return "item_id" in (block.get("extras") or {})


#: OpenAI's own addresses, those of a region among them.
_HOME = re.compile(r"https://([a-z0-9-]+\.)?api\.openai\.com(/|$)")

_CHAT, _RESPONSES = OpenAIChatCodec(Dialect(thinking=THINKING)), OpenAIResponsesCodec()

ADAPTER = Adapter(
    provider="openai",
    codec=_CHAT,
    codecs=(_CHAT, _RESPONSES),
    choose_codec=choice_between(_CHAT, _RESPONSES, provider="openai", responses_only=RESPONSES_ONLY, home=_HOME),
    base_url="https://api.openai.com/v1",
    base_url_env=("OPENAI_BASE_URL", "OPENAI_API_BASE"),
    key_env=("OPENAI_API_KEY",),
    class_name="ChatOpenAI",
    idempotency_header="idempotency-key",
)

__all__ = ["ADAPTER", "RESPONSES_ONLY", "choice_between"]
