"""What can go wrong, and whose fault it is.

    TidewireError
    ├── ConfigurationError            the caller: a bad argument, a missing key, a feature that does not exist there
    ├── APIConnectionError            the network, before an answer
    │   └── APITimeoutError           … in one of four phases
    ├── StreamInterruptedError        the network, within an answer (carries what arrived)
    ├── ResponseDecodeError           the provider broke its own format
    │   └── ResponseLimitError        … or sent more than a limit allows
    ├── APIStatusError                the provider said no (a status, a body, or an error inside the stream)
    │   ├── BadRequestError
    │   │   ├── ContextWindowExceededError
    │   │   └── ContentFilterError
    │   ├── AuthenticationError
    │   ├── PermissionDeniedError
    │   ├── NotFoundError
    │   ├── RequestTooLargeError
    │   ├── UnprocessableEntityError
    │   ├── RateLimitError            wait and try again
    │   │   └── QuotaExceededError    … waiting does not help
    │   ├── OverloadedError
    │   └── InternalServerError
    ├── OutputParsingError            the model's answer does not fit the schema (carries it)
    │   └── RefusalError
    ├── ToolError                     a tool failed, or was called wrongly
    │   └── ToolException             … raised by a tool that wants its model to know
    └── RecursionLimitError           runs are nested deeper than `recursion_limit`

Every error has the same fields to act on; the pump fills in what only it knows (attempts, the message so far).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import ClassVar, Literal, Protocol

from tidewire.events.blocks import ContentBlock, InvalidToolCall, JSONObject, ToolCall, UsageMetadata
from tidewire.events.visible_text import visible_lines

#: Longest text of an error, in bytes; what outsiders send is cut before it reaches a message.
MESSAGE_LIMIT = 2000
#: Longest body kept on an error, in bytes.
BODY_LIMIT = 64 * 1024

#: Where a call ran out of time.
TimeoutPhase = Literal["connect", "first_event", "between_events", "total"]


class PartialAnswer(Protocol):
    """What an error carries of an answer that broke off: an ``AIMessage``, which is made of what is read here.

    It says what of a message can be relied on, because messages themselves stand above errors: they raise them.
    """

    @property
    def id(self) -> str | None:
        """The message's id."""
        ...

    @property
    def text(self) -> str:
        """The text as far as it arrived."""
        ...

    @property
    def content(self) -> str | list[str | JSONObject]:
        """The content as far as it arrived."""
        ...

    @property
    def content_blocks(self) -> list[ContentBlock]:
        """The blocks as far as they arrived."""
        ...

    @property
    def tool_calls(self) -> list[ToolCall]:
        """The tool calls that arrived whole."""
        ...

    @property
    def invalid_tool_calls(self) -> list[InvalidToolCall]:
        """The tool calls that did not."""
        ...

    @property
    def usage_metadata(self) -> UsageMetadata | None:
        """The tokens that were reported by then."""
        ...

    @property
    def response_metadata(self) -> JSONObject:
        """What the provider had said about its answer."""
        ...


class TidewireError(Exception):
    """The root of every error that tidewire raises.

    Attributes:
        message: What was wrong and how to mend it, below 2 kB, without secrets.
        provider: The provider's name, where a call was made.
        model: The model's name, where a call was made.
        attempts: HTTP requests made for the call, 0 when none was sent.
        is_retryable: True when the same call may succeed later.
        partial: The message as far as it arrived; None when no content arrived.
        fallback_errors: Where models took over and all failed: the errors of the others, in order; this is the first.
    """

    is_retryable: bool = False
    fallback_errors: tuple[TidewireError, ...] = ()

    def __init__(
        self,
        message: str,
        *,
        provider: str | None = None,
        model: str | None = None,
        attempts: int = 0,
        partial: PartialAnswer | None = None,
    ) -> None:
        # Whoever writes a message has made fit what it quotes; this is for what was forgotten.
        message = visible_lines(message, MESSAGE_LIMIT)
        super().__init__(message)
        self.message = message
        self.provider = provider
        self.model = model
        self.attempts = attempts
        self.partial = partial

    def __reduce__(self) -> tuple[object, ...]:
        # The state carries every field, so a pickled error is whole in another process.
        return (_restore, (type(self), self.message, self.__dict__))


