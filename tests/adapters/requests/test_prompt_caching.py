"""How a part of a prompt is marked for the cache at each provider, and what usage says of it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.adapters.recording_kit import codec_for, message_of
from tests.adapters.requests.encoding import SPEAKERS
from tidewire import init_chat_model
from tidewire.adapters.spec import ToolSpec
from tidewire.errors import ConfigurationError
from tidewire.events.blocks import JSONObject
from tidewire.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage

MARK: JSONObject = {"type": "ephemeral", "ttl": "1h"}
POINT: JSONObject = {"cachePoint": {"type": "default", "ttl": "1h"}}


def text(words: str, **more: Any) -> JSONObject:
    return {"type": "text", "text": words, **more}


def encode(speaker: str, messages: list[BaseMessage], **fields: Any) -> JSONObject:
    body, warnings = SPEAKERS[speaker].encode(messages, **fields)
    assert SPEAKERS[speaker].problem(body) is None
    assert warnings == ()
    return body


MARKED: list[BaseMessage] = [
    SystemMessage([text("Rules.", cache_control=MARK)]),
    HumanMessage([text("A long book."), text("And another.", extras={"cache_control": MARK}), text("Why?")]),
    AIMessage("Look.", tool_calls=[{"type": "tool_call", "name": "add", "args": {}, "id": "c1"}]),
    ToolMessage([text("4", cache_control=MARK)], tool_call_id="c1"),
]
TOOLS = (ToolSpec("first"), ToolSpec("add", extras={"cache_control": MARK}))


def test_anthropic_marks_blocks_tools_and_system() -> None:
    body = encode("anthropic", MARKED, tools=TOOLS)
    assert body["system"] == [text("Rules.", cache_control=MARK)]
    assert body["messages"][0]["content"] == [
        text("A long book."),
        text("And another.", cache_control=MARK),
        text("Why?"),
    ]
    assert body["messages"][2]["content"][0]["content"] == [text("4", cache_control=MARK)]
    assert [tool.get("cache_control") for tool in body["tools"]] == [None, MARK]
    assert "cache_control" not in body


def test_bedrock_has_a_point_behind_what_is_marked() -> None:
    body = encode("bedrock", MARKED, tools=TOOLS)
    assert body["system"] == [{"text": "Rules."}, POINT]
    assert body["messages"][0]["content"] == [
        {"text": "A long book."},
        {"text": "And another."},
        POINT,
        {"text": "Why?"},
    ]
    assert body["messages"][2]["content"][1:] == [POINT]
    assert body["toolConfig"]["tools"][2] == POINT


HELLO: list[BaseMessage] = [HumanMessage("Hi")]


@pytest.mark.parametrize(
    ("speaker", "parameters", "told"),
    [
        ("openai chat", {"prompt_cache_key": "k", "prompt_cache_retention": "24h"}, None),
        ("azure chat", {"prompt_cache_key": "k", "prompt_cache_retention": "24h"}, None),
        ("openai responses", {"prompt_cache_key": "k", "prompt_cache_retention": "24h"}, None),
        ("anthropic", {"cache_control": MARK}, None),
        ("google", {"cached_content": "cachedContents/tides"}, {"cachedContent": "cachedContents/tides"}),
    ],
)
def test_a_request_says_it_as_a_whole(speaker: str, parameters: JSONObject, told: JSONObject | None) -> None:
    body = encode(speaker, HELLO, parameters=parameters)
    assert (told or parameters).items() <= body.items()


def test_a_mark_on_the_whole_request_is_a_point_at_its_end_for_bedrock() -> None:
    call = {"cache_control": MARK}
    assert encode("bedrock", HELLO, parameters=call)["messages"][0]["content"] == [{"text": "Hi"}, POINT]
    answered = encode("bedrock", [*MARKED[:3], ToolMessage("4", tool_call_id="c1")], tools=TOOLS, parameters=call)
    assert answered["messages"][-1]["content"][1:] == [POINT]
    marked = encode("bedrock", [HumanMessage([text("Hi", cache_control=MARK)])], parameters=call)
    assert marked["messages"][0]["content"] == [{"text": "Hi"}, POINT]
    assert "messages" in encode("bedrock", [], parameters=call)


@pytest.mark.parametrize(
    ("provider", "foreign"),
    [
        ("openai", "cache_control"),
        ("anthropic", "prompt_cache_key"),
        ("bedrock_converse", "prompt_cache_key"),
        ("google_genai", "cache_control"),
        ("ollama", "cache_control"),
        ("huggingface", "prompt_cache_key"),
    ],
)
def test_a_word_for_it_of_another_provider_is_no_parameter(provider: str, foreign: str) -> None:
    with pytest.raises(ConfigurationError, match=foreign):
        init_chat_model(f"{provider}:m", api_key="any", **{foreign: "k"})


# ---------------------------------------------------------------- usage


def _chat(usage: JSONObject) -> JSONObject:
    return {"id": "c", "choices": [{"message": {"content": "Hi"}, "finish_reason": "stop"}], "usage": usage}


#: What usage of 100 tokens sent, 70 of them read from the cache and 20 written to it, is on each wire, and here.
USAGE: dict[str, tuple[JSONObject, JSONObject]] = {
    "openai.chat": (
        _chat(
            {
                "prompt_tokens": 100,
                "completion_tokens": 5,
                "prompt_tokens_details": {"cached_tokens": 70, "cache_write_tokens": 20},
            }
        ),
        {"cache_read": 70, "cache_creation": 20},
    ),
    "openai.responses": (
        {
            "id": "r",
            "status": "completed",
            "output": [],
            "usage": {
                "input_tokens": 100,
                "output_tokens": 5,
                "input_tokens_details": {"cached_tokens": 70, "cache_write_tokens": 20},
            },
        },
        {"cache_read": 70, "cache_creation": 20},
    ),
    "anthropic.messages": (
        {
            "type": "message",
            "content": [],
            "stop_reason": "end_turn",
            "usage": {
                "input_tokens": 10,
                "cache_read_input_tokens": 70,
                "cache_creation_input_tokens": 20,
                "cache_creation": {"ephemeral_5m_input_tokens": 15, "ephemeral_1h_input_tokens": 5},
                "output_tokens": 5,
            },
        },
        {
            "cache_read": 70,
            "cache_creation": 20,
            "ephemeral_5m_input_tokens": 15,
            "ephemeral_1h_input_tokens": 5,
        },
    ),
    "bedrock.converse": (
        {
            "output": {"message": {"role": "assistant", "content": [{"text": "Hi"}]}},
            "stopReason": "end_turn",
            "usage": {
                "inputTokens": 10,
                "outputTokens": 5,
                "totalTokens": 105,
                "cacheReadInputTokens": 70,
                "cacheWriteInputTokens": 20,
                "cacheDetails": [{"ttl": "5m", "inputTokens": 15}, {"ttl": "1h", "inputTokens": 5}],
            },
        },
        {
            "cache_read": 70,
            "cache_creation": 20,
            "ephemeral_5m_input_tokens": 15,
            "ephemeral_1h_input_tokens": 5,
        },
    ),
    "google.generate_content": (
        {
            "candidates": [{"content": {"parts": [{"text": "Hi"}]}, "finishReason": "STOP"}],
            "usageMetadata": {
                "promptTokenCount": 100,
                "candidatesTokenCount": 5,
                "totalTokenCount": 105,
                "cachedContentTokenCount": 70,
            },
        },
        {"cache_read": 70},
    ),
}


@pytest.mark.parametrize("api", USAGE)
def test_usage_tells_what_was_read_and_written(api: str) -> None:
    wire, details = USAGE[api]
    codec = codec_for(api)
    assert codec is not None
    decoder = codec.decoder(streamed=False)
    message = message_of([*decoder.feed(json.dumps(wire).encode()), *decoder.close()])
    usage = message.usage_metadata
    assert usage is not None
    assert (usage["input_tokens"], usage["output_tokens"], usage["total_tokens"]) == (100, 5, 105)
    assert usage.get("input_token_details") == details
    # What is kept of a message and read again says the same.
    assert AIMessage("Hi", usage_metadata=usage).usage_metadata == usage
