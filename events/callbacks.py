"""Callbacks: objects with the field's handler methods, as subscribers of the bus.

Methods may be sync (called in line) or async (awaited in order, once per network read). They get their arguments by
name; a method that does not declare one of them is called without it.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import contextmanager
from typing import Any, TypeAlias, cast
from uuid import UUID

from tidewire.events import bus
from tidewire.events.blocks import JSON, JSONObject
from tidewire.events.bus import Subscriber, Subscription
from tidewire.events.chunks import AIMessageChunk
from tidewire.events.errors import ConfigurationError
from tidewire.events.messages import AIMessage, BaseMessage
from tidewire.events.types import Block, Custom, End, Event, Reasoning, Retry, Run, Start, Token, ToolCallDelta


class Generation:
    """One answer: its ``message`` and its ``text``."""

    __slots__ = ("message", "text")

    def __init__(self, message: AIMessage) -> None:
        self.message = message
        self.text = message.text

    def __repr__(self) -> str:
        return f"Generation({self.message!r})"


class LLMResult:
    """What ``on_llm_end`` gets: ``generations[0][0].message`` is the answer."""

    __slots__ = ("generations", "llm_output")

    def __init__(self, message: AIMessage) -> None:
        self.generations: list[list[Generation]] = [[Generation(message)]]
        self.llm_output: JSONObject = {
            "token_usage": message.usage_metadata,
            "model_name": message.response_metadata.get("model_name"),
        }

    def __repr__(self) -> str:
        return f"LLMResult({self.generations!r})"


class BaseCallbackHandler:
    """A handler to derive from: override what you want to hear.

    Every method gets ``run_id``, ``parent_run_id``, ``tags``, ``metadata`` and ``name`` by name.
    """

    #: True: an exception of this handler fails the run; otherwise it is reported and passed over.
    raise_error: bool = False

    def on_chat_model_start(
        self,
        serialized: JSONObject,
        messages: list[list[BaseMessage]],
        *,
        run_id: UUID,
        parent_run_id: UUID | None = None,
        tags: list[str] | None = None,
        metadata: JSONObject | None = None,
        **kwargs: Any,
    ) -> object:
        """A model call begins."""

    def on_llm_new_token(
        self, token: str, *, chunk: AIMessageChunk, run_id: UUID, parent_run_id: UUID | None = None, **kwargs: Any
    ) -> object:
        """A piece of an answer arrived; ``token`` is its text, empty when ``chunk`` is no text."""

    def on_llm_end(
        self, response: LLMResult, *, run_id: UUID, parent_run_id: UUID | None = None, **kwargs: Any
    ) -> object:
        """A model call succeeded."""

    def on_llm_error(
        self, error: BaseException, *, run_id: UUID, parent_run_id: UUID | None = None, **kwargs: Any
    ) -> object:
        """A model call failed, was cancelled, or was left by its consumer."""

    def on_tool_start(
        self,
        serialized: JSONObject,
        input_str: str,
        *,
        run_id: UUID,
        parent_run_id: UUID | None = None,
        inputs: JSONObject | None = None,
        tool_call_id: str | None = None,
        **kwargs: Any,
    ) -> object:
        """A tool is called, by a model's ``tool_call_id`` or by the program itself."""

    def on_tool_end(self, output: JSON, *, run_id: UUID, parent_run_id: UUID | None = None, **kwargs: Any) -> object:
        """A tool gave its result."""

    def on_tool_error(
        self, error: BaseException, *, run_id: UUID, parent_run_id: UUID | None = None, **kwargs: Any
    ) -> object:
        """A tool failed."""

    def on_chain_start(
        self,
        serialized: JSONObject,
        inputs: JSON,
        *,
        run_id: UUID,
        parent_run_id: UUID | None = None,
        **kwargs: Any,
    ) -> object:
        """A chain begins."""

    def on_chain_end(self, outputs: JSON, *, run_id: UUID, parent_run_id: UUID | None = None, **kwargs: Any) -> object:
        """A chain gave its result."""

    def on_chain_error(
        self, error: BaseException, *, run_id: UUID, parent_run_id: UUID | None = None, **kwargs: Any
    ) -> object:
        """A chain failed."""

    def on_retry(self, retry_state: Retry, *, run_id: UUID, parent_run_id: UUID | None = None, **kwargs: Any) -> object:
        """Another attempt follows."""

    def on_custom_event(self, name: str, data: JSON, *, run_id: UUID, **kwargs: Any) -> object:
        """A run published an event of the user's own."""


