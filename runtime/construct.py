"""From the keywords that users write to settings: what each means, and a clear word for one that means nothing."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Any, cast

import msgspec

from tidewire.adapters.addresses import check_header, checked_address
from tidewire.adapters.credentials import ApiKey
from tidewire.adapters.registry import find_adapter, split_model
from tidewire.adapters.secrets import Secret, seal_keywords, seal_named, without_user
from tidewire.adapters.spec import Adapter
from tidewire.adapters.transport_settings import TransportSettings
from tidewire.adapters.transports import shared_transport
from tidewire.config import check_tags
from tidewire.events.blocks import JSON
from tidewire.events.errors import ConfigurationError
from tidewire.events.foreign import left_behind
from tidewire.limiter import BaseRateLimiter
from tidewire.model_profile import ModelProfile
from tidewire.policy import RetryPolicy, Timeout, check_count, is_number
from tidewire.response_cache import checked_cache
from tidewire.settings import Resume, Settings

#: Other names under which the field knows a keyword; ``{provider}`` stands for the provider's name.
_ALIASES = {
    "{provider}_api_key": "api_key",
    "{provider}_api_base": "base_url",
    "{provider}_api_url": "base_url",
    "{provider}_proxy": "proxy",
    "model_id": "model",
    "model_name": "model",
    "request_timeout": "timeout",
    "default_request_timeout": "timeout",
    "stop_sequences": "stop",
    "max_completion_tokens": "max_tokens",
    "http_async_client": "http_client",
}


def _dict_of(name: str, value: object) -> dict[str, Any]:
    kind = type(value).__name__  # nothing of its text, which may hold a key
    given = cast("Mapping[object, Any]", value) if isinstance(value, Mapping) else {0: None}
    if not all(isinstance(key, str) for key in given):
        raise ConfigurationError(f"{name} must be a dict, got a {kind}")
    return {str(key): part for key, part in given.items()}


def _set_headers(settings: Settings, value: object) -> Settings:
    own = seal_named(_dict_of("default_headers", value))
    for name, text in own.items():
        check_header(name, text)
    headers = {**settings.headers, **{name.lower(): text for name, text in own.items()}}
    return msgspec.structs.replace(settings, headers=headers)


def _set_query(settings: Settings, value: object) -> Settings:
    own = seal_named(_dict_of("default_query", value))
    query = {**settings.query, **{name: text if isinstance(text, Secret) else str(text) for name, text in own.items()}}
    return msgspec.structs.replace(settings, query=query)


def _set_retries(settings: Settings, value: int) -> Settings:
    check_count("max_retries", value, least=0)
    return msgspec.structs.replace(settings, retry=msgspec.structs.replace(settings.retry, max_retries=value))


def _resume_of(value: JSON) -> Resume:
    if value != "restart":
        raise ConfigurationError(f'resume is "restart" or None, got {value!r}')
    return "restart"


def _limiter_of(value: object) -> BaseRateLimiter:
    if not isinstance(value, BaseRateLimiter):
        given = left_behind(value, "tidewire.rate_limiters") or f"{value!r:.100}"
        raise ConfigurationError(f"rate_limiter is a BaseRateLimiter of tidewire.rate_limiters, not {given}")
    return value


def _policy_of(value: JSON) -> RetryPolicy:
    if not isinstance(value, RetryPolicy):
        raise ConfigurationError(f"retry must be a RetryPolicy, got {value!r}; a number of retries is max_retries")
    return value


def _set_tools(settings: Settings, value: JSON) -> Settings:
    from tidewire.tool_binding import tools_of

    return msgspec.structs.replace(settings, tools=tools_of(value))


def _set_tool_choice(settings: Settings, value: JSON) -> Settings:
    from tidewire.tool_binding import tool_choice_of

    return msgspec.structs.replace(settings, tool_choice=tool_choice_of(value, settings.tools))


def _set_base_url(settings: Settings, value: object) -> Settings:
    url = checked_address(str(value), "base_url", bare_hosts=settings.adapter.bare_hosts)
    return msgspec.structs.replace(settings, base_url=url)


def _set_disable_streaming(settings: Settings, value: object) -> Settings:
    if value not in (True, False, "tool_calling"):
        raise ConfigurationError(f"disable_streaming is True, False or 'tool_calling', not {value!r}")
    return msgspec.structs.replace(settings, disable_streaming=value)


def _field(name: str, convert: Callable[[Any], Any] = lambda value: value) -> Callable[[Settings, Any], Settings]:
    return lambda settings, value: msgspec.structs.replace(settings, **{name: convert(value)})


def _flag(name: str) -> Callable[[Settings, Any], Settings]:
    def check(value: object) -> bool:
        if not isinstance(value, bool):
            raise ConfigurationError(f"{name} is True or False, got {value!r:.100}")
        return value

    return _field(name, check)


#: What a keyword does that is no parameter of the provider's.
_SETTERS: dict[str, Callable[[Settings, Any], Settings]] = {
    "base_url": _set_base_url,
    "cache": _field("cache", lambda value: value if isinstance(value, bool) else checked_cache(value)),
    "callbacks": _field("callbacks"),
    "check_profile": _flag("check_profile"),
    "custom_get_token_ids": _field("custom_get_token_ids"),
    "default_headers": _set_headers,
    "default_query": _set_query,
    "disable_streaming": _set_disable_streaming,
    "extra_body": lambda settings, value: msgspec.structs.replace(
        settings, extra_body={**settings.extra_body, **_dict_of("extra_body", value)}
    ),
    "include_response_headers": _flag("include_response_headers"),
    "max_retries": _set_retries,
    "metadata": lambda settings, value: msgspec.structs.replace(
        settings, metadata={**settings.metadata, **_dict_of("metadata", value)}
    ),
    "model": _field("model", str),
    "output": _field("output"),
    "parallel_tool_calls": _field("parallel_tool_calls"),
    "profile": _field("profile", ModelProfile.of),
    "rate_limiter": _field("rate_limiter", _limiter_of),
    "resume": _field("resume", _resume_of),
    "retry": _field("retry", _policy_of),
    "stream_usage": _flag("stream_usage"),
    "streaming": _flag("streaming"),
    "tags": _field("tags", check_tags),
    "timeout": _field("timeout", Timeout.of),
    "tool_choice": _set_tool_choice,
    "tools": _set_tools,
    "transport": _field("transport"),
}
#: Settings that are kept under another name than that of their keyword.
_READERS: dict[str, Callable[[Settings], Any]] = {
    "default_headers": lambda settings: settings.headers,
    "default_query": lambda settings: settings.query,
    "max_retries": lambda settings: settings.retry.max_retries,
}
#: Keywords that say which model it is, and where and how it is reached; of models that take over, each has its own.
_PLACE = frozenset(
    {
        "api_key",
        "base_url",
        "callbacks",
        "credentials",
        "default_headers",
        "extra_body",
        "metadata",
        "model",
        "profile",
        "tags",
        "transport",
    }
)
#: Parameters that are numbers wherever they exist.
_NUMBERS = frozenset({"temperature", "top_p", "frequency_penalty", "presence_penalty"})
_WHOLE_NUMBERS = frozenset({"max_tokens", "seed"})
#: Arguments of methods that take parameters of the model besides, which one may have meant.
_ARGUMENTS = {
    "include_raw": "with_structured_output",
    "method": "with_structured_output",
    "strict": "bind_tools and with_structured_output",
    **dict.fromkeys(
        [f"{how}clude_{what}" for how in ("in", "ex") for what in ("names", "types", "tags")], "astream_events"
    ),
    "version": "astream_events",
    "return_exceptions": "batch and abatch",
}
_TRANSPORT_KEYWORDS = frozenset(TransportSettings.__struct_fields__)


def build_settings(model: str, provider: str | Adapter | None, keywords: Mapping[str, Any]) -> Settings:
    """The settings of a model.

    Args:
        model: ``provider:model``, or the model's own name.
        provider: The provider's name, or its adapter, where the model's name does not tell.
        keywords: What else users write.

    Raises:
        ConfigurationError: The provider or a keyword is unknown, or a value cannot be used.
    """
    if isinstance(provider, Adapter):
        adapter, name = provider, model
    else:
        provider, name = split_model(model, provider)
        adapter = find_adapter(provider)
    given = _by_usual_names(adapter, keywords)
    del keywords
    seal_keywords(given)
    if adapter.configure is not None:
        adapter, given = adapter.configure(given)
    carrying = {key: given.pop(key) for key in list(given) if key in _TRANSPORT_KEYWORDS}
    transport = given.pop("transport", None)
    if transport is None:
        own = adapter.transport
        transport = own() if own is not None else shared_transport(TransportSettings(**carrying))
    base_url, header = _base_url(adapter)
    settings = Settings(
        adapter=adapter,
        model=name,
        transport=transport,
        credentials=given.pop("credentials", None) or ApiKey(adapter, given.pop("api_key", None)),
        base_url=base_url,
        headers={} if header is None else {"authorization": header},
        parameters=dict(adapter.default_parameters),
        profile=ModelProfile(adapter.provider, name),
    )
    return override(settings, given)


def model_and_rest(model: object, keywords: Mapping[str, Any]) -> tuple[str | None, dict[str, Any]]:
    """The model's name, under whichever of its names it was given, and the other keywords.

    Raises:
        ConfigurationError: It was given twice, or is no text.
    """
    rest = dict(keywords)
    given: dict[str, object] = {
        "model": model,
        **{name: rest.pop(name) for name in ("model_name", "model_id") if name in rest},
    }
    names = [name for name, value in given.items() if value is not None]
    if len(names) > 1:
        raise ConfigurationError(f"{names[0]!r} and {names[1]!r} are two names of the same parameter; give one")
    found = given[names[0]] if names else None
    if found is not None and not isinstance(found, str):
        raise ConfigurationError(f"a model is a text such as 'openai:gpt-5-nano', not {type(found).__name__}")
    return found, rest


def override(settings: Settings, keywords: Mapping[str, Any]) -> Settings:
    """The settings with some keywords changed, as for one call.

    Of models that take over, so are those keywords that mean anything there, and say neither which model it is nor
    where and how it is reached.

    Raises:
        ConfigurationError: A keyword is unknown; the nearest one is named.
    """
    keywords = _without_model_kwargs(settings.adapter, keywords)
    changed = _override(settings, keywords)
    fallbacks = changed.fallbacks
    if fallbacks is None or not keywords:
        return changed
    shared = {name: value for name, value in _by_usual_names(settings.adapter, keywords).items() if name not in _PLACE}

    def share(model: Settings) -> Settings:
        known = _SETTERS.keys() | model.adapter.parameters
        return override(model, {name: value for name, value in shared.items() if name in known})

    models = tuple(model.changed(share) for model in fallbacks.models)
    return msgspec.structs.replace(changed, fallbacks=msgspec.structs.replace(fallbacks, models=models))


def _override(settings: Settings, keywords: Mapping[str, Any]) -> Settings:
    given = _by_usual_names(settings.adapter, keywords)
    if "api_key" in given:
        key = ApiKey(settings.adapter, given.pop("api_key"))
        settings = msgspec.structs.replace(settings, credentials=key)
    parameters: dict[str, Any] = {}
    # Last, whatever their place: the number of retries counts within a policy, and the choice among the tools.
    for name, value in sorted(given.items(), key=lambda item: item[0] in ("max_retries", "tool_choice")):
        setter = _SETTERS.get(name)
        if setter is not None:
            settings = setter(settings, value)
        else:
            parameters[name] = value
    # Of an inference profile on Bedrock, the name says nothing; `base_model_id` says which model it stands for.
    renamed = given.get("base_model_id", given.get("model"))
    if renamed is not None and "profile" not in given:
        profile = ModelProfile(settings.adapter.provider, str(renamed))
        settings = msgspec.structs.replace(settings, profile=profile)
    if not parameters:
        return settings
    known = settings.adapter.parameters
    for name, value in parameters.items():
        if name not in known:
            raise ConfigurationError(_unknown(settings.adapter.provider, name, known))
        _check_number(name, value)
    return msgspec.structs.replace(settings, parameters={**settings.parameters, **parameters})


def _without_model_kwargs(adapter: Adapter, keywords: Mapping[str, Any]) -> Mapping[str, Any]:
    """The keywords with the parameters that ``model_kwargs`` holds among them, as the field has it."""
    if keywords.get("model_kwargs") is None:
        return keywords
    rest = {name: value for name, value in keywords.items() if name != "model_kwargs"}
    held = cast("object", keywords["model_kwargs"])
    if not isinstance(held, Mapping):
        raise ConfigurationError(f"model_kwargs is a dict of parameters, not {type(held).__name__}")
    parameters = _by_usual_names(adapter, cast("Mapping[str, Any]", held))
    for name in parameters:
        if name != "parallel_tool_calls" and name in _SETTERS.keys() | _TRANSPORT_KEYWORDS | {"api_key"}:
            raise ConfigurationError(f"{name!r} in model_kwargs is no parameter of the model; give it beside them")
        if name not in adapter.parameters:
            raise ConfigurationError(_unknown(adapter.provider, name, adapter.parameters))
    twice = parameters.keys() & _by_usual_names(adapter, rest).keys()
    if twice:
        raise ConfigurationError(f"{min(twice)!r} is given twice: in model_kwargs and beside them")
    return {**rest, **parameters}


def keyword_names(adapter: Adapter | None) -> frozenset[str]:
    """The keywords that a model is made with, as far as they are known; with an adapter, its parameters among them."""
    names = {"api_key", "model_kwargs", "model_provider", *_SETTERS, *_TRANSPORT_KEYWORDS}
    provider = "" if adapter is None else adapter.provider
    names.update(alias.format(provider=provider) for alias in _ALIASES)
    return frozenset(names if adapter is None else names | adapter.parameters)


def _check_number(name: str, value: object) -> None:
    if name in _NUMBERS and not is_number(value):
        raise ConfigurationError(f"{name} must be a number, got {value!r}")
    if name in _WHOLE_NUMBERS and (not isinstance(value, int) or isinstance(value, bool)):
        raise ConfigurationError(f"{name} must be a whole number, got {value!r}")


def setting_of(settings: Settings, name: str) -> Any:  # noqa: ANN401 -- settings are of any type
    """What a setting is, by any name under which it can be given; None where it is not set.

    Raises:
        AttributeError: There is no such setting, or it is a secret; the nearest ones are named.
    """
    adapter = settings.adapter
    usual = _usual_name(adapter, name)
    if usual in _READERS:
        return _READERS[usual](settings)
    if usual in _SETTERS:
        return getattr(settings, usual)
    if usual in adapter.parameters:
        return settings.parameters.get(usual)
    if usual == "api_key":
        raise AttributeError("api_key is a secret, which a model does not give back")
    if usual in keyword_names(adapter):
        raise AttributeError(f"{name!r} is not kept under its name; see model.settings")
    known = {*_READERS, *_SETTERS, *adapter.parameters, "model_name"}
    near = get_close_matches(name, sorted(known), n=3)
    hint = f"did you mean {', '.join(map(repr, near))}?" if near else "settings are read by the names they are given by"
    raise AttributeError(f"a model of {adapter.provider} has no attribute or setting {name!r}; {hint}")


def _usual_name(adapter: Adapter, name: str) -> str:
    aliases = {alias.format(provider=adapter.provider): usual for alias, usual in _ALIASES.items()}
    return aliases.get(name, name) if name not in adapter.parameters else name


def _by_usual_names(adapter: Adapter, keywords: Mapping[str, Any]) -> dict[str, Any]:
    """The keywords by their usual names, those that are None left out."""
    aliases = {alias.format(provider=adapter.provider): name for alias, name in _ALIASES.items()}
    given: dict[str, Any] = {}
    for key, value in keywords.items():
        name = aliases.get(key, key) if key not in adapter.parameters else key
        if name in given:
            raise ConfigurationError(f"{key!r} and {name!r} are two names of the same parameter; give one")
        if value is not None:
            given[name] = value
    return given


def _base_url(adapter: Adapter) -> tuple[str, Secret | None]:
    """Where the provider lives, and the header that user and password in its address stand for."""
    for name in adapter.base_url_env:
        if os.environ.get(name, "").strip():
            url, header = without_user(os.environ[name].strip())
            return checked_address(url, name, bare_hosts=adapter.bare_hosts), header
    return adapter.base_url, None


def _unknown(provider: str, name: str, known: frozenset[str]) -> str:
    names = sorted({*known, *_SETTERS, *_TRANSPORT_KEYWORDS, "api_key"})
    near = get_close_matches(name, names, n=1)
    if name == "max_concurrency":  # of a batch, in whose config it stands
        return "max_concurrency is no parameter of the model; pass config={'max_concurrency': …}."
    argument = get_close_matches(name, _ARGUMENTS, n=1)
    if argument and get_close_matches(name, [*near, *argument], n=1) == argument:
        return f"{provider} has no parameter {name!r}; did you mean {argument[0]!r}, of {_ARGUMENTS[argument[0]]}?"
    body = "a field of the provider's body goes into extra_body={…}"
    if near:
        return f"{provider} has no parameter {name!r}; did you mean {near[0]!r}? {body[0].upper()}{body[1:]}."
    return f"{provider} has no parameter {name!r}; {body}. It takes {', '.join(sorted(known))}."


__all__ = ["build_settings", "keyword_names", "model_and_rest", "override", "setting_of"]
