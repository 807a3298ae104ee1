"""The journal: runs written as lines of JSON, and read again.

    {"journal": 1}                                a journal is opened: the version of the format
    {"run": {"id": …, "kind": …, "name": …, …}}   a run is heard of for the first time, ``at`` seconds since 1970
    {"id": …, "event": {"type": …, "seq": …, …}}  one of its events, all fields, as :mod:`tidewire.events.plain_values`

The lines of runs within a run, and of runs beside each other, stand as they were published. Everything that was said
stands in the file, prompts and answers included (it is made readable by its owner only); keys do not, for no event has
any.
"""

from __future__ import annotations

import json
import logging
import os
import threading
import time
from collections.abc import Iterator
from types import TracebackType
from typing import Any, BinaryIO, Final, Self, TypeAlias, cast, get_args
from uuid import UUID

import msgspec

from tidewire.events.blocks import JSON, JSONObject
from tidewire.events.bus import Subscriber
from tidewire.events.errors import ConfigurationError, StreamInterruptedError, TidewireError
from tidewire.events.fold import Fold
from tidewire.events.json_depth import DEPTH_LIMIT, is_too_deep
from tidewire.events.messages import AIMessage
from tidewire.events.plain_values import from_plain, to_plain
from tidewire.events.types import End, Event, Run, Usage

#: A file by its path, or one that is open for bytes.
PathOrFile: TypeAlias = str | os.PathLike[str] | BinaryIO

#: The version of the format.
VERSION: Final = 1

_KINDS: Final[dict[str, type[msgspec.Struct]]] = {
    str(kind.__struct_config__.tag): kind for kind in cast("tuple[type[msgspec.Struct], ...]", get_args(Event))
}
# Of each kind of event: its fields, and whether None is what a field is that is not written.
_FIELDS: Final = {
    kind: [(field.name, field.default is None) for field in msgspec.structs.fields(kind)] for kind in _KINDS.values()
}

_log = logging.getLogger("tidewire")


class JournalError(TidewireError):
    """A file is no journal, or one that a newer version wrote; ``line`` says where, counted from 1."""

    def __init__(self, message: str, *, line: int) -> None:
        super().__init__(f"line {line}: {message}")
        self.line = line


class Journal:
    """A subscriber that writes what it hears: ``with Journal("calls.ndjson") as journal, subscribe(journal): …``.

    Each line is handed to the operating system at once: a program that crashes loses at most the line it was writing.
    An existing file is added to. Closing does not close a file that was given open.

    Args:
        file: Where to write: a path, or a file that is open for bytes.

    Raises:
        OSError: The file cannot be opened. One that cannot be written to fails as subscribers do: reported, then
            detached.
    """

    #: A call is not streamed for the journal's sake.
    wants_tokens = False

    def __init__(self, file: PathOrFile) -> None:
        self._lock = threading.Lock()
        self._heard: set[UUID] = set()
        self._is_own = isinstance(file, (str, os.PathLike))
        self._file = _opened(file) if isinstance(file, (str, os.PathLike)) else file
        self._write({"journal": VERSION})

    def __call__(self, run: Run, event: Event) -> None:
        """Write an event; called by the bus."""
        lines: list[JSONObject] = []
        if run.id not in self._heard:
            self._heard.add(run.id)
            lines.append({"run": _plain_run(run), "at": time.time()})
        if isinstance(event, End):
            self._heard.discard(run.id)
        lines.append({"id": str(run.id), "event": _plain_event(event)})
        self._write(*lines)

    def close(self) -> None:
        """Close the file, if the journal has opened it."""
        if self._is_own:
            self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _write(self, *lines: JSONObject) -> None:
        data = b"".join(_encode(line) + b"\n" for line in lines)
        with self._lock:
            self._file.write(data)
            self._file.flush()


class RecordedRun:
    """A run as a journal has it: what it was, and its events, as far as they were written."""

    def __init__(self, run: Run, began_at: float) -> None:
        self.run = run
        #: Seconds since 1970 at which it was heard of for the first time.
        self.began_at = began_at
        self.events: list[Event] = []

    @property
    def end(self) -> End | None:
        """The last event, or None where the journal ends before the run."""
        last = self.events[-1] if self.events else None
        return last if isinstance(last, End) else None

    @property
    def message(self) -> AIMessage:
        """The events of a model call folded: its message, as far as it was written."""
        fold = Fold(self.run)
        for event in self.events:
            fold.add(event)
        return AIMessage.from_fold(fold)

    def result(self) -> Any:  # noqa: ANN401 - what a user's own run gave
        """What the run gave: a call's message, or what a tool or a chain gave.

        Raises:
            TidewireError: The run failed, with this error.
            StreamInterruptedError: The journal ends before the run, or the run was left; ``partial`` is what there is.
        """
        end = self.end
        if end is not None and end.outcome == "ok":
            return self.message if self.run.kind == "chat_model" else end.output
        if end is not None and isinstance(end.error, TidewireError):
            raise end.error
        how = "the journal ends before the run does" if end is None else f"the run was {end.outcome}"
        partial = self.message if self.run.kind == "chat_model" else None
        raise StreamInterruptedError(how, provider=self.run.provider, model=self.run.model, partial=partial)


