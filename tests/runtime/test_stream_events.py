"""The field's event records of a model call."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from tidewire import ConfigurationError, RunnableConfig, init_chat_model, open_run
from tidewire.adapters.script import Fail, Reply
from tidewire.events.errors import BadRequestError
from tidewire.events.stream_events import RecordFilter, RecordMaker, StreamEvent
from tidewire.events.types import Custom, End, Run, Start, Token


async def records(**filters: Any) -> list[StreamEvent]:
    model = init_chat_model("embedded:demo", script=[Reply(["Hi", " there"])])
    config: RunnableConfig = {"tags": ["t"], "metadata": {"m": 1}, "run_name": "greeting"}
    return [record async for record in model.astream_events("Hello", config, **filters)]


async def test_a_call_is_a_start_its_chunks_and_an_end() -> None:
    seen = await records()
    assert [record["event"] for record in seen] == [
        "on_chat_model_start",
        "on_chat_model_stream",
        "on_chat_model_stream",
        "on_chat_model_stream",
        "on_chat_model_end",
    ]
    assert seen[0]["data"] == {"input": "Hello"}
    assert [record["data"]["chunk"].text for record in seen[1:4]] == ["Hi", " there", ""]
    assert seen[4]["data"]["output"].text == "Hi there"
    assert {record["name"] for record in seen} == {"greeting"}
    assert len({record["run_id"] for record in seen}) == 1
    assert (seen[0]["tags"], seen[0]["parent_ids"]) == (["t"], [])
    assert seen[0]["metadata"]["m"] == 1


async def test_metadata_says_which_model_it_is_and_how_it_is_asked() -> None:
    model = init_chat_model("embedded:demo", temperature=0.5, stop=["x"], metadata={"ls_model_name": "mine"})
    async for record in model.astream_events("Hello"):
        assert record["metadata"] == {
            "ls_provider": "embedded",
            "ls_model_type": "chat",
            "ls_model_name": "mine",
            "ls_temperature": 0.5,
            "ls_stop": ["x"],
        }


async def test_a_failed_call_has_an_error_record_and_raises() -> None:
    model = init_chat_model("embedded:demo", script=[Fail(status=400)], max_retries=0)
    seen: list[StreamEvent] = []
    with pytest.raises(BadRequestError):
        async for record in model.astream_events("Hello"):
            seen.append(record)
    assert [record["event"] for record in seen] == ["on_chat_model_start", "on_chat_model_error"]
    assert isinstance(seen[1]["data"]["error"], BadRequestError)


async def test_parent_ids_begin_with_the_outermost_run() -> None:
    model = init_chat_model("embedded:demo")
    async with open_run("outer") as outer, open_run("inner") as inner:
        seen = [record async for record in model.astream_events("Hello")]
    assert seen[0]["parent_ids"] == [str(outer.run.id), str(inner.run.id)]


@pytest.mark.parametrize(
    ("filters", "shown"),
    [
        ({"include_names": ["greeting"]}, True),
        ({"include_types": ["chat_model"]}, True),
        ({"include_tags": ["t", "other"]}, True),
        ({"include_names": ["other"], "include_tags": ["t"]}, True),
        ({"include_types": ["tool"]}, False),
        ({"exclude_names": ["greeting"]}, False),
        ({"exclude_types": ["chat_model"]}, False),
        ({"exclude_tags": ["t"]}, False),
        ({"include_names": ["greeting"], "exclude_tags": ["t"]}, False),
    ],
)
async def test_runs_are_filtered_by_name_type_and_tag(filters: dict[str, list[str]], shown: bool) -> None:
    assert bool(await records(**filters)) == shown


async def test_leaving_early_stops_the_call() -> None:
    outcomes: list[str] = []

    def hear(run: Run, event: object) -> None:
        if isinstance(event, End):
            outcomes.append(event.outcome)

    model = init_chat_model("embedded:demo")
    async with model.astream_events("Hello", {"callbacks": hear}) as stream:
        async for record in stream:
            if record["event"] == "on_chat_model_stream":
                break
    assert outcomes == ["abandoned"]


def test_another_version_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="no version 'v1'"):
        init_chat_model("embedded:demo").astream_events("Hello", version="v1")


def test_events_of_the_users_own_are_records_by_their_name() -> None:
    run = Run(id=uuid4(), kind="chain", name="c")
    maker = RecordMaker(run)
    custom = maker.record(Custom("note", {"x": 1}))
    assert custom is not None
    assert (custom["event"], custom["name"], custom["data"]) == ("on_custom_event", "note", {"x": 1})
    start = maker.record(Start({"q": 1}))
    assert start is not None
    assert (start["event"], start["data"]) == ("on_chain_start", {"input": {"q": 1}})
    assert maker.record(Token("a")) is None
    left = maker.record(End("abandoned"))
    assert left is not None
    assert left["event"] == "on_chain_error"
    assert RecordFilter().shows(run)


@pytest.mark.parametrize(
    "argument", [f"{how}clude_{what}" for how in ("in", "ex") for what in ("names", "types", "tags")]
)
def test_a_text_is_no_list_of_what_is_shown(argument: str) -> None:
    shown: dict[str, Any] = {argument: "chat_model"}
    with pytest.raises(ConfigurationError, match=rf"write {argument}=\['chat_model'\]"):
        init_chat_model("embedded:demo").astream_events("x", **shown)
