"""The form of an answer: of which schemas, by which method, as the provider is told, and as its answer is read."""

from __future__ import annotations

import dataclasses
import json
from typing import Annotated, Any, TypedDict

import msgspec
import pydantic
import pydantic.dataclasses
import pytest

from tests.runtime.test_tools import get_weather
from tidewire import ChatAnthropic, ChatModel, ChatOpenAI, init_chat_model
from tidewire.adapters.spec import ModelRequest, OutputSchema, ToolSpec
from tidewire.errors import ConfigurationError, OutputParsingError, RefusalError
from tidewire.events.types import FinishReason
from tidewire.messages import AIMessage, HumanMessage
from tidewire.structured import Form, form_of, unfenced


class Movie(pydantic.BaseModel):
    """A movie."""

    title: str = pydantic.Field(description="The title")
    year: int
    rating: float = 5.0


class MovieDict(TypedDict):
    """A movie."""

    title: Annotated[str, "The title"]
    year: int
    rating: Annotated[float, 5.0, "Out of 10"]


class MovieStruct(msgspec.Struct):
    """A movie."""

    title: Annotated[str, "The title"]
    year: int
    rating: float = 5.0


@dataclasses.dataclass
class MovieData:
    """A movie.

    Attributes:
        title: The title
    """

    title: str
    year: int
    rating: float = 5.0


@pydantic.dataclasses.dataclass
class MoviePoint:
    """A movie."""

    title: Annotated[str, pydantic.Field(description="The title")]
    year: int
    rating: float = 5.0


class Bag(msgspec.Struct):
    things: dict[str, int]


SCHEMA = {
    "title": "Movie",
    "description": "A movie.",
    "type": "object",
    "properties": {"title": {"type": "string"}, "year": {"type": "integer"}, "rating": {"type": "number"}},
    "required": ["title", "year"],
}
PLAIN = {key: SCHEMA[key] for key in ("type", "properties", "required")}
KINDS: list[Any] = [Movie, MovieDict, MovieStruct, MovieData, MoviePoint, SCHEMA]
NAMES = ["pydantic", "typed_dict", "struct", "dataclass", "pydantic_dataclass", "json_schema"]


def asked(model: ChatModel, schema: Any, **how: Any) -> ModelRequest:  # noqa: ANN401 - a schema of any kind
    return model.with_structured_output(schema, **how).settings.request([HumanMessage("?")], stream=False)


def body(model: ChatModel, schema: Any, **how: Any) -> dict[str, Any]:  # noqa: ANN401 - a schema of any kind
    codec, request = model.settings.adapter.choose(asked(model, schema, **how))
    sent: dict[str, Any] = json.loads(codec.encode(request).body)
    return sent


def openai(name: str = "unknown-model") -> ChatOpenAI:
    return ChatOpenAI(name, api_key="any", use_responses_api=False)


# --- schemas ---


@pytest.mark.parametrize("schema", KINDS, ids=NAMES)
def test_every_kind_of_schema_has_a_name_a_description_and_properties(schema: Any) -> None:  # noqa: ANN401 - any of its forms
    form = form_of(schema)
    assert form.description == "A movie."
    assert form.name in ("Movie", schema["title"] if isinstance(schema, dict) else schema.__name__)
    assert list(form.schema["properties"]) == ["title", "year", "rating"]
    assert form.schema["required"] == ["title", "year"]
    assert "title" not in form.schema
    if not isinstance(schema, dict):
        assert form.schema["properties"]["title"] == {"type": "string", "description": "The title"}


@pytest.mark.parametrize(
    "given",
    [
        {"name": "Movie", "description": "A movie.", "parameters": PLAIN},
        {"name": "Movie", "description": "A movie.", "input_schema": PLAIN},
        {"type": "function", "function": {"name": "Movie", "description": "A movie.", "parameters": PLAIN}},
        {"type": "json_schema", "json_schema": {"name": "Movie", "description": "A movie.", "schema": PLAIN}},
        SCHEMA,
    ],
)
def test_dicts_of_the_usual_forms_mean_the_same(given: dict[str, Any]) -> None:
    assert form_of(given) == Form("Movie", PLAIN, description="A movie.")


