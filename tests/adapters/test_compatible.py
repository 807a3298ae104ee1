"""The table of hosts: every row builds, spells a full request, and reads what the host was recorded to say."""

from __future__ import annotations

import json
from typing import Any, cast

import pytest
from openai.types.chat.completion_create_params import CompletionCreateParamsStreaming

import tidewire
from tests.adapters.conforms import problem_with
from tests.adapters.recording_kit import CAPTURED, differences, read_recordings, replay, whole
from tidewire import ChatModel, init_chat_model
from tidewire.adapters.compatible import HOSTS
from tidewire.adapters.compatible_host import host, takes
from tidewire.adapters.openai_chat import OpenAIChatCodec
from tidewire.adapters.openai_chat_dialect import PARAMETERS, Dialect
from tidewire.adapters.reasoning import Thinking, at, merged, thinking, thinking_fields
from tidewire.adapters.registry import find_adapter, infer_provider
from tidewire.adapters.spec import Adapter, ModelRequest, NativeTool, OutputSchema, ToolSpec
from tidewire.events.errors import ConfigurationError
from tidewire.events.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage

Json = dict[str, Any]
SCHEMA: Json = {"type": "object", "properties": {"x": {"type": "integer"}}, "required": ["x"]}
ADD, NOW = ToolSpec("add", "Adds.", SCHEMA), ToolSpec("now", "Tells the time.")
IMAGE: Json = {"type": "image", "url": "https://e.org/i.png"}
REASONED: Json = {"type": "reasoning", "reasoning": "hm", "extras": {"reasoning_details": [{"text": "hm"}]}}

# The hosts of recordings that are called otherwise than the provider.
RECORDED_AS = {"litellm_proxy": "litellm", "mistral": "mistralai"}
captured = list(read_recordings(CAPTURED)) if CAPTURED.is_dir() else []


def encode(provider: str, /, *messages: BaseMessage, **fields: Any) -> Json:
    """The body of a request."""
    adapter = find_adapter(provider)
    request = ModelRequest(model="m", messages=messages or [HumanMessage("Hi")], base_url=adapter.base_url, **fields)
    codec, request = adapter.choose(request)
    found: Json = json.loads(codec.encode(request).body)
    return found


def fields(provider: str, /, **given: Any) -> Json:
    """What parameters make of a body."""
    body = encode(provider, stream=False, parameters=given)
    return {name: value for name, value in body.items() if name not in ("model", "messages")}


def message(provider: str, *messages: BaseMessage) -> Json:
    """The last one of some messages, as it is sent."""
    found: Json = encode(provider, *messages)["messages"][-1]
    return found


def dialect(adapter: Adapter) -> Dialect:
    assert isinstance(adapter.codec, OpenAIChatCodec)
    return adapter.codec.dialect


# ---------------------------------------------------------------- every row


