"""Content blocks made by functions, which say what a block of each kind may hold. The dicts may as well be written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, TypeVar, cast

from tidewire.events.blocks import (
    JSON,
    Annotation,
    AudioBlock,
    Citation,
    ContentBlock,
    FileBlock,
    ImageBlock,
    JSONObject,
    NonStandardBlock,
    PlainTextBlock,
    ReasoningBlock,
    TextBlock,
    ToolCall,
    VideoBlock,
)
from tidewire.events.errors import ConfigurationError

B = TypeVar("B", bound=ContentBlock | Citation)


def create_text_block(
    text: str,
    *,
    id: str | None = None,
    annotations: Sequence[Annotation] | None = None,
    index: int | str | None = None,
    **extras: JSON,
) -> TextBlock:
    """A text. Further arguments become its ``extras``, as for every kind of block."""
    block: TextBlock = {"type": "text", "text": text}
    return _with(block, extras, id=id, annotations=None if annotations is None else list(annotations), index=index)


def create_reasoning_block(
    reasoning: str | None = None, *, id: str | None = None, index: int | str | None = None, **extras: JSON
) -> ReasoningBlock:
    """What a model thought."""
    block: ReasoningBlock = {"type": "reasoning", "reasoning": reasoning or ""}
    return _with(block, extras, id=id, index=index)


def create_image_block(
    *,
    url: str | None = None,
    base64: str | None = None,
    file_id: str | None = None,
    mime_type: str | None = None,
    id: str | None = None,
    index: int | str | None = None,
    **extras: JSON,
) -> ImageBlock:
    """An image: one of ``url``, ``base64`` and ``file_id``.

    Raises:
        ConfigurationError: None of them is given, or more than one.
    """
    block: ImageBlock = {"type": "image"}
    return _with(block, extras, **_source("image", url, base64, file_id), mime_type=mime_type, id=id, index=index)


def create_audio_block(
    *,
    url: str | None = None,
    base64: str | None = None,
    file_id: str | None = None,
    mime_type: str | None = None,
    id: str | None = None,
    index: int | str | None = None,
    **extras: JSON,
) -> AudioBlock:
    """A sound, otherwise as :func:`create_image_block`; bytes need their ``mime_type``."""
    block: AudioBlock = {"type": "audio"}
    return _with(block, extras, **_source("audio", url, base64, file_id, mime_type), id=id, index=index)


def create_video_block(
    *,
    url: str | None = None,
    base64: str | None = None,
    file_id: str | None = None,
    mime_type: str | None = None,
    id: str | None = None,
    index: int | str | None = None,
    **extras: JSON,
) -> VideoBlock:
    """A video, otherwise as :func:`create_audio_block`."""
    block: VideoBlock = {"type": "video"}
    return _with(block, extras, **_source("video", url, base64, file_id, mime_type), id=id, index=index)


def create_file_block(
    *,
    url: str | None = None,
    base64: str | None = None,
    file_id: str | None = None,
    mime_type: str | None = None,
    id: str | None = None,
    index: int | str | None = None,
    **extras: JSON,
) -> FileBlock:
    """A document such as a PDF, otherwise as :func:`create_audio_block`; ``filename=`` becomes an extra."""
    block: FileBlock = {"type": "file"}
    return _with(block, extras, **_source("file", url, base64, file_id, mime_type), id=id, index=index)


def create_plaintext_block(
    text: str | None = None,
    *,
    url: str | None = None,
    base64: str | None = None,
    file_id: str | None = None,
    title: str | None = None,
    context: str | None = None,
    id: str | None = None,
    index: int | str | None = None,
    **extras: JSON,
) -> PlainTextBlock:
    """A document of text: its ``text``, or one of ``url``, ``base64`` and ``file_id``.

    Raises:
        ConfigurationError: None of them is given, or more than one.
    """
    block: PlainTextBlock = {"type": "text-plain", "mime_type": "text/plain"}
    source = {"text": text} if text is not None and not (url or base64 or file_id) else None
    found = source or _source("text-plain", url, base64, file_id, given=text is not None)
    return _with(block, extras, **found, title=title, context=context, id=id, index=index)


def create_tool_call(
    name: str, args: JSONObject, *, id: str | None = None, index: int | str | None = None, **extras: JSON
) -> ToolCall:
    """A call of a tool that the caller runs."""
    block: ToolCall = {"type": "tool_call", "name": name, "args": args, "id": id}
    return _with(block, extras, index=index)


def create_citation(
    *,
    url: str | None = None,
    title: str | None = None,
    start_index: int | None = None,
    end_index: int | None = None,
    cited_text: str | None = None,
    id: str | None = None,
    **extras: JSON,
) -> Citation:
    """Where a stretch of text comes from, for the ``annotations`` of a text."""
    block: Citation = {"type": "citation"}
    places = {"start_index": start_index, "end_index": end_index}
    return _with(block, extras, url=url, title=title, **places, cited_text=cited_text, id=id)


def create_non_standard_block(
    value: JSONObject, *, id: str | None = None, index: int | str | None = None
) -> NonStandardBlock:
    """A block in a provider's own form, passed on as it is."""
    block: NonStandardBlock = {"type": "non_standard", "value": value}
    return _with(block, {}, id=id, index=index)


def _with(block: B, extras: JSONObject, **fields: Any) -> B:
    """The block with these fields, those that are None left out."""
    given = {name: value for name, value in {**fields, "extras": extras or None}.items() if value is not None}
    return cast("B", {**block, **given})


def _source(
    kind: Literal["image", "audio", "video", "file", "text-plain"],
    url: str | None,
    base64: str | None,
    file_id: str | None,
    mime_type: str | None = None,
    *,
    given: bool = False,
) -> dict[str, str | None]:
    """Where the bytes are.

    Raises:
        ConfigurationError: It is not said, or said twice, or bytes have no type.
    """
    sources = {"url": url, "base64": base64, "file_id": file_id}
    said = [name for name, value in sources.items() if value is not None]
    if len(said) != 1 or given:
        raise ConfigurationError(f"a block of type {kind!r} has one of url, base64, file_id; got {said or 'none'}")
    if base64 is not None and mime_type is None and kind in ("audio", "video", "file"):
        raise ConfigurationError(f"a block of type {kind!r} with base64 needs its mime_type")
    return {**sources, "mime_type": mime_type} if kind not in ("image", "text-plain") else {**sources}


__all__ = [
    "create_audio_block",
    "create_citation",
    "create_file_block",
    "create_image_block",
    "create_non_standard_block",
    "create_plaintext_block",
    "create_reasoning_block",
    "create_text_block",
    "create_tool_call",
    "create_video_block",
]
