"""JSON values as values of a type, and what is said of those that are none."""

from __future__ import annotations

import base64
import dataclasses
import datetime
import decimal
import enum
import pathlib
import uuid
from collections import deque
from collections.abc import Iterable
from typing import Annotated, Any, Literal, NamedTuple, NotRequired

import msgspec
import pydantic
import pytest
import typing_extensions

from tidewire.events.blocks import JSON
from tidewire.type_hints import MISSING, TypeHint
from tidewire.typed_values import Reading, takes_none


class Colour(enum.Enum):
    RED = "red"
    BLUE = 2


Words = typing_extensions.TypeAliasType("Words", list[str])
UUID_TEXT = "12345678-1234-5678-1234-567812345678"


def read(value: JSON, hint: TypeHint) -> Any:  # noqa: ANN401 - of the type that is asked for
    reading = Reading()
    made = reading.read(value, hint)
    assert reading.problems == []
    return made


def problems(value: JSON, hint: TypeHint) -> list[str]:
    reading = Reading()
    assert reading.read(value, hint) is MISSING
    return reading.problems


@pytest.mark.parametrize(
    ("value", "hint", "made"),
    [
        (1, Any, 1),
        (None, None, None),
        (1, int, 1),
        (1.0, int, 1),
        ("12", int, 12),
        (1, float, 1.0),
        ("1.5", float, 1.5),
        (True, bool, True),
        ("False", bool, False),
        ("12", str, "12"),
        ("2010-01-02", datetime.date, datetime.date(2010, 1, 2)),
        ("2010-01-02T03:04:05Z", datetime.datetime, datetime.datetime(2010, 1, 2, 3, 4, 5, tzinfo=datetime.UTC)),
        ("PT1H", datetime.timedelta, datetime.timedelta(hours=1)),
        (UUID_TEXT, uuid.UUID, uuid.UUID(UUID_TEXT)),
        ("1.10", decimal.Decimal, decimal.Decimal("1.10")),
        (base64.b64encode(b"hi").decode(), bytes, b"hi"),
        ("a/b", pathlib.Path, pathlib.Path("a/b")),
        ("red", Colour, Colour.RED),
        ("2", Colour, Colour.BLUE),
        (Colour.RED, Colour, Colour.RED),
        ("a", Literal["a", 1], "a"),
        ("1", Literal["a", 1], 1),
        ("red", Literal[Colour.RED], Colour.RED),
        (["1", 2], list[int], [1, 2]),
        ([1], Iterable[int], [1]),
        ([1, 1], set[int], {1}),
        ([1], frozenset[int], frozenset({1})),
        ([1], deque[int], deque([1])),
        ([1, "a"], tuple[int, str], (1, "a")),
        ([1, 2], tuple[int, ...], (1, 2)),
        ((1, 2), list[int], [1, 2]),
        ({"1": [2]}, dict[int, list[int]], {1: [2]}),
        (["a"], Words, ["a"]),
        ("5", int | str, "5"),
        ("5", int | None, 5),
        (None, int | None, None),
        (2.5, int | float, 2.5),
        ("x", Annotated[str, msgspec.Meta(max_length=1)], "x"),
        ("a@b.c", pydantic.HttpUrl | str, "a@b.c"),
    ],
)
def test_values_are_read_as_their_type(value: JSON, hint: TypeHint, made: object) -> None:
    result = read(value, hint)
    assert result == made
    assert type(result) is type(made)


@pytest.mark.parametrize(
    ("value", "hint", "told"),
    [
        ("many", int, "'many' is not an integer"),
        (1.5, int, "1.5 is not an integer"),
        (True, int, "True is not an integer"),
        ("nan", float, "'nan' is not a number"),
        (None, float, "None is not a number"),
        (1, str, "1 is not a text"),
        (1, bool, "1 is not true or false"),
        (1, None, "1 is not null"),
        ("soon", datetime.date, "'soon' is not a date"),
        ("?", bytes, "'?' is not a text in base64"),
        (5, pathlib.Path, "5 is not a text"),
        ("green", Colour, "'green' is not one of 'red', 2"),
        ("b", Literal["a"], "'b' is not one of 'a'"),
        ("a", list[int], "'a' is not a list"),
        ([1], tuple[int, int], "has 1 items, not 2"),
        ([[1]], set[list[int]], "holds items that no set can hold"),
        ([], dict[str, int], "[] is not an object"),
        ("x", int | None, "'x' is not an integer"),
        ("x", int | float, "'x' fits no type of the union: 'x' is not an integer; 'x' is not a number"),
        (-1, Annotated[int, msgspec.Meta(ge=0)], "-1 is less than 0"),
        ("-2", Annotated[int, msgspec.Meta(ge=0)], "-2 is less than 0"),
        ("", Annotated[str, msgspec.Meta(min_length=1)], "is shorter than 1 characters"),
        ([], Annotated[list[int], msgspec.Meta(min_length=1)], "has fewer than 1 items"),
        ("no", pydantic.HttpUrl, "input should be a valid URL, relative URL without a base"),
    ],
)
def test_what_is_wrong_is_told_in_a_sentence(value: JSON, hint: TypeHint, told: str) -> None:
    assert problems(value, hint) == [told]


