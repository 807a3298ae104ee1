"""Batches: lazily read, bounded, in order or as completed, stopped as a whole."""

from __future__ import annotations

import gc
from collections.abc import AsyncIterator, Iterator

import anyio
import anyio.lowlevel
import pytest

from tidewire import init_chat_model
from tidewire.adapters.script import Fail, Reply
from tidewire.adapters.sim_request import SimRequest
from tidewire.batch import as_completed, run_batch
from tidewire.chat_models import ChatModel
from tidewire.config import RunnableConfig
from tidewire.events.bus import subscribe
from tidewire.events.errors import BadRequestError, ConfigurationError
from tidewire.events.types import End, Event, Run, Start


def echo(request: SimRequest) -> Reply | Fail:
    text = request.messages[-1].text
    return Fail(status=400, message="no") if text == "bad" else Reply(f"echo {text}")


def echoing() -> ChatModel:
    return init_chat_model("embedded:demo", script=echo, max_retries=0)


class Gauge:
    """A thing to call that knows how many calls of it run, and how many ran at once at most.

    Args:
        full: No call returns before that many ran at once.
    """

    def __init__(self, full: int = 0) -> None:
        self.started = self.running = self.most = 0
        self.idle = anyio.Event()
        self._full = full
        self._filled = anyio.Event()

    async def __call__(self, item: int, config: RunnableConfig) -> int:
        self.started += 1
        self.running += 1
        self.most = max(self.most, self.running)
        if self.most >= self._full:
            self._filled.set()
        try:
            await self._filled.wait()
            await anyio.sleep(0.001 * (item % 3))
        finally:
            self.running -= 1
            if not self.running:
                self.idle.set()
                self.idle = anyio.Event()
        return item * 2


async def test_results_are_in_the_order_of_the_inputs() -> None:
    assert await run_batch(Gauge(), range(50), {"max_concurrency": 7}) == [2 * item for item in range(50)]
    answers = await echoing().abatch(["a", "b", "c"])
    assert [answer.text for answer in answers] == ["echo a", "echo b", "echo c"]


async def test_no_inputs_give_no_results() -> None:
    assert await run_batch(Gauge(), (), None) == []
    assert [result async for result in as_completed(Gauge(), (), None)] == []


@pytest.mark.parametrize("limit", [1, 3, 10])
async def test_at_most_max_concurrency_run_at_once(limit: int) -> None:
    gauge = Gauge(full=limit)
    await run_batch(gauge, range(40), {"max_concurrency": limit})
    assert (gauge.started, gauge.most) == (40, limit)
    gauge = Gauge(full=limit)
    assert len([result async for result in as_completed(gauge, range(40), {"max_concurrency": limit})]) == 40
    assert gauge.most == limit


def answer(_: SimRequest) -> Reply:
    return Reply("answer")


@pytest.mark.parametrize(
    "model",
    [
        init_chat_model("embedded:demo", script=answer).with_config(max_concurrency=2),
        init_chat_model("embedded:demo", script=answer).with_config(max_concurrency=2).bind(seed=1),
        init_chat_model(script=answer, model_provider="embedded").with_config(
            {"max_concurrency": 2, "configurable": {"model": "demo"}}
        ),
    ],
    ids=["a model", "a copy of it", "a configurable model"],
)
async def test_what_a_model_starts_from_bounds_its_batches(model: ChatModel) -> None:
    running = 0
    most = list[int]()

    def count(_: Run, event: Event) -> None:
        nonlocal running
        if isinstance(event, Start):
            running += 1
            most.append(running)
        elif isinstance(event, End):
            running -= 1

    with subscribe(count):
        assert len(await model.abatch(["x"] * 9)) == 9
        assert max(most) == 2
        most.clear()
        assert len([result async for result in model.abatch_as_completed(["x"] * 9, {"tags": ["t"]})]) == 9
        assert max(most) == 2
        most.clear()
        assert len(await model.abatch(["x"] * 9, {"max_concurrency": 4})) == 9
        assert 2 < max(most) <= 4


async def test_the_default_limit_is_64() -> None:
    gauge = Gauge(full=64)
    await run_batch(gauge, [2] * 200, None)
    assert gauge.most == 64


async def test_inputs_are_read_as_calls_begin() -> None:
    taken = 0

    def endless() -> Iterator[int]:
        nonlocal taken
        while True:
            taken += 1
            yield taken

    async with as_completed(Gauge(), endless(), {"max_concurrency": 4}) as results:
        seen = 0
        async for _ in results:
            seen += 1
            if seen == 20:
                break
    # Four run, four wait to be read, and each worker may hold one more.
    assert taken <= 20 + 3 * 4


