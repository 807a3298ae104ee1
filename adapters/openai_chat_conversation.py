"""A conversation in OpenAI's chat completions format.

The format's rules that shape this file:

- An assistant message has one text, its tool calls beside it, and no place for reasoning; some hosts take that back in
  a field of their own (``Dialect.reasoning_field``).
- A tool's result is text. A call that was not valid JSON is sent as it was, so that a tool message can answer it.
- Images, sounds and documents stand in user messages only, as data URLs, addresses or ids of uploaded files.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

import msgspec

from tidewire.adapters.content import data_url, plain_text
from tidewire.adapters.json_text import object_of
from tidewire.events.blocks import JSONObject
from tidewire.events.errors import ConfigurationError
from tidewire.events.messages import AIMessage, BaseMessage, ToolMessage
from tidewire.events.types import WarningEvent

#: Public names of parameters, and what OpenAI calls them.
PARAMETERS: Mapping[str, str] = {
    **{
        name: name
        for name in (
            "audio",
            "frequency_penalty",
            "logit_bias",
            "logprobs",
            "metadata",
            "modalities",
            "n",
            "parallel_tool_calls",
            "prediction",
            "presence_penalty",
            "prompt_cache_key",
            "prompt_cache_retention",
            "reasoning_effort",
            "response_format",
            "safety_identifier",
            "seed",
            "service_tier",
            "stop",
            "store",
            "temperature",
            "top_logprobs",
            "top_p",
            "user",
            "verbosity",
            "web_search_options",
        )
    },
    "max_tokens": "max_completion_tokens",
}


class Dialect(msgspec.Struct, frozen=True):
    """How a host differs from OpenAI in what it is sent.

    Attributes:
        provider: Its name, as ``response_metadata["model_provider"]`` and errors have it.
        parameters: Public names of the parameters that it takes, and what it calls them.
        path: What follows the base URL.
        system_role: The role of a system message.
        any_tool: The word that says that some tool must be called.
        stream_options: Whether it takes ``stream_options``, which ask for usage.
        strict_tools: Whether a tool may say ``strict``.
        reasoning_field: Where reasoning of its own is sent back: ``reasoning_content``, ``reasoning`` or
            ``reasoning_details``; None: nowhere.
        cache_control: Whether parts may carry ``cache_control``.
        video_urls: Whether a user message may hold a ``video_url``.
        file_urls: Whether a document may be named by its address.
        tool_images: Whether a tool's result may hold images.
        audio_formats: Formats of sound that a user message may hold; None: any.
    """

    provider: str = "openai"
    parameters: Mapping[str, str] = msgspec.field(default_factory=lambda: PARAMETERS)
    path: str = "/chat/completions"
    system_role: str = "system"
    any_tool: str = "required"
    stream_options: bool = True
    strict_tools: bool = True
    reasoning_field: str | None = None
    cache_control: bool = False
    video_urls: bool = False
    file_urls: bool = False
    tool_images: bool = False
    audio_formats: tuple[str, ...] | None = ("wav", "mp3")


class Conversation:
    """Messages as the body's ``messages``; one instance spells one request."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        #: What was left out.
        self.warnings: list[WarningEvent] = []

    def spell(self, messages: Sequence[BaseMessage]) -> list[JSONObject]:
        """The messages.

        Raises:
            ConfigurationError: The format cannot spell a block; it is named.
        """
        return [self._message(message) for message in messages]

    def _message(self, message: BaseMessage) -> JSONObject:
        spelled: JSONObject
        match message:
            case AIMessage():
                spelled = self._answer(message)
            case ToolMessage():
                content = self._parts(message, "a tool message")
                spelled = {"role": "tool", "tool_call_id": message.tool_call_id, "content": content}
                return spelled
            case _ if message.type == "system":
                spelled = {"role": self._dialect.system_role, "content": self._parts(message, "a system message")}
            case _:
                spelled = {"role": "user", "content": self._parts(message, "a user message")}
        if message.name:
            spelled["name"] = message.name
        return spelled

    # ------------------------------------------------------------ the assistant's messages

    def _answer(self, message: AIMessage) -> JSONObject:
        maker = message.response_metadata.get("model_provider")
        own = maker is None or maker == self._dialect.provider
        spelled: JSONObject = {"role": "assistant", "content": None}
        parts: list[JSONObject] = []
        calls: list[JSONObject] = []
        reasoning: list[JSONObject] = []
        for block in cast("list[JSONObject]", message.content_blocks):
            match block["type"]:
                case "text":
                    if block["text"]:
                        parts.append({"type": "text", "text": block["text"]})
                case "tool_call":
                    calls.append(_call(block, msgspec.json.encode(block["args"]).decode()))
                case "invalid_tool_call" | "tool_call_chunk":
                    calls.append(_call(block, block["args"] or ""))
                case "reasoning" if own:
                    reasoning.append(block)
                case "audio" if own and "id" in block.get("extras", {}):
                    spelled["audio"] = {"id": block["extras"]["id"]}
                case "non_standard" if own and block["value"].get("type") == "function_call":
                    spelled["function_call"] = {key: block["value"][key] for key in ("name", "arguments")}
                case "non_standard" if own:
                    parts.append(block["value"])
                case "server_tool_call" | "server_tool_call_chunk" | "server_tool_result" if own:
                    pass  # the format takes none back; what came of it is in the text
                case "audio" | "file" | "image" | "text-plain" | "video" as kind:
                    raise self._unspellable(kind, "an assistant message")
                case kind:
                    text = f"a {kind} block of the history was left out: it belongs to {maker}"
                    self.warnings.append(WarningEvent(code="block_left_out", text=text))
        if all(part.get("type") == "text" for part in parts):
            spelled["content"] = "".join(part["text"] for part in parts) or None
        else:
            spelled["content"] = parts
        if calls:
            spelled["tool_calls"] = calls
        spelled |= self._reasoning(reasoning)
        if spelled.keys() == {"role", "content"} and spelled["content"] is None:
            spelled["content"] = ""  # null is for messages that have something else
        return spelled

    def _reasoning(self, blocks: list[JSONObject]) -> JSONObject:
        """The field that takes reasoning back, if there is one and something to put in it."""
        field = self._dialect.reasoning_field
        if field is None:
            return {}
        if field == "reasoning_details":
            details = [part for block in blocks for part in block.get("extras", {}).get("reasoning_details", ())]
            return {field: details} if details else {}
        text = "".join(block.get("reasoning", "") for block in blocks)
        return {field: text} if text else {}

    # ------------------------------------------------------------ parts

    def _parts(self, message: BaseMessage, place: str) -> str | list[JSONObject]:
        parts = [self._part(block, place) for block in cast("list[JSONObject]", message.content_blocks)]
        if not parts:
            return ""
        if len(parts) == 1 and parts[0].keys() == {"type", "text"} and parts[0]["type"] == "text":
            return cast("str", parts[0]["text"])
        return parts

    def _part(self, block: JSONObject, place: str) -> JSONObject:
        part = self._spell(block, place)
        mark = block.get("cache_control") or block.get("extras", {}).get("cache_control")
        if mark is not None and self._dialect.cache_control:
            part = {**part, "cache_control": mark}
        return part

    def _spell(self, block: JSONObject, place: str) -> JSONObject:
        kind = block["type"]
        in_user = place == "a user message"
        match kind:
            case "text":
                return {"type": "text", "text": block["text"]}
            case "text-plain" if "file_id" not in block:
                return {"type": "text", "text": plain_text(block, self._dialect.provider)}
            case "non_standard" if in_user:
                return cast("JSONObject", block["value"])
            case "non_standard":
                return {"type": "text", "text": msgspec.json.encode(block["value"]).decode()}
            case "image" if in_user or (self._dialect.tool_images and place == "a tool message"):
                return self._image(block)
            case "audio" if in_user:
                return self._audio(block)
            case "file" | "text-plain" if in_user:
                return self._file(block)
            case "video" if in_user and self._dialect.video_urls:
                return {"type": "video_url", "video_url": {"url": self._address(block)}}
            case _:
                raise self._unspellable(kind, place)

    def _image(self, block: JSONObject) -> JSONObject:
        image: JSONObject = {"url": self._address(block)}
        detail = block.get("extras", {}).get("detail")
        if detail is not None:
            image["detail"] = detail
        return {"type": "image_url", "image_url": image}

    def _audio(self, block: JSONObject) -> JSONObject:
        mime = str(block.get("mime_type", "audio/wav"))
        form = {"audio/mpeg": "mp3", "audio/x-wav": "wav", "audio/wave": "wav", "audio/vnd.wave": "wav"}.get(
            mime, mime.removeprefix("audio/")
        )
        formats = self._dialect.audio_formats
        if formats is not None and form not in formats:
            raise ConfigurationError(f"{self._dialect.provider} takes audio as {' or '.join(formats)}, not as {mime}")
        if "base64" not in block:
            raise self._unspellable("audio", "a user message", "except as base64")
        return {"type": "input_audio", "input_audio": {"data": block["base64"], "format": form}}

    def _file(self, block: JSONObject) -> JSONObject:
        if "file_id" in block:
            return {"type": "file", "file": {"file_id": block["file_id"]}}
        if "url" in block and not self._dialect.file_urls:
            raise self._unspellable(block["type"], "a user message", "by its URL; give base64 or a file_id")
        usual = "document.pdf" if block.get("mime_type", "application/pdf") == "application/pdf" else "document"
        name = block.get("extras", {}).get("filename") or block.get("title") or usual
        return {"type": "file", "file": {"filename": name, "file_data": self._address(block)}}

    def _address(self, block: JSONObject) -> str:
        if "url" in block:
            return cast("str", block["url"])
        if "base64" in block:
            return data_url(block)
        raise self._unspellable(block["type"], "a user message", "by a file_id; give a URL or base64")

    def _unspellable(self, kind: str, place: str, how: str = "") -> ConfigurationError:
        return ConfigurationError(f"{self._dialect.provider} has no {kind} block in {place} {how}".rstrip())


def _call(block: JSONObject, arguments: str) -> JSONObject:
    extras = block.get("extras", {})
    call: JSONObject = {"id": block["id"] or ""}
    given = object_of(block["args"])
    if extras.get("custom") and "input" in given:
        call |= {"type": "custom", "custom": {"name": block["name"], "input": given["input"]}}
    else:
        call |= {"type": "function", "function": {"name": block["name"] or "", "arguments": arguments}}
    if "extra_content" in extras:
        call["extra_content"] = extras["extra_content"]
    return call


__all__ = ["PARAMETERS", "Conversation", "Dialect"]
