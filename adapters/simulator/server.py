"""The loopback server: takes requests in the providers' formats, sends what the brain decides, and keeps count.

It runs in a thread with an event loop of its own, so that tests on any loop, or on none, can use it. aiohttp reads the
requests; the bytes of replies are written by hand, because a fault may break any of them.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Callable, Coroutine, Generator, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import count
from types import TracebackType
from typing import Any, Literal, Self

import anyio.to_thread
import msgspec
from aiohttp import web

from tidewire.adapters.brain import Brain
from tidewire.adapters.schema_check import is_object
from tidewire.adapters.script import Fail, Pace, Script
from tidewire.adapters.sim_request import SimRequest
from tidewire.adapters.simulator.anthropic import AnthropicApi
from tidewire.adapters.simulator.api import Api, HttpReply
from tidewire.adapters.simulator.faults import FAULT_HEADER, Act, Close, Hang, Reset, Send, fault_of_header, transmit
from tidewire.adapters.simulator.openai_chat import OpenAIChatApi
from tidewire.events.blocks import JSON
from tidewire.events.errors import ConfigurationError
from tidewire.events.types import Block

#: The formats that are spoken. The first that recognises a client answers it on paths that belong to none.
APIS: tuple[Api, ...] = (AnthropicApi(), OpenAIChatApi())
#: The models that are listed; any name is answered unless told otherwise.
MODELS = ("demo", "demo-reasoning")
#: Largest request, in bytes: the limit of Anthropic's API.
REQUEST_LIMIT = 32 * 1024 * 1024

Outcome = Literal["open", "sent", "disconnected", "broken"]


class Recorded(msgspec.Struct):
    """A request that was received.

    Attributes:
        method: Its method.
        path: Its path.
        headers: Its headers, names in lower case.
        body: Its JSON; None if it has none.
        outcome: ``open`` while it is answered; then ``sent``, ``disconnected`` if the client left before the end, or
            ``broken`` if a fault ended the connection.
    """

    method: str
    path: str
    headers: dict[str, str]
    body: JSON
    outcome: Outcome = "open"


class Simulator:
    """A server of simulated providers; a context manager that runs it.

    Args:
        script: What it says; see :mod:`tidewire.adapters.script`. Without one, answers follow from the request's shape.
        pace: How fast it speaks.
        api_key: The key that requests must carry; without one, keys are not looked at.
        models: The models there are; others are refused with 404. Without it every name is taken.
        host: The address to listen on.
        port: The port; 0 takes a free one.
        keep: How many requests ``requests`` holds; older ones are forgotten.

    Raises:
        ConfigurationError: The port is taken.
    """

    def __init__(
        self,
        *,
        script: Script = (),
        pace: Pace | None = None,
        api_key: str | None = None,
        models: Sequence[str] | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        keep: int = 10_000,
    ) -> None:
        self._brain = Brain(script, pace)
        self._api_key = api_key
        self._models = models
        self._host = host
        self._port = port
        self._requests: deque[Recorded] = deque(maxlen=keep)
        self._numbers = count(1)
        self._changed = threading.Condition()
        self._streams = 0
        self._connections: set[asyncio.BaseTransport] = set()
        self._error: Exception | None = None
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._listening: socket.socket | None = None
        self._runner: web.ServerRunner | None = None

    # --- what a test looks at ---

    @property
    def url(self) -> str:
        """Where it listens, such as ``http://127.0.0.1:40123``; also the base URL of Anthropic's format."""
        return f"http://{self._host}:{self._port}"

    @property
    def openai_url(self) -> str:
        """The base URL of OpenAI's format."""
        return f"{self.url}/v1"

    @property
    def anthropic_url(self) -> str:
        """The base URL of Anthropic's format."""
        return self.url

    @property
    def requests(self) -> list[Recorded]:
        """The requests so far, in the order they came."""
        with self._changed:
            return list(self._requests)

    @property
    def open_streams(self) -> int:
        """How many requests are being answered."""
        with self._changed:
            return self._streams

    @property
    def open_connections(self) -> int:
        """How many connections are open, idle ones included."""
        with self._changed:
            return len(self._connections)

    def wait_until(self, condition: Callable[[Simulator], bool], timeout_s: float = 5.0) -> None:
        """Wait until something holds; it is looked at whenever a request or connection comes or goes.

        Raises:
            TimeoutError: It does not hold in time; says how many streams and connections are open.
        """
        with self._changed:  # a condition's lock may be taken again by its owner, as the properties do
            if not self._changed.wait_for(lambda: condition(self), timeout_s):
                streams, connections = self._streams, len(self._connections)
                raise TimeoutError(f"not within {timeout_s} s: {streams} streams, {connections} connections are open")

    def wait_idle(self, timeout_s: float = 5.0) -> None:
        """Wait until no request is being answered: each reply was sent, or its client is gone.

        Raises:
            TimeoutError: Some still are.
        """
        self.wait_until(lambda sim: sim.open_streams == 0, timeout_s)

    async def await_idle(self, timeout_s: float = 5.0) -> None:
        """:meth:`wait_idle` without blocking the event loop."""
        await anyio.to_thread.run_sync(self.wait_idle, timeout_s)

    async def await_until(self, condition: Callable[[Simulator], bool], timeout_s: float = 5.0) -> None:
        """:meth:`wait_until` without blocking the event loop."""
        await anyio.to_thread.run_sync(self.wait_until, condition, timeout_s)

    # --- its life ---

    def start(self) -> Self:
        """Listen; requests are answered when it returns."""
        self._listening = _listen(self._host, self._port)
        self._port = int(self._listening.getsockname()[1])
        ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve(ready)), name="simulator", daemon=True)
        self._thread.start()
        ready.wait()
        return self

    def stop(self) -> None:
        """Close all connections and end the thread. Safe to call twice.

        Raises:
            Exception: What a function given as a script raised.
        """
        thread, self._thread = self._thread, None
        if thread is not None and self._loop is not None and self._stop is not None:
            self._loop.call_soon_threadsafe(self._stop.set)
            thread.join()
        error, self._error = self._error, None
        if error is not None:
            raise error

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is not None:
            self._error = None  # the block's own error comes first
        self.stop()

    @contextmanager
    def refusing(self) -> Generator[None]:
        """While the block runs, new connections are refused; open ones live on."""
        self._do(self._stop_listening())
        try:
            yield
        finally:
            self._do(self._listen_again())

    def drop_connections(self) -> None:
        """Reset every open connection, idle ones in the clients' pools too."""

        async def drop() -> None:
            for transport in list(self._connections):
                _reset(transport)

        self._do(drop())

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        assert self._loop is not None, "the simulator is not running"
        asyncio.run_coroutine_threadsafe(work, self._loop).result()

    # --- in its thread ---

    async def _serve(self, ready: threading.Event) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        self._runner = web.ServerRunner(_CountingServer(self), shutdown_timeout=0.01)
        try:
            await self._runner.setup()
            await self._listen_again()
            ready.set()
            await self._stop.wait()
        finally:
            ready.set()
            for transport in list(self._connections):
                _reset(transport)
            await self._runner.cleanup()

    async def _stop_listening(self) -> None:
        assert self._runner is not None
        for site in self._runner.sites:
            await site.stop()
        self._listening = None

    async def _listen_again(self) -> None:
        assert self._runner is not None
        listening, self._listening = self._listening or _listen(self._host, self._port), None
        await web.SockSite(self._runner, listening, backlog=1024).start()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client has connected; called by the server."""
        with self._changed:
            self._connections.add(transport)
            self._changed.notify_all()

    def connection_lost(self, transport: asyncio.BaseTransport) -> None:
        """A connection is closed; called by the server."""
        with self._changed:
            self._connections.discard(transport)
            self._changed.notify_all()

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request; called by the server."""
        recorded = Recorded(
            request.method, request.path, {name.lower(): value for name, value in request.headers.items()}, None
        )
        with self._changed:
            self._requests.append(recorded)
            self._streams += 1
            self._changed.notify_all()
        try:
            api, reply, fail = self._decide(recorded, await _body_of(request))
            kept = await _send(request, transmit(reply, fail, api))
            recorded.outcome = "sent" if kept else "broken"
            return _Written(keep=kept and request.keep_alive and request.content.at_eof())
        except ConnectionError:  # the client left while something was written
            return _Written(keep=False)
        finally:
            with self._changed:
                if recorded.outcome == "open":
                    recorded.outcome = "disconnected"
                self._streams -= 1
                self._changed.notify_all()

    def _decide(self, recorded: Recorded, body: bytes | None) -> tuple[Api, HttpReply, Fail | None]:
        headers = recorded.headers
        recorded.body = _json(body or b"")
        api = next((api for api in APIS if recorded.path in api.paths), None)
        request_id = f"req_{next(self._numbers):06}_{int(time.time())}"
        if api is None or recorded.method != "POST":
            other = next(api for api in APIS if api.recognises(headers))
            if recorded.method == "GET" and recorded.path == "/v1/models":
                return other, other.models(self._models or MODELS, request_id), None
            wrong = Fail(status=404, message=f"there is no {recorded.method} {recorded.path}")
            return other, other.refuse(wrong, request_id), None
        asked = self._read(api, recorded) if body is not None else Fail(status=413, message="the request is too large")
        if isinstance(asked, Fail):
            return api, api.refuse(asked, request_id), None
        try:
            plan = self._brain.answer(asked)
            fail = fault_of_header(headers[FAULT_HEADER]) if FAULT_HEADER in headers else plan.fail
        except Exception as error:  # noqa: BLE001  # of the script: told to the client now and to the test at the end
            self._error = error
            return api, api.refuse(Fail(status=500, message=f"the script failed: {error!r}"), request_id), None
        foreign = [event.block.get("type") for step in plan.steps for event in step.events if isinstance(event, Block)]
        if foreign:
            fail = Fail(status=501, message=f"{api.name} is not simulated with blocks of type {foreign[0]}")
        if fail is not None and fail.kind == "status":
            return api, api.refuse(fail, request_id), fail
        return api, api.spell(asked, plan, request_id), fail

    def _read(self, api: Api, recorded: Recorded) -> SimRequest | Fail:
        """The request, if its key, its form and its model are as they should be."""
        if self._api_key is not None and api.key_of(recorded.headers) != self._api_key:
            return Fail(status=401, message="the API key is missing or wrong")
        if not is_object(recorded.body):
            return Fail(status=400, message="the body is not a JSON object")
        asked = api.read(recorded.headers, recorded.body)
        if isinstance(asked, SimRequest) and self._models is not None and asked.model not in self._models:
            return Fail(status=404, message=f"the model {asked.model!r} does not exist")
        return asked


