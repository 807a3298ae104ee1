"""What a provider sends: replies of any length in its wire format, with the fields that real ones have.

Source: OpenAI API reference, "Chat completions" and its streaming events, read 2026-11-25.
"""

from __future__ import annotations

import json
from typing import Any

_WORDS = (" the", " tide", " comes", " in", " twice", " a", " day", ",", " and", " so", " it", " goes", " out", ".")
_TOKENS_SENT = 12


def openai_chat_events(tokens: int) -> list[bytes]:
    """The server-sent events of a reply: the role, one event for each token, the finish reason, usage, ``[DONE]``."""
    events = [_chat_event({"role": "assistant", "content": "", "refusal": None}, None)]
    events += [openai_chat_token(word) for word in words(tokens)]
    events.append(_chat_event({}, "stop"))
    events.append(_sse({**_chat_head("chat.completion.chunk"), "choices": [], "usage": _chat_usage(tokens)}))
    events.append(b"data: [DONE]\n\n")
    return events


def openai_chat_token(text: str) -> bytes:
    """The event of one token."""
    return _chat_event({"content": text}, None)


def openai_chat_reply(tokens: int) -> bytes:
    """The body of a reply that is not streamed."""
    message = {"role": "assistant", "content": "".join(words(tokens)), "refusal": None}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
    return _json({**_chat_head("chat.completion"), "choices": [choice], "usage": _chat_usage(tokens)})


def words(tokens: int) -> list[str]:
    """The texts of so many tokens."""
    return [_WORDS[index % len(_WORDS)] for index in range(tokens)]


def _chat_event(delta: dict[str, Any], finish_reason: str | None) -> bytes:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
    return _sse({**_chat_head("chat.completion.chunk"), "choices": [choice], "usage": None, "obfuscation": "kT3vQ0"})


def _chat_head(kind: str) -> dict[str, Any]:
    return {
        "id": "chatcmpl-CgT5rYmNq0bWv3uXo7eLz1aKd9sJh",
        "object": kind,
        "created": 1764072000,
        "model": "gpt-5-nano-2025-08-07",
        "service_tier": "default",
        "system_fingerprint": "fp_8a4c1d7e2b",
    }


def _chat_usage(tokens: int) -> dict[str, Any]:
    return {
        "prompt_tokens": _TOKENS_SENT,
        "completion_tokens": tokens,
        "total_tokens": _TOKENS_SENT + tokens,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
    }


def _sse(data: dict[str, Any]) -> bytes:
    return b"data: " + _json(data) + b"\n\n"


def _json(value: dict[str, Any]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


__all__ = ["openai_chat_events", "openai_chat_reply", "openai_chat_token", "words"]
