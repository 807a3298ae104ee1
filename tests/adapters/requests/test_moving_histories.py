"""Conversations that go from one provider to another and back: every pair of them, over the wire formats of both."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.adapters.requests.moving import (
    ANTHROPIC_BLOCKS,
    BEDROCK_BLOCKS,
    CALL_IDS,
    CITED,
    GOOGLE_PARTS,
    MAKERS,
    MOVERS,
    RESPONSES_ITEMS,
    SERVED,
    SIGNATURE,
    TEXT,
    THOUGHT,
    TOOLS,
    before,
    ids_of,
    results,
)
from tidewire.errors import ConfigurationError
from tidewire.events.blocks import JSONObject
from tidewire.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage

PAIRS = [(maker, reader) for maker in MAKERS for reader in MOVERS]

#: What a provider takes back of an answer of its own: the sentinels of ``moving`` that stand in the body.
TAKES_BACK = {
    "openai responses": {THOUGHT, SIGNATURE, CITED, SERVED},
    "anthropic": {THOUGHT, SIGNATURE, CITED, SERVED},
    "google": {THOUGHT, SIGNATURE, SERVED},
    "bedrock": {THOUGHT, SIGNATURE, CITED},
    "ollama": {THOUGHT},
    "mistral": {THOUGHT},
    "deepseek": {THOUGHT},
    "openrouter": {THOUGHT, SIGNATURE},
}


def encode(reader: str, messages: list[BaseMessage], **fields: Any) -> tuple[JSONObject, list[str]]:
    """What a provider is sent, which its own client's types take, and the codes of the warnings."""
    body, warnings = MOVERS[reader].encode(messages, tools=TOOLS, **fields)
    assert MOVERS[reader].problem(body) is None
    return body, [warning.code for warning in warnings]


@pytest.mark.parametrize(("maker", "reader"), PAIRS)
def test_an_answer_goes_on_at_every_provider(maker: str, reader: str) -> None:
    answer = MAKERS[maker].answer()
    messages = [*before(), answer, *results(answer), HumanMessage("And then?"), HumanMessage("Soon?")]
    body, codes = encode(reader, messages)
    spelled = json.dumps(body)
    assert TEXT in spelled
    assert "Soon?" in spelled
    # What only its maker reads goes to nobody else, and each part of it that stays behind is told.
    held = {mark for mark in (THOUGHT, SIGNATURE, CITED, SERVED) if mark in spelled}
    own = maker == reader
    assert held == (TAKES_BACK.get(reader, set()) if own else set())
    holds = MAKERS[maker].holds
    kept_here = own and reader in TAKES_BACK
    assert ("block_left_out" in codes) is (bool(holds & {"reasoning", "server tool"}) and not kept_here)
    assert ("citations_left_out" in codes) is ("citation" in holds and CITED not in held)
    # Calls and results stay one another's, under ids that the provider takes.
    calls, answered = ids_of(body)
    assert calls == answered
    assert len(set(calls)) == 2
    for id in calls:
        assert re.fullmatch(CALL_IDS[reader], id)


@pytest.mark.parametrize(("maker", "reader"), PAIRS)
def test_an_answer_comes_back_to_its_maker_as_it_was(maker: str, reader: str) -> None:
    answer = MAKERS[maker].answer()
    asked = [*before(), answer, *results(answer)]
    first, _ = encode(maker, asked)
    # In between another provider goes on with the conversation, and answers.
    encode(reader, asked)
    other = MAKERS[reader].answer()
    back, _ = encode(maker, [*asked, other, *results(other), HumanMessage("And then?")])
    turns = next(key for key in ("messages", "input", "contents") if key in first)
    count = len(first[turns])
    assert back[turns][:count] == first[turns]
    calls, answered = ids_of(back)
    assert sorted(calls) == sorted(answered)


def test_an_own_answer_is_spelled_as_it_came() -> None:
    def spelled(maker: str) -> JSONObject:
        answer = MAKERS[maker].answer()
        return encode(maker, [*before(), answer, *results(answer)])[0]

    assert spelled("anthropic")["messages"][1]["content"] == ANTHROPIC_BLOCKS
    assert spelled("bedrock")["messages"][1]["content"] == BEDROCK_BLOCKS
    assert spelled("openai responses")["input"][2:-2] == RESPONSES_ITEMS
    parts = spelled("google")["contents"][1]["parts"]
    assert [{**part, "functionCall": {"id": None}} if "functionCall" in part else part for part in parts] == [
        {**part, "functionCall": {"id": None}} if "functionCall" in part else part for part in GOOGLE_PARTS
    ]
    assert [part["functionCall"]["args"] for part in parts[4:]] == [{"city": "Brest"}, {"city": "Cork"}]


@pytest.mark.parametrize("reader", MOVERS)
def test_what_was_refused_is_a_text_for_others(reader: str) -> None:
    refused = MAKERS["openai chat"].answer()
    part: JSONObject = {"type": "non_standard", "value": {"type": "refusal", "refusal": "I cannot."}}
    refused = AIMessage([part], response_metadata=refused.response_metadata)
    body, codes = encode(reader, [*before(), refused, HumanMessage("Why?")])
    assert "I cannot." in json.dumps(body)
    assert codes == []


#: Who takes back images that a model made: those that can make some.
_TAKES_IMAGES = {("openai responses", "openai responses"), ("google", "google")}
_PICTURES: dict[str, JSONObject] = {
    "openai responses": {
        "type": "image",
        "base64": "iVBORw0KGgo=",
        "mime_type": "image/png",
        "id": "ig_1",
        "extras": {"block_type": "image_generation_call", "status": "completed"},
    },
    "google": {"type": "image", "base64": "iVBORw0KGgo=", "mime_type": "image/png"},
}


