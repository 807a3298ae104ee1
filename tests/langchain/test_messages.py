"""A conversation in LangChain's messages and in tidewire's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import pytest
from langchain_core import messages as theirs

from tests.adapters.simulator.wires import WIRES, model_on
from tidewire import init_chat_model
from tidewire.errors import ConfigurationError
from tidewire.events import messages as ours
from tidewire.langchain import as_chat_model
from tidewire.langchain.messages import from_langchain, is_plain, to_langchain
from tidewire.testing import Call, Reply, SimRequest, Simulator

CALL: dict[str, Any] = {"type": "tool_call", "name": "add", "args": {"a": 1}, "id": "1"}
TEXT: dict[str, Any] = {"type": "text", "text": "It is."}
THOUGHT: dict[str, Any] = {"type": "reasoning", "reasoning": "Is it?", "extras": {"signature": "s"}}
IMAGE: dict[str, Any] = {"type": "image", "base64": "aGk=", "mime_type": "image/png"}
USAGE: Any = {"input_tokens": 1, "output_tokens": 2, "total_tokens": 3, "input_token_details": {"cache_read": 1}}


def there(*blocks: dict[str, Any], provider: str = "anthropic", version: str | None = None) -> theirs.AIMessage:
    """An answer of these blocks as LangChain's."""
    answer = ours.AIMessage(
        content_blocks=cast("Any", blocks),
        usage_metadata=USAGE,
        response_metadata={"model_provider": provider, "model_name": "m", "finish_reason": "end_turn"},
    )
    return to_langchain(answer, id="lc_run--1", finish="stop", version=version)


# --- answers ---


@pytest.mark.parametrize(
    "blocks",
    [[], [TEXT], [CALL], [TEXT, CALL], [{**TEXT, "id": "msg_1"}], [{**CALL, "type": "invalid_tool_call", "args": "{"}]],
)
def test_a_text_with_calls_is_plain(blocks: list[dict[str, Any]]) -> None:
    assert is_plain(blocks)


@pytest.mark.parametrize(
    "blocks",
    [
        [THOUGHT],
        [CALL, TEXT],
        [TEXT, TEXT],
        [IMAGE],
        [{**TEXT, "annotations": []}],
        [TEXT, {**CALL, "extras": {"signature": "s"}}],
    ],
)
def test_what_a_text_with_calls_cannot_say_is_not_plain(blocks: list[dict[str, Any]]) -> None:
    assert not is_plain(blocks)


@pytest.mark.parametrize("provider", ["openai", "anthropic", "google_genai", "bedrock_converse", "groq", "ollama"])
@pytest.mark.parametrize("version", [None, "v1"])
@pytest.mark.parametrize("blocks", [[TEXT], [TEXT, CALL], [CALL], [THOUGHT, TEXT, CALL], [TEXT, IMAGE]])
def test_langchain_reads_the_blocks_of_an_answer_whichever_provider_gave_it(
    provider: str, version: str | None, blocks: list[dict[str, Any]]
) -> None:
    message = there(*blocks, provider=provider, version=version)
    assert message.content_blocks == blocks
    assert message.text == "".join(block["text"] for block in blocks if block["type"] == "text")
    assert message.tool_calls == [block for block in blocks if block["type"] == "tool_call"]


def test_plain_content_is_a_text_unless_blocks_are_asked_for() -> None:
    assert there(TEXT, CALL).content == "It is."
    assert there(TEXT, CALL, version="v1").content == [TEXT, CALL]


def test_the_rest_of_an_answer_goes_along() -> None:
    message = there(THOUGHT, TEXT)
    assert message.usage_metadata == USAGE
    assert message.id == "lc_run--1"
    assert message.response_metadata == {
        "model_provider": "anthropic", "model_name": "m", "finish_reason": "end_turn", "finish": "stop",
        "output_version": "v1",
    }  # fmt: skip


@pytest.mark.parametrize("version", [None, "v1"])
@pytest.mark.parametrize(
    "blocks",
    [
        [TEXT, CALL],
        [THOUGHT, TEXT, {**CALL, "extras": {"signature": "s"}}],
        [TEXT, IMAGE],
        [{"type": "invalid_tool_call", "name": "add", "args": "{", "id": "1", "error": "cut"}],
        [{**CALL, "id": None}],
    ],
)
def test_an_answer_comes_back_as_it_was(version: str | None, blocks: list[dict[str, Any]]) -> None:
    (back,) = from_langchain([there(*blocks, version=version)])
    assert isinstance(back, ours.AIMessage)
    assert back.content_blocks == blocks
    assert back.response_metadata["model_provider"] == "anthropic"
    assert back.usage_metadata == USAGE


