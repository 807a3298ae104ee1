"""Content as users write it, in whatever provider's spelling they know, as standard blocks.

Known besides the standard form: OpenAI's content parts (chat and Responses), Anthropic's blocks, Gemini's and Bedrock
Converse's parts. What is none of these becomes a ``non_standard`` block and is passed on as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, cast

from tidewire.events.blocks import BLOCK_TYPES, ContentBlock, JSONObject
from tidewire.events.errors import ConfigurationError

#: What the ``content`` of a message may be.
Content = str | Iterable[str | Mapping[str, Any]]

_AUDIO_TYPES = {
    "wav": "audio/wav",
    "mp3": "audio/mpeg",
    "flac": "audio/flac",
    "opus": "audio/ogg",
    "pcm16": "audio/pcm",
}


def standard_blocks(content: Content) -> list[ContentBlock]:
    """The standard blocks of a content; the given value is not changed.

    Raises:
        ConfigurationError: A part is neither a string nor a dict.
    """
    if isinstance(content, str):
        return [{"type": "text", "text": content}] if content else []
    return [_standard(part) for part in content]


def _standard(part: object) -> ContentBlock:
    if isinstance(part, str):
        return {"type": "text", "text": part}
    if not isinstance(part, Mapping):
        raise ConfigurationError(f"a part of a message's content must be a string or a dict, got {type(part).__name__}")
    given = cast("Mapping[str, Any]", part)
    kind = given.get("type")
    if kind in BLOCK_TYPES and not _is_foreign(given):
        return cast("ContentBlock", dict(given))
    read = _READERS.get(kind) if isinstance(kind, str) else _reader_by_key(given)
    block = read(given) if read is not None else None
    if block is None:
        return {"type": "non_standard", "value": dict(given)}
    kept = {key: given[key] for key in ("cache_control", "cachePoint") if key in given}
    if kept:
        block["extras"] = {**block.get("extras", {}), **kept}
    return cast("ContentBlock", block)


def _is_foreign(part: Mapping[str, Any]) -> bool:
    """Spellings whose ``type`` a standard block has too: Anthropic's image source, OpenAI's file object."""
    kind = part.get("type")
    if kind in ("image", "video", "audio", "file"):
        return "source" in part or "source_type" in part or kind in part
    return False


def _image_url(part: Mapping[str, Any]) -> JSONObject | None:
    image = part.get("image_url")
    url = image.get("url") if isinstance(image, Mapping) else image
    if not isinstance(url, str):
        return None
    block = _at("image", url)
    detail = image.get("detail") if isinstance(image, Mapping) else part.get("detail")
    if detail is not None:
        block["extras"] = {"detail": detail}
    return block


def _input_image(part: Mapping[str, Any]) -> JSONObject | None:
    if isinstance(part.get("file_id"), str):
        return {"type": "image", "file_id": part["file_id"]}
    return _image_url(part)


def _input_audio(part: Mapping[str, Any]) -> JSONObject | None:
    audio = part.get("input_audio")
    if not isinstance(audio, Mapping) or "data" not in audio:
        return None
    form = str(audio.get("format", "wav"))
    return {"type": "audio", "base64": audio["data"], "mime_type": _AUDIO_TYPES.get(form, f"audio/{form}")}


def _file(part: Mapping[str, Any]) -> JSONObject | None:
    inner = part.get("file")
    file: Mapping[str, Any] = inner if isinstance(inner, Mapping) else part
    block: JSONObject | None = None
    if isinstance(file.get("file_id"), str):
        block = {"type": "file", "file_id": file["file_id"]}
    elif isinstance(file.get("file_data"), str):
        block = _at("file", file["file_data"])
        if "url" in block:  # bare base64, without the head of a data URL
            block = {"type": "file", "base64": file["file_data"], "mime_type": "application/pdf"}
    elif isinstance(file.get("file_url"), str):
        block = {"type": "file", "url": file["file_url"]}
    elif "source_type" in part:
        return _by_source_type(part)
    elif "source" in part:
        return _source(part)
    if block is not None and isinstance(file.get("filename"), str):
        block["extras"] = {"filename": file["filename"]}
    return block


def _source(part: Mapping[str, Any]) -> JSONObject | None:
    """Anthropic's image and document blocks, and the older standard form with ``source_type``."""
    if "source_type" in part:
        return _by_source_type(part)
    source = part.get("source")
    if not isinstance(source, Mapping):
        return None
    kind = "file" if part.get("type") == "document" else str(part.get("type"))
    block: JSONObject
    match source.get("type"):
        case "base64":
            block = {"type": kind, "base64": source.get("data", ""), "mime_type": source.get("media_type", "")}
        case "url":
            block = {"type": kind, "url": source.get("url", "")}
        case "file":
            block = {"type": kind, "file_id": source.get("file_id", "")}
        case "text":
            block = {"type": "text-plain", "text": source.get("data", ""), "mime_type": "text/plain"}
            block.update({key: part[key] for key in ("title", "context") if isinstance(part.get(key), str)})
            return _with_extras(block, part, ("citations",))
        case _:
            return None
    return _with_extras(block, part, ("citations", "title", "context"))


