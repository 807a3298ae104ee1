"""Models whose answers are values in a form: whole, growing, many, with their message, on several wire formats."""

from __future__ import annotations

import gc
import itertools
import json
from collections.abc import Callable
from typing import Annotated, Any, Literal, TypedDict

import msgspec
import pydantic
import pytest

from tests.events.grammar import check_grammar
from tidewire import ChatAnthropic, ChatModel, ChatOpenAI, init_chat_model, open_run, subscribe
from tidewire.callbacks import BaseCallbackHandler
from tidewire.errors import ConfigurationError, OutputParsingError, RateLimitError, RefusalError
from tidewire.events.blocks import JSONObject
from tidewire.events.types import End, Event, Run
from tidewire.messages import AIMessage
from tidewire.structured import StructuredMethod
from tidewire.structured_model import GROWTH, StructuredModel
from tidewire.testing import Call, Fail, Reply, Script, SimRequest, Simulator
from tidewire.tools import tool


class Actor(pydantic.BaseModel):
    name: str
    role: str = "unknown"


class Movie(pydantic.BaseModel):
    """A movie."""

    title: str
    genre: Literal["comedy", "drama"]
    year: int
    cast: list[Actor] = []


class MovieStruct(msgspec.Struct):
    """A movie."""

    title: str
    genre: Literal["comedy", "drama"]
    year: int
    cast: list[Actor] = []


class MovieDict(TypedDict):
    """A movie."""

    title: Annotated[str, "The title"]
    genre: Literal["comedy", "drama"]
    year: int


SCHEMA = {
    "title": "Movie",
    "type": "object",
    "properties": {"title": {"type": "string"}, "genre": {"enum": ["comedy", "drama"]}, "year": {"type": "integer"}},
    "required": ["title", "year"],
}
ANSWER = '{"title": "Up", "genre": "comedy", "year": 2009, "cast": [{"name": "Ed", "role": "Carl"}]}'
PLAIN = '{"title": "Up", "genre": "comedy", "year": 2009}'
METHODS: list[StructuredMethod] = ["json_schema", "function_calling", "json_mode"]


def saying(answer: str, size: int = 3) -> Callable[[SimRequest], Reply]:
    """A script that answers in pieces, by a tool call if a tool must be called."""

    def script(request: SimRequest) -> Reply:
        if request.tools:
            return Reply(tool_calls=[Call(request.tools[-1].name, answer)])
        return Reply([answer[at : at + size] for at in range(0, len(answer), size)])

    return script


def model_of(script: Script) -> ChatModel:
    return init_chat_model("embedded:demo", script=script, max_retries=0)


# --- whole ---


@pytest.mark.parametrize("method", [*METHODS, None])
async def test_an_answer_is_a_value_by_every_method(method: StructuredMethod | None) -> None:
    model = model_of(saying(ANSWER))
    movie = await model.with_structured_output(Movie, method=method).ainvoke("Up")
    assert movie == Movie(title="Up", genre="comedy", year=2009, cast=[Actor(name="Ed", role="Carl")])
    assert model.with_structured_output(MovieStruct, method=method).invoke("Up").cast == movie.cast
    plain = model_of(saying(PLAIN))
    assert plain.with_structured_output(MovieDict, method=method).invoke("Up") == json.loads(PLAIN)
    assert plain.with_structured_output(SCHEMA, method=method).invoke("Up") == json.loads(PLAIN)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("provider", ["openai", "responses", "anthropic"])
async def test_it_works_on_the_wire(provider: str, method: StructuredMethod) -> None:
    with Simulator(script=saying(ANSWER)) as simulator:
        model: ChatModel = (
            ChatAnthropic("demo", base_url=simulator.anthropic_url, api_key="any")
            if provider == "anthropic"
            else ChatOpenAI(
                "demo", base_url=simulator.openai_url, api_key="any", use_responses_api=provider == "responses"
            )
        )
        structured = model.with_structured_output(Movie, method=method)
        if (provider, method) == ("anthropic", "json_mode"):
            with pytest.raises(ConfigurationError, match="json_mode"):
                await structured.ainvoke("Up")
            return
        whole = await structured.ainvoke("Up")
        growing = [movie async for movie in structured.astream("Up")]
    assert whole == growing[-1] == Movie.model_validate_json(ANSWER)


