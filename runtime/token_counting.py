"""How many tokens a text or a conversation has for a model: told from the text, or counted by the provider."""

from __future__ import annotations

import anyio
import msgspec

from tidewire.adapters.spec import NativeTool, ToolSpec
from tidewire.adapters.token_endpoints import counting_adapter
from tidewire.adapters.token_families import token_weights
from tidewire.attempt import Attempt
from tidewire.events.blocks import JSONObject
from tidewire.events.errors import TidewireError
from tidewire.events.messages import BaseMessage
from tidewire.events.types import Usage
from tidewire.settings import Settings
from tidewire.watchdog import LimitPassed, Watchdog


def tokens_of_text(settings: Settings, text: str) -> int:
    """About as many tokens as a text has; exactly so many where the model has a tokenizer."""
    tokenizer = settings.custom_get_token_ids
    return round(token_weights(settings.model).of_text(text)) if tokenizer is None else len(tokenizer(text))


def tokens_of_messages(settings: Settings, messages: list[BaseMessage]) -> int:
    """About as many tokens as a conversation has, with the tools that are bound."""
    tokenizer = settings.custom_get_token_ids
    return token_weights(settings.model).of_request(
        messages,
        [_told(tool) for tool in settings.tools],
        of_text=None if tokenizer is None else lambda text: len(tokenizer(text)),
    )


async def count_at_provider(settings: Settings, messages: list[BaseMessage]) -> int:
    """The tokens of a conversation, with the tools that are bound, as the provider counts them.

    It is a request of its own, which costs no tokens, is tried again like any other, and is no run that anybody hears.

    Raises:
        ConfigurationError: The provider does not count.
        TidewireError: The request failed.
    """
    request = settings.request(messages, stream=False)
    counting = msgspec.structs.replace(settings, adapter=counting_adapter(settings.adapter, request))
    watchdog = Watchdog(settings.timeout)
    number = 0
    try:
        while True:
            number += 1
            attempt = Attempt(counting, request)
            watchdog.begin_wait()
            try:
                return await _count(attempt, watchdog)
            except (TidewireError, LimitPassed) as raised:
                watchdog.end_wait()
                error = attempt.explain(raised, watchdog)
                wait = settings.retry.wait_before_retry(error, number, watchdog.remaining_s)
                if wait is None:
                    error.provider, error.model, error.attempts = settings.adapter.provider, settings.model, number
                    raise error from raised
            watchdog.expired = None
            await anyio.sleep(wait)
    finally:
        watchdog.stop()


async def _count(attempt: Attempt, watchdog: Watchdog) -> int:
    await attempt.open(watchdog)
    response, decoder = attempt.response, attempt.decoder
    read = False
    try:
        while data := await watchdog.guard(response.read(), response.abort):
            decoder.feed(data)
        (count,) = [event.input_tokens for event in decoder.close() if isinstance(event, Usage)]
        read = True
    finally:
        if not read:
            attempt.drop()
    await response.aclose()
    return count


def _told(tool: ToolSpec | NativeTool) -> JSONObject:
    if isinstance(tool, NativeTool):
        return tool.definition
    return {"name": tool.name, "description": tool.description, "parameters": tool.parameters}


__all__ = ["count_at_provider", "tokens_of_messages", "tokens_of_text"]
