"""The same replies in the formats of Anthropic, of OpenAI's Responses API and of Gemini.

Sources: "Streaming messages" on platform.claude.com, "Streaming responses" in OpenAI's API reference, and
"GenerateContentResponse" on ai.google.dev, read 2026-11-25. What each event holds beside its text is what real ones do.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

_ITEM = "msg_68e0d1f2a3b4819d8b1c2d3e4f5a6b7c"
_SENT = 12


def anthropic_events(words: Sequence[str]) -> list[bytes]:
    """Events of the Messages API: start, one for each token, the end with usage."""
    usage: dict[str, Any] = {"input_tokens": _SENT, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0}
    message: dict[str, Any] = {
        "id": "msg_01XFDUDYJgAACzvnptvVoYEL",
        "type": "message",
        "role": "assistant",
        "model": "claude-haiku-4-5-20251001",
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {**usage, "output_tokens": 1, "service_tier": "standard"},
    }
    stopped: dict[str, Any] = {"stop_reason": "end_turn", "stop_sequence": None}
    return [
        _named("message_start", message=message),
        _named("content_block_start", index=0, content_block={"type": "text", "text": ""}),
        *(_named("content_block_delta", index=0, delta={"type": "text_delta", "text": word}) for word in words),
        _named("content_block_stop", index=0),
        _named("message_delta", delta=stopped, usage={**usage, "output_tokens": len(words)}),
        _named("message_stop"),
    ]


def responses_events(words: Sequence[str]) -> list[bytes]:
    """Events of the Responses API, numbered and padded."""
    text = "".join(words)
    part: dict[str, Any] = {"type": "output_text", "annotations": [], "logprobs": [], "text": ""}
    item: dict[str, Any] = {"id": _ITEM, "type": "message", "role": "assistant"}
    whole_item = {**item, "status": "completed", "content": [{**part, "text": text}]}
    begun: dict[str, Any] = {
        "id": "resp_68e0d1f1c2d88190a1b2c3d4e5f60718",
        "object": "response",
        "created_at": 1764072000,
        "status": "in_progress",
        "error": None,
        "model": "gpt-5-nano-2025-08-07",
        "output": [],
        "usage": None,
    }
    usage: dict[str, Any] = {
        "input_tokens": _SENT,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": len(words),
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": _SENT + len(words),
    }
    place: dict[str, Any] = {"item_id": _ITEM, "output_index": 0, "content_index": 0}
    told: list[tuple[str, dict[str, Any]]] = [
        ("response.created", {"response": begun}),
        ("response.in_progress", {"response": begun}),
        ("response.output_item.added", {"output_index": 0, "item": {**item, "status": "in_progress", "content": []}}),
        ("response.content_part.added", {**place, "part": part}),
        *(
            ("response.output_text.delta", {**place, "delta": word, "logprobs": [], "obfuscation": "kT3vQ0"})
            for word in words
        ),
        ("response.output_text.done", {**place, "text": text, "logprobs": []}),
        ("response.content_part.done", {**place, "part": {**part, "text": text}}),
        ("response.output_item.done", {"output_index": 0, "item": whole_item}),
        ("response.completed", {"response": {**begun, "status": "completed", "output": [whole_item], "usage": usage}}),
    ]
    return [_named(kind, sequence_number=number, **fields) for number, (kind, fields) in enumerate(told)]


def gemini_events(words: Sequence[str]) -> list[bytes]:
    """Chunks of ``streamGenerateContent``, each with the usage so far; their lines end with CR LF."""
    return [_gemini_chunk(word, number, number == len(words)) for number, word in enumerate(words, 1)]


def _gemini_chunk(word: str, number: int, is_last: bool) -> bytes:
    candidate: dict[str, Any] = {"content": {"parts": [{"text": word}], "role": "model"}, "index": 0}
    if is_last:
        candidate["finishReason"] = "STOP"
    usage: dict[str, Any] = {
        "promptTokenCount": _SENT,
        "candidatesTokenCount": number,
        "totalTokenCount": _SENT + number,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": _SENT}],
    }
    chunk: dict[str, Any] = {
        "candidates": [candidate],
        "usageMetadata": usage,
        "modelVersion": "gemini-2.5-flash",
        "responseId": "s8hFaY2oHqWxvdIPvJ2Z8AQ",
    }
    return b"data: " + _json(chunk) + b"\r\n\r\n"


def _named(kind: str, **fields: Any) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (kind.encode(), _json({"type": kind, **fields}))


def _json(value: dict[str, Any]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


__all__ = ["anthropic_events", "gemini_events", "responses_events"]