@pytest.mark.parametrize("provider", HOSTS)
def test_a_row_is_a_provider(provider: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SNOWFLAKE_ACCOUNT", "me")
    adapter = HOSTS[provider]
    assert find_adapter(provider.upper().replace("_", "-")) is adapter
    assert adapter.provider == provider == dialect(adapter).provider
    assert adapter.base_url.startswith(("https://", "http://localhost:"))
    assert not adapter.base_url.endswith("/")
    assert adapter.key_env
    assert adapter.key_required is adapter.base_url.startswith("https")
    kind: type[ChatModel] = getattr(tidewire, adapter.class_name)
    assert kind("m").settings.adapter.provider == provider
    monkeypatch.setenv(f"{provider.upper()}_API_BASE", "http://elsewhere/")
    assert kind("m").settings.base_url == "http://elsewhere"


@pytest.mark.parametrize("provider", HOSTS)
def test_a_row_takes_every_parameter_of_its_own(provider: str) -> None:
    adapter = HOSTS[provider]
    for name, own in dialect(adapter).parameters.items():
        if name in ("reasoning", "reasoning_effort"):
            assert fields(provider, **{name: "high"}) if provider != "alibaba" else True
        else:
            assert fields(provider, **{name: 1}) == {own: 1}
    assert {"max_tokens", "stop", "temperature", "top_p", "response_format"} <= adapter.parameters
    with pytest.raises(ConfigurationError, match=f"{provider} does not take the parameter 'unheard_of'"):
        fields(provider, unheard_of=1)


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("provider", HOSTS)
def test_a_row_spells_a_full_request(provider: str, stream: bool) -> None:
    adapter = HOSTS[provider]
    quirks = dialect(adapter)
    own = {"model_provider": provider}
    foreign = {"model_provider": "somebody"}
    call: Json = {"name": "add", "args": {"x": 1}, "id": "call_Aa1"}
    given = {"temperature": 0.5, "max_tokens": 9, "stop": ["a"], "top_p": 0.9}
    request = ModelRequest(
        model="m",
        messages=[
            SystemMessage("Be brief."),
            HumanMessage(["What is this?", IMAGE] if quirks.images else "What is this?"),
            AIMessage([REASONED, {"type": "text", "text": "Adding."}], tool_calls=[call], response_metadata=own),
            ToolMessage("2", tool_call_id="call_Aa1"),
            AIMessage([REASONED, {"type": "text", "text": "Two."}], response_metadata=foreign),
            HumanMessage("And now?"),
        ],
        base_url="http://host",
        stream=stream,
        parameters={**given, **({} if provider == "alibaba" else {"reasoning": {"effort": "high"}})},
        tools=(ADD, NOW),
        tool_choice="auto",
        output=OutputSchema("Answer", SCHEMA if quirks.json_schemas else None, strict=True),
    )
    sent = adapter.codec.encode(request)
    body: Json = json.loads(sent.body)
    assert sent.url == "http://host/chat/completions"
    # Somebody's reasoning, and the host's own where it does not take it back.
    own_too = quirks.reasoning_field is None
    assert [warning.code for warning in sent.warnings] == ["block_left_out"] * (2 if own_too else 1)
    system, user, asked, result, answered, last = body["messages"]
    assert system == {"role": "system", "content": "Be brief."}
    assert (user["role"], "image_url" in json.dumps(user)) == ("user", quirks.images)
    assert asked["tool_calls"][0]["function"] == {"name": "add", "arguments": '{"x":1}'}
    assert result["tool_call_id"] == asked["tool_calls"][0]["id"]
    assert (quirks.reasoning_field or "hm") in json.dumps(asked) or quirks.reasoning_field is None
    assert "hm" not in json.dumps(answered)
    assert last["content"] == "And now?"
    assert [tool["function"]["name"] for tool in body["tools"]] == ["add", "now"]
    assert body["response_format"]["type"] == ("json_schema" if quirks.json_schemas else "json_object")
    assert body.get("stream", False) is stream
    assert ("stream_options" in body) is (stream and quirks.stream_options)
    for name, value in given.items():
        assert body[quirks.parameters[name]] == value
    assert problem_with(as_openai_has_it(body, quirks), CompletionCreateParamsStreaming) is None or not stream


def as_openai_has_it(body: Json, quirks: Dialect) -> Json:
    """The body without what is the host's own, so that the types of OpenAI's client can judge the rest."""
    known = {name: value for name, value in body.items() if name in {*PARAMETERS.values(), "max_tokens"}}
    asked = dict(body["messages"][2])
    field = quirks.reasoning_field
    if field == "content":
        asked["content"] = asked["content"][1:]
    elif field is not None:
        del asked[field]
    messages = [*body["messages"][:2], asked, *body["messages"][3:]]
    rest: Json = {name: body[name] for name in ("model", "stream", "stream_options", "tools") if name in body}
    return {**known, **rest, "messages": messages}


@pytest.mark.parametrize("provider", HOSTS)
def test_a_row_refuses_what_its_format_has_no_place_for(provider: str) -> None:
    quirks = dialect(HOSTS[provider])
    for taken, block in (
        (quirks.images, IMAGE),
        (quirks.video_urls, {"type": "video", "url": "https://e.org/v.mp4"}),
        (quirks.audio_formats != (), {"type": "audio", "base64": "AAAA", "mime_type": "audio/wav"}),
        (quirks.files is not None, {"type": "file", "base64": "AAAA"}),
    ):
        if taken and not (block["type"] == "file" and quirks.files == "file_url"):
            assert message(provider, HumanMessage([block]))["content"]
        else:
            with pytest.raises(ConfigurationError, match=f"{provider} has no {block['type']} block"):
                message(provider, HumanMessage([block]))
    if not quirks.json_schemas:
        with pytest.raises(ConfigurationError, match=f"{provider} has no json_schema; use method='json_mode' or"):
            encode(provider, output=OutputSchema("Answer", SCHEMA))
    if not quirks.json_objects:
        with pytest.raises(ConfigurationError, match=f"{provider} has no json_mode; use method='json_schema' or"):
            encode(provider, output=OutputSchema("Answer", None))


@pytest.mark.skipif(not captured, reason=f"the captured recordings are not at {CAPTURED} (TIDEWIRE_RECORDINGS)")
@pytest.mark.parametrize("provider", HOSTS)
def test_a_row_reads_what_its_host_was_recorded_to_say(provider: str) -> None:
    adapter = HOSTS[provider]
    codecs = {codec.name.removeprefix("openai."): codec for codec in adapter.codecs or (adapter.codec,)}
    for recording in captured:
        host, _, form = recording.api.partition(".")
        if RECORDED_AS.get(host, host) == provider:
            assert differences(recording, replay(recording, whole(recording.body), codecs[form])) == [], recording.id


def test_adding_a_host_is_one_row(monkeypatch: pytest.MonkeyPatch) -> None:
    row = host("acme", "ChatModel", "https://acme.example/v1", "ACME_KEY", takes("max_tokens"), Dialect(names=False))
    monkeypatch.setitem(HOSTS, "acme", row)
    model = init_chat_model("acme:anvil", max_tokens=9)
    assert (model.model, model.settings.base_url) == ("anvil", "https://acme.example/v1")
    assert encode("acme", HumanMessage("Hi", name="ada"), parameters={"max_tokens": 9})["messages"] == [
        {"role": "user", "content": "Hi"}
    ]
    with pytest.raises(ConfigurationError, match=r"there is no provider 'akme'; did you mean 'acme'"):
        init_chat_model("anvil", model_provider="akme")


@pytest.mark.parametrize(
    ("model", "provider"),
    [
        ("mistral-large-latest", "mistralai"),
        ("Deepseek_chat", "deepseek"),
        ("grok-4.3", "xai"),
        ("sonar-pro", "perplexity"),
        ("command-a-03-2025", "cohere"),
        ("accounts/fireworks/models/kimi-k2", "fireworks"),
        ("kimi-k2.6", "moonshot"),
        ("glm-5.3", "zai"),
        ("gpt-oss:20b", "ollama"),
        ("jp.anthropic.claude-sonnet-4-5-20250929-v1:0", "bedrock"),
    ],
)
def test_well_known_models_tell_their_provider(model: str, provider: str) -> None:
    assert infer_provider(model) == provider
    assert find_adapter(provider).provider == provider


# ---------------------------------------------------------------- reasoning

OFF: Json = {"chat_template_kwargs": {"enable_thinking": False, "thinking": False}}
ON: Json = {"chat_template_kwargs": {"enable_thinking": True, "thinking": True}}
ENABLED: Json = {"thinking": {"type": "enabled"}}
DISABLED: Json = {"thinking": {"type": "disabled"}}


REASONING: list[tuple[str, Json | None, Json | None, Json | None]] = [
    ("groq", {"reasoning_effort": "low"}, {"include_reasoning": True}, {"reasoning_effort": "none"}),
    ("mistralai", {"reasoning_effort": "minimal"}, {"reasoning_effort": "high"}, {"reasoning_effort": "none"}),
    ("deepseek", {**ENABLED, "reasoning_effort": "high"}, ENABLED, DISABLED),
    ("xai", {"reasoning_effort": "low"}, {}, {"reasoning_effort": "none"}),
    (
        "together",
        {"reasoning_effort": "low"},
        {"reasoning": {"enabled": True}},
        {"reasoning": {"enabled": False}},
    ),
    ("fireworks", {"reasoning_effort": "low"}, {"reasoning_effort": "medium"}, {"reasoning_effort": "none"}),
    (
        "openrouter",
        {"reasoning": {"effort": "minimal"}},
        {"reasoning": {"enabled": True}},
        {"reasoning": {"effort": "none"}},
    ),
    ("perplexity", {"reasoning_effort": "minimal"}, {"reasoning_effort": "medium"}, None),
    ("cerebras", {"reasoning_effort": "low"}, {"reasoning_effort": "medium"}, {"reasoning_effort": "none"}),
    ("nvidia", {"reasoning_effort": "low"}, ON, OFF),
    ("moonshot", {"reasoning_effort": "low"}, ENABLED, DISABLED),
    ("alibaba", None, {"enable_thinking": True}, {"enable_thinking": False}),
    ("zai", {**ENABLED, "reasoning_effort": "low"}, ENABLED, DISABLED),
    ("cohere", None, {"reasoning_effort": "high"}, {"reasoning_effort": "none"}),
    ("snowflake", {"reasoning": {"effort": "low"}}, {"reasoning": {"effort": "medium"}}, None),
    ("vllm", {"reasoning_effort": "low"}, ON, OFF),
    ("sglang", {"reasoning_effort": "low"}, ON, OFF),
    ("llamacpp", {"chat_template_kwargs": {"reasoning_effort": "low"}}, ON, OFF),
    ("lmstudio", {"reasoning_effort": "low"}, {"reasoning_effort": "medium"}, {"reasoning_effort": "none"}),
    ("litellm", {"reasoning_effort": "minimal"}, {"reasoning_effort": "medium"}, {"reasoning_effort": "none"}),
    ("huggingface", {"reasoning_effort": "minimal"}, {"reasoning_effort": "medium"}, {"reasoning_effort": "none"}),
]


@pytest.mark.parametrize(("provider", "effort", "on", "off"), REASONING)
def test_reasoning_is_one_parameter(provider: str, effort: Json | None, on: Json | None, off: Json | None) -> None:
    for given, expected in (("minimal", effort), (True, on), (False, off), ("off", off)):
        if expected is not None:
            assert fields(provider, reasoning=given) == expected
            continue
        with pytest.raises(ConfigurationError, match=f"{provider} cannot be told to reason {given!r}; it takes"):
            fields(provider, reasoning=given)


def test_every_row_is_told_to_reason_in_a_way_that_is_tested() -> None:
    tested = {row[0] for row in REASONING}
    assert tested - {"huggingface"} == set(HOSTS)


@pytest.mark.parametrize(
    ("provider", "given", "expected"),
    [
        ("openrouter", {"budget_tokens": 9}, {"reasoning": {"enabled": True, "max_tokens": 9}}),
        ("openrouter", {"max_tokens": 9, "exclude": True}, {"reasoning": {"max_tokens": 9, "exclude": True}}),
        ("snowflake", {"budget_tokens": 9}, {"reasoning": {"max_tokens": 9}}),
        ("fireworks", {"budget_tokens": 9}, {"reasoning_effort": 9}),
        ("alibaba", {"budget_tokens": 9}, {"enable_thinking": True, "thinking_budget": 9}),
        ("alibaba", 9, {"enable_thinking": True, "thinking_budget": 9}),
        ("groq", {"effort": "high"}, {"reasoning_effort": "high"}),
        ("groq", "default", {"reasoning_effort": "default"}),  # a word of its own
        ("zai", {"enabled": False}, DISABLED),
    ],
)
def test_reasoning_takes_a_budget_or_a_word_where_the_host_does(provider: str, given: object, expected: Json) -> None:
    assert fields(provider, reasoning=given) == expected


@pytest.mark.parametrize(
    ("provider", "given"),
    [
        ("groq", {"budget_tokens": 9}),
        ("groq", 9),
        ("groq", {"exclude": True}),
        ("fireworks", {"budget_tokens": "9"}),
        ("alibaba", "ultra"),
        ("cohere", "low"),
    ],
)
def test_reasoning_that_the_host_cannot_be_told_is_refused(provider: str, given: object) -> None:
    with pytest.raises(ConfigurationError, match=f"{provider} cannot be told to reason"):
        fields(provider, reasoning=given)


def test_what_a_host_takes_is_told() -> None:
    with pytest.raises(ConfigurationError, match=r"it takes 'none', True, \{'budget_tokens': …\}$"):
        fields("alibaba", reasoning="high")


def test_two_ways_to_say_it_are_one_too_many_and_none_says_nothing() -> None:
    with pytest.raises(ConfigurationError, match="reasoning and reasoning_effort say the same thing"):
        fields("groq", reasoning=True, reasoning_effort="low")
    assert fields("groq", reasoning=None, reasoning_effort=None) == {}


def test_models_of_openai_on_snowflake_are_told_by_a_field_of_theirs() -> None:
    assert fields("snowflake", reasoning_effort="xhigh") == {"reasoning_effort": "xhigh"}


def test_fields_of_the_callers_own_count_more() -> None:
    assert fields("vllm", reasoning=False, chat_template_kwargs={"thinking": True, "x": 1}) == {
        "chat_template_kwargs": {"enable_thinking": False, "thinking": True, "x": 1}
    }


def test_rows_of_reasoning_are_data() -> None:
    how = thinking("a.b", "low - medium high - max", off={"a": {"b": "none"}}, with_effort={"a": {"on": True}})
    assert how.efforts["minimal"] == {"a": {"on": True, "b": "low"}}
    assert how.efforts.keys() == {"none", "minimal", "medium", "high", "max"}
    assert thinking_fields(how, "acme", {"reasoning": "xhighest"}) == {"a": {"b": "xhighest"}}
    assert thinking_fields(Thinking(), "acme", {}) == {}
    assert (at("a", 1), at("a.b.c", 1)) == ({"a": 1}, {"a": {"b": {"c": 1}}})
    assert merged({"a": {"b": 1}, "c": 1}, {"a": {"d": 2}, "c": {"e": 3}}) == {"a": {"b": 1, "d": 2}, "c": {"e": 3}}


# ---------------------------------------------------------------- tools


@pytest.mark.parametrize(
    ("provider", "expected"),
    [
        ("groq", ["auto", "none", "required", {"type": "function", "function": {"name": "add"}}]),
        ("mistralai", ["auto", "none", "any", {"type": "function", "function": {"name": "add"}}]),
        ("zai", ["auto", (), None, None]),
        ("moonshot", ["auto", "none", None, None]),
        ("llamacpp", ["auto", "none", "required", ("required", ["add"])]),
        ("cohere", [None, "none", "required", ("required", ["add"])]),
        ("alibaba", ["auto", "none", None, {"type": "function", "function": {"name": "add"}}]),
    ],
)
def test_a_choice_of_tools_is_spelled_or_refused(provider: str, expected: list[Any]) -> None:
    auto, none, some, certain = expected
    found = encode(provider, tools=(ADD, NOW), tool_choice="auto")
    assert found.get("tool_choice") == auto
    found = encode(provider, tools=(ADD, NOW), tool_choice="none")
    assert ("tools" not in found) if none == () else found["tool_choice"] == none  # what is not there is not called
    for choice, word in (("any", some), (("tool", "add"), certain)):
        if word is None:
            with pytest.raises(ConfigurationError, match=f"{provider} cannot be told that a tool must be called"):
                encode(provider, tools=(ADD, NOW), tool_choice=choice)
            continue
        found = encode(provider, tools=(ADD, NOW), tool_choice=choice)
        spelled, names = cast("tuple[object, list[str]]", word if isinstance(word, tuple) else (word, ["add", "now"]))
        assert found["tool_choice"] == spelled
        assert [tool["function"]["name"] for tool in found["tools"]] == names


def test_some_tool_of_one_is_that_tool() -> None:
    certain = {"type": "function", "function": {"name": "add"}}
    assert encode("alibaba", tools=(ADD,), tool_choice="any")["tool_choice"] == certain
    with pytest.raises(
        ConfigurationError, match="alibaba cannot be told that a tool must be called: tool_choice='any'"
    ):
        encode("alibaba", tools=(NativeTool({"type": "x"}),), tool_choice="any")


def test_one_tool_at_a_time_is_refused_where_it_cannot_be_told() -> None:
    assert encode("groq", tools=(ADD,), parallel_tool_calls=False)["parallel_tool_calls"] is False
    assert "parallel_tool_calls" not in encode("zai", tools=(ADD,), parallel_tool_calls=True)
    with pytest.raises(ConfigurationError, match="zai cannot be told to call one tool at a time"):
        encode("zai", tools=(ADD,), parallel_tool_calls=False)


def test_strictness_that_the_host_does_not_know_is_left_out_with_a_word() -> None:
    strict = ToolSpec("add", "", SCHEMA, strict=True)
    request = ModelRequest(model="m", messages=[HumanMessage("Hi")], base_url="http://h", tools=(strict,))
    sent = HOSTS["zai"].codec.encode(request)
    assert "strict" not in json.loads(sent.body)["tools"][0]["function"]
    assert [(one.code, one.text) for one in sent.warnings] == [
        ("strict_left_out", "strict was left out of tool 'add': zai does not know it")
    ]
    assert HOSTS["groq"].codec.encode(request).warnings == ()


# ---------------------------------------------------------------- messages


def calling(id: str, *blocks: Json, maker: str | None = None) -> AIMessage:
    metadata = {"model_provider": maker} if maker else {}
    call: Json = {"name": "add", "args": {}, "id": id}
    return AIMessage(list(blocks), tool_calls=[call], response_metadata=metadata)


def test_ids_of_calls_are_made_fit_for_mistral() -> None:
    long, fit = "toolu_01AbcdefGhijklmnop", "Ab3Def9Hi"
    asked, result = encode("mistralai", calling(long), ToolMessage("2", tool_call_id=long))["messages"]
    made = asked["tool_calls"][0]["id"]
    assert len(made) == 9
    assert made.isalnum()
    assert result["tool_call_id"] == made
    asked, result = encode("mistralai", calling(fit), ToolMessage("2", tool_call_id=fit))["messages"]
    assert asked["tool_calls"][0]["id"] == result["tool_call_id"] == fit
    # OpenAI's limit is forty characters; what vLLM gives is longer.
    vllm = "chatcmpl-tool-" + 32 * "a"
    asked, result = encode("groq", calling(vllm), ToolMessage("2", tool_call_id=vllm))["messages"]
    assert asked["tool_calls"][0]["id"] == result["tool_call_id"] != vllm


def test_mistral_takes_reasoning_back_as_a_part_of_the_content() -> None:
    thought: Json = {"type": "reasoning", "reasoning": "hm", "extras": {"signature": "s"}}
    text: Json = {"type": "text", "text": "Yes."}
    assert message("mistralai", AIMessage([thought, text]), HumanMessage("Go on."))["content"] == "Go on."
    spelled = message("mistralai", AIMessage([{"type": "reasoning", "reasoning": "hm"}, thought, text]))
    assert spelled == {
        "role": "assistant",
        "content": [
            {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]},
            {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}], "signature": "s"},
            text,
        ],
        "prefix": True,  # a last message of the assistant's is to be continued
    }


