"""``@tool``, and what invoking a tool does: arguments read, a run of its own, results and errors as messages."""

from __future__ import annotations

import dataclasses
import functools
import json
import threading
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Annotated, Any

import anyio
import anyio.from_thread
import msgspec
import pydantic
import pytest

from tests.events.grammar import check_grammar
from tidewire import RunnableConfig, init_chat_model, open_run, subscribe
from tidewire.adapters.spec import ToolSpec
from tidewire.callbacks import BaseCallbackHandler
from tidewire.errors import ConfigurationError, ToolError, ToolException
from tidewire.events.bus import current_bus
from tidewire.events.types import Custom, End, Event, Run, Start
from tidewire.messages import ToolCall, ToolMessage
from tidewire.tool_definition import ErrorHandling
from tidewire.tools import BaseTool, InjectedToolArg, InjectedToolCallId, Tool, ToolRuntime, tool


@tool
def get_weather(city: str, days: int = 1) -> str:
    """Get the weather in a city.

    It is always fine.

    Args:
        city: The city's name.
    """
    return f"{days} sunny days in {city}"


@tool
async def find(query: str) -> list[str]:
    """Find something."""
    await anyio.lowlevel.checkpoint()
    return [query, query]


def call_of(name: str, args: dict[str, Any], id: str | None = "call_1") -> ToolCall:
    return {"type": "tool_call", "name": name, "args": args, "id": id}


# --- the decorator ---


def test_a_tool_tells_what_it_is() -> None:
    assert get_weather.name == "get_weather"
    assert get_weather.description == "Get the weather in a city.\n\nIt is always fine."
    assert get_weather.args == {
        "city": {"type": "string", "description": "The city's name."},
        "days": {"type": "integer", "default": 1},
    }
    assert get_weather.tool_call_schema == get_weather.args_schema
    assert (get_weather.func is None, get_weather.coroutine is None) == (False, True)
    assert (find.func is None, find.coroutine is None) == (True, False)
    assert repr(get_weather) == "Tool(get_weather: city, days)"


async def test_a_tool_is_the_function_it_was() -> None:
    assert get_weather("Lisbon", days=2) == "2 sunny days in Lisbon"
    assert await find("x") == ["x", "x"]
    assert get_weather.__doc__ is not None
    assert get_weather.__name__ == "get_weather"
    assert get_weather.__module__ == __name__


def test_the_decorator_takes_a_name_and_settings() -> None:
    class Args(pydantic.BaseModel):
        """From the schema."""

        q: str

    def search(q: str) -> str:
        return q

    named = tool("web-search", description="Search.", return_direct=True, extras={"a": 1}, quick=True)(search)
    assert (named.name, named.description, named.return_direct, named.extras, named.quick) == (
        "web-search", "Search.", True, {"a": 1}, True,
    )  # fmt: skip
    assert tool("other", search, description="Search.").name == "other"
    described = tool(args_schema=Args)(search)
    assert described.description == "From the schema."
    assert described.args_schema is Args
    assert tool(args_schema={"description": "From JSON.", "properties": {"q": {}}})(search).description == "From JSON."
    assert tool(infer_schema=False, description="d")(search).args == {"q": {"type": "string"}}


def test_a_function_needs_a_name_and_a_description() -> None:
    def undescribed(a: int) -> int:
        return a

    with pytest.raises(ConfigurationError, match=r"tool 'undescribed' needs a docstring or description="):
        tool(undescribed)
    with pytest.raises(ConfigurationError, match="give it one"):
        tool(lambda: 1)
    with pytest.raises(ConfigurationError, match="takes a function or a name, not int"):
        tool(3)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue, reportArgumentType]  # on purpose
    with pytest.raises(ConfigurationError, match="a tool needs a function"):
        BaseTool()


def test_a_docstring_is_checked_where_that_is_asked_for() -> None:
    def add(a: int) -> int:
        """Add.

        Args:
            a: A.
            b: There is none.
        """
        return a

    assert tool(add).args["a"]["description"] == "A."
    assert tool(parse_docstring=True, error_on_invalid_docstring=False)(add).name == "add"
    with pytest.raises(ConfigurationError, match="documents 'b', which it does not take"):
        tool(parse_docstring=True)(add)


def test_instances_and_partials_can_be_tools() -> None:
    class Adder:
        """Adds."""

        def __call__(self, a: int, b: int = 1) -> int:
            return a + b

    adder = tool(Adder())
    assert (adder.name, adder.description, adder.invoke({"a": 1})) == ("Adder", "Adds.", 2)
    more = tool(functools.partial(get_weather.func or print, days=3))
    assert (more.name, more.invoke({"city": "Lisbon"})) == ("get_weather", "3 sunny days in Lisbon")


