"""Decides what the stand-in answers: from a script, else from the request's shape. It knows no wire format.

    SimRequest ─▶ Brain.answer ─▶ Plan: steps (a wait, the events of one frame), then a finish and the tokens used

By the request's shape, in this order:

1. A named tool, or any tool, must be called: it is called, with arguments that fit its schema.
2. The last message is a tool's result: it is passed on; as JSON of the wished form if there is one.
3. Tools may be called: the first is; the first two, unless ``parallel_tool_calls`` is False or there is but one. With
   ``parallel_tool_calls=True`` a single tool is called twice.
4. A form is wished for: JSON that fits it.
5. Else some prose about the request.

Where reasoning is asked for, or the model's name ends in ``-reasoning``, it comes first. Everything follows from the
request and its seed: the same request gets the same answer, ids included.
"""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Callable, Iterator, Sequence
from random import Random

import msgspec

from tidewire.adapters.plan import Plan, Step
from tidewire.adapters.prose import count_tokens, describe, ramble, report_results, think, tokens
from tidewire.adapters.schema_check import is_object
from tidewire.adapters.schema_instance import schema_instance
from tidewire.adapters.script import Call, Fail, Pace, Reply, Script, Turn
from tidewire.adapters.sim_request import SimMessage, SimRequest, SimTool
from tidewire.events.blocks import JSON, JSONObject
from tidewire.events.errors import ConfigurationError
from tidewire.events.types import (
    Block,
    DecodedEvent,
    FinishReason,
    Meta,
    Reasoning,
    Token,
    ToolCallDelta,
    Usage,
)

#: Tokens that a message costs beside its text, and that an image or another attachment costs.
_PER_MESSAGE = 4
_PER_MEDIUM = 256


class Brain:
    """Answers requests; may be asked from several threads at once.

    Args:
        script: What to say before anything else.
        pace: How fast, where neither the script nor the request says it.
    """

    def __init__(self, script: Script = (), pace: Pace | None = None) -> None:
        self._pace = pace or Pace()
        self._choose: Callable[[SimRequest], Turn | None] | None = None
        self._turns: Iterator[Turn] = iter(())
        if callable(script):
            self._choose = script
        elif isinstance(script, str):
            raise ConfigurationError("a script is a list of replies or a function of the request, not a text")
        else:
            self._turns = iter(script)
        self._lock = threading.Lock()

    def answer(self, request: SimRequest) -> Plan:
        """The answer to a request. What is wrong with the request is an answer too: a plan that fails with status 400.

        Raises:
            ConfigurationError: The script holds something that is no reply.
        """
        wrong = _fault_of(request)
        turn: object = wrong or self._next(request)
        fail = turn if isinstance(turn, Fail) else None
        reply = fail.reply if fail is not None else turn
        if isinstance(reply, str):
            reply = Reply(reply)
        if reply is not None and not isinstance(reply, Reply):
            raise ConfigurationError(
                f"a script holds texts, Reply and Fail, not {type(reply).__name__}; a function may give None too"
            )
        key = _digest(request)
        if wrong is not None:
            return Plan(id=key, model=request.model, fail=wrong)
        try:
            return _Answer(request, key, reply, self._pace).plan(fail)
        except ConfigurationError as error:  # no value fits a schema of the request: the caller's fault
            return Plan(id=key, model=request.model, fail=_bad_request(error.message))

    def _next(self, request: SimRequest) -> Turn | None:
        if self._choose is not None:
            return self._choose(request)
        with self._lock:
            return next(self._turns, None)


