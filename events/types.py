"""The events of a run: a closed union that fits on a page, and the identity of the run that publishes them.

The grammar, which the bus holds::

    run = start(before | around) * (content | around) * end
    before = retry | fallback
    content = token | reasoning | tool_call_chunk | block
    around = meta | usage | finish | wait | warning | custom

One ``start`` first, one ``end`` last; no ``retry`` or ``fallback`` after content, except a ``retry`` that carries
``discard_from``, after which it is as if nothing had been said. A tool's or a chain's run has neither ``before`` nor
``content``, and no ``meta``, ``usage`` and ``finish``; a chain's has a ``piece`` for each piece of its output. The bus
numbers the events of a run from 0 without a gap (``seq``) and stamps them (``time``, seconds of the monotonic clock).
An event belongs to its readers once it is published: nobody changes it.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Literal, TypeAlias
from uuid import UUID

import msgspec

from tidewire.events.blocks import JSON, InputTokenDetails, JSONObject, OutputTokenDetails, UsageMetadata

#: What a run is of.
RunKind = Literal["chat_model", "tool", "chain"]
#: How a run ended.
Outcome = Literal["ok", "error", "cancelled", "abandoned"]
#: Why the model stopped, in one word for all providers.
FinishReason = Literal["stop", "length", "tool_calls", "content_filter", "refusal", "other"]
#: Where the token counts of an ``end`` come from.
UsageSource = Literal["reported", "estimated", "unknown"]


class Cost(msgspec.Struct, frozen=True):
    """What one call costs, or several.

    Attributes:
        known_usd: US dollars, exact, of all that has a known price.
        unpriced: What has none, each as ``model: what``.
    """

    known_usd: Decimal = Decimal(0)
    unpriced: tuple[str, ...] = ()

    @property
    def usd(self) -> Decimal | None:
        """US dollars, exact; None where a price is unknown (``unpriced`` names it)."""
        return None if self.unpriced else self.known_usd


class Run(msgspec.Struct, frozen=True, eq=False):
    """Who publishes: one per call, tool or chain. ``parent_ids`` begins with the outermost run."""

    id: UUID
    kind: RunKind
    name: str
    parent_ids: tuple[UUID, ...] = ()
    tags: tuple[str, ...] = ()
    metadata: dict[str, JSON] = {}
    provider: str | None = None
    model: str | None = None

    @property
    def parent_id(self) -> UUID | None:
        """The run that this one was started in, or None."""
        return self.parent_ids[-1] if self.parent_ids else None

    @property
    def message_id(self) -> str:
        """The id of the message that this run makes, the same on each of its chunks."""
        return f"run-{self.id}"


class _Stamped(msgspec.Struct, kw_only=True):
    """What the bus writes on an event as it publishes it.

    ``gc=False`` (cheaper to make) stands on the events that cannot be part of a cycle. Those that hold what users and
    exceptions bring along can: an error's traceback leads back to its run.
    """

    seq: int = -1
    time: float = 0.0


class Start(_Stamped, tag="start"):
    """The run begins. ``input`` is the messages of a call, or what a tool or chain was given.

    ``options`` tells of a call in a form: the field's ``ls_structured_output_format``.
    """

    input: Any
    parameters: JSONObject = {}
    options: JSONObject = {}


class Retry(_Stamped, tag="retry", gc=False):
    """Another attempt follows after ``wait_s`` seconds. ``attempt`` is the one that failed, counted from 1.

    ``discard_from`` (where the caller agreed to it, as by ``resume="restart"``) is the first ``seq`` whose content no
    longer counts: from there on all of it, so that the answer begins anew.
    """

    attempt: int
    wait_s: float
    reason: str
    discard_from: int | None = None


class Token(_Stamped, tag="token", gc=False):
    """A piece of the answer's text, as the provider cut it. ``index`` is the place of its block in the reply."""

    text: str
    index: int = 0


class Reasoning(_Stamped, tag="reasoning", gc=False):
    """A piece of what the model thought; ``signature`` lets its provider take the block back in a later turn."""

    text: str = ""
    signature: str | None = None
    index: int = 0


class ToolCallDelta(_Stamped, tag="tool_call_chunk", gc=False):
    """A piece of a tool call: ``id`` and ``name`` once, then pieces of the arguments' JSON text.

    Pieces of one call share ``index``; an ``index`` of None continues the last call, or opens one if it has an id or
    name.
    """

    args: str = ""
    index: int | str | None = 0
    id: str | None = None
    name: str | None = None
    extras: JSONObject | None = None


class Block(_Stamped, tag="block"):
    """A whole block: image, audio, server tool call or result, …, or an addition to a block that is open.

    A ``citation`` or ``non_standard_annotation`` is added to the text block of the same ``index``. A ``text`` or
    ``reasoning`` block whose ``index`` is already open adds its ``id``, ``annotations`` and ``extras`` to that block.
    """

    block: JSONObject
    index: int | str = 0


class Meta(_Stamped, tag="meta"):
    """What the provider says about the answer: its id, the model that answered, and data for ``response_metadata``.

    ``data`` is merged key by key, the last one wins; ``logprobs`` are entries of the field's shape, which accumulate.
    """

    id: str | None = None
    model: str | None = None
    request_id: str | None = None
    data: JSONObject | None = None
    logprobs: list[JSONObject] | None = None


