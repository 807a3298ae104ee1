"""Every chat model behind one interface, as an async-first stream of typed events.

Begin with :func:`init_chat_model`; messages are in :mod:`tidewire.messages`, errors in :mod:`tidewire.errors`, events
in :mod:`tidewire.events`.
"""

from __future__ import annotations

from tidewire.chat_models import (
    ChatModel,
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

__all__ = [
    "APIConnectionError",
    "APIStatusError",
    "APITimeoutError",
    "AuthenticationError",
    "AzureChatOpenAI",
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
    "aclose",
    "init_chat_model",
    "open_run",
    "open_tap",
    "subscribe",
]
