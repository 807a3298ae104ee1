"""What a profile rules out is left out with a warning or refused; what it does not say is sent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from tidewire import ChatAnthropic, ChatModel, ChatOpenAI, init_chat_model
from tidewire.adapters.replay_transport import Exchange, ReplayTransport
from tidewire.adapters.spec import ModelRequest, NativeTool, OutputSchema, ToolSpec
from tidewire.events.blocks import JSONObject
from tidewire.events.errors import ConfigurationError
from tidewire.events.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage
from tidewire.events.types import Event, Run, Start, WarningEvent
from tidewire.profile_checks import SAMPLING, check_request, fit_parameters

CHAT = (
    b'{"id":"r","model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"ok"},'
    b'"finish_reason":"stop"}]}'
)
RESPONSE = (
    b'{"id":"resp_1","object":"response","status":"completed","model":"m","output":[{"type":"message","id":"msg_1",'
    b'"role":"assistant","status":"completed","content":[{"type":"output_text","text":"ok","annotations":[]}]}]}'
)
MESSAGE = (
    b'{"id":"msg_1","type":"message","role":"assistant","model":"m","content":[{"type":"text","text":"ok"}],'
    b'"stop_reason":"end_turn","usage":{"input_tokens":1,"output_tokens":1}}'
)


async def sent(
    model: ChatModel, *messages: BaseMessage, answer: bytes = CHAT
) -> tuple[JSONObject, list[str], JSONObject]:
    """What a call sends, what it warns of, and the parameters that its ``start`` tells."""
    transport = ReplayTransport(Exchange(body=answer, headers={"content-type": "application/json"}))
    heard: list[Event] = []

    def hear(run: Run, event: Event) -> None:
        heard.append(event)

    await model.bind(transport=transport).ainvoke([*messages] or "hi", {"callbacks": [hear]})
    assert isinstance(heard[0], Start)
    warned = [event.text for event in heard if isinstance(event, WarningEvent)]
    (request,) = transport.requests
    return msgspec.json.decode(request.body), warned, heard[0].parameters


def openai(model: str, **parameters: Any) -> ChatModel:
    return ChatOpenAI(model, api_key="k", streaming=False, **parameters)


def anthropic(model: str, **parameters: Any) -> ChatModel:
    return ChatAnthropic(model, api_key="k", streaming=False, **parameters)


def fitted(model: str, **parameters: Any) -> tuple[JSONObject, int]:
    """The parameters that a model of OpenAI's is sent, and how many warnings there are."""
    settings = openai(model).settings
    kept, warnings = fit_parameters(openai(model).profile, parameters, model, settings.adapter)
    return kept, len(warnings)


# ---------------------------------------------------------------- sampling parameters


async def test_a_sampling_parameter_that_the_model_does_not_take_is_left_out_with_a_warning() -> None:
    body, warned, told = await sent(openai("gpt-5-nano", temperature=0, top_p=0.5, max_tokens=9))
    assert "temperature" not in body
    assert "top_p" not in body
    assert body["max_completion_tokens"] == told["max_tokens"] == 9
    assert told.keys() == {"max_tokens"}
    assert warned == [
        "temperature was left out: gpt-5-nano does not take it",
        "top_p was left out: gpt-5-nano does not take it",
    ]


@pytest.mark.parametrize("model", ["gpt-4.1", "gpt-17", "gpt-5-chat-latest"])
async def test_what_the_model_takes_or_may_take_is_sent(model: str) -> None:
    body, warned, _ = await sent(openai(model, temperature=0, top_p=0.5))
    assert (body["temperature"], body["top_p"], warned) == (0, 0.5, [])


async def test_a_profile_of_ones_own_decides() -> None:
    body, warned, _ = await sent(openai("gpt-5-nano", temperature=0, profile={}))
    assert (body["temperature"], warned) == (0, [])
    body, warned, _ = await sent(openai("gpt-4.1", temperature=0, profile={"temperature": False}))
    assert ("temperature" in body, len(warned)) == (False, 1)


async def test_a_profile_that_was_changed_in_place_counts_for_the_next_call() -> None:
    model = openai("gpt-4.1", temperature=0)
    assert (await sent(model))[1] == []
    model.profile["temperature"] = False
    assert len((await sent(model))[1]) == 1


@pytest.mark.parametrize("reasoning", [{}, {"reasoning_effort": "none"}, {"reasoning": False}, {"reasoning": "off"}])
def test_models_that_need_not_reason_take_sampling_parameters_while_they_do_not(reasoning: JSONObject) -> None:
    assert fitted("gpt-5.1", temperature=0, **reasoning) == ({"temperature": 0, **reasoning}, 0)
    assert fitted("gpt-5", temperature=0) == ({}, 1)


