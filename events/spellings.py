"""Parts of a message's content as each provider spells them, read as standard blocks.

Known are OpenAI's content parts (chat and Responses, and what hosts of its format add), Anthropic's blocks, Gemini's
and Bedrock Converse's parts, Ollama's images, and the older standard form with ``source_type``. A reader gives None for
a part that lacks what its kind needs, or holds more than the standard form has a place for.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Mapping
from typing import TypeAlias, cast

from tidewire.events.blocks import JSONObject

#: The types of blocks that hold bytes or their address.
MEDIA = ("image", "video", "audio", "file")
#: What marks the end of a prompt's beginning that is worth keeping: Anthropic's, Converse's and OpenAI's.
CACHE_MARKS = ("cache_control", "cachePoint", "prompt_cache_breakpoint")

_AUDIO_TYPES = {
    "wav": "audio/wav",
    "mp3": "audio/mpeg",
    "flac": "audio/flac",
    "opus": "audio/ogg",
    "pcm16": "audio/pcm",
}
# Converse names formats by their endings; most have these in their media types too.
_CONVERSE_TYPES: Mapping[str, Mapping[str, str]] = {
    "audio": {"mka": "audio/x-matroska", "mp3": "audio/mpeg"},
    "document": {
        "csv": "text/csv",
        "doc": "application/msword",
        "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "html": "text/html",
        "md": "text/markdown",
        "pdf": "application/pdf",
        "txt": "text/plain",
        "xls": "application/vnd.ms-excel",
        "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    },
    "image": {},
    "video": {
        "mkv": "video/x-matroska",
        "mov": "video/quicktime",
        "three_gp": "video/3gpp",
        "wmv": "video/x-ms-wmv",
    },
}

_Reader: TypeAlias = Callable[[JSONObject], JSONObject | None]


def read_part(part: JSONObject) -> JSONObject | None:
    """The standard block of a part in some provider's spelling; None if it is in none that is known."""
    kind = part.get("type")
    read = _READERS.get(kind) if isinstance(kind, str) else _reader_by_key(part)
    return None if read is None else read(part)


def _dict_in(part: JSONObject, *keys: str) -> JSONObject | None:
    """The dict that stands under the first of these keys, if there is one."""
    for key in keys:
        if isinstance(part.get(key), Mapping):
            return cast("JSONObject", part[key])
    return None


def _text_in(part: JSONObject, *keys: str) -> str | None:
    """The text that stands under the first of these keys, if there is one."""
    for key in keys:
        if isinstance(part.get(key), str):
            return cast("str", part[key])
    return None


def _with_extras(block: JSONObject, part: JSONObject, *keys: str) -> JSONObject:
    extras = {key: part[key] for key in keys if part.get(key) is not None}
    if extras:
        block["extras"] = extras
    return block


def _kind_of(mime_type: str) -> str:
    family = mime_type.partition("/")[0]
    return family if family in MEDIA else "file"


# -- Ollama

#: What images begin with, in base64.
_BEGINNINGS = {"iVBORw0KGgo": "image/png", "/9j/": "image/jpeg", "R0lGOD": "image/gif", "UklGR": "image/webp"}


def bare_image(data: str) -> JSONObject:
    """An image that stands beside a message's text, in base64 and without its type."""
    found = next((kind for beginning, kind in _BEGINNINGS.items() if data.startswith(beginning)), None)
    return {"type": "image", "base64": data} if found is None else {"type": "image", "base64": data, "mime_type": found}


# -- OpenAI


def _image_url(part: JSONObject) -> JSONObject | None:
    image = _dict_in(part, "image_url")
    url = _text_in(part, "image_url") if image is None else _text_in(image, "url")
    if url is None:
        return None
    return _with_extras({"type": "image", "url": url}, part if image is None else image, "detail")


def _input_image(part: JSONObject) -> JSONObject | None:
    file_id = _text_in(part, "file_id")
    return _image_url(part) if file_id is None else _with_extras({"type": "image", "file_id": file_id}, part, "detail")


