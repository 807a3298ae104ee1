"""The loopback server: takes requests in the providers' formats, sends what the brain decides, and keeps count.

It runs in a thread with an event loop of its own, so that tests on any loop, or on none, can use it. aiohttp reads the
requests; the bytes of replies are written by hand, because a fault may break any of them.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections import deque
from collections.abc import Callable, Coroutine, Generator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self

import anyio.to_thread
from aiohttp import web

from tidewire.adapters.script import Pace, Script
from tidewire.adapters.simulator.answering import Answering, Recorded
from tidewire.adapters.simulator.connections import CountingServer, Written, body_of, reset, send
from tidewire.events.errors import ConfigurationError


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
        self._answering = Answering(script, pace, api_key, models)
        self._host = host
        self._port = port
        self._requests: deque[Recorded] = deque(maxlen=keep)
        self._changed = threading.Condition()
        self._streams = 0
        self._connections: set[asyncio.BaseTransport] = set()
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._listening: socket.socket | None = None
        self._runner: web.ServerRunner | None = None

    # --- what a test looks at ---

    @property
    def url(self) -> str:
        """Where it listens, such as ``http://127.0.0.1:40123``: the base URL of all formats but OpenAI's."""
        return f"http://{self._host}:{self._port}"

    @property
    def openai_url(self) -> str:
        """The base URL of OpenAI's formats and their like, the HuggingFace router among them."""
        return f"{self.url}/v1"

    @property
    def azure_url(self) -> str:
        """The endpoint of Azure OpenAI."""
        return self.url

    @property
    def anthropic_url(self) -> str:
        """The base URL of Anthropic's format."""
        return self.url

    @property
    def google_url(self) -> str:
        """The base URL of Google's format, for the Gemini API and for Vertex AI."""
        return self.url

    @property
    def bedrock_url(self) -> str:
        """The endpoint of AWS Bedrock's runtime."""
        return self.url

    @property
    def ollama_url(self) -> str:
        """The base URL, or host, of Ollama's format."""
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
        """Listen; requests are answered when it returns.

        Raises:
            ConfigurationError: The port is taken.
        """
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
        error, self._answering.error = self._answering.error, None
        if error is not None:
            raise error

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is not None:
            self._answering.error = None  # the block's own error comes first
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
                reset(transport)

        self._do(drop())

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        assert self._loop is not None, "the simulator is not running"
        asyncio.run_coroutine_threadsafe(work, self._loop).result()

    # --- in its thread ---

    async def _serve(self, ready: threading.Event) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        self._runner = web.ServerRunner(CountingServer(self), shutdown_timeout=0.01)
        try:
            await self._runner.setup()
            await self._listen_again()
            ready.set()
            await self._stop.wait()
        finally:
            ready.set()
            for transport in list(self._connections):
                reset(transport)
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
        headers = {name.lower(): value for name, value in request.headers.items()}
        recorded = Recorded(request.method, request.path, dict(request.query), headers, None)
        with self._changed:
            self._requests.append(recorded)
            self._streams += 1
            self._changed.notify_all()
        try:
            acts = self._answering.reply_to(recorded, await body_of(request))
            kept = await send(request, acts)
            recorded.outcome = "sent" if kept else "broken"
            return Written(keep=kept and request.keep_alive and request.content.at_eof())
        except ConnectionError:  # the client left while something was written
            return Written(keep=False)
        finally:
            with self._changed:
                if recorded.outcome == "open":
                    recorded.outcome = "disconnected"
                self._streams -= 1
                self._changed.notify_all()


def _listen(host: str, port: int) -> socket.socket:
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OverflowError:
        listening.close()
        raise ConfigurationError(f"a port is a number from 0 to 65535, not {port}") from None
    except OSError as error:
        listening.close()
        raise ConfigurationError(f"cannot listen on {host}:{port}: {error.strerror}") from error
    return listening


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


__all__ = ["Simulator", "run", "simulate"]
