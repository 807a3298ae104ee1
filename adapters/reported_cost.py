"""What providers say that a call costs, in its usage.

OpenRouter ("Usage accounting"): ``cost`` in credits, which are US dollars; who brings a key of their own (``is_byok``)
pays ``cost_details.upstream_inference_cost`` besides. Perplexity: ``cost.total_cost`` in US dollars. xAI:
``cost_in_usd_ticks``, of which ten thousand million are a dollar. Read 2026-11-25.
"""

from __future__ import annotations

from decimal import Context, Decimal

from tidewire.adapters.json_text import object_of
from tidewire.events.blocks import JSON, JSONObject

_TICK = -10
_MOST = 1e15
# Whatever the thread's own context says.
_EXACT = Context(prec=80)


def read_cost_usd(usage: JSONObject) -> Decimal | None:
    """The cost in US dollars; None where the usage says nothing of it.

    >>> read_cost_usd({"prompt_tokens": 10, "cost": 0.00014})
    Decimal('0.00014')
    """
    if "cost" not in usage and "cost_in_usd_ticks" not in usage:
        return None
    ticks = _amount(usage.get("cost_in_usd_ticks"))
    if ticks is not None:
        return ticks.scaleb(_TICK, _EXACT)
    cost = usage.get("cost")
    if "total_cost" in (parts := object_of(cost)):
        return _amount(parts["total_cost"])
    amount = _amount(cost)
    if amount is not None and usage.get("is_byok") is True:
        upstream = _amount(object_of(usage.get("cost_details")).get("upstream_inference_cost"))
        return None if upstream is None else _EXACT.add(amount, upstream)
    return amount


def _amount(value: JSON) -> Decimal | None:
    """An amount as its shortest decimal, which is how it was written."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < _MOST:
        return None
    return Decimal(repr(value))


__all__ = ["read_cost_usd"]
