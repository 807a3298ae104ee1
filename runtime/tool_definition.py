"""A function that a model may call, with what the model is told of it, and what happens when it is invoked."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any, Generic, Literal, TypeAlias, TypedDict, TypeGuard, TypeVar, Unpack, cast, overload

from tidewire.blocking import run_blocking
from tidewire.callables import docs_of, is_async, name_of, run_in_thread
from tidewire.class_fields import fields_of
from tidewire.config import RunnableConfig, check_config
from tidewire.docstrings import Docs
from tidewire.events.blocks import JSON, JSONObject, ToolCall
from tidewire.events.errors import ConfigurationError, ToolError
from tidewire.events.messages import ToolMessage
from tidewire.injected import Injection, ToolRuntime
from tidewire.runs import OpenRun
from tidewire.tool_result import message_of_result
from tidewire.tool_schema import ArgsSchema, Arguments, arguments_of, arguments_of_schema, one_argument_of
from tidewire.type_hints import Value

# The function's type. Without a bound, which mypy would hold the common type of several functions to, in vain.
F = TypeVar("F", covariant=True)

#: What a tool is invoked with: a tool call, its arguments, or the text that is its only argument.
ToolInput: TypeAlias = str | Mapping[str, Any] | ToolCall
#: What becomes of an error: True tells its text to the model, a text is told in its place, a function makes the text.
ErrorHandling: TypeAlias = bool | str | Callable[[ToolError], str]
#: What a tool's function gives: the result, or the result and what the model does not see.
ResponseFormat: TypeAlias = Literal["content", "content_and_artifact"]


class BaseTool:
    """A function that a model may call, whatever its signature: what :class:`Tool` and lists of tools have in common.

    A subclass may have its function as a method ``_run``, or ``_arun`` for async code, and what is listed here as
    attributes of the class, such as ``name`` and ``description``.

    Args:
        func: The function; an async one may stand here too.
        coroutine: Its async twin, used by :meth:`ainvoke`.
        name: The name that the model calls it by; the function's own by default.
        description: What the model is told; by default the docstring up to the documentation of the arguments.
        args_schema: A class or JSON Schema for the arguments; by default they follow from the signature.
        return_direct: For agents: the result is the answer. It changes nothing here.
        infer_schema: False: the function takes one text, unless ``args_schema`` says otherwise.
        response_format: "content_and_artifact" for a function that gives a pair, of which the model sees the first.
        parse_docstring: Check that the docstring documents only arguments that there are. It is read in any case.
        error_on_invalid_docstring: False: do not check after all.
        extras: Fields for the provider's own form of the tool, such as ``cache_control``.
        handle_tool_error: What becomes of a :class:`ToolException`; by default it is raised.
        handle_validation_error: What becomes of arguments that do not fit; by default the error is raised.
        validate: False: the function checks itself what a JSON Schema as ``args_schema`` says.
        quick: The function does not block: call it in the event loop rather than in a worker thread.

    Raises:
        ConfigurationError: It has no description, or a parameter that no model could give.
    """

    def __init__(
        self,
        func: Callable[..., Any] | None = None,
        coroutine: Callable[..., Awaitable[Any]] | None = None,
        *,
        name: str | None = None,
        description: str | None = None,
        args_schema: ArgsSchema | None = None,
        return_direct: bool = False,
        infer_schema: bool = True,
        response_format: ResponseFormat = "content",
        parse_docstring: bool = False,
        error_on_invalid_docstring: bool = True,
        extras: Mapping[str, JSON] | None = None,
        handle_tool_error: ErrorHandling = False,
        handle_validation_error: ErrorHandling = False,
        validate: bool = True,
        quick: bool = False,
    ) -> None:
        own = func is None and coroutine is None
        if own:
            func, coroutine = getattr(self, "_run", None), getattr(self, "_arun", None)
        function = func or coroutine
        if function is None:
            raise ConfigurationError(
                "a tool needs a function: Tool(func=…), Tool(coroutine=…), or a subclass of BaseTool with _run or _arun"
            )
        if func is not None and coroutine is None and is_async(func):
            func, coroutine = None, func
        self.func = func
        self.coroutine = coroutine
        declared = functools.partial(getattr, type(self))
        self.name: str = name or declared("name", None) or (type(self).__name__ if own else name_of(function))
        docs = docs_of(function)
        description = declared("description", None) if description is None else description
        args_schema = declared("args_schema", None) if args_schema is None else args_schema
        self.args_schema: ArgsSchema | JSONObject
        if args_schema is not None:
            self._arguments = arguments_of_schema(self.name, args_schema, function, validate=validate)
            self.args_schema = args_schema
        else:
            infer = arguments_of if infer_schema else _without_docs
            self._arguments = infer(self.name, function, docs)
            self.args_schema = self._arguments.schema
        if parse_docstring and error_on_invalid_docstring:
            _check_docs(self.name, docs, self._arguments)
        if description is None:
            description = (
                docs.text or _description_of(args_schema) or (inspect.cleandoc(type(self).__doc__ or "") if own else "")
            )
        self.description: str = description
        if not self.description:
            raise ConfigurationError(
                f"tool {self.name!r} needs a docstring or description=… that tells the model its use"
            )
        self.return_direct: bool = return_direct or declared("return_direct", False)
        if response_format == "content":
            response_format = declared("response_format", "content")
        self.response_format: ResponseFormat = response_format
        self.extras: JSONObject = dict(extras or declared("extras", None) or {})
        self.handle_tool_error: ErrorHandling = handle_tool_error or declared("handle_tool_error", False)
        self.handle_validation_error: ErrorHandling = handle_validation_error or declared(
            "handle_validation_error", False
        )
        self.quick: bool = quick or declared("quick", False)
        self.__name__ = self.name
        self.__doc__ = function.__doc__
        self.__module__ = getattr(function, "__module__", type(self).__module__)
        self.__wrapped__: Callable[..., Any] = function

    @property
    def args(self) -> JSONObject:
        """The arguments that the model is told of, each with its JSON Schema."""
        properties: JSONObject = self._arguments.schema["properties"]
        return properties

    @property
    def tool_call_schema(self) -> JSONObject:
        """What the model is told of the arguments, as one JSON Schema."""
        return self._arguments.schema

    @property
    def injected(self) -> Collection[str]:
        """The parameters that the program fills."""
        return self._arguments.injected.keys()

    @overload
    async def ainvoke(
        self, input: ToolCall, config: RunnableConfig | None = None, *, inject: Mapping[str, Any] | None = None
    ) -> ToolMessage: ...

    @overload
    async def ainvoke(
        self,
        input: str | Mapping[str, Any],
        config: RunnableConfig | None = None,
        *,
        inject: Mapping[str, Any] | None = None,
    ) -> Value: ...

    async def ainvoke(
        self,
        input: ToolInput,
        config: RunnableConfig | None = None,
        *,
        inject: Mapping[str, Any] | None = None,
    ) -> Value:
        """Run the tool as a run of its own, within the run around it.

        A sync function runs in a worker thread, unless the tool is ``quick``; the thread is waited for even when the
        caller is cancelled.

        Args:
            input: A tool call, or the arguments; for a tool of one argument, also just a text.
            config: Who listens, what the run is called.
            inject: Values for the parameters that the program fills.

        Returns:
            For a tool call, a ToolMessage that answers it, otherwise what the function gave.

        Raises:
            ToolError: The arguments do not fit, or the call is of another tool.
            Exception: What the function raises.
        """
        invocation = _Invocation(self, input, config, inject)
        async with invocation.run as run:
            run.output = await invocation.perform()
        return run.output

    @overload
    def invoke(
        self, input: ToolCall, config: RunnableConfig | None = None, *, inject: Mapping[str, Any] | None = None
    ) -> ToolMessage: ...

    @overload
    def invoke(
        self,
        input: str | Mapping[str, Any],
        config: RunnableConfig | None = None,
        *,
        inject: Mapping[str, Any] | None = None,
    ) -> Value: ...

    def invoke(
        self,
        input: ToolInput,
        config: RunnableConfig | None = None,
        *,
        inject: Mapping[str, Any] | None = None,
    ) -> Value:
        """:meth:`ainvoke` for sync code. A sync function runs in the caller's own thread."""
        if self.func is None:
            return run_blocking(lambda: self.ainvoke(cast("str", input), config, inject=inject))
        invocation = _Invocation(self, input, config, inject)
        with invocation.run as run:
            run.output = invocation.perform_here(self.func)
        return run.output

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name}: {', '.join(self.args)})"