@pytest.mark.parametrize(
    "reasoning", [{"reasoning_effort": "low"}, {"reasoning": {"effort": "low"}}, {"reasoning": True}]
)
def test_while_they_reason_they_take_none(reasoning: JSONObject) -> None:
    assert fitted("gpt-5.1", temperature=0, **reasoning) == (reasoning, 1)


async def test_a_parameter_whose_absence_would_change_the_answer_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"o3 does not take 'stop', as its profile says; .*profile=\{…\}"):
        await sent(openai("o3", stop=["x"]))
    with pytest.raises(ConfigurationError, match="does not take 'logprobs'"):
        await sent(openai("gpt-5", logprobs=True))
    body, warned, _ = await sent(openai("gpt-5", logprobs=False))
    assert (body["logprobs"], warned) == (False, [])


async def test_claude_models_without_sampling_say_so() -> None:
    body, warned, _ = await sent(anthropic("claude-opus-4-8", temperature=0, top_k=3), answer=MESSAGE)
    assert body.keys() == {"model", "max_tokens", "messages"}
    assert len(warned) == 2


# ---------------------------------------------------------------- reasoning


LEVELS_OF_5 = "gpt-5 cannot be told to reason 'xhigh'; it takes 'minimal', 'low', 'medium', 'high'. If"
BOUNDS_OF_PRO = "gemini-2.5-pro takes at least 128 and at most 32768 tokens for reasoning, got 64"


@pytest.mark.parametrize(
    ("model", "parameters", "said"),
    [
        ("openai:gpt-5", {"reasoning_effort": "xhigh"}, LEVELS_OF_5),
        ("openai:gpt-5", {"reasoning": {"effort": "xhigh"}}, LEVELS_OF_5),
        ("openai:gpt-5", {"reasoning_effort": "none"}, "cannot be told to reason 'none'"),
        ("openai:gpt-5", {"reasoning": False}, "cannot be told to reason 'none'"),
        ("openai:gpt-5", {"reasoning": "off"}, "cannot be told to reason 'none'"),
        ("openai:gpt-5-pro", {"reasoning_effort": "low"}, "it takes 'high'"),
        ("openai:gpt-4o", {"reasoning_effort": "low"}, "gpt-4o does not reason"),
        ("openai:gpt-4o", {"reasoning": True}, "gpt-4o does not reason"),
        ("anthropic:claude-fable-5", {"reasoning_effort": "none"}, "cannot be told to reason 'none'"),
        ("google_genai:gemini-2.5-pro", {"reasoning": {"budget_tokens": 64}}, BOUNDS_OF_PRO),
        ("google_genai:gemini-2.5-pro", {"reasoning": {"budget_tokens": 40_000}}, "got 40000"),
        ("groq:openai/gpt-oss-20b", {"reasoning_effort": "none"}, "it takes 'low', 'medium', 'high'"),
    ],
)
async def test_reasoning_that_the_profile_rules_out_is_refused(model: str, parameters: JSONObject, said: str) -> None:
    hi: list[BaseMessage] = [HumanMessage("hi")]
    assert init_chat_model(model, api_key="k").settings.request(hi, stream=False).warnings == ()
    with pytest.raises(ConfigurationError, match=f"{said}.*profile="):
        init_chat_model(model, api_key="k", **parameters).settings.request(hi, stream=False)


@pytest.mark.parametrize(
    ("model", "parameters"),
    [
        ("openai:gpt-5", {"reasoning_effort": "minimal"}),
        ("openai:gpt-5", {"reasoning_effort": "HIGH"}),
        ("openai:gpt-5", {"reasoning": True}),
        ("openai:gpt-5", {"reasoning": {"summary": "auto"}}),
        ("openai:gpt-5.1", {"reasoning_effort": "none"}),
        ("openai:gpt-17", {"reasoning_effort": "utmost"}),
        ("openai:gpt-5-chat-latest", {"reasoning_effort": "high"}),
        ("google_genai:gemini-2.5-flash", {"reasoning": {"budget_tokens": 0}}),
        ("google_genai:gemini-2.5-pro", {"reasoning": {"budget_tokens": -1}}),
        ("google_genai:gemini-2.5-pro", {"reasoning": {"budget_tokens": 1024}}),
        ("anthropic:claude-opus-4-8", {"reasoning_effort": "none"}),
        ("anthropic:claude-sonnet-4-6", {"reasoning_effort": "none"}),
        # What a host spells by another word is as good as that word.
        ("groq:openai/gpt-oss-20b", {"reasoning_effort": "max"}),
        ("anthropic:claude-opus-4-8", {"reasoning_effort": "minimal"}),
        ("deepseek:deepseek-v4-pro", {"reasoning_effort": "low"}),
        ("deepseek:deepseek-v4-pro", {"reasoning_effort": "none"}),
        ("bedrock_converse:anthropic.claude-opus-4-6-v1", {"reasoning_effort": "minimal"}),
    ],
)
def test_reasoning_that_the_profile_does_not_rule_out_is_passed_on(model: str, parameters: JSONObject) -> None:
    known = init_chat_model(model, api_key="k")
    assert fit_parameters(known.profile, parameters, model, known.settings.adapter) == (parameters, ())


