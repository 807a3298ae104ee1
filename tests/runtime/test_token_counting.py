import json
from typing import Any

import pytest

from tidewire import APITimeoutError, ChatModel, ConfigurationError, TidewireError, Timeout, init_chat_model
from tidewire.errors import AuthenticationError, ResponseDecodeError
from tidewire.events import Event, Run
from tidewire.messages import HumanMessage, SystemMessage, trim_messages
from tidewire.testing import Exchange, ReplayTransport
from tidewire.tools import tool

TALK = [SystemMessage("be kind"), HumanMessage("What is the weather in Lisbon?")]
KEYS: dict[str, dict[str, Any]] = {
    "anthropic": {"api_key": "k"},
    "google_genai": {"api_key": "k"},
    "google_vertexai": {"access_token": "k", "project": "p"},
    "bedrock_converse": {"api_key": "k", "region_name": "us-east-1"},
    "openai": {"api_key": "k"},
}


@tool
def get_weather(city: str) -> str:
    """Get the weather in a city."""
    return city


def letters(text: str) -> list[int]:
    return [ord(letter) for letter in text]


def replay(provider: str, *exchanges: Exchange | bytes, **more: Any) -> tuple[ChatModel, ReplayTransport]:
    transport = ReplayTransport(list(exchanges))
    return init_chat_model(f"{provider}:some-model", transport=transport, **KEYS[provider], **more), transport


def counted(answer: dict[str, Any], **more: Any) -> Exchange:
    return Exchange(body=json.dumps(answer).encode(), headers={"content-type": "application/json"}, **more)


def test_tokens_of_a_text_are_told_by_the_models_family() -> None:
    text = "The tide comes in twice a day, on 2026-11-25 too."
    counts = {
        name: init_chat_model(f"embedded:{name}").get_num_tokens(text) for name in ("gpt-5", "claude-x", "gemini")
    }
    assert counts == {"gpt-5": 18, "claude-x": 20, "gemini": 21}
    assert init_chat_model("embedded:demo").get_num_tokens("") == 0


def test_a_tokenizer_of_the_callers_own_counts_texts_exactly() -> None:
    model = init_chat_model("embedded:demo", custom_get_token_ids=letters)
    assert model.get_num_tokens("abcde") == 5
    plain = init_chat_model("embedded:demo")
    text = "x" * 1000
    more = model.get_num_tokens_from_messages(text) - model.get_num_tokens_from_messages("")
    assert more == 1000
    assert plain.get_num_tokens_from_messages(text) < 150


def test_tools_that_are_bound_or_given_count() -> None:
    model = init_chat_model("embedded:demo")
    bare = model.get_num_tokens_from_messages(TALK)
    assert model.get_num_tokens_from_messages(TALK, [get_weather]) > bare + 10
    bound = model.bind_tools([get_weather])
    assert bound.get_num_tokens_from_messages(TALK) == model.get_num_tokens_from_messages(TALK, [get_weather])
    assert bound.get_num_tokens_from_messages(TALK, []) == bare


def test_a_model_counts_for_trimming() -> None:
    model = init_chat_model("embedded:demo")
    budget = model.get_num_tokens_from_messages(TALK[1:])
    assert trim_messages(TALK, max_tokens=budget, token_counter=model) == TALK[1:]


@pytest.mark.parametrize(
    ("provider", "answer", "path", "fields"),
    [
        ("anthropic", {"input_tokens": 42}, "/v1/messages/count_tokens", {"messages", "model", "system", "tools"}),
        ("google_genai", {"totalTokens": 42}, "/models/some-model:countTokens", {"generateContentRequest"}),
        (
            "google_vertexai",
            {"totalTokens": 42},
            "/some-model:countTokens",
            {"contents", "systemInstruction", "tools", "generationConfig"},
        ),
        ("bedrock_converse", {"inputTokens": 42}, "/model/some-model/count-tokens", {"input"}),
        ("openai", {"input_tokens": 42}, "/v1/responses/input_tokens", {"model", "input", "tools"}),
    ],
)
async def test_a_provider_counts_on_request(provider: str, answer: Any, path: str, fields: set[str]) -> None:  # noqa: ANN401 - a table's
    model, transport = replay(provider, counted(answer), max_tokens=5, temperature=0, stop=["x"])
    assert await model.aget_num_tokens_from_messages(TALK, [get_weather], exact=True) == 42
    (request,) = transport.requests
    assert request.url.endswith(path)
    assert set(json.loads(request.body)) == fields
    assert transport.open_responses == 0


def test_it_counts_in_sync_code_too() -> None:
    model, _ = replay("anthropic", counted({"input_tokens": 42}))
    assert model.get_num_tokens_from_messages(TALK, exact=True) == 42


async def test_without_exact_nothing_is_sent() -> None:
    model, transport = replay("anthropic")
    assert await model.aget_num_tokens_from_messages(TALK) == model.get_num_tokens_from_messages(TALK)
    assert transport.requests == []


async def test_a_count_is_tried_again_and_heard_by_nobody() -> None:
    heard: list[Event] = []

    def hear(run: Run, event: Event) -> None:
        heard.append(event)

    model, transport = replay(
        "anthropic",
        counted({"error": {"type": "overloaded_error"}}, status=529),
        counted({"input_tokens": 42}),
        callbacks=[hear],
    )
    assert await model.aget_num_tokens_from_messages(TALK, exact=True) == 42
    assert len(transport.requests) == 2
    assert heard == []


@pytest.mark.parametrize(
    ("exchange", "error"),
    [
        (counted({"error": {"type": "authentication_error"}}, status=401), AuthenticationError),
        (counted({"tokens": 42}), ResponseDecodeError),
        (Exchange(body=b"{"), ResponseDecodeError),
    ],
)
async def test_a_count_that_fails_says_why(exchange: Exchange, error: type[TidewireError]) -> None:
    model, transport = replay("anthropic", exchange, max_retries=0)
    with pytest.raises(error) as raised:
        await model.aget_num_tokens_from_messages(TALK, exact=True)
    assert (raised.value.provider, raised.value.model, raised.value.attempts) == ("anthropic", "some-model", 1)
    assert transport.open_responses == 0


async def test_a_count_that_takes_too_long_is_given_up() -> None:
    stalled = Exchange(body=b'{"input_tokens": 42}', break_at=3, ending="hang")
    model, transport = replay("anthropic", stalled, max_retries=0, timeout=Timeout(first_event=0.05))
    with pytest.raises(APITimeoutError, match="first_event"):
        await model.aget_num_tokens_from_messages(TALK, exact=True)
    assert transport.open_responses == 0


async def test_a_provider_that_does_not_count_is_named() -> None:
    model: ChatModel = init_chat_model("embedded:demo")
    with pytest.raises(ConfigurationError, match="embedded does not count tokens"):
        await model.aget_num_tokens_from_messages(TALK, exact=True)


def test_the_tokens_of_a_text_are_not_those_of_a_conversation() -> None:
    with pytest.raises(ConfigurationError, match="get_num_tokens takes a text, not a list; of a conversation"):
        init_chat_model("embedded:demo").get_num_tokens(TALK)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # that is the test
