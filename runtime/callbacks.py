"""Callback handlers, as users import them."""

from __future__ import annotations

from tidewire.events.callbacks import (
    AsyncCallbackHandler,
    BaseCallbackHandler,
    Callback,
    Callbacks,
    Generation,
    LLMResult,
    RunLeft,
)

__all__ = [
    "AsyncCallbackHandler",
    "BaseCallbackHandler",
    "Callback",
    "Callbacks",
    "Generation",
    "LLMResult",
    "RunLeft",
]
