"""One request with everything in it, by each provider's own client and by tidewire: the same on the wire.

A simulator records both. What differs stands in a table with its reason; a difference without a reason fails, and so
does a reason without a difference.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from tests.adapters.requests import official, rich
from tests.adapters.requests.differences import ABSENT, differences, unexplained
from tests.adapters.test_google_genai_official import same
from tidewire.adapters.simulator import Recorded, simulate
from tidewire.events.blocks import JSONObject

#: Headers by which a provider tells who asks, and what for.
_HEADERS = (
    "accept",
    "anthropic-beta",
    "anthropic-version",
    "api-key",
    "authorization",
    "content-type",
    "x-api-key",
    "x-goog-api-key",
)


@dataclass(frozen=True)
class Case:
    """A request both ways, and why they differ: a reason by the path at which they do."""

    ours: rich.Rich
    theirs: official.Send
    reasons: Mapping[str, str]


_ACCEPT = {"headers.accept": "ours names the kind of reply that is asked for; servers go by the body or the path"}
_PLAIN = {"body.stream": "their client says in so many words that the reply is to be plain, which it is anyway"}

CASES: dict[str, Case] = {
    "openai chat": Case(rich.OPENAI_CHAT, official.openai_chat, _ACCEPT),
    "openai responses": Case(rich.OPENAI_RESPONSES, official.openai_responses, _ACCEPT),
    "azure chat": Case(rich.AZURE_CHAT, official.azure_chat, _ACCEPT),
    "anthropic": Case(
        rich.ANTHROPIC,
        official.anthropic_messages,
        {
            **_ACCEPT,
            "headers.anthropic-version": "version 2026-10-21 has no temperature, top_p and top_k; ours takes them",
            "headers.x-api-key": "the header that version 2023-06-01 documents for keys",
            "headers.authorization": "where their client has put keys since version 2026-10-21",
        },
    ),
    "google": Case(
        rich.GOOGLE,
        official.google,
        {
            **_ACCEPT,
            "path": "their client asks version v1 unless told otherwise, ours v1beta, which has what v1 has and more",
            "body.systemInstruction.role": "a system prompt is nobody's turn; their client calls it the user's",
        },
    ),
    "bedrock": Case(rich.BEDROCK, official.bedrock, _ACCEPT),
    "ollama": Case(
        rich.OLLAMA,
        official.ollama_chat,
        {
            **_ACCEPT,
            "body.messages.2.tool_calls.*.id": "newer than their client, which has no field for it",
            "body.messages.*.tool_call_id": "likewise",
        },
    ),
    "huggingface": Case(rich.HUGGINGFACE, official.huggingface, {**_ACCEPT, **_PLAIN}),
    "huggingface, a server by its address": Case(
        rich.HUGGINGFACE,
        official.huggingface_server,
        {
            **_ACCEPT,
            **_PLAIN,
            "body.response_format.*": "their client takes any such server for TGI, in whose words it tells the schema; "
            "ours tells it in OpenAI's, as to all who speak that format",
        },
    ),
}


def told(request: Recorded) -> JSONObject:
    """What of a request a provider reads."""
    headers = {name: request.headers[name] for name in _HEADERS if name in request.headers}
    if headers.get("authorization", "").startswith("AWS4"):
        # Who signs, and for what; the signature holds the time and is judged elsewhere.
        headers["authorization"] = re.sub(r"/\d{8}/|,.*", "/", headers["authorization"])
    return {
        "method": request.method,
        "path": request.path,
        "query": request.query,
        "headers": headers,
        # Google's JSON has two spellings of each name, and its client mixes them.
        "body": same(request.body) if "/models/" in request.path else request.body,
    }


@pytest.fixture(autouse=True)
def _no_keys_here(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GOOGLE_API_KEY", "GEMINI_API_KEY", "GOOGLE_GENAI_USE_VERTEXAI", "OPENAI_API_KEY", "OLLAMA_API_KEY"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("name", CASES)
def test_a_request_is_what_the_official_client_sends(name: str) -> None:
    case = CASES[name]
    request = case.ours
    found: list[tuple[str, Any, Any]] = []
    for stream in (False, True):
        with simulate(script=["High water.", "High water."]) as simulator:
            model = request.asked_of(simulator)
            if stream:
                list(model.stream(request.messages()))
            else:
                model.invoke(request.messages())
            case.theirs(simulator, stream)
            ours, theirs = map(told, simulator.requests)
        assert ours["body"]
        found += differences(ours, theirs)
    assert unexplained(found, case.reasons) == []


def test_what_differs_without_a_reason_is_found_and_a_reason_without_a_difference() -> None:
    ours: JSONObject = {"a": [1, {"b": True}], "c": 1, "same": None}
    theirs: JSONObject = {"a": [1, {"b": 1}, 2], "d": 1, "same": None}
    found = list(differences(ours, theirs))
    assert found == [("a.1.b", True, 1), ("a.2", ABSENT, 2), ("c", 1, ABSENT), ("d", ABSENT, 1)]
    assert unexplained(found, {"a.*": "", "c": "", "e": ""}) == [
        "d: ours '(absent)', theirs 1",
        "e: no difference any more",
    ]
