"""A conversation in OpenAI's chat completions format.

The format's rules that shape this file:

- An assistant message has one text, its tool calls beside it, and no place for reasoning; some hosts take that back in
  a field of their own (``Dialect.reasoning_field``).
- A tool's result is text. A call that was not valid JSON is sent as it was, so that a tool message can answer it.
- Images, sounds and documents stand in user messages only, as data URLs, addresses or ids of uploaded files.
- Where the ids of calls must have a form, others are replaced: the same id always by the same one.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from typing import cast

from tidewire.adapters.content import answer_blocks, data_url, field_of, file_name, plain_text, web_address
from tidewire.adapters.json_text import object_of, to_json
from tidewire.adapters.openai_chat_dialect import Dialect
from tidewire.events.blocks import JSONObject
from tidewire.events.errors import ConfigurationError
from tidewire.events.messages import AIMessage, BaseMessage, ToolMessage
from tidewire.events.types import WarningEvent


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
        spelled = [self._message(message) for message in messages]
        if self._dialect.prefill is not None and spelled and spelled[-1]["role"] == "assistant":
            spelled[-1][self._dialect.prefill] = True
        return spelled

    def _message(self, message: BaseMessage) -> JSONObject:
        spelled: JSONObject
        match message:
            case AIMessage():
                spelled = self._answer(message)
            case ToolMessage():
                content = self._parts(message, "a tool message")
                spelled = {"role": "tool", "tool_call_id": self._call_id(message.tool_call_id), "content": content}
                return spelled
            case _ if message.type == "system":
                spelled = {"role": self._dialect.system_role, "content": self._parts(message, "a system message")}
            case _:
                spelled = {"role": "user", "content": self._parts(message, "a user message")}
        if message.name and self._dialect.names:
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
        for block in answer_blocks(message, own=own):
            match block["type"]:
                case "text":
                    if block["text"]:
                        parts.append(self._marked({"type": "text", "text": block["text"]}, block))
                case "tool_call":
                    calls.append(self._call(block, to_json(block["args"]).decode()))
                case "invalid_tool_call" | "tool_call_chunk":
                    calls.append(self._call(block, block["args"] or ""))
                case "reasoning" if own and self._dialect.reasoning_field is not None:
                    reasoning.append(block)
                case "audio" if own and "id" in block.get("extras", {}):
                    spelled["audio"] = {"id": block["extras"]["id"]}
                case "non_standard" if own and block["value"].get("type") == "function_call":
                    spelled["function_call"] = {key: block["value"][key] for key in ("name", "arguments")}
                case "non_standard" if own and "id" not in block["value"]:
                    parts.append(block["value"])  # what has an id is an item of the provider's Responses API
                case "audio" | "file" | "image" | "text-plain" | "video" as kind:
                    raise self._unspellable(kind, "an assistant message")
                case kind:
                    why = f"{self._dialect.provider} takes none back" if own else f"it belongs to {maker}"
                    self._warn("block_left_out", f"a {kind} block of the history was left out: {why}")
        if self._dialect.reasoning_field == "content":
            parts[:0] = _thoughts(reasoning)
        if all(part.keys() == {"type", "text"} for part in parts):
            spelled["content"] = "".join(part["text"] for part in parts) or None
        else:
            spelled["content"] = parts
        if calls:
            spelled["tool_calls"] = calls
        spelled |= self._reasoning(reasoning, with_calls=bool(calls))
        if spelled.keys() == {"role", "content"} and spelled["content"] is None:
            spelled["content"] = ""  # null is for messages that have something else
        return spelled

    def _reasoning(self, blocks: list[JSONObject], *, with_calls: bool) -> JSONObject:
        """The field that takes reasoning back, if there is one and something to put in it."""
        field = self._dialect.reasoning_field
        if field is None or field == "content":
            return {}
        if field == "reasoning_details":
            details = [part for block in blocks for part in block.get("extras", {}).get("reasoning_details", ())]
            return {field: details} if details else {}
        text = "".join(block.get("reasoning", "") for block in blocks)
        if text or not with_calls:
            return {field: text} if text else {}
        empty = self._dialect.empty_reasoning
        return {} if empty is None else {field: empty}

    def _call(self, block: JSONObject, arguments: str) -> JSONObject:
        extras = block.get("extras", {})
        call: JSONObject = {"id": self._call_id(block["id"] or "")}
        given = object_of(block["args"])
        if extras.get("custom") and "input" in given:
            call |= {"type": "custom", "custom": {"name": block["name"], "input": given["input"]}}
        else:
            call |= {"type": "function", "function": {"name": block["name"] or "", "arguments": arguments}}
        if "extra_content" in extras:
            call["extra_content"] = extras["extra_content"]
        return call

    def _call_id(self, id: str) -> str:
        if re.fullmatch(self._dialect.call_ids, id):
            return id
        # Nine letters and digits are an id anywhere: Mistral takes nothing else.
        return hashlib.blake2b(id.encode("utf-8", "surrogatepass"), digest_size=5).hexdigest()[:9]

    def _warn(self, code: str, text: str) -> None:
        self.warnings.append(WarningEvent(code=code, text=text))

    # ------------------------------------------------------------ parts

    def _parts(self, message: BaseMessage, place: str) -> str | list[JSONObject]:
        parts = [self._part(block, place) for block in cast("list[JSONObject]", message.content_blocks)]
        if not parts:
            return ""
        if len(parts) == 1 and parts[0].keys() == {"type", "text"} and parts[0]["type"] == "text":
            return cast("str", parts[0]["text"])
        return parts

    def _part(self, block: JSONObject, place: str) -> JSONObject:
        return self._marked(self._spell(block, place), block)

    def _marked(self, part: JSONObject, block: JSONObject) -> JSONObject:
        mark = field_of(block, "cache_control")
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
                return {"type": "text", "text": to_json(block["value"]).decode()}
            case "image" if self._takes_images(place):
                return self._image(block)
            case "audio" if in_user and self._dialect.audio_formats != ():
                return self._audio(block)
            case "file" | "text-plain" if in_user and self._dialect.files is not None:
                return self._file(block)
            case "video" if in_user and self._dialect.video_urls:
                return {"type": "video_url", "video_url": {"url": self._address(block)}}
            case _:
                raise self._unspellable(kind, place)

    def _takes_images(self, place: str) -> bool:
        if place == "a user message":
            return self._dialect.images
        return self._dialect.tool_images and place == "a tool message"

    def _image(self, block: JSONObject) -> JSONObject:
        image: JSONObject = {"url": self._address(block)}
        detail = field_of(block, "detail")
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
        if self._dialect.audio_form == "bare":
            return {"type": "input_audio", "input_audio": block.get("base64") or self._address(block)}
        if self._dialect.audio_form == "address":
            return {"type": "input_audio", "input_audio": {"data": self._address(block), "format": form}}
        if "base64" not in block:
            raise self._unspellable("audio", "a user message", "except as base64")
        return {"type": "input_audio", "input_audio": {"data": block["base64"], "format": form}}

    def _file(self, block: JSONObject) -> JSONObject:
        kind = self._dialect.files
        name = field_of(block, "filename") or field_of(block, "title")
        if kind == "document_url":
            if "file_id" in block:
                return {"type": "file", "file_id": block["file_id"]}
            named = {"document_name": name} if name else {}
            return {"type": "document_url", "document_url": self._address(block), **named}
        if kind in ("file_url", "file_url_or_base64"):
            if "base64" in block and kind == "file_url":
                raise self._unspellable(block["type"], "a user message", "as base64; give a URL")
            address = block["base64"] if "base64" in block else self._address(block)
            return {"type": "file_url", "file_url": {"url": address}, **({"file_name": name} if name else {})}
        if "file_id" in block:
            return {"type": "file", "file": {"file_id": block["file_id"]}}
        if "url" in block and not self._dialect.file_urls:
            raise self._unspellable(block["type"], "a user message", "by its URL; give base64 or a file_id")
        return {"type": "file", "file": {"filename": file_name(block), "file_data": self._address(block)}}

    def _address(self, block: JSONObject) -> str:
        if "url" in block:
            return web_address(block, self._dialect.provider, opens=self._dialect.stores)
        if "base64" in block:
            return data_url(block)
        how = "by a file_id" if "file_id" in block else "without a source"
        raise self._unspellable(block["type"], "a user message", f"{how}; give a URL or base64")

    def _unspellable(self, kind: str, place: str, how: str = "") -> ConfigurationError:
        return ConfigurationError(f"{self._dialect.provider} has no {kind} block in {place} {how}".rstrip())


def _thoughts(blocks: list[JSONObject]) -> list[JSONObject]:
    """Reasoning as Mistral has it: parts of the content."""
    parts: list[JSONObject] = []
    for block in blocks:
        part: JSONObject = {"type": "thinking", "thinking": [{"type": "text", "text": block.get("reasoning", "")}]}
        signature = block.get("extras", {}).get("signature")
        parts.append(part if signature is None else {**part, "signature": signature})
    return parts


__all__ = ["Conversation"]
