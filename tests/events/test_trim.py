import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidewire.events.errors import ConfigurationError
from tidewire.events.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage
from tidewire.events.token_counts import count_tokens_approximately
from tidewire.events.trim import trim_messages

SENTENCE = "This is a 4 token text. The full message is 10 tokens."
TALK: list[BaseMessage] = [
    SystemMessage(SENTENCE, id="zeroth"),
    HumanMessage(SENTENCE, id="first"),
    AIMessage([{"type": "text", "text": "one"}, {"type": "text", "text": "two"}], id="second"),
    HumanMessage(SENTENCE, id="third"),
    AIMessage(SENTENCE, id="fourth"),
]


ALL: dict[str, Any] = {"max_tokens": 100, "token_counter": len}


def ten_each(messages: list[BaseMessage]) -> int:
    """6 tokens for a message, and 4 for each of its blocks."""
    return sum(6 + 4 * (1 if isinstance(message.content, str) else len(message.content)) for message in messages)


def words_of_one(message: BaseMessage) -> int:
    return len(message.text.split())


@pytest.mark.parametrize(
    ("arguments", "kept"),
    [
        ({"max_tokens": 30, "strategy": "first"}, ["zeroth", "first"]),
        ({"max_tokens": 30, "strategy": "first", "allow_partial": True}, ["zeroth", "first", ("second", "one")]),
        (
            {"max_tokens": 30, "strategy": "first", "allow_partial": True, "end_on": "human"},
            ["zeroth", "first"],
        ),
        ({"max_tokens": 30}, ["third", "fourth"]),
        ({"max_tokens": 30, "include_system": True}, ["zeroth", "third", "fourth"]),
        (
            {"max_tokens": 40, "include_system": True, "allow_partial": True},
            ["zeroth", ("second", "two"), "third", "fourth"],
        ),
        (
            {"max_tokens": 30, "include_system": True, "allow_partial": True, "end_on": "human"},
            ["zeroth", ("second", "two"), "third"],
        ),
        (
            {"max_tokens": 40, "include_system": True, "allow_partial": True, "start_on": "human"},
            ["zeroth", "third", "fourth"],
        ),
        ({"max_tokens": 1000}, ["zeroth", "first", "second", "third", "fourth"]),
        ({"max_tokens": 9}, []),
        ({"max_tokens": 9, "include_system": True}, []),
        ({"max_tokens": 1000, "start_on": "tool"}, []),
        ({"max_tokens": 1000, "end_on": [ToolMessage], "include_system": True}, ["zeroth"]),
    ],
)
def test_what_is_kept(arguments: dict[str, Any], kept: list[Any]) -> None:
    trimmed = trim_messages(TALK, token_counter=ten_each, **arguments)
    found = [
        message.id if message == TALK[["zeroth", "first", "second", "third", "fourth"].index(str(message.id))]
        else (message.id, message.text)
        for message in trimmed
    ]  # fmt: skip
    assert found == kept


def test_a_text_is_cut_between_lines_or_where_the_splitter_says() -> None:
    text = "one two\nthree four\nfive"
    last = trim_messages([HumanMessage(text)], max_tokens=3, token_counter=words_of_one, allow_partial=True)
    assert last == [HumanMessage("three four\nfive")]
    first = trim_messages(
        [HumanMessage(text)], max_tokens=3, token_counter=words_of_one, allow_partial=True, strategy="first"
    )
    assert first == [HumanMessage("one two\n")]

    class Words:
        def split_text(self, text: str) -> list[str]:
            return [word + " " for word in text.split()]

    cut = trim_messages(
        [HumanMessage(text)], max_tokens=4, token_counter=words_of_one, allow_partial=True, text_splitter=Words()
    )
    assert cut == [HumanMessage("two three four five ")]
    one_block = HumanMessage([{"type": "image", "url": "https://a/b.png"}, {"type": "text", "text": text}])
    cut = trim_messages([one_block], max_tokens=3, token_counter=words_of_one, allow_partial=True)
    assert cut == [HumanMessage("three four\nfive")]
    no_text = HumanMessage([{"type": "image", "url": "https://a/b.png"}])
    assert trim_messages([no_text], max_tokens=3, token_counter=ten_each, allow_partial=True) == []


def test_a_part_of_an_answer_keeps_its_calls() -> None:
    answer = AIMessage("one\ntwo\nthree", tool_calls=[{"name": "f", "args": {}, "id": "1"}])
    (part,) = trim_messages([answer], max_tokens=2, token_counter=words_of_one, allow_partial=True)
    assert part == AIMessage("two\nthree", tool_calls=[{"name": "f", "args": {}, "id": "1"}])


