"""Ollama: its own chat API, ``/api/chat``.

Documentation: "Generate a chat message", "Streaming", "Thinking", "Structured outputs", "Tool calling", "Vision",
"Errors" and the OpenAPI description on docs.ollama.com; the types of Ollama's Python client 0.6. Read 2026-11-25.

    ollama_request    what a call is in JSON: messages, options, tools, the form of the answer
    ollama_reply      what comes back, streamed or plain, as events
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from tidewire.adapters.ollama_reply import PlainReply, StreamedReply
from tidewire.adapters.ollama_request import PARAMETERS, THINKING, body_of
from tidewire.adapters.reasoning import effort_words
from tidewire.adapters.spec import Adapter, Decoder, HttpRequest, ModelRequest
from tidewire.adapters.status_errors import status_error
from tidewire.events.errors import TidewireError

#: The port of a server whose address names none.
PORT = 11434

_ADDRESS = re.compile(r"(?:(https?)://)?(\[[^\]]*\]|[^:/]*)(:\d+)?(/.*)?")


class OllamaCodec:
    """The wire format ``ollama.chat``."""

    name = "ollama.chat"
    parameters = PARAMETERS

    def encode(self, request: ModelRequest) -> HttpRequest:
        """The request, without credentials.

        Raises:
            ConfigurationError: The format cannot spell something in it; it is named.
        """
        body, warnings = body_of(request)
        return HttpRequest(
            method="POST",
            url=f"{address_of(request.base_url)}/api/chat",
            headers={
                "accept": "application/x-ndjson" if request.stream else "application/json",
                "content-type": "application/json",
            },
            body=body,
            warnings=warnings,
        )

    def decoder(self, *, streamed: bool) -> Decoder:
        """A decoder for one reply."""
        return StreamedReply() if streamed else PlainReply()

    def error(self, status: int, headers: Mapping[str, str], body: bytes) -> TidewireError:
        """The error that a refused request stands for: Ollama has no words for errors besides the status."""
        return status_error(status, headers, body, by_code={}, request_id=self.request_id(headers))

    def request_id(self, headers: Mapping[str, str]) -> str | None:
        """The id that ollama.com gives a request; a server of one's own gives none."""
        return headers.get("x-request-id")


def address_of(host: str) -> str:
    """The address of a server, from what stands in ``OLLAMA_HOST``: a URL, or a host or a port alone.

    The variable also tells the server where to listen: on ``0.0.0.0`` it is reached at ``127.0.0.1``.
    """
    found = _ADDRESS.fullmatch(host)
    if found is None:
        return host
    scheme, name, port, path = found.groups()
    if name in ("", "0.0.0.0", "[::]"):
        name = "127.0.0.1"
    if port is None and scheme is None:
        port = f":{PORT}"
    return f"{scheme or 'http'}://{name}{port or ''}{path or ''}"


ADAPTER = Adapter(
    provider="ollama",
    codec=OllamaCodec(),
    base_url=f"http://localhost:{PORT}",
    base_url_env=("OLLAMA_HOST",),
    key_env=("OLLAMA_API_KEY",),
    key_required=False,
    bare_hosts=True,
    class_name="ChatOllama",
    effort_words=effort_words(THINKING),
)

__all__ = ["ADAPTER", "PORT", "OllamaCodec", "address_of"]