class MoreToolSettings(TypedDict, total=False):
    """What a tool is made with that is seldom given: see :class:`BaseTool`."""

    response_format: ResponseFormat
    parse_docstring: bool
    error_on_invalid_docstring: bool
    extras: Mapping[str, JSON] | None
    handle_tool_error: ErrorHandling
    handle_validation_error: ErrorHandling
    validate: bool
    quick: bool


class ToolSettings(MoreToolSettings, total=False):
    """What a tool is made with beside its function: see :class:`BaseTool`."""

    name: str | None
    description: str | None
    args_schema: ArgsSchema | None
    return_direct: bool
    infer_schema: bool


class Tool(BaseTool, Generic[F]):
    """A function that a model may call; it can still be called as the function ``F`` that it was. Made by ``@tool``."""

    @overload
    def __init__(
        self, func: F, coroutine: Callable[..., Awaitable[Any]] | None = None, **settings: Unpack[ToolSettings]
    ) -> None: ...

    @overload
    def __init__(self, func: None = None, *, coroutine: F, **settings: Unpack[ToolSettings]) -> None: ...

    def __init__(self, func: object = None, coroutine: object = None, **settings: Unpack[ToolSettings]) -> None:
        super().__init__(
            cast("Callable[..., Any] | None", func), cast("Callable[..., Awaitable[Any]] | None", coroutine), **settings
        )

    @staticmethod
    def from_function(
        func: Callable[..., Any] | None = None,
        coroutine: Callable[..., Awaitable[Any]] | None = None,
        name: str | None = None,
        description: str | None = None,
        return_direct: bool = False,
        args_schema: ArgsSchema | None = None,
        infer_schema: bool = True,
        **settings: Unpack[MoreToolSettings],
    ) -> Tool[Callable[..., Any]]:
        """The tool of a function: the constructor as a method, with the arguments in the order that the field knows.

        Raises:
            ConfigurationError: As for the constructor.
        """
        return Tool(
            cast("Callable[..., Any]", func),
            coroutine,
            name=name,
            description=description,
            return_direct=return_direct,
            args_schema=args_schema,
            infer_schema=infer_schema,
            **settings,
        )

    @property
    def __call__(self) -> F:
        """The function itself: no run, no checks."""
        # As a property, checkers see the function's own signature, and lists of several tools as lists of tools.
        return cast("F", self.__wrapped__)