# --- arguments and tool calls ---


def test_arguments_are_a_dict_a_text_or_a_tool_call() -> None:
    assert get_weather.invoke({"city": "Lisbon", "days": "2"}) == "2 sunny days in Lisbon"
    assert find.invoke("x") == ["x", "x"]
    answer = get_weather.invoke(call_of("get_weather", {"city": "Lisbon"}))
    assert answer == ToolMessage("1 sunny days in Lisbon", name="get_weather", tool_call_id="call_1")
    plain = get_weather.invoke({"name": "get_weather", "args": {"city": "Lisbon"}, "id": "call_2"})
    assert (type(plain), plain.tool_call_id, plain.status) == (ToolMessage, "call_2", "success")
    assert get_weather.invoke(call_of("get_weather", {"city": "Lisbon"}, None)).tool_call_id == ""
    with pytest.raises(ToolError, match="takes 2 arguments; give a dict"):
        get_weather.invoke("Lisbon")
    with pytest.raises(ToolError, match="the call is of tool 'other', this is tool 'get_weather'"):
        get_weather.invoke(call_of("other", {"city": "Lisbon"}))


def test_a_tool_may_have_arguments_called_name_and_args() -> None:
    @tool
    def apply(name: str, args: dict[str, int]) -> str:
        """Apply."""
        return f"{name} {args}"

    assert apply.invoke({"name": "f", "args": {"a": 1}}) == "f {'a': 1}"
    assert apply.invoke({"name": "apply", "args": {"name": "f", "args": {}}, "id": "1"}).content == "f {}"
    assert apply.invoke(call_of("apply", {"name": "f", "args": {}})).content == "f {}"


async def test_arguments_are_checked_before_the_call() -> None:
    called: list[int] = []

    @tool
    def count(n: int) -> int:
        """Count."""
        called.append(n)
        return n

    cases: list[tuple[dict[str, Any], str]] = [
        ({"n": "many"}, "n: 'many' is not an integer"),
        ({"n": 1, "m": 2}, "no argument 'm'"),
    ]
    for wrong, told in cases:
        with pytest.raises(ToolError, match=told):
            count.invoke(wrong)
        with pytest.raises(ToolError, match=told):
            await count.ainvoke(call_of("count", wrong))
    assert called == []


async def test_what_the_program_fills_reaches_the_function() -> None:
    @tool
    def note(
        text: str,
        user: Annotated[str, InjectedToolArg],
        call_id: Annotated[str, InjectedToolCallId],
        config: RunnableConfig,
        runtime: ToolRuntime,
    ) -> dict[str, Any]:
        """Note."""
        runtime.run.dispatch("noted", text)
        return {"user": user, "id": call_id, "config": config, "run": runtime.run.run.name}

    assert list(note.args) == ["text"]
    assert set(note.injected) == {"user", "call_id", "config", "runtime"}
    heard: list[Event] = []
    with subscribe(lambda run, event: heard.append(event)):
        answer = await note.ainvoke(
            call_of("note", {"text": "hi"}), {"tags": ["a"], "run_name": "noting"}, inject={"user": "ann"}
        )
    assert json.loads(answer.text) == {"user": "ann", "id": "call_1", "config": {"tags": ["a"]}, "run": "noting"}
    assert [event.name for event in heard if isinstance(event, Custom)] == ["noted"]
    # The program may also put the value among the arguments of the call.
    assert "bob" in note.invoke(call_of("note", {"text": "hi", "user": "bob"})).text


# --- results ---


@dataclasses.dataclass
class Data:
    a: int


class Struct(msgspec.Struct):
    a: int


class Model(pydantic.BaseModel):
    a: int


class Odd:
    def __str__(self) -> str:
        return "odd"