@pytest.mark.parametrize(("provider", "flag"), [("mistralai", "prefix"), ("moonshot", "partial"), ("groq", None)])
def test_an_answer_that_was_begun_is_to_be_continued(provider: str, flag: str | None) -> None:
    begun = message(provider, HumanMessage("Name one."), AIMessage("It is"))
    assert begun == {"role": "assistant", "content": "It is", **({flag: True} if flag else {})}


@pytest.mark.parametrize(
    ("provider", "expected"),
    [
        ("deepseek", {"reasoning_content": "hm"}),
        ("groq", {"reasoning": "hm"}),
        ("openrouter", {"reasoning_details": [{"text": "hm"}]}),
        ("xai", {}),
    ],
)
def test_reasoning_goes_back_to_its_own_host(provider: str, expected: Json) -> None:
    spelled = message(provider, calling("a", REASONED, maker=provider))
    assert {name: value for name, value in spelled.items() if name.startswith("reasoning")} == expected


def test_calls_that_came_without_reasoning_say_so_where_that_is_asked() -> None:
    foreign = calling("a", REASONED, maker="somebody")
    assert message("deepseek", foreign)["reasoning_content"] == ""
    assert message("moonshot", foreign)["reasoning_content"] == " "
    assert "reasoning_content" not in message("zai", foreign)
    assert "reasoning_content" not in message("deepseek", AIMessage("Yes."))


