"""``ChatTidewire``: a tidewire model as LangChain's ``BaseChatModel``, and ``as_chat_model``, which makes one.

Each call is one of the model's own, with what LangChain was given for it (tools, a form, parameters) in its settings;
only what it gives is LangChain's. Retries, time limits and events are the model's. The run has the id, tags and
metadata of LangChain's, so that both libraries' subscribers speak of the same run.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from typing import Any, cast, is_typeddict

import msgspec
from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel, LangSmithParams, LanguageModelInput, ModelProfile
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.runnables import RunnableConfig as LangChainConfig
from langchain_core.runnables.config import ensure_config
from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool
from langchain_core.utils.pydantic import is_basemodel_subclass
from langchain_core.utils.uuid import uuid7
from pydantic import BaseModel, Field

from tidewire.adapters.spec import NativeTool, ToolSpec
from tidewire.call import Call
from tidewire.chat_models import ChatModel
from tidewire.config import RunnableConfig
from tidewire.events.blocks import JSONObject
from tidewire.events.errors import ConfigurationError
from tidewire.events.types import Event
from tidewire.langchain.chunks import Piece, Pieces, message_id
from tidewire.langchain.messages import from_langchain, to_langchain
from tidewire.langchain.structured import reader_of, with_raw
from tidewire.model import Model
from tidewire.settings import Settings
from tidewire.structured import Form, form_of
from tidewire.tool_binding import ToolLike, add_tools, tool_choice_of, tools_of

# The keywords of a call that LangChain's own methods hand on and nobody else is to see: its run, its form.
_CONFIG = "tidewire_config"
_FORM = "tidewire_form"

# Fields that are settings of the model, beside `parameters`.
_SETTINGS = ("model", "base_url")
_COMMON = ("temperature", "max_tokens", "stop")

# What stays behind when a model is pickled: objects that work for it, in this process.
_NOT_PICKLED = ("chat", "callbacks", "cache", "rate_limiter", "custom_get_token_ids")


class ChatTidewire(BaseChatModel):
    """A tidewire model that LangChain's chains, agents and graphs run on.

    It takes what :func:`tidewire.init_chat_model` takes; ``callbacks``, ``tags``, ``metadata``, ``rate_limiter``,
    ``cache``, ``profile``, ``streaming`` and ``disable_streaming`` are LangChain's own. Fields may be set later: the
    next call has them. Saved by LangChain (``dumps``) are the names, ``base_url`` and the parameters, never a key.

    Args:
        model: Its name, such as ``gpt-5-nano`` or ``openai:gpt-5-nano``.
        model_provider: The provider, where the name does not tell.
        parameters: What else can be set.

    Raises:
        ConfigurationError: The provider or a parameter is unknown.
    """

    model: str
    model_provider: str
    base_url: str | None = None
    temperature: float | None = None
    max_tokens: int | None = None
    stop: list[str] | None = None
    #: The provider's other parameters.
    parameters: dict[str, Any] = Field(default_factory=dict[str, Any])
    streaming: bool = False
    #: The model that is called.
    chat: ChatModel = Field(exclude=True, repr=False)

    def __init__(self, model: str | None = None, *, model_provider: str | None = None, **parameters: Any) -> None:
        given = {"model": model, "model_provider": model_provider, **parameters}
        fields = {name: value for name, value in given.items() if name in type(self).model_fields}
        rest = {name: value for name, value in given.items() if name not in fields}
        chat: object = fields.get("chat")
        if chat is None:
            chat = _made(rest, fields)
        elif isinstance(chat, ChatModel):
            chat = chat.bind(**rest)
        else:
            raise ConfigurationError(f"as_chat_model takes what init_chat_model gives, not a {type(chat).__name__}")
        values: dict[str, Any] = {name: value for name, value in fields.items() if value is not None}
        values = {**_fields_of(chat.settings), **values, "model_provider": chat.settings.adapter.provider, "chat": chat}
        super().__init__(**values)

    # --- what LangChain asks of a model ---

    @property
    def _llm_type(self) -> str:
        return "tidewire"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        settings = self._settings({})
        return {"model": settings.model, "model_provider": settings.adapter.provider, **settings.parameters}

    @classmethod
    def is_lc_serializable(cls) -> bool:
        """True: it can be saved by LangChain's ``dumps``, without its key."""
        return True

    @classmethod
    def get_lc_namespace(cls) -> list[str]:
        """Where LangChain's ``load`` imports it from."""
        return ["tidewire", "langchain"]

    def __reduce__(self) -> tuple[object, ...]:
        # As `dumps` saves it: what a model is made of (its key, its client) stays where it is.
        kept = {name: getattr(self, name) for name in self.model_fields_set if name not in _NOT_PICKLED}
        return (_restored, (type(self), kept))

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> ChatTidewire:
        return super().__deepcopy__({**(memo or {}), id(self.chat): self.chat})  # the model itself never changes

    def _resolve_model_profile(self) -> ModelProfile | None:
        facts = self.chat.profile
        known: JSONObject = {key: facts[key] for key in ModelProfile.__annotations__ if key in facts}
        if "structured_output" in known:  # the name of a method here, and a yes or no there
            known["structured_output"] = known["structured_output"] is not False
        return cast("ModelProfile", known) or None

    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> LangSmithParams:
        parameters = {**self._settings({}).parameters, **{name: kwargs[name] for name in _COMMON if name in kwargs}}
        found = LangSmithParams(
            ls_provider=self.model_provider, ls_model_name=kwargs.get("model", self.model), ls_model_type="chat"
        )
        if isinstance(parameters.get("temperature"), int | float):
            found["ls_temperature"] = parameters["temperature"]
        if isinstance(parameters.get("max_tokens"), int):
            found["ls_max_tokens"] = parameters["max_tokens"]
        if ending := stop or parameters.get("stop"):
            found["ls_stop"] = ending
        return found

    def _get_invocation_params(self, stop: list[str] | None = None, **kwargs: Any) -> dict[str, Any]:
        shown = {name: value for name, value in kwargs.items() if name not in (_CONFIG, _FORM)}
        return super()._get_invocation_params(stop=stop, **shown)

    def get_num_tokens(self, text: str) -> int:
        """About as many tokens as a text has for the model, told offline."""
        return self.chat.get_num_tokens(text)

    def get_num_tokens_from_messages(self, messages: Sequence[BaseMessage], tools: Sequence[Any] | None = None) -> int:
        """About as many tokens as a conversation has for the model, told offline."""
        known = None if tools is None else [_tool_like(tool) for tool in tools]
        return self.chat.get_num_tokens_from_messages(from_langchain(messages), known)

    # --- calls ---

    def stream(
        self,
        input: LanguageModelInput,
        config: LangChainConfig | None = None,
        *,
        stop: list[str] | None = None,
        **kwargs: Any,
    ) -> Iterator[AIMessageChunk]:
        """The answer as it arrives; closing the iterator stops the call."""
        config, kwargs = self._with_run(config, kwargs, async_api=False)
        yield from super().stream(input, config, stop=stop, **kwargs)

    async def astream(
        self,
        input: LanguageModelInput,
        config: LangChainConfig | None = None,
        *,
        stop: list[str] | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[AIMessageChunk]:
        """The answer as it arrives; closing the iterator stops the call."""
        config, kwargs = self._with_run(config, kwargs, async_api=True)
        async for chunk in super().astream(input, config, stop=stop, **kwargs):
            yield chunk

    def _with_run(
        self, config: LangChainConfig | None, kwargs: dict[str, Any], *, async_api: bool
    ) -> tuple[LangChainConfig, dict[str, Any]]:
        """The config with the id of the run, and the keywords that tell it to ``_stream``, which LangChain does not."""
        config = ensure_config(config)
        asked: dict[str, Any] = {**kwargs, "stream": True}
        if not self._should_stream(async_api=async_api, run_manager=None, **asked):
            return config, kwargs
        run_id = config["run_id"] = config.get("run_id") or uuid7()
        tied: RunnableConfig = {
            "run_id": run_id,
            "tags": [*config.get("tags", ()), *(self.tags or ())],
            "metadata": {**config.get("metadata", {}), **(self.metadata or {})},
        }
        return config, {**kwargs, _CONFIG: tied}

    def _should_stream(
        self,
        *,
        async_api: bool,
        run_manager: CallbackManagerForLLMRun | AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> bool:
        # Where LangChain knows the run, `_generate` streams by itself: it is told the run, and `_stream` is not.
        return run_manager is None and super()._should_stream(async_api=async_api, **kwargs)

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        streams = super()._should_stream(async_api=False, run_manager=run_manager, **kwargs)
        face, config = self._face(stop, run_manager, kwargs, streams=streams)
        given = from_langchain(messages)
        if not streams:
            return _result(face.invoke(given, config))
        message: AIMessage | None = None
        for piece in face.stream(given, config):
            if run_manager is not None:
                run_manager.on_llm_new_token(piece.chunk.message.content, chunk=piece.chunk)
            message = piece.message
        return _result(message)

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        streams = super()._should_stream(async_api=True, run_manager=run_manager, **kwargs)
        face, config = self._face(stop, run_manager, kwargs, streams=streams)
        given = from_langchain(messages)
        if not streams:
            return _result(await face.ainvoke(given, config))
        message: AIMessage | None = None
        async with face.astream(given, config) as stream:
            async for piece in stream:
                if run_manager is not None:
                    await run_manager.on_llm_new_token(piece.chunk.message.content, chunk=piece.chunk)
                message = piece.message
        return _result(message)

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        face, config = self._face(stop, run_manager, kwargs, streams=True)
        for piece in face.stream(from_langchain(messages), config):
            yield piece.chunk

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        face, config = self._face(stop, run_manager, kwargs, streams=True)
        async with face.astream(from_langchain(messages), config) as stream:
            async for piece in stream:
                yield piece.chunk

    def _face(
        self,
        stop: list[str] | None,
        run_manager: CallbackManagerForLLMRun | AsyncCallbackManagerForLLMRun | None,
        kwargs: dict[str, Any],
        *,
        streams: bool,
    ) -> tuple[_Face, RunnableConfig]:
        """The model for one call, and its config."""
        given = {name: value for name, value in kwargs.items() if name not in (_CONFIG, "stream")}
        config: RunnableConfig = kwargs.get(_CONFIG, {})
        if run_manager is not None:
            config = {
                "run_id": run_manager.run_id,
                "tags": list(run_manager.tags),
                "metadata": dict(run_manager.metadata),
            }
        if stop is not None:
            given["stop"] = stop
        settings = self._settings(given)
        # A chunk that was heard cannot be taken back from LangChain's sums, as beginning anew would have to.
        if streams:
            settings = msgspec.structs.replace(settings, resume=None)
        return _Face(settings, self.output_version), config

    def _settings(self, given: dict[str, Any]) -> Settings:
        """The model's settings, with what the fields and the keywords of a call say."""
        settings = self.chat.settings
        fields = {name: getattr(self, name) for name in (*_SETTINGS, *_COMMON)} | self.parameters
        known = _fields_of(settings)
        known.update(known.pop("parameters"))
        changed = {name: value for name, value in fields.items() if value is not None and value != known.get(name)}
        form = _form_of(given.pop(_FORM, None), given.pop("response_format", None))
        tools, choice = given.pop("tools", None), given.pop("tool_choice", None)
        model = self.chat.bind(**changed).bind(**given)
        if tools is not None:
            model = model.bind_tools(tools, tool_choice=choice)
        elif choice is not None:
            model = model.bind(tool_choice=choice)
        return model.settings if form is None else msgspec.structs.replace(model.settings, form=form)

    # --- copies that ask for something ---

    def bind_tools(
        self,
        tools: Sequence[Mapping[str, Any] | type | Callable[..., Any] | BaseTool | ToolLike],
        *,
        tool_choice: str | bool | Mapping[str, Any] | None = None,
        parallel_tool_calls: bool | None = None,
        strict: bool | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """The model with tools that it may call, besides those that the tidewire model has.

        Args:
            tools: LangChain's tools, and all that :meth:`tidewire.ChatModel.bind_tools` takes; of two with one name,
                the later one counts.
            tool_choice: "auto", "none", "any" (also "required", True), or the name of the tool that must be called.
            parallel_tool_calls: Whether several may be called at once.
            strict: Ask the provider to hold the arguments to the schema.
            kwargs: Parameters to bind besides.

        Raises:
            ConfigurationError: Something is no tool, or the chosen tool is not bound.
        """
        specs: tuple[ToolSpec | NativeTool, ...] = ()
        for tool in tools:
            specs = add_tools(specs, tools_of([_tool_like(tool)], strict=strict))
        bound: dict[str, Any] = {"tools": [_spelled(spec) for spec in specs], **kwargs}
        if tool_choice is not None and tool_choice is not False:
            tool_choice_of(tool_choice, (*self.chat.settings.tools, *specs))
            bound["tool_choice"] = "any" if tool_choice is True else tool_choice
        if parallel_tool_calls is not None:
            bound["parallel_tool_calls"] = parallel_tool_calls
        return self.bind(**bound)

    def with_structured_output(
        self,
        schema: Mapping[str, Any] | type,
        *,
        method: str | None = None,
        include_raw: bool = False,
        strict: bool | None = None,
        validate: bool = True,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, Any]:
        """The model with a reader behind it that gives values in a form, as :meth:`tidewire.ChatModel` does it.

        Streamed, it gives the value as it grows. ``include_raw=True`` gives LangChain's dicts: ``raw``, ``parsed`` and
        ``parsing_error``.

        Args:
            schema: A pydantic model (1 or 2), TypedDict, dataclass or ``msgspec.Struct``, or a JSON Schema.
            method: "json_schema", "function_calling" or "json_mode"; by default the first of these that the model and
                its provider know.
            include_raw: Give the message too, and errors of reading as data.
            strict: Have the provider hold the answer to the schema.
            validate: False: do not check what a JSON Schema or TypedDict says.
            kwargs: Parameters to bind besides.

        Raises:
            ConfigurationError: The schema is none, or the method does not exist.
        """
        reader = reader_of(schema, self._settings({}), method=method, strict=strict, validate=validate)
        form = reader.form
        told = {"kwargs": {"method": form.method, "strict": form.strict}, "schema": _shown(schema, form)}
        model = self.bind(**{_FORM: form, "ls_structured_output_format": told, **kwargs})
        return with_raw(model, reader) if include_raw else model | reader


def as_chat_model(model: ChatModel, **fields: Any) -> ChatTidewire:
    """A tidewire model as LangChain's.

    Args:
        model: The model, with its tools, parameters, callbacks and the rest.
        fields: LangChain's own, such as ``output_version`` and ``callbacks``; or parameters to change.

    Raises:
        ConfigurationError: It is no chat model, as ``with_structured_output`` gives none.
    """
    return ChatTidewire(chat=model, **fields)


def _restored(kind: type[ChatTidewire], fields: dict[str, Any]) -> ChatTidewire:
    return kind(**fields)


def _made(keywords: dict[str, Any], fields: dict[str, Any]) -> ChatModel:
    """The model of some keywords. Fields that are its settings are taken from the others, which stay LangChain's."""
    own = {name: fields.pop(name) for name in (*_SETTINGS, *_COMMON) if fields.get(name) is not None}
    parameters = {**fields.pop("parameters", {}), **own, **keywords}
    return ChatModel(model_provider=fields.get("model_provider"), **parameters)


class _Face(Model[AIMessage, Piece]):
    """A model whose answers are LangChain's."""

    __slots__ = ("_version",)

    def __init__(self, settings: Settings, version: str | None) -> None:
        self.source = settings
        self._version = version

    def _output_of(self, call: Call) -> AIMessage:
        finish = call.bus.fold.finish
        reason = None if finish is None else finish.reason
        return to_langchain(call.message, id=message_id(call), finish=reason, version=self._version)

    def _pieces_of(self, call: Call) -> Callable[[list[Event]], list[Piece]]:
        return Pieces(call, self._version).pieces


def _fields_of(settings: Settings) -> dict[str, Any]:
    """The fields that stand for a model's settings."""
    parameters = dict(settings.parameters)
    common = {name: parameters.pop(name, None) for name in _COMMON}
    return {"model": settings.model, "base_url": settings.base_url or None, **common, "parameters": parameters}


def _form_of(form: Form | None, response_format: object) -> Form | None:
    """The form that a call asks for; as ``response_format`` in OpenAI's spelling, which agents use, or as a class."""
    if form is not None or response_format is None:
        return form
    if response_format == {"type": "json_object"}:
        return form_of({"type": "object"}, method="json_mode")
    return form_of(response_format, validate=False)


def _tool_like(tool: object) -> ToolLike:
    """A tool as tidewire knows it. LangChain says itself what is told of its own tools."""
    is_langchain = isinstance(tool, BaseTool | Runnable)
    is_old_model = isinstance(tool, type) and is_basemodel_subclass(tool) and not issubclass(tool, BaseModel)
    if not (is_langchain or is_old_model):
        return cast("ToolLike", tool)
    known = cast("Any", tool)
    told = convert_to_openai_tool(known)
    extras: JSONObject = getattr(known, "extras", None) or {}
    return {**told.get("function", told), **extras}


def _shown(schema: Mapping[str, Any] | type, form: Form) -> Mapping[str, Any] | type:
    """The schema in a form that LangChain can show in its traces."""
    if isinstance(schema, Mapping) or is_basemodel_subclass(schema) or is_typeddict(schema):
        return schema
    return {"title": form.name, "description": form.description, **form.schema}


def _spelled(spec: ToolSpec | NativeTool) -> JSONObject:
    """A tool as JSON, for LangChain's traces to show."""
    if isinstance(spec, NativeTool):
        return spec.definition
    function: JSONObject = {"name": spec.name, "description": spec.description, "parameters": spec.parameters}
    if spec.strict is not None:
        function["strict"] = spec.strict
    return {"type": "function", "function": {**function, **spec.extras}}


def _result(message: AIMessage | None) -> ChatResult:
    assert message is not None, "a stream that ends without an error gives a message"
    return ChatResult(generations=[ChatGeneration(message=message)])


__all__ = ["ChatTidewire", "as_chat_model"]
