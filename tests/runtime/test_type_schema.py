"""Any type as a JSON Schema."""

from __future__ import annotations

import dataclasses
import datetime
import decimal
import enum
import pathlib
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Annotated, Any, Final, Generic, Literal, NamedTuple, NewType, NotRequired, TypedDict, TypeVar

import jsonschema
import msgspec
import pydantic
import pydantic.dataclasses
import pytest
import typing_extensions

from tidewire.adapters.schema_instance import schema_instance
from tidewire.class_fields import fields_of
from tidewire.events.blocks import JSONObject
from tidewire.events.errors import ConfigurationError
from tidewire.type_hints import TypeHint
from tidewire.type_schema import schema_of_type
from tidewire.typed_values import Reading

T = TypeVar("T")
Either = TypeVar("Either", int, str)
Bound = TypeVar("Bound", bound=int)


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


UserId = NewType("UserId", int)
Words = typing_extensions.TypeAliasType("Words", list[str])


@pytest.mark.parametrize(
    ("hint", "schema"),
    [
        (Any, {}),
        (object, {}),
        (None, {"type": "null"}),
        (bool, {"type": "boolean"}),
        (int, {"type": "integer"}),
        (float, {"type": "number"}),
        (str, {"type": "string"}),
        (bytes, {"type": "string", "contentEncoding": "base64"}),
        (datetime.datetime, {"type": "string", "format": "date-time"}),
        (datetime.date, {"type": "string", "format": "date"}),
        (datetime.timedelta, {"type": "string", "format": "duration"}),
        (uuid.UUID, {"type": "string", "format": "uuid"}),
        (decimal.Decimal, {"type": "string", "format": "decimal"}),
        (pathlib.Path, {"type": "string", "format": "path"}),
        (UserId, {"type": "integer"}),
        (Final[int], {"type": "integer"}),
        (dataclasses.InitVar[int], {"type": "integer"}),
        (Either, {"anyOf": [{"type": "integer"}, {"type": "string"}]}),
        (Bound, {"type": "integer"}),
        (Words, {"type": "array", "items": {"type": "string"}}),
        (Literal["a", "b"], {"enum": ["a", "b"], "type": "string"}),
        (Literal["a", 1, None], {"enum": ["a", 1, None]}),
        (Literal[Colour.RED], {"enum": ["red"], "type": "string"}),
        (Colour, {"enum": ["red", "blue"], "type": "string"}),
        (Level, {"enum": [1, 2], "type": "integer"}),
        (int | None, {"anyOf": [{"type": "integer"}, {"type": "null"}]}),
        (list, {"type": "array"}),
        (list[int], {"type": "array", "items": {"type": "integer"}}),
        (Sequence[int], {"type": "array", "items": {"type": "integer"}}),
        (Iterable[int], {"type": "array", "items": {"type": "integer"}}),
        (tuple[int, ...], {"type": "array", "items": {"type": "integer"}}),
        (set[str], {"type": "array", "items": {"type": "string"}, "uniqueItems": True}),
        (
            tuple[int, str],
            {"type": "array", "prefixItems": [{"type": "integer"}, {"type": "string"}], "minItems": 2, "maxItems": 2},
        ),
        (dict, {"type": "object"}),
        (dict[str, Any], {"type": "object"}),
        (Mapping[str, int], {"type": "object", "additionalProperties": {"type": "integer"}}),
        (Annotated[int, "how many"], {"type": "integer", "description": "how many"}),
        (Annotated[int, ..., "how many"], {"type": "integer", "description": "how many"}),
        (Annotated[int, typing_extensions.Doc("how many")], {"type": "integer", "description": "how many"}),
        (
            Annotated[int, msgspec.Meta(ge=1, lt=9, description="how many")],
            {"type": "integer", "minimum": 1, "exclusiveMaximum": 9, "description": "how many"},
        ),
        (
            Annotated[str, pydantic.Field(min_length=1, max_length=5, pattern="^a", description="a word")],
            {"type": "string", "minLength": 1, "maxLength": 5, "pattern": "^a", "description": "a word"},
        ),
        (
            Annotated[list[int], msgspec.Meta(min_length=1)],
            {"type": "array", "items": {"type": "integer"}, "minItems": 1},
        ),
        (
            Annotated[int | None, msgspec.Meta(ge=1)],
            {"anyOf": [{"type": "integer", "minimum": 1}, {"type": "null", "minimum": 1}]},
        ),
        (pydantic.PositiveInt, {"type": "integer", "exclusiveMinimum": 0}),
        (pydantic.HttpUrl, {"type": "string", "format": "uri", "minLength": 1, "maxLength": 2083}),
    ],
)
def test_types_have_schemas(hint: TypeHint, schema: JSONObject) -> None:
    assert schema_of_type(hint) == schema