def test_names_that_a_host_does_not_take_are_left_out_with_a_word() -> None:
    request = ModelRequest(model="m", messages=[HumanMessage("Hi", name="ada")], base_url="http://h")
    sent = HOSTS["mistralai"].codec.encode(request)
    assert json.loads(sent.body)["messages"] == [{"role": "user", "content": "Hi"}]
    assert [warning.code for warning in sent.warnings] == ["name_left_out"]
    assert encode("groq", HumanMessage("Hi", name="ada"))["messages"][0]["name"] == "ada"


def part(provider: str, **block: Any) -> Json:
    (found,) = message(provider, HumanMessage([block]))["content"]
    spelled: Json = found
    return spelled


def test_a_document_is_spelled_as_the_host_has_it() -> None:
    address = "https://e.org/d.pdf"
    assert part("mistralai", type="file", url=address, title="A") == {
        "type": "document_url",
        "document_url": address,
        "document_name": "A",
    }
    assert part("mistralai", type="file", base64="AAAA") == {
        "type": "document_url",
        "document_url": "data:application/pdf;base64,AAAA",
    }
    assert part("mistralai", type="file", file_id="f1") == {"type": "file", "file_id": "f1"}
    assert part("zai", type="file", url=address) == {"type": "file_url", "file_url": {"url": address}}
    with pytest.raises(ConfigurationError, match="zai has no file block in a user message as base64; give a URL"):
        part("zai", type="file", base64="AAAA")
    assert part("perplexity", type="file", base64="AAAA", extras={"filename": "d.pdf"}) == {
        "type": "file_url",
        "file_url": {"url": "AAAA"},
        "file_name": "d.pdf",
    }
    assert part("openrouter", type="file", url=address) == {
        "type": "file",
        "file": {"filename": "document.pdf", "file_data": address},
    }


