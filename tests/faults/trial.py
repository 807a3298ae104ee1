"""Tries one fault on one wire, and looks at all that comes out: error, partial answer, requests, events, sockets."""

from __future__ import annotations

import contextlib
import os
import socket
import stat
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import anyio

from tests.adapters.raw_server import PATIENCE_S, Peer, RawServer
from tests.events.grammar import check_grammar
from tests.faults.fault import Act, Case, Expected, Fault, Reply
from tests.faults.wires import KEY
from tidewire import RetryPolicy, init_chat_model
from tidewire.adapters.aiohttp_transport import AiohttpTransport
from tidewire.adapters.host import aclose_all
from tidewire.adapters.httpx_transport import HttpxTransport
from tidewire.adapters.replay_transport import Cuts, Exchange, ReplayTransport
from tidewire.adapters.spec import Transport
from tidewire.adapters.transport_settings import TransportSettings
from tidewire.chat_models import ChatModel
from tidewire.events.errors import TidewireError
from tidewire.events.messages import AIMessage
from tidewire.events.types import CONTENT, End, Event, Run, Token

#: The HTTP clients, each with the event loop that it runs on here.
CARRIERS: dict[str, tuple[str, Callable[[TransportSettings], Transport]]] = {
    "aiohttp": ("asyncio", AiohttpTransport),
    "httpx": ("asyncio", HttpxTransport),
    "httpx on trio": ("trio", HttpxTransport),
}
#: Waits take no time: what is tested is what happens, not when.
AT_ONCE = RetryPolicy(random=lambda: 0.0)


@dataclass
class Seen:
    """What a call gave."""

    message: AIMessage | None = None
    error: BaseException | None = None
    events: list[Event] = field(default_factory=list[Event])
    chunks: list[str] = field(default_factory=list[str])
    last_chunks: int = 0
    requests: int | None = None

    def __call__(self, run: Run, event: Event) -> None:
        self.events.append(event)


async def call(model: ChatModel, streamed: bool, prompt: str = "When is the tide?") -> Seen:
    """Make one call and see what it gives."""
    seen = Seen()
    try:
        if not streamed:
            seen.message = await model.ainvoke(prompt, {"callbacks": [seen]})
            return seen
        total = None
        async for piece in model.astream(prompt, {"callbacks": [seen]}):
            seen.chunks.append(piece.text)
            seen.last_chunks += piece.chunk_position == "last"
            total = piece if total is None else total + piece
        seen.message = total
    except Exception as error:  # noqa: BLE001 - whatever comes out is what is looked at
        seen.error = error
    return seen


def check(seen: Seen, expected: Expected, case: Case) -> None:
    """Fail unless all is as it must be."""
    error = seen.error
    if error is not None:
        assert isinstance(error, TidewireError), f"another's error came out: {error!r}"
    kinds = expected.error if isinstance(expected.error, tuple) else (expected.error,)
    if expected.error is None:
        assert error is None, f"raised {error!r}"
        assert seen.message is not None
        assert seen.message.text == expected.text
        if expected.look is not None:
            expected.look(seen.message)
    else:
        assert error is not None, f"gave {seen.message!r} instead of an error"
        assert type(error) in kinds, f"raised {error!r}"
    if seen.requests is not None:
        assert seen.requests == expected.requests, f"{seen.requests} requests, the last: {error!r}"
    _check_events(seen, expected)
    if error is not None:
        _check_error(error, expected, case)


def _check_events(seen: Seen, expected: Expected) -> None:
    check_grammar(seen.events)
    end = seen.events[-1]
    assert isinstance(end, End)
    assert end.outcome == ("ok" if expected.error is None else "error")
    assert end.error is seen.error
    assert (end.output.text if end.output is not None else "") == expected.text
    said = [event for event in seen.events if type(event) in CONTENT]
    assert "".join(event.text for event in said if isinstance(event, Token)) == expected.text
    if seen.chunks:
        assert "".join(seen.chunks) == expected.text
    assert seen.last_chunks == (1 if expected.error is None and seen.chunks else 0)


