"""What can be said of an answer while its JSON arrives."""

from __future__ import annotations

import dataclasses
import datetime
import json
from typing import Annotated, Any, Generic, Literal, NamedTuple, TypedDict, TypeVar

import msgspec
import pydantic
import pytest
import typing_extensions
from hypothesis import given
from hypothesis import strategies as st

from tidewire.events.blocks import JSON, JSONObject
from tidewire.partial_values import Growing, partial_object
from tidewire.type_hints import MISSING, TypeHint
from tidewire.typed_values import Reading

T = TypeVar("T")


def partial_value(value: JSON, hint: TypeHint) -> Any:  # noqa: ANN401 - of the type that is asked for
    return Growing(hint).read(value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("  ", None),
        ("[1", None),
        ("It is", None),
        ("{", {}),
        ('{"a', {}),
        ('{"a":', {}),
        ('{"a": "', {"a": ""}),
        ('{"a": "x 20', {"a": "x 20"}),
        ('{"a": "x\\', {"a": "x"}),
        ('{"a": "\\"1', {"a": '"1'}),
        ('{"a": 20', {}),
        ('{"a": -2.5e', {}),
        ('{"a": 20,', {"a": 20}),
        ('{"a": 20 ', {"a": 20}),
        ('{"a": [1, 20', {"a": [1]}),
        ('{"a": tru', {}),
        ('{"a": true', {"a": True}),
        ('{"a": {"b": "x"}}', {"a": {"b": "x"}}),
        ('{"a": true}', {"a": True}),
        ('{"a": -', {}),
        ('{"a": null', {"a": None}),
        ('{"a": "b"} and 1', {"a": "b"}),
    ],
)
def test_unfinished_json_is_read_but_for_a_number_that_may_go_on(text: str, value: JSONObject | None) -> None:
    assert partial_object(text) == value


class Actor(pydantic.BaseModel):
    name: str
    role: str = pydantic.Field("unknown", alias="Part")


class Cat(msgspec.Struct, tag="cat", frozen=True):
    lives: int
    name: str = "Tom"

    def __post_init__(self) -> None:
        if self.lives < 1:
            raise ValueError("a cat lives")


class Dog(msgspec.Struct, tag="dog"):
    legs: int = 4


Cast = typing_extensions.TypeAliasType("Cast", "list[Actress]")


class Point(NamedTuple):
    x: int
    y: int


class Actress(TypedDict):
    name: str


@dataclasses.dataclass(frozen=True, slots=True)
class Film:
    title: str
    genre: Literal["comedy", "drama"] = "drama"
    when: datetime.date | None = None
    cast: list[Actor] = dataclasses.field(default_factory=list[Actor])
    pet: Cat | Dog | None = None
    where: Point | None = None
    stars: dict[str, Actress] = dataclasses.field(default_factory=dict[str, Actress])
    words: tuple[str, ...] = ()
    both: tuple[int, str] | None = None

    def __post_init__(self) -> None:
        if not self.title:
            raise ValueError("a film has a title")


WHOLE: JSONObject = {
    "title": "Up",
    "genre": "comedy",
    "when": "2009-05-29",
    "cast": [{"name": "Ed", "Part": "Carl"}, {"name": "Jo"}],
    "pet": {"type": "cat", "lives": 9},
    "where": {"x": 1, "y": 2},
    "stars": {"first": {"name": "Bo"}},
    "words": ["a", "b"],
    "both": [1, "x"],
}


def test_fields_appear_as_they_arrive_and_not_before() -> None:
    film = partial_value({"title": "U", "genre": "com", "when": "2009-0", "cast": [{"name": "E"}, {}]}, Film)
    assert isinstance(film, Film)
    assert repr(film) == "Film(title='U', cast=[Actor(name='E'), Actor()])"
    assert [hasattr(film, name) for name in ("title", "genre", "when", "cast", "pet")] == [
        True,
        False,
        False,
        True,
        False,
    ]
    with pytest.raises(AttributeError, match="'genre' has not arrived yet"):
        _ = film.genre
    with pytest.raises(AttributeError):
        _ = film.cast[0].role
    assert film == partial_value({"title": "U", "cast": [{"name": "E"}, {}]}, Film)
    assert film != partial_value({"title": "Up"}, Film)
    assert repr(partial_value({}, Film)) == "Film()"


