"""What several providers' spellings of content have in common."""

from __future__ import annotations

import pytest

from tidewire.adapters.content import data_url, field_of, file_name, plain_text, web_address
from tidewire.events.blocks import JSON, JSONObject
from tidewire.events.errors import ConfigurationError


@pytest.mark.parametrize(
    ("block", "url"),
    [
        ({"type": "image", "base64": "AAAA", "mime_type": "image/gif"}, "data:image/gif;base64,AAAA"),
        ({"type": "file", "base64": "AAAA"}, "data:application/pdf;base64,AAAA"),
    ],
)
def test_bytes_are_an_address_of_their_own(block: JSONObject, url: str) -> None:
    assert data_url(block) == url


def test_a_plain_text_is_its_text_or_what_its_bytes_say() -> None:
    assert plain_text({"type": "text-plain", "text": "a"}, "acme") == "a"
    assert plain_text({"type": "text-plain", "base64": "w6Q="}, "acme") == "ä"
    named: JSONObject = {"type": "text-plain", "text": "a", "title": "T", "extras": {"context": "C"}}
    assert plain_text(named, "acme") == "T\nC\na"


@pytest.mark.parametrize(
    ("block", "said"),
    [
        ({"type": "text-plain", "url": "https://e.org/a"}, "acme takes a text-plain block as text or base64"),
        ({"type": "text-plain", "base64": "/w=="}, "not the base64 of a UTF-8 text"),
        ({"type": "text-plain", "base64": "?"}, "not the base64 of a UTF-8 text"),
    ],
)
def test_a_plain_text_that_cannot_be_read_is_refused(block: JSONObject, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        plain_text(block, "acme")


@pytest.mark.parametrize("url", ["https://e.org/i.png", "http://e.org/i.png", "file:///i.png"])
def test_an_address_is_passed_on(url: str) -> None:
    assert web_address({"type": "image", "url": url}, "acme") == url


@pytest.mark.parametrize(
    ("block", "name"),
    [
        ({"type": "file", "title": "T", "extras": {"filename": "a.csv"}}, "a.csv"),
        ({"type": "file", "title": "T"}, "T"),
        ({"type": "file"}, "document.pdf"),
        ({"type": "text-plain"}, "document.txt"),
        ({"type": "file", "mime_type": "text/csv"}, "document.csv"),
        ({"type": "file", "mime_type": "application/zip"}, "document"),
    ],
)
def test_a_document_has_the_name_that_it_says_or_one_that_fits_its_type(block: JSONObject, name: str) -> None:
    assert file_name(block) == name


def test_an_address_in_a_cloud_s_store_is_for_those_who_open_it() -> None:
    block = {"type": "image", "url": "gs://mine/i.png"}
    assert web_address(block, "acme", opens=("gs://",)) == "gs://mine/i.png"
    with pytest.raises(ConfigurationError, match="acme takes no image block from gs://"):
        web_address(block, "acme", opens=("s3://",))


@pytest.mark.parametrize(
    ("block", "found"),
    [
        ({"title": "T"}, "T"),
        ({"extras": {"title": "T"}}, "T"),
        ({"title": "A", "extras": {"title": "T"}}, "A"),
        ({"title": None, "extras": {"title": "T"}}, "T"),
        ({"extras": None}, None),
        ({}, None),
    ],
)
def test_what_only_some_know_stands_on_the_block_or_in_its_extras(block: JSONObject, found: JSON) -> None:
    assert field_of(block, "title") == found
