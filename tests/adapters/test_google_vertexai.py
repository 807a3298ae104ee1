"""Gemini on Vertex AI: its addresses, and how requests are paid."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.adapters.raw_server import RawServer, answer, serve
from tidewire.adapters.credentials import ApiKey
from tidewire.adapters.google_vertexai import ADAPTER, GoogleCredentials, VertexCodec
from tidewire.adapters.secrets import Secret
from tidewire.adapters.spec import Adapter, HttpRequest, ModelRequest
from tidewire.events.blocks import JSONObject
from tidewire.events.errors import (
    APIConnectionError,
    AuthenticationError,
    ConfigurationError,
    TidewireError,
)
from tidewire.events.messages import AIMessage, HumanMessage

VARIABLES = (
    "GOOGLE_API_KEY",
    "GOOGLE_APPLICATION_CREDENTIALS",
    "GOOGLE_CLOUD_LOCATION",
    "GOOGLE_CLOUD_PROJECT",
    "GOOGLE_CLOUD_REGION",
    "GCLOUD_PROJECT",
)


@pytest.fixture(autouse=True)
def _no_google_here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))
    monkeypatch.setenv("NO_GCE_CHECK", "true")


def configured(**given: Any) -> tuple[Adapter, JSONObject]:
    assert ADAPTER.configure is not None
    return ADAPTER.configure(given)


def encoded(adapter: Adapter, model: str = "gemini-3-pro", *messages: Any) -> HttpRequest:
    asked = ModelRequest(model=model, messages=messages or [HumanMessage("hi")], base_url=adapter.base_url)
    return adapter.codec.encode(asked)


class FakeAuth:
    """Credentials as google-auth has them."""

    def __init__(self, token: str | None = None, fails: Exception | None = None, payer: str | None = None) -> None:
        self.token = token
        self.refreshed: list[object] = []
        self._fails = fails
        if payer is not None:
            self.quota_project_id = payer

    @property
    def valid(self) -> bool:
        return self.token is not None

    def refresh(self, request: object) -> None:
        self.refreshed.append(request)
        if self._fails is not None:
            raise self._fails
        self.token = f"new{len(self.refreshed)}"


# ---------------------------------------------------------------- addresses


@pytest.mark.parametrize(
    ("location", "host", "place"),
    [
        (None, "aiplatform.googleapis.com", "global"),
        ("global", "aiplatform.googleapis.com", "global"),
        ("europe-west4", "europe-west4-aiplatform.googleapis.com", "europe-west4"),
        ("eu", "aiplatform.eu.rep.googleapis.com", "eu"),
    ],
)
def test_the_address_has_a_location_and_a_project(location: str | None, host: str, place: str) -> None:
    adapter, left = configured(project="p1", location=location, access_token="t", temperature=1)
    assert left.keys() == {"temperature", "credentials"}
    assert encoded(adapter).url == (
        f"https://{host}/v1beta1/projects/p1/locations/{place}/publishers/google/models/gemini-3-pro"
        ":streamGenerateContent?alt=sse"
    )


def test_project_and_location_come_from_the_environment_where_they_are_not_given(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "p2")
    monkeypatch.setenv("GOOGLE_CLOUD_REGION", "us-east1")
    assert "/projects/p2/locations/us-east1/" in encoded(configured(access_token="t")[0]).url
    monkeypatch.setenv("GOOGLE_CLOUD_LOCATION", "us-west1")
    assert "/projects/p2/locations/us-west1/" in encoded(configured(access_token="t")[0]).url
    assert (
        "/projects/p3/locations/asia-east1/"
        in encoded(configured(project="p3", location="asia-east1", access_token="t")[0]).url
    )


@pytest.mark.parametrize(
    ("model", "path"),
    [
        ("gemini-3-pro", "projects/p/locations/l/publishers/google/models/gemini-3-pro"),
        ("models/gemini-3-pro", "projects/p/locations/l/publishers/google/models/gemini-3-pro"),
        ("google/gemini-3-pro", "projects/p/locations/l/publishers/google/models/gemini-3-pro"),
        ("publishers/meta/models/llama", "projects/p/locations/l/publishers/meta/models/llama"),
        ("endpoints/123", "projects/p/locations/l/endpoints/123"),
        ("projects/q/locations/m/endpoints/123", "projects/q/locations/m/endpoints/123"),
    ],
)
def test_models_may_be_named_in_full(model: str, path: str) -> None:
    assert VertexCodec("projects/p/locations/l").path(model) == path


def test_express_mode_has_a_key_and_no_project(monkeypatch: pytest.MonkeyPatch) -> None:
    express = "https://aiplatform.googleapis.com/v1beta1/publishers/google/models/gemini-3-pro:"
    adapter, left = configured(google_api_key="k")
    assert left == {"api_key": "k"}
    assert encoded(adapter).url.startswith(express)
    assert (adapter.key_header, adapter.key_prefix) == ("x-goog-api-key", "")
    monkeypatch.setenv("GOOGLE_API_KEY", "k")
    adapter, left = configured()
    assert left == {}
    assert encoded(adapter).url.startswith(express)


def test_a_key_and_a_project_go_together_and_a_project_in_the_environment_goes_before_a_key(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    adapter, left = configured(api_key="k", project="p")
    assert left == {"api_key": "k"}
    assert "/projects/p/" in encoded(adapter).url
    monkeypatch.setenv("GOOGLE_API_KEY", "k")
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "p")
    adapter, left = configured()
    assert isinstance(left["credentials"], GoogleCredentials)
    assert "/projects/p/" in encoded(adapter).url


def test_two_ways_to_pay_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="one of access_token, credentials and api_key"):
        configured(api_key="k", access_token="t", project="p")


# ---------------------------------------------------------------- what is sent


def test_the_body_is_that_of_the_gemini_api_without_what_vertex_does_not_take() -> None:
    adapter, _ = configured(project="p", access_token="t")
    search = {
        "type": "server_tool_call",
        "id": "s",
        "name": "web_search",
        "args": {},
        "extras": {"tool_type": "GOOGLE_SEARCH_WEB"},
    }
    sent = encoded(adapter, "gemini-3-pro", HumanMessage("hi"), AIMessage([search]))
    assert msgspec.json.decode(sent.body) == {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}
    assert [warning.code for warning in sent.warnings] == ["block_left_out"]
    with pytest.raises(ConfigurationError, match="google_vertexai knows no file ids"):
        encoded(adapter, "g", HumanMessage([{"type": "file", "file_id": "x"}]))
    assert adapter.codec.name == "google_vertex.generate_content"
    assert ADAPTER.class_name == "ChatVertexAI"


# ---------------------------------------------------------------- credentials


async def test_a_token_of_the_callers_is_asked_for_each_time() -> None:
    given = iter(["one", "two"])
    for source, tokens in (("fixed", ["fixed", "fixed"]), (lambda: next(given), ["one", "two"])):
        adapter, left = configured(project="p", access_token=source)
        credentials = left["credentials"]
        assert repr(credentials) == "AccessToken()"
        for token in tokens:
            signed = await credentials.apply(encoded(adapter))
            assert signed.headers["authorization"] == Secret(f"Bearer {token}")
            assert "/projects/p/" in signed.url


async def test_a_valid_token_is_used_and_an_expired_one_renewed() -> None:
    auth = FakeAuth("first", payer="payer")
    adapter, left = configured(project="p", credentials=auth)
    credentials = left["credentials"]
    assert repr(credentials) == "GoogleCredentials()"
    signed = await credentials.apply(encoded(adapter))
    assert signed.headers["authorization"] == Secret("Bearer first")
    assert signed.headers["x-goog-user-project"] == "payer"
    auth.token = None
    signed = await credentials.apply(encoded(adapter))
    assert signed.headers["authorization"] == Secret("Bearer new1")
    assert len(auth.refreshed) == 1
    assert "first" not in repr(signed)


async def test_a_token_that_another_call_has_renewed_meanwhile_is_not_renewed_again() -> None:
    class Renewed(FakeAuth):
        asked = 0

        @property
        def valid(self) -> bool:
            self.asked += 1
            return self.asked > 1

    auth = Renewed("theirs")
    signed = await GoogleCredentials(auth).apply(HttpRequest("POST", "https://x", {}))
    assert signed.headers["authorization"] == Secret("Bearer theirs")
    assert auth.refreshed == []


async def test_credentials_of_ours_stay_as_they_are() -> None:
    ours = ApiKey(ADAPTER, "k")
    assert configured(project="p", credentials=ours)[1] == {"credentials": ours}
    with pytest.raises(ConfigurationError, match="got str"):
        configured(project="p", credentials="key.json")


async def test_a_missing_project_is_told_at_the_first_request() -> None:
    for way in ({"access_token": "t"}, {"credentials": FakeAuth("t")}):
        adapter, left = configured(**way)
        with pytest.raises(ConfigurationError, match=r"pass project=…, or set .* GOOGLE_CLOUD_PROJECT"):
            await left["credentials"].apply(encoded(adapter))


async def test_missing_credentials_are_told_with_the_ways_to_set_them() -> None:
    adapter, left = configured(project="p")
    with pytest.raises(ConfigurationError, match="gcloud auth application-default login"):
        await left["credentials"].apply(encoded(adapter))


@pytest.mark.parametrize(
    ("name", "kind"), [("TransportError", APIConnectionError), ("RefreshError", AuthenticationError)]
)
async def test_googles_own_errors_become_ours(name: str, kind: type[TidewireError]) -> None:
    wrong: Callable[[str], Exception] = getattr(importlib.import_module("google.auth.exceptions"), name)
    adapter, left = configured(project="p", credentials=FakeAuth(fails=wrong("no\nluck")))
    with pytest.raises(kind) as raised:
        await left["credentials"].apply(encoded(adapter))
    assert isinstance(raised.value.__cause__, Exception)


async def test_without_google_auth_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "google.auth", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'tidewire\[vertex\]'"):
        await GoogleCredentials().apply(HttpRequest("POST", "https://x", {}))


async def test_application_default_credentials_are_found_and_paid_with(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    granted = json.dumps({"access_token": "granted", "expires_in": 3600, "token_type": "Bearer"}).encode()
    with RawServer(serve(answer(granted, b"content-type: application/json"))) as server:
        account = {
            "type": "service_account",
            "project_id": "found",
            "private_key": pem.decode(),
            "client_email": "me@found.iam.gserviceaccount.com",
            "token_uri": f"{server.url}/token",
        }
        path = tmp_path / "account.json"
        path.write_text(json.dumps(account), encoding="utf-8")
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(path))
        adapter, left = configured()
        credentials = left["credentials"]
        for _ in range(2):
            signed = await credentials.apply(encoded(adapter))
            assert signed.headers["authorization"] == Secret("Bearer granted")
            assert "/projects/found/locations/global/" in signed.url
        assert len(server.peer().requests) == 1
