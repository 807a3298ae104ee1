"""Chains, agents and graphs of LangChain on a tidewire model."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pydantic
import pytest
from langchain.agents.structured_output import ProviderStrategy, ToolStrategy
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage, ToolMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.tools import tool

from tests.adapters.simulator.wires import WIRES, Wire, model_on
from tidewire import init_chat_model, subscribe
from tidewire.events.types import End, Event, Run
from tidewire.langchain import ChatTidewire, as_chat_model
from tidewire.testing import Call, Reply, Simulator


@tool
def tide_at(place: str) -> str:
    """The tide at a place."""
    return f"high at {place}"


class Report(pydantic.BaseModel):
    """A report."""

    place: str


# Its type is known in parts only.
create_agent: Any = import_module("langchain.agents").create_agent

PROMPT = ChatPromptTemplate.from_messages([("human", "Say {word}.")])
SCRIPT: list[Reply | str] = [Reply("Let me look.", tool_calls=[Call("tide_at", {"place": "Brest"})]), "It is high."]


def embedded(*script: Reply | str) -> ChatTidewire:
    """A model that says these things."""
    return as_chat_model(init_chat_model("embedded:demo", script=list(script)))


def asked(text: str) -> Any:  # noqa: ANN401 - agents take a class that is made at run time
    """The input of an agent."""
    return {"messages": [HumanMessage(text)]}


def test_a_chain_runs_on_it() -> None:
    chain = (
        ChatPromptTemplate.from_messages([("human", "Say {word}.")]) | embedded("one two", "three") | StrOutputParser()
    )
    assert "".join(chain.stream({"word": "one"})) == "one two"
    assert chain.invoke({"word": "three"}) == "three"


async def test_a_chain_runs_on_it_in_async_code() -> None:
    chain = PROMPT | embedded("one two") | StrOutputParser()
    assert "".join([piece async for piece in chain.astream({"word": "one"})]) == "one two"


@pytest.mark.parametrize("wire", [pytest.param(wire, id=name) for name, wire in WIRES.items()])
async def test_an_agent_runs_on_it_on_every_wire(wire: Wire) -> None:
    ends: list[str] = []

    def count(run: Run, event: Event) -> None:
        if isinstance(event, End):
            ends.append(event.outcome)

    with Simulator(script=SCRIPT + SCRIPT) as simulator, subscribe(count):
        agent = create_agent(as_chat_model(model_on(wire, simulator)), [tide_at], system_prompt="You know the sea.")
        kept = await agent.ainvoke(asked("How is the tide at Brest?"))
        again = agent.invoke(asked("How is the tide at Brest?"))
    for state in (kept, again):
        _, called, result, last = state["messages"]
        assert called.tool_calls[0]["args"] == {"place": "Brest"}
        assert isinstance(result, ToolMessage)
        assert (result.content, last.text) == ("high at Brest", "It is high.")
    assert ends == ["ok"] * 4


async def test_the_tokens_of_an_agent_are_streamed_once_each() -> None:
    agent = create_agent(embedded(*SCRIPT), [tide_at])
    texts: dict[str | None, str] = {}
    count = 0
    async for item in agent.astream(asked("hi"), stream_mode="messages"):
        message = item[0]
        if isinstance(message, AIMessage):
            texts[message.id] = texts.get(message.id, "") + message.text
            count += isinstance(message, AIMessageChunk)
    assert list(texts.values()) == ["Let me look.", "It is high."]
    assert count > 4


def test_the_tokens_of_an_agent_are_streamed_in_sync_code_too() -> None:
    agent = create_agent(embedded(*SCRIPT), [tide_at])
    texts: dict[str | None, str] = {}
    for item in agent.stream(asked("hi"), stream_mode="messages"):
        message = item[0]
        if isinstance(message, AIMessage):
            texts[message.id] = texts.get(message.id, "") + message.text
    assert list(texts.values()) == ["Let me look.", "It is high."]


def test_an_agent_answers_in_a_form_by_a_tool() -> None:
    model = embedded(Reply(tool_calls=[Call("Report", {"place": "Brest"})]))
    agent = create_agent(model, [tide_at], response_format=ToolStrategy(Report))
    assert agent.invoke(asked("hi"))["structured_response"] == Report(place="Brest")


@pytest.mark.parametrize("name", ["openai chat", "openai responses", "anthropic", "google"])
def test_an_agent_answers_in_a_form_that_the_provider_holds_it_to(name: str) -> None:
    script: list[Reply | str] = [SCRIPT[0], '{"place": "Brest"}']
    with Simulator(script=script) as simulator:
        model = as_chat_model(model_on(WIRES[name], simulator))
        agent = create_agent(model, [tide_at], response_format=ProviderStrategy(Report))
        state = agent.invoke(asked("hi"))
        assert "place" in str(simulator.requests[-1].body)
    assert state["structured_response"] == Report(place="Brest")
