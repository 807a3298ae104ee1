"""``ChatModel``: a chat model as users hold it, and ``init_chat_model``, which finds it by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from tidewire.adapters.spec import Adapter
from tidewire.call import Call
from tidewire.construct import build_settings
from tidewire.events.chunks import AIMessageChunk
from tidewire.events.messages import AIMessage
from tidewire.events.types import Event
from tidewire.model import Model
from tidewire.stream import ChunkMaker


class ChatModel(Model[AIMessage, AIMessageChunk]):
    """A chat model.

    Args:
        model: Its name, such as ``gpt-5-nano`` or ``openai:gpt-5-nano``.
        model_provider: The provider, where the name does not tell.
        parameters: What can be set; see :func:`init_chat_model`.
    """

    #: The provider of a class that stands for one; None tells it from the model's name.
    provider: ClassVar[str | None] = None

    __slots__ = ()

    def __init__(self, model: str, *, model_provider: str | Adapter | None = None, **parameters: Any) -> None:
        self.settings = build_settings(model, model_provider or self.provider, parameters)

    def _output_of(self, call: Call) -> AIMessage:
        return call.message

    def _pieces_of(self, call: Call) -> Callable[[list[Event]], list[AIMessageChunk]]:
        return ChunkMaker(call.run).chunks


def init_chat_model(model: str, *, model_provider: str | Adapter | None = None, **parameters: Any) -> ChatModel:
    """The chat model of a name.

    Args:
        model: ``provider:model``, or a model's name from which the provider is told.
        model_provider: The provider, apart from the name; or its adapter, for one that is registered nowhere.
        parameters: ``temperature``, ``max_tokens``, ``top_p``, ``stop``, ``seed`` and what else the provider takes;
            ``api_key`` (text, or a function that gives it), ``base_url``, ``timeout`` (seconds, or a
            :class:`~tidewire.Timeout`), ``max_retries``, ``default_headers``, ``extra_body``, ``callbacks``, ``tags``,
            ``metadata``, ``stream_usage``, ``streaming``, ``profile`` (what the model can do, in place of what is known
            of it), ``check_profile`` (refuse what the profile rules out), ``proxy``, ``verify``, ``http_client``,
            ``transport``.

    Raises:
        ConfigurationError: The provider or a parameter is unknown; the nearest names are listed. A missing key is
            told at the first request.

    >>> init_chat_model("embedded:demo", script=["Hello!"]).invoke("Hi").text
    'Hello!'
    """
    return ChatModel(model, model_provider=model_provider, **parameters)


__all__ = ["ChatModel", "init_chat_model"]