def test_sound_is_spelled_as_the_host_has_it() -> None:
    sound: Json = {"type": "audio", "base64": "AAAA", "mime_type": "audio/flac"}
    assert part("mistralai", **sound) == {"type": "input_audio", "input_audio": "AAAA"}
    assert part("mistralai", type="audio", url="https://e.org/a.mp3")["input_audio"] == "https://e.org/a.mp3"
    assert part("alibaba", **sound)["input_audio"] == {"data": "data:audio/flac;base64,AAAA", "format": "flac"}
    assert part("openrouter", **sound)["input_audio"] == {"data": "AAAA", "format": "flac"}
    with pytest.raises(ConfigurationError, match="openrouter has no audio block in a user message except as base64"):
        part("openrouter", type="audio", url="https://e.org/a.wav", mime_type="audio/wav")


def test_images_stand_in_results_of_tools_where_the_host_takes_them() -> None:
    result = ToolMessage([IMAGE], tool_call_id="a")
    assert message("mistralai", result)["content"][0]["type"] == "image_url"
    with pytest.raises(ConfigurationError, match="cerebras has no image block in a tool message"):
        message("cerebras", result)


def test_marks_of_what_to_cache_go_where_they_are_known() -> None:
    marked: Json = {"type": "text", "text": "Long.", "extras": {"cache_control": {"type": "ephemeral"}}}
    assert message("openrouter", HumanMessage([marked]))["content"][0]["cache_control"] == {"type": "ephemeral"}
    assert message("groq", HumanMessage([marked]))["content"] == "Long."


