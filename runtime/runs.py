"""Runs of the user's own: ``open_run`` puts a run around a block, and calls in the block become runs within it."""

from __future__ import annotations

import uuid
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self

from tidewire.blocking import run_blocking
from tidewire.config import RunnableConfig, check_config, inherited_config, merge_configs, parse_run_id, passing_on
from tidewire.events.blocks import JSON, JSONObject
from tidewire.events.bus import Bus, Subscription, current_bus, enclosing, scoped_subscriptions
from tidewire.events.callbacks import subscriptions
from tidewire.events.errors import StreamInterruptedError
from tidewire.events.messages import AIMessage
from tidewire.events.types import Custom, End, Outcome, Run, RunKind, Start


class OpenRun:
    """A run around a block, of ``async with``, or of ``with`` in sync code.

    Set ``output`` within the block to say what it gave; ``run`` identifies it.
    """

    def __init__(
        self,
        name: str,
        *,
        kind: RunKind,
        input: JSON,
        config: Mapping[str, Any] | None,
        parameters: JSONObject | None = None,
    ) -> None:
        checked = merge_configs(inherited_config(), check_config(config))
        self._bus = open_bus(name, kind=kind, config=checked)
        self.run = self._bus.run
        self.output: JSON = None
        self._start = Start(input, parameters or {})
        self._around = within(self._bus, checked)

    def dispatch(self, name: str, data: JSON = None) -> None:
        """Publish an event of the user's own on this run."""
        self._bus.publish(Custom(name, data))

    async def __aenter__(self) -> Self:
        self._begin()
        try:
            await self._bus.flush()
        except BaseException as error:
            await self._end(error)
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._end(error)
        if error is None and self._bus.failure is not None:
            raise self._bus.failure

    def __enter__(self) -> Self:
        self._begin()
        try:
            self._flush_blocking()
        except BaseException as error:
            self._publish_end(error)
            self._flush_blocking()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._publish_end(error) != "abandoned":
            self._flush_blocking()
        if error is None and self._bus.failure is not None:
            raise self._bus.failure

    def _begin(self) -> None:
        self._bus.publish(self._start)
        self._around.__enter__()

    def _flush_blocking(self) -> None:
        if self._bus.has_pending:  # else there is no need to ask an event loop
            run_blocking(self._bus.flush)

    async def _end(self, error: BaseException | None) -> None:
        if self._publish_end(error) != "abandoned":
            await self._bus.flush()

    def _publish_end(self, error: BaseException | None) -> Outcome:
        self._around.__exit__(None, None, None)
        outcome = outcome_of(error)
        self._bus.publish(End(outcome, self.output, error=error if isinstance(error, Exception) else None))
        if outcome == "abandoned":
            self._bus.close()  # a generator that is closed must not wait
        return outcome


def open_run(name: str, *, input: JSON = None, config: Mapping[str, Any] | None = None) -> OpenRun:
    """Put a run around a block: ``async with open_run("search", input=question) as run: …``.

    Calls within the block, wherever they are made, become runs within it: its callbacks hear them, and they inherit its
    tags and metadata.

    Args:
        name: What the run is called; ``run_name`` of the config counts more.
        input: What it is given, shown in its ``start``.
        config: Who listens, tags, metadata, ``run_id``, ``recursion_limit``.
    """
    return OpenRun(name, kind="chain", input=input, config=config)


def open_bus(
    name: str,
    *,
    kind: RunKind,
    config: RunnableConfig,
    is_streamed: bool = False,
    last: Iterable[Subscription] = (),
) -> Bus:
    """The bus of a run of the user's own that begins now, within the run around it.

    Args:
        name: What the run is called, unless the config has a ``run_name``.
        kind: What it is of.
        config: The config, what is inherited included.
        is_streamed: Somebody reads it piece by piece.
        last: Who hears it after everybody else.
    """
    parent = current_bus()
    given = config.get("run_id")
    run = make_run(
        kind=kind,
        name=config.get("run_name") or name,
        parent=parent,
        tags=config.get("tags", ()),
        metadata=config.get("metadata", {}),
        id=None if given is None else parse_run_id(given),
    )
    return Bus(
        run,
        [*subscriptions(config.get("callbacks")), *scoped_subscriptions(), *last],
        parent=parent,
        recursion_limit=config.get("recursion_limit", 25),
        is_streamed=is_streamed,
    )


@contextmanager
def within(bus: Bus, config: RunnableConfig) -> Generator[None]:
    """Make runs that start within the block runs within ``bus``, and let them inherit from its config.

    Never around a ``yield`` of a generator.
    """
    with enclosing(bus), passing_on(config):
        yield


def outcome_of(error: BaseException | None) -> Outcome:
    """How a run ended that was left by this error, or without one."""
    if error is None:
        return "ok"
    if isinstance(error, GeneratorExit):
        return "abandoned"
    return "error" if isinstance(error, Exception) else "cancelled"


def left_early(
    run: Run, outcome: Outcome | None, partial: AIMessage | None = None, attempts: int = 0
) -> StreamInterruptedError:
    """What a run says to whoever asks for its result although it was cancelled or left, or (None) never began."""
    how = "closed before it began" if outcome is None else "cancelled" if outcome == "cancelled" else "left"
    seen = "nothing was asked" if outcome is None else "what arrived by then is not the whole of it"
    return StreamInterruptedError(
        f"{run.name} was {how}: {seen}",
        provider=run.provider,
        model=run.model,
        attempts=attempts,
        partial=partial,
    )


def make_run(
    *,
    kind: RunKind,
    name: str,
    parent: Bus | None,
    tags: Iterable[str] = (),
    metadata: Mapping[str, JSON] | None = None,
    id: uuid.UUID | None = None,
    provider: str | None = None,
    model: str | None = None,
) -> Run:
    """The identity of a run that begins now: tags and metadata of the run around it are inherited, its name is not."""
    around = parent.run if parent is not None else None
    return Run(
        id=id or uuid.uuid4(),
        kind=kind,
        name=name,
        parent_ids=() if around is None else (*around.parent_ids, around.id),
        tags=tuple(dict.fromkeys([*(around.tags if around else ()), *tags])),
        metadata={**(around.metadata if around else {}), **(metadata or {})},
        provider=provider,
        model=model,
    )


__all__ = ["OpenRun", "left_early", "make_run", "open_bus", "open_run", "outcome_of", "within"]
