"""Fields by type: what is absent is empty, what has another type is named."""

from collections.abc import Callable
from typing import Any

import pytest

from tidewire.adapters.json_fields import list_of, object_of, text_of
from tidewire.events.errors import ResponseDecodeError


def test_a_field_is_read_by_its_type_and_absent_or_null_it_is_empty() -> None:
    held = {"text": "a", "object": {"b": 1}, "list": [{"c": 2}], "null": None}
    assert (text_of(held, "text"), text_of(held, "null"), text_of(held, "none")) == ("a", "", "")
    assert (object_of(held, "object"), object_of(held, "null"), object_of(held, "none")) == ({"b": 1}, {}, {})
    assert (list_of(held, "list"), list_of(held, "null"), list_of(held, "none")) == ([{"c": 2}], [], [])


def test_a_field_of_another_type_is_named_and_shown() -> None:
    wrong: list[tuple[Callable[[dict[str, Any], str], object], Any, str]] = [
        (text_of, 1, "a string"),
        (object_of, [1], "an object"),
        (list_of, {"a": 1}, "a list of objects"),
        (list_of, [{}, 1], "a list of objects"),
    ]
    for read, value, wanted in wrong:
        with pytest.raises(ResponseDecodeError, match=f"'field' of the reply must be {wanted}") as caught:
            read({"field": value}, "field")
        assert caught.value.excerpt == repr(value)
