"""What is left of LangChain in a program that moves over is told by name, with what to do about it."""

from __future__ import annotations

import re
from typing import Any

import langchain_core.caches
import langchain_core.messages
import langchain_core.prompts
import langchain_core.rate_limiters
import langchain_core.tools
import pydantic
import pytest

from tidewire import ConfigurationError, init_chat_model
from tidewire.events.convert import ModelInput
from tidewire.events.foreign import left_behind
from tidewire.messages import HumanMessage

MODEL = init_chat_model("embedded:demo")
THEIRS = langchain_core.messages.HumanMessage("hi")


class Own(langchain_core.messages.SystemMessage):
    """A class of the user's own above LangChain's."""


@langchain_core.tools.tool
def look_up(query: str) -> str:
    """Search."""
    return query


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (THEIRS, "the input is LangChain's HumanMessage; import HumanMessage from tidewire.messages"),
        ([HumanMessage("hi"), THEIRS], "message 1 is LangChain's HumanMessage; import HumanMessage from"),
        (
            [Own(content="hi")],
            "message 0 is Own, of LangChain's SystemMessage; import SystemMessage from tidewire.messages",
        ),
        (
            langchain_core.prompts.ChatPromptTemplate.from_messages([("human", "hi")]).invoke({}),
            "the input is LangChain's ChatPromptValue, which has no counterpart here",
        ),
    ],
)
def test_messages_and_prompts_of_langchain_are_told_by_name(given: ModelInput, told: str) -> None:
    with pytest.raises(ConfigurationError, match=re.escape(told)) as caught:
        MODEL.invoke(given)
    assert "tidewire.langchain.as_chat_model(model)" in caught.value.message


def test_a_tool_of_langchain_names_the_import_and_the_bridge() -> None:
    told = "the tool is LangChain's StructuredTool; import tool (or Tool) from tidewire.tools, or where"
    tools: list[Any] = [look_up]
    with pytest.raises(ConfigurationError, match=re.escape(told)) as caught:
        MODEL.bind_tools(tools)
    assert "as_chat_model" in caught.value.message


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        (
            "rate_limiter",
            langchain_core.rate_limiters.InMemoryRateLimiter(),
            "LangChain's InMemoryRateLimiter; import InMemoryRateLimiter from tidewire.rate_limiters",
        ),
        ("rate_limiter", 5, "rate_limiter is a BaseRateLimiter of tidewire.rate_limiters, not 5"),
        (
            "cache",
            langchain_core.caches.InMemoryCache(),
            "LangChain's InMemoryCache; import InMemoryCache from tidewire.caches",
        ),
    ],
)
def test_limiters_and_caches_of_langchain_are_told_when_a_model_is_made(name: str, value: object, told: str) -> None:
    with pytest.raises(ConfigurationError, match=re.escape(told)):
        MODEL.bind(**{name: value})


def test_other_objects_are_not_taken_for_langchains() -> None:
    class Plain(pydantic.BaseModel):
        text: str

    for thing in (Plain, Plain(text="hi"), len, "langchain", HumanMessage("hi"), {"role": "user"}):
        assert left_behind(thing, "tidewire.messages") is None
