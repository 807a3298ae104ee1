"""Every chat model behind one interface, as an async-first stream of typed events.

Begin with :func:`init_chat_model`; messages are in :mod:`tidewire.messages`, errors in :mod:`tidewire.errors`, events
in :mod:`tidewire.events`. Each name is loaded when it is first asked for, so that importing one module of the package
does not load the others.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tidewire.chains import Chain, chain
    from tidewire.chat_models import (
        ChatModel,
        init_chat_model,
    )
    from tidewire.config import (
        RunnableConfig,
    )
    from tidewire.custom_events import adispatch_custom_event, copy_context, dispatch_custom_event
    from tidewire.events.bus import (
        StopRun,
    )
    from tidewire.events.callbacks import (
        subscribe,
    )
    from tidewire.events.errors import (
        APIConnectionError,
        APIStatusError,
        APITimeoutError,
        AuthenticationError,
        ConfigurationError,
        OutputParsingError,
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
    from tidewire.provider_classes import (
        AzureChatOpenAI,
        ChatAlibaba,
        ChatAnthropic,
        ChatBedrock,
        ChatBedrockConverse,
        ChatCerebras,
        ChatCohere,
        ChatDeepSeek,
        ChatFireworks,
        ChatGoogleGenerativeAI,
        ChatGroq,
        ChatHuggingFace,
        ChatLiteLLM,
        ChatLlamaCpp,
        ChatLMStudio,
        ChatMistralAI,
        ChatMoonshot,
        ChatNVIDIA,
        ChatOllama,
        ChatOpenAI,
        ChatOpenRouter,
        ChatPerplexity,
        ChatSGLang,
        ChatSnowflake,
        ChatTogether,
        ChatVertexAI,
        ChatVLLM,
        ChatXAI,
        ChatZAI,
        HuggingFaceEndpoint,
    )
    from tidewire.runs import OpenRun, open_run
    from tidewire.structured_model import RawOutput, StructuredModel
    from tidewire.version import __version__

__all__ = [
    "APIConnectionError",
    "APIStatusError",
    "APITimeoutError",
    "AuthenticationError",
    "AzureChatOpenAI",
    "Chain",
    "ChatAlibaba",
    "ChatAnthropic",
    "ChatBedrock",
    "ChatBedrockConverse",
    "ChatCerebras",
    "ChatCohere",
    "ChatDeepSeek",
    "ChatFireworks",
    "ChatGoogleGenerativeAI",
    "ChatGroq",
    "ChatHuggingFace",
    "ChatLMStudio",
    "ChatLiteLLM",
    "ChatLlamaCpp",
    "ChatMistralAI",
    "ChatModel",
    "ChatMoonshot",
    "ChatNVIDIA",
    "ChatOllama",
    "ChatOpenAI",
    "ChatOpenRouter",
    "ChatPerplexity",
    "ChatSGLang",
    "ChatSnowflake",
    "ChatTogether",
    "ChatVLLM",
    "ChatVertexAI",
    "ChatXAI",
    "ChatZAI",
    "ConfigurationError",
    "HuggingFaceEndpoint",
    "OpenRun",
    "OutputParsingError",
    "RateLimitError",
    "RawOutput",
    "RetryPolicy",
    "RunnableConfig",
    "StopRun",
    "StreamInterruptedError",
    "StructuredModel",
    "TidewireError",
    "Timeout",
    "__version__",
    "aclose",
    "adispatch_custom_event",
    "chain",
    "copy_context",
    "dispatch_custom_event",
    "init_chat_model",
    "open_run",
    "open_tap",
    "subscribe",
]

# Where the names are, as the imports above say too; the classes of providers are in a file of their own.
_PLACES = {
    "tidewire.chains": ("Chain", "chain"),
    "tidewire.chat_models": ("ChatModel", "init_chat_model"),
    "tidewire.config": ("RunnableConfig",),
    "tidewire.custom_events": ("adispatch_custom_event", "copy_context", "dispatch_custom_event"),
    "tidewire.events.bus": ("StopRun",),
    "tidewire.events.callbacks": ("subscribe",),
    "tidewire.events.errors": (
        "APIConnectionError",
        "APIStatusError",
        "APITimeoutError",
        "AuthenticationError",
        "ConfigurationError",
        "OutputParsingError",
        "RateLimitError",
        "StreamInterruptedError",
        "TidewireError",
    ),
    "tidewire.events.taps": ("open_tap",),
    "tidewire.lifetime": ("aclose",),
    "tidewire.policy": ("RetryPolicy", "Timeout"),
    "tidewire.runs": ("OpenRun", "open_run"),
    "tidewire.structured_model": ("RawOutput", "StructuredModel"),
    "tidewire.version": ("__version__",),
}
_PLACE_OF = dict.fromkeys(__all__, "tidewire.provider_classes")
_PLACE_OF.update((name, module) for module, names in _PLACES.items() for name in names)


def __getattr__(name: str) -> object:
    if name not in _PLACE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = globals()[name] = getattr(import_module(_PLACE_OF[name]), name)
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
