"""Tokens times prices, in exact decimals."""

from __future__ import annotations

from decimal import Decimal, localcontext
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidewire.events.costs import Costs, add_costs, cost_of, unknown_cost
from tidewire.events.types import Cost, End, Usage

SONNET = {"input": 3.0, "output": 15.0, "cache_read": 0.3, "cache_write": 3.75}
GEMINI = {
    "input": 1.25,
    "output": 10.0,
    "cache_read": 0.125,
    "tiers": [
        {"above_input_tokens": 200_000, "input": 2.5, "output": 15.0, "cache_read": 0.25},
        {"above_input_tokens": 500_000, "input": 5.0, "output": 30.0},
    ],
}
THINKER = {"input": 1, "output": 2, "reasoning": 4, "input_audio": 10, "output_audio": 20}


@pytest.mark.parametrize(
    ("usage", "prices", "usd"),
    [
        (Usage(1_000_000, 1_000_000, 2_000_000), SONNET, "18"),
        (Usage(1, 0, 1), {"input": 0.1}, "0.0000001"),
        # Of 1,000 tokens 700 came from the cache and 200 went into it.
        (Usage(1000, 10, 1010, cache_read=700, cache_creation=200), SONNET, "0.001410"),
        (Usage(200_000, 100, 200_100), GEMINI, "0.251"),
        (Usage(200_001, 100, 200_101, cache_read=1), GEMINI, "0.50150025"),
        (Usage(600_000, 100, 600_100), GEMINI, "3.003"),
        # Thinking is a part of the output, and charged as such where it has no price of its own.
        (Usage(0, 100, 100, reasoning=60), SONNET, "0.0015"),
        (Usage(0, 100, 100, reasoning=60), THINKER, "0.00032"),
        (Usage(100, 50, 150, input_audio=40, output_audio=30), THINKER, "0.0011"),
        (Usage(0, 0, 0), {}, "0"),
        (Usage(10, 10, 20), {"input": 0, "output": 0.0}, "0"),
        (Usage(10, 0, 10), {"input": "0.3"}, "0.000003"),
        (Usage(10, 0, 10), {"input": Decimal("0.3")}, "0.000003"),
        # Parts that are reported too large cannot make a call cheaper than nothing.
        (Usage(10, 0, 10, cache_read=20), SONNET, "0.000006"),
        # What the provider says counts before any price.
        (Usage(10, 10, 20, cost_usd=Decimal("0.123")), SONNET, "0.123"),
        (Usage(10, 10, 20, cost_usd=Decimal(0)), {}, "0"),
    ],
)
def test_each_token_has_its_price(usage: Usage, prices: dict[str, Any], usd: str) -> None:
    with localcontext() as context:
        context.prec = 2  # what the thread rounds its own sums to is no matter
        assert cost_of(usage, prices, "m") == Cost(Decimal(usd))
        assert cost_of(usage, prices, "m").usd == Decimal(usd)


@pytest.mark.parametrize(
    ("usage", "prices", "known", "unpriced"),
    [
        (Usage(10, 10, 20), {}, "0", ("m: input", "m: output")),
        (Usage(10, 0, 10), {"output": 1}, "0", ("m: input",)),
        (Usage(10, 10, 20, cache_read=4), {"input": 1, "output": 1}, "0.000016", ("m: cache_read",)),
        (Usage(10, 0, 10, input_audio=4), {"input": 1}, "0.000006", ("m: input_audio",)),
        # A tier says all of its prices: that of shorter prompts would be too low.
        (Usage(600_000, 0, 600_000, cache_read=1), GEMINI, "2.999995", ("m: cache_read",)),
        (Usage(10, 0, 10), {"input": True}, "0", ("m: input",)),
        (Usage(10, 0, 10), {"input": "free"}, "0", ("m: input",)),
        (Usage(10, 0, 10), {"input": -1}, "0", ("m: input",)),
        (Usage(10, 0, 10), {"input": float("nan")}, "0", ("m: input",)),
        (Usage(10, 0, 10), {"input": None, "tiers": "none"}, "0", ("m: input",)),
    ],
)
def test_an_unknown_price_is_named_and_never_taken_for_nothing(
    usage: Usage, prices: dict[str, Any], known: str, unpriced: tuple[str, ...]
) -> None:
    cost = cost_of(usage, prices, "m")
    assert cost.usd is None
    assert cost == Cost(Decimal(known), unpriced)


def test_costs_add_up_and_what_is_unknown_of_one_is_unknown_of_the_sum() -> None:
    one, other = Cost(Decimal("0.1")), Cost(Decimal("0.2"), ("m: input",))
    assert add_costs(one, one) == Cost(Decimal("0.2"))
    assert add_costs(one, other) == Cost(Decimal("0.3"), ("m: input",))
    assert add_costs(other, other).unpriced == ("m: input",)
    assert add_costs(other, unknown_cost("n")).unpriced == ("m: input", "n: usage was not reported")
    costs = Costs()
    for name, cost in (("m", one), ("n", other), ("m", one)):
        costs.add(name, cost)
    assert costs.by_model == {"m": Cost(Decimal("0.2")), "n": other}
    assert costs.total() == Cost(Decimal("0.4"), ("m: input",))
    assert Costs().total().usd == 0


@given(st.lists(st.tuples(st.integers(0, 10**7), st.integers(0, 10**9)), max_size=50))
def test_no_sum_is_rounded(calls: list[tuple[int, int]]) -> None:
    total, expected = Cost(), 0
    for price, tokens in calls:
        total = add_costs(total, cost_of(Usage(tokens, 0, tokens), {"input": price / 10**6}, "m"))
        expected += price * tokens
    assert total.known_usd == Decimal(expected).scaleb(-12)


def test_a_cost_goes_through_json() -> None:
    end = End("ok", usage=Usage(1, 2, 3, cost_usd=Decimal("0.10")), cost=Cost(Decimal("0.10"), ("m: input",)))
    assert msgspec.json.decode(msgspec.json.encode(end), type=End) == end
