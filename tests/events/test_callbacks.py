"""Callbacks: handlers of the field's form, sync and async, as subscribers."""

from __future__ import annotations

import functools
import inspect
import logging
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID, uuid4

import anyio
import pytest

import tidewire
from tidewire.events.bus import Bus, Subscription
from tidewire.events.callbacks import (
    AsyncCallbackHandler,
    BaseCallbackHandler,
    Callbacks,
    LLMResult,
    RunLeft,
    subscriptions,
)
from tidewire.events.chunks import AIMessageChunk
from tidewire.events.errors import ConfigurationError, RateLimitError
from tidewire.events.fold import Fold
from tidewire.events.messages import AIMessage, HumanMessage
from tidewire.events.types import (
    Block,
    Custom,
    End,
    Event,
    Finish,
    Meta,
    Reasoning,
    Retry,
    Run,
    RunKind,
    Start,
    Token,
    ToolCallDelta,
    Usage,
    Wait,
    WarningEvent,
)

PARENT = uuid4()


def a_run(kind: RunKind = "chat_model") -> Run:
    return Run(
        id=uuid4(), kind=kind, name="Demo", parent_ids=(PARENT,), tags=("t1", "t2"), metadata={"user": 7}, model="m"
    )


def answer() -> AIMessage:
    fold = Fold(a_run())
    for event in (Token("Hi"), Usage(1, 2, 3), Finish("stop")):
        fold.add(event)
    return AIMessage.from_fold(fold)


def hear(callbacks: Callbacks, *events: Event, kind: RunKind = "chat_model") -> Bus:
    """The bus after these events; the awaited part is left to its flush."""
    bus = Bus(a_run(kind), subscriptions(callbacks))
    bus.publish_all(events, [])
    return bus