def _input_audio(part: JSONObject) -> JSONObject | None:
    audio = _dict_in(part, "input_audio")
    data = _text_in(audio, "data") if audio is not None else None
    if audio is None or data is None:
        return None
    form = _text_in(audio, "format") or "wav"
    return {"type": "audio", "base64": data, "mime_type": _AUDIO_TYPES.get(form, f"audio/{form}")}


def _file(part: JSONObject) -> JSONObject | None:
    """OpenAI's file: its fields stand in ``file`` (chat) or in the part itself (Responses)."""
    file = _dict_in(part, "file") or part
    if (file_id := _text_in(file, "file_id")) is not None:
        block: JSONObject = {"type": "file", "file_id": file_id}
    elif (data := _text_in(file, "file_data")) is not None:
        bare: JSONObject = {"type": "file", "base64": data, "mime_type": "application/pdf"}
        block = {"type": "file", "url": data} if data.startswith("data:") else bare
    elif (url := _text_in(file, "file_url")) is not None:
        block = {"type": "file", "url": url}
    else:
        return _source(part)
    return _with_extras(block, file, "filename", "detail")


def _video_url(part: JSONObject) -> JSONObject | None:
    """A video by its address, as hosts of OpenAI's format have it; with anything beside that, it is not only that."""
    video = _dict_in(part, "video_url")
    url = _text_in(video, "url") if video is not None and video.keys() == {"url"} else None
    if url is None or part.keys() - CACHE_MARKS != {"type", "video_url"}:
        return None
    return {"type": "video", "url": url}


def _document_url(part: JSONObject) -> JSONObject | None:
    """Mistral's document."""
    url = _text_in(part, "document_url")
    if url is None:
        return None
    return _with_extras({"type": "file", "url": url}, {"filename": part.get("document_name")}, "filename")


def _input_text(part: JSONObject) -> JSONObject | None:
    text = _text_in(part, "text")
    return None if text is None else {"type": "text", "text": text}


# -- Anthropic


def _source(part: JSONObject) -> JSONObject | None:
    """Anthropic's image and document blocks, and the older standard form with ``source_type``."""
    if "source_type" in part:
        return _by_source_type(part)
    source = _dict_in(part, "source")
    if source is None:
        return None
    kind = "file" if part["type"] == "document" else part["type"]
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
            return _with_extras(block, part, "citations")
        case _:
            return None
    return _with_extras(block, part, "citations", "title", "context")


def _thinking(part: JSONObject) -> JSONObject | None:
    return _with_extras({"type": "reasoning", "reasoning": _text_in(part, "thinking") or ""}, part, "signature")


def _redacted(part: JSONObject) -> JSONObject | None:
    return {"type": "reasoning", "extras": {"redacted_data": part.get("data", "")}}


def _tool_use(part: JSONObject) -> JSONObject | None:
    name, args = _text_in(part, "name"), _dict_in(part, "input")
    if name is None or args is None:
        return None
    block: JSONObject = {"type": "tool_call", "id": part.get("id"), "name": name, "args": args}
    return _with_extras(block, part, "caller")


# -- the older standard form


def _by_source_type(part: JSONObject) -> JSONObject | None:
    block: JSONObject = {"type": part["type"]}
    match part["source_type"]:
        case "base64":
            block["base64"] = part.get("data", "")
        case "url":
            block["url"] = part.get("url", "")
        case "id":
            block["file_id"] = part.get("id", "")
        case "text":
            block = {"type": "text-plain", "text": part.get("text", ""), "mime_type": "text/plain"}
        case _:
            return None
    mime_type = _text_in(part, "mime_type")
    if mime_type is not None:
        block["mime_type"] = mime_type
    return _with_extras(block, part, "filename")


# -- Gemini


def _inline_data(part: JSONObject) -> JSONObject | None:
    """``{"inline_data": {"mime_type", "data"}}``, also in camel case."""
    blob = _dict_in(part, "inline_data", "inlineData")
    data = blob.get("data") if blob is not None else None
    if blob is None or not isinstance(data, (str, bytes)):
        return None
    mime_type = _text_in(blob, "mime_type", "mimeType") or ""
    block: JSONObject = {"type": _kind_of(mime_type), "base64": _as_base64(data), "mime_type": mime_type}
    return _with_gemini_extras(block, part, blob)