class Recording:
    """What a journal holds.

    Attributes:
        runs: The runs, as they began.
        events: All their events with their runs, as they were published.
        cuts: The numbers of lines that were cut off as they were written, by a crash; what they held is lost.
    """

    def __init__(self) -> None:
        self.runs: list[RecordedRun] = []
        self.events: list[tuple[Run, Event]] = []
        self.cuts: list[int] = []

    def within(self, run: Run) -> list[RecordedRun]:
        """The runs that began directly within this one."""
        return [recorded for recorded in self.runs if recorded.run.parent_id == run.id]

    def replay(self, subscriber: Subscriber) -> None:
        """Tell a subscriber everything, as it was published; what it gives is not awaited."""
        for run, event in self.events:
            subscriber(run, event)


def read_journal(file: PathOrFile) -> Recording:
    """Read a journal.

    A line that a crash cut off is passed over and told: in ``cuts`` of what is returned, and by a warning in the log.

    Raises:
        JournalError: It is no journal, or a newer one.
        OSError: The file cannot be read.
    """
    if isinstance(file, (str, os.PathLike)):
        with open(file, "rb") as opened:
            return _Reader().read(opened)
    return _Reader().read(file)


class _Reader:
    def __init__(self) -> None:
        self._recording = Recording()
        self._open: dict[str, RecordedRun] = {}
        self._damaged: int | None = None
        self._begun = False

    def read(self, lines: Iterator[bytes] | BinaryIO) -> Recording:
        for number, line in enumerate(lines, 1):
            try:
                found = _decode(line) if line.endswith(b"\n") else None
            except ValueError:
                found = None
            if found is None:
                self._fail_if_damaged()
                self._damaged = number
            else:
                self._take(found, number)
        if self._damaged is not None:
            self._cut()
        if not self._begun:
            raise JournalError("this is no journal", line=1)
        if self._recording.cuts:
            shown = ", ".join(map(str, self._recording.cuts))
            _log.warning("a journal has lines that were cut off as they were written: %s", shown)
        return self._recording

    def _take(self, found: JSON, number: int) -> None:
        data = cast("JSONObject", found) if isinstance(found, dict) else {}
        if "journal" in data:
            if data["journal"] != VERSION:
                raise JournalError(f"a journal of version {data['journal']!r}, not {VERSION}", line=number)
            if self._damaged is not None:  # a crash, and then the file was added to
                self._cut()
            self._begun = True
            self._open.clear()
            return
        self._fail_if_damaged()
        if not self._begun:
            raise JournalError("this is no journal", line=number)
        try:
            self._take_event(data, number)
        except (KeyError, TypeError, ValueError, msgspec.ValidationError, ConfigurationError) as wrong:
            raise JournalError("this is neither a run nor an event of one", line=number) from wrong

    def _take_event(self, data: JSONObject, number: int) -> None:
        if "run" in data:
            recorded = RecordedRun(_run(data["run"]), float(data["at"]))
            self._open[str(recorded.run.id)] = recorded
            self._recording.runs.append(recorded)
            return
        recorded = self._open[data["id"]]
        event = _event(data["event"])
        recorded.events.append(event)
        self._recording.events.append((recorded.run, event))

    def _fail_if_damaged(self) -> None:
        if self._damaged is not None:  # only the last line that a program writes can be cut off
            raise JournalError("this is no JSON", line=self._damaged)

    def _cut(self) -> None:
        assert self._damaged is not None
        self._recording.cuts.append(self._damaged)
        self._damaged = None


def _opened(path: str | os.PathLike[str]) -> BinaryIO:
    file = os.fdopen(os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600), "a+b")
    if file.seek(0, os.SEEK_END):
        file.seek(-1, os.SEEK_END)
        if file.read(1) != b"\n":
            file.write(b"\n")  # the last line was cut off by a crash; the next one must not be glued to it
    return file


def _plain_run(run: Run) -> JSONObject:
    return {
        "id": str(run.id),
        "kind": run.kind,
        "name": run.name,
        "parent_ids": [str(id) for id in run.parent_ids],
        "tags": list(run.tags),
        "metadata": to_plain(run.metadata),
        "provider": run.provider,
        "model": run.model,
    }


def _run(plain: JSONObject) -> Run:
    return msgspec.convert({**plain, "metadata": from_plain(plain["metadata"])}, Run)


def _plain_event(event: Event) -> JSONObject:
    plain: JSONObject = {"type": event.__struct_config__.tag}
    for name, is_none_default in _FIELDS[type(event)]:
        value = getattr(event, name)
        if not (is_none_default and value is None):
            plain[name] = to_plain(value)
    return plain


def _event(plain: JSONObject) -> Event:
    fields = {name: from_plain(value) for name, value in plain.items() if name != "type"}
    kind = _KINDS[plain["type"]]
    if kind is End and fields.get("usage") is not None:
        fields["usage"] = msgspec.convert({**fields["usage"], "type": "usage"}, Usage)
    return cast("Event", msgspec.convert({**fields, "type": plain["type"]}, kind))


def _encode(line: JSONObject) -> bytes:
    try:
        return msgspec.json.encode(line)
    except (UnicodeEncodeError, OverflowError):  # half of a character, or a number that no machine word holds
        return json.dumps(line, separators=(",", ":")).encode()


def _decode(line: bytes) -> JSON:
    if is_too_deep(line):
        raise ValueError(f"nested deeper than {DEPTH_LIMIT}")
    try:
        return msgspec.json.decode(line)
    except msgspec.DecodeError:  # only json reads half a character
        return json.loads(line)


__all__ = [
    "VERSION",
    "Journal",
    "JournalError",
    "PathOrFile",
    "RecordedRun",
    "Recording",
    "read_journal",
]
