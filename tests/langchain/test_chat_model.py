"""The model as LangChain calls it: runs, tokens, tools, parameters, errors, cancelling, saving."""

from __future__ import annotations

import asyncio
import copy
import pickle
import subprocess
import sys
from typing import Any, TypedDict, cast
from uuid import UUID, uuid4

import msgspec
import pydantic
import pydantic.v1
import pytest
from langchain_core.caches import InMemoryCache
from langchain_core.callbacks import AsyncCallbackHandler, BaseCallbackHandler, UsageMetadataCallbackHandler
from langchain_core.load import dumps, loads
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage
from langchain_core.messages.ai import add_ai_message_chunks
from langchain_core.outputs import ChatGenerationChunk, LLMResult
from langchain_core.runnables import ConfigurableField, RunnableBinding, RunnableLambda
from langchain_core.tools import tool

from tests.adapters.simulator.wires import WIRES, model_on
from tidewire import ChatModel, ChatOpenAI, init_chat_model, subscribe
from tidewire.errors import (
    AuthenticationError,
    BadRequestError,
    ConfigurationError,
    StreamInterruptedError,
    TidewireError,
)
from tidewire.events.types import End, Event, Run, Start, Usage
from tidewire.langchain import ChatTidewire, as_chat_model
from tidewire.testing import Call, Fail, Pace, Reply, Script, SimRequest, Simulator


def embedded(script: Script = (), **parameters: Any) -> ChatModel:
    """A model that says what the script does."""
    return init_chat_model("embedded:demo", script=script, **parameters)


class Heard:
    """A subscriber of tidewire's that keeps the runs and how they ended."""

    def __init__(self) -> None:
        self.runs: list[Run] = []
        self.ends: list[str] = []

    def __call__(self, run: Run, event: Event) -> None:
        if isinstance(event, Start):
            self.runs.append(run)
        if isinstance(event, End):
            self.ends.append(event.outcome)


class Handler(BaseCallbackHandler):
    """A handler of LangChain's that keeps what it is told."""

    def __init__(self) -> None:
        self.run_ids: list[UUID] = []
        self.tokens: list[Any] = []
        self.chunks: list[AIMessageChunk] = []
        self.ends: list[LLMResult] = []
        self.errors: list[BaseException] = []
        self.started: list[dict[str, Any]] = []

    def on_chat_model_start(self, serialized: dict[str, Any], messages: object, *, run_id: UUID, **kwargs: Any) -> None:
        self.run_ids.append(run_id)
        self.started.append({"serialized": serialized, **kwargs})

    def on_llm_new_token(self, token: object, *, chunk: object = None, **kwargs: Any) -> None:
        self.tokens.append(token)
        assert isinstance(chunk, ChatGenerationChunk)
        self.chunks.append(cast("AIMessageChunk", chunk.message))

    def on_llm_end(self, response: LLMResult, **kwargs: Any) -> None:
        self.ends.append(response)

    def on_llm_error(self, error: BaseException, **kwargs: Any) -> None:
        self.errors.append(error)


# --- runs ---


@pytest.mark.parametrize("streaming", [False, True])
def test_both_libraries_speak_of_the_same_run(streaming: bool) -> None:
    heard, handler, run_id = Heard(), Handler(), uuid4()
    model = as_chat_model(embedded(callbacks=[heard]), tags=["own"], metadata={"a": 1})
    config: Any = {"callbacks": [handler], "run_id": run_id, "tags": ["called"], "metadata": {"b": 2}}
    if streaming:
        ids = {chunk.id for chunk in model.stream("hi", config)}
    else:
        ids = {model.invoke("hi", config).id}
    (run,) = heard.runs
    assert handler.run_ids == [run.id] == [run_id]
    assert ids == {f"lc_run--{run_id}"}
    assert {"own", "called"} <= set(run.tags)
    assert run.metadata.items() >= {"a": 1, "b": 2}.items()


