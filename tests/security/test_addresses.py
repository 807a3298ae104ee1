"""What a program's own users may choose (a model's name, a region) changes neither the host nor the headers."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.security.test_keys import EXTRA, PROVIDERS
from tidewire import init_chat_model
from tidewire.adapters.addresses import checked_address, host_label, path_segment, path_segments
from tidewire.adapters.replay_transport import ReplayTransport
from tidewire.events.errors import ConfigurationError, TidewireError

pytestmark = pytest.mark.parametrize("anyio_backend", ["asyncio"])

NAMES = [
    "a/b",
    "../../v1/files",
    "..",
    "m/../../x",
    "m?key=1",
    "m#x",
    "m\r\nx-evil: 1",
    "m\x00",
    "@evil.example/",
    "//evil.example/",
    "\\\\evil.example",
    "m%2e%2e%2fx",
    "m;x",
    "m\u202e",
    "m\ud800",
    " m",
]


async def request_of(provider: str, model: str, **keywords: Any) -> tuple[str, dict[str, str]] | None:
    """Address and headers that a call would have; None if it is refused before."""
    transport = ReplayTransport(b"", error=TidewireError("sent"))
    given = {**EXTRA.get(provider, {}), "api_key": "key", **keywords}
    try:
        await init_chat_model(model, model_provider=provider, transport=transport, **given).ainvoke("Hi")
    except ConfigurationError:
        assert transport.requests == []
        return None
    except TidewireError:
        (request,) = transport.requests
        return request.url, {name: str(value) for name, value in request.headers.items()}
    raise AssertionError("nothing was sent")


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_a_models_name_stays_in_its_place(provider: str) -> None:
    usual = await request_of(provider, "m")
    assert usual is not None
    url, headers = usual
    for name in NAMES:
        found = await request_of(provider, name)
        if found is None:
            continue
        assert urlsplit(found[0]).netloc == urlsplit(url).netloc
        assert found[1].keys() == headers.keys()
        assert not set("\r\n\x00 \\#") & set(found[0])
        assert found[0].isascii()
        assert found[0].count("/") == url.count("/") or "/" in name
        assert ".." not in urlsplit(found[0]).path.split("/")


@pytest.mark.parametrize("name", NAMES)
async def test_a_deployment_and_a_version_stay_in_their_places(name: str) -> None:
    place = {"azure_endpoint": "https://north.openai.azure.com"}
    for keywords in ({"azure_deployment": name, "api_version": "2024-10-21"}, {"api_version": f"2024-10-21{name}"}):
        found = await request_of("azure_openai", "m", **place, **keywords)
        if found is not None:
            parts = urlsplit(found[0])
            assert parts.netloc == "north.openai.azure.com"
            assert not set("\r\n\x00 \\#") & set(found[0])
            assert ".." not in parts.path.split("/")
            assert parts.query.count("&") == 0


@pytest.mark.parametrize(
    ("provider", "keyword"),
    [("google_vertexai", "location"), ("bedrock_converse", "region_name"), ("snowflake", "account")],
)
@pytest.mark.parametrize("value", ["evil.example/", "evil.example#", "a@evil.example", "a:1", "x\r\ny", "..", "a b"])
async def test_what_stands_in_a_hosts_name_names_no_other_host(provider: str, keyword: str, value: str) -> None:
    keywords = {"project": "p", "api_key": None, "access_token": "t"} if provider == "google_vertexai" else {}
    with pytest.raises(ConfigurationError):
        init_chat_model("m", model_provider=provider, **{**keywords, keyword: value})


@pytest.mark.parametrize("project", ["../../x", "a/../b", "p?x", "p\r\nx"])
async def test_a_project_stays_in_its_place(project: str) -> None:
    found = await request_of("google_vertexai", "m", api_key=None, access_token="t", project=project, location="eu")
    if found is not None:
        assert urlsplit(found[0]).netloc == "aiplatform.eu.rep.googleapis.com"
        assert ".." not in urlsplit(found[0]).path.split("/")
        assert urlsplit(found[0]).query == ""


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("host/v1", "has no scheme"),
        ("", "has no scheme"),
        ("https://a b/v1", "a space"),
        ("https://host/\r\nx", "a control character"),
        ("https://good.example\\@evil.example", "a backslash"),
        ("https://host/v1?key=1", "default_query"),
        ("https://host/#x", "default_query"),
        ("https://host:x/v1", "a port that is none"),
        ("https://host:99999/v1", "a port that is none"),
        ("https://:1/v1", "no host"),
        ("https://[::1/v1", "no host"),
        ("https://me:hush@host/v1", "no host"),
    ],
)
async def test_an_address_that_is_none_is_refused(url: str, told: str) -> None:
    with pytest.raises(ConfigurationError, match=told) as raised:
        checked_address(url, "base_url")
    assert "hush" not in str(raised.value)
    assert "\n" not in str(raised.value)


async def test_an_address_that_is_one_loses_its_slash() -> None:
    assert checked_address(" https://[::1]:8080/v1/ ", "base_url") == "https://[::1]:8080/v1"
    assert checked_address("host", "base_url", bare_hosts=True) == "host"
    assert host_label("us-east-1", "region") == "us-east-1"


@pytest.mark.parametrize(
    "headers",
    [
        {"x\r\nevil": "1"},
        {"x y": "1"},
        {"": "1"},
        {"x:": "1"},
        {"x": "a\r\nevil: 1"},
        {"x": "a\x00"},
        {"x": "ü"},
        {"x": 1},
        {1: "x"},
        {"authorization": "a\nb"},
    ],
)
async def test_a_header_that_would_make_another_is_refused(headers: dict[Any, Any]) -> None:
    with pytest.raises(ConfigurationError, match=r"header|authorization") as raised:
        init_chat_model("openai:m", default_headers=headers)
    assert "\n" not in str(raised.value)


@given(name=st.text())
async def test_any_text_is_one_segment_or_none(name: str) -> None:
    try:
        segment = path_segment(name)
    except ConfigurationError:
        return
    assert urlsplit(f"https://host/{segment}/end").path == f"/{segment}/end"
    assert "/" not in segment
    assert segment.isascii()


async def test_segments_keep_what_divides_them() -> None:
    assert path_segments("publishers/google/models/m@1:x") == "publishers/google/models/m@1%3Ax"
    for name in ("a//b", "a/./b", "a/..", "/a"):
        with pytest.raises(ConfigurationError):
            path_segments(name)
