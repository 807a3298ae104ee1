import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidewire.events.errors import ConfigurationError
from tidewire.events.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
from tidewire.events.serial import dumpd, dumps, load, loads

TALK = [
    SystemMessage("be kind"),
    HumanMessage(["é", {"type": "image", "url": "https://a"}], name="ann"),
    AIMessage("hm", tool_calls=[{"name": "f", "args": {"x": [1, None]}, "id": "1"}]),
    ToolMessage("1", tool_call_id="1", artifact={"a": 1}),
]


@pytest.mark.parametrize("pretty", [True, False])
def test_what_is_written_is_read_again(pretty: bool) -> None:
    assert loads(dumps(TALK, pretty=pretty)) == TALK
    assert load(dumpd(TALK)) == TALK
    assert loads(dumps([])) == []
    for message in TALK:
        assert loads(dumps(message, pretty=pretty)) == message
        assert loads(dumps(message).encode()) == message
        assert load(dumpd(message)) == message
    assert ("\n" in dumps(TALK, pretty=pretty)) is pretty


@given(st.text())
def test_any_text_is_kept(text: str) -> None:
    assert loads(dumps(HumanMessage(text))) == HumanMessage(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "3",
        "{",
        '{"type": "human"}',
        '{"lc": 1, "type": "constructor", "id": ["os", "system"], "kwargs": {}}',
        '{"type": "human", "data": {"content": "a"}}, {"type": "human", "data": {"content": "b"}}',
        b"\xff",
    ],
)
def test_what_is_no_message_is_refused(text: str | bytes) -> None:
    with pytest.raises(ConfigurationError):
        loads(text)
