"""Conversations in Anthropic's format; whatever comes out is also checked against the official client's types."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from anthropic.types.beta.beta_message_param import BetaMessageParam

from tests.adapters.conforms import problem_with
from tidewire.adapters.anthropic_conversation import Conversation
from tidewire.adapters.content import plain_id
from tidewire.events.errors import ConfigurationError
from tidewire.events.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage

OWN = {"model_provider": "anthropic"}
MARK = {"type": "ephemeral"}
PDF = base64.b64encode(b"%PDF-1.4").decode()


def spell(*messages: BaseMessage, system_in_place: bool = False) -> Conversation:
    conversation = Conversation("anthropic", system_in_place=system_in_place)
    conversation.add(messages)
    for turn in conversation.turns:
        assert problem_with(turn, BetaMessageParam) is None
    return conversation


def turns(*messages: BaseMessage, system_in_place: bool = False) -> list[Any]:
    return spell(*messages, system_in_place=system_in_place).turns


def content(*messages: BaseMessage) -> str | list[Any]:
    last: str | list[Any] = turns(*messages)[-1]["content"]
    return last


def test_a_text_is_one_user_turn() -> None:
    assert turns(HumanMessage("hi")) == [{"role": "user", "content": "hi"}]


def test_leading_system_messages_become_the_system_prompt() -> None:
    assert spell(SystemMessage("be brief"), HumanMessage("hi")).system == "be brief"
    several = spell(SystemMessage("one"), SystemMessage("two"), HumanMessage("hi"))
    assert several.system == [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}]
    assert several.turns == [{"role": "user", "content": "hi"}]


def test_a_system_prompt_keeps_its_cache_mark_and_its_native_blocks() -> None:
    message = SystemMessage(
        [{"type": "text", "text": "long", "cache_control": MARK}, {"type": "tool_addition", "tool": 1}]
    )
    system = spell(message, HumanMessage("hi")).system
    assert system == [{"type": "text", "text": "long", "cache_control": MARK}, {"type": "tool_addition", "tool": 1}]


def test_a_native_block_without_a_type_is_passed_on() -> None:
    block = {"type": "non_standard", "value": {"new": 1}}
    conversation = Conversation("anthropic", system_in_place=False)
    conversation.add([HumanMessage([{"type": "text", "text": "hi"}, block]), AIMessage([block])])
    assert conversation.turns[0]["content"] == [{"type": "text", "text": "hi"}, {"new": 1}]
    assert conversation.turns[1]["content"] == [{"new": 1}]


def test_an_empty_system_message_is_no_system_prompt() -> None:
    assert spell(SystemMessage(""), SystemMessage([{"type": "text", "text": ""}]), HumanMessage("hi")).system == ""


def test_a_later_system_message_joins_the_system_prompt_with_a_warning() -> None:
    conversation = spell(SystemMessage("one"), HumanMessage("hi"), SystemMessage("two"), HumanMessage("again"))
    assert conversation.system == [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}]
    assert [warning.code for warning in conversation.warnings] == ["system_message_moved"]
    assert [turn["role"] for turn in conversation.turns] == ["user"]


def test_a_later_system_message_stands_behind_the_user_turn_where_the_model_takes_it() -> None:
    conversation = spell(
        SystemMessage("first"),
        HumanMessage("a"),
        AIMessage("b"),
        SystemMessage("now in French"),
        HumanMessage("c"),
        HumanMessage("d"),
        AIMessage("e"),
        HumanMessage("f"),
        SystemMessage("and rhyme"),
        SystemMessage("twice"),
        system_in_place=True,
    )
    assert conversation.system == "first"
    assert conversation.warnings == []
    assert conversation.turns == [
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": "b"},
        {"role": "user", "content": [{"type": "text", "text": "c"}, {"type": "text", "text": "d"}]},
        {"role": "system", "content": "now in French"},
        {"role": "assistant", "content": "e"},
        {"role": "user", "content": "f"},
        {"role": "system", "content": [{"type": "text", "text": "and rhyme"}, {"type": "text", "text": "twice"}]},
    ]


def test_an_image_in_a_system_message_is_refused_by_name() -> None:
    with pytest.raises(ConfigurationError, match="'image' in a system message"):
        spell(SystemMessage([{"type": "image", "url": "https://x/y.png"}]), HumanMessage("hi"))


def test_results_of_several_tools_are_one_user_turn_before_its_other_content() -> None:
    asked = AIMessage("", tool_calls=[{"name": "a", "args": {}, "id": "1"}, {"name": "b", "args": {"x": 2}, "id": "2"}])
    assert turns(
        HumanMessage("go"),
        asked,
        HumanMessage("and hurry"),
        ToolMessage("one", tool_call_id="1"),
        ToolMessage("two", tool_call_id="2", status="error"),
    ) == [
        {"role": "user", "content": "go"},
        {
            "role": "assistant",
            "content": [
                {"type": "tool_use", "id": "1", "name": "a", "input": {}},
                {"type": "tool_use", "id": "2", "name": "b", "input": {"x": 2}},
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "1", "content": "one"},
                {"type": "tool_result", "tool_use_id": "2", "content": "two", "is_error": True},
                {"type": "text", "text": "and hurry"},
            ],
        },
    ]


def test_a_tool_result_may_hold_images_and_documents_or_nothing() -> None:
    call = AIMessage("", tool_calls=[{"name": "a", "args": {}, "id": "1"}])
    image = ToolMessage([{"type": "image", "base64": "aGk=", "mime_type": "image/png"}], tool_call_id="1")
    assert content(HumanMessage("go"), call, image) == [
        {
            "type": "tool_result",
            "tool_use_id": "1",
            "content": [{"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aGk="}}],
        }
    ]
    empty = ToolMessage("", tool_call_id="1")
    assert content(HumanMessage("go"), call, empty) == [{"type": "tool_result", "tool_use_id": "1"}]


@pytest.mark.parametrize(
    ("block", "spelled"),
    [
        (
            {"type": "image", "base64": "aGk=", "mime_type": "image/png"},
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aGk="}},
        ),
        (
            {"type": "image", "url": "https://x/y.png"},
            {"type": "image", "source": {"type": "url", "url": "https://x/y.png"}},
        ),
        (
            {"type": "image", "url": "data:image/gif;base64,aGk="},
            {"type": "image", "source": {"type": "base64", "media_type": "image/gif", "data": "aGk="}},
        ),
        ({"type": "image", "file_id": "file_1"}, {"type": "image", "source": {"type": "file", "file_id": "file_1"}}),
        (
            {"type": "image_url", "image_url": {"url": "data:image/webp;base64,aGk="}},
            {"type": "image", "source": {"type": "base64", "media_type": "image/webp", "data": "aGk="}},
        ),
        (
            {"type": "image", "source": {"type": "url", "url": "https://x/y.png"}, "cache_control": MARK},
            {"type": "image", "source": {"type": "url", "url": "https://x/y.png"}, "cache_control": MARK},
        ),
        (
            {"type": "file", "base64": PDF},
            {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": PDF}},
        ),
        (
            {"type": "file", "url": "https://x/y.pdf", "extras": {"citations": {"enabled": True}}},
            {"type": "document", "source": {"type": "url", "url": "https://x/y.pdf"}, "citations": {"enabled": True}},
        ),
        ({"type": "file", "file_id": "file_1"}, {"type": "document", "source": {"type": "file", "file_id": "file_1"}}),
        (
            {"type": "file", "base64": "aMOkbGxv", "mime_type": "text/csv", "title": "table"},
            {
                "type": "document",
                "source": {"type": "text", "media_type": "text/plain", "data": "hällo"},
                "title": "table",
            },
        ),
        (
            {"type": "text-plain", "text": "abc", "title": "t", "context": "c", "cache_control": MARK},
            {
                "type": "document",
                "source": {"type": "text", "media_type": "text/plain", "data": "abc"},
                "title": "t",
                "context": "c",
                "cache_control": MARK,
            },
        ),
        (
            {"type": "text-plain", "base64": "YWJj"},
            {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "abc"}},
        ),
        (
            {
                "type": "document",
                "source": {"type": "base64", "media_type": "application/pdf", "data": PDF},
                "title": "x",
            },
            {
                "type": "document",
                "source": {"type": "base64", "media_type": "application/pdf", "data": PDF},
                "title": "x",
            },
        ),
        (
            {"type": "search_result", "source": "s", "title": "t", "content": [{"type": "text", "text": "abc"}]},
            {"type": "search_result", "source": "s", "title": "t", "content": [{"type": "text", "text": "abc"}]},
        ),
        ({"type": "container_upload", "file_id": "file_1"}, {"type": "container_upload", "file_id": "file_1"}),
        (
            {"type": "text", "text": "hi", "extras": {"cache_control": MARK}},
            {"type": "text", "text": "hi", "cache_control": MARK},
        ),
    ],
)
def test_what_a_user_says_is_spelled_in_anthropics_blocks(block: dict[str, Any], spelled: dict[str, Any]) -> None:
    assert content(HumanMessage([block])) == [spelled]


@pytest.mark.parametrize(
    ("block", "told"),
    [
        (
            {"type": "audio", "base64": "aGk=", "mime_type": "audio/wav"},
            "anthropic cannot take a block of type 'audio' in a user",
        ),
        (
            {"type": "video", "url": "https://x/y.mp4"},
            "anthropic cannot take a block of type 'video' in a user message",
        ),
        ({"type": "image", "base64": "aGk="}, "needs its mime_type"),
        ({"type": "image"}, "needs one of url, base64 or file_id"),
        ({"type": "file", "base64": "aGk=", "mime_type": "application/zip"}, "not application/zip"),
        ({"type": "file", "base64": "gA==", "mime_type": "text/plain"}, "UTF-8"),
        ({"type": "file", "base64": "a", "mime_type": "text/plain"}, "base64"),
    ],
)
def test_what_the_format_cannot_spell_is_refused_by_name(block: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        spell(HumanMessage([block]))
    with pytest.raises(ConfigurationError):
        spell(ToolMessage([block], tool_call_id="1"))


def test_an_image_in_an_answer_is_refused_by_name() -> None:
    with pytest.raises(ConfigurationError, match="'image' in an assistant message"):
        spell(AIMessage([{"type": "image", "url": "https://x/y.png"}]))


def test_empty_texts_are_not_sent() -> None:
    assert content(HumanMessage([{"type": "text", "text": ""}, {"type": "text", "text": "hi"}])) == "hi"
    assert turns(HumanMessage("a"), AIMessage(""), HumanMessage("b")) == [
        {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}
    ]
    blank = AIMessage([{"type": "text", "text": "\n\n"}], tool_calls=[{"name": "a", "args": {}, "id": "1"}])
    assert content(HumanMessage("a"), blank) == [{"type": "tool_use", "id": "1", "name": "a", "input": {}}]


def test_an_empty_user_message_alone_is_left_to_the_provider_to_refuse() -> None:
    assert turns(HumanMessage("")) == [{"role": "user", "content": ""}]


def test_a_final_answer_to_continue_ends_without_white_space() -> None:
    assert content(HumanMessage("count"), AIMessage("one two \n")) == "one two"
    assert turns(HumanMessage("count"), AIMessage("one "), HumanMessage("go on"))[1]["content"] == "one "
    call = AIMessage("", tool_calls=[{"name": "a", "args": {}, "id": "1"}])
    assert content(HumanMessage("count"), call) == [{"type": "tool_use", "id": "1", "name": "a", "input": {}}]


def test_own_reasoning_goes_back_signed_and_redacted() -> None:
    blocks: list[Any] = [
        {"type": "reasoning", "reasoning": "hm", "extras": {"signature": "sig"}},
        {"type": "reasoning", "extras": {"redacted_data": "xyz"}},
        {"type": "text", "text": "hi"},
    ]
    sent = [
        {"type": "thinking", "thinking": "hm", "signature": "sig"},
        {"type": "redacted_thinking", "data": "xyz"},
        {"type": "text", "text": "hi"},
    ]
    for metadata in (OWN, {}):
        conversation = spell(HumanMessage("a"), AIMessage(blocks, response_metadata=metadata), HumanMessage("b"))
        assert conversation.turns[1]["content"] == sent
        assert conversation.warnings == []


def test_reasoning_without_a_signature_or_of_another_provider_is_left_out_with_a_warning() -> None:
    signed = {"type": "reasoning", "reasoning": "hm", "extras": {"signature": "sig"}}
    foreign = AIMessage([signed, {"type": "text", "text": "hi"}], response_metadata={"model_provider": "openai"})
    conversation = spell(HumanMessage("a"), foreign, HumanMessage("b"))
    assert conversation.turns[1]["content"] == "hi"
    assert [warning.text for warning in conversation.warnings] == [
        "a reasoning block of the history was left out: it belongs to openai"
    ]
    unsigned = AIMessage(
        [{"type": "reasoning", "reasoning": "hm"}, {"type": "text", "text": "hi"}], response_metadata=OWN
    )
    conversation = spell(HumanMessage("a"), unsigned, HumanMessage("b"))
    assert conversation.turns[1]["content"] == "hi"
    assert [warning.code for warning in conversation.warnings] == ["block_left_out"]


def test_foreign_server_tools_and_citations_stay_behind_and_the_text_goes() -> None:
    blocks: list[Any] = [
        {"type": "server_tool_call", "id": "ws_1", "name": "web_search", "args": {"query": "x"}},
        {"type": "server_tool_result", "tool_call_id": "ws_1", "status": "success", "output": 1},
        {"type": "non_standard", "value": {"type": "mcp_approval_request"}},
        {"type": "text", "text": "hi", "annotations": [{"type": "citation", "url": "https://x"}]},
    ]
    foreign = AIMessage(content_blocks=blocks, response_metadata={"model_provider": "openai"})
    conversation = spell(HumanMessage("a"), foreign, HumanMessage("b"))
    assert conversation.turns[1]["content"] == "hi"
    assert len(conversation.warnings) == 3


def test_a_citation_of_another_provider_is_no_citation_here() -> None:
    blocks = [{"type": "text", "text": "hi", "annotations": [{"type": "citation", "url": "https://x"}]}]
    assert content(HumanMessage("a"), AIMessage(blocks)) == "hi"


def test_citations_in_anthropics_own_form_go_back_too() -> None:
    cited = {"type": "char_location", "document_index": 0, "document_title": None, "cited_text": "c"}
    cited = {**cited, "start_char_index": 0, "end_char_index": 1}
    block = {"type": "text", "text": "hi", "citations": [cited]}
    assert content(HumanMessage("a"), AIMessage([block])) == [block]


@pytest.mark.parametrize("id", ["call_a.b:1", "call a", "fc|1", "ü", ""])
def test_ids_of_other_providers_are_made_valid_alike_for_call_and_result(id: str) -> None:
    call = AIMessage("", tool_calls=[{"name": "a", "args": {}, "id": id}])
    spelled = turns(HumanMessage("go"), call, ToolMessage("x", tool_call_id=id))
    used = spelled[1]["content"][0]["id"]
    assert used == spelled[2]["content"][0]["tool_use_id"]
    assert used.isascii()
    assert used.replace("_", "").replace("-", "").isalnum()


def test_two_ids_that_differ_stay_different() -> None:
    assert plain_id("a.b") != plain_id("a:b")
    assert plain_id("toolu_01-A") == "toolu_01-A"
    assert plain_id(None) == plain_id("")


def test_a_call_keeps_its_caller_and_its_cache_mark() -> None:
    call = {
        "type": "tool_call",
        "id": "1",
        "name": "a",
        "args": {},
        "extras": {"caller": {"type": "direct"}, "toolset_name": None, "cache_control": MARK},
    }
    spelled = {"type": "tool_use", "id": "1", "name": "a", "input": {}, "cache_control": MARK}
    own = AIMessage([call], response_metadata=OWN)
    assert content(HumanMessage("a"), own) == [{**spelled, "caller": {"type": "direct"}}]
    foreign = AIMessage([call], response_metadata={"model_provider": "bedrock"})
    assert content(HumanMessage("a"), foreign) == [spelled]


def test_an_invalid_call_stands_for_itself_only_where_a_result_answers_it() -> None:
    bad = AIMessage(
        "let me",
        invalid_tool_calls=[
            {"name": "a", "args": '{"x": 1, "y": "tw', "id": "1", "error": "cut"},
            {"name": None, "args": None, "id": "2", "error": "cut"},
            {"name": "c", "args": "{", "id": "3", "error": "cut"},
        ],
    )
    answers = [ToolMessage("no", tool_call_id="1", status="error"), ToolMessage("no", tool_call_id="2", status="error")]
    assert turns(HumanMessage("go"), bad, *answers)[1]["content"] == [
        {"type": "text", "text": "let me"},
        {"type": "tool_use", "id": "1", "name": "a", "input": {"x": 1, "y": "tw"}},
        {"type": "tool_use", "id": "2", "name": "unnamed", "input": {}},
    ]
    assert turns(HumanMessage("go"), bad, HumanMessage("well?"))[1]["content"] == "let me"
