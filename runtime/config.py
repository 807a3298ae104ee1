"""The config of a call: who listens, what it is called, how many run at once."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from difflib import get_close_matches
from typing import Any, TypedDict, cast
from uuid import UUID

from tidewire.events.callbacks import Callbacks
from tidewire.events.errors import ConfigurationError

#: Calls that a batch runs at once when nobody says otherwise.
DEFAULT_CONCURRENCY = 64


class RunnableConfig(TypedDict, total=False):
    """What every calling method takes as ``config``.

    Runs within a run inherit all of it but ``run_name`` and ``run_id``.

    Attributes:
        run_name: What the run is called.
        run_id: The run's id (a UUID or its text).
        tags: Labels; those of the runs around come first.
        metadata: Data, added to that of the runs around.
        callbacks: Who hears the run and those within it.
        max_concurrency: Calls that a batch runs at once.
        recursion_limit: How deep runs may be nested.
        configurable: Values for the fields that a configurable model leaves open.
    """

    run_name: str
    run_id: UUID | str
    tags: list[str]
    metadata: dict[str, Any]
    callbacks: Callbacks
    max_concurrency: int | None
    recursion_limit: int
    configurable: dict[str, Any]


#: The config that says nothing.
NOTHING: RunnableConfig = {}

_KEYS = tuple(RunnableConfig.__annotations__)


def check_config(config: Mapping[str, Any] | None) -> RunnableConfig:
    """The config without what is None, once its keys and plain values are known to be right.

    ``max_concurrency`` may be None: that is as many as without a config.

    Raises:
        ConfigurationError: A key is unknown (the nearest one is named) or a value cannot be used.
    """
    if config is None:
        return {}
    for key in config:
        if key not in _KEYS:
            near = get_close_matches(str(key), _KEYS, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else f"; known keys are {', '.join(_KEYS)}"
            raise ConfigurationError(f"config has no key {key!r}{hint}")
    for key, (is_right, words) in _VALUES.items():
        value = config.get(key)
        if value is not None and not is_right(value):
            raise ConfigurationError(f"{key} must be {words}, got {value!r:.100}")
    if None in config.values():
        config = {key: value for key, value in config.items() if value is not None or key == "max_concurrency"}
    return cast("RunnableConfig", config)


def check_tags(tags: object) -> tuple[str, ...]:
    """The tags that a model is given.

    Raises:
        ConfigurationError: They are no list of texts.
    """
    if not _are_tags(tags):
        raise ConfigurationError(f"tags must be {_VALUES['tags'][1]}, got {tags!r:.100}")
    return tuple(cast("Iterable[str]", tags))


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _are_tags(value: object) -> bool:
    # A text alone would be taken for its letters.
    return isinstance(value, (list, tuple, set, frozenset)) and all(
        isinstance(tag, str) for tag in cast("Iterable[object]", value)
    )


# What the values of some keys must be.
_VALUES: Mapping[str, tuple[Callable[[object], bool], str]] = {
    "run_name": (lambda value: isinstance(value, str), "a text"),
    "tags": (_are_tags, "a list of texts"),
    "metadata": (lambda value: isinstance(value, Mapping), "a dict"),
    "max_concurrency": (_is_count, "a whole number above 0"),
    "recursion_limit": (lambda value: value is not False and (value == 0 or _is_count(value)), "a whole number from 0"),
    "configurable": (lambda value: isinstance(value, Mapping), "a dict of values by their keys"),
}


def merge_configs(base: RunnableConfig, more: RunnableConfig) -> RunnableConfig:
    """Two configs as one: tags, metadata, callbacks and configurable add up, of the rest the later one counts."""
    if not more:
        return base
    if not base:
        return more
    merged: RunnableConfig = {**base, **more}
    if "tags" in base and "tags" in more:
        merged["tags"] = [*base["tags"], *(tag for tag in more["tags"] if tag not in base["tags"])]
    if "metadata" in base and "metadata" in more:
        merged["metadata"] = {**base["metadata"], **more["metadata"]}
    if "configurable" in base and "configurable" in more:
        merged["configurable"] = {**base["configurable"], **more["configurable"]}
    if base.get("callbacks") and more.get("callbacks"):
        merged["callbacks"] = [*_listed(base.get("callbacks")), *_listed(more.get("callbacks"))]
    return merged


# What runs inherit of the configs around them; callbacks, tags and metadata reach them by the bus.
_INHERITED = ("configurable", "max_concurrency", "recursion_limit")
_around: ContextVar[RunnableConfig] = ContextVar("tidewire_config_around", default=NOTHING)


def inherited_config() -> RunnableConfig:
    """What a run that begins here inherits: ``configurable``, ``max_concurrency``, ``recursion_limit``."""
    return _around.get()


@contextmanager
def passing_on(config: RunnableConfig) -> Generator[None]:
    """Let runs that begin within the block inherit from this config, besides what it has inherited itself."""
    passed = {key: value for key, value in config.items() if key in _INHERITED}
    token = _around.set(merge_configs(_around.get(), cast("RunnableConfig", passed)))
    try:
        yield
    finally:
        _around.reset(token)


def parse_run_id(value: UUID | str) -> UUID:
    """A run id as a UUID.

    Raises:
        ConfigurationError: The text is no UUID.
    """
    if isinstance(value, UUID):
        return value
    try:
        return UUID(value)
    except ValueError as wrong:
        raise ConfigurationError(f"run_id must be a UUID or its text, got {value!r}") from wrong


def _listed(callbacks: Callbacks) -> list[Any]:
    if callbacks is None:
        return []
    return [*callbacks] if isinstance(callbacks, (list, tuple)) else [callbacks]


__all__ = [
    "DEFAULT_CONCURRENCY",
    "NOTHING",
    "RunnableConfig",
    "check_config",
    "check_tags",
    "inherited_config",
    "merge_configs",
    "parse_run_id",
    "passing_on",
]
