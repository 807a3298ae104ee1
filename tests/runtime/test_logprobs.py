"""``logprobs`` on every wire format that has them, and several answers at once: streamed or not, the same."""

from typing import Any

import pytest

from tidewire import ChatModel, init_chat_model
from tidewire.messages import AIMessage, AIMessageChunk, message_from_dict
from tidewire.testing import Reply, Simulator

FORMATS: dict[str, tuple[str, dict[str, Any]]] = {
    "openai": ("openai_url", {}),
    "openai, Responses": ("openai_url", {"use_responses_api": True}),
    "google_genai": ("google_url", {}),
    "ollama": ("ollama_url", {}),
    "groq": ("openai_url", {}),
}


def model_of(name: str, simulator: Simulator) -> ChatModel:
    place, more = FORMATS[name]
    provider = name.partition(",")[0]
    key = {} if provider == "ollama" else {"api_key": "any"}
    return init_chat_model(f"{provider}:some-model", base_url=getattr(simulator, place), **key, **more)


async def both(model: ChatModel) -> list[AIMessage]:
    """The answer, whole and from a stream."""
    whole = await model.ainvoke("hi", streaming=False)
    return [whole, sum([chunk async for chunk in model.astream("hi")], AIMessageChunk())]


@pytest.mark.parametrize("name", FORMATS)
async def test_the_probabilities_of_all_tokens_stand_in_the_metadata(name: str) -> None:
    with Simulator(script=lambda request: Reply(["one", " two", " three"])) as simulator:
        model = model_of(name, simulator)
        for answer in await both(model.bind(logprobs=True, top_logprobs=2)):
            logprobs = answer.response_metadata["logprobs"]
            assert list(logprobs) == ["content"]
            assert [entry["token"] for entry in logprobs["content"]] == ["one", " two", " three"]
            for entry in logprobs["content"]:
                assert entry["logprob"] <= 0
                assert len(entry["top_logprobs"]) == 2
        for answer in await both(model):
            assert "logprobs" not in answer.response_metadata


@pytest.mark.parametrize("name", ["openai", "google_genai", "groq"])
async def test_the_other_answers_stand_in_the_metadata(name: str) -> None:
    with Simulator(script=lambda request: Reply("one two")) as simulator:
        model = model_of(name, simulator)
        for answer in await both(model.bind(n=3)):
            assert answer.text == "one two"
            candidates = answer.response_metadata["candidates"]
            others = [message_from_dict({"type": "ai", "data": candidate}) for candidate in candidates]
            assert [other.text for other in others] == ["one two", "one two"]
            assert all(other.response_metadata["finish_reason"] for other in others)
        for answer in await both(model):
            assert "candidates" not in answer.response_metadata
