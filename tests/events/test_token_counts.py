import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidewire.events.errors import ConfigurationError
from tidewire.events.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
from tidewire.events.token_counts import TokenWeights, count_tokens_approximately

USAGE: Any = {"input_tokens": 10, "output_tokens": 90, "total_tokens": 100}


def test_characters_are_divided_and_messages_cost_a_little() -> None:
    assert count_tokens_approximately([HumanMessage("x" * 16)]) == math.ceil((16 + len("user")) / 4) + 3
    assert count_tokens_approximately("x" * 16, chars_per_token=2, extra_tokens_per_message=0) == 10
    two = [SystemMessage("be kind"), HumanMessage("hi")]
    assert count_tokens_approximately(two) == sum(count_tokens_approximately(message) for message in two)


def test_names_calls_results_images_and_tools_count() -> None:
    plain = count_tokens_approximately(HumanMessage("hi"))
    assert count_tokens_approximately(HumanMessage("hi", name="somebody")) > plain
    assert count_tokens_approximately(HumanMessage("hi", name="somebody"), count_name=False) == plain
    with_image = HumanMessage(["hi", {"type": "image", "base64": "A" * 100_000, "mime_type": "image/png"}])
    assert count_tokens_approximately(with_image) == plain + 85
    assert count_tokens_approximately(with_image, tokens_per_image=1) == plain + 1
    called = AIMessage("hi", tool_calls=[{"name": "search", "args": {"query": "tides"}, "id": "call_1"}])
    assert count_tokens_approximately(called) > count_tokens_approximately(AIMessage("hi")) + 5
    result = ToolMessage("hi", tool_call_id="call_1")
    assert count_tokens_approximately(result) > plain
    assert count_tokens_approximately("hi", tools=[{"name": "search", "parameters": {}}]) > plain


def test_what_the_provider_counted_makes_the_count_larger() -> None:
    talk = [HumanMessage("hi"), AIMessage("hello", usage_metadata=USAGE), HumanMessage("hi")]
    plain = count_tokens_approximately(talk)
    scaled = count_tokens_approximately(talk, use_usage_metadata_scaling=True)
    assert scaled == math.ceil(plain * 100 / count_tokens_approximately(talk[:2]))
    low: Any = {"input_tokens": 1, "output_tokens": 0, "total_tokens": 1}
    talk[1] = AIMessage("hello", usage_metadata=low)
    assert count_tokens_approximately(talk, use_usage_metadata_scaling=True) == plain
    others = [
        AIMessage("a", usage_metadata=USAGE, response_metadata={"model_provider": name}) for name in ("openai", "groq")
    ]
    assert count_tokens_approximately(others, use_usage_metadata_scaling=True) == count_tokens_approximately(others)


def test_a_token_has_characters() -> None:
    with pytest.raises(ConfigurationError, match="chars_per_token"):
        count_tokens_approximately("hi", chars_per_token=0)


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("", 0),
        ("hello world", 2),
        ("internationally", 1.9),
        ("12345", 1.3 + 4 * 0.4),
        ("a  b", 3),
        ("a\n\nb", 3),
        ("潮の", 1.8),
        ("привет", 3),
        ("...", 0.9 + 2 * 0.2),
        ("🙂", 1.5),
        ("snake_case", 1 + 0.9 + 1),
    ],
)
def test_pieces_of_a_text_have_weights(text: str, tokens: float) -> None:
    assert TokenWeights().of_text(text) == pytest.approx(tokens)
    assert TokenWeights(scale=2).of_text(text) == pytest.approx(2 * tokens)


@given(st.text(), st.text())
def test_more_text_never_has_fewer_tokens(one: str, other: str) -> None:
    weights = TokenWeights()
    # Pieces may grow together where the texts meet, but nothing is lost.
    assert weights.of_text(f"{one}\n{other}") >= max(weights.of_text(one), weights.of_text(other)) - 0.001


def test_a_request_is_its_messages_its_tools_and_a_little_more() -> None:
    weights = TokenWeights(request=1, message=2, medium=100, tools=50, tool=10, tool_json=1)
    assert weights.of_request([]) == 1
    assert weights.of_request([HumanMessage("hi there", name="ann")]) == 1 + 2 + 2 + 1
    blocks: Any = [
        {"type": "reasoning", "reasoning": "hm"},
        {"type": "image", "url": "https://a/b"},
        {"type": "text-plain", "text": "notes"},
        {"type": "non_standard", "value": {"a": float}},
    ]
    assert weights.of_request([HumanMessage(blocks)]) > 100 + 1 + 2 + 2
    assert weights.of_request([], [{"name": "f"}, {"name": "g"}]) == math.ceil(
        1 + 50 + 2 * (10 + weights.of_text('{"name":"f"}'))
    )