@pytest.mark.parametrize(
    ("result", "content"),
    [
        ("text", "text"),
        ("", ""),
        (None, "null"),
        (1.5, "1.5"),
        ({"é": [1, True]}, '{"é": [1, true]}'),
        ([], "[]"),
        ([1, 2], "[1, 2]"),
        (Data(1), '{"a": 1}'),
        (Struct(1), '{"a": 1}'),
        ([Model(a=1)], '[{"a": 1}]'),
        (Odd(), "odd"),
        ({"x": Odd()}, None),
        (["a", "b"], ["a", "b"]),
        ([{"type": "text", "text": "a"}], [{"type": "text", "text": "a"}]),
        ([{"type": "other"}], '[{"type": "other"}]'),
    ],
    ids=lambda value: repr(value)[:40] if not isinstance(value, (Odd, dict)) else "object",
)  # fmt: skip
def test_a_result_becomes_content(result: object, content: object) -> None:
    give = tool("give", lambda: result, description="Give.")
    answer = give.invoke(call_of("give", {}))
    assert answer.content == (content if content is not None else str(result))
    assert give.invoke({}) is result


def test_a_message_passes_as_it_is() -> None:
    message = ToolMessage("x", tool_call_id="other", status="error")
    assert tool("give", lambda: message, description="Give.").invoke(call_of("give", {})) is message


def test_an_artifact_stays_with_the_program() -> None:
    @tool(response_format="content_and_artifact")
    def rows() -> tuple[str, list[int]]:
        """Give rows."""
        return "2 rows", [1, 2]

    answer = rows.invoke(call_of("rows", {}))
    assert (answer.content, answer.artifact) == ("2 rows", [1, 2])
    assert rows.invoke({}) == "2 rows"
    for wrong in ("text", ("a", "b", "c"), ["a", "b"]):
        with pytest.raises(ConfigurationError, match="must give a pair"):
            tool("f", lambda: wrong, description="d", response_format="content_and_artifact").invoke({})  # noqa: B023 - called at once


# --- errors ---


def fails(what: str) -> str:
    """Fail."""
    if what == "tool":
        raise ToolException("no such city")
    if what == "silent":
        raise ToolException
    raise ValueError("a fault of the program")


def in_own_words(error: ToolError) -> str:
    return f"failed: {error}"


@pytest.mark.parametrize(
    ("handling", "told"),
    [(True, "no such city"), ("ask again", "ask again"), (in_own_words, "failed: no such city")],
    ids=["true", "text", "function"],
)
async def test_a_tool_exception_is_told_to_the_model_where_that_is_asked_for(
    handling: ErrorHandling, told: str
) -> None:
    failing = tool(handle_tool_error=handling)(fails)
    for answer in (
        failing.invoke(call_of("fails", {"what": "tool"})),
        await failing.ainvoke(call_of("fails", {"what": "tool"})),
    ):
        assert (answer.content, answer.status, answer.tool_call_id) == (told, "error", "call_1")
    assert failing.invoke({"what": "tool"}) == told
    with pytest.raises(ValueError, match="a fault of the program"):
        failing.invoke({"what": "other"})


def test_errors_are_raised_unless_they_are_handled() -> None:
    failing = tool(fails)
    with pytest.raises(ToolException, match="no such city"):
        failing.invoke(call_of("fails", {"what": "tool"}))
    failing.handle_tool_error = True
    assert failing.invoke(call_of("fails", {"what": "silent"})).content == "Tool execution error"


@pytest.mark.parametrize(
    ("handling", "told"),
    [
        (True, "Tool input validation error: the arguments of tool 'fails' do not fit: what: is missing"),
        ("ask again", "ask again"),
        (in_own_words, "failed: the arguments of tool 'fails' do not fit: what: is missing"),
    ],
    ids=["true", "text", "function"],
)
async def test_arguments_that_do_not_fit_are_told_where_that_is_asked_for(handling: ErrorHandling, told: str) -> None:
    failing = tool(handle_validation_error=handling)(fails)
    assert failing.invoke(call_of("fails", {})) == await failing.ainvoke(call_of("fails", {}))
    assert failing.invoke(call_of("fails", {})).content == told
    assert failing.invoke(call_of("fails", {})).status == "error"


# --- the run ---


class Heard:
    """Hears runs, in the order in which they begin."""

    def __init__(self) -> None:
        self.events: dict[Run, list[Event]] = {}

    def __call__(self, run: Run, event: Event) -> None:
        self.events.setdefault(run, []).append(event)

    def only(self) -> tuple[Run, Start, End]:
        ((run, events),) = self.events.items()
        check_grammar(events, run.kind)
        start, end = events[0], events[-1]
        assert isinstance(start, Start)
        assert isinstance(end, End)
        return run, start, end


