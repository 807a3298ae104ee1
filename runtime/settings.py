"""Everything about a model that can be set, in one frozen struct; each ``with_…`` method replaces fields of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Protocol, Self, TypeAlias, cast

import msgspec

from tidewire.adapters.secrets import Secret
from tidewire.adapters.spec import (
    Adapter,
    Credentials,
    ModelRequest,
    NativeTool,
    OutputSchema,
    ToolChoice,
    ToolSpec,
    Transport,
)
from tidewire.config import RunnableConfig, check_config, inherited_config, merge_configs
from tidewire.events.blocks import JSONObject
from tidewire.events.callbacks import Callbacks
from tidewire.events.messages import BaseMessage
from tidewire.limiter import BaseRateLimiter
from tidewire.model_profile import ModelProfile
from tidewire.policy import RetryPolicy, Timeout
from tidewire.profile_checks import check_request, fit_parameters
from tidewire.response_cache import BaseCache
from tidewire.stream_usage import refuses_usage

if TYPE_CHECKING:
    from tidewire.structured import Form

#: What becomes of an answer that broke off after a part of it has been heard.
Resume: TypeAlias = Literal["restart"]


#: What a declaration such as ``bind`` does to settings.
Change: TypeAlias = "Callable[[Settings], Settings]"


class Settings(msgspec.Struct, frozen=True):
    """The settings of a model.

    Attributes:
        adapter: The provider.
        model: The model's name, as the provider knows it.
        transport: What carries the requests.
        credentials: What signs them.
        base_url: Where the provider lives, without a trailing slash.
        parameters: Sampling and provider parameters by their public names.
        headers: Headers of the caller's own, sent with every request.
        query: Fields of the caller's own in the query of every request's address.
        include_response_headers: Show the headers of the answer in its ``response_metadata["headers"]``.
        extra_body: Fields merged into the JSON body last.
        tools: The tools the model may call.
        tool_choice: Which of them it must call.
        parallel_tool_calls: Whether it may call several at once; None leaves it to the provider.
        output: The form that the answer must have, as the provider is told.
        form: The form that the answer is read in; it says ``output``, or a tool, for the model that is asked.
        timeout: How long a call may take.
        retry: How often a failed call is tried again.
        rate_limiter: Asked before each request; None sends at once.
        stream_usage: Whether streams ask for token counts.
        disable_streaming: True asks for no streams, whoever reads them; "tool_calling" for none where tools are bound.
        streaming: True streams also for ``ainvoke``, None does so when somebody listens to tokens, False never does.
        cache: Where answers are kept: a cache, True for that of all models, None for that one if there is one, False.
        callbacks: Who hears the calls of this model only.
        tags: Labels of the calls of this model only.
        metadata: Data of the calls of this model only.
        config: The config that every call starts from.
        profile: What the model can do, as far as it is known; None: nothing is known.
        check_profile: Refuse what the profile rules out before it is sent.
        custom_get_token_ids: The model's tokenizer, where the caller has it: gives the tokens of a text.
        resume: "restart" begins a broken answer anew even after a part of it has been heard; None raises instead.
        fallbacks: Who takes over when the model fails.
    """

    adapter: Adapter
    model: str
    transport: Transport
    credentials: Credentials
    base_url: str
    parameters: JSONObject = {}
    headers: dict[str, str | Secret] = {}
    query: dict[str, str | Secret] = {}
    include_response_headers: bool = False
    extra_body: JSONObject = {}
    tools: tuple[ToolSpec | NativeTool, ...] = ()
    tool_choice: ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    output: OutputSchema | None = None
    form: Form | None = None
    timeout: Timeout = Timeout()
    retry: RetryPolicy = RetryPolicy()
    rate_limiter: BaseRateLimiter | None = None
    stream_usage: bool = True
    disable_streaming: bool | Literal["tool_calling"] = False
    streaming: bool | None = None
    cache: BaseCache | bool | None = None
    callbacks: Callbacks = None
    tags: tuple[str, ...] = ()
    metadata: dict[str, Any] = {}
    config: RunnableConfig = {}
    profile: ModelProfile | None = None
    check_profile: bool = False
    custom_get_token_ids: Callable[[str], Sequence[int]] | None = None
    resume: Resume | None = None
    fallbacks: Fallbacks | None = None

    def settings_for(self, config: Mapping[str, Any] | None) -> Self:
        """The settings of a call: these, whatever its config."""
        return self

    def changed(self, change: Change) -> Settings:
        """What a change makes of these."""
        return change(self)

    def with_config(self, config: RunnableConfig) -> Settings:
        """The settings whose calls start from this config, too."""
        return msgspec.structs.replace(self, config=merge_configs(self.config, config))

    def decided(self, config: Mapping[str, Any] | None) -> Settings:
        """The settings of a call whose fallbacks are decided too, each by what the config picks for it.

        Raises:
            ConfigurationError: A fallback cannot be completed by it.
        """
        fallbacks = self.fallbacks
        if fallbacks is None or all(isinstance(model, Settings) for model in fallbacks.models):
            return self
        config = merge_configs(self.config, check_config(config))
        models = tuple(one for model in fallbacks.models for one in model.settings_for(config).decided(config).flat())
        return msgspec.structs.replace(self, fallbacks=msgspec.structs.replace(fallbacks, models=models))

    def flat(self) -> tuple[SettingsSource, ...]:
        """These without fallbacks, and after them the fallbacks."""
        fallbacks = self.fallbacks
        return (self,) if fallbacks is None else (msgspec.structs.replace(self, fallbacks=None), *fallbacks.models)

    def __str__(self) -> str:
        return f"{self.adapter.provider}:{self.model}"

    @property
    def prices(self) -> JSONObject:
        """The prices of the model's profile; empty where none is known."""
        prices = None if self.profile is None else self.profile.facts.get("prices")
        return cast("JSONObject", prices) if isinstance(prices, dict) else {}

    def config_for(self, config: Mapping[str, Any] | None) -> RunnableConfig:
        """The config of one call."""
        return merge_configs(merge_configs(inherited_config(), self.config), check_config(config))

    def request(self, messages: list[BaseMessage], *, stream: bool) -> ModelRequest:
        """What the codec is asked to spell.

        Raises:
            ConfigurationError: The model's profile rules something out.
        """
        facts: JSONObject = {} if self.profile is None else self.profile.facts
        parameters, warnings = fit_parameters(facts, self.parameters, self.model, self.adapter)
        request = ModelRequest(
            model=self.model,
            messages=messages,
            base_url=self.base_url,
            stream=stream,
            parameters=parameters,
            tools=self.tools,
            tool_choice=self.tool_choice,
            parallel_tool_calls=self.parallel_tool_calls,
            output=self.output,
            stream_usage=self.stream_usage and not refuses_usage(self.adapter.provider, self.base_url),
            mid_conversation_system_messages=facts.get("mid_conversation_system_messages") is True,
            max_output_tokens=facts.get("max_output_tokens"),
            extra_body=self.extra_body,
            warnings=warnings,
        )
        if self.form is not None:
            request = self.form.asked_of(self.adapter, facts, request)
        if stream and (self.disable_streaming is True or (self.disable_streaming and request.tools)):
            request = msgspec.structs.replace(request, stream=False)
        if self.check_profile:
            check_request(facts, request)
        return request


class SettingsSource(Protocol):
    """Settings, or what gives them once a call's config is known: of a configurable model."""

    def settings_for(self, config: Mapping[str, Any] | None) -> Settings:
        """The settings of a call."""
        ...

    def changed(self, change: Change) -> SettingsSource:
        """A copy whose settings, whichever they will be, are changed so."""
        ...


class Fallbacks(msgspec.Struct, frozen=True):
    """Who takes over when a model fails.

    Attributes:
        models: The settings of those models, in order, which have no fallbacks of their own; of configurable ones what
            gives them, until a call is made (:meth:`Settings.decided`).
        exceptions: The errors after which the next one is asked; any other is raised.
    """

    models: tuple[SettingsSource, ...]
    exceptions: tuple[type[Exception], ...]


__all__ = ["Change", "Fallbacks", "Resume", "Settings", "SettingsSource"]