async def test_a_model_that_does_not_reason_need_not_be_told_not_to() -> None:
    body, warned, _ = await sent(openai("gpt-4o", reasoning_effort="none"))
    assert body.keys() == {"model", "messages"}
    assert warned == ["reasoning_effort was left out: gpt-4o does not reason anyway"]
    assert fitted("gpt-4o", reasoning=False, max_tokens=5) == ({"max_tokens": 5}, 1)


# ---------------------------------------------------------------- what else a profile decides


async def test_models_that_only_the_responses_api_has_are_asked_there() -> None:
    azure: dict[str, Any] = {
        "azure_endpoint": "https://r.openai.azure.com",
        "api_version": "v1",
        "api_key": "k",
        "streaming": False,
    }
    for model in (openai("gpt-5-pro"), init_chat_model("azure_openai:team-gpt-5-codex", **azure)):
        body, _, _ = await sent(model, answer=RESPONSE)
        assert "input" in body
    body, _, _ = await sent(openai("gpt-5-pro", use_responses_api=False))
    assert "messages" in body
    body, _, _ = await sent(init_chat_model("groq:x", api_key="k", streaming=False, profile={"responses_only": False}))
    assert "messages" in body


async def test_a_responses_only_profile_says_nothing_to_a_provider_without_that_api() -> None:
    model = anthropic("m", profile={"responses_only": True})
    assert "messages" in (await sent(model, answer=MESSAGE))[0]


@pytest.mark.parametrize(
    ("model", "parameters", "limit"),
    [
        ("claude-haiku-4-5", {}, 64_000),
        ("claude-3-haiku-20240307", {}, 4096),
        ("claude-opus-4-8", {}, 128_000),
        ("claude-haiku-4-5", {"max_tokens": 5}, 5),
        ("claude-haiku-4-5", {"thinking": {"type": "enabled", "budget_tokens": 2000}}, 64_000),
        ("claude-17", {}, 4096),
        ("claude-17", {"thinking": {"type": "enabled", "budget_tokens": 2000}}, 6096),
        ("claude-17", {"profile": {"max_output_tokens": 77}}, 77),
    ],
)
async def test_the_limit_that_claude_must_be_told_is_the_models_own(
    model: str, parameters: JSONObject, limit: int
) -> None:
    body, _, told = await sent(anthropic(model, **parameters), answer=MESSAGE)
    assert body["max_tokens"] == limit
    assert ("max_tokens" in told) == ("max_tokens" in parameters)


async def test_system_messages_stay_in_place_where_the_model_takes_them_there() -> None:
    conversation = [HumanMessage("a"), AIMessage("b"), SystemMessage("c"), HumanMessage("d")]
    roles = {}
    for model in ("claude-opus-4-8", "claude-haiku-4-5", "claude-17"):
        body, _, _ = await sent(anthropic(model), *conversation, answer=MESSAGE)
        roles[model] = ["system" in body, *(turn["role"] for turn in body["messages"])]
    assert "system" in roles["claude-opus-4-8"]
    assert "system" not in roles["claude-haiku-4-5"]
    assert roles["claude-haiku-4-5"] == roles["claude-17"]


# ---------------------------------------------------------------- check_profile

IMAGE = {"type": "image", "base64": "aGk=", "mime_type": "image/png"}
PAGE = {"type": "image", "url": "https://example.org/a.png"}
PDF = {"type": "file", "base64": "aGk=", "mime_type": "application/pdf"}
TOOL = ToolSpec("f")
SCHEMA = OutputSchema("o", {"type": "object"})


def asked(messages: Sequence[BaseMessage] | None = None, **fields: Any) -> ModelRequest:
    return ModelRequest("m", messages or [HumanMessage("hi")], "http://x", **fields)


