"""Answers that are not one call's alone: out of a cache, or of a request that several calls wait for at once.

A :class:`Flight` gets the answer, in a task of the event loop's host: it looks into the cache, else makes a call of
its own, whose events it keeps. Each caller has a :class:`Share` of it, reads the events as they come, and publishes
copies on its own run. One caller pays: its run reports the usage. When the last one leaves, the flight stops.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Hashable, Iterator
from typing import Protocol, TypeAlias

import anyio
import msgspec
from anyio.lowlevel import checkpoint_if_cancelled

from tidewire.adapters.host import Handle, current_host
from tidewire.adapters.spec import ModelRequest
from tidewire.brakes import identity_of
from tidewire.cached_reply import decode_reply, encode_reply, key_of, worth_keeping
from tidewire.events.bus import Bus, detached
from tidewire.events.errors import TidewireError
from tidewire.events.types import CONTENT, Cost, End, Event, Meta, Retry, Start, Usage, WarningEvent
from tidewire.events.usage import CACHE_HIT, CACHED_USAGE
from tidewire.fallbacks import change_all
from tidewire.response_cache import BaseCache
from tidewire.settings import Settings


class OwnCall(Protocol):
    """The call that a flight makes."""

    bus: Bus
    cost: Cost | None

    async def read(self) -> list[Event] | None:
        """The next events; None after the last ones."""
        ...

    def abandon_nowait(self) -> None:
        """Close its connection at once."""
        ...

    @property
    def settings(self) -> Settings:
        """The settings of the model that is asked, or that answered."""
        ...

    @property
    def request(self) -> ModelRequest:
        """What it is asked."""
        ...

    @property
    def attempts(self) -> int:
        """The HTTP requests made to it."""
        ...


class Flight:
    """One answer, for all who ask for it while it is got.

    Args:
        cache: Where it is looked up, and kept.
        key: Under which key.
        make: Makes the call that asks the provider.
        warnings: What the request leaves out, for those who get an answer without one.
    """

    def __init__(
        self, cache: BaseCache, key: str, make: Callable[[], OwnCall], warnings: tuple[WarningEvent, ...]
    ) -> None:
        self._cache = cache
        self._key = key
        self._make = make
        self._warnings = warnings
        self._changed = anyio.Event()
        self._handle: Handle[None]
        self._close: Callable[[], None]
        #: The call that asks; None where nobody was asked yet, or needed to be.
        self.call: OwnCall | None = None
        #: What has been said, in order.
        self.events: list[Event] = []
        #: True when nothing more comes.
        self.over = False
        #: What went wrong, if anything did.
        self.error: BaseException | None = None
        #: True for an answer that the cache had.
        self.is_hit = False
        #: Whose run reports the usage.
        self.payer: Share | None = None
        #: Those who wait, in the order they came.
        self.shares: list[Share] = []

    def start(self, close: Callable[[], None]) -> None:
        """Get the answer, in a task of the host's; ``close`` sees that nobody joins any more, perhaps twice."""
        self._close = close
        self._handle = current_host().start(self._run)
        self._handle.on_end = self._land

    def stop(self) -> None:
        """Nobody waits any more: the connection is closed when this returns."""
        self._close()
        self._handle.cancel()
        if self.call is not None:
            self.call.abandon_nowait()

    async def more(self, seen: int) -> None:
        """Wait until there are more events than were seen, or nothing more comes."""
        while len(self.events) == seen and not self.over:
            await self._changed.wait()

    async def _run(self) -> None:
        found = await self._look_up()
        if found is None:
            await self._ask()
        else:
            self.is_hit = True
            self._give([*self._warnings, *found])

    async def _look_up(self) -> list[Event] | None:
        try:
            value = await self._cache.alookup(self._key)
            return None if value is None else [*decode_reply(value)]
        except Exception as error:  # noqa: BLE001 - others' caches fail in any way; an answer can be had without
            self._warn("read", error)
            return None

    async def _ask(self) -> None:
        call = self.call = self._make()
        while (events := await call.read()) is not None:
            self._give([event for event in events if not isinstance(event, Start | End)])
        kept = worth_keeping(self.events, call.bus.fold)
        if kept is None:
            return
        try:
            await self._cache.aupdate(self._key, encode_reply(kept))
        except Exception as error:  # noqa: BLE001 - as above: the answer is there, though it is not kept
            self._warn("write", error)

    def _warn(self, what: str, error: Exception) -> None:
        # Only its kind: what a cache says of itself may hold the address and the password of a server.
        text = f"the cache could not {what} an answer: {type(error).__name__}"
        self._give([WarningEvent(f"cache_{what}_failed", text)])

    def _give(self, events: list[Event]) -> None:
        self.events.extend(events)
        changed, self._changed = self._changed, anyio.Event()
        changed.set()

    def _land(self) -> None:
        """The task has ended, in whichever way, or never began."""
        try:
            self._handle.result()
        except BaseException as error:  # noqa: BLE001 - each caller raises it for itself
            self.error = error
        self.over = True
        self._close()
        self._changed.set()


