"""An assistant's message as items: what goes back, under which ids, and what is left out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from openai.types.responses.response_input_item_param import ResponseInputItemParam

from tests.adapters.conforms import problem_with
from tests.adapters.recording_kit import WRITTEN, Recording, message_of, read_recordings, replay
from tests.adapters.test_openai_responses_items import CODE, FAILED, FILES, IMAGE, MCP, SEARCH
from tests.adapters.test_openai_responses_open import said
from tests.adapters.test_openai_responses_reply import plain_events
from tidewire.adapters.openai_responses_dialect import Dialect
from tidewire.adapters.openai_responses_history import History
from tidewire.events.blocks import ContentBlock
from tidewire.events.errors import ConfigurationError
from tidewire.events.messages import AIMessage

Json = dict[str, Any]
REASONING: Json = {
    "type": "reasoning",
    "id": "rs_1",
    "summary": [{"type": "summary_text", "text": "a"}, {"type": "summary_text", "text": "b"}],
}
ENCRYPTED: Json = {**REASONING, "encrypted_content": "secret"}
READABLE: Json = {
    "type": "reasoning",
    "id": "rs_1",
    "summary": [],
    "content": [{"type": "reasoning_text", "text": "a"}],
}
CALL: Json = {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "f", "arguments": '{"a":1}'}
CUSTOM: Json = {"type": "custom_tool_call", "id": "ctc_1", "call_id": "call_2", "name": "sql", "input": "select 1"}


def answer(*items: Json, provider: str = "openai", **metadata: object) -> AIMessage:
    """The message of a response with these items."""
    events = plain_events({"id": "resp_1", "output": list(items)})
    return message_of(events).model_copy(update={"response_metadata": {"model_provider": provider, **metadata}})


def spelled(
    message: AIMessage, dialect: Dialect | None = None, *, stored: bool = True, warnings: Sequence[str] = ()
) -> list[Json]:
    """The items of a message, which are valid for the official client; ``warnings`` say what was left out."""
    history = History(dialect or Dialect(), stored=stored)
    items = history.spell(message)
    assert [problem for item in items if (problem := problem_with(item, ResponseInputItemParam))] == []
    assert all(warning.code == "block_left_out" for warning in history.warnings)
    assert [warning.text.removesuffix(" of the history was left out") for warning in history.warnings] == [
        f"a {warning}" for warning in warnings
    ]
    return items


def whole(item: Json) -> Json:
    """What the client's types ask of a message that goes back."""
    return {**item, "status": "completed"} if item["type"] == "message" else item


# ---------------------------------------------------------------- the same provider's


def test_an_answer_goes_back_item_by_item() -> None:
    items: list[Json] = [
        REASONING,
        said("Hi", "there", phase="commentary"),
        CALL,
        CUSTOM,
        SEARCH,
        FILES,
        CODE,
        MCP,
        {**FAILED, "id": "mcp_2"},
        IMAGE,
        {"type": "mcp_list_tools", "id": "mcpl_1", "server_label": "wiki", "tools": []},
        {"type": "compaction", "id": "cmp_1", "encrypted_content": "x"},
        {**said(id="msg_2"), "content": [{"type": "refusal", "refusal": "No."}]},
        {**ENCRYPTED, "id": "rs_2"},
    ]
    assert spelled(answer(*items)) == [whole(item) for item in items]


def test_citations_go_back_on_their_text() -> None:
    message = said("Hi")
    message["content"][0]["annotations"] = [
        {"type": "url_citation", "url": "u", "title": "t", "start_index": 0, "end_index": 2},
        {"type": "file_citation", "file_id": "f", "filename": "a.pdf", "index": 1},
    ]
    assert spelled(answer(message)) == [whole(message)]


@pytest.mark.parametrize("recording", list(read_recordings(WRITTEN / "openai_responses")), ids=lambda one: one.id)
def test_every_written_answer_can_go_back(recording: Recording) -> None:
    outcome = replay(recording, [recording.body])
    if outcome.error is None:
        message = message_of(outcome.events)
        spelled(message.model_copy(update={"response_metadata": {"model_provider": "openai"}}))


