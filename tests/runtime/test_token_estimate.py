"""What a request is taken to use before it is sent."""

from __future__ import annotations

from typing import Any

import pytest

from tidewire.adapters.spec import ModelRequest, NativeTool, OutputSchema, ToolSpec
from tidewire.events.messages import AIMessage, HumanMessage, ToolMessage
from tidewire.events.types import Usage
from tidewire.token_estimate import Demand, answer_limit, estimate_tokens, used


def asking(*contents: Any, **more: Any) -> ModelRequest:
    messages = [content if hasattr(content, "type") else HumanMessage(content) for content in contents]
    return ModelRequest(model="m", messages=messages, base_url="", **more)


def test_four_bytes_of_text_are_a_token_and_a_request_and_a_message_have_some_more() -> None:
    assert estimate_tokens(asking("x" * 400)) == 3 + 4 + 100
    assert estimate_tokens(asking("x" * 400, "yyyy")) == 3 + 4 + 100 + 4 + 1
    assert estimate_tokens(asking("語" * 400)) == 3 + 4 + 300


def test_the_data_of_a_medium_are_no_text() -> None:
    image = {"type": "image", "base64": "A" * 100_000, "mime_type": "image/png"}
    assert 500 < estimate_tokens(asking([{"type": "text", "text": "x" * 40}, image])) < 2000


def test_calls_thoughts_tools_and_forms_count() -> None:
    call = AIMessage(
        [{"type": "reasoning", "reasoning": "y" * 40}], tool_calls=[{"name": "f", "args": {"a": "x" * 400}, "id": "1"}]
    )
    plain = estimate_tokens(asking("hi"))
    assert estimate_tokens(asking("hi", call, ToolMessage("z" * 80, tool_call_id="1"))) >= plain + 10 + 100 + 20 + 8
    spec = ToolSpec("f", "d" * 80, {"type": "object"})
    assert estimate_tokens(asking("hi", tools=(spec,))) > plain + 20
    assert estimate_tokens(asking("hi", tools=(NativeTool({"type": "web_search"}),))) > plain
    assert estimate_tokens(asking("hi", output=OutputSchema("o", {"title": "t" * 80}))) > plain + 15
    assert estimate_tokens(asking("hi", output=OutputSchema("o", None))) == plain


@pytest.mark.parametrize(
    ("parameters", "limit"),
    [
        ({}, None),
        ({"max_tokens": 100}, 100),
        ({"max_output_tokens": 7, "temperature": 1}, 7),
        ({"max_tokens": -1}, None),
        ({"max_tokens": True}, None),
        ({"max_tokens": None}, None),
    ],
)
def test_the_limit_of_the_answer_is_found(parameters: dict[str, Any], limit: int | None) -> None:
    assert answer_limit(parameters) == limit


def test_what_came_from_a_cache_counts_where_the_provider_counts_it() -> None:
    usage = Usage(100, 20, 120, cache_read=90)
    assert used(usage, count_cached_input=True) == Demand(1, 100, 20)
    assert used(usage, count_cached_input=False) == Demand(1, 10, 20)
    assert used(Usage(1, 2, 3), count_cached_input=False) == Demand(1, 1, 2)
