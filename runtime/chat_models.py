"""``ChatModel``: a chat model as users hold it, and ``init_chat_model``, which finds it by name."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeVar, overload

import msgspec

from tidewire.adapters.secrets import seal_keywords
from tidewire.adapters.spec import Adapter
from tidewire.call import Call
from tidewire.construct import build_settings, model_and_rest, override
from tidewire.events.blocks import JSONObject
from tidewire.events.chunks import AIMessageChunk
from tidewire.events.errors import ConfigurationError
from tidewire.events.messages import AIMessage
from tidewire.events.types import Event
from tidewire.model import Model
from tidewire.stream import ChunkMaker

if TYPE_CHECKING:
    from tidewire.open_settings import Fields
    from tidewire.structured import StructuredMethod
    from tidewire.structured_model import RawOutput, StructuredModel

T = TypeVar("T")


class ChatModel(Model[AIMessage, AIMessageChunk]):
    """A chat model.

    Args:
        model: Its name, such as ``gpt-5-nano`` or ``openai:gpt-5-nano``; also as ``model_name`` or ``model_id``.
        model_provider: The provider, where the name does not tell.
        parameters: What can be set; see :func:`init_chat_model`.
    """

    #: The provider of a class that stands for one; None tells it from the model's name.
    provider: ClassVar[str | None] = None

    __slots__ = ()

    def __init__(
        self, model: str | None = None, *, model_provider: str | Adapter | None = None, **parameters: Any
    ) -> None:
        seal_keywords(parameters)
        name, parameters = model_and_rest(model, parameters)
        if name is None:
            raise ConfigurationError(f"{type(self).__name__} needs the name of a model: model=…")
        self.source = build_settings(name, model_provider or self.provider, parameters)

    def _output_of(self, call: Call) -> AIMessage:
        return call.message

    def _pieces_of(self, call: Call) -> Callable[[list[Event]], list[AIMessageChunk]]:
        return ChunkMaker(call.run).chunks

    @overload
    def with_structured_output(
        self,
        schema: type[T],
        *,
        method: StructuredMethod | None = None,
        include_raw: Literal[False] = False,
        strict: bool | None = None,
        validate: bool = True,
        **parameters: Any,
    ) -> StructuredModel[T]: ...

    @overload
    def with_structured_output(
        self,
        schema: type[T],
        *,
        method: StructuredMethod | None = None,
        include_raw: Literal[True],
        strict: bool | None = None,
        validate: bool = True,
        **parameters: Any,
    ) -> StructuredModel[RawOutput[T]]: ...

    @overload
    def with_structured_output(
        self,
        schema: Mapping[str, Any],
        *,
        method: StructuredMethod | None = None,
        include_raw: Literal[False] = False,
        strict: bool | None = None,
        validate: bool = True,
        **parameters: Any,
    ) -> StructuredModel[JSONObject]: ...

    @overload
    def with_structured_output(
        self,
        schema: Mapping[str, Any],
        *,
        method: StructuredMethod | None = None,
        include_raw: Literal[True],
        strict: bool | None = None,
        validate: bool = True,
        **parameters: Any,
    ) -> StructuredModel[RawOutput[JSONObject]]: ...

    def with_structured_output(
        self,
        schema: object,
        *,
        method: StructuredMethod | None = None,
        include_raw: bool = False,
        strict: bool | None = None,
        validate: bool = True,
        **parameters: Any,
    ) -> StructuredModel[Any]:
        """A model of the same settings whose answers are values in a form.

        Args:
            schema: A pydantic model, TypedDict, dataclass or ``msgspec.Struct``, or a JSON Schema.
            method: How the provider is told: "json_schema", "function_calling" or "json_mode"; by default the first of
                these that the model and its provider know.
            include_raw: Give ``{"raw": message, "parsed": value, "parsing_error": error}``, errors of reading included.
            strict: Have the provider hold the answer to the schema; None does so for classes that allow it, but not
                for a TypedDict.
            validate: False: do not check what a JSON Schema or TypedDict says.
            parameters: Parameters to bind besides.

        Raises:
            ConfigurationError: The schema is none, or uses a keyword that answers cannot be checked for.
        """
        seal_keywords(parameters)
        from tidewire.fallbacks import change_all
        from tidewire.structured import form_of
        from tidewire.structured_model import StructuredModel

        form = form_of(schema, method=method, include_raw=include_raw, strict=strict, validate=validate)
        return StructuredModel(
            self.source.changed(
                lambda settings: change_all(
                    override(settings, parameters), lambda one: msgspec.structs.replace(one, form=form)
                )
            )
        )


def init_chat_model(
    model: str | None = None,
    *,
    model_provider: str | Adapter | None = None,
    configurable_fields: Fields | None = None,
    config_prefix: str | None = None,
    **parameters: Any,
) -> ChatModel:
    """The chat model of a name, or one whose name and parameters the config of each call may choose.

    Args:
        model: ``provider:model``, or a model's name from which the provider is told. Without it, each call's config
            names the model: ``config={"configurable": {"model": "openai:gpt-5-nano"}}``.
        model_provider: The provider, apart from the name; or its adapter, for one that is registered nowhere.
        configurable_fields: What a call's config may set under ``configurable``: names of parameters; or "any", which
            leaves out those that say where requests go and with whose key. By default ``model`` and ``model_provider``
            where no model is given, else nothing.
        config_prefix: What the keys of these fields begin with: "first" reads ``first_model``.
        parameters: ``temperature``, ``max_tokens``, ``top_p``, ``stop``, ``seed`` and what else the provider takes;
            ``api_key`` (text, or a function that gives it), ``base_url``, ``timeout`` (seconds, or a
            :class:`~tidewire.Timeout`), ``max_retries``, ``resume`` ("restart" begins a broken answer anew, although a
            part of it was heard), ``default_headers``, ``default_query``, ``extra_body``, ``include_response_headers``,
            ``cache``, ``callbacks``, ``tags``, ``metadata``, ``stream_usage``, ``streaming``, ``disable_streaming``,
            ``profile`` (what the model can do, in place of what is known of it), ``check_profile`` (refuse what the
            profile rules out), ``custom_get_token_ids`` (the model's tokenizer), ``proxy``, ``verify``,
            ``http_client``, ``transport``.

    Raises:
        ConfigurationError: The provider or a parameter is unknown; the nearest names are listed. A missing key is
            told at the first request, and so is a model that no config names.

    >>> init_chat_model("embedded:demo", script=["Hello!"]).invoke("Hi").text
    'Hello!'
    """
    seal_keywords(parameters)
    name, rest = model_and_rest(model, parameters)
    if configurable_fields or name is None:
        defaults = {"model": name, "model_provider": model_provider, **rest}
        from tidewire.open_settings import OpenSettings

        open_model = object.__new__(ChatModel)
        open_model.source = OpenSettings(
            configurable_fields or ("model", "model_provider"), config_prefix or "", defaults
        )
        return open_model
    if config_prefix:
        text = "config_prefix counts for configurable_fields only, of which there are none"
        warnings.warn(text, UserWarning, stacklevel=2)
    return ChatModel(name, model_provider=model_provider, **rest)


__all__ = ["ChatModel", "init_chat_model"]