def test_structs_appear_as_their_tag_tells() -> None:
    assert partial_value({"pet": {"type": "ca"}}, Film) == partial_value({}, Film)
    cat = partial_value({"type": "cat", "name": "T"}, Cat | Dog)
    assert isinstance(cat, Cat)
    assert repr(cat) == "Cat(name='T')"
    assert not hasattr(cat, "lives")
    assert cat == partial_value({"type": "cat", "name": "T"}, Cat)
    assert cat != partial_value({"type": "cat", "lives": 1}, Cat)
    assert isinstance(partial_value({"type": "dog"}, Cat | Dog), Dog)


PARTS: list[tuple[JSON, TypeHint, object]] = [
    ({"name": "E", "x": 1}, Actress, {"name": "E"}),
    ({}, Actress, {}),
    ("text", Actress, MISSING),
    ({"a": {"name": "E"}, "b": {}}, dict[str, Actress], {"a": {"name": "E"}, "b": {}}),
    ({"a": 1, "b": "x"}, dict[str, int], {"a": 1}),
    ({"a": 1}, dict, {"a": 1}),
    ([1, "x"], list[int], [1]),
    ([1, 1], set[int], {1}),
    ([{}], set[Actor], MISSING),
    ({"x": 1}, Point, MISSING),
    ({"x": 1, "y": 2}, Point, Point(1, 2)),
    ([1], tuple[int, str], MISSING),
    ([1, "x"], tuple[int, str], (1, "x")),
    ([1], tuple[int, ...], (1,)),
    ("x", Annotated[str, msgspec.Meta(min_length=5)], "x"),
    ("x", int | None, MISSING),
    (None, int | None, None),
    ([{"name": "E"}], Cast, [{"name": "E"}]),
    ("ht", pydantic.HttpUrl, MISSING),
]


@pytest.mark.parametrize(
    ("value", "hint", "made"),
    PARTS,
)
def test_what_does_not_fit_yet_has_not_arrived(value: JSON, hint: TypeHint, made: object) -> None:
    assert partial_value(value, hint) == made


class Box(msgspec.Struct, Generic[T]):
    content: T


def test_generic_classes_grow_too() -> None:
    assert repr(partial_value({"content": {"name": "E"}}, Box[Actor])) == "Box(content=Actor(name='E'))"


def test_what_has_not_changed_is_not_made_again() -> None:
    growing = Growing(Film)
    one = growing.read({"title": "Up", "cast": [{"name": "Ed"}, {"name": "J"}], "stars": {"a": {"name": "A"}}})
    two = growing.read({"title": "Up", "cast": [{"name": "Ed"}, {"name": "Jo"}], "stars": {"a": {"name": "A"}}})
    assert two is not one
    assert two.cast[0] is one.cast[0]
    assert (one.cast[1].name, two.cast[1].name) == ("J", "Jo")
    assert two.stars is one.stars


@pytest.mark.parametrize(
    "value",
    [
        {"title": "Up", "genre": "com"},
        {"title": "Up", "genre": "comed", "unknown": 1},
        {"title": "Up", "when": "2009"},
        {"title": "Up", "pet": {"type": "c"}},
        {"title": "Up"},
    ],
)
def test_a_reading_that_shows_nothing_new_gives_the_same_value(value: JSON) -> None:
    growing = Growing(Film)
    before = growing.read({"title": "Up"})
    assert growing.read(value) is before
    assert growing.read({"title": "Up", "genre": "drama"}) is not before


@given(st.integers(0, len(json.dumps(WHOLE))))
def test_every_beginning_of_an_answer_shows_part_of_it(length: int) -> None:
    value = partial_object(json.dumps(WHOLE)[:length])
    if value is not None:
        shown = partial_value(value, Film)
        assert isinstance(shown, Film)
        whole = Reading().read(WHOLE, Film)
        for name in ("genre", "when", "where"):
            assert getattr(shown, name, getattr(whole, name)) == getattr(whole, name)
        assert whole.title.startswith(getattr(shown, "title", ""))
        repr(shown)


def test_the_end_shows_the_whole() -> None:
    shown: Any = partial_value(WHOLE, Film)
    whole: Any = Reading().read(WHOLE, Film)
    for field in dataclasses.fields(Film):
        if field.name not in ("cast", "pet"):
            assert getattr(shown, field.name) == getattr(whole, field.name)
    assert (shown.cast[0], shown.pet.lives) == (whole.cast[0], 9)
