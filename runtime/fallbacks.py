"""Models that take over when one fails: settings like any other, kept beside those of the first model."""

from __future__ import annotations

from functools import partial

import msgspec

from tidewire.events.errors import ConfigurationError
from tidewire.retrying import exception_types
from tidewire.settings import Change, Fallbacks, Settings, SettingsSource


def with_others(
    settings: Settings,
    others: tuple[SettingsSource, ...],
    exceptions_to_handle: tuple[type[Exception], ...] | type[Exception],
) -> Settings:
    """The settings with others that take over, in order; those that these have in turn follow them.

    What the first model was told of tools and of a form counts for those that were told nothing of the kind.

    Raises:
        ConfigurationError: There is none, one is asked for a form while the first is not, or a class is no exception's.
    """
    if not others:
        raise ConfigurationError("with_fallbacks needs at least one model")
    handled = exception_types("exceptions_to_handle", exceptions_to_handle)
    known = () if settings.fallbacks is None else settings.fallbacks.models
    told = partial(_as_told, settings)
    models = (model.changed(partial(change_all, change=told)) for other in others for model in _flat(other))
    return msgspec.structs.replace(settings, fallbacks=Fallbacks((*known, *models), handled))


def change_all(settings: Settings, change: Change) -> Settings:
    """The settings, and those that take over, each as ``change`` gives them."""
    changed = change(settings)
    fallbacks = settings.fallbacks
    if fallbacks is None:
        return changed
    # Of a configurable one, those that it has in turn are known with its settings.
    models = tuple(model.changed(partial(change_all, change=change)) for model in fallbacks.models)
    return msgspec.structs.replace(changed, fallbacks=msgspec.structs.replace(fallbacks, models=models))


def _flat(source: SettingsSource) -> tuple[SettingsSource, ...]:
    return source.flat() if isinstance(source, Settings) else (source,)


def _as_told(first: Settings, other: Settings) -> Settings:
    if other.form is not None and first.form is None:
        raise ConfigurationError(
            f"{other.adapter.provider}:{other.model} answers in a form and the first model does not; call "
            "with_structured_output() on what with_fallbacks() gives"
        )
    tools, choice, parallel = other.tools, other.tool_choice, other.parallel_tool_calls
    if not tools:
        tools, choice, parallel = first.tools, first.tool_choice, first.parallel_tool_calls
    return msgspec.structs.replace(
        other, tools=tools, tool_choice=choice, parallel_tool_calls=parallel, form=other.form or first.form
    )


__all__ = ["change_all", "with_others"]
