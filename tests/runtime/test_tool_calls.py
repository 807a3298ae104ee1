"""All tool calls of a message: at once, bounded, answered in order, each a run within the run around."""

from __future__ import annotations

from typing import Annotated, Any

import anyio
import anyio.lowlevel
import pytest

from tidewire import init_chat_model, open_run, subscribe
from tidewire.errors import ConfigurationError, ToolException
from tidewire.events.types import End, Event, Run
from tidewire.messages import AIMessage, HumanMessage, ToolMessage
from tidewire.testing import Call, Reply
from tidewire.tool_calls import ToolErrorHandling
from tidewire.tools import InjectedToolArg, ToolLike, run_tools, run_tools_blocking, tool


def calling(*calls: tuple[str, dict[str, Any]]) -> AIMessage:
    """A message with these calls, whose ids are their places."""
    return AIMessage(
        content_blocks=[
            {"type": "tool_call", "name": name, "args": args, "id": str(place)}
            for place, (name, args) in enumerate(calls)
        ]
    )


@tool
def double(n: int) -> int:
    """Double."""
    return 2 * n


class Gauge:
    """Counts how many are in it at once."""

    def __init__(self) -> None:
        self.now = self.most = 0

    async def __aenter__(self) -> None:
        self.now += 1
        self.most = max(self.most, self.now)

    async def __aexit__(self, *about: object) -> None:
        self.now -= 1


async def test_all_run_at_once_and_are_answered_in_order() -> None:
    here = [anyio.Event() for _ in range(5)]
    gauge = Gauge()

    @tool
    async def meet(n: int) -> int:
        """Wait for all the others, the last one first."""
        async with gauge:
            here[n].set()
            for event in reversed(here):
                await event.wait()
            return n

    answers = await run_tools(calling(*(("meet", {"n": n}) for n in range(5))), [meet])
    assert [(answer.content, answer.tool_call_id) for answer in answers] == [(str(n), str(n)) for n in range(5)]
    assert gauge.most == 5


@pytest.mark.parametrize("by_config", [True, False])
async def test_at_most_max_concurrency_run_at_once(by_config: bool) -> None:
    gauge = Gauge()

    @tool
    async def work(n: int) -> int:
        """Work."""
        async with gauge:
            for _ in range(5):
                await anyio.lowlevel.checkpoint()
        return n

    message = calling(*(("work", {"n": n}) for n in range(10)))
    if by_config:
        await run_tools(message, [work], config={"max_concurrency": 3})
    else:
        await run_tools(message, [work], max_concurrency=3, config={"max_concurrency": 9})
    assert gauge.most == 3


async def test_what_the_model_can_mend_is_told_to_it() -> None:
    @tool
    def refuse(n: int) -> int:
        """Refuse."""
        raise ToolException("not today")

    message = AIMessage(
        content_blocks=[
            {"type": "text", "text": "Let me see."},
            {"type": "invalid_tool_call", "name": "double", "args": '{"n', "id": "a", "error": "it was cut off"},
            {"type": "tool_call", "name": "double", "args": {"n": "many"}, "id": "b"},
            {"type": "tool_call", "name": "dubble", "args": {}, "id": "c"},
            {"type": "tool_call", "name": "refuse", "args": {"n": 1}, "id": "d"},
            {"type": "tool_call", "name": "double", "args": {"n": 4}, "id": None},
        ]
    )
    answers = await run_tools(message, [double, refuse])
    assert [(answer.tool_call_id, answer.status, answer.content) for answer in answers] == [
        ("a", "error", "the call could not be read: it was cut off"),
        ("b", "error", "the arguments of tool 'double' do not fit: n: 'many' is not an integer"),
        ("c", "error", "there is no tool 'dubble'; there are: 'double', 'refuse'"),
        ("d", "error", "not today"),
        ("", "success", "8"),
    ]
    assert [answer.name for answer in answers] == ["double", "double", "dubble", "refuse", "double"]


async def test_another_error_stops_the_rest_and_is_raised_as_itself() -> None:
    cancelled: list[bool] = []

    @tool
    async def wait() -> None:
        """Wait for ever."""
        try:
            await anyio.sleep_forever()
        finally:
            cancelled.append(True)

    @tool
    async def crash() -> None:
        """Crash."""
        await anyio.lowlevel.checkpoint()
        raise ZeroDivisionError("a fault")

    message = calling(("wait", {}), ("crash", {}))
    with pytest.raises(ZeroDivisionError, match="a fault"):
        await run_tools(message, [wait, crash])
    assert cancelled == [True]


