"""What a wire format is to the simulator: how its requests are read, and how its replies and errors are spelled.

A further format is a further file with one class of this shape, and a row in ``APIS`` of ``answering``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol, TypeAlias

import msgspec

from tidewire.adapters.plan import Plan
from tidewire.adapters.script import Fail
from tidewire.adapters.sim_request import SimRequest
from tidewire.events.blocks import JSON, JSONObject


class Frame(msgspec.Struct, frozen=True):
    """Bytes of a body that belong together, the seconds to wait before them, and the tokens of the answer in them."""

    data: bytes
    delay_s: float = 0.0
    tokens: int = 0


#: Changes bytes, as a fault does.
Change: TypeAlias = Callable[[bytes], bytes]


def change_text(frame: bytes, change: Change) -> bytes:
    """A frame of text, changed: it is framed by its own signs, so nothing else has to change."""
    return change(frame)


class HttpReply(msgspec.Struct, frozen=True):
    """A reply, complete but for its framing. A plain one has one frame.

    Attributes:
        status: The HTTP status.
        headers: The headers but for those that frame the body.
        frames: The body.
        streamed: Whether it is sent frame by frame.
        change: Changes the text within a frame so that the frame stays whole.
    """

    status: int
    headers: dict[str, str]
    frames: tuple[Frame, ...]
    streamed: bool = False
    change: Callable[[bytes, Change], bytes] = change_text


class Received(msgspec.Struct, frozen=True):
    """A request for an answer.

    Attributes:
        path: Its path, decoded.
        query: The fields of its query.
        headers: Its headers, names in lower case.
        body: Its JSON.
        request_id: The id that the server gives it.
    """

    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: JSONObject
    request_id: str


class Api(Protocol):
    """One wire format, seen from the server."""

    @property
    def name(self) -> str:
        """Its name, such as ``openai.chat``."""
        ...

    @property
    def ping(self) -> bytes:
        """A sign of life within a stream."""
        ...

    @property
    def model_paths(self) -> frozenset[str]:
        """Where its clients ask for the list of models."""
        ...

    def answers(self, path: str) -> bool:
        """Whether requests for an answer are sent there."""
        ...

    def recognises(self, path: str, headers: Mapping[str, str]) -> bool:
        """Whether a request to any other path comes from one of its clients."""
        ...

    def key_of(self, headers: Mapping[str, str]) -> str | None:
        """The key that a request carries."""
        ...

    def read(self, received: Received) -> SimRequest | Fail:
        """The request, or how it is refused."""
        ...

    def spell(self, received: Received, request: SimRequest, plan: Plan) -> HttpReply:
        """An answer."""
        ...

    def refuse(self, fail: Fail, request_id: str) -> HttpReply:
        """A refusal with the status of ``fail``."""
        ...

    def error_frame(self, fail: Fail, *, streamed: bool, place: int) -> bytes:
        """An error inside an answer that began well; ``place`` is how many frames came before it."""
        ...

    def models(self, names: Sequence[str], request_id: str) -> HttpReply:
        """The list of models."""
        ...


class WrongRequestError(Exception):
    """What is wrong with a request."""


def read_request(read: Callable[[JSONObject], JSONObject], body: JSONObject) -> SimRequest | Fail:
    """The request of a body, or the 400 that it gets.

    Args:
        read: Gives the fields of a :class:`SimRequest`; whatever it stumbles over is a fault of the request.
        body: The request's JSON.
    """
    try:
        return msgspec.convert(read(body), SimRequest, from_attributes=True)
    except (WrongRequestError, msgspec.ValidationError) as error:
        return Fail(status=400, message=str(error))
    except (AttributeError, KeyError, TypeError) as error:  # a field of another shape than the API has
        return Fail(status=400, message=f"the request has a field of the wrong shape: {error!r}")


def json_reply(status: int, headers: dict[str, str], body: JSON, plan: Plan | None = None) -> HttpReply:
    """A plain reply with a JSON body; one that spells a plan comes after all its waits, and holds all its tokens."""
    waited, tokens = (sum(step.delay_s for step in plan.steps), plan.usage.output_tokens) if plan else (0.0, 0)
    frame = Frame(msgspec.json.encode(body), waited, tokens)
    return HttpReply(status, {"content-type": "application/json", **headers}, (frame,))


def event_stream(headers: dict[str, str], frames: Iterable[Frame]) -> HttpReply:
    """A reply of server-sent events."""
    kind = {"content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache"}
    return HttpReply(200, {**kind, **headers}, tuple(frames), streamed=True)


def named_event(kind: str, data: JSON) -> Frame:
    """A server-sent event with a name."""
    return Frame(b"event: " + kind.encode() + b"\ndata: " + msgspec.json.encode(data) + b"\n\n")


def bearer_of(headers: Mapping[str, str]) -> str | None:
    """The bearer token of a request."""
    kind, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() if kind.lower() == "bearer" else None


def retry_headers(fail: Fail) -> dict[str, str]:
    """How a server asks to wait: whole seconds for everybody, milliseconds for those who read them."""
    if fail.retry_after_s is None:
        return {}
    return {
        "retry-after": str(math.ceil(fail.retry_after_s)),
        "retry-after-ms": str(round(fail.retry_after_s * 1000)),
    }


def error_message(fail: Fail) -> str:
    """What an error says."""
    return fail.message or f"The simulator was told to fail with status {fail.status}."


__all__ = [
    "Api",
    "Change",
    "Frame",
    "HttpReply",
    "Received",
    "WrongRequestError",
    "bearer_of",
    "change_text",
    "error_message",
    "event_stream",
    "json_reply",
    "named_event",
    "read_request",
    "retry_headers",
]