def human(*blocks: JSONObject) -> list[BaseMessage]:
    return [SystemMessage("s"), HumanMessage([{"type": "text", "text": "see"}, *blocks])]


def tool(*blocks: JSONObject) -> list[BaseMessage]:
    return [ToolMessage([*blocks], tool_call_id="1")]


RULED_OUT: list[tuple[JSONObject, ModelRequest, str]] = [
    ({"image_inputs": False}, asked(human(IMAGE)), "m does not take image input, as its profile says"),
    ({"image_inputs": False}, asked(tool(IMAGE)), "does not take image input"),
    ({"audio_inputs": False}, asked(human({"type": "audio", "base64": "aGk=", "mime_type": "audio/wav"})), "audio"),
    ({"video_inputs": False}, asked(human({"type": "video", "url": "https://example.org/a.mp4"})), "video"),
    ({"pdf_inputs": False}, asked(human(PDF)), "pdf"),
    ({"pdf_inputs": False}, asked(human({"type": "file", "url": "https://example.org/a.PDF"})), "pdf"),
    ({"text_inputs": False}, asked(), "text"),
    ({"image_tool_message": False}, asked(tool(IMAGE)), "does not take image input from a tool"),
    ({"pdf_tool_message": False}, asked(tool(PDF)), "does not take pdf input from a tool"),
    ({"image_url_inputs": False}, asked(human(PAGE)), "by its address; give it as base64"),
    ({"tool_calling": False}, asked(tools=(TOOL,)), "does not call tools"),
    ({"tool_choice": False}, asked(tools=(TOOL,), tool_choice="any"), "cannot be told which tool to call"),
    ({"tool_choice": False}, asked(tools=(TOOL,), tool_choice=("tool", "f")), "cannot be told which tool to call"),
    ({"structured_output": False}, asked(output=SCHEMA), "method='function_calling'"),
    ({"max_output_tokens": 10}, asked(parameters={"max_tokens": 11}), "answers with at most 10 tokens, not 11"),
]


@pytest.mark.parametrize(("profile", "request_", "said"), RULED_OUT)
def test_what_the_profile_rules_out_is_refused_by_name(profile: JSONObject, request_: ModelRequest, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        check_request(profile, request_)
    check_request({}, request_)
    check_request({key: True for key in profile if key != "max_output_tokens"}, request_)


@pytest.mark.parametrize(
    ("profile", "request_"),
    [
        ({"image_inputs": False}, asked()),
        ({"image_inputs": False}, asked([AIMessage([IMAGE])])),
        ({"image_tool_message": False}, asked(human(IMAGE))),
        ({"image_url_inputs": False}, asked(human(IMAGE, {"type": "image", "url": "data:image/png;base64,aGk="}))),
        ({"pdf_inputs": False}, asked(human({"type": "file", "file_id": "f"}))),
        ({"pdf_inputs": False}, asked(human({"type": "file", "base64": "aGk=", "mime_type": "text/csv"}))),
        ({"tool_calling": False}, asked(tools=(NativeTool({"type": "web_search"}),))),
        ({"tool_choice": False}, asked(tools=(TOOL,), tool_choice="auto")),
        ({"structured_output": False}, asked(output=OutputSchema("o", None))),
        ({"max_output_tokens": 10}, asked(parameters={"max_tokens": 10})),
        ({"max_output_tokens": 10}, asked()),
    ],
)
def test_what_the_profile_does_not_rule_out_passes(profile: JSONObject, request_: ModelRequest) -> None:
    check_request(profile, request_)


async def test_only_who_asks_for_the_check_gets_it() -> None:
    picture = HumanMessage([{"type": "text", "text": "see"}, IMAGE])
    body, _, _ = await sent(openai("gpt-3.5-turbo"), picture)
    assert len(body["messages"][0]["content"]) == 2
    transport = ReplayTransport(b"")
    for model in (openai("gpt-3.5-turbo", check_profile=True), openai("gpt-3.5-turbo").bind(check_profile=True)):
        with pytest.raises(ConfigurationError, match=r"gpt-3\.5-turbo does not take image input"):
            await model.bind(transport=transport).ainvoke([picture])
    assert transport.requests == []


def test_every_sampling_parameter_is_one_that_some_provider_takes() -> None:
    providers = ("openai", "anthropic", "google_genai", "ollama", "groq", "vllm", "llamacpp", "lmstudio")
    taken = {name for provider in providers for name in init_chat_model(f"{provider}:m").settings.adapter.parameters}
    assert SAMPLING - taken == set()