@pytest.mark.parametrize("maker", _PICTURES)
@pytest.mark.parametrize("reader", MOVERS)
def test_an_image_of_a_model_goes_back_to_it_and_is_refused_by_name_elsewhere(maker: str, reader: str) -> None:
    provider = MOVERS[maker].provider
    made = AIMessage(["Here.", _PICTURES[maker]], response_metadata={"model_provider": provider})
    messages = [*before(), made, HumanMessage("Bigger.")]
    if (maker, reader) in _TAKES_IMAGES or reader == "google":
        assert "iVBORw0KGgo=" in json.dumps(encode(reader, messages)[0])
    elif reader == "bedrock":  # an image of an answer is one of the blocks that are left out
        assert encode(reader, messages)[1] == ["block_left_out"]
    else:
        with pytest.raises(ConfigurationError, match="image"):
            encode(reader, messages)


# ---------------------------------------------------------------- the order of messages


#: Who takes a system message in the middle where it stands, at least for models whose profile says so.
_IN_PLACE = {
    "openai chat",
    "openai responses",
    "azure chat",
    "ollama",
    "huggingface",
    "mistral",
    "deepseek",
    "openrouter",
}
_BY_PROFILE = {"anthropic", "bedrock"}


@pytest.mark.parametrize("reader", MOVERS)
def test_a_system_message_in_the_middle_stands_where_the_provider_wants_it(reader: str) -> None:
    answer = MAKERS["openai chat"].answer()
    messages = [*before(), answer, *results(answer), SystemMessage("Be brief."), HumanMessage("And then?")]
    for in_place in (False, True):
        body, codes = encode(reader, messages, mid_conversation_system_messages=in_place)
        turns = next(body[key] for key in ("messages", "input", "contents") if key in body)
        late = [turn for turn in turns[1:] if "Be brief." in json.dumps(turn)]
        stays = reader in _IN_PLACE or (in_place and reader in _BY_PROFILE)
        assert [turn["role"] for turn in late] == (["system"] if stays else [])
        assert ("system_message_moved" in codes) is not stays
        if not stays:
            top = body.get("system") or body.get("systemInstruction")
            assert "Be brief." in json.dumps(top)


_ALTERNATING = {"anthropic": "messages", "bedrock": "messages", "google": "contents"}


@pytest.mark.parametrize("reader", MOVERS)
def test_what_one_side_says_in_a_row_is_one_turn_where_turns_alternate(reader: str) -> None:
    answer = MAKERS["anthropic"].answer()
    messages = [
        HumanMessage("When is"),
        HumanMessage("high water?"),
        AIMessage("Let me see."),
        answer,
        *results(answer),
        HumanMessage("And then?"),
    ]
    body, _ = encode(reader, messages)
    key = _ALTERNATING.get(reader)
    if key is not None:
        model = "model" if reader == "google" else "assistant"
        assert [turn["role"] for turn in body[key]] == ["user", model, "user"]
        # The results of the calls stand before all else in their turn.
        last = body[key][-1]
        shown = [json.dumps(part) for part in last.get("content") or last["parts"]]
        assert ["And then?" in part for part in shown] == [False, False, True]
    else:
        turns = body.get("messages") or body["input"]
        assert sum(turn.get("role") == "user" for turn in turns) == 3


@pytest.mark.parametrize("reader", MOVERS)
def test_empty_contents_are_no_trouble(reader: str) -> None:
    nothing = AIMessage("", response_metadata={"model_provider": "anthropic"})
    thought = {"type": "reasoning", "reasoning": "Hm.", "extras": {"signature": "s"}}
    only_thought = AIMessage([thought], response_metadata={"model_provider": "elsewhere"})
    body, codes = encode(reader, [HumanMessage("Hi"), nothing, HumanMessage("Hello?"), only_thought, HumanMessage("?")])
    assert codes == ["block_left_out"]
    if reader in _ALTERNATING:
        assert [turn["role"] for turn in body[_ALTERNATING[reader]]] == ["user"]


@pytest.mark.parametrize("maker", MAKERS)
@pytest.mark.parametrize("reader", MOVERS)
def test_an_answer_may_be_begun(maker: str, reader: str) -> None:
    begun = AIMessage("It is at ", response_metadata={"model_provider": MOVERS[maker].provider})
    body, codes = encode(reader, [*before(), begun])
    turns = next(body[key] for key in ("messages", "input", "contents") if key in body)
    assert turns[-1]["role"] in ("assistant", "model")
    assert "It is at" in json.dumps(turns[-1])
    assert codes == []
    if reader in ("anthropic", "bedrock"):  # they refuse white space there
        assert "It is at " not in json.dumps(turns[-1])


#: Who takes an image in the result of a tool.
_IMAGES_IN_RESULTS = set(MOVERS) - {"openai chat", "azure chat", "huggingface", "deepseek"}


@pytest.mark.parametrize("maker", MAKERS)
@pytest.mark.parametrize("reader", MOVERS)
def test_the_result_of_a_tool_may_be_an_image(maker: str, reader: str) -> None:
    answer = MAKERS[maker].answer()
    first, second = results(answer)
    image: JSONObject = {"type": "image", "base64": "iVBORw0KGgo=", "mime_type": "image/png"}
    assert isinstance(first, ToolMessage)
    shown = ToolMessage(["A chart.", image], tool_call_id=first.tool_call_id, name=first.name)
    messages = [*before(), answer, shown, second]
    if reader in _IMAGES_IN_RESULTS:
        body, _ = encode(reader, messages)
        assert "iVBORw0KGgo=" in json.dumps(body)
        calls, answered = ids_of(body)
        assert calls == answered
    else:
        with pytest.raises(ConfigurationError, match="image block in a tool message"):
            encode(reader, messages)
