"""What is said: content blocks and messages, events and their grammar, errors, the bus and its subscribers."""

from __future__ import annotations

from tidewire.events.bus import (
    Bus,
    StopRun,
    Subscriber,
    Subscription,
    current_bus,
)
from tidewire.events.callbacks import (
    subscribe,
)
from tidewire.events.fold import (
    Fold,
)
from tidewire.events.taps import (
    Policy,
    Tap,
    open_tap,
)
from tidewire.events.types import (
    CONTENT,
    Block,
    Cost,
    Custom,
    DecodedEvent,
    End,
    Event,
    Fallback,
    Finish,
    FinishReason,
    Gap,
    Meta,
    Outcome,
    Piece,
    Reasoning,
    Retry,
    Run,
    RunKind,
    Start,
    Token,
    ToolCallDelta,
    Usage,
    UsageSource,
    Wait,
    WarningEvent,
)

__all__ = [
    "CONTENT",
    "Block",
    "Bus",
    "Cost",
    "Custom",
    "DecodedEvent",
    "End",
    "Event",
    "Fallback",
    "Finish",
    "FinishReason",
    "Fold",
    "Gap",
    "Meta",
    "Outcome",
    "Piece",
    "Policy",
    "Reasoning",
    "Retry",
    "Run",
    "RunKind",
    "Start",
    "StopRun",
    "Subscriber",
    "Subscription",
    "Tap",
    "Token",
    "ToolCallDelta",
    "Usage",
    "UsageSource",
    "Wait",
    "WarningEvent",
    "current_bus",
    "open_tap",
    "subscribe",
]
