"""Checks of ``encode``: what is asked for is spelled or refused by name, nothing is lost, and no key is in it."""

from __future__ import annotations

import base64
import os
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import cast

import msgspec

from tidewire.adapters.conformance.recording import ConformanceError, shown
from tidewire.adapters.conformance.samples import VALUES, Sample
from tidewire.adapters.secrets import Secret
from tidewire.adapters.spec import Adapter, HttpRequest, ModelRequest
from tidewire.events.blocks import JSON, JSONObject
from tidewire.events.errors import ConfigurationError, TidewireError
from tidewire.events.messages import HumanMessage
from tidewire.events.types import WarningEvent

# Values for a parameter that nobody gave one for, and more that hardly any parameter takes.
_GUESSES: tuple[JSON, ...] = ("tw", 7, True, {"tw": "tw"}, ["tw"], [{"tw": "tw"}])
_VALUES: tuple[JSON, ...] = (*_GUESSES, 1.5, None, {}, [])

_MEND_LOSS = "Spell it, refuse it with a ConfigurationError, or put a WarningEvent into the request's warnings."

#: Stands for the key while the checks run.
KEY = "tw-key-that-must-not-be-seen"


class Requests:
    """The checks of what an adapter sends.

    Args:
        adapter: The adapter.
        model: The name of a model.
        base_url: Where requests go.
        parameters: A value for each parameter that only this provider has.
    """

    def __init__(self, adapter: Adapter, model: str, base_url: str, parameters: JSONObject) -> None:
        self._adapter = adapter
        self._model = model
        self._base_url = base_url
        self._values = {**VALUES, **parameters}

    def is_spelled_or_refused(self, sample: Sample) -> None:
        """A sample is an HTTP request that can be sent, or a ``ConfigurationError`` that names it."""
        spelled = self._spell(sample)
        if isinstance(spelled, ConfigurationError):
            self._check_refusal(sample, spelled)
            return
        wrong = _faults(spelled, self._base_url) or [*_leaks(spelled)]
        if wrong:
            raise ConformanceError(f"{sample.name}: the request " + "\n  the request ".join(wrong))

    def loses_nothing(self, sample: Sample) -> None:
        """What a sample holds stands in the request, or a warning says what was left out."""
        spelled = self._spell(sample)
        if isinstance(spelled, ConfigurationError) or spelled.warnings:
            return
        texts = [*_texts(_json(spelled.body)), spelled.url, *map(str, spelled.headers.values())]
        for wanted in sample.arrives:
            as_bytes = base64.b64encode(wanted.encode()).decode()
            if not any(wanted in text or as_bytes in text for text in texts):
                raise ConformanceError(
                    f"{sample.name}: {wanted!r} was asked for and is not in the request\n"
                    f"  body: {shown(spelled.body, 1000)}\n  {_MEND_LOSS}"
                )
        if sample.differs_from is not None:
            without = self._encode(self._request(sample, sample.differs_from))
            if not isinstance(without, ConfigurationError) and _facts(without) == _facts(spelled):
                raise ConformanceError(
                    f"{sample.name}: the request is the same as without it\n"
                    f"  body: {shown(spelled.body, 1000)}\n  {_MEND_LOSS}"
                )

    def is_pure(self, sample: Sample) -> None:
        """Spelling a sample twice gives the same request, and changes nothing of what was handed in."""
        request = self._request(sample, sample.fields)
        before = _snapshot(request)
        first, second = self._encode(request), self._encode(request)
        if _snapshot(request) != before:
            raise ConformanceError(
                f"{sample.name}: encode changed what it was given\n"
                f"  before: {shown(before, 1000)}\n  after: {shown(_snapshot(request), 1000)}\n"
                "  Messages and settings are shared with other calls: copy what you change."
            )
        if _facts(first) != _facts(second):
            raise ConformanceError(
                f"{sample.name}: spelled twice, it is not the same request\n"
                f"  first: {shown(_facts(first), 1000)}\n  second: {shown(_facts(second), 1000)}\n"
                "  A retry sends the request again: encode uses no clock and no random number."
            )

    def spells_parameter(self, name: str) -> None:
        """A parameter changes the request."""
        without = self._encode(self._with_parameters({}))
        told: list[str] = []
        for value in [self._values[name]] if name in self._values else _GUESSES:
            spelled = self._encode(self._with_parameters({name: value}))
            if isinstance(spelled, ConfigurationError):
                told.append(f"{value!r} is refused: {spelled.message}")
                continue
            wrong = _faults(spelled, self._base_url)
            if wrong:
                raise ConformanceError(f"parameter {name!r}: with {value!r} the request {wrong[0]}")
            if _facts(spelled) != _facts(without) or spelled.warnings:
                return
            told.append(f"{value!r} changes nothing in the request")
        raise ConformanceError(
            f"parameter {name!r} is listed in parameters, but\n  "
            + "\n  ".join(told)
            + f"\n  Spell it, or give a value that shows it: conformance_tests(…, parameters={{{name!r}: …}})."
        )

    def takes_any_value(self, name: str) -> None:
        """A parameter of a wrong type is passed on or refused by its name."""
        for value in _VALUES:
            spelled = self._encode(self._with_parameters({name: value}))
            if isinstance(spelled, ConfigurationError) and not _names(spelled.message, name):
                raise ConformanceError(
                    f"parameter {name!r}: the refusal of {value!r} does not name it: {spelled.message}"
                )

    # ------------------------------------------------------------ how

    def _request(self, sample: Sample, fields: Mapping[str, JSON]) -> ModelRequest:
        return ModelRequest(
            model=self._model,
            messages=list(sample.messages),
            base_url=self._base_url,
            parameters=dict(self._adapter.default_parameters),
            **fields,
        )

    def _with_parameters(self, parameters: JSONObject) -> ModelRequest:
        return ModelRequest(
            model=self._model,
            messages=(HumanMessage("tw question"),),
            base_url=self._base_url,
            parameters={**self._adapter.default_parameters, **parameters},
        )

    def _spell(self, sample: Sample) -> HttpRequest | ConfigurationError:
        return self._encode(self._request(sample, sample.fields))

    def _encode(self, request: ModelRequest) -> HttpRequest | ConfigurationError:
        name = self._adapter.codec.name
        with _key_in_environment(self._adapter.key_env):
            try:
                return self._adapter.codec.encode(request)
            except ConfigurationError as error:
                return error
            except Exception as error:
                raise ConformanceError(
                    f"{name} raised {type(error).__name__}: {error}\n"
                    f"  on {shown(request, 1000)}\n"
                    "  What the format cannot spell is refused with a ConfigurationError that names it."
                ) from error

    def _check_refusal(self, sample: Sample, error: ConfigurationError) -> None:
        if not sample.may_refuse:
            raise ConformanceError(f"{sample.name}: refused, but every format has this: {error.message}")
        said = error.message.lower()
        words = (*sample.words, self._adapter.provider, self._adapter.codec.name)
        if not any(word.lower() in said for word in words):
            raise ConformanceError(
                f"{sample.name}: the refusal {error.message!r} does not say what was refused; it should name "
                f"{' or '.join((*sample.words[:1], self._adapter.provider))}"
            )


