"""``with_retry``: the field's words for a retry policy."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TypedDict, cast

import msgspec

from tidewire.events.errors import ConfigurationError
from tidewire.policy import RetryPolicy, check_count, is_number

#: What each parameter sets of a policy.
_FIELDS = {"initial": "initial_s", "max": "max_s", "exp_base": "growth", "jitter": "jitter_s"}


class ExponentialJitterParams(TypedDict, total=False):
    """How waits grow.

    Attributes:
        initial: The first wait, in seconds.
        max: The longest, in seconds.
        exp_base: What each is multiplied with to give the next.
        jitter: The most that is added at random, in seconds.
    """

    initial: float
    max: float
    exp_base: float
    jitter: float


def retry_policy(
    base: RetryPolicy,
    *,
    exceptions: tuple[type[Exception], ...] | type[Exception] | None,
    waits: bool,
    parameters: ExponentialJitterParams | None,
    attempts: int,
) -> RetryPolicy:
    """The policy for what ``with_retry`` was given; what it says nothing of is as in ``base``.

    Raises:
        ConfigurationError: A value cannot be used.
    """
    check_count("stop_after_attempt", attempts, least=1)
    types = None if exceptions is None else exception_types("retry_if_exception_type", exceptions)
    changes: dict[str, object] = {"max_retries": attempts - 1, "exceptions": types}
    for name, value in (parameters or {}).items():
        if name not in _FIELDS:
            near = get_close_matches(name, _FIELDS, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"it has {', '.join(_FIELDS)}"
            raise ConfigurationError(f"exponential_jitter_params has no {name!r}; {hint}")
        if not is_number(value):
            raise ConfigurationError(f"{name} of exponential_jitter_params must be a number, got {value!r}")
        changes[_FIELDS[name]] = value
    if not waits:
        changes |= {"initial_s": 0.0, "max_s": 0.0}
    return msgspec.structs.replace(base, **changes)


def exception_types(name: str, given: object) -> tuple[type[Exception], ...]:
    """The classes of exceptions that an argument was given, one or several.

    Raises:
        ConfigurationError: One of them is none.
    """
    types: list[type[Exception]] = []
    for kind in cast("tuple[object, ...]", given) if isinstance(given, tuple) else (given,):
        if not (isinstance(kind, type) and issubclass(kind, Exception)):
            raise ConfigurationError(f"{name} takes classes of exceptions, got {kind!r}")
        types.append(kind)
    return tuple(types)


__all__ = ["ExponentialJitterParams", "exception_types", "retry_policy"]
