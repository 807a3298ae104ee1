"""Settings that the config of each call completes: what a configurable model has in place of settings.

They hold what is known beforehand (defaults), which fields a config may set, and what was declared on the model since:
``bind``, ``bind_tools``, ``with_structured_output``, … are changes of settings, made anew on those of whichever model
a call's config picks.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Collection, Hashable, Iterable, Mapping
from difflib import get_close_matches
from threading import Lock
from typing import Any, Generic, Literal, TypeAlias, TypeVar, cast

from tidewire.adapters.registry import (
    find_adapter,
    infer_provider,
    names_misspelt_provider,
    provider_names,
    split_named,
)
from tidewire.adapters.secrets import seal_keywords
from tidewire.adapters.spec import Adapter
from tidewire.config import RunnableConfig, check_config, inherited_config, merge_configs
from tidewire.construct import build_settings, keyword_names
from tidewire.events.errors import ConfigurationError
from tidewire.settings import Change, Settings

T = TypeVar("T")

#: Which fields a config may set: some, or any but those that say where requests go and who pays for them.
Fields: TypeAlias = Literal["any"] | Collection[str]

#: Configurations whose settings are kept, of each model.
KEPT = 128

#: What says where requests go and with whose key. Whoever may write a config must not choose these by the way: under
#: "any" they are closed, and what the defaults say of them counts for the provider of the defaults only.
_PLACE_OR_KEY = re.compile(
    r"(.*_)?(api_key|api_base|api_url|base_url|proxy|endpoint(_url)?|(access|api|ad|session)_token(_provider)?)"
    r"|account|aws_.*|credentials(_profile_name)?"
)
#: What carries requests: closed under "any" too, but any provider's.
_CARRIER = frozenset({"http_async_client", "http_client", "transport", "trust_env", "verify"})

#: Names that only a model's parameters have: never somebody else's, even where no prefix says whose a key is.
_UNMISTAKABLE = frozenset({"api_key", "base_url", "max_tokens", "model", "model_provider", "temperature", "top_p"})


class OpenSettings:
    """Settings that a call's config completes.

    Args:
        fields: The fields that a config may set, by the names that ``init_chat_model`` has for them; or "any".
        prefix: What the config's keys begin with.
        defaults: What counts where the config says nothing, ``model`` and ``model_provider`` among it.

    Raises:
        ConfigurationError: No config could ever complete them, or the defaults cannot be used.
    """

    def __init__(self, fields: Fields, prefix: str, defaults: Mapping[str, Any]) -> None:
        if isinstance(fields, str) and fields != "any":
            raise ConfigurationError(f"configurable_fields is 'any' or a tuple of names, not {fields!r}")
        self._fields: frozenset[str] | None = None if isinstance(fields, str) else frozenset(fields)
        for name in self._fields or ():
            self._refuse_unopenable(name)
        self._prefix = prefix if not prefix or prefix.endswith("_") else f"{prefix}_"
        self._defaults = {name: value for name, value in defaults.items() if value is not None}
        self._configured: dict[str, Any] = {}
        #: The config that every call starts from.
        self.config: RunnableConfig = {}
        self._changes: tuple[Change, ...] = ()
        self._built: _Recent[Settings] = _Recent()  # shared by all that are declared on these
        self._changed: _Recent[Settings] = _Recent()
        if self._fields is not None and "model" not in self._fields | self._defaults.keys():
            raise ConfigurationError(
                "no config can name the model: list 'model' in configurable_fields, or give model=…"
            )
        if "model" in self._defaults:
            self.settings_for(None)

    def settings_for(self, config: Mapping[str, Any] | None) -> Settings:
        """The settings of a call.

        Raises:
            ConfigurationError: No model is named, a field is unknown or closed, or a value cannot be used.
        """
        inherited = _configurable_of(inherited_config())
        taken = self._taken({**inherited, **self._configured, **_configurable_of(config)})
        key = _key_of(taken)
        known = self._changed.get(key)
        if known is not None:
            return known
        settings = self._built.get(key)
        if settings is None:
            settings = self._built.keep(key, self._build(taken))
        for change in self._changes:
            settings = change(settings)
        return self._changed.keep(key, settings)

    def changed(self, change: Change) -> OpenSettings:
        """A copy whose settings, whichever they will be, are changed so.

        Raises:
            ConfigurationError: The change cannot be made on the default model, where there is one.
        """
        copy = self._copy()
        copy._changes = (*self._changes, change)
        if "model" in {**self._defaults, **copy._taken(copy._configured)}:
            copy.settings_for(None)
        return copy

    def with_config(self, config: RunnableConfig) -> OpenSettings:
        """A copy whose calls start from this config; what it sets of the fields are further defaults."""
        copy = self._copy()
        copy._configured = {**self._configured, **_configurable_of(config)}
        copy.config = merge_configs(self.config, config)
        return copy.changed(lambda settings: settings.with_config(config))

    def __str__(self) -> str:
        names = "any" if self._fields is None else ", ".join(f"{self._prefix}{name}" for name in sorted(self._fields))
        taken = self._taken(self._configured)
        if "model" not in {**self._defaults, **taken}:
            return f"configurable: {names}"
        return f"{self.settings_for(None)}, configurable: {names}"

    def _copy(self) -> OpenSettings:
        copy = object.__new__(type(self))
        copy.__dict__.update(self.__dict__)
        copy._changed = _Recent()
        return copy

    def _taken(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Of what a config sets, what is meant for this model, without the prefix."""
        taken: dict[str, Any] = {}
        for key, value in given.items():
            if key.startswith(self._prefix):
                name = key.removeprefix(self._prefix)
                if self._is_open(name):
                    taken[name] = value
                else:
                    self._pass_by(key, name)
        if self._fields is None and not self._prefix:  # then the keys of others stand among those of the model
            known = keyword_names(_adapter_of(self._provider_for({**self._defaults, **taken}, taken)))
            foreign = [name for name in taken if name not in known]
            for name in foreign:
                self._refuse_misspelt(name, name, known)
                del taken[name]
        found = {name: value for name, value in taken.items() if value is not None}
        seal_keywords(found)
        return found

    def _is_open(self, name: str) -> bool:
        if self._fields is not None:
            return name in self._fields
        return not (_PLACE_OR_KEY.fullmatch(name) or name in _CARRIER)

    def _pass_by(self, key: str, name: str) -> None:
        """See that a key which sets no field is somebody else's."""
        ours = bool(self._prefix) or name in _UNMISTAKABLE
        if self._fields is None:
            if not ours and name not in keyword_names(None):
                return
            raise ConfigurationError(
                f"configurable key {key!r} says where requests go or with whose key, which configurable_fields='any' "
                f"leaves closed; list {name!r} in configurable_fields to open it"
            )
        self._refuse_misspelt(key, name, self._fields)
        if ours:
            fields = ", ".join(f"{self._prefix}{field}" for field in sorted(self._fields))
            raise ConfigurationError(
                f"configurable key {key!r} is no field of this model; its fields are {fields}; list {name!r} in "
                "configurable_fields to open it"
            )

    @staticmethod
    def _refuse_unopenable(name: object) -> None:
        """See that a field is no misspelt keyword; any other name may be a parameter of some provider's."""
        if not isinstance(name, str):
            raise ConfigurationError(f"configurable_fields is a tuple of names, and {name!r} is none")
        known = keyword_names(None) | _UNMISTAKABLE
        near = get_close_matches(name, known, n=1, cutoff=0.85) if name not in known else []
        # Only now all providers are looked at, which loads them.
        if near and not any(name in find_adapter(provider).parameters for provider in provider_names()):
            raise ConfigurationError(f"configurable_fields names {name!r}; did you mean {near[0]!r}?")

    def _refuse_misspelt(self, key: str, name: str, known: Iterable[str]) -> None:
        near = get_close_matches(name, [*known], n=1, cutoff=0.8)
        if near and name not in keyword_names(None) | _UNMISTAKABLE:
            raise ConfigurationError(
                f"configurable key {key!r} is no field of this model; did you mean {self._prefix + near[0]!r}?"
            )

    def _build(self, taken: Mapping[str, Any]) -> Settings:
        keywords = {**self._defaults, **taken}
        model = keywords.pop("model", None)
        if model is None:
            key = f"{self._prefix}model"
            raise ConfigurationError(
                f"no model is named: pass config={{'configurable': {{{key!r}: 'provider:model'}}}}"
            )
        if not isinstance(model, str):
            raise ConfigurationError(
                f"configurable key {self._prefix + 'model'!r} must be a text such as 'openai:gpt-5-nano', not "
                f"{type(model).__name__}"
            )
        provider = self._provider_for(keywords, taken)
        keywords.pop("model_provider", None)
        if _name_of(provider) != _name_of(self._default_provider() or provider):
            for name in [name for name in self._defaults if name not in taken and _PLACE_OR_KEY.fullmatch(name)]:
                del keywords[name]
        try:
            return build_settings(model, provider, keywords)
        except ConfigurationError as error:
            if not taken:
                raise
            keys = ", ".join(f"{self._prefix}{name}" for name in taken)
            raise ConfigurationError(f"{error.message} (configurable: {keys})") from error

    def _provider_for(self, keywords: Mapping[str, Any], taken: Mapping[str, Any]) -> str | Adapter | None:
        """The provider of the model that a config picks; None where there is no model yet."""
        given = taken.get("model_provider")
        if given is not None:
            return cast("str | Adapter", given)
        model = taken.get("model")
        if not isinstance(model, str):
            return self._default_provider()
        named = split_named(model)
        if named is not None:
            return named[0]
        stated = self._stated_provider()
        if stated is not None and "model" not in self._defaults:
            return stated  # it stands for whatever model is named
        try:
            return infer_provider(model)
        except ConfigurationError:
            if stated is None or names_misspelt_provider(model):
                raise
            return stated  # a name of the default's own place, such as a deployment's

    def _default_provider(self) -> str | Adapter | None:
        stated = self._stated_provider()
        if stated is not None or "model" not in self._defaults:
            return stated
        return infer_provider(self._defaults["model"])

    def _stated_provider(self) -> str | Adapter | None:
        """The provider that the defaults name, apart or before the model."""
        provider: str | Adapter | None = self._defaults.get("model_provider")
        if provider is None and "model" in self._defaults:
            named = split_named(self._defaults["model"])
            provider = None if named is None else named[0]
        return provider