def test_a_counter_may_count_one_message_or_many_or_be_a_model() -> None:
    class Model:
        def get_num_tokens_from_messages(self, messages: list[BaseMessage]) -> int:
            return 10 * len(messages)

    counters: list[Any] = [ten_each, Model()]
    for counter in counters:
        assert len(trim_messages(TALK[3:], max_tokens=15, token_counter=counter)) == 1

    def one(message: BaseMessage) -> int:
        return 10

    def one_named(message: "BaseMessage") -> int:
        return 10

    for single in (one, one_named):
        assert len(trim_messages(TALK, max_tokens=25, token_counter=single)) == 2
    assert len(trim_messages(TALK, max_tokens=3, token_counter=len)) == 3
    whole = count_tokens_approximately(TALK)
    assert trim_messages(TALK, max_tokens=whole, token_counter="approximate") == TALK
    assert trim_messages(TALK, max_tokens=whole - 1, token_counter="approximate") == TALK[1:]
    assert trim_messages(max_tokens=2, token_counter=len).invoke(TALK) == TALK[3:]


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({**ALL, "strategy": "middle"}, "'first' or 'last', not 'middle'"),
        ({**ALL, "strategy": "first", "start_on": "human"}, "strategy='last'"),
        ({**ALL, "strategy": "first", "include_system": True}, "strategy='last'"),
        ({**ALL, "token_counter": 3}, "not 3"),
        ({**ALL, "start_on": "humans"}, "'humans'"),
    ],
)
def test_arguments_that_do_not_go_together_are_refused(arguments: dict[str, Any], match: str) -> None:
    with pytest.raises(ConfigurationError, match=match):
        trim_messages(TALK, **arguments)


def test_a_long_history_is_not_counted_as_a_whole() -> None:
    counted = 0

    def counter(messages: list[BaseMessage]) -> int:
        nonlocal counted
        counted += len(messages)
        return len(messages)

    history = [HumanMessage("x")] * 100_000
    assert len(trim_messages(history, max_tokens=10, token_counter=counter)) == 10
    assert counted < 200


@st.composite
def conversations(draw: st.DrawFn) -> list[BaseMessage]:
    """A conversation in which each result of a tool follows its call."""
    words = st.lists(st.sampled_from(["a", "bb", "ccc"]), max_size=6).map(" ".join)
    messages: list[BaseMessage] = [SystemMessage(draw(words))] if draw(st.booleans()) else []
    for turn in range(draw(st.integers(0, 6))):
        messages.append(HumanMessage(draw(words)))
        calls = [f"call_{turn}_{number}" for number in range(draw(st.integers(0, 3)))]
        if calls:
            made: list[dict[str, Any]] = [{"name": "f", "args": {}, "id": call} for call in calls]
            messages.append(AIMessage(draw(words), tool_calls=made))
            messages += [ToolMessage(draw(words), tool_call_id=call) for call in calls]
        if draw(st.booleans()):
            messages.append(AIMessage(draw(words)))
    return messages


def words_and_one(messages: list[BaseMessage]) -> int:
    return sum(1 + len(message.text.split()) for message in messages)


@given(conversations(), st.integers(0, 40), st.booleans(), st.booleans(), st.sampled_from([None, "human", "ai"]))
def test_what_is_left_fits_is_whole_and_is_the_end(
    messages: list[BaseMessage], budget: int, system: bool, partial: bool, start_on: str | None
) -> None:
    trimmed = trim_messages(
        messages,
        max_tokens=budget,
        token_counter=words_and_one,
        include_system=system,
        allow_partial=partial,
        start_on=start_on,
        text_splitter=lambda text: [word + " " for word in text.split()],
    )
    assert words_and_one(trimmed) <= budget
    head = 1 if system and messages and isinstance(messages[0], SystemMessage) else 0
    if head and words_and_one(messages[:1]) <= budget:
        assert trimmed[:1] == messages[:1]
    elif head:
        assert trimmed == []
        return
    body = trimmed[head:]
    if body:
        assert not isinstance(body[0], ToolMessage), "a result without its call"
        assert start_on is None or body[0].type == start_on
        assert body[1:] == messages[len(messages) - len(body) + 1 :]
        if not partial:
            assert body[0] == messages[-len(body)]
    if start_on is None and not partial and len(body) < len(messages) - head:
        # One message more, with the results that belong to it, does not fit.
        more = messages[len(messages) - len(body) - 1 :]
        assert isinstance(more[0], ToolMessage) or words_and_one([*messages[:head], *more]) > budget


@given(conversations(), st.integers(0, 40))
def test_the_first_messages_are_the_most_that_fit(messages: list[BaseMessage], budget: int) -> None:
    kept = trim_messages(messages, max_tokens=budget, token_counter=words_and_one, strategy="first")
    assert kept == messages[: len(kept)]
    assert words_and_one(kept) <= budget
    assert len(kept) == len(messages) or words_and_one(messages[: len(kept) + 1]) > budget


def test_results_without_a_call_anywhere_are_left_to_the_provider() -> None:
    orphan = ToolMessage("a", tool_call_id="nobody's")
    assert trim_messages([orphan], max_tokens=10, token_counter=len) == [orphan]


def test_the_given_messages_are_not_changed() -> None:
    source = random.Random(1)
    before = [message.model_copy() for message in TALK]
    for _ in range(50):
        trim_messages(TALK, max_tokens=source.randint(0, 60), token_counter=ten_each, allow_partial=True)
    assert before == TALK
