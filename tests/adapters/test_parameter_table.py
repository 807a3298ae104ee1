"""The table of ``docs/parameters.md`` is true: where each common parameter lands in a provider's body, or that it is
refused by name."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, cast

import pytest

from tests.test_layers import ROOT
from tidewire import ChatModel, ConfigurationError, init_chat_model
from tidewire.adapters.registry import provider_names
from tidewire.events.messages import HumanMessage

PAGE = ROOT / "docs" / "parameters.md"
VALUES: dict[str, Any] = {
    "temperature": 0.5,
    "max_tokens": 7,
    "stop": ["END"],
    "seed": 3,
    "top_p": 0.9,
    "top_k": 5,
    "frequency_penalty": 0.1,
    "presence_penalty": 0.2,
    "logit_bias": {"50": 1},
    "logprobs": True,
    "top_logprobs": 2,
    "n": 2,
    "user": "somebody",
    "service_tier": "auto",
    "verbosity": "low",
}
NEEDED: dict[str, dict[str, Any]] = {
    "azure_openai": {"azure_endpoint": "https://a.example", "api_version": "2025-01-01-preview"},
    "bedrock": {"region_name": "us-east-1"},
    "bedrock_converse": {"region_name": "us-east-1"},
    "google_vertexai": {"project": "p", "access_token": "t"},
    "snowflake": {"account": "a"},
}
ROWS = [*provider_names(), "openai (Responses)"]


def fields(value: object, place: str = "") -> Iterator[tuple[str, str]]:
    """Every value of a body, by the path to it; what ``logit_bias`` holds is its own affair."""
    inner = cast("dict[str, object]", value) if isinstance(value, dict) else {}
    if not inner or place.endswith("logit_bias"):
        yield place, json.dumps(value)
    for name, part in inner.items() if not place.endswith("logit_bias") else ():
        yield from fields(part, f"{place}.{name}" if place else name)


def body(model: ChatModel, **parameters: object) -> tuple[dict[str, str], bool]:
    """The body of a request with these parameters, and whether something is warned of."""
    settings = model.bind(**parameters).settings
    codec, request = settings.adapter.choose(settings.request([HumanMessage("hi")], stream=False))
    http = codec.encode(request)
    return dict(fields(json.loads(http.body))), bool(http.warnings or request.warnings)


def place_of(model: ChatModel, name: str) -> str:
    """What the table says of a parameter."""
    before, _ = body(model)
    try:
        after, warned = body(model, **{name: VALUES[name]})
    except ConfigurationError as error:
        return "—" if name in error.message else f"refused without its name: {error.message}"
    places = [place for place in after if after[place] != before.get(place) and place != "input"]
    if not places:
        return "warned" if warned else "no effect"
    main = min(places, key=lambda place: (after[place] != json.dumps(VALUES[name]), place))
    return "✓" if main == name else f"`{main}`"


def row_of(provider: str) -> list[str]:
    name = provider.partition(" ")[0]
    more: dict[str, Any] = {"use_responses_api": True} if provider != name else {}
    model = init_chat_model("some-model", model_provider=name, **NEEDED.get(name, {}), **more)
    return [place_of(model, parameter) for parameter in VALUES]


def told() -> dict[str, list[str]]:
    """The rows of the page's table."""
    rows = [[cell.strip() for cell in line.strip("|\n ").split("|")] for line in PAGE.read_text().splitlines()
            if line.startswith("| ")]  # fmt: skip
    assert [cell.strip("`") for cell in rows[0]] == ["provider", *VALUES]
    return {re.sub("`", "", row[0]): row[1:] for row in rows[1:]}


@pytest.mark.parametrize("provider", ROWS)
def test_the_page_says_where_each_parameter_lands(provider: str) -> None:
    assert told()[provider] == row_of(provider)


def test_the_page_knows_every_provider() -> None:
    assert sorted(told()) == sorted(ROWS)


def main() -> None:
    """Print the table anew: ``python -m tests.adapters.test_parameter_table``."""
    print("| provider | " + " | ".join(f"`{name}`" for name in VALUES) + " |")
    print("|---" * (len(VALUES) + 1) + "|")
    for provider in ROWS:
        print(f"| {provider} | " + " | ".join(row_of(provider)) + " |")


if __name__ == "__main__":
    main()