@pytest.mark.parametrize("streaming", [False, True])
async def test_both_libraries_speak_of_the_same_run_in_async_code(streaming: bool) -> None:
    heard, handler = Heard(), Handler()
    model = as_chat_model(embedded(callbacks=[heard]))
    config: Any = {"callbacks": [handler]}
    if streaming:
        ids = {chunk.id async for chunk in model.astream("hi", config)}
    else:
        ids = {(await model.ainvoke("hi", config)).id}
    assert handler.run_ids == [run.id for run in heard.runs]
    assert ids == {f"lc_run--{handler.run_ids[0]}"}


async def test_a_batch_has_a_run_for_each_call() -> None:
    heard, handler = Heard(), Handler()
    model = as_chat_model(embedded(callbacks=[heard]))
    await model.abatch(["one", "two", "three"], {"callbacks": [handler]})
    assert len(set(handler.run_ids)) == 3
    assert {run.id for run in heard.runs} == set(handler.run_ids)


async def test_an_invoked_model_within_a_streamed_chain_streams_under_its_own_run() -> None:
    heard = Heard()
    model = as_chat_model(embedded(["one two three"], callbacks=[heard]))

    async def ask(text: str) -> AIMessage:
        return await model.ainvoke(text)

    records = [record async for record in RunnableLambda(ask).astream_events("hi", version="v2")]
    streamed = [record for record in records if record["event"] == "on_chat_model_stream"]
    texts = [cast("Any", record["data"])["chunk"].text for record in streamed]
    assert (len(texts) > 2, "".join(texts)) == (True, "one two three")
    assert {record["run_id"] for record in streamed} == {str(run.id) for run in heard.runs}


# --- tokens ---


def test_langchains_handlers_hear_the_tokens_of_an_invoked_model_that_streams() -> None:
    handler = Handler()
    model = as_chat_model(embedded([Reply(["one ", "two"])]), streaming=True)
    message = model.invoke("hi", {"callbacks": [handler]})
    assert handler.tokens == ["one ", "two", ""]
    assert {chunk.id for chunk in handler.chunks} == {message.id}
    assert message.text == "one two"
    assert not isinstance(message, AIMessageChunk)
    assert message.usage_metadata is not None


async def test_async_handlers_hear_the_tokens_too() -> None:
    tokens: list[object] = []

    class Async(AsyncCallbackHandler):
        async def on_llm_new_token(self, token: object, **kwargs: Any) -> None:
            tokens.append(token)

    model = as_chat_model(embedded([Reply(["one ", "two"])]), streaming=True)
    message = await model.ainvoke("hi", {"callbacks": [Async()]})
    assert tokens == ["one ", "two", ""]
    assert message.text == "one two"


def test_an_invoked_model_does_not_stream_unasked() -> None:
    with Simulator() as simulator:
        model = as_chat_model(model_on(WIRES["openai chat"], simulator))
        model.invoke("hi")
        assert "stream" not in simulator.requests[0].body
        list(model.stream("hi"))
        assert simulator.requests[1].body["stream"] is True


def test_streaming_can_be_disabled() -> None:
    heard = Heard()
    model = as_chat_model(embedded(["one two"], callbacks=[heard]), disable_streaming=True)
    (message,) = model.stream("hi")
    assert (message.text, len(heard.runs)) == ("one two", 1)


def test_the_usage_is_counted_by_langchains_handler() -> None:
    usage = Usage(7, 3, 10, cache_read=2, reasoning=1)
    counter = UsageMetadataCallbackHandler()
    model = as_chat_model(embedded([Reply("one", usage=usage), Reply("two", usage=usage)]))
    model.invoke("hi", {"callbacks": [counter]})
    list(model.stream("hi", {"callbacks": [counter]}))
    assert counter.usage_metadata == {
        "demo": {
            "input_tokens": 14,
            "output_tokens": 6,
            "total_tokens": 20,
            "input_token_details": {"cache_read": 4},
            "output_token_details": {"reasoning": 2},
        }
    }