@pytest.mark.parametrize(
    ("handling", "told"),
    [(True, "ZeroDivisionError: a fault"), ("sorry", "sorry"), (str, "a fault")],
    ids=["true", "text", "function"],
)
async def test_other_errors_are_told_to_the_model_where_that_is_asked_for(
    handling: ToolErrorHandling, told: str
) -> None:
    @tool
    def crash(n: int) -> None:
        """Crash."""
        raise ZeroDivisionError("a fault")

    crashed, wrong = await run_tools(calling(("crash", {"n": 1}), ("crash", {})), [crash], handle_errors=handling)
    assert (crashed.content, crashed.status) == (told, "error")
    assert wrong.text.startswith("the arguments of tool 'crash' do not fit")


async def test_the_runs_are_within_the_run_around() -> None:
    ends: list[Run] = []

    def hear(run: Run, event: Event) -> None:
        if isinstance(event, End):
            ends.append(run)

    async with open_run("agent") as outer:
        with subscribe(hear):
            await run_tools(calling(("double", {"n": 1}), ("double", {"n": 2})), [double], config={"tags": ["t"]})
    assert [(run.name, run.kind, run.parent_id, run.tags) for run in ends] == [
        ("double", "tool", outer.run.id, ("t",))
    ] * 2


async def test_functions_are_tools_and_descriptions_are_not() -> None:
    def undescribed(n: int) -> int:
        return n

    schema: ToolLike = {"name": "only_told", "parameters": {"type": "object", "properties": {}}}
    tools: list[ToolLike] = [undescribed, schema, {"type": "web_search"}]
    assert [answer.text for answer in await run_tools(calling(("undescribed", {"n": 1})), tools)] == ["1"]
    with pytest.raises(ConfigurationError, match="tool 'only_told' was called and has no function"):
        await run_tools(calling(("only_told", {})), tools)
    (unknown,) = await run_tools(calling(("web_search", {})), tools)
    assert unknown.text == "there is no tool 'web_search'; there are: 'undescribed', 'only_told'"
    (none,) = await run_tools(calling(("x", {})), [])
    assert none.text == "there is no tool 'x'; there are: none"


async def test_a_model_cannot_give_what_the_program_fills() -> None:
    @tool
    def show(text: str, user: Annotated[str, InjectedToolArg]) -> str:
        """Show."""
        return f"{user}: {text}"

    honest, sly = calling(("show", {"text": "hi"})), calling(("show", {"text": "hi", "user": "root"}))
    assert [answer.text for answer in await run_tools(honest, [show], inject={"user": "ann"})] == ["ann: hi"]
    (refused,) = await run_tools(sly, [show], inject={"user": "ann"})
    assert (refused.status, refused.text) == (
        "error",
        "the arguments of tool 'show' do not fit: there is no argument 'user'",
    )
    with pytest.raises(ConfigurationError, match="takes 'user' from the program"):
        await run_tools(honest, [show])


async def test_a_message_without_calls_has_no_answers() -> None:
    assert await run_tools(AIMessage("hi"), [double]) == []


def test_sync_code_has_a_twin() -> None:
    assert [answer.text for answer in run_tools_blocking(calling(("double", {"n": 2})), [double])] == ["4"]


async def test_the_answers_go_back_to_the_model() -> None:
    model = init_chat_model(
        "embedded:demo",
        script=[Reply(tool_calls=[Call("double", {"n": 2}), Call("double", '{"n": 3')]), "Done."],
    ).bind_tools([double])
    answer = await model.ainvoke("Double 2 and 3.")
    answers = await run_tools(answer, [double])
    assert all(isinstance(one, ToolMessage) for one in answers)
    assert [one.status for one in answers] == ["success", "error"]
    assert (await model.ainvoke([HumanMessage("Double 2 and 3."), answer, *answers])).text == "Done."


async def test_tools_run_for_a_message_and_not_for_a_list() -> None:
    with pytest.raises(ConfigurationError, match="run_tools takes the model's message, not a list"):
        await run_tools([calling(("double", {"n": 1}))], [double])  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # that is the test