def _by_source_type(part: Mapping[str, Any]) -> JSONObject | None:
    kind = str(part.get("type"))
    block: JSONObject
    match part.get("source_type"):
        case "base64":
            block = {"type": kind, "base64": part.get("data", "")}
        case "url":
            block = {"type": kind, "url": part.get("url", "")}
        case "id":
            block = {"type": kind, "file_id": part.get("id", "")}
        case "text":
            return {
                "type": "text-plain",
                "text": part.get("text", ""),
                "mime_type": part.get("mime_type", "text/plain"),
            }
        case _:
            return None
    if isinstance(part.get("mime_type"), str):
        block["mime_type"] = part["mime_type"]
    if isinstance(part.get("filename"), str):
        block["extras"] = {"filename": part["filename"]}
    return block


def _input_text(part: Mapping[str, Any]) -> JSONObject | None:
    text = part.get("text")
    return {"type": "text", "text": text} if isinstance(text, str) else None


def _thinking(part: Mapping[str, Any]) -> JSONObject | None:
    block: JSONObject = {"type": "reasoning", "reasoning": part.get("thinking") or ""}
    return _with_extras(block, part, ("signature",))


def _redacted(part: Mapping[str, Any]) -> JSONObject | None:
    return {"type": "reasoning", "extras": {"redacted_data": part.get("data", "")}}


def _tool_use(part: Mapping[str, Any]) -> JSONObject | None:
    args = part.get("input")
    if not isinstance(part.get("name"), str) or not isinstance(args, Mapping):
        return None
    return {"type": "tool_call", "id": part.get("id"), "name": part["name"], "args": dict(args)}


def _inline_data(part: Mapping[str, Any]) -> JSONObject | None:
    """Gemini: ``{"inline_data": {"mime_type", "data"}}``, also in camel case."""
    data = part.get("inline_data") or part.get("inlineData")
    if not isinstance(data, Mapping) or "data" not in data:
        return None
    mime = str(data.get("mime_type") or data.get("mimeType") or "")
    return {"type": _kind_of(mime), "base64": data["data"], "mime_type": mime}


def _file_data(part: Mapping[str, Any]) -> JSONObject | None:
    """Gemini: ``{"file_data": {"mime_type", "file_uri"}}``, also in camel case."""
    data = part.get("file_data") or part.get("fileData")
    if not isinstance(data, Mapping):
        return None
    uri = data.get("file_uri") or data.get("fileUri")
    if not isinstance(uri, str):
        return None
    mime = str(data.get("mime_type") or data.get("mimeType") or "")
    block: JSONObject = {"type": _kind_of(mime), "url": uri}
    if mime:
        block["mime_type"] = mime
    return block


def _text_only(part: Mapping[str, Any]) -> JSONObject | None:
    return _input_text(part) if set(part) <= {"text"} else None


def _at(kind: str, url: str) -> JSONObject:
    """A block for an address; a base64 data URL is taken apart."""
    if url.startswith("data:"):
        head, comma, data = url[5:].partition(",")
        if comma and head.endswith(";base64"):
            return {"type": kind, "base64": data, "mime_type": head.removesuffix(";base64")}
    return {"type": kind, "url": url}


def _kind_of(mime: str) -> str:
    family = mime.partition("/")[0]
    return family if family in ("image", "audio", "video") else "file"


def _with_extras(block: JSONObject, part: Mapping[str, Any], keys: tuple[str, ...]) -> JSONObject:
    extras = {key: part[key] for key in keys if part.get(key) is not None}
    if extras:
        block["extras"] = extras
    return block


_READERS: dict[str | None, Callable[[Mapping[str, Any]], JSONObject | None]] = {
    "image_url": _image_url,
    "input_image": _input_image,
    "input_audio": _input_audio,
    "input_file": _file,
    "file": _file,
    "image": _source,
    "audio": _source,
    "video": _source,
    "document": _source,
    "input_text": _input_text,
    "output_text": _input_text,
    "thinking": _thinking,
    "redacted_thinking": _redacted,
    "tool_use": _tool_use,
}


def _reader_by_key(part: Mapping[str, Any]) -> Callable[[Mapping[str, Any]], JSONObject | None] | None:
    """Formats whose parts have no ``type``: the key that is there tells them apart."""
    for keys, read in (
        (("inline_data", "inlineData"), _inline_data),
        (("file_data", "fileData"), _file_data),
        (("text",), _text_only),
    ):
        if any(key in part for key in keys):
            return read
    return None


__all__ = ["Content", "standard_blocks"]
