"""A lot of calls at once, some of which fail, and what they leave in memory."""

from __future__ import annotations

import gc
import random
import tracemalloc
from collections import Counter
from typing import Any

from tests.events.grammar import check_grammar
from tests.lifetime.scene import PATIENCE_S, transport
from tests.runtime.test_call import GOOD
from tidewire import ChatOpenAI, RetryPolicy, aclose, init_chat_model, subscribe
from tidewire.adapters.replay_transport import ReplayTransport
from tidewire.adapters.script import Fail, Reply, Turn
from tidewire.adapters.sim_request import SimRequest
from tidewire.adapters.simulator import Simulator
from tidewire.events.errors import TidewireError
from tidewire.events.messages import AIMessage
from tidewire.events.types import Event, Run

FAULTS = 0.1


class _Server:
    """What the server says: the prompt, or in a tenth of the cases something that fails."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)

    def __call__(self, request: SimRequest) -> Turn:
        reply = Reply([f"<{request.messages[-1].text}>", " and", " more"])
        if self._chance.random() >= FAULTS:
            return reply
        return self._chance.choice(
            [
                Fail(status=500),
                Fail(status=503),
                Fail(kind="reset_before_head"),
                Fail(kind="reset", after_tokens=1, reply=reply),
                Fail(kind="cut", after_tokens=2, reply=reply),
                Fail(kind="error", status=503, after_tokens=0, reply=reply),
                Fail(kind="bad_json", after_tokens=1, reply=reply),
            ]
        )


async def load_server(calls: int, client: str, seed: int) -> Counter[str]:
    """Make so many calls at once over loopback; gives how often they ended in which way.

    Raises:
        AssertionError: A call has no result and no error, or another one's, or something is left open.
    """
    runs: dict[Run, list[Event]] = {}

    def hear(run: Run, event: Event) -> None:
        runs.setdefault(run, []).append(event)

    prompts = [f"call {number}" for number in range(calls)]
    with Simulator(script=_Server(seed)) as simulator:
        policy = RetryPolicy(max_retries=1, initial_s=0.01)
        model = ChatOpenAI(
            "demo", base_url=simulator.openai_url, api_key="any", transport=transport(client), retry=policy
        )
        with subscribe(hear):
            config: Any = {"max_concurrency": calls}
            results = await model.abatch(prompts, config, return_exceptions=True)
        assert len(results) == calls
        assert len(runs) == calls
        for run, events in runs.items():
            check_grammar(events, run.kind)
        outcomes: Counter[str] = Counter()
        for prompt, result in zip(prompts, results, strict=True):
            outcomes[_outcome(prompt, result)] += 1
        await simulator.await_idle(PATIENCE_S)
        await aclose()
        await simulator.await_until(lambda seen: seen.open_connections == 0, PATIENCE_S)
    return outcomes


def _outcome(prompt: str, result: AIMessage | Exception) -> str:
    whole = f"<{prompt}> and more"
    if isinstance(result, AIMessage):
        assert result.text == whole, f"{prompt} was answered {result.text!r}"
        return "answered"
    assert isinstance(result, TidewireError), f"{prompt} failed with {result!r}"
    partial = result.partial
    assert partial is None or (isinstance(partial, AIMessage) and whole.startswith(partial.text))
    return "failed"


async def memory_of(calls: int) -> int:
    """The bytes that so many calls, one after the other, leave behind."""
    model = init_chat_model("openai:m", api_key="k", transport=_Forgetful(GOOD), streaming=True)

    async def ask(count: int) -> None:
        for _ in range(count):
            await model.ainvoke("hi")

    await ask(50)  # what is made once and kept
    gc.collect()
    tracemalloc.start()
    try:
        await ask(10)
        gc.collect()
        before = tracemalloc.get_traced_memory()[0]
        await ask(calls)
        gc.collect()
        return tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()


class _Forgetful(ReplayTransport):
    """Keeps no requests."""

    def __init__(self, body: bytes) -> None:
        super().__init__(body)
        self.requests = _Nothing()


class _Nothing(list[Any]):
    def append(self, _: object, /) -> None:
        pass


__all__ = ["load_server", "memory_of"]
