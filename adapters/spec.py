"""The contracts of this room: a codec spells requests and reads replies, a transport carries bytes, credentials sign.

    ModelRequest ─▶ Codec.encode ─▶ HttpRequest ─▶ Credentials.apply ─▶ Transport.open ─▶ Response (bytes)
                                                                                             │
    events ◀──────────────────────── Decoder.feed, Decoder.close ◀──────────────────────────┘

Codecs and decoders are pure: no socket, no clock, no task. Transports know nothing of models.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Literal, Protocol, TypeAlias

import msgspec

from tidewire.adapters.secrets import HoldsSecret, Secret
from tidewire.events.blocks import JSONObject
from tidewire.events.errors import TidewireError
from tidewire.events.messages import BaseMessage
from tidewire.events.types import DecodedEvent, WarningEvent


class ToolSpec(msgspec.Struct, frozen=True):
    """A tool of the caller's, as every provider is told of it. ``parameters`` is the JSON Schema of its arguments."""

    name: str
    description: str = ""
    parameters: JSONObject = {}
    strict: bool | None = None
    extras: JSONObject = {}


class NativeTool(msgspec.Struct, frozen=True):
    """A tool in the provider's own form, such as ``{"type": "web_search"}``: passed on as it is."""

    definition: JSONObject


class OutputSchema(msgspec.Struct, frozen=True):
    """The form that the answer must have. ``schema`` None asks for any JSON object (``json_mode``)."""

    name: str
    schema: JSONObject | None
    description: str = ""
    strict: bool | None = None


#: "auto", "any" (some tool), "none", or the name of the tool that must be called as ``("tool", name)``.
ToolChoice: TypeAlias = Literal["auto", "any", "none"] | tuple[Literal["tool"], str]


class ModelRequest(msgspec.Struct, frozen=True):
    """All that a codec needs to spell a call.

    ``parameters`` holds sampling and provider parameters under their public names (``temperature``, ``max_tokens``,
    ``stop``, …), each one named in the codec's ``parameters``; unset ones are absent. ``extra_body`` is merged into
    the JSON body last. ``base_url`` has no trailing slash. ``mid_conversation_system_messages`` is the entry of
    that name in the model's profile: a system message after the first turn may stay where it stands.
    ``max_output_tokens`` is the most that the model can answer with, where that is known. ``warnings`` say what of the
    call was left out already.
    """

    model: str
    messages: Sequence[BaseMessage]
    base_url: str
    stream: bool = True
    parameters: JSONObject = {}
    tools: tuple[ToolSpec | NativeTool, ...] = ()
    tool_choice: ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    output: OutputSchema | None = None
    stream_usage: bool = True
    mid_conversation_system_messages: bool = False
    max_output_tokens: int | None = None
    extra_body: JSONObject = {}
    warnings: tuple[WarningEvent, ...] = ()


class HttpRequest(msgspec.Struct):
    """A request to send. Header names are lower case; secrets stay wrapped until the transport writes the bytes.

    ``warnings`` say what of the call the wire format could not carry; whoever sends the request publishes them.
    """

    method: str
    url: str
    headers: dict[str, str | Secret]
    body: bytes = b""
    warnings: tuple[WarningEvent, ...] = ()

    def __repr__(self) -> str:
        # A query may hold a key that the caller put there, and a body is a prompt, of any length.
        names = ", ".join(self.headers)
        return f"HttpRequest({self.method} {self.url.partition('?')[0]}, headers=[{names}], {len(self.body)} bytes)"


class Decoder(Protocol):
    """Reads one reply. Any split of the body over calls of ``feed`` gives the same events and the same error."""

    @property
    def done(self) -> bool:
        """True once the provider's own terminator was read; what follows is not part of the answer."""
        ...

    def feed(self, data: bytes) -> Iterable[DecodedEvent]:
        """Decode the bytes of one read: an iterator, to be exhausted before the next call.

        Raises:
            APIStatusError: The provider reported an error inside the reply; earlier events have been yielded.
            ResponseDecodeError: The bytes are not what the provider documents, or pass a limit.
        """
        ...

    def close(self) -> Iterable[DecodedEvent]:
        """The body ended properly: decode what is left.

        Raises:
            StreamInterruptedError: The answer is not whole: neither terminator nor finish reason was read.
        """
        ...


class Codec(Protocol):
    """One wire format."""

    @property
    def name(self) -> str:
        """The wire format's name, such as ``openai.chat``."""
        ...

    @property
    def parameters(self) -> frozenset[str]:
        """The parameters that ``encode`` can spell."""
        ...

    def encode(self, request: ModelRequest) -> HttpRequest:
        """The request, without credentials.

        Raises:
            ConfigurationError: The wire format cannot spell something in it; it is named.
        """
        ...

    def decoder(self, *, streamed: bool) -> Decoder:
        """A decoder for one reply: of a stream, or of a plain body."""
        ...

    def error(self, status: int, headers: Mapping[str, str], body: bytes) -> TidewireError:
        """The error that a reply with a status of 400 or above stands for. Header names are lower case."""
        ...

    def request_id(self, headers: Mapping[str, str]) -> str | None:
        """The provider's id of the request, from the reply's headers."""
        ...


