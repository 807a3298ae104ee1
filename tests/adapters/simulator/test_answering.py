"""Each request finds its format, and each format sends the same answer at the same pace; no socket is needed."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from tidewire.adapters.brain import Brain
from tidewire.adapters.script import Call, Pace, Reply
from tidewire.adapters.sim_request import SimMessage, SimRequest
from tidewire.adapters.simulator.answering import APIS, Answering, Recorded
from tidewire.adapters.simulator.faults import Act, Send

ASKED = {"role": "user", "content": "Hello!"}
OPENAI = {"model": "demo", "messages": [ASKED], "input": [ASKED], "reasoning": {"effort": "low"}}
PACE = Pace(first_token_s=1.0, tokens_per_second=10)
REPLY = Reply("one two", reasoning="Hm, yes.", tool_calls=[Call("now", {"zone": "CET"}), Call("now", {})])

#: For each format the path for a plain answer and for a stream, the query, and the body.
REQUESTS: dict[str, tuple[str, str, dict[str, str], dict[str, Any]]] = {
    "azure.chat": ("/openai/v1/chat/completions", "/openai/v1/chat/completions", {}, OPENAI),
    "azure.responses": ("/openai/responses", "/openai/responses", {"api-version": "preview"}, OPENAI),
    "anthropic.messages": (
        "/v1/messages",
        "/v1/messages",
        {},
        {"model": "demo", "max_tokens": 100, "messages": [ASKED]},
    ),
    "google.generate_content": (
        "/v1beta/models/demo:generateContent",
        "/v1beta/models/demo:streamGenerateContent",
        {"alt": "sse"},
        {"contents": [{"parts": [{"text": "Hello!"}]}]},
    ),
    "bedrock.converse": (
        "/model/demo/converse",
        "/model/demo/converse-stream",
        {},
        {"messages": [{"role": "user", "content": [{"text": "Hello!"}]}]},
    ),
    "ollama.chat": ("/api/chat", "/api/chat", {}, {"model": "demo", "messages": [ASKED]}),
    "openai.responses": ("/v1/responses", "/v1/responses", {}, OPENAI),
    "openai.chat": ("/v1/chat/completions", "/v1/chat/completions", {}, OPENAI),
}


def acts_of(name: str, *, stream: bool) -> list[Act]:
    """What is sent for a request in a format."""
    plain, streamed, query, body = REQUESTS[name]
    headers = {"anthropic-version": "2023-06-01"}
    recorded = Recorded("POST", streamed if stream else plain, query, headers, None)
    answering = Answering([REPLY], PACE, None, None)
    return list(answering.reply_to(recorded, msgspec.json.encode({**body, "stream": stream})))


def test_every_format_has_a_request_here_and_is_the_only_one_to_answer_it() -> None:
    assert REQUESTS.keys() == {api.name for api in APIS}
    for name, (plain, streamed, *_) in REQUESTS.items():
        for path in (plain, streamed):
            assert next(api.name for api in APIS if api.answers(path)) == name


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "streamed"])
@pytest.mark.parametrize("name", REQUESTS)
def test_every_format_takes_the_same_time(name: str, stream: bool) -> None:
    plan = Brain([REPLY], PACE).answer(SimRequest("demo", (SimMessage("user", "Hello!"),)))
    acts = acts_of(name, stream=stream)
    head = acts[0]
    assert isinstance(head, Send)
    assert (head.data[:15], head.delay_s) == (b"HTTP/1.1 200 OK", 0.0)
    took = [act.delay_s for act in acts if isinstance(act, Send)]
    assert sum(took) == pytest.approx(sum(step.delay_s for step in plan.steps))
    assert (sum(1 for delay_s in took if delay_s) > 4) == stream