class Recorder(BaseCallbackHandler):
    """Keeps the name, the arguments and the keywords of every call."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = []

    def names(self) -> list[str]:
        return [name for name, _, _ in self.calls]


def recording(name: str) -> Any:  # noqa: ANN401 - a method of any of the handler's signatures
    def method(self: Recorder, *args: object, **keywords: object) -> None:
        self.calls.append((name, args, keywords))

    return method


def async_recording(name: str) -> Any:  # noqa: ANN401 - a method of any of the handler's signatures
    async def method(self: Recorder, *args: object, **keywords: object) -> None:
        await anyio.lowlevel.checkpoint()
        self.calls.append((name, args, keywords))

    return method


METHODS = [name for name in vars(BaseCallbackHandler) if name.startswith("on_")]
Everything = type("Everything", (Recorder,), {name: recording(name) for name in METHODS})
AsyncEverything = type(
    "AsyncEverything", (Recorder, AsyncCallbackHandler), {name: async_recording(name) for name in METHODS}
)

SCENES: dict[str, tuple[RunKind, list[Event], list[str]]] = {
    "a call": (
        "chat_model",
        [
            Start([HumanMessage("hi")]),
            Meta(),
            Token("a"),
            Reasoning("b"),
            Usage(1),
            Finish("stop"),
            End("ok", answer()),
        ],
        ["on_chat_model_start", "on_llm_new_token", "on_llm_new_token", "on_llm_end"],
    ),
    "every kind of content": (
        "chat_model",
        [Token("a"), Reasoning("b"), ToolCallDelta("{"), Block({"type": "image"})],
        ["on_llm_new_token"] * 4,
    ),
    "a call that fails": (
        "chat_model",
        [Start([]), Retry(1, 0.5, "x"), Wait("gate", 1), WarningEvent("c", "t"), End("error", error=ValueError())],
        ["on_chat_model_start", "on_retry", "on_llm_error"],
    ),
    "a call that is left": ("chat_model", [End("abandoned")], ["on_llm_error"]),
    "a tool": (
        "tool",
        [Start({"x": 1}), Custom("p"), End("ok", 42)],
        ["on_tool_start", "on_custom_event", "on_tool_end"],
    ),
    "a tool that fails": ("tool", [Start({}), End("error", error=ValueError())], ["on_tool_start", "on_tool_error"]),
    "a chain": ("chain", [Start("in"), End("ok", "out")], ["on_chain_start", "on_chain_end"]),
    "a chain that is cancelled": ("chain", [Start("in"), End("cancelled")], ["on_chain_start", "on_chain_error"]),
}


@pytest.mark.parametrize("scene", SCENES)
async def test_events_call_the_methods_that_stand_for_them(scene: str) -> None:
    kind, events, names = SCENES[scene]
    handler: Recorder = Everything()
    later: Recorder = AsyncEverything()
    bus = hear([handler, later], *events, kind=kind)
    assert handler.names() == names
    assert later.names() == []
    await bus.flush()
    assert later.names() == names
    for name, _, keywords in handler.calls:
        assert keywords["run_id"] == bus.run.id, name
        assert keywords["parent_run_id"] == PARENT, name
        assert keywords["tags"] == ["t1", "t2"], name
        assert keywords["metadata"]["user"] == 7, name
        assert keywords["name"] == "Demo", name


def as_written(name: str) -> Callable[..., None]:
    """A method with the signature that the base has for it."""

    @functools.wraps(vars(BaseCallbackHandler)[name])
    def method(self: Recorder, *args: object, **keywords: object) -> None:
        inspect.signature(method).bind(self, *args, **keywords)
        self.calls.append((name, args, keywords))

    return method


def test_every_method_can_be_overridden_as_the_base_has_it() -> None:
    handler: Recorder = type("AsWritten", (Recorder,), {name: as_written(name) for name in METHODS})()
    for kind, events, names in SCENES.values():
        handler.calls.clear()
        hear(handler, *events, kind=kind)
        assert handler.names() == names


def test_what_a_call_begins_with() -> None:
    handler: Recorder = Everything()
    hear(handler, Start([HumanMessage("hi")], {"temperature": 0}))
    ((_, args, keywords),) = handler.calls
    assert args == ({"name": "Demo"}, [[HumanMessage("hi")]])
    assert keywords["invocation_params"] == {"temperature": 0}
    assert keywords["metadata"] == {
        "ls_provider": None,
        "ls_model_type": "chat",
        "ls_model_name": "m",
        "ls_temperature": 0,
        "user": 7,
    }


def test_a_token_comes_as_text_and_as_a_chunk() -> None:
    handler: Recorder = Everything()
    bus = hear(handler, Token("a"), Reasoning("b"))
    (_, text, first), (_, none, second) = handler.calls
    assert (text, none) == (("a",), ("",))
    assert isinstance(first["chunk"], AIMessageChunk)
    assert (first["chunk"].text, first["chunk"].id) == ("a", bus.run.message_id)
    assert second["chunk"].content_blocks == [{"type": "reasoning", "reasoning": "b"}]


def test_an_answer_comes_as_a_result() -> None:
    handler: Recorder = Everything()
    message = answer()
    hear(handler, End("ok", message))
    ((_, (result,), _),) = handler.calls
    assert isinstance(result, LLMResult)
    assert result.generations[0][0].message is message
    assert result.generations[0][0].text == "Hi"
    assert result.llm_output == {"token_usage": message.usage_metadata, "model_name": "m"}
    assert repr(result).startswith("LLMResult([[Generation(AIMessage(content='Hi'")


def test_an_error_comes_with_what_arrived() -> None:
    handler: Recorder = Everything()
    error = RateLimitError("slow down")
    hear(handler, End("error", answer(), error=error))
    ((_, args, keywords),) = handler.calls
    assert args == (error,)
    assert keywords["response"].generations[0][0].text == "Hi"


@pytest.mark.parametrize("outcome", ["cancelled", "abandoned"])
def test_a_call_that_was_left_says_so(outcome: Any) -> None:  # noqa: ANN401 - one of the outcomes
    handler: Recorder = Everything()
    hear(handler, End(outcome))
    ((_, (error,), keywords),) = handler.calls
    assert isinstance(error, RunLeft)
    assert str(error) == f"the run was {outcome}"
    assert keywords["response"] is None


def test_what_tools_chains_and_custom_events_bring() -> None:
    handler: Recorder = Everything()
    hear(handler, Start({"x": 1}), Custom("progress", 0.5), End("ok", 42), kind="tool")
    start, custom, end = handler.calls
    assert start[1] == ({"name": "Demo"}, "{'x': 1}")
    assert start[2]["inputs"] == {"x": 1}
    assert custom[1] == ("progress", 0.5)
    assert end[1] == (42,)
    handler.calls.clear()
    hear(handler, Start("in"), End("ok", "out"), kind="chain")
    assert [args for _, args, _ in handler.calls] == [({"name": "Demo"}, "in"), ("out",)]


# -- signatures


class Narrow:
    """A handler that is nobody's child and declares only what it needs, under names of its own."""

    def __init__(self) -> None:
        self.got: list[object] = []

    def on_chat_model_start(self, serialized: object, prompts: object) -> None:
        self.got.append(prompts)

    def on_llm_new_token(self, tok: str, run_id: UUID) -> None:
        self.got.append((tok, run_id))

    def on_llm_end(self, result: LLMResult, /, *, tags: list[str]) -> None:
        self.got.append(tags)

    def on_custom_event(self, name: str, data: object, **rest: object) -> None:
        self.got.append((name, data, "name" in rest, "run_id" in rest))

    def on_retry(self, name: Retry, metadata: object = None) -> None:
        self.got.append((name.attempt, metadata))