class Usage(_Stamped, tag="usage", gc=False):
    """Tokens of the call so far: totals, never differences.

    ``input_tokens`` counts everything sent, cached or not; ``output_tokens`` counts thinking. None means not reported.
    ``cost_usd`` is what the provider itself says that the call costs; it is no part of a message's ``usage_metadata``.
    ``cache_creation_5m`` and ``cache_creation_1h`` are the parts of ``cache_creation`` that are kept so long.
    """

    input_tokens: int = 0
    output_tokens: int = 0
    total_tokens: int = 0
    cache_read: int | None = None
    cache_creation: int | None = None
    input_audio: int | None = None
    output_audio: int | None = None
    reasoning: int | None = None
    cost_usd: Decimal | None = None
    cache_creation_5m: int | None = None
    cache_creation_1h: int | None = None

    def metadata(self) -> UsageMetadata:
        """The same as ``usage_metadata`` of a message: details that were not reported are absent."""
        usage: UsageMetadata = {
            "input_tokens": self.input_tokens,
            "output_tokens": self.output_tokens,
            "total_tokens": self.total_tokens,
        }
        sent: InputTokenDetails = {}
        if self.input_audio is not None:
            sent["audio"] = self.input_audio
        if self.cache_read is not None:
            sent["cache_read"] = self.cache_read
        if self.cache_creation is not None:
            sent["cache_creation"] = self.cache_creation
        if self.cache_creation_5m is not None:
            sent["ephemeral_5m_input_tokens"] = self.cache_creation_5m
        if self.cache_creation_1h is not None:
            sent["ephemeral_1h_input_tokens"] = self.cache_creation_1h
        if sent:
            usage["input_token_details"] = sent
        made: OutputTokenDetails = {}
        if self.output_audio is not None:
            made["audio"] = self.output_audio
        if self.reasoning is not None:
            made["reasoning"] = self.reasoning
        if made:
            usage["output_token_details"] = made
        return usage

    @classmethod
    def from_metadata(cls, usage: UsageMetadata) -> Usage:
        """The event for a message's ``usage_metadata``."""
        sent = usage.get("input_token_details", {})
        made = usage.get("output_token_details", {})
        return cls(
            input_tokens=usage.get("input_tokens", 0),
            output_tokens=usage.get("output_tokens", 0),
            total_tokens=usage.get("total_tokens", 0),
            cache_read=sent.get("cache_read"),
            cache_creation=sent.get("cache_creation"),
            input_audio=sent.get("audio"),
            output_audio=made.get("audio"),
            reasoning=made.get("reasoning"),
            cache_creation_5m=sent.get("ephemeral_5m_input_tokens"),
            cache_creation_1h=sent.get("ephemeral_1h_input_tokens"),
        )


class Finish(_Stamped, tag="finish", gc=False):
    """Why the model stopped: one word for all providers, and the provider's own."""

    reason: FinishReason
    provider_reason: str | None = None


class Wait(_Stamped, tag="wait", gc=False):
    """The call waits ``seconds`` for ``why``: a rate limiter, a closed gate."""

    why: str
    seconds: float


class Fallback(_Stamped, tag="fallback"):
    """Another model takes over after ``error``; both are named ``provider:model``. Its attempts count from 1 again."""

    from_model: str
    to_model: str
    error: Any


class WarningEvent(_Stamped, tag="warning", gc=False):
    """Something the caller should know that is no error: a dropped parameter, a failing subscriber."""

    code: str
    text: str


class Custom(_Stamped, tag="custom"):
    """An event of the user's own."""

    name: str
    data: Any = None


class Piece(_Stamped, tag="piece"):
    """A piece of a chain's output, while somebody reads it piece by piece."""

    value: Any


class End(_Stamped, tag="end"):
    """The run is over and its connection closed.

    ``output`` is the ``AIMessage`` so far of a model call (None before content), or what a tool or chain gave back.
    ``cost`` is that of a model call which was answered, by what the provider says or by the prices of the profile.
    """

    outcome: Outcome
    output: Any = None
    usage: Usage | None = None
    usage_source: UsageSource = "unknown"
    error: Any = None
    cost: Cost | None = None


class Gap(_Stamped, tag="gap", gc=False):
    """A tap dropped ``count`` events, from ``first`` to ``last`` (their ``seq``). It is the tap's, not the run's."""

    count: int
    first: int
    last: int


#: What a decoder may yield.
DecodedEvent: TypeAlias = Token | Reasoning | ToolCallDelta | Block | Meta | Usage | Finish | WarningEvent
#: What a run publishes, and a tap's ``gap``.
Event: TypeAlias = DecodedEvent | Start | Retry | Wait | Fallback | Custom | Piece | End | Gap

#: Events that are part of the answer: after one of these, nothing is tried again silently.
CONTENT: frozenset[type] = frozenset({Token, Reasoning, ToolCallDelta, Block})

__all__ = [
    "CONTENT",
    "Block",
    "Cost",
    "Custom",
    "DecodedEvent",
    "End",
    "Event",
    "Fallback",
    "Finish",
    "FinishReason",
    "Gap",
    "Meta",
    "Outcome",
    "Piece",
    "Reasoning",
    "Retry",
    "Run",
    "RunKind",
    "Start",
    "Token",
    "ToolCallDelta",
    "Usage",
    "UsageSource",
    "Wait",
    "WarningEvent",
]
