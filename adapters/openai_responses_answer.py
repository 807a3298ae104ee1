"""A response being read: its head, its frames, its end with what of the items was not told before, and its usage.

A plain reply is a stream of nothing but the response's end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TypeAlias

from tidewire.adapters.json_text import object_of
from tidewire.adapters.openai_chat_errors import reported
from tidewire.adapters.openai_chat_parts import Audio, token_count
from tidewire.adapters.openai_responses_frame import RESPONSE, Frame, Response, read
from tidewire.adapters.openai_responses_open import OpenItems
from tidewire.adapters.reported_cost import read_cost_usd
from tidewire.events.types import Block, DecodedEvent, Finish, FinishReason, Meta, Usage

#: Facts of a response that go into ``response_metadata`` under their own names.
_FACTS = (
    "content_filters",
    "conversation",
    "created_at",
    "incomplete_details",
    "metadata",
    "previous_response_id",
    "service_tier",
    "status",
    "store",
)

_FINISH_REASONS: Mapping[str, FinishReason] = {
    "completed": "stop",
    "content_filter": "content_filter",
    "max_output_tokens": "length",
}

_Reader: TypeAlias = Callable[[Frame, bytes], Iterator[DecodedEvent]]


class Answer:
    """One response being read.

    Attributes:
        items: Its items.
        readers: What reads a frame, by its type. Frames of other types only repeat what these say, or tell how far a
            server's tool has come.
        begun: Whether anything of it was read.
        finished: Whether the response's end was read.
    """

    def __init__(self) -> None:
        items = self.items = OpenItems()
        self.readers: Mapping[str, _Reader] = {
            "response.output_text.delta": items.feed_text,
            "response.reasoning_summary_text.delta": items.feed_summary,
            "response.reasoning_text.delta": items.feed_reasoning,
            "response.function_call_arguments.delta": items.feed_arguments,
            "response.custom_tool_call_input.delta": items.feed_input,
            "response.output_text.annotation.added": items.annotate,
            "response.output_item.added": items.begin,
            "response.output_item.done": items.end,
            "response.audio.delta": self._hear,
            "response.audio.transcript.delta": self._hear,
            "response.created": self._begin,
            "response.in_progress": self._begin,
            "response.queued": self._begin,
            "response.completed": self._end,
            "response.incomplete": self._end,
            "response.failed": self._end,
        }
        self.begun = False
        self.finished = False
        self._known: tuple[str | None, str | None] = (None, None)
        self._audio = Audio()

    def end(self, response: Response, word: str, payload: bytes) -> Iterator[DecodedEvent]:
        """The response is whole: what of it was not told yet, and ``finish`` last.

        Args:
            response: The response.
            word: Its status, should it not have one.
            payload: The bytes that it was read from.

        Raises:
            APIStatusError: The response failed.
        """
        status = response.status or word
        yield from self._about(response)
        if status == "failed":
            yield from _usage(response)
            raise reported(response.error, payload)
        yield from self.items.end_all(response.output or [], whole=status != "incomplete")
        facts = {name: value for name in _FACTS if (value := getattr(response, name)) not in (None, {})}
        refusal = "".join(self.items.refusal)
        if refusal:
            facts["refusal"] = refusal
        if facts:
            yield Meta(data=facts)
        audio = self._audio.block()
        if audio is not None:
            yield Block(audio, self.items.next_index())
        yield from _usage(response)
        self.finished = True
        given = (response.incomplete_details or {}).get("reason")
        said = given if isinstance(given, str) else status
        reason = _FINISH_REASONS.get(said, "other")
        if reason == "stop" and self.items.calls:
            reason = "tool_calls"
        yield Finish("refusal" if refusal else reason, said)

    def _about(self, response: Response) -> Iterator[DecodedEvent]:
        """The response's id and model, where they are new."""
        known = (response.id or self._known[0], response.model or self._known[1])
        if known != self._known:
            self._known = known
            yield Meta(id=response.id, model=response.model)

    def _begin(self, frame: Frame, payload: bytes) -> Iterator[DecodedEvent]:
        yield from self._about(read(RESPONSE, frame.response))

    def _end(self, frame: Frame, payload: bytes) -> Iterator[DecodedEvent]:
        yield from self.end(read(RESPONSE, frame.response), frame.type.removeprefix("response."), payload)

    def _hear(self, frame: Frame, payload: bytes) -> Iterator[DecodedEvent]:
        """A piece of sound or of its transcript, which are told when they are whole."""
        self._audio.add({"data" if frame.type == "response.audio.delta" else "transcript": frame.delta})
        return iter(())


def _usage(response: Response) -> Iterator[Usage]:
    """The tokens, if any were counted."""
    usage = response.usage or {}
    sent, made = token_count(usage.get("input_tokens")), token_count(usage.get("output_tokens"))
    if sent is None and made is None:
        return
    sent, made = sent or 0, made or 0
    total = token_count(usage.get("total_tokens"))
    sent_details = object_of(usage.get("input_tokens_details"))
    yield Usage(
        input_tokens=sent,
        output_tokens=made,
        total_tokens=sent + made if total is None else total,
        cache_read=token_count(sent_details.get("cached_tokens")),
        cache_creation=token_count(sent_details.get("cache_write_tokens")),
        reasoning=token_count(object_of(usage.get("output_tokens_details")).get("reasoning_tokens")),
        cost_usd=read_cost_usd(usage),
    )


__all__ = ["Answer"]
