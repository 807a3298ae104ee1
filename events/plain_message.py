"""A message as plain data in pydantic's words, for programs that log messages by them; and its read-only fields.

What messages are read back from is the form of ``message_to_dict``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable
from typing import ClassVar, Literal, NoReturn, cast

import msgspec

from tidewire.events.blocks import JSON, JSONObject
from tidewire.events.errors import ConfigurationError


class PlainForms:
    """The methods of pydantic's models that give plain data."""

    __slots__ = ()

    #: The fields of the plain form, in its order.
    _dumped: ClassVar[tuple[str, ...]] = ("content", "additional_kwargs", "response_metadata", "type", "name", "id")

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        # In one place, as each class has properties of its own. Type checkers see properties without a setter.
        for name, field in list(vars(cls).items()):
            if isinstance(field, property) and field.fset is None:
                setattr(cls, name, field.setter(_refusal(cls.__name__, name)))

    def model_dump(
        self,
        *,
        mode: Literal["python", "json"] = "python",
        include: Collection[str] | None = None,
        exclude: Collection[str] | None = None,
        exclude_none: bool = False,
    ) -> JSONObject:
        """The message's fields as plain data, all of them unless less is asked for.

        Args:
            mode: "json" turns what the caller put into the message into what JSON has, too.
            include: The only fields to give.
            exclude: Fields to leave out.
            exclude_none: Leave out fields that are None.

        Raises:
            ConfigurationError: Under "json", the message holds something that JSON has no form for.
        """
        data: JSONObject = {}
        for name in self._dumped:
            if (include is None or name in include) and name not in (exclude or ()):
                data[name] = _copy(getattr(self, name))
        if exclude_none:
            data = {name: value for name, value in data.items() if value is not None}
        return cast("JSONObject", json.loads(json_of(data))) if mode == "json" else data

    def model_dump_json(
        self,
        *,
        indent: int | None = None,
        include: Collection[str] | None = None,
        exclude: Collection[str] | None = None,
        exclude_none: bool = False,
    ) -> str:
        """:meth:`model_dump` as JSON text.

        Raises:
            ConfigurationError: The message holds something that JSON has no form for.
        """
        text = json_of(self.model_dump(include=include, exclude=exclude, exclude_none=exclude_none)).decode()
        return text if indent is None else msgspec.json.format(text, indent=indent)

    # Last, since it hides the type of its name in what stands in this class.
    def dict(self) -> JSONObject:
        """:meth:`model_dump` by its older name."""
        return self.model_dump()


def json_of(data: object) -> bytes:
    """Plain data of messages as JSON text in UTF-8.

    Raises:
        ConfigurationError: It holds something that JSON has no form for.
    """
    try:
        try:
            return msgspec.json.encode(data)
        except UnicodeEncodeError:  # half of a character, as models do write: it has a JSON form, but none in UTF-8
            return json.dumps(data, separators=(",", ":")).encode()
    except TypeError as wrong:
        raise ConfigurationError(f"these messages have no JSON form: {wrong}") from wrong


def _refusal(owner: str, name: str) -> Callable[[object, object], None]:
    given = "content" if name == "text" else name

    def refuse(message: object, value: object) -> NoReturn:
        raise AttributeError(
            f"{name!r} of {owner} is not assigned: messages do not change; "
            f"message.model_copy(update={{{given!r}: …}}) gives a changed copy"
        )

    return refuse


def _copy(value: JSON) -> JSON:
    """Plain data of its own, so that nobody changes the message by it."""
    if isinstance(value, dict):
        return {key: _copy(part) for key, part in cast("JSONObject", value).items()}
    if isinstance(value, list):
        return [_copy(part) for part in cast("Iterable[JSON]", value)]
    return value


__all__ = ["PlainForms", "json_of"]
