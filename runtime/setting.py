"""Settings as attributes of a model, read only."""

from __future__ import annotations

from typing import Generic, NoReturn, Protocol, Self, TypeVar, cast, overload

from tidewire.construct import setting_of
from tidewire.events.errors import ConfigurationError
from tidewire.settings import Settings

T = TypeVar("T", covariant=True)


class HasSettings(Protocol):
    """What has settings: a model."""

    @property
    def settings(self) -> Settings:
        """The settings."""
        ...


class Setting(Generic[T]):
    """One setting as an attribute: its value; None where it is not set, or the provider has no such parameter."""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, model: None, owner: type) -> Self: ...

    @overload
    def __get__(self, model: HasSettings, owner: type) -> T: ...

    def __get__(self, model: HasSettings | None, owner: type) -> Self | T:
        if model is None:
            return self
        settings = readable_settings(model)
        try:
            return cast("T", setting_of(settings, self._name))
        except AttributeError:
            return cast("T", None)

    def __set__(self, model: HasSettings, value: NoReturn) -> None:
        raise AttributeError(
            f"{self._name!r} is not assigned: models do not change; model.bind({self._name}=…) gives a changed copy"
        )


def readable_settings(model: HasSettings) -> Settings:
    """The settings of a model, for its attributes.

    Raises:
        AttributeError: A configurable model has no default to read them of.
    """
    try:
        return model.settings
    except ConfigurationError as error:
        raise AttributeError(error.message) from error


__all__ = ["HasSettings", "Setting", "readable_settings"]