def test_a_method_gets_what_it_declares_under_any_names_for_what_comes_by_place() -> None:
    handler = Narrow()
    bus = hear(handler, Start([]), Retry(1, 0, "x"), Token("a"), Custom("c", 1), End("ok", answer()))
    assert handler.got == [
        [[]],
        (1, {"user": 7}),
        ("a", bus.run.id),
        ("c", 1, False, True),
        ["t1", "t2"],
    ]


def test_the_custom_event_of_the_base_can_be_overridden_as_it_is_written() -> None:
    class Handler(BaseCallbackHandler):
        def __init__(self) -> None:
            self.got: list[object] = []

        def on_custom_event(self, name: str, data: object, *, run_id: UUID, **kwargs: Any) -> None:
            self.got.append((name, data, run_id))

    handler = Handler()
    bus = hear(handler, Custom("progress", 1))
    assert handler.got == [("progress", 1, bus.run.id)]


def test_methods_may_be_set_on_the_object_and_be_partial_or_builtin() -> None:
    class Handler:
        pass

    handler: Any = Handler()
    texts: list[str] = []
    results: list[object] = []

    def keep(kept: list[object], result: LLMResult) -> None:
        kept.append(result)

    handler.on_llm_new_token = texts.append
    handler.on_llm_end = functools.partial(keep, results)
    handler.on_custom_event = print
    handler.on_retry = max  # has no signature to look at
    bus = hear(handler, Token("a"), End("ok", answer()))
    assert texts == ["a"]
    assert len(results) == 1
    assert bus.failure is None


def test_a_handler_hears_only_what_it_overrides() -> None:
    class Handler(BaseCallbackHandler):
        def on_llm_end(self, response: LLMResult, **kwargs: Any) -> None:
            raise AssertionError("not called")

    (silent,) = subscriptions(BaseCallbackHandler())
    (quiet,) = subscriptions(Handler())
    (loud,) = subscriptions(Everything())
    assert [getattr(one.call, "wants_tokens", None) for one in (silent, quiet, loud)] == [False, False, True]
    assert silent.name == "BaseCallbackHandler"
    hear([silent, quiet], Start([]), Token("a"))


# -- what may be given


async def test_plain_functions_are_subscribers() -> None:
    heard: list[str] = []

    async def later(run: Run, event: Event) -> None:
        heard.append("later")

    bus = hear([lambda run, event: heard.append("now"), later], Token("a"))
    await bus.flush()
    assert heard == ["now", "later"]


def test_one_handler_is_as_good_as_a_list() -> None:
    handler: Recorder = Everything()
    for given in (handler, [handler], (handler,), subscriptions(handler), subscriptions(handler)[0]):
        assert [one.name for one in subscriptions(given)] == ["Everything"]
    assert subscriptions(None) == []
    assert subscriptions([]) == []