async def test_an_invocation_is_a_run_within_the_run_around_it() -> None:
    heard = Heard()
    async with open_run("agent") as outer:
        with subscribe(heard):
            answer = await get_weather.ainvoke(call_of("get_weather", {"city": "Lisbon"}), {"tags": ["a"]})
    run, start, end = heard.only()
    assert (run.kind, run.name, run.tags, run.parent_id) == ("tool", "get_weather", ("a",), outer.run.id)
    assert (start.input, start.parameters) == ({"city": "Lisbon"}, {"tool_call_id": "call_1"})
    assert (end.outcome, end.output) == ("ok", answer)


def test_a_sync_invocation_is_a_run_too() -> None:
    heard = Heard()
    get_weather.invoke({"city": "Lisbon"}, {"callbacks": heard, "run_name": "weather"})
    run, start, end = heard.only()
    assert (run.name, start.parameters, end.output) == ("weather", {}, "1 sunny days in Lisbon")
    assert current_bus() is None


async def test_a_failed_invocation_ends_its_run_with_the_error() -> None:
    for invoke in (tool(fails).ainvoke, None):
        heard = Heard()
        with pytest.raises(ValueError, match="fault"):
            if invoke is None:
                tool(fails).invoke({"what": "x"}, {"callbacks": heard})
            else:
                await invoke({"what": "x"}, {"callbacks": heard})
        assert isinstance(heard.only()[2].error, ValueError)
    heard = Heard()
    tool(handle_tool_error=True)(fails).invoke({"what": "tool"}, {"callbacks": heard})
    assert (heard.only()[2].outcome, heard.only()[2].output) == ("ok", "no such city")


async def test_handlers_hear_of_tools() -> None:
    class Handler(BaseCallbackHandler):
        def __init__(self) -> None:
            self.heard: list[tuple[Any, ...]] = []

        def on_tool_start(self, serialized: dict[str, Any], input_str: str, **about: Any) -> None:
            self.heard.append((serialized["name"], input_str, about["inputs"], about["tool_call_id"]))

        def on_tool_end(self, output: Any, **about: Any) -> None:  # noqa: ANN401 - whatever the tool gives
            self.heard.append((output,))

        def on_tool_error(self, error: BaseException, **about: Any) -> None:
            self.heard.append((error,))

    handler = Handler()
    answer = await get_weather.ainvoke(call_of("get_weather", {"city": "a"}), {"callbacks": [handler]})
    get_weather.invoke({"city": "a"}, {"callbacks": [handler]})
    with pytest.raises(ToolError) as caught:
        get_weather.invoke({}, {"callbacks": [handler]})
    assert handler.heard == [
        ("get_weather", "{'city': 'a'}", {"city": "a"}, "call_1"),
        (answer,),
        ("get_weather", "{'city': 'a'}", {"city": "a"}, None),
        ("1 sunny days in a",),
        ("get_weather", "{}", {}, None),
        (caught.value,),
    ]


async def test_calls_within_a_tool_are_runs_within_its_run() -> None:
    model = init_chat_model("embedded:demo")

    @tool
    def ask(question: str) -> str:
        """Ask a model."""
        return model.invoke(question).text

    @tool
    async def ask_async(question: str) -> str:
        """Ask a model."""
        return (await model.ainvoke(question)).text

    for asking in (ask, ask_async, tool(quick=True)(ask.func or print)):
        heard = Heard()
        with subscribe(heard):
            await asking.ainvoke({"question": "hi"})
            asking.invoke({"question": "hi"})
        one, within_one, other, within_other = heard.events
        assert [run.kind for run in heard.events] == ["tool", "chat_model", "tool", "chat_model"]
        assert (within_one.parent_id, within_other.parent_id) == (one.id, other.id)


# --- threads ---


async def test_a_sync_function_runs_in_a_worker_thread_unless_it_is_quick() -> None:
    def where() -> int:
        """Give the thread."""
        return threading.get_ident()

    assert await tool(where).ainvoke({}) != threading.get_ident()
    assert await tool(quick=True)(where).ainvoke({}) == threading.get_ident()
    assert tool(where).invoke({}) == threading.get_ident()


async def test_a_function_that_gives_a_coroutine_is_waited_for() -> None:
    async def later() -> str:
        await anyio.lowlevel.checkpoint()
        return "later"

    promise = tool("promise", lambda: later(), description="d")
    assert await promise.ainvoke({}) == "later"
    assert promise.invoke({}) == "later"


async def test_async_twins_serve_async_callers() -> None:
    async def asynchronous() -> str:
        return "async"

    both = Tool[Any](lambda: "sync", asynchronous, name="both", description="d")
    assert (both.invoke({}), await both.ainvoke({})) == ("sync", "async")