class _CountingServer(web.Server):
    """aiohttp's server, which tells of connections that come and go."""

    def __init__(self, simulator: Simulator) -> None:
        loop = asyncio.get_running_loop()
        super().__init__(
            simulator.answer,
            request_factory=partial(web.BaseRequest, loop=loop, client_max_size=REQUEST_LIMIT),
            # A handler is cancelled when its client leaves, whatever it waits for: so leaving is noticed at once.
            handler_cancellation=True,
            access_log=None,
        )
        self._simulator = simulator
        self._transports: dict[web.RequestHandler, asyncio.BaseTransport] = {}

    def connection_made(self, handler: web.RequestHandler, transport: asyncio.Transport) -> None:
        super().connection_made(handler, transport)
        self._transports[handler] = transport
        self._simulator.connection_made(transport)

    def connection_lost(self, handler: web.RequestHandler, exc: BaseException | None = None) -> None:
        super().connection_lost(handler, exc)
        self._simulator.connection_lost(self._transports.pop(handler))


class _Written(web.StreamResponse):
    """A response whose bytes are already on the wire."""

    def __init__(self, *, keep: bool) -> None:
        super().__init__()
        self._keep = keep

    @property
    def keep_alive(self) -> bool:
        return self._keep

    async def prepare(self, request: web.BaseRequest) -> None:
        return None

    async def write_eof(self, data: bytes = b"") -> None:
        return None