def test_langchains_cache_knows_a_call_again() -> None:
    heard = Heard()
    model = as_chat_model(embedded(callbacks=[heard]), cache=InMemoryCache())
    bound = model.bind_tools([add])
    assert bound.invoke("hi").tool_calls == bound.invoke("hi").tool_calls
    assert len(heard.runs) == 1


# --- tools ---


@tool(extras={"cache_control": {"type": "ephemeral"}})
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


def lookup(word: str) -> str:
    """Look a word up.

    Args:
        word: What to look for.
    """
    return word


class Place(pydantic.BaseModel):
    """A place on earth."""

    name: str


class OldPlace(pydantic.v1.BaseModel):
    """A place on earth, as they used to be."""

    name: str


class Day(TypedDict):
    """A day."""

    year: int


class Tide(msgspec.Struct):
    """A tide."""

    height_m: float


@pytest.mark.filterwarnings("ignore::langchain_core._api.beta_decorator.LangChainBetaWarning")
def test_tools_of_every_kind_are_bound() -> None:
    asked: list[SimRequest] = []

    def script(request: SimRequest) -> None:
        asked.append(request)

    chain = RunnableLambda(lookup).as_tool(name="chained", description="A chain.", arg_types={"word": str})
    model = as_chat_model(embedded(script))
    plain: dict[str, Any] = {
        "name": "plain",
        "description": "A dict.",
        "parameters": {"type": "object", "properties": {}},
    }
    tools: list[Any] = [add, lookup, Place, OldPlace, Day, Tide, chain, plain]
    bound = model.bind_tools(tools, tool_choice="OldPlace")
    assert isinstance(bound, RunnableBinding)
    message = bound.invoke("hi")
    assert [call["name"] for call in message.tool_calls] == ["OldPlace"]
    assert [spec.name for spec in asked[0].tools] == [
        "add", "lookup", "Place", "OldPlace", "Day", "Tide", "chained", "plain",
    ]  # fmt: skip
    assert all(spec.description for spec in asked[0].tools)
    assert asked[0].tools[1].parameters["properties"]["word"]["description"] == "What to look for."


def test_what_langchain_traces_of_tools_is_json() -> None:
    handler = Handler()
    as_chat_model(embedded()).bind_tools([add], strict=True).invoke("hi", {"callbacks": [handler]})
    (told,) = handler.started[0]["invocation_params"]["tools"]
    assert told["type"] == "function"
    assert told["function"]["strict"] is True
    assert told["function"]["parameters"]["additionalProperties"] is False


def test_what_is_handed_on_within_is_not_traced() -> None:
    handler = Handler()
    list(as_chat_model(embedded()).with_structured_output(Place).stream("hi", {"callbacks": [handler]}))
    (started,) = handler.started
    assert not [name for name in started["invocation_params"] if name.startswith("tidewire_")]
    assert started["options"]["ls_structured_output_format"]["schema"]["title"] == "Place"


def test_what_only_the_provider_knows_of_a_tool_reaches_it() -> None:
    with Simulator() as simulator:
        model = as_chat_model(model_on(WIRES["anthropic"], simulator))
        with pytest.raises(BadRequestError):  # the simulator knows no web search
            model.bind_tools([add, {"type": "web_search_20260209", "name": "web_search"}]).invoke("hi")
        told = simulator.requests[0].body["tools"]
    assert told[0]["cache_control"] == {"type": "ephemeral"}
    assert told[1] == {"type": "web_search_20260209", "name": "web_search"}


@pytest.mark.parametrize("choice", [True, "any", "required", {"type": "function", "function": {"name": "add"}}])
def test_a_tool_is_called_that_must_be(choice: str | bool | dict[str, Any]) -> None:
    bound = as_chat_model(embedded()).bind_tools([add], tool_choice=choice)
    assert [call["name"] for call in bound.invoke("hi").tool_calls] == ["add"]


def test_several_calls_at_once_can_be_refused() -> None:
    bound = as_chat_model(embedded()).bind_tools([add, lookup], parallel_tool_calls=False)
    assert len(bound.invoke("hi").tool_calls) == 1


