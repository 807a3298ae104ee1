"""The libraries that are measured, each one used as its documentation says."""

from __future__ import annotations

from tidewire import ChatModel, aclose, init_chat_model


class Tidewire:
    """``astream``, ``ainvoke`` and what is below them."""

    def __init__(self) -> None:
        self._models: dict[str, ChatModel] = {}

    async def stream(self, url: str) -> int:
        """Read a streamed reply as chunks; gives the number of its tokens."""
        tokens = 0
        async for chunk in self._model(url).astream("hi"):
            if chunk.text:
                tokens += 1
        return tokens

    async def call(self, url: str) -> int:
        """Read a plain reply; gives the number of its tokens, as the reply counts them."""
        message = await self._model(url).ainvoke("hi")
        usage = message.usage_metadata
        return usage["output_tokens"] if message.text and usage else 0

    async def aclose(self) -> None:
        """Close the connections."""
        await aclose()

    def _model(self, url: str) -> ChatModel:
        model = self._models.get(url)
        if model is None:
            model = self._models[url] = init_chat_model("openai:bench", base_url=url, api_key="x")
        return model


__all__ = ["Tidewire"]
