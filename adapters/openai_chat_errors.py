"""What OpenAI and those who speak its chat format refuse, and why: by status, in the body, or inside a stream."""

from __future__ import annotations

from collections.abc import Mapping

from tidewire.adapters.json_text import list_of, object_of
from tidewire.adapters.status_errors import reported_error, status_error
from tidewire.events.blocks import JSON
from tidewire.events.errors import (
    APIStatusError,
    AuthenticationError,
    BadRequestError,
    ContentFilterError,
    ContextWindowExceededError,
    InternalServerError,
    NotFoundError,
    OverloadedError,
    PermissionDeniedError,
    QuotaExceededError,
    RateLimitError,
)

#: Words that tell more than the status they come with.
_REFINING: Mapping[str, type[APIStatusError]] = {
    "billing_hard_limit_reached": QuotaExceededError,
    "billing_not_active": QuotaExceededError,
    "content_filter": ContentFilterError,
    "content_policy_violation": ContentFilterError,
    "context_length_exceeded": ContextWindowExceededError,
    "insufficient_quota": QuotaExceededError,
    "too_many_prompt_tokens": ContextWindowExceededError,  # Perplexity
}

#: What the Responses API says of a response that failed.
_OF_RESPONSES: Mapping[str, type[APIStatusError]] = {
    "bio_policy": ContentFilterError,
    "data_residency_mismatch": BadRequestError,
    "empty_image_file": BadRequestError,
    "failed_to_download_image": BadRequestError,
    "image_content_policy_violation": ContentFilterError,
    "image_file_not_found": BadRequestError,
    "image_file_too_large": BadRequestError,
    "image_parse_error": BadRequestError,
    "image_too_large": BadRequestError,
    "image_too_small": BadRequestError,
    "invalid_base64_image": BadRequestError,
    "invalid_image": BadRequestError,
    "invalid_image_format": BadRequestError,
    "invalid_image_mode": BadRequestError,
    "invalid_image_url": BadRequestError,
    "invalid_prompt": BadRequestError,
    "misalignment_policy_violation": ContentFilterError,
    "unsupported_image_media_type": BadRequestError,
    "vector_store_timeout": InternalServerError,
}

#: Words that stand in for the status which an error inside a reply does not have.
_BY_WORD: Mapping[str, type[APIStatusError]] = {
    **_REFINING,
    **_OF_RESPONSES,
    "authentication_error": AuthenticationError,
    "engine_overloaded": OverloadedError,
    "internal_error": InternalServerError,
    "internal_server_error": InternalServerError,
    "invalid_api_key": AuthenticationError,
    "invalid_request_error": BadRequestError,
    "model_not_found": NotFoundError,
    "not_found_error": NotFoundError,
    "overloaded": OverloadedError,
    "overloaded_error": OverloadedError,
    "permission_error": PermissionDeniedError,
    "rate_limit": RateLimitError,
    "rate_limit_error": RateLimitError,
    "rate_limit_exceeded": RateLimitError,
    "requests": RateLimitError,
    "server_error": InternalServerError,
    "server_is_overloaded": OverloadedError,
    "server_overloaded": OverloadedError,
    "service_unavailable": OverloadedError,
    "service_unavailable_error": OverloadedError,
    "slow_down": OverloadedError,
    "tokens": RateLimitError,
}

#: Reasons to finish that are failures: what was said before is no whole answer.
_FAILED_FINISH: Mapping[str, type[APIStatusError]] = {
    "abort": InternalServerError,  # vLLM, SGLang
    "error": InternalServerError,  # Mistral, OpenRouter
    "insufficient_system_resource": OverloadedError,  # DeepSeek
    "network_error": InternalServerError,  # Z.ai
}

_REQUEST_ID = ("x-request-id", "request-id", "apim-request-id")


def refused(status: int, headers: Mapping[str, str], body: bytes) -> APIStatusError:
    """The error for a reply with a status of 400 or above."""
    return status_error(status, headers, body, by_code=_REFINING, request_id=request_id(headers))


def reported(value: JSON, body: bytes = b"") -> APIStatusError:
    """The error for an error object in a reply that began with status 200."""
    return reported_error(value, by_code=_BY_WORD, body=body.decode("utf-8", "replace"))


def failed_finish(reason: str) -> APIStatusError | None:
    """The error for a ``finish_reason`` that is one, else None."""
    kind = _FAILED_FINISH.get(reason)
    return None if kind is None else kind(f"the answer broke off: finish_reason {reason!r}", provider_code=reason)


def is_error(value: JSON) -> bool:
    """Whether a frame, or a body, without choices is an error object."""
    for first in list_of(value)[:1]:
        return is_error(first)  # Gemini's host sends a list of one
    fields = object_of(value)
    if fields.get("choices"):
        return False
    if fields.get("object") == "error" or any(fields.get(key) for key in ("error", "errors", "detail")):
        return True
    said = any(isinstance(fields.get(key), str) for key in ("message", "msg"))
    return said and not fields.keys().isdisjoint(("code", "status", "type"))


def request_id(headers: Mapping[str, str]) -> str | None:
    """The provider's id of the request."""
    for name in _REQUEST_ID:
        if found := headers.get(name):
            return found
    return None


__all__ = ["failed_finish", "is_error", "refused", "reported", "request_id"]
