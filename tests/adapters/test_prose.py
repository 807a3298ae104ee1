"""The stand-in's words and how it counts them."""

from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from tidewire.adapters.prose import count_tokens, describe, ramble, tokens
from tidewire.adapters.sim_request import SimMessage, SimRequest, SimTool


@given(st.text())
def test_the_tokens_of_a_text_join_to_the_text_and_are_counted_alike(text: str) -> None:
    pieces = tokens(text)
    assert "".join(pieces) == text
    assert all(pieces)
    assert count_tokens(text) == len(pieces)


@given(st.integers(0, 400), st.integers())
def test_prose_of_a_wished_length_has_it(count: int, seed: int) -> None:
    assert len(ramble(count, Random(seed))) == count


def test_the_description_counts_what_was_sent() -> None:
    messages = (
        SimMessage("system", "one two three"),
        SimMessage("user", "four words are here", media=("image", "audio")),
    )
    request = SimRequest("demo", messages, tools=(SimTool("lookup"), SimTool("now")))
    text = describe(request, Random(1))
    assert "stand-in" in text
    assert "2 messages, the last one from the user and 4 words long" in text
    assert "instructions have 3 words" in text
    assert "2 attachments: image, audio" in text
    assert "lookup and now" in text