class Response(Protocol):
    """An answer whose body is being read."""

    @property
    def status(self) -> int:
        """The HTTP status."""
        ...

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers, names in lower case; repeated ones joined with a comma."""
        ...

    async def read(self) -> bytes:
        """The bytes of one network read, content-encoding removed; ``b""`` at the proper end of the body, and then
        always.

        Raises:
            APIConnectionError: The connection broke, also when the body is shorter than announced.
            ResponseDecodeError: The body is not in the encoding that it announces.
            ResponseLimitError: Decompression gave more than the limit.
        """
        ...

    def abort(self) -> None:
        """Close the socket at once. Never waits, never raises; a pending ``read`` ends with an error."""
        ...

    async def aclose(self) -> None:
        """Give the connection back to its pool if the body was read to its end, else close it. Safe to call twice."""
        ...


class Transport(Protocol):
    """Carries requests. One instance serves many calls at once, on several event loops."""

    async def open(self, request: HttpRequest, *, connect_timeout_s: float | None = None) -> Response:
        """Send a request and wait for the head of the answer, whatever its status. Redirects are not followed.

        Raises:
            APITimeoutError: No connection within ``connect_timeout_s`` (phase ``connect``).
            APIConnectionError: The connection was refused or broke before the head was read. Not retryable where TLS
                or the server's HTTP is at fault.
            ConfigurationError: The request cannot be written as HTTP, or the settings of the transport are wrong.
            ResponseDecodeError: The body has an encoding that was not asked for.
            ResponseLimitError: The head is too long.
        """
        ...

    async def aclose(self) -> None:
        """Close the pool of the running event loop."""
        ...


#: A key in itself: a text, or a secret of ours or of another library, such as pydantic's ``SecretStr``.
Key: TypeAlias = str | Secret | HoldsSecret

#: A key as users hand it in: itself, or a function (sync or async) that gives it anew for each request.
KeySource: TypeAlias = Key | Callable[[], Key] | Callable[[], Awaitable[Key]]


class Credentials(Protocol):
    """Signs requests."""

    async def apply(self, request: HttpRequest) -> HttpRequest:
        """The request with its credentials.

        Raises:
            ConfigurationError: A key is missing; names the argument and the environment variable.
        """
        ...


#: Picks the codec for a request, and the request that it is to spell.
ChooseCodec: TypeAlias = Callable[[ModelRequest], tuple[Codec, ModelRequest]]


class Adapter(msgspec.Struct, frozen=True):
    """A provider: how its API is spelled, where it lives and how it is paid.

    Attributes:
        provider: The name before the colon, such as ``openai``.
        codec: Its wire format.
        base_url: Where it lives, without a trailing slash; may be replaced by the caller or ``base_url_env``.
        base_url_env: Environment variables that replace ``base_url``, the first one that is set.
        key_env: Environment variables that hold the key, the first one that is set; empty when it takes none.
        key_header: The header of the key.
        key_prefix: What stands before the key in the header, such as ``Bearer ``.
        key_required: False for servers that also answer without a key.
        class_name: The name of the field's class for it, such as ``ChatOpenAI``.
        transport: Makes the transport of a provider that is not reached by HTTP, else None.
        choose_codec: Picks the codec for a request, and gives the request without what only it reads; None where
            there is one codec.
        codecs: All that it picks from: their parameters can be set.
        default_parameters: Parameters sent unless the caller sets them.
        bare_hosts: Whether an address may lack its scheme.
        configure: Takes keywords of its own out of those a model is made with, and gives the adapter that they make.
        effort_words: Its own words for efforts of reasoning, for those that it spells by another one.
        idempotency_header: The header by which it knows a request that it has seen before, in lower case; None where
            it documents none.
    """

    provider: str
    codec: Codec
    base_url: str
    base_url_env: tuple[str, ...] = ()
    key_env: tuple[str, ...] = ()
    key_header: str = "authorization"
    key_prefix: str = "Bearer "
    key_required: bool = True
    class_name: str = "ChatModel"
    transport: Callable[[], Transport] | None = None
    choose_codec: ChooseCodec | None = None
    codecs: tuple[Codec, ...] = ()
    default_parameters: JSONObject = {}
    bare_hosts: bool = False
    configure: Callable[[JSONObject], tuple[Adapter, JSONObject]] | None = None
    effort_words: Mapping[str, str] = {}
    idempotency_header: str | None = None

    def choose(self, request: ModelRequest) -> tuple[Codec, ModelRequest]:
        """The codec for a request, and the request that it is to spell."""
        return (self.codec, request) if self.choose_codec is None else self.choose_codec(request)

    @property
    def parameters(self) -> frozenset[str]:
        """The parameters that can be set, whichever codec takes them."""
        return self.codec.parameters.union(*(codec.parameters for codec in self.codecs))


def is_streamed(content_type: str, *, asked: bool) -> bool:
    """Whether a reply is a stream: its content type says so where it can, else what was asked for counts."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind in ("text/event-stream", "application/x-ndjson", "application/vnd.amazon.eventstream"):
        return True
    if kind == "application/json":
        return False
    return asked


__all__ = [
    "Adapter",
    "ChooseCodec",
    "Codec",
    "Credentials",
    "Decoder",
    "HttpRequest",
    "Key",
    "KeySource",
    "ModelRequest",
    "NativeTool",
    "OutputSchema",
    "Response",
    "ToolChoice",
    "ToolSpec",
    "Transport",
    "is_streamed",
]