def test_a_choice_that_is_not_bound_is_told_at_once() -> None:
    with pytest.raises(ConfigurationError, match="bound tools: 'add'"):
        as_chat_model(embedded()).bind_tools([add], tool_choice="subtract")


def test_tools_of_the_model_stay_bound() -> None:
    model = as_chat_model(embedded().bind_tools([lookup]))
    assert {call["name"] for call in model.bind_tools([add]).invoke("hi").tool_calls} == {"add", "lookup"}


def test_a_call_that_cannot_be_read_is_invalid() -> None:
    script = [Reply(tool_calls=[Call("add", '{"a": 1, "b"', id="1")])]
    message = as_chat_model(embedded(script)).bind_tools([add]).invoke("hi")
    assert message.tool_calls == []
    assert (message.invalid_tool_calls[0]["args"], message.invalid_tool_calls[0]["id"]) == ('{"a": 1, "b"', "1")


# --- parameters ---


def test_it_is_made_by_name_as_init_chat_model_makes_it() -> None:
    with Simulator() as simulator:
        model = ChatTidewire(
            "openai:demo", base_url=simulator.openai_url, api_key="key", temperature=0.5, seed=7, stop=["x"]
        )
        assert (model.model, model.model_provider, model.parameters) == ("demo", "openai", {"seed": 7})
        model.invoke("hi")
        body = simulator.requests[0].body
    assert (body["temperature"], body["seed"], body["stop"]) == (0.5, 7, ["x"])


@pytest.mark.parametrize("given", [{"temprature": 1}, {"parameters": {"temprature": 1}}])
def test_a_wrong_parameter_is_told_with_the_nearest(given: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match="did you mean 'temperature'"):
        ChatTidewire(model="openai:demo", **given)


def test_a_model_needs_a_name() -> None:
    with pytest.raises(ConfigurationError, match="needs the name of a model"):
        ChatTidewire(api_key="key")


def test_only_a_chat_model_is_one() -> None:
    structured: Any = embedded().with_structured_output(Place)
    with pytest.raises(ConfigurationError, match="not a StructuredModel"):
        as_chat_model(structured)


def test_of_a_configurable_model_the_default_is_called() -> None:
    model = as_chat_model(init_chat_model("embedded:demo", configurable_fields=("temperature",)))
    assert model.invoke("hi").response_metadata["model_name"] == "demo"
    with pytest.raises(ConfigurationError):
        as_chat_model(init_chat_model())


def test_what_a_call_sets_wins_over_what_a_field_sets_over_what_the_model_has() -> None:
    with Simulator() as simulator:
        model = as_chat_model(model_on(WIRES["openai chat"], simulator, temperature=0.1, max_tokens=50))
        model.invoke("hi")
        model.temperature = 0.2
        model.invoke("hi")
        model.bind(temperature=0.3).invoke("hi", stop=["end"])
        changed = model.model_copy(update={"temperature": 0.4, "model": "other"})
        changed.invoke("hi")
        bodies = [request.body for request in simulator.requests]
    assert [body["temperature"] for body in bodies] == [0.1, 0.2, 0.3, 0.4]
    assert [body["model"] for body in bodies] == ["demo", "demo", "demo", "other"]
    assert bodies[2]["stop"] == ["end"]


def test_a_field_can_be_configured_at_run_time() -> None:
    with Simulator() as simulator:
        model = as_chat_model(model_on(WIRES["openai chat"], simulator))
        configurable = model.configurable_fields(temperature=ConfigurableField(id="warmth"))
        configurable.invoke("hi", {"configurable": {"warmth": 0.9}})
        configurable.invoke("hi")
        bodies = [request.body for request in simulator.requests]
    assert [body.get("temperature") for body in bodies] == [0.9, None]


