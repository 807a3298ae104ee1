"""A request to Google's generateContent as JSON: its parameters, tools and the form of the answer."""

from __future__ import annotations

import json
from collections.abc import Mapping

import msgspec

from tidewire.adapters.google_genai_conversation import Conversation, is_before_3
from tidewire.adapters.left_out import left_out
from tidewire.adapters.parameters import fields_given, texts_given
from tidewire.adapters.spec import ModelRequest, NativeTool, ToolChoice, ToolSpec
from tidewire.events.blocks import JSON, JSONObject
from tidewire.events.errors import ConfigurationError
from tidewire.events.types import WarningEvent

#: Parameters that are fields of ``generationConfig``, and what they are called there.
_GENERATION: Mapping[str, str] = {
    "audio_timestamp": "audioTimestamp",
    "frequency_penalty": "frequencyPenalty",
    "image_config": "imageConfig",
    "logprobs": "responseLogprobs",
    "max_output_tokens": "maxOutputTokens",
    "max_tokens": "maxOutputTokens",
    "media_resolution": "mediaResolution",
    "model_selection_config": "modelConfig",
    "n": "candidateCount",
    "presence_penalty": "presencePenalty",
    "response_mime_type": "responseMimeType",
    "response_modalities": "responseModalities",
    "response_schema": "responseSchema",
    "routing_config": "routingConfig",
    "seed": "seed",
    "speech_config": "speechConfig",
    "stop": "stopSequences",
    "temperature": "temperature",
    "top_k": "topK",
    "top_logprobs": "logprobs",
    "top_p": "topP",
}

#: Parameters that stand beside it.
_BESIDE: Mapping[str, str] = {
    "cached_content": "cachedContent",
    "labels": "labels",
    "model_armor_config": "modelArmorConfig",
    "safety_settings": "safetySettings",
    "service_tier": "serviceTier",
    "store": "store",
    "tool_config": "toolConfig",
}

_THINKING = (
    "include_thoughts",
    "reasoning",
    "reasoning_effort",
    "thinking_budget",
    "thinking_config",
    "thinking_level",
)

#: Every parameter that the codec can spell.
PARAMETERS = frozenset(
    {
        *_GENERATION,
        *_BESIDE,
        *_THINKING,
        "include_server_side_tool_invocations",
        "stream_function_call_arguments",
    }
)

#: Tokens to think with, for models that count them, by effort ("OpenAI compatibility", on ai.google.dev).
_BUDGETS: Mapping[str, int] = {"minimal": 1024, "low": 1024, "medium": 8192, "high": 24576, "xhigh": 24576}

#: The other names of an effort.
_EFFORTS: Mapping[str, str] = {"max": "xhigh", "none": "off"}


class Flavour(msgspec.Struct, frozen=True):
    """How the Gemini API and Vertex AI differ in what they are sent.

    Attributes:
        provider: The name, as ``response_metadata["model_provider"]`` and errors have it.
        has_files: Whether there are uploaded files with ids.
        server_parts: Whether calls of Google's own tools are shown in the answer, and taken back.
    """

    provider: str = "google_genai"
    has_files: bool = True
    server_parts: bool = True


def body_of(request: ModelRequest, flavour: Flavour, files_url: str) -> tuple[bytes, tuple[WarningEvent, ...]]:
    """The body of a request, and what of the request was left out.

    Raises:
        ConfigurationError: The format cannot spell something; it is named.
    """
    conversation = Conversation(
        flavour.provider,
        request.model,
        files_url=files_url if flavour.has_files else None,
        server_parts=flavour.server_parts,
    )
    conversation.add(request.messages)
    body: JSONObject = {"contents": conversation.contents}
    if conversation.system is not None:
        body["systemInstruction"] = conversation.system
    given = {name: value for name, value in request.parameters.items() if value is not None}
    warnings = [
        *conversation.warnings,
        *left_out(flavour.provider, request.messages, request.tools, failures=True),
    ]
    if "max_tokens" in given and "max_output_tokens" in given:
        raise ConfigurationError("max_tokens and max_output_tokens are two names of the same parameter; give one")
    generation = {name: given[key] for key, name in _GENERATION.items() if key in given}
    _mend(generation)
    thinking = _thinking(given, request.model, warnings)
    if thinking:
        generation["thinkingConfig"] = thinking
    if request.output is not None:
        generation["responseMimeType"] = "application/json"
        if request.output.schema is not None:
            generation["responseJsonSchema"] = request.output.schema
    if generation:
        body["generationConfig"] = generation
    body.update({name: given[key] for key, name in _BESIDE.items() if key in given})
    if isinstance(body.get("safetySettings"), Mapping):
        body["safetySettings"] = [
            {"category": category, "threshold": threshold} for category, threshold in body["safetySettings"].items()
        ]
    if request.tools:
        body["tools"] = _tools(request)
    tool_config = _tool_config(request, given, flavour)
    if tool_config:
        body["toolConfig"] = {**body.get("toolConfig", {}), **tool_config}
    body.update(request.extra_body)
    return _json(body), tuple(warnings)


