"""Google: the Gemini API, generateContent and streamGenerateContent, v1beta.

Documentation: "Generating content", "Thinking", "Thought signatures", "Function calling", "Code execution", "Grounding
with Google Search", "Tokens", "Error codes" on ai.google.dev; the types of Google's Python client (google-genai). Read
2026-11-25.

    google_genai_request        what a call is in JSON: parameters, tools, the form of the answer
    google_genai_conversation   … and its messages
    google_genai_chunk          what is read of a reply
    google_genai_reply          what comes back, streamed or plain
    google_genai_answer         … as events
    google_genai_args           … the arguments of a call that come value by value
    google_genai_citations      … and the sources
    google_genai_parts          the parts that only Google has, both ways
    google_genai_errors         what it refuses, and why
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from tidewire.adapters.addresses import path_segments
from tidewire.adapters.google_genai_errors import refused, request_id
from tidewire.adapters.google_genai_reply import PlainReply, StreamedReply
from tidewire.adapters.google_genai_request import PARAMETERS, Flavour, body_of
from tidewire.adapters.secrets import Secret
from tidewire.adapters.spec import Adapter, Decoder, HttpRequest, ModelRequest
from tidewire.events.blocks import JSONObject
from tidewire.events.errors import TidewireError

#: A base URL that ends with a version keeps it.
_HAS_VERSION = re.compile(r"/v\d+(alpha|beta)?\d*$")

#: Keywords under which the field knows the key of this provider.
_KEY_NAMES = ("google_api_key", "gemini_api_key")


class GoogleCodec:
    """The wire format ``google.generate_content``.

    Args:
        flavour: How an API differs in what it is sent.
    """

    name = "google.generate_content"
    parameters = PARAMETERS
    #: The version that has all features.
    version = "v1beta"

    def __init__(self, flavour: Flavour | None = None) -> None:
        self._flavour = flavour or Flavour()

    def encode(self, request: ModelRequest) -> HttpRequest:
        """The request, without credentials.

        Raises:
            ConfigurationError: The format cannot spell something in it; it is named.
        """
        base = request.base_url if _HAS_VERSION.search(request.base_url) else f"{request.base_url}/{self.version}"
        body, warnings = body_of(request, self._flavour, files_url=f"{base}/files")
        headers: dict[str, str | Secret] = {
            "accept": "text/event-stream" if request.stream else "application/json",
            "content-type": "application/json",
        }
        method = "streamGenerateContent?alt=sse" if request.stream else "generateContent"
        return HttpRequest("POST", f"{base}/{self.path(request.model)}:{method}", headers, body, warnings)

    def path(self, model: str) -> str:
        """Where a model is: ``models/…`` unless its name says otherwise."""
        return path_segments(model if "/" in model else f"models/{model}")

    def decoder(self, *, streamed: bool) -> Decoder:
        """A decoder for one reply."""
        return StreamedReply() if streamed else PlainReply()

    def error(self, status: int, headers: Mapping[str, str], body: bytes) -> TidewireError:
        """The error that a refused request stands for."""
        return refused(status, headers, body)

    def request_id(self, headers: Mapping[str, str]) -> str | None:
        """The id of the request, where the reply's headers give one."""
        return request_id(headers)


def _configure(given: JSONObject) -> tuple[Adapter, JSONObject]:
    return ADAPTER, with_usual_key(given)


def with_usual_key(given: JSONObject) -> JSONObject:
    """The keywords, with the key under its usual name."""
    for name in _KEY_NAMES:
        if name in given:
            given = {**given, "api_key": given[name]}
            del given[name]
    return given


ADAPTER = Adapter(
    provider="google_genai",
    codec=GoogleCodec(),
    base_url="https://generativelanguage.googleapis.com",
    base_url_env=("GOOGLE_GEMINI_BASE_URL",),
    key_env=("GOOGLE_API_KEY", "GEMINI_API_KEY"),
    key_header="x-goog-api-key",
    key_prefix="",
    class_name="ChatGoogleGenerativeAI",
    configure=_configure,
)

__all__ = ["ADAPTER", "GoogleCodec", "with_usual_key"]
