"""One attempt: the request as it is spelled, and the answer to it, as bytes and what decodes them."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qsl, urlencode

import msgspec

from tidewire.adapters.miscalled import decoder_for
from tidewire.adapters.redaction import Redactor
from tidewire.adapters.secrets import Secret
from tidewire.adapters.spec import Codec, Decoder, ModelRequest, Response
from tidewire.events.blocks import JSONObject
from tidewire.events.errors import (
    BODY_LIMIT,
    APIConnectionError,
    APITimeoutError,
    ResponseDecodeError,
    StreamInterruptedError,
    TidewireError,
    TimeoutPhase,
)
from tidewire.events.types import Meta, Usage, WarningEvent
from tidewire.limiter import Reservation
from tidewire.policy import Timeout
from tidewire.settings import Settings
from tidewire.stream_usage import is_usage_refused, remember_refusal
from tidewire.watchdog import LimitPassed, Watchdog


class Attempt:
    """One HTTP request of a call.

    ``response`` and ``decoder`` are there once it is open; whoever opened it closes or drops it.

    Args:
        settings: The model that is asked.
        request: What it is asked.
        key: What tells the provider that a request is one it has seen before; None sends nothing of the kind.

    Raises:
        ConfigurationError: The wire format cannot spell something in the request.
    """

    __slots__ = (
        "_codec",
        "_http",
        "_is_sent",
        "_key",
        "_redactor",
        "_request",
        "_settings",
        "_signed",
        "decoder",
        "is_answered",
        "is_open",
        "reservation",
        "response",
        "warnings",
    )

    response: Response
    decoder: Decoder

    def __init__(self, settings: Settings, request: ModelRequest, key: str | None = None) -> None:
        self._settings = settings
        self._key = key
        self._spell(request)
        #: True once there is a response to be closed.
        self.is_open = False
        #: True once the provider has begun to answer, which it may charge for.
        self.is_answered = False
        #: What the limiter of the model wants to hear of this attempt.
        self.reservation: Reservation | None = None
        self._is_sent = False
        # With the headers that were sent, and what finds our secrets in what comes back; made when it is needed.
        self._signed = self._http
        self._redactor: Redactor | None = None

    def _spell(self, request: ModelRequest) -> None:
        codec, asked = self._settings.adapter.choose(request)
        http = codec.encode(asked)
        if self._settings.headers:
            http.headers.update(self._settings.headers)
        header = self._settings.adapter.idempotency_header
        if self._key is not None and header is not None:
            http.headers.setdefault(header, self._key)
        if self._settings.query:
            http.url = with_query(http.url, self._settings.query)
        self._request = request
        self._codec: Codec = codec
        self._http = http
        #: What of the call is left out of the request.
        self.warnings: tuple[WarningEvent, ...] = (*asked.warnings, *http.warnings)

    async def open(self, watchdog: Watchdog) -> Meta | None:
        """Send the request and wait for the head of an answer that is a success; gives what the head says of it.

        A host that does not know how to be asked for the usage of a stream is asked again at once, without it.

        Raises:
            TidewireError: There is no answer, or it is a refusal. The connection is closed.
            LimitPassed: It took too long.
        """
        settings, codec = self._settings, self._codec
        watchdog.begin_attempt()
        http = self._signed = await settings.credentials.apply(self._http)
        self._redactor = None
        self._is_sent = True
        opening = settings.transport.open(http, connect_timeout_s=settings.timeout.connect)
        response = self.response = await watchdog.guard(opening, None)
        self.is_open = True
        if self.reservation is not None:
            self.reservation.observe(response.status, response.headers)
        if response.status >= 300:
            try:
                body = await self._refusal(watchdog)
            finally:
                response.abort()
            if is_usage_refused(self._http, response.status, body):
                remember_refusal(settings.adapter.provider, settings.base_url)
                self.is_open = False
                self._spell(msgspec.structs.replace(self._request, stream_usage=False))
                return await self.open(watchdog)
            # Before anybody reads it: the frames of the error show what they hold, and a text that is cut short would
            # show the beginning of a key.
            body = self.redactor.data(body)
            raise codec.error(response.status, self.redactor.values(response.headers), body)
        self.is_answered = True
        content_type = response.headers.get("content-type", "")
        self.decoder = decoder_for(codec, content_type, asked=self._request.stream)
        request_id = codec.request_id(response.headers)
        if request_id is not None and self._is_echoed(request_id):
            request_id = self.redactor.text(request_id)
        data: JSONObject | None = None
        if settings.include_response_headers:
            told = {name: text for name, text in response.headers.items() if name != "set-cookie"}
            data = {"headers": self.redactor.values(told)}
        return None if request_id is None and data is None else Meta(request_id=request_id, data=data)

    @property
    def redactor(self) -> Redactor:
        """Finds what this request was paid with, and whatever else of it is secret."""
        if self._redactor is None:
            held = (*self._signed.headers.values(), *self._settings.query.values())
            self._redactor = Redactor(value for value in held if isinstance(value, Secret))
        return self._redactor

    def _is_echoed(self, text: str) -> bool:
        # Of each success: without the pattern of a redactor.
        secrets = [value for value in self._signed.headers.values() if isinstance(value, Secret)]
        return any(part in text for secret in secrets for part in secret.texts)

    def drop(self) -> None:
        """Close the connection at once. Safe to call at any time, and twice."""
        if self.is_open:
            self.response.abort()

    def settle(self, usage: Usage | None) -> None:
        """Tell the limiter what the request has used, as far as it is known; nothing if it was never sent."""
        if self.reservation is None:
            return
        if self._is_sent:
            self.reservation.settle(usage)
        else:
            self.reservation.cancel()

    def explain(self, error: TidewireError | LimitPassed, watchdog: Watchdog) -> TidewireError:
        """The error that the caller should see, for what came out of the transport or the decoder."""
        found = self._explained(error, watchdog)
        # The frames of decoders hold what the provider said, of any length and content.
        self.redactor.clean(found, forget_frames=self.is_answered)
        return found

    def _explained(self, error: TidewireError | LimitPassed, watchdog: Watchdog) -> TidewireError:
        phase = watchdog.expired
        if phase is not None:
            late = timed_out(self._settings.timeout, phase)
            late.__cause__ = error
            return late
        assert isinstance(error, TidewireError), "a limit was passed, but none is named"
        if self.is_open and isinstance(error, APIConnectionError) and not isinstance(error, APITimeoutError):
            broken = StreamInterruptedError(f"the answer broke off: {error.message}")
            broken.__cause__ = error
            return broken
        return error

    async def _refusal(self, watchdog: Watchdog) -> bytes:
        """What the provider says about a refusal, as far as it can be read."""
        body = b""
        response = self.response
        try:
            while len(body) < BODY_LIMIT:
                data = await watchdog.guard(response.read(), response.abort)
                if not data:
                    break
                body += data
        except (APIConnectionError, ResponseDecodeError, LimitPassed):
            # The status alone says enough: a body that breaks off, stalls, or is in no encoding cannot hide it.
            watchdog.expired = None
        return body[:BODY_LIMIT]


def timed_out(timeout: Timeout, phase: TimeoutPhase) -> APITimeoutError:
    """The error of a limit that was passed."""
    return APITimeoutError(f"no answer within {timeout.for_phase(phase):g} s ({phase})", phase=phase)


def with_query(url: str, query: Mapping[str, str | Secret]) -> str:
    """The address with these fields in its query, in place of its own of the same names.

    >>> with_query("https://a.example/chat?v=1", {"v": "2", "tier": "a b"})
    'https://a.example/chat?v=2&tier=a+b'
    """
    path, _, own = url.partition("?")
    fields = {name: value.reveal() if isinstance(value, Secret) else value for name, value in query.items()}
    return f"{path}?{urlencode({**dict(parse_qsl(own, keep_blank_values=True)), **fields})}"


__all__ = ["Attempt", "timed_out", "with_query"]
