"""What the stand-in decides, from the shape of a request and from a script."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidewire.adapters.brain import Brain
from tidewire.adapters.plan import Plan, joined
from tidewire.adapters.schema_check import problems
from tidewire.adapters.script import Call, Fail, Pace, Reply, Script
from tidewire.adapters.sim_request import SimCall, SimMessage, SimOutput, SimRequest, SimTool
from tidewire.events.errors import ConfigurationError
from tidewire.events.types import Block, Meta, Reasoning, Token, ToolCallDelta, Usage

USER = SimMessage("user", "What is the tide doing?")
CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
LOOKUP = SimTool("lookup", "Looks it up.", CITY)
NOW = SimTool("now")
CALLED = SimMessage("assistant", tool_calls=(SimCall("lookup", "call_1", {"city": "Kiel"}),))
RESULT = SimMessage("tool", "It is falling.", tool_call_id="call_1")
SCHEMA = {"type": "object", "properties": {"level": {"type": "integer", "minimum": 3}}, "required": ["level"]}


def ask(*messages: SimMessage, script: Script = (), pace: Pace | None = None, **fields: Any) -> Plan:
    return Brain(script, pace).answer(SimRequest("demo", messages or (USER,), **fields))


def text_of(plan: Plan) -> str:
    return "".join(event.text for event in joined(plan) if isinstance(event, Token))


def thought_of(plan: Plan) -> list[Reasoning]:
    return [event for event in joined(plan) if isinstance(event, Reasoning)]


def calls_of(plan: Plan) -> list[tuple[str | None, Any]]:
    return [(event.name, json.loads(event.args)) for event in joined(plan) if isinstance(event, ToolCallDelta)]


def names_of(plan: Plan) -> list[str | None]:
    return [name for name, _ in calls_of(plan)]


# --- by shape ---


def test_a_plain_question_gets_prose_that_says_who_speaks() -> None:
    plan = ask()
    assert "stand-in" in text_of(plan)
    assert plan.finish == "stop"
    assert names_of(plan) == []


def test_the_same_request_gets_the_same_answer_and_another_seed_another() -> None:
    assert ask() == ask()
    assert text_of(ask(seed=1)) != text_of(ask(seed=2))
    assert ask(stream=True) == ask(stream=False)


def test_a_bound_tool_is_called_with_arguments_that_fit_its_schema() -> None:
    plan = ask(tools=(LOOKUP,))
    [(name, args)] = calls_of(plan)
    assert name == "lookup"
    assert not [*problems(args, CITY)]
    assert plan.finish == "tool_calls"
    assert text_of(plan) == ""


@pytest.mark.parametrize(
    ("fields", "called"),
    [
        ({}, ["lookup", "now"]),
        ({"parallel_tool_calls": False}, ["lookup"]),
        ({"parallel_tool_calls": True}, ["lookup", "now"]),
        ({"parallel_tool_calls": True, "tools": (LOOKUP,)}, ["lookup", "lookup"]),
        ({"parallel_tool_calls": False, "tools": (LOOKUP,)}, ["lookup"]),
        ({"tool_choice": "none"}, []),
        ({"tool_choice": "any"}, ["lookup", "now"]),
        ({"tool_choice": ("tool", "now")}, ["now"]),
    ],
)
def test_the_choice_of_tools_is_heeded(fields: dict[str, Any], called: list[str]) -> None:
    both: dict[str, Any] = {"tools": (LOOKUP, NOW)}
    assert names_of(ask(**both | fields)) == called


def test_parallel_calls_have_ids_and_places_of_their_own() -> None:
    plan = ask(tools=(LOOKUP, NOW))
    calls = [event for event in joined(plan) if isinstance(event, ToolCallDelta)]
    assert len({call.id for call in calls}) == 2
    assert [call.index for call in calls] == [0, 1]


def test_a_tool_result_is_passed_on_with_the_name_of_its_tool() -> None:
    plan = ask(USER, CALLED, RESULT, tools=(LOOKUP,))
    assert "lookup gave back: It is falling." in text_of(plan)
    assert names_of(plan) == []
    failed = SimMessage("tool", "no network", tool_call_id="call_9", failed=True)
    assert "The tool failed with: no network" in text_of(ask(USER, failed))


def test_a_tool_that_must_be_called_is_called_again_after_a_result() -> None:
    assert names_of(ask(USER, CALLED, RESULT, tools=(LOOKUP,), tool_choice="any")) == ["lookup"]


def test_a_wished_form_is_filled_in() -> None:
    value = json.loads(text_of(ask(output=SimOutput(SCHEMA))))
    assert not [*problems(value, SCHEMA)]
    assert list(json.loads(text_of(ask(output=SimOutput())))) == ["answer"]


def test_tools_come_before_a_wished_form_and_their_results_after() -> None:
    assert names_of(ask(output=SimOutput(SCHEMA), tools=(LOOKUP,))) == ["lookup"]
    after = ask(USER, CALLED, RESULT, output=SimOutput(SCHEMA), tools=(LOOKUP,))
    assert not [*problems(json.loads(text_of(after)), SCHEMA)]


@pytest.mark.parametrize(
    "fields", [{}, {"tools": (LOOKUP,)}, {"output": SimOutput(SCHEMA)}, {"messages": (USER, CALLED, RESULT)}]
)
def test_reasoning_comes_first_signed_and_counted(fields: dict[str, Any]) -> None:
    messages: Sequence[SimMessage] = fields.pop("messages", (USER,))
    plan = ask(*messages, reasoning=True, **fields)
    [thought] = thought_of(plan)
    assert isinstance(plan.steps[0].events[0], Reasoning)
    assert thought.signature
    assert plan.usage.reasoning
    assert plan.usage.output_tokens > plan.usage.reasoning
    assert not thought_of(ask(*messages, **fields))


def test_each_token_comes_with_its_probability_when_asked() -> None:
    plan = ask(logprobs=True, top_logprobs=3)
    said = [event for step in plan.steps for event in step.events if isinstance(event, Token)]
    [*_, probabilities] = joined(plan)
    assert isinstance(probabilities, Meta)
    assert probabilities.logprobs is not None
    assert [entry["token"] for entry in probabilities.logprobs] == [token.text for token in said]
    for entry in probabilities.logprobs:
        assert bytes(entry["bytes"]).decode() == entry["token"]
        assert entry["logprob"] <= 0
        ranked = [other["logprob"] for other in entry["top_logprobs"]]
        assert ranked == sorted(ranked, reverse=True)
        assert len(ranked) == 3


# --- limits ---


@given(st.integers(1, 120), st.booleans())
def test_max_tokens_cuts_the_same_answer_short(limit: int, reasoning: bool) -> None:
    full, cut = ask(reasoning=reasoning), ask(reasoning=reasoning, max_tokens=limit)
    made = full.usage.output_tokens
    assert text_of(full).startswith(text_of(cut))
    assert cut.usage.output_tokens == sum(step.tokens for step in cut.steps) == min(limit, made)
    assert cut.finish == ("length" if limit < made else "stop")


def test_the_limit_cuts_the_arguments_of_a_call() -> None:
    plan = ask(tools=(LOOKUP, NOW), max_tokens=3)
    [call] = [event for event in joined(plan) if isinstance(event, ToolCallDelta)]
    assert plan.finish == "length"
    assert call.args == '{"'


def test_the_limit_cuts_reasoning_which_then_has_no_signature() -> None:
    plan = ask(tools=(LOOKUP,), max_tokens=1, reasoning=True)
    assert [step.events for step in plan.steps] == [tuple(thought_of(plan))]
    assert thought_of(plan)[0].signature is None
    assert plan.usage.reasoning == 1


def test_a_stop_text_ends_the_answer_before_it() -> None:
    plan = ask(script=["one two three four"], stop=("four", "thr", ""))
    assert text_of(plan) == "one two "
    assert plan.finish == "stop"
    assert plan.stop == "thr"
    assert plan.usage.output_tokens == len(plan.steps)


def test_a_stop_text_keeps_tools_from_being_called() -> None:
    plan = ask(script=[Reply("one two", tool_calls=[Call("now")])], stop=("two",))
    assert names_of(plan) == []
    assert plan.finish == "stop"


def test_a_limit_that_strikes_before_the_stop_text_is_what_ended_the_answer() -> None:
    plan = ask(script=["one two three four"], stop=("four",), max_tokens=2)
    assert (text_of(plan), plan.finish, plan.stop) == ("one two", "length", None)


# --- usage ---


def test_tokens_are_counted_by_the_rule_that_the_documentation_gives() -> None:
    image = SimMessage("user", "Look here!", media=("image",))
    plan = ask(SimMessage("system", "Be kind."), image)
    assert plan.usage.input_tokens == (3 + 4) + (3 + 4 + 256)
    assert plan.usage.cache_read == 0
    assert plan.usage.reasoning is None
    assert plan.usage.total_tokens == plan.usage.input_tokens + plan.usage.output_tokens


def test_what_was_sent_before_counts_as_cached() -> None:
    plan = ask(USER, SimMessage("assistant", "Falling."), SimMessage("user", "And now?"))
    assert plan.usage.cache_read == ask(USER).usage.input_tokens + 2 + 4


def test_tools_and_forms_cost_tokens() -> None:
    assert ask(tools=(LOOKUP,)).usage.input_tokens > ask().usage.input_tokens
    assert ask(output=SimOutput(SCHEMA)).usage.input_tokens > ask().usage.input_tokens


# --- scripts ---


def test_a_script_is_used_up_in_order_and_then_the_shape_decides() -> None:
    brain = Brain(["first", Reply("second")])
    request = SimRequest("demo", (USER,))
    assert [text_of(brain.answer(request)) for _ in range(2)] == ["first", "second"]
    assert "stand-in" in text_of(brain.answer(request))


def test_a_script_may_be_a_function_of_the_request() -> None:
    brain = Brain(lambda request: Reply(request.messages[-1].text.upper()) if len(request.messages) == 1 else None)
    assert text_of(brain.answer(SimRequest("demo", (USER,)))) == "WHAT IS THE TIDE DOING?"
    assert "stand-in" in text_of(brain.answer(SimRequest("demo", (USER, USER))))


def test_a_script_may_be_without_an_end() -> None:
    brain = Brain(str(number) for number in range(10**12))
    assert [text_of(brain.answer(SimRequest("demo", (USER,)))) for _ in range(3)] == ["0", "1", "2"]


def test_pieces_are_sent_as_they_are_given() -> None:
    plan = ask(script=[Reply(["a b", "c"], reasoning=["x y", "z"])])
    assert [step.tokens for step in plan.steps] == [1, 1, 0, 1, 1]
    assert text_of(plan) == "a bc"
    assert thought_of(plan)[0].text == "x yz"


def test_a_scripted_call_keeps_its_arguments_even_broken_ones() -> None:
    calls = [Call("lookup", {"city": "Kiel"}, id="mine"), Call("lookup", '{"city": '), Call("lookup")]
    plan = ask(script=[Reply(tool_calls=calls)], tools=(LOOKUP,))
    first, second, third = (event for event in joined(plan) if isinstance(event, ToolCallDelta))
    assert (first.id, first.args) == ("mine", '{"city": "Kiel"}')
    assert second.args == '{"city": '
    assert not [*problems(json.loads(third.args), CITY)]


def test_a_scripted_reply_says_all_that_it_is_told() -> None:
    usage = Usage(input_tokens=1, output_tokens=2, total_tokens=3)
    image = {"type": "image", "url": "https://example.com/a.png"}
    reply = Reply("no", blocks=[image], finish="refusal", usage=usage, model="demo-2")
    plan = ask(script=[reply])
    assert (plan.finish, plan.usage, plan.model) == ("refusal", usage, "demo-2")
    assert plan.steps[-1].events == (Block(block=image, index=1),)
    assert ask(script=[Reply(tokens=77)]).usage.output_tokens == 77
    assert ask(script=[Reply()]).steps == ()


def test_a_failure_carries_the_answer_that_it_breaks() -> None:
    fail = Fail(kind="reset", after_tokens=2, reply=Reply("one two three"))
    plan = ask(script=[fail])
    assert plan.fail is fail
    assert text_of(plan) == "one two three"


def test_the_pace_is_told_by_the_reply_then_the_request_then_the_provider() -> None:
    slow = Pace(first_token_s=2, tokens_per_second=4)
    assert [step.delay_s for step in ask(script=["a b c"], pace=slow).steps] == [2, 0.25, 0.25]
    quick = ask(script=["a b c"], pace=slow, first_token_s=0.0, tokens_per_second=10.0)
    assert [step.delay_s for step in quick.steps] == [0, 0.1, 0.1]
    own = Reply("a b", pace=Pace(first_token_s=1))
    assert [step.delay_s for step in ask(script=[own], first_token_s=9.0).steps] == [1, 0]


# --- what is wrong ---


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"max_tokens": 0}, "at least 1"),
        ({"tool_choice": "any"}, "there is none"),
        ({"tool_choice": ("tool", "other"), "tools": (NOW,)}, "'other' must be called"),
        ({"tools": (SimTool("bad", "", {"properties": {"a": False}, "required": ["a"]}),)}, "no value was found"),
        ({"output": SimOutput({"contains": 3})}, "'contains' is not supported"),
    ],
)
def test_a_wrong_request_is_refused_as_a_server_does(fields: dict[str, Any], says: str) -> None:
    plan = ask(**fields)
    assert plan.fail is not None
    assert plan.fail.status == 400
    assert says in (plan.fail.message or "")


def test_a_refused_request_takes_nothing_from_the_script() -> None:
    brain = Brain(["kept"])
    assert brain.answer(SimRequest("demo", ())).fail is not None
    assert text_of(brain.answer(SimRequest("demo", (USER,)))) == "kept"


def test_what_is_no_reply_is_refused_by_its_type() -> None:
    with pytest.raises(ConfigurationError, match="not int"):
        ask(script=[3])  # type: ignore[list-item]  # pyright: ignore[reportArgumentType]  # on purpose
    with pytest.raises(ConfigurationError, match="not a text"):
        Brain("hello")
