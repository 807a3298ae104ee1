"""Other libraries, each used as its documentation says. Each one runs in an environment of its own.

They are imported by name when one of them is measured, since no environment has them all. None of them tries again.
"""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from importlib import import_module
from typing import Any, TypeAlias

#: An object of a library that is imported by name, which has no type here.
Foreign: TypeAlias = Any

_HI = [{"role": "user", "content": "hi"}]


class _Peer:
    """A library, used as its documentation says."""

    async def aclose(self) -> None:
        """Nothing: the process ends."""


class _WithClient(_Peer, ABC):
    """A library that has a client for each address."""

    def __init__(self) -> None:
        self._clients: dict[str, Foreign] = {}

    @abstractmethod
    def _make(self, url: str) -> Foreign:
        """The client for an address."""

    def _client(self, url: str) -> Foreign:
        client = self._clients.get(url)
        if client is None:
            client = self._clients[url] = self._make(url)
        return client


class OpenAI(_WithClient):
    """openai's own client."""

    def _make(self, url: str) -> Foreign:
        return import_module("openai").AsyncOpenAI(base_url=url, api_key="x", max_retries=0)

    async def stream(self, url: str) -> int:
        """Read a streamed reply; gives the number of its tokens."""
        tokens = 0
        completions = self._client(url).chat.completions
        options = {"include_usage": True}
        async for chunk in await completions.create(model="bench", messages=_HI, stream=True, stream_options=options):
            if chunk.choices and chunk.choices[0].delta.content:
                tokens += 1
        return tokens

    async def call(self, url: str) -> int:
        """Read a plain reply; gives the number of its tokens."""
        reply = await self._client(url).chat.completions.create(model="bench", messages=_HI)
        return int(reply.usage.completion_tokens) if reply.choices[0].message.content else 0


class Anthropic(_WithClient):
    """anthropic's own client."""

    def _make(self, url: str) -> Foreign:
        return import_module("anthropic").AsyncAnthropic(base_url=url, api_key="x", max_retries=0)

    async def stream(self, url: str) -> int:
        """Read a streamed reply; gives the number of its tokens."""
        messages = self._client(url).messages
        tokens = 0
        async for event in await messages.create(model="bench", max_tokens=100, messages=_HI, stream=True):
            if event.type == "content_block_delta" and event.delta.text:
                tokens += 1
        return tokens


class LangchainOpenAI(_WithClient):
    """``ChatOpenAI``."""

    def _make(self, url: str) -> Foreign:
        return import_module("langchain_openai").ChatOpenAI(model="bench", base_url=url, api_key="x", max_retries=0)

    async def stream(self, url: str) -> int:
        """Read a streamed reply; gives the number of its tokens."""
        tokens = 0
        async for chunk in self._client(url).astream("hi", stream_usage=True):
            if chunk.content:
                tokens += 1
        return tokens

    async def sync(self, url: str) -> int:
        """The same for sync code."""
        return sum(1 for chunk in self._client(url).stream("hi", stream_usage=True) if chunk.content)

    async def records(self, url: str) -> int:
        """The same as records of ``astream_events``."""
        tokens = 0
        async for record in self._client(url).astream_events("hi", version="v2", stream_usage=True):
            if record["event"] == "on_chat_model_stream" and record["data"]["chunk"].content:
                tokens += 1
        return tokens

    async def call(self, url: str) -> int:
        """Read a plain reply; gives the number of its tokens."""
        message = await self._client(url).ainvoke("hi")
        return int(message.usage_metadata["output_tokens"]) if message.content else 0

    async def batch(self, url: str, calls: int, at_once: int) -> int:
        """Read so many plain replies; gives the number of their tokens."""
        messages = await self._client(url).abatch(["hi"] * calls, {"max_concurrency": at_once})
        return sum(int(message.usage_metadata["output_tokens"]) for message in messages)


class LangchainAnthropic(_WithClient):
    """``ChatAnthropic``."""

    def _make(self, url: str) -> Foreign:
        chat = import_module("langchain_anthropic").ChatAnthropic
        return chat(model="bench", base_url=url, api_key="x", max_retries=0)

    async def stream(self, url: str) -> int:
        """Read a streamed reply; gives the number of its tokens."""
        tokens = 0
        async for chunk in self._client(url).astream("hi"):
            if chunk.text:
                tokens += 1
        return tokens


class LiteLLM(_Peer):
    """``litellm.acompletion``."""

    def __init__(self) -> None:
        super().__init__()
        os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # it asks the network otherwise

    async def stream(self, url: str) -> int:
        """Read a streamed reply; gives the number of its tokens."""
        tokens = 0
        async for chunk in await self._ask(url, stream=True, stream_options={"include_usage": True}):
            if chunk.choices and chunk.choices[0].delta.content:
                tokens += 1
        return tokens

    async def call(self, url: str) -> int:
        """Read a plain reply; gives the number of its tokens."""
        reply = await self._ask(url)
        return int(reply.usage.completion_tokens) if reply.choices[0].message.content else 0

    async def _ask(self, url: str, **parameters: Foreign) -> Foreign:
        ask = import_module("litellm").acompletion
        return await ask(model="openai/bench", messages=_HI, api_base=url, api_key="x", num_retries=0, **parameters)


class PydanticAI(_WithClient):
    """``Agent`` with a model of OpenAI's."""

    def _make(self, url: str) -> Foreign:
        provider = import_module("pydantic_ai.providers.openai").OpenAIProvider(base_url=url, api_key="x")
        model = import_module("pydantic_ai.models.openai").OpenAIChatModel("bench", provider=provider)
        return import_module("pydantic_ai").Agent(model)

    async def stream(self, url: str) -> int:
        """Read a streamed reply; gives the number of its tokens."""
        tokens = 0
        async with self._client(url).run_stream("hi") as run:
            async for text in run.stream_text(delta=True, debounce_by=None):
                if text:
                    tokens += 1
        return tokens

    async def call(self, url: str) -> int:
        """Read a plain reply; gives the number of its tokens."""
        run = await self._client(url).run("hi")
        return int(run.usage.output_tokens) if run.output else 0


__all__ = ["Anthropic", "LangchainAnthropic", "LangchainOpenAI", "LiteLLM", "OpenAI", "PydanticAI"]
