"""The endpoints at which providers count the tokens of a request without answering it, as codecs.

The request is the one that would be sent, at another path and without what only concerns the answer. What comes back
is one number, which the decoder gives as ``usage``.

Documentation: "Count tokens in a Message" (Anthropic), "Get input token counts" (OpenAI), "Counting tokens" (Gemini
API, Vertex AI), "CountTokens" (Amazon Bedrock Runtime). Read 2026-11-25.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

import msgspec

from tidewire.adapters.json_text import object_of, to_json
from tidewire.adapters.spec import Adapter, Codec, Decoder, HttpRequest, ModelRequest
from tidewire.adapters.status_errors import decode_excerpt
from tidewire.events.blocks import JSONObject
from tidewire.events.errors import ConfigurationError, ResponseDecodeError, TidewireError
from tidewire.events.types import DecodedEvent, Usage


class _Endpoint(msgspec.Struct, frozen=True):
    """How a wire format's requests are counted.

    Attributes:
        url: The address, from that of the request.
        body: The body, from that of the request.
        field: The field of the answer that holds the number.
    """

    url: Callable[[str], str]
    body: Callable[[JSONObject, str], JSONObject]
    field: str


def _only(*fields: str) -> Callable[[JSONObject, str], JSONObject]:
    return lambda body, _: {name: body[name] for name in fields if name in body}


def _gemini(body: JSONObject, model: str) -> JSONObject:
    return {"generateContentRequest": {"model": model if "/" in model else f"models/{model}", **body}}


def _converse(body: JSONObject, _: str) -> JSONObject:
    return {"input": {"converse": {name: body[name] for name in ("messages", "system", "toolConfig") if name in body}}}


def _instead(*methods: str, of: str) -> Callable[[str], str]:
    """The address with another last word in place of one of these."""

    def replaced(url: str) -> str:
        path = url.partition("?")[0]
        for method in methods:
            path = path.removesuffix(method)
        return path + of

    return replaced


def _below(word: str) -> Callable[[str], str]:
    """The address with a word more in its path."""

    def lengthened(url: str) -> str:
        path, mark, query = url.partition("?")
        return f"{path}/{word}{mark}{query}"

    return lengthened


_GOOGLE_URL = _instead(":generateContent", ":streamGenerateContent", of=":countTokens")
_ENDPOINTS: Mapping[str, _Endpoint] = {
    "anthropic.messages": _Endpoint(
        _below("count_tokens"),
        _only("messages", "model", "system", "tools", "tool_choice", "thinking", "output_config", "mcp_servers"),
        "input_tokens",
    ),
    "openai.responses": _Endpoint(
        _below("input_tokens"),
        _only(
            "conversation", "input", "instructions", "model", "parallel_tool_calls", "previous_response_id",
            "reasoning", "text", "tool_choice", "tools", "truncation",
        ),
        "input_tokens",
    ),
    "google.generate_content": _Endpoint(_GOOGLE_URL, _gemini, "totalTokens"),
    "google_vertex.generate_content": _Endpoint(
        _GOOGLE_URL, _only("contents", "systemInstruction", "tools", "generationConfig"), "totalTokens"
    ),
    "bedrock.converse": _Endpoint(
        _instead("/converse", "/converse-stream", of="/count-tokens"), _converse, "inputTokens"
    ),
}  # fmt: skip


class CountCodec:
    """The wire format of a provider's count, made from that of its calls.

    Args:
        codec: The wire format of the calls; one that is in :data:`COUNTED`.
    """

    def __init__(self, codec: Codec) -> None:
        self._codec = codec
        self._endpoint = _ENDPOINTS[codec.name]
        self.name = f"{codec.name}.count"
        self.parameters = codec.parameters

    def encode(self, request: ModelRequest) -> HttpRequest:
        """The request for the number, without credentials.

        Raises:
            ConfigurationError: The format cannot spell something in it; it is named.
        """
        known = {name: value for name, value in request.parameters.items() if name in self.parameters}
        spelled = self._codec.encode(msgspec.structs.replace(request, stream=False, parameters=known))
        body = self._endpoint.body(msgspec.json.decode(spelled.body), request.model)
        spelled.url = self._endpoint.url(spelled.url)
        spelled.body = to_json(body)
        return spelled

    def decoder(self, *, streamed: bool) -> Decoder:
        """A decoder for the number."""
        return _CountDecoder(self._endpoint.field)

    def error(self, status: int, headers: Mapping[str, str], body: bytes) -> TidewireError:
        """The error that a refused request stands for."""
        return self._codec.error(status, headers, body)

    def request_id(self, headers: Mapping[str, str]) -> str | None:
        """The provider's id of the request."""
        return self._codec.request_id(headers)


class _CountDecoder:
    def __init__(self, field: str) -> None:
        self._field = field
        self._pieces: list[bytes] = []
        self.done = False

    def feed(self, data: bytes) -> Iterable[DecodedEvent]:
        self._pieces.append(data)
        return ()

    def close(self) -> Iterator[DecodedEvent]:
        body = b"".join(self._pieces)
        try:
            count = object_of(msgspec.json.decode(body)).get(self._field)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise ResponseDecodeError(f"the count cannot be read: {error}", excerpt=decode_excerpt(body)) from error
        if not isinstance(count, int):
            raise ResponseDecodeError(f"the count has no {self._field!r}", excerpt=decode_excerpt(body))
        yield Usage(input_tokens=count, total_tokens=count)


def counting_adapter(adapter: Adapter, request: ModelRequest) -> Adapter:
    """The provider, asked to count instead of to answer.

    Raises:
        ConfigurationError: It does not count.
    """
    chosen, _ = adapter.choose(request)
    for codec in (chosen, *adapter.codecs):
        if codec.name in _ENDPOINTS:
            return msgspec.structs.replace(adapter, codec=CountCodec(codec), choose_codec=None, codecs=())
    raise ConfigurationError(
        f"{adapter.provider} does not count tokens on request; without exact=True they are told from the text"
    )


__all__ = ["CountCodec", "counting_adapter"]
