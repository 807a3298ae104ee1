"""A conversation in Google's generateContent format.

The format's rules that shape this file:

- ``systemInstruction`` stands beside the contents, and once.
- Turns alternate: what comes from one side in a row is one turn. Results of tools are parts of a user turn, and stand
  before all else in it; each names its tool, which a tool message's ``tool_call_id`` leads to.
- A result is an object: under ``output`` what the tool gave, under ``error`` how it failed.
- A signature goes back with the very part that it came with, to the provider that made it. From version 3 on, the first
  call of a turn must have one; for a call that another model made, the documentation names a word to put there.
- Versions before 3 take no media in a result, so there they stand beside it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import cast

from tidewire.adapters.content import answer_blocks, plain_text, web_address
from tidewire.adapters.google_genai_parts import write_media, write_server_tool
from tidewire.adapters.json_text import object_of
from tidewire.events.blocks import JSONObject
from tidewire.events.errors import ConfigurationError
from tidewire.events.messages import AIMessage, BaseMessage, ToolMessage
from tidewire.events.tool_args import parse_arguments, parse_partial_arguments
from tidewire.events.types import WarningEvent

# Thoughts are measured in tokens up to version 2.5, and in levels after.
_BEFORE_3 = re.compile(r"(.*/)?(gemini-[12]\b|gemma)")

#: What stands for the signature of a call that no model of Google's made ("Thought signatures", on ai.google.dev).
_NO_SIGNATURE = "skip_thought_signature_validator"

#: Calls of Google's own tools, and their results, except for code.
_SERVER_PARTS = frozenset({"toolCall", "toolResponse"})

#: Types of media that a result may hold.
_RESULT_TYPES = ("image/", "application/pdf", "text/plain")

#: Types of files by the ends of their names, where an address comes without one.
_TYPES: Mapping[str, str] = {
    "aac": "audio/aac",
    "csv": "text/csv",
    "flac": "audio/flac",
    "gif": "image/gif",
    "heic": "image/heic",
    "htm": "text/html",
    "html": "text/html",
    "jpeg": "image/jpeg",
    "jpg": "image/jpeg",
    "json": "application/json",
    "m4a": "audio/mp4",
    "md": "text/markdown",
    "mov": "video/quicktime",
    "mp3": "audio/mpeg",
    "mp4": "video/mp4",
    "mpeg": "video/mpeg",
    "mpg": "video/mpeg",
    "ogg": "audio/ogg",
    "pdf": "application/pdf",
    "png": "image/png",
    "txt": "text/plain",
    "wav": "audio/wav",
    "webm": "video/webm",
    "webp": "image/webp",
}

_END_OF_NAME = re.compile(r"\.([a-z0-9]+)(?:[?#]|$)", re.IGNORECASE)

_Parts = list[JSONObject]


def is_before_3(model: str) -> bool:
    """Whether a model is of a version before Gemini 3, which knows less of what may be sent."""
    return _BEFORE_3.match(model.lower()) is not None


class Conversation:
    """Messages as ``systemInstruction`` and ``contents``; one instance spells one request.

    Args:
        provider: Whose answers may be sent back with all that they hold; a message names its own in
            ``response_metadata["model_provider"]``, and one that names none counts as this provider's.
        model: The model that is asked.
        files_url: Where uploaded files are, without a trailing slash; None where files have no ids.
        server_parts: Whether calls of Google's own tools may be sent back as they came; code that it ran always may.
    """

    def __init__(self, provider: str, model: str, *, files_url: str | None, server_parts: bool = True) -> None:
        self._provider = provider
        self._before_3 = is_before_3(model)
        self._files_url = files_url
        self._server_parts = server_parts
        self._system: _Parts = []
        self._turns: list[tuple[str, _Parts]] = []
        self._names: dict[str, str] = {}
        #: What was left out or moved.
        self.warnings: list[WarningEvent] = []

    def add(self, messages: Sequence[BaseMessage]) -> None:
        """Spell all messages of the request.

        Raises:
            ConfigurationError: The format cannot spell a block, or a tool message answers no call; it is named.
        """
        answered = {message.tool_call_id for message in messages if isinstance(message, ToolMessage)}
        for message in messages:
            if isinstance(message, AIMessage):
                self._add_turn("model", self._answer(message, answered))
            elif isinstance(message, ToolMessage):
                self._add_turn("user", self._result(message))
            elif message.type == "system":
                self._add_system(message)
            else:
                self._add_turn("user", self._parts(message, "a user message"))

    @property
    def system(self) -> JSONObject | None:
        """The system prompt, or None."""
        return {"parts": self._system} if self._system else None

    @property
    def contents(self) -> list[JSONObject]:
        """The turns. The results of a turn's tools come first, or the API finds the calls before them unanswered."""
        return [
            {"role": role, "parts": sorted(parts, key=lambda part: "functionResponse" not in part)}
            for role, parts in self._turns
        ]

    def _add_system(self, message: BaseMessage) -> None:
        if self._turns:
            text = "a system message in the middle of the conversation was joined to the system prompt"
            self.warnings.append(WarningEvent(code="system_message_moved", text=text))
        self._system += self._parts(message, "a system message")

    def _add_turn(self, role: str, parts: _Parts) -> None:
        if not parts:
            return  # an empty turn is refused
        if self._turns and self._turns[-1][0] == role:
            self._turns[-1][1].extend(parts)
        else:
            self._turns.append((role, parts))

    # ------------------------------------------------------------ the model's answers

    def _answer(self, message: AIMessage, answered: set[str]) -> _Parts:
        maker = message.response_metadata.get("model_provider")
        own = maker is None or maker == self._provider
        parts: _Parts = []
        unsigned = not self._before_3
        for block in answer_blocks(message, own=own):
            signature = object_of(block.get("extras")).get("signature") if own else None
            match block["type"]:
                case "text":
                    parts += _signed_parts(block["text"], {}, block, signature)
                case "reasoning" if own and ("reasoning" in block or signature is not None):
                    parts += _signed_parts(block.get("reasoning") or "", {"thought": True}, block, signature)
                case "tool_call" | "invalid_tool_call" | "tool_call_chunk":
                    call = self._call(block, answered)
                    if call is None:
                        continue
                    if signature is None and unsigned:
                        signature = _NO_SIGNATURE
                    unsigned = False  # of parallel calls, the first one has the signature
                    parts.append(_with_signature(call, signature))
                case "image" | "audio" | "video" | "file" | "text-plain":
                    parts.append(self._own_media(block, signature))
                case "non_standard" if own:
                    parts.append(block["value"])
                case _:
                    written = write_server_tool(block) if own else None
                    if written is None or (not self._server_parts and written.keys() & _SERVER_PARTS):
                        self._leave_out(block["type"], None if own else str(maker))
                    else:
                        parts.append(_with_signature(written, signature))
        return parts

    def _call(self, block: JSONObject, answered: set[str]) -> JSONObject | None:
        args = block["args"]
        if block["type"] != "tool_call":
            # It stands for its call only where a result refers to it, with what of its arguments can be read.
            if block.get("id") not in answered:
                return None
            args = parse_partial_arguments(args or "") or {}
        name = block["name"] or ""
        call: JSONObject = {"name": name, "args": args}
        if block.get("id"):
            self._names[block["id"]] = name
            call["id"] = block["id"]
        return {"functionCall": call}

    def _own_media(self, block: JSONObject, signature: str | None) -> JSONObject:
        part = self._media(block)
        if object_of(block.get("extras")).get("thought"):
            part["thought"] = True
        return _with_signature(part, signature)

    def _leave_out(self, kind: str, maker: str | None) -> None:
        why = "Google takes none back" if maker is None else f"it belongs to {maker}"
        self.warnings.append(
            WarningEvent(code="block_left_out", text=f"a {kind} block of the history was left out: {why}")
        )

    # ------------------------------------------------------------ results of tools

    def _result(self, message: ToolMessage) -> _Parts:
        name = self._names.get(message.tool_call_id) or message.name
        if name is None:
            raise ConfigurationError(
                f"the tool message for {message.tool_call_id!r} answers no call of the conversation; "
                "give it the tool's name, as ToolMessage(…, name=…)"
            )
        parts = self._parts(message, "a tool message")
        text = "".join(part["text"] for part in parts if "text" in part)
        media = [part for part in parts if "text" not in part]
        inside = [part for part in media if not self._before_3 and _is_result_type(part)]
        key = "error" if message.status == "error" else "output"
        result: JSONObject = {"id": message.tool_call_id, "name": name, "response": {key: _value(text)}}
        if inside:
            result["parts"] = inside
        return [{"functionResponse": result}, *(part for part in media if part not in inside)]

    # ------------------------------------------------------------ parts

    def _parts(self, message: BaseMessage, place: str) -> _Parts:
        parts = [self._part(block, place) for block in cast("Iterable[JSONObject]", message.content_blocks)]
        return [part for part in parts if part != {"text": ""}]

    def _part(self, block: JSONObject, place: str) -> JSONObject:
        match block["type"]:
            case "text":
                return {"text": block["text"]}
            case "non_standard":
                return cast("JSONObject", block["value"])
            case "image" | "audio" | "video" | "file" | "text-plain" if place != "a system message":
                return self._media(block)
            case kind:
                raise ConfigurationError(f"{self._provider} has no {kind} block in {place}")

    def _media(self, block: JSONObject) -> JSONObject:
        if block["type"] == "text-plain" and isinstance(block.get("text"), str):
            return {"text": plain_text(block, self._provider)}
        if block.get("file_id") is not None:
            block = {**block, "url": self._file_url(str(block["file_id"]))}
        elif block.get("url") is not None:
            block = {**block, "url": web_address(block, self._provider, opens=("gs://",))}
        mime_type = block.get("mime_type") or _type_of(block)
        if block.get("base64") is not None and not mime_type:
            raise ConfigurationError(
                f"a {block['type']} block given as base64 needs its mime_type, such as 'image/png'"
            )
        part = write_media(block, mime_type)
        if part is None:
            raise ConfigurationError(f"a {block['type']} block needs one of url, base64 or file_id")
        return part

    def _file_url(self, id: str) -> str:
        if "://" in id:
            return id
        if self._files_url is None:
            raise ConfigurationError(f"{self._provider} knows no file ids; name the file by its gs:// address")
        return f"{self._files_url}/{id.removeprefix('files/')}"