def _names(message: str, parameter: str) -> bool:
    """Whether a message speaks of a parameter, perhaps in other words: "reason" for ``reasoning_effort``."""
    return any(word[:6] in message.lower() for word in parameter.lower().split("_") if len(word) > 2)


def _faults(spelled: HttpRequest, base_url: str) -> list[str]:
    """What a transport could not send."""
    wrong: list[str] = []
    if not isinstance(cast("object", spelled), HttpRequest):
        return [f"is a {type(spelled).__name__}, not an HttpRequest"]
    if not spelled.method.isupper():
        wrong.append(f"has the method {spelled.method!r}; write it in capitals")
    if not spelled.url.startswith(base_url):
        wrong.append(f"goes to {spelled.url!r}, not below the base_url {base_url!r} that was asked for")
    if not spelled.url.isascii() or any(character <= " " for character in spelled.url):
        wrong.append(f"has the URL {spelled.url!r}: quote what is not ASCII")
    for name, value in spelled.headers.items():
        if name != name.lower():
            wrong.append(f"has the header {name!r}; write names in lower case")
        if not isinstance(cast("object", value), (str, Secret)):
            wrong.append(f"has a {type(value).__name__} as header {name!r}; values are text")
    if not isinstance(cast("object", spelled.body), bytes):
        return [*wrong, f"has a {type(spelled.body).__name__} as its body; a body is bytes"]
    if "json" in str(spelled.headers.get("content-type", "json")):
        try:
            msgspec.json.decode(spelled.body)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            wrong.append(f"has a body that is no JSON: {error}; it begins with {spelled.body[:100]!r}")
    wrong += [f"warns with {one!r}" for one in spelled.warnings if not isinstance(cast("object", one), WarningEvent)]
    return wrong


def _leaks(spelled: HttpRequest) -> Iterator[str]:
    values = {name: value.reveal() if isinstance(value, Secret) else value for name, value in spelled.headers.items()}
    places = {"URL": spelled.url, "body": spelled.body.decode("utf-8", "replace"), **values}
    for place, text in places.items():
        if KEY in text:
            yield (f"has the key in its {place}: leave it to the credentials, which put it into a header afterwards")


@contextmanager
def _key_in_environment(names: tuple[str, ...]) -> Generator[None]:
    """Where a codec that should know no key would find one."""
    before = {name: os.environ.get(name) for name in names}
    os.environ.update(dict.fromkeys(names, KEY))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _snapshot(request: ModelRequest) -> object:
    """All that a request holds, as text: compared before and after."""
    rest = [getattr(request, name) for name in request.__struct_fields__ if name != "messages"]
    return [(message, message.content_blocks) for message in request.messages].__repr__() + repr(rest)


def _facts(spelled: HttpRequest | TidewireError) -> object:
    if isinstance(spelled, TidewireError):
        return type(spelled), spelled.message
    return spelled.method, spelled.url, dict(spelled.headers), spelled.body, spelled.warnings


def _json(body: bytes) -> JSON:
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):  # a form or another format: its text is searched
        return body.decode("utf-8", "replace")


def _texts(value: object) -> Iterator[str]:
    """Every text in a JSON value, keys too; texts that are JSON themselves also as what they hold."""
    match value:
        case str():
            yield value
            if value.startswith(("{", "[")):
                with suppress(msgspec.DecodeError):
                    yield from _texts(msgspec.json.decode(value))
        case list():
            for item in cast("list[object]", value):
                yield from _texts(item)
        case dict():
            for key, item in cast("dict[str, object]", value).items():
                yield key
                yield from _texts(item)
        case _:
            pass


__all__ = ["KEY", "Requests"]
