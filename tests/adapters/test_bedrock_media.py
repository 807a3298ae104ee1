"""Images, documents, videos and sounds in Converse's form; whatever comes out is also checked by botocore's model."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.adapters.bedrock_judge import problem_with, service
from tidewire.adapters.bedrock_media import MEDIA, DocumentNames, joined_base64, read_media, write_media
from tidewire.events.errors import ConfigurationError

BYTES = base64.b64encode(b"bytes").decode()


def write(**block: Any) -> dict[str, Any]:
    """The medium, without the key of its kind."""
    spelled = write_media(block, DocumentNames())
    assert problem_with({"messages": [{"role": "user", "content": [spelled]}]}) is None
    ((kind, medium),) = spelled.items()
    assert kind in MEDIA
    held: dict[str, Any] = medium
    return held


@pytest.mark.parametrize(
    ("kind", "mime", "form"),
    [
        ("image", "image/png", "png"),
        ("image", "image/jpeg", "jpeg"),
        ("image", "image/jpg", "jpeg"),
        ("image", "IMAGE/WEBP; x=1", "webp"),
        ("file", "application/pdf", "pdf"),
        ("file", "text/csv; charset=utf-8", "csv"),
        ("file", "application/vnd.openxmlformats-officedocument.wordprocessingml.document", "docx"),
        ("text-plain", "text/markdown", "md"),
        ("video", "video/quicktime", "mov"),
        ("video", "video/3gpp", "three_gp"),
        ("audio", "audio/mpeg", "mp3"),
        ("audio", "audio/x-wav", "wav"),
    ],
)
def test_a_format_is_a_word_of_its_mime_type(kind: str, mime: str, form: str) -> None:
    spelled = write(type=kind, base64=BYTES, mime_type=mime)
    assert (spelled["format"], spelled["source"]) == (form, {"bytes": BYTES})


def test_every_format_of_the_service_is_read_and_written_again() -> None:
    other: list[str] = []
    for kind, shape in (
        ("image", "ImageFormat"),
        ("document", "DocumentFormat"),
        ("video", "VideoFormat"),
        ("audio", "AudioFormat"),
    ):
        forms: list[str] = service().shape_for(shape).metadata["enum"]
        for form in forms:
            block = read_media(kind, {"format": form, "source": {"bytes": BYTES}})
            assert block is not None
            if write(**block)["format"] != form:
                other.append(f"{kind} {form}")
    assert other == ["audio mpeg"]  # whose MIME type mp3 has too


def test_an_object_in_s3_is_named_by_its_place() -> None:
    assert write(type="video", url="s3://bucket/a.MP4") == {
        "format": "mp4",
        "source": {"s3Location": {"uri": "s3://bucket/a.MP4"}},
    }
    for owner in ({"extras": {"bucketOwner": "123456789012"}}, {"bucket_owner": "123456789012"}):
        place = {"uri": "s3://bucket/b", "bucketOwner": "123456789012"}
        spelled = write(type="image", url="s3://bucket/b", mime_type="image/png", **owner)
        assert spelled["source"] == {"s3Location": place}
    assert write(type="file", url="s3://bucket/dir/the report.docx")["name"] == "the report"


@pytest.mark.parametrize(
    ("block", "message"),
    [
        ({"type": "image", "url": "https://x/a.png"}, "'image' as base64 or by an s3:// url: it loads nothing"),
        ({"type": "image", "url": "data:image/png,abc"}, "by an s3:// url"),
        ({"type": "file", "file_id": "f"}, "type 'file' as base64 or by an s3:// url: it has no uploaded files"),
        ({"type": "video"}, "it has no uploaded files"),
        ({"type": "image", "base64": BYTES}, "takes no image without a mime_type; it takes image/png, image/jpeg"),
        ({"type": "image", "base64": BYTES, "mime_type": "image/tiff"}, "takes no image of type 'image/tiff'"),
        ({"type": "file", "base64": BYTES, "mime_type": "application/zip"}, "takes no document of type"),
        ({"type": "audio", "url": "s3://b/a.xyz"}, "takes no audio without a mime_type"),
    ],
)
def test_what_converse_cannot_take_is_refused_by_name(block: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        write(**block)
    assert message in caught.value.message


def test_a_document_has_a_format_and_a_name_though_it_says_neither() -> None:
    assert write(type="file", base64=BYTES) == {"format": "pdf", "name": "document", "source": {"bytes": BYTES}}


@pytest.mark.parametrize(
    ("fields", "name", "form"),
    [
        ({"extras": {"filename": "report v1.2.docx"}}, "report v1-2", "docx"),
        ({"filename": "page.HTM"}, "page", "html"),
        ({"filename": "notes.old"}, "notes-old", "pdf"),
        ({"filename": "pdf"}, "pdf", "pdf"),
        ({"extras": {"title": "Q3: profit\n & loss"}}, "Q3- profit - loss", "pdf"),
        ({"name": "[a] (b)-c", "filename": "other.pdf"}, "[a] (b)-c", "pdf"),
        ({"filename": "  "}, "document", "pdf"),
        ({"filename": "x" * 300 + ".pdf"}, "x" * 195, "pdf"),
    ],
)
def test_a_document_s_name_has_only_what_converse_takes(fields: dict[str, Any], name: str, form: str) -> None:
    spelled = write(type="file", base64=BYTES, **fields)
    assert (spelled["name"], spelled["format"]) == (name, form)


def test_two_documents_of_a_request_never_have_the_same_name() -> None:
    names = DocumentNames()
    assert [names.name("a"), names.name("a"), names.name("a"), names.name("a 2")] == ["a", "a 2", "a 3", "a 2 2"]


@given(st.lists(st.text(max_size=250), max_size=5))
def test_any_names_become_valid_ones_of_their_own(wanted: list[str]) -> None:
    names = DocumentNames()
    found = [names.name(name) for name in wanted]
    assert len(set(found)) == len(found)
    for name in found:
        assert 1 <= len(name) <= 200
        assert "  " not in name
        assert all(letter.isascii() and (letter.isalnum() or letter in " -()[]") for letter in name)


def test_a_text_is_a_document_of_bytes_or_of_text_where_it_can_be_cited() -> None:
    encoded = base64.b64encode("é".encode()).decode()
    assert write(type="text-plain", text="é") == {"format": "txt", "name": "document", "source": {"bytes": encoded}}
    cited = write(type="text-plain", text="é", title="t", context="c", citations={"enabled": True})
    assert cited == {
        "format": "txt",
        "name": "t",
        "source": {"text": "é"},
        "context": "c",
        "citations": {"enabled": True},
    }


def test_a_medium_of_a_reply_without_bytes_and_place_is_none() -> None:
    assert read_media("image", {"format": "png"}) is None
    assert read_media("image", {"format": "png", "source": {}}) is None


def test_pieces_of_bytes_are_joined_as_bytes() -> None:
    assert joined_base64(["YQ=="]) == "YQ=="
    assert joined_base64(["YQ==", "Yg=="]) == base64.b64encode(b"ab").decode()
    with pytest.raises(ValueError, match="base64"):
        joined_base64(["YQ==", "!"])
