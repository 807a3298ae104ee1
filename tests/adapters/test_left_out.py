from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from tests.adapters.requests.encoding import SPEAKERS
from tidewire.adapters.compatible import HOSTS
from tidewire.adapters.registry import find_adapter
from tidewire.adapters.spec import ModelRequest, NativeTool, ToolSpec
from tidewire.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage

_MARK = {"type": "ephemeral"}
_MARKED: list[Any] = [{"type": "text", "text": "Long.", "cache_control": _MARK}]
_CALL = AIMessage("", tool_calls=[{"type": "tool_call", "name": "add", "args": {}, "id": "c1"}])
_TOOLS = (ToolSpec("add"),)
_MARKED_TOOLS = (ToolSpec("add", extras={"cache_control": _MARK}), NativeTool({"type": "web_search"}))

_NAMED: Sequence[BaseMessage] = (HumanMessage("Hi", name="ada"),)
_IN_SYSTEM: Sequence[BaseMessage] = (SystemMessage(_MARKED), HumanMessage("Hi"))
_IN_ANSWER: Sequence[BaseMessage] = (HumanMessage("Hi"), AIMessage(_MARKED), HumanMessage("And?"))
_FAILED: Sequence[BaseMessage] = (HumanMessage("Hi"), _CALL, ToolMessage("no", tool_call_id="c1", status="error"))

#: What each format has a place for, of names, marks for caching and failures of tools.
HAS: Mapping[str, frozenset[str]] = {
    "openai chat": frozenset({"name"}),
    "openai responses": frozenset(),
    "azure chat": frozenset({"name"}),
    "anthropic": frozenset({"cache_mark", "failure"}),
    "google": frozenset({"failure"}),
    "bedrock": frozenset({"cache_mark", "failure"}),
    "ollama": frozenset(),
    "huggingface": frozenset({"name"}),
}


@pytest.mark.parametrize("speaker", SPEAKERS)
@pytest.mark.parametrize(
    ("what", "messages", "tools"),
    [
        ("name", _NAMED, ()),
        ("cache_mark", _IN_SYSTEM, ()),
        ("cache_mark", _IN_ANSWER, ()),
        ("cache_mark", (HumanMessage("Hi"),), _MARKED_TOOLS),
        ("failure", _FAILED, _TOOLS),
    ],
)
def test_what_a_format_has_no_place_for_is_left_out_with_a_warning(
    speaker: str, what: str, messages: Sequence[BaseMessage], tools: tuple[ToolSpec, ...]
) -> None:
    body, warnings = SPEAKERS[speaker].encode(messages, tools=tools)
    marks = {"name": '"ada"', "cache_mark": "cache", "failure": '"error"'}
    told = marks[what] in str(body).replace("'", '"').lower() or "is_error" in str(body)
    assert told is (what in HAS[speaker])
    assert [warning.code for warning in warnings] == ([] if told else [f"{what}_left_out"])


def test_a_host_that_takes_marks_takes_them_in_answers_too() -> None:
    request = ModelRequest("m", (*_IN_SYSTEM, *_IN_ANSWER), "http://h", tools=_MARKED_TOOLS)
    sent = HOSTS["openrouter"].codec.encode(request)
    assert sent.body.count(b'"cache_control"') == 2
    assert [warning.text for warning in sent.warnings] == [
        "cache_control was left out of the tools: openrouter has no such marks"
    ]


def test_a_tool_that_failed_is_told_to_a_model_that_has_no_field_for_it() -> None:
    failed = (HumanMessage("Hi"), _CALL, ToolMessage("no", tool_call_id="c1", status="error"))
    body, warnings = SPEAKERS["bedrock"].encode(failed)
    assert body["messages"][-1]["content"] == [{"text": "[the tool failed]"}, {"text": "no"}]
    assert [warning.code for warning in warnings] == ["tool_calls_as_text"]
    request = ModelRequest("meta.llama4", failed, "http://h", tools=_TOOLS)
    sent = find_adapter("bedrock").codec.encode(request)
    assert [warning.code for warning in sent.warnings] == ["failure_left_out"]
