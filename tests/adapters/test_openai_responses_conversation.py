"""Messages as the input of the Responses API; what comes out is also checked against the official client's types."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

import pytest
from openai.types.responses.response_input_item_param import ResponseInputItemParam

from tests.adapters.conforms import problem_with
from tests.adapters.test_openai_responses_history import CALL, CUSTOM, answer
from tests.adapters.test_openai_responses_open import said
from tidewire.adapters.openai_responses_conversation import Conversation
from tidewire.adapters.openai_responses_dialect import Dialect
from tidewire.events.errors import ConfigurationError
from tidewire.events.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage

Json = dict[str, Any]


def spelled(messages: Sequence[BaseMessage], dialect: Dialect | None = None) -> list[Json]:
    """The items of a conversation, all of them told without a warning."""
    conversation = Conversation(dialect or Dialect())
    items = conversation.spell(messages)
    assert [problem for item in items if (problem := problem_with(item, ResponseInputItemParam))] == []
    assert conversation.warnings == []
    return items


def part(block: Json) -> Json:
    """One block of a user message as it is sent; in the result of a tool it is the same."""
    content = [{"type": "text", "text": "x"}, block]
    (item,) = spelled([HumanMessage(content)])
    (result,) = spelled([ToolMessage(content, tool_call_id="c")])
    assert result["output"] == item["content"]
    found: Json = item["content"][1]
    return found


# ---------------------------------------------------------------- who speaks


def test_each_kind_of_message_has_its_item() -> None:
    assert spelled(
        [
            SystemMessage("Be brief."),
            HumanMessage("Hi"),
            AIMessage("Hello"),
            ToolMessage("4", tool_call_id="a", name="add"),
        ]
    ) == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "Hello"},
        {"type": "function_call_output", "call_id": "a", "output": "4"},
    ]
    assert spelled([SystemMessage("Be brief.")], Dialect(system_role="developer"))[0]["role"] == "developer"


def test_several_texts_stay_several_parts_and_none_is_an_empty_text() -> None:
    texts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    parts = [{"type": "input_text", "text": "a"}, {"type": "input_text", "text": "b"}]
    for message in (SystemMessage(texts), HumanMessage(texts)):
        assert spelled([message])[0]["content"] == parts
    assert spelled([ToolMessage(texts, tool_call_id="a")])[0]["output"] == parts
    assert spelled([HumanMessage([])])[0]["content"] == ""
    assert spelled([ToolMessage("", tool_call_id="a")])[0]["output"] == ""


def test_names_are_left_out_and_said_so_once() -> None:
    conversation = Conversation(Dialect())
    conversation.spell([HumanMessage("a", name="ada"), HumanMessage("b", name="bob"), AIMessage("c", name="cid")])
    assert [warning.code for warning in conversation.warnings] == ["name_left_out"]


def test_what_is_left_out_of_the_history_is_said() -> None:
    conversation = Conversation(Dialect(), stored=False)
    conversation.spell([answer({"type": "reasoning", "id": "rs_1", "summary": []})])
    assert [warning.code for warning in conversation.warnings] == ["block_left_out"]


# ---------------------------------------------------------------- what a user sends


def test_an_image_is_an_address_a_data_url_or_an_uploaded_file() -> None:
    assert part({"type": "image", "url": "https://e.org/i.png"}) == {
        "type": "input_image",
        "detail": "auto",
        "image_url": "https://e.org/i.png",
    }
    assert part({"type": "image", "base64": "AAAA", "mime_type": "image/jpeg", "extras": {"detail": "low"}}) == {
        "type": "input_image",
        "detail": "low",
        "image_url": "data:image/jpeg;base64,AAAA",
    }
    assert part({"type": "image", "file_id": "file-1"}) == {
        "type": "input_image",
        "detail": "auto",
        "file_id": "file-1",
    }
    # In the provider's own spelling, and in that of chat completions.
    assert part({"type": "input_image", "image_url": "https://e.org/i.png"})["image_url"] == "https://e.org/i.png"
    assert part({"type": "image_url", "image_url": {"url": "https://e.org/i.png"}})["type"] == "input_image"


def test_a_document_is_an_address_bytes_with_a_name_or_an_uploaded_file() -> None:
    assert part({"type": "file", "url": "https://e.org/a.pdf"}) == {
        "type": "input_file",
        "file_url": "https://e.org/a.pdf",
    }
    assert part(
        {"type": "file", "base64": "AAAA", "mime_type": "application/pdf", "extras": {"filename": "a.pdf"}}
    ) == {
        "type": "input_file",
        "filename": "a.pdf",
        "file_data": "data:application/pdf;base64,AAAA",
    }
    assert part({"type": "file", "file_id": "file-1", "extras": {"detail": "high"}}) == {
        "type": "input_file",
        "detail": "high",
        "file_id": "file-1",
    }
    assert part({"type": "file", "base64": "AAAA"})["filename"] == "document.pdf"
    assert part({"type": "file", "base64": "AAAA", "mime_type": "text/csv"})["filename"] == "document.csv"


def test_a_text_document_is_text_unless_it_lies_elsewhere() -> None:
    data = base64.b64encode("é".encode()).decode()
    assert part({"type": "text-plain", "text": "a"}) == {"type": "input_text", "text": "a"}
    assert part({"type": "text-plain", "base64": data}) == {"type": "input_text", "text": "é"}
    assert part({"type": "text-plain", "url": "https://e.org/a.txt"})["file_url"] == "https://e.org/a.txt"
    assert part({"type": "text-plain", "file_id": "file-1"})["file_id"] == "file-1"


def test_a_mark_for_the_cache_stays_on_its_part() -> None:
    mark = {"mode": "explicit"}
    marked = {"type": "input_text", "text": "a", "prompt_cache_breakpoint": mark}
    assert part({"type": "text", "text": "a", "extras": {"prompt_cache_breakpoint": mark}}) == marked
    assert part({"type": "text", "text": "a", "prompt_cache_breakpoint": mark}) == marked
    assert part(marked) == marked
    assert spelled([HumanMessage([marked])]) == [{"role": "user", "content": [marked]}]


@pytest.mark.parametrize(
    ("message", "words"),
    [
        (HumanMessage([{"type": "audio", "base64": "AAAA"}]), "no audio block in a user message"),
        (HumanMessage([{"type": "video", "url": "https://e.org/v.mp4"}]), "no video block in a user message"),
        (SystemMessage([{"type": "image", "url": "https://e.org/i.png"}]), "no image block in a system message"),
        (SystemMessage([{"type": "file", "url": "https://e.org/i.pdf"}]), "no file block in a system message"),
        (ToolMessage([{"type": "audio", "base64": "AA"}], tool_call_id="a"), "no audio block in a tool message"),
        (HumanMessage([{"type": "image"}]), "an? image block needs one of url, base64 or file_id"),
        (HumanMessage([{"type": "file"}]), "a file block needs one of url, base64 or file_id"),
    ],
)
def test_what_has_no_place_is_refused_by_name(message: BaseMessage, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        spelled([message])


# ---------------------------------------------------------------- results of tools, and items of the user's own


def test_a_result_answers_its_call_in_its_kind() -> None:
    caller = {"type": "program", "caller_id": "p"}
    called = answer({**CALL, "caller": caller}, CUSTOM)
    assert spelled([called, ToolMessage("a", tool_call_id="call_1"), ToolMessage("b", tool_call_id="call_2")])[2:] == [
        {"type": "function_call_output", "call_id": "call_1", "output": "a", "caller": caller},
        {"type": "custom_tool_call_output", "call_id": "call_2", "output": "b"},
    ]


def test_a_result_has_the_id_that_its_call_was_given() -> None:
    call = AIMessage(
        tool_calls=[{"id": "x" * 80, "name": "f", "args": {}}], response_metadata={"model_provider": "other"}
    )
    sent, result = spelled([call, ToolMessage("a", tool_call_id="x" * 80)])
    assert sent["call_id"] == result["call_id"] != "x" * 80


def test_an_item_among_the_parts_is_an_item_of_its_own() -> None:
    approval = {"type": "mcp_approval_response", "approval_request_id": "mcpr_1", "approve": True}
    screen = {
        "type": "computer_call_output",
        "call_id": "c",
        "output": {"type": "computer_screenshot", "image_url": "https://e.org/i.png"},
    }
    assert spelled([HumanMessage([approval])]) == [approval]
    assert spelled([HumanMessage([approval, {"type": "text", "text": "go on"}])]) == [
        approval,
        {"role": "user", "content": "go on"},
    ]
    assert spelled([ToolMessage([screen], tool_call_id="c")]) == [screen]


def test_parts_of_the_providers_own_are_passed_on() -> None:
    newer = {"type": "input_newer", "a": 1}
    items = Conversation(Dialect()).spell([HumanMessage([newer])])
    assert items == [{"role": "user", "content": [newer]}]


# ---------------------------------------------------------------- continuing a stored answer


def test_only_what_follows_the_last_stored_answer_is_sent() -> None:
    conversation = Conversation(Dialect(), stored=False)
    messages = [
        HumanMessage("a", name="ada"),
        answer({"type": "reasoning", "id": "rs_1", "summary": []}, CUSTOM, id="resp_1"),
        AIMessage("by hand"),
        AIMessage("foreign", response_metadata={"model_provider": "other", "id": "x"}),
        ToolMessage("b", tool_call_id="call_2"),
    ]
    items = conversation.spell(messages, after_last_answer=True)
    assert conversation.previous_response_id == "resp_1"
    assert items == [
        {"role": "assistant", "content": "by hand"},
        {"role": "assistant", "content": "foreign"},
        {"type": "custom_tool_call_output", "call_id": "call_2", "output": "b"},
    ]
    assert conversation.warnings == []


def test_without_a_stored_answer_all_is_sent() -> None:
    conversation = Conversation(Dialect())
    assert len(conversation.spell([HumanMessage("a"), answer(said("b"))], after_last_answer=True)) == 2
    assert conversation.previous_response_id is None
