"""The signature is botocore's for the same request, and shows no secret."""

from __future__ import annotations

import string
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from urllib.parse import quote

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from tidewire.adapters.secrets import Secret
from tidewire.adapters.sigv4 import AwsKeys, signature_headers

NOW = datetime(2026, 11, 25, 12, 30, 15, tzinfo=UTC)

_secrets = st.text(string.ascii_letters + string.digits + "+/=", min_size=1, max_size=60)
_hosts = st.sampled_from(
    [
        "https://bedrock-runtime.us-east-1.amazonaws.com",
        "https://bedrock-runtime.us-east-1.amazonaws.com:443",
        "http://127.0.0.1:8080",
        "http://localhost:80/base",
        "https://[::1]:8443",
        "https://user@Proxy.Example",
    ]
)
_models = st.sampled_from(
    [
        "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
        "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc123",
        "arn:aws:bedrock:us-east-1::foundation-model/a.b~c_d",
        "with space/é%2F",
        "..",
    ]
)
_paths = st.one_of(
    _models.map(lambda model: f"/model/{quote(model, safe='')}/converse"),
    st.lists(st.sampled_from(["", ".", "..", "a", "b:c", "%3A", "~", "(d)"]), max_size=6).map(
        lambda parts: "/" + "/".join(parts)
    ),
    st.just(""),
)
_queries = st.one_of(
    st.just(""),
    st.lists(
        st.sampled_from(["a=1", "a=0", "b", "c=", "=d", "e=1=2", "A=%2F", ""]),
        min_size=1,
        max_size=5,
    ).map(lambda pairs: "?" + "&".join(pairs)),
)
_names = st.one_of(
    st.sampled_from(
        [
            "accept",
            "content-type",
            "user-agent",
            "x-amzn-trace-id",
            "connection",
            "expect",
            "te",
            "authorization",
            "host",
            "x-amz-security-token",
            "x-amz-date",
        ]
    ),
    st.text(string.ascii_lowercase + string.digits + "-", min_size=1, max_size=12).map("x-".__add__),
)
_headers = st.dictionaries(_names, st.text(string.printable[:95] + "\t", min_size=1, max_size=20), max_size=6)
_regions = st.sampled_from(["us-east-1", "eu-central-1", "cn-north-1"])


def by_botocore(
    method: str, url: str, headers: Mapping[str, str], body: bytes, keys: Credentials, region: str
) -> tuple[datetime, Mapping[str, str]]:
    request: Any = AWSRequest(method=method, url=url, headers=dict(headers), data=body)
    SigV4Auth(keys, "bedrock", region).add_auth(request)
    stamp = datetime.strptime(request.context["timestamp"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    return stamp, {name.lower(): value for name, value in request.headers.items()}


@given(
    st.sampled_from(["POST", "GET"]),
    _hosts,
    _paths,
    _queries,
    _headers,
    st.binary(max_size=50),
    _secrets,
    _secrets,
    st.none() | _secrets,
    _regions,
)
def test_the_same_signature_as_botocore_for_the_same_request(
    method: str,
    host: str,
    path: str,
    query: str,
    headers: dict[str, str],
    body: bytes,
    key_id: str,
    secret: str,
    token: str | None,
    region: str,
) -> None:
    url = host + path + query
    if token is None:
        headers.pop("x-amz-security-token", None)  # it belongs to other keys; botocore would sign it with these
    now, expected = by_botocore(method, url, headers, body, Credentials(key_id, secret, token), region)
    keys = AwsKeys(key_id, Secret(secret), None if token is None else Secret(token))
    added = signature_headers(method, url, headers, body, keys=keys, region=region, service="bedrock", now=now)
    shown = {name: value.reveal() if isinstance(value, Secret) else value for name, value in added.items()}
    assert shown == {name: expected[name] for name in shown}
    assert shown.keys() == {"authorization", "x-amz-date"} | ({"x-amz-security-token"} if token else set())


def sign(**changes: Any) -> dict[str, str | Secret]:
    given: dict[str, Any] = {
        "keys": AwsKeys("AKID", Secret("wJalrXUtnFEMI")),
        "region": "us-east-1",
        "service": "bedrock",
        "now": NOW,
        **changes,
    }
    return signature_headers("POST", "https://host/model/m/converse", {"accept": "a"}, b"{}", **given)


def test_the_same_request_at_the_same_time_has_the_same_signature_whatever_the_zone() -> None:
    elsewhere = NOW.astimezone(timezone(timedelta(hours=9)))
    assert sign() == sign(now=elsewhere)
    assert sign() != sign(now=NOW + timedelta(seconds=1))


def test_each_part_of_the_scope_counts() -> None:
    assert sign(region="eu-west-1")["authorization"] != sign()["authorization"]
    assert sign(service="other")["authorization"] != sign()["authorization"]
    assert sign(keys=AwsKeys("AKID", Secret("other")))["authorization"] != sign()["authorization"]


def test_the_headers_show_neither_the_key_nor_the_token_nor_the_signature() -> None:
    shown = repr(sign(keys=AwsKeys("AKID", Secret("top-secret"), Secret("session"))))
    assert "top-secret" not in shown
    assert "session" not in shown.replace("x-amz-security-token", "")
    assert "Signature" not in shown