class Actor(TypedDict):
    """An actor.

    Attributes:
        name: The actor's name.
    """

    name: str
    role: NotRequired[Annotated[str, "The part."]]


class Film(TypedDict, total=False):
    """A film."""

    title: typing_extensions.Required[Annotated[str, "The title."]]
    year: Annotated[int, ..., "The year."]
    rating: Annotated[float, 5.0, "Out of 10."]
    cast: list[Actor]


ACTOR: JSONObject = {
    "type": "object",
    "description": "An actor.",
    "properties": {
        "name": {"type": "string", "description": "The actor's name."},
        "role": {"type": "string", "description": "The part."},
    },
    "required": ["name"],
}


def test_a_typed_dict_keeps_descriptions_defaults_and_what_is_required() -> None:
    assert schema_of_type(Film) == {
        "type": "object",
        "description": "A film.",
        "properties": {
            "title": {"type": "string", "description": "The title."},
            "year": {"type": "integer", "description": "The year."},
            "rating": {"type": "number", "description": "Out of 10.", "default": 5.0},
            "cast": {"type": "array", "items": ACTOR},
        },
        "required": ["title"],
    }


def test_two_texts_in_a_typed_dict_are_a_default_and_a_description() -> None:
    class Named(TypedDict):
        name: Annotated[str, "nobody", "The name."]

    assert schema_of_type(Named) == {
        "type": "object",
        "properties": {"name": {"type": "string", "description": "The name.", "default": "nobody"}},
    }


class Record(NamedTuple):
    a: int
    b: str = "x"