def test_a_schema_without_a_title_is_an_answer() -> None:
    assert form_of(PLAIN).name == "answer"
    assert form_of({"name": "Movie", "schema": PLAIN, "strict": True}).strict is True


@pytest.mark.parametrize(
    ("schema", "told"),
    [
        (int, "not int"),
        (list[int], "not list"),
        (int | None, "a schema is a class with fields"),
        ({"a": 1}, r"the dict has the keys \['a'\]"),
        ({"type": "object", "propertys": {}}, "'propertys' is not known; did you mean 'properties'"),
        ({"type": "object", "properties": {"a": {"if": {}}}}, "'if' is not known"),
        ({"type": "array", "items": {"contains": {}}}, "'contains' is not known; say it with another one"),
    ],
)
def test_what_is_no_schema_is_refused(schema: object, told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        form_of(schema)


def test_schemas_that_are_not_checked_may_say_anything() -> None:
    form = form_of({"type": "object", "if": {}, "x-order": 1}, validate=False)
    assert form.read({"a": 1}) == {"a": 1}
    assert form_of({"type": "object", "x-order": 1}).name == "answer"


def test_there_are_three_methods() -> None:
    with pytest.raises(ConfigurationError, match="'json_schema', 'function_calling', 'json_mode', not 'xml'"):
        form_of(SCHEMA, method="xml")


# --- what the provider is told ---

STRICT = {
    "type": "object",
    "properties": {
        "title": {"type": "string", "description": "The title"},
        "year": {"type": "integer"},
        "rating": {"anyOf": [{"type": "number"}, {"type": "null"}]},
    },
    "required": ["title", "year", "rating"],
    "additionalProperties": False,
}


@pytest.mark.parametrize("schema", [Movie, MovieStruct, MovieData])
def test_classes_are_decoded_strictly(schema: type) -> None:
    assert asked(openai(), schema).output == OutputSchema(schema.__name__, STRICT, "A movie.", True)
    loose = asked(openai(), schema, strict=False).output
    assert loose == OutputSchema(schema.__name__, form_of(schema).schema, "A movie.", False)


def test_what_strict_decoding_cannot_say_is_not_asked_strictly() -> None:
    assert asked(openai(), Bag).output == OutputSchema("Bag", form_of(Bag).schema, "", False)
    insisted = asked(openai(), Bag, strict=True).output
    assert insisted is not None
    assert (insisted.strict, (insisted.schema or {})["additionalProperties"]) == (True, False)


@pytest.mark.parametrize("schema", [MovieDict, SCHEMA, MoviePoint])
def test_other_schemas_are_strict_only_when_that_is_asked_for(schema: Any) -> None:  # noqa: ANN401 - any of its forms
    output = asked(openai(), schema).output
    assert output is not None
    assert (output.strict, output.schema) == (False, form_of(schema).schema)
    output = asked(openai(), schema, strict=True).output
    assert output is not None
    assert (output.strict, (output.schema or {})["required"]) == (True, ["title", "year", "rating"])


def test_openai_is_told_by_a_response_format_a_forced_tool_or_a_mode() -> None:
    assert body(openai(), Movie)["response_format"] == {
        "type": "json_schema",
        "json_schema": {"name": "Movie", "description": "A movie.", "schema": STRICT, "strict": True},
    }
    called = body(openai(), MovieDict, method="function_calling")
    assert called["tools"] == [
        {
            "type": "function",
            "function": {"name": "MovieDict", "description": "A movie.", "parameters": form_of(MovieDict).schema},
        }
    ]
    assert called["tool_choice"] == {"type": "function", "function": {"name": "MovieDict"}}
    assert called["parallel_tool_calls"] is False
    assert "response_format" not in called
    strict = body(openai(), Movie, method="function_calling", strict=True)["tools"][0]["function"]
    assert (strict["strict"], strict["parameters"]) == (True, STRICT)
    assert body(openai(), Movie, method="json_mode")["response_format"] == {"type": "json_object"}


def test_anthropic_is_told_by_an_output_format_or_a_forced_tool() -> None:
    model = ChatAnthropic("unknown-model", api_key="any")
    assert body(model, MovieDict)["output_config"]["format"]["type"] == "json_schema"
    called = body(model, MovieDict, method="function_calling")
    assert called["tool_choice"] == {"type": "tool", "name": "MovieDict", "disable_parallel_tool_use": True}


def test_the_method_follows_from_the_profile_and_the_wire_format() -> None:
    def method(model: ChatModel) -> str:
        request = asked(model, Movie)
        if request.output is None:
            return "function_calling"
        return "json_mode" if request.output.schema is None else "json_schema"

    assert method(openai()) == "json_schema"
    assert method(openai("gpt-4.1-mini")) == "json_schema"
    assert method(openai("gpt-3.5-turbo").bind(profile={"structured_output": False})) == "function_calling"
    assert method(openai().bind(profile={"structured_output": False, "tool_calling": False})) == "json_mode"
    assert method(openai().bind(profile={"structured_output": "json_mode"})) == "json_mode"
    assert method(openai().bind(profile={"tool_calling": False})) == "json_schema"
    # Its wire format has no word for a schema.
    assert method(init_chat_model("deepseek:unknown", api_key="any")) == "function_calling"
    assert method(init_chat_model("embedded:demo")) == "json_schema"


def test_where_no_method_can_be_spelled_the_first_is_refused_by_its_provider() -> None:
    model = ChatAnthropic("unknown-model", api_key="any").bind(
        profile={"structured_output": False, "tool_calling": False}
    )
    with pytest.raises(ConfigurationError, match="anthropic has no json_mode"):
        body(model, Movie)


def test_a_form_goes_with_tools_in_any_order() -> None:
    for model in (
        openai().bind_tools([get_weather], tool_choice="any").with_structured_output(Movie, method="function_calling"),
        openai().with_structured_output(Movie, method="function_calling").bind_tools([get_weather], tool_choice="any"),
    ):
        request = model.settings.request([HumanMessage("?")], stream=False)
        assert [tool.name for tool in request.tools if isinstance(tool, ToolSpec)] == ["get_weather", "Movie"]
        assert request.tool_choice == ("tool", "Movie")
    both = openai().bind_tools([get_weather, Movie]).with_structured_output(Movie, method="function_calling")
    assert len(both.settings.request([HumanMessage("?")], stream=False).tools) == 2
    free = openai().with_structured_output(Movie).bind_tools([get_weather])
    assert (len(free.settings.request([HumanMessage("?")], stream=False).tools), free.settings.tool_choice) == (1, None)
    kept = openai().bind_tools([get_weather], parallel_tool_calls=True)
    assert asked(kept, Movie, method="function_calling").parallel_tool_calls is True


def test_parameters_can_be_bound_with_the_form() -> None:
    assert openai().with_structured_output(Movie, temperature=0).settings.parameters["temperature"] == 0


# --- what is read ---


TEXT_ASKED = ModelRequest("m", [], "", output=OutputSchema("Movie", PLAIN))
TOOL_ASKED = ModelRequest("m", [], "", tool_choice=("tool", "Movie"))


def parse(
    schema: object, answer: str | AIMessage, finish: FinishReason | None = "stop", request: ModelRequest = TEXT_ASKED
) -> Any:  # noqa: ANN401 - of the schema
    message = AIMessage(answer) if isinstance(answer, str) else answer
    form = form_of(schema) if not isinstance(schema, Form) else schema
    return msgspec.structs.replace(form, name="Movie").parse(message, finish, request)


ANSWER = '{"title": "Up", "year": 2009, "rating": null}'


@pytest.mark.parametrize(
    ("schema", "made"),
    [
        (Movie, Movie(title="Up", year=2009)),
        (MovieDict, {"title": "Up", "year": 2009}),
        (MovieStruct, MovieStruct("Up", 2009)),
        (MovieData, MovieData("Up", 2009)),
        (MoviePoint, MoviePoint("Up", 2009)),
        (form_of(SCHEMA, strict=True), {"title": "Up", "year": 2009}),
    ],
    ids=NAMES,
)
def test_an_answer_is_read_as_its_schema(schema: object, made: object) -> None:
    assert parse(schema, ANSWER) == made
    assert parse(schema, f"```json\n{ANSWER}\n```") == made
    call = AIMessage(tool_calls=[{"name": "Movie", "args": json.loads(ANSWER), "id": "1"}])
    assert parse(schema, call, "tool_calls", TOOL_ASKED) == made


@pytest.mark.parametrize("schema", KINDS, ids=NAMES)
@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ('{"title": "Up", "year": "soon"}', r"the answer does not fit Movie: .*year: .*(integer|int)"),
        ('{"title": "Up"}', r"the answer does not fit Movie: .*year.*missing"),
        ("[1]", r"the answer does not fit Movie: .*(not an object|of type object|object|dictionary)"),
        ('{"title": "Up", "year": NaN}', "the answer is not valid JSON: NaN is not JSON"),
        ('{"title": "Up"', "the answer is not valid JSON: "),
        ("It is Up.", "the answer is not valid JSON: "),
        ("[" * 100_000, "the answer is not valid JSON: "),
        (" ", "the model's answer is empty"),
    ],
)
def test_an_answer_that_does_not_fit_is_an_error_that_names_the_field(schema: object, answer: str, told: str) -> None:
    with pytest.raises(OutputParsingError, match=told):
        parse(schema, answer)


