"""What every kind of model has beside the methods that run it: copies with other settings, and its profile.

A model is a frozen set of settings, or one that the config of each call completes. ``bind``, ``bind_tools``,
``with_config``, … are changes of settings, and give a copy with those; connections are shared.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Never, Self, TypeVar, cast

import msgspec

from tidewire.adapters.secrets import seal_keywords
from tidewire.blocking import run_blocking
from tidewire.call import Call
from tidewire.config import RunnableConfig, check_config, merge_configs
from tidewire.construct import build_settings, override, setting_of
from tidewire.events.blocks import JSONObject
from tidewire.events.convert import ModelInput, convert_to_messages
from tidewire.events.errors import ConfigurationError, TidewireError
from tidewire.events.stream_events import RecordFilter, StreamEvent
from tidewire.policy import Timeout
from tidewire.runnable import Runnable
from tidewire.setting import Setting, readable_settings
from tidewire.settings import Change, Settings
from tidewire.stream import Stream, records_of

if TYPE_CHECKING:
    from tidewire.open_settings import OpenSettings
    from tidewire.retrying import ExponentialJitterParams
    from tidewire.tool_binding import ToolLike

Out = TypeVar("Out")
Piece = TypeVar("Piece")


class Model(Runnable[ModelInput, Out, Piece, Call]):
    """A model whose calls give ``Out``, and streamed ``Piece`` by piece.

    A subclass says how both are made from a call: :meth:`_output_of` and :meth:`_pieces_of`.
    """

    __slots__ = ("source",)

    #: The settings, or what gives them once a call's config is known.
    source: Settings | OpenSettings

    # Those that are read most often, for type checkers; __getattr__ reads the others.
    model_name = Setting[str]()
    temperature = Setting[float | None]()
    max_tokens = Setting[int | None]()
    top_p = Setting[float | None]()
    seed = Setting[int | None]()
    stop = Setting[str | Sequence[str] | None]()
    max_retries = Setting[int]()
    timeout = Setting[Timeout]()
    base_url = Setting[str]()
    tags = Setting[tuple[str, ...]]()
    metadata = Setting[JSONObject]()

    @property
    def settings(self) -> Settings:
        """The settings; of a configurable model, those that it has by default.

        Raises:
            ConfigurationError: A configurable model has no default, or what a config says cannot be used.
        """
        return self.source.settings_for(None)

    def _bound(self, parameters: dict[str, Any]) -> Self:
        return self.bind(**parameters) if parameters else self

    def _config_of_all(self) -> RunnableConfig:
        return self.source.config

    def _begin(self, input: ModelInput, config: RunnableConfig | None, *, stream: bool | None) -> Call:
        return Call(self.source.settings_for(config), input, config, stream=stream)

    def _records(
        self, input: ModelInput, config: RunnableConfig | None, shown: RecordFilter
    ) -> Stream[StreamEvent, Out]:
        return Stream(self._begin(input, config, stream=True), records_of(shown, input), self._output_of)

    # --- copies with other settings ---

    def bind(self, **parameters: Any) -> Self:
        """A copy that sends these parameters with every call; later ones win."""
        seal_keywords(parameters)
        return self._changed(lambda settings: override(settings, parameters))

    def bind_tools(
        self,
        tools: Sequence[ToolLike],
        *,
        tool_choice: str | bool | Mapping[str, Any] | None = None,
        parallel_tool_calls: bool | None = None,
        strict: bool | None = None,
        **parameters: Any,
    ) -> Self:
        """A copy whose model may call these tools, besides those that are bound; ``[]`` unbinds all.

        Args:
            tools: Tools, functions, classes whose fields are the arguments, or dicts: ``{"name", "description",
                "parameters"}``, a JSON Schema with a title, OpenAI's form or the provider's own. One of the same name
                as a tool that is bound takes its place.
            tool_choice: "auto", "none", "any" (also "required", True), or the name of the tool that must be called;
                False takes back what was bound before.
            parallel_tool_calls: Whether several may be called at once.
            strict: Ask the provider to hold the arguments to the schema.
            parameters: Parameters to bind besides.

        Raises:
            ConfigurationError: Something is no tool, or the chosen tool is not bound.
        """
        seal_keywords(parameters)
        from tidewire.fallbacks import change_all
        from tidewire.tool_binding import add_tools, tool_choice_of, tools_of

        added = tools_of(tools, strict=strict)

        def bind(settings: Settings) -> Settings:
            bound = add_tools(settings.tools, added) if tools else ()
            choice = settings.tool_choice if tools else None
            parallel = settings.parallel_tool_calls if parallel_tool_calls is None else parallel_tool_calls
            return msgspec.structs.replace(
                settings,
                tools=bound,
                tool_choice=choice if tool_choice is None else tool_choice_of(tool_choice, bound),
                parallel_tool_calls=parallel,
            )

        return self._changed(lambda settings: change_all(override(settings, parameters), bind))

    def with_retry(
        self,
        *,
        retry_if_exception_type: tuple[type[Exception], ...] | type[Exception] | None = None,
        wait_exponential_jitter: bool = True,
        exponential_jitter_params: ExponentialJitterParams | None = None,
        stop_after_attempt: int = 3,
    ) -> Self:
        """A copy that tries again otherwise. There is one layer of retries: this replaces ``max_retries``.

        Whatever is set, a stream is not tried again after its first content (but see ``resume``), no wait is shorter
        than the provider asks for, and a form that the answer does not fit counts only where it is asked for:
        ``retry_if_exception_type=(OutputParsingError,)`` asks the model anew, in whole calls.

        Args:
            retry_if_exception_type: The errors after which it is tried again, whether they may pass or not; by default
                those that may.
            wait_exponential_jitter: False waits no longer than the provider asks for.
            exponential_jitter_params: ``initial`` and ``max`` in seconds, ``exp_base``, and ``jitter``: seconds at
                random that are added to each wait (by default each wait is a random part of its bound).
            stop_after_attempt: Requests in all, 1 or more.

        Raises:
            ConfigurationError: A value cannot be used.
        """
        from tidewire.fallbacks import change_all
        from tidewire.retrying import retry_policy

        def change(settings: Settings) -> Settings:
            policy = retry_policy(
                settings.retry,
                exceptions=retry_if_exception_type,
                waits=wait_exponential_jitter,
                parameters=exponential_jitter_params,
                attempts=stop_after_attempt,
            )
            return msgspec.structs.replace(settings, retry=policy)

        return self._changed(lambda settings: change_all(settings, change))

    def with_fallbacks(
        self,
        fallbacks: Sequence[Model[Any, Any] | str],
        *,
        exceptions_to_handle: tuple[type[Exception], ...] | type[Exception] = (TidewireError,),
        exception_key: str | None = None,
    ) -> Self:
        """A copy that asks the next model when one has failed, each with its own retries, limits and key.

        A call stays one run, of the first model; a ``fallback`` event tells who took over, and the message's
        ``response_metadata`` who answered. Streams fall back until their first content. When all fail, the first error
        is raised, with the others in ``fallback_errors``. Tools and a form that are set here count for all of them, and
        what ``bind``, ``bind_tools`` and ``with_structured_output`` set later does so too. A configurable model that
        takes over is the one that the call's config picks.

        Args:
            fallbacks: Models, or names such as "anthropic:claude-haiku-4-5", in the order in which they are asked.
            exceptions_to_handle: The errors after which the next one is asked; any other is raised at once.
            exception_key: Not for models: their input has no keys.

        Raises:
            ConfigurationError: A fallback cannot be used.
        """
        if exception_key is not None:
            raise ConfigurationError(
                "exception_key puts the error into an input that is a dict, which a model's is not; the fallback event "
                "carries the error"
            )
        several = cast("object", fallbacks)
        if isinstance(several, (str, Model)):
            given = repr(several) if isinstance(several, str) else "model"
            raise ConfigurationError(f"with_fallbacks takes a list of models; write with_fallbacks([{given}])")
        from tidewire.fallbacks import with_others

        others = tuple(_source_of(model) for model in fallbacks)
        return self._changed(lambda settings: with_others(settings, others, exceptions_to_handle))

    def with_config(self, config: RunnableConfig | None = None, **more: Any) -> Self:
        """A copy whose calls start from this config; that of a call adds to it."""
        return self._copy(self.source.with_config(merge_configs(check_config(config), check_config(more))))

    def model_copy(self, *, update: Mapping[str, Any] | None = None) -> Self:
        """A copy whose profile is its own.

        Args:
            update: What the copy has otherwise, by the names that ``init_chat_model`` has for it, such as ``profile``.

        Raises:
            ConfigurationError: A name is unknown.
        """

        changed = dict(update or {})
        del update
        seal_keywords(changed)

        def change(settings: Settings) -> Settings:
            known = settings.profile
            settings = msgspec.structs.replace(settings, profile=None if known is None else known.copy())
            return override(settings, changed)

        return self._changed(change)

    # --- the rest ---

    @property
    def model(self) -> str:
        """The model's name."""
        return self.settings.model

    @property
    def profile(self) -> JSONObject:
        """What the model can do: a dict of facts, found when it is first asked for; empty where nothing is known.

        It may be changed in place; the copies that ``bind`` and the like give share it.
        """
        known = self.settings.profile
        return {} if known is None else known.facts

    def get_num_tokens(self, text: str) -> int:
        """About as many tokens as a text has for this model; exactly so many with ``custom_get_token_ids``.

        Told from the text, offline; ``docs/messages.md`` says how near it comes.
        """
        if not isinstance(cast("object", text), str):
            raise ConfigurationError(
                f"get_num_tokens takes a text, not a {type(text).__name__}; of a conversation, "
                "get_num_tokens_from_messages tells"
            )
        from tidewire.token_counting import tokens_of_text

        return tokens_of_text(self.settings, text)

    def get_num_tokens_from_messages(
        self, messages: ModelInput, tools: Sequence[ToolLike] | None = None, *, exact: bool = False
    ) -> int:
        """About as many tokens as a conversation has for this model: what ``usage_metadata["input_tokens"]`` will be.

        Args:
            messages: The conversation.
            tools: The tools that go with it, in place of those that are bound.
            exact: Ask the provider to count, by a request of its own: Anthropic, Google, Bedrock, and OpenAI's
                Responses API do.

        Raises:
            ConfigurationError: ``exact``, and the provider does not count.
            TidewireError: ``exact``, and the request failed.
        """
        from tidewire.token_counting import tokens_of_messages

        if exact:
            return run_blocking(lambda: self.aget_num_tokens_from_messages(messages, tools, exact=True))
        return tokens_of_messages(self._with_only(tools), convert_to_messages(messages))

    async def aget_num_tokens_from_messages(
        self, messages: ModelInput, tools: Sequence[ToolLike] | None = None, *, exact: bool = False
    ) -> int:
        """:meth:`get_num_tokens_from_messages` for async code."""
        from tidewire.token_counting import count_at_provider

        if not exact:
            return self.get_num_tokens_from_messages(messages, tools)
        return await count_at_provider(self._with_only(tools), convert_to_messages(messages))

    if not TYPE_CHECKING:  # checkers would take any name for an attribute

        def __getattr__(self, name: str) -> object:
            if name == "source" or name.startswith("_"):  # asked for while an object is made, copied or looked at
                raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
            return setting_of(readable_settings(self), name)

    def __repr__(self) -> str:
        # One whose arguments were refused has no settings, and is shown by whoever records the frames of the error.
        return f"{type(self).__name__}({getattr(self, 'source', '')})"

    def __copy__(self) -> Self:
        return self  # nothing of it ever changes

    def __deepcopy__(self, memo: object) -> Self:
        return self

    def __reduce__(self) -> Never:
        raise TypeError(
            f"a {type(self).__name__} is not pickled: it holds keys and connections, which belong to this process. "
            "Pass the arguments that it is made with, and make it anew with init_chat_model(…) where it is needed"
        )

    def _with_only(self, tools: Sequence[ToolLike] | None) -> Settings:
        """The settings with these tools in place of those that are bound; None leaves them."""
        return self.settings if tools is None else self.bind_tools([]).bind_tools(tools).settings

    def _changed(self, change: Change) -> Self:
        return self._copy(self.source.changed(change))

    @classmethod
    def _copy(cls, source: Settings | OpenSettings) -> Self:
        copy = object.__new__(cls)
        copy.source = source
        return copy


def _source_of(model: Model[Any, Any] | str) -> Settings | OpenSettings:
    if isinstance(model, str):
        return build_settings(model, None, {})
    if getattr(model, "source", None) is None:
        raise ConfigurationError(f"a fallback is a model or the name of one, not {type(model).__name__}")
    return model.source


__all__ = ["Model"]
