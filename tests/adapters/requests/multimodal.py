"""Images, sounds, films and documents in every form in which users may write them, and what becomes of them."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from tests.adapters.requests.encoding import SPEAKERS, Speaker
from tidewire.errors import ConfigurationError
from tidewire.events.blocks import JSONObject

#: A thing in all its forms: the standard one first.
Forms = Mapping[str, JSONObject]

PNG = "iVBORw0KGgoAAAAN"
WAV = "UklGRiQAAABXQVZF"
MP4 = "AAAAGGZ0eXBtcDQy"
PDF = "JVBERi0xLjcK"
TEXT = "VGlkZXMu"  # "Tides."


def _google(mime_type: str, **data: str) -> dict[str, JSONObject]:
    """Google's part, in both of its spellings."""
    if "data" in data:
        return {
            "google": {"inline_data": {"mime_type": mime_type, **data}},
            "google, camel case": {"inlineData": {"mimeType": mime_type, **data}},
        }
    return {
        "google": {"file_data": {"mime_type": mime_type, "file_uri": data["uri"]}},
        "google, camel case": {"fileData": {"mimeType": mime_type, "fileUri": data["uri"]}},
    }


def _converse(kind: str, form: str, source: JSONObject, **more: str) -> dict[str, JSONObject]:
    return {"bedrock": {kind: {"format": form, **more, "source": source}}}


def _anthropic(kind: str, **source: str) -> dict[str, JSONObject]:
    return {"anthropic": {"type": kind, "source": source}}


def _older(kind: str, source_type: str, **data: str) -> dict[str, JSONObject]:
    return {"older standard": {"type": kind, "source_type": source_type, **data}}


_PNG_URL, _PDF_URL = f"data:image/png;base64,{PNG}", f"data:application/pdf;base64,{PDF}"
_I, _A, _V, _D = (f"https://e.org/{name}" for name in ("i.png", "a.wav", "v.mp4", "d.pdf"))

