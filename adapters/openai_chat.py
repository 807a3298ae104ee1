"""OpenAI: the Chat Completions API, v1, and those who speak its format.

Documentation: "Create chat completion", "The chat completion object", "The chat completion chunk object", "Error codes"
and "Rate limits" on platform.openai.com; the types of OpenAI's Python client 3.57. Read 2026-11-25.

    openai_chat_request        what a call is in JSON: parameters, tools, the form of the answer
    openai_chat_conversation   … and its messages
    openai_chat_dialect        … and how hosts differ in what they are sent
    openai_chat_chunk          what is read of a reply
    openai_chat_reply          what comes back, streamed or plain, as events
    openai_chat_parts          … calls, usage, and what comes in pieces or by the side
    openai_chat_errors         what is refused, and why
"""

from __future__ import annotations

from collections.abc import Mapping

from tidewire.adapters.openai_chat_dialect import PARAMETERS, Dialect
from tidewire.adapters.openai_chat_errors import refused, request_id
from tidewire.adapters.openai_chat_reply import PlainReply, StreamedReply
from tidewire.adapters.openai_chat_request import body_of
from tidewire.adapters.spec import Decoder, HttpRequest, ModelRequest
from tidewire.events.errors import TidewireError


class OpenAIChatCodec:
    """The wire format ``openai.chat``.

    Args:
        dialect: How a host differs from OpenAI in what it is sent. What is read of replies is the same for all hosts.
    """

    name = "openai.chat"

    def __init__(self, dialect: Dialect | None = None) -> None:
        #: How the host differs.
        self.dialect = dialect or Dialect()

    @property
    def parameters(self) -> frozenset[str]:
        """The parameters that ``encode`` can spell."""
        return frozenset(self.dialect.parameters)

    def encode(self, request: ModelRequest) -> HttpRequest:
        """The request, without credentials.

        Raises:
            ConfigurationError: The format cannot spell something in it; it is named.
        """
        body, warnings = body_of(request, self.dialect)
        return HttpRequest(
            method="POST",
            url=f"{request.base_url}{self.dialect.path}",
            headers={
                "accept": "text/event-stream" if request.stream else "application/json",
                "content-type": "application/json",
            },
            body=body,
            warnings=warnings,
        )

    def decoder(self, *, streamed: bool) -> Decoder:
        """A decoder for one reply."""
        return StreamedReply() if streamed else PlainReply()

    def error(self, status: int, headers: Mapping[str, str], body: bytes) -> TidewireError:
        """The error that a refused request stands for."""
        return refused(status, headers, body)

    def request_id(self, headers: Mapping[str, str]) -> str | None:
        """The provider's id of the request."""
        return request_id(headers)


__all__ = ["PARAMETERS", "Dialect", "OpenAIChatCodec"]
