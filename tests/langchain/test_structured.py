"""Answers in a form, by tidewire's reader and by LangChain's own."""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from typing import Annotated, Any, TypedDict

import msgspec
import pydantic
import pydantic.v1
import pytest
from langchain_core.messages import AIMessage
from langchain_core.output_parsers import JsonOutputParser, PydanticToolsParser
from langchain_core.runnables import RunnableSequence

from tests.adapters.simulator.wires import WIRES, Wire, model_on
from tidewire import init_chat_model
from tidewire.errors import ConfigurationError, OutputParsingError, RefusalError
from tidewire.langchain import ChatTidewire, as_chat_model
from tidewire.langchain.structured import Reader
from tidewire.testing import Call, Reply, Script, Simulator


class Movie(pydantic.BaseModel):
    """A movie."""

    title: str
    year: int


class OldMovie(pydantic.v1.BaseModel):
    """A movie, as it used to be."""

    title: str
    year: int


class MovieDict(TypedDict):
    """A movie."""

    title: Annotated[str, "The title"]
    year: int


@dataclass
class MovieData:
    """A movie."""

    title: str
    year: int


class MovieStruct(msgspec.Struct):
    """A movie."""

    title: str
    year: int


PLAIN: dict[str, Any] = {"title": "Alien", "year": 1979}
TEXT = '{"title": "Alien", "year": 1979}'
SCHEMA: dict[str, Any] = {
    "title": "Movie",
    "type": "object",
    "properties": {"title": {"type": "string"}, "year": {"type": "integer"}},
    "required": ["title", "year"],
}
FORMS = [
    pytest.param(Movie, Movie(**PLAIN), id="pydantic"),
    pytest.param(OldMovie, OldMovie(**PLAIN), id="pydantic 1"),
    pytest.param(MovieDict, PLAIN, id="typed dict"),
    pytest.param(MovieData, MovieData(**PLAIN), id="dataclass"),
    pytest.param(MovieStruct, MovieStruct(**PLAIN), id="struct"),
    pytest.param(SCHEMA, PLAIN, id="schema"),
]


def saying(*script: Reply | str) -> ChatTidewire:
    """A model that says these things."""
    return as_chat_model(init_chat_model("embedded:demo", script=list(script)))


@pytest.mark.parametrize(("form", "value"), FORMS)
def test_a_form_of_any_kind_is_read(form: Any, value: object) -> None:  # noqa: ANN401 - as users give them
    model = saying(TEXT, TEXT).with_structured_output(form, method="json_schema")
    assert model.invoke("hi") == value
    grown = list(model.stream("hi"))
    assert grown[-1] == value
    assert len(grown) > 1
    assert all(isinstance(one, type(value)) for one in grown)


@pytest.mark.parametrize(("form", "value"), FORMS)
def test_a_tool_tells_the_form_too(form: Any, value: object) -> None:  # noqa: ANN401 - as users give them
    name: str = getattr(form, "__name__", "Movie")
    reply = Reply(tool_calls=[Call(name, PLAIN)])
    model = saying(reply, reply).with_structured_output(form, method="function_calling")
    assert model.invoke("hi") == value
    grown = list(model.stream("hi"))
    assert grown[-1] == value
    assert len(grown) > 1


async def test_it_grows_in_async_code() -> None:
    model = saying(TEXT).with_structured_output(SCHEMA)
    grown = [value async for value in model.astream("hi")]
    assert grown[-1] == PLAIN
    assert grown[0] == {"title": ""} or "title" in grown[0]
    assert await saying(TEXT).with_structured_output(Movie).ainvoke("hi") == Movie(**PLAIN)


@pytest.mark.parametrize("method", [None, "json_schema", "function_calling"])
@pytest.mark.parametrize("wire", [pytest.param(wire, id=name) for name, wire in WIRES.items() if name != "ollama"])
def test_every_wire_is_asked_by_every_method(wire: Wire, method: str | None) -> None:
    with Simulator() as simulator:
        model = as_chat_model(model_on(wire, simulator))
        assert isinstance(model.with_structured_output(Movie, method=method).invoke("hi"), Movie)


def test_the_message_comes_along_on_request() -> None:
    model = saying(TEXT).with_structured_output(Movie, include_raw=True)
    given = model.invoke("hi")
    assert (given["parsed"], given["parsing_error"]) == (Movie(**PLAIN), None)
    assert isinstance(given["raw"], AIMessage)


def test_an_error_of_reading_is_data_on_request() -> None:
    given = saying("no").with_structured_output(Movie, include_raw=True).invoke("hi")
    assert given["parsed"] is None
    assert isinstance(given["parsing_error"], OutputParsingError)
    assert given["raw"].text == "no"


