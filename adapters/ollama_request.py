"""A request to Ollama as JSON.

The format's rules that shape this file:

- A message has one text, and its images beside it, as bare base64.
- The arguments of a call are an object. Results are told apart by the name of the tool; ids are newer, and passed over
  by older servers.
- What steers the sampling stands in ``options``; there is no word for a choice of tools.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

from tidewire.adapters.content import answer_blocks, plain_text
from tidewire.adapters.json_text import to_json
from tidewire.adapters.left_out import left_out
from tidewire.adapters.parameters import fields_given, texts_given
from tidewire.adapters.reasoning import thinking, thinking_fields
from tidewire.adapters.spec import ModelRequest, NativeTool, ToolSpec
from tidewire.events.blocks import JSONObject
from tidewire.events.errors import ConfigurationError
from tidewire.events.messages import AIMessage, BaseMessage, ToolMessage
from tidewire.events.tool_args import parse_partial_arguments
from tidewire.events.types import WarningEvent

_PROVIDER = "ollama"

# Parameters that stand in `options`: their public names, and Ollama's.
_OPTIONS: Mapping[str, str] = {
    **{
        name: name
        for name in (
            "frequency_penalty",
            "low_vram",
            "main_gpu",
            "min_p",
            "mirostat",
            "mirostat_eta",
            "mirostat_tau",
            "num_batch",
            "num_ctx",
            "num_gpu",
            "num_keep",
            "num_predict",
            "num_thread",
            "numa",
            "penalize_newline",
            "presence_penalty",
            "repeat_last_n",
            "repeat_penalty",
            "seed",
            "stop",
            "temperature",
            "tfs_z",
            "top_k",
            "top_p",
            "typical_p",
            "use_mlock",
            "use_mmap",
        )
    },
    "max_tokens": "num_predict",
}

# Parameters that stand in the body itself.
_BESIDE = ("format", "keep_alive", "logprobs", "shift", "think", "top_logprobs", "truncate")

#: Most models that think can be told to or not to, some how hard, in three steps.
THINKING = thinking("think", "low low medium high high high", off={"think": False}, on={"think": True})

#: Every parameter that the codec can spell; ``options`` are Ollama's own, as a dict.
PARAMETERS = frozenset({*_OPTIONS, *_BESIDE, *THINKING.names, "options"})


def body_of(request: ModelRequest) -> tuple[bytes, tuple[WarningEvent, ...]]:
    """The body of a request, and what of the request was left out.

    Raises:
        ConfigurationError: The format cannot spell something; it is named.
    """
    given = {name: value for name, value in request.parameters.items() if value is not None}
    unknown = given.keys() - PARAMETERS
    if unknown:
        raise ConfigurationError(f"ollama does not take the parameter {min(unknown)!r}; extra_body passes it on")
    warnings = left_out(_PROVIDER, request.messages, request.tools)
    body: JSONObject = {"model": request.model, "messages": spell(request.messages, warnings)}
    tools = _tools(request, warnings)
    if tools:
        body["tools"] = tools
    body |= {name: given[name] for name in _BESIDE if name in given}
    told = thinking_fields(THINKING, _PROVIDER, given)
    if told and "think" in given:
        raise ConfigurationError("think and reasoning say the same thing; give one of them")
    body |= told
    if request.output is not None:
        body["format"] = "json" if request.output.schema is None else request.output.schema
    options = _options(given)
    if options:
        body["options"] = options
    body["stream"] = request.stream  # a reply is a stream unless told otherwise
    body.update(request.extra_body)
    return to_json(body), tuple(warnings)


def _options(given: JSONObject) -> JSONObject:
    if "max_tokens" in given and "num_predict" in given:
        raise ConfigurationError("max_tokens and num_predict are two names of the same parameter; give one")
    options = fields_given(_PROVIDER, "options", given.get("options"))
    options = {**options, **{own: given[name] for name, own in _OPTIONS.items() if name in given}}
    if "stop" in options:
        options["stop"] = texts_given(_PROVIDER, "stop", options["stop"])
    return options


def _tools(request: ModelRequest, warnings: list[WarningEvent]) -> list[JSONObject]:
    choice = request.tool_choice
    if choice == "none":
        return []
    if choice is not None and choice != "auto":
        named = choice[1] if isinstance(choice, tuple) else choice
        raise ConfigurationError(f"ollama cannot be told that a tool must be called: tool_choice={named!r}")
    if request.tools and request.parallel_tool_calls is False:
        raise ConfigurationError("ollama cannot be told to call one tool at a time: parallel_tool_calls=False")
    return [_tool(tool, warnings) for tool in request.tools]


def _tool(tool: ToolSpec | NativeTool, warnings: list[WarningEvent]) -> JSONObject:
    if isinstance(tool, NativeTool):
        return tool.definition
    if tool.strict:
        text = f"strict was left out of tool {tool.name!r}: ollama does not know it"
        warnings.append(WarningEvent(code="strict_left_out", text=text))
    function: JSONObject = {"name": tool.name}
    if tool.description:
        function["description"] = tool.description
    function["parameters"] = tool.parameters or {"type": "object", "properties": {}}
    return {"type": "function", "function": function}


# ---------------------------------------------------------------- messages


def spell(messages: Sequence[BaseMessage], warnings: list[WarningEvent]) -> list[JSONObject]:
    """The messages; what is left out of them is added to ``warnings``.

    Raises:
        ConfigurationError: The format cannot spell a block; it is named.
    """
    names: dict[str, str] = {}  # of the tools, by the ids of their calls
    spelled: list[JSONObject] = []
    for message in messages:
        match message:
            case AIMessage():
                spelled.append(_answer(message, names, warnings))
            case ToolMessage():
                spelled.append(_result(message, names))
            case _:
                kind = "system" if message.type == "system" else "user"
                spelled.append({"role": kind, **_content(message, f"a {kind} message", with_images=kind == "user")})
    return spelled


def _answer(message: AIMessage, names: dict[str, str], warnings: list[WarningEvent]) -> JSONObject:
    maker = message.response_metadata.get("model_provider")
    own = maker is None or maker == _PROVIDER
    text: list[str] = []
    thought: list[str] = []
    calls: list[JSONObject] = []
    for block in answer_blocks(message, own=own):
        match block["type"]:
            case "text":
                text.append(block["text"])
            case "reasoning" if own:
                thought.append(block.get("reasoning", ""))
            case "tool_call":
                calls.append(_call(block, block["args"], names))
            case "invalid_tool_call" | "tool_call_chunk":
                # Arguments are an object here: what can be read of those that were none.
                calls.append(_call(block, parse_partial_arguments(block["args"] or "") or {}, names))
            case "audio" | "file" | "image" | "text-plain" | "video" as kind:
                raise _unspellable(kind, "an assistant message")
            case kind:
                why = "ollama takes none back" if own else f"it belongs to {maker}"
                left_out = f"a {kind} block of the history was left out: {why}"
                warnings.append(WarningEvent(code="block_left_out", text=left_out))
    spelled: JSONObject = {"role": "assistant", "content": "".join(text)}
    if any(thought):
        spelled["thinking"] = "".join(thought)
    if calls:
        spelled["tool_calls"] = calls
    return spelled


def _call(block: JSONObject, args: JSONObject, names: dict[str, str]) -> JSONObject:
    name = block["name"] or ""
    id = {"id": block["id"]} if block["id"] else {}
    if id:
        names[block["id"]] = name
    return {**id, "function": {"name": name, "arguments": args}}


def _result(message: ToolMessage, names: dict[str, str]) -> JSONObject:
    spelled: JSONObject = {"role": "tool", **_content(message, "a tool message", with_images=True)}
    name = names.get(message.tool_call_id) or message.name
    if name:
        spelled["tool_name"] = name
    if message.tool_call_id:
        spelled["tool_call_id"] = message.tool_call_id
    return spelled


def _content(message: BaseMessage, place: str, *, with_images: bool) -> JSONObject:
    text: list[str] = []
    images: list[str] = []
    for block in cast("list[JSONObject]", message.content_blocks):
        match block["type"]:
            case "text":
                text.append(block["text"])
            case "text-plain" if "file_id" not in block:
                text.append(plain_text(block, _PROVIDER))
            case "non_standard" if place == "a tool message":
                text.append(to_json(block["value"]).decode())
            case "image" if with_images:
                if "base64" not in block:
                    how = (
                        "by its URL" if "url" in block else "by a file_id" if "file_id" in block else "without a source"
                    )
                    raise _unspellable("image", place, f"{how}; give base64")
                images.append(block["base64"])
            case kind:
                raise _unspellable(kind, place)
    content: JSONObject = {"content": "\n".join(text)}
    return {**content, "images": images} if images else content


def _unspellable(kind: str, place: str, how: str = "") -> ConfigurationError:
    return ConfigurationError(f"{_PROVIDER} has no {kind} block in {place} {how}".rstrip())


__all__ = ["PARAMETERS", "THINKING", "body_of", "spell"]
