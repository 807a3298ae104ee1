"""tidewire, used as its documentation says."""

from __future__ import annotations

import time
from typing import Any, ClassVar

from tidewire import ChatModel, aclose, init_chat_model
from tidewire.events.types import Event, Run


class Tidewire:
    """``astream``, ``ainvoke`` and what is below them."""

    #: The provider whose wire format is spoken.
    provider: ClassVar = "openai"

    def __init__(self) -> None:
        self._models: dict[str, ChatModel] = {}

    async def stream(self, url: str) -> int:
        """Read a streamed reply as chunks; gives the number of its tokens."""
        tokens = 0
        async for chunk in self._model(url).astream("hi"):
            if chunk.text:
                tokens += 1
        return tokens

    async def sync(self, url: str) -> int:
        """The same for sync code."""
        return sum(1 for chunk in self._model(url).stream("hi") if chunk.text)

    async def records(self, url: str) -> int:
        """The same as records of ``astream_events``."""
        tokens = 0
        async for record in self._model(url).astream_events("hi"):
            if record["event"] == "on_chat_model_stream" and record["data"]["chunk"].text:
                tokens += 1
        return tokens

    async def call(self, url: str) -> int:
        """Read a plain reply; gives the number of its tokens, as the reply counts them."""
        message = await self._model(url).ainvoke("hi")
        usage = message.usage_metadata
        return usage["output_tokens"] if message.text and usage else 0

    async def batch(self, url: str, calls: int, at_once: int) -> int:
        """Read so many plain replies; gives the number of their tokens."""
        messages = await self._model(url).abatch(["hi"] * calls, {"max_concurrency": at_once})
        return sum(message.usage_metadata["output_tokens"] for message in messages if message.usage_metadata)

    async def stamped(self, url: str) -> list[float]:
        """Read a stream whose tokens are the times when they were sent; gives the seconds that each was under way."""
        delays: list[float] = []
        async for chunk in self._model(url).astream("hi"):
            text = chunk.text
            if text:
                delays.append(time.monotonic() - float(text))
        return delays

    async def aclose(self) -> None:
        """Close the connections."""
        await aclose()

    def _model(self, url: str) -> ChatModel:
        model = self._models.get(url)
        if model is None:
            model = init_chat_model(f"{self.provider}:bench", base_url=url, api_key="x", **self._options())
            self._models[url] = model
        return model

    def _options(self) -> dict[str, Any]:
        return {}


class WithSubscribers(Tidewire):
    """The same, heard by 20 functions."""

    def _options(self) -> dict[str, Any]:
        def make() -> object:
            def hear(run: Run, event: Event) -> None:
                pass

            return hear

        return {"callbacks": [make() for _ in range(20)]}


class TidewireAnthropic(Tidewire):
    """Anthropic's wire format."""

    provider = "anthropic"


class TidewireGemini(Tidewire):
    """Gemini's wire format."""

    provider = "google_genai"


class TidewireResponses(Tidewire):
    """OpenAI's Responses API."""

    def _options(self) -> dict[str, Any]:
        return {"use_responses_api": True}


__all__ = ["Tidewire", "TidewireAnthropic", "TidewireGemini", "TidewireResponses", "WithSubscribers"]