def _file_data(part: JSONObject) -> JSONObject | None:
    """``{"file_data": {"mime_type", "file_uri"}}``, also in camel case."""
    file = _dict_in(part, "file_data", "fileData")
    uri = _text_in(file, "file_uri", "fileUri") if file is not None else None
    if file is None or uri is None:
        return None
    mime_type = _text_in(file, "mime_type", "mimeType")
    block: JSONObject = {"type": _kind_of(mime_type or ""), "url": uri}
    if mime_type is not None:
        block["mime_type"] = mime_type
    return _with_gemini_extras(block, part, file)


def _with_gemini_extras(block: JSONObject, part: JSONObject, data: JSONObject) -> JSONObject:
    """With what stands beside the data, under the names in snake case, and with the name of the file."""
    found = {
        "filename": _text_in(data, "display_name", "displayName"),
        "media_resolution": part.get("media_resolution", part.get("mediaResolution")),
        "video_metadata": part.get("video_metadata", part.get("videoMetadata")),
    }
    return _with_extras(block, found, *found)


def _text_only(part: JSONObject) -> JSONObject | None:
    """A part of Gemini or Converse; with anything beside the text, it is not only that."""
    return _input_text(part) if part.keys() == {"text"} else None


# -- Bedrock Converse


def _converse_image(part: JSONObject) -> JSONObject | None:
    return _converse(part, "image", "image")


def _converse_audio(part: JSONObject) -> JSONObject | None:
    return _converse(part, "audio", "audio")


def _converse_video(part: JSONObject) -> JSONObject | None:
    return _converse(part, "video", "video")


def _converse_document(part: JSONObject) -> JSONObject | None:
    return _converse(part, "document", "file")


def _converse(part: JSONObject, key: str, kind: str) -> JSONObject | None:
    """``{"image": {"format", "source": {"bytes"}}}``, or ``{"s3Location": {"uri"}}`` as the source; so for others."""
    media = _dict_in(part, key)
    source = _dict_in(media, "source") if media is not None else None
    if media is None or source is None:
        return None
    form, name = _text_in(media, "format") or "", _text_in(media, "name")
    block: JSONObject = {"type": kind, "mime_type": _CONVERSE_TYPES[key].get(form, f"{key}/{form}")}
    found = {
        "filename": None if name is None else f"{name}.{form}",  # names have no dots there, so this loses nothing
        "context": media.get("context"),
        "citations": media.get("citations"),
    }
    place = _dict_in(source, "s3Location")
    if isinstance(source.get("bytes"), (str, bytes)):
        block["base64"] = _as_base64(source["bytes"])
    elif kind == "file" and isinstance(source.get("text"), str):
        block = {**block, "type": "text-plain", "text": source["text"]}
    elif place is not None and "uri" in place:
        block["url"] = place["uri"]
        found["bucketOwner"] = place.get("bucketOwner")
    else:
        return None
    return _with_extras(block, found, *found)


def _as_base64(data: str | bytes) -> str:
    """Both SDKs take bytes, which their JSON has in base64."""
    return data if isinstance(data, str) else b64encode(data).decode()


_READERS: dict[str, _Reader] = {
    "image_url": _image_url,
    "input_image": _input_image,
    "input_audio": _input_audio,
    "input_file": _file,
    "video_url": _video_url,
    "document_url": _document_url,
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
# Formats whose parts have no ``type``: the key that is there tells them apart.
_READERS_BY_KEY: dict[str, _Reader] = {
    "inline_data": _inline_data,
    "inlineData": _inline_data,
    "file_data": _file_data,
    "fileData": _file_data,
    "image": _converse_image,
    "audio": _converse_audio,
    "video": _converse_video,
    "document": _converse_document,
    "text": _text_only,
}


def _reader_by_key(part: JSONObject) -> _Reader | None:
    return next((read for key, read in _READERS_BY_KEY.items() if key in part), None)


__all__ = ["CACHE_MARKS", "MEDIA", "bare_image", "read_part"]
