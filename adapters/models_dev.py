"""Facts about models as models.dev publishes them, made into profiles.

Source: the ``api.json`` of the models.dev project, read 2026-11-25: ``{provider: {models: {model: facts}}}``. Only the
fields below are read; what the project adds passes.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from tidewire.adapters.profile_table import Profiles
from tidewire.events.blocks import JSONObject
from tidewire.events.errors import ConfigurationError

#: The kinds of content that a profile tells of, in and out.
MODALITIES = ("text", "image", "audio", "video", "pdf")

# ---------------------------------------------------------------- what we read


class _Limit(msgspec.Struct):
    context: int = 0
    output: int = 0
    input: int = 0


class _Modalities(msgspec.Struct):
    input: list[str] = []
    output: list[str] = []


class _ReasoningOption(msgspec.Struct):
    type: str = ""
    values: list[str | None] = []
    min: int | None = None
    max: int | None = None


class _Tier(msgspec.Struct):
    size: int = 0
    type: str = "context"


class _Prices(msgspec.Struct, omit_defaults=True):
    """US dollars for a million tokens."""

    input: float | None = None
    output: float | None = None
    reasoning: float | None = None
    cache_read: float | None = None
    cache_write: float | None = None
    input_audio: float | None = None
    output_audio: float | None = None


class _TierPrices(_Prices):
    tier: _Tier | None = None


class _Cost(_Prices):
    cached_input: float | None = None
    tiers: list[_TierPrices] = []


class _Model(msgspec.Struct):
    name: str = ""
    family: str | None = None
    release_date: str | None = None
    last_updated: str | None = None
    knowledge: str | None = None
    status: Literal["alpha", "beta", "deprecated"] | str | None = None
    open_weights: bool | None = None
    attachment: bool | None = None
    reasoning: bool | None = None
    tool_call: bool | None = None
    structured_output: bool | None = None
    temperature: bool | None = None
    limit: _Limit = msgspec.field(default_factory=_Limit)
    modalities: _Modalities | None = None
    reasoning_options: list[_ReasoningOption] = []
    cost: _Cost | None = None


class _Provider(msgspec.Struct):
    models: dict[str, _Model] = {}


_names = msgspec.json.Decoder(dict[str, msgspec.Raw])
_provider = msgspec.json.Decoder(_Provider)

# ---------------------------------------------------------------- profiles


def read_models_dev(content: bytes, provider: str) -> Profiles:
    """The profiles of a provider's models.

    Args:
        content: The text of an ``api.json``.
        provider: The name that models.dev gives the provider.

    Raises:
        ConfigurationError: The text is no such file, or it does not know the provider.
    """
    try:
        known = _names.decode(content)
        if provider not in known:
            raise ConfigurationError(f"models.dev knows no provider {provider!r}; it knows {', '.join(sorted(known))}")
        models = _provider.decode(known[provider]).models
    except (msgspec.DecodeError, UnicodeDecodeError) as wrong:
        raise ConfigurationError(f"this is no file of models.dev: {wrong}") from wrong
    return {name: _profile(model) for name, model in models.items()}


def _profile(model: _Model) -> JSONObject:
    profile: JSONObject = {
        "name": model.name,
        "family": model.family,
        "status": model.status,
        "release_date": model.release_date,
        "last_updated": model.last_updated,
        "knowledge": model.knowledge,
        "open_weights": model.open_weights,
        # 0 stands for models that have no such limit, as those that make images.
        "max_input_tokens": model.limit.context or None,
        "max_output_tokens": model.limit.output or None,
        # Where the prompt alone may not fill the context window.
        "max_prompt_tokens": model.limit.input or None,
        "reasoning_output": model.reasoning,
        "tool_calling": model.tool_call,
        "structured_output": model.structured_output,
        "attachment": model.attachment,
        "temperature": model.temperature,
        **_reasoning(model.reasoning_options),
    }
    if model.modalities is not None:
        for kind in MODALITIES:
            profile[f"{kind}_inputs"] = kind in model.modalities.input
            profile[f"{kind}_outputs"] = kind in model.modalities.output
    if model.cost is not None:
        profile["prices"] = _prices(model.cost)
    return {key: value for key, value in profile.items() if value is not None}


def _reasoning(options: list[_ReasoningOption]) -> JSONObject:
    """What is known of how a model is told to reason. An empty list says nothing: many entries have one."""
    if not options:
        return {}
    told: JSONObject = {"reasoning_toggle": False, "reasoning_budget": False}
    for option in options:
        match option.type:
            case "toggle":
                told["reasoning_toggle"] = True
            case "effort":
                told["reasoning_effort_levels"] = [value for value in option.values if value is not None]
            case "budget_tokens":
                told["reasoning_budget"] = True
                told["reasoning_budget_min_tokens"] = option.min
                told["reasoning_budget_max_tokens"] = option.max
            case _:
                pass
    return told


def _prices(cost: _Cost) -> JSONObject:
    prices = _given(cost)
    if cost.cached_input is not None:
        prices.setdefault("cache_read", cost.cached_input)
    tiers = [
        {"above_input_tokens": tier.tier.size, **_given(tier)}
        for tier in cost.tiers
        if tier.tier is not None and tier.tier.type == "context"
    ]
    if tiers:
        prices["tiers"] = tiers
    return prices


def _given(prices: _Prices) -> JSONObject:
    named = {name: getattr(prices, name) for name in _Prices.__struct_fields__}
    return {name: price for name, price in named.items() if price is not None}


__all__ = ["MODALITIES", "read_models_dev"]
