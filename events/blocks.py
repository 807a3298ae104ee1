"""Content blocks: the parts of a message, as plain dicts with a ``type``, the same for every provider.

Every block may carry ``id``, ``index`` (its place in the provider's reply) and ``extras`` (what only one provider
knows, such as a signature under ``extras["signature"]``). Nothing here depends on a provider.
"""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypeAlias, TypedDict

#: A JSON value as users hand it in and get it back. ``Any`` because its shape is theirs to know.
JSON: TypeAlias = Any
#: A JSON object.
JSONObject: TypeAlias = dict[str, JSON]


class Citation(TypedDict):
    """Where a stretch of text comes from. Offsets count characters of the text block."""

    type: Literal["citation"]
    id: NotRequired[str]
    url: NotRequired[str]
    title: NotRequired[str]
    start_index: NotRequired[int]
    end_index: NotRequired[int]
    cited_text: NotRequired[str]
    extras: NotRequired[JSONObject]


class NonStandardAnnotation(TypedDict):
    """An annotation in the provider's own form."""

    type: Literal["non_standard_annotation"]
    value: JSONObject
    id: NotRequired[str]


#: What a text block may be annotated with.
Annotation: TypeAlias = Citation | NonStandardAnnotation


class _Part(TypedDict):
    index: NotRequired[int | str]
    extras: NotRequired[JSONObject]


class _Block(_Part):
    id: NotRequired[str]


class TextBlock(_Block):
    """Text, with the sources it names."""

    type: Literal["text"]
    text: str
    annotations: NotRequired[list[Annotation]]


class ReasoningBlock(_Block):
    """What the model thought; ``extras["signature"]`` lets its own provider take it back in a later turn."""

    type: Literal["reasoning"]
    reasoning: NotRequired[str]


class ToolCall(_Part):
    """A call of a tool that the caller runs; ``args`` are parsed."""

    type: Literal["tool_call"]
    name: str
    args: JSONObject
    id: str | None


class ToolCallChunk(_Part):
    """A piece of a tool call; ``args`` is a piece of its JSON text. Pieces of one call share ``index``."""

    type: Literal["tool_call_chunk"]
    name: str | None
    args: str | None
    id: str | None


class InvalidToolCall(_Part):
    """A call whose arguments are not whole, valid JSON; ``args`` is the raw text, ``error`` says what is wrong."""

    type: Literal["invalid_tool_call"]
    name: str | None
    args: str | None
    id: str | None
    error: str | None


class ServerToolCall(_Block):
    """A call of a tool that the provider runs itself."""

    type: Literal["server_tool_call"]
    name: str
    args: JSONObject


class ServerToolCallChunk(_Block):
    """A piece of a server tool's call."""

    type: Literal["server_tool_call_chunk"]
    name: NotRequired[str]
    args: NotRequired[str]


class ServerToolResult(_Block):
    """What a server tool gave back."""

    type: Literal["server_tool_result"]
    tool_call_id: str
    status: Literal["success", "error"]
    output: NotRequired[JSON]


class _Media(_Block):
    url: NotRequired[str]
    base64: NotRequired[str]
    file_id: NotRequired[str]
    mime_type: NotRequired[str]


class ImageBlock(_Media):
    """An image: one of ``url``, ``base64`` (with ``mime_type``) or ``file_id``."""

    type: Literal["image"]


class AudioBlock(_Media):
    """A sound: one of ``url``, ``base64`` (with ``mime_type``) or ``file_id``; ``extras["transcript"]`` if given."""

    type: Literal["audio"]


class VideoBlock(_Media):
    """A video: one of ``url``, ``base64`` (with ``mime_type``) or ``file_id``."""

    type: Literal["video"]


class FileBlock(_Media):
    """A document such as a PDF: one of ``url``, ``base64`` (with ``mime_type``) or ``file_id``."""

    type: Literal["file"]


class PlainTextBlock(_Media):
    """A text document, set apart from the conversation's own text."""

    type: Literal["text-plain"]
    text: NotRequired[str]
    title: NotRequired[str]
    context: NotRequired[str]


class NonStandardBlock(_Block):
    """A block in the provider's own form, passed on as it is."""

    type: Literal["non_standard"]
    value: JSONObject


#: Any standard block.
ContentBlock: TypeAlias = (
    TextBlock
    | ReasoningBlock
    | ToolCall
    | ToolCallChunk
    | InvalidToolCall
    | ServerToolCall
    | ServerToolCallChunk
    | ServerToolResult
    | ImageBlock
    | AudioBlock
    | VideoBlock
    | FileBlock
    | PlainTextBlock
    | NonStandardBlock
)

#: The ``type`` of every standard block.
BLOCK_TYPES: frozenset[str] = frozenset(
    {
        "text",
        "reasoning",
        "tool_call",
        "tool_call_chunk",
        "invalid_tool_call",
        "server_tool_call",
        "server_tool_call_chunk",
        "server_tool_result",
        "image",
        "audio",
        "video",
        "file",
        "text-plain",
        "non_standard",
    }
)


class InputTokenDetails(TypedDict, total=False):
    """Parts of ``input_tokens``, each in tokens.

    ``cache_creation`` is all that was written to a cache; where a provider says for how long, the two ``ephemeral_…``
    are its parts.
    """

    audio: int
    cache_read: int
    cache_creation: int
    ephemeral_5m_input_tokens: int
    ephemeral_1h_input_tokens: int


class OutputTokenDetails(TypedDict, total=False):
    """Parts of ``output_tokens``, each in tokens."""

    audio: int
    reasoning: int


class UsageMetadata(TypedDict):
    """Tokens of a call: ``input_tokens`` counts everything sent, cached or not, ``output_tokens`` thinking too."""

    input_tokens: int
    output_tokens: int
    total_tokens: int
    input_token_details: NotRequired[InputTokenDetails]
    output_token_details: NotRequired[OutputTokenDetails]


__all__ = [
    "BLOCK_TYPES",
    "JSON",
    "Annotation",
    "AudioBlock",
    "Citation",
    "ContentBlock",
    "FileBlock",
    "ImageBlock",
    "InputTokenDetails",
    "InvalidToolCall",
    "JSONObject",
    "NonStandardAnnotation",
    "NonStandardBlock",
    "OutputTokenDetails",
    "PlainTextBlock",
    "ReasoningBlock",
    "ServerToolCall",
    "ServerToolCallChunk",
    "ServerToolResult",
    "TextBlock",
    "ToolCall",
    "ToolCallChunk",
    "UsageMetadata",
    "VideoBlock",
]