async def test_many_answers_are_many_values() -> None:
    def script(request: SimRequest) -> Reply:
        return Reply("no JSON" if request.messages[-1].text == "bad" else PLAIN)

    structured = model_of(script).with_structured_output(MovieDict)
    assert await structured.abatch(["a", "b"]) == [json.loads(PLAIN)] * 2
    assert structured.batch(["a"], {"max_concurrency": 1}) == [json.loads(PLAIN)]
    assert [index async for index, _ in structured.abatch_as_completed(["a", "b"], {"max_concurrency": 1})] == [0, 1]
    assert dict(structured.batch_as_completed(["a"])) == {0: json.loads(PLAIN)}
    good, bad = await structured.abatch(["good", "bad"], return_exceptions=True)
    assert good == json.loads(PLAIN)
    assert isinstance(bad, OutputParsingError)
    with pytest.raises(OutputParsingError):
        await structured.abatch(["good", "bad"])


def test_copies_keep_the_form() -> None:
    structured = model_of(saying(PLAIN)).with_structured_output(MovieDict)
    copied = structured.bind(temperature=0).with_config(tags=["a"])
    assert type(copied) is StructuredModel
    assert copied.invoke("Up") == json.loads(PLAIN)
    assert repr(structured) == "StructuredModel(embedded:demo)"


async def test_a_call_is_a_model_s_run_as_any_other() -> None:
    heard: dict[Run, list[Event]] = {}
    async with open_run("chain") as outer:
        with subscribe(lambda run, event: heard.setdefault(run, []).append(event)):
            await model_of(saying(PLAIN)).with_structured_output(MovieDict).ainvoke("Up", {"run_name": "film"})
    ((run, events),) = heard.items()
    check_grammar(events)
    assert (run.name, run.kind, run.parent_id) == ("film", "chat_model", outer.run.id)
    assert isinstance(events[-1], End)
    assert events[-1].output.text == PLAIN


async def test_the_typed_events_are_those_of_the_call() -> None:
    events = [event async for event in model_of(saying(PLAIN)).with_structured_output(MovieDict).aevents("Up")]
    check_grammar(events)


# --- errors ---

WRONG: list[tuple[Script, type[OutputParsingError], str]] = [
    (['{"title": "Up", "genre": "comedy", "year": "soon"}'], OutputParsingError, "year: "),
    (["Up is a film."], OutputParsingError, "not valid JSON"),
    ([Reply(PLAIN, finish="length")], OutputParsingError, "cut off"),
    ([Reply("I will not.", finish="refusal")], RefusalError, "I will not."),
    ([Reply(tool_calls=[Call("other", {})])], OutputParsingError, "called 'other' instead of answering"),
]


@pytest.mark.parametrize(("script", "kind", "told"), WRONG, ids=["misfit", "prose", "cut", "refused", "called"])
async def test_an_answer_that_cannot_be_read_is_an_error_with_its_message(
    script: Script, kind: type[OutputParsingError], told: str
) -> None:
    with pytest.raises(kind, match=told) as caught:
        await model_of(script).with_structured_output(Movie).ainvoke("Up")
    assert isinstance(caught.value.raw, AIMessage)
    assert (caught.value.provider, caught.value.model) == ("embedded", "demo")


@pytest.mark.parametrize(("script", "kind", "told"), WRONG, ids=["misfit", "prose", "cut", "refused", "called"])
@pytest.mark.parametrize("schema", [Movie, MovieStruct, MovieDict])
async def test_with_its_message_an_error_is_data(
    script: Script, kind: type[OutputParsingError], told: str, schema: type[object]
) -> None:
    outcome = await model_of(script).with_structured_output(schema, include_raw=True).ainvoke("Up")
    assert list(outcome) == ["raw", "parsed", "parsing_error"]
    error = outcome["parsing_error"]
    assert outcome["parsed"] is None
    assert isinstance(error, kind)
    assert told in str(error)
    assert error.raw is outcome["raw"]