class _Invocation:
    """One invocation of a tool: its run, its arguments, and what becomes of its result or error."""

    def __init__(
        self,
        tool: BaseTool,
        input: str | Mapping[str, Any],
        config: Mapping[str, Any] | None,
        inject: Mapping[str, Any] | None,
    ) -> None:
        self._tool = tool
        call = as_tool_call(input, tool)
        self._call_id: str | None = None
        if call is not None:
            if call["name"] != tool.name:
                raise ToolError(f"the call is of tool {call['name']!r}, this is tool {tool.name!r}")
            self._call_id = call.get("id") or ""
            input = call["args"]
        self._given: Mapping[str, Any] = {_only(tool): input} if isinstance(input, str) else input
        checked = check_config(config)
        self.run = OpenRun(
            tool.name,
            kind="tool",
            input=dict(self._given),
            config=checked,
            parameters={} if self._call_id is None else {"tool_call_id": self._call_id},
        )
        within = checked.copy()
        within.pop("run_id", None)
        within.pop("run_name", None)
        self._injection = Injection(ToolRuntime(self.run, within, self._call_id), inject or {})

    async def perform(self) -> Value:
        """The result, in the form that the caller gets."""
        tool = self._tool
        try:
            args, kwargs = self._read()
        except ToolError as error:
            return self._refused(error)
        try:
            if tool.coroutine is not None:
                result: Value = await tool.coroutine(*args, **kwargs)
            else:
                work = functools.partial(cast("Callable[..., Any]", tool.func), *args, **kwargs)
                result = work() if tool.quick else await run_in_thread(work)
                if inspect.isawaitable(result):
                    result = await result
        except ToolError as error:
            return self._failed(error)
        return self._succeeded(result)

    def perform_here(self, function: Callable[..., Any]) -> Value:
        """:meth:`perform` in this thread."""
        try:
            args, kwargs = self._read()
        except ToolError as error:
            return self._refused(error)
        try:
            result: Value = function(*args, **kwargs)
            if inspect.isawaitable(result):
                awaitable: Awaitable[Value] = result
                result = run_blocking(lambda: awaitable)
        except ToolError as error:
            return self._failed(error)
        return self._succeeded(result)

    def _read(self) -> tuple[list[Value], dict[str, Value]]:
        return self._tool._arguments.read(self._tool.name, self._given, self._injection)  # pyright: ignore[reportPrivateUsage]  # it is of this package

    def _refused(self, error: ToolError) -> Value:
        handling = self._tool.handle_validation_error
        told = f"Tool input validation error: {error.message}" if handling is True else _told(handling, error)
        return self._error_result(told)

    def _failed(self, error: ToolError) -> Value:
        handling = self._tool.handle_tool_error
        told = error.message or "Tool execution error" if handling is True else _told(handling, error)
        return self._error_result(told)

    def _error_result(self, told: str) -> Value:
        if self._call_id is None:
            return told
        return message_of_result(told, None, tool=self._tool.name, tool_call_id=self._call_id, status="error")

    def _succeeded(self, result: Value) -> Value:
        artifact: JSON = None
        if self._tool.response_format == "content_and_artifact" and not isinstance(result, ToolMessage):
            if not _is_pair(result):
                raise ConfigurationError(
                    f"tool {self._tool.name!r} has response_format='content_and_artifact' and must give a pair, "
                    f"not {type(result).__name__}"
                )
            result, artifact = result
        if self._call_id is None:
            return result
        return message_of_result(result, artifact, tool=self._tool.name, tool_call_id=self._call_id)