def test_a_handler_given_twice_hears_once() -> None:
    handler: Recorder = Everything()
    parent = Bus(a_run("chain"), subscriptions(handler))
    bus = Bus(a_run(), [*subscriptions([handler, handler]), *subscriptions(handler)], parent=parent)
    bus.publish(Token("a"))
    assert handler.names() == ["on_llm_new_token"]
    assert subscriptions(handler)[0].call == subscriptions(handler)[0].call
    assert subscriptions(handler)[0].call != subscriptions(Everything())[0].call


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (5, "int is no callback"),
        ([None], "NoneType is no callback"),
        (object(), "object is no callback"),
        (Narrow, "Narrow is a class; give an instance"),
    ],
    ids=["number", "none", "object", "class"],
)
def test_what_is_no_callback_is_refused(wrong: Callbacks, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        subscriptions(wrong)


# -- failing


class Raising(BaseCallbackHandler):
    def on_llm_new_token(self, token: str, **kwargs: Any) -> None:
        raise ValueError("no good")


class RaisingLater(AsyncCallbackHandler):
    async def on_llm_new_token(self, token: str, **kwargs: Any) -> None:
        raise ValueError("no good")


@pytest.mark.parametrize("kind", [Raising, RaisingLater])
async def test_a_handlers_error_is_an_event_and_a_line(
    kind: type[BaseCallbackHandler], caplog: pytest.LogCaptureFixture
) -> None:
    bus = Bus(a_run(), subscriptions(kind()))
    published: list[Event] = []
    bus.publish_all([Start([]), Token("a"), Token("b")], published)
    await bus.flush()
    bus.publish_all([End("ok", answer())], published)
    assert [type(event) for event in published].count(WarningEvent) == 1
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert f"subscriber {kind.__name__} raised ValueError" in caplog.text
    assert bus.failure is None


@pytest.mark.parametrize("kind", [Raising, RaisingLater])
async def test_a_handlers_error_fails_the_run_if_it_says_so(
    kind: type[BaseCallbackHandler], caplog: pytest.LogCaptureFixture
) -> None:
    handler = kind()
    handler.raise_error = True
    bus = hear(handler, Token("a"))
    await bus.flush()
    assert isinstance(bus.failure, ValueError)
    assert caplog.records == []


def test_a_wrong_signature_is_a_failure_like_any_other(caplog: pytest.LogCaptureFixture) -> None:
    class Wrong:
        def on_llm_new_token(self) -> None:
            raise AssertionError("never reached")

    bus = hear(Wrong(), Token("a"))
    assert "subscriber Wrong raised TypeError" in caplog.text
    assert bus.failure is None


async def test_sync_and_async_methods_may_mix_in_one_handler() -> None:
    class Mixed(BaseCallbackHandler):
        def __init__(self) -> None:
            self.got: list[str] = []

        def on_llm_new_token(self, token: str, **kwargs: Any) -> None:
            self.got.append(token)

        def on_llm_end(self, response: LLMResult, **kwargs: Any) -> Awaitable[None]:
            async def later() -> None:
                self.got.append(response.generations[0][0].text)

            return later()

    handler = Mixed()
    bus = hear(handler, Token("a"), End("ok", answer()))
    assert handler.got == ["a"]
    await bus.flush()
    assert handler.got == ["a", "Hi"]


def test_a_handler_of_several_runs_at_once_is_told_them_apart() -> None:
    handler: Recorder = Everything()
    (subscription,) = subscriptions(handler)
    buses = [Bus(a_run(), [Subscription(subscription.call)]) for _ in range(2)]
    for _ in range(2):
        for bus in buses:
            bus.publish(Token("a"))
    assert [keywords["run_id"] for _, _, keywords in handler.calls] == [bus.run.id for bus in buses] * 2


def test_what_is_subscribed_may_be_a_handler_and_must_be_a_subscriber() -> None:
    heard: list[str] = []

    class Counting:
        def on_llm_end(self, response: LLMResult, **kwargs: Any) -> None:
            heard.append(response.generations[0][0].text)

    with tidewire.subscribe(Counting()):
        tidewire.init_chat_model("embedded:demo", script=["one"]).invoke("x")
    assert heard == ["one"]
    for junk in (5, [Counting()], Counting):
        with pytest.raises(ConfigurationError), tidewire.subscribe(junk):
            pass


def test_a_handler_that_is_subscribed_may_fail_its_runs() -> None:
    class Strict:
        raise_error = True

        def on_llm_end(self, response: LLMResult, **kwargs: Any) -> None:
            raise ValueError("no")

    model = tidewire.init_chat_model("embedded:demo")
    with tidewire.subscribe(Strict()), pytest.raises(ValueError, match="no"):
        model.invoke("x")
