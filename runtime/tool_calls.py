"""Runs the tool calls of a message, all at once, and gives the messages that answer them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias, TypeGuard, cast

from tidewire.adapters.spec import ToolSpec
from tidewire.batch import run_batch
from tidewire.blocking import run_blocking
from tidewire.callables import docs_of, name_of
from tidewire.config import RunnableConfig, check_config, merge_configs
from tidewire.events.blocks import InvalidToolCall, ToolCall
from tidewire.events.errors import ConfigurationError, ToolError
from tidewire.events.messages import AIMessage, ToolMessage
from tidewire.tool_binding import ToolLike, tools_of
from tidewire.tool_definition import BaseTool

#: What becomes of an error that is not for the model: it is raised, or told in these words.
ToolErrorHandling: TypeAlias = bool | str | Callable[[Exception], str]


async def run_tools(
    message: AIMessage,
    tools: Iterable[ToolLike],
    *,
    max_concurrency: int | None = None,
    config: RunnableConfig | None = None,
    inject: Mapping[str, Any] | None = None,
    handle_errors: ToolErrorHandling = False,
) -> list[ToolMessage]:
    """Run all tool calls of a message at once, each as a run within the run around, and answer each, in their order.

    What a model can mend is told to it as a message with ``status="error"``: arguments that do not fit, a call that is
    not valid JSON or was cut off, a name that is not among the tools, and a :class:`ToolException`. Any other error
    stops the rest and is raised.

    Args:
        message: The model's answer.
        tools: The tools, as they were bound.
        max_concurrency: Calls that run at once; by default what ``config`` says, or 64.
        config: Who listens; tags and metadata of the runs.
        inject: Values for the parameters that the program fills. A value that the model gives for one is refused.
        handle_errors: Tell the other errors to the model too: True says their text, a text stands in its place, a
            function makes the text.

    Raises:
        ConfigurationError: A called tool has no function.
        Exception: What a tool raised; see above.
    """
    if not isinstance(cast("object", message), AIMessage):
        raise ConfigurationError(f"run_tools takes the model's message, not a {type(message).__name__}")
    known = _runnable(tools)
    checked = check_config(config)
    if max_concurrency is not None:
        checked = merge_configs(checked, check_config({"max_concurrency": max_concurrency}))

    async def answer(call: ToolCall | InvalidToolCall, config: RunnableConfig) -> ToolMessage:
        if call["type"] == "invalid_tool_call":
            return _error(call, f"the call could not be read: {call['error'] or 'it is not valid JSON'}")
        if call["name"] not in known:
            names = ", ".join(map(repr, known)) or "none"
            return _error(call, f"there is no tool {call['name']!r}; there are: {names}")
        tool = known[call["name"]]
        if tool is None:
            raise ConfigurationError(f"tool {call['name']!r} was called and has no function that could run")
        try:
            return await tool.ainvoke(_without_injected(tool, call), config, inject=inject)
        except ToolError as error:
            return _error(call, error.message or "the tool failed")
        except Exception as error:
            if handle_errors is False:
                raise
            return _error(call, _told(error, handle_errors))

    calls: list[ToolCall | InvalidToolCall] = [
        block
        for block in message.content_blocks
        if block["type"] == "tool_call" or block["type"] == "invalid_tool_call"
    ]
    return await run_batch(answer, calls, checked)


def run_tools_blocking(
    message: AIMessage,
    tools: Iterable[ToolLike],
    *,
    max_concurrency: int | None = None,
    config: RunnableConfig | None = None,
    inject: Mapping[str, Any] | None = None,
    handle_errors: ToolErrorHandling = False,
) -> list[ToolMessage]:
    """:func:`run_tools` for sync code."""
    return run_blocking(
        lambda: run_tools(
            message,
            tools,
            max_concurrency=max_concurrency,
            config=config,
            inject=inject,
            handle_errors=handle_errors,
        )
    )


def _runnable(tools: Iterable[ToolLike]) -> dict[str, BaseTool | None]:
    """The tools by name; None stands for one that is only a description."""
    known: dict[str, BaseTool | None] = {}
    for given in tools:
        if isinstance(given, BaseTool):
            known[given.name] = given
        elif _is_function(given):
            made = BaseTool(given, description=docs_of(given).text or name_of(given))
            known[made.name] = made
        else:
            known |= {spec.name: None for spec in tools_of([given]) if isinstance(spec, ToolSpec)}
    return known


def _is_function(given: ToolLike) -> TypeGuard[Callable[..., Any]]:
    return callable(given) and not isinstance(given, type)


def _without_injected(tool: BaseTool, call: ToolCall) -> ToolCall:
    """The call, refused if the model gave a value that only the program may give."""
    for name in call["args"]:
        if name not in tool.args and name in tool.injected:
            raise ToolError(f"the arguments of tool {tool.name!r} do not fit: there is no argument {name!r}")
    return call


def _error(call: ToolCall | InvalidToolCall, told: str) -> ToolMessage:
    return ToolMessage(told, name=call["name"], tool_call_id=call["id"] or "", status="error")


def _told(error: Exception, handling: ToolErrorHandling) -> str:
    """What the model is told of an error of the tool's own."""
    if isinstance(handling, str):
        return handling
    return handling(error) if callable(handling) else f"{type(error).__name__}: {error}"


__all__ = ["ToolErrorHandling", "run_tools", "run_tools_blocking"]