class AsyncCallbackHandler(BaseCallbackHandler):
    """The same, for handlers whose methods are async. Both kinds may mix sync and async methods."""


class RunLeft(Exception):
    """What ``on_llm_error`` gets when a call ended without an error of its own: cancelled, or left by its consumer."""


#: A subscriber, or an object with some of the handler methods.
Callback: TypeAlias = Subscriber | BaseCallbackHandler | object
#: What ``callbacks=`` takes: one, or several.
Callbacks: TypeAlias = Callback | Sequence[Callback] | None

_METHODS = tuple(name for name in vars(BaseCallbackHandler) if name.startswith("on_"))
# How many arguments a method gets by place, where it is not one; and the names of those that it gets by name.
_BY_PLACE = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
_PLACES = {"on_chat_model_start": 2, "on_tool_start": 2, "on_chain_start": 2, "on_custom_event": 2}
_GIVEN = frozenset(
    {
        "chunk",
        "inputs",
        "invocation_params",
        "metadata",
        "name",
        "options",
        "parent_run_id",
        "response",
        "run_id",
        "tags",
        "tool_call_id",
    }
)


@contextmanager
def subscribe(callback: Callback, *, critical: bool = False) -> Generator[None]:
    """Hear every run that starts within the block, in this task and those started from it.

    Args:
        callback: A function ``(run, event)``, of which an async one is awaited once per network read; or an object with
            some of the handler methods.
        critical: Its failure fails the run.

    Raises:
        ConfigurationError: It is neither.
    """
    subscription = _subscription(callback)
    with bus.subscribe(Subscription(subscription.call, critical=critical or subscription.critical)):
        yield


def subscriptions(callbacks: Callbacks) -> list[Subscription]:
    """The subscriptions for what ``callbacks=`` was given.

    Raises:
        ConfigurationError: One of them is neither callable nor has a handler method, or is a class.
    """
    if callbacks is None:
        return []
    several = cast("Iterable[Callback]", callbacks) if isinstance(callbacks, (list, tuple)) else [callbacks]
    return [_subscription(callback) for callback in several]


def _subscription(callback: Callback) -> Subscription:
    if isinstance(callback, Subscription):
        return callback
    if isinstance(callback, type):
        raise ConfigurationError(f"{callback.__name__} is a class; give an instance of it as the callback")
    methods = {name: method for name in _METHODS if (method := _overridden(callback, name)) is not None}
    if methods or isinstance(callback, BaseCallbackHandler):
        return Subscription(
            _HandlerSubscriber(callback, methods), critical=bool(getattr(callback, "raise_error", False))
        )
    if callable(callback):
        return Subscription(callback)
    raise ConfigurationError(
        f"{type(callback).__name__} is no callback: it is neither a function (run, event) "
        "nor has it methods such as on_llm_new_token"
    )


def _overridden(callback: object, name: str) -> Callable[..., Any] | None:
    method = getattr(callback, name, None)
    if not callable(method) or getattr(method, "__func__", None) is vars(BaseCallbackHandler)[name]:
        return None
    return _tolerant(name, method)


def _tolerant(name: str, method: Callable[..., Any]) -> Callable[..., Any]:
    """The method itself, or one that leaves out the keywords that it does not declare or has got by place."""
    try:
        declared = list(inspect.signature(method).parameters.values())
    except (TypeError, ValueError):  # a builtin without a signature takes what it is given
        return method
    by_place = [parameter.name for parameter in declared if parameter.kind in _BY_PLACE]
    # The arguments that are given by place have names too: on_custom_event's first is `name`, as the run's own is.
    placed = frozenset(by_place[: _PLACES.get(name, 1)])
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in declared):
        if not placed & _GIVEN:
            return method
        return lambda *args, **keywords: method(*args, **{key: keywords[key] for key in keywords if key not in placed})
    known = frozenset(parameter.name for parameter in declared) - placed
    return lambda *args, **keywords: method(*args, **{key: keywords[key] for key in keywords if key in known})