@pytest.mark.parametrize(("script", "kind", "told"), WRONG, ids=["misfit", "prose", "cut", "refused", "called"])
async def test_a_stream_ends_with_the_error(script: Script, kind: type[OutputParsingError], told: str) -> None:
    with pytest.raises(kind, match=told):
        async for _ in model_of(script).with_structured_output(Movie).astream("Up"):
            pass


def test_a_call_that_fails_is_no_matter_of_reading() -> None:
    failing = model_of([Fail(status=429)])
    with pytest.raises(RateLimitError):
        failing.with_structured_output(Movie, include_raw=True).invoke("Up")


def test_with_its_message_an_answer_tells_its_tokens() -> None:
    outcome = model_of(saying(ANSWER)).with_structured_output(Movie, include_raw=True).invoke("Up")
    assert outcome["parsed"] == Movie.model_validate_json(ANSWER)
    assert outcome["parsing_error"] is None
    assert outcome["raw"].text == ANSWER
    assert outcome["raw"].usage_metadata is not None


# --- tools beside it ---


@tool
def search(query: str) -> str:
    """Search."""
    return query


async def test_tools_beside_a_form_can_be_called_first() -> None:
    script: Script = [Reply(tool_calls=[Call("search", {"query": "Up"})]), PLAIN]
    structured = model_of(script).bind_tools([search]).with_structured_output(MovieDict, include_raw=True)
    first = await structured.ainvoke("Up")
    assert [call["name"] for call in first["raw"].tool_calls] == ["search"]
    assert first["parsing_error"] is not None
    answers = [search.invoke(call) for call in first["raw"].tool_calls]
    second = await structured.ainvoke(["Up", first["raw"], *answers])
    assert second["parsed"] == json.loads(PLAIN)


async def test_a_stream_that_calls_another_tool_shows_nothing() -> None:
    script: Script = [Reply("Let me see.", tool_calls=[Call("search", {"query": "Up"})])]
    structured = model_of(script).bind_tools([search]).with_structured_output(MovieDict, method="function_calling")
    growing: list[MovieDict] = []
    with pytest.raises(OutputParsingError, match="did not call 'MovieDict'"):
        async for movie in structured.astream("Up"):
            growing.append(movie)
    assert growing == []


# --- growing ---


@pytest.mark.parametrize("method", METHODS)
async def test_dicts_grow_and_end_whole(method: StructuredMethod) -> None:
    for schema in (MovieDict, SCHEMA):
        structured: StructuredModel[Any] = model_of(saying(PLAIN)).with_structured_output(schema, method=method)
        growing = [movie async for movie in structured.astream("Up")]
        assert growing[-1] == json.loads(PLAIN)
        assert all(one != other for one, other in itertools.pairwise(growing))
        assert list(structured.stream("Up")) == growing
        if method != "function_calling":
            assert {"title": "U"} in growing or {"title": "Up"} in growing
            assert len(growing) >= 3


async def test_instances_grow_field_by_field_and_the_last_is_whole() -> None:
    for schema in (Movie, MovieStruct):
        structured: StructuredModel[Any] = model_of(saying(ANSWER)).with_structured_output(schema)
        growing = [movie async for movie in structured.astream("Up")]
        assert all(isinstance(movie, schema) for movie in growing)
        assert not hasattr(growing[0], "year")
        assert not hasattr(growing[0], "cast")
        assert {getattr(movie, "genre", None) for movie in growing} == {None, "comedy"}
        assert {getattr(movie, "year", None) for movie in growing} == {None, 2009}
        shown = [repr(movie) for movie in growing[:-1]]
        assert len(set(shown)) == len(shown)
        assert growing[-1] == structured.invoke("Up")