def test_the_tracing_parameters_are_the_models() -> None:
    handler = Handler()
    model = as_chat_model(init_chat_model("embedded:demo", temperature=0.5, max_tokens=9, stop=["a"]))
    model.invoke("hi", {"callbacks": [handler]}, temperature=0.7)
    told = handler.started[0]["metadata"]
    assert told.items() >= {
        "ls_provider": "embedded", "ls_model_name": "demo", "ls_model_type": "chat", "ls_temperature": 0.7,
        "ls_max_tokens": 9, "ls_stop": ["a"],
    }.items()  # fmt: skip


def test_the_profile_is_the_models_under_langchains_names() -> None:
    ours = init_chat_model("openai:gpt-5-nano")
    profile = as_chat_model(ours).profile
    assert profile is not None
    assert profile.get("max_input_tokens") == ours.profile["max_input_tokens"]
    assert (profile.get("structured_output"), profile.get("tool_calling")) == (True, True)
    assert as_chat_model(init_chat_model("openai:nobody-knows-it")).profile is None
    assert as_chat_model(ours, profile={"max_input_tokens": 1}).profile == {"max_input_tokens": 1}


def test_tokens_are_estimated_offline() -> None:
    model = as_chat_model(embedded())
    assert (
        0 < model.get_num_tokens("some words") < model.get_num_tokens_from_messages([HumanMessage("some words " * 9)])
    )


# --- errors, cancelling ---


def test_errors_are_tidewires_own() -> None:
    handler = Handler()
    with Simulator(api_key="right") as simulator:
        model = as_chat_model(ChatOpenAI("demo", base_url=simulator.openai_url, api_key="guessed"))
        with pytest.raises(AuthenticationError) as invoked:
            model.invoke("hi", {"callbacks": [handler]})
        with pytest.raises(AuthenticationError) as streamed:
            list(model.stream("hi", {"callbacks": [handler]}))
    assert handler.errors == [invoked.value, streamed.value]
    assert "guessed" not in str(invoked.value)


def test_a_broken_stream_is_not_a_whole_one() -> None:
    handler, texts = Handler(), list[str]()
    fail = Fail(kind="reset", after_tokens=2, reply=Reply(["one ", "two ", "three"]))
    with pytest.raises(StreamInterruptedError) as broken:
        for chunk in as_chat_model(embedded([fail])).stream("hi", {"callbacks": [handler]}):
            texts.append(chunk.text)
    assert texts == ["one ", "two "]
    assert broken.value.partial is not None
    assert (handler.errors, handler.ends) == ([broken.value], [])


@pytest.mark.parametrize("streaming", [False, True])
def test_what_was_heard_is_not_said_again(streaming: bool) -> None:
    broken = Fail(kind="reset", after_tokens=2, reply=Reply(["one ", "two ", "three"]))
    with Simulator(script=[broken, Reply(["one ", "two"])]) as simulator:
        model = as_chat_model(model_on(WIRES["openai chat"], simulator, resume="restart"), streaming=streaming)
        if streaming:
            with pytest.raises(StreamInterruptedError):
                model.invoke("hi")
        else:
            assert model.bind(streaming=True).invoke("hi").text == "one two"


def test_another_model_takes_over() -> None:
    other = embedded(["from the other"])
    model = as_chat_model(embedded([Fail(status=400)] * 2).with_fallbacks([other]))
    assert model.invoke("hi").text == "from the other"


def test_a_call_is_tried_again_by_the_model() -> None:
    model = as_chat_model(embedded([Fail(status=503), "at last"]))
    assert model.invoke("hi").text == "at last"


SLOW = Pace(first_token_s=600)