class _HandlerSubscriber:
    """Calls a handler's methods for the events that they stand for; equal for the same handler."""

    __slots__ = ("_about", "_handler", "_methods", "_on_token")

    def __init__(self, handler: object, methods: dict[str, Callable[..., Any]]) -> None:
        self._handler = handler
        self._methods = methods
        self._on_token = methods.get("on_llm_new_token")
        self._about: tuple[Run, dict[str, Any]] | None = None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _HandlerSubscriber) and other._handler is self._handler

    def __hash__(self) -> int:
        return id(self._handler)

    @property
    def __name__(self) -> str:
        return type(self._handler).__name__

    @property
    def wants_tokens(self) -> bool:
        """Whether a call that it hears should be streamed even if its caller wants only the whole answer."""
        return self._on_token is not None

    def __call__(self, run: Run, event: Event) -> object:
        match event:
            case Token() | Reasoning() | ToolCallDelta() | Block():
                if self._on_token is not None:
                    text = event.text if isinstance(event, Token) else ""
                    return self._on_token(text, chunk=AIMessageChunk.from_events(run, event), **self._given(run))
            case Start():
                return self._start(run, event)
            case End():
                return self._end(run, event)
            case Retry():
                return self._call("on_retry", run, event)
            case Custom():
                return self._call("on_custom_event", run, event.name, event.data)
            case _:
                return None
        return None

    def _call(self, method: str, run: Run, *args: Any, **more: Any) -> object:
        found = self._methods.get(method)
        return found(*args, **{**self._given(run), **more}) if found is not None else None

    def _given(self, run: Run) -> dict[str, Any]:
        """What every method gets by name; made once for the tokens of a run."""
        about = self._about
        if about is None or about[0] is not run:
            about = self._about = (run, _about(run))
        return about[1]

    def _start(self, run: Run, event: Start) -> object:
        serialized: JSON = {"name": run.name}
        match run.kind:
            case "chat_model":
                return self._call(
                    "on_chat_model_start",
                    run,
                    serialized,
                    [list(event.input)],
                    invocation_params=event.parameters,
                    options=event.options,
                    metadata=metadata_of(run, event.parameters),
                )
            case "tool":
                call_id = event.parameters.get("tool_call_id")
                return self._call(
                    "on_tool_start", run, serialized, str(event.input), inputs=event.input, tool_call_id=call_id
                )
            case "chain":
                return self._call("on_chain_start", run, serialized, event.input)

    def _end(self, run: Run, event: End) -> object:
        family = {"chat_model": "llm", "tool": "tool", "chain": "chain"}[run.kind]
        if event.outcome == "ok":
            output = LLMResult(event.output) if run.kind == "chat_model" else event.output
            return self._call(f"on_{family}_end", run, output)
        error = event.error if event.error is not None else RunLeft(f"the run was {event.outcome}")
        response = LLMResult(event.output) if isinstance(event.output, AIMessage) else None
        return self._call(f"on_{family}_error", run, error, response=response)


def metadata_of(run: Run, parameters: JSONObject) -> JSONObject:
    """The metadata of a run as the field has it: that of a model call says which model it is, and how it is asked.

    ``ls_provider``, ``ls_model_type``, ``ls_model_name``, and ``ls_temperature``, ``ls_max_tokens``, ``ls_stop`` where
    they are given. What the caller has put there under these names counts more.
    """
    if run.kind != "chat_model":
        return dict(run.metadata)
    facts: JSONObject = {"ls_provider": run.provider, "ls_model_type": "chat", "ls_model_name": run.model}
    asked = {f"ls_{name}": parameters[name] for name in ("temperature", "max_tokens", "stop") if name in parameters}
    return facts | asked | run.metadata


def _about(run: Run) -> dict[str, Any]:
    return {
        "run_id": run.id,
        "parent_run_id": run.parent_id,
        "tags": list(run.tags),
        "metadata": dict(run.metadata),
        "name": run.name,
    }


__all__ = [
    "AsyncCallbackHandler",
    "BaseCallbackHandler",
    "Callback",
    "Callbacks",
    "Generation",
    "LLMResult",
    "RunLeft",
    "metadata_of",
    "subscribe",
    "subscriptions",
]
