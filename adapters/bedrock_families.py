"""What Converse leaves to the families of models: the fields by which each is told to reason, and some of its habits.

Sources, read 2026-11-25: "Extended thinking in Amazon Nova 2" of the Amazon Nova user guide, "Adaptive thinking" of the
Amazon Bedrock user guide, what other clients send to the families without a page, and the requests of recorded traffic.
A family that is missing here is no mistake: what it needs can be passed in ``additional_model_request_fields``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import cast

import msgspec

from tidewire.adapters.claude_thinking import GENERATIONS, budget, leave_room
from tidewire.adapters.reasoning import EFFORTS
from tidewire.events.blocks import JSON, JSONObject
from tidewire.events.errors import ConfigurationError

_GEOGRAPHY = r"(?:us|us-gov|eu|ap|apac|au|jp|ca|sa|me|af|il|mx|global)\."
_VENDOR = re.compile(rf"(?:^|/)(?:{_GEOGRAPHY})?([a-z0-9]+)\.[^/]+$")


class Family(msgspec.Struct, frozen=True):
    """Models that are told to reason in the same way.

    Attributes:
        models: How their names look.
        efforts: The fields for each effort that they take.
        takes_budget: Whether they take a number of tokens.
    """

    models: re.Pattern[str]
    efforts: Mapping[str, JSONObject]
    takes_budget: bool = False


def _family(
    models: str,
    spell: Callable[[str], JSONObject],
    words: str,
    *,
    off: JSONObject | None = None,
) -> Family:
    """A row: ``words`` are the model's own for the efforts from ``minimal`` to ``max``."""
    efforts = {effort: spell(word) for effort, word in zip(EFFORTS[1:], words.split(), strict=True)}
    return Family(re.compile(models), efforts if off is None else {"none": off, **efforts})


# The first one that fits counts.
_FAMILIES = (
    *(
        Family(re.compile(rf"anthropic\.{pattern}"), how.efforts, takes_budget=how.budget is not None)
        for pattern, how in GENERATIONS
    ),
    _family(
        r"amazon\.nova-2-",
        lambda word: {"reasoningConfig": {"type": "enabled", "maxReasoningEffort": word}},
        "low low medium high high high",
        off={"reasoningConfig": {"type": "disabled"}},
    ),
    _family(
        r"openai\.gpt-oss|moonshot(ai)?\.kimi-k2",
        lambda word: {"reasoning_effort": word},
        "low low medium high high high",
    ),
    _family(
        r"openai\.",
        lambda word: {"reasoning": {"effort": word}},
        "low low medium high xhigh max",
        off={"reasoning": {"effort": "none"}},
    ),
    _family(r"qwen\.qwen3|deepseek\.v3", lambda word: {"reasoning_config": word}, "low low high high high high"),
    _family(r"zai\.glm", lambda word: {"reasoning_config": word}, "high high high high high high"),
)

# Where each family takes `top_k`; the others take it under this name.
_TOP_K: tuple[tuple[str, Callable[[JSON], JSONObject]], ...] = (
    (r"amazon\.nova", lambda value: {"inferenceConfig": {"topK": value}}),
    (r"cohere\.", lambda value: {"k": value}),
)

#: Vendors whose models are told by a field that a tool failed.
_KNOW_TOOL_STATUS = frozenset({"amazon", "anthropic"})


def vendor_of(model: str) -> str | None:
    """Who made a model, from its name; None where the name does not say, as an inference profile's of one's own."""
    found = _VENDOR.search(model)
    return found.group(1) if found else None


def knows_tool_status(model: str) -> bool:
    """Whether the result of a tool may say that it failed; True where the model's name tells nothing."""
    return (vendor_of(model) or "amazon") in _KNOW_TOOL_STATUS


def top_k_fields(model: str, top_k: JSON) -> JSONObject:
    """The model's own fields for ``top_k``."""
    return next((spell(top_k) for models, spell in _TOP_K if re.search(models, model)), {"top_k": top_k})


def reasoning_fields(model: str, wanted: JSON, max_tokens: JSON) -> JSONObject:
    """The model's own fields for how it is to reason.

    Args:
        model: The model's name.
        wanted: An effort, True or False, or a dict with one of ``effort``, ``budget_tokens`` and ``enabled``.
        max_tokens: The limit of the answer, which a budget for thinking must stay below.

    Raises:
        ConfigurationError: The model does not take this, or it is not known how it does.
    """
    family = next((family for family in _FAMILIES if family.models.search(model)), None)
    if family is None:
        raise ConfigurationError(
            f"it is not known how {model!r} is told to reason: pass additional_model_request_fields={{…}}, and "
            "base_model_id=… if the name stands for another model"
        )
    effort: JSON = wanted
    if isinstance(wanted, dict):
        asked = cast("JSONObject", wanted)
        if asked.keys() == {"budget_tokens"} and family.takes_budget:
            return budget(asked["budget_tokens"])
        if len(asked) == 1:
            effort = asked.get("effort", asked.get("enabled"))
    if isinstance(effort, bool):
        effort = "medium" if effort else "none"
    if effort == "off":
        effort = "none"
    fields = family.efforts.get(effort) if isinstance(effort, str) else None
    if fields is None:
        raise ConfigurationError(
            f"{model!r} does not take reasoning {wanted!r}; it takes the efforts {', '.join(family.efforts)}"
            + (" or {'budget_tokens': …}" if family.takes_budget else "")
        )
    return leave_room(fields, model, max_tokens)


__all__ = ["knows_tool_status", "reasoning_fields", "top_k_fields", "vendor_of"]
