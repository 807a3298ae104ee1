"""OpenAI: the Responses API, v1, and those who speak its format: Azure, xAI, OpenRouter, DeepSeek, LM Studio, Bedrock.

Documentation: "Create a model response", "The response object", "Streaming events", "Conversation state" and the pages
of the built-in tools on developers.openai.com; the types of OpenAI's Python client 3.57. Read 2026-11-25.

    openai_responses_request        what a call is in JSON: parameters, tools, the form of the answer
    openai_responses_conversation   … and its messages
    openai_responses_history        … of which an assistant's go back item by item
    openai_responses_dialect        … and how hosts differ in what they are sent
    openai_responses_frame          what is read of a reply
    openai_responses_reply          what comes back, streamed or plain
    openai_responses_answer         … as events
    openai_responses_items          the items that only the provider knows, both ways
    openai_chat_errors              what is refused, and why
"""

from __future__ import annotations

from collections.abc import Mapping

from tidewire.adapters.openai_chat_errors import refused, request_id
from tidewire.adapters.openai_responses_dialect import PARAMETERS, Dialect
from tidewire.adapters.openai_responses_reply import PlainResponse, StreamedResponse
from tidewire.adapters.openai_responses_request import body_of
from tidewire.adapters.spec import Decoder, HttpRequest, ModelRequest
from tidewire.events.errors import TidewireError


class OpenAIResponsesCodec:
    """The wire format ``openai.responses``.

    Args:
        dialect: How a host differs from OpenAI in what it is sent. What is read of replies is the same for all hosts.
    """

    name = "openai.responses"

    def __init__(self, dialect: Dialect | None = None) -> None:
        self._dialect = dialect or Dialect()

    @property
    def parameters(self) -> frozenset[str]:
        """The parameters that ``encode`` can spell."""
        return frozenset(self._dialect.parameters)

    def encode(self, request: ModelRequest) -> HttpRequest:
        """The request, without credentials.

        Raises:
            ConfigurationError: The format cannot spell something in it; it is named.
        """
        body, warnings = body_of(request, self._dialect)
        return HttpRequest(
            method="POST",
            url=f"{request.base_url}{self._dialect.path}",
            headers={
                "accept": "text/event-stream" if request.stream else "application/json",
                "content-type": "application/json",
            },
            body=body,
            warnings=warnings,
        )

    def decoder(self, *, streamed: bool) -> Decoder:
        """A decoder for one reply."""
        return StreamedResponse() if streamed else PlainResponse()

    def error(self, status: int, headers: Mapping[str, str], body: bytes) -> TidewireError:
        """The error that a refused request stands for."""
        return refused(status, headers, body)

    def request_id(self, headers: Mapping[str, str]) -> str | None:
        """The provider's id of the request."""
        return request_id(headers)


__all__ = ["PARAMETERS", "Dialect", "OpenAIResponsesCodec"]
