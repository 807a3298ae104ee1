"""The floors of the other wire formats: each reads nothing but the text of its events."""

from __future__ import annotations

import msgspec

from benchmarks.floors import AiohttpReader

_BODY = b'{"model":"bench","messages":[{"role":"user","content":"hi"}],"stream":true}'
_JSON = {"content-type": "application/json"}


class _TextDelta(msgspec.Struct):
    text: str = ""


class _AnthropicEvent(msgspec.Struct):
    delta: _TextDelta | None = None


class _ResponsesEvent(msgspec.Struct):
    type: str
    delta: str = ""


class _Part(msgspec.Struct):
    text: str = ""


class _Content(msgspec.Struct):
    parts: list[_Part]


class _Candidate(msgspec.Struct):
    content: _Content


class _GeminiChunk(msgspec.Struct):
    candidates: list[_Candidate]


_anthropic = msgspec.json.Decoder(_AnthropicEvent)
_responses = msgspec.json.Decoder(_ResponsesEvent)
_gemini = msgspec.json.Decoder(_GeminiChunk)


class AnthropicReader(AiohttpReader):
    """The Messages API: ``delta.text`` of each event."""

    async def stream(self, url: str) -> int:
        """Read a streamed reply; gives the number of its tokens."""
        texts: list[str] = []
        rest = b""
        async with self.session.post(f"{url}/v1/messages", data=_BODY, headers=_JSON) as response:
            async for data in response.content.iter_any():
                *events, rest = (rest + data).split(b"\n\n")
                for event in events:
                    delta = _anthropic.decode(event[event.index(b"\ndata: ") + 7 :]).delta
                    if delta is not None and delta.text:
                        texts.append(delta.text)
        return len(texts) if "".join(texts) else 0


class ResponsesReader(AiohttpReader):
    """The Responses API: ``delta`` of each ``response.output_text.delta``."""

    async def stream(self, url: str) -> int:
        """Read a streamed reply; gives the number of its tokens."""
        texts: list[str] = []
        rest = b""
        async with self.session.post(f"{url}/responses", data=_BODY, headers=_JSON) as response:
            async for data in response.content.iter_any():
                *events, rest = (rest + data).split(b"\n\n")
                for event in events:
                    read = _responses.decode(event[event.index(b"\ndata: ") + 7 :])
                    if read.type == "response.output_text.delta":
                        texts.append(read.delta)
        return len(texts) if "".join(texts) else 0


class GeminiReader(AiohttpReader):
    """``streamGenerateContent``: the text of the first part of each chunk."""

    async def stream(self, url: str) -> int:
        """Read a streamed reply; gives the number of its tokens."""
        texts: list[str] = []
        rest = b""
        path = "/v1beta/models/bench:streamGenerateContent?alt=sse"
        async with self.session.post(url + path, data=_BODY, headers=_JSON) as response:
            async for data in response.content.iter_any():
                *events, rest = (rest + data).split(b"\r\n\r\n")
                for event in events:
                    text = _gemini.decode(event[6:]).candidates[0].content.parts[0].text
                    if text:
                        texts.append(text)
        return len(texts) if "".join(texts) else 0


__all__ = ["AnthropicReader", "GeminiReader", "ResponsesReader"]
