"""The bus of a run: numbers its events, folds them, tells the subscribers, then the run around it.

Publishing is a plain call for each subscriber; it never waits and never raises. A subscriber is a function ``(run,
event)``. When it returns an awaitable (an async function does), that is awaited in :meth:`Bus.flush`, which the run's
pump calls once per network read and once after ``end``. A subscriber that raises is reported once and detached after
ten failures in a row; a ``critical`` one fails its run instead.

What is published while an event is being delivered (by a subscriber, or by another thread) follows when everybody has
heard that event, so all hear the same order.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Awaitable, Callable, Generator, Hashable, Iterable, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeAlias

import anyio

from tidewire.events.blocks import JSON
from tidewire.events.errors import RecursionLimitError
from tidewire.events.fold import Fold
from tidewire.events.types import Custom, End, Event, Run, WarningEvent
from tidewire.events.visible_text import visible_text

#: What hears events. Its result is awaited when it is awaitable, and otherwise ignored.
Subscriber: TypeAlias = Callable[[Run, Event], Any]

#: A subscriber that failed this often in a row is detached.
MAX_FAILURES = 10
#: How long the awaited subscribers may take after ``end``, in seconds, all together.
END_FLUSH_S = 1.0
#: An event whose subscribers publish more events than this in answer, and in answer to those, has run into a loop.
MAX_REACTIONS = 1000

_log = logging.getLogger("tidewire")


class StopRun(Exception):
    """Raised by a subscriber to stop the run that it hears; the caller gets this exception."""


class Subscription:
    """A subscriber and what is known of its failures."""

    __slots__ = ("call", "critical", "failures", "reported")

    def __init__(self, call: Subscriber, *, critical: bool = False) -> None:
        self.call = call
        self.critical = critical
        self.failures = 0
        self.reported = False

    @property
    def key(self) -> Hashable:
        """The same for the same subscriber, which hears a run once however often it is given."""
        return self.call if _is_hashable(self.call) else id(self.call)

    @property
    def is_detached(self) -> bool:
        """True after too many failures in a row."""
        return self.failures >= MAX_FAILURES

    @property
    def name(self) -> str:
        """What to call it in a report."""
        return getattr(self.call, "__name__", None) or type(self.call).__name__


def _is_hashable(call: object) -> bool:
    try:
        hash(call)
    except TypeError:  # a callable object that compares by value
        return False
    return True


class Bus:
    """The bus of one run.

    Args:
        run: Whose events these are.
        subscriptions: Who hears them, in this order; those that a bus around it already tells are left out.
        parent: The bus of the run around it, or None.
        recursion_limit: How deep runs may be nested.
        is_streamed: Somebody reads the run piece by piece, so that calls within it are streamed too.

    Raises:
        RecursionLimitError: The run would be nested deeper than that.
    """

    __slots__ = (
        "_busy",
        "_ended",
        "_heard",
        "_is_read",
        "_is_streamed",
        "_parent",
        "_pending",
        "_queue",
        "_seq",
        "_subscriptions",
        "_unread",
        "depth",
        "failure",
        "fold",
        "run",
    )

    def __init__(
        self,
        run: Run,
        subscriptions: Iterable[Subscription] = (),
        *,
        parent: Bus | None = None,
        recursion_limit: int = 25,
        is_streamed: bool = False,
    ) -> None:
        self.depth: int = 1 if parent is None else parent.depth + 1
        if self.depth > recursion_limit:
            raise RecursionLimitError(
                f"run {run.name!r} is nested {self.depth} deep; recursion_limit is {recursion_limit}"
            )
        self.run = run
        self.fold = Fold(run)
        #: Set when a critical subscriber failed or a subscriber raised StopRun; whoever runs the run raises it.
        self.failure: Exception | None = None
        self._parent = parent
        self._is_streamed = is_streamed
        self._seq = 0
        self._ended = False
        self._pending: deque[tuple[Subscription, Awaitable[Any]]] = deque()
        # Held while an event is delivered; what is published meanwhile waits in the queue.
        self._busy = threading.Lock()
        self._queue: deque[Event] = deque()
        # Events that no publish_all() brought about, for the list of the next one, if there is any.
        self._unread: list[Event] = []
        self._is_read = False
        self._heard: set[Hashable] = set() if parent is None else set(parent._heard)
        own: list[Subscription] = []
        for subscription in subscriptions:
            key = subscription.key
            if key not in self._heard and not subscription.is_detached:
                self._heard.add(key)
                own.append(subscription)
        self._subscriptions: Sequence[Subscription] = own

    @property
    def ended(self) -> bool:
        """True once ``end`` was published."""
        return self._ended

    @property
    def has_pending(self) -> bool:
        """True when somebody is still to be awaited in :meth:`flush`."""
        return bool(self._pending)

    @property
    def wants_tokens(self) -> bool:
        """True when somebody hears tokens, here or around; ``wants_tokens = False`` on a subscriber says no.

        Also when a run around is streamed: what it says may be made of them.
        """
        bus: Bus | None = self
        while bus is not None:
            if bus._is_streamed or any(
                getattr(subscription.call, "wants_tokens", True) for subscription in bus._subscriptions
            ):
                return True
            bus = bus._parent
        return False

    @property
    def next_seq(self) -> int:
        """The number that the next event gets."""
        return self._seq

    def publish(self, event: Event) -> None:
        """Number, stamp, fold and deliver one event. Never waits, never raises. After ``end`` nothing is published."""
        self._queue.append(event)
        self._deliver_queue()

    def publish_all(self, events: Iterable[Event], published: list[Event]) -> None:
        """Publish the events of one network read, each one appended to ``published`` as it is.

        Events that were published otherwise since the last time (by subscribers, or a report about one) stand in
        ``published`` too, so that whoever reads these lists misses no number.

        Raises:
            TidewireError: What the iterable raises (a decoder does so after the events before the error).
        """
        self._is_read = True
        if not self._busy.acquire(blocking=False):
            self._queue.extend(events)
            return
        try:
            if self._unread:
                published += self._unread
                self._unread.clear()
            self._deliver(events, published)
        finally:
            self._busy.release()
            if self._queue:
                self._deliver_queue()

    async def flush(self) -> None:
        """Wait for the awaited subscribers, in order. After ``end`` shielded and bounded: what is late is reported."""
        if not self._pending:
            return
        if not self._ended:
            await self._drain([])
            return
        late: list[str] = []
        try:
            with anyio.move_on_after(END_FLUSH_S, shield=True):
                await self._drain(late)
        finally:
            late += self._drop_pending()
            if late:
                names = visible_text(", ".join(sorted(set(late))))
                _log.warning(
                    "subscribers were not done %.1f s after the end of a run: %s", END_FLUSH_S, visible_text(names)
                )

    def close(self) -> None:
        """Drop what is still to be awaited, for an ended run whose owner cannot wait any more."""
        self._drop_pending()

    def dispatch(self, name: str, data: JSON = None) -> None:
        """Publish an event of the user's own."""
        self.publish(Custom(name, data))

    def _deliver(self, events: Iterable[Event], published: list[Event]) -> None:
        run, seq, add = self.run, self._seq, self.fold.add
        parent, pending, queue = self._parent, self._pending, self._queue
        now = time.monotonic()
        try:
            for event in events:
                if self._ended:
                    return
                add(event)
                event.seq = seq
                event.time = now
                seq += 1
                if type(event) is End:
                    self._ended = True
                for subscription in self._subscriptions:
                    try:
                        result = subscription.call(run, event)
                        if result is not None and hasattr(result, "__await__"):
                            pending.append((subscription, result))
                        elif subscription.failures:
                            subscription.failures = 0
                    except Exception as error:  # noqa: BLE001 - a subscriber's fault is not the run's
                        self._failed(subscription, error)
                if parent is not None:
                    parent._relay(run, event, self)
                published.append(event)
                if queue:
                    self._seq = seq
                    self._deliver_reactions(published)
                    seq, now = self._seq, time.monotonic()
        finally:
            self._seq = seq

    def _deliver_queue(self) -> None:
        """Deliver what waits, unless somebody is at it, who then does so."""
        while self._queue and self._busy.acquire(blocking=False):
            try:
                self._deliver_reactions(self._unread if self._is_read else [])
            finally:
                self._busy.release()

    def _deliver_reactions(self, published: list[Event]) -> None:
        count = 0
        while self._queue and not self._ended and count <= MAX_REACTIONS:
            count += 1
            event = self._queue.popleft()
            self.fold.add(event)
            event.seq = self._seq
            event.time = time.monotonic()
            self._seq += 1
            if type(event) is End:
                self._ended = True
            self._relay(self.run, event, self)
            published.append(event)
        if self._ended:
            self._queue.clear()
        elif count > MAX_REACTIONS:
            self._queue.clear()
            _log.warning(
                "subscribers of run %s publish in answer to each other; the rest is dropped",
                visible_text(self.run.name),
            )

    async def _drain(self, late: list[str]) -> None:
        """Await what is pending. ``late`` gets the name of the subscriber that was awaited when time ran out."""
        pending = self._pending
        while pending:
            subscription, awaitable = pending.popleft()
            if subscription.is_detached:
                _close(awaitable)
                continue
            try:
                await awaitable
                subscription.failures = 0
            except Exception as error:  # noqa: BLE001 - a subscriber's fault is not the run's
                self._failed(subscription, error)
            except BaseException:
                late.append(subscription.name)
                raise
            if self._queue:
                self._deliver_queue()

    def _drop_pending(self) -> list[str]:
        """Close what is pending; returns the names of its subscribers."""
        names: list[str] = []
        while self._pending:
            subscription, awaitable = self._pending.popleft()
            names.append(subscription.name)
            _close(awaitable)
        return names

    def _relay(self, run: Run, event: Event, origin: Bus) -> None:
        """Deliver an event of a run within this one. Its failures and awaitables belong to the run it comes from."""
        for subscription in self._subscriptions:
            try:
                result = subscription.call(run, event)
                if result is not None and hasattr(result, "__await__"):
                    origin._pending.append((subscription, result))
                elif subscription.failures:
                    subscription.failures = 0
            except Exception as error:  # noqa: BLE001 - a subscriber's fault is not the run's
                origin._failed(subscription, error)
        if self._parent is not None:
            self._parent._relay(run, event, origin)

    def _failed(self, subscription: Subscription, error: Exception) -> None:
        if subscription.critical or isinstance(error, StopRun):
            self.failure = self.failure or error
            return
        subscription.failures += 1
        if not subscription.reported:
            subscription.reported = True
            text = (
                f"subscriber {visible_text(subscription.name)} raised {type(error).__name__}; "
                f"it is detached after {MAX_FAILURES} failures in a row"
            )
            self._queue.append(WarningEvent("subscriber_failed", text))
            _log.warning("%s", text, exc_info=error)
        if subscription.is_detached:
            self._detach(subscription)

    def _detach(self, subscription: Subscription) -> None:
        bus: Bus | None = self
        while bus is not None:
            bus._subscriptions = [kept for kept in bus._subscriptions if kept is not subscription]
            bus = bus._parent


