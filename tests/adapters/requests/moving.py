"""Answers of each provider, read from its wire by its own codec, and the conversations in which they move to another.

An answer holds all that its format has: reasoning that is signed or encrypted, a server tool's call and result, a text
with a citation, two calls of the caller's tools.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.adapters.recording_kit import message_of
from tests.adapters.requests.encoding import SPEAKERS, Speaker
from tidewire.adapters.json_text import list_of, object_of
from tidewire.adapters.registry import find_adapter
from tidewire.adapters.spec import ToolSpec
from tidewire.events.blocks import JSONObject
from tidewire.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage

#: What tells the parts of an answer in a body. The signature is good in both alphabets of base64.
TEXT, THOUGHT, SIGNATURE, CITED, SERVED = (
    "High water at six.",
    "Ports first.",
    "c2lnbmVkMTIz",
    "tides.example",
    "harbour",
)

_ARGS = ({"city": "Brest"}, {"city": "Cork"})
_TEXTS = tuple(json.dumps(args, separators=(",", ":")) for args in _ARGS)
TOOLS = (ToolSpec("lookup", "Looks a port up.", {"type": "object", "properties": {"city": {"type": "string"}}}),)

# ---------------------------------------------------------------- who speaks

_CLAUDE = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"


def _any(_: JSONObject) -> str | None:
    return None  # its client is not here: what it is sent is told by ids and warnings alone


def _no_parts(_: JSONObject) -> list[Any]:
    return []


#: Those of ``encoding``, and hosts with rules of their own for ids of calls and for reasoning.
MOVERS: Mapping[str, Speaker] = {
    **SPEAKERS,
    "bedrock": Speaker("bedrock_converse", SPEAKERS["bedrock"].problem, _no_parts, model=_CLAUDE),
    "mistral": Speaker("mistralai", _any, _no_parts),
    "deepseek": Speaker("deepseek", _any, _no_parts),
    "openrouter": Speaker("openrouter", _any, _no_parts),
}

#: What the ids of calls must look like.
CALL_IDS: Mapping[str, str] = {
    "openai chat": r".{1,40}",
    "openai responses": r".{1,64}",
    "azure chat": r".{1,40}",
    "anthropic": r"[a-zA-Z0-9_-]+",
    "google": r".+",
    "bedrock": r"[a-zA-Z0-9_-]{1,64}",
    "ollama": r".+",
    "huggingface": r".{1,40}",
    "mistral": r"[a-zA-Z0-9]{9}",
    "deepseek": r".{1,40}",
    "openrouter": r".{1,40}",
}

# ---------------------------------------------------------------- what each one answers


def _chat(ids: Sequence[str], **more: Any) -> JSONObject:
    calls = [
        {"id": id, "type": "function", "function": {"name": "lookup", "arguments": text}}
        for id, text in zip(ids, _TEXTS, strict=True)
    ]
    message = {"role": "assistant", "content": TEXT, "tool_calls": calls, **more}
    return {"id": "c", "model": "m", "choices": [{"index": 0, "finish_reason": "tool_calls", "message": message}]}


_NOTE = {"type": "url_citation", "start_index": 0, "end_index": 4, "url": f"https://{CITED}", "title": "Tides"}
_CITED_IN_CHAT = {
    "annotations": [{"type": "url_citation", "url_citation": {k: _NOTE[k] for k in _NOTE if k != "type"}}]
}

RESPONSES_ITEMS: list[JSONObject] = [
    {
        "type": "reasoning",
        "id": "rs_1",
        "summary": [{"type": "summary_text", "text": THOUGHT}],
        "encrypted_content": SIGNATURE,
    },
    {
        "type": "web_search_call",
        "id": "ws_1",
        "status": "completed",
        "action": {"type": "search", "query": SERVED, "queries": [SERVED]},
    },
    {
        "type": "message",
        "id": "msg_1",
        "role": "assistant",
        "status": "completed",
        "content": [{"type": "output_text", "text": TEXT, "annotations": [_NOTE]}],
    },
    *(
        {
            "type": "function_call",
            "id": f"fc_{number}",
            "call_id": f"call_{number}",
            "name": "lookup",
            "arguments": text,
        }
        for number, text in enumerate(_TEXTS)
    ),
]

ANTHROPIC_BLOCKS: list[JSONObject] = [
    {"type": "thinking", "thinking": THOUGHT, "signature": SIGNATURE},
    {"type": "redacted_thinking", "data": SIGNATURE},
    {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": SERVED}},
    {
        "type": "web_search_tool_result",
        "tool_use_id": "srvtoolu_1",
        "content": [
            {
                "type": "web_search_result",
                "title": "Tides",
                "url": f"https://{CITED}",
                "encrypted_content": SIGNATURE,
                "page_age": None,
            }
        ],
    },
    {
        "type": "text",
        "text": TEXT,
        "citations": [
            {
                "type": "web_search_result_location",
                "url": f"https://{CITED}",
                "title": "Tides",
                "encrypted_index": SIGNATURE,
                "cited_text": "six",
            }
        ],
    },
    *(
        {"type": "tool_use", "id": f"toolu_{number}", "name": "lookup", "input": args}
        for number, args in enumerate(_ARGS)
    ),
]

GOOGLE_PARTS: list[JSONObject] = [
    {"text": THOUGHT, "thought": True},
    {"executableCode": {"code": SERVED, "language": "PYTHON"}},
    {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": SERVED}},
    {"text": TEXT},
    {"functionCall": {"name": "lookup", "args": _ARGS[0]}, "thoughtSignature": SIGNATURE},
    {"functionCall": {"name": "lookup", "args": _ARGS[1]}},
]

BEDROCK_BLOCKS: list[JSONObject] = [
    {"reasoningContent": {"reasoningText": {"text": THOUGHT, "signature": SIGNATURE}}},
    {"reasoningContent": {"redactedContent": SIGNATURE}},
    {
        "citationsContent": {
            "content": [{"text": TEXT}],
            "citations": [
                {
                    "title": "Tides",
                    "sourceContent": [{"text": "six"}],
                    "location": {"web": {"url": f"https://{CITED}", "domain": CITED}},
                }
            ],
        }
    },
    *(
        {"toolUse": {"toolUseId": f"tooluse_{number}", "name": "lookup", "input": args}}
        for number, args in enumerate(_ARGS)
    ),
]

_LONG = "call|" + "x" * 70  # as some hosts make them: too long for most, and with a sign that few take


@dataclass(frozen=True)
class Maker:
    """Who made an answer.

    Attributes:
        speaker: Its name among ``MOVERS``.
        wire: The plain reply.
        holds: Which of the parts an answer of this format has.
        codec: The name of the codec that reads it; empty where there is one.
    """

    speaker: str
    wire: JSONObject
    holds: frozenset[str]
    codec: str = ""

    def answer(self) -> AIMessage:
        """The message that its codec reads, as a call gives it."""
        provider = MOVERS[self.speaker].provider
        adapter = find_adapter(provider)
        codecs = adapter.codecs or (adapter.codec,)
        codec = next(codec for codec in codecs if self.codec in ("", codec.name))
        decoder = codec.decoder(streamed=False)
        message = message_of([*decoder.feed(json.dumps(self.wire).encode()), *decoder.close()])
        message.response_metadata["model_provider"] = provider
        return message


_ALL = frozenset({"reasoning", "citation", "server tool"})

MAKERS: Mapping[str, Maker] = {
    "openai chat": Maker("openai chat", _chat(("call_0", "call_1"), **_CITED_IN_CHAT), frozenset({"citation"})),
    "openai responses": Maker(
        "openai responses",
        {"id": "resp_1", "model": "m", "object": "response", "status": "completed", "output": RESPONSES_ITEMS},
        _ALL,
        codec="openai.responses",
    ),
    "azure chat": Maker("azure chat", _chat(("call_0", "call_1")), frozenset()),
    "anthropic": Maker(
        "anthropic",
        {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": "claude-sonnet-4-5",
            "content": ANTHROPIC_BLOCKS,
            "stop_reason": "tool_use",
        },
        _ALL,
    ),
    "google": Maker(
        "google",
        {
            "responseId": "r1",
            "modelVersion": "gemini-3-pro",
            "candidates": [
                {
                    "content": {"role": "model", "parts": GOOGLE_PARTS},
                    "finishReason": "STOP",
                    "groundingMetadata": {
                        "groundingChunks": [{"web": {"uri": f"https://{CITED}", "title": "Tides"}}],
                        "groundingSupports": [
                            {"segment": {"endIndex": 4, "text": "High"}, "groundingChunkIndices": [0]}
                        ],
                    },
                }
            ],
        },
        _ALL,
    ),
    "bedrock": Maker(
        "bedrock",
        {"output": {"message": {"role": "assistant", "content": BEDROCK_BLOCKS}}, "stopReason": "tool_use"},
        frozenset({"reasoning", "citation"}),
    ),
    "ollama": Maker(
        "ollama",
        {
            "model": "m",
            "message": {
                "role": "assistant",
                "content": TEXT,
                "thinking": THOUGHT,
                "tool_calls": [{"function": {"name": "lookup", "arguments": args}} for args in _ARGS],
            },
            "done": True,
            "done_reason": "stop",
        },
        frozenset({"reasoning"}),
    ),
    "huggingface": Maker("huggingface", _chat((f"{_LONG}0", f"{_LONG}1"), reasoning=THOUGHT), frozenset({"reasoning"})),
    "mistral": Maker(
        "mistral",
        _chat(
            ("aB3dE6gH0", "aB3dE6gH1"),
            content=[
                {"type": "thinking", "thinking": [{"type": "text", "text": THOUGHT}]},
                {"type": "text", "text": TEXT},
            ],
        ),
        frozenset({"reasoning"}),
    ),
    "deepseek": Maker("deepseek", _chat(("call_0", "call_1"), reasoning_content=THOUGHT), frozenset({"reasoning"})),
    "openrouter": Maker(
        "openrouter",
        _chat(
            ("toolu_0", "toolu_1"),
            reasoning=THOUGHT,
            reasoning_details=[
                {"type": "reasoning.text", "text": THOUGHT, "signature": SIGNATURE, "format": "anthropic-claude-v1"}
            ],
        ),
        frozenset({"reasoning"}),
    ),
}

# ---------------------------------------------------------------- where they go


def before() -> list[BaseMessage]:
    """What precedes an answer."""
    return [SystemMessage("You keep the tide tables."), HumanMessage("When is high water?")]


def results(answer: AIMessage) -> list[BaseMessage]:
    """What its tools gave: a text, and a failure."""
    first, second = answer.tool_calls
    return [
        ToolMessage("It is at six.", tool_call_id=str(first["id"]), name=first["name"]),
        ToolMessage("no such port", tool_call_id=str(second["id"]), name=second["name"], status="error"),
    ]


#: Where the id of a call stands in the object that is the call, and likewise for results.
_CALLS = (("functionCall", "id"), ("toolUse", "toolUseId"))
_RESULTS = (("functionResponse", "id"), ("toolResult", "toolUseId"))
_BY_TYPE = {"tool_use": "id", "function_call": "call_id"}
_RESULTS_BY_TYPE = {"tool_result": "tool_use_id", "function_call_output": "call_id"}


def ids_of(body: JSONObject) -> tuple[list[str], list[str]]:
    """The ids of the calls in a body, and those that its results name."""
    calls: list[str] = []
    answered: list[str] = []
    for turn in list_of(body.get("messages") or body.get("contents") or body.get("input")):
        message = object_of(turn)
        if message.get("role") == "tool":
            answered.append(message["tool_call_id"])
        calls += [str(object_of(call)["id"]) for call in list_of(message.get("tool_calls"))]
        for part in (message, *list_of(message.get("content")), *list_of(message.get("parts"))):
            _add_id(object_of(part), _CALLS, _BY_TYPE, calls)
            _add_id(object_of(part), _RESULTS, _RESULTS_BY_TYPE, answered)
    return calls, answered


def _add_id(part: JSONObject, nested: Sequence[tuple[str, str]], by_type: Mapping[str, str], ids: list[str]) -> None:
    ids += [part[key][field] for key, field in nested if key in part]
    if part.get("type") in by_type:
        ids.append(part[by_type[part["type"]]])


__all__ = [
    "ANTHROPIC_BLOCKS",
    "BEDROCK_BLOCKS",
    "CALL_IDS",
    "CITED",
    "GOOGLE_PARTS",
    "MAKERS",
    "MOVERS",
    "RESPONSES_ITEMS",
    "SERVED",
    "SIGNATURE",
    "TEXT",
    "THOUGHT",
    "TOOLS",
    "Maker",
    "before",
    "ids_of",
    "results",
]