class _Recent(Generic[T]):
    """What was made of late, by what it was made from. Two threads may make the same at once; one is kept."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Hashable, T] = OrderedDict()
        self._lock = Lock()

    def get(self, key: Hashable | None) -> T | None:
        with self._lock:
            if key is None or key not in self._kept:
                return None
            self._kept.move_to_end(key)
            return self._kept[key]

    def keep(self, key: Hashable | None, made: T) -> T:
        if key is None:
            return made
        with self._lock:
            kept = self._kept.setdefault(key, made)
            if len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return kept


def _configurable_of(config: Mapping[str, Any] | None) -> Mapping[str, Any]:
    return check_config(config).get("configurable", {})


def _key_of(value: object) -> Hashable | None:
    """The same for equal values only; None for what cannot be told apart."""
    match value:
        case dict():
            parts = cast("dict[Hashable, object]", value)
            keys = [(name, _key_of(part)) for name, part in parts.items()]
            return None if any(key is None for _, key in keys) else ("dict", frozenset(keys))
        case list() | tuple():
            items: list[Hashable | None] = [_key_of(part) for part in cast("Iterable[object]", value)]
            return None if None in items else (isinstance(value, list), *items)
        case _:
            try:
                hash(value)
            except TypeError:
                return None
            return type(value), value  # the type too: 1, 1.0 and True are equal, and not spelled alike


def _adapter_of(provider: str | Adapter | None) -> Adapter | None:
    return find_adapter(provider) if isinstance(provider, str) else provider


def _name_of(provider: str | Adapter | None) -> str | None:
    return provider.provider if isinstance(provider, Adapter) else provider and provider.lower().replace("-", "_")


__all__ = ["KEPT", "Fields", "OpenSettings"]
