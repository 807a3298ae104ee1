"""Chains: functions as runs, with the methods that models have."""

from __future__ import annotations

import functools
import gc
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import anyio
import anyio.lowlevel
import pytest

from tests.events.grammar import check_grammar
from tidewire import Chain, ConfigurationError, RunnableConfig, StopRun, chain, init_chat_model, open_run, subscribe
from tidewire.adapters.script import Reply
from tidewire.chat_models import ChatModel
from tidewire.events.bus import current_bus
from tidewire.events.chunks import AIMessageChunk
from tidewire.events.errors import RecursionLimitError
from tidewire.events.types import End, Event, Piece, Run, Start, Token


class Heard:
    """Hears runs, in the order in which they begin."""

    wants_tokens = False

    def __init__(self) -> None:
        self.events: dict[Run, list[Event]] = {}
        self.ended = anyio.Event()

    def __call__(self, run: Run, event: Event) -> None:
        self.events.setdefault(run, []).append(event)
        if isinstance(event, End) and run.parent_id is None:
            self.ended.set()

    def end_of(self, name: str) -> End:
        ((run, events),) = [(run, events) for run, events in self.events.items() if run.name == name]
        check_grammar(events, run.kind)
        end = events[-1]
        assert isinstance(end, End)
        return end


def demo(*replies: str | list[str]) -> ChatModel:
    return init_chat_model("embedded:demo", script=[Reply(reply) for reply in replies])


@chain
async def shout(text: str, *, mark: str = "!") -> str:
    """Shouts."""
    await anyio.lowlevel.checkpoint()
    return text.upper() + mark


def indirect(text: str) -> Awaitable[str]:
    made: Awaitable[str] = shout(text)
    return made


@chain
def shout_at_once(text: str) -> str:
    return text.upper()


@chain
async def letters(text: str) -> AsyncIterator[str]:
    for letter in text:
        await anyio.lowlevel.checkpoint()
        yield letter


@chain
def letters_at_once(text: str) -> Iterator[str]:
    yield from text


@chain
async def waits(text: str) -> str:
    await anyio.sleep_forever()
    return text


@pytest.mark.parametrize(
    ("made", "output", "pieces"),
    [
        (shout, "ABC!", ["ABC!"]),
        (shout_at_once, "ABC", ["ABC"]),
        (letters, "abc", ["a", "b", "c"]),
        (letters_at_once, "abc", ["a", "b", "c"]),
    ],
)
async def test_a_chain_has_the_methods_of_a_model(made: Chain[str, str, str], output: str, pieces: list[str]) -> None:
    heard = Heard()
    config: RunnableConfig = {"callbacks": heard, "tags": ["t"], "run_name": "named"}
    assert await made.ainvoke("abc", config) == output
    (run,) = heard.events
    assert (run.kind, run.name, run.tags) == ("chain", "named", ("t",))
    start = heard.events[run][0]
    assert isinstance(start, Start)
    assert start.input == "abc"
    assert (heard.end_of("named").outcome, heard.end_of("named").output) == ("ok", output)
    assert [piece async for piece in made.astream("abc")] == pieces
    async with made.astream("abc") as stream:
        assert await stream.result() == output
    assert await made.abatch(["abc", "abc"]) == [output, output]
    assert [item async for item in made.abatch_as_completed(["abc"])] == [(0, output)]
    events = [event async for event in made.aevents("abc")]
    check_grammar(events, "chain")
    assert [event.value for event in events if isinstance(event, Piece)] == pieces
    assert current_bus() is None


@pytest.mark.parametrize(
    ("made", "output", "pieces"),
    [
        (shout, "ABC!", ["ABC!"]),
        (shout_at_once, "ABC", ["ABC"]),
        (letters, "abc", ["a", "b", "c"]),
        (letters_at_once, "abc", ["a", "b", "c"]),
    ],
)
def test_a_chain_has_the_methods_of_a_model_in_sync_code(
    made: Chain[str, str, str], output: str, pieces: list[str]
) -> None:
    heard = Heard()
    assert made.invoke("abc", {"callbacks": heard}) == output
    assert heard.end_of(made.name).output == output
    assert list(made.stream("abc")) == pieces
    with made.stream("abc") as stream:
        assert next(stream) == pieces[0]
        assert stream.result() == output
    assert made.batch(["abc", "abc"]) == [output, output]
    assert list(made.batch_as_completed(["abc"])) == [(0, output)]


async def test_a_chain_can_still_be_called_as_its_function_which_is_no_run() -> None:
    heard = Heard()
    with subscribe(heard):
        assert await shout("a", mark="?") == "A?"
    assert not heard.events
    assert (shout.__name__, shout.__doc__, repr(shout)) == ("shout", "Shouts.", "Chain(shout)")


async def test_further_arguments_are_given_by_name_and_can_be_bound() -> None:
    assert await shout.ainvoke("a", mark="?") == "A?"
    questions = shout.bind(mark="?")
    assert await questions.ainvoke("a") == "A?"
    assert await questions.ainvoke("a", mark=".") == "A."
    assert await shout.ainvoke("a") == "A!"


