"""Events, the identity of runs, and the grammar checker that other tests rely on."""

from __future__ import annotations

import gc
import typing
import weakref
from collections.abc import Callable
from uuid import uuid4

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.events.grammar import check_grammar
from tidewire.events.blocks import UsageMetadata
from tidewire.events.messages import AIMessage
from tidewire.events.types import (
    CONTENT,
    Block,
    Custom,
    End,
    Event,
    Fallback,
    Finish,
    Gap,
    Meta,
    Piece,
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

COUNTS = st.integers(0, 10**6)


def numbered(*events: Event) -> list[Event]:
    for seq, event in enumerate(events):
        event.seq = seq
    return list(events)


def whole_end() -> End:
    return End("ok", AIMessage("hi"), usage=Usage(1, 2, 3), usage_source="reported")


def well_formed() -> dict[str, tuple[RunKind, list[Event]]]:
    return {
        "text": ("chat_model", numbered(Start([]), Meta(id="m"), Token("h"), Usage(1), Finish("stop"), whole_end())),
        "nothing but the ends": ("chat_model", numbered(Start([]), End("abandoned"))),
        "retried before content": (
            "chat_model",
            numbered(Start([]), Wait("gate", 1.0), Meta(), Retry(1, 0.5, "x"), Retry(2, 0.5, "x"), whole_end()),
        ),
        "restarted": (
            "chat_model",
            numbered(Start([]), Token("a"), Retry(1, 0.5, "cut", discard_from=1), Token("b"), whole_end()),
        ),
        "fallback": (
            "chat_model",
            numbered(Start([]), Retry(1, 0, "x"), Fallback("a", "b", None), Retry(1, 0, "x"), Token("b"), whole_end()),
        ),
        "failed with what arrived": (
            "chat_model",
            numbered(Start([]), Token("a"), WarningEvent("c", "t"), End("error", AIMessage("a"), error=ValueError())),
        ),
        "tool": ("tool", numbered(Start({}), Custom("progress", 1), End("ok", "done"))),
    }


def malformed() -> dict[str, tuple[RunKind, list[Event]]]:
    skipped = numbered(Start([]), Token("a"), whole_end())
    skipped[2].seq = 3
    backwards = numbered(Start([]), Token("a"), whole_end())
    backwards[1].time = -1.0
    token = Token("a")
    return {
        "empty": ("chat_model", []),
        "no start": ("chat_model", numbered(Token("a"), whole_end())),
        "no end": ("chat_model", numbered(Start([]), Token("a"))),
        "two starts": ("chat_model", numbered(Start([]), Start([]), whole_end())),
        "two ends": ("chat_model", numbered(Start([]), whole_end(), whole_end())),
        "something after the end": ("chat_model", numbered(Start([]), whole_end(), Wait("x", 1))),
        "a number left out": ("chat_model", skipped),
        "time runs backwards": ("chat_model", backwards),
        "an event twice": ("chat_model", numbered(Start([]), token, token, whole_end())),
        "retry after content": ("chat_model", numbered(Start([]), Token("a"), Retry(1, 0, "x"), whole_end())),
        "discards what is to come": (
            "chat_model",
            numbered(Start([]), Token("a"), Retry(1, 0, "x", discard_from=9), whole_end()),
        ),
        "fallback after content": ("chat_model", numbered(Start([]), Token("a"), Fallback("a", "b", 0), whole_end())),
        "an attempt left out": ("chat_model", numbered(Start([]), Retry(2, 0, "x"), whole_end())),
        "a gap": ("chat_model", numbered(Start([]), Gap(1, 1, 1), whole_end())),
        "a piece of a call": ("chat_model", numbered(Start([]), Piece("a"), whole_end())),
        "a piece of a tool": ("tool", numbered(Start({}), Piece("a"), End("ok", "x"))),
        "tokens of a tool": ("tool", numbered(Start({}), Token("a"), End("ok", "x"))),
        "well with an error": ("tool", numbered(Start({}), End("ok", "x", error=ValueError()))),
        "an error without one": ("tool", numbered(Start({}), End("error"))),
        "content lost": ("chat_model", numbered(Start([]), Token("a"), End("cancelled"))),
        "no message": ("chat_model", numbered(Start([]), End("ok", usage=Usage(), usage_source="reported"))),
        "usage without a mark": ("chat_model", numbered(Start([]), End("ok", AIMessage(""), usage=Usage()))),
    }


@pytest.mark.parametrize("name", well_formed())
def test_the_grammar_takes_a_run_as_it_should_be(name: str) -> None:
    kind, events = well_formed()[name]
    check_grammar(events, kind)


@pytest.mark.parametrize("name", malformed())
def test_the_grammar_refuses_a_run_as_it_should_not_be(name: str) -> None:
    kind, events = malformed()[name]
    with pytest.raises(AssertionError):
        check_grammar(events, kind)


def test_every_event_of_the_union_has_a_tag_of_its_own() -> None:
    kinds: tuple[type[msgspec.Struct], ...] = typing.get_args(Event)
    tags = [kind.__struct_config__.tag for kind in kinds]
    assert len(set(tags)) == len(tags) == 16
    assert all(kind in kinds for kind in CONTENT)


@given(
    st.builds(
        Usage,
        COUNTS,
        COUNTS,
        COUNTS,
        *[st.none() | COUNTS] * 5,
    )
)
def test_usage_goes_to_metadata_and_back(usage: Usage) -> None:
    assert Usage.from_metadata(usage.metadata()) == usage


def test_usage_metadata_holds_only_what_was_reported() -> None:
    assert Usage(3, 4, 7).metadata() == {"input_tokens": 3, "output_tokens": 4, "total_tokens": 7}
    assert Usage(3, 4, 7, cache_read=0, reasoning=2).metadata() == {
        "input_tokens": 3,
        "output_tokens": 4,
        "total_tokens": 7,
        "input_token_details": {"cache_read": 0},
        "output_token_details": {"reasoning": 2},
    }


def test_usage_is_read_from_metadata_that_lacks_counts() -> None:
    metadata: UsageMetadata = {"input_tokens": 3}  # type: ignore[typeddict-item]  # pyright: ignore[reportAssignmentType]  # on purpose
    assert Usage.from_metadata(metadata) == Usage(3)


def test_a_run_knows_its_parent_and_its_message() -> None:
    outer, inner = uuid4(), uuid4()
    run = Run(id=uuid4(), kind="tool", name="search", parent_ids=(outer, inner))
    assert run.parent_id == inner
    assert run.message_id == f"run-{run.id}"
    assert Run(id=outer, kind="chain", name="all").parent_id is None


HOLDERS: dict[str, Callable[[Exception], Event]] = {
    "end": lambda error: End("error", error=error),
    "custom": lambda error: Custom("x", error),
    "fallback": lambda error: Fallback("a", "b", error),
    "start": Start,
    "block": lambda error: Block({"type": "image", "extras": {"it": error}}),
    "meta": lambda error: Meta(data={"it": error}),
}


@pytest.mark.parametrize("name", HOLDERS)
def test_an_event_in_a_cycle_is_collected(name: str) -> None:
    class Fault(Exception):
        event: Event

    fault = Fault()
    fault.event = HOLDERS[name](fault)
    gone = weakref.ref(fault)
    del fault
    gc.collect()
    assert gone() is None


def test_events_that_hold_no_object_of_others_are_not_traced() -> None:
    for event in (Token("a"), Reasoning("a"), ToolCallDelta("a"), Usage(1), Finish("stop"), Wait("x", 1)):
        assert not gc.is_tracked(event)
