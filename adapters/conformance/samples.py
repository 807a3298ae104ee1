"""What a caller may ask of any provider: conversations, tools and forms of answers, each with what has to arrive."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from tidewire.adapters.spec import NativeTool, OutputSchema, ToolSpec
from tidewire.events.blocks import JSONObject
from tidewire.events.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """Something to ask for.

    Attributes:
        name: What it is called in the names of the tests.
        words: One of these, or the provider's name, stands in the error of a codec that refuses it.
        messages: The conversation.
        fields: Other fields of the request.
        arrives: Texts that stand in the request, or a warning says that something was left out.
        differs_from: Fields of a request that must be spelled in another way.
        may_refuse: Whether a format may be without it.
    """

    name: str
    words: tuple[str, ...] = ()
    messages: Sequence[BaseMessage] = (HumanMessage("tw question"),)
    fields: JSONObject = {}
    arrives: tuple[str, ...] = ()
    differs_from: JSONObject | None = None
    may_refuse: bool = True


TOOL = ToolSpec(
    name="tw_weather",
    description="Tells the tw weather.",
    parameters={
        "type": "object",
        "properties": {"tw_place": {"type": "string", "description": "Where."}},
        "required": ["tw_place"],
    },
)
OTHER_TOOL = ToolSpec(name="tw_time", description="Tells the tw time.", parameters={"type": "object", "properties": {}})
SCHEMA: JSONObject = {
    "type": "object",
    "properties": {"tw_answer": {"type": "string"}},
    "required": ["tw_answer"],
    "additionalProperties": False,
}

# One black pixel, and the shortest documents of their kinds.
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=="
PDF = "JVBERi0xLjQKJSVFT0YK"
WAV = "UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAEAfAAABAAgAZGF0YQAAAAA="
MP4 = "AAAAGGZ0eXBtcDQyAAAAAG1wNDJpc29t"

_CALL: JSONObject = {"name": "tw_weather", "args": {"tw_place": "tw Paris"}, "id": "call_tw1"}
_OTHER_CALL: JSONObject = {"name": "tw_weather", "args": {"tw_place": "tw Rome"}, "id": "call_tw2"}
_ASK = HumanMessage("tw question")


def _seen(kind: str, **fields: str) -> list[BaseMessage]:
    """A question about something that is no text."""
    return [HumanMessage([{"type": "text", "text": "tw question"}, {"type": kind, **fields}])]


def _history(*blocks: Any, provider: str = "tw_other") -> list[BaseMessage]:
    """An answer that another provider gave, and the next question."""
    answer = AIMessage(content_blocks=[*blocks], response_metadata={"model_provider": provider})
    return [_ASK, answer, HumanMessage("tw second")]


_TEXT = {"type": "text", "text": "tw answer"}

SAMPLES: tuple[Sample, ...] = (
    # --- conversations
    Sample(name="a question", arrives=("tw question",), may_refuse=False),
    Sample(
        name="a conversation",
        messages=[_ASK, AIMessage("tw answer"), HumanMessage("tw second")],
        arrives=("tw question", "tw answer", "tw second"),
        may_refuse=False,
    ),
    Sample(
        name="a system message",
        words=("system",),
        messages=[SystemMessage("tw system"), _ASK],
        arrives=("tw system", "tw question"),
    ),
    Sample(
        name="a late system message",
        words=("system",),
        messages=[_ASK, AIMessage("tw answer"), SystemMessage("tw system"), HumanMessage("tw second")],
        arrives=("tw system", "tw second"),
    ),
    Sample(
        name="text in two blocks",
        messages=[HumanMessage([{"type": "text", "text": "tw one"}, {"type": "text", "text": "tw two"}])],
        arrives=("tw one", "tw two"),
        may_refuse=False,
    ),
    Sample(
        name="text of all kinds",
        messages=[HumanMessage('tw "\\ \n\t\x01\u2028 ü 字 😀 </s>')],
        arrives=('tw "\\ \n\t\x01\u2028 ü 字 😀 </s>',),
        may_refuse=False,
    ),
    Sample(name="an empty text", words=("empty", "text"), messages=[HumanMessage("")]),
    Sample(name="a named speaker", words=("name",), messages=[HumanMessage("tw question", name="tw_name")]),
    Sample(name="an answer to go on from", words=("assistant", "prefill"), messages=[_ASK, AIMessage("tw answer")]),
    # --- tools
    Sample(
        name="tools",
        words=("tool",),
        fields={"tools": (TOOL, OTHER_TOOL)},
        arrives=("tw_weather", "Tells the tw weather.", "tw_place", "tw_time"),
    ),
    Sample(
        name="a tool without parameters", words=("tool",), fields={"tools": (ToolSpec("tw_now"),)}, arrives=("tw_now",)
    ),
    Sample(
        name="a tool of the provider's own", words=("tool",), fields={"tools": (NativeTool({"type": "tw_native"}),)}
    ),
    *(
        Sample(
            name=f"tool choice {choice if isinstance(choice, str) else 'by name'}",
            words=("tool",),
            fields={"tools": (TOOL, OTHER_TOOL), "tool_choice": choice},
            differs_from=None if choice == "auto" else {"tools": (TOOL, OTHER_TOOL)},
        )
        for choice in ("auto", "any", "none", ("tool", "tw_weather"))
    ),
    Sample(
        name="one tool at a time",
        words=("tool", "parallel"),
        fields={"tools": (TOOL,), "parallel_tool_calls": False},
        differs_from={"tools": (TOOL,)},
    ),
    Sample(
        name="a call and its result",
        words=("tool",),
        messages=[_ASK, AIMessage(tool_calls=[_CALL]), ToolMessage("tw result", tool_call_id="call_tw1")],
        fields={"tools": (TOOL,)},
        arrives=("tw_weather", "tw Paris", "tw result"),
    ),
    Sample(
        name="two calls, their results and a question",
        words=("tool",),
        messages=[
            _ASK,
            AIMessage("tw answer", tool_calls=[_CALL, _OTHER_CALL]),
            ToolMessage("tw rain", tool_call_id="call_tw1"),
            ToolMessage("tw sun", tool_call_id="call_tw2"),
            HumanMessage("tw second"),
        ],
        fields={"tools": (TOOL,)},
        arrives=("tw answer", "tw Paris", "tw Rome", "tw rain", "tw sun", "tw second"),
    ),
    Sample(
        name="a tool that failed",
        words=("tool",),
        messages=[
            _ASK,
            AIMessage(tool_calls=[_CALL]),
            ToolMessage("tw failure", tool_call_id="call_tw1", status="error"),
        ],
        fields={"tools": (TOOL,)},
        arrives=("tw failure",),
    ),
    Sample(
        name="a call that was no JSON",
        words=("tool",),
        messages=[
            _ASK,
            AIMessage(
                invalid_tool_calls=[{"name": "tw_weather", "args": '{"tw_pl', "id": "call_tw1", "error": "cut off"}]
            ),
            ToolMessage("tw retry", tool_call_id="call_tw1", status="error"),
        ],
        fields={"tools": (TOOL,)},
        arrives=("tw_weather", "tw retry"),
    ),
    # --- the form of the answer
    Sample(
        name="an answer by a schema",
        words=("schema", "output", "format", "structured"),
        fields={"output": OutputSchema("tw_form", SCHEMA)},
        arrives=("tw_answer",),
    ),
    Sample(
        name="an answer in JSON",
        words=("json", "output", "format", "structured"),
        fields={"output": OutputSchema("tw_form", None)},
        differs_from={},
    ),
    # --- what is no text
    Sample(
        name="an image by its address",
        words=("image", "url"),
        messages=_seen("image", url="https://tw.example/a.png"),
        arrives=("https://tw.example/a.png", "tw question"),
    ),
    Sample(
        name="an image",
        words=("image",),
        messages=_seen("image", base64=PNG, mime_type="image/png"),
        arrives=(PNG,),
    ),
    Sample(
        name="an uploaded image",
        words=("image", "file"),
        messages=_seen("image", file_id="tw-file-1"),
        arrives=("tw-file-1",),
    ),
    Sample(
        name="a sound",
        words=("audio", "sound"),
        messages=_seen("audio", base64=WAV, mime_type="audio/wav"),
        arrives=(WAV,),
    ),
    Sample(
        name="a video",
        words=("video",),
        messages=_seen("video", base64=MP4, mime_type="video/mp4"),
        arrives=(MP4,),
    ),
    Sample(
        name="a document",
        words=("file", "document", "pdf"),
        messages=_seen("file", base64=PDF, mime_type="application/pdf"),
        arrives=(PDF,),
    ),
    Sample(
        name="a document by its address",
        words=("file", "document", "pdf", "url"),
        messages=_seen("file", url="https://tw.example/a.pdf"),
        arrives=("https://tw.example/a.pdf",),
    ),
    Sample(
        name="a text document",
        words=("text-plain", "document"),
        messages=_seen("text-plain", text="tw document", mime_type="text/plain"),
        arrives=("tw document",),
    ),
    Sample(
        name="a block of the provider's own",
        words=("non_standard", "block"),
        messages=[
            HumanMessage([{"type": "text", "text": "tw question"}, {"type": "non_standard", "value": {"tw": 1}}])
        ],
    ),
    # --- what another provider said before
    Sample(
        name="reasoning of another provider",
        words=("reasoning",),
        messages=_history({"type": "reasoning", "reasoning": "tw thought", "extras": {"signature": "tws"}}, _TEXT),
        arrives=("tw thought", "tw answer"),
    ),
    Sample(
        name="a server tool of another provider",
        words=("server_tool",),
        messages=_history(
            {"type": "server_tool_call", "id": "srv_tw1", "name": "tw_search", "args": {"query": "tw query"}},
            {"type": "server_tool_result", "tool_call_id": "srv_tw1", "status": "success", "output": "tw found"},
            _TEXT,
        ),
        arrives=("tw query", "tw found", "tw answer"),
    ),
    # --- the rest
    Sample(name="a plain reply", fields={"stream": False}, arrives=("tw question",), may_refuse=False),
    Sample(
        name="fields of the caller's own",
        words=("extra_body",),
        fields={"extra_body": {"tw_field": {"tw_deep": ["tw extra"]}}},
        arrives=("tw extra",),
    ),
)

#: A value for each parameter that many providers have; unusual ones, so that they differ from what is sent anyway.
VALUES: JSONObject = {
    "frequency_penalty": 0.25,
    "logit_bias": {"50256": -1},
    "logprobs": True,
    "max_output_tokens": 77,
    "max_tokens": 77,
    "metadata": {"tw": "tw"},
    "n": 2,
    "parallel_tool_calls": False,
    "presence_penalty": 0.25,
    "reasoning_effort": "low",
    "seed": 77,
    "stop": ["tw stop"],
    "temperature": 0.25,
    "top_k": 7,
    "top_logprobs": 3,
    "top_p": 0.25,
    "user": "tw-user",
}

__all__ = ["SAMPLES", "VALUES", "Sample"]