def _restore(kind: type[TidewireError], message: str, state: dict[str, object]) -> TidewireError:
    error = kind.__new__(kind, message)
    error.args = (message,)
    error.__dict__.update(state)
    return error


class ConfigurationError(TidewireError):
    """The caller's: a missing key, a bad argument, or a feature that this provider does not have (it is named)."""


class APIConnectionError(TidewireError):
    """The provider could not be reached, or the connection broke before an answer began."""

    is_retryable = True


class APITimeoutError(APIConnectionError):
    """Time ran out; ``phase`` says where: ``connect``, ``first_event``, ``between_events`` or ``total``."""

    def __init__(
        self,
        message: str,
        *,
        phase: TimeoutPhase = "total",
        provider: str | None = None,
        model: str | None = None,
        attempts: int = 0,
        partial: PartialAnswer | None = None,
    ) -> None:
        super().__init__(message, provider=provider, model=model, attempts=attempts, partial=partial)
        self.phase: TimeoutPhase = phase


class StreamInterruptedError(TidewireError):
    """The answer broke off before the provider ended it; ``partial`` holds what arrived."""

    is_retryable = True


class ResponseDecodeError(TidewireError):
    """The bytes are not what the provider documents; ``excerpt`` holds at most 500 of them, as text."""

    def __init__(
        self,
        message: str,
        *,
        excerpt: str = "",
        provider: str | None = None,
        model: str | None = None,
        attempts: int = 0,
        partial: PartialAnswer | None = None,
    ) -> None:
        super().__init__(message, provider=provider, model=model, attempts=attempts, partial=partial)
        self.excerpt = excerpt[:500]


class ResponseLimitError(ResponseDecodeError):
    """The answer passed a limit (the size of an event, of a body, of a header, the depth of JSON); it is named."""


class APIStatusError(TidewireError):
    """The provider refused or failed: by HTTP status, in the body, or by an error inside the stream.

    Attributes:
        status_code: The HTTP status; for an error inside a stream, the status the provider documents for it, else None.
        provider_code: The provider's own word for the error, such as ``insufficient_quota``.
        request_id: The provider's id of the request, for its support.
        retry_after_s: Seconds the provider asks to wait, or None.
        body: The error's body as text, at most 64 kB, with secrets redacted.
        should_retry: Whether the provider wants the request to be tried again; None when it says nothing.
    """

    should_retry: bool | None = None

    #: The status that a subclass stands for when the error came without one.
    default_status: ClassVar[int | None] = None

    def __init__(
        self,
        message: str,
        *,
        status_code: int | None = None,
        provider_code: str | None = None,
        request_id: str | None = None,
        retry_after_s: float | None = None,
        body: str = "",
        provider: str | None = None,
        model: str | None = None,
        attempts: int = 0,
        partial: PartialAnswer | None = None,
    ) -> None:
        super().__init__(message, provider=provider, model=model, attempts=attempts, partial=partial)
        self.status_code = status_code if status_code is not None else self.default_status
        if self.status_code in (408, 409):  # a lost race or a slow request: the same call may well pass later
            self.is_retryable = True
        self.provider_code = provider_code
        self.request_id = request_id
        self.retry_after_s = retry_after_s
        self.body = body.encode("utf-8", "replace")[:BODY_LIMIT].decode("utf-8", "ignore")


class BadRequestError(APIStatusError):
    """The request itself is wrong (400)."""

    default_status = 400


class ContextWindowExceededError(BadRequestError):
    """The prompt, or the prompt and the answer asked for, is longer than the model reads."""


class ContentFilterError(BadRequestError):
    """The provider's content policy refused the prompt."""


class AuthenticationError(APIStatusError):
    """The key is missing, wrong or expired (401)."""

    default_status = 401


