"""What the stand-in says, written down in advance: for tests that want a certain answer, a pause or a failure.

A script is a list of replies, used up in order, or a function of the request::

    init_chat_model(
        "embedded:demo", script=["Hello!", Fail(status=429, retry_after_s=0.2), Reply(tool_calls=[Call("now")])]
    )
    init_chat_model("embedded:demo", script=lambda request: Reply(f"You said {request.messages[-1].text!r}."))

Each HTTP request takes one entry, so a call that is tried again takes the next. A function may give None, and a list
may come to its end: then the answer follows from the request's shape, as it does without a script.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Literal, TypeAlias, get_args

import msgspec

from tidewire.adapters.sim_request import SimRequest
from tidewire.events.blocks import JSONObject
from tidewire.events.errors import ConfigurationError
from tidewire.events.named_arguments import NamedArguments, unknown_name
from tidewire.events.types import FinishReason, Usage


class Pace(msgspec.Struct, frozen=True, metaclass=NamedArguments):
    """How fast an answer comes.

    Attributes:
        first_token_s: Seconds before the first piece of the answer.
        tokens_per_second: Pieces in a second after it; 0 is as fast as they can be read.
    """

    first_token_s: float = 0.0
    tokens_per_second: float = 0.0

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            value: object = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not value >= 0:
                raise ConfigurationError(f"Pace takes {name} as a number from 0, not {value!r:.100}")


class Call(msgspec.Struct, frozen=True, metaclass=NamedArguments):
    """A tool call.

    Attributes:
        name: The tool.
        args: Its arguments, or their JSON text (which may be broken); None makes some that fit the tool's schema.
        id: The call's id; made from the request when None.
    """

    name: str
    args: JSONObject | str | None = None
    id: str | None = None


class Reply(msgspec.Struct, frozen=True, metaclass=NamedArguments):
    """An answer. ``max_tokens`` and ``stop`` of the request apply to it as to any other.

    Attributes:
        text: What it says; a list is sent in these pieces.
        reasoning: What is thought before; a list is sent in these pieces.
        tool_calls: The tools it calls.
        blocks: Whole blocks after the text, such as images and citations; the embedded provider alone can send them.
        tokens: Makes up a text of that many tokens when ``text`` is empty.
        finish: Why it ends; follows from the rest when None.
        usage: The tokens it reports, in place of those that were counted.
        pace: How fast it comes, in place of the provider's pace.
        model: The model that claims to have answered, in place of the one asked.
    """

    text: str | Sequence[str] = ""
    reasoning: str | Sequence[str] = ""
    tool_calls: Sequence[Call] = ()
    blocks: Sequence[JSONObject] = ()
    tokens: int | None = None
    finish: FinishReason | None = None
    usage: Usage | None = None
    pace: Pace | None = None
    model: str | None = None


#: How a request can fail. The embedded provider knows the first row; the simulator knows all.
FailKind: TypeAlias = Literal[
    "status", "error", "reset_before_head", "reset", "cut", "end", "stall_before_head", "stall",
    "html", "reset_in_head", "bad_chunk", "length_too_short", "length_too_long", "no_length", "pings", "trickle",
    "split_utf8", "bad_json", "bad_utf8", "gzip", "redirect", "cookies", "content_type",
]  # fmt: skip

FAIL_KINDS: tuple[FailKind, ...] = get_args(FailKind)


class Fail(msgspec.Struct, frozen=True, kw_only=True, metaclass=NamedArguments):
    """A failure in place of an answer, or in the middle of one.

    The kinds, each with where it strikes:

    - ``status``: the reply is an error with ``status``, in the provider's own form, with ``retry-after`` if given;
      ``html``: the same as the page of a proxy; ``redirect``: to another address.
    - ``reset_before_head``, ``reset_in_head``, ``reset``: the connection is reset before the head of the reply, within
      it, or after ``after_tokens`` pieces of the answer.
    - ``cut``: the connection is closed within the body; ``end``: the body ends properly, but the answer has no end.
    - ``error``: the provider reports an error inside the answer, of the class of ``status``.
    - ``stall_before_head``, ``stall``: nothing more comes, and the connection stays open; ``pings``: signs of life come
      for ever and nothing else.
    - ``bad_chunk``, ``length_too_short``, ``length_too_long``: the body's framing is broken.
    - ``bad_json``, ``bad_utf8``: one piece is not what it should be.
    - ``no_length``, ``trickle``, ``split_utf8``, ``gzip``, ``cookies``, ``content_type``: no failures, but replies as a
      server may send them: ended by the connection, byte by byte, cut within characters, compressed, with cookies,
      under another content type.

    Attributes:
        kind: What happens.
        after_tokens: Pieces of the answer that come before it; with 0 it strikes right after the head. Of an answer
            that is not streamed, the simulator sends half of the body before it, or nothing.
        status: The HTTP status of ``status``, ``html`` and ``error``.
        code: The provider's word for the error; follows from ``status`` when None.
        message: What the error says.
        retry_after_s: Seconds that the provider asks to wait.
        location: Where ``redirect`` leads.
        reply: The answer that is broken; by the request's shape when None.
    """

    kind: FailKind = "status"
    after_tokens: int = 0
    status: int = 500
    code: str | None = None
    message: str | None = None
    retry_after_s: float | None = None
    location: str = "/moved"
    reply: Reply | None = None

    def __post_init__(self) -> None:
        if self.kind not in FAIL_KINDS:
            raise ConfigurationError(unknown_name("nothing fails by", self.kind, FAIL_KINDS))


#: One entry of a script; a text stands for a reply that says it.
Turn: TypeAlias = Reply | Fail | str
#: What a user gives: entries in order, or a function of the request. A function may be called from several threads.
Script: TypeAlias = Iterable[Turn] | Callable[[SimRequest], Turn | None]

__all__ = ["FAIL_KINDS", "Call", "Fail", "FailKind", "Pace", "Reply", "Script", "Turn"]
