"""What providers say that a call costs."""

from __future__ import annotations

from decimal import Decimal, localcontext
from typing import Any

import pytest

from tidewire.adapters.openai_chat_parts import read_usage
from tidewire.adapters.reported_cost import read_cost_usd


@pytest.mark.parametrize(
    ("usage", "cost"),
    [
        ({"cost": 0.0033789, "is_byok": False}, "0.0033789"),
        ({"cost": 1.96e-06, "cost_details": {"upstream_inference_cost": 1.0}}, "0.00000196"),
        ({"cost": 0}, "0"),
        ({"cost": 0.05, "is_byok": True, "cost_details": {"upstream_inference_cost": 0.95}}, "1.00"),
        ({"cost": 0.05, "is_byok": True}, None),
        ({"cost": {"input_tokens_cost": 0.001, "total_cost": 0.006}}, "0.006"),
        ({"cost": {}}, None),
        ({"cost_in_usd_ticks": 318319000}, "0.0318319"),
        ({"cost_in_usd_ticks": 1, "cost": 3}, "0.0000000001"),
        ({"cost": True}, None),
        ({"cost": "0.1"}, None),
        ({"cost": -1}, None),
        ({"cost": float("nan")}, None),
        ({"cost": float("inf")}, None),
        ({"cost": 10**400}, None),
        ({}, None),
    ],
)
def test_the_cost_is_read_as_it_is_written(usage: dict[str, Any], cost: str | None) -> None:
    with localcontext() as context:
        context.prec = 1
        assert read_cost_usd(usage) == (None if cost is None else Decimal(cost))


def test_it_stands_beside_the_tokens() -> None:
    usage = read_usage({"prompt_tokens": 5, "completion_tokens": 7, "cost": 0.5})
    assert usage is not None
    assert usage.cost_usd == Decimal("0.5")
    assert "cost" not in usage.metadata()
