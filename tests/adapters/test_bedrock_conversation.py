"""Conversations in Converse's form; whatever comes out is also checked by botocore's model of the service."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.adapters.bedrock_judge import problem_with
from tests.adapters.recording_kit import WRITTEN, message_of, read_recordings
from tidewire.adapters.bedrock import BedrockCodec
from tidewire.adapters.bedrock_conversation import Conversation
from tidewire.adapters.content import plain_id
from tidewire.events.errors import ConfigurationError
from tidewire.events.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage

CLAUDE = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
OWN = {"model_provider": "bedrock_converse", "model_name": CLAUDE}
POINT = {"cachePoint": {"type": "default"}}
SIGNED: dict[str, Any] = {"type": "reasoning", "reasoning": "hm", "extras": {"signature": "sig"}}
RECORDINGS = {recording.id: recording for recording in read_recordings(WRITTEN / "bedrock")}


def spell(
    *messages: BaseMessage, model: str = CLAUDE, system_in_place: bool = False, with_tools: bool = True
) -> Conversation:
    conversation = Conversation(model, system_in_place=system_in_place, with_tools=with_tools)
    conversation.add(messages)
    body = msgspec.json.decode(msgspec.json.encode({"messages": conversation.turns, "system": conversation.system}))
    assert problem_with(body) is None
    return conversation


def turns(*messages: BaseMessage, **options: Any) -> list[Any]:
    return spell(*messages, **options).turns


def content(*messages: BaseMessage, **options: Any) -> list[Any]:
    last: list[Any] = turns(*messages, **options)[-1]["content"]
    return last


def warned(*messages: BaseMessage, **options: Any) -> list[str]:
    return [warning.code for warning in spell(*messages, **options).warnings]


def calls(*ids: str) -> AIMessage:
    return AIMessage("", tool_calls=[{"name": "f", "args": {"a": 1}, "id": id} for id in ids])


# ---------------------------------------------------------------- turns and system


def test_system_messages_stand_beside_the_turns() -> None:
    conversation = spell(SystemMessage("be brief"), SystemMessage(""), HumanMessage("hi"))
    assert conversation.system == [{"text": "be brief"}]
    assert conversation.turns == [{"role": "user", "content": [{"text": "hi"}]}]


def test_a_system_prompt_keeps_its_cache_points_and_its_native_blocks() -> None:
    guarded = {"guardContent": {"text": {"text": "x"}}}
    marked = {"type": "text", "text": "long", "cache_control": {"type": "ephemeral"}}
    empty = {"type": "text", "text": ""}
    assert spell(SystemMessage([marked, empty, guarded]), HumanMessage("hi")).system == [
        {"text": "long"},
        POINT,
        guarded,
    ]


def test_turns_alternate() -> None:
    found = turns(HumanMessage("a"), HumanMessage("b"), AIMessage("c"), AIMessage("d"), HumanMessage("e"))
    assert found == [
        {"role": "user", "content": [{"text": "a"}, {"text": "b"}]},
        {"role": "assistant", "content": [{"text": "c"}, {"text": "d"}]},
        {"role": "user", "content": [{"text": "e"}]},
    ]


def test_a_later_system_message_joins_the_system_prompt_with_a_warning() -> None:
    conversation = spell(SystemMessage("one"), HumanMessage("hi"), SystemMessage("two"))
    assert conversation.system == [{"text": "one"}, {"text": "two"}]
    assert [warning.code for warning in conversation.warnings] == ["system_message_moved"]


def test_a_later_system_message_stands_behind_the_user_turn_where_the_model_takes_it() -> None:
    conversation = spell(
        HumanMessage("a"),
        AIMessage("b"),
        SystemMessage("now in French"),
        HumanMessage("c"),
        AIMessage("d"),
        HumanMessage("e"),
        SystemMessage("and rhyme"),
        SystemMessage("twice"),
        system_in_place=True,
    )
    assert [turn["role"] for turn in conversation.turns] == [
        "user",
        "assistant",
        "user",
        "system",
        "assistant",
        "user",
        "system",
    ]
    assert conversation.turns[-1]["content"] == [{"text": "and rhyme"}, {"text": "twice"}]
    assert (conversation.system, conversation.warnings) == ([], [])


def test_an_empty_text_is_left_out() -> None:
    assert content(HumanMessage([{"type": "text", "text": ""}, {"type": "text", "text": "a"}])) == [{"text": "a"}]
    assert turns(HumanMessage("a"), AIMessage(" \n"), HumanMessage("b")) == [
        {"role": "user", "content": [{"text": "a"}, {"text": "b"}]}
    ]


def test_white_space_at_the_end_of_a_final_answer_is_refused_and_left_out() -> None:
    assert content(HumanMessage("a"), AIMessage("so: ")) == [{"text": "so:"}]
    assert content(HumanMessage("a"), calls("t1"))[-1]["toolUse"]["toolUseId"] == "t1"


# ---------------------------------------------------------------- what users say


def test_media_and_native_blocks_of_a_user() -> None:
    message = HumanMessage(
        [
            {"type": "image", "base64": "aQ==", "mime_type": "image/png"},
            {"type": "file", "base64": "aQ==", "extras": {"filename": "a.pdf"}},
            {"type": "file", "base64": "aQ==", "extras": {"filename": "a.pdf"}},
            {"guardContent": {"text": {"text": "x", "qualifiers": ["query"]}}},
            {"document": {"format": "txt", "name": "n", "source": {"bytes": b"raw"}}},
            {"type": "text", "text": "what?"},
        ]
    )
    assert content(message) == [
        {"image": {"format": "png", "source": {"bytes": "aQ=="}}},
        {"document": {"format": "pdf", "name": "a", "source": {"bytes": "aQ=="}}},
        {"document": {"format": "pdf", "name": "a 2", "source": {"bytes": "aQ=="}}},
        {"guardContent": {"text": {"text": "x", "qualifiers": ["query"]}}},
        {"document": {"format": "txt", "name": "n", "source": {"bytes": "cmF3"}}},
        {"text": "what?"},
    ]


@pytest.mark.parametrize(
    ("mark", "point"),
    [
        ({"cache_control": {"type": "ephemeral"}}, {"type": "default"}),
        ({"extras": {"cache_control": {"type": "ephemeral", "ttl": "1h"}}}, {"type": "default", "ttl": "1h"}),
        ({"cachePoint": True}, {"type": "default"}),
        ({"extras": {"cachePoint": {"type": "default", "ttl": "5m"}}}, {"type": "default", "ttl": "5m"}),
    ],
)
def test_a_mark_on_a_block_is_a_cache_point_behind_it(mark: dict[str, Any], point: dict[str, Any]) -> None:
    block: dict[str, Any] = {"type": "text", "text": "long", **mark}
    found = content(HumanMessage([block, {"type": "text", "text": "q"}]))
    assert found == [{"text": "long"}, {"cachePoint": point}, {"text": "q"}]
    assert content(HumanMessage("a"), AIMessage([block])) == [{"text": "long"}, {"cachePoint": point}]


@pytest.mark.parametrize(
    ("message", "place"),
    [
        (SystemMessage([{"type": "image", "base64": "aQ==", "mime_type": "image/png"}]), "'image' in a system message"),
        (HumanMessage([{"type": "reasoning", "reasoning": "hm"}]), "'reasoning' in a user message"),
        (ToolMessage([{"type": "reasoning", "reasoning": "hm"}], tool_call_id="t"), "'reasoning' in a tool message"),
    ],
)
def test_a_block_that_has_no_place_is_refused_by_name(message: BaseMessage, place: str) -> None:
    with pytest.raises(ConfigurationError, match=f"bedrock cannot take a block of type {place}"):
        turns(message)


# ---------------------------------------------------------------- tools


def test_results_come_first_in_their_turn_whatever_stands_between() -> None:
    found = turns(
        HumanMessage("go"),
        calls("t1", "t2"),
        ToolMessage("one", tool_call_id="t1"),
        HumanMessage("and?"),
        ToolMessage("two", tool_call_id="t2", status="error"),
    )
    assert found[1]["content"] == [
        {"toolUse": {"toolUseId": id, "name": "f", "input": {"a": 1}}} for id in ("t1", "t2")
    ]
    assert found[2]["content"] == [
        {"toolResult": {"toolUseId": "t1", "content": [{"text": "one"}]}},
        {"toolResult": {"toolUseId": "t2", "content": [{"text": "two"}], "status": "error"}},
        {"text": "and?"},
    ]


def test_a_model_that_knows_no_failed_tools_is_not_told_of_them() -> None:
    failed = ToolMessage("no", tool_call_id="t1", status="error")
    found = content(HumanMessage("go"), calls("t1"), failed, model="mistral.mistral-large-3-675b-instruct")
    assert found == [{"toolResult": {"toolUseId": "t1", "content": [{"text": "no"}]}}]


def test_a_result_holds_text_images_documents_and_json() -> None:
    result = ToolMessage(
        [
            {"type": "text", "text": "see", "cache_control": {"type": "ephemeral"}},
            {"type": "image", "base64": "aQ==", "mime_type": "image/png"},
            {"json": {"a": 1}},
        ],
        tool_call_id="t1",
    )
    image: dict[str, Any] = {"image": {"format": "png", "source": {"bytes": "aQ=="}}}
    held = [{"text": "see"}, image, {"json": {"a": 1}}]
    assert content(HumanMessage("go"), calls("t1"), result, HumanMessage("so?")) == [
        {"toolResult": {"toolUseId": "t1", "content": held}},
        POINT,
        {"text": "so?"},
    ]


def test_without_tools_calls_and_results_are_told_as_text() -> None:
    image: dict[str, Any] = {"type": "image", "base64": "aQ==", "mime_type": "image/png"}
    result = ToolMessage([{"type": "text", "text": "42"}, {"json": {"a": 1}}, image], tool_call_id="t1")
    messages = [HumanMessage("go"), calls("t1"), result, AIMessage("done"), HumanMessage("so?")]
    found = turns(*messages, with_tools=False)
    assert found[1] == {"role": "assistant", "content": [{"text": '[called the tool f with {"a": 1}]'}]}
    assert found[2]["content"] == [
        {"text": "[the tool gave back]"},
        {"text": "42"},
        {"text": '{"a": 1}'},
        {"image": {"format": "png", "source": {"bytes": "aQ=="}}},
    ]
    assert warned(*messages, with_tools=False) == ["tool_calls_as_text"]


def test_a_call_that_cannot_be_read_stands_where_a_result_answers_it() -> None:
    bad = {"type": "invalid_tool_call", "id": "t1", "name": "f", "args": '{"a": 1, "b', "error": "cut"}
    answer = AIMessage([{"type": "text", "text": "hm"}, bad])
    assert content(HumanMessage("go"), answer) == [{"text": "hm"}]
    assert warned(HumanMessage("go"), answer) == []
    found = turns(HumanMessage("go"), answer, ToolMessage("try again", tool_call_id="t1"))
    assert found[1]["content"][1] == {"toolUse": {"toolUseId": "t1", "name": "f", "input": {"a": 1}}}


def test_ids_are_valid_the_same_for_a_call_and_its_result_and_keep_apart() -> None:
    assert plain_id("tooluse_Ab-1") == "tooluse_Ab-1"
    long = "call_" + "x" * 80
    for given_id in ("a.b", "a:b", long, "", "ü"):
        made = plain_id(given_id)
        assert made == plain_id(given_id) != given_id
        assert len(made) <= 64
        assert set(made) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")
    assert len({plain_id(id) for id in ("a.b", "a:b", "a_b", long, long + "y", "")}) == 6
    assert plain_id(None).startswith("call_")


# ---------------------------------------------------------------- answers


def test_reasoning_goes_back_signed_and_encrypted_and_not_otherwise() -> None:
    redacted = {"type": "reasoning", "extras": {"redacted_data": "c2VjcmV0"}}
    unsigned = {"type": "reasoning", "reasoning": "hm"}
    answer = AIMessage([SIGNED, redacted, unsigned, {"type": "text", "text": "a"}], response_metadata=OWN)
    assert content(HumanMessage("q"), answer) == [
        {"reasoningContent": {"reasoningText": {"text": "hm", "signature": "sig"}}},
        {"reasoningContent": {"redactedContent": "c2VjcmV0"}},
        {"text": "a"},
    ]
    assert warned(HumanMessage("q"), answer) == ["block_left_out"]


@pytest.mark.parametrize(
    ("metadata", "kept"),
    [
        ({}, True),
        ({"model_provider": "bedrock", "model_name": "eu.anthropic.claude-opus-4-8"}, True),
        ({"model_provider": "bedrock_converse", "model_name": "arn:aws:x:application-inference-profile/abc"}, True),
        ({"model_provider": "bedrock_converse", "model_name": "us.amazon.nova-2-lite-v1:0"}, False),
        ({"model_provider": "anthropic", "model_name": "claude-sonnet-4-5"}, False),
        ({"model_provider": "openai"}, False),
    ],
)
def test_reasoning_goes_back_to_who_made_it_only(metadata: dict[str, Any], kept: bool) -> None:
    answer = AIMessage([SIGNED, {"type": "text", "text": "a"}], response_metadata=metadata)
    found = content(HumanMessage("q"), answer)
    assert (len(found) == 2) is kept
    assert warned(HumanMessage("q"), answer) == ([] if kept else ["block_left_out"])


def test_images_of_an_answer_are_left_out_with_a_warning() -> None:
    image: dict[str, Any] = {"type": "image", "base64": "aQ==", "mime_type": "image/png"}
    for metadata in (OWN, {"model_provider": "google_genai"}):
        answer = AIMessage([image, {"type": "text", "text": "a"}], response_metadata=metadata)
        assert content(HumanMessage("q"), answer) == [{"text": "a"}]
        assert warned(HumanMessage("q"), answer) == ["block_left_out"]


def test_tools_of_the_provider_go_back_where_tools_are_sent() -> None:
    call: dict[str, Any] = {"type": "server_tool_call", "id": "t1", "name": "mine", "args": {"a": 1}}
    renamed: dict[str, Any] = {**call, "id": "t2", "name": "web_search", "extras": {"tool_name": "nova_grounding"}}
    result: dict[str, Any] = {
        "type": "server_tool_result",
        "tool_call_id": "t1",
        "status": "success",
        "output": [{"text": "r"}],
        "extras": {"block_type": "x_result"},
    }
    other: dict[str, Any] = {
        "type": "non_standard",
        "value": {"searchResult": {"source": "s", "title": "t", "content": []}},
    }
    unmarked: dict[str, Any] = {**result, "extras": {"block_type": ""}, "output": None}
    foreign: dict[str, Any] = {**result, "extras": {}}
    answer = AIMessage([call, renamed, result, unmarked, foreign, other], response_metadata=OWN)
    assert content(HumanMessage("q"), answer) == [
        {"toolUse": {"toolUseId": "t1", "name": "mine", "input": {"a": 1}, "type": "server_tool_use"}},
        {"toolUse": {"toolUseId": "t2", "name": "nova_grounding", "input": {"a": 1}, "type": "server_tool_use"}},
        {"toolResult": {"toolUseId": "t1", "content": [{"text": "r"}], "type": "x_result", "status": "success"}},
        {"toolResult": {"toolUseId": "t1", "content": [], "status": "success"}},
        other["value"],
    ]
    assert warned(HumanMessage("q"), answer) == ["block_left_out"]
    assert content(HumanMessage("q"), answer, with_tools=False) == [other["value"]]


def test_citations_of_one_s_own_go_back_with_their_text() -> None:
    foreign: dict[str, Any] = {"type": "citation", "url": "https://x/"}
    odd: dict[str, Any] = {"type": "non_standard_annotation", "value": {}}
    own = {"type": "citation", "title": "t", "cited_text": "c", "extras": {"location": {"documentChar": {"start": 1}}}}
    bare = {"type": "citation", "extras": {"source": "s"}}
    block: dict[str, Any] = {"type": "text", "text": "a", "annotations": [foreign, odd, own, bare]}
    cited = {
        "content": [{"text": "a"}],
        "citations": [
            {"title": "t", "sourceContent": [{"text": "c"}], "location": {"documentChar": {"start": 1}}},
            {"source": "s"},
        ],
    }
    assert content(HumanMessage("q"), AIMessage([block], response_metadata=OWN)) == [{"citationsContent": cited}]
    elsewhere = AIMessage([block], response_metadata={"model_provider": "anthropic"})
    assert content(HumanMessage("q"), elsewhere) == [{"text": "a"}]
    only = {"type": "text", "text": "a", "annotations": [foreign]}
    assert content(HumanMessage("q"), AIMessage([only], response_metadata=OWN)) == [{"text": "a"}]


@pytest.mark.parametrize("id", sorted(id for id, one in RECORDINGS.items() if one.status == 200 and "plain" in id))
def test_a_plain_answer_goes_back_as_it_came(id: str) -> None:
    body = json.loads(RECORDINGS[id].body)
    decoder = BedrockCodec().decoder(streamed=False)
    answer = message_of([*decoder.feed(RECORDINGS[id].body), *decoder.close()])
    told: list[Any] = body["output"]["message"]["content"]
    for block in told:
        if "citationsContent" in block:  # its text comes back in one piece
            texts = [part["text"] for part in block["citationsContent"]["content"]]
            block["citationsContent"]["content"] = [{"text": "".join(texts)}]
    assert content(HumanMessage("q"), answer, HumanMessage("so?")) == [{"text": "so?"}]
    assert turns(HumanMessage("q"), answer, HumanMessage("so?"))[1]["content"] == told


def test_a_streamed_answer_of_a_tool_of_the_provider_goes_back_as_botocore_would_send_it() -> None:
    body = RECORDINGS["converse_server_tool"].body
    decoder = BedrockCodec().decoder(streamed=True)
    answer = message_of([*decoder.feed(body), *decoder.close()])
    output = {"stdOut": "42", "stdErr": "", "exitCode": 0, "isError": False}
    use = {"toolUseId": "tooluse_3", "name": "nova_code_interpreter", "input": {"snippet": "6 * 7"}}
    assert turns(HumanMessage("q"), answer)[1]["content"] == [
        {"toolUse": {**use, "type": "server_tool_use"}},
        {
            "toolResult": {
                "toolUseId": "tooluse_3",
                "content": [{"json": output}],
                "type": "nova_code_interpreter_result",
                "status": "success",
            }
        },
        {"text": "42"},
    ]


_texts = st.text(max_size=5)
_said: list[dict[str, Any]] = [SIGNED, {"type": "text", "text": "a"}, {"type": "text", "text": " "}]
_answers = st.lists(st.sampled_from(_said), max_size=3).map(lambda blocks: AIMessage(blocks))
_messages = st.lists(
    st.one_of(
        st.builds(SystemMessage, _texts),
        st.builds(HumanMessage, _texts),
        _answers,
        st.builds(calls, st.sampled_from(["t1", "t.2"])),
        st.builds(ToolMessage, _texts, tool_call_id=st.just("t1")),
    ),
    max_size=8,
)


@given(_messages, st.booleans(), st.booleans())
def test_any_conversation_alternates_and_loses_no_text(
    messages: list[BaseMessage], in_place: bool, with_tools: bool
) -> None:
    conversation = spell(*messages, system_in_place=in_place, with_tools=with_tools)
    roles = [turn["role"] for turn in conversation.turns]
    assert all(one != next_one for one, next_one in pairwise(roles))
    said = json.dumps([conversation.system, conversation.turns])
    for message in messages:
        if not isinstance(message, AIMessage) and message.text:
            assert json.dumps(message.text)[1:-1] in said