@asynccontextmanager
async def cancelled_when(started: threading.Event) -> AsyncGenerator[None]:
    async with anyio.create_task_group() as group:

        async def cancel() -> None:
            await anyio.to_thread.run_sync(started.wait)
            group.cancel_scope.cancel()

        group.start_soon(cancel)
        yield


async def test_a_cancelled_caller_waits_for_the_thread() -> None:
    started, done = threading.Event(), threading.Event()

    @tool
    def work() -> None:
        """Work until the caller is cancelled."""
        started.set()
        try:
            while True:
                anyio.from_thread.check_cancelled()
        finally:
            done.set()

    heard = Heard()
    with subscribe(heard):
        async with cancelled_when(started):
            await work.ainvoke({})
    assert done.is_set()
    assert heard.only()[2].outcome == "cancelled"


async def test_nested_tools_never_wait_for_each_other_s_threads() -> None:
    @tool
    def inner(n: int) -> int:
        """Add one."""
        return n + 1

    @tool
    def outer(n: int) -> int:
        """Ask the inner tool on the loop, from a thread."""
        result: int = anyio.from_thread.run(inner.ainvoke, {"n": n})
        return result

    results: list[int] = []

    async def run(n: int) -> None:
        results.append(await outer.ainvoke({"n": n}))

    async with anyio.create_task_group() as group:
        for n in range(60):
            group.start_soon(run, n)
    assert sorted(results) == list(range(1, 61))


class Lookup(pydantic.BaseModel):
    query: str = pydantic.Field(description="What to look up")


def test_from_function_makes_a_tool_as_the_field_does() -> None:
    def look_up(query: str) -> str:
        return f"sync {query}"

    async def alook_up(query: str) -> str:
        return f"async {query}"

    made = Tool.from_function(
        func=look_up,
        coroutine=alook_up,
        name="search",
        description="Search.",
        args_schema=Lookup,
        return_direct=True,
        handle_tool_error=True,
    )
    assert (made.name, made.description, made.return_direct, made.args_schema) == ("search", "Search.", True, Lookup)
    assert made.args == {"query": {"type": "string", "description": "What to look up"}}
    assert made.invoke({"query": "tides"}) == "sync tides"
    assert made("tides") == "sync tides"
    assert anyio.run(made.ainvoke, "tides") == "async tides"
    with pytest.raises(ConfigurationError, match="a tool needs a function"):
        Tool.from_function(name="search", description="Search.")


class Search(BaseTool):
    name = "search"
    description = "Search."
    args_schema = Lookup
    return_direct = True
    response_format = "content_and_artifact"
    extras = {"cache_control": {"type": "ephemeral"}}  # noqa: RUF012 -- as users write it

    def __init__(self, index: str) -> None:
        self.index = index
        super().__init__()

    def _run(self, query: str, run_manager: object = None) -> tuple[str, int]:
        return f"{self.index} {query} {run_manager}", 1

    async def _arun(self, query: str, run_manager: object = None) -> tuple[str, int]:
        return f"async {self.index} {query} {run_manager}", 2


CALL: ToolCall = {"type": "tool_call", "name": "search", "args": {"query": "tides"}, "id": "call_1"}


async def test_a_subclass_has_its_function_as_a_method_and_its_settings_as_attributes() -> None:
    search = Search("books")
    assert (search.name, search.description, search.return_direct) == ("search", "Search.", True)
    assert search.args == {"query": {"type": "string", "description": "What to look up"}}
    assert search.extras == {"cache_control": {"type": "ephemeral"}}
    assert search.invoke(CALL) == ToolMessage("books tides None", tool_call_id="call_1", name="search", artifact=1)
    assert (await search.ainvoke(CALL)).content == "async books tides None"
    spec = init_chat_model("embedded:demo").bind_tools([search]).settings.tools[0]
    assert isinstance(spec, ToolSpec)
    assert (spec.name, list(spec.parameters["properties"])) == ("search", ["query"])


async def test_a_subclass_may_leave_out_what_follows_from_its_method() -> None:
    class Double(BaseTool):
        """Double a number."""

        async def _arun(self, number: int, run_manager: object = None) -> int:
            return number * 2

    double = Double()
    assert (double.name, double.description, list(double.args)) == ("Double", "Double a number.", ["number"])
    assert await double.ainvoke({"number": 2}) == 4
    assert Double(name="twice").name == "twice"
    with pytest.raises(ConfigurationError, match="or a subclass of BaseTool with _run or _arun"):
        BaseTool(name="none", description="None.")