def _is_pair(result: object) -> TypeGuard[tuple[Value, JSON]]:
    return isinstance(result, tuple) and len(cast("tuple[object, ...]", result)) == 2


def as_tool_call(given: object, tool: BaseTool) -> ToolCall | None:
    """The tool call that a dict is, or None if it holds arguments: a call has a ``name`` and ``args``."""
    if not isinstance(given, Mapping):
        return None
    call = cast("Mapping[str, Any]", given)
    if not isinstance(call.get("name"), str) or not isinstance(call.get("args"), Mapping):
        return None
    # A tool may have arguments of these names itself.
    if call.get("type") != "tool_call" and {"name", "args"} <= tool.args.keys() and call["name"] != tool.name:
        return None
    return cast("ToolCall", call)


def _without_docs(tool: str, function: Callable[..., Any], docs: Docs) -> Arguments:
    return one_argument_of(tool, function)


def _description_of(args_schema: ArgsSchema | None) -> str:
    if args_schema is None:
        return ""
    if isinstance(args_schema, Mapping):
        return str(args_schema.get("description", ""))
    fields = fields_of(args_schema)
    return "" if fields is None else fields.description


def _check_docs(tool: str, docs: Docs, arguments: Arguments) -> None:
    known = {*arguments.schema["properties"], *arguments.injected}
    for name in docs.arguments:
        if name not in known:
            raise ConfigurationError(f"the docstring of tool {tool!r} documents {name!r}, which it does not take")


def _only(tool: BaseTool) -> str:
    names = list(tool.args)
    if len(names) != 1:
        raise ToolError(f"tool {tool.name!r} takes {len(names)} arguments; give a dict of them, not a text")
    return names[0]


def _told(handling: ErrorHandling, error: ToolError) -> str:
    """What the model is told of an error, or the error itself, raised, if it is not handled."""
    if isinstance(handling, str):
        return handling
    if callable(handling):
        return handling(error)
    raise error


__all__ = [
    "BaseTool",
    "ErrorHandling",
    "ResponseFormat",
    "Tool",
    "ToolInput",
    "as_tool_call",
]
