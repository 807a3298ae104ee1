"""What every kind of model has: the methods that make calls, one or many, whole or piece by piece, async and sync.

A model is a frozen set of settings. ``bind``, ``bind_tools``, ``with_config``, … give a copy with other settings;
connections are shared.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Generic, Literal, Self, TypeVar, overload

import msgspec

from tidewire.batch import CompletedBatch, Configs, Inputs, as_completed, run_batch
from tidewire.blocking import is_stopped, run_blocking
from tidewire.call import Call
from tidewire.config import RunnableConfig, check_config, merge_configs
from tidewire.construct import override
from tidewire.events.blocks import JSONObject
from tidewire.events.convert import ModelInput
from tidewire.events.errors import ConfigurationError
from tidewire.events.stream_events import RecordFilter, StreamEvent
from tidewire.events.types import Event
from tidewire.settings import Settings
from tidewire.stream import Stream, generate_events, pieces_of, records_of

if TYPE_CHECKING:
    from tidewire.tool_binding import ToolLike

Out = TypeVar("Out")
Piece = TypeVar("Piece")


class Model(Generic[Out, Piece]):
    """A model whose calls give ``Out``, and streamed ``Piece`` by piece.

    A subclass says how both are made from a call: :meth:`_output_of` and :meth:`_pieces_of`.
    """

    __slots__ = ("settings",)

    settings: Settings

    def _output_of(self, call: Call) -> Out:
        """What a call that is over gives."""
        raise NotImplementedError

    def _pieces_of(self, call: Call) -> Callable[[list[Event]], list[Piece]]:
        """What makes the pieces of a call, from the events of each read."""
        raise NotImplementedError

    # --- one call ---

    async def ainvoke(self, input: ModelInput, config: RunnableConfig | None = None, **parameters: Any) -> Out:
        """The whole answer.

        Args:
            input: The conversation: a text, a message, or a list of messages, dicts and pairs.
            config: Who listens, what the run is called.
            parameters: Parameters for this call only.

        Raises:
            TidewireError: The call failed; see :mod:`tidewire.errors`.
        """
        call = Call(self._with(parameters), input, config, stream=None)
        while await call.read() is not None:
            continue
        return self._output_of(call)

    def astream(self, input: ModelInput, config: RunnableConfig | None = None, **parameters: Any) -> Stream[Piece, Out]:
        """The answer as it arrives: chunks that add up with ``+`` to the message of :meth:`ainvoke`.

        The last chunk has ``chunk_position="last"`` and carries the usage. A ``break`` stops the call, ``async with``
        does so at once. ``await stream.result()`` reads what is left and gives the whole message.

        Raises:
            TidewireError: From the iteration, when the call fails; what arrived is in ``partial``.
        """
        return Stream(
            Call(self._with(parameters), input, config, stream=True), pieces_of(self._pieces_of), self._output_of
        )

    def aevents(self, input: ModelInput, config: RunnableConfig | None = None, **parameters: Any) -> Stream[Event, Out]:
        """The call's typed events (:mod:`tidewire.events`), from ``start`` to ``end``; otherwise as :meth:`astream`."""
        return Stream(Call(self._with(parameters), input, config, stream=True), generate_events, self._output_of)

    def astream_events(
        self,
        input: ModelInput,
        config: RunnableConfig | None = None,
        *,
        version: str = "v2",
        include_names: Sequence[str] | None = None,
        include_types: Sequence[str] | None = None,
        include_tags: Sequence[str] | None = None,
        exclude_names: Sequence[str] | None = None,
        exclude_types: Sequence[str] | None = None,
        exclude_tags: Sequence[str] | None = None,
        **parameters: Any,
    ) -> Stream[StreamEvent, Out]:
        """The call as the field's event records: ``on_chat_model_start``, ``…_stream`` for each chunk, ``…_end``.

        The typed events are those of :meth:`aevents`. Leaving early stops the call, as with :meth:`astream`.

        Args:
            input: As for :meth:`astream`.
            config: As for :meth:`astream`.
            version: "v2"; there is no other.
            include_names: Show only runs of these names, or those that fit another ``include_…``.
            include_types: … of these types: ``chat_model``, ``tool``, ``chain``.
            include_tags: … with one of these tags.
            exclude_names: Show no runs of these names.
            exclude_types: … of these types.
            exclude_tags: … with one of these tags.
            parameters: Parameters for this call only.
        """
        if version != "v2":
            raise ConfigurationError(f"astream_events has no version {version!r}, only 'v2'; typed events: aevents()")
        shown = RecordFilter(
            include_names=include_names,
            include_types=include_types,
            include_tags=include_tags,
            exclude_names=exclude_names,
            exclude_types=exclude_types,
            exclude_tags=exclude_tags,
        )
        return Stream(
            Call(self._with(parameters), input, config, stream=True), records_of(shown, input), self._output_of
        )

    def invoke(self, input: ModelInput, config: RunnableConfig | None = None, **parameters: Any) -> Out:
        """:meth:`ainvoke` for sync code. It also works where an event loop is running, which it blocks."""
        return run_blocking(lambda: self.ainvoke(input, config, **parameters))

    def stream(self, input: ModelInput, config: RunnableConfig | None = None, **parameters: Any) -> Iterator[Piece]:
        """:meth:`astream` for sync code. Closing the iterator stops the call."""
        call = Call(self._with(parameters), input, config, stream=True)
        return _pull(call, self._pieces_of(call))

    # --- many calls ---

    @overload
    async def abatch(
        self,
        inputs: Inputs[ModelInput],
        config: Configs = None,
        *,
        return_exceptions: Literal[False] = False,
        **parameters: Any,
    ) -> list[Out]: ...

    @overload
    async def abatch(
        self,
        inputs: Inputs[ModelInput],
        config: Configs = None,
        *,
        return_exceptions: bool,
        **parameters: Any,
    ) -> list[Out | Exception]: ...

    async def abatch(
        self,
        inputs: Inputs[ModelInput],
        config: Configs = None,
        *,
        return_exceptions: bool = False,
        **parameters: Any,
    ) -> Any:
        """The answers to many inputs, in their order; at most ``max_concurrency`` calls (64 by default) run at once.

        Args:
            inputs: Any iterable or async iterable; it is read as calls begin.
            config: One config for all, or a list with one for each.
            return_exceptions: Errors take the place of results; otherwise the first one stops the rest and is raised.
            parameters: Parameters for these calls only.
        """
        return await run_batch(self._caller(parameters), inputs, config, return_exceptions=return_exceptions)

    @overload
    def abatch_as_completed(
        self,
        inputs: Inputs[ModelInput],
        config: Configs = None,
        *,
        return_exceptions: Literal[False] = False,
        **parameters: Any,
    ) -> CompletedBatch[Out]: ...

    @overload
    def abatch_as_completed(
        self,
        inputs: Inputs[ModelInput],
        config: Configs = None,
        *,
        return_exceptions: bool,
        **parameters: Any,
    ) -> CompletedBatch[Out | Exception]: ...

    def abatch_as_completed(
        self,
        inputs: Inputs[ModelInput],
        config: Configs = None,
        *,
        return_exceptions: bool = False,
        **parameters: Any,
    ) -> Any:
        """The answers to many inputs as ``(index, message)``, each as soon as it is there. Leaving stops the rest."""
        return as_completed(self._caller(parameters), inputs, config, return_exceptions=return_exceptions)

    @overload
    def batch(
        self,
        inputs: Inputs[ModelInput],
        config: Configs = None,
        *,
        return_exceptions: Literal[False] = False,
        **parameters: Any,
    ) -> list[Out]: ...

    @overload
    def batch(
        self,
        inputs: Inputs[ModelInput],
        config: Configs = None,
        *,
        return_exceptions: bool,
        **parameters: Any,
    ) -> list[Out | Exception]: ...

    def batch(
        self,
        inputs: Inputs[ModelInput],
        config: Configs = None,
        *,
        return_exceptions: bool = False,
        **parameters: Any,
    ) -> Any:
        """:meth:`abatch` for sync code."""
        return run_blocking(
            lambda: run_batch(self._caller(parameters), inputs, config, return_exceptions=return_exceptions)
        )

    @overload
    def batch_as_completed(
        self,
        inputs: Inputs[ModelInput],
        config: Configs = None,
        *,
        return_exceptions: Literal[False] = False,
        **parameters: Any,
    ) -> Iterator[tuple[int, Out]]: ...

    @overload
    def batch_as_completed(
        self,
        inputs: Inputs[ModelInput],
        config: Configs = None,
        *,
        return_exceptions: bool,
        **parameters: Any,
    ) -> Iterator[tuple[int, Out | Exception]]: ...

    def batch_as_completed(
        self,
        inputs: Inputs[ModelInput],
        config: Configs = None,
        *,
        return_exceptions: bool = False,
        **parameters: Any,
    ) -> Iterator[Any]:
        """:meth:`abatch_as_completed` for sync code. Closing the iterator stops the rest."""
        batch = as_completed(self._caller(parameters), inputs, config, return_exceptions=return_exceptions)
        return _pull_results(batch)

    # --- copies with other settings ---

    def bind(self, **parameters: Any) -> Self:
        """A copy that sends these parameters with every call; later ones win."""
        return self._copy(self._with(parameters))

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
        from tidewire.tool_binding import add_tools, tool_choice_of, tools_of

        settings = self._with(parameters)
        bound = add_tools(settings.tools, tools_of(tools, strict=strict)) if tools else ()
        choice = settings.tool_choice if tools else None
        parallel = settings.parallel_tool_calls if parallel_tool_calls is None else parallel_tool_calls
        return self._copy(
            msgspec.structs.replace(
                settings,
                tools=bound,
                tool_choice=choice if tool_choice is None else tool_choice_of(tool_choice, bound),
                parallel_tool_calls=parallel,
            )
        )

    def with_config(self, config: RunnableConfig | None = None, **more: Any) -> Self:
        """A copy whose calls start from this config; that of a call adds to it."""
        added = merge_configs(check_config(config), check_config(more))
        settings = self.settings
        return self._copy(msgspec.structs.replace(settings, config=merge_configs(settings.config, added)))

    def model_copy(self, *, update: Mapping[str, Any] | None = None) -> Self:
        """A copy whose profile is its own.

        Args:
            update: What the copy has otherwise, by the names that ``init_chat_model`` has for it, such as ``profile``.

        Raises:
            ConfigurationError: A name is unknown.
        """
        known = self.settings.profile
        settings = msgspec.structs.replace(self.settings, profile=None if known is None else known.copy())
        return self._copy(override(settings, update) if update else settings)

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

    def __repr__(self) -> str:
        settings = self.settings
        return f"{type(self).__name__}({settings.adapter.provider}:{settings.model})"

    def _with(self, parameters: dict[str, Any]) -> Settings:
        return override(self.settings, parameters) if parameters else self.settings

    def _copy(self, settings: Settings) -> Self:
        copy = object.__new__(type(self))
        copy.settings = settings
        return copy

    def _caller(self, parameters: dict[str, Any]) -> Callable[[ModelInput, RunnableConfig], Any]:
        settings = self._with(parameters)

        async def call(input: ModelInput, config: RunnableConfig) -> Out:
            one = Call(settings, input, config, stream=None)
            while await one.read() is not None:
                continue
            return self._output_of(one)

        return call


def _pull(call: Call, pieces: Callable[[list[Event]], list[Piece]]) -> Generator[Piece]:
    try:
        while (events := run_blocking(call.read)) is not None:
            yield from pieces(events)
    finally:
        if not call.over:
            if is_stopped():  # collected while the interpreter exits
                call.abandon_nowait()
            else:
                run_blocking(call.abandon)


def _pull_results(batch: CompletedBatch[Any]) -> Generator[Any]:
    async def pull() -> tuple[int, Any] | None:
        return await anext(batch, None)

    try:
        while (result := run_blocking(pull)) is not None:
            yield result
    finally:
        if not is_stopped():  # at exit the loops, and the calls on them, have ended already
            run_blocking(batch.aclose)


__all__ = ["Model"]