def _check_error(error: TidewireError, expected: Expected, case: Case) -> None:
    if expected.text:
        assert error.partial is not None, "the partial answer is lost"
        assert error.partial.text == expected.text
    else:
        assert error.partial is None or not error.partial.text
    assert error.attempts == expected.requests, f"{error.attempts} attempts: {error!r}"
    assert error.provider == case.wire.model.partition(":")[0]
    assert error.model == "m"
    for name, value in expected.says.items():
        assert getattr(error, name) == value, f"{name} is {getattr(error, name)!r}, not {value!r}, of {error!r}"
    told = [str(error), repr(error), *getattr(error, "__notes__", []), repr(vars(error))]
    assert not any(KEY in text for text in told), "the key is told"
    assert len(str(error)) <= 2000
    assert str(error).isprintable(), "it holds characters that deceive the reader"


def model_for(case: Case, url: str, transport: Transport, fault: Fault) -> ChatModel:
    """The model under test."""
    settings: dict[str, Any] = {"retry": AT_ONCE, **case.wire.parameters, **fault.settings}
    return init_chat_model(
        case.wire.model,
        base_url=url + case.wire.base,
        transport=transport,
        streaming=case.streamed,
        **settings,
    )


# ---------------------------------------------------------------- on recorded bytes


async def try_on_replay(fault: Fault, case: Case, cuts: Cuts) -> None:
    """Try a fault that concerns the bytes alone, without a network."""
    exchanges: list[Exchange] = []
    for reply in fault.answers(case):
        assert isinstance(reply, Reply)
        exchanges.append(Exchange(body=reply.body, status=reply.status, headers=reply.all_headers(case), cuts=cuts))
    transport = ReplayTransport([*exchanges, *exchanges[-1:] * 5])
    model = model_for(case, "http://replay.invalid", transport, fault)
    seen = await call(model, case.streamed)
    seen.requests = len(transport.requests)
    check(seen, fault.expected(case), case)
    assert transport.open_responses == 0, "a response is left open"


# ---------------------------------------------------------------- on the network


class Server:
    """Gives each request the next of some answers, and the last one to all that come after."""

    def __init__(self, answers: Sequence[Sequence[Act]]) -> None:
        self._answers = answers
        self._lock = threading.Lock()
        self._given = 0
        self.requests: list[bytes] = []

    def __call__(self, peer: Peer) -> None:
        while request := peer.read_request():
            with self._lock:
                answer = self._answers[min(self._given, len(self._answers) - 1)]
                self._given += 1
                self.requests.append(request)
            for act in answer:
                if isinstance(act, bytes):
                    peer.send(act)
                else:
                    act(peer)


async def try_on_network(fault: Fault, case: Case, carrier: str) -> None:
    """Try a fault on a server of ours, with one of the clients."""
    replies = fault.answers(case)
    answers = [reply.acts(case) if isinstance(reply, Reply) else reply for reply in replies]
    server = Server(answers)
    transport = CARRIERS[carrier][1](TransportSettings(trust_env=False))
    with RawServer(server) as raw:
        model = model_for(case, raw.url, transport, fault)
        for _ in range(fault.calls - 1):
            await call(model, case.streamed)
        server.requests.clear()
        seen = await call(model, case.streamed)
        seen.requests = None if fault.uncounted else len(server.requests)
        check(seen, fault.expected(case), case)
        # A connection whose answer was read to its end goes back to the pool.
        is_whole = all(isinstance(reply, Reply) for reply in replies)
        if seen.error is not None and seen.chunks and not is_whole:
            assert await gone(raw.port), "the connection of a broken answer is left open"
        await aclose_all()
        assert await gone(raw.port), "a connection is left open"


async def gone(port: int) -> bool:
    """Whether this process soon has no connection to a port."""
    with anyio.move_on_after(PATIENCE_S):
        # A descriptor disappears without telling anybody.
        while _sockets_to(port):  # noqa: ASYNC110 - nothing tells of it
            await anyio.sleep(0.002)
        return True
    return False


def _sockets_to(port: int) -> int:
    count = 0
    for name in os.listdir("/dev/fd"):
        # Others come and go meanwhile, and not each is connected.
        with contextlib.suppress(OSError):
            if stat.S_ISSOCK(os.fstat(int(name)).st_mode):
                with socket.socket(fileno=os.dup(int(name))) as twin:
                    count += twin.family == socket.AF_INET and twin.getpeername()[1] == port
    return count


__all__ = [
    "AT_ONCE",
    "CARRIERS",
    "Seen",
    "Server",
    "call",
    "check",
    "gone",
    "model_for",
    "try_on_network",
    "try_on_replay",
]
