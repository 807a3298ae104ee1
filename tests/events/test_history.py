from collections.abc import Iterator
from typing import Any

import pytest

from tidewire.events.errors import ConfigurationError
from tidewire.events.history import filter_messages, get_buffer_string, merge_message_runs
from tidewire.events.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage

TALK = [
    SystemMessage("you are a good assistant", id="1"),
    HumanMessage("example input", id="2", name="example_user"),
    AIMessage("example output", id="3", name="example_assistant"),
    HumanMessage("real input", id="4", name="bob"),
    AIMessage("real output", id="5", name="alice"),
]
CALLS = [
    HumanMessage("weather and time?", id="h"),
    AIMessage(
        "looking",
        id="both",
        tool_calls=[{"name": "weather", "args": {"city": "Rome"}, "id": "w"}, {"name": "time", "args": {}, "id": "t"}],
    ),
    ToolMessage("sunny", tool_call_id="w", id="rw"),
    ToolMessage("noon", tool_call_id="t", id="rt"),
    AIMessage("sunny at noon", id="answer"),
]


def ids(messages: list[BaseMessage]) -> list[str | None]:
    return [message.id for message in messages]


@pytest.mark.parametrize(
    ("arguments", "kept"),
    [
        ({}, ["1", "2", "3", "4", "5"]),
        ({"include_types": "human"}, ["2", "4"]),
        ({"include_types": ["user", AIMessage]}, ["2", "3", "4", "5"]),
        ({"include_types": [BaseMessage], "exclude_types": [SystemMessage, "ai"]}, ["2", "4"]),
        ({"exclude_names": ["example_user", "example_assistant"]}, ["1", "4", "5"]),
        ({"include_names": ["bob"], "include_ids": ["1"]}, ["1", "4"]),
        ({"include_types": "human", "exclude_ids": ["4"]}, ["2"]),
        ({"include_names": []}, []),
        ({"include_ids": ["3"], "exclude_names": ["example_assistant"]}, []),
    ],
)
def test_messages_are_kept_that_fit_one_inclusion_and_no_exclusion(arguments: dict[str, Any], kept: list[str]) -> None:
    assert ids(filter_messages(TALK, **arguments)) == kept


def test_all_tool_calls_are_left_out_with_their_results() -> None:
    assert ids(filter_messages(CALLS, exclude_tool_calls=True)) == ["h", "answer"]


@pytest.mark.parametrize("content", ["looking", [{"type": "text", "text": "looking"}]])
def test_of_a_message_with_several_calls_the_others_stay(content: object) -> None:
    calls = [CALLS[0], CALLS[1].model_copy(update={"content": content}), *CALLS[2:]]
    left = filter_messages(calls, exclude_tool_calls=["w", "unknown"])
    assert ids(left) == ["h", "both", "rt", "answer"]
    both = left[1]
    assert isinstance(both, AIMessage)
    assert [call["id"] for call in both.tool_calls] == ["t"]
    assert both.text == "looking"
    assert isinstance(calls[1], AIMessage)
    assert len(calls[1].tool_calls) == 2, "the given message was changed"
    assert ids(filter_messages(calls, exclude_tool_calls={"w", "t"})) == ["h", "answer"]
    assert filter_messages(calls, exclude_tool_calls=["unknown"])[1] is calls[1]


@pytest.mark.parametrize(
    "arguments",
    [{"include_types": "humans"}, {"exclude_types": [int]}, {"exclude_tool_calls": "w"}],
)
def test_what_is_no_kind_or_list_of_ids_is_refused(arguments: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=r"humans|int|\['w'\]"):
        filter_messages(TALK, **arguments)


def test_any_form_of_messages_is_taken() -> None:
    assert filter_messages([("human", "a"), {"role": "assistant", "content": "b"}, "c"], include_types="user") == [
        HumanMessage("a"),
        HumanMessage("c"),
    ]


@pytest.mark.anyio
async def test_without_messages_a_step_waits_for_them() -> None:
    step = filter_messages(include_types="human")
    assert ids(step(TALK)) == ids(step.invoke(TALK)) == ids(await step.ainvoke(TALK)) == ["2", "4"]
    assert merge_message_runs().invoke([("human", "a"), ("human", "b")]) == [HumanMessage("a\nb")]


def test_neighbours_of_one_kind_become_one() -> None:
    merged = merge_message_runs(
        [
            SystemMessage("be kind"),
            SystemMessage("be brief"),
            HumanMessage("a", id="first", name="ann"),
            HumanMessage([{"type": "text", "text": "b"}, "c"], id="second"),
            HumanMessage(""),
            AIMessage("d"),
            HumanMessage("e"),
        ]
    )
    assert merged == [
        SystemMessage("be kind\nbe brief"),
        HumanMessage(["a", {"type": "text", "text": "b"}, "c"], id="first", name="ann"),
        AIMessage("d"),
        HumanMessage("e"),
    ]


def test_merged_answers_have_all_calls_and_tokens() -> None:
    usage: Any = {"input_tokens": 1, "output_tokens": 2, "total_tokens": 3, "output_token_details": {"reasoning": 1}}
    answers = [
        AIMessage("one", tool_calls=[{"name": "f", "args": {}, "id": "a"}], usage_metadata=usage),
        AIMessage("", invalid_tool_calls=[{"name": "g", "args": "{", "id": "b", "error": "cut"}], usage_metadata=usage),
        AIMessage("two", response_metadata={"finish_reason": "stop"}),
    ]
    (merged,) = merge_message_runs(answers, chunk_separator=" ")
    assert isinstance(merged, AIMessage)
    assert merged.content == "one two"
    assert [call["id"] for call in merged.tool_calls] == ["a"]
    assert [call["id"] for call in merged.invalid_tool_calls] == ["b"]
    assert merged.response_metadata == {"finish_reason": "stop"}
    assert merged.usage_metadata is not None
    assert merged.usage_metadata["total_tokens"] == 6
    assert merged.usage_metadata["output_token_details"] == {"reasoning": 2}  # pyright: ignore[reportTypedDictNotRequiredAccess]  # on purpose


def test_merged_answers_with_more_than_text_keep_their_blocks_in_order() -> None:
    answers = [
        AIMessage([{"type": "reasoning", "reasoning": "hm"}, {"type": "text", "text": "one"}]),
        AIMessage("two", tool_calls=[{"name": "f", "args": {}, "id": None}]),
    ]
    (merged,) = merge_message_runs(answers)
    assert [block["type"] for block in merged.content_blocks] == ["reasoning", "text", "text", "tool_call"]


def test_results_of_tools_stay_apart() -> None:
    results = [ToolMessage("a", tool_call_id="1"), ToolMessage("b", tool_call_id="2")]
    assert merge_message_runs(results) == results


def test_merging_takes_time_that_grows_with_the_contents_alone() -> None:
    class Counted(list[Any]):
        reads = 0

        def __iter__(self) -> Iterator[Any]:
            Counted.reads += 1
            return super().__iter__()

    messages = [HumanMessage([{"type": "text", "text": str(number)}]) for number in range(300)]
    for message in messages:
        message._content = Counted(message.content)  # pyright: ignore[reportPrivateUsage]  # looked into by this test
    merge_message_runs(messages)
    assert Counted.reads <= 3 * len(messages)


def test_a_conversation_is_written_as_lines() -> None:
    text = get_buffer_string(CALLS, ai_prefix="Robot")
    assert text == (
        "Human: weather and time?\nRobot: lookingweather({'city': 'Rome'})time({})\n"
        "Tool: sunny\nTool: noon\nRobot: sunny at noon"
    )
