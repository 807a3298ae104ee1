"""What a wire format is to the simulator: how its requests are read, and how its replies and errors are spelled.

A further format is a further file with one class of this shape, and a row in ``APIS`` of ``answering``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

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


class HttpReply(msgspec.Struct, frozen=True):
    """A reply, complete but for its framing. A plain one has one frame."""

    status: int
    headers: dict[str, str]
    frames: tuple[Frame, ...]
    streamed: bool = False


class Api(Protocol):
    """One wire format, seen from the server."""

    @property
    def name(self) -> str:
        """Its name, such as ``openai.chat``."""
        ...

    @property
    def paths(self) -> frozenset[str]:
        """Where requests for an answer are sent."""
        ...

    @property
    def ping(self) -> bytes:
        """A sign of life within a stream."""
        ...

    def recognises(self, headers: Mapping[str, str]) -> bool:
        """Whether a request to no path of its own (``/v1/models``) comes from one of its clients."""
        ...

    def key_of(self, headers: Mapping[str, str]) -> str | None:
        """The key that a request carries."""
        ...

    def read(self, headers: Mapping[str, str], body: JSONObject) -> SimRequest | Fail:
        """The request, or how it is refused."""
        ...

    def spell(self, request: SimRequest, plan: Plan, request_id: str) -> HttpReply:
        """An answer."""
        ...

    def refuse(self, fail: Fail, request_id: str) -> HttpReply:
        """A refusal with the status of ``fail``."""
        ...

    def error_frame(self, fail: Fail, *, streamed: bool) -> bytes:
        """An error inside an answer that began well."""
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


def json_reply(status: int, headers: dict[str, str], body: JSON, delay_s: float = 0.0, tokens: int = 0) -> HttpReply:
    """A plain reply with a JSON body."""
    data = msgspec.json.encode(body)
    return HttpReply(status, {"content-type": "application/json", **headers}, (Frame(data, delay_s, tokens),))


def retry_headers(fail: Fail) -> dict[str, str]:
    """How a server asks to wait: whole seconds for everybody, milliseconds for those who read them."""
    if fail.retry_after_s is None:
        return {}
    return {
        "retry-after": str(math.ceil(fail.retry_after_s)),
        "retry-after-ms": str(round(fail.retry_after_s * 1000)),
    }


__all__ = ["Api", "Frame", "HttpReply", "WrongRequestError", "json_reply", "read_request", "retry_headers"]