# ---------------------------------------------------------------- where


def test_snowflake_is_at_an_address_of_the_account(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SNOWFLAKE_ACCOUNT", raising=False)
    with pytest.raises(ConfigurationError, match=r"no Snowflake account to send requests to: pass account=…"):
        init_chat_model("snowflake:claude-haiku-4-5")
    assert init_chat_model("snowflake:m", base_url="http://h/v1").settings.base_url == "http://h/v1"
    model = init_chat_model("snowflake:m", account="my_org-me")
    assert model.settings.base_url == "https://my-org-me.snowflakecomputing.com/api/v2/cortex/v1"
    monkeypatch.setenv("SNOWFLAKE_ACCOUNT", "other")
    assert init_chat_model("snowflake:m").settings.base_url.startswith("https://other.snowflakecomputing.com/")
    monkeypatch.delenv("SNOWFLAKE_ACCOUNT")
    monkeypatch.setenv("SNOWFLAKE_BASE_URL", "http://gate/v1/")
    assert init_chat_model("snowflake:m").settings.base_url == "http://gate/v1"


def codec_name(provider: str, *tools: NativeTool, **parameters: Any) -> str:
    request = ModelRequest(model="m", messages=[HumanMessage("Hi")], base_url="", tools=tools, parameters=parameters)
    codec, chosen = find_adapter(provider).choose(request)
    assert "use_responses_api" not in chosen.parameters
    return codec.name


def test_the_responses_api_is_there_for_the_asking() -> None:
    search = NativeTool({"type": "web_search"})
    assert codec_name("openrouter", search) == codec_name("groq") == "openai.chat"
    assert codec_name("openrouter", use_responses_api=True) == "openai.responses"
    assert codec_name("xai", search) == "openai.responses"  # xAI's tools are there only
    assert codec_name("xai", use_responses_api=False) == codec_name("cerebras") == "openai.chat"
    assert encode("deepseek", stream=False, parameters={"use_responses_api": True})["input"]
