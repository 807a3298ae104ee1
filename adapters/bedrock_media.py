"""Images, documents, videos and sounds in Converse's form, both ways.

Converse names a format by a word (``png``), takes bytes as base64 or the place of an object in S3 (``s3://…``), and no
other address. A document needs a name of letters, digits, single spaces, hyphens, brackets and parentheses, which the
model sees, and which no other document of the request has.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping

from tidewire.adapters.content import field_of
from tidewire.adapters.json_fields import object_of, text_of
from tidewire.events.blocks import JSONObject
from tidewire.events.errors import ConfigurationError

# Each kind's formats by MIME type; the first type of a format is the one that answers get.
_FORMATS: Mapping[str, Mapping[str, str]] = {
    "image": {
        "image/png": "png",
        "image/jpeg": "jpeg",
        "image/jpg": "jpeg",
        "image/gif": "gif",
        "image/webp": "webp",
    },
    "document": {
        "application/pdf": "pdf",
        "text/csv": "csv",
        "application/msword": "doc",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
        "application/vnd.ms-excel": "xls",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
        "text/html": "html",
        "text/plain": "txt",
        "text/markdown": "md",
    },
    "video": {
        "video/mp4": "mp4",
        "video/quicktime": "mov",
        "video/x-matroska": "mkv",
        "video/webm": "webm",
        "video/x-flv": "flv",
        "video/flv": "flv",
        "video/mpeg": "mpeg",
        "video/mpg": "mpg",
        "video/x-ms-wmv": "wmv",
        "video/3gpp": "three_gp",
    },
    "audio": {
        "audio/mpeg": "mp3",
        "audio/mp3": "mp3",
        "audio/wav": "wav",
        "audio/x-wav": "wav",
        "audio/opus": "opus",
        "audio/aac": "aac",
        "audio/x-aac": "x-aac",
        "audio/flac": "flac",
        "audio/ogg": "ogg",
        "audio/mp4": "mp4",
        "audio/m4a": "m4a",
        "audio/x-m4a": "m4a",
        "audio/x-matroska": "mka",
        "audio/mkv": "mkv",
        "audio/mpga": "mpga",
        "audio/pcm": "pcm",
        "audio/webm": "webm",
    },
}

_TYPES: Mapping[str, Mapping[str, str]] = {
    kind: {form: mime for mime, form in reversed(list(forms.items()))} for kind, forms in _FORMATS.items()
}

#: Endings of file names that are no format's word.
_ENDINGS = {"jpg": "jpeg", "htm": "html", "markdown": "md", "3gp": "three_gp"}

#: What Converse calls a standard block.
_KINDS = {"image": "image", "audio": "audio", "video": "video", "file": "document", "text-plain": "document"}

#: What a block is when it does not say.
_USUAL = {"file": "application/pdf", "text-plain": "text/plain"}

_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9\s()\[\]-]")
_NAME_LENGTH = 200

#: The keys of a reply's block that is one of these.
MEDIA = frozenset(_FORMATS)


class DocumentNames:
    """Names for the documents of one request."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def name(self, wanted: str) -> str:
        """A name that Converse takes and no other document has."""
        allowed = " ".join(_NOT_IN_NAMES.sub("-", wanted).split())[: _NAME_LENGTH - 5].strip() or "document"
        name, number = allowed, 2
        while name in self._taken:
            name, number = f"{allowed} {number}", number + 1
        self._taken.add(name)
        return name


def write_media(block: JSONObject, names: DocumentNames) -> JSONObject:
    """An image, audio, video, file or text-plain block in Converse's form.

    Raises:
        ConfigurationError: Converse cannot take it by its address or in its format.
    """
    kind = _KINDS[block["type"]]
    if kind == "document":
        return {"document": _document(block, names)}
    source, mime = _source(block)
    return {kind: {"format": _format(block, kind, mime), "source": source}}


def _document(block: JSONObject, names: DocumentNames) -> JSONObject:
    citations = field_of(block, "citations")
    source: JSONObject
    if isinstance(block.get("text"), str):
        # Every model takes bytes; places in a text can be cited only where it is sent as one.
        text = block["text"]
        source = {"text": text} if citations else {"bytes": base64.b64encode(text.encode("utf-8", "replace")).decode()}
        mime = block.get("mime_type") or "text/plain"
    else:
        source, mime = _source(block)
    stem, _, ending = _file_name(block).rpartition(".")
    named = stem if stem and _ENDINGS.get(ending.lower(), ending.lower()) in _TYPES["document"] else _file_name(block)
    document: JSONObject = {
        "format": _format(block, "document", mime),
        "name": names.name(named),
        "source": source,
    }
    for key, value in (("context", field_of(block, "context")), ("citations", citations)):
        if value is not None:
            document[key] = value
    return document


def _file_name(block: JSONObject) -> str:
    given = next((name for key in ("name", "filename", "title") if (name := field_of(block, key))), None)
    if isinstance(given, str):
        return given
    return str(block.get("url") or "").rpartition("/")[2] if _in_s3(block) else ""


def _source(block: JSONObject) -> tuple[JSONObject, str]:
    """Where the bytes are, and the MIME type as far as the block says it."""
    mime = str(block.get("mime_type") or "")
    if block.get("base64") is not None:
        return {"bytes": block["base64"]}, mime
    url = block.get("url")
    if _in_s3(block):
        place: JSONObject = {"uri": url}
        owner = field_of(block, "bucketOwner") or field_of(block, "bucket_owner")
        return {"s3Location": place if owner is None else {**place, "bucketOwner": owner}}, mime
    why = "it has no uploaded files" if url is None else "it loads nothing from the web"
    raise ConfigurationError(f"bedrock takes a block of type {block['type']!r} as base64 or by an s3:// url: {why}")


def _in_s3(block: JSONObject) -> bool:
    return str(block.get("url") or "").startswith("s3://")


def _format(block: JSONObject, kind: str, mime: str) -> str:
    known = _FORMATS[kind]
    mime = mime.partition(";")[0].strip().lower()
    if not mime:
        ending = str(field_of(block, "filename") or block.get("url") or "").rpartition(".")[2].lower()
        ending = _ENDINGS.get(ending, ending)
        if ending in _TYPES[kind]:
            return ending
        mime = _USUAL.get(block["type"], "")
    if mime in known:
        return known[mime]
    said = f"of type {mime!r}" if mime else "without a mime_type"
    raise ConfigurationError(f"bedrock takes no {kind} {said}; it takes {', '.join(known)}")


def read_media(kind: str, value: JSONObject) -> JSONObject | None:
    """The standard block of a medium in a reply; None if it holds no bytes and no place.

    Raises:
        ResponseDecodeError: A field that Converse documents has another type.
    """
    form, source = text_of(value, "format"), object_of(value, "source")
    data, place = text_of(source, "bytes"), text_of(object_of(source, "s3Location"), "uri")
    if not data and not place:
        return None
    block: JSONObject = {"type": "file" if kind == "document" else kind}
    if data:
        block["base64"] = data
    else:
        block["url"] = place
    block["mime_type"] = _TYPES[kind].get(form, f"{kind}/{form}")
    if kind == "document" and text_of(value, "name"):
        block["extras"] = {"name": value["name"]}
    return block


def joined_base64(pieces: list[str]) -> str:
    """Pieces of bytes, each in base64, as one.

    Raises:
        ValueError: One of them is no base64.
    """
    if len(pieces) == 1:
        return pieces[0]
    return base64.b64encode(b"".join(base64.b64decode(piece, validate=True) for piece in pieces)).decode()


__all__ = ["MEDIA", "DocumentNames", "joined_base64", "read_media", "write_media"]
