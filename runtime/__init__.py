"""Every chat model behind one interface, as an async-first stream of typed events.

Begin with :func:`init_chat_model`; messages are in :mod:`tidewire.messages`, errors in :mod:`tidewire.errors`, events
in :mod:`tidewire.events`.
"""

from __future__ import annotations

from tidewire.chat_models import (
    ChatAnthropic,
    ChatModel,
    ChatOpenAI,
    init_chat_model,
)
from tidewire.config import (
    RunnableConfig,
)
from tidewire.events.bus import (
    StopRun,
    subscribe,
)
from tidewire.events.errors import (
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    AuthenticationError,
    ConfigurationError,
    RateLimitError,
    StreamInterruptedError,
    TidewireError,
)
from tidewire.events.taps import (
    open_tap,
)
from tidewire.lifetime import aclose
from tidewire.policy import (
    RetryPolicy,
    Timeout,
)
from tidewire.runs import OpenRun, open_run

__all__ = [
    "APIConnectionError",
    "APIStatusError",
    "APITimeoutError",
    "AuthenticationError",
    "ChatAnthropic",
    "ChatModel",
    "ChatOpenAI",
    "ConfigurationError",
    "OpenRun",
    "RateLimitError",
    "RetryPolicy",
    "RunnableConfig",
    "StopRun",
    "StreamInterruptedError",
    "TidewireError",
    "Timeout",
    "aclose",
    "init_chat_model",
    "open_run",
    "open_tap",
    "subscribe",
]