def _signed_parts(text: str, kind: JSONObject, block: JSONObject, signature: str | None) -> _Parts:
    """A block of text as the parts that it came as, as far as a signature tells them apart."""
    if signature is None:
        return [{"text": text, **kind}] if text else []
    start, end = object_of(block.get("extras")).get("signature_span") or (0, len(text))
    before, after = text[:start], text[end:]
    parts: _Parts = [{"text": before, **kind}] if before else []
    parts.append({"text": text[start:end], **kind, "thoughtSignature": signature})
    if after:
        parts.append({"text": after, **kind})
    return parts


def _with_signature(part: JSONObject, signature: str | None) -> JSONObject:
    return part if signature is None else {**part, "thoughtSignature": signature}


def _value(text: str) -> object:
    """A result as what it is, where its text is a JSON object; otherwise the text."""
    if not text.lstrip().startswith("{"):
        return text
    value = parse_arguments(text)
    return text if isinstance(value, str) else value


def _is_result_type(part: JSONObject) -> bool:
    data = object_of(part.get("inlineData") or part.get("fileData"))
    return str(data.get("mimeType", "")).startswith(_RESULT_TYPES)


def _type_of(block: JSONObject) -> str:
    """The type of a file by its name; empty if that tells nothing."""
    if block.get("base64") is not None:
        return {"file": "application/pdf", "text-plain": "text/plain"}.get(block["type"], "")
    match = _END_OF_NAME.search(str(block.get("url", "")))
    return _TYPES.get(match.group(1).lower(), "") if match else ""


__all__ = ["Conversation", "is_before_3"]
