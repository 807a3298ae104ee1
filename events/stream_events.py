"""``astream_events``: the events of runs as the field's records, plain dicts with ``event``, ``name``, ``run_id``, ….

A record is ``{"event", "name", "run_id", "parent_ids", "tags", "metadata", "data"}``. ``parent_ids`` begins with the
outermost run. ``data`` holds ``input`` at the start, ``chunk`` while a model streams, ``output`` at the end, and
``error`` when the run failed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypedDict, cast

from tidewire.events.blocks import JSON
from tidewire.events.callbacks import RunLeft, metadata_of
from tidewire.events.errors import ConfigurationError
from tidewire.events.types import Custom, End, Event, Run, Start


class StreamEvent(TypedDict):
    """A record of :meth:`tidewire.ChatModel.astream_events`."""

    event: str
    name: str
    run_id: str
    parent_ids: list[str]
    tags: list[str]
    metadata: dict[str, JSON]
    data: JSON


class RecordFilter:
    """Which runs are shown: by name, by type (``chat_model``, ``tool``, ``chain``) and by tag.

    A run is shown if one of the ``include_…`` fits (or none is given) and none of the ``exclude_…`` does.
    """

    def __init__(
        self,
        *,
        include_names: Sequence[str] | None = None,
        include_types: Sequence[str] | None = None,
        include_tags: Sequence[str] | None = None,
        exclude_names: Sequence[str] | None = None,
        exclude_types: Sequence[str] | None = None,
        exclude_tags: Sequence[str] | None = None,
    ) -> None:
        given = {
            "include_names": include_names,
            "include_types": include_types,
            "include_tags": include_tags,
            "exclude_names": exclude_names,
            "exclude_types": exclude_types,
            "exclude_tags": exclude_tags,
        }
        for argument, value in given.items():
            if isinstance(value, str):  # it would be taken for its letters
                raise ConfigurationError(f"{argument} is a list of texts; write {argument}=[{value!r}]")
        self._include = (frozenset(include_names or ()), frozenset(include_types or ()), frozenset(include_tags or ()))
        self._exclude = (frozenset(exclude_names or ()), frozenset(exclude_types or ()), frozenset(exclude_tags or ()))

    def shows(self, run: Run) -> bool:
        """Whether records of this run are given."""
        included = not any(self._include) or _fits(run, *self._include)
        return included and not _fits(run, *self._exclude)


def _fits(run: Run, names: frozenset[str], types: frozenset[str], tags: frozenset[str]) -> bool:
    return run.name in names or run.kind in types or not tags.isdisjoint(run.tags)


class RecordMaker:
    """Makes the records of one run.

    Args:
        run: The run.
    """

    __slots__ = ("_frame", "_kind", "_run", "_stream")

    def __init__(self, run: Run) -> None:
        self._run = run
        self._kind = run.kind
        self._frame: dict[str, Any] = {
            "event": "",
            "name": run.name,
            "run_id": str(run.id),
            "parent_ids": [str(parent) for parent in run.parent_ids],
            "tags": list(run.tags),
            "metadata": metadata_of(run, {}),
            "data": {},
        }
        self._stream = f"on_{run.kind}_stream"

    def chunk(self, chunk: object) -> StreamEvent:
        """The record of a piece of the run's output."""
        record = self._frame.copy()
        record["event"] = self._stream
        record["data"] = {"chunk": chunk}
        return cast("StreamEvent", record)  # the frame has all keys of a record

    def record(self, event: Event, input: JSON = None) -> StreamEvent | None:
        """The record of a start, an end or an event of the user's own; None for others.

        Args:
            event: The event.
            input: What the run was given, for its start; None takes what the event says.
        """
        match event:
            case Start():
                self._frame["metadata"] = metadata_of(self._run, event.parameters)
                return self._made("start", {"input": event.input if input is None else input})
            case End() if event.outcome == "ok":
                return self._made("end", {"output": event.output})
            case End():
                error = event.error if event.error is not None else RunLeft(f"the run was {event.outcome}")
                return self._made("error", {"error": error, "output": event.output})
            case Custom():
                record = self._made("", {})
                record["event"] = "on_custom_event"
                record["name"] = event.name
                record["data"] = event.data
                return record
            case _:
                return None

    def _made(self, moment: str, data: dict[str, Any]) -> StreamEvent:
        record = self._frame.copy()
        record["event"] = f"on_{self._kind}_{moment}"
        record["data"] = data
        return cast("StreamEvent", record)  # the frame has all keys of a record


__all__ = ["RecordFilter", "RecordMaker", "StreamEvent"]