class PermissionDeniedError(APIStatusError):
    """The key is known but may not do this (403)."""

    default_status = 403


class NotFoundError(APIStatusError):
    """The model, deployment or address does not exist (404)."""

    default_status = 404


class RequestTooLargeError(APIStatusError):
    """The request has more bytes than the provider takes (413)."""

    default_status = 413


class UnprocessableEntityError(APIStatusError):
    """The request is well formed, but its values are not accepted (422)."""

    default_status = 422


class RateLimitError(APIStatusError):
    """Too many requests or tokens for now (429); ``retry_after_s`` says how long to wait, if the provider did."""

    default_status = 429
    is_retryable = True


class QuotaExceededError(RateLimitError):
    """The account's quota or credit is used up; waiting does not help."""

    is_retryable = False


class OverloadedError(APIStatusError):
    """The provider has no capacity right now (503, 529)."""

    default_status = 529
    is_retryable = True


class InternalServerError(APIStatusError):
    """The provider failed (5xx)."""

    default_status = 500
    is_retryable = True


class OutputParsingError(TidewireError):
    """The model's answer does not fit the schema; ``raw`` is the whole message."""

    def __init__(
        self,
        message: str,
        *,
        raw: PartialAnswer | None = None,
        provider: str | None = None,
        model: str | None = None,
        attempts: int = 0,
        partial: PartialAnswer | None = None,
    ) -> None:
        super().__init__(message, provider=provider, model=model, attempts=attempts, partial=partial)
        self.raw = raw

    @property
    def llm_output(self) -> str | None:
        """What the model wrote in place of the form, by the name that the field has for it: text or arguments."""
        raw = self.raw
        if raw is None or raw.text:
            return None if raw is None else raw.text
        for invalid in raw.invalid_tool_calls:
            return invalid["args"]
        for call in raw.tool_calls:
            return json.dumps(call["args"], ensure_ascii=False)
        return ""


class RefusalError(OutputParsingError):
    """The model refused to answer in the form asked for; the message is its refusal."""


class ToolError(TidewireError):
    """A tool failed, or its call does not fit its schema; the text is written for the model to read."""


class ToolException(ToolError):
    """Raise it in a tool to tell the model what went wrong, if the tool has ``handle_tool_error``."""

    def __init__(self, message: str = "") -> None:
        super().__init__(message)


class RecursionLimitError(TidewireError):
    """Runs are nested deeper than ``recursion_limit`` allows."""


_BY_STATUS: Mapping[int, type[APIStatusError]] = {
    400: BadRequestError,
    401: AuthenticationError,
    402: QuotaExceededError,
    403: PermissionDeniedError,
    404: NotFoundError,
    413: RequestTooLargeError,
    422: UnprocessableEntityError,
    429: RateLimitError,
    503: OverloadedError,
    529: OverloadedError,
}


def error_class_for_status(status: int) -> type[APIStatusError]:
    """The class for an HTTP status, before the provider's own code is looked at."""
    known = _BY_STATUS.get(status)
    if known is not None:
        return known
    if status >= 500:
        return InternalServerError
    return BadRequestError if status in (405, 406, 415) else APIStatusError


__all__ = [
    "APIConnectionError",
    "APIStatusError",
    "APITimeoutError",
    "AuthenticationError",
    "BadRequestError",
    "ConfigurationError",
    "ContentFilterError",
    "ContextWindowExceededError",
    "InternalServerError",
    "NotFoundError",
    "OutputParsingError",
    "OverloadedError",
    "PartialAnswer",
    "PermissionDeniedError",
    "QuotaExceededError",
    "RateLimitError",
    "RecursionLimitError",
    "RefusalError",
    "RequestTooLargeError",
    "ResponseDecodeError",
    "ResponseLimitError",
    "StreamInterruptedError",
    "TidewireError",
    "TimeoutPhase",
    "ToolError",
    "ToolException",
    "UnprocessableEntityError",
    "error_class_for_status",
]