def test_citations_stay_behind_with_the_id_of_their_message() -> None:
    message = said("Hi")
    message["content"][0]["annotations"] = [{"type": "url_citation", "url": "u", "title": "t"}]
    history = History(Dialect(), stored=True)
    assert history.spell(answer(message, provider="other")) == [{"role": "assistant", "content": "Hi"}]
    assert [warning.code for warning in history.warnings] == ["citations_left_out"]


def test_what_the_provider_wants_back_with_a_call_goes_back() -> None:
    call = {**CALL, "caller": {"type": "program", "caller_id": "p"}, "namespace": "n"}
    assert spelled(answer(call)) == [call]
    history = History(Dialect(), stored=True)
    history.spell(answer(call, CUSTOM))
    assert history.calls == {"call_1": call, "call_2": CUSTOM}


def test_calls_that_are_not_valid_go_back_as_they_were() -> None:
    cut = {**CALL, "arguments": '{"a":'}
    assert spelled(answer(cut)) == [cut]
    half = answer(CUSTOM)
    block: Any = {**half.content_blocks[0], "type": "invalid_tool_call", "args": '{"input":"sel', "error": "cut"}
    assert spelled(half.model_copy(update={"content_blocks": [block]}))[0] == {**CUSTOM, "input": "sel"}
    odd = AIMessage(
        content_blocks=[{"type": "invalid_tool_call", "id": None, "name": None, "args": None, "error": None}]
    )
    assert spelled(odd) == [{"type": "function_call", "call_id": "", "name": "unnamed", "arguments": ""}]
    lost: Any = {**half.content_blocks[0], "args": {"other": 1}}
    assert spelled(half.model_copy(update={"content_blocks": [lost]}))[0]["type"] == "function_call"


def test_arguments_may_hold_half_a_character() -> None:
    call = AIMessage(tool_calls=[{"id": "c", "name": "f", "args": {"a": "\ud83d"}}])
    assert spelled(call)[0]["arguments"] == '{"a":"\\ud83d"}'


def test_text_without_an_id_is_a_message_of_nothing_else() -> None:
    assert spelled(AIMessage("Hi")) == [{"role": "assistant", "content": "Hi"}]
    assert spelled(AIMessage("")) == []
    texts: list[ContentBlock] = [{"type": "text", "text": text} for text in ("a", "", "b")]
    assert spelled(AIMessage(content_blocks=texts)) == [{"role": "assistant", "content": "ab"}]
    phased: list[ContentBlock] = [
        {"type": "text", "text": "a", "extras": {"phase": "commentary"}},
        {"type": "text", "text": "b", "extras": {"phase": "commentary"}},
        {"type": "text", "text": "c"},
    ]
    assert spelled(AIMessage(content_blocks=phased)) == [
        {"role": "assistant", "content": "ab", "phase": "commentary"},
        {"role": "assistant", "content": "c"},
    ]
    refusal: list[ContentBlock] = [
        {"type": "text", "text": "a"},
        {"type": "non_standard", "value": {"type": "refusal", "refusal": "No."}},
        {"type": "non_standard", "id": "msg_1", "value": {"type": "newer"}},
    ]
    without_ids = Dialect(item_ids=False)
    assert spelled(AIMessage(content_blocks=refusal), without_ids) == [{"role": "assistant", "content": "aNo."}]


# ---------------------------------------------------------------- reasoning


def test_reasoning_goes_back_only_where_the_provider_can_read_it() -> None:
    assert spelled(answer(REASONING)) == [REASONING]
    assert spelled(answer(ENCRYPTED), stored=False) == [ENCRYPTED]
    assert spelled(answer(READABLE), stored=False) == [READABLE]
    lost = "reasoning block of the history was left out: it cannot be sent back"
    twice = [lost, lost]
    assert spelled(answer(REASONING), stored=False, warnings=twice) == []
    assert spelled(answer(REASONING, store=False), warnings=twice) == []
    assert spelled(answer(REASONING, store=True)) == [REASONING]
    nameless: list[ContentBlock] = [{"type": "reasoning", "reasoning": "a"}]
    assert spelled(AIMessage(content_blocks=nameless), warnings=[lost]) == []


