"""What the suite says of whole calls: each way to be wrong is caught by the test that is for it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Mapping
from typing import Any

import anyio
import msgspec
import pytest

from tests.adapters.conformance.parrot import RECORDINGS, Decoder, Line, ParrotCodec, adapter_of
from tidewire import ChatModel, init_chat_model
from tidewire.adapters.conformance import ConformanceError, Tests, calls, conformance_tests
from tidewire.adapters.conformance.calls import Chunks
from tidewire.adapters.spec import Adapter
from tidewire.events.blocks import JSONObject
from tidewire.events.chunks import AIMessageChunk
from tidewire.events.errors import InternalServerError, RateLimitError, TidewireError
from tidewire.events.messages import AIMessage
from tidewire.events.types import DecodedEvent, Finish, Usage
from tidewire.stream import Stream

Fake = Callable[..., Any]


def suite(adapter: Adapter | None = None, make_model: Fake = init_chat_model) -> Tests:
    """The tests of an adapter, or of a model that is not what it should be."""
    return conformance_tests(
        adapter or adapter_of(ParrotCodec()), make_model, model="grey-1", recordings=RECORDINGS, effort=1
    )


class Model:
    """A model that does as another one, as long as nothing else is said."""

    def __init__(self, *given: Any, **keywords: Any) -> None:
        self.inner: ChatModel = init_chat_model(*given, **keywords)

    async def ainvoke(self, input: str, /) -> AIMessage:
        return await self.inner.ainvoke(input)

    def astream(self, input: str, /) -> Chunks:
        return self.inner.astream(input)


class SaysTwice(Model):
    """Repeats itself when streaming."""

    def astream(self, input: str, /) -> Chunks:
        return self.twice(input)

    async def twice(self, input: str) -> AsyncGenerator[AIMessageChunk]:
        last = None
        async for chunk in self.inner.astream(input):
            last = last or chunk
            yield chunk
        assert last is not None
        yield last


class ForgetsUsage(Model):
    """Loses count."""

    async def ainvoke(self, input: str, /) -> AIMessage:
        message = await self.inner.ainvoke(input)
        return message.model_copy(update={"usage_metadata": None})


class NamesAnother(Model):
    """Says that another provider has answered."""

    async def ainvoke(self, input: str, /) -> AIMessage:
        message = await self.inner.ainvoke(input)
        return message.model_copy(update={"response_metadata": {"model_provider": "cat"}})


class AnswersItself(Model):
    """Does not ask again, and makes up the answer."""

    async def ainvoke(self, input: str, /) -> AIMessage:
        try:
            return await self.inner.bind(max_retries=0).ainvoke(input)
        except TidewireError:
            return AIMessage("I do not know.")


class LosesThePartial(Model):
    """Throws away what had arrived, and whose error it was."""

    async def ainvoke(self, input: str, /) -> AIMessage:
        try:
            return await self.inner.ainvoke(input)
        except TidewireError as error:
            error.partial = error.provider = None
            raise


class TranslatesErrors(Model):
    """Knows one error."""

    async def ainvoke(self, input: str, /) -> AIMessage:
        try:
            return await self.inner.ainvoke(input)
        except TidewireError as error:
            raise InternalServerError("something went wrong") from error


class AsksTwice(Model):
    """Sends everything twice."""

    async def ainvoke(self, input: str, /) -> AIMessage:
        try:
            await self.inner.ainvoke(input)
        except TidewireError:
            return await self.inner.ainvoke(input)
        return await self.inner.ainvoke(input)


class Open:
    """A stream that is never closed."""

    def __init__(self, inner: Stream[AIMessageChunk, AIMessage]) -> None:
        self.inner = inner

    def __aiter__(self) -> AsyncIterator[AIMessageChunk]:
        return aiter(self.inner)

    async def aclose(self) -> None:
        pass


class NeverCloses(Model):
    """Does not close what it leaves."""

    def astream(self, input: str, /) -> Chunks:
        return Open(self.inner.astream(input))


class ShowsTheKey(Model):
    """Says its key when asked for its name."""

    def __init__(self, *given: Any, api_key: str, **keywords: Any) -> None:
        super().__init__(*given, api_key=api_key, **keywords)
        self.key = api_key

    def __repr__(self) -> str:
        return f"ShowsTheKey({self.key})"


def configure(given: JSONObject) -> tuple[Adapter, JSONObject]:
    """Puts the key into a header as it is."""
    rest = dict(given)
    key = rest.pop("api_key")
    return PLAIN_KEY, {**rest, "default_headers": {"x-parrot": key.reveal()}}


PLAIN_KEY = adapter_of(ParrotCodec(), key_required=False, key_env=(), configure=configure)


@pytest.mark.parametrize("loop", ["asyncio", "trio"])
@pytest.mark.parametrize(
    ("make_model", "rule", "told"),
    [
        (SaysTwice, "a_call_gives_the_answer[streamed, {}]", "content_blocks: ainvoke gives .*, the chunks of astream"),
        (ForgetsUsage, "a_call_gives_the_answer[plain, {}]", "usage_metadata: the codec reads .*, ainvoke gives None"),
        (NamesAnother, "a_call_gives_the_answer[streamed, {}]", "model_provider is 'cat'"),
        (AnswersItself, "a_call_is_tried_again_before_content[{}]", "the requests were .*the second is to be like"),
        (AnswersItself, "a_call_is_tried_again_before_content[{}]", "text: declared .* found 'I do not know.'"),
        (LosesThePartial, "an_error_is_raised[tired, {}]", "the error names provider None"),
        (LosesThePartial, "an_error_is_raised[tired, {}]", "partial: '' arrived, 'I am ' was sent"),
        (TranslatesErrors, "an_error_is_raised[refused, {}]", "error: declared .*Overloaded.*, raised InternalServer"),
        (TranslatesErrors, "a_cut_call_is_told[streamed, {}]", "was raised, not a StreamInterruptedError"),
        (LosesThePartial, "a_cut_call_is_told[streamed, {}]", "the error has nothing in partial"),
        (AsksTwice, "a_cut_call_is_told[streamed, {}]", "2 requests were sent: nothing is tried again after content"),
        (AsksTwice, "a_wrong_key_is_told[{}]", "2 requests were sent: a wrong key stays wrong"),
        (TranslatesErrors, "a_wrong_key_is_told[{}]", "was raised, not an AuthenticationError"),
        (NeverCloses, "a_stream_that_is_left_stops[streamed, {}]", "1 connections were left open"),
        (ShowsTheKey, "the_key_is_not_shown[{}]", "the key is shown"),
    ],
)
def test_a_model_that_is_wrong_is_caught(make_model: Fake, rule: str, told: str, loop: str) -> None:
    with pytest.raises(ConformanceError, match=f"(?s)on {loop}.*{told}"):
        suite(make_model=make_model)[f"test_{rule.format(loop)}"]()


def test_a_key_that_is_sent_without_a_wrapper_is_caught() -> None:
    with pytest.raises(ConformanceError, match="the key is shown: x-parrot="):
        suite(PLAIN_KEY)["test_the_key_is_not_shown[asyncio]"]()


def test_a_key_that_is_not_sent_is_caught() -> None:
    def keyless(given: JSONObject) -> tuple[Adapter, JSONObject]:
        return adapter_of(ParrotCodec(), key_required=False), {k: v for k, v in given.items() if k != "api_key"}

    with pytest.raises(ConformanceError, match="no header holds the key"):
        suite(adapter_of(ParrotCodec(), configure=keyless))["test_the_key_is_not_shown[asyncio]"]()


def test_a_codec_that_takes_a_refusal_for_final_is_caught() -> None:
    class Codec(ParrotCodec):
        def error(self, status: int, headers: Mapping[str, str], body: bytes) -> TidewireError:
            error = RateLimitError("no", status_code=status)
            error.is_retryable = False
            return error

    with pytest.raises(ConformanceError, match=r"after status 503.*: it is not tried again: RateLimitError"):
        suite(adapter_of(Codec()))["test_a_call_is_tried_again_before_content[asyncio]"]()


def test_a_codec_that_takes_a_cut_for_the_end_is_caught() -> None:
    class Careless(Decoder):
        def close(self) -> Iterator[DecodedEvent]:
            yield Finish("stop")

    class Codec(ParrotCodec):
        new_decoder = Careless

    with pytest.raises(ConformanceError, match=r"\(end\).*None was raised, not a StreamInterruptedError"):
        suite(adapter_of(Codec()))["test_a_cut_call_is_told[streamed, asyncio]"]()


def test_an_answer_without_text_or_stream_is_called_too() -> None:
    class Silent(Decoder):
        def read(self, line: Line) -> Iterator[DecodedEvent]:
            for event in super().read(line):
                if isinstance(event, Finish | Usage):
                    yield event

    class Codec(ParrotCodec):
        new_decoder = Silent

    changes = {"text": "", "reasoning": "", "tool_calls": (), "model": None}
    recordings = [msgspec.structs.replace(one, **changes) for one in RECORDINGS[:2]]
    tests = conformance_tests(adapter_of(Codec()), init_chat_model, model="grey-1", recordings=recordings, effort=5)
    for test in tests.values():
        test()


def test_a_call_that_hangs_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    class Hangs(Model):
        async def ainvoke(self, input: str, /) -> AIMessage:
            await anyio.sleep_forever()
            return AIMessage("never")

    monkeypatch.setattr(calls, "PATIENCE_S", 0.05)
    with pytest.raises(ConformanceError, match=r"status 401 \(on asyncio\): the call hangs, after 0.05 s"):
        suite(make_model=Hangs)["test_a_wrong_key_is_told[asyncio]"]()


def test_a_call_that_fails_is_told() -> None:
    def refusing(*given: Any, **keywords: Any) -> ChatModel:
        raise InternalServerError("nothing works")

    with pytest.raises(
        ConformanceError, match=r"streamed \(on asyncio\): the call failed, InternalServerError: nothing"
    ):
        suite(make_model=refusing)["test_a_call_gives_the_answer[streamed, asyncio]"]()