async def test_with_config_gives_a_copy_whose_runs_start_from_it() -> None:
    heard = Heard()
    loud = shout.with_config({"tags": ["a"]}, run_name="loud", callbacks=heard)
    await loud.ainvoke("x", {"tags": ["b"]})
    await shout.ainvoke("x")
    (run,) = heard.events
    assert (run.name, run.tags) == ("loud", ("a", "b"))


async def test_calls_in_a_chain_are_runs_within_it_and_inherit() -> None:
    heard = Heard()
    model = demo("Hi")

    @chain
    async def outer(text: str) -> str:
        return await inner.ainvoke(text)

    @chain
    async def inner(text: str) -> str:
        return (await model.ainvoke(text, {"tags": ["m"], "metadata": {"m": 1}})).text

    config: RunnableConfig = {"callbacks": heard, "tags": ["t"], "metadata": {"o": 1}, "run_name": "named"}
    assert await outer.ainvoke("hello", config) == "Hi"
    first, second, third = heard.events
    assert [run.name for run in (first, second)] == ["named", "inner"]
    assert third.parent_ids == (first.id, second.id)
    assert third.tags == ("t", "m")
    assert {key: third.metadata[key] for key in ("o", "m")} == {"o": 1, "m": 1}


async def test_a_chain_in_a_worker_thread_has_its_calls_within_it() -> None:
    heard = Heard()
    model = demo("Hi")

    @chain
    def ask(text: str) -> str:
        return model.invoke(text).text

    assert await ask.ainvoke("hello", {"callbacks": heard}) == "Hi"
    outer, inner = heard.events
    assert inner.parent_id == outer.id


def test_a_sync_chain_is_invoked_in_the_callers_own_thread() -> None:
    @chain
    def where(_: str) -> int:
        return threading.get_ident()

    assert where.invoke("") == threading.get_ident()


def test_a_sync_function_that_gives_an_awaitable_is_awaited() -> None:
    assert chain(indirect).invoke("a") == "A!"


async def test_a_function_in_a_thread_that_gives_an_awaitable_is_awaited() -> None:
    assert await chain(indirect, name="other").ainvoke("a") == "A!"


async def test_the_config_is_given_to_a_function_that_takes_it() -> None:
    @chain
    async def show(_: str, config: RunnableConfig) -> RunnableConfig:
        return config

    given: RunnableConfig = {"tags": ["t"], "configurable": {"a": 1}, "run_name": "n"}
    assert await show.ainvoke("", given) == {"tags": ["t"], "configurable": {"a": 1}}
    assert await show.ainvoke("", config=given) == {"tags": ["t"], "configurable": {"a": 1}}


async def test_limits_and_configurable_values_are_inherited_and_the_name_is_not() -> None:
    @chain
    async def inner(_: str, config: RunnableConfig) -> RunnableConfig:
        return config

    @chain
    async def outer(text: str) -> list[RunnableConfig]:
        return [await inner.ainvoke(text), await inner.ainvoke(text, {"configurable": {"b": 2}})]

    config: RunnableConfig = {"configurable": {"a": 1}, "max_concurrency": 3, "recursion_limit": 7, "run_name": "n"}
    assert await outer.ainvoke("", config) == [
        {"configurable": {"a": 1}, "max_concurrency": 3, "recursion_limit": 7},
        {"configurable": {"a": 1, "b": 2}, "max_concurrency": 3, "recursion_limit": 7},
    ]
    assert await inner.ainvoke("") == {}


async def test_a_batch_keeps_to_the_concurrency_of_the_chain_or_of_the_run_around() -> None:
    running = most = full = 0
    filled = anyio.Event()

    @chain
    async def work(_: int) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        if running == full:
            filled.set()
        await filled.wait()
        running -= 1

    @chain
    async def many(count: int) -> None:
        await work.abatch(list(range(count)))

    full = 2
    await many.ainvoke(9, {"max_concurrency": 2})
    assert most == 2
    full, filled, most = 3, anyio.Event(), 0
    await work.with_config(max_concurrency=3).abatch(list(range(9)))
    assert most == 3


async def test_a_chain_that_calls_itself_without_end_is_stopped() -> None:
    @chain
    async def again(depth: int) -> int:
        return await again.ainvoke(depth + 1)

    with pytest.raises(RecursionLimitError, match="recursion_limit is 4"):
        await again.ainvoke(0, {"recursion_limit": 4})
    with pytest.raises(RecursionLimitError, match="recursion_limit is 25"):
        await again.ainvoke(0)


async def test_an_error_ends_the_run_with_it() -> None:
    heard = Heard()

    @chain
    async def fail(_: str) -> str:
        raise ValueError("mine")

    with pytest.raises(ValueError, match="mine"):
        await fail.ainvoke("", {"callbacks": heard})
    end = heard.end_of("fail")
    assert (end.outcome, str(end.error)) == ("error", "mine")


async def test_a_generator_that_fails_has_given_its_pieces_before() -> None:
    @chain
    async def fail(text: str) -> AsyncIterator[str]:
        yield text
        raise ValueError("mine")

    seen: list[str] = []
    with pytest.raises(ValueError, match="mine"):
        async for piece in fail.astream("a"):
            seen.append(piece)
    assert seen == ["a"]


