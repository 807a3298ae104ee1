"""The embedded provider's own side: takes a request's bytes, hands out the reply's bytes, in process.

It behaves as a server behind a network does: bytes come one frame at a time and at the pace of the answer, whatever the
reader does; each read yields to the event loop; an abort ends a pending read with an error.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal, TypeAlias

import anyio
import anyio.lowlevel
import msgspec

from tidewire.adapters.brain import Brain
from tidewire.adapters.plan import Plan, joined
from tidewire.adapters.script import Fail, Pace, Script
from tidewire.adapters.sim_request import SimRequest
from tidewire.adapters.spec import HttpRequest
from tidewire.events.errors import APIConnectionError, ConfigurationError
from tidewire.events.types import DecodedEvent, Meta

#: How a body ends: properly, by a broken connection, or not at all.
_Ending: TypeAlias = Literal["end", "break", "stall"]

_ENDINGS: Mapping[str, _Ending] = {"error": "end", "end": "end", "cut": "break", "reset": "break", "stall": "stall"}
_NDJSON = "application/x-ndjson"


class EmbeddedTransport:
    """Carries requests to a brain of its own; one instance serves many calls at once, on several event loops.

    Args:
        script: What to say before anything else.
        pace: How fast.
    """

    def __init__(self, script: Script = (), pace: Pace | None = None) -> None:
        self._brain = Brain(script, pace)

    async def open(self, request: HttpRequest, *, connect_timeout_s: float | None = None) -> EmbeddedResponse:
        """The reply to a request.

        Raises:
            APIConnectionError: The script says so.
            ConfigurationError: The script holds no reply, or a failure that needs a network.
        """
        await anyio.lowlevel.checkpoint()
        try:
            asked = msgspec.json.decode(request.body, type=SimRequest)
        except msgspec.ValidationError as error:
            return _refusal("unread", Fail(status=400, message=str(error)))
        plan = self._brain.answer(asked)
        kind = None if plan.fail is None else plan.fail.kind
        if kind == "stall_before_head":
            await anyio.sleep_forever()
        if kind == "reset_before_head":
            raise APIConnectionError("the connection broke before the reply began, as the script has it")
        if plan.fail is not None and kind == "status":
            return _refusal(plan.id, plan.fail)
        if kind is not None and kind not in _ENDINGS:
            raise ConfigurationError(f"the embedded provider cannot fail by {kind!r}; the simulator can")
        return _answer(asked, plan)

    async def aclose(self) -> None:
        """Nothing to close."""


class EmbeddedResponse:
    """A reply that is being read.

    Args:
        status: The HTTP status that it would have.
        headers: Its headers.
        frames: The seconds to wait before each frame, and its bytes.
        ending: What comes after the last one.
    """

    def __init__(
        self, status: int, headers: Mapping[str, str], frames: Iterator[tuple[float, bytes]], ending: _Ending = "end"
    ) -> None:
        self.status = status
        self.headers = headers
        self._frames = frames
        self._ending = ending
        self._due = anyio.current_time()
        self._aborted = anyio.Event()

    async def read(self) -> bytes:
        """The next frame; ``b""`` after the last one.

        Raises:
            APIConnectionError: The reply was aborted, or the script breaks it here.
        """
        self._check()
        frame = next(self._frames, None)
        if frame is None:
            return await self._end()
        delay_s, data = frame
        self._due += delay_s
        wait_s = self._due - anyio.current_time() if delay_s else 0.0
        if wait_s > 0:
            with anyio.move_on_after(wait_s):
                await self._aborted.wait()
        else:
            await anyio.lowlevel.checkpoint()
        self._check()
        return data

    async def _end(self) -> bytes:
        await anyio.lowlevel.checkpoint()
        if self._ending == "stall":
            await self._aborted.wait()
        self._check()
        if self._ending == "break":
            raise APIConnectionError("the connection broke within the reply, as the script has it")
        return b""

    def _check(self) -> None:
        if self._aborted.is_set():
            raise APIConnectionError("the reply was aborted")

    def abort(self) -> None:
        """End the reply at once; a pending read raises."""
        self._aborted.set()

    async def aclose(self) -> None:
        """The reply is not read any further."""
        self._aborted.set()


def _refusal(id: str, fail: Fail) -> EmbeddedResponse:
    headers = {"content-type": "application/json", "x-request-id": f"req_{id}"}
    if fail.retry_after_s is not None:
        headers["retry-after"] = str(fail.retry_after_s)
    body = msgspec.json.encode({"error": _error(fail)})
    return EmbeddedResponse(fail.status, headers, iter([(0.0, body)]))


def _error(fail: Fail) -> dict[str, str | int | None]:
    message = fail.message or f"the script fails with status {fail.status}"
    return {"message": message, "code": fail.code, "status": fail.status}


def _answer(request: SimRequest, plan: Plan) -> EmbeddedResponse:
    headers = {"content-type": _NDJSON, "x-request-id": f"req_{plan.id}"}
    frames = _streamed_frames(plan) if request.stream else _plain_frames(plan)
    return EmbeddedResponse(200, headers, frames, "end" if plan.fail is None else _ENDINGS[plan.fail.kind])


def _streamed_frames(plan: Plan) -> Iterator[tuple[float, bytes]]:
    fail, sent = plan.fail, 0
    if fail is None or fail.after_tokens > 0:
        yield 0.0, _line(_head(plan))
        for step in plan.steps:
            yield step.delay_s, b"".join(map(_line, step.events))
            sent += step.tokens
            if fail is not None and sent >= fail.after_tokens:
                break
    if fail is None:
        yield 0.0, _last_lines(plan)
    elif fail.kind == "error":
        yield 0.0, _error_line(fail)


def _plain_frames(plan: Plan) -> Iterator[tuple[float, bytes]]:
    delay_s = sum(step.delay_s for step in plan.steps)
    fail = plan.fail
    if fail is not None and fail.kind == "error":
        yield delay_s, _error_line(fail)
        return
    body = b"".join(map(_line, (_head(plan), *joined(plan)))) + _last_lines(plan)
    if fail is None:
        yield delay_s, body
    elif fail.after_tokens > 0:  # as many pieces as of a stream, though at once
        yield delay_s, b"".join(frame for _, frame in _streamed_frames(plan))


def _head(plan: Plan) -> Meta:
    return Meta(id=f"emb_{plan.id}", model=plan.model)


def _last_lines(plan: Plan) -> bytes:
    return b"".join(map(_line, plan.ending())) + b'{"type":"done"}\n'


def _error_line(fail: Fail) -> bytes:
    return msgspec.json.encode({"type": "error", "error": _error(fail)}) + b"\n"


def _line(event: DecodedEvent) -> bytes:
    """An event without the fields that say nothing, and without those that only the bus may write."""
    fields = msgspec.to_builtins(event)
    said = {key: value for key, value in fields.items() if value is not None and key not in ("seq", "time")}
    return msgspec.json.encode(said) + b"\n"


__all__ = ["EmbeddedResponse", "EmbeddedTransport"]
