"""What a model's profile rules out of a request. Only what it says explicitly counts: what is not known is sent.

Sampling parameters that a model does not take are left out, with a warning; other parameters, and ways of reasoning,
are refused. What a model cannot take in, and what it cannot do, is refused where users ask for it (``check_profile``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import cast

from tidewire.adapters.spec import Adapter, ModelRequest, ToolSpec
from tidewire.events.blocks import JSON, JSONObject
from tidewire.events.errors import ConfigurationError
from tidewire.events.messages import BaseMessage
from tidewire.events.types import WarningEvent

#: Parameters that only change which of its words a model picks: an answer without them is an answer all the same.
SAMPLING = frozenset(
    {
        "frequency_penalty",
        "logit_bias",
        "min_p",
        "presence_penalty",
        "repeat_penalty",
        "repetition_penalty",
        "seed",
        "temperature",
        "top_k",
        "top_p",
        "typical_p",
    }
)


# ---------------------------------------------------------------- parameters


def fit_parameters(
    profile: JSONObject, parameters: JSONObject, model: str, adapter: Adapter
) -> tuple[JSONObject, tuple[WarningEvent, ...]]:
    """The parameters that a model takes, and a warning for each that is left out.

    Args:
        profile: What is known of the model.
        parameters: The parameters of a call.
        model: The model's name, for the messages.
        adapter: The provider.

    Raises:
        ConfigurationError: The model does not take a parameter that cannot be left out, or does not reason so.
    """
    if not profile:
        return parameters, ()
    if profile.get("responses_only") is True:
        parameters = _by_responses(parameters, adapter)
    if not parameters:
        return parameters, ()
    unasked: set[str] = set()
    wanted = _wanted(parameters)
    if wanted is not None and _is_idle(profile, wanted, model, adapter.effort_words):
        unasked = {"reasoning", "reasoning_effort"} & parameters.keys()
    not_taken = _not_taken(profile, parameters, wanted)
    for name in sorted(not_taken - SAMPLING):
        raise ConfigurationError(f"{model} does not take {name!r}, as its profile says; {_OVERRIDE}")
    left_out = {*unasked, *not_taken}
    if not left_out:
        return parameters, ()
    kept = {name: value for name, value in parameters.items() if name not in left_out}
    return kept, tuple(
        WarningEvent("parameter_left_out", f"{name} was left out: {model} does not {_DOES.get(name, 'take it')}")
        for name in parameters
        if name in left_out
    )


def _by_responses(parameters: JSONObject, adapter: Adapter) -> JSONObject:
    """With the choice of the API that alone has the model, unless the caller chose."""
    if "use_responses_api" in parameters or "use_responses_api" not in adapter.parameters:
        return parameters
    return {**parameters, "use_responses_api": True}


_OVERRIDE = "if that is wrong, give the model a profile of your own: profile={…}"
_DOES = {"reasoning": "reason anyway", "reasoning_effort": "reason anyway"}


def _not_taken(profile: JSONObject, parameters: JSONObject, wanted: JSON) -> set[str]:
    named: Sequence[str] = profile.get("unsupported_parameters") or ()
    if profile.get("temperature") is False:
        named = ("temperature", *named)
    not_taken = {name for name in named if _is_asked(parameters.get(name))}
    if not_taken and profile.get("sampling_without_reasoning") is True:
        effort = wanted if wanted is not None else profile.get("reasoning_effort_default")
        if effort == "none":
            return set()
    return not_taken


def _is_asked(value: JSON) -> bool:
    return value is not None and value is not False  # `logprobs=False` asks for nothing, `temperature=0` does


# ---------------------------------------------------------------- reasoning


def _wanted(parameters: JSONObject) -> JSON:
    """How the model is to reason: an effort, ``none``, True, or a number of tokens; None where nothing is said."""
    wanted = parameters.get("reasoning_effort")
    if wanted is None:
        wanted = parameters.get("reasoning")
    if isinstance(wanted, dict):
        asked = cast("JSONObject", wanted)
        wanted = next(
            (asked[key] for key in ("effort", "budget_tokens", "enabled") if asked.get(key) is not None), None
        )
    if wanted is False:
        return "none"
    if isinstance(wanted, str):
        word = wanted.lower()
        return "none" if word == "off" else word
    return wanted


def _is_idle(profile: JSONObject, wanted: JSON, model: str, words: Mapping[str, str]) -> bool:
    """Whether it need not be said: a model that does not reason is told not to.

    Raises:
        ConfigurationError: The model cannot reason so.
    """
    if profile.get("reasoning_output") is False:
        if wanted == "none":
            return True
        raise ConfigurationError(f"{model} does not reason, as its profile says; {_OVERRIDE}")
    if isinstance(wanted, str):
        _check_effort(profile, wanted, model, words)
    elif not isinstance(wanted, bool) and isinstance(wanted, int):
        _check_budget(profile, wanted, model)
    return False


def _check_effort(profile: JSONObject, effort: str, model: str, words: Mapping[str, str]) -> None:
    levels: Sequence[str] = profile.get("reasoning_effort_levels") or ()
    if not levels or effort in levels or words.get(effort) in levels:
        return
    # Reasoning that has a switch or a budget of its own is turned off by that.
    if effort == "none" and (profile.get("reasoning_toggle") is True or profile.get("reasoning_budget") is True):
        return
    named = ", ".join(map(repr, levels))
    raise ConfigurationError(f"{model} cannot be told to reason {effort!r}; it takes {named}. {_OVERRIDE.capitalize()}")


def _check_budget(profile: JSONObject, tokens: int, model: str) -> None:
    least = profile.get("reasoning_budget_min_tokens")
    most = profile.get("reasoning_budget_max_tokens")
    # Not every number is one of tokens: 0 turns reasoning off and -1 leaves it to the model.
    if tokens > 0 and ((least is not None and tokens < least) or (most is not None and tokens > most)):
        bounds = [f"{word} {bound}" for word, bound in (("at least", least), ("at most", most)) if bound is not None]
        named = " and ".join(bounds)
        raise ConfigurationError(f"{model} takes {named} tokens for reasoning, got {tokens}; {_OVERRIDE}")


# ---------------------------------------------------------------- on request: what goes in, and what is asked for


def check_request(profile: JSONObject, request: ModelRequest) -> None:
    """Refuse a request that the model's profile rules out.

    Raises:
        ConfigurationError: The model does not take something in the messages, or cannot do what is asked; it is named.
    """
    for reason in _reasons(profile, request):
        raise ConfigurationError(f"{request.model} {reason}, as its profile says; leave out check_profile to send it")


def _reasons(profile: JSONObject, request: ModelRequest) -> Iterable[str]:
    def lacks(key: str) -> bool:
        return profile.get(key) is False

    if lacks("tool_calling") and any(isinstance(tool, ToolSpec) for tool in request.tools):
        yield "does not call tools"
    if lacks("tool_choice") and (request.tool_choice == "any" or isinstance(request.tool_choice, tuple)):
        yield "cannot be told which tool to call"
    if lacks("structured_output") and request.output is not None and request.output.schema is not None:
        yield "does not hold its answer to a schema (use method='function_calling')"
    most, asked = profile.get("max_output_tokens"), request.parameters.get("max_tokens")
    if isinstance(most, int) and isinstance(asked, int) and asked > most:
        yield f"answers with at most {most} tokens, not {asked}"
    if any(lacks(key) for key in _CONTENT_KEYS):
        for message in request.messages:
            if message.type != "ai":
                yield from _refused_content(profile, message)


_CONTENT_KEYS = tuple(f"{kind}_inputs" for kind in ("text", "image", "audio", "video", "pdf", "image_url")) + tuple(
    f"{kind}_tool_message" for kind in ("image", "pdf")
)


def _refused_content(profile: JSONObject, message: BaseMessage) -> Iterable[str]:
    for block in cast("list[JSONObject]", message.content_blocks):
        kind = "pdf" if _is_pdf(block) else block["type"]
        if profile.get(f"{kind}_inputs") is False:
            yield f"does not take {kind} input"
        if message.type == "tool" and profile.get(f"{kind}_tool_message") is False:
            yield f"does not take {kind} input from a tool"
        if kind == "image" and profile.get("image_url_inputs") is False and _has_address(block):
            yield "does not take an image by its address; give it as base64"


def _is_pdf(block: JSONObject) -> bool:
    if block["type"] != "file":
        return False
    kind = block.get("mime_type")
    return kind == "application/pdf" or (kind is None and str(block.get("url", "")).lower().endswith(".pdf"))


def _has_address(block: JSONObject) -> bool:
    return block.get("url") is not None and not str(block["url"]).startswith("data:")


__all__ = ["SAMPLING", "check_request", "fit_parameters"]
