"""Values of users as plain JSON and back."""

from __future__ import annotations

import dataclasses
import json
import math
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum, IntEnum
from typing import Any
from uuid import UUID

import msgspec
import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.events.strategies import HANDMADE
from tidewire.adapters.secrets import Secret
from tidewire.events.errors import (
    APITimeoutError,
    ConfigurationError,
    OutputParsingError,
    RateLimitError,
    StreamInterruptedError,
    TidewireError,
    ToolError,
)
from tidewire.events.messages import AIMessage, HumanMessage, ToolMessage
from tidewire.events.plain_values import RecordedError, Unwritten, from_plain, to_plain

KEYS = st.text("ab$", max_size=3) | st.integers() | st.none() | st.tuples(st.integers(), st.text(max_size=1))
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(st.characters(), max_size=5)
    | st.binary(max_size=5)
    | HANDMADE
    | st.just(ToolMessage("r", tool_call_id="1", artifact={"$a": b"x"})),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)


@given(VALUES)
def test_values_come_back_as_they_were_by_way_of_json(value: object) -> None:
    assert from_plain(json.loads(json.dumps(to_plain(value)))) == value


def test_numbers_that_json_lacks_come_back() -> None:
    assert math.isnan(from_plain(to_plain(math.nan)))
    assert from_plain(to_plain([math.inf, -math.inf])) == [math.inf, -math.inf]


class _Struct(msgspec.Struct):
    a: int
    b: object = None


@dataclasses.dataclass
class _Data:
    key: object


class _Model(pydantic.BaseModel):
    a: int
    secret: pydantic.SecretStr


class _Color(Enum):
    RED = "red"


class _Number(IntEnum):
    ONE = 1


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        ((1, 2), [1, 2]),
        ({3}, [3]),
        (_Struct(1, b"x"), {"a": 1, "b": {"$bytes": "eA=="}}),
        (_Data("k"), {"key": "k"}),
        (_Model(a=1, secret=pydantic.SecretStr("hidden")), {"a": 1, "secret": "**********"}),
        (_Color.RED, "red"),
        (_Number.ONE, 1),
        (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (datetime(2026, 1, 2, tzinfo=UTC), "2026-01-02T00:00:00Z"),
        (Decimal("1.5"), "1.5"),
        (int, {"$type": "builtins.int"}),
    ],
)
def test_kinds_of_data_become_plain(value: object, plain: object) -> None:
    assert to_plain(value) == plain


def test_what_has_no_plain_form_is_told_by_its_type_and_never_by_its_content() -> None:
    plain = to_plain(_Data(Secret("sk-hidden", "key")))
    assert plain == {"key": {"$type": "tidewire.adapters.secrets.Secret"}}
    assert from_plain(plain) == {"key": Unwritten("tidewire.adapters.secrets.Secret")}
    assert to_plain(from_plain(plain)) == plain


@pytest.mark.parametrize(
    "error",
    [
        RateLimitError("slow down", retry_after_s=2.5, request_id="r", provider_code="c", body="{}", attempts=3),
        StreamInterruptedError("cut", provider="p", model="m", partial=AIMessage("so far")),
        APITimeoutError("late", phase="first_event"),
        OutputParsingError("no", raw=AIMessage("raw")),
        ConfigurationError("wrong"),
    ],
)
def test_errors_come_back_as_their_class_with_what_they_carry(error: TidewireError) -> None:
    back = from_plain(json.loads(json.dumps(to_plain(error))))
    assert type(back) is type(error)
    assert (back.message, back.__dict__) == (error.message, error.__dict__)


def test_errors_of_others_are_told_by_their_name_and_text() -> None:
    class _Mine(ToolError):
        pass

    back = from_plain(to_plain(ValueError("mine")))
    assert isinstance(back, RecordedError)
    assert (back.class_name, back.message) == ("ValueError", "mine")
    assert to_plain(back) == {"$error": {"class": "ValueError", "message": "mine"}}
    assert type(from_plain(to_plain(_Mine("m")))) is ToolError
    assert len(to_plain(ValueError("x" * 9999))["$error"]["message"]) == 2000


@pytest.mark.parametrize(
    "text",
    [
        '{"$nothing": 1}',
        '{"$message": {"type": "human"}}',
        '{"$message": 3}',
        '{"$error": {}}',
        '{"$bytes": "*"}',
        '{"$bytes": 3}',
        '{"$float": "x"}',
        '{"$dict": [1]}',
        '{"$dict": [[[[]], 1]]}',
    ],
)
def test_a_mark_that_does_not_hold_what_it_says_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError):
        from_plain(json.loads(text))


def test_a_name_in_the_data_never_builds_anything() -> None:
    assert from_plain({"$type": "os.system"}) == Unwritten("os.system")
    assert isinstance(from_plain({"$error": {"class": "SystemExit", "message": "x"}}), RecordedError)
    assert from_plain(to_plain(HumanMessage("hi"))) == HumanMessage("hi")
