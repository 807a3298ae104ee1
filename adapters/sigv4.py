"""AWS Signature Version 4: the headers that sign a request. Pure: the time is an argument.

Source: "Create a signed AWS API request" of the AWS IAM user guide, read 2026-11-25. All headers of the request are
signed but those that a proxy or client may change on the way; the body is signed by its hash. As every service but S3
wants it, the path is escaped once more, its dot segments and doubled slashes resolved.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import quote, urlsplit

import msgspec

from tidewire.adapters.secrets import Secret

#: Headers that are not signed: whoever carries the request may set or change them.
_UNSIGNED = frozenset(
    {
        "authorization",
        "baggage",
        "connection",
        "date",
        "expect",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "te",
        "traceparent",
        "tracestate",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "user-agent",
        "x-amz-date",
        "x-amz-security-token",
        "x-amzn-trace-id",
    }
)

_DEFAULT_PORTS = {"http": 80, "https": 443}


class AwsKeys(msgspec.Struct, frozen=True):
    """What signs: an access key, and the token of a session that ends where it is a temporary one."""

    access_key_id: str
    secret_access_key: Secret
    session_token: Secret | None = None

    def __repr__(self) -> str:
        return "AwsKeys()"


def signature_headers(
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: bytes,
    *,
    keys: AwsKeys,
    region: str,
    service: str,
    now: datetime,
) -> dict[str, str | Secret]:
    """The headers to add to a request; where it has them already, they take their place.

    Args:
        method: The HTTP method.
        url: The address as it will be sent.
        headers: The headers that will be sent, names in lower case.
        body: The body.
        keys: Who signs.
        region: The region that the request goes to.
        service: The service's name for signing, such as ``bedrock``.
        now: The time, with its zone. AWS refuses one that is more than five minutes off.
    """
    stamp = now.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    added: dict[str, str | Secret] = {"x-amz-date": stamp}
    signed = {name: value for name, value in headers.items() if name not in _UNSIGNED}
    signed["x-amz-date"] = stamp
    if keys.session_token is not None:
        added["x-amz-security-token"] = keys.session_token
        signed["x-amz-security-token"] = keys.session_token.reveal()
    parts = urlsplit(url)
    signed.setdefault("host", _host(parts.scheme, parts.hostname or "", parts.port))
    names = ";".join(sorted(signed))
    canonical = "\n".join(
        (
            method.upper(),
            quote(_resolved(parts.path), safe="/~"),
            _query(parts.query),
            *(f"{name}:{' '.join(signed[name].split())}" for name in sorted(signed)),
            "",
            names,
            _hash(body),
        )
    )
    scope = f"{stamp[:8]}/{region}/{service}/aws4_request"
    text = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{_hash(canonical.encode())}"
    key = f"AWS4{keys.secret_access_key.reveal()}".encode()
    for part in (stamp[:8], region, service, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    added["authorization"] = Secret(
        f"AWS4-HMAC-SHA256 Credential={keys.access_key_id}/{scope}, SignedHeaders={names}, Signature={signature}",
        "authorization",
    )
    return added


def _host(scheme: str, name: str, port: int | None) -> str:
    host = f"[{name}]" if ":" in name else name
    return host if port in (None, _DEFAULT_PORTS.get(scheme)) else f"{host}:{port}"


def _resolved(path: str) -> str:
    """The path without empty and dot segments."""
    kept: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            del kept[-1:]
        elif segment not in ("", "."):
            kept.append(segment)
    end = "/" if kept and path.endswith("/") else ""
    return f"/{'/'.join(kept)}{end}"


def _query(query: str) -> str:
    """The query's pairs by name and value, each with an equals sign."""
    pairs = (pair.partition("=") for pair in query.split("&")) if query else ()
    return "&".join(f"{name}={value}" for name, value in sorted((name, value) for name, _, value in pairs))


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


__all__ = ["AwsKeys", "signature_headers"]