async def test_async_inputs_are_read_too() -> None:
    async def numbers() -> AsyncIterator[int]:
        for number in range(10):
            await anyio.lowlevel.checkpoint()
            yield number

    assert await run_batch(Gauge(), numbers(), {"max_concurrency": 3}) == [2 * number for number in range(10)]


async def test_as_completed_names_the_place_of_each_result() -> None:
    results = [result async for result in as_completed(Gauge(), range(30), {"max_concurrency": 5})]
    assert sorted(results) == [(place, 2 * place) for place in range(30)]


async def test_the_first_error_is_raised_as_itself_and_stops_the_rest() -> None:
    model = echoing()
    heard: list[str] = []

    def hear(run: Run, event: Event) -> None:
        if isinstance(event, Start | End):
            heard.append(type(event).__name__)

    with subscribe(hear):
        with pytest.raises(BadRequestError):
            await model.abatch(["bad", *["good"] * 100], {"max_concurrency": 2})
        assert heard.count("Start") == heard.count("End") <= 6
        with pytest.raises(BadRequestError):
            async for _ in model.abatch_as_completed(["bad", *["good"] * 100], {"max_concurrency": 2}):
                pass
    assert heard.count("Start") == heard.count("End") <= 12


async def test_errors_stand_in_place_of_results_when_asked_for() -> None:
    answers = await echoing().abatch(["a", "bad", "c"], return_exceptions=True)
    assert isinstance(answers[1], BadRequestError)
    assert [answer.text for answer in answers if not isinstance(answer, Exception)] == ["echo a", "echo c"]
    completed = echoing().abatch_as_completed(["a", "bad"], return_exceptions=True)
    results = {place: result async for place, result in completed}
    assert isinstance(results[1], BadRequestError)


async def test_leaving_the_block_stops_what_runs_and_starts_nothing_more() -> None:
    gauge = Gauge()
    async with as_completed(gauge, range(1000), {"max_concurrency": 5}) as results:
        async for _ in results:
            break
    assert gauge.running == 0
    assert gauge.started <= 15


async def test_a_break_stops_the_rest_once_nothing_refers_to_the_iterator() -> None:
    gauge = Gauge()
    if _on_trio():
        with pytest.warns(ResourceWarning, match="was garbage collected"):
            await _break_early(gauge)
    else:
        await _break_early(gauge)
    assert gauge.started <= 20


async def _break_early(gauge: Gauge) -> None:
    async for _ in as_completed(gauge, range(1000), {"max_concurrency": 5}):
        break
    gc.collect()
    with anyio.fail_after(20):
        while gauge.running:
            await gauge.idle.wait()


def _on_trio() -> bool:
    return "trio" in repr(anyio.get_cancelled_exc_class())


async def test_cancelling_the_caller_stops_everything() -> None:
    gauge = Gauge()
    with anyio.move_on_after(0.01):
        await run_batch(gauge, iter(int, 1), {"max_concurrency": 5})
    assert gauge.running == 0


async def test_a_config_for_each_input_is_used_for_it() -> None:
    names: dict[str, str] = {}

    def hear(run: Run, event: Event) -> None:
        if isinstance(event, Start):
            names[event.input[0].text] = run.name

    await echoing().abatch(
        ["a", "b"], [{"run_name": "first", "callbacks": hear}, {"run_name": "second", "callbacks": hear}]
    )
    assert names == {"a": "first", "b": "second"}


async def test_configs_that_do_not_fit_the_inputs_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="config is a list of 1"):
        await run_batch(Gauge(), [1, 2], [{}])
    with pytest.raises(ConfigurationError, match="takes an iterable"):
        await run_batch(Gauge(), 3, None)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # that is the test


async def test_sync_callers_may_stand_in_a_loop_of_any_kind() -> None:
    model = init_chat_model("embedded:demo", script=["one", "two"])
    assert [message.text for message in model.batch(["a", "b"], {"max_concurrency": 1})] == ["one", "two"]
    assert {place for place, _ in model.batch_as_completed(["a", "b"])} == {0, 1}


async def test_a_text_is_no_list_of_inputs() -> None:
    with pytest.raises(ConfigurationError, match="not a single text"):
        await echoing().abatch("abc")
    with pytest.raises(ConfigurationError, match="not a single text"):
        async for _ in echoing().abatch_as_completed("abc"):
            pass
