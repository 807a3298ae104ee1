import json
from typing import Any

from tidewire.adapters.openai_chat import OpenAIChatCodec
from tidewire.events.convert import message_from_dict
from tidewire.events.fold import Fold
from tidewire.events.messages import AIMessage

CALL = {"index": 0, "id": "call_1", "function": {"name": "f", "arguments": '{"x": 1}'}}


def answer_of(*chunks: dict[str, Any]) -> AIMessage:
    """The message of a stream of these chunks."""
    decoder = OpenAIChatCodec().decoder(streamed=True)
    fold = Fold()
    body = b"".join(b"data: " + json.dumps(chunk).encode() + b"\n\n" for chunk in chunks) + b"data: [DONE]\n\n"
    for event in decoder.feed(body):
        fold.add(event)
    return AIMessage.from_fold(fold)


def choice(index: int, finish: str | None = None, **delta: object) -> dict[str, Any]:
    return {"choices": [{"index": index, "delta": delta, "finish_reason": finish}]}


def others(message: AIMessage) -> list[AIMessage]:
    made = [message_from_dict({"type": "ai", "data": data}) for data in message.response_metadata["candidates"]]
    return [one for one in made if isinstance(one, AIMessage)]


def test_answers_that_come_interleaved_are_kept_apart_and_in_order() -> None:
    message = answer_of(
        choice(2, content="c"),
        choice(0, content="a"),
        choice(1, content="b", reasoning_content="hm"),
        choice(0, content="A", finish="stop"),
        choice(1, tool_calls=[CALL], finish="tool_calls"),
        choice(2, content="C", finish="length"),
    )
    one, two = others(message)
    assert (message.text, one.text, two.text) == ("aA", "b", "cC")
    assert message.tool_calls == []
    assert [(call["name"], call["args"]) for call in one.tool_calls] == [("f", {"x": 1})]
    assert [one.response_metadata["finish_reason"], two.response_metadata["finish_reason"]] == ["tool_calls", "length"]


def test_another_answer_that_fails_does_not_take_the_first_one_with_it() -> None:
    message = answer_of(
        choice(0, content="a", finish="stop"),
        {"choices": [{"index": 1, "delta": {"content": "b"}, "error": {"message": "overloaded", "code": 503}}]},
    )
    assert message.text == "a"
    (other,) = others(message)
    assert other.text == "b"
    assert "overloaded" in other.response_metadata["error"]