def _close(awaitable: object) -> None:
    close = getattr(awaitable, "close", None)
    if close is not None:
        close()  # a coroutine that is dropped without this warns


_current: ContextVar[Bus | None] = ContextVar("tidewire_current_bus", default=None)
_scoped: ContextVar[tuple[Subscription, ...]] = ContextVar("tidewire_scoped_subscriptions", default=())


def current_bus() -> Bus | None:
    """The bus of the run around the caller (a tool's or a chain's), or None."""
    return _current.get()


@contextmanager
def enclosing(bus: Bus) -> Generator[None]:
    """Make runs that start within the block runs within ``bus``. Never around a ``yield`` of a generator."""
    token = _current.set(bus)
    try:
        yield
    finally:
        _current.reset(token)


@contextmanager
def detached() -> Generator[None]:
    """Make what begins within the block part of no run, heard by nobody around. Never around a ``yield``."""
    around, heard = _current.set(None), _scoped.set(())
    try:
        yield
    finally:
        _scoped.reset(heard)
        _current.reset(around)


@contextmanager
def subscribe(subscriber: Subscriber | Subscription, *, critical: bool = False) -> Generator[None]:
    """Hear every run that starts within the block, in this task and those started from it.

    Args:
        subscriber: A function ``(run, event)``; an async one is awaited once per network read.
        critical: Its failure fails the run.
    """
    if not isinstance(subscriber, Subscription):
        subscriber = Subscription(subscriber, critical=critical)
    token = _scoped.set((*_scoped.get(), subscriber))
    try:
        yield
    finally:
        _scoped.reset(token)


def scoped_subscriptions() -> tuple[Subscription, ...]:
    """The subscriptions of the blocks around the caller, outermost first."""
    return _scoped.get()


__all__ = [
    "Bus",
    "StopRun",
    "Subscriber",
    "Subscription",
    "current_bus",
    "detached",
    "enclosing",
    "scoped_subscriptions",
    "subscribe",
]