class Actor(typing_extensions.TypedDict):
    name: str
    age: NotRequired[int]


@dataclasses.dataclass
class Film:
    title: str
    cast: list[Actor]
    rating: float = 5.0
    note: str | None = "none"

    def __post_init__(self) -> None:
        if self.title == "bad":
            raise ValueError("no film is called so")


class Model(pydantic.BaseModel):
    year: int = pydantic.Field(alias="the_year", ge=1900)
    film: Film | None = None
    tags: list[str] = []


class Cat(msgspec.Struct, tag="cat", forbid_unknown_fields=True):
    lives: int


class Dog(msgspec.Struct, tag="dog"):
    legs: int = 4


class Point(NamedTuple):
    x: int
    y: int = 0


def test_classes_are_made_of_objects() -> None:
    film = read({"title": "Up", "cast": [{"name": "Ed", "age": "78", "unknown": 1}], "unknown": 1}, Film)
    assert film == Film("Up", [{"name": "Ed", "age": 78}])
    assert read({"type": "cat", "lives": 9}, Cat | Dog) == Cat(9)
    assert read({"type": "dog"}, Cat | Dog) == Dog()
    assert read({"x": 1}, Point) == Point(1)
    model = read({"the_year": "2010", "film": {"title": "Up", "cast": []}}, Model)
    assert (model.year, model.film) == (2010, Film("Up", []))


def test_values_of_the_program_pass_as_they_are() -> None:
    film, model, when = Film("Up", []), Model(the_year=2000), datetime.date(2010, 1, 1)
    assert read(film, Film) is film
    assert read(model, Model) is model
    assert read(when, datetime.date) is when
    assert read(Point(1), Point) == Point(1)


def test_null_is_left_out_where_it_may_only_be_left_out() -> None:
    assert read({"title": "Up", "cast": [], "rating": None, "note": None}, Film) == Film("Up", [], note=None)
    assert read({"the_year": 2000, "tags": None}, Model).tags == []
    assert problems({"title": None, "cast": []}, Film) == ["title: None is not a text"]


def test_every_problem_is_told_with_its_place() -> None:
    assert problems({"cast": [{"name": 1}, {"age": "x"}], "rating": "good"}, Film) == [
        "title: is missing",
        "cast[0].name: 1 is not a text",
        "cast[1].name: is missing",
        "cast[1].age: 'x' is not an integer",
        "rating: 'good' is not a number",
    ]
    assert problems({"a": {"the_year": 1}, "b": {"the_year": 2000, "tags": [1]}}, dict[str, Model]) == [
        "a.the_year: input should be greater than or equal to 1900",
        "b.tags[0]: input should be a valid string",
    ]
    assert problems({}, Model) == ["the_year: is missing"]
    assert problems({"type": "cat", "lives": 9, "tail": 1}, Cat) == ["tail: is not known"]
    assert problems({"type": "dog"}, Cat) == ["'type' is not 'cat'", "lives: is missing"]
    assert problems({"title": "bad", "cast": []}, Film) == ["no film is called so"]
    assert problems([], Film) == ["[] is not an object"]


def test_of_a_union_the_branch_that_knows_the_parts_speaks() -> None:
    assert problems({"a": {"name": "Ed", "age": "old"}}, dict[str, int | Actor]) == ["a.age: 'old' is not an integer"]


def test_an_exact_reading_takes_no_text_for_a_number() -> None:
    for value, hint in [("1", int), ("1", float), ("true", bool), ("2", Colour)]:
        reading = Reading(exact=True)
        reading.read(value, hint)
        assert len(reading.problems) == 1


@pytest.mark.parametrize(
    ("hint", "takes"),
    [(None, True), (Any, True), (int, False), (int | None, True), (Literal["a", None], True), (Words, False)],
)
def test_it_is_known_whether_a_type_takes_none(hint: TypeHint, takes: bool) -> None:
    assert takes_none(hint) is takes