THINGS: Mapping[str, Forms] = {
    "image by address": {
        "standard": {"type": "image", "url": _I, "mime_type": "image/png"},
        "openai chat": {"type": "image_url", "image_url": {"url": _I}},
        "openai responses": {"type": "input_image", "image_url": _I},
        **_anthropic("image", type="url", url=_I),
        **_google("image/png", uri=_I),
        **_older("image", "url", url=_I),
    },
    "image": {
        "standard": {"type": "image", "base64": PNG, "mime_type": "image/png"},
        "standard, data url": {"type": "image", "url": _PNG_URL},
        "openai chat": {"type": "image_url", "image_url": {"url": _PNG_URL}},
        "openai responses": {"type": "input_image", "image_url": _PNG_URL},
        **_anthropic("image", type="base64", media_type="image/png", data=PNG),
        **_google("image/png", data=PNG),
        **_converse("image", "png", {"bytes": PNG}),
        **_older("image", "base64", data=PNG, mime_type="image/png"),
    },
    "uploaded image": {
        "standard": {"type": "image", "file_id": "file-1"},
        "openai responses": {"type": "input_image", "file_id": "file-1"},
        **_anthropic("image", type="file", file_id="file-1"),
        **_older("image", "id", id="file-1"),
    },
    "image in S3": {
        "standard": {"type": "image", "url": "s3://b/i.png", "mime_type": "image/png"},
        **_converse("image", "png", {"s3Location": {"uri": "s3://b/i.png"}}),
    },
    "sound": {
        "standard": {"type": "audio", "base64": WAV, "mime_type": "audio/wav"},
        "openai chat": {"type": "input_audio", "input_audio": {"data": WAV, "format": "wav"}},
        **_google("audio/wav", data=WAV),
        **_converse("audio", "wav", {"bytes": WAV}),
        **_older("audio", "base64", data=WAV, mime_type="audio/wav"),
    },
    "sound by address": {
        "standard": {"type": "audio", "url": _A, "mime_type": "audio/wav"},
        **_google("audio/wav", uri=_A),
        **_older("audio", "url", url=_A),
    },
    "uploaded sound": {
        "standard": {"type": "audio", "file_id": "file-1"},
        **_older("audio", "id", id="file-1"),
    },
    "film": {
        "standard": {"type": "video", "base64": MP4, "mime_type": "video/mp4"},
        **_google("video/mp4", data=MP4),
        **_converse("video", "mp4", {"bytes": MP4}),
    },
    "film by address": {
        "standard": {"type": "video", "url": _V, "mime_type": "video/mp4"},
        "hosts of openai's format": {"type": "video_url", "video_url": {"url": _V}},
        **_google("video/mp4", uri=_V),
    },
    "film in S3": {
        "standard": {"type": "video", "url": "s3://b/v.mp4", "mime_type": "video/mp4"},
        **_converse("video", "mp4", {"s3Location": {"uri": "s3://b/v.mp4"}}),
    },
    "PDF": {
        "standard": {"type": "file", "base64": PDF, "mime_type": "application/pdf"},
        "standard, data url": {"type": "file", "url": _PDF_URL},
        "openai chat": {"type": "file", "file": {"file_data": _PDF_URL}},
        "openai responses": {"type": "input_file", "file_data": _PDF_URL},
        **_anthropic("document", type="base64", media_type="application/pdf", data=PDF),
        **_google("application/pdf", data=PDF),
    },
    "PDF with a name": {
        "standard": {"type": "file", "base64": PDF, "mime_type": "application/pdf", "extras": {"filename": "d.pdf"}},
        "openai chat": {"type": "file", "file": {"file_data": _PDF_URL, "filename": "d.pdf"}},
        "openai responses": {"type": "input_file", "file_data": _PDF_URL, "filename": "d.pdf"},
        "anthropic": {
            "type": "document",
            "source": {"type": "base64", "media_type": "application/pdf", "data": PDF},
            "title": "d.pdf",
        },
        **_converse("document", "pdf", {"bytes": PDF}, name="d"),
        **_older("file", "base64", data=PDF, mime_type="application/pdf", filename="d.pdf"),
    },
    "PDF by address": {
        "standard": {"type": "file", "url": _D, "mime_type": "application/pdf"},
        "openai responses": {"type": "input_file", "file_url": _D},
        "mistral": {"type": "document_url", "document_url": _D},
        **_anthropic("document", type="url", url=_D),
        **_google("application/pdf", uri=_D),
        **_older("file", "url", url=_D),
    },
    "uploaded PDF": {
        "standard": {"type": "file", "file_id": "file-1"},
        "openai chat": {"type": "file", "file": {"file_id": "file-1"}},
        "openai responses": {"type": "input_file", "file_id": "file-1"},
        **_anthropic("document", type="file", file_id="file-1"),
        **_older("file", "id", id="file-1"),
    },
    "PDF in S3": {
        "standard": {"type": "file", "url": "s3://b/d.pdf", "extras": {"bucketOwner": "123"}},
        **_converse("document", "pdf", {"s3Location": {"uri": "s3://b/d.pdf", "bucketOwner": "123"}}, name="d"),
    },
    "text": {
        "standard": {"type": "text-plain", "text": "Tides."},
        **_anthropic("document", type="text", media_type="text/plain", data="Tides."),
        **_older("file", "text", text="Tides."),
    },
    "text with a name": {
        "standard": {"type": "text-plain", "text": "Tides.", "extras": {"filename": "d.txt"}},
        **_converse("document", "txt", {"text": "Tides."}, name="d"),
    },
    "text by address": {"standard": {"type": "text-plain", "url": "https://e.org/t.txt"}},
    "text file": {
        "standard": {"type": "file", "base64": TEXT, "mime_type": "text/plain"},
        **_anthropic("document", type="base64", media_type="text/plain", data=TEXT),
        **_google("text/plain", data=TEXT),
    },
}


def outcome(speaker: Speaker, spell: Callable[[Speaker], tuple[JSONObject, Any]], kind: str) -> str:
    """What a provider is sent for a block, as JSON, or why it is refused.

    Args:
        speaker: The provider.
        spell: Gives a body with the block in it, and the part of the body that stands for the block.
        kind: The block's type, which a refusal names.
    """
    try:
        body, part = spell(speaker)
    except ConfigurationError as error:
        refusal = error.message
    else:
        assert speaker.problem(body) is None
        return json.dumps(part, separators=(",", ":"))
    name = next(name for name in (speaker.provider, "bedrock") if name in refusal)
    assert kind in refusal
    return "refused: " + refusal.replace(name, "{provider}")


def table(rows: Iterable[tuple[str, Mapping[str, str]]]) -> str:
    """Outcomes by thing; providers with the same one stand together."""
    lines: list[str] = []
    for thing, outcomes in rows:
        lines.append(thing)
        speakers: defaultdict[str, list[str]] = defaultdict(list)
        for name in SPEAKERS:
            speakers[outcomes[name]].append(name)
        for said, names in speakers.items():
            lines += (f"  {', '.join(names)}", f"    {said}")
    return "\n".join(lines)


__all__ = ["THINGS", "Forms", "outcome", "table"]