def _mend(generation: JSONObject) -> None:
    """Parameters that users may write in more than one form."""
    if generation.get("stopSequences") is not None:
        generation["stopSequences"] = texts_given("google", "stop", generation["stopSequences"])
    if "logprobs" in generation:
        generation["responseLogprobs"] = True
    modalities = generation.get("responseModalities")
    if modalities is not None:
        words = texts_given("google", "response_modalities", modalities)
        generation["responseModalities"] = [word.upper() for word in words]
    voice = generation.get("speechConfig")
    if isinstance(voice, str):
        generation["speechConfig"] = {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": voice}}}


# ---------------------------------------------------------------- thinking


def _thinking(given: JSONObject, model: str, warnings: list[WarningEvent]) -> JSONObject:
    thinking = dict(fields_given("google", "thinking_config", given.get("thinking_config")))
    effort = given.get("reasoning_effort")
    asked = _asked(given.get("reasoning"))
    if effort is not None and ({"effort", "budget_tokens"} & asked.keys() or asked.get("enabled") is False):
        raise ConfigurationError("reasoning and reasoning_effort say the same thing; give one of them")
    # True asks to see what the model thinks; how much it thinks is its own choice.
    if asked.get("summary") is not None or asked.get("enabled"):
        thinking["includeThoughts"] = True
    if asked.get("enabled") is False:
        thinking.update(_effort("off", model, warnings))
    if asked.get("budget_tokens") is not None:
        thinking["thinkingBudget"] = asked["budget_tokens"]
    effort = asked.get("effort", effort)
    if effort is not None:
        thinking.update(_effort(str(effort), model, warnings))
    for key, name in (
        ("thinking_budget", "thinkingBudget"),
        ("thinking_level", "thinkingLevel"),
        ("include_thoughts", "includeThoughts"),
    ):
        if key in given:
            thinking[name] = given[key]
    return thinking


def _asked(reasoning: JSON) -> JSONObject:
    """The parameter ``reasoning`` as a dict with ``effort``, ``budget_tokens``, ``enabled`` and ``summary``."""
    if reasoning is None or isinstance(reasoning, bool):
        return {} if reasoning is None else {"enabled": reasoning}
    if isinstance(reasoning, str):
        return {"effort": reasoning}
    if isinstance(reasoning, int):
        return {"budget_tokens": reasoning}
    asked = fields_given("google", "reasoning", reasoning)
    unknown = asked.keys() - {"effort", "budget_tokens", "enabled", "summary"}
    if unknown:
        raise ConfigurationError(
            f"google cannot be told to reason {reasoning!r:.100}; reasoning has the keys effort, budget_tokens, "
            "enabled and summary"
        )
    return asked


def _effort(word: str, model: str, warnings: list[WarningEvent]) -> JSONObject:
    """The level or the budget for an effort: levels since Gemini 3, which cannot be told not to think at all."""
    effort = _EFFORTS.get(word.lower(), word.lower())
    if effort != "off" and effort not in _BUDGETS:
        known = ", ".join(("off", *_BUDGETS))
        raise ConfigurationError(f"google knows no reasoning effort {word!r}; it knows {known}")
    if is_before_3(model):
        return {"thinkingBudget": 0 if effort == "off" else _BUDGETS[effort]}
    if effort == "off":
        text = f"{model} cannot be told not to think; it was told to think as little as it can"
        warnings.append(WarningEvent(code="reasoning_not_off", text=text))
        return {"thinkingLevel": "MINIMAL"}
    return {"thinkingLevel": effort.upper()}


# ---------------------------------------------------------------- tools


def _tools(request: ModelRequest) -> list[JSONObject]:
    declared = [_declaration(tool) for tool in request.tools if isinstance(tool, ToolSpec)]
    native = [tool.definition for tool in request.tools if isinstance(tool, NativeTool)]
    return [*([{"functionDeclarations": declared}] if declared else ()), *native]


def _declaration(tool: ToolSpec) -> JSONObject:
    declaration: JSONObject = {"name": tool.name}
    if tool.description:
        declaration["description"] = tool.description
    if tool.parameters:
        declaration["parametersJsonSchema"] = tool.parameters
    return declaration


def _tool_config(request: ModelRequest, given: JSONObject, flavour: Flavour) -> JSONObject:
    if request.parallel_tool_calls is False:
        raise ConfigurationError(f"{flavour.provider} cannot be told to call one tool at a time")
    config: JSONObject = {}
    strict = any(isinstance(tool, ToolSpec) and tool.strict for tool in request.tools)
    calling = _calling(request.tool_choice, strict=strict)
    if given.get("stream_function_call_arguments") is not None:
        calling["streamFunctionCallArguments"] = given["stream_function_call_arguments"]
    if calling:
        config["functionCallingConfig"] = calling
    shown: JSON = given.get("include_server_side_tool_invocations")
    if shown is None and flavour.server_parts and not is_before_3(request.model):
        # Since Gemini 3, tools of Google's and of the caller's go together, if the calls of the former are shown.
        kinds = {type(tool) for tool in request.tools}
        shown = True if len(kinds) > 1 else None
    if shown is not None:
        config["includeServerSideToolInvocations"] = shown
    return config


def _calling(choice: ToolChoice | None, *, strict: bool) -> JSONObject:
    if isinstance(choice, tuple):
        return {"mode": "ANY", "allowedFunctionNames": [choice[1]]}
    if choice in ("any", "none"):
        return {"mode": choice.upper()}
    if strict:
        return {"mode": "VALIDATED"}  # free to call or not; calls keep to their schemas
    return {} if choice is None else {"mode": "AUTO"}


def _json(body: JSONObject) -> bytes:
    try:
        try:
            return msgspec.json.encode(body)
        except UnicodeEncodeError:
            # A lone surrogate, which models write in arguments now and then; its escape is JSON all the same.
            return json.dumps(body, separators=(",", ":")).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise ConfigurationError(f"the request cannot be written as JSON: {error}") from error


__all__ = ["PARAMETERS", "Flavour", "body_of"]