class _Answer:
    """One answer in the making."""

    def __init__(self, request: SimRequest, key: str, reply: Reply | None, pace: Pace) -> None:
        self._request = request
        self._key = key
        self._reply = reply if reply is not None else Reply()
        self._scripted = reply is not None
        self._pace = _pace_of(request, self._reply, pace)
        self._random = Random(f"{request.seed}/{key}")
        self._left = request.max_tokens
        self._steps: list[Step] = []
        self._index = 0
        self._cut = False
        self._stop: str | None = None

    def plan(self, fail: Fail | None) -> Plan:
        request, reply = self._request, self._reply
        calls = reply.tool_calls if self._scripted else self._wished_calls()
        thoughts = self._thoughts(calls)
        reasoned = self._think(thoughts) if thoughts else 0
        self._say(self._text(calls))
        for block in reply.blocks:
            self._add((Block(block=block, index=self._index),), 0)
            self._index += 1
        if self._stop is None:
            for number, call in enumerate(calls):
                self._call(call, number)
        made = sum(step.tokens for step in self._steps)
        finish: FinishReason = "length" if self._cut else "tool_calls" if calls and self._stop is None else "stop"
        return Plan(
            id=self._key,
            model=reply.model or request.model,
            steps=tuple(self._steps),
            finish=reply.finish if reply.finish is not None and not self._cut else finish,
            stop=self._stop,
            usage=reply.usage or _usage(request, made, reasoned if thoughts else None),
            fail=fail,
        )

    def _wished_calls(self) -> Sequence[Call]:
        request = self._request
        names = [tool.name for tool in request.tools]
        if isinstance(request.tool_choice, tuple):
            return [Call(request.tool_choice[1])]
        asked = request.tool_choice == "any" or request.messages[-1].role != "tool"
        if not names or request.tool_choice == "none" or not asked:
            return ()
        if request.parallel_tool_calls is False:
            return [Call(names[0])]
        if len(names) == 1 and request.parallel_tool_calls:
            return [Call(names[0]), Call(names[0])]
        return [Call(name) for name in names[:2]]

    def _thoughts(self, calls: Sequence[Call]) -> Sequence[str]:
        given = self._reply.reasoning
        asked = self._request.reasoning or self._request.model.endswith("-reasoning")
        if not given and asked and not self._scripted:
            given = think(self._request, [call.name for call in calls], self._random)
        return tokens(given) if isinstance(given, str) else given

    def _text(self, calls: Sequence[Call]) -> Sequence[str]:
        reply, request = self._reply, self._request
        if self._scripted:
            if reply.tokens is not None and not reply.text:
                return ramble(reply.tokens, self._random)
            return tokens(reply.text) if isinstance(reply.text, str) else reply.text
        if calls:
            return ()
        if request.output is not None:
            schema = request.output.schema
            value = {"answer": describe(request, self._random)} if schema is None else self._instance(schema, "answer")
            return tokens(json.dumps(value, ensure_ascii=False))
        if request.messages[-1].role == "tool":
            return tokens(report_results(_results(request.messages), self._random))
        return tokens(describe(request, self._random))

    def _instance(self, schema: JSON, what: str) -> JSON:
        return schema_instance(schema, seed=f"{self._request.seed}/{self._key}/{what}")

    def _think(self, pieces: Sequence[str]) -> int:
        before = len(self._steps)
        for piece in pieces:
            if not self._add((Reasoning(text=piece, index=self._index),)):
                break
        made = len(self._steps) - before
        if not self._cut:
            signature = base64.b64encode(hashlib.sha256("".join(pieces).encode()).digest()).decode()
            self._add((Reasoning(signature=signature, index=self._index),), 0)
        self._index += 1
        return made

    def _say(self, pieces: Sequence[str]) -> None:
        kept = self._before_stop(pieces)
        for piece in kept:
            events: tuple[DecodedEvent, ...] = (Token(text=piece, index=self._index),)
            if self._request.logprobs:
                events = (*events, Meta(logprobs=[self._logprob(piece)]))
            if not self._add(events):
                self._stop = None
                break
        if kept:
            self._index += 1

    def _before_stop(self, pieces: Sequence[str]) -> Sequence[str]:
        text = "".join(pieces)
        found = [(text.index(stop), stop) for stop in self._request.stop if stop and stop in text]
        if not found:
            return pieces
        end, self._stop = min(found)
        kept: list[str] = []
        for piece in pieces:
            kept.append(piece[:end])
            end -= len(piece)
            if end <= 0:
                break
        return [piece for piece in kept if piece]

    def _call(self, call: Call, number: int) -> None:
        args = call.args
        if args is None:
            tool = next((tool for tool in self._request.tools if tool.name == call.name), SimTool(call.name))
            args = self._arguments(tool, number)
        text = args if isinstance(args, str) else json.dumps(args, ensure_ascii=False)
        id = call.id or f"call_{_short_hash(f'{self._key}/{number}')}"
        if self._cut or not self._add((ToolCallDelta(id=id, name=call.name, index=self._index),)):
            return
        for piece in tokens(text):
            if not self._add((ToolCallDelta(args=piece, index=self._index),)):
                break
        self._index += 1

    def _arguments(self, tool: SimTool, number: int) -> JSONObject:
        schema = {"type": "object", **tool.parameters}
        value = self._instance(schema, f"call {number}")
        return value if is_object(value) else {}

    def _add(self, events: tuple[DecodedEvent, ...], count: int = 1) -> bool:
        """Add a frame, unless the limit of tokens is reached."""
        if self._left is not None and count:
            if self._left <= 0:
                self._cut = True
                return False
            self._left -= count
        pace = self._pace
        delay = pace.first_token_s if not self._steps else 1 / pace.tokens_per_second if pace.tokens_per_second else 0.0
        self._steps.append(Step(delay if count else 0.0, events, count))
        return True

    def _logprob(self, piece: str) -> JSONObject:
        def entry(token: str, logprob: float) -> JSONObject:
            return {"token": token, "logprob": logprob, "bytes": list(token.encode("utf-8", "surrogatepass"))}

        logprob = -round(self._random.random() * 0.7, 6)
        chosen = entry(piece, logprob)
        others = [
            entry(f"{piece}{rank}", round(logprob - rank - self._random.random(), 6))
            for rank in range(1, self._request.top_logprobs)
        ]
        return {**chosen, "top_logprobs": [chosen, *others][: self._request.top_logprobs]}