async def _body_of(request: web.BaseRequest) -> bytes | None:
    """The request's body; None if it is larger than the limit."""
    try:
        return await request.read()
    except web.HTTPRequestEntityTooLarge:
        return None


async def _send(request: web.BaseRequest, acts: Iterator[Act]) -> bool:
    """Send a reply; whether the connection lives on. Cancelled when the client leaves."""
    loop = asyncio.get_running_loop()
    transport = request.transport
    assert transport is not None
    due = loop.time()
    for act in acts:
        match act:
            case Send():
                due += act.delay_s
                # Also without a wait the loop turns, so that one long reply holds up no other.
                await asyncio.sleep(max(0.0, due - loop.time()) if act.delay_s else 0.0)
                if transport.is_closing():
                    raise ConnectionResetError
                transport.write(act.data)
                await request.writer.drain()
            case Hang():
                await asyncio.Event().wait()
            case Close():
                transport.close()
                return False
            case Reset():
                transport.set_write_buffer_limits(high=0)
                await request.writer.drain()  # what was sent before shall arrive
                _reset(transport)
                return False
    return True


def _reset(transport: asyncio.BaseTransport) -> None:
    """Close a connection so that the other side gets a reset."""
    assert isinstance(transport, asyncio.Transport)
    connection = transport.get_extra_info("socket")
    if not transport.is_closing():
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


def _listen(host: str, port: int) -> socket.socket:
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        raise ConfigurationError(f"cannot listen on {host}:{port}: {error.strerror}") from error
    return listening


def _json(body: bytes) -> JSON:
    try:
        return msgspec.json.decode(body) if body else None
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def simulate(
    script: Script = (),
    *,
    pace: Pace | None = None,
    api_key: str | None = None,
    models: Sequence[str] | None = None,
    port: int = 0,
) -> Simulator:
    """A :class:`Simulator` for a ``with`` block: ``with simulate(script) as sim: …``."""
    return Simulator(script=script, pace=pace, api_key=api_key, models=models, port=port)


def run(
    *,
    host: str = "127.0.0.1",
    port: int = 8080,
    pace: Pace | None = None,
    api_key: str | None = None,
    on_ready: Callable[[Simulator], None] = lambda simulator: None,
) -> None:
    """Run a simulator until the program is interrupted.

    Args:
        host: The address to listen on.
        port: The port; 0 takes a free one.
        pace: How fast it speaks.
        api_key: The key that requests must carry.
        on_ready: Called once it listens, as to print its ``url``.

    Raises:
        ConfigurationError: The port is taken.
    """
    with Simulator(host=host, port=port, pace=pace, api_key=api_key) as simulator:
        on_ready(simulator)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            return


__all__ = ["APIS", "MODELS", "Recorded", "Simulator", "run", "simulate"]