def test_a_call_that_is_missing_or_cannot_be_read_is_an_error() -> None:
    with pytest.raises(OutputParsingError, match="the model did not call 'Movie'"):
        parse(Movie, ANSWER, "stop", TOOL_ASKED)
    with pytest.raises(OutputParsingError, match="the model did not call 'Movie'"):
        parse(Movie, AIMessage(tool_calls=[{"name": "other", "args": {}, "id": "1"}]), "tool_calls", TOOL_ASKED)
    broken = AIMessage(invalid_tool_calls=[{"name": "Movie", "args": '{"a', "id": "1", "error": "it ends"}])
    with pytest.raises(OutputParsingError, match="the call of 'Movie' could not be read: it ends"):
        parse(Movie, broken, "tool_calls", TOOL_ASKED)
    called = AIMessage(tool_calls=[{"name": "search", "args": {}, "id": "1"}])
    with pytest.raises(OutputParsingError, match="the model called 'search' instead of answering"):
        parse(Movie, called, "tool_calls")


def test_the_first_of_several_calls_counts() -> None:
    calls = [{"name": "Movie", "args": {"title": title, "year": 1}, "id": title} for title in ("a", "b")]
    assert parse(Movie, AIMessage(tool_calls=calls), "tool_calls", TOOL_ASKED).title == "a"


