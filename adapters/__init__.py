"""How providers are spelled and reached: the contracts of codecs and transports, and the registry of providers."""

from __future__ import annotations

from tidewire.adapters.registry import (
    ENTRY_POINTS,
    find_adapter,
    infer_provider,
    provider_names,
    split_model,
)
from tidewire.adapters.secrets import (
    Secret,
)
from tidewire.adapters.spec import (
    Adapter,
    Codec,
    Credentials,
    Decoder,
    HttpRequest,
    KeySource,
    ModelRequest,
    NativeTool,
    OutputSchema,
    Response,
    ToolChoice,
    ToolSpec,
    Transport,
    is_streamed,
)

__all__ = [
    "ENTRY_POINTS",
    "Adapter",
    "Codec",
    "Credentials",
    "Decoder",
    "HttpRequest",
    "KeySource",
    "ModelRequest",
    "NativeTool",
    "OutputSchema",
    "Response",
    "Secret",
    "ToolChoice",
    "ToolSpec",
    "Transport",
    "find_adapter",
    "infer_provider",
    "is_streamed",
    "provider_names",
    "split_model",
]
