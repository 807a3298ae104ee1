"""The embedded provider: its wire format, and how its transport behaves while a reply is read."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Callable, Iterable
from itertools import pairwise
from typing import Any

import anyio
import msgspec
import pytest
import trio.testing
from hypothesis import given
from hypothesis import strategies as st

from tidewire import init_chat_model
from tidewire.adapters.embedded import (
    ADAPTER,
    Call,
    Fail,
    FailKind,
    Pace,
    Reply,
    Script,
    SimRequest,
    embedded_adapter,
)
from tidewire.adapters.spec import Adapter, ModelRequest, NativeTool, OutputSchema, Response, ToolSpec
from tidewire.events.errors import (
    APIConnectionError,
    APIStatusError,
    AuthenticationError,
    BadRequestError,
    ConfigurationError,
    ContentFilterError,
    ContextWindowExceededError,
    InternalServerError,
    OverloadedError,
    QuotaExceededError,
    RateLimitError,
    ResponseDecodeError,
    StreamInterruptedError,
    TidewireError,
)
from tidewire.events.fold import Fold
from tidewire.events.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage
from tidewire.events.types import DecodedEvent, Token

LOOKUP = ToolSpec("lookup", "Looks it up.", {"type": "object", "properties": {"a": {"type": "integer"}}})


def request_of(*messages: BaseMessage, **fields: Any) -> ModelRequest:
    return ModelRequest("demo", messages or (HumanMessage("Hello!"),), ADAPTER.base_url, **fields)


async def open_reply(request: ModelRequest, adapter: Adapter = ADAPTER) -> Response:
    assert adapter.transport is not None
    return await adapter.transport().open(adapter.codec.encode(request))


async def reads_of(response: Response) -> AsyncIterator[bytes]:
    while data := await response.read():
        yield data


async def body_of(request: ModelRequest, script: Script = ()) -> bytes:
    response = await open_reply(request, embedded_adapter(script))
    assert response.status == 200
    return b"".join([data async for data in reads_of(response)])


def decode(cuts: Iterable[bytes]) -> tuple[list[DecodedEvent], TidewireError | None]:
    decoder = ADAPTER.codec.decoder(streamed=True)
    events: list[DecodedEvent] = []
    try:
        for cut in cuts:
            events.extend(decoder.feed(cut))
        events.extend(decoder.close())
    except TidewireError as error:
        return events, error
    return events, None


def message_of(body: bytes) -> AIMessage:
    events, error = decode([body])
    assert error is None
    fold = Fold()
    for event in events:
        fold.add(event)
    return AIMessage.from_fold(fold)


async def answer(request: ModelRequest, script: Script = ()) -> AIMessage:
    return message_of(await body_of(request, script))


async def error_of(request: ModelRequest, fail: Fail) -> APIStatusError:
    """The error that a call ends with when its request is refused."""
    adapter = embedded_adapter([fail])
    response = await open_reply(request, adapter)
    assert response.status == fail.status
    body = b"".join([data async for data in reads_of(response)])
    error = adapter.codec.error(response.status, response.headers, body)
    assert isinstance(error, APIStatusError)
    return error


def asked(request: ModelRequest) -> SimRequest:
    """The request as the brain reads it."""
    return msgspec.json.decode(ADAPTER.codec.encode(request).body, type=SimRequest)


@pytest.fixture(scope="module")
def body() -> bytes:
    """A streamed reply with all that there is."""
    image = {"type": "image", "url": "https://example.com/ü.png"}
    calls = [Call("lookup", {"a": "ß"}), Call("now")]
    reply = Reply("Zwölf – ≈ 12", reasoning="Let me count.", tool_calls=calls, blocks=[image])
    parameters = {"logprobs": True, "top_logprobs": 1}
    return anyio.run(body_of, request_of(parameters=parameters), [reply])


# --- a reply ---


@pytest.mark.anyio
async def test_a_streamed_reply_adds_up_to_the_plain_one() -> None:
    parameters = {"reasoning": True, "logprobs": True}
    for tools in ((), (LOOKUP, ToolSpec("now"))):
        streamed = await body_of(request_of(tools=tools, parameters=parameters, stream=True))
        plain = await body_of(request_of(tools=tools, parameters=parameters, stream=False))
        assert message_of(streamed) == message_of(plain)
        assert len(decode([streamed])[0]) > 2 * len(decode([plain])[0])
    image = {"type": "image", "url": "https://example.com/a.png"}
    for script in ([Reply("Look:", blocks=[image, image])], [Reply()]):
        streamed = await body_of(request_of(), script)
        assert message_of(streamed) == message_of(await body_of(request_of(stream=False), script))


@pytest.mark.anyio
async def test_a_message_has_all_that_a_providers_message_has() -> None:
    message = await answer(request_of(tools=(LOOKUP,), parameters={"reasoning": True}))
    [thought, call] = message.content_blocks
    assert thought["type"] == "reasoning"
    assert thought.get("extras", {})["signature"]
    assert call["type"] == "tool_call"
    assert message.usage_metadata is not None
    assert message.usage_metadata.get("output_token_details", {}).get("reasoning")
    assert message.response_metadata["finish_reason"] == "tool_calls"
    assert message.response_metadata["model_name"] == "demo"
    assert message.response_metadata["id"].startswith("emb_")


@pytest.mark.anyio
async def test_a_conversation_with_a_tool_comes_to_an_answer() -> None:
    question = HumanMessage("How high is the tide?")
    call = await answer(request_of(question, tools=(LOOKUP,)))
    result = ToolMessage("Two metres.", tool_call_id=str(call.tool_calls[0]["id"]))
    final = await answer(request_of(question, call, result, tools=(LOOKUP,)))
    assert "lookup gave back: Two metres." in final.text


@pytest.mark.anyio
async def test_each_read_gives_one_frame_and_a_plain_reply_has_one() -> None:
    streamed = await open_reply(request_of(), embedded_adapter(["one two three"]))
    assert len([data async for data in reads_of(streamed)]) == 5
    assert await streamed.read() == b""
    plain = await open_reply(request_of(stream=False), embedded_adapter(["one two three"]))
    assert len([data async for data in reads_of(plain)]) == 1


@given(places=st.lists(st.integers(0, 3000)))
def test_any_cut_of_the_bytes_gives_the_same_events(body: bytes, places: list[int]) -> None:
    marks = [0, *sorted(place % (len(body) + 1) for place in places), len(body)]
    assert decode(body[start:end] for start, end in pairwise(marks)) == decode([body])


def test_byte_by_byte_gives_the_same_events(body: bytes) -> None:
    assert decode(body[at : at + 1] for at in range(len(body))) == decode([body])


def test_every_truncation_is_told(body: bytes) -> None:
    whole, _ = decode([body])
    for end in range(len(body) - 1):
        events, error = decode([body[:end]])
        assert isinstance(error, StreamInterruptedError)
        assert events == whole[: len(events)]


def test_what_follows_the_last_line_is_no_part_of_the_answer(body: bytes) -> None:
    assert decode([body + b"nonsense\n", b"more"]) == decode([body])


@pytest.mark.parametrize(
    "line", [b"{", b"[]", b'{"type":"never"}', b'{"type":"token"}', b'{"type":"token","text":"\xff"}']
)
def test_a_line_that_cannot_be_read_is_an_error_with_an_excerpt(line: bytes) -> None:
    events, error = decode([b'{"type":"token","text":"a"}\n' + line + b"\n"])
    assert events == [Token(text="a")]
    assert isinstance(error, ResponseDecodeError)
    assert error.excerpt == line.decode("utf-8", "replace")


def test_a_line_that_is_nested_too_deeply_is_an_error() -> None:
    line = b'{"type":"block","block":{"a":' + b"[" * 90_000 + b"]" * 90_000 + b"}}"
    assert isinstance(decode([line + b"\n"])[1], ResponseDecodeError)


# --- a request ---


def test_messages_of_each_kind_are_read() -> None:
    call = {"name": "lookup", "args": {"a": 1}, "id": "call_1"}
    request = asked(
        request_of(
            SystemMessage("Be kind."),
            HumanMessage(["Look: ", {"type": "image", "url": "https://example.com/a.png"}]),
            AIMessage("Looking.", tool_calls=[call]),
            ToolMessage("broken", tool_call_id="call_1", status="error"),
        )
    )
    assert [message.role for message in request.messages] == ["system", "user", "assistant", "tool"]
    assert request.messages[1].text == "Look: "
    assert request.messages[1].media == ("image",)
    assert request.messages[2].tool_calls[0].args == {"a": 1}
    assert (request.messages[3].tool_call_id, request.messages[3].failed) == ("call_1", True)


def test_settings_reach_the_brain() -> None:
    parameters = {"max_tokens": 5, "seed": 7, "stop": "x", "temperature": 0.3, "tokens_per_second": 9}
    output = OutputSchema("form", {"type": "object"})
    request = asked(
        request_of(stream=False, parameters=parameters, tools=(LOOKUP,), tool_choice=("tool", "lookup"), output=output)
    )
    assert (request.max_tokens, request.seed, request.stop, request.tokens_per_second) == (5, 7, ("x",), 9)
    assert request.tool_choice == ("tool", "lookup")
    assert request.tools[0].parameters == LOOKUP.parameters
    assert request.output is not None
    assert request.output.schema == {"type": "object"}
    assert not request.stream
    assert asked(request_of(parameters={"stop": ["a", "b"]})).stop == ("a", "b")
    assert asked(request_of(extra_body={"seed": 3})).seed == 3


@pytest.mark.parametrize(
    ("parameters", "wanted"),
    [
        ({}, False),
        ({"reasoning": True}, True),
        ({"reasoning": False}, False),
        ({"reasoning": {"effort": "low"}}, True),
        ({"reasoning": {"effort": "none"}}, False),
        ({"reasoning": {"enabled": False}}, False),
        ({"reasoning_effort": "high"}, True),
        ({"reasoning_effort": "none"}, False),
        ({"thinking": {"type": "enabled", "budget_tokens": 1024}}, True),
        ({"thinking": {"type": "disabled"}}, False),
    ],
)
def test_each_of_the_fields_words_for_reasoning_is_read(parameters: dict[str, Any], wanted: bool) -> None:
    assert asked(request_of(parameters=parameters)).reasoning is wanted


def test_what_the_provider_cannot_do_is_refused_or_warned_of() -> None:
    with pytest.raises(ConfigurationError, match="web_search"):
        asked(request_of(tools=(NativeTool({"type": "web_search"}),)))
    with pytest.raises(ConfigurationError, match="max_tokens"):
        asked(request_of(parameters={"max_tokens": "many"}))
    [warning] = ADAPTER.codec.encode(request_of(parameters={"n": 3})).warnings
    assert warning.code == "n_ignored"
    assert not ADAPTER.codec.encode(request_of(parameters={"n": 1})).warnings


@pytest.mark.anyio
async def test_a_body_that_is_no_request_is_refused() -> None:
    response = await open_reply(request_of(extra_body={"seed": "odd"}))
    error = ADAPTER.codec.error(response.status, response.headers, await response.read())
    assert isinstance(error, BadRequestError)
    assert "seed" in error.message


# --- failures ---


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("fail", "kind"),
    [
        (Fail(status=401), AuthenticationError),
        (Fail(status=429, retry_after_s=1.5), RateLimitError),
        (Fail(status=429, code="insufficient_quota"), QuotaExceededError),
        (Fail(status=400, code="context_length_exceeded"), ContextWindowExceededError),
        (Fail(status=400, code="content_filter"), ContentFilterError),
        (Fail(status=500, message="out of order"), InternalServerError),
        (Fail(status=529), OverloadedError),
    ],
)
async def test_a_refusal_is_the_error_of_its_status_and_code(fail: Fail, kind: type[APIStatusError]) -> None:
    error = await error_of(request_of(), fail)
    assert type(error) is kind
    assert error.status_code == fail.status
    assert error.provider_code == (fail.code or str(fail.status))
    assert error.retry_after_s == fail.retry_after_s
    assert (fail.message or "the script fails") in error.message
    assert error.request_id
    assert error.request_id.startswith("req_")


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("fail", "kind"),
    [
        (Fail(kind="error", status=529), OverloadedError),
        (Fail(kind="error", status=429, code="insufficient_quota"), QuotaExceededError),
    ],
)
async def test_an_error_inside_the_answer_comes_after_what_was_said(fail: Fail, kind: type[APIStatusError]) -> None:
    for after in (0, 2):
        broken = msgspec.structs.replace(fail, after_tokens=after, reply=Reply("one two three"))
        events, error = decode([await body_of(request_of(), [broken])])
        assert [event.text for event in events if isinstance(event, Token)] == ["one", " two"][:after]
        assert type(error) is kind
    _, error = decode([await body_of(request_of(stream=False), [fail])])
    assert type(error) is kind


@pytest.mark.anyio
@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("kind", ["cut", "reset", "end", "stall"])
async def test_an_answer_that_breaks_off_never_passes_for_a_whole_one(kind: FailKind, stream: bool) -> None:
    fail = Fail(kind=kind, after_tokens=2, reply=Reply("one two three"))
    response = await open_reply(request_of(stream=stream), embedded_adapter([fail]))
    arrived: list[bytes] = []
    errors: list[APIConnectionError] = []

    async def read_all() -> None:
        try:
            arrived.extend([data async for data in reads_of(response)])
        except APIConnectionError as error:
            errors.append(error)

    async with anyio.create_task_group() as group:
        group.start_soon(read_all)
        if kind == "stall":
            await anyio.wait_all_tasks_blocked()
            assert not errors
            response.abort()
    assert [("aborted" in error.message) for error in errors] == ([] if kind == "end" else [kind == "stall"])
    assert isinstance(decode(arrived)[1], StreamInterruptedError)


@pytest.mark.anyio
async def test_a_connection_may_break_or_hang_before_the_reply() -> None:
    with pytest.raises(APIConnectionError, match="before the reply"):
        await open_reply(request_of(), embedded_adapter([Fail(kind="reset_before_head")]))
    with anyio.move_on_after(0.01) as scope:
        await open_reply(request_of(), embedded_adapter([Fail(kind="stall_before_head")]))
    assert scope.cancelled_caught


@pytest.mark.anyio
async def test_a_failure_that_needs_a_network_is_refused_by_name() -> None:
    with pytest.raises(ConfigurationError, match="'bad_chunk'"):
        await open_reply(request_of(), embedded_adapter([Fail(kind="bad_chunk")]))


# --- how it is read ---


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", [("trio", {"clock": trio.testing.MockClock(autojump_threshold=0)})])
async def test_frames_come_at_the_pace_of_the_answer_whatever_the_reader_does() -> None:
    pace = Pace(first_token_s=2, tokens_per_second=4)
    response = await open_reply(request_of(), embedded_adapter(["a b c d e"], pace=pace))
    start = anyio.current_time()
    await response.read()  # the head
    times: list[float] = []
    for pause in (0, 0, 0.6, 0, 0):
        await anyio.sleep(pause)
        await response.read()
        times.append(anyio.current_time() - start)
    assert times == pytest.approx([2, 2.25, 2.85, 2.85, 3.0])


@pytest.mark.anyio
async def test_other_tasks_run_between_reads() -> None:
    response = await open_reply(request_of(), embedded_adapter([Reply(tokens=50)]))
    turns = reads = 0

    async def count() -> None:
        nonlocal turns
        while True:
            await anyio.lowlevel.checkpoint()
            turns += 1

    async with anyio.create_task_group() as group:
        group.start_soon(count)
        reads = len([data async for data in reads_of(response)])
        group.cancel_scope.cancel()
    assert turns >= reads // 2


@pytest.mark.anyio
async def test_an_aborted_or_closed_reply_gives_nothing_more() -> None:
    for close in ("abort", "aclose"):
        response = await open_reply(request_of())
        await response.read()
        if close == "abort":
            response.abort()
        else:
            await response.aclose()
        response.abort()
        await response.aclose()
        with pytest.raises(APIConnectionError, match="aborted"):
            await response.read()


@pytest.mark.anyio
async def test_an_abort_ends_a_read_that_waits_for_its_pace() -> None:
    response = await open_reply(request_of(), embedded_adapter(["a b"], pace=Pace(first_token_s=3600)))
    await response.read()

    async def abort_soon() -> None:
        await anyio.wait_all_tasks_blocked()
        response.abort()

    async with anyio.create_task_group() as group:
        group.start_soon(abort_soon)
        with pytest.raises(APIConnectionError, match="aborted"):
            await response.read()


# --- the adapter ---


def test_a_script_is_shared_by_all_event_loops_and_each_entry_is_used_once() -> None:
    adapter = embedded_adapter([str(number) for number in range(40)])
    said: list[str] = []

    async def ask(times: int) -> None:
        for _ in range(times):
            response = await open_reply(request_of(), adapter)
            said.append(message_of(b"".join([data async for data in reads_of(response)])).text)

    threads = [threading.Thread(target=anyio.run, args=(ask, 10)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(said, key=int) == [str(number) for number in range(40)]


@pytest.mark.anyio
async def test_the_keywords_of_a_model_make_an_adapter_of_its_own() -> None:
    assert ADAPTER.configure is not None
    adapter, rest = ADAPTER.configure({"script": ["told"], "pace": Pace(), "seed": 3})
    assert rest == {"seed": 3}
    response = await open_reply(request_of(), adapter)
    assert message_of(b"".join([data async for data in reads_of(response)])).text == "told"
    assert ADAPTER.configure({"seed": 3}) == (ADAPTER, {"seed": 3})
    with pytest.raises(ConfigurationError, match="pace must be a Pace"):
        ADAPTER.configure({"pace": 3})


def test_the_provider_takes_no_key_and_has_a_transport_of_its_own() -> None:
    assert not ADAPTER.key_required
    assert not ADAPTER.key_env
    assert ADAPTER.transport is not None
    anyio.run(ADAPTER.transport().aclose)


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: Fail(kind="stal"), "nothing fails by 'stal'; did you mean 'stall'"),  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # on purpose
        (lambda: Fail(kind="nonsense"), "known are 'status'"),  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # on purpose
        (lambda: Fail(after_token=2), "did you mean 'after_tokens'"),  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]  # on purpose
        (lambda: Pace(first_token=2), "did you mean 'first_token_s'"),  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]  # on purpose
        (lambda: Pace(first_token_s=-1), "a number from 0, not -1"),
        (lambda: Pace(tokens_per_second="fast"), "not 'fast'"),  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # on purpose
        (lambda: Reply(txt="hi"), "did you mean 'text'"),  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]  # on purpose
    ],
)
def test_what_a_script_has_no_word_for_is_told_with_the_nearest_one(make: Callable[[], object], match: str) -> None:
    with pytest.raises(ConfigurationError, match=match):
        make()


@pytest.mark.parametrize("after", [1, 2])
def test_a_whole_call_that_fails_has_as_many_pieces_as_a_stream(after: int) -> None:
    fail = Fail(kind="reset", after_tokens=after, reply=Reply(["a ", "b ", "c"]))
    with pytest.raises(StreamInterruptedError) as raised:
        init_chat_model("embedded:demo", script=[fail]).invoke("hi")
    assert raised.value.partial is not None
    assert raised.value.partial.text == "a b "[: 2 * after]
