"""Ordinary use of the library, as both type checkers read it: what is inferred, without a single annotation more.

``tests/typing/test_usage.py`` runs it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator
from typing import Annotated, Any, Literal, TypedDict, assert_type

import msgspec
import pydantic

from tidewire import (
    ChatModel,
    ChatOpenAI,
    OutputParsingError,
    RawOutput,
    RunnableConfig,
    StreamInterruptedError,
    StructuredModel,
    chain,
    init_chat_model,
)
from tidewire.callbacks import get_usage_metadata_callback
from tidewire.events import End, Event, Run, Token
from tidewire.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    HumanMessage,
    MessageStep,
    SystemMessage,
    ToolCall,
    ToolMessage,
    UsageMetadata,
    convert_to_openai_messages,
    filter_messages,
    merge_message_runs,
    messages_from_json,
    messages_to_json,
    trim_messages,
)
from tidewire.testing import Fail, GenericFakeChatModel, Reply
from tidewire.tools import InjectedToolCallId, Tool, run_tools, run_tools_blocking, tool


class Actor(pydantic.BaseModel):
    name: str
    role: str = "unknown"


class Movie(pydantic.BaseModel):
    """A movie."""

    title: str = pydantic.Field(description="The title of the movie")
    year: int
    cast: list[Actor] = []


class MovieDict(TypedDict):
    """A movie."""

    title: Annotated[str, "The title of the movie"]
    budget: Annotated[float | None, ..., "Budget in millions USD"]


class MovieStruct(msgspec.Struct):
    title: str
    year: int = 0


@dataclasses.dataclass
class MovieRecord:
    title: str
    genre: Literal["comedy", "drama"] = "drama"


SCHEMA = {"title": "Movie", "type": "object", "properties": {"title": {"type": "string"}}, "required": ["title"]}


@tool
def get_weather(city: str, days: int = 1) -> str:
    """Get the weather in a city."""
    return f"{days} sunny days in {city}"


@tool("search", return_direct=True, extras={"cache_control": {"type": "ephemeral"}})
async def look_up(query: str, call_id: Annotated[str, InjectedToolCallId]) -> list[str]:
    """Search for something."""
    return [query, call_id]


def calls_of_a_model(model: ChatModel) -> None:
    assert_type(model.invoke("hi"), AIMessage)
    assert_type(model.invoke([HumanMessage("hi"), {"role": "user", "content": "hi"}, ("human", "hi")]), AIMessage)
    config: RunnableConfig = {"run_name": "greeting", "tags": ["a"], "max_concurrency": 2}
    assert_type(model.batch(["one", "two"], config), list[AIMessage])
    assert_type(model.batch(["one"], return_exceptions=True), list[AIMessage | Exception])
    for chunk in model.stream("hi"):
        assert_type(chunk, AIMessageChunk)
        assert_type(chunk + chunk, AIMessageChunk)
        assert_type(chunk.text, str)
    for index, message in model.batch_as_completed(["one", "two"]):
        assert_type(index, int)
        assert_type(message, AIMessage)
    assert_type(model.bind(temperature=0), ChatModel)
    assert_type(model.with_config(tags=["a"]).bind_tools([get_weather]), ChatModel)
    assert_type(model.with_retry(stop_after_attempt=2).with_fallbacks([model, "embedded:demo"]), ChatModel)


async def async_calls_of_a_model(model: ChatModel) -> None:
    assert_type(await model.ainvoke("hi"), AIMessage)
    assert_type(await model.abatch(["one", "two"]), list[AIMessage])
    async for chunk in model.astream("hi"):
        assert_type(chunk, AIMessageChunk)
    async with model.astream("hi") as stream:
        assert_type(await stream.result(), AIMessage)
    async for event in model.aevents("hi"):
        assert_type(event, Event)
    async for index, message in model.abatch_as_completed(["one"]):
        assert_type(index, int)
        assert_type(message, AIMessage)


def add(first: int, second: int) -> int:
    """Add two numbers."""
    return first + second


async def add_later(first: int, second: int) -> int:
    """Add two numbers."""
    return first + second


async def tools_without_a_decorator() -> None:
    assert_type(Tool(func=add, name="plus")(1, 2), int)
    assert_type(Tool(add, add_later, name="plus")(1, 2), int)
    assert_type(await Tool(coroutine=add_later)(1, 2), int)
    assert_type(Tool.from_function(add, name="plus", description="Add.").name, str)


async def a_tool_is_the_function_it_was() -> None:
    assert_type(get_weather("Lisbon"), str)
    assert_type(get_weather("Lisbon", days=2), str)
    assert_type(await look_up("tides", "call_1"), list[str])
    call: ToolCall = {"type": "tool_call", "name": "get_weather", "args": {"city": "Lisbon"}, "id": "call_1"}
    assert_type(get_weather.invoke(call), ToolMessage)
    assert get_weather.invoke({"city": "Lisbon"}) == "1 sunny days in Lisbon"


async def the_tool_loop(model: ChatModel) -> None:
    tools = [get_weather, look_up]
    bound = model.bind_tools(tools, tool_choice="any")
    messages: list[BaseMessage] = [HumanMessage("What's the weather in Lisbon?")]
    answer = await bound.ainvoke(messages)
    messages.append(answer)
    for call in answer.tool_calls:
        assert_type(call, ToolCall)
        assert_type(call["args"], dict[str, Any])
    messages += assert_type(await run_tools(answer, tools), list[ToolMessage])
    assert_type(await model.ainvoke(messages), AIMessage)


def the_tool_loop_in_sync_code(model: ChatModel) -> None:
    answer = model.bind_tools([get_weather]).invoke("What's the weather in Lisbon?")
    assert_type(run_tools_blocking(answer, [get_weather]), list[ToolMessage])
    for call in answer.tool_calls:
        assert_type(get_weather.invoke(call), ToolMessage)


def structured_output(model: ChatModel) -> None:
    movies = model.with_structured_output(Movie)
    assert_type(movies, StructuredModel[Movie])
    assert_type(movies.invoke("Inception"), Movie)
    assert_type(movies.invoke("Inception").cast, list[Actor])
    assert_type(movies.batch(["Inception"]), list[Movie])
    for partial in movies.stream("Inception"):
        assert_type(partial, Movie)
    assert_type(model.with_structured_output(MovieDict).invoke("Inception"), MovieDict)
    assert_type(model.with_structured_output(MovieStruct, method="function_calling").invoke("Inception"), MovieStruct)
    assert_type(model.with_structured_output(MovieRecord, strict=True).invoke("Inception"), MovieRecord)
    assert_type(model.with_structured_output(SCHEMA).invoke("Inception"), dict[str, Any])
    assert_type(movies.with_config(tags=["a"]).bind(temperature=0).invoke("Inception"), Movie)


async def structured_output_with_its_message(model: ChatModel) -> None:
    outcome = await model.with_structured_output(Movie, include_raw=True).ainvoke("Inception")
    assert_type(outcome, RawOutput[Movie])
    assert_type(outcome["raw"], AIMessage)
    assert_type(outcome["parsed"], Movie | None)
    assert_type(outcome["parsing_error"], OutputParsingError | None)
    async for growing in model.with_structured_output(MovieDict, include_raw=True).astream("Inception"):
        assert_type(growing["parsed"], MovieDict | None)
    async with model.with_structured_output(MovieDict).astream("Inception") as stream:
        assert_type(await stream.result(), MovieDict)
    raw = await model.with_structured_output(SCHEMA, include_raw=True).ainvoke("Inception")
    assert_type(raw["parsed"], dict[str, Any] | None)


def streams_in_sync_code(model: ChatModel) -> None:
    with model.stream("hi") as stream:
        for chunk in stream:
            assert_type(chunk, AIMessageChunk)
            break
    stream.close()
    assert_type(model.stream("hi").result(), AIMessage)
    with model.batch_as_completed(["one"]) as done:
        for pair in done:
            assert_type(pair, tuple[int, AIMessage])


def errors_carry_what_arrived() -> None:
    script = [Fail(kind="reset", after_tokens=1, reply=Reply(["one ", "two"]))]
    try:
        init_chat_model("embedded:demo", script=script).invoke("hi", streaming=True)
    except StreamInterruptedError as error:
        if error.partial is not None:
            assert_type(error.partial.text, str)
            assert_type(error.partial.tool_calls, list[ToolCall])
        assert_type(error.attempts, int)
        assert_type(error.is_retryable, bool)


def histories(model: ChatModel) -> None:
    talk = [SystemMessage("be kind"), HumanMessage("hi")]
    only_human = [HumanMessage("hi")]
    dicts = [{"role": "user", "content": "hi"}]
    assert_type(model.invoke(only_human), AIMessage)
    assert_type(model.invoke(tuple(only_human)), AIMessage)
    assert_type(model.invoke(dicts), AIMessage)
    assert_type(model.invoke(HumanMessage("hi")), AIMessage)
    trimmed = trim_messages(talk, max_tokens=100, token_counter=model, include_system=True, start_on="human")
    assert_type(trimmed, list[BaseMessage])
    assert_type(trim_messages(only_human, max_tokens=1, token_counter=len), list[BaseMessage])
    step = trim_messages(max_tokens=100, token_counter="approximate")
    assert_type(step, MessageStep)
    assert_type(step.invoke(talk), list[BaseMessage])
    assert_type(filter_messages(talk, include_types=["human", AIMessage]), list[BaseMessage])
    assert_type(merge_message_runs(talk), list[BaseMessage])
    assert_type(convert_to_openai_messages(talk), list[dict[str, Any]])
    assert_type(convert_to_openai_messages(HumanMessage("hi")), dict[str, Any])
    assert_type(model.get_num_tokens("hi"), int)
    assert_type(model.get_num_tokens_from_messages(talk, [get_weather]), int)
    for message in messages_from_json(messages_to_json(talk)):
        assert_type(message, BaseMessage)
    answer = AIMessage("", tool_calls=[{"name": "get_weather", "args": {"city": "Lisbon"}, "id": "call_1"}])
    for call in answer.tool_calls:
        assert_type(ToolMessage("sunny", tool_call_id=call["id"]).tool_call_id, str)


async def observers(model: ChatModel) -> None:
    ends: list[str] = []

    def hear(run: Run, event: Event) -> None:
        match event:
            case Token():
                assert_type(event.text, str)
            case End():
                ends.append(f"{run.name} {event.outcome}")
            case _:
                pass

    await model.ainvoke("hi", {"callbacks": [hear]})
    assert ends == ["ChatEmbedded ok"]
    with get_usage_metadata_callback() as usage:
        model.invoke("hi")
    assert_type(usage.usage_metadata, dict[str, UsageMetadata])


async def chains(model: ChatModel) -> None:
    @chain
    async def ask(question: str, *, style: str = "short") -> int:
        return len((await model.ainvoke(f"{style}: {question}")).text)

    @chain
    async def words(question: str) -> AsyncIterator[AIMessageChunk]:
        async for chunk in model.astream(question):
            yield chunk

    @chain
    def plain(question: str) -> list[str]:
        return question.split()

    assert_type(await ask.ainvoke("hi", style="long"), int)
    assert_type(ask.invoke("hi"), int)
    assert_type(await ask.abatch(["hi"]), list[int])
    async for chunk in words.astream("hi"):
        assert_type(chunk, AIMessageChunk)
    assert_type(plain.invoke("hi there"), list[str])
    async for record in ask.astream_events("hi"):
        assert_type(record["event"], str)


def fakes() -> None:
    fake = GenericFakeChatModel(messages=iter([AIMessage("hello"), AIMessage("again")]))
    assert_type(fake.invoke("hi"), AIMessage)
    assert_type(fake.bind(stop=["x"]), GenericFakeChatModel)


async def main() -> None:
    model = init_chat_model("embedded:demo", temperature=0)
    assert_type(ChatOpenAI("gpt-5-nano", max_retries=0), ChatOpenAI)
    calls_of_a_model(model)
    await async_calls_of_a_model(model)
    await tools_without_a_decorator()
    await a_tool_is_the_function_it_was()
    await the_tool_loop(model)
    the_tool_loop_in_sync_code(model)
    structured_output(model)
    streams_in_sync_code(model)
    errors_carry_what_arrived()
    histories(model)
    await observers(model)
    await chains(model)
    fakes()
    await structured_output_with_its_message(model)
