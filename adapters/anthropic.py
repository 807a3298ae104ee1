"""Anthropic: the Messages API, version 2023-06-01.

Documentation: "Create a Message", "Streaming Messages", "Errors", "Thinking", "Citations", "Mid-conversation system
messages" and the pages of the server tools on platform.claude.com; the types of Anthropic's Python client 2.14. Read
2026-11-25.

    anthropic_request        what a call is in JSON: parameters, tools, the form of the answer
    anthropic_conversation   … and its messages
    anthropic_reply          what comes back, streamed or plain, as events
    anthropic_blocks         the blocks that only Anthropic has, both ways
    anthropic_errors         what it refuses, and why
"""

from __future__ import annotations

from collections.abc import Mapping

from tidewire.adapters.anthropic_errors import refused, request_id
from tidewire.adapters.anthropic_reply import PlainMessage, StreamedMessage
from tidewire.adapters.anthropic_request import PARAMETERS, body_of
from tidewire.adapters.parameters import texts_given
from tidewire.adapters.secrets import Secret
from tidewire.adapters.spec import Adapter, Decoder, HttpRequest, ModelRequest
from tidewire.events.errors import TidewireError

VERSION = "2023-06-01"


class AnthropicCodec:
    """The wire format ``anthropic.messages``.

    Args:
        provider: The provider that speaks it, as ``response_metadata["model_provider"]`` names it: its reasoning and
            server tools are sent back in later turns, others' are left out.
    """

    name = "anthropic.messages"
    parameters = PARAMETERS

    def __init__(self, provider: str = "anthropic") -> None:
        self._provider = provider

    def encode(self, request: ModelRequest) -> HttpRequest:
        """The request, without credentials.

        Raises:
            ConfigurationError: The format cannot spell something in it; it is named.
        """
        body, warnings = body_of(request, self._provider)
        headers: dict[str, str | Secret] = {
            "accept": "text/event-stream" if request.stream else "application/json",
            "anthropic-version": VERSION,
            "content-type": "application/json",
        }
        betas = texts_given(self._provider, "betas", request.parameters.get("betas"))
        if betas:
            headers["anthropic-beta"] = ",".join(betas)
        return HttpRequest("POST", f"{request.base_url}/v1/messages", headers, body, warnings)

    def decoder(self, *, streamed: bool) -> Decoder:
        """A decoder for one reply."""
        return StreamedMessage() if streamed else PlainMessage()

    def error(self, status: int, headers: Mapping[str, str], body: bytes) -> TidewireError:
        """The error that a refused request stands for."""
        return refused(status, headers, body)

    def request_id(self, headers: Mapping[str, str]) -> str | None:
        """Anthropic's id of the request."""
        return request_id(headers)


ADAPTER = Adapter(
    provider="anthropic",
    codec=AnthropicCodec(),
    base_url="https://api.anthropic.com",
    base_url_env=("ANTHROPIC_BASE_URL",),
    key_env=("ANTHROPIC_API_KEY",),
    key_header="x-api-key",
    key_prefix="",
    class_name="ChatAnthropic",
    effort_words={"minimal": "low"},
)

__all__ = ["ADAPTER", "VERSION", "AnthropicCodec"]
