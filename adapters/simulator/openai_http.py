"""What OpenAI's formats have in common, seen from the server: the key, the headers, errors and the list of models.

Written from "Error codes", "Rate limits" and "Models" of OpenAI's API reference, read 2026-11-25.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tidewire.adapters.script import Fail
from tidewire.adapters.simulator.api import HttpReply, bearer_of, error_message, json_reply, retry_headers
from tidewire.events.blocks import JSONObject

#: What OpenAI calls its errors: status → type and code.
_ERRORS: Mapping[int, tuple[str, str | None]] = {
    400: ("invalid_request_error", None),
    401: ("invalid_request_error", "invalid_api_key"),
    403: ("invalid_request_error", "unsupported_country_region_territory"),
    404: ("invalid_request_error", "model_not_found"),
    429: ("requests", "rate_limit_exceeded"),
    503: ("service_unavailable_error", "server_is_overloaded"),
}


class OpenAIHttp:
    """The parts of a format that are the same in all of OpenAI's."""

    model_paths = frozenset({"/v1/models"})

    def recognises(self, path: str, headers: Mapping[str, str]) -> bool:
        """Every client that is not told apart otherwise."""
        return True

    def key_of(self, headers: Mapping[str, str]) -> str | None:
        """The bearer token."""
        return bearer_of(headers)

    def refuse(self, fail: Fail, request_id: str) -> HttpReply:
        """``{"error": {"message", "type", "param", "code"}}``."""
        headers = {**headers_of(request_id), **retry_headers(fail)}
        return json_reply(fail.status, headers, {"error": error_of(fail)})

    def models(self, names: Sequence[str], request_id: str) -> HttpReply:
        """The list of models."""
        data = [{"id": name, "object": "model", "created": 1_700_000_000, "owned_by": "tidewire"} for name in names]
        return json_reply(200, headers_of(request_id), {"object": "list", "data": data})


def error_of(fail: Fail) -> JSONObject:
    """The error as an object."""
    kind, code = _ERRORS.get(fail.status, ("server_error" if fail.status >= 500 else "invalid_request_error", None))
    if fail.code is not None:
        kind, code = fail.code if fail.code == "insufficient_quota" else kind, fail.code
    return {"message": error_message(fail), "type": kind, "param": None, "code": code}


def headers_of(request_id: str) -> dict[str, str]:
    """The headers of a reply."""
    return {
        "x-request-id": request_id,
        "openai-processing-ms": "5",
        "openai-version": "2020-10-01",
        "x-ratelimit-limit-requests": "10000",
        "x-ratelimit-limit-tokens": "2000000",
        "x-ratelimit-remaining-requests": "9999",
        "x-ratelimit-remaining-tokens": "1999000",
        "x-ratelimit-reset-requests": "6ms",
        "x-ratelimit-reset-tokens": "30ms",
    }


__all__ = ["OpenAIHttp", "error_of", "headers_of"]
