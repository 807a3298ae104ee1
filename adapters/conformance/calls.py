"""Checks of whole calls: an adapter in the pump, with recorded replies in place of the network."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from functools import partial
from importlib.util import find_spec
from typing import Protocol

import anyio

from tidewire.adapters.conformance.recording import ConformanceError, Recording, differences, read, shown
from tidewire.adapters.conformance.requests import KEY
from tidewire.adapters.replay_transport import Cuts, Ending, Exchange, ReplayTransport
from tidewire.adapters.secrets import Secret
from tidewire.adapters.spec import Adapter
from tidewire.events.chunks import AIMessageChunk
from tidewire.events.errors import AuthenticationError, StreamInterruptedError, TidewireError
from tidewire.events.messages import AIMessage
from tidewire.events.types import CONTENT, DecodedEvent, Finish

#: Seconds after which a call is said to hang.
PATIENCE_S = 30.0


class Chunks(Protocol):
    """What ``astream`` gives."""

    def __aiter__(self) -> AsyncIterator[AIMessageChunk]:
        """The chunks."""
        ...

    def aclose(self) -> Awaitable[None]:
        """Stop the call."""
        ...


class Model(Protocol):
    """A model, as far as it is called here."""

    def ainvoke(self, input: str, /) -> Awaitable[AIMessage]:
        """The whole answer."""
        ...

    def astream(self, input: str, /) -> Chunks:
        """The answer as it arrives."""
        ...


#: Makes a model from its name, ``model_provider`` (the adapter), ``transport`` and other keywords.
MakeModel = Callable[..., Model]


def event_loops() -> list[str]:
    """The event loops that are installed."""
    return ["asyncio", *(["trio"] if find_spec("trio") is not None else [])]


class Calls:
    """The checks of calls that a recording answers.

    Args:
        adapter: The adapter.
        make_model: Makes a model of it.
        model: The model's name.
        base_url: Where requests go.
        event_loop: What runs the calls.
    """

    def __init__(self, adapter: Adapter, make_model: MakeModel, model: str, base_url: str, event_loop: str) -> None:
        self._adapter = adapter
        self._make_model = make_model
        self._model = model
        self._base_url = base_url
        self._loop = event_loop

    def answers_alike(self, recording: Recording) -> None:
        """``ainvoke`` gives what the recording declares, and the sum of ``astream`` is the same message."""
        self._run(recording.name, partial(self._answers_alike, recording))

    def raises_what_is_declared(self, recording: Recording) -> None:
        """A reply that is or holds an error raises it, with the provider, the model and what arrived before it."""
        self._run(recording.name, partial(self._raises_what_is_declared, recording))

    def tells_a_cut(self, recording: Recording) -> None:
        """A stream that breaks off within the answer is a ``StreamInterruptedError`` with what arrived."""
        self._run(recording.name, partial(self._tells_a_cut, recording))

    def tries_again_before_content(self, recording: Recording) -> None:
        """A request that was refused for now, or not answered, is sent again."""
        self._run(recording.name, partial(self._tries_again, recording))

    def stops_when_cancelled(self, recording: Recording) -> None:
        """A call that is cancelled within the answer closes its connection."""
        self._run(recording.name, partial(self._stops_when_cancelled, recording))

    def stops_when_left(self, recording: Recording) -> None:
        """A stream that is closed within the answer closes its connection."""
        self._run(recording.name, partial(self._stops_when_left, recording))

    def tells_a_wrong_key(self) -> None:
        """Status 401 is an ``AuthenticationError``, after one request."""
        self._run("status 401", self._tells_a_wrong_key)

    def keeps_the_key(self, recording: Recording) -> None:
        """The key is sent in a header, wrapped, and stands nowhere else."""
        self._run(recording.name, partial(self._keeps_the_key, recording))

    # ------------------------------------------------------------ how

    async def _answers_alike(self, recording: Recording) -> None:
        replay = ReplayTransport([_exchange(recording), _exchange(recording, cuts=7)])
        model = self._make(replay, recording)
        message = await model.ainvoke("tw question")
        chunks = [chunk async for chunk in model.astream("tw question")]
        streamed = sum(chunks[1:], chunks[0])
        declared = read(self._adapter.codec, recording, [recording.body])
        wrong = differences(recording, declared)
        for field in ("content_blocks", "tool_calls", "invalid_tool_calls", "usage_metadata", "text"):
            wanted, invoked, summed = (getattr(one, field) for one in (declared.message(), message, streamed))
            if wanted != invoked:
                wrong.append(f"{field}: the codec reads {shown(wanted)}, ainvoke gives {shown(invoked)}")
            if invoked != summed:
                wrong.append(
                    f"{field}: ainvoke gives {shown(invoked)}, the chunks of astream add up to {shown(summed)}"
                )
        if message.response_metadata.get("model_provider") != self._adapter.provider:
            wrong.append(f"model_provider is {message.response_metadata.get('model_provider')!r}")
        if chunks[-1].chunk_position != "last":
            wrong.append("the last chunk is not marked as the last")
        self._check(recording.name, [*wrong, *_left_open(replay)])

    async def _raises_what_is_declared(self, recording: Recording) -> None:
        replay = ReplayTransport(_exchange(recording))
        model = self._make(replay, recording)
        error = await _error_of(model)
        wrong: list[str] = []
        if recording.error is None or not isinstance(error, recording.error):
            wrong.append(f"error: declared {recording.error}, raised {error!r}")
        if error is not None and (error.provider, error.model) != (self._adapter.provider, self._model):
            wrong.append(f"the error names provider {error.provider!r} and model {error.model!r}")
        partial_text = error.partial.text if error is not None and isinstance(error.partial, AIMessage) else ""
        if partial_text != recording.text:
            wrong.append(f"partial: {partial_text!r} arrived, {recording.text!r} was sent")
        self._check(recording.name, [*wrong, *_left_open(replay)])

    async def _tells_a_cut(self, recording: Recording) -> None:
        place = _within_answer(self._adapter, recording)
        if place is None:
            return
        endings: tuple[Ending, ...] = ("reset", "end")
        for ending in endings:
            replay = ReplayTransport(_exchange(recording, break_at=place, ending=ending))
            error = await _error_of(self._make(replay, recording))
            wrong: list[str] = []
            if not isinstance(error, StreamInterruptedError):
                wrong.append(f"{error!r} was raised, not a StreamInterruptedError")
            elif not isinstance(error.partial, AIMessage) or not error.partial.content_blocks:
                wrong.append("the error has nothing in partial of what had arrived")
            if len(replay.requests) != 1:
                wrong.append(f"{len(replay.requests)} requests were sent: nothing is tried again after content")
            what = f"{recording.name}: cut off behind byte {place} ({ending})"
            self._check(what, [*wrong, *_left_open(replay)])

    async def _tries_again(self, recording: Recording) -> None:
        refused = Exchange(status=503, headers={"content-type": "text/plain"})
        nothing = _exchange(recording, break_at=0, ending="end")
        for what, first in (("status 503", refused), ("a reply without a byte", nothing)):
            replay = ReplayTransport([first, _exchange(recording)])
            where = f"{recording.name}: after {what}"
            try:
                message = await self._make(replay, recording, max_retries=1).ainvoke("tw question")
            except TidewireError as error:
                raise ConformanceError(f"{where} (on {self._loop}): it is not tried again: {error!r}") from error
            wrong: list[str] = []
            if len(replay.requests) != 2 or replay.requests[0] != replay.requests[1]:
                wrong.append(f"the requests were {shown(replay.requests, 1000)}; the second is to be like the first")
            if message.text != recording.text:
                wrong.append(f"text: declared {shown(recording.text)}, found {shown(message.text)}")
            self._check(where, [*wrong, *_left_open(replay)])

    async def _stops_when_cancelled(self, recording: Recording) -> None:
        place = _within_answer(self._adapter, recording)
        if place is None:
            return
        replay = ReplayTransport(_exchange(recording, break_at=place, ending="hang"))
        with anyio.CancelScope() as scope:
            async for _ in self._make(replay, recording).astream("tw question"):
                scope.cancel()
        wrong = [] if scope.cancelled_caught else ["the call went on after it was cancelled"]
        self._check(f"{recording.name}: cancelled behind byte {place}", [*wrong, *_left_open(replay)])

    async def _stops_when_left(self, recording: Recording) -> None:
        place = _within_answer(self._adapter, recording)
        if place is None:
            return
        replay = ReplayTransport(_exchange(recording, break_at=place, ending="hang"))
        stream = self._make(replay, recording).astream("tw question")
        async for _ in stream:
            break
        await stream.aclose()
        self._check(f"{recording.name}: left behind byte {place}", _left_open(replay))

    async def _tells_a_wrong_key(self) -> None:
        replay = ReplayTransport(Exchange(status=401, headers={"content-type": "text/plain"}))
        error = await _error_of(self._make(replay, None))
        wrong = [] if isinstance(error, AuthenticationError) else [f"{error!r} was raised, not an AuthenticationError"]
        if len(replay.requests) != 1:
            wrong.append(f"{len(replay.requests)} requests were sent: a wrong key stays wrong")
        self._check("status 401", [*wrong, *_left_open(replay)])

    async def _keeps_the_key(self, recording: Recording) -> None:
        replay = ReplayTransport(_exchange(recording))
        model = self._make(replay, recording)
        await model.ainvoke("tw question")
        sent = replay.requests[0]
        wrapped = [name for name, value in sent.headers.items() if isinstance(value, Secret)]
        wrong: list[str] = []
        if self._adapter.key_required and not wrapped:
            wrong.append(f"no header holds the key, wrapped as a Secret: {sorted(sent.headers)}")
        # What shows itself shows no header; whoever looks into the request sees all that is no Secret.
        parts = {"url": sent.url, "body": sent.body.decode("utf-8", "replace"), **sent.headers}
        wrong += [f"the key is shown: {name}={shown(part, 200)}" for name, part in parts.items() if KEY in str(part)]
        if KEY in repr(model):
            wrong.append(f"the key is shown: {shown(model, 200)}")
        self._check("the key", wrong)

    def _make(self, replay: ReplayTransport, recording: Recording | None, **keywords: object) -> Model:
        return self._make_model(
            self._model,
            model_provider=self._adapter,
            transport=replay,
            base_url=self._base_url,
            api_key=KEY,
            streaming=recording is None or recording.streamed,
            **{"max_retries": 0, **keywords},
        )

    def _check(self, what: str, wrong: list[str]) -> None:
        if wrong:
            raise ConformanceError(f"{what} (on {self._loop}): " + "\n  ".join(wrong))

    def _run(self, what: str, check: Callable[[], Awaitable[None]]) -> None:
        async def main() -> None:
            with anyio.fail_after(PATIENCE_S):
                await check()

        try:
            anyio.run(main, backend=self._loop)
        except TimeoutError as hung:
            raise ConformanceError(f"{what} (on {self._loop}): the call hangs, after {PATIENCE_S:g} s") from hung
        except TidewireError as error:
            raise ConformanceError(
                f"{what} (on {self._loop}): the call failed, {type(error).__name__}: {error.message}"
            ) from error


def _exchange(
    recording: Recording, *, cuts: Cuts = "whole", break_at: int | None = None, ending: Ending | None = None
) -> Exchange:
    # A type that says nothing of streams, so that what was asked for counts.
    headers: Mapping[str, str] = recording.headers or {"content-type": "application/octet-stream"}
    return Exchange(
        body=recording.body, status=recording.status, headers=headers, cuts=cuts, break_at=break_at, ending=ending
    )


def _left_open(replay: ReplayTransport) -> list[str]:
    count = replay.open_responses
    return [f"{count} connections were left open"] if count else []


async def _error_of(model: Model) -> TidewireError | None:
    """What a call raises."""
    try:
        await model.ainvoke("tw question")
    except TidewireError as error:
        return error
    return None


def _within_answer(adapter: Adapter, recording: Recording) -> int | None:
    """Behind which byte the answer has begun and not ended; None where there is no such place."""
    decoder = adapter.codec.decoder(streamed=recording.streamed)
    begun: int | None = None
    for place in range(len(recording.body)):
        events: list[DecodedEvent] = list(decoder.feed(recording.body[place : place + 1]))
        if decoder.done or any(isinstance(event, Finish) for event in events):
            break
        if begun is None and any(type(event) in CONTENT for event in events):
            begun = place + 1
        if begun is not None and place + 1 > begun:
            return None if _is_finished(adapter, recording, place + 1) else place + 1
    return None


def _is_finished(adapter: Adapter, recording: Recording, place: int) -> bool:
    """Whether the provider has told its finish reason by here; some codecs pass it on only when the body ends."""
    decoder = adapter.codec.decoder(streamed=recording.streamed)
    try:
        list(decoder.feed(recording.body[:place]))
        return any(isinstance(event, Finish) and event.provider_reason for event in decoder.close())
    except TidewireError:
        return False


__all__ = ["Calls", "Chunks", "MakeModel", "Model", "event_loops"]