def test_answers_that_are_cut_filtered_or_refused_are_errors() -> None:
    with pytest.raises(OutputParsingError, match="cut off by the token limit"):
        parse(Movie, ANSWER, "length")
    with pytest.raises(OutputParsingError, match="content filter"):
        parse(Movie, ANSWER, "content_filter")
    with pytest.raises(RefusalError, match="I will not"):
        parse(Movie, AIMessage("", response_metadata={"refusal": "I will not"}), "refusal")
    with pytest.raises(RefusalError, match="I had rather not"):
        parse(Movie, "I had rather not", "refusal")
    with pytest.raises(RefusalError, match="the model refused"):
        parse(Movie, "", "refusal")


def test_what_is_not_checked_is_given_as_it_is() -> None:
    odd = '{"year": "soon"}'
    assert parse(form_of(SCHEMA, validate=False), odd) == {"year": "soon"}
    assert parse(form_of(MovieDict, validate=False), odd) == {"year": "soon"}
    with pytest.raises(OutputParsingError):
        parse(form_of(Movie, validate=False), odd)


def test_a_schema_may_be_of_another_type_than_an_object() -> None:
    assert parse({"type": "array", "items": {"type": "integer"}}, "[1, 2]") == [1, 2]


@pytest.mark.parametrize(
    ("text", "inside"),
    [("{}", "{}"), (" {} ", "{}"), ("```json\n{}\n```", "{}\n"), ("```\n{}```", "{}"), ("```json", "")],
)
def test_a_fence_is_taken_off(text: str, inside: str) -> None:
    assert unfenced(text) == inside


def test_a_misspelt_type_in_a_schema_is_told() -> None:
    schema = {"title": "Point", "type": "object", "properties": {"x": {"type": "integr"}}}
    with pytest.raises(ConfigurationError, match="type 'integr' is not known; did you mean 'integer'"):
        init_chat_model("embedded:demo").with_structured_output(schema)
