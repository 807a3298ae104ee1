"""Content as users write it, in whatever provider's spelling they know, as standard blocks.

Known besides the standard form (and the older one with ``source_type``): OpenAI's content parts (chat and Responses),
Anthropic's blocks, Gemini's and Bedrock Converse's parts. What is none of these becomes a ``non_standard`` block and is
passed on as it is.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias, cast

from tidewire.events.blocks import BLOCK_TYPES, JSON, ContentBlock, JSONObject
from tidewire.events.errors import ConfigurationError

#: What the ``content`` of a message may be.
Content: TypeAlias = str | Iterable[str | Mapping[str, Any]]

# What everybody reads of a standard block, and what it may leave out.
_NEEDED: dict[str, dict[str, type]] = {
    "text": {"text": str},
    "tool_call": {"name": str, "args": dict},
    "server_tool_call": {"name": str, "args": dict},
    "server_tool_result": {"tool_call_id": str},
    "non_standard": {"value": dict},
}
_ABSENT: dict[str, JSONObject] = {
    "tool_call": {"id": None},
    "tool_call_chunk": {"id": None, "name": None, "args": None},
    "invalid_tool_call": {"id": None, "name": None, "args": None, "error": None},
}
_MEDIA = ("image", "video", "audio", "file")
# What marks the end of a prompt's beginning that is worth keeping: Anthropic's, Converse's and OpenAI's.
_CACHE_MARKS = ("cache_control", "cachePoint", "prompt_cache_breakpoint")
_AUDIO_TYPES = {
    "wav": "audio/wav",
    "mp3": "audio/mpeg",
    "flac": "audio/flac",
    "opus": "audio/ogg",
    "pcm16": "audio/pcm",
}
# Converse names formats by their endings; images and most videos have these in their media types too.
_FORMATS = {
    "csv": "text/csv",
    "doc": "application/msword",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "html": "text/html",
    "md": "text/markdown",
    "mkv": "video/x-matroska",
    "mov": "video/quicktime",
    "pdf": "application/pdf",
    "three_gp": "video/3gpp",
    "txt": "text/plain",
    "wmv": "video/x-ms-wmv",
    "xls": "application/vnd.ms-excel",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


def checked_content(content: object) -> str | list[str | JSONObject]:
    """The content as a message keeps it: a text, or a new list of texts and dicts.

    Raises:
        ConfigurationError: It is something else, or a part of it is; says which.
    """
    if isinstance(content, str):
        return content
    kind = type(content).__name__
    # A dict is a block that stands alone: iterated, it would give its keys, and bytes their numbers.
    if not isinstance(content, Iterable) or isinstance(content, (Mapping, bytes, bytearray)):
        raise ConfigurationError(f"content is a text or a list of texts and blocks, not {kind}")
    parts: list[str | JSONObject] = []
    for place, part in enumerate(cast("Iterable[object]", content)):
        if isinstance(part, str):
            parts.append(part)
        elif isinstance(part, Mapping):
            parts.append(dict(cast("Mapping[str, JSON]", part)))
        else:
            raise ConfigurationError(f"part {place} of the content is of type {type(part).__name__}, no text or dict")
    return parts


def standard_blocks(content: Content) -> list[ContentBlock]:
    """The standard blocks of a content; the given value is not changed.

    Raises:
        ConfigurationError: A part is neither a text nor a dict.
    """
    parts = checked_content(content)
    if isinstance(parts, str):
        return [{"type": "text", "text": parts}] if parts else []
    return [{"type": "text", "text": part} if isinstance(part, str) else _standard(part) for part in parts]


def _standard(part: JSONObject) -> ContentBlock:
    kind = part.get("type")
    if isinstance(kind, str) and kind in BLOCK_TYPES and not _is_foreign(kind, part):
        return _complete(kind, part)
    read = _READERS.get(kind) if isinstance(kind, str) else _reader_by_key(part)
    block = read(part) if read is not None else None
    if block is None:
        return {"type": "non_standard", "value": part}
    kept = {key: part[key] for key in _CACHE_MARKS if key in part}
    if kept:
        block["extras"] = {**block.get("extras", {}), **kept}
    return cast("ContentBlock", block)


def _complete(kind: str, part: JSONObject) -> ContentBlock:
    """A block in the standard form; one that lacks what everybody reads of its kind is passed on as it is."""
    for field, expected in _NEEDED.get(kind, {}).items():
        if not isinstance(part.get(field), expected):
            return {"type": "non_standard", "value": part}
    return cast("ContentBlock", {**_ABSENT.get(kind, {}), **part})


def _is_foreign(kind: str, part: JSONObject) -> bool:
    """Spellings whose ``type`` a standard block has too: Anthropic's image source, OpenAI's file object."""
    return kind in _MEDIA and ("source" in part or "source_type" in part or kind in part)


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


def _at(kind: str, url: str) -> JSONObject:
    """A block for an address; a base64 data URL is taken apart."""
    if url.startswith("data:"):
        head, comma, data = url[5:].partition(",")
        if comma and head.endswith(";base64"):
            return {"type": kind, "base64": data, "mime_type": head.removesuffix(";base64")}
    return {"type": kind, "url": url}


def _kind_of(mime_type: str) -> str:
    family = mime_type.partition("/")[0]
    return family if family in _MEDIA else "file"


# -- OpenAI


def _image_url(part: JSONObject) -> JSONObject | None:
    image = _dict_in(part, "image_url")
    url = _text_in(part, "image_url") if image is None else _text_in(image, "url")
    return None if url is None else _with_extras(_at("image", url), part if image is None else image, "detail")


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
        block = _at("file", data)
        if "url" in block:  # bare base64, without the head of a data URL
            block = {"type": "file", "base64": data, "mime_type": "application/pdf"}
    elif (url := _text_in(file, "file_url")) is not None:
        block = {"type": "file", "url": url}
    else:
        return _source(part)
    return _with_extras(block, file, "filename")


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
    return {"type": "tool_call", "id": part.get("id"), "name": name, "args": args}


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
    return {"type": _kind_of(mime_type), "base64": _as_base64(data), "mime_type": mime_type}


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
    return block


def _text_only(part: JSONObject) -> JSONObject | None:
    """A part of Gemini or Converse; with anything beside the text, it is not only that."""
    return _input_text(part) if part.keys() == {"text"} else None


# -- Bedrock Converse


def _converse_image(part: JSONObject) -> JSONObject | None:
    return _converse(part, "image", "image")


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
    form = _text_in(media, "format") or ""
    block: JSONObject = {"type": kind, "mime_type": _FORMATS.get(form, f"{key}/{form}")}
    place = _dict_in(source, "s3Location")
    if isinstance(source.get("bytes"), (str, bytes)):
        block["base64"] = _as_base64(source["bytes"])
    elif place is not None and "uri" in place:
        block["url"] = place["uri"]
    else:
        return None
    if isinstance(media.get("name"), str):
        block["extras"] = {"filename": media["name"]}
    return block


def _as_base64(data: str | bytes) -> str:
    """Both SDKs take bytes, which their JSON has in base64."""
    return data if isinstance(data, str) else b64encode(data).decode()


_Reader: TypeAlias = Callable[[JSONObject], JSONObject | None]
_READERS: dict[str, _Reader] = {
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
# Formats whose parts have no ``type``: the key that is there tells them apart.
_READERS_BY_KEY: dict[str, _Reader] = {
    "inline_data": _inline_data,
    "inlineData": _inline_data,
    "file_data": _file_data,
    "fileData": _file_data,
    "image": _converse_image,
    "video": _converse_video,
    "document": _converse_document,
    "text": _text_only,
}


def _reader_by_key(part: JSONObject) -> _Reader | None:
    return next((read for key, read in _READERS_BY_KEY.items() if key in part), None)


__all__ = ["Content", "checked_content", "standard_blocks"]