def test_items_that_followed_reasoning_lose_their_ids_with_it() -> None:
    lost = "reasoning block of the history was left out: it cannot be sent back"
    other = {**REASONING, "id": "rs_2"}
    assert spelled(answer(other, said("Hi"), CALL, ENCRYPTED), stored=False, warnings=[lost, lost]) == [
        {"role": "assistant", "content": "Hi"},
        {key: value for key, value in CALL.items() if key != "id"},
        ENCRYPTED,
    ]


def test_reasoning_of_two_items_is_two_items() -> None:
    other = {**ENCRYPTED, "id": "rs_2"}
    assert spelled(answer(ENCRYPTED, other)) == [ENCRYPTED, other]
    assert spelled(answer(ENCRYPTED, CALL, other)) == [ENCRYPTED, CALL, other]


def test_a_host_without_ids_gets_none() -> None:
    dialect = Dialect(provider="host", item_ids=False)
    history = History(dialect, stored=True)
    items = history.spell(answer(ENCRYPTED, said("Hi"), CALL, provider="host"))
    assert items == [
        {key: value for key, value in ENCRYPTED.items() if key != "id"},
        {"role": "assistant", "content": "Hi"},
        {key: value for key, value in CALL.items() if key != "id"},
    ]
    assert history.spell(answer(REASONING, provider="host")) == []


# ---------------------------------------------------------------- another provider's


def test_of_another_providers_answer_the_text_and_the_calls_go_back() -> None:
    long_id = "toolu_" + "x" * 60
    foreign = answer(
        ENCRYPTED, said("Hi", phase="final_answer"), {**CALL, "namespace": "n"}, SEARCH, {"type": "odd"}, provider="b"
    )
    call: Json = {**next(block for block in foreign.content_blocks if block["type"] == "tool_call"), "id": long_id}
    blocks: list[Any] = [call if block["type"] == "tool_call" else block for block in foreign.content_blocks]
    kinds = ("reasoning", "reasoning", "server_tool_call", "server_tool_result", "non_standard")
    left_out = [f"{kind} block of the history was left out: it belongs to b" for kind in kinds]
    metadata = foreign.response_metadata
    items = spelled(AIMessage(content_blocks=blocks, response_metadata=metadata), warnings=left_out)
    assert items[0] == {"role": "assistant", "content": "Hi"}
    assert len(items) == 2
    assert items[1].keys() == {"type", "call_id", "name", "arguments"}
    assert len(items[1]["call_id"]) <= 64
    assert spelled(answer({**CALL, "call_id": long_id}))[0]["call_id"] == long_id


def test_what_has_no_place_in_an_assistants_message_is_refused_by_name() -> None:
    for kind in ("audio", "file", "image", "video"):
        blocks: list[Any] = [{"type": kind, "url": "https://e.org/x"}]
        with pytest.raises(ConfigurationError, match=f"openai has no {kind} block in an assistant message"):
            spelled(AIMessage(content_blocks=blocks))
    with pytest.raises(ConfigurationError, match="no image block"):
        spelled(answer(IMAGE, provider="b"))


def test_a_result_finds_its_call_wherever_it_stands() -> None:
    call, result = answer(CODE).content_blocks
    blocks: list[ContentBlock] = [call, {"type": "text", "text": "a", "id": "msg_1"}, result]
    own = {"model_provider": "openai"}
    assert spelled(AIMessage(content_blocks=blocks, response_metadata=own)) == [CODE, whole(said("a"))]


def test_an_answer_that_does_not_say_whose_it_is_goes_back_without_ids() -> None:
    said_so = answer(ENCRYPTED, said("Hi"), CALL)
    assert spelled(AIMessage(content_blocks=said_so.content_blocks)) == [
        ENCRYPTED,
        {"role": "assistant", "content": "Hi"},
        {key: value for key, value in CALL.items() if key != "id"},
    ]


def test_results_and_pieces_of_server_tools_without_their_call_are_left_out() -> None:
    lost = "server_tool_call_chunk block of the history was left out: it cannot be sent back"
    blocks: list[Any] = [
        {"type": "server_tool_call_chunk", "id": "a", "name": "web_search"},
        {"type": "server_tool_result", "tool_call_id": "a", "status": "success"},
    ]
    assert spelled(AIMessage(content_blocks=blocks), warnings=[lost]) == []