async def test_a_cancelled_chain_ends_as_that() -> None:
    heard = Heard()
    with anyio.move_on_after(0.01):
        await waits.ainvoke("", {"callbacks": heard})
    assert heard.end_of("waits").outcome == "cancelled"


async def test_leaving_a_stream_closes_the_generator_within_its_run() -> None:
    heard = Heard()
    closed: list[Run | None] = []

    @chain
    async def endless(text: str) -> AsyncIterator[str]:
        try:
            while True:
                yield text
        finally:
            bus = current_bus()
            closed.append(None if bus is None else bus.run)

    async with endless.astream("a", {"callbacks": heard}) as stream:
        async for _ in stream:
            break
    assert heard.end_of("endless").outcome == "abandoned"
    assert closed == list(heard.events)
    assert current_bus() is None


def test_leaving_a_sync_stream_closes_the_generator() -> None:
    closed = threading.Event()

    @chain
    def endless(text: str) -> Iterator[str]:
        try:
            while True:
                yield text
        finally:
            closed.set()

    with endless.stream("a") as stream:
        assert next(stream) == "a"
    assert closed.is_set()


async def test_what_the_consumer_does_between_pieces_is_not_within_the_run() -> None:
    async for _ in letters.astream("ab"):
        assert current_bus() is None


async def test_pieces_that_are_neither_texts_nor_chunks_are_a_list() -> None:
    model = demo(["Hi", " there"])

    @chain
    async def count(number: int) -> AsyncIterator[int]:
        for step in range(number):
            yield step

    @chain
    async def say(text: str) -> AsyncIterator[AIMessageChunk]:
        async for chunk in model.astream(text):
            yield chunk

    assert await count.ainvoke(3) == [0, 1, 2]
    assert await count.ainvoke(0) == []
    whole = await say.ainvoke("hello")
    assert isinstance(whole, AIMessageChunk)
    assert whole.text == "Hi there"


async def test_an_invoke_in_a_chain_that_is_streamed_is_streamed() -> None:
    model = demo(["a", "b"], ["a", "b"])
    heard = Heard()

    @chain
    async def ask(text: str) -> str:
        return (await model.ainvoke(text)).text

    assert [piece async for piece in ask.astream("hello", {"callbacks": heard})] == ["ab"]
    tokens = [event for events in heard.events.values() for event in events if isinstance(event, Token)]
    assert [token.text for token in tokens] == ["a", "b"]
    heard.events.clear()
    assert await ask.ainvoke("hello", {"callbacks": heard}) == "ab"
    tokens = [event for events in heard.events.values() for event in events if isinstance(event, Token)]
    assert [token.text for token in tokens] == ["ab"]


async def test_a_subscriber_stops_a_chain_between_its_pieces() -> None:
    def stop(run: Run, event: Event) -> None:
        if isinstance(event, Piece) and event.value == "b":
            raise StopRun("enough")

    seen: list[str] = []
    with pytest.raises(StopRun):
        async for piece in letters.astream("abc", {"callbacks": stop}):
            seen.append(piece)
    assert seen == ["a", "b"]


async def test_a_subscriber_of_the_end_fails_a_chain_after_its_output() -> None:
    def fail(run: Run, event: Event) -> None:
        if isinstance(event, End):
            raise StopRun("late")

    with pytest.raises(StopRun):
        await shout.ainvoke("a", {"callbacks": fail})


async def test_a_stream_that_nobody_reads_never_begins() -> None:
    heard = Heard()
    stream = letters.astream("abc", {"callbacks": heard})
    await stream.aclose()
    gc.collect()
    assert not heard.events


async def test_a_partial_and_a_callable_object_are_functions_too() -> None:
    class Adder:
        def __init__(self, number: int) -> None:
            self.number = number

        async def __call__(self, given: int) -> int:
            return given + self.number

    def add(given: int, *, number: int) -> int:
        return given + number

    assert await chain(functools.partial(add, number=2)).ainvoke(1) == 3
    adder = chain(Adder(3))
    assert (adder.name, await adder.ainvoke(1)) == ("Adder", 4)


@pytest.mark.parametrize("wrong", [int, lambda: 1])
def test_what_is_no_function_of_one_argument_is_refused(wrong: Callable[..., int]) -> None:
    with pytest.raises(ConfigurationError):
        chain(wrong)


def test_a_misspelt_config_key_is_refused_by_its_nearest_name() -> None:
    with pytest.raises(ConfigurationError, match="did you mean 'tags'"):
        shout.invoke("a", {"tag": ["x"]})  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # that is the test
    with pytest.raises(ConfigurationError, match="did you mean 'tags'"):
        shout.with_config(tag=["x"])
    with pytest.raises(ConfigurationError, match="run_id must be a UUID"):
        shout.invoke("a", {"run_id": "abc"})


async def test_a_chain_in_a_block_is_a_run_within_it() -> None:
    heard = Heard()
    with subscribe(heard):
        async with open_run("block") as run:
            await shout.ainvoke("a")
    assert [one.parent_id for one in heard.events] == [None, run.run.id]