def test_dataclasses_structs_and_named_tuples_have_schemas() -> None:
    @dataclasses.dataclass
    class Data:
        """Data.

        Attributes:
            a: From the docstring.
        """

        a: int
        b: list[str] = dataclasses.field(default_factory=list[str], metadata={"description": "From the field."})
        c: Colour = Colour.RED
        d: int = dataclasses.field(default=0, init=False)

    class Struct(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
        first_name: Annotated[str, "The first name."]
        tags: list[str] = []
        age: int = 3

    assert schema_of_type(Data) == {
        "type": "object",
        "description": "Data.",
        "properties": {
            "a": {"type": "integer", "description": "From the docstring."},
            "b": {"type": "array", "items": {"type": "string"}, "description": "From the field."},
            "c": {"enum": ["red", "blue"], "type": "string", "default": "red"},
        },
        "required": ["a"],
    }
    assert schema_of_type(Struct) == {
        "type": "object",
        "properties": {
            "firstName": {"type": "string", "description": "The first name."},
            "tags": {"type": "array", "items": {"type": "string"}},
            "age": {"type": "integer", "default": 3},
        },
        "required": ["firstName"],
        "additionalProperties": False,
    }
    assert schema_of_type(Record) == {
        "type": "object",
        "properties": {"a": {"type": "integer"}, "b": {"type": "string", "default": "x"}},
        "required": ["a"],
    }


class Cat(msgspec.Struct, tag="cat"):
    lives: int


class Pair(msgspec.Struct, array_like=True):
    a: int
    b: int


def test_a_struct_s_tag_is_told() -> None:
    assert schema_of_type(Cat) == {
        "type": "object",
        "properties": {"type": {"enum": ["cat"], "type": "string"}, "lives": {"type": "integer"}},
        "required": ["type", "lives"],
    }
    assert schema_of_type(Pair)["type"] == "array"


class Person(pydantic.BaseModel):
    """A person."""

    name: str = pydantic.Field(description="The name.", alias="fullName")
    friends: list[Person] = []


class Team(pydantic.BaseModel):
    title: str
    lead: Person
    pet: Dog | Bird = pydantic.Field(discriminator="kind")


class Dog(pydantic.BaseModel):
    kind: Literal["dog"]


class Bird(pydantic.BaseModel):
    kind: Literal["bird"]


Team.model_rebuild()


def test_models_of_pydantic_are_inlined_without_titles() -> None:
    schema = schema_of_type(Team)
    assert schema["properties"]["title"] == {"type": "string"}
    assert schema["properties"]["lead"] == {"$ref": "#/$defs/Person"}
    assert schema["properties"]["pet"]["oneOf"][0]["properties"] == {"kind": {"type": "string", "const": "dog"}}
    person = schema["$defs"]["Person"]
    assert person["properties"]["fullName"] == {"type": "string", "description": "The name."}
    assert person["properties"]["friends"]["items"] == {"$ref": "#/$defs/Person"}
    assert "title" not in person
    assert "discriminator" not in schema["properties"]["pet"]


def test_what_contains_itself_is_a_reference_below_an_object() -> None:
    class Node(msgspec.Struct):
        value: int
        kids: list[Node] = []

    schema = schema_of_type(Node)
    assert schema["type"] == "object"
    assert schema["properties"]["kids"] == {"type": "array", "items": {"$ref": "#/$defs/Node"}}
    assert schema_of_type(list[Node]) == {
        "type": "array",
        "items": {"$ref": "#/$defs/Node"},
        "$defs": {"Node": schema["$defs"]["Node"]},
    }


@dataclasses.dataclass
class Box(Generic[T]):
    content: T
    more: list[T]


class WordBox(Box[str]):
    pass


class Crate(msgspec.Struct, Generic[T]):
    box: Box[T]


def test_generic_classes_are_filled_in() -> None:
    assert schema_of_type(Box[int])["properties"] == {
        "content": {"type": "integer"},
        "more": {"type": "array", "items": {"type": "integer"}},
    }
    both = schema_of_type(tuple[Box[int], Box[str]])
    assert [item["properties"]["content"] for item in both["prefixItems"]] == [{"type": "integer"}, {"type": "string"}]
    assert schema_of_type(Box)["properties"]["content"] == {}
    assert schema_of_type(WordBox)["properties"]["content"] == {"type": "string"}
    assert schema_of_type(Crate[int])["properties"]["box"]["properties"]["content"] == {"type": "integer"}


Tree = typing_extensions.TypeAliasType("Tree", "dict[str, Tree | int]")
Several = typing_extensions.TypeAliasType("Several", list[T], type_params=(T,))


def test_names_of_types_may_stand_for_themselves_and_take_arguments() -> None:
    tree = schema_of_type(Tree)
    assert tree["additionalProperties"]["anyOf"] == [{"$ref": "#/$defs/Tree"}, {"type": "integer"}]
    assert Reading().read({"a": {"b": "1"}}, Tree) == {"a": {"b": 1}}
    assert schema_of_type(Several[int]) == {"type": "array", "items": {"type": "integer"}}


def test_classes_of_one_name_stay_apart() -> None:
    def one() -> TypeHint:
        class Inner(msgspec.Struct):
            inner: Inner | None = None

        return Inner

    def other() -> TypeHint:
        class Inner(msgspec.Struct):
            inner: list[Inner] = []

        return Inner

    hint: TypeHint = tuple.__class_getitem__((one(), other()))
    assert list(schema_of_type(hint)["$defs"]) == ["Inner", "Inner2"]


def test_a_default_that_is_no_json_is_not_told() -> None:
    class Odd(TypedDict):
        a: Annotated[Any, {1, 2}, "text"]

    @dataclasses.dataclass
    class Defaults:
        a: Any = Exception

    assert schema_of_type(Defaults) == {"type": "object", "properties": {"a": {}}}
    assert schema_of_type(Odd)["properties"] == {"a": {"description": "text"}}


def test_arguments_that_cannot_be_hashed_are_read_too() -> None:
    assert fields_of(Box[Annotated[int, {"a": 1}]]) is not None


@pytest.mark.parametrize("hint", [{}, Exception, Callable[[], int], type[int], complex, object()])
def test_what_has_no_schema_is_refused_by_name(hint: TypeHint) -> None:
    with pytest.raises(ConfigurationError, match="has no JSON Schema"):
        schema_of_type(hint)


def test_a_name_that_nobody_knows_is_told() -> None:
    class Lost(TypedDict):
        a: Nowhere  # type: ignore[name-defined]  # noqa: F821  # pyright: ignore[reportUndefinedVariable]  # on purpose

    with pytest.raises(ConfigurationError, match="'Lost' names 'Nowhere'"):
        schema_of_type(Lost)


@pydantic.dataclasses.dataclass
class Point:
    x: int
    y: int = 0


class Everything(msgspec.Struct):
    film: Film
    colour: Colour
    level: Level
    when: datetime.datetime
    pair: tuple[int, str]
    maybe: Annotated[int, msgspec.Meta(ge=0, le=9)] | None
    mapping: dict[str, list[bool]]
    person: Person
    point: Point
    cat: Cat | Pair | None = None
    words: set[Literal["a", "b", "c"]] = set()


@pytest.mark.parametrize("seed", range(25))
@pytest.mark.parametrize("hint", [Everything, Film, Team, Box[Colour], dict[str, Cat], Point, list[Person]])
def test_what_fits_the_schema_is_read_as_the_type(hint: TypeHint, seed: int) -> None:
    schema = schema_of_type(hint)
    jsonschema.Draft202012Validator.check_schema(schema)
    value = schema_instance(schema, seed=seed)
    jsonschema.validate(value, schema)
    reading = Reading()
    made = reading.read(value, hint)
    assert reading.problems == []
    plain = msgspec.to_builtins(made, enc_hook=lambda model: model.model_dump(mode="json", by_alias=True))
    assert Reading().read(plain, hint) == made