@pytest.mark.parametrize(
    ("reply", "told"),
    [
        ('{"title": "Alien"}', "year"),
        ('{"title": "Alien", "year": "unknown"}', "year"),
        (Reply(TEXT, finish="length"), "cut off"),
        (Reply(TEXT, finish="content_filter"), "filter"),
        ("", "empty"),
    ],
)
@pytest.mark.parametrize("form", [Movie, OldMovie, SCHEMA])
def test_what_cannot_be_read_is_told(form: Any, reply: Reply | str, told: str) -> None:  # noqa: ANN401 - any of its forms
    model = saying(Reply(reply) if isinstance(reply, str) else reply).with_structured_output(form)
    with pytest.raises(OutputParsingError, match=told) as error:
        model.invoke("hi")
    assert isinstance(error.value.raw, AIMessage)


class OldPicky(pydantic.v1.BaseModel):
    """Some words, but not all."""

    word: str

    def __init__(self, **values: Any) -> None:
        super().__init__(**values)
        if self.word == "no":
            raise ValueError("be polite")


def test_what_an_old_model_checks_itself_is_told_too() -> None:
    with pytest.raises(OutputParsingError, match="be polite"):
        saying('{"word": "no"}').with_structured_output(OldPicky).invoke("hi")


@pytest.mark.parametrize("method", ["json_schema", "function_calling"])
def test_an_answer_that_is_not_streamed_is_read_too(method: str) -> None:
    said = TEXT if method == "json_schema" else Reply(tool_calls=[Call("Movie", PLAIN)])
    model = as_chat_model(init_chat_model("embedded:demo", script=[said]), disable_streaming=True)
    assert list(model.with_structured_output(Movie, method=method).stream("hi"))[-1] == Movie(**PLAIN)


def test_a_refusal_is_one() -> None:
    with pytest.raises(RefusalError, match="I will not"):
        saying(Reply("I will not.", finish="refusal")).with_structured_output(Movie).invoke("hi")


def test_a_streamed_answer_is_checked_at_its_end() -> None:
    with pytest.raises(OutputParsingError, match="year"):
        list(saying('{"title": "Alien"}').with_structured_output(Movie).stream("hi"))


def test_validation_can_be_turned_off() -> None:
    model = saying('{"title": 1}').with_structured_output(SCHEMA, validate=False)
    assert model.invoke("hi") == {"title": 1}


@pytest.mark.parametrize("schema", ["Movie", int])
def test_what_is_no_form_is_told(schema: Any) -> None:  # noqa: ANN401 - what is no form
    with pytest.raises(ConfigurationError):
        saying().with_structured_output(schema)


def test_a_method_that_does_not_exist_is_told() -> None:
    with pytest.raises(ConfigurationError, match="method is"):
        saying().with_structured_output(Movie, method="magic")


def test_tools_may_be_bound_beside_a_form() -> None:
    model = as_chat_model(init_chat_model("embedded:demo", script=[TEXT]).bind_tools([Movie], tool_choice="none"))
    assert model.with_structured_output(MovieDict, method="json_schema").invoke("hi") == PLAIN


def test_a_reader_can_be_pickled() -> None:
    chain = saying().with_structured_output(Movie)
    assert isinstance(chain, RunnableSequence)
    reader = chain.last
    assert isinstance(reader, Reader)
    again = pickle.loads(pickle.dumps(reader))
    assert again.invoke(AIMessage(TEXT)) == Movie(**PLAIN)


def test_langchains_own_readers_work_too() -> None:
    script: Script = [TEXT, Reply(tool_calls=[Call("Movie", PLAIN)])]
    model = as_chat_model(init_chat_model("embedded:demo", script=script))
    assert (model | JsonOutputParser()).invoke("hi") == PLAIN
    chain = model.bind_tools([Movie], tool_choice="any") | PydanticToolsParser(tools=[Movie], first_tool_only=True)
    assert chain.invoke("hi") == Movie(**PLAIN)


@pytest.mark.parametrize(
    "asked", [Movie, {"type": "json_schema", "json_schema": {"name": "Movie", "schema": SCHEMA, "strict": True}}]
)
def test_a_form_may_stand_in_the_parameters_of_a_call(asked: Any) -> None:  # noqa: ANN401 - as users give it
    with Simulator() as simulator:
        message = as_chat_model(model_on(WIRES["anthropic"], simulator)).bind(response_format=asked).invoke("hi")
    assert isinstance(Movie.model_validate_json(message.text), Movie)


def test_any_json_may_be_asked_for_in_the_parameters_of_a_call() -> None:
    with Simulator() as simulator:
        model = as_chat_model(model_on(WIRES["openai chat"], simulator))
        model.bind(response_format={"type": "json_object"}).invoke("hi")
        assert simulator.requests[0].body["response_format"] == {"type": "json_object"}
