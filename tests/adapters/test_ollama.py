"""Ollama's own chat API: requests, replies, errors, and where the server is."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import httpx
import ollama
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.adapters.recording_kit import WRITTEN, Recording, message_of, read_recordings, replay
from tidewire.adapters.ndjson import LINE_LIMIT
from tidewire.adapters.ollama import ADAPTER, OllamaCodec, address_of
from tidewire.adapters.ollama_reply import BODY_LIMIT, PlainReply, StreamedReply
from tidewire.adapters.ollama_request import spell
from tidewire.adapters.spec import HttpRequest, ModelRequest, NativeTool, OutputSchema, ToolSpec
from tidewire.events.errors import (
    APIStatusError,
    ConfigurationError,
    NotFoundError,
    OverloadedError,
    ResponseDecodeError,
    ResponseLimitError,
    StreamInterruptedError,
    TidewireError,
)
from tidewire.events.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage
from tidewire.events.types import (
    Block,
    DecodedEvent,
    Finish,
    Meta,
    Reasoning,
    Token,
    ToolCallDelta,
    Usage,
)

Json = dict[str, Any]
SCHEMA: Json = {"type": "object", "properties": {"x": {"type": "integer"}}, "required": ["x"]}
TOOL = ToolSpec("add", "Adds.", SCHEMA)
IMAGE: Json = {"type": "image", "base64": "AAAA", "mime_type": "image/png"}

RECORDINGS = list(read_recordings(WRITTEN / "ollama"))
STREAMS = [recording for recording in RECORDINGS if recording.streaming and recording.status == 200]


# ---------------------------------------------------------------- requests


def sent(*messages: BaseMessage, base_url: str = "http://host", **fields: Any) -> HttpRequest:
    request = ModelRequest(model="m", messages=messages or [HumanMessage("Hi")], base_url=base_url, **fields)
    return OllamaCodec().encode(request)


def body(**fields: Any) -> Json:
    """The body of a request for "Hi", without its model and messages."""
    found: Json = json.loads(sent(**fields).body)
    assert found.pop("model") == "m"
    assert found.pop("messages") == [{"role": "user", "content": "Hi"}]
    return found


def spelled(message: BaseMessage) -> Json:
    (found,) = spell([message], [])
    return found


def warned(messages: Sequence[BaseMessage]) -> list[str]:
    warnings = OllamaCodec().encode(ModelRequest("m", messages, "http://host")).warnings
    return [f"{warning.code}: {warning.text}" for warning in warnings]


def test_a_request_goes_to_the_chat_api() -> None:
    streamed, plain = sent(), sent(stream=False)
    assert (streamed.method, streamed.url) == ("POST", "http://host/api/chat")
    assert streamed.headers == {"accept": "application/x-ndjson", "content-type": "application/json"}
    assert plain.headers["accept"] == "application/json"
    assert (body(), body(stream=False)) == ({"stream": True}, {"stream": False})


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("http://localhost:11434", "http://localhost:11434"),
        ("https://ollama.com", "https://ollama.com"),
        ("https://ada:pw@host:9", "https://ada:pw@host:9"),
        ("http://host/behind/proxy", "http://host/behind/proxy"),
        ("host", "http://host:11434"),
        ("host/path", "http://host:11434/path"),
        ("host:9", "http://host:9"),
        (":9", "http://127.0.0.1:9"),
        ("0.0.0.0", "http://127.0.0.1:11434"),
        ("0.0.0.0:9", "http://127.0.0.1:9"),
        ("[::]:9", "http://127.0.0.1:9"),
        ("[fe80::1]", "http://[fe80::1]:11434"),
    ],
)
def test_the_variable_of_the_server_names_its_address_too(host: str, address: str) -> None:
    assert address_of(host) == address
    assert sent(base_url=host).url == f"{address}/api/chat"


def test_the_server_is_found_where_its_client_looks_for_it_and_needs_no_key() -> None:
    assert (ADAPTER.provider, ADAPTER.class_name, ADAPTER.base_url) == (
        "ollama",
        "ChatOllama",
        "http://localhost:11434",
    )
    assert (ADAPTER.base_url_env, ADAPTER.key_env, ADAPTER.key_required) == (
        ("OLLAMA_HOST",),
        ("OLLAMA_API_KEY",),
        False,
    )


def test_what_steers_the_sampling_stands_in_options() -> None:
    given = {"temperature": 0, "max_tokens": 9, "stop": "a", "num_ctx": 4096, "seed": None, "options": {"seed": 1}}
    assert body(parameters={**given, "keep_alive": "5m", "logprobs": True}) == {
        "keep_alive": "5m",
        "logprobs": True,
        "options": {"temperature": 0, "num_predict": 9, "stop": ["a"], "num_ctx": 4096, "seed": 1},
        "stream": True,
    }
    assert body(parameters={"num_predict": 9, "stop": ["a", "b"]})["options"] == {"num_predict": 9, "stop": ["a", "b"]}


def test_every_parameter_is_taken_and_no_other() -> None:
    for name in OllamaCodec.parameters - {"options", "reasoning", "reasoning_effort", "stop"}:
        assert len(body(parameters={name: 1})) == 2
    for name, kind in (("stop", "a text or a list of texts"), ("options", "a dict")):
        with pytest.raises(ConfigurationError, match=f"ollama takes {name} as {kind}, not 1"):
            sent(parameters={name: 1})
    with pytest.raises(ConfigurationError, match="ollama does not take the parameter 'top_x'; extra_body passes it on"):
        sent(parameters={"top_x": 1})
    with pytest.raises(ConfigurationError, match="max_tokens and num_predict are two names of the same parameter"):
        sent(parameters={"max_tokens": 1, "num_predict": 1})


@pytest.mark.parametrize(
    ("parameters", "think"),
    [
        ({"reasoning": True}, True),
        ({"reasoning": False}, False),
        ({"reasoning_effort": "none"}, False),
        ({"reasoning_effort": "minimal"}, "low"),
        ({"reasoning": {"effort": "high"}}, "high"),
        ({"reasoning_effort": "ultra"}, "ultra"),
        ({"think": "medium"}, "medium"),
    ],
)
def test_thinking_is_one_parameter(parameters: Json, think: object) -> None:
    assert body(parameters=parameters)["think"] == think


@pytest.mark.parametrize("name", ["reasoning", "reasoning_effort"])
def test_thinking_is_told_by_one_name_only(name: str) -> None:
    with pytest.raises(ConfigurationError, match="think and reasoning say the same thing"):
        body(parameters={"think": False, name: "low"})


def test_a_budget_for_thinking_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"ollama cannot be told to reason \{'budget_tokens': 9\}; it takes"):
        sent(parameters={"reasoning": {"budget_tokens": 9}})


def test_the_form_of_the_answer_is_a_schema_or_any_json() -> None:
    assert body(output=OutputSchema("Answer", SCHEMA))["format"] == SCHEMA
    assert body(output=OutputSchema("Answer", None), parameters={"format": SCHEMA})["format"] == "json"


def test_tools_are_functions_or_what_the_caller_wrote() -> None:
    native = NativeTool({"type": "function", "function": {"name": "x"}})
    strict = ToolSpec("now", strict=True)
    assert body(tools=(TOOL, strict, native), tool_choice="auto", parallel_tool_calls=True)["tools"] == [
        {"type": "function", "function": {"name": "add", "description": "Adds.", "parameters": SCHEMA}},
        {"type": "function", "function": {"name": "now", "parameters": {"type": "object", "properties": {}}}},
        native.definition,
    ]
    assert [warning.code for warning in sent(tools=(TOOL, strict)).warnings] == ["strict_left_out"]


def test_a_choice_of_tools_that_there_is_no_word_for_is_refused() -> None:
    assert "tools" not in body(tools=(TOOL,), tool_choice="none")
    with pytest.raises(ConfigurationError, match="ollama cannot be told that a tool must be called: tool_choice='any'"):
        sent(tools=(TOOL,), tool_choice="any")
    with pytest.raises(ConfigurationError, match="tool_choice='add'"):
        sent(tools=(TOOL,), tool_choice=("tool", "add"))
    with pytest.raises(ConfigurationError, match="ollama cannot be told to call one tool at a time"):
        sent(tools=(TOOL,), parallel_tool_calls=False)


def test_the_callers_own_fields_come_last() -> None:
    assert body(extra_body={"stream": 1, "new": {"x": 1}}) == {"stream": 1, "new": {"x": 1}}


def test_a_request_with_an_image_is_the_documented_one() -> None:
    documented = json.loads((WRITTEN / "ollama" / "image_input_plain.json").read_text())["request"]["body"]
    request = ModelRequest(
        model=documented["model"],
        messages=[
            SystemMessage("Answer in JSON."),
            HumanMessage(["Which colour?", {"type": "image", "base64": "iVBORw0KGgo="}]),
        ],
        base_url="http://host",
        stream=False,
        parameters={"temperature": 0, "max_tokens": 50},
        output=OutputSchema("Colour", documented["format"]),
    )
    assert json.loads(OllamaCodec().encode(request).body) == documented


def test_a_conversation_with_tools_names_them_and_keeps_the_ids() -> None:
    answer = AIMessage(
        [
            {"type": "reasoning", "reasoning": "Both."},
            {"type": "text", "text": "I "},
            {"type": "text", "text": "add."},
        ],
        tool_calls=[{"name": "add", "args": {"x": 1}, "id": "a"}, {"name": "now", "args": {}, "id": None}],
    )
    results = [ToolMessage("2", tool_call_id="a"), ToolMessage(["noon", IMAGE], tool_call_id="", name="now")]
    assert spell([HumanMessage("Add."), answer, *results], []) == [
        {"role": "user", "content": "Add."},
        {
            "role": "assistant",
            "content": "I add.",
            "thinking": "Both.",
            "tool_calls": [
                {"id": "a", "function": {"name": "add", "arguments": {"x": 1}}},
                {"function": {"name": "now", "arguments": {}}},
            ],
        },
        {"role": "tool", "content": "2", "tool_name": "add", "tool_call_id": "a"},
        {"role": "tool", "content": "noon", "images": ["AAAA"], "tool_name": "now"},
    ]
    assert spelled(ToolMessage("2", tool_call_id="b")) == {"role": "tool", "content": "2", "tool_call_id": "b"}


def test_arguments_that_were_no_object_are_sent_as_far_as_they_can_be_read() -> None:
    call: Json = {"type": "invalid_tool_call", "name": "add", "args": '{"x": 1, "y', "id": "a", "error": "cut"}
    without: Json = {"type": "invalid_tool_call", "name": None, "args": None, "id": None, "error": "cut"}
    assert spelled(AIMessage([call, without]))["tool_calls"] == [
        {"id": "a", "function": {"name": "add", "arguments": {"x": 1}}},
        {"function": {"name": "", "arguments": {}}},
    ]


def test_several_texts_are_one() -> None:
    note: Json = {"type": "text-plain", "text": "A note."}
    assert spelled(HumanMessage(["a", "b", note])) == {"role": "user", "content": "a\nb\nA note."}
    assert spelled(SystemMessage([])) == {"role": "system", "content": ""}
    json_result = ToolMessage([{"type": "non_standard", "value": {"x": 1}}], tool_call_id="a")
    assert spelled(json_result)["content"] == '{"x":1}'


@pytest.mark.parametrize(
    ("message", "told"),
    [
        (
            HumanMessage([{"type": "image", "url": "http://e.org/i.png"}]),
            "image block in a user message by its URL",
        ),
        (HumanMessage([{"type": "image"}]), "image block in a user message without a source; give base64"),
        (HumanMessage([{"type": "image", "file_id": "f1"}]), "image block in a user message by a file_id; give base64"),
        (SystemMessage([IMAGE]), "image block in a system message"),
        (HumanMessage([{"type": "audio", "base64": "AAAA"}]), "audio block in a user message"),
        (HumanMessage([{"type": "text-plain", "file_id": "f1"}]), "text-plain block in a user message"),
        (HumanMessage([{"type": "non_standard", "value": {}}]), "non_standard block in a user message"),
        (AIMessage([IMAGE]), "image block in an assistant message"),
    ],
)
def test_what_the_format_cannot_spell_is_refused_by_name(message: BaseMessage, told: str) -> None:
    with pytest.raises(ConfigurationError, match=f"ollama has no {told}"):
        spelled(message)


def test_what_is_left_out_of_a_history_is_told() -> None:
    foreign: Json = {"model_provider": "anthropic"}
    block: Json = {"type": "reasoning", "reasoning": "hm"}
    server: Json = {"type": "server_tool_call", "id": "s", "name": "search", "args": {}}
    assert warned(
        [AIMessage([block], response_metadata=foreign), AIMessage([server]), HumanMessage("Hi", name="ada")]
    ) == [
        "name_left_out: the names of speakers were left out: ollama has none",
        "block_left_out: a reasoning block of the history was left out: it belongs to anthropic",
        "block_left_out: a server_tool_call block of the history was left out: ollama takes none back",
    ]
    assert spelled(AIMessage([block], response_metadata={"model_provider": "ollama"}))["thinking"] == "hm"


def test_the_official_client_sends_the_same() -> None:
    requests: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return httpx.Response(200, json=STOP)

    tool: Json = {"type": "function", "function": {"name": "add", "description": "Adds.", "parameters": SCHEMA}}
    client: Any = ollama.Client("http://host:11434", transport=httpx.MockTransport(answer))
    client.chat(
        model="m",
        messages=[
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Look.", "images": ["AAAA"]},
            {
                "role": "assistant",
                "content": "Adding.",
                "thinking": "hm",
                "tool_calls": [{"function": {"name": "add", "arguments": {"x": 1}}}],
            },
            {"role": "tool", "content": "2", "tool_name": "add"},
        ],
        tools=[tool],
        format=SCHEMA,
        options={"temperature": 0.5, "num_predict": 9, "stop": ["a"]},
        think="high",
        keep_alive="5m",
        logprobs=True,
        top_logprobs=2,
    )
    client.close()
    given: Json = {"temperature": 0.5, "max_tokens": 9, "stop": ["a"], "keep_alive": "5m", "logprobs": True}
    thought: Json = {"type": "reasoning", "reasoning": "hm"}
    ours = sent(
        SystemMessage("Be brief."),
        HumanMessage(["Look.", IMAGE]),
        AIMessage(
            [thought, {"type": "text", "text": "Adding."}], tool_calls=[{"name": "add", "args": {"x": 1}, "id": "c"}]
        ),
        ToolMessage("2", tool_call_id="c"),
        base_url="http://host:11434",
        stream=False,
        parameters={**given, "top_logprobs": 2, "reasoning_effort": "high"},
        tools=(TOOL,),
        output=OutputSchema("Answer", SCHEMA),
    )
    (theirs,) = requests
    assert ours.url == str(theirs.url)
    body = json.loads(ours.body)
    # The ids of calls are newer than this client.
    assert [body["messages"][2]["tool_calls"][0].pop("id"), body["messages"][3].pop("tool_call_id")] == ["c", "c"]
    assert body == json.loads(theirs.content)


# ---------------------------------------------------------------- replies


def events_of(*lines: object, decoder: StreamedReply | PlainReply | None = None) -> list[DecodedEvent]:
    """The events of these lines: bytes as they are, the rest as JSON."""
    decoder = decoder or StreamedReply()
    data = b"".join(line if isinstance(line, bytes) else json.dumps(line).encode() + b"\n" for line in lines)
    return [*decoder.feed(data), *decoder.close()]


def plain_events(body: object) -> list[DecodedEvent]:
    return events_of(body, decoder=PlainReply())


def said(**message: object) -> Json:
    return {"model": "m", "created_at": "t0", "message": {"role": "assistant", **message}, "done": False}


DONE: Json = {"model": "m", "created_at": "t9", "message": {"role": "assistant", "content": ""}, "done": True}
STOP: Json = {**DONE, "done_reason": "stop"}


def test_a_stream_is_meta_then_thoughts_then_tokens_then_usage_and_finish_last() -> None:
    last = {**STOP, "total_duration": 9, "prompt_eval_count": 3, "eval_count": 2, "eval_duration": 4}
    assert events_of(said(content="", thinking="hm"), said(content="Hi"), last) == [
        Meta(model="m", data={"created_at": "t0"}),
        Reasoning("hm"),
        Token("Hi"),
        Usage(3, 2, 5),
        Meta(data={"total_duration": 9, "eval_duration": 4}),
        Finish("stop", "stop"),
    ]


def test_the_last_line_ends_the_reply_and_what_follows_is_no_part_of_it() -> None:
    decoder = StreamedReply()
    lines = json.dumps(STOP).encode() + b"\n" + json.dumps(said(content="more")).encode() + b"\n"
    assert list(decoder.feed(lines))[-1] == Finish("stop", "stop")
    assert decoder.done
    assert [*decoder.feed(b"{no json}\n"), *decoder.close()] == []


@pytest.mark.parametrize(
    ("reason", "finish"),
    [
        ("stop", Finish("stop", "stop")),
        ("length", Finish("length", "length")),
        ("load", Finish("other", "load")),
        (None, Finish("stop", None)),
    ],
)
def test_why_it_stopped_is_told_in_one_word_for_all(reason: str | None, finish: Finish) -> None:
    assert events_of({**DONE, "done_reason": reason})[-1] == finish


def test_calls_are_numbered_and_those_without_an_id_are_given_one() -> None:
    first = {"id": "c1", "function": {"index": 0, "name": "add", "arguments": {"x": 1}}}
    events = events_of(said(tool_calls=[first]), said(tool_calls=[{"function": {"name": "now"}}, {}]), STOP)
    calls = [event for event in events if isinstance(event, ToolCallDelta)]
    assert calls[0] == ToolCallDelta('{"x":1}', 0, "c1", "add")
    assert [(call.args, call.index, call.name) for call in calls[1:]] == [("{}", 1, "now"), ("{}", 2, None)]
    ids = [call.id for call in calls]
    assert len(set(ids)) == 3
    assert ids[1] is not None
    assert ids[1].startswith("call_")
    assert events[-1] == Finish("tool_calls", "stop")
    again = events_of(said(tool_calls=[first]), said(tool_calls=[{"function": {"name": "now"}}, {}]), STOP)
    assert again == events


def test_arguments_as_text_are_passed_on() -> None:
    (call,) = message_of(
        events_of(said(tool_calls=[{"function": {"name": "add", "arguments": '{"x": 1}'}}]), STOP)
    ).tool_calls
    assert call["args"] == {"x": 1}


def test_an_image_is_a_block() -> None:
    events = events_of(said(content="Here:", images=["AAAA", "BBBB"]), STOP)
    assert [event for event in events if isinstance(event, Block)] == [
        Block({"type": "image", "base64": "AAAA"}, 0),
        Block({"type": "image", "base64": "BBBB"}, 1),
    ]


def test_a_change_of_model_is_told_and_counts_that_are_none_are_not() -> None:
    other = {**STOP, "model": "n", "prompt_eval_count": -1, "eval_count": True}
    assert events_of(said(content="Hi"), said(content="!"), other) == [
        Meta(model="m", data={"created_at": "t0"}),
        Token("Hi"),
        Token("!"),
        Meta(model="n"),
        Finish("stop", "stop"),
    ]
    assert Usage(0, 7, 7) in events_of({**STOP, "eval_count": 7})  # the prompt was still there from the last time
    assert Usage(7, 0, 7) in events_of({**STOP, "prompt_eval_count": 7})
    assert events_of({"message": {"content": "a"}}, {"done": True}) == [Token("a"), Finish("stop", None)]


def test_a_plain_reply_is_one_line() -> None:
    whole = {**STOP, "message": {"role": "assistant", "content": "Hi"}}
    assert plain_events(whole) == events_of(whole)
    assert plain_events(json.dumps(whole, indent=2).encode()) == events_of(whole)
    decoder = PlainReply()
    assert list(decoder.feed(json.dumps(whole).encode())) == []
    assert not decoder.done
    assert list(decoder.close())
    assert decoder.done


@pytest.mark.parametrize("rest", [b"", b'{"mess', json.dumps(said(content="b")).encode(), b"\n\n"])
def test_a_stream_that_ends_before_the_last_line_is_interrupted(rest: bytes) -> None:
    with pytest.raises(StreamInterruptedError):
        events_of(said(content="a"), rest)


def test_a_last_line_needs_no_end() -> None:
    assert events_of(said(content="a"), json.dumps(STOP).encode())[-1] == Finish("stop", "stop")


@pytest.mark.parametrize("body", [b"", b'{"message": {"content": "Hel', json.dumps(said(content="a")).encode()])
def test_a_plain_reply_that_is_not_whole_is_interrupted(body: bytes) -> None:
    with pytest.raises(StreamInterruptedError):
        plain_events(body)


@pytest.mark.parametrize(
    "line",
    [b"nothing\n", b"[1]\n", b'{"message": 3}\n', b'{"message": {"tool_calls": "x"}}\n', b"\xff\n"],
)
def test_a_line_that_is_not_as_documented_is_told(line: bytes) -> None:
    with pytest.raises(ResponseDecodeError) as told:
        events_of(said(content="a"), line)
    assert told.value.excerpt
    with pytest.raises(ResponseDecodeError):
        plain_events(line)


def test_a_plain_reply_without_a_message_is_told() -> None:
    with pytest.raises(ResponseDecodeError, match="the reply has no 'message'"):
        plain_events({"done": True})


def test_what_is_not_quite_json_or_of_the_right_type_is_read() -> None:
    events = events_of(b'{"message": {"content": "a\tb \\ud83d"}, "logprobs": null}\n', {"done": "true"})
    assert events[0] == Token("a\tb �")


@pytest.mark.parametrize("decode", [events_of, plain_events])
@pytest.mark.parametrize(
    "line",
    [b'{"error": "out of memory"}\n', b'{"error": "out of memory", "message": 3}\n', b'{"error": "out of\tmemory"}\n'],
)
def test_an_error_in_the_reply_is_raised(decode: Callable[[bytes], list[DecodedEvent]], line: bytes) -> None:
    with pytest.raises(APIStatusError, match="the provider reported an error in its reply: out of memory"):
        decode(line)


def test_an_error_comes_after_what_stands_before_it() -> None:
    decoder = StreamedReply()
    events = decoder.feed(json.dumps(said(content="a")).encode() + b'\n{"error": "x", "status_code": 503}\n')
    assert [next(events), next(events)] == [Meta(model="m", data={"created_at": "t0"}), Token("a")]
    with pytest.raises(OverloadedError):
        next(events)


def test_what_is_too_long_is_refused() -> None:
    with pytest.raises(ResponseLimitError, match="one line of the stream"):
        list(StreamedReply().feed(b" " * (LINE_LIMIT + 1)))
    with pytest.raises(ResponseLimitError, match="the reply is longer"):
        PlainReply().feed(b" " * (BODY_LIMIT + 1))
    with pytest.raises(ResponseDecodeError):
        events_of(b'{"message": ' + b"[" * 100_000 + b"]" * 100_000 + b"}\n")


def test_a_refused_request_is_an_error_by_its_status() -> None:
    codec = OllamaCodec()
    error = codec.error(404, {"x-request-id": "r1"}, b'{"error":"model \'qwen9\' not found"}')
    assert isinstance(error, NotFoundError)
    assert (error.message, error.request_id) == ("HTTP 404: model 'qwen9' not found", "r1")
    assert codec.request_id({}) is None


# ---------------------------------------------------------------- any bytes

recordings = st.sampled_from([recording for recording in RECORDINGS if recording.status == 200])


@given(recording=recordings, cuts=st.lists(st.integers(1, 5000), max_size=12))
def test_any_cutting_gives_the_same_events_and_the_same_error(recording: Recording, cuts: list[int]) -> None:
    body = recording.body
    places = sorted({cut % len(body) for cut in cuts})
    reads = [body[start:end] for start, end in zip([0, *places], [*places, len(body)], strict=True)]
    assert replay(recording, reads).key() == replay(recording, [body]).key()


@pytest.mark.parametrize("recording", [one for one in STREAMS if not one.expected["error"]], ids=lambda one: one.id)
def test_every_truncation_is_reported(recording: Recording) -> None:
    whole = replay(recording, [recording.body])
    for length in range(len(recording.body) - 1):
        cut = replay(recording, [recording.body[:length]])
        assert isinstance(cut.error, StreamInterruptedError)
        assert not finishes(cut.events)
    assert replay(recording, [recording.body[:-1]]).key() == whole.key()  # only the last line feed is missing


def finishes(events: Iterable[object]) -> list[Finish]:
    return [event for event in events if isinstance(event, Finish)]


@given(
    recording=recordings,
    damage=st.lists(st.tuples(st.integers(0, 1 << 16), st.integers(0, 255)), min_size=1, max_size=6),
    noise=st.binary(max_size=6),
)
def test_damaged_bytes_give_events_or_our_errors(
    recording: Recording, damage: list[tuple[int, int]], noise: bytes
) -> None:
    body = bytearray(recording.body)
    for place, value in damage:
        body[place % len(body)] = value
    place = damage[0][0] % len(body)
    body[place:place] = noise
    outcome = replay(recording, [bytes(body)])  # anything but a TidewireError fails the test
    assert outcome.error is None or isinstance(outcome.error, TidewireError)
    assert replay(recording, [bytes(body[:place]), bytes(body[place:])]).key() == outcome.key()
