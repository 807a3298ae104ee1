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
from tidewire.events.types import Cost
from tidewire.events.usage import UsageMetadataCallbackHandler, get_usage_metadata_callback

__all__ = [
    "AsyncCallbackHandler",
    "BaseCallbackHandler",
    "Callback",
    "Callbacks",
    "Cost",
    "Generation",
    "LLMResult",
    "RunLeft",
    "UsageMetadataCallbackHandler",
    "get_usage_metadata_callback",
]
