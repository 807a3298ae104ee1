"""JSON from outside that is nested without end: one limit, the same on every Python, and never a crash."""

from __future__ import annotations

import json
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.security.test_keys import ANSWERS, EXTRA
from tidewire import init_chat_model
from tidewire.adapters.json_text import lenient_json
from tidewire.adapters.replay_transport import Exchange, ReplayTransport
from tidewire.adapters.status_errors import status_error
from tidewire.events.blocks import JSON
from tidewire.events.errors import (
    BadRequestError,
    ConfigurationError,
    OutputParsingError,
    ResponseDecodeError,
    ResponseLimitError,
    StreamInterruptedError,
)
from tidewire.events.json_depth import DEPTH_LIMIT, is_too_deep
from tidewire.events.serial import loads
from tidewire.events.tool_args import parse_arguments, parse_partial_arguments

pytestmark = pytest.mark.parametrize("anyio_backend", ["asyncio"])

DEEP = 100_000


def nested(depth: int, opening: str = '{"a":', closing: str = "}") -> str:
    return opening * depth + "1" + closing * depth


async def test_the_limit_is_exact_and_brackets_in_strings_do_not_count() -> None:
    for opening, closing in (('{"a":', "}"), ("[", "]"), ('[{"[[":', "}]")):
        step = opening.count("{") + opening.replace('"[["', "").count("[")
        most = DEPTH_LIMIT // step
        assert not is_too_deep(nested(most, opening, closing).encode())
        assert is_too_deep(nested(most + 1, opening, closing).encode())
    assert not is_too_deep(json.dumps(["[{" * 500, '\\"[' * 500, "]"]).encode())
    assert not is_too_deep(b"[]" * 1000)
    assert is_too_deep(b"[" * 1000)


KEYS = st.text(alphabet='[{"')
VALUES: st.SearchStrategy[JSON] = st.recursive(
    st.text(alphabet='[]{}"\\a') | st.none(), lambda inner: st.lists(inner) | st.dictionaries(KEYS, inner)
)


def depth_of(value: object) -> int:
    match value:
        case dict():
            inner = list(cast("dict[str, object]", value).values())
        case list():
            inner = cast("list[object]", value)
        case _:
            return 0
    return 1 + max(map(depth_of, inner), default=0)


@given(value=VALUES)
async def test_the_depth_is_that_of_the_value(value: JSON) -> None:
    text = json.dumps(value).encode()
    for limit in range(6):
        assert is_too_deep(text, limit) == (depth_of(value) > limit)


async def test_what_reads_json_of_any_shape_has_the_limit() -> None:
    for depth, fits in ((DEPTH_LIMIT, True), (DEPTH_LIMIT + 1, False), (DEEP, False)):
        text = nested(depth)
        assert isinstance(parse_arguments(text), dict) == fits
        assert (parse_partial_arguments(text[:-1]) is not None) or not fits
        if fits:
            lenient_json(text.encode())
        else:
            with pytest.raises(ResponseLimitError, match=str(DEPTH_LIMIT)):
                lenient_json(text.encode())
            with pytest.raises(ConfigurationError, match=str(DEPTH_LIMIT)):
                loads(f"[{text}]")
        error = status_error(400, {}, text.encode(), by_code={})
        assert isinstance(error, BadRequestError)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("provider", ANSWERS)
async def test_a_reply_that_is_nested_without_end_is_an_error_of_ours(provider: str, stream: bool) -> None:
    frames = {
        "anthropic": 'event: message_start\ndata: {{"type":"message_start","message":{}}}\n\n',
        "google_genai": 'data: {{"candidates":[{{"groundingMetadata":{}}}]}}\n\n',
        "ollama": '{{"message":{{"content":"a","tool_calls":[{{"function":{{"name":"f","arguments":{}}}}}]}}}}\n',
        "openai": 'data: {{"choices":[{{"delta":{{"tool_calls":[{{"function":{{"arguments":{}}}}}]}}}}]}}\n\n',
    }
    form = frames.get(provider, "{}") if stream else "{}"
    kind = "application/x-ndjson" if provider == "ollama" else "text/event-stream"
    headers = {"content-type": kind if stream else "application/json"}
    for text in (nested(DEEP), nested(DEEP, "[", "]"), "[" * DEEP):
        exchange = Exchange(body=form.format(text).encode(), headers=headers)
        model = init_chat_model(
            f"{provider}:m", transport=ReplayTransport(exchange), max_retries=0, api_key="k", **EXTRA.get(provider, {})
        )
        with pytest.raises((ResponseDecodeError, StreamInterruptedError)):
            async for _ in model.astream("Hi"):
                pass


def saying(**message: JSON) -> ReplayTransport:
    """An answer of one piece, in OpenAI's format."""
    reply: JSON = {"choices": [{"message": message, "finish_reason": "stop"}]}
    return ReplayTransport(json.dumps(reply).encode())


async def test_arguments_that_are_nested_without_end_are_an_invalid_call() -> None:
    call: JSON = {"id": "c", "function": {"name": "f", "arguments": nested(DEEP)}}
    message = await init_chat_model("groq:m", api_key="k", transport=saying(tool_calls=[call])).ainvoke("Hi")
    (invalid,) = message.invalid_tool_calls
    assert str(DEPTH_LIMIT) in str(invalid["error"])


async def test_an_answer_in_a_form_that_is_nested_without_end_does_not_fit() -> None:
    schema = {"title": "Tree", "type": "object", "properties": {"a": {"$ref": "#"}}}
    model = init_chat_model("groq:m", api_key="k", transport=saying(content=nested(DEEP)))
    with pytest.raises(OutputParsingError, match=str(DEPTH_LIMIT)):
        await model.with_structured_output(schema, method="json_mode").ainvoke("Hi")


async def test_a_form_that_holds_itself_is_checked_to_a_depth_and_what_is_deeper_does_not_fit() -> None:
    schema = {"title": "Tree", "type": "object", "properties": {"a": {"anyOf": [{"$ref": "#"}, {"type": "integer"}]}}}
    script = [nested(20), nested(150)]
    model = init_chat_model("embedded:demo", script=script).with_structured_output(schema, method="json_mode")
    assert await model.ainvoke("Hi") == json.loads(nested(20))
    with pytest.raises(OutputParsingError, match="nests deeper"):
        await model.ainvoke("Hi")
