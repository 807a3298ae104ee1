"""Random events and chunks, drawn from few indexes, ids and names so that they meet."""

from __future__ import annotations

from uuid import UUID

from hypothesis import strategies as st

from tidewire.events.chunks import AIMessageChunk
from tidewire.events.types import (
    Block,
    DecodedEvent,
    Finish,
    Meta,
    Reasoning,
    Run,
    Token,
    ToolCallDelta,
    Usage,
)

RUN = Run(id=UUID(int=1), kind="chat_model", name="model", provider="openai", model="gpt")
OTHER_RUN = Run(id=UUID(int=2), kind="chat_model", name="model", provider="anthropic", model="claude")

TEXTS = st.text("ab {}\u20ac", max_size=3)
INDEXES = st.integers(0, 2)
ARGS = st.sampled_from(["", "{", "}", '{"a": 1}', '{"a"', ": 1}", '"x', "[", '{"a": "\\ud83d"}'])
EXTRAS = st.none() | st.dictionaries(st.sampled_from("kl"), st.integers(0, 2), min_size=1)
CITATION = {"type": "citation", "url": "https://a.example"}

TOKENS = st.builds(Token, TEXTS, INDEXES)
THOUGHTS = st.builds(Reasoning, TEXTS, st.none() | st.sampled_from(["s1", "s2"]), INDEXES)
TOOL_CALLS = st.builds(
    ToolCallDelta,
    ARGS,
    st.none() | st.integers(0, 1) | st.just("a"),
    st.none() | st.sampled_from(["x", "y", ""]),
    st.none() | st.sampled_from(["f", "g", ""]),
    EXTRAS,
)
BLOCKS = st.builds(
    Block,
    st.sampled_from(
        [
            CITATION,
            {"type": "image", "url": "https://b.example"},
            {"type": "server_tool_call", "id": "s", "name": "search", "args": {}},
            {"type": "text", "text": "t", "id": "t1", "annotations": [CITATION], "extras": {"k": 1}},
            {"type": "text"},
            {"type": "reasoning", "reasoning": "r", "id": "r1", "extras": {"signature": "s3"}},
            {"type": "reasoning", "extras": {"redacted_data": "d"}},
            {"type": "tool_call", "id": "w", "name": "whole", "args": {"b": 2}},
            {"type": "invalid_tool_call", "id": "v", "name": "bad", "args": "{", "error": "cut"},
        ]
    ),
    INDEXES | st.just("b"),
)
METAS = st.builds(
    Meta,
    st.none() | st.sampled_from(["m1", "m2"]),
    st.none() | st.sampled_from(["gpt-1", "gpt-2"]),
    st.none() | st.just("q1"),
    st.none() | st.dictionaries(st.sampled_from("ab"), st.integers(0, 2), min_size=1),
    st.none() | st.lists(st.fixed_dictionaries({"token": st.sampled_from("ab")}), max_size=2),
)
USAGES = st.builds(
    Usage,
    st.integers(0, 9),
    st.integers(0, 9),
    st.integers(0, 9),
    cache_read=st.none() | st.integers(0, 9),
    reasoning=st.none() | st.integers(0, 9),
)
FINISHES = st.builds(Finish, st.sampled_from(["stop", "length", "tool_calls"]), st.none() | st.just("max_tokens"))

#: What a decoder yields that is part of a message.
EVENTS: st.SearchStrategy[DecodedEvent] = st.one_of(
    TOKENS, TOKENS, THOUGHTS, TOOL_CALLS, TOOL_CALLS, BLOCKS, METAS, USAGES, FINISHES
)

#: A piece of a run's stream: one event, or several.
PIECES = st.builds(
    AIMessageChunk.from_events,
    st.sampled_from([RUN, RUN, OTHER_RUN]),
    EVENTS | st.lists(EVENTS, max_size=3).map(tuple),
    last=st.sampled_from([False, False, False, True]),
)
#: A chunk that somebody made.
HANDMADE = st.builds(
    AIMessageChunk,
    TEXTS
    | st.just([{"type": "text", "text": "a"}, {"type": "image", "url": "u"}, {"type": "text", "text": "b"}])
    | st.just(["c", {"type": "reasoning", "reasoning": "d"}]),
    tool_call_chunks=st.lists(
        st.fixed_dictionaries(
            {"args": ARGS},
            optional={"index": st.integers(0, 1), "id": st.sampled_from("xy"), "name": st.just("f")},
        ),
        max_size=2,
    ),
    usage_metadata=st.none() | USAGES.map(Usage.metadata),
    id=st.none() | st.sampled_from(["id1", "id2"]),
    name=st.none() | st.just("bot"),
    additional_kwargs=st.none() | st.just({"k": 1}),
    response_metadata=st.none() | st.just({"a": 7, "logprobs": {"content": [{"token": "h"}]}}),
)
CHUNKS = st.one_of(PIECES, PIECES, PIECES, HANDMADE)

__all__ = ["CHUNKS", "EVENTS", "HANDMADE", "OTHER_RUN", "PIECES", "RUN"]
