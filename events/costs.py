"""What calls cost in money: tokens times prices, in exact decimals.

Prices are a profile's: US dollars for a million tokens, by ``input``, ``output``, ``cache_read``, ``cache_write``,
``reasoning``, ``input_audio`` and ``output_audio``, with ``tiers`` for long prompts::

    {"input": 1.25, "output": 10, "cache_read": 0.125, "tiers": [{"above_input_tokens": 200000, "input": 2.5, …}]}

A price that is not known is named, and never taken for 0.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Context, Decimal, InvalidOperation
from functools import lru_cache
from typing import cast

import msgspec

from tidewire.events.blocks import JSON
from tidewire.events.types import Cost, Usage

# Wider than any sum of tokens times prices, and independent of what the thread's own context says.
_EXACT = Context(prec=80)


class Costs(msgspec.Struct):
    """Costs that add up, by the model that answered."""

    by_model: dict[str, Cost] = {}

    def add(self, model: str, cost: Cost) -> None:
        """Count one call."""
        known = self.by_model.get(model)
        self.by_model[model] = cost if known is None else add_costs(known, cost)

    def total(self) -> Cost:
        """The cost of all calls."""
        total = Cost()
        for cost in self.by_model.values():
            total = add_costs(total, cost)
        return total


def add_costs(one: Cost, other: Cost) -> Cost:
    """The cost of both: what is unknown of either is unknown of the sum."""
    unpriced = one.unpriced
    if other.unpriced and other.unpriced != unpriced:
        unpriced = tuple(dict.fromkeys([*unpriced, *other.unpriced]))
    return Cost(_EXACT.add(one.known_usd, other.known_usd), unpriced)


def cost_of(usage: Usage, prices: Mapping[str, JSON], model: str) -> Cost:
    """What a call costs. What the provider itself says of it counts before any price.

    Args:
        usage: Its tokens.
        prices: The model's prices; empty where none is known.
        model: What to call the model where a price is missing.

    >>> cost_of(Usage(1000, 100, 1100, cache_read=800), {"input": 3, "output": 15, "cache_read": 0.3}, "m").usd
    Decimal('0.0023400')
    """
    if usage.cost_usd is not None:
        return Cost(usage.cost_usd)
    if not prices:
        return Cost(unpriced=tuple([f"{model}: {name}" for name, _ in _parts(usage, prices)]))
    prices = _tier(prices, usage.input_tokens)
    total, unpriced = Decimal(0), list[str]()
    for name, tokens in _parts(usage, prices):
        price = _price(prices.get(name))
        if price is None:
            unpriced.append(f"{model}: {name}")
        else:
            total = _EXACT.add(total, _EXACT.multiply(tokens, price))
    return Cost(total, tuple(unpriced))


def unknown_cost(model: str) -> Cost:
    """That of a call of which no tokens were reported."""
    return Cost(unpriced=(f"{model}: usage was not reported",))


def _tier(prices: Mapping[str, JSON], input_tokens: int) -> Mapping[str, JSON]:
    """The prices for a prompt of this length: the whole of a call is charged by the tier that it reaches."""
    reached, best = prices, -1.0
    tiers = prices.get("tiers")
    for tier in cast("list[Mapping[str, JSON]]", tiers) if isinstance(tiers, list) else ():
        above = tier.get("above_input_tokens")
        if isinstance(above, (int, float)) and best < above < input_tokens:
            reached, best = tier, above
    return reached


def _parts(usage: Usage, prices: Mapping[str, JSON]) -> Iterator[tuple[str, int]]:
    """The tokens of a call by the price that they have, without those of which there are none."""
    read, written = usage.cache_read or 0, usage.cache_creation or 0
    heard, spoken = usage.input_audio or 0, usage.output_audio or 0
    # Thinking is charged as output where it has no price of its own.
    thought = (usage.reasoning or 0) if "reasoning" in prices else 0
    for name, tokens in (
        ("input", max(usage.input_tokens - read - written - heard, 0)),
        ("cache_read", read),
        ("cache_write", written),
        ("input_audio", heard),
        ("output", max(usage.output_tokens - spoken - thought, 0)),
        ("output_audio", spoken),
        ("reasoning", thought),
    ):
        if tokens:
            yield name, tokens


def _price(value: JSON) -> Decimal | None:
    """The price of one token for that of a million, as its shortest decimal; None for what is none."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str, Decimal)):
        return None
    return _price_of_one(str(value))


@lru_cache(1024)
def _price_of_one(text: str) -> Decimal | None:
    try:
        price = Decimal(text)
    except InvalidOperation:
        return None
    return price.scaleb(-6, _EXACT) if price.is_finite() and price >= 0 else None


__all__ = ["Costs", "add_costs", "cost_of", "unknown_cost"]
