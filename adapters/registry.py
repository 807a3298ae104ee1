"""Providers by name: each loaded on first use, open to other packages, and found from well-known model names.

Another package adds a provider with an entry point in the group ``tidewire.adapters``: its name is the provider's,
its value an :class:`~tidewire.adapters.spec.Adapter`. The names of this project's own providers count first.
"""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

from tidewire.adapters.spec import Adapter
from tidewire.events.errors import ConfigurationError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

#: The group of entry points in which other packages register adapters.
ENTRY_POINTS = "tidewire.adapters"

#: Where the adapters of this project are, but for those of the table of hosts: provider → module and attribute.
_BUILT_IN = {
    "anthropic": ("tidewire.adapters.anthropic", "ADAPTER"),
    "azure_openai": ("tidewire.adapters.azure", "ADAPTER"),
    "bedrock": ("tidewire.adapters.bedrock", "BEDROCK"),
    "bedrock_converse": ("tidewire.adapters.bedrock", "ADAPTER"),
    "embedded": ("tidewire.adapters.embedded", "ADAPTER"),
    "google_genai": ("tidewire.adapters.google_genai", "ADAPTER"),
    "google_vertexai": ("tidewire.adapters.google_vertexai", "ADAPTER"),
    "huggingface": ("tidewire.adapters.huggingface", "ADAPTER"),
    "ollama": ("tidewire.adapters.ollama", "ADAPTER"),
    "openai": ("tidewire.adapters.openai", "ADAPTER"),
}

#: The table of the hosts that speak OpenAI's format, read when a name is none of those above.
_TABLE = "tidewire.adapters.compatible"


def _hosts() -> Mapping[str, Adapter]:
    hosts: Mapping[str, Adapter] = import_module(_TABLE).HOSTS
    return hosts


@cache
def _third_party() -> dict[str, EntryPoint]:
    from importlib.metadata import entry_points  # with some forty modules, needed for a name that is not built in

    return {_normal(point.name): point for point in entry_points(group=ENTRY_POINTS)}


def _load(name: str, point: EntryPoint) -> Adapter:
    package = "another package" if point.dist is None else f"the package {point.dist.name!r}"
    try:
        adapter: object = point.load()
    except Exception as error:  # the code of others runs here, and may fail in any way
        raise ConfigurationError(
            f"provider {name!r} cannot be loaded: {package} registers it as {point.value!r}, which raised "
            f"{type(error).__name__}: {error}; mend, upgrade or uninstall that package"
        ) from error
    if not isinstance(adapter, Adapter):
        raise ConfigurationError(
            f"provider {name!r} cannot be used: {package} registers it as {point.value!r}, which is a "
            f"{type(adapter).__name__}, not an Adapter"
        )
    return adapter


def provider_names() -> list[str]:
    """The names of all providers that can be used, sorted."""
    return sorted({*_BUILT_IN, *_hosts(), *_third_party()})


def find_adapter(provider: str) -> Adapter:
    """The adapter of a provider; case and ``-`` or ``_`` do not matter.

    Raises:
        ConfigurationError: There is none of that name; the nearest ones are listed.
    """
    name = _normal(provider)
    if name in _BUILT_IN:
        module, attribute = _BUILT_IN[name]
        built_in: Adapter = getattr(import_module(module), attribute)
        return built_in
    if name in _hosts():
        return _hosts()[name]
    point = _third_party().get(name)
    if point is not None:
        return _load(name, point)
    raise _unknown(provider) or ConfigurationError(
        f"there is no provider {provider!r}; providers are {', '.join(provider_names())}"
    )


def infer_provider(model: str) -> str:
    """The provider of a well-known model name, or of one in the profile data.

    Raises:
        ConfigurationError: The name is not known; the nearest ones are listed, and how to name the provider.
    """
    from tidewire.adapters.model_names import near_names, provider_of

    provider = provider_of(model)
    if provider is not None:
        return provider
    head, colon, _ = model.partition(":")
    misspelt = _unknown(head) if colon else None
    if misspelt is not None:
        raise misspelt
    near = near_names(model)
    hint = f"did you mean {' or '.join(map(repr, near))}? Otherwise " if near else ""
    raise ConfigurationError(
        f"cannot tell the provider of model {model!r}: {hint}write 'provider:{model}' or pass model_provider=…; "
        f"providers are {', '.join(provider_names())}"
    )


def split_named(model: str) -> tuple[str, str] | None:
    """The provider that stands before the first colon, and what is behind it; None where no provider does."""
    head, colon, rest = model.partition(":")
    known = colon and (_normal(head) in _BUILT_IN or _normal(head) in provider_names())
    return (_normal(head), rest) if known else None


def split_model(model: str, provider: str | None = None) -> tuple[str, str]:
    """The provider and the model's own name, from ``provider:model``, a model name, or both apart.

    Raises:
        ConfigurationError: The name is empty, or its provider is unknown.
    """
    named = split_named(model)
    if provider is None:
        provider, model = named or (infer_provider(model), model)
    elif named is not None and named[0] == _normal(provider):
        model = named[1]
    if not model:
        raise ConfigurationError(f"the model's name is empty; write '{provider}:name-of-the-model'")
    return _normal(provider), model


def names_misspelt_provider(model: str) -> bool:
    """Whether what stands before the first colon is so near to a provider's name that it can hardly be a model's.

    ``opnai:x`` is, and ``llama3:8b``, a name as Ollama has it, is not.
    """
    head, colon, _ = model.partition(":")
    head = _normal(head)
    near = get_close_matches(head, provider_names(), n=1, cutoff=0.88) if colon else []
    return bool(near) and near[0] != head and near[0][:1] == head[:1]


def _normal(provider: str) -> str:
    return provider.strip().lower().replace("-", "_")


def _unknown(provider: str) -> ConfigurationError | None:
    """The error for a name that is nearly another; None where it is near to none."""
    near = get_close_matches(_normal(provider), provider_names(), n=3)
    if not near:
        return None
    return ConfigurationError(f"there is no provider {provider!r}; did you mean {' or '.join(map(repr, near))}?")


__all__ = [
    "ENTRY_POINTS",
    "find_adapter",
    "infer_provider",
    "names_misspelt_provider",
    "provider_names",
    "split_model",
    "split_named",
]