def test_answers_of_other_packages_are_read_by_these() -> None:
    message = theirs.AIMessage(
        [{"type": "thinking", "thinking": "Is it?", "signature": "s"}, TEXT, {"type": "tool_use", "id": "1"}],
        tool_calls=[CALL],
        response_metadata={"model_provider": "anthropic"},
    )
    (back,) = from_langchain([message])
    assert back.content_blocks == [THOUGHT, TEXT, CALL]


def test_an_answer_that_names_nobody_is_read_in_any_spelling() -> None:
    message = theirs.AIMessage(
        ["It is.", {"type": "tool_use", "id": "1", "name": "add", "input": {"a": 1}}], tool_calls=[CALL]
    )
    (back,) = from_langchain([message])
    assert back.content_blocks == [TEXT, CALL]


def test_the_places_of_blocks_and_the_pieces_of_calls_are_left_out() -> None:
    message = theirs.AIMessageChunk(
        content=[{**TEXT, "index": 0}, {"type": "tool_call_chunk", "name": "add", "args": "", "id": "1", "index": 1}],
        tool_call_chunks=[{"type": "tool_call_chunk", "name": "add", "args": '{"a": 1}', "id": "1", "index": 1}],
        response_metadata={"output_version": "v1"},
    )
    (back,) = from_langchain([message])
    assert back.content_blocks == [TEXT, CALL]


def test_a_refusal_is_a_text_in_the_history() -> None:
    blocks: Any = [{"type": "refusal", "refusal": "No."}]
    (back,) = from_langchain([theirs.AIMessage(content_blocks=blocks, response_metadata={"output_version": "v1"})])
    assert back.text == "No."


# --- everybody else ---


def test_each_role_has_its_message() -> None:
    given: Sequence[theirs.BaseMessage] = [
        theirs.SystemMessage("Be brief."),
        theirs.HumanMessage(["Look:", IMAGE], id="h", name="ann"),
        theirs.ToolMessage("3", tool_call_id="1", status="error", name="add"),
        theirs.ChatMessage(content="Hello", role="user"),
    ]
    assert from_langchain(given) == [
        ours.SystemMessage("Be brief."),
        ours.HumanMessage(["Look:", IMAGE], id="h", name="ann"),
        ours.ToolMessage("3", tool_call_id="1", status="error", name="add"),
        ours.HumanMessage("Hello"),
    ]


@pytest.mark.parametrize(
    "message",
    [
        theirs.FunctionMessage(content="3", name="add"),
        theirs.RemoveMessage(id="1"),
        theirs.ChatMessage(content="", role="x"),
    ],
)
def test_what_no_model_is_sent_is_told(message: theirs.BaseMessage) -> None:
    with pytest.raises(ConfigurationError):
        from_langchain([message])


# --- both ways ---


@pytest.mark.parametrize("version", [None, "v1"])
@pytest.mark.parametrize("streaming", [False, True])
def test_reasoning_goes_back_to_its_provider_with_its_signature(version: str | None, streaming: bool) -> None:
    script: list[Reply | str] = [
        Reply(text="Yes.", reasoning="Is it?", tool_calls=[Call("add", {"a": 1}, id="1")]),
        "Well.",
    ]
    with Simulator(script=script) as simulator:
        wire = WIRES["anthropic"]
        model = as_chat_model(model_on(wire, simulator, **wire.reasoning), output_version=version, streaming=streaming)
        asked = theirs.HumanMessage("Is it?")
        answer = model.invoke([asked])
        assert [block["type"] for block in answer.content_blocks] == ["reasoning", "text", "tool_call"]
        model.invoke([asked, answer, theirs.ToolMessage("3", tool_call_id="1")])
        thought, said, called = simulator.requests[1].body["messages"][1]["content"]
    assert (thought["type"], thought["thinking"]) == ("thinking", "Is it?")
    assert thought["signature"]
    assert (said["text"], called["input"]) == ("Yes.", {"a": 1})


def test_media_come_and_go_as_standard_blocks() -> None:
    asked: list[SimRequest] = []

    def script(request: SimRequest) -> Reply:
        asked.append(request)
        return Reply("Here:", blocks=[IMAGE])

    model = as_chat_model(init_chat_model("embedded:demo", script=script))
    document = {"type": "file", "base64": "aGk=", "mime_type": "application/pdf"}
    answer = model.invoke([theirs.HumanMessage(["Look:", IMAGE, document])])
    assert answer.content_blocks == [{"type": "text", "text": "Here:"}, IMAGE]
    model.invoke([theirs.HumanMessage("hi"), answer, theirs.HumanMessage("And?")])
    assert [message.media for message in asked[0].messages] == [("image", "file")]
    assert [message.media for message in asked[1].messages] == [(), ("image",), ()]