@pytest.mark.parametrize("streaming", [False, True])
async def test_cancelling_reaches_the_call(streaming: bool) -> None:
    heard = Heard()
    with Simulator(pace=SLOW) as simulator:
        model = as_chat_model(model_on(WIRES["openai chat"], simulator, callbacks=[heard]))

        async def ask() -> None:
            if streaming:
                async for _ in model.astream("hi"):
                    pass
            else:
                await model.ainvoke("hi")

        task = asyncio.create_task(ask())
        await simulator.await_until(lambda sim: sim.open_streams == 1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert heard.ends == ["cancelled"]
        await simulator.await_idle()


async def test_leaving_a_stream_stops_the_call() -> None:
    heard = Heard()
    script = [Reply(["one "] * 1000, pace=Pace(tokens_per_second=1))]
    with Simulator(script=script) as simulator:
        stream = as_chat_model(model_on(WIRES["openai chat"], simulator, callbacks=[heard])).astream("hi")
        assert (await anext(stream)).text == "one "
        await cast("Any", stream).aclose()
        await simulator.await_idle()
    assert heard.ends == ["abandoned"]


def test_leaving_a_stream_stops_the_call_in_sync_code() -> None:
    heard = Heard()
    script = [Reply(["one "] * 1000, pace=Pace(tokens_per_second=1))]
    with Simulator(script=script) as simulator:
        stream = as_chat_model(model_on(WIRES["openai chat"], simulator, callbacks=[heard])).stream("hi")
        assert next(stream).text == "one "
        cast("Any", stream).close()
        simulator.wait_idle()
    assert heard.ends == ["abandoned"]


async def test_sync_calls_work_within_a_running_loop() -> None:
    model = as_chat_model(embedded(["one", "two"]))
    assert model.invoke("hi").text == "one"
    first, *rest = model.stream("hi")
    assert add_ai_message_chunks(first, *rest).text == "two"


def test_its_runs_are_heard_by_subscribers_around_it() -> None:
    heard = Heard()
    with subscribe(heard):
        as_chat_model(embedded()).invoke("hi")
    assert heard.ends == ["ok"]


# --- saving ---


@pytest.mark.filterwarnings("ignore::langchain_core._api.beta_decorator.LangChainBetaWarning")
def test_it_is_saved_and_loaded_without_its_key(monkeypatch: pytest.MonkeyPatch) -> None:
    with Simulator(api_key="sesame") as simulator:
        model = ChatTidewire(
            "openai:demo", base_url=simulator.openai_url, api_key="sesame", temperature=0.5,
            default_headers={"x-secret": "open"},
        )  # fmt: skip
        saved = dumps(model)
        assert "sesame" not in saved
        assert 'open"' not in saved
        again = loads(saved, allowed_objects=[ChatTidewire], valid_namespaces=["tidewire"])
        assert isinstance(again, ChatTidewire)
        assert again.asdict() == model.asdict()
        monkeypatch.setenv("OPENAI_API_KEY", "sesame")
        assert again.invoke("hi").text == model.invoke("hi").text


def test_it_is_pickled_without_its_key(monkeypatch: pytest.MonkeyPatch) -> None:
    with Simulator(api_key="sesame") as simulator:
        model = ChatTidewire("openai:demo", base_url=simulator.openai_url, api_key="sesame", seed=7, streaming=True)
        pickled = pickle.dumps(model)
        assert b"sesame" not in pickled
        again = pickle.loads(pickled)
        monkeypatch.setenv("OPENAI_API_KEY", "sesame")
        assert again.invoke("hi").text == model.invoke("hi").text
    assert again.model_dump() == model.model_dump()
    assert again.streaming is True


def test_a_deep_copy_calls_the_same_model() -> None:
    model = as_chat_model(ChatOpenAI("demo", api_key="sesame"), tags=["one"])
    twin = copy.deepcopy(model)
    assert twin.tags is not None
    twin.tags.append("two")
    assert (model.tags, twin.chat) == (["one"], model.chat)


def test_it_shows_no_key() -> None:
    model = ChatTidewire(model="openai:demo", api_key="sesame")
    handler = Handler()
    with pytest.raises(TidewireError):
        model.bind(base_url="http://127.0.0.1:1", max_retries=0).invoke("hi", {"callbacks": [handler]})
    assert "sesame" not in repr(model) + str(model.asdict()) + repr(handler.started)


def test_without_langchain_it_says_what_is_missing() -> None:
    script = "import sys; sys.modules['langchain_core'] = None; import tidewire.langchain"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "pip install 'tidewire[langchain]'" in done.stderr