async def test_growing_values_come_with_their_messages() -> None:
    structured = model_of(saying(PLAIN)).with_structured_output(MovieDict, include_raw=True)
    growing = [outcome async for outcome in structured.astream("Up")]
    assert PLAIN.startswith(growing[0]["raw"].text)
    assert growing[0]["raw"].text != PLAIN
    assert all(outcome["parsing_error"] is None for outcome in growing)
    assert growing[-1]["parsed"] == json.loads(PLAIN)
    assert growing[-1]["raw"].usage_metadata is not None
    failed = model_of([Reply(["{", '"title": "Up"', "}"])]).with_structured_output(MovieDict, include_raw=True)
    first, last = [outcome async for outcome in failed.astream("Up")]
    assert list(first["parsed"] or ()) == ["title"]
    assert last["parsed"] is None
    assert "is missing" in str(last["parsing_error"])


async def test_a_whole_answer_in_one_piece_is_one_value() -> None:
    structured = model_of([PLAIN, PLAIN]).with_structured_output(MovieDict)
    assert [movie async for movie in structured.astream("Up")][-1] == json.loads(PLAIN)
    assert await structured.astream("Up").result() == json.loads(PLAIN)


async def test_an_empty_object_is_a_value_too() -> None:
    schema: dict[str, Any] = {"type": "object", "properties": {}}
    assert [made async for made in model_of(["{}"]).with_structured_output(schema).astream("?")] == [{}]


async def test_the_rest_of_a_half_read_stream_is_the_result() -> None:
    structured = model_of(saying(ANSWER)).with_structured_output(Movie)
    async with structured.astream("Up") as stream:
        async for movie in stream:
            assert not hasattr(movie, "cast")
            break
        assert await stream.result() == Movie.model_validate_json(ANSWER)


async def test_leaving_a_stream_ends_its_run() -> None:
    ends: list[End] = []

    def hear(run: Run, event: Event) -> None:
        if isinstance(event, End):
            ends.append(event)

    with subscribe(hear):
        async with model_of(saying(ANSWER)).with_structured_output(Movie).astream("Up") as stream:
            async for _ in stream:
                break
        for _ in model_of(saying(ANSWER)).with_structured_output(Movie).stream("Up"):
            break
        gc.collect()
    assert [end.outcome for end in ends] == ["abandoned", "abandoned"]


async def test_a_retry_starts_anew() -> None:
    model = init_chat_model("embedded:demo", script=[Fail(status=503, retry_after_s=0.0), PLAIN], max_retries=1)
    growing = [movie async for movie in model.with_structured_output(MovieDict).astream("Up")]
    assert growing[-1] == json.loads(PLAIN)


class Book(TypedDict):
    text: str


async def test_the_cost_of_a_growing_value_stays_in_proportion_to_its_length() -> None:
    async def values_of(length: int) -> int:
        answer = json.dumps({"text": "word " * (length // 5)})
        structured = model_of(saying(answer, size=20)).with_structured_output(Book)
        return len([book async for book in structured.astream("?")])

    few, many = await values_of(10_000), await values_of(100_000)
    # Each reading looks at all that has arrived; their number grows with the logarithm of the length.
    assert few <= 10_000 / 20
    assert many - few < 3 / GROWTH


@pytest.mark.parametrize("strict", [None, True])
@pytest.mark.parametrize("method", METHODS)
async def test_handlers_are_told_the_form_that_a_call_asks_for(method: StructuredMethod, strict: bool | None) -> None:
    class Told(BaseCallbackHandler):
        def on_chat_model_start(self, serialized: JSONObject, messages: object, **kwargs: Any) -> None:
            options.append(kwargs["options"])

    options: list[JSONObject] = []
    model = init_chat_model("embedded:demo")
    formed = model.with_structured_output(SCHEMA, method=method, strict=strict, include_raw=True)
    await formed.ainvoke("hi", {"callbacks": Told()})
    await model.ainvoke("hi", {"callbacks": Told()})
    told, none = options
    assert none == {}
    kwargs = {"method": method} if strict is None else {"method": method, "strict": True}
    assert told["ls_structured_output_format"]["kwargs"] == kwargs
    assert told["ls_structured_output_format"]["schema"]["required"] == ["title", "year"]
