"""Which reply a request gets: finds its format, looks at its key, form and model, and asks the brain."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from itertools import count
from typing import Literal

import msgspec

from tidewire.adapters.brain import Brain
from tidewire.adapters.schema_check import is_object
from tidewire.adapters.script import Fail, Pace, Script
from tidewire.adapters.sim_request import SimRequest
from tidewire.adapters.simulator.anthropic import AnthropicApi
from tidewire.adapters.simulator.api import Api, HttpReply, Received
from tidewire.adapters.simulator.azure import AZURE_CHAT, AZURE_RESPONSES
from tidewire.adapters.simulator.bedrock import BedrockApi
from tidewire.adapters.simulator.faults import FAULT_HEADER, Act, fault_of_header, transmit
from tidewire.adapters.simulator.google_genai import GoogleApi
from tidewire.adapters.simulator.ollama import OllamaApi
from tidewire.adapters.simulator.openai_chat import OpenAIChatApi
from tidewire.adapters.simulator.openai_responses import OpenAIResponsesApi
from tidewire.events.blocks import JSON
from tidewire.events.errors import ConfigurationError
from tidewire.events.types import Block

#: The formats that are spoken. The first that recognises a client answers it on paths that belong to none.
APIS: tuple[Api, ...] = (
    AZURE_CHAT,
    AZURE_RESPONSES,
    AnthropicApi(),
    GoogleApi(),
    BedrockApi(),
    OllamaApi(),
    OpenAIResponsesApi(),
    OpenAIChatApi(),
)
#: The models that are listed; any name is answered unless told otherwise.
MODELS = ("demo", "demo-reasoning")

Outcome = Literal["open", "sent", "disconnected", "broken"]


class Recorded(msgspec.Struct):
    """A request that was received.

    Attributes:
        method: Its method.
        path: Its path, decoded.
        query: The fields of its query.
        headers: Its headers, names in lower case.
        body: Its JSON; None if it has none.
        outcome: ``open`` while it is answered; then ``sent``, ``disconnected`` if the client left before the end, or
            ``broken`` if a fault ended the connection.
    """

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: JSON
    outcome: Outcome = "open"


class Answering:
    """Answers requests.

    Args:
        script: What is said; without one, answers follow from the request's shape.
        pace: How fast.
        api_key: The key that requests must carry; without one, keys are not looked at.
        models: The models there are; without it every name is taken.
    """

    def __init__(self, script: Script, pace: Pace | None, api_key: str | None, models: Sequence[str] | None) -> None:
        self._brain = Brain(script, pace)
        self._api_key = api_key
        self._models = models
        self._numbers = count(1)
        #: What a function given as a script raised last.
        self.error: Exception | None = None

    def reply_to(self, recorded: Recorded, body: bytes | None) -> Iterator[Act]:
        """The acts that send the reply to a request; its JSON is recorded. A ``body`` of None was too large to read."""
        recorded.body = _json(body or b"")
        request_id = f"req_{next(self._numbers):06}_{int(time.time())}"
        api = next((api for api in APIS if api.answers(recorded.path)), None)
        if api is None or recorded.method != "POST":
            return self._elsewhere(recorded, request_id)
        fields = recorded.body if is_object(recorded.body) else {}
        received = Received(recorded.path, recorded.query, recorded.headers, fields, request_id)
        asked = self._wrong(api, recorded, body) or self._read(api, received)
        if isinstance(asked, Fail):
            return transmit(api.refuse(asked, request_id), None, api)
        reply, fail = self._answer(api, received, asked)
        return transmit(reply, fail, api)

    def _elsewhere(self, recorded: Recorded, request_id: str) -> Iterator[Act]:
        api = next(api for api in APIS if api.recognises(recorded.path, recorded.headers))
        if recorded.method == "GET" and recorded.path in api.model_paths:
            return transmit(api.models(self._models or MODELS, request_id), None, api)
        wrong = Fail(status=404, message=f"there is no {recorded.method} {recorded.path}")
        return transmit(api.refuse(wrong, request_id), None, api)

    def _answer(self, api: Api, received: Received, asked: SimRequest) -> tuple[HttpReply, Fail | None]:
        """The reply, and how it fails."""
        headers, request_id = received.headers, received.request_id
        try:
            fault = fault_of_header(headers[FAULT_HEADER]) if FAULT_HEADER in headers else None
        except ConfigurationError as error:  # the client's, who would try a 500 again
            return api.refuse(Fail(status=400, message=error.message), request_id), None
        try:
            plan = self._brain.answer(asked)
            fail = fault or plan.fail
        except Exception as error:  # noqa: BLE001 - of the script: told to the client now and to the test at the end
            self.error = error
            return api.refuse(Fail(status=500, message=f"the script failed: {error!r}"), request_id), None
        foreign = [event.block.get("type") for step in plan.steps for event in step.events if isinstance(event, Block)]
        if foreign:
            fail = Fail(status=501, message=f"{api.name} is not simulated with blocks of type {foreign[0]}")
        if fail is not None and fail.kind == "status":
            return api.refuse(fail, request_id), None
        return api.spell(received, asked, plan), fail

    def _wrong(self, api: Api, recorded: Recorded, body: bytes | None) -> Fail | None:
        """What is wrong with a request in any format."""
        if body is None:
            return Fail(status=413, message="the request is too large")
        if self._api_key is not None and api.key_of(recorded.headers) != self._api_key:
            return Fail(status=401, message="the API key is missing or wrong")
        if not is_object(recorded.body):
            return Fail(status=400, message="the body is not a JSON object")
        return None

    def _read(self, api: Api, received: Received) -> SimRequest | Fail:
        """The request, if its form and its model are as they should be."""
        asked = api.read(received)
        if isinstance(asked, SimRequest) and self._models is not None and asked.model not in self._models:
            return Fail(status=404, message=f"the model {asked.model!r} does not exist")
        return asked


def _json(body: bytes) -> JSON:
    try:
        return msgspec.json.decode(body) if body else None
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


__all__ = ["APIS", "MODELS", "Answering", "Outcome", "Recorded"]