class Share:
    """One caller's part in a flight."""

    def __init__(self, flight: Flight) -> None:
        self._flight = flight
        self._seen = 0
        self._held: Usage | None = None
        # The first part of the answer that was given, until the attempt that said it is discarded.
        self._content: Event | None = None
        #: True once everything was read.
        self.done = False
        flight.shares.append(self)
        flight.payer = flight.payer or self

    @property
    def asked(self) -> OwnCall | None:
        """The call that asks for the answer; None where there is none."""
        return self._flight.call

    async def more(self) -> None:
        """Wait until there are more events, or nothing more comes."""
        await self._flight.more(self._seen)

    def events(self) -> Iterator[Event]:
        """Copies of the events since the last time; each is to be published before the next one is asked for.

        Raises:
            TidewireError: The call for the answer failed, after the events that were given.
        """
        flight = self._flight
        news = flight.events[self._seen :]
        self._seen += len(news)
        for event in news:
            own = self._own(event)
            if own is not None:
                yield own
        if flight.over and not self.done:
            if flight.error is not None:
                yield from self._owed()
                raise _own_error(flight.error) from flight.error.__cause__
            yield from self._bill()
            self.done = True

    def leave(self) -> list[Event]:
        """The caller reads no more: what is to be published of it still. Safe to call twice."""
        flight = self._flight
        if self not in flight.shares:
            return []
        flight.shares.remove(self)
        if flight.shares:
            if flight.payer is self and not self.done:
                flight.payer = flight.shares[0]
        elif not flight.over:
            flight.stop()
        return self._owed()

    @property
    def cost(self) -> Cost | None:
        """What the answer costs this caller, who has left; None where that is nothing to speak of."""
        if self._pays:
            return None if self._flight.call is None else self._flight.call.cost
        return Cost() if self.done else None

    @property
    def _pays(self) -> bool:
        return self._flight.payer is self and not self._flight.is_hit

    def _own(self, event: Event) -> Event | None:
        """The event as it is published on the caller's own run, which writes on it; None: not now."""
        if isinstance(event, Usage):
            self._held = event
            return None  # not before it is known who pays
        own = copy.copy(event)
        if isinstance(own, Retry):
            if own.discard_from is not None and self._content is not None:
                own.discard_from = self._content.seq
            self._content = self._held = None
        elif self._content is None and type(own) in CONTENT:
            self._content = own
        return own

    def _owed(self) -> list[Event]:
        """The usage so far, once, if this caller pays."""
        held, self._held = self._held, None
        return [copy.copy(held)] if held is not None and self._pays else []

    def _bill(self) -> list[Event]:
        """The usage of a whole answer, as it counts for this caller."""
        if self._pays:
            return self._owed()
        saved = {} if self._held is None else {CACHED_USAGE: self._held.metadata()}
        return [Meta(data={CACHE_HIT: True, **saved}), Usage()]


_Flights: TypeAlias = "dict[tuple[int, str, Hashable, bool], Flight]"

#: Whose the flights of an event loop are.
_OWNER = object()


def flights_in_air() -> int:
    """How many answers the running event loop is getting at the moment."""
    return len(_flights())


async def join(
    cache: BaseCache, settings: Settings, request: ModelRequest, make: Callable[[Settings], OwnCall], *, stream: bool
) -> Share:
    """A share of the answer to a request.

    Args:
        cache: Where the answer may be, and is to be kept.
        settings: The caller's.
        request: What it asks.
        make: Makes a call with other settings that asks the same.
        stream: Whether the caller wants a stream, of those models whose settings leave it open.

    Raises:
        ConfigurationError: The request cannot be spelled.
    """
    await checkpoint_if_cancelled()  # a flight begins at once, and its caller may be cancelled already
    key, warnings = key_of(settings, request)
    asker = _asker_of(settings)
    flights = _flights()
    # Who wants a stream must not wait for a whole body; who wants the whole may wait for a stream.
    for streamed in (True,) if request.stream else (True, False):
        known = flights.get((id(cache), key, asker, streamed))
        if known is not None:
            return Share(known)
    place = (id(cache), key, asker, request.stream)
    own = change_all(
        msgspec.structs.replace(settings, cache=False, callbacks=None, tags=(), metadata={}, config={}),
        # Said to each, for nobody listens to the flight's own call.
        lambda one: one if one.streaming is not None else msgspec.structs.replace(one, streaming=stream),
    )

    def make_own() -> OwnCall:
        with detached():  # those around the caller hear of it from the caller's own run
            return make(own)

    def close() -> None:
        if flights.get(place) is flight:
            del flights[place]

    flight = flights[place] = Flight(cache, key, make_own, warnings)
    share = Share(flight)
    flight.start(close)
    return share


def _asker_of(settings: Settings) -> Hashable:
    """What calls must have in common besides their request to share it: who pays, and what becomes of a failure."""
    policy = settings.retry
    models = [one.settings_for(None) for one in settings.flat()]
    return (
        tuple((str(one), one.base_url, identity_of(one.credentials)) for one in models),
        None if settings.fallbacks is None else settings.fallbacks.exceptions,
        (policy.max_retries, policy.exceptions, settings.resume),
    )


def _own_error(error: BaseException) -> BaseException:
    """The error for one of several callers: each fills in its own run's part of it."""
    if not isinstance(error, TidewireError):
        return error
    own = copy.copy(error)
    own.partial = None
    return own


def _flights() -> _Flights:
    return current_host().keep(_OWNER, None, _no_flights, _closed)


def _no_flights() -> _Flights:
    return {}


async def _closed(_: _Flights) -> None:
    pass  # the host ends the flights' tasks


__all__ = ["Flight", "OwnCall", "Share", "flights_in_air", "join"]