def _pace_of(request: SimRequest, reply: Reply, pace: Pace) -> Pace:
    if reply.pace is not None:
        return reply.pace
    return Pace(
        first_token_s=pace.first_token_s if request.first_token_s is None else request.first_token_s,
        tokens_per_second=pace.tokens_per_second if request.tokens_per_second is None else request.tokens_per_second,
    )


def _usage(request: SimRequest, made: int, reasoned: int | None) -> Usage:
    """The tokens of a call.

    Sent are the tokens of all texts, 4 for each message, 256 for each attachment, and those of the tools and the form
    as JSON. The last assistant turn and what stands before it were sent before: they count as read from a cache.
    """
    costs = [_cost(message) for message in request.messages]
    beside = sum(count_tokens(msgspec.json.encode(tool).decode()) for tool in request.tools)
    if request.output is not None:
        beside += count_tokens(msgspec.json.encode(request.output).decode())
    sent = sum(costs) + beside
    turns = [at for at, message in enumerate(request.messages) if message.role == "assistant"]
    cached = sum(costs[: turns[-1] + 1]) if turns else 0
    return Usage(
        input_tokens=sent,
        output_tokens=made,
        total_tokens=sent + made,
        cache_read=cached,
        reasoning=reasoned,
    )


def _cost(message: SimMessage) -> int:
    calls = sum(count_tokens(call.name) + count_tokens(json.dumps(call.args)) for call in message.tool_calls)
    return count_tokens(message.text) + calls + _PER_MESSAGE + _PER_MEDIUM * len(message.media)


def _results(messages: Sequence[SimMessage]) -> list[tuple[str, SimMessage]]:
    """The results at the end of the conversation, each with the name of its tool."""
    names = {call.id: call.name for message in messages for call in message.tool_calls}
    at = len(messages)
    while at and messages[at - 1].role == "tool":
        at -= 1
    return [(names.get(message.tool_call_id, "The tool"), message) for message in messages[at:]]


def _fault_of(request: SimRequest) -> Fail | None:
    names = [tool.name for tool in request.tools]
    wrong = ""
    if not request.messages:
        wrong = "the conversation is empty"
    elif request.max_tokens is not None and request.max_tokens < 1:
        wrong = f"max_tokens must be at least 1, not {request.max_tokens}"
    elif request.tool_choice == "any" and not names:
        wrong = "a tool must be called, but there is none"
    elif isinstance(request.tool_choice, tuple) and request.tool_choice[1] not in names:
        wrong = f"the tool {request.tool_choice[1]!r} must be called, but there is only {names}"
    return _bad_request(wrong) if wrong else None


def _bad_request(message: str) -> Fail:
    return Fail(status=400, message=message)


def _digest(request: SimRequest) -> str:
    """What the words of the answer depend on, as a short text: not on how it is sent, nor on where it is cut."""
    said = SimRequest(
        model=request.model,
        messages=request.messages,
        tools=request.tools,
        tool_choice=request.tool_choice,
        parallel_tool_calls=request.parallel_tool_calls,
        output=request.output,
        reasoning=request.reasoning,
        seed=request.seed,
    )
    return _short_hash(msgspec.json.encode(said).decode())


def _short_hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:24]


__all__ = ["Brain"]
